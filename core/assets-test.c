/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Pages in the binary: addresses, placeholders, encodings, caching, merged words. */
#include "core/assets.h"
#include "core/test_wire.h"
#include <zlib.h>

typedef struct {
    uv_loop_t loop;
    Web *web;
    Assets *assets;
    GPtrArray *bytes;
} Fixture;

#define PAGE "<html data-version=\"{version}\" data-plugins=\"{public}\" data-staff=\"{staff}\">"

static SerambiAsset make(Fixture *fixture, const char *path, const char *type, const char *text)
{
    z_stream stream = {0};
    uint8_t out[4096];
    g_assert_cmpint(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), ==, Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)text;
    stream.avail_in = (uInt)strlen(text);
    stream.next_out = out;
    stream.avail_out = sizeof out;
    g_assert_cmpint(deflate(&stream, Z_FINISH), ==, Z_STREAM_END);
    uint8_t *bytes = g_memdup2(out, stream.total_out);
    g_ptr_array_add(fixture->bytes, bytes);
    SerambiAsset asset = {path, type, bytes, stream.total_out};
    deflateEnd(&stream);
    return asset;
}

static const SerambiAsset *make_table(Fixture *fixture, const SerambiAsset *assets, size_t count)
{
    SerambiAsset *table = g_new0(SerambiAsset, count + 1);
    memcpy(table, assets, count * sizeof *assets);
    g_ptr_array_add(fixture->bytes, table);
    return table;
}

static void on_request(HttpRequest *request, void *data)
{
    Fixture *fixture = data;
    if (!assets_handle(fixture->assets, request)) {
        http_reply_error(request, 404, "request.path", "nothing");
    }
}

static void add_all(Fixture *fixture)
{
    const char *html = "text/html; charset=utf-8", *script = "text/javascript; charset=utf-8";
    SerambiAsset core[] = {
        make(fixture, "public.html", html, PAGE),
        make(fixture, "staff.html", html, "staff"),
        make(fixture, "help.html", html, "help"),
        make(fixture, "page.js", script, "export {};\n"),
        make(fixture, "favicon.svg", "image/svg+xml", "<svg/>"),
        make(fixture, "words/id.json", "application/json", "{\"hello\": \"halo\"}"),
        make(fixture, "words/en.json", "application/json", "{\"hello\": \"hello\"}"),
    };
    SerambiAsset queue[] = {
        make(fixture, "public.js", script, "1"),
        make(fixture, "staff.js", script, "2"),
        make(fixture, "words/id.json", "application/json", "{\"next\": \"berikutnya\"}"),
    };
    SerambiAsset news[] = {make(fixture, "public.js", script, "3")};
    assets_add(fixture->assets, "core", make_table(fixture, core, G_N_ELEMENTS(core)));
    assets_add(fixture->assets, "queue", make_table(fixture, queue, G_N_ELEMENTS(queue)));
    assets_add(fixture->assets, "news", make_table(fixture, news, G_N_ELEMENTS(news)));
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    WebOptions options = {.address = "127.0.0.1"};
    g_autoptr(GError) error = NULL;
    uv_loop_init(&fixture->loop);
    fixture->web = web_new(&fixture->loop, &options, &error);
    g_assert_no_error(error);
    fixture->bytes = g_ptr_array_new_with_free_func(g_free);
    fixture->assets = assets_new();
    add_all(fixture);
    assets_finish(fixture->assets, &error);
    g_assert_no_error(error);
    web_route(fixture->web, "/", on_request, fixture);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    wire_close_web(&fixture->loop, fixture->web);
    assets_free(fixture->assets);
    g_ptr_array_unref(fixture->bytes);
}

static char *get(Fixture *fixture, const char *path, const char *headers)
{
    g_autoptr(Wire) wire = wire_new(&fixture->loop, web_port(fixture->web));
    g_autofree char *request =
        g_strdup_printf("GET %s HTTP/1.1\r\nHost: here\r\n%s\r\n", path, headers);
    return wire_ask(wire, request);
}

