/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a handler may do with its request. Everything here only changes state and asks the
 * connection to settle, see connection.h. */
#include "core/http.h"
#include "core/connection.h"
#include "core/reply.h"
#include <string.h>
#include <unistd.h>

#define RETRY_AFTER_MIN_SECONDS 5
#define RETRY_AFTER_MAX_SECONDS 30

HttpRequest *http_request_new(Connection *connection)
{
    HttpRequest *request = g_new0(HttpRequest, 1);
    *request = (HttpRequest){.connection = connection, .body = BODY_WAITS};
    return request;
}

void http_request_free(HttpRequest *request)
{
    headers_clear(&request->headers);
    g_clear_pointer(&request->parameters, g_hash_table_unref);
    g_clear_pointer(&request->collected, g_byte_array_unref);
    g_free(request->peer);
    g_free(request->origin);
    g_free(request);
}

/* --- Reading ---------------------------------------------------------------------------------- */

const char *http_method(const HttpRequest *request)
{
    return request->headers.method;
}

const char *http_path(const HttpRequest *request)
{
    return request->headers.path;
}

const char *http_header(HttpRequest *request, const char *name)
{
    return headers_get(&request->headers, name);
}

int64_t http_body_size(const HttpRequest *request)
{
    return request->headers.content_length;
}

static GHashTable *parse_query(const char *query)
{
    GHashTable *parameters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) pairs = g_strsplit(query, "&", -1);
    for (char **pair = pairs; *pair != NULL; pair++) {
        const char *equals = strchr(*pair, '=');
        size_t name_size = equals == NULL ? strlen(*pair) : (size_t)(equals - *pair);
        const char *text = equals == NULL ? "" : equals + 1;
        g_autofree char *name = headers_decode(*pair, name_size, true);
        g_autofree char *value = headers_decode(text, strlen(text), true);
        if (name != NULL && value != NULL && !g_hash_table_contains(parameters, name)) {
            g_hash_table_insert(parameters, g_steal_pointer(&name), g_steal_pointer(&value));
        }
    }
    return parameters;
}

const char *http_query(HttpRequest *request, const char *name)
{
    if (request->parameters == NULL) {
        request->parameters = parse_query(request->headers.query);
    }
    return g_hash_table_lookup(request->parameters, name);
}

static bool is_from_proxy(const HttpRequest *request)
{
    return front_is_trusted_proxy(request->connection->front, request->connection->address);
}

/* The nearest address that no trusted proxy vouches for: read from the right. */
static char *find_peer(const HttpRequest *request)
{
    const char *forwarded = headers_get(&request->headers, "x-forwarded-for");
    if (forwarded == NULL || !is_from_proxy(request)) {
        return g_strdup(request->connection->address);
    }
    g_auto(GStrv) hops = g_strsplit(forwarded, ",", -1);
    for (guint i = g_strv_length(hops); i > 0; i--) {
        const char *hop = g_strstrip(hops[i - 1]);
        if (!front_is_trusted_proxy(request->connection->front, hop) || i == 1) {
            return g_strndup(hop, sizeof request->connection->address - 1);
        }
    }
    return g_strdup(request->connection->address);
}

const char *http_peer(const HttpRequest *request)
{
    HttpRequest *writable = (HttpRequest *)(uintptr_t)request; /* a cache, not a change */
    if (writable->peer == NULL) {
        writable->peer = find_peer(request);
    }
    return request->peer;
}

static bool is_secure(const HttpRequest *request)
{
    const char *scheme = headers_get(&request->headers, "x-forwarded-proto");
    return scheme != NULL && g_ascii_strcasecmp(scheme, "https") == 0 && is_from_proxy(request);
}

const char *http_address(const HttpRequest *request)
{
    return request->connection->address;
}

const char *http_origin(HttpRequest *request)
{
    if (request->origin == NULL) {
        request->origin = g_strconcat(is_secure(request) ? "https://" : "http://",
                                      headers_get(&request->headers, "host"), NULL);
    }
    return request->origin;
}

void http_on_gone(HttpRequest *request, void (*on_gone)(HttpRequest *request, void *data),
                  void *data)
{
    request->on_gone = on_gone;
    request->gone_data = data;
}

/* --- Body ------------------------------------------------------------------------------------- */

bool http_request_wants_body(const HttpRequest *request)
{
    return request->body_left > 0 && !request->is_paused && !request->closes_without_body &&
           (request->body == BODY_COLLECTS || request->body == BODY_STREAMS ||
            request->body == BODY_DISCARDS);
}

void http_request_feed(HttpRequest *request, const void *bytes, size_t size)
{
    request->body_left -= (int64_t)size;
    if (request->body == BODY_COLLECTS) {
        g_byte_array_append(request->collected, bytes, (guint)size);
    } else if (request->body == BODY_STREAMS) {
        request->stream.on_data(request, bytes, size, request->body_data);
    }
}

