/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Channels and their publications: numbered in the transaction of the data, handed on after it.
 *
 * Everything that was ever given a number is in the store; memory only holds what saves a query.
 * So a channel can be opened and forgotten at any time, and a restart is nothing special. */
#include "core/live_private.h"

#include "core/frame.h"
#include "core/limits.h"

#include <string.h>

#define PRELOAD_FRAMES                                                                             \
    100 /* of a feed, at its first reader: a storm of returners needs no query                     \
         */
#define PRELOAD_BYTES    (256 * 1024)
#define PAGE_FRAMES      100
#define PRUNE_ROWS       1000 /* of one topic in one transaction */
#define PRUNE_FIRST_MS   60000
#define PRUNE_EVERY_MS   3600000
#define MINDER_EVERY_MS  5000
#define FAREWELL_TICK_MS 10
#define MICROSECONDS_DAY (INT64_C(86400000000))

/* "offset" and "position" are words of SQL itself. */
static const char *const migrations[] = {
    "CREATE TABLE live_channel ("
    "  name TEXT PRIMARY KEY,"
    "  last_offset BIGINT NOT NULL);"
    "CREATE TABLE live_state ("
    "  channel TEXT PRIMARY KEY,"
    "  body TEXT NOT NULL,"
    "  channel_offset BIGINT NOT NULL,"
    "  published_at_us BIGINT NOT NULL);"
    "CREATE TABLE live_feed ("
    "  channel TEXT NOT NULL,"
    "  channel_offset BIGINT NOT NULL,"
    "  body TEXT NOT NULL,"
    "  published_at_us BIGINT NOT NULL,"
    "  PRIMARY KEY (channel, channel_offset));"
    "CREATE INDEX live_feed_age ON live_feed (published_at_us);",
    NULL,
};

typedef struct {
    LiveTopic topic;
    char *name;
    bool is_family;
} Topic;

typedef struct {
    char *channel;
    bool is_prefix;
    LiveWatch on_message;
    void *data;
} Watch;

typedef struct {
    Live *live;
    char *channel, *text;
    json_t *body;
    uint64_t offset;
} Publication;

G_DEFINE_QUARK(live - error - quark, live_error)

static void topic_free(void *data)
{
    Topic *topic = data;
    g_free(topic->name);
    g_free(topic);
}

static void watch_free(void *data)
{
    Watch *watch = data;
    g_free(watch->channel);
    g_free(watch);
}

static void stream_clear(Stream *stream)
{
    log_clear(&stream->log);
    g_clear_pointer(&stream->subscribers, g_array_unref);
    stream->is_open = false;
}

static void channel_free(void *data)
{
    Channel *channel = data;
    for (guint i = 0; i < G_N_ELEMENTS(channel->streams); i++) {
        if (channel->streams[i].is_dirty) {
            g_queue_unlink(&channel->live->dirty, &channel->streams[i].dirty_link);
        }
        stream_clear(&channel->streams[i]);
    }
    g_free(channel->name);
    g_free(channel->body);
    g_free(channel);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void handle_closed(uv_handle_t *handle)
{
    g_free(handle);
}

static void on_idle(uv_idle_t *idle)
{
    reader_work(idle->data);
}

static void on_minder(uv_timer_t *timer)
{
    reader_mind(timer->data);
}

static void on_farewell(uv_timer_t *timer)
{
    reader_say_farewell(timer->data);
}

static void on_pruner(uv_timer_t *timer)
{
    live_prune(timer->data, g_get_real_time());
}

static uv_timer_t *timer_new(Live *live, uv_loop_t *loop)
{
    uv_timer_t *timer = g_new0(uv_timer_t, 1);
    uv_timer_init(loop, timer);
    timer->data = live;
    uv_unref((uv_handle_t *)timer);
    return timer;
}

Live *live_new(Store *store, uv_loop_t *loop, GError **error)
{
    if (!store_migrate(store, "live", migrations, error)) {
        return NULL;
    }
    Live *live = g_new0(Live, 1);
    live->store = store;
    live->topics = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, topic_free);
    live->channels = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, channel_free);
    live->watches = g_ptr_array_new_with_free_func(watch_free);
    live->readers = g_ptr_array_new();
    live->first = g_ptr_array_new();
    live->behind = g_ptr_array_new();
    live->idle = g_new0(uv_idle_t, 1);
    uv_idle_init(loop, live->idle);
    live->idle->data = live;
    live->minder = timer_new(live, loop);
    uv_timer_start(live->minder, on_minder, MINDER_EVERY_MS, MINDER_EVERY_MS);
    live->farewell = timer_new(live, loop);
    live->pruner = timer_new(live, loop);
    uv_timer_start(live->pruner, on_pruner, PRUNE_FIRST_MS, PRUNE_EVERY_MS);
    return live;
}

