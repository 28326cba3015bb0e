/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Inside of the web server, between front.c, connection.c and http.c: one TCP connection and the
 * exchange that it carries.
 *
 * A connection reads a head, lives through the request's body and its answer, and begins again. All
 * that happens to it ends in connection_settle(), the one place that calls handlers, sends, and
 * frees; what code inside a handler asks for (an answer, a pause, a drop) only changes state and is
 * acted on there. Thus no handler ever sees its request vanish under its feet. */
#pragma once
#include "core/front.h"
#include "core/headers.h"
#include "core/outbox.h"
#include "core/poll_set.h"
#include "core/socket.h"

typedef enum {
    BODY_WAITS = 1, /* nobody asked for it yet */
    BODY_COLLECTS,
    BODY_STREAMS,
    BODY_DISCARDS, /* answered without it */
    BODY_ENDED,    /* all was delivered */
} BodyState;

typedef struct Connection Connection;

struct HttpRequest {
    Connection *connection;
    Headers headers;
    GHashTable *parameters; /* of the query; made when first asked for */
    char *peer, *origin;

    BodyState body;
    int64_t body_left; /* bytes that did not come yet */
    bool is_paused;
    GByteArray *collected;
    void (*on_collected)(HttpRequest *request, GBytes *body, void *data);
    HttpStream stream;
    void *body_data;

    void (*on_gone)(HttpRequest *request, void *data);
    void *gone_data;
    bool is_answered;
    bool closes;              /* no further request after this one */
    bool closes_without_body; /* and what is left of its body is not worth reading */
    Socket *socket;           /* of an endless answer */
    bool is_ending;           /* which is to end now */
};

typedef enum {
    CONNECTION_READS = 1, /* waits for a head */
    CONNECTION_ANSWERS,   /* has a request */
    CONNECTION_LINGERS, /* said all; waits for the client's end, so that no reset eats the answer */
} ConnectionState;

struct Connection {
    PollMember member;      /* has the socket */
    GList link, ready_link; /* of front->connections and front->ready; data is the connection */
    Front *front;
    char address[64]; /* of the socket's other end */
    ConnectionState state;
    GByteArray *in; /* head, and what came with it; NULL when empty */
    HttpRequest *request;
    Outbox outbox;
    bool is_stranger, is_busy, is_ready, is_dead, has_ended;
    uint64_t deadline_ms;    /* of the state; 0: none */
    uint64_t progress_ms;    /* when the client last took something */
    int64_t received, since; /* body bytes in this window, and when it began (ms) */
};

struct Front {
    uv_loop_t *loop;
    PollSet *set;
    FrontHandler handler;
    char *trusted_proxies;
    uv_poll_t *listener; /* while listen_fd is not -1 */
    int listen_fd, spare_fd, port;
    char *listen_address;
    uv_timer_t wheel; /* once a second while there are connections */
    uv_idle_t settler;
    GQueue connections, ready;
    GHashTable *addresses;
    WebCounters counters;
    WebOptions options; /* with all limits filled in; its texts are not */
    char *buffer;       /* LIMIT_WRITE_CHUNK_BYTES, for one recv() */
    bool is_closing;
    int handles;
    void (*on_closed)(void *data);
    void *closed_data;
};

/* Takes fd. */
void connection_start(Front *front, int fd, const char *address);
/* Something changed: settle now or, inside of a handler, as soon as it returned. */
void connection_settle(Connection *connection);
/* As connection_settle(), but always from the loop, never inside the caller. */
void connection_settle_later(Connection *connection);
void connection_tick(Connection *connection, uint64_t now_ms);
void connection_kill(Connection *connection);
OutboxState connection_send(Connection *connection);

bool front_is_trusted_proxy(const Front *front, const char *address);
/* The head of its first request is complete. */
void front_greet(Front *front, const char *address);
void front_forget(Connection *connection);

/* http.c */
HttpRequest *http_request_new(Connection *connection);
void http_request_free(HttpRequest *request);
/* Gives size bytes of the body to who wants them. */
void http_request_feed(HttpRequest *request, const void *bytes, size_t size);
/* Calls the end of the body; false when it is not time. */
bool http_request_end_body(HttpRequest *request);
void http_request_gone(HttpRequest *request);
void http_request_drained(HttpRequest *request);
bool http_request_wants_body(const HttpRequest *request);
/* Queues an answer of the server itself: no handler saw the request. */
void http_refuse(HttpRequest *request, int status);
