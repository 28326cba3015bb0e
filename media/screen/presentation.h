/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * When frames came on glass, and when they were due: what a screen tells its server, so that
 * screens can be compared. Allocates nothing but for presentation_figures(). Main thread. */
#pragma once
#include "media/screen/clip.h"
#include <jansson.h>

/* A report covers the last whole ten seconds of the timeline, the same ones on every screen. */
#define PRESENTATION_PERIOD_US (10 * INT64_C(1000000))
#define PRESENTATION_FRAMES    1024 /* of a period; 60 a second are 600 */

typedef struct {
    int64_t period; /* number of the period that is being filled */
    int32_t late_us[PRESENTATION_FRAMES];
    uint32_t count;
    ClipShown last; /* newest frame noted; number 0: none */
    /* The last whole period. */
    int64_t done_period;
    uint32_t done_count;
    int64_t median_us, worst_us;
    ClipShown mark; /* on glass when it ended; number 0: no video */
} Presentation;

/* now_us: timeline, when the picture was handed over to the screen. A frame counts once. */
void presentation_note(Presentation *presentation, const ClipShown *shown, int64_t now_us);
/* {"until_us":N (timeline, end of the period),"frames":N,"median_us":N,"worst_us":N: handed over
 * minus due, "source":"sha256:..","start_us":N,"frame":N,"position_us":N: what was on glass when
 * the period ended}; {} before there was one. New reference. */
json_t *presentation_figures(const Presentation *presentation);
