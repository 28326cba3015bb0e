/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Draws, beeps, and lets ffmpeg encode. */
#include "film.h"
#include "barcode.h"
#include "media/worker/ffmpeg.h"
#include "media/worker/master.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define RATE             48000
#define BEEP_HZ          1000
#define BEEP_PEAK        16000
#define PATCH_DARK       40
#define PATCH_WHITE      235
#define TIMEOUT_SECONDS  300
#define WAV_HEADER_BYTES 44

bool film_flashes(const Film *film, int64_t frame)
{
    if (frame == 0)
        return true;
    return film_frame_us(film, frame) / G_USEC_PER_SEC !=
           film_frame_us(film, frame - 1) / G_USEC_PER_SEC;
}

/* --- Pictures --------------------------------------------------------------------------------- */

typedef struct {
    const Film *film;
    uint8_t *frame; /* I420 */
    size_t size;
    int next;
} Projector;

/* Slanting bands that wander: enough for a decoder to do. */
static void draw_bands(uint8_t *luma, int width, int height, int frame)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            luma[(size_t)y * (size_t)width + (size_t)x] =
                (uint8_t)(60 + ((x + y) / 4 + frame) % 64);
}

static void draw_patch(uint8_t *luma, int width, int height, uint8_t brightness)
{
    int side = height / FILM_PATCH_SHARE;
    for (int y = (height - side) / 2; y < (height + side) / 2; y++)
        memset(luma + (size_t)y * (size_t)width + (width - side) / 2, brightness, (size_t)side);
}

static bool next_frame(void *user, const uint8_t **ret_data, size_t *ret_size, GError **error)
{
    Projector *projector = user;
    const Film *film = projector->film;
    *ret_data = projector->frame;
    *ret_size = projector->next < film->frames ? projector->size : 0;
    draw_bands(projector->frame, film->width, film->height, projector->next);
    draw_patch(projector->frame, film->width, film->height,
               film_flashes(film, projector->next) ? PATCH_WHITE : PATCH_DARK);
    barcode_draw(projector->frame, (size_t)film->width, film->width, film->height,
                 (Barcode){film->number, projector->next});
    projector->next++;
    return true;
}

/* --- Sound ------------------------------------------------------------------------------------ */

static void put_32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void put_16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void beep(uint8_t *samples, int64_t begin, int64_t count)
{
    int64_t length = MIN(FILM_BEEP_MS * RATE / 1000, count - begin);
    for (int64_t i = 0; i < length; i++) {
        double wave = BEEP_PEAK * sin(2 * G_PI * BEEP_HZ * (double)i / RATE);
        put_16(samples + (begin + i) * 2, (uint16_t)(int16_t)lround(wave));
    }
}

/* A mono WAV as long as the pictures. */
static bool write_sound(const Film *film, const char *path, GError **error)
{
    int64_t count = (int64_t)film->frames * film->fps_d * RATE / film->fps_n;
    uint32_t bytes = (uint32_t)count * 2;
    g_autofree uint8_t *file = g_malloc0(WAV_HEADER_BYTES + bytes);
    memcpy(file, "RIFF....WAVEfmt ", 16);
    put_32(file + 4, WAV_HEADER_BYTES - 8 + bytes);
    put_32(file + 16, 16);
    put_16(file + 20, 1); /* PCM */
    put_16(file + 22, 1);
    put_32(file + 24, RATE);
    put_32(file + 28, RATE * 2);
    put_16(file + 32, 2);
    put_16(file + 34, 16);
    memcpy(file + 36, "data", 4);
    put_32(file + 40, bytes);
    for (int frame = 0; frame < film->frames; frame++)
        if (film_flashes(film, frame))
            beep(file + WAV_HEADER_BYTES, (int64_t)frame * film->fps_d * RATE / film->fps_n, count);
    return g_file_set_contents(path, (const char *)file, (gssize)(WAV_HEADER_BYTES + bytes), error);
}

/* --- Both ------------------------------------------------------------------------------------- */

static void add(GPtrArray *arguments, const char *const *options)
{
    for (size_t i = 0; options[i]; i++)
        g_ptr_array_add(arguments, g_strdup(options[i]));
}

static GPtrArray *encoder_arguments(const Film *film, const char *sound, const char *output)
{
    GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *size = g_strdup_printf("%dx%d", film->width, film->height);
    g_autofree char *rate = g_strdup_printf("%d/%d", film->fps_n, film->fps_d);
    add(arguments, (const char *const[]){"-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r",
                                         rate, "-i", "pipe:0", NULL});
    if (film->has_sound) {
        g_autofree char *input = g_strconcat("file:", sound, NULL);
        add(arguments, (const char *const[]){"-i", input, NULL});
        master_add_audio_options(arguments, MASTER_FILMED);
    }
    master_add_video_options(arguments, (film->fps_n + film->fps_d / 2) / film->fps_d,
                             MASTER_FILMED);
    master_add_file_options(arguments);
    g_ptr_array_add(arguments, g_strconcat("file:", output, NULL));
    g_ptr_array_add(arguments, NULL);
    return arguments;
}

static bool encode(const Film *film, const char *sound, const char *output, GError **error)
{
    g_autoptr(GPtrArray) arguments = encoder_arguments(film, sound, output);
    size_t pixels = (size_t)film->width * (size_t)film->height;
    size_t chroma = (size_t)((film->width + 1) / 2) * (size_t)((film->height + 1) / 2);
    Projector projector = {.film = film, .size = pixels + 2 * chroma};
    projector.frame = g_malloc(projector.size);
    memset(projector.frame + pixels, 128, 2 * chroma);
    FfmpegRun run = {
        .program = "ffmpeg",
        .arguments = (const char *const *)arguments->pdata,
        .input_fd = -1,
        .feed = next_frame,
        .user = &projector,
        .timeout_seconds = TIMEOUT_SECONDS,
    };
    bool is_well = ffmpeg_run(&run, error);
    g_free(projector.frame);
    return is_well;
}

/* Gives the file the name under which a display keeps it. */
static bool name_file(Film *film, const char *folder, const char *made, GError **error)
{
    g_autofree char *bytes = NULL;
    gsize size;
    if (!g_file_get_contents(made, &bytes, &size, error))
        return false;
    film->hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
    film->path = g_build_filename(folder, film->hash, NULL);
    if (g_rename(made, film->path) == 0)
        return true;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "could not name '%s': %s", made,
                g_strerror(errno));
    return false;
}

bool film_make(Film *film, const char *folder, GError **error)
{
    g_autofree char *sound = g_build_filename(folder, "sound.wav", NULL);
    g_autofree char *made = g_build_filename(folder, "film.mp4", NULL);
    bool is_well = (!film->has_sound || write_sound(film, sound, error)) &&
                   encode(film, sound, made, error) && name_file(film, folder, made, error);
    (void)g_unlink(sound);
    return is_well;
}
