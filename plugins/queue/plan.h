/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * When a counter is planned to be open today. */
#pragma once
#include <stdbool.h>

#define PLAN_INTERVALS_MAX 8

typedef struct {
    double opens, closes; /* minutes; open from opens until just before closes */
} PlanInterval;

/* Ascending, without overlap. None: never open. */
typedef struct {
    PlanInterval intervals[PLAN_INTERVALS_MAX];
    unsigned count;
} CounterPlan;

/* Adds an interval behind the others (joined to the last when they touch). False, and nothing
 * changed, when it is empty, begins before the last one ends, or there are PLAN_INTERVALS_MAX. */
bool plan_add(CounterPlan *plan, double opens, double closes);
/* minute itself inside an interval, else the next interval's start, else INFINITY. */
double plan_open_at(const CounterPlan *plan, double minute);
/* The start of the interval around minute; NAN outside of all. */
double plan_start_of(const CounterPlan *plan, double minute);
