/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Captions: what is read, what is refused at which line, what is written, what is warned of. */
#include "plugins/tutorials/cues.h"
#include <stdbool.h>
#include <string.h>

static Cues *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    Cues *cues = cues_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    return cues;
}

static void assert_cue(const Cues *cues, size_t index, int64_t start_ms, int64_t end_ms,
                       const char *markup, const char *settings)
{
    const Cue *cue = cues_at(cues, index);
    g_assert_cmpint(cue->start_ms, ==, start_ms);
    g_assert_cmpint(cue->end_ms, ==, end_ms);
    g_assert_cmpstr(cue->markup, ==, markup);
    g_assert_cmpstr(cue->settings, ==, settings);
}

static void test_webvtt(void)
{
    g_autoptr(Cues) cues = parse(
        "\xef\xbb\xbfWEBVTT - Pinjam\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE\nx\n\n"
        "intro\n00:01.000 --> 00:02.500 line:0 position:50%,center align:start size:80% region:a\n"
        "<v.loud Rina & Co>Halo <b>dunia &amp; <c.red>lain</c>\n\n"
        "01:00:03.000 --> 01:00:04.000 line:abc position:101% align:up\n<script>x</script> 1 < "
        "2\n");
    g_assert_cmpuint(cues_count(cues), ==, 2);
    assert_cue(cues, 0, 1000, 2500, "<v Rina  Co>Halo <b>dunia &amp; lain</b></v>",
               "line:0 position:50%,center align:start size:80%");
    assert_cue(cues, 1, 3603000, 3604000, "x 1 &lt; 2", "");
    g_autofree char *srt = cues_srt(cues);
    g_assert_cmpstr(srt, ==,
                    "1\n00:00:01,000 --> 00:00:02,500\nHalo dunia & lain\n\n"
                    "2\n01:00:03,000 --> 01:00:04,000\nx 1 < 2\n\n");
}

static void test_subrip(void)
{
    g_autoptr(Cues) cues =
        parse("2\r\n00:00:03,000 --> 00:00:04,000 X1:10\r\nA & B\r\nC\r\n\r\n\r\n"
              "1\r\n00:00:01,000 --> 00:00:02,000\r\n{\\an8}<font "
              "color=\"#f00\">Halo</font> <i>dunia\r\n");
    g_assert_cmpuint(cues_count(cues), ==, 2); /* in the order of time */
    assert_cue(cues, 0, 1000, 2000, "Halo <i>dunia</i>", "line:0");
    assert_cue(cues, 1, 3000, 4000, "A &amp; B\nC", "");
    g_assert_cmpint(cues_at(cues, 0)->line, ==, 8);
}

