/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Resumable uploads: who may do what, by the rules of tus 1.0.0. A new one begins in
 * upload_creation.c, the bytes go through upload_transfer.c. */
#include "core/limits.h"
#include "core/plugin.h"
#include "core/uploads_private.h"
#include <string.h>

#define LINE     16 /* requests that wait for one upload */
#define SWEEP_MS (3600 * 1000)

typedef struct {
    Upload *upload;
    HttpRequest *request;
} Waiter;

/* --- Uploads in memory -------------------------------------------------------------------------*/

const UploadKind *uploads_kind(Uploads *uploads, const char *name)
{
    for (guint i = 0; i < uploads->kinds->len; i++) {
        const UploadKind *kind = uploads->kinds->pdata[i];
        if (strcmp(kind->kind, name) == 0)
            return kind;
    }
    return NULL;
}

static void on_waiter_gone(HttpRequest *request, void *data)
{
    Waiter *waiter = data;
    g_queue_remove(&waiter->upload->waiting, waiter);
    g_free(waiter);
}

/* True when the upload is busy: then the request was taken, and comes again through
 * uploads_handle(). */
static bool waits(Upload *upload, HttpRequest *request)
{
    if (!upload->is_busy)
        return false;
    if (g_queue_get_length(&upload->waiting) >= LINE) {
        uploads_answer(request, 423,
                       &(UploadAnswer){.code = "error.later",
                                       .message = "too many requests for one upload",
                                       .retry_seconds = 1});
        return true;
    }
    Waiter *waiter = g_new0(Waiter, 1);
    *waiter = (Waiter){.upload = upload, .request = request};
    g_queue_push_tail(&upload->waiting, waiter);
    http_on_gone(request, on_waiter_gone, waiter);
    if (upload->transfer != NULL)
        transfer_stop(upload->transfer);
    return true;
}

static HttpRequest *next_waiting(Upload *upload)
{
    Waiter *waiter = g_queue_pop_head(&upload->waiting);
    if (waiter == NULL)
        return NULL;
    HttpRequest *request = waiter->request;
    http_on_gone(request, NULL, NULL);
    g_free(waiter);
    return request;
}

void uploads_next(Upload *upload)
{
    upload->is_busy = false;
    for (HttpRequest *request; !upload->is_busy && (request = next_waiting(upload)) != NULL;)
        uploads_handle(upload->uploads, request);
    if (upload->transfer != NULL && !g_queue_is_empty(&upload->waiting))
        transfer_stop(upload->transfer);
}

static void upload_free(void *data)
{
    Upload *upload = data;
    transfer_free(upload->transfer);
    upload_deed_detach(upload->deed);
    while (next_waiting(upload) != NULL)
        continue;
    upload_record_clear(&upload->record);
    g_free(upload);
}

void uploads_forget(Upload *upload)
{
    Uploads *uploads = upload->uploads;
    g_hash_table_steal(uploads->open, upload->record.id);
    for (HttpRequest *request; (request = next_waiting(upload)) != NULL;)
        uploads_handle(uploads, request);
    upload_free(upload);
}

/* Takes what record holds. */
Upload *upload_remember(Uploads *uploads, UploadRecord *record)
{
    Upload *upload = g_new0(Upload, 1);
    upload->uploads = uploads;
    upload->record = *record;
    *record = (UploadRecord){0};
    g_hash_table_insert(uploads->open, upload->record.id, upload);
    return upload;
}

/* --- One upload --------------------------------------------------------------------------------*/

bool upload_is_expired(const UploadRecord *record)
{
    return record->expires_us < g_get_real_time();
}

static void head(HttpRequest *request, const UploadRecord *record)
{
    uploads_answer(request, 200, &(UploadAnswer){.record = record, .with_length = true});
}

/* The length after this request, which may bring it; answers and returns false when it is wrong. */
static bool settle_length(const Upload *upload, HttpRequest *request, const UploadKind *kind,
                          int64_t *ret_length)
{
    const UploadRecord *record = &upload->record;
    const char *text = http_header(request, "upload-length");
    int64_t length = record->length;
    if (text != NULL && (!tus_parse_count(text, &length) || length < record->received ||
                         (record->length >= 0 && record->length != length))) {
        uploads_refuse(request, 400, "error.input", "this length cannot be");
        return false;
    }
    int64_t size = http_body_size(request);
    int64_t end = length >= 0 ? length : record->received + size;
    if (end > kind->max_bytes || record->received + size > end) {
        uploads_refuse_size(request, kind->max_bytes);
        return false;
    }
    /* What had its length from the beginning has its room set aside. */
    if (record->length < 0 &&
        !upload_has_room(upload->uploads, request, record->owner, end - record->received))
        return false;
    *ret_length = length;
    return true;
}

