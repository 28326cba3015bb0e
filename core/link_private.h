/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What link.c (thread and orders), link_session.c (the live connection) and link_files.c (files)
 * share. */
#pragma once
#include "core/cache.h"
#include "core/clock_asker.h"
#include "core/dial.h"
#include "core/link.h"
#include "core/remembered.h"

#include <sodium.h>

typedef struct {
    char *name, *epoch; /* epoch NULL: never subscribed */
    uint64_t offset;
    bool is_state, is_subscribed, is_asked;
} LinkChannel;

typedef struct {
    char hash[crypto_hash_sha256_BYTES * 2 + 1];
    guint failures;
    int64_t retry_us; /* monotonic */
} LinkWant;

/* The best answer to the rpc "time". */
typedef struct {
    bool is_known;
    int64_t epoch, offset_us, round_us;
    int64_t answered_us; /* monotonic */
    uint64_t epochs;
} LinkTime;

struct Link {
    /* Does not change. */
    void (*on_event)(LinkEvent *event, void *data);
    void *data;
    char *folder, *proof;
    char key[crypto_sign_PUBLICKEYBYTES * 2 + 1];
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
    Cache *cache;
    GThread *thread;
    uv_async_t *async;

    GMutex mutex; /* of what follows */
    GQueue orders;
    uint64_t last_call;
    LinkTime time;
    ClockAsker *asker; /* locks itself; orders to it only from the link's thread */

    /* The link's thread. */
    uv_loop_t loop;
    uv_timer_t retry, second, writer;
    Dial *dial;
    Remembered *remembered;
    GHashTable *channels; /* name -> LinkChannel */
    GHashTable *requests; /* id -> LinkRequest */
    DialTalk *challenge, *socket;
    GByteArray *challenge_body;
    char *token, *id;
    uint32_t last_request;
    guint attempts;
    int64_t heard_us, since_us, connected_us, spread_ms, ping_seconds, asked_time_us;
    guint time_samples;
    bool is_stopping, is_online, is_paired, is_without_token, is_again_at_once;

    GPtrArray *wants; /* LinkWant */
    DialTalk *fetch;
    CachePart *part;
    LinkWant fetching;
    int64_t part_have;
    const char *fetch_reason; /* why it failed */
    bool has_progress;
};

/* link.c */
void link_emit(Link *link, LinkEventKind kind, const char *channel, json_t *body); /* takes body */
void link_emit_reply(Link *link, uint64_t call, int status, json_t *body);         /* takes body */
void link_emit_file(Link *link, const char *hash, char *path, const char *reason); /* takes path */
void link_emit_status(Link *link);
void link_save_id(Link *link);
/* Right to within this. */
int64_t link_time_error_us(const LinkTime *time, int64_t monotonic_us);

/* link_session.c */
void session_start(Link *link);
void session_stop(Link *link); /* frees what it has; the dial is closed already */
void session_again(Link *link);
void session_join(Link *link, const char *channel);
void session_call(Link *link, uint64_t call, const char *method, json_t *body); /* takes body */

/* link_files.c */
void files_want(Link *link, const char *const *hashes);
void files_pump(Link *link); /* starts the next fetch if there is one to start */
void files_stop(Link *link);
