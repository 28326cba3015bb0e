/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Pictures and recordings of a draft. An upload with the metadata `storyboard` is made into the one
 * form that storyboards take by the worker, kept by its hash, and gets a name for the text that
 * ends with the hash's beginning. Its row is the truth: what was under way at a restart begins
 * again. */
#include "plugins/tutorials/storyboards.h"
#include <string.h>
#include <syslog.h>

#define STEM_CHARACTERS 24
#define HASH_CHARACTERS 8
#define TOLD            16 /* newest files of a draft on its channel */

typedef struct {
    Serambi *self;
    int64_t id, storyboard;
    bool is_picture;
    char *stem, *path, *folder, *output, *file;
    char *failure;
    SerambiJob *job;
} Material;

static Tutorials *state_of(Serambi *self)
{
    return serambi_state(self);
}

static void material_free(void *data)
{
    Material *material = data;
    g_free(material->stem);
    g_free(material->path);
    g_free(material->folder);
    g_free(material->output);
    g_free(material->file);
    g_free(material->failure);
    g_free(material);
}

static bool publish(Serambi *self, int64_t storyboard, GError **error)
{
    json_t *rows = serambi_query(self, error,
                                 "SELECT upload, kind, name, reason_code FROM tutorials_material"
                                 " WHERE storyboard_id = $1 ORDER BY id DESC LIMIT $2",
                                 "ii", storyboard, (int64_t)TOLD);
    json_t *files = rows ? storyboards_files(self, storyboard, error) : NULL;
    if (!files) {
        json_decref(rows);
        return false;
    }
    g_autofree char *topic = g_strdup_printf("storyboard.%" G_GINT64_FORMAT, storyboard);
    serambi_publish(self, topic, json_pack("{s:o, s:o}", "files", files, "news", rows));
    return true;
}

/* The work on a material is over; name or code is NULL. */
static void finish(Material *material, const char *name, const char *code)
{
    Serambi *self = material->self;
    g_autoptr(GError) error = NULL;
    json_auto_t *rows = serambi_query(self, &error,
                                      "UPDATE tutorials_material SET name = $2, reason_code = $3,"
                                      " folder = NULL, done_us = $4 WHERE id = $1",
                                      "issi", material->id, name, code, serambi_now_us(self));
    if (!rows || !publish(self, material->storyboard, &error))
        serambi_log(self, LOG_ERR, "could not note a file of a storyboard: %s", error->message);
    serambi_discard_folder(self, material->folder);
    serambi_discard_folder(self, material->output);
    (void)g_hash_table_remove(state_of(self)->materials, &material->id);
    storyboard_files_begin_waiting(self);
}

static char *name_of(const Material *material, const char *hash)
{
    return g_strdup_printf("%s-%.*s.%s", material->stem, HASH_CHARACTERS, hash,
                           material->is_picture ? "png" : "flac");
}

static void on_kept(Serambi *self, const char *sha256, int64_t size, const GError *error,
                    void *data)
{
    Material *material = data;
    g_autoptr(GError) failure = NULL;
    if (!sha256) {
        bool is_full = g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
        finish(material, NULL, is_full ? "error.full" : "tutorials.worker");
        return;
    }
    json_auto_t *files = storyboards_files(self, material->storyboard, &failure);
    g_autofree char *name = name_of(material, sha256);
    if (json_object_size(files) >= STORYBOARD_FILES_MAX) {
        finish(material, NULL, "storyboard.files_many");
        return;
    }
    json_object_set_new(files, name, json_pack("{s:s}", "file", sha256));
    g_autofree char *text = json_dumps(files, JSON_COMPACT);
    json_auto_t *rows =
        files ? serambi_query(self, &failure,
                              "UPDATE tutorials_storyboard SET files = $2 WHERE id = $1", "is",
                              material->storyboard, text)
              : NULL;
    finish(material, rows ? name : NULL, rows ? NULL : "error.store");
}

static void on_line(Serambi *self, const json_t *line, void *data)
{
    Material *material = data;
    const char *file = json_string_value(json_object_get(json_object_get(line, "result"), "file"));
    const char *code = json_string_value(json_object_get(json_object_get(line, "error"), "code"));
    if (file && !strchr(file, '/') && *file != '.') {
        g_free(material->file);
        material->file = g_strdup(file);
    }
    if (code) {
        g_free(material->failure);
        material->failure = g_strdup(code);
    }
}

