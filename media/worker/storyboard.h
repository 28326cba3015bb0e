/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A tutorial written down: slides with their words in several languages and what is said to them.
 * The format is explained for authors in media/samples/README.md. storyboard_lint() is the one
 * judge of a text: the job `lint`, the editor's preview and `compose` say what it says. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define STORYBOARD_BYTES_MAX     (256 * 1024)
#define STORYBOARD_LANGUAGES_MAX 6
#define STORYBOARD_SLIDES_MAX    24
#define STORYBOARD_POINTS_MAX    4   /* as many as can be read from across a lobby */
#define STORYBOARD_TEXT_MAX      400 /* characters of one text */
#define STORYBOARD_HOLD_MAX_S    20.0
#define STORYBOARD_PROBLEMS_MAX  50 /* told of one text; who has more begins with these */
#define STORYBOARD_FILE_NAME_MAX 80 /* bytes of a file's name beside the storyboard */

typedef enum StoryboardLayout {
    STORYBOARD_TITLE = 1,
    STORYBOARD_POINTS,
    STORYBOARD_STEPS,
    STORYBOARD_PICTURE,
    STORYBOARD_CLOSING,
} StoryboardLayout;

/* One text in all languages, in the order of the storyboard's languages. line 0: the text was not
 * given. */
typedef struct StoryboardText {
    char *words[STORYBOARD_LANGUAGES_MAX];
    unsigned line, column; /* of its keyword */
} StoryboardText;

typedef struct StoryboardPoint {
    StoryboardText text;
    StoryboardText say;
    char *picture; /* NULL: none */
    unsigned picture_line;
} StoryboardPoint;

typedef struct StoryboardSlide {
    StoryboardLayout layout;
    unsigned line;
    char *picture; /* name of a pictogram, or a PNG file beside the storyboard; NULL: none */
    unsigned picture_line;
    char *recording; /* a sound file beside the storyboard: somebody's own voice in the main
                        language, for all that is said on the slide; NULL: the synthetic voice */
    unsigned recording_line;
    StoryboardText heading, note, say;
    StoryboardPoint points[STORYBOARD_POINTS_MAX];
    unsigned point_count;
    double hold_s;   /* rest after the last word */
    bool is_spoilt;  /* problems were told of it: what it lacks is not told as well */
    bool is_unknown; /* of no known kind */
} StoryboardSlide;

/* A value: whoever parsed it reads it freely and frees it. Once parsed, every text that was given
 * has words in every language. */
typedef struct Storyboard {
    char *name;                                    /* for messages */
    char *languages[STORYBOARD_LANGUAGES_MAX + 1]; /* the first is the main one; NULL-terminated */
    unsigned language_count;
    StoryboardText title, summary;
    StoryboardSlide slides[STORYBOARD_SLIDES_MAX];
    unsigned slide_count;
} Storyboard;

/* What is wrong at one place, and what would be right. */
typedef struct StoryboardProblem {
    unsigned line, column, length; /* from 1, in characters; length 0: a place between two */
    const char *code; /* of the catalogues: "unknown_word" is storyboard.unknown_word */
    char *word;       /* what stands there, or is missing; NULL: nothing to name */
    char *hint;       /* what was probably meant; NULL: no idea */
    int number;       /* the limit or line that the sentence speaks of; 0: none */
    char *message;    /* the sentence in English, for scripts and logs */
} StoryboardProblem;

/* Reads a whole text, also after mistakes.
 *
 * text      size bytes, any
 * ret_board may be NULL; receives what could be read, and with problems that is a storyboard for
 *           looking at only: words that are missing are "…" (see storyboard_is_drawable())
 * Returns   the problems in the order of their places, at most STORYBOARD_PROBLEMS_MAX: an array of
 *           StoryboardProblem that frees its items; empty: all is well */
GPtrArray *storyboard_lint(const char *text, size_t size, Storyboard **ret_board);

/* The words that begin a line, and the kinds of slides; NULL-terminated. */
const char *const *storyboard_words(void);

/* Adds a problem that was found later, by laying out. word is copied. */
void storyboard_add_problem(GPtrArray *problems, unsigned line, const char *code, const char *word,
                            const char *message);

/* Brings problems into the order of their places. */
void storyboard_sort_problems(GPtrArray *problems);

/* Whether slide_new() may be asked for the slide. */
bool storyboard_is_drawable(const StoryboardSlide *slide);

/* name   how messages call the text: "name:line:column: what is wrong and what would be right"
 * text   size bytes, UTF-8, need not end with 0
 * Errors REPORT_ERROR_STORYBOARD: the first of storyboard_lint(). Columns count characters, from 1.
 */
Storyboard *storyboard_parse(const char *name, const char *text, size_t size, GError **error);
void storyboard_free(Storyboard *storyboard);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Storyboard, storyboard_free)

/* The place of a language, or -1. */
int storyboard_language(const Storyboard *storyboard, const char *language);

/* Whether the picture is a file beside the storyboard rather than a built-in pictogram. */
bool storyboard_picture_is_file(const char *picture);
