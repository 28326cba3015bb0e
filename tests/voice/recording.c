/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A recording to show: a call in three languages over a quiet tone, as WAV and as a picture. Usage:
 * recording WORKER WORDS FOLDER */
#include "tests/voice/studio.h"
#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH  1600
#define HEIGHT 420

/* The tone of the programme: 441 Hz at -20 dB. */
static Sound *make_tone(double seconds)
{
    size_t count = (size_t)(seconds * SOUND_RATE);
    Sound *sound = g_malloc0(sizeof *sound + count * sizeof(float));
    sound->references = 1;
    sound->count = count;
    for (size_t i = 0; i < count; i++)
        sound->samples[i] = (float)(0.1 * sin(2 * G_PI * 441 * (double)i / SOUND_RATE));
    return sound;
}

static void put(GByteArray *bytes, uint32_t value, guint size)
{
    for (guint i = 0; i < size; i++)
        g_byte_array_append(bytes, (const uint8_t[]){(uint8_t)(value >> (8 * i))}, 1);
}

static void write_wav(const char *path, const float *stereo, size_t count)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    uint32_t size = (uint32_t)count * 4;
    g_byte_array_append(bytes, (const uint8_t *)"RIFF", 4);
    put(bytes, 36 + size, 4);
    g_byte_array_append(bytes, (const uint8_t *)"WAVEfmt ", 8);
    put(bytes, 16, 4);
    put(bytes, 1, 2);
    put(bytes, 2, 2);
    put(bytes, SOUND_RATE, 4);
    put(bytes, SOUND_RATE * 4, 4);
    put(bytes, 4, 2);
    put(bytes, 16, 2);
    g_byte_array_append(bytes, (const uint8_t *)"data", 4);
    put(bytes, size, 4);
    for (size_t i = 0; i < 2 * count; i++)
        put(bytes, (uint32_t)lrintf(CLAMP(stereo[i], -1.0f, 1.0f) * 32767), 2);
    g_autoptr(GError) error = NULL;
    if (!g_file_set_contents(path, (const char *)bytes->data, (gssize)bytes->len, &error))
        g_error("%s", error->message);
}

static void draw_parts(cairo_t *picture, const Studio *studio, size_t count)
{
    static const double shades[2][3] = {{0.89, 0.95, 0.92}, {1.0, 0.89, 0.68}};
    const GPtrArray *parts = studio_parts(studio);
    for (guint i = 0; i < parts->len; i++) {
        const StudioPart *part = g_ptr_array_index((GPtrArray *)(uintptr_t)parts, i);
        const double *shade = shades[i == 0];
        double x = (double)part->from * WIDTH / (double)count;
        cairo_set_source_rgb(picture, shade[0], shade[1], shade[2]);
        cairo_rectangle(picture, x, 0, (double)(part->to - part->from) * WIDTH / (double)count,
                        HEIGHT);
        cairo_fill(picture);
        char name[16];
        (void)g_strlcpy(name, i == 0 ? "chime" : part->source + strlen("speak:"), sizeof name);
        if (i > 0)
            name[2] = 0;
        cairo_set_source_rgb(picture, 0.09, 0.14, 0.12);
        cairo_set_font_size(picture, 22);
        cairo_move_to(picture, x + 6, 28);
        cairo_show_text(picture, name);
    }
}

static void draw(const char *path, const Studio *studio)
{
    size_t count;
    const float *stereo = studio_samples(studio, &count);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
    cairo_t *picture = cairo_create(surface);
    cairo_set_source_rgb(picture, 0.98, 0.97, 0.95);
    cairo_paint(picture);
    draw_parts(picture, studio, count);
    cairo_set_source_rgb(picture, 0.04, 0.42, 0.31);
    for (size_t x = 0; x < WIDTH; x++) {
        float low = 0, high = 0;
        for (size_t i = x * count / WIDTH; i < (x + 1) * count / WIDTH; i++) {
            low = MIN(low, stereo[2 * i]);
            high = MAX(high, stereo[2 * i]);
        }
        double middle = HEIGHT / 2.0 + 16, scale = HEIGHT / 2.0 - 24;
        cairo_rectangle(picture, (double)x, middle - (double)high * scale, 1,
                        MAX((double)(high - low) * scale, 1));
        cairo_fill(picture);
    }
    if (cairo_surface_write_to_png(surface, path) != CAIRO_STATUS_SUCCESS)
        g_error("cannot write '%s'", path);
    cairo_destroy(picture);
    cairo_surface_destroy(surface);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: recording WORKER WORDS FOLDER\n");
        return 64;
    }
    Studio *studio = studio_new(argv[1], argv[2]);
    g_autoptr(Sound) programme = make_tone(60);
    studio_tell(studio, "voice:settings",
                json_pack("{s:[s,s,s], s:i, s:i, s:s}", "languages", "id", "en", "ar", "repeat", 1,
                          "volume", 80, "zone", "UTC"));
    studio_play(studio, programme);
    studio_run(studio, 1);
    studio_call(studio, 1, "A012", "3");
    studio_run_until_silent(studio, 50);
    g_autofree char *wav = g_build_filename(argv[3], "call.wav", NULL);
    g_autofree char *png = g_build_filename(argv[3], "call.png", NULL);
    size_t count;
    const float *stereo = studio_samples(studio, &count);
    write_wav(wav, stereo, count);
    draw(png, studio);
    printf("%s\n%s\n", wav, png);
    studio_free(studio);
    return 0;
}
