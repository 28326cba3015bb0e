/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The estimator of the wait: each piece by its contract, and properties over many random pictures.
 */
#include "plugins/queue/calibration.h"
#include "plugins/queue/fairness.h"
#include "plugins/queue/roll.h"
#include "plugins/queue/roll_samples.h"
#include "plugins/queue/wait_log.h"
#include <limits.h>
#include <math.h>

#define CLOSE_TO(actual, expected) g_assert_cmpfloat_with_epsilon(actual, expected, 1e-4)

/* --- Pieces --------------------------------------------------------------------------------- */

static void test_fairness(void)
{
    const FairnessRule rule = {.ratio = 2}, strict = {0};
    const FairnessRule capped = {.ratio = 2, .age_cap_minutes = 50};
    const FairnessHead nobody = {0}, young = {true, 1}, old = {true, 51};
    static const FairnessPick normal = FAIRNESS_NORMAL, priority = FAIRNESS_PRIORITY;
    g_assert_cmpint(fairness_pick(&rule, nobody, young, 9), ==, normal);
    g_assert_cmpint(fairness_pick(&rule, nobody, nobody, 9), ==, FAIRNESS_NOBODY);
    g_assert_cmpint(fairness_pick(&rule, young, nobody, 0), ==, priority);
    g_assert_cmpint(fairness_pick(&rule, young, young, 1), ==, normal);
    g_assert_cmpint(fairness_pick(&rule, young, old, 2), ==, priority);
    g_assert_cmpint(fairness_pick(&strict, young, old, 0), ==, priority);
    g_assert_cmpint(fairness_pick(&capped, young, old, 2), ==, normal);
    g_assert_cmpint(fairness_pick(&capped, old, old, 2), ==, priority);
    g_assert_cmpint(fairness_pick(&capped, young, young, 2), ==, priority);
    g_assert_cmpint(fairness_pick(&capped, young, nobody, 0), ==, priority);
    g_assert_cmpuint(fairness_after(true, 7), ==, 0);
    g_assert_cmpuint(fairness_after(false, 7), ==, 8);
    g_assert_cmpuint(fairness_after(false, FAIRNESS_SINCE_MAX), ==, FAIRNESS_SINCE_MAX);
}

/* With priority visitors without end, a normal one with j ahead is passed 1 + j / r times at most.
 */
static void test_bounded_overtaking(void)
{
    const FairnessHead somebody = {true, 0};
    for (unsigned ratio = 1; ratio <= 5; ratio++)
        for (unsigned since = 0; since <= ratio; since++)
            for (unsigned ahead = 0; ahead < 30; ahead++) {
                unsigned overtaken = 0, normal = 0, normal_since = since;
                while (normal <= ahead) {
                    const FairnessRule rule = {.ratio = ratio};
                    bool priority =
                        fairness_pick(&rule, somebody, somebody, normal_since) == FAIRNESS_PRIORITY;
                    normal_since = fairness_after(priority, normal_since);
                    overtaken += priority;
                    normal += !priority;
                }
                g_assert_cmpuint(overtaken, <=, 1 + ahead / ratio);
            }
}

static void test_service_times(void)
{
    ServiceTimes times;
    service_times_init(&times, 5);
    g_assert_cmpuint(times.count, ==, 3);
    g_assert_cmpuint(times.recorded, ==, 0);
    CLOSE_TO(service_times_mean_rest(&times, 2), 3);
    CLOSE_TO(service_times_mean_rest(&times, 5), 2.5); /* none was longer: half the mean */
    service_times_add(&times, 9);
    CLOSE_TO(times.mean, 5.2);
    CLOSE_TO(service_times_mean_rest(&times, 6), 3);
    CLOSE_TO(service_times_survival(&times, 6), 0.25);
    service_times_add(&times, -1);
    service_times_add(&times, NAN);
    g_assert_cmpuint(times.recorded, ==, 1);
    service_times_add(&times, INFINITY);
    CLOSE_TO(times.by_size[times.count - 1], SERVICE_TIMES_LONGEST);
}

