/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Exchanges: bodies in, answers out, files in parts, answers that never end, and clients that
 * leave in the middle of each. */
#include "core/limits.h"
#include "core/test_wire.h"
#include <fcntl.h>
#include <glib/gstdio.h>

#define FILE_BYTES (3 * 1024 * 1024 + 7)

typedef struct {
    uv_loop_t loop;
    Web *web;
    HttpRequest *kept;
    Socket *socket;
    int gone, cut, ended, drained, closed;
    int64_t streamed;
    int file;
    char *content;
} Fixture;

static void on_hello(HttpRequest *request, void *data)
{
    HttpHeader headers[] = {
        {"Content-Type", "text/html; charset=utf-8"},
        {"X-Note", "one\r\nX-Evil: two"},
    };
    g_autoptr(GBytes) body = g_bytes_new_static("hello", 5);
    http_reply(request, 200, headers, G_N_ELEMENTS(headers), body);
}

static void on_body(HttpRequest *request, GBytes *body, void *data)
{
    http_reply(request, 200, NULL, 0, body);
}

static void on_echo(HttpRequest *request, void *data)
{
    http_collect(request, LIMIT_JSON_BODY_BYTES, on_body, NULL);
}

static void on_deny(HttpRequest *request, void *data)
{
    http_reply_error(request, 403, "access.denied", "no, \"%s\"", http_method(request));
}

static void on_about(HttpRequest *request, void *data)
{
    json_t *about =
        json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?}", "path", http_path(request), "origin",
                  http_origin(request), "peer", http_peer(request), "a", http_query(request, "a"),
                  "b", http_query(request, "b"), "cookie", http_header(request, "cookie"));
    http_reply_json(request, 200, about);
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

static void on_stream_data(HttpRequest *request, const void *bytes, size_t size, void *data)
{
    Fixture *fixture = data;
    fixture->streamed += (int64_t)size;
    g_assert_cmpuint(size, <=, 65536);
    if (http_query(request, "pause") != NULL) {
        http_pause(request, true);
    }
    if (http_query(request, "refuse") != NULL) {
        http_reply_error(request, 409, "upload.offset", "not here");
    }
}

static void on_stream_end(HttpRequest *request, void *data)
{
    Fixture *fixture = data;
    fixture->ended++;
    fixture->kept = NULL;
    http_reply_json(request, 200, json_integer(fixture->streamed));
}

static void on_stream_cut(HttpRequest *request, void *data)
{
    Fixture *fixture = data;
    fixture->cut++;
    fixture->kept = NULL;
}

static void on_stream(HttpRequest *request, void *data)
{
    static const HttpStream stream = {
        .on_data = on_stream_data,
        .on_end = on_stream_end,
        .on_cut = on_stream_cut,
    };
    Fixture *fixture = data;
    fixture->kept = request;
    http_stream(request, &stream, data);
}

static void on_file(HttpRequest *request, void *data)
{
    Fixture *fixture = data;
    HttpHeader header = {"Content-Type", "video/mp4"};
    http_reply_file(request, fcntl(fixture->file, F_DUPFD_CLOEXEC, 0), "v1", &header, 1);
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
    Fixture *fixture = data;
    static const SocketHandler handler = {.drained = on_drained, .closed = on_closed};
    HttpHeader header = {"Content-Type", "text/event-stream"};
    fixture->socket = http_reply_stream(request, &header, 1, &handler, fixture);
}

static void on_drop(HttpRequest *request, void *data)
{
    http_drop(request);
}

static void make_file(Fixture *fixture)
{
    g_autofree char *path = NULL;
    fixture->file = g_file_open_tmp(NULL, &path, NULL);
    g_unlink(path);
    fixture->content = g_malloc(FILE_BYTES);
    for (size_t i = 0; i < FILE_BYTES; i++) {
        fixture->content[i] = (char)('a' + i * 7 % 26);
    }
    g_assert_cmpint(write(fixture->file, fixture->content, FILE_BYTES), ==, FILE_BYTES);
}

static void set_up(Fixture *fixture, gconstpointer proxies)
{
    WebOptions options = {.address = "127.0.0.1", .trusted_proxies = proxies};
    g_autoptr(GError) error = NULL;
    uv_loop_init(&fixture->loop);
    fixture->web = web_new(&fixture->loop, &options, &error);
    g_assert_no_error(error);
    make_file(fixture);
    static const struct {
        const char *prefix;
        void (*handle)(HttpRequest *request, void *data);
    } routes[] = {
        {"/hello", on_hello},   {"/echo", on_echo},     {"/deny", on_deny},
        {"/about", on_about},   {"/keep", on_keep},     {"/file", on_file},
        {"/stream", on_stream}, {"/events", on_events}, {"/about/drop", on_drop},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
        web_route(fixture->web, routes[i].prefix, routes[i].handle, fixture);
    }
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    wire_close_web(&fixture->loop, fixture->web);
    close(fixture->file);
    g_free(fixture->content);
}

