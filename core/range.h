/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Which parts of a file a Range header asks for. Source: RFC 9110, section 14. */
#pragma once
#include "core/limits.h"
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int64_t first, last; /* both inclusive, inside the file */
} Range;

typedef enum {
    RANGE_NONE = 1,      /* no header, another unit, or not well-formed: send it whole */
    RANGE_PARTS,         /* ret_ranges, in rising order, overlaps and neighbours merged */
    RANGE_UNSATISFIABLE, /* all beyond the end, or more than LIMIT_RANGES: 416 */
} RangeResult;

RangeResult range_parse(const char *header, int64_t file_size, Range ret_ranges[LIMIT_RANGES],
                        size_t *ret_count);
