/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How many live connections and subscriptions there are, in all and of each address, and how fast
 * an address begins new ones. The address is http_peer(): behind a trusted proxy the client's own,
 * where the front door sees only the proxy.
 *
 * now_us: monotonic. */
#pragma once
#include <glib.h>

typedef struct Peers Peers;
typedef struct Peer Peer; /* one address; a /64 of IPv6 */

/* 0: as in limits.h; tests have less */
typedef struct {
    guint connections_address, subscriptions_address, subscriptions;
    guint subscribes_burst, subscribes_second; /* of an address */
} PeersLimits;

Peers *peers_new(void);
void peers_free(Peers *peers);
void peers_set_limits(Peers *peers, const PeersLimits *limits);
/* A connection of that address more; NULL when it has too many. */
Peer *peers_enter(Peers *peers, const char *address, int64_t now_us);
/* It left, with as many subscriptions as it still had. */
void peers_leave(Peers *peers, Peer *peer, guint subscriptions, int64_t now_us);
/* May it have count more? 0, or the protocol's error: 106 too many, 111 too fast. */
int peers_refusal(Peers *peers, Peer *peer, guint count, int64_t now_us);
void peers_subscribed(Peers *peers, Peer *peer);
void peers_unsubscribed(Peers *peers, Peer *peer);
/* Forgets who left and may begin as much as anybody; now and then. */
void peers_tidy(Peers *peers, int64_t now_us);
guint peers_known(const Peers *peers); /* addresses in memory */
