/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The live connection of a display: prove who it is, connect, subscribe, resume; and again, for
 * ever. While there is no server it is one timer that fires twice a minute.
 *
 * A key that the server does not know (yet) is refused with close code 3500; then the link connects
 * as a stranger, sees public channels and may ask to be paired. Every new connection tries the key
 * first. */
#include "core/link_private.h"

#include "core/limits.h"
#include "core/link_protocol.h"

#include <netinet/in.h>
#include <string.h>

#define RETRY_FIRST_MS   500 /* full jitter: random(0, min(30 s, 0.5 s * 2^n)) */
#define RETRY_MAX_MS     30000
#define RETRY_DOUBLINGS  6
#define PONG_GRACE       10 /* seconds after a ping was due */
#define PING_SECONDS     25
#define CALL_SECONDS     30
#define TIME_SAMPLES     5   /* at each connect */
#define TIME_EVERY       10  /* seconds, afterwards */
#define STRANGER_SECONDS 300 /* so long, then the key is tried again */
#define CLOCK_CHANGE_US  5000
#define CHALLENGE_BYTES  4096
#define WRITE_AFTER_MS   1000
#define CODE_TOKEN       3500
#define CODE_SHUTDOWN    3001
#define CODE_RESUBSCRIBE 2500
#define SIGNED_PREFIX    "serambi-display:"

typedef enum { REQUEST_CONNECT = 1, REQUEST_SUBSCRIBE, REQUEST_TIME, REQUEST_CALL } RequestKind;

typedef struct {
    RequestKind kind;
    char *channel;
    uint64_t call;
    int64_t sent_us; /* monotonic */
} LinkRequest;

static void request_free(LinkRequest *request)
{
    g_free(request->channel);
    g_free(request);
}

static LinkRequest *new_request(Link *link, RequestKind kind, uint32_t *ret_id)
{
    LinkRequest *request = g_new0(LinkRequest, 1);
    request->kind = kind;
    request->sent_us = g_get_monotonic_time();
    *ret_id = ++link->last_request;
    g_hash_table_insert(link->requests, GUINT_TO_POINTER(*ret_id), request);
    return request;
}

static void send_text(Link *link, char *text)
{
    g_autofree char *taken = text;
    dial_send(link->socket, taken, strlen(taken));
}

/* --- Again and again -------------------------------------------------------------------------- */

static void begin(Link *link);

static void on_retry(uv_timer_t *timer)
{
    begin(timer->data);
}

static void retry_in(Link *link, int64_t most_ms)
{
    int64_t delay_ms = most_ms > 0 ? g_random_int_range(0, (gint32)most_ms + 1) : 0;
    uv_timer_start(&link->retry, on_retry, (uint64_t)delay_ms, 0);
}

static void retry_later(Link *link)
{
    int64_t most_ms = (int64_t)RETRY_FIRST_MS << MIN(link->attempts, RETRY_DOUBLINGS);
    link->attempts++;
    retry_in(link, MIN(most_ms, RETRY_MAX_MS));
}

void session_again(Link *link)
{
    link->is_without_token = false;
    link->attempts = 0;
    if (link->socket != NULL) {
        link->is_again_at_once = true;
        dial_hang_up(link->socket);
    } else if (link->challenge == NULL) {
        retry_in(link, 0);
    }
}

/* --- Clock ------------------------------------------------------------------------------------ */

static void ask_time(Link *link)
{
    uint32_t id;
    (void)new_request(link, REQUEST_TIME, &id);
    link->asked_time_us = g_get_monotonic_time();
    send_text(link, link_protocol_rpc(id, "time", json_object()));
}

/* Keeps the time if nothing better is known. True: the clock changed by more than a little. */
static bool take_time(Link *link, const LinkTime *fresh)
{
    g_mutex_lock(&link->mutex);
    LinkTime *known = &link->time;
    bool is_same_clock = known->is_known && known->epoch == fresh->epoch;
    bool is_better = !is_same_clock || link_time_error_us(fresh, fresh->answered_us) <=
                                           link_time_error_us(known, fresh->answered_us);
    int64_t change_us = fresh->offset_us - known->offset_us;
    bool is_news = !known->is_known || (is_better && ABS(change_us) > CLOCK_CHANGE_US);
    uint64_t epochs = known->epochs + (known->is_known && !is_same_clock ? 1 : 0);
    if (is_better) {
        *known = *fresh;
        known->epochs = epochs;
    }
    g_mutex_unlock(&link->mutex);
    return is_news;
}

