/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A display's disk: files by hash, remembered values, and the text of the live protocol. */
#include "core/cache.h"
#include "core/limits.h"
#include "core/link_protocol.h"
#include "core/remembered.h"

#include <glib/gstdio.h>
#include <string.h>

static char *new_folder(void)
{
    return g_dir_make_tmp("serambi-cache-XXXXXX", NULL);
}

static void remove_folder(char *folder)
{
    const char *const argv[] = {"rm", "-rf", folder, NULL};
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, NULL, NULL));
    g_free(folder);
}

static char *hash_of(const char *text)
{
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

static void put(Cache *cache, const char *text)
{
    g_autofree char *hash = hash_of(text);
    g_autoptr(GError) error = NULL;
    int64_t have;
    CachePart *part = cache_begin(cache, hash, &have, &error);
    g_assert_no_error(error);
    g_assert_true(cache_reserve(part, (int64_t)strlen(text), &error));
    g_assert_true(cache_append(part, text, strlen(text), &error));
    g_assert_true(cache_finish(part, &error));
    g_assert_no_error(error);
}

static bool has(Cache *cache, const char *text)
{
    g_autofree char *hash = hash_of(text);
    g_autofree char *path = cache_path(cache, hash);
    if (path == NULL) {
        return false;
    }
    g_autofree char *found = NULL;
    g_assert_true(g_file_get_contents(path, &found, NULL, NULL));
    g_assert_cmpstr(found, ==, text);
    return true;
}

static void test_resume(void)
{
    char *folder = new_folder();
    g_autoptr(GError) error = NULL;
    g_autofree char *hash = hash_of("one two three");
    Cache *cache = cache_new(folder, 1000, &error);
    int64_t have = -1;
    CachePart *part = cache_begin(cache, hash, &have, &error);
    g_assert_cmpint(have, ==, 0);
    g_assert_true(cache_append(part, "one ", 4, &error));
    cache_pause(part);
    g_assert_null(cache_path(cache, hash));
    cache_free(cache);
    cache = cache_new(folder, 1000, &error); /* after a restart */
    g_assert_null(cache_path(cache, hash));
    part = cache_begin(cache, hash, &have, &error);
    g_assert_cmpint(have, ==, 4);
    g_assert_true(cache_append(part, "two three", 9, &error));
    g_assert_true(cache_finish(part, &error));
    g_assert_true(has(cache, "one two three"));
    cache_free(cache);
    cache = cache_new(folder, 1000, &error);
    g_assert_true(has(cache, "one two three"));
    cache_free(cache);
    remove_folder(folder);
}

static void test_wrong_bytes(void)
{
    char *folder = new_folder();
    g_autoptr(GError) error = NULL;
    g_autofree char *hash = hash_of("right");
    Cache *cache = cache_new(folder, 1000, &error);
    int64_t have;
    CachePart *part = cache_begin(cache, hash, &have, &error);
    g_assert_true(cache_append(part, "wrong", 5, &error));
    g_assert_false(cache_finish(part, &error));
    g_assert_error(error, CACHE_ERROR, CACHE_ERROR_HASH);
    g_assert_null(cache_path(cache, hash));
    g_clear_error(&error);
    part = cache_begin(cache, hash, &have, &error);
    g_assert_cmpint(have, ==, 0); /* nothing of it stayed */
    g_assert_true(cache_append(part, "xx", 2, &error));
    g_assert_true(cache_restart(part, &error));
    g_assert_true(cache_append(part, "right", 5, &error));
    g_assert_true(cache_finish(part, &error));
    g_assert_true(has(cache, "right"));
    cache_free(cache);
    remove_folder(folder);
}

/* What is wanted stays; of the rest the longest unwanted goes first. */
static void test_room(void)
{
    char *folder = new_folder();
    g_autoptr(GError) error = NULL;
    Cache *cache = cache_new(folder, 30, &error);
    g_autofree char *a = hash_of("aaaaaaaaaa"), *b = hash_of("bbbbbbbbbb");
    g_autofree char *c = hash_of("cccccccccc"), *d = hash_of("dddddddddd");
    const char *const only_a[] = {a, NULL};
    const char *const then_c[] = {a, c, NULL};
    put(cache, "aaaaaaaaaa");
    put(cache, "bbbbbbbbbb");
    put(cache, "cccccccccc");
    cache_want(cache, then_c);
    cache_want(cache, only_a); /* c was wanted after b */
    put(cache, "dddddddddd");
    g_assert_true(has(cache, "aaaaaaaaaa") && !has(cache, "bbbbbbbbbb"));
    g_assert_true(has(cache, "cccccccccc") && has(cache, "dddddddddd"));
    const char *const all[] = {a, c, d, NULL};
    cache_want(cache, all);
    int64_t have;
    CachePart *part = cache_begin(cache, b, &have, &error);
    g_assert_false(cache_reserve(part, 10, &error));
    g_assert_error(error, CACHE_ERROR, CACHE_ERROR_FULL);
    g_clear_error(&error);
    g_assert_false(cache_append(part, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 35, &error));
    g_assert_error(error, CACHE_ERROR, CACHE_ERROR_FULL);
    cache_pause(part);
    g_assert_true(has(cache, "aaaaaaaaaa") && has(cache, "cccccccccc"));
    cache_free(cache);
    remove_folder(folder);
}

static void test_hashes(void)
{
    g_autofree char *hash = hash_of("x");
    g_autofree char *upper = g_ascii_strup(hash, -1), *longer = g_strconcat(hash, "0", NULL);
    g_assert_true(cache_is_hash(hash));
    g_assert_false(cache_is_hash(upper));
    g_assert_false(cache_is_hash(longer));
    g_assert_false(cache_is_hash("../key"));
    g_assert_false(cache_is_hash(""));
}

static void test_remembered(void)
{
    char *folder = new_folder();
    g_autoptr(GError) error = NULL;
    Remembered *remembered = remembered_new(folder, &error);
    g_assert_no_error(error);
    json_auto_t *first = json_pack("{s:i}", "n", 1), *second = json_pack("{s:i}", "n", 2);
    remembered_put(remembered, "queue:board", "k3", 7, first);
    remembered_write(remembered);
    remembered_put(remembered, "queue:board", "k3", 8, second);
    remembered_put(remembered, "../escape", "k3", 1, first);
    g_assert_null(remembered_get(remembered, "../escape"));
    remembered_free(remembered);
    g_autofree char *torn = g_build_filename(folder, "queue:torn.json", NULL);
    g_assert_true(g_file_set_contents(torn, "{\"channel\":\"queue:to", -1, NULL));
    remembered = remembered_new(folder, &error);
    const RememberedValue *value = remembered_get(remembered, "queue:board");
    g_assert_cmpuint(value->offset, ==, 8);
    g_assert_cmpstr(value->epoch, ==, "k3");
    g_assert_true(json_equal(value->body, second));
    g_assert_null(remembered_get(remembered, "queue:torn"));
    remembered_free(remembered);
    remove_folder(folder);
}

static void test_protocol(void)
{
    const char *text =
        "{}\n{\"id\":1,\"connect\":{\"ping\":25}}\n"
        "{\"id\":2,\"error\":{\"code\":111,\"message\":\"x\",\"temporary\":true}}\n"
        "{\"push\":{\"channel\":\"a:b\",\"pub\":{\"data\":{\"n\":1},\"offset\":419}}}\n"
        "{\"push\":{\"channel\":\"a:b\",\"unsubscribe\":{\"code\":2500,\"reason\":\"x\"}}}\n"
        "{\"push\":{\"message\":{\"data\":{}}}}";
    static const LinkProtocolKind kinds[] = {LINK_PROTOCOL_PING,
                                             LINK_PROTOCOL_REPLY,
                                             LINK_PROTOCOL_ERROR,
                                             LINK_PROTOCOL_PUBLICATION,
                                             LINK_PROTOCOL_UNSUBSCRIBE,
                                             LINK_PROTOCOL_OTHER,
                                             0};
    size_t size = strlen(text);
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        LinkProtocolMessage message;
        g_assert_true(link_protocol_next(&text, &size, &message, NULL));
        g_assert_cmpint(message.kind, ==, kinds[i]);
        if (message.kind == LINK_PROTOCOL_PUBLICATION) {
            g_assert_cmpstr(message.channel, ==, "a:b");
            g_assert_cmpuint(message.offset, ==, 419);
        }
        g_assert_true(message.kind != LINK_PROTOCOL_ERROR ||
                      (message.is_temporary && message.code == 111));
        link_protocol_clear(&message);
    }
    static const char *const bad[] = {"x",
                                      "[]",
                                      "7",
                                      "{\"id\":0,\"connect\":{}}",
                                      "{\"id\":1}",
                                      "{\"id\":1,\"connect\":7}",
                                      "{\"push\":{\"pub\":{\"data\":1}}}",
                                      "{\"push\":{\"channel\":\"a\",\"pub\":{\"offset\":1}}}",
                                      "{\"push\":{\"channel\":7}}",
                                      "{\"push\":[]}"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *at = bad[i];
        size_t left = strlen(at);
        g_autoptr(GError) error = NULL;
        LinkProtocolMessage message;
        g_assert_false(link_protocol_next(&at, &left, &message, &error));
        g_assert_nonnull(error);
    }
    g_autofree char *connect = link_protocol_connect(1, NULL);
    g_assert_cmpstr(connect, ==, "{\"id\":1,\"connect\":{\"name\":\"serambi-display\"}}");
    g_autofree char *subscribe = link_protocol_subscribe(2, "a:b", true, "k3", 7);
    g_assert_cmpstr(subscribe, ==,
                    "{\"id\":2,\"subscribe\":{\"channel\":\"a:b\",\"recover\":true,"
                    "\"epoch\":\"k3\",\"offset\":7}}");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL); /* warnings are part of it */
    g_test_add_func("/cache/hashes", test_hashes);
    g_test_add_func("/cache/resume", test_resume);
    g_test_add_func("/cache/wrong-bytes", test_wrong_bytes);
    g_test_add_func("/cache/room", test_room);
    g_test_add_func("/cache/remembered", test_remembered);
    g_test_add_func("/cache/protocol", test_protocol);
    return g_test_run();
}
