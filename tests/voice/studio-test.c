/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What leaves the loudspeaker, sample by sample. The sentences are known, so they can be taken out
 * of the mix again: what is left is the programme, and its envelope shows the ducking. A sentence
 * that overlaps another, is missing, moved or clipped would be left there too. */
#include "media/worker/loudness.h"
#include "tests/voice/studio.h"
#include <math.h>
#include <string.h>

#define TONE_HZ   441.0
#define TONE_SIZE 0.1
#define MS        (SOUND_RATE / 1000)

static Studio *open_studio(void)
{
    return studio_new(g_getenv("SERAMBI_WORKER"), g_getenv("SERAMBI_VOICE_WORDS"));
}

static double tone_at(size_t sample)
{
    return sin(2 * G_PI * TONE_HZ * (double)sample / SOUND_RATE);
}

static Sound *make_tone(double seconds, double size)
{
    size_t count = (size_t)(seconds * SOUND_RATE);
    Sound *sound = g_malloc0(sizeof *sound + count * sizeof(float));
    sound->references = 1;
    sound->count = count;
    for (size_t i = 0; i < count; i++)
        sound->samples[i] = (float)(size * tone_at(i));
    return sound;
}

static void set_manner(Studio *studio, const char *languages, int volume)
{
    studio_tell(studio, "voice:settings",
                json_pack("{s:o, s:i, s:i, s:i, s:s}", "languages", json_loads(languages, 0, NULL),
                          "repeat", 1, "volume", volume, "expire_seconds", 600, "zone", "UTC"));
}

static const StudioPart *part_at(const Studio *studio, guint index)
{
    const GPtrArray *parts = studio_parts(studio);
    g_assert_cmpuint(index, <, parts->len);
    return g_ptr_array_index((GPtrArray *)(uintptr_t)parts, index);
}

/* The left channel without what was spoken; g_free(). */
static float *take_out(const Studio *studio, size_t *ret_count)
{
    const float *stereo = studio_samples(studio, ret_count);
    float *rest = g_new(float, *ret_count);
    for (size_t i = 0; i < *ret_count; i++) {
        rest[i] = stereo[2 * i];
        g_assert_cmpfloat(stereo[2 * i], ==, stereo[2 * i + 1]);
    }
    for (guint p = 0; p < studio_parts(studio)->len; p++) {
        const StudioPart *part = part_at(studio, p);
        for (size_t i = part->from; i < part->to && i < *ret_count; i++)
            rest[i] -= part->sound->samples[i - part->from] * part->gain;
    }
    return rest;
}

/* The programme's gain around a sample, by its projection on the tone over ten periods. */
static double gain_at(const float *rest, size_t sample)
{
    const size_t half = (size_t)(5 * SOUND_RATE / TONE_HZ);
    double product = 0, power = 0;
    for (size_t i = sample - half; i < sample + half; i++) {
        product += rest[i] * TONE_SIZE * tone_at(i);
        power += TONE_SIZE * tone_at(i) * TONE_SIZE * tone_at(i);
    }
    return product / power;
}

/* Every sample of the rest is the tone under a gain between the two. */
static void assert_only_the_programme(const float *rest, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double tone = TONE_SIZE * fabs(tone_at(i));
        if (fabs(rest[i]) > tone + 2e-4)
            g_assert_cmpfloat(fabs(rest[i]), <=, tone + 2e-4);
        g_assert_cmpfloat(fabs(rest[i]), >=, tone * 0.2505 - 2e-4);
    }
}

/* Nothing begins or ends with a step. */
static void assert_soft(const Studio *studio, size_t around)
{
    size_t count;
    const float *stereo = studio_samples(studio, &count);
    for (size_t i = MAX(around, 6) - 5; i < MIN(around + 5, count); i++)
        g_assert_cmpfloat(fabsf(stereo[2 * i] - stereo[2 * i - 2]), <, 0.02);
}

static void assert_in_turn(const Studio *studio)
{
    for (guint i = 0; i < studio_parts(studio)->len; i++) {
        const StudioPart *part = part_at(studio, i);
        assert_soft(studio, part->from);
        assert_soft(studio, part->to);
        if (i > 0)
            g_assert_cmpuint(part->from, >=, part_at(studio, i - 1)->to);
    }
}

