/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Work beside the loop: short work in libuv's threads, long or risky work in children.
 *
 * Main thread; results come back on the loop. */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

typedef struct Jobs Jobs;
typedef struct Job Job;

typedef struct {
    const char *worker; /* path of serambi-media */
    int parallel;       /* children at once */
    int seconds;        /* wall clock for one child */
} JobsOptions;
Jobs *jobs_new(uv_loop_t *loop, const JobsOptions *options);
/* Kills children; the loop must turn until on_closed. */
void jobs_close(Jobs *jobs, void (*on_closed)(void *data), void *data);
/* Nothing runs and nothing waits. */
bool jobs_is_idle(const Jobs *jobs);

typedef struct {
    uint64_t ended_total, failed_total; /* children; failed is part of ended */
    guint running, waiting, works;      /* now: children, and works in the thread pool */
} JobsCounters;
JobsCounters jobs_counters(const Jobs *jobs);

/* work in a thread of the pool, then done on the loop, then free_data(data). */
void jobs_run(Jobs *jobs, void (*work)(void *data), void (*done)(void *data), void *data,
              GDestroyNotify free_data);
/* Starts (or queues) worker argv...; lines are JSON objects, others are logged and dropped. on_exit
 * exactly once; message says why it failed, for the log. NULL when LIMIT_JOBS_WAITING wait. */
Job *jobs_spawn(Jobs *jobs, const char *const *argv,
                void (*on_line)(const json_t *line, void *data),
                void (*on_exit)(bool ok, const char *message, void *data), void *data);
void jobs_cancel(Job *job);
