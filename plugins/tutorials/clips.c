/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Clips: rows, what people see of them, and what is published when they change. */
#include "plugins/tutorials/tutorials.h"

const char *const clips_migrations[] = {
    "CREATE TABLE tutorials_clip ("
    " id BIGINT PRIMARY KEY,"
    " kind TEXT NOT NULL CHECK (kind IN ('video', 'storyboard')),"
    " state TEXT NOT NULL CHECK (state IN"
    "  ('received', 'preparing', 'proving', 'ready', 'failed')),"
    " title TEXT NOT NULL, summary TEXT NOT NULL," /* JSON: text by language */
    " filename TEXT NOT NULL, upload TEXT NOT NULL UNIQUE,"
    " path TEXT NOT NULL, folder TEXT," /* of the upload; NULL when it is gone */
    " output TEXT,"                     /* folder of the worker, while it is at work */
    " media TEXT, poster TEXT, captions TEXT NOT NULL, manifest TEXT,"
    " duration_us BIGINT NOT NULL, percent BIGINT NOT NULL,"
    " reason_code TEXT, reason_message TEXT,"
    " created_us BIGINT NOT NULL, deleted_us BIGINT, author TEXT NOT NULL);"
    "CREATE INDEX tutorials_clip_state ON tutorials_clip (state, id);",
    /* Why a clip has no captions. What was on screens before the rule stays there. */
    "ALTER TABLE tutorials_clip ADD COLUMN waiver TEXT;"
    "UPDATE tutorials_clip SET waiver = 'earlier' WHERE captions = '{}';",
    /* What captions say, for search and for download as SubRip. */
    "CREATE TABLE tutorials_caption (clip_id BIGINT NOT NULL, language TEXT NOT NULL,"
    " vtt TEXT NOT NULL, PRIMARY KEY (clip_id, language));",
    /* What visitors may, and what they said. */
    "ALTER TABLE tutorials_clip ADD COLUMN downloads BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE tutorials_clip ADD COLUMN helped BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE tutorials_clip ADD COLUMN unhelped BIGINT NOT NULL DEFAULT 0;",
    /* A recording that was replaced, and the upload that is to replace one. */
    "ALTER TABLE tutorials_clip ADD COLUMN replaces BIGINT;"
    "CREATE TABLE tutorials_version (id BIGINT PRIMARY KEY, clip_id BIGINT NOT NULL,"
    " media TEXT, poster TEXT, manifest TEXT, duration_us BIGINT NOT NULL,"
    " replaced_us BIGINT NOT NULL);"
    "CREATE INDEX tutorials_version_clip ON tutorials_version (clip_id, id);",
    /* Which recording was made of which upload, and how long the work will still take. */
    "CREATE TABLE tutorials_source (sha256 TEXT PRIMARY KEY, media TEXT NOT NULL);"
    "ALTER TABLE tutorials_clip ADD COLUMN eta_seconds BIGINT;",
    /* Tutorials written in the console. files: {name: {"file": hash}}. What a clip is composed of
     * is kept with it, so that typing on changes nothing on its way. */
    "CREATE TABLE tutorials_storyboard (id BIGINT PRIMARY KEY, clip_id BIGINT, name TEXT NOT NULL,"
    " text TEXT NOT NULL, files TEXT NOT NULL, version BIGINT NOT NULL, changed_us BIGINT NOT NULL,"
    " author TEXT NOT NULL, deleted_us BIGINT);"
    "CREATE INDEX tutorials_storyboard_clip ON tutorials_storyboard (clip_id);"
    "CREATE TABLE tutorials_storyboard_version (storyboard_id BIGINT NOT NULL,"
    " version BIGINT NOT NULL, text TEXT NOT NULL, saved_us BIGINT NOT NULL, author TEXT NOT NULL,"
    " PRIMARY KEY (storyboard_id, version));"
    "CREATE TABLE tutorials_material (id BIGINT PRIMARY KEY, storyboard_id BIGINT NOT NULL,"
    " kind TEXT NOT NULL, stem TEXT NOT NULL, upload TEXT NOT NULL, path TEXT NOT NULL, folder "
    "TEXT,"
    " name TEXT, reason_code TEXT, done_us BIGINT);"
    "CREATE INDEX tutorials_material_storyboard ON tutorials_material (storyboard_id, id);"
    "ALTER TABLE tutorials_clip ADD COLUMN storyboard_id BIGINT;"
    "ALTER TABLE tutorials_clip ADD COLUMN storyboard_text TEXT;",
    /* Whether the search knows it (the version of find.c); whether its captions may be of an
     * earlier recording; since when a failed one waits for another try. */
    "ALTER TABLE tutorials_clip ADD COLUMN noted BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE tutorials_clip ADD COLUMN out_of_step BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE tutorials_clip ADD COLUMN failed_us BIGINT;",
    NULL,
};

