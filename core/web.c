/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The web server: the front door with our own HTTP before it, and libwebsockets as a guest on our
 * loop for WebSockets.
 *
 * Why not its HTTP too? In libwebsockets 4.1.6 a request that waits for its answer (ours wait for
 * the disk) leaves its socket readable and unread: one byte more, or the client's end, and libuv
 * reports it without end while a core burns (ops-h1.c: LRS_DOING_TRANSACTION is not among the
 * states that read, and a flow-controlled HTTP/1 socket is not written either). So it gets only
 * what it is good at. front.c reads each request strictly; for a WebSocket it hands the socket on,
 * and libwebsockets reads a handshake that we wrote, with nothing of the client's but a checked
 * key.
 *
 * Behind that stand the guards against its own faults all the same (security sources:
 * CVE-2026-19773 and CVE-2025-11677, fixed upstream after 4.1.6):
 *   1  only http/1.1 is offered, HTTP/2 is never entered
 *   2  an upgrade is confirmed only when the whole header, copied, says "websocket"
 *   3  RAW adoption (CONNECT) is refused
 *   4  its JSON, HTTP/2, MQTT, CGI and resolver are not used
 *   5  no extensions: no permessage-deflate, no inflate bomb
 *   6  plain HTTP inside of it is refused before a body is read, Transfer-Encoding or not
 * guards-test.c knocks at both doors. */
#include "core/web.h"
#include "core/front.h"
#include "core/limits.h"
#include "core/router.h"
#include "core/socket.h"
#include "core/web_guards.h"
#include <libwebsockets.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define RX_BUFFER_BYTES                                                                            \
    256                       /* of each connection; longer messages come in pieces and are joined \
                               */
#define HEAD_BYTES       1024 /* of a handshake; ours has 200 */
#define CLOSING_SECONDS  5    /* for the client's answer to our close */
#define REASON_BYTES_MAX 123  /* RFC 6455, 5.5 */

/* uv turns until all handles of a destroyed context are closed: its sockets in the first, the
 * static ones in the second (libuv.c: lws_libuv_closewsi, lws_uv_close_cb_sa). */
#define TURNS_TO_CLOSE 4

typedef struct {
    WebSocketRoute route;
    char *path;
    void *data;
} Path;

typedef struct WebSocket WebSocket;

struct Web {
    uv_loop_t *loop;
    Front *front;
    Router *router;
    GPtrArray *paths;
    struct lws_context *context;
    struct lws_vhost *vhost;
    WebSocket *adopting; /* the one whose handshake runs just now */
    GQueue closing;      /* WebSockets that wait for the client's close */
    uv_timer_t closer;
    uv_idle_t destroyer;
    int turns, parts; /* parts: what is still to be closed before web_close() is done */
    bool is_closing;
    uint64_t websockets, websockets_total, bytes_sent;
    void (*on_closed)(void *data);
    void *closed_data;
};

struct WebSocket {
    Socket socket;
    Web *web;
    struct lws *wsi;    /* from the handshake on */
    char *address;      /* for front_leave() */
    GByteArray *joined; /* pieces of a message; NULL when none */
    bool is_lagging, is_dead, has_said_close;
    uint16_t close_code; /* 0: not closing */
    char *close_reason;
    uint64_t closing_since_ms;
    GList closing_link;
};

/* --- WebSockets: what libwebsockets tells ------------------------------------------------------
 */

static void websocket_free(WebSocket *websocket)
{
    Web *web = websocket->web;
    if (websocket->close_code != 0) {
        g_queue_unlink(&web->closing, &websocket->closing_link);
    }
    if (web->front != NULL) {
        front_leave(web->front, websocket->address);
    }
    g_clear_pointer(&websocket->joined, g_byte_array_unref);
    g_free(websocket->close_reason);
    g_free(websocket->address);
    g_free(websocket->socket.peer);
    g_free(websocket);
}

static void on_gone(struct lws *wsi, WebSocket *websocket)
{
    lws_set_opaque_user_data(wsi, NULL);
    websocket->web->websockets--;
    websocket->is_dead = true;
    websocket->socket.handler.closed(websocket->socket.connection);
    websocket_free(websocket);
}

