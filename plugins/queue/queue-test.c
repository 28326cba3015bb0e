/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The queue in a real host: numbers, calls, moves and what is told of them; at the end thousands of
 * random operations against a small model of it. */
#include "plugins/queue/fairness.h"
#include "plugins/queue/queue.h"
#include "plugins/testing.h"

#define BOARD   "queue:board"
#define CALLS   "queue:calls"
#define TAKE    "POST /api/queue/tickets"
#define MANY    "[queue]\ntickets_per_address=10000\ntime_zone=Asia/Jakarta\n"
#define DAY_ONE "2026-11-23"

static Kit *new_kit(const char *settings)
{
    Kit *kit = kit_new_with(&serambi_plugin, settings, NULL);
    g_assert_cmpstr(kit_reason(kit), ==, NULL);
    return kit;
}

static json_t *take_body(int64_t service, const char *key)
{
    return json_pack("{s:I, s:s}", "service", (json_int_t)service, "key", key);
}

/* Takes a number with a new key; the ticket. */
static json_t *take(Kit *kit, int64_t service)
{
    static int serial;
    g_autofree char *key = g_strdup_printf("take-%08d", ++serial);
    json_auto_t *answer = ask(kit, SERAMBI_PUBLIC, 201, TAKE, take_body(service, key));
    return json_incref(json_object_get(answer, "ticket"));
}

/* Presses Next with a new key; the ticket or null. */
static json_t *next(Kit *kit, int counter)
{
    static int serial;
    g_autofree char *key = g_strdup_printf("next-%08d", ++serial);
    g_autofree char *path = g_strdup_printf("POST /api/queue/counters/%d/next", counter);
    json_auto_t *answer = ask(kit, SERAMBI_COUNTER, 200, path, json_pack("{s:s}", "key", key));
    return json_incref(json_object_get(answer, "ticket"));
}

static json_t *move_body(const char *move)
{
    return strcmp(move, "transfer") ? NULL : json_pack("{s:i}", "service", 2);
}

static json_t *move(Kit *kit, int status, int64_t id, const char *name)
{
    g_autofree char *path =
        g_strdup_printf("POST /api/queue/tickets/by-id/%" G_GINT64_FORMAT "/%s", id, name);
    return ask(kit, SERAMBI_COUNTER, status, path, move_body(name));
}

/* The newest message on a ticket's own channel. */
static const json_t *told(Kit *kit, const json_t *ticket)
{
    g_autofree char *channel = g_strconcat("queue:ticket.", text_at(ticket, "secret"), NULL);
    return kit_newest(kit, channel);
}

static size_t told_count(Kit *kit, const json_t *ticket)
{
    g_autofree char *channel = g_strconcat("queue:ticket.", text_at(ticket, "secret"), NULL);
    return json_array_size(kit_published(kit, channel));
}

static int64_t id_of(Kit *kit, const json_t *ticket)
{
    g_autofree char *sql = g_strdup_printf("SELECT id AS n FROM queue_ticket WHERE secret = '%s'",
                                           text_at(ticket, "secret"));
    return count_of(kit, sql);
}

/* --- Numbers -------------------------------------------------------------------------------------
 */

static void test_numbers(void)
{
    Kit *kit = new_kit(MANY);
    static const char *const labels[] = {"A001", "A002", "R001", "A003", "U001", "R002"};
    static const int services[] = {1, 1, 2, 1, 3, 2};
    g_autoptr(GHashTable) secrets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(labels); i++) {
        json_auto_t *ticket = take(kit, services[i]);
        g_assert_cmpstr(text_at(ticket, "label"), ==, labels[i]);
        g_assert_cmpstr(text_at(ticket, "state"), ==, "waiting");
        g_assert_cmpint(number_at(ticket, "ahead"), ==, i);
        g_assert_true(json_is_null(at(ticket, "counter")));
        g_assert_null(at(ticket, "id")); /* the number inside the house is not told to phones */
        g_assert_cmpuint(strlen(text_at(ticket, "secret")), ==, 22);
        g_assert_true(g_hash_table_add(secrets, g_strdup(text_at(ticket, "secret"))));
        g_assert_true(json_equal(told(kit, ticket), ticket));
        g_autofree char *path =
            g_strconcat("GET /api/queue/tickets/", text_at(ticket, "secret"), NULL);
        json_auto_t *again = ask(kit, SERAMBI_PUBLIC, 200, path, NULL);
        g_assert_true(json_equal(json_object_get(again, "ticket"), ticket));
    }
    ask_refused(kit, SERAMBI_PUBLIC, 404, "queue.unknown_ticket",
                "GET /api/queue/tickets/AAAAAAAAAAAAAAAAAAAAAA", NULL);
    kit_free(kit);
}

static void test_same_key(void)
{
    Kit *kit = new_kit("[queue]\ntickets_per_address=2\n");
    json_auto_t *first = ask(kit, SERAMBI_PUBLIC, 201, TAKE, take_body(1, "one-press"));
    for (int i = 0; i < 5; i++) {
        json_auto_t *again = ask(kit, SERAMBI_PUBLIC, 201, TAKE, take_body(1, "one-press"));
        g_assert_true(json_equal(first, again));
    }
    /* Repeats count nothing: one more is left. */
    json_decref(ask(kit, SERAMBI_PUBLIC, 201, TAKE, take_body(1, "two-press")));
    ask_refused(kit, SERAMBI_PUBLIC, 429, "queue.too_many", TAKE, take_body(1, "three-press"));
    json_auto_t *known = ask(kit, SERAMBI_PUBLIC, 201, TAKE, take_body(1, "one-press"));
    g_assert_true(json_equal(at(known, "ticket.label"), at(first, "ticket.label")));
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_ticket"), ==, 2);
    kit_turn_clock(kit, 601);
    json_auto_t *third = ask(kit, SERAMBI_PUBLIC, 201, TAKE, take_body(1, "three-press"));
    g_assert_cmpstr(text_at(third, "ticket.label"), ==, "A003"); /* the refused one left no hole */
    kit_free(kit);
}

