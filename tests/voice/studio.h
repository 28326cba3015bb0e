/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A display's voice without a display: the real speaker of the voice plugin on the real mixer and
 * the real worker, with a clock that stands still while a sentence is made. What would leave the
 * loudspeaker is kept as samples, and each part is noted with its place. */
#pragma once
#include "core/plugin.h"
#include "media/screen/mixer.h"
#include "plugins/voice/voice.h"

#define STUDIO_START_US INT64_C(1795420800000000) /* a Monday, 8:00 UTC */

/* A chime or a sentence that was heard. */
typedef struct {
    char *source;
    size_t from, to; /* samples since the studio began, to is the first one after */
    Sound *sound;
    float gain;
} StudioPart;

typedef struct Studio Studio;

/* worker: serambi-media. words: the folder of the voice's catalogues. Failures end the program. */
Studio *studio_new(const char *worker, const char *words);
void studio_free(Studio *studio);
/* The whole time a programme plays; borrowed. */
void studio_play(Studio *studio, Sound *programme);
/* As from the server; takes body. */
void studio_tell(Studio *studio, const char *channel, json_t *body);
void studio_call(Studio *studio, int number, const char *ticket, const char *counter);
/* Lets time go by. */
void studio_run(Studio *studio, double seconds);
/* Until nothing is spoken and the programme is back, or for so long. */
void studio_run_until_silent(Studio *studio, double seconds_max);
size_t studio_now(const Studio *studio);             /* in samples */
const GPtrArray *studio_parts(const Studio *studio); /* StudioPart, as they began */
const float *studio_samples(const Studio *studio, size_t *ret_count); /* stereo */
