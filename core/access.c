/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Who is asking: the tables, the roles, and the way from a request to an identity. Sessions are in
 * session.c, users in user.c, tokens and displays in token.c. */
#include "core/access.h"
#include "core/access_private.h"
#include "core/limits.h"
#include "core/origin.h"
#include "core/plugin.h"
#include <sodium.h>
#include <string.h>

G_DEFINE_QUARK(access - error, access_error)

#define REMEMBER_ENTRIES 4096

static const char *const migrations[] = {
    "CREATE TABLE access_user ("
    " name TEXT PRIMARY KEY, role TEXT NOT NULL, password TEXT NOT NULL,"
    " created_us BIGINT NOT NULL);"
    "CREATE TABLE access_session ("
    " hash TEXT PRIMARY KEY, id BIGINT NOT NULL UNIQUE,"
    " user_name TEXT NOT NULL REFERENCES access_user (name),"
    " created_us BIGINT NOT NULL, used_us BIGINT NOT NULL);"
    "CREATE INDEX access_session_user ON access_session (user_name, used_us);"
    "CREATE TABLE access_token ("
    " name TEXT PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,"
    " created_us BIGINT NOT NULL, used_us BIGINT NOT NULL);"
    "CREATE TABLE access_display ("
    " key TEXT PRIMARY KEY, id TEXT NOT NULL, admitted_us BIGINT NOT NULL);",
    "ALTER TABLE access_token ADD COLUMN expires_us BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE access_token ADD COLUMN channels TEXT NOT NULL DEFAULT '';",
    NULL,
};

static const struct {
    uint32_t role;
    const char *text;
} roles[] = {
    {SERAMBI_PUBLIC, "public"}, {SERAMBI_COUNTER, "counter"}, {SERAMBI_EDITOR, "editor"},
    {SERAMBI_ADMIN, "admin"},   {SERAMBI_DISPLAY, "display"},
};

uint32_t access_role_from_text(const char *text)
{
    for (size_t i = 0; text != NULL && i < G_N_ELEMENTS(roles); i++)
        if (strcmp(text, roles[i].text) == 0)
            return roles[i].role;
    return 0;
}

const char *access_role_text(uint32_t role)
{
    for (size_t i = 0; i < G_N_ELEMENTS(roles); i++)
        if (role == roles[i].role)
            return roles[i].text;
    return "public";
}

bool access_allows(uint32_t allowed, uint32_t role)
{
    if (allowed & SERAMBI_PUBLIC)
        return true;
    if (role == SERAMBI_ADMIN && (allowed & SERAMBI_STAFF))
        return true;
    return (allowed & role) != 0;
}

bool access_migrate(Store *store, GError **error)
{
    return store_migrate(store, "access", migrations, error);
}

Access *access_new(Store *store, uv_loop_t *loop, const AccessOptions *options, GError **error)
{
    Hasher *hasher = hasher_new(loop, error);
    if (hasher == NULL)
        return NULL;
    Access *access = g_new0(Access, 1);
    access->store = store;
    access->allow_insecure_login = options->allow_insecure_login;
    access->hasher = hasher;
    access->throttle = throttle_new();
    access->remembered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    access->used_nonces = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    randombytes_buf(access->nonce_key, sizeof access->nonce_key);
    return access;
}

void access_free(Access *access)
{
    if (access == NULL)
        return;
    hasher_free(access->hasher);
    throttle_free(access->throttle);
    g_hash_table_unref(access->remembered);
    g_hash_table_unref(access->used_nonces);
    sodium_memzero(access->nonce_key, sizeof access->nonce_key);
    g_free(access);
}

/* --- Secrets and names -------------------------------------------------------------------------*/

char *access_new_secret(void)
{
    uint8_t bytes[ACCESS_SECRET_BYTES];
    char text[ACCESS_SECRET_TEXT + 1];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(text, sizeof text, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return g_strdup(text);
}

char *access_hash_secret(const char *secret)
{
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, secret, -1);
}

bool access_is_secret(const char *text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return text != NULL && strlen(text) == ACCESS_SECRET_TEXT &&
           strspn(text, alphabet) == ACCESS_SECRET_TEXT;
}

bool access_is_name(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size <= LIMIT_USER_NAME_BYTES &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._@-") == size &&
           g_ascii_isalnum(name[0]);
}

