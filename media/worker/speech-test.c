/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Speech: every language has its voice, the level is right, and what cannot be said is refused. */
#include "loudness.h"
#include "report.h"
#include "speech.h"
#include <math.h>

static void assert_speaks(const char *language, const char *text, double from_s, double to_s)
{
    g_autoptr(GError) error = NULL;
    g_autofree float *samples = NULL;
    size_t count = 0;
    g_assert_true(speech_render(language, text, &samples, &count, &error));
    g_assert_no_error(error);
    double seconds = (double)count / SPEECH_SAMPLE_RATE;
    g_assert_cmpfloat(seconds, >, from_s);
    g_assert_cmpfloat(seconds, <, to_s);
    g_autoptr(Loudness) loudness = loudness_new(1);
    loudness_add(loudness, samples, count);
    double lufs = 0, peak_dbtp = 0;
    g_assert_true(loudness_measure(loudness, &lufs, &peak_dbtp, &error));
    g_assert_cmpfloat(fabs(lufs - SPEECH_TARGET_LUFS), <, 1.5);
    g_assert_cmpfloat(peak_dbtp, <, 0);
}

static void test_languages(void)
{
    assert_speaks("id", "Nomor antrean A, 0, 1, 2. Silakan ke loket 3.", 3, 9);
    assert_speaks("en", "Ticket A, 0, 1, 2. Please go to counter 3.", 3, 9);
    assert_speaks("ar", "رَقْم أَلِف، 0، 1، 2. إِلَى الشُّبَّاك 3.", 3, 11);
}

/* A calm pace: 24 words of Indonesian in 9 to 16 seconds are 90 to 160 words a minute. */
static void test_pace(void)
{
    assert_speaks("id",
                  "Selamat datang di perpustakaan. Serahkan buku dan kartu anggota Anda kepada "
                  "petugas di loket, "
                  "lalu periksa tanggal kembali yang tertera di struk peminjaman Anda.",
                  9, 16);
}

static void assert_refused(const char *language, const char *text, ReportError code)
{
    g_autoptr(GError) error = NULL;
    float *samples = NULL;
    size_t count = 7;
    g_assert_false(speech_render(language, text, &samples, &count, &error));
    g_assert_error(error, REPORT_ERROR, (int)code);
    g_assert_null(samples);
    g_assert_cmpuint(count, ==, 7);
}

static void test_refusals(void)
{
    assert_refused("en-gb", "Hello.", REPORT_ERROR_NO_VOICE);
    assert_refused("jv", "Sugeng rawuh.", REPORT_ERROR_NO_VOICE);
    assert_refused("id", "", REPORT_ERROR_USAGE);
    assert_refused("id", "\xFF", REPORT_ERROR_USAGE);
    g_autofree char *text = g_strnfill(SPEECH_TEXT_MAX + 1, 'a');
    assert_refused("id", text, REPORT_ERROR_USAGE);
    /* The refusal of one language must not leave its voice to the next. */
    assert_speaks("id", "Silakan ke loket 3, terima kasih.", 1, 5);
}

/* A voice is the same before and after another one spoke. */
static void test_steady(void)
{
    g_autofree float *first = NULL, *second = NULL;
    size_t first_count = 0, second_count = 0;
    g_assert_true(speech_render("id", "Selamat datang.", &first, &first_count, NULL));
    g_assert_true(speech_render("en", "Welcome.", &second, &second_count, NULL));
    g_clear_pointer(&second, g_free);
    g_assert_true(speech_render("id", "Selamat datang.", &second, &second_count, NULL));
    /* espeak-ng carries a few samples of state from text to text. */
    g_assert_cmpfloat(fabs((double)first_count / (double)second_count - 1), <, 0.01);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/speech/languages", test_languages);
    g_test_add_func("/speech/pace", test_pace);
    g_test_add_func("/speech/refusals", test_refusals);
    g_test_add_func("/speech/steady", test_steady);
    return g_test_run();
}
