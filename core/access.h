/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Who is asking: users with passwords, sessions in cookies, bearer tokens, displays with keys; and
 * whether a request comes from our own page.
 *
 * Main thread; password hashing runs in two threads of its own behind a short queue. */
#pragma once
#include "core/http.h"
#include "core/store.h"

typedef struct Access Access;

typedef struct {
    uint32_t role;    /* one SerambiRole bit; SERAMBI_PUBLIC for strangers */
    char name[65];    /* user, token or display; "" for strangers */
    int64_t session;  /* row id, 0 for none */
    int64_t since_us; /* when the token was made or the display let in; 0 for others */
} Identity;

typedef enum {
    ACCESS_ERROR_NAME = 1, /* not a user name, or taken */
    ACCESS_ERROR_PASSWORD, /* too short, too long, too common, or wrong */
    ACCESS_ERROR_TOKEN,    /* unknown, malformed, used up */
    ACCESS_ERROR_BUSY,     /* too many tries */
    ACCESS_ERROR_EXPIRED,  /* a token that was good once: its owner needs a new one */
} AccessError;
#define ACCESS_ERROR (access_error_quark())
GQuark access_error_quark(void);

typedef struct {
    bool allow_insecure_login;  /* staff may log in over plain http */
    const char *secrets_folder; /* <data>/secrets: keys of this server, mode 0700 */
} AccessOptions;
Access *access_new(Store *store, uv_loop_t *loop, const AccessOptions *options, GError **error);
void access_free(Access *access);

/* Cookie session or bearer token; strangers are SERAMBI_PUBLIC. A bearer token that is wrong is an
 * error (401), a stale cookie is a stranger. */
bool access_identify(Access *access, HttpRequest *request, Identity *ret_identity, GError **error);
/* The Centrifuge connect token: a bearer token, or "display.<key>.<nonce>.<signature>" where
 * signature = Ed25519 over "serambi-display:" nonce, all hex; nonce from access_challenge(). */
bool access_identify_token(Access *access, const char *token, Identity *ret_identity,
                           GError **error);
/* Is somebody who was identified earlier still who he was, with the same role? Also true when the
 * store can not say. For connections that outlive a request; at least every
 * ACCESS_REMEMBER_SECONDS, and when access_changes() has another value than the last time. */
bool access_is_current(Access *access, const Identity *identity);
unsigned access_changes(void);
/* The channels that its token gives it without asking; empty for others, and when the store can not
 * say. g_strfreev(). */
char **access_channels(Access *access, const Identity *identity);
/* An admin command in another process takes effect within this time. */
#define ACCESS_REMEMBER_SECONDS 5

/* For cookie-authenticated writes and WebSockets: Origin (or Sec-Fetch-Site) says that it is our
 * own page. Requests with a bearer token or without any cookie pass, and reads without either
 * header, whose answers no other page can see. */
bool access_is_same_origin(HttpRequest *request);
char *access_challenge(Access *access); /* single use, LIMIT_CHALLENGE_SECONDS */

/* Mounted by the server at /api/session:
 *   GET    {"user":"rina","role":"editor","secure":bool} ("role":"public" for strangers)
 *   POST   {"name":..,"password":..} -> 200 the same + cookie; 401 "login.wrong"; 429 "login.later"
 *          with Retry-After; 403 "login.insecure"
 *   DELETE ends the session
 * /api/session/password POST {"old":..,"new":..}
 * /api/challenge POST -> {"nonce":hex} */
void access_handle_session(Access *access, HttpRequest *request);
void access_handle_challenge(Access *access, HttpRequest *request);

/* Admin commands and first start; inside work() or on an admin store. password NULL: one is made.
 * ret_password/ret_token: the secret, shown once; g_free(). */
bool access_user_add(Store *store, const char *name, uint32_t role, const char *password,
                     char **ret_password, GError **error);
bool access_user_remove(Store *store, const char *name, GError **error);
bool access_user_reset(Store *store, const char *name, char **ret_password, GError **error);
json_t *access_users(Store *store, GError **error); /* [{"name","role","created_at"}] */
typedef struct {
    const char *name;
    uint32_t role;
    int64_t expires_us;          /* 0: never */
    const char *const *channels; /* NULL-ended; NULL for none; at most LIMIT_TOKEN_CHANNELS */
} AccessToken;
bool access_token_make(Store *store, const AccessToken *wish, char **ret_token, GError **error);
/* One that does not expire and gives no channels. */
bool access_token_add(Store *store, const char *name, uint32_t role, char **ret_token,
                      GError **error);
/* The same, and "used_at" (0: never), "expires_at" (0: never), "channels" (separated by spaces) */
json_t *access_tokens(Store *store, GError **error);
bool access_token_remove(Store *store, const char *name, GError **error);
bool access_display_admit(Store *store, const char *key, const char *id, GError **error);
bool access_display_expel(Store *store, const char *key, GError **error);
bool access_migrate(Store *store, GError **error); /* its tables; before the others */

uint32_t access_role_from_text(const char *text); /* "counter", ...; 0 when unknown */
const char *access_role_text(uint32_t role);
/* May role call what is open to roles? An administrator may what any staff may. */
bool access_allows(uint32_t roles, uint32_t role);
