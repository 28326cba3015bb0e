/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The timeline clock. */
#include "media/screen/timeline.h"
#include <time.h>

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t timeline_monotonic_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

int64_t timeline_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

/* A step is for between two videos, if there are such moments. */
static bool may_step(Timeline *timeline, int64_t monotonic_us)
{
    if (!timeline->is_set || timeline->on_air == 0)
        return true;
    if (timeline->waiting_us == 0) {
        timeline->waiting_us = monotonic_us;
        timeline->waiting_for = timeline->on_air;
    }
    return timeline->on_air != timeline->waiting_for ||
           monotonic_us - timeline->waiting_us >= TIMELINE_HOLD_US;
}

void timeline_lead(Timeline *timeline, int64_t monotonic_us, int64_t server_us)
{
    int64_t error_us = server_us - monotonic_us - timeline->delta_us;
    int64_t allowed_us = (monotonic_us - timeline->updated_us) * TIMELINE_SLEW_PPM / 1000000;
    bool is_far = error_us > TIMELINE_SLEW_MAX_US || error_us < -TIMELINE_SLEW_MAX_US;
    if (!timeline->is_set || is_far) {
        if (!may_step(timeline, monotonic_us)) {
            timeline->updated_us = monotonic_us;
            return;
        }
        timeline->delta_us += error_us;
        timeline->stepped_us += timeline->is_set ? error_us : 0;
        timeline->steps += timeline->is_set ? 1 : 0;
        timeline->waiting_us = 0;
    } else {
        timeline->waiting_us = 0;
        if (allowed_us == 0)
            return; /* wait until a whole microsecond may go */
        timeline->delta_us += error_us > allowed_us    ? allowed_us
                              : error_us < -allowed_us ? -allowed_us
                                                       : error_us;
    }
    timeline->updated_us = monotonic_us;
    timeline->is_set = true;
}

int64_t timeline_at(const Timeline *timeline, int64_t monotonic_us)
{
    return monotonic_us + timeline->delta_us;
}
