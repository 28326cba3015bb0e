/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * From an upload to a certified clip. Each step is one disposable child of the sandboxed worker:
 *
 *   video       probe -> prepare -> prove -> keep
 *   storyboard           compose -> prove -> keep
 *
 * The row's state is the truth: after a restart everything that was on its way begins again with
 * the uploaded file. A clip is offered to screens and phones only after `prove` decoded every frame
 * of it. When a step fails, its reason is kept for the console and the files are discarded.
 *
 * A clip is finished before the next begins (setting at_once), so that the first of many uploads
 * can be watched soon.
 *
 * An Ingest has exactly one thing under way, a job or a file to be kept, and lives until that has
 * come back: deleting a clip only marks it. What was deleted on its way keeps its upload in the
 * trash, and begins again when it is restored. */
#include "plugins/tutorials/tutorials.h"
#include <string.h>
#include <syslog.h>

#define VIDEO_BYTES_MAX      (4LL * 1024 * 1024 * 1024)
#define STORYBOARD_BYTES_MAX (256 * 1024)
#define TITLE_CHARACTERS_MAX 120
#define FILENAME_CHARACTERS  255
/* The title of an upload without a name, in every language. */
#define UNNAMED       "\xe2\x80\xa6"
#define TELL_EVERY_US (400 * 1000)

#define BEGIN_COLUMNS "id, kind, path, folder, replaces, storyboard_id, storyboard_text"
#define ON_ITS_WAY    "state IN ('received', 'preparing', 'proving') AND deleted_us IS NULL"

/* A file that becomes part of the clip. */
typedef struct {
    char *path, *type;
    char *language, *format; /* of captions; NULL otherwise */
    const char *column;      /* "media", "poster"; "strip" in the manifest; NULL: captions */
} Part;

typedef struct {
    Serambi *self;
    int64_t id;
    char *path, *folder, *output; /* output: a folder of the worker's results */
    int64_t replaces;             /* 0: none */
    char *source;                 /* SHA-256 of the upload; NULL: not known */
    bool is_storyboard;
    bool is_written; /* in the console, so its folder is made anew */
    bool is_cancelled;
    SerambiJob *job;
    json_t *result;   /* of the last step */
    json_t *manifest; /* of prepare or compose */
    char *failure_code, *failure;
    GPtrArray *parts; /* of Part, not yet kept */
    json_t *captions;
} Ingest;

static void part_free(Part *part)
{
    g_free(part->path);
    g_free(part->type);
    g_free(part->language);
    g_free(part->format);
    g_free(part);
}

static void ingest_free(Ingest *ingest)
{
    g_free(ingest->path);
    g_free(ingest->folder);
    g_free(ingest->output);
    g_free(ingest->source);
    g_free(ingest->failure_code);
    g_free(ingest->failure);
    json_decref(ingest->result);
    json_decref(ingest->manifest);
    json_decref(ingest->captions);
    g_ptr_array_unref(ingest->parts);
    g_free(ingest);
}

static Tutorials *state_of(Serambi *self)
{
    return serambi_state(self);
}

/* --- The row -------------------------------------------------------------------------------- */

static bool set_state(Ingest *ingest, const char *state, int64_t percent, GError **error)
{
    json_auto_t *rows =
        serambi_query(ingest->self, error,
                      "UPDATE tutorials_clip SET state = $2, percent = $3, eta_seconds = NULL,"
                      " reason_code = NULL,"
                      " reason_message = NULL WHERE id = $1",
                      "isi", ingest->id, state, percent);
    return rows && clips_publish_work(ingest->self, error);
}

/* Ends the work on a clip; the table of work owned it. */
static void finish(Ingest *ingest)
{
    Serambi *self = ingest->self;
    if (ingest->output)
        serambi_discard_folder(self, ingest->output);
    if (ingest->is_written && ingest->is_cancelled)
        serambi_discard_folder(self, ingest->folder);
    g_hash_table_remove(state_of(self)->working, &ingest->id);
    ingest_begin_waiting(self);
}

