/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The API of phones and counters. Each request that changes something carries a key, so that a
 * double tap or a retry changes it once. */
#include "plugins/queue/kiosk.h"
#include "plugins/queue/queue.h"
#include "plugins/queue/reports.h"
#include <string.h>

#define KEY_BYTES_MIN     8
#define KEY_BYTES_MAX     64
#define ADDRESS_WINDOW_US (10 * 60 * G_USEC_PER_SEC)
#define ADDRESSES_MAX     10000
#define DESK_ROWS         "200"

static const char *const classes[] = {"normal",   "elderly",  "disabled",
                                      "pregnant", "children", NULL};

static void reply_failure(SerambiRequest *request, GError *error)
{
    serambi_reply_error(request, 503, "error.store", "%s", error->message);
    g_error_free(error);
}

static bool read_number(const char *text, int64_t *ret_number)
{
    return text && g_ascii_string_to_signed(text, 10, 1, G_MAXINT64, ret_number, NULL);
}

/* The request's key; NULL after having replied. */
static const char *read_key(SerambiRequest *request)
{
    const char *key = json_string_value(json_object_get(serambi_request_body(request), "key"));
    size_t length = key ? strlen(key) : 0;
    if (length < KEY_BYTES_MIN || length > KEY_BYTES_MAX) {
        serambi_reply_error(request, 422, "queue.bad_key",
                            "key: %d to %d characters that are new for each press", KEY_BYTES_MIN,
                            KEY_BYTES_MAX);
        return NULL;
    }
    return key;
}

/* False after having replied that this key did something else before. */
static bool is_free_for(Serambi *self, SerambiRequest *request, const char *key, const char *action)
{
    GError *error = NULL;
    json_auto_t *rows = serambi_query(
        self, &error, "SELECT 1 FROM queue_request WHERE request_key = $1 AND action <> $2", "ss",
        key, action);
    if (!rows)
        reply_failure(request, error);
    else if (json_array_size(rows) > 0)
        serambi_reply_error(request, 409, "queue.used_key", "key: was used before, not for '%s'",
                            action);
    return rows && json_array_size(rows) == 0;
}

/* Replies {"ticket": ...} with row (takes it), or why not. */
static void reply_ticket(Serambi *self, SerambiRequest *request, int status, json_t *row,
                         bool with_id)
{
    GError *error = NULL;
    json_t *ticket = board_ticket(self, row, with_id, &error);
    json_decref(row);
    if (ticket)
        serambi_reply(request, status, json_pack("{s:o}", "ticket", ticket));
    else
        reply_failure(request, error);
}

/* --- Phones --------------------------------------------------------------------------------------
 */

static void handle_services(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_t *services = board_services(self, &error);
    json_t *counters =
        services
            ? serambi_query(self, &error, "SELECT id, label FROM queue_counter ORDER BY id", "")
            : NULL;
    if (!counters) {
        json_decref(services);
        reply_failure(request, error);
        return;
    }
    serambi_reply(request, 200,
                  json_pack("{s:o, s:o}", "services", services, "counters", counters));
}

/* Counts a number taken from this address; false when it took too many lately. */
static bool count_address(Serambi *self, const char *address)
{
    const QueueSettings *settings = serambi_settings(self);
    QueueServer *server = &((Queue *)serambi_state(self))->server;
    int64_t now_us = serambi_now_us(self);
    if (now_us - server->window_start_us > ADDRESS_WINDOW_US || now_us < server->window_start_us ||
        g_hash_table_size(server->issued) >= ADDRESSES_MAX) {
        g_hash_table_remove_all(server->issued);
        server->window_start_us = now_us;
    }
    int64_t count = GPOINTER_TO_INT(g_hash_table_lookup(server->issued, address)) + 1;
    g_hash_table_insert(server->issued, g_strdup(address), GINT_TO_POINTER((int)count));
    return count <= settings->tickets_per_address;
}

