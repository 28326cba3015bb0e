/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How loud a recording is, so that tutorials of different makers play alike. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* EBU R 128: programmes at -23 LUFS; true peaks at or below -1 dBTP. */
#define LOUDNESS_TARGET_LUFS  (-23.0)
#define LOUDNESS_PEAK_DBTP    (-1.0)
#define LOUDNESS_SAMPLE_RATE  48000
#define LOUDNESS_MINIMUM_GAIN (-40.0)
#define LOUDNESS_MAXIMUM_GAIN                                                                      \
    20.0 /* more would only raise the noise of a nearly silent recording */

typedef struct Loudness Loudness;

/* channels 1 or 2, at 48 000 Hz. */
Loudness *loudness_new(unsigned channels);
void loudness_free(Loudness *loudness);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Loudness, loudness_free)

/* frames  float[count][channels], interleaved, full scale is 1.0 */
void loudness_add(Loudness *loudness, const float *frames, size_t count);

/* ret_lufs       integrated loudness
 * ret_peak_dbtp  highest true peak
 * Errors         REPORT_ERROR_SHORT below 0.4 s (one measuring block) or for silence
 * Source         ITU-R BS.1770-4, annex 1 and 2 */
bool loudness_measure(Loudness *loudness, double *ret_lufs, double *ret_peak_dbtp, GError **error);

/* The gain in dB that brings lufs to target_lufs, but no peak above LOUDNESS_PEAK_DBTP. */
double loudness_gain(double lufs, double peak_dbtp, double target_lufs);
