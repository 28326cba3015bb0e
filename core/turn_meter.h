/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How long the loop's turns take: the time in which nobody else is served. */
#pragma once
#include <stdint.h>
#include <uv.h>

typedef struct TurnMeter TurnMeter;

#define TURN_METER_LONG_MS 50 /* a turn that a person could notice */

TurnMeter *turn_meter_new(uv_loop_t *loop);
/* The meter is freed on the loop. */
void turn_meter_close(TurnMeter *meter);
/* In this minute and the one before it, in seconds. */
double turn_meter_longest(const TurnMeter *meter);
/* How many were longer than TURN_METER_LONG_MS, ever. */
uint64_t turn_meter_long_total(const TurnMeter *meter);
