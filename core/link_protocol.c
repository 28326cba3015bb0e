/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What the server says is checked here once: a display obeys no malformed message. */
#include "core/link_protocol.h"

#include <string.h>

GQuark link_protocol_error_quark(void)
{
    return g_quark_from_static_string("link-protocol-error-quark");
}

void link_protocol_clear(LinkProtocolMessage *message)
{
    json_decref(message->document);
    *message = (LinkProtocolMessage){0};
}

static bool read_push(LinkProtocolMessage *message, const json_t *push)
{
    json_t *pub = NULL, *unsubscribe = NULL, *disconnect = NULL;
    if (json_unpack((json_t *)push, "{s?s, s?o, s?o, s?o}", "channel", &message->channel, "pub",
                    &pub, "unsubscribe", &unsubscribe, "disconnect", &disconnect) != 0) {
        return false;
    }
    if (pub != NULL) {
        json_int_t offset = 0;
        message->kind = LINK_PROTOCOL_PUBLICATION;
        if (message->channel == NULL ||
            json_unpack(pub, "{s:o, s?I}", "data", &message->result, "offset", &offset) != 0 ||
            offset < 0) {
            return false;
        }
        message->offset = (uint64_t)offset;
    } else if (unsubscribe != NULL) {
        message->kind = LINK_PROTOCOL_UNSUBSCRIBE;
        return message->channel != NULL &&
               json_unpack(unsubscribe, "{s?i}", "code", &message->code) == 0;
    } else if (disconnect != NULL) {
        message->kind = LINK_PROTOCOL_DISCONNECT;
        return json_unpack(disconnect, "{s?i}", "code", &message->code) == 0;
    }
    return true;
}

static bool read_reply(LinkProtocolMessage *message, json_int_t id)
{
    if (id <= 0 || id > UINT32_MAX) {
        return false;
    }
    message->id = (uint32_t)id;
    const json_t *error = json_object_get(message->document, "error");
    if (error != NULL) {
        int temporary = 0;
        message->kind = LINK_PROTOCOL_ERROR;
        int failed = json_unpack((json_t *)error, "{s:i, s?b}", "code", &message->code, "temporary",
                                 &temporary);
        message->is_temporary = temporary != 0;
        return failed == 0;
    }
    const char *key;
    json_t *value;
    json_object_foreach(message->document, key, value)
    {
        if (!g_str_equal(key, "id")) {
            message->kind = LINK_PROTOCOL_REPLY;
            message->name = key;
            message->result = value;
            return json_is_object(value);
        }
    }
    return false;
}

static bool read_message(LinkProtocolMessage *message)
{
    json_int_t id = 0;
    const json_t *push = NULL;
    if (!json_is_object(message->document)) {
        return false;
    }
    if (json_object_size(message->document) == 0) {
        message->kind = LINK_PROTOCOL_PING;
        return true;
    }
    if (json_unpack(message->document, "{s?I, s?o}", "id", &id, "push", &push) != 0) {
        return false;
    }
    return push != NULL ? read_push(message, push) : read_reply(message, id);
}

bool link_protocol_next(const char **text, size_t *size, LinkProtocolMessage *ret_message,
                        GError **error)
{
    while (*size > 0 && g_ascii_isspace(**text)) {
        (*text)++;
        (*size)--;
    }
    if (*size == 0) {
        *ret_message = (LinkProtocolMessage){0};
        return true;
    }
    const char *newline = memchr(*text, '\n', *size);
    size_t length = newline != NULL ? (size_t)(newline - *text) : *size;
    LinkProtocolMessage message = {
        .kind = LINK_PROTOCOL_OTHER,
        .document = json_loadb(*text, length, JSON_REJECT_DUPLICATES, NULL),
    };
    *text += length;
    *size -= length;
    if (message.document == NULL || !read_message(&message)) {
        link_protocol_clear(&message);
        g_set_error(error, link_protocol_error_quark(), LINK_PROTOCOL_ERROR_FORMAT,
                    "the server does not speak the live protocol");
        return false;
    }
    *ret_message = message;
    return true;
}

static char *command_text(json_t *command)
{
    json_auto_t *taken = command;
    g_autofree char *text = json_dumps(taken, JSON_COMPACT);
    return g_strdup(text);
}

char *link_protocol_connect(uint32_t id, const char *token)
{
    return command_text(json_pack("{s:I, s:{s:s, s:s*}}", "id", (json_int_t)id, "connect", "name",
                                  "serambi-display", "token", token));
}

char *link_protocol_subscribe(uint32_t id, const char *channel, bool recover, const char *epoch,
                              uint64_t offset)
{
    json_t *params = json_pack("{s:s}", "channel", channel);
    if (recover) {
        json_object_set_new(params, "recover", json_true());
        json_object_set_new(params, "epoch", json_string(epoch));
        json_object_set_new(params, "offset", json_integer((json_int_t)offset));
    }
    return command_text(json_pack("{s:I, s:o}", "id", (json_int_t)id, "subscribe", params));
}

char *link_protocol_rpc(uint32_t id, const char *method, json_t *data)
{
    return command_text(json_pack("{s:I, s:{s:s, s:o}}", "id", (json_int_t)id, "rpc", "method",
                                  method, "data", data));
}
