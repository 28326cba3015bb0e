/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The API of the library: lists, words, trash, trying again. */
#include "plugins/tutorials/cues.h"
#include "plugins/tutorials/tutorials.h"

#define TITLE_CHARACTERS   120
#define SUMMARY_CHARACTERS 1000

static const char *const languages[] = {"id", "en", "ar"};

void routes_reply_failure(SerambiRequest *request, GError *error)
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
        routes_reply_failure(request, error);
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

bool routes_read_id(SerambiRequest *request, int64_t *ret_id)
{
    if (g_ascii_string_to_signed(serambi_request_part(request, "id"), 10, 1, G_MAXINT64, ret_id,
                                 NULL))
        return true;
    serambi_reply_error(request, 404, "tutorials.unknown", "no such tutorial");
    return false;
}

void routes_reply_changed(Serambi *self, SerambiRequest *request, json_t *rows, GError *error)
{
    int64_t id = json_integer_value(json_object_get(json_array_get(rows, 0), "id"));
    if (!rows || (json_array_size(rows) > 0 &&
                  (!find_note(self, id, &error) || !clips_publish_list(self, &error) ||
                   !clips_publish_work(self, &error))))
        routes_reply_failure(request, error);
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
    if (!routes_read_id(request, &id))
        return;
    json_t *rows = serambi_query(self, &error,
                                 "UPDATE tutorials_clip SET title = $2, summary = $3"
                                 " WHERE id = $1 AND deleted_us IS NULL RETURNING " CLIP_COLUMNS,
                                 "iss", id, title, summary);
    routes_reply_changed(self, request, rows, error);
}

static void handle_delete(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!routes_read_id(request, &id))
        return;
    json_t *rows = serambi_query(self, &error,
                                 "UPDATE tutorials_clip SET deleted_us = $2"
                                 " WHERE id = $1 AND deleted_us IS NULL RETURNING " CLIP_COLUMNS,
                                 "ii", id, serambi_now_us(self));
    if (json_array_size(rows) > 0)
        ingest_cancel(self, id);
    routes_reply_changed(self, request, rows, error);
}

static void handle_restore(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!routes_read_id(request, &id))
        return;
    json_t *rows =
        serambi_query(self, &error,
                      "UPDATE tutorials_clip SET deleted_us = NULL"
                      " WHERE id = $1 AND deleted_us IS NOT NULL RETURNING " CLIP_COLUMNS,
                      "i", id);
    ingest_begin_waiting(self); /* what was on its way begins again */
    routes_reply_changed(self, request, rows, error);
}

static void handle_trash(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_t *list = clips_trash(self, &error);
    reply_list(request, list, error);
}

/* {"waiver":"no_speech"} or {"waiver":null} */
static void handle_waiver(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    const json_t *given = json_object_get(serambi_request_body(request), "waiver");
    const char *waiver = json_string_value(given);
    if (!json_is_null(given) && !captions_is_waiver(waiver)) {
        serambi_reply_error(request, 422, "tutorials.bad_waiver",
                            "waiver: why it needs no captions, or null");
        return;
    }
    if (!routes_read_id(request, &id))
        return;
    json_t *rows = serambi_query(self, &error,
                                 "UPDATE tutorials_clip SET waiver = $2"
                                 " WHERE id = $1 AND deleted_us IS NULL RETURNING " CLIP_COLUMNS,
                                 "is", id, waiver);
    routes_reply_changed(self, request, rows, error);
}

static void handle_downloads(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    const json_t *given = json_object_get(serambi_request_body(request), "downloads");
    if (!json_is_boolean(given)) {
        serambi_reply_error(request, 422, "error.input", "downloads: true or false");
        return;
    }
    if (!routes_read_id(request, &id))
        return;
    json_t *rows = serambi_query(self, &error,
                                 "UPDATE tutorials_clip SET downloads = $2"
                                 " WHERE id = $1 AND deleted_us IS NULL RETURNING " CLIP_COLUMNS,
                                 "ii", id, (int64_t)json_is_true(given));
    routes_reply_changed(self, request, rows, error);
}