void live_free(Live *live)
{
    if (live == NULL) {
        return;
    }
    g_assert(live->readers->len == 0);
    uv_close((uv_handle_t *)live->idle, handle_closed);
    uv_close((uv_handle_t *)live->minder, handle_closed);
    uv_close((uv_handle_t *)live->pruner, handle_closed);
    uv_close((uv_handle_t *)live->farewell, handle_closed);
    g_hash_table_unref(live->channels);
    g_hash_table_unref(live->topics);
    g_ptr_array_unref(live->watches);
    g_ptr_array_unref(live->readers);
    g_ptr_array_unref(live->first);
    g_ptr_array_unref(live->behind);
    g_free(live->farewell_reason);
    g_free(live);
}

void live_beat(Live *live)
{
    live->beat++;
}

void live_wake(Live *live)
{
    if (!uv_is_active((uv_handle_t *)live->idle)) {
        uv_idle_start(live->idle, on_idle);
    }
}

const char *live_epoch(const Live *live)
{
    return store_epoch(live->store);
}

guint live_subscriptions(const Live *live)
{
    guint count = 0;
    for (guint i = 0; i < live->readers->len; i++)
        count += live_reader_channels(live->readers->pdata[i]);
    return count;
}

LiveCounters live_counters(const Live *live)
{
    LiveCounters counters = live->counters;
    counters.readers = live->readers->len;
    counters.channels = g_hash_table_size(live->channels);
    return counters;
}

void live_disconnect_all(Live *live, uint16_t code, const char *reason, uint32_t spread_ms)
{
    live->farewell_code = code;
    g_free(live->farewell_reason);
    live->farewell_reason = g_strdup(reason);
    guint ticks = spread_ms / FAREWELL_TICK_MS + 1;
    live->farewell_each = MAX(1, (live->readers->len + ticks - 1) / ticks);
    uv_timer_start(live->farewell, on_farewell, 0, FAREWELL_TICK_MS);
}

/* --- Topics ----------------------------------------------------------------------------------- */

/* Only letters that need no escaping in JSON, in URLs and in a Last-Event-ID. */
static bool is_channel_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "-_.:");
    return length > 0 && name[length] == '\0' && length <= LIMIT_CHANNEL_BYTES;
}

bool live_declare(Live *live, const LiveTopic *topic, GError **error)
{
    const char *brace = strchr(topic->name, '{');
    g_autofree char *key = NULL;
    if (brace != NULL) {
        size_t length = strlen(brace);
        bool is_well_formed = brace > topic->name && brace[-1] == '.' && length > 2 &&
                              brace[length - 1] == '}' && strchr(brace + 1, '{') == NULL;
        key = is_well_formed ? g_strndup(topic->name, (gsize)(brace - topic->name)) : NULL;
    } else {
        key = g_strdup(topic->name);
    }
    if (key == NULL || !is_channel_name(key)) {
        g_set_error(error, LIVE_ERROR, LIVE_ERROR_UNKNOWN, "'%s' cannot be a channel's name",
                    topic->name);
        return false;
    }
    Topic *known = g_new0(Topic, 1);
    known->name = g_strdup(topic->name);
    known->topic = *topic;
    known->topic.name = known->name;
    known->is_family = brace != NULL;
    if (g_hash_table_contains(live->topics, key)) {
        topic_free(known);
        g_set_error(error, LIVE_ERROR, LIVE_ERROR_UNKNOWN, "channel '%s' is declared twice",
                    topic->name);
        return false;
    }
    g_hash_table_insert(live->topics, g_steal_pointer(&key), known);
    return true;
}

