/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What the world sees: the board, each call, the state of each ticket, and a bell for the desks. */
#include "plugins/queue/queue.h"
#include "plugins/queue/reports.h"
#include <string.h>
#include <syslog.h>

#define BOARD_CALLS "8"

static const char *const languages[] = {"id", "en", "ar"};

/* Who would be called before a waiting ticket. */
static bool count_ahead(Serambi *self, const json_t *ticket, int64_t *ret_ahead, GError **error)
{
    json_auto_t *line = tickets_line(self, error);
    if (!line)
        return false;
    size_t ahead;
    json_t *row;
    json_array_foreach(line, ahead, row)
    {
        if (json_equal(json_object_get(row, "id"), json_object_get(ticket, "id")))
            break;
    }
    *ret_ahead = (int64_t)ahead;
    return true;
}

/* The public shape of row; takes wait (NULL: null). */
static json_t *ticket_shape(const json_t *row, bool with_id, int64_t ahead, json_t *wait)
{
    json_t *ticket = json_pack(
        "{s:O, s:O, s:O, s:O, s:I, s:o?, s:O, s:O}", "label", json_object_get(row, "label"),
        "service", json_object_get(row, "service"), "secret", json_object_get(row, "secret"),
        "state", json_object_get(row, "state"), "ahead", (json_int_t)ahead, "wait_minutes", wait,
        "counter", json_object_get(row, "counter"), "issued_us", json_object_get(row, "issued_us"));
    if (with_id) {
        json_object_set(ticket, "id", json_object_get(row, "id"));
        json_object_set(ticket, "class", json_object_get(row, "class"));
    }
    return ticket;
}

static json_t *wait_of_row(Serambi *self, const json_t *row)
{
    return wait_of(self, json_integer_value(json_object_get(row, "id")),
                   json_integer_value(json_object_get(row, "service")));
}

static bool is_waiting(const json_t *row)
{
    return !g_strcmp0(json_string_value(json_object_get(row, "state")), "waiting");
}

json_t *board_ticket(Serambi *self, const json_t *row, bool with_id, GError **error)
{
    if (!is_waiting(row))
        return ticket_shape(row, with_id, 0, NULL);
    int64_t ahead = 0;
    if (!count_ahead(self, row, &ahead, error))
        return NULL;
    return ticket_shape(row, with_id, ahead, wait_of_row(self, row));
}

json_t *board_services(Serambi *self, GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error,
        "SELECT id, code, name_id, name_en, name_ar, is_open FROM queue_service ORDER BY id", "");
    if (!rows)
        return NULL;
    json_t *services = json_array();
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        json_t *name = json_object();
        for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
            g_autofree char *column = g_strconcat("name_", languages[i], NULL);
            json_object_set(name, languages[i], json_object_get(row, column));
        }
        json_array_append_new(
            services, json_pack("{s:O, s:O, s:o, s:b}", "id", json_object_get(row, "id"), "code",
                                json_object_get(row, "code"), "name", name, "is_open",
                                json_integer_value(json_object_get(row, "is_open")) != 0));
    }
    return services;
}

/* --- The board ------------------------------------------------------------------------------ */

static json_t *called_now(Serambi *self, const char *day, GError **error)
{
    return serambi_query(
        self, error,
        "SELECT counter, label AS ticket, called_us FROM queue_ticket"
        " WHERE day = $1 AND state IN ('called', 'serving') ORDER BY called_us DESC, id DESC"
        " LIMIT " BOARD_CALLS,
        "s", day);
}

