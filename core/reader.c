/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Readers of live channels: who has what, and sending the rest at once.
 *
 * One sweep a turn walks the subscribers of every channel with news and writes the range from their
 * cursor to the head: the same bytes for nearly all of them. Whoever's socket is full keeps only
 * its cursors; when it drained it gets its own replies first, then 64 KiB of one channel after the
 * other: the newest value of a state, every entry of a feed.
 *
 * An EventSource tells the server one id when it comes back, while a reader has many channels. So
 * every event carries all of its cursors as they then are: exact, at the price of a copy. */
#include "core/live_private.h"

#include "core/limits.h"
#include "core/poll_set.h"

#include <string.h>

#define LOOKS_AT_CLOCK 32 /* subscribers between two looks: each is mostly one send() */

LiveReader *live_reader_new(Live *live, Socket *socket, LiveEncoding encoding)
{
    LiveReader *reader = g_new0(LiveReader, 1);
    reader->live = live;
    reader->socket = socket;
    reader->encoding = encoding;
    reader->subscriptions = g_array_new(FALSE, FALSE, sizeof(Subscription));
    reader->position = live->readers->len;
    reader->is_lagging = socket_is_lagging(socket);
    reader->lagging_since_us = g_get_monotonic_time();
    reader->written_beat = live->beat;
    g_ptr_array_add(live->readers, reader);
    return reader;
}

static Subscriber *subscriber_of(const Subscription *subscription)
{
    return &g_array_index(subscription->stream->subscribers, Subscriber, subscription->index);
}

static Subscription *subscription_at(const LiveReader *reader, guint slot)
{
    return &g_array_index(reader->subscriptions, Subscription, slot);
}

/* Both arrays stay dense: the last one moves into the gap, and is told so. */
static void remove_subscription(LiveReader *reader, guint slot)
{
    Subscription gone = *subscription_at(reader, slot);
    GArray *subscribers = gone.stream->subscribers;
    g_array_remove_index_fast(subscribers, gone.index);
    if (gone.stream->is_dirty) {
        gone.stream->left = subscribers->len; /* who moves could have been passed over */
    }
    if (gone.index < subscribers->len) {
        const Subscriber *moved = &g_array_index(subscribers, Subscriber, gone.index);
        subscription_at(moved->reader, moved->slot)->index = gone.index;
    }
    g_array_remove_index_fast(reader->subscriptions, slot);
    if (slot < reader->subscriptions->len) {
        subscriber_of(subscription_at(reader, slot))->slot = slot;
    }
    live_release_channel(gone.stream->channel);
}

void live_reader_free(LiveReader *reader)
{
    if (reader == NULL) {
        return;
    }
    while (reader->subscriptions->len > 0) {
        remove_subscription(reader, reader->subscriptions->len - 1);
    }
    GPtrArray *readers = reader->live->readers;
    g_ptr_array_remove_index_fast(readers, reader->position);
    if (reader->position < readers->len) {
        ((LiveReader *)g_ptr_array_index(readers, reader->position))->position = reader->position;
    }
    if (reader->is_behind) {
        g_ptr_array_remove_fast(reader->live->behind, reader);
    }
    if (reader->is_first) {
        g_ptr_array_remove_fast(reader->live->first, reader);
    }
    g_array_unref(reader->subscriptions);
    g_clear_pointer(&reader->own, g_byte_array_unref);
    g_free(reader);
}

void live_reader_put_first(LiveReader *reader)
{
    if (!reader->is_first) {
        reader->is_first = true;
        g_ptr_array_add(reader->live->first, reader);
    }
}

/* --- Sending ---------------------------------------------------------------------------------- */

static bool can_send(const LiveReader *reader)
{
    return !reader->is_lagging && !reader->is_dead && !reader->is_closing;
}

