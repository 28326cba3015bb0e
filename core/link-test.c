/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A display's link against a real server on the main thread: remembered values, pairing, resuming
 * over a restart without a gap, calls, and files that are wrong, cut or missing. */
#include "core/limits.h"
#include "core/link.h"
#include "core/test_live.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/mman.h>

#define PATIENCE_US  (20 * G_USEC_PER_SEC)
#define FILE_BYTES   300000
#define CUT_BYTES    100000
#define RANGE_LETTER 7

/* What the server does with /media/. */
typedef struct {
    char *bytes;
    char hash[65];
    guint wrong_left;   /* so many answers have other bytes */
    guint cut_left;     /* so many answers end in the middle */
    guint missing_left; /* so many are 404 */
    guint answered, resumed;
} Media;

typedef struct {
    House house;
    Media media;
    GAsyncQueue *events;
    Link *link;
    char *display_folder;
} Lobby;

static Lobby *lobby_of(Asking *asking)
{
    return asking->context;
}

/* --- The server's files ----------------------------------------------------------------------- */

static void media_stream_closed(void *connection)
{
    (void)connection;
}

/* Announces the whole file and hangs up in the middle. */
static void answer_cut(HttpRequest *request, const Media *media)
{
    static const SocketHandler handler = {.closed = media_stream_closed};
    HttpHeader headers[] = {{"content-type", "video/mp4"},
                            {"content-length", G_STRINGIFY(FILE_BYTES)}};
    Socket *socket =
        http_reply_stream(request, headers, G_N_ELEMENTS(headers), &handler, (void *)media);
    (void)socket_write(socket, media->bytes, CUT_BYTES);
    socket_kill(socket);
}

static void handle_media(HttpRequest *request, void *data)
{
    Lobby *lobby = data;
    Media *media = &lobby->media;
    HttpHeader headers[] = {{"content-type", "video/mp4"}};
    const char *range = http_header(request, "range");
    media->answered++;
    media->resumed += range != NULL;
    if (!g_str_has_suffix(http_path(request), media->hash) || media->missing_left > 0) {
        media->missing_left -= media->missing_left > 0;
        http_reply_error(request, 404, "media.missing", "not here");
        return;
    }
    if (media->cut_left > 0) {
        media->cut_left--;
        answer_cut(request, media);
        return;
    }
    int fd = (int)memfd_create("media", MFD_CLOEXEC);
    g_assert_cmpint(write(fd, media->bytes, FILE_BYTES), ==, FILE_BYTES);
    if (media->wrong_left > 0) {
        media->wrong_left--;
        g_assert_cmpint(pwrite(fd, "X", 1, FILE_BYTES - 1), ==, 1);
    }
    http_reply_file(request, fd, media->hash, headers, G_N_ELEMENTS(headers));
}

static void mount(void *house)
{
    web_route(((House *)house)->asking.web, "/media/", handle_media, house);
}

static void media_init(Media *media)
{
    media->bytes = g_malloc(FILE_BYTES);
    for (guint i = 0; i < FILE_BYTES; i++) {
        media->bytes[i] = (char)('a' + i * RANGE_LETTER % 26);
    }
    g_autofree char *hash =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)media->bytes, FILE_BYTES);
    g_strlcpy(media->hash, hash, sizeof media->hash);
}

/* --- The display ------------------------------------------------------------------------------ */

static void on_event(LinkEvent *event, void *data)
{
    g_async_queue_push(((Lobby *)data)->events, event);
}

static const char *const channels[] = {"queue:board", "queue:calls", NULL};

static void open_link(Lobby *lobby)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *server = g_strdup_printf("http://127.0.0.1:%d", lobby->house.asking.port);
    LinkOptions options = {
        .server = server,
        .data_folder = lobby->display_folder,
        .on_event = on_event,
        .data = lobby,
    };
    lobby->link = link_new(&options, channels, &error);
    g_assert_no_error(error);
}

static LinkEvent *next_event(Lobby *lobby, LinkEventKind kind)
{
    for (;;) {
        LinkEvent *event = g_async_queue_timeout_pop(lobby->events, PATIENCE_US);
        g_assert_nonnull(event);
        if (event->kind == kind) {
            return event;
        }
        link_event_free(event);
    }
}

static void wait_status(Lobby *lobby, bool is_online, bool is_paired)
{
    for (;;) {
        LinkEvent *event = next_event(lobby, LINK_STATUS);
        bool is_it = json_is_true(json_object_get(event->body, "online")) == is_online &&
                     json_is_true(json_object_get(event->body, "paired")) == is_paired;
        link_event_free(event);
        if (is_it) {
            return;
        }
    }
}

