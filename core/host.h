/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The server's host of plugins: checks and starts them, runs their callbacks as savepoints, carries
 * their routes, topics, watches, timers, uploads and jobs. */
#pragma once
#include "core/access.h"
#include "core/assets.h"
#include "core/jobs.h"
#include "core/kept.h"
#include "core/live.h"
#include "core/loader.h"
#include "core/settings.h"
#include "core/store.h"
#include "core/uploads.h"
#include "core/web.h"

typedef struct Host Host;

typedef struct {
    uv_loop_t *loop;
    Store *store;
    Live *live;
    Access *access;
    Jobs *jobs;
    Kept *kept;
    Uploads *uploads;
    Assets *assets;
    const char *data_folder;
    const char *public_url; /* see serambi_public_url() */
    int64_t reserve_bytes;
    int64_t (*now_us)(void *data); /* NULL: the real clock */
    void *now_data;
} HostOptions;

Host *host_new(const HostOptions *options);
/* Takes entries (of loader.h); settings is borrowed and must outlive the host. Migrates, fills,
 * starts. A plugin that fails is off; the others run. */
void host_start(Host *host, GPtrArray *entries, Settings *settings);
/* After a change of the settings file: every running plugin's values are read again, then
 * settings_changed() runs; all or nothing. settings is borrowed as in host_start(), whose own may
 * go when this returned true. */
bool host_reload(Host *host, Settings *settings, GError **error);
/* stop() of each plugin; open requests get 503. */
void host_stop(Host *host);
void host_free(Host *host);

/* /api/<plugin>/...: identifies, checks role and origin, collects the body, runs the route. Also
 * /api/plugins: [{"id","version","summary","state":"running"|"off","reason":..}],
 * /api/openapi.json, /api/asyncapi.json. */
void host_handle_api(Host *host, HttpRequest *request);
/* A page of a plugin ("/watch/7"), in the same way; false: there is none at this address. */
bool host_handle_page(Host *host, HttpRequest *request);
/* The same for rpc, see client.h. */
void host_call(void *host, const Identity *identity, const char *peer, const char *method,
               json_t *body, void (*on_reply)(int status, const json_t *body, void *reply_data),
               void *reply_data);
json_t *host_plugins(Host *host);
/* What plugins told by serambi_gauge(), for /metrics. */
void host_write_gauges(const Host *host, GString *out);
/* Runs the timers of all plugins that are due (the loop does it each second; tests call it). */
void host_tick(Host *host);
