/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Live channels on a real store, with sockets that the test fills and empties: order, conflation,
 * slow readers, recovery, restart, and every limit. */
#include "core/frame.h"
#include "core/limits.h"
#include "core/live_private.h"
#include "core/plugin.h"

#include <glib/gstdio.h>
#include <string.h>

/* --- A socket that takes so many bytes until it is drained ------------------------------------ */

struct Socket {
    GByteArray *got;
    size_t room;
    guint writes;
    bool is_lagging, is_dead, is_closed;
    gulong takes_us;    /* one write */
    guint64 last_write; /* its place among the writes to all sockets */
    uint16_t code;
};

static guint64 writes_ever;

SocketState socket_write(Socket *socket, const void *bytes, size_t size)
{
    g_assert_false(socket->is_lagging);
    g_assert_false(socket->is_closed);
    if (socket->is_dead) {
        return SOCKET_DEAD;
    }
    g_byte_array_append(socket->got, bytes, (guint)size);
    socket->writes++;
    socket->last_write = ++writes_ever;
    if (socket->takes_us > 0) {
        g_usleep(socket->takes_us);
    }
    if (size > socket->room) {
        socket->room = 0;
        socket->is_lagging = true;
        return SOCKET_LAGGING;
    }
    socket->room -= size;
    return SOCKET_SENT;
}

void socket_prefetch(const Socket *socket)
{
}

bool socket_is_lagging(const Socket *socket)
{
    return socket->is_lagging;
}

void socket_close(Socket *socket, uint16_t code, const char *reason)
{
    g_assert_nonnull(reason);
    socket->is_closed = true;
    socket->code = code;
}

static Socket *new_socket(size_t room)
{
    Socket *socket = g_new0(Socket, 1);
    socket->got = g_byte_array_new();
    socket->room = room;
    return socket;
}

static void free_socket(Socket *socket)
{
    g_byte_array_unref(socket->got);
    g_free(socket);
}

/* --- A house ---------------------------------------------------------------------------------- */

typedef struct {
    uv_loop_t loop;
    char *folder;
    Store *store;
    Live *live;
} House;

static const LiveTopic topics[] = {
    {.name = "queue:board", .readers = SERAMBI_ANYBODY},
    {.name = "queue:calls", .is_feed = true, .readers = SERAMBI_ANYBODY, .keep_days = 7},
    {.name = "queue:ticket.{key}", .readers = SERAMBI_ANYBODY, .keep_days = 2},
    {.name = "desk:talk.{key}", .is_feed = true, .readers = SERAMBI_STAFF, .keep_days = 1},
};

static void open_house(House *house)
{
    g_autoptr(GError) error = NULL;
    uv_loop_init(&house->loop);
    house->store = store_open(house->folder, house->folder != NULL, &house->loop, &error);
    g_assert_no_error(error);
    house->live = live_new(house->store, &house->loop, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < G_N_ELEMENTS(topics); i++) {
        live_declare(house->live, &topics[i], &error);
        g_assert_no_error(error);
    }
}

static void close_house(House *house)
{
    live_free(house->live);
    store_close(house->store);
    uv_run(&house->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&house->loop), ==, 0);
}

static House *new_house(void)
{
    House *house = g_new0(House, 1);
    open_house(house);
    return house;
}

static void free_house(House *house)
{
    close_house(house);
    if (house->folder != NULL) {
        g_autofree char *command = g_strdup_printf("rm -rf '%s'", house->folder);
        g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
        g_free(house->folder);
    }
    g_free(house);
}

static void settle(House *house)
{
    while (uv_is_active((uv_handle_t *)house->live->idle)) {
        uv_run(&house->loop, UV_RUN_NOWAIT);
    }
}

typedef struct {
    House *house;
    const char *channel;
    json_t *body;
    guint count;
    bool undo, done, kept;
} Saying;

static bool say_work(Store *store, void *data)
{
    Saying *saying = data;
    for (guint i = 0; i < saying->count; i++) {
        g_autoptr(GError) error = NULL;
        live_publish(saying->house->live, saying->channel, json_incref(saying->body), &error);
        g_assert_no_error(error);
    }
    return !saying->undo;
}

static void say_after(Store *store, bool kept, const GError *error, void *data)
{
    Saying *saying = data;
    saying->done = true;
    saying->kept = kept;
}

static void say_run(Saying *saying)
{
    store_write(saying->house->store, say_work, say_after, saying);
    while (!saying->done) {
        uv_run(&saying->house->loop, UV_RUN_ONCE);
    }
    settle(saying->house);
    json_decref(saying->body);
}

static void say(House *house, const char *channel, int value, guint count)
{
    Saying saying = {.house = house, .channel = channel, .count = count};
    saying.body = json_pack("{s:i}", "n", value);
    say_run(&saying);
    g_assert_true(saying.kept);
}

static void say_text(House *house, const char *channel, size_t size)
{
    g_autofree char *text = g_strnfill(size, 'x');
    Saying saying = {.house = house, .channel = channel, .count = 1, .body = json_string(text)};
    say_run(&saying);
    g_assert_true(saying.kept);
}

