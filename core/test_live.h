/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * For tests: a server with live channels on the main thread, and a plain blocking WebSocket client
 * for the script's thread. */
#pragma once
#include "core/client.h"
#include "core/plugin.h"
#include "core/test_asking.h"

typedef struct {
    Asking asking;
    char *folder;
    Store *store;
    Access *access;
    Live *live;
    Clients *clients;
    void (*mount)(void *house); /* more routes; may be NULL */
    void *more;
    /* An errand's. */
    const char *channel;
    json_t *body;
    guint count;
    bool is_said;
    GQueue later;  /* LaterCall: each rpc that waits for house_answer_later() */
    guint waiting; /* how many ever did */
} House;

typedef struct {
    void (*on_reply)(int status, const json_t *body, void *reply_data);
    void *reply_data;
} LaterCall;

static const LiveTopic house_topics[] = {
    {.name = "queue:board", .readers = SERAMBI_ANYBODY},
    {.name = "queue:calls", .is_feed = true, .readers = SERAMBI_ANYBODY, .keep_days = 7},
    {.name = "queue:desk", .readers = SERAMBI_STAFF},
    {.name = "queue:ticket.{key}", .readers = SERAMBI_ANYBODY},
    {.name = "displays:screen.{self}", .readers = SERAMBI_DISPLAY},
};

static inline void house_challenge(HttpRequest *request, void *data)
{
    access_handle_challenge(((House *)data)->access, request);
}

static inline void house_call(void *data, const Identity *identity, const char *peer,
                              const char *method, json_t *body,
                              void (*on_reply)(int status, const json_t *body, void *reply_data),
                              void *reply_data)
{
    House *house = data;
    json_auto_t *taken = body;
    if (g_str_has_prefix(method, "POST /api/later")) {
        LaterCall *call = g_new0(LaterCall, 1);
        *call = (LaterCall){.on_reply = on_reply, .reply_data = reply_data};
        g_queue_push_tail(&house->later, call);
        house->waiting++;
        return;
    }
    json_auto_t *answer = json_pack("{s:s, s:s, s:s, s:s, s:O}", "method", method, "role",
                                    access_role_text(identity->role), "name", identity->name,
                                    "peer", peer, "body", taken);
    bool is_known = g_str_has_prefix(method, "GET /api/echo");
    on_reply(is_known ? 200 : 404, is_known ? answer : NULL, reply_data);
}

/* An hour ahead of the machine: who asks that one instead is found out. */
static inline int64_t house_now_us(void *data)
{
    (void)data;
    return g_get_real_time() + G_TIME_SPAN_HOUR;
}

static inline void house_open(House *house)
{
    g_autoptr(GError) error = NULL;
    uv_loop_t *loop = &house->asking.loop;
    g_autofree char *secrets = g_build_filename(house->folder, "secrets", NULL);
    house->store = store_open(house->folder, true, loop, &error);
    g_assert_no_error(error);
    g_assert_true(access_migrate(house->store, &error));
    house->access = access_new(
        house->store, loop,
        &(AccessOptions){.allow_insecure_login = true, .secrets_folder = secrets}, &error);
    g_assert_no_error(error);
    house->live = live_new(house->store, loop, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < G_N_ELEMENTS(house_topics); i++) {
        g_assert_true(live_declare(house->live, &house_topics[i], &error));
    }
    ClientsCall call = {.call = house_call, .data = house, .now_us = house_now_us};
    house->clients = clients_new(house->live, house->access, loop, &call);
    web_route(house->asking.web, "/api/challenge", house_challenge, house);
    clients_mount(house->clients, house->asking.web);
    events_mount(house->clients, house->asking.web);
    if (house->mount != NULL) {
        house->mount(house);
    }
}

static inline void house_answer_all(House *house, int status)
{
    json_auto_t *body = json_pack("{s:s}", "said", "later");
    LaterCall *call;
    while ((call = g_queue_pop_head(&house->later)) != NULL) {
        call->on_reply(status, body, call->reply_data);
        g_free(call);
    }
}

static inline void house_close(House *house)
{
    house_answer_all(house, 503);
    asking_close_web(&house->asking);
    clients_free(house->clients);
    live_free(house->live);
    access_free(house->access);
    store_close(house->store);
}

static inline void house_run(House *house, void (*script)(Asking *asking))
{
    house->folder = g_dir_make_tmp("serambi-live-XXXXXX", NULL);
    g_autofree char *secrets = g_build_filename(house->folder, "secrets", NULL);
    g_assert_cmpint(g_mkdir_with_parents(secrets, 0700), ==, 0);
    asking_init(&house->asking, house);
    asking_listen(&house->asking);
    house_open(house);
    asking_run(&house->asking, script);
    house_close(house);
    asking_clear(&house->asking);
    const char *const remove[] = {"rm", "-rf", house->folder, NULL};
    g_assert_true(g_spawn_sync(NULL, (char **)remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, NULL, NULL));
    g_free(house->folder);
}

static inline bool house_say_work(Store *store, void *data)
{
    House *house = data;
    for (guint i = 0; i < house->count; i++) {
        g_autoptr(GError) error = NULL;
        live_publish(house->live, house->channel, json_incref(house->body), &error);
        g_assert_no_error(error);
    }
    return true;
}