/* The server's clock port is that of the machine the link really reached. */
static void aim_clock(Link *link, json_int_t port)
{
    struct sockaddr_storage peer;
    socklen_t size = link->socket != NULL ? dial_peer(link->socket, &peer) : 0;
    if (port <= 0 || port > UINT16_MAX ||
        (size != sizeof(struct sockaddr_in) && size != sizeof(struct sockaddr_in6))) {
        clock_asker_rest(link->asker);
        return;
    }
    in_port_t *at = peer.ss_family == AF_INET6 ? &((struct sockaddr_in6 *)&peer)->sin6_port
                                               : &((struct sockaddr_in *)&peer)->sin_port;
    *at = htons((uint16_t)port);
    clock_asker_aim(link->asker, (const struct sockaddr *)&peer, size);
}

static void on_time(Link *link, const LinkRequest *request, const json_t *result)
{
    json_int_t server_us, epoch = 0, port = 0;
    int64_t now_us = g_get_monotonic_time();
    if (json_unpack((json_t *)result, "{s:{s:I, s?I, s?I}}", "data", "now_us", &server_us, "epoch",
                    &epoch, "port", &port) != 0) {
        return;
    }
    LinkTime fresh = {.is_known = true,
                      .epoch = epoch,
                      .offset_us = server_us - (request->sent_us + now_us) / 2,
                      .round_us = now_us - request->sent_us,
                      .answered_us = now_us};
    aim_clock(link, port);
    if (take_time(link, &fresh)) {
        link_emit_status(link);
    }
    if (++link->time_samples < TIME_SAMPLES) {
        ask_time(link);
    }
}

/* --- Channels --------------------------------------------------------------------------------- */

static void subscribe(Link *link, LinkChannel *channel)
{
    uint32_t id;
    LinkRequest *request = new_request(link, REQUEST_SUBSCRIBE, &id);
    request->channel = g_strdup(channel->name);
    channel->is_asked = true;
    channel->is_subscribed = false;
    send_text(link, link_protocol_subscribe(id, channel->name, channel->epoch != NULL,
                                            channel->epoch, channel->offset));
}

void session_join(Link *link, const char *name)
{
    if (g_hash_table_contains(link->channels, name)) {
        return;
    }
    LinkChannel *channel = g_new0(LinkChannel, 1);
    channel->name = g_strdup(name);
    g_hash_table_insert(link->channels, channel->name, channel);
    const RememberedValue *value = remembered_get(link->remembered, name);
    if (value != NULL) {
        channel->epoch = g_strdup(value->epoch);
        channel->offset = value->offset;
        channel->is_state = true;
        link_emit(link, LINK_MESSAGE, name, json_incref(value->body));
    }
    if (link->is_online) {
        subscribe(link, channel);
    }
}

static void on_writer(uv_timer_t *timer)
{
    Link *link = timer->data;
    remembered_write(link->remembered);
}

/* A gap in a feed cannot happen; should it, a new connection recovers what is missing. */
static void accept_publication(Link *link, LinkChannel *channel, json_t *data, uint64_t offset)
{
    if (offset <= channel->offset) {
        return;
    }
    if (!channel->is_state && offset != channel->offset + 1) {
        g_warning("'%s' went from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT ", connecting again",
                  channel->name, channel->offset, offset);
        session_again(link);
        return;
    }
    channel->offset = offset;
    if (channel->is_state) {
        remembered_put(link->remembered, channel->name, channel->epoch, offset, data);
        if (!uv_is_active((uv_handle_t *)&link->writer)) {
            uv_timer_start(&link->writer, on_writer, WRITE_AFTER_MS, 0);
        }
    }
    link_emit(link, LINK_MESSAGE, channel->name, json_incref(data));
}

