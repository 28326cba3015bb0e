/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Decodes by one run of ffmpeg, whatever the number of recordings: each run costs 50 ms. */
#include "splice.h"
#include "ffmpeg.h"
#include "report.h"
#include "speech.h"
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define PER_MS (SPEECH_SAMPLE_RATE / 1000)
#define FRAME  (10 * PER_MS) /* what is judged at once */
/* Speech is where it is louder than this share of its loudest 10 ms: -32 dB. Before it begins and
 * after it ends there is some more, for consonants are softer than vowels. */
#define ACTIVE_SHARE    0.025
#define BEFORE_MS       30
#define AFTER_MS        50
#define FADE_MS         5
#define SILENT          0.0005f /* -66 dB: nobody spoke */
#define LEVEL           0.1     /* root mean square of each while it speaks; -20 dB */
#define TIMEOUT_SECONDS 30

typedef struct {
    float *samples;
    size_t count;
} Recording;

static void recording_free(void *data)
{
    g_free(((Recording *)data)->samples);
    g_free(data);
}

/* Where the n-th recording is decoded to. g_free(). */
static char *raw_path(const char *folder, guint n)
{
    return g_strdup_printf("%s/.clip-%u.raw", folder, n);
}

static void add(GPtrArray *arguments, const char *text)
{
    g_ptr_array_add(arguments, g_strdup(text));
}

static bool decode(const GPtrArray *paths, const char *folder, GError **error)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
    add(arguments, "-y");
    for (guint i = 0; i < paths->len; i++) {
        const char *input[] = {"-protocol_whitelist", FFMPEG_PROTOCOLS, "-format_whitelist",
                               "wav,flac,ogg", "-i"};
        for (size_t k = 0; k < G_N_ELEMENTS(input); k++)
            add(arguments, input[k]);
        g_ptr_array_add(arguments, g_strconcat("file:", g_ptr_array_index(paths, i), NULL));
    }
    for (guint i = 0; i < paths->len; i++) {
        const char *output[] = {"-ac",  "1",
                                "-ar",  G_STRINGIFY(SPEECH_SAMPLE_RATE),
                                "-t",   G_STRINGIFY(SPLICE_CLIP_SECONDS_MAX),
                                "-c:a", "pcm_f32le",
                                "-f",   "f32le"};
        g_ptr_array_add(arguments, g_strdup("-map"));
        g_ptr_array_add(arguments, g_strdup_printf("%u:a:0", i));
        for (size_t k = 0; k < G_N_ELEMENTS(output); k++)
            add(arguments, output[k]);
        g_autofree char *raw = raw_path(folder, i);
        g_ptr_array_add(arguments, g_strconcat("file:", raw, NULL));
    }
    g_ptr_array_add(arguments, NULL);
    FfmpegRun run = {.program = "ffmpeg",
                     .arguments = (const char *const *)arguments->pdata,
                     .input_fd = -1,
                     .timeout_seconds = TIMEOUT_SECONDS};
    return ffmpeg_run(&run, error);
}

static double level_of(const float *samples, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)samples[i] * samples[i];
    return sqrt(sum / (double)MAX(count, 1));
}

