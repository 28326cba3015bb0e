/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The Centrifuge client protocol, JSON, as a client sees it. Pure: text to messages, commands to
 * text. The server's side is centrifuge.h. */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    LINK_PROTOCOL_PING = 1,
    LINK_PROTOCOL_REPLY,       /* id, name ("connect"), result */
    LINK_PROTOCOL_ERROR,       /* id, code, is_temporary */
    LINK_PROTOCOL_PUBLICATION, /* channel, result (the data), offset */
    LINK_PROTOCOL_UNSUBSCRIBE, /* channel, code */
    LINK_PROTOCOL_DISCONNECT,  /* code */
    LINK_PROTOCOL_OTHER,       /* of a later version: passed over */
} LinkProtocolKind;

/* Strings and result live in document. */
typedef struct {
    LinkProtocolKind kind;
    uint32_t id;
    int code;
    bool is_temporary;
    const char *name, *channel;
    json_t *result;
    uint64_t offset;
    json_t *document;
} LinkProtocolMessage;
void link_protocol_clear(LinkProtocolMessage *message);

typedef enum { LINK_PROTOCOL_ERROR_FORMAT = 1 } LinkProtocolError;
GQuark link_protocol_error_quark(void);

/* Takes the next document of a message; kind 0 at its end. False: not the protocol. */
bool link_protocol_next(const char **text, size_t *size, LinkProtocolMessage *ret_message,
                        GError **error);

/* Commands as text; g_free(). token may be NULL. */
char *link_protocol_connect(uint32_t id, const char *token);
char *link_protocol_subscribe(uint32_t id, const char *channel, bool recover, const char *epoch,
                              uint64_t offset);
char *link_protocol_rpc(uint32_t id, const char *method, json_t *data); /* takes data */
