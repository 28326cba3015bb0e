/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Times in a log-linear histogram: 64 steps for each doubling, so a value is off by less than 1.6
 * %, and noting one costs an addition, however many there are. */
#pragma once
#include <stdint.h>

#define HISTOGRAM_STEPS     64
#define HISTOGRAM_DOUBLINGS 40

typedef struct {
    uint64_t counts[HISTOGRAM_DOUBLINGS * HISTOGRAM_STEPS];
    uint64_t count;
    int64_t max;
} Histogram;

void histogram_note(Histogram *histogram, int64_t value); /* below 0 counts as 0 */
/* The value that `share` (0 to 1) of all are at most; 0 when there are none. */
int64_t histogram_quantile(const Histogram *histogram, double share);
