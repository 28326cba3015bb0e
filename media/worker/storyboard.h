/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A tutorial written down: slides with their words in several languages and what is said to them.
 * The format is explained for authors in media/samples/README.md. */
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
    unsigned line;
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
    StoryboardText heading, note, say;
    StoryboardPoint points[STORYBOARD_POINTS_MAX];
    unsigned point_count;
    double hold_s; /* rest after the last word */
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

/* name   how messages call the text: "name:line:column: what is wrong and what would be right"
 * text   size bytes, UTF-8, need not end with 0
 * Errors REPORT_ERROR_STORYBOARD. Columns count characters, from 1. */
Storyboard *storyboard_parse(const char *name, const char *text, size_t size, GError **error);
void storyboard_free(Storyboard *storyboard);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Storyboard, storyboard_free)

/* The place of a language, or -1. */
int storyboard_language(const Storyboard *storyboard, const char *language);

/* Whether the picture is a file beside the storyboard rather than a built-in pictogram. */
bool storyboard_picture_is_file(const char *picture);