/* Cuts off the silence at both ends and brings what is left to LEVEL; false: all is silence. */
static bool prepare(Recording *recording)
{
    size_t frames = recording->count / FRAME;
    double loudest = 0;
    for (size_t i = 0; i < frames; i++)
        loudest = MAX(loudest, level_of(recording->samples + i * FRAME, FRAME));
    if (!(loudest > SILENT))
        return false;
    size_t first = frames, last = 0, active = 0;
    double sum = 0;
    for (size_t i = 0; i < frames; i++) {
        double level = level_of(recording->samples + i * FRAME, FRAME);
        if (level < loudest * ACTIVE_SHARE)
            continue;
        first = MIN(first, i);
        last = i;
        active++;
        sum += level * level;
    }
    size_t from = first * FRAME, to = MIN((last + 1) * FRAME + AFTER_MS * PER_MS, recording->count);
    from -= MIN(from, (size_t)BEFORE_MS * PER_MS);
    float gain = (float)(LEVEL / sqrt(sum / (double)active));
    recording->count = to - from;
    memmove(recording->samples, recording->samples + from, recording->count * sizeof(float));
    const size_t fade = MIN((size_t)FADE_MS * PER_MS, recording->count / 2);
    for (size_t i = 0; i < recording->count; i++) {
        size_t end = MIN(i, recording->count - 1 - i);
        float edge = end < fade ? sinf((float)end / (float)fade * (float)G_PI_2) : 1;
        recording->samples[i] *= gain * edge;
    }
    return true;
}

/* Takes the decoded file; NULL with error set when it says nothing. */
static Recording *collect(const char *raw, const char *path, GError **error)
{
    char *bytes = NULL;
    gsize size = 0;
    if (!g_file_get_contents(raw, &bytes, &size, error))
        return NULL;
    Recording *recording = g_new0(Recording, 1);
    recording->samples = (float *)(void *)bytes;
    recording->count = size / sizeof(float);
    for (size_t i = 0; i < recording->count; i++)
        if (!isfinite(recording->samples[i]))
            recording->samples[i] = 0;
    if (!prepare(recording)) {
        g_autofree char *name = g_path_get_basename(path);
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_SHORT, "the recording \"%s\" is silent",
                    name);
        g_clear_pointer(&recording, recording_free);
    }
    return recording;
}

/* path to Recording, each file once; NULL with error set. */
static GHashTable *read_all(const GPtrArray *paths, const char *folder, GError **error)
{
    g_autoptr(GHashTable) table =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, recording_free);
    bool is_well = decode(paths, folder, error);
    for (guint i = 0; i < paths->len; i++) {
        g_autofree char *raw = raw_path(folder, i);
        char *path = g_ptr_array_index(paths, i);
        Recording *recording = is_well ? collect(raw, path, error) : NULL;
        is_well = recording != NULL;
        if (recording)
            g_hash_table_insert(table, path, recording);
        (void)g_unlink(raw);
    }
    return is_well ? g_steal_pointer(&table) : NULL;
}

bool splice_clips(const GArray *steps, const char *folder, float **ret_samples, size_t *ret_count,
                  GError **error)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new();
    for (guint i = 0; i < steps->len; i++) {
        const char *path = g_array_index(steps, PackStep, i).path;
        if (!g_ptr_array_find_with_equal_func(paths, path, g_str_equal, NULL))
            g_ptr_array_add(paths, (char *)(uintptr_t)path);
    }
    g_autoptr(GHashTable) table = read_all(paths, folder, error);
    if (!table)
        return false;
    size_t count = 0, at = 0;
    for (guint i = 0; i < steps->len; i++) {
        const PackStep *step = &g_array_index(steps, PackStep, i);
        const Recording *recording = g_hash_table_lookup(table, step->path);
        /* Behind the last there is nothing to wait for. */
        count += recording->count + (i + 1 < steps->len ? (size_t)step->gap_ms * PER_MS : 0);
    }
    if (count > (size_t)SPLICE_SECONDS_MAX * SPEECH_SAMPLE_RATE) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_TOO_LONG, "the text takes more than %d s",
                    SPLICE_SECONDS_MAX);
        return false;
    }
    float *samples = g_new0(float, count);
    for (guint i = 0; i < steps->len; i++) {
        const PackStep *step = &g_array_index(steps, PackStep, i);
        const Recording *recording = g_hash_table_lookup(table, step->path);
        memcpy(samples + at, recording->samples, recording->count * sizeof(float));
        at += recording->count + (size_t)step->gap_ms * PER_MS;
    }
    *ret_samples = samples;
    *ret_count = count;
    return true;
}
