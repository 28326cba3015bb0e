/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * splitmix64, and what the walks draw with it. */
#include "plugins/queue/draws.h"
#include <math.h>

static uint64_t next(Draws *draws)
{
    uint64_t mixed = (draws->state += 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

Draws draws_seeded(uint64_t event)
{
    /* Neighbouring events begin far apart. */
    Draws draws = {event};
    draws.state = next(&draws);
    return draws;
}

double draws_uniform(Draws *draws)
{
    return (double)(next(draws) >> 11) * 0x1p-53;
}

unsigned draws_below(Draws *draws, unsigned count)
{
    return (unsigned)(((next(draws) >> 32) * count) >> 32);
}

double draws_exponential(Draws *draws, double mean)
{
    return -mean * log(1 - draws_uniform(draws));
}
