/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The host of display halves: first picture, plugins good and bad, timers, messages, arrangement,
 * snapshot. Without a server: the link has tests of its own. */
#include "core/test_folder.h"
#include "media/screen/display_private.h"
#include <stdlib.h>
#include <string.h>

#define LIMIT_US (20 * G_USEC_PER_SEC)

typedef struct {
    int starts, stops, ticks, messages, draws, replies, runs, ends;
    int status;
    bool wants_draw;
    char *last_channel;
    GThread *work_thread;
} Seen;

static Seen seen;

/* Warnings are collected, not printed; what is worse ends the test. */
static GString *warnings;

static GLogWriterOutput write_log(GLogLevelFlags level, const GLogField *fields, gsize count,
                                  gpointer data)
{
    if (!(level & G_LOG_LEVEL_WARNING))
        return g_log_writer_default(level, fields, count, data);
    for (gsize i = 0; i < count; i++)
        if (!strcmp(fields[i].key, "MESSAGE"))
            g_string_append_printf(warnings, "%s\n", (const char *)fields[i].value);
    return G_LOG_WRITER_HANDLED;
}

static void assert_warned(const char *part)
{
    if (!strstr(warnings->str, part))
        g_error("no warning says '%s' in:\n%s", part, warnings->str);
    g_string_truncate(warnings, 0);
}

typedef struct {
    int64_t size;
    const char *word;
} GoodSettings;

static bool good_start(Serambi *self, GError **error)
{
    seen.starts++;
    const GoodSettings *settings = serambi_settings(self);
    g_assert_cmpint(settings->size, ==, 7);
    g_assert_cmpstr(settings->word, ==, "halo");
    g_assert_cmpstr(serambi_word(self, "id", "no.such.key"), ==, "no.such.key");
    g_assert_cmpstr(serambi_display_id(self), ==, "");
    g_assert_cmpint(serambi_now_us(self), >, 1600000000 * (int64_t)G_USEC_PER_SEC);
    return true;
}

static void good_stop(Serambi *self)
{
    seen.stops++;
}

static void on_message(Serambi *self, const char *channel, const json_t *body)
{
    seen.messages++;
    g_free(seen.last_channel);
    seen.last_channel = g_strdup(channel);
}

static void on_tick(Serambi *self)
{
    seen.ticks++;
}

static bool prepare(Serambi *self, int64_t now_us)
{
    bool was = seen.wants_draw;
    seen.wants_draw = false;
    return was;
}

static void draw(Serambi *self, SerambiCanvas *canvas)
{
    int width, height, screen_height;
    serambi_canvas_size(canvas, &width, &height, &screen_height);
    g_assert_cmpint(width, >, 0);
    g_assert_cmpint(screen_height, ==, 360);
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "sky", 1, 0);
    seen.draws++;
}

static const SerambiWatch watches[] = {
    {"good:news", on_message}, {"displays:screen.{self}", on_message}, {0}};
static const SerambiTimer timers[] = {{"tick", 1, on_tick}, {0}};
static const SerambiLayer layers[] = {{"picture", "picture", 5, prepare, draw}, {0}};
static const SerambiSetting settings[] = {
    {"size", SERAMBI_INT, offsetof(GoodSettings, size), "7", 1, 9, NULL, "A number"},
    {"word", SERAMBI_TEXT, offsetof(GoodSettings, word), "halo", 1, 9, NULL, "A word"},
    {0}};
static const SerambiPlugin good = {.abi = SERAMBI_ABI,
                                   .size = sizeof(SerambiPlugin),
                                   .id = "good",
                                   .version = "1",
                                   .summary = "Does all that it may",
                                   .places = SERAMBI_ON_DISPLAY,
                                   .state_size = 8,
                                   .settings_size = sizeof(GoodSettings),
                                   .settings = settings,
                                   .display_watches = watches,
                                   .display_timers = timers,
                                   .layers = layers,
                                   .display_start = good_start,
                                   .display_stop = good_stop};

static bool bad_start(Serambi *self, GError **error)
{
    seen.starts++;
    g_set_error(error, STAGE_ERROR, STAGE_ERROR_VIDEO, "it does not want to");
    return false;
}

