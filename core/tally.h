/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How often each of a few codes came. */
#pragma once
#include <stdint.h>

#define TALLY_CODES 32 /* our own codes, never an outsider's */

typedef struct {
    int codes[TALLY_CODES];
    uint64_t counts[TALLY_CODES];
    int used;
} Tally;

/* times may be 0: the code is shown from the start. */
void tally_add(Tally *tally, int code, uint64_t times);
