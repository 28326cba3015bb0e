/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A ring of service times, kept in order of size beside it: conditional draws are a binary search.
 */
#include "plugins/queue/service_times.h"
#include <glib.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define MEAN_STEP       0.05
#define STAND_INS       3
#define REST_OF_LONGEST 0.5

/* The place of the first known service longer than minutes. */
static unsigned first_longer(const ServiceTimes *times, float minutes)
{
    unsigned low = 0, high = times->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (times->by_size[middle] > minutes)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void forget_oldest(ServiceTimes *times)
{
    unsigned place = first_longer(times, times->by_age[times->oldest]) - 1;
    memmove(times->by_size + place, times->by_size + place + 1,
            (times->count - place - 1) * sizeof *times->by_size);
    times->count--;
}

static void remember(ServiceTimes *times, float minutes)
{
    bool is_full = times->count == SERVICE_TIMES_MAX;
    unsigned slot = is_full ? times->oldest : times->count;
    if (is_full) {
        forget_oldest(times);
        times->oldest = (times->oldest + 1) % SERVICE_TIMES_MAX;
    }
    times->by_age[slot] = minutes;
    unsigned place = first_longer(times, minutes);
    memmove(times->by_size + place + 1, times->by_size + place,
            (times->count - place) * sizeof *times->by_size);
    times->by_size[place] = minutes;
    times->count++;
}

void service_times_init(ServiceTimes *times, double default_minutes)
{
    *times = (ServiceTimes){.mean = default_minutes};
    for (int i = 0; i < STAND_INS; i++)
        remember(times, (float)default_minutes);
}

void service_times_add(ServiceTimes *times, double minutes)
{
    if (!(minutes >= 0))
        return;
    minutes = MIN(minutes, SERVICE_TIMES_LONGEST);
    remember(times, (float)minutes);
    times->mean += MEAN_STEP * (minutes - times->mean);
    times->recorded++;
}

double service_times_draw(const ServiceTimes *times, Draws *draws)
{
    return times->by_size[draws_below(draws, times->count)];
}

double service_times_mean_rest(const ServiceTimes *times, double elapsed)
{
    unsigned first = first_longer(times, (float)elapsed);
    if (first == times->count)
        return REST_OF_LONGEST * times->mean;
    double sum = 0;
    for (unsigned i = first; i < times->count; i++)
        sum += times->by_size[i];
    return fmax(0, sum / (times->count - first) - elapsed);
}

double service_times_draw_rest(const ServiceTimes *times, double elapsed, Draws *draws)
{
    unsigned first = first_longer(times, (float)elapsed);
    if (first == times->count)
        return REST_OF_LONGEST * times->mean;
    return fmax(0, times->by_size[first + draws_below(draws, times->count - first)] - elapsed);
}

double service_times_survival(const ServiceTimes *times, double elapsed)
{
    return (double)(times->count - first_longer(times, (float)elapsed)) / times->count;
}