/* Takes the next frame's JSON from what the socket got; NULL at the end. */
static json_t *take_frame(Socket *socket)
{
    const uint8_t *bytes = socket->got->data;
    if (socket->got->len == 0) {
        return NULL;
    }
    g_assert_cmpint(bytes[0], ==, 0x81);
    size_t size = bytes[1], header = 2;
    if (size == 126) {
        size = ((size_t)bytes[2] << 8) | bytes[3];
        header = 4;
    } else if (size == 127) {
        size = 0;
        for (guint i = 2; i < 10; i++) {
            size = size << 8 | bytes[i];
        }
        header = 10;
    }
    g_assert_cmpint(header + size, <=, socket->got->len);
    json_t *frame = json_loadb((const char *)bytes + header, size, 0, NULL);
    g_assert_nonnull(frame);
    g_byte_array_remove_range(socket->got, 0, (guint)(header + size));
    return frame;
}

static int64_t take_push(Socket *socket, const char *channel, int64_t *ret_value)
{
    json_auto_t *frame = take_frame(socket);
    if (frame == NULL) {
        return 0;
    }
    const char *found;
    json_int_t offset;
    json_t *data;
    g_assert_cmpint(json_unpack(frame, "{s:{s:s, s:{s:o, s:I!}!}!}", "push", "channel", &found,
                                "pub", "data", &data, "offset", &offset),
                    ==, 0);
    g_assert_cmpstr(found, ==, channel);
    if (ret_value != NULL) {
        *ret_value = json_integer_value(json_object_get(data, "n"));
    }
    return offset;
}

static LiveSubscribed subscribe(LiveReader *reader, const char *channel, bool recover,
                                const char *epoch, uint64_t offset)
{
    g_autoptr(GError) error = NULL;
    LivePosition position = {.recover = recover, .epoch = epoch, .offset = offset};
    LiveSubscribed subscribed = {0};
    live_subscribe(reader, channel, &position, &subscribed, &error);
    g_assert_no_error(error);
    return subscribed;
}

