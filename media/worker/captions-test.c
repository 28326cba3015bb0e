/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Captions: where text is cut, how long it stands, how it is written down. */
#include "captions.h"
#include <string.h>

static void assert_sentences(const char *text, const char *const *expected)
{
    g_auto(GStrv) sentences = captions_sentences(text);
    g_assert_cmpuint(g_strv_length(sentences), ==, g_strv_length((char **)expected));
    for (size_t i = 0; expected[i] != NULL; i++)
        g_assert_cmpstr(sentences[i], ==, expected[i]);
}

static void test_sentences(void)
{
    assert_sentences("Halo. Apa kabar? Baik!",
                     (const char *const[]){"Halo.", "Apa kabar?", "Baik!", NULL});
    assert_sentences("Buka pukul 08.00 sampai 16.00. Datanglah…",
                     (const char *const[]){"Buka pukul 08.00 sampai 16.00.", "Datanglah…", NULL});
    assert_sentences("هل لديك سؤال؟ اسأل الموظفين.",
                     (const char *const[]){"هل لديك سؤال؟", "اسأل الموظفين.", NULL});
    assert_sentences("Ia berkata, \"Ya.\" Lalu pergi",
                     (const char *const[]){"Ia berkata, \"Ya.\"", "Lalu pergi", NULL});
    assert_sentences("   ", (const char *const[]){NULL});
}

static void assert_cues_good(const Captions *captions, int64_t total_ms)
{
    int64_t before_ms = 0;
    for (size_t i = 0; i < captions_count(captions); i++) {
        const CaptionsCue *cue = captions_cue(captions, i);
        g_assert_cmpint(cue->start_ms, >=, before_ms);
        g_assert_cmpint(cue->end_ms, >, cue->start_ms);
        before_ms = cue->end_ms;
        g_auto(GStrv) lines = g_strsplit(cue->text, "\n", -1);
        g_assert_cmpuint(g_strv_length(lines), <=, CAPTIONS_LINES);
        for (size_t j = 0; lines[j] != NULL; j++)
            g_assert_cmpint(g_utf8_strlen(lines[j], -1), <=, CAPTIONS_LINE_CHARACTERS);
    }
    g_assert_cmpint(before_ms, <=, total_ms);
}

static void test_wrapping(void)
{
    g_autoptr(Captions) captions = captions_new();
    captions_add(captions, "Pendek saja.", 0, 2000);
    captions_add(captions, "Serahkan buku dan kartu anggota Anda kepada petugas di loket.", 3000,
                 7000);
    captions_add(captions,
                 "Pada jam buka, serahkan buku kepada petugas di loket pengembalian, dan di luar "
                 "jam buka masukkan "
                 "buku ke kotak di samping pintu utama perpustakaan.",
                 8000, 20000);
    captions_settle(captions, 21000);
    g_assert_cmpuint(captions_count(captions), >=, 4);
    g_assert_cmpstr(captions_cue(captions, 0)->text, ==, "Pendek saja.");
    g_assert_cmpstr(captions_cue(captions, 1)->text, ==,
                    "Serahkan buku dan kartu anggota\nAnda kepada petugas di loket.");
    g_assert_cmpint(captions_cue(captions, 2)->start_ms, ==, 8000);
    assert_cues_good(captions, 21000);
}

static void test_least_time(void)
{
    g_autoptr(Captions) captions = captions_new();
    captions_add(captions, "Ya.", 0, 300);
    captions_add(captions, "Tentu saja boleh.", 400, 2500);
    captions_add(captions, "Nah.", 5000, 5200);
    captions_settle(captions, 10000);
    /* The first two are one cue, the last lingers. */
    g_assert_cmpuint(captions_count(captions), ==, 2);
    g_assert_cmpstr(captions_cue(captions, 0)->text, ==, "Ya. Tentu saja boleh.");
    g_assert_cmpint(captions_cue(captions, 0)->end_ms, ==, 2500 + CAPTIONS_LINGER_MS);
    g_assert_cmpint(captions_cue(captions, 1)->end_ms, ==, 5000 + CAPTIONS_MINIMUM_MS);
    assert_cues_good(captions, 10000);
}

static void test_end(void)
{
    g_autoptr(Captions) captions = captions_new();
    captions_add(captions, "Selesai.", 9000, 9900);
    captions_settle(captions, 10000);
    g_assert_cmpint(captions_cue(captions, 0)->end_ms, ==, 10000);
}

static void test_formats(void)
{
    g_autoptr(Captions) captions = captions_new();
    captions_add(captions, "A & B <c> --> d.", 3661001, 3663000);
    captions_settle(captions, 3663000);
    g_autofree char *vtt = captions_vtt(captions);
    g_assert_cmpstr(vtt, ==,
                    "WEBVTT\n\n1\n01:01:01.001 --> 01:01:03.000\nA &amp; B &lt;c&gt; --&gt; d.\n");
    json_auto_t *document = captions_json(captions);
    json_t *cue = json_array_get(json_object_get(document, "cues"), 0);
    g_assert_cmpint(json_integer_value(json_object_get(cue, "start_ms")), ==, 3661001);
    g_assert_cmpint(json_integer_value(json_object_get(cue, "end_ms")), ==, 3663000);
    g_assert_cmpstr(json_string_value(json_object_get(cue, "text")), ==, "A & B <c> --> d.");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/captions/sentences", test_sentences);
    g_test_add_func("/captions/wrapping", test_wrapping);
    g_test_add_func("/captions/least-time", test_least_time);
    g_test_add_func("/captions/end", test_end);
    g_test_add_func("/captions/formats", test_formats);
    return g_test_run();
}
