/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The mixer on plain samples: times, joins, ducking, limits. No device, no clock but ours. */
#include "media/screen/limiter.h"
#include "media/screen/mixer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_US (MIXER_BLOCK * 1000000LL / SOUND_RATE)
#define START_US 5000000LL

static Sound *make_sound(size_t count, float (*sample)(size_t at))
{
    Sound *sound = g_malloc0(sizeof *sound + count * sizeof(float));
    sound->references = 1;
    sound->count = count;
    for (size_t i = 0; i < count; i++)
        sound->samples[i] = sample(i);
    return sound;
}

static float steady(size_t at)
{
    return 0.5f;
}

static float loud(size_t at)
{
    return at & 64 ? 3.0f : -3.0f;
}

static float tone(size_t at)
{
    return 0.5f * (float)sin(2 * G_PI * 441 * (double)at / SOUND_RATE);
}

/* So slow that no shift of a few milliseconds looks like another. */
static float wave(size_t at)
{
    return 0.5f * (float)sin(2 * G_PI * 20 * (double)at / SOUND_RATE);
}

static float little(size_t at)
{
    return 0.001f;
}

/* Renders seconds of stereo from START_US on and returns the left channel; g_free(). */
static float *render(Mixer *mixer, double seconds)
{
    size_t blocks = (size_t)(seconds * SOUND_RATE / MIXER_BLOCK);
    float *left = g_new(float, blocks *MIXER_BLOCK);
    for (size_t i = 0; i < blocks; i++) {
        float stereo[2 * MIXER_BLOCK];
        mixer_render(mixer, stereo, MIXER_BLOCK, START_US + (int64_t)i * BLOCK_US);
        for (size_t k = 0; k < MIXER_BLOCK; k++)
            left[i * MIXER_BLOCK + k] = stereo[2 * k];
    }
    return left;
}

static void test_begins_at_its_sample(void)
{
    Mixer *mixer = mixer_new(0);
    g_autoptr(Sound) sound = make_sound(4800, steady);
    MixerVoice *voice = mixer_play_sound(mixer, MIXER_PROGRAMME, sound, START_US + 123 * 1000, 0);
    g_autofree float *left = render(mixer, 0.5);
    size_t begin = 123 * 48;
    g_assert_cmpfloat(left[begin - 1], ==, 0);
    g_assert_cmpfloat_with_epsilon(left[begin], 0.5, 1e-6);
    g_assert_cmpfloat_with_epsilon(left[begin + 4799], 0.5, 1e-6);
    g_assert_cmpfloat(left[begin + 4800], ==, 0);
    g_assert_true(mixer_is_done(voice));
    mixer_release(voice);
    mixer_free(mixer);
}

/* One sine split over two voices is one sine. */
static void test_join(void)
{
    Mixer *mixer = mixer_new(0);
    g_autoptr(Sound) whole = make_sound(9600, tone);
    g_autoptr(Sound) first = make_sound(4800, tone);
    g_autoptr(Sound) second = make_sound(4800, tone);
    for (size_t i = 0; i < 4800; i++)
        second->samples[i] = whole->samples[4800 + i];
    mixer_play_sound(mixer, MIXER_PROGRAMME, first, START_US, 0);
    mixer_play_sound(mixer, MIXER_PROGRAMME, second, START_US + 100000, 0);
    g_autofree float *left = render(mixer, 0.3);
    for (size_t i = 0; i < 9600; i++)
        g_assert_cmpfloat_with_epsilon(left[i], whole->samples[i], 1e-6);
    mixer_free(mixer);
}

/* The same after half a minute of a device whose clock runs away, at a time that is no whole
 * sample, and with sound behind the end of the first: no step, no gap, nothing twice. */
static void test_join_under_drift(void)
{
    Mixer *mixer = mixer_new(0);
    const int64_t cut_us = 20 * G_USEC_PER_SEC + 333;
    const int64_t cut = 20 * SOUND_RATE + 333 * 48 / 1000;
    g_autoptr(Sound) first = make_sound(SOUND_RATE * 21, wave);
    g_autoptr(Sound) second = make_sound(SOUND_RATE, wave);
    for (size_t i = 0; i < second->count; i++)
        second->samples[i] = wave((size_t)cut + i);
    for (size_t i = (size_t)cut + 2; i < first->count; i++)
        first->samples[i] = -0.9f;
    MixerVoice *before = mixer_play_sound(mixer, MIXER_PROGRAMME, first, START_US, 0);
    mixer_end(before, START_US + cut_us, false);
    mixer_play_sound(mixer, MIXER_PROGRAMME, second, START_US + cut_us, 0);
    float last = 0;
    int64_t heard_us = START_US;
    while (heard_us < START_US + cut_us + 500000) {
        float stereo[2 * MIXER_BLOCK];
        mixer_render(mixer, stereo, MIXER_BLOCK, heard_us);
        for (size_t k = 0; k < MIXER_BLOCK; k++) {
            g_assert_cmpfloat(fabsf(stereo[2 * k] - last), <, 0.003);
            last = stereo[2 * k];
        }
        heard_us += BLOCK_US + 3;
    }
    g_assert_true(mixer_is_done(before));
    mixer_free(mixer);
}

