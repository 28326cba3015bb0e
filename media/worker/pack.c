/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Finds the recordings that say a text. */
#include "pack.h"
#include "report.h"
#include <string.h>

/* What a speaker leaves at a comma and at the end of a sentence. The recordings have none of their
 * own: their silence is cut off. */
#define COMMA_MS    140
#define SENTENCE_MS 320

struct Pack {
    GHashTable *clips;    /* "nomor antrean" to its path */
    bool ones_first;      /* "five and forty" */
    const char *and_word; /* between the parts of a number, where it was recorded; or NULL */
};

/* A word, or what a punctuation mark before it means. */
typedef struct {
    char *text;
    unsigned gap_ms; /* after it */
} Word;

static void word_clear(void *data)
{
    g_free(((Word *)data)->text);
}

/* Vowel signs and the stroke that only makes a word longer: people name files without them. */
static bool is_ornament(gunichar letter)
{
    return (letter >= 0x064B && letter <= 0x065F) || letter == 0x0670 || letter == 0x0640;
}

static unsigned pause_of(gunichar letter)
{
    if (letter == ',' || letter == 0x060C)
        return COMMA_MS;
    bool ends = letter < 128 ? strchr(".;:!?\n", (int)letter) != NULL && letter != 0
                             : letter == 0x061B || letter == 0x061F || letter == 0x2026;
    return ends ? SENTENCE_MS : 0;
}

/* The words of a text as they are compared. g_array_unref(). */
static GArray *split(const char *text)
{
    g_autofree char *composed = g_utf8_normalize(text, -1, G_NORMALIZE_ALL_COMPOSE);
    g_autofree char *folded = composed ? g_utf8_casefold(composed, -1) : g_strdup("");
    GArray *words = g_array_new(FALSE, FALSE, sizeof(Word));
    g_array_set_clear_func(words, word_clear);
    g_autoptr(GString) word = g_string_new(NULL);
    for (const char *at = folded;; at = g_utf8_next_char(at)) {
        gunichar letter = g_utf8_get_char(at);
        if (letter && is_ornament(letter))
            continue;
        if (letter && (g_unichar_isalnum(letter) || g_unichar_ismark(letter))) {
            g_string_append_unichar(word, letter);
            continue;
        }
        if (word->len) {
            Word whole = {.text = g_strdup(word->str)};
            g_array_append_val(words, whole);
            g_string_truncate(word, 0);
        }
        if (!letter)
            return words;
        if (words->len) {
            Word *last = &g_array_index(words, Word, words->len - 1);
            last->gap_ms = MAX(last->gap_ms, pause_of(letter));
        }
    }
}

/* "nomor antrean" of count words. g_free(). */
static char *join(const GArray *words, guint from, guint count)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < count; i++)
        g_string_append_printf(text, "%s%s", i ? " " : "",
                               g_array_index(words, Word, from + i).text);
    return g_string_free(text, FALSE);
}

/* The name without its ending; NULL when it is none of a recording. g_free(). */
static char *said_by(const char *name)
{
    static const char *const endings[] = {".wav", ".flac", ".ogg", ".oga", ".opus"};
    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
        size_t length = strlen(name), ending = strlen(endings[i]);
        if (length > ending && !g_ascii_strcasecmp(name + length - ending, endings[i]))
            return g_strndup(name, length - ending);
    }
    return NULL;
}

static void add_clip(Pack *pack, const char *folder, const char *name)
{
    g_autofree char *stem = g_utf8_validate(name, -1, NULL) ? said_by(name) : NULL;
    if (!stem || name[0] == '.')
        return;
    g_autoptr(GArray) words = split(stem);
    if (words->len < 1 || words->len > PACK_WORDS_MAX)
        return;
    char *key = join(words, 0, words->len), *path = g_build_filename(folder, name, NULL);
    /* Of two with the same name the first of the alphabet: always the same one. */
    const char *other = g_hash_table_lookup(pack->clips, key);
    if (!other || strcmp(path, other) < 0)
        g_hash_table_replace(pack->clips, key, path);
    else {
        g_free(key);
        g_free(path);
    }
}

