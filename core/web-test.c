/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The server as a whole: listening, routes, many WebSockets, slow ones, its figures, its end. */
#include "core/frame.h"
#include "core/limits.h"
#include "core/metrics.h"
#include "core/test_wire.h"
#include "core/web.h"

#define CROWD 200

typedef struct {
    uv_loop_t loop;
    Web *web;
    GPtrArray *sockets;
    int drained, closed;
} Fixture;

static void on_route(HttpRequest *request, void *data)
{
    g_autoptr(GBytes) body = g_bytes_new(data, strlen(data));
    http_reply(request, 200, NULL, 0, body);
}

static void *on_open(void *data, Socket *socket, HttpRequest *request, int *ret_status)
{
    Fixture *fixture = data;
    g_ptr_array_add(fixture->sockets, socket);
    if (http_query(request, "close") != NULL) {
        socket_close(socket, 3500, "not you");
    }
    return fixture;
}

static void on_receive(void *connection, const char *bytes, size_t size)
{
}

static void on_drained(void *connection)
{
    ((Fixture *)connection)->drained++;
}

static void on_closed(void *connection)
{
    ((Fixture *)connection)->closed++;
}

static Web *make_web(Fixture *fixture, int port, GError **error)
{
    WebOptions options = {.address = "127.0.0.1", .port = port};
    return web_new(&fixture->loop, &options, error);
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    uv_loop_init(&fixture->loop);
    fixture->web = make_web(fixture, 0, &error);
    g_assert_no_error(error);
    fixture->sockets = g_ptr_array_new();
    WebSocketRoute route = {
        .open = on_open,
        .handler = {.receive = on_receive, .drained = on_drained, .closed = on_closed},
    };
    web_route_websocket(fixture->web, "/live", &route, fixture);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    wire_close_web(&fixture->loop, fixture->web);
    g_ptr_array_unref(fixture->sockets);
}

static Wire *knock(Fixture *fixture)
{
    return wire_new(&fixture->loop, web_port(fixture->web));
}

static void check_route(Fixture *fixture, const char *path, const char *expected)
{
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *request = g_strdup_printf("GET %s HTTP/1.1\r\nHost: here\r\n\r\n", path);
    g_autofree char *answer = wire_ask(wire, request);
    g_assert_cmpstr(wire_body(answer), ==, expected);
}

static void test_routes(Fixture *fixture, gconstpointer data)
{
    web_route(fixture->web, "/", on_route, "root");
    web_route(fixture->web, "/api/", on_route, "api");
    web_route(fixture->web, "/api/session", on_route, "session");
    check_route(fixture, "/", "root");
    check_route(fixture, "/api", "root");
    check_route(fixture, "/api/queue", "api");
    check_route(fixture, "/api/session", "session");
    check_route(fixture, "/api/session/password", "session");
    check_route(fixture, "/api/sessions", "api");
}

static void test_listening(Fixture *fixture, gconstpointer data)
{
    int port = web_port(fixture->web);
    g_assert_cmpint(port, >, 0);
    g_autoptr(GError) error = NULL;
    g_assert_null(make_web(fixture, port, &error));
    g_assert_error(error, WEB_ERROR, WEB_ERROR_LISTEN);
    g_assert_nonnull(strstr(error->message, "'127.0.0.1'"));
    g_clear_error(&error);
    WebOptions wrong = {.address = "not an address"};
    g_assert_null(web_new(&fixture->loop, &wrong, &error));
    g_assert_error(error, WEB_ERROR, WEB_ERROR_LISTEN);

    web_route(fixture->web, "/", on_route, "root");
    web_set_listening(fixture->web, false);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), !=, 0);
    close(fd);
    web_set_listening(fixture->web, true);
    g_assert_cmpint(web_port(fixture->web), ==, port);
    check_route(fixture, "/", "root");
}

static Wire *open_live(Fixture *fixture, const char *path)
{
    Wire *wire = knock(fixture);
    g_autofree char *request =
        g_strdup_printf("GET %s HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\n"
                        "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                        path);
    g_autofree char *answer = wire_ask(wire, request);
    g_assert_cmpint(wire_status(answer), ==, 101);
    return wire;
}

/* "::" takes both families; an IPv4 client keeps its IPv4 name. */
static void test_dual_stack(Fixture *fixture, gconstpointer data)
{
    WebOptions options = {.address = "::"};
    g_autoptr(GError) error = NULL;
    Web *web = web_new(&fixture->loop, &options, &error);
    if (web == NULL) {
        g_test_skip("this machine has no IPv6");
        return;
    }
    web_route_websocket(web, "/live",
                        &(WebSocketRoute){
                            .open = on_open,
                            .handler = {.drained = on_drained, .closed = on_closed},
                        },
                        fixture);
    Web *first = fixture->web;
    fixture->web = web;
    Wire *wire = open_live(fixture, "/live");
    g_assert_cmpstr(socket_peer(fixture->sockets->pdata[0]), ==, "127.0.0.1");
    wire_free(wire);
    fixture->web = first;
    bool is_closed = false;
    web_close(web, wire_set_flag, &is_closed);
    wire_wait(&fixture->loop, wire_set_flag_seen, &is_closed);
    g_assert_cmpint(fixture->closed, ==, 1);
}

/* One finished frame for all; half of them leave by themselves, the server's end meets the rest. */
static void test_crowd(Fixture *fixture, gconstpointer data)
{
    Wire *wires[CROWD];
    for (int i = 0; i < CROWD; i++) {
        wires[i] = open_live(fixture, "/live");
    }
    g_assert_cmpuint(web_counters(fixture->web).websockets, ==, CROWD);
    g_autoptr(GByteArray) frame = g_byte_array_new();
    frame_append_text(frame, "{\"now\":88}", 10);
    for (int i = 0; i < CROWD; i++) {
        Socket *socket = fixture->sockets->pdata[i];
        g_assert_cmpint(socket_write(socket, frame->data, frame->len), ==, SOCKET_SENT);
    }
    for (int i = 0; i < CROWD; i++) {
        wire_wait_bytes(wires[i], frame->len);
        g_assert_cmpmem(wires[i]->in->data, wires[i]->in->len, frame->data, frame->len);
        if (i % 2 == 0) {
            wire_free(wires[i]);
        }
    }
    while (fixture->closed < CROWD / 2) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
    }
    g_assert_cmpuint(web_counters(fixture->web).connections, ==, CROWD / 2);
    bool is_closed = false;
    web_close(fixture->web, wire_set_flag, &is_closed);
    wire_wait(&fixture->loop, wire_set_flag_seen, &is_closed);
    g_assert_cmpint(fixture->closed, ==, CROWD);
    for (int i = 1; i < CROWD; i += 2) {
        wire_wait_end(wires[i]);
        wire_free(wires[i]);
    }
    fixture->web = make_web(fixture, 0, NULL); /* for tear_down() */
}

