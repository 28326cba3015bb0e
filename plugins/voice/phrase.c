/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How a call is said: a template of the catalogue with number and counter filled in.
 *
 * Characters are spoken one by one, commas between: digits survive noise, and a letter before a
 * number is not taken for a word. Letters come from the catalogue ("screen.letter_A"), so that
 * Arabic says its own names for them. */
#include "plugins/voice/voice.h"
#include <string.h>

char *phrase_ticket(Serambi *self, const char *language, const char *ticket)
{
    GString *phrase = g_string_new(NULL);
    for (const char *at = ticket; *at; at++) {
        if (!g_ascii_isalnum(*at))
            continue;
        if (phrase->len)
            g_string_append(phrase, serambi_word(self, language, "screen.comma"));
        char key[] = "screen.letter_?";
        key[strlen(key) - 1] = g_ascii_toupper(*at);
        const char *word = g_ascii_isalpha(*at) ? serambi_word(self, language, key) : key;
        if (!strcmp(word, key))
            g_string_append_c(phrase, g_ascii_toupper(*at));
        else
            g_string_append(phrase, word);
    }
    return g_string_free(phrase, FALSE);
}

char *phrase_call(Serambi *self, const char *language, const char *ticket, const char *counter)
{
    g_autofree char *spelled = phrase_ticket(self, language, ticket);
    g_autoptr(GString) phrase = g_string_new(serambi_word(self, language, "screen.call"));
    g_string_replace(phrase, "{ticket}", spelled, 0);
    g_string_replace(phrase, "{counter}", counter, 0);
    return g_string_free(g_steal_pointer(&phrase), FALSE);
}
