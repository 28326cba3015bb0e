/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * WebSockets of clients: from the checked request on, finished frames out with one send(), whole
 * messages in. They have a poll set of their own: when ten thousand of them end at once, requests
 * do not wait behind them. Source: RFC 6455.
 *
 * Main thread only. */
#pragma once
#include "core/web.h"

typedef struct WebSockets WebSockets; /* all of them */

/* on_left: one has ended that came from this address (http_address() of its request). */
WebSockets *websockets_new(uv_loop_t *loop, void (*on_left)(void *data, const char *address),
                           void *data);
/* Ends every one without a farewell; on_closed on the loop, after that they are freed. */
void websockets_close(WebSockets *websockets, void (*on_closed)(void *data), void *data);

/* Asks route->open and shakes hands. Returns 0 when it took fd (non-blocking, in no poll set),
 * else the HTTP status of the refusal. */
int websockets_adopt(WebSockets *websockets, int fd, HttpRequest *request,
                     const WebSocketRoute *route, void *route_data);
/* websockets, websockets_total and bytes_sent_total are added to counters. */
void websockets_count(const WebSockets *websockets, WebCounters *counters);
