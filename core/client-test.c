/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Live sessions: the codec by itself, then a real server and plain sockets. */
#include "core/centrifuge.h"
#include "core/client_private.h"
#include "core/limits.h"
#include "core/test_live.h"

/* --- The codec -------------------------------------------------------------------------------- */

static void test_commands(void)
{
    const char *text = "{\"id\":1,\"connect\":{\"token\":\"T\",\"name\":\"js\"}}\n"
                       "{\"id\":2,\"subscribe\":{\"channel\":\"a:b\",\"flag\":1,\"recover\":true,"
                       "\"epoch\":\"k3\",\"offset\":417}}\n\n"
                       "{}\n"
                       "{\"id\":3,\"history\":{\"channel\":\"a:b\",\"limit\":-1,\"reverse\":true,"
                       "\"since\":{\"offset\":80,\"epoch\":\"k3\"}}}\n"
                       "{\"id\":4,\"rpc\":{\"method\":\"m\",\"data\":{\"x\":1}}}\n"
                       "{\"id\":5,\"dance\":{}}\n";
    size_t size = strlen(text);
    g_autoptr(GError) error = NULL;
    CentrifugeCommand command;
    g_assert_true(centrifuge_next(&text, &size, &command, &error));
    g_assert_cmpint(command.method, ==, CENTRIFUGE_CONNECT);
    g_assert_cmpstr(command.token, ==, "T");
    centrifuge_command_clear(&command);
    g_assert_true(centrifuge_next(&text, &size, &command, &error));
    g_assert_cmpint(command.method, ==, CENTRIFUGE_SUBSCRIBE);
    g_assert_cmpuint(command.id, ==, 2);
    g_assert_cmpstr(command.channel, ==, "a:b");
    g_assert_cmpstr(command.epoch, ==, "k3");
    g_assert_cmpuint(command.offset, ==, 417);
    g_assert_true(command.recover);
    centrifuge_command_clear(&command);
    g_assert_true(centrifuge_next(&text, &size, &command, &error));
    g_assert_cmpint(command.method, ==, CENTRIFUGE_PONG);
    centrifuge_command_clear(&command);
    g_assert_true(centrifuge_next(&text, &size, &command, &error));
    g_assert_cmpint(command.method, ==, CENTRIFUGE_HISTORY);
    g_assert_true(command.has_since && command.reverse);
    g_assert_cmpint(command.limit, ==, -1);
    g_assert_cmpuint(command.offset, ==, 80);
    centrifuge_command_clear(&command);
    g_assert_true(centrifuge_next(&text, &size, &command, &error));
    g_assert_cmpstr(command.call, ==, "m");
    g_assert_cmpint(json_integer_value(json_object_get(command.data, "x")), ==, 1);
    centrifuge_command_clear(&command);
    g_assert_true(centrifuge_next(&text, &size, &command, &error));
    g_assert_cmpint(command.method, ==, CENTRIFUGE_OTHER);
    centrifuge_command_clear(&command);
    g_assert_true(centrifuge_next(&text, &size, &command, &error));
    g_assert_cmpint(command.method, ==, 0);
    g_assert_no_error(error);
}

/* As deep as it may be, and brackets within a text are none. */
static void test_depth(void)
{
    g_autofree char *open = g_strnfill(LIMIT_JSON_DEPTH - 2, '[');
    g_autofree char *shut = g_strnfill(LIMIT_JSON_DEPTH - 2, ']');
    g_autofree char *text = g_strdup_printf(
        "{\"id\":1,\"rpc\":{\"method\":\"\\\"{{{{[[[[[[[[[[[[[[[[\",\"data\":%s%s}}", open, shut);
    const char *rest = text;
    size_t size = strlen(text);
    g_autoptr(GError) error = NULL;
    CentrifugeCommand command;
    g_assert_true(centrifuge_next(&rest, &size, &command, &error));
    g_assert_no_error(error);
    g_assert_cmpint(command.method, ==, CENTRIFUGE_RPC);
    centrifuge_command_clear(&command);
}

static void test_malformed(void)
{
    g_autoptr(GString) deep = g_string_new("{\"id\":1,\"rpc\":{\"method\":\"m\",\"data\":");
    for (int i = 0; i < LIMIT_JSON_DEPTH; i++) {
        g_string_append_c(deep, '[');
    }
    for (int i = 0; i < LIMIT_JSON_DEPTH; i++) {
        g_string_append_c(deep, ']');
    }
    g_string_append(deep, "}}");
    const char *const bad[] = {
        "x",
        "[]",
        "1",
        "{\"id\":1",
        "{\"connect\":{}}",
        "{\"id\":0,\"connect\":{}}",
        "{\"id\":-1,\"connect\":{}}",
        "{\"id\":4294967296,\"connect\":{}}",
        "{\"id\":\"1\",\"connect\":{}}",
        "{\"id\":1.5,\"connect\":{}}",
        "{\"id\":1,\"id\":2,\"connect\":{}}",
        "{\"id\":1,\"connect\":[]}",
        "{\"id\":1,\"connect\":{\"token\":7}}",
        "{\"id\":1,\"connect\":{\"token\":\"a\\u0000b\"}}",
        "{\"id\":1,\"connect\":{},\"rpc\":{}}",
        "{\"id\":1,\"subscribe\":{\"channel\":7}}",
        "{\"id\":1,\"subscribe\":{\"channel\":\"a\",\"offset\":-1}}",
        "{\"id\":1,\"subscribe\":{\"channel\":\"a\",\"recover\":1}}",
        "{\"id\":1,\"history\":{\"channel\":\"a\",\"since\":7}}",
        "\xff\xfe",
        deep->str,
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *text = bad[i];
        size_t size = strlen(text);
        g_autoptr(GError) error = NULL;
        CentrifugeCommand command = {0};
        g_assert_false(centrifuge_next(&text, &size, &command, &error));
        g_assert_error(error, CENTRIFUGE_ERROR, CENTRIFUGE_ERROR_FORMAT);
        g_assert_null(command.document);
    }
}

