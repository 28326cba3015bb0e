/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The host with a plugin made for it: transactions, roles, refusals, timers, watches, jobs, files;
 * over the kit and over real HTTP. */
#include "core/folders.h"
#include "core/host-test-kit.h"
#include "core/host_private.h"
#include "core/limits.h"
#include "core/test_wire.h"
#include <glib/gstdio.h>
#include <sodium.h>
#include <string.h>
#include <syslog.h>

/* --- The plugin under test -----------------------------------------------------------------------
 */

typedef struct {
    int64_t limit;
    bool is_broken; /* start() fails */
} HallSettings;

typedef struct {
    SerambiRequest *kept; /* answered by the next tick */
    GString *heard;
    SerambiJob *regretted;
    char *folder;
} Hall;

static int stops_seen;

static const SerambiSetting hall_settings[] = {
    {.key = "limit",
     .kind = SERAMBI_INT,
     .offset = offsetof(HallSettings, limit),
     .fallback = "10",
     .min = 1,
     .max = 100,
     .help = "how many guests fit"},
    {.key = "broken",
     .kind = SERAMBI_BOOL,
     .offset = offsetof(HallSettings, is_broken),
     .fallback = "false",
     .help = "refuse to start"},
    {0},
};

static const char *const hall_migrations[] = {
    "CREATE TABLE hall_guest (id BIGINT PRIMARY KEY, name TEXT NOT NULL);",
    NULL,
};

static bool add_guest(Serambi *self, const char *name)
{
    json_auto_t *rows = serambi_query(self, NULL,
                                      "INSERT INTO hall_guest (id, name)"
                                      " SELECT COALESCE(MAX(id), 0) + 1, $1 FROM hall_guest",
                                      "s", name);
    return rows != NULL;
}

static void handle_list(Serambi *self, SerambiRequest *request)
{
    const char *name = serambi_request_query(request, "name");
    json_t *rows = serambi_query(self, NULL,
                                 "SELECT name FROM hall_guest WHERE $1 = '' OR name = $1"
                                 " ORDER BY id",
                                 "s", name ? name : "");
    serambi_reply(request, 200, json_pack("{s:o}", "guests", rows));
}

static void handle_enter(Serambi *self, SerambiRequest *request)
{
    const char *name = json_string_value(json_object_get(serambi_request_body(request), "name"));
    if (!add_guest(self, name ? name : "")) {
        serambi_reply_error(request, 500, "error.internal", "the guest got lost");
        return;
    }
    serambi_publish(self, "door", json_pack("{s:s?}", "name", name));
    /* Only now it is found out: everything above is undone. */
    if (!name)
        serambi_reply_error(request, 422, "hall.name", "a guest needs a %s", "name");
    else
        serambi_reply(request, 201,
                      json_pack("{s:s, s:s, s:s}", "name", name, "user",
                                serambi_request_user(request), "origin",
                                serambi_request_origin(request)));
}

static void handle_unknown_topic(Serambi *self, SerambiRequest *request)
{
    (void)add_guest(self, "nobody");
    serambi_publish(self, "no_such_topic", json_object());
    serambi_reply(request, 200, NULL);
}

static void handle_later(Serambi *self, SerambiRequest *request)
{
    Hall *hall = serambi_state(self);
    (void)add_guest(self, "early");
    hall->kept = request;
}

static void handle_one(Serambi *self, SerambiRequest *request)
{
    serambi_reply_text(request, 200, "text/plain; charset=utf-8",
                       serambi_request_part(request, "id"));
}

static void handle_special(Serambi *self, SerambiRequest *request)
{
    serambi_reply_text(request, 200, "text/plain; charset=utf-8", "special");
}

static void handle_guest_page(Serambi *self, SerambiRequest *request)
{
    serambi_reply_text(request, 200, "text/html; charset=utf-8", "<p>guests</p>");
}

static void handle_page_enter(Serambi *self, SerambiRequest *request)
{
    const char *name = json_string_value(json_object_get(serambi_request_body(request), "name"));
    if (name && add_guest(self, name))
        serambi_reply_redirect(request, 303, "/guests");
    else
        serambi_reply_text(request, 422, "text/html; charset=utf-8", "<p>a name</p>");
}

static void handle_secret(Serambi *self, SerambiRequest *request)
{
    serambi_reply(request, 200, json_pack("{s:i}", "role", (int)serambi_request_role(request)));
}

static void add_forty(void *data)
{
    *(int *)data += 40;
}

static void on_added(Serambi *self, void *data)
{
    g_autofree char *name = g_strdup_printf("sum %d", *(int *)data + 2);
    g_assert_true(add_guest(self, name));
    serambi_publish(self, "door", json_pack("{s:s}", "name", name));
}