bool http_request_end_body(HttpRequest *request)
{
    if (request->body_left > 0 || request->is_paused) {
        return false;
    }
    BodyState before = request->body;
    if (before == BODY_COLLECTS) {
        request->body = BODY_ENDED;
        g_autoptr(GBytes) body = g_byte_array_free_to_bytes(g_steal_pointer(&request->collected));
        request->on_collected(request, body, request->body_data);
    } else if (before == BODY_STREAMS) {
        request->body = BODY_ENDED;
        request->stream.on_end(request, request->body_data);
    }
    return before == BODY_COLLECTS || before == BODY_STREAMS;
}

/* A client that asked whether it may send its body hears that it may (RFC 9110, 10.1.1). */
static void invite(HttpRequest *request)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (request->body_left > 0 && headers_get(&request->headers, "expect") != NULL) {
        outbox_add_bytes(&request->connection->outbox, g_bytes_new_static(text, strlen(text)));
    }
}

void http_collect(HttpRequest *request, size_t max_bytes,
                  void (*done)(HttpRequest *request, GBytes *body, void *data), void *data)
{
    g_return_if_fail(request->body == BODY_WAITS && !request->is_answered);
    if ((uint64_t)http_body_size(request) > max_bytes) {
        http_reply_error(request, 413, "request.large", "the body may have at most %zu bytes",
                         max_bytes);
        return;
    }
    request->body = BODY_COLLECTS;
    request->collected = g_byte_array_new();
    request->on_collected = done;
    request->body_data = data;
    invite(request);
    connection_settle_later(request->connection);
}

void http_stream(HttpRequest *request, const HttpStream *stream, void *data)
{
    g_return_if_fail(request->body == BODY_WAITS && !request->is_answered);
    request->body = BODY_STREAMS;
    request->stream = *stream;
    request->body_data = data;
    invite(request);
    connection_settle_later(request->connection);
}

void http_pause(HttpRequest *request, bool paused)
{
    request->is_paused = paused;
    connection_settle_later(request->connection);
}

void http_request_gone(HttpRequest *request)
{
    if (request->socket != NULL) {
        Socket *socket = g_steal_pointer(&request->socket);
        socket->handler.closed(socket->connection);
        g_free(socket->peer);
        g_free(socket);
    } else if (request->is_answered) {
        return;
    } else if (request->body == BODY_STREAMS) {
        request->stream.on_cut(request, request->body_data);
    } else if (request->on_gone != NULL) {
        request->on_gone(request, request->gone_data);
    }
}

/* --- Answers ---------------------------------------------------------------------------------- */

static bool is_head(const HttpRequest *request)
{
    return g_strcmp0(request->headers.method, "HEAD") == 0;
}

/* From here on the owner hears nothing more. What is left of the body is read and forgotten, or
 * too much for that: then the connection ends with the answer. */
static void begin_answer(HttpRequest *request)
{
    bool was_invited = request->body != BODY_WAITS;
    bool asked = headers_get(&request->headers, "expect") != NULL;
    request->is_answered = true;
    request->is_paused = false;
    request->on_gone = NULL;
    if (request->body_left > LIMIT_JSON_BODY_BYTES ||
        (request->body_left > 0 && asked && !was_invited)) {
        request->closes = request->closes_without_body = true;
    }
    request->body = BODY_DISCARDS;
    connection_settle_later(request->connection);
}

static Reply make_reply(const HttpRequest *request, int status, const HttpHeader *headers,
                        size_t count, int64_t length)
{
    bool has_no_length = status == 204 || status == 304;
    return (Reply){
        .status = status,
        .headers = headers,
        .count = count,
        .length = has_no_length ? -1 : length,
        .closes = request->closes,
        .is_secure = is_secure(request),
    };
}

void http_reply(HttpRequest *request, int status, const HttpHeader *headers, size_t count,
                GBytes *body)
{
    g_return_if_fail(!request->is_answered);
    begin_answer(request);
    Outbox *outbox = &request->connection->outbox;
    size_t size = body == NULL ? 0 : g_bytes_get_size(body);
    Reply reply = make_reply(request, status, headers, count, (int64_t)size);
    outbox_add_bytes(outbox, reply_head(&reply));
    if (size > 0 && !is_head(request) && reply.length >= 0) {
        outbox_add_bytes(outbox, g_bytes_ref(body));
    }
}

static void reply_json_text(HttpRequest *request, int status, json_t *body)
{
    HttpHeader headers[] = {
        {"Content-Type", "application/json"},
        {"Cache-Control", "no-store"},
    };
    char *text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
    g_autoptr(GBytes) bytes =
        text == NULL ? NULL : g_bytes_new_with_free_func(text, strlen(text), free, text);
    http_reply(request, status, headers, G_N_ELEMENTS(headers), bytes);
}

void http_reply_json(HttpRequest *request, int status, json_t *body)
{
    reply_json_text(request, status, body);
    json_decref(body);
}