static void test_refusals(void)
{
    Kit *kit = new_kit(MANY);
    g_autofree char *long_key = g_strnfill(65, 'k');
    ask_refused(kit, SERAMBI_PUBLIC, 422, "queue.bad_key", TAKE, take_body(1, "short"));
    ask_refused(kit, SERAMBI_PUBLIC, 422, "queue.bad_key", TAKE, take_body(1, long_key));
    ask_refused(kit, SERAMBI_PUBLIC, 422, "queue.bad_key", TAKE, json_pack("{s:i}", "service", 1));
    ask_refused(kit, SERAMBI_PUBLIC, 404, "queue.unknown_service", TAKE, take_body(9, "12345678"));
    ask_refused(kit, SERAMBI_PUBLIC, 404, "queue.unknown_service", TAKE,
                json_pack("{s:s, s:s}", "service", "1", "key", "12345678"));
    ask_refused(kit, SERAMBI_COUNTER, 404, "queue.unknown_counter",
                "POST /api/queue/counters/9/next", json_pack("{s:s}", "key", "12345678"));
    ask_refused(kit, SERAMBI_COUNTER, 404, "queue.unknown_counter",
                "POST /api/queue/counters/x/next", json_pack("{s:s}", "key", "12345678"));
    ask_refused(kit, SERAMBI_COUNTER, 422, "queue.bad_key", "POST /api/queue/counters/1/next",
                NULL);
    json_auto_t *ticket = take(kit, 1);
    g_assert_cmpstr(text_at(ticket, "label"), ==, "A001");
    kit_free(kit);
}

static void test_closed_service(void)
{
    Kit *kit = new_kit(MANY);
    json_decref(ask(kit, SERAMBI_COUNTER, 200, "POST /api/queue/services/1",
                    json_pack("{s:b}", "is_open", 0)));
    g_assert_true(json_is_false(at(kit_newest(kit, BOARD), "waiting.0.is_open")));
    ask_refused(kit, SERAMBI_PUBLIC, 409, "queue.closed", TAKE, take_body(1, "12345678"));
    json_decref(take(kit, 2));
    json_decref(ask(kit, SERAMBI_COUNTER, 200, "POST /api/queue/services/1",
                    json_pack("{s:b}", "is_open", 1)));
    json_decref(take(kit, 1));
    ask_refused(kit, SERAMBI_COUNTER, 404, "queue.unknown_service", "POST /api/queue/services/8",
                json_pack("{s:b}", "is_open", 1));
    ask_refused(kit, SERAMBI_COUNTER, 422, "queue.unknown_service", "POST /api/queue/services/1",
                json_pack("{s:i}", "is_open", 1));
    ask_refused(kit, SERAMBI_PUBLIC, 401, "error.login", "POST /api/queue/services/1", NULL);
    kit_free(kit);
}

/* --- Days ----------------------------------------------------------------------------------------
 */

/* In a zone where it is 23:59 when the kit begins. */
static void test_midnight(void)
{
    Kit *kit = new_kit("[queue]\ntickets_per_address=100\ntime_zone=-08:01\n");
    json_auto_t *served = take(kit, 1);
    json_auto_t *waits = take(kit, 1);
    json_auto_t *parked = take(kit, 2);
    json_auto_t *missed = take(kit, 2);
    json_decref(move(kit, 409, id_of(kit, parked), "park"));
    json_decref(next(kit, 1)); /* served */
    json_decref(next(kit, 2)); /* waits: put back below */
    json_decref(move(kit, 200, id_of(kit, waits), "transfer"));
    json_decref(move(kit, 200, id_of(kit, waits), "leave"));
    json_auto_t *third = next(kit, 2);
    json_decref(move(kit, 200, number_at(third, "id"), "park"));
    json_auto_t *fourth = next(kit, 2);
    json_decref(move(kit, 200, number_at(fourth, "id"), "no-show"));
    json_auto_t *late = take(kit, 1);
    g_assert_cmpstr(text_at(kit_newest(kit, BOARD), "day"), ==, "2026-11-22");
    kit_turn_clock(kit, 61);
    const json_t *board = kit_newest(kit, BOARD);
    g_assert_cmpstr(text_at(board, "day"), ==, DAY_ONE);
    g_assert_cmpuint(json_array_size(at(board, "now")), ==, 0);
    g_assert_cmpint(number_at(board, "waiting.0.count"), ==, 0);
    /* Whoever was forgotten is told so; nothing is deleted. */
    g_assert_cmpstr(text_at(told(kit, late), "state"), ==, "left");
    g_assert_cmpstr(text_at(told(kit, parked), "state"), ==, "left");
    g_assert_cmpstr(text_at(told(kit, served), "state"), ==, "done");
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_ticket"), ==, 5);
    /* Yesterday's number does not come back into today's line. */
    json_decref(move(kit, 409, id_of(kit, missed), "return"));
    json_auto_t *nobody = next(kit, 1);
    g_assert_true(json_is_null(nobody));
    json_auto_t *fresh = take(kit, 1);
    g_assert_cmpstr(text_at(fresh, "label"), ==, "A001");
    g_assert_cmpint(number_at(fresh, "ahead"), ==, 0);
    kit_free(kit);
}

/* A new day whose first commit is lost begins all the same, as soon as there is room. */
static void test_midnight_on_a_full_disk(void)
{
    Kit *kit = new_kit("[queue]\ntime_zone=-08:01\n");
    json_auto_t *late = take(kit, 1);
    kit_fill_disk(kit, true);
    kit_turn_clock(kit, 70);
    kit_fill_disk(kit, false);
    kit_turn_clock(kit, 2);
    g_assert_cmpstr(text_at(kit_newest(kit, BOARD), "day"), ==, DAY_ONE);
    g_assert_cmpstr(text_at(told(kit, late), "state"), ==, "left");
    kit_free(kit);
}

/* 17:00 UTC is midnight in Jakarta. */
static void test_jakarta(void)
{
    Kit *kit = new_kit(MANY);
    json_auto_t *today = take(kit, 1);
    g_assert_cmpstr(text_at(kit_newest(kit, BOARD), "day"), ==, DAY_ONE);
    kit_turn_clock(kit, 9 * 3600 - 1);
    json_auto_t *late = take(kit, 1);
    g_assert_cmpstr(text_at(late, "label"), ==, "A002");
    kit_turn_clock(kit, 1);
    json_auto_t *tomorrow = take(kit, 1);
    g_assert_cmpstr(text_at(tomorrow, "label"), ==, "A001");
    g_assert_cmpstr(text_at(kit_newest(kit, BOARD), "day"), ==, "2026-11-24");
    kit_free(kit);
}

