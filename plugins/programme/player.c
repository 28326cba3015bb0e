/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The display half: shows the slot that is due by the clock, has the next one ready before its
 * time, and draws the captions. When a clip can not be shown, the house slide below is seen until
 * the next slot. */
#include "plugins/programme/programme.h"
#include <string.h>
#include <syslog.h>

/* The next clip is opened this long before its time: decoders warm up in well under a second. */
#define READY_BEFORE_US (4 * G_USEC_PER_SEC)

static Player *player_of(Serambi *self)
{
    return &((Programme *)serambi_state(self))->player;
}

static bool take(bool *flag)
{
    bool was = *flag;
    *flag = false;
    return was;
}

/* --- Showings ------------------------------------------------------------------------------- */

static void showing_clear(Showing *showing)
{
    g_clear_pointer(&showing->clip, serambi_clip_free);
    g_clear_pointer(&showing->slot, json_decref);
    *showing = (Showing){0};
}

static void on_end(Serambi *self, SerambiClip *clip, const GError *error)
{
    Player *player = player_of(self);
    if (error)
        serambi_log(self, LOG_WARNING, "could not show a tutorial: %s, showing the house slide",
                    error->message);
    Showing *showing = clip == player->now.clip     ? &player->now
                       : clip == player->next.clip  ? &player->next
                       : clip == player->later.clip ? &player->later
                                                    : NULL;
    /* The last frame stays until the cut when the clip ended by itself. */
    if (showing && error) {
        g_clear_pointer(&showing->clip, serambi_clip_free);
        player->picture_changed = player->picture_changed || showing == &player->now;
    }
}

/* Opens the slot of time, unless its file is still on its way. */
static void showing_open(Serambi *self, Showing *showing, const SlotTime *time)
{
    Player *player = player_of(self);
    json_t *slot = json_array_get(json_object_get(player->table, "slots"), time->index);
    const char *media = json_string_value(json_object_get(slot, "media"));
    if (!media || !serambi_has(self, media))
        return;
    showing->time = *time;
    showing->slot = json_incref(slot);
    showing->clip = serambi_clip_new(self, media, time->start_us,
                                     json_number_value(json_object_get(slot, "gain_db")), on_end);
}

static bool is_same(const SlotTime *a, const SlotTime *b)
{
    return a->index == b->index && a->start_us == b->start_us;
}

/* The source of the cues in the i-th caption language of the slot on air; NULL: none. */
static const char *cues_source(Serambi *self, size_t i)
{
    const ProgrammeSettings *settings = serambi_settings(self);
    g_auto(GStrv) languages = g_strsplit(settings->caption_languages, "+", 2);
    if (i >= g_strv_length(languages))
        return NULL;
    return json_string_value(
        json_object_get(json_object_get(player_of(self)->now.slot, "captions"), languages[i]));
}

static void tell_track(Serambi *self, const char *source, unsigned left_out, unsigned ignored)
{
    if (left_out > 0)
        serambi_log(self, LOG_WARNING, "left out %u captions of %s that could not be read",
                    left_out, source);
    if (ignored > 0)
        serambi_log(self, LOG_NOTICE,
                    "%u captions of %s have settings that screens do not know, such as vertical: "
                    "showing them without these",
                    ignored, source);
}

/* Reads the tracks that are not here yet: their file may arrive after the clip began. */
static void load_tracks(Serambi *self)
{
    Player *player = player_of(self);
    for (size_t i = 0; i < G_N_ELEMENTS(player->tracks); i++) {
        const char *source = player->tracks[i] ? NULL : cues_source(self, i);
        if (!source || !serambi_has(self, source))
            continue;
        json_auto_t *document = serambi_kept_json(self, source);
        if (!document)
            continue;
        unsigned left_out, ignored;
        player->tracks[i] = track_new(document, &left_out, &ignored);
        tell_track(self, source, left_out, ignored);
    }
}

