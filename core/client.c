/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Sessions over /connection/websocket: commands in, replies out; the channels' own bytes pass by
 * (reader.c).
 *
 * All replies to one message leave in one frame, before any push, because pushes leave from the
 * loop's idle phase. What can strand a client of the usual SDK: a connect error that is neither
 * temporary nor 109, and close codes 3500 to 3999; so these are only given where coming back is of
 * no use. */
#include "core/client_private.h"

#include "core/frame.h"
#include "core/greeting.h"
#include "core/limits.h"
#include "core/metrics.h"
#include "core/plugin.h"
#include "core/wish.h"

#include <string.h>

#define FLUSH_BYTES     LIMIT_WRITE_CHUNK_BYTES
#define OUT_BYTES       1024
#define SPARE_BYTES     (2 * FLUSH_BYTES)
#define PATIENCE_FACTOR 2 /* so many budgets of refused commands, then the connection goes */
#define BUDGET          (LIMIT_CLIENT_CHANNELS + LIMIT_WS_COMMANDS_SECOND)

/* With which a stranger is turned away before he is a client. */
static const int statuses[] = {400, 401, 403, 404, 405, 429, 503};

typedef struct {
    Clients *clients;
    Socket *socket;
    LiveReader *reader;
    Peer *peer;
    const Identity *identity; /* its own, but for `nobody` */
    WheelSeat seat;
    GList *stranger;   /* its link while not connected */
    GPtrArray *calls;  /* Call, not yet answered; NULL: none */
    GString *out;      /* replies of the message at hand; NULL: none */
    int64_t opened_us; /* monotonic */
    int64_t budget_us; /* when the budget was last counted */
    int budget;        /* commands that may still come */
    bool is_connected, is_closing, is_receiving, awaits_pong, was_spared;
} Client;

/* Ten thousand phones share it. */
static const Identity nobody = {.role = SERAMBI_PUBLIC};

typedef struct {
    Client *client; /* NULL: it left */
    uint32_t id;
} Call;

/* --- The wheel: one timer for everybody ------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
    clients_turn(timer->data, g_get_monotonic_time());
}

void wheel_join(Wheel *wheel, WheelSeat *seat)
{
    if (wheel->seats++ == 0) {
        uv_timer_start(wheel->timer, on_tick, WHEEL_TICK_MS, WHEEL_TICK_MS);
    }
    /* Seats fill slot after slot, hence evenly, whenever people come. */
    seat->slot = wheel->given++ % WHEEL_SLOTS;
    GPtrArray *slot = wheel->slots[seat->slot];
    seat->position = slot->len;
    g_ptr_array_add(slot, seat);
}

void wheel_leave(Wheel *wheel, WheelSeat *seat)
{
    GPtrArray *slot = wheel->slots[seat->slot];
    if (--wheel->seats == 0) {
        uv_timer_stop(wheel->timer);
    }
    g_ptr_array_remove_index_fast(slot, seat->position);
    if (seat->position < slot->len) {
        ((WheelSeat *)g_ptr_array_index(slot, seat->position))->position = seat->position;
    }
}

static void turn_wheel(Wheel *wheel)
{
    const GPtrArray *slot = wheel->slots[wheel->hand++ % WHEEL_SLOTS];
    for (guint i = 0; i < slot->len; i++) {
        const WheelSeat *seat = g_ptr_array_index(slot, i);
        seat->on_turn(seat->owner);
    }
}

/* Without a word: a close code would tell an honest, slow client never to come back. */
static void send_strangers_away(Clients *clients, int64_t now_us)
{
    int64_t before_us = now_us - LIMIT_WS_CONNECT_SECONDS * G_USEC_PER_SEC;
    for (;;) {
        Client *client = g_queue_peek_head(&clients->strangers);
        if (client == NULL || client->opened_us > before_us) {
            return;
        }
        g_queue_delete_link(&clients->strangers, g_steal_pointer(&client->stranger));
        client->is_closing = true;
        tally_add(&clients->tally.disconnects, 3502, 1);
        socket_kill(client->socket);
    }
}