/* A call in three languages over a steady tone: order, pauses, depth and times of the ducking. */
static void test_call(void)
{
    Studio *studio = open_studio();
    g_autoptr(Sound) programme = make_tone(60, TONE_SIZE);
    set_manner(studio, "[\"id\",\"en\",\"ar\"]", 80);
    studio_play(studio, programme);
    studio_run(studio, 1);
    studio_call(studio, 1, "A012", "3");
    studio_run_until_silent(studio, 60);
    static const char *const order[] = {
        "chime:call",
        "speak:id:Nomor antrean A, 0, 1, 2. Silakan ke loket 3.",
        "speak:en:Ticket A, 0, 1, 2. Please go to counter 3.",
        "speak:ar:رَقْم أَلِف، 0، 1، 2. إِلَى الشُّبَّاك 3.",
    };
    g_assert_cmpuint(studio_parts(studio)->len, ==, G_N_ELEMENTS(order));
    for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
        g_assert_cmpstr(part_at(studio, i)->source, ==, order[i]);
        if (i > 0) { /* a pause of 350 ms and at most two blocks of the mixer */
            size_t pause = part_at(studio, i)->from - part_at(studio, i - 1)->to;
            g_assert_cmpuint(pause, >=, 350 * MS);
            g_assert_cmpuint(pause, <=, 370 * MS);
        }
    }
    assert_in_turn(studio);
    size_t count;
    g_autofree float *rest = take_out(studio, &count);
    assert_only_the_programme(rest, count);
    size_t begin = part_at(studio, 0)->from, end = part_at(studio, 3)->to;
    g_assert_cmpfloat_with_epsilon(gain_at(rest, begin - 110 * MS), 1, 0.001);
    /* Down in the 80 ms before the chime: half way after 40. */
    g_assert_cmpfloat_with_epsilon(gain_at(rest, begin - 40 * MS), 0.625, 0.1);
    for (size_t i = begin + 25 * MS; i < end; i += 10 * MS)
        g_assert_cmpfloat_with_epsilon(20 * log10(gain_at(rest, i)), -12, 0.35);
    /* And up again in 600. */
    g_assert_cmpfloat_with_epsilon(gain_at(rest, end + 300 * MS), 0.625, 0.03);
    g_assert_cmpfloat(gain_at(rest, end + 560 * MS), <, 0.98);
    g_assert_cmpfloat_with_epsilon(gain_at(rest, end + 640 * MS), 1, 0.001);
    for (size_t i = end; i < end + 600 * MS; i += 20 * MS)
        g_assert_cmpfloat(gain_at(rest, i + 20 * MS), >, gain_at(rest, i));
    studio_free(studio);
}

/* Eight calls in the same instant: each is heard once, whole, in its turn. */
static void test_many_calls(void)
{
    Studio *studio = open_studio();
    g_autoptr(Sound) programme = make_tone(110, TONE_SIZE);
    set_manner(studio, "[\"en\"]", 80);
    studio_play(studio, programme);
    for (int i = 1; i <= 8; i++) {
        char ticket[] = {'B', (char)('0' + i), 0};
        studio_call(studio, i, ticket, "3");
    }
    studio_run_until_silent(studio, 100);
    g_assert_cmpuint(studio_parts(studio)->len, ==, 16);
    for (guint i = 0; i < 8; i++) {
        g_autofree char *expected =
            g_strdup_printf("speak:en:Ticket B, %u. Please go to counter 3.", i + 1);
        g_assert_cmpstr(part_at(studio, 2 * i)->source, ==, "chime:call");
        g_assert_cmpstr(part_at(studio, 2 * i + 1)->source, ==, expected);
    }
    assert_in_turn(studio);
    size_t count;
    g_autofree float *rest = take_out(studio, &count);
    assert_only_the_programme(rest, count);
    studio_free(studio);
}

static double loudness_of(const float *stereo, size_t count, double *ret_peak_dbtp)
{
    g_autoptr(Loudness) loudness = loudness_new(2);
    loudness_add(loudness, stereo, count);
    double lufs = 0;
    g_assert_true(loudness_measure(loudness, &lufs, ret_peak_dbtp, NULL));
    return lufs;
}

