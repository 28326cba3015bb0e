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
 *                        -> serving -> done, no other way than called has
 *
 * At the end of its day a ticket that still waits or is parked has left, a called one is done. The
 * audit is a chain: each row's hash covers the row and the hash before it, so a row that is changed
 * or taken away later is found. */
#include "plugins/queue/fairness.h"
#include "plugins/queue/kiosk.h"
#include "plugins/queue/queue.h"
#include "plugins/queue/reports.h"
#include <string.h>

#define UNDO_US    (60 * G_USEC_PER_SEC)
#define AUDIT_ROWS "1000"

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
    /* Being served, classes, undo, the audit's chain. A CHECK cannot be altered: the table is made
     * anew, with those that point to it. */
    "CREATE TABLE queue_ticket_new ("
    " id BIGINT PRIMARY KEY,"
    " service BIGINT NOT NULL REFERENCES queue_service (id),"
    " first_service BIGINT NOT NULL REFERENCES queue_service (id),"
    " day TEXT NOT NULL, number BIGINT NOT NULL, label TEXT NOT NULL,"
    " secret TEXT NOT NULL UNIQUE, request_key TEXT UNIQUE,"
    " state TEXT NOT NULL CHECK (state IN"
    "  ('waiting', 'called', 'serving', 'done', 'no_show', 'parked', 'left')),"
    " counter TEXT, version BIGINT NOT NULL,"
    " issued_us BIGINT NOT NULL, sort_us BIGINT NOT NULL, called_us BIGINT, ended_us BIGINT,"
    " shown_ahead BIGINT, shown_wait TEXT, is_untold BIGINT NOT NULL DEFAULT 0,"
    " class TEXT NOT NULL DEFAULT 'normal' CHECK (class IN"
    "  ('normal', 'elderly', 'disabled', 'pregnant', 'children')),"
    " started_us BIGINT,"
    " UNIQUE (first_service, day, number));"
    "INSERT INTO queue_ticket_new (id, service, first_service, day, number, label, secret,"
    " request_key, state, counter, version, issued_us, sort_us, called_us, ended_us, shown_ahead,"
    " shown_wait, is_untold) SELECT id, service, first_service, day, number, label, secret,"
    " request_key, state, counter, version, issued_us, sort_us, called_us, ended_us, shown_ahead,"
    " shown_wait, is_untold FROM queue_ticket;"
    "CREATE TABLE queue_call_new ("
    " id BIGINT PRIMARY KEY, ticket BIGINT NOT NULL REFERENCES queue_ticket_new (id),"
    " counter TEXT NOT NULL, called_us BIGINT NOT NULL, is_recall BIGINT NOT NULL);"
    "INSERT INTO queue_call_new SELECT id, ticket, counter, called_us, is_recall FROM queue_call;"
    "CREATE TABLE queue_request_new ("
    " request_key TEXT PRIMARY KEY, ticket BIGINT NOT NULL REFERENCES queue_ticket_new (id),"
    " action TEXT NOT NULL);"
    "INSERT INTO queue_request_new SELECT request_key, ticket, 'call' FROM queue_request;"
    "CREATE TABLE queue_audit_new ("
    " id BIGINT PRIMARY KEY, at_us BIGINT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,"
    " ticket BIGINT NOT NULL REFERENCES queue_ticket_new (id), counter TEXT,"
    " version BIGINT NOT NULL, before TEXT, hash TEXT NOT NULL);"
    /* What was written before there was a chain stands before its first link. */
    "INSERT INTO queue_audit_new SELECT id, at_us, actor, action, ticket, counter, 0, NULL, ''"
    " FROM queue_audit;"
    "CREATE TABLE queue_estimate_new ("
    " id BIGINT PRIMARY KEY, ticket BIGINT NOT NULL REFERENCES queue_ticket_new (id),"
    " service BIGINT NOT NULL, at_us BIGINT NOT NULL,"
    " median_us BIGINT NOT NULL, high_us BIGINT NOT NULL, low_minutes BIGINT, high_minutes BIGINT,"
    " called_us BIGINT, is_first BIGINT NOT NULL, is_open BIGINT NOT NULL);"
    "INSERT INTO queue_estimate_new SELECT id, ticket, service, at_us, median_us, high_us,"
    " low_minutes, high_minutes, called_us, is_first, is_open FROM queue_estimate;"
    "DROP TABLE queue_call; DROP TABLE queue_request; DROP TABLE queue_audit;"
    "DROP TABLE queue_estimate; DROP TABLE queue_ticket;"
    "ALTER TABLE queue_ticket_new RENAME TO queue_ticket;"
    "ALTER TABLE queue_call_new RENAME TO queue_call;"
    "ALTER TABLE queue_request_new RENAME TO queue_request;"
    "ALTER TABLE queue_audit_new RENAME TO queue_audit;"
    "ALTER TABLE queue_estimate_new RENAME TO queue_estimate;"
    "CREATE INDEX queue_estimate_ticket ON queue_estimate (ticket, id);"
    "CREATE INDEX queue_estimate_open ON queue_estimate (ticket) WHERE is_open = 1;"
    "CREATE INDEX queue_estimate_time ON queue_estimate (at_us);"
    "CREATE INDEX queue_ticket_outcome ON queue_ticket (ended_us)"
    " WHERE state IN ('done', 'no_show') AND called_us IS NOT NULL;"
    "CREATE INDEX queue_ticket_waiting ON queue_ticket (day, state, sort_us, id);"
    "CREATE INDEX queue_ticket_untold ON queue_ticket (id) WHERE is_untold = 1;"
    "CREATE INDEX queue_ticket_called ON queue_ticket (counter, called_us)"
    " WHERE state IN ('called', 'serving');"
    "CREATE INDEX queue_ticket_done ON queue_ticket (day, ended_us) WHERE state = 'done';"
    "CREATE INDEX queue_ticket_active ON queue_ticket (day)"
    " WHERE state IN ('waiting', 'called', 'serving', 'parked');"
    "CREATE INDEX queue_call_time ON queue_call (called_us, counter);"
    "CREATE INDEX queue_audit_ticket ON queue_audit (ticket, id);"
    /* Normal calls since the last priority call; one row, none before the first call. */
    "CREATE TABLE queue_fairness (id BIGINT PRIMARY KEY CHECK (id = 1), since BIGINT NOT NULL);"
    /* A counter without a row here serves every service. */
    "CREATE TABLE queue_counter_service ("
    " counter BIGINT NOT NULL REFERENCES queue_counter (id),"
    " service BIGINT NOT NULL REFERENCES queue_service (id), PRIMARY KEY (counter, service));"
    "ALTER TABLE queue_counter ADD COLUMN staff TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE queue_counter ADD COLUMN signed_in_us BIGINT NOT NULL DEFAULT 0;",
    KIOSK_MIGRATION REPORTS_MIGRATION,
    NULL,
};

