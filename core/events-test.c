/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Server-sent events over a real socket: greeting, pushes, coming back with Last-Event-ID,
 * refusals. */
#include "core/client_private.h"
#include "core/limits.h"
#include "core/test_live.h"

#define BOTH "{\"subs\":{\"queue:calls\":{},\"queue:board\":{}}}"

static void run(void (*script)(Asking *asking))
{
    House house = {0};
    house_run(&house, script);
}

static char *path_of(const char *connect)
{
    g_autofree char *escaped = g_uri_escape_string(connect, NULL, FALSE);
    return g_strconcat("/connection/uni_sse?cf_connect=", escaped, NULL);
}

/* Opens the stream; the answer's header is read. */
static int listen_to(Asking *asking, const char *connect, const char *headers)
{
    g_autofree char *path = path_of(connect);
    int fd = asking_connect(asking);
    asking_head(asking, fd, "GET", path, headers, -1);
    g_autoptr(Answer) answer = asking_read(fd, true);
    g_assert_cmpint(answer->status, ==, 200);
    g_assert_cmpstr(answer_header(answer, "content-type"), ==, "text/event-stream");
    g_assert_cmpstr(answer_header(answer, "x-accel-buffering"), ==, "no");
    g_assert_null(answer_header(answer, "content-length"));
    return fd;
}

/* The next event: its data as JSON, its id; NULL at the end of the stream. */
static json_t *next_event(int fd, char **ret_id)
{
    g_autoptr(GString) text = g_string_new("");
    while (!g_str_has_suffix(text->str, "\n\n")) {
        char byte;
        if (recv(fd, &byte, 1, 0) != 1) {
            return NULL;
        }
        g_string_append_c(text, byte);
    }
    json_t *data = NULL;
    g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        if (g_str_has_prefix(*line, "data: ")) {
            data = json_loads(*line + strlen("data: "), 0, NULL);
        } else if (g_str_has_prefix(*line, "id: ") && ret_id != NULL) {
            g_free(*ret_id);
            *ret_id = g_strdup(*line + strlen("id: "));
        }
    }
    g_assert_nonnull(data);
    return data;
}

static void expect_push(int fd, const char *channel, int64_t offset, char **ret_id)
{
    json_auto_t *event = next_event(fd, ret_id);
    while (json_object_size(event) == 0) { /* its turn to be pinged */
        json_decref(event);
        event = next_event(fd, ret_id);
    }
    const char *found = "";
    json_int_t at = 0;
    g_assert_cmpint(json_unpack(event, "{s:s, s:{s:I}}", "channel", &found, "pub", "offset", &at),
                    ==, 0);
    g_assert_cmpstr(found, ==, channel);
    g_assert_cmpint(at, ==, offset);
}

static void script_stream(Asking *asking)
{
    House *house = asking->context;
    g_autofree char *id = NULL;
    json_auto_t *body = json_pack("{s:i}", "n", 1);
    int fd = listen_to(asking, BOTH, "");
    json_auto_t *greeting = next_event(fd, &id);
    const json_t *connect = json_object_get(greeting, "connect");
    g_assert_cmpint(json_integer_value(json_object_get(connect, "ping")), ==, 25);
    g_assert_cmpint(json_object_size(json_object_get(connect, "subs")), ==, 2);
    g_autofree char *start = g_strdup_printf("%s:0,0", live_epoch(house->live));
    g_assert_cmpstr(id, ==, start);
    house_say(house, "queue:calls", body, 3);
    for (int i = 1; i <= 3; i++) {
        expect_push(fd, "queue:calls", i, &id);
    }
    g_autofree char *expected = g_strdup_printf("%s:0,3", live_epoch(house->live));
    g_assert_cmpstr(id, ==, expected); /* in the order of the channels' names */
    close(fd);
    house_say(house, "queue:calls", body, 2);
    house_say(house, "queue:board", body, 2);
    /* A browser comes back with the same address and the id. */
    g_autofree char *header = g_strdup_printf("Last-Event-ID: %s\r\n", id);
    fd = listen_to(asking, BOTH, header);
    json_auto_t *again = next_event(fd, &id);
    const json_t *subs = json_object_get(json_object_get(again, "connect"), "subs");
    const json_t *calls = json_object_get(subs, "queue:calls");
    g_assert_true(json_is_true(json_object_get(calls, "recovered")));
    g_assert_cmpint(json_integer_value(json_object_get(calls, "offset")), ==, 3);
    const json_t *board = json_object_get(subs, "queue:board");
    g_assert_cmpint(json_array_size(json_object_get(board, "publications")), ==, 1);
    expect_push(fd, "queue:calls", 4, &id);
    expect_push(fd, "queue:calls", 5, &id);
    close(fd);
}