/* Adds to each service how many wait and how long the next one would. */
static bool add_waiting(Serambi *self, json_t *services, const char *day, GError **error)
{
    json_auto_t *rows = serambi_query(self, error,
                                      "SELECT service, COUNT(*) AS count FROM queue_ticket"
                                      " WHERE day = $1 AND state = 'waiting' GROUP BY service",
                                      "s", day);
    if (!rows)
        return false;
    size_t index, inner;
    json_t *service, *row;
    json_array_foreach(services, index, service)
    {
        int64_t count = 0;
        json_array_foreach(rows, inner, row) if (json_equal(json_object_get(row, "service"),
                                                            json_object_get(service, "id"))) count =
            json_integer_value(json_object_get(row, "count"));
        json_object_set(service, "service", json_object_get(service, "id"));
        json_object_del(service, "id");
        json_object_set_new(service, "count", json_integer(count));
        json_object_set_new(
            service, "wait_minutes",
            wait_of(self, 0, json_integer_value(json_object_get(service, "service"))));
    }
    return true;
}

static bool publish_board(Serambi *self, const char *day, GError **error)
{
    json_auto_t *now = called_now(self, day, error);
    json_auto_t *services = now ? board_services(self, error) : NULL;
    if (!services || !add_waiting(self, services, day, error))
        return false;
    serambi_publish(self, "board",
                    json_pack("{s:s, s:O, s:O}", "day", day, "now", now, "waiting", services));
    return true;
}

/* --- Tickets -------------------------------------------------------------------------------- */

/* Tells one ticket's page how it stands; takes wait. */
static bool publish_ticket(Serambi *self, const json_t *row, int64_t ahead, json_t *wait,
                           GError **error)
{
    g_autofree char *shown = wait ? json_dumps(wait, JSON_COMPACT) : NULL;
    g_autofree char *topic =
        g_strconcat("ticket.", json_string_value(json_object_get(row, "secret")), NULL);
    serambi_publish(self, topic, ticket_shape(row, false, ahead, wait));
    json_auto_t *noted =
        serambi_query(self, error,
                      "UPDATE queue_ticket SET shown_ahead = $2, shown_wait = $3, is_untold = 0,"
                      " first_wait = COALESCE(first_wait, $3) WHERE id = $1",
                      "iis", (int64_t)json_integer_value(json_object_get(row, "id")), ahead, shown);
    return noted != NULL;
}

static bool was_told(const json_t *row, int64_t ahead, const char *wait)
{
    const json_t *shown = json_object_get(row, "shown_ahead");
    return !json_integer_value(json_object_get(row, "is_untold")) && json_is_integer(shown) &&
           json_integer_value(shown) == ahead &&
           !g_strcmp0(wait, json_string_value(json_object_get(row, "shown_wait")));
}

/* Tells each waiting ticket its place, where that differs from what it was told last. */
static bool publish_waiting(Serambi *self, GError **error)
{
    json_auto_t *rows = tickets_line(self, error);
    if (!rows)
        return false;
    size_t ahead;
    json_t *row;
    json_array_foreach(rows, ahead, row)
    {
        json_auto_t *wait = wait_of_row(self, row);
        g_autofree char *shown = json_dumps(wait, JSON_COMPACT);
        if (!was_told(row, (int64_t)ahead, shown) &&
            !publish_ticket(self, row, (int64_t)ahead, json_incref(wait), error))
            return false;
    }
    return true;
}

/* Tickets that were called, ended or put aside since they were told last. */
static bool publish_moved(Serambi *self, GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error,
        "SELECT " TICKET_COLUMNS " FROM queue_ticket WHERE is_untold = 1 AND state <> 'waiting'",
        "");
    size_t index;
    json_t *row;
    json_array_foreach(rows, index,
                       row) if (!publish_ticket(self, row, 0, NULL, error)) return false;
    return rows != NULL;
}

bool board_publish(Serambi *self, GError **error)
{
    Queue *queue = serambi_state(self);
    char day[11];
    tickets_day(self, serambi_now_us(self), day);
    wait_touch(self);
    if (!publish_board(self, day, error) || !publish_waiting(self, error) ||
        !publish_moved(self, error))
        return false;
    serambi_publish(self, "desk",
                    json_pack("{s:I}", "version", (json_int_t)++queue->server.desk_version));
    return true;
}