/* --- Calls ---------------------------------------------------------------------------------------
 */

static void test_next(void)
{
    Kit *kit = new_kit(MANY);
    json_auto_t *nobody = next(kit, 1);
    g_assert_true(json_is_null(nobody));
    json_auto_t *a = take(kit, 1);
    json_auto_t *r = take(kit, 2);
    kit_forget(kit);
    json_auto_t *one = next(kit, 1);
    json_auto_t *two = next(kit, 2);
    g_assert_cmpstr(text_at(one, "label"), ==, "A001");
    g_assert_cmpstr(text_at(two, "label"), ==, "R001");
    g_assert_cmpstr(text_at(one, "counter"), ==, "1");
    g_assert_cmpstr(text_at(two, "counter"), ==, "2");
    g_assert_cmpint(number_at(one, "id"), ==, id_of(kit, a));
    json_auto_t *none = next(kit, 3);
    g_assert_true(json_is_null(none));
    const json_t *calls = kit_published(kit, CALLS);
    g_assert_cmpuint(json_array_size(calls), ==, 2);
    g_assert_cmpint(number_at(calls, "0.call"), ==, 1);
    g_assert_cmpint(number_at(calls, "1.call"), ==, 2);
    g_assert_cmpstr(text_at(calls, "1.ticket"), ==, "R001");
    g_assert_cmpstr(text_at(calls, "1.counter"), ==, "2");
    g_assert_cmpint(number_at(calls, "1.called_us"), ==, KIT_START_US);
    g_assert_true(json_is_false(at(calls, "0.recall")));
    g_assert_cmpstr(text_at(told(kit, a), "state"), ==, "called");
    g_assert_cmpstr(text_at(told(kit, a), "counter"), ==, "1");
    /* Next with nobody waiting still says that the one before is done. */
    kit_turn_clock(kit, 5);
    json_auto_t *last = next(kit, 1);
    g_assert_true(json_is_null(last));
    g_assert_cmpstr(text_at(told(kit, a), "state"), ==, "done");
    g_assert_cmpstr(text_at(told(kit, r), "state"), ==, "called");
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, BOARD), "now")), ==, 1);
    kit_free(kit);
}

static void test_next_repeated(void)
{
    Kit *kit = new_kit(MANY);
    for (int i = 0; i < 3; i++)
        json_decref(take(kit, 1));
    kit_forget(kit);
    for (int i = 0; i < 4; i++) {
        json_auto_t *answer = ask(kit, SERAMBI_COUNTER, 200, "POST /api/queue/counters/1/next",
                                  json_pack("{s:s}", "key", "pressed-once"));
        g_assert_cmpstr(text_at(answer, "ticket.label"), ==, "A001");
        g_assert_cmpstr(text_at(answer, "ticket.state"), ==, "called");
    }
    g_assert_cmpuint(json_array_size(kit_published(kit, CALLS)), ==, 1);
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_call"), ==, 1);
    kit_free(kit);
}

static void test_recall(void)
{
    Kit *kit = new_kit(MANY);
    json_decref(take(kit, 1));
    json_auto_t *ticket = next(kit, 2);
    kit_forget(kit);
    json_auto_t *again = move(kit, 200, number_at(ticket, "id"), "recall");
    g_assert_cmpstr(text_at(again, "ticket.state"), ==, "called");
    const json_t *call = kit_newest(kit, CALLS);
    g_assert_true(json_is_true(at(call, "recall")));
    g_assert_cmpstr(text_at(call, "ticket"), ==, "A001");
    g_assert_cmpstr(text_at(call, "counter"), ==, "2");
    g_assert_cmpint(number_at(call, "call"), ==, 2);
    kit_free(kit);
}

/* --- Moves ---------------------------------------------------------------------------------------
 */

/* Brings a new ticket, the only one, into a state; its id. */
static int64_t ticket_in(Kit *kit, const char *state)
{
    json_auto_t *ticket = take(kit, 1);
    int64_t id = id_of(kit, ticket);
    if (!strcmp(state, "waiting"))
        return id;
    if (!strcmp(state, "left")) {
        json_decref(move(kit, 200, id, "leave"));
        return id;
    }
    json_decref(next(kit, 1));
    if (!strcmp(state, "done"))
        json_decref(move(kit, 200, id, "finish"));
    else if (!strcmp(state, "no_show"))
        json_decref(move(kit, 200, id, "no-show"));
    else if (!strcmp(state, "parked"))
        json_decref(move(kit, 200, id, "park"));
    else if (!strcmp(state, "serving"))
        json_decref(move(kit, 200, id, "start"));
    return id;
}

static void test_moves(void)
{
    static const char *const states[] = {"waiting", "called", "done",   "no_show",
                                         "parked",  "left",   "serving"};
    static const struct {
        const char *move, *to[G_N_ELEMENTS(states)]; /* from each state; NULL: refused */
    } table[] = {
        {"recall", {NULL, "called", NULL, NULL, NULL, NULL, NULL}},
        {"start", {NULL, "serving", NULL, NULL, NULL, NULL, NULL}},
        {"no-show", {NULL, "no_show", NULL, NULL, NULL, NULL, NULL}},
        {"park", {NULL, "parked", NULL, NULL, NULL, NULL, "parked"}},
        {"return", {NULL, NULL, NULL, "waiting", "waiting", NULL, NULL}},
        {"finish", {NULL, "done", NULL, NULL, NULL, NULL, "done"}},
        {"transfer", {NULL, "waiting", NULL, NULL, NULL, NULL, "waiting"}},
        {"leave", {"left", NULL, NULL, NULL, "left", NULL, NULL}},
    };
    Kit *kit = new_kit(MANY);
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        for (size_t from = 0; from < G_N_ELEMENTS(states); from++) {
            int64_t id = ticket_in(kit, states[from]);
            const char *to = table[i].to[from];
            kit_forget(kit);
            json_auto_t *answer = move(kit, to ? 200 : 409, id, table[i].move);
            if (to)
                g_assert_cmpstr(text_at(answer, "ticket.state"), ==, to);
            else
                g_assert_cmpstr(text_at(answer, "error.code"), ==, "queue.not_now");
            g_assert_cmpuint(json_array_size(kit_published(kit, BOARD)), ==, to ? 1 : 0);
            g_autofree char *sql = g_strdup_printf(
                "SELECT COUNT(*) AS n FROM queue_ticket WHERE id = %d AND state = '%s'", (int)id,
                to ? to : states[from]);
            g_assert_cmpint(count_of(kit, sql), ==, 1);
            /* The next one begins with an empty house. */
            json_decref(next(kit, 1));
            json_decref(next(kit, 1));
        }
    }
    json_decref(move(kit, 404, 1, "explode"));
    json_decref(move(kit, 409, 9999, "leave"));
    ask_refused(kit, SERAMBI_COUNTER, 422, "queue.unknown_service",
                "POST /api/queue/tickets/by-id/1/transfer", json_pack("{s:i}", "service", 9));
    kit_free(kit);
}

