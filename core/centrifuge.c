/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Commands are taken apart once, here, and strictly: a field of the wrong type, a second method or
 * a number out of range ends the connection, so that nobody behind this file needs to ask again.
 * Members that we do not know are passed over: clients of later versions send them. */
#include "core/centrifuge.h"

#include "core/limits.h"
#include "core/nesting.h"

#include <string.h>

G_DEFINE_QUARK(centrifuge - error - quark, centrifuge_error)

static const struct {
    const char *name;
    CentrifugeMethod method;
    bool has_channel;
} methods[] = {
    {"connect", CENTRIFUGE_CONNECT, false},
    {"subscribe", CENTRIFUGE_SUBSCRIBE, true},
    {"unsubscribe", CENTRIFUGE_UNSUBSCRIBE, true},
    {"publish", CENTRIFUGE_PUBLISH, true},
    {"presence_stats", CENTRIFUGE_PRESENCE_STATS, true},
    {"history", CENTRIFUGE_HISTORY, true},
    {"rpc", CENTRIFUGE_RPC, false},
    {"presence", CENTRIFUGE_OTHER, false},
    {"ping", CENTRIFUGE_PING, false},
    {"send", CENTRIFUGE_OTHER, false},
    {"refresh", CENTRIFUGE_OTHER, false},
    {"sub_refresh", CENTRIFUGE_OTHER, false},
};

static const struct {
    int code;
    const char *text;
    bool is_temporary;
} errors[] = {
    {100, "internal server error", true}, {101, "unauthorized", false},
    {102, "unknown channel", false},      {103, "permission denied", false},
    {104, "method not found", false},     {105, "already subscribed", false},
    {106, "limit exceeded", false},       {107, "bad request", false},
    {108, "not available", false},        {109, "token expired", false},
    {111, "too many requests", true},     {112, "unrecoverable position", false},
};

static const struct {
    uint16_t code;
    const char *text;
} disconnects[] = {
    {3000, "connection closed"},
    {1002, "protocol error"},
    {1003, "text only"},
    {1007, "not UTF-8"},
    {1009, "message too long"},
    {3001, "shutdown"},
    {3004, "internal server error"},
    {3005, "connection expired"},
    {3008, "slow"},
    {3010, "insufficient state"},
    {3012, "no pong"},
    {3013, "too many requests"},
    {3500, "invalid token"},
    {3501, "bad request"},
    {3502, "stale"},
    {3503, "force disconnect"},
    {3507, "permission denied"},
};

void centrifuge_command_clear(CentrifugeCommand *command)
{
    json_decref(command->document);
    *command = (CentrifugeCommand){0};
}

static bool refuse(GError **error, const char *reason)
{
    g_set_error_literal(error, CENTRIFUGE_ERROR, CENTRIFUGE_ERROR_FORMAT, reason);
    return false;
}

static bool get_text(const json_t *params, const char *key, const char **ret_text, GError **error)
{
    const json_t *value = json_object_get(params, key);
    *ret_text = "";
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value)) {
        return refuse(error, "a text is not a text");
    }
    *ret_text = json_string_value(value);
    return true;
}

static bool get_number(const json_t *params, const char *key, int64_t min, int64_t max,
                       int64_t *ret_number, GError **error)
{
    const json_t *value = json_object_get(params, key);
    *ret_number = 0;
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        return refuse(error, "a number is not one, or out of range");
    }
    *ret_number = json_integer_value(value);
    return true;
}

static bool get_bool(const json_t *params, const char *key, bool *ret_bool, GError **error)
{
    const json_t *value = json_object_get(params, key);
    if (value != NULL && !json_is_boolean(value) && !json_is_null(value)) {
        return refuse(error, "true or false was expected");
    }
    *ret_bool = json_is_true(value);
    return true;
}

static bool read_position(CentrifugeCommand *command, const json_t *params, GError **error)
{
    int64_t offset;
    if (!get_text(params, "epoch", &command->epoch, error) ||
        !get_number(params, "offset", 0, INT64_MAX, &offset, error)) {
        return false;
    }
    command->offset = (uint64_t)offset;
    return true;
}

static bool read_subscribe(CentrifugeCommand *command, const json_t *params, GError **error)
{
    int64_t flag;
    if (!read_position(command, params, error) ||
        !get_bool(params, "recover", &command->recover, error) ||
        !get_number(params, "flag", 0, UINT32_MAX, &flag, error)) {
        return false;
    }
    const json_t *type = json_object_get(params, "type");
    command->has_type = type != NULL && !(json_is_integer(type) && json_integer_value(type) == 0);
    command->flag = (uint32_t)flag;
    return true;
}

static bool read_history(CentrifugeCommand *command, const json_t *params, GError **error)
{
    int64_t limit;
    const json_t *since = json_object_get(params, "since");
    if (!get_number(params, "limit", INT32_MIN, INT32_MAX, &limit, error) ||
        !get_bool(params, "reverse", &command->reverse, error)) {
        return false;
    }
    command->limit = (int)limit;
    if (since == NULL || json_is_null(since)) {
        return true;
    }
    if (!json_is_object(since)) {
        return refuse(error, "since is not a position");
    }
    command->has_since = true;
    return read_position(command, since, error);
}

static bool read_connect(CentrifugeCommand *command, const json_t *params, GError **error)
{
    const json_t *subs = json_object_get(params, "subs");
    if (subs != NULL && !json_is_object(subs)) {
        return refuse(error, "subs is not an object");
    }
    command->subs = subs;
    return get_text(params, "token", &command->token, error);
}

static bool read_rpc(CentrifugeCommand *command, const json_t *params, GError **error)
{
    command->data = json_object_get(params, "data");
    return get_text(params, "method", &command->call, error);
}

