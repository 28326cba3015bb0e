/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The library of clips: what its files share.
 *
 * clips.c    rows and their public shapes; publications
 * ingest.c   from an upload to a certified clip: probe, prepare (or compose), prove, keep
 * routes.c   the API */
#pragma once
#include "core/plugin.h"

typedef struct {
    int64_t at_once, slide_seconds;
} TutorialsSettings;

typedef struct {
    GHashTable *working; /* clip id -> Ingest of ingest.c; owned */
    int64_t told_us;     /* last publication of progress */
} Tutorials;

extern const char *const clips_migrations[];
extern const SerambiTopic clips_topics[];

/* All columns that the shapes need. */
#define CLIP_COLUMNS                                                                               \
    "id, kind, state, title, summary, filename, folder, media, poster, captions, manifest,"        \
    " duration_us, percent, reason_code, reason_message, created_us, author"

/* {"id":"Judul"} or {"id":..,"en":..}: a stored JSON text as an object; {} when it is none. */
json_t *clips_json(const json_t *row, const char *column);
json_t *clips_shape(const json_t *row);       /* what everybody sees of a ready clip */
json_t *clips_staff_shape(const json_t *row); /* with state, percent, reason, filename */
/* Arrays of shapes; NULL with error. */
json_t *clips_ready(Serambi *self, GError **error);
json_t *clips_all(Serambi *self, GError **error);
/* Publish tutorials:list and tutorials:work; inside a savepoint. */
bool clips_publish_list(Serambi *self, GError **error);
bool clips_publish_work(Serambi *self, GError **error);

/* ingest.c */
extern const SerambiUpload ingest_uploads[];
bool ingest_start(Serambi *self, GError **error); /* takes up again what was at work */
void ingest_stop(Serambi *self);
/* Stops the work on a clip that was deleted; its upload stays. */
void ingest_cancel(Serambi *self, int64_t id);
/* Begins with the oldest uploads on their way, at_once at the same time; inside a savepoint. */
void ingest_begin_waiting(Serambi *self);

/* routes.c */
extern const SerambiRoute routes_table[];
