/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How many live connections and subscriptions there are, in all and of each address. The address is
 * http_peer(): behind a trusted proxy the client's own, where the front door sees only the proxy.
 */
#pragma once
#include <glib.h>

typedef struct Peers Peers;
typedef struct Peer Peer; /* one address with a connection; a /64 of IPv6 */

/* 0: as in limits.h; tests have less */
typedef struct {
    guint connections_address, subscriptions_address, subscriptions;
} PeersLimits;

Peers *peers_new(void);
void peers_free(Peers *peers);
void peers_set_limits(Peers *peers, const PeersLimits *limits);
/* A connection of that address more; NULL when it has too many. */
Peer *peers_enter(Peers *peers, const char *address);
/* It left, with as many subscriptions as it still had. */
void peers_leave(Peers *peers, Peer *peer, guint subscriptions);
/* How many more it may have. */
guint peers_room(const Peers *peers, const Peer *peer);
void peers_subscribed(Peers *peers, Peer *peer);
void peers_unsubscribed(Peers *peers, Peer *peer);
guint peers_subscriptions(const Peers *peers); /* now */
