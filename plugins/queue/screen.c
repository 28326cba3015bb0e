/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The display half: the board, the now-serving chip, and the spotlight of a fresh call. */
#include "plugins/queue/queue.h"
#include <string.h>

/* A call that is older when it arrives is not shown large any more. */
#define STALE_CALL_US (60 * G_USEC_PER_SEC)
#define BOARD_ROWS    6
#define CALLS_MAX     50

#define RIGHT_TO_LEFT_MARK "\xe2\x80\x8f"

static QueueScreen *screen_of(Serambi *self)
{
    return &((Queue *)serambi_state(self))->screen;
}

static void shown_call_free(QueueShownCall *call)
{
    g_free(call->ticket);
    g_free(call->counter);
    g_free(call);
}

static void on_board(Serambi *self, const char *channel, const json_t *body)
{
    QueueScreen *screen = screen_of(self);
    if (screen->board && json_equal(screen->board, body))
        return;
    json_decref(screen->board);
    screen->board = json_deep_copy(body);
    screen->board_changed = screen->chip_changed = true;
}

static bool is_stale(Serambi *self, int64_t called_us)
{
    return serambi_now_us(self) - called_us > STALE_CALL_US;
}

/* Numbers of calls begin again with a new database, times go on. */
static bool is_new_call(QueueScreen *screen, int64_t call, int64_t called_us)
{
    if (call <= screen->last_call && called_us <= screen->last_called_us)
        return false;
    screen->last_call = call;
    screen->last_called_us = called_us;
    return true;
}

static void on_call(Serambi *self, const char *channel, const json_t *body)
{
    QueueScreen *screen = screen_of(self);
    const char *ticket = json_string_value(json_object_get(body, "ticket"));
    const char *counter = json_string_value(json_object_get(body, "counter"));
    int64_t called_us = json_integer_value(json_object_get(body, "called_us"));
    if (!ticket || !counter ||
        !is_new_call(screen, json_integer_value(json_object_get(body, "call")), called_us) ||
        is_stale(self, called_us) || g_queue_get_length(&screen->calls) >= CALLS_MAX)
        return;
    QueueShownCall *call = g_new0(QueueShownCall, 1);
    call->ticket = g_strdup(ticket);
    call->counter = g_strdup(counter);
    call->called_us = called_us;
    g_queue_push_tail(&screen->calls, call);
}

/* The catalogue's text with {counter} filled in; g_free(). */
static char *counter_line(Serambi *self, const char *language, const char *key, const char *counter)
{
    g_auto(GStrv) parts = g_strsplit(serambi_word(self, language, key), "{counter}", -1);
    return g_strjoinv(counter, parts);
}

static bool take(bool *flag)
{
    bool was = *flag;
    *flag = false;
    return was;
}

/* --- Board and chip ------------------------------------------------------------------------- */

static bool prepare_board(Serambi *self, int64_t now_us)
{
    return take(&screen_of(self)->board_changed);
}

static bool prepare_chip(Serambi *self, int64_t now_us)
{
    return take(&screen_of(self)->chip_changed);
}

static void draw_row(Serambi *self, SerambiCanvas *canvas, const json_t *call, double y,
                     double height, bool is_newest)
{
    const char *ticket = json_string_value(json_object_get(call, "ticket"));
    const char *counter = json_string_value(json_object_get(call, "counter"));
    if (!ticket || !counter)
        return;
    serambi_draw_plate(canvas, (SerambiBox){0.04, y, 0.92, height * 0.9},
                       is_newest ? "amber_plate" : "leaf_plate", 1, 0.012);
    serambi_draw_text(canvas, (SerambiBox){0.08, y, 0.50, height * 0.9}, "board_number",
                      is_newest ? "amber" : "ink", SERAMBI_START, ticket);
    g_autofree char *line =
        counter_line(self, serambi_display_language(self, 0), "screen.counter", counter);
    serambi_draw_text(canvas, (SerambiBox){0.58, y, 0.34, height * 0.9}, "body",
                      is_newest ? "amber" : "ink", SERAMBI_END, line);
}

/* In the first of the screen's languages that it has; borrowed. */
static const char *service_name(Serambi *self, const json_t *names)
{
    const char *language, *name = NULL;
    for (size_t i = 0; !name && (language = serambi_display_language(self, i)); i++)
        name = json_string_value(json_object_get(names, language));
    return name;
}

