/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * For tests of display halves: recorders in the place of the display. A test includes this once and
 * defines nothing of core/plugin.h itself. Clips live until the half frees them; drawings are noted
 * as one line of text each. */
#pragma once
#include "core/plugin.h"
#include <string.h>

struct SerambiClip {
    Serambi *house;
    char *source;
    int64_t start_us;
    double gain_db;
    SerambiClipEnd on_end;
};

struct Serambi {
    void *state;
    const void *settings;
    int64_t now_us;
    GPtrArray *clips; /* SerambiClip that are alive, oldest first */
    GString *made;    /* sources of all clips ever made, one a line */
    GString *drawn;   /* since the last look */
    GHashTable *kept; /* sources that are on the disk; value: JSON text */
    json_t *wanted;   /* newest list of serambi_want() */
    json_t *status;   /* of serambi_display_status() */
    json_t *calls;    /* bodies of serambi_call(), with the route as "route" */
    json_t *answer;   /* to the next call; NULL: not reached */
    bool refuses_clips;
    int reconnects, volume;
    char layout[16];
    int canvas_height; /* px of 1080; 0: 200 */
};

static inline void clip_destroy(void *data)
{
    SerambiClip *clip = data;
    g_free(clip->source);
    g_free(clip);
}

static inline Serambi *house_new(void *state, const void *settings)
{
    Serambi *self = g_new0(Serambi, 1);
    self->state = state;
    self->settings = settings;
    self->now_us = INT64_C(1795420800000000);
    self->clips = g_ptr_array_new_with_free_func(clip_destroy);
    self->made = g_string_new(NULL);
    self->drawn = g_string_new(NULL);
    self->kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->calls = json_array();
    return self;
}

static inline void house_free(Serambi *self)
{
    g_assert_cmpuint(self->clips->len, ==, 0); /* a half frees what it made */
    g_ptr_array_unref(self->clips);
    (void)g_string_free(self->made, TRUE);
    (void)g_string_free(self->drawn, TRUE);
    g_hash_table_unref(self->kept);
    json_decref(self->wanted);
    json_decref(self->status);
    json_decref(self->calls);
    json_decref(self->answer);
    g_free(self);
}

/* Hands a message to the half that watches its channel; takes body. */
static inline void house_tell(Serambi *self, const SerambiWatch *watches, const char *channel,
                              json_t *body)
{
    while (watches->channel && strcmp(watches->channel, channel))
        watches++;
    g_assert_nonnull(watches->channel);
    watches->on_message(self, channel, body);
    json_decref(body);
}

static Serambi *drawing_house; /* which draws now */

/* Runs prepare() of a layer, and draw() when it asks for it; the drawing, or NULL. */
static inline const char *house_look(Serambi *self, const SerambiLayer *layers, const char *name)
{
    while (layers->name && strcmp(layers->name, name))
        layers++;
    g_assert_nonnull(layers->name);
    if (!layers->prepare(self, self->now_us))
        return NULL;
    g_string_truncate(self->drawn, 0);
    drawing_house = self;
    layers->draw(self, NULL);
    return self->drawn->str;
}

static inline SerambiClip *house_clip(Serambi *self, guint index)
{
    return index < self->clips->len ? self->clips->pdata[index] : NULL;
}

static inline void house_end_clip(Serambi *self, SerambiClip *clip, const GError *error)
{
    clip->on_end(self, clip, error);
}

void *serambi_state(Serambi *self)
{
    return self->state;
}

const void *serambi_settings(Serambi *self)
{
    return self->settings;
}

int64_t serambi_now_us(Serambi *self)
{
    return self->now_us;
}

void serambi_log(Serambi *self, int syslog_level, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    g_autofree char *text = g_strdup_vprintf(format, values);
    va_end(values);
    g_test_message("%s", text);
}

/* Shows which word was asked for, "screen.counter@id {counter}"; letters are as if they were not in
 * the catalogue. */
const char *serambi_word(Serambi *self, const char *language, const char *key)
{
    const char *values = strstr(key, "counter") ? " {counter}" : "";
    if (strstr(key, "letter_"))
        return g_intern_string(key);
    if (!strcmp(key, "screen.comma"))
        return "-";
    if (!strcmp(key, "screen.call"))
        values = " {ticket} {counter}";
    g_autofree char *text = g_strconcat(key, "@", language, values, NULL);
    return g_intern_string(text);
}

const char *serambi_display_language(Serambi *self, size_t n)
{
    static const char *const languages[] = {"id", "en", "ar"};
    return n < G_N_ELEMENTS(languages) ? languages[n] : NULL;
}

