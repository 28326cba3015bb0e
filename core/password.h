/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Passwords: which are good enough, how one is made for people, and argon2id.
 *
 * Any thread, but for password_set_cost(). Hashing takes about a tenth of a second and 64 MiB: on
 * the loop's thread only in admin commands, else by hasher.h. */
#pragma once
#include "core/access.h"
#include <stddef.h>

/* Checks length in bytes, UTF-8, and that it is neither common nor the user's own name.
 * Errors  ACCESS_ERROR_PASSWORD */
bool password_check(const char *password, const char *user, GError **error);
/* Five groups such as "bado-fepi-sumo-gara-winu": 63 bits, easy to read out; g_free(). */
char *password_make(void);
/* argon2id in libsodium's text form; NULL only when 64 MiB are not to be had. g_free(). */
char *password_hash(const char *password);
bool password_matches(const char *password, const char *hash);
bool password_is_outdated(const char *hash); /* made with other parameters than today's */
/* True when password (any case) is in the list of the most common ones. */
bool password_is_common(const char *password);
/* For tests only: cheap hashes. */
void password_set_cost(unsigned long long passes, size_t bytes);