static const SerambiLayer bad_layers[] = {{"all", "screen", 99, prepare, draw}, {0}};
static const SerambiPlugin bad = {.abi = SERAMBI_ABI,
                                  .size = sizeof(SerambiPlugin),
                                  .id = "bad",
                                  .version = "1",
                                  .summary = "Fails at its start",
                                  .places = SERAMBI_ON_DISPLAY,
                                  .layers = bad_layers,
                                  .display_start = bad_start,
                                  .display_stop = good_stop};

/* --- A display in a folder of its own --------------------------------------------------------- */

static const SerambiPlugin *plugins[] = {&good, &bad, NULL};

static Display *display_open(const char *folder, const char *layout)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *snapshot = g_build_filename(folder, "picture.png", NULL);
    Display *display = display_new(&(DisplayOptions){.data_folder = folder,
                                                     .plugins_folder = "",
                                                     .worker = g_getenv("SERAMBI_WORKER"),
                                                     .layout = layout,
                                                     .snapshot = snapshot,
                                                     .width = 640,
                                                     .height = 360,
                                                     .plugins = plugins},
                                   &error);
    g_assert_no_error(error);
    return display;
}

static void forget(void)
{
    g_free(seen.last_channel);
    seen = (Seen){.wants_draw = true};
}

static Serambi *find(Display *display, const char *id)
{
    for (size_t i = 0; i < display->plugins->len; i++) {
        Serambi *self = g_ptr_array_index(display->plugins, i);
        if (!strcmp(self->plugin->id, id))
            return self;
    }
    return NULL;
}

static void turn_until(Display *display, const int *count, int wanted)
{
    int64_t limit_us = timeline_monotonic_us() + LIMIT_US;
    while (*count < wanted) {
        g_assert_cmpint(timeline_monotonic_us(), <, limit_us);
        g_assert_true(display_turn(display, 50000));
    }
}

static uint32_t pixel(Display *display, int x, int y)
{
    const Ground *ground = stage_ground(display_stage(display));
    return ground->pixels[y * ground->stride + x] & 0xFFFFFF;
}

static void on_run_done(Serambi *self, void *data)
{
    g_assert_true(g_thread_self() != seen.work_thread);
    seen.runs++;
}

static void run_work(void *data)
{
    seen.work_thread = g_thread_self();
}

static void on_reply(Serambi *self, int status, const json_t *body, void *data)
{
    seen.replies++;
    seen.status = status;
}

static void test_life(void)
{
    forget();
    g_autofree char *folder = g_dir_make_tmp("serambi-display-XXXXXX", NULL);
    Display *display = display_open(folder, NULL);
    /* The house is there before anything else was begun, and nothing is black. */
    g_assert_cmpint(display_first_frame_us(display), >, 0);
    g_assert_cmphex(pixel(display, 2, 2), ==, 0x14201C);
    g_assert_cmpint(seen.starts, ==, 0);

    display_start(display);
    assert_warned("'bad' is off: it does not want to");
    g_assert_cmpint(seen.starts, ==, 2);
    g_assert_cmpint(seen.stops, ==, 1);
    turn_until(display, &seen.draws, 1);
    g_assert_cmphex(pixel(display, 320, 100), ==, 0x7CC4EE);
    turn_until(display, &seen.ticks, 1);

    plugins_on_message(display, "good:news", NULL);
    plugins_on_message(display, "other:news", NULL);
    plugins_on_message(display, "displays:screen.7", NULL);
    g_assert_cmpint(seen.messages, ==, 1);
    g_free(display->id);
    display->id = g_strdup("7");
    plugins_on_message(display, "displays:screen.7", NULL);
    g_assert_cmpint(seen.messages, ==, 2);
    g_assert_cmpstr(seen.last_channel, ==, "displays:screen.7");

    Serambi *self = find(display, "good");
    serambi_run(self, run_work, on_run_done, g_strdup("data"), g_free);
    turn_until(display, &seen.runs, 1);
    serambi_call(self, "POST /api/good/report", json_object(), on_reply, NULL);
    turn_until(display, &seen.replies, 1);
    g_assert_cmpint(seen.status, ==, 0); /* there is no server */
    json_auto_t *status = serambi_display_status(self);
    g_assert_cmpint(json_integer_value(json_object_get(status, "width")), ==, 640);
    g_assert_cmpstr(json_string_value(json_object_get(status, "layout")), ==, "cinema");
    display_free(display);
    g_assert_cmpint(seen.stops, ==, 2);
    test_folder_remove(folder);
}