static void on_subscribed(Link *link, const LinkRequest *request, json_t *result)
{
    LinkChannel *channel = g_hash_table_lookup(link->channels, request->channel);
    const char *epoch = "", *kind = "";
    json_int_t offset = 0;
    int recovered = 0;
    json_t *publications = NULL;
    if (channel == NULL ||
        json_unpack(result, "{s:s, s:I, s?b, s?o, s?{s?s}}", "epoch", &epoch, "offset", &offset,
                    "recovered", &recovered, "publications", &publications, "data", "kind",
                    &kind) != 0 ||
        offset < 0) {
        return;
    }
    channel->is_subscribed = true;
    channel->is_asked = false;
    channel->is_state = g_str_equal(kind, "state");
    bool is_same_epoch = channel->epoch != NULL && g_str_equal(channel->epoch, epoch);
    if (!is_same_epoch) {
        g_free(channel->epoch);
        channel->epoch = g_strdup(epoch);
        channel->offset = 0;
    }
    if (!channel->is_state && (!is_same_epoch || !recovered)) {
        channel->offset = (uint64_t)offset;
    }
    size_t i;
    json_t *publication;
    json_array_foreach(publications, i, publication)
    {
        json_int_t at;
        json_t *data;
        if (json_unpack(publication, "{s:o, s:I}", "data", &data, "offset", &at) == 0 && at > 0) {
            accept_publication(link, channel, data, (uint64_t)at);
        }
    }
}

/* --- Calls ------------------------------------------------------------------------------------ */

void session_call(Link *link, uint64_t call, const char *method, json_t *body)
{
    if (!link->is_online) {
        json_decref(body);
        link_emit_reply(link, call, 0, NULL);
        return;
    }
    uint32_t id;
    LinkRequest *request = new_request(link, REQUEST_CALL, &id);
    request->call = call;
    size_t most = link->is_paired ? LIMIT_WS_MESSAGE_STAFF : LIMIT_WS_MESSAGE_PUBLIC;
    char *text = link_protocol_rpc(id, method, body);
    if (strlen(text) > most) {
        g_free(text);
        g_hash_table_remove(link->requests, GUINT_TO_POINTER(id));
        request_free(request);
        link_emit_reply(link, call, 413, NULL);
        return;
    }
    send_text(link, text);
}

static void on_call_reply(Link *link, const LinkRequest *request, const json_t *result)
{
    int status = 500;
    json_t *body = NULL;
    (void)json_unpack((json_t *)result, "{s:{s:i, s?o}}", "data", "status", &status, "body", &body);
    link_emit_reply(link, request->call, status, json_is_null(body) ? NULL : json_incref(body));
}

static int status_of_code(int code)
{
    switch (code) {
    case 103:
        return 403;
    case 104:
        return 404;
    case 107:
        return 400;
    case 111:
        return 429;
    default:
        return 500;
    }
}

/* --- Messages --------------------------------------------------------------------------------- */

static void set_paired(Link *link, const char *role, const char *name)
{
    bool is_display = g_str_equal(role, "display");
    const char *id = is_display ? name : "";
    if (!is_display && !link->is_without_token) {
        return;
    }
    link->is_paired = is_display;
    if (g_strcmp0(id, link->id != NULL ? link->id : "") != 0) {
        g_free(link->id);
        link->id = g_strdup(id);
        link_save_id(link);
    }
}

static void on_second(uv_timer_t *timer);

static void on_connected(Link *link, json_t *result)
{
    const char *role = "public", *name = "";
    json_int_t spread_ms = RETRY_FIRST_MS, ping_seconds = PING_SECONDS;
    (void)json_unpack(result, "{s?I, s?{s?s, s?s, s?I}}", "ping", &ping_seconds, "data", "role",
                      &role, "name", &name, "spread_ms", &spread_ms);
    link->spread_ms = CLAMP(spread_ms, RETRY_FIRST_MS, RETRY_MAX_MS);
    link->ping_seconds = CLAMP(ping_seconds, 1, 600);
    set_paired(link, role, name);
    link->is_online = true;
    link->since_us = g_get_real_time();
    link->connected_us = g_get_monotonic_time();
    link->attempts = 0;
    link->time_samples = 0;
    link_emit_status(link);
    GHashTableIter iterator;
    void *channel;
    g_hash_table_iter_init(&iterator, link->channels);
    while (g_hash_table_iter_next(&iterator, NULL, &channel)) {
        subscribe(link, channel);
    }
    ask_time(link);
    uv_timer_start(&link->second, on_second, 1000, 1000);
    files_pump(link);
}

