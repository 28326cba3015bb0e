/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The walk, with means or with draws. */
#include "plugins/queue/walk.h"
#include "plugins/queue/fairness.h"
#include <glib.h>
#include <math.h>
#include <string.h>

#define SIGN_IN_LEAST    2.0  /* minutes until an absent colleague sits down */
#define FORESEEN_MINUTES 90.0 /* how far ahead priority arrivals are drawn */
#define RECENT_MINUTES   30.0
#define RECENT_COUNTED   40 /* a school class at the door is not the rest of the day */
#define LINES            2  /* normal, priority */

typedef struct {
    double minute;
    unsigned class_index;
    bool is_called;
} Arrival;

struct Walk {
    const WaitPicture *picture;
    /* Tickets by line and class, each in order: order[begin[l][c]] to order[end[l][c] - 1]. */
    uint16_t order[PICTURE_TICKETS_MAX];
    unsigned begin[LINES][CLASSES_MAX], end[LINES][CLASSES_MAX];
    unsigned next[LINES][CLASSES_MAX];
    double free_at[PICTURE_COUNTERS_MAX];
    Arrival arrivals[WALK_ARRIVALS_MAX]; /* drawn priority visitors */
    unsigned arrival_count, first_arrival;
};

Walk *walk_new(void)
{
    return g_new0(Walk, 1);
}

void walk_free(Walk *walk)
{
    g_free(walk);
}

void walk_prepare(Walk *walk, const WaitPicture *picture)
{
    walk->picture = picture;
    unsigned count[LINES][CLASSES_MAX] = {0};
    for (unsigned i = 0; i < picture->ticket_count; i++)
        count[picture->tickets[i].is_priority][picture->tickets[i].class_index]++;
    unsigned place = 0;
    for (unsigned line = 0; line < LINES; line++)
        for (unsigned c = 0; c < CLASSES_MAX; c++) {
            walk->begin[line][c] = walk->end[line][c] = place;
            place += count[line][c];
        }
    for (unsigned i = 0; i < picture->ticket_count; i++) {
        const PictureTicket *ticket = &picture->tickets[i];
        walk->order[walk->end[ticket->is_priority][ticket->class_index]++] = (uint16_t)i;
    }
}

/* --- When counters come free ---------------------------------------------------------------- */

static double rest_of(const WaitPicture *picture, const PictureCounter *counter, Draws *draws)
{
    const ServiceTimes *times = &picture->learned->times[counter->current_class];
    double elapsed = fmax(0, picture->now - counter->busy_since);
    if (!draws)
        return service_times_mean_rest(times, elapsed);
    /* Just called: perhaps nobody comes. Bayes, with the part of services that last longer. */
    if (counter->may_be_absent && elapsed < CALL_WINDOW_MINUTES) {
        double absent = picture->learned->no_show_rate;
        double present = (1 - absent) * service_times_survival(times, elapsed);
        if (draws_uniform(draws) * (absent + present) < absent)
            return CALL_WINDOW_MINUTES - elapsed;
    }
    return service_times_draw_rest(times, elapsed, draws);
}

static double first_free(const WaitPicture *picture, const PictureCounter *counter, Draws *draws)
{
    double now = picture->now;
    if (counter->is_busy)
        return plan_open_at(&counter->plan, now + rest_of(picture, counter, draws));
    if (counter->is_signed_in)
        return now;
    double start = plan_start_of(&counter->plan, now);
    if (!isnan(start))
        return fmax(start + picture->learned->lateness, now + SIGN_IN_LEAST);
    return plan_open_at(&counter->plan, now) + picture->learned->lateness;
}

static unsigned earliest(const double *free_at, unsigned count)
{
    unsigned best = 0;
    for (unsigned i = 1; i < count; i++)
        if (free_at[i] < free_at[best])
            best = i;
    return best;
}

/* --- Who is called -------------------------------------------------------------------------- */

static void draw_arrivals(Walk *walk, Draws *draws)
{
    const WaitPicture *picture = walk->picture;
    const Learned *learned = picture->learned;
    walk->arrival_count = walk->first_arrival = 0;
    double rate =
        learned->priority_share * MIN(picture->recent_arrivals, RECENT_COUNTED) / RECENT_MINUTES;
    if (!draws || !(rate > 0))
        return;
    double until = fmin(picture->now + FORESEEN_MINUTES, picture->closes);
    double minute = picture->now + draws_exponential(draws, 1 / rate);
    while (minute < until && walk->arrival_count < WALK_ARRIVALS_MAX) {
        walk->arrivals[walk->arrival_count++] =
            (Arrival){.minute = minute, .class_index = learned_draw_class(learned, draws)};
        minute += draws_exponential(draws, 1 / rate);
    }
}