static uint64_t join(LiveReader *reader, const char *channel)
{
    LiveSubscribed subscribed = subscribe(reader, channel, false, NULL, 0);
    return subscribed.offset;
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void test_feed_order(void)
{
    House *house = new_house();
    Socket *socket = new_socket(SIZE_MAX);
    LiveReader *reader = live_reader_new(house->live, socket, LIVE_WEBSOCKET);
    g_assert_cmpuint(join(reader, "queue:calls"), ==, 0);
    say(house, "queue:calls", 7, 3);
    g_assert_cmpuint(socket->writes, ==, 1); /* three entries of one turn: one write */
    int64_t value;
    for (int64_t i = 1; i <= 3; i++) {
        g_assert_cmpint(take_push(socket, "queue:calls", &value), ==, i);
        g_assert_cmpint(value, ==, 7);
    }
    g_assert_null(take_frame(socket));
    g_assert_cmpuint(live_counters(house->live).deliveries_total, ==, 3);
    live_reader_free(reader);
    free_socket(socket);
    free_house(house);
}

static void test_state_newest(void)
{
    House *house = new_house();
    Socket *socket = new_socket(SIZE_MAX);
    LiveReader *reader = live_reader_new(house->live, socket, LIVE_WEBSOCKET);
    say(house, "queue:board", 1, 1);
    LiveSubscribed first = subscribe(reader, "queue:board", false, NULL, 0);
    g_assert_true(first.recovered);
    g_assert_cmpuint(first.offset, ==, 1);
    g_assert_nonnull(first.body);
    say(house, "queue:board", 2, 5); /* of five values in one turn only the newest leaves */
    g_assert_cmpint(take_push(socket, "queue:board", NULL), ==, 6);
    g_assert_null(take_frame(socket));
    /* Who has the newest gets nothing twice. */
    live_unsubscribe(reader, "queue:board");
    LiveSubscribed again =
        subscribe(reader, "queue:board", true, live_epoch(house->live), first.offset + 5);
    g_assert_true(again.was_recovering && again.recovered);
    g_assert_null(again.body);
    live_unsubscribe(reader, "queue:board");
    again = subscribe(reader, "queue:board", true, "another", first.offset + 5);
    g_assert_nonnull(again.body);
    live_reader_free(reader);
    free_socket(socket);
    free_house(house);
}

static void test_undone(void)
{
    House *house = new_house();
    Socket *socket = new_socket(SIZE_MAX);
    LiveReader *reader = live_reader_new(house->live, socket, LIVE_WEBSOCKET);
    join(reader, "queue:calls");
    Saying saying = {.house = house, .channel = "queue:calls", .count = 4, .undo = true};
    saying.body = json_object();
    say_run(&saying);
    g_assert_false(saying.kept);
    g_assert_cmpuint(socket->got->len, ==, 0);
    say(house, "queue:calls", 1, 1);
    g_assert_cmpint(take_push(socket, "queue:calls", NULL), ==, 1); /* no number was used up */
    live_reader_free(reader);
    free_socket(socket);
    free_house(house);
}

/* A reader whose socket is full costs its cursor; drained, it misses no entry and gets one state.
 */
static void test_lagging(void)
{
    House *house = new_house();
    Socket *slow = new_socket(100), *fast = new_socket(SIZE_MAX);
    LiveReader *slow_reader = live_reader_new(house->live, slow, LIVE_WEBSOCKET);
    LiveReader *fast_reader = live_reader_new(house->live, fast, LIVE_WEBSOCKET);
    join(slow_reader, "queue:calls");
    join(slow_reader, "queue:board");
    join(fast_reader, "queue:calls");
    say(house, "queue:calls", 1, 2);
    g_assert_true(slow->is_lagging);
    guint writes = slow->writes;
    for (int i = 0; i < 50; i++) {
        say(house, "queue:board", i, 1);
        say(house, "queue:calls", i, 30);
    }
    g_assert_cmpuint(slow->writes, ==, writes);
    live_reader_write(slow_reader, "\x81\x02{}", 4); /* a reply waits, and comes first */
    for (int64_t i = 1; i <= 2; i++) {
        g_assert_cmpint(take_push(slow, "queue:calls", NULL), ==, i);
    }
    g_assert_null(take_frame(slow));
    slow->is_lagging = false;
    slow->room = SIZE_MAX;
    live_reader_drained(slow_reader);
    settle(house);
    json_auto_t *reply = take_frame(slow);
    g_assert_cmpint(json_object_size(reply), ==, 0);
    int64_t feed = 2, states = 0;
    for (;;) {
        json_auto_t *frame = take_frame(slow);
        if (frame == NULL) {
            break;
        }
        const char *channel;
        json_int_t offset;
        json_unpack(frame, "{s:{s:s, s:{s:I}}}", "push", "channel", &channel, "pub", "offset",
                    &offset);
        if (g_str_equal(channel, "queue:calls")) {
            g_assert_cmpint(offset, ==, ++feed);
        } else {
            states++;
            g_assert_cmpint(offset, ==, 50);
        }
    }
    g_assert_cmpint(feed, ==, 1502);
    g_assert_cmpint(states, ==, 1);
    for (int64_t i = 1; i <= 1502; i++) {
        g_assert_cmpint(take_push(fast, "queue:calls", NULL), ==, i);
    }
    g_assert_cmpuint(live_counters(house->live).lagging_total, ==, 1);
    live_reader_free(slow_reader);
    live_reader_free(fast_reader);
    free_socket(slow);
    free_socket(fast);
    free_house(house);
}

/* What memory no longer has comes from the store, at most one chunk at a time. */
static void test_older_than_memory(void)
{
    House *house = new_house();
    Socket *slow = new_socket(0);
    LiveReader *reader = live_reader_new(house->live, slow, LIVE_WEBSOCKET);
    join(reader, "queue:calls");
    say(house, "queue:calls", 0, 1);
    g_assert_true(slow->is_lagging);
    guint count = 2 * LIMIT_CHANNEL_LOG_BYTES / 200000;
    for (guint i = 0; i < count; i++) {
        say_text(house, "queue:calls", 200000);
    }
    g_assert_cmpint(take_push(slow, "queue:calls", NULL), ==, 1);
    guint expected = 2;
    while (expected <= count + 1) {
        slow->is_lagging = false;
        slow->room = 1000; /* full again after each chunk */
        live_reader_drained(reader);
        settle(house);
        int64_t offset;
        guint frames = 0;
        while ((offset = take_push(slow, "queue:calls", NULL)) != 0) {
            g_assert_cmpint(offset, ==, expected);
            expected++;
            frames++;
        }
        g_assert_cmpuint(frames, ==, 1);
    }
    g_assert_false(slow->is_closed);
    live_reader_free(reader);
    free_socket(slow);
    free_house(house);
}

static void expect_recovery(House *house, uint64_t from, int64_t until)
{
    Socket *socket = new_socket(SIZE_MAX);
    LiveReader *reader = live_reader_new(house->live, socket, LIVE_WEBSOCKET);
    LiveSubscribed subscribed =
        subscribe(reader, "queue:calls", true, live_epoch(house->live), from);
    g_assert_true(subscribed.was_recovering && subscribed.recovered && subscribed.is_feed);
    g_assert_cmpuint(subscribed.offset, ==, from);
    g_assert_cmpuint(socket->writes, ==, 0); /* nothing may pass the reply */
    settle(house);
    for (int64_t i = (int64_t)from + 1; i <= until; i++) {
        g_assert_cmpint(take_push(socket, "queue:calls", NULL), ==, i);
    }
    g_assert_null(take_frame(socket));
    live_reader_free(reader);
    free_socket(socket);
}

static void expect_no_recovery(House *house, const char *epoch, uint64_t from, uint64_t head)
{
    Socket *socket = new_socket(SIZE_MAX);
    LiveReader *reader = live_reader_new(house->live, socket, LIVE_WEBSOCKET);
    LiveSubscribed subscribed = subscribe(reader, "queue:calls", true, epoch, from);
    g_assert_true(subscribed.was_recovering);
    g_assert_false(subscribed.recovered);
    g_assert_cmpuint(subscribed.offset, ==, head);
    settle(house);
    g_assert_cmpuint(socket->writes, ==, 0);
    live_reader_free(reader);
    free_socket(socket);
}

static void test_restart(void)
{
    House *house = g_new0(House, 1);
    house->folder = g_dir_make_tmp("serambi-live-XXXXXX", NULL);
    open_house(house);
    g_autofree char *epoch = g_strdup(live_epoch(house->live));
    say(house, "queue:calls", 1, 250);
    say(house, "queue:board", 9, 1);
    expect_recovery(house, 0, 250); /* more than is loaded at once */
    close_house(house);
    open_house(house);
    g_assert_cmpstr(live_epoch(house->live), ==, epoch);
    expect_recovery(house, 240, 250);
    expect_recovery(house, 250, 250);
    expect_recovery(house, 3, 250);
    expect_no_recovery(house, "another", 240, 250);
    expect_no_recovery(house, epoch, 251, 250); /* a number that was never given */
    say(house, "queue:calls", 1, 1);
    expect_recovery(house, 249, 251);
    Socket *socket = new_socket(SIZE_MAX);
    LiveReader *reader = live_reader_new(house->live, socket, LIVE_WEBSOCKET);
    LiveSubscribed board = subscribe(reader, "queue:board", false, NULL, 0);
    g_assert_cmpstr(board.body, ==, "{\"n\":9}");
    live_reader_free(reader);
    free_socket(socket);
    free_house(house);
}

static guint count_rows(House *house, const char *sql)
{
    json_auto_t *rows = store_query(house->store, NULL, sql, "");
    return (guint)json_array_size(rows);
}

static void prune(House *house, int days)
{
    live_prune(house->live, g_get_real_time() + days * INT64_C(86400000000) + G_USEC_PER_SEC);
    Saying barrier = {.house = house, .channel = "", .body = json_null()};
    say_run(&barrier);
}

static void test_prune(void)
{
    House *house = new_house();
    say(house, "queue:calls", 1, 5);
    say(house, "queue:ticket.abc", 1, 2);
    say(house, "queue:board", 1, 1);
    prune(house, 1);
    expect_recovery(house, 0, 5);
    g_assert_cmpuint(count_rows(house, "SELECT * FROM live_state"), ==, 2);
    prune(house, 3);
    g_assert_cmpuint(count_rows(house, "SELECT * FROM live_state"), ==, 1);
    g_assert_cmpuint(count_rows(house, "SELECT * FROM live_channel"), ==, 2);
    g_assert_cmpuint(count_rows(house, "SELECT * FROM live_feed"), ==, 5);
    g_hash_table_remove(house->live->channels, "queue:calls"); /* as after a restart */
    prune(house, 8);
    g_assert_cmpuint(count_rows(house, "SELECT * FROM live_feed"), ==, 0);
    expect_no_recovery(house, live_epoch(house->live), 2, 5);
    expect_recovery(house, 5, 5);
    say(house, "queue:calls", 1, 1);
    expect_recovery(house, 5, 6);
    free_house(house);
}

/* A slow reader whose entries were forgotten meanwhile must begin anew: never a silent gap. */
static void test_pruned_under_reader(void)
{
    House *house = new_house();
    Socket *slow = new_socket(0);
    LiveReader *reader = live_reader_new(house->live, slow, LIVE_WEBSOCKET);
    join(reader, "queue:calls");
    say(house, "queue:calls", 1, 1);
    for (guint i = 0; i < 2 * LIMIT_CHANNEL_LOG_BYTES / 250000; i++) {
        say_text(house, "queue:calls", 250000);
    }
    prune(house, 8);
    slow->is_lagging = false;
    live_reader_drained(reader);
    g_assert_true(slow->is_closed);
    g_assert_cmpint(slow->code, ==, 3010);
    g_assert_cmpuint(live_counters(house->live).dropped_total, ==, 1);
    live_reader_free(reader);
    free_socket(slow);
    free_house(house);
}

static void on_watch(const char *channel, const json_t *body, void *data)
{
    g_string_append_printf(data, "%s=%d;", channel,
                           (int)json_integer_value(json_object_get(body, "n")));
}

static void test_watch(void)
{
    House *house = new_house();
    g_autoptr(GString) exact = g_string_new(""), all = g_string_new("");
    live_watch(house->live, "queue:calls", on_watch, exact);
    live_watch(house->live, "queue:", on_watch, all);
    say(house, "queue:calls", 1, 2);
    say(house, "queue:board", 2, 1);
    say(house, "desk:talk.a", 3, 1);
    g_assert_cmpstr(exact->str, ==, "queue:calls=1;queue:calls=1;");
    g_assert_cmpstr(all->str, ==, "queue:calls=1;queue:calls=1;queue:board=2;");
    free_house(house);
}

static void expect_history(House *house, int limit, const LivePosition *since, bool reverse,
                           const char *expected)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *history = live_history(house->live, "queue:calls", limit, since, reverse, &error);
    g_assert_no_error(error);
    g_autoptr(GString) found = g_string_new("");
    size_t i;
    json_t *publication;
    json_array_foreach(json_object_get(history, "publications"), i, publication)
    {
        g_string_append_printf(found, "%d ",
                               (int)json_integer_value(json_object_get(publication, "offset")));
    }
    g_assert_cmpstr(found->str, ==, expected);
}

