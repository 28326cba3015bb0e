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

/* Texts by language, each within length; JSON text for the table, g_free(), or NULL. */
static char *check_texts(const json_t *texts, glong length)
{
    json_auto_t *kept = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
        const char *text = json_string_value(json_object_get(texts, languages[i]));
        if (!text || !*text)
            continue;
        if (g_utf8_strlen(text, -1) > length)
            return NULL;
        json_object_set_new(kept, languages[i], json_string(text));
    }
    return json_dumps(kept, JSON_COMPACT);
}

/* Runs a statement on the clip named in the path and tells the world; replies. */
static void change(Serambi *self, SerambiRequest *request, const char *sql, const char *first,
                   const char *second)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!g_ascii_string_to_signed(serambi_request_part(request, "id"), 10, 1, G_MAXINT64, &id,
                                  NULL)) {
        serambi_reply_error(request, 404, "tutorials.unknown", "no such tutorial");
        return;
    }
    json_auto_t *rows =
        serambi_query(self, &error, sql, "issi", id, first, second, serambi_now_us(self));
    if (!rows || !clips_publish_list(self, &error) || !clips_publish_work(self, &error)) {
        reply_failure(request, error);
        return;
    }
    if (json_array_size(rows) == 0)
        serambi_reply_error(request, 404, "tutorials.unknown",
                            "no tutorial %" G_GINT64_FORMAT " in that state", id);
    else
        serambi_reply(request, 200, clips_staff_shape(json_array_get(rows, 0)));
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
    change(self, request,
           "UPDATE tutorials_clip SET title = $2, summary = $3"
           " WHERE id = $1 AND deleted_us IS NULL AND $4 > 0 RETURNING " CLIP_COLUMNS,
           title, summary);
}

static void handle_delete(Serambi *self, SerambiRequest *request)
{
    int64_t id = 0;
    if (g_ascii_string_to_signed(serambi_request_part(request, "id"), 10, 1, G_MAXINT64, &id, NULL))
        ingest_cancel(self, id);
    change(self, request,
           "UPDATE tutorials_clip SET deleted_us = $4"
           " WHERE id = $1 AND deleted_us IS NULL AND COALESCE($2, $3) IS NULL"
           " RETURNING " CLIP_COLUMNS,
           NULL, NULL);
}

static void handle_restore(Serambi *self, SerambiRequest *request)
{
    change(self, request,
           "UPDATE tutorials_clip SET deleted_us = NULL"
           " WHERE id = $1 AND deleted_us IS NOT NULL AND COALESCE($2, $3) IS NULL AND $4 > 0"
           " RETURNING " CLIP_COLUMNS,
           NULL, NULL);
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