static const Topic *find_topic(Live *live, const char *channel)
{
    if (!is_channel_name(channel)) {
        return NULL;
    }
    const Topic *topic = g_hash_table_lookup(live->topics, channel);
    if (topic != NULL) {
        return topic->is_family ? NULL : topic;
    }
    const char *dot = strrchr(channel, '.');
    if (dot == NULL || dot[1] == '\0' || strchr(dot, ':') != NULL) {
        return NULL;
    }
    char family[LIMIT_CHANNEL_BYTES + 1];
    size_t length = (size_t)(dot - channel) + 1;
    memcpy(family, channel, length);
    family[length] = '\0';
    topic = g_hash_table_lookup(live->topics, family);
    return topic != NULL && topic->is_family ? topic : NULL;
}

const LiveTopic *live_find(Live *live, const char *channel)
{
    const Topic *topic = find_topic(live, channel);
    return topic == NULL ? NULL : &topic->topic;
}

static const Topic *require_topic(Live *live, const char *channel, GError **error)
{
    const Topic *topic = find_topic(live, channel);
    if (topic == NULL) {
        g_autofree char *shown = g_strndup(channel, LIMIT_CHANNEL_BYTES);
        g_set_error(error, LIVE_ERROR, LIVE_ERROR_UNKNOWN, "no channel '%s'", shown);
    }
    return topic;
}

/* --- Channels in memory ----------------------------------------------------------------------- */

static uint64_t row_offset(const json_t *row, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(row, key));
}

/* The newest offset and, of a state, the value, in one statement: one moment of the store. */
static bool load_channel(Channel *channel, GError **error)
{
    json_auto_t *rows = store_query(channel->live->store, error,
                                    "SELECT c.last_offset, s.body FROM live_channel c "
                                    "LEFT JOIN live_state s ON s.channel = c.name "
                                    "WHERE c.name = $1",
                                    "s", channel->name);
    if (rows == NULL) {
        return false;
    }
    const json_t *row = json_array_get(rows, 0);
    channel->offset = row_offset(row, "last_offset");
    channel->body = g_strdup(json_string_value(json_object_get(row, "body")));
    return true;
}

Channel *live_open_channel(Live *live, const char *name, GError **error)
{
    Channel *channel = g_hash_table_lookup(live->channels, name);
    if (channel != NULL) {
        return channel;
    }
    const Topic *topic = require_topic(live, name, error);
    if (topic == NULL) {
        return NULL;
    }
    channel = g_new0(Channel, 1);
    channel->live = live;
    channel->name = g_strdup(name);
    channel->topic = &topic->topic;
    channel->is_family = topic->is_family;
    for (guint i = 0; i < G_N_ELEMENTS(channel->streams); i++) {
        channel->streams[i].channel = channel;
        channel->streams[i].encoding = (LiveEncoding)(i + 1);
        channel->streams[i].dirty_link.data = &channel->streams[i];
    }
    if (!load_channel(channel, error)) {
        channel_free(channel);
        return NULL;
    }
    g_hash_table_insert(live->channels, channel->name, channel);
    return channel;
}

void live_release_channel(Channel *channel)
{
    for (guint i = 0; i < G_N_ELEMENTS(channel->streams); i++) {
        if (channel->streams[i].is_open && channel->streams[i].subscribers->len > 0) {
            return;
        }
    }
    if (channel->is_family) {
        g_hash_table_remove(channel->live->channels, channel->name);
    }
}

