/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The server half: who may say what, what runs now, and when it ends.
 *
 * Rows are never deleted: what was announced, by whom and how long stays on record. A message runs
 * from published_us until withdrawn_us or expires_us. Every change publishes twice: the whole list
 * on the state `live` (what a screen shows), and the change on the feed `events` (what happened).
 */
#include "plugins/announcements/announcements.h"
#include <string.h>
#include <syslog.h>

static const char *const languages[] = {"id", "en", "ar"};

const char *const messages_migrations[] = {
    "CREATE TABLE announcements_message ("
    " id BIGINT PRIMARY KEY,"
    " text_id TEXT, text_en TEXT, text_ar TEXT,"
    " urgency TEXT NOT NULL CHECK (urgency IN ('normal', 'urgent', 'emergency')),"
    " published_us BIGINT NOT NULL,"
    " expires_us BIGINT,"
    " withdrawn_us BIGINT,"
    " is_running BIGINT NOT NULL,"
    " author TEXT NOT NULL);"
    /* What runs is little, what ran is much: neither is ever searched row by row. */
    "CREATE INDEX announcements_running ON announcements_message (is_running, expires_us);"
    "CREATE INDEX announcements_history ON announcements_message (published_us, id);",
    NULL,
};

#define COLUMNS                                                                                    \
    "id, text_id, text_en, text_ar, urgency, published_us, expires_us, withdrawn_us, is_running, " \
    "author"
/* Emergencies first, then urgent ones, the newest first. */
#define ORDER                                                                                      \
    " ORDER BY CASE urgency WHEN 'emergency' THEN 0 WHEN 'urgent' THEN 1 ELSE 2 END,"              \
    " published_us DESC, id DESC"
#define HISTORY_ROWS "200"

/* The public shape of a row; new reference. */
static json_t *message_from_row(const json_t *row)
{
    json_t *text = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
        g_autofree char *column = g_strconcat("text_", languages[i], NULL);
        json_t *value = json_object_get(row, column);
        if (json_is_string(value))
            json_object_set(text, languages[i], value);
    }
    return json_pack("{s:O, s:o, s:O, s:O, s:O, s:O, s:O}", "id", json_object_get(row, "id"),
                     "text", text, "urgency", json_object_get(row, "urgency"), "published_us",
                     json_object_get(row, "published_us"), "expires_us",
                     json_object_get(row, "expires_us"), "withdrawn_us",
                     json_object_get(row, "withdrawn_us"), "by", json_object_get(row, "author"));
}

/* {"announcements":[...]} of a query's rows; takes rows, NULL stays NULL. */
static json_t *list_from_rows(json_t *rows)
{
    if (!rows)
        return NULL;
    json_t *list = json_array();
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) json_array_append_new(list, message_from_row(row));
    json_decref(rows);
    return json_pack("{s:o}", "announcements", list);
}

static json_t *running(Serambi *self, GError **error)
{
    return list_from_rows(serambi_query(
        self, error, "SELECT " COLUMNS " FROM announcements_message WHERE is_running = 1" ORDER,
        ""));
}

/* Publishes the list; inside a savepoint. */
static bool publish_running(Serambi *self, GError **error)
{
    json_t *list = running(self, error);
    if (!list)
        return false;
    serambi_publish(self, "live", list);
    return true;
}

/* Publishes what happened to one message; takes message, which may be NULL. */
static bool publish_change(Serambi *self, const char *operation, json_int_t id, json_t *message,
                           GError **error)
{
    serambi_publish(
        self, "events",
        json_pack("{s:s, s:I, s:o?}", "op", operation, "id", id, "announcement", message));
    return publish_running(self, error);
}

static void reply_failure(SerambiRequest *request, GError *error)
{
    serambi_reply_error(request, 503, "error.store", "%s", error->message);
    g_error_free(error);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static void handle_list(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_t *list = running(self, &error);
    if (!list) {
        reply_failure(request, error);
        return;
    }
    serambi_reply(request, 200, list);
}

static void handle_history(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_t *list =
        list_from_rows(serambi_query(self, &error,
                                     "SELECT " COLUMNS " FROM announcements_message"
                                     " ORDER BY published_us DESC, id DESC LIMIT " HISTORY_ROWS,
                                     ""));
    if (!list) {
        reply_failure(request, error);
        return;
    }
    serambi_reply(request, 200, list);
}

/* --- Publishing ------------------------------------------------------------------------------- */

typedef struct {
    const char *text[G_N_ELEMENTS(languages)]; /* borrowed from the request; NULL: not given */
    const char *urgency;
    int64_t expires_us; /* 0: none */
} Draft;

/* A text that people can read: not blank, not too long, no control characters. */
static bool check_text(const char *text, int64_t max_characters, const char **ret_code)
{
    bool has_visible = false;
    for (const char *at = text; *at; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);
        if (g_unichar_iscntrl(character) && character != '\n') {
            *ret_code = "announcements.bad_text";
            return false;
        }
        has_visible = has_visible || g_unichar_isgraph(character);
    }
    if (!has_visible) {
        *ret_code = "announcements.no_text";
        return false;
    }
    if (g_utf8_strlen(text, -1) > max_characters) {
        *ret_code = "announcements.too_long";
        return false;
    }
    return true;
}

