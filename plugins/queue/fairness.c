/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Bounded overtaking as two pure functions. */
#include "plugins/queue/fairness.h"
#include <limits.h>

bool fairness_prefers_priority(bool priority_waits, bool normal_waits, unsigned normal_since,
                               unsigned ratio)
{
    if (!priority_waits || !normal_waits)
        return priority_waits;
    return normal_since >= ratio;
}

unsigned fairness_after(bool priority_called, unsigned normal_since)
{
    if (priority_called)
        return 0;
    return normal_since == UINT_MAX ? UINT_MAX : normal_since + 1;
}
