/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The model: numbers are unique for each service and local day and have no holes; a ticket changes
 * its state only by compare-and-set, so no two counters ever have the same one.
 *
 * Every function here runs inside one savepoint, with all that the caller publishes and replies: a
 * number is shown only after it is on disk. States:
 *
 *   waiting -> called -> done        no_show, parked -> waiting (at its old place)
 *           -> left      -> no_show  called -> waiting in another service (transfer)
 *                        -> parked   parked -> left
 *
 * At the end of its day a ticket that still waits or is parked has left, a called one is done. */
#include "plugins/queue/queue.h"
#include <string.h>

const char *const tickets_migrations[] = {
    "CREATE TABLE queue_service ("
    " id BIGINT PRIMARY KEY, code TEXT NOT NULL UNIQUE,"
    " name_id TEXT NOT NULL, name_en TEXT NOT NULL, name_ar TEXT NOT NULL,"
    " is_open BIGINT NOT NULL);"
    /* Letters that do not sound alike when they are called. */
    "INSERT INTO queue_service VALUES"
    " (1, 'A', 'Peminjaman & pengembalian', 'Borrow & return',"
    "  '\xd8\xa7\xd9\x84\xd8\xa5\xd8\xb9\xd8\xa7\xd8\xb1\xd8\xa9 "
    "\xd9\x88\xd8\xa7\xd9\x84\xd8\xa5\xd8\xb1\xd8\xac\xd8\xa7\xd8\xb9', 1),"
    " (2, 'R', 'Referensi & penelusuran', 'Reference & search',"
    "  '\xd8\xa7\xd9\x84\xd9\x85\xd8\xb1\xd8\xa7\xd8\xac\xd8\xb9 "
    "\xd9\x88\xd8\xa7\xd9\x84\xd8\xa8\xd8\xad\xd8\xab', 1),"
    " (3, 'U', 'Keanggotaan & umum', 'Membership & general',"
    "  '\xd8\xa7\xd9\x84\xd8\xb9\xd8\xb6\xd9\x88\xd9\x8a\xd8\xa9 "
    "\xd9\x88\xd8\xa7\xd9\x84\xd8\xb4\xd8\xa4\xd9\x88\xd9\x86 "
    "\xd8\xa7\xd9\x84\xd8\xb9\xd8\xa7\xd9\x85\xd8\xa9', 1);"
    "CREATE TABLE queue_counter (id BIGINT PRIMARY KEY, label TEXT NOT NULL UNIQUE);"
    "INSERT INTO queue_counter VALUES (1, '1'), (2, '2'), (3, '3');"
    "CREATE TABLE queue_sequence ("
    " service BIGINT NOT NULL REFERENCES queue_service (id), day TEXT NOT NULL,"
    " last_number BIGINT NOT NULL, PRIMARY KEY (service, day));"
    "CREATE TABLE queue_ticket ("
    " id BIGINT PRIMARY KEY,"
    " service BIGINT NOT NULL REFERENCES queue_service (id),"
    " first_service BIGINT NOT NULL REFERENCES queue_service (id),"
    " day TEXT NOT NULL, number BIGINT NOT NULL, label TEXT NOT NULL,"
    " secret TEXT NOT NULL UNIQUE, request_key TEXT UNIQUE,"
    " state TEXT NOT NULL CHECK (state IN"
    "  ('waiting', 'called', 'done', 'no_show', 'parked', 'left')),"
    " counter TEXT, version BIGINT NOT NULL,"
    " issued_us BIGINT NOT NULL, sort_us BIGINT NOT NULL, called_us BIGINT, ended_us BIGINT,"
    /* What the ticket's page was told last; is_untold: its state changed since. */
    " shown_ahead BIGINT, shown_wait TEXT, is_untold BIGINT NOT NULL DEFAULT 0,"
    " UNIQUE (first_service, day, number));"
    /* Ten years of tickets lie here; each of these finds a day's, or a handful. */
    "CREATE INDEX queue_ticket_waiting ON queue_ticket (day, state, sort_us, id);"
    "CREATE INDEX queue_ticket_untold ON queue_ticket (id) WHERE is_untold = 1;"
    "CREATE INDEX queue_ticket_called ON queue_ticket (counter, called_us) WHERE state = 'called';"
    "CREATE INDEX queue_ticket_done ON queue_ticket (day, ended_us) WHERE state = 'done';"
    "CREATE INDEX queue_ticket_active ON queue_ticket (day)"
    " WHERE state IN ('waiting', 'called', 'parked');"
    "CREATE TABLE queue_call ("
    " id BIGINT PRIMARY KEY, ticket BIGINT NOT NULL REFERENCES queue_ticket (id),"
    " counter TEXT NOT NULL, called_us BIGINT NOT NULL, is_recall BIGINT NOT NULL);"
    "CREATE INDEX queue_call_time ON queue_call (called_us, counter);"
    "CREATE TABLE queue_request ("
    " request_key TEXT PRIMARY KEY, ticket BIGINT NOT NULL REFERENCES queue_ticket (id));"
    "CREATE TABLE queue_audit ("
    " id BIGINT PRIMARY KEY, at_us BIGINT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,"
    " ticket BIGINT NOT NULL REFERENCES queue_ticket (id), counter TEXT);",
    WAIT_MIGRATION,
    NULL,
};

