/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What staff want said now. It is text: the synthesiser reads markup as it stands, and control
 * characters, which would be commands to it, do not come in. */
#include "plugins/voice/voice.h"
#include <string.h>

#define TEXT_CHARACTERS_MAX 300
#define WISHES_PER_MINUTE   6 /* of one person: as many as can be said and listened to */

/* Something to say: within length, and no control characters. */
static bool check_text(const char *text)
{
    bool is_visible = false;
    for (const char *at = text; at && *at; at = g_utf8_next_char(at)) {
        if (g_unichar_iscntrl(g_utf8_get_char(at)))
            return false;
        is_visible = is_visible || g_unichar_isgraph(g_utf8_get_char(at));
    }
    return is_visible && g_utf8_strlen(text, -1) <= TEXT_CHARACTERS_MAX;
}

/* False, and answered, when it may not be said now. */
static bool may_be_said(Serambi *self, SerambiRequest *request, GError **error)
{
    json_auto_t *shape = settings_json(self, error);
    json_auto_t *rows = serambi_query(
        self, error, "SELECT COUNT(*) AS n FROM voice_wish WHERE author = $1 AND at_us > $2", "si",
        serambi_request_user(request), serambi_now_us(self) - 60 * G_USEC_PER_SEC);
    if (!shape || !rows)
        return false;
    VoiceManner manner = {0};
    manner_read(&manner, shape);
    bool is_silent = manner_is_silent(&manner, serambi_now_us(self));
    manner_clear(&manner);
    json_int_t said = json_integer_value(json_object_get(json_array_get(rows, 0), "n"));
    if (is_silent)
        serambi_reply_error(request, 409, "voice.quiet_now", "the loudspeakers are quiet now");
    else if (said >= WISHES_PER_MINUTE)
        serambi_reply_error(request, 429, "voice.too_many", "at most %d sentences a minute",
                            WISHES_PER_MINUTE);
    return !is_silent && said < WISHES_PER_MINUTE;
}

static void handle_say(Serambi *self, SerambiRequest *request)
{
    const json_t *body = serambi_request_body(request);
    const char *language = json_string_value(json_object_get(body, "language"));
    const char *text = json_string_value(json_object_get(body, "text"));
    if (!manner_is_language(language) || !check_text(text)) {
        serambi_reply_error(request, 422, "voice.bad_text",
                            "language: id, en or ar; text: 1 to %d characters",
                            TEXT_CHARACTERS_MAX);
        return;
    }
    g_autoptr(GError) error = NULL;
    if (!may_be_said(self, request, &error)) {
        if (error)
            serambi_reply_error(request, 503, "error.store", "%s", error->message);
        return;
    }
    json_auto_t *rows = serambi_query(
        self, &error,
        "INSERT INTO voice_wish (id, language, text, at_us, author)"
        " SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4 FROM voice_wish RETURNING id, at_us",
        "ssis", language, text, serambi_now_us(self), serambi_request_user(request));
    const json_t *row = json_array_get(rows, 0);
    json_t *wish =
        row ? json_pack("{s:O, s:s, s:s, s:O}", "id", json_object_get(row, "id"), "language",
                        language, "text", text, "at_us", json_object_get(row, "at_us"))
            : NULL;
    if (!wish ||
        !line_add(self, "say", json_integer_value(json_object_get(row, "id")),
                  json_integer_value(json_object_get(row, "at_us")), json_incref(wish), &error)) {
        json_decref(wish);
        serambi_reply_error(request, 503, "error.store", "%s",
                            error ? error->message : "the store gave no answer");
        return;
    }
    serambi_publish(self, "say", wish);
    serambi_reply(request, 201, json_pack("{s:O}", "id", json_object_get(row, "id")));
}

bool wishes_start(Serambi *self, GError **error)
{
    json_t *shape = settings_json(self, error);
    if (!shape)
        return false;
    serambi_publish(self, "settings", shape);
    return line_publish(self, error);
}

const SerambiRoute wishes_routes[] = {
    {"GET", "settings", SERAMBI_STAFF, settings_handle_read,
     "languages, numbers, repetition, volume, quiet, quiet_hours, expire_seconds; zone"},
    {"POST", "settings", SERAMBI_EDITOR | SERAMBI_ADMIN, settings_handle_change,
     "changes those that are given"},
    {"POST", "say", SERAMBI_STAFF, handle_say, "speaks {language, text} on every display"},
    {0},
};

const SerambiTopic wishes_topics[] = {
    {
        .name = "settings",
        .kind = SERAMBI_STATE,
        .readers = SERAMBI_DISPLAY | SERAMBI_STAFF,
        .example = "{\"languages\":[\"id\",\"en\"],"
                   "\"numbers\":{\"id\":\"digits\",\"en\":\"digits\",\"ar\":\"full\"},"
                   "\"repeat\":2,\"volume\":80,\"quiet\":false,\"expire_seconds\":60,"
                   "\"quiet_hours\":[{\"days\":[5],\"from\":\"11:30\",\"to\":\"13:00\"}],"
                   "\"zone\":\"Asia/Jakarta\"}",
        .help = "how the loudspeakers speak",
    },
    {
        .name = "say",
        .kind = SERAMBI_FEED,
        .readers = SERAMBI_DISPLAY | SERAMBI_STAFF,
        .keep_days = 1,
        .example = "{\"id\":3,\"language\":\"id\",\"text\":\"Perpustakaan tutup 10 menit lagi.\","
                   "\"at_us\":1795406400000000}",
        .help = "what staff want said",
    },
    {
        .name = "line",
        .kind = SERAMBI_STATE,
        .readers = SERAMBI_DISPLAY | SERAMBI_STAFF,
        .example = "{\"line\":[{\"kind\":\"call\",\"body\":{\"call\":4711,\"ticket\":\"A012\","
                   "\"counter\":\"2\",\"called_us\":1795406400000000,\"recall\":false}}]}",
        .help = "all that is new enough to be said, oldest first: bodies of queue:calls and say",
    },
    {0},
};
