/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One TCP connection that speaks HTTP. See connection.h for its life.
 *
 * It reads only what it may use next: a head up to its limit, then the body as somebody wants it.
 * What a client sends beyond that stays in the kernel, and slows down nobody but the client. */
#include "core/connection.h"
#include "core/limits.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MS_PER_SECOND 1000u

static uint64_t now_ms(const Connection *connection)
{
    return uv_now(connection->front->loop);
}

static void set_deadline(Connection *connection, int seconds)
{
    connection->deadline_ms =
        seconds == 0 ? 0 : now_ms(connection) + (uint64_t)seconds * MS_PER_SECOND;
}

/* --- The end ---------------------------------------------------------------------------------- */

/* Frees all but the socket. */
static void leave(Connection *connection)
{
    Front *front = connection->front;
    if (connection->is_ready) {
        g_queue_unlink(&front->ready, &connection->ready_link);
    }
    g_queue_unlink(&front->connections, &connection->link);
    outbox_clear(&connection->outbox);
    g_clear_pointer(&connection->in, g_byte_array_unref);
    g_free(connection);
}

static void end(Connection *connection)
{
    if (connection->request != NULL) {
        connection->is_busy = true; /* its owner may call us once more */
        http_request_gone(connection->request);
        http_request_free(connection->request);
        connection->request = NULL;
    }
    (void)poll_set_watch(connection->front->set, &connection->member, 0);
    close(connection->member.fd);
    front_forget(connection);
    leave(connection);
}

void connection_kill(Connection *connection)
{
    connection->is_dead = true;
    connection_settle_later(connection);
}

/* --- Steps ------------------------------------------------------------------------------------ */

/* Closes our side; the client's bytes are read and forgotten until it closes too, for a socket
 * closed with unread bytes answers them with a reset that can overtake our answer. */
static bool linger(Connection *connection)
{
    g_clear_pointer(&connection->in, g_byte_array_unref);
    connection->state = CONNECTION_LINGERS;
    connection->received = 0;
    set_deadline(connection, LIMIT_LINGER_SECONDS);
    connection->is_dead |= shutdown(connection->member.fd, SHUT_WR) != 0;
    return true;
}

static bool finish_answer(Connection *connection)
{
    bool closes = connection->request->closes;
    if (connection->request->socket != NULL) {
        http_request_gone(connection->request);
    }
    http_request_free(connection->request);
    connection->request = NULL;
    if (closes) {
        return linger(connection);
    }
    connection->state = CONNECTION_READS;
    connection->has_ended = false; /* what came before the end was not all read: it comes again */
    set_deadline(connection, connection->in == NULL ? connection->front->options.idle_seconds
                                                    : connection->front->options.header_seconds);
    return true;
}

OutboxState connection_send(Connection *connection)
{
    WebCounters *counters = &connection->front->counters;
    uint64_t before = counters->bytes_sent_total;
    OutboxState state =
        outbox_send(&connection->outbox, connection->member.fd, &counters->bytes_sent_total);
    if (counters->bytes_sent_total != before) {
        connection->progress_ms = now_ms(connection);
    }
    return state;
}

static bool send_some(Connection *connection)
{
    OutboxState state = connection_send(connection);
    connection->is_dead |= state == OUTBOX_DEAD;
    if (state == OUTBOX_SENT && connection->request->socket != NULL) {
        http_request_drained(connection->request);
    }
    return state != OUTBOX_WAITING;
}

static void take(Connection *connection, size_t size)
{
    g_byte_array_remove_range(connection->in, 0, (guint)size);
    if (connection->in->len == 0) {
        g_clear_pointer(&connection->in, g_byte_array_unref);
    }
}

static bool feed(Connection *connection)
{
    HttpRequest *request = connection->request;
    if (connection->in != NULL && http_request_wants_body(request)) {
        size_t size = (size_t)MIN((int64_t)connection->in->len, request->body_left);
        g_autoptr(GByteArray) in = g_byte_array_ref(connection->in);
        http_request_feed(request, in->data, size);
        take(connection, size);
        return true;
    }
    return http_request_end_body(request);
}

static bool answer(Connection *connection)
{
    HttpRequest *request = connection->request;
    if (feed(connection)) {
        return true;
    }
    if (!outbox_is_empty(&connection->outbox)) {
        return send_some(connection);
    }
    if (request->socket != NULL && !request->is_ending) {
        return false;
    }
    bool body_is_over = request->body_left == 0 || request->closes_without_body;
    return request->is_answered && body_is_over && finish_answer(connection);
}

/* The socket belongs to another now; only our part of the connection ends. */
static void hand_on(Connection *connection)
{
    http_request_free(connection->request);
    connection->request = NULL;
    leave(connection);
}

static void begin_window(Connection *connection)
{
    connection->received = 0;
    connection->since = (int64_t)now_ms(connection);
}

