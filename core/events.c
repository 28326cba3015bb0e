/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * /connection/uni_sse: live channels as server-sent events, one way, for curl, scripts and places
 * where WebSockets do not get through.
 *
 * The channels are the `subs` of a connect object: in the query as cf_connect, or the body of a
 * POST. A browser that lost the connection asks again with the same address and the id of the last
 * event, which holds where it was in every channel, in the order of their names. */
#include "core/client_private.h"

#include "core/greeting.h"
#include "core/limits.h"
#include "core/plugin.h"
#include "core/wish.h"

#include <string.h>

#define RETRY_MIN_MS 500
#define RETRY_MAX_MS 3000

typedef struct {
    Clients *clients;
    LiveReader *reader;
    Peer *peer;
    WheelSeat seat;
    Identity identity;
    bool is_closing;
} Events;

static void on_turn(void *owner)
{
    static const char ping[] = "data: {}\n\n";
    Events *events = owner;
    if (!live_reader_is_lagging(events->reader) &&
        live_reader_quiet_beats(events->reader) >= CLIENT_FRESH_BEATS) {
        live_reader_write(events->reader, ping, strlen(ping));
    }
}

static void on_check(void *owner)
{
    Events *events = owner;
    if (events->identity.role == SERAMBI_PUBLIC || events->is_closing ||
        access_is_current(events->clients->access, &events->identity)) {
        return;
    }
    events->is_closing = true;
    live_reader_close(events->reader, 3005, centrifuge_disconnect_text(3005));
}

static void drained(void *connection)
{
    Events *events = connection;
    live_reader_drained(events->reader);
}

static void closed(void *connection)
{
    Events *events = connection;
    wheel_leave(&events->clients->wheel, &events->seat);
    peers_leave(events->clients->peers, events->peer, live_reader_channels(events->reader),
                g_get_monotonic_time());
    live_reader_free(events->reader);
    g_free(events);
}

static void refuse(Clients *clients, HttpRequest *request, int status, const char *code,
                   const char *message)
{
    tally_add(&clients->tally.refused, status, 1);
    http_reply_error(request, status, code, "%s", message);
}

static void refuse_for_now(Clients *clients, HttpRequest *request, int status)
{
    tally_add(&clients->tally.refused, status, 1);
    http_reply_later(request, status, "live.later", "too many are listening");
}

/* What somebody asked for he must be able to read: a browser can not see what was left out. */
static bool may_read_all(HttpRequest *request, Clients *clients, const Identity *identity,
                         const GArray *wishes)
{
    for (guint i = 0; i < wishes->len; i++) {
        const Wish *wish = &g_array_index(wishes, Wish, i);
        int code = client_may_read(clients, identity, wish->channel);
        if (code != 0) {
            refuse(clients, request, code == 102 ? 404 : 403, "live.channel",
                   centrifuge_error_text(code));
            return false;
        }
    }
    return true;
}

static void write_connect(Events *events, const char *subs)
{
    g_autoptr(GString) event = g_string_new("");
    g_autofree char *positions = live_reader_positions(events->reader);
    g_string_append_printf(event, "retry: %d\nid: %s\ndata: {\"connect\":",
                           g_random_int_range(RETRY_MIN_MS, RETRY_MAX_MS), positions);
    greeting_add_connected(event, events->clients, &events->identity, subs, false);
    g_string_append(event, "}\n\n");
    live_reader_write(events->reader, event->str, event->len);
}