/* Speech alone, as it leaves two loudspeakers, is 6 to 9 LU above a programme of -23 LUFS. */
static void test_loudness(void)
{
    Studio *studio = open_studio();
    set_manner(studio, "[\"id\",\"en\",\"ar\"]", 80);
    studio_call(studio, 1, "R208", "12");
    studio_run_until_silent(studio, 60);
    size_t count;
    const float *stereo = studio_samples(studio, &count);
    for (guint i = 1; i < 4; i++) {
        const StudioPart *part = part_at(studio, i);
        double peak_dbtp;
        double lufs = loudness_of(stereo + 2 * part->from, part->to - part->from, &peak_dbtp);
        g_test_message("%s: %.1f LUFS, %.1f dBTP", part->source, lufs, peak_dbtp);
        g_assert_cmpfloat(lufs - LOUDNESS_TARGET_LUFS, >=, 6);
        g_assert_cmpfloat(lufs - LOUDNESS_TARGET_LUFS, <=, 9);
    }
    studio_free(studio);
}

/* The loudest that can be: a programme at full scale, and somebody at full volume over it. */
static void test_limiter(void)
{
    Studio *studio = open_studio();
    g_autoptr(Sound) programme = make_tone(30, 1);
    /* A quarter of the rate, shifted: its true peaks lie between the samples, 3 dB above them. */
    for (size_t i = SOUND_RATE; i < 3 * SOUND_RATE; i++)
        programme->samples[i] = (float)(0.99 * G_SQRT2 * sin(G_PI / 2 * (double)i + G_PI / 4));
    g_autoptr(Sound) second = make_tone(30, 0.9);
    set_manner(studio, "[\"id\"]", 100);
    studio_play(studio, programme);
    studio_play(studio, second);
    studio_run(studio, 4);
    studio_call(studio, 1, "A001", "1");
    studio_run_until_silent(studio, 30);
    size_t count;
    const float *stereo = studio_samples(studio, &count);
    double peak_dbtp;
    (void)loudness_of(stereo, count, &peak_dbtp);
    g_test_message("true peak %.2f dBTP", peak_dbtp);
    g_assert_cmpfloat(peak_dbtp, <=, LOUDNESS_PEAK_DBTP);
    g_assert_cmpfloat(peak_dbtp, >, -3); /* turned down, not off */
    studio_free(studio);
}

/* An emergency cuts in softly, and what it cut off is said after it, whole. */
static void test_emergency(void)
{
    Studio *studio = open_studio();
    set_manner(studio, "[\"id\"]", 80);
    studio_call(studio, 1, "A001", "1");
    studio_run(studio, 3);
    size_t cut = studio_now(studio);
    studio_tell(studio, "announcements:live",
                json_pack("{s:[{s:i, s:s, s:{s:s}}]}", "announcements", "id", 1, "urgency",
                          "emergency", "text", "id", "Silakan keluar."));
    studio_run_until_silent(studio, 40);
    g_assert_cmpuint(studio_parts(studio)->len, ==, 6);
    g_assert_cmpstr(part_at(studio, 3)->source, ==, "speak:id:Silakan keluar.");
    g_assert_cmpstr(part_at(studio, 5)->source, ==, part_at(studio, 1)->source);
    g_assert_cmpuint(part_at(studio, 1)->to, >, cut);
    g_assert_cmpuint(part_at(studio, 2)->from, >=, cut);
    g_assert_cmpuint(part_at(studio, 2)->from, <=, cut + 80 * MS + MIXER_BLOCK);
    size_t count;
    const float *stereo = studio_samples(studio, &count);
    float steepest = 0, steepest_of_speech = 0;
    for (size_t i = part_at(studio, 1)->from; i < cut + 20 * MS; i++) {
        float *steep = i < cut ? &steepest_of_speech : &steepest;
        *steep = MAX(*steep, fabsf(stereo[2 * i] - stereo[2 * i - 2]));
    }
    g_assert_cmpfloat(steepest, <=, steepest_of_speech);
    studio_free(studio);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/studio/call", test_call);
    g_test_add_func("/studio/many-calls", test_many_calls);
    g_test_add_func("/studio/loudness", test_loudness);
    g_test_add_func("/studio/limiter", test_limiter);
    g_test_add_func("/studio/emergency", test_emergency);
    return g_test_run();
}
