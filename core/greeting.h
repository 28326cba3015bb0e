/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a client is told when it connects and when it subscribes, as text; and the channels that it
 * gets with the connect itself (server-side subscriptions). For client.c and events.c. */
#pragma once
#include "core/client_private.h"

/* Appends the result of a subscribe. The value of a state is copied as it lies in memory: ten
 * thousand that come back at once cost no JSON. */
void greeting_add_subscribed(GString *out, const LiveSubscribed *subscribed);
/* The channels of a connect object, and those of the identity's token that it may read. The wishes
 * point into `subs` and `*ret_given`, which is the caller's (g_strfreev()). False: malformed or too
 * many.
 */
bool greeting_read_wishes(const Clients *clients, const Identity *identity, const json_t *subs,
                          GArray *wishes, char ***ret_given);
/* Subscribes to all of them that the identity may read, and appends what became of each, as
 * {channel: result}; the others are left out. 0, or the protocol's error: then the reader has
 * none of them. */
int greeting_subscribe(Clients *clients, LiveReader *reader, Peer *peer, const Identity *identity,
                       const GArray *wishes, GString *subs);
/* Appends the result of a connect; subs is what greeting_subscribe() made. has_pong: the client
 * answers pings. */
void greeting_add_connected(GString *out, const Clients *clients, const Identity *identity,
                            const char *subs, bool has_pong);
