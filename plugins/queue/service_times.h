/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How long the services of one class took: the last ones, and a moving mean. */
#pragma once
#include "plugins/queue/draws.h"
#include <stdint.h>

#define SERVICE_TIMES_MAX     200    /* remembered; older ones are forgotten */
#define SERVICE_TIMES_LONGEST 1440.0 /* minutes; what is longer counts as this */

/* Embedded; begin with service_times_init(). */
typedef struct {
    float by_age[SERVICE_TIMES_MAX];  /* minutes; a ring */
    float by_size[SERVICE_TIMES_MAX]; /* the same, ascending: what exceeds an age is its end */
    unsigned count, oldest;
    uint64_t recorded; /* real services, without the three that it begins with */
    double mean;       /* minutes; moving, step 0.05 */
} ServiceTimes;

/* Three services of default_minutes stand in until real ones are known. */
void service_times_init(ServiceTimes *times, double default_minutes);
/* minutes below 0 or not a number are not recorded. No-shows never enter. */
void service_times_add(ServiceTimes *times, double minutes);
double service_times_draw(const ServiceTimes *times, Draws *draws);

/* What is left of a service that has lasted elapsed minutes: of the known ones that were longer,
 * the mean, or one drawn; half the moving mean where none was longer. */
double service_times_mean_rest(const ServiceTimes *times, double elapsed);
double service_times_draw_rest(const ServiceTimes *times, double elapsed, Draws *draws);
/* The part of the known services that lasted longer than elapsed minutes, 0 to 1. */
double service_times_survival(const ServiceTimes *times, double elapsed);
