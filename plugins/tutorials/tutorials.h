/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The library of clips: what its files share.
 *
 * clips.c    rows and their public shapes; publications
 * ingest.c   from an upload to a certified clip: probe, prepare (or compose), prove, keep
 * small.c    afterwards, the small rendition of a clip that is ready
 * attempts.c work that staff stop or begin again
 * routes.c   the API of rows: words, trash, versions, waivers, what visitors said
 * captions.c captions that staff bring or edit: checked, kept, told
 * cues.c     a caption file, read and written; knows nothing of the others
 * find.c     by word and language; the moment when it is said
 * sheet.c    what a document tells of one clip
 * watch.c    a clip's page without script
 * shelf.c    the list of them without script
 * feeds.c    what other programs ask: feeds, oEmbed
 * storyboards.h tutorials written as text: drafts, their files, previews
 * trash.c    what is done with in 30 days, and recordings that were replaced */
#pragma once
#include "core/plugin.h"

typedef struct {
    int64_t at_once, slide_seconds;
} TutorialsSettings;

typedef struct Small Small;

typedef struct {
    GHashTable *working;    /* clip id -> Ingest of ingest.c; owned */
    Small *small;           /* the small rendition that is being made; owned */
    int64_t small_after_us; /* none is begun before */
    int64_t told_us;        /* last publication of progress */
    GHashTable *previews;   /* user -> Preview of storyboard_preview.c; each ends itself */
    GHashTable *materials;  /* id -> Material of storyboard_files.c; owned */
    GHashTable *voices;     /* "address id": how often it said whether it helped today; owned */
} Tutorials;

#define WRITERS (SERAMBI_EDITOR | SERAMBI_ADMIN) /* who may change the library */

extern const char *const clips_migrations[];
extern const SerambiTopic clips_topics[];

/* All columns that the shapes need. */
#define CLIP_COLUMNS                                                                               \
    "id, kind, state, title, summary, filename, folder, media, poster, captions, manifest,"        \
    " duration_us, percent, reason_code, reason_message, created_us, author,"                      \
    " waiver, downloads, helped, unhelped, deleted_us, eta_seconds, out_of_step"

/* {"id":"Judul"} or {"id":..,"en":..}: a stored JSON text as an object; {} when it is none. */
json_t *clips_json(const json_t *row, const char *column);
json_t *clips_shape(const json_t *row);       /* what everybody sees of a ready clip */
json_t *clips_staff_shape(const json_t *row); /* with state, percent, reason, filename */
/* Nobody is left out: it has captions, or somebody said why it needs none, or it has no sound. */
bool clips_is_public(const json_t *row);
bool clips_may_go_without_captions(const json_t *row);
/* Arrays of shapes; NULL with error. ready: those that everybody may watch. */
json_t *clips_ready(Serambi *self, GError **error);
json_t *clips_all(Serambi *self, GError **error);
json_t *clips_trash(Serambi *self, GError **error);
/* A clip's row that everybody may watch; NULL: there is none, or error. New reference. */
json_t *clips_public_row(Serambi *self, int64_t id, GError **error);
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

/* small.c: the least urgent work. Inside a savepoint. */
bool small_begin(Serambi *self, GError **error); /* if none is under way and one is missing */
void small_yield(Serambi *self); /* gives its place to an upload; begins anew later */
void small_free(Small *small);

/* attempts.c: two handlers of routes. */
#define ATTEMPTS_DAYS 7 /* that the upload of a failed one is kept */
void attempts_retry(Serambi *self, SerambiRequest *request);
void attempts_cancel(Serambi *self, SerambiRequest *request);
/* Whether a reason lies in the upload itself, so that another try would end in the same way. */
bool attempts_is_final(const char *code);
bool attempts_sweep(Serambi *self, GError **error); /* uploads that were kept long enough */

/* captions.c: handlers of routes. */
#define CAPTIONS_WAIVERS "no_speech", "music_only", "sign_language", "captions_in_picture"
bool captions_is_waiver(const char *text);
void captions_check(Serambi *self, SerambiRequest *request);
void captions_save(Serambi *self, SerambiRequest *request);
void captions_remove(Serambi *self, SerambiRequest *request);
void captions_download(Serambi *self, SerambiRequest *request);
/* Notes what the worker's WebVTT file says. What cannot be read is only logged. */
void captions_note_file(Serambi *self, int64_t id, const char *language, const char *path);