const TicketMove ticket_moves[] = {
    {"recall", ",called,", NULL, true},           {"no-show", ",called,", "no_show", true},
    {"park", ",called,", "parked", false},        {"return", ",parked,no_show,", "waiting", false},
    {"finish", ",called,", "done", true},         {"transfer", ",called,", "waiting", false},
    {"leave", ",waiting,parked,", "left", false}, {0},
};

void tickets_day(Serambi *self, int64_t at_us, char ret_day[11])
{
    const QueueSettings *settings = serambi_settings(self);
    g_autoptr(GTimeZone) zone = *settings->time_zone
                                    ? g_time_zone_new_identifier(settings->time_zone)
                                    : g_time_zone_new_local();
    if (!zone)
        zone = g_time_zone_new_utc();
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(at_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);
    g_autofree char *text = g_date_time_format(local, "%Y-%m-%d");
    g_strlcpy(ret_day, text, 11);
}

/* The first row of rows (takes rows) as a new reference, or NULL. */
static json_t *first_row(json_t *rows)
{
    json_t *row = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    return row;
}

static bool audit(Serambi *self, const char *actor, const char *action, const json_t *ticket,
                  GError **error)
{
    json_auto_t *done =
        serambi_query(self, error,
                      "INSERT INTO queue_audit (id, at_us, actor, action, ticket, counter)"
                      " SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, $5 FROM queue_audit",
                      "issis", serambi_now_us(self), actor, action,
                      (int64_t)json_integer_value(json_object_get(ticket, "id")),
                      json_string_value(json_object_get(ticket, "counter")));
    return done != NULL;
}

/* --- Taking a number -----------------------------------------------------------------------------
 */

static json_t *next_number(Serambi *self, int64_t service, const char *day, GError **error)
{
    return first_row(serambi_query(
        self, error,
        "INSERT INTO queue_sequence (service, day, last_number) VALUES ($1, $2, 1)"
        " ON CONFLICT (service, day) DO UPDATE SET last_number = queue_sequence.last_number + 1"
        " RETURNING last_number",
        "is", service, day));
}

json_t *tickets_by_key(Serambi *self, const char *key, GError **error)
{
    return first_row(serambi_query(
        self, error, "SELECT " TICKET_COLUMNS " FROM queue_ticket WHERE request_key = $1", "s",
        key));
}

