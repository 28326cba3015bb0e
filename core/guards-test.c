/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Every guard of the web server, by raw sockets: what is refused ends closed, and the server serves
 * the next client. */
#include "core/frame.h"
#include "core/headers.h"
#include "core/limits.h"
#include "core/test_wire.h"
#include "core/web.h"

typedef struct {
    uv_loop_t loop;
    Web *web;
    Socket *socket;
    int closed;
} Fixture;

static void on_hello(HttpRequest *request, void *data)
{
    g_autoptr(GBytes) body = g_bytes_new_static("hello", 5);
    http_reply(request, 200, NULL, 0, body);
}

static void on_body(HttpRequest *request, GBytes *body, void *data)
{
    http_reply(request, 200, NULL, 0, body);
}

static void on_echo(HttpRequest *request, void *data)
{
    http_collect(request, LIMIT_JSON_BODY_BYTES, on_body, NULL);
}

static void *on_open(void *data, Socket *socket, HttpRequest *request, int *ret_status)
{
    Fixture *fixture = data;
    if (http_query(request, "no") != NULL) {
        *ret_status = 403;
        return NULL;
    }
    fixture->socket = socket;
    return fixture;
}

static void on_receive(void *connection, const char *bytes, size_t size)
{
    Fixture *fixture = connection;
    g_autoptr(GByteArray) frame = g_byte_array_new();
    frame_append_text(frame, bytes, size);
    socket_write(fixture->socket, frame->data, frame->len);
}

static void on_drained(void *connection)
{
}

static void on_closed(void *connection)
{
    ((Fixture *)connection)->closed++;
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    const WebOptions *limits = data;
    WebOptions options = limits == NULL ? (WebOptions){0} : *limits;
    options.address = "127.0.0.1";
    g_autoptr(GError) error = NULL;
    uv_loop_init(&fixture->loop);
    fixture->web = web_new(&fixture->loop, &options, &error);
    g_assert_no_error(error);
    web_route(fixture->web, "/", on_hello, NULL);
    web_route(fixture->web, "/echo", on_echo, NULL);
    WebSocketRoute route = {
        .open = on_open,
        .handler = {.receive = on_receive, .drained = on_drained, .closed = on_closed},
    };
    web_route_websocket(fixture->web, "/live", &route, fixture);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    wire_close_web(&fixture->loop, fixture->web);
}

static Wire *knock(Fixture *fixture)
{
    return wire_new(&fixture->loop, web_port(fixture->web));
}

/* The server is alive and well. */
static void check_serves(Fixture *fixture)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *answer = wire_ask(wire, "GET / HTTP/1.1\r\nHost: here\r\n\r\n");
    g_assert_cmpint(wire_status(answer), ==, 200);
    g_assert_cmpstr(wire_body(answer), ==, "hello");
}

/* --- The front door ----------------------------------------------------------------------------
 */