/* Everybody who is somebody; ten thousand phones are nobody and cost a glance each. */
static void check_all(Clients *clients)
{
    clients->changes = access_changes();
    for (guint i = 0; i < WHEEL_SLOTS; i++) {
        const GPtrArray *slot = clients->wheel.slots[i];
        for (guint j = 0; j < slot->len; j++) {
            const WheelSeat *seat = g_ptr_array_index(slot, j);
            seat->on_check(seat->owner);
        }
    }
}

void clients_turn(Clients *clients, int64_t now_us)
{
    live_beat(clients->live);
    turn_wheel(&clients->wheel);
    if (clients->wheel.hand % WHEEL_SLOTS == 0) {
        peers_tidy(clients->peers, now_us);
    }
    if (clients->changes != access_changes() ||
        now_us - clients->checked_us >= ACCESS_REMEMBER_SECONDS * G_USEC_PER_SEC) {
        clients->checked_us = now_us;
        check_all(clients);
    }
    send_strangers_away(clients, now_us);
}

/* --- Words shared with events.c --------------------------------------------------------------- */

int client_may_read(const Clients *clients, const Identity *identity, const char *channel)
{
    const LiveTopic *topic = live_find(clients->live, channel);
    if (topic == NULL) {
        return 102;
    }
    return access_allows(topic->readers, identity->role) ? 0 : 103;
}

static int error_code(const GError *error)
{
    if (error->domain != LIVE_ERROR) {
        return 100;
    }
    switch ((LiveError)error->code) {
    case LIVE_ERROR_UNKNOWN:
        return 102;
    case LIVE_ERROR_SUBSCRIBED:
        return 105;
    case LIVE_ERROR_LIMIT:
        return 106;
    case LIVE_ERROR_UNRECOVERABLE:
        return 112;
    case LIVE_ERROR_TOO_LARGE:
        return 107;
    }
    return 100;
}

/* --- Counting --------------------------------------------------------------------------------- */

static const struct {
    Recovery recovery;
    const char *text;
} recoveries[] = {
    {RECOVERY_KEPT, "kept"},
    {RECOVERY_EPOCH, "epoch"},
    {RECOVERY_FUTURE, "future"},
    {RECOVERY_GONE, "gone"},
};

static void count_recovery(Clients *clients, const LivePosition *position,
                           const LiveSubscribed *subscribed)
{
    Recovery recovery = RECOVERY_KEPT;
    if (!position->recover) {
        return;
    }
    if (g_strcmp0(position->epoch, subscribed->epoch) != 0) {
        recovery = RECOVERY_EPOCH;
    } else if (position->offset > subscribed->offset) {
        recovery = RECOVERY_FUTURE;
    } else if (!subscribed->recovered) {
        recovery = RECOVERY_GONE;
    }
    tally_add(&clients->tally.recoveries, (int)recovery, 1);
}

int client_subscribe(Clients *clients, LiveReader *reader, Peer *peer, const char *channel,
                     const LivePosition *position, LiveSubscribed *ret_subscribed)
{
    g_autoptr(GError) error = NULL;
    int code = peers_refusal(clients->peers, peer, 1, g_get_monotonic_time());
    if (code != 0) {
        return code;
    }
    if (!live_subscribe(reader, channel, position, ret_subscribed, &error)) {
        return error_code(error);
    }
    peers_subscribed(clients->peers, peer);
    count_recovery(clients, position, ret_subscribed);
    return 0;
}

void client_unsubscribe(Clients *clients, LiveReader *reader, Peer *peer, const char *channel)
{
    if (live_unsubscribe(reader, channel)) {
        peers_unsubscribed(clients->peers, peer);
    }
}

static void on_close(uint16_t code, void *data)
{
    tally_add(&((Clients *)data)->tally.disconnects, code, 1);
}

