/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Wraps espeak-ng and brings its sound to 48 kHz. */
#include "speech.h"
#include "loudness.h"
#include "report.h"
#include <espeak-ng/speak_lib.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static const char *const LANGUAGES[] = {"id", "en", "ar", NULL};

/* A language is data. "en-gb" does not exist in 1.51 and would silently keep the voice before. */
static const struct {
    const char *language, *voice;
    int words_per_minute;
} VOICES[] = {
    {"id", "id", 130},
    {"en", "en", 138},
    {"ar", "ar", 120},
};

/* Resampling by the ratio 48000/22050 = 320/147 with a windowed sinc of TAPS input samples per
 * output sample. The cut is at 9.9 kHz, below the voice's own limit of 11 kHz, which also takes the
 * edge off its consonants. */
#define PHASES     320
#define STEP       147
#define TAPS       48
#define CUTOFF     0.90
#define BETA       8.0 /* Kaiser: images 80 dB down */
#define ESPEAK_HZ  22050
#define SILENCE    0.002f
#define KEEP_COUNT 480 /* 10 ms beyond the cut, so that no consonant is bitten off */

const char *const *speech_languages(void)
{
    return LANGUAGES;
}

static int collect(short *wave, int count, espeak_EVENT *events)
{
    if (wave != NULL && count > 0)
        g_array_append_vals(events->user_data, wave, (guint)count);
    return 0;
}

/* Even when it is to play nothing, espeak-ng 1.51 looks for a sound server, and that complains on
 * stderr of a jail in which there is none. */
static int start_quietly(void)
{
    int kept = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (kept >= 0 && nowhere >= 0)
        (void)dup2(nowhere, STDERR_FILENO);
    int rate = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, NULL, espeakINITIALIZE_DONT_EXIT);
    if (kept >= 0 && nowhere >= 0)
        (void)dup2(kept, STDERR_FILENO);
    if (kept >= 0)
        (void)close(kept);
    if (nowhere >= 0)
        (void)close(nowhere);
    return rate;
}

static bool open_voice(const char *language, GError **error)
{
    static bool is_open;
    if (!is_open) {
        int rate = start_quietly();
        if (rate != ESPEAK_HZ) {
            g_set_error(error, REPORT_ERROR, REPORT_ERROR_NO_VOICE,
                        "the speech synthesiser did not start (%d); is espeak-ng-data installed?",
                        rate);
            return false;
        }
        espeak_SetSynthCallback(collect);
        is_open = true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(VOICES); i++) {
        if (!g_str_equal(VOICES[i].language, language))
            continue;
        if (espeak_SetVoiceByName(VOICES[i].voice) != EE_OK) {
            g_set_error(error, REPORT_ERROR, REPORT_ERROR_NO_VOICE, "there is no voice for \"%s\"",
                        language);
            return false;
        }
        (void)espeak_SetParameter(espeakRATE, VOICES[i].words_per_minute, 0);
        (void)espeak_SetParameter(espeakPITCH, 46, 0);
        (void)espeak_SetParameter(espeakRANGE, 56, 0);
        return true;
    }
    g_assert_not_reached(); /* speech_check() */
}

static double bessel(double x)
{
    double sum = 1, term = 1;
    for (int k = 1; k < 40; k++) {
        term *= (x / 2 / k) * (x / 2 / k);
        sum += term;
    }
    return sum;
}

/* table[phase][tap]: the weights of the TAPS input samples around an output sample. */
static float *make_table(void)
{
    float *table = g_new(float, PHASES *TAPS);
    for (int phase = 0; phase < PHASES; phase++) {
        double sum = 0;
        for (int tap = 0; tap < TAPS; tap++) {
            double x = tap - TAPS / 2 + 1 - (double)phase / PHASES;
            double place = x / (TAPS / 2.0);
            double window =
                fabs(place) < 1 ? bessel(BETA * sqrt(1 - place * place)) / bessel(BETA) : 0;
            double sinc = x == 0 ? CUTOFF : sin(M_PI * CUTOFF * x) / (M_PI * x);
            table[phase * TAPS + tap] = (float)(sinc * window);
            sum += sinc * window;
        }
        for (int tap = 0; tap < TAPS; tap++)
            table[phase * TAPS + tap] = (float)(table[phase * TAPS + tap] / sum);
    }
    return table;
}

