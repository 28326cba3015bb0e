/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The server half: which screens are let in, what they are called, and how they are.
 *
 * A screen says hello with its public key. The one beside its server proves that it can read the
 * server's folder and is let in at once. Any other is given a code to show; an administrator who
 * types it lets that key in. Code: eight letters of Crockford's base32, 40 bits, ten minutes,
 * single use; wrong codes are counted. Source: ASVS 5.0, 6.5 and 6.6. */
#include "plugins/displays/displays.h"
#include <string.h>
#include <syslog.h>

#define KEY_DIGITS      64
#define CODE_US         (10 * 60 * G_USEC_PER_SEC)
#define WRONG_CODES_MAX 20
#define WRONG_WINDOW_US (10 * 60 * G_USEC_PER_SEC)
#define PENDING_MAX     20
#define ONLINE_US       (30 * G_USEC_PER_SEC)
#define NAME_CHARACTERS 60
#define STATUS_BYTES    4096
#define PIXELS_MAX      16384

const char *const screens_migrations[] = {
    "CREATE TABLE displays_screen ("
    " id TEXT PRIMARY KEY, number BIGINT NOT NULL UNIQUE, name TEXT NOT NULL,"
    " public_key TEXT NOT NULL UNIQUE, layout TEXT NOT NULL, volume BIGINT NOT NULL,"
    " width BIGINT NOT NULL, height BIGINT NOT NULL,"
    " admitted_us BIGINT NOT NULL, last_seen_us BIGINT NOT NULL, status TEXT NOT NULL);"
    "CREATE TABLE displays_pairing ("
    " public_key TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, asked_us BIGINT NOT NULL,"
    " width BIGINT NOT NULL, height BIGINT NOT NULL);",
    NULL,
};

#define COLUMNS "id, name, public_key, layout, volume, width, height, last_seen_us, status"

static void reply_failure(SerambiRequest *request, GError *error)
{
    serambi_reply_error(request, 503, "error.store", "%s",
                        error ? error->message : "the store gave no answer");
    g_clear_error(&error);
}

static json_t *first_row(json_t *rows)
{
    json_t *row = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    return row;
}

/* --- What staff see ------------------------------------------------------------------------- */

static json_t *screen_shape(Serambi *self, const json_t *row)
{
    int64_t seen_us = json_integer_value(json_object_get(row, "last_seen_us"));
    json_t *status = json_loads(json_string_value(json_object_get(row, "status")), 0, NULL);
    return json_pack("{s:O, s:O, s:O, s:O, s:b, s:O, s:O, s:O, s:o}", "id",
                     json_object_get(row, "id"), "name", json_object_get(row, "name"), "layout",
                     json_object_get(row, "layout"), "volume", json_object_get(row, "volume"),
                     "online", serambi_now_us(self) - seen_us < ONLINE_US, "last_seen_us",
                     json_object_get(row, "last_seen_us"), "width", json_object_get(row, "width"),
                     "height", json_object_get(row, "height"), "status",
                     status ? status : json_object());
}

/* {"displays":[...],"pending":[...],"step":{...}}; codes are never told: whoever approves reads the
 * screen. */
static json_t *list(Serambi *self, GError **error)
{
    json_auto_t *rows =
        serambi_query(self, error, "SELECT " COLUMNS " FROM displays_screen ORDER BY number", "");
    json_t *pending = rows ? serambi_query(self, error,
                                           "SELECT asked_us, width, height FROM displays_pairing"
                                           " WHERE asked_us > $1 ORDER BY asked_us",
                                           "i", serambi_now_us(self) - CODE_US)
                           : NULL;
    if (!pending)
        return NULL;
    json_t *displays = json_array();
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) json_array_append_new(displays, screen_shape(self, row));
    Skew skew = skew_measure(displays, serambi_now_us(self));
    skew_tell(self, &skew);
    return json_pack("{s:o, s:o, s:o}", "displays", displays, "pending", pending, "step",
                     skew_shape(&skew));
}

