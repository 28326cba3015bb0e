/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The picture as the tables have it.
 *
 * Who is signed in, or called somebody within the last half hour, is at work until closing; when
 * there is none, a colleague is expected at the first counter. */
#include "plugins/queue/wait_read.h"
#include "plugins/queue/queue.h"

#define AT_WORK_US    (30 * 60 * G_USEC_PER_SEC)
#define RECENT_US     (30 * 60 * G_USEC_PER_SEC)
#define OUTCOMES      "600" /* remembered ends of calls, over all services */
#define ARRIVALS      "400" /* of today: the mix of services and of priority */
#define MINUTE_US     (60.0 * G_USEC_PER_SEC)
#define CLOSES_MINUTE 1440.0
#define TICKETS_LIMIT G_STRINGIFY(PICTURE_TICKETS_MAX)

GTimeZone *wait_zone(Serambi *self)
{
    const QueueSettings *settings = serambi_settings(self);
    GTimeZone *zone = *settings->time_zone ? g_time_zone_new_identifier(settings->time_zone)
                                           : g_time_zone_new_local();
    return zone ? zone : g_time_zone_new_utc();
}

int64_t wait_midnight(Serambi *self, int64_t at_us)
{
    g_autoptr(GTimeZone) zone = wait_zone(self);
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(at_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);
    g_autoptr(GDateTime) midnight =
        g_date_time_new(zone, g_date_time_get_year(local), g_date_time_get_month(local),
                        g_date_time_get_day_of_month(local), 0, 0, 0);
    return g_date_time_to_unix(midnight) * G_USEC_PER_SEC;
}

static int64_t integer(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

static bool is_text(const json_t *row, const char *name, const char *text)
{
    return !g_strcmp0(json_string_value(json_object_get(row, name)), text);
}

/* The class of a service, or -1. */
static int class_of(const WaitPicture *picture, int64_t service)
{
    for (unsigned i = 0; i < picture->service_count; i++)
        if (picture->services[i] == service)
            return (int)i;
    return -1;
}

static bool read_services(Serambi *self, WaitPicture *picture, GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error, "SELECT id FROM queue_service ORDER BY id LIMIT " G_STRINGIFY(CLASSES_MAX),
        "");
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) picture->services[index] = integer(row, "id");
    picture->service_count = (unsigned)json_array_size(rows);
    return rows != NULL;
}

/* Oldest first, as they happened. */
static bool read_outcomes(Serambi *self, const WaitPicture *picture, Learned *learned,
                          GError **error)
{
    json_auto_t *rows =
        serambi_query(self, error,
                      "SELECT service, state, ended_us - called_us AS spent_us FROM queue_ticket"
                      " WHERE state IN ('done', 'no_show') AND called_us IS NOT NULL"
                      " ORDER BY ended_us DESC LIMIT " OUTCOMES,
                      "");
    for (size_t i = json_array_size(rows); i-- > 0;) {
        const json_t *row = json_array_get(rows, i);
        int class_index = class_of(picture, integer(row, "service"));
        if (is_text(row, "state", "no_show"))
            learned_no_show(learned);
        else if (class_index >= 0)
            learned_service(learned, (unsigned)class_index,
                            (double)integer(row, "spent_us") / MINUTE_US);
    }
    return rows != NULL;
}

/* The services of a counter (an id of the table) as bits; all of them when none is its own. */
static uint32_t classes_of(const WaitPicture *picture, const json_t *services, int64_t counter)
{
    uint32_t classes = 0;
    bool has_own = false;
    size_t index;
    json_t *row;
    json_array_foreach(services, index, row)
    {
        if (integer(row, "counter") != counter)
            continue;
        int class_index = class_of(picture, integer(row, "service"));
        has_own = true;
        if (class_index >= 0)
            classes |= UINT32_C(1) << class_index;
    }
    return has_own ? classes : UINT32_MAX;
}