static void send_bytes(LiveReader *reader, const void *bytes, size_t size)
{
    reader->live->counters.writes_total++;
    reader->written_beat = reader->live->beat;
    switch (socket_write(reader->socket, bytes, size)) {
    case SOCKET_SENT:
        break;
    case SOCKET_LAGGING:
        reader->is_lagging = true;
        reader->lagging_since_us = g_get_monotonic_time();
        reader->live->counters.lagging_total++;
        break;
    case SOCKET_DEAD:
        reader->is_dead = true;
        break;
    }
}

char *live_reader_positions(const LiveReader *reader)
{
    GString *positions = g_string_new(live_epoch(reader->live));
    for (guint slot = 0; slot < reader->subscriptions->len; slot++) {
        g_string_append_printf(positions, "%c%" G_GUINT64_FORMAT, slot == 0 ? ':' : ',',
                               subscriber_of(subscription_at(reader, slot))->cursor);
    }
    return g_string_free(positions, FALSE);
}

uint32_t live_reader_quiet_beats(const LiveReader *reader)
{
    return reader->live->beat - reader->written_beat;
}

bool live_reader_is_lagging(const LiveReader *reader)
{
    return reader->is_lagging;
}

/* Each event with its own id: a line may be cut behind any of them. */
static void send_events(LiveReader *reader, Subscriber *subscriber, const LogRange *range)
{
    g_autoptr(GByteArray) out = g_byte_array_sized_new((guint)range->size + 256);
    const uint8_t *event = range->bytes, *end = range->bytes + range->size;
    subscriber->cursor = range->last_offset - range->frames;
    while (event < end) {
        const uint8_t *next = (const uint8_t *)memmem(event, (size_t)(end - event), "\n\n", 2) + 2;
        subscriber->cursor++;
        g_autofree char *positions = live_reader_positions(reader);
        g_byte_array_append(out, (const guint8 *)"id: ", 4);
        g_byte_array_append(out, (const guint8 *)positions, (guint)strlen(positions));
        g_byte_array_append(out, (const guint8 *)"\n", 1);
        g_byte_array_append(out, event, (guint)(next - event));
        event = next;
    }
    send_bytes(reader, out->data, out->len);
}

/* A feed that lost what the reader still needs: only a new beginning helps. */
static void lose(LiveReader *reader)
{
    reader->live->counters.dropped_total++;
    live_reader_close(reader, 3010, "insufficient state");
}

/* What was found for the reader before: nearly all stand at the same place of the log. */
typedef struct {
    LogRange range; /* of no frames: none yet */
    uint64_t after;
} Found;

static bool find_range(const Stream *stream, uint64_t after, Found *found, LogRange *ret_range)
{
    if (found->range.frames == 0 || found->after != after) {
        if (!log_range(&stream->log, after, LIMIT_WRITE_CHUNK_BYTES, ret_range)) {
            return false;
        }
        *found = (Found){.range = *ret_range, .after = after};
    }
    *ret_range = found->range;
    return true;
}

static void hand_over(LiveReader *reader, Subscriber *subscriber, const LogRange *range)
{
    reader->live->counters.deliveries_total += range->frames;
    if (reader->encoding == LIVE_EVENTS) {
        send_events(reader, subscriber, range);
    } else {
        subscriber->cursor = range->last_offset;
        send_bytes(reader, range->bytes, range->size);
    }
}

/* What the log has forgotten. */
static bool deliver_stored(Stream *stream, Subscriber *subscriber, uint64_t after)
{
    LogRange range;
    g_autoptr(GByteArray) stored = g_byte_array_new();
    if (!live_read_frames(stream->channel, stream->encoding, after, stored, &range)) {
        lose(subscriber->reader);
        return false;
    }
    hand_over(subscriber->reader, subscriber, &range);
    return true;
}

