/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Clips: what serambi_clip_new() promises. A clip is a video in a deck, or sound in memory; the
 * clock, not the decoder, decides what is shown and heard. Main thread. */
#pragma once
#include "core/plugin.h"
#include "media/screen/errand.h"
#include "media/screen/mixer.h"
#include "media/screen/picture.h"
#include "media/screen/timeline.h"

typedef struct Clips Clips;

typedef enum {
    CLIP_ERROR_UNAVAILABLE = 1, /* the file is not here, or the source is not understood */
    CLIP_ERROR_FAILED,          /* the worker could not play it */
    CLIP_ERROR_BROKEN,          /* it stopped in the middle */
    CLIP_ERROR_LATE,            /* its first frame did not come in time */
} ClipError;
#define CLIP_ERROR (clip_error_quark())
GQuark clip_error_quark(void);

typedef struct {
    Mixer *mixer; /* borrowed, as all below */
    Errands *errands;
    const char *worker; /* path of serambi-media */
    const char *folder; /* for spoken sentences; made when missing */
    /* Path of "sha256:<hex>", g_free(), or NULL when it is not here. */
    char *(*find_file)(const char *source, void *data);
    void *find_data;
    const Timeline *timeline;
} ClipsOptions;

/* A clip stays on glass this long after its death, for the next one to take over; after its natural
 * end until it is dropped, or until this long if another one needs its deck. */
#define CLIP_HOLD_US (250 * 1000)

Clips *clips_new(const ClipsOptions *options);
/* Ends all, without calling anybody. After errands_stop(). */
void clips_free(Clips *clips);
/* Starts the decks: after the first picture, for it takes a moment. */
void clips_warm(Clips *clips);
/* Brings all up to the clock: prerolls, chooses frames, reports ends (calls plugins). */
void clips_advance(Clips *clips, int64_t now_monotonic_us);
/* When something will have to be done at the latest, CLOCK_MONOTONIC; INT64_MAX: nothing on. */
int64_t clips_next_us(const Clips *clips, int64_t now_monotonic_us);
/* When the next video goes on air, CLOCK_MONOTONIC; INT64_MAX: none is ready for it. */
int64_t clips_cut_us(const Clips *clips, int64_t now_monotonic_us);
/* Ends and forgets the clips of one plugin. */
void clips_drop(Clips *clips, Serambi *owner);
/* {"frames":N,"missed":N,"clips_failed":N,"decks_started":N,"decks_died":N,"decks_killed":N}; new
 * reference. */
json_t *clips_figures(const Clips *clips);
/* The video on air, for the clock and the report of what is shown. */
typedef struct {
    uint64_t number;  /* of the clip, never again */
    int64_t start_us; /* timeline */
    int64_t frame;    /* on glass */
    int64_t begin_us; /* of that frame in the clip */
    int64_t step_us;  /* how much later the clip runs than start_us says: steps of the timeline */
    char source[80];
} ClipShown;
uint64_t clips_on_air(const Clips *clips); /* its number; 0: none */
bool clips_shown(const Clips *clips, ClipShown *ret_shown);
/* Process ids of the decks that live, for tests; returns how many were written. */
size_t clips_deck_pids(const Clips *clips, int64_t *ret_pids, size_t max);

SerambiClip *clip_new(Clips *clips, Serambi *owner, const char *source, int64_t start_us,
                      double gain_db, SerambiClipEnd on_end);
void clip_start(SerambiClip *clip, int64_t start_us);
bool clip_is_ready(const SerambiClip *clip);
/* The plugin's end of it. Items on glass keep their reference. */
void clip_drop(SerambiClip *clip);

/* For the layers. */
SerambiClip *clip_ref(SerambiClip *clip);
void clip_unref(SerambiClip *clip);
bool clip_has_picture(const SerambiClip *clip);
bool clip_is_over(const SerambiClip *clip);            /* ended or failed */
uint64_t clip_picture_number(const SerambiClip *clip); /* another one: another picture */
void clip_picture_size(const SerambiClip *clip, int *ret_width, int *ret_height);
/* The picture on glass, scaled to that size; NULL without one. */
const Picture *clip_picture(SerambiClip *clip, int width, int height);
/* Draws the whole picture scaled, without a copy in between. False: nothing was drawn, take
 * clip_picture(). */
bool clip_draw_scaled(SerambiClip *clip, const Ground *ground, Rect to);
