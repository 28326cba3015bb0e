/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What happened in a queue, one line each: written by the server and by the simulation of
 * tests/bench/wait, read by its replay.
 *
 *   day 480 3        closes at minute 480, three classes; counters and tickets begin anew
 *   plan 0 2 60 240  counter 2 is planned open from minute 60 to 240
 *   open 61.5 2      counter 2 signed in       shut 240 2     and out
 *   arrive 61.5 17 1 0     ticket 17, class 1, not priority
 *   call 61.5 17 2   to counter 2
 *   finish 64 2      served                    absent 64 2    nobody came
 *   leave 70 18      ticket 18 gave up
 *
 * Minutes since the day's zero, counters and classes from 0. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    WAIT_DAY = 1, /* minute is the closing time, number the count of classes */
    WAIT_PLAN,    /* number the counter, from minute to until */
    WAIT_OPEN,
    WAIT_SHUT,
    WAIT_ARRIVE,
    WAIT_CALL,
    WAIT_FINISH,
    WAIT_ABSENT,
    WAIT_LEAVE,
} WaitEventKind;

typedef struct {
    WaitEventKind kind;
    double minute, until;
    int64_t number;       /* ticket of arrive, call, leave; else the counter */
    unsigned counter;     /* of call */
    unsigned class_index; /* of arrive */
    bool is_priority;     /* of arrive */
} WaitEvent;

/* Appends the event's line. */
void wait_log_write(GString *log, const WaitEvent *event);
/* Reads one line without its end. False, and *ret_event untouched, when it is not one: unknown
 * word, missing or further fields, minutes outside 0 to 10000, counter or class out of range. */
bool wait_log_read(const char *line, WaitEvent *ret_event);