static void on_made(Serambi *self, bool ok, void *data)
{
    Material *material = data;
    material->job = NULL;
    if (!ok || !material->file) {
        g_autofree char *code =
            g_strconcat(material->is_picture ? "storyboard.picture_" : "storyboard.recording_",
                        material->failure ? material->failure : "program_failed", NULL);
        finish(material, NULL, code);
        return;
    }
    g_autofree char *path = g_build_filename(material->output, material->file, NULL);
    serambi_keep_file(self, path, material->is_picture ? "image/png" : "audio/flac", on_kept,
                      material);
}

static bool begin(Serambi *self, const json_t *row, GError **error)
{
    char *output = serambi_new_folder(self, error);
    if (!output)
        return false;
    Material *material = g_new0(Material, 1);
    *material = (Material){
        .self = self,
        .id = json_integer_value(json_object_get(row, "id")),
        .storyboard = json_integer_value(json_object_get(row, "storyboard_id")),
        .is_picture = !g_strcmp0(json_string_value(json_object_get(row, "kind")), "picture"),
        .stem = g_strdup(json_string_value(json_object_get(row, "stem"))),
        .path = g_strdup(json_string_value(json_object_get(row, "path"))),
        .folder = g_strdup(json_string_value(json_object_get(row, "folder"))),
        .output = output,
    };
    g_hash_table_replace(state_of(self)->materials, &material->id, material);
    const char *const argv[] = {material->is_picture ? "picture" : "recording",
                                "--input",
                                material->path,
                                "--output",
                                output,
                                NULL};
    material->job = serambi_spawn(self, argv, on_line, on_made, material);
    return true;
}

void storyboard_files_begin_waiting(Serambi *self)
{
    g_autoptr(GError) error = NULL;
    GHashTable *materials = state_of(self)->materials;
    if (!materials || g_hash_table_size(materials) > 0)
        return;
    json_auto_t *rows = serambi_query(self, &error,
                                      "SELECT id, storyboard_id, kind, stem, path, folder FROM"
                                      " tutorials_material WHERE done_us IS NULL ORDER BY id"
                                      " LIMIT 1",
                                      "");
    if (!rows || (json_array_size(rows) > 0 && !begin(self, json_array_get(rows, 0), &error)))
        serambi_log(self, LOG_ERR, "could not take up a file of a storyboard: %s, trying again",
                    error->message);
}

bool storyboard_files_start(Serambi *self, GError **error)
{
    state_of(self)->materials =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, material_free);
    storyboard_files_begin_waiting(self);
    return true;
}

void storyboard_files_stop(Serambi *self)
{
    g_clear_pointer(&state_of(self)->materials, g_hash_table_unref);
}

/* "Rak buku (2).JPG" is "rak-buku-2". */
static char *stem_of(const char *filename, const char *fallback)
{
    g_autoptr(GString) stem = g_string_new(NULL);
    const char *dot = strrchr(filename, '.');
    for (const char *at = filename; *at && at != dot && stem->len < STEM_CHARACTERS; at++) {
        if (g_ascii_isalnum(*at))
            g_string_append_c(stem, g_ascii_tolower(*at));
        else if (stem->len > 0 && stem->str[stem->len - 1] != '-')
            g_string_append_c(stem, '-');
    }
    while (stem->len > 0 && stem->str[stem->len - 1] == '-')
        g_string_truncate(stem, stem->len - 1);
    return stem->len > 0 ? g_string_free(g_steal_pointer(&stem), FALSE) : g_strdup(fallback);
}

static void receive(Serambi *self, const SerambiUploaded *upload, const char *kind)
{
    g_autoptr(GError) error = NULL;
    const char *given = json_string_value(json_object_get(upload->metadata, "storyboard"));
    int64_t storyboard = given ? g_ascii_strtoll(given, NULL, 10) : 0;
    g_autofree char *stem = stem_of(upload->filename, kind);
    json_auto_t *rows = serambi_query(
        self, &error,
        "INSERT INTO tutorials_material (id, storyboard_id, kind, stem, upload, path, folder)"
        " SELECT (SELECT COALESCE(MAX(id), 0) + 1 FROM tutorials_material), id, $2, $3, $4, $5, $6"
        " FROM tutorials_storyboard WHERE id = $1 AND deleted_us IS NULL RETURNING id",
        "isssss", storyboard, kind, stem, upload->id, upload->path, upload->folder);
    if (!rows)
        return; /* undone, and comes again */
    if (json_array_size(rows) == 0)
        serambi_discard_folder(self, upload->folder); /* of no draft that is still there */
    storyboard_files_begin_waiting(self);
}

void storyboard_files_on_picture(Serambi *self, const SerambiUploaded *upload)
{
    receive(self, upload, "picture");
}

void storyboard_files_on_recording(Serambi *self, const SerambiUploaded *upload)
{
    receive(self, upload, "recording");
}