/* What never gets to receive(). */
static void refuse_message(Socket *socket, uint16_t code, const char *reason)
{
    if (socket->handler.refused != NULL) {
        socket->handler.refused(socket->connection, code);
    }
    socket_close(socket, code, reason);
}

static void on_piece(struct lws *wsi, WebSocket *websocket, const char *bytes, size_t size)
{
    Socket *socket = &websocket->socket;
    if (websocket->close_code != 0) {
        return;
    }
    size_t before = websocket->joined == NULL ? 0 : websocket->joined->len;
    size_t coming = lws_remaining_packet_payload(wsi);
    if (lws_frame_is_binary(wsi)) {
        refuse_message(socket, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "text only");
        return;
    }
    if (before + size + coming > socket->max_message) {
        refuse_message(socket, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "message too long");
        return;
    }
    bool is_last = lws_is_final_fragment(wsi) && coming == 0;
    if (is_last && before == 0) {
        socket->handler.receive(socket->connection, bytes, size);
        return;
    }
    if (websocket->joined == NULL) {
        websocket->joined = g_byte_array_new();
    }
    g_byte_array_append(websocket->joined, (const uint8_t *)bytes, (guint)size);
    if (is_last) {
        g_autoptr(GByteArray) message = g_steal_pointer(&websocket->joined);
        socket->handler.receive(socket->connection, (const char *)message->data, message->len);
    }
}

/* Sends our close frame and lets the client answer it. Not by lws_close_reason(), which ends the
 * connection at the client's next byte: one that still sends its long message would meet a reset
 * and never read why (seen with 1009). */
static bool say_close(WebSocket *websocket)
{
    size_t reason_size = strlen(websocket->close_reason);
    uint8_t frame[4 + REASON_BYTES_MAX] = {
        0x88, /* FIN, close: RFC 6455, 5.5.1 */
        (uint8_t)(2 + reason_size),
        (uint8_t)(websocket->close_code >> 8),
        (uint8_t)websocket->close_code,
    };
    memcpy(frame + 4, websocket->close_reason, reason_size);
    websocket->has_said_close = true;
    return lws_write(websocket->wsi, frame, 4 + reason_size, LWS_WRITE_RAW) >= 0;
}

/* Returns -1 to end the connection now. */
static int on_writable(struct lws *wsi, WebSocket *websocket)
{
    if (websocket->is_dead) {
        return -1;
    }
    if (websocket->close_code != 0) {
        bool is_late = websocket->has_said_close || lws_partial_buffered(wsi);
        return is_late || say_close(websocket) ? 0 : -1;
    }
    if (websocket->is_lagging && !lws_partial_buffered(wsi)) {
        websocket->is_lagging = false;
        websocket->socket.handler.drained(websocket->socket.connection);
    }
    return 0;
}

/* Guard 2. The header's own memory may be gone already, so it is copied (CVE-2025-11677). */
static bool is_websocket_upgrade(struct lws *wsi)
{
    char value[16];
    int size = lws_hdr_copy(wsi, value, sizeof value, WSI_TOKEN_UPGRADE);
    return size > 0 && g_ascii_strcasecmp(value, "websocket") == 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t size)
{
    WebSocket *websocket = wsi == NULL ? NULL : lws_get_opaque_user_data(wsi);
    switch (reason) {
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED: {
        Web *web = lws_context_user(lws_get_context(wsi));
        lws_set_opaque_user_data(wsi, web->adopting);
        return 0;
    }
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return is_websocket_upgrade(wsi) ? 0 : -1;
    case LWS_CALLBACK_FILTER_HTTP_CONNECTION:
    case LWS_CALLBACK_HTTP:
    case LWS_CALLBACK_HTTP_BODY:
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
    case LWS_CALLBACK_RAW_ADOPT:
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_RAW_WRITEABLE:
    case LWS_CALLBACK_RAW_PROXY_SRV_ADOPT:
        return -1;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return websocket == NULL ? -1 : 0;
    case LWS_CALLBACK_ESTABLISHED:
        websocket->wsi = wsi;
        if (websocket->close_code != 0) {
            lws_callback_on_writable(wsi);
        }
        return websocket->is_dead ? -1 : 0;
    case LWS_CALLBACK_RECEIVE:
        on_piece(wsi, websocket, in, size);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        /* The answer to ours ends it; libwebsockets would answer that once more. */
        return websocket != NULL && websocket->has_said_close ? -1 : 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return websocket == NULL ? -1 : on_writable(wsi, websocket);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
        if (websocket != NULL) {
            on_gone(wsi, websocket);
        }
        return 0;
    default:
        /* Also EVENT_WAIT_CANCELLED: anything else than 0 closes its own wake-up pipe. */
        return 0;
    }
}

