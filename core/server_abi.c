/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a plugin may ask of the server, and the display's functions, which fail here: both programs
 * export all, or a plugin with two halves could not be opened. */
#include "core/folders.h"
#include "core/host_private.h"
#include "core/qr.h"
#include "core/search.h"
#include <sodium.h>
#include <string.h>
#include <sys/statvfs.h>
#include <syslog.h>

/* --- Both places ---------------------------------------------------------------------------------
 */

void *serambi_state(Serambi *self)
{
    return self->state;
}

const void *serambi_settings(Serambi *self)
{
    return self->settings;
}

int64_t serambi_now_us(Serambi *self)
{
    return host_now_us(self->host);
}

/* Plugins name syslog's levels; to GLib all are messages, so that none of them ends a program. */
void serambi_log(Serambi *self, int syslog_level, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    g_autofree char *text = g_strdup_vprintf(format, values);
    va_end(values);
    g_autofree char *message = g_strdup_printf("%s: %s", self->entry->id, text);
    char priority[2] = {(char)('0' + CLAMP(syslog_level, LOG_EMERG, LOG_DEBUG)), '\0'};
    GLogField fields[] = {
        {"MESSAGE", message, -1},
        {"PRIORITY", priority, -1},
        {"SERAMBI_PLUGIN", self->entry->id, -1},
    };
    g_log_structured_array(syslog_level <= LOG_NOTICE ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_INFO,
                           fields, G_N_ELEMENTS(fields));
}

const char *serambi_word(Serambi *self, const char *language, const char *key)
{
    return words_get(self->words, language, key);
}

const char *serambi_public_url(Serambi *self)
{
    return self->host->options.public_url ? self->host->options.public_url : "";
}

/* --- Data ----------------------------------------------------------------------------------------
 */

void serambi_publish(Serambi *self, const char *topic, json_t *body)
{
    HostCallback *callback = self->host->callback;
    if (!callback || !self->host->options.live) {
        json_decref(body);
        g_return_if_fail(callback != NULL);
        return;
    }
    g_autofree char *channel = g_strdup_printf("%s:%s", self->entry->id, topic);
    g_autoptr(GError) error = NULL;
    if (live_publish(self->host->options.live, channel, body, &error) || callback->failure)
        return;
    /* The data must not change without its message. */
    callback->is_full = g_error_matches(error, STORE_ERROR, STORE_ERROR_FULL);
    callback->failure = g_steal_pointer(&error);
}

json_t *serambi_query(Serambi *self, GError **error, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    GError *failure = NULL;
    json_t *rows = store_query_va(self->host->options.store, &failure, sql, types, values);
    va_end(values);
    if (rows)
        return rows;
    HostCallback *callback = self->host->callback;
    if (callback && g_error_matches(failure, STORE_ERROR, STORE_ERROR_FULL))
        callback->is_full = true;
    if (callback && callback->must_succeed && !callback->failure)
        callback->failure = g_error_copy(failure);
    g_propagate_error(error, failure);
    return NULL;
}

bool serambi_note_text(Serambi *self, const char *name, const char *language,
                       const json_t *document, GError **error)
{
    GError *failure = NULL;
    if (search_note(self->host->options.store, self->entry->id, name, language, document, &failure))
        return true;
    HostCallback *callback = self->host->callback;
    if (callback && g_error_matches(failure, STORE_ERROR, STORE_ERROR_FULL))
        callback->is_full = true;
    g_propagate_error(error, failure);
    return false;
}

json_t *serambi_search(Serambi *self, const char *question, const char *language, size_t most,
                       GError **error)
{
    return search_find(self->host->options.store, self->entry->id, question, language, most, error);
}

