/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Resumable uploads: who may do what, by the rules of tus 1.0.0. The bytes go through
 * upload_transfer.c. */
#include "core/limits.h"
#include "core/plugin.h"
#include "core/uploads_private.h"
#include <string.h>

#define LINE         16 /* requests that wait for one upload */
#define SWEEP_MS     (3600 * 1000)
#define CONTENT_TYPE "application/offset+octet-stream"

typedef struct {
    Upload *upload;
    HttpRequest *request;
} Waiter;

typedef struct Deed {
    Upload *upload; /* NULL: gone meanwhile, or never in memory */
    UploadFolder *folder;
    HttpRequest *request; /* NULL when there is nobody to answer */
    UploadRecord record;
    bool is_passed_on; /* from the thread to the store */
    bool has_checksum;
    TusChecksum checksum;
    GError *error;
} Deed;

/* --- Answers -----------------------------------------------------------------------------------*/

typedef struct {
    HttpHeader headers[16];
    char texts[16][48];
    size_t count;
} HeaderList;

static void add(HeaderList *list, const char *name, const char *value)
{
    g_assert(list->count < G_N_ELEMENTS(list->headers));
    list->headers[list->count++] = (HttpHeader){name, value};
}

static void add_count(HeaderList *list, const char *name, int64_t count)
{
    char *text = list->texts[list->count];
    g_snprintf(text, sizeof list->texts[0], "%" G_GINT64_FORMAT, count);
    add(list, name, text);
}

static void add_record(HeaderList *list, const UploadRecord *record, bool with_length)
{
    add_count(list, "upload-offset", record->received);
    if (record->state == UPLOAD_OPEN && record->expires_us > 0) {
        g_autofree char *date = tus_date(record->expires_us);
        char *text = list->texts[list->count];
        g_strlcpy(text, date, sizeof list->texts[0]);
        add(list, "upload-expires", text);
    }
    if (with_length && record->length >= 0)
        add_count(list, "upload-length", record->length);
    else if (with_length)
        add(list, "upload-defer-length", "1");
    if (with_length && record->metadata[0] != '\0')
        add(list, "upload-metadata", record->metadata);
}

void uploads_answer(HttpRequest *request, int status, const UploadAnswer *answer)
{
    HeaderList list = {0};
    g_autoptr(GBytes) body = NULL;
    add(&list, "tus-resumable", TUS_VERSION);
    add(&list, "cache-control", "no-store");
    if (answer->with_abilities) {
        add(&list, "tus-version", TUS_VERSION);
        add(&list, "tus-extension", TUS_EXTENSIONS);
        add(&list, "tus-checksum-algorithm", TUS_ALGORITHMS);
    }
    if (answer->max_bytes > 0)
        add_count(&list, "tus-max-size", answer->max_bytes);
    if (answer->retry_seconds > 0)
        add_count(&list, "retry-after", answer->retry_seconds);
    if (answer->location != NULL)
        add(&list, "location", answer->location);
    if (answer->record != NULL)
        add_record(&list, answer->record, answer->with_length);
    if (answer->code != NULL) {
        json_auto_t *error =
            json_pack("{s:{s:s, s:s}}", "error", "code", answer->code, "message", answer->message);
        char *text = json_dumps(error, JSON_COMPACT);
        body = g_bytes_new_with_free_func(text, strlen(text), free, text);
        add(&list, "content-type", "application/json");
    }
    http_reply(request, status, list.headers, list.count, body);
}

static void refuse(HttpRequest *request, int status, const char *code, const char *message)
{
    uploads_answer(request, status, &(UploadAnswer){.code = code, .message = message});
}

void uploads_answer_failure(HttpRequest *request, const GError *error)
{
    if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC) ||
        g_error_matches(error, STORE_ERROR, STORE_ERROR_FULL)) {
        refuse(request, 507, "error.full", "the disk is full");
        return;
    }
    g_warning("an upload failed: %s, the client may go on later", error->message);
    refuse(request, 500, "error.store", "it could not be written");
}

