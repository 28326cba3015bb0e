/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What uploads.c (routes, sweep) and upload_transfer.c (the bytes of one request) share.
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
    int64_t reserve_bytes, quota_bytes;
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
/* By what went wrong: 507 when the disk is full, else 500. */
void uploads_answer_failure(HttpRequest *request, const GError *error);

/* work in a thread of the pool, then done on the loop unless the uploads were freed, then
 * free_data. Not by jobs.h: when the program stops, the jobs end before the last request does. */
void uploads_run(Uploads *uploads, void (*work)(void *data), void (*done)(void *data), void *data,
                 GDestroyNotify free_data);
const UploadKind *uploads_kind(Uploads *uploads, const char *name); /* NULL: none of that name */
/* The upload is free again: the next in line. */
void uploads_next(Upload *upload);
/* Takes the upload off the table and frees it; who waits is handled anew. */
void uploads_forget(Upload *upload);
void uploads_discard(Uploads *uploads, const char *id); /* its folder, in the background */

/* Starts to take the body of request at the upload's offset; makes it busy until the end.
 * checksum may be NULL. is_creation: answers 201 in place of 204. */
void transfer_start(Upload *upload, HttpRequest *request, const TusChecksum *checksum,
                    bool is_creation);
/* Nothing more is to come: offers the upload to who takes it. request: a HEAD that waits for the
 * outcome, or NULL. */
void transfer_offer(Upload *upload, HttpRequest *request);
/* A newer request came: keeps what is there, answers 423, frees the upload. */
void transfer_stop(Transfer *transfer);
/* Bytes in memory, at most LIMIT_UPLOAD_BUFFER_BYTES. */
int64_t transfer_buffered(const Transfer *transfer);
void transfer_free(Transfer *transfer); /* at once, for the end of the program */

void uploads_sweep(Uploads *uploads);
