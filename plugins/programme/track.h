/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A captions track as the display half shows it: which cues are due, their safe text, their place
 * on the picture. A cue that can not be read is left out, the others stay. Pure; any thread. */
#pragma once
#include "core/plugin.h"

#define TRACK_CUES_MAX     5000
#define TRACK_TEXT_MAX     2000 /* bytes of one cue */
#define TRACK_SETTINGS_MAX 200  /* bytes of one cue */
#define TRACK_AT_ONCE      4    /* of those due at the same time the latest are shown */
#define TRACK_LINES        15   /* lines of a picture: what "line:3" and "line:-1" count */

/* Where on the picture, in shares of it from its left and top edges, whatever the language. */
typedef struct {
    double x, y;
    double anchor_x, anchor_y; /* the point of the caption's plate that lies there, 0 to 1 */
    double width;              /* at most */
    SerambiAlign align;        /* of its lines; the start is that of the text */
} CuePlace;

typedef struct {
    int64_t start_us, end_us; /* since the clip's start; due from start_us, no more at end_us */
    char *markup;             /* for serambi_draw_marked(); never empty */
    bool is_placed;           /* its settings say where; else place is below, in the middle */
    CuePlace place;
} Cue;

typedef struct Track Track;

/* Of {"cues":[{"start_ms":0,"end_ms":2500,"text":"…","markup":"<i>…</i>","settings":"line:0"}]}:
 * text is plain; markup, if given, is WebVTT cue text and comes before it; settings are WebVTT's
 * line, position, size and align. Other keys, also vertical and region, are ignored.
 * ret_left_out (may be NULL): how many cues could not be read or were too many; ret_ignored (may be
 * NULL): how many had settings that were ignored. Never NULL.
 * Source: WebVTT, W3C candidate recommendation of 2019, sections 4.2, 4.4 and 7. */
Track *track_new(const json_t *document, unsigned *ret_left_out, unsigned *ret_ignored);
void track_free(Track *track); /* NULL is fine */

/* The cues due at that time in the order of their starts, at most TRACK_AT_ONCE, and their number.
 * They belong to the track. */
size_t track_at(const Track *track, int64_t at_us, const Cue *ret_cues[TRACK_AT_ONCE]);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Track, track_free)
