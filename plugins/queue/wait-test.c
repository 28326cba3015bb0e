/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The wait in a real host: what is shown, when it is made anew, what is logged of it, and that a
 * day of the log is one that the replay reads. */
#include "plugins/queue/queue.h"
#include "plugins/queue/wait_log.h"
#include "plugins/testing.h"

#define MANY "[queue]\ntickets_per_address=10000\ntime_zone=Asia/Jakarta\nservice_minutes=4\n"

static Kit *new_kit(void)
{
    Kit *kit = kit_new_with(&serambi_plugin, MANY, NULL);
    g_assert_cmpstr(kit_reason(kit), ==, NULL);
    return kit;
}

static json_t *take(Kit *kit, int service)
{
    static int serial;
    g_autofree char *key = g_strdup_printf("wait-take-%08d", ++serial);
    json_auto_t *answer = ask(kit, SERAMBI_PUBLIC, 201, "POST /api/queue/tickets",
                              json_pack("{s:i, s:s}", "service", service, "key", key));
    return json_incref(json_object_get(answer, "ticket"));
}

static json_t *next(Kit *kit, int counter)
{
    static int serial;
    g_autofree char *key = g_strdup_printf("wait-next-%08d", ++serial);
    g_autofree char *path = g_strdup_printf("POST /api/queue/counters/%d/next", counter);
    json_auto_t *answer = ask(kit, SERAMBI_COUNTER, 200, path, json_pack("{s:s}", "key", key));
    return json_incref(json_object_get(answer, "ticket"));
}

static const json_t *told(Kit *kit, const json_t *ticket)
{
    g_autofree char *channel = g_strconcat("queue:ticket.", text_at(ticket, "secret"), NULL);
    return kit_newest(kit, channel);
}

static void assert_range(const json_t *message, int64_t low, int64_t high)
{
    g_assert_cmpint(number_at(message, "wait_minutes.0"), ==, low);
    g_assert_cmpint(number_at(message, "wait_minutes.1"), ==, high);
}

static void test_bracket(void)
{
    static const struct {
        double median, high;
        uint64_t recorded;
        int64_t low, expected_high;
    } table[] = {
        {0, 0, 0, 0, 0},    {0, 0, 20, 0, 0},    {9.9, 10, 20, 5, 10}, {10, 10.1, 20, 10, 15},
        {9, 12, 19, 5, 20}, {30, 40, 0, 20, 60}, {1, 2, 20, 0, 5},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        int64_t low, high;
        wait_bracket(table[i].median, table[i].high, table[i].recorded, &low, &high);
        g_assert_cmpint(low, ==, table[i].low);
        g_assert_cmpint(high, ==, table[i].expected_high);
    }
}

/* Each change is told within a second, to those whose range it changes. */
static void test_live(void)
{
    Kit *kit = new_kit();
    json_auto_t *first = take(kit, 1);
    json_decref(next(kit, 1));
    json_t *line[8];
    for (size_t i = 0; i < G_N_ELEMENTS(line); i++)
        line[i] = take(kit, 1);
    kit_turn_clock(kit, 1);
    /* One counter, services of four minutes: 4 i + 4 at most; few are known, so twice the half. */
    assert_range(told(kit, line[0]), 0, 10);
    assert_range(told(kit, line[7]), 20, 50);
    json_decref(next(kit, 2)); /* a second counter */
    kit_turn_clock(kit, 1);
    assert_range(told(kit, line[7]), 10, 25);
    g_assert_true(json_is_null(at(told(kit, line[0]), "wait_minutes")));
    for (size_t i = 0; i < G_N_ELEMENTS(line); i++)
        json_decref(line[i]);
    kit_free(kit);
}

/* With an idle counter and nobody ahead: now. */
static void test_now(void)
{
    Kit *kit = new_kit();
    json_auto_t *first = take(kit, 1);
    json_decref(next(kit, 1));
    kit_turn_clock(kit, 60);
    json_decref(next(kit, 1)); /* finishes the first; nobody waits */
    kit_turn_clock(kit, 1);
    json_auto_t *second = take(kit, 2);
    assert_range(second, 0, 0);
    kit_turn_clock(kit, 1);
    assert_range(told(kit, second), 0, 0);
    kit_free(kit);
}

/* What was learned is used: after twenty services of ten minutes the range knows it. */
static void test_learns(void)
{
    Kit *kit = new_kit();
    for (int i = 0; i < 25; i++) {
        json_decref(take(kit, 1));
        json_decref(next(kit, 1));
        kit_turn_clock(kit, 600);
    }
    json_decref(next(kit, 1));
    json_decref(take(kit, 1));
    json_decref(next(kit, 1));
    json_auto_t *one = take(kit, 1);
    json_auto_t *two = take(kit, 1);
    kit_turn_clock(kit, 1);
    assert_range(told(kit, one), 5, 10);
    assert_range(told(kit, two), 15, 20);
    kit_free(kit);
}