void http_reply_error(HttpRequest *request, int status, const char *code, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    g_autofree char *message = g_strdup_vprintf(format, values);
    va_end(values);
    g_autofree char *valid = g_utf8_make_valid(message, -1);
    http_reply_json(request, status,
                    json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", valid));
}

static HttpHeader retry_after(char seconds[8])
{
    g_snprintf(seconds, 8, "%d",
               g_random_int_range(RETRY_AFTER_MIN_SECONDS, RETRY_AFTER_MAX_SECONDS + 1));
    return (HttpHeader){"retry-after", seconds};
}

void http_reply_later(HttpRequest *request, int status, const char *code, const char *message)
{
    char seconds[8];
    HttpHeader headers[] = {{"content-type", "application/json"}, retry_after(seconds)};
    json_auto_t *error = json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", message);
    g_autofree char *text = json_dumps(error, JSON_COMPACT);
    g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));
    http_reply(request, status, headers, G_N_ELEMENTS(headers), body);
}

void http_refuse(HttpRequest *request, int status)
{
    request->connection->front->counters.refused_total++;
    request->closes = true;
    request->closes_without_body = request->body_left > 0;
    bool is_for_now = status == 429 || status == 503;
    char seconds[8];
    HttpHeader headers[] = {
        {"Content-Type", "text/plain; charset=utf-8"},
        is_for_now ? retry_after(seconds) : (HttpHeader){"Sec-WebSocket-Version", "13"},
    };
    g_autofree char *text = g_strdup_printf("%d %s\n", status, reply_reason(status));
    g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));
    http_reply(request, status, headers, status == 426 || is_for_now ? 2 : 1, body);
}

void http_reply_file(HttpRequest *request, int fd, const char *etag, const HttpHeader *headers,
                     size_t count)
{
    g_return_if_fail(!request->is_answered);
    begin_answer(request);
    ReplyWish wish = {
        .is_head = is_head(request),
        .is_get = strcmp(request->headers.method, "GET") == 0,
        .range = headers_get(&request->headers, "range"),
        .if_range = headers_get(&request->headers, "if-range"),
        .if_none_match = headers_get(&request->headers, "if-none-match"),
        .closes = request->closes,
        .is_secure = is_secure(request),
    };
    reply_file(&request->connection->outbox, fd, etag, headers, count, &wish);
}

void http_drop(HttpRequest *request)
{
    request->is_answered = true;
    connection_kill(request->connection);
}

/* --- Endless answers -------------------------------------------------------------------------- */

typedef struct {
    Socket socket;
    HttpRequest *request;
    bool is_lagging;
} Stream;

static SocketState stream_write(Socket *socket, const void *bytes, size_t size)
{
    Stream *stream = (Stream *)socket;
    Connection *connection = stream->request->connection;
    if (connection->is_dead || stream->request->is_ending) {
        return SOCKET_DEAD;
    }
    outbox_add_bytes(&connection->outbox, g_bytes_new(bytes, size));
    switch (connection_send(connection)) {
    case OUTBOX_SENT:
        return SOCKET_SENT;
    case OUTBOX_WAITING:
        stream->is_lagging = true;
        connection_settle_later(connection);
        return SOCKET_LAGGING;
    case OUTBOX_DEAD:
        break;
    }
    connection_kill(connection);
    return SOCKET_DEAD;
}

static bool stream_is_lagging(const Socket *socket)
{
    return ((const Stream *)socket)->is_lagging;
}

static void stream_close(Socket *socket, uint16_t code, const char *reason)
{
    HttpRequest *request = ((Stream *)socket)->request;
    request->is_ending = true;
    connection_settle_later(request->connection);
}

static void stream_kill(Socket *socket)
{
    connection_kill(((Stream *)socket)->request->connection);
}

static const SocketKind stream_kind = {
    .write = stream_write,
    .is_lagging = stream_is_lagging,
    .close = stream_close,
    .kill = stream_kill,
};

void http_request_drained(HttpRequest *request)
{
    Stream *stream = (Stream *)request->socket;
    if (stream->is_lagging) {
        stream->is_lagging = false;
        stream->socket.handler.drained(stream->socket.connection);
    }
}

Socket *http_reply_stream(HttpRequest *request, const HttpHeader *headers, size_t count,
                          const SocketHandler *handler, void *connection)
{
    g_return_val_if_fail(!request->is_answered, NULL);
    request->closes = true; /* its end is the connection's end */
    begin_answer(request);
    Stream *stream = g_new0(Stream, 1);
    *stream = (Stream){
        .socket =
            {
                .kind = &stream_kind,
                .handler = *handler,
                .connection = connection,
                .peer = g_strdup(http_peer(request)),
            },
        .request = request,
    };
    request->socket = &stream->socket;
    Reply reply = make_reply(request, 200, headers, count, -1);
    outbox_add_bytes(&request->connection->outbox, reply_head(&reply));
    return request->socket;
}