static void drop_tracks(Player *player)
{
    for (size_t i = 0; i < G_N_ELEMENTS(player->tracks); i++) {
        bool was_seen = player->due[i].count > 0;
        player->due[i].count = 0;
        player->captions_changed |= was_seen;
        player->placed_changed |= was_seen;
        g_clear_pointer(&player->tracks[i], track_free);
    }
}

static void change_tracks(Serambi *self)
{
    drop_tracks(player_of(self));
    load_tracks(self);
}

static void clear_now(Serambi *self)
{
    Player *player = player_of(self);
    if (!player->now.slot)
        return;
    showing_clear(&player->now);
    change_tracks(self);
    player->picture_changed = true;
}

/* Puts on air what is due: the showing that is ready, or a new one that joins in the middle. */
static void cut_to(Serambi *self, const SlotTime *due)
{
    Player *player = player_of(self);
    clear_now(self);
    if (player->next.slot && is_same(&player->next.time, due)) {
        player->now = player->next;
        player->next = player->later;
        player->later = (Showing){0};
    } else {
        showing_open(self, &player->now, due);
    }
    if (!player->now.slot)
        return;
    change_tracks(self);
    player->picture_changed = true;
}

/* Opens the slot behind `before` when it begins soon. What is ready for another time, after a jump
 * of the clock, is of no use. Returns false, and ret_coming untouched, when it is too early. */
static bool make_ready(Serambi *self, Showing *showing, const SlotTime *before, int64_t now_us,
                       SlotTime *ret_coming)
{
    bool is_soon = before->end_us - now_us < READY_BEFORE_US &&
                   slots_at(player_of(self)->table, before->end_us, ret_coming);
    if (showing->slot && (!is_soon || !is_same(&showing->time, ret_coming)))
        showing_clear(showing);
    if (is_soon && !showing->slot)
        showing_open(self, showing, ret_coming);
    return is_soon;
}

/* Brings what is shown in line with the clock. */
static void follow(Serambi *self, int64_t now_us)
{
    Player *player = player_of(self);
    SlotTime due, coming;
    if (!slots_at(player->table, now_us, &due)) {
        clear_now(self);
        showing_clear(&player->next);
        showing_clear(&player->later);
        return;
    }
    if (!player->now.slot || !is_same(&player->now.time, &due))
        cut_to(self, &due);
    SlotTime last;
    if (!make_ready(self, &player->next, &due, now_us, &coming) ||
        !make_ready(self, &player->later, &coming, now_us, &last))
        showing_clear(&player->later);
}

/* --- Captions ------------------------------------------------------------------------------- */

static void follow_captions(Serambi *self, int64_t now_us)
{
    Player *player = player_of(self);
    int64_t at_us = now_us - player->now.time.start_us;
    for (size_t i = 0; i < G_N_ELEMENTS(player->tracks); i++) {
        const Cue *cues[TRACK_AT_ONCE];
        size_t count = player->now.clip ? track_at(player->tracks[i], at_us, cues) : 0;
        if (count == player->due[i].count &&
            (count == 0 || !memcmp(cues, player->due[i].cues, count * sizeof *cues)))
            continue;
        if (count > 0)
            memcpy(player->due[i].cues, cues, count * sizeof *cues);
        player->due[i].count = count;
        player->captions_changed = player->placed_changed = true;
    }
}

/* One that has its own place brings all onto the picture, where they keep off each other. */
static bool are_placed(const Player *player)
{
    for (size_t i = 0; i < G_N_ELEMENTS(player->due); i++)
        for (size_t j = 0; j < player->due[i].count; j++)
            if (player->has_room && player->due[i].cues[j]->is_placed)
                return true;
    return false;
}

/* --- Layers --------------------------------------------------------------------------------- */

static bool prepare_picture(Serambi *self, int64_t now_us)
{
    follow(self, now_us);
    return take(&player_of(self)->picture_changed);
}

