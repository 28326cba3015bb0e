/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The estimator. */
#include "core/clock_estimate.h"
#include "core/limits.h"
#include <glib.h>
#include <math.h>

/* What reading a clock and a stamp costs at best, so that no sample weighs endlessly. */
#define GRAIN_US 30.0
/* Quartz is mostly within 50 parts per million (data sheets of usual 25 MHz crystals, with
 * temperature and age); this is what the drift is taken for until the samples know better. */
#define DRIFT_USUAL 50e-6
/* The drift changes with the temperature, and samples lie in the same direction. */
#define DRIFT_ERROR_LEAST 5e-6
#define DRIFT_MOST        1e-3 /* two clocks that are both led the other way are still within it */
#define SIGMAS            3.0
#define SLACK_US          100.0 /* of two fences that contradict each other by less */

static const ClockSample *sample_at(const ClockEstimate *estimate, uint32_t age)
{
    return &estimate->samples[(estimate->next + CLOCK_SAMPLES - 1 - age) % CLOCK_SAMPLES];
}

static int64_t round_of(const ClockSample *sample)
{
    return sample->answered_us - sample->asked_us - (sample->sent_us - sample->received_us);
}

/* Middles, so that the house's dates do not eat the digits of a double. */
static double time_of(const ClockSample *sample, int64_t base_us)
{
    return (double)(sample->asked_us - base_us) / 2 + (double)(sample->answered_us - base_us) / 2;
}

static double middle_of(const ClockSample *sample, int64_t base_offset_us)
{
    return ((double)(sample->received_us - sample->asked_us - base_offset_us) +
            (double)(sample->sent_us - sample->answered_us - base_offset_us)) /
           2;
}

static int64_t least_round(const ClockEstimate *estimate)
{
    int64_t least_us = INT64_MAX;
    for (uint32_t age = 0; age < estimate->count; age++)
        least_us = MIN(least_us, round_of(sample_at(estimate, age)));
    return least_us;
}

/* How well even the quickest sample is to be believed: where the way is uneven, the quickest that
 * was seen is not the quickest there is. */
static double grain(const ClockEstimate *estimate)
{
    double sum_us = 0;
    for (uint32_t age = 0; age < estimate->count; age++)
        sum_us += (double)(round_of(sample_at(estimate, age)) - estimate->round_us);
    return GRAIN_US + sum_us / estimate->count / 8;
}

/* The slope, by weighted least squares with the usual drift as one more witness. */
static void find_drift(ClockEstimate *estimate, int64_t base_us, int64_t base_offset_us)
{
    double weights = 0, times = 0, middles = 0;
    double weight[CLOCK_SAMPLES], grain_us = grain(estimate);
    for (uint32_t age = 0; age < estimate->count; age++) {
        const ClockSample *sample = sample_at(estimate, age);
        double doubt_us = grain_us + (double)(round_of(sample) - estimate->round_us) / 2;
        weight[age] = 1 / (doubt_us * doubt_us);
        weights += weight[age];
        times += weight[age] * time_of(sample, base_us);
        middles += weight[age] * middle_of(sample, base_offset_us);
    }
    double spread = 1 / (DRIFT_USUAL * DRIFT_USUAL), slope = 0;
    for (uint32_t age = 0; age < estimate->count; age++) {
        const ClockSample *sample = sample_at(estimate, age);
        double time = time_of(sample, base_us) - times / weights;
        spread += weight[age] * time * time;
        slope += weight[age] * time * (middle_of(sample, base_offset_us) - middles / weights);
    }
    estimate->drift = CLAMP(slope / spread, -DRIFT_MOST, DRIFT_MOST);
    estimate->drift_error = MAX(SIGMAS / sqrt(spread), DRIFT_ERROR_LEAST);
}

/* The fence around the offset now; false: the samples contradict each other. */
static bool find_offset(ClockEstimate *estimate, int64_t base_us, int64_t base_offset_us)
{
    double lowest = -INFINITY, highest = INFINITY;
    for (uint32_t age = 0; age < estimate->count; age++) {
        const ClockSample *sample = sample_at(estimate, age);
        double asked_age = (double)(base_us - sample->asked_us);
        double answered_age = (double)(base_us - sample->answered_us);
        double high = (double)(sample->received_us - sample->asked_us - base_offset_us);
        double low = (double)(sample->sent_us - sample->answered_us - base_offset_us);
        highest = MIN(highest, high + asked_age * (estimate->drift + estimate->drift_error));
        lowest = MAX(lowest, low + answered_age * (estimate->drift - estimate->drift_error));
    }
    if (lowest > highest + SLACK_US)
        return false;
    estimate->base_us = base_us;
    estimate->offset_us = base_offset_us + llround((lowest + highest) / 2);
    estimate->error_us = llround(fabs(highest - lowest) / 2 + GRAIN_US);
    return true;
}

static bool is_possible(const ClockEstimate *estimate, int64_t epoch, const ClockSample *sample)
{
    int64_t waited_us = sample->answered_us - sample->asked_us;
    if (epoch <= 0 || waited_us < 0 || waited_us > LIMIT_CLOCK_ROUND_US || round_of(sample) < 0)
        return false;
    if (estimate->count == 0)
        return true;
    return epoch == estimate->epoch ? sample->asked_us >= estimate->begin_us
                                    : sample->asked_us > estimate->last_asked_us;
}

bool clock_estimate_add(ClockEstimate *estimate, int64_t epoch, const ClockSample *sample)
{
    if (!is_possible(estimate, epoch, sample))
        return false;
    if (epoch != estimate->epoch || estimate->count == 0) {
        estimate->epochs += estimate->count > 0;
        estimate->count = 0;
        estimate->epoch = epoch;
        estimate->begin_us = estimate->last_asked_us = sample->asked_us;
    }
    estimate->samples[estimate->next] = *sample;
    estimate->next = (estimate->next + 1) % CLOCK_SAMPLES;
    estimate->count = MIN(estimate->count + 1, CLOCK_SAMPLES);
    estimate->last_asked_us = MAX(estimate->last_asked_us, sample->asked_us);
    int64_t base_offset_us = sample->received_us - sample->asked_us;
    for (;;) {
        estimate->round_us = least_round(estimate);
        find_drift(estimate, sample->answered_us, base_offset_us);
        if (find_offset(estimate, sample->answered_us, base_offset_us))
            return true;
        /* One of the clocks changed its pace or place: the newer half is right. */
        estimate->count = (estimate->count + 1) / 2;
        estimate->breaks++;
    }
}

int64_t clock_estimate_offset_us(const ClockEstimate *estimate, int64_t monotonic_us)
{
    return estimate->offset_us +
           llround((double)(monotonic_us - estimate->base_us) * estimate->drift);
}

int64_t clock_estimate_error_us(const ClockEstimate *estimate, int64_t monotonic_us)
{
    return estimate->error_us +
           llround(fabs((double)(monotonic_us - estimate->base_us)) * estimate->drift_error);
}

bool clock_estimate_is_locked(const ClockEstimate *estimate)
{
    return estimate->count >= CLOCK_SAMPLES_LOCKED;
}
