/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The line of what is to be said. Displays that run hear of each thing by its own feed; one that
 * starts, after a power cut in the middle of a call, learns here what was not too old to be said.
 */
#include "plugins/voice/voice.h"
#include <syslog.h>

#define LINE_LENGTH_MAX 60 /* as many as could be said within the longest time to wait */

bool line_publish(Serambi *self, GError **error)
{
    json_auto_t *manner = settings_json(self, error);
    if (!manner)
        return false;
    int64_t expire_us =
        json_integer_value(json_object_get(manner, "expire_seconds")) * G_USEC_PER_SEC;
    json_auto_t *rows = serambi_query(
        self, error,
        "SELECT kind, body FROM (SELECT rowid AS noted, kind, at_us, body FROM voice_line"
        " WHERE at_us > $1 ORDER BY at_us DESC, noted DESC LIMIT $2) ORDER BY at_us, noted",
        "ii", serambi_now_us(self) - expire_us, (int64_t)LINE_LENGTH_MAX);
    if (!rows)
        return false;
    json_t *line = json_array();
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        json_t *body = json_loads(json_string_value(json_object_get(row, "body")), 0, NULL);
        if (body)
            json_array_append_new(
                line, json_pack("{s:O, s:o}", "kind", json_object_get(row, "kind"), "body", body));
    }
    serambi_publish(self, "line", json_pack("{s:o}", "line", line));
    return true;
}

bool line_add(Serambi *self, const char *kind, int64_t number, int64_t at_us, json_t *body,
              GError **error)
{
    g_autofree char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    json_auto_t *gone = serambi_query(self, error, "DELETE FROM voice_line WHERE at_us < $1", "i",
                                      serambi_now_us(self) - INT64_C(24) * 3600 * G_USEC_PER_SEC);
    json_auto_t *rows = gone ? serambi_query(self, error,
                                             "INSERT INTO voice_line (kind, number, at_us, body)"
                                             " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                                             "siis", kind, number, at_us, text)
                             : NULL;
    return rows && line_publish(self, error);
}

static void on_call(Serambi *self, const char *channel, const json_t *body)
{
    g_autoptr(GError) error = NULL;
    if (!line_add(self, "call", json_integer_value(json_object_get(body, "call")),
                  json_integer_value(json_object_get(body, "called_us")), json_deep_copy(body),
                  &error))
        serambi_log(self, LOG_WARNING,
                    "could not note a call: %s, a display that starts now will not say it",
                    error->message);
}

const SerambiWatch line_watches[] = {
    {"queue:calls", on_call},
    {0},
};