static void refuse_size(HttpRequest *request, const UploadKind *kind)
{
    uploads_answer(request, 413,
                   &(UploadAnswer){.code = "upload.too_large",
                                   .message = "this is more than an upload of its kind may have",
                                   .max_bytes = kind->max_bytes});
}

/* --- Threads -----------------------------------------------------------------------------------*/

typedef struct {
    uv_work_t request;
    Uploads *uploads; /* NULL: freed meanwhile */
    void (*work)(void *data);
    void (*done)(void *data);
    void *data;
    GDestroyNotify free_data;
} Work;

static void run_work(uv_work_t *request)
{
    Work *work = request->data;
    work->work(work->data);
}

static void on_worked(uv_work_t *request, int status)
{
    Work *work = request->data;
    if (work->uploads != NULL) {
        g_queue_remove(&work->uploads->works, work);
        work->done(work->data);
    }
    work->free_data(work->data);
    g_free(work);
}

void uploads_run(Uploads *uploads, void (*work)(void *data), void (*done)(void *data), void *data,
                 GDestroyNotify free_data)
{
    Work *entry = g_new0(Work, 1);
    *entry = (Work){
        .uploads = uploads, .work = work, .done = done, .data = data, .free_data = free_data};
    entry->request.data = entry;
    g_queue_push_tail(&uploads->works, entry);
    g_assert(uv_queue_work(uploads->loop, &entry->request, run_work, on_worked) == 0);
}

static void detach_works(Uploads *uploads)
{
    for (Work *work; (work = g_queue_pop_head(&uploads->works)) != NULL;)
        work->uploads = NULL;
}

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
    if (upload->deed != NULL)
        upload->deed->upload = NULL;
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
static Upload *remember(Uploads *uploads, UploadRecord *record)
{
    Upload *upload = g_new0(Upload, 1);
    upload->uploads = uploads;
    upload->record = *record;
    *record = (UploadRecord){0};
    g_hash_table_insert(uploads->open, upload->record.id, upload);
    return upload;
}

/* --- Deeds: creations and removals -------------------------------------------------------------*/

static void on_deed_gone(HttpRequest *request, void *data)
{
    ((Deed *)data)->request = NULL;
}

