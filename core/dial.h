/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Outgoing connections to one server: a WebSocket, and plain HTTP requests. The only client that
 * knows libwebsockets; it is a guest on the caller's libuv loop.
 *
 * The loop's thread only. The last word of each conversation (closed, end) never comes from within
 * a function of this file, so handlers may do anything. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

typedef struct Dial Dial;
typedef struct DialTalk DialTalk; /* one conversation */

typedef enum { DIAL_ERROR_ADDRESS = 1, DIAL_ERROR_CONTEXT } DialError;
#define DIAL_ERROR (dial_error_quark())
GQuark dial_error_quark(void);

/* server: "http://host:port" or "https://host". */
Dial *dial_new(uv_loop_t *loop, const char *server, GError **error);
/* Ends all conversations without a last word. After this let the loop run to its end, then
 * dial_free(). */
void dial_close(Dial *dial);
void dial_free(Dial *dial);

typedef struct {
    void (*opened)(void *data);
    void (*message)(void *data, const char *text, size_t size); /* whole */
    /* Last. code: of the close frame, 0 without one. */
    void (*closed)(void *data, uint16_t code);
} DialSocketHandler;
DialTalk *dial_websocket(Dial *dial, const char *path, const DialSocketHandler *handler,
                         void *data);
/* Where an open WebSocket's connection really went; 0: there is none. */
socklen_t dial_peer(const DialTalk *talk, struct sockaddr_storage *ret_peer);
void dial_send(DialTalk *talk, const char *text, size_t size); /* one message; copied */

typedef struct {
    /* The header came. from: the first byte that will come (Content-Range), size: of what will come
     * or -1. False: stop. */
    bool (*status)(void *data, int status, int64_t from, int64_t size);
    bool (*bytes)(void *data, const void *bytes, size_t size); /* false: stop */
    void (*end)(void *data, bool is_complete);                 /* last */
} DialFetchHandler;
/* from > 0: asks for the rest from there (Range). */
DialTalk *dial_fetch(Dial *dial, const char *method, const char *path, int64_t from,
                     const DialFetchHandler *handler, void *data);
/* Ends it; closed/end still comes. */
void dial_hang_up(DialTalk *talk);
