/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How a call is said: a template of the catalogue with number and counter filled in.
 *
 * Characters are spoken one by one, commas between: digits survive noise, and a letter before a
 * number is not taken for a word. Letters come from the catalogue ("screen.letter_A"), so that
 * Arabic says its own names for them. Numbers stay numerals, for the synthesiser reads them better
 * than words, but not all in one: espeak-ng 1.51 gives Indonesian 40 to 49 and 60 to 69 a wrong
 * vowel, slurs Arabic hundreds and stumbles over the Arabic 14, and says their parts right. */
#include "plugins/voice/voice.h"
#include <string.h>

#define NUMBER_MAX  999
#define SPELLED_MAX 4 /* a counter "A3" is spelled, one called "Anak" is said */

/* The catalogue's text, or NULL where this language has none, or an empty one. */
static const char *word_or_null(Serambi *self, const char *language, const char *key)
{
    const char *word = serambi_word(self, language, key);
    return *word && strcmp(word, key) ? word : NULL;
}

/* The catalogue's text with a numeral in the place of each of the two names. */
static char *fill_numeral(const char *text, int tens, int units)
{
    g_autoptr(GString) filled = g_string_new(text);
    g_autofree char *tens_numeral = g_strdup_printf("%d", tens);
    g_autofree char *units_numeral = g_strdup_printf("%d", units);
    g_string_replace(filled, "{tens}", tens_numeral, 0);
    g_string_replace(filled, "{units}", units_numeral, 0);
    return g_string_free(g_steal_pointer(&filled), FALSE);
}

/* Where the catalogue has no text for it, a number is said right as it stands. */
static void append_below_hundred(Serambi *self, GString *text, const char *language, int number)
{
    const char *fourteen = number == 14 ? word_or_null(self, language, "screen.number_14") : NULL;
    const char *key = number % 10 ? "screen.number_tens_units" : "screen.number_tens";
    const char *parts = number >= 20 ? word_or_null(self, language, key) : NULL;
    if (fourteen) {
        g_string_append(text, fourteen);
    } else if (parts) {
        g_autofree char *filled = fill_numeral(parts, number / 10, number % 10);
        g_string_append(text, filled);
    } else {
        g_string_append_printf(text, "%d", number);
    }
}

char *phrase_number(Serambi *self, const char *language, int number)
{
    const char *joint = word_or_null(self, language, "screen.number_joint");
    GString *text = g_string_new(NULL);
    if (number < 100 || number > NUMBER_MAX || !joint) {
        if (number < 100)
            append_below_hundred(self, text, language, number);
        else
            g_string_append_printf(text, "%d", number);
        return g_string_free(text, FALSE);
    }
    g_string_append_printf(text, "%d", number / 100 * 100);
    if (number % 100) {
        g_string_append(text, joint);
        append_below_hundred(self, text, language, number % 100);
    }
    return g_string_free(text, FALSE);
}

static void append_comma(Serambi *self, GString *phrase, const char *language)
{
    if (phrase->len)
        g_string_append(phrase, serambi_word(self, language, "screen.comma"));
}

static void append_letter(Serambi *self, GString *phrase, const char *language, char letter)
{
    char key[] = "screen.letter_?";
    key[strlen(key) - 1] = g_ascii_toupper(letter);
    const char *word = word_or_null(self, language, key);
    if (word)
        g_string_append(phrase, word);
    else
        g_string_append_c(phrase, g_ascii_toupper(letter));
}

/* "012" as one number, "12"; false, and nothing done, where it is none that is said so. */
static bool append_whole(Serambi *self, GString *phrase, const char *language, const char *digits,
                         size_t count)
{
    g_autofree char *copy = g_strndup(digits, count);
    guint64 number = g_ascii_strtoull(copy, NULL, 10);
    if (number > NUMBER_MAX)
        return false;
    g_autofree char *said = phrase_number(self, language, (int)number);
    append_comma(self, phrase, language);
    g_string_append(phrase, said);
    return true;
}

char *phrase_ticket(Serambi *self, const char *language, const char *ticket, VoiceNumbers numbers)
{
    GString *phrase = g_string_new(NULL);
    for (const char *at = ticket; *at; at++) {
        size_t digits = strspn(at, "0123456789");
        if (numbers == VOICE_FULL && digits && append_whole(self, phrase, language, at, digits)) {
            at += digits - 1;
            continue;
        }
        for (size_t i = 0; i < digits; i++) {
            append_comma(self, phrase, language);
            g_string_append_c(phrase, at[i]);
        }
        if (digits) {
            at += digits - 1;
        } else if (g_ascii_isalpha(*at)) {
            append_comma(self, phrase, language);
            append_letter(self, phrase, language, *at);
        }
    }
    return g_string_free(phrase, FALSE);
}

/* Counters are few: their numbers are said whole. "A3" is spelled, a name is said as it stands. */
static char *phrase_counter(Serambi *self, const char *language, const char *counter,
                            const char **ret_template)
{
    bool is_short = true, has_digit = false;
    for (const char *at = counter; *at; at++) {
        is_short = is_short && g_ascii_isalnum(*at);
        has_digit = has_digit || g_ascii_isdigit(*at);
    }
    *ret_template = "screen.call";
    if (is_short && strlen(counter) <= SPELLED_MAX && (has_digit || strlen(counter) == 1))
        return phrase_ticket(self, language, counter, VOICE_FULL);
    *ret_template = "screen.call_named";
    return g_strdup(counter);
}

char *phrase_call(Serambi *self, const char *language, const char *ticket, const char *counter,
                  const char *service, VoiceNumbers numbers)
{
    const char *template;
    g_autofree char *place = phrase_counter(self, language, counter, &template);
    g_autofree char *spelled = phrase_ticket(self, language, ticket, numbers);
    /* Each value is put in once, so that a name with braces stays a name. */
    g_auto(GStrv) pieces = g_strsplit(serambi_word(self, language, template), "{", -1);
    g_autoptr(GString) phrase = g_string_new(NULL);
    if (service && *service)
        g_string_append_printf(phrase, "%s. ", service);
    g_string_append(phrase, pieces[0]);
    for (char **piece = pieces + 1; pieces[0] && *piece; piece++) {
        const char *rest = strchr(*piece, '}');
        g_string_append(phrase, g_str_has_prefix(*piece, "ticket}") ? spelled : place);
        g_string_append(phrase, rest ? rest + 1 : "");
    }
    return g_string_free(g_steal_pointer(&phrase), FALSE);
}