/* Sends one range of a channel to one reader that can take it. Returns whether more is waiting. */
static bool deliver(Stream *stream, guint index, Found *found)
{
    Subscriber *subscriber = &g_array_index(stream->subscribers, Subscriber, index);
    const Channel *channel = stream->channel;
    if (subscriber->cursor >= channel->offset) {
        return false;
    }
    uint64_t after = channel->topic->is_feed ? subscriber->cursor : channel->offset - 1;
    LogRange range;
    if (find_range(stream, after, found, &range)) {
        hand_over(subscriber->reader, subscriber, &range);
    } else if (!deliver_stored(stream, subscriber, after)) {
        return false;
    }
    return subscriber->cursor < channel->offset;
}

static void mark_behind(LiveReader *reader)
{
    if (!reader->is_behind) {
        reader->is_behind = true;
        g_ptr_array_add(reader->live->behind, reader);
    }
    live_wake(reader->live);
}

/* Everybody is to be looked at once more; who was not yet gets the older news along with it. */
void reader_mark_dirty(Stream *stream)
{
    Live *live = stream->channel->live;
    if (stream->subscribers->len == 0) {
        return;
    }
    stream->left = stream->subscribers->len;
    if (!stream->is_dirty) {
        stream->is_dirty = true;
        stream->next++; /* begins elsewhere each time: nobody is always the last to know */
        g_queue_push_tail_link(&live->dirty, &stream->dirty_link);
        live_wake(live);
    }
}

/* The memory of those who are next, while the kernel is busy with this one: ten thousand readers
 * are more than a cache holds. */
static void fetch_ahead(const Stream *stream, guint index)
{
    guint count = stream->subscribers->len;
    if (index + 2 < count) {
        const Subscriber *next = &g_array_index(stream->subscribers, Subscriber, index + 1);
        socket_prefetch(next[0].reader->socket);
        __builtin_prefetch(next[1].reader);
    }
}

/* Goes on until all are looked at or the time is spent. */
static void sweep(Stream *stream, const TurnBudget *budget)
{
    Found found = {0};
    for (; stream->left > 0; stream->left--) {
        guint count = stream->subscribers->len;
        guint index = stream->next < count ? stream->next : 0;
        if (stream->left % LOOKS_AT_CLOCK == 0 && turn_budget_is_spent(budget)) {
            return;
        }
        stream->next = index + 1;
        fetch_ahead(stream, index);
        LiveReader *reader = g_array_index(stream->subscribers, Subscriber, index).reader;
        if (can_send(reader) && deliver(stream, index, &found) && can_send(reader)) {
            mark_behind(reader);
        }
    }
}

/* One channel after the other, as far as the time goes; the next turn begins with the one whose
 * turn it then is, so that a channel with much to say does not silence the others. */
static void sweep_all(Live *live, const TurnBudget *budget)
{
    for (guint streams = live->dirty.length; streams > 0 && !turn_budget_is_spent(budget);
         streams--) {
        GList *link = g_queue_pop_head_link(&live->dirty);
        Stream *stream = link->data;
        sweep(stream, budget);
        if (stream->left > 0) {
            g_queue_push_tail_link(&live->dirty, link);
        } else {
            stream->is_dirty = false;
        }
    }
}

/* One range of each channel in which the reader is behind, as long as its socket takes it. The next
 * time it goes on with the channel after the last one served. */
static void catch_up(LiveReader *reader)
{
    guint count = reader->subscriptions->len;
    bool has_more = false;
    guint first = reader->next_slot;
    for (guint i = 0; i < count && can_send(reader); i++) {
        guint slot = (first + i) % count;
        const Subscription *subscription = subscription_at(reader, slot);
        if (subscriber_of(subscription)->cursor < subscription->stream->channel->offset) {
            Found found = {0};
            has_more |= deliver(subscription->stream, subscription->index, &found);
            reader->next_slot = slot + 1;
        }
    }
    if (has_more && can_send(reader)) {
        mark_behind(reader);
    }
}

