/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The link as its presenter sees it: orders go in through a queue and one uv_async, events come
 * out on the link's thread. The key, the id and the remembered values are read before the thread
 * starts: a screen without its server loses nothing but news. */
#include "core/link_private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_BYTES      (INT64_C(8) * 1024 * 1024 * 1024)
#define SEED_LETTERS     (crypto_sign_SEEDBYTES * 2)
#define SOURCE_PREFIX    "sha256:"
#define SECRET_BYTES_MAX 4096
#define ID_BYTES_MAX     64
#define TIME_DRIFT_PPM   100 /* of two quartzes against each other */
/* The clock by UDP is believed from this many answers, and until so long after the last. */
#define UDP_SAMPLES_LEAST 8
#define UDP_SILENT_US     (30 * G_USEC_PER_SEC)

typedef enum { ORDER_JOIN = 1, ORDER_CALL, ORDER_WANT, ORDER_AGAIN, ORDER_STOP } OrderKind;

typedef struct {
    OrderKind kind;
    char *text; /* channel, or method and path */
    uint64_t call;
    json_t *body;
    char **hashes;
} Order;

static void order_free(Order *order)
{
    g_free(order->text);
    json_decref(order->body);
    g_strfreev(order->hashes);
    g_free(order);
}

/* --- Events ----------------------------------------------------------------------------------- */

void link_event_free(LinkEvent *event)
{
    if (event != NULL) {
        g_free(event->channel);
        g_free(event->path);
        json_decref(event->body);
        g_free(event);
    }
}

void link_emit(Link *link, LinkEventKind kind, const char *channel, json_t *body)
{
    LinkEvent *event = g_new0(LinkEvent, 1);
    event->kind = kind;
    event->channel = g_strdup(channel);
    event->body = body;
    link->on_event(event, link->data);
}

void link_emit_reply(Link *link, uint64_t call, int status, json_t *body)
{
    LinkEvent *event = g_new0(LinkEvent, 1);
    event->kind = LINK_REPLY;
    event->call = call;
    event->status = status;
    event->body = body;
    link->on_event(event, link->data);
}

void link_emit_file(Link *link, const char *hash, char *path, const char *reason)
{
    LinkEvent *event = g_new0(LinkEvent, 1);
    event->kind = LINK_FILE;
    event->channel = g_strconcat(SOURCE_PREFIX, hash, NULL);
    event->path = path;
    event->body = reason != NULL ? json_pack("{s:s}", "reason", reason) : json_object();
    link->on_event(event, link->data);
}

void link_emit_status(Link *link)
{
    link_emit(link, LINK_STATUS, NULL,
              json_pack("{s:b, s:b, s:I, s:I, s:s}", "online", link->is_online, "paired",
                        link->is_paired, "since_us", (json_int_t)link->since_us, "offset_us",
                        (json_int_t)link_offset_us(link), "id", link->id != NULL ? link->id : ""));
}

/* --- What is on disk -------------------------------------------------------------------------- */

static bool make_seed(const char *path, uint8_t *seed, GError **error)
{
    char text[SEED_LETTERS + 1];
    randombytes_buf(seed, crypto_sign_SEEDBYTES);
    sodium_bin2hex(text, sizeof text, seed, crypto_sign_SEEDBYTES);
    return g_file_set_contents_full(
        path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
}

/* The key is who this screen is. One that cannot be read is an error: a new one would be another
 * screen. */
static bool read_key(Link *link, GError **error)
{
    uint8_t seed[crypto_sign_SEEDBYTES], public_key[crypto_sign_PUBLICKEYBYTES];
    g_autofree char *path = g_build_filename(link->folder, "key", NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) failure = NULL;
    size_t size = 0;
    if (!g_file_get_contents(path, &text, NULL, &failure)) {
        if (!g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
        if (!make_seed(path, seed, error)) {
            return false;
        }
    } else if (sodium_hex2bin(seed, sizeof seed, g_strstrip(text), strlen(text), NULL, &size,
                              NULL) != 0 ||
               size != sizeof seed) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "'%s' does not hold a key; remove it to be a new screen", path);
        return false;
    }
    crypto_sign_seed_keypair(public_key, link->secret_key, seed);
    sodium_bin2hex(link->key, sizeof link->key, public_key, sizeof public_key);
    sodium_memzero(seed, sizeof seed);
    return true;
}

