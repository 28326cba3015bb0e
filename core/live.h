/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Live channels: one append-only log of finished frames for each channel and encoding, one cursor
 * for each subscriber, written at once.
 *
 * A state channel keeps its newest value; a feed keeps its entries (log in memory, older ones in
 * the store). Offsets are given in the transaction of the data, so that a restart keeps them. A
 * slow reader costs its cursor: when its socket drained it gets the newest state, and every entry
 * of a feed. Numbers and epochs: Centrifuge client protocol.
 *
 * Main thread only. */
#pragma once
#include "core/store.h"
#include "core/web.h"

typedef struct Live Live;

typedef struct {
    const char *name; /* "queue:board", or a family "queue:ticket.{key}" */
    bool is_feed;
    uint32_t readers; /* SerambiRole bits */
    /* Feed: entries older than this are forgotten, 0 means 1. State: a member of a family that was
     * not published for so long is forgotten, 0 never. */
    uint32_t keep_days;
} LiveTopic;

Live *live_new(Store *store, uv_loop_t *loop, GError **error);
void live_free(Live *live);
/* Declares a channel or family; strings are copied. Before the first publication to it. */
bool live_declare(Live *live, const LiveTopic *topic, GError **error);
/* The declaration that a channel name falls under; NULL when there is none. */
const LiveTopic *live_find(Live *live, const char *channel);

/* Inside a store's work(): gives the offset, writes the row, and after the commit appends the frame
 * and sends it. Takes body. LIVE_ERROR_UNKNOWN, LIVE_ERROR_TOO_LARGE, or the store's error. */
typedef enum {
    LIVE_ERROR_UNKNOWN = 1,
    LIVE_ERROR_TOO_LARGE,
    LIVE_ERROR_SUBSCRIBED,    /* already, on this connection */
    LIVE_ERROR_LIMIT,         /* LIMIT_CLIENT_CHANNELS */
    LIVE_ERROR_UNRECOVERABLE, /* history since a position of another epoch */
} LiveError;
#define LIVE_ERROR (live_error_quark())
GQuark live_error_quark(void);
bool live_publish(Live *live, const char *channel, json_t *body, GError **error);

/* Forgets what is older than its topic's keep_days; runs by itself every hour. */
void live_prune(Live *live, int64_t now_us);
const char *live_epoch(const Live *live);

/* on_message after each commit that published on the channel, or, when channel ends in ':' or '.',
 * on any that begins so. */
typedef void (*LiveWatch)(const char *channel, const json_t *body, void *data);
void live_watch(Live *live, const char *channel, LiveWatch on_message, void *data);

/* --- Subscribers, for client.c and events.c ----------------------------------------------------
 */

typedef enum { LIVE_WEBSOCKET = 1, LIVE_EVENTS } LiveEncoding; /* frames, or server-sent events */
typedef struct LiveReader LiveReader; /* one connection: its socket and its cursors */

LiveReader *live_reader_new(Live *live, Socket *socket, LiveEncoding encoding);
void live_reader_free(LiveReader *reader); /* drops its subscriptions */
/* From now on it has news before all others: for screens and staff, who are few and seen by many. */
void live_reader_put_first(LiveReader *reader);
void live_reader_drained(LiveReader *reader);
/* Bytes that belong to this reader only (replies), kept in order with the log. */
void live_reader_write(LiveReader *reader, const void *bytes, size_t size);

typedef struct {
    bool recover;      /* asked by the client */
    const char *epoch; /* the client's, may be NULL */
    uint64_t offset;   /* the client's */
} LivePosition;
typedef struct {
    bool is_feed;
    bool was_recovering, recovered;
    const char *epoch;
    uint64_t offset; /* position from which the reader's cursor goes on */
    /* State: the newest value as JSON text, of that offset, to ride in the reply; NULL when there
     * is none or the client has it. Borrowed until the caller returns to the loop. */
    const char *body;
} LiveSubscribed;
/* The cursor is set when this returns; the caller sends the reply before any push of the channel
 * can leave. */
bool live_subscribe(LiveReader *reader, const char *channel, const LivePosition *position,
                    LiveSubscribed *ret_subscribed, GError **error);
bool live_unsubscribe(LiveReader *reader, const char *channel);
/* "<epoch>:<offset>,<offset>,..." of its subscriptions in their order: what an EventSource sends
 * back as Last-Event-ID. g_free(). */
char *live_reader_positions(const LiveReader *reader);
bool live_reader_is_lagging(const LiveReader *reader);
/* A clock that costs a write nothing: how often live_beat() was called since something was last
 * sent to this reader. */
uint32_t live_reader_quiet_beats(const LiveReader *reader);
void live_beat(Live *live);
/* Says goodbye (a close frame, or a disconnect event) and closes; nothing is sent afterwards. */
void live_reader_close(LiveReader *reader, uint16_t code, const char *reason);
guint live_reader_channels(const LiveReader *reader);
/* on_close at each goodbye, with its code: for who counts them. */
void live_on_close(Live *live, void (*on_close)(uint16_t code, void *data), void *data);
guint live_subscribers(Live *live, const char *channel); /* for presence statistics, metrics */
/* {"publications":[...],"epoch":..,"offset":..}; limit 0: position only, -1: LIMIT_HISTORY; since
 * may be NULL (exclusive otherwise). */
json_t *live_history(Live *live, const char *channel, int limit, const LivePosition *since,
                     bool reverse, GError **error);

typedef struct {
    uint64_t publications_total, deliveries_total, writes_total, lagging_total, dropped_total;
    uint64_t readers, channels; /* now */
} LiveCounters;
LiveCounters live_counters(const Live *live);
guint live_subscriptions(const Live *live); /* of all readers, counted anew */
/* Closes every reader with a Centrifuge disconnect code, and whoever still comes: not all in one
 * moment, but over spread_ms, so that they do not come back in one moment either. */
void live_disconnect_all(Live *live, uint16_t code, const char *reason, uint32_t spread_ms);
