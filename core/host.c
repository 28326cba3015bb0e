/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Plugins on the server: their life, and their callbacks as savepoints. What a plugin replies
 * inside a savepoint is held with it and sent when the commit is on disk. */
#include "core/host_private.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sodium.h>
#include <string.h>

/* Timers count in seconds. */
#define CLOCK_MS 1000
/* Of the secret that proves a screen to be on the server's own machine. */
#define BESIDE_BYTES 32

typedef struct {
    Serambi *self;
    const SerambiWatch *watch;
} HostWatch;

typedef struct {
    const SerambiWatch *watch;
    char *channel;
    json_t *body;
} Message;

typedef struct {
    Serambi *self;
    const SerambiUpload *upload;
} HostUpload;

int64_t host_now_us(const Host *host)
{
    return host->options.now_us ? host->options.now_us(host->options.now_data) : g_get_real_time();
}

Serambi *host_find(Host *host, const char *id)
{
    for (guint i = 0; i < host->plugins->len; i++) {
        Serambi *self = host->plugins->pdata[i];
        if (g_str_equal(self->entry->id, id))
            return self;
    }
    return NULL;
}

/* --- Callbacks as savepoints ---------------------------------------------------------------------
 */

static HostCallback *callback_new(Serambi *self, void (*run)(Serambi *self, void *data), void *data,
                                  GDestroyNotify free_data)
{
    HostCallback *callback = g_new0(HostCallback, 1);
    callback->self = self;
    callback->run = run;
    callback->data = data;
    callback->free_data = free_data;
    callback->answered = g_ptr_array_new_with_free_func((GDestroyNotify)request_unref);
    return callback;
}

static void callback_free(HostCallback *callback)
{
    if (callback->free_data)
        callback->free_data(callback->data);
    g_ptr_array_unref(callback->answered);
    g_clear_error(&callback->failure);
    g_free(callback);
}

static bool work_callback(Store *store, void *data)
{
    HostCallback *callback = data;
    Host *host = callback->self->host;
    HostCallback *outer = host->callback;
    if (!callback->self->is_running)
        return false;
    host->callback = callback;
    callback->run(callback->self, callback->data);
    host->callback = outer;
    callback->is_kept = !callback->is_refused && !callback->failure;
    return callback->is_kept;
}

/* What a request hears that was answered well in a savepoint that is gone. */
static void spoil(SerambiRequest *request, const HostCallback *callback, const GError *error)
{
    bool is_full = callback->is_full || g_error_matches(error, STORE_ERROR, STORE_ERROR_FULL);
    if (is_full)
        request_fail(request, 507, "error.full", "the disk is full");
    else if (error)
        request_fail(request, 503, "error.store", error->message);
    else
        request_fail(request, 500, "error.internal",
                     callback->failure ? callback->failure->message : "the callback was undone");
}

static void after_callback(Store *store, bool kept, const GError *error, void *data)
{
    HostCallback *callback = data;
    if (error)
        g_message("plugin '%s': a callback is lost: %s", callback->self->entry->id, error->message);
    for (guint i = 0; i < callback->answered->len; i++) {
        SerambiRequest *request = callback->answered->pdata[i];
        bool is_well = request->status < 400;
        if ((is_well && !kept) || (request->status >= 500 && callback->is_full))
            spoil(request, callback, error);
        request_send(request);
    }
    callback_free(callback);
}

void host_run(Serambi *self, void (*run)(Serambi *self, void *data), void *data,
              GDestroyNotify free_data)
{
    store_write(self->host->options.store, work_callback, after_callback,
                callback_new(self, run, data, free_data));
}

/* --- Watches, timers, uploads --------------------------------------------------------------------
 */

static void free_message(void *data)
{
    Message *message = data;
    g_free(message->channel);
    json_decref(message->body);
    g_free(message);
}

static void run_message(Serambi *self, void *data)
{
    const Message *message = data;
    message->watch->on_message(self, message->channel, message->body);
}

static void on_message(const char *channel, const json_t *body, void *data)
{
    const HostWatch *watch = data;
    if (!watch->self->is_running)
        return;
    Message *message = g_new0(Message, 1);
    message->watch = watch->watch;
    message->channel = g_strdup(channel);
    message->body = json_incref((json_t *)(uintptr_t)body);
    host_run(watch->self, run_message, message, free_message);
}

