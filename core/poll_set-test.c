/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The clients' poll set: who is ready is told, who was forgotten is not, and the loop turns between
 * many that are ready at once. */
#include "core/poll_set.h"

#include <sys/eventfd.h>
#include <unistd.h>

#define CROWD 200

typedef struct Fixture Fixture;

typedef struct {
    PollMember member;
    Fixture *fixture;
    uint32_t told; /* events */
    guint count;
    gulong takes_us;
    guint victim; /* forgets and closes the one at this place, when not 0 */
    bool ends;    /* closes the whole set */
} Member;

struct Fixture {
    uv_loop_t loop;
    PollSet *set;
    Member members[CROWD];
    guint told;
    bool is_closing, is_closed;
};

static void on_closed(void *data)
{
    ((Fixture *)data)->is_closed = true;
}

static void drop(Fixture *fixture, guint place)
{
    PollMember *member = &fixture->members[place].member;
    if (member->fd >= 0) {
        g_assert_true(fixture->is_closed || poll_set_watch(fixture->set, member, 0));
        close(member->fd);
        member->fd = -1;
    }
}

static void on_ready(PollMember *poll_member, uint32_t events)
{
    Member *member = (Member *)poll_member;
    g_assert_cmpint(poll_member->fd, >=, 0);
    member->told = events;
    member->count++;
    member->fixture->told++;
    if (member->takes_us > 0) {
        g_usleep(member->takes_us);
    }
    if (member->victim > 0) {
        drop(member->fixture, member->victim);
    }
    if (member->ends) {
        member->fixture->is_closing = true;
        poll_set_close(member->fixture->set, on_closed, member->fixture);
    }
    uint64_t value;
    if ((events & EPOLLIN) != 0) {
        g_assert_cmpint(read(poll_member->fd, &value, sizeof value), ==, sizeof value);
    }
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    uv_loop_init(&fixture->loop);
    fixture->set = poll_set_new(&fixture->loop);
    for (guint i = 0; i < CROWD; i++) {
        fixture->members[i] = (Member){
            .member = {.on_ready = on_ready, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
            .fixture = fixture,
        };
        g_assert_true(poll_set_watch(fixture->set, &fixture->members[i].member, EPOLLIN));
    }
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    for (guint i = 0; i < CROWD; i++) {
        drop(fixture, i);
    }
    if (!fixture->is_closing) {
        poll_set_close(fixture->set, on_closed, fixture);
        uv_run(&fixture->loop, UV_RUN_DEFAULT);
    }
    g_assert_true(fixture->is_closed);
    g_assert_cmpint(uv_loop_close(&fixture->loop), ==, 0);
}

static void rouse(Fixture *fixture, guint place)
{
    uint64_t one = 1;
    g_assert_cmpint(write(fixture->members[place].member.fd, &one, sizeof one), ==, sizeof one);
}

static void test_told(Fixture *fixture, gconstpointer data)
{
    rouse(fixture, 3);
    rouse(fixture, 100);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    g_assert_cmpuint(fixture->told, ==, 2);
    g_assert_cmphex(fixture->members[3].told, ==, EPOLLIN);
    g_assert_cmpuint(fixture->members[100].count, ==, 1);
    /* Nobody is ready: the loop would wait. */
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    g_assert_cmpuint(fixture->told, ==, 2);
    /* Of what is no longer asked for nothing is told. */
    g_assert_true(poll_set_watch(fixture->set, &fixture->members[3].member, 0));
    rouse(fixture, 3);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    g_assert_cmpuint(fixture->told, ==, 2);
    g_assert_true(poll_set_watch(fixture->set, &fixture->members[3].member, EPOLLIN | EPOLLOUT));
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    g_assert_cmphex(fixture->members[3].told, ==, EPOLLIN | EPOLLOUT);
}

/* The kernel has told of both when the first one ends the second. */
static void test_forgotten(Fixture *fixture, gconstpointer data)
{
    rouse(fixture, 5);
    rouse(fixture, 6);
    fixture->members[5].victim = 6;
    fixture->members[6].victim = 5;
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    g_assert_cmpuint(fixture->told, ==, 1);
}

/* The set ends in the middle of many: none of the others is called again. */
static void test_closed_within(Fixture *fixture, gconstpointer data)
{
    for (guint i = 0; i < CROWD; i++) {
        fixture->members[i].ends = true;
        rouse(fixture, i);
    }
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    g_assert_cmpuint(fixture->told, ==, 1);
}

static void on_turn(uv_prepare_t *prepare)
{
    ++*(guint *)prepare->data;
}

/* 200 of 1 ms each are more than a turn may take: it turns in between, and all are served once. */
static void test_budget(Fixture *fixture, gconstpointer data)
{
    guint turns = 0;
    uv_prepare_t prepare;
    uv_prepare_init(&fixture->loop, &prepare);
    prepare.data = &turns;
    uv_prepare_start(&prepare, on_turn);
    for (guint i = 0; i < CROWD; i++) {
        fixture->members[i].takes_us = 1000;
        rouse(fixture, i);
    }
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    g_assert_cmpuint(fixture->told, >, 0);
    g_assert_cmpuint(fixture->told, <, CROWD / 10);
    while (fixture->told < CROWD) {
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
    }
    g_assert_cmpuint(turns, >, 10);
    for (guint i = 0; i < CROWD; i++) {
        g_assert_cmpuint(fixture->members[i].count, ==, 1);
    }
    uv_close((uv_handle_t *)&prepare, NULL);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/poll-set/told", test_told);
    ADD("/poll-set/forgotten", test_forgotten);
    ADD("/poll-set/closed-within", test_closed_within);
    ADD("/poll-set/budget", test_budget);
    return g_test_run();
}
