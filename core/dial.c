/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * libwebsockets as a client, translated once into conversations with a clear end.
 *
 * A failed connection may be reported from inside lws_client_connect_via_info(), later, or not at
 * all; so every end is only noted, and told from a timer of our own at zero milliseconds. For the
 * same reason conversations are cut from there (LWS_TO_KILL_SYNC is not allowed inside lws's
 * callbacks). lws's own timers can be late on a foreign loop: deadlines are ours, one timer that
 * runs only while there are conversations. */
#include "core/dial.h"

#include "core/limits.h"

#include <libwebsockets.h>
#include <string.h>

#define OPEN_SECONDS      10 /* name, connection, handshake */
#define FETCH_SECONDS     30 /* without a byte */
#define QUEUED_BYTES_MAX  (4 * 1024 * 1024)
#define RECEIVE_BYTES     16384
#define SUBPROTOCOL_NAME  "serambi-dial"
#define CLOSE_CODE_LENGTH 2

typedef enum { TALK_SOCKET = 1, TALK_FETCH } TalkKind;

struct DialTalk {
    Dial *dial;
    TalkKind kind;
    struct lws *wsi;
    DialSocketHandler socket_handler;
    DialFetchHandler fetch_handler;
    void *data;
    char *method, *path;
    int64_t from;
    GByteArray *in;  /* a message that comes in pieces */
    GQueue out;      /* GBytes with LWS_PRE bytes of headroom */
    size_t out_size; /* bytes in out */
    int64_t heard_us;
    uint16_t close_code;
    bool is_open, has_ended, is_complete, wants_end;
};

struct Dial {
    uv_loop_t *loop;
    struct lws_context *context;
    char *host, *authority;
    int port;
    bool is_secure, is_closing;
    GPtrArray *talks;
    uv_timer_t teller, minder;
};

G_DEFINE_QUARK(dial - error - quark, dial_error)

/* --- Ends ------------------------------------------------------------------------------------- */

static void talk_free(DialTalk *talk)
{
    GBytes *bytes;
    while ((bytes = g_queue_pop_head(&talk->out)) != NULL) {
        g_bytes_unref(bytes);
    }
    g_clear_pointer(&talk->in, g_byte_array_unref);
    g_free(talk->method);
    g_free(talk->path);
    g_free(talk);
}

static void tell_end(DialTalk *talk)
{
    g_ptr_array_remove_fast(talk->dial->talks, talk);
    if (talk->kind == TALK_SOCKET) {
        talk->socket_handler.closed(talk->data, talk->close_code);
    } else {
        talk->fetch_handler.end(talk->data, talk->is_complete);
    }
    talk_free(talk);
}

static void on_teller(uv_timer_t *timer)
{
    Dial *dial = timer->data;
    g_autoptr(GPtrArray) talks = g_ptr_array_copy(dial->talks, NULL, NULL);
    for (guint i = 0; i < talks->len; i++) {
        DialTalk *talk = g_ptr_array_index(talks, i);
        if (talk->wants_end && !talk->has_ended && talk->wsi != NULL) {
            lws_set_timeout(talk->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
        }
        if (talk->wants_end || talk->has_ended) {
            if (talk->wsi != NULL) {
                lws_set_opaque_user_data(talk->wsi, NULL);
            }
            tell_end(talk);
        }
    }
    if (dial->talks->len == 0 && !dial->is_closing) {
        uv_timer_stop(&dial->minder);
    }
}

static void tell_later(Dial *dial)
{
    if (!dial->is_closing) {
        uv_timer_start(&dial->teller, on_teller, 0, 0);
    }
}

static void note_end(DialTalk *talk)
{
    if (talk->wsi != NULL) {
        lws_set_opaque_user_data(talk->wsi, NULL); /* lws lives on until its handles closed */
    }
    talk->has_ended = true;
    talk->wsi = NULL;
    tell_later(talk->dial);
}

void dial_hang_up(DialTalk *talk)
{
    talk->wants_end = true;
    tell_later(talk->dial);
}

static void on_minder(uv_timer_t *timer)
{
    Dial *dial = timer->data;
    int64_t now_us = g_get_monotonic_time();
    for (guint i = 0; i < dial->talks->len; i++) {
        DialTalk *talk = g_ptr_array_index(dial->talks, i);
        int64_t silent_us = now_us - talk->heard_us;
        bool is_late = talk->is_open
                           ? talk->kind == TALK_FETCH && silent_us > FETCH_SECONDS * G_USEC_PER_SEC
                           : silent_us > OPEN_SECONDS * G_USEC_PER_SEC;
        if (is_late) {
            dial_hang_up(talk);
        }
    }
}

/* --- libwebsockets' callbacks ----------------------------------------------------------------- */

static int64_t header_number(struct lws *wsi, enum lws_token_indexes token)
{
    char text[32];
    guint64 number;
    if (lws_hdr_copy(wsi, text, sizeof text, token) <= 0 ||
        !g_ascii_string_to_unsigned(text, 10, 0, INT64_MAX, &number, NULL)) {
        return -1;
    }
    return (int64_t)number;
}

/* "bytes 100-199/200": 100. 0 without the header. */
static int64_t range_start(struct lws *wsi)
{
    char text[96];
    if (lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_RANGE) <= 0 ||
        !g_str_has_prefix(text, "bytes ")) {
        return 0;
    }
    return g_ascii_strtoll(text + strlen("bytes "), NULL, 10);
}

