/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Random numbers that a replay can repeat: the seed is the number of an event.
 *
 * Source: splitmix64, Steele, Lea and Flood, OOPSLA 2014. */
#pragma once
#include <stdint.h>

typedef struct {
    uint64_t state;
} Draws;

Draws draws_seeded(uint64_t event);
double draws_uniform(Draws *draws); /* [0, 1) */
/* 0 to count - 1; count at least 1. */
unsigned draws_below(Draws *draws, unsigned count);
double draws_exponential(Draws *draws, double mean);