static void test_refused(void)
{
    static const struct {
        const char *text;
        int code;
        const char *begin;
    } table[] = {
        {"", CUES_ERROR_EMPTY, "line 1:"},
        {"WEBVTT\n", CUES_ERROR_EMPTY, "line 1:"},
        {"WEBVTT\n\nNOTE only\n", CUES_ERROR_EMPTY, "line 1:"},
        {"Bukan takarir\n", CUES_ERROR_FORMAT, "line 1:"},
        {"WEBVTTX\n\n00:01.000 --> 00:02.000\nx\n\ny\n", CUES_ERROR_FORMAT, "line 1:"},
        {"WEBVTT\n\n00:02.000 --> 00:01.000\nx\n", CUES_ERROR_TIME, "line 3:"},
        {"WEBVTT\n\n00:01.00 --> 00:02.000\nx\n", CUES_ERROR_TIME, "line 3:"},
        {"WEBVTT\n\n00:60.000 --> 00:61.000\nx\n", CUES_ERROR_TIME, "line 3:"},
        {"WEBVTT\n\n-00:01.000 --> 00:02.000\nx\n", CUES_ERROR_TIME, "line 3:"},
        {"WEBVTT\n\n00:01.000 --> 00:02.000x\ny\n", CUES_ERROR_TIME, "line 3:"},
        {"WEBVTT\n\n00:01.000 --> 101:00:00.000\nx\n", CUES_ERROR_TIME, "line 3:"},
        {"WEBVTT\n\n00:01.000 --> 00:02.000\nx\n00:03.000 --> 00:04.000\ny\n", CUES_ERROR_FORMAT,
         "line 5:"},
        {"1\n00:00:01,000 --> 00:00:02,000\nx\n\nlost\n", CUES_ERROR_FORMAT, "line 5:"},
        {"WEBVTT\n\n00:01.000 --> 00:02.000\n\xff\n", CUES_ERROR_ENCODING, "line 1:"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(cues_parse(table[i].text, strlen(table[i].text), &error));
        g_assert_error(error, CUES_ERROR, table[i].code);
        g_assert_true(g_str_has_prefix(error->message, table[i].begin));
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(cues_parse("WEBVTT\0\n", 8, &error));
    g_assert_error(error, CUES_ERROR, CUES_ERROR_ENCODING);
}

static void assert_too_large(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(cues_parse(text, strlen(text), &error));
    g_assert_error(error, CUES_ERROR, CUES_ERROR_SIZE);
}

static void test_limits(void)
{
    g_autoptr(GString) many = g_string_new("WEBVTT\n");
    for (int i = 0; i < CUES_MAX; i++)
        g_string_append(many, "\n00:01.000 --> 00:02.000\nx\n");
    g_autoptr(Cues) most = parse(many->str);
    g_assert_cmpuint(cues_count(most), ==, CUES_MAX);
    g_string_append(many, "\n00:01.000 --> 00:02.000\nx\n");
    assert_too_large(many->str);
    g_autofree char *letters = g_strnfill(CUES_TEXT_BYTES_MAX, 'a');
    g_autofree char *longest = g_strdup_printf("WEBVTT\n\n00:01.000 --> 00:02.000\n%s\n", letters);
    g_autofree char *longer = g_strdup_printf("WEBVTT\n\n00:01.000 --> 00:02.000\n%sb\n", letters);
    g_autoptr(Cues) one = parse(longest);
    g_assert_cmpuint(cues_count(one), ==, 1);
    assert_too_large(longer);
    g_autofree char *huge = g_strnfill(CUES_BYTES_MAX + 1, 'a');
    assert_too_large(huge);
}

/* What is written says the same when it is read. */
static void test_round(void)
{
    g_autoptr(Cues) cues = parse("WEBVTT\n\n00:01.000 --> 00:02.000 line:-1 align:end\n"
                                 "<i><b>a</i>b</b> &lt;i&gt; &nbsp;\n<u>\n</u>\n\n"
                                 "00:01.000 --> 00:01.000\n\n");
    g_autofree char *vtt = cues_vtt(cues);
    g_autoptr(Cues) again = parse(vtt);
    g_autofree char *second = cues_vtt(again);
    g_assert_cmpstr(vtt, ==, second);
    json_auto_t *document = cues_json(cues);
    g_autoptr(GError) error = NULL;
    g_autoptr(Cues) edited = cues_from_json(document, &error);
    g_assert_no_error(error);
    g_autofree char *third = cues_vtt(edited);
    g_assert_cmpstr(vtt, ==, third);
}

static bool warns(const json_t *warnings, const char *code, int cue, int line)
{
    size_t index;
    json_t *warning;
    json_array_foreach(warnings, index, warning)
    {
        if (!strcmp(json_string_value(json_object_get(warning, "code")), code) &&
            json_integer_value(json_object_get(warning, "cue")) == cue)
            return json_integer_value(json_object_get(warning, "line")) == line;
    }
    return false;
}

static void test_warnings(void)
{
    g_autoptr(Cues) good = parse("WEBVTT\n\n00:01.000 --> 00:03.000\nSerahkan buku Anda.\n\n"
                                 "00:03.000 --> 00:05.000\nكَيْفَ أَسْتَعِيرُ كِتَابًا؟\n");
    json_auto_t *none = cues_warnings(good, 5000);
    g_assert_cmpuint(json_array_size(none), ==, 0);
    g_autoptr(Cues) cues =
        parse("WEBVTT\n\n00:01.000 --> 00:03.000\na\n\n00:02.999 --> 00:03.500\nb\n\n"
              "00:04.000 --> 00:04.000\nc\n\n00:05.000 --> 00:06.000\nabcdefghijklmnopqrstuv\n\n"
              "00:07.000 --> 00:12.000\nabcdefghijklmnopqrstuvwxyzabcdefghijklmnopq\nb\nc\n\n"
              "00:12.000 --> 00:14.000\n<b></b>\n");
    json_auto_t *warnings = cues_warnings(cues, 13999);
    g_assert_cmpuint(json_array_size(warnings), ==, 8);
    g_assert_true(warns(warnings, "overlap", 2, 6));
    g_assert_true(warns(warnings, "short", 2, 6));
    g_assert_true(warns(warnings, "no_time", 3, 9));
    g_assert_true(warns(warnings, "fast", 4, 12));
    g_assert_true(warns(warnings, "long_line", 5, 15));
    g_assert_true(warns(warnings, "many_lines", 5, 15));
    g_assert_true(warns(warnings, "beyond_end", 6, 20));
    g_assert_true(warns(warnings, "empty", 6, 20));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cues/webvtt", test_webvtt);
    g_test_add_func("/cues/subrip", test_subrip);
    g_test_add_func("/cues/refused", test_refused);
    g_test_add_func("/cues/limits", test_limits);
    g_test_add_func("/cues/round", test_round);
    g_test_add_func("/cues/warnings", test_warnings);
    return g_test_run();
}