static char *prove_beside(const char *path, const char *key)
{
    g_autofree char *secret = NULL;
    gsize size;
    if (path == NULL || !g_file_get_contents(path, &secret, &size, NULL) ||
        size > SECRET_BYTES_MAX) {
        return g_strdup("");
    }
    g_strchomp(secret);
    uint8_t sum[crypto_auth_hmacsha256_BYTES];
    char text[sizeof sum * 2 + 1];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const uint8_t *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)key, strlen(key));
    crypto_auth_hmacsha256_final(&state, sum);
    sodium_bin2hex(text, sizeof text, sum, sizeof sum);
    return g_strdup(text);
}

static void read_id(Link *link)
{
    g_autofree char *path = g_build_filename(link->folder, "id", NULL);
    gsize size;
    if (g_file_get_contents(path, &link->id, &size, NULL) && size <= ID_BYTES_MAX) {
        link->is_paired = g_strchomp(link->id)[0] != '\0';
    } else {
        g_clear_pointer(&link->id, g_free);
    }
}

void link_save_id(Link *link)
{
    g_autofree char *path = g_build_filename(link->folder, "id", NULL);
    g_autoptr(GError) error = NULL;
    if (!g_file_set_contents(path, link->id != NULL ? link->id : "", -1, &error)) {
        g_warning("could not remember this screen's id: %s", error->message);
    }
}

static bool read_folder(Link *link, const LinkOptions *options, GError **error)
{
    if (g_mkdir_with_parents(options->data_folder, 0700) != 0) {
        int failure = errno;
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(failure),
                    "could not make '%s': %s", options->data_folder, g_strerror(failure));
        return false;
    }
    g_autofree char *values = g_build_filename(options->data_folder, "remembered", NULL);
    g_autofree char *files = g_build_filename(options->data_folder, "files", NULL);
    int64_t bytes = options->cache_bytes > 0 ? options->cache_bytes : CACHE_BYTES;
    link->folder = g_strdup(options->data_folder);
    if (!read_key(link, error)) {
        return false;
    }
    link->remembered = remembered_new(values, error);
    link->cache = link->remembered != NULL ? cache_new(files, bytes, error) : NULL;
    read_id(link);
    link->proof = prove_beside(options->beside, link->key);
    return link->cache != NULL;
}

/* --- Orders ----------------------------------------------------------------------------------- */

static void handle_closed(uv_handle_t *handle)
{
    g_free(handle);
}

static void stop(Link *link)
{
    link->is_stopping = true;
    uv_close((uv_handle_t *)link->async, handle_closed);
    uv_close((uv_handle_t *)&link->retry, NULL);
    uv_close((uv_handle_t *)&link->second, NULL);
    uv_close((uv_handle_t *)&link->writer, NULL);
    clock_asker_close(link->asker);
    dial_close(link->dial);
    session_stop(link);
    files_stop(link);
}

static void obey(Link *link, Order *order)
{
    switch (order->kind) {
    case ORDER_JOIN:
        session_join(link, order->text);
        break;
    case ORDER_CALL:
        session_call(link, order->call, order->text, g_steal_pointer(&order->body));
        break;
    case ORDER_WANT:
        files_want(link, (const char *const *)order->hashes);
        break;
    case ORDER_AGAIN:
        session_again(link);
        break;
    case ORDER_STOP:
        stop(link);
        break;
    }
}

