/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Jobs: a shell plays the worker. */
#include "core/jobs.h"
#include "core/limits.h"
#include <string.h>

typedef struct {
    uv_loop_t loop;
    Jobs *jobs;
    GString *heard;
    int exits, at_once, most_at_once;
    bool is_closed;
} Fixture;

static void set_up_with(Fixture *fixture, int parallel, int seconds, const char *worker)
{
    JobsOptions options = {.worker = worker, .parallel = parallel, .seconds = seconds};
    g_assert_cmpint(uv_loop_init(&fixture->loop), ==, 0);
    fixture->jobs = jobs_new(&fixture->loop, &options);
    fixture->heard = g_string_new(NULL);
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    set_up_with(fixture, 2, 60, "/bin/sh");
}

static void on_closed(void *data)
{
    ((Fixture *)data)->is_closed = true;
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    if (fixture->jobs)
        jobs_close(fixture->jobs, on_closed, fixture);
    (void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
    g_assert_true(fixture->is_closed);
    g_assert_cmpint(uv_loop_close(&fixture->loop), ==, 0);
    (void)g_string_free(fixture->heard, TRUE);
}

static void on_line(const json_t *line, void *data)
{
    Fixture *fixture = data;
    g_autofree char *text = json_dumps(line, JSON_COMPACT);
    g_string_append(fixture->heard, text);
}

static void on_exit_of(bool ok, const char *message, void *data)
{
    Fixture *fixture = data;
    g_assert_true(ok == (message == NULL));
    g_string_append_printf(fixture->heard, "<%s>", ok ? "ok" : message);
    fixture->exits++;
}

static Job *start(Fixture *fixture, const char *script)
{
    const char *argv[] = {"-c", script, NULL};
    return jobs_spawn(fixture->jobs, argv, on_line, on_exit_of, fixture);
}

static void run(Fixture *fixture)
{
    (void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
    g_assert_true(jobs_is_idle(fixture->jobs));
}

static void test_lines(Fixture *fixture, gconstpointer data)
{
    g_assert_nonnull(
        start(fixture, "echo '{\"a\":1}'; echo noise; echo '[2]'; printf '{\"b\":2}'"));
    run(fixture);
    g_assert_cmpstr(fixture->heard->str, ==, "{\"a\":1}{\"b\":2}<ok>");
}

static void test_failure(Fixture *fixture, gconstpointer data)
{
    (void)start(fixture, "exit 3");
    run(fixture);
    (void)start(fixture, "kill -SEGV $$");
    run(fixture);
    g_assert_cmpstr(fixture->heard->str, ==, "<it ended with status 3><it was ended by signal 11>");
}

static void test_environment(Fixture *fixture, gconstpointer data)
{
    (void)g_setenv("SECRET", "do-not-tell", TRUE);
    (void)start(fixture,
                "printf '{\"secret\":\"%s\",\"lang\":\"%s\"}' \"$SECRET\" \"$LANG\";"
                "ls /proc/self/fd | while read n; do [ $n -gt 3 ] && exit 9; done; exit 0");
    run(fixture);
    g_assert_cmpstr(fixture->heard->str, ==, "{\"secret\":\"\",\"lang\":\"C.UTF-8\"}<ok>");
}

static void test_long_line(Fixture *fixture, gconstpointer data)
{
    (void)start(fixture, "head -c 300000 /dev/zero | tr '\\0' x; sleep 1000");
    run(fixture);
    g_autofree char *expected =
        g_strdup_printf("<it printed a line of more than %d bytes>", LIMIT_JOB_LINE_BYTES);
    g_assert_cmpstr(fixture->heard->str, ==, expected);
}

/* The grandchild holds the pipe too: the group is killed. */
static void test_cancel(Fixture *fixture, gconstpointer data)
{
    Job *first = start(fixture, "sleep 1000 & sleep 1000");
    Job *second = start(fixture, "sleep 1000");
    Job *third = start(fixture, "echo '{\"never\":1}'");
    jobs_cancel(third);
    jobs_cancel(first);
    jobs_cancel(second);
    g_assert_cmpint(fixture->exits, ==, 0);
    run(fixture);
    g_assert_cmpint(fixture->exits, ==, 3);
    g_assert_null(strstr(fixture->heard->str, "never"));
}

static void test_deadline(Fixture *fixture, gconstpointer data)
{
    tear_down(fixture, NULL);
    *fixture = (Fixture){0};
    set_up_with(fixture, 1, 1, "/bin/sh");
    (void)start(fixture, "sleep 1000");
    run(fixture);
    g_assert_cmpstr(fixture->heard->str, ==, "<it took longer than 1 seconds>");
}

static void test_missing_worker(Fixture *fixture, gconstpointer data)
{
    tear_down(fixture, NULL);
    *fixture = (Fixture){0};
    set_up_with(fixture, 1, 60, "/nonexistent/serambi-media");
    (void)start(fixture, "true");
    g_assert_cmpint(fixture->exits, ==, 0);
    run(fixture);
    g_assert_true(g_str_has_prefix(fixture->heard->str, "<could not start '/nonexistent/"));
}

static void test_queue(Fixture *fixture, gconstpointer data)
{
    int started = 0;
    while (start(fixture, "exit 0"))
        started++;
    /* Two run, the rest wait, one more is refused. */
    g_assert_cmpint(started, ==, LIMIT_JOBS_WAITING + 2);
    jobs_close(g_steal_pointer(&fixture->jobs), on_closed, fixture);
    (void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(fixture->exits, ==, started);
}

static void add_in_thread(void *data)
{
    *(int *)data += 40;
}

static void add_at_home(void *data)
{
    *(int *)data += 2;
}

static void add_at_end(void *data)
{
    *(int *)data += 100;
}

static void test_run(Fixture *fixture, gconstpointer data)
{
    int sum = 0, last = 0;
    jobs_run(fixture->jobs, add_in_thread, add_at_home, &sum, add_at_end);
    run(fixture);
    g_assert_cmpint(sum, ==, 142);
    /* Closing: done() does not come, the data is freed. */
    jobs_run(fixture->jobs, add_in_thread, add_at_home, &last, add_at_end);
    jobs_close(g_steal_pointer(&fixture->jobs), on_closed, fixture);
    (void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(last, ==, 140);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add(name, Fixture, NULL, set_up, test, tear_down)
    ADD("/jobs/lines", test_lines);
    ADD("/jobs/failure", test_failure);
    ADD("/jobs/environment", test_environment);
    ADD("/jobs/long-line", test_long_line);
    ADD("/jobs/cancel", test_cancel);
    ADD("/jobs/deadline", test_deadline);
    ADD("/jobs/missing-worker", test_missing_worker);
    ADD("/jobs/queue", test_queue);
    ADD("/jobs/run", test_run);
    return g_test_run();
}
