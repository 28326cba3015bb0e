/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Work on an upload that staff stop, and begin again. What failed for a reason of the house (a full
 * disk, a worker that died, somebody's wish) keeps its upload for a week and may be tried again;
 * what was refused for what it is would be refused again. */
#include "plugins/tutorials/tutorials.h"
#include <string.h>

#define KEPT_US (ATTEMPTS_DAYS * 24LL * 3600 * G_USEC_PER_SEC)

bool attempts_is_final(const char *code)
{
    static const char *const codes[] = {
        "not_media", "unsupported_codec", "encrypted",  "too_many_streams", "too_long", "too_large",
        "too_short", "truncated",         "storyboard", "already_here",     NULL,
    };
    return g_str_has_prefix(code, "tutorials.") &&
           g_strv_contains(codes, code + strlen("tutorials."));
}

void attempts_retry(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!routes_read_id(request, &id))
        return;
    json_t *rows = serambi_query(self, &error,
                                 "UPDATE tutorials_clip SET state = 'received', percent = 0,"
                                 " reason_code = NULL, reason_message = NULL, failed_us = NULL"
                                 " WHERE id = $1"
                                 " AND state = 'failed' AND folder IS NOT NULL"
                                 " AND deleted_us IS NULL RETURNING " CLIP_COLUMNS,
                                 "i", id);
    if (json_array_size(rows) > 0)
        ingest_begin_waiting(self);
    routes_reply_changed(self, request, rows, error);
}

void attempts_cancel(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!routes_read_id(request, &id))
        return;
    json_t *rows = serambi_query(self, &error,
                                 "UPDATE tutorials_clip SET state = 'failed', eta_seconds = NULL,"
                                 " reason_code = 'tutorials.cancelled',"
                                 " reason_message = 'somebody stopped the work', failed_us = $2"
                                 " WHERE id = $1"
                                 " AND state IN ('received', 'preparing', 'proving')"
                                 " AND deleted_us IS NULL RETURNING " CLIP_COLUMNS,
                                 "ii", id, serambi_now_us(self));
    if (json_array_size(rows) > 0)
        ingest_cancel(self, id);
    routes_reply_changed(self, request, rows, error);
}

bool attempts_sweep(Serambi *self, GError **error)
{
    json_auto_t *rows =
        serambi_query(self, error,
                      "SELECT id, folder FROM tutorials_clip WHERE state = 'failed'"
                      " AND folder IS NOT NULL AND COALESCE(failed_us, created_us) < $1",
                      "i", serambi_now_us(self) - KEPT_US);
    json_auto_t *done =
        rows ? serambi_query(self, error,
                             "UPDATE tutorials_clip SET folder = NULL WHERE state = 'failed'"
                             " AND folder IS NOT NULL AND COALESCE(failed_us, created_us) < $1",
                             "i", serambi_now_us(self) - KEPT_US)
             : NULL;
    size_t index;
    json_t *row;
    json_array_foreach(done ? rows : NULL, index, row)
        serambi_discard_folder(self, json_string_value(json_object_get(row, "folder")));
    return done != NULL;
}
