/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Recordings become one utterance: decoded, trimmed, made equally loud, joined without clicks. */
#pragma once
#include "pack.h"
#include <stddef.h>

#define SPLICE_CLIP_SECONDS_MAX 20  /* of one; the rest is cut off */
#define SPLICE_SECONDS_MAX      120 /* of all together */

/* Joins the recordings in their order, each with its silence after it.
 *
 * folder       where ffmpeg may write while it works; nothing stays there
 * ret_samples  float[*ret_count], one channel of 48 kHz; not yet of any loudness. g_free()
 * Errors       REPORT_ERROR_PROGRAM: one is no WAV, FLAC or Ogg; REPORT_ERROR_SHORT: one is silent;
 *              REPORT_ERROR_TOO_LONG */
bool splice_clips(const GArray *steps, const char *folder, float **ret_samples, size_t *ret_count,
                  GError **error);
