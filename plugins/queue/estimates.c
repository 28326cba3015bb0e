/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How good the shown waits were, for staff; and a day as a log that the bench replays. */
#include "plugins/queue/queue.h"
#include "plugins/queue/wait_log.h"
#include "plugins/queue/wait_read.h"
#include <string.h>

#define SPAN_US (G_GINT64_CONSTANT(30) * 24 * 3600 * G_USEC_PER_SEC)
#define QUARTER_US                                                                                 \
    (G_GINT64_CONSTANT(900) * G_USEC_PER_SEC) /* zones differ by quarters of hours                 \
                                               */
#define LOG_TICKETS "10000"
#define MINUTE_US   (60.0 * G_USEC_PER_SEC)
#define HOURS       24

typedef struct {
    int64_t service, count, inside;
    double absolute_us, bias_us;
} Hour;

static int64_t integer(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

static void fail(SerambiRequest *request, GError *error)
{
    serambi_reply_error(request, 503, "error.store", "%s", error->message);
    g_error_free(error);
}

static int hour_of(GTimeZone *zone, int64_t at_us)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(at_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);
    return g_date_time_get_hour(local);
}

static json_t *shape(const Hour *hour, int local_hour)
{
    double count = (double)hour->count;
    return json_pack("{s:I, s:i, s:I, s:f, s:f, s:f}", "service", (json_int_t)hour->service, "hour",
                     local_hour, "count", (json_int_t)hour->count, "mean_error_minutes",
                     hour->absolute_us / count / MINUTE_US, "bias_minutes",
                     hour->bias_us / count / MINUTE_US, "inside", (double)hour->inside / count);
}

/* Rows come by service: its hours are folded, then told. */
static json_t *fold(const json_t *rows, GTimeZone *zone)
{
    json_t *hours = json_array();
    Hour day[HOURS] = {0};
    for (size_t i = 0; i <= json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        int64_t service = i > 0 ? integer(json_array_get(rows, i - 1), "service") : 0;
        if (i > 0 && (!row || integer(row, "service") != service))
            for (int hour = 0; hour < HOURS; hour++) {
                day[hour].service = service;
                if (day[hour].count > 0)
                    json_array_append_new(hours, shape(&day[hour], hour));
                day[hour] = (Hour){0};
            }
        if (!row)
            break;
        Hour *hour = &day[hour_of(zone, integer(row, "quarter") * QUARTER_US)];
        hour->count += integer(row, "count");
        hour->inside += integer(row, "inside");
        hour->absolute_us += json_number_value(json_object_get(row, "absolute_us"));
        hour->bias_us += json_number_value(json_object_get(row, "bias_us"));
    }
    return hours;
}

void estimates_handle(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_auto_t *rows = serambi_query(
        self, &error,
        "SELECT service, at_us / 900000000 AS quarter, COUNT(*) AS count,"
        " SUM(ABS(median_us - (called_us - at_us))) AS absolute_us,"
        " SUM(median_us - (called_us - at_us)) AS bias_us,"
        " SUM(CASE WHEN called_us - at_us <= high_us THEN 1 ELSE 0 END) AS inside"
        " FROM queue_estimate WHERE at_us > $1 AND is_first = 1 AND called_us IS NOT NULL"
        " GROUP BY service, quarter ORDER BY service, quarter",
        "i", serambi_now_us(self) - SPAN_US);
    if (!rows) {
        fail(request, error);
        return;
    }
    g_autoptr(GTimeZone) zone = wait_zone(self);
    serambi_reply(request, 200, json_pack("{s:o}", "hours", fold(rows, zone)));
}

/* --- The log -------------------------------------------------------------------------------- */

static int by_minute(const void *left, const void *right)
{
    const WaitEvent *a = left, *b = right;
    if (a->minute != b->minute)
        return a->minute < b->minute ? -1 : 1;
    /* As the simulation: departures, arrivals, then calls. */
    static const int ranks[] = {
        [WAIT_FINISH] = 1, [WAIT_ABSENT] = 1, [WAIT_LEAVE] = 2, [WAIT_ARRIVE] = 3, [WAIT_CALL] = 4};
    return ranks[a->kind] - ranks[b->kind];
}

