/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One child, four pipes and a poll() loop. */
#include "ffmpeg.h"
#include "report.h"
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIPE_BYTES      (1 << 20) /* the most an ordinary user may ask for: raw frames are 3 MB each */
#define FD_INPUT        3
#define FD_PROGRESS     4
#define FD_FIRST_CLOSED 5
#define FD_OUT_OF_WAY   32 /* sources live above the targets, so that no dup2 lands on one */
#define REPORT_EVERY_US 300000

static const struct {
    const char *name, *path;
} PROGRAMS[] = {
    {"ffmpeg", "/usr/bin/ffmpeg"},
    {"ffprobe", "/usr/bin/ffprobe"},
    {"pdfinfo", "/usr/bin/pdfinfo"},
    {"pdftocairo", "/usr/bin/pdftocairo"},
};

/* Nothing of our environment is the child's business. */
static char *const ENVIRONMENT[] = {
    (char *)"LC_ALL=C.UTF-8",
    (char *)"HOME=/nonexistent",
    (char *)"PATH=/usr/bin",
    (char *)"AV_LOG_FORCE_NOCOLOR=1",
    NULL,
};

typedef struct Child {
    const FfmpegRun *run;
    pid_t pid;
    int in, out, err, progress; /* our ends; -1 when closed */
    GString *complaint;         /* tail of standard error */
    GString *progress_line;
    const uint8_t *piece; /* what standard input still has to get */
    size_t piece_size;
    int64_t started_us, reported_us, deadline_us;
} Child;

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static bool fail_errno(GError **error, const char *what)
{
    int saved = errno;
    g_set_error(error, REPORT_ERROR, REPORT_ERROR_PROGRAM, "%s: %s", what, g_strerror(saved));
    return false;
}

/* Makes a pipe whose ends both lie out of the way of the child's numbers. */
static bool make_pipe(int ends[2], GError **error)
{
    int raw[2];
    if (pipe2(raw, O_CLOEXEC) < 0)
        return fail_errno(error, "could not make a pipe");
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(raw[i], F_DUPFD_CLOEXEC, FD_OUT_OF_WAY);
        (void)close(raw[i]);
    }
    if (ends[0] < 0 || ends[1] < 0) {
        close_fd(&ends[0]);
        close_fd(&ends[1]);
        return fail_errno(error, "could not make a pipe");
    }
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES); /* less is only slower */
    return true;
}

static char **build_argv(const FfmpegRun *run)
{
    GPtrArray *argv = g_ptr_array_new();
    g_ptr_array_add(argv, g_strdup(run->program));
    if (g_str_has_prefix(run->program, "ff")) {
        g_ptr_array_add(argv, g_strdup("-hide_banner"));
        g_ptr_array_add(argv, g_strdup("-loglevel"));
        g_ptr_array_add(argv, g_strdup("error"));
    }
    if (g_str_equal(run->program, "ffmpeg")) {
        if (run->feed == NULL)
            g_ptr_array_add(argv, g_strdup("-nostdin"));
        g_ptr_array_add(argv, g_strdup("-nostats"));
        if (run->stage != NULL || run->ret_done_us != NULL) {
            g_ptr_array_add(argv, g_strdup("-progress"));
            g_ptr_array_add(argv, g_strdup_printf("pipe:%d", FD_PROGRESS));
        }
    }
    for (size_t i = 0; run->arguments[i] != NULL; i++)
        g_ptr_array_add(argv, g_strdup(run->arguments[i]));
    g_ptr_array_add(argv, NULL);
    return (char **)g_ptr_array_free(argv, FALSE);
}

static const char *program_path(const char *program)
{
    for (size_t i = 0; i < G_N_ELEMENTS(PROGRAMS); i++)
        if (g_str_equal(PROGRAMS[i].name, program))
            return PROGRAMS[i].path;
    g_assert_not_reached();
}

/* ends: in, out, err, progress; [0] is read, [1] is written. */
static bool spawn(Child *child, int ends[4][2], GError **error)
{
    const FfmpegRun *run = child->run;
    int input = -1;
    if (run->input_fd >= 0) {
        input = fcntl(run->input_fd, F_DUPFD_CLOEXEC, FD_OUT_OF_WAY);
        if (input < 0)
            return fail_errno(error, "could not hand the input over");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0][0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1][1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[2][1], STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[3][1], FD_PROGRESS);
    if (input >= 0)
        posix_spawn_file_actions_adddup2(&actions, input, FD_INPUT);
    posix_spawn_file_actions_addclosefrom_np(&actions, FD_FIRST_CLOSED);

    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t standard;
    sigemptyset(&standard);
    sigaddset(&standard, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &standard);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);

    g_auto(GStrv) argv = build_argv(run);
    int status = posix_spawn(&child->pid, program_path(run->program), &actions, &attributes, argv,
                             ENVIRONMENT);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close_fd(&input);
    if (status != 0) {
        child->pid = -1;
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_PROGRAM, "could not start %s: %s",
                    run->program, g_strerror(status));
        return false;
    }
    if (run->cpu_seconds > 0) {
        struct rlimit limit = {run->cpu_seconds, run->cpu_seconds};
        if (prlimit(child->pid, RLIMIT_CPU, &limit, NULL) < 0)
            return fail_errno(error, "could not limit the processor time");
    }
    return true;
}