/* --- WebSockets: what we tell ------------------------------------------------------------------
 */

static void websocket_kill(Socket *socket)
{
    WebSocket *websocket = (WebSocket *)socket;
    websocket->is_dead = true;
    if (websocket->wsi != NULL) {
        /* Not at once: the caller may be walking over its sockets. The kill is a timer of
         * libwebsockets, which only sets it when it is woken. */
        lws_set_timeout(websocket->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
        lws_cancel_service(websocket->web->context);
    }
}

static SocketState websocket_write(Socket *socket, const void *bytes, size_t size)
{
    WebSocket *websocket = (WebSocket *)socket;
    if (websocket->is_dead || websocket->close_code != 0 || websocket->wsi == NULL) {
        return SOCKET_DEAD;
    }
    g_return_val_if_fail(!lws_partial_buffered(websocket->wsi), SOCKET_LAGGING);
    /* LWS_WRITE_RAW only reads, though its parameter is not const. */
    int sent = lws_write(websocket->wsi, (unsigned char *)(uintptr_t)bytes, size, LWS_WRITE_RAW);
    if (sent < 0) {
        websocket_kill(socket);
        return SOCKET_DEAD;
    }
    websocket->web->bytes_sent += size;
    if (lws_partial_buffered(websocket->wsi)) {
        websocket->is_lagging = true;
        return SOCKET_LAGGING;
    }
    return SOCKET_SENT;
}

static bool websocket_is_lagging(const Socket *socket)
{
    return ((const WebSocket *)socket)->is_lagging;
}

static void on_closer(uv_timer_t *timer)
{
    Web *web = timer->data;
    uint64_t now = uv_now(web->loop);
    for (GList *link = web->closing.head; link != NULL; link = link->next) {
        WebSocket *websocket = link->data;
        if (!websocket->is_dead && now - websocket->closing_since_ms > CLOSING_SECONDS * 1000) {
            websocket_kill(&websocket->socket);
        }
    }
    if (web->closing.length == 0) {
        uv_timer_stop(timer);
    }
}

static void websocket_close(Socket *socket, uint16_t code, const char *reason)
{
    WebSocket *websocket = (WebSocket *)socket;
    Web *web = websocket->web;
    if (websocket->close_code != 0) {
        return;
    }
    websocket->close_code = code;
    const char *end;
    gsize most = MIN(strlen(reason), REASON_BYTES_MAX);
    (void)g_utf8_validate(reason, (gssize)most, &end); /* whole characters only */
    websocket->close_reason = g_strndup(reason, (gsize)(end - reason));
    g_clear_pointer(&websocket->joined, g_byte_array_unref);
    websocket->closing_since_ms = uv_now(web->loop);
    websocket->closing_link.data = websocket;
    g_queue_push_tail_link(&web->closing, &websocket->closing_link);
    if (!uv_is_active((uv_handle_t *)&web->closer) && !web->is_closing) {
        uv_timer_start(&web->closer, on_closer, 1000, 1000);
    }
    if (websocket->wsi != NULL) {
        lws_callback_on_writable(websocket->wsi);
    }
}

static const SocketKind websocket_kind = {
    .write = websocket_write,
    .is_lagging = websocket_is_lagging,
    .close = websocket_close,
    .kill = websocket_kill,
};

/* --- The handshake -----------------------------------------------------------------------------
 */

/* 16 bytes in base64 (RFC 6455, 4.1). */
static bool is_key(const char *key)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return key != NULL && strlen(key) == 24 && strspn(key, digits) == 22 &&
           strcmp(key + 22, "==") == 0;
}

