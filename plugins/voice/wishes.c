/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The server half: how the loudspeakers speak, and what staff want said. */
#include "plugins/voice/voice.h"
#include <string.h>

#define TEXT_CHARACTERS_MAX 300

static const char *const languages[] = {"id", "en", "ar"};

const char *const wishes_migrations[] = {
    "CREATE TABLE voice_manner ("
    " id BIGINT PRIMARY KEY CHECK (id = 1), languages TEXT NOT NULL, repeat BIGINT NOT NULL,"
    " volume BIGINT NOT NULL, is_quiet BIGINT NOT NULL);"
    "INSERT INTO voice_manner VALUES (1, '[\"id\",\"en\"]', 2, 80, 0);"
    "CREATE TABLE voice_wish ("
    " id BIGINT PRIMARY KEY, language TEXT NOT NULL, text TEXT NOT NULL, at_us BIGINT NOT NULL,"
    " author TEXT NOT NULL);",
    NULL,
};

static bool is_language(const char *text)
{
    for (size_t i = 0; text && i < G_N_ELEMENTS(languages); i++)
        if (!strcmp(languages[i], text))
            return true;
    return false;
}

static json_t *manner(Serambi *self, GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error, "SELECT languages, repeat, volume, is_quiet FROM voice_manner WHERE id = 1",
        "");
    const json_t *row = json_array_get(rows, 0);
    if (!row)
        return NULL;
    json_t *list = json_loads(json_string_value(json_object_get(row, "languages")), 0, NULL);
    return json_pack("{s:o, s:O, s:O, s:b}", "languages", list ? list : json_array(), "repeat",
                     json_object_get(row, "repeat"), "volume", json_object_get(row, "volume"),
                     "quiet", json_integer_value(json_object_get(row, "is_quiet")) != 0);
}

static void reply_failure(SerambiRequest *request, GError *error)
{
    serambi_reply_error(request, 503, "error.store", "%s",
                        error ? error->message : "the store gave no answer");
    g_clear_error(&error);
}

static void handle_read(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_t *shape = manner(self, &error);
    if (shape)
        serambi_reply(request, 200, shape);
    else
        reply_failure(request, error);
}

/* One to three different known languages; text for the table, g_free(), or NULL. */
static char *check_languages(const json_t *list)
{
    if (!json_is_array(list) || json_array_size(list) < 1 ||
        json_array_size(list) > G_N_ELEMENTS(languages))
        return NULL;
    size_t index, other;
    json_t *value, *earlier;
    json_array_foreach(list, index, value)
    {
        if (!is_language(json_string_value(value)))
            return NULL;
        json_array_foreach(list, other,
                           earlier) if (other < index && json_equal(value, earlier)) return NULL;
    }
    return json_dumps(list, JSON_COMPACT);
}

static void handle_change(Serambi *self, SerambiRequest *request)
{
    const json_t *body = serambi_request_body(request);
    g_autofree char *list = check_languages(json_object_get(body, "languages"));
    int64_t repeat = json_integer_value(json_object_get(body, "repeat"));
    int64_t volume = json_integer_value(json_object_get(body, "volume"));
    const json_t *quiet = json_object_get(body, "quiet");
    if (!list || repeat < 1 || repeat > 3 || volume < 0 || volume > 100 ||
        !json_is_integer(json_object_get(body, "volume")) || !json_is_boolean(quiet)) {
        serambi_reply_error(request, 422, "voice.bad_settings",
                            "languages: one to three of id, en, ar; repeat: 1 to 3; volume: 0 to "
                            "100; quiet: true or false");
        return;
    }
    GError *error = NULL;
    json_auto_t *rows = serambi_query(self, &error,
                                      "UPDATE voice_manner SET languages = $1, repeat = $2,"
                                      " volume = $3, is_quiet = $4 WHERE id = 1",
                                      "siii", list, repeat, volume, (int64_t)json_is_true(quiet));
    json_t *shape = rows ? manner(self, &error) : NULL;
    if (!shape) {
        reply_failure(request, error);
        return;
    }
    serambi_publish(self, "settings", json_incref(shape));
    serambi_reply(request, 200, shape);
}

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

static void handle_say(Serambi *self, SerambiRequest *request)
{
    const json_t *body = serambi_request_body(request);
    const char *language = json_string_value(json_object_get(body, "language"));
    const char *text = json_string_value(json_object_get(body, "text"));
    if (!is_language(language) || !check_text(text)) {
        serambi_reply_error(request, 422, "voice.bad_text",
                            "language: id, en or ar; text: 1 to %d characters",
                            TEXT_CHARACTERS_MAX);
        return;
    }
    GError *error = NULL;
    json_auto_t *rows = serambi_query(
        self, &error,
        "INSERT INTO voice_wish (id, language, text, at_us, author)"
        " SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4 FROM voice_wish RETURNING id, at_us",
        "ssis", language, text, serambi_now_us(self), serambi_request_user(request));
    if (!rows) {
        reply_failure(request, error);
        return;
    }
    const json_t *row = json_array_get(rows, 0);
    serambi_publish(self, "say",
                    json_pack("{s:O, s:s, s:s, s:O}", "id", json_object_get(row, "id"), "language",
                              language, "text", text, "at_us", json_object_get(row, "at_us")));
    serambi_reply(request, 201, json_pack("{s:O}", "id", json_object_get(row, "id")));
}

bool wishes_start(Serambi *self, GError **error)
{
    json_t *shape = manner(self, error);
    if (shape)
        serambi_publish(self, "settings", shape);
    return shape != NULL;
}

const SerambiRoute wishes_routes[] = {
    {"GET", "settings", SERAMBI_STAFF, handle_read, "languages, repetition, volume, quiet"},
    {"POST", "settings", SERAMBI_EDITOR | SERAMBI_ADMIN, handle_change, "changes them all"},
    {"POST", "say", SERAMBI_STAFF, handle_say, "speaks {language, text} on every display"},
    {0},
};

const SerambiTopic wishes_topics[] = {
    {
        .name = "settings",
        .kind = SERAMBI_STATE,
        .readers = SERAMBI_DISPLAY | SERAMBI_STAFF,
        .example = "{\"languages\":[\"id\",\"en\"],\"repeat\":2,\"volume\":80,\"quiet\":false}",
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
    {0},
};
