/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Text as premultiplied pictures: shaped by Pango, whole strings, kept while they are in use and
 * some time longer. Main thread. */
#pragma once
#include "core/plugin.h"
#include "media/screen/blend.h"

typedef struct Texts Texts; /* fonts and the cache */
typedef struct Text Text;   /* one picture of a string; counted references */

typedef enum {
    TEXT_CALLED_NUMBER = 1,
    TEXT_BOARD_NUMBER,
    TEXT_TITLE,
    TEXT_HEADING,
    TEXT_CAPTION,
    TEXT_TICKER,
    TEXT_CLOCK,
    TEXT_BODY,
    TEXT_SMALL,
} TextStyle;

typedef struct {
    TextStyle style;
    uint32_t rgb;
    SerambiAlign align;
    bool is_mirrored;  /* start is the right side, for left-to-right text too */
    int unit;          /* px: what the sizes of media/look.h are shares of */
    int width, height; /* px: the box */
    bool is_marked;    /* the string has Pango's <b>, <i>, <u>; what is no markup is plain text */
} TextWish;

/* Longer texts are cut at a letter. */
#define TEXT_BYTES_MAX    4096
#define TEXT_GLIDE_LENGTH 120000 /* px */

Texts *texts_new(void);
void texts_free(Texts *texts); /* texts still referenced live on */

/* "heading" is TEXT_HEADING; unknown names are TEXT_BODY. */
TextStyle text_style(const char *name);

/* Wrapped and shrunk until it stays inside the box; at the smallest size it is cut with an
 * ellipsis. New reference; never NULL. */
Text *text_in_box(Texts *texts, const TextWish *wish, const char *string);
/* One line as long as it is; only the wish's height limits its size. */
Text *text_on_line(Texts *texts, const TextWish *wish, const char *string);
/* Wrapped to the width, as many lines as it takes; lines are shown one by one. */
Text *text_in_lines(Texts *texts, const TextWish *wish, const char *string);

Text *text_ref(Text *text);
void text_unref(Text *text);

/* Where the ink is, relative to the box (box and lines) or to the line's start. */
Rect text_ink(const Text *text);
int text_length_px(const Text *text);    /* of a line: how far it reaches */
int text_characters(const Text *text);   /* letters, for reading speed */
bool text_is_rtl(const Text *text);      /* its first strong letter is */
int text_line_count(const Text *text);   /* of text_in_lines */
Rect text_line(const Text *text, int n); /* its band, relative to the box */
/* The box (or the line's start) at x, y. A line's far tiles are drawn by Pango when first seen. */
void text_draw(Text *text, const Ground *ground, int x, int y, Rect clip, unsigned alpha);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Text, text_unref)