static void patch(Upload *upload, HttpRequest *request, const Identity *identity)
{
    g_autoptr(GError) error = NULL;
    UploadRecord *record = &upload->record;
    const UploadKind *kind = uploads_kind(upload->uploads, record->kind);
    const char *text = http_header(request, "upload-checksum");
    int64_t offset = 0;
    TusChecksum checksum = {0};
    if (!upload_has_body_type(request)) {
        uploads_refuse(request, 415, "error.type", "a body is " UPLOAD_BODY_TYPE);
    } else if (!tus_parse_count(http_header(request, "upload-offset"), &offset)) {
        uploads_refuse(request, 400, "error.input", "Upload-Offset is missing or no count");
    } else if (text != NULL && !tus_parse_checksum(text, &checksum, &error)) {
        uploads_refuse(request, 400, "error.input", error->message);
    } else if (kind == NULL) {
        uploads_refuse(request, 503, "error.503", "nobody takes uploads of this kind now");
    } else if (!access_allows(kind->roles, identity->role)) {
        uploads_refuse(request, 403, "error.forbidden",
                       "this role does not send uploads of this kind");
    } else if (offset != record->received) {
        uploads_answer(request, 409,
                       &(UploadAnswer){.code = "upload.offset",
                                       .message = "the upload goes on elsewhere",
                                       .record = record});
    } else if (settle_length(upload, request, kind, &record->length)) {
        transfer_start(upload, request, text != NULL ? &checksum : NULL, false);
    }
}

bool upload_is_whole(const UploadRecord *record)
{
    return record->length >= 0 && record->received == record->length;
}

/* Clients take a full offset for the end: they hear it only when the upload was taken. */
static void head_open(Upload *upload, HttpRequest *request, const Identity *identity)
{
    const UploadKind *kind = uploads_kind(upload->uploads, upload->record.kind);
    if (!upload_is_whole(&upload->record) || upload_is_partial(&upload->record))
        head(request, &upload->record);
    else if (kind == NULL)
        uploads_refuse(request, 503, "error.503", "nobody takes uploads of this kind now");
    else if (!access_allows(kind->roles, identity->role))
        uploads_refuse(request, 403, "error.forbidden",
                       "this role does not send uploads of this kind");
    else
        transfer_offer(upload, request, false);
}

static void refuse_final(HttpRequest *request)
{
    uploads_refuse(request, 403, "upload.final", "what was put together cannot grow");
}

static void handle_open(Upload *upload, HttpRequest *request, const char *method,
                        const Identity *identity)
{
    if (strcmp(method, "GET") == 0) {
        upload_list_one(upload->uploads, request, &upload->record);
        return;
    }
    if (waits(upload, request))
        return;
    if (strcmp(method, "DELETE") == 0)
        upload_remove(upload->uploads, upload, &upload->record, request);
    else if (upload_is_expired(&upload->record))
        uploads_refuse(request, 410, "error.not_found", "this upload has expired");
    else if (strcmp(method, "PATCH") == 0 && upload_is_final(&upload->record))
        refuse_final(request);
    else if (strcmp(method, "HEAD") == 0)
        head_open(upload, request, identity);
    else
        patch(upload, request, identity);
}

static void handle_finished(Uploads *uploads, HttpRequest *request, const char *method,
                            const UploadRecord *record)
{
    if (record->state != UPLOAD_DONE || upload_is_expired(record))
        uploads_refuse(request, 410, "error.not_found", "this upload is gone");
    else if (strcmp(method, "DELETE") == 0)
        upload_remove(uploads, NULL, record, request);
    else if (strcmp(method, "HEAD") == 0)
        head(request, record);
    else if (strcmp(method, "GET") == 0)
        uploads_refuse(request, 410, "error.not_found", "this upload is complete");
    else if (upload_is_final(record))
        refuse_final(request);
    else
        uploads_answer(request, 409,
                       &(UploadAnswer){.code = "upload.offset",
                                       .message = "this upload is complete",
                                       .record = record});
}

static void handle_one(Uploads *uploads, HttpRequest *request, const char *method, const char *id,
                       const Identity *identity)
{
    Upload *upload = g_hash_table_lookup(uploads->open, id);
    if (upload != NULL && strcmp(upload->record.owner, identity->name) == 0) {
        handle_open(upload, request, method, identity);
        return;
    }
    g_auto(UploadRecord) record = {0};
    g_autoptr(GError) error = NULL;
    if (upload == NULL && upload_store_find(uploads->store, id, &record, &error) &&
        record.state != UPLOAD_OPEN && strcmp(record.owner, identity->name) == 0)
        handle_finished(uploads, request, method, &record);
    else if (error != NULL)
        uploads_answer_failure(request, error);
    else
        uploads_refuse(request, 404, "error.not_found", "no such upload");
}

/* --- All requests ------------------------------------------------------------------------------*/

static const char *method_of(HttpRequest *request)
{
    const char *method = http_method(request);
    const char *override = http_header(request, "x-http-method-override");
    if (override == NULL || strcmp(method, "POST") != 0)
        return method;
    return strcmp(override, "PATCH") == 0 || strcmp(override, "DELETE") == 0 ? override : method;
}

static void answer_options(Uploads *uploads, HttpRequest *request)
{
    int64_t most = 0;
    for (guint i = 0; i < uploads->kinds->len; i++)
        most = MAX(most, ((const UploadKind *)uploads->kinds->pdata[i])->max_bytes);
    uploads_answer(request, 204, &(UploadAnswer){.with_abilities = true, .max_bytes = most});
}