/* Who becomes behind again now waits for the next turn. */
static void catch_up_all(Live *live, const TurnBudget *budget)
{
    guint count = live->behind->len, done = 0;
    while (done < count && !turn_budget_is_spent(budget)) {
        LiveReader *reader = g_ptr_array_index(live->behind, done++);
        reader->is_behind = false;
        if (can_send(reader)) {
            catch_up(reader);
        }
    }
    g_ptr_array_remove_range(live->behind, 0, done);
}

/* A called number is on the screen before it is on ten thousand phones. */
static void serve_first(Live *live)
{
    for (guint i = 0; i < live->first->len; i++) {
        LiveReader *reader = g_ptr_array_index(live->first, i);
        if (can_send(reader)) {
            catch_up(reader);
        }
    }
}

void reader_work(Live *live)
{
    TurnBudget budget = turn_budget();
    uv_idle_stop(live->idle);
    if (live->dirty.length > 0) {
        serve_first(live);
    }
    sweep_all(live, &budget);
    budget = turn_budget(); /* those who come back are not starved by much news */
    catch_up_all(live, &budget);
    if (live->dirty.length > 0 || live->behind->len > 0) {
        live_wake(live);
    }
}

void live_reader_drained(LiveReader *reader)
{
    reader->is_lagging = false;
    g_autoptr(GByteArray) own = g_steal_pointer(&reader->own);
    if (own != NULL && can_send(reader)) {
        send_bytes(reader, own->data, own->len);
    }
    if (can_send(reader)) {
        catch_up(reader);
    }
}

void live_reader_write(LiveReader *reader, const void *bytes, size_t size)
{
    if (reader->is_dead || reader->is_closing) {
        return;
    }
    if (!reader->is_lagging) {
        send_bytes(reader, bytes, size);
        return;
    }
    if (reader->own == NULL) {
        reader->own = g_byte_array_new();
    }
    if (reader->own->len + size > LIMIT_READER_BYTES) {
        live_reader_close(reader, 3008, "slow");
        return;
    }
    g_byte_array_append(reader->own, bytes, (guint)size);
}

void live_reader_close(LiveReader *reader, uint16_t code, const char *reason)
{
    if (reader->is_closing || reader->is_dead) {
        return;
    }
    if (reader->encoding == LIVE_EVENTS && !reader->is_lagging) {
        g_autofree char *event = g_strdup_printf(
            "data: {\"disconnect\":{\"code\":%u,\"reason\":\"%s\"}}\n\n", code, reason);
        send_bytes(reader, event, strlen(event));
    }
    reader->is_closing = true;
    if (reader->live->on_close != NULL) {
        reader->live->on_close(code, reader->live->on_close_data);
    }
    g_clear_pointer(&reader->own, g_byte_array_unref);
    socket_close(reader->socket, code, reason);
}

void reader_say_farewell(Live *live)
{
    guint closed = 0;
    for (guint i = 0; i < live->readers->len && closed < live->farewell_each; i++) {
        LiveReader *reader = g_ptr_array_index(live->readers, i);
        if (!reader->is_closing && !reader->is_dead) {
            live_reader_close(reader, live->farewell_code, live->farewell_reason);
            closed++;
        }
    }
}

void reader_mind(Live *live)
{
    int64_t before_us = g_get_monotonic_time() - LIMIT_BEHIND_SECONDS * G_USEC_PER_SEC;
    for (guint i = 0; i < live->readers->len; i++) {
        LiveReader *reader = g_ptr_array_index(live->readers, i);
        if (reader->is_lagging && !reader->is_closing && reader->lagging_since_us < before_us) {
            live_reader_close(reader, 3008, "slow");
        }
    }
}

/* --- Subscribing ------------------------------------------------------------------------------ */

static void open_stream(Stream *stream)
{
    Channel *channel = stream->channel;
    if (stream->is_open) {
        return;
    }
    bool is_feed = channel->topic->is_feed;
    stream->is_open = true;
    stream->subscribers = g_array_new(FALSE, FALSE, sizeof(Subscriber));
    log_init(&stream->log, is_feed ? LIMIT_CHANNEL_LOG_BYTES : 0, channel->offset);
    if (is_feed) {
        live_preload(stream);
    } else if (channel->body != NULL) {
        g_autoptr(GByteArray) frame = g_byte_array_new();
        live_encode(frame, stream->encoding, channel->name, channel->body, channel->offset);
        log_append(&stream->log, channel->offset, frame->data, frame->len);
    }
}