static bool read_draft(Serambi *self, const json_t *body, Draft *ret_draft, const char **ret_code)
{
    const AnnouncementsSettings *settings = serambi_settings(self);
    const json_t *text = json_object_get(body, "text");
    Draft draft = {.urgency = "normal"};
    bool has_text = false;
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
        const char *value = json_string_value(json_object_get(text, languages[i]));
        if (!value || !*value)
            continue;
        if (!check_text(value, settings->max_characters, ret_code))
            return false;
        draft.text[i] = value;
        has_text = true;
    }
    if (!has_text) {
        *ret_code = "announcements.no_text";
        return false;
    }
    const json_t *urgency = json_object_get(body, "urgency");
    if (urgency) {
        draft.urgency = json_string_value(urgency);
        if (!draft.urgency || (strcmp(draft.urgency, "normal") && strcmp(draft.urgency, "urgent") &&
                               strcmp(draft.urgency, "emergency"))) {
            *ret_code = "announcements.bad_urgency";
            return false;
        }
    }
    const json_t *expires = json_object_get(body, "expires_us");
    if (expires && !json_is_null(expires)) {
        draft.expires_us = json_integer_value(expires);
        if (!json_is_integer(expires) || draft.expires_us <= serambi_now_us(self)) {
            *ret_code = "announcements.bad_expiry";
            return false;
        }
    }
    *ret_draft = draft;
    return true;
}

/* The new row's public shape; NULL with error. */
static json_t *insert(Serambi *self, const Draft *draft, const char *author, GError **error)
{
    g_autofree char *expires =
        draft->expires_us ? g_strdup_printf("%" G_GINT64_FORMAT, draft->expires_us) : NULL;
    json_auto_t *rows =
        serambi_query(self, error,
                      "INSERT INTO announcements_message"
                      " (id, text_id, text_en, text_ar, urgency, published_us, expires_us,"
                      "  withdrawn_us, is_running, author)"
                      " SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, $5, CAST($6 AS BIGINT),"
                      "  NULL, 1, $7 FROM announcements_message"
                      " RETURNING " COLUMNS,
                      "ssssiss", draft->text[0], draft->text[1], draft->text[2], draft->urgency,
                      serambi_now_us(self), expires, author);
    return rows ? message_from_row(json_array_get(rows, 0)) : NULL;
}

/* Whether one more may run; otherwise it has replied. */
static bool check_place(Serambi *self, SerambiRequest *request)
{
    const AnnouncementsSettings *settings = serambi_settings(self);
    GError *error = NULL;
    json_auto_t *rows = serambi_query(
        self, &error, "SELECT COUNT(*) AS count FROM announcements_message WHERE is_running = 1",
        "");
    if (!rows) {
        reply_failure(request, error);
        return false;
    }
    if (json_integer_value(json_object_get(json_array_get(rows, 0), "count")) <
        settings->max_running)
        return true;
    serambi_reply_error(request, 409, "announcements.too_many",
                        "too many announcements are running: withdraw one first");
    return false;
}

static void handle_publish(Serambi *self, SerambiRequest *request)
{
    g_autoptr(GError) full = NULL;
    if (!serambi_has_room(self, &full)) {
        serambi_reply_error(request, 507, "error.full", "%s", full->message);
        return;
    }
    Draft draft;
    const char *code = NULL;
    if (!read_draft(self, serambi_request_body(request), &draft, &code)) {
        serambi_reply_error(
            request, 422, code,
            "an announcement has a text in id, en or ar of at most %" G_GINT64_FORMAT
            " characters, an urgency (normal, urgent, emergency) and an expires_us "
            "that is still to come",
            ((const AnnouncementsSettings *)serambi_settings(self))->max_characters);
        return;
    }
    if (!check_place(self, request))
        return;
    GError *error = NULL;
    json_auto_t *message = insert(self, &draft, serambi_request_user(request), &error);
    if (!message || !publish_change(self, "add", json_integer_value(json_object_get(message, "id")),
                                    json_incref(message), &error)) {
        reply_failure(request, error);
        return;
    }
    serambi_reply(request, 201, json_incref(message));
}

