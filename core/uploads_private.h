/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What the files of uploads share. uploads.c: routes, and uploads in memory; upload_creation.c: new
 * ones; upload_concat.c: new ones made of others; upload_deed.c: creations and removals on their
 * way; upload_transfer.c: the bytes of one request; upload_sweep.c: what was left behind;
 * upload_list.c: what can be continued; upload_answer.c; upload_thread.c.
 *
 * An open upload is in memory and in the store; one that is done or gone only in the store. What
 * changes an upload makes it busy, one thing at a time: a request that comes meanwhile asks the
 * running transfer to stop, waits in line, and is then handled as if it had just come. */
#pragma once
#include "core/upload_store.h"
#include "core/uploads.h"

typedef struct Upload Upload;
typedef struct Transfer Transfer;

struct Uploads {
    Store *store;
    Access *access;
    uv_loop_t *loop;
    GQueue works; /* Work in threads now */
    UploadFolder *folder;
    char *folder_path;
    int64_t reserve_bytes, quota_bytes, quota_total_bytes;
    GPtrArray *kinds;    /* UploadKind */
    GHashTable *open;    /* id -> Upload */
    uv_timer_t *sweeper; /* its memory goes in its close callback */
};

struct Upload {
    Uploads *uploads;
    UploadRecord record; /* received: on disk and in the store */
    bool is_busy;
    Transfer *transfer;
    struct Deed *deed; /* a creation or a removal on its way; told when the upload goes first */
    GQueue waiting;    /* Waiter */
};

/* What an answer carries besides its status; zero members are left out. */
typedef struct {
    const char *code, *message; /* of an error */
    const UploadRecord *record; /* Upload-Offset, Upload-Expires while it is open */
    bool with_length;           /* and Upload-Length, Upload-Metadata */
    const char *location;
    int64_t max_bytes; /* Tus-Max-Size */
    int retry_seconds;
    bool with_abilities; /* Tus-Version and the other headers of OPTIONS */
} UploadAnswer;
void uploads_answer(HttpRequest *request, int status, const UploadAnswer *answer);
void uploads_refuse(HttpRequest *request, int status, const char *code, const char *message);
void uploads_refuse_size(HttpRequest *request, int64_t max_bytes); /* 413 */
/* By what went wrong: 507 when the disk is full, else 500. */
void uploads_answer_failure(HttpRequest *request, const GError *error);

/* work in a thread of the pool, then done on the loop unless the uploads were freed, then
 * free_data. Not by jobs.h: when the program stops, the jobs end before the last request does. */
void uploads_run(Uploads *uploads, void (*work)(void *data), void (*done)(void *data), void *data,
                 GDestroyNotify free_data);
void uploads_detach_works(Uploads *uploads); /* it ends: nothing of it is done() any more */

const UploadKind *uploads_kind(Uploads *uploads, const char *name); /* NULL: none of that name */
bool upload_is_expired(const UploadRecord *record);
bool upload_is_whole(const UploadRecord *record);
/* Takes what record holds, puts it on the table. */
Upload *upload_remember(Uploads *uploads, UploadRecord *record);
/* The upload is free again: the next in line. */
void uploads_next(Upload *upload);
/* Takes the upload off the table and frees it; who waits is handled anew. */
void uploads_forget(Upload *upload);
void uploads_discard(Uploads *uploads, const char *id); /* its folder, in the background */

bool upload_is_partial(const UploadRecord *record);
bool upload_is_final(const UploadRecord *record); /* put together of others */
/* A POST with Upload-Concat: final. */
void upload_concat_create(Uploads *uploads, HttpRequest *request, const Identity *identity,
                          const UploadKind *kind, const GPtrArray *parts);
/* The parts of what is done now are not needed any more. */
void upload_concat_tidy(Uploads *uploads, const UploadRecord *record);
#define UPLOAD_BODY_TYPE "application/offset+octet-stream"
bool upload_has_body_type(HttpRequest *request);
/* A POST that creates. */
void upload_create(Uploads *uploads, HttpRequest *request, const Identity *identity);
/* May owner's uploads grow by bytes? Answers and returns false when not. */
bool upload_has_room(Uploads *uploads, HttpRequest *request, const char *owner, int64_t bytes);
/* Makes the folder and the row of an upload on the table, then takes the body of request, or offers
 * the upload when it is whole. parts: ids whose bytes it begins with (taken), or NULL. */
void upload_deed_create(Upload *upload, HttpRequest *request, const TusChecksum *checksum,
                        GPtrArray *parts);
void upload_deed_detach(struct Deed *deed); /* its upload goes first; NULL is fine */
/* upload may be NULL (it is finished: its folder is a plugin's); request may be NULL. */
void upload_remove(Uploads *uploads, Upload *upload, const UploadRecord *record,
                   HttpRequest *request);

/* Starts to take the body of request at the upload's offset; makes it busy until the end.
 * checksum may be NULL. is_creation: answers 201 in place of 204. */
void transfer_start(Upload *upload, HttpRequest *request, const TusChecksum *checksum,
                    bool is_creation);
/* Nothing more is to come: offers the upload to who takes it. request: a HEAD that waits for the
 * outcome, or the POST that put it together (is_creation), or NULL. */
void transfer_offer(Upload *upload, HttpRequest *request, bool is_creation);
/* A newer request came: keeps what is there, answers 423, frees the upload. */
void transfer_stop(Transfer *transfer);
/* Bytes in memory, at most LIMIT_UPLOAD_BUFFER_BYTES. */
int64_t transfer_buffered(const Transfer *transfer);
void transfer_free(Transfer *transfer); /* at once, for the end of the program */

/* What the store says was on disk, unless the file says less; without a file it is lost. */
bool uploads_load(Uploads *uploads, GError **error);
void uploads_sweep(Uploads *uploads);

/* The unfinished uploads of identity as JSON, or one of them with the sample of its bytes; neither
 * stops what is being sent. */
void upload_list_all(Uploads *uploads, HttpRequest *request, const Identity *identity);
void upload_list_one(Uploads *uploads, HttpRequest *request, const UploadRecord *record);
