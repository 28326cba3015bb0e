/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The server half: the order of tutorials, and the slot table that screens follow.
 *
 * An empty playlist means every tutorial in the order of the library: a fresh house plays at once.
 * When the table changes, what is on the screens goes on: the new table begins so that the slot
 * that is due keeps its time, if it is still in it. */
#include "plugins/programme/programme.h"
#include <syslog.h>

#define ITEMS_MAX   200
#define SECONDS_MAX 3600 /* of one slot */

const char *const playlist_migrations[] = {
    "CREATE TABLE programme_item (position BIGINT PRIMARY KEY, tutorial BIGINT NOT NULL);"
    "CREATE TABLE programme_table (id BIGINT PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL);",
    "ALTER TABLE programme_item ADD COLUMN seconds BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE programme_item ADD COLUMN shape TEXT NOT NULL DEFAULT '';",
    NULL,
};

static Playlist *playlist_of(Serambi *self)
{
    return &((Programme *)serambi_state(self))->playlist;
}

static void reply_failure(SerambiRequest *request, GError *error)
{
    serambi_reply_error(request, 503, "error.store", "%s",
                        error ? error->message : "the store gave no answer");
    g_clear_error(&error);
}

static json_t *items(Serambi *self, GError **error)
{
    return serambi_query(self, error,
                         "SELECT position AS id, tutorial, seconds, shape FROM programme_item"
                         " ORDER BY position",
                         "");
}

/* --- The slot table ------------------------------------------------------------------------- */

static const json_t *find_tutorial(const json_t *tutorials, json_int_t id)
{
    size_t index;
    json_t *tutorial;
    json_array_foreach(tutorials, index, tutorial) if (json_integer_value(json_object_get(
                                                           tutorial, "id")) == id) return tutorial;
    return NULL;
}

static json_t *prefixed(const json_t *hash)
{
    return json_sprintf("sha256:%s", json_string_value(hash));
}

/* item: its own duration and shape, if it has them; may be NULL. */
static void set_own(json_t *slot, const json_t *item)
{
    int64_t seconds = json_integer_value(json_object_get(item, "seconds"));
    const char *shape = json_string_value(json_object_get(item, "shape"));
    if (seconds > 0)
        json_object_set_new(slot, "duration_us", json_integer(seconds * G_USEC_PER_SEC));
    if (shape && *shape)
        json_object_set_new(slot, "shape", json_string(shape));
}

static void add_slot(json_t *slots, const json_t *tutorial, const json_t *item)
{
    const json_t *media = json_object_get(tutorial, "media");
    if (!json_is_string(media))
        return;
    json_t *captions = json_object();
    const char *language;
    json_t *hash;
    json_object_foreach(json_object_get(tutorial, "cues"), language, hash)
        json_object_set_new(captions, language, prefixed(hash));
    json_t *slot =
        json_pack("{s:O, s:o, s:O, s:f, s:O, s:o}", "tutorial", json_object_get(tutorial, "id"),
                  "media", prefixed(media), "duration_us", json_object_get(tutorial, "duration_us"),
                  "gain_db", json_number_value(json_object_get(tutorial, "gain_db")), "title",
                  json_object_get(tutorial, "title"), "captions", captions);
    set_own(slot, item);
    json_array_append_new(slots, slot);
}

static json_t *make_slots(const json_t *list, const json_t *tutorials)
{
    json_t *slots = json_array();
    size_t index;
    json_t *item;
    json_array_foreach(list, index, item) add_slot(
        slots, find_tutorial(tutorials, json_integer_value(json_object_get(item, "tutorial"))),
        item);
    if (json_array_size(list) == 0)
        json_array_foreach(tutorials, index, item) add_slot(slots, item, NULL);
    return slots;
}

/* When the new table has to begin for the slot on air to keep its time. */
static int64_t start_for(const json_t *slots, const json_t *old_table, int64_t now_us)
{
    SlotTime time;
    if (!slots_at(old_table, now_us, &time))
        return now_us;
    const json_t *on_air = json_object_get(
        json_array_get(json_object_get(old_table, "slots"), time.index), "tutorial");
    int64_t before_us = 0;
    size_t index;
    json_t *slot;
    json_array_foreach(slots, index, slot)
    {
        if (json_equal(json_object_get(slot, "tutorial"), on_air))
            return time.start_us - before_us;
        before_us += json_integer_value(json_object_get(slot, "duration_us"));
    }
    return now_us;
}

static bool keep_table(Serambi *self, const json_t *table, GError **error)
{
    g_autofree char *body = json_dumps(table, JSON_COMPACT);
    json_auto_t *rows = serambi_query(self, error,
                                      "INSERT INTO programme_table (id, body) VALUES (1, $1)"
                                      " ON CONFLICT (id) DO UPDATE SET body = $1",
                                      "s", body);
    return rows != NULL;
}

/* Makes the table anew and publishes it when it differs; inside a savepoint. */
static bool publish_slots(Serambi *self, GError **error)
{
    Playlist *playlist = playlist_of(self);
    if (!playlist->tutorials)
        return true;
    json_auto_t *list = items(self, error);
    if (!list)
        return false;
    json_t *slots = make_slots(list, playlist->tutorials);
    if (playlist->table && json_equal(slots, json_object_get(playlist->table, "slots"))) {
        json_decref(slots);
        return true;
    }
    json_auto_t *table = json_pack(
        "{s:I, s:o}", "start_us",
        (json_int_t)start_for(slots, playlist->table, serambi_now_us(self)), "slots", slots);
    if (!keep_table(self, table, error))
        return false;
    serambi_publish(self, "slots", json_incref(table));
    return true;
}

/* The plugin watches its own table, which arrives here when it is on disk: a table that was lost
 * with its commit is made again. */