static void handle_take(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    if (!serambi_has_room(self, &error)) {
        serambi_reply_error(request, 507, "error.full", "%s", error->message);
        g_error_free(error);
        return;
    }
    const char *key = read_key(request);
    if (!key)
        return;
    json_t *known = tickets_by_key(self, key, &error);
    if (known) {
        reply_ticket(self, request, 201, known, false);
        return;
    }
    if (error) {
        reply_failure(request, error);
        return;
    }
    if (!kiosk_is_known(self, request) && !count_address(self, serambi_request_peer(request))) {
        serambi_reply_error(request, 429, "queue.too_many",
                            "too many numbers from one address: try again in ten minutes");
        return;
    }
    int64_t service = json_integer_value(json_object_get(serambi_request_body(request), "service"));
    const json_t *given = json_object_get(serambi_request_body(request), "class");
    const char *class = given ? json_string_value(given) : "normal";
    if (!class || !g_strv_contains(classes, class)) {
        serambi_reply_error(request, 422, "queue.bad_class",
                            "class: normal, elderly, disabled, pregnant or children");
        return;
    }
    const char *code = NULL;
    json_t *row = tickets_issue(self, service, class, key, &code, &error);
    if (!row && code) {
        serambi_reply_error(request, strcmp(code, "queue.closed") ? 404 : 409, code,
                            "service %" G_GINT64_FORMAT " gives no numbers now", service);
        return;
    }
    if (!row || !board_publish(self, &error)) {
        json_decref(row);
        reply_failure(request, error);
        return;
    }
    reply_ticket(self, request, 201, row, false);
}

static void handle_ticket(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_t *row = tickets_by_secret(self, serambi_request_part(request, "secret"), &error);
    if (row)
        reply_ticket(self, request, 200, row, false);
    else if (error)
        reply_failure(request, error);
    else
        serambi_reply_error(request, 404, "queue.unknown_ticket", "no such ticket");
}

static const TicketMove *find_move(const char *name)
{
    for (const TicketMove *move = ticket_moves; move->name; move++)
        if (!g_strcmp0(move->name, name))
            return move;
    return NULL;
}

/* Carries out a move and tells the world; replies. */
static void move_ticket(Serambi *self, SerambiRequest *request, int64_t id, const char *name,
                        int64_t service, bool with_id)
{
    GError *error = NULL;
    const TicketMove *move = find_move(name);
    bool is_repeated = false;
    const char *key = NULL;
    if (json_object_get(serambi_request_body(request), "key") &&
        (!(key = read_key(request)) || !is_free_for(self, request, key, name)))
        return;
    json_t *row = tickets_move(self, id, move, service, key, serambi_request_user(request),
                               &is_repeated, &error);
    if (!row && !error) {
        serambi_reply_error(request, 409, "queue.not_now",
                            "ticket %" G_GINT64_FORMAT " is not in a state for '%s'", id, name);
        return;
    }
    if (!row || (!move->to && !is_repeated && !board_publish_call(self, row, true, &error)) ||
        !board_publish(self, &error)) {
        json_decref(row);
        reply_failure(request, error);
        return;
    }
    reply_ticket(self, request, 200, row, with_id);
}

static void handle_leave(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_auto_t *row = tickets_by_secret(self, serambi_request_part(request, "secret"), &error);
    if (error)
        reply_failure(request, error);
    else if (!row)
        serambi_reply_error(request, 404, "queue.unknown_ticket", "no such ticket");
    else
        move_ticket(self, request, json_integer_value(json_object_get(row, "id")), "leave", 0,
                    false);
}

/* --- Counters ------------------------------------------------------------------------------------
 */

/* Calls ticket id, or the next one (id 0), at a counter; replies. */
static void call_ticket(Serambi *self, SerambiRequest *request, int64_t counter, int64_t id)
{
    const char *key = read_key(request);
    if (!key || !is_free_for(self, request, key, "call"))
        return;
    GError *error = NULL;
    json_auto_t *known =
        serambi_query(self, &error, "SELECT id FROM queue_counter WHERE id = $1", "i", counter);
    if (known && json_array_size(known) == 0) {
        serambi_reply_error(request, 404, "queue.unknown_counter", "no counter %" G_GINT64_FORMAT,
                            counter);
        return;
    }
    bool is_repeated = false;
    json_t *row = known ? tickets_call(self, counter, id, key, serambi_request_user(request),
                                       &is_repeated, &error)
                        : NULL;
    if (error || (row && !is_repeated && !board_publish_call(self, row, false, &error)) ||
        !board_publish(self, &error)) {
        json_decref(row);
        reply_failure(request, error);
        return;
    }
    /* Nobody waits: the current one is still finished, so this is no error that would undo it. */
    if (row)
        reply_ticket(self, request, 200, row, true);
    else if (id > 0)
        serambi_reply_error(request, 409, "queue.not_now",
                            "ticket %" G_GINT64_FORMAT " does not wait", id);
    else
        serambi_reply(request, 200, json_pack("{s:n}", "ticket"));
}

