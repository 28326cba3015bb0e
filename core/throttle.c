/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How often somebody failed to log in, in memory. */
#include "core/throttle.h"
#include "core/limits.h"
#include "core/origin.h"
#include <glib.h>
#include <string.h>

/* A shared address (a library behind its router) and a name under attack stand more than a pair. */
#define ADDRESS_FAILURES  (5 * LIMIT_LOGIN_FAILURES)
#define NAME_FAILURES     (10 * LIMIT_LOGIN_FAILURES)
#define STRANGER_FAILURES 3 /* of a pair, while its name is under attack */
#define ENTRIES           4096
#define KNOWN_PAIRS       1024
#define WINDOW_US         (LIMIT_LOGIN_WINDOW_SECONDS * G_USEC_PER_SEC)

typedef struct {
    int failures;
    int64_t since_us;
} Count;

struct Throttle {
    GHashTable *counts; /* "n name", "a address", "p address name" -> Count */
    GHashTable *known;  /* "p address name" of those who have logged in */
};

Throttle *throttle_new(void)
{
    Throttle *throttle = g_new0(Throttle, 1);
    throttle->counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    throttle->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return throttle;
}

void throttle_free(Throttle *throttle)
{
    if (throttle == NULL)
        return;
    g_hash_table_unref(throttle->counts);
    g_hash_table_unref(throttle->known);
    g_free(throttle);
}

typedef struct {
    char *name, *address, *pair;
} Keys;

static void keys_init(Keys *keys, const char *name, const char *address)
{
    keys->name = g_strconcat("n ", name, NULL);
    g_autofree char *household = origin_household(address);
    keys->address = g_strconcat("a ", household, NULL);
    keys->pair = g_strconcat("p", keys->address + 1, " ", name, NULL);
}

static void keys_clear(Keys *keys)
{
    g_free(keys->name);
    g_free(keys->address);
    g_free(keys->pair);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Keys, keys_clear)

static const Count *count_of(Throttle *throttle, const char *key, int64_t now_us)
{
    static const Count none = {0};
    const Count *count = g_hash_table_lookup(throttle->counts, key);
    return count != NULL && now_us - count->since_us < WINDOW_US ? count : &none;
}

static gboolean is_over(void *key, void *value, void *data)
{
    return *(const int64_t *)data - ((const Count *)value)->since_us >= WINDOW_US;
}

/* Old windows go first; under a flood of names the oldest half goes. */
static void make_room(Throttle *throttle, int64_t now_us)
{
    if (g_hash_table_size(throttle->counts) < ENTRIES)
        return;
    g_hash_table_foreach_remove(throttle->counts, is_over, &now_us);
    for (int64_t age_us = WINDOW_US / 2;
         g_hash_table_size(throttle->counts) >= ENTRIES && age_us > 0; age_us /= 2) {
        int64_t as_if_us = now_us + WINDOW_US - age_us;
        g_hash_table_foreach_remove(throttle->counts, is_over, &as_if_us);
    }
    if (g_hash_table_size(throttle->counts) >= ENTRIES)
        g_hash_table_remove_all(throttle->counts);
}

static void add(Throttle *throttle, const char *key, int64_t now_us)
{
    Count *count = g_hash_table_lookup(throttle->counts, key);
    if (count == NULL) {
        make_room(throttle, now_us);
        count = g_new0(Count, 1);
        count->since_us = now_us;
        g_hash_table_insert(throttle->counts, g_strdup(key), count);
    } else if (now_us - count->since_us >= WINDOW_US) {
        *count = (Count){.since_us = now_us};
    }
    count->failures++;
}

static void take_back(Throttle *throttle, const char *key)
{
    Count *count = g_hash_table_lookup(throttle->counts, key);
    if (count != NULL && --count->failures <= 0)
        g_hash_table_remove(throttle->counts, key);
}

static bool refuse(const Count *count, int64_t now_us, int64_t *ret_wait_seconds)
{
    *ret_wait_seconds = (WINDOW_US - (now_us - count->since_us)) / G_USEC_PER_SEC + 1;
    return false;
}

bool throttle_try(Throttle *throttle, const char *name, const char *address, int64_t now_us,
                  int64_t *ret_wait_seconds)
{
    g_auto(Keys) keys = {0};
    keys_init(&keys, name, address);
    const Count *pair = count_of(throttle, keys.pair, now_us);
    if (pair->failures >= LIMIT_LOGIN_FAILURES)
        return refuse(pair, now_us, ret_wait_seconds);
    if (!g_hash_table_contains(throttle->known, keys.pair)) {
        const Count *from_address = count_of(throttle, keys.address, now_us);
        if (from_address->failures >= ADDRESS_FAILURES)
            return refuse(from_address, now_us, ret_wait_seconds);
        if (count_of(throttle, keys.name, now_us)->failures >= NAME_FAILURES &&
            pair->failures >= STRANGER_FAILURES)
            return refuse(pair, now_us, ret_wait_seconds);
    }
    add(throttle, keys.pair, now_us);
    add(throttle, keys.address, now_us);
    add(throttle, keys.name, now_us);
    return true;
}

void throttle_undo(Throttle *throttle, const char *name, const char *address)
{
    g_auto(Keys) keys = {0};
    keys_init(&keys, name, address);
    take_back(throttle, keys.pair);
    take_back(throttle, keys.address);
    take_back(throttle, keys.name);
}

void throttle_succeed(Throttle *throttle, const char *name, const char *address, int64_t now_us)
{
    throttle_undo(throttle, name, address);
    g_auto(Keys) keys = {0};
    keys_init(&keys, name, address);
    g_hash_table_remove(throttle->counts, keys.pair);
    if (g_hash_table_size(throttle->known) >= KNOWN_PAIRS)
        g_hash_table_remove_all(throttle->known);
    g_hash_table_add(throttle->known, g_steal_pointer(&keys.pair));
}
