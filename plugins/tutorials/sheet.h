/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What documents without script tell of one clip, in one language. Everything that people wrote is
 * escaped here; plain_... are as they wrote it. */
#pragma once
#include "plugins/tutorials/tutorials.h"

extern const char *const sheet_languages[]; /* ended by NULL */

/* What a document tells of one clip; all of it escaped, addresses whole. */
typedef struct {
    int64_t id;
    const char *language, *title_language, *summary_language;
    json_t *clip; /* clips_shape() */
    char *title, *summary, *plain_title, *plain_summary;
    char *page, *media, *poster;
    int64_t seconds;
    char *date;
} Sheet;

void sheet_free(Sheet *sheet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sheet, sheet_free)
/* row: CLIP_COLUMNS; origin: "http://host". */
Sheet *sheet_new(const json_t *row, const char *origin, const char *language);
/* The same of a clips_shape(), without its date; origin "": addresses are paths. */
Sheet *sheet_of_shape(const json_t *clip, const char *origin, const char *language);

/* g_free() */
char *sheet_escape(const char *text);
/* ?lang=, else Indonesian. */
const char *sheet_language_of(SerambiRequest *request);
const char *sheet_direction(const char *language);
/* Minutes and seconds as people read them: "1:05". g_free() */
char *sheet_time(int64_t seconds);
/* Begins a document, up to where its head may get more; title escaped. */
void sheet_append_head(GString *page, const char *language, const char *title);
/* The page's own languages, to choose from; query: "" or "&q=..", escaped. */
void sheet_append_languages(Serambi *self, GString *page, const char *query);
/* A document that says one sentence of the catalogues, and leads to the list. */
void sheet_reply_sentence(Serambi *self, SerambiRequest *request, int status, const char *key);