static LinkRequest *take_request(Link *link, uint32_t id)
{
    void *request = NULL;
    g_hash_table_steal_extended(link->requests, GUINT_TO_POINTER(id), NULL, &request);
    return request;
}

static void on_reply(Link *link, const LinkProtocolMessage *message)
{
    LinkRequest *request = take_request(link, message->id);
    if (request == NULL) {
        return; /* it came too late */
    }
    switch (request->kind) {
    case REQUEST_CONNECT:
        on_connected(link, message->result);
        break;
    case REQUEST_SUBSCRIBE:
        on_subscribed(link, request, message->result);
        break;
    case REQUEST_TIME:
        on_time(link, request, message->result);
        break;
    case REQUEST_CALL:
        on_call_reply(link, request, message->result);
        break;
    }
    request_free(request);
}

static void on_error(Link *link, const LinkProtocolMessage *message)
{
    LinkRequest *request = take_request(link, message->id);
    if (request == NULL) {
        return;
    }
    LinkChannel *channel =
        request->channel == NULL ? NULL : g_hash_table_lookup(link->channels, request->channel);
    if (request->kind == REQUEST_CONNECT) {
        dial_hang_up(link->socket);
    } else if (request->kind == REQUEST_CALL) {
        link_emit_reply(link, request->call, status_of_code(message->code), NULL);
    } else if (channel != NULL && message->is_temporary) {
        channel->is_asked = false; /* the next second asks again */
    }
    request_free(request);
}

static void on_message(void *data, const char *text, size_t size)
{
    Link *link = data;
    link->heard_us = g_get_monotonic_time();
    for (;;) {
        LinkProtocolMessage message;
        g_autoptr(GError) error = NULL;
        if (!link_protocol_next(&text, &size, &message, &error)) {
            g_warning("%s, connecting again", error->message);
            dial_hang_up(link->socket);
            return;
        }
        LinkChannel *channel =
            message.channel == NULL ? NULL : g_hash_table_lookup(link->channels, message.channel);
        switch (message.kind) {
        case LINK_PROTOCOL_PING:
            dial_send(link->socket, "{}", 2);
            break;
        case LINK_PROTOCOL_REPLY:
            on_reply(link, &message);
            break;
        case LINK_PROTOCOL_ERROR:
            on_error(link, &message);
            break;
        case LINK_PROTOCOL_PUBLICATION:
            if (channel != NULL && channel->is_subscribed) {
                accept_publication(link, channel, message.result, message.offset);
            }
            break;
        case LINK_PROTOCOL_UNSUBSCRIBE:
            if (channel != NULL && message.code >= CODE_RESUBSCRIBE) {
                subscribe(link, channel);
            }
            break;
        case LINK_PROTOCOL_DISCONNECT:
            dial_hang_up(link->socket);
            break;
        case LINK_PROTOCOL_OTHER:
            break;
        default:
            return; /* the end of the message */
        }
        link_protocol_clear(&message);
    }
}

/* --- Once a second while connected ------------------------------------------------------------ */

static void give_up_old_calls(Link *link, int64_t before_us)
{
    GHashTableIter iterator;
    void *value;
    g_hash_table_iter_init(&iterator, link->requests);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        LinkRequest *request = value;
        if (request->kind == REQUEST_CALL && request->sent_us < before_us) {
            link_emit_reply(link, request->call, 0, NULL);
            g_hash_table_iter_remove(&iterator);
            request_free(request);
        }
    }
}

static void on_second(uv_timer_t *timer)
{
    Link *link = timer->data;
    int64_t now_us = g_get_monotonic_time();
    if (now_us - link->heard_us > (link->ping_seconds + PONG_GRACE) * G_USEC_PER_SEC) {
        dial_hang_up(link->socket);
        return;
    }
    bool is_refused = link->is_without_token && !link->is_paired;
    if (is_refused && now_us - link->connected_us > STRANGER_SECONDS * G_USEC_PER_SEC) {
        session_again(link);
        return;
    }
    give_up_old_calls(link, now_us - CALL_SECONDS * G_USEC_PER_SEC);
    GHashTableIter iterator;
    void *value;
    g_hash_table_iter_init(&iterator, link->channels);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        LinkChannel *channel = value;
        if (!channel->is_subscribed && !channel->is_asked) {
            subscribe(link, channel);
        }
    }
    if (now_us - link->asked_time_us > TIME_EVERY * G_USEC_PER_SEC) {
        ask_time(link);
    }
    files_pump(link);
}

