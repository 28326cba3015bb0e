/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The gain of each moment is the mean, over a window, of the lowest gain that any sample of the
 * window needs: it comes down in a straight line, and has arrived when the peak leaves. Peaks are
 * those between the samples too, by four times oversampling. Source: ITU-R BS.1770-4, annex 2 */
#include "media/screen/limiter.h"
#include <math.h>
#include <string.h>

#define RELEASE_SAMPLES (0.2f * 48000) /* from silence to full */
/* What twelve taps may underestimate, and what the moving gain adds: measured by the test. */
#define MARGIN_DB 0.35
/* No interpolated value is larger than so many times the largest sample around it: the sum of the
 * taps' sizes, which is largest half way, is below 1.9. */
#define OVERSHOOT_MAX 2.0f

static float ceiling_gain(void)
{
    return powf(10, (float)(LIMITER_CEILING_DBTP - MARGIN_DB) / 20);
}

void limiter_init(Limiter *limiter)
{
    for (int phase = 1; phase <= 3; phase++) {
        double sum = 0;
        for (int tap = 0; tap < LIMITER_TAPS; tap++) {
            double x = tap - (LIMITER_TAPS / 2 - 1) - phase / 4.0;
            double window = 0.5 + 0.5 * cos(M_PI * x / (LIMITER_TAPS / 2.0));
            double value = sin(M_PI * x) / (M_PI * x) * window;
            limiter->taps[phase - 1][tap] = (float)value;
            sum += value;
        }
        for (int tap = 0; tap < LIMITER_TAPS; tap++)
            limiter->taps[phase - 1][tap] /= (float)sum;
    }
    limiter_reset(limiter);
}

void limiter_reset(Limiter *limiter)
{
    memset(limiter->line, 0, sizeof limiter->line);
    memset(limiter->recent, 0, sizeof limiter->recent);
    for (size_t i = 0; i < LIMITER_WINDOW; i++)
        limiter->wanted[i] = limiter->held[i] = 1;
    limiter->gain = 1;
    limiter->at = 0;
    limiter->calm = 2 * LIMITER_WINDOW;
}

/* The largest value at and after the middle of the newest samples, on both channels. */
static float true_peak(const Limiter *limiter)
{
    float peak = 0;
    for (size_t i = 0; i < LIMITER_TAPS; i++)
        peak = fmaxf(peak, fmaxf(fabsf(limiter->recent[i][0]), fabsf(limiter->recent[i][1])));
    if (peak * OVERSHOOT_MAX < ceiling_gain())
        return peak;
    const float *middle = limiter->recent[LIMITER_TAPS / 2 - 1];
    peak = fmaxf(fabsf(middle[0]), fabsf(middle[1]));
    for (size_t phase = 0; phase < 3; phase++)
        for (size_t channel = 0; channel < 2; channel++) {
            float sum = 0;
            for (size_t tap = 0; tap < LIMITER_TAPS; tap++)
                sum += limiter->taps[phase][tap] * limiter->recent[tap][channel];
            peak = fmaxf(peak, fabsf(sum));
        }
    return peak;
}

/* The gain for the sample that leaves now. */
static float next_gain(Limiter *limiter, float peak)
{
    size_t slot = limiter->at % LIMITER_WINDOW;
    float ceiling = ceiling_gain(), wanted = peak > ceiling ? ceiling / peak : 1;
    limiter->calm = wanted < 1 ? 0 : limiter->calm + 1;
    limiter->wanted[slot] = wanted;
    if (limiter->calm > 2 * LIMITER_WINDOW && limiter->gain >= 1) {
        limiter->held[slot] = 1;
        return 1;
    }
    float lowest = 1, sum = 0;
    for (size_t i = 0; i < LIMITER_WINDOW; i++)
        lowest = fminf(lowest, limiter->wanted[i]);
    float before = limiter->gain;
    limiter->gain = fminf(lowest, before + 1 / RELEASE_SAMPLES);
    /* The window must have left the last reduction behind before nothing is done any more. */
    if (limiter->gain < 1)
        limiter->calm = 0;
    limiter->held[slot] = limiter->gain;
    for (size_t i = 0; i < LIMITER_WINDOW; i++)
        sum += limiter->held[i];
    return fminf(sum / LIMITER_WINDOW, 1);
}

/* Nothing is turned down, and nothing in this block can need it: most of a day. */
static bool is_calm(const Limiter *limiter, const float *stereo, size_t count)
{
    if (limiter->calm <= 2 * LIMITER_WINDOW || limiter->gain < 1 || count < LIMITER_TAPS)
        return false;
    float peak = 0;
    for (size_t i = 0; i < LIMITER_TAPS; i++)
        peak = fmaxf(peak, fmaxf(fabsf(limiter->recent[i][0]), fabsf(limiter->recent[i][1])));
    for (size_t i = 0; i < 2 * count; i++) {
        float size = fabsf(stereo[i]);
        peak = size > peak ? size : peak;
    }
    return peak * OVERSHOOT_MAX < ceiling_gain();
}

/* Only the delay. */
static void pass(Limiter *limiter, float *stereo, size_t count)
{
    memcpy(limiter->recent, stereo + 2 * (count - LIMITER_TAPS), sizeof limiter->recent);
    size_t slot = limiter->at % LIMITER_AHEAD;
    for (size_t i = 0; i < count; i++) {
        float kept[2];
        memcpy(kept, limiter->line[slot], sizeof kept);
        memcpy(limiter->line[slot], stereo + 2 * i, sizeof kept);
        memcpy(stereo + 2 * i, kept, sizeof kept);
        slot = slot + 1 == LIMITER_AHEAD ? 0 : slot + 1;
    }
    limiter->at += count;
}

void limiter_run(Limiter *limiter, float *stereo, size_t count)
{
    if (is_calm(limiter, stereo, count)) {
        pass(limiter, stereo, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        float *sample = stereo + 2 * i;
        memmove(limiter->recent, limiter->recent + 1,
                sizeof limiter->recent - sizeof *limiter->recent);
        memcpy(limiter->recent[LIMITER_TAPS - 1], sample, sizeof *limiter->recent);
        float gain = next_gain(limiter, true_peak(limiter));
        float *kept = limiter->line[limiter->at % LIMITER_AHEAD];
        float left = kept[0], right = kept[1];
        memcpy(kept, sample, sizeof *limiter->line);
        sample[0] = left * gain;
        sample[1] = right * gain;
        limiter->at++;
    }
}