static void test_replies(void)
{
    g_autoptr(GString) out = g_string_new("");
    centrifuge_reply(out, 7, "unsubscribe", json_object());
    centrifuge_reply_error(out, 8, 103);
    centrifuge_reply_error(out, 9, 111);
    g_assert_cmpstr(out->str, ==,
                    "{\"id\":7,\"unsubscribe\":{}}\n"
                    "{\"id\":8,\"error\":{\"code\":103,\"message\":\"permission denied\"}}\n"
                    "{\"id\":9,\"error\":{\"code\":111,\"message\":\"too many requests\","
                    "\"temporary\":true}}");
}

/* --- A session -------------------------------------------------------------------------------- */

static void run(void (*script)(Asking *asking))
{
    House house = {0};
    house_run(&house, script);
}

static void script_session(Asking *asking)
{
    House *house = asking->context;
    json_auto_t *body = json_pack("{s:i}", "n", 1);
    int fd = ws_open(asking);
    ws_send(fd,
            "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"queue:calls\"}}\n"
            "{\"id\":3,\"subscribe\":{\"channel\":\"queue:board\"}}");
    uint16_t code;
    g_autofree char *text = ws_read(fd, &code); /* three replies in one message */
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    json_auto_t *connected = json_loads(lines[0], 0, NULL);
    const char *role, *id;
    int ping, pong;
    json_int_t now_us, spread_ms;
    g_assert_cmpint(json_unpack(connected, "{s:{s:s, s:i, s:b, s:{s:I, s:I, s:s}}}", "connect",
                                "client", &id, "ping", &ping, "pong", &pong, "data", "now_us",
                                &now_us, "spread_ms", &spread_ms, "role", &role),
                    ==, 0);
    g_assert_cmpstr(role, ==, "public");
    g_assert_true(ABS(now_us - house_now_us(NULL)) < 5 * G_USEC_PER_SEC);
    g_assert_cmpint(spread_ms, >, 0);
    g_autofree char *expected = g_strdup_printf(
        "{\"id\":2,\"subscribe\":{\"recoverable\":true,\"positioned\":true,\"epoch\":\"%s\","
        "\"offset\":0,\"was_recovering\":false,\"recovered\":false,\"data\":{\"kind\":\"feed\"}}}",
        live_epoch(house->live));
    g_assert_cmpstr(lines[1], ==, expected);
    house_say(house, "queue:calls", body, 2);
    ws_expect(fd, NULL,
              "{\"push\":{\"channel\":\"queue:calls\",\"pub\":{\"data\":{\"n\":1},"
              "\"offset\":1}}}");
    ws_expect(fd, NULL,
              "{\"push\":{\"channel\":\"queue:calls\",\"pub\":{\"data\":{\"n\":1},"
              "\"offset\":2}}}");
    ws_expect(fd, "{\"id\":4,\"presence_stats\":{\"channel\":\"queue:calls\"}}",
              "{\"id\":4,\"presence_stats\":{\"num_clients\":1,\"num_users\":1}}");
    g_autofree char *history = g_strdup_printf(
        "{\"id\":5,\"history\":{\"publications\":[{\"data\":{\"n\":1},\"offset\":2}],"
        "\"epoch\":\"%s\",\"offset\":2}}",
        live_epoch(house->live));
    ws_expect(fd,
              "{\"id\":5,\"history\":{\"channel\":\"queue:calls\",\"limit\":1,"
              "\"reverse\":true}}",
              history);
    ws_expect(fd, "{\"id\":6,\"unsubscribe\":{\"channel\":\"queue:calls\"}}",
              "{\"id\":6,\"unsubscribe\":{}}");
    house_say(house, "queue:calls", body, 1);
    house_say(house, "queue:board", body, 1);
    ws_expect(fd, NULL,
              "{\"push\":{\"channel\":\"queue:board\",\"pub\":{\"data\":{\"n\":1},"
              "\"offset\":1}}}");
    close(fd);
}

static void script_refusals(Asking *asking)
{
    int fd = ws_connect(asking);
    ws_expect(fd, "{\"id\":2,\"publish\":{\"channel\":\"queue:calls\",\"data\":{}}}",
              "{\"id\":2,\"error\":{\"code\":103,\"message\":\"permission denied\"}}");
    ws_expect(fd, "{\"id\":3,\"subscribe\":{\"channel\":\"queue:desk\"}}",
              "{\"id\":3,\"error\":{\"code\":103,\"message\":\"permission denied\"}}");
    ws_expect(fd, "{\"id\":4,\"subscribe\":{\"channel\":\"queue:none\"}}",
              "{\"id\":4,\"error\":{\"code\":102,\"message\":\"unknown channel\"}}");
    ws_expect(fd, "{\"id\":5,\"presence\":{\"channel\":\"queue:calls\"}}",
              "{\"id\":5,\"error\":{\"code\":104,\"message\":\"method not found\"}}");
    ws_expect(fd, "{\"id\":6,\"rpc\":{\"method\":\"dance\"}}",
              "{\"id\":6,\"error\":{\"code\":104,\"message\":\"method not found\"}}");
    ws_expect(fd, "{\"id\":7,\"rpc\":{\"method\":\"GET /api/echo\",\"data\":[]}}",
              "{\"id\":7,\"error\":{\"code\":107,\"message\":\"bad request\"}}");
    ws_expect(fd, "{\"id\":8,\"history\":{\"channel\":\"queue:desk\"}}",
              "{\"id\":8,\"error\":{\"code\":103,\"message\":\"permission denied\"}}");
    ws_expect(fd, "{\"id\":9,\"subscribe\":{\"channel\":\"queue:board\",\"type\":1}}",
              "{\"id\":9,\"error\":{\"code\":108,\"message\":\"not available\"}}");
    ws_expect(fd, "{\"id\":14,\"ping\":{}}", "{\"id\":14,\"ping\":{}}");
    ws_send(fd, "{\"id\":10,\"subscribe\":{\"channel\":\"queue:board\"}}");
    json_auto_t *subscribed = ws_json(fd);
    g_assert_nonnull(json_object_get(subscribed, "subscribe"));
    ws_expect(fd, "{\"id\":11,\"subscribe\":{\"channel\":\"queue:board\"}}",
              "{\"id\":11,\"error\":{\"code\":105,\"message\":\"already subscribed\"}}");
    ws_expect(fd,
              "{\"id\":12,\"subscribe\":{\"channel\":\"queue:calls\",\"flag\":2,"
              "\"recover\":true,\"epoch\":\"other\",\"offset\":5}}",
              "{\"id\":12,\"error\":{\"code\":112,\"message\":\"unrecoverable position\"}}");
    ws_send(fd, "{\"id\":13,\"connect\":{}}"); /* twice */
    g_assert_cmpint(ws_close_code(fd), ==, 3501);
    close(fd);
    static const char *const fatal[] = {"{\"id\":1,\"subscribe\":{\"channel\":\"queue:board\"}}",
                                        "nonsense", "[]"};
    for (guint i = 0; i < G_N_ELEMENTS(fatal); i++) {
        fd = ws_open(asking);
        ws_send(fd, fatal[i]);
        g_assert_cmpint(ws_close_code(fd), ==, 3501);
        close(fd);
    }
    fd = ws_open(asking);
    ws_send(fd, "{\"id\":1,\"connect\":{\"token\":\"wrong\"}}");
    g_assert_cmpint(ws_close_code(fd), ==, 3500);
    close(fd);
}

