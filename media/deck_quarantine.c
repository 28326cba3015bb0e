/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Files that fail again and again. They are locked away for a while, not for ever: a screen runs
 * for months, and what failed twice may have failed because the machine was too busy that morning.
 */
#include "deck.h"

#define STRIKES       2
#define PAROLE_US     (INT64_C(3600) * G_USEC_PER_SEC) /* doubles with each failure after it */
#define PAROLE_MAX_US (INT64_C(24) * 3600 * G_USEC_PER_SEC)
/* More bad files than a playlist has: then it is not the files, and all are forgotten. */
#define CASES_MAX 4096

typedef struct Case {
    unsigned failures;
    int64_t until_us; /* monotonic: no clock that is set frees or locks anybody */
} Case;

struct DeckQuarantine {
    unsigned strikes;
    int64_t parole_us;
    GHashTable *cases; /* key -> Case */
};

DeckQuarantine *deck_quarantine_new(unsigned strikes, int64_t parole_us)
{
    DeckQuarantine *quarantine = g_new0(DeckQuarantine, 1);
    quarantine->strikes = strikes ? strikes : STRIKES;
    quarantine->parole_us = parole_us ? parole_us : PAROLE_US;
    quarantine->cases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return quarantine;
}

void deck_quarantine_free(DeckQuarantine *quarantine)
{
    if (!quarantine)
        return;
    g_hash_table_unref(quarantine->cases);
    g_free(quarantine);
}

bool deck_quarantine_holds(const DeckQuarantine *quarantine, const char *key)
{
    const Case *found = key ? g_hash_table_lookup(quarantine->cases, key) : NULL;
    return found && found->failures >= quarantine->strikes &&
           g_get_monotonic_time() < found->until_us;
}

void deck_quarantine_pardon(DeckQuarantine *quarantine, const char *key)
{
    if (key)
        (void)g_hash_table_remove(quarantine->cases, key);
    else
        g_hash_table_remove_all(quarantine->cases);
}

void deck_quarantine_strike(DeckQuarantine *quarantine, const char *key)
{
    if (!key)
        return;
    Case *found = g_hash_table_lookup(quarantine->cases, key);
    if (!found) {
        if (g_hash_table_size(quarantine->cases) >= CASES_MAX)
            g_hash_table_remove_all(quarantine->cases);
        found = g_new0(Case, 1);
        (void)g_hash_table_insert(quarantine->cases, g_strdup(key), found);
    }
    found->failures++;
    int64_t parole_us = quarantine->parole_us;
    for (unsigned i = quarantine->strikes; i < found->failures && parole_us < PAROLE_MAX_US; i++)
        parole_us *= 2;
    found->until_us = g_get_monotonic_time() + MIN(parole_us, PAROLE_MAX_US);
}
