/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors */
#include "plugins/queue/fairness.h"

static bool is_priority_next(const FairnessRule *rule, FairnessHead priority, FairnessHead normal,
                             int64_t since)
{
    if (!normal.exists)
        return true;
    if (rule->age_cap_us > 0 && normal.waited_us > rule->age_cap_us &&
        priority.waited_us <= rule->age_cap_us)
        return false;
    return since >= rule->ratio;
}

FairnessPick fairness_pick(const FairnessRule *rule, FairnessHead priority, FairnessHead normal,
                           int64_t *since)
{
    if (!priority.exists && !normal.exists)
        return FAIRNESS_NOBODY;
    if (priority.exists && is_priority_next(rule, priority, normal, *since)) {
        *since = 0;
        return FAIRNESS_PRIORITY;
    }
    *since += 1;
    return FAIRNESS_NORMAL;
}
