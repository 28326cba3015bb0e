/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Running means of services, no-shows, lateness and arrivals. */
#include "plugins/queue/learned.h"
#include <glib.h>
#include <math.h>

/* Rates follow changes within about a hundred events, lateness within about twenty openings. */
#define RATE_STEP_LEAST     0.01
#define LATENESS_STEP_LEAST 0.05
#define RATE_PRIOR          10

void learned_init(Learned *learned, unsigned class_count, double default_minutes)
{
    g_assert(class_count <= CLASSES_MAX);
    *learned = (Learned){.class_count = class_count};
    for (unsigned i = 0; i < class_count; i++)
        service_times_init(&learned->times[i], default_minutes);
}

static double rate_step(uint64_t count)
{
    return fmax(1.0 / (double)(count + RATE_PRIOR), RATE_STEP_LEAST);
}

void learned_arrival(Learned *learned, unsigned class_index, bool is_priority)
{
    learned->arrival_count++;
    learned->arrivals[class_index]++;
    learned->priority_share +=
        ((is_priority ? 1 : 0) - learned->priority_share) * rate_step(learned->arrival_count);
}

static void learn_outcome(Learned *learned, bool is_no_show)
{
    learned->call_count++;
    learned->no_show_rate +=
        ((is_no_show ? 1 : 0) - learned->no_show_rate) * rate_step(learned->call_count);
}

void learned_service(Learned *learned, unsigned class_index, double minutes)
{
    service_times_add(&learned->times[class_index], minutes);
    learn_outcome(learned, false);
}

void learned_no_show(Learned *learned)
{
    learn_outcome(learned, true);
}

void learned_opening(Learned *learned, double minutes_late)
{
    learned->opening_count++;
    double late = CLAMP(minutes_late, 0, LATENESS_LONGEST);
    learned->lateness += (late - learned->lateness) *
                         fmax(1.0 / (double)learned->opening_count, LATENESS_STEP_LEAST);
}

unsigned learned_draw_class(const Learned *learned, Draws *draws)
{
    double left = draws_uniform(draws) * (double)learned->arrival_count;
    for (unsigned i = 0; i + 1 < learned->class_count; i++) {
        left -= learned->arrivals[i];
        if (left < 0)
            return i;
    }
    return learned->class_count - 1;
}