json_t *clips_json(const json_t *row, const char *column)
{
    const char *text = json_string_value(json_object_get(row, column));
    json_t *value = text ? json_loads(text, 0, NULL) : NULL;
    return value ? value : json_object();
}

/* {"id":"<hash>"} of {"id":{"vtt":"<hash>","json":"<hash>"}}. */
static json_t *caption_hashes(const json_t *captions, const char *format)
{
    json_t *hashes = json_object();
    const char *language;
    json_t *files;
    json_object_foreach((json_t *)captions, language, files)
        json_object_set(hashes, language, json_object_get(files, format));
    return hashes;
}

json_t *clips_shape(const json_t *row)
{
    json_auto_t *captions = clips_json(row, "captions");
    json_auto_t *manifest = clips_json(row, "manifest");
    json_t *title = clips_json(row, "title");
    json_t *languages = json_array();
    const char *language;
    json_t *text;
    json_object_foreach(json_object_size(captions) ? captions : title, language, text)
        json_array_append_new(languages, json_string(language));
    return json_pack(
        "{s:O, s:o, s:o, s:O, s:f, s:O, s:O, s:o, s:o, s:o, s:b, s:O?, s:O?}", "id",
        json_object_get(row, "id"), "title", title, "summary", clips_json(row, "summary"),
        "duration_us", json_object_get(row, "duration_us"), "gain_db",
        json_number_value(json_object_get(manifest, "gain_db")), "media",
        json_object_get(row, "media"), "poster", json_object_get(row, "poster"), "captions",
        caption_hashes(captions, "vtt"), "cues", caption_hashes(captions, "json"), "languages",
        languages, "downloads", json_integer_value(json_object_get(row, "downloads")) != 0, "strip",
        json_object_get(manifest, "strip"), "small", json_object_get(manifest, "small"));
}

bool clips_may_go_without_captions(const json_t *row)
{
    json_auto_t *manifest = clips_json(row, "manifest");
    return json_is_string(json_object_get(row, "waiver")) ||
           json_is_false(json_object_get(manifest, "has_audio"));
}

bool clips_is_public(const json_t *row)
{
    json_auto_t *captions = clips_json(row, "captions");
    return json_object_size(captions) > 0 || clips_may_go_without_captions(row);
}

json_t *clips_staff_shape(const json_t *row)
{
    json_t *shape = clips_shape(row);
    const json_t *code = json_object_get(row, "reason_code");
    json_object_set(shape, "state", json_object_get(row, "state"));
    json_object_set(shape, "percent", json_object_get(row, "percent"));
    json_object_set(shape, "eta_seconds", json_object_get(row, "eta_seconds"));
    json_object_set_new(
        shape, "may_retry",
        json_boolean(!g_strcmp0(json_string_value(json_object_get(row, "state")), "failed") &&
                     json_is_string(json_object_get(row, "folder"))));
    json_object_set(shape, "filename", json_object_get(row, "filename"));
    json_object_set(shape, "waiver", json_object_get(row, "waiver"));
    json_object_set_new(shape, "needs_captions", json_boolean(!clips_is_public(row)));
    json_object_set_new(shape, "out_of_step",
                        json_boolean(json_integer_value(json_object_get(row, "out_of_step")) != 0));
    json_object_set(shape, "helped", json_object_get(row, "helped"));
    json_object_set(shape, "unhelped", json_object_get(row, "unhelped"));
    json_object_set(shape, "kind", json_object_get(row, "kind"));
    json_object_set(shape, "deleted_us", json_object_get(row, "deleted_us"));
    json_object_set_new(shape, "reason",
                        json_is_string(code) ? json_pack("{s:O, s:O}", "code", code, "message",
                                                         json_object_get(row, "reason_message"))
                                             : json_null());
    return shape;
}

