/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The expected wait of everybody, as a range: what visitors are shown, and its log.
 *
 * Estimates are made anew within a second after a change and every half minute, not inside the
 * savepoint of who changed something; until then somebody new has the newcomer's range. */
#pragma once
#include "core/plugin.h"

typedef struct Wait Wait; /* the last picture and its walks; a cache */
Wait *wait_new(void);
void wait_free(Wait *wait);

/* Something changed: estimates are made anew at the next tick. */
void wait_touch(Serambi *self);
/* Makes them now, logs those that differ from what was shown, and closes those of the called.
 * Inside a savepoint. */
bool wait_refresh(Serambi *self, GError **error);
void wait_tick(Serambi *self); /* each second; publishes the board when something was made anew */

/* [low, high] in minutes, steps of five, [0, 0] for "now", for a waiting ticket of a service
 * (ticket 0: who would come now); null when it may not be reached before closing, or is not known.
 * New reference. */
json_t *wait_of(Serambi *self, int64_t ticket, int64_t service);
/* Whether it may not be reached before closing. */
bool wait_ends_first(Serambi *self, int64_t ticket, int64_t service);
/* The same range from the median and the calibrated high end, in minutes; a wider one while fewer
 * than 20 services are recorded. For tests, too. */
void wait_bracket(double median, double high, uint64_t recorded, int64_t *ret_low,
                  int64_t *ret_high);

/* Keeps each shown estimate. is_first: what its visitor was told at the beginning, which figures
 * and calibration are made of; is_open: not yet called. */
#define WAIT_MIGRATION                                                                             \
    "CREATE TABLE queue_estimate ("                                                                \
    " id BIGINT PRIMARY KEY, ticket BIGINT NOT NULL REFERENCES queue_ticket (id),"                 \
    " service BIGINT NOT NULL, at_us BIGINT NOT NULL,"                                             \
    " median_us BIGINT NOT NULL, high_us BIGINT NOT NULL, low_minutes BIGINT, high_minutes "       \
    "BIGINT,"                                                                                      \
    " called_us BIGINT, is_first BIGINT NOT NULL, is_open BIGINT NOT NULL);"                       \
    "CREATE INDEX queue_estimate_ticket ON queue_estimate (ticket, id);"                           \
    "CREATE INDEX queue_estimate_open ON queue_estimate (ticket) WHERE is_open = 1;"               \
    "CREATE INDEX queue_estimate_time ON queue_estimate (at_us);"                                  \
    "CREATE TABLE queue_calibration (id BIGINT PRIMARY KEY, level_millionths BIGINT NOT NULL);"    \
    "INSERT INTO queue_calibration VALUES (1, 900000);"                                            \
    "CREATE INDEX queue_ticket_outcome ON queue_ticket (ended_us)"                                 \
    " WHERE state IN ('done', 'no_show') AND called_us IS NOT NULL;"

/* --- estimates.c: routes for staff --------------------------------------------------------- */
void estimates_handle(Serambi *self, SerambiRequest *request);
void estimates_handle_log(Serambi *self, SerambiRequest *request);