static Wire *knock(Fixture *fixture)
{
    return wire_new(&fixture->loop, web_port(fixture->web));
}

/* --- Simple ones -------------------------------------------------------------------------------
 */

static void test_headers(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *answer = wire_ask(wire, "GET /hello HTTP/1.1\r\nHost: here\r\n\r\n");
    static const char *const expected[] = {
        "HTTP/1.1 200 OK\r\n",
        "\r\nDate: ",
        "\r\nServer: serambi\r\n",
        "\r\nContent-Length: 5\r\n",
        "\r\nX-Content-Type-Options: nosniff\r\n",
        "\r\nReferrer-Policy: no-referrer\r\n",
        "\r\nCross-Origin-Resource-Policy: same-origin\r\n",
        "\r\nCross-Origin-Opener-Policy: same-origin\r\n",
        "frame-ancestors 'none'",
        "media-src 'self' blob:",
        "\r\nX-Note: oneX-Evil: two\r\n", /* one line, whatever is in it */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_nonnull(strstr(answer, expected[i]));
    }
    g_assert_null(strstr(answer, "Strict-Transport-Security"));
    g_autofree char *head = wire_ask(wire, "HEAD /hello HTTP/1.1\r\nHost: here\r\n\r\n");
    g_assert_nonnull(strstr(head, "\r\nContent-Length: 5\r\n"));
    /* No body came with it: the next answer begins at once. */
    g_autofree char *next = wire_ask(wire, "GET /nowhere HTTP/1.1\r\nHost: here\r\n\r\n");
    g_assert_cmpint(wire_status(next), ==, 404);
    g_assert_nonnull(strstr(next, "\"code\":\"request.path\""));
}

static void test_about(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *answer =
        wire_ask(wire, "GET /about/a%20b?a=1%2B+%C3%A9&a=2&b=%00&c HTTP/1.1\r\nHost: here:80\r\n"
                       "Cookie: x=1\r\nCookie: y=2\r\nX-Forwarded-For: 9.9.9.9\r\n"
                       "X-Forwarded-Proto: https\r\n\r\n");
    g_assert_cmpstr(wire_body(answer), ==,
                    "{\"path\":\"/about/a b\",\"origin\":\"http://here:80\","
                    "\"peer\":\"127.0.0.1\",\"a\":\"1+ é\",\"b\":null,\"cookie\":\"x=1; y=2\"}");
    g_autofree char *absolute =
        wire_ask(wire, "GET http://here/about HTTP/1.1\r\nHost: here\r\n\r\n");
    g_assert_nonnull(strstr(absolute, "\"path\":\"/about\""));
    g_autofree char *near = wire_ask(wire, "GET /aboutit HTTP/1.1\r\nHost: here\r\n\r\n");
    g_assert_cmpint(wire_status(near), ==, 404);
}

static void test_proxy(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *answer = wire_ask(wire, "GET /about HTTP/1.1\r\nHost: library.example\r\n"
                                             "X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.2\r\n"
                                             "X-Forwarded-Proto: https\r\n\r\n");
    g_assert_nonnull(strstr(answer, "\"origin\":\"https://library.example\""));
    g_assert_nonnull(strstr(answer, "\"peer\":\"203.0.113.9\""));
    g_assert_nonnull(strstr(answer, "\r\nStrict-Transport-Security: "));
}