json_t *tickets_issue(Serambi *self, int64_t service, const char *key, const char **ret_code,
                      GError **error)
{
    json_auto_t *found = serambi_query(
        self, error, "SELECT code, is_open FROM queue_service WHERE id = $1", "i", service);
    if (!found)
        return NULL;
    const json_t *row = json_array_get(found, 0);
    if (!row || !json_integer_value(json_object_get(row, "is_open"))) {
        *ret_code = row ? "queue.closed" : "queue.unknown_service";
        return NULL;
    }
    char day[11];
    int64_t now_us = serambi_now_us(self);
    tickets_day(self, now_us, day);
    json_auto_t *sequence = next_number(self, service, day, error);
    if (!sequence)
        return NULL;
    int64_t number = json_integer_value(json_object_get(sequence, "last_number"));
    g_autofree char *label = g_strdup_printf(
        "%s%03" G_GINT64_FORMAT, json_string_value(json_object_get(row, "code")), number);
    g_autofree char *secret = serambi_random_text(self, 16);
    json_t *ticket = first_row(serambi_query(
        self, error,
        "INSERT INTO queue_ticket (id, service, first_service, day, number, label, secret,"
        " request_key, state, version, issued_us, sort_us)"
        " SELECT COALESCE(MAX(id), 0) + 1, $1, $1, $2, $3, $4, $5, $6, 'waiting', 1, $7, $7"
        " FROM queue_ticket RETURNING " TICKET_COLUMNS,
        "isisssi", service, day, number, label, secret, key, now_us));
    if (ticket && !audit(self, "", "issue", ticket, error))
        g_clear_pointer(&ticket, json_decref);
    return ticket;
}

json_t *tickets_by_secret(Serambi *self, const char *secret, GError **error)
{
    return first_row(serambi_query(
        self, error, "SELECT " TICKET_COLUMNS " FROM queue_ticket WHERE secret = $1", "s", secret));
}

json_t *tickets_by_id(Serambi *self, int64_t id, GError **error)
{
    return first_row(serambi_query(
        self, error, "SELECT " TICKET_COLUMNS " FROM queue_ticket WHERE id = $1", "i", id));
}

/* --- Calling -------------------------------------------------------------------------------------
 */

/* What this counter has, is done: pressing Next says so. */
static bool finish_current(Serambi *self, const char *label, GError **error)
{
    json_auto_t *rows =
        serambi_query(self, error,
                      "UPDATE queue_ticket SET state = 'done', version = version + 1, is_untold = "
                      "1, ended_us = $2"
                      " WHERE counter = $1 AND state = 'called' RETURNING " TICKET_COLUMNS,
                      "si", label, serambi_now_us(self));
    size_t index;
    json_t *row;
    json_array_foreach(rows, index,
                       row) if (!audit(self, label, "finish", row, error)) return false;
    return rows != NULL;
}

/* Whoever came first, over all services: every counter serves them all. */
static json_t *pick(Serambi *self, GError **error)
{
    char day[11];
    tickets_day(self, serambi_now_us(self), day);
    return first_row(serambi_query(self, error,
                                   "SELECT " TICKET_COLUMNS " FROM queue_ticket"
                                   " WHERE day = $1 AND state = 'waiting'"
                                   " ORDER BY sort_us, id LIMIT 1",
                                   "s", day));
}

static json_t *call(Serambi *self, const json_t *ticket, const char *label, GError **error)
{
    return first_row(
        serambi_query(self, error,
                      "UPDATE queue_ticket SET state = 'called', counter = $3, version = version + "
                      "1, is_untold = 1,"
                      " called_us = $4 WHERE id = $1 AND version = $2 AND state = 'waiting'"
                      " RETURNING " TICKET_COLUMNS,
                      "iisi", (int64_t)json_integer_value(json_object_get(ticket, "id")),
                      (int64_t)json_integer_value(json_object_get(ticket, "version")), label,
                      serambi_now_us(self)));
}

