/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The simulation: Poisson arrivals by thinning, a fixed plan of counters, drawn services.
 *
 * At equal times: departure, arrival, opening. */
#include "tests/bench/waits/library_day.h"
#include "plugins/queue/draws.h"
#include "plugins/queue/fairness.h"
#include "plugins/queue/learned.h"
#include "plugins/queue/plan.h"
#include <math.h>
#include <string.h>

#define CLOSES       480.0
#define COUNTERS_MAX 3
#define VISITORS_MAX 2000
#define RATE_MAX     0.62

const Scenario scenarios[] = {
    {.name = "S1", .is_library_day = false},
    {.name = "S2", .is_library_day = true, .no_show_rate = 0.1},
    {.name = "S2b", .is_library_day = true, .no_show_rate = 0.1, .seed_offset = 1000},
    {.name = "S3", .is_library_day = true, .no_show_rate = 0.1, .priority_share = 0.12},
    {.name = "S3r",
     .is_library_day = true,
     .no_show_rate = 0.1,
     .priority_share = 0.12,
     .ratio = 2},
    {.name = "S4", .is_library_day = true, .no_show_rate = 0.1, .late_most = 15},
};
const unsigned scenario_count = G_N_ELEMENTS(scenarios);

typedef struct {
    double arrival, service;
    unsigned class_index;
    bool is_priority, is_absent;
} Visitor;

typedef struct {
    CounterPlan plan;
    double opening; /* of the coming interval, with its lateness; INFINITY: none */
    double shutting;
    bool is_open, is_busy, is_absent;
    double departs;
} Desk;

typedef struct {
    const Scenario *scenario;
    void (*on_event)(void *data, const WaitEvent *event);
    void *data;
    Draws draws;
    Visitor visitors[VISITORS_MAX];
    unsigned visitor_count, arrived;
    unsigned lines[2][VISITORS_MAX], head[2], tail[2];
    unsigned normal_since;
    Desk desks[COUNTERS_MAX];
    unsigned desk_count;
    int64_t first_ticket;
} Day;

static double rate_at(const Scenario *scenario, double minute)
{
    if (!scenario->is_library_day)
        return 0.36;
    if (minute >= 60 && minute < 180)
        return 0.62;
    return minute >= 270 && minute < 390 ? 0.52 : 0.26;
}

static double draw_normal(Draws *draws)
{
    return sqrt(draws_exponential(draws, 2)) * cos(2 * M_PI * draws_uniform(draws));
}

static double draw_service(const Scenario *scenario, unsigned class_index, Draws *draws)
{
    static const double means[] = {2.5, 6, 12}, variations[] = {.6, .8, .7};
    if (!scenario->is_library_day)
        return draws_exponential(draws, 5);
    double variance = log(1 + variations[class_index] * variations[class_index]);
    return exp(log(means[class_index]) - variance / 2 + sqrt(variance) * draw_normal(draws));
}

static void draw_visitors(Day *day)
{
    Draws *draws = &day->draws;
    double minute = 0;
    day->visitor_count = 0;
    while (day->visitor_count < VISITORS_MAX) {
        minute += draws_exponential(draws, 1 / RATE_MAX);
        if (minute >= CLOSES)
            return;
        if (draws_uniform(draws) * RATE_MAX >= rate_at(day->scenario, minute))
            continue;
        double share = draws_uniform(draws);
        Visitor visitor = {.arrival = minute};
        visitor.class_index = !day->scenario->is_library_day || share < .5 ? 0 : share < .8 ? 1 : 2;
        visitor.is_priority = draws_uniform(draws) < day->scenario->priority_share;
        visitor.is_absent = draws_uniform(draws) < day->scenario->no_show_rate;
        visitor.service = draw_service(day->scenario, visitor.class_index, draws);
        if (visitor.is_absent)
            visitor.service = CALL_WINDOW_MINUTES;
        day->visitors[day->visitor_count++] = visitor;
    }
}

static void tell(Day *day, WaitEvent event)
{
    day->on_event(day->data, &event);
}

/* Its coming interval, from minute on. */
static void plan_opening(Day *day, Desk *desk, double minute)
{
    desk->opening = desk->shutting = INFINITY;
    for (unsigned i = 0; i < desk->plan.count; i++)
        if (desk->plan.intervals[i].opens >= minute) {
            desk->opening = desk->plan.intervals[i].opens +
                            draws_uniform(&day->draws) * day->scenario->late_most;
            desk->shutting = desk->plan.intervals[i].closes;
            return;
        }
}

static void begin_day(Day *day)
{
    static const PlanInterval library[COUNTERS_MAX][2] = {
        {{0, 480}}, {{0, 240}, {300, 480}}, {{60, 240}, {300, 420}}};
    draw_visitors(day);
    day->arrived = day->head[0] = day->head[1] = day->tail[0] = day->tail[1] = 0;
    day->normal_since = day->scenario->ratio;
    day->desk_count = day->scenario->is_library_day ? 3 : 2;
    tell(day, (WaitEvent){.kind = WAIT_DAY,
                          .minute = CLOSES,
                          .number = day->scenario->is_library_day ? 3 : 1});
    for (unsigned i = 0; i < day->desk_count; i++) {
        Desk *desk = &day->desks[i];
        *desk = (Desk){.departs = INFINITY};
        for (unsigned j = 0; j < 2; j++) {
            PlanInterval interval = library[i][j];
            if (!day->scenario->is_library_day)
                interval = (PlanInterval){0, j == 0 ? CLOSES : 0};
            if (!plan_add(&desk->plan, interval.opens, interval.closes))
                continue;
            tell(day, (WaitEvent){.kind = WAIT_PLAN,
                                  .number = i,
                                  .minute = interval.opens,
                                  .until = interval.closes});
        }
        plan_opening(day, desk, 0);
    }
}

