/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Starts and ends programs. */
#include "lobby.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_US (20 * G_USEC_PER_SEC)
#define POLL_US 10000
/* Nobody is there: the screen plays on from its own disk. */
#define NO_SERVER "http://127.0.0.1:9"

struct Lobby {
    LobbyOptions options;
    char *screen_folder, *data, *files, *plugins;
    pid_t xvfb, display;
};

static bool fail(GError **error, const char *what)
{
    int saved = errno;
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(saved), "%s: %s", what,
                g_strerror(saved));
    return false;
}

static char *make_folder(const char *parent, const char *name)
{
    char *path = g_build_filename(parent, name, NULL);
    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
    return path;
}

/* A child that dies with us. */
static void on_child(gpointer data)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static bool start(pid_t *ret_pid, char **argv, char **environment, GError **error)
{
    return g_spawn_async(NULL, argv, environment,
                         G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH |
                             G_SPAWN_STDOUT_TO_DEV_NULL,
                         on_child, NULL, ret_pid, error);
}

/* Has it ended? Then *pid is 0 and the status is set. */
static bool has_ended(pid_t *pid, int *ret_status)
{
    int status;
    if (*pid == 0 || waitpid(*pid, &status, WNOHANG) != *pid)
        return *pid == 0;
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    *pid = 0;
    return true;
}

static int end(pid_t *pid)
{
    int status = -1;
    if (*pid == 0)
        return status;
    (void)kill(*pid, SIGTERM);
    for (int64_t waited_us = 0; !has_ended(pid, &status) && waited_us < WAIT_US;
         waited_us += POLL_US)
        g_usleep(POLL_US);
    if (*pid != 0) {
        (void)kill(*pid, SIGKILL);
        (void)waitpid(*pid, NULL, 0);
        *pid = 0;
    }
    return status;
}

/* --- The screen ------------------------------------------------------------------------------- */

static bool start_screen(Lobby *lobby, GError **error)
{
    g_autofree char *name = g_strdup_printf(":%d", lobby->options.screen);
    g_autofree char *size =
        g_strdup_printf("%dx%dx24", lobby->options.width, lobby->options.height);
    g_autofree char *socket = g_strdup_printf("/tmp/.X11-unix/X%d", lobby->options.screen);
    char *argv[] = {(char *)"Xvfb", name, (char *)"-screen", (char *)"0", size, (char *)"-fbdir",
                    lobby->screen_folder, (char *)"-nolisten", (char *)"tcp",
                    /* else it begins anew, black, when its last client goes */
                    (char *)"-noreset", NULL};
    if (g_file_test(socket, G_FILE_TEST_EXISTS)) {
        errno = EEXIST;
        return fail(error, socket);
    }
    if (!start(&lobby->xvfb, argv, NULL, error))
        return false;
    int status = 0;
    for (int64_t waited_us = 0; waited_us < WAIT_US; waited_us += POLL_US) {
        if (g_file_test(socket, G_FILE_TEST_EXISTS))
            return true;
        if (has_ended(&lobby->xvfb, &status))
            break;
        g_usleep(POLL_US);
    }
    errno = ETIMEDOUT;
    return fail(error, "Xvfb did not start");
}

/* --- What a display has on its disk ----------------------------------------------------------- */

static bool remember(const Lobby *lobby, const char *channel, json_t *body, GError **error)
{
    g_autofree char *folder = make_folder(lobby->data, "remembered");
    g_autofree char *name = g_strconcat(channel, ".json", NULL);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    json_auto_t *value = json_pack("{s:s, s:s, s:i, s:o}", "channel", channel, "epoch", "test",
                                   "offset", 1, "body", body);
    char *text = json_dumps(value, JSON_COMPACT);
    bool is_well = g_file_set_contents(path, text, -1, error);
    free(text);
    return is_well;
}

static json_t *slot_table(const Schedule *schedule)
{
    json_t *slots = json_array();
    for (guint i = 0; i < schedule->slots->len; i++) {
        const Slot *slot = &g_array_index(schedule->slots, Slot, i);
        json_array_append_new(
            slots, json_pack("{s:i, s:o, s:I, s:f, s:{}, s:{}}", "tutorial", slot->film->number,
                             "media", json_sprintf("sha256:%s", slot->film->hash), "duration_us",
                             (json_int_t)(slot->end_us - slot->start_us), "gain_db", 0.0, "title",
                             "captions"));
    }
    return json_pack("{s:I, s:o}", "start_us",
                     (json_int_t)g_array_index(schedule->slots, Slot, 0).start_us, "slots", slots);
}

