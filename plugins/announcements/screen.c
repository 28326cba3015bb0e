/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The display half: the ticker glides through all that runs, an urgent message lies as a banner on
 * the picture, an emergency takes the whole screen. */
#include "plugins/announcements/announcements.h"
#include <string.h>

/* A text that fits into half a screen at the largest size. */
#define SHORT_CHARACTERS 90

/* Between two texts on the ticker; wide enough to be seen while it glides. */
#define TICKER_GAP "      \xe2\x80\xa2      "

static Notices *notices_of(Serambi *self)
{
    return &((Announcements *)serambi_state(self))->notices;
}

/* Every language of every message, on one line; NULL when there is nothing. g_free(). */
static char *ticker_line(Serambi *self, const json_t *list)
{
    g_autoptr(GString) line = g_string_new(NULL);
    size_t index;
    json_t *message;
    json_array_foreach(list, index, message)
    {
        const json_t *texts = json_object_get(message, "text");
        const char *language;
        for (size_t i = 0; (language = serambi_display_language(self, i)); i++) {
            const char *text = json_string_value(json_object_get(texts, language));
            if (!text)
                continue;
            if (line->len)
                g_string_append(line, TICKER_GAP);
            g_string_append(line, text);
        }
    }
    for (char *at = line->str; *at; at++)
        if (*at == '\n')
            *at = ' ';
    return line->len ? g_string_free(g_steal_pointer(&line), FALSE) : NULL;
}

/* The text of the first message of that urgency; borrowed from list. */
static json_t *first_text(const json_t *list, const char *urgency)
{
    size_t index;
    json_t *message;
    json_array_foreach(
        list, index, message) if (!g_strcmp0(json_string_value(json_object_get(message, "urgency")),
                                             urgency)) return json_object_get(message, "text");
    return NULL;
}

/* Replaces *text; says whether it differs. */
static bool replace_text(json_t **text, json_t *fresh)
{
    if (*text == fresh || (*text && fresh && json_equal(*text, fresh)))
        return false;
    json_decref(*text);
    *text = json_incref(fresh);
    return true;
}

static void on_live(Serambi *self, const char *channel, const json_t *body)
{
    Notices *notices = notices_of(self);
    const json_t *list = json_object_get(body, "announcements");
    g_autofree char *line = ticker_line(self, list);
    if (g_strcmp0(line, notices->ticker)) {
        g_free(notices->ticker);
        notices->ticker = g_steal_pointer(&line);
        notices->ticker_start_us = serambi_now_us(self);
        notices->ticker_changed = true;
    }
    if (replace_text(&notices->urgent, first_text(list, "urgent")))
        notices->banner_changed = true;
    if (replace_text(&notices->emergency, first_text(list, "emergency")))
        notices->takeover_changed = true;
}

static bool take(bool *flag)
{
    bool was = *flag;
    *flag = false;
    return was;
}

static bool prepare_ticker(Serambi *self, int64_t now_us)
{
    return take(&notices_of(self)->ticker_changed);
}

static bool prepare_banner(Serambi *self, int64_t now_us)
{
    return take(&notices_of(self)->banner_changed);
}

static bool prepare_takeover(Serambi *self, int64_t now_us)
{
    return take(&notices_of(self)->takeover_changed);
}

static void draw_ticker(Serambi *self, SerambiCanvas *canvas)
{
    Notices *notices = notices_of(self);
    if (notices->ticker)
        serambi_draw_gliding(canvas, (SerambiBox){0, 0, 1, 1}, "ticker", "ink",
                             notices->ticker_start_us, notices->ticker);
}

/* Share of the height: the first language twice, Arabic lines are higher than Latin ones. */
static double weight_of(const char *language, bool is_first)
{
    return (is_first ? 2 : 1) * (strcmp(language, "ar") ? 1 : 1.35);
}

/* The languages of a text below each other in box, the first one larger. */
static void draw_languages(Serambi *self, SerambiCanvas *canvas, SerambiBox box, const json_t *text,
                           const char *first_style, const char *first_colour)
{
    const char *language;
    double sum = 0;
    for (size_t i = 0; (language = serambi_display_language(self, i)); i++)
        if (json_object_get(text, language))
            sum += weight_of(language, sum == 0);
    bool is_first = true;
    for (size_t i = 0; (language = serambi_display_language(self, i)); i++) {
        const char *line = json_string_value(json_object_get(text, language));
        if (!line)
            continue;
        SerambiBox part = {box.x, box.y, box.width,
                           box.height * weight_of(language, is_first) / sum};
        serambi_draw_text(canvas, part, is_first ? first_style : "body",
                          is_first ? first_colour : "ink", SERAMBI_CENTRE, line);
        box.y += part.height;
        is_first = false;
    }
}

static void draw_banner(Serambi *self, SerambiCanvas *canvas)
{
    Notices *notices = notices_of(self);
    if (!notices->urgent)
        return;
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "amber_plate", 1, 0.02);
    draw_languages(self, canvas, (SerambiBox){0.03, 0.06, 0.94, 0.88}, notices->urgent, "heading",
                   "amber");
}

static void draw_takeover(Serambi *self, SerambiCanvas *canvas)
{
    Notices *notices = notices_of(self);
    if (!notices->emergency)
        return;
    /* As large as the whole screen allows; a long text begins smaller, for it must not be cut. */
    const char *first = NULL;
    for (size_t i = 0; !first && serambi_display_language(self, i); i++)
        first = json_string_value(
            json_object_get(notices->emergency, serambi_display_language(self, i)));
    bool is_short = first && g_utf8_strlen(first, -1) <= SHORT_CHARACTERS;
    const char *first_style = is_short ? "title" : "heading";
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "red", 1, 0);
    serambi_draw_plate(canvas, (SerambiBox){0.02, 0.035, 0.96, 0.93}, "paper", 1, 0.02);
    serambi_draw_text(canvas, (SerambiBox){0.06, 0.08, 0.88, 0.12}, "heading", "red",
                      SERAMBI_CENTRE,
                      serambi_word(self, serambi_display_language(self, 0), "screen.emergency"));
    draw_languages(self, canvas, (SerambiBox){0.06, 0.22, 0.88, 0.70}, notices->emergency,
                   first_style, "ink");
}

bool screen_start(Serambi *self, GError **error)
{
    return true;
}

void screen_stop(Serambi *self)
{
    Notices *notices = notices_of(self);
    g_clear_pointer(&notices->ticker, g_free);
    g_clear_pointer(&notices->urgent, json_decref);
    g_clear_pointer(&notices->emergency, json_decref);
}

const SerambiWatch screen_watches[] = {
    {"announcements:live", on_live},
    {0},
};

/* Heights: the picture 0, captions 10, boards 20, ticker 30, banner 40, call spotlight 50. An
 * emergency lies above all. */
const SerambiLayer screen_layers[] = {
    {"ticker", "ticker", 30, prepare_ticker, draw_ticker},
    {"banner", "banner", 40, prepare_banner, draw_banner},
    {"takeover", "screen", 90, prepare_takeover, draw_takeover},
    {0},
};