static void handle_next(Serambi *self, SerambiRequest *request)
{
    int64_t counter = 0;
    if (read_number(serambi_request_part(request, "id"), &counter))
        call_ticket(self, request, counter, 0);
    else
        serambi_reply_error(request, 404, "queue.unknown_counter", "no such counter");
}

static void handle_undo(Serambi *self, SerambiRequest *request, int64_t id)
{
    const char *key = read_key(request);
    if (!key || !is_free_for(self, request, key, "undo"))
        return;
    GError *error = NULL;
    json_t *row = tickets_undo(self, id, key, serambi_request_user(request), &error);
    if (!row && !error)
        serambi_reply_error(request, 409, "queue.too_late_to_undo",
                            "ticket %" G_GINT64_FORMAT " has no change to take back now", id);
    else if (!row || !board_publish(self, &error)) {
        json_decref(row);
        reply_failure(request, error);
    } else {
        reply_ticket(self, request, 200, row, true);
    }
}

/* Over all rows, a thousand at a time. */
static void handle_audit(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    g_autofree char *hash = NULL;
    int64_t after = 0, broken = 0;
    if (!reports_audit_start(self, &after, &hash, &error)) {
        reply_failure(request, error);
        return;
    }
    for (int64_t last = 1; last > 0 && broken == 0;) {
        char *next = NULL;
        if (!tickets_check_audit(self, after, hash, &last, &next, &broken, &error)) {
            reply_failure(request, error);
            return;
        }
        g_free(hash);
        hash = next;
        after = last > 0 ? last : after;
    }
    serambi_reply(request, 200,
                  json_pack("{s:b, s:I, s:I, s:s}", "is_whole", broken == 0, "broken",
                            (json_int_t)broken, "last", (json_int_t)after, "hash", hash));
}

static void handle_move(Serambi *self, SerambiRequest *request)
{
    int64_t id = 0;
    const char *name = serambi_request_part(request, "move");
    bool is_id = read_number(serambi_request_part(request, "id"), &id);
    if (is_id && !strcmp(name, "call")) {
        const json_t *counter = json_object_get(serambi_request_body(request), "counter");
        call_ticket(self, request, json_integer_value(counter), id);
        return;
    }
    if (is_id && !strcmp(name, "undo")) {
        handle_undo(self, request, id);
        return;
    }
    if (!is_id || !find_move(name)) {
        serambi_reply_error(request, 404, "queue.unknown_ticket", "no such ticket or move");
        return;
    }
    int64_t service = 0;
    if (!strcmp(name, "transfer")) {
        service = json_integer_value(json_object_get(serambi_request_body(request), "service"));
        GError *error = NULL;
        json_auto_t *known =
            serambi_query(self, &error, "SELECT id FROM queue_service WHERE id = $1", "i", service);
        if (!known) {
            reply_failure(request, error);
            return;
        }
        if (json_array_size(known) == 0) {
            serambi_reply_error(request, 422, "queue.unknown_service",
                                "service: the id of one of the services");
            return;
        }
    }
    move_ticket(self, request, id, name, service, true);
}