static void test_server_only(void)
{
    forget();
    g_autofree char *folder = g_dir_make_tmp("serambi-display-XXXXXX", NULL);
    plugins[1] = NULL;
    Display *display = display_open(folder, NULL);
    display_start(display);
    Serambi *self = find(display, "good");
    g_autoptr(GError) error = NULL;
    g_assert_null(serambi_query(self, &error, "SELECT 1", ""));
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_assert_null(serambi_new_folder(self, &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_assert_false(serambi_has_room(self, NULL));
    g_assert_false(serambi_is_beside(self, "", ""));
    g_assert_false(serambi_has(self, "sha256:00"));
    g_assert_null(serambi_kept_json(self, "sha256:00"));
    serambi_publish(self, "news", json_object());
    assert_warned("serambi_publish() was called on a display");
    g_autofree char *random = serambi_random_text(self, 16);
    g_autofree char *other = serambi_random_text(self, 16);
    g_assert_cmpuint(strlen(random), ==, 22);
    g_assert_cmpstr(random, !=, other);
    display_free(display);
    plugins[1] = &bad;
    test_folder_remove(folder);
}

static void on_clip_end(Serambi *self, SerambiClip *clip, const GError *error)
{
    g_assert_error(error, CLIP_ERROR, CLIP_ERROR_UNAVAILABLE);
    seen.ends++;
    serambi_clip_free(clip);
}

static void test_arrangement(void)
{
    forget();
    g_autofree char *folder = g_dir_make_tmp("serambi-display-XXXXXX", NULL);
    plugins[1] = NULL;
    Display *display = display_open(folder, NULL);
    display_start(display);
    Serambi *self = find(display, "good");
    serambi_display_arrange(self, "desk", 40);
    g_assert_cmpint(display->layout.kind, ==, LAYOUT_DESK);
    serambi_display_arrange(self, "no such layout", 400);
    g_assert_cmpint(display->layout.kind, ==, LAYOUT_DESK);
    g_assert_cmpint(display->volume_percent, ==, 100);
    serambi_display_arrange(self, "board", 60);
    SerambiClip *clip = serambi_clip_new(self, "sha256:00", serambi_now_us(self), 0, on_clip_end);
    g_assert_false(serambi_clip_is_ready(clip));
    turn_until(display, &seen.ends, 1);
    display_post_snapshot();
    g_autofree char *picture = g_build_filename(folder, "picture.png", NULL);
    int64_t limit_us = timeline_monotonic_us() + LIMIT_US;
    while (!g_file_test(picture, G_FILE_TEST_EXISTS)) {
        g_assert_cmpint(timeline_monotonic_us(), <, limit_us);
        display_turn(display, 50000);
    }
    display_free(display);
    /* As it was left, unless the command line says otherwise. */
    display = display_open(folder, NULL);
    g_assert_cmpint(display->layout.kind, ==, LAYOUT_BOARD);
    g_assert_cmpint(display->volume_percent, ==, 60);
    display_free(display);
    display = display_open(folder, "cinema");
    g_assert_cmpint(display->layout.kind, ==, LAYOUT_CINEMA);
    display_post_quit();
    while (display_turn(display, 50000))
        ;
    display_free(display);
    plugins[1] = &bad;
    test_folder_remove(folder);
}

static void test_wrong_settings(void)
{
    forget();
    g_autofree char *folder = g_dir_make_tmp("serambi-display-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "display.ini", NULL);
    g_assert_true(
        g_file_set_contents(path, "[display]\nlayout=circus\n[good]\nsize=7\n", -1, NULL));
    Display *display = display_open(folder, NULL);
    assert_warned("circus");
    g_assert_cmpint(display->layout.kind, ==, LAYOUT_CINEMA);
    g_assert_cmpint(display_first_frame_us(display), >, 0);
    display_free(display);
    test_folder_remove(folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    warnings = g_string_new(NULL);
    g_log_set_writer_func(write_log, NULL, NULL);
    g_test_add_func("/display/life", test_life);
    g_test_add_func("/display/server-only", test_server_only);
    g_test_add_func("/display/arrangement", test_arrangement);
    g_test_add_func("/display/wrong-settings", test_wrong_settings);
    int result = g_test_run();
    forget();
    g_string_free(warnings, TRUE);
    return result;
}
