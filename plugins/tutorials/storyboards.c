/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Drafts of storyboards. The page sends the whole text at every pause in typing, with the version
 * that it began from: what is typed in two places is never lost, the second is told. */
#include "plugins/tutorials/storyboards.h"
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define DRAFT_COLUMNS "id, clip_id, name, version, changed_us, author"
#define ARCHIVE_US    (5 * 60 * G_USEC_PER_SEC) /* between two kept versions of one draft */

bool storyboards_read_id(SerambiRequest *request, int64_t *ret_id)
{
    if (g_ascii_string_to_signed(serambi_request_part(request, "id"), 10, 1, G_MAXINT64, ret_id,
                                 NULL))
        return true;
    serambi_reply_error(request, 404, "storyboard.gone", "no such storyboard");
    return false;
}

const char *storyboards_read_text(SerambiRequest *request)
{
    const char *text = json_string_value(json_object_get(serambi_request_body(request), "text"));
    if (text && strlen(text) <= STORYBOARD_DRAFT_BYTES_MAX)
        return text;
    serambi_reply_error(request, 422, "storyboard.draft_large",
                        "text: a storyboard of at most %d bytes", STORYBOARD_DRAFT_BYTES_MAX);
    return NULL;
}

/* What the list calls the draft; borrowed, or NULL after having replied. */
static const char *read_name(SerambiRequest *request)
{
    const char *name = json_string_value(json_object_get(serambi_request_body(request), "name"));
    if (name && g_utf8_strlen(name, -1) <= STORYBOARD_NAME_CHARACTERS)
        return name;
    serambi_reply_error(request, 422, "tutorials.bad_words", "name: at most %d characters",
                        STORYBOARD_NAME_CHARACTERS);
    return NULL;
}

json_t *storyboards_files(Serambi *self, int64_t id, GError **error)
{
    json_auto_t *rows =
        serambi_query(self, error, "SELECT files FROM tutorials_storyboard WHERE id = $1", "i", id);
    return rows ? clips_json(json_array_get(rows, 0), "files") : NULL;
}

/* Replies with the first of rows; takes both. */
static void reply_first(SerambiRequest *request, int status, json_t *rows, GError *error)
{
    if (!rows)
        routes_reply_failure(request, error);
    else if (json_array_size(rows) == 0)
        serambi_reply_error(request, 404, "storyboard.gone", "no such storyboard");
    else
        serambi_reply(request, status, json_incref(json_array_get(rows, 0)));
    json_decref(rows);
}

void storyboards_list(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_t *rows = serambi_query(self, &error,
                                 "SELECT " DRAFT_COLUMNS " FROM tutorials_storyboard"
                                 " WHERE deleted_us IS NULL ORDER BY changed_us DESC, id DESC",
                                 "");
    if (rows)
        serambi_reply(request, 200, json_pack("{s:o}", "storyboards", rows));
    else
        routes_reply_failure(request, error);
}

void storyboards_read(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!storyboards_read_id(request, &id))
        return;
    json_t *rows = serambi_query(self, &error,
                                 "SELECT " DRAFT_COLUMNS ", text, files FROM tutorials_storyboard"
                                 " WHERE id = $1 AND deleted_us IS NULL",
                                 "i", id);
    json_t *row = json_array_get(rows, 0);
    if (row)
        json_object_set_new(row, "files", clips_json(row, "files"));
    reply_first(request, 200, rows, error);
}

static json_t *insert(Serambi *self, const char *name, const char *text, int64_t clip_id,
                      const char *user, GError **error)
{
    return serambi_query(
        self, error,
        "INSERT INTO tutorials_storyboard (id, clip_id, name, text, files, version, changed_us,"
        " author) SELECT COALESCE(MAX(id), 0) + 1, NULLIF($1, 0), $2, $3, '{}', 1, $4, $5"
        " FROM tutorials_storyboard RETURNING " DRAFT_COLUMNS,
        "issis", clip_id, name, text, serambi_now_us(self), user);
}

void storyboards_create(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    const char *text = storyboards_read_text(request);
    const char *name = text ? read_name(request) : NULL;
    if (!name)
        return;
    json_auto_t *count =
        serambi_query(self, &error, "SELECT COUNT(*) AS n FROM tutorials_storyboard", "");
    if (json_integer_value(json_object_get(json_array_get(count, 0), "n")) >=
        STORYBOARD_DRAFTS_MAX) {
        serambi_reply_error(request, 422, "storyboard.drafts_many", "at most %d storyboards",
                            STORYBOARD_DRAFTS_MAX);
        return;
    }
    json_t *rows = count && serambi_has_room(self, &error)
                       ? insert(self, name, text, 0, serambi_request_user(request), &error)
                       : NULL;
    reply_first(request, 201, rows, error);
}

