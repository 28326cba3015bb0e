/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What is said, as text in time: sentences become cues that can be read at ease. */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdint.h>

#define CAPTIONS_LINE_CHARACTERS 42 /* the common rule of subtitlers for Latin script */
#define CAPTIONS_LINES           2
#define CAPTIONS_MINIMUM_MS      1000 /* shorter cannot be read */
#define CAPTIONS_LINGER_MS       400 /* how long a cue may outlast its words when nothing follows */

typedef struct CaptionsCue {
    int64_t start_ms, end_ms;
    char *text; /* one or two lines, parted by a newline */
} CaptionsCue;

/* One language's cues, in order and never overlapping. */
typedef struct Captions Captions;

Captions *captions_new(void);
void captions_free(Captions *captions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Captions, captions_free)

/* The sentences of a text: parts that end in . ! ? … or their Arabic and full-width forms. Takes no
 * part in timing. The caller frees with g_strfreev. Never an empty sentence. */
char **captions_sentences(const char *text);

/* Adds a sentence that is said from start_ms to end_ms. If it does not fit a cue it becomes
 * several, each with its share of the time by its number of characters. Calls come in the order of
 * time. */
void captions_add(Captions *captions, const char *sentence, int64_t start_ms, int64_t end_ms);

/* Gives each cue its least time, once all are added. total_ms is the end of the tutorial. */
void captions_settle(Captions *captions, int64_t total_ms);

size_t captions_count(const Captions *captions);
const CaptionsCue *captions_cue(const Captions *captions, size_t index);

/* A WebVTT file. Source: WebVTT, W3C candidate recommendation of 2019, section 4. */
char *captions_vtt(const Captions *captions);

/* {"cues":[{"start_ms":0,"end_ms":2500,"text":"…"}]} */
json_t *captions_json(const Captions *captions);