/* All of them from the start: a rate needs the zero before the first. */
static void begin_tally(ClientsTally *tally)
{
    for (size_t i = 0; centrifuge_error_code(i) != 0; i++) {
        tally_add(&tally->errors, centrifuge_error_code(i), 0);
    }
    for (size_t i = 0; centrifuge_disconnect_code(i) != 0; i++) {
        tally_add(&tally->disconnects, centrifuge_disconnect_code(i), 0);
    }
    for (int method = CENTRIFUGE_CONNECT; method <= CENTRIFUGE_OTHER; method++) {
        tally_add(&tally->methods, method, 0);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(recoveries); i++) {
        tally_add(&tally->recoveries, (int)recoveries[i].recovery, 0);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++) {
        tally_add(&tally->refused, statuses[i], 0);
    }
}

static void write_codes(GString *out, const char *name, const char *label, const Tally *tally)
{
    for (int i = 0; i < tally->used; i++) {
        char code[16];
        g_snprintf(code, sizeof code, "%d", tally->codes[i]);
        metrics_sample(out, name, label, code, (double)tally->counts[i]);
    }
}

void clients_write_figures(const Clients *clients, GString *out)
{
    const ClientsTally *tally = &clients->tally;
    metrics_family(out, "serambi_live_errors", "Commands answered with an error, by its code.");
    write_codes(out, "serambi_live_errors", "code", &tally->errors);
    metrics_family(out, "serambi_live_disconnects", "Connections that we ended, by close code.");
    write_codes(out, "serambi_live_disconnects", "code", &tally->disconnects);
    metrics_family(out, "serambi_live_refused",
                   "Upgrades and event streams that were refused, by HTTP status.");
    write_codes(out, "serambi_live_refused", "status", &tally->refused);
    metrics_family(out, "serambi_live_commands", "Commands that came, by method.");
    for (int i = 0; i < tally->methods.used; i++) {
        metrics_sample(out, "serambi_live_commands", "method",
                       centrifuge_method_text((CentrifugeMethod)tally->methods.codes[i]),
                       (double)tally->methods.counts[i]);
    }
    metrics_family(out, "serambi_live_recoveries",
                   "Positions that clients came back with, by what became of them.");
    for (size_t i = 0; i < G_N_ELEMENTS(recoveries); i++) {
        metrics_sample(out, "serambi_live_recoveries", "result", recoveries[i].text,
                       (double)tally->recoveries.counts[i]);
    }
    metrics_gauge(out, "serambi_live_addresses",
                  "Addresses that listen, or did so much that they are remembered.",
                  (double)peers_known(clients->peers));
}

/* --- Replies ---------------------------------------------------------------------------------- */

static GString *out_of(Client *client)
{
    if (client->out == NULL) {
        client->out = g_steal_pointer(&client->clients->spare);
    }
    if (client->out == NULL) {
        client->out = g_string_sized_new(OUT_BYTES);
    }
    return client->out;
}

/* What a client has to reply lives for one message, so nearly always one buffer serves all. */
static void give_back(Client *client)
{
    GString *out = g_steal_pointer(&client->out);
    if (out != NULL && client->clients->spare == NULL && out->allocated_len <= SPARE_BYTES) {
        client->clients->spare = g_string_truncate(out, 0);
    } else if (out != NULL) {
        g_string_free(out, TRUE);
    }
}

static void flush(Client *client)
{
    if (client->out != NULL && client->out->len > 0) {
        uint8_t header[FRAME_HEADER_MAX];
        size_t size = frame_text_header(header, client->out->len);
        g_string_prepend_len(client->out, (const char *)header, (gssize)size);
        live_reader_write(client->reader, client->out->str, client->out->len);
    }
    give_back(client);
}

static void flush_if_long(Client *client)
{
    if (!client->is_receiving || (client->out != NULL && client->out->len >= FLUSH_BYTES)) {
        flush(client);
    }
}

static void reply(Client *client, uint32_t id, const char *name, json_t *result)
{
    centrifuge_reply(out_of(client), id, name, result);
    flush_if_long(client);
}