static void add_watches(Serambi *self)
{
    Host *host = self->host;
    for (const SerambiWatch *watch = self->plugin->watches; watch && watch->channel; watch++) {
        HostWatch *entry = g_new0(HostWatch, 1);
        entry->self = self;
        entry->watch = watch;
        g_ptr_array_add(host->watches, entry);
        if (host->options.live)
            live_watch(host->options.live, watch->channel, on_message, entry);
    }
}

static void run_timer(Serambi *self, void *data)
{
    const SerambiTimer *timer = data;
    timer->on_tick(self);
}

/* A clock that jumped back must not silence a timer for that long. */
static void tick_plugin(Serambi *self, int64_t now_us)
{
    const SerambiTimer *timers = self->plugin->timers;
    for (guint i = 0; timers && timers[i].name; i++) {
        int64_t *due_us = &g_array_index(self->due_us, int64_t, i);
        int64_t every_us = (int64_t)timers[i].every_seconds * G_USEC_PER_SEC;
        if (*due_us - now_us > every_us)
            *due_us = now_us + every_us;
        if (now_us < *due_us)
            continue;
        *due_us = now_us + every_us;
        host_run(self, run_timer, (void *)(uintptr_t)&timers[i], NULL);
    }
}

void host_tick(Host *host)
{
    int64_t now_us = host_now_us(host);
    for (guint i = 0; i < host->plugins->len; i++) {
        Serambi *self = host->plugins->pdata[i];
        if (self->is_running)
            tick_plugin(self, now_us);
    }
}

static void on_clock(uv_timer_t *clock)
{
    host_tick(clock->data);
}

typedef struct {
    const SerambiUpload *upload;
    const SerambiUploaded *uploaded;
} Arrival;

static void run_upload(Serambi *self, void *data)
{
    const Arrival *arrival = data;
    arrival->upload->on_complete(self, arrival->uploaded);
}

/* The callback has run when store_write() returns. The plugin can not say that it failed, but what
 * it asked of the store can. */
bool host_hand_over(Serambi *self, const SerambiUpload *upload, const SerambiUploaded *uploaded,
                    GError **error)
{
    Store *store = self->host->options.store;
    Arrival arrival = {upload, uploaded};
    HostCallback *callback = callback_new(self, run_upload, &arrival, NULL);
    callback->must_succeed = true;
    g_assert(store_is_writing(store));
    store_write(store, work_callback, after_callback, callback);
    if (callback->is_kept)
        return true;
    if (callback->failure)
        g_propagate_error(error, g_error_copy(callback->failure));
    else
        g_set_error(error, STORE_ERROR, STORE_ERROR_SQL, "plugin '%s' did not take it",
                    self->entry->id);
    return false;
}

static bool on_uploaded(const void *uploaded, void *data, GError **error)
{
    const HostUpload *entry = data;
    return host_hand_over(entry->self, entry->upload, uploaded, error);
}

static void add_uploads(Serambi *self)
{
    Host *host = self->host;
    for (const SerambiUpload *upload = self->plugin->uploads; upload && upload->name; upload++) {
        HostUpload *entry = g_new0(HostUpload, 1);
        g_autofree char *kind = g_strdup_printf("%s:%s", self->plugin->id, upload->name);
        entry->self = self;
        entry->upload = upload;
        g_ptr_array_add(host->watches, entry);
        UploadKind description = {.kind = kind,
                                  .roles = upload->roles,
                                  .max_bytes = upload->max_bytes,
                                  .on_complete = on_uploaded,
                                  .data = entry};
        if (host->options.uploads)
            uploads_add_kind(host->options.uploads, &description);
    }
}

/* --- Life ----------------------------------------------------------------------------------------
 */

static void turn_off(Serambi *self, const char *reason)
{
    if (!self->reason)
        self->reason = g_strdup(reason);
    g_message("plugin '%s' is off: %s", self->entry->id, reason);
}

static bool declare_topics(Serambi *self, GError **error)
{
    Live *live = self->host->options.live;
    for (const SerambiTopic *topic = self->plugin->topics; topic && topic->name; topic++) {
        g_autofree char *name = g_strdup_printf("%s:%s", self->plugin->id, topic->name);
        LiveTopic declaration = {.name = name,
                                 .is_feed = topic->kind == SERAMBI_FEED,
                                 .readers = topic->readers,
                                 .keep_days = topic->keep_days};
        if (live && !live_declare(live, &declaration, error))
            return false;
    }
    return true;
}

