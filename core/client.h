/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One live client over a WebSocket: the Centrifuge client protocol, JSON.
 * Source: centrifugal.dev client protocol, version 2 (bidirectional, JSON), 2024. */
#pragma once
#include "core/access.h"
#include "core/live.h"
#include "core/web.h"

typedef struct Clients Clients; /* all of them, and what they may call */

/* rpc "POST /api/queue/tickets": runs a route as that identity; on_reply exactly once, later or at
 * once. Takes body. */
typedef struct {
    void (*call)(void *data, const Identity *identity, const char *peer, const char *method,
                 json_t *body, void (*on_reply)(int status, const json_t *body, void *reply_data),
                 void *reply_data);
    void *data;
    /* The house clock, as a connected client is told; NULL: the machine's. */
    int64_t (*now_us)(void *time_data);
    /* The answer to rpc "time": {"now_us":N,...}; NULL: now_us alone. */
    json_t *(*tell_time)(void *time_data);
    void *time_data;
} ClientsCall;

Clients *clients_new(Live *live, Access *access, uv_loop_t *loop, const ClientsCall *call);
void clients_free(Clients *clients);
/* What came and what was refused, for /metrics. */
void clients_write_figures(const Clients *clients, GString *out);
/* /connection/websocket */
void clients_mount(Clients *clients, Web *web);
/* /connection/uni_sse (events.c) */
void events_mount(Clients *clients, Web *web);