static void test_history(void)
{
    House *house = new_house();
    say(house, "queue:calls", 1, 5);
    LivePosition since = {.offset = 3, .epoch = live_epoch(house->live)};
    expect_history(house, 0, NULL, false, "");
    expect_history(house, -1, NULL, false, "1 2 3 4 5 ");
    expect_history(house, 2, NULL, false, "1 2 ");
    expect_history(house, 2, NULL, true, "5 4 ");
    expect_history(house, 9, &since, false, "4 5 ");
    expect_history(house, 9, &since, true, "2 1 ");
    since.epoch = "another";
    g_autoptr(GError) error = NULL;
    g_assert_null(live_history(house->live, "queue:calls", 1, &since, false, &error));
    g_assert_error(error, LIVE_ERROR, LIVE_ERROR_UNRECOVERABLE);
    say(house, "queue:calls", 1, LIMIT_HISTORY);
    json_auto_t *capped = live_history(house->live, "queue:calls", 100000, NULL, false, NULL);
    g_assert_cmpint(json_array_size(json_object_get(capped, "publications")), ==, LIMIT_HISTORY);
    free_house(house);
}

static bool too_large_work(Store *store, void *data)
{
    Saying *saying = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strnfill(LIMIT_PUBLICATION_BYTES - 1, 'x');
    g_assert_false(live_publish(saying->house->live, "queue:calls", json_string(text), &error));
    g_assert_error(error, LIVE_ERROR, LIVE_ERROR_TOO_LARGE);
    g_clear_error(&error);
    g_assert_false(live_publish(saying->house->live, "queue:none", json_null(), &error));
    g_assert_error(error, LIVE_ERROR, LIVE_ERROR_UNKNOWN);
    return true;
}

