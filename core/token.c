/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Bearer tokens for scripts, and displays with their keys. */
#include "core/access_private.h"
#include "core/limits.h"
#include "core/plugin.h"
#include <sodium.h>
#include <string.h>

/* --- Tokens ------------------------------------------------------------------------------------*/

#define TOUCH_US (60 * G_USEC_PER_SEC) /* "last use" is kept to the minute, to save writes */

#define CHANNEL_FORM "^[-a-zA-Z0-9_]{2,}:[-a-zA-Z0-9_.:]+$"

typedef struct {
    const char *name, *role, *hash, *channels;
    int64_t expires_us;
} TokenChange;

static bool add_work(Store *store, void *data, GError **error)
{
    const TokenChange *change = data;
    json_auto_t *taken = store_query(store, error,
                                     "SELECT 1 AS found FROM access_user WHERE name = $1"
                                     " UNION ALL SELECT 1 FROM access_token WHERE name = $1",
                                     "s", change->name);
    if (taken == NULL)
        return false;
    if (json_array_size(taken) > 0) {
        g_set_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME, "the name '%s' is taken", change->name);
        return false;
    }
    return access_execute(store, error,
                          "INSERT INTO access_token"
                          " (name, role, hash, created_us, used_us, expires_us, channels)"
                          " VALUES ($1, $2, $3, $4, 0, $5, $6)",
                          "sssiis", change->name, change->role, change->hash, g_get_real_time(),
                          change->expires_us, change->channels);
}

/* Their form only: whether there is such a channel, and who may read it, is asked at each connect.
 */
static bool are_channels(const char *const *channels, GError **error)
{
    guint count = 0;
    size_t bytes = 0;
    for (; channels != NULL && channels[count] != NULL; count++) {
        if (strlen(channels[count]) > LIMIT_CHANNEL_BYTES ||
            !g_regex_match_simple(CHANNEL_FORM, channels[count], G_REGEX_DOLLAR_ENDONLY, 0)) {
            g_set_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME,
                        "'%s' is not a channel: plugin:topic of a-z, A-Z, 0-9 and - _ . :",
                        channels[count]);
            return false;
        }
        bytes += strlen(channels[count]);
    }
    if (count > LIMIT_TOKEN_CHANNELS || bytes > LIMIT_TOKEN_CHANNELS_BYTES) {
        g_set_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME,
                    "a token gives at most %d channels, %d letters in all", LIMIT_TOKEN_CHANNELS,
                    LIMIT_TOKEN_CHANNELS_BYTES);
        return false;
    }
    return true;
}

bool access_token_make(Store *store, const AccessToken *wish, char **ret_token, GError **error)
{
    const char *name = wish->name;
    uint32_t role = wish->role;
    if (!access_is_name(name)) {
        g_set_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME,
                    "'%s' is not a token name: a-z, 0-9 and . _ @ - inside, at most 64", name);
        return false;
    }
    const char *text = access_role_text(role);
    if (role == SERAMBI_PUBLIC || access_role_from_text(text) != role) {
        g_set_error_literal(error, ACCESS_ERROR, ACCESS_ERROR_NAME,
                            "a token is counter, editor, admin or display");
        return false;
    }
    if (!are_channels(wish->channels, error))
        return false;
    g_autofree char *secret = access_new_secret();
    g_autofree char *token = g_strdup_printf("serambi_%s_%s", text, secret);
    g_autofree char *hash = access_hash_secret(token);
    g_autofree char *channels =
        wish->channels == NULL ? g_strdup("") : g_strjoinv(" ", (char **)wish->channels);
    TokenChange change = {
        .name = name,
        .role = text,
        .hash = hash,
        .channels = channels,
        .expires_us = wish->expires_us,
    };
    if (!access_write(store, add_work, &change, error))
        return false;
    *ret_token = g_steal_pointer(&token);
    return true;
}

bool access_token_add(Store *store, const char *name, uint32_t role, char **ret_token,
                      GError **error)
{
    return access_token_make(store, &(AccessToken){.name = name, .role = role}, ret_token, error);
}