static void fail(Ingest *ingest, const char *code, const char *message)
{
    Serambi *self = ingest->self;
    g_autoptr(GError) error = NULL;
    serambi_log(self, LOG_NOTICE, "clip %" G_GINT64_FORMAT " was refused: %s (%s)", ingest->id,
                message, code);
    bool is_final = attempts_is_final(code);
    json_auto_t *rows = serambi_query(
        self, &error,
        "UPDATE tutorials_clip SET state = 'failed', reason_code = $2, reason_message = $3,"
        " eta_seconds = NULL, folder = $4, failed_us = $5, output = NULL WHERE id = $1",
        "isssi", ingest->id, code, message, is_final ? NULL : ingest->folder, serambi_now_us(self));
    if (!rows || !clips_publish_work(self, &error))
        serambi_log(self, LOG_ERR, "could not note why clip %" G_GINT64_FORMAT " failed: %s",
                    ingest->id, error->message);
    if (is_final)
        serambi_discard_folder(self, ingest->folder);
    finish(ingest);
}

/* --- Steps ---------------------------------------------------------------------------------- */

static void keep_next(Ingest *ingest);

static void take_failure(Ingest *ingest, const json_t *error)
{
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *message = json_string_value(json_object_get(error, "message"));
    g_free(ingest->failure_code);
    g_free(ingest->failure);
    bool is_full = !g_strcmp0(code, "full");
    ingest->failure_code =
        g_strconcat(is_full ? "error." : "tutorials.", code ? code : "worker", NULL);
    ingest->failure = g_strdup(message ? message : "the worker gave no reason");
}

static void take_progress(Ingest *ingest, const json_t *progress)
{
    Serambi *self = ingest->self;
    int64_t now_us = serambi_now_us(self);
    if (ingest->is_cancelled || now_us - state_of(self)->told_us < TELL_EVERY_US)
        return;
    state_of(self)->told_us = now_us;
    g_autoptr(GError) error = NULL;
    const json_t *eta = json_object_get(progress, "eta_seconds");
    json_auto_t *rows = serambi_query(
        self, &error,
        "UPDATE tutorials_clip SET percent = $2, eta_seconds = NULLIF($3, -1) WHERE id = $1", "iii",
        ingest->id, (int64_t)CLAMP(json_number_value(json_object_get(progress, "percent")), 0, 100),
        json_is_integer(eta) ? (int64_t)json_integer_value(eta) : (int64_t)-1);
    if (!rows || !clips_publish_work(self, &error))
        serambi_log(self, LOG_WARNING, "could not show progress: %s, going on", error->message);
}

static void on_line(Serambi *self, const json_t *line, void *data)
{
    Ingest *ingest = data;
    const json_t *result = json_object_get(line, "result");
    const json_t *error = json_object_get(line, "error");
    const json_t *progress = json_object_get(line, "progress");
    if (result) {
        json_decref(ingest->result);
        ingest->result = json_deep_copy(result);
    }
    if (error)
        take_failure(ingest, error);
    if (progress)
        take_progress(ingest, progress);
}

/* Starts a step, or fails the clip. argv as of serambi_spawn(). */
static void run_step(Ingest *ingest, const char *state, const char *const *argv,
                     void (*on_exit)(Serambi *self, bool ok, void *data))
{
    g_clear_pointer(&ingest->result, json_decref);
    g_clear_pointer(&ingest->failure_code, g_free);
    g_clear_pointer(&ingest->failure, g_free);
    g_autoptr(GError) error = NULL;
    if (state && !set_state(ingest, state, 0, &error)) {
        fail(ingest, "error.store", error->message);
        return;
    }
    ingest->job = serambi_spawn(ingest->self, argv, on_line, on_exit, ingest);
    if (!ingest->job)
        fail(ingest, "tutorials.busy", "too much work is waiting: try again later");
}