/* --- Writes ------------------------------------------------------------------------------------*/

typedef struct {
    bool (*work)(Store *store, void *data, GError **error);
    void *data;
    GError *error;
    bool is_kept, is_done;
} Write;

static bool write_work(Store *store, void *data)
{
    Write *write = data;
    return write->work(store, write->data, &write->error);
}

static void write_after(Store *store, bool kept, const GError *error, void *data)
{
    Write *write = data;
    write->is_done = true;
    write->is_kept = kept && error == NULL;
    if (error != NULL && write->error == NULL)
        write->error = g_error_copy(error);
}

bool access_write(Store *store, bool (*work)(Store *store, void *data, GError **error), void *data,
                  GError **error)
{
    if (store_is_writing(store))
        return work(store, data, error);
    Write write = {.work = work, .data = data};
    store_write(store, write_work, write_after, &write);
    g_assert(write.is_done); /* a store with a loop is written inside a work() only */
    if (write.error != NULL)
        g_propagate_error(error, write.error);
    return write.is_kept;
}

bool access_execute(Store *store, GError **error, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    json_t *rows = store_query_va(store, error, sql, types, values);
    va_end(values);
    json_decref(rows);
    return rows != NULL;
}

/* --- What is remembered ------------------------------------------------------------------------*/

/* Counts the changes made in this process; main thread only. */
static unsigned changes;

static void note_change(void *data)
{
    changes++;
}

void access_forget(Store *store)
{
    store_after_commit(store, note_change, NULL, NULL);
}

unsigned access_changes(void)
{
    return changes;
}

Remembered *access_remembered(Access *access, const char *hash)
{
    if (access->remembered_changes != changes) {
        g_hash_table_remove_all(access->remembered);
        access->remembered_changes = changes;
    }
    Remembered *known = g_hash_table_lookup(access->remembered, hash);
    if (known != NULL &&
        g_get_monotonic_time() - known->asked_us > ACCESS_REMEMBER_SECONDS * G_USEC_PER_SEC) {
        g_hash_table_remove(access->remembered, hash);
        return NULL;
    }
    return known;
}

Remembered *access_remember(Access *access, const char *hash, const Remembered *what)
{
    if (g_hash_table_size(access->remembered) >= REMEMBER_ENTRIES)
        g_hash_table_remove_all(access->remembered);
    Remembered *known = g_memdup2(what, sizeof *what);
    known->asked_us = g_get_monotonic_time();
    g_hash_table_replace(access->remembered, g_strdup(hash), known);
    return known;
}

/* --- Who is asking -----------------------------------------------------------------------------*/

bool access_is_current(Access *access, const Identity *identity)
{
    bool is_known = true;
    if (identity->session != 0)
        session_check(access, identity, &is_known);
    else if (identity->role != SERAMBI_PUBLIC)
        token_check(access, identity, &is_known);
    if (!is_known) /* nor may it come back by what is remembered of it */
        g_hash_table_remove_all(access->remembered);
    return is_known;
}

char **access_channels(Access *access, const Identity *identity)
{
    bool has_token = identity->session == 0 && identity->role != SERAMBI_PUBLIC;
    g_autofree char *channels = has_token ? token_channels(access, identity) : NULL;
    return g_strsplit(channels == NULL ? "" : channels, " ", -1);
}

bool access_identify_token(Access *access, const char *token, Identity *ret_identity,
                           GError **error)
{
    if (g_str_has_prefix(token, "display."))
        return display_find(access, token, ret_identity, error);
    return token_find(access, token, ret_identity, error);
}

bool access_identify(Access *access, HttpRequest *request, Identity *ret_identity, GError **error)
{
    const char *token = origin_bearer(request);
    if (token != NULL)
        return access_identify_token(access, token, ret_identity, error);
    *ret_identity = (Identity){.role = SERAMBI_PUBLIC};
    bool is_secure = origin_is_secure(request);
    if (!is_secure && !access->allow_insecure_login)
        return true;
    g_autofree char *secret =
        origin_cookie(http_header(request, "cookie"), is_secure ? "__Host-sid" : "sid");
    if (access_is_secret(secret))
        (void)session_find(access, secret, ret_identity);
    return true;
}
