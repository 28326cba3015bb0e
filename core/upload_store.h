/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Where uploads rest: a folder for each in <data>/work/uploads/, and their records in the store.
 *
 * The disk half may be used in any thread and never follows a link or leaves its folder; the
 * records are for the main thread. */
#pragma once
#include "core/store.h"
#include "core/tus.h"

/* --- Disk --- errors are of G_FILE_ERROR; G_FILE_ERROR_NOSPC when the disk or quota is full. */

typedef struct UploadFolder UploadFolder; /* counted; the folder of all uploads, held open */
UploadFolder *upload_store_folder(const char *path, GError **error); /* makes it, mode 0700 */
UploadFolder *upload_store_ref(UploadFolder *folder);
void upload_store_unref(UploadFolder *folder);
int64_t upload_store_free_bytes(UploadFolder *folder);
GPtrArray *upload_store_list(UploadFolder *folder, GError **error); /* names of what is there */

/* A new folder id with an empty file, space for length bytes (0: none) set aside; on disk. */
bool upload_store_create(UploadFolder *folder, const char *id, int64_t length, GError **error);
int upload_store_open(UploadFolder *folder, const char *id, GError **error); /* to write; or -1 */
/* Appends the files of parts (ids, in order) to that of id; on disk. */
bool upload_store_append(UploadFolder *folder, const char *id, const GPtrArray *parts,
                         GError **error);
/* SHA-256, in hex, of pieces of the first size bytes: all of them up to
 * UPLOAD_SAMPLES * UPLOAD_SAMPLE_BYTES, else UPLOAD_SAMPLES pieces spread evenly from the first
 * byte to the last. Tells the same film from another in no time, however large. g_free() */
#define UPLOAD_SAMPLES      16
#define UPLOAD_SAMPLE_BYTES 65536
char *upload_store_sample(UploadFolder *folder, const char *id, int64_t size, GError **error);
int64_t upload_store_size(UploadFolder *folder, const char *id); /* -1: no such file */
/* With all in it; that it is gone already is no error. */
bool upload_store_remove(UploadFolder *folder, const char *id, GError **error);

/* --- Records --- */

typedef enum { UPLOAD_OPEN = 1, UPLOAD_DONE, UPLOAD_GONE } UploadState;

typedef struct {
    char id[TUS_ID_TEXT + 1];
    UploadState state;
    char *owner, *kind;
    char *metadata;           /* Upload-Metadata as it came, "" for none */
    char *concat;             /* Upload-Concat as it came, "" for none */
    int64_t length, received; /* length -1: not said yet */
    int64_t expires_us;
} UploadRecord;
void upload_record_clear(UploadRecord *record);
void upload_record_copy(const UploadRecord *record, UploadRecord *ret_copy);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(UploadRecord, upload_record_clear)

/* Inside work(). */
bool upload_store_insert(Store *store, const UploadRecord *record, GError **error);
bool upload_store_update(Store *store, const UploadRecord *record, GError **error);
bool upload_store_delete(Store *store, const char *id, GError **error);
/* Elsewhere. find: false without error when there is none. all: UploadRecord of that state. */
bool upload_store_find(Store *store, const char *id, UploadRecord *ret_record, GError **error);
GPtrArray *upload_store_all(Store *store, UploadState state, GError **error);
/* The set of ids that the store knows. */
GHashTable *upload_store_ids(Store *store, GError **error);
GPtrArray *upload_store_expired(Store *store, int64_t now_us, GError **error); /* ids, not open */