static void test_limits(void)
{
    House *house = new_house();
    Saying saying = {.house = house};
    store_write(house->store, too_large_work, say_after, &saying);
    while (!saying.done) {
        uv_run(&house->loop, UV_RUN_ONCE);
    }
    Socket *socket = new_socket(SIZE_MAX);
    LiveReader *reader = live_reader_new(house->live, socket, LIVE_WEBSOCKET);
    LivePosition start = {0};
    LiveSubscribed subscribed;
    g_autoptr(GError) error = NULL;
    for (int i = 0; i < LIMIT_CLIENT_CHANNELS; i++) {
        g_autofree char *name = g_strdup_printf("queue:ticket.%d", i);
        join(reader, name);
    }
    g_assert_cmpuint(live_counters(house->live).channels, ==, LIMIT_CLIENT_CHANNELS);
    g_assert_false(live_subscribe(reader, "queue:board", &start, &subscribed, &error));
    g_assert_error(error, LIVE_ERROR, LIVE_ERROR_LIMIT);
    g_clear_error(&error);
    g_assert_false(live_subscribe(reader, "queue:ticket.5", &start, &subscribed, &error));
    g_assert_error(error, LIVE_ERROR, LIVE_ERROR_SUBSCRIBED);
    live_reader_free(reader);
    g_assert_cmpuint(live_counters(house->live).channels, ==, 0); /* nothing stays behind */
    /* Replies to somebody who does not read. */
    socket->room = 0;
    reader = live_reader_new(house->live, socket, LIVE_WEBSOCKET);
    g_autofree char *reply = g_strnfill(10000, 'x');
    for (int i = 0; i < LIMIT_READER_BYTES / 10000 + 3; i++) {
        live_reader_write(reader, reply, 10000);
    }
    g_assert_true(socket->is_closed);
    g_assert_cmpint(socket->code, ==, 3008);
    live_reader_free(reader);
    free_socket(socket);
    free_house(house);
}

static void test_names(void)
{
    House *house = new_house();
    const char *const known[] = {"queue:board", "queue:ticket.Zx_8-1", "desk:talk.1"};
    const char *const unknown[] = {"",
                                   "queue",
                                   "queue:ticket",
                                   "queue:ticket.",
                                   "queue:ticket.a.b",
                                   "queue:ticket.{key}",
                                   "queue:ticket.a\"b",
                                   "queue:board.x",
                                   "queue:ticket.\xc3\xa9"};
    for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
        g_assert_nonnull(live_find(house->live, known[i]));
    }
    for (guint i = 0; i < G_N_ELEMENTS(unknown); i++) {
        g_assert_null(live_find(house->live, unknown[i]));
    }
    g_autofree char *longest = g_strnfill(LIMIT_CHANNEL_BYTES, 'x');
    memcpy(longest, "queue:ticket.", 13);
    g_assert_nonnull(live_find(house->live, longest));
    g_autofree char *longer = g_strconcat(longest, "x", NULL);
    g_assert_null(live_find(house->live, longer));
    g_autoptr(GError) error = NULL;
    g_assert_false(live_declare(house->live, &topics[0], &error));
    g_assert_error(error, LIVE_ERROR, LIVE_ERROR_UNKNOWN);
    free_house(house);
}