static void begin(HttpRequest *request, Clients *clients, const Identity *identity,
                  const GArray *wishes)
{
    static const HttpHeader headers[] = {
        {"content-type", "text/event-stream"},
        {"cache-control", "no-store"},
        {"x-accel-buffering", "no"},
    };
    static const SocketHandler handler = {.drained = drained, .closed = closed};
    int64_t now_us = g_get_monotonic_time();
    Peer *peer = peers_enter(clients->peers, http_peer(request), now_us);
    if (peer == NULL) {
        refuse_for_now(clients, request, 429);
        return;
    }
    int code = peers_refusal(clients->peers, peer, wishes->len, now_us);
    if (code != 0) {
        peers_leave(clients->peers, peer, 0, now_us);
        refuse_for_now(clients, request, code == 111 ? 429 : 503);
        return;
    }
    Events *events = g_new0(Events, 1);
    Socket *socket = http_reply_stream(request, headers, G_N_ELEMENTS(headers), &handler, events);
    if (socket == NULL) {
        peers_leave(clients->peers, peer, 0, now_us);
        g_free(events);
        return;
    }
    events->clients = clients;
    events->peer = peer;
    events->reader = live_reader_new(clients->live, socket, LIVE_EVENTS);
    events->seat = (WheelSeat){.on_turn = on_turn, .on_check = on_check, .owner = events};
    events->identity = *identity;
    if (identity->role != SERAMBI_PUBLIC) {
        live_reader_put_first(events->reader);
    }
    wheel_join(&clients->wheel, &events->seat);
    g_autoptr(GString) subs = g_string_new("");
    if (greeting_subscribe(clients, events->reader, peer, identity, wishes, subs) == 0) {
        write_connect(events, subs->str);
    } else {
        live_reader_close(events->reader, 3004, centrifuge_disconnect_text(3004));
    }
}

static bool identify(HttpRequest *request, Clients *clients, const char *token,
                     Identity *ret_identity)
{
    g_autoptr(GError) error = NULL;
    bool is_known = token[0] != '\0'
                        ? access_identify_token(clients->access, token, ret_identity, &error)
                        : access_identify(clients->access, request, ret_identity, &error);
    if (!is_known) {
        refuse(clients, request, 401, "login.token", error->message);
    }
    return is_known;
}

static void answer(HttpRequest *request, const char *connect, size_t size, Clients *clients)
{
    g_autoptr(GError) error = NULL;
    CentrifugeCommand command;
    if (!centrifuge_connect(connect, size, &command, &error)) {
        refuse(clients, request, 400, "live.connect", error->message);
        return;
    }
    g_autoptr(GArray) wishes = g_array_new(FALSE, FALSE, sizeof(Wish));
    g_auto(GStrv) given = NULL;
    g_autofree char *epoch = NULL;
    Identity identity = {0};
    if (!identify(request, clients, command.token, &identity)) {
        centrifuge_command_clear(&command);
        return;
    }
    if (!greeting_read_wishes(clients, &identity, command.subs, wishes, &given) ||
        wishes->len == 0) {
        refuse(clients, request, 400, "live.connect",
               "subs names 1 to " G_STRINGIFY(LIMIT_CLIENT_CHANNELS) " channels");
    } else if (may_read_all(request, clients, &identity, wishes)) {
        wish_read_event_id(http_header(request, "last-event-id"), wishes, &epoch);
        begin(request, clients, &identity, wishes);
    }
    centrifuge_command_clear(&command);
}

static void collected(HttpRequest *request, GBytes *body, void *data)
{
    gsize size;
    const char *bytes = g_bytes_get_data(body, &size);
    answer(request, bytes == NULL ? "" : bytes, size, data);
}

static void handle(HttpRequest *request, void *data)
{
    const char *method = http_method(request);
    if (!access_is_same_origin(request)) {
        refuse(data, request, 403, "login.origin", "another site's page asked");
    } else if (g_str_equal(method, "POST")) {
        http_collect(request, LIMIT_WS_MESSAGE_PUBLIC, collected, data);
    } else if (!g_str_equal(method, "GET")) {
        refuse(data, request, 405, "http.method", "only GET and POST");
    } else {
        const char *connect = http_query(request, "cf_connect");
        if (connect == NULL) {
            refuse(data, request, 400, "live.connect", "cf_connect is missing");
        } else {
            answer(request, connect, strlen(connect), data);
        }
    }
}

void events_mount(Clients *clients, Web *web)
{
    web_route(web, "/connection/uni_sse", handle, clients);
}