static bool has_drained(void *data)
{
    return ((Fixture *)data)->drained > 0;
}

/* A reader that stands still costs what the kernel holds and the rest of one write; when it reads
 * again not a byte is missing. */
static void test_lagging(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = open_live(fixture, "/live");
    Socket *socket = fixture->sockets->pdata[0];
    uv_poll_stop(&wire->poll);
    g_autofree char *payload = g_strnfill(60000, 'x');
    g_autoptr(GByteArray) frame = g_byte_array_new();
    frame_append_text(frame, payload, 60000);
    size_t written = 0;
    SocketState state = SOCKET_SENT;
    while (state == SOCKET_SENT) {
        state = socket_write(socket, frame->data, frame->len);
        written += frame->len;
        g_assert_cmpuint(written, <, 100 * 1024 * 1024);
    }
    g_assert_cmpint(state, ==, SOCKET_LAGGING);
    g_assert_true(socket_is_lagging(socket));
    uv_poll_start(&wire->poll, UV_READABLE, wire_on_readable);
    wire_wait(&fixture->loop, has_drained, fixture);
    g_assert_false(socket_is_lagging(socket));
    wire_wait_bytes(wire, written);
    for (size_t at = 0; at < written; at += frame->len) {
        g_assert_cmpmem(wire->in->data + at, frame->len, frame->data, frame->len);
    }
}

/* A close waits behind what was written before it. */
static void test_close_behind(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = open_live(fixture, "/live");
    Socket *socket = fixture->sockets->pdata[0];
    uv_poll_stop(&wire->poll);
    g_autofree char *payload = g_strnfill(60000, 'x');
    g_autoptr(GByteArray) frame = g_byte_array_new();
    frame_append_text(frame, payload, 60000);
    size_t written = 0;
    SocketState state = SOCKET_SENT;
    while (state == SOCKET_SENT) {
        state = socket_write(socket, frame->data, frame->len);
        written += frame->len;
    }
    socket_close(socket, 3008, "slow");
    g_assert_cmpint(socket_write(socket, "x", 1), ==, SOCKET_DEAD);
    uv_poll_start(&wire->poll, UV_READABLE, wire_on_readable);
    wire_wait_bytes(wire, written + 8);
    g_assert_cmpmem(wire->in->data + written, wire->in->len - written, "\x88\x06\x0b\xc0slow", 8);
}

static void test_close_in_open(Fixture *fixture, gconstpointer data)
{
    g_autoptr(Wire) wire = open_live(fixture, "/live?close=1");
    wire_wait_bytes(wire, 11);
    g_assert_cmpmem(wire->in->data, wire->in->len, "\x88\x09\x0d\xacnot you", 11);
}

static void write_own(GString *out, void *data)
{
    metrics_gauge(out, "serambi_own", "Of another room.", 1.5);
}

static void on_metrics(HttpRequest *request, void *data)
{
    metrics_handle(data, request);
}

static void test_metrics(Fixture *fixture, gconstpointer data)
{
    Metrics *metrics = metrics_new(fixture->web);
    metrics_add(metrics, write_own, NULL);
    web_route(fixture->web, "/metrics", on_metrics, metrics);
    g_autoptr(Wire) live = open_live(fixture, "/live");
    g_assert_false(live->has_ended);
    g_autoptr(Wire) wire = knock(fixture);
    g_autofree char *answer = wire_ask(wire, "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
    static const char *const expected[] = {
        "\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n",
        "# TYPE serambi_web_requests counter\n",
        "\nserambi_web_requests_total 2\n",
        "\nserambi_web_connections_open 2\n",
        "\nserambi_web_websockets_open 1\n",
        "\nserambi_own 1.5\n",
        "\nprocess_resident_memory_bytes ",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_nonnull(strstr(answer, expected[i]));
    }
    g_assert_true(g_str_has_suffix(answer, "\n# EOF\n"));
    metrics_free(metrics);
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/web/routes", test_routes);
    ADD("/web/listening", test_listening);
    ADD("/web/dual-stack", test_dual_stack);
    ADD("/web/crowd", test_crowd);
    ADD("/web/lagging", test_lagging);
    ADD("/web/close-behind", test_close_behind);
    ADD("/web/close-in-open", test_close_in_open);
    ADD("/web/metrics", test_metrics);
    return g_test_run();
}