static void call_next(Day *day, unsigned counter, double minute)
{
    bool normal = day->head[0] < day->tail[0], priority = day->head[1] < day->tail[1];
    Desk *desk = &day->desks[counter];
    if ((!normal && !priority) || !desk->is_open || desk->is_busy || minute >= CLOSES)
        return;
    const FairnessRule rule = {.ratio = day->scenario->ratio};
    bool line = fairness_pick(&rule, (FairnessHead){priority, 0}, (FairnessHead){normal, 0},
                              day->normal_since) == FAIRNESS_PRIORITY;
    day->normal_since = fairness_after(line, day->normal_since);
    unsigned index = day->lines[line][day->head[line]++];
    desk->is_busy = true;
    desk->is_absent = day->visitors[index].is_absent;
    desk->departs = minute + day->visitors[index].service;
    tell(day, (WaitEvent){.kind = WAIT_CALL,
                          .minute = minute,
                          .number = day->first_ticket + index,
                          .counter = counter});
}

static void shut(Day *day, unsigned counter, double minute)
{
    Desk *desk = &day->desks[counter];
    desk->is_open = false;
    tell(day, (WaitEvent){.kind = WAIT_SHUT, .minute = minute, .number = counter});
    plan_opening(day, desk, minute);
}

static void depart(Day *day, unsigned counter)
{
    Desk *desk = &day->desks[counter];
    double minute = desk->departs;
    desk->is_busy = false;
    desk->departs = INFINITY;
    tell(day, (WaitEvent){.kind = desk->is_absent ? WAIT_ABSENT : WAIT_FINISH,
                          .minute = minute,
                          .number = counter});
    if (minute >= desk->shutting)
        shut(day, counter, minute);
    call_next(day, counter, minute);
}

static void arrive(Day *day)
{
    unsigned index = day->arrived++;
    const Visitor *visitor = &day->visitors[index];
    day->lines[visitor->is_priority][day->tail[visitor->is_priority]++] = index;
    tell(day, (WaitEvent){.kind = WAIT_ARRIVE,
                          .minute = visitor->arrival,
                          .number = day->first_ticket + index,
                          .class_index = visitor->class_index,
                          .is_priority = visitor->is_priority});
    for (unsigned i = 0; i < day->desk_count; i++)
        call_next(day, i, visitor->arrival);
}

static void open(Day *day, unsigned counter)
{
    Desk *desk = &day->desks[counter];
    double minute = desk->opening;
    desk->opening = INFINITY;
    desk->is_open = true;
    tell(day, (WaitEvent){.kind = WAIT_OPEN, .minute = minute, .number = counter});
    call_next(day, counter, minute);
}

/* The counter with the earliest value at offset, and that value. */
static double earliest(const Day *day, double (*value)(const Desk *), unsigned *ret_counter)
{
    double best = INFINITY;
    for (unsigned i = 0; i < day->desk_count; i++)
        if (value(&day->desks[i]) < best) {
            best = value(&day->desks[i]);
            *ret_counter = i;
        }
    return best;
}

static double departs(const Desk *desk)
{
    return desk->departs;
}

static double opens(const Desk *desk)
{
    return desk->opening;
}

static double shuts(const Desk *desk)
{
    return desk->is_open && !desk->is_busy ? desk->shutting : INFINITY;
}

static void run_day(Day *day)
{
    begin_day(day);
    for (;;) {
        unsigned departing = 0, shutting = 0, opening = 0;
        double departure = earliest(day, departs, &departing);
        double shut_at = earliest(day, shuts, &shutting);
        double open_at = earliest(day, opens, &opening);
        double arrival =
            day->arrived < day->visitor_count ? day->visitors[day->arrived].arrival : INFINITY;
        double minute = fmin(fmin(departure, arrival), fmin(open_at, shut_at));
        if (isinf(minute))
            break;
        if (departure <= minute)
            depart(day, departing);
        else if (shut_at <= minute)
            shut(day, shutting, shut_at);
        else if (arrival <= minute)
            arrive(day);
        else
            open(day, opening);
    }
    day->first_ticket += day->visitor_count;
}

void library_days(const Scenario *scenario, uint64_t seed, unsigned days,
                  void (*on_event)(void *data, const WaitEvent *event), void *data)
{
    Day *day = g_new0(Day, 1);
    day->scenario = scenario;
    day->on_event = on_event;
    day->data = data;
    day->draws = draws_seeded(seed + scenario->seed_offset);
    day->first_ticket = 1;
    for (unsigned i = 0; i < days; i++)
        run_day(day);
    g_free(day);
}