/* Who sits where. A counter that somebody forgot to leave can be taken over, knowingly. */
static void handle_sign_in(Serambi *self, SerambiRequest *request)
{
    int64_t counter = 0;
    (void)read_number(serambi_request_part(request, "id"), &counter);
    GError *error = NULL;
    json_auto_t *known =
        serambi_query(self, &error, "SELECT staff FROM queue_counter WHERE id = $1", "i", counter);
    if (!known) {
        reply_failure(request, error);
        return;
    }
    const char *user = serambi_request_user(request);
    const char *staff = json_string_value(json_object_get(json_array_get(known, 0), "staff"));
    if (!staff) {
        serambi_reply_error(request, 404, "queue.unknown_counter", "no such counter");
        return;
    }
    bool is_takeover = json_is_true(json_object_get(serambi_request_body(request), "takeover"));
    if (*staff && strcmp(staff, user) && !is_takeover) {
        serambi_reply_error(request, 409, "queue.counter_taken", "somebody else sits there");
        return;
    }
    json_auto_t *left = serambi_query(
        self, &error, "UPDATE queue_counter SET staff = '' WHERE staff = $1", "s", user);
    json_auto_t *sat = left ? serambi_query(self, &error,
                                            "UPDATE queue_counter SET staff = $2, signed_in_us = $3"
                                            " WHERE id = $1",
                                            "isi", counter, user, serambi_now_us(self))
                            : NULL;
    if (sat)
        serambi_reply(request, 200, json_pack("{s:s}", "staff", user));
    else
        reply_failure(request, error);
}

static void handle_sign_out(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_auto_t *left =
        serambi_query(self, &error, "UPDATE queue_counter SET staff = '' WHERE staff = $1", "s",
                      serambi_request_user(request));
    if (left)
        serambi_reply(request, 200, NULL);
    else
        reply_failure(request, error);
}

/* Which services a counter serves: {services: [1, 3]}; [] is all of them. */
static void handle_counter_services(Serambi *self, SerambiRequest *request)
{
    int64_t counter = 0;
    (void)read_number(serambi_request_part(request, "id"), &counter);
    const json_t *services = json_object_get(serambi_request_body(request), "services");
    GError *error = NULL;
    json_auto_t *known =
        serambi_query(self, &error, "SELECT id FROM queue_counter WHERE id = $1", "i", counter);
    json_auto_t *all =
        known ? serambi_query(self, &error, "SELECT id FROM queue_service", "") : NULL;
    if (!all) {
        reply_failure(request, error);
        return;
    }
    if (json_array_size(known) == 0) {
        serambi_reply_error(request, 404, "queue.unknown_counter", "no such counter");
        return;
    }
    json_auto_t *cleared = serambi_query(
        self, &error, "DELETE FROM queue_counter_service WHERE counter = $1", "i", counter);
    if (!cleared) {
        reply_failure(request, error);
        return;
    }
    size_t found = 0, index, inner;
    json_t *row, *one;
    json_array_foreach(all, index, row)
    {
        bool is_served = false;
        json_array_foreach(services, inner, one) is_served |=
            json_equal(one, json_object_get(row, "id"));
        if (!is_served)
            continue;
        found++;
        json_auto_t *added = serambi_query(
            self, &error, "INSERT INTO queue_counter_service (counter, service) VALUES ($1, $2)",
            "ii", counter, (int64_t)json_integer_value(json_object_get(row, "id")));
        if (!added) {
            reply_failure(request, error);
            return;
        }
    }
    /* An unknown or repeated service refuses the whole request, which undoes it. */
    if (!json_is_array(services) || found != json_array_size(services))
        serambi_reply_error(request, 422, "queue.unknown_service",
                            "services: ids of services, each once; none means all");
    else
        serambi_reply(request, 200, NULL);
}

static json_t *desk_list(Serambi *self, const char *day, const char *state, GError **error)
{
    return serambi_query(self, error,
                         "SELECT id, label, service, class, issued_us, called_us FROM queue_ticket"
                         " WHERE day = $1 AND state = $2 ORDER BY sort_us, id LIMIT " DESK_ROWS,
                         "ss", day, state);
}

static void handle_desk(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t counter = 0;
    (void)read_number(serambi_request_query(request, "counter"), &counter);
    char day[11];
    tickets_day(self, serambi_now_us(self), day);
    json_auto_t *current = serambi_query(
        self, &error,
        "SELECT id, label, service, class, state, counter, issued_us, called_us, first_wait"
        " FROM queue_ticket"
        " WHERE state IN ('called', 'serving') AND counter = (SELECT label FROM queue_counter "
        "WHERE id = $1)"
        " ORDER BY called_us DESC LIMIT 1",
        "i", counter);
    json_t *waiting = current ? desk_list(self, day, "waiting", &error) : NULL;
    json_t *parked = waiting ? desk_list(self, day, "parked", &error) : NULL;
    json_t *missed = parked ? desk_list(self, day, "no_show", &error) : NULL;
    if (!missed) {
        json_decref(waiting);
        json_decref(parked);
        reply_failure(request, error);
        return;
    }
    json_t *staff = serambi_query(
        self, &error, "SELECT id, staff FROM queue_counter WHERE staff <> '' ORDER BY id", "");
    if (!staff) {
        json_decref(waiting);
        json_decref(parked);
        json_decref(missed);
        reply_failure(request, error);
        return;
    }
    serambi_reply(request, 200,
                  json_pack("{s:O?, s:o, s:o, s:o, s:o, s:s}", "current",
                            json_array_get(current, 0), "waiting", waiting, "parked", parked,
                            "missed", missed, "staff", staff, "user",
                            serambi_request_user(request)));
}