static void test_places(void)
{
    Kit *kit = new_kit(MANY);
    json_auto_t *first = take(kit, 1);
    kit_turn_clock(kit, 1);
    json_auto_t *second = take(kit, 1);
    kit_turn_clock(kit, 1);
    json_auto_t *third = take(kit, 2);
    json_decref(next(kit, 1));
    int64_t id = id_of(kit, first);
    /* A return gets its old place, a transfer keeps label and place. */
    json_decref(move(kit, 200, id, "park"));
    json_auto_t *back = move(kit, 200, id, "return");
    g_assert_cmpint(number_at(back, "ticket.ahead"), ==, 0);
    g_assert_cmpint(number_at(told(kit, second), "ahead"), ==, 1);
    json_decref(next(kit, 1));
    json_auto_t *moved = move(kit, 200, id, "transfer");
    g_assert_cmpstr(text_at(moved, "ticket.label"), ==, "A001");
    g_assert_cmpint(number_at(moved, "ticket.service"), ==, 2);
    g_assert_true(json_is_null(at(moved, "ticket.counter")));
    g_assert_cmpint(number_at(moved, "ticket.ahead"), ==, 0);
    g_assert_cmpint(number_at(kit_newest(kit, BOARD), "waiting.0.count"), ==, 1);
    g_assert_cmpint(number_at(kit_newest(kit, BOARD), "waiting.1.count"), ==, 2);
    /* Its number stays its own. */
    json_auto_t *other = take(kit, 2);
    g_assert_cmpstr(text_at(other, "label"), ==, "R002");
    json_auto_t *fourth = take(kit, 1);
    g_assert_cmpstr(text_at(fourth, "label"), ==, "A003");
    g_assert_cmpint(number_at(told(kit, third), "ahead"), ==, 2);
    /* Giving a number back: the others move up. */
    g_autofree char *path =
        g_strconcat("POST /api/queue/tickets/", text_at(second, "secret"), "/leave", NULL);
    json_auto_t *left = ask(kit, SERAMBI_PUBLIC, 200, path, NULL);
    g_assert_cmpstr(text_at(left, "ticket.state"), ==, "left");
    g_assert_null(at(left, "ticket.id"));
    g_assert_cmpint(number_at(told(kit, third), "ahead"), ==, 1);
    ask_refused(kit, SERAMBI_PUBLIC, 409, "queue.not_now", path, NULL);
    kit_free(kit);
}

/* --- Fairness, undo, audit -----------------------------------------------------------------------
 */

/* A random day for each ratio: nobody normal is overtaken more often than the header promises. */
static void test_overtaking(void)
{
    for (unsigned ratio = 1; ratio <= 4; ratio++) {
        FairnessRule rule = {.ratio = ratio};
        unsigned since = ratio;
        int64_t allowed[2000], overtaken[2000];
        size_t priority = 0, head = 0, tail = 0;
        for (int step = 0; step < 3000; step++) {
            int dice = g_test_rand_int_range(0, 100);
            if (dice < 40 && tail < G_N_ELEMENTS(allowed)) {
                allowed[tail] = 1 + (int64_t)(tail - head) / ratio;
                overtaken[tail++] = 0;
            } else if (dice < 55) {
                priority++;
            } else {
                FairnessHead one = {priority > 0, 0}, other = {head < tail, 0};
                FairnessPick pick = fairness_pick(&rule, one, other, since);
                if (pick != FAIRNESS_NOBODY)
                    since = fairness_after(pick == FAIRNESS_PRIORITY, since);
                priority -= pick == FAIRNESS_PRIORITY;
                head += pick == FAIRNESS_NORMAL;
                for (size_t i = head; pick == FAIRNESS_PRIORITY && i < tail; i++)
                    g_assert_cmpint(++overtaken[i], <=, allowed[i]);
            }
        }
    }
}

static void test_priority(void)
{
    Kit *kit = new_kit(MANY);
    json_auto_t *normal = take(kit, 1);
    for (int i = 0; i < 3; i++)
        json_decref(take(kit, 1));
    json_t *body = take_body(1, "with-a-child");
    json_object_set_new(body, "class", json_string("children"));
    json_auto_t *child = ask(kit, SERAMBI_PUBLIC, 201, TAKE, body);
    body = take_body(1, "with-a-stick");
    json_object_set_new(body, "class", json_string("elderly"));
    json_auto_t *elder = ask(kit, SERAMBI_PUBLIC, 201, TAKE, body);
    /* The places told are those in which they will be called. */
    g_assert_cmpint(number_at(child, "ticket.ahead"), ==, 0);
    g_assert_cmpint(number_at(told(kit, normal), "ahead"), ==, 1);
    g_assert_cmpint(number_at(elder, "ticket.ahead"), ==, 3);
    static const char *const order[] = {"A005", "A001", "A002", "A006", "A003", "A004"};
    for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
        json_auto_t *called = next(kit, 1 + (int)i % 3);
        g_assert_cmpstr(text_at(called, "label"), ==, order[i]);
        if (i == 2)
            kit_restart(kit); /* what was called before counts on */
    }
    body = take_body(1, "with-a-crown");
    json_object_set_new(body, "class", json_string("king"));
    ask_refused(kit, SERAMBI_PUBLIC, 422, "queue.bad_class", TAKE, body);
    kit_free(kit);
}

