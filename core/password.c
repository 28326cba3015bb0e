/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Passwords: which are good enough, how one is made for people, and argon2id. */
#include "core/password.h"
#include "core/common_passwords.h"
#include "core/limits.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* OWASP ASVS 5.0 asks for t=2 with at least 19 MiB; 64 MiB make each guess as dear as one login on
 * a machine of 1 GiB allows, with LIMIT_LOGIN_WORKERS at once. */
static struct {
    unsigned long long passes;
    size_t bytes;
} cost = {.passes = 2, .bytes = 64 * 1024 * 1024};

void password_set_cost(unsigned long long passes, size_t bytes)
{
    cost.passes = passes;
    cost.bytes = bytes;
}

static int compare_common(const void *key, const void *entry)
{
    return strcmp(key, *(const char *const *)entry);
}

bool password_is_common(const char *password)
{
    g_autofree char *lower = g_ascii_strdown(password, -1);
    return bsearch(lower, common_passwords, common_password_count, sizeof common_passwords[0],
                   compare_common) != NULL;
}

/* "aaaaaaaa" and the like: as common as the list, too many to write down. */
static bool is_one_character(const char *password)
{
    return strspn(password, (const char[]){password[0], '\0'}) == strlen(password);
}

bool password_check(const char *password, const char *user, GError **error)
{
    size_t size = strlen(password);
    if (size < LIMIT_PASSWORD_MIN_BYTES) {
        g_set_error(error, ACCESS_ERROR, ACCESS_ERROR_PASSWORD,
                    "a password needs at least %d characters", LIMIT_PASSWORD_MIN_BYTES);
        return false;
    }
    if (size > LIMIT_PASSWORD_BYTES || !g_utf8_validate(password, (gssize)size, NULL)) {
        g_set_error(error, ACCESS_ERROR, ACCESS_ERROR_PASSWORD,
                    "a password has at most %d bytes of UTF-8", LIMIT_PASSWORD_BYTES);
        return false;
    }
    if (password_is_common(password) || is_one_character(password) ||
        g_ascii_strcasecmp(password, user) == 0) {
        g_set_error_literal(error, ACCESS_ERROR, ACCESS_ERROR_PASSWORD,
                            "this password is among the first that anybody would try");
        return false;
    }
    return true;
}

char *password_make(void)
{
    /* No l, c, q, x or digits: nothing that looks or sounds like another letter. A syllable has
     * log2(16 * 5) = 6.3 bits, ten of them 63. */
    static const char consonants[] = "bdfghjkmnprstvwz", vowels[] = "aeiou";
    GString *text = g_string_new(NULL);
    for (int syllable = 0; syllable < 10; syllable++) {
        if (syllable > 0 && syllable % 2 == 0)
            g_string_append_c(text, '-');
        g_string_append_c(text, consonants[randombytes_uniform(sizeof consonants - 1)]);
        g_string_append_c(text, vowels[randombytes_uniform(sizeof vowels - 1)]);
    }
    return g_string_free(text, FALSE);
}

/* The same password typed on another keyboard may arrive composed otherwise. */
static char *normalised(const char *password)
{
    char *text = g_utf8_normalize(password, -1, G_NORMALIZE_NFC);
    return text != NULL ? text : g_strdup(password);
}

static void wipe(char *text)
{
    sodium_memzero(text, strlen(text));
    g_free(text);
}

char *password_hash(const char *password)
{
    char *text = normalised(password);
    char hash[crypto_pwhash_STRBYTES];
    int failed = crypto_pwhash_str_alg(hash, text, strlen(text), cost.passes, cost.bytes,
                                       crypto_pwhash_ALG_ARGON2ID13);
    wipe(text);
    return failed ? NULL : g_strdup(hash);
}

bool password_matches(const char *password, const char *hash)
{
    char *text = normalised(password);
    bool matches = crypto_pwhash_str_verify(hash, text, strlen(text)) == 0;
    wipe(text);
    return matches;
}

bool password_is_outdated(const char *hash)
{
    return crypto_pwhash_str_needs_rehash(hash, cost.passes, cost.bytes) != 0;
}
