/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The jobs `picture` and `recording`: what an author brings to a storyboard, made into the one form
 * that storyboards take. */
#include "ffmpeg.h"
#include "jobs.h"
#include "master.h"
#include "options.h"
#include "recording.h"
#include "report.h"
#include "speech.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMEOUT_SECONDS    60
#define PICTURE_FILE       "picture.png"
#define RECORDING_FILE     "recording.flac"
#define PICTURE_SIDE       "1600"      /* pixels: more than any place on a slide shows */
#define PICTURE_PIXELS_MAX "100000000" /* of the original; a phone of 2026 makes 50 million */

/* Still pictures only; never a pattern of names or a playlist. */
#define PICTURE_CONTAINERS                                                                         \
    "png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,gif,tiff_pipe,qoi_pipe,image2,mov,mp4,m4a,3gp,3g2,mj2"

static int open_input(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        int saved = errno;
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_CANNOT_OPEN, "cannot open the file: %s",
                    g_strerror(saved));
    }
    return fd;
}

/* What ffmpeg gives up on is no picture for us. */
static bool convert_picture(int fd, const char *output, GError **error)
{
    g_autofree char *target = g_strconcat("file:", output, NULL);
    const char *arguments[] = {
        "-format_whitelist",
        PICTURE_CONTAINERS,
        "-protocol_whitelist",
        FFMPEG_PROTOCOLS,
        "-max_pixels",
        PICTURE_PIXELS_MAX,
        "-i",
        FFMPEG_INPUT,
        "-frames:v",
        "1",
        "-vf",
        "scale=w='min(" PICTURE_SIDE ",iw)':h='min(" PICTURE_SIDE
        ",ih)':force_original_aspect_ratio=decrease:flags=lanczos,format=rgba",
        "-map_metadata",
        "-1",
        "-f",
        "image2",
        "-update",
        "1",
        "-c:v",
        "png",
        "-y",
        target,
        NULL};
    FfmpegRun run = {.program = "ffmpeg",
                     .arguments = arguments,
                     .input_fd = fd,
                     .timeout_seconds = TIMEOUT_SECONDS};
    g_autoptr(GError) problem = NULL;
    struct stat file;
    if (ffmpeg_run(&run, &problem) && stat(output, &file) == 0 && file.st_size > 0)
        return true;
    if (problem != NULL && !g_error_matches(problem, REPORT_ERROR, REPORT_ERROR_PROGRAM))
        g_propagate_error(error, g_steal_pointer(&problem));
    else
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_NOT_MEDIA,
                    "this is not a picture that can be read (%s)",
                    problem != NULL ? problem->message : "no frame");
    return false;
}

static json_t *make_picture(const char *input, const char *folder, GError **error)
{
    g_autofree char *output = g_build_filename(folder, PICTURE_FILE, NULL);
    int fd = open_input(input, error);
    if (fd < 0)
        return NULL;
    bool is_made = convert_picture(fd, output, error);
    (void)close(fd);
    if (!is_made) {
        (void)unlink(output);
        return NULL;
    }
    return json_pack("{s:s}", "file", PICTURE_FILE);
}

typedef struct Sound {
    const uint8_t *bytes;
    size_t left;
} Sound;

/* FfmpegFeed: pieces of 1 MiB. */
static bool feed(void *user, const uint8_t **ret_data, size_t *ret_size, GError **error)
{
    Sound *sound = user;
    *ret_data = sound->bytes;
    *ret_size = MIN(sound->left, (size_t)1 << 20);
    sound->bytes += *ret_size;
    sound->left -= *ret_size;
    return true;
}

static json_t *make_recording(const char *input, const char *folder, GError **error)
{
    g_autofree float *samples = NULL;
    size_t count = 0;
    if (!recording_read(input, &samples, &count, error))
        return NULL;
    g_autofree char *output = g_build_filename(folder, RECORDING_FILE, NULL);
    g_autofree char *target = g_strconcat("file:", output, NULL);
    const char *arguments[] = {"-f",   "f32le",  "-ar",         "48000", "-ac",       "1",
                               "-i",   "pipe:0", "-sample_fmt", "s16",   "-bitexact", "-c:a",
                               "flac", "-y",     target,        NULL};
    Sound sound = {(const uint8_t *)samples, count * sizeof *samples};
    FfmpegRun run = {.program = "ffmpeg",
                     .arguments = arguments,
                     .input_fd = -1,
                     .feed = feed,
                     .user = &sound,
                     .timeout_seconds = TIMEOUT_SECONDS};
    if (!ffmpeg_run(&run, error)) {
        (void)unlink(output);
        return NULL;
    }
    return json_pack("{s:s, s:I}", "file", RECORDING_FILE, "duration_us",
                     (json_int_t)(count * 1000000 / SPEECH_SAMPLE_RATE));
}

static int run(int argc, char **argv, const char *usage,
               json_t *(*make)(const char *input, const char *folder, GError **error))
{
    g_autoptr(GError) error = NULL;
    Options options;
    if (!options_parse(argc, argv, &options, &error) ||
        !options_require(options.input != NULL && options.output != NULL && options.word_count == 0,
                         usage, &error) ||
        !master_make_folder(options.output, &error) ||
        !ffmpeg_sandbox(options.input, options.output, &error))
        return report_failure(error);
    json_t *result = make(options.input, options.output, &error);
    if (result == NULL)
        return report_failure(error);
    report_result(result);
    return 0;
}

int job_picture(int argc, char **argv)
{
    return run(argc, argv, "picture --input FILE --output DIR", make_picture);
}

int job_recording(int argc, char **argv)
{
    return run(argc, argv, "recording --input FILE --output DIR", make_recording);
}