bool board_publish_call(Serambi *self, const json_t *ticket, bool is_recall, GError **error)
{
    int64_t call = 0;
    if (!tickets_record_call(self, ticket, is_recall, &call, error))
        return false;
    serambi_publish(self, "calls",
                    json_pack("{s:I, s:O, s:O, s:I, s:b}", "call", (json_int_t)call, "ticket",
                              json_object_get(ticket, "label"), "counter",
                              json_object_get(ticket, "counter"), "called_us",
                              (json_int_t)serambi_now_us(self), "recall", is_recall));
    return true;
}

/* --- Time ----------------------------------------------------------------------------------- */

/* The queue watches its own board, which arrives here when it is on disk: a day whose first board
 * was lost with its commit is begun again. */
static void on_board(Serambi *self, const char *channel, const json_t *body)
{
    Queue *queue = serambi_state(self);
    const char *day = json_string_value(json_object_get(body, "day"));
    g_strlcpy(queue->server.day, day ? day : "", sizeof queue->server.day);
}

/* At the library's midnight the board is empty and numbers start at one. */
static void on_tick(Serambi *self)
{
    Queue *queue = serambi_state(self);
    char day[11];
    tickets_day(self, serambi_now_us(self), day);
    g_autoptr(GError) error = NULL;
    if (!strcmp(day, queue->server.day)) {
        if (!strcmp(day, queue->server.closed_day))
            return;
        bool is_more = false;
        if (!reports_close_days(self, &is_more, &error))
            serambi_log(self, LOG_ERR, "could not sum up a day: %s, trying again", error->message);
        else if (!is_more)
            g_strlcpy(queue->server.closed_day, day, sizeof queue->server.closed_day);
        return;
    }
    if (!tickets_end_days(self, &error) || !board_publish(self, &error))
        serambi_log(self, LOG_ERR, "could not start the day's board: %s, trying again",
                    error->message);
}

#define EXAMPLE_TICKET                                                                             \
    "{\"label\":\"A012\",\"service\":1,\"secret\":\"q3VrY1o0nX8pLw2TtE9bDg\",\"state\":"           \
    "\"waiting\","                                                                                 \
    "\"ahead\":3,\"wait_minutes\":[5,20],\"counter\":null,\"issued_us\":1795406400000000}"

const SerambiTopic board_topics[] = {
    {
        .name = "board",
        .kind = SERAMBI_STATE,
        .readers = SERAMBI_ANYBODY,
        .example = "{\"day\":\"2026-11-23\",\"now\":[{\"counter\":\"2\",\"ticket\":\"A012\","
                   "\"called_us\":1795406400000000}],\"waiting\":[{\"service\":1,\"code\":\"A\","
                   "\"name\":{\"en\":\"Borrow & return\"},\"is_open\":true,\"count\":7,"
                   "\"wait_minutes\":[10,35]}]}",
        .help = "who is called where, how many wait and how long",
    },
    {
        .name = "calls",
        .kind = SERAMBI_FEED,
        .readers = SERAMBI_ANYBODY,
        .keep_days = 7,
        .example = "{\"call\":4711,\"ticket\":\"A012\",\"counter\":\"2\","
                   "\"called_us\":1795406400000000,\"recall\":false}",
        .help = "each call, in order",
    },
    {
        .name = "ticket.{secret}",
        .kind = SERAMBI_STATE,
        .readers = SERAMBI_ANYBODY,
        .keep_days = 2,
        .example = EXAMPLE_TICKET,
        .help = "one ticket, for who knows its secret",
    },
    {
        .name = "desk",
        .kind = SERAMBI_STATE,
        .readers = SERAMBI_STAFF,
        .example = "{\"version\":1795406400000001}",
        .help = "changes whenever counters should read their desk again",
    },
    {0},
};

const SerambiTimer board_timers[] = {
    {"day", 1, on_tick},
    {"wait", 1, wait_tick},
    {0},
};

const SerambiWatch board_watches[] = {
    {"queue:board", on_board},
    {0},
};
