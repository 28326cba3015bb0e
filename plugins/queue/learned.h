/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a library's own days teach the estimator. Plain memory; the caller keeps what it is made
 * from. */
#pragma once
#include "plugins/queue/service_times.h"
#include <stdbool.h>
#include <stdint.h>

#define CLASSES_MAX         32   /* services that estimates tell apart; a bit of a mask each */
#define CALL_WINDOW_MINUTES 0.75 /* a visitor who does not come holds a counter that long */
#define LATENESS_LONGEST    120.0

typedef struct {
    ServiceTimes times[CLASSES_MAX];
    unsigned class_count;
    double no_show_rate;   /* 0 to 1; running mean, from 0 */
    double lateness;       /* minutes between planned opening and sign-in; running mean, from 0 */
    double priority_share; /* 0 to 1 of arrivals */
    double arrivals[CLASSES_MAX];
    uint64_t call_count, opening_count, arrival_count;
} Learned;

/* class_count at most CLASSES_MAX. */
void learned_init(Learned *learned, unsigned class_count, double default_minutes);
void learned_arrival(Learned *learned, unsigned class_index, bool is_priority);
void learned_service(Learned *learned, unsigned class_index, double minutes);
void learned_no_show(Learned *learned);
/* A counter signed in minutes after its planned opening; early is 0. */
void learned_opening(Learned *learned, double minutes_late);
/* A class as likely as it arrives. */
unsigned learned_draw_class(const Learned *learned, Draws *draws);
