/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Short sounds in memory: the chime, which is computed, and sentences that our worker has spoken.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOUND_RATE        48000
#define SOUND_SECONDS_MAX 120 /* a longer sentence is cut */

/* Immutable; counted references, any thread. */
typedef struct {
    int references; /* atomic */
    size_t count;
    float samples[]; /* mono, full scale is 1.0 */
} Sound;

typedef enum { SOUND_ERROR_FILE = 1, SOUND_ERROR_FORMAT } SoundError;
#define SOUND_ERROR (sound_error_quark())
GQuark sound_error_quark(void);

/* Reads what `serambi-media speak` writes, and nothing else: RIFF, PCM, 16 bit, mono, 48 kHz. Any
 * thread. */
Sound *sound_read_wav(const char *path, GError **error);
/* Two soft strokes of a bell, the second a third lower; peak -6 dB. */
Sound *sound_chime(void);
Sound *sound_ref(Sound *sound);
void sound_unref(Sound *sound);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sound, sound_unref)