static bool read_counters(Serambi *self, WaitPicture *picture, int64_t now_us, int64_t midnight_us,
                          GError **error)
{
    json_auto_t *services =
        serambi_query(self, error, "SELECT counter, service FROM queue_counter_service", "");
    json_auto_t *rows =
        services
            ? serambi_query(
                  self, error,
                  "SELECT counter.id, counter.staff,"
                  " (SELECT MAX(called_us) FROM queue_call WHERE called_us > $1"
                  "  AND queue_call.counter = counter.label) AS last_us,"
                  " ticket.service, ticket.state, ticket.called_us FROM queue_counter AS counter"
                  " LEFT JOIN queue_ticket AS ticket ON ticket.counter = counter.label"
                  "  AND ticket.state IN ('called', 'serving')"
                  " ORDER BY counter.id, ticket.called_us LIMIT " G_STRINGIFY(PICTURE_COUNTERS_MAX),
                  "i", now_us - AT_WORK_US)
            : NULL;
    if (!rows)
        return false;
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        int class_index = class_of(picture, integer(row, "service"));
        bool is_busy = class_index >= 0 && json_is_integer(json_object_get(row, "called_us"));
        if (!is_busy && is_text(row, "staff", "") &&
            !json_is_integer(json_object_get(row, "last_us")))
            continue;
        picture->counters[picture->counter_count++] = (PictureCounter){
            .classes = classes_of(picture, services, integer(row, "id")),
            .is_signed_in = true,
            .is_busy = is_busy,
            .may_be_absent = is_busy && is_text(row, "state", "called"),
            .current_class = is_busy ? (unsigned)class_index : 0,
            .busy_since = (double)(integer(row, "called_us") - midnight_us) / MINUTE_US,
        };
    }
    if (picture->counter_count == 0 && json_array_size(rows) > 0)
        picture->counters[picture->counter_count++] = (PictureCounter){.classes = UINT32_MAX};
    for (unsigned i = 0; i < picture->counter_count; i++)
        (void)plan_add(&picture->counters[i].plan, 0, picture->closes); /* empty at closing */
    return true;
}

/* Of the last arrivals of today, also those who are gone: who is called early waits rarely. */
static bool read_arrivals(Serambi *self, WaitPicture *picture, Learned *learned, const char *day,
                          int64_t now_us, GError **error)
{
    json_auto_t *rows = serambi_query(self, error,
                                      "SELECT first_service, class, issued_us FROM queue_ticket"
                                      " WHERE day = $1 ORDER BY id DESC LIMIT " ARRIVALS,
                                      "s", day);
    for (size_t i = json_array_size(rows); i-- > 0;) {
        const json_t *row = json_array_get(rows, i);
        int class_index = class_of(picture, integer(row, "first_service"));
        if (class_index < 0)
            continue;
        learned_arrival(learned, (unsigned)class_index, !is_text(row, "class", "normal"));
        picture->recent_arrivals += integer(row, "issued_us") > now_us - RECENT_US;
    }
    return rows != NULL;
}

static bool read_tickets(Serambi *self, WaitPicture *picture, const char *day, int64_t midnight_us,
                         GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error,
        "SELECT id, service, class, issued_us FROM queue_ticket"
        " WHERE day = $1 AND state = 'waiting' ORDER BY sort_us, id LIMIT " TICKETS_LIMIT,
        "s", day);
    if (!rows)
        return false;
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        int class_index = class_of(picture, integer(row, "service"));
        if (class_index < 0 ||
            picture->ticket_count == PICTURE_TICKETS_MAX - picture->service_count)
            continue;
        picture->tickets[picture->ticket_count++] = (PictureTicket){
            .id = integer(row, "id"),
            .class_index = (unsigned)class_index,
            .is_priority = !is_text(row, "class", "normal"),
            .issued = (double)(integer(row, "issued_us") - midnight_us) / MINUTE_US,
        };
    }
    for (unsigned i = 0; i < picture->service_count; i++)
        picture->tickets[picture->ticket_count++] =
            (PictureTicket){.class_index = i, .issued = picture->now};
    return true;
}

bool wait_read(Serambi *self, WaitPicture *picture, Learned *learned, GError **error)
{
    const QueueSettings *settings = serambi_settings(self);
    char day[11];
    int64_t now_us = serambi_now_us(self), midnight_us = wait_midnight(self, now_us);
    tickets_day(self, now_us, day);
    *picture = (WaitPicture){
        .now = (double)(now_us - midnight_us) / MINUTE_US,
        .closes = CLOSES_MINUTE,
        .event = (uint64_t)now_us,
        .rule = tickets_rule(self),
        .learned = learned,
    };
    if (!tickets_normal_since(self, &picture->normal_since, error) ||
        !read_services(self, picture, error))
        return false;
    learned_init(learned, picture->service_count, (double)settings->service_minutes);
    return read_outcomes(self, picture, learned, error) &&
           read_counters(self, picture, now_us, midnight_us, error) &&
           read_arrivals(self, picture, learned, day, now_us, error) &&
           read_tickets(self, picture, day, midnight_us, error);
}