static Deed *deed_new(Uploads *uploads, Upload *upload, const UploadRecord *record,
                      HttpRequest *request)
{
    Deed *deed = g_new0(Deed, 1);
    *deed = (Deed){
        .upload = upload,
        .folder = upload_store_ref(uploads->folder),
        .request = request,
        .record = *record,
    };
    deed->record.owner = g_strdup(record->owner);
    deed->record.kind = g_strdup(record->kind);
    deed->record.metadata = g_strdup(record->metadata);
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
static void remove_upload(Uploads *uploads, Upload *upload, const UploadRecord *record,
                          HttpRequest *request)
{
    store_write(uploads->store, remove_work, remove_after,
                deed_new(uploads, upload, record, request));
}

static void create_work(void *data)
{
    Deed *deed = data;
    (void)upload_store_create(deed->folder, deed->record.id, MAX(deed->record.length, 0),
                              &deed->error);
}

static bool insert_work(Store *store, void *data)
{
    Deed *deed = data;
    return deed->upload != NULL && upload_store_insert(store, &deed->record, &deed->error);
}

static void created(Upload *upload, HttpRequest *request, const TusChecksum *checksum)
{
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
        remove_upload(upload->uploads, upload, &upload->record, NULL);
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

/* --- Creation ----------------------------------------------------------------------------------*/

typedef struct {
    Identity identity;
    const UploadKind *kind;
    json_t *metadata;
    int64_t length; /* -1: later */
    bool has_checksum;
    TusChecksum checksum;
} Wish;

static void wish_clear(Wish *wish)
{
    g_clear_pointer(&wish->metadata, json_decref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wish, wish_clear)

static bool read_length(HttpRequest *request, int64_t *ret_length)
{
    const char *length = http_header(request, "upload-length");
    const char *later = http_header(request, "upload-defer-length");
    if (length != NULL)
        return later == NULL && tus_parse_count(length, ret_length);
    *ret_length = -1;
    return later != NULL && strcmp(later, "1") == 0;
}

static const UploadKind *find_kind(Uploads *uploads, const json_t *metadata)
{
    const char *name = json_string_value(json_object_get(metadata, "kind"));
    if (name != NULL)
        return uploads_kind(uploads, name);
    return uploads->kinds->len == 1 ? uploads->kinds->pdata[0] : NULL;
}

static bool has_body_type(HttpRequest *request)
{
    const char *type = http_header(request, "content-type");
    return type != NULL && g_ascii_strcasecmp(type, CONTENT_TYPE) == 0;
}

/* What the headers say; answers and returns false when they are wrong. */
static bool read_wish(Uploads *uploads, HttpRequest *request, Wish *wish)
{
    g_autoptr(GError) error = NULL;
    const char *checksum = http_header(request, "upload-checksum");
    wish->metadata = tus_parse_metadata(http_header(request, "upload-metadata"), &error);
    if (http_header(request, "upload-concat") != NULL)
        refuse(request, 400, "error.input", "uploads are not put together here");
    else if (wish->metadata == NULL)
        refuse(request, 400, "error.input", error->message);
    else if (!read_length(request, &wish->length))
        refuse(request, 400, "error.input", "either Upload-Length or Upload-Defer-Length: 1");
    else if (http_body_size(request) > 0 && !has_body_type(request))
        refuse(request, 415, "error.type", "a body is " CONTENT_TYPE);
    else if (checksum != NULL && !tus_parse_checksum(checksum, &wish->checksum, &error))
        refuse(request, 400, "error.input", error->message);
    else if ((wish->kind = find_kind(uploads, wish->metadata)) == NULL)
        refuse(request, 400, "upload.kind", "the metadata must name a kind of upload");
    else if (!access_allows(wish->kind->roles, wish->identity.role))
        refuse(request, 403, "error.forbidden", "this role does not send uploads of this kind");
    else {
        wish->has_checksum = checksum != NULL;
        return true;
    }
    return false;
}

typedef struct {
    const char *owner;
    int64_t bytes;
    int count;
} Usage;

static Usage usage_of(Uploads *uploads, const char *owner)
{
    Usage usage = {.owner = owner};
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, uploads->open);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const UploadRecord *record = &((const Upload *)value)->record;
        if (strcmp(record->owner, owner) != 0)
            continue;
        usage.count++;
        usage.bytes += record->length >= 0 ? record->length : record->received;
    }
    return usage;
}

/* May owner's uploads grow by bytes? Answers and returns false when not. */
static bool has_room(Uploads *uploads, HttpRequest *request, const char *owner, int64_t bytes)
{
    Usage usage = usage_of(uploads, owner);
    if (uploads->quota_bytes > 0 && usage.bytes + bytes > uploads->quota_bytes) {
        refuse(request, 413, "upload.quota", "your unfinished uploads are too large together");
        return false;
    }
    if (upload_store_free_bytes(uploads->folder) - bytes < uploads->reserve_bytes) {
        refuse(request, 507, "error.full", "the disk is full");
        return false;
    }
    return true;
}

static void create(Uploads *uploads, HttpRequest *request, const Identity *identity)
{
    g_auto(Wish) wish = {.identity = *identity};
    if (!read_wish(uploads, request, &wish))
        return;
    int64_t size = http_body_size(request), most = wish.kind->max_bytes;
    if (wish.length > most || size > (wish.length >= 0 ? wish.length : most)) {
        refuse_size(request, wish.kind);
        return;
    }
    if (usage_of(uploads, identity->name).count >= LIMIT_UPLOADS_USER) {
        refuse(request, 429, "error.later", "you have too many unfinished uploads");
        return;
    }
    if (!has_room(uploads, request, identity->name, MAX(wish.length, size)))
        return;
    g_autofree char *id = tus_new_id();
    const char *metadata = http_header(request, "upload-metadata");
    UploadRecord record = {
        .state = UPLOAD_OPEN,
        .owner = g_strdup(identity->name),
        .kind = g_strdup(wish.kind->kind),
        .metadata = g_strdup(metadata != NULL ? metadata : ""),
        .length = wish.length,
        .expires_us = g_get_real_time() + LIMIT_UPLOAD_SECONDS * (int64_t)G_USEC_PER_SEC,
    };
    g_strlcpy(record.id, id, sizeof record.id);
    Upload *upload = remember(uploads, &record);
    Deed *deed = deed_new(uploads, upload, &upload->record, request);
    deed->has_checksum = wish.has_checksum;
    deed->checksum = wish.checksum;
    uploads_run(uploads, create_work, create_done, deed, deed_release);
}

/* --- One upload --------------------------------------------------------------------------------*/

static bool is_expired(const UploadRecord *record)
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
        refuse(request, 400, "error.input", "this length cannot be");
        return false;
    }
    int64_t size = http_body_size(request);
    int64_t end = length >= 0 ? length : record->received + size;
    if (end > kind->max_bytes || record->received + size > end) {
        refuse_size(request, kind);
        return false;
    }
    /* What had its length from the beginning has its room set aside. */
    if (record->length < 0 &&
        !has_room(upload->uploads, request, record->owner, end - record->received))
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
    if (!has_body_type(request)) {
        refuse(request, 415, "error.type", "a body is " CONTENT_TYPE);
    } else if (!tus_parse_count(http_header(request, "upload-offset"), &offset)) {
        refuse(request, 400, "error.input", "Upload-Offset is missing or no count");
    } else if (text != NULL && !tus_parse_checksum(text, &checksum, &error)) {
        refuse(request, 400, "error.input", error->message);
    } else if (kind == NULL) {
        refuse(request, 503, "error.503", "nobody takes uploads of this kind now");
    } else if (!access_allows(kind->roles, identity->role)) {
        refuse(request, 403, "error.forbidden", "this role does not send uploads of this kind");
    } else if (offset != record->received) {
        uploads_answer(request, 409,
                       &(UploadAnswer){.code = "upload.offset",
                                       .message = "the upload goes on elsewhere",
                                       .record = record});
    } else if (settle_length(upload, request, kind, &record->length)) {
        transfer_start(upload, request, text != NULL ? &checksum : NULL, false);
    }
}

