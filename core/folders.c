/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Removal walks by file descriptors: a folder that becomes a link on the way is an error, not a
 * way out. */
#include "core/folders.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Deeper than any worker builds; the descriptors of the way down are open together. */
#define DEPTH_MAX 32

static bool set_errno(GError **error, const char *doing, const char *name)
{
    int code = errno;
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "%s '%s': %s", doing,
                name, g_strerror(code));
    return false;
}

char *folders_new(const char *data_folder, const char *owner, GError **error)
{
    g_autofree char *room = g_build_filename(data_folder, "work", owner, NULL);
    if (g_mkdir_with_parents(room, 0700) != 0) {
        (void)set_errno(error, "could not make the folder", room);
        return NULL;
    }
    g_autofree char *folder = g_build_filename(room, "XXXXXX", NULL);
    if (!g_mkdtemp_full(folder, 0700)) {
        (void)set_errno(error, "could not make a folder in", room);
        return NULL;
    }
    return g_steal_pointer(&folder);
}

bool folders_is_owned(const char *data_folder, const char *owner, const char *folder)
{
    g_autofree char *room = g_build_filename(data_folder, "work", owner, "/", NULL);
    if (!g_str_has_prefix(folder, room))
        return false;
    const char *name = folder + strlen(room);
    return *name && *name != '.' && !strchr(name, '/');
}

static bool remove_below(int parent, const char *name, int depth, GError **error);

/* Takes descriptor. */
static bool empty(int descriptor, const char *name, int depth, GError **error)
{
    DIR *dir = fdopendir(descriptor);
    if (!dir) {
        (void)close(descriptor);
        return set_errno(error, "could not read", name);
    }
    bool is_done = true;
    for (struct dirent *entry; is_done && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        is_done = unlinkat(descriptor, entry->d_name, 0) == 0 ||
                  remove_below(descriptor, entry->d_name, depth + 1, error);
    }
    (void)closedir(dir);
    return is_done;
}

static bool remove_below(int parent, const char *name, int depth, GError **error)
{
    int descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0)
        return set_errno(error, "could not remove", name);
    if (depth > DEPTH_MAX) {
        (void)close(descriptor);
        errno = ELOOP;
        return set_errno(error, "too deep to remove", name);
    }
    if (!empty(descriptor, name, depth, error))
        return false;
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 || set_errno(error, "could not remove", name);
}

bool folders_remove(const char *folder, GError **error)
{
    g_autofree char *room = g_path_get_dirname(folder);
    g_autofree char *name = g_path_get_basename(folder);
    int parent = open(room, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return set_errno(error, "could not open", room);
    bool is_done = remove_below(parent, name, 0, error);
    (void)close(parent);
    return is_done;
}
