/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What the files of access share; nobody else includes it. */
#pragma once
#include "core/access.h"
#include "core/hasher.h"
#include "core/throttle.h"

#define ACCESS_SECRET_BYTES 32 /* of sessions and tokens: 256 bits, 43 characters of base64url */
#define ACCESS_SECRET_TEXT  43

struct Access {
    Store *store;
    bool allow_insecure_login;
    Hasher *hasher;
    Throttle *throttle;
    GHashTable *remembered; /* hash of a secret -> Remembered, so that not each request queries */
    unsigned remembered_changes;
    uint8_t nonce_key[32];
    GHashTable *used_nonces; /* nonce -> int64_t when it expires */
};

/* Secrets are kept as SHA-256, in hex: 256 random bits need no salt and no slow hash. */
char *access_hash_secret(const char *secret);
char *access_new_secret(void);
bool access_is_secret(const char *text); /* 43 characters of base64url */
bool access_is_name(const char *name);   /* [a-z0-9][a-z0-9._@-]*, at most 64 bytes */

/* Runs work inside the present work(), or as a write of its own on an admin store. */
bool access_write(Store *store, bool (*work)(Store *store, void *data, GError **error), void *data,
                  GError **error);
/* A statement whose rows nobody needs; as store_query(). */
bool access_execute(Store *store, GError **error, const char *sql, const char *types, ...);
/* Inside work(): after the commit, identities are asked for again. */
void access_forget(Store *store);

/* The session of a secret: false and no error when there is none, or it is over. */
bool session_find(Access *access, const char *secret, Identity *ret_identity);
/* Is there still such a session, and is it not over? *ret_known: untouched when the store fails. */
void session_check(Access *access, const Identity *identity, bool *ret_known);
/* The same of a token, or a display's key. */
void token_check(Access *access, const Identity *identity, bool *ret_known);
/* Separated by spaces; NULL when the store can not say. g_free(). */
char *token_channels(Access *access, const Identity *identity);
/* A bearer token "serambi_<role>_<secret>". */
bool token_find(Access *access, const char *token, Identity *ret_identity, GError **error);
/* "display.<key>.<nonce>.<signature>". */
bool display_find(Access *access, const char *token, Identity *ret_identity, GError **error);

typedef struct {
    Identity identity;
    int64_t asked_us; /* monotonic */
    int64_t created_us, used_us;
    int64_t expires_us; /* 0: never */
} Remembered;
/* NULL when it must be asked for. */
Remembered *access_remembered(Access *access, const char *hash);
Remembered *access_remember(Access *access, const char *hash, const Remembered *what);