static void turn_round(Asking *asking)
{
    House *house = asking->context;
    for (int i = 0; i < 2 * WHEEL_SLOTS; i++) { /* in the first round it is fresh */
        clients_turn(house->clients, g_get_monotonic_time());
    }
}

static void say_goodbye(Asking *asking)
{
    House *house = asking->context;
    live_disconnect_all(house->live, 3001, "shutdown", 0);
}

static void script_ping_and_end(Asking *asking)
{
    int fd = listen_to(asking, BOTH, "");
    json_auto_t *greeting = next_event(fd, NULL);
    g_assert_nonnull(greeting);
    asking_errand(asking, turn_round);
    json_auto_t *ping = next_event(fd, NULL);
    g_assert_cmpint(json_object_size(ping), ==, 0);
    asking_errand(asking, say_goodbye);
    json_auto_t *goodbye = next_event(fd, NULL);
    int code = 0;
    json_unpack(goodbye, "{s:{s:i}}", "disconnect", "code", &code);
    g_assert_cmpint(code, ==, 3001);
    g_assert_null(next_event(fd, NULL));
    close(fd);
}

static void script_refusals(Asking *asking)
{
    static const struct {
        const char *connect;
        int status;
    } cases[] = {
        {"nonsense", 400},
        {"[]", 400},
        {"{}", 400},
        {"{\"subs\":{}}", 400},
        {"{\"subs\":[]}", 400},
        {"{\"subs\":{\"queue:board\":7}}", 400},
        {"{\"subs\":{\"queue:board\":{\"offset\":-1}}}", 400},
        {"{\"subs\":{\"queue:none\":{}}}", 404},
        {"{\"subs\":{\"queue:board\":{},\"queue:desk\":{}}}", 403},
        {"{\"token\":\"wrong\",\"subs\":{\"queue:board\":{}}}", 401},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = path_of(cases[i].connect);
        g_autoptr(Answer) answer = ask(asking, "GET", path, "", NULL, 0);
        g_assert_cmpint(answer->status, ==, cases[i].status);
    }
    g_autoptr(Answer) none = ask(asking, "GET", "/connection/uni_sse", "", NULL, 0);
    g_assert_cmpint(none->status, ==, 400);
    g_autoptr(Answer) put = ask(asking, "PUT", "/connection/uni_sse", "", NULL, 0);
    g_assert_cmpint(put->status, ==, 405);
    g_autofree char *path = path_of(BOTH);
    g_autoptr(Answer) foreign = ask(
        asking, "GET", path, "Cookie: session=x\r\nOrigin: http://elsewhere.example\r\n", NULL, 0);
    g_assert_cmpint(foreign->status, ==, 403);
    g_autoptr(GString) many = g_string_new("{\"subs\":{\"queue:board\":{}");
    for (int i = 0; i < LIMIT_CLIENT_CHANNELS; i++) {
        g_string_append_printf(many, ",\"queue:ticket.%d\":{}", i);
    }
    g_string_append(many, "}}");
    g_autoptr(Answer) over = ask(asking, "POST", "/connection/uni_sse", "", many->str, many->len);
    g_assert_cmpint(over->status, ==, 400);
    g_autofree char *large = g_strnfill(LIMIT_WS_MESSAGE_PUBLIC + 1, ' ');
    g_autoptr(Answer) larger =
        ask(asking, "POST", "/connection/uni_sse", "", large, LIMIT_WS_MESSAGE_PUBLIC + 1);
    g_assert_cmpint(larger->status, ==, 413);
}

