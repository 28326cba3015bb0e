/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Full-text search by SQLite's FTS5 (sqlite.org/fts5.html), the one place whose SQL PostgreSQL does
 * not speak.
 *
 * Texts are folded before they come to FTS5, so its tokenizer only parts words at blanks. A
 * document is one row of search_text; its passages are rows of search_passage whose numbers lie
 * together, so that those of one document are found without reading those of others. */
#include "core/search.h"
#include <string.h>

bool search_migrate(Store *store, GError **error)
{
    static const char *const migrations[] = {
        "CREATE TABLE search_document (id INTEGER PRIMARY KEY, owner TEXT NOT NULL,"
        " name TEXT NOT NULL, language TEXT NOT NULL, UNIQUE (owner, name, language));"
        "CREATE VIRTUAL TABLE search_text USING fts5 (title, about, body,"
        " tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3');"
        "CREATE VIRTUAL TABLE search_passage USING fts5 (folded, said UNINDEXED, place UNINDEXED,"
        " tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3');",
        NULL,
    };
    return store_migrate(store, "search", migrations, error);
}

/* --- Folding ---------------------------------------------------------------------------------- */

#define ALIF_MAKSURA 0x0649
#define YA           0x064a
#define TA_MARBUTA   0x0629
#define HA           0x0647
#define TATWEEL      0x0640
#define STEM_LETTERS 3

/* Arabic writes article and some particles together with the word. After Larkey, Ballesteros and
 * Connell, "Light stemming for Arabic information retrieval" (2007). Longest first. */
static const char *const articles[] = {"وال", "بال", "كال", "فال", "ال", "لل"};

/* The word without its article, borrowed; the word itself when less than letters would be left. */
static const char *without_article(const char *word, glong letters)
{
    for (size_t i = 0; i < G_N_ELEMENTS(articles); i++) {
        const char *rest = word + strlen(articles[i]);
        if (g_str_has_prefix(word, articles[i]) && g_utf8_strlen(rest, -1) >= letters)
            return rest;
    }
    return word;
}

static gunichar fold_letter(gunichar letter)
{
    switch (letter) {
    case ALIF_MAKSURA:
        return YA;
    case TA_MARBUTA:
        return HA;
    default:
        return letter;
    }
}

/* Words without case, marks and forms; NULL-ended, g_strfreev(). */
static char **fold_words(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autofree char *lower = g_utf8_casefold(valid, -1);
    g_autofree char *apart = g_utf8_normalize(lower, -1, G_NORMALIZE_ALL);
    g_autoptr(GStrvBuilder) words = g_strv_builder_new();
    g_autoptr(GString) word = g_string_new(NULL);
    for (const char *at = apart;; at = g_utf8_next_char(at)) {
        gunichar letter = g_utf8_get_char(at);
        if (g_unichar_isalnum(letter) && letter != TATWEEL) {
            g_string_append_unichar(word, fold_letter(letter));
        } else if (!g_unichar_ismark(letter) && letter != TATWEEL && word->len > 0) {
            g_strv_builder_add(words, word->str);
            g_string_truncate(word, 0);
        }
        if (letter == 0)
            break;
    }
    return g_strv_builder_end(words);
}

char *search_fold(const char *text)
{
    g_auto(GStrv) words = fold_words(text);
    g_autoptr(GString) folded = g_string_new(NULL);
    for (char **word = words; *word; word++)
        g_string_append_printf(folded, "%s%s", folded->len ? " " : "",
                               without_article(*word, STEM_LETTERS));
    return g_string_free(g_steal_pointer(&folded), FALSE);
}

/* --- Noting ----------------------------------------------------------------------------------- */

/* Takes rows: true when there are some, be they none. */
static bool is_done(json_t *rows)
{
    bool ok = rows != NULL;
    json_decref(rows);
    return ok;
}

static bool forget(Store *store, int64_t id, GError **error)
{
    int64_t first = id * SEARCH_DOCUMENT_MOST;
    return is_done(
               store_query(store, error, "DELETE FROM search_text WHERE rowid = $1", "i", id)) &&
           is_done(store_query(store, error,
                               "DELETE FROM search_passage WHERE rowid BETWEEN $1 AND $2", "ii",
                               first, first + SEARCH_DOCUMENT_MOST - 1)) &&
           is_done(store_query(store, error, "DELETE FROM search_document WHERE id = $1", "i", id));
}

static bool forget_all(Store *store, const char *owner, const char *name, const char *language,
                       GError **error)
{
    json_auto_t *rows = store_query(store, error,
                                    "SELECT id FROM search_document WHERE owner = $1 AND name = $2"
                                    " AND ($3 IS NULL OR language = $3)",
                                    "sss", owner, name, language);
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        if (!forget(store, json_integer_value(json_object_get(row, "id")), error))
            return false;
    }
    return rows != NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* What is said, folded, in one; the passages as rows of the statement below. */
static char *gather(const json_t *passages, json_t *rows)
{
    g_autoptr(GString) body = g_string_new(NULL);
    size_t index;
    json_t *passage;
    json_array_foreach(passages, index, passage)
    {
        const char *said = text_of(passage, "text");
        g_autofree char *folded = search_fold(said);
        g_string_append_printf(body, "%s ", folded);
        if (index < SEARCH_DOCUMENT_MOST)
            json_array_append_new(rows,
                                  json_pack("[s, s, I]", folded, said,
                                            json_integer_value(json_object_get(passage, "place"))));
    }
    return g_string_free(g_steal_pointer(&body), FALSE);
}