bool serambi_has_room(Serambi *self, GError **error)
{
    const HostOptions *options = &self->host->options;
    struct statvfs room;
    if (!options->data_folder || statvfs(options->data_folder, &room) != 0)
        return true;
    int64_t free_bytes = (int64_t)room.f_bavail * (int64_t)room.f_frsize;
    if (free_bytes >= options->reserve_bytes)
        return true;
    g_set_error(error, STORE_ERROR, STORE_ERROR_FULL,
                "the disk is full: %" G_GINT64_FORMAT " MB are free, %" G_GINT64_FORMAT
                " MB are kept in reserve",
                free_bytes / 1000000, options->reserve_bytes / 1000000);
    return false;
}

/* --- Work beside the loop ------------------------------------------------------------------------
 *
 * What is asked for inside a savepoint begins when it is on disk, and not at all when it is undone.
 */

/* begin(data), then drop(data); only drop(data) when the savepoint is undone. A plugin may have
 * stopped before begin(). Takes data. */
static void begin_when_kept(Serambi *self, void (*begin)(void *data), void *data,
                            GDestroyNotify drop)
{
    if (store_is_writing(self->host->options.store)) {
        store_after_commit(self->host->options.store, begin, data, drop);
        return;
    }
    begin(data);
    drop(data);
}

typedef struct {
    Serambi *self;
    void (*work)(void *data);
    void (*done)(Serambi *self, void *data);
    void *data;
    GDestroyNotify free_data;
} Errand;

static void free_errand(void *data)
{
    Errand *errand = data;
    if (errand->free_data)
        errand->free_data(errand->data);
    g_free(errand);
}

static void do_errand(void *data)
{
    Errand *errand = *(Errand **)data;
    errand->work(errand->data);
}

static void run_done(Serambi *self, void *data)
{
    Errand *errand = data;
    if (errand->done)
        errand->done(self, errand->data);
}

static void hand_on_errand(void *data)
{
    Errand **slot = data;
    Errand *errand = g_steal_pointer(slot);
    host_run(errand->self, run_done, errand, free_errand);
}

static void free_errand_slot(void *data)
{
    Errand **slot = data;
    if (*slot)
        free_errand(*slot);
    g_free(slot);
}

static void begin_errand(void *data)
{
    Errand **slot = data;
    Serambi *self = (*slot)->self;
    if (!self->is_running)
        return;
    Errand *errand = g_steal_pointer(slot);
    jobs_run(self->host->options.jobs, do_errand, hand_on_errand, g_memdup2(&errand, sizeof errand),
             free_errand_slot);
}

void serambi_run(Serambi *self, void (*work)(void *data), void (*done)(Serambi *self, void *data),
                 void *data, GDestroyNotify free_data)
{
    Errand errand = {
        .self = self, .work = work, .done = done, .data = data, .free_data = free_data};
    Errand *copy = g_memdup2(&errand, sizeof errand);
    begin_when_kept(self, begin_errand, g_memdup2(&copy, sizeof copy), free_errand_slot);
}

struct SerambiJob {
    Serambi *self;
    Job *job;    /* NULL when it ended, or has not begun */
    char **argv; /* until it began */
    void (*on_line)(Serambi *self, const json_t *line, void *data);
    void (*on_exit)(Serambi *self, bool ok, void *data);
    void *data;
    bool is_ok, is_cancelled;
};

static void free_job(void *data)
{
    SerambiJob *job = data;
    g_strfreev(job->argv);
    g_free(job);
}

typedef struct {
    SerambiJob *job;
    json_t *line;
} JobLine;

static void free_job_line(void *data)
{
    JobLine *entry = data;
    json_decref(entry->line);
    g_free(entry);
}

static void run_line(Serambi *self, void *data)
{
    const JobLine *entry = data;
    entry->job->on_line(self, entry->line, entry->job->data);
}

/* Callbacks run in order, so the job outlives its lines. */
static void on_job_line(const json_t *line, void *data)
{
    SerambiJob *job = data;
    if (!job->on_line || !job->self->is_running)
        return;
    JobLine entry = {job, json_incref((json_t *)(uintptr_t)line)};
    host_run(job->self, run_line, g_memdup2(&entry, sizeof entry), free_job_line);
}

