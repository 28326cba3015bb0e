/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A library is one address behind its router, so an address may have nearly all there is; but not
 * all: somebody at home, who opens what he can, leaves room for the displays. */
#include "core/peers.h"

#include "core/limits.h"
#include "core/origin.h"

struct Peer {
    char *address;
    guint connections, subscriptions;
};

struct Peers {
    GHashTable *by_address; /* Peer, owned */
    PeersLimits limits;
    guint subscriptions;
};

static void peer_free(void *data)
{
    Peer *peer = data;
    g_free(peer->address);
    g_free(peer);
}

Peers *peers_new(void)
{
    Peers *peers = g_new0(Peers, 1);
    peers->by_address = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, peer_free);
    peers_set_limits(peers, &(PeersLimits){0});
    return peers;
}

void peers_free(Peers *peers)
{
    if (peers != NULL) {
        g_hash_table_unref(peers->by_address);
        g_free(peers);
    }
}

static guint or_limit(guint most, guint limit)
{
    return most != 0 ? most : limit;
}

void peers_set_limits(Peers *peers, const PeersLimits *limits)
{
    peers->limits = (PeersLimits){
        .connections_address = or_limit(limits->connections_address, LIMIT_LIVE_ADDRESS),
        .subscriptions_address =
            or_limit(limits->subscriptions_address, LIMIT_SUBSCRIPTIONS_ADDRESS),
        .subscriptions = or_limit(limits->subscriptions, LIMIT_SUBSCRIPTIONS),
    };
}

Peer *peers_enter(Peers *peers, const char *address)
{
    g_autofree char *household = origin_household(address);
    Peer *peer = g_hash_table_lookup(peers->by_address, household);
    if (peer == NULL) {
        peer = g_new0(Peer, 1);
        peer->address = g_steal_pointer(&household);
        g_hash_table_insert(peers->by_address, peer->address, peer);
    }
    if (peer->connections >= peers->limits.connections_address) {
        return NULL;
    }
    peer->connections++;
    return peer;
}

void peers_leave(Peers *peers, Peer *peer, guint subscriptions)
{
    g_assert(peer->connections > 0 && peer->subscriptions >= subscriptions);
    peer->subscriptions -= subscriptions;
    peers->subscriptions -= subscriptions;
    if (--peer->connections == 0) {
        g_assert(peer->subscriptions == 0);
        g_hash_table_remove(peers->by_address, peer->address);
    }
}

guint peers_room(const Peers *peers, const Peer *peer)
{
    guint all = peers->limits.subscriptions, own = peers->limits.subscriptions_address;
    all -= MIN(all, peers->subscriptions);
    own -= MIN(own, peer->subscriptions);
    return MIN(all, own);
}

void peers_subscribed(Peers *peers, Peer *peer)
{
    peer->subscriptions++;
    peers->subscriptions++;
}

void peers_unsubscribed(Peers *peers, Peer *peer)
{
    peer->subscriptions--;
    peers->subscriptions--;
}

guint peers_subscriptions(const Peers *peers)
{
    return peers->subscriptions;
}
