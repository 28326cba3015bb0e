/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The job `speak`: a sentence becomes a WAV file, from recordings if there are all that it needs.
 */
#include "ffmpeg.h"
#include "jobs.h"
#include "master.h"
#include "options.h"
#include "pack.h"
#include "report.h"
#include "sandbox.h"
#include "speech.h"
#include "splice.h"
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define USAGE "speak --language id|en|ar [--input FOLDER] --output FILE.wav -- TEXT"

#define WAV_HEADER 44

static void put(uint8_t *at, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* RIFF/WAVE, format PCM, one channel of 16 bits. Source: Microsoft/IBM Multimedia Programming
 * Interface 1.0, 1991 */
static GBytes *make_wav(const float *samples, size_t count)
{
    uint32_t size = (uint32_t)(count * 2);
    uint8_t *wav = g_malloc(WAV_HEADER + size);
    memcpy(wav, "RIFF", 4);
    put(wav + 4, WAV_HEADER - 8 + size, 4);
    memcpy(wav + 8, "WAVEfmt ", 8);
    put(wav + 16, 16, 4);
    put(wav + 20, 1, 2);
    put(wav + 22, 1, 2);
    put(wav + 24, SPEECH_SAMPLE_RATE, 4);
    put(wav + 28, SPEECH_SAMPLE_RATE * 2, 4);
    put(wav + 32, 2, 2);
    put(wav + 34, 16, 2);
    memcpy(wav + 36, "data", 4);
    put(wav + 40, size, 4);
    for (size_t i = 0; i < count; i++)
        put(wav + WAV_HEADER + 2 * i,
            (uint32_t)(uint16_t)lrintf(CLAMP(samples[i], -1.0f, 1.0f) * 32767), 2);
    return g_bytes_new_take(wav, WAV_HEADER + size);
}

static bool save(const char *path, GBytes *wav, GError **error)
{
    FILE *file = fopen(path, "wbe");
    size_t size = 0;
    const void *data = g_bytes_get_data(wav, &size);
    bool is_written = file != NULL && fwrite(data, 1, size, file) == size;
    int saved = errno;
    if (file != NULL && fclose(file) != 0 && is_written) {
        saved = errno;
        is_written = false;
    }
    if (!is_written) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_CANNOT_WRITE, "cannot write \"%s\": %s", path,
                    g_strerror(saved));
        if (file != NULL)
            (void)unlink(path);
    }
    return is_written;
}

/* False when the recordings cannot say it; *ret_why then tells, for who recorded them. */
static bool say_recorded(const Options *options, const char *text, const char *folder,
                         float **ret_samples, size_t *ret_count, GError **ret_why)
{
    if (options->input == NULL)
        return false;
    g_autoptr(Pack) pack = pack_open(options->input, options->language, ret_why);
    g_autoptr(GArray) steps = pack != NULL ? pack_plan(pack, text, ret_why) : NULL;
    return steps != NULL && splice_clips(steps, folder, ret_samples, ret_count, ret_why);
}

static json_t *speak_to_file(const Options *options, const char *folder, GError **error)
{
    g_autofree char *text = g_strjoinv(" ", options->words);
    if (!speech_check(options->language, text, error))
        return NULL;
    g_autofree float *samples = NULL;
    size_t count = 0;
    g_autoptr(GError) why = NULL;
    bool is_recorded = say_recorded(options, text, folder, &samples, &count, &why);
    if (is_recorded)
        speech_finish(samples, &count);
    else if (!speech_render(options->language, text, &samples, &count, error))
        return NULL;
    g_autoptr(GBytes) wav = make_wav(samples, count);
    if (!save(options->output, wav, error))
        return NULL;
    json_int_t duration_us = (json_int_t)(count * 1000000 / SPEECH_SAMPLE_RATE);
    json_t *result = json_pack("{s:s,s:I,s:b}", "file", options->output, "duration_us", duration_us,
                               "recorded", is_recorded);
    if (why != NULL)
        json_object_set_new(result, "why", json_string(why->message));
    return result;
}

/* Only recordings need another program. */
static bool enter(const Options *options, const char *folder, GError **error)
{
    if (options->input != NULL)
        return ffmpeg_sandbox(options->input, folder, error);
    SandboxPolicy policy = {.write_folder = folder, .processes = 512};
    return sandbox_enter(&policy, error);
}

int job_speak(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Options options;
    if (!options_parse(argc, argv, &options, &error) ||
        !options_require(options.language != NULL && options.output != NULL &&
                             options.word_count > 0,
                         USAGE, &error))
        return report_failure(error);
    g_autofree char *folder = g_path_get_dirname(options.output);
    if (!enter(&options, folder, &error))
        return report_failure(error);
    json_t *result = speak_to_file(&options, folder, &error);
    if (result == NULL)
        return report_failure(error);
    report_result(result);
    return 0;
}
