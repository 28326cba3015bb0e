/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The window and its events: with glass.h the one place that knows SDL's video. We paint into
 * memory, the ground; only rectangles that changed travel to the screen. Main thread, but for
 * stage_post(). */
#pragma once
#include "media/screen/blend.h"
#include <glib.h>

typedef struct Stage Stage;

typedef enum {
    STAGE_NOTHING = 1, /* the time has come */
    STAGE_QUIT,
    STAGE_RESIZED,    /* size and ground are new: paint all */
    STAGE_EXPOSED,    /* paint all */
    STAGE_SOUND_LOST, /* an audio device went away or came */
    STAGE_MESSAGE,    /* posted by another thread */
} StageEventKind;

typedef struct {
    StageEventKind kind;
    int message;   /* MESSAGE */
    void *payload; /* MESSAGE: the receiver's from now on */
} StageEvent;

typedef enum { STAGE_ERROR_VIDEO = 1 } StageError;
#define STAGE_ERROR (stage_error_quark())
GQuark stage_error_quark(void);

/* How the picture gets to the window (glass.h); MEASURED: by what each costs here, at the start. */
typedef enum { STAGE_MEASURED = 0, STAGE_SURFACE, STAGE_TEXTURE } StageBackEnd;
StageBackEnd stage_back_end(const char *name); /* "surface", "texture"; all else: measured */

typedef struct {
    const char *title;
    int width, height; /* of the window; width 0: the whole of an output */
    int output;        /* 1 is the first, 0 as well */
    StageBackEnd back_end;
} StageOptions;

/* Says in the log which way was chosen and why. */
Stage *stage_new(const StageOptions *options, GError **error);
void stage_free(Stage *stage);
const char *stage_name(const Stage *stage); /* of the way chosen, for people who look after it */

int stage_refresh_hz(const Stage *stage); /* at least 1; 60 where nobody knows */
/* NULL for the moment while the window has no memory. */
const Ground *stage_ground(Stage *stage);
/* False: not shown; all is to be painted again. */
bool stage_present(Stage *stage, const RectSet *changed);

/* Waits for the next event, at most until that time of CLOCK_MONOTONIC. */
StageEvent stage_wait(Stage *stage, int64_t until_us);
/* Any thread. False: not accepted, payload stays the caller's. */
bool stage_post(int message, void *payload);
/* What is posted and was not received when the loop ends. */
bool stage_drain(StageEvent *ret_event);

/* The ground as it is now; pixels by g_malloc. Image is opaque. False without a ground. */
bool stage_copy(Stage *stage, Image *ret_copy);
