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

/* --- What is kept --------------------------------------------------------------------------- */

typedef struct {
    char *path;
    int64_t used_ns, bytes;
} KeptSentence;

static void kept_free(void *data)
{
    g_free(((KeptSentence *)data)->path);
    g_free(data);
}

static gint compare_ages(gconstpointer a, gconstpointer b)
{
    const KeptSentence *left = *(KeptSentence *const *)a, *right = *(KeptSentence *const *)b;
    return (left->used_ns > right->used_ns) - (left->used_ns < right->used_ns);
}

static int64_t changed_ns(const struct stat *status)
{
    return status->st_mtim.tv_sec * INT64_C(1000000000) + status->st_mtim.tv_nsec;
}

/* What was used longest ago goes, until half of the room is free again: not one for each new one,
 * for looking at them all takes a while. */
static void forget_oldest(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(kept_free);
    int64_t bytes = 0;
    for (const char *name = dir ? g_dir_read_name(dir) : NULL; name; name = g_dir_read_name(dir)) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        struct stat status;
        if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        KeptSentence *kept = g_new0(KeptSentence, 1);
        *kept = (KeptSentence){g_steal_pointer(&path), changed_ns(&status), status.st_size};
        g_ptr_array_add(list, kept);
        bytes += kept->bytes;
    }
    if (list->len <= SPEECH_FILES_MAX && bytes <= SPEECH_BYTES_MAX)
        return;
    g_ptr_array_sort(list, compare_ages);
    size_t files = list->len;
    for (size_t i = 0; files > SPEECH_FILES_MAX / 2 || bytes > SPEECH_BYTES_MAX / 2; i++) {
        const KeptSentence *kept = g_ptr_array_index(list, i);
        (void)g_unlink(kept->path);
        bytes -= kept->bytes;
        files--;
    }
}

/* The kept sentence, which is now the youngest. */
static Sound *read_kept(const char *path)
{
    Sound *kept = sound_read_wav(path, NULL);
    if (kept)
        (void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
    return kept;
}

/* --- The voice ------------------------------------------------------------------------------ */

static gint compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Changes whenever a recording comes, goes or is another; NULL: there is no recorded voice.
 * g_free(). */
static char *fingerprint(const char *voice)
{
    g_autoptr(GDir) dir = g_dir_open(voice, 0, NULL);
    if (!dir)
        return NULL;
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    while ((name = g_dir_read_name(dir)) && lines->len < SPEECH_RECORDINGS_MAX) {
        g_autofree char *path = g_build_filename(voice, name, NULL);
        struct stat status;
        if (stat(path, &status) == 0)
            g_ptr_array_add(lines,
                            g_strdup_printf("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, name,
                                            (int64_t)status.st_size, changed_ns(&status)));
    }
    g_ptr_array_sort(lines, compare_texts);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (size_t i = 0; i < lines->len; i++) {
        const char *line = g_ptr_array_index(lines, i);
        g_checksum_update(sum, (const guchar *)line, (gssize)strlen(line) + 1);
    }
    return g_strdup(g_checksum_get_string(sum));
}

/* Names the file of a sentence in a voice. g_free(). */
static char *file_name(const char *language, const char *text, const char *recordings)
{
    g_autofree char *said =
        g_strdup_printf("%d %s %s:%s", SPEECH_VOICE, recordings ? recordings : "", language, text);
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, said, -1);
}

static bool run_worker(const char *worker, const char *language, const char *text,
                       const char *voice, const char *output, int stop_fd, GError **error)
{
    const char *argv[11] = {worker, "speak", "--language", language, "--output", output};
    size_t count = 6;
    if (voice) {
        argv[count++] = "--input";
        argv[count++] = voice;
    }
    argv[count++] = "--";
    argv[count++] = text;
    pid_t pid = spawn((char *const *)(uintptr_t)argv);
    if (pid < 0) {
        g_set_error(error, SPEECH_ERROR, SPEECH_ERROR_WORKER, "could not start '%s': %s", worker,
                    g_strerror(errno));
        return false;
    }
    if (wait_for(pid, stop_fd))
        return true;
    g_set_error(error, SPEECH_ERROR, SPEECH_ERROR_WORKER, "the worker could not say '%s:%s'",
                language, text);
    return false;
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
    g_autofree char *data = g_path_get_dirname(folder);
    g_autofree char *voice = g_build_filename(data, "voices", language, NULL);
    g_autofree char *recordings = fingerprint(voice);
    g_autofree char *hash = file_name(language, text, recordings);
    g_autofree char *path = g_strdup_printf("%s/%s.wav", folder, hash);
    Sound *kept = read_kept(path);
    if (kept)
        return kept;
    if (g_mkdir_with_parents(folder, 0700) != 0) {
        g_set_error(error, SPEECH_ERROR, SPEECH_ERROR_WORKER, "could not make '%s': %s", folder,
                    g_strerror(errno));
        return NULL;
    }
    g_autofree char *fresh = g_strdup_printf("%s/.%s-%d.wav", folder, hash, (int)gettid());
    bool is_made =
        run_worker(worker, language, text, recordings ? voice : NULL, fresh, stop_fd, error);
    if (is_made && g_rename(fresh, path) != 0) {
        is_made = false;
        g_set_error(error, SPEECH_ERROR, SPEECH_ERROR_WORKER, "could not keep '%s': %s", path,
                    g_strerror(errno));
    }
    if (!is_made) {
        (void)g_unlink(fresh);
        return NULL;
    }
    forget_oldest(folder);
    return sound_read_wav(path, error);
}
