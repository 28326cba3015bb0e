/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Wraps libebur128. */
#include "loudness.h"
#include "report.h"
#include <ebur128.h>
#include <math.h>

struct Loudness {
    ebur128_state *state;
    unsigned channels;
};

Loudness *loudness_new(unsigned channels)
{
    g_assert(channels == 1 || channels == 2);
    Loudness *loudness = g_new0(Loudness, 1);
    loudness->channels = channels;
    /* The histogram keeps the memory of a four-hour film constant. */
    loudness->state =
        ebur128_init(channels, LOUDNESS_SAMPLE_RATE,
                     EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK | EBUR128_MODE_HISTOGRAM);
    g_assert(loudness->state != NULL);
    /* One channel reaches both loudspeakers: count it twice. */
    if (channels == 1)
        (void)ebur128_set_channel(loudness->state, 0, EBUR128_DUAL_MONO);
    return loudness;
}

void loudness_free(Loudness *loudness)
{
    if (loudness == NULL)
        return;
    ebur128_destroy(&loudness->state);
    g_free(loudness);
}

void loudness_add(Loudness *loudness, const float *frames, size_t count)
{
    int status = ebur128_add_frames_float(loudness->state, frames, count);
    g_assert(status == EBUR128_SUCCESS);
}

bool loudness_measure(Loudness *loudness, double *ret_lufs, double *ret_peak_dbtp, GError **error)
{
    double lufs = -HUGE_VAL, peak = 0;
    (void)ebur128_loudness_global(loudness->state, &lufs);
    for (unsigned i = 0; i < loudness->channels; i++) {
        double channel_peak = 0;
        (void)ebur128_true_peak(loudness->state, i, &channel_peak);
        peak = MAX(peak, channel_peak);
    }
    if (!isfinite(lufs) || peak <= 0) {
        g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_SHORT,
                            "there is too little sound to measure its loudness");
        return false;
    }
    *ret_lufs = lufs;
    *ret_peak_dbtp = 20 * log10(peak);
    return true;
}

double loudness_gain(double lufs, double peak_dbtp, double target_lufs)
{
    double gain_db = MIN(target_lufs - lufs, LOUDNESS_PEAK_DBTP - peak_dbtp);
    return CLAMP(gain_db, LOUDNESS_MINIMUM_GAIN, LOUDNESS_MAXIMUM_GAIN);
}