static bool is_whole(const UploadRecord *record)
{
    return record->length >= 0 && record->received == record->length;
}

/* Clients take a full offset for the end: they hear it only when the upload was taken. */
static void head_open(Upload *upload, HttpRequest *request, const Identity *identity)
{
    const UploadKind *kind = uploads_kind(upload->uploads, upload->record.kind);
    if (!is_whole(&upload->record))
        head(request, &upload->record);
    else if (kind == NULL)
        refuse(request, 503, "error.503", "nobody takes uploads of this kind now");
    else if (!access_allows(kind->roles, identity->role))
        refuse(request, 403, "error.forbidden", "this role does not send uploads of this kind");
    else
        transfer_offer(upload, request);
}

static void handle_open(Upload *upload, HttpRequest *request, const char *method,
                        const Identity *identity)
{
    if (waits(upload, request))
        return;
    if (strcmp(method, "DELETE") == 0)
        remove_upload(upload->uploads, upload, &upload->record, request);
    else if (is_expired(&upload->record))
        refuse(request, 410, "error.not_found", "this upload has expired");
    else if (strcmp(method, "HEAD") == 0)
        head_open(upload, request, identity);
    else
        patch(upload, request, identity);
}

static void handle_finished(Uploads *uploads, HttpRequest *request, const char *method,
                            const UploadRecord *record)
{
    if (record->state != UPLOAD_DONE || is_expired(record))
        refuse(request, 410, "error.not_found", "this upload is gone");
    else if (strcmp(method, "DELETE") == 0)
        remove_upload(uploads, NULL, record, request);
    else if (strcmp(method, "HEAD") == 0)
        head(request, record);
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
        refuse(request, 404, "error.not_found", "no such upload");
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
        refuse(request, 401, "error.unauthorized", error->message);
    else if (ret_identity->role == SERAMBI_PUBLIC)
        refuse(request, 401, "error.unauthorized", "log in first");
    else if (strcmp(method, "HEAD") != 0 && !access_is_same_origin(request))
        refuse(request, 403, "error.origin", "this is not our own page");
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
    bool is_known = is_creation ? strcmp(method, "POST") == 0
                                : strcmp(method, "HEAD") == 0 || strcmp(method, "PATCH") == 0 ||
                                      strcmp(method, "DELETE") == 0;
    const char *version = http_header(request, "tus-resumable");
    Identity identity = {0};
    if (!is_known)
        refuse(request, 405, "error.method", "POST here, then HEAD, PATCH and DELETE");
    else if (g_strcmp0(version, TUS_VERSION) != 0)
        uploads_answer(request, 412,
                       &(UploadAnswer){.code = "upload.version",
                                       .message = "tus " TUS_VERSION " is spoken here",
                                       .with_abilities = true});
    else if (!let_in(uploads, request, method, &identity))
        return;
    else if (is_creation)
        create(uploads, request, &identity);
    else if (!tus_is_id(id))
        refuse(request, 404, "error.not_found", "no such upload");
    else
        handle_one(uploads, request, method, id, &identity);
}

