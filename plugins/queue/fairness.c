/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Bounded overtaking as two pure functions. */
#include "plugins/queue/fairness.h"

static bool is_priority_next(const FairnessRule *rule, FairnessHead priority, FairnessHead normal,
                             unsigned normal_since)
{
    if (!priority.exists || !normal.exists)
        return priority.exists;
    if (rule->age_cap_minutes > 0 && normal.waited_minutes > rule->age_cap_minutes &&
        priority.waited_minutes <= rule->age_cap_minutes)
        return false;
    return normal_since >= rule->ratio;
}

FairnessPick fairness_pick(const FairnessRule *rule, FairnessHead priority, FairnessHead normal,
                           unsigned normal_since)
{
    if (!priority.exists && !normal.exists)
        return FAIRNESS_NOBODY;
    return is_priority_next(rule, priority, normal, normal_since) ? FAIRNESS_PRIORITY
                                                                  : FAIRNESS_NORMAL;
}

unsigned fairness_after(bool priority_called, unsigned normal_since)
{
    if (priority_called)
        return 0;
    return normal_since >= FAIRNESS_SINCE_MAX ? FAIRNESS_SINCE_MAX : normal_since + 1;
}