/* All that comes before the plugin's own code runs. */
static bool prepare(Serambi *self, Settings *settings, GError **error)
{
    const SerambiPlugin *plugin = self->plugin;
    self->state = g_malloc0(MAX(plugin->state_size, 1));
    self->settings = g_malloc0(MAX(plugin->settings_size, 1));
    self->words = words_new(plugin->assets);
    if (!settings_fill(settings, plugin->id, plugin->settings, self->settings, error))
        return false;
    if (plugin->migrations &&
        !store_migrate(self->host->options.store, plugin->id, plugin->migrations, error))
        return false;
    return declare_topics(self, error);
}

static void set_timers(Serambi *self)
{
    int64_t now_us = host_now_us(self->host);
    const SerambiTimer *timers = self->plugin->timers;
    for (guint i = 0; timers && timers[i].name; i++) {
        int64_t due_us = now_us + (int64_t)timers[i].every_seconds * G_USEC_PER_SEC;
        g_array_append_val(self->due_us, due_us);
    }
}

static bool work_start(Store *store, void *data)
{
    HostCallback *callback = data;
    Serambi *self = callback->self;
    if (self->host->is_stopping)
        return false;
    self->host->callback = callback;
    self->is_started = true;
    GError *error = NULL;
    bool is_started = !self->plugin->start || self->plugin->start(self, &error);
    self->host->callback = NULL;
    if (is_started && !callback->failure)
        return true;
    /* Nothing else of it runs in the rest of the turn. */
    self->is_running = false;
    if (is_started)
        return false;
    callback->failure =
        error ? error : g_error_new(LOADER_ERROR, LOADER_ERROR_TABLE, "start() gave no reason");
    return false;
}

static void stop_plugin(Serambi *self)
{
    if (!self->is_started)
        return;
    self->is_started = false;
    request_refuse_all(self);
    if (self->plugin->stop)
        self->plugin->stop(self);
    self->is_running = false;
    request_refuse_all(self);
}

static void after_start(Store *store, bool kept, const GError *error, void *data)
{
    HostCallback *callback = data;
    Serambi *self = callback->self;
    if (!kept) {
        const GError *why = error ? error : callback->failure;
        turn_off(self, why ? why->message : "start() failed");
        stop_plugin(self);
    }
    callback_free(callback);
}

static void start_plugin(Serambi *self)
{
    self->is_running = true;
    host_clear_folders(self);
    set_timers(self);
    add_watches(self);
    add_uploads(self);
    store_write(self->host->options.store, work_start, after_start,
                callback_new(self, NULL, NULL, NULL));
}

static Serambi *plugin_new(Host *host, const LoaderEntry *entry)
{
    Serambi *self = g_new0(Serambi, 1);
    self->host = host;
    self->entry = entry;
    self->plugin = entry->plugin;
    self->due_us = g_array_new(FALSE, FALSE, sizeof(int64_t));
    self->dropped_jobs = g_ptr_array_new_with_free_func(host_free_job);
    self->requests = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)request_unref, NULL);
    if (!entry->plugin)
        turn_off(self, entry->error ? entry->error->message : "refused");
    else if (!(entry->plugin->places & SERAMBI_ON_SERVER) && !entry->plugin->assets)
        self->reason = g_strdup("only for displays");
    return self;
}

static void plugin_free(void *data)
{
    Serambi *self = data;
    g_hash_table_unref(self->requests);
    g_ptr_array_unref(self->dropped_jobs);
    g_array_unref(self->due_us);
    words_free(self->words);
    g_free(self->state);
    g_free(self->settings);
    g_free(self->reason);
    g_free(self);
}

void host_start(Host *host, GPtrArray *entries, Settings *settings)
{
    host->entries = entries;
    for (guint i = 0; i < entries->len; i++) {
        Serambi *self = plugin_new(host, entries->pdata[i]);
        g_ptr_array_add(host->plugins, self);
        g_autoptr(GError) error = NULL;
        if (!self->reason && !prepare(self, settings, &error))
            turn_off(self, error->message);
    }
    /* Migrations are over before the first write. */
    for (guint i = 0; i < host->plugins->len; i++) {
        Serambi *self = host->plugins->pdata[i];
        if (!self->reason)
            start_plugin(self);
    }
    if (host->options.uploads)
        uploads_resume(host->options.uploads);
}