/* Before midnight with a long line: not reached, said as no range. */
static void test_not_reached(void)
{
    Kit *kit = new_kit();
    json_decref(take(kit, 1));
    json_decref(next(kit, 1));
    json_t *last = NULL;
    for (int i = 0; i < 300; i++) { /* 1,200 minutes: more than is left of the day */
        json_decref(last);
        last = take(kit, 1);
    }
    kit_turn_clock(kit, 1);
    g_assert_true(json_is_null(at(told(kit, last), "wait_minutes")));
    json_decref(last);
    kit_free(kit);
}

/* Each shown estimate is kept, and its error when its ticket is called. */
static void test_log_and_figures(void)
{
    Kit *kit = new_kit();
    json_decref(take(kit, 1));
    json_decref(next(kit, 1));
    json_decref(take(kit, 1));
    json_auto_t *leaver = take(kit, 1);
    kit_turn_clock(kit, 1);
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_estimate WHERE is_first = 1"),
                    ==, 2);
    json_auto_t *nothing = ask(kit, SERAMBI_EDITOR, 200, "GET /api/queue/estimates", NULL);
    g_assert_cmpuint(json_array_size(at(nothing, "hours")), ==, 0);
    kit_turn_clock(kit, 599);
    json_decref(next(kit, 1));
    g_autofree char *leave =
        g_strdup_printf("POST /api/queue/tickets/%s/leave", text_at(leaver, "secret"));
    json_decref(ask(kit, SERAMBI_PUBLIC, 200, leave, NULL));
    kit_turn_clock(kit, 1);
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_estimate WHERE is_open = 1"), ==,
                    0);
    g_assert_cmpint(count_of(kit,
                             "SELECT called_us - at_us AS n FROM queue_estimate WHERE is_first = 1"
                             " AND called_us IS NOT NULL"),
                    ==, 599 * G_USEC_PER_SEC);
    /* It waited ten minutes and not four: outside, so the level rises. */
    g_assert_cmpint(count_of(kit, "SELECT level_millionths AS n FROM queue_calibration"), ==,
                    909000);
    json_auto_t *figures = ask(kit, SERAMBI_EDITOR, 200, "GET /api/queue/estimates", NULL);
    g_assert_cmpuint(json_array_size(at(figures, "hours")), ==, 1);
    g_assert_cmpint(number_at(figures, "hours.0.count"), ==, 1);
    g_assert_cmpint(number_at(figures, "hours.0.service"), ==, 1);
    double wrong = json_number_value(at(figures, "hours.0.mean_error_minutes"));
    g_assert_cmpfloat_with_epsilon(wrong, 599 / 60.0 - 4, 0.1);
    g_assert_cmpfloat_with_epsilon(json_number_value(at(figures, "hours.0.bias_minutes")), -wrong,
                                   1e-6);
    g_assert_cmpfloat(json_number_value(at(figures, "hours.0.inside")), ==, 0);
    json_auto_t *log = ask(kit, SERAMBI_EDITOR, 200, "GET /api/queue/estimates/log", NULL);
    g_auto(GStrv) lines = g_strsplit(text_at(log, "text"), "\n", -1);
    unsigned arrivals = 0, calls = 0, leaves = 0, finishes = 0;
    for (char **line = lines; **line; line++) {
        WaitEvent event;
        g_assert_true(wait_log_read(*line, &event));
        arrivals += event.kind == WAIT_ARRIVE;
        calls += event.kind == WAIT_CALL;
        leaves += event.kind == WAIT_LEAVE;
        finishes += event.kind == WAIT_FINISH;
    }
    g_assert_cmpuint(arrivals, ==, 3);
    g_assert_cmpuint(calls, ==, 2);
    g_assert_cmpuint(leaves, ==, 1);
    g_assert_cmpuint(finishes, ==, 1);
    json_decref(ask(kit, SERAMBI_PUBLIC, 401, "GET /api/queue/estimates", NULL));
    json_decref(ask(kit, SERAMBI_PUBLIC, 401, "GET /api/queue/estimates/log", NULL));
    kit_free(kit);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wait/bracket", test_bracket);
    g_test_add_func("/wait/live", test_live);
    g_test_add_func("/wait/now", test_now);
    g_test_add_func("/wait/learns", test_learns);
    g_test_add_func("/wait/not-reached", test_not_reached);
    g_test_add_func("/wait/log-and-figures", test_log_and_figures);
    return g_test_run();
}
