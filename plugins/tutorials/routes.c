/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The API of the library: lists, words, trash, trying again. */
#include "plugins/tutorials/tutorials.h"

#define TITLE_CHARACTERS   120
#define SUMMARY_CHARACTERS 1000

static const char *const languages[] = {"id", "en", "ar"};

static void reply_failure(SerambiRequest *request, GError *error)
{
    serambi_reply_error(request, 503, "error.store", "%s",
                        error ? error->message : "the store gave no answer");
    g_clear_error(&error);
}

static void reply_list(SerambiRequest *request, json_t *list, GError *error)
{
    if (list)
        serambi_reply(request, 200, json_pack("{s:o}", "tutorials", list));
    else
        reply_failure(request, error);
}

static void handle_ready(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_t *list = clips_ready(self, &error);
    reply_list(request, list, error);
}

static void handle_all(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_t *list = clips_all(self, &error);
    reply_list(request, list, error);
}

typedef enum { TEXT_BLANK = 1, TEXT_GOOD, TEXT_BAD } TextVerdict;

/* A text that people can read: within length, no control characters but line ends. */
static TextVerdict judge(const char *text, glong length)
{
    TextVerdict verdict = TEXT_BLANK;
    for (const char *at = text; at && *at; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);
        if (g_unichar_iscntrl(character) && character != '\n')
            return TEXT_BAD;
        if (g_unichar_isgraph(character))
            verdict = TEXT_GOOD;
    }
    return text && g_utf8_strlen(text, -1) > length ? TEXT_BAD : verdict;
}

/* Texts by language, blank ones left out; JSON text for the table, g_free(), or NULL. */
static char *check_texts(const json_t *texts, glong length)
{
    json_auto_t *kept = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
        json_t *text = json_object_get(texts, languages[i]);
        TextVerdict verdict = judge(json_string_value(text), length);
        if (verdict == TEXT_BAD)
            return NULL;
        if (verdict == TEXT_GOOD)
            json_object_set(kept, languages[i], text);
    }
    return json_dumps(kept, JSON_COMPACT);
}

/* The id in the path; false after having replied. */
static bool read_id(SerambiRequest *request, int64_t *ret_id)
{
    if (g_ascii_string_to_signed(serambi_request_part(request, "id"), 10, 1, G_MAXINT64, ret_id,
                                 NULL))
        return true;
    serambi_reply_error(request, 404, "tutorials.unknown", "no such tutorial");
    return false;
}

/* Tells the world of a changed clip and replies with it; takes rows, error. */
static void reply_changed(Serambi *self, SerambiRequest *request, json_t *rows, GError *error)
{
    if (!rows || (json_array_size(rows) > 0 &&
                  (!clips_publish_list(self, &error) || !clips_publish_work(self, &error))))
        reply_failure(request, error);
    else if (json_array_size(rows) == 0)
        serambi_reply_error(request, 404, "tutorials.unknown", "no tutorial %s in that state",
                            serambi_request_part(request, "id"));
    else
        serambi_reply(request, 200, clips_staff_shape(json_array_get(rows, 0)));
    json_decref(rows);
}

static void handle_edit(Serambi *self, SerambiRequest *request)
{
    const json_t *body = serambi_request_body(request);
    g_autofree char *title = check_texts(json_object_get(body, "title"), TITLE_CHARACTERS);
    g_autofree char *summary = check_texts(json_object_get(body, "summary"), SUMMARY_CHARACTERS);
    if (!title || !summary || !g_strcmp0(title, "{}")) {
        serambi_reply_error(request, 422, "tutorials.bad_words",
                            "title: a text in id, en or ar of at most %d characters; summary: at "
                            "most %d",
                            TITLE_CHARACTERS, SUMMARY_CHARACTERS);
        return;
    }
    GError *error = NULL;
    int64_t id = 0;
    if (!read_id(request, &id))
        return;
    json_t *rows = serambi_query(self, &error,
                                 "UPDATE tutorials_clip SET title = $2, summary = $3"
                                 " WHERE id = $1 AND deleted_us IS NULL RETURNING " CLIP_COLUMNS,
                                 "iss", id, title, summary);
    reply_changed(self, request, rows, error);
}

static void handle_delete(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!read_id(request, &id))
        return;
    json_t *rows = serambi_query(self, &error,
                                 "UPDATE tutorials_clip SET deleted_us = $2"
                                 " WHERE id = $1 AND deleted_us IS NULL RETURNING " CLIP_COLUMNS,
                                 "ii", id, serambi_now_us(self));
    if (json_array_size(rows) > 0)
        ingest_cancel(self, id);
    reply_changed(self, request, rows, error);
}

static void handle_restore(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!read_id(request, &id))
        return;
    json_t *rows =
        serambi_query(self, &error,
                      "UPDATE tutorials_clip SET deleted_us = NULL"
                      " WHERE id = $1 AND deleted_us IS NOT NULL RETURNING " CLIP_COLUMNS,
                      "i", id);
    ingest_begin_waiting(self); /* what was on its way begins again */
    reply_changed(self, request, rows, error);
}

#define WRITERS (SERAMBI_EDITOR | SERAMBI_ADMIN)

const SerambiRoute routes_table[] = {
    {"GET", "", SERAMBI_ANYBODY, handle_ready, "every tutorial that can be watched"},
    {"GET", "all", SERAMBI_STAFF, handle_all, "also those on their way and those that failed"},
    {"POST", "{id}", WRITERS, handle_edit, "{title:{id,en,ar}, summary:{...}}"},
    {"DELETE", "{id}", WRITERS, handle_delete, "into the trash"},
    {"POST", "{id}/restore", WRITERS, handle_restore, "out of the trash"},
    {0},
};
