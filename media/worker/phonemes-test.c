/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a call sounds like: every letter with every number from 1 to 999, in three languages and
 * both ways of saying numbers, through the real catalogues and the real synthesiser. What is
 * expected is composed by rules of grammar from the sound of each letter and each simple number,
 * which were checked one by one; nothing is a copy of what the synthesiser once said of a whole.
 *
 * Phonemes are espeak-ng's. Stress is left out, for it moves with the sentence. */
#include "plugins/voice/voice.h"
#include <espeak-ng/speak_lib.h>
#include <string.h>

#define STRESS "',_| 2"

/* --- The catalogues ------------------------------------------------------------------------- */

static json_t *catalogues; /* object: language to words */

static void read_catalogues(void)
{
    static const char *const languages[] = {"id", "en", "ar"};
    catalogues = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
        g_autofree char *path =
            g_strdup_printf("%s/%s.json", g_getenv("SERAMBI_VOICE_WORDS"), languages[i]);
        json_t *words = json_load_file(path, 0, NULL);
        g_assert_nonnull(words);
        json_object_set_new(catalogues, languages[i], words);
    }
}

const char *serambi_word(Serambi *self, const char *language, const char *key)
{
    const char *word =
        json_string_value(json_object_get(json_object_get(catalogues, language), key));
    return word ? word : key;
}

/* --- What is heard -------------------------------------------------------------------------- */

/* A name that does not exist keeps the voice before it: what it answers is asked for. */
static void use_voice(const char *name)
{
    g_assert_cmpint(espeak_SetVoiceByName(name), ==, EE_OK);
}

/* "A-" is how espeak-ng writes the Arabic ayn before a consonant or in an unstressed place; it is
 * the same letter as "A". */
static void append_sounds(GString *heard, const char *phonemes)
{
    for (const char *at = phonemes; *at; at++)
        if (!strchr(STRESS, *at) && !(*at == '-' && at > phonemes && at[-1] == 'A'))
            g_string_append_c(heard, *at);
}

/* All clauses of a text, "/" after each: the function gives one at a time. */
static char *sounds_of(const char *text)
{
    GString *heard = g_string_new(NULL);
    const void *rest = text;
    while (rest) {
        const char *phonemes = espeak_TextToPhonemes(&rest, espeakCHARS_UTF8, 0);
        append_sounds(heard, phonemes);
        if (heard->len && heard->str[heard->len - 1] != '/')
            g_string_append_c(heard, '/');
    }
    return g_string_free(heard, FALSE);
}

/* --- What is to be heard -------------------------------------------------------------------- */

typedef struct {
    const char *language;
    const char *ticket, *counter; /* the words before each */
    const char *linking;          /* heard between "counter" and a vowel */
    const char *letters[26];
    const char *digits[10];
    char *(*whole)(const char *const *digits, int number); /* 1 to 999 */
} Tongue;

static char *indonesian(const char *const *digits, int number)
{
    GString *sounds = g_string_new(NULL);
    int hundreds = number / 100, rest = number % 100;
    if (hundreds)
        g_string_append_printf(sounds, "%sRatus", hundreds == 1 ? "s@" : digits[hundreds]);
    if (rest == 10 || rest == 11)
        g_string_append(sounds, rest == 10 ? "s@puluh" : "s@b@las");
    else if (rest > 11 && rest < 20)
        g_string_append_printf(sounds, "%sb@las", digits[rest % 10]);
    else {
        if (rest >= 20)
            g_string_append_printf(sounds, "%spuluh", digits[rest / 10]);
        if (rest % 10)
            g_string_append(sounds, digits[rest % 10]);
    }
    return g_string_free(sounds, FALSE);
}

static char *english(const char *const *digits, int number)
{
    static const char *const teens[] = {"tEn",     "IlEv@n",   "twElv",     "T3:ti:n", "fo@ti:n",
                                        "fIfti:n", "sIksti:n", "sEv@nti:n", "eIti:n",  "naInti:n"};
    static const char *const tens[] = {"",      "",       "twEnti",  "T3:ti", "fo@ti",
                                       "fIfti", "sIksti", "sEv@nti", "eIti",  "naInti"};
    GString *sounds = g_string_new(NULL);
    int hundreds = number / 100, rest = number % 100;
    if (hundreds)
        g_string_append_printf(sounds, "%shVndrId%s", digits[hundreds], rest ? "@n" : "");
    if (rest >= 10 && rest < 20)
        g_string_append(sounds, teens[rest - 10]);
    else {
        g_string_append(sounds, tens[rest / 10]);
        /* A glide leads from "-ty" to the one digit that begins with a vowel. */
        if (rest % 10)
            g_string_append_printf(sounds, "%s%s", rest > 20 && rest % 10 == 8 ? ";" : "",
                                   digits[rest % 10]);
    }
    return g_string_free(sounds, FALSE);
}