static void expect_message(Lobby *lobby, const char *channel, int value)
{
    LinkEvent *event = next_event(lobby, LINK_MESSAGE);
    g_assert_cmpstr(event->channel, ==, channel);
    g_assert_cmpint(json_integer_value(json_object_get(event->body, "n")), ==, value);
    link_event_free(event);
}

static void say(Lobby *lobby, const char *channel, int value)
{
    json_auto_t *body = json_pack("{s:i}", "n", value);
    house_say(&lobby->house, channel, body, 1);
}

static void look_for_two(Asking *asking)
{
    House *house = asking->context;
    house->count = MIN(live_subscribers(house->live, "queue:calls"),
                       live_subscribers(house->live, "queue:board"));
}

static void wait_subscribed(Lobby *lobby)
{
    do {
        asking_errand(&lobby->house.asking, look_for_two);
    } while (lobby->house.count == 0);
}

typedef struct {
    void (*script)(Asking *asking);
    bool is_down; /* runs while the server is away */
} Step;

static void open_server(House *house)
{
    g_autoptr(GError) error = NULL;
    WebOptions options = {
        .address = "127.0.0.1", .port = house->asking.port, .trusted_proxies = ""};
    house->asking.web = web_new(&house->asking.loop, &options, &error);
    g_assert_no_error(error);
    house->asking.port = web_port(house->asking.web);
    house_open(house);
}

/* Each step finds the server up or down as it wants; it keeps its port and its data. */
static void run_steps(const Step *steps, guint count)
{
    Lobby lobby = {.house = {.mount = mount}};
    House *house = &lobby.house;
    media_init(&lobby.media);
    lobby.events = g_async_queue_new_full((GDestroyNotify)link_event_free);
    lobby.display_folder = g_dir_make_tmp("serambi-display-XXXXXX", NULL);
    house->folder = g_dir_make_tmp("serambi-live-XXXXXX", NULL);
    g_autofree char *secrets = g_build_filename(house->folder, "secrets", NULL);
    g_assert_cmpint(g_mkdir_with_parents(secrets, 0700), ==, 0);
    asking_init(&house->asking, house);
    bool is_open = false;
    for (guint i = 0; i < count; i++) {
        if (is_open) {
            house_close(house);
        }
        is_open = !steps[i].is_down;
        if (is_open) {
            open_server(house);
        }
        asking_run(&house->asking, steps[i].script);
    }
    if (is_open) {
        house_close(house);
    }
    asking_clear(&house->asking);
    const char *const remove[] = {"rm", "-rf", lobby.display_folder, house->folder, NULL};
    g_assert_true(g_spawn_sync(NULL, (char **)remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, NULL, NULL));
    g_async_queue_unref(lobby.events);
    g_free(lobby.display_folder);
    g_free(house->folder);
    g_free(lobby.media.bytes);
}

static void run(void (*script)(Asking *asking))
{
    const Step step = {.script = script};
    run_steps(&step, 1);
}

/* --- Live ------------------------------------------------------------------------------------- */

static void script_messages(Asking *asking)
{
    Lobby *lobby = lobby_of(asking);
    say(lobby, "queue:board", 1);
    open_link(lobby);
    wait_status(lobby, true, false);
    expect_message(lobby, "queue:board", 1);
    wait_subscribed(lobby);
    for (int i = 0; i < 20; i++) {
        say(lobby, "queue:calls", i);
        expect_message(lobby, "queue:calls", i);
    }
    say(lobby, "queue:board", 2);
    expect_message(lobby, "queue:board", 2);
    link_free(lobby->link);
    /* Another start, before any network: what it knew. */
    open_link(lobby);
    LinkEvent *status = g_async_queue_pop(lobby->events);
    LinkEvent *board = g_async_queue_pop(lobby->events);
    while (status->kind != LINK_STATUS || board->kind != LINK_MESSAGE) {
        link_event_free(status);
        status = board;
        board = g_async_queue_pop(lobby->events);
    }
    g_assert_cmpint(json_integer_value(json_object_get(board->body, "n")), ==, 2);
    link_event_free(status);
    link_event_free(board);
    link_free(lobby->link);
}

/* The server goes away and comes back: every entry of the feed once, in order. */
static void script_before_restart(Asking *asking)
{
    Lobby *lobby = lobby_of(asking);
    open_link(lobby);
    wait_status(lobby, true, false);
    wait_subscribed(lobby);
    say(lobby, "queue:calls", 1);
    expect_message(lobby, "queue:calls", 1);
}

static void script_while_away(Asking *asking)
{
    wait_status(lobby_of(asking), false, false);
}