/* storyboards.c: handlers of routes, and what ingest asks. */
#define STORYBOARD_FILE "tutorial.storyboard"
void storyboards_list(Serambi *self, SerambiRequest *request);
void storyboards_read(Serambi *self, SerambiRequest *request);
void storyboards_create(Serambi *self, SerambiRequest *request);
void storyboards_save(Serambi *self, SerambiRequest *request);
void storyboards_delete(Serambi *self, SerambiRequest *request);
void storyboards_restore(Serambi *self, SerambiRequest *request);
void storyboards_versions(Serambi *self, SerambiRequest *request);
void storyboards_version(Serambi *self, SerambiRequest *request);
void storyboards_make(Serambi *self, SerambiRequest *request);
void storyboards_of_clip(Serambi *self, SerambiRequest *request);
/* A composed clip is ready, before versions_settle(): its draft knows it, or becomes one of text
 * (NULL: too long to be edited) so that it can be edited. */
bool storyboards_settle(Serambi *self, int64_t clip_id, const char *name, const char *text,
                        GError **error);
/* Writes STORYBOARD_FILE and the files that the text names to the folder, then done(). files: as of
 * storyboards_files(). */
void storyboards_lay_out(Serambi *self, const char *folder, const char *text, const json_t *files,
                         void (*done)(Serambi *self, bool ok, void *data), void *data);
/* {"rak-1f2e3d4c.png":{"file":"<hash>"}} of a draft; {} when there is none. NULL with error. */
json_t *storyboards_files(Serambi *self, int64_t id, GError **error);

/* storyboard_files.c */
#define STORYBOARD_PICTURE_BYTES_MAX   (32 * 1024 * 1024)
#define STORYBOARD_RECORDING_BYTES_MAX (64 * 1024 * 1024)
void storyboard_files_on_picture(Serambi *self, const SerambiUploaded *upload);
void storyboard_files_on_recording(Serambi *self, const SerambiUploaded *upload);

/* storyboard_preview.c */
void storyboard_preview(Serambi *self, SerambiRequest *request);
void storyboard_preview_hurry(Serambi *self); /* ends those that take too long */
void storyboard_preview_stop(Serambi *self);

/* trash.c */
#define TRASH_DAYS 30
void trash_sweep(Serambi *self);
/* Clip id is ready: when it came to replace another, that one gets its recording and keeps its
 * address, words and captions, and id is gone. Inside a savepoint. */
bool versions_settle(Serambi *self, int64_t id, GError **error);
json_t *versions_list(Serambi *self, int64_t id, GError **error);
/* Brings a version back; the present one becomes a version. False without error: no such one. */
bool versions_restore(Serambi *self, int64_t id, int64_t version, GError **error);

/* find.c */
#define FIND_MOST 30
/* The search knows of the clip what is true now; inside a savepoint, after every change. */
bool find_note(Serambi *self, int64_t id, GError **error);
bool find_start(Serambi *self, GError **error); /* notes what an earlier version did not */
/* clips_shape() of those that have every word, the best first, with "found_in": language and
 * "moments": [{"ms","text"}]. question and language are a stranger's, or NULL. */
json_t *find_clips(Serambi *self, const char *question, const char *language, GError **error);
void find_answer(Serambi *self, SerambiRequest *request); /* of a route */

/* watch.c, shelf.c, feeds.c: handlers of routes. */
#define WATCH_PATH "/watch/"
#define SHELF_PATH "/tutorials"
/* A visitor says whether it helped: 200, 404, 429 when an address has said enough; 503 with error.
 */
int routes_take_voice(Serambi *self, SerambiRequest *request, int64_t id, bool helped,
                      GError **error);
void watch_voice(Serambi *self, SerambiRequest *request);
void watch_old_address(Serambi *self, SerambiRequest *request);
void watch_sitemap(Serambi *self, SerambiRequest *request);
void shelf_page(Serambi *self, SerambiRequest *request);
void watch_page(Serambi *self, SerambiRequest *request);
void watch_qr(Serambi *self, SerambiRequest *request);
void watch_oembed(Serambi *self, SerambiRequest *request);
void watch_rss(Serambi *self, SerambiRequest *request);
void watch_json_feed(Serambi *self, SerambiRequest *request);

/* routes.c */
extern const SerambiRoute routes_table[];
extern const SerambiRoute routes_pages[];
extern const SerambiBody routes_bodies[];
/* The id in the path; false after having replied. */
bool routes_read_id(SerambiRequest *request, int64_t *ret_id);
/* Tells the world of a changed clip and replies with it; takes rows, error. */
void routes_reply_changed(Serambi *self, SerambiRequest *request, json_t *rows, GError *error);
void routes_reply_failure(SerambiRequest *request, GError *error); /* takes error */
