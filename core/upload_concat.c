/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Uploads put together of others (tus: concatenation), as a client makes that sends the pieces of
 * one file over several connections at once.
 *
 * Parts are ordinary uploads that nobody takes. They stay until the whole was taken, so that a
 * client which missed the answer can ask again; what is given up expires with its parts. */
#include "core/limits.h"
#include "core/uploads_private.h"
#include <string.h>

bool upload_is_partial(const UploadRecord *record)
{
    return strcmp(record->concat, "partial") == 0;
}

bool upload_is_final(const UploadRecord *record)
{
    return g_str_has_prefix(record->concat, "final;");
}

/* The sum of the parts' lengths; answers and returns false when one is not whole, not a part, or
 * not of this owner. */
static bool sum_lengths(Uploads *uploads, HttpRequest *request, const char *owner,
                        const GPtrArray *parts, int64_t *ret_length)
{
    int64_t length = 0;
    for (guint i = 0; i < parts->len; i++) {
        const Upload *part = g_hash_table_lookup(uploads->open, parts->pdata[i]);
        if (part == NULL || strcmp(part->record.owner, owner) != 0 ||
            upload_is_expired(&part->record)) {
            uploads_refuse(request, 404, "error.not_found", "a part of it is not there");
            return false;
        }
        if (!upload_is_partial(&part->record) || !upload_is_whole(&part->record)) {
            uploads_refuse(request, 409, "upload.parts", "a part of it is not whole");
            return false;
        }
        length += part->record.length; /* LIMIT_UPLOAD_PARTS of at most LIMIT_BODY_BYTES each */
    }
    *ret_length = length;
    return true;
}

static GPtrArray *copy_ids(const GPtrArray *ids)
{
    GPtrArray *copy = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < ids->len; i++)
        g_ptr_array_add(copy, g_strdup(ids->pdata[i]));
    return copy;
}

void upload_concat_create(Uploads *uploads, HttpRequest *request, const Identity *identity,
                          const UploadKind *kind, const GPtrArray *parts)
{
    int64_t length = 0;
    if (!sum_lengths(uploads, request, identity->name, parts, &length))
        return;
    if (length > kind->max_bytes) {
        uploads_refuse_size(request, kind->max_bytes);
        return;
    }
    /* Its parts are in the owner's quota already, and go when it is done. */
    if (upload_store_free_bytes(uploads->folder) - length < uploads->reserve_bytes) {
        uploads_refuse(request, 507, "error.full", "the disk is full");
        return;
    }
    g_autofree char *id = tus_new_id();
    const char *metadata = http_header(request, "upload-metadata");
    UploadRecord record = {
        .state = UPLOAD_OPEN,
        .owner = g_strdup(identity->name),
        .kind = g_strdup(kind->kind),
        .metadata = g_strdup(metadata != NULL ? metadata : ""),
        .concat = g_strdup(http_header(request, "upload-concat")),
        .length = length,
        .received = length,
        .expires_us = g_get_real_time() + LIMIT_UPLOAD_SECONDS * (int64_t)G_USEC_PER_SEC,
    };
    g_strlcpy(record.id, id, sizeof record.id);
    upload_deed_create(upload_remember(uploads, &record), request, NULL, copy_ids(parts));
}

void upload_concat_tidy(Uploads *uploads, const UploadRecord *record)
{
    g_autoptr(GPtrArray) parts = NULL;
    if (!tus_parse_concat(record->concat, &parts, NULL) || parts == NULL)
        return;
    for (guint i = 0; i < parts->len; i++) {
        Upload *part = g_hash_table_lookup(uploads->open, parts->pdata[i]);
        if (part != NULL && !part->is_busy && upload_is_partial(&part->record) &&
            strcmp(part->record.owner, record->owner) == 0)
            upload_remove(uploads, part, &part->record, NULL);
    }
}
