/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What client.c (WebSocket) and events.c (server-sent events) share. */
#pragma once
#include "core/centrifuge.h"
#include "core/client.h"
#include "core/peers.h"
#include "core/tally.h"

#define CLIENT_PING_SECONDS 25 /* as Centrifugo's default */
/* So few are called at once that a channel's news do not wait for them: 40 of ten thousand. */
#define WHEEL_TICK_MS 100
#define WHEEL_SLOTS   (CLIENT_PING_SECONDS * 1000 / WHEEL_TICK_MS)
/* Who heard something a moment ago needs no ping this time: any message is a sign of life to a
 * client, which waits for the next one 10 s longer than CLIENT_PING_SECONDS (centrifuge-js,
 * maxServerPingDelay).
 */
#define CLIENT_FRESH_BEATS (5000 / WHEEL_TICK_MS)

/* Somebody who is called once in CLIENT_PING_SECONDS. */
typedef struct {
    void (*on_turn)(void *owner);
    void (*on_check)(void *owner); /* is it still who it was? */
    void *owner;
    guint slot, position;
} WheelSeat;

typedef struct {
    uv_timer_t *timer;             /* runs while somebody has a seat */
    GPtrArray *slots[WHEEL_SLOTS]; /* WheelSeat */
    guint hand;
    guint given, seats; /* ever; now */
} Wheel;

/* What became of a position that a client came back with. */
typedef enum {
    RECOVERY_KEPT = 1, /* nothing is missed */
    RECOVERY_EPOCH,    /* of another epoch */
    RECOVERY_FUTURE,   /* of a number that was not given yet */
    RECOVERY_GONE,     /* what followed it is no longer kept */
} Recovery;

typedef struct {
    Tally errors;      /* protocol errors by code */
    Tally disconnects; /* by code */
    Tally methods;     /* commands by CentrifugeMethod */
    Tally recoveries;  /* by Recovery */
    Tally refused;     /* upgrades and event streams, by HTTP status */
} ClientsTally;

struct Clients {
    ClientsTally tally;
    Peers *peers;
    Live *live;
    Access *access;
    ClientsCall call;
    Wheel wheel;
    unsigned changes;   /* access_changes() at the last check */
    int64_t checked_us; /* monotonic */
    GQueue strangers;   /* Client, in order of arrival: upgraded, but not connected yet */
    GString *spare;     /* for the next one that has something to reply; NULL: none left */
};

void wheel_join(Wheel *wheel, WheelSeat *seat);
void wheel_leave(Wheel *wheel, WheelSeat *seat);

/* One tick of the wheel; sends away who did not connect in time, and who lost his role. now_us:
 * monotonic. */
void clients_turn(Clients *clients, int64_t now_us);

/* What the clock on the wall of this house says: microseconds since 1970. */
int64_t clients_now_us(const Clients *clients);
/* 0, 102 or 103 */
int client_may_read(const Clients *clients, const Identity *identity, const char *channel);
/* live_subscribe() and live_unsubscribe() within the limits of its address; counted, and what
 * became of the position too. 0, or the protocol's error. */
int client_subscribe(Clients *clients, LiveReader *reader, Peer *peer, const char *channel,
                     const LivePosition *position, LiveSubscribed *ret_subscribed);
void client_unsubscribe(Clients *clients, LiveReader *reader, Peer *peer, const char *channel);