static void reply_error(Client *client, uint32_t id, int code)
{
    tally_add(&client->clients->tally.errors, code, 1);
    centrifuge_reply_error(out_of(client), id, code);
    flush_if_long(client);
}

static void close_client(Client *client, uint16_t code)
{
    if (!client->is_closing) {
        flush(client);
        client->is_closing = true;
        live_reader_close(client->reader, code, centrifuge_disconnect_text(code));
    }
}

static void on_turn(void *owner)
{
    static const uint8_t ping[] = {0x81, 0x02, '{', '}'};
    Client *client = owner;
    if (!client->is_connected || client->is_closing || live_reader_is_lagging(client->reader)) {
        return; /* who lags is minded by reader.c */
    }
    if (client->awaits_pong) {
        close_client(client, 3012);
        return;
    }
    /* Never twice in a row: it is the pong that tells whether the client still listens. */
    bool is_fresh = live_reader_quiet_beats(client->reader) < CLIENT_FRESH_BEATS;
    client->was_spared = is_fresh && !client->was_spared;
    if (client->was_spared) {
        return;
    }
    client->awaits_pong = true;
    live_reader_write(client->reader, ping, sizeof ping);
}

/* 3005 lets a client come back, as whoever it then is. */
static void on_check(void *owner)
{
    Client *client = owner;
    if (client->identity->role != SERAMBI_PUBLIC && !client->is_closing &&
        !access_is_current(client->clients->access, client->identity)) {
        close_client(client, 3005);
    }
}

/* --- Commands --------------------------------------------------------------------------------- */

static void set_identity(Client *client, const Identity *identity)
{
    if (client->identity != &nobody) {
        g_free((Identity *)client->identity);
    }
    bool is_nobody = identity->role == SERAMBI_PUBLIC && identity->session == 0;
    client->identity = is_nobody ? &nobody : g_memdup2(identity, sizeof *identity);
}

static bool identify(Client *client, const CentrifugeCommand *command)
{
    g_autoptr(GError) error = NULL;
    Identity identity = {0};
    if (command->token[0] == '\0') {
        return true;
    }
    if (access_identify_token(client->clients->access, command->token, &identity, &error)) {
        set_identity(client, &identity);
        return true;
    }
    if (g_error_matches(error, ACCESS_ERROR, ACCESS_ERROR_TOKEN)) {
        close_client(client, 3500);
    } else if (g_error_matches(error, ACCESS_ERROR, ACCESS_ERROR_EXPIRED)) {
        reply_error(client, command->id, 109); /* the client asks its owner for a new one */
    } else {
        reply_error(client, command->id, 111);
    }
    return false;
}

/* Nothing of it is left when this fails: the client may ask again. */
static bool greet(Client *client, const CentrifugeCommand *command)
{
    Clients *clients = client->clients;
    g_autoptr(GArray) wishes = g_array_new(FALSE, FALSE, sizeof(Wish));
    g_auto(GStrv) given = NULL;
    g_autoptr(GString) subs = g_string_new("");
    if (!greeting_read_wishes(clients, client->identity, command->subs, wishes, &given)) {
        close_client(client, 3501);
        return false;
    }
    int code =
        greeting_subscribe(clients, client->reader, client->peer, client->identity, wishes, subs);
    if (code != 0) {
        /* Both are temporary: whatever was in the way, the client tries again. */
        reply_error(client, command->id, code == 106 || code == 111 ? 111 : 100);
        return false;
    }
    GString *out = out_of(client);
    centrifuge_begin(out, command->id, command->name);
    greeting_add_connected(out, clients, client->identity, subs->str, true);
    centrifuge_end(out);
    return true;
}

static void on_connect(Client *client, const CentrifugeCommand *command)
{
    if (client->is_connected) {
        close_client(client, 3501);
        return;
    }
    if (!identify(client, command) || !greet(client, command)) {
        return;
    }
    client->is_connected = true;
    if (client->stranger != NULL) {
        g_queue_delete_link(&client->clients->strangers, g_steal_pointer(&client->stranger));
    }
    if (client->identity->role != SERAMBI_PUBLIC) {
        socket_set_max_message(client->socket, LIMIT_WS_MESSAGE_STAFF);
        live_reader_put_first(client->reader);
    }
    flush_if_long(client);
}