#define AT_COUNTER ",called,serving,"

const TicketMove ticket_moves[] = {
    {"recall", ",called,", NULL, true},
    {"start", ",called,", "serving", true},
    {"no-show", ",called,", "no_show", true},
    {"park", AT_COUNTER, "parked", false},
    {"return", ",parked,no_show,", "waiting", false},
    {"finish", AT_COUNTER, "done", true},
    {"transfer", AT_COUNTER, "waiting", false},
    {"leave", ",waiting,parked,", "left", false},
    {0},
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

int64_t tickets_integer(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

/* The hash of an audit row (id, at_us, actor, action, ticket, counter, version, before) that
 * follows one with the hash previous. Caller frees. */
static char *audit_hash(const char *previous, const json_t *row)
{
    json_auto_t *link = json_pack("[s, O, O, O, O, O, O, O, O]", previous,
                                  json_object_get(row, "id"), json_object_get(row, "at_us"),
                                  json_object_get(row, "actor"), json_object_get(row, "action"),
                                  json_object_get(row, "ticket"), json_object_get(row, "counter"),
                                  json_object_get(row, "version"), json_object_get(row, "before"));
    g_autofree char *text = json_dumps(link, JSON_COMPACT);
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

/* Notes what was done to ticket (its row afterwards); before: its row before, NULL when that cannot
 * be undone. */
static bool audit(Serambi *self, const char *actor, const char *action, const json_t *ticket,
                  const json_t *before, GError **error)
{
    json_auto_t *last =
        serambi_query(self, error, "SELECT id, hash FROM queue_audit ORDER BY id DESC LIMIT 1", "");
    if (!last)
        return false;
    const json_t *end = json_array_get(last, 0);
    const char *previous = end ? json_string_value(json_object_get(end, "hash")) : "";
    g_autofree char *earlier = before ? json_dumps(before, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_auto_t *row =
        json_pack("{s:I, s:I, s:s, s:s, s:O, s:O, s:O, s:s?}", "id",
                  (json_int_t)tickets_integer(end, "id") + 1, "at_us",
                  (json_int_t)serambi_now_us(self), "actor", actor, "action", action, "ticket",
                  json_object_get(ticket, "id"), "counter", json_object_get(ticket, "counter"),
                  "version", json_object_get(ticket, "version"), "before", earlier);
    g_autofree char *hash = audit_hash(previous, row);
    json_auto_t *done = serambi_query(
        self, error,
        "INSERT INTO queue_audit (id, at_us, actor, action, ticket, counter, version, before, hash)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        "iissisiss", tickets_integer(row, "id"), tickets_integer(row, "at_us"), actor, action,
        tickets_integer(row, "ticket"), json_string_value(json_object_get(row, "counter")),
        tickets_integer(row, "version"), earlier, hash);
    return done != NULL;
}

bool tickets_check_audit(Serambi *self, int64_t after, const char *previous, int64_t *ret_last,
                         char **ret_hash, int64_t *ret_broken, GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error,
        "SELECT id, at_us, actor, action, ticket, counter, version, before, hash FROM queue_audit"
        " WHERE id > $1 AND hash <> '' ORDER BY id LIMIT " AUDIT_ROWS,
        "i", after);
    if (!rows)
        return false;
    g_autofree char *hash = g_strdup(previous);
    int64_t last = 0, broken = 0;
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        g_autofree char *right = audit_hash(hash, row);
        last = tickets_integer(row, "id");
        if (strcmp(right, json_string_value(json_object_get(row, "hash")))) {
            broken = last;
            break;
        }
        g_free(hash);
        hash = g_steal_pointer(&right);
    }
    *ret_last = last;
    *ret_hash = g_steal_pointer(&hash);
    *ret_broken = broken;
    return true;
}

/* The ticket that a request with that key changed before, as it is now. */
static json_t *by_request(Serambi *self, const char *key, const char *action, GError **error)
{
    return first_row(
        serambi_query(self, error,
                      "SELECT " TICKET_COLUMNS " FROM queue_ticket WHERE id ="
                      " (SELECT ticket FROM queue_request WHERE request_key = $1 AND action = $2)",
                      "ss", key, action));
}

static bool note_request(Serambi *self, const char *key, const char *action, const json_t *ticket,
                         GError **error)
{
    json_auto_t *noted = serambi_query(
        self, error, "INSERT INTO queue_request (request_key, ticket, action) VALUES ($1, $2, $3)",
        "sis", key, tickets_integer(ticket, "id"), action);
    return noted != NULL;
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

json_t *tickets_issue(Serambi *self, int64_t service, const char *class, const char *key,
                      const char **ret_code, GError **error)
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
        " request_key, state, version, issued_us, sort_us, class)"
        " SELECT COALESCE(MAX(id), 0) + 1, $1, $1, $2, $3, $4, $5, $6, 'waiting', 1, $7, $7, $8"
        " FROM queue_ticket RETURNING " TICKET_COLUMNS,
        "isisssis", service, day, number, label, secret, key, now_us, class));
    if (ticket && !audit(self, "", "issue", ticket, NULL, error))
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
static bool finish_current(Serambi *self, const char *label, const char *actor, GError **error)
{
    json_auto_t *before = serambi_query(self, error,
                                        "SELECT " TICKET_COLUMNS " FROM queue_ticket"
                                        " WHERE counter = $1 AND state IN ('called', 'serving')",
                                        "s", label);
    if (!before)
        return false;
    size_t index;
    json_t *row;
    json_array_foreach(before, index, row)
    {
        json_auto_t *after = first_row(serambi_query(
            self, error,
            "UPDATE queue_ticket SET state = 'done', version = version + 1, is_untold = 1,"
            " ended_us = $3 WHERE id = $1 AND version = $2 RETURNING " TICKET_COLUMNS,
            "iii", tickets_integer(row, "id"), tickets_integer(row, "version"),
            serambi_now_us(self)));
        if (!after || !audit(self, actor, "finish", after, row, error))
            return false;
    }
    return true;
}

FairnessRule tickets_rule(Serambi *self)
{
    const QueueSettings *settings = serambi_settings(self);
    return (FairnessRule){
        .ratio = (unsigned)settings->priority_ratio,
        .age_cap_minutes = (double)settings->priority_age_minutes,
    };
}

static FairnessHead head_of(Serambi *self, const json_t *row)
{
    int64_t waited_us = serambi_now_us(self) - tickets_integer(row, "issued_us");
    return (FairnessHead){row != NULL, (double)waited_us / (60.0 * G_USEC_PER_SEC)};
}

bool tickets_normal_since(Serambi *self, unsigned *ret_since, GError **error)
{
    json_auto_t *rows =
        serambi_query(self, error, "SELECT since FROM queue_fairness WHERE id = 1", "");
    if (!rows)
        return false;
    const json_t *row = json_array_get(rows, 0);
    *ret_since = row ? (unsigned)CLAMP(tickets_integer(row, "since"), 0, FAIRNESS_SINCE_MAX)
                     : tickets_rule(self).ratio;
    return true;
}

static bool write_since(Serambi *self, unsigned since, GError **error)
{
    json_auto_t *done = serambi_query(self, error,
                                      "INSERT INTO queue_fairness (id, since) VALUES (1, $1)"
                                      " ON CONFLICT (id) DO UPDATE SET since = $1",
                                      "i", (int64_t)since);
    return done != NULL;
}

/* The first of one line whom this counter serves. NULL without error: the line is empty. */
static json_t *head(Serambi *self, int64_t counter, bool is_priority, GError **error)
{
    char day[11];
    tickets_day(self, serambi_now_us(self), day);
    return first_row(serambi_query(
        self, error,
        "SELECT " TICKET_COLUMNS " FROM queue_ticket WHERE day = $1 AND state = 'waiting'"
        " AND (CASE WHEN class = 'normal' THEN 0 ELSE 1 END) = $3"
        " AND (service IN (SELECT service FROM queue_counter_service WHERE counter = $2)"
        "  OR NOT EXISTS (SELECT 1 FROM queue_counter_service WHERE counter = $2))"
        " ORDER BY sort_us, id LIMIT 1",
        "sii", day, counter, (int64_t)is_priority));
}

/* Who is next at this counter, by the rule. NULL without error when nobody is. */
static json_t *pick(Serambi *self, int64_t counter, GError **error)
{
    GError *failure = NULL;
    unsigned since = 0;
    json_auto_t *priority = head(self, counter, true, &failure);
    json_auto_t *normal = failure ? NULL : head(self, counter, false, &failure);
    if (failure) {
        g_propagate_error(error, failure);
        return NULL;
    }
    if (!tickets_normal_since(self, &since, error))
        return NULL;
    FairnessRule rule = tickets_rule(self);
    FairnessPick chosen =
        fairness_pick(&rule, head_of(self, priority), head_of(self, normal), since);
    if (chosen == FAIRNESS_NOBODY ||
        !write_since(self, fairness_after(chosen == FAIRNESS_PRIORITY, since), error))
        return NULL;
    return json_incref(chosen == FAIRNESS_PRIORITY ? priority : normal);
}

json_t *tickets_line(Serambi *self, GError **error)
{
    char day[11];
    tickets_day(self, serambi_now_us(self), day);
    json_auto_t *rows = serambi_query(self, error,
                                      "SELECT " TICKET_COLUMNS " FROM queue_ticket"
                                      " WHERE day = $1 AND state = 'waiting' ORDER BY sort_us, id",
                                      "s", day);
    unsigned since = 0;
    if (!rows || !tickets_normal_since(self, &since, error))
        return NULL;
    json_auto_t *priority = json_array(), *normal = json_array();
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        bool is_normal = !strcmp(json_string_value(json_object_get(row, "class")), "normal");
        json_array_append(is_normal ? normal : priority, row);
    }
    json_t *line = json_array();
    FairnessRule rule = tickets_rule(self);
    for (size_t first = 0, second = 0; json_array_size(line) < json_array_size(rows);) {
        json_t *one = json_array_get(priority, first), *other = json_array_get(normal, second);
        bool is_priority = fairness_pick(&rule, head_of(self, one), head_of(self, other), since) ==
                           FAIRNESS_PRIORITY;
        since = fairness_after(is_priority, since);
        json_array_append(line, is_priority ? one : other);
        first += is_priority;
        second += !is_priority;
    }
    return line;
}