/* The first ticket of a line that a counter may serve, or -1. */
static int head_of(const Walk *walk, unsigned line, uint32_t classes)
{
    int head = -1;
    for (; classes; classes &= classes - 1) {
        unsigned c = (unsigned)__builtin_ctz(classes);
        if (walk->next[line][c] == walk->end[line][c])
            continue;
        int ticket = walk->order[walk->next[line][c]];
        if (head < 0 || ticket < head)
            head = ticket;
    }
    return head;
}

/* The first drawn visitor who has come by minute and whom a counter may serve, or NULL. */
static Arrival *arrived_by(Walk *walk, double minute, uint32_t classes)
{
    while (walk->first_arrival < walk->arrival_count &&
           walk->arrivals[walk->first_arrival].is_called)
        walk->first_arrival++;
    for (unsigned i = walk->first_arrival; i < walk->arrival_count; i++) {
        Arrival *arrival = &walk->arrivals[i];
        if (arrival->minute > minute)
            return NULL;
        if (!arrival->is_called && classes >> arrival->class_index & 1)
            return arrival;
    }
    return NULL;
}

static double duration(const Learned *learned, unsigned class_index, Draws *draws)
{
    const ServiceTimes *times = &learned->times[class_index];
    double absent = learned->no_show_rate;
    if (!draws)
        return (1 - absent) * times->mean + absent * CALL_WINDOW_MINUTES;
    return draws_uniform(draws) < absent ? CALL_WINDOW_MINUTES : service_times_draw(times, draws);
}

static FairnessHead waiting_head(const Walk *walk, int ticket, double minute)
{
    if (ticket < 0)
        return (FairnessHead){0};
    return (FairnessHead){true, minute - walk->picture->tickets[ticket].issued};
}

/* Calls somebody to a counter that is free at minute: *ret_ticket is who, or -1 for a drawn
 * visitor. False when it may serve nobody. */
static bool call_one(Walk *walk, uint32_t classes, double minute, unsigned *normal_since,
                     int *ret_ticket, unsigned *ret_class)
{
    int normal = head_of(walk, 0, classes), priority = head_of(walk, 1, classes);
    Arrival *arrival = priority < 0 ? arrived_by(walk, minute, classes) : NULL;
    FairnessHead first = waiting_head(walk, priority, minute);
    if (arrival)
        first = (FairnessHead){true, minute - arrival->minute};
    FairnessPick pick = fairness_pick(&walk->picture->rule, first,
                                      waiting_head(walk, normal, minute), *normal_since);
    if (pick == FAIRNESS_NOBODY)
        return false;
    bool is_priority = pick == FAIRNESS_PRIORITY;
    *normal_since = fairness_after(is_priority, *normal_since);
    *ret_ticket = is_priority ? priority : normal;
    if (*ret_ticket < 0) {
        arrival->is_called = true;
        *ret_class = arrival->class_index;
        return true;
    }
    *ret_class = walk->picture->tickets[*ret_ticket].class_index;
    walk->next[is_priority][*ret_class]++;
    return true;
}

void walk_run(Walk *walk, Draws *draws, float *ret_waits)
{
    const WaitPicture *picture = walk->picture;
    const float longest = (float)fmax(0, picture->closes - picture->now);
    for (unsigned i = 0; i < picture->ticket_count; i++)
        ret_waits[i] = longest;
    memcpy(walk->next, walk->begin, sizeof walk->next);
    for (unsigned i = 0; i < picture->counter_count; i++)
        walk->free_at[i] = first_free(picture, &picture->counters[i], draws);
    draw_arrivals(walk, draws);
    unsigned normal_since = picture->normal_since, left = picture->ticket_count;
    while (left > 0 && picture->counter_count > 0) {
        unsigned i = earliest(walk->free_at, picture->counter_count);
        const PictureCounter *counter = &picture->counters[i];
        double minute = walk->free_at[i];
        if (!(minute < picture->closes))
            return;
        int ticket;
        unsigned class_index;
        if (!call_one(walk, counter->classes, minute, &normal_since, &ticket, &class_index)) {
            walk->free_at[i] = INFINITY;
            continue;
        }
        if (ticket >= 0) {
            ret_waits[ticket] = (float)fmax(0, minute - picture->now);
            left--;
            if (picture->tickets[ticket].id == 0)
                continue;
        }
        walk->free_at[i] =
            plan_open_at(&counter->plan, minute + duration(picture->learned, class_index, draws));
    }
}
