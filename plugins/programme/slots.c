/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Which slot is due: the table's length divides the time since its start. */
#include "plugins/programme/programme.h"

static int64_t duration_us(const json_t *slot)
{
    return MAX(json_integer_value(json_object_get(slot, "duration_us")), 0);
}

bool slots_at(const json_t *table, int64_t now_us, SlotTime *ret_time)
{
    const json_t *slots = json_object_get(table, "slots");
    int64_t start_us = json_integer_value(json_object_get(table, "start_us"));
    int64_t total_us = 0;
    size_t index;
    json_t *slot;
    json_array_foreach(slots, index, slot) total_us += duration_us(slot);
    if (total_us <= 0)
        return false;
    int64_t elapsed_us = MAX(now_us - start_us, 0);
    int64_t at_us = start_us + elapsed_us / total_us * total_us;
    json_array_foreach(slots, index, slot)
    {
        int64_t end_us = at_us + duration_us(slot);
        if (MAX(now_us, start_us) < end_us) {
            *ret_time = (SlotTime){.index = index, .start_us = at_us, .end_us = end_us};
            return true;
        }
        at_us = end_us;
    }
    return false;
}
