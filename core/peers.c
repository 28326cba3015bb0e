/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A library is one address behind its router, so an address may have nearly all there is; but not
 * all: somebody at home, who opens what he can, leaves room for the displays. Nor does it help him
 * to come and go: each connection has a budget of commands of its own, but what subscriptions cost
 * is counted for the address, and remembered when its last connection has left. */
#include "core/peers.h"

#include "core/limits.h"
#include "core/origin.h"

#include <stdbool.h>

struct Peer {
    char *address;
    guint connections, subscriptions;
    int64_t budget; /* subscriptions that it may begin now */
    int64_t budget_us;
};

struct Peers {
    GHashTable *by_address; /* Peer, owned */
    PeersLimits limits;
    guint subscriptions;
    guint gone; /* peers without a connection */
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
        .subscribes_burst = or_limit(limits->subscribes_burst, LIMIT_SUBSCRIBES_BURST),
        .subscribes_second = or_limit(limits->subscribes_second, LIMIT_SUBSCRIBES_SECOND),
    };
}

static bool is_rested(const Peers *peers, Peer *peer, int64_t now_us)
{
    int64_t burst = peers->limits.subscribes_burst;
    int64_t earned = (now_us - peer->budget_us) * peers->limits.subscribes_second / G_USEC_PER_SEC;
    if (earned > 0) {
        peer->budget = MIN(peer->budget + earned, burst);
        peer->budget_us = now_us;
    }
    return peer->budget >= burst;
}

Peer *peers_enter(Peers *peers, const char *address, int64_t now_us)
{
    g_autofree char *household = origin_household(address);
    Peer *peer = g_hash_table_lookup(peers->by_address, household);
    if (peer == NULL) {
        peer = g_new0(Peer, 1);
        peer->address = g_steal_pointer(&household);
        peer->budget = peers->limits.subscribes_burst;
        peer->budget_us = now_us;
        g_hash_table_insert(peers->by_address, peer->address, peer);
    } else if (peer->connections == 0) {
        peers->gone--;
    } else if (peer->connections >= peers->limits.connections_address) {
        return NULL;
    }
    peer->connections++;
    return peer;
}

void peers_leave(Peers *peers, Peer *peer, guint subscriptions, int64_t now_us)
{
    g_assert(peer->connections > 0 && peer->subscriptions >= subscriptions);
    peer->subscriptions -= subscriptions;
    peers->subscriptions -= subscriptions;
    if (--peer->connections > 0) {
        return;
    }
    g_assert(peer->subscriptions == 0);
    if (is_rested(peers, peer, now_us) || peers->gone >= LIMIT_PEERS_GONE) {
        g_hash_table_remove(peers->by_address, peer->address);
    } else {
        peers->gone++;
    }
}

int peers_refusal(Peers *peers, Peer *peer, guint count, int64_t now_us)
{
    if (peers->subscriptions + count > peers->limits.subscriptions ||
        peer->subscriptions + count > peers->limits.subscriptions_address) {
        return 106;
    }
    (void)is_rested(peers, peer, now_us);
    return peer->budget < count ? 111 : 0;
}

void peers_subscribed(Peers *peers, Peer *peer)
{
    peer->budget--;
    peer->subscriptions++;
    peers->subscriptions++;
}

void peers_unsubscribed(Peers *peers, Peer *peer)
{
    peer->subscriptions--;
    peers->subscriptions--;
}

void peers_tidy(Peers *peers, int64_t now_us)
{
    GHashTableIter iterator;
    void *value;
    if (peers->gone == 0) {
        return;
    }
    g_hash_table_iter_init(&iterator, peers->by_address);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Peer *peer = value;
        if (peer->connections == 0 && is_rested(peers, peer, now_us)) {
            g_hash_table_iter_remove(&iterator);
            peers->gone--;
        }
    }
}

guint peers_known(const Peers *peers)
{
    return g_hash_table_size(peers->by_address);
}