static void script_after_restart(Asking *asking)
{
    Lobby *lobby = lobby_of(asking);
    for (int i = 2; i <= 40; i++) {
        say(lobby, "queue:calls", i);
    }
    link_reconnect(lobby->link); /* the waiting time is not what is tested */
    for (int i = 2; i <= 40; i++) {
        expect_message(lobby, "queue:calls", i);
    }
    say(lobby, "queue:calls", 41);
    expect_message(lobby, "queue:calls", 41);
    link_free(lobby->link);
}

static bool admit_work(Store *store, void *data)
{
    Lobby *lobby = data;
    g_autoptr(GError) error = NULL;
    g_assert_true(access_display_admit(store, link_key(lobby->link), "lobby-1", &error));
    return true;
}

static void admit(Asking *asking)
{
    Lobby *lobby = lobby_of(asking);
    store_write(lobby->house.store, admit_work, house_said, &lobby->house);
}

static void script_pairing(Asking *asking)
{
    Lobby *lobby = lobby_of(asking);
    open_link(lobby);
    wait_status(lobby, true, false);
    uint64_t call = link_call(lobby->link, "GET /api/echo", NULL);
    LinkEvent *reply = next_event(lobby, LINK_REPLY);
    g_assert_cmpuint(reply->call, ==, call);
    g_assert_cmpint(reply->status, ==, 200);
    g_assert_cmpstr(json_string_value(json_object_get(reply->body, "role")), ==, "public");
    link_event_free(reply);
    lobby->house.is_said = false;
    asking_errand(asking, admit);
    while (!lobby->house.is_said) {
        asking_errand(asking, house_look);
    }
    link_reconnect(lobby->link);
    wait_status(lobby, true, true);
    (void)link_call(lobby->link, "GET /api/echo", json_pack("{s:i}", "x", 7));
    reply = next_event(lobby, LINK_REPLY);
    g_assert_cmpstr(json_string_value(json_object_get(reply->body, "role")), ==, "display");
    g_assert_cmpstr(json_string_value(json_object_get(reply->body, "name")), ==, "lobby-1");
    g_assert_cmpint(json_integer_value(json_object_get(json_object_get(reply->body, "body"), "x")),
                    ==, 7);
    link_event_free(reply);
    (void)link_call(lobby->link, "GET /api/none", NULL);
    reply = next_event(lobby, LINK_REPLY);
    g_assert_cmpint(reply->status, ==, 404);
    g_assert_null(reply->body);
    link_event_free(reply);
    link_subscribe(lobby->link, "displays:screen.lobby-1");
    say(lobby, "displays:screen.lobby-1", 5);
    expect_message(lobby, "displays:screen.lobby-1", 5);
    link_free(lobby->link);
}

/* Another start without the server: still the same screen. */
static void script_paired_alone(Asking *asking)
{
    Lobby *lobby = lobby_of(asking);
    open_link(lobby);
    g_assert_cmpuint(strlen(link_key(lobby->link)), ==, 64);
    LinkEvent *status = next_event(lobby, LINK_STATUS);
    while (json_is_true(json_object_get(status->body, "online"))) {
        link_event_free(status);
        status = next_event(lobby, LINK_STATUS);
    }
    g_assert_cmpstr(json_string_value(json_object_get(status->body, "id")), ==, "lobby-1");
    g_assert_true(json_is_true(json_object_get(status->body, "paired")));
    link_event_free(status);
    (void)link_call(lobby->link, "GET /api/echo", NULL);
    LinkEvent *reply = next_event(lobby, LINK_REPLY);
    g_assert_cmpint(reply->status, ==, 0);
    link_event_free(reply);
    link_subscribe(lobby->link, "displays:screen.lobby-1");
    expect_message(lobby, "displays:screen.lobby-1", 5);
    link_free(lobby->link);
}

static void script_clock(Asking *asking)
{
    Lobby *lobby = lobby_of(asking);
    open_link(lobby);
    wait_status(lobby, true, false);
    LinkEvent *status = next_event(lobby, LINK_STATUS); /* the clock is known */
    link_event_free(status);
    int64_t ahead_us = house_now_us(NULL) - g_get_real_time();
    g_assert_true(ABS(link_offset_us(lobby->link) - ahead_us) < G_USEC_PER_SEC);
    link_free(lobby->link);
}

/* --- Files ------------------------------------------------------------------------------------ */

static void want_file(Lobby *lobby)
{
    g_autofree char *source = g_strconcat("sha256:", lobby->media.hash, NULL);
    const char *const sources[] = {"nonsense", source, NULL};
    link_want(lobby->link, sources);
}

static void expect_failure(Lobby *lobby, const char *reason)
{
    LinkEvent *event = next_event(lobby, LINK_FILE);
    g_assert_null(event->path);
    g_assert_cmpstr(json_string_value(json_object_get(event->body, "reason")), ==, reason);
    link_event_free(event);
}