static void test_keep_alive(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    for (int i = 0; i < 100; i++) {
        g_autofree char *answer =
            wire_ask(wire, "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nabc");
        g_assert_cmpstr(wire_body(answer), ==, "abc");
    }
    g_assert_cmpuint(web_counters(fixture->web).connections_total, ==, 1);
    g_autofree char *last =
        wire_ask(wire, "GET /hello HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    g_assert_nonnull(strstr(last, "\r\nConnection: close\r\n"));
    wire_wait_end(wire);
    g_autoptr(Wire) old = knock(fixture);
    g_autofree char *answer = wire_ask(old, "GET /hello HTTP/1.0\r\nHost: here\r\n\r\n");
    g_assert_cmpint(wire_status(answer), ==, 200);
    wire_wait_end(old);
}

static bool has_kept(void *data)
{
    return ((Fixture *)data)->kept != NULL;
}

/* Requests that come all at once are answered in their order, also when the first has to wait. */
static void test_pipeline(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    wire_send(wire, "GET /keep HTTP/1.1\r\nHost: here\r\n\r\n"
                    "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nabc"
                    "\r\nGET /hello HTTP/1.1\r\nHost: here\r\n\r\n");
    wire_wait(&fixture->loop, has_kept, fixture);
    g_assert_cmpuint(web_counters(fixture->web).requests_total, ==, 1);
    http_reply_json(fixture->kept, 202, json_true());
    g_autofree char *first = wire_take_answer(wire, false);
    g_assert_cmpint(wire_status(first), ==, 202);
    g_autofree char *second = wire_take_answer(wire, false);
    g_assert_cmpstr(wire_body(second), ==, "abc");
    g_autofree char *third = wire_take_answer(wire, false);
    g_assert_cmpstr(wire_body(third), ==, "hello");
}

static void on_pause_over(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* A request that waits costs no processor, whatever the client sends or however it leaves. */
static void test_waiting_is_quiet(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    wire_send(wire, "GET /keep HTTP/1.1\r\nHost: here\r\n\r\nG");
    wire_wait(&fixture->loop, has_kept, fixture);
    shutdown(wire->fd, SHUT_WR);
    uv_timer_t pause;
    uv_timer_init(&fixture->loop, &pause);
    bool is_over = false;
    pause.data = &is_over;
    uv_timer_start(&pause, on_pause_over, 50, 0);
    int turns = 0;
    while (!is_over) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
        turns++;
    }
    uv_close((uv_handle_t *)&pause, NULL);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    g_assert_cmpint(turns, <, 10);
    http_reply_json(fixture->kept, 200, json_true());
    g_autofree char *answer = wire_take_answer(wire, false);
    g_assert_cmpint(wire_status(answer), ==, 200);
}

/* --- Bodies ------------------------------------------------------------------------------------
 */

static void test_refused_body(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    /* A small body nobody wants is read away, and the connection goes on. */
    g_autofree char *first =
        wire_ask(wire, "POST /deny HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nabc");
    g_assert_cmpint(wire_status(first), ==, 403);
    g_assert_cmpstr(wire_body(first), ==,
                    "{\"error\":{\"code\":\"access.denied\",\"message\":\"no, \\\"POST\\\"\"}}");
    g_autofree char *second = wire_ask(wire, "GET /hello HTTP/1.1\r\nHost: here\r\n\r\n");
    g_assert_cmpint(wire_status(second), ==, 200);
    /* A large one ends it, but the answer arrives. */
    g_autofree char *large = g_strnfill(900 * 1000, 'x');
    wire_send(wire, "POST /deny HTTP/1.1\r\nHost: here\r\nContent-Length: 900000\r\n\r\n");
    wire_send(wire, large);
    g_autofree char *third = wire_take_answer(wire, false);
    g_assert_cmpint(wire_status(third), ==, 403);
    g_assert_nonnull(strstr(third, "\r\nConnection: close\r\n"));
    wire_wait_end(wire);
    g_assert_false(wire->was_reset);
}

static void test_expect(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *invitation =
        wire_ask(wire, "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n"
                       "Expect: 100-continue\r\n\r\n");
    g_assert_cmpint(wire_status(invitation), ==, 100);
    g_autofree char *answer = wire_ask(wire, "abc");
    g_assert_cmpstr(wire_body(answer), ==, "abc");
    g_autofree char *refusal =
        wire_ask(wire, "POST /deny HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n"
                       "Expect: 100-continue\r\n\r\n");
    g_assert_cmpint(wire_status(refusal), ==, 403);
    wire_wait_end(wire);
}

static bool is_streaming(void *data)
{
    return ((Fixture *)data)->streamed > 0;
}

static void test_stream(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    wire_send(wire, "PATCH /stream HTTP/1.1\r\nHost: here\r\nContent-Length: 3145735\r\n\r\n");
    wire_send_bytes(wire, fixture->content, FILE_BYTES);
    g_autofree char *answer = wire_take_answer(wire, false);
    g_assert_cmpstr(wire_body(answer), ==, "3145735");
    g_assert_cmpint(fixture->ended, ==, 1);
    g_autofree char *empty =
        wire_ask(wire, "PATCH /stream HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n");
    g_assert_cmpint(wire_status(empty), ==, 200);
    g_assert_cmpint(fixture->ended, ==, 2);
}

static void test_stream_pause(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    wire_send(wire, "PATCH /stream?pause=1 HTTP/1.1\r\nHost: here\r\nContent-Length: 6\r\n\r\n");
    wire_send(wire, "abc");
    wire_wait(&fixture->loop, is_streaming, fixture);
    wire_send(wire, "def");
    /* Another exchange goes through meanwhile; the paused one stands still. */
    g_autoptr(Wire) other = knock(fixture);
    g_autofree char *answer = wire_ask(other, "GET /hello HTTP/1.1\r\nHost: here\r\n\r\n");
    g_assert_cmpint(wire_status(answer), ==, 200);
    g_assert_cmpint(fixture->streamed, ==, 3);
    while (fixture->kept != NULL) {
        http_pause(fixture->kept, false);
        uv_run(&fixture->loop, UV_RUN_ONCE);
    }
    g_autofree char *end = wire_take_answer(wire, false);
    g_assert_cmpstr(wire_body(end), ==, "6");
}

static bool was_cut(void *data)
{
    return ((Fixture *)data)->cut > 0;
}

static void test_stream_cut(Fixture *fixture, gconstpointer data)
{
    Wire *wire = knock(fixture);
    wire_send(wire, "PATCH /stream HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\nabc");
    wire_wait(&fixture->loop, is_streaming, fixture);
    wire_free(wire);
    wire_wait(&fixture->loop, was_cut, fixture);
    g_assert_cmpint(fixture->ended, ==, 0);
    /* Answered in the middle: nothing more is heard of it. */
    g_autoptr(Wire) second = knock(fixture);
    g_autofree char *answer = wire_ask(second, "PATCH /stream?refuse=1 HTTP/1.1\r\nHost: here\r\n"
                                               "Content-Length: 6\r\n\r\nabc");
    g_assert_cmpint(wire_status(answer), ==, 409);
    g_autofree char *next = wire_ask(second, "defGET /hello HTTP/1.1\r\nHost: here\r\n\r\n");
    g_assert_cmpint(wire_status(next), ==, 200);
    g_assert_cmpint(fixture->cut, ==, 1);
}

static bool has_gone(void *data)
{
    return ((Fixture *)data)->gone > 0;
}

static void reset(Wire *wire)
{
    struct linger linger = {.l_onoff = 1};
    setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    wire_free(wire);
}

static void test_gone(Fixture *fixture, gconstpointer data)
{
    Wire *wire = knock(fixture);
    wire_send(wire, "GET /keep HTTP/1.1\r\nHost: here\r\n\r\n");
    wire_wait(&fixture->loop, has_kept, fixture);
    reset(wire);
    wire_wait(&fixture->loop, has_gone, fixture);
    g_autoptr(Wire) dropped = knock(fixture);
    wire_send(dropped, "GET /about/drop HTTP/1.1\r\nHost: here\r\n\r\n");
    wire_wait_end(dropped);
    g_assert_cmpuint(dropped->in->len, ==, 0);
}

/* --- Files -------------------------------------------------------------------------------------
 */

static void test_file(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *answer = wire_ask(wire, "GET /file HTTP/1.1\r\nHost: here\r\n\r\n");
    g_assert_cmpint(wire_status(answer), ==, 200);
    g_assert_nonnull(strstr(answer, "\r\nETag: \"v1\"\r\n"));
    g_assert_nonnull(strstr(answer, "\r\nAccept-Ranges: bytes\r\n"));
    g_assert_cmpmem(wire_body(answer), strlen(wire_body(answer)), fixture->content, FILE_BYTES);
    g_autofree char *head = wire_ask(wire, "HEAD /file HTTP/1.1\r\nHost: here\r\n\r\n");
    g_assert_nonnull(strstr(head, "\r\nContent-Length: 3145735\r\n"));
    g_autofree char *same = wire_ask(
        wire, "GET /file HTTP/1.1\r\nHost: here\r\nIf-None-Match: \"v0\", W/\"v1\"\r\n\r\n");
    g_assert_cmpint(wire_status(same), ==, 304);
    g_assert_null(strstr(same, "Content-Length"));
    g_autofree char *other =
        wire_ask(wire, "HEAD /file HTTP/1.1\r\nHost: here\r\nIf-None-Match: \"v11\"\r\n\r\n");
    g_assert_cmpint(wire_status(other), ==, 200);
}

static char *ask_range(Wire *wire, const char *range, const char *more)
{
    g_autofree char *request =
        g_strdup_printf("GET /file HTTP/1.1\r\nHost: here\r\nRange: %s\r\n%s\r\n", range, more);
    return wire_ask(wire, request);
}

static void test_range(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *middle = ask_range(wire, "bytes=100-199", "");
    g_assert_cmpint(wire_status(middle), ==, 206);
    g_assert_nonnull(strstr(middle, "\r\nContent-Range: bytes 100-199/3145735\r\n"));
    g_assert_cmpmem(wire_body(middle), strlen(wire_body(middle)), fixture->content + 100, 100);
    g_autofree char *end = ask_range(wire, "bytes=-5", "If-Range: \"v1\"\r\n");
    g_assert_cmpint(wire_status(end), ==, 206);
    g_assert_cmpmem(wire_body(end), strlen(wire_body(end)), fixture->content + FILE_BYTES - 5, 5);
    g_autofree char *changed = ask_range(wire, "bytes=-5", "If-Range: \"v0\"\r\n");
    g_assert_cmpint(wire_status(changed), ==, 200);
    g_autofree char *beyond = ask_range(wire, "bytes=3145735-", "");
    g_assert_cmpint(wire_status(beyond), ==, 416);
    g_assert_nonnull(strstr(beyond, "\r\nContent-Range: bytes */3145735\r\n"));
    g_autofree char *many = ask_range(wire, "bytes=0-0,2-2,4-4,6-6,8-8", "");
    g_assert_cmpint(wire_status(many), ==, 416);
    g_autofree char *wrong = ask_range(wire, "bytes=9-1", "");
    g_assert_cmpint(wire_status(wrong), ==, 200);
}

static void test_parts(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *answer = ask_range(wire, "bytes=0-1,10-12", "");
    g_assert_cmpint(wire_status(answer), ==, 206);
    const char *name = strstr(answer, "boundary=") + strlen("boundary=");
    g_autofree char *boundary = g_strndup(name, strcspn(name, "\r"));
    g_autofree char *expected = g_strdup_printf(
        "--%s\r\nContent-Type: video/mp4\r\nContent-Range: bytes 0-1/3145735\r\n\r\n%.2s\r\n"
        "--%s\r\nContent-Type: video/mp4\r\nContent-Range: bytes 10-12/3145735\r\n\r\n%.3s\r\n"
        "--%s--\r\n",
        boundary, fixture->content, boundary, fixture->content + 10, boundary);
    g_assert_cmpstr(wire_body(answer), ==, expected);
}

static bool is_alone(void *data)
{
    return web_counters(((Fixture *)data)->web).connections == 0;
}

/* Clients that leave while a file is on its way, politely and not. */
static void test_file_gone(Fixture *fixture, gconstpointer data)
{
    for (int i = 0; i < 10; i++) {
        Wire *wire = knock(fixture);
        wire_send(wire, "GET /file HTTP/1.1\r\nHost: here\r\n\r\n");
        wire_wait_bytes(wire, 1);
        if (i % 2 == 0) {
            wire_free(wire);
        } else {
            reset(wire);
        }
    }
    wire_wait(&fixture->loop, is_alone, fixture);
    g_assert_cmpuint(web_counters(fixture->web).requests_total, ==, 10);
}

/* --- Endless answers ---------------------------------------------------------------------------
 */

static bool has_socket(void *data)
{
    return ((Fixture *)data)->socket != NULL;
}

static bool has_closed(void *data)
{
    return ((Fixture *)data)->closed > 0;
}

static bool has_drained(void *data)
{
    return ((Fixture *)data)->drained > 0;
}

static void test_events(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    wire_send(wire, "GET /events HTTP/1.1\r\nHost: here\r\n\r\nand more");
    wire_wait(&fixture->loop, has_socket, fixture);
    g_autofree char *head = wire_take_answer(wire, true);
    g_assert_cmpint(wire_status(head), ==, 200);
    g_assert_null(strstr(head, "Content-Length"));
    g_assert_cmpstr(socket_peer(fixture->socket), ==, "127.0.0.1");
    g_assert_cmpint(socket_write(fixture->socket, "data: 1\n\n", 9), ==, SOCKET_SENT);
    wire_wait_bytes(wire, 9);
    g_assert_cmpmem(wire->in->data, wire->in->len, "data: 1\n\n", 9);
    socket_close(fixture->socket, 3000, "over");
    wire_wait(&fixture->loop, has_closed, fixture);
    wire_wait_end(wire);
}

/* A reader that does not read: the socket says so, and later that it goes on. */
static void test_events_lagging(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    wire_send(wire, "GET /events HTTP/1.1\r\nHost: here\r\n\r\n");
    wire_wait(&fixture->loop, has_socket, fixture);
    g_autofree char *head = wire_take_answer(wire, true);
    g_assert_cmpint(wire_status(head), ==, 200);
    uv_poll_stop(&wire->poll);
    size_t written = 0;
    SocketState state = SOCKET_SENT;
    while (state == SOCKET_SENT) {
        state = socket_write(fixture->socket, fixture->content, 65536);
        written += 65536;
        g_assert_cmpuint(written, <, 100 * 1024 * 1024);
    }
    g_assert_cmpint(state, ==, SOCKET_LAGGING);
    g_assert_true(socket_is_lagging(fixture->socket));
    uv_poll_start(&wire->poll, UV_READABLE, wire_on_readable);
    wire_wait(&fixture->loop, has_drained, fixture);
    g_assert_false(socket_is_lagging(fixture->socket));
    wire_wait_bytes(wire, written);
    g_assert_cmpuint(wire->in->len, ==, written);
}

static void test_events_gone(Fixture *fixture, gconstpointer data)
{
    Wire *wire = knock(fixture);
    wire_send(wire, "GET /events HTTP/1.1\r\nHost: here\r\n\r\n");
    wire_wait(&fixture->loop, has_socket, fixture);
    wire_free(wire);
    wire_wait(&fixture->loop, has_closed, fixture);

    g_autoptr(Wire) killed = knock(fixture);
    wire_send(killed, "GET /events HTTP/1.1\r\nHost: here\r\n\r\n");
    wire_wait(&fixture->loop, has_socket, fixture);
    socket_kill(fixture->socket);
    wire_wait_end(killed);
    g_assert_cmpint(fixture->closed, ==, 2);
}

/* --- The end of the server ---------------------------------------------------------------------
 */

/* With a request kept, a body half sent, a file half read and an endless answer. */
static void test_closes_with_all(Fixture *fixture, gconstpointer data)
{
    static const char *const requests[] = {
        "GET /keep HTTP/1.1\r\nHost: here\r\n\r\n",
        "GET /events HTTP/1.1\r\nHost: here\r\n\r\n",
        "GET /file HTTP/1.1\r\nHost: here\r\n\r\n",
        "PATCH /stream HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nabc",
    };
    Wire *wires[G_N_ELEMENTS(requests)];
    for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
        wires[i] = knock(fixture);
        wire_send(wires[i], requests[i]);
    }
    wire_wait(&fixture->loop, is_streaming, fixture);
    bool is_closed = false;
    web_close(fixture->web, wire_set_flag, &is_closed);
    wire_wait(&fixture->loop, wire_set_flag_seen, &is_closed);
    g_assert_cmpint(fixture->gone, ==, 1);
    g_assert_cmpint(fixture->cut, ==, 1);
    g_assert_cmpint(fixture->closed, ==, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
        wire_free(wires[i]);
    }
    WebOptions options = {.address = "127.0.0.1"};
    fixture->web = web_new(&fixture->loop, &options, NULL); /* for tear_down() */
}

#define ADD(name, proxies, test) g_test_add(name, Fixture, proxies, set_up, test, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/http/headers", "", test_headers);
    ADD("/http/about", "", test_about);
    ADD("/http/proxy", "10.0.0.2 127.0.0.1", test_proxy);
    ADD("/http/keep-alive", "", test_keep_alive);
    ADD("/http/pipeline", "", test_pipeline);
    ADD("/http/waiting-is-quiet", "", test_waiting_is_quiet);
    ADD("/http/body/refused", "", test_refused_body);
    ADD("/http/body/expect", "", test_expect);
    ADD("/http/stream", "", test_stream);
    ADD("/http/stream/pause", "", test_stream_pause);
    ADD("/http/stream/cut", "", test_stream_cut);
    ADD("/http/gone", "", test_gone);
    ADD("/http/file", "", test_file);
    ADD("/http/file/range", "", test_range);
    ADD("/http/file/parts", "", test_parts);
    ADD("/http/file/gone", "", test_file_gone);
    ADD("/http/events", "", test_events);
    ADD("/http/events/lagging", "", test_events_lagging);
    ADD("/http/events/gone", "", test_events_gone);
    ADD("/http/closes-with-all", "", test_closes_with_all);
    return g_test_run();
}