static bool read_params(CentrifugeCommand *command, const json_t *params, bool has_channel,
                        GError **error)
{
    if (!json_is_object(params)) {
        return refuse(error, "a command's parameters are not an object");
    }
    if (has_channel && !get_text(params, "channel", &command->channel, error)) {
        return false;
    }
    switch (command->method) {
    case CENTRIFUGE_CONNECT:
        return read_connect(command, params, error);
    case CENTRIFUGE_SUBSCRIBE:
        return read_subscribe(command, params, error);
    case CENTRIFUGE_HISTORY:
        return read_history(command, params, error);
    case CENTRIFUGE_RPC:
        return read_rpc(command, params, error);
    default:
        return true;
    }
}

static CentrifugeCommand new_command(json_t *document)
{
    return (CentrifugeCommand){
        .name = "", .token = "", .channel = "", .call = "", .epoch = "", .document = document};
}

static bool read_command(CentrifugeCommand *command, GError **error)
{
    if (!json_is_object(command->document)) {
        return refuse(error, "a command is not an object");
    }
    if (json_object_size(command->document) == 0) {
        command->method = CENTRIFUGE_PONG;
        return true;
    }
    int64_t id;
    if (!get_number(command->document, "id", 0, UINT32_MAX, &id, error)) {
        return false;
    }
    command->id = (uint32_t)id;
    const json_t *params = NULL;
    bool has_channel = false;
    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
        const json_t *found = json_object_get(command->document, methods[i].name);
        if (found != NULL && params != NULL) {
            return refuse(error, "a command with two methods");
        }
        if (found != NULL) {
            params = found;
            command->method = methods[i].method;
            command->name = methods[i].name;
            has_channel = methods[i].has_channel;
        }
    }
    bool is_send = params != NULL && g_str_equal(command->name, "send");
    if (command->id == 0 && !is_send) {
        return refuse(error, "a command without an id");
    }
    if (params == NULL) {
        command->method = CENTRIFUGE_OTHER; /* of a later version */
        return true;
    }
    return read_params(command, params, has_channel, error);
}

static json_t *load(const char *text, size_t size, GError **error)
{
    json_auto_t *document = nesting_is_shallow(text, size)
                                ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL)
                                : NULL;
    if (document == NULL) {
        refuse(error, "not JSON, or nested too deeply");
        return NULL;
    }
    return g_steal_pointer(&document);
}

bool centrifuge_next(const char **bytes, size_t *size, CentrifugeCommand *ret_command,
                     GError **error)
{
    while (*size > 0 && memchr(" \t\r\n", **bytes, 4) != NULL) {
        (*bytes)++;
        (*size)--;
    }
    if (*size == 0) {
        *ret_command = (CentrifugeCommand){0};
        return true;
    }
    const char *newline = memchr(*bytes, '\n', *size);
    size_t length = newline != NULL ? (size_t)(newline - *bytes) : *size;
    json_t *document = load(*bytes, length, error);
    *bytes += length;
    *size -= length;
    if (document == NULL) {
        return false;
    }
    CentrifugeCommand command = new_command(document);
    if (!read_command(&command, error)) {
        centrifuge_command_clear(&command);
        return false;
    }
    *ret_command = command;
    return true;
}

bool centrifuge_connect(const char *text, size_t size, CentrifugeCommand *ret_command,
                        GError **error)
{
    json_t *document = load(text, size, error);
    if (document == NULL) {
        return false;
    }
    CentrifugeCommand command = new_command(document);
    command.method = CENTRIFUGE_CONNECT;
    command.name = "connect";
    if (!json_is_object(document) || !read_connect(&command, document, error)) {
        if (error != NULL && *error == NULL) {
            refuse(error, "not a connect object");
        }
        centrifuge_command_clear(&command);
        return false;
    }
    *ret_command = command;
    return true;
}

/* --- Replies ---------------------------------------------------------------------------------- */

void centrifuge_begin(GString *out, uint32_t id, const char *name)
{
    g_string_append_printf(out, "%s{\"id\":%u,\"%s\":", out->len > 0 ? "\n" : "", id, name);
}

void centrifuge_end(GString *out)
{
    g_string_append_c(out, '}');
}

void centrifuge_reply(GString *out, uint32_t id, const char *name, json_t *result)
{
    json_auto_t *taken = result;
    g_autofree char *text = json_dumps(taken, JSON_COMPACT);
    centrifuge_begin(out, id, name);
    g_string_append(out, text);
    centrifuge_end(out);
}

const char *centrifuge_error_text(int code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        if (errors[i].code == code) {
            return errors[i].text;
        }
    }
    return "error";
}

void centrifuge_reply_error(GString *out, uint32_t id, int code)
{
    json_t *error = json_pack("{s:i, s:s}", "code", code, "message", centrifuge_error_text(code));
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        if (errors[i].code == code && errors[i].is_temporary) {
            json_object_set_new(error, "temporary", json_true());
        }
    }
    centrifuge_reply(out, id, "error", error);
}

const char *centrifuge_disconnect_text(uint16_t code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(disconnects); i++) {
        if (disconnects[i].code == code) {
            return disconnects[i].text;
        }
    }
    return "connection closed";
}

int centrifuge_error_code(size_t index)
{
    return index < G_N_ELEMENTS(errors) ? errors[index].code : 0;
}

uint16_t centrifuge_disconnect_code(size_t index)
{
    return index < G_N_ELEMENTS(disconnects) ? disconnects[index].code : 0;
}

const char *centrifuge_method_text(CentrifugeMethod method)
{
    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
        if (methods[i].method == method && method != CENTRIFUGE_OTHER) {
            return methods[i].name;
        }
    }
    return "other";
}