/* All passages by one statement: thousands of them are a moment then. */
static bool note_passages(Store *store, int64_t id, const json_t *rows, GError **error)
{
    g_autofree char *text = json_dumps(rows, JSON_COMPACT);
    return is_done(store_query(
        store, error,
        "INSERT INTO search_passage (rowid, folded, said, place) SELECT $1 + key,"
        " json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')"
        " FROM json_each($2)",
        "is", id * SEARCH_DOCUMENT_MOST, text));
}

bool search_note(Store *store, const char *owner, const char *name, const char *language,
                 const json_t *document, GError **error)
{
    if (!forget_all(store, owner, name, language, error))
        return false;
    if (!document)
        return true;
    json_auto_t *rows = store_query(store, error,
                                    "INSERT INTO search_document (owner, name, language)"
                                    " VALUES ($1, $2, $3) RETURNING id",
                                    "sss", owner, name, language);
    if (!rows)
        return false;
    int64_t id = json_integer_value(json_object_get(json_array_get(rows, 0), "id"));
    g_autofree char *title = search_fold(text_of(document, "title"));
    g_autofree char *about = search_fold(text_of(document, "about"));
    json_auto_t *passages = json_array();
    g_autofree char *body = gather(json_object_get(document, "passages"), passages);
    return is_done(store_query(store, error,
                               "INSERT INTO search_text (rowid, title, about, body)"
                               " VALUES ($1, $2, $3, $4)",
                               "isss", id, title, about, body)) &&
           note_passages(store, id, passages, error);
}

/* --- Finding ---------------------------------------------------------------------------------- */

/* At most SEARCH_WORD_BYTES of a word, whole letters. g_free() */
static char *cut(const char *word)
{
    size_t size = MIN(strlen(word), SEARCH_WORD_BYTES);
    while (word[size] != '\0' && ((guchar)word[size] & 0xc0) == 0x80)
        size--;
    return g_strndup(word, size);
}

/* A word of the question as FTS5 has it: the beginning of a word. Only letters and digits are left
 * in it by now, so nothing in it means anything to FTS5. While an article is being typed one cannot
 * know whether it is one. */
static char *term_of(const char *word)
{
    g_autofree char *whole = cut(word);
    const char *bare = without_article(whole, 1);
    return bare == whole ? g_strdup_printf("\"%s\"*", whole)
                         : g_strdup_printf("(\"%s\"* OR \"%s\"*)", whole, bare);
}

/* The question's words joined by " AND " or " OR "; NULL when there is none. g_free() */
static char *expression_of(const char *question, const char *joint)
{
    g_auto(GStrv) words = fold_words(question);
    g_autoptr(GString) expression = g_string_new(NULL);
    for (int i = 0; words[i] && i < SEARCH_WORDS_MAX; i++) {
        g_autofree char *term = term_of(words[i]);
        g_string_append_printf(expression, "%s%s", i > 0 ? joint : "", term);
    }
    return expression->len > 0 ? g_string_free(g_steal_pointer(&expression), FALSE) : NULL;
}

static json_t *passages_of(Store *store, int64_t id, const char *expression, GError **error)
{
    int64_t first = id * SEARCH_DOCUMENT_MOST;
    return store_query(store, error,
                       "SELECT place, said AS text FROM search_passage"
                       " WHERE search_passage MATCH $1 AND rowid BETWEEN $2 AND $3"
                       " ORDER BY rowid LIMIT $4",
                       "siii", expression, first, first + SEARCH_DOCUMENT_MOST - 1,
                       (int64_t)SEARCH_PASSAGES_MAX);
}

/* Those with all words, else those with any. */
static json_t *best_passages(Store *store, int64_t id, const char *all, const char *any,
                             GError **error)
{
    json_t *passages = passages_of(store, id, all, error);
    if (!passages || json_array_size(passages) > 0)
        return passages;
    json_decref(passages);
    return passages_of(store, id, any, error);
}

/* Weights of bm25(): a word in the title says that the clip is about it. */
static json_t *ranked(Store *store, const char *owner, const char *all, const char *language,
                      GError **error)
{
    return store_query(store, error,
                       "SELECT d.id, d.name, d.language FROM search_text"
                       " JOIN search_document d ON d.id = search_text.rowid"
                       " WHERE search_text MATCH $1 AND d.owner = $2"
                       " AND ($3 IS NULL OR d.language = $3)"
                       " ORDER BY bm25(search_text, 10.0, 4.0, 1.0), d.id LIMIT $4",
                       "sssi", all, owner, language, (int64_t)SEARCH_FOUND_MAX * 3);
}

json_t *search_find(Store *store, const char *owner, const char *question, const char *language,
                    size_t most, GError **error)
{
    g_autofree char *all = expression_of(question, " AND ");
    g_autofree char *any = expression_of(question, " OR ");
    json_auto_t *found = json_array();
    json_auto_t *rows = all ? ranked(store, owner, all, language, error) : NULL;
    if (all && !rows)
        return NULL;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        const char *name = text_of(row, "name");
        if (json_array_size(found) >= MIN(most, SEARCH_FOUND_MAX) ||
            g_hash_table_contains(seen, name))
            continue;
        (void)g_hash_table_add(seen, (gpointer)(uintptr_t)name);
        json_t *passages =
            best_passages(store, json_integer_value(json_object_get(row, "id")), all, any, error);
        if (!passages)
            return NULL;
        json_array_append_new(found, json_pack("{s:s, s:s, s:o}", "name", name, "language",
                                               text_of(row, "language"), "passages", passages));
    }
    return g_steal_pointer(&found);
}
