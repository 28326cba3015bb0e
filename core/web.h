/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The web server: HTTP and WebSockets on one port.
 *
 * Main thread only. */
#pragma once
#include "core/http.h"
#include <uv.h>

typedef struct Web Web;

typedef struct {
    const char *address;         /* "127.0.0.1", "::", ... */
    int port;                    /* 0: any free one, see web_port() */
    const char *trusted_proxies; /* "" or addresses separated by spaces */
    /* 0: as in limits.h; tests have less time */
    int header_seconds, idle_seconds, body_window_seconds;
    int connections_most, connections_address, connections_stranger;
} WebOptions;

typedef enum { WEB_ERROR_LISTEN = 1 } WebError;
#define WEB_ERROR (web_error_quark())
GQuark web_error_quark(void);

Web *web_new(uv_loop_t *loop, const WebOptions *options, GError **error);
/* Stops listening, closes every connection; on_closed comes on the loop, the Web is freed then. */
void web_close(Web *web, void (*on_closed)(void *data), void *data);
int web_port(const Web *web);
void web_set_listening(Web *web, bool listening);

/* Requests whose path begins with prefix go to handle (longest prefix wins); none: 404. The handler
 * may answer at once, collect, stream, or keep the request. */
void web_route(Web *web, const char *prefix, void (*handle)(HttpRequest *request, void *data),
               void *data);

/* WebSockets. open is asked at the upgrade, with the request's header still there: it returns the
 * connection object, or NULL after setting *ret_status (403, 429, 503). It may close or kill the
 * socket, unless it refuses. One message is handed over
 * whole, at most max_message bytes long (socket_set_max_message() changes it later), longer ones
 * close with 1009. */
typedef struct {
    void *(*open)(void *data, Socket *socket, HttpRequest *request, int *ret_status);
    SocketHandler handler;
} WebSocketRoute;
void web_route_websocket(Web *web, const char *path, const WebSocketRoute *route, void *data);

/* Sockets: finished bytes out, at once. For a WebSocket the bytes are whole finished frames (header
 * and payload, as frame_*() in frame.h makes them); for a stream they are raw. */
typedef enum {
    SOCKET_SENT = 1, /* the kernel has it all */
    SOCKET_LAGGING,  /* all taken, but some waits; write nothing more until drained() */
    SOCKET_DEAD,     /* the connection is gone; closed() comes later, from the loop */
} SocketState;
SocketState socket_write(Socket *socket, const void *bytes, size_t size);
/* It will be written to soon: brings what that needs into the cache. */
void socket_prefetch(const Socket *socket);
bool socket_is_lagging(const Socket *socket);
/* WebSocket: sends a close frame with code and reason (plain text), then closes. Stream: closes.
 * closed() comes later, from the loop. */
void socket_close(Socket *socket, uint16_t code, const char *reason);
/* Without any farewell. */
void socket_kill(Socket *socket);
void socket_set_max_message(Socket *socket, size_t max_message);
const char *socket_peer(const Socket *socket);

/* Counters for /metrics. */
typedef struct {
    uint64_t connections_total, requests_total, refused_total, websockets_total, bytes_sent_total;
    uint64_t connections, websockets; /* now */
} WebCounters;
WebCounters web_counters(const Web *web);
