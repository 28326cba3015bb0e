/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The one clock of what is shown: the server's time, carried by CLOCK_MONOTONIC so that nobody who
 * sets the wall clock moves a picture. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Up to this the timeline is led to the server's time slowly, 500 parts per million: nothing on air
 * jumps. Farther off it is set at once: then it was wrong, not late. */
#define TIMELINE_SLEW_MAX_US (250 * 1000)
#define TIMELINE_SLEW_PPM    500
/* A video on air is not cut into: what is to be set waits for its end, so long. */
#define TIMELINE_HOLD_US (60 * INT64_C(1000000))

typedef struct {
    int64_t delta_us;     /* timeline minus CLOCK_MONOTONIC */
    int64_t updated_us;   /* CLOCK_MONOTONIC */
    int64_t stepped_us;   /* sum of all that was set at once: clips on air do not follow it */
    uint64_t on_air;      /* number of the video on air, set by the owner; 0: none */
    uint64_t waiting_for; /* a step waits for the end of that video */
    int64_t waiting_us;   /* CLOCK_MONOTONIC, since when; 0: no step waits */
    uint32_t steps;
    bool is_set;
} Timeline;

int64_t timeline_monotonic_us(void); /* CLOCK_MONOTONIC now */
int64_t timeline_wall_us(void);      /* CLOCK_REALTIME now */
/* server_us: what the server's clock shows at monotonic_us, as far as is known. */
void timeline_lead(Timeline *timeline, int64_t monotonic_us, int64_t server_us);
int64_t timeline_at(const Timeline *timeline, int64_t monotonic_us);