/* What is worth a publication: the list without what changes with every report. */
static char *gist(const json_t *shape)
{
    json_auto_t *copy = json_deep_copy(shape);
    size_t index;
    json_t *screen;
    json_array_foreach(json_object_get(copy, "displays"), index, screen)
    {
        json_t *status = json_object_get(screen, "status");
        json_object_del(screen, "last_seen_us");
        json_object_del(status, "frames");
        json_object_del(status, "missed");
        json_object_del(status, "painted");
        json_object_del(status, "clock");
        json_object_del(status, "shown");
    }
    json_t *step = json_object_get(copy, "step");
    json_object_del(step, "within_us");
    json_object_del(step, "clock_error_us");
    return json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
}

static bool publish_list(Serambi *self, GError **error)
{
    Screens *screens = &((Displays *)serambi_state(self))->screens;
    json_t *shape = list(self, error);
    if (!shape)
        return false;
    g_autofree char *fresh = gist(shape);
    if (g_strcmp0(fresh, screens->shown))
        serambi_publish(self, "list", shape);
    else
        json_decref(shape);
    return true;
}

/* The plugin watches its own list, which arrives here when it is on disk: what was lost with a
 * commit was not shown. */
static void on_list(Serambi *self, const char *channel, const json_t *body)
{
    Screens *screens = &((Displays *)serambi_state(self))->screens;
    g_free(screens->shown);
    screens->shown = gist(body);
}

/* What the screen itself follows. */
static void publish_screen(Serambi *self, const json_t *row)
{
    g_autofree char *topic =
        g_strconcat("screen.", json_string_value(json_object_get(row, "id")), NULL);
    serambi_publish(
        self, topic,
        json_pack("{s:O, s:O, s:O, s:O, s:s}", "id", json_object_get(row, "id"), "name",
                  json_object_get(row, "name"), "layout", json_object_get(row, "layout"), "volume",
                  json_object_get(row, "volume"), "public_url", serambi_public_url(self)));
}

static void handle_list(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_t *shape = list(self, &error);
    if (shape)
        serambi_reply(request, 200, shape);
    else
        reply_failure(request, error);
}

/* --- Letting in ----------------------------------------------------------------------------- */

static bool is_key(const char *text)
{
    return text && strlen(text) == KEY_DIGITS && strspn(text, "0123456789abcdef") == KEY_DIGITS;
}

/* A new screen for the key; its row, or NULL with error. */
static json_t *admit(Serambi *self, const char *key, const char *name, int64_t width,
                     int64_t height, GError **error)
{
    json_auto_t *last = first_row(serambi_query(
        self, error, "SELECT COALESCE(MAX(number), 0) + 1 AS number FROM displays_screen", ""));
    if (!last)
        return NULL;
    int64_t number = json_integer_value(json_object_get(last, "number"));
    g_autofree char *id = g_strdup_printf("d%" G_GINT64_FORMAT, number);
    g_autofree char *plain = g_strdup_printf("%" G_GINT64_FORMAT, number);
    if (!serambi_admit_display(self, key, id, error))
        return NULL;
    json_auto_t *gone =
        serambi_query(self, error, "DELETE FROM displays_pairing WHERE public_key = $1", "s", key);
    json_t *row =
        gone ? first_row(serambi_query(
                   self, error,
                   "INSERT INTO displays_screen (id, number, name, public_key, layout, volume,"
                   " width, height, admitted_us, last_seen_us, status)"
                   " VALUES ($1, $2, $3, $4, 'desk', 80, $5, $6, $7, $7, '{}') RETURNING " COLUMNS,
                   "sissiii", id, number, name ? name : plain, key, width, height,
                   serambi_now_us(self)))
             : NULL;
    if (row)
        publish_screen(self, row);
    return row;
}

/* "7KQ2-M8XD": easy to read aloud, without I, L, O, U. */
static char *new_code(Serambi *self)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    g_autofree char *random = serambi_random_text(self, 8);
    gsize size = 0;
    g_autofree char *padded = g_strconcat(random, "=", NULL);
    for (char *at = padded; *at; at++)
        *at = *at == '-' ? '+' : *at == '_' ? '/' : *at;
    g_autofree guchar *bytes = g_base64_decode(padded, &size);
    char code[] = "xxxx-xxxx";
    for (size_t i = 0, byte = 0; i < strlen(code); i++)
        if (code[i] == 'x')
            code[i] = digits[bytes[byte++ % size] % 32];
    return g_strdup(code);
}