static json_t *press(Kit *kit, int status, int64_t id, const char *name, const char *key)
{
    g_autofree char *path =
        g_strdup_printf("POST /api/queue/tickets/by-id/%" G_GINT64_FORMAT "/%s", id, name);
    return ask(kit, SERAMBI_COUNTER, status, path,
               json_pack("{s:s, s:i, s:i}", "key", key, "service", 2, "counter", 2));
}

static void test_moves_repeated(void)
{
    Kit *kit = new_kit(MANY);
    json_decref(take(kit, 1));
    json_auto_t *ticket = next(kit, 1);
    int64_t id = number_at(ticket, "id");
    static const char *const moves[] = {"recall", "park"};
    for (size_t i = 0; i < G_N_ELEMENTS(moves); i++) {
        g_autofree char *key = g_strconcat("key-of-", moves[i], NULL);
        kit_forget(kit);
        json_auto_t *once = press(kit, 200, id, moves[i], key);
        json_auto_t *twice = press(kit, 200, id, moves[i], key);
        g_assert_true(json_equal(once, twice));
        g_assert_cmpuint(json_array_size(kit_published(kit, CALLS)), ==, i == 0 ? 1 : 0);
    }
    /* A key that was used for another deed is told so, and nothing is done. */
    json_auto_t *misused = press(kit, 409, id, "return", "key-of-park");
    g_assert_cmpstr(text_at(misused, "error.code"), ==, "queue.used_key");
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_ticket WHERE state = 'parked'"),
                    ==, 1);
    kit_free(kit);
}

static void test_counter_services(void)
{
    static const char route[] = "POST /api/queue/counters/1/services";
    Kit *kit = new_kit(MANY);
    json_decref(take(kit, 1));
    json_decref(take(kit, 2));
    json_decref(ask(kit, SERAMBI_ADMIN, 200, route, json_pack("{s:[i]}", "services", 2)));
    ask_refused(kit, SERAMBI_ADMIN, 422, "queue.unknown_service", route,
                json_pack("{s:[i,i]}", "services", 1, 9));
    ask_refused(kit, SERAMBI_COUNTER, 403, "error.forbidden", route, NULL);
    json_auto_t *own = next(kit, 1);
    g_assert_cmpstr(text_at(own, "label"), ==, "R001"); /* the refused request changed nothing */
    json_auto_t *nobody = next(kit, 1);
    g_assert_true(json_is_null(nobody));
    json_decref(ask(kit, SERAMBI_ADMIN, 200, route, json_pack("{s:[]}", "services")));
    json_auto_t *other = next(kit, 1);
    g_assert_cmpstr(text_at(other, "label"), ==, "A001");
    kit_free(kit);
}

static void test_sign_in(void)
{
    static const char route[] = "POST /api/queue/counters/1/sign-in";
    Kit *kit = new_kit(MANY);
    json_decref(ask(kit, SERAMBI_COUNTER, 200, route, NULL));
    json_decref(ask(kit, SERAMBI_COUNTER, 200, route, NULL)); /* again is no takeover */
    ask_refused(kit, SERAMBI_COUNTER, 404, "queue.unknown_counter",
                "POST /api/queue/counters/9/sign-in", NULL);
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_counter WHERE staff <> ''"), ==,
                    1);
    ask_refused(kit, SERAMBI_ADMIN, 409, "queue.counter_taken", route, NULL);
    json_decref(ask(kit, SERAMBI_ADMIN, 200, route, json_pack("{s:b}", "takeover", 1)));
    ask_refused(kit, SERAMBI_COUNTER, 409, "queue.counter_taken", route, NULL);
    json_decref(ask(kit, SERAMBI_ADMIN, 200, "POST /api/queue/counters/sign-out", NULL));
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_counter WHERE staff <> ''"), ==,
                    0);
    kit_free(kit);
}

static void test_call_chosen(void)
{
    Kit *kit = new_kit(MANY);
    json_decref(take(kit, 1));
    json_auto_t *second = take(kit, 1);
    json_auto_t *called = press(kit, 200, id_of(kit, second), "call", "key-chosen-1");
    g_assert_cmpstr(text_at(called, "ticket.label"), ==, "A002");
    g_assert_cmpstr(text_at(called, "ticket.counter"), ==, "2");
    /* Somebody who is gone costs the one at the counter nothing. */
    json_decref(press(kit, 409, id_of(kit, second), "call", "key-chosen-2"));
    g_assert_cmpstr(text_at(told(kit, second), "state"), ==, "called");
    g_assert_cmpint(
        count_of(kit, "SELECT COUNT(*) AS n FROM queue_audit WHERE action = 'call-chosen'"), ==, 1);
    /* The counter is occupied: whom it has, is done. */
    json_auto_t *third = take(kit, 1);
    json_decref(press(kit, 200, id_of(kit, third), "call", "key-chosen-3"));
    g_assert_cmpstr(text_at(told(kit, second), "state"), ==, "done");
    g_assert_cmpstr(text_at(told(kit, third), "state"), ==, "called");
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_ticket WHERE counter = '2'"
                                  " AND state IN ('called', 'serving')"),
                    ==, 1);
    kit_free(kit);
}