/* True when the step gave a result; otherwise the clip has failed, or was deleted. */
static bool step_succeeded(Ingest *ingest, bool ok)
{
    ingest->job = NULL;
    if (ingest->is_cancelled) {
        finish(ingest); /* and begins anew if it is no longer deleted by now */
        return false;
    }
    if (ok && ingest->result)
        return true;
    fail(ingest, ingest->failure_code ? ingest->failure_code : "tutorials.worker",
         ingest->failure ? ingest->failure : "the worker ended without a result");
    return false;
}

/* A file of the worker's own folder. */
static bool is_file_name(const char *name)
{
    return name && *name && *name != '.' && !strchr(name, '/');
}

static void add_part(Ingest *ingest, const char *name, const char *type, const char *column,
                     const char *language, const char *format)
{
    if (!is_file_name(name))
        return;
    Part *part = g_new0(Part, 1);
    part->path = g_build_filename(ingest->output, name, NULL);
    part->type = g_strdup(type);
    part->column = column;
    part->language = g_strdup(language);
    part->format = g_strdup(format);
    g_ptr_array_add(ingest->parts, part);
}

static const char *manifest_text(const Ingest *ingest, const char *key)
{
    return json_string_value(json_object_get(ingest->manifest, key));
}

/* Every frame was decoded: all parts are known. */
static void on_proved(Serambi *self, bool ok, void *data)
{
    Ingest *ingest = data;
    if (!step_succeeded(ingest, ok))
        return;
    json_object_del(ingest->manifest, "small"); /* is made when the clip is ready */
    const json_t *strip = json_object_get(ingest->manifest, "strip");
    add_part(ingest, json_string_value(json_object_get(strip, "file")), "image/jpeg", "strip", NULL,
             NULL);
    const char *language;
    json_t *files;
    json_object_foreach(json_object_get(ingest->manifest, "captions"), language, files)
    {
        const char *vtt = json_string_value(json_object_get(files, "vtt"));
        g_autofree char *path = g_build_filename(ingest->output, vtt ? vtt : "", NULL);
        if (is_file_name(vtt))
            captions_note_file(self, ingest->id, language, path);
        add_part(ingest, json_string_value(json_object_get(files, "vtt")),
                 "text/vtt; charset=utf-8", NULL, language, "vtt");
        add_part(ingest, json_string_value(json_object_get(files, "json")), "application/json",
                 NULL, language, "json");
    }
    add_part(ingest, manifest_text(ingest, "poster"), "image/jpeg", "poster", NULL, NULL);
    add_part(ingest, manifest_text(ingest, "master"), "video/mp4", "media", NULL, NULL);
    keep_next(ingest);
}

static void on_prepared(Serambi *self, bool ok, void *data)
{
    Ingest *ingest = data;
    if (!step_succeeded(ingest, ok))
        return;
    ingest->manifest = json_incref(ingest->result);
    json_int_t duration_us = json_integer_value(json_object_get(ingest->manifest, "duration_us"));
    const char *master = manifest_text(ingest, "master");
    json_int_t frames = json_integer_value(json_object_get(ingest->manifest, "frames"));
    if (!is_file_name(master) || frames < 1 || duration_us < 1) {
        fail(ingest, "tutorials.worker", "the worker's manifest names no video");
        return;
    }
    g_autofree char *path = g_build_filename(ingest->output, master, NULL);
    g_autofree char *count = g_strdup_printf("%" JSON_INTEGER_FORMAT, frames);
    const char *const argv[] = {"prove", "--input", path, "--frames", count, NULL};
    run_step(ingest, "proving", argv, on_proved);
}

/* --- The same upload again -------------------------------------------------------------------
 */

/* The clip that was made of this very upload, if everybody can see it still: 0 none, -1 error. */
static int64_t find_same(const Ingest *ingest, GError **error)
{
    if (!ingest->source)
        return 0;
    json_auto_t *rows = serambi_query(ingest->self, error,
                                      "SELECT clip.id FROM tutorials_source AS source"
                                      " JOIN tutorials_clip AS clip ON clip.media = source.media"
                                      " WHERE source.sha256 = $1 AND clip.state = 'ready'"
                                      " AND clip.deleted_us IS NULL AND clip.id <> $2"
                                      " AND $3 IN (0, clip.id) ORDER BY clip.id LIMIT 1",
                                      "sii", ingest->source, ingest->id, ingest->replaces);
    return rows ? json_integer_value(json_object_get(json_array_get(rows, 0), "id")) : -1;
}