void live_encode(GByteArray *out, LiveEncoding encoding, const char *channel, const char *body,
                 uint64_t offset)
{
    bool is_frame = encoding == LIVE_WEBSOCKET;
    char head[LIMIT_CHANNEL_BYTES + 64], tail[64];
    g_snprintf(head, sizeof head, "%s{\"channel\":\"%s\",\"pub\":{\"data\":",
               is_frame ? "{\"push\":" : "data: ", channel);
    g_snprintf(tail, sizeof tail, ",\"offset\":%" G_GUINT64_FORMAT "}}%s", offset,
               is_frame ? "}" : "\n\n");
    size_t head_size = strlen(head), body_size = strlen(body), tail_size = strlen(tail);
    if (is_frame) {
        uint8_t header[FRAME_HEADER_MAX];
        size_t header_size = frame_text_header(header, head_size + body_size + tail_size);
        g_byte_array_append(out, header, (guint)header_size);
    }
    g_byte_array_append(out, (const guint8 *)head, (guint)head_size);
    g_byte_array_append(out, (const guint8 *)body, (guint)body_size);
    g_byte_array_append(out, (const guint8 *)tail, (guint)tail_size);
}

bool live_read_frames(Channel *channel, LiveEncoding encoding, uint64_t after, GByteArray *out,
                      LogRange *ret_range)
{
    json_auto_t *rows =
        store_query(channel->live->store, NULL,
                    "SELECT channel_offset, body FROM live_feed "
                    "WHERE channel = $1 AND channel_offset > $2 ORDER BY channel_offset LIMIT $3",
                    "sii", channel->name, (int64_t)after, (int64_t)PAGE_FRAMES);
    g_byte_array_set_size(out, 0);
    LogRange range = {.last_offset = after};
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        guint start = out->len;
        uint64_t offset = row_offset(row, "channel_offset");
        if (offset != range.last_offset + 1) {
            break; /* a gap: its beginning was pruned */
        }
        live_encode(out, encoding, channel->name, json_string_value(json_object_get(row, "body")),
                    offset);
        if (out->len > LIMIT_WRITE_CHUNK_BYTES && range.frames > 0) {
            g_byte_array_set_size(out, start);
            break;
        }
        range.last_offset = offset;
        range.frames++;
    }
    range.bytes = out->data;
    range.size = out->len;
    *ret_range = range;
    return range.frames > 0;
}

bool live_stored_after(Channel *channel, uint64_t after)
{
    if (after == channel->offset) {
        return true;
    }
    json_auto_t *rows = store_query(channel->live->store, NULL,
                                    "SELECT 1 AS found FROM live_feed WHERE channel = $1 AND "
                                    "channel_offset = $2",
                                    "si", channel->name, (int64_t)after + 1);
    return json_array_size(rows) > 0;
}

void live_preload(Stream *stream)
{
    Channel *channel = stream->channel;
    json_auto_t *rows = store_query(
        channel->live->store, NULL,
        "SELECT channel_offset, body FROM live_feed WHERE channel = $1 AND channel_offset <= $2 "
        "ORDER BY channel_offset DESC LIMIT $3",
        "sii", channel->name, (int64_t)channel->offset, (int64_t)PRELOAD_FRAMES);
    size_t count = 0, bytes = 0;
    while (count < json_array_size(rows) && bytes < PRELOAD_BYTES) {
        const json_t *row = json_array_get(rows, count);
        if (row_offset(row, "channel_offset") != channel->offset - count) {
            break;
        }
        bytes += json_string_length(json_object_get(row, "body"));
        count++;
    }
    stream->log.head = channel->offset - count;
    g_autoptr(GByteArray) frame = g_byte_array_new();
    while (count-- > 0) {
        const json_t *row = json_array_get(rows, count);
        uint64_t offset = row_offset(row, "channel_offset");
        g_byte_array_set_size(frame, 0);
        live_encode(frame, stream->encoding, channel->name,
                    json_string_value(json_object_get(row, "body")), offset);
        log_append(&stream->log, offset, frame->data, frame->len);
    }
}