/* The slot's own, else that of this display. */
static SerambiShape shape_now(Serambi *self)
{
    const ProgrammeSettings *settings = serambi_settings(self);
    const char *own = json_string_value(json_object_get(player_of(self)->now.slot, "shape"));
    const char *shape = own ? own : settings->shape;
    return !g_strcmp0(shape, "fill")      ? SERAMBI_FILL
           : !g_strcmp0(shape, "blurred") ? SERAMBI_BLURRED
                                          : SERAMBI_FIT;
}

static void draw_picture(Serambi *self, SerambiCanvas *canvas)
{
    Player *player = player_of(self);
    int height, screen_height;
    serambi_canvas_size(canvas, NULL, &height, &screen_height);
    player->has_room = 2 * height >= screen_height;
    if (player->now.clip)
        serambi_draw_clip_shaped(canvas, player->now.clip, (SerambiBox){0, 0, 1, 1},
                                 shape_now(self));
}

static bool prepare_captions(Serambi *self, int64_t now_us)
{
    follow_captions(self, now_us);
    return take(&player_of(self)->captions_changed);
}

/* Share of the height: the first language is larger, and Arabic lines are higher than Latin ones.
 */
static double line_weight(const char *line, size_t i)
{
    bool is_arabic = false;
    for (const char *at = line; *at && !is_arabic; at = g_utf8_next_char(at))
        is_arabic = g_unichar_get_script(g_utf8_get_char(at)) == G_UNICODE_SCRIPT_ARABIC;
    return (i == 0 ? 1.2 : 1) * (is_arabic ? 1.2 : 1);
}

/* The cues of one language as one text; NULL: none. A cue's own line breaks suit a player's narrow
 * box; the area here breaks its lines itself. g_free() */
static char *lines_of(const Player *player, size_t i)
{
    GString *lines = g_string_new(NULL);
    for (size_t j = 0; j < player->due[i].count; j++) {
        g_autofree char *line = g_strdup(player->due[i].cues[j]->markup);
        g_string_append_printf(lines, "%s%s", j > 0 ? "\n" : "", g_strdelimit(line, "\n", ' '));
    }
    return g_string_free(lines, lines->len == 0);
}

static void draw_captions(Serambi *self, SerambiCanvas *canvas)
{
    Player *player = player_of(self);
    char *lines[PROGRAMME_CAPTIONS] = {0};
    double sum = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(lines) && !are_placed(player); i++) {
        lines[i] = lines_of(player, i);
        sum += lines[i] ? line_weight(lines[i], i) : 0;
    }
    if (sum > 0)
        serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "paper", 0.95, 0.012);
    double y = 0.04;
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        if (!lines[i])
            continue;
        double height = 0.92 * line_weight(lines[i], i) / sum;
        serambi_draw_marked(canvas, (SerambiBox){0.02, y, 0.96, height},
                            i == 0 ? "caption" : "body", i == 0 ? "ink" : "muted", SERAMBI_CENTRE,
                            lines[i]);
        y += height;
        g_free(lines[i]);
    }
}

static bool prepare_placed(Serambi *self, int64_t now_us)
{
    follow_captions(self, now_us);
    return take(&player_of(self)->placed_changed);
}

static void draw_placed_cue(SerambiCanvas *canvas, const Cue *cue, bool is_first_language)
{
    const CuePlace *place = &cue->place;
    serambi_draw_caption(canvas, &(SerambiCaption){.x = place->x,
                                                   .y = place->y,
                                                   .anchor_x = place->anchor_x,
                                                   .anchor_y = place->anchor_y,
                                                   .width = place->width,
                                                   .align = place->align,
                                                   .colour = is_first_language ? "ink" : "muted",
                                                   .markup = cue->markup});
}

/* What comes later is moved off what is there: down below the upper ones, up above the lower ones.
 * So the first language is drawn first above, last below, and always stands over the second. */