static float *resample(const int16_t *input, size_t input_count, size_t *ret_count)
{
    static float *table;
    if (table == NULL)
        table = make_table(); /* kept: a tutorial has dozens of sentences */
    size_t count = input_count * PHASES / STEP;
    float *output = g_new(float, count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t position = i * STEP;
        int64_t first = (int64_t)(position / PHASES) - TAPS / 2 + 1;
        const float *weights = table + (position % PHASES) * TAPS;
        float sum = 0;
        for (int tap = 0; tap < TAPS; tap++) {
            int64_t place = first + tap;
            if (place >= 0 && place < (int64_t)input_count)
                sum += weights[tap] * input[place];
        }
        output[i] = sum / 32768;
    }
    *ret_count = count;
    return output;
}

/* Cuts the silence off both ends; *count 0 if there is nothing else. */
static void trim(float *samples, size_t *count)
{
    size_t from = 0, to = *count;
    while (from < to && fabsf(samples[from]) < SILENCE)
        from++;
    while (to > from && fabsf(samples[to - 1]) < SILENCE)
        to--;
    if (from == to) {
        *count = 0;
        return;
    }
    from = from > KEEP_COUNT ? from - KEEP_COUNT : 0;
    to = MIN(to + KEEP_COUNT, *count);
    memmove(samples, samples + from, (to - from) * sizeof *samples);
    *count = to - from;
}

/* Leaves what is below the knee alone and bends what is above it towards -2.5 dB, so that
 * the mixer, which adds a programme, has nothing to turn down. */
static float bend(float x)
{
    const float knee = 0.55f, ceiling = 0.75f;
    float size = fabsf(x);
    if (size <= knee)
        return x;
    return copysignf(knee + (ceiling - knee) * tanhf((size - knee) / (ceiling - knee)), x);
}

/* A word like "Ya." is too short to measure; it gets the gain that this voice usually needs. */
#define USUAL_GAIN 1.6

static void level(float *samples, size_t count)
{
    g_autoptr(Loudness) loudness = loudness_new(1);
    loudness_add(loudness, samples, count);
    double lufs = 0, peak_dbtp = 0;
    double gain = USUAL_GAIN;
    if (loudness_measure(loudness, &lufs, &peak_dbtp, NULL))
        gain = pow(10, (SPEECH_TARGET_LUFS - lufs) / 20);
    for (size_t i = 0; i < count; i++)
        samples[i] = bend((float)(samples[i] * gain));
}

void speech_finish(float *samples, size_t *count)
{
    trim(samples, count);
    if (*count > 0)
        level(samples, *count);
}

bool speech_check(const char *language, const char *text, GError **error)
{
    if (!g_strv_contains(LANGUAGES, language)) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_NO_VOICE,
                    "\"%s\" cannot be spoken; the languages are id, en and ar", language);
        return false;
    }
    if (!g_utf8_validate(text, -1, NULL) || *text == '\0' ||
        g_utf8_strlen(text, -1) > SPEECH_TEXT_MAX) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_USAGE,
                    "the text to speak must have 1 to %d characters of UTF-8", SPEECH_TEXT_MAX);
        return false;
    }
    return true;
}

bool speech_render(const char *language, const char *text, float **ret_samples, size_t *ret_count,
                   GError **error)
{
    if (!speech_check(language, text, error))
        return false;
    if (!open_voice(language, error))
        return false;
    g_autoptr(GArray) wave = g_array_new(FALSE, FALSE, sizeof(int16_t));
    int status =
        espeak_Synth(text, strlen(text) + 1, 0, POS_CHARACTER, 0, espeakCHARS_UTF8, NULL, wave);
    if (status != EE_OK) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_NO_VOICE,
                    "the speech synthesiser failed (%d)", status);
        return false;
    }
    size_t count = 0;
    g_autofree float *samples = resample((const int16_t *)(void *)wave->data, wave->len, &count);
    speech_finish(samples, &count);
    if (count == 0) {
        g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_USAGE,
                            "the text has nothing that can be said");
        return false;
    }
    *ret_samples = g_steal_pointer(&samples);
    *ret_count = count;
    return true;
}
