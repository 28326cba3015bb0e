/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Range headers: at most LIMIT_RANGES parts, merged, so that a short request cannot ask for one
 * file many times over (RFC 9110, 14.2 and 17.15). */
#include "core/range.h"
#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Reads digits; false when there are none or too many. */
static bool read_number(const char **text, int64_t *ret_number)
{
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > 18) {
        return false;
    }
    *ret_number = g_ascii_strtoll(*text, NULL, 10);
    *text += digits;
    return true;
}

/* One of "2-5", "2-", "-5". Returns false when malformed; *ret_fits: some of it is in the file. */
static bool read_range(const char **text, int64_t file_size, Range *ret_range, bool *ret_fits)
{
    int64_t first, last;
    if (**text == '-') {
        (*text)++;
        if (!read_number(text, &last)) {
            return false;
        }
        *ret_fits = last > 0 && file_size > 0;
        *ret_range = (Range){.first = MAX(0, file_size - last), .last = file_size - 1};
        return true;
    }
    if (!read_number(text, &first) || *(*text)++ != '-') {
        return false;
    }
    last = file_size - 1;
    if (g_ascii_isdigit(**text) && (!read_number(text, &last) || last < first)) {
        return false;
    }
    *ret_fits = first < file_size;
    *ret_range = (Range){.first = first, .last = MIN(last, file_size - 1)};
    return true;
}

static int compare(const void *a, const void *b)
{
    const Range *left = a, *right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

static size_t merge(Range *ranges, size_t count)
{
    qsort(ranges, count, sizeof *ranges, compare);
    size_t merged = 0;
    for (size_t i = 1; i < count; i++) {
        if (ranges[i].first <= ranges[merged].last + 1) {
            ranges[merged].last = MAX(ranges[merged].last, ranges[i].last);
        } else {
            ranges[++merged] = ranges[i];
        }
    }
    return merged + 1;
}

RangeResult range_parse(const char *header, int64_t file_size, Range ret_ranges[LIMIT_RANGES],
                        size_t *ret_count)
{
    if (header == NULL || g_ascii_strncasecmp(header, "bytes=", 6) != 0) {
        return RANGE_NONE;
    }
    const char *text = header + 6;
    Range ranges[LIMIT_RANGES];
    size_t count = 0, asked = 0;
    for (;;) {
        text += strspn(text, " \t");
        Range range;
        bool fits;
        if (!read_range(&text, file_size, &range, &fits)) {
            return RANGE_NONE;
        }
        if (++asked > LIMIT_RANGES) {
            return RANGE_UNSATISFIABLE;
        }
        if (fits) {
            ranges[count++] = range;
        }
        text += strspn(text, " \t");
        if (*text == '\0') {
            break;
        }
        if (*text++ != ',') {
            return RANGE_NONE;
        }
    }
    if (count == 0) {
        return RANGE_UNSATISFIABLE;
    }
    *ret_count = merge(ranges, count);
    memcpy(ret_ranges, ranges, *ret_count * sizeof *ranges);
    return RANGE_PARTS;
}
