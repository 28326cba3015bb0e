/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Captions as a list of cues: reads WebVTT and SubRip (SRT), writes both, says what a reader would
 * stumble over. Pure functions on text in memory, for the server and the worker alike.
 *
 * A cue's text is kept as safe markup: <b>, <i>, <u> and <v Name>, always balanced, and nothing
 * else; every other tag is dropped, its content stays. Style sheets, regions and notes are dropped.
 * Sources: WebVTT, W3C candidate recommendation of 2019, sections 4 and 6; SubRip has none, it is
 * read as VLC and ffmpeg write it. */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdint.h>

#define CUES_BYTES_MAX      (512 * 1024) /* ten hours of speech */
#define CUES_MAX            5000
#define CUES_TEXT_BYTES_MAX 2000 /* of one cue, as markup */
#define CUES_TIME_MS_MAX    (100LL * 3600 * 1000)

/* What the house asks of captions that can be read at ease. */
#define CUES_LINE_CHARACTERS 42 /* the common rule of subtitlers for Latin script */
#define CUES_LINES           2
#define CUES_MINIMUM_MS      700
#define CUES_SPEED_MAX       21 /* characters in a second: BBC and EBU advise about 17 to 20 */
#define CUES_WARNINGS_MAX    200

typedef enum {
    CUES_ERROR_ENCODING = 1, /* not UTF-8, or with NUL */
    CUES_ERROR_SIZE,         /* one of the limits above */
    CUES_ERROR_FORMAT,       /* neither WebVTT nor SubRip */
    CUES_ERROR_TIME,         /* a time that cannot be read, or an end before its start */
    CUES_ERROR_EMPTY,        /* no cue in it */
} CuesError;
#define CUES_ERROR (cues_error_quark())
GQuark cues_error_quark(void);

typedef struct {
    int64_t start_ms, end_ms;
    char *markup;   /* safe, lines parted by newlines */
    char *settings; /* "line:0 position:50% align:start size:80%", or "" */
    int line;       /* of its times in the file that was read, from 1; 0: from no file */
} Cue;

/* In the order of their starts. */
typedef struct Cues Cues;
Cues *cues_new(void);
void cues_free(Cues *cues);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cues, cues_free)

size_t cues_count(const Cues *cues);
const Cue *cues_at(const Cues *cues, size_t index);
/* Adds plain text after all others; empty lines in it are dropped. */
void cues_add_text(Cues *cues, int64_t start_ms, int64_t end_ms, const char *text);

/* Reads a file, WebVTT when it begins so, else SubRip. The message of an error begins with
 * "line N: ". */
Cues *cues_parse(const char *bytes, size_t size, GError **error);
/* Of {"cues":[{"start_ms","end_ms","text" or "markup","settings"}]}; the line is the place. */
Cues *cues_from_json(const json_t *document, GError **error);

/* g_free() */
char *cues_vtt(const Cues *cues);
char *cues_srt(const Cues *cues);
char *cues_plain(const Cue *cue);
/* {"cues":[{"start_ms":0,"end_ms":2500,"text":"…"}]}; "markup" and "settings" where they say more.
 */
json_t *cues_json(const Cues *cues);

/* [{"code":"overlap","cue":3,"line":12}], at most CUES_WARNINGS_MAX. code: overlap, no_time,
 * short, beyond_end, fast, long_line, many_lines, empty. duration_ms 0: not known. */
json_t *cues_warnings(const Cues *cues, int64_t duration_ms);