static bool child_start(Child *child, GError **error)
{
    int ends[4][2] = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    bool is_started = true;
    for (int i = 0; i < 4 && is_started; i++)
        is_started = make_pipe(ends[i], error);
    is_started = is_started && spawn(child, ends, error);
    close_fd(&ends[0][0]);
    for (int i = 1; i < 4; i++)
        close_fd(&ends[i][1]);
    child->in = ends[0][1];
    child->out = ends[1][0];
    child->err = ends[2][0];
    child->progress = ends[3][0];
    if (!is_started)
        return false;
    if (child->run->feed == NULL)
        close_fd(&child->in);
    else
        (void)fcntl(child->in, F_SETFL, O_NONBLOCK);
    return true;
}

/* ffmpeg's lines are key=value; a block ends with progress=. Of those we need the time that is
 * written. */
static void read_progress_line(Child *child, const char *line)
{
    const FfmpegRun *run = child->run;
    if (!g_str_has_prefix(line, "out_time_us="))
        return;
    int64_t done_us = g_ascii_strtoll(line + strlen("out_time_us="), NULL, 10);
    if (run->ret_done_us != NULL && done_us > 0)
        *run->ret_done_us = done_us;
    int64_t now_us = g_get_monotonic_time();
    if (run->stage == NULL || run->expected_us <= 0 ||
        now_us - child->reported_us < REPORT_EVERY_US)
        return;
    double share = CLAMP((double)done_us / (double)run->expected_us, 0.0, 1.0);
    double spent = (double)(now_us - child->started_us) / 1e6;
    double eta = share > 0.01 ? spent / share - spent : -1;
    child->reported_us = now_us;
    report_progress(run->stage, run->percent_from + share * (run->percent_to - run->percent_from),
                    eta);
}

static void read_progress(Child *child, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != '\n' && child->progress_line->len < 256) {
            g_string_append_c(child->progress_line, data[i]);
            continue;
        }
        read_progress_line(child, child->progress_line->str);
        g_string_truncate(child->progress_line, 0);
    }
}

static void keep_complaint(Child *child, const char *data, size_t size)
{
    g_string_append_len(child->complaint, data, (gssize)size);
    if (child->complaint->len > FFMPEG_STDERR_KEPT)
        g_string_erase(child->complaint, 0, (gssize)(child->complaint->len - FFMPEG_STDERR_KEPT));
}

static bool feed_more(Child *child, GError **error)
{
    if (child->piece_size == 0) {
        if (!child->run->feed(child->run->user, &child->piece, &child->piece_size, error))
            return false;
        if (child->piece_size == 0) {
            close_fd(&child->in);
            return true;
        }
    }
    ssize_t written = write(child->in, child->piece, child->piece_size);
    if (written >= 0) {
        child->piece += written;
        child->piece_size -= (size_t)written;
    } else if (errno == EPIPE) {
        close_fd(&child->in); /* it died: its exit status tells the rest */
    } else if (errno != EAGAIN && errno != EINTR) {
        return fail_errno(error, "could not write to the encoder");
    }
    return true;
}

/* Reads what is there. At the end of the stream *fd becomes -1. */
static bool drain(Child *child, int *fd, GError **error)
{
    static uint8_t buffer[65536]; /* one thread, one child at a time */
    ssize_t count = read(*fd, buffer, sizeof buffer);
    if (count < 0)
        return errno == EINTR || errno == EAGAIN ? true : fail_errno(error, "could not read");
    if (count == 0) {
        close_fd(fd);
        return true;
    }
    if (fd == &child->err)
        keep_complaint(child, (const char *)buffer, (size_t)count);
    else if (fd == &child->progress)
        read_progress(child, (const char *)buffer, (size_t)count);
    else if (child->run->take != NULL)
        return child->run->take(child->run->user, buffer, (size_t)count, error);
    return true;
}

