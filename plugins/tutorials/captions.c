/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Captions that staff bring or edit: checked here, kept as WebVTT for browsers and as JSON for
 * screens.
 *
 * They are read in the server and not in a worker: it is text, no codec ever sees it, the reader
 * (cues.c) is bounded and fuzzed, and an editor who saves does not wait behind a video. */
#include "plugins/tutorials/cues.h"
#include "plugins/tutorials/tutorials.h"
#include <stdio.h>
#include <string.h>
#include <syslog.h>

static const char *const languages[] = {"id", "en", "ar", NULL};
static const char *const waivers[] = {CAPTIONS_WAIVERS, NULL};

bool captions_is_waiver(const char *text)
{
    return text && g_strv_contains(waivers, text);
}

static const char *error_code(const GError *error)
{
    switch (error->code) {
    case CUES_ERROR_ENCODING:
        return "captions.encoding";
    case CUES_ERROR_SIZE:
        return "captions.size";
    case CUES_ERROR_TIME:
        return "captions.time";
    case CUES_ERROR_EMPTY:
        return "captions.empty";
    default:
        return "captions.format";
    }
}

/* Of {"text":"WEBVTT..."} or {"cues":[...]}; NULL after having replied. */
static Cues *read_body(SerambiRequest *request)
{
    g_autoptr(GError) error = NULL;
    const json_t *body = serambi_request_body(request);
    const json_t *text = json_object_get(body, "text");
    Cues *cues = json_is_string(text)
                     ? cues_parse(json_string_value(text), json_string_length(text), &error)
                     : cues_from_json(body, &error);
    if (!cues)
        serambi_reply_error(request, 422, error_code(error), "%s", error->message);
    return cues;
}

void captions_check(Serambi *self, SerambiRequest *request)
{
    g_autoptr(Cues) cues = read_body(request);
    if (!cues)
        return;
    json_int_t duration_us =
        json_integer_value(json_object_get(serambi_request_body(request), "duration_us"));
    json_t *answer = cues_json(cues);
    json_object_set_new(answer, "warnings", cues_warnings(cues, duration_us / 1000));
    serambi_reply(request, 200, answer);
}

/* The language in the path; NULL after having replied. */
static const char *read_language(SerambiRequest *request)
{
    const char *language = serambi_request_part(request, "language");
    if (g_strv_contains(languages, language))
        return language;
    serambi_reply_error(request, 404, "tutorials.unknown", "captions are in id, en or ar");
    return NULL;
}

/* --- Saving ----------------------------------------------------------------------------------- */

/* Captions on their way to disk: written by a thread, kept one after the other, noted. */
typedef struct {
    SerambiRequest *request;
    int64_t id;
    char *language, *folder;
    char *vtt, *json; /* the text of both files */
    char *vtt_path, *json_path;
    char *vtt_hash;
    json_t *warnings;
    GError *error;
} Saving;

static void saving_free(Saving *saving)
{
    g_free(saving->language);
    g_free(saving->folder);
    g_free(saving->vtt);
    g_free(saving->json);
    g_free(saving->vtt_path);
    g_free(saving->json_path);
    g_free(saving->vtt_hash);
    json_decref(saving->warnings);
    g_clear_error(&saving->error);
    g_free(saving);
}

static void end(Serambi *self, Saving *saving)
{
    serambi_discard_folder(self, saving->folder);
    saving_free(saving);
}

static void fail(Serambi *self, Saving *saving, const GError *error)
{
    bool is_full = g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
    serambi_reply_error(saving->request, is_full ? 507 : 503,
                        is_full ? "error.full" : "error.store", "%s",
                        error ? error->message : "the store gave no answer");
    end(self, saving);
}

