/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The job `speak`: a sentence becomes a WAV file. */
#include "jobs.h"
#include "master.h"
#include "options.h"
#include "report.h"
#include "sandbox.h"
#include "speech.h"
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define USAGE "speak --language id|en|ar --output FILE.wav -- TEXT"

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

static json_t *speak_to_file(const char *language, const char *text, const char *path,
                             GError **error)
{
    g_autofree float *samples = NULL;
    size_t count = 0;
    if (!speech_render(language, text, &samples, &count, error))
        return NULL;
    g_autoptr(GBytes) wav = make_wav(samples, count);
    if (!save(path, wav, error))
        return NULL;
    json_int_t duration_us = (json_int_t)(count * 1000000 / SPEECH_SAMPLE_RATE);
    return json_pack("{s:s,s:I}", "file", path, "duration_us", duration_us);
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
    SandboxPolicy policy = {.write_folder = folder, .processes = 512};
    if (!sandbox_enter(&policy, &error))
        return report_failure(error);
    g_autofree char *text = g_strjoinv(" ", options.words);
    json_t *result = speak_to_file(options.language, text, options.output, &error);
    if (result == NULL)
        return report_failure(error);
    report_result(result);
    return 0;
}