/* The ring forgets the oldest, and what is sorted is what is in the ring. */
static void test_service_times_limit(void)
{
    ServiceTimes times;
    Draws draws = draws_seeded(3);
    service_times_init(&times, 5);
    for (unsigned i = 0; i < 5000; i++) {
        service_times_add(&times, draws_below(&draws, 40) / 2.0);
        g_assert_cmpuint(times.count, ==, MIN(i + 4, SERVICE_TIMES_MAX));
        double by_age = 0, by_size = 0;
        for (unsigned j = 0; j < times.count; j++) {
            by_age += times.by_age[j];
            by_size += times.by_size[j];
            g_assert_true(j == 0 || times.by_size[j - 1] <= times.by_size[j]);
        }
        CLOSE_TO(by_age, by_size);
    }
    double rest = 0;
    for (unsigned i = 0; i < 20000; i++) {
        double drawn = service_times_draw_rest(&times, 10, &draws);
        g_assert_true(drawn > 0 && drawn <= 9.5);
        rest += drawn / 20000;
    }
    g_assert_cmpfloat_with_epsilon(rest, service_times_mean_rest(&times, 10), 0.1);
}

static void test_plan(void)
{
    CounterPlan plan = {0};
    g_assert_true(isinf(plan_open_at(&plan, 0)));
    g_assert_true(plan_add(&plan, 60, 240));
    g_assert_false(plan_add(&plan, 200, 300)); /* overlaps */
    g_assert_false(plan_add(&plan, 300, 300)); /* empty */
    g_assert_true(plan_add(&plan, 240, 250));  /* joined */
    g_assert_cmpuint(plan.count, ==, 1);
    g_assert_true(plan_add(&plan, 300, 420));
    CLOSE_TO(plan_open_at(&plan, 0), 60);
    CLOSE_TO(plan_open_at(&plan, 100), 100);
    CLOSE_TO(plan_open_at(&plan, 250), 300);
    g_assert_true(isinf(plan_open_at(&plan, 420)));
    CLOSE_TO(plan_start_of(&plan, 419), 300);
    g_assert_true(isnan(plan_start_of(&plan, 260)));
    for (unsigned i = 2; i < PLAN_INTERVALS_MAX; i++)
        g_assert_true(plan_add(&plan, 500 + 10 * i, 505 + 10 * i));
    g_assert_false(plan_add(&plan, 900, 910)); /* the limit */
    g_assert_cmpuint(plan.count, ==, PLAN_INTERVALS_MAX);
}

static void test_calibration(void)
{
    CLOSE_TO(calibration_after(0.9, true), 0.899);
    CLOSE_TO(calibration_after(0.9, false), 0.909);
    CLOSE_TO(calibration_after(CALIBRATION_HIGH, false), CALIBRATION_HIGH);
    CLOSE_TO(calibration_after(CALIBRATION_LOW, true), CALIBRATION_LOW);
}

static void test_learned(void)
{
    Learned *learned = g_new(Learned, 1);
    learned_init(learned, 3, 5);
    learned_opening(learned, -3);
    CLOSE_TO(learned->lateness, 0);
    learned_opening(learned, 8);
    CLOSE_TO(learned->lateness, 4);
    learned_no_show(learned);
    CLOSE_TO(learned->no_show_rate, 1.0 / 11);
    g_assert_cmpuint(learned->times[0].recorded, ==, 0);
    for (unsigned i = 0; i < 2000; i++)
        (i % 4 == 0) ? learned_no_show(learned) : learned_service(learned, 1, 2);
    g_assert_cmpfloat_with_epsilon(learned->no_show_rate, 0.25, 0.02);
    for (unsigned i = 0; i < 1000; i++)
        learned_arrival(learned, i % 4 == 0 ? 2 : 1, i % 10 == 0);
    g_assert_cmpfloat_with_epsilon(learned->priority_share, 0.1, 0.02);
    Draws draws = draws_seeded(1);
    unsigned drawn[3] = {0};
    for (unsigned i = 0; i < 10000; i++)
        drawn[learned_draw_class(learned, &draws)]++;
    g_assert_cmpuint(drawn[0], ==, 0);
    g_assert_cmpfloat_with_epsilon(drawn[2] / 10000.0, 0.25, 0.02);
    g_free(learned);
}