static void on_job_line(Serambi *self, const json_t *line, void *data)
{
    g_assert_true(add_guest(self, json_string_value(json_object_get(line, "name"))));
}

static void on_job_exit(Serambi *self, bool ok, void *data)
{
    g_assert_true(add_guest(self, ok ? "job ok" : "job failed"));
}

static void on_kept(Serambi *self, const char *sha256, int64_t size, const GError *error,
                    void *data)
{
    g_assert_true(add_guest(self, sha256 ? sha256 : error->message));
    serambi_discard_folder(self, data);
    g_free(data);
}

static void keep_a_file(Serambi *self)
{
    char *folder = serambi_new_folder(self, NULL);
    g_assert_nonnull(folder);
    g_autofree char *path = g_build_filename(folder, "clip.bin", NULL);
    g_assert_true(g_file_set_contents(path, "abc", 3, NULL));
    serambi_keep_file(self, path, "application/octet-stream", on_kept, folder);
}

/* Asks for all kinds of work, then finds out that it may not. */
static void handle_regret(Serambi *self, SerambiRequest *request)
{
    Hall *hall = serambi_state(self);
    const char *argv[] = {"-c", "echo '{\"name\":\"line\"}'", NULL};
    hall->regretted = serambi_spawn(self, argv, on_job_line, on_job_exit, NULL);
    serambi_run(self, add_forty, on_added, g_new0(int, 1), g_free);
    g_clear_pointer(&hall->folder, g_free);
    hall->folder = serambi_new_folder(self, NULL);
    g_autofree char *path = g_build_filename(hall->folder, "clip.bin", NULL);
    g_assert_true(g_file_set_contents(path, "abc", 3, NULL));
    serambi_keep_file(self, path, "application/octet-stream", on_kept, NULL);
    serambi_discard_folder(self, hall->folder);
    serambi_reply_error(request, 422, "hall.regret", "on second thoughts, no");
}

static void handle_work(Serambi *self, SerambiRequest *request)
{
    const char *what = serambi_request_part(request, "what");
    if (g_str_equal(what, "run")) {
        serambi_run(self, add_forty, on_added, g_new0(int, 1), g_free);
    } else if (g_str_equal(what, "job")) {
        const char *argv[] = {"-c", "echo '{\"name\":\"line\"}'", NULL};
        (void)serambi_spawn(self, argv, on_job_line, on_job_exit, NULL);
    } else if (g_str_equal(what, "cancel")) {
        const char *argv[] = {"-c", "sleep 1000", NULL};
        serambi_cancel(serambi_spawn(self, argv, on_job_line, on_job_exit, NULL));
    } else if (g_str_equal(what, "keep")) {
        keep_a_file(self);
    }
    serambi_reply(request, 202, NULL);
}

static const SerambiRoute hall_routes[] = {
    {"GET", "", SERAMBI_ANYBODY, handle_list, "the guests"},
    {"POST", "", SERAMBI_ANYBODY, handle_enter, "a guest enters"},
    {"POST", "later", SERAMBI_ANYBODY, handle_later, "answers at the next tick"},
    {"POST", "unknown", SERAMBI_ANYBODY, handle_unknown_topic, "publishes nowhere"},
    {"POST", "work/regret", SERAMBI_ANYBODY, handle_regret, "works in vain"},
    {"POST", "work/{what}", SERAMBI_ANYBODY, handle_work, "works beside the loop"},
    {"GET", "guest/{id}", SERAMBI_ANYBODY, handle_one, "one guest"},
    {"GET", "guest/special", SERAMBI_ANYBODY, handle_special, "before any guest of that name"},
    {"GET", "secret", SERAMBI_EDITOR, handle_secret, "for editors"},
    {0},
};

static const SerambiRoute hall_pages[] = {
    {"GET", "guests", SERAMBI_ANYBODY, handle_guest_page, "the guests, as a document"},
    {"GET", "guests/{id}", SERAMBI_ANYBODY, handle_one, "one guest"},
    {"POST", "guests", SERAMBI_ANYBODY, handle_page_enter, "a form"},
    {"GET", "book", SERAMBI_EDITOR, handle_secret, "for editors"},
    {0},
};

static const SerambiTopic hall_topics[] = {
    {"door", SERAMBI_FEED, SERAMBI_ANYBODY, 1, "{\"name\":\"Sari\"}", "who enters"},
    {"seat.{key}", SERAMBI_STATE, SERAMBI_STAFF, 0, "{}", "one seat"},
    {0},
};

static void on_foreign(Serambi *self, const char *channel, const json_t *body)
{
    Hall *hall = serambi_state(self);
    g_autofree char *text = json_dumps(body, JSON_COMPACT);
    g_string_append_printf(hall->heard, "%s%s", channel, text);
    g_assert_true(add_guest(self, "watched"));
}

