/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A channel's frames as one piece of memory. A straight buffer that now and then moves its younger
 * half to the front, rather than a ring: any range is contiguous, so it is one write, and a channel
 * that says little costs little (a library has thousands of ticket channels). */
#include "core/log.h"

#include <string.h>

void log_init(Log *log, size_t max_bytes, uint64_t head)
{
    *log = (Log){
        .bytes = g_byte_array_new(),
        .starts = g_array_new(FALSE, FALSE, sizeof(uint32_t)),
        .head = head,
        .max_bytes = max_bytes,
    };
}

void log_clear(Log *log)
{
    g_clear_pointer(&log->bytes, g_byte_array_unref);
    g_clear_pointer(&log->starts, g_array_unref);
}

static void forget_all(Log *log)
{
    g_byte_array_set_size(log->bytes, 0);
    g_array_set_size(log->starts, 0);
}

/* Forgets old frames until at most keep_bytes are left. */
static void forget_old(Log *log, size_t keep_bytes)
{
    guint first = 0;
    while (first < log->starts->len &&
           log->bytes->len - g_array_index(log->starts, uint32_t, first) > keep_bytes) {
        first++;
    }
    if (first == log->starts->len) {
        forget_all(log);
        return;
    }
    uint32_t cut = g_array_index(log->starts, uint32_t, first);
    if (cut == 0) {
        return;
    }
    g_byte_array_remove_range(log->bytes, 0, cut);
    g_array_remove_range(log->starts, 0, first);
    for (guint i = 0; i < log->starts->len; i++) {
        g_array_index(log->starts, uint32_t, i) -= cut;
    }
}

void log_append(Log *log, uint64_t offset, const void *frame, size_t size)
{
    if (log->max_bytes == 0 || offset != log->head + 1) {
        forget_all(log);
    } else if (log->bytes->len + size > log->max_bytes) {
        forget_old(log, log->max_bytes / 2);
    }
    uint32_t start = log->bytes->len;
    g_array_append_val(log->starts, start);
    g_byte_array_append(log->bytes, frame, (guint)size);
    log->head = offset;
    log->appended += size;
}

bool log_reaches(const Log *log, uint64_t after)
{
    return after <= log->head && log->head - after <= log->starts->len;
}

bool log_range(const Log *log, uint64_t after, size_t max_bytes, LogRange *ret_range)
{
    if (after >= log->head || !log_reaches(log, after)) {
        return false;
    }
    guint first = log->starts->len - (guint)(log->head - after);
    const uint32_t *starts = &g_array_index(log->starts, uint32_t, 0);
    /* The last frame whose end is within max_bytes: binary search, the rest may be long. */
    guint low = first, high = log->starts->len - 1;
    while (low < high) {
        guint middle = low + (high - low + 1) / 2;
        uint32_t end = middle + 1 < log->starts->len ? starts[middle + 1] : log->bytes->len;
        if (end - starts[first] <= max_bytes) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    uint32_t end = low + 1 < log->starts->len ? starts[low + 1] : log->bytes->len;
    *ret_range = (LogRange){
        .bytes = log->bytes->data + starts[first],
        .size = end - starts[first],
        .last_offset = after + 1 + (low - first),
        .frames = low - first + 1,
    };
    return true;
}