static bool remove_work(Store *store, void *data, GError **error)
{
    const char *name = data;
    json_auto_t *gone = store_query(
        store, error, "DELETE FROM access_token WHERE name = $1 RETURNING name", "s", name);
    if (gone == NULL)
        return false;
    if (json_array_size(gone) == 0) {
        g_set_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME, "no token is called '%s'", name);
        return false;
    }
    access_forget(store);
    return true;
}

bool access_token_remove(Store *store, const char *name, GError **error)
{
    return access_write(store, remove_work, (void *)name, error);
}

json_t *access_tokens(Store *store, GError **error)
{
    return store_query(store, error,
                       "SELECT name, role, created_us AS created_at, used_us AS used_at,"
                       " expires_us AS expires_at, channels"
                       " FROM access_token ORDER BY name",
                       "");
}

static bool touch_work(Store *store, void *data)
{
    g_autoptr(GError) error = NULL;
    if (!access_execute(store, &error, "UPDATE access_token SET used_us = $2 WHERE hash = $1", "si",
                        (const char *)data, g_get_real_time()))
        g_warning("could not note the use of a token: %s, ignoring", error->message);
    return true;
}

static void touch_after(Store *store, bool kept, const GError *error, void *data)
{
    g_free(data);
}

static void touch(Access *access, Remembered *known, const char *hash)
{
    int64_t now_us = g_get_real_time();
    if (ABS(now_us - known->used_us) < TOUCH_US)
        return;
    known->used_us = now_us;
    store_write(access->store, touch_work, touch_after, g_strdup(hash));
}

static bool fail_token(GError **error)
{
    g_set_error_literal(error, ACCESS_ERROR, ACCESS_ERROR_TOKEN, "this token is not known");
    return false;
}

static bool is_token(const char *token)
{
    const char *role = token + strlen("serambi_");
    const char *secret = g_str_has_prefix(token, "serambi_") ? strchr(role, '_') : NULL;
    return secret != NULL && access_is_secret(secret + 1);
}

bool token_find(Access *access, const char *token, Identity *ret_identity, GError **error)
{
    if (!is_token(token))
        return fail_token(error);
    g_autofree char *hash = access_hash_secret(token);
    Remembered *known = access_remembered(access, hash);
    if (known == NULL) {
        json_auto_t *rows = store_query(access->store, error,
                                        "SELECT name, role, created_us, used_us, expires_us"
                                        " FROM access_token"
                                        " WHERE hash = $1",
                                        "s", hash);
        if (rows == NULL)
            return false;
        const char *name = NULL, *role = NULL;
        json_int_t created_us = 0, used_us = 0, expires_us = 0;
        if (json_unpack(rows, "[{s:s, s:s, s:I, s:I, s:I}]", "name", &name, "role", &role,
                        "created_us", &created_us, "used_us", &used_us, "expires_us",
                        &expires_us) != 0)
            return fail_token(error);
        Remembered found = {
            .identity = {.role = access_role_from_text(role), .since_us = created_us},
            .used_us = used_us,
            .expires_us = expires_us,
        };
        g_strlcpy(found.identity.name, name, sizeof found.identity.name);
        known = access_remember(access, hash, &found);
    }
    if (known->expires_us != 0 && known->expires_us <= g_get_real_time()) {
        g_set_error_literal(error, ACCESS_ERROR, ACCESS_ERROR_EXPIRED, "this token has expired");
        return false;
    }
    *ret_identity = known->identity;
    touch(access, known, hash);
    return true;
}

void token_check(Access *access, const Identity *identity, bool *ret_known)
{
    json_auto_t *rows = store_query(
        access->store, NULL,
        "SELECT 1 AS found FROM access_token WHERE name = $1 AND role = $2 AND created_us = $3"
        " AND (expires_us = 0 OR expires_us > $4)"
        " UNION ALL SELECT 1 FROM access_display"
        " WHERE id = $1 AND $2 = 'display' AND admitted_us = $3",
        "ssii", identity->name, access_role_text(identity->role), identity->since_us,
        g_get_real_time());
    if (rows != NULL)
        *ret_known = json_array_size(rows) > 0;
}