static const SerambiWatch hall_watches[] = {{"queue:", on_foreign}, {0}};

static void on_minute(Serambi *self)
{
    Hall *hall = serambi_state(self);
    g_assert_true(add_guest(self, "tick"));
    if (hall->kept)
        serambi_reply(g_steal_pointer(&hall->kept), 200, json_pack("{s:b}", "late", 1));
}

static const SerambiTimer hall_timers[] = {{"minute", 60, on_minute}, {0}};

static void on_plan(Serambi *self, const SerambiUploaded *upload)
{
    bool is_taken = add_guest(self, upload->filename);
    serambi_publish(self, "door", json_pack("{s:s}", "name", upload->filename));
    if (g_str_has_prefix(upload->filename, "broken"))
        json_decref(
            serambi_query(self, NULL, "INSERT INTO hall_no_such_table (id) VALUES (1)", ""));
    if (!is_taken)
        return;
    g_assert_true(g_file_test(upload->path, G_FILE_TEST_EXISTS));
    serambi_discard_folder(self, upload->folder);
}

static const SerambiUpload hall_uploads[] = {
    {"plan", SERAMBI_EDITOR, 1000, on_plan, "a plan of the hall"},
    {0},
};

static bool hall_start(Serambi *self, GError **error)
{
    const HallSettings *settings = serambi_settings(self);
    Hall *hall = serambi_state(self);
    hall->heard = g_string_new(NULL);
    g_assert_true(add_guest(self, "host"));
    if (!settings->is_broken)
        return true;
    g_set_error(error, STORE_ERROR, STORE_ERROR_SQL, "the hall is broken");
    return false;
}

static void hall_stop(Serambi *self)
{
    Hall *hall = serambi_state(self);
    (void)g_string_free(hall->heard, TRUE);
    serambi_cancel(hall->regretted);
    g_free(hall->folder);
    stops_seen++;
}

static const SerambiPlugin hall = {
    .abi = SERAMBI_ABI,
    .size = sizeof(SerambiPlugin),
    .id = "hall",
    .version = "1",
    .summary = "a plugin for tests",
    .places = SERAMBI_ON_SERVER,
    .state_size = sizeof(Hall),
    .settings_size = sizeof(HallSettings),
    .settings = hall_settings,
    .migrations = hall_migrations,
    .routes = hall_routes,
    .pages = hall_pages,
    .topics = hall_topics,
    .watches = hall_watches,
    .timers = hall_timers,
    .uploads = hall_uploads,
    .start = hall_start,
    .stop = hall_stop,
};

/* --- Over the kit --------------------------------------------------------------------------------
 */

/* The names of all guests after the host, with commas. */
static char *guests(Kit *kit)
{
    json_auto_t *rows = kit_query(kit, "SELECT name FROM hall_guest WHERE id > 1 ORDER BY id");
    GString *names = g_string_new(NULL);
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
        g_string_append_printf(names, "%s,", json_string_value(json_object_get(row, "name")));
    return g_string_free(names, FALSE);
}

static void assert_guests(Kit *kit, const char *expected)
{
    g_autofree char *names = guests(kit);
    g_assert_cmpstr(names, ==, expected);
}

static json_t *named(const char *name)
{
    return json_pack("{s:s}", "name", name);
}

static void assert_error(json_t *answer, const char *code)
{
    const json_t *error = json_object_get(answer, "error");
    g_assert_cmpstr(json_string_value(json_object_get(error, "code")), ==, code);
    json_decref(answer);
}

static void test_route(void)
{
    Kit *kit = kit_new(&hall);
    int status = 0;
    json_auto_t *entered =
        kit_call(kit, SERAMBI_EDITOR, "POST", "/api/hall", named("Sari"), &status);
    g_assert_cmpint(status, ==, 201);
    g_assert_cmpstr(json_string_value(json_object_get(entered, "user")), ==, "editor");
    g_assert_cmpstr(json_string_value(json_object_get(entered, "origin")), ==,
                    "http://serambi.test:8080");
    g_assert_cmpuint(json_array_size(kit_published(kit, "hall:door")), ==, 1);
    json_auto_t *list = kit_call(kit, SERAMBI_PUBLIC, "GET", "/api/hall?name=Sari", NULL, &status);
    g_assert_cmpint(status, ==, 200);
    g_assert_cmpuint(json_array_size(json_object_get(list, "guests")), ==, 1);
    json_auto_t *one = kit_call(kit, SERAMBI_PUBLIC, "GET", "/api/hall/guest/7", NULL, NULL);
    g_assert_cmpstr(json_string_value(json_object_get(one, "text")), ==, "7");
    json_auto_t *special =
        kit_call(kit, SERAMBI_PUBLIC, "GET", "/api/hall/guest/special", NULL, NULL);
    g_assert_cmpstr(json_string_value(json_object_get(special, "text")), ==, "special");
    kit_free(kit);
}