static void on_subscribe(Client *client, const CentrifugeCommand *command)
{
    int code = client_may_read(client->clients, client->identity, command->channel);
    if (code == 0 && command->has_type) {
        code = 108;
    }
    LivePosition position = {
        .recover = command->recover, .epoch = command->epoch, .offset = command->offset};
    LiveSubscribed subscribed;
    if (code == 0) {
        code = client_subscribe(client->clients, client->reader, client->peer, command->channel,
                                &position, &subscribed);
    }
    if (code != 0) {
        reply_error(client, command->id, code);
        return;
    }
    bool wants_error = (command->flag & 2) != 0;
    if (wants_error && subscribed.was_recovering && !subscribed.recovered) {
        client_unsubscribe(client->clients, client->reader, client->peer, command->channel);
        reply_error(client, command->id, 112);
        return;
    }
    GString *out = out_of(client);
    centrifuge_begin(out, command->id, command->name);
    greeting_add_subscribed(out, &subscribed);
    centrifuge_end(out);
    flush_if_long(client);
}

static void on_unsubscribe(Client *client, const CentrifugeCommand *command)
{
    /* Twice is fine. */
    client_unsubscribe(client->clients, client->reader, client->peer, command->channel);
    reply(client, command->id, command->name, json_object());
}

static void on_history(Client *client, const CentrifugeCommand *command)
{
    int code = client_may_read(client->clients, client->identity, command->channel);
    if (code != 0) {
        reply_error(client, command->id, code);
        return;
    }
    LivePosition since = {.epoch = command->epoch, .offset = command->offset};
    g_autoptr(GError) error = NULL;
    json_t *history = live_history(client->clients->live, command->channel, command->limit,
                                   command->has_since ? &since : NULL, command->reverse, &error);
    if (history == NULL) {
        reply_error(client, command->id, error_code(error));
        return;
    }
    reply(client, command->id, command->name, history);
}

static void on_presence_stats(Client *client, const CentrifugeCommand *command)
{
    int code = client_may_read(client->clients, client->identity, command->channel);
    if (code != 0) {
        reply_error(client, command->id, code);
        return;
    }
    /* Visitors have no names: every connection counts as a user. */
    json_int_t count = live_subscribers(client->clients->live, command->channel);
    reply(client, command->id, command->name,
          json_pack("{s:I, s:I}", "num_clients", count, "num_users", count));
}

static void on_call_reply(int status, const json_t *body, void *reply_data)
{
    Call *call = reply_data;
    Client *client = call->client;
    if (client != NULL) {
        g_ptr_array_remove_fast(client->calls, call);
        if (client->calls->len == 0) {
            g_clear_pointer(&client->calls, g_ptr_array_unref);
        }
        json_t *data = json_pack("{s:i, s:O?}", "status", status, "body", body);
        if (body == NULL) {
            json_object_set_new(data, "body", json_null());
        }
        reply(client, call->id, "rpc", json_pack("{s:o}", "data", data));
    }
    g_free(call);
}

int64_t clients_now_us(const Clients *clients)
{
    const ClientsCall *house = &clients->call;
    return house->now_us != NULL ? house->now_us(house->time_data) : g_get_real_time();
}

