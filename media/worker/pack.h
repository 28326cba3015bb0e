/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A recorded voice: a folder of short recordings, each named after what it says ("nomor
 * antrean.wav", "A.flac", "12.ogg"). README.md tells how to record one. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#define PACK_CLIPS_MAX 2000 /* files looked at in a folder */
#define PACK_WORDS_MAX 16   /* of one recording */
#define PACK_STEPS_MAX 200  /* recordings of one text */

typedef struct Pack Pack;

/* One recording, and the silence after it. */
typedef struct {
    const char *path; /* the pack's */
    unsigned gap_ms;
} PackStep;

/* Reads the names in the folder, no file.
 *
 * language  how numbers are put together: id, en or ar
 * Errors    REPORT_ERROR_CANNOT_OPEN: no such folder, or more than PACK_CLIPS_MAX recordings */
Pack *pack_open(const char *folder, const char *language, GError **error);
void pack_free(Pack *pack);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pack, pack_free)

/* The recordings that say a text, always the longest that fits; upper and lower case, Arabic vowel
 * signs and punctuation do not matter. A number that was not recorded is put together of hundreds,
 * tens and ones, or else of its digits.
 *
 * Returns PackStep, g_array_unref(); valid as long as the pack.
 * Errors  REPORT_ERROR_NO_VOICE with the word that was not recorded: then nothing is to be said
 *         with these recordings, for half a sentence in another voice is hard to follow. */
GArray *pack_plan(const Pack *pack, const char *text, GError **error);