static void script_calls(Asking *asking)
{
    House *house = asking->context;
    int fd = ws_connect(asking);
    ws_expect(fd, "{\"id\":2,\"rpc\":{\"method\":\"GET /api/echo\",\"data\":{\"x\":1}}}",
              "{\"id\":2,\"rpc\":{\"data\":{\"status\":200,\"body\":{\"method\":\"GET /api/echo\","
              "\"role\":\"public\",\"name\":\"\",\"peer\":\"127.0.0.1\",\"body\":{\"x\":1}}}}}");
    ws_expect(fd, "{\"id\":3,\"rpc\":{\"method\":\"GET /api/none\"}}",
              "{\"id\":3,\"rpc\":{\"data\":{\"status\":404,\"body\":null}}}");
    ws_send(fd, "{\"id\":4,\"rpc\":{\"method\":\"POST /api/later\"}}");
    ws_send(fd, "{\"id\":5,\"rpc\":{\"method\":\"time\"}}");
    json_auto_t *time = ws_json(fd);
    json_int_t now_us = 0;
    json_unpack(time, "{s:{s:{s:I}}}", "rpc", "data", "now_us", &now_us);
    g_assert_true(ABS(now_us - house_now_us(NULL)) < 5 * G_USEC_PER_SEC);
    asking_errand(asking, house_answer_later);
    ws_expect(fd, NULL,
              "{\"id\":4,\"rpc\":{\"data\":{\"status\":201,\"body\":{\"said\":\"later\"}}}}");
    /* As many as may wait, and one more. */
    g_autoptr(GString) many = g_string_new("");
    for (int i = 0; i <= LIMIT_CLIENT_CALLS; i++) {
        g_string_append_printf(many, "{\"id\":%d,\"rpc\":{\"method\":\"POST /api/later\"}}\n",
                               10 + i);
    }
    ws_send(fd, many->str);
    json_auto_t *refused = ws_json(fd);
    g_assert_cmpint(json_integer_value(json_object_get(refused, "id")), ==,
                    10 + LIMIT_CLIENT_CALLS);
    g_assert_cmpint(json_integer_value(json_object_get(json_object_get(refused, "error"), "code")),
                    ==, 111);
    g_assert_cmpuint(house->waiting, ==, LIMIT_CLIENT_CALLS + 1);
    close(fd);
}

static void count_readers(Asking *asking)
{
    House *house = asking->context;
    house->count = (guint)live_counters(house->live).readers;
}

/* The answer comes when the asker has left: nobody minds. */
static void script_left(Asking *asking)
{
    House *house = asking->context;
    int fd = ws_connect(asking);
    ws_send(fd, "{\"id\":4,\"rpc\":{\"method\":\"POST /api/later\"}}\n"
                "{\"id\":5,\"rpc\":{\"method\":\"time\"}}");
    json_auto_t *time = ws_json(fd);
    g_assert_nonnull(time);
    close(fd);
    do {
        asking_errand(asking, count_readers);
    } while (house->count > 0);
    asking_errand(asking, house_answer_later);
    g_assert_cmpuint(house->waiting, ==, 1);
}

static void script_limits(Asking *asking)
{
    int fd = ws_connect(asking);
    g_autoptr(GString) many = g_string_new("");
    for (int i = 0; i <= LIMIT_CLIENT_CHANNELS; i++) {
        g_string_truncate(many, 0);
        g_string_append_printf(many, "{\"id\":%d,\"subscribe\":{\"channel\":\"queue:ticket.%d\"}}",
                               2 + i, i);
        ws_send(fd, many->str);
        json_auto_t *reply = ws_json(fd);
        bool is_over = i == LIMIT_CLIENT_CHANNELS;
        g_assert_cmpint(
            json_integer_value(json_object_get(json_object_get(reply, "error"), "code")), ==,
            is_over ? 106 : 0);
    }
    bool was_refused = false;
    for (int i = 0; i < 10 * LIMIT_CLIENT_CHANNELS; i++) {
        ws_send(fd, "{\"id\":9,\"publish\":{\"channel\":\"queue:board\",\"data\":{}}}");
    }
    uint16_t code = 0;
    for (;;) {
        g_autofree char *text = ws_read(fd, &code);
        if (text == NULL) {
            break;
        }
        was_refused |= strstr(text, "\"code\":111") != NULL;
    }
    g_assert_true(was_refused);
    g_assert_cmpint(code, ==, 3013);
    close(fd);
    fd = ws_connect(asking);
    g_autofree char *longest = g_strnfill(LIMIT_WS_MESSAGE_PUBLIC, ' ');
    ws_send(fd, longest);
    ws_expect(fd, "{\"id\":2,\"unsubscribe\":{\"channel\":\"a\"}}",
              "{\"id\":2,\"unsubscribe\":{}}");
    g_autofree char *longer = g_strconcat(longest, " ", NULL);
    ws_send(fd, longer);
    g_assert_cmpint(ws_close_code(fd), ==, 1009);
    close(fd);
}