/* --- Publications ----------------------------------------------------------------------------- */

static void publication_free(void *data)
{
    Publication *publication = data;
    g_free(publication->channel);
    g_free(publication->text);
    json_decref(publication->body);
    g_free(publication);
}

static void append(Channel *channel, const Publication *publication)
{
    if (publication->offset <= channel->offset) {
        return; /* the channel was opened after the commit and has it already */
    }
    channel->offset = publication->offset;
    if (!channel->topic->is_feed) {
        g_free(channel->body);
        channel->body = g_strdup(publication->text);
    }
    g_autoptr(GByteArray) frame = g_byte_array_new();
    for (guint i = 0; i < G_N_ELEMENTS(channel->streams); i++) {
        Stream *stream = &channel->streams[i];
        if (stream->is_open) {
            g_byte_array_set_size(frame, 0);
            live_encode(frame, stream->encoding, channel->name, publication->text,
                        publication->offset);
            log_append(&stream->log, publication->offset, frame->data, frame->len);
            reader_mark_dirty(stream);
        }
    }
}

static void published(void *data)
{
    Publication *publication = data;
    Live *live = publication->live;
    live->counters.publications_total++;
    Channel *channel = g_hash_table_lookup(live->channels, publication->channel);
    if (channel != NULL) {
        append(channel, publication);
    }
    for (guint i = 0; i < live->watches->len; i++) {
        const Watch *watch = g_ptr_array_index(live->watches, i);
        if (watch->is_prefix ? g_str_has_prefix(publication->channel, watch->channel)
                             : g_str_equal(publication->channel, watch->channel)) {
            watch->on_message(publication->channel, publication->body, watch->data);
        }
    }
}

/* The next number of the channel, in the transaction of the data. 0 on failure. */
static uint64_t take_offset(Store *store, const char *channel, GError **error)
{
    json_auto_t *rows = store_query(store, error,
                                    "INSERT INTO live_channel (name, last_offset) VALUES ($1, 1) "
                                    "ON CONFLICT (name) DO UPDATE "
                                    "SET last_offset = live_channel.last_offset + 1 "
                                    "RETURNING last_offset",
                                    "s", channel);
    return row_offset(json_array_get(rows, 0), "last_offset");
}

static bool keep(Store *store, const Publication *publication, bool is_feed, GError **error)
{
    const char *sql =
        is_feed ? "INSERT INTO live_feed (channel, body, channel_offset, published_at_us) "
                  "VALUES ($1, $2, $3, $4)"
                : "INSERT INTO live_state (channel, body, channel_offset, published_at_us) "
                  "VALUES ($1, $2, $3, $4) ON CONFLICT (channel) DO UPDATE SET "
                  "body = excluded.body, channel_offset = excluded.channel_offset, "
                  "published_at_us = excluded.published_at_us";
    json_auto_t *rows =
        store_query(store, error, sql, "ssii", publication->channel, publication->text,
                    (int64_t)publication->offset, (int64_t)g_get_real_time());
    return rows != NULL;
}

