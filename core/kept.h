/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Files kept by the hash of their content: <data>/media/ab/abcdef.... Served at /media/<sha256>. */
#pragma once
#include "core/http.h"
#include "core/jobs.h"
#include "core/store.h"

typedef struct Kept Kept;
Kept *kept_new(Store *store, Jobs *jobs, const char *data_folder, GError **error);
void kept_free(Kept *kept);
/* Where the file of a hash lies or would lie; g_free(). */
char *kept_place(const char *data_folder, const char *sha256);
bool kept_migrate(Store *store, GError **error);
/* Hashes, fsyncs and renames the file in a thread, then records it inside a store write and calls
 * done there (still inside the work). */
void kept_add(Kept *kept, const char *path, const char *content_type,
              void (*done)(const char *sha256, int64_t size, const GError *error, void *data),
              void *data);
/* Inside a store write: the file is not served any more, and gone after the commit, unless it came
 * anew in between. */
bool kept_remove(Kept *kept, const char *sha256, GError **error);
/* Bytes of a file; negative when there is none, or the store cannot say. */
int64_t kept_size(Kept *kept, const char *sha256);
/* GET and HEAD /media/<sha256>[.ext] */
void kept_handle(Kept *kept, HttpRequest *request);