static void run_settings_changed(Serambi *self, void *data)
{
    if (self->plugin->settings_changed)
        self->plugin->settings_changed(self);
}

bool host_reload(Host *host, Settings *settings, GError **error)
{
    g_autoptr(GPtrArray) fresh = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < host->plugins->len; i++) {
        Serambi *self = host->plugins->pdata[i];
        void *target = NULL;
        if (self->plugin) {
            target = g_malloc0(MAX(self->plugin->settings_size, 1));
            if (!settings_fill(settings, self->plugin->id, self->plugin->settings, target, error)) {
                g_free(target);
                return false;
            }
        }
        g_ptr_array_add(fresh, target);
    }
    for (guint i = 0; i < host->plugins->len; i++) {
        Serambi *self = host->plugins->pdata[i];
        if (!self->settings)
            continue;
        memcpy(self->settings, fresh->pdata[i], self->plugin->settings_size);
        if (self->is_running)
            host_run(self, run_settings_changed, NULL, NULL);
    }
    return true;
}

void host_stop(Host *host)
{
    if (host->is_stopping)
        return;
    host->is_stopping = true;
    (void)uv_timer_stop(host->clock);
    for (guint i = host->plugins->len; i > 0; i--)
        stop_plugin(host->plugins->pdata[i - 1]);
}

/* --- The secret of the own machine ---------------------------------------------------------------
 */

static char *read_or_make_secret(const char *data_folder)
{
    g_autofree char *folder = g_build_filename(data_folder, "secrets", NULL);
    g_autofree char *path = g_build_filename(folder, "beside", NULL);
    char *text = NULL;
    if (g_file_get_contents(path, &text, NULL, NULL))
        return g_strchomp(text);
    uint8_t bytes[BESIDE_BYTES];
    char hex[2 * BESIDE_BYTES + 1];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(hex, sizeof hex, bytes, sizeof bytes);
    g_autoptr(GError) error = NULL;
    if (g_mkdir_with_parents(folder, 0700) == 0 &&
        g_file_set_contents_full(path, hex, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
        return g_strdup(hex);
    g_message("could not write '%s': %s, a screen beside this server needs a code", path,
              error ? error->message : "no folder");
    return NULL;
}

Host *host_new(const HostOptions *options)
{
    Host *host = g_new0(Host, 1);
    host->options = *options;
    host->plugins = g_ptr_array_new_with_free_func(plugin_free);
    host->watches = g_ptr_array_new_with_free_func(g_free);
    host->gauges = gauges_new();
    if (options->data_folder)
        host->beside = read_or_make_secret(options->data_folder);
    host->clock = g_new0(uv_timer_t, 1);
    (void)uv_timer_init(options->loop, host->clock);
    host->clock->data = host;
    (void)uv_timer_start(host->clock, on_clock, CLOCK_MS, CLOCK_MS);
    uv_unref((uv_handle_t *)host->clock);
    return host;
}

static void free_handle(uv_handle_t *handle)
{
    g_free(handle);
}

void host_free(Host *host)
{
    if (!host)
        return;
    host_stop(host);
    uv_close((uv_handle_t *)host->clock, free_handle);
    g_ptr_array_unref(host->plugins);
    g_ptr_array_unref(host->watches);
    gauges_free(host->gauges);
    g_clear_pointer(&host->entries, g_ptr_array_unref);
    g_free(host->beside);
    g_free(host);
}

void host_write_gauges(const Host *host, GString *out)
{
    gauges_write(host->gauges, out);
}

json_t *host_plugins(Host *host)
{
    json_t *list = json_array();
    for (guint i = 0; i < host->plugins->len; i++) {
        const Serambi *self = host->plugins->pdata[i];
        const SerambiPlugin *plugin = self->plugin;
        json_t *item =
            json_pack("{s:s, s:s, s:s, s:s}", "id", self->entry->id, "version",
                      plugin ? plugin->version : "", "summary", plugin ? plugin->summary : "",
                      "state", self->is_running ? "running" : "off");
        if (self->reason)
            (void)json_object_set_new(item, "reason", json_string(self->reason));
        (void)json_array_append_new(list, item);
    }
    return list;
}