static bool child_converse(Child *child, GError **error)
{
    while (child->out >= 0 || child->err >= 0 || child->progress >= 0) {
        int wait_ms = -1;
        if (child->deadline_us != 0) {
            int64_t left_us = child->deadline_us - g_get_monotonic_time();
            if (left_us <= 0) {
                g_set_error(error, REPORT_ERROR, REPORT_ERROR_TIMEOUT,
                            "%s took longer than %u seconds", child->run->program,
                            child->run->timeout_seconds);
                return false;
            }
            wait_ms = (int)(left_us / 1000 + 1);
        }
        struct pollfd polled[] = {
            {.fd = child->out, .events = POLLIN},
            {.fd = child->err, .events = POLLIN},
            {.fd = child->progress, .events = POLLIN},
            {.fd = child->in, .events = POLLOUT},
        };
        if (poll(polled, G_N_ELEMENTS(polled), wait_ms) < 0 && errno != EINTR)
            return fail_errno(error, "could not wait");
        int *fds[] = {&child->out, &child->err, &child->progress};
        for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
            if (*fds[i] >= 0 && polled[i].revents != 0 && !drain(child, fds[i], error))
                return false;
        if (child->in >= 0 && polled[3].revents != 0 && !feed_more(child, error))
            return false;
    }
    return true;
}

static const char *last_line(GString *text)
{
    g_strchomp(text->str);
    const char *newline = strrchr(text->str, '\n');
    return newline != NULL ? newline + 1 : text->str;
}

static bool child_finish(Child *child, bool is_well, GError **error)
{
    close_fd(&child->in);
    close_fd(&child->out);
    close_fd(&child->err);
    close_fd(&child->progress);
    if (child->pid <= 0)
        return false;
    if (!is_well)
        (void)kill(child->pid, SIGKILL);
    int status = 0;
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!is_well || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return is_well;
    (void)fprintf(stderr, "%s: %s\n", child->run->program, child->complaint->str);
    if (WIFSIGNALED(status) && child->run->cpu_seconds > 0 &&
        (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU))
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_TIMEOUT,
                    "%s took more than %u seconds of processor time", child->run->program,
                    child->run->cpu_seconds);
    else if (WIFSIGNALED(status))
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_PROGRAM, "%s was ended by signal %d",
                    child->run->program, WTERMSIG(status));
    else
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_PROGRAM, "%s gave up: %s",
                    child->run->program, last_line(child->complaint));
    return false;
}

bool ffmpeg_run(const FfmpegRun *run, GError **error)
{
    int64_t now_us = g_get_monotonic_time();
    Child child = {
        .run = run,
        .pid = -1,
        .complaint = g_string_new(NULL),
        .progress_line = g_string_new(NULL),
        .started_us = now_us,
        .deadline_us =
            run->timeout_seconds > 0 ? now_us + (int64_t)run->timeout_seconds * 1000000 : 0,
    };
    /* A child that dies while we write must be an errno, not our own death. */
    void (*previous)(int) = signal(SIGPIPE, SIG_IGN);
    bool is_well = child_start(&child, error) && child_converse(&child, error);
    is_well = child_finish(&child, is_well, error);
    (void)signal(SIGPIPE, previous);
    g_string_free(child.complaint, TRUE);
    g_string_free(child.progress_line, TRUE);
    return is_well;
}

typedef struct Kept {
    GString *text;
    size_t limit;
} Kept;

static bool keep(void *user, const uint8_t *data, size_t size, GError **error)
{
    Kept *kept = user;
    if (kept->text->len + size > kept->limit) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_PROGRAM,
                    "the program wrote more than %zu bytes", kept->limit);
        return false;
    }
    g_string_append_len(kept->text, (const char *)data, (gssize)size);
    return true;
}

char *ffmpeg_read(const FfmpegRun *run, size_t limit, GError **error)
{
    return ffmpeg_read_sized(run, limit, NULL, error);
}

char *ffmpeg_read_sized(const FfmpegRun *run, size_t limit, size_t *ret_size, GError **error)
{
    Kept kept = {.text = g_string_new(NULL), .limit = limit};
    FfmpegRun own = *run;
    own.take = keep;
    own.user = &kept;
    bool is_well = ffmpeg_run(&own, error);
    if (is_well && ret_size != NULL)
        *ret_size = kept.text->len;
    return g_string_free(kept.text, !is_well);
}

/* A 4K film in HEVC takes 1.4 GiB of address space to decode and as much to scale and encode. */
#define MEMORY_BYTES (UINT64_C(6) << 30)
#define PROCESSES    512 /* counts the threads of all jobs of this user */

bool ffmpeg_sandbox(const char *input, const char *folder, GError **error)
{
    const char *read_paths[] = {input, NULL};
    const char *may_exec[G_N_ELEMENTS(PROGRAMS) + 1] = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(PROGRAMS); i++)
        may_exec[i] = PROGRAMS[i].path;
    SandboxPolicy policy = {
        .read_paths = read_paths,
        .write_folder = folder,
        .may_exec = may_exec,
        .memory_bytes = MEMORY_BYTES,
        .processes = PROCESSES,
        .open_files = 256,
    };
    return sandbox_enter(&policy, error);
}