static void test_refusals(void)
{
    static const struct {
        uint32_t role;
        const char *method, *path;
        int status;
        const char *code;
    } calls[] = {
        {SERAMBI_PUBLIC, "GET", "/api/none", 404, "error.not_found"},
        {SERAMBI_PUBLIC, "GET", "/api/hall/none", 404, "error.not_found"},
        {SERAMBI_PUBLIC, "GET", "/api/hall/guest/", 404, "error.not_found"},
        {SERAMBI_PUBLIC, "GET", "/elsewhere", 404, "error.not_found"},
        {SERAMBI_PUBLIC, "DELETE", "/api/hall", 405, "error.method"},
        {SERAMBI_PUBLIC, "GET", "/api/hall/secret", 401, "error.login"},
        {SERAMBI_COUNTER, "GET", "/api/hall/secret", 403, "error.forbidden"},
        {SERAMBI_DISPLAY, "GET", "/api/hall/secret", 403, "error.forbidden"},
    };
    Kit *kit = kit_new(&hall);
    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
        int status = 0;
        assert_error(kit_call(kit, calls[i].role, calls[i].method, calls[i].path, NULL, &status),
                     calls[i].code);
        g_assert_cmpint(status, ==, calls[i].status);
    }
    json_decref(kit_call_ok(kit, SERAMBI_EDITOR, "GET", "/api/hall/secret", NULL));
    json_decref(kit_call_ok(kit, SERAMBI_ADMIN, "GET", "/api/hall/secret", NULL));
    kit_free(kit);
}

/* An error reply undoes the row and the message that came before it. */
static void test_undone(void)
{
    Kit *kit = kit_new(&hall);
    int status = 0;
    assert_error(kit_call(kit, SERAMBI_PUBLIC, "POST", "/api/hall", NULL, &status), "hall.name");
    g_assert_cmpint(status, ==, 422);
    assert_error(kit_call(kit, SERAMBI_PUBLIC, "POST", "/api/hall/unknown", NULL, &status),
                 "error.internal");
    g_assert_cmpint(status, ==, 500);
    assert_guests(kit, "");
    g_assert_cmpuint(json_array_size(kit_published(kit, "hall:door")), ==, 0);
    kit_free(kit);
}

static void test_full(void)
{
    Kit *kit = kit_new(&hall);
    int status = 0;
    g_autofree char *large = g_strnfill(50000, 'x');
    kit_fill_disk(kit, true);
    assert_error(kit_call(kit, SERAMBI_PUBLIC, "POST", "/api/hall", named(large), &status),
                 "error.full");
    g_assert_cmpint(status, ==, 507);
    g_assert_cmpuint(json_array_size(kit_published(kit, "hall:door")), ==, 0);
    kit_fill_disk(kit, false);
    json_decref(kit_call_ok(kit, SERAMBI_PUBLIC, "POST", "/api/hall", named("Sari")));
    assert_guests(kit, "Sari,");
    kit_free(kit);
}

typedef struct {
    int status, calls;
} Late;

static void on_late(int status, const json_t *body, void *data)
{
    Late *late = data;
    late->status = status;
    late->calls++;
}

/* A request is kept over its own commit and answered in a timer's savepoint. */
static void call_later(Kit *kit, Host *host, Late *late)
{
    Identity identity = {.role = SERAMBI_PUBLIC};
    host_call(host, &identity, "192.0.2.7", "POST /api/hall/later", NULL, on_late, late);
    kit_run(kit);
    g_assert_cmpint(late->calls, ==, 0);
    assert_guests(kit, "early,");
}

static void test_later(void)
{
    Kit *kit = kit_new(&hall);
    Late late = {0};
    call_later(kit, kit_host(kit), &late);
    kit_turn_clock(kit, 59);
    g_assert_cmpint(late.calls, ==, 0);
    kit_turn_clock(kit, 1);
    g_assert_cmpint(late.calls, ==, 1);
    g_assert_cmpint(late.status, ==, 200);
    assert_guests(kit, "early,tick,");
    kit_turn_clock(kit, 120);
    assert_guests(kit, "early,tick,tick,tick,");
    kit_free(kit);
}

static void test_stop_refuses(void)
{
    Kit *kit = kit_new(&hall);
    Late late = {0};
    call_later(kit, kit_host(kit), &late);
    kit_free(kit);
    g_assert_cmpint(late.calls, ==, 1);
    g_assert_cmpint(late.status, ==, 503);
}

static void test_watch(void)
{
    Kit *kit = kit_new(&hall);
    kit_publish(kit, "queue:board", json_pack("{s:i}", "now", 7));
    const Hall *state = serambi_state(kit_self(kit));
    g_assert_cmpstr(state->heard->str, ==, "queue:board{\"now\":7}");
    assert_guests(kit, "watched,");
    kit_free(kit);
}