static void expect_file(Lobby *lobby)
{
    g_autofree char *source = g_strconcat("sha256:", lobby->media.hash, NULL);
    g_autofree char *bytes = NULL;
    gsize size;
    LinkEvent *event = next_event(lobby, LINK_FILE);
    g_assert_nonnull(event->path);
    g_assert_cmpstr(event->channel, ==, source);
    g_assert_true(g_file_get_contents(event->path, &bytes, &size, NULL));
    g_assert_cmpmem(bytes, size, lobby->media.bytes, FILE_BYTES);
    g_autofree char *path = link_file(lobby->link, source);
    g_assert_cmpstr(path, ==, event->path);
    link_event_free(event);
}

static void script_file(Asking *asking)
{
    Lobby *lobby = lobby_of(asking);
    open_link(lobby);
    wait_status(lobby, true, false);
    want_file(lobby);
    expect_file(lobby);
    g_assert_cmpuint(lobby->media.answered, ==, 1);
    link_free(lobby->link);
}

static void script_wrong_file(Asking *asking)
{
    Lobby *lobby = lobby_of(asking);
    lobby->media.wrong_left = 1;
    open_link(lobby);
    wait_status(lobby, true, false);
    want_file(lobby);
    expect_failure(lobby, "hash");
    expect_file(lobby);
    g_assert_cmpuint(lobby->media.resumed, ==, 0); /* nothing of the wrong one was kept */
    link_free(lobby->link);
}

static void script_cut_file(Asking *asking)
{
    Lobby *lobby = lobby_of(asking);
    g_autofree char *part = g_strconcat(lobby->media.hash, ".part", NULL);
    g_autofree char *files = g_build_filename(lobby->display_folder, "files", NULL);
    g_autofree char *path = g_build_filename(files, part, NULL);
    /* As after a display that lost its power in the middle. */
    g_assert_cmpint(g_mkdir_with_parents(files, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, lobby->media.bytes, CUT_BYTES, NULL));
    open_link(lobby);
    wait_status(lobby, true, false);
    want_file(lobby);
    expect_file(lobby);
    g_assert_cmpuint(lobby->media.resumed, ==, 1);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    link_free(lobby->link);
}

/* An answer that ends early is not the file, whether or not its length was announced. */
static void script_short_file(Asking *asking)
{
    Lobby *lobby = lobby_of(asking);
    lobby->media.cut_left = 1;
    lobby->media.missing_left = 1;
    open_link(lobby);
    wait_status(lobby, true, false);
    want_file(lobby);
    expect_failure(lobby, "missing");
    LinkEvent *event = next_event(lobby, LINK_FILE);
    g_assert_null(event->path);
    link_event_free(event);
    expect_file(lobby);
    link_free(lobby->link);
}

static void script_address(Asking *asking)
{
    Lobby *lobby = lobby_of(asking);
    static const char *const bad[] = {"", "library.local", "ftp://library.local", "http://"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        LinkOptions options = {.server = bad[i],
                               .data_folder = lobby->display_folder,
                               .on_event = on_event,
                               .data = lobby};
        g_assert_null(link_new(&options, channels, &error));
        g_assert_nonnull(error);
    }
}

static void test_messages(void)
{
    run(script_messages);
}

static void test_restart(void)
{
    static const Step steps[] = {
        {.script = script_before_restart},
        {.script = script_while_away, .is_down = true},
        {.script = script_after_restart},
    };
    run_steps(steps, G_N_ELEMENTS(steps));
}

static void test_pairing(void)
{
    static const Step steps[] = {
        {.script = script_pairing},
        {.script = script_paired_alone, .is_down = true},
    };
    run_steps(steps, G_N_ELEMENTS(steps));
}

static void test_clock(void)
{
    run(script_clock);
}

static void test_file(void)
{
    run(script_file);
}

static void test_wrong_file(void)
{
    run(script_wrong_file);
}

static void test_cut_file(void)
{
    run(script_cut_file);
}

static void test_short_file(void)
{
    run(script_short_file);
}

static void test_address(void)
{
    run(script_address);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL); /* warnings are part of it */
    g_test_add_func("/link/address", test_address);
    g_test_add_func("/link/messages", test_messages);
    g_test_add_func("/link/restart", test_restart);
    g_test_add_func("/link/pairing", test_pairing);
    g_test_add_func("/link/clock", test_clock);
    g_test_add_func("/link/file", test_file);
    g_test_add_func("/link/wrong-file", test_wrong_file);
    g_test_add_func("/link/cut-file", test_cut_file);
    g_test_add_func("/link/short-file", test_short_file);
    return g_test_run();
}