static int check_upgrade(HttpRequest *request)
{
    const char *version = http_header(request, "sec-websocket-version");
    const char *connection = http_header(request, "connection");
    if (version == NULL || strcmp(version, "13") != 0) {
        return 426;
    }
    bool asks = connection != NULL && strcasestr(connection, "upgrade") != NULL;
    if (!asks || strcmp(http_method(request), "GET") != 0 || http_body_size(request) != 0 ||
        !is_key(http_header(request, "sec-websocket-key"))) {
        return 400;
    }
    return 0;
}

static const Path *find_path(const Web *web, const char *path)
{
    for (guint i = 0; i < web->paths->len; i++) {
        const Path *known = web->paths->pdata[i];
        if (strcmp(known->path, path) == 0) {
            return known;
        }
    }
    return NULL;
}

/* Gives libwebsockets the socket and, as if read from it, head. */
static void adopt(Web *web, WebSocket *websocket, int fd, const char *head)
{
    web->adopting = websocket;
    lws_adopt_socket_vhost_readbuf(web->vhost, fd, head, strlen(head));
    web->adopting = NULL;
}

static int on_upgrade(HttpRequest *request, int fd, void *data)
{
    Web *web = data;
    const Path *path = find_path(web, http_path(request));
    int status = path == NULL ? 404 : check_upgrade(request);
    if (web->is_closing) {
        status = 503;
    }
    if (status != 0) {
        return status;
    }
    WebSocket *websocket = g_new0(WebSocket, 1);
    *websocket = (WebSocket){
        .socket =
            {
                .kind = &websocket_kind,
                .handler = path->route.handler,
                .peer = g_strdup(http_peer(request)),
                .max_message = LIMIT_WS_MESSAGE_PUBLIC,
            },
        .web = web,
        .address = g_strdup(http_address(request)),
    };
    status = 503;
    void *connection = path->route.open(path->data, &websocket->socket, request, &status);
    if (connection == NULL) {
        g_free(websocket->socket.peer);
        g_free(websocket->address);
        g_free(websocket);
        return status;
    }
    websocket->socket.connection = connection;
    web->websockets++;
    web->websockets_total++;
    g_autofree char *head =
        g_strdup_printf("GET / HTTP/1.1\r\nHost: serambi\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: %s\r\n\r\n",
                        http_header(request, "sec-websocket-key"));
    adopt(web, websocket, fd, head);
    return 0;
}

void web_adopt_unguarded(Web *web, int fd)
{
    lws_adopt_socket_vhost(web->vhost, fd);
}

/* --- Life --------------------------------------------------------------------------------------
 */

static void on_log(int level, const char *line)
{
    /* 4.1.6 reports its ordinary path for bytes read in advance as an error. */
    if (strstr(line, "adopt_socket_readbuf") != NULL || strstr(line, "calling service") != NULL) {
        return;
    }
    g_log_structured(G_LOG_DOMAIN, level == LLL_ERR ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_INFO,
                     "MESSAGE", "libwebsockets: %s", line);
}

static void on_request(HttpRequest *request, void *data)
{
    const Web *web = data;
    router_handle(web->router, request);
}

static const struct lws_protocols protocols[] = {
    {
        .name = "serambi",
        .callback = on_event,
        .rx_buffer_size = RX_BUFFER_BYTES,
        .tx_packet_size = LIMIT_WRITE_CHUNK_BYTES,
    },
    {0},
};

/* No pings and no life of their own: client.c keeps one wheel for all. */
static const lws_retry_bo_t no_retry = {0};

