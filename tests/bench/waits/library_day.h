/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A library's simulated days as a log of events: the scenarios S1 to S4. */
#pragma once
#include "plugins/queue/wait_log.h"

typedef struct {
    const char *name;
    bool is_library_day; /* varying arrivals and counters, three classes; else the stationary S1 */
    double no_show_rate, priority_share;
    unsigned ratio;   /* of the fairness rule */
    double late_most; /* openings are late by up to that many minutes */
    uint64_t seed_offset;
} Scenario;

extern const Scenario scenarios[];
extern const unsigned scenario_count;

/* Calls on_event for each event of the days, in order. */
void library_days(const Scenario *scenario, uint64_t seed, unsigned days,
                  void (*on_event)(void *data, const WaitEvent *event), void *data);