static char *arabic(const char *const *digits, int number)
{
    /* Before "hundred" and "ten" a number ends otherwise. */
    static const char *const hundred[] = {"",      "",      "",      "Tala:Tu", "?arbaAu",
                                          "xamsu", "sit:u", "sabAu", "Tama:nu", "tisAu"};
    static const char *const tens[] = {"",        "",        "AiSRu:n", "Tala:Tu:n", "?aRbaAu:n",
                                       "xamsu:n", "sit:u:n", "sabAu:n", "Tama:nu:n", "tisAu:n"};
    static const char *const teens[] = {"AaSara",  "?aHada",  "?iTna:",  "Tala:Tata",   "?aRbaAata",
                                        "xamsata", "sit:ata", "sabAata", "Tama:nijata", "tisAata"};
    GString *sounds = g_string_new(NULL);
    int hundreds = number / 100, rest = number % 100;
    if (hundreds == 1 || hundreds == 2)
        g_string_append(sounds, hundreds == 1 ? "mi?a" : "mi?ata:n");
    else if (hundreds)
        g_string_append_printf(sounds, "%smi?a", hundred[hundreds]);
    if (hundreds && rest)
        g_string_append(sounds, "wa");
    if (rest >= 10 && rest < 20)
        g_string_append_printf(sounds, "%s%s", teens[rest - 10], rest == 10 ? "" : "AaSaR");
    else {
        if (rest % 10)
            g_string_append_printf(sounds, "%s%s", digits[rest % 10], rest > 20 ? "wa" : "");
        g_string_append(sounds, tens[rest / 10]);
    }
    return g_string_free(sounds, FALSE);
}

static const Tongue tongues[] = {
    {
        .language = "id",
        .ticket = "nomORantREan",
        .counter = "silakank@lok@t",
        .linking = "",
        .letters = {"a",   "be", "tSe", "de", "e",  "Ef",  "ge", "ha", "i",
                    "dZe", "ka", "El",  "Em", "En", "o",   "pe", "ki", "ER",
                    "Es",  "te", "u",   "fe", "we", "Eks", "je", "zEt"},
        .digits = {"nol", "satu", "dua", "tiga", "@mpat", "lima", "@nam", "tudZuh", "d@lapan",
                   "s@mbilan"},
        .whole = indonesian,
    },
    {
        .language = "en",
        .ticket = "tIkIt",
        .counter = "pli:zgoUt@kaUnt3",
        .linking = "r-",
        .letters = {"eI",   "bi:", "si:", "di:", "i:",       "Ef",  "dZi:", "eItS", "aI",
                    "dZeI", "keI", "El",  "Em",  "En",       "oU",  "pi:",  "kju:", "A@",
                    "Es",   "ti:", "ju:", "vi:", "dVb@Lju:", "Eks", "waI",  "zEd"},
        .digits = {"zi@roU", "w0n", "tu:", "Tri:", "fo@", "faIv", "sIks", "sEv@n", "eIt", "naIn"},
        .whole = english,
    },
    {
        .language = "ar",
        .ticket = "Raqm",
        .counter = "?ila:?aSSu:b:a:ka",
        .linking = "",
        .letters = {"?alif", "bi:",  "si:",  "di:",  "?i:",     "?iff", "dZi:", "?itS", "?a:j",
                    "dZa:i", "ka:i", "?ill", "?imm", "?inn",    "?u:",  "pi:",  "kju:", "?a:R",
                    "?iss",  "ti:",  "ju:",  "fi:",  "dablju:", "?iks", "wa:i", "zid:"},
        .digits = {"s[-ifR", "wa:Hid", "?iTna:n", "Tala:Ta", "?aRbaAa", "xamsa", "sit:a", "sabAa",
                   "Tama:nija", "tisAa"},
        .whole = arabic,
    },
};

/* A call to counter 3 in which that is said of the number. */
static char *expect_call(const Tongue *tongue, char letter, const char *number)
{
    return g_strdup_printf("%s%s/%s%s%s/", tongue->ticket, tongue->letters[letter - 'A'], number,
                           tongue->counter, tongue->digits[3]);
}

