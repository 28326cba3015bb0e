/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The Centrifuge client protocol, JSON, as the server sees it: bytes to commands, replies to bytes.
 * Pure: no sockets, no channels.
 * Source: centrifugal.dev, client protocol version 2 (bidirectional), and its error codes; 2024. */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    CENTRIFUGE_PONG = 1, /* {} */
    CENTRIFUGE_CONNECT,
    CENTRIFUGE_SUBSCRIBE,
    CENTRIFUGE_UNSUBSCRIBE,
    CENTRIFUGE_PUBLISH,
    CENTRIFUGE_PRESENCE_STATS,
    CENTRIFUGE_HISTORY,
    CENTRIFUGE_RPC,
    CENTRIFUGE_PING,  /* with an id, to be answered; not the pong */
    CENTRIFUGE_OTHER, /* well-formed, but not offered: presence, refresh, ... */
} CentrifugeMethod;

/* Strings are never NULL and live in `document`. */
typedef struct {
    CentrifugeMethod method;
    uint32_t id;
    const char *name;    /* of the method in JSON: "connect" */
    const char *token;   /* connect */
    const char *channel; /* all about a channel */
    const char *call;    /* rpc: its method */
    const char *epoch;   /* subscribe, history: since */
    uint64_t offset;
    uint32_t flag; /* subscribe */
    int limit;     /* history: 0 position only, -1 as much as there may be */
    bool recover, has_since, reverse;
    bool has_type;      /* subscribe: asks for a kind of subscription that is not offered */
    const json_t *data; /* rpc; NULL when absent */
    const json_t *subs; /* connect; NULL when absent */
    json_t *document;
} CentrifugeCommand;
void centrifuge_command_clear(CentrifugeCommand *command);

typedef enum { CENTRIFUGE_ERROR_FORMAT = 1 } CentrifugeError;
#define CENTRIFUGE_ERROR (centrifuge_error_quark())
GQuark centrifuge_error_quark(void);

/* Takes the next of the documents in [*bytes, *bytes + *size), which are parted by newlines, and
 * moves both behind it. True with ret_command filled (clear it), or, when nothing is left,
 * ret_command->method 0. False: not the protocol; the connection is beyond repair. */
bool centrifuge_next(const char **bytes, size_t *size, CentrifugeCommand *ret_command,
                     GError **error);
/* A connect command from the object alone, as uni_sse's cf_connect has it. */
bool centrifuge_connect(const char *text, size_t size, CentrifugeCommand *ret_command,
                        GError **error);

/* Each appends one document to out, parted by a newline from the one before. */
void centrifuge_reply(GString *out, uint32_t id, const char *name, json_t *result); /* takes */
void centrifuge_reply_error(GString *out, uint32_t id, int code);
/* The same around a result that the caller appends between the two, as text. */
void centrifuge_begin(GString *out, uint32_t id, const char *name);
void centrifuge_end(GString *out);

/* Of an error's code ("permission denied"); of a disconnect's. */
const char *centrifuge_error_text(int code);
const char *centrifuge_disconnect_text(uint16_t code);
/* The codes that we give, one after the other; 0 behind the last. */
int centrifuge_error_code(size_t index);
uint16_t centrifuge_disconnect_code(size_t index);
/* "connect", ...; "other" for what is not offered. */
const char *centrifuge_method_text(CentrifugeMethod method);
