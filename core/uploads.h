/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Resumable uploads: tus 1.0.0 at /uploads/. A 204 means that the bytes are on disk.
 * Source: tus.io resumable upload protocol 1.0.0, core, creation, creation-with-upload,
 * creation-defer-length, expiration, checksum, termination, concatenation. */
#pragma once
#include "core/access.h"
#include "core/http.h"
#include "core/jobs.h"
#include "core/store.h"

typedef struct Uploads Uploads;

typedef struct {
    const char *kind; /* "tutorials:video" */
    uint32_t roles;
    int64_t max_bytes;
    /* Inside a store work(): a SerambiUploaded, defined in plugin.h. False with error set when it
     * could not be taken: the upload stays open and whole, and is offered again when its client
     * asks for it and at the next start. */
    bool (*on_complete)(const void *uploaded, void *data, GError **error);
    void *data;
} UploadKind;

typedef struct {
    const char *data_folder;   /* parts in <data>/work/uploads/ */
    int64_t reserve_bytes;     /* free space that stays: 507 before */
    int64_t quota_bytes;       /* unfinished, per user; 0: any */
    int64_t quota_total_bytes; /* unfinished, of all users; 0: any */
} UploadsOptions;
Uploads *uploads_new(Store *store, Access *access, Jobs *jobs, uv_loop_t *loop,
                     const UploadsOptions *options, GError **error);
void uploads_free(Uploads *uploads);
bool uploads_migrate(Store *store, GError **error);
void uploads_add_kind(Uploads *uploads, const UploadKind *kind); /* copied */
/* When who takes uploads has started: offers what is whole, but was not taken yet. */
void uploads_resume(Uploads *uploads);
/* Before the plugins stop: from here on nothing begins or completes (503, 500), clients go on
 * later.
 */
void uploads_stop(Uploads *uploads);
guint uploads_open(const Uploads *uploads); /* begun and not finished */
void uploads_handle(Uploads *uploads, HttpRequest *request);