bool live_publish(Live *live, const char *channel, json_t *body, GError **error)
{
    g_assert(store_is_writing(live->store));
    json_auto_t *taken = body;
    const Topic *topic = require_topic(live, channel, error);
    if (topic == NULL) {
        return false;
    }
    g_autofree char *text = json_dumps(taken, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL || strlen(text) > LIMIT_PUBLICATION_BYTES) {
        g_set_error(error, LIVE_ERROR, LIVE_ERROR_TOO_LARGE,
                    "a message for '%s' is larger than %d bytes or not JSON", channel,
                    LIMIT_PUBLICATION_BYTES);
        return false;
    }
    Publication *publication = g_new0(Publication, 1);
    publication->live = live;
    publication->channel = g_strdup(channel);
    publication->text = g_steal_pointer(&text);
    publication->body = g_steal_pointer(&taken);
    publication->offset = take_offset(live->store, channel, error);
    if (publication->offset == 0 || !keep(live->store, publication, topic->topic.is_feed, error)) {
        publication_free(publication);
        return false;
    }
    store_after_commit(live->store, published, publication, publication_free);
    return true;
}

void live_watch(Live *live, const char *channel, LiveWatch on_message, void *data)
{
    Watch *watch = g_new0(Watch, 1);
    watch->channel = g_strdup(channel);
    watch->is_prefix = g_str_has_suffix(channel, ":") || g_str_has_suffix(channel, ".");
    watch->on_message = on_message;
    watch->data = data;
    g_ptr_array_add(live->watches, watch);
}

/* --- History ---------------------------------------------------------------------------------- */

json_t *live_publication(const char *body, uint64_t offset)
{
    json_t *data = json_loads(body, JSON_DECODE_ANY, NULL);
    return json_pack("{s:o, s:I}", "data", data != NULL ? data : json_null(), "offset",
                     (json_int_t)offset);
}

static json_t *feed_history(Channel *channel, int limit, const LivePosition *since, bool reverse,
                            GError **error)
{
    uint64_t after = since != NULL && !reverse ? since->offset : 0;
    uint64_t before = since != NULL && reverse ? since->offset : (uint64_t)INT64_MAX;
    g_autofree char *sql =
        g_strdup_printf("SELECT channel_offset, body FROM live_feed WHERE channel = $1 "
                        "AND channel_offset > $2 AND channel_offset < $3 "
                        "ORDER BY channel_offset %s LIMIT $4",
                        reverse ? "DESC" : "ASC");
    json_auto_t *rows = store_query(channel->live->store, error, sql, "siii", channel->name,
                                    (int64_t)MIN(after, (uint64_t)INT64_MAX),
                                    (int64_t)MIN(before, (uint64_t)INT64_MAX), (int64_t)limit);
    if (rows == NULL) {
        return NULL;
    }
    json_t *publications = json_array();
    size_t i, bytes = 0;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const char *body = json_string_value(json_object_get(row, "body"));
        bytes += strlen(body);
        if (bytes > LIMIT_PUBLICATION_BYTES && i > 0) {
            break; /* the caller asks again from the last offset */
        }
        json_array_append_new(publications,
                              live_publication(body, row_offset(row, "channel_offset")));
    }
    return publications;
}

json_t *live_history(Live *live, const char *name, int limit, const LivePosition *since,
                     bool reverse, GError **error)
{
    if (since != NULL && since->epoch != NULL && since->epoch[0] != '\0' &&
        !g_str_equal(since->epoch, live_epoch(live))) {
        g_set_error(error, LIVE_ERROR, LIVE_ERROR_UNRECOVERABLE,
                    "the numbers of '%s' are of another epoch", name);
        return NULL;
    }
    Channel *channel = live_open_channel(live, name, error);
    if (channel == NULL) {
        return NULL;
    }
    limit = limit < 0 ? LIMIT_HISTORY : MIN(limit, LIMIT_HISTORY);
    json_t *publications = NULL;
    if (channel->topic->is_feed && limit > 0) {
        publications = feed_history(channel, limit, since, reverse, error);
    } else {
        publications = json_array();
        bool is_news = since == NULL || reverse || since->offset < channel->offset;
        if (limit > 0 && channel->body != NULL && is_news) {
            json_array_append_new(publications, live_publication(channel->body, channel->offset));
        }
    }
    uint64_t offset = channel->offset;
    live_release_channel(channel);
    if (publications == NULL) {
        return NULL;
    }
    return json_pack("{s:o, s:s, s:I}", "publications", publications, "epoch", live_epoch(live),
                     "offset", (json_int_t)offset);
}