static int on_header(DialTalk *talk, struct lws *wsi)
{
    talk->is_open = true;
    int status = (int)lws_http_client_http_response(wsi);
    int64_t from = status == 206 ? range_start(wsi) : 0;
    int64_t size = header_number(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    if (!talk->fetch_handler.status(talk->data, status, from, size)) {
        talk->wants_end = true;
        return -1;
    }
    return 0;
}

static int on_body(struct lws *wsi)
{
    static const int size = RECEIVE_BYTES;
    char buffer[LWS_PRE + RECEIVE_BYTES];
    char *start = buffer + LWS_PRE;
    int length = size;
    return lws_http_client_read(wsi, &start, &length) < 0 ? -1 : 0; /* comes back as ..._READ */
}

static int on_piece(DialTalk *talk, const void *bytes, size_t size)
{
    if (!talk->wants_end && !talk->fetch_handler.bytes(talk->data, bytes, size)) {
        talk->wants_end = true;
    }
    return talk->wants_end ? -1 : 0;
}

static int add_headers(DialTalk *talk, struct lws *wsi, unsigned char **at, unsigned char *end)
{
    if (talk->kind != TALK_FETCH) {
        return 0;
    }
    if (g_str_equal(talk->method, "POST") &&
        lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, (const unsigned char *)"0",
                                     1, at, end) != 0) {
        return -1;
    }
    if (talk->from > 0) {
        char range[48];
        g_snprintf(range, sizeof range, "bytes=%" G_GINT64_FORMAT "-", talk->from);
        return lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_RANGE, (const unsigned char *)range,
                                            (int)strlen(range), at, end);
    }
    return 0;
}

static int on_message(DialTalk *talk, struct lws *wsi, const char *bytes, size_t size)
{
    talk->heard_us = g_get_monotonic_time();
    if (talk->wants_end) {
        return -1;
    }
    if (talk->in->len + size > LIMIT_LINK_MESSAGE_BYTES) {
        talk->wants_end = true;
        tell_later(talk->dial);
        return -1;
    }
    g_byte_array_append(talk->in, (const guint8 *)bytes, (guint)size);
    if (lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0) {
        g_autoptr(GByteArray) whole = g_steal_pointer(&talk->in);
        talk->in = g_byte_array_new();
        talk->socket_handler.message(talk->data, (const char *)whole->data, whole->len);
    }
    return 0;
}

static int on_writable(DialTalk *talk, struct lws *wsi)
{
    GBytes *bytes = g_queue_pop_head(&talk->out);
    if (bytes == NULL) {
        return 0;
    }
    gsize size;
    gpointer data = g_bytes_unref_to_data(bytes, &size);
    size -= LWS_PRE;
    talk->out_size -= size;
    int written = lws_write(wsi, (unsigned char *)data + LWS_PRE, size, LWS_WRITE_TEXT);
    g_free(data);
    if (written < (int)size) {
        return -1;
    }
    if (!g_queue_is_empty(&talk->out)) {
        lws_callback_on_writable(wsi);
    }
    return 0;
}

