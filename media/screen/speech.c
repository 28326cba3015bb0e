/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Spoken sentences. */
#include "media/screen/speech.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

G_DEFINE_QUARK(speech - error - quark, speech_error)

extern char **environ;

/* The child gets no signal mask of ours, and nothing of its talk reaches our output. */
static pid_t spawn(char *const *argv)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, standard;
    sigemptyset(&none);
    sigemptyset(&standard);
    sigaddset(&standard, SIGPIPE);
    sigaddset(&standard, SIGTERM);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &standard);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t pid;
    int failed = posix_spawn(&pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    errno = failed;
    return failed ? -1 : pid;
}

/* True when the child ended well in time; in any case it is gone afterwards. */
static bool wait_for(pid_t pid, int stop_fd)
{
    int pid_fd = pidfd_open(pid, 0);
    struct pollfd fds[2] = {{.fd = pid_fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
    int ready;
    do
        ready = poll(fds, 2, SPEECH_TIMEOUT_MS);
    while (ready < 0 && errno == EINTR);
    if (ready <= 0 || !(fds[0].revents & POLLIN))
        kill(pid, SIGKILL);
    if (pid_fd >= 0)
        close(pid_fd);
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static gint compare_ages(gconstpointer a, gconstpointer b, gpointer folder)
{
    GStatBuf left = {0}, right = {0};
    g_autofree char *left_path = g_build_filename(folder, *(char *const *)a, NULL);
    g_autofree char *right_path = g_build_filename(folder, *(char *const *)b, NULL);
    (void)g_stat(left_path, &left);
    (void)g_stat(right_path, &right);
    return (left.st_mtime > right.st_mtime) - (left.st_mtime < right.st_mtime);
}

static void forget_oldest(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (const char *name = dir ? g_dir_read_name(dir) : NULL; name; name = g_dir_read_name(dir))
        g_ptr_array_add(names, g_strdup(name));
    if (names->len <= SPEECH_FILES_MAX)
        return;
    g_ptr_array_sort_with_data(names, compare_ages, (gpointer)(uintptr_t)folder);
    for (size_t i = 0; i < names->len / 2; i++) {
        g_autofree char *path = g_build_filename(folder, g_ptr_array_index(names, i), NULL);
        (void)g_unlink(path);
    }
}

Sound *speech_make(const char *worker, const char *folder, const char *language, const char *text,
                   int stop_fd, GError **error)
{
    static const char *const languages[] = {"id", "en", "ar", NULL};
    if (!g_strv_contains(languages, language) || !text[0] || strlen(text) > SPEECH_TEXT_MAX ||
        !g_utf8_validate(text, -1, NULL)) {
        g_set_error(error, SPEECH_ERROR, SPEECH_ERROR_TEXT, "nothing to say in '%s'", language);
        return NULL;
    }
    g_autofree char *said = g_strdup_printf("%s:%s", language, text);
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, said, -1);
    g_autofree char *name = g_strdup_printf("%s.wav", hash);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    Sound *kept = sound_read_wav(path, NULL);
    if (kept)
        return kept;
    g_autofree char *fresh = g_strdup_printf("%s/.%s-%d.wav", folder, hash, (int)gettid());
    char *argv[] = {(char *)(uintptr_t)worker,
                    (char *)(uintptr_t) "speak",
                    (char *)(uintptr_t) "--language",
                    (char *)(uintptr_t)language,
                    (char *)(uintptr_t) "--output",
                    fresh,
                    (char *)(uintptr_t) "--",
                    (char *)(uintptr_t)text,
                    NULL};
    if (g_mkdir_with_parents(folder, 0700) != 0) {
        g_set_error(error, SPEECH_ERROR, SPEECH_ERROR_WORKER, "could not make '%s': %s", folder,
                    g_strerror(errno));
        return NULL;
    }
    pid_t pid = spawn(argv);
    if (pid < 0) {
        g_set_error(error, SPEECH_ERROR, SPEECH_ERROR_WORKER, "could not start '%s': %s", worker,
                    g_strerror(errno));
        return NULL;
    }
    if (!wait_for(pid, stop_fd) || g_rename(fresh, path) != 0) {
        (void)g_unlink(fresh);
        g_set_error(error, SPEECH_ERROR, SPEECH_ERROR_WORKER, "the worker could not say '%s'",
                    said);
        return NULL;
    }
    forget_oldest(folder);
    return sound_read_wav(path, error);
}