static void on_rpc(Client *client, const CentrifugeCommand *command)
{
    if (g_str_equal(command->call, "time")) {
        const ClientsCall *house = &client->clients->call;
        json_t *time = house->tell_time
                           ? house->tell_time(house->time_data)
                           : json_pack("{s:I}", "now_us", clients_now_us(client->clients));
        reply(client, command->id, command->name, json_pack("{s:o}", "data", time));
        return;
    }
    bool has_body = command->data != NULL && !json_is_null(command->data);
    if (strchr(command->call, ' ') == NULL) {
        reply_error(client, command->id, 104);
    } else if (has_body && !json_is_object(command->data)) {
        reply_error(client, command->id, 107);
    } else if (client->calls != NULL && client->calls->len >= LIMIT_CLIENT_CALLS) {
        reply_error(client, command->id, 111);
    } else {
        Call *call = g_new0(Call, 1);
        call->client = client;
        call->id = command->id;
        if (client->calls == NULL) {
            client->calls = g_ptr_array_new();
        }
        g_ptr_array_add(client->calls, call);
        const ClientsCall *calls = &client->clients->call;
        calls->call(calls->data, client->identity, socket_peer(client->socket), command->call,
                    has_body ? json_incref((json_t *)command->data) : json_object(), on_call_reply,
                    call);
    }
}

static void run_command(Client *client, const CentrifugeCommand *command)
{
    if (!client->is_connected && command->method != CENTRIFUGE_CONNECT) {
        close_client(client, 3501);
        return;
    }
    switch (command->method) {
    case CENTRIFUGE_CONNECT:
        on_connect(client, command);
        break;
    case CENTRIFUGE_SUBSCRIBE:
        on_subscribe(client, command);
        break;
    case CENTRIFUGE_UNSUBSCRIBE:
        on_unsubscribe(client, command);
        break;
    case CENTRIFUGE_PUBLISH: /* only plugins speak, inside a transaction */
        reply_error(client, command->id, 103);
        break;
    case CENTRIFUGE_PRESENCE_STATS:
        on_presence_stats(client, command);
        break;
    case CENTRIFUGE_HISTORY:
        on_history(client, command);
        break;
    case CENTRIFUGE_RPC:
        on_rpc(client, command);
        break;
    case CENTRIFUGE_PING:
        reply(client, command->id, command->name, json_object());
        break;
    case CENTRIFUGE_PONG:
        break;
    case CENTRIFUGE_OTHER:
        if (command->id != 0) {
            reply_error(client, command->id, 104);
        }
        break;
    }
}

/* A bucket: full at the start, so that an SDK can subscribe to all its channels in one message. */
static bool may_command(Client *client, const CentrifugeCommand *command)
{
    int64_t now_us = g_get_monotonic_time();
    int64_t earned = (now_us - client->budget_us) * LIMIT_WS_COMMANDS_SECOND / G_USEC_PER_SEC;
    if (earned > 0) {
        client->budget = (int)MIN(client->budget + earned, BUDGET);
        client->budget_us = now_us;
    }
    client->budget--;
    if (client->budget >= 0) {
        return true;
    }
    if (client->budget < -PATIENCE_FACTOR * BUDGET) {
        close_client(client, 3013);
    } else if (command->id != 0) {
        reply_error(client, command->id, 111);
    }
    return false;
}

static void receive(void *connection, const char *bytes, size_t size)
{
    Client *client = connection;
    client->awaits_pong = false;
    if (client->clients->changes != access_changes()) {
        check_all(client->clients);
    }
    client->is_receiving = true;
    while (!client->is_closing) {
        CentrifugeCommand command;
        g_autoptr(GError) error = NULL;
        if (!centrifuge_next(&bytes, &size, &command, &error)) {
            close_client(client, 3501);
            break;
        }
        if (command.method == 0) {
            break;
        }
        if (command.method != CENTRIFUGE_PONG) {
            tally_add(&client->clients->tally.methods, (int)command.method, 1);
        }
        if (may_command(client, &command)) {
            run_command(client, &command);
        }
        centrifuge_command_clear(&command);
    }
    client->is_receiving = false;
    flush(client);
}

/* --- Life ------------------------------------------------------------------------------------- */