static int socket_callback(DialTalk *talk, struct lws *wsi, enum lws_callback_reasons reason,
                           void *in, size_t size)
{
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        talk->is_open = true;
        talk->heard_us = g_get_monotonic_time();
        if (!talk->wants_end) {
            talk->socket_handler.opened(talk->data);
        }
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return on_message(talk, wsi, in, size);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return on_writable(talk, wsi);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        if (size >= CLOSE_CODE_LENGTH) {
            const uint8_t *code = in;
            talk->close_code = (uint16_t)(code[0] << 8 | code[1]);
        }
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED:
        note_end(talk);
        return 0;
    default:
        return 0;
    }
}

static int fetch_callback(DialTalk *talk, struct lws *wsi, enum lws_callback_reasons reason,
                          void *in, size_t size)
{
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        talk->heard_us = g_get_monotonic_time();
        return on_header(talk, wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return on_body(wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        talk->heard_us = g_get_monotonic_time();
        return on_piece(talk, in, size);
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
        talk->is_complete = true;
        return -1; /* one request, one connection */
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
        note_end(talk);
        return 0;
    default:
        return 0;
    }
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t size)
{
    if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
        return 0;
    }
    DialTalk *talk = wsi == NULL ? NULL : lws_get_opaque_user_data(wsi);
    if (talk == NULL) {
        return 0;
    }
    talk->wsi = wsi;
    if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) {
        unsigned char **at = in;
        return add_headers(talk, wsi, at, *at + size);
    }
    if (reason == LWS_CALLBACK_WSI_DESTROY) {
        note_end(talk);
        return 0;
    }
    return talk->kind == TALK_SOCKET ? socket_callback(talk, wsi, reason, in, size)
                                     : fetch_callback(talk, wsi, reason, in, size);
}

/* --- Conversations ---------------------------------------------------------------------------- */

static DialTalk *start(Dial *dial, DialTalk *talk)
{
    talk->dial = dial;
    talk->in = g_byte_array_new();
    talk->heard_us = g_get_monotonic_time();
    g_queue_init(&talk->out);
    g_ptr_array_add(dial->talks, talk);
    if (!uv_is_active((uv_handle_t *)&dial->minder)) {
        uv_timer_start(&dial->minder, on_minder, 1000, 1000);
    }
    struct lws_client_connect_info info = {
        .context = dial->context,
        .address = dial->host,
        .port = dial->port,
        .ssl_connection = (dial->is_secure ? LCCSCF_USE_SSL : 0) | LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
        .path = talk->path,
        .host = dial->authority,
        .method = talk->kind == TALK_FETCH ? talk->method : NULL,
        .local_protocol_name = SUBPROTOCOL_NAME,
        .pwsi = &talk->wsi,
        .opaque_user_data = talk,
        .alpn = "http/1.1",
    };
    if (lws_client_connect_via_info(&info) == NULL) {
        talk->wsi = NULL; /* gone already */
        note_end(talk);
    }
    return talk;
}

DialTalk *dial_websocket(Dial *dial, const char *path, const DialSocketHandler *handler, void *data)
{
    DialTalk *talk = g_new0(DialTalk, 1);
    talk->kind = TALK_SOCKET;
    talk->socket_handler = *handler;
    talk->data = data;
    talk->path = g_strdup(path);
    return start(dial, talk);
}

DialTalk *dial_fetch(Dial *dial, const char *method, const char *path, int64_t from,
                     const DialFetchHandler *handler, void *data)
{
    DialTalk *talk = g_new0(DialTalk, 1);
    talk->kind = TALK_FETCH;
    talk->fetch_handler = *handler;
    talk->data = data;
    talk->method = g_strdup(method);
    talk->path = g_strdup(path);
    talk->from = from;
    return start(dial, talk);
}

socklen_t dial_peer(const DialTalk *talk, struct sockaddr_storage *ret_peer)
{
    socklen_t size = sizeof *ret_peer;
    if (talk->wsi == NULL ||
        getpeername(lws_get_socket_fd(talk->wsi), (struct sockaddr *)ret_peer, &size) != 0) {
        return 0;
    }
    return size;
}