static inline void house_said(Store *store, bool kept, const GError *error, void *data)
{
    g_assert_no_error(error);
    ((House *)data)->is_said = kept;
}

static inline void house_say_errand(Asking *asking)
{
    House *house = asking->context;
    store_write(house->store, house_say_work, house_said, house);
}

static inline void house_look(Asking *asking)
{
    (void)asking; /* a round through the main thread, for what it changes there to be seen here */
}

/* All publications of one call are of one turn. They are on disk when this returns. */
static inline void house_say(House *house, const char *channel, json_t *body, guint count)
{
    house->channel = channel;
    house->body = body;
    house->count = count;
    house->is_said = false;
    asking_errand(&house->asking, house_say_errand);
    while (!house->is_said) {
        asking_errand(&house->asking, house_look);
    }
}

static inline void house_answer_later(Asking *asking)
{
    house_answer_all(asking->context, 201);
}

/* --- WebSocket, RFC 6455 ---------------------------------------------------------------------- */

static inline Answer *ws_ask(Asking *asking, const char *headers, int *ret_fd)
{
    g_autofree char *all =
        g_strconcat("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                    headers, NULL);
    *ret_fd = asking_connect(asking);
    asking_head(asking, *ret_fd, "GET", "/connection/websocket", all, -1);
    return asking_read(*ret_fd, true);
}

static inline int ws_open(Asking *asking)
{
    int fd;
    g_autoptr(Answer) answer = ws_ask(asking, "", &fd);
    g_assert_cmpint(answer->status, ==, 101);
    return fd;
}

static inline void ws_send(int fd, const char *text)
{
    size_t size = strlen(text), header = 6;
    g_autofree uint8_t *frame = g_malloc(size + 14);
    frame[0] = 0x81;
    if (size < 126) {
        frame[1] = (uint8_t)(0x80 | size);
    } else {
        frame[1] = 0x80 | 126;
        frame[2] = (uint8_t)(size >> 8);
        frame[3] = (uint8_t)size;
        header = 8;
        if (size > 65535) {
            frame[1] = 0x80 | 127;
            for (guint i = 0; i < 8; i++) {
                frame[2 + i] = (uint8_t)((uint64_t)size >> (8 * (7 - i)));
            }
            header = 14;
        }
    }
    memset(frame + header - 4, 0, 4); /* a mask of zero is a mask */
    memcpy(frame + header, text, size);
    asking_send(fd, frame, header + size);
}

static inline bool ws_take(int fd, uint8_t *bytes, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t count = recv(fd, bytes + got, size - got, 0);
        if (count <= 0) {
            return false;
        }
        got += (size_t)count;
    }
    return true;
}

/* The next text, pings too; NULL when the server closed, with its code (0: without one). */
static inline char *ws_read_any(int fd, uint16_t *ret_code)
{
    uint8_t head[2], length[8];
    *ret_code = 0;
    if (!ws_take(fd, head, 2)) {
        return NULL;
    }
    size_t size = head[1] & 0x7f, more = size == 126 ? 2 : size == 127 ? 8 : 0;
    g_assert_true(ws_take(fd, length, more));
    size = more > 0 ? 0 : size;
    for (size_t i = 0; i < more; i++) {
        size = size << 8 | length[i];
    }
    g_autofree char *text = g_malloc0(size + 1);
    g_assert_true(ws_take(fd, (uint8_t *)text, size));
    if (head[0] == 0x88) {
        *ret_code = size >= 2 ? (uint16_t)((uint8_t)text[0] << 8 | (uint8_t)text[1]) : 0;
        return NULL;
    }
    g_assert_cmpint(head[0], ==, 0x81);
    return g_steal_pointer(&text);
}

/* The same, but for pings: on a busy machine one comes at any time. */
static inline char *ws_read(int fd, uint16_t *ret_code)
{
    for (;;) {
        g_autofree char *text = ws_read_any(fd, ret_code);
        if (g_strcmp0(text, "{}") != 0) {
            return g_steal_pointer(&text);
        }
    }
}

static inline json_t *ws_json(int fd)
{
    uint16_t code;
    g_autofree char *text = ws_read(fd, &code);
    g_assert_nonnull(text);
    json_t *json = json_loads(text, 0, NULL);
    g_assert_nonnull(json);
    return json;
}

static inline uint16_t ws_close_code(int fd)
{
    for (;;) {
        uint16_t code;
        g_autofree char *text = ws_read(fd, &code);
        if (text == NULL) {
            return code;
        }
    }
}

/* Sends and compares the next message. */
static inline void ws_expect(int fd, const char *sent, const char *expected)
{
    uint16_t code;
    if (sent != NULL) {
        ws_send(fd, sent);
    }
    g_autofree char *text =
        g_str_equal(expected, "{}") ? ws_read_any(fd, &code) : ws_read(fd, &code);
    g_assert_cmpstr(text, ==, expected);
}

static inline int ws_connect(Asking *asking)
{
    int fd = ws_open(asking);
    ws_send(fd, "{\"id\":1,\"connect\":{}}");
    json_auto_t *reply = ws_json(fd);
    g_assert_nonnull(json_object_get(reply, "connect"));
    return fd;
}
