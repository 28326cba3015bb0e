/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The house clock: microseconds since 1970 as the server tells them to everybody, carried by
 * CLOCK_MONOTONIC so that nobody who sets the machine's clock moves a picture.
 *
 * It begins with the machine's clock. Up to CLOCK_HOUSE_SLEW_MAX_US off, it is led back to it at
 * CLOCK_HOUSE_SLEW_PPM. Farther off, somebody set the machine's clock: the house clock goes on as
 * it was, and only when the difference stands for CLOCK_HOUSE_HOLD_US does it follow, at once and
 * with a new epoch. Main thread; the functions that take both clocks are pure. */
#pragma once
#include <stdint.h>

#define CLOCK_HOUSE_SLEW_MAX_US 1000000
#define CLOCK_HOUSE_SLEW_PPM    100 /* a display's crystal may be as bad; displays can do 500 */
#define CLOCK_HOUSE_HOLD_US     (60 * INT64_C(1000000))

typedef struct {
    int64_t offset_us; /* house clock minus CLOCK_MONOTONIC */
    int64_t epoch;     /* random, positive */
    int64_t slewed_us; /* CLOCK_MONOTONIC, until when it was led */
    int64_t far_us; /* CLOCK_MONOTONIC, since when the machine's clock is far off; 0: it is not */
    uint64_t steps;
} ClockHouse;

void clock_house_init(ClockHouse *house, int64_t monotonic_us, int64_t wall_us);
/* Leads it; call it about each second. */
void clock_house_lead(ClockHouse *house, int64_t monotonic_us, int64_t wall_us);
int64_t clock_house_at(const ClockHouse *house, int64_t monotonic_us);
/* Leads it by the machine's clocks, and reads it. */
int64_t clock_house_now_us(ClockHouse *house);
