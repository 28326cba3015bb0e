/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * HTTP connections that are half closed, half read or too eager: nothing is lost, and nobody who
 * waits keeps the loop turning. */
#include "core/limits.h"
#include "core/test_wire.h"

#define QUIET_TURNS 12 /* in 300 ms: the timers' own */
#define MANY        400
#define EAGER       60 /* connections, each with EAGER_REQUESTS in one piece */

#define EAGER_REQUESTS 20

typedef struct {
    uv_loop_t loop;
    Web *web;
    HttpRequest *kept;
    Socket *socket;
    guint gone, ended, cut, drained, closed, answered;
    guint in_turn, most_in_turn;
    int64_t streamed;
    gulong takes_us;
} Fixture;

static void on_hello(HttpRequest *request, void *data)
{
    Fixture *fixture = data;
    g_autofree char *text = g_strdup_printf("%u;", ++fixture->answered);
    g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));
    fixture->in_turn++;
    fixture->most_in_turn = MAX(fixture->most_in_turn, fixture->in_turn);
    if (fixture->takes_us > 0) {
        g_usleep(fixture->takes_us);
    }
    http_reply(request, 200, NULL, 0, body);
}

static void on_gone(HttpRequest *request, void *data)
{
    Fixture *fixture = data;
    fixture->kept = NULL;
    fixture->gone++;
}

static void on_keep(HttpRequest *request, void *data)
{
    Fixture *fixture = data;
    fixture->kept = request;
    http_on_gone(request, on_gone, fixture);
}

static void on_data(HttpRequest *request, const void *bytes, size_t size, void *data)
{
    Fixture *fixture = data;
    if (fixture->streamed == 0) {
        http_pause(request, true);
    }
    fixture->streamed += (int64_t)size;
}

static void on_end(HttpRequest *request, void *data)
{
    Fixture *fixture = data;
    fixture->ended++;
    http_reply_json(request, 200, json_true());
}

static void on_cut(HttpRequest *request, void *data)
{
    Fixture *fixture = data;
    fixture->cut++;
    fixture->kept = NULL;
}

static void on_stream(HttpRequest *request, void *data)
{
    static const HttpStream stream = {.on_data = on_data, .on_end = on_end, .on_cut = on_cut};
    Fixture *fixture = data;
    fixture->kept = request;
    http_stream(request, &stream, fixture);
}

static void on_drained(void *connection)
{
    ((Fixture *)connection)->drained++;
}

static void on_closed(void *connection)
{
    Fixture *fixture = connection;
    fixture->closed++;
    fixture->socket = NULL;
}

static void on_events(HttpRequest *request, void *data)
{
    static const SocketHandler handler = {.drained = on_drained, .closed = on_closed};
    Fixture *fixture = data;
    fixture->socket = http_reply_stream(request, NULL, 0, &handler, fixture);
}

static void on_large(HttpRequest *request, void *data)
{
    g_autofree char *text = g_strnfill(16 * 1024 * 1024, 'x');
    g_autoptr(GBytes) body = g_bytes_new(text, 16 * 1024 * 1024);
    http_reply(request, 200, NULL, 0, body);
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    WebOptions options = {.address = "127.0.0.1"};
    g_autoptr(GError) error = NULL;
    uv_loop_init(&fixture->loop);
    fixture->web = web_new(&fixture->loop, &options, &error);
    g_assert_no_error(error);
    web_route(fixture->web, "/hello", on_hello, fixture);
    web_route(fixture->web, "/keep", on_keep, fixture);
    web_route(fixture->web, "/stream", on_stream, fixture);
    web_route(fixture->web, "/events", on_events, fixture);
    web_route(fixture->web, "/large", on_large, fixture);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    wire_close_web(&fixture->loop, fixture->web);
}

static Wire *knock(Fixture *fixture)
{
    return wire_new(&fixture->loop, web_port(fixture->web));
}

static void check_quiet(Fixture *fixture)
{
    g_assert_cmpuint(wire_count_turns(&fixture->loop, 300), <, QUIET_TURNS);
}

static bool has_kept(void *data)
{
    return ((Fixture *)data)->kept != NULL;
}

static bool is_gone(void *data)
{
    return web_counters(((Fixture *)data)->web).connections == 0;
}

static void reset(Wire *wire)
{
    (void)setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
                     sizeof(struct linger));
    wire_free(wire);
}

/* --- Quiet ------------------------------------------------------------------------------------ */

static void test_quiet_answer(Fixture *fixture, gconstpointer data)
{
    Wire *wire = knock(fixture);
    wire_send(wire, "GET /keep HTTP/1.1\r\nHost: here\r\n\r\nGET /hello");
    wire_wait(&fixture->loop, has_kept, fixture);
    check_quiet(fixture);
    (void)shutdown(wire->fd, SHUT_WR);
    check_quiet(fixture);
    http_reply_json(fixture->kept, 200, json_true());
    g_autofree char *answer = wire_take_answer(wire, false);
    g_assert_cmpint(wire_status(answer), ==, 200);
    wire_wait_end(wire); /* the second head never comes */
    g_assert_false(wire->was_reset);
    wire_free(wire);
}

