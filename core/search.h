/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Full-text search of the store: documents of plugins, and the passages in them that were meant.
 *
 * Words are compared as people type them: without case, accents, Arabic vowel marks, tatweel and
 * article, with the forms of alif, ya and ta marbuta as one; each word that is asked for may be the
 * beginning of one that is there. Main thread only. */
#pragma once
#include "core/store.h"

#define SEARCH_WORDS_MAX     10 /* of a question; the rest is not read */
#define SEARCH_WORD_BYTES    48 /* of each, after folding; a longer one is cut */
#define SEARCH_FOUND_MAX     50
#define SEARCH_PASSAGES_MAX  3    /* told of each document */
#define SEARCH_DOCUMENT_MOST 8192 /* passages of a document; more are found, but have no place */

bool search_migrate(Store *store, GError **error);

/* Inside a write: what is found as name in that language from now on.
 * document  {"title":"..","about":"..","passages":[{"place":N,"text":".."}]}, in the order of their
 *           places; any of them may be missing. NULL: nothing is found there any more, and with
 *           language NULL in none. */
bool search_note(Store *store, const char *owner, const char *name, const char *language,
                 const json_t *document, GError **error);

/* The documents of owner that have every word, the best first, each name once: words of the title
 * count most, then those of about. question is any text of a stranger; without a word in it nothing
 * is found. language NULL: all. most: at most SEARCH_FOUND_MAX.
 * [{"name":"3","language":"id","passages":[{"place":1500,"text":"..."}]}]: passages that have all
 * words, else any. New reference; NULL with error. */
json_t *search_find(Store *store, const char *owner, const char *question, const char *language,
                    size_t most, GError **error);

/* A text as its words are compared, parted by blanks. g_free(). */
char *search_fold(const char *text);