static void begin_request(Connection *connection, HttpRequest *request)
{
    Front *front = connection->front;
    connection->request = request;
    connection->state = CONNECTION_ANSWERS;
    connection->progress_ms = now_ms(connection);
    set_deadline(connection, 0);
    begin_window(connection);
    front->counters.requests_total++;
    if (connection->is_stranger) {
        connection->is_stranger = false;
        front_greet(front, connection->address);
    }
}

/* Returns false when the connection is no longer ours. */
static bool upgrade(Connection *connection)
{
    Front *front = connection->front;
    HttpRequest *request = connection->request;
    const char *wish = headers_get(&request->headers, "upgrade");
    if (g_ascii_strcasecmp(wish, "websocket") != 0 || connection->in != NULL) {
        http_refuse(request, 400);
        return true;
    }
    (void)poll_set_watch(front->set, &connection->member, 0);
    int status = front->handler.on_upgrade(request, connection->member.fd, front->handler.data);
    if (status != 0) {
        http_refuse(request, status);
        return true;
    }
    hand_on(connection);
    return false;
}

typedef enum { READ_NOTHING = 1, READ_SOMETHING, READ_HANDED_ON } ReadResult;

static ReadResult read_head(Connection *connection)
{
    GByteArray *in = connection->in;
    /* An empty line before the request line is forgiven (RFC 9112, 2.2). */
    while (in != NULL && in->len >= 2 && memcmp(in->data, "\r\n", 2) == 0) {
        take(connection, 2);
        in = connection->in;
    }
    if (in == NULL) {
        connection->is_dead |= connection->has_ended;
        return READ_NOTHING;
    }
    size_t size = headers_end((const char *)in->data, in->len);
    if (size == 0 && in->len < LIMIT_HEADER_BYTES) {
        connection->is_dead |= connection->has_ended;
        return READ_NOTHING;
    }
    HttpRequest *request = http_request_new(connection);
    int status = size == 0 ? 431 : headers_parse(&request->headers, (char *)in->data, size);
    if (size != 0) {
        take(connection, size);
    }
    begin_request(connection, request);
    if (status != 0) {
        http_refuse(request, status);
        return READ_SOMETHING;
    }
    request->closes = !request->headers.keeps_alive;
    request->body_left = request->headers.content_length;
    if (headers_get(&request->headers, "upgrade") != NULL) {
        return upgrade(connection) ? READ_SOMETHING : READ_HANDED_ON;
    }
    connection->front->handler.on_request(request, connection->front->handler.data);
    return READ_SOMETHING;
}

/* --- Settling --------------------------------------------------------------------------------- */

static bool watch(Connection *connection)
{
    uint32_t events = EPOLLIN;
    if (connection->state == CONNECTION_ANSWERS) {
        events = connection->has_ended ? 0u : EPOLLRDHUP;
        if (http_request_wants_body(connection->request)) {
            events = EPOLLIN;
        }
        if (!outbox_is_empty(&connection->outbox)) {
            events |= EPOLLOUT;
        }
    }
    return poll_set_watch(connection->front->set, &connection->member, events);
}

void connection_settle(Connection *connection)
{
    if (connection->is_busy) {
        return;
    }
    connection->is_busy = true;
    bool moves = true;
    ReadResult result = READ_NOTHING;
    while (moves && !connection->is_dead) {
        switch (connection->state) {
        case CONNECTION_READS:
            if (result == READ_SOMETHING && connection->in != NULL) {
                connection_settle_later(connection); /* one request of a pipeline a turn */
                moves = false;
                break;
            }
            result = read_head(connection);
            if (result == READ_HANDED_ON) {
                return;
            }
            moves = result == READ_SOMETHING;
            break;
        case CONNECTION_ANSWERS:
            moves = answer(connection);
            break;
        case CONNECTION_LINGERS:
            moves = false;
            break;
        }
    }
    connection->is_busy = false;
    if (connection->is_dead || !watch(connection)) {
        end(connection);
    }
}

static void on_settle(uv_idle_t *idle)
{
    Front *front = idle->data;
    TurnBudget budget = turn_budget();
    /* Those that become ready meanwhile have the next turn. */
    for (guint left = front->ready.length; left > 0 && !turn_budget_is_spent(&budget); left--) {
        GList *link = g_queue_pop_head_link(&front->ready);
        if (link == NULL) {
            break;
        }
        Connection *connection = link->data;
        connection->is_ready = false;
        connection_settle(connection);
    }
    if (front->ready.length == 0) {
        uv_idle_stop(idle);
    }
}

void connection_settle_later(Connection *connection)
{
    Front *front = connection->front;
    if (connection->is_ready) {
        return;
    }
    connection->is_ready = true;
    g_queue_push_tail_link(&front->ready, &connection->ready_link);
    uv_idle_start(&front->settler, on_settle);
}