static void on_async(uv_async_t *async)
{
    Link *link = async->data;
    while (!link->is_stopping) {
        g_mutex_lock(&link->mutex);
        Order *order = g_queue_pop_head(&link->orders);
        g_mutex_unlock(&link->mutex);
        if (order == NULL) {
            return;
        }
        obey(link, order);
        order_free(order);
    }
}

static void give(Link *link, Order *order)
{
    g_mutex_lock(&link->mutex);
    g_queue_push_tail(&link->orders, order);
    g_mutex_unlock(&link->mutex);
    uv_async_send(link->async);
}

void link_subscribe(Link *link, const char *channel)
{
    Order *order = g_new0(Order, 1);
    order->kind = ORDER_JOIN;
    order->text = g_strdup(channel);
    give(link, order);
}

uint64_t link_call(Link *link, const char *method_and_path, json_t *body)
{
    Order *order = g_new0(Order, 1);
    order->kind = ORDER_CALL;
    order->text = g_strdup(method_and_path);
    order->body = body != NULL ? body : json_object();
    g_mutex_lock(&link->mutex);
    uint64_t call = order->call = ++link->last_call;
    g_mutex_unlock(&link->mutex);
    give(link, order);
    return call;
}

void link_want(Link *link, const char *const *sources)
{
    g_autoptr(GPtrArray) hashes = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; sources[i] != NULL; i++) {
        const char *hash = sources[i] + strlen(SOURCE_PREFIX);
        if (g_str_has_prefix(sources[i], SOURCE_PREFIX) && cache_is_hash(hash)) {
            g_ptr_array_add(hashes, g_strdup(hash));
        }
    }
    g_ptr_array_add(hashes, NULL);
    cache_want(link->cache, (const char *const *)hashes->pdata);
    Order *order = g_new0(Order, 1);
    order->kind = ORDER_WANT;
    order->hashes = g_strdupv((char **)hashes->pdata);
    give(link, order);
}

char *link_file(Link *link, const char *source)
{
    if (!g_str_has_prefix(source, SOURCE_PREFIX)) {
        return NULL;
    }
    return cache_path(link->cache, source + strlen(SOURCE_PREFIX));
}

void link_reconnect(Link *link)
{
    Order *order = g_new0(Order, 1);
    order->kind = ORDER_AGAIN;
    give(link, order);
}

const char *link_key(const Link *link)
{
    return link->key;
}

const char *link_beside_proof(const Link *link)
{
    return link->proof;
}

int64_t link_time_error_us(const LinkTime *time, int64_t monotonic_us)
{
    return time->round_us / 2 + (monotonic_us - time->answered_us) * TIME_DRIFT_PPM / 1000000;
}

/* UDP, if it is heard and not about to be overtaken by a newer epoch; else what the link says. */
static bool is_by_udp(const ClockEstimate *estimate, const LinkTime *time, int64_t monotonic_us)
{
    if (!time->is_known)
        return true;
    if (estimate->epoch != time->epoch)
        return time->epoch == 0 || estimate->base_us > time->answered_us;
    return monotonic_us - estimate->base_us < UDP_SILENT_US && estimate->count >= UDP_SAMPLES_LEAST;
}

/* Kept against the monotonic clock, so that a step of this computer's own clock changes nothing. */
void link_clock(const Link *link, int64_t monotonic_us, LinkClock *ret_clock)
{
    Link *shared = (Link *)link;
    ClockEstimate estimate;
    g_mutex_lock(&shared->mutex);
    LinkTime time = link->time;
    g_mutex_unlock(&shared->mutex);
    bool has_estimate = clock_asker_read(link->asker, &estimate);
    if (has_estimate && is_by_udp(&estimate, &time, monotonic_us)) {
        *ret_clock = (LinkClock){
            .source = LINK_CLOCK_UDP,
            .offset_us = clock_estimate_offset_us(&estimate, monotonic_us),
            .error_us = clock_estimate_error_us(&estimate, monotonic_us),
            .round_us = estimate.round_us,
            .drift_ppm = estimate.drift * 1e6,
            .epochs = estimate.epochs,
        };
    } else if (time.is_known) {
        *ret_clock = (LinkClock){
            .source = LINK_CLOCK_LINK,
            .offset_us = time.offset_us,
            .error_us = link_time_error_us(&time, monotonic_us),
            .round_us = time.round_us,
            .epochs = time.epochs,
        };
    } else {
        *ret_clock = (LinkClock){.source = LINK_CLOCK_NONE};
    }
}

