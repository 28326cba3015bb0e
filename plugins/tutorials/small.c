/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The small rendition of a recording, for phones far from the router. It is made after the clip is
 * ready, one at a time, when no upload wants the processor. A recording that has none yet has no
 * "small" in its manifest, so a restart finds what was left; one that needs none, or of which none
 * could be made, has null there and is as good without. */
#include "plugins/tutorials/tutorials.h"
#include <string.h>
#include <syslog.h>

#define SMALL_FILE "small.mp4"
/* After the disk was full, or there was too much to do. */
#define AGAIN_AFTER_US (3600LL * G_USEC_PER_SEC)

struct Small {
    Serambi *self;
    SerambiJob *job;
    char *media, *output; /* of the master; a folder of the worker's result */
    bool is_done, has_file;
    bool has_yielded;
};

static Tutorials *state_of(Serambi *self)
{
    return serambi_state(self);
}

void small_free(Small *small)
{
    if (!small)
        return;
    g_free(small->media);
    g_free(small->output);
    g_free(small);
}

static void finish(Small *small)
{
    Serambi *self = small->self;
    serambi_discard_folder(self, small->output);
    g_clear_pointer(&state_of(self)->small, small_free);
    ingest_begin_waiting(self);
}

static void try_later(Small *small, const char *reason)
{
    Serambi *self = small->self;
    serambi_log(self, LOG_WARNING, "no small rendition yet: %s, trying again in an hour", reason);
    state_of(self)->small_after_us = serambi_now_us(self) + AGAIN_AFTER_US;
    finish(small);
}

/* Wherever the recording is by now: it may have become a version meanwhile, or be gone.
 * sha256 NULL: there is none. */
static bool note(Small *small, const char *sha256, bool *ret_is_wanted, GError **error)
{
    g_autofree char *value = sha256 ? g_strdup_printf("\"%s\"", sha256) : g_strdup("null");
    json_auto_t *clips = serambi_query(small->self, error,
                                       "UPDATE tutorials_clip SET manifest = json_set(manifest,"
                                       " '$.small', json($2)) WHERE media = $1 RETURNING id",
                                       "ss", small->media, value);
    json_auto_t *versions =
        clips ? serambi_query(small->self, error,
                              "UPDATE tutorials_version SET manifest = json_set(manifest,"
                              " '$.small', json($2)) WHERE media = $1 RETURNING id",
                              "ss", small->media, value)
              : NULL;
    *ret_is_wanted = json_array_size(clips) + json_array_size(versions) > 0;
    return versions != NULL;
}

static void settle(Small *small, const char *sha256)
{
    Serambi *self = small->self;
    g_autoptr(GError) error = NULL;
    bool is_wanted = false;
    if (!note(small, sha256, &is_wanted, &error) || !clips_publish_list(self, &error)) {
        try_later(small, error->message);
        return;
    }
    if (sha256 && !is_wanted)
        serambi_forget_file(self, sha256);
    finish(small);
}

static void on_kept(Serambi *self, const char *sha256, int64_t size, const GError *error,
                    void *data)
{
    if (sha256)
        settle(data, sha256);
    else
        try_later(data, error->message);
}

static void on_line(Serambi *self, const json_t *line, void *data)
{
    Small *small = data;
    const json_t *result = json_object_get(line, "result");
    const char *message =
        json_string_value(json_object_get(json_object_get(line, "error"), "message"));
    if (result) {
        small->is_done = true;
        small->has_file = json_is_string(json_object_get(result, "small"));
    }
    if (message)
        serambi_log(self, LOG_NOTICE, "no small rendition of '%s': %s, going on without",
                    small->media, message);
}

static void on_shrunk(Serambi *self, bool ok, void *data)
{
    Small *small = data;
    small->job = NULL;
    if (small->has_yielded) {
        finish(small);
        return;
    }
    if (!ok || !small->is_done || !small->has_file) {
        settle(small, NULL);
        return;
    }
    g_autofree char *path = g_build_filename(small->output, SMALL_FILE, NULL);
    serambi_keep_file(self, path, "video/mp4", on_kept, small);
}

static bool begin(Serambi *self, const char *media, GError **error)
{
    g_autofree char *output = serambi_new_folder(self, error);
    g_autofree char *path = output ? serambi_kept_path(self, media) : NULL;
    if (!output)
        return false;
    Small *small = g_new0(Small, 1);
    *small = (Small){.self = self, .media = g_strdup(media), .output = g_strdup(output)};
    state_of(self)->small = small;
    const char *const argv[] = {"shrink", "--input", path, "--output", output, NULL};
    small->job = serambi_spawn(self, argv, on_line, on_shrunk, small);
    if (small->job)
        return true;
    /* Not finish(): it would begin again, without end. */
    state_of(self)->small_after_us = serambi_now_us(self) + AGAIN_AFTER_US;
    serambi_discard_folder(self, output);
    g_clear_pointer(&state_of(self)->small, small_free);
    return true;
}

bool small_begin(Serambi *self, GError **error)
{
    Tutorials *state = state_of(self);
    if (state->small || serambi_now_us(self) < state->small_after_us)
        return true;
    json_auto_t *rows = serambi_query(self, error,
                                      "SELECT media FROM tutorials_clip WHERE state = 'ready'"
                                      " AND deleted_us IS NULL AND media IS NOT NULL"
                                      " AND json_type(manifest, '$.small') IS NULL"
                                      " ORDER BY id LIMIT 1",
                                      "");
    const char *media = json_string_value(json_object_get(json_array_get(rows, 0), "media"));
    return rows && (!media || begin(self, media, error));
}

void small_yield(Serambi *self)
{
    Small *small = state_of(self)->small;
    if (!small || !small->job || small->has_yielded)
        return;
    small->has_yielded = true;
    serambi_cancel(small->job);
}