guint live_subscribers(Live *live, const char *name)
{
    const Channel *channel = g_hash_table_lookup(live->channels, name);
    guint count = 0;
    for (guint i = 0; channel != NULL && i < G_N_ELEMENTS(channel->streams); i++) {
        count += channel->streams[i].is_open ? channel->streams[i].subscribers->len : 0;
    }
    return count;
}

/* --- Pruning ---------------------------------------------------------------------------------- */

typedef struct {
    Live *live;
    int64_t now_us;
} Pruning;

/* Channels of a topic as a range of names: from <= name < until. '/' follows '.'. */
static void name_range(const Topic *topic, char **ret_from, char **ret_until)
{
    if (topic->is_family) {
        const char *brace = strchr(topic->name, '{');
        *ret_from = g_strndup(topic->name, (gsize)(brace - topic->name));
        *ret_until = g_strdup(*ret_from);
        (*ret_until)[strlen(*ret_until) - 1] = '/';
    } else {
        *ret_from = g_strdup(topic->name);
        *ret_until = g_strdup_printf("%s!", topic->name); /* the first name behind it */
    }
}

static bool prune_topic(Store *store, const Topic *topic, int64_t now_us, GError **error)
{
    uint32_t days = topic->topic.keep_days;
    bool is_feed = topic->topic.is_feed;
    if (!is_feed && (days == 0 || !topic->is_family)) {
        return true;
    }
    int64_t before_us = now_us - MICROSECONDS_DAY * MAX(days, 1);
    g_autofree char *from = NULL, *until = NULL;
    name_range(topic, &from, &until);
    if (is_feed) {
        json_auto_t *rows = store_query(
            store, error,
            "DELETE FROM live_feed WHERE (channel, channel_offset) IN (SELECT channel, "
            "channel_offset FROM live_feed WHERE published_at_us < $3 AND channel >= $1 AND "
            "channel < $2 ORDER BY published_at_us LIMIT $4)",
            "ssii", from, until, before_us, (int64_t)PRUNE_ROWS);
        return rows != NULL;
    }
    json_auto_t *names = store_query(store, error,
                                     "DELETE FROM live_state WHERE channel IN (SELECT channel FROM "
                                     "live_state WHERE channel >= $1 AND channel < $2 AND "
                                     "published_at_us < $3 LIMIT $4)",
                                     "ssii", from, until, before_us, (int64_t)PRUNE_ROWS);
    if (names == NULL) {
        return false;
    }
    /* Its number goes as well: such names are drawn at random and not used again. */
    json_auto_t *rows = store_query(store, error,
                                    "DELETE FROM live_channel WHERE name >= $1 AND name < $2 AND "
                                    "NOT EXISTS (SELECT 1 FROM live_state s WHERE "
                                    "s.channel = live_channel.name)",
                                    "ss", from, until);
    return rows != NULL;
}

static bool prune(Store *store, void *data)
{
    Pruning *pruning = data;
    GHashTableIter iterator;
    void *topic;
    g_hash_table_iter_init(&iterator, pruning->live->topics);
    while (g_hash_table_iter_next(&iterator, NULL, &topic)) {
        g_autoptr(GError) error = NULL;
        if (!prune_topic(store, topic, pruning->now_us, &error)) {
            g_warning("could not forget old messages of '%s': %s", ((const Topic *)topic)->name,
                      error->message);
            return false;
        }
    }
    return true;
}

static void pruned(Store *store, bool kept, const GError *error, void *data)
{
    g_free(data);
}

void live_prune(Live *live, int64_t now_us)
{
    Pruning *pruning = g_new0(Pruning, 1);
    pruning->live = live;
    pruning->now_us = now_us;
    store_write(live->store, prune, pruned, pruning);
}