/* Keeps the present text as a version, unless one was kept a moment ago. */
static bool archive(Serambi *self, int64_t id, int64_t pause_us, GError **error)
{
    int64_t now_us = serambi_now_us(self);
    json_auto_t *kept = serambi_query(
        self, error,
        "INSERT INTO tutorials_storyboard_version (storyboard_id, version, text, saved_us, author)"
        " SELECT id, version, text, $2, author FROM tutorials_storyboard s WHERE id = $1"
        " AND NOT EXISTS (SELECT 1 FROM tutorials_storyboard_version v WHERE v.storyboard_id = s.id"
        "  AND (v.saved_us > $3 OR v.version = s.version))",
        "iii", id, now_us, now_us - pause_us);
    json_auto_t *gone =
        kept ? serambi_query(
                   self, error,
                   "DELETE FROM tutorials_storyboard_version WHERE storyboard_id = $1 AND version"
                   " NOT IN (SELECT version FROM tutorials_storyboard_version WHERE storyboard_id ="
                   " $1 ORDER BY version DESC LIMIT $2)",
                   "ii", id, (int64_t)STORYBOARD_VERSIONS_MAX)
             : NULL;
    return gone != NULL;
}

void storyboards_save(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    const char *text = storyboards_read_text(request);
    const char *name = text ? read_name(request) : NULL;
    if (!name || !storyboards_read_id(request, &id))
        return;
    int64_t version = json_integer_value(json_object_get(serambi_request_body(request), "version"));
    json_t *rows = serambi_has_room(self, &error) && archive(self, id, ARCHIVE_US, &error)
                       ? serambi_query(self, &error,
                                       "UPDATE tutorials_storyboard SET text = $2, name = $3,"
                                       " version = version + 1, changed_us = $4, author = $5"
                                       " WHERE id = $1 AND version = $6 AND deleted_us IS NULL"
                                       " RETURNING " DRAFT_COLUMNS,
                                       "issisi", id, text, name, serambi_now_us(self),
                                       serambi_request_user(request), version)
                       : NULL;
    if (rows && json_array_size(rows) == 0) {
        json_decref(rows);
        serambi_reply_error(request, 409, "storyboard.changed",
                            "the storyboard is not in version %" G_GINT64_FORMAT " any more",
                            version);
        return;
    }
    reply_first(request, 200, rows, error);
}

static void set_deleted(Serambi *self, SerambiRequest *request, int64_t deleted_us)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!storyboards_read_id(request, &id))
        return;
    json_t *rows = serambi_query(self, &error,
                                 "UPDATE tutorials_storyboard SET deleted_us = NULLIF($2, 0)"
                                 " WHERE id = $1 RETURNING " DRAFT_COLUMNS,
                                 "ii", id, deleted_us);
    reply_first(request, 200, rows, error);
}

void storyboards_delete(Serambi *self, SerambiRequest *request)
{
    set_deleted(self, request, serambi_now_us(self));
}

void storyboards_restore(Serambi *self, SerambiRequest *request)
{
    set_deleted(self, request, 0);
}

void storyboards_versions(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!storyboards_read_id(request, &id))
        return;
    json_t *rows = serambi_query(self, &error,
                                 "SELECT version, saved_us, author FROM"
                                 " tutorials_storyboard_version WHERE storyboard_id = $1"
                                 " ORDER BY version DESC",
                                 "i", id);
    if (rows)
        serambi_reply(request, 200, json_pack("{s:o}", "versions", rows));
    else
        routes_reply_failure(request, error);
}

void storyboards_version(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!storyboards_read_id(request, &id))
        return;
    int64_t version = g_ascii_strtoll(serambi_request_part(request, "version"), NULL, 10);
    json_t *rows = serambi_query(self, &error,
                                 "SELECT version, text, saved_us, author FROM"
                                 " tutorials_storyboard_version"
                                 " WHERE storyboard_id = $1 AND version = $2",
                                 "ii", id, version);
    reply_first(request, 200, rows, error);
}

/* --- Composing -------------------------------------------------------------------------------- */

/* Until the storyboard's own words are read: {"id":name} as JSON text. */
static char *title_of(Serambi *self, int64_t id, GError **error)
{
    json_auto_t *rows =
        serambi_query(self, error, "SELECT name FROM tutorials_storyboard WHERE id = $1", "i", id);
    const char *name = json_string_value(json_object_get(json_array_get(rows, 0), "name"));
    json_auto_t *title = json_pack("{s:s}", "id", name && *name ? name : "\xe2\x80\xa6");
    return rows ? json_dumps(title, JSON_COMPACT) : NULL;
}

