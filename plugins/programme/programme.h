/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The programme: what its files share.
 *
 * playlist.c  the server half: the order of tutorials, and the slot table made of it
 * slots.c     which slot is due at a time; used by both halves
 * player.c    the display half: the picture layer and its captions
 * track.c     a captions track: cues, their text and their places; display half */
#pragma once
#include "core/plugin.h"
#include "plugins/programme/track.h"

#define PROGRAMME_CAPTIONS 2 /* languages on the screen */

typedef struct {
    const char *caption_languages; /* "id+en": one or two, the second quieter */
    const char *shape;             /* fit, fill, blurred */
} ProgrammeSettings;

/* --- slots.c -------------------------------------------------------------------------------------
 * A slot table {"start_us":N,"slots":[{"tutorial","media","duration_us","title","captions",
 * "shape"}]} runs from start_us on and round and round: a screen without a server goes on for ever.
 */

typedef struct {
    size_t index;
    int64_t start_us, end_us; /* of this showing */
} SlotTime;

/* The slot due at a time; false for an empty table. Before start_us it is the first one. */
bool slots_at(const json_t *table, int64_t now_us, SlotTime *ret_time);

/* --- the halves ----------------------------------------------------------------------------------
 */

typedef struct {
    json_t *tutorials; /* newest tutorials:list; NULL before the first */
    json_t *table;     /* as it is on disk */
} Playlist;

typedef struct {
    SerambiClip *clip; /* NULL: it failed, the house slide shows */
    json_t *slot;      /* its entry; NULL: nothing */
    SlotTime time;
} Showing;

typedef struct {
    json_t *table;
    Showing now, next, later;          /* later: where slots are short */
    Track *tracks[PROGRAMME_CAPTIONS]; /* of the slot now, by caption language */
    struct {
        const Cue *cues[TRACK_AT_ONCE];
        size_t count;
    } due[PROGRAMME_CAPTIONS]; /* now; they belong to the tracks */
    bool picture_changed, captions_changed, placed_changed;
    bool has_room; /* the picture is large enough for captions on it */
} Player;

typedef struct {
    Playlist playlist;
    Player player;
} Programme;

/* playlist.c */
extern const char *const playlist_migrations[];
extern const SerambiRoute playlist_routes[];
extern const SerambiTopic playlist_topics[];
extern const SerambiWatch playlist_watches[];
void playlist_stop(Serambi *self);
bool playlist_start(Serambi *self, GError **error);

/* player.c */
extern const SerambiWatch player_watches[];
extern const SerambiTimer player_timers[];
extern const SerambiLayer player_layers[];
bool player_start(Serambi *self, GError **error);
void player_stop(Serambi *self);
