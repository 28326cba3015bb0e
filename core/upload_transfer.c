/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The bytes of one PATCH (or of a POST with a body): from the socket in order to the disk.
 *
 *   arriving -> writing in a thread -> synced in another -> in the store -> answered
 *
 * The client is told an offset only when fdatasync() and the store's commit have returned. At most
 * LIMIT_UPLOAD_BUFFER_BYTES are in memory: beyond that the socket is not read. */
#include "core/limits.h"
#include "core/plugin.h"
#include "core/uploads_private.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Room for one more piece of http_stream() has to stay after on_data. */
#define PIECE_BYTES  (64 * 1024)
#define PAUSE_BYTES  (LIMIT_UPLOAD_BUFFER_BYTES - PIECE_BYTES)
#define SYNC_US      G_USEC_PER_SEC
#define KEPT_SECONDS (7 * 24 * 3600) /* how long a finished upload can be asked for */

/* The open file; a writing thread holds it longer than the transfer, if the program ends. */
typedef struct {
    UploadFolder *folder;
    char id[TUS_ID_TEXT + 1];
    int fd; /* -1 until the first write */
    GChecksum *sum;
} Part;

typedef struct Write Write;
typedef struct Sync Sync;
typedef struct Save Save;

struct Transfer {
    Upload *upload;
    HttpRequest *request; /* NULL when there is nobody to answer */
    Part *part;
    GQueue pieces;                             /* GBytes that no thread has yet */
    int64_t started, arrived, written, synced; /* offsets in the upload, rising */
    int64_t announced;                         /* where this request's body ends */
    int64_t synced_us;
    bool has_checksum, is_creation;
    bool is_offer; /* brings no bytes, see transfer_offer() */
    TusChecksum checksum;
    bool is_paused;
    bool is_over;    /* nothing more comes: all arrived, the client left, or a newer request came */
    bool is_stopped; /* by a newer request */
    GError *failure;
    Write *write; /* in a thread now */
    Sync *sync;   /* in another thread, so that bytes go on to be taken */
    Save *save;   /* in the store's hands now */
};

struct Write {
    Transfer *transfer; /* NULL: freed meanwhile */
    Part *part;
    GQueue pieces;
    int64_t at;
    bool has_synced; /* after a failure */
    GError *error;
};

struct Sync {
    Transfer *transfer; /* NULL: freed meanwhile */
    Part *part;
    int64_t at; /* all before it is on disk afterwards */
    GError *error;
};

struct Save {
    Transfer *transfer; /* NULL: freed meanwhile */
    UploadRecord record;
    bool is_last; /* the end of the transfer waits for it */
    GError *error;
};

static void step(Transfer *transfer);

static void part_clear(void *data)
{
    Part *part = data;
    if (part->fd >= 0)
        close(part->fd);
    upload_store_unref(part->folder);
    g_clear_pointer(&part->sum, g_checksum_free);
}

static void part_unref(Part *part)
{
    g_atomic_rc_box_release_full(part, part_clear);
}

static void free_piece(void *piece)
{
    g_bytes_unref(piece);
}

/* --- In a thread -------------------------------------------------------------------------------*/

static void set_failure(GError **error, const char *what, const char *id, int number)
{
    g_set_error(error, G_FILE_ERROR,
                (gint)(number == EDQUOT ? G_FILE_ERROR_NOSPC : g_file_error_from_errno(number)),
                "could not %s upload '%s': %s", what, id, g_strerror(number));
}

