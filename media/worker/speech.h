/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Turns sentences into sound, by espeak-ng. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define SPEECH_SAMPLE_RATE 48000
#define SPEECH_TEXT_MAX    4000    /* characters of one call */
#define SPEECH_TARGET_LUFS (-16.0) /* from two loudspeakers; 7 LU above a programme of -23 LUFS */

/* The languages that can be spoken, NULL-terminated: id, en, ar. */
const char *const *speech_languages(void);

/* Errors  REPORT_ERROR_NO_VOICE for another language, REPORT_ERROR_USAGE for a text that is empty,
 * too long or no UTF-8 */
bool speech_check(const char *language, const char *text, GError **error);

/* Says one text at a calm pace (120 to 140 words a minute) and at SPEECH_TARGET_LUFS.
 *
 * language    one of speech_languages()
 * text        UTF-8; no markup is understood. Numerals are said better than number words.
 * ret_samples float[*ret_count]: one channel, SPEECH_SAMPLE_RATE, peaks below -2 dB, silence at
 * both ends cut off. The caller frees with g_free. Errors      REPORT_ERROR_NO_VOICE,
 * REPORT_ERROR_USAGE for a text that is empty, too long or says nothing Thread      one at a time
 * in the process */
bool speech_render(const char *language, const char *text, float **ret_samples, size_t *ret_count,
                   GError **error);

/* Cuts the silence off both ends and levels what is left to SPEECH_TARGET_LUFS, peaks below -1 dB,
 * so that every voice of a tutorial is as loud as the others. *count 0: there was only silence. */
void speech_finish(float *samples, size_t *count);
