/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Days in figures. A day that is over becomes rows of sums (day, hour, service, counter) in
 * queue_report; after keep_days its tickets are forgotten and the sums stay. No figure names a
 * ticket, and means of fewer than REPORT_FEW visitors are not told. */
#pragma once
#include "core/plugin.h"

#define REPORT_FEW       3
#define REPORT_DAYS_MOST 400 /* of one question */

/* GET reports?by=day|hour|service|counter&from=2026-11-01&to=2026-11-30:
 * {"by","from","to","few":3,"rows":[{"key","issued","served","no_show","left",
 * "wait_mean_s","wait_max_s","service_mean_s","overtaken_mean","overtaken_max"}]}; null where too
 * few. hour: the local hour of the issue, "09". */
void reports_handle(Serambi *self, SerambiRequest *request);
/* The same as CSV, RFC 4180. */
void reports_handle_csv(Serambi *self, SerambiRequest *request);
/* Sums up one day that is over, or forgets one that is old enough; *ret_more: call it again. Inside
 * a savepoint, after tickets_end_days(). */
bool reports_close_days(Serambi *self, bool *ret_more, GError **error);
/* Where the audit's chain begins now: id and hash of the last row that was forgotten (0 and "").
 * Caller frees *ret_hash. Also in GET. */
bool reports_audit_start(Serambi *self, int64_t *ret_id, char **ret_hash, GError **error);

#define REPORTS_MIGRATION                                                                          \
    "CREATE TABLE queue_report ("                                                                  \
    " day TEXT NOT NULL, hour BIGINT NOT NULL, service BIGINT NOT NULL, counter TEXT NOT NULL,"    \
    " issued BIGINT NOT NULL, served BIGINT NOT NULL, no_show BIGINT NOT NULL,"                    \
    " gone BIGINT NOT NULL, waits BIGINT NOT NULL, wait_us BIGINT NOT NULL,"                       \
    " wait_max_us BIGINT NOT NULL, services BIGINT NOT NULL, service_us BIGINT NOT NULL,"          \
    " overtaken BIGINT NOT NULL, overtaken_max BIGINT NOT NULL,"                                   \
    " PRIMARY KEY (day, hour, service, counter));"                                                 \
    "CREATE TABLE queue_closed_day (day TEXT PRIMARY KEY);"                                        \
    "CREATE TABLE queue_audit_start (id BIGINT PRIMARY KEY CHECK (id = 1),"                        \
    " last BIGINT NOT NULL, hash TEXT NOT NULL);"                                                  \
    "CREATE INDEX queue_ticket_call ON queue_ticket (day, service, called_us);"                    \
    "CREATE INDEX queue_call_ticket ON queue_call (ticket);"                                       \
    "CREATE INDEX queue_request_ticket ON queue_request (ticket);"