/* --- Connecting ------------------------------------------------------------------------------- */

static void on_opened(void *data)
{
    Link *link = data;
    uint32_t id;
    link->heard_us = g_get_monotonic_time();
    (void)new_request(link, REQUEST_CONNECT, &id);
    send_text(link, link_protocol_connect(id, link->token));
}

static void forget_requests(Link *link)
{
    GHashTableIter iterator;
    void *value;
    g_hash_table_iter_init(&iterator, link->requests);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        LinkRequest *request = value;
        if (request->kind == REQUEST_CALL && !link->is_stopping) {
            link_emit_reply(link, request->call, 0, NULL);
        }
        g_hash_table_iter_remove(&iterator);
        request_free(request);
    }
}

static void on_closed(void *data, uint16_t code)
{
    Link *link = data;
    bool was_online = link->is_online, was_refused = code == CODE_TOKEN && link->token != NULL;
    link->socket = NULL;
    link->is_online = false;
    uv_timer_stop(&link->second);
    forget_requests(link);
    GHashTableIter iterator;
    void *value;
    g_hash_table_iter_init(&iterator, link->channels);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        ((LinkChannel *)value)->is_subscribed = ((LinkChannel *)value)->is_asked = false;
    }
    link->is_without_token = was_refused;
    if (was_online) {
        link->since_us = g_get_real_time();
        link_emit_status(link);
    }
    if (link->is_again_at_once || was_refused) {
        link->is_again_at_once = false;
        retry_in(link, 0);
    } else if (code == CODE_SHUTDOWN) {
        retry_in(link, link->spread_ms);
    } else {
        retry_later(link);
    }
}

static void dial_server(Link *link)
{
    static const DialSocketHandler handler = {
        .opened = on_opened, .message = on_message, .closed = on_closed};
    link->socket = dial_websocket(link->dial, "/connection/websocket", &handler, link);
}

static bool on_challenge_status(void *data, int status, int64_t from, int64_t size)
{
    return status == 200;
}

static bool on_challenge_bytes(void *data, const void *bytes, size_t size)
{
    Link *link = data;
    g_byte_array_append(link->challenge_body, bytes, (guint)size);
    return link->challenge_body->len <= CHALLENGE_BYTES;
}

/* "display.<key>.<nonce>.<signature>", see access.h. */
static char *make_token(const Link *link, const char *nonce)
{
    g_autofree char *text = g_strconcat(SIGNED_PREFIX, nonce, NULL);
    uint8_t signature[crypto_sign_BYTES];
    char hex[sizeof signature * 2 + 1];
    crypto_sign_detached(signature, NULL, (const uint8_t *)text, strlen(text), link->secret_key);
    sodium_bin2hex(hex, sizeof hex, signature, sizeof signature);
    return g_strdup_printf("display.%s.%s.%s", link->key, nonce, hex);
}

static void on_challenge_end(void *data, bool is_complete)
{
    Link *link = data;
    link->challenge = NULL;
    json_auto_t *body =
        json_loadb((const char *)link->challenge_body->data, link->challenge_body->len, 0, NULL);
    const char *nonce = json_string_value(json_object_get(body, "nonce"));
    if (!is_complete || nonce == NULL) {
        retry_later(link);
        return;
    }
    link->token = make_token(link, nonce);
    dial_server(link);
}

static void begin(Link *link)
{
    static const DialFetchHandler handler = {
        .status = on_challenge_status, .bytes = on_challenge_bytes, .end = on_challenge_end};
    g_clear_pointer(&link->token, g_free);
    if (link->is_without_token) {
        dial_server(link);
        return;
    }
    g_byte_array_set_size(link->challenge_body, 0);
    link->challenge = dial_fetch(link->dial, "POST", "/api/challenge", 0, &handler, link);
}

void session_start(Link *link)
{
    retry_in(link, 0);
}

void session_stop(Link *link)
{
    link->socket = link->challenge = NULL;
    forget_requests(link);
}