static void draw_waiting(Serambi *self, SerambiCanvas *canvas, const json_t *waiting, double y,
                         double height)
{
    size_t count = json_array_size(waiting);
    size_t index;
    json_t *service;
    json_array_foreach(waiting, index, service)
    {
        double row = height / (double)MAX(count, 1);
        double at = y + row * (double)index;
        const char *name = service_name(self, json_object_get(service, "name"));
        g_autofree char *waits = g_strdup_printf(
            "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(service, "count")));
        serambi_draw_text(canvas, (SerambiBox){0.06, at, 0.74, row}, "small", "muted",
                          SERAMBI_START, name ? name : "");
        serambi_draw_text(canvas, (SerambiBox){0.80, at, 0.14, row}, "small", "ink", SERAMBI_END,
                          waits);
    }
}

static void draw_board(Serambi *self, SerambiCanvas *canvas)
{
    QueueScreen *screen = screen_of(self);
    const json_t *now = json_object_get(screen->board, "now");
    serambi_draw_text(canvas, (SerambiBox){0.04, 0, 0.92, 0.088}, "body", "leaf", SERAMBI_START,
                      serambi_word(self, serambi_display_language(self, 0), "screen.now_serving"));
    serambi_draw_text(canvas, (SerambiBox){0.04, 0.086, 0.92, 0.058}, "small", "muted",
                      SERAMBI_START,
                      serambi_word(self, serambi_display_language(self, 1), "screen.now_serving"));
    const double top = 0.15, row = 0.102;
    size_t index;
    json_t *call;
    json_array_foreach(now, index, call)
    {
        if (index == BOARD_ROWS)
            break;
        draw_row(self, canvas, call, top + row * (double)index, row, index == 0);
    }
    if (json_array_size(now) == 0)
        serambi_draw_text(
            canvas, (SerambiBox){0.06, top, 0.88, 0.2}, "body", "muted", SERAMBI_CENTRE,
            serambi_word(self, serambi_display_language(self, 0), "screen.nobody_called"));
    const json_t *waiting = json_object_get(screen->board, "waiting");
    if (json_array_size(waiting) == 0)
        return;
    serambi_draw_text(canvas, (SerambiBox){0.04, 0.762, 0.92, 0.06}, "small", "leaf", SERAMBI_START,
                      serambi_word(self, serambi_display_language(self, 0), "screen.waiting"));
    draw_waiting(self, canvas, waiting, 0.822, 0.17);
}

static void draw_chip(Serambi *self, SerambiCanvas *canvas)
{
    const json_t *call = json_array_get(json_object_get(screen_of(self)->board, "now"), 0);
    const char *ticket = json_string_value(json_object_get(call, "ticket"));
    const char *counter = json_string_value(json_object_get(call, "counter"));
    if (!ticket || !counter)
        return;
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "amber_plate", 1, 0.015);
    const char *language = serambi_display_language(self, 0);
    g_autofree char *short_line = counter_line(self, language, "screen.counter", counter);
    /* A number is Latin: without its mark the line would read from the left in Arabic too. */
    bool is_rtl = !g_strcmp0(language, "ar");
    g_autofree char *line =
        g_strdup_printf(is_rtl ? RIGHT_TO_LEFT_MARK "%s  \xe2\x97\x82  %s" : "%s  \xe2\x96\xb8  %s",
                        ticket, short_line);
    serambi_draw_text(canvas, (SerambiBox){0.04, 0.08, 0.92, 0.84}, "ticker", "amber",
                      SERAMBI_CENTRE, line);
}

/* --- Spotlight ------------------------------------------------------------------------------ */

/* Ends the call that is shown, and those behind it that have become too old meanwhile. */
static void drop_shown(Serambi *self)
{
    QueueScreen *screen = screen_of(self);
    screen->shown_until_us = 0;
    shown_call_free(g_queue_pop_head(&screen->calls));
    const QueueShownCall *call;
    while ((call = g_queue_peek_head(&screen->calls)) && is_stale(self, call->called_us))
        shown_call_free(g_queue_pop_head(&screen->calls));
}

static bool prepare_spotlight(Serambi *self, int64_t now_us)
{
    QueueScreen *screen = screen_of(self);
    const QueueSettings *settings = serambi_settings(self);
    if (g_queue_is_empty(&screen->calls) ||
        (screen->shown_until_us != 0 && now_us < screen->shown_until_us))
        return false;
    if (screen->shown_until_us != 0)
        drop_shown(self);
    if (!g_queue_is_empty(&screen->calls))
        screen->shown_until_us = now_us + settings->spotlight_seconds * G_USEC_PER_SEC;
    return true;
}

static void draw_spotlight(Serambi *self, SerambiCanvas *canvas)
{
    const QueueShownCall *call = g_queue_peek_head(&screen_of(self)->calls);
    if (!call)
        return;
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "amber_plate", 1, 0.02);
    serambi_draw_text(canvas, (SerambiBox){0.03, 0.04, 0.94, 0.48}, "called_number", "amber",
                      SERAMBI_CENTRE, call->ticket);
    /* The second and third language beside each other where there is room for them. */
    static const SerambiBox wide[] = {
        {0.03, 0.53, 0.94, 0.21}, {0.03, 0.75, 0.46, 0.18}, {0.51, 0.75, 0.46, 0.18}};
    static const SerambiBox narrow[] = {
        {0.03, 0.53, 0.94, 0.16}, {0.03, 0.69, 0.94, 0.12}, {0.03, 0.81, 0.94, 0.12}};
    int width = 0, height = 0;
    serambi_canvas_size(canvas, &width, &height, NULL);
    const SerambiBox *boxes = width > 2 * height ? wide : narrow;
    for (size_t i = 0; i < G_N_ELEMENTS(wide); i++) {
        g_autofree char *line = counter_line(self, serambi_display_language(self, i),
                                             "screen.go_to_counter", call->counter);
        serambi_draw_text(canvas, boxes[i], i == 0 ? "heading" : "body", i == 0 ? "ink" : "amber",
                          SERAMBI_CENTRE, line);
    }
}

/* --- Life ----------------------------------------------------------------------------------- */

bool screen_start(Serambi *self, GError **error)
{
    g_queue_init(&screen_of(self)->calls);
    screen_of(self)->board_changed = true;
    return true;
}

void screen_stop(Serambi *self)
{
    QueueScreen *screen = screen_of(self);
    g_clear_pointer(&screen->board, json_decref);
    g_queue_clear_full(&screen->calls, (GDestroyNotify)shown_call_free);
}

const SerambiWatch screen_watches[] = {
    {"queue:board", on_board},
    {"queue:calls", on_call},
    {0},
};

const SerambiLayer screen_layers[] = {
    {"board", "board", 20, prepare_board, draw_board},
    {"chip", "chip", 31, prepare_chip, draw_chip},
    {"spotlight", "spotlight", 50, prepare_spotlight, draw_spotlight},
    {0},
};