/* --- Beginning, sweeping, end ------------------------------------------------------------------*/

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

void uploads_resume(Uploads *uploads)
{
    g_autoptr(GPtrArray) whole = g_ptr_array_new();
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, uploads->open);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Upload *upload = value;
        if (!upload->is_busy && is_whole(&upload->record) && !is_expired(&upload->record) &&
            uploads_kind(uploads, upload->record.kind) != NULL)
            g_ptr_array_add(whole, upload);
    }
    for (guint i = 0; i < whole->len; i++)
        transfer_offer(whole->pdata[i], NULL);
}

guint uploads_open(const Uploads *uploads)
{
    return g_hash_table_size(uploads->open);
}

void uploads_stop(Uploads *uploads)
{
    g_ptr_array_set_size(uploads->kinds, 0);
}

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
        if (!upload->is_busy && is_expired(&upload->record))
            g_ptr_array_add(expired, upload);
    }
    for (guint i = 0; i < expired->len; i++) {
        Upload *upload = expired->pdata[i];
        remove_upload(uploads, upload, &upload->record, NULL);
    }
}

static void on_sweep(uv_timer_t *timer)
{
    uploads_sweep(timer->data);
}

/* What the store says was on disk, unless the file says less; without a file it is lost. */
static bool load(Uploads *uploads, GError **error)
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
        (void)remember(uploads, record);
    }
    return true;
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
        .kinds = g_ptr_array_new_with_free_func(kind_free),
        .open = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, upload_free),
    };
    uploads->sweeper = g_new0(uv_timer_t, 1);
    g_assert(uv_timer_init(loop, uploads->sweeper) == 0);
    uploads->sweeper->data = uploads;
    if (!load(uploads, error)) {
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
    detach_works(uploads);
    g_hash_table_unref(uploads->open);
    g_ptr_array_unref(uploads->kinds);
    upload_store_unref(uploads->folder);
    g_free(uploads->folder_path);
    g_free(uploads);
}
