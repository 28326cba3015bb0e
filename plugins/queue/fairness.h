/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Who is called next when both priority and normal visitors wait: bounded overtaking. Pure
 * functions, shared by the calls and by the estimator of the wait. */
#pragma once
#include <stdbool.h>

/* Whether the next call goes to the priority line.
 *
 * normal_since  normal calls since the last priority call; begins at ratio
 * ratio         normal calls between two priority calls; 0: priority always goes first
 * Promise       a normal visitor with j normal ones ahead is overtaken at most 1 + j / ratio times
 */
bool fairness_prefers_priority(bool priority_waits, bool normal_waits, unsigned normal_since,
                               unsigned ratio);

/* The new normal_since after a call; stays at UINT_MAX. */
unsigned fairness_after(bool priority_called, unsigned normal_since);