static json_t *shapes(Serambi *self, GError **error, const char *sql,
                      bool (*is_wanted)(const json_t *row), json_t *(*shape)(const json_t *row))
{
    json_auto_t *rows = serambi_query(self, error, sql, "");
    if (!rows)
        return NULL;
    json_t *list = json_array();
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        if (!is_wanted || is_wanted(row))
            json_array_append_new(list, shape(row));
    }
    return list;
}

json_t *clips_ready(Serambi *self, GError **error)
{
    return shapes(self, error,
                  "SELECT " CLIP_COLUMNS " FROM tutorials_clip"
                  " WHERE state = 'ready' AND deleted_us IS NULL ORDER BY id",
                  clips_is_public, clips_shape);
}

json_t *clips_all(Serambi *self, GError **error)
{
    return shapes(self, error,
                  "SELECT " CLIP_COLUMNS " FROM tutorials_clip"
                  " WHERE deleted_us IS NULL ORDER BY id DESC",
                  NULL, clips_staff_shape);
}

json_t *clips_trash(Serambi *self, GError **error)
{
    return shapes(self, error,
                  "SELECT " CLIP_COLUMNS " FROM tutorials_clip"
                  " WHERE deleted_us IS NOT NULL ORDER BY deleted_us DESC, id",
                  NULL, clips_staff_shape);
}

json_t *clips_public_row(Serambi *self, int64_t id, GError **error)
{
    json_auto_t *rows = serambi_query(self, error,
                                      "SELECT " CLIP_COLUMNS " FROM tutorials_clip"
                                      " WHERE id = $1 AND state = 'ready' AND deleted_us IS NULL",
                                      "i", id);
    json_t *row = json_array_get(rows, 0);
    return row && clips_is_public(row) ? json_incref(row) : NULL;
}

bool clips_publish_list(Serambi *self, GError **error)
{
    json_t *list = clips_ready(self, error);
    if (!list)
        return false;
    serambi_publish(self, "list", json_pack("{s:o}", "tutorials", list));
    return true;
}

bool clips_publish_work(Serambi *self, GError **error)
{
    json_t *list = shapes(self, error,
                          "SELECT " CLIP_COLUMNS " FROM tutorials_clip"
                          " WHERE state <> 'ready' AND deleted_us IS NULL ORDER BY id",
                          NULL, clips_staff_shape);
    if (!list)
        return false;
    serambi_publish(self, "work", json_pack("{s:o}", "items", list));
    return true;
}

#define EXAMPLE_CLIP                                                                               \
    "\"id\":3,\"title\":{\"id\":\"Meminjam "                                                       \
    "buku\"},\"summary\":{},\"duration_us\":42000000,\"gain_db\":-6.5,"                            \
    "\"media\":\"5f1d\",\"poster\":\"77c0\",\"captions\":{\"id\":\"90ab\"},\"cues\":{\"id\":"      \
    "\"b21c\"},\"languages\":[\"id\"],\"downloads\":false,"                                        \
    "\"strip\":{\"media\":\"2c9e\",\"columns\":10,\"count\":42,"                                   \
    "\"every_us\":1000000,\"width\":160,\"height\":90},\"small\":\"d00f\""

const SerambiTopic clips_topics[] = {
    {
        .name = "list",
        .kind = SERAMBI_STATE,
        .readers = SERAMBI_ANYBODY,
        .example = "{\"tutorials\":[{" EXAMPLE_CLIP "}]}",
        .help = "every tutorial that can be watched",
    },
    {
        .name = "work",
        .kind = SERAMBI_STATE,
        .readers = SERAMBI_STAFF,
        .example = "{\"items\":[{" EXAMPLE_CLIP
                   ",\"state\":\"preparing\",\"percent\":40,\"eta_seconds\":75,"
                   "\"may_retry\":false,\"filename\":\"pinjam.mp4\",\"reason\":null}]}",
        .help = "uploads on their way, and those that failed",
    },
    {
        .name = "storyboard.{id}",
        .kind = SERAMBI_STATE,
        .readers = SERAMBI_STAFF,
        .example =
            "{\"files\":{\"rak-1f2e3d4c.png\":{\"file\":\"1f2e\"}},\"news\":[{\"upload\":\"a\","
            "\"kind\":\"picture\",\"name\":\"rak-1f2e3d4c.png\",\"reason_code\":null}]}",
        .help = "pictures and recordings of a storyboard, and what became of those sent last",
    },
    {0},
};