int64_t link_offset_us(const Link *link)
{
    LinkClock clock;
    int64_t monotonic_us = g_get_monotonic_time();
    link_clock(link, monotonic_us, &clock);
    return clock.source == LINK_CLOCK_NONE ? 0 : clock.offset_us + monotonic_us - g_get_real_time();
}

/* --- Life ------------------------------------------------------------------------------------- */

static gpointer run(gpointer data)
{
    Link *link = data;
    session_start(link);
    uv_run(&link->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void channel_free(void *data)
{
    LinkChannel *channel = data;
    g_free(channel->name);
    g_free(channel->epoch);
    g_free(channel);
}

/* Frees what a link that never ran, or whose thread has ended, still has. */
static void clear(Link *link)
{
    Order *order;
    while ((order = g_queue_pop_head(&link->orders)) != NULL) {
        order_free(order);
    }
    remembered_free(link->remembered);
    cache_free(link->cache);
    g_hash_table_unref(link->channels);
    g_hash_table_unref(link->requests);
    g_ptr_array_unref(link->wants);
    g_byte_array_unref(link->challenge_body);
    clock_asker_free(link->asker);
    g_mutex_clear(&link->mutex);
    sodium_memzero(link->secret_key, sizeof link->secret_key);
    g_free(link->token);
    g_free(link->id);
    g_free(link->folder);
    g_free(link->proof);
    g_free(link);
}

static bool open_loop(Link *link, const char *server, GError **error)
{
    uv_loop_init(&link->loop);
    link->dial = dial_new(&link->loop, server, error);
    if (link->dial == NULL) {
        uv_run(&link->loop, UV_RUN_NOWAIT);
        (void)uv_loop_close(&link->loop);
        return false;
    }
    link->async = g_new0(uv_async_t, 1);
    uv_async_init(&link->loop, link->async, on_async);
    uv_timer_init(&link->loop, &link->retry);
    uv_timer_init(&link->loop, &link->second);
    uv_timer_init(&link->loop, &link->writer);
    link->asker = clock_asker_new(&link->loop);
    link->async->data = link->retry.data = link->second.data = link->writer.data = link;
    return true;
}

Link *link_new(const LinkOptions *options, const char *const *channels, GError **error)
{
    if (sodium_init() < 0) {
        g_error("libsodium did not start");
    }
    Link *link = g_new0(Link, 1);
    link->on_event = options->on_event;
    link->data = options->data;
    g_mutex_init(&link->mutex);
    g_queue_init(&link->orders);
    link->channels = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, channel_free);
    link->requests = g_hash_table_new_full(NULL, NULL, NULL, NULL);
    link->wants = g_ptr_array_new_with_free_func(g_free);
    link->challenge_body = g_byte_array_new();
    link->since_us = g_get_real_time();
    if (!read_folder(link, options, error) || !open_loop(link, options->server, error)) {
        clear(link);
        return NULL;
    }
    link_emit_status(link);
    for (guint i = 0; channels[i] != NULL; i++) {
        session_join(link, channels[i]);
    }
    link->thread = g_thread_new("link", run, link);
    return link;
}

void link_free(Link *link)
{
    if (link == NULL) {
        return;
    }
    Order *order = g_new0(Order, 1);
    order->kind = ORDER_STOP;
    give(link, order);
    g_thread_join(link->thread);
    dial_free(link->dial);
    uv_run(&link->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&link->loop) != 0) {
        g_warning("the link's loop still had handles");
    }
    clear(link);
}
