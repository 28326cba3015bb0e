/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * WebSockets of clients.
 *
 * One that ends closes its descriptor at once, so that nothing is told of it any more, and is
 * mourned later, from the loop: whoever writes may be walking over his sockets. The mourning has a
 * budget for each turn, since ten thousand may end at once when a router falls.
 *
 * Not by libwebsockets, which stays the display's client: see core/README.md, "Decided against". */
#include "core/websocket.h"

#include "core/frame.h"
#include "core/front.h"
#include "core/limits.h"
#include "core/poll_set.h"
#include "core/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLOSING_SECONDS 5 /* for the client's answer to our close */
#define CLOSER_EVERY_MS 1000
#define ACCEPT_MAGIC    "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */
#define SHA1_BYTES      20

/* What is answered to a close that says nothing, or asked of a client that broke the rules. */
#define CLOSE_NORMAL 1000

typedef struct {
    /* What a write needs, together. */
    Socket socket;
    PollMember member;
    WebSockets *all;
    GByteArray *rest; /* what the kernel did not take yet; NULL: nothing */
    bool is_open;     /* hands are shaken */
    bool is_closing, has_said_close, has_heard_close, is_ended;
    bool has_failed; /* after a fault nothing of the client's is read any more */
    uint16_t close_code;

    GRefString *address; /* for on_left */
    GByteArray *in;      /* the beginning of a frame; NULL: none */
    GByteArray *ping;    /* payload of the newest that is not answered; NULL: none */
    FrameReader reader;
    GList link; /* of all->open, closing or ended; data is the WebSocket */
    uint64_t closing_since_ms;
    char *close_reason;
} WebSocket;

struct WebSockets {
    uv_loop_t *loop;
    PollSet *set;
    GQueue open, closing, ended;
    uv_timer_t closer;
    uv_idle_t mourner;
    uint8_t *buffer; /* LIMIT_WRITE_CHUNK_BYTES, for one recv() */
    uint64_t total, bytes_sent;
    void (*on_left)(void *data, const char *address);
    void *left_data;
    int handles;
    void (*on_closed)(void *data);
    void *closed_data;
};

/* --- The end ---------------------------------------------------------------------------------- */

static void websocket_free(WebSocket *websocket)
{
    frame_reader_clear(&websocket->reader);
    g_clear_pointer(&websocket->in, g_byte_array_unref);
    g_clear_pointer(&websocket->ping, g_byte_array_unref);
    g_clear_pointer(&websocket->rest, g_byte_array_unref);
    g_free(websocket->close_reason);
    g_ref_string_release(websocket->address);
    g_free(websocket->socket.peer);
    g_free(websocket);
}

static void mourn(WebSockets *all)
{
    WebSocket *websocket = g_queue_pop_head_link(&all->ended)->data;
    websocket->socket.handler.closed(websocket->socket.connection);
    all->on_left(all->left_data, websocket->address);
    websocket_free(websocket);
}

static void on_mourner(uv_idle_t *idle)
{
    WebSockets *all = idle->data;
    TurnBudget budget = turn_budget();
    while (all->ended.length > 0 && !turn_budget_is_spent(&budget)) {
        mourn(all);
    }
    if (all->ended.length == 0 && all->on_closed == NULL) { /* else on_last_mourned() is next */
        uv_idle_stop(idle);
    }
}

static void end(WebSocket *websocket)
{
    WebSockets *all = websocket->all;
    if (websocket->is_ended) {
        return;
    }
    websocket->is_ended = true;
    g_queue_unlink(websocket->is_closing ? &all->closing : &all->open, &websocket->link);
    g_queue_push_tail_link(&all->ended, &websocket->link);
    (void)poll_set_watch(all->set, &websocket->member, 0);
    close(websocket->member.fd);
    uv_idle_start(&all->mourner, on_mourner);
}

/* --- Out -------------------------------------------------------------------------------------- */

static void watch(WebSocket *websocket)
{
    uint32_t events = EPOLLIN | EPOLLRDHUP | (websocket->rest != NULL ? EPOLLOUT : 0u);
    if (!poll_set_watch(websocket->all->set, &websocket->member, events)) {
        end(websocket);
    }
}

static void keep_rest(WebSocket *websocket, const uint8_t *bytes, size_t size)
{
    if (websocket->rest == NULL) {
        websocket->rest = g_byte_array_sized_new((guint)size);
    }
    g_byte_array_append(websocket->rest, bytes, (guint)size);
    watch(websocket);
}