static void run_exit(Serambi *self, void *data)
{
    SerambiJob *job = data;
    job->on_exit(self, job->is_ok, job->data);
}

static void on_job_exit(bool ok, const char *message, void *data)
{
    SerambiJob *job = data;
    job->job = NULL;
    job->is_ok = ok;
    if (message)
        g_message("plugin '%s': a job failed: %s", job->self->entry->id, message);
    host_run(job->self, run_exit, job, free_job);
}

static void do_nothing(void *data)
{
}

static void refuse_job(void *data)
{
    SerambiJob **slot = data;
    SerambiJob *job = g_steal_pointer(slot);
    on_job_exit(false, job->is_cancelled ? "it was cancelled" : "too many jobs are waiting", job);
}

static void free_job_slot(void *data)
{
    SerambiJob **slot = data;
    if (*slot)
        free_job(*slot);
    g_free(slot);
}

static void begin_job(void *data)
{
    SerambiJob *job = data;
    Jobs *jobs = job->self->host->options.jobs;
    if (!job->self->is_running)
        return;
    g_auto(GStrv) argv = g_steal_pointer(&job->argv);
    if (!job->is_cancelled)
        job->job = jobs_spawn(jobs, (const char *const *)argv, on_job_line, on_job_exit, job);
    /* on_exit never comes from inside a call of the plugin. */
    if (!job->job)
        jobs_run(jobs, do_nothing, refuse_job, g_memdup2(&job, sizeof job), free_job_slot);
}

/* The plugin may still hold the handle of what never began. */
static void drop_job(void *data)
{
    SerambiJob *job = data;
    if (job->argv)
        g_ptr_array_add(job->self->dropped_jobs, job);
}

void host_free_job(void *job)
{
    free_job(job);
}

SerambiJob *serambi_spawn(Serambi *self, const char *const *argv,
                          void (*on_line)(Serambi *self, const json_t *line, void *data),
                          void (*on_exit)(Serambi *self, bool ok, void *data), void *data)
{
    SerambiJob *job = g_new0(SerambiJob, 1);
    *job = (SerambiJob){.self = self, .on_line = on_line, .on_exit = on_exit, .data = data};
    job->argv = g_strdupv((char **)(uintptr_t)argv);
    begin_when_kept(self, begin_job, job, drop_job);
    return job;
}

void serambi_cancel(SerambiJob *job)
{
    if (!job)
        return;
    job->is_cancelled = true;
    if (job->job)
        jobs_cancel(job->job);
}

/* --- Files ---------------------------------------------------------------------------------------
 */

char *serambi_new_folder(Serambi *self, GError **error)
{
    return folders_new(self->host->options.data_folder, self->entry->id, error);
}

typedef struct {
    Serambi *self;
    char *folder; /* NULL when a thread has it */
} Discard;

