/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Files by hash: kept once, served for ever, and nothing else of the disk. */
#include "core/kept.h"
#include "core/test_wire.h"
#include <glib/gstdio.h>
#include <stdlib.h>

/* SHA-256 of "hello", as sha256sum says. */
#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

typedef struct {
    uv_loop_t loop;
    char *folder;
    Store *store;
    Jobs *jobs;
    Kept *kept;
    Web *web;
    int done;
    bool was_writing;
    char *sha256, *failure;
    int64_t size;
} Fixture;

static void on_media(HttpRequest *request, void *data)
{
    kept_handle(((Fixture *)data)->kept, request);
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    WebOptions options = {.address = "127.0.0.1"};
    JobsOptions jobs = {.worker = "/bin/false", .parallel = 1, .seconds = 10};
    uv_loop_init(&fixture->loop);
    fixture->folder = g_dir_make_tmp("kept-XXXXXX", &error);
    g_assert_no_error(error);
    fixture->store = store_open(fixture->folder, false, &fixture->loop, &error);
    g_assert_no_error(error);
    kept_migrate(fixture->store, &error);
    g_assert_no_error(error);
    fixture->jobs = jobs_new(&fixture->loop, &jobs);
    fixture->kept = kept_new(fixture->store, fixture->jobs, fixture->folder, &error);
    g_assert_no_error(error);
    fixture->web = web_new(&fixture->loop, &options, &error);
    g_assert_no_error(error);
    web_route(fixture->web, "/media/", on_media, fixture);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    bool web_is_closed = false, jobs_are_closed = false;
    web_close(fixture->web, wire_set_flag, &web_is_closed);
    wire_wait(&fixture->loop, wire_set_flag_seen, &web_is_closed);
    jobs_close(fixture->jobs, wire_set_flag, &jobs_are_closed);
    wire_wait(&fixture->loop, wire_set_flag_seen, &jobs_are_closed);
    kept_free(fixture->kept);
    store_close(fixture->store);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&fixture->loop), ==, 0);
    const char *remove[] = {"rm", "-rf", fixture->folder, NULL};
    g_spawn_sync(NULL, (char **)(uintptr_t)remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                 NULL, NULL, NULL);
    g_free(fixture->folder);
    g_free(fixture->sha256);
    g_free(fixture->failure);
}

static void on_done(const char *sha256, int64_t size, const GError *error, void *data)
{
    Fixture *fixture = data;
    fixture->done++;
    fixture->was_writing = store_is_writing(fixture->store);
    g_free(fixture->sha256);
    g_free(fixture->failure);
    fixture->sha256 = g_strdup(sha256);
    fixture->failure = error == NULL ? NULL : g_strdup(error->message);
    fixture->size = size;
}

typedef struct {
    const Fixture *fixture;
    int count;
} Wish;

static bool is_done(void *data)
{
    const Wish *wish = data;
    return wish->fixture->done >= wish->count;
}