static void draw_placed_ones(const Player *player, SerambiCanvas *canvas, bool with_own_place,
                             bool is_low)
{
    size_t count = G_N_ELEMENTS(player->due);
    for (size_t turn = 0; turn < count; turn++) {
        size_t i = is_low ? count - 1 - turn : turn;
        for (size_t j = 0; j < player->due[i].count; j++) {
            const Cue *cue = player->due[i].cues[j];
            if (cue->is_placed == with_own_place && (cue->place.anchor_y >= 0.5) == is_low)
                draw_placed_cue(canvas, cue, i == 0);
        }
    }
}

/* Those with their own place first: the others keep off them. */
static void draw_placed(Serambi *self, SerambiCanvas *canvas)
{
    const Player *player = player_of(self);
    if (!are_placed(player))
        return;
    for (int own = 1; own >= 0; own--) {
        draw_placed_ones(player, canvas, own, false);
        draw_placed_ones(player, canvas, own, true);
    }
}

/* --- Life ----------------------------------------------------------------------------------- */

/* Files in the order in which they will be shown; captions are small and come first. */
static void want_files(Serambi *self)
{
    Player *player = player_of(self);
    const json_t *slots = json_object_get(player->table, "slots");
    size_t count = json_array_size(slots);
    SlotTime due = {0};
    (void)slots_at(player->table, serambi_now_us(self), &due);
    json_auto_t *sources = json_array();
    size_t index;
    json_t *slot;
    json_array_foreach(slots, index, slot)
    {
        const char *language;
        json_t *source;
        json_object_foreach(json_object_get(slot, "captions"), language, source)
            json_array_append(sources, source);
    }
    for (size_t i = 0; i < count; i++)
        json_array_append(sources,
                          json_object_get(json_array_get(slots, (due.index + i) % count), "media"));
    serambi_want(self, sources);
}

/* What is on air goes on if the new table still has it at the same time, with its new words. */
static void keep_on_air(Serambi *self)
{
    Player *player = player_of(self);
    SlotTime due = {0};
    json_t *slot = slots_at(player->table, serambi_now_us(self), &due)
                       ? json_array_get(json_object_get(player->table, "slots"), due.index)
                       : NULL;
    if (!player->now.slot || due.start_us != player->now.time.start_us ||
        !json_equal(json_object_get(slot, "media"), json_object_get(player->now.slot, "media"))) {
        clear_now(self);
        return;
    }
    if (g_strcmp0(json_string_value(json_object_get(slot, "shape")),
                  json_string_value(json_object_get(player->now.slot, "shape"))))
        player->picture_changed = true;
    json_decref(player->now.slot);
    player->now.slot = json_incref(slot);
    player->now.time = due;
    change_tracks(self);
}

static void on_slots(Serambi *self, const char *channel, const json_t *body)
{
    Player *player = player_of(self);
    if (player->table && json_equal(player->table, body))
        return;
    json_decref(player->table);
    player->table = json_deep_copy(body);
    keep_on_air(self);
    showing_clear(&player->next);
    showing_clear(&player->later);
    want_files(self);
}

static void on_tick(Serambi *self)
{
    load_tracks(self);
}

bool player_start(Serambi *self, GError **error)
{
    return true;
}

void player_stop(Serambi *self)
{
    Player *player = player_of(self);
    clear_now(self);
    showing_clear(&player->next);
    showing_clear(&player->later);
    g_clear_pointer(&player->table, json_decref);
    drop_tracks(player);
}

const SerambiWatch player_watches[] = {
    {"programme:slots", on_slots},
    {0},
};

const SerambiTimer player_timers[] = {
    {"cues", 1, on_tick},
    {0},
};

const SerambiLayer player_layers[] = {
    {"picture", "picture", 0, prepare_picture, draw_picture},
    {"captions", "caption", 10, prepare_captions, draw_captions},
    {"placed_captions", "picture", 10, prepare_placed, draw_placed},
    {0},
};