static void test_undo(void)
{
    Kit *kit = new_kit(MANY);
    json_auto_t *first = take(kit, 1);
    json_auto_t *second = take(kit, 1);
    int64_t id = id_of(kit, first);
    json_decref(press(kit, 409, id, "undo", "key-undo-0")); /* taking a number is no mistake */
    json_decref(next(kit, 1));
    json_decref(move(kit, 200, id, "no-show"));
    json_auto_t *back = press(kit, 200, id, "undo", "key-undo-1");
    g_assert_cmpstr(text_at(back, "ticket.state"), ==, "called");
    g_assert_cmpstr(text_at(back, "ticket.counter"), ==, "1");
    json_auto_t *again = press(kit, 200, id, "undo", "key-undo-1");
    g_assert_true(json_equal(back, again));
    json_decref(press(kit, 409, id, "undo", "key-undo-2")); /* an undo is not undone */
    /* The counter has somebody else: not two at once. */
    json_decref(next(kit, 1));
    json_auto_t *busy = press(kit, 409, id, "undo", "key-undo-3");
    g_assert_cmpstr(text_at(busy, "error.code"), ==, "queue.too_late_to_undo");
    json_decref(press(kit, 200, id_of(kit, second), "undo", "key-undo-4"));
    g_assert_cmpstr(text_at(told(kit, second), "state"), ==, "waiting");
    json_decref(press(kit, 200, id, "undo", "key-undo-5"));
    g_assert_cmpstr(text_at(told(kit, first), "state"), ==, "called");
    json_decref(move(kit, 200, id, "finish"));
    kit_turn_clock(kit, 61);
    json_decref(press(kit, 409, id, "undo", "key-undo-6"));
    kit_free(kit);
}

/* More rows than are read at once. A chain that is not whole: tests/storm/queue-test.mjs. */
static void test_audit(void)
{
    Kit *kit = new_kit(MANY);
    for (int i = 0; i < 340; i++) {
        json_decref(take(kit, 1));
        json_decref(next(kit, 1));
    }
    json_auto_t *whole = ask(kit, SERAMBI_ADMIN, 200, "GET /api/queue/audit", NULL);
    g_assert_true(json_is_true(at(whole, "is_whole")));
    g_assert_cmpint(number_at(whole, "last"), ==, 1019); /* issue, call, and all but one finish */
    ask_refused(kit, SERAMBI_COUNTER, 403, "error.forbidden", "GET /api/queue/audit", NULL);
    kit_free(kit);
}

/* --- What is told --------------------------------------------------------------------------------
 */

static void test_ticket_topics(void)
{
    Kit *kit = new_kit(MANY);
    json_auto_t *first = take(kit, 1);
    json_auto_t *second = take(kit, 1);
    json_auto_t *third = take(kit, 3);
    g_assert_cmpuint(told_count(kit, first), ==, 1);
    g_assert_cmpuint(told_count(kit, second), ==, 1);
    kit_forget(kit);
    /* Nothing of theirs changes: nobody is told. */
    json_decref(ask(kit, SERAMBI_COUNTER, 200, "POST /api/queue/services/2",
                    json_pack("{s:b}", "is_open", 0)));
    json_auto_t *fourth = take(kit, 1);
    g_assert_cmpuint(told_count(kit, first), ==, 0);
    g_assert_cmpuint(told_count(kit, third), ==, 0);
    g_assert_cmpuint(told_count(kit, fourth), ==, 1);
    json_decref(next(kit, 1));
    g_assert_cmpstr(text_at(told(kit, first), "state"), ==, "called");
    g_assert_cmpint(number_at(told(kit, second), "ahead"), ==, 0);
    g_assert_cmpint(number_at(told(kit, third), "ahead"), ==, 1);
    g_assert_cmpuint(told_count(kit, second), ==, 1);
    g_assert_cmpuint(told_count(kit, fourth), ==, 2);
    /* The last one leaves: those before it hear nothing. */
    kit_forget(kit);
    json_decref(move(kit, 200, id_of(kit, fourth), "leave"));
    g_assert_cmpuint(told_count(kit, second), ==, 0);
    g_assert_cmpuint(told_count(kit, first), ==, 0);
    g_assert_cmpuint(told_count(kit, fourth), ==, 1);
    g_assert_cmpuint(json_array_size(kit_published(kit, "queue:desk")), ==, 1);
    kit_free(kit);
}

static void test_board(void)
{
    Kit *kit = new_kit(MANY);
    for (int i = 0; i < 5; i++)
        json_decref(take(kit, 1 + i % 3));
    json_decref(next(kit, 1));
    kit_turn_clock(kit, 1);
    json_decref(next(kit, 3));
    const json_t *board = kit_newest(kit, BOARD);
    json_auto_t *now =
        json_pack("[{s:s, s:s, s:I}, {s:s, s:s, s:I}]", "counter", "3", "ticket", "R001",
                  "called_us", (json_int_t)(KIT_START_US + G_USEC_PER_SEC), "counter", "1",
                  "ticket", "A001", "called_us", (json_int_t)KIT_START_US);
    g_assert_true(json_equal(at(board, "now"), now));
    g_assert_cmpuint(json_array_size(at(board, "waiting")), ==, 3);
    g_assert_cmpstr(text_at(board, "waiting.0.code"), ==, "A");
    g_assert_cmpstr(text_at(board, "waiting.1.name.en"), ==, "Reference & search");
    g_assert_cmpint(number_at(board, "waiting.0.service"), ==, 1);
    g_assert_cmpint(number_at(board, "waiting.0.count"), ==, 1);
    g_assert_cmpint(number_at(board, "waiting.1.count"), ==, 1);
    g_assert_cmpint(number_at(board, "waiting.2.count"), ==, 1);
    g_assert_cmpuint(json_array_size(at(board, "waiting.2.wait_minutes")), ==, 2);
    /* No secret is ever on it. */
    g_autofree char *text = json_dumps(board, 0);
    g_assert_null(strstr(text, "secret"));
    json_auto_t *services = ask(kit, SERAMBI_PUBLIC, 200, "GET /api/queue/services", NULL);
    g_assert_cmpuint(json_array_size(at(services, "services")), ==, 3);
    g_assert_cmpuint(json_array_size(at(services, "counters")), ==, 3);
    kit_free(kit);
}