void storyboards_make(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!storyboards_read_id(request, &id))
        return;
    g_autofree char *upload = serambi_random_text(self, 16);
    g_autofree char *title = title_of(self, id, &error);
    json_t *rows =
        title && serambi_has_room(self, &error) && archive(self, id, 0, &error)
            ? serambi_query(
                  self, &error,
                  "INSERT INTO tutorials_clip (id, kind, state, title, summary, filename, upload,"
                  " path, captions, duration_us, percent, created_us, author, replaces,"
                  " storyboard_id, storyboard_text)"
                  " SELECT (SELECT COALESCE(MAX(id), 0) + 1 FROM tutorials_clip), 'storyboard',"
                  " 'received', $5, '{}', name, $2, '', '{}', 0, 0, $3, $4,"
                  " COALESCE(clip_id, 0), id, text FROM tutorials_storyboard"
                  " WHERE id = $1 AND deleted_us IS NULL RETURNING id",
                  "isiss", id, upload, serambi_now_us(self), serambi_request_user(request), title)
            : NULL;
    if (json_array_size(rows) > 0) {
        ingest_begin_waiting(self);
        if (!clips_publish_work(self, &error))
            g_clear_pointer(&rows, json_decref);
    }
    reply_first(request, 202, rows, error);
}

/* Where a clip's storyboard is: {"id"}. */
void storyboards_of_clip(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!routes_read_id(request, &id))
        return;
    json_t *rows = serambi_query(self, &error,
                                 "SELECT " DRAFT_COLUMNS " FROM tutorials_storyboard"
                                 " WHERE clip_id = $1 AND deleted_us IS NULL"
                                 " ORDER BY changed_us DESC, id DESC LIMIT 1",
                                 "i", id);
    reply_first(request, 200, rows, error);
}

bool storyboards_settle(Serambi *self, int64_t clip_id, const char *name, const char *text,
                        GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error, "SELECT storyboard_id, replaces FROM tutorials_clip WHERE id = $1", "i",
        clip_id);
    const json_t *row = json_array_get(rows, 0);
    if (!row)
        return false;
    int64_t written = json_integer_value(json_object_get(row, "storyboard_id"));
    int64_t replaces = json_integer_value(json_object_get(row, "replaces"));
    json_auto_t *old = serambi_query(self, error,
                                     "SELECT id FROM tutorials_clip WHERE id = $1 AND"
                                     " state = 'ready' AND deleted_us IS NULL",
                                     "i", replaces);
    if (!old)
        return false;
    int64_t kept = json_array_size(old) > 0 ? replaces : clip_id;
    json_auto_t *done =
        written != 0 ? serambi_query(self, error,
                                     "UPDATE tutorials_storyboard SET clip_id = $2 WHERE id = $1",
                                     "ii", written, kept)
        : text && strlen(text) <= STORYBOARD_DRAFT_BYTES_MAX
            ? insert(self, name, text, kept, "", error)
            : json_array();
    return done != NULL;
}

/* --- A folder for the worker ------------------------------------------------------------------ */

typedef struct {
    char *folder, *text;
    GPtrArray *from, *names; /* kept files, and how the text calls them */
    void (*done)(Serambi *self, bool ok, void *data);
    void *data;
    bool ok;
} Layout;

static void free_layout(void *data)
{
    Layout *layout = data;
    g_free(layout->folder);
    g_free(layout->text);
    g_ptr_array_unref(layout->from);
    g_ptr_array_unref(layout->names);
    g_free(layout);
}

/* In a thread. A file that is not there is told by the worker, with its line. */
static void write_layout(void *data)
{
    Layout *layout = data;
    g_autofree char *path = g_build_filename(layout->folder, STORYBOARD_FILE, NULL);
    layout->ok = g_file_set_contents(path, layout->text, -1, NULL);
    for (guint i = 0; i < layout->from->len; i++) {
        g_autofree char *name =
            g_build_filename(layout->folder, g_ptr_array_index(layout->names, i), NULL);
        (void)link(g_ptr_array_index(layout->from, i), name);
    }
}

static void on_laid_out(Serambi *self, void *data)
{
    const Layout *layout = data;
    layout->done(self, layout->ok, layout->data);
}

void storyboards_lay_out(Serambi *self, const char *folder, const char *text, const json_t *files,
                         void (*done)(Serambi *self, bool ok, void *data), void *data)
{
    Layout *layout = g_new0(Layout, 1);
    *layout = (Layout){
        .folder = g_strdup(folder),
        .text = g_strdup(text),
        .from = g_ptr_array_new_with_free_func(g_free),
        .names = g_ptr_array_new_with_free_func(g_free),
        .done = done,
        .data = data,
    };
    const char *name;
    json_t *file;
    json_object_foreach((json_t *)(uintptr_t)files, name, file)
    {
        const char *hash = json_string_value(json_object_get(file, "file"));
        if (!hash || strchr(name, '/') || *name == '.' || !strstr(text, name))
            continue;
        g_ptr_array_add(layout->from, serambi_kept_path(self, hash));
        g_ptr_array_add(layout->names, g_strdup(name));
    }
    serambi_run(self, write_layout, on_laid_out, layout, free_layout);
}
