/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Recordings that were replaced, and what goes for good after 30 days: rows, and files that no
 * other row speaks of. A screen plays from its own disk, so nothing that goes here stops it. */
#include "plugins/tutorials/tutorials.h"
#include <syslog.h>

#define TRASH_US (TRASH_DAYS * 24LL * 3600 * G_USEC_PER_SEC)

#define VERSION_COLUMNS "media, poster, manifest, duration_us"

/* --- Versions --------------------------------------------------------------------------------- */

/* The present recording of a clip becomes a version. */
static bool put_aside(Serambi *self, int64_t id, GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error,
        "INSERT INTO tutorials_version (id, clip_id, " VERSION_COLUMNS ", replaced_us)"
        " SELECT (SELECT COALESCE(MAX(id), 0) + 1 FROM tutorials_version), id, " VERSION_COLUMNS
        ", $2 FROM tutorials_clip WHERE id = $1",
        "ii", id, serambi_now_us(self));
    return rows != NULL;
}

/* Gives a clip the recording of a row with VERSION_COLUMNS. */
static bool put_in(Serambi *self, int64_t id, const json_t *row, GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error,
        "UPDATE tutorials_clip SET media = $2, poster = $3, manifest = $4, duration_us = $5"
        " WHERE id = $1",
        "isssi", id, json_string_value(json_object_get(row, "media")),
        json_string_value(json_object_get(row, "poster")),
        json_string_value(json_object_get(row, "manifest")),
        (int64_t)json_integer_value(json_object_get(row, "duration_us")));
    return rows != NULL;
}

/* Captions that were made for another recording may come too early or too late now. */
static bool mark_captions(Serambi *self, int64_t id, GError **error)
{
    json_auto_t *rows = serambi_query(self, error,
                                      "UPDATE tutorials_clip SET out_of_step = 1"
                                      " WHERE id = $1 AND captions <> '{}'",
                                      "i", id);
    return rows != NULL;
}

/* Captions that the new recording brought go before the old ones. */
static bool take_captions(Serambi *self, int64_t from, int64_t to, GError **error)
{
    json_auto_t *clip = serambi_query(
        self, error,
        "UPDATE tutorials_clip SET out_of_step = 0,"
        " captions = (SELECT captions FROM tutorials_clip WHERE id = $2)"
        " WHERE id = $1 AND (SELECT captions FROM tutorials_clip WHERE id = $2) <> '{}'",
        "ii", to, from);
    json_auto_t *old =
        clip ? serambi_query(self, error,
                             "DELETE FROM tutorials_caption WHERE clip_id = $1 AND EXISTS"
                             " (SELECT 1 FROM tutorials_caption WHERE clip_id = $2)",
                             "ii", to, from)
             : NULL;
    json_auto_t *text =
        old ? serambi_query(self, error,
                            "UPDATE tutorials_caption SET clip_id = $1 WHERE clip_id = $2", "ii",
                            to, from)
            : NULL;
    return text != NULL;
}

bool versions_settle(Serambi *self, int64_t id, GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error,
        "SELECT old.id AS old, new.media, new.poster, new.manifest, new.duration_us"
        " FROM tutorials_clip new JOIN tutorials_clip old ON old.id = new.replaces"
        " WHERE new.id = $1 AND old.state = 'ready' AND old.deleted_us IS NULL AND old.id <> $1",
        "i", id);
    const json_t *row = json_array_get(rows, 0);
    if (!row)
        /* It replaces nothing, or what is not there any more: a clip of its own. */
        return rows && find_note(self, id, error);
    int64_t old = json_integer_value(json_object_get(row, "old"));
    if (!put_aside(self, old, error) || !put_in(self, old, row, error) ||
        !mark_captions(self, old, error) || !take_captions(self, id, old, error))
        return false;
    json_auto_t *gone =
        serambi_query(self, error, "DELETE FROM tutorials_clip WHERE id = $1", "i", id);
    return gone && find_note(self, id, error) && find_note(self, old, error);
}

json_t *versions_list(Serambi *self, int64_t id, GError **error)
{
    return serambi_query(self, error,
                         "SELECT id, media, poster, duration_us, replaced_us"
                         " FROM tutorials_version WHERE clip_id = $1 ORDER BY id DESC",
                         "i", id);
}

bool versions_restore(Serambi *self, int64_t id, int64_t version, GError **error)
{
    json_auto_t *rows = serambi_query(self, error,
                                      "SELECT " VERSION_COLUMNS " FROM tutorials_version"
                                      " WHERE id = $1 AND clip_id = $2",
                                      "ii", version, id);
    if (!json_array_get(rows, 0) || !put_aside(self, id, error) ||
        !put_in(self, id, json_array_get(rows, 0), error) || !mark_captions(self, id, error))
        return false;
    json_auto_t *gone =
        serambi_query(self, error, "DELETE FROM tutorials_version WHERE id = $1", "i", version);
    return gone != NULL;
}

