/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What the files of the host share: a plugin on the server, a request, a callback. */
#pragma once
#include "core/gauges.h"
#include "core/host.h"
#include "core/words.h"

struct Serambi {
    Host *host;
    const SerambiPlugin *plugin; /* NULL when the loader refused it */
    const LoaderEntry *entry;
    char *reason; /* why it is off */
    bool is_running;
    bool is_started; /* start() ran: stop() is due */
    void *state, *settings;
    GArray *due_us;       /* int64_t, of each timer */
    GHashTable *requests; /* SerambiRequest: not answered yet, owns a reference */
    Words *words;
    GPtrArray *dropped_jobs; /* SerambiJob: asked for in a savepoint that was undone */
};

/* A plugin's callback that may write: one savepoint. */
typedef struct HostCallback {
    Serambi *self;
    void (*run)(Serambi *self, void *data);
    void *data;
    GDestroyNotify free_data;
    GPtrArray *answered; /* SerambiRequest, with a reference */
    GError *failure;     /* something that undoes it whatever it replied */
    bool is_refused;     /* it replied with 400 or more */
    bool is_full;        /* a statement failed for want of room */
    bool must_succeed;   /* a statement that fails undoes it */
    bool is_kept;        /* it ran, and was not undone */
} HostCallback;

struct Host {
    HostOptions options;
    GPtrArray *entries;     /* LoaderEntry */
    GPtrArray *plugins;     /* Serambi, in the same order */
    GPtrArray *watches;     /* HostWatch */
    HostCallback *callback; /* that runs now */
    uv_timer_t *clock;      /* its memory goes in its close callback */
    char *beside;           /* the text of <data>/secrets/beside */
    Gauges *gauges;
    bool is_stopping;
};

struct SerambiRequest {
    int references;
    Serambi *self;
    const SerambiRoute *route;
    Identity identity;
    HttpRequest *http; /* NULL for rpc, and when the client left */
    void (*on_reply)(int status, const json_t *body, void *reply_data); /* rpc */
    void *reply_data;
    char **segments; /* of the path below /api/<id>/ */
    GHashTable *query;
    json_t *body;
    char *peer, *origin;
    bool is_answered;
    int status;
    json_t *reply;
    char *text, *content_type; /* a reply that is not JSON */
    char *location;            /* of a reply that points there */
};

int64_t host_now_us(const Host *host);
Serambi *host_find(Host *host, const char *id); /* NULL */
/* Runs a callback in a savepoint, now or when the store is free; not at all when the plugin has
 * stopped by then. data is freed in the end on every path. */
void host_run(Serambi *self, void (*run)(Serambi *self, void *data), void *data,
              GDestroyNotify free_data);

/* Inside a store's work(): hands a finished upload to the plugin; false with error set when the
 * plugin's callback was undone. */
bool host_hand_over(Serambi *self, const SerambiUpload *upload, const SerambiUploaded *uploaded,
                    GError **error);

/* server_abi.c */
void host_free_job(void *job); /* a SerambiJob that never began */
/* Before start(): removes what serambi_new_folder() made before, in the background. */
void host_clear_folders(Serambi *self);

/* host_request.c */
SerambiRequest *request_ref(SerambiRequest *request);
void request_unref(SerambiRequest *request);
/* Sends what was replied, or why it can not be: error of the commit, or undone by failure. */
void request_send(SerambiRequest *request);
void request_fail(SerambiRequest *request, int status, const char *code, const char *message);
/* All that are open get 503. */
void request_refuse_all(Serambi *self);

/* openapi.c: made from the tables of the plugins that passed the loader. */
json_t *openapi_make(Host *host);
json_t *asyncapi_make(Host *host);