/* Cut in the middle: softly, and silent from that very sample on. */
static void test_cut_in_the_middle(void)
{
    Mixer *mixer = mixer_new(0);
    g_autoptr(Sound) sound = make_sound(SOUND_RATE, steady);
    MixerVoice *voice = mixer_play_sound(mixer, MIXER_PROGRAMME, sound, START_US, 0);
    mixer_end(voice, START_US + 123000, true);
    g_autofree float *left = render(mixer, 0.3);
    const size_t end = 123 * 48;
    g_assert_cmpfloat_with_epsilon(left[end - 300], 0.5, 1e-6);
    g_assert_cmpfloat(left[end - 1], >, 0);
    g_assert_cmpfloat(left[end], ==, 0);
    for (size_t i = end - 300; i <= end; i++)
        g_assert_cmpfloat(fabsf(left[i] - left[i - 1]), <, 0.01);
    g_assert_true(mixer_is_done(voice));
    mixer_free(mixer);
}

static void test_joined_in_the_middle(void)
{
    Mixer *mixer = mixer_new(0);
    g_autoptr(Sound) sound = make_sound(48000, tone);
    mixer_play_sound(mixer, MIXER_PROGRAMME, sound, START_US - 500000, 0);
    g_autofree float *left = render(mixer, 0.4);
    /* After a fade of 5 ms it is what belongs there. */
    g_assert_cmpfloat_with_epsilon(left[0], 0, 0.01);
    for (size_t i = 300; i < 9600; i++)
        g_assert_cmpfloat_with_epsilon(left[i], sound->samples[24000 + i], 1e-5);
    mixer_free(mixer);
}

static void test_ducking(void)
{
    Mixer *mixer = mixer_new(0);
    g_autoptr(Sound) music = make_sound(SOUND_RATE * 4, steady);
    g_autoptr(Sound) words = make_sound(SOUND_RATE, little);
    mixer_play_sound(mixer, MIXER_PROGRAMME, music, START_US, 0);
    mixer_play_sound(mixer, MIXER_SPEECH, words, START_US + 1000000, 0);
    g_autofree float *left = render(mixer, 3.5);
    const size_t ms = 48;
    double low = 0.5 * MIXER_DUCK_GAIN;
    /* Untouched until 80 ms before the word, quiet by 12 dB at its first sample. */
    g_assert_cmpfloat_with_epsilon(left[900 * ms], 0.5, 1e-5);
    g_assert_cmpfloat_with_epsilon(left[1000 * ms + 1], low + 0.001, 0.02);
    g_assert_cmpfloat_with_epsilon(left[1500 * ms], low + 0.001, 1e-4);
    g_assert_cmpfloat_with_epsilon(20 * log10((left[1500 * ms] - 0.001) / 0.5), -12, 0.1);
    /* Back after 600 ms, and in between on the way. */
    g_assert_cmpfloat_with_epsilon(left[2300 * ms], (0.5 + low) / 2, 0.03);
    g_assert_cmpfloat_with_epsilon(left[2620 * ms], 0.5, 1e-4);
    /* No step anywhere. */
    for (size_t i = 1; i < 3 * SOUND_RATE; i++)
        g_assert_cmpfloat(fabsf(left[i] - left[i - 1]), <, 0.005);
    mixer_free(mixer);
}

static void test_limiter(void)
{
    Mixer *mixer = mixer_new(0);
    g_autoptr(Sound) sound = make_sound(9600, loud);
    g_autoptr(Sound) quiet = make_sound(9600, steady);
    mixer_play_sound(mixer, MIXER_SPEECH, sound, START_US, 6);
    g_autofree float *left = render(mixer, 0.2);
    float ceiling = (float)pow(10, LIMITER_CEILING_DBTP / 20);
    for (size_t i = 0; i < 9600; i++)
        g_assert_cmpfloat(fabsf(left[i]), <=, ceiling);
    g_assert_cmpfloat(fabsf(left[5000]), >, 0.5); /* turned down, not off */
    mixer_free(mixer);
    mixer = mixer_new(0);
    mixer_play_sound(mixer, MIXER_SPEECH, quiet, START_US, 20 * log10(1.5));
    g_autofree float *clean = render(mixer, 0.2);
    g_assert_cmpfloat_with_epsilon(clean[4000], 0.75, 1e-4); /* below the knee nothing changes */
    mixer_free(mixer);
}