static void on_slots(Serambi *self, const char *channel, const json_t *body)
{
    Playlist *playlist = playlist_of(self);
    json_decref(playlist->table);
    playlist->table = json_deep_copy(body);
}

static void on_tutorials(Serambi *self, const char *channel, const json_t *body)
{
    Playlist *playlist = playlist_of(self);
    json_decref(playlist->tutorials);
    playlist->tutorials = json_deep_copy(json_object_get(body, "tutorials"));
    g_autoptr(GError) error = NULL;
    if (!publish_slots(self, &error))
        serambi_log(self, LOG_ERR, "could not change the programme: %s, keeping the old one",
                    error->message);
}

/* --- Routes --------------------------------------------------------------------------------- */

static void handle_read(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_t *list = items(self, &error);
    if (list)
        serambi_reply(request, 200, json_pack("{s:o}", "items", list));
    else
        reply_failure(request, error);
}

static bool insert(Serambi *self, const json_t *list, GError **error)
{
    size_t index;
    json_t *item;
    json_array_foreach(list, index, item)
    {
        const char *shape = json_string_value(json_object_get(item, "shape"));
        json_auto_t *rows = serambi_query(
            self, error,
            "INSERT INTO programme_item (position, tutorial, seconds, shape)"
            " VALUES ($1, $2, $3, $4)",
            "iiis", (int64_t)index + 1,
            (int64_t)json_integer_value(json_object_get(item, "tutorial")),
            (int64_t)json_integer_value(json_object_get(item, "seconds")), shape ? shape : "");
        if (!rows)
            return false;
    }
    return true;
}

static bool is_shape(const json_t *shape)
{
    static const char *const shapes[] = {"", "fit", "fill", "blurred", NULL};
    return !shape || (json_is_string(shape) && g_strv_contains(shapes, json_string_value(shape)));
}

static bool is_duration(const json_t *seconds)
{
    return !seconds || (json_is_integer(seconds) && json_integer_value(seconds) >= 0 &&
                        json_integer_value(seconds) <= SECONDS_MAX);
}

static bool is_item(Serambi *self, const json_t *item)
{
    const json_t *tutorial = json_object_get(item, "tutorial");
    return json_is_integer(tutorial) &&
           find_tutorial(playlist_of(self)->tutorials, json_integer_value(tutorial)) &&
           is_duration(json_object_get(item, "seconds")) &&
           is_shape(json_object_get(item, "shape"));
}

static bool is_list(Serambi *self, const json_t *list)
{
    if (!json_is_array(list) || json_array_size(list) > ITEMS_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!is_item(self, json_array_get(list, i)))
            return false;
    return true;
}

/* The list in a body: its items, or its tutorials when nothing else is said of them. */
static json_t *list_of(const json_t *body)
{
    const json_t *tutorials = json_object_get(body, "tutorials");
    if (!json_is_array(tutorials))
        return json_incref(json_object_get(body, "items"));
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(tutorials); i++)
        json_array_append_new(list, json_pack("{s:O}", "tutorial", json_array_get(tutorials, i)));
    return list;
}

static void handle_write(Serambi *self, SerambiRequest *request)
{
    json_auto_t *wish = list_of(serambi_request_body(request));
    if (!is_list(self, wish)) {
        serambi_reply_error(
            request, 422, "programme.bad_list",
            "items: at most %d, each with the id of a tutorial that is ready, "
            "seconds from 0 to %d, shape fit, fill or blurred; empty: all tutorials",
            ITEMS_MAX, SECONDS_MAX);
        return;
    }
    GError *error = NULL;
    json_auto_t *gone = serambi_query(self, &error, "DELETE FROM programme_item", "");
    json_t *list = gone && insert(self, wish, &error) && publish_slots(self, &error)
                       ? items(self, &error)
                       : NULL;
    if (list)
        serambi_reply(request, 200, json_pack("{s:o}", "items", list));
    else
        reply_failure(request, error);
}

/* --- Life ----------------------------------------------------------------------------------- */

bool playlist_start(Serambi *self, GError **error)
{
    json_auto_t *rows =
        serambi_query(self, error, "SELECT body FROM programme_table WHERE id = 1", "");
    const char *body = json_string_value(json_object_get(json_array_get(rows, 0), "body"));
    if (body)
        playlist_of(self)->table = json_loads(body, 0, NULL);
    return rows != NULL;
}

void playlist_stop(Serambi *self)
{
    Playlist *playlist = playlist_of(self);
    g_clear_pointer(&playlist->tutorials, json_decref);
    g_clear_pointer(&playlist->table, json_decref);
}

const SerambiRoute playlist_routes[] = {
    {"GET", "playlist", SERAMBI_STAFF, handle_read, "the playlist; empty: every tutorial"},
    {"POST", "playlist", SERAMBI_EDITOR | SERAMBI_ADMIN, handle_write,
     "{items:[{tutorial, seconds, shape}, ...]}; seconds 0: as long as it is; shape \"\": the "
     "display's; or only {tutorials:[id, ...]}"},
    {0},
};

const SerambiTopic playlist_topics[] = {
    {
        .name = "slots",
        .kind = SERAMBI_STATE,
        .readers = SERAMBI_ANYBODY,
        .example = "{\"start_us\":1795406400000000,\"slots\":[{\"tutorial\":3,\"media\":"
                   "\"sha256:5f1d\",\"duration_us\":42000000,\"gain_db\":-6.5,\"title\":{\"id\":"
                   "\"Meminjam buku\"},"
                   "\"captions\":{\"id\":\"sha256:b21c\"}}]}",
        .help = "what plays when: from start_us on, round and round",
    },
    {0},
};

const SerambiWatch playlist_watches[] = {
    {"tutorials:list", on_tutorials},
    {"programme:slots", on_slots},
    {0},
};
