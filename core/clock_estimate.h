/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a display knows of the house clock: questions and answers in; offset, drift and a bound of
 * the error out. Pure: no socket, no clock of its own.
 *
 * Each answer fences the offset in from both sides (clock_packet.h). The shortest ways there and
 * back, found separately among the last CLOCK_SAMPLES answers, make the narrowest fence; the
 * estimate is its middle. Older fences are carried to the present by the drift, a regression over
 * the samples in which those with long round trips hardly count. One path longer than its way back,
 * always, cannot be seen from here by anybody: the error is then half of the difference, and the
 * bound covers it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CLOCK_SAMPLES        64
#define CLOCK_SAMPLES_LOCKED 32 /* so many make an estimate that is good for the air */

/* All on the asker's CLOCK_MONOTONIC, received_us and sent_us on the house clock. */
typedef struct {
    int64_t asked_us, received_us, sent_us, answered_us;
} ClockSample;

typedef struct {
    ClockSample samples[CLOCK_SAMPLES]; /* a ring */
    uint32_t count, next;
    int64_t epoch;
    int64_t begin_us;           /* of asked_us of the first question in this epoch */
    int64_t last_asked_us;      /* of the newest question that was answered */
    int64_t base_us, offset_us; /* house minus monotonic, offset_us at base_us */
    int64_t error_us;           /* at base_us */
    int64_t round_us;           /* least, of the samples */
    double drift, drift_error;  /* parts of one */
    uint64_t epochs, breaks; /* how often all was forgotten: for a new epoch, for contradiction */
} ClockEstimate;

/* epoch differs from the one before: all is forgotten first. False: the sample is impossible, or is
 * of an older epoch than what is known (it was overtaken); nothing has changed. */
bool clock_estimate_add(ClockEstimate *estimate, int64_t epoch, const ClockSample *sample);
/* House clock minus CLOCK_MONOTONIC; count must not be 0. */
int64_t clock_estimate_offset_us(const ClockEstimate *estimate, int64_t monotonic_us);
/* The offset is right to within this: grows while nothing is heard. */
int64_t clock_estimate_error_us(const ClockEstimate *estimate, int64_t monotonic_us);
bool clock_estimate_is_locked(const ClockEstimate *estimate);
