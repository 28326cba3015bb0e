/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What live.c (channels, publications) and reader.c (connections, sending) share. */
#pragma once
#include "core/live.h"
#include "core/log.h"

typedef struct Channel Channel;

/* 24 bytes each: ten thousand phones on one channel are walked at every publication. */
typedef struct {
    LiveReader *reader;
    uint64_t cursor; /* offset of the newest frame that this reader got */
    uint32_t slot;   /* its place in reader->subscriptions */
} Subscriber;

/* A channel in one encoding. Opened by its first reader. */
typedef struct {
    Channel *channel;
    LiveEncoding encoding;
    bool is_open, is_dirty;
    GList dirty_link; /* in live->dirty; data is the stream */
    Log log;
    GArray *subscribers; /* Subscriber */
    guint next, left;    /* where the sweep goes on, and how many it has still to look at */
} Stream;

/* In memory while somebody reads it. */
struct Channel {
    Live *live;
    char *name;
    const LiveTopic *topic;
    bool is_family;
    uint64_t offset; /* newest on disk */
    char *body;      /* state: the newest value's JSON; NULL when there is none */
    Stream streams[2];
};

typedef struct {
    Stream *stream;
    uint32_t index; /* in stream->subscribers */
} Subscription;

struct LiveReader {
    Live *live;
    Socket *socket;
    LiveEncoding encoding;
    GArray *subscriptions; /* Subscription */
    GByteArray *own;       /* bytes of its own that wait for drained(); NULL when none */
    guint position;        /* in live->readers */
    guint next_slot;       /* whose turn it is after drained() */
    int64_t lagging_since_us;
    uint32_t written_beat; /* when something was last sent */
    bool is_lagging, is_dead, is_closing, is_behind, is_first;
};

struct Live {
    Store *store;
    uv_idle_t *idle; /* runs while something is dirty, behind or to be closed */
    uv_timer_t *minder, *pruner;
    uv_timer_t *farewell; /* closes some readers at every tick, when all are to go */
    GHashTable *topics;   /* name, or "queue:ticket." -> Topic */
    GHashTable *channels; /* name -> Channel */
    GPtrArray *watches;
    GPtrArray *readers;
    GQueue dirty;           /* Stream: news for all; the head's turn is next */
    GPtrArray *first;       /* LiveReader: those who have news before all others */
    GPtrArray *behind;      /* LiveReader: not lagging, yet has something to get */
    uint32_t beat;          /* of live_beat() */
    uint16_t farewell_code; /* 0: they may stay */
    guint farewell_each;    /* closed at one tick */
    char *farewell_reason;
    LiveCounters counters;
    void (*on_close)(uint16_t code, void *data); /* may be NULL */
    void *on_close_data;
};

/* live.c */
Channel *live_open_channel(Live *live, const char *name, GError **error);
void live_release_channel(Channel *channel); /* forgets a family's member that nobody reads */
/* One publication as the bytes of an encoding. */
void live_encode(GByteArray *out, LiveEncoding encoding, const char *channel, const char *body,
                 uint64_t offset);
/* Frames of a feed from the store after offset `after`; false when they are gone or unreadable. */
bool live_read_frames(Channel *channel, LiveEncoding encoding, uint64_t after, GByteArray *out,
                      LogRange *ret_range);
/* Is the entry behind `after` still in the store (or `after` the newest)? */
bool live_stored_after(Channel *channel, uint64_t after);
/* A feed's newest entries into the stream's empty log. */
void live_preload(Stream *stream);
json_t *live_publication(const char *body, uint64_t offset); /* {"data":..,"offset":n} */
void live_wake(Live *live);

/* reader.c */
void reader_work(Live *live); /* one turn's sending; stops the idle handle when all is done */
void reader_mind(Live *live); /* closes who took nothing for LIMIT_BEHIND_SECONDS */
void reader_say_farewell(Live *live);
void reader_mark_dirty(Stream *stream);