/* False when the work has ended here: the library has this already, or cannot say. To replace
 * another clip it may come again. */
static bool is_new(Ingest *ingest)
{
    g_autoptr(GError) error = NULL;
    int64_t same = find_same(ingest, &error);
    if (same < 0)
        fail(ingest, "error.store", error->message);
    if (same > 0) {
        g_autofree char *message =
            g_strdup_printf("this very file is here already, as number %" G_GINT64_FORMAT, same);
        fail(ingest, "tutorials.already_here", message);
    }
    return same == 0;
}

static bool note_source(const Ingest *ingest, GError **error)
{
    if (!ingest->source)
        return true;
    json_auto_t *rows = serambi_query(ingest->self, error,
                                      "INSERT INTO tutorials_source (sha256, media)"
                                      " SELECT $2, media FROM tutorials_clip WHERE id = $1"
                                      " ON CONFLICT (sha256) DO UPDATE SET media = excluded.media",
                                      "is", ingest->id, ingest->source);
    return rows != NULL;
}

static void on_probed(Serambi *self, bool ok, void *data)
{
    Ingest *ingest = data;
    if (!step_succeeded(ingest, ok))
        return;
    ingest->source = g_strdup(json_string_value(json_object_get(ingest->result, "sha256")));
    if (!is_new(ingest))
        return;
    const TutorialsSettings *settings = serambi_settings(self);
    g_autofree char *seconds = g_strdup_printf("%" G_GINT64_FORMAT, settings->slide_seconds);
    const char *const argv[] = {"prepare",      "--input",   ingest->path, "--output",
                                ingest->output, "--seconds", seconds,      NULL};
    run_step(ingest, "preparing", argv, on_prepared);
}

static void first_step(Ingest *ingest)
{
    const char *const probe[] = {"probe", "--input", ingest->path, NULL};
    const char *const compose[] = {"compose", ingest->path, "--output", ingest->output, NULL};
    if (ingest->is_storyboard)
        run_step(ingest, "preparing", compose, on_prepared);
    else
        run_step(ingest, NULL, probe, on_probed);
}

static void on_laid_out(Serambi *self, bool ok, void *data)
{
    Ingest *ingest = data;
    if (ingest->is_cancelled)
        finish(ingest);
    else if (ok)
        first_step(ingest);
    else
        fail(ingest, "error.full", "could not write the storyboard");
}

/* The text as it was when composing was asked for, with the files of its draft. */
static bool lay_out_written(Ingest *ingest, const json_t *row, GError **error)
{
    int64_t storyboard = json_integer_value(json_object_get(row, "storyboard_id"));
    json_auto_t *files = storyboards_files(ingest->self, storyboard, error);
    if (!files)
        return false;
    ingest->is_written = true;
    storyboards_lay_out(ingest->self, ingest->folder,
                        json_string_value(json_object_get(row, "storyboard_text")), files,
                        on_laid_out, ingest);
    return true;
}

/* --- Keeping -------------------------------------------------------------------------------- */

/* A storyboard brings its own words; an upload keeps the title it was given. */
static bool set_words(Ingest *ingest, GError **error)
{
    if (!ingest->is_storyboard)
        return true;
    g_autofree char *title = json_dumps(json_object_get(ingest->manifest, "title"), JSON_COMPACT);
    g_autofree char *summary =
        json_dumps(json_object_get(ingest->manifest, "summary"), JSON_COMPACT);
    json_auto_t *rows = serambi_query(
        ingest->self, error, "UPDATE tutorials_clip SET title = $2, summary = $3 WHERE id = $1",
        "iss", ingest->id, title ? title : "{}", summary ? summary : "{}");
    return rows != NULL;
}