static void turn_wheel_round(Asking *asking)
{
    House *house = asking->context;
    Clients *clients = house->clients;
    for (int i = 0; i < WHEEL_SLOTS; i++) {
        clients_turn(clients, g_get_monotonic_time());
    }
}

static void turn_half_a_moment(Asking *asking)
{
    House *house = asking->context;
    for (int i = 0; i < CLIENT_FRESH_BEATS / 2; i++) {
        clients_turn(house->clients, g_get_monotonic_time());
    }
}

/* The wheel turned by hand: who just heard something is spared, but not twice in a row; of the
 * others, who answers stays, who does not goes. */
static void script_ping(Asking *asking)
{
    static const char command[] = "{\"id\":9,\"unsubscribe\":{\"channel\":\"a\"}}";
    static const char reply[] = "{\"id\":9,\"unsubscribe\":{}}";
    int awake = ws_connect(asking), asleep = ws_connect(asking);
    asking_errand(asking, turn_wheel_round);
    ws_expect(awake, command, reply);
    asking_errand(asking, turn_half_a_moment);
    ws_expect(awake, NULL, "{}");
    ws_expect(awake, "{}\n{\"id\":2,\"unsubscribe\":{\"channel\":\"a\"}}",
              "{\"id\":2,\"unsubscribe\":{}}");
    ws_expect(asleep, NULL, "{}");
    asking_errand(asking, turn_wheel_round);
    ws_expect(awake, NULL, "{}");
    g_assert_cmpint(ws_close_code(asleep), ==, 3012);
    close(awake);
    close(asleep);
}

static void turn_late(Asking *asking)
{
    House *house = asking->context;
    clients_turn(house->clients,
                 g_get_monotonic_time() + (LIMIT_WS_CONNECT_SECONDS + 1) * G_USEC_PER_SEC);
}

/* Who upgrades and then says nothing is cut off, without a code that would keep an SDK away. */
static void script_stranger(Asking *asking)
{
    int connected = ws_connect(asking), silent = ws_open(asking);
    asking_errand(asking, turn_late);
    g_assert_cmpint(ws_close_code(silent), ==, 0);
    ws_send(connected, "{\"id\":2,\"unsubscribe\":{\"channel\":\"a\"}}");
    json_auto_t *first = ws_json(connected); /* it was perhaps its turn to be pinged */
    json_auto_t *reply = json_object_size(first) > 0 ? json_incref(first) : ws_json(connected);
    g_assert_cmpint(json_integer_value(json_object_get(reply, "id")), ==, 2);
    close(connected);
    close(silent);
}

static void script_origin(Asking *asking)
{
    int fd;
    g_autoptr(Answer) foreign =
        ws_ask(asking, "Cookie: session=x\r\nOrigin: http://elsewhere.example\r\n", &fd);
    g_assert_cmpint(foreign->status, ==, 403);
    close(fd);
    g_autofree char *own =
        g_strdup_printf("Cookie: session=x\r\nOrigin: http://127.0.0.1:%d\r\n", asking->port);
    g_autoptr(Answer) answer = ws_ask(asking, own, &fd);
    g_assert_cmpint(answer->status, ==, 101);
    close(fd);
    g_autoptr(Answer) token = ws_ask(asking, "Authorization: Bearer wrong\r\n", &fd);
    g_assert_cmpint(token->status, ==, 401);
    close(fd);
}