static void remove_in_thread(void *data)
{
    g_autoptr(GError) error = NULL;
    if (!folders_remove(data, &error) && !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        g_message("could not remove the work folder '%s': %s", (char *)data, error->message);
}

static void begin_discard(void *data)
{
    Discard *discard = data;
    /* Jobs are taken until the plugins have stopped; what is left then goes at the next start. */
    if (!discard->self->host->is_stopping)
        jobs_run(discard->self->host->options.jobs, remove_in_thread, NULL,
                 g_steal_pointer(&discard->folder), g_free);
}

static void free_discard(void *data)
{
    Discard *discard = data;
    g_free(discard->folder);
    g_free(discard);
}

void serambi_discard_folder(Serambi *self, const char *folder)
{
    const char *data_folder = self->host->options.data_folder;
    g_return_if_fail(data_folder && folder);
    g_return_if_fail(folders_is_owned(data_folder, self->entry->id, folder) ||
                     folders_is_owned(data_folder, "uploads", folder));
    Discard discard = {.self = self, .folder = g_strdup(folder)};
    begin_when_kept(self, begin_discard, g_memdup2(&discard, sizeof discard), free_discard);
}

/* What an earlier life of the plugin left behind, for want of a proper end. */
void host_clear_folders(Serambi *self)
{
    const HostOptions *options = &self->host->options;
    if (!options->data_folder || !options->jobs)
        return;
    g_autofree char *room = g_build_filename(options->data_folder, "work", self->entry->id, NULL);
    g_autoptr(GDir) folders = g_dir_open(room, 0, NULL);
    const char *name;
    while (folders && (name = g_dir_read_name(folders)))
        jobs_run(options->jobs, remove_in_thread, NULL, g_build_filename(room, name, NULL), g_free);
}

typedef struct {
    Serambi *self;
    char *path, *content_type; /* until it began */
    void (*on_kept)(Serambi *self, const char *sha256, int64_t size, const GError *error,
                    void *data);
    void *data;
    char *sha256;
    int64_t size;
    GError *error;
} Keeping;

static void free_keeping(void *data)
{
    Keeping *keeping = data;
    g_free(keeping->path);
    g_free(keeping->content_type);
    g_free(keeping->sha256);
    g_clear_error(&keeping->error);
    g_free(keeping);
}

static void run_kept(Serambi *self, void *data)
{
    const Keeping *keeping = data;
    keeping->on_kept(self, keeping->sha256, keeping->size, keeping->error, keeping->data);
}

static void on_file_kept(const char *sha256, int64_t size, const GError *error, void *data)
{
    Keeping *keeping = data;
    keeping->sha256 = g_strdup(sha256);
    keeping->size = size;
    keeping->error = error ? g_error_copy(error) : NULL;
    host_run(keeping->self, run_kept, keeping, free_keeping);
}

static void begin_keeping(void *data)
{
    Keeping *keeping = data;
    if (!keeping->self->is_running)
        return;
    g_autofree char *path = g_steal_pointer(&keeping->path);
    kept_add(keeping->self->host->options.kept, path, keeping->content_type, on_file_kept, keeping);
}

static void drop_keeping(void *data)
{
    Keeping *keeping = data;
    if (keeping->path)
        free_keeping(keeping);
}

void serambi_keep_file(Serambi *self, const char *path, const char *content_type,
                       void (*on_kept)(Serambi *self, const char *sha256, int64_t size,
                                       const GError *error, void *data),
                       void *data)
{
    Keeping *keeping = g_new0(Keeping, 1);
    *keeping = (Keeping){.self = self,
                         .path = g_strdup(path),
                         .content_type = g_strdup(content_type),
                         .on_kept = on_kept,
                         .data = data};
    begin_when_kept(self, begin_keeping, keeping, drop_keeping);
}

char *serambi_kept_path(Serambi *self, const char *sha256)
{
    g_return_val_if_fail(sha256 && strlen(sha256) == 64, NULL);
    return kept_place(self->host->options.data_folder, sha256);
}

int64_t serambi_file_bytes(Serambi *self, const char *sha256)
{
    return kept_size(self->host->options.kept, sha256);
}

void serambi_forget_file(Serambi *self, const char *sha256)
{
    g_return_if_fail(sha256 && strlen(sha256) == 64);
    g_autoptr(GError) error = NULL;
    if (!kept_remove(self->host->options.kept, sha256, &error))
        serambi_log(self, LOG_WARNING, "could not forget file '%s': %s, it stays", sha256,
                    error->message);
}

/* --- Screens -------------------------------------------------------------------------------------
 */

static bool is_hex(const char *text, size_t size)
{
    return text && strlen(text) == size && text[strspn(text, "0123456789abcdef")] == '\0';
}

bool serambi_admit_display(Serambi *self, const char *key, const char *id, GError **error)
{
    return access_display_admit(self->host->options.store, key, id, error);
}

bool serambi_expel_display(Serambi *self, const char *key, GError **error)
{
    return access_display_expel(self->host->options.store, key, error);
}

bool serambi_is_beside(Serambi *self, const char *key, const char *proof)
{
    const char *secret = self->host->beside;
    uint8_t sum[crypto_auth_hmacsha256_BYTES];
    char right[2 * sizeof sum + 1];
    if (!secret || !is_hex(key, 64) || !is_hex(proof, 2 * sizeof sum))
        return false;
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const uint8_t *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)key, strlen(key));
    crypto_auth_hmacsha256_final(&state, sum);
    sodium_bin2hex(right, sizeof right, sum, sizeof sum);
    return sodium_memcmp(right, proof, 2 * sizeof sum) == 0;
}

