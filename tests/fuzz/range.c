/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A Range header. The first two bytes are the length of the file: what comes out lies in it, in
 * rising order, and no byte is asked for twice.
 * Sources: core/range.c */
#include "core/range.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    Range ranges[LIMIT_RANGES];
    size_t count = 0;
    if (size < 2 || size > LIMIT_HEADER_BYTES) {
        return 0;
    }
    int64_t file_size = bytes[0] << 8 | bytes[1];
    g_autofree char *header = g_strndup((const char *)bytes + 2, size - 2);
    RangeResult result = range_parse(header, file_size, ranges, &count);
    g_assert_cmpint(result, >=, RANGE_NONE);
    g_assert_cmpint(result, <=, RANGE_UNSATISFIABLE);
    if (result != RANGE_PARTS) {
        return 0;
    }
    g_assert_cmpuint(count, >=, 1);
    g_assert_cmpuint(count, <=, LIMIT_RANGES);
    for (size_t i = 0; i < count; i++) {
        g_assert_cmpint(ranges[i].first, >=, i == 0 ? 0 : ranges[i - 1].last + 2);
        g_assert_cmpint(ranges[i].last, >=, ranges[i].first);
        g_assert_cmpint(ranges[i].last, <, file_size);
    }
    return 0;
}