static void add(Fixture *fixture, const char *path, const char *type)
{
    Wish wish = {.fixture = fixture, .count = fixture->done + 1};
    kept_add(fixture->kept, path, type, on_done, fixture);
    wire_wait(&fixture->loop, is_done, &wish);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

static char *make_file(Fixture *fixture, const char *name, const char *text)
{
    char *path = g_build_filename(fixture->folder, name, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static char *ask(Fixture *fixture, const char *method, const char *path, const char *headers)
{
    g_autoptr(Wire) wire = wire_new(&fixture->loop, web_port(fixture->web));
    g_autofree char *request =
        g_strdup_printf("%s %s HTTP/1.1\r\nHost: here\r\n%s\r\n", method, path, headers);
    return wire_ask(wire, request);
}

static bool work_nothing(Store *store, void *data)
{
    return true;
}

static void after_nothing(Store *store, bool kept, const GError *error, void *data)
{
    *(bool *)data = true;
}

/* Readers see a row when its commit is on disk: the one after it is now. */
static void wait_for_commit(Fixture *fixture)
{
    bool is_after = false;
    store_write(fixture->store, work_nothing, after_nothing, &is_after);
    wire_wait(&fixture->loop, wire_set_flag_seen, &is_after);
}

static void test_keeps(Fixture *fixture, gconstpointer data)
{
    g_autofree char *path = make_file(fixture, "a.mp4", "hello");
    add(fixture, path, "video/mp4");
    g_assert_null(fixture->failure);
    g_assert_cmpstr(fixture->sha256, ==, HELLO);
    g_assert_cmpint(fixture->size, ==, 5);
    g_assert_true(fixture->was_writing);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    wait_for_commit(fixture);
    g_autofree char *answer = ask(fixture, "GET", "/media/" HELLO, "");
    g_assert_cmpint(wire_status(answer), ==, 200);
    g_assert_cmpstr(wire_body(answer), ==, "hello");
    static const char *const expected[] = {
        "\r\nContent-Type: video/mp4\r\n",
        "\r\nCache-Control: public, max-age=31536000, immutable\r\n",
        "\r\nETag: \"" HELLO "\"\r\n",
        "\r\nCross-Origin-Resource-Policy: same-origin\r\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_nonnull(strstr(answer, expected[i]));
    }
    g_autofree char *part = ask(fixture, "GET", "/media/" HELLO ".mp4", "Range: bytes=1-2\r\n");
    g_assert_cmpint(wire_status(part), ==, 206);
    g_assert_cmpstr(wire_body(part), ==, "el");
    g_autofree char *same =
        ask(fixture, "GET", "/media/" HELLO, "If-None-Match: \"" HELLO "\"\r\n");
    g_assert_cmpint(wire_status(same), ==, 304);
}

static void test_once(Fixture *fixture, gconstpointer data)
{
    g_autofree char *first = make_file(fixture, "a", "hello");
    g_autofree char *second = make_file(fixture, "b", "hello");
    add(fixture, first, "text/vtt");
    add(fixture, second, "video/mp4");
    g_assert_null(fixture->failure);
    g_assert_cmpstr(fixture->sha256, ==, HELLO);
    g_assert_false(g_file_test(second, G_FILE_TEST_EXISTS));
    wait_for_commit(fixture);
    g_autofree char *answer = ask(fixture, "GET", "/media/" HELLO, "");
    g_assert_nonnull(strstr(answer, "\r\nContent-Type: text/vtt\r\n"));
    g_autoptr(GError) error = NULL;
    json_t *rows = store_query(fixture->store, &error, "SELECT size FROM kept", "");
    g_assert_no_error(error);
    g_assert_cmpuint(json_array_size(rows), ==, 1);
    json_decref(rows);
}

static void test_fails(Fixture *fixture, gconstpointer data)
{
    g_autofree char *missing = g_build_filename(fixture->folder, "missing", NULL);
    add(fixture, missing, "video/mp4");
    g_assert_null(fixture->sha256);
    g_assert_nonnull(strstr(fixture->failure, "missing"));
    /* Neither a folder nor where a link leads. */
    add(fixture, fixture->folder, "video/mp4");
    g_assert_null(fixture->sha256);
    g_autofree char *link = g_build_filename(fixture->folder, "link", NULL);
    g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
    add(fixture, link, "video/mp4");
    g_assert_null(fixture->sha256);
    g_assert_cmpint(fixture->done, ==, 3);
}

static void test_paths(Fixture *fixture, gconstpointer data)
{
    static const char *const paths[] = {
        "/media/",
        "/media/" HELLO,
        "/media/" HELLO "/",
        "/media/" HELLO "/x",
        "/media/" HELLO ".a/b",
        "/media/" HELLO "0",
        "/media/2cf2",
        "/media/serambi.db",
        "/media/2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *answer = ask(fixture, "GET", paths[i], "");
        g_assert_cmpint(wire_status(answer), ==, 404);
    }
    g_autofree char *post = ask(fixture, "DELETE", "/media/" HELLO, "");
    g_assert_cmpint(wire_status(post), ==, 405);
}

/* A row whose file is gone, or was made a link to elsewhere, is 404. */
static void test_file_replaced(Fixture *fixture, gconstpointer data)
{
    g_autofree char *path = make_file(fixture, "a", "hello");
    add(fixture, path, "video/mp4");
    wait_for_commit(fixture);
    g_autofree char *answer = ask(fixture, "GET", "/media/" HELLO, "");
    g_assert_cmpint(wire_status(answer), ==, 200);
    g_autofree char *place = g_build_filename(fixture->folder, "media", "2c", HELLO, NULL);
    g_assert_cmpint(g_unlink(place), ==, 0);
    g_assert_cmpint(symlink("/etc/passwd", place), ==, 0);
    g_autofree char *link = ask(fixture, "GET", "/media/" HELLO, "");
    g_assert_cmpint(wire_status(link), ==, 404);
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/kept/keeps", test_keeps);
    ADD("/kept/once", test_once);
    ADD("/kept/fails", test_fails);
    ADD("/kept/paths", test_paths);
    ADD("/kept/file-replaced", test_file_replaced);
    return g_test_run();
}