Pack *pack_open(const char *folder, const char *language, GError **error)
{
    g_autoptr(GError) failure = NULL;
    GDir *dir = g_dir_open(folder, 0, &failure);
    if (!dir) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_CANNOT_OPEN, "there is no voice: %s",
                    failure->message);
        return NULL;
    }
    Pack *pack = g_new0(Pack, 1);
    pack->clips = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    pack->ones_first = g_str_equal(language, "ar");
    pack->and_word = g_str_equal(language, "ar")   ? "\xd9\x88" /* wa */
                     : g_str_equal(language, "en") ? "and"
                                                   : NULL;
    const char *name;
    size_t count = 0;
    while ((name = g_dir_read_name(dir)) && count++ < PACK_CLIPS_MAX)
        add_clip(pack, folder, name);
    g_dir_close(dir);
    if (name || g_hash_table_size(pack->clips) == 0) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_CANNOT_OPEN,
                    name ? "more than %d recordings in one voice" : "no recording in the voice",
                    PACK_CLIPS_MAX);
        g_clear_pointer(&pack, pack_free);
    }
    return pack;
}

void pack_free(Pack *pack)
{
    if (!pack)
        return;
    g_hash_table_unref(pack->clips);
    g_free(pack);
}

/* --- The plan ------------------------------------------------------------------------------- */

static void add_step(GArray *steps, const char *path, unsigned gap_ms)
{
    PackStep step = {.path = path, .gap_ms = gap_ms};
    g_array_append_val(steps, step);
}

static bool add_known(const Pack *pack, GArray *steps, const char *words)
{
    const char *path = g_hash_table_lookup(pack->clips, words);
    if (path)
        add_step(steps, path, 0);
    return path != NULL;
}

static bool add_value(const Pack *pack, GArray *steps, int value)
{
    g_autofree char *words = g_strdup_printf("%d", value);
    return add_known(pack, steps, words);
}

/* 21 to 999 of the recordings 1 to 20, 30 ... 90, 100 ... 900. */
static bool add_composed(const Pack *pack, GArray *steps, int value)
{
    int hundreds = value - value % 100, rest = value % 100;
    if (hundreds) {
        if (!add_value(pack, steps, hundreds))
            return false;
        if (!rest)
            return true;
        if (pack->and_word)
            (void)add_known(pack, steps, pack->and_word);
        if (add_value(pack, steps, rest))
            return true;
    }
    int tens = rest - rest % 10, ones = rest % 10;
    if (!tens || !ones)
        return false;
    if (!pack->ones_first)
        return add_value(pack, steps, tens) && add_value(pack, steps, ones);
    return add_value(pack, steps, ones) && add_known(pack, steps, pack->and_word) &&
           add_value(pack, steps, tens);
}

static bool add_digits(const Pack *pack, GArray *steps, const char *digits)
{
    for (; *digits; digits++)
        if (!add_value(pack, steps, *digits - '0'))
            return false;
    return true;
}

static bool add_number(const Pack *pack, GArray *steps, const char *word)
{
    size_t length = strlen(word);
    if (strspn(word, "0123456789") != length)
        return false;
    guint before = steps->len;
    if (length <= 3 && word[0] != '0' &&
        add_composed(pack, steps, (int)g_ascii_strtoll(word, NULL, 10)))
        return true;
    g_array_set_size(steps, before);
    return add_digits(pack, steps, word);
}

/* How many words the longest recording from here says; not across a pause. 0: none. */
static guint add_longest(const Pack *pack, GArray *steps, const GArray *words, guint from)
{
    guint count = 1;
    while (from + count < words->len && count < PACK_WORDS_MAX &&
           !g_array_index(words, Word, from + count - 1).gap_ms)
        count++;
    for (; count > 0; count--) {
        g_autofree char *said = join(words, from, count);
        if (add_known(pack, steps, said))
            return count;
    }
    return add_number(pack, steps, g_array_index(words, Word, from).text) ? 1 : 0;
}

GArray *pack_plan(const Pack *pack, const char *text, GError **error)
{
    g_autoptr(GArray) words = split(text);
    g_autoptr(GArray) steps = g_array_new(FALSE, FALSE, sizeof(PackStep));
    for (guint at = 0; at < words->len;) {
        guint count = add_longest(pack, steps, words, at);
        if (!count || steps->len > PACK_STEPS_MAX) {
            g_set_error(error, REPORT_ERROR, REPORT_ERROR_NO_VOICE,
                        count ? "too long for recordings, at \"%s\""
                              : "there is no recording of \"%s\"",
                        g_array_index(words, Word, at).text);
            return NULL;
        }
        at += count;
        g_array_index(steps, PackStep, steps->len - 1).gap_ms =
            g_array_index(words, Word, at - 1).gap_ms;
    }
    if (!steps->len) {
        g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_USAGE,
                            "the text has nothing that can be said");
        return NULL;
    }
    return g_steal_pointer(&steps);
}
