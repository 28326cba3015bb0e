/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The display half: says hello until it is let in, then reports and follows its layout; draws
 * clock, QR card and, while it waits, the pairing code. */
#include "plugins/displays/displays.h"
#include <string.h>
#include <syslog.h>

/* Lines in the languages of the screen, one below the other. */
#define LANGUAGES 3

static Porch *porch_of(Serambi *self)
{
    return &((Displays *)serambi_state(self))->porch;
}

static bool take(bool *flag)
{
    bool was = *flag;
    *flag = false;
    return was;
}

/* Replaces *text by a copy; says whether it differs. */
static bool replace(char **text, const char *fresh)
{
    if (!g_strcmp0(*text, fresh))
        return false;
    g_free(*text);
    *text = g_strdup(fresh);
    return true;
}

/* --- Being let in --------------------------------------------------------------------------- */

static void on_hello(Serambi *self, int status, const json_t *body, void *data)
{
    Porch *porch = porch_of(self);
    if (status != 200)
        return;
    const char *state = json_string_value(json_object_get(body, "state"));
    porch->code_changed |= replace(&porch->code, json_string_value(json_object_get(body, "code")));
    if (!g_strcmp0(state, "paired"))
        serambi_display_reconnect(self);
}

static void say_hello(Serambi *self, const json_t *status)
{
    serambi_call(self, "POST /api/displays/hello",
                 json_pack("{s:O, s:O?, s:O, s:O}", "key", json_object_get(status, "key"), "proof",
                           json_object_get(status, "proof"), "width",
                           json_object_get(status, "width"), "height",
                           json_object_get(status, "height")),
                 on_hello, NULL);
}

static void report(Serambi *self, const json_t *status)
{
    json_t *body = json_deep_copy(status);
    json_object_del(body, "key");
    json_object_del(body, "proof");
    serambi_call(self, "POST /api/displays/report", body, NULL, NULL);
}

static void on_tick(Serambi *self)
{
    json_auto_t *status = serambi_display_status(self);
    if (!json_is_true(json_object_get(status, "online")))
        return;
    if (json_is_true(json_object_get(status, "paired"))) {
        Porch *porch = porch_of(self);
        porch->code_changed |= replace(&porch->code, NULL);
        report(self, status);
    } else {
        say_hello(self, status);
    }
}

static void on_screen(Serambi *self, const char *channel, const json_t *body)
{
    Porch *porch = porch_of(self);
    const char *layout = json_string_value(json_object_get(body, "layout"));
    porch->card_changed |=
        replace(&porch->public_url, json_string_value(json_object_get(body, "public_url")));
    if (layout)
        serambi_display_arrange(
            self, layout, (int)CLAMP(json_integer_value(json_object_get(body, "volume")), 0, 100));
}

/* --- Drawing -------------------------------------------------------------------------------- */

static bool prepare_clock(Serambi *self, int64_t now_us)
{
    Porch *porch = porch_of(self);
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_local(now_us / G_USEC_PER_SEC);
    char text[sizeof porch->clock];
    g_snprintf(text, sizeof text, "%02d.%02d", g_date_time_get_hour(now),
               g_date_time_get_minute(now));
    if (!strcmp(text, porch->clock))
        return false;
    g_strlcpy(porch->clock, text, sizeof porch->clock);
    return true;
}

static void draw_clock(Serambi *self, SerambiCanvas *canvas)
{
    serambi_draw_text(canvas, (SerambiBox){0, 0, 1, 1}, "clock", "ink", SERAMBI_CENTRE,
                      porch_of(self)->clock);
}

static bool prepare_card(Serambi *self, int64_t now_us)
{
    return take(&porch_of(self)->card_changed);
}

/* The code at one end, the words beside it; below it where the area is upright. */
static void draw_card(Serambi *self, SerambiCanvas *canvas)
{
    Porch *porch = porch_of(self);
    if (!porch->public_url || !*porch->public_url)
        return;
    int width = 0, height = 0, screen_height = 0;
    serambi_canvas_size(canvas, &width, &height, &screen_height);
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "leaf_plate", 0.95, 0.015);
    bool is_wide = width > height;
    double side = (is_wide ? height : width) * 0.84;
    double inset = (is_wide ? height : width) * 0.08;
    serambi_draw_qr(canvas,
                    (SerambiBox){inset / width, inset / height, side / width, side / height},
                    porch->public_url);
    SerambiBox words = is_wide ? (SerambiBox){(side + 2 * inset) / width, 0.08,
                                              1 - (side + 3 * inset) / width, 0.84}
                               : (SerambiBox){0.06, (side + 2 * inset) / height, 0.88,
                                              1 - (side + 3 * inset) / height};
    /* A narrow column would break three languages into letters too small to read: one, then. */
    size_t count = words.width * width < words.height * height ? 1 : LANGUAGES;
    for (size_t i = 0; i < count; i++)
        serambi_draw_text(canvas,
                          (SerambiBox){words.x, words.y + words.height * (double)i / (double)count,
                                       words.width, words.height / (double)count},
                          "small", i == 0 ? "ink" : "muted", SERAMBI_START,
                          serambi_word(self, serambi_display_language(self, i), "screen.scan_me"));
}

static bool prepare_code(Serambi *self, int64_t now_us)
{
    return take(&porch_of(self)->code_changed);
}

static void draw_code(Serambi *self, SerambiCanvas *canvas)
{
    Porch *porch = porch_of(self);
    if (!porch->code)
        return;
    /* Whoever sets a screen up needs one thing from it. */
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "paper", 1, 0);
    serambi_draw_plate(canvas, (SerambiBox){0.1, 0.16, 0.8, 0.66}, "leaf_plate", 1, 0.02);
    serambi_draw_text(canvas, (SerambiBox){0.14, 0.22, 0.72, 0.26}, "called_number", "leaf",
                      SERAMBI_CENTRE, porch->code);
    for (size_t i = 0; i < LANGUAGES; i++)
        serambi_draw_text(
            canvas, (SerambiBox){0.14, 0.52 + 0.09 * (double)i, 0.72, 0.09}, "body",
            i == 0 ? "ink" : "muted", SERAMBI_CENTRE,
            serambi_word(self, serambi_display_language(self, i), "screen.type_code"));
}

bool porch_start(Serambi *self, GError **error)
{
    return true;
}

void porch_stop(Serambi *self)
{
    Porch *porch = porch_of(self);
    g_clear_pointer(&porch->code, g_free);
    g_clear_pointer(&porch->public_url, g_free);
}

const SerambiWatch porch_watches[] = {
    {"displays:screen.{self}", on_screen},
    {0},
};

const SerambiTimer porch_timers[] = {
    {"hello", 5, on_tick},
    {0},
};

const SerambiLayer porch_layers[] = {
    {"clock", "clock", 32, prepare_clock, draw_clock},
    {"card", "card", 25, prepare_card, draw_card},
    {"code", "screen", 80, prepare_code, draw_code},
    {0},
};
