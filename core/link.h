/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A display's link to its server: a thread of its own with a libuv loop and libwebsockets as
 * client. Speaks the Centrifuge client protocol over /connection/websocket, fetches kept files over
 * HTTP, and remembers on disk the last value of each state channel. It reconnects for ever.
 *
 * Functions: any thread. Events: called on the link's thread; the presenter posts them on to its
 * own. */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Link Link;

typedef enum {
    LINK_MESSAGE = 1, /* channel, body: a publication, or the remembered value at start */
    LINK_STATUS,      /* body {"online":bool,"paired":bool,"since_us":N,"offset_us":N,"id":".."} */
    LINK_REPLY,       /* call id, status, body */
    LINK_FILE,        /* source, path (NULL when it failed for now), body {"reason":..} */
} LinkEventKind;

typedef struct {
    LinkEventKind kind;
    char *channel; /* MESSAGE; source for FILE */
    char *path;    /* FILE */
    uint64_t call; /* REPLY */
    int status;    /* REPLY: HTTP status, 0: not reached */
    json_t *body;
} LinkEvent;
void link_event_free(LinkEvent *event);

typedef struct {
    const char *server;      /* "http://127.0.0.1:8080" */
    const char *data_folder; /* key, remembered values, files; created 0700 */
    const char *beside;      /* path of the server's <data>/secrets/beside, or NULL */
    int64_t cache_bytes;     /* room for files; 0: 8 GiB */
    void (*on_event)(LinkEvent *event, void *data); /* takes event; link's thread */
    void *data;
} LinkOptions;

/* Reads or makes the Ed25519 key, hands out the remembered values at once (in this call, on this
 * thread), then starts the thread. */
Link *link_new(const LinkOptions *options, const char *const *channels, GError **error);
void link_free(Link *link);             /* stops and joins the thread */
const char *link_key(const Link *link); /* public key, 64 hex digits */
/* HMAC-SHA256(secret in beside, key) in hex, "" without; the proof of being beside the server. */
const char *link_beside_proof(const Link *link);

typedef enum {
    LINK_CLOCK_NONE = 1, /* the server was not heard yet */
    LINK_CLOCK_LINK,     /* the rpc "time" of the link: UDP is blocked, or the server has none */
    LINK_CLOCK_UDP,      /* clock_asker.h */
} LinkClockSource;

typedef struct {
    LinkClockSource source;
    int64_t offset_us; /* house clock minus CLOCK_MONOTONIC, at the time that was asked for */
    int64_t error_us;  /* offset_us is right to within this; grows while nothing is heard */
    int64_t round_us;  /* least round trip of the samples behind it */
    double drift_ppm;  /* how much faster the house clock goes */
    uint64_t epochs;   /* how often the server began anew or set its clock, as far as was noticed */
} LinkClock;
/* What is known of the house clock; survives disconnection. */
void link_clock(const Link *link, int64_t monotonic_us, LinkClock *ret_clock);
/* The same as microseconds to add to CLOCK_REALTIME; 0: not known. */
int64_t link_offset_us(const Link *link);
/* More channels later ("displays:screen.7"). */
void link_subscribe(Link *link, const char *channel);
/* Calls a route: "POST /api/displays/report"; takes body; LINK_REPLY with the returned id comes.
 * Before the link is paired only public routes answer. */
uint64_t link_call(Link *link, const char *method_and_path, json_t *body);
/* Files to have ("sha256:<hex>", most urgent first); replaces the earlier list. */
void link_want(Link *link, const char *const *sources);
/* Path of a file that is here and was checked when it came; NULL otherwise. g_free(). */
char *link_file(Link *link, const char *source);
/* Connects again at once, with the role that the server now gives (after pairing). */
void link_reconnect(Link *link);
