/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Splits, wraps and times captions; the library of clips writes them. */
#include "captions.h"
#include "plugins/tutorials/cues.h"
#include <stdbool.h>
#include <string.h>

struct Captions {
    GArray *cues; /* CaptionsCue */
};

static void clear_cue(void *cue)
{
    g_free(((CaptionsCue *)cue)->text);
}

Captions *captions_new(void)
{
    Captions *captions = g_new0(Captions, 1);
    captions->cues = g_array_new(FALSE, TRUE, sizeof(CaptionsCue));
    g_array_set_clear_func(captions->cues, clear_cue);
    return captions;
}

void captions_free(Captions *captions)
{
    if (captions == NULL)
        return;
    g_array_unref(captions->cues);
    g_free(captions);
}

static bool ends_sentence(gunichar c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x2026 /* … */ || c == 0x061F /* ؟ */ ||
           c == 0x06D4 /* ۔ */ || c == 0x3002 /* 。 */;
}

static bool closes(gunichar c)
{
    return c == '"' || c == '\'' || c == ')' || c == 0x201D || c == 0x2019 || c == 0x00BB;
}

static void add_stripped(GPtrArray *parts, const char *from, const char *to)
{
    char *part = g_strstrip(g_strndup(from, (size_t)(to - from)));
    if (*part == '\0')
        g_free(part);
    else
        g_ptr_array_add(parts, part);
}

char **captions_sentences(const char *text)
{
    GPtrArray *sentences = g_ptr_array_new();
    const char *start = text, *at = text;
    while (*at != '\0') {
        bool is_end = ends_sentence(g_utf8_get_char(at));
        at = g_utf8_next_char(at);
        if (!is_end)
            continue;
        while (*at != '\0' && (ends_sentence(g_utf8_get_char(at)) || closes(g_utf8_get_char(at))))
            at = g_utf8_next_char(at);
        /* "08.00" and "perpustakaan.example" go on without a space. */
        if (*at == '\0' || g_unichar_isspace(g_utf8_get_char(at))) {
            add_stripped(sentences, start, at);
            start = at;
        }
    }
    add_stripped(sentences, start, at);
    g_ptr_array_add(sentences, NULL);
    return (char **)g_ptr_array_free(sentences, FALSE);
}

/* Characters that take room: Arabic vowel marks stand above their letters. */
static long visible_length(const char *from, const char *to)
{
    long count = 0;
    for (const char *at = from; at < to; at = g_utf8_next_char(at))
        if (!g_unichar_ismark(g_utf8_get_char(at)))
            count++;
    return count;
}

static bool is_clause_end(gunichar c)
{
    return c == ',' || c == ';' || c == ':' || c == 0x060C /* ، */ || c == 0x061B /* ؛ */ ||
           c == 0x2013 || c == 0x2014;
}

/* The space where text is best cut so that the left part has about `wish` characters and no part is
 * wider than `limit`, if that can be. Clause ends attract. NULL if there is no space. */
static const char *best_cut(const char *text, long wish, long limit, long clause_bonus)
{
    const char *end = text + strlen(text), *best = NULL;
    long best_cost = G_MAXLONG, left = 0;
    long total = visible_length(text, end);
    gunichar before = 0;
    for (const char *at = text; at < end; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (c == ' ' && at > text) {
            long cost = ABS(left - wish);
            if (is_clause_end(before))
                cost -= clause_bonus;
            if (left > limit)
                cost += 1000 + (left - limit);
            if (total - left - 1 > limit)
                cost += 1000 + (total - left - 1 - limit);
            if (cost < best_cost) {
                best_cost = cost;
                best = at;
            }
        }
        if (!g_unichar_ismark(c))
            left++;
        before = c;
    }
    return best;
}

static char *wrap(const char *text)
{
    long length = visible_length(text, text + strlen(text));
    if (length <= CAPTIONS_LINE_CHARACTERS)
        return g_strdup(text);
    /* Lines of like length read easiest. */
    const char *cut = best_cut(text, length / 2, CAPTIONS_LINE_CHARACTERS, 6);
    if (cut == NULL)
        return g_strdup(text);
    return g_strdup_printf("%.*s\n%s", (int)(cut - text), text, cut + 1);
}