static void add_token(Asking *asking)
{
    House *house = asking->context;
    g_autoptr(GError) error = NULL;
    char *token = NULL;
    Store *admin = store_open(house->folder, false, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(access_token_add(admin, "till", SERAMBI_COUNTER, &token, &error));
    g_assert_no_error(error);
    store_close(admin);
    house->more = token;
}

static void script_staff(Asking *asking)
{
    House *house = asking->context;
    asking_errand(asking, add_token);
    g_autofree char *token = house->more;
    g_autofree char *connect = g_strdup_printf("{\"id\":1,\"connect\":{\"token\":\"%s\"}}", token);
    int fd = ws_open(asking);
    ws_send(fd, connect);
    json_auto_t *reply = ws_json(fd);
    const char *role = "", *name = "";
    json_unpack(reply, "{s:{s:{s:s, s:s}}}", "connect", "data", "role", &role, "name", &name);
    g_assert_cmpstr(role, ==, "counter");
    g_assert_cmpstr(name, ==, "till");
    ws_send(fd, "{\"id\":3,\"subscribe\":{\"channel\":\"queue:desk\"}}");
    json_auto_t *subscribed = ws_json(fd);
    g_assert_nonnull(json_object_get(subscribed, "subscribe"));
    close(fd);
}

static void remove_token(Asking *asking)
{
    House *house = asking->context;
    g_autoptr(GError) error = NULL;
    Store *admin = store_open(house->folder, false, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(access_token_remove(admin, "till", &error));
    store_close(admin);
}

static void turn_on(Asking *asking)
{
    House *house = asking->context;
    clients_turn(house->clients,
                 g_get_monotonic_time() + (ACCESS_REMEMBER_SECONDS + 1) * G_USEC_PER_SEC);
}

static int connect_as(Asking *asking, const char *token)
{
    int fd = ws_open(asking);
    g_autofree char *connect = g_strdup_printf("{\"id\":1,\"connect\":{\"token\":\"%s\"}}", token);
    ws_send(fd, connect);
    json_auto_t *reply = ws_json(fd);
    g_assert_nonnull(json_object_get(reply, "connect"));
    return fd;
}

/* Whose token is taken away loses the connection too, and what comes by it. Public ones stay. */
static void script_demoted(Asking *asking)
{
    House *house = asking->context;
    asking_errand(asking, add_token);
    g_autofree char *token = house->more;
    g_autofree char *bearer = g_strdup_printf("Authorization: Bearer %s\r\n", token);
    int phone = ws_connect(asking), till = connect_as(asking, token), cookie;
    g_autoptr(Answer) answer = ws_ask(asking, bearer, &cookie);
    g_assert_cmpint(answer->status, ==, 101);
    asking_errand(asking, turn_on); /* nothing has changed */
    ws_send(till, "{\"id\":2,\"subscribe\":{\"channel\":\"queue:desk\"}}");
    json_auto_t *subscribed = ws_json(till);
    while (json_object_size(subscribed) == 0) { /* its turn to be pinged */
        json_decref(subscribed);
        subscribed = ws_json(till);
    }
    g_assert_nonnull(json_object_get(subscribed, "subscribe"));
    asking_errand(asking, remove_token); /* by an admin command: another connection */
    asking_errand(asking, turn_on);
    g_assert_cmpint(ws_close_code(till), ==, 3005);
    g_assert_cmpint(ws_close_code(cookie), ==, 3005);
    ws_send(phone, "{\"id\":9,\"unsubscribe\":{\"channel\":\"a\"}}");
    json_auto_t *reply = ws_json(phone);
    while (json_object_size(reply) == 0) {
        json_decref(reply);
        reply = ws_json(phone);
    }
    g_assert_cmpint(json_integer_value(json_object_get(reply, "id")), ==, 9);
    int back = ws_open(asking);
    g_autofree char *connect = g_strdup_printf("{\"id\":1,\"connect\":{\"token\":\"%s\"}}", token);
    ws_send(back, connect);
    g_assert_cmpint(ws_close_code(back), ==, 3500);
    close(phone);
    close(till);
    close(cookie);
    close(back);
}

static bool work_expel(Store *store, void *data)
{
    return access_token_remove(store, "till", NULL);
}

static void remove_inside(Asking *asking)
{
    House *house = asking->context;
    store_write(house->store, work_expel, NULL, NULL);
}

static void note_change(Asking *asking)
{
    House *house = asking->context;
    house->is_said = access_changes() != house->clients->changes;
}

/* Taken away by the server itself, it counts at once: the next command is not heard. */
static void script_demoted_at_once(Asking *asking)
{
    House *house = asking->context;
    asking_errand(asking, add_token);
    g_autofree char *token = house->more;
    int till = connect_as(asking, token);
    asking_errand(asking, remove_inside);
    do {
        asking_errand(asking, note_change);
    } while (!house->is_said && live_counters(house->live).readers > 0);
    ws_send(till, "{\"id\":2,\"subscribe\":{\"channel\":\"queue:desk\"}}");
    g_assert_cmpint(ws_close_code(till), ==, 3005);
    close(till);
}

/* --- Server-side subscriptions ---------------------------------------------------------------- */

static void add_wall_token(Asking *asking)
{
    /* The second is for displays only, the third unknown; a till gets neither. */
    static const char *const channels[] = {"queue:desk", "displays:screen.a", "none:here",
                                           "queue:calls", NULL};
    House *house = asking->context;
    g_autoptr(GError) error = NULL;
    char *token = NULL;
    Store *admin = store_open(house->folder, false, NULL, &error);
    g_assert_no_error(error);
    AccessToken wish = {.name = "till", .role = SERAMBI_COUNTER, .channels = channels};
    g_assert_true(access_token_make(admin, &wish, &token, &error));
    store_close(admin);
    house->more = token;
}

/* Connects with connect's members; the reply. */
static json_t *connect_with(Asking *asking, const char *members, int *ret_fd)
{
    g_autofree char *connect = g_strdup_printf("{\"id\":1,\"connect\":{%s}}", members);
    *ret_fd = ws_open(asking);
    ws_send(*ret_fd, connect);
    json_t *reply = ws_json(*ret_fd);
    g_assert_nonnull(json_object_get(reply, "connect"));
    return reply;
}

static const json_t *sub_of(const json_t *reply, const char *channel)
{
    return json_object_get(json_object_get(json_object_get(reply, "connect"), "subs"), channel);
}

static void expect_push(int fd, const char *channel, int64_t offset)
{
    json_auto_t *push = ws_json(fd);
    const char *found = "";
    json_int_t at = 0;
    g_assert_cmpint(
        json_unpack(push, "{s:{s:s, s:{s:I}}}", "push", "channel", &found, "pub", "offset", &at),
        ==, 0);
    g_assert_cmpstr(found, ==, channel);
    g_assert_cmpint(at, ==, offset);
}

/* Subscribed by the connect itself: what may not be read is left out, what was missed follows. */
static void script_server_side(Asking *asking)
{
    House *house = asking->context;
    json_auto_t *body = json_pack("{s:i}", "n", 1);
    house_say(house, "queue:calls", body, 5);
    house_say(house, "queue:board", body, 2);
    g_autofree char *members = g_strdup_printf(
        "\"subs\":{\"queue:calls\":{\"recover\":true,\"epoch\":\"%s\",\"offset\":3},"
        "\"queue:board\":{},\"queue:desk\":{},\"queue:none\":{}}",
        live_epoch(house->live));
    int fd;
    json_auto_t *reply = connect_with(asking, members, &fd);
    g_assert_cmpuint(json_object_size(json_object_get(json_object_get(reply, "connect"), "subs")),
                     ==, 2);
    const json_t *calls = sub_of(reply, "queue:calls"), *board = sub_of(reply, "queue:board");
    g_assert_true(json_is_true(json_object_get(calls, "recovered")));
    g_assert_cmpint(json_integer_value(json_object_get(calls, "offset")), ==, 3);
    g_assert_true(json_is_true(json_object_get(board, "recovered"))); /* else an SDK drops them */
    const json_t *value = json_array_get(json_object_get(board, "publications"), 0);
    g_assert_cmpint(json_integer_value(json_object_get(value, "offset")), ==, 2);
    expect_push(fd, "queue:calls", 4);
    expect_push(fd, "queue:calls", 5);
    house_say(house, "queue:board", body, 1);
    expect_push(fd, "queue:board", 3);
    ws_expect(fd, "{\"id\":2,\"subscribe\":{\"channel\":\"queue:board\"}}",
              "{\"id\":2,\"error\":{\"code\":105,\"message\":\"already subscribed\"}}");
    ws_expect(fd, "{\"id\":3,\"unsubscribe\":{\"channel\":\"queue:board\"}}",
              "{\"id\":3,\"unsubscribe\":{}}");
    house_say(house, "queue:board", body, 1);
    house_say(house, "queue:calls", body, 1);
    expect_push(fd, "queue:calls", 6);
    close(fd);
}

static void script_token_channels(Asking *asking)
{
    House *house = asking->context;
    json_auto_t *body = json_pack("{s:i}", "n", 1);
    asking_errand(asking, add_wall_token);
    g_autofree char *token = house->more;
    g_autofree char *members = g_strdup_printf("\"token\":\"%s\"", token);
    int fd;
    json_auto_t *reply = connect_with(asking, members, &fd);
    const json_t *subs = json_object_get(json_object_get(reply, "connect"), "subs");
    g_assert_cmpuint(json_object_size(subs), ==, 2);
    g_assert_true(json_is_false(json_object_get(sub_of(reply, "queue:calls"), "was_recovering")));
    house_say(house, "queue:desk", body, 1);
    expect_push(fd, "queue:desk", 1);
    close(fd);
    /* Coming back it also says where it was, as an SDK does. */
    house_say(house, "queue:calls", body, 2);
    g_autofree char *again = g_strdup_printf(
        "%s,\"subs\":{\"queue:calls\":{\"recover\":true,\"epoch\":\"%s\"},\"queue:board\":{}}",
        members, live_epoch(house->live));
    json_auto_t *back = connect_with(asking, again, &fd);
    g_assert_cmpuint(json_object_size(json_object_get(json_object_get(back, "connect"), "subs")),
                     ==, 3);
    expect_push(fd, "queue:calls", 1);
    expect_push(fd, "queue:calls", 2);
    close(fd);
}

static void script_server_side_bad(Asking *asking)
{
    g_autoptr(GString) many = g_string_new("{\"id\":1,\"connect\":{\"subs\":{\"q:0\":{}");
    for (int i = 1; i <= LIMIT_CLIENT_CHANNELS; i++) {
        g_string_append_printf(many, ",\"q:%d\":{}", i);
    }
    g_string_append(many, "}}}");
    g_assert_cmpuint(many->len, <, LIMIT_WS_MESSAGE_PUBLIC);
    const char *const bad[] = {
        "{\"id\":1,\"connect\":{\"subs\":[]}}",
        "{\"id\":1,\"connect\":{\"subs\":{\"queue:board\":7}}}",
        "{\"id\":1,\"connect\":{\"subs\":{\"queue:board\":{\"offset\":-1}}}}",
        many->str,
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        int fd = ws_open(asking);
        ws_send(fd, bad[i]);
        g_assert_cmpint(ws_close_code(fd), ==, 3501);
        close(fd);
    }
}

static bool work_expire(Store *store, void *data)
{
    json_auto_t *rows = store_query(store, NULL, "UPDATE access_token SET expires_us = 1", "");
    return rows != NULL;
}

static void expire_all(Asking *asking)
{
    House *house = asking->context;
    Store *admin = store_open(house->folder, false, NULL, NULL);
    store_write(admin, work_expire, NULL, NULL);
    store_close(admin);
}

/* Its token expires while it is connected: it may come back, and then is asked for a new one. */
static void script_expires(Asking *asking)
{
    House *house = asking->context;
    asking_errand(asking, add_token);
    g_autofree char *token = house->more;
    int till = connect_as(asking, token);
    asking_errand(asking, expire_all);
    asking_errand(asking, turn_on);
    g_assert_cmpint(ws_close_code(till), ==, 3005);
    close(till);
}

static void write_figures(Asking *asking)
{
    House *house = asking->context;
    house->more = g_string_new("");
    clients_write_figures(house->clients, house->more);
}

static int64_t figure(Asking *asking, const char *name)
{
    House *house = asking->context;
    asking_errand(asking, write_figures);
    g_autoptr(GString) text = house->more;
    g_autofree char *line = g_strdup_printf("\n%s ", name);
    const char *found = strstr(text->str, line);
    g_assert_nonnull(found);
    return g_ascii_strtoll(found + strlen(line), NULL, 10);
}

/* --- Limits of an address --------------------------------------------------------------------- */

#define FROM(address) "X-Forwarded-For: " address "\r\n"

static void set_few(Asking *asking)
{
    House *house = asking->context;
    PeersLimits few = {.connections_address = 2, .subscriptions_address = 3, .subscriptions = 5};
    peers_set_limits(house->clients->peers, &few);
}

static int open_from(Asking *asking, const char *address, int status)
{
    int fd;
    g_autoptr(Answer) answer = ws_ask(asking, address, &fd);
    g_assert_cmpint(answer->status, ==, status);
    if (status != 101) {
        g_assert_cmpint(atoi(answer_header(answer, "retry-after")), >, 0);
        close(fd);
    }
    return fd;
}

/* The peer is the phone that the proxy names, not the proxy. */
static void script_address(Asking *asking)
{
    House *house = asking->context;
    asking_errand(asking, set_few);
    int first = open_from(asking, FROM("10.0.0.9"), 101);
    int second = open_from(asking, FROM("10.0.0.9"), 101);
    (void)open_from(asking, FROM("10.0.0.9"), 429);
    int other = open_from(asking, FROM("10.0.0.5"), 101);
    int house_one = open_from(asking, FROM("2001:db8:1:2::1"), 101);
    int house_two = open_from(asking, FROM("2001:db8:1:2::2"), 101);
    (void)open_from(asking, FROM("2001:db8:1:2::3"), 429);
    g_autoptr(Answer) stream =
        ask(asking, "POST", "/connection/uni_sse", FROM("10.0.0.9"),
            "{\"subs\":{\"queue:board\":{}}}", strlen("{\"subs\":{\"queue:board\":{}}}"));
    g_assert_cmpint(stream->status, ==, 429);
    g_assert_cmpint(atoi(answer_header(stream, "retry-after")), >, 0);
    g_assert_cmpint(figure(asking, "serambi_live_refused_total{status=\"429\"}"), ==, 3);
    ws_send(other, "{\"id\":1,\"connect\":{}}"); /* nobody else is harmed */
    json_auto_t *reply = ws_json(other);
    g_assert_nonnull(json_object_get(reply, "connect"));
    close(second);
    do {
        asking_errand(asking, count_readers);
    } while (house->count > 4);
    second = open_from(asking, FROM("10.0.0.9"), 101);
    close(first);
    close(second);
    close(other);
    close(house_one);
    close(house_two);
}

static void expect_code(int fd, const char *sent, int code)
{
    ws_send(fd, sent);
    json_auto_t *reply = ws_json(fd);
    const json_t *error = json_object_get(reply, "error");
    g_assert_cmpint(json_integer_value(json_object_get(error, "code")), ==, code);
}

static int connect_from(Asking *asking, const char *address)
{
    int fd = open_from(asking, address, 101);
    expect_code(fd, "{\"id\":1,\"connect\":{}}", 0);
    return fd;
}

static void script_subscriptions(Asking *asking)
{
    static const char four[] = "{\"subs\":{\"queue:board\":{},\"queue:calls\":{},"
                               "\"queue:ticket.a\":{},\"queue:ticket.b\":{}}}";
    asking_errand(asking, set_few);
    int one = connect_from(asking, FROM("10.0.0.9")), two = connect_from(asking, FROM("10.0.0.9"));
    expect_code(one, "{\"id\":2,\"subscribe\":{\"channel\":\"queue:board\"}}", 0);
    expect_code(one, "{\"id\":3,\"subscribe\":{\"channel\":\"queue:calls\"}}", 0);
    expect_code(two, "{\"id\":2,\"subscribe\":{\"channel\":\"queue:board\"}}", 0);
    expect_code(two, "{\"id\":3,\"subscribe\":{\"channel\":\"queue:calls\"}}", 106);
    /* As a connect's subs it is temporary, and nothing of them stays. */
    int third = open_from(asking, FROM("10.0.0.5"), 101);
    g_autofree char *connect = g_strdup_printf("{\"id\":1,\"connect\":%s}", four);
    ws_expect(
        third, connect,
        "{\"id\":1,\"error\":{\"code\":111,\"message\":\"too many requests\",\"temporary\":true}}");
    expect_code(third, "{\"id\":1,\"connect\":{}}", 0);
    expect_code(third, "{\"id\":2,\"subscribe\":{\"channel\":\"queue:board\"}}", 0);
    expect_code(third, "{\"id\":3,\"subscribe\":{\"channel\":\"queue:calls\"}}", 0);
    expect_code(third, "{\"id\":4,\"subscribe\":{\"channel\":\"queue:ticket.a\"}}",
                106); /* in all */
    g_autoptr(Answer) stream =
        ask(asking, "POST", "/connection/uni_sse", FROM("10.0.0.7"), four, strlen(four));
    g_assert_cmpint(stream->status, ==, 503);
    g_assert_cmpint(atoi(answer_header(stream, "retry-after")), >, 0);
    expect_code(one, "{\"id\":4,\"unsubscribe\":{\"channel\":\"queue:board\"}}", 0);
    expect_code(third, "{\"id\":5,\"subscribe\":{\"channel\":\"queue:ticket.a\"}}", 0);
    close(one);
    close(two);
    close(third);
}

static void set_slow(Asking *asking)
{
    House *house = asking->context;
    PeersLimits slow = {.subscribes_burst = 3, .subscribes_second = 1};
    peers_set_limits(house->clients->peers, &slow);
}

/* Subscribing again and again: on one connection, with a new one, by a stream. */
static void script_speed(Asking *asking)
{
    static const char three[] = "{\"subs\":{\"queue:board\":{},\"queue:calls\":{},"
                                "\"queue:ticket.a\":{}}}";
    asking_errand(asking, set_slow);
    int fd = connect_from(asking, FROM("10.0.0.9"));
    g_autoptr(GString) many = g_string_new("");
    for (int i = 0; i < 10; i++) {
        g_string_append_printf(
            many, "{\"id\":%d,\"subscribe\":{\"channel\":\"queue:ticket.%d\"}}\n", i + 2, i);
    }
    ws_send(fd, many->str);
    uint16_t code;
    g_autofree char *text = ws_read(fd, &code);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 10);
    g_assert_nonnull(strstr(lines[2], "\"subscribe\":{"));
    g_assert_nonnull(strstr(lines[9], "\"code\":111,"));
    close(fd);
    g_autoptr(Answer) stream =
        ask(asking, "POST", "/connection/uni_sse", FROM("10.0.0.9"), three, strlen(three));
    g_assert_cmpint(stream->status, ==, 429);
    int other = connect_from(asking, FROM("10.0.0.5"));
    expect_code(other, "{\"id\":2,\"subscribe\":{\"channel\":\"queue:board\"}}", 0);
    close(other);
}

static void test_speed(void)
{
    run(script_speed);
}

static void test_address(void)
{
    run(script_address);
}

static void test_subscriptions(void)
{
    run(script_subscriptions);
}

static void test_server_side(void)
{
    run(script_server_side);
}

static void test_token_channels(void)
{
    run(script_token_channels);
}

static void test_server_side_bad(void)
{
    run(script_server_side_bad);
}

static void test_expires(void)
{
    run(script_expires);
}

/* --- What is counted -------------------------------------------------------------------------- */

static void expire_token(Asking *asking)
{
    House *house = asking->context;
    g_autoptr(GError) error = NULL;
    char *token = NULL;
    Store *admin = store_open(house->folder, false, NULL, &error);
    g_assert_no_error(error);
    AccessToken wish = {.name = "old", .role = SERAMBI_COUNTER, .expires_us = 1};
    g_assert_true(access_token_make(admin, &wish, &token, &error));
    store_close(admin);
    house->more = token;
}

/* Each kind of bad input raises its figure by one, and a phone that listens hears on. */
static void script_counted(Asking *asking)
{
    House *house = asking->context;
    asking_errand(asking, expire_token);
    g_autofree char *token = house->more;
    g_autofree char *expired = g_strdup_printf("{\"id\":1,\"connect\":{\"token\":\"%s\"}}", token);
    g_autofree char *longer = g_strnfill(LIMIT_WS_MESSAGE_PUBLIC + 1, ' ');
    g_autofree char *future = g_strdup_printf(
        "{\"id\":2,\"subscribe\":{\"channel\":\"queue:calls\",\"recover\":true,\"epoch\":\"%s\","
        "\"offset\":1000000}}",
        live_epoch(house->live));
    struct {
        const char *sent; /* after a connect, but where it is one itself */
        const char *figure;
        const char *answer; /* part of it; NULL: closed with code */
        uint16_t code;
    } cases[] = {
        {"nonsense", "disconnects_total{code=\"3501\"}", NULL, 3501},
        {"{\"id\":2,\"dance\":{}}", "errors_total{code=\"104\"}", "\"code\":104", 0},
        {"{\"id\":2,\"dance\":{}}", "commands_total{method=\"other\"}", "\"code\":104", 0},
        {longer, "disconnects_total{code=\"1009\"}", NULL, 1009},
        {"{\"id\":1,\"connect\":{\"token\":\"wrong\"}}", "disconnects_total{code=\"3500\"}", NULL,
         3500},
        {expired, "errors_total{code=\"109\"}", "\"code\":109,\"message\":\"token expired\"", 0},
        {"{\"id\":2,\"subscribe\":{\"channel\":\"queue:desk\"}}", "errors_total{code=\"103\"}",
         "\"code\":103", 0},
        {"{\"id\":2,\"subscribe\":{\"channel\":\"queue:none\"}}", "errors_total{code=\"102\"}",
         "\"code\":102", 0},
        {future, "recoveries_total{result=\"future\"}", "\"recovered\":false", 0},
        {"{\"id\":2,\"subscribe\":{\"channel\":\"queue:calls\",\"recover\":true,"
         "\"epoch\":\"other\",\"offset\":0}}",
         "recoveries_total{result=\"epoch\"}", "\"recovered\":false", 0},
        {"{\"id\":2,\"subscribe\":{\"channel\":\"queue:calls\",\"flag\":2,\"recover\":true,"
         "\"epoch\":\"other\",\"offset\":0}}",
         "errors_total{code=\"112\"}", "\"code\":112", 0},
    };
    json_auto_t *body = json_pack("{s:i}", "n", 1);
    int phone = ws_connect(asking);
    ws_send(phone, "{\"id\":2,\"subscribe\":{\"channel\":\"queue:calls\"}}");
    json_auto_t *subscribed = ws_json(phone);
    g_assert_nonnull(json_object_get(subscribed, "subscribe"));
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = g_strconcat("serambi_live_", cases[i].figure, NULL);
        int64_t before = figure(asking, name);
        int fd = strstr(cases[i].sent, "connect") ? ws_open(asking) : ws_connect(asking);
        ws_send(fd, cases[i].sent);
        uint16_t code;
        g_autofree char *answer = ws_read(fd, &code);
        g_assert_cmpuint(code, ==, cases[i].code);
        g_assert_true(answer == NULL || strstr(answer, cases[i].answer) != NULL);
        g_assert_true((answer == NULL) == (cases[i].answer == NULL));
        g_assert_cmpint(figure(asking, name), ==, before + 1);
        close(fd);
        house_say(house, "queue:calls", body, 1);
        g_autofree char *heard = g_strdup_printf(
            "{\"push\":{\"channel\":\"queue:calls\",\"pub\":{\"data\":{\"n\":1},\"offset\":%u}}}",
            i + 1);
        ws_expect(phone, NULL, heard);
    }
    close(phone);
    static const char unauthorized[] = "serambi_live_refused_total{status=\"401\"}";
    int64_t before = figure(asking, unauthorized);
    int fd;
    g_autoptr(Answer) refused = ws_ask(asking, "Authorization: Bearer wrong\r\n", &fd);
    g_assert_cmpint(refused->status, ==, 401);
    g_assert_cmpint(figure(asking, unauthorized), ==, before + 1);
    close(fd);
}