/* The client is gone altogether while the answer is not there yet. */
static void test_quiet_reset(Fixture *fixture, gconstpointer data)
{
    Wire *wire = knock(fixture);
    wire_send(wire, "GET /keep HTTP/1.1\r\nHost: here\r\n\r\n");
    wire_wait(&fixture->loop, has_kept, fixture);
    reset(wire);
    wire_wait(&fixture->loop, is_gone, fixture);
    g_assert_cmpuint(fixture->gone, ==, 1);
    /* After half a close nobody watches; the answer finds out. */
    wire = knock(fixture);
    wire_send(wire, "GET /keep HTTP/1.1\r\nHost: here\r\n\r\n");
    wire_wait(&fixture->loop, has_kept, fixture);
    (void)shutdown(wire->fd, SHUT_WR);
    check_quiet(fixture);
    reset(wire);
    check_quiet(fixture);
    http_reply_json(fixture->kept, 200, json_true());
    wire_wait(&fixture->loop, is_gone, fixture);
}

static void test_quiet_body(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *body = g_strnfill(200000, 'x');
    wire_send(wire, "POST /stream HTTP/1.1\r\nHost: here\r\nContent-Length: 200000\r\n\r\n");
    wire_send_bytes(wire, body, 200000);
    while (fixture->streamed == 0) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
    }
    check_quiet(fixture);
    (void)shutdown(wire->fd, SHUT_WR);
    check_quiet(fixture);
    g_assert_cmpint(fixture->streamed, <, 200000);
    http_pause(fixture->kept, false);
    g_autofree char *answer = wire_take_answer(wire, false);
    g_assert_cmpint(wire_status(answer), ==, 200);
    g_assert_cmpint(fixture->streamed, ==, 200000);
    g_assert_cmpuint(fixture->ended, ==, 1);
}

static void test_quiet_cut(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    wire_send(wire, "POST /stream HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nabc");
    while (fixture->streamed == 0) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
    }
    (void)shutdown(wire->fd, SHUT_WR);
    check_quiet(fixture);
    http_pause(fixture->kept, false);
    wire_wait(&fixture->loop, is_gone, fixture);
    g_assert_cmpuint(fixture->cut, ==, 1);
}

/* Half closed, and takes nothing of a large answer. */
static void test_quiet_full(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    uv_poll_stop(&wire->poll);
    wire_send(wire, "GET /large HTTP/1.1\r\nHost: here\r\n\r\n");
    while (web_counters(fixture->web).requests_total == 0) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
    }
    (void)shutdown(wire->fd, SHUT_WR);
    (void)wire_count_turns(&fixture->loop, 100); /* until the socket is full */
    check_quiet(fixture);
    uv_poll_start(&wire->poll, UV_READABLE, wire_on_readable);
    g_autofree char *answer = wire_take_answer(wire, false);
    g_assert_cmpuint(strlen(wire_body(answer)), ==, 16 * 1024 * 1024);
    wire_wait_end(wire);
    g_assert_false(wire->was_reset);
}