static void test_stop_and_volume(void)
{
    Mixer *mixer = mixer_new(0);
    g_autoptr(Sound) sound = make_sound(SOUND_RATE, steady);
    MixerVoice *voice = mixer_play_sound(mixer, MIXER_SPEECH, sound, START_US, 0);
    float stereo[2 * MIXER_BLOCK];
    mixer_render(mixer, stereo, MIXER_BLOCK, START_US);
    mixer_stop(voice);
    mixer_render(mixer, stereo, MIXER_BLOCK, START_US + BLOCK_US);
    g_assert_cmpfloat(stereo[0], >, 0.45);
    g_assert_cmpfloat(stereo[2 * (240 + LIMITER_AHEAD)], ==, 0);
    for (size_t i = 1; i < MIXER_BLOCK; i++)
        g_assert_cmpfloat(fabsf(stereo[2 * i] - stereo[2 * i - 2]), <, 0.01);
    g_assert_true(mixer_is_done(voice));
    mixer_release(voice);

    mixer_set_volume(mixer, 50);
    mixer_play_sound(mixer, MIXER_SPEECH, sound, START_US, 0);
    g_autofree float *left = render(mixer, 0.2);
    g_assert_cmpfloat_with_epsilon(left[9000], 0.125, 1e-4); /* half the way, a quarter */
    mixer_free(mixer);
}

/* The device's clock runs away by 300 parts per million: the voice follows without a jump. */
static void test_follows_the_clock(void)
{
    Mixer *mixer = mixer_new(0);
    g_autoptr(Sound) sound = make_sound(SOUND_RATE * 30, wave);
    mixer_play_sound(mixer, MIXER_PROGRAMME, sound, START_US, 0);
    float before = 0;
    int64_t heard_us = START_US;
    for (size_t i = 0; i < 2500; i++) {
        float stereo[2 * MIXER_BLOCK];
        mixer_render(mixer, stereo, MIXER_BLOCK, heard_us);
        for (size_t k = 0; k < MIXER_BLOCK; k++) {
            g_assert_cmpfloat(fabsf(stereo[2 * k] - before), <, 0.005);
            before = stereo[2 * k];
        }
        heard_us += BLOCK_US + 3;
    }
    /* After 25 s it would be 7.5 ms late; it is kept within 2 ms and a block. */
    float stereo[2 * MIXER_BLOCK];
    mixer_render(mixer, stereo, MIXER_BLOCK, heard_us);
    int64_t due = (heard_us - START_US) * 48 / 1000;
    double best = 1e9;
    int64_t best_at = 0;
    for (int64_t shift = -800; shift <= 800; shift++) {
        double off = 0;
        for (int64_t k = 0; k < 400; k++)
            off += fabs(stereo[2 * k] - sound->samples[due + shift + k]);
        if (off < best) {
            best = off;
            best_at = shift;
        }
    }
    g_assert_cmpint(llabs(best_at), <=, 110);
    mixer_free(mixer);
}

static void test_voices_run_out(void)
{
    Mixer *mixer = mixer_new(0);
    g_autoptr(Sound) sound = make_sound(480, steady);
    MixerVoice *voices[MIXER_VOICES];
    for (size_t i = 0; i < MIXER_VOICES; i++) {
        voices[i] = mixer_play_sound(mixer, MIXER_SPEECH, sound, START_US, -40);
        g_assert_nonnull(voices[i]);
    }
    g_assert_null(mixer_play_sound(mixer, MIXER_SPEECH, sound, START_US, 0));
    g_autofree float *left = render(mixer, 0.1);
    mixer_release(voices[3]);
    g_assert_true(mixer_play_sound(mixer, MIXER_SPEECH, sound, START_US, 0) == voices[3]);
    mixer_free(mixer);
}

/* Without a device the voices end all the same. */
static void test_without_a_device(void)
{
    Mixer *mixer = mixer_new(0);
    g_autoptr(Sound) sound = make_sound(4800, steady);
    MixerVoice *voice = mixer_play_sound(mixer, MIXER_SPEECH, sound, START_US, 0);
    g_assert_false(mixer_has_device(mixer));
    for (int64_t at = START_US; at < START_US + 200000; at += 50000)
        mixer_tick(mixer, at);
    g_assert_true(mixer_is_done(voice));
    mixer_free(mixer);
}