SerambiClip *serambi_clip_new(Serambi *self, const char *source, int64_t start_us, double gain_db,
                              SerambiClipEnd on_end)
{
    g_string_append_printf(self->made, "%s\n", source);
    if (self->refuses_clips)
        return NULL;
    SerambiClip *clip = g_new0(SerambiClip, 1);
    *clip = (SerambiClip){self, g_strdup(source), start_us, gain_db, on_end};
    g_ptr_array_add(self->clips, clip);
    return clip;
}

void serambi_clip_free(SerambiClip *clip)
{
    if (clip)
        g_assert_true(g_ptr_array_remove(clip->house->clips, clip));
}

bool serambi_has(Serambi *self, const char *source)
{
    return g_hash_table_contains(self->kept, source);
}

json_t *serambi_kept_json(Serambi *self, const char *source)
{
    const char *text = g_hash_table_lookup(self->kept, source);
    return text ? json_loads(text, 0, NULL) : NULL;
}

void serambi_want(Serambi *self, const json_t *sources)
{
    json_decref(self->wanted);
    self->wanted = json_deep_copy(sources);
}

json_t *serambi_display_status(Serambi *self)
{
    return json_incref(self->status);
}

void serambi_display_reconnect(Serambi *self)
{
    self->reconnects++;
}

void serambi_display_arrange(Serambi *self, const char *layout, int volume_percent)
{
    (void)g_strlcpy(self->layout, layout, sizeof self->layout);
    self->volume = volume_percent;
}

void serambi_call(Serambi *self, const char *method_and_path, json_t *body,
                  void (*on_reply)(Serambi *self, int status, const json_t *body, void *data),
                  void *data)
{
    json_object_set_new(body, "route", json_string(method_and_path));
    json_array_append_new(self->calls, body);
    if (on_reply)
        on_reply(self, self->answer ? 200 : 0, self->answer, data);
}

/* --- Drawing -------------------------------------------------------------------------------------
 */

void serambi_canvas_size(SerambiCanvas *canvas, int *ret_width, int *ret_height,
                         int *ret_screen_height)
{
    if (ret_width)
        *ret_width = 400;
    if (ret_height)
        *ret_height = drawing_house->canvas_height ? drawing_house->canvas_height : 200;
    if (ret_screen_height)
        *ret_screen_height = 1080;
}

static inline void note_drawing(const char *what, SerambiBox box, const char *text)
{
    /* Nothing is drawn outside of its area. */
    g_assert_cmpfloat(box.x, >=, 0);
    g_assert_cmpfloat(box.y, >=, 0);
    g_assert_cmpfloat(box.x + box.width, <=, 1.0001);
    g_assert_cmpfloat(box.y + box.height, <=, 1.0001);
    g_assert_cmpfloat(box.width, >, 0);
    g_assert_cmpfloat(box.height, >, 0);
    g_string_append_printf(drawing_house->drawn, "%s %s\n", what, text);
}

void serambi_draw_plate(SerambiCanvas *canvas, SerambiBox box, const char *colour, double opacity,
                        double radius_px_share)
{
    note_drawing("plate", box, colour);
}

void serambi_draw_text(SerambiCanvas *canvas, SerambiBox box, const char *style, const char *colour,
                       SerambiAlign align, const char *text)
{
    note_drawing(style, box, text);
}

void serambi_draw_marked(SerambiCanvas *canvas, SerambiBox box, const char *style,
                         const char *colour, SerambiAlign align, const char *markup)
{
    note_drawing(style, box, markup);
}

void serambi_draw_caption(SerambiCanvas *canvas, const SerambiCaption *caption)
{
    g_string_append_printf(drawing_house->drawn, "caption at %g,%g by %g,%g within %g: %s\n",
                           caption->x, caption->y, caption->anchor_x, caption->anchor_y,
                           caption->width, caption->markup);
}

void serambi_draw_gliding(SerambiCanvas *canvas, SerambiBox box, const char *style,
                          const char *colour, int64_t start_us, const char *text)
{
    note_drawing("gliding", box, text);
}

void serambi_draw_qr(SerambiCanvas *canvas, SerambiBox box, const char *text)
{
    note_drawing("qr", box, text);
}

void serambi_draw_clip(SerambiCanvas *canvas, SerambiClip *clip, SerambiBox box)
{
    note_drawing("clip", box, clip->source);
}

void serambi_draw_clip_shaped(SerambiCanvas *canvas, SerambiClip *clip, SerambiBox box,
                              SerambiShape shape)
{
    static const char *const names[] = {"", "clip", "filling clip", "blurred clip"};
    note_drawing(names[shape], box, clip->source);
}