/* How much the kernel took; ends the WebSocket when it will never take more. */
static size_t send_some(WebSocket *websocket, const uint8_t *bytes, size_t size)
{
    g_assert(!websocket->is_ended); /* its descriptor may be another's by now */
    ssize_t sent = send(websocket->member.fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
        websocket->all->bytes_sent += (size_t)sent;
        return (size_t)sent;
    }
    if (errno != EAGAIN && errno != EINTR) {
        end(websocket);
    }
    return 0;
}

static void say(WebSocket *websocket, const uint8_t *bytes, size_t size)
{
    size_t sent = websocket->rest == NULL ? send_some(websocket, bytes, size) : 0;
    if (sent < size && !websocket->is_ended) {
        keep_rest(websocket, bytes + sent, size - sent);
    }
}

/* Then the client answers, or has CLOSING_SECONDS. What it still sends is read and forgotten: a
 * socket closed over unread bytes resets, and the client would never read why. */
static void say_close(WebSocket *websocket)
{
    if (websocket->has_said_close || !websocket->is_open) {
        return;
    }
    websocket->has_said_close = true;
    g_autoptr(GByteArray) frame = g_byte_array_new();
    frame_append_close(frame, websocket->close_code, websocket->close_reason);
    say(websocket, frame->data, frame->len);
}

/* When both have said it, the server ends the connection (7.1.1). After a fault the client's close
 * is not recognised (7.1.7): our side ends, and the rest when the client's does. */
static void finish_close(WebSocket *websocket)
{
    if (!websocket->has_said_close || websocket->rest != NULL || websocket->is_ended) {
        return;
    }
    if (websocket->has_heard_close) {
        end(websocket);
    } else if (websocket->has_failed && shutdown(websocket->member.fd, SHUT_WR) != 0) {
        end(websocket);
    }
}

/* Of several pings the newest, and not before the client took what waits for it (5.5.3). */
static void answer_ping(WebSocket *websocket)
{
    if (websocket->ping == NULL || websocket->rest != NULL || websocket->is_closing ||
        websocket->is_ended) {
        return;
    }
    g_autoptr(GByteArray) ping = g_steal_pointer(&websocket->ping);
    g_autoptr(GByteArray) pong = g_byte_array_new();
    frame_append_pong(pong, (const char *)ping->data, ping->len);
    say(websocket, pong->data, pong->len);
}

static void on_writable(WebSocket *websocket)
{
    g_autoptr(GByteArray) rest = g_steal_pointer(&websocket->rest);
    size_t sent = send_some(websocket, rest->data, rest->len);
    if (websocket->is_ended) {
        return;
    }
    if (sent < rest->len) {
        g_byte_array_remove_range(rest, 0, (guint)sent);
        websocket->rest = g_steal_pointer(&rest);
        return;
    }
    watch(websocket);
    if (websocket->is_ended) {
        return;
    }
    if (websocket->is_closing) {
        say_close(websocket);
        finish_close(websocket);
        return;
    }
    answer_ping(websocket);
    if (websocket->rest == NULL && !websocket->is_ended) {
        websocket->socket.handler.drained(websocket->socket.connection);
    }
}

static SocketState websocket_write(Socket *socket, const void *bytes, size_t size)
{
    WebSocket *websocket = (WebSocket *)socket;
    if (websocket->is_ended || websocket->is_closing || !websocket->is_open) {
        return SOCKET_DEAD;
    }
    say(websocket, bytes, size);
    if (websocket->is_ended) {
        return SOCKET_DEAD;
    }
    return websocket->rest == NULL ? SOCKET_SENT : SOCKET_LAGGING;
}

static bool websocket_is_lagging(const Socket *socket)
{
    return ((const WebSocket *)socket)->rest != NULL;
}

/* Thousands may have begun to close in the same moment: they do not all end in one turn. */
static void on_closer(uv_timer_t *timer)
{
    WebSockets *all = timer->data;
    TurnBudget budget = turn_budget();
    uint64_t now = uv_now(all->loop);
    while (all->closing.length > 0) {
        WebSocket *websocket = all->closing.head->data; /* who closes longest */
        if (now - websocket->closing_since_ms <= CLOSING_SECONDS * 1000) {
            return;
        }
        if (turn_budget_is_spent(&budget)) {
            uv_timer_start(timer, on_closer, 1, CLOSER_EVERY_MS);
            return;
        }
        end(websocket);
    }
    uv_timer_stop(timer);
}