/* captions with one language's files set, or taken away (vtt NULL). Rows as of CLIP_COLUMNS. */
static json_t *change(Serambi *self, int64_t id, const char *language, const char *vtt,
                      const char *json, GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error, "SELECT captions FROM tutorials_clip WHERE id = $1 AND deleted_us IS NULL",
        "i", id);
    if (!rows || json_array_size(rows) == 0)
        return g_steal_pointer(&rows);
    json_auto_t *captions = clips_json(json_array_get(rows, 0), "captions");
    if (vtt)
        json_object_set_new(captions, language, json_pack("{s:s, s:s}", "vtt", vtt, "json", json));
    else
        (void)json_object_del(captions, language);
    g_autofree char *text = json_dumps(captions, JSON_COMPACT);
    return serambi_query(self, error,
                         "UPDATE tutorials_clip SET captions = $2, out_of_step = 0"
                         " WHERE id = $1 RETURNING " CLIP_COLUMNS,
                         "is", id, text);
}

static bool note_text(Serambi *self, int64_t id, const char *language, const char *vtt,
                      GError **error)
{
    json_auto_t *rows =
        serambi_query(self, error,
                      "INSERT INTO tutorials_caption (clip_id, language, vtt) VALUES ($1, $2, $3)"
                      " ON CONFLICT (clip_id, language) DO UPDATE SET vtt = excluded.vtt",
                      "iss", id, language, vtt);
    return rows != NULL;
}

static void on_json_kept(Serambi *self, const char *sha256, int64_t size, const GError *failure,
                         void *data)
{
    Saving *saving = data;
    if (!sha256) {
        fail(self, saving, failure);
        return;
    }
    g_autoptr(GError) error = NULL;
    json_auto_t *rows =
        change(self, saving->id, saving->language, saving->vtt_hash, sha256, &error);
    if (!rows || !note_text(self, saving->id, saving->language, saving->vtt, &error) ||
        !find_note(self, saving->id, &error) || !clips_publish_list(self, &error)) {
        fail(self, saving, error);
        return;
    }
    if (json_array_size(rows) == 0)
        serambi_reply_error(saving->request, 404, "tutorials.unknown", "no such tutorial");
    else
        serambi_reply(saving->request, 200,
                      json_pack("{s:o, s:O}", "tutorial",
                                clips_staff_shape(json_array_get(rows, 0)), "warnings",
                                saving->warnings));
    end(self, saving);
}

static void on_vtt_kept(Serambi *self, const char *sha256, int64_t size, const GError *failure,
                        void *data)
{
    Saving *saving = data;
    if (!sha256) {
        fail(self, saving, failure);
        return;
    }
    saving->vtt_hash = g_strdup(sha256);
    serambi_keep_file(self, saving->json_path, "application/json", on_json_kept, saving);
}

/* In a thread. */
static void write_files(void *data)
{
    Saving *saving = *(Saving **)data;
    if (g_file_set_contents(saving->vtt_path, saving->vtt, -1, &saving->error))
        g_file_set_contents(saving->json_path, saving->json, -1, &saving->error);
}

static void on_written(Serambi *self, void *data)
{
    Saving *saving = g_steal_pointer((Saving **)data);
    if (saving->error)
        fail(self, saving, saving->error);
    else
        serambi_keep_file(self, saving->vtt_path, "text/vtt; charset=utf-8", on_vtt_kept, saving);
}

static void free_box(void *data)
{
    Saving **box = data;
    if (*box)
        saving_free(*box);
    g_free(box);
}

static void begin(Serambi *self, Saving *saving, const Cues *cues)
{
    json_auto_t *document = cues_json(cues);
    saving->vtt = cues_vtt(cues);
    saving->json = json_dumps(document, JSON_COMPACT);
    saving->vtt_path = g_build_filename(saving->folder, "captions.vtt", NULL);
    saving->json_path = g_build_filename(saving->folder, "captions.json", NULL);
    Saving **box = g_new(Saving *, 1);
    *box = saving;
    serambi_run(self, write_files, on_written, box, free_box);
}