static bool create_context(Web *web, GError **error)
{
    lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
    void *loops[] = {web->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_VALIDATE_UTF8,
        .foreign_loops = loops,
        .protocols = protocols,
        .extensions = NULL,
        .alpn = "http/1.1",
        .pt_serv_buf_size = 64 * 1024,
        .max_http_header_data = HEAD_BYTES,
        .retry_and_idle_policy = &no_retry,
        .user = web,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };
    web->context = lws_create_context(&info);
    web->vhost = web->context == NULL ? NULL : lws_create_vhost(web->context, &info);
    if (web->vhost == NULL) {
        g_set_error(error, WEB_ERROR, WEB_ERROR_CONTEXT,
                    "libwebsockets could not start; is the package libwebsockets-evlib-uv "
                    "installed?");
        return false;
    }
    return true;
}

static void path_free(Path *path)
{
    g_free(path->path);
    g_free(path);
}

static void web_free(Web *web)
{
    router_free(web->router);
    g_ptr_array_unref(web->paths);
    g_free(web);
}

Web *web_new(uv_loop_t *loop, const WebOptions *options, GError **error)
{
    Web *web = g_new0(Web, 1);
    *web = (Web){
        .loop = loop,
        .router = router_new(),
        .paths = g_ptr_array_new_with_free_func((GDestroyNotify)path_free),
    };
    FrontHandler handler = {.data = web, .on_request = on_request, .on_upgrade = on_upgrade};
    web->front = front_new(loop, options, &handler, error);
    if (web->front == NULL) {
        web_free(web);
        return NULL;
    }
    uv_timer_init(loop, &web->closer);
    uv_idle_init(loop, &web->destroyer);
    web->closer.data = web->destroyer.data = web;
    if (!create_context(web, error)) {
        web_close(web, NULL, NULL);
        return NULL;
    }
    return web;
}

static void part_closed(Web *web)
{
    if (--web->parts > 0) {
        return;
    }
    void (*on_closed)(void *) = web->on_closed;
    void *data = web->closed_data;
    web_free(web);
    if (on_closed != NULL) {
        on_closed(data);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

static void on_front_closed(void *data)
{
    Web *web = data;
    web->front = NULL;
    part_closed(web);
}

/* libwebsockets is told to go in one turn, has closed its handles some turns later, and is told
 * once more. From the loop, as it must not be told from inside one of its callbacks. */
static void on_destroyer(uv_idle_t *idle)
{
    Web *web = idle->data;
    if (web->turns++ == 0 && web->context != NULL) {
        lws_context_destroy(web->context);
    } else if (web->turns > TURNS_TO_CLOSE) {
        if (web->context != NULL) {
            lws_context_destroy(web->context);
        }
        uv_idle_stop(idle);
        front_close(web->front, on_front_closed, web);
        uv_close((uv_handle_t *)idle, on_handle_closed);
    }
}

void web_close(Web *web, void (*on_closed)(void *data), void *data)
{
    web->is_closing = true;
    web->on_closed = on_closed;
    web->closed_data = data;
    web->parts = 3;
    front_set_listening(web->front, false);
    uv_close((uv_handle_t *)&web->closer, on_handle_closed);
    uv_idle_start(&web->destroyer, on_destroyer);
}

int web_port(const Web *web)
{
    return front_port(web->front);
}

void web_set_listening(Web *web, bool listening)
{
    front_set_listening(web->front, listening);
}

void web_route(Web *web, const char *prefix, void (*handle)(HttpRequest *request, void *data),
               void *data)
{
    router_add(web->router, prefix, handle, data);
}

void web_route_websocket(Web *web, const char *path, const WebSocketRoute *route, void *data)
{
    Path *known = g_new0(Path, 1);
    *known = (Path){.route = *route, .path = g_strdup(path), .data = data};
    g_ptr_array_add(web->paths, known);
}

WebCounters web_counters(const Web *web)
{
    WebCounters counters = *front_counters(web->front);
    counters.websockets = web->websockets;
    counters.websockets_total = web->websockets_total;
    counters.bytes_sent_total += web->bytes_sent;
    return counters;
}