static void handle_versions(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!routes_read_id(request, &id))
        return;
    json_t *list = versions_list(self, id, &error);
    if (list)
        serambi_reply(request, 200, json_pack("{s:o}", "versions", list));
    else
        routes_reply_failure(request, error);
}

static void handle_version_restore(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0, version = 0;
    if (!routes_read_id(request, &id))
        return;
    bool ok = g_ascii_string_to_signed(serambi_request_part(request, "version"), 10, 1, G_MAXINT64,
                                       &version, NULL) &&
              versions_restore(self, id, version, &error);
    if (!ok && !error) {
        serambi_reply_error(request, 404, "tutorials.unknown", "no such version");
        return;
    }
    json_t *rows =
        ok ? serambi_query(self, &error,
                           "SELECT " CLIP_COLUMNS " FROM tutorials_clip WHERE id = $1", "i", id)
           : NULL;
    routes_reply_changed(self, request, rows, error);
}

/* Visitors of one house may share an address, so it may speak often; the page itself asks each only
 * once and remembers that in the browser. Nothing about them goes to disk. */
#define VOICES_ADDRESS 50
#define VOICES_MOST    20000

static bool may_speak(Serambi *self, SerambiRequest *request, int64_t id)
{
    Tutorials *state = serambi_state(self);
    if (!state->voices)
        state->voices = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    char *voice = g_strdup_printf("%s %" G_GINT64_FORMAT, serambi_request_peer(request), id);
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(state->voices, voice));
    bool may =
        count < VOICES_ADDRESS && (count > 0 || g_hash_table_size(state->voices) < VOICES_MOST);
    if (may)
        g_hash_table_replace(state->voices, voice, GUINT_TO_POINTER(count + 1));
    else
        g_free(voice);
    return may;
}

int routes_take_voice(Serambi *self, SerambiRequest *request, int64_t id, bool helped,
                      GError **error)
{
    GError *failure = NULL;
    json_auto_t *row = clips_public_row(self, id, &failure);
    if (!row && !failure)
        return 404;
    if (row && !may_speak(self, request, id))
        return 429;
    json_auto_t *rows = row ? serambi_query(self, &failure,
                                            "UPDATE tutorials_clip SET helped = helped + $2,"
                                            " unhelped = unhelped + $3 WHERE id = $1",
                                            "iii", id, (int64_t)helped, (int64_t)!helped)
                            : NULL;
    if (!rows)
        g_propagate_error(error, failure);
    return rows ? 200 : 503;
}

static void handle_helped(Serambi *self, SerambiRequest *request)
{
    int64_t id = 0;
    const json_t *given = json_object_get(serambi_request_body(request), "helped");
    if (!json_is_boolean(given)) {
        serambi_reply_error(request, 422, "error.input", "helped: true or false");
        return;
    }
    if (!routes_read_id(request, &id))
        return;
    GError *error = NULL;
    int status = routes_take_voice(self, request, id, json_is_true(given), &error);
    if (status == 200)
        serambi_reply(request, 200, NULL);
    else if (status == 404)
        serambi_reply_error(request, 404, "tutorials.unknown", "no such tutorial");
    else if (status == 429)
        serambi_reply_error(request, 429, "tutorials.said", "enough was said from this address");
    else
        routes_reply_failure(request, error);
}