/* --- The sweep -------------------------------------------------------------------------------- */

static void note_hash(GHashTable *hashes, const json_t *value)
{
    const char *hash = json_string_value(value);
    if (hash)
        (void)g_hash_table_add(hashes, g_strdup(hash));
}

/* Every file that rows of a statement speak of. */
static bool note_hashes(Serambi *self, GHashTable *hashes, const char *sql, GError **error)
{
    json_auto_t *rows = serambi_query(self, error, sql, "");
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        json_auto_t *captions = clips_json(row, "captions");
        json_auto_t *manifest = clips_json(row, "manifest");
        const char *language, *format;
        json_t *files, *hash;
        note_hash(hashes, json_object_get(row, "media"));
        note_hash(hashes, json_object_get(row, "poster"));
        note_hash(hashes, json_object_get(manifest, "small"));
        note_hash(hashes, json_object_get(json_object_get(manifest, "strip"), "media"));
        json_object_foreach(captions, language, files) json_object_foreach(files, format, hash)
            note_hash(hashes, hash);
    }
    return rows != NULL;
}

static GHashTable *all_hashes(Serambi *self, GError **error)
{
    GHashTable *hashes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!note_hashes(self, hashes, "SELECT media, poster, captions, manifest FROM tutorials_clip",
                     error) ||
        !note_hashes(self, hashes,
                     "SELECT media, poster, '{}' AS captions, manifest FROM tutorials_version",
                     error) ||
        !note_hashes(
            self, hashes,
            "SELECT NULL AS media, NULL AS poster, files AS captions, '{}' AS manifest FROM"
            " tutorials_storyboard",
            error))
        g_clear_pointer(&hashes, g_hash_table_unref);
    return hashes;
}

static bool remove_storyboards(Serambi *self, int64_t before_us, GError **error)
{
    json_auto_t *drafts = serambi_query(
        self, error, "DELETE FROM tutorials_storyboard WHERE deleted_us < $1", "i", before_us);
    json_auto_t *texts =
        drafts ? serambi_query(self, error,
                               "DELETE FROM tutorials_storyboard_version WHERE storyboard_id NOT IN"
                               " (SELECT id FROM tutorials_storyboard)",
                               "")
               : NULL;
    json_auto_t *told =
        texts ? serambi_query(self, error, "DELETE FROM tutorials_material WHERE done_us < $1", "i",
                              before_us)
              : NULL;
    return told != NULL;
}

/* Rows that are done with; their uploads, where one is left. */
static bool remove_rows(Serambi *self, GError **error)
{
    int64_t before_us = serambi_now_us(self) - TRASH_US;
    json_auto_t *clips = serambi_query(
        self, error, "DELETE FROM tutorials_clip WHERE deleted_us < $1 RETURNING id, folder", "i",
        before_us);
    json_auto_t *versions =
        clips ? serambi_query(self, error,
                              "DELETE FROM tutorials_version WHERE replaced_us < $1 OR clip_id"
                              " NOT IN (SELECT id FROM tutorials_clip)",
                              "i", before_us)
              : NULL;
    json_auto_t *captions = versions
                                ? serambi_query(self, error,
                                                "DELETE FROM tutorials_caption WHERE clip_id NOT IN"
                                                " (SELECT id FROM tutorials_clip)",
                                                "")
                                : NULL;
    json_auto_t *sources =
        captions ? serambi_query(self, error,
                                 "DELETE FROM tutorials_source WHERE media NOT IN"
                                 " (SELECT media FROM tutorials_clip WHERE media IS NOT NULL"
                                 " UNION SELECT media FROM tutorials_version"
                                 " WHERE media IS NOT NULL)",
                                 "")
                 : NULL;
    if (!sources || !remove_storyboards(self, before_us, error))
        return false;
    size_t index;
    json_t *row;
    json_array_foreach(sources ? clips : NULL, index, row)
    {
        const char *folder = json_string_value(json_object_get(row, "folder"));
        if (folder)
            serambi_discard_folder(self, folder);
    }
    return sources && attempts_sweep(self, error);
}

void trash_sweep(Serambi *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) before = all_hashes(self, &error);
    g_autoptr(GHashTable) after =
        before && remove_rows(self, &error) ? all_hashes(self, &error) : NULL;
    if (!after) {
        serambi_log(self, LOG_ERR, "could not empty the trash: %s, trying again in an hour",
                    error->message);
        return;
    }
    GHashTableIter iter;
    gpointer hash;
    g_hash_table_iter_init(&iter, before);
    while (g_hash_table_iter_next(&iter, &hash, NULL))
        if (!g_hash_table_contains(after, hash))
            serambi_forget_file(self, hash);
}