/* The farewell's timer alone does not keep a loop alive. */
static void on_awake(uv_timer_t *timer)
{
}

static void stay_awake(House *house, uv_timer_t *awake)
{
    uv_timer_init(&house->loop, awake);
    uv_timer_start(awake, on_awake, 1, 1);
}

static void test_events(void)
{
    House *house = new_house();
    Socket *socket = new_socket(SIZE_MAX);
    say(house, "queue:calls", 1, 2);
    say(house, "queue:board", 4, 1);
    LiveReader *reader = live_reader_new(house->live, socket, LIVE_EVENTS);
    join(reader, "queue:board");
    join(reader, "queue:calls");
    say(house, "queue:calls", 5, 2);
    g_byte_array_append(socket->got, (const guint8 *)"", 1);
    g_autofree char *expected = g_strdup_printf(
        "id: %s:1,3\n"
        "data: {\"channel\":\"queue:calls\",\"pub\":{\"data\":{\"n\":5},\"offset\":3}}\n\n"
        "id: %s:1,4\n"
        "data: {\"channel\":\"queue:calls\",\"pub\":{\"data\":{\"n\":5},\"offset\":4}}\n\n",
        live_epoch(house->live), live_epoch(house->live));
    g_assert_cmpstr((const char *)socket->got->data, ==, expected);
    uv_timer_t awake;
    stay_awake(house, &awake);
    live_disconnect_all(house->live, 3001, "shutdown", 0);
    while (!socket->is_closed) {
        uv_run(&house->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&awake, NULL);
    g_assert_true(socket->is_closed);
    g_byte_array_append(socket->got, (const guint8 *)"", 1);
    g_assert_nonnull(strstr((const char *)socket->got->data + strlen(expected) + 1,
                            "data: {\"disconnect\":{\"code\":3001,\"reason\":\"shutdown\"}}\n\n"));
    live_reader_free(reader);
    free_socket(socket);
    free_house(house);
}

static guint count_closed(Socket *const *sockets, guint count)
{
    guint closed = 0;
    for (guint i = 0; i < count; i++) {
        closed += sockets[i]->is_closed;
    }
    return closed;
}

/* Spread over 200 ms: never more than a tenth of them in one turn, and all in the end, also one who
 * comes in the middle of it. */
static void test_goodbye(void)
{
    House *house = new_house();
    Socket *sockets[300];
    LiveReader *readers[G_N_ELEMENTS(sockets)];
    guint last = G_N_ELEMENTS(sockets) - 1, closed = 0, turns = 0;
    for (guint i = 0; i < last; i++) {
        sockets[i] = new_socket(SIZE_MAX);
        readers[i] = live_reader_new(house->live, sockets[i], LIVE_WEBSOCKET);
        join(readers[i], "queue:board");
    }
    live_disconnect_all(house->live, 3001, "shutdown", 200);
    sockets[last] = new_socket(SIZE_MAX);
    readers[last] = live_reader_new(house->live, sockets[last], LIVE_WEBSOCKET);
    uv_timer_t awake;
    stay_awake(house, &awake);
    while (closed < G_N_ELEMENTS(sockets)) {
        uv_run(&house->loop, UV_RUN_ONCE);
        guint now = count_closed(sockets, G_N_ELEMENTS(sockets));
        g_assert_cmpuint(now - closed, <=, G_N_ELEMENTS(sockets) / 10);
        turns += now > closed;
        closed = now;
    }
    g_assert_cmpuint(turns, >, 10);
    for (guint i = 0; i < G_N_ELEMENTS(sockets); i++) {
        g_assert_cmpint(sockets[i]->code, ==, 3001);
        live_reader_free(readers[i]);
        free_socket(sockets[i]);
    }
    uv_close((uv_handle_t *)&awake, NULL);
    free_house(house);
}

/* The dense arrays under random coming and going: everybody gets exactly what they joined. */
static void test_coming_and_going(void)
{
    House *house = new_house();
    enum { READERS = 40, ROUNDS = 400 };
    Socket *sockets[READERS];
    LiveReader *readers[READERS];
    bool joined[READERS][3] = {0};
    const char *const channels[] = {"queue:board", "queue:calls", "queue:ticket.a"};
    g_autoptr(GRand) random = g_rand_new_with_seed(2026);
    for (guint i = 0; i < READERS; i++) {
        sockets[i] = new_socket(SIZE_MAX);
        readers[i] = live_reader_new(house->live, sockets[i], LIVE_WEBSOCKET);
    }
    for (guint round = 0; round < ROUNDS; round++) {
        guint who = (guint)g_rand_int_range(random, 0, READERS);
        guint what = (guint)g_rand_int_range(random, 0, 3);
        if (joined[who][what]) {
            g_assert_true(live_unsubscribe(readers[who], channels[what]));
        } else {
            join(readers[who], channels[what]);
        }
        joined[who][what] = !joined[who][what];
        if (round % 10 != 0) {
            continue;
        }
        what = (guint)g_rand_int_range(random, 0, 3);
        say(house, channels[what], 1, 1);
        guint count = 0;
        for (guint i = 0; i < READERS; i++) {
            g_assert_cmpint(take_push(sockets[i], channels[what], NULL) != 0, ==, joined[i][what]);
            g_assert_null(take_frame(sockets[i]));
            count += joined[i][what];
        }
        g_assert_cmpuint(live_subscribers(house->live, channels[what]), ==, count);
    }
    for (guint i = 0; i < READERS; i++) {
        live_reader_free(readers[i]);
        free_socket(sockets[i]);
    }
    free_house(house);
}

typedef struct {
    Socket *socket;
    LiveReader *reader;
    bool is_in;
    int64_t last; /* offset */
} Visitor;

/* Every entry since the last one checked, once and in order. */
static void check_entries(Visitor *visitor)
{
    for (int64_t offset; (offset = take_push(visitor->socket, "queue:calls", NULL)) != 0;) {
        g_assert_cmpint(offset, ==, visitor->last + 1);
        visitor->last = offset;
    }
}

static void come_or_go(Visitor *visitor)
{
    if (visitor->is_in) {
        check_entries(visitor);
        g_assert_true(live_unsubscribe(visitor->reader, "queue:calls"));
    } else {
        visitor->last = (int64_t)join(visitor->reader, "queue:calls");
    }
    visitor->is_in = !visitor->is_in;
}

/* A write to each of many takes longer than a turn may: the loop turns in between, people come and
 * go, more is said, and each has every entry since he came. */
static void test_slices(void)
{
    enum { VISITORS = 200, SAYINGS = 12, WRITE_US = 100 };
    House *house = new_house();
    Visitor visitors[VISITORS] = {0};
    g_autoptr(GRand) random = g_rand_new_with_seed(2026);
    for (guint i = 0; i < VISITORS; i++) {
        visitors[i].socket = new_socket(SIZE_MAX);
        visitors[i].socket->takes_us = WRITE_US;
        visitors[i].reader = live_reader_new(house->live, visitors[i].socket, LIVE_WEBSOCKET);
        come_or_go(&visitors[i]);
    }
    int64_t said = 0;
    guint turns = 0;
    for (guint i = 0; i < SAYINGS; i++) {
        guint count = 1 + i % 3;
        Saying saying = {
            .house = house, .channel = "queue:calls", .count = count, .body = json_object()};
        store_write(house->store, say_work, say_after, &saying);
        bool has_pause = i % 4 == 3; /* else it is said while the last one is still handed round */
        while (!saying.done || (has_pause && uv_is_active((uv_handle_t *)house->live->idle))) {
            uv_run(&house->loop, UV_RUN_NOWAIT);
            come_or_go(&visitors[g_rand_int_range(random, 0, VISITORS)]);
            turns++;
        }
        json_decref(saying.body);
        said += count;
    }
    settle(house);
    g_assert_cmpuint(turns, >, 2 * SAYINGS);
    for (guint i = 0; i < VISITORS; i++) {
        check_entries(&visitors[i]);
        g_assert_true(!visitors[i].is_in || visitors[i].last == said);
        live_reader_free(visitors[i].reader);
        free_socket(visitors[i].socket);
    }
    free_house(house);
}

/* Whoever came when: screens and staff have the news before the visitors, and once. */
static void test_first(void)
{
    enum { READERS = 60, FIRST = 40 };
    House *house = new_house();
    Socket *sockets[READERS];
    LiveReader *readers[READERS];
    for (guint i = 0; i < READERS; i++) {
        sockets[i] = new_socket(SIZE_MAX);
        readers[i] = live_reader_new(house->live, sockets[i], LIVE_WEBSOCKET);
        join(readers[i], "queue:calls");
    }
    live_reader_put_first(readers[FIRST]);
    live_reader_put_first(readers[FIRST]);
    for (guint round = 0; round < 3; round++) {
        guint64 before = writes_ever;
        say(house, "queue:calls", 1, 1);
        g_assert_cmpuint(sockets[FIRST]->last_write, ==, before + 1);
        g_assert_cmpuint(writes_ever, ==, before + READERS);
        g_assert_cmpint(take_push(sockets[FIRST], "queue:calls", NULL), ==, (int64_t)round + 1);
    }
    for (guint i = 0; i < READERS; i++) {
        live_reader_free(readers[i]);
        free_socket(sockets[i]);
    }
    g_assert_cmpuint(house->live->first->len, ==, 0);
    free_house(house);
}

/* A channel whose news never end, because each round is longer than a turn and more is said before
 * it is over, lets another one have its say in the next turn. */
static void test_urgent_beside_hot(void)
{
    enum { CROWD = 200, WRITE_US = 100, ALARMS = 10, TURNS_MOST = 4 };
    House *house = new_house();
    Socket *sockets[CROWD + 1];
    LiveReader *readers[CROWD + 1];
    for (guint i = 0; i <= CROWD; i++) {
        sockets[i] = new_socket(SIZE_MAX);
        sockets[i]->takes_us = WRITE_US;
        readers[i] = live_reader_new(house->live, sockets[i], LIVE_WEBSOCKET);
        join(readers[i], i < CROWD ? "queue:calls" : "queue:board");
    }
    for (guint i = 0; i < ALARMS; i++) {
        Saying hot = {.house = house, .channel = "queue:calls", .count = 1, .body = json_object()};
        Saying alarm = {
            .house = house, .channel = "queue:board", .count = 1, .body = json_object()};
        store_write(house->store, say_work, say_after, &hot);
        while (!hot.done) {
            uv_run(&house->loop, UV_RUN_NOWAIT);
        }
        store_write(house->store, say_work, say_after, &alarm);
        while (!alarm.done) {
            uv_run(&house->loop, UV_RUN_NOWAIT);
            hot.done = false;
            store_write(house->store, say_work, say_after, &hot);
            while (!hot.done) {
                uv_run(&house->loop, UV_RUN_NOWAIT);
            }
        }
        guint turns = 0;
        while (take_push(sockets[CROWD], "queue:board", NULL) == 0) {
            g_assert_true(uv_is_active((uv_handle_t *)house->live->idle));
            g_assert_cmpuint(++turns, <=, TURNS_MOST);
            uv_run(&house->loop, UV_RUN_NOWAIT);
        }
        json_decref(hot.body);
        json_decref(alarm.body);
    }
    settle(house);
    for (guint i = 0; i <= CROWD; i++) {
        live_reader_free(readers[i]);
        free_socket(sockets[i]);
    }
    free_house(house);
}

static void test_dead(void)
{
    House *house = new_house();
    Socket *socket = new_socket(SIZE_MAX);
    LiveReader *reader = live_reader_new(house->live, socket, LIVE_WEBSOCKET);
    join(reader, "queue:calls");
    socket->is_dead = true;
    say(house, "queue:calls", 1, 3);
    say(house, "queue:calls", 1, 3);
    live_reader_write(reader, "x", 1);
    g_assert_cmpuint(socket->got->len, ==, 0);
    live_reader_free(reader);
    free_socket(socket);
    free_house(house);
}

static void test_log(void)
{
    Log log;
    LogRange range;
    log_init(&log, 100, 10);
    g_assert_false(log_range(&log, 10, 50, &range));
    g_assert_true(log_reaches(&log, 10));
    g_assert_false(log_reaches(&log, 9));
    for (uint64_t offset = 11; offset <= 30; offset++) {
        char frame[10];
        memset(frame, 'a' + (int)(offset - 11), sizeof frame);
        log_append(&log, offset, frame, sizeof frame);
        g_assert_cmpuint(log.bytes->len, <=, 100);
    }
    g_assert_false(log_reaches(&log, 10));
    g_assert_true(log_range(&log, 25, 25, &range));
    g_assert_cmpuint(range.size, ==, 20);
    g_assert_cmpuint(range.frames, ==, 2);
    g_assert_cmpuint(range.last_offset, ==, 27);
    g_assert_cmpint(range.bytes[0], ==, 'a' + 15);
    g_assert_true(log_range(&log, 29, 1, &range)); /* one frame, however large */
    g_assert_cmpuint(range.last_offset, ==, 30);
    log_append(&log, 40, "x", 1); /* a gap forgets what was before it */
    g_assert_false(log_range(&log, 30, 50, &range));
    g_assert_true(log_range(&log, 39, 50, &range));
    log_clear(&log);
    log_clear(&log);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/live/log", test_log);
    g_test_add_func("/live/names", test_names);
    g_test_add_func("/live/feed-order", test_feed_order);
    g_test_add_func("/live/state-newest", test_state_newest);
    g_test_add_func("/live/undone", test_undone);
    g_test_add_func("/live/lagging", test_lagging);
    g_test_add_func("/live/older-than-memory", test_older_than_memory);
    g_test_add_func("/live/restart", test_restart);
    g_test_add_func("/live/prune", test_prune);
    g_test_add_func("/live/pruned-under-reader", test_pruned_under_reader);
    g_test_add_func("/live/watch", test_watch);
    g_test_add_func("/live/history", test_history);
    g_test_add_func("/live/limits", test_limits);
    g_test_add_func("/live/events", test_events);
    g_test_add_func("/live/goodbye", test_goodbye);
    g_test_add_func("/live/coming-and-going", test_coming_and_going);
    g_test_add_func("/live/slices", test_slices);
    g_test_add_func("/live/first", test_first);
    g_test_add_func("/live/urgent-beside-hot", test_urgent_beside_hot);
    g_test_add_func("/live/dead", test_dead);
    return g_test_run();
}
