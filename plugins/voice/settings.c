/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The server half: how the loudspeakers speak, kept in the store and checked at the border. */
#include "plugins/voice/voice.h"
#include <string.h>

static const char *const languages[VOICE_LANGUAGES] = {"id", "en", "ar"};

const char *const voice_migrations[] = {
    "CREATE TABLE voice_manner ("
    " id BIGINT PRIMARY KEY CHECK (id = 1), languages TEXT NOT NULL, repeat BIGINT NOT NULL,"
    " volume BIGINT NOT NULL, is_quiet BIGINT NOT NULL);"
    "INSERT INTO voice_manner VALUES (1, '[\"id\",\"en\"]', 2, 80, 0);"
    "CREATE TABLE voice_wish ("
    " id BIGINT PRIMARY KEY, language TEXT NOT NULL, text TEXT NOT NULL, at_us BIGINT NOT NULL,"
    " author TEXT NOT NULL);",
    "ALTER TABLE voice_manner ADD COLUMN numbers TEXT NOT NULL"
    " DEFAULT '{\"id\":\"digits\",\"en\":\"digits\",\"ar\":\"digits\"}';"
    "ALTER TABLE voice_manner ADD COLUMN expire_seconds BIGINT NOT NULL DEFAULT 60;"
    "ALTER TABLE voice_manner ADD COLUMN quiet_hours TEXT NOT NULL DEFAULT '[]';"
    "CREATE INDEX voice_wish_author ON voice_wish (author, at_us);"
    "CREATE TABLE voice_line ("
    " kind TEXT NOT NULL, number BIGINT NOT NULL, at_us BIGINT NOT NULL, body TEXT NOT NULL,"
    " PRIMARY KEY (kind, number, at_us));"
    "CREATE INDEX voice_line_time ON voice_line (at_us);",
    NULL,
};

static json_t *column(const json_t *row, const char *name)
{
    json_t *value = json_loads(json_string_value(json_object_get(row, name)), 0, NULL);
    return value ? value : json_null();
}

/* "Asia/Jakarta": quiet hours are the library's, wherever a display believes to be. */
static char *zone_name(Serambi *self)
{
    const VoiceSettings *settings = serambi_settings(self);
    if (*settings->time_zone)
        return g_strdup(settings->time_zone);
    g_autoptr(GTimeZone) zone = g_time_zone_new_local();
    return g_strdup(g_time_zone_get_identifier(zone));
}

json_t *settings_json(Serambi *self, GError **error)
{
    json_auto_t *rows =
        serambi_query(self, error,
                      "SELECT languages, numbers, repeat, volume, is_quiet, expire_seconds,"
                      " quiet_hours FROM voice_manner WHERE id = 1",
                      "");
    const json_t *row = json_array_get(rows, 0);
    if (!row)
        return NULL;
    g_autofree char *zone = zone_name(self);
    return json_pack("{s:o, s:o, s:O, s:O, s:b, s:O, s:o, s:s}", "languages",
                     column(row, "languages"), "numbers", column(row, "numbers"), "repeat",
                     json_object_get(row, "repeat"), "volume", json_object_get(row, "volume"),
                     "quiet", json_integer_value(json_object_get(row, "is_quiet")) != 0,
                     "expire_seconds", json_object_get(row, "expire_seconds"), "quiet_hours",
                     column(row, "quiet_hours"), "zone", zone);
}

static void reply_failure(SerambiRequest *request, GError *error)
{
    serambi_reply_error(request, 503, "error.store", "%s",
                        error ? error->message : "the store gave no answer");
    g_clear_error(&error);
}

void settings_handle_read(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_t *shape = settings_json(self, &error);
    if (shape)
        serambi_reply(request, 200, shape);
    else
        reply_failure(request, error);
}

/* One to three different known languages. */
static bool check_languages(const json_t *list)
{
    if (!json_is_array(list) || json_array_size(list) < 1 ||
        json_array_size(list) > G_N_ELEMENTS(languages))
        return false;
    size_t index, other;
    json_t *value, *earlier;
    json_array_foreach(list, index, value)
    {
        if (!manner_is_language(json_string_value(value)))
            return false;
        json_array_foreach(list, other, earlier)
        {
            if (other < index && json_equal(value, earlier))
                return false;
        }
    }
    return true;
}

static bool check_numbers(const json_t *numbers)
{
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++)
        if (!manner_numbers(json_object_get(numbers, languages[i])))
            return false;
    return json_object_size(numbers) == G_N_ELEMENTS(languages);
}

static bool is_within(const json_t *value, json_int_t min, json_int_t max)
{
    return json_is_integer(value) && json_integer_value(value) >= min &&
           json_integer_value(value) <= max;
}

static bool check_manner(const json_t *wanted)
{
    VoiceQuiet hours[VOICE_QUIET_HOURS_MAX];
    size_t count;
    return check_languages(json_object_get(wanted, "languages")) &&
           check_numbers(json_object_get(wanted, "numbers")) &&
           is_within(json_object_get(wanted, "repeat"), 1, 3) &&
           is_within(json_object_get(wanted, "volume"), 0, 100) &&
           is_within(json_object_get(wanted, "expire_seconds"), VOICE_EXPIRE_S_MIN,
                     VOICE_EXPIRE_S_MAX) &&
           json_is_boolean(json_object_get(wanted, "quiet")) &&
           quiet_read(json_object_get(wanted, "quiet_hours"), hours, &count);
}

static bool save(Serambi *self, const json_t *wanted, GError **error)
{
    g_autofree char *list = json_dumps(json_object_get(wanted, "languages"), JSON_COMPACT);
    g_autofree char *numbers = json_dumps(json_object_get(wanted, "numbers"), JSON_COMPACT);
    g_autofree char *hours = json_dumps(json_object_get(wanted, "quiet_hours"), JSON_COMPACT);
    json_auto_t *rows = serambi_query(
        self, error,
        "UPDATE voice_manner SET languages = $1, numbers = $2, repeat = $3, volume = $4,"
        " is_quiet = $5, expire_seconds = $6, quiet_hours = $7 WHERE id = 1",
        "ssiiiis", list, numbers, (int64_t)json_integer_value(json_object_get(wanted, "repeat")),
        (int64_t)json_integer_value(json_object_get(wanted, "volume")),
        (int64_t)json_is_true(json_object_get(wanted, "quiet")),
        (int64_t)json_integer_value(json_object_get(wanted, "expire_seconds")), hours);
    return rows != NULL;
}

void settings_handle_change(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_auto_t *wanted = settings_json(self, &error);
    if (!wanted) {
        reply_failure(request, error);
        return;
    }
    /* What is not named stays. */
    json_object_update_existing(wanted, (json_t *)(uintptr_t)serambi_request_body(request));
    if (!json_object_size(serambi_request_body(request)) || !check_manner(wanted)) {
        serambi_reply_error(
            request, 422, "voice.bad_settings",
            "languages: one to three of id, en, ar; numbers: {id, en, ar}: digits or full; repeat: "
            "1 to 3; volume: 0 to 100; quiet: true or false; expire_seconds: %d to %d; "
            "quiet_hours: at most %d of {days: [1..7], from: HH:MM, to: HH:MM}",
            VOICE_EXPIRE_S_MIN, VOICE_EXPIRE_S_MAX, VOICE_QUIET_HOURS_MAX);
        return;
    }
    json_t *shape = save(self, wanted, &error) ? settings_json(self, &error) : NULL;
    if (!shape) {
        reply_failure(request, error);
        return;
    }
    serambi_publish(self, "settings", json_incref(shape));
    serambi_reply(request, 200, shape);
}
