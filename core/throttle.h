/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How often somebody failed to log in, in memory.
 *
 * The pair of name and address counts hardest: an attacker locks out himself, not the user at
 * another address. A name that fails from many addresses, or an address that fails with many names,
 * leaves strangers fewer tries; a pair that has logged in before keeps its own.
 *
 * Main thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct Throttle Throttle;

Throttle *throttle_new(void);
void throttle_free(Throttle *throttle);
/* Counts a try as failed in advance, so that parallel tries count; false: too many, not counted,
 * and ret_wait_seconds (1 and more) tells when to come back. now_us: any steady clock. */
bool throttle_try(Throttle *throttle, const char *name, const char *address, int64_t now_us,
                  int64_t *ret_wait_seconds);
/* The try was right: takes it back and remembers the pair. */
void throttle_succeed(Throttle *throttle, const char *name, const char *address, int64_t now_us);
/* The try was not judged (the queue was full, the client left): takes it back. */
void throttle_undo(Throttle *throttle, const char *name, const char *address);