/* --- Ending and bringing back ------------------------------------------------------------------
 */

static bool read_id(SerambiRequest *request, int64_t *ret_id)
{
    return g_ascii_string_to_signed(serambi_request_part(request, "id"), 10, 1, G_MAXINT64, ret_id,
                                    NULL);
}

/* Runs a statement that changes one message and returns it; replies. */
static void change(Serambi *self, SerambiRequest *request, const char *operation, const char *sql)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!read_id(request, &id)) {
        serambi_reply_error(request, 404, "announcements.unknown", "no such announcement");
        return;
    }
    json_auto_t *rows = serambi_query(self, &error, sql, "ii", id, serambi_now_us(self));
    if (!rows) {
        reply_failure(request, error);
        return;
    }
    if (json_array_size(rows) == 0) {
        serambi_reply_error(request, 404, "announcements.unknown",
                            "no announcement %" G_GINT64_FORMAT " in that state", id);
        return;
    }
    json_t *message = message_from_row(json_array_get(rows, 0));
    if (!publish_change(self, operation, id, json_incref(message), &error)) {
        json_decref(message);
        reply_failure(request, error);
        return;
    }
    serambi_reply(request, 200, message);
}

static void handle_withdraw(Serambi *self, SerambiRequest *request)
{
    change(self, request, "withdraw",
           "UPDATE announcements_message SET is_running = 0, withdrawn_us = $2"
           " WHERE id = $1 AND is_running = 1 RETURNING " COLUMNS);
}

static void handle_restore(Serambi *self, SerambiRequest *request)
{
    if (!check_place(self, request))
        return;
    change(self, request, "restore",
           "UPDATE announcements_message SET is_running = 1, withdrawn_us = NULL"
           " WHERE id = $1 AND is_running = 0 AND (expires_us IS NULL OR expires_us > $2)"
           " RETURNING " COLUMNS);
}

/* Asks the table and no note of its own: a note would outlive a commit that failed. */
static void on_tick(Serambi *self)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *rows = serambi_query(self, &error,
                                      "UPDATE announcements_message SET is_running = 0"
                                      " WHERE is_running = 1 AND expires_us <= $1 RETURNING id",
                                      "i", serambi_now_us(self));
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
        serambi_publish(self, "events",
                        json_pack("{s:s, s:O, s:n}", "op", "expire", "id",
                                  json_object_get(row, "id"), "announcement"));
    if (!rows || (json_array_size(rows) > 0 && !publish_running(self, &error)))
        serambi_log(self, LOG_ERR, "could not end expired announcements: %s, trying again",
                    error->message);
}

bool messages_start(Serambi *self, GError **error)
{
    return publish_running(self, error);
}

/* --- Tables ----------------------------------------------------------------------------------- */

#define WRITERS (SERAMBI_EDITOR | SERAMBI_ADMIN)

const SerambiRoute messages_routes[] = {
    {"GET", "", SERAMBI_ANYBODY, handle_list, "the announcements that run now"},
    {"GET", "all", SERAMBI_STAFF, handle_history, "the newest 200, ended ones too"},
    {"POST", "", WRITERS, handle_publish, "publishes {text:{id,en,ar}, urgency, expires_us}"},
    {"POST", "{id}/withdraw", WRITERS, handle_withdraw, "ends a running announcement"},
    {"POST", "{id}/restore", WRITERS, handle_restore, "brings an ended one back"},
    {0},
};

const SerambiTopic messages_topics[] = {
    {
        .name = "live",
        .kind = SERAMBI_STATE,
        .readers = SERAMBI_ANYBODY,
        .example = "{\"announcements\":[{\"id\":12,\"text\":{\"en\":\"We close at 16:00 today.\"},"
                   "\"urgency\":\"normal\",\"published_us\":1795406400000000,\"expires_us\":null,"
                   "\"withdrawn_us\":null,\"by\":\"rina\"}]}",
        .help = "all that runs now: emergencies, urgent ones, then the newest first",
    },
    {
        .name = "events",
        .kind = SERAMBI_FEED,
        .readers = SERAMBI_ANYBODY,
        .keep_days = 30,
        .example = "{\"op\":\"expire\",\"id\":12,\"announcement\":null}",
        .help = "each change: add, withdraw, restore, expire",
    },
    {0},
};

const SerambiTimer messages_timers[] = {
    {"expiry", 1, on_tick},
    {0},
};