static void test_pages(Fixture *fixture, gconstpointer data)
{
    g_autofree char *expected =
        g_strdup_printf("<html data-version=\"%s\" data-plugins=\"queue news\" "
                        "data-staff=\"queue\">",
                        assets_version(fixture->assets));
    g_autofree char *page = get(fixture, "/", "");
    g_assert_cmpstr(wire_body(page), ==, expected);
    g_assert_nonnull(strstr(page, "\r\nCache-Control: no-cache\r\n"));
    g_assert_nonnull(strstr(page, "\r\nContent-Security-Policy: default-src 'none';"));
    g_autofree char *staff = get(fixture, "/staff", "");
    g_assert_cmpstr(wire_body(staff), ==, "staff");
    g_autofree char *help = get(fixture, "/help", "");
    g_assert_cmpstr(wire_body(help), ==, "help");
    g_autofree char *icon = get(fixture, "/favicon.svg", "");
    g_assert_cmpstr(wire_body(icon), ==, "<svg/>");
    static const char *const missing[] = {
        "/public.html", "/nothing", "/a/", "/a/000000000000/core/page.js", "/core/page.js",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(missing); i++) {
        g_autofree char *answer = get(fixture, missing[i], "");
        g_assert_cmpint(wire_status(answer), ==, 404);
    }
}

static void test_caching(Fixture *fixture, gconstpointer data)
{
    g_autofree char *path = g_strdup_printf("/a/%s/core/page.js", assets_version(fixture->assets));
    g_autofree char *file = get(fixture, path, "");
    g_assert_cmpstr(wire_body(file), ==, "export {};\n");
    g_assert_nonnull(strstr(file, "\r\nCache-Control: public, max-age=31536000, immutable\r\n"));
    g_assert_nonnull(strstr(file, "\r\nVary: Accept-Encoding\r\n"));
    const char *tag = strstr(file, "\r\nETag: ") + strlen("\r\nETag: ");
    g_autofree char *known =
        g_strdup_printf("If-None-Match: %.*s\r\n", (int)strcspn(tag, "\r"), tag);
    g_autofree char *same = get(fixture, path, known);
    g_assert_cmpint(wire_status(same), ==, 304);
    g_autofree char *page = get(fixture, "/", known);
    g_assert_cmpint(wire_status(page), ==, 200);
}

static void test_encodings(Fixture *fixture, gconstpointer data)
{
    static const struct {
        const char *accept;
        bool is_gzip;
    } cases[] = {
        {"", false},
        {"Accept-Encoding: gzip, deflate, br\r\n", true},
        {"Accept-Encoding: br;q=1.0, GZIP;q=0.5\r\n", true},
        {"Accept-Encoding: gzip;q=0\r\n", false},
        {"Accept-Encoding: br\r\n", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *answer = get(fixture, "/staff", cases[i].accept);
        g_assert_cmpint(wire_status(answer), ==, 200);
        bool is_gzip = strstr(answer, "\r\nContent-Encoding: gzip\r\n") != NULL;
        g_assert_true(is_gzip == cases[i].is_gzip);
        g_assert_true(g_str_has_prefix(wire_body(answer), is_gzip ? "\x1f\x8b" : "staff"));
    }
    g_autoptr(Wire) wire = wire_new(&fixture->loop, web_port(fixture->web));
    g_autofree char *post =
        wire_ask(wire, "POST /staff HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n");
    g_assert_cmpint(wire_status(post), ==, 405);
    g_assert_nonnull(strstr(post, "\r\nAllow: GET, HEAD\r\n"));
}

static void test_words(Fixture *fixture, gconstpointer data)
{
    g_autofree char *path = g_strdup_printf("/a/%s/words/id.json", assets_version(fixture->assets));
    g_autofree char *words = get(fixture, path, "");
    g_assert_cmpstr(wire_body(words), ==,
                    "{\"core\":{\"hello\":\"halo\"},\"queue\":{\"next\":\"berikutnya\"}}");
    g_assert_cmpstr(assets_word(fixture->assets, "queue", "id", "next"), ==, "berikutnya");
    g_assert_cmpstr(assets_word(fixture->assets, "core", "en", "hello"), ==, "hello");
    g_assert_null(assets_word(fixture->assets, "queue", "en", "next"));
    g_assert_null(assets_word(fixture->assets, "queue", "xx", "next"));
    g_assert_null(assets_word(fixture->assets, "news", "id", "next"));
}

static void test_bad_words(Fixture *fixture, gconstpointer data)
{
    SerambiAsset bad[] = {make(fixture, "words/id.json", "application/json", "{\"a\": 1,}")};
    g_autoptr(GError) error = NULL;
    Assets *assets = assets_new();
    assets_add(assets, "queue", make_table(fixture, bad, 1));
    g_assert_false(assets_finish(assets, &error));
    g_assert_nonnull(strstr(error->message, "'queue'"));
    g_assert_nonnull(strstr(error->message, "'words/id.json'"));
    assets_free(assets);
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/assets/pages", test_pages);
    ADD("/assets/caching", test_caching);
    ADD("/assets/encodings", test_encodings);
    ADD("/assets/words", test_words);
    ADD("/assets/bad-words", test_bad_words);
    return g_test_run();
}
