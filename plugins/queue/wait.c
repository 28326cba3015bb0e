/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The expected wait, shown as a range: queue length times mean service over counters at work.
 *
 * Source: the estimator QL, (n + 1) m / s, of Ibrahim and Whitt; with known parameters the best of
 * the simple ones. The range is half to one and a half of it, rounded outwards to five minutes,
 * because m and s are themselves estimates. */
#include "plugins/queue/queue.h"
#include <math.h>

/* Below this count of finished services the configured guess stands. */
#define KNOWN_SERVICES_MIN 5
#define KNOWN_SERVICES     "20"
#define AT_WORK_US         (30 * 60 * G_USEC_PER_SEC)
#define STEP_MINUTES       5

bool wait_basis(Serambi *self, WaitBasis *ret_basis, GError **error)
{
    const QueueSettings *settings = serambi_settings(self);
    char day[11];
    int64_t now_us = serambi_now_us(self);
    tickets_day(self, now_us, day);
    json_auto_t *rows =
        serambi_query(self, error,
                      "SELECT COUNT(*) AS count, COALESCE(AVG(spent_us), 0.0) AS mean_us FROM"
                      " (SELECT ended_us - called_us AS spent_us FROM queue_ticket"
                      "  WHERE day = $1 AND state = 'done' AND called_us IS NOT NULL"
                      "  ORDER BY ended_us DESC LIMIT " KNOWN_SERVICES ") AS last",
                      "s", day);
    json_auto_t *counters = serambi_query(self, error,
                                          "SELECT COUNT(DISTINCT counter) AS count FROM queue_call"
                                          " WHERE called_us > $1",
                                          "i", now_us - AT_WORK_US);
    if (!rows || !counters)
        return false;
    const json_t *row = json_array_get(rows, 0);
    int64_t known = json_integer_value(json_object_get(row, "count"));
    double mean_us = json_number_value(json_object_get(row, "mean_us"));
    int64_t at_work = json_integer_value(json_object_get(json_array_get(counters, 0), "count"));
    *ret_basis = (WaitBasis){
        .service_minutes = known >= KNOWN_SERVICES_MIN ? mean_us / (60.0 * G_USEC_PER_SEC)
                                                       : (double)settings->service_minutes,
        .counters = MAX(at_work, 1),
    };
    return true;
}

json_t *wait_range(const WaitBasis *basis, int64_t ahead)
{
    double minutes = (double)(ahead + 1) * basis->service_minutes / (double)basis->counters;
    int64_t low = (int64_t)floor(minutes / 2 / STEP_MINUTES) * STEP_MINUTES;
    int64_t high = (int64_t)ceil(minutes * 1.5 / STEP_MINUTES) * STEP_MINUTES;
    return json_pack("[I, I]", (json_int_t)low, (json_int_t)MAX(high, STEP_MINUTES));
}