/* --- Events ----------------------------------------------------------------------------------- */

static size_t read_most(const Connection *connection)
{
    switch (connection->state) {
    case CONNECTION_READS:
        return LIMIT_HEADER_BYTES - (connection->in == NULL ? 0 : connection->in->len);
    case CONNECTION_ANSWERS:
        return (size_t)MIN(connection->request->body_left, (int64_t)LIMIT_WRITE_CHUNK_BYTES);
    case CONNECTION_LINGERS:
        break;
    }
    return LIMIT_WRITE_CHUNK_BYTES;
}

static void got(Connection *connection, const char *bytes, size_t size)
{
    connection->received += (int64_t)size;
    switch (connection->state) {
    case CONNECTION_READS:
        if (connection->in == NULL) {
            connection->in = g_byte_array_new();
            if (!connection->is_stranger) {
                set_deadline(connection, connection->front->options.header_seconds);
            }
        }
        g_byte_array_append(connection->in, (const uint8_t *)bytes, (guint)size);
        break;
    case CONNECTION_ANSWERS:
        /* Handlers must not settle us before the buffer is free again. */
        connection->is_busy = true;
        http_request_feed(connection->request, bytes, size);
        connection->is_busy = false;
        break;
    case CONNECTION_LINGERS:
        connection->is_dead |= connection->received > LIMIT_LINGER_BYTES;
        break;
    }
}

static void read_some(Connection *connection)
{
    size_t most = read_most(connection);
    if (most == 0) {
        return;
    }
    ssize_t count = recv(connection->member.fd, connection->front->buffer, most, 0);
    if (count > 0) {
        got(connection, connection->front->buffer, (size_t)count);
    } else if (count == 0) {
        connection->has_ended = true;
        /* While it answers, it reads only what it needs. */
        connection->is_dead |= connection->state != CONNECTION_READS;
    } else if (errno != EAGAIN && errno != EINTR) {
        connection->is_dead = true;
    }
}

/* The client closed its side, or all. With a request under way it may still wait for the answer;
 * an endless answer has no reader any more. */
static void ended(Connection *connection)
{
    char byte;
    connection->has_ended = true;
    if (recv(connection->member.fd, &byte, 1, MSG_PEEK) < 0 && errno != EAGAIN) {
        connection->is_dead = true;
    }
    if (connection->request != NULL && connection->request->socket != NULL) {
        connection->is_dead = true;
    }
}

static void on_ready(PollMember *member, uint32_t events)
{
    Connection *connection = (Connection *)((char *)member - offsetof(Connection, member));
    if ((events & EPOLLERR) != 0) {
        connection->is_dead = true;
    } else if ((events & member->watched & EPOLLIN) != 0) {
        read_some(connection);
    } else if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0) {
        ended(connection);
    }
    connection_settle(connection);
}

void connection_start(Front *front, int fd, const char *address)
{
    Connection *connection = g_new0(Connection, 1);
    *connection = (Connection){
        .member = {.on_ready = on_ready, .fd = fd},
        .front = front,
        .state = CONNECTION_READS,
        .is_stranger = true,
    };
    g_strlcpy(connection->address, address, sizeof connection->address);
    connection->link.data = connection->ready_link.data = connection;
    set_deadline(connection, front->options.header_seconds);
    g_queue_push_tail_link(&front->connections, &connection->link);
    /* Mostly the request is here already: then it does not count as a stranger's for long. */
    read_some(connection);
    connection_settle(connection);
}

/* --- Time ------------------------------------------------------------------------------------- */

static void check_body_rate(Connection *connection, uint64_t now)
{
    if (!http_request_wants_body(connection->request)) {
        begin_window(connection);
        return;
    }
    int64_t seconds = ((int64_t)now - connection->since) / MS_PER_SECOND;
    if (seconds < connection->front->options.body_window_seconds) {
        return;
    }
    if (connection->received < seconds * LIMIT_BODY_MIN_BYTES_SECOND) {
        connection->is_dead = true;
    }
    begin_window(connection);
}

void connection_tick(Connection *connection, uint64_t now)
{
    if (connection->is_busy) {
        return;
    }
    if (connection->state == CONNECTION_ANSWERS) {
        check_body_rate(connection, now);
        if (!outbox_is_empty(&connection->outbox) &&
            now - connection->progress_ms > LIMIT_BEHIND_SECONDS * MS_PER_SECOND) {
            connection->is_dead = true;
        }
    }
    if (connection->deadline_ms != 0 && now >= connection->deadline_ms) {
        if (connection->state == CONNECTION_READS && connection->in != NULL) {
            begin_request(connection, http_request_new(connection));
            http_refuse(connection->request, 408);
        } else {
            connection->is_dead = true;
        }
    }
    if (connection->is_dead || !connection->is_ready) { /* else its turn comes */
        connection_settle(connection);
    }
}
