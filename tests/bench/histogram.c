/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Times in a log-linear histogram. */
#include "histogram.h"

#define STEP_BITS 6

static unsigned index_of(uint64_t value)
{
    if (value < HISTOGRAM_STEPS) {
        return (unsigned)value;
    }
    unsigned doubling = 63u - (unsigned)__builtin_clzll(value) - STEP_BITS;
    unsigned step = (unsigned)(value >> doubling) - HISTOGRAM_STEPS;
    unsigned index = (doubling + 1) * HISTOGRAM_STEPS + step;
    const unsigned last = HISTOGRAM_DOUBLINGS * HISTOGRAM_STEPS - 1;
    return index < last ? index : last;
}

static int64_t value_of(unsigned index)
{
    if (index < HISTOGRAM_STEPS) {
        return index;
    }
    unsigned doubling = index / HISTOGRAM_STEPS - 1;
    return (int64_t)(HISTOGRAM_STEPS + index % HISTOGRAM_STEPS) << doubling;
}

void histogram_note(Histogram *histogram, int64_t value)
{
    histogram->counts[index_of(value > 0 ? (uint64_t)value : 0)]++;
    histogram->count++;
    histogram->max = value > histogram->max ? value : histogram->max;
}

int64_t histogram_quantile(const Histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->count);
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_DOUBLINGS * HISTOGRAM_STEPS; i++) {
        seen += histogram->counts[i];
        if (histogram->counts[i] > 0 && seen >= wanted) {
            return value_of(i);
        }
    }
    return 0;
}