static bool write_piece(Write *write, GBytes *piece)
{
    size_t size = 0;
    const uint8_t *bytes = g_bytes_get_data(piece, &size);
    if (write->part->sum != NULL)
        g_checksum_update(write->part->sum, bytes, (gssize)size);
    for (size_t done = 0; done < size;) {
        ssize_t count = pwrite(write->part->fd, bytes + done, size - done, write->at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        done += (size_t)count;
        write->at += count;
    }
    return true;
}

static void write_work(void *data)
{
    Write *write = data;
    Part *part = write->part;
    if (part->fd < 0)
        part->fd = upload_store_open(part->folder, part->id, &write->error);
    bool is_good = part->fd >= 0;
    int64_t from = write->at;
    for (GBytes *piece; is_good && (piece = g_queue_pop_head(&write->pieces)) != NULL;) {
        is_good = write_piece(write, piece);
        g_bytes_unref(piece);
    }
    int number = errno;
    /* The disk begins at once, so that it is never idle and the fdatasync() to come is short. */
    if (is_good && write->at > from)
        (void)sync_file_range(part->fd, from, write->at - from, SYNC_FILE_RANGE_WRITE);
    if (is_good)
        return;
    /* What came before the failure is worth keeping. */
    write->has_synced = part->fd >= 0 && fdatasync(part->fd) == 0;
    if (write->error == NULL)
        set_failure(&write->error, "write", part->id, number);
}

static void sync_work(void *data)
{
    Sync *sync = data;
    if (fdatasync(sync->part->fd) != 0)
        set_failure(&sync->error, "keep", sync->part->id, errno);
}

/* --- On the loop -------------------------------------------------------------------------------*/

static void write_free(void *data)
{
    Write *write = data;
    if (write->transfer != NULL)
        write->transfer->write = NULL;
    g_queue_clear_full(&write->pieces, free_piece);
    part_unref(write->part);
    g_clear_error(&write->error);
    g_free(write);
}

static void write_done(void *data)
{
    Write *write = data;
    Transfer *transfer = write->transfer;
    if (transfer == NULL)
        return;
    write->transfer = NULL;
    transfer->write = NULL;
    transfer->written = write->at;
    if (write->has_synced) {
        transfer->synced = write->at;
        transfer->synced_us = g_get_monotonic_time();
    }
    if (write->error != NULL && transfer->failure == NULL)
        transfer->failure = g_steal_pointer(&write->error);
    step(transfer);
}

static void start_write(Transfer *transfer)
{
    Write *write = g_new0(Write, 1);
    *write = (Write){
        .transfer = transfer,
        .part = g_atomic_rc_box_acquire(transfer->part),
        .pieces = transfer->pieces,
        .at = transfer->written,
    };
    g_queue_init(&transfer->pieces);
    transfer->write = write;
    uploads_run(transfer->upload->uploads, write_work, write_done, write, write_free);
}

static void sync_free(void *data)
{
    Sync *sync = data;
    if (sync->transfer != NULL)
        sync->transfer->sync = NULL;
    part_unref(sync->part);
    g_clear_error(&sync->error);
    g_free(sync);
}

static void sync_done(void *data)
{
    Sync *sync = data;
    Transfer *transfer = sync->transfer;
    if (transfer == NULL)
        return;
    sync->transfer = NULL;
    transfer->sync = NULL;
    transfer->synced_us = g_get_monotonic_time();
    if (sync->error == NULL)
        transfer->synced = MAX(transfer->synced, sync->at);
    else if (transfer->failure == NULL)
        transfer->failure = g_steal_pointer(&sync->error);
    step(transfer);
}

static void start_sync(Transfer *transfer)
{
    Sync *sync = g_new0(Sync, 1);
    *sync = (Sync){
        .transfer = transfer,
        .part = g_atomic_rc_box_acquire(transfer->part),
        .at = transfer->written,
    };
    transfer->sync = sync;
    uploads_run(transfer->upload->uploads, sync_work, sync_done, sync, sync_free);
}

/* Now and then on the way, and when all is written. */
static bool wants_sync(const Transfer *transfer)
{
    int64_t behind = transfer->written - transfer->synced;
    if (transfer->sync != NULL || transfer->failure != NULL || behind == 0)
        return false;
    bool is_last = transfer->is_over && transfer->write == NULL &&
                   g_queue_is_empty((GQueue *)(uintptr_t)&transfer->pieces);
    return is_last || behind >= LIMIT_UPLOAD_SYNC_BYTES ||
           g_get_monotonic_time() - transfer->synced_us >= SYNC_US;
}

static int64_t kept_offset(const Transfer *transfer)
{
    /* A piece with a checksum counts when it is whole and right, or not at all. */
    if (transfer->has_checksum)
        return transfer->started;
    return transfer->synced;
}

static void save_free(Save *save)
{
    upload_record_clear(&save->record);
    g_clear_error(&save->error);
    g_free(save);
}

static bool complete(Save *save, const UploadKind *kind)
{
    Uploads *uploads = save->transfer->upload->uploads;
    json_auto_t *metadata = tus_parse_metadata(save->record.metadata, NULL);
    const char *filename = json_string_value(json_object_get(metadata, "filename"));
    if (filename == NULL)
        filename = json_string_value(json_object_get(metadata, "name"));
    g_autofree char *folder = g_build_filename(uploads->folder_path, save->record.id, NULL);
    g_autofree char *path = g_build_filename(folder, "file", NULL);
    SerambiUploaded uploaded = {
        .id = save->record.id,
        .path = path,
        .folder = folder,
        .filename = filename != NULL ? filename : "",
        .user = save->record.owner,
        .size = save->record.length,
        .metadata = metadata,
    };
    return kind->on_complete(&uploaded, kind->data, &save->error);
}

static bool save_work(Store *store, void *data)
{
    Save *save = data;
    if (save->transfer == NULL)
        return false;
    if (!upload_store_update(store, &save->record, &save->error))
        return false;
    if (save->record.state != UPLOAD_DONE)
        return true;
    const UploadKind *kind = uploads_kind(save->transfer->upload->uploads, save->record.kind);
    if (kind == NULL) {
        g_set_error(&save->error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "nobody takes '%s' now",
                    save->record.kind);
        return false;
    }
    return complete(save, kind);
}

static void answer(Transfer *transfer)
{
    Upload *upload = transfer->upload;
    HttpRequest *request = g_steal_pointer(&transfer->request);
    if (request == NULL)
        return;
    http_on_gone(request, NULL, NULL);
    g_autofree char *location = g_strconcat("/uploads/", upload->record.id, NULL);
    if (transfer->failure != NULL)
        uploads_answer_failure(request, transfer->failure);
    else if (transfer->is_offer && !transfer->is_creation)
        uploads_answer(request, 200,
                       &(UploadAnswer){.record = &upload->record, .with_length = true});
    else if (transfer->is_stopped)
        uploads_answer(request, 423,
                       &(UploadAnswer){.code = "upload.taken_over",
                                       .message = "a newer request goes on with this upload"});
    else if (transfer->has_checksum && upload->record.received != transfer->announced)
        uploads_answer(request, 460,
                       &(UploadAnswer){.code = "upload.checksum",
                                       .message = "the checksum is wrong, send it again",
                                       .record = &upload->record});
    else
        uploads_answer(request, transfer->is_creation ? 201 : 204,
                       &(UploadAnswer){.record = &upload->record,
                                       .location = transfer->is_creation ? location : NULL});
}

void transfer_free(Transfer *transfer)
{
    if (transfer == NULL)
        return;
    if (transfer->request != NULL)
        http_on_gone(transfer->request, NULL, NULL);
    if (transfer->write != NULL)
        transfer->write->transfer = NULL;
    if (transfer->sync != NULL)
        transfer->sync->transfer = NULL;
    if (transfer->save != NULL)
        transfer->save->transfer = NULL;
    g_queue_clear_full(&transfer->pieces, free_piece);
    part_unref(transfer->part);
    g_clear_error(&transfer->failure);
    g_free(transfer);
}

static void end(Transfer *transfer)
{
    Upload *upload = transfer->upload;
    answer(transfer);
    upload->transfer = NULL;
    /* Nobody has heard of it, and its parts are still there. */
    bool is_unheard = transfer->is_offer && transfer->is_creation && transfer->failure != NULL;
    transfer_free(transfer);
    if (upload->record.state == UPLOAD_DONE) {
        upload_concat_tidy(upload->uploads, &upload->record);
        uploads_forget(upload);
    } else if (is_unheard)
        upload_remove(upload->uploads, upload, &upload->record, NULL);
    else
        uploads_next(upload);
}

static void start_save(Transfer *transfer, int64_t received, bool is_last);

static void save_after(Store *store, bool kept, const GError *error, void *data)
{
    Save *save = data;
    Transfer *transfer = save->transfer;
    if (transfer == NULL) {
        save_free(save);
        return;
    }
    transfer->save = NULL;
    const GError *reason = error != NULL ? error : save->error;
    if (kept && reason == NULL) {
        UploadRecord *record = &transfer->upload->record;
        record->state = save->record.state;
        record->length = save->record.length;
        record->received = save->record.received;
        record->expires_us = save->record.expires_us;
    } else if (transfer->failure == NULL) {
        transfer->failure = reason != NULL ? g_error_copy(reason)
                                           : g_error_new_literal(STORE_ERROR, STORE_ERROR_SQL,
                                                                 "the store did not keep it");
    }
    bool is_last = save->is_last, was_complete = save->record.state == UPLOAD_DONE;
    int64_t received = save->record.received;
    save_free(save);
    /* Not taken: its bytes count all the same. */
    if (was_complete && transfer->failure != NULL)
        start_save(transfer, received, true);
    else if (is_last)
        end(transfer);
    else
        step(transfer);
}

static void start_save(Transfer *transfer, int64_t received, bool is_last)
{
    const UploadRecord *record = &transfer->upload->record;
    bool is_complete = is_last && transfer->failure == NULL && received == record->length &&
                       !upload_is_partial(record);
    int64_t seconds = is_complete ? KEPT_SECONDS : LIMIT_UPLOAD_SECONDS;
    Save *save = g_new0(Save, 1);
    *save = (Save){
        .transfer = transfer,
        .is_last = is_last,
    };
    upload_record_copy(record, &save->record);
    save->record.state = is_complete ? UPLOAD_DONE : UPLOAD_OPEN;
    save->record.received = received;
    save->record.expires_us = g_get_real_time() + seconds * G_USEC_PER_SEC;
    transfer->save = save;
    store_write(transfer->upload->uploads->store, save_work, save_after, save);
}

static void finish(Transfer *transfer)
{
    int64_t received = kept_offset(transfer);
    if (transfer->has_checksum && transfer->synced == transfer->announced &&
        tus_checksum_is(&transfer->checksum, transfer->part->sum))
        received = transfer->announced;
    start_save(transfer, received, true);
}

/* Whatever is to be done next, if anything can. */
static void step(Transfer *transfer)
{
    bool may_take = transfer_buffered(transfer) <= PAUSE_BYTES;
    if (transfer->request != NULL && !transfer->is_over && may_take == transfer->is_paused) {
        transfer->is_paused = !may_take;
        http_pause(transfer->request, transfer->is_paused);
    }
    if (wants_sync(transfer))
        start_sync(transfer);
    if (transfer->failure != NULL) {
        if (transfer->write != NULL || transfer->sync != NULL)
            return;
        transfer->is_over = true;
        g_queue_clear_full(&transfer->pieces, free_piece);
        if (transfer->save == NULL)
            finish(transfer);
        return;
    }
    if (transfer->save == NULL && !transfer->is_over &&
        kept_offset(transfer) > transfer->upload->record.received)
        start_save(transfer, kept_offset(transfer), false);
    if (transfer->write == NULL && !g_queue_is_empty(&transfer->pieces))
        start_write(transfer);
    if (transfer->is_over && transfer->write == NULL && transfer->sync == NULL &&
        transfer->synced == transfer->written && transfer->save == NULL)
        finish(transfer);
}

/* --- The stream --------------------------------------------------------------------------------*/

static void on_data(HttpRequest *request, const void *bytes, size_t size, void *data)
{
    Transfer *transfer = data;
    if (transfer->is_over)
        return;
    g_queue_push_tail(&transfer->pieces, g_bytes_new(bytes, size));
    transfer->arrived += (int64_t)size;
    step(transfer);
}

static void on_end(HttpRequest *request, void *data)
{
    Transfer *transfer = data;
    if (transfer->is_over)
        return;
    transfer->is_over = true;
    step(transfer);
}

static void on_cut(HttpRequest *request, void *data)
{
    Transfer *transfer = data;
    transfer->request = NULL;
    if (transfer->is_over)
        return;
    transfer->is_over = true;
    step(transfer);
}

static void on_gone(HttpRequest *request, void *data)
{
    ((Transfer *)data)->request = NULL;
}

static Transfer *transfer_new(Upload *upload, HttpRequest *request, const TusChecksum *checksum)
{
    int64_t at = upload->record.received;
    Part *part = g_atomic_rc_box_new0(Part);
    *part = (Part){
        .folder = upload_store_ref(upload->uploads->folder),
        .fd = -1,
        .sum = checksum != NULL ? g_checksum_new(checksum->type) : NULL,
    };
    g_strlcpy(part->id, upload->record.id, sizeof part->id);
    Transfer *transfer = g_new0(Transfer, 1);
    *transfer = (Transfer){
        .upload = upload,
        .request = request,
        .part = part,
        .started = at,
        .arrived = at,
        .written = at,
        .synced = at,
        .announced = at,
        .synced_us = g_get_monotonic_time(),
        .has_checksum = checksum != NULL,
        .checksum = checksum != NULL ? *checksum : (TusChecksum){0},
    };
    upload->transfer = transfer;
    upload->is_busy = true;
    if (request != NULL)
        http_on_gone(request, on_gone, transfer);
    return transfer;
}

void transfer_start(Upload *upload, HttpRequest *request, const TusChecksum *checksum,
                    bool is_creation)
{
    Transfer *transfer = transfer_new(upload, request, checksum);
    transfer->announced += http_body_size(request);
    transfer->is_creation = is_creation;
    static const HttpStream stream = {.on_data = on_data, .on_end = on_end, .on_cut = on_cut};
    http_stream(request, &stream, transfer);
}

void transfer_offer(Upload *upload, HttpRequest *request, bool is_creation)
{
    Transfer *transfer = transfer_new(upload, request, NULL);
    transfer->is_offer = transfer->is_over = true;
    transfer->is_creation = is_creation;
    step(transfer);
}

int64_t transfer_buffered(const Transfer *transfer)
{
    return transfer->arrived - transfer->written;
}

void transfer_stop(Transfer *transfer)
{
    if (transfer->is_over)
        return;
    transfer->is_over = transfer->is_stopped = true;
    step(transfer);
}