#define WEBSOCKET                                                                                  \
    "GET /live HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static const struct {
    int status;
    const char *request;
} refusals[] = {
    /* Ways out of HTTP/1.1 */
    {400, "GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade, HTTP2-Settings\r\n"
          "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: here\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n"},
    {400, "GET /live HTTP/1.1\r\nHost: here\r\nUpgrade: websocket, h2c\r\n"
          "Connection: Upgrade\r\n\r\n"},
    {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    {505, "GET / HTTP/3.0\r\nHost: here\r\n\r\n"},
    {405, "CONNECT here:443 HTTP/1.1\r\nHost: here\r\n\r\n"},
    {405, "TRACE / HTTP/1.1\r\nHost: here\r\n\r\n"},
    {501, "BREW / HTTP/1.1\r\nHost: here\r\n\r\n"},
    {501, "get / HTTP/1.1\r\nHost: here\r\n\r\n"},
    {400, "\x16\x03\x01\x02 hello\r\n\r\n"},
    /* Bodies that a proxy could see otherwise */
    {411, "POST /echo HTTP/1.1\r\nHost: here\r\n\r\n"},
    {411, "PATCH /echo HTTP/1.1\r\nHost: here\r\n\r\n"},
    {400, "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: -1\r\n\r\n"},
    {400, "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: +5\r\n\r\nhello"},
    {400, "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 0x5\r\n\r\nhello"},
    {400, "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 5,5\r\n\r\nhello"},
    {400, "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length:\r\n\r\n"},
    {400, "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\nContent-Length: 5\r\n"
          "\r\nhello"},
    {413, "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 99999999999999999999\r\n\r\n"},
    {413, "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 999999999999999\r\n\r\n"},
    {501, "POST /echo HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n"
          "Content-Length: 5\r\n\r\n0\r\n\r\n"},
    {411, "POST /echo HTTP/1.1\r\nHost: here\r\n\r\n0\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nhello"},
    {417, "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\nExpect: tea\r\n\r\n"},
    /* Lines */
    {400, "GET / HTTP/1.1\nHost: here\n\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: here\r\n folded: yes\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost : here\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: here\r\nno colon\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: here\r\n: no name\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: here\r\nX: a\rb\r\n\r\n"},
    {400, "GET  / HTTP/1.1\r\nHost: here\r\n\r\n"},
    {400, "GET /\r\nHost: here\r\n\r\n"},
    {400, "GET / HTTP/1.1 more\r\nHost: here\r\n\r\n"},
    /* Host: DNS rebinding needs it whole */
    {400, "GET / HTTP/1.1\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: here\r\nHost: there\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: he re\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: here/there\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: here:99999\r\n\r\n"},
    {400, "GET http://there/ HTTP/1.1\r\nHost: here\r\n\r\n"},
    /* Paths */
    {400, "GET * HTTP/1.1\r\nHost: here\r\n\r\n"},
    {400, "GET here HTTP/1.1\r\nHost: here\r\n\r\n"},
    {400, "GET /../etc/passwd HTTP/1.1\r\nHost: here\r\n\r\n"},
    {400, "GET /a/%2e%2e/b HTTP/1.1\r\nHost: here\r\n\r\n"},
    {400, "GET /a/..%2fb HTTP/1.1\r\nHost: here\r\n\r\n"},
    {400, "GET /a\\..\\b HTTP/1.1\r\nHost: here\r\n\r\n"},
    {400, "GET /a%00b HTTP/1.1\r\nHost: here\r\n\r\n"},
    {400, "GET /a%0d%0ab HTTP/1.1\r\nHost: here\r\n\r\n"},
    {400, "GET /a%zzb HTTP/1.1\r\nHost: here\r\n\r\n"},
    {400, "GET /a%f HTTP/1.1\r\nHost: here\r\n\r\n"},
    {400, "GET /%ff HTTP/1.1\r\nHost: here\r\n\r\n"},
    /* WebSockets */
    {404, "GET /nowhere HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
    {426, "GET /live HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
    {400, "GET /live HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n"},
    {400, "GET /live HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
    {403, "GET /live?no=1 HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
    {400, WEBSOCKET "\r\n\x81\x80mask"},
};

static void test_refusals(Fixture *fixture, gconstpointer data)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *shown = g_strescape(refusals[i].request, NULL);
        g_test_message("%s", shown);
        g_autoptr(Wire) wire = knock(fixture);
        g_autofree char *answer = wire_ask(wire, refusals[i].request);
        g_assert_cmpint(wire_status(answer), ==, refusals[i].status);
        g_assert_nonnull(strstr(answer, "Connection: close"));
        g_assert_nonnull(strstr(answer, "\r\nServer: serambi\r\n"));
        wire_wait_end(wire);
    }
    check_serves(fixture);
}

static void test_nul_in_head(Fixture *fixture, gconstpointer data)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: here\r\nX: a\0b\r\n\r\n";
    g_autoptr(Wire) wire = knock(fixture);
    wire_send_bytes(wire, request, sizeof request - 1);
    g_autofree char *answer = wire_take_answer(wire, false);
    g_assert_cmpint(wire_status(answer), ==, 400);
    check_serves(fixture);
}

static void check_long(Fixture *fixture, const char *before, size_t fill, const char *after,
                       int status)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *filling = g_strnfill(fill, 'x');
    g_autofree char *request = g_strconcat(before, filling, after, NULL);
    g_autofree char *answer = wire_ask(wire, request);
    g_assert_cmpint(wire_status(answer), ==, status);
}

static void test_sizes(Fixture *fixture, gconstpointer data)
{
    const char *before = "GET / HTTP/1.1\r\nHost: here\r\nX: ", *after = "\r\n\r\n";
    size_t around = strlen(before) + strlen(after);
    check_long(fixture, before, LIMIT_HEADER_BYTES - around, after, 200);
    check_long(fixture, before, LIMIT_HEADER_BYTES - around + 1, after, 431);
    check_long(fixture, before, 1000 * 1000, after, 431);
    before = "GET /";
    after = " HTTP/1.1\r\nHost: here\r\n\r\n";
    check_long(fixture, before, LIMIT_URI_BYTES - 1, after, 200);
    check_long(fixture, before, LIMIT_URI_BYTES, after, 414);

    g_autoptr(GString) many = g_string_new("GET / HTTP/1.1\r\nHost: here\r\n");
    for (int i = 0; i < LIMIT_HEADERS; i++) {
        g_string_append_printf(many, "X-%d: y\r\n", i);
    }
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *request = g_strconcat(many->str, "\r\n", NULL);
    g_autofree char *answer = wire_ask(wire, request);
    g_assert_cmpint(wire_status(answer), ==, 431);
    check_serves(fixture);
}

static void test_body_too_large(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *body = g_strnfill(LIMIT_JSON_BODY_BYTES + 1, 'x');
    g_autofree char *head = g_strdup_printf("POST /echo HTTP/1.1\r\nHost: here\r\n"
                                            "Content-Length: %d\r\n\r\n",
                                            LIMIT_JSON_BODY_BYTES + 1);
    g_autofree char *request = g_strconcat(head, body, NULL);
    g_autofree char *answer = wire_ask(wire, request);
    g_assert_cmpint(wire_status(answer), ==, 413);
    wire_wait_end(wire);
    g_assert_false(wire->was_reset);

    g_autoptr(Wire) second = knock(fixture);
    body[LIMIT_JSON_BODY_BYTES] = '\0';
    g_autofree char *just = g_strdup_printf("POST /echo HTTP/1.1\r\nHost: here\r\n"
                                            "Content-Length: %d\r\n\r\n%s",
                                            LIMIT_JSON_BODY_BYTES, body);
    g_autofree char *echo = wire_ask(second, just);
    g_assert_cmpint(wire_status(echo), ==, 200);
    g_assert_cmpstr(wire_body(echo), ==, body);
}

/* Heads with random damage: whatever comes out, it is one of the answers and nothing is read that
 * is not there (the sanitizer looks on). */
static void test_mutations(void)
{
    for (int round = 0; round < 20000; round++) {
        const char *seed = refusals[g_test_rand_int_range(0, G_N_ELEMENTS(refusals))].request;
        size_t size = strlen(seed);
        g_autofree char *bytes = g_memdup2(seed, size);
        for (int damage = g_test_rand_int_range(1, 6); damage > 0; damage--) {
            bytes[g_test_rand_int_range(0, (gint32)size)] = (char)g_test_rand_int_range(0, 256);
        }
        size_t end = headers_end(bytes, size);
        if (end == 0) {
            continue;
        }
        g_autofree char *exact = g_memdup2(bytes, end);
        Headers headers;
        int status = headers_parse(&headers, exact, end);
        g_assert_true(status == 0 || (status >= 400 && status <= 505));
        if (status == 0) {
            g_assert_cmpint(headers.path[0], ==, '/');
            g_assert_null(strstr(headers.path, "/../"));
            g_assert_true(g_utf8_validate(headers.path, -1, NULL));
            g_assert_nonnull(headers_get(&headers, "host"));
            g_assert_null(headers_get(&headers, "transfer-encoding"));
        }
        headers_clear(&headers);
    }
}

/* --- Time --------------------------------------------------------------------------------------
 */

static const WebOptions quick = {.header_seconds = 1, .idle_seconds = 1, .body_window_seconds = 1};

/* A byte now and then does not prolong it: the clock runs for the whole head. */
static void test_slow_header(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    wire_send(wire, "GET / HTTP/1.1\r\nHost: here\r\n");
    g_autofree char *answer = wire_take_answer(wire, false);
    g_assert_cmpint(wire_status(answer), ==, 408);
    wire_wait_end(wire);
    check_serves(fixture);
}

static void test_idle(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *answer = wire_ask(wire, "GET / HTTP/1.1\r\nHost: here\r\n\r\n");
    g_assert_cmpint(wire_status(answer), ==, 200);
    wire_wait_end(wire);
    g_assert_cmpuint(wire->in->len, ==, 0);
    check_serves(fixture);
}

static void test_slow_body(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = knock(fixture);
    wire_send(wire, "POST /echo HTTP/1.1\r\nHost: here\r\nContent-Length: 5000\r\n\r\nfew");
    wire_wait_end(wire);
    check_serves(fixture);
}

/* --- Numbers -----------------------------------------------------------------------------------
 */

static const WebOptions few = {.connections_stranger = 3, .connections_most = 40};

static void test_strangers(Fixture *fixture, gconstpointer data)
{
    Wire *wires[4];
    for (int i = 0; i < 4; i++) {
        wires[i] = knock(fixture);
        wire_send(wires[i], "GET / HTTP/1.1\r\n"); /* and no more */
    }
    wire_wait_end(wires[3]);
    g_assert_cmpuint(web_counters(fixture->web).connections, ==, 3);
    g_assert_cmpuint(web_counters(fixture->web).refused_total, ==, 1);
    /* Who completes a request is no stranger any more. */
    g_autofree char *answer = wire_ask(wires[0], "Host: here\r\n\r\n");
    g_assert_cmpint(wire_status(answer), ==, 200);
    check_serves(fixture);
    for (int i = 0; i < 4; i++) {
        wire_free(wires[i]);
    }
}

static const WebOptions fewer = {.connections_address = 5};

static void test_address(Fixture *fixture, gconstpointer data)
{
    Wire *wires[6];
    for (int i = 0; i < 6; i++) {
        wires[i] = knock(fixture);
        g_autofree char *answer = wire_ask(wires[i], "GET / HTTP/1.1\r\nHost: here\r\n\r\n");
        g_assert_cmpint(wire_status(answer), ==, i < 5 ? 200 : 0);
    }
    for (int i = 0; i < 6; i++) {
        wire_free(wires[i]);
    }
    check_serves(fixture);
}

/* --- WebSockets --------------------------------------------------------------------------------
 */

static const uint8_t mask[4] = {1, 2, 3, 4};

static Wire *open_live(Fixture *fixture)
{
    Wire *wire = knock(fixture);
    g_autofree char *answer = wire_ask(wire, WEBSOCKET "\r\n");
    g_assert_cmpint(wire_status(answer), ==, 101);
    /* RFC 6455, 1.3: this answer belongs to that key. */
    g_assert_nonnull(strcasestr(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    g_assert_null(strcasestr(answer, "Sec-WebSocket-Extensions"));
    return wire;
}

/* Answers the server's close frame with that code, waits for the end. */
static void check_closes(Fixture *fixture, Wire *wire, int code)
{
    wire_wait_bytes(wire, 4);
    g_assert_cmpuint(wire->in->len, >=, 4);
    g_assert_cmphex(wire->in->data[0], ==, 0x88);
    g_assert_cmpint(wire->in->data[2] << 8 | wire->in->data[3], ==, code);
    wire_send_frame(wire, 0x88, "\x03\xe8", 2, mask);
    wire_wait_end(wire);
    wire_free(wire);
    check_serves(fixture);
}

static void test_websocket_messages(Fixture *fixture, gconstpointer data)
{
    Wire *wire = open_live(fixture);
    wire_send_frame(wire, 0x81, "hi", 2, mask);
    wire_wait_bytes(wire, 4);
    g_assert_cmpmem(wire->in->data, wire->in->len, "\x81\x02hi", 4);
    g_byte_array_set_size(wire->in, 0);
    /* In pieces, with a ping between them. */
    wire_send_frame(wire, 0x01, "one ", 4, mask);
    wire_send_frame(wire, 0x89, "p", 1, mask);
    wire_send_frame(wire, 0x00, "two ", 4, mask);
    wire_send_frame(wire, 0x80, "three", 5, mask);
    wire_wait_bytes(wire, 3 + 15);
    const char *both = "\x8a\x01p\x81\x0done two three";
    const char *other = "\x81\x0done two three\x8a\x01p";
    g_assert_true(memcmp(wire->in->data, both, 18) == 0 || memcmp(wire->in->data, other, 18) == 0);
    g_byte_array_set_size(wire->in, 0);
    /* Of the greatest size. */
    g_autofree char *large = g_strnfill(LIMIT_WS_MESSAGE_PUBLIC, 'x');
    wire_send_frame(wire, 0x81, large, LIMIT_WS_MESSAGE_PUBLIC, mask);
    wire_wait_bytes(wire, 4 + LIMIT_WS_MESSAGE_PUBLIC);
    g_assert_cmpmem(wire->in->data + 4, wire->in->len - 4, large, LIMIT_WS_MESSAGE_PUBLIC);
    g_byte_array_set_size(wire->in, 0);
    /* The client says goodbye. */
    wire_send_frame(wire, 0x88, "\x03\xe8", 2, mask);
    check_closes(fixture, wire, 1000);
    g_assert_cmpint(fixture->closed, ==, 1);
}

static void test_websocket_too_long(Fixture *fixture, gconstpointer data)
{
    Wire *wire = open_live(fixture);
    g_autofree char *large = g_strnfill(1024 * 1024, 'x');
    wire_send_frame(wire, 0x81, large, 1024 * 1024, mask);
    check_closes(fixture, wire, 1009);

    wire = open_live(fixture);
    for (int i = 0; i <= LIMIT_WS_MESSAGE_PUBLIC / 1000; i++) {
        wire_send_frame(wire, i == 0 ? 0x01 : 0x00, large, 1000, mask);
    }
    check_closes(fixture, wire, 1009);
    g_assert_cmpint(fixture->closed, ==, 2);
}

static void test_websocket_faults(Fixture *fixture, gconstpointer data)
{
    static const struct {
        uint8_t first;
        const char *payload;
        size_t size;
        int code;
    } faults[] = {
        {0xc1, "hi", 2, 1002},       /* a reserved bit: compressed, but nobody agreed to that */
        {0x83, "hi", 2, 1002},       /* unknown operation */
        {0x8b, "hi", 2, 1002},       /* unknown control operation */
        {0x80, "hi", 2, 1002},       /* goes on with nothing */
        {0x09, "hi", 2, 1002},       /* a control frame in pieces */
        {0x88, "\x03", 1, 1002},     /* half a close code */
        {0x88, "\x03\xed", 2, 1002}, /* 1005, which stands for none */
        {0x88, "\x07\xd0", 2, 1002}, /* 2000: nobody's */
        {0x88, "\x03\xe8\xff", 3, 1007}, {0x81, "\xff\xfe", 2, 1007}, /* not UTF-8 */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_test_message("fault %zu", i);
        Wire *wire = open_live(fixture);
        wire_send_frame(wire, faults[i].first, faults[i].payload, faults[i].size, mask);
        check_closes(fixture, wire, faults[i].code);
    }
    g_assert_cmpint(fixture->closed, ==, (int)G_N_ELEMENTS(faults));
}

/* RFC 6455, 5.1: such a client is no browser, and may be poisoning a proxy between us. */
static void test_websocket_unmasked(Fixture *fixture, gconstpointer data)
{
    Wire *wire = open_live(fixture);
    wire_send_frame(wire, 0x81, "hi", 2, NULL);
    check_closes(fixture, wire, 1002);
}

/* With a code, without one, and by hanging up. */
static void test_websocket_client_closes(Fixture *fixture, gconstpointer data)
{
    Wire *wire = open_live(fixture);
    wire_send_frame(wire, 0x88,
                    "\x0f\xa0"
                    "bye",
                    5, mask);
    wire_wait_end(wire);
    g_assert_cmpmem(wire->in->data, wire->in->len, "\x88\x02\x0f\xa0", 4);
    wire_free(wire);
    wire = open_live(fixture);
    wire_send_frame(wire, 0x88, "", 0, mask);
    wire_wait_end(wire);
    g_assert_cmpmem(wire->in->data, wire->in->len, "\x88\x02\x03\xe8", 4);
    wire_free(wire);
    wire = open_live(fixture);
    wire_free(wire);
    while (fixture->closed < 3) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
    }
    check_serves(fixture);
    g_assert_cmpuint(web_counters(fixture->web).websockets, ==, 0);
}

/* Who asks without reading the answers gets one for all of them, and costs no memory. */
static void test_websocket_pings(Fixture *fixture, gconstpointer data)
{
    enum { PINGS = 40000, PONG_BYTES = 127 };
    Wire *wire = open_live(fixture);
    g_autofree char *payload = g_strnfill(125, 'p');
    uv_poll_stop(&wire->poll);
    for (int i = 0; i < PINGS; i++) {
        wire_send_frame(wire, 0x89, payload, 125, mask);
    }
    wire_send_frame(wire, 0x81, "over", 4, mask);
    uv_poll_start(&wire->poll, UV_READABLE, wire_on_readable);
    /* The pong of the last ones may come behind the echo. */
    while (wire->in->len == 0 || memmem(wire->in->data, wire->in->len, "\x81\x04over", 6) == NULL) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
    }
    g_assert_cmpuint((wire->in->len - 6) % PONG_BYTES, ==, 0);
    g_assert_cmpuint((wire->in->len - 6) / PONG_BYTES, >=, 1);
    g_assert_cmpuint((wire->in->len - 6) / PONG_BYTES, <=, PINGS);
    wire_free(wire);
    check_serves(fixture);
}

static void test_websocket_byte_by_byte(Fixture *fixture, gconstpointer data)
{
    static const uint8_t frames[] = {0x01, 0x83, 1, 2, 3, 4, 'a' ^ 1, 'b' ^ 2, 'c' ^ 3,
                                     0x80, 0x82, 1, 2, 3, 4, 'd' ^ 1, 'e' ^ 2};
    Wire *wire = open_live(fixture);
    for (size_t i = 0; i < sizeof frames; i++) {
        wire_send_bytes(wire, &frames[i], 1);
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
    }
    wire_wait_bytes(wire, 7);
    g_assert_cmpmem(wire->in->data, wire->in->len,
                    "\x81\x05"
                    "abcde",
                    7);
    wire_free(wire);
}

/* A length of 2^63 and more must neither be believed nor waited for. */
static void test_websocket_absurd_length(Fixture *fixture, gconstpointer data)
{
    static const uint8_t frame[] = {0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 1,    2,    3,    4};
    Wire *wire = open_live(fixture);
    wire_send_bytes(wire, frame, sizeof frame);
    check_closes(fixture, wire, 1009);
    static const uint8_t huge[] = {0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 1,    2,    3,    4,    'x'};
    wire = open_live(fixture);
    wire_send_bytes(wire, huge, sizeof huge);
    wire_wait_bytes(wire, 4);
    g_assert_cmpmem(wire->in->data, 4, "\x88\x12\x03\xf1", 4); /* 1009 */
    wire_free(wire); /* no answer of ours could be more than a part of that message */
    check_serves(fixture);
}

static void test_websocket_binary(Fixture *fixture, gconstpointer data)
{
    Wire *wire = open_live(fixture);
    wire_send_frame(wire, 0x82, "hi", 2, mask);
    check_closes(fixture, wire, 1003);
}

static void test_websocket_server_closes(Fixture *fixture, gconstpointer data)
{
    Wire *wire = open_live(fixture);
    socket_close(fixture->socket, 3001, "shutdown");
    wire_wait_bytes(wire, 12);
    g_assert_cmpmem(wire->in->data, wire->in->len, "\x88\x0a\x0b\xb9shutdown", 12);
    check_closes(fixture, wire, 3001);
    g_assert_cmpint(fixture->closed, ==, 1);

    wire = open_live(fixture);
    socket_kill(fixture->socket);
    wire_wait_end(wire);
    g_assert_cmpuint(wire->in->len, ==, 0);
    wire_free(wire);
    g_assert_cmpint(fixture->closed, ==, 2);
    g_assert_cmpuint(web_counters(fixture->web).websockets, ==, 0);
}

#define ADD(name, limits, test) g_test_add(name, Fixture, limits, set_up, test, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/guards/refusals", NULL, test_refusals);
    g_test_add_func("/guards/mutations", test_mutations);
    ADD("/guards/nul-in-head", NULL, test_nul_in_head);
    ADD("/guards/sizes", NULL, test_sizes);
    ADD("/guards/body-too-large", NULL, test_body_too_large);
    ADD("/guards/slow-header", &quick, test_slow_header);
    ADD("/guards/idle", &quick, test_idle);
    ADD("/guards/slow-body", &quick, test_slow_body);
    ADD("/guards/strangers", &few, test_strangers);
    ADD("/guards/address", &fewer, test_address);
    ADD("/guards/websocket/messages", NULL, test_websocket_messages);
    ADD("/guards/websocket/too-long", NULL, test_websocket_too_long);
    ADD("/guards/websocket/faults", NULL, test_websocket_faults);
    ADD("/guards/websocket/unmasked", NULL, test_websocket_unmasked);
    ADD("/guards/websocket/absurd-length", NULL, test_websocket_absurd_length);
    ADD("/guards/websocket/binary", NULL, test_websocket_binary);
    ADD("/guards/websocket/server-closes", NULL, test_websocket_server_closes);
    ADD("/guards/websocket/client-closes", NULL, test_websocket_client_closes);
    ADD("/guards/websocket/pings", NULL, test_websocket_pings);
    ADD("/guards/websocket/byte-by-byte", NULL, test_websocket_byte_by_byte);
    return g_test_run();
}
