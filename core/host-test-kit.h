/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * For tests: a plugin in a real host on a store in memory, with a fake clock and a data folder of
 * its own. Failures of the kit itself end the test.
 *
 *     Kit *kit = kit_new(&serambi_plugin);
 *     int status;
 *     json_t *body = kit_call(kit, SERAMBI_PUBLIC, "POST", "/api/queue/tickets",
 *                             json_pack("{s:i}", "service", 1), &status);
 *     g_assert_cmpint(status, ==, 201);
 *     g_assert_cmpuint(json_array_size(kit_published(kit, "queue:board")), ==, 2);
 *     kit_turn_clock(kit, 60);
 *     json_decref(body);
 *     kit_free(kit); */
#pragma once
#include "core/plugin.h"
#include "core/store.h"

typedef struct Kit Kit;

/* The clock begins at 2026-11-23 08:00:00 UTC; the user of a role is called like it ("editor"). */
#define KIT_START_US INT64_C(1795420800000000)

/* The plugin runs when this returns. */
Kit *kit_new(const SerambiPlugin *plugin);
/* settings: an ini file's text, or NULL. worker: a program in the place of serambi-media, or NULL.
 * is_running is not asserted, see kit_reason(). */
Kit *kit_new_with(const SerambiPlugin *plugin, const char *settings, const char *worker);
void kit_free(Kit *kit);

/* Why the plugin is off; NULL when it runs. */
const char *kit_reason(Kit *kit);
Serambi *kit_self(Kit *kit);
Store *kit_store(Kit *kit);
uv_loop_t *kit_loop(Kit *kit);
struct Host *kit_host(Kit *kit); /* for tests of the core */
const char *kit_data_folder(Kit *kit);

/* Calls "/api/<id>/...", "?name=value" included, waits for the answer and until the host is idle.
 * Takes body (NULL: {}). New reference, never NULL; a reply that is not JSON is
 * {"content_type","text"}. */
json_t *kit_call(Kit *kit, uint32_t role, const char *method, const char *path, json_t *body,
                 int *ret_status);
/* The same, and asserts the status. */
json_t *kit_call_ok(Kit *kit, uint32_t role, const char *method, const char *path, json_t *body);

/* All messages of a channel since the kit began or kit_forget(), oldest first. Borrowed until the
 * next call of the kit. */
json_t *kit_published(Kit *kit, const char *channel);
/* The newest of them; NULL when there is none. */
const json_t *kit_newest(Kit *kit, const char *channel);
void kit_forget(Kit *kit);
/* Another plugin's message, as the plugin's watches see it. Takes body. The channel must not be one
 * of the plugin's own. */
void kit_publish(Kit *kit, const char *channel, json_t *body);

int64_t kit_now_us(Kit *kit);
/* Turns the clock second by second, timers run when they are due; then until idle. */
void kit_turn_clock(Kit *kit, int64_t seconds);
/* Until nothing is written, no job runs and none waits. */
void kit_run(Kit *kit);

/* A finished upload of the plugin's kind name with these bytes. metadata: object of strings, taken.
 * False when something that on_complete() asked of the store failed: then it was undone. */
bool kit_upload(Kit *kit, const char *name, const char *filename, const void *bytes, size_t size,
                json_t *metadata);

/* Rows of a statement that reads. New reference. */
json_t *kit_query(Kit *kit, const char *sql);
/* Stops the plugin and starts it again on the same store, as after a restart of the server. What
 * was published before is kept in kit_published(). */
void kit_restart(Kit *kit);
/* The next commits fail as on a full disk, until called with false. */
void kit_fill_disk(Kit *kit, bool is_full);