static void handle_service(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    const json_t *is_open = json_object_get(serambi_request_body(request), "is_open");
    if (!read_number(serambi_request_part(request, "id"), &id) || !json_is_boolean(is_open)) {
        serambi_reply_error(request, 422, "queue.unknown_service", "is_open: true or false");
        return;
    }
    json_auto_t *rows = serambi_query(
        self, &error, "UPDATE queue_service SET is_open = $2 WHERE id = $1 RETURNING id", "ii", id,
        (int64_t)json_is_true(is_open));
    if (!rows || !board_publish(self, &error)) {
        reply_failure(request, error);
        return;
    }
    if (json_array_size(rows) == 0)
        serambi_reply_error(request, 404, "queue.unknown_service", "no such service");
    else
        serambi_reply(request, 200, NULL);
}

const SerambiRoute routes_table[] = {
    {"GET", "services", SERAMBI_ANYBODY, handle_services, "services and counters"},
    {"POST", "services/{id}", SERAMBI_STAFF, handle_service, "opens or closes a service"},
    {"POST", "tickets", SERAMBI_ANYBODY, handle_take, "takes a number: {service, key, class}"},
    {"GET", "tickets/{secret}", SERAMBI_ANYBODY, handle_ticket, "one ticket"},
    {"POST", "tickets/{secret}/leave", SERAMBI_ANYBODY, handle_leave, "gives a number back"},
    {"GET", "kiosk", SERAMBI_ANYBODY, kiosk_handle,
     "whether it can print, and the rule of priority"},
    {"GET", "tickets/{secret}/qr", SERAMBI_ANYBODY, kiosk_handle_qr, "its page as a QR code (SVG)"},
    {"POST", "tickets/{secret}/receipt", SERAMBI_ANYBODY, kiosk_handle_receipt,
     "prints it: {language, kiosk, picture}; printer: printed, unsure, no_paper, cover_open, "
     "stopped,"
     " gone or garbage"},
    {"GET", "desk", SERAMBI_STAFF, handle_desk, "what a counter sees: ?counter="},
    {"POST", "counters/{id}/sign-in", SERAMBI_STAFF, handle_sign_in, "{takeover}"},
    {"POST", "counters/sign-out", SERAMBI_STAFF, handle_sign_out, "leaves the counter"},
    {"POST", "counters/{id}/services", SERAMBI_ADMIN, handle_counter_services,
     "which services it serves: {services}, none means all"},
    {"POST", "counters/{id}/next", SERAMBI_STAFF, handle_next,
     "finishes the current ticket and calls the next: {key}; ticket is null when nobody waits"},
    {"POST", "tickets/by-id/{id}/{move}", SERAMBI_STAFF, handle_move,
     "call {counter, key}, recall, start, no-show, park, return, finish, transfer {service}, leave,"
     " undo {key}; a key makes each of them happen once"},
    {"GET", "reports", SERAMBI_STAFF, reports_handle,
     "waits, services, no-shows and overtaking: ?by=day|hour|service|counter&from=&to="},
    {"GET", "reports/csv", SERAMBI_STAFF, reports_handle_csv, "the same as CSV"},
    {"GET", "audit", SERAMBI_ADMIN, handle_audit, "whether the audit's chain is whole"},
    {"GET", "estimates", SERAMBI_STAFF, estimates_handle,
     "how good the shown waits were, by service and hour, over thirty days"},
    {"GET", "estimates/log", SERAMBI_STAFF, estimates_handle_log,
     "one day as a log for tests/bench/wait --replay: ?day="},
    {0},
};