static Stream *stream_of(const LiveReader *reader, Channel *channel)
{
    return &channel->streams[reader->encoding - 1];
}

static bool find_subscription(const LiveReader *reader, const char *name, guint *ret_slot)
{
    for (guint slot = 0; slot < reader->subscriptions->len; slot++) {
        if (g_str_equal(subscription_at(reader, slot)->stream->channel->name, name)) {
            *ret_slot = slot;
            return true;
        }
    }
    return false;
}

/* From where a feed's reader goes on: what it missed follows as pushes, from memory or from the
 * store; the reply itself carries none of it. */
static uint64_t place_in_feed(Channel *channel, const Stream *stream, const LivePosition *position,
                              bool is_same_epoch, bool *ret_recovered)
{
    bool can_recover = is_same_epoch && position->offset <= channel->offset &&
                       (log_reaches(&stream->log, position->offset) ||
                        live_stored_after(channel, position->offset));
    *ret_recovered = position->recover && can_recover;
    return *ret_recovered ? position->offset : channel->offset;
}

bool live_subscribe(LiveReader *reader, const char *name, const LivePosition *position,
                    LiveSubscribed *ret_subscribed, GError **error)
{
    guint slot;
    if (find_subscription(reader, name, &slot)) {
        g_set_error(error, LIVE_ERROR, LIVE_ERROR_SUBSCRIBED, "already subscribed to '%s'", name);
        return false;
    }
    if (reader->subscriptions->len >= LIMIT_CLIENT_CHANNELS) {
        g_set_error(error, LIVE_ERROR, LIVE_ERROR_LIMIT, "more than %d channels",
                    LIMIT_CLIENT_CHANNELS);
        return false;
    }
    Channel *channel = live_open_channel(reader->live, name, error);
    if (channel == NULL) {
        return false;
    }
    Stream *stream = stream_of(reader, channel);
    open_stream(stream);
    LiveSubscribed subscribed = {
        .is_feed = channel->topic->is_feed,
        .was_recovering = position->recover,
        .recovered = true,
        .epoch = live_epoch(reader->live),
        .offset = channel->offset,
    };
    bool is_same_epoch =
        position->epoch != NULL && g_str_equal(position->epoch, live_epoch(reader->live));
    if (channel->topic->is_feed) {
        subscribed.offset =
            place_in_feed(channel, stream, position, is_same_epoch, &subscribed.recovered);
    } else if (channel->body != NULL &&
               !(position->recover && is_same_epoch && position->offset == channel->offset)) {
        subscribed.body = channel->body;
    }
    Subscriber subscriber = {
        .reader = reader,
        .cursor = subscribed.offset,
        .slot = reader->subscriptions->len,
    };
    Subscription subscription = {.stream = stream, .index = stream->subscribers->len};
    g_array_append_val(stream->subscribers, subscriber);
    g_array_append_val(reader->subscriptions, subscription);
    stream->left += stream->is_dirty; /* the round that is under way became longer */
    if (subscribed.offset < channel->offset) {
        mark_behind(reader);
    }
    *ret_subscribed = subscribed;
    return true;
}

bool live_unsubscribe(LiveReader *reader, const char *name)
{
    guint slot;
    if (!find_subscription(reader, name, &slot)) {
        return false;
    }
    remove_subscription(reader, slot);
    return true;
}

void live_on_close(Live *live, void (*on_close)(uint16_t code, void *data), void *data)
{
    live->on_close = on_close;
    live->on_close_data = data;
}

guint live_reader_channels(const LiveReader *reader)
{
    return reader->subscriptions->len;
}
