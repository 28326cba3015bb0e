/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Previews: the worker reads the text in its jail, draws the slide at the cursor, and the request
 * is answered with what it said. One for each person and PREVIEWS_MAX in all are under way; who
 * asks sooner is told to ask again. The worker's processor time is bounded by the job, the wait
 * here. */
#include "plugins/tutorials/storyboards.h"
#include <string.h>

#define PREVIEWS_MAX    4
#define PREVIEW_WAIT_US (15 * G_USEC_PER_SEC)

typedef struct {
    Serambi *self;
    char *user, *folder;
    char line[16];
    int64_t since_us;
    SerambiRequest *request; /* NULL once answered */
    SerambiJob *job;
    json_t *result;
} Preview;

static GHashTable *previews_of(Serambi *self)
{
    Tutorials *state = serambi_state(self);
    if (!state->previews)
        state->previews = g_hash_table_new(g_str_hash, g_str_equal);
    return state->previews;
}

static void preview_free(Preview *preview)
{
    g_free(preview->user);
    g_free(preview->folder);
    json_decref(preview->result);
    g_free(preview);
}

static void refuse(SerambiRequest *request, int status)
{
    serambi_reply_error(request, status, "storyboard.preview_busy",
                        "previews are being made: ask again in a moment");
}

/* Answers, if that is still to be done, and ends the preview. */
static void end(Preview *preview)
{
    SerambiRequest *request = g_steal_pointer(&preview->request);
    if (request && preview->result)
        serambi_reply(request, 200, json_incref(preview->result));
    else if (request)
        refuse(request, 503);
    serambi_discard_folder(preview->self, preview->folder);
    (void)g_hash_table_remove(previews_of(preview->self), preview->user);
    preview_free(preview);
}

static void on_line(Serambi *self, const json_t *line, void *data)
{
    Preview *preview = data;
    const json_t *result = json_object_get(line, "result");
    if (!result)
        return;
    json_decref(preview->result);
    preview->result = json_deep_copy(result);
}

static void on_exit_of(Serambi *self, bool ok, void *data)
{
    Preview *preview = data;
    preview->job = NULL;
    if (!ok)
        g_clear_pointer(&preview->result, json_decref);
    end(preview);
}

static void on_laid_out(Serambi *self, bool ok, void *data)
{
    Preview *preview = data;
    g_autofree char *path = g_build_filename(preview->folder, STORYBOARD_FILE, NULL);
    const char *const argv[] = {"slide", path, "--line", preview->line, NULL};
    preview->job = ok ? serambi_spawn(self, argv, on_line, on_exit_of, preview) : NULL;
    if (!preview->job)
        end(preview);
}

void storyboard_preview(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    const json_t *body = serambi_request_body(request);
    const char *text = storyboards_read_text(request);
    if (!text)
        return;
    const char *user = serambi_request_user(request);
    GHashTable *previews = previews_of(self);
    if (g_hash_table_contains(previews, user) || g_hash_table_size(previews) >= PREVIEWS_MAX) {
        refuse(request, 429);
        return;
    }
    json_int_t line = CLAMP(json_integer_value(json_object_get(body, "line")), 1, 100000);
    json_auto_t *files =
        storyboards_files(self, json_integer_value(json_object_get(body, "id")), &error);
    char *folder = files ? serambi_new_folder(self, &error) : NULL;
    if (!folder) {
        routes_reply_failure(request, error);
        return;
    }
    Preview *preview = g_new0(Preview, 1);
    *preview = (Preview){
        .self = self,
        .user = g_strdup(user),
        .folder = folder,
        .since_us = serambi_now_us(self),
        .request = request,
    };
    (void)g_snprintf(preview->line, sizeof preview->line, "%" JSON_INTEGER_FORMAT, line);
    g_hash_table_insert(previews, preview->user, preview);
    storyboards_lay_out(self, folder, text, files, on_laid_out, preview);
}

void storyboard_preview_hurry(Serambi *self)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, previews_of(self));
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Preview *preview = value;
        if (serambi_now_us(self) - preview->since_us < PREVIEW_WAIT_US || !preview->job)
            continue;
        serambi_cancel(preview->job); /* on_exit_of() answers */
    }
}

void storyboard_preview_stop(Serambi *self)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, previews_of(self));
    while (g_hash_table_iter_next(&iter, NULL, &value))
        preview_free(value); /* the host answers what is open */
    Tutorials *state = serambi_state(self);
    g_clear_pointer(&state->previews, g_hash_table_unref);
}