/* The first of the titles that a storyboard brought. */
static const char *name_of(const Ingest *ingest)
{
    json_t *titles = json_object_get(ingest->manifest, "title");
    const char *name = json_string_value(json_object_iter_value(json_object_iter(titles)));
    return name ? name : UNNAMED;
}

static void complete(Ingest *ingest)
{
    Serambi *self = ingest->self;
    if (!is_new(ingest)) /* two at the same time */
        return;
    GError *error = NULL;
    g_autofree char *captions = json_dumps(ingest->captions, JSON_COMPACT);
    g_autofree char *text = g_strdup(manifest_text(ingest, "storyboard"));
    (void)json_object_del(ingest->manifest, "storyboard");
    g_autofree char *manifest = json_dumps(ingest->manifest, JSON_COMPACT);
    json_auto_t *rows = serambi_query(
        self, &error,
        "UPDATE tutorials_clip SET state = 'ready', percent = 100, eta_seconds = NULL, captions = "
        "$2, manifest = $3,"
        " duration_us = $4, folder = NULL, output = NULL WHERE id = $1",
        "issi", ingest->id, captions, manifest,
        (int64_t)json_integer_value(json_object_get(ingest->manifest, "duration_us")));
    if (!rows || !set_words(ingest, &error) || !note_source(ingest, &error) ||
        (ingest->is_storyboard &&
         !storyboards_settle(self, ingest->id, name_of(ingest), text, &error)) ||
        !versions_settle(self, ingest->id, &error) || !clips_publish_list(self, &error) ||
        !clips_publish_work(self, &error)) {
        fail(ingest, "error.store", error->message);
        g_error_free(error);
        return;
    }
    serambi_log(self, LOG_INFO, "clip %" G_GINT64_FORMAT " is ready", ingest->id);
    serambi_discard_folder(self, ingest->folder);
    finish(ingest);
}

/* The row speaks of each file as soon as it is kept, so that none is forgotten by everybody. */
static bool note_parts(Ingest *ingest, GError **error)
{
    g_autofree char *captions = json_dumps(ingest->captions, JSON_COMPACT);
    g_autofree char *manifest = json_dumps(ingest->manifest, JSON_COMPACT);
    json_auto_t *rows = serambi_query(
        ingest->self, error, "UPDATE tutorials_clip SET captions = $2, manifest = $3 WHERE id = $1",
        "iss", ingest->id, captions, manifest);
    return rows != NULL;
}

static bool note_part(Ingest *ingest, const Part *part, const char *sha256, GError **error)
{
    if (!part->column) {
        json_t *files = json_object_get(ingest->captions, part->language);
        if (!files) {
            files = json_object();
            json_object_set_new(ingest->captions, part->language, files);
        }
        json_object_set_new(files, part->format, json_string(sha256));
        return note_parts(ingest, error);
    }
    if (!strcmp(part->column, "strip"))
        return !json_object_set_new(json_object_get(ingest->manifest, "strip"), "media",
                                    json_string(sha256)) &&
               note_parts(ingest, error);
    const char *sql = !strcmp(part->column, "media")
                          ? "UPDATE tutorials_clip SET media = $2 WHERE id = $1"
                          : "UPDATE tutorials_clip SET poster = $2 WHERE id = $1";
    json_auto_t *rows = serambi_query(ingest->self, error, sql, "is", ingest->id, sha256);
    return rows != NULL;
}

static void on_kept(Serambi *self, const char *sha256, int64_t size, const GError *error,
                    void *data)
{
    Ingest *ingest = data;
    if (ingest->is_cancelled) {
        finish(ingest);
        return;
    }
    GError *failure = NULL;
    if (!sha256) {
        bool is_full = g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
        fail(ingest, is_full ? "error.full" : "tutorials.worker", error->message);
        return;
    }
    if (!note_part(ingest, g_ptr_array_index(ingest->parts, 0), sha256, &failure)) {
        fail(ingest, "error.store", failure->message);
        g_error_free(failure);
        return;
    }
    g_ptr_array_remove_index(ingest->parts, 0);
    keep_next(ingest);
}

