/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The open intervals of a counter. */
#include "plugins/queue/plan.h"
#include <math.h>
#include <stddef.h>

bool plan_add(CounterPlan *plan, double opens, double closes)
{
    if (!(closes > opens))
        return false;
    PlanInterval *last = plan->count > 0 ? &plan->intervals[plan->count - 1] : NULL;
    if (last && opens < last->closes)
        return false;
    if (last && opens == last->closes) {
        last->closes = closes;
        return true;
    }
    if (plan->count == PLAN_INTERVALS_MAX)
        return false;
    plan->intervals[plan->count++] = (PlanInterval){opens, closes};
    return true;
}

double plan_open_at(const CounterPlan *plan, double minute)
{
    for (unsigned i = 0; i < plan->count; i++)
        if (minute < plan->intervals[i].closes)
            return fmax(minute, plan->intervals[i].opens);
    return INFINITY;
}

double plan_start_of(const CounterPlan *plan, double minute)
{
    for (unsigned i = 0; i < plan->count; i++)
        if (minute >= plan->intervals[i].opens && minute < plan->intervals[i].closes)
            return plan->intervals[i].opens;
    return NAN;
}