void captions_save(Serambi *self, SerambiRequest *request)
{
    g_autoptr(GError) error = NULL;
    int64_t id = 0;
    const char *language = read_language(request);
    if (!language || !routes_read_id(request, &id))
        return;
    if (!serambi_has_room(self, &error)) {
        serambi_reply_error(request, 507, "error.full", "%s", error->message);
        return;
    }
    g_autoptr(Cues) cues = read_body(request);
    if (!cues)
        return;
    json_auto_t *rows = serambi_query(
        self, &error, "SELECT duration_us FROM tutorials_clip WHERE id = $1 AND deleted_us IS NULL",
        "i", id);
    if (rows && json_array_size(rows) == 0) {
        serambi_reply_error(request, 404, "tutorials.unknown", "no such tutorial");
        return;
    }
    char *folder = rows ? serambi_new_folder(self, &error) : NULL;
    if (!folder) {
        routes_reply_failure(request, g_steal_pointer(&error));
        return;
    }
    Saving *saving = g_new0(Saving, 1);
    *saving = (Saving){
        .request = request,
        .id = id,
        .language = g_strdup(language),
        .folder = folder,
        .warnings = cues_warnings(
            cues,
            json_integer_value(json_object_get(json_array_get(rows, 0), "duration_us")) / 1000),
    };
    begin(self, saving, cues);
}

void captions_remove(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    const char *language = read_language(request);
    if (!language || !routes_read_id(request, &id))
        return;
    json_t *rows = change(self, id, language, NULL, NULL, &error);
    json_auto_t *gone = rows ? serambi_query(self, &error,
                                             "DELETE FROM tutorials_caption"
                                             " WHERE clip_id = $1 AND language = $2",
                                             "is", id, language)
                             : NULL;
    if (rows && !gone)
        g_clear_pointer(&rows, json_decref);
    routes_reply_changed(self, request, rows, error);
}

/* --- Reading ---------------------------------------------------------------------------------- */

void captions_download(Serambi *self, SerambiRequest *request)
{
    g_autoptr(GError) error = NULL;
    int64_t id = 0;
    const char *language = read_language(request);
    if (!language || !routes_read_id(request, &id))
        return;
    bool is_staff = (serambi_request_role(request) & SERAMBI_STAFF) != 0;
    json_auto_t *public_row = is_staff ? NULL : clips_public_row(self, id, &error);
    json_auto_t *rows = is_staff || public_row
                            ? serambi_query(self, &error,
                                            "SELECT vtt FROM tutorials_caption WHERE clip_id = $1"
                                            " AND language = $2",
                                            "is", id, language)
                            : NULL;
    const char *vtt = json_string_value(json_object_get(json_array_get(rows, 0), "vtt"));
    g_autoptr(Cues) cues = vtt ? cues_parse(vtt, strlen(vtt), NULL) : NULL;
    if (error) {
        routes_reply_failure(request, g_steal_pointer(&error));
    } else if (!cues) {
        serambi_reply_error(request, 404, "tutorials.unknown", "no such captions");
    } else if (!g_strcmp0(serambi_request_query(request, "format"), "srt")) {
        g_autofree char *srt = cues_srt(cues);
        serambi_reply_text(request, 200, "application/x-subrip; charset=utf-8", srt);
    } else {
        serambi_reply_text(request, 200, "text/vtt; charset=utf-8", vtt);
    }
}

void captions_note_file(Serambi *self, int64_t id, const char *language, const char *path)
{
    FILE *file = g_strv_contains(languages, language) ? fopen(path, "re") : NULL;
    if (!file)
        return;
    /* One byte more than may be: then the reader refuses it. */
    g_autofree char *text = g_malloc(CUES_BYTES_MAX + 1);
    size_t size = fread(text, 1, CUES_BYTES_MAX + 1, file);
    (void)fclose(file);
    g_autoptr(GError) error = NULL;
    g_autoptr(Cues) cues = cues_parse(text, size, &error);
    g_autofree char *vtt = cues ? cues_vtt(cues) : NULL;
    if (!vtt || !note_text(self, id, language, vtt, &error))
        serambi_log(self, LOG_WARNING,
                    "could not read captions of clip %" G_GINT64_FORMAT ": %s, going on without",
                    id, error->message);
}