const SerambiRoute routes_table[] = {
    {"GET", "", SERAMBI_ANYBODY, handle_ready, "every tutorial that can be watched"},
    {"GET", "all", SERAMBI_STAFF, handle_all, "also those on their way and those that failed"},
    {"POST", "{id}", WRITERS, handle_edit, "{title:{id,en,ar}, summary:{...}}"},
    {"DELETE", "{id}", WRITERS, handle_delete, "into the trash"},
    {"POST", "{id}/restore", WRITERS, handle_restore, "out of the trash"},
    {"POST", "{id}/retry", WRITERS, attempts_retry, "begins a failed one again, within 7 days"},
    {"POST", "{id}/cancel", WRITERS, attempts_cancel, "stops the work on an upload"},
    {"GET", "search", SERAMBI_ANYBODY, find_answer, "?q=, ?lang=: those that have every word"},
    {"GET", "watch/{id}", SERAMBI_ANYBODY, watch_old_address, "is at /watch/{id} now"},
    {"GET", "watch/{id}/qr.svg", SERAMBI_ANYBODY, watch_qr, "the address of that page"},
    {"GET", "oembed", SERAMBI_ANYBODY, watch_oembed, "?url=: how to embed it"},
    {"GET", "feed.xml", SERAMBI_ANYBODY, watch_rss, "RSS 2.0 with enclosures; ?lang="},
    {"GET", "feed.json", SERAMBI_ANYBODY, watch_json_feed, "JSON Feed 1.1; ?lang="},
    {"GET", "trash", SERAMBI_STAFF, handle_trash, "deleted ones, the newest first; for 30 days"},
    {"POST", "{id}/waiver", WRITERS, handle_waiver, "{waiver}: why it needs no captions; null"},
    {"POST", "{id}/downloads", WRITERS, handle_downloads,
     "{downloads}: may visitors take it along"},
    {"POST", "{id}/helped", SERAMBI_ANYBODY, handle_helped, "{helped}: what a visitor says"},
    {"GET", "{id}/versions", SERAMBI_STAFF, handle_versions, "recordings that were replaced"},
    {"POST", "{id}/versions/{version}", WRITERS, handle_version_restore, "brings one back"},
    {"GET", "storyboards", WRITERS, storyboards_list, "drafts, the newest first"},
    {"POST", "storyboards", WRITERS, storyboards_create, "{text, name}: a new draft"},
    {"POST", "storyboards/preview", WRITERS, storyboard_preview,
     "{text, line, id}: problems, length, and the slide of the line as PNG in base64"},
    {"GET", "storyboards/{id}", WRITERS, storyboards_read, "a draft with its text and files"},
    {"POST", "storyboards/{id}", WRITERS, storyboards_save,
     "{text, name, version}: kept, when the version is still the newest"},
    {"DELETE", "storyboards/{id}", WRITERS, storyboards_delete, "away, for 30 days"},
    {"POST", "storyboards/{id}/restore", WRITERS, storyboards_restore, "and back"},
    {"GET", "storyboards/{id}/versions", WRITERS, storyboards_versions, "earlier texts"},
    {"GET", "storyboards/{id}/versions/{version}", WRITERS, storyboards_version, "one of them"},
    {"POST", "storyboards/{id}/make", WRITERS, storyboards_make,
     "composes it: a new tutorial, or in the place of the one it made before"},
    {"GET", "{id}/storyboard", WRITERS, storyboards_of_clip, "the draft that made a tutorial"},
    {"POST", "captions/check", WRITERS, captions_check, "{text} or {cues}: cues and warnings"},
    {"GET", "{id}/captions/{language}", SERAMBI_ANYBODY, captions_download, "?format=vtt or srt"},
    {"POST", "{id}/captions/{language}", WRITERS, captions_save, "{text} or {cues}: kept"},
    {"DELETE", "{id}/captions/{language}", WRITERS, captions_remove, "without them from now on"},
    {0},
};

const SerambiRoute routes_pages[] = {
    {"GET", "watch/{id}", SERAMBI_ANYBODY, watch_page, "a tutorial; ?lang=id|en|ar, ?t=seconds"},
    {"POST", "watch/{id}", SERAMBI_ANYBODY, watch_voice, "helped=yes or no: what a visitor says"},
    {"GET", "tutorials", SERAMBI_ANYBODY, shelf_page, "all of them; ?q=, ?in=, ?lang="},
    {"GET", "tutorials/sitemap.xml", SERAMBI_ANYBODY, watch_sitemap, "their addresses"},
    {0},
};

/* Captions as JSON are larger than their file: escapes, and a name for each time. */
const SerambiBody routes_bodies[] = {
    {"POST", "captions/check", 3 * CUES_BYTES_MAX},
    {"POST", "{id}/captions/{language}", 3 * CUES_BYTES_MAX},
    {0},
};
