/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Watches the screen from outside: the framebuffer of Xvfb, which it keeps in a file. A thread
 * reads the places where bar codes can be, hundreds of times a second, and keeps what changed. */
#pragma once
#include "barcode.h"
#include "schedule.h"

typedef enum {
    SIGHT_CLIP = 1, /* a whole frame of a clip, head and foot alike */
    SIGHT_TORN,     /* parts of two: a change is under way, or was left half done */
    SIGHT_BLACK,
    SIGHT_OTHER, /* the house slide, or anything else */
} SightKind;

/* The same picture, from the first look that saw it to the last. CLOCK_MONOTONIC. */
typedef struct {
    int64_t before_us; /* the look before the first: it became so after that */
    int64_t begin_us, end_us;
    SightKind kind;
    Barcode code;   /* SIGHT_CLIP */
    bool is_bright; /* its patch is white */
} Sight;

typedef struct {
    int x, y, width, height;
} Place;

typedef struct Eye Eye;

/* folder: of Xvfb's -fbdir. places: where a picture of a film can lie, each once. Errors
 * G_FILE_ERROR */
Eye *eye_new(const char *folder, const Place *places, size_t count, GError **error);
/* What is there now. */
SightKind eye_look(const Eye *eye);
void eye_open(Eye *eye);
/* Ends the thread. Returns the sights (Sight), which stay the eye's. */
GArray *eye_close(Eye *eye);
/* How many looks, and the longest time between two. After eye_close(). */
void eye_figures(const Eye *eye, int64_t *ret_looks, int64_t *ret_longest_us);
void eye_free(Eye *eye);
