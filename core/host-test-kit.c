/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The kit is the server without its web: the same host, store, live channels, jobs and media store.
 */
#include "core/host-test-kit.h"
#include "core/folders.h"
#include "core/host_private.h"
#include "core/search.h"
#include <glib/gstdio.h>
#include <sodium.h>
#include <string.h>

struct Kit {
    uv_loop_t loop;
    const SerambiPlugin *plugin;
    char *folder;
    char *settings_path; /* NULL: the defaults */
    Settings *settings;
    Store *store;
    Jobs *jobs;
    Kept *kept;
    Live *live;
    Host *host;
    int64_t now_us;
    json_t *published; /* channel to array */
    GHashTable *foreign;
    char *worker;
    int uploads;
};

static int64_t tell_time(void *data)
{
    return ((const Kit *)data)->now_us;
}

static void hear(const char *channel, const json_t *body, void *data)
{
    Kit *kit = data;
    json_t *list = json_object_get(kit->published, channel);
    if (!list) {
        list = json_array();
        (void)json_object_set_new(kit->published, channel, list);
    }
    (void)json_array_append_new(list, json_deep_copy(body));
}

static void listen_to_plugin(Kit *kit)
{
    g_autofree char *channels = g_strdup_printf("%s:", kit->plugin->id);
    live_watch(kit->live, channels, hear, kit);
}

/* --- Starting and stopping -----------------------------------------------------------------------
 */

static void start_host(Kit *kit)
{
    g_autoptr(GError) error = NULL;
    JobsOptions jobs_options = {
        .worker = kit->worker ? kit->worker : "/bin/false", .parallel = 2, .seconds = 60};
    kit->jobs = jobs_new(&kit->loop, &jobs_options);
    kit->kept = kept_new(kit->store, kit->jobs, kit->folder, &error);
    g_assert_no_error(error);
    kit->live = live_new(kit->store, &kit->loop, &error);
    g_assert_no_error(error);
    HostOptions options = {.loop = &kit->loop,
                           .store = kit->store,
                           .live = kit->live,
                           .jobs = kit->jobs,
                           .kept = kit->kept,
                           .data_folder = kit->folder,
                           .public_url = "http://serambi.test:8080",
                           .now_us = tell_time,
                           .now_data = kit};
    kit->host = host_new(&options);
    listen_to_plugin(kit);
    kit->settings = settings_load(kit->settings_path, true, &error);
    g_assert_no_error(error);
    GPtrArray *entries = g_ptr_array_new_with_free_func((GDestroyNotify)loader_entry_free);
    g_ptr_array_add(entries, loader_check(kit->plugin));
    host_start(kit->host, entries, kit->settings);
    kit_run(kit);
}

static void on_jobs_closed(void *data)
{
    *(bool *)data = true;
}

static void stop_host(Kit *kit)
{
    bool is_closed = false;
    host_stop(kit->host);
    jobs_close(kit->jobs, on_jobs_closed, &is_closed);
    while (!is_closed || !store_is_idle(kit->store))
        (void)uv_run(&kit->loop, UV_RUN_ONCE);
    host_free(kit->host);
    live_free(kit->live);
    kept_free(kit->kept);
    settings_free(kit->settings);
}

Kit *kit_new_with(const SerambiPlugin *plugin, const char *settings, const char *worker)
{
    Kit *kit = g_new0(Kit, 1);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(sodium_init(), >=, 0);
    g_assert_cmpint(uv_loop_init(&kit->loop), ==, 0);
    kit->plugin = plugin;
    kit->worker = g_strdup(worker);
    kit->now_us = KIT_START_US;
    kit->published = json_object();
    kit->foreign = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    kit->folder = g_dir_make_tmp("serambi-kit-XXXXXX", &error);
    g_assert_no_error(error);
    if (settings) {
        kit->settings_path = g_build_filename(kit->folder, "serambi.ini", NULL);
        g_assert_true(g_file_set_contents(kit->settings_path, settings, -1, NULL));
    }
    kit->store = store_open(NULL, false, &kit->loop, &error);
    g_assert_no_error(error);
    g_assert_true(access_migrate(kit->store, &error));
    g_assert_true(kept_migrate(kit->store, &error));
    g_assert_true(search_migrate(kit->store, &error));
    start_host(kit);
    return kit;
}

Kit *kit_new(const SerambiPlugin *plugin)
{
    Kit *kit = kit_new_with(plugin, NULL, NULL);
    g_assert_cmpstr(kit_reason(kit), ==, NULL);
    return kit;
}

void kit_free(Kit *kit)
{
    stop_host(kit);
    store_close(kit->store);
    (void)uv_run(&kit->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&kit->loop), ==, 0);
    g_assert_true(folders_remove(kit->folder, NULL));
    json_decref(kit->published);
    g_hash_table_unref(kit->foreign);
    g_free(kit->settings_path);
    g_free(kit->folder);
    g_free(kit->worker);
    g_free(kit);
}

void kit_restart(Kit *kit)
{
    stop_host(kit);
    g_hash_table_remove_all(kit->foreign);
    start_host(kit);
    g_assert_cmpstr(kit_reason(kit), ==, NULL);
}

/* --- Looking -------------------------------------------------------------------------------------
 */

Serambi *kit_self(Kit *kit)
{
    return kit->host->plugins->pdata[0];
}

const char *kit_reason(Kit *kit)
{
    const Serambi *self = kit_self(kit);
    return self->is_running ? NULL : self->reason ? self->reason : "it is starting";
}

uv_loop_t *kit_loop(Kit *kit)
{
    return &kit->loop;
}

struct Host *kit_host(Kit *kit)
{
    return kit->host;
}

Store *kit_store(Kit *kit)
{
    return kit->store;
}