static void add_token(Asking *asking)
{
    static const char *const channels[] = {"displays:screen.a", "queue:desk", NULL};
    House *house = asking->context;
    g_autoptr(GError) error = NULL;
    char *token = NULL, *expired = NULL;
    Store *admin = store_open(house->folder, false, NULL, &error);
    g_assert_no_error(error);
    AccessToken wish = {.name = "till", .role = SERAMBI_COUNTER, .channels = channels};
    g_assert_true(access_token_make(admin, &wish, &token, &error));
    wish = (AccessToken){.name = "old", .role = SERAMBI_COUNTER, .expires_us = 1};
    g_assert_true(access_token_make(admin, &wish, &expired, &error));
    store_close(admin);
    house->more = g_strdup_printf("%s %s", token, expired);
    g_free(token);
    g_free(expired);
}

static void read_refused(Asking *asking)
{
    House *house = asking->context;
    g_autoptr(GString) text = g_string_new("");
    clients_write_figures(house->clients, text);
    house->is_said = strstr(text->str, "serambi_live_refused_total{status=\"401\"} 1\n") != NULL;
}

/* A token's channels come unasked, and come back by the id; what it may not read is left out. */
static void script_tokens(Asking *asking)
{
    House *house = asking->context;
    json_auto_t *body = json_pack("{s:i}", "n", 1);
    asking_errand(asking, add_token);
    g_autofree char *both = house->more;
    g_auto(GStrv) tokens = g_strsplit(both, " ", 2);
    g_autofree char *connect = g_strdup_printf("{\"token\":\"%s\"}", tokens[0]);
    g_autofree char *id = NULL;
    int fd = listen_to(asking, connect, "");
    json_auto_t *greeting = next_event(fd, &id);
    const json_t *subs = json_object_get(json_object_get(greeting, "connect"), "subs");
    g_assert_cmpuint(json_object_size(subs), ==, 1);
    g_assert_nonnull(json_object_get(subs, "queue:desk"));
    house_say(house, "queue:desk", body, 1);
    expect_push(fd, "queue:desk", 1, &id);
    close(fd);
    g_autofree char *header = g_strdup_printf("Last-Event-ID: %s\r\n", id);
    fd = listen_to(asking, connect, header);
    json_auto_t *again = next_event(fd, &id);
    const json_t *desk =
        json_object_get(json_object_get(json_object_get(again, "connect"), "subs"), "queue:desk");
    g_assert_true(json_is_true(json_object_get(desk, "was_recovering")));
    g_assert_null(json_object_get(desk, "publications"));
    close(fd);
    g_autofree char *late =
        g_strdup_printf("{\"token\":\"%s\",\"subs\":{\"queue:board\":{}}}", tokens[1]);
    g_autofree char *path = path_of(late);
    g_autoptr(Answer) expired = ask(asking, "GET", path, "", NULL, 0);
    g_assert_cmpint(expired->status, ==, 401);
    asking_errand(asking, read_refused);
    g_assert_true(house->is_said);
}

static void test_tokens(void)
{
    run(script_tokens);
}

/* Positions that are not ours are passed over: the reader begins at the present. */
static void script_strange_ids(Asking *asking)
{
    static const char *const ids[] = {"", "x", "x:1", "x:1,2,3", "x:1,-2", "x:a,b", "other:1,2"};
    for (guint i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_autofree char *header = g_strdup_printf("Last-Event-ID: %s\r\n", ids[i]);
        int fd = listen_to(asking, BOTH, header);
        json_auto_t *greeting = next_event(fd, NULL);
        const json_t *calls = json_object_get(
            json_object_get(json_object_get(greeting, "connect"), "subs"), "queue:calls");
        g_assert_true(json_is_false(json_object_get(calls, "recovered")));
        close(fd);
    }
}

static void test_stream(void)
{
    run(script_stream);
}

static void test_ping_and_end(void)
{
    run(script_ping_and_end);
}

static void test_refusals(void)
{
    run(script_refusals);
}

static void test_strange_ids(void)
{
    run(script_strange_ids);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/events/stream", test_stream);
    g_test_add_func("/events/ping-and-end", test_ping_and_end);
    g_test_add_func("/events/refusals", test_refusals);
    g_test_add_func("/events/tokens", test_tokens);
    g_test_add_func("/events/strange-ids", test_strange_ids);
    return g_test_run();
}