json_t *tickets_call_next(Serambi *self, int64_t counter, const char *key, bool *ret_repeated,
                          GError **error)
{
    GError *failure = NULL;
    json_t *known =
        first_row(serambi_query(self, &failure,
                                "SELECT " TICKET_COLUMNS " FROM queue_ticket WHERE id ="
                                " (SELECT ticket FROM queue_request WHERE request_key = $1)",
                                "s", key));
    *ret_repeated = known != NULL;
    if (known || failure) {
        if (failure)
            g_propagate_error(error, failure);
        return known;
    }
    json_auto_t *desk = first_row(
        serambi_query(self, error, "SELECT label FROM queue_counter WHERE id = $1", "i", counter));
    if (!desk)
        return NULL;
    const char *label = json_string_value(json_object_get(desk, "label"));
    if (!finish_current(self, label, error))
        return NULL;
    json_auto_t *waiting = pick(self, error);
    if (!waiting)
        return NULL;
    json_t *ticket = call(self, waiting, label, error);
    if (!ticket)
        return NULL;
    json_auto_t *noted = serambi_query(
        self, error, "INSERT INTO queue_request (request_key, ticket) VALUES ($1, $2)", "si", key,
        (int64_t)json_integer_value(json_object_get(ticket, "id")));
    if (!noted || !audit(self, label, "call", ticket, error))
        g_clear_pointer(&ticket, json_decref);
    return ticket;
}

bool tickets_record_call(Serambi *self, const json_t *ticket, bool is_recall, int64_t *ret_call,
                         GError **error)
{
    json_auto_t *row = first_row(serambi_query(
        self, error,
        "INSERT INTO queue_call (id, ticket, counter, called_us, is_recall)"
        " SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4 FROM queue_call RETURNING id",
        "isii", (int64_t)json_integer_value(json_object_get(ticket, "id")),
        json_string_value(json_object_get(ticket, "counter")), serambi_now_us(self),
        (int64_t)is_recall));
    if (!row)
        return false;
    *ret_call = json_integer_value(json_object_get(row, "id"));
    return true;
}

/* --- Other moves ---------------------------------------------------------------------------------
 */

static bool may_move(const json_t *ticket, const TicketMove *move)
{
    g_autofree char *state =
        g_strdup_printf(",%s,", json_string_value(json_object_get(ticket, "state")));
    return strstr(move->from, state) != NULL;
}

json_t *tickets_move(Serambi *self, int64_t id, const TicketMove *move, int64_t service,
                     const char *actor, GError **error)
{
    json_auto_t *ticket = tickets_by_id(self, id, error);
    if (!ticket || !may_move(ticket, move))
        return NULL;
    if (!move->to)
        return audit(self, actor, move->name, ticket, error) ? json_incref(ticket) : NULL;
    bool is_end = strcmp(move->to, "waiting") && strcmp(move->to, "parked");
    char day[11];
    tickets_day(self, serambi_now_us(self), day);
    json_t *moved = first_row(serambi_query(
        self, error,
        "UPDATE queue_ticket SET state = $3, version = version + 1, is_untold = 1,"
        " service = CASE WHEN $4 > 0 THEN $4 ELSE service END,"
        " counter = CASE WHEN $5 = 1 THEN counter ELSE NULL END,"
        " ended_us = CASE WHEN $6 = 1 THEN $7 ELSE NULL END"
        " WHERE id = $1 AND version = $2 AND ($3 <> 'waiting' OR day = $8)"
        " RETURNING " TICKET_COLUMNS,
        "iisiiiis", id, (int64_t)json_integer_value(json_object_get(ticket, "version")), move->to,
        service, (int64_t)move->keeps_counter, (int64_t)is_end, serambi_now_us(self), day));
    if (moved && !audit(self, actor, move->name, moved, error))
        g_clear_pointer(&moved, json_decref);
    return moved;
}

/* --- The end of a day ----------------------------------------------------------------------------
 */

bool tickets_end_days(Serambi *self, GError **error)
{
    char day[11];
    tickets_day(self, serambi_now_us(self), day);
    json_auto_t *rows = serambi_query(
        self, error,
        "UPDATE queue_ticket SET state = CASE WHEN state = 'called' THEN 'done' ELSE 'left' END,"
        " version = version + 1, is_untold = 1, ended_us = $2"
        " WHERE state IN ('waiting', 'called', 'parked') AND day < $1 RETURNING " TICKET_COLUMNS,
        "si", day, serambi_now_us(self));
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        if (!audit(self, "", "end-of-day", row, error))
            return false;
    }
    return rows != NULL;
}
