/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The texts of tus: counts, ids, metadata, checksums, parts, dates, and noise in their place. */
#include "core/limits.h"
#include "core/tus.h"

static void test_counts(void)
{
    static const char *const bad[] = {"",     "-1",  "+1",  " 1", "1 ",
                                      "0x10", "1e3", "1.0", "a1", "9223372036854775808"};
    int64_t count = 7;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(tus_parse_count(bad[i], &count));
    g_assert_false(tus_parse_count(NULL, &count));
    g_assert_cmpint(count, ==, 7);
    g_assert_true(tus_parse_count("9223372036854775807", &count));
    g_assert_cmpint(count, ==, INT64_MAX);
    g_assert_true(tus_parse_count("0", &count));
    g_assert_cmpint(count, ==, 0);
}

static void test_ids(void)
{
    g_autofree char *first = tus_new_id(), *second = tus_new_id();
    g_assert_true(tus_is_id(first));
    g_assert_cmpstr(first, !=, second);
    static const char *const bad[] = {"",
                                      "..",
                                      "AAAAAAAAAAAAAAAAAAAAA",
                                      "AAAAAAAAAAAAAAAAAAAAAAA",
                                      "AAAAAAAAAA/AAAAAAAAAAA",
                                      "AAAAAAAAAA.AAAAAAAAAAA",
                                      "AAAAAAAAAA%AAAAAAAAAAA"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(tus_is_id(bad[i]));
}

static void test_metadata(void)
{
    json_auto_t *none = tus_parse_metadata(NULL, NULL);
    g_assert_cmpuint(json_object_size(none), ==, 0);
    json_auto_t *some = tus_parse_metadata("filename Y2FyYSBwaW5qYW0ubXA0,empty,also ", NULL);
    json_auto_t *expected =
        json_pack("{s:s, s:s, s:s}", "filename", "cara pinjam.mp4", "empty", "", "also", "");
    g_assert_true(json_equal(some, expected));
    g_autofree char *long_text = g_strnfill(LIMIT_UPLOAD_METADATA, 'A');
    g_autofree char *longer = g_strconcat("k ", long_text, NULL);
    const char *bad[] = {",",
                         "k YQ==,k YQ==",
                         "k YQ",
                         "k Y=Q=",
                         "k \xff",
                         "k YQ== YQ==",
                         "k /w==" /* not UTF-8 */,
                         "k AA==" /* NUL */,
                         longer};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(tus_parse_metadata(bad[i], &error));
        g_assert_error(error, TUS_ERROR, TUS_ERROR_METADATA);
    }
}

static void test_checksums(void)
{
    TusChecksum checksum = {0};
    /* "hello world", as in the specification's example. */
    g_assert_true(tus_parse_checksum("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", &checksum, NULL));
    g_autoptr(GChecksum) sum = g_checksum_new(checksum.type);
    g_checksum_update(sum, (const guchar *)"hello world", 11);
    g_assert_true(tus_checksum_is(&checksum, sum));
    g_autoptr(GChecksum) other = g_checksum_new(checksum.type);
    g_checksum_update(other, (const guchar *)"hello World", 11);
    g_assert_false(tus_checksum_is(&checksum, other));
    static const char *const bad[] = {"",
                                      "sha1",
                                      "sha1 ",
                                      "sha1 Kq5s",
                                      "md5 XrY7u+Ae7tCTyyK7j1rNww==",
                                      "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
                                      "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0="};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(tus_parse_checksum(bad[i], &checksum, &error));
        g_assert_error(error, TUS_ERROR, TUS_ERROR_CHECKSUM);
    }
}

static void test_date(void)
{
    g_autofree char *date = tus_date(784111777 * (int64_t)G_USEC_PER_SEC);
    g_assert_cmpstr(date, ==, "Sun, 06 Nov 1994 08:49:37 GMT");
}

/* Ids in their order, each once, none of another house; and no more than the limit. */
static void test_concats(void)
{
    const char *first = "AAAAAAAAAAAAAAAAAAAAAA", *second = "BBBBBBBBBBBBBBBBBBBBB_";
    g_autoptr(GPtrArray) parts = NULL;
    g_assert_true(tus_parse_concat("partial", &parts, NULL));
    g_assert_null(parts);
    g_autofree char *both =
        g_strdup_printf("final;/uploads/%s https://perpustakaan.example/uploads/%s", second, first);
    g_assert_true(tus_parse_concat(both, &parts, NULL));
    g_assert_cmpuint(parts->len, ==, 2);
    g_assert_cmpstr(parts->pdata[0], ==, second);
    g_assert_cmpstr(parts->pdata[1], ==, first);
    g_autofree char *twice = g_strdup_printf("final;/uploads/%s /uploads/%s", first, first);
    g_autofree char *spaced = g_strdup_printf("final;/uploads/%s ", first);
    g_autofree char *elsewhere = g_strdup_printf("final;/media/%s", first);
    g_autoptr(GString) many = g_string_new("final;");
    for (int i = 0; i <= LIMIT_UPLOAD_PARTS; i++)
        g_string_append_printf(many, "%s/uploads/AAAAAAAAAAAAAAAAAAAA%02d", i > 0 ? " " : "", i);
    const char *bad[] = {"",        "Partial",           "final",         "final;",
                         "final; ", "final;/uploads/..", "final;http://", twice,
                         spaced,    elsewhere,           many->str};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) none = NULL;
        g_assert_false(tus_parse_concat(bad[i], &none, &error));
        g_assert_error(error, TUS_ERROR, TUS_ERROR_CONCAT);
    }
}

/* Whatever comes: an object or an error, a checksum or an error. */
static void test_noise(void)
{
    static const char letters[] = "aY9k Q=,+/-_\xc3\xa9\x01";
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    for (int i = 0; i < 20000; i++) {
        char text[48] = "";
        int size = g_rand_int_range(random, 0, sizeof text);
        for (int at = 0; at < size; at++)
            text[at] = letters[g_rand_int_range(random, 0, sizeof letters - 1)];
        g_autoptr(GError) error = NULL, other = NULL;
        json_auto_t *metadata = tus_parse_metadata(text, &error);
        g_assert_true((metadata == NULL) == (error != NULL));
        g_autofree char *header = g_strconcat(i % 2 ? "sha1 " : "sha256 ", text, NULL);
        TusChecksum checksum = {0};
        g_assert_true(tus_parse_checksum(header, &checksum, &other) == (other == NULL));
        g_assert_true(other != NULL || checksum.size >= 20);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tus/counts", test_counts);
    g_test_add_func("/tus/ids", test_ids);
    g_test_add_func("/tus/metadata", test_metadata);
    g_test_add_func("/tus/checksums", test_checksums);
    g_test_add_func("/tus/concats", test_concats);
    g_test_add_func("/tus/noise", test_noise);
    g_test_add_func("/tus/date", test_date);
    return g_test_run();
}