static void keep_next(Ingest *ingest)
{
    if (ingest->parts->len == 0) {
        complete(ingest);
        return;
    }
    const Part *part = g_ptr_array_index(ingest->parts, 0);
    serambi_keep_file(ingest->self, part->path, part->type, on_kept, ingest);
}

/* --- Beginning ------------------------------------------------------------------------------ */

/* Begins (again) with the upload of a row. */
static bool begin(Serambi *self, const json_t *row, GError **error)
{
    int64_t id = json_integer_value(json_object_get(row, "id"));
    g_autofree char *output = serambi_new_folder(self, error);
    json_auto_t *noted =
        output ? serambi_query(self, error, "UPDATE tutorials_clip SET output = $2 WHERE id = $1",
                               "is", id, output)
               : NULL;
    const char *given = json_string_value(json_object_get(row, "folder"));
    bool is_written = json_is_string(json_object_get(row, "storyboard_text"));
    g_autofree char *folder =
        is_written && noted ? serambi_new_folder(self, error) : g_strdup(given);
    if (!noted || !folder)
        return false;
    Ingest *ingest = g_new0(Ingest, 1);
    ingest->self = self;
    ingest->id = id;
    ingest->path = is_written ? g_build_filename(folder, STORYBOARD_FILE, NULL)
                              : g_strdup(json_string_value(json_object_get(row, "path")));
    ingest->folder = g_steal_pointer(&folder);
    ingest->output = g_steal_pointer(&output);
    ingest->replaces = json_integer_value(json_object_get(row, "replaces"));
    ingest->is_storyboard =
        !g_strcmp0(json_string_value(json_object_get(row, "kind")), "storyboard");
    ingest->captions = json_object();
    ingest->parts = g_ptr_array_new_with_free_func((GDestroyNotify)part_free);
    g_hash_table_replace(state_of(self)->working, &ingest->id, ingest);
    if (is_written)
        return lay_out_written(ingest, row, error);
    first_step(ingest);
    return true;
}

/* The oldest row on its way that nobody works on; NULL: none. New reference. */
static json_t *next_waiting(Serambi *self, GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error,
        "SELECT " BEGIN_COLUMNS " FROM tutorials_clip WHERE " ON_ITS_WAY " ORDER BY id", "");
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        int64_t id = json_integer_value(json_object_get(row, "id"));
        if (!g_hash_table_contains(state_of(self)->working, &id))
            return json_incref(row);
    }
    return NULL;
}

static guint at_once(Serambi *self)
{
    const TutorialsSettings *settings = serambi_settings(self);
    return settings->at_once > 0 ? (guint)settings->at_once : MAX(g_get_num_processors(), 1);
}

void ingest_begin_waiting(Serambi *self)
{
    g_autoptr(GError) error = NULL;
    const Tutorials *state = state_of(self);
    while (!error && g_hash_table_size(state->working) < at_once(self)) {
        json_auto_t *row = next_waiting(self, &error);
        if (!row) {
            (void)(error || small_begin(self, &error));
            break;
        }
        if (state->small && g_hash_table_size(state->working) + 1 >= at_once(self))
            small_yield(self);
        if (!begin(self, row, &error))
            break;
    }
    if (error)
        serambi_log(self, LOG_ERR, "could not take up an upload: %s, trying again in a while",
                    error->message);
}

void ingest_cancel(Serambi *self, int64_t id)
{
    Ingest *ingest = g_hash_table_lookup(state_of(self)->working, &id);
    if (!ingest)
        return;
    ingest->is_cancelled = true;
    if (ingest->job)
        serambi_cancel(ingest->job);
}

/* What people can read of a text: without control characters, at most so many characters. */
static char *readable(const char *text, glong characters)
{
    g_autoptr(GString) kept = g_string_new(NULL);
    for (const char *at = text; *at && characters > 0; at = g_utf8_next_char(at), characters--)
        if (!g_unichar_iscntrl(g_utf8_get_char(at)))
            g_string_append_unichar(kept, g_utf8_get_char(at));
    return g_strstrip(g_string_free(g_steal_pointer(&kept), FALSE));
}