static void test_desk(void)
{
    Kit *kit = new_kit(MANY);
    for (int i = 0; i < 4; i++)
        json_decref(take(kit, 1));
    json_auto_t *one = next(kit, 1);
    json_decref(move(kit, 200, number_at(one, "id"), "park"));
    json_auto_t *two = next(kit, 1);
    json_decref(move(kit, 200, number_at(two, "id"), "no-show"));
    json_auto_t *three = next(kit, 1);
    json_auto_t *desk = ask(kit, SERAMBI_COUNTER, 200, "GET /api/queue/desk?counter=1", NULL);
    g_assert_cmpint(number_at(desk, "current.id"), ==, number_at(three, "id"));
    g_assert_cmpstr(text_at(desk, "waiting.0.label"), ==, "A004");
    g_assert_cmpstr(text_at(desk, "parked.0.label"), ==, "A001");
    g_assert_cmpstr(text_at(desk, "missed.0.label"), ==, "A002");
    json_auto_t *other = ask(kit, SERAMBI_COUNTER, 200, "GET /api/queue/desk?counter=2", NULL);
    g_assert_true(json_is_null(at(other, "current")));
    json_decref(ask(kit, SERAMBI_PUBLIC, 401, "GET /api/queue/desk?counter=1", NULL));
    json_decref(ask(kit, SERAMBI_DISPLAY, 403, "GET /api/queue/desk?counter=1", NULL));
    kit_free(kit);
}

static void test_restart(void)
{
    Kit *kit = new_kit(MANY);
    json_auto_t *first = take(kit, 1);
    json_auto_t *second = take(kit, 1);
    json_decref(next(kit, 1));
    kit_turn_clock(kit, 1); /* the waits are made anew, as the restart will */
    json_auto_t *board = json_deep_copy(kit_newest(kit, BOARD));
    kit_forget(kit);
    kit_restart(kit);
    g_assert_true(json_equal(kit_newest(kit, BOARD), board));
    g_assert_cmpuint(told_count(kit, second), ==, 0);
    g_assert_cmpuint(json_array_size(kit_published(kit, CALLS)), ==, 0);
    json_auto_t *third = take(kit, 1);
    g_assert_cmpstr(text_at(third, "label"), ==, "A003");
    json_auto_t *called = next(kit, 2);
    g_assert_cmpstr(text_at(called, "label"), ==, "A002");
    g_assert_cmpint(number_at(kit_newest(kit, CALLS), "call"), ==, 2);
    kit_free(kit);
}

/* Ten years lie in the tables: what runs at each press finds its rows by an index. */
static void test_plans(void)
{
    Kit *kit = new_kit(MANY);
    static const char *const tickets[] = {
        "SELECT id FROM queue_ticket WHERE request_key = 'k'",
        "SELECT id FROM queue_ticket WHERE secret = 's'",
        "SELECT id FROM queue_ticket WHERE day = 'd' AND state = 'waiting'"
        " ORDER BY sort_us, id LIMIT 1",
        "SELECT id FROM queue_ticket WHERE counter = '1' AND state IN ('called', 'serving')",
        "SELECT id FROM queue_ticket WHERE state IN ('called', 'serving') AND counter = '1'"
        " ORDER BY called_us DESC LIMIT 1",
        "SELECT COUNT(*) FROM queue_ticket WHERE day = 'd' AND state = 'waiting'"
        " AND (sort_us < 5 OR (sort_us = 5 AND id < 3))",
        "SELECT service, COUNT(*) FROM queue_ticket WHERE day = 'd' AND state = 'waiting'"
        " GROUP BY service",
        "SELECT COUNT(*), AVG(spent_us) FROM (SELECT ended_us - called_us AS spent_us"
        " FROM queue_ticket WHERE day = 'd' AND state = 'done' AND called_us IS NOT NULL"
        " ORDER BY ended_us DESC LIMIT 20) AS last",
        "SELECT id FROM queue_ticket WHERE state IN ('waiting', 'called', 'serving', 'parked') AND "
        "day < 'd'",
        "SELECT COALESCE(MAX(id), 0) + 1 FROM queue_ticket",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(tickets); i++) {
        g_autofree char *plan = plan_of(kit, tickets[i]);
        if (!strstr(plan, "SEARCH queue_ticket") || strstr(plan, "ORDER BY"))
            g_error("'%s' is dear:\n%s", tickets[i], plan);
    }
    assert_cheap(kit, "queue_call",
                 "SELECT COUNT(DISTINCT counter) FROM queue_call WHERE called_us > 5");
    assert_cheap(kit, "queue_call", "SELECT COALESCE(MAX(id), 0) + 1 FROM queue_call");
    assert_cheap(kit, "queue_audit", "SELECT COALESCE(MAX(id), 0) + 1 FROM queue_audit");
    g_autofree char *untold =
        plan_of(kit, "SELECT id FROM queue_ticket WHERE is_untold = 1 AND state <> 'waiting'");
    g_assert_nonnull(strstr(untold, "queue_ticket_untold"));
    kit_free(kit);
}

/* --- The model -----------------------------------------------------------------------------------
 */

#define MODEL_OPERATIONS 2000
#define MODEL_TICKETS    3000

typedef struct {
    int64_t id;
    char label[8];
    int service, counter; /* counter 0: none */
    const char *state;
} ModelTicket;

typedef struct {
    ModelTicket tickets[MODEL_TICKETS]; /* in the order of issue, which is the order of the line */
    size_t count;
    int numbers[4]; /* last of each service */
    GRand *rand;
} Model;

static ModelTicket *model_first(Model *model)
{
    for (size_t i = 0; i < model->count; i++)
        if (!strcmp(model->tickets[i].state, "waiting"))
            return &model->tickets[i];
    return NULL;
}

static void model_take(Model *model, Kit *kit)
{
    int service = g_rand_int_range(model->rand, 1, 4);
    json_auto_t *ticket = take(kit, service);
    ModelTicket *entry = &model->tickets[model->count++];
    g_snprintf(entry->label, sizeof entry->label, "%c%03d", " ARU"[service],
               ++model->numbers[service]);
    entry->service = service;
    entry->state = "waiting";
    entry->id = (int64_t)model->count;
    g_assert_cmpstr(text_at(ticket, "label"), ==, entry->label);
}

static void model_next(Model *model, Kit *kit)
{
    int counter = g_rand_int_range(model->rand, 1, 4);
    for (size_t i = 0; i < model->count; i++)
        if (model->tickets[i].counter == counter && !strcmp(model->tickets[i].state, "called"))
            model->tickets[i].state = "done";
    ModelTicket *first = model_first(model);
    json_auto_t *ticket = next(kit, counter);
    g_assert_cmpint(json_is_null(ticket), ==, first == NULL);
    if (!first)
        return;
    g_assert_cmpstr(text_at(ticket, "label"), ==, first->label);
    first->state = "called";
    first->counter = counter;
}