char *token_channels(Access *access, const Identity *identity)
{
    json_auto_t *rows = store_query(
        access->store, NULL,
        "SELECT channels FROM access_token WHERE name = $1 AND role = $2 AND created_us = $3",
        "ssi", identity->name, access_role_text(identity->role), identity->since_us);
    return g_strdup(json_string_value(json_object_get(json_array_get(rows, 0), "channels")));
}

/* --- Displays ----------------------------------------------------------------------------------*/

/* A nonce says itself when it expires and that it is ours; only the used ones are remembered. So
 * strangers who ask for challenges fill no memory and push out nobody's. */
#define NONCE_RANDOM_BYTES 16
#define NONCE_MAC_BYTES    16
#define NONCE_BYTES        (sizeof(int64_t) + NONCE_RANDOM_BYTES + NONCE_MAC_BYTES)
#define USED_NONCES        8192
#define KEY_HEX            (2 * crypto_sign_PUBLICKEYBYTES)
#define SIGNATURE_HEX      (2 * crypto_sign_BYTES)

static void nonce_mac(Access *access, const uint8_t *nonce, uint8_t *mac)
{
    crypto_generichash(mac, NONCE_MAC_BYTES, nonce, sizeof(int64_t) + NONCE_RANDOM_BYTES,
                       access->nonce_key, sizeof access->nonce_key);
}

char *access_challenge(Access *access)
{
    uint8_t nonce[NONCE_BYTES];
    int64_t expires_us = g_get_monotonic_time() + LIMIT_CHALLENGE_SECONDS * G_USEC_PER_SEC;
    memcpy(nonce, &expires_us, sizeof expires_us);
    randombytes_buf(nonce + sizeof expires_us, NONCE_RANDOM_BYTES);
    nonce_mac(access, nonce, nonce + sizeof expires_us + NONCE_RANDOM_BYTES);
    char text[2 * NONCE_BYTES + 1];
    return g_strdup(sodium_bin2hex(text, sizeof text, nonce, sizeof nonce));
}

static bool from_hex(const char *text, uint8_t *bytes, size_t size)
{
    size_t length = 0;
    return strlen(text) == 2 * size &&
           sodium_hex2bin(bytes, size, text, 2 * size, NULL, &length, NULL) == 0 && length == size;
}

static gboolean is_past(void *key, void *value, void *data)
{
    return *(const int64_t *)value < *(const int64_t *)data;
}

/* After the signature was found good, so that only admitted displays fill the table. */
static bool use_nonce(Access *access, const char *nonce, int64_t expires_us)
{
    if (g_hash_table_contains(access->used_nonces, nonce))
        return false;
    if (g_hash_table_size(access->used_nonces) >= USED_NONCES) {
        int64_t now_us = g_get_monotonic_time();
        g_hash_table_foreach_remove(access->used_nonces, is_past, &now_us);
    }
    if (g_hash_table_size(access->used_nonces) >= USED_NONCES)
        return false;
    g_hash_table_insert(access->used_nonces, g_ascii_strdown(nonce, -1),
                        g_memdup2(&expires_us, sizeof expires_us));
    return true;
}

static bool nonce_is_fresh(Access *access, const char *text, int64_t *ret_expires_us)
{
    uint8_t nonce[NONCE_BYTES], mac[NONCE_MAC_BYTES];
    if (!from_hex(text, nonce, sizeof nonce))
        return false;
    nonce_mac(access, nonce, mac);
    if (sodium_memcmp(mac, nonce + sizeof nonce - sizeof mac, sizeof mac) != 0)
        return false;
    memcpy(ret_expires_us, nonce, sizeof *ret_expires_us);
    return *ret_expires_us >= g_get_monotonic_time();
}