static Client *new_client(Clients *clients, Socket *socket, Peer *peer, const Identity *identity)
{
    Client *client = g_new0(Client, 1);
    client->clients = clients;
    client->peer = peer;
    client->socket = socket;
    client->identity = &nobody;
    set_identity(client, identity);
    client->reader = live_reader_new(clients->live, socket, LIVE_WEBSOCKET);
    client->seat = (WheelSeat){.on_turn = on_turn, .on_check = on_check, .owner = client};
    wheel_join(&clients->wheel, &client->seat);
    client->opened_us = client->budget_us = g_get_monotonic_time();
    client->budget = BUDGET;
    g_queue_push_tail(&clients->strangers, client);
    client->stranger = g_queue_peek_tail_link(&clients->strangers);
    socket_set_max_message(socket, LIMIT_WS_MESSAGE_PUBLIC);
    return client;
}

static void *open_client(void *data, Socket *socket, HttpRequest *request, int *ret_status)
{
    Clients *clients = data;
    Identity identity = {0};
    int64_t now_us = g_get_monotonic_time();
    Peer *peer;
    if (!access_is_same_origin(request)) {
        *ret_status = 403;
    } else if (!access_identify(clients->access, request, &identity, NULL)) {
        *ret_status = 401;
    } else if ((peer = peers_enter(clients->peers, http_peer(request), now_us)) == NULL) {
        *ret_status = 429;
    } else {
        return new_client(clients, socket, peer, &identity);
    }
    tally_add(&clients->tally.refused, *ret_status, 1);
    return NULL;
}

static void refused(void *connection, uint16_t code)
{
    tally_add(&((Client *)connection)->clients->tally.disconnects, code, 1);
}

static void drained(void *connection)
{
    Client *client = connection;
    live_reader_drained(client->reader);
}

static void closed(void *connection)
{
    Client *client = connection;
    for (guint i = 0; client->calls != NULL && i < client->calls->len; i++) {
        ((Call *)g_ptr_array_index(client->calls, i))->client = NULL;
    }
    g_clear_pointer(&client->calls, g_ptr_array_unref);
    if (client->stranger != NULL) {
        g_queue_delete_link(&client->clients->strangers, client->stranger);
    }
    wheel_leave(&client->clients->wheel, &client->seat);
    peers_leave(client->clients->peers, client->peer, live_reader_channels(client->reader),
                g_get_monotonic_time());
    live_reader_free(client->reader);
    give_back(client);
    set_identity(client, &nobody);
    g_free(client);
}

Clients *clients_new(Live *live, Access *access, uv_loop_t *loop, const ClientsCall *call)
{
    Clients *clients = g_new0(Clients, 1);
    clients->live = live;
    clients->access = access;
    clients->call = *call;
    clients->changes = access_changes();
    clients->peers = peers_new();
    begin_tally(&clients->tally);
    live_on_close(live, on_close, clients);
    g_queue_init(&clients->strangers);
    for (guint i = 0; i < WHEEL_SLOTS; i++) {
        clients->wheel.slots[i] = g_ptr_array_new();
    }
    clients->wheel.timer = g_new0(uv_timer_t, 1);
    uv_timer_init(loop, clients->wheel.timer);
    clients->wheel.timer->data = clients;
    uv_unref((uv_handle_t *)clients->wheel.timer);
    return clients;
}

static void timer_closed(uv_handle_t *handle)
{
    g_free(handle);
}

void clients_free(Clients *clients)
{
    if (clients == NULL) {
        return;
    }
    live_on_close(clients->live, NULL, NULL);
    uv_close((uv_handle_t *)clients->wheel.timer, timer_closed);
    for (guint i = 0; i < WHEEL_SLOTS; i++) {
        g_assert(clients->wheel.slots[i]->len == 0);
        g_ptr_array_unref(clients->wheel.slots[i]);
    }
    peers_free(clients->peers);
    if (clients->spare != NULL) {
        g_string_free(clients->spare, TRUE);
    }
    g_free(clients);
}

void clients_mount(Clients *clients, Web *web)
{
    static const WebSocketRoute route = {
        .open = open_client,
        .handler = {.receive = receive, .drained = drained, .closed = closed, .refused = refused},
    };
    web_route_websocket(web, "/connection/websocket", &route, clients);
}