void dial_send(DialTalk *talk, const char *text, size_t size)
{
    if (talk->has_ended || talk->wants_end || talk->wsi == NULL) {
        return;
    }
    if (talk->out_size + size > QUEUED_BYTES_MAX) {
        dial_hang_up(talk); /* a server that does not read */
        return;
    }
    uint8_t *bytes = g_malloc(LWS_PRE + size);
    memcpy(bytes + LWS_PRE, text, size);
    talk->out_size += size;
    g_queue_push_tail(&talk->out, g_bytes_new_take(bytes, LWS_PRE + size));
    lws_callback_on_writable(talk->wsi);
}

/* --- Life ------------------------------------------------------------------------------------- */

static bool read_address(Dial *dial, const char *server, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(server, G_URI_FLAGS_NONE, error);
    if (uri == NULL) {
        return false;
    }
    const char *scheme = g_uri_get_scheme(uri), *host = g_uri_get_host(uri);
    dial->is_secure = g_str_equal(scheme, "https");
    if ((!dial->is_secure && !g_str_equal(scheme, "http")) || host == NULL || host[0] == '\0') {
        g_set_error(error, DIAL_ERROR, DIAL_ERROR_ADDRESS,
                    "'%s' is not an address like http://library.local:8080", server);
        return false;
    }
    int port = g_uri_get_port(uri);
    dial->host = g_strdup(host);
    dial->port = port > 0 ? port : dial->is_secure ? 443 : 80;
    const char *format_open = strchr(host, ':') != NULL ? "[" : "";
    const char *format_close = format_open[0] != '\0' ? "]" : "";
    dial->authority = port > 0 ? g_strdup_printf("%s%s%s:%d", format_open, host, format_close, port)
                               : g_strdup_printf("%s%s%s", format_open, host, format_close);
    return true;
}

static void on_lws_log(int level, const char *line)
{
    if (level == LLL_ERR) {
        g_debug("libwebsockets: %s", line);
    }
}

static struct lws_context *new_context(Dial *dial)
{
    static const struct lws_protocols protocols[] = {
        {.name = SUBPROTOCOL_NAME, .callback = callback, .rx_buffer_size = RECEIVE_BYTES},
        {0},
    };
    static const lws_retry_bo_t no_idle_checks = {0};
    void *loops[] = {dial->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .foreign_loops = loops,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .retry_and_idle_policy = &no_idle_checks,
        .pt_serv_buf_size = RECEIVE_BYTES,
    };
    return lws_create_context(&info);
}

Dial *dial_new(uv_loop_t *loop, const char *server, GError **error)
{
    Dial *dial = g_new0(Dial, 1);
    dial->loop = loop;
    if (!read_address(dial, server, error)) {
        dial_free(dial);
        return NULL;
    }
    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    dial->context = new_context(dial);
    if (dial->context == NULL) {
        g_set_error(error, DIAL_ERROR, DIAL_ERROR_CONTEXT,
                    "libwebsockets did not start; is the package libwebsockets-evlib-uv "
                    "installed?");
        dial_free(dial);
        return NULL;
    }
    dial->talks = g_ptr_array_new();
    uv_timer_init(loop, &dial->teller);
    uv_timer_init(loop, &dial->minder);
    dial->teller.data = dial->minder.data = dial;
    return dial;
}

void dial_close(Dial *dial)
{
    dial->is_closing = true;
    for (guint i = 0; i < dial->talks->len; i++) {
        DialTalk *talk = g_ptr_array_index(dial->talks, i);
        if (talk->wsi != NULL) {
            lws_set_opaque_user_data(talk->wsi, NULL);
        }
        talk_free(talk);
    }
    g_ptr_array_set_size(dial->talks, 0);
    uv_close((uv_handle_t *)&dial->teller, NULL);
    uv_close((uv_handle_t *)&dial->minder, NULL);
    lws_context_destroy(dial->context); /* the first of two: the loop must turn in between */
}

void dial_free(Dial *dial)
{
    if (dial == NULL) {
        return;
    }
    if (dial->context != NULL) {
        lws_context_destroy(dial->context);
    }
    g_clear_pointer(&dial->talks, g_ptr_array_unref);
    g_free(dial->host);
    g_free(dial->authority);
    g_free(dial);
}
