/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A dozen codes are found faster in a row than in a table. */
#include "core/tally.h"

#include <glib.h>

void tally_add(Tally *tally, int code, uint64_t times)
{
    int at = 0;
    while (at < tally->used && tally->codes[at] != code) {
        at++;
    }
    if (at == tally->used) {
        g_assert(tally->used < TALLY_CODES);
        tally->codes[tally->used++] = code;
    }
    tally->counts[at] += times;
}
