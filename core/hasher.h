/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Password hashing beside the loop: LIMIT_LOGIN_WORKERS threads, a queue of LIMIT_LOGIN_QUEUE.
 * More would let strangers fill the memory by trying to log in.
 *
 * Main thread; the answers come back on the loop. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <uv.h>

typedef struct Hasher Hasher;

Hasher *hasher_new(uv_loop_t *loop, GError **error);
/* Waits for the threads (a tenth of a second); what waits is dropped: only free_data is called.
 * The loop must turn once more. */
void hasher_free(Hasher *hasher);

/* Compares password with expected; NULL (unknown user) takes as long and never matches.
 * replacement  NULL, or a new password to hash when the old one matches
 * done         new_hash: of replacement, or of password when expected is outdated; else NULL
 * Returns false, and frees data, when the queue is full. */
bool hasher_compare(Hasher *hasher, const char *password, const char *expected,
                    const char *replacement,
                    void (*done)(bool matches, const char *new_hash, void *data), void *data,
                    GDestroyNotify free_data);