static void model_move(Model *model, Kit *kit)
{
    static const struct {
        const char *name, *from, *to;
    } moves[] = {
        {"recall", "called", "called"},      {"no-show", "called", "no_show"},
        {"park", "called", "parked"},        {"return", "parked no_show", "waiting"},
        {"finish", "called", "done"},        {"transfer", "called", "waiting"},
        {"leave", "waiting parked", "left"},
    };
    if (model->count == 0)
        return;
    /* Mostly among the newest, where something still happens. */
    size_t back = (size_t)g_rand_int_range(model->rand, 0, (int)MIN(model->count, 40));
    ModelTicket *entry = &model->tickets[model->count - 1 - back];
    int chosen = g_rand_int_range(model->rand, 0, G_N_ELEMENTS(moves));
    bool is_allowed = strstr(moves[chosen].from, entry->state) != NULL;
    json_decref(move(kit, is_allowed ? 200 : 409, entry->id, moves[chosen].name));
    if (!is_allowed)
        return;
    entry->state = moves[chosen].to;
    if (!strcmp(moves[chosen].name, "transfer"))
        entry->service = 2;
}

static size_t model_count(const Model *model, const char *state, int service)
{
    size_t count = 0;
    for (size_t i = 0; i < model->count; i++)
        count += !strcmp(model->tickets[i].state, state) &&
                 (service == 0 || model->tickets[i].service == service);
    return count;
}

static void model_compare_board(const Model *model, Kit *kit)
{
    const json_t *board = kit_newest(kit, BOARD);
    if (!board) /* what was refused tells nothing */
        return;
    g_assert_cmpuint(json_array_size(at(board, "now")), ==, model_count(model, "called", 0));
    for (int service = 1; service <= 3; service++) {
        g_autofree char *path = g_strdup_printf("waiting.%d.count", service - 1);
        g_assert_cmpint(number_at(board, path), ==, model_count(model, "waiting", service));
    }
}

static void model_compare_rows(const Model *model, Kit *kit)
{
    json_auto_t *rows =
        kit_query(kit, "SELECT label, state, service, shown_ahead FROM queue_ticket ORDER BY id");
    g_assert_cmpuint(json_array_size(rows), ==, model->count);
    int64_t ahead = 0;
    for (size_t i = 0; i < model->count; i++) {
        const json_t *row = json_array_get(rows, i);
        const ModelTicket *entry = &model->tickets[i];
        g_assert_cmpstr(text_at(row, "label"), ==, entry->label);
        g_assert_cmpstr(text_at(row, "state"), ==, entry->state);
        g_assert_cmpint(number_at(row, "service"), ==, entry->service);
        if (!strcmp(entry->state, "waiting"))
            g_assert_cmpint(number_at(row, "shown_ahead"), ==, ahead++);
    }
    /* issued = waiting + called + done + no_show + parked + left */
    int64_t issued = count_of(kit, "SELECT SUM(last_number) AS n FROM queue_sequence");
    g_assert_cmpint(issued, ==, model->count);
    static const char *const states[] = {"waiting", "called", "done", "no_show", "parked", "left"};
    size_t sum = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(states); i++)
        sum += model_count(model, states[i], 0);
    g_assert_cmpint(issued, ==, sum);
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM (SELECT counter FROM queue_ticket"
                                  " WHERE state = 'called' GROUP BY counter HAVING COUNT(*) > 1)"),
                    ==, 0);
}

static void test_model(void)
{
    Kit *kit = new_kit(MANY);
    Model *model = g_new0(Model, 1);
    model->rand = g_rand_new_with_seed(g_test_rand_int());
    for (int i = 0; i < MODEL_OPERATIONS; i++) {
        kit_forget(kit);
        int dice = g_rand_int_range(model->rand, 0, 100);
        /* The line must not grow without end: more are called than come. */
        if (dice < (model_count(model, "waiting", 0) > 12 ? 15 : 40))
            model_take(model, kit);
        else if (dice < 65)
            model_next(model, kit);
        else
            model_move(model, kit);
        model_compare_board(model, kit);
        if (i % 500 == 499) {
            model_compare_rows(model, kit);
            kit_restart(kit);
        }
    }
    model_compare_rows(model, kit);
    g_assert_cmpuint(model->count, >, MODEL_OPERATIONS / 10);
    g_rand_free(model->rand);
    g_free(model);
    kit_free(kit);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/queue/numbers", test_numbers);
    g_test_add_func("/queue/same-key", test_same_key);
    g_test_add_func("/queue/refusals", test_refusals);
    g_test_add_func("/queue/closed-service", test_closed_service);
    g_test_add_func("/queue/midnight", test_midnight);
    g_test_add_func("/queue/midnight-on-a-full-disk", test_midnight_on_a_full_disk);
    g_test_add_func("/queue/jakarta", test_jakarta);
    g_test_add_func("/queue/next", test_next);
    g_test_add_func("/queue/next-repeated", test_next_repeated);
    g_test_add_func("/queue/recall", test_recall);
    g_test_add_func("/queue/moves", test_moves);
    g_test_add_func("/queue/places", test_places);
    g_test_add_func("/queue/overtaking", test_overtaking);
    g_test_add_func("/queue/priority", test_priority);
    g_test_add_func("/queue/moves-repeated", test_moves_repeated);
    g_test_add_func("/queue/counter-services", test_counter_services);
    g_test_add_func("/queue/sign-in", test_sign_in);
    g_test_add_func("/queue/call-chosen", test_call_chosen);
    g_test_add_func("/queue/undo", test_undo);
    g_test_add_func("/queue/audit", test_audit);
    g_test_add_func("/queue/ticket-topics", test_ticket_topics);
    g_test_add_func("/queue/board", test_board);
    g_test_add_func("/queue/desk", test_desk);
    g_test_add_func("/queue/restart", test_restart);
    g_test_add_func("/queue/plans", test_plans);
    g_test_add_func("/queue/model", test_model);
    return g_test_run();
}