static void add(GArray *events, const json_t *row, const char *time, int64_t midnight_us,
                WaitEvent event)
{
    const json_t *at_us = json_object_get(row, time);
    if (!json_is_integer(at_us))
        return;
    event.minute = (double)(json_integer_value(at_us) - midnight_us) / MINUTE_US;
    g_array_append_val(events, event);
}

static void add_ticket(GArray *events, const json_t *row, int64_t midnight_us)
{
    const char *state = json_string_value(json_object_get(row, "state"));
    int64_t id = integer(row, "id");
    unsigned counter = (unsigned)integer(row, "place");
    bool was_called = json_is_integer(json_object_get(row, "called_us")) &&
                      json_is_integer(json_object_get(row, "place"));
    add(events, row, "issued_us", midnight_us,
        (WaitEvent){.kind = WAIT_ARRIVE,
                    .number = id,
                    .class_index = (unsigned)integer(row, "class_index")});
    if (was_called) {
        bool is_absent = !strcmp(state, "no_show");
        add(events, row, "called_us", midnight_us,
            (WaitEvent){.kind = WAIT_CALL, .number = id, .counter = counter});
        if (is_absent || !strcmp(state, "done"))
            add(events, row, "ended_us", midnight_us,
                (WaitEvent){.kind = is_absent ? WAIT_ABSENT : WAIT_FINISH, .number = counter});
    } else if (!strcmp(state, "left")) {
        add(events, row, "ended_us", midnight_us, (WaitEvent){.kind = WAIT_LEAVE, .number = id});
    }
}

static void write_head(GString *log, const json_t *count)
{
    wait_log_write(log, &(WaitEvent){.kind = WAIT_DAY,
                                     .minute = 1440,
                                     .number = CLAMP(integer(count, "services"), 1, CLASSES_MAX)});
    for (int64_t i = 0; i < MIN(integer(count, "counters"), PICTURE_COUNTERS_MAX); i++)
        wait_log_write(log, &(WaitEvent){.kind = WAIT_PLAN, .number = i, .until = 1440});
}

void estimates_handle_log(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    char today[11];
    tickets_day(self, serambi_now_us(self), today);
    const char *day = serambi_request_query(request, "day");
    json_auto_t *counts = serambi_query(self, &error,
                                        "SELECT (SELECT COUNT(*) FROM queue_service) AS services,"
                                        " (SELECT COUNT(*) FROM queue_counter) AS counters",
                                        "");
    json_auto_t *rows =
        counts
            ? serambi_query(self, &error,
                            "SELECT id, state, issued_us, called_us, ended_us,"
                            " (SELECT COUNT(*) FROM queue_service WHERE id < queue_ticket.service)"
                            "  AS class_index,"
                            " (SELECT (SELECT COUNT(*) FROM queue_counter AS before"
                            "   WHERE before.id < mine.id) FROM queue_counter AS mine"
                            "  WHERE mine.label = queue_ticket.counter) AS place"
                            " FROM queue_ticket WHERE day = $1 ORDER BY id LIMIT " LOG_TICKETS,
                            "s", day ? day : today)
            : NULL;
    if (!rows) {
        fail(request, error);
        return;
    }
    g_autoptr(GArray) events = g_array_new(FALSE, FALSE, sizeof(WaitEvent));
    g_autoptr(GString) log = g_string_new(NULL);
    write_head(log, json_array_get(counts, 0));
    int64_t midnight_us = wait_midnight(self, json_array_size(rows) > 0
                                                  ? integer(json_array_get(rows, 0), "issued_us")
                                                  : serambi_now_us(self));
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) add_ticket(events, row, midnight_us);
    g_array_sort(events, by_minute);
    for (guint i = 0; i < events->len; i++)
        wait_log_write(log, &g_array_index(events, WaitEvent, i));
    serambi_reply_text(request, 200, "text/plain; charset=utf-8", log->str);
}