/* The code that the key shows: the one it has, or a new one. NULL with error, or without error when
 * too many screens ask at once. */
static char *pairing_code(Serambi *self, const char *key, int64_t width, int64_t height,
                          GError **error)
{
    int64_t now_us = serambi_now_us(self);
    json_auto_t *stale = serambi_query(
        self, error, "DELETE FROM displays_pairing WHERE asked_us <= $1", "i", now_us - CODE_US);
    json_auto_t *known =
        stale ? serambi_query(self, error,
                              "SELECT code FROM displays_pairing WHERE public_key = $1", "s", key)
              : NULL;
    if (!known)
        return NULL;
    if (json_array_size(known) > 0)
        return g_strdup(json_string_value(json_object_get(json_array_get(known, 0), "code")));
    json_auto_t *count =
        first_row(serambi_query(self, error, "SELECT COUNT(*) AS count FROM displays_pairing", ""));
    if (!count || json_integer_value(json_object_get(count, "count")) >= PENDING_MAX)
        return NULL;
    g_autofree char *code = new_code(self);
    json_auto_t *noted =
        serambi_query(self, error,
                      "INSERT INTO displays_pairing (public_key, code, asked_us, width, height)"
                      " VALUES ($1, $2, $3, $4, $5)",
                      "ssiii", key, code, now_us, width, height);
    return noted && publish_list(self, error) ? g_steal_pointer(&code) : NULL;
}

static void reply_paired(SerambiRequest *request, const json_t *row)
{
    serambi_reply(request, 200,
                  json_pack("{s:s, s:O}", "state", "paired", "id", json_object_get(row, "id")));
}

static void handle_hello(Serambi *self, SerambiRequest *request)
{
    const json_t *body = serambi_request_body(request);
    const char *key = json_string_value(json_object_get(body, "key"));
    const char *proof = json_string_value(json_object_get(body, "proof"));
    int64_t width = json_integer_value(json_object_get(body, "width"));
    int64_t height = json_integer_value(json_object_get(body, "height"));
    if (!is_key(key) || width < 0 || width > PIXELS_MAX || height < 0 || height > PIXELS_MAX) {
        serambi_reply_error(request, 422, "displays.bad_hello",
                            "key: 64 hexadecimal digits; width and height in pixels");
        return;
    }
    GError *error = NULL;
    json_auto_t *row = first_row(serambi_query(
        self, &error, "SELECT " COLUMNS " FROM displays_screen WHERE public_key = $1", "s", key));
    if (!row && !error && proof && serambi_is_beside(self, key, proof)) {
        row = admit(self, key, NULL, width, height, &error);
        if (row && !publish_list(self, &error))
            g_clear_pointer(&row, json_decref);
    }
    if (row) {
        reply_paired(request, row);
        return;
    }
    g_autofree char *code = error ? NULL : pairing_code(self, key, width, height, &error);
    if (code)
        serambi_reply(request, 200, json_pack("{s:s, s:s}", "state", "waiting", "code", code));
    else if (error)
        reply_failure(request, error);
    else
        serambi_reply_error(request, 429, "displays.too_many",
                            "too many screens wait to be let in: try again in ten minutes");
}

/* Upper case, without what people put between: "7kq2 m8xd" is "7KQ2-M8XD". NULL if it is no code.
 */
static char *normal_code(const char *typed)
{
    char code[10] = "";
    size_t length = 0;
    for (const char *at = typed; at && *at; at++) {
        char letter = g_ascii_toupper(*at);
        if (letter == '-' || letter == ' ')
            continue;
        letter = letter == 'O' ? '0' : letter == 'I' || letter == 'L' ? '1' : letter;
        if (length == 4)
            code[length++] = '-';
        if (length >= sizeof code - 1)
            return NULL;
        code[length++] = letter;
    }
    return length == sizeof code - 1 ? g_strdup(code) : NULL;
}

