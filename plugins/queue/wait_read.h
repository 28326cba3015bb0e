/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Fills the estimator's picture from the database. The only file of the estimator that knows
 * tables. */
#pragma once
#include "core/plugin.h"
#include "plugins/queue/wait_picture.h"

/* Reads what waits and works today, and learns from the last services. Minutes are those since the
 * local midnight. Behind the tickets comes one newcomer (id 0) for each service.
 *
 * learned  filled too, and borrowed by the picture
 * Errors   the store's; then both may be half filled */
bool wait_read(Serambi *self, WaitPicture *picture, Learned *learned, GError **error);

/* The local zone of the library, and the last midnight before a time, in microseconds. */
GTimeZone *wait_zone(Serambi *self);
int64_t wait_midnight(Serambi *self, int64_t at_us);
