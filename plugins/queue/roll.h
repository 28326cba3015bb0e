/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * ROLL: the wait of everybody from one walk with means; quick, and runs high. */
#pragma once
#include "plugins/queue/walk.h"

/* ret_waits float[ticket_count], minutes; see walk_run(). */
void roll_estimate(Walk *walk, const WaitPicture *picture, float *ret_waits);