const char *kit_data_folder(Kit *kit)
{
    return kit->folder;
}

int64_t kit_now_us(Kit *kit)
{
    return kit->now_us;
}

json_t *kit_query(Kit *kit, const char *sql)
{
    g_autoptr(GError) error = NULL;
    json_t *rows = store_query(kit->store, &error, sql, NULL);
    g_assert_no_error(error);
    return rows;
}

json_t *kit_published(Kit *kit, const char *channel)
{
    json_t *list = json_object_get(kit->published, channel);
    if (!list) {
        list = json_array();
        (void)json_object_set_new(kit->published, channel, list);
    }
    return list;
}

const json_t *kit_newest(Kit *kit, const char *channel)
{
    const json_t *list = kit_published(kit, channel);
    size_t size = json_array_size(list);
    return size ? json_array_get(list, size - 1) : NULL;
}

void kit_forget(Kit *kit)
{
    (void)json_object_clear(kit->published);
}

/* --- Doing ---------------------------------------------------------------------------------------
 */

void kit_run(Kit *kit)
{
    do {
        while (!store_is_idle(kit->store) || !jobs_is_idle(kit->jobs))
            (void)uv_run(&kit->loop, UV_RUN_ONCE);
        (void)uv_run(&kit->loop, UV_RUN_NOWAIT);
    } while (!store_is_idle(kit->store) || !jobs_is_idle(kit->jobs));
}

void kit_turn_clock(Kit *kit, int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        kit->now_us += G_USEC_PER_SEC;
        host_tick(kit->host);
        if (!store_is_idle(kit->store))
            kit_run(kit);
    }
    kit_run(kit);
}

typedef struct {
    int status;
    json_t *body;
} Answer;

static void on_answer(int status, const json_t *body, void *data)
{
    Answer *answer = data;
    g_assert_cmpint(answer->status, ==, 0);
    answer->status = status;
    answer->body = body ? json_deep_copy(body) : json_null();
}

json_t *kit_call(Kit *kit, uint32_t role, const char *method, const char *path, json_t *body,
                 int *ret_status)
{
    Answer answer = {0};
    Identity identity = {.role = role};
    g_autofree char *call = g_strdup_printf("%s %s", method, path);
    if (role != SERAMBI_PUBLIC)
        (void)g_strlcpy(identity.name, access_role_text(role), sizeof identity.name);
    host_call(kit->host, &identity, "192.0.2.7", call, body ? body : json_object(), on_answer,
              &answer);
    kit_run(kit);
    if (!answer.status)
        g_error("'%s' was not answered", call);
    if (ret_status)
        *ret_status = answer.status;
    return answer.body;
}

json_t *kit_call_ok(Kit *kit, uint32_t role, const char *method, const char *path, json_t *body)
{
    int status = 0;
    json_t *answer = kit_call(kit, role, method, path, body, &status);
    if (status >= 400) {
        g_autofree char *text = json_dumps(answer, JSON_ENCODE_ANY);
        g_error("'%s %s' was answered with %d: %s", method, path, status, text);
    }
    return answer;
}

typedef struct {
    Kit *kit;
    const char *channel;
    json_t *body;
} Foreign;

static bool work_publish(Store *store, void *data)
{
    Foreign *foreign = data;
    g_autoptr(GError) error = NULL;
    bool is_published = live_publish(foreign->kit->live, foreign->channel, foreign->body, &error);
    g_assert_no_error(error);
    return is_published;
}

void kit_publish(Kit *kit, const char *channel, json_t *body)
{
    LiveTopic topic = {.name = channel, .readers = SERAMBI_ANYBODY, .keep_days = 1};
    if (g_hash_table_add(kit->foreign, g_strdup(channel)) && !live_find(kit->live, channel))
        g_assert_true(live_declare(kit->live, &topic, NULL));
    Foreign foreign = {kit, channel, body};
    store_write(kit->store, work_publish, NULL, &foreign);
    kit_run(kit);
}

typedef struct {
    Kit *kit;
    const SerambiUpload *upload;
    SerambiUploaded uploaded;
    bool is_taken;
} Delivery;

static bool work_delivery(Store *store, void *data)
{
    Delivery *delivery = data;
    g_autoptr(GError) error = NULL;
    delivery->is_taken =
        host_hand_over(kit_self(delivery->kit), delivery->upload, &delivery->uploaded, &error);
    g_assert_true(delivery->is_taken == (error == NULL));
    return delivery->is_taken;
}

bool kit_upload(Kit *kit, const char *name, const char *filename, const void *bytes, size_t size,
                json_t *metadata)
{
    const SerambiUpload *upload = kit->plugin->uploads;
    while (upload && upload->name && !g_str_equal(upload->name, name))
        upload++;
    g_assert_true(upload && upload->name);
    json_auto_t *known = metadata ? metadata : json_object();
    g_autofree char *id = g_strdup_printf("kitupload%013d", ++kit->uploads);
    g_autofree char *folder = g_build_filename(kit->folder, "work", "uploads", id, NULL);
    g_autofree char *path = g_build_filename(folder, "file", NULL);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, bytes, (gssize)size, NULL));
    Delivery delivery = {.kit = kit,
                         .upload = upload,
                         .uploaded = {.id = id,
                                      .path = path,
                                      .folder = folder,
                                      .filename = filename,
                                      .user = "editor",
                                      .size = (int64_t)size,
                                      .metadata = known}};
    store_write(kit->store, work_delivery, NULL, &delivery);
    kit_run(kit);
    return delivery.is_taken;
}

void kit_fill_disk(Kit *kit, bool is_full)
{
    store_set_max_pages(kit->store, is_full ? 1 : 0);
}