static void websocket_close(Socket *socket, uint16_t code, const char *reason)
{
    WebSocket *websocket = (WebSocket *)socket;
    WebSockets *all = websocket->all;
    if (websocket->is_closing || websocket->is_ended) {
        return;
    }
    websocket->is_closing = true;
    websocket->close_code = code;
    websocket->close_reason = g_strdup(reason);
    websocket->closing_since_ms = uv_now(all->loop);
    g_queue_unlink(&all->open, &websocket->link);
    g_queue_push_tail_link(&all->closing, &websocket->link);
    if (!uv_is_active((uv_handle_t *)&all->closer)) {
        uv_timer_start(&all->closer, on_closer, CLOSER_EVERY_MS, CLOSER_EVERY_MS);
    }
    if (websocket->rest == NULL) {
        say_close(websocket);
    }
}

static void websocket_kill(Socket *socket)
{
    end((WebSocket *)socket);
}

static const SocketKind websocket_kind = {
    .write = websocket_write,
    .is_lagging = websocket_is_lagging,
    .close = websocket_close,
    .kill = websocket_kill,
};

/* --- In --------------------------------------------------------------------------------------- */

static void note_ping(WebSocket *websocket, const Frame *frame)
{
    if (websocket->ping == NULL) {
        websocket->ping = g_byte_array_new();
    }
    g_byte_array_set_size(websocket->ping, 0);
    g_byte_array_append(websocket->ping, (const uint8_t *)frame->payload, (guint)frame->size);
}

/* Answers a close that the client began, and has its answer to ours: either way both have said it.
 */
static void on_close(WebSocket *websocket, uint16_t code)
{
    websocket->has_heard_close = true;
    websocket_close(&websocket->socket, code == 0 ? CLOSE_NORMAL : code, "");
    finish_close(websocket);
}

static void on_fault(WebSocket *websocket, const Frame *frame)
{
    Socket *socket = &websocket->socket;
    websocket->has_failed = true;
    if (!websocket->is_closing && socket->handler.refused != NULL) {
        socket->handler.refused(socket->connection, frame->code);
    }
    websocket_close(socket, frame->code, frame->reason);
    finish_close(websocket);
}

static void on_frame(WebSocket *websocket, const Frame *frame)
{
    Socket *socket = &websocket->socket;
    switch (frame->kind) {
    case FRAME_MESSAGE:
        if (!websocket->is_closing) {
            socket->handler.receive(socket->connection, frame->payload, frame->size);
        }
        break;
    case FRAME_PART:
        break;
    case FRAME_PING:
        note_ping(websocket, frame);
        break;
    case FRAME_CLOSE:
        on_close(websocket, frame->code);
        break;
    case FRAME_FAULT:
        on_fault(websocket, frame);
        break;
    }
}

/* A client whose close is under way is only listened to for its own close, and after a fault not
 * even that: its bytes have no meaning any more. */
static void take(WebSocket *websocket, uint8_t *bytes, size_t size)
{
    size_t at = 0;
    Frame frame = {0};
    while (at < size && !websocket->is_ended && !websocket->has_failed) {
        size_t used = frame_read(&websocket->reader, bytes + at, size - at,
                                 websocket->socket.max_message, &frame);
        if (used == 0) {
            break;
        }
        at += used;
        on_frame(websocket, &frame);
    }
    answer_ping(websocket); /* one send(), however many pings came at once */
    if (websocket->is_ended) {
        return;
    }
    if (websocket->reader.is_told) {
        frame_reader_clear(&websocket->reader);
    }
    if (at == 0 && websocket->in != NULL) {
        return; /* it has these very bytes */
    }
    g_clear_pointer(&websocket->in, g_byte_array_unref);
    if (at < size) {
        websocket->in = g_byte_array_sized_new((guint)(size - at));
        g_byte_array_append(websocket->in, bytes + at, (guint)(size - at));
    }
}

static void on_readable(WebSocket *websocket)
{
    uint8_t *buffer = websocket->all->buffer;
    ssize_t count = recv(websocket->member.fd, buffer, LIMIT_WRITE_CHUNK_BYTES, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        end(websocket);
    } else if (count < 0 || websocket->has_failed) {
        return;
    } else if (websocket->in == NULL) {
        take(websocket, buffer, (size_t)count);
    } else {
        g_autoptr(GByteArray) in = g_byte_array_ref(websocket->in);
        g_byte_array_append(in, buffer, (guint)count);
        take(websocket, in->data, in->len);
    }
}

static void on_ready(PollMember *member, uint32_t events)
{
    WebSocket *websocket = (WebSocket *)((char *)member - offsetof(WebSocket, member));
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        end(websocket); /* nobody is there to read an answer */
        return;
    }
    if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) {
        on_readable(websocket);
    }
    if ((events & EPOLLOUT) != 0 && websocket->rest != NULL && !websocket->is_ended) {
        on_writable(websocket);
    }
}