static void test_work(void)
{
    Kit *kit = kit_new_with(&hall, NULL, "/bin/sh");
    g_assert_null(kit_reason(kit));
    json_decref(kit_call_ok(kit, SERAMBI_PUBLIC, "POST", "/api/hall/work/run", NULL));
    json_decref(kit_call_ok(kit, SERAMBI_PUBLIC, "POST", "/api/hall/work/job", NULL));
    json_decref(kit_call_ok(kit, SERAMBI_PUBLIC, "POST", "/api/hall/work/cancel", NULL));
    json_decref(kit_call_ok(kit, SERAMBI_PUBLIC, "POST", "/api/hall/work/keep", NULL));
    /* sha256("abc"), FIPS 180-4's own example */
    assert_guests(kit, "sum 42,line,job ok,job failed,"
                       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad,");
    g_assert_cmpuint(json_array_size(kit_published(kit, "hall:door")), ==, 1);
    g_autofree char *folder = g_build_filename(kit_data_folder(kit), "work", "hall", NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_assert_null(g_dir_read_name(dir));
    kit_free(kit);
}

/* Work stands or falls with the savepoint that asked for it; its handle stays. */
static void test_regret(void)
{
    Kit *kit = kit_new_with(&hall, NULL, "/bin/sh");
    const Hall *state = serambi_state(kit_self(kit));
    int status = 0;
    assert_error(kit_call(kit, SERAMBI_PUBLIC, "POST", "/api/hall/work/regret", NULL, &status),
                 "hall.regret");
    assert_guests(kit, "");
    g_autofree char *file = g_build_filename(state->folder, "clip.bin", NULL);
    g_assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
    serambi_cancel(state->regretted);
    kit_run(kit);
    assert_guests(kit, "");
    kit_restart(kit); /* what was left behind goes */
    g_assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
    kit_free(kit);
}

/* A plugin that can not note an upload has not taken it. */
static void test_upload_not_taken(void)
{
    Kit *kit = kit_new(&hall);
    g_assert_false(kit_upload(kit, "plan", "broken.svg", "<svg/>", 6, NULL));
    assert_guests(kit, "");
    g_assert_cmpuint(json_array_size(kit_published(kit, "hall:door")), ==, 0);
    g_assert_true(kit_upload(kit, "plan", "whole.svg", "<svg/>", 6, NULL));
    assert_guests(kit, "whole.svg,");
    kit_free(kit);
}

static void test_upload(void)
{
    Kit *kit = kit_new(&hall);
    g_assert_true(kit_upload(kit, "plan", "denah.svg", "<svg/>", 6, NULL));
    assert_guests(kit, "denah.svg,");
    g_autofree char *folder = g_build_filename(kit_data_folder(kit), "work", "uploads", NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_assert_null(g_dir_read_name(dir));
    kit_free(kit);
}

static void test_start_fails(void)
{
    stops_seen = 0;
    Kit *kit = kit_new_with(&hall, "[hall]\nbroken=true\n", NULL);
    int status = 0;
    g_assert_cmpstr(kit_reason(kit), ==, "the hall is broken");
    g_assert_cmpint(stops_seen, ==, 1);
    json_auto_t *rows = kit_query(kit, "SELECT id FROM hall_guest");
    g_assert_cmpuint(json_array_size(rows), ==, 0);
    assert_error(kit_call(kit, SERAMBI_PUBLIC, "GET", "/api/hall", NULL, &status), "plugin.off");
    g_assert_cmpint(status, ==, 503);
    kit_free(kit);
    g_assert_cmpint(stops_seen, ==, 1);
}

static void test_wrong_setting(void)
{
    Kit *kit = kit_new_with(&hall, "[hall]\nlimit=0\n", NULL);
    g_assert_nonnull(strstr(kit_reason(kit), "line 2: [hall] limit"));
    kit_free(kit);
}

static void test_restart(void)
{
    Kit *kit = kit_new(&hall);
    json_decref(kit_call_ok(kit, SERAMBI_PUBLIC, "POST", "/api/hall", named("Sari")));
    kit_restart(kit);
    assert_guests(kit, "Sari,host,");
    kit_free(kit);
}

static void test_small_things(void)
{
    Kit *kit = kit_new(&hall);
    Serambi *self = kit_self(kit);
    g_autofree char *svg = serambi_qr_svg(self, "http://192.168.1.5:8080/");
    g_assert_true(g_str_has_prefix(svg, "<svg "));
    g_autofree char *huge = g_strnfill(10000, 'q');
    g_assert_null(serambi_qr_svg(self, huge));
    g_autofree char *random = serambi_random_text(self, 16), *other = serambi_random_text(self, 16);
    g_assert_cmpuint(strlen(random), ==, 22);
    g_assert_cmpstr(random, !=, other);
    g_assert_cmpstr(serambi_word(self, "id", "missing"), ==, "missing");
    g_assert_cmpstr(serambi_public_url(self), ==, "http://serambi.test:8080");
    g_assert_true(serambi_has_room(self, NULL));
    serambi_log(self, LOG_ERR, "not fatal: %d", 1);
    /* The display's own are here and fail. */
    g_assert_false(serambi_has(self, "sha256:00"));
    g_assert_null(serambi_clip_new(self, "chime:call", 0, 0, NULL));
    kit_free(kit);
}

/* The reserve of the disk is kept: a plugin that asks is told so. */
static void test_room(void)
{
    Kit *kit = kit_new(&hall);
    g_autoptr(GError) error = NULL;
    kit_host(kit)->options.reserve_bytes = INT64_MAX;
    g_assert_false(serambi_has_room(kit_self(kit), &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_FULL);
    kit_free(kit);
}

/* All or nothing: a wrong file leaves the old values. */
static void test_reload(void)
{
    Kit *kit = kit_new(&hall);
    const HallSettings *values = serambi_settings(kit_self(kit));
    g_autofree char *path = g_build_filename(kit_data_folder(kit), "new.ini", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents(path, "[hall]\nlimit=0\n", -1, NULL));
    Settings *wrong = settings_load(path, false, NULL);
    g_assert_false(host_reload(kit_host(kit), wrong, &error));
    g_assert_error(error, SETTINGS_ERROR, SETTINGS_ERROR_VALUE);
    g_assert_cmpint(values->limit, ==, 10);
    g_assert_true(g_file_set_contents(path, "[hall]\nlimit=77\n", -1, NULL));
    Settings *right = settings_load(path, false, NULL);
    g_assert_true(host_reload(kit_host(kit), right, NULL));
    kit_run(kit);
    g_assert_cmpint(values->limit, ==, 77);
    kit_free(kit);
    settings_free(wrong);
    settings_free(right);
}

extern const SerambiAsset core_assets[];

static void test_words(void)
{
    Words *words = words_new(core_assets);
    g_assert_cmpstr(words_get(words, "id", "no.such.word"), ==, "no.such.word");
    g_assert_cmpstr(words_get(words, "xx", "brand"), ==, "brand");
    const char *indonesian = words_get(words, "id", "brand");
    g_assert_cmpstr(indonesian, !=, "brand");
    g_assert_cmpstr(words_get(words, "id", "brand"), ==, indonesian);
    words_free(words);
    Words *none = words_new(NULL);
    g_assert_cmpstr(words_get(none, "id", "title"), ==, "title");
    words_free(none);
}

static void test_beside(void)
{
    Kit *kit = kit_new(&hall);
    g_autofree char *path = g_build_filename(kit_data_folder(kit), "secrets", "beside", NULL);
    g_autofree char *secret = NULL, *key = g_strnfill(64, 'a');
    GStatBuf info;
    g_assert_true(g_file_get_contents(path, &secret, NULL, NULL));
    g_assert_cmpint(g_stat(path, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 0777, ==, 0600);
    uint8_t sum[crypto_auth_hmacsha256_BYTES];
    char proof[2 * sizeof sum + 1];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const uint8_t *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)key, 64);
    crypto_auth_hmacsha256_final(&state, sum);
    sodium_bin2hex(proof, sizeof proof, sum, sizeof sum);
    g_assert_true(serambi_is_beside(kit_self(kit), key, proof));
    proof[0] = proof[0] == '0' ? '1' : '0';
    g_assert_false(serambi_is_beside(kit_self(kit), key, proof));
    g_assert_false(serambi_is_beside(kit_self(kit), "short", proof));
    g_assert_false(serambi_is_beside(kit_self(kit), key, ""));
    kit_free(kit);
}

/* A link in a work folder is removed, not followed. */
static void test_folders(void)
{
    g_autofree char *data = g_dir_make_tmp("serambi-folders-XXXXXX", NULL);
    g_autofree char *folder = folders_new(data, "hall", NULL);
    g_autofree char *precious = g_build_filename(data, "precious", NULL);
    g_autofree char *link = g_build_filename(folder, "link", NULL);
    g_autofree char *deep = g_build_filename(folder, "a/b/c", NULL);
    g_autofree char *up = g_strconcat(folder, "/../x", NULL);
    g_assert_true(g_file_set_contents(precious, "keep", 4, NULL));
    g_assert_cmpint(g_mkdir_with_parents(deep, 0700), ==, 0);
    g_assert_cmpint(symlink(data, link), ==, 0);
    g_assert_true(folders_is_owned(data, "hall", folder));
    g_assert_false(folders_is_owned(data, "hall", data));
    g_assert_false(folders_is_owned(data, "hall", up));
    g_assert_false(folders_is_owned(data, "queue", folder));
    g_assert_false(folders_is_owned(data, "hall", deep));
    g_assert_true(folders_remove(folder, NULL));
    g_assert_false(g_file_test(folder, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(precious, G_FILE_TEST_EXISTS));
    g_assert_true(folders_remove(data, NULL));
}

/* --- Over HTTP -----------------------------------------------------------------------------------
 */

static void handle_page(HttpRequest *request, void *data)
{
    if (!host_handle_page(data, request))
        http_reply_error(request, 404, "error.not_found", "there is nothing here");
}

static void handle_api(HttpRequest *request, void *data)
{
    host_handle_api(data, request);
}

static void on_web_closed(void *data)
{
    *(bool *)data = true;
}

/* Everything that the server has said when it hung up. */
static char *exchange(uv_loop_t *loop, Web *web, const char *request)
{
    Wire *wire = wire_new(loop, web_port(web));
    wire_send(wire, request);
    wire_wait_end(wire);
    char *answer = g_strndup((const char *)wire->in->data, wire->in->len);
    wire_free(wire);
    return answer;
}

static char *post(const char *path, const char *headers, const char *body)
{
    return g_strdup_printf("POST %s HTTP/1.1\r\nHost: here:1\r\nConnection: close\r\n"
                           "%sContent-Length: %zu\r\n\r\n%s",
                           path, headers, strlen(body), body);
}

#define JSON "Content-Type: application/json\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define OURS "Origin: http://here:1\r\n"

static void test_http(void)
{
    Kit *kit = kit_new(&hall);
    WebOptions options = {.address = "127.0.0.1"};
    uv_loop_t *loop = kit_loop(kit);
    Web *web = web_new(loop, &options, NULL);
    g_assert_nonnull(web);
    web_route(web, "/api/", handle_api, kit_host(kit));
    web_route(web, "/", handle_page, kit_host(kit));
    g_autofree char *deep = g_strnfill(LIMIT_JSON_DEPTH + 2, '[');
    g_autofree char *nested = g_strdup_printf("{\"name\":%s", deep);
    g_autofree char *large = g_strnfill(LIMIT_JSON_BODY_BYTES + 1, ' ');
    const struct {
        const char *path, *headers, *body, *status, *part;
    } calls[] = {
        {"/api/hall", JSON, "{\"name\":\"Sari\"}", " 201 ", "\"name\":\"Sari\""},
        {"/api/hall", JSON, "{\"name\":\"Sari\",\"name\":\"Budi\"}", " 400 ", "error.json"},
        {"/api/hall", JSON, "[1]", " 400 ", "error.json"},
        {"/api/hall", JSON, "{", " 400 ", "error.json"},
        {"/api/hall", JSON, nested, " 400 ", "error.json"},
        {"/api/hall", JSON, large, " 413 ", ""},
        {"/api/hall", "Content-Type: text/plain\r\n", "{}", " 415 ", "error.type"},
        {"/api/hall", JSON "Cookie: a=b\r\nOrigin: http://evil.test\r\n", "{}", " 403 ",
         "error.origin"},
        {"/api/hall", JSON, "{}", " 422 ", "hall.name"},
        {"/api/hall/secret", JSON, "{}", " 405 ", "allow: GET"},
        {"/api/nobody", JSON, "{}", " 404 ", "error.not_found"},
        {"/guests", OURS FORM, "name=A%26b+c", " 303 ", "location: /guests"},
        {"/guests", OURS FORM, "name=", " 303 ", "location: /guests"},
        {"/guests", OURS FORM, "other=1", " 422 ", "a name"},
        {"/guests", OURS FORM, "name=%zz", " 400 ", "error.form"},
        {"/guests", OURS FORM, "name=%ff", " 400 ", "error.form"},
        {"/guests", OURS FORM, large, " 413 ", ""},
        {"/guests", OURS JSON, "{\"name\":\"x\"}", " 415 ", "error.type"},
        {"/guests", FORM "Sec-Fetch-Site: same-origin\r\n", "name=D", " 303 ", ""},
        /* Also without a cookie a foreign page may not speak in a visitor's name. */
        {"/guests", FORM, "name=x", " 403 ", "error.origin"},
        {"/guests", FORM "Origin: null\r\n", "name=x", " 403 ", "error.origin"},
        {"/guests", FORM "Origin: http://evil.test\r\n", "name=x", " 403 ", "error.origin"},
        {"/guests/7", OURS FORM, "name=x", " 405 ", "allow: GET"},
        {"/guests/7/8", OURS FORM, "name=x", " 404 ", ""},
        {"/api/guests", OURS FORM, "name=x", " 404 ", ""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
        g_autofree char *request = post(calls[i].path, calls[i].headers, calls[i].body);
        g_autofree char *answer = exchange(loop, web, request);
        if (!strstr(answer, calls[i].status) || !strstr(answer, calls[i].part))
            g_error("call %zu: %s", i, answer);
    }
    assert_guests(kit, "Sari,A&b c,,D,");
    static const struct {
        const char *path, *part;
    } pages[] = {
        {"/guests", "<p>guests</p>"},   {"/guests", "referrer-policy: same-origin"},
        {"/guests/9", "\r\n\r\n9"},     {"/guests/", " 404 "},
        {"/api/hall//guests", " 404 "}, {"/book", " 401 "},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
        g_autofree char *request = g_strdup_printf(
            "GET %s HTTP/1.1\r\nHost: here:1\r\nConnection: close\r\n\r\n", pages[i].path);
        g_autofree char *answer = exchange(loop, web, request);
        if (!strstr(answer, pages[i].part))
            g_error("page %zu: %s", i, answer);
    }
    g_autofree char *list = exchange(
        loop, web, "GET /api/hall?name=Sari HTTP/1.1\r\nHost: here:1\r\nConnection: close\r\n\r\n");
    g_assert_nonnull(strstr(list, "{\"guests\":[{\"name\":\"Sari\"}]}"));
    g_autofree char *open = exchange(
        loop, web, "GET /api/openapi.json HTTP/1.1\r\nHost: here:1\r\nConnection: close\r\n\r\n");
    g_assert_nonnull(strstr(open, "/api/hall/guest/{id}"));
    g_assert_nonnull(strstr(open, "\"/guests/{id}\""));
    bool is_closed = false;
    web_close(web, on_web_closed, &is_closed);
    while (!is_closed)
        (void)uv_run(loop, UV_RUN_ONCE);
    kit_free(kit);
}

static void test_documents(void)
{
    Kit *kit = kit_new(&hall);
    json_auto_t *open = openapi_make(kit_host(kit)), *live = asyncapi_make(kit_host(kit));
    const json_t *post_item =
        json_object_get(json_object_get(json_object_get(open, "paths"), "/api/hall"), "post");
    g_assert_cmpstr(json_string_value(json_object_get(post_item, "operationId")), ==, "hall_post");
    const json_t *seat = json_object_get(json_object_get(live, "channels"), "hall_seat");
    g_assert_cmpstr(json_string_value(json_object_get(seat, "address")), ==, "hall:seat.{key}");
    json_auto_t *list = host_plugins(kit_host(kit));
    g_assert_cmpstr(json_string_value(json_object_get(json_array_get(list, 0), "state")), ==,
                    "running");
    kit_free(kit);
}

/* A plugin that makes up names does not make /metrics endless. */
static void test_gauges(void)
{
    Gauges *gauges = gauges_new();
    g_autoptr(GString) out = g_string_new(NULL);
    for (int i = 0; i < LIMIT_GAUGES + 10; i++) {
        g_autofree char *name = g_strdup_printf("n%03d", i);
        gauges_set(gauges, "mill", name, "A number.", i);
    }
    gauges_set(gauges, "mill", "n000", "A number.", 7);
    gauges_write(gauges, out);
    g_auto(GStrv) parts = g_strsplit(out->str, "# TYPE ", -1);
    g_assert_cmpuint(g_strv_length(parts) - 1, ==, LIMIT_GAUGES);
    g_assert_nonnull(strstr(out->str, "\nserambi_mill_n000 7\n"));
    gauges_free(gauges);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/host/route", test_route);
    g_test_add_func("/host/refusals", test_refusals);
    g_test_add_func("/host/undone", test_undone);
    g_test_add_func("/host/full", test_full);
    g_test_add_func("/host/later", test_later);
    g_test_add_func("/host/stop-refuses", test_stop_refuses);
    g_test_add_func("/host/watch", test_watch);
    g_test_add_func("/host/work", test_work);
    g_test_add_func("/host/regret", test_regret);
    g_test_add_func("/host/upload", test_upload);
    g_test_add_func("/host/upload-not-taken", test_upload_not_taken);
    g_test_add_func("/host/start-fails", test_start_fails);
    g_test_add_func("/host/wrong-setting", test_wrong_setting);
    g_test_add_func("/host/restart", test_restart);
    g_test_add_func("/host/small-things", test_small_things);
    g_test_add_func("/host/room", test_room);
    g_test_add_func("/host/reload", test_reload);
    g_test_add_func("/host/words", test_words);
    g_test_add_func("/host/beside", test_beside);
    g_test_add_func("/host/folders", test_folders);
    g_test_add_func("/host/documents", test_documents);
    g_test_add_func("/host/http", test_http);
    g_test_add_func("/host/gauges", test_gauges);
    return g_test_run();
}