static void test_chime(void)
{
    g_autoptr(Sound) chime = sound_chime();
    g_assert_cmpuint(chime->count, ==, (size_t)(1.6 * SOUND_RATE));
    float peak = 0, end = 0;
    for (size_t i = 0; i < chime->count; i++) {
        peak = MAX(peak, fabsf(chime->samples[i]));
        if (i > chime->count - 480)
            end = MAX(end, fabsf(chime->samples[i]));
    }
    g_assert_cmpfloat_with_epsilon(peak, 0.5, 0.01);
    g_assert_cmpfloat(end, <, 0.01);
    g_assert_cmpfloat(fabsf(chime->samples[0]), <, 0.01);
    /* Two strokes: there is more sound right after the second than right before it. */
    double before = 0, after = 0;
    for (size_t i = 0; i < 2400; i++) {
        before += fabsf(chime->samples[(size_t)(0.42 * SOUND_RATE) - 2400 + i]);
        after += fabsf(chime->samples[(size_t)(0.42 * SOUND_RATE) + 1000 + i]);
    }
    g_assert_cmpfloat(after, >, before * 1.3);
}

static void put_32(GByteArray *bytes, uint32_t value)
{
    uint8_t little_end[] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                            (uint8_t)(value >> 24)};
    g_byte_array_append(bytes, little_end, 4);
}

static char *write_wav(uint32_t rate, uint32_t claimed, size_t samples)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, (const uint8_t *)"RIFF", 4);
    put_32(bytes, 36 + claimed);
    g_byte_array_append(bytes, (const uint8_t *)"WAVELIST", 8);
    put_32(bytes, 3); /* odd: padded */
    g_byte_array_append(bytes, (const uint8_t *)"abc\0fmt ", 8);
    put_32(bytes, 16);
    put_32(bytes, 1 | 1 << 16);
    put_32(bytes, rate);
    put_32(bytes, rate * 2);
    put_32(bytes, 2 | 16 << 16);
    g_byte_array_append(bytes, (const uint8_t *)"data", 4);
    put_32(bytes, claimed);
    for (size_t i = 0; i < samples; i++)
        g_byte_array_append(bytes, (const uint8_t[]){0x00, 0x40}, 2);
    char *path = NULL;
    int fd = g_file_open_tmp("serambi-XXXXXX.wav", &path, NULL);
    g_assert_cmpint(fd, >=, 0);
    close(fd);
    g_assert_true(g_file_set_contents(path, (const char *)bytes->data, (gssize)bytes->len, NULL));
    return path;
}

static void test_wav(void)
{
    g_autofree char *good = write_wav(48000, 2000, 1000);
    g_autofree char *fast = write_wav(44100, 2000, 1000);
    g_autofree char *lying = write_wav(48000, 0xFFFFFFF0u, 10);
    g_autoptr(GError) error = NULL;
    g_autoptr(Sound) sound = sound_read_wav(good, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(sound->count, ==, 1000);
    g_assert_cmpfloat(sound->samples[999], ==, 0.5);
    g_assert_null(sound_read_wav(fast, &error));
    g_assert_error(error, SOUND_ERROR, SOUND_ERROR_FORMAT);
    g_clear_error(&error);
    g_autoptr(Sound) rest = sound_read_wav(lying, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(rest->count, ==, 10);
    g_assert_null(sound_read_wav("/nonexistent.wav", &error));
    g_assert_error(error, SOUND_ERROR, SOUND_ERROR_FILE);
    unlink(good);
    unlink(fast);
    unlink(lying);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mixer/begins-at-its-sample", test_begins_at_its_sample);
    g_test_add_func("/mixer/join", test_join);
    g_test_add_func("/mixer/join-under-drift", test_join_under_drift);
    g_test_add_func("/mixer/cut-in-the-middle", test_cut_in_the_middle);
    g_test_add_func("/mixer/joined-in-the-middle", test_joined_in_the_middle);
    g_test_add_func("/mixer/ducking", test_ducking);
    g_test_add_func("/mixer/limiter", test_limiter);
    g_test_add_func("/mixer/stop-and-volume", test_stop_and_volume);
    g_test_add_func("/mixer/follows-the-clock", test_follows_the_clock);
    g_test_add_func("/mixer/voices-run-out", test_voices_run_out);
    g_test_add_func("/mixer/without-a-device", test_without_a_device);
    g_test_add_func("/sound/chime", test_chime);
    g_test_add_func("/sound/wav", test_wav);
    return g_test_run();
}