static void test_log(void)
{
    static const char *const lines[] = {
        "day 480 3",           "plan 0 2 60 240.5", "open 61.5 2",
        "arrive 61.25 17 1 1", "call 62.125 17 63", "finish 64 2",
        "absent 64.5 0",       "leave 70 18",       "shut 240 2",
    };
    static const char *const wrong[] = {
        "",           "dance 1 2",    "day 480",          "day 480 0",         "day 480 33",
        "open 1 64",  "open 1 1.5",   "open 1 2 3",       "open  1 2",         "open -1 2",
        "open nan 2", "open 20000 2", "call 1 17 64",     "arrive 1 17 32 0",  "arrive 1 17 1 2",
        "open 1 2 ",  "plan 0 2 9 9", "plan 0 2 9 20000", "arrive 1 1e99 1 0", "openx 1 2",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        WaitEvent event;
        g_autoptr(GString) again = g_string_new(NULL);
        g_assert_true(wait_log_read(lines[i], &event));
        wait_log_write(again, &event);
        g_string_truncate(again, again->len - 1);
        g_assert_cmpstr(again->str, ==, lines[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        WaitEvent event = {.number = 77};
        g_assert_false(wait_log_read(wrong[i], &event));
        g_assert_cmpint(event.number, ==, 77);
    }
}

/* --- Walks ---------------------------------------------------------------------------------- */

typedef struct {
    Learned learned;
    WaitPicture picture;
    Walk *walk;
    RollSamples *samples;
    float waits[PICTURE_TICKETS_MAX];
} Bench;

/* Counters open all day, services of 5 minutes. */
static Bench *new_bench(unsigned counters, unsigned tickets)
{
    Bench *bench = g_new0(Bench, 1);
    bench->walk = walk_new();
    bench->samples = roll_samples_new();
    learned_init(&bench->learned, 2, 5);
    bench->picture = (WaitPicture){.now = 100,
                                   .closes = 480,
                                   .event = 1,
                                   .rule.ratio = 2,
                                   .normal_since = 2,
                                   .learned = &bench->learned};
    bench->picture.counter_count = counters;
    bench->picture.ticket_count = tickets;
    for (unsigned i = 0; i < counters; i++) {
        bench->picture.counters[i] = (PictureCounter){.classes = 3, .is_signed_in = true};
        g_assert_true(plan_add(&bench->picture.counters[i].plan, 0, 480));
    }
    for (unsigned i = 0; i < tickets; i++)
        bench->picture.tickets[i] = (PictureTicket){.id = i + 1};
    return bench;
}

static void bench_free(Bench *bench)
{
    walk_free(bench->walk);
    roll_samples_free(bench->samples);
    g_free(bench);
}

static float *roll(Bench *bench)
{
    roll_estimate(bench->walk, &bench->picture, bench->waits);
    return bench->waits;
}

static void test_idle_is_now(void)
{
    Bench *bench = new_bench(2, 3);
    CLOSE_TO(roll(bench)[0], 0);
    CLOSE_TO(bench->waits[1], 0);
    CLOSE_TO(bench->waits[2], 5);
    roll_samples_run(bench->samples, &bench->picture);
    CLOSE_TO(roll_samples_wait(bench->samples, 0, 0.995), 0);
    CLOSE_TO(roll_samples_wait(bench->samples, 2, 0.5), 5);
    bench_free(bench);
}

static void test_busy_and_breaks(void)
{
    Bench *bench = new_bench(1, 3);
    PictureCounter *counter = &bench->picture.counters[0];
    counter->is_busy = true;
    counter->busy_since = 98;
    counter->plan = (CounterPlan){0};
    g_assert_true(plan_add(&counter->plan, 0, 105) && plan_add(&counter->plan, 150, 480));
    CLOSE_TO(roll(bench)[0], 3);
    CLOSE_TO(bench->waits[1], 50); /* the service runs into the break and is finished first */
    CLOSE_TO(bench->waits[2], 55);
    counter->busy_since = 200; /* the clock was set back: no negative age */
    CLOSE_TO(roll(bench)[0], 50);
    bench_free(bench);
}

static void test_absent_colleague(void)
{
    Bench *bench = new_bench(1, 1);
    PictureCounter *counter = &bench->picture.counters[0];
    counter->is_signed_in = false;
    CLOSE_TO(roll(bench)[0], 2);
    bench->learned.lateness = 10;
    CLOSE_TO(roll(bench)[0], 2); /* opened long ago: any minute now */
    counter->plan = (CounterPlan){0};
    g_assert_true(plan_add(&counter->plan, 95, 480));
    CLOSE_TO(roll(bench)[0], 5);
    counter->plan = (CounterPlan){0};
    g_assert_true(plan_add(&counter->plan, 120, 480));
    CLOSE_TO(roll(bench)[0], 30);
    bench_free(bench);
}

static void test_not_reached(void)
{
    Bench *bench = new_bench(1, 100);
    CLOSE_TO(roll(bench)[99], 380);
    CLOSE_TO(bench->waits[75], 375);
    bench->picture.counter_count = 0;
    CLOSE_TO(roll(bench)[0], 380);
    bench->picture.now = 500; /* after closing */
    CLOSE_TO(roll(bench)[0], 0);
    roll_samples_run(bench->samples, &bench->picture);
    CLOSE_TO(roll_samples_wait(bench->samples, 0, 0.5), 0);
    bench_free(bench);
}

static void test_classes(void)
{
    Bench *bench = new_bench(2, 4);
    bench->picture.counters[0].classes = 1;
    bench->picture.counters[1].classes = 2;
    bench->picture.tickets[3].class_index = 1;
    CLOSE_TO(roll(bench)[3], 0); /* nobody else is for that counter */
    CLOSE_TO(bench->waits[2], 10);
    bench->picture.counters[1].classes = 0;
    CLOSE_TO(roll(bench)[3], 380); /* no counter serves it */
    bench_free(bench);
}

static void test_priority(void)
{
    Bench *bench = new_bench(1, 6);
    bench->picture.tickets[4].is_priority = bench->picture.tickets[5].is_priority = true;
    roll(bench); /* P N N P N N */
    static const float expected[] = {5, 10, 20, 25, 0, 15};
    for (unsigned i = 0; i < 6; i++)
        CLOSE_TO(bench->waits[i], expected[i]);
    bench->picture.rule.ratio = 0;
    CLOSE_TO(roll(bench)[5], 5);
    CLOSE_TO(bench->waits[0], 10);
    bench_free(bench);
}

/* Priority visitors who have not come yet lengthen the wait of normal ones, and of nobody else. */
static void test_arrivals(void)
{
    Bench *bench = new_bench(1, 20);
    bench->picture.tickets[19].is_priority = true;
    for (unsigned i = 0; i < 200; i++)
        learned_arrival(&bench->learned, 0, i % 2 == 0);
    roll_samples_run(bench->samples, &bench->picture);
    double without = roll_samples_wait(bench->samples, 18, 0.5);
    bench->picture.recent_arrivals = 9;
    roll_samples_run(bench->samples, &bench->picture);
    g_assert_cmpfloat(roll_samples_wait(bench->samples, 18, 0.5), >, without + 10);
    CLOSE_TO(roll_samples_wait(bench->samples, 19, 0.995), 0);
    bench->picture.recent_arrivals = UINT_MAX; /* a crowd is capped */
    roll_samples_run(bench->samples, &bench->picture);
    g_assert_cmpfloat(roll_samples_wait(bench->samples, 18, 0.5), <=, 380);
    bench_free(bench);
}

static void randomize(Bench *bench, Draws *draws)
{
    WaitPicture *picture = &bench->picture;
    learned_init(&bench->learned, 2, 1 + draws_below(draws, 9));
    for (unsigned i = draws_below(draws, 300); i > 0; i--) {
        learned_service(&bench->learned, i % 2, draws_exponential(draws, 6));
        learned_arrival(&bench->learned, i % 2, i % 7 == 0);
        if (i % 9 == 0)
            learned_no_show(&bench->learned);
    }
    picture->now = draws_below(draws, 500);
    picture->event = draws_below(draws, 1000000);
    picture->recent_arrivals = draws_below(draws, 60);
    picture->rule.ratio = draws_below(draws, 4);
    picture->rule.age_cap_minutes = draws_below(draws, 2) * 30;
    picture->normal_since = draws_below(draws, 5);
    for (unsigned i = 0; i < picture->counter_count; i++) {
        PictureCounter *counter = &picture->counters[i];
        *counter =
            (PictureCounter){.classes = 3, .busy_since = picture->now - draws_below(draws, 30)};
        counter->is_signed_in = draws_below(draws, 2);
        counter->is_busy = draws_below(draws, 2);
        counter->may_be_absent = draws_below(draws, 2);
        double opens = draws_below(draws, 200);
        g_assert_true(plan_add(&counter->plan, opens, opens + 1 + draws_below(draws, 300)));
    }
    for (unsigned i = 0; i < picture->ticket_count; i++)
        picture->tickets[i] = (PictureTicket){.id = i + 1,
                                              .class_index = draws_below(draws, 2),
                                              .is_priority = draws_below(draws, 5) == 0};
}

/* Never negative, never past closing, longer for who stands behind, the same again, p50 <= p90. */
static void test_properties(void)
{
    Draws draws = draws_seeded(7);
    for (unsigned round = 0; round < 300; round++) {
        Bench *bench = new_bench(1 + draws_below(&draws, 6), 1 + draws_below(&draws, 60));
        randomize(bench, &draws);
        const WaitPicture *picture = &bench->picture;
        double longest = fmax(0, picture->closes - picture->now), last[2][2] = {{0}};
        roll_samples_run(bench->samples, picture);
        for (unsigned i = 0; i < picture->ticket_count; i++) {
            double median = roll_samples_wait(bench->samples, i, 0.5);
            double high = roll_samples_wait(bench->samples, i, 0.9);
            unsigned line = picture->tickets[i].is_priority;
            g_assert_true(median >= 0 && median <= high && high <= longest);
            g_assert_true(median >= last[line][0] && high >= last[line][1]);
            last[line][0] = median;
            last[line][1] = high;
        }
        RollSamples *again = roll_samples_new();
        roll_samples_run(again, picture);
        for (unsigned i = 0; i < picture->ticket_count; i++)
            g_assert_true(roll_samples_wait(again, i, 0.37) ==
                          roll_samples_wait(bench->samples, i, 0.37));
        roll_samples_free(again);
        bench_free(bench);
    }
}

/* The largest picture there may be. */
static void test_limits(void)
{
    Bench *bench = new_bench(PICTURE_COUNTERS_MAX, PICTURE_TICKETS_MAX);
    learned_init(&bench->learned, CLASSES_MAX, 5);
    bench->picture.tickets[PICTURE_TICKETS_MAX - 1].class_index = CLASSES_MAX - 1;
    bench->picture.counters[PICTURE_COUNTERS_MAX - 1].classes = UINT32_MAX;
    CLOSE_TO(roll(bench)[PICTURE_TICKETS_MAX - 2], (PICTURE_TICKETS_MAX - 2) / 64 * 5);
    for (unsigned i = 0; i < 1000; i++)
        learned_arrival(&bench->learned, 0, true); /* more priority visitors than are drawn */
    bench->picture.recent_arrivals = 1000;
    roll_samples_run(bench->samples, &bench->picture);
    g_assert_cmpfloat(roll_samples_wait(bench->samples, PICTURE_TICKETS_MAX - 2, 0.5), <=, 380);
    bench_free(bench);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/estimator/fairness", test_fairness);
    g_test_add_func("/estimator/bounded-overtaking", test_bounded_overtaking);
    g_test_add_func("/estimator/service-times", test_service_times);
    g_test_add_func("/estimator/service-times-limit", test_service_times_limit);
    g_test_add_func("/estimator/plan", test_plan);
    g_test_add_func("/estimator/calibration", test_calibration);
    g_test_add_func("/estimator/learned", test_learned);
    g_test_add_func("/estimator/log", test_log);
    g_test_add_func("/estimator/idle-is-now", test_idle_is_now);
    g_test_add_func("/estimator/busy-and-breaks", test_busy_and_breaks);
    g_test_add_func("/estimator/absent-colleague", test_absent_colleague);
    g_test_add_func("/estimator/not-reached", test_not_reached);
    g_test_add_func("/estimator/classes", test_classes);
    g_test_add_func("/estimator/priority", test_priority);
    g_test_add_func("/estimator/arrivals", test_arrivals);
    g_test_add_func("/estimator/properties", test_properties);
    g_test_add_func("/estimator/limits", test_limits);
    return g_test_run();
}