static bool signature_is_good(const char *key, const char *nonce, const char *signature)
{
    uint8_t key_bytes[crypto_sign_PUBLICKEYBYTES], signature_bytes[crypto_sign_BYTES];
    g_autofree char *message = g_strconcat("serambi-display:", nonce, NULL);
    return from_hex(key, key_bytes, sizeof key_bytes) &&
           from_hex(signature, signature_bytes, sizeof signature_bytes) &&
           crypto_sign_verify_detached(signature_bytes, (const uint8_t *)message, strlen(message),
                                       key_bytes) == 0;
}

static bool fail_display(const char *reason, GError **error)
{
    g_set_error_literal(error, ACCESS_ERROR, ACCESS_ERROR_TOKEN, reason);
    return false;
}

bool display_find(Access *access, const char *token, Identity *ret_identity, GError **error)
{
    /* "display" key nonce signature */
    if (strlen(token) > strlen("display...") + KEY_HEX + 2 * NONCE_BYTES + SIGNATURE_HEX)
        return fail_display("this is not a display's proof", error);
    g_autofree char *lower = g_ascii_strdown(token, -1);
    g_auto(GStrv) parts = g_strsplit(lower, ".", 5);
    if (g_strv_length(parts) != 4)
        return fail_display("this is not a display's proof", error);
    int64_t expires_us = 0;
    if (!nonce_is_fresh(access, parts[2], &expires_us))
        return fail_display("this challenge is not ours or too old", error);
    if (!signature_is_good(parts[1], parts[2], parts[3]))
        return fail_display("the display's signature is wrong", error);
    json_auto_t *rows =
        store_query(access->store, error,
                    "SELECT id, admitted_us FROM access_display WHERE key = $1", "s", parts[1]);
    if (rows == NULL)
        return false;
    const char *id = NULL;
    json_int_t admitted_us = 0;
    if (json_unpack(rows, "[{s:s, s:I}]", "id", &id, "admitted_us", &admitted_us) != 0)
        return fail_display("this display has not been let in", error);
    if (!use_nonce(access, parts[2], expires_us))
        return fail_display("this challenge has been used", error);
    *ret_identity = (Identity){.role = SERAMBI_DISPLAY, .since_us = admitted_us};
    g_strlcpy(ret_identity->name, id, sizeof ret_identity->name);
    return true;
}

typedef struct {
    const char *key, *id;
} DisplayChange;

static bool admit_work(Store *store, void *data, GError **error)
{
    const DisplayChange *change = data;
    access_forget(store);
    return access_execute(store, error,
                          "INSERT INTO access_display (key, id, admitted_us) VALUES ($1, $2, $3)"
                          " ON CONFLICT (key) DO UPDATE SET id = excluded.id",
                          "ssi", change->key, change->id, g_get_real_time());
}

static bool expel_work(Store *store, void *data, GError **error)
{
    access_forget(store);
    return access_execute(store, error, "DELETE FROM access_display WHERE key = $1", "s",
                          (const char *)data);
}

static char *checked_key(const char *key, GError **error)
{
    uint8_t bytes[crypto_sign_PUBLICKEYBYTES];
    if (!from_hex(key, bytes, sizeof bytes)) {
        g_set_error_literal(error, ACCESS_ERROR, ACCESS_ERROR_NAME,
                            "a display's key is 64 hex digits");
        return NULL;
    }
    return g_ascii_strdown(key, -1);
}

bool access_display_admit(Store *store, const char *key, const char *id, GError **error)
{
    g_autofree char *lower = checked_key(key, error);
    if (lower == NULL)
        return false;
    if (id[0] == '\0' || strlen(id) > LIMIT_USER_NAME_BYTES) {
        g_set_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME, "a display's id has 1 to %d bytes",
                    LIMIT_USER_NAME_BYTES);
        return false;
    }
    return access_write(store, admit_work, &(DisplayChange){.key = lower, .id = id}, error);
}

bool access_display_expel(Store *store, const char *key, GError **error)
{
    g_autofree char *lower = checked_key(key, error);
    return lower != NULL && access_write(store, expel_work, lower, error);
}