static json_t *call(Serambi *self, const json_t *ticket, const char *label, GError **error)
{
    return first_row(
        serambi_query(self, error,
                      "UPDATE queue_ticket SET state = 'called', counter = $3, version = version + "
                      "1, is_untold = 1,"
                      " called_us = $4, started_us = NULL, ended_us = NULL WHERE id = $1 AND "
                      "version = $2 AND state = 'waiting'"
                      " RETURNING " TICKET_COLUMNS,
                      "iisi", (int64_t)json_integer_value(json_object_get(ticket, "id")),
                      (int64_t)json_integer_value(json_object_get(ticket, "version")), label,
                      serambi_now_us(self)));
}

json_t *tickets_call(Serambi *self, int64_t counter, int64_t id, const char *key, const char *actor,
                     bool *ret_repeated, GError **error)
{
    GError *failure = NULL;
    json_t *known = by_request(self, key, "call", &failure);
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
    char day[11];
    tickets_day(self, serambi_now_us(self), day);
    /* Somebody chosen by hand who is no longer there must not cost the one at the counter. */
    json_auto_t *chosen =
        id > 0 ? first_row(serambi_query(self, error,
                                         "SELECT " TICKET_COLUMNS " FROM queue_ticket"
                                         " WHERE id = $1 AND day = $2 AND state = 'waiting'",
                                         "is", id, day))
               : NULL;
    if ((id > 0 && !chosen) || !finish_current(self, label, actor, error))
        return NULL;
    json_auto_t *waiting = chosen ? json_incref(chosen) : pick(self, counter, error);
    if (!waiting)
        return NULL;
    json_t *ticket = call(self, waiting, label, error);
    if (ticket && (!note_request(self, key, "call", ticket, error) ||
                   !audit(self, actor, id > 0 ? "call-chosen" : "call", ticket, waiting, error)))
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
                     const char *key, const char *actor, bool *ret_repeated, GError **error)
{
    GError *failure = NULL;
    json_t *known = key ? by_request(self, key, move->name, &failure) : NULL;
    *ret_repeated = known != NULL;
    if (known || failure) {
        if (failure)
            g_propagate_error(error, failure);
        return known;
    }
    json_auto_t *ticket = tickets_by_id(self, id, error);
    if (!ticket || !may_move(ticket, move))
        return NULL;
    json_t *moved = NULL;
    if (move->to) {
        bool is_end = strcmp(move->to, "waiting") && strcmp(move->to, "parked") &&
                      strcmp(move->to, "serving");
        int64_t now_us = serambi_now_us(self);
        char day[11];
        tickets_day(self, now_us, day);
        moved = first_row(serambi_query(
            self, error,
            "UPDATE queue_ticket SET state = $3, version = version + 1, is_untold = 1,"
            " service = CASE WHEN $4 > 0 THEN $4 ELSE service END,"
            " counter = CASE WHEN $5 = 1 THEN counter ELSE NULL END,"
            " started_us = CASE WHEN $3 = 'serving' THEN $7 ELSE started_us END,"
            " ended_us = CASE WHEN $6 = 1 THEN $7 ELSE NULL END"
            " WHERE id = $1 AND version = $2 AND ($3 <> 'waiting' OR day = $8)"
            " RETURNING " TICKET_COLUMNS,
            "iisiiiis", id, tickets_integer(ticket, "version"), move->to, service,
            (int64_t)move->keeps_counter, (int64_t)is_end, now_us, day));
    } else {
        moved = json_incref(ticket);
    }
    if (moved && (!audit(self, actor, move->name, moved, move->to ? ticket : NULL, error) ||
                  (key && !note_request(self, key, move->name, moved, error))))
        g_clear_pointer(&moved, json_decref);
    return moved;
}

