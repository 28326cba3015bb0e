/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What crashes, restarts and time leave behind: loaded, offered again, swept. */
#include "core/uploads_private.h"

/* What the disk has and the store does not know: left by a crash between the two. */
static void sweep_orphans(Uploads *uploads)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) known = upload_store_ids(uploads->store, &error);
    g_autoptr(GPtrArray) names = known != NULL ? upload_store_list(uploads->folder, &error) : NULL;
    if (names == NULL) {
        g_warning("could not look for left uploads: %s, trying again within the hour",
                  error->message);
        return;
    }
    for (guint i = 0; i < names->len; i++)
        if (!g_hash_table_contains(known, names->pdata[i]) &&
            !g_hash_table_contains(uploads->open, names->pdata[i]))
            uploads_discard(uploads, names->pdata[i]);
}

static bool expire_work(Store *store, void *data)
{
    const GPtrArray *ids = data;
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < ids->len; i++) {
        if (upload_store_delete(store, ids->pdata[i], &error))
            continue;
        g_warning("could not forget old uploads: %s, trying again within the hour", error->message);
        return false;
    }
    return true;
}

static void expire_after(Store *store, bool kept, const GError *error, void *data)
{
    g_ptr_array_unref(data);
}

/* The rows of finished uploads; their folders, if a plugin left any, are orphans afterwards. */
static void sweep_finished(Uploads *uploads)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) ids = upload_store_expired(uploads->store, g_get_real_time(), &error);
    if (ids == NULL)
        g_warning("could not look for old uploads: %s, trying again within the hour",
                  error->message);
    else if (ids->len > 0)
        store_write(uploads->store, expire_work, expire_after, g_steal_pointer(&ids));
}

void uploads_sweep(Uploads *uploads)
{
    sweep_orphans(uploads);
    sweep_finished(uploads);
    g_autoptr(GPtrArray) expired = g_ptr_array_new();
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, uploads->open);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Upload *upload = value;
        if (!upload->is_busy && upload_is_expired(&upload->record))
            g_ptr_array_add(expired, upload);
    }
    for (guint i = 0; i < expired->len; i++) {
        Upload *upload = expired->pdata[i];
        upload_remove(uploads, upload, &upload->record, NULL);
    }
}

/* What the store says was on disk, unless the file says less; without a file it is lost. */
bool uploads_load(Uploads *uploads, GError **error)
{
    g_autoptr(GPtrArray) records = upload_store_all(uploads->store, UPLOAD_OPEN, error);
    if (records == NULL)
        return false;
    for (guint i = 0; i < records->len; i++) {
        UploadRecord *record = records->pdata[i];
        int64_t size = upload_store_size(uploads->folder, record->id);
        if (size < record->received)
            g_warning("upload '%s' has lost bytes, going on from %" G_GINT64_FORMAT, record->id,
                      MAX(size, 0));
        record->received = CLAMP(size, 0, record->received);
        if (size < 0)
            record->expires_us = 1; /* the first sweep takes it */
        (void)upload_remember(uploads, record);
    }
    return true;
}

void uploads_resume(Uploads *uploads)
{
    g_autoptr(GPtrArray) whole = g_ptr_array_new();
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, uploads->open);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Upload *upload = value;
        if (!upload->is_busy && upload_is_whole(&upload->record) &&
            !upload_is_partial(&upload->record) && !upload_is_expired(&upload->record) &&
            uploads_kind(uploads, upload->record.kind) != NULL)
            g_ptr_array_add(whole, upload);
    }
    for (guint i = 0; i < whole->len; i++)
        transfer_offer(whole->pdata[i], NULL, false);
}