/* "meminjam-buku.mp4" is "meminjam-buku": a title until somebody gives a better one. */
static char *title_of(const SerambiUploaded *upload)
{
    const char *given = json_string_value(json_object_get(upload->metadata, "title"));
    g_autofree char *text = readable(given ? given : "", TITLE_CHARACTERS_MAX);
    if (!*text) {
        g_free(text);
        text = readable(upload->filename, FILENAME_CHARACTERS);
        char *dot = strrchr(text, '.');
        if (dot && dot != text)
            *dot = '\0';
    }
    g_autofree char *cut = readable(text, TITLE_CHARACTERS_MAX);
    json_auto_t *title = json_pack("{s:s}", "id", *cut ? cut : UNNAMED);
    return json_dumps(title, JSON_COMPACT);
}

static void receive(Serambi *self, const SerambiUploaded *upload, const char *kind)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *title = title_of(upload);
    const char *waiver = json_string_value(json_object_get(upload->metadata, "waiver"));
    const char *older = json_string_value(json_object_get(upload->metadata, "replaces"));
    int64_t replaces = older ? g_ascii_strtoll(older, NULL, 10) : 0; /* 0: none */
    json_auto_t *rows = serambi_query(
        self, &error,
        "INSERT INTO tutorials_clip (id, kind, state, title, summary, filename, upload, path,"
        " folder, captions, duration_us, percent, created_us, author, waiver, replaces)"
        " SELECT COALESCE(MAX(id), 0) + 1, $1, 'received', $2, '{}', $3, $4, $5, $6, '{}', 0, 0,"
        " $7, $8, $9, $10 FROM tutorials_clip RETURNING id",
        "ssssssissi", kind, title ? title : "{}", upload->filename, upload->id, upload->path,
        upload->folder, serambi_now_us(self), upload->user,
        captions_is_waiver(waiver) ? waiver : NULL, replaces);
    if (!rows) {
        serambi_log(self, LOG_ERR, "could not take up '%s': %s", upload->filename, error->message);
        return;
    }
    ingest_begin_waiting(self);
    if (!clips_publish_work(self, &error))
        serambi_log(self, LOG_ERR, "could not show '%s': %s", upload->filename, error->message);
}

static void on_video(Serambi *self, const SerambiUploaded *upload)
{
    receive(self, upload, "video");
}

static void on_storyboard(Serambi *self, const SerambiUploaded *upload)
{
    receive(self, upload, "storyboard");
}

/* What the worker had made of the clips before the program ended. */
static bool discard_outputs(Serambi *self, GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error, "SELECT output FROM tutorials_clip WHERE output IS NOT NULL", "");
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
        serambi_discard_folder(self, json_string_value(json_object_get(row, "output")));
    json_auto_t *done =
        rows ? serambi_query(self, error,
                             "UPDATE tutorials_clip SET output = NULL WHERE output IS NOT NULL", "")
             : NULL;
    return done != NULL;
}

bool ingest_start(Serambi *self, GError **error)
{
    state_of(self)->working =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)ingest_free);
    if (!discard_outputs(self, error))
        return false;
    ingest_begin_waiting(self);
    return true;
}

void ingest_stop(Serambi *self)
{
    g_clear_pointer(&state_of(self)->working, g_hash_table_unref);
    g_clear_pointer(&state_of(self)->small, small_free);
}

const SerambiUpload ingest_uploads[] = {
    {"video", WRITERS, VIDEO_BYTES_MAX, on_video,
     "a video, a picture, a PDF or a recording without a picture"},
    {"storyboard", WRITERS, STORYBOARD_BYTES_MAX, on_storyboard,
     "a tutorial written as text, see media/samples"},
    {"picture", WRITERS, STORYBOARD_PICTURE_BYTES_MAX, storyboard_files_on_picture,
     "a picture of a storyboard; metadata storyboard: its id"},
    {"recording", WRITERS, STORYBOARD_RECORDING_BYTES_MAX, storyboard_files_on_recording,
     "somebody's own voice for a slide; metadata storyboard: its id"},
    {0},
};