/* False while too many wrong codes were typed lately. */
static bool may_try(Serambi *self)
{
    Screens *screens = &((Displays *)serambi_state(self))->screens;
    int64_t now_us = serambi_now_us(self);
    if (now_us - screens->window_start_us > WRONG_WINDOW_US || now_us < screens->window_start_us) {
        screens->window_start_us = now_us;
        screens->wrong_codes = 0;
    }
    return screens->wrong_codes < WRONG_CODES_MAX;
}

/* A name that people gave and can read; NULL when there is none. */
static const char *read_name(const json_t *body)
{
    const char *name = json_string_value(json_object_get(body, "name"));
    bool is_visible = false;
    for (const char *at = name; at && *at; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);
        if (g_unichar_iscntrl(character))
            return NULL;
        is_visible = is_visible || g_unichar_isgraph(character);
    }
    return is_visible && g_utf8_strlen(name, -1) <= NAME_CHARACTERS ? name : NULL;
}

static void handle_approve(Serambi *self, SerambiRequest *request)
{
    const json_t *body = serambi_request_body(request);
    if (!may_try(self)) {
        serambi_reply_error(request, 429, "displays.later",
                            "too many wrong codes: try again in ten minutes");
        return;
    }
    GError *error = NULL;
    g_autofree char *code = normal_code(json_string_value(json_object_get(body, "code")));
    json_auto_t *pairing =
        code ? first_row(serambi_query(self, &error,
                                       "SELECT public_key, width, height FROM displays_pairing"
                                       " WHERE code = $1 AND asked_us > $2",
                                       "si", code, serambi_now_us(self) - CODE_US))
             : NULL;
    if (error) {
        reply_failure(request, error);
        return;
    }
    if (!pairing) {
        ((Displays *)serambi_state(self))->screens.wrong_codes++;
        serambi_reply_error(request, 404, "displays.wrong_code",
                            "no screen shows that code: it changes every ten minutes");
        return;
    }
    json_auto_t *row = admit(self, json_string_value(json_object_get(pairing, "public_key")),
                             read_name(body), json_integer_value(json_object_get(pairing, "width")),
                             json_integer_value(json_object_get(pairing, "height")), &error);
    if (row && publish_list(self, &error))
        serambi_reply(request, 200, screen_shape(self, row));
    else
        reply_failure(request, error);
}

/* --- Looking after -------------------------------------------------------------------------- */

static bool is_layout(const char *text)
{
    return text && (!strcmp(text, "cinema") || !strcmp(text, "desk") || !strcmp(text, "board"));
}

static void handle_change(Serambi *self, SerambiRequest *request)
{
    const json_t *body = serambi_request_body(request);
    const char *name = read_name(body);
    const char *layout = json_string_value(json_object_get(body, "layout"));
    int64_t volume = json_integer_value(json_object_get(body, "volume"));
    if (!name || !is_layout(layout) || volume < 0 || volume > 100 ||
        !json_is_integer(json_object_get(body, "volume"))) {
        serambi_reply_error(request, 422, "displays.bad_change",
                            "name: 1 to %d characters; layout: cinema, desk or board; volume: 0 to "
                            "100",
                            NAME_CHARACTERS);
        return;
    }
    GError *error = NULL;
    json_auto_t *row = first_row(
        serambi_query(self, &error,
                      "UPDATE displays_screen SET name = $2, layout = $3, volume = $4 WHERE id = $1"
                      " RETURNING " COLUMNS,
                      "sssi", serambi_request_part(request, "id"), name, layout, volume));
    if (!row && !error) {
        serambi_reply_error(request, 404, "displays.unknown", "no such screen");
        return;
    }
    if (row)
        publish_screen(self, row);
    if (row && publish_list(self, &error))
        serambi_reply(request, 200, screen_shape(self, row));
    else
        reply_failure(request, error);
}

static void handle_remove(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_auto_t *row = first_row(
        serambi_query(self, &error, "DELETE FROM displays_screen WHERE id = $1 RETURNING " COLUMNS,
                      "s", serambi_request_part(request, "id")));
    if (!row && !error) {
        serambi_reply_error(request, 404, "displays.unknown", "no such screen");
        return;
    }
    if (row &&
        serambi_expel_display(self, json_string_value(json_object_get(row, "public_key")),
                              &error) &&
        publish_list(self, &error))
        serambi_reply(request, 200, NULL);
    else
        reply_failure(request, error);
}

