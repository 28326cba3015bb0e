/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A display's side of the clock protocol (clock_packet.h): asks, and keeps the estimate.
 *
 * The loop's thread, but for clock_asker_read(). */
#pragma once
#include "core/clock_estimate.h"
#include <glib.h>
#include <sys/socket.h>
#include <uv.h>

/* Eight times a second until the estimate is good, then once: a second of the worst crystal is a
 * tenth of a millisecond. Without an answer for CLOCK_ASKER_SILENT_US it asks eagerly again. */
#define CLOCK_ASKER_EAGER_MS  125
#define CLOCK_ASKER_CALM_MS   1000
#define CLOCK_ASKER_SILENT_US (3 * INT64_C(1000000))

typedef struct ClockAsker ClockAsker;

typedef struct {
    uint64_t asked, answered, refused; /* refused: what came was no answer to an open question */
} ClockAskerCounters;

ClockAsker *clock_asker_new(uv_loop_t *loop);
/* Asks there from now on; a second time with the same address changes nothing. */
void clock_asker_aim(ClockAsker *asker, const struct sockaddr *server, socklen_t size);
/* Stops asking; the estimate stays. */
void clock_asker_rest(ClockAsker *asker);
/* Closes its handles; its memory goes with the call of clock_asker_free(), after the loop's end. */
void clock_asker_close(ClockAsker *asker);
void clock_asker_free(ClockAsker *asker);
/* The estimate as it is; any thread. False: nothing is known. */
bool clock_asker_read(ClockAsker *asker, ClockEstimate *ret_estimate);
ClockAskerCounters clock_asker_counters(const ClockAsker *asker);
