/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The presenter's main(): command line, signals, watchdog. */
#include "media/screen/display.h"
#include "media/screen/timeline.h"
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Exit statuses for scripts (sysexits.h): 64 wrong command line, 69 no screen. */
#define EXIT_USAGE     64
#define EXIT_NO_SCREEN 69

#define LEAVE_WITHIN_SECONDS 3

typedef struct {
    char *server, *data, *window, *beside, *plugins, *worker, *config, *layout, *snapshot;
    gboolean is_fullscreen, is_version;
    int output;
} CommandLine;

static void command_line_clear(CommandLine *line)
{
    char *strings[] = {line->server, line->data,   line->window, line->beside,  line->plugins,
                       line->worker, line->config, line->layout, line->snapshot};
    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free(strings[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandLine, command_line_clear)

static bool parse(CommandLine *line, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"server", 0, 0, G_OPTION_ARG_STRING, &line->server, "Address of the server", "URL"},
        {"data", 0, 0, G_OPTION_ARG_FILENAME, &line->data, "Folder for key and cache", "DIR"},
        {"window", 0, 0, G_OPTION_ARG_STRING, &line->window, "A window of that size", "WxH"},
        {"fullscreen", 0, 0, G_OPTION_ARG_NONE, &line->is_fullscreen, "The whole screen", NULL},
        {"output", 0, 0, G_OPTION_ARG_INT, &line->output,
         "Which screen of this machine, 1 is the first", "N"},
        {"beside", 0, 0, G_OPTION_ARG_FILENAME, &line->beside,
         "The server's secrets/beside, if this screen stands beside it", "FILE"},
        {"plugins", 0, 0, G_OPTION_ARG_FILENAME, &line->plugins, "Folder of plugins", "DIR"},
        {"worker", 0, 0, G_OPTION_ARG_FILENAME, &line->worker, "The serambi-media program", "PATH"},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &line->config, "Settings file", "FILE"},
        {"layout", 0, 0, G_OPTION_ARG_STRING, &line->layout, "cinema, desk or board; fixed",
         "NAME"},
        {"snapshot", 0, 0, G_OPTION_ARG_FILENAME, &line->snapshot,
         "Where SIGUSR1 writes the picture as PNG", "FILE"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &line->is_version, "Says the version", NULL},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- shows Serambi on this screen");
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

/* "1280x720". */
static bool parse_size(const char *text, int *ret_width, int *ret_height)
{
    char rest;
    return sscanf(text, "%dx%d%c", ret_width, ret_height, &rest) == 2 && *ret_width >= 160 &&
           *ret_width <= 8192 && *ret_height >= 120 && *ret_height <= 8192;
}

/* The worker: as told, else beside this program, where build and installation put it. */
static char *find_worker(const char *told)
{
    if (told)
        return g_strdup(told);
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self ? self : ".");
    const char *const places[] = {"serambi-media", "../worker/serambi-media"};
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *path = g_build_filename(folder, places[i], NULL);
        if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
            return g_steal_pointer(&path);
    }
    char *path = g_find_program_in_path("serambi-media");
    return path ? path : g_strdup("serambi-media");
}

/* Signals are waited for in a thread of their own, so that their handling is ordinary code. */
static void *wait_for_signals(void *data)
{
    const sigset_t *signals = data;
    for (;;) {
        int number;
        if (sigwait(signals, &number) != 0)
            continue;
        if (number == SIGUSR2)
            return NULL; /* the main thread is done with us */
        if (number == SIGUSR1)
            display_post_snapshot();
        else
            display_post_quit();
    }
}

static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    sigaddset(signals, SIGUSR1);
    sigaddset(signals, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* sd_notify(3), which is a datagram: no library for one line. */
static void notify_systemd(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
        return;
    strcpy(address.sun_path, path);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    close(fd);
}

/* Half of what systemd allows; 0: it does not watch. */
static int64_t watchdog_us(void)
{
    const char *text = getenv("WATCHDOG_USEC");
    return text ? g_ascii_strtoll(text, NULL, 10) / 2 : 0;
}

/* A sound server that hangs must not hold the end up. */
static void leave(int number)
{
    (void)number;
    _exit(EXIT_SUCCESS);
}

static int run(const DisplayOptions *options)
{
    int64_t begin_us = timeline_monotonic_us();
    sigset_t signals;
    block_signals(&signals);
    g_autoptr(GError) error = NULL;
    Display *display = display_new(options, &error);
    if (!display) {
        fprintf(stderr, "serambi-display: %s\n", error->message);
        return EXIT_NO_SCREEN;
    }
    g_message("first frame after %" G_GINT64_FORMAT " ms",
              (display_first_frame_us(display) - begin_us) / 1000);
    pthread_t waiter;
    if (pthread_create(&waiter, NULL, wait_for_signals, &signals) != 0)
        g_error("no thread for signals");
    display_start(display);
    notify_systemd("READY=1");
    int64_t pat_us = watchdog_us(), next_pat_us = 0;
    while (display_turn(display, G_USEC_PER_SEC)) {
        int64_t now_us = timeline_monotonic_us();
        if (pat_us > 0 && now_us >= next_pat_us) {
            notify_systemd("WATCHDOG=1");
            next_pat_us = now_us + pat_us;
        }
    }
    notify_systemd("STOPPING=1");
    (void)signal(SIGALRM, leave);
    (void)alarm(LEAVE_WITHIN_SECONDS);
    pthread_kill(waiter, SIGUSR2);
    pthread_join(waiter, NULL);
    display_free(display);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    json_set_alloc_funcs(g_malloc, g_free);
    g_auto(CommandLine) line = {0};
    g_autoptr(GError) error = NULL;
    int width = 0, height = 0;
    if (!parse(&line, &argc, &argv, &error)) {
        fprintf(stderr, "serambi-display: %s\n", error->message);
        return EXIT_USAGE;
    }
    if (line.is_version) {
        puts("serambi-display " SERAMBI_VERSION);
        return EXIT_SUCCESS;
    }
    const char *wrong = argc > 1     ? "too many arguments"
                        : !line.data ? "--data DIR is missing"
                        : line.layout && !layout_kind(line.layout)
                            ? "--layout is cinema, desk or board"
                        : line.window && !parse_size(line.window, &width, &height)
                            ? "--window is WIDTHxHEIGHT, 160x120 to 8192x8192"
                        : line.output < 0 ? "--output is 1 or more"
                                          : NULL;
    if (wrong) {
        fprintf(stderr, "serambi-display: %s\n", wrong);
        return EXIT_USAGE;
    }
    g_autofree char *worker = find_worker(line.worker);
    return run(&(DisplayOptions){
        .server = line.server,
        .data_folder = line.data,
        .beside = line.beside,
        .plugins_folder = line.plugins,
        .worker = worker,
        .config = line.config,
        .layout = line.layout,
        .snapshot = line.snapshot,
        .width = line.is_fullscreen ? 0 : width,
        .height = line.is_fullscreen ? 0 : height,
        .output = line.output,
    });
}