/* A display tells how it is; its name is its id. */
static void handle_report(Serambi *self, SerambiRequest *request)
{
    const json_t *body = serambi_request_body(request);
    g_autofree char *status = json_dumps(body, JSON_COMPACT);
    if (!status || strlen(status) > STATUS_BYTES) {
        serambi_reply_error(request, 413, "displays.bad_report", "a report has at most %d bytes",
                            STATUS_BYTES);
        return;
    }
    GError *error = NULL;
    json_auto_t *row = first_row(serambi_query(
        self, &error,
        "UPDATE displays_screen SET last_seen_us = $2, status = $3, width = $4, height = $5"
        " WHERE id = $1 RETURNING " COLUMNS,
        "sisii", serambi_request_user(request), serambi_now_us(self), status,
        (int64_t)CLAMP(json_integer_value(json_object_get(body, "width")), 0, PIXELS_MAX),
        (int64_t)CLAMP(json_integer_value(json_object_get(body, "height")), 0, PIXELS_MAX)));
    if (!row && !error)
        serambi_reply_error(request, 404, "displays.unknown", "no such screen");
    else if (row && publish_list(self, &error))
        serambi_reply(request, 200, NULL);
    else
        reply_failure(request, error);
}

/* Notices screens that went silent and codes that ran out. */
static void on_tick(Serambi *self)
{
    g_autoptr(GError) error = NULL;
    if (!publish_list(self, &error))
        serambi_log(self, LOG_ERR, "could not list the screens: %s, trying again", error->message);
}

/* Screens follow their own topic: what it says must be right also after an upgrade or a new
 * address. */
bool screens_start(Serambi *self, GError **error)
{
    json_auto_t *rows =
        serambi_query(self, error, "SELECT " COLUMNS " FROM displays_screen ORDER BY number", "");
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) publish_screen(self, row);
    return rows && publish_list(self, error);
}

void screens_stop(Serambi *self)
{
    g_clear_pointer(&((Displays *)serambi_state(self))->screens.shown, g_free);
}

const SerambiRoute screens_routes[] = {
    {"GET", "", SERAMBI_STAFF, handle_list, "the screens, and how many wait to be let in"},
    {"POST", "hello", SERAMBI_ANYBODY, handle_hello,
     "a screen asks to be let in: {key, proof, width, height}"},
    {"POST", "approve", SERAMBI_ADMIN, handle_approve, "lets the screen with {code} in as {name}"},
    {"POST", "report", SERAMBI_DISPLAY, handle_report, "a screen tells how it is"},
    {"POST", "{id}", SERAMBI_EDITOR | SERAMBI_ADMIN, handle_change, "{name, layout, volume}"},
    {"DELETE", "{id}", SERAMBI_ADMIN, handle_remove, "shuts a screen out"},
    {0},
};

const SerambiTopic screens_topics[] = {
    {
        .name = "list",
        .kind = SERAMBI_STATE,
        .readers = SERAMBI_STAFF,
        .example =
            "{\"displays\":[{\"id\":\"d1\",\"name\":\"Lobi\",\"layout\":\"desk\",\"volume\":80,"
            "\"online\":true,\"last_seen_us\":1795406400000000,\"width\":1920,"
            "\"height\":1080,\"status\":{}}],\"pending\":[],"
            "\"step\":{\"screens\":1,\"by_link\":0,\"within_us\":0,"
            "\"clock_error_us\":300,\"advice\":\"alone\",\"is_bad\":false}}",
        .help = "every screen and how it is",
    },
    {
        .name = "screen.{id}",
        .kind = SERAMBI_STATE,
        .readers = SERAMBI_DISPLAY | SERAMBI_STAFF,
        .example = "{\"id\":\"d1\",\"name\":\"Lobi\",\"layout\":\"desk\",\"volume\":80,"
                   "\"public_url\":\"http://192.168.1.5:8080\"}",
        .help = "what one screen follows",
    },
    {0},
};

const SerambiTimer screens_timers[] = {
    {"health", 5, on_tick},
    {0},
};

const SerambiWatch screens_watches[] = {
    {"displays:list", on_list},
    {0},
};