/* Who it is; answers and returns false when it may not be here. */
static bool let_in(Uploads *uploads, HttpRequest *request, const char *method,
                   Identity *ret_identity)
{
    g_autoptr(GError) error = NULL;
    if (!access_identify(uploads->access, request, ret_identity, &error))
        uploads_refuse(request, 401, "error.unauthorized", error->message);
    else if (ret_identity->role == SERAMBI_PUBLIC)
        uploads_refuse(request, 401, "error.unauthorized", "log in first");
    else if (strcmp(method, "HEAD") != 0 && strcmp(method, "GET") != 0 &&
             !access_is_same_origin(request))
        uploads_refuse(request, 403, "error.origin", "this is not our own page");
    else
        return true;
    return false;
}

void uploads_handle(Uploads *uploads, HttpRequest *request)
{
    const char *method = method_of(request), *path = http_path(request);
    if (strcmp(method, "OPTIONS") == 0) {
        answer_options(uploads, request);
        return;
    }
    const char *id = g_str_has_prefix(path, "/uploads/") ? path + strlen("/uploads/") : "";
    bool is_creation = id[0] == '\0';
    bool is_list = strcmp(method, "GET") == 0; /* ours, not of tus: it needs no version */
    bool is_known =
        is_list || (is_creation ? strcmp(method, "POST") == 0
                                : strcmp(method, "HEAD") == 0 || strcmp(method, "PATCH") == 0 ||
                                      strcmp(method, "DELETE") == 0);
    const char *version = http_header(request, "tus-resumable");
    Identity identity = {0};
    if (!is_known)
        uploads_refuse(request, 405, "error.method", "POST here, then HEAD, PATCH and DELETE");
    else if (!is_list && g_strcmp0(version, TUS_VERSION) != 0)
        uploads_answer(request, 412,
                       &(UploadAnswer){.code = "upload.version",
                                       .message = "tus " TUS_VERSION " is spoken here",
                                       .with_abilities = true});
    else if (!let_in(uploads, request, method, &identity))
        return;
    else if (is_creation && is_list)
        upload_list_all(uploads, request, &identity);
    else if (is_creation)
        upload_create(uploads, request, &identity);
    else if (!tus_is_id(id))
        uploads_refuse(request, 404, "error.not_found", "no such upload");
    else
        handle_one(uploads, request, method, id, &identity);
}

/* --- Beginning and end ---*/

static void kind_free(void *data)
{
    UploadKind *kind = data;
    g_free((char *)kind->kind);
    g_free(kind);
}

void uploads_add_kind(Uploads *uploads, const UploadKind *kind)
{
    UploadKind *copy = g_memdup2(kind, sizeof *kind);
    copy->kind = g_strdup(kind->kind);
    g_ptr_array_add(uploads->kinds, copy);
}

guint uploads_open(const Uploads *uploads)
{
    return g_hash_table_size(uploads->open);
}

void uploads_stop(Uploads *uploads)
{
    g_ptr_array_set_size(uploads->kinds, 0);
}

static void on_sweep(uv_timer_t *timer)
{
    uploads_sweep(timer->data);
}

static void on_sweeper_closed(uv_handle_t *handle)
{
    g_free(handle);
}

Uploads *uploads_new(Store *store, Access *access, Jobs *jobs, uv_loop_t *loop,
                     const UploadsOptions *options, GError **error)
{
    g_autofree char *path = g_build_filename(options->data_folder, "work", "uploads", NULL);
    UploadFolder *folder = upload_store_folder(path, error);
    if (folder == NULL)
        return NULL;
    Uploads *uploads = g_new0(Uploads, 1);
    *uploads = (Uploads){
        .store = store,
        .access = access,
        .loop = loop,
        .folder = folder,
        .folder_path = g_steal_pointer(&path),
        .reserve_bytes = options->reserve_bytes,
        .quota_bytes = options->quota_bytes,
        .quota_total_bytes = options->quota_total_bytes,
        .kinds = g_ptr_array_new_with_free_func(kind_free),
        .open = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, upload_free),
    };
    uploads->sweeper = g_new0(uv_timer_t, 1);
    g_assert(uv_timer_init(loop, uploads->sweeper) == 0);
    uploads->sweeper->data = uploads;
    if (!uploads_load(uploads, error)) {
        uploads_free(uploads);
        return NULL;
    }
    uploads_sweep(uploads);
    g_assert(uv_timer_start(uploads->sweeper, on_sweep, SWEEP_MS, SWEEP_MS) == 0);
    uv_unref((uv_handle_t *)uploads->sweeper);
    return uploads;
}

void uploads_free(Uploads *uploads)
{
    if (uploads == NULL)
        return;
    uv_close((uv_handle_t *)uploads->sweeper, on_sweeper_closed);
    uploads_detach_works(uploads);
    g_hash_table_unref(uploads->open);
    g_ptr_array_unref(uploads->kinds);
    upload_store_unref(uploads->folder);
    g_free(uploads->folder_path);
    g_free(uploads);
}