/* --- Small things --------------------------------------------------------------------------------
 */

void serambi_gauge(Serambi *self, const char *name, const char *help, double value)
{
    gauges_set(self->host->gauges, self->entry->id, name, help, value);
}

char *serambi_qr_svg(Serambi *self, const char *text)
{
    return qr_svg(text);
}

char *serambi_random_text(Serambi *self, size_t size)
{
    int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    g_autofree uint8_t *bytes = g_malloc(MAX(size, 1));
    randombytes_buf(bytes, size);
    size_t room = sodium_base64_encoded_len(size, variant);
    char *text = g_malloc(room);
    return sodium_bin2base64(text, room, bytes, size, variant);
}

/* --- Displays: not here --------------------------------------------------------------------------
 */

const char *serambi_display_id(Serambi *self)
{
    return "";
}

const char *serambi_display_language(Serambi *self, size_t n)
{
    return NULL;
}

json_t *serambi_display_status(Serambi *self)
{
    return json_object();
}

void serambi_display_arrange(Serambi *self, const char *layout, int volume_percent)
{
}

void serambi_display_reconnect(Serambi *self)
{
}

void serambi_call(Serambi *self, const char *method_and_path, json_t *body,
                  void (*on_reply)(Serambi *self, int status, const json_t *body, void *data),
                  void *data)
{
    json_decref(body);
    if (on_reply)
        on_reply(self, 0, NULL, data);
}

void serambi_want(Serambi *self, const json_t *sources)
{
}

bool serambi_has(Serambi *self, const char *source)
{
    return false;
}

json_t *serambi_kept_json(Serambi *self, const char *source)
{
    return NULL;
}

SerambiClip *serambi_clip_new(Serambi *self, const char *source, int64_t start_us, double gain_db,
                              SerambiClipEnd on_end)
{
    return NULL;
}

bool serambi_clip_is_ready(const SerambiClip *clip)
{
    return false;
}

void serambi_clip_start(SerambiClip *clip, int64_t start_us)
{
}

void serambi_clip_free(SerambiClip *clip)
{
}

void serambi_canvas_size(SerambiCanvas *canvas, int *ret_width, int *ret_height,
                         int *ret_screen_height)
{
    *ret_width = *ret_height = *ret_screen_height = 0;
}

void serambi_draw_plate(SerambiCanvas *canvas, SerambiBox box, const char *colour, double opacity,
                        double radius_px_share)
{
}

void serambi_draw_text(SerambiCanvas *canvas, SerambiBox box, const char *style, const char *colour,
                       SerambiAlign align, const char *text)
{
}

void serambi_draw_marked(SerambiCanvas *canvas, SerambiBox box, const char *style,
                         const char *colour, SerambiAlign align, const char *markup)
{
}

void serambi_draw_caption(SerambiCanvas *canvas, const SerambiCaption *caption)
{
}

void serambi_draw_gliding(SerambiCanvas *canvas, SerambiBox box, const char *style,
                          const char *colour, int64_t start_us, const char *text)
{
}

void serambi_draw_qr(SerambiCanvas *canvas, SerambiBox box, const char *text)
{
}

void serambi_draw_clip(SerambiCanvas *canvas, SerambiClip *clip, SerambiBox box)
{
}

void serambi_draw_clip_shaped(SerambiCanvas *canvas, SerambiClip *clip, SerambiBox box,
                              SerambiShape shape)
{
}
