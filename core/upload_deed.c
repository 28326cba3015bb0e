/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Creations and removals on their way: first the disk, then the store, then the answer. */
#include "core/uploads_private.h"

typedef struct Deed {
    Upload *upload; /* NULL: gone meanwhile, or never in memory */
    UploadFolder *folder;
    HttpRequest *request; /* NULL when there is nobody to answer */
    UploadRecord record;
    GPtrArray *parts;  /* ids whose bytes it begins with, or NULL */
    bool is_passed_on; /* from the thread to the store */
    bool has_checksum;
    TusChecksum checksum;
    GError *error;
} Deed;

static void on_deed_gone(HttpRequest *request, void *data)
{
    ((Deed *)data)->request = NULL;
}

void upload_deed_detach(Deed *deed)
{
    if (deed != NULL)
        deed->upload = NULL;
}

static Deed *deed_new(Uploads *uploads, Upload *upload, const UploadRecord *record,
                      HttpRequest *request)
{
    Deed *deed = g_new0(Deed, 1);
    *deed = (Deed){
        .upload = upload,
        .folder = upload_store_ref(uploads->folder),
        .request = request,
    };
    upload_record_copy(record, &deed->record);
    if (upload != NULL) {
        upload->deed = deed;
        upload->is_busy = true;
    }
    if (request != NULL)
        http_on_gone(request, on_deed_gone, deed);
    return deed;
}

static HttpRequest *take_request(Deed *deed)
{
    HttpRequest *request = g_steal_pointer(&deed->request);
    if (request != NULL)
        http_on_gone(request, NULL, NULL);
    return request;
}

static void deed_free(Deed *deed)
{
    (void)take_request(deed);
    if (deed->upload != NULL)
        deed->upload->deed = NULL;
    upload_store_unref(deed->folder);
    upload_record_clear(&deed->record);
    g_clear_pointer(&deed->parts, g_ptr_array_unref);
    g_clear_error(&deed->error);
    g_free(deed);
}

static void deed_release(void *data)
{
    Deed *deed = data;
    if (!deed->is_passed_on)
        deed_free(deed);
}

typedef struct {
    UploadFolder *folder;
    char *id;
} Discard;

static void discard_work(void *data)
{
    Discard *discard = data;
    g_autoptr(GError) error = NULL;
    if (!upload_store_remove(discard->folder, discard->id, &error))
        g_warning("%s, trying again within the hour", error->message);
}

static void discard_done(void *data)
{
}

static void discard_free(void *data)
{
    Discard *discard = data;
    upload_store_unref(discard->folder);
    g_free(discard->id);
    g_free(discard);
}

void uploads_discard(Uploads *uploads, const char *id)
{
    Discard *discard = g_new0(Discard, 1);
    discard->folder = upload_store_ref(uploads->folder);
    discard->id = g_strdup(id);
    uploads_run(uploads, discard_work, discard_done, discard, discard_free);
}

static bool remove_work(Store *store, void *data)
{
    Deed *deed = data;
    if (deed->record.state == UPLOAD_OPEN)
        return upload_store_delete(store, deed->record.id, &deed->error);
    deed->record.state = UPLOAD_GONE;
    return upload_store_update(store, &deed->record, &deed->error);
}

static void remove_after(Store *store, bool kept, const GError *error, void *data)
{
    Deed *deed = data;
    Upload *upload = deed->upload;
    HttpRequest *request = take_request(deed);
    const GError *reason = error != NULL ? error : deed->error;
    if (request != NULL && reason != NULL)
        uploads_answer_failure(request, reason);
    else if (request != NULL)
        uploads_answer(request, 204, &(UploadAnswer){0});
    bool is_removed = reason == NULL;
    deed_free(deed);
    if (upload == NULL)
        return;
    if (is_removed) {
        uploads_discard(upload->uploads, upload->record.id);
        uploads_forget(upload);
    } else {
        uploads_next(upload);
    }
}

/* upload may be NULL (it is finished: its folder is a plugin's); request may be NULL. */
void upload_remove(Uploads *uploads, Upload *upload, const UploadRecord *record,
                   HttpRequest *request)
{
    store_write(uploads->store, remove_work, remove_after,
                deed_new(uploads, upload, record, request));
}

static void create_work(void *data)
{
    Deed *deed = data;
    if (!upload_store_create(deed->folder, deed->record.id, MAX(deed->record.length, 0),
                             &deed->error) ||
        deed->parts == NULL)
        return;
    if (!upload_store_append(deed->folder, deed->record.id, deed->parts, &deed->error))
        (void)upload_store_remove(deed->folder, deed->record.id, NULL);
    else if (upload_store_size(deed->folder, deed->record.id) != deed->record.length)
        g_set_error_literal(&deed->error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                            "the parts are not as long as they were said to be");
}

static bool insert_work(Store *store, void *data)
{
    Deed *deed = data;
    return deed->upload != NULL && upload_store_insert(store, &deed->record, &deed->error);
}

static void created(Upload *upload, HttpRequest *request, const TusChecksum *checksum)
{
    if (upload->record.length > 0 && upload_is_whole(&upload->record)) {
        transfer_offer(upload, request, true);
        return;
    }
    if (http_body_size(request) > 0 || upload->record.length == 0) {
        transfer_start(upload, request, checksum, true);
        return;
    }
    g_autofree char *location = g_strconcat("/uploads/", upload->record.id, NULL);
    uploads_answer(request, 201, &(UploadAnswer){.record = &upload->record, .location = location});
    uploads_next(upload);
}

static void insert_after(Store *store, bool kept, const GError *error, void *data)
{
    Deed *deed = data;
    Upload *upload = deed->upload;
    HttpRequest *request = take_request(deed);
    const GError *reason = error != NULL ? error : deed->error;
    bool is_kept = kept && reason == NULL;
    bool has_checksum = deed->has_checksum;
    TusChecksum checksum = deed->checksum;
    if (request != NULL && !is_kept)
        uploads_answer_failure(request, reason);
    deed_free(deed);
    if (upload == NULL)
        return;
    if (is_kept && request != NULL) {
        created(upload, request, has_checksum ? &checksum : NULL);
    } else if (is_kept) {
        /* Nobody has heard of it. */
        upload_remove(upload->uploads, upload, &upload->record, NULL);
    } else {
        uploads_discard(upload->uploads, upload->record.id);
        uploads_forget(upload);
    }
}

static void create_done(void *data)
{
    Deed *deed = data;
    Upload *upload = deed->upload;
    if (upload == NULL)
        return;
    if (deed->error == NULL) {
        deed->is_passed_on = true;
        store_write(upload->uploads->store, insert_work, insert_after, deed);
        return;
    }
    HttpRequest *request = take_request(deed);
    if (request != NULL)
        uploads_answer_failure(request, deed->error);
    uploads_forget(upload);
}

void upload_deed_create(Upload *upload, HttpRequest *request, const TusChecksum *checksum,
                        GPtrArray *parts)
{
    Deed *deed = deed_new(upload->uploads, upload, &upload->record, request);
    deed->has_checksum = checksum != NULL;
    deed->checksum = checksum != NULL ? *checksum : (TusChecksum){0};
    deed->parts = parts;
    uploads_run(upload->uploads, create_work, create_done, deed, deed_release);
}
