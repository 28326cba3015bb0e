/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The store's own thread: makes one thing at a time beside the loop, never queued behind other
 * work. Knows nothing of SQLite. */
#pragma once
#include <stdbool.h>
#include <uv.h>

typedef struct Commit Commit;

/* make(data) runs in the thread after each commit_start(); on_made(data) follows on the loop. */
Commit *commit_new(uv_loop_t *loop, void (*make)(void *data), void (*on_made)(void *data),
                   void *data);
/* Not while one is under way. What make() needs belongs to the thread until on_made(). */
void commit_start(Commit *commit);
/* Blocks until the thread has ended; true: something was made whose on_made() did not come and will
 * not come. No commit_start() afterwards. */
bool commit_finish(Commit *commit);
/* After commit_finish(); on_closed(data) comes on the loop, then the Commit is freed. */
void commit_close(Commit *commit, void (*on_closed)(void *data), void *data);
