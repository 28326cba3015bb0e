/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Finding a tutorial by what it is called and by what is said in it, and the moment when it is
 * said. The host's search knows exactly the clips that everybody may watch: a clip is noted anew
 * whenever it changes. */
#include "plugins/tutorials/cues.h"
#include "plugins/tutorials/tutorials.h"
#include <string.h>
#include <syslog.h>

/* Changes when clips that are noted already must be noted anew. */
#define NOTED_VERSION 1

static const char *const languages[] = {"id", "en", "ar", NULL};

/* What is said, as passages whose places are milliseconds. */
static json_t *passages_of(const char *vtt)
{
    json_t *passages = json_array();
    g_autoptr(Cues) cues = vtt ? cues_parse(vtt, strlen(vtt), NULL) : NULL;
    for (size_t i = 0; cues && i < cues_count(cues); i++) {
        const Cue *cue = cues_at(cues, i);
        g_autofree char *plain = cues_plain(cue);
        json_array_append_new(
            passages, json_pack("{s:I, s:s}", "place", (json_int_t)cue->start_ms, "text", plain));
    }
    return passages;
}

/* What can be found of a clip in a language; NULL: nothing. */
static json_t *document_of(const json_t *row, const json_t *captions, const char *language)
{
    json_auto_t *title = clips_json(row, "title");
    json_auto_t *summary = clips_json(row, "summary");
    const json_t *name = json_object_get(title, language);
    const json_t *about = json_object_get(summary, language);
    const char *vtt = NULL;
    size_t index;
    json_t *one;
    json_array_foreach(captions, index, one)
    {
        if (!g_strcmp0(json_string_value(json_object_get(one, "language")), language))
            vtt = json_string_value(json_object_get(one, "vtt"));
    }
    if (!name && !about && !vtt)
        return NULL;
    return json_pack("{s:O*, s:O*, s:o}", "title", name, "about", about, "passages",
                     passages_of(vtt));
}

static bool note_languages(Serambi *self, const char *name, const json_t *row, GError **error)
{
    json_auto_t *captions =
        serambi_query(self, error, "SELECT language, vtt FROM tutorials_caption WHERE clip_id = $1",
                      "i", (int64_t)json_integer_value(json_object_get(row, "id")));
    for (size_t i = 0; captions && languages[i]; i++) {
        json_auto_t *document = document_of(row, captions, languages[i]);
        if (!serambi_note_text(self, name, languages[i], document, error))
            return false;
    }
    return captions != NULL;
}

bool find_note(Serambi *self, int64_t id, GError **error)
{
    g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT, id);
    GError *failure = NULL;
    json_auto_t *row = clips_public_row(self, id, &failure);
    if (failure) {
        g_propagate_error(error, failure);
        return false;
    }
    if (!(row ? note_languages(self, name, row, error)
              : serambi_note_text(self, name, NULL, NULL, error)))
        return false;
    json_auto_t *noted =
        serambi_query(self, error, "UPDATE tutorials_clip SET noted = $2 WHERE id = $1", "ii", id,
                      (int64_t)NOTED_VERSION);
    return noted != NULL;
}

bool find_start(Serambi *self, GError **error)
{
    json_auto_t *rows = serambi_query(
        self, error, "SELECT id FROM tutorials_clip WHERE noted <> $1 AND state = 'ready'", "i",
        (int64_t)NOTED_VERSION);
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        if (!find_note(self, json_integer_value(json_object_get(row, "id")), error))
            return false;
    }
    return rows != NULL;
}

/* {"language","moments":[{"ms","text"}]} into a clip's shape. */
static void add_moments(json_t *shape, const json_t *one)
{
    json_t *moments = json_array();
    size_t index;
    json_t *passage;
    json_array_foreach(json_object_get(one, "passages"), index, passage) json_array_append_new(
        moments, json_pack("{s:O, s:O}", "ms", json_object_get(passage, "place"), "text",
                           json_object_get(passage, "text")));
    json_object_set(shape, "found_in", json_object_get(one, "language"));
    json_object_set_new(shape, "moments", moments);
}

json_t *find_clips(Serambi *self, const char *question, const char *language, GError **error)
{
    const char *wanted = g_strv_contains(languages, language ? language : "") ? language : NULL;
    json_auto_t *found = serambi_search(self, question ? question : "", wanted, FIND_MOST, error);
    if (!found)
        return NULL;
    json_auto_t *list = json_array();
    size_t index;
    json_t *one;
    json_array_foreach(found, index, one)
    {
        GError *failure = NULL;
        const char *name = json_string_value(json_object_get(one, "name"));
        json_auto_t *row = clips_public_row(self, g_ascii_strtoll(name, NULL, 10), &failure);
        if (failure) {
            g_propagate_error(error, failure);
            return NULL;
        }
        if (!row)
            continue;
        json_t *shape = clips_shape(row);
        add_moments(shape, one);
        json_array_append_new(list, shape);
    }
    return g_steal_pointer(&list);
}

void find_answer(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_t *list = find_clips(self, serambi_request_query(request, "q"),
                              serambi_request_query(request, "lang"), &error);
    if (list)
        serambi_reply(request, 200, json_pack("{s:o}", "tutorials", list));
    else
        routes_reply_failure(request, error);
}
