/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * When everything of a storyboard happens: the voice sets the pace, slides and captions follow it.
 */
#pragma once
#include "captions.h"
#include "slide.h"
#include "storyboard.h"
#include <glib.h>

#define TIMELINE_FPS      25
#define TIMELINE_FRAME_MS 40
#define TIMELINE_HZ       48000
#define TIMELINE_MAX_MS   (15 * 60 * 1000) /* longer is no tutorial for a lobby */

typedef struct Timeline {
    SlideTimes slides[STORYBOARD_SLIDES_MAX];
    int64_t total_ms; /* a whole number of frames */
    Captions *captions[STORYBOARD_LANGUAGES_MAX];
    GArray *samples; /* float, one channel, TIMELINE_HZ, exactly total_ms long: chime and voice */
} Timeline;

/* Speaks the storyboard in its language number `language` and lays everything out in time. Reports
 * progress as stage "speak" from 0 to 15 percent.
 *
 * folder  where recordings lie; they are in the main language and used for that only
 * Errors  those of speech_render() and recording_read(); REPORT_ERROR_STORYBOARD if it becomes
 *         longer than TIMELINE_MAX_MS */
Timeline *timeline_new(const Storyboard *storyboard, unsigned language, const char *folder,
                       GError **error);

/* How long it will be, in milliseconds, from the number of letters: for looking at while typing.
 * The samples come within a tenth. */
int64_t timeline_estimate(const Storyboard *storyboard, unsigned language);
void timeline_free(Timeline *timeline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Timeline, timeline_free)