static void test_quiet_linger(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *answer =
        wire_ask(wire, "GET /hello HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    g_assert_cmpint(wire_status(answer), ==, 200);
    check_quiet(fixture);
    wire_send(wire, "more that nobody wants");
    check_quiet(fixture);
    g_assert_cmpuint(web_counters(fixture->web).connections, ==, 1);
    (void)shutdown(wire->fd, SHUT_WR);
    wire_wait(&fixture->loop, is_gone, fixture);
}

static bool has_socket(void *data)
{
    return ((Fixture *)data)->socket != NULL;
}

static void test_quiet_events(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *text = g_strnfill(60000, 'x');
    wire_send(wire, "GET /events HTTP/1.1\r\nHost: here\r\n\r\n");
    wire_wait(&fixture->loop, has_socket, fixture);
    uv_poll_stop(&wire->poll);
    check_quiet(fixture);
    wire_send(wire, "a word in between");
    check_quiet(fixture);
    while (socket_write(fixture->socket, text, 60000) == SOCKET_SENT) {
    }
    check_quiet(fixture);
    g_assert_true(socket_is_lagging(fixture->socket));
    (void)shutdown(wire->fd, SHUT_WR);
    wire_wait(&fixture->loop, is_gone, fixture);
    g_assert_cmpuint(fixture->closed, ==, 1);
    check_quiet(fixture);
}

static void test_half_a_head(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    wire_send(wire, "GET /hello HTTP/1.1\r\nHo");
    (void)shutdown(wire->fd, SHUT_WR);
    wire_wait_end(wire);
    wire_wait(&fixture->loop, is_gone, fixture);
    g_assert_cmpuint(web_counters(fixture->web).requests_total, ==, 0);
}

/* --- Pipelines -------------------------------------------------------------------------------- */

/* More than one reading takes, from a client that then closes its side (as `nc -N` does): while
 * the first is answered that is noticed, and yet all that came before it counts. */
static void test_pipeline_half_closed(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autoptr(GString) requests = g_string_new("GET /keep HTTP/1.1\r\nHost: here\r\n\r\n");
    for (int i = 0; i < MANY; i++) {
        g_string_append(requests, "GET /hello HTTP/1.1\r\nHost: here\r\n\r\n");
    }
    g_assert_cmpuint(requests->len, >, LIMIT_HEADER_BYTES);
    wire_send(wire, requests->str);
    (void)shutdown(wire->fd, SHUT_WR);
    wire_wait(&fixture->loop, has_kept, fixture);
    check_quiet(fixture);
    http_reply_json(fixture->kept, 200, json_true());
    for (int i = 0; i <= MANY; i++) {
        g_autofree char *answer = wire_take_answer(wire, false);
        g_assert_cmpint(wire_status(answer), ==, 200);
        g_autofree char *expected = g_strdup_printf("%d;", i);
        g_assert_cmpstr(wire_body(answer), ==, i == 0 ? "true" : expected);
    }
    wire_wait_end(wire);
    g_assert_false(wire->was_reset);
    g_assert_cmpuint(wire->in->len, ==, 0);
}

/* A reset would eat the last answer. */
static void test_close_half_closed(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *more = g_strnfill(100000, 'x');
    wire_send(wire, "GET /keep HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    wire_send_bytes(wire, more, 100000);
    (void)shutdown(wire->fd, SHUT_WR);
    wire_wait(&fixture->loop, has_kept, fixture);
    check_quiet(fixture);
    uv_poll_stop(&wire->poll);
    http_reply_json(fixture->kept, 200, json_true());
    wire_wait(&fixture->loop, is_gone, fixture);
    uv_poll_start(&wire->poll, UV_READABLE, wire_on_readable);
    g_autofree char *answer = wire_take_answer(wire, false);
    g_assert_cmpint(wire_status(answer), ==, 200);
    wire_wait_end(wire);
    g_assert_false(wire->was_reset);
}

static void on_turn(uv_prepare_t *prepare)
{
    ((Fixture *)prepare->data)->in_turn = 0;
}

/* Many requests of many clients are there at once: the loop turns between them. */
static void test_pipeline_shares(Fixture *fixture, gconstpointer data)
{
    Wire *wires[EAGER];
    uv_prepare_t prepare;
    uv_prepare_init(&fixture->loop, &prepare);
    prepare.data = fixture;
    uv_prepare_start(&prepare, on_turn);
    for (int i = 0; i < EAGER; i++) {
        wires[i] = knock(fixture);
        g_autofree char *answer = wire_ask(wires[i], "GET /hello HTTP/1.1\r\nHost: here\r\n\r\n");
        g_assert_cmpint(wire_status(answer), ==, 200);
    }
    fixture->takes_us = 1000;
    fixture->most_in_turn = fixture->answered = 0;
    g_autoptr(GString) requests = g_string_new("");
    for (int i = 0; i < EAGER_REQUESTS; i++) {
        g_string_append(requests, "GET /hello HTTP/1.1\r\nHost: here\r\n\r\n");
    }
    for (int i = 0; i < EAGER; i++) {
        wire_send(wires[i], requests->str);
    }
    while (fixture->answered < EAGER * EAGER_REQUESTS) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
    }
    g_test_message("at most %u in one turn", fixture->most_in_turn);
    /* One budget for those that have something new, one for those that go on. */
    g_assert_cmpuint(fixture->most_in_turn, <=, 2 * (LIMIT_TURN_US / 1000 + 4));
    for (int i = 0; i < EAGER; i++) {
        wire_free(wires[i]);
    }
    uv_close((uv_handle_t *)&prepare, NULL);
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/connection/quiet/answer", test_quiet_answer);
    ADD("/connection/quiet/reset", test_quiet_reset);
    ADD("/connection/quiet/body", test_quiet_body);
    ADD("/connection/quiet/cut", test_quiet_cut);
    ADD("/connection/quiet/full", test_quiet_full);
    ADD("/connection/quiet/linger", test_quiet_linger);
    ADD("/connection/quiet/events", test_quiet_events);
    ADD("/connection/half-a-head", test_half_a_head);
    ADD("/connection/pipeline/half-closed", test_pipeline_half_closed);
    ADD("/connection/pipeline/shares", test_pipeline_shares);
    ADD("/connection/close-half-closed", test_close_half_closed);
    return g_test_run();
}
