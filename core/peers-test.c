/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The limits of live connections and subscriptions, each exceeded as it is in limits.h; the clock
 * is a number. */
#include "core/limits.h"
#include "core/peers.h"

static void subscribe(Peers *peers, Peer *peer, guint count)
{
    for (guint i = 0; i < count; i++) {
        g_assert_cmpint(peers_refusal(peers, peer, 1, 0), ==, 0);
        peers_subscribed(peers, peer);
    }
}

static void test_connections(void)
{
    Peers *peers = peers_new();
    Peer *library = NULL;
    for (int i = 0; i < LIMIT_LIVE_ADDRESS; i++) {
        library = peers_enter(peers, "192.0.2.1", 0);
        g_assert_nonnull(library);
    }
    g_assert_null(peers_enter(peers, "192.0.2.1", 0));
    Peer *home = peers_enter(peers, "192.0.2.2", 0);
    g_assert_nonnull(home);
    g_assert_true(home != library);
    peers_leave(peers, library, 0, 0);
    g_assert_true(peers_enter(peers, "192.0.2.1", 0) == library);
    g_assert_null(peers_enter(peers, "192.0.2.1", 0));
    peers_leave(peers, home, 0, 0);
    g_assert_cmpuint(peers_known(peers), ==, 1);
    peers_free(peers);
}

static void test_subscriptions(void)
{
    Peers *peers = peers_new();
    Peer *library = peers_enter(peers, "192.0.2.1", 0), *home = peers_enter(peers, "::1", 0);
    subscribe(peers, library, LIMIT_SUBSCRIPTIONS_ADDRESS);
    g_assert_cmpint(peers_refusal(peers, library, 1, 0), ==, 106);
    subscribe(peers, home, LIMIT_SUBSCRIPTIONS - LIMIT_SUBSCRIPTIONS_ADDRESS);
    g_assert_cmpint(peers_refusal(peers, home, 1, 0), ==, 106);
    peers_unsubscribed(peers, library);
    g_assert_cmpint(peers_refusal(peers, home, 1, 0), ==, 0);
    g_assert_cmpint(peers_refusal(peers, home, 2, 0), ==, 106); /* all of a connect or none */
    peers_free(peers);
}

/* Coming and going does not help; waiting does. */
static void test_speed(void)
{
    Peers *peers = peers_new();
    guint left = LIMIT_SUBSCRIBES_BURST;
    while (left > 0) {
        Peer *peer = peers_enter(peers, "192.0.2.1", 0);
        guint count = MIN(left, LIMIT_CLIENT_CHANNELS);
        subscribe(peers, peer, count);
        peers_leave(peers, peer, count, 0);
        left -= count;
    }
    Peer *peer = peers_enter(peers, "192.0.2.1", 0);
    g_assert_cmpint(peers_refusal(peers, peer, 1, 0), ==, 111);
    Peer *other = peers_enter(peers, "192.0.2.2", 0);
    g_assert_cmpint(peers_refusal(peers, other, LIMIT_CLIENT_CHANNELS, 0), ==, 0);
    int64_t now_us = G_USEC_PER_SEC;
    g_assert_cmpint(peers_refusal(peers, peer, LIMIT_SUBSCRIBES_SECOND, now_us), ==, 0);
    g_assert_cmpint(peers_refusal(peers, peer, LIMIT_SUBSCRIBES_SECOND + 1, now_us), ==, 111);
    peers_leave(peers, peer, 0, now_us);
    peers_leave(peers, other, 0, now_us);
    peers_tidy(peers, now_us);
    g_assert_cmpuint(peers_known(peers), ==, 1); /* remembered, for it has not rested yet */
    peers_tidy(peers, now_us + LIMIT_SUBSCRIBES_BURST / LIMIT_SUBSCRIBES_SECOND * G_USEC_PER_SEC);
    g_assert_cmpuint(peers_known(peers), ==, 0);
    peers_free(peers);
}

/* Many addresses that come once: it forgets rather than grows. */
static void test_gone(void)
{
    Peers *peers = peers_new();
    for (guint i = 0; i < LIMIT_PEERS_GONE + 100; i++) {
        g_autofree char *address = g_strdup_printf("10.%u.%u.1", i / 256, i % 256);
        Peer *peer = peers_enter(peers, address, 0);
        subscribe(peers, peer, 1);
        peers_leave(peers, peer, 1, 0);
    }
    g_assert_cmpuint(peers_known(peers), ==, LIMIT_PEERS_GONE);
    Peer *back = peers_enter(peers, "10.0.0.1", 0);
    subscribe(peers, back, 1);
    g_assert_cmpuint(peers_known(peers), ==, LIMIT_PEERS_GONE);
    peers_leave(peers, back, 1, 0);
    peers_tidy(peers, G_USEC_PER_SEC);
    g_assert_cmpuint(peers_known(peers), ==, 0);
    peers_free(peers);
}

static void test_household(void)
{
    Peers *peers = peers_new();
    Peer *one = peers_enter(peers, "2001:db8:1:2::1", 0);
    g_assert_true(peers_enter(peers, "2001:db8:1:2:3::4", 0) == one);
    g_assert_true(peers_enter(peers, "2001:db8:1:3::1", 0) != one);
    g_assert_true(peers_enter(peers, "no address", 0) != one);
    peers_free(peers);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/peers/connections", test_connections);
    g_test_add_func("/peers/subscriptions", test_subscriptions);
    g_test_add_func("/peers/speed", test_speed);
    g_test_add_func("/peers/gone", test_gone);
    g_test_add_func("/peers/household", test_household);
    return g_test_run();
}
