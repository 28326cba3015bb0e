/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Somebody's own voice for a slide: read from any sound file, and divided into its sentences. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define RECORDING_MAX_S 180 /* one slide; longer is no slide for a lobby */

/* Decodes the first sound of a file, cuts the silence off both ends and levels it as the synthetic
 * voice is (speech_finish()).
 *
 * ret_samples  float[*ret_count], one channel, SPEECH_SAMPLE_RATE; g_free()
 * Errors       REPORT_ERROR_CANNOT_OPEN, _NOT_MEDIA, _TOO_LONG, _SHORT (only silence), _PROGRAM */
bool recording_read(const char *path, float **ret_samples, size_t *ret_count, GError **error);

/* Finds where sentences begin: each gets its share of the time by its weight, moved to the longest
 * pause near that place.
 *
 * weights  double[parts], each above 0: letters
 * Returns  size_t[parts + 1] in order, first 0, last count; g_free() */
size_t *recording_divide(const float *samples, size_t count, const double *weights, size_t parts);