static json_t *announcement(void)
{
    return json_pack("{s:[{s:i, s:{s:s}, s:s}]}", "announcements", "id", 1, "text", "en",
                     "The reading room is open until eight in the evening, on Saturdays until noon",
                     "urgency", "normal");
}

/* --- The presenter ---------------------------------------------------------------------------- */

static bool link_plugin(const Lobby *lobby, const char *name, GError **error)
{
    g_autofree char *from = g_build_filename(lobby->options.build, "plugins", name, NULL);
    g_autofree char *to = g_build_filename(lobby->plugins, name, NULL);
    return symlink(from, to) == 0 || fail(error, to);
}

static bool start_display(Lobby *lobby, GError **error)
{
    const LobbyOptions *options = &lobby->options;
    g_autofree char *program =
        g_build_filename(options->build, "media", "screen", "serambi-display", NULL);
    g_autofree char *worker =
        g_build_filename(options->build, "media", "worker", "serambi-media", NULL);
    g_autofree char *window = g_strdup_printf("%dx%d", options->width, options->height);
    g_autofree char *screen = g_strdup_printf(":%d", options->screen);
    char *argv[] = {program,
                    (char *)"--server",
                    (char *)NO_SERVER,
                    (char *)"--data",
                    lobby->data,
                    (char *)"--window",
                    window,
                    (char *)"--plugins",
                    lobby->plugins,
                    (char *)"--worker",
                    worker,
                    (char *)"--layout",
                    (char *)(uintptr_t)options->layout,
                    NULL};
    char **environment = g_get_environ();
    environment = g_environ_setenv(environment, "DISPLAY", screen, TRUE);
    environment = g_environ_setenv(environment, "SDL_VIDEODRIVER", "x11", TRUE);
    environment = g_environ_setenv(environment, "SDL_AUDIODRIVER",
                                   options->pulse ? "pulseaudio" : "dummy", TRUE);
    if (options->pulse)
        environment = g_environ_setenv(environment, "PULSE_SERVER", options->pulse, TRUE);
    bool is_well = start(&lobby->display, argv, environment, error);
    g_strfreev(environment);
    return is_well;
}

bool lobby_show(Lobby *lobby, const Schedule *schedule, GError **error)
{
    return remember(lobby, "programme:slots", slot_table(schedule), error) &&
           link_plugin(lobby, "programme.so", error) &&
           (!lobby->options.has_ticker ||
            (remember(lobby, "announcements:live", announcement(), error) &&
             link_plugin(lobby, "announcements.so", error))) &&
           start_display(lobby, error);
}

/* --- Life ------------------------------------------------------------------------------------- */

Lobby *lobby_new(const LobbyOptions *options, GError **error)
{
    Lobby *lobby = g_new0(Lobby, 1);
    lobby->options = *options;
    lobby->screen_folder = make_folder(options->folder, "screen");
    lobby->data = make_folder(options->folder, "data");
    lobby->files = make_folder(lobby->data, "files");
    lobby->plugins = make_folder(options->folder, "plugins");
    if (start_screen(lobby, error))
        return lobby;
    lobby_free(lobby);
    return NULL;
}

const char *lobby_screen_folder(const Lobby *lobby)
{
    return lobby->screen_folder;
}

const char *lobby_files_folder(const Lobby *lobby)
{
    return lobby->files;
}

pid_t lobby_display(Lobby *lobby)
{
    int status = 0;
    (void)has_ended(&lobby->display, &status);
    return lobby->display;
}

int lobby_end(Lobby *lobby)
{
    int status = end(&lobby->display);
    (void)end(&lobby->xvfb);
    return status;
}

void lobby_free(Lobby *lobby)
{
    if (!lobby)
        return;
    (void)lobby_end(lobby);
    g_free(lobby->screen_folder);
    g_free(lobby->data);
    g_free(lobby->files);
    g_free(lobby->plugins);
    g_free(lobby);
}
