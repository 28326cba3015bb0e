/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Decodes recordings by ffmpeg and looks for their pauses. */
#include "recording.h"
#include "ffmpeg.h"
#include "report.h"
#include "speech.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define DECODE_TIMEOUT_SECONDS 60
#define SAMPLES_MAX            ((size_t)RECORDING_MAX_S * SPEECH_SAMPLE_RATE)

/* What microphones of browsers, phones and recorders write. Never a playlist, which names files. */
#define CONTAINERS "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,ogg,wav,flac,mp3,aac,aiff"

static bool take(void *user, const uint8_t *data, size_t size, GError **error)
{
    GByteArray *bytes = user;
    if (bytes->len + size > SAMPLES_MAX * sizeof(float)) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_TOO_LONG,
                    "the recording is longer than %d seconds", RECORDING_MAX_S);
        return false;
    }
    g_byte_array_append(bytes, data, (guint)size);
    return true;
}

static bool decode(int fd, GByteArray *bytes, GError **error)
{
    static const char *const ARGUMENTS[] = {"-format_whitelist",
                                            CONTAINERS,
                                            "-protocol_whitelist",
                                            FFMPEG_PROTOCOLS,
                                            "-i",
                                            FFMPEG_INPUT,
                                            "-map",
                                            "0:a:0",
                                            "-ac",
                                            "1",
                                            "-ar",
                                            "48000",
                                            "-f",
                                            "f32le",
                                            "pipe:1",
                                            NULL};
    FfmpegRun run = {
        .program = "ffmpeg",
        .arguments = ARGUMENTS,
        .input_fd = fd,
        .take = take,
        .user = bytes,
        .timeout_seconds = DECODE_TIMEOUT_SECONDS,
    };
    g_autoptr(GError) problem = NULL;
    if (ffmpeg_run(&run, &problem))
        return true;
    if (g_error_matches(problem, REPORT_ERROR, REPORT_ERROR_PROGRAM))
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_NOT_MEDIA,
                    "this is not a sound recording that can be read (%s)", problem->message);
    else
        g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

bool recording_read(const char *path, float **ret_samples, size_t *ret_count, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        int saved = errno;
        g_autofree char *name = g_path_get_basename(path);
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_CANNOT_OPEN,
                    "the recording \"%s\" cannot be opened: %s", name, g_strerror(saved));
        return false;
    }
    GByteArray *bytes = g_byte_array_new();
    bool is_decoded = decode(fd, bytes, error);
    (void)close(fd);
    size_t count = bytes->len / sizeof(float);
    g_autofree float *samples = (float *)(void *)g_byte_array_free(bytes, FALSE);
    if (!is_decoded)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(samples[i]))
            samples[i] = 0;
    speech_finish(samples, &count);
    if (count == 0) {
        g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_SHORT,
                            "there is only silence in the recording");
        return false;
    }
    *ret_samples = g_steal_pointer(&samples);
    *ret_count = count;
    return true;
}

/* ---- pauses ---- */

#define WINDOW       (SPEECH_SAMPLE_RATE / 50) /* 20 ms: shorter than any pause between sentences */
#define QUIET_SHARE  0.18 /* of the mean level: breath and room are below, vowels above */
#define SEARCH_SHARE 0.35 /* of the shorter neighbour: how far a boundary may move */

/* The level of each window, as root mean square. */
static float *levels(const float *samples, size_t count, size_t *ret_windows, double *ret_mean)
{
    size_t windows = count / WINDOW;
    float *level = g_new(float, windows + 1);
    double sum = 0;
    for (size_t i = 0; i < windows; i++) {
        double energy = 0;
        for (size_t j = 0; j < WINDOW; j++)
            energy += (double)samples[i * WINDOW + j] * samples[i * WINDOW + j];
        level[i] = (float)sqrt(energy / WINDOW);
        sum += level[i];
    }
    *ret_windows = windows;
    *ret_mean = windows > 0 ? sum / (double)windows : 0;
    return level;
}

/* The middle of the longest run of quiet windows that touches [from, to); wish when there is none.
 */
static size_t longest_pause(const float *level, size_t from, size_t to, size_t windows,
                            double quiet, size_t wish)
{
    size_t best = 0, middle = wish;
    while (from > 0 && from < windows && level[from] < quiet)
        from--;
    for (size_t i = from; i < to;) {
        size_t end = i;
        while (end < windows && level[end] < quiet)
            end++;
        if (end - i > best) {
            best = end - i;
            middle = i + best / 2;
        }
        i = MAX(end, i + 1);
    }
    return middle;
}

size_t *recording_divide(const float *samples, size_t count, const double *weights, size_t parts)
{
    size_t *cuts = g_new0(size_t, parts + 1), windows = 0;
    double mean = 0, total = 0, before = 0;
    g_autofree float *level = levels(samples, count, &windows, &mean);
    for (size_t i = 0; i < parts; i++)
        total += weights[i];
    for (size_t i = 1; i < parts; i++) {
        before += weights[i - 1];
        double share = (double)count / total, place = before * share;
        double reach = SEARCH_SHARE * share * MIN(weights[i - 1], weights[i]);
        size_t from = (size_t)(MAX(0, place - reach) / WINDOW);
        size_t to = MIN(windows, (size_t)((place + reach) / WINDOW) + 1);
        size_t wish = (size_t)(place / WINDOW);
        size_t cut = longest_pause(level, from, to, windows, mean * QUIET_SHARE, wish) * WINDOW;
        cuts[i] = CLAMP(cut, cuts[i - 1], count);
    }
    if (parts > 0)
        cuts[parts] = count;
    return cuts;
}