static bool fits_cue(const char *text)
{
    g_autofree char *wrapped = wrap(text);
    const char *newline = strchr(wrapped, '\n');
    const char *first_end = newline != NULL ? newline : wrapped + strlen(wrapped);
    return visible_length(wrapped, first_end) <= CAPTIONS_LINE_CHARACTERS &&
           (newline == NULL ||
            visible_length(newline + 1, wrapped + strlen(wrapped)) <= CAPTIONS_LINE_CHARACTERS);
}

void captions_add(Captions *captions, const char *sentence, int64_t start_ms, int64_t end_ms)
{
    long length = visible_length(sentence, sentence + strlen(sentence));
    if (length == 0)
        return;
    if (!fits_cue(sentence)) {
        const char *cut = best_cut(sentence, length / 2, G_MAXLONG / 4, 14);
        if (cut != NULL) {
            g_autofree char *left = g_strndup(sentence, (size_t)(cut - sentence));
            long left_length = visible_length(left, left + strlen(left));
            int64_t middle_ms = start_ms + (end_ms - start_ms) * left_length / length;
            captions_add(captions, left, start_ms, middle_ms);
            captions_add(captions, cut + 1, middle_ms, end_ms);
            return;
        }
    }
    CaptionsCue cue = {.start_ms = start_ms, .end_ms = end_ms, .text = wrap(sentence)};
    g_array_append_val(captions->cues, cue);
}

static CaptionsCue *cue_at(const Captions *captions, size_t index)
{
    return &g_array_index(captions->cues, CaptionsCue, index);
}

/* Joins the cue with the next one if both together still are one cue. */
static bool merge_next(Captions *captions, size_t index)
{
    CaptionsCue *cue = cue_at(captions, index), *next = cue_at(captions, index + 1);
    g_autofree char *joined =
        g_strdelimit(g_strdup_printf("%s %s", cue->text, next->text), "\n", ' ');
    if (!fits_cue(joined))
        return false;
    g_free(cue->text);
    cue->text = wrap(joined);
    cue->end_ms = next->end_ms;
    g_array_remove_index(captions->cues, (guint)index + 1);
    return true;
}

void captions_settle(Captions *captions, int64_t total_ms)
{
    for (size_t i = 0; i < captions->cues->len; i++) {
        CaptionsCue *cue = cue_at(captions, i);
        bool has_next = i + 1 < captions->cues->len;
        int64_t room_ms = has_next ? cue_at(captions, i + 1)->start_ms : total_ms;
        int64_t wish_ms =
            MAX(cue->end_ms + CAPTIONS_LINGER_MS, cue->start_ms + CAPTIONS_MINIMUM_MS);
        cue->end_ms = MAX(MIN(wish_ms, room_ms), cue->start_ms + 1);
        if (cue->end_ms - cue->start_ms >= CAPTIONS_MINIMUM_MS || !has_next)
            continue;
        /* "Ya. Silakan …": too short to be read alone. */
        if (merge_next(captions, i)) {
            i--;
            continue;
        }
        CaptionsCue *next = cue_at(captions, i + 1);
        int64_t needed_end_ms = cue->start_ms + CAPTIONS_MINIMUM_MS;
        if (next->end_ms - needed_end_ms >= CAPTIONS_MINIMUM_MS)
            cue->end_ms = next->start_ms = needed_end_ms;
    }
}

size_t captions_count(const Captions *captions)
{
    return captions->cues->len;
}

const CaptionsCue *captions_cue(const Captions *captions, size_t index)
{
    return cue_at(captions, index);
}

/* The same cues for the one writer of files. */
static Cues *as_cues(const Captions *captions)
{
    Cues *cues = cues_new();
    for (size_t i = 0; i < captions->cues->len; i++) {
        const CaptionsCue *cue = cue_at(captions, i);
        cues_add_text(cues, cue->start_ms, cue->end_ms, cue->text);
    }
    return cues;
}

char *captions_vtt(const Captions *captions)
{
    g_autoptr(Cues) cues = as_cues(captions);
    return cues_vtt(cues);
}

json_t *captions_json(const Captions *captions)
{
    g_autoptr(Cues) cues = as_cues(captions);
    return cues_json(cues);
}