/* The state that the last change of ticket began from, if it may still be undone; NULL without
 * error: it may not. */
static json_t *undoable(Serambi *self, const json_t *ticket, GError **error)
{
    int64_t now_us = serambi_now_us(self);
    char day[11];
    tickets_day(self, now_us, day);
    json_auto_t *row = first_row(serambi_query(
        self, error,
        "SELECT before FROM queue_audit WHERE ticket = $1 AND version = $2 AND at_us >= $3"
        " AND before IS NOT NULL AND action NOT IN ('undo', 'end-of-day')"
        " AND EXISTS (SELECT 1 FROM queue_ticket WHERE id = $1 AND day = $4)"
        " ORDER BY id DESC LIMIT 1",
        "iiis", tickets_integer(ticket, "id"), tickets_integer(ticket, "version"), now_us - UNDO_US,
        day));
    return row ? json_loads(json_string_value(json_object_get(row, "before")), 0, NULL) : NULL;
}

json_t *tickets_undo(Serambi *self, int64_t id, const char *key, const char *actor, GError **error)
{
    GError *failure = NULL;
    json_t *known = by_request(self, key, "undo", &failure);
    if (known || failure) {
        if (failure)
            g_propagate_error(error, failure);
        return known;
    }
    json_auto_t *ticket = tickets_by_id(self, id, error);
    json_auto_t *before = ticket ? undoable(self, ticket, error) : NULL;
    if (!before)
        return NULL;
    const char *state = json_string_value(json_object_get(before, "state"));
    const char *counter = json_string_value(json_object_get(before, "counter"));
    json_t *row = first_row(serambi_query(
        self, error,
        "UPDATE queue_ticket SET state = $3, version = version + 1, is_untold = 1, service = $4,"
        " counter = $5, called_us = CASE WHEN $6 > 0 THEN $6 ELSE NULL END,"
        " started_us = CASE WHEN $7 > 0 THEN $7 ELSE NULL END, ended_us = NULL"
        /* The counter has somebody else by now: two would stand at it. */
        " WHERE id = $1 AND version = $2 AND NOT ($3 IN ('called', 'serving') AND EXISTS"
        "  (SELECT 1 FROM queue_ticket AS other WHERE other.counter = $5"
        "   AND other.state IN ('called', 'serving') AND other.id <> $1))"
        " RETURNING " TICKET_COLUMNS,
        "iisisii", id, tickets_integer(ticket, "version"), state,
        tickets_integer(before, "service"), counter, tickets_integer(before, "called_us"),
        tickets_integer(before, "started_us")));
    if (row && (!audit(self, actor, "undo", row, ticket, error) ||
                !note_request(self, key, "undo", row, error)))
        g_clear_pointer(&row, json_decref);
    return row;
}

/* --- The end of a day ----------------------------------------------------------------------------
 */

bool tickets_end_days(Serambi *self, GError **error)
{
    char day[11];
    tickets_day(self, serambi_now_us(self), day);
    json_auto_t *rows = serambi_query(self, error,
                                      "UPDATE queue_ticket SET state = CASE WHEN state IN "
                                      "('called', 'serving') THEN 'done' ELSE 'left' END,"
                                      " version = version + 1, is_untold = 1, ended_us = $2"
                                      " WHERE state IN ('waiting', 'called', 'serving', 'parked') "
                                      "AND day < $1 RETURNING " TICKET_COLUMNS,
                                      "si", day, serambi_now_us(self));
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        if (!audit(self, "", "end-of-day", row, NULL, error))
            return false;
    }
    return rows != NULL;
}