/* --- The handshake ---------------------------------------------------------------------------- */

static void shake_hands(WebSocket *websocket, HttpRequest *request)
{
    g_autoptr(GChecksum) sha1 = g_checksum_new(G_CHECKSUM_SHA1);
    const char *key = http_header(request, "sec-websocket-key");
    uint8_t digest[SHA1_BYTES];
    gsize size = sizeof digest;
    g_checksum_update(sha1, (const guchar *)key, (gssize)strlen(key));
    g_checksum_update(sha1, (const guchar *)ACCEPT_MAGIC, (gssize)strlen(ACCEPT_MAGIC));
    g_checksum_get_digest(sha1, digest, &size);
    g_autofree char *accept = g_base64_encode(digest, size);
    char head[192];
    int length = g_snprintf(head, sizeof head,
                            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                            accept);
    say(websocket, (const uint8_t *)head, (size_t)length);
    websocket->is_open = true;
}

int websockets_adopt(WebSockets *all, int fd, HttpRequest *request, const WebSocketRoute *route,
                     void *route_data)
{
    WebSocket *websocket = g_new0(WebSocket, 1);
    *websocket = (WebSocket){
        .socket =
            {
                .kind = &websocket_kind,
                .handler = route->handler,
                .peer = g_strdup(http_peer(request)),
                .max_message = LIMIT_WS_MESSAGE_PUBLIC,
            },
        .member = {.on_ready = on_ready, .fd = fd},
        .all = all,
        .address = g_ref_string_new_intern(http_address(request)),
    };
    websocket->link.data = websocket;
    g_queue_push_tail_link(&all->open, &websocket->link);
    int status = 503;
    websocket->socket.connection = route->open(route_data, &websocket->socket, request, &status);
    if (websocket->socket.connection == NULL) {
        g_assert(!websocket->is_closing && !websocket->is_ended);
        g_queue_unlink(&all->open, &websocket->link);
        websocket_free(websocket);
        return status;
    }
    all->total++;
    if (websocket->is_ended) {
        return 0; /* killed before hands were shaken */
    }
    shake_hands(websocket, request);
    if (websocket->is_closing) {
        say_close(websocket);
    }
    if (!websocket->is_ended) {
        watch(websocket);
    }
    return 0;
}

/* --- Life ------------------------------------------------------------------------------------- */

WebSockets *websockets_new(uv_loop_t *loop, void (*on_left)(void *data, const char *address),
                           void *data)
{
    WebSockets *all = g_new0(WebSockets, 1);
    *all = (WebSockets){
        .loop = loop,
        .set = poll_set_new(loop),
        .buffer = g_malloc(LIMIT_WRITE_CHUNK_BYTES),
        .on_left = on_left,
        .left_data = data,
        .handles = 2,
    };
    uv_timer_init(loop, &all->closer);
    uv_idle_init(loop, &all->mourner);
    all->closer.data = all->mourner.data = all;
    return all;
}

static void on_set_closed(void *data)
{
    WebSockets *all = data;
    void (*on_closed)(void *) = all->on_closed;
    void *closed_data = all->closed_data;
    g_free(all->buffer);
    g_free(all);
    on_closed(closed_data);
}

static void on_handle_closed(uv_handle_t *handle)
{
    WebSockets *all = handle->data;
    if (--all->handles == 0) {
        poll_set_close(all->set, on_set_closed, all);
    }
}

/* From the loop: our caller may be a handler of one of them. */
static void on_last_mourned(uv_idle_t *idle)
{
    WebSockets *all = idle->data;
    while (all->open.length + all->closing.length + all->ended.length > 0) {
        while (all->open.length > 0) {
            end(all->open.head->data);
        }
        while (all->closing.length > 0) {
            end(all->closing.head->data);
        }
        mourn(all);
    }
    uv_close((uv_handle_t *)idle, on_handle_closed);
}

void websockets_close(WebSockets *all, void (*on_closed)(void *data), void *data)
{
    all->on_closed = on_closed;
    all->closed_data = data;
    uv_close((uv_handle_t *)&all->closer, on_handle_closed);
    uv_idle_stop(&all->mourner);
    uv_idle_start(&all->mourner, on_last_mourned);
}

void websockets_count(const WebSockets *all, WebCounters *counters)
{
    counters->websockets += all->open.length + all->closing.length;
    counters->websockets_total += all->total;
    counters->bytes_sent_total += all->bytes_sent;
}