static void test_counted(void)
{
    run(script_counted);
}

static void test_demoted(void)
{
    run(script_demoted);
}

static void test_demoted_at_once(void)
{
    run(script_demoted_at_once);
}

static void test_session(void)
{
    run(script_session);
}

static void test_refusals(void)
{
    run(script_refusals);
}

static void test_calls(void)
{
    run(script_calls);
}

static void test_left(void)
{
    run(script_left);
}

static void test_limits(void)
{
    run(script_limits);
}

static void test_ping(void)
{
    run(script_ping);
}

static void test_stranger(void)
{
    run(script_stranger);
}

static void test_origin(void)
{
    run(script_origin);
}

static void test_staff(void)
{
    run(script_staff);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/client/commands", test_commands);
    g_test_add_func("/client/depth", test_depth);
    g_test_add_func("/client/malformed", test_malformed);
    g_test_add_func("/client/replies", test_replies);
    g_test_add_func("/client/session", test_session);
    g_test_add_func("/client/refusals", test_refusals);
    g_test_add_func("/client/calls", test_calls);
    g_test_add_func("/client/left", test_left);
    g_test_add_func("/client/limits", test_limits);
    g_test_add_func("/client/ping", test_ping);
    g_test_add_func("/client/stranger", test_stranger);
    g_test_add_func("/client/origin", test_origin);
    g_test_add_func("/client/staff", test_staff);
    g_test_add_func("/client/server-side", test_server_side);
    g_test_add_func("/client/server-side-bad", test_server_side_bad);
    g_test_add_func("/client/token-channels", test_token_channels);
    g_test_add_func("/client/expires", test_expires);
    g_test_add_func("/client/address", test_address);
    g_test_add_func("/client/subscriptions", test_subscriptions);
    g_test_add_func("/client/speed", test_speed);
    g_test_add_func("/client/counted", test_counted);
    g_test_add_func("/client/demoted", test_demoted);
    g_test_add_func("/client/demoted-at-once", test_demoted_at_once);
    return g_test_run();
}
