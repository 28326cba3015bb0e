/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Many walks, sorted for each ticket. */
#include "plugins/queue/roll_samples.h"
#include <glib.h>
#include <math.h>
#include <stdlib.h>

struct RollSamples {
    Walk *walk;
    float walked[PICTURE_TICKETS_MAX];
    float waits[PICTURE_TICKETS_MAX][ROLL_SAMPLES]; /* ascending */
};

RollSamples *roll_samples_new(void)
{
    RollSamples *samples = g_new0(RollSamples, 1);
    samples->walk = walk_new();
    return samples;
}

void roll_samples_free(RollSamples *samples)
{
    if (samples)
        walk_free(samples->walk);
    g_free(samples);
}

static int by_size(const void *left, const void *right)
{
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

void roll_samples_run(RollSamples *samples, const WaitPicture *picture)
{
    Draws draws = draws_seeded(picture->event);
    walk_prepare(samples->walk, picture);
    for (unsigned i = 0; i < ROLL_SAMPLES; i++) {
        walk_run(samples->walk, &draws, samples->walked);
        for (unsigned ticket = 0; ticket < picture->ticket_count; ticket++)
            samples->waits[ticket][i] = samples->walked[ticket];
    }
    for (unsigned ticket = 0; ticket < picture->ticket_count; ticket++)
        qsort(samples->waits[ticket], ROLL_SAMPLES, sizeof(float), by_size);
}

double roll_samples_wait(const RollSamples *samples, unsigned ticket, double level)
{
    const float *waits = samples->waits[ticket];
    double place = CLAMP(ROLL_SAMPLES * level - 0.5, 0, ROLL_SAMPLES - 1);
    unsigned low = (unsigned)place, high = MIN(low + 1, ROLL_SAMPLES - 1);
    return waits[low] + (place - low) * (waits[high] - waits[low]);
}
