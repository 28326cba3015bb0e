/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The limiter: no true peak of what leaves the mixer is above -1 dB. It looks ahead, so that it
 * turns the sound down before a peak instead of bending the peak. Below the ceiling not one sample
 * changes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define LIMITER_CEILING_DBTP (-1.0)
#define LIMITER_AHEAD        96 /* stereo samples, 2 ms: what comes out went in so long before */
#define LIMITER_TAPS         12
#define LIMITER_WINDOW       (LIMITER_AHEAD - LIMITER_TAPS / 2 + 1)

/* The audio thread's; no lock, no allocation. */
typedef struct {
    float taps[3][LIMITER_TAPS]; /* between two samples, at a quarter, a half, three quarters */
    float line[LIMITER_AHEAD][2];
    float recent[LIMITER_TAPS][2];
    float wanted[LIMITER_WINDOW]; /* gain that each of the newest samples needs */
    float held[LIMITER_WINDOW];   /* the lowest of them, and back up slowly */
    float gain;                   /* the newest of held */
    size_t at;                    /* samples so far */
    size_t calm;                  /* since one needed less than 1 */
} Limiter;

void limiter_init(Limiter *limiter);
/* Forgets what is inside: the sound begins anew. */
void limiter_reset(Limiter *limiter);
/* Replaces count stereo samples by those of LIMITER_AHEAD earlier. */
void limiter_run(Limiter *limiter, float *stereo, size_t count);
