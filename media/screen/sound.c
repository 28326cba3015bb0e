/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Short sounds in memory. */
#include "media/screen/sound.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

G_DEFINE_QUARK(sound - error - quark, sound_error)

static Sound *sound_new(size_t count)
{
    Sound *sound = g_malloc0(sizeof *sound + count * sizeof(float));
    sound->references = 1;
    sound->count = count;
    return sound;
}

Sound *sound_ref(Sound *sound)
{
    g_atomic_int_inc(&sound->references);
    return sound;
}

void sound_unref(Sound *sound)
{
    if (sound && g_atomic_int_dec_and_test(&sound->references))
        g_free(sound);
}

static uint32_t little_32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static uint32_t little_16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static Sound *wrong_format(const char *path, GError **error)
{
    g_set_error(error, SOUND_ERROR, SOUND_ERROR_FORMAT,
                "'%s' is not mono 16-bit PCM of 48 kHz in a WAV file", path);
    return NULL;
}

/* Walks the chunks up to "data"; false when "fmt " is missing or not ours. */
static bool find_data(FILE *file, size_t *ret_bytes)
{
    uint8_t head[12], format[16];
    if (fread(head, 1, 12, file) != 12 || memcmp(head, "RIFF", 4) || memcmp(head + 8, "WAVE", 4))
        return false;
    bool is_ours = false;
    while (fread(head, 1, 8, file) == 8) {
        uint32_t size = little_32(head + 4);
        if (!memcmp(head, "data", 4)) {
            *ret_bytes = size;
            return is_ours;
        }
        long left = (long)size + (size & 1);
        if (!memcmp(head, "fmt ", 4)) {
            if (size < 16 || fread(format, 1, 16, file) != 16)
                return false;
            left -= 16;
            is_ours = little_16(format) == 1 && little_16(format + 2) == 1 &&
                      little_32(format + 4) == SOUND_RATE && little_16(format + 14) == 16;
        }
        if (fseek(file, left, SEEK_CUR) != 0)
            return false;
    }
    return false;
}

Sound *sound_read_wav(const char *path, GError **error)
{
    FILE *file = fopen(path, "rbe");
    if (!file) {
        g_set_error(error, SOUND_ERROR, SOUND_ERROR_FILE, "could not open '%s': %s", path,
                    g_strerror(errno));
        return NULL;
    }
    size_t bytes;
    if (!find_data(file, &bytes)) {
        fclose(file);
        return wrong_format(path, error);
    }
    size_t count = MIN(bytes / 2, (size_t)SOUND_RATE * SOUND_SECONDS_MAX);
    Sound *sound = sound_new(count);
    uint8_t block[4096];
    size_t done = 0;
    while (done < count) {
        size_t wanted = MIN(sizeof block / 2, count - done);
        size_t got = fread(block, 2, wanted, file);
        for (size_t i = 0; i < got; i++)
            sound->samples[done + i] = (float)(int16_t)little_16(block + 2 * i) / 32768.0f;
        done += got;
        if (got < wanted)
            break;
    }
    fclose(file);
    sound->count = done;
    return sound;
}

/* Partials of a small bell: a soft strike, the high ones gone first. */
static void add_stroke(Sound *sound, double at_s, double pitch_hz)
{
    static const struct {
        double ratio, level, decay_s;
    } partials[] = {{1, 0.62, 0.55}, {2, 0.22, 0.35}, {3.01, 0.10, 0.20}, {4.17, 0.06, 0.12}};
    const double attack_s = 0.006;
    for (size_t i = (size_t)(at_s * SOUND_RATE); i < sound->count; i++) {
        double t = (double)i / SOUND_RATE - at_s;
        double sum = 0;
        for (size_t p = 0; p < G_N_ELEMENTS(partials); p++)
            sum += partials[p].level * exp(-t / partials[p].decay_s) *
                   sin(2 * G_PI * pitch_hz * partials[p].ratio * t);
        sound->samples[i] += (float)(sum * MIN(t / attack_s, 1));
    }
}

Sound *sound_chime(void)
{
    const double length_s = 1.6, fade_s = 0.2;
    Sound *sound = sound_new((size_t)(length_s * SOUND_RATE));
    add_stroke(sound, 0, 659.26);    /* E5 */
    add_stroke(sound, 0.42, 523.25); /* C5 */
    float peak = 0;
    for (size_t i = 0; i < sound->count; i++)
        peak = MAX(peak, fabsf(sound->samples[i]));
    for (size_t i = 0; i < sound->count; i++) {
        double left_s = length_s - (double)i / SOUND_RATE;
        sound->samples[i] *= (float)(0.5 / (double)peak * MIN(left_s / fade_s, 1));
    }
    return sound;
}