/* Says how many calls are wrong, and shows the first ones: one rule broken breaks many. */
static int check_call(const Tongue *tongue, const char *ticket, const char *counter,
                      VoiceNumbers numbers, const char *expected, int wrong)
{
    g_autofree char *text = phrase_call(NULL, tongue->language, ticket, counter, NULL, numbers);
    g_autofree char *heard = sounds_of(text);
    if (!strcmp(heard, expected))
        return wrong;
    if (wrong < 12)
        g_test_message("%s: \"%s\" is read\n  %s and not\n  %s", tongue->language, text, heard,
                       expected);
    return wrong + 1;
}

/* "A012": each digit for itself, the noughts before it too. */
static void test_digits(const void *data)
{
    const Tongue *tongue = data;
    use_voice(tongue->language);
    int wrong = 0;
    for (char letter = 'A'; letter <= 'Z'; letter++)
        for (int number = 1; number <= 999; number++) {
            g_autofree char *ticket = g_strdup_printf("%c%03d", letter, number);
            g_autofree char *digits =
                g_strdup_printf("%s/%s/%s/", tongue->digits[number / 100],
                                tongue->digits[number / 10 % 10], tongue->digits[number % 10]);
            g_autofree char *expected = expect_call(tongue, letter, digits);
            wrong = check_call(tongue, ticket, "3", VOICE_DIGITS, expected, wrong);
        }
    g_assert_cmpint(wrong, ==, 0);
}

static void test_whole(const void *data)
{
    const Tongue *tongue = data;
    use_voice(tongue->language);
    int wrong = 0;
    for (char letter = 'A'; letter <= 'Z'; letter++)
        for (int number = 1; number <= 999; number++) {
            g_autofree char *ticket = g_strdup_printf("%c%03d", letter, number);
            g_autofree char *whole = tongue->whole(tongue->digits, number);
            g_autofree char *said = g_strdup_printf("%s/", whole);
            g_autofree char *expected = expect_call(tongue, letter, said);
            wrong = check_call(tongue, ticket, "3", VOICE_FULL, expected, wrong);
        }
    g_assert_cmpint(wrong, ==, 0);
}

/* Counters 1 to 99, which are always said whole. */
static void test_counters(const void *data)
{
    const Tongue *tongue = data;
    use_voice(tongue->language);
    int wrong = 0;
    for (int number = 1; number <= 99; number++) {
        g_autofree char *counter = g_strdup_printf("%d", number);
        g_autofree char *whole = tongue->whole(tongue->digits, number);
        g_autofree char *expected = g_strdup_printf(
            "%s%s/%s/%s%s%s/", tongue->ticket, tongue->letters[1], tongue->digits[7],
            tongue->counter, strchr("eI", *whole) ? tongue->linking : "", whole);
        wrong = check_call(tongue, "B7", counter, VOICE_DIGITS, expected, wrong);
    }
    g_assert_cmpint(wrong, ==, 0);
}

/* No two letters sound alike in a language: who waits with P does not rise for B. */
static void test_letters(const void *data)
{
    const Tongue *tongue = data;
    use_voice(tongue->language);
    g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (char letter = 'A'; letter <= 'Z'; letter++) {
        char ticket[] = {letter, '1', 0};
        g_autofree char *said = phrase_ticket(NULL, tongue->language, ticket, VOICE_DIGITS);
        g_autofree char *heard = sounds_of(said);
        g_autofree char *expected =
            g_strdup_printf("%s/%s/", tongue->letters[letter - 'A'], tongue->digits[1]);
        g_assert_cmpstr(heard, ==, expected);
        g_assert_true(g_hash_table_add(known, g_steal_pointer(&heard)));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(espeak_Initialize(AUDIO_OUTPUT_RETRIEVAL, 0, NULL, espeakINITIALIZE_DONT_EXIT),
                    >, 0);
    read_catalogues();
    for (size_t i = 0; i < G_N_ELEMENTS(tongues); i++) {
        const struct {
            const char *name;
            void (*test)(const void *);
        } tests[] = {{"letters", test_letters},
                     {"digits", test_digits},
                     {"whole", test_whole},
                     {"counters", test_counters}};
        for (size_t k = 0; k < G_N_ELEMENTS(tests); k++) {
            g_autofree char *path =
                g_strdup_printf("/phonemes/%s/%s", tongues[i].language, tests[k].name);
            g_test_add_data_func(path, &tongues[i], tests[k].test);
        }
    }
    int status = g_test_run();
    json_decref(catalogues);
    espeak_Terminate();
    return status;
}
