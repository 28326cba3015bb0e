/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The front door: the listening socket, who may come in, and the connections that speak HTTP. What
 * a WebSocket is it does not know: it hands such a connection's socket on.
 *
 * Main thread only. */
#pragma once
#include "core/web.h"

typedef struct Front Front;

typedef struct {
    void *data;
    /* A whole request head has come. */
    void (*on_request)(HttpRequest *request, void *data);
    /* It asks to become a WebSocket. Returns 0 when fd was taken (non-blocking, in no set; the
     * request dies when this has returned), else the HTTP status of the refusal. */
    int (*on_upgrade)(HttpRequest *request, int fd, void *data);
} FrontHandler;

Front *front_new(uv_loop_t *loop, const WebOptions *options, const FrontHandler *handler,
                 GError **error);
/* Ends every connection; on_closed on the loop, after that the Front is freed. */
void front_close(Front *front, void (*on_closed)(void *data), void *data);
int front_port(const Front *front);
/* Without listening new clients are refused; listening again takes the same port. */
void front_set_listening(Front *front, bool listening);
/* A connection handed on has ended. address: http_address() of its request. */
void front_leave(Front *front, const char *address);
/* The socket's other end, a proxy perhaps. */
const char *http_address(const HttpRequest *request);
WebCounters *front_counters(Front *front);
