/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The house clock. */
#include "core/clock_house.h"
#include <glib.h>
#include <sodium.h>

static int64_t new_epoch(void)
{
    uint64_t random = 0;
    randombytes_buf(&random, sizeof random);
    return (int64_t)(random >> 1 | 1);
}

void clock_house_init(ClockHouse *house, int64_t monotonic_us, int64_t wall_us)
{
    if (sodium_init() < 0)
        g_error("libsodium did not start");
    *house = (ClockHouse){
        .offset_us = wall_us - monotonic_us, .epoch = new_epoch(), .slewed_us = monotonic_us};
}

static void lead_far(ClockHouse *house, int64_t monotonic_us, int64_t error_us)
{
    house->slewed_us = monotonic_us;
    if (house->far_us == 0) {
        house->far_us = monotonic_us;
        g_message("the machine's clock was set by %.1f s, going on for a minute as it was",
                  (double)error_us / 1e6);
    }
    if (monotonic_us - house->far_us < CLOCK_HOUSE_HOLD_US)
        return;
    house->offset_us += error_us;
    house->epoch = new_epoch();
    house->far_us = 0;
    house->steps++;
    g_message("following the machine's clock, %.1f s at once", (double)error_us / 1e6);
}

void clock_house_lead(ClockHouse *house, int64_t monotonic_us, int64_t wall_us)
{
    int64_t error_us = wall_us - clock_house_at(house, monotonic_us);
    if (ABS(error_us) > CLOCK_HOUSE_SLEW_MAX_US) {
        lead_far(house, monotonic_us, error_us);
        return;
    }
    house->far_us = 0;
    int64_t allowed_us = (monotonic_us - house->slewed_us) * CLOCK_HOUSE_SLEW_PPM / 1000000;
    if (allowed_us <= 0)
        return; /* wait until a whole microsecond may go */
    house->offset_us += CLAMP(error_us, -allowed_us, allowed_us);
    house->slewed_us = monotonic_us;
}

int64_t clock_house_at(const ClockHouse *house, int64_t monotonic_us)
{
    return monotonic_us + house->offset_us;
}

int64_t clock_house_now_us(ClockHouse *house)
{
    int64_t monotonic_us = g_get_monotonic_time();
    clock_house_lead(house, monotonic_us, g_get_real_time());
    return clock_house_at(house, monotonic_us);
}
