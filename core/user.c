/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Users: added, removed and reset by the administrator. */
#include "core/access_private.h"
#include "core/password.h"
#include "core/plugin.h"
#include <string.h>

typedef struct {
    const char *name, *role, *hash;
} UserChange;

static bool exists(Store *store, const char *sql, const char *name, bool *ret_exists,
                   GError **error)
{
    json_auto_t *rows = store_query(store, error, sql, "s", name);
    if (rows == NULL)
        return false;
    *ret_exists = json_array_size(rows) > 0;
    return true;
}

static bool fail_unknown(const char *name, GError **error)
{
    g_set_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME, "no user is called '%s'", name);
    return false;
}

static bool add_work(Store *store, void *data, GError **error)
{
    const UserChange *change = data;
    bool is_taken = false;
    /* Uploads belong to a name: a token must not inherit those of a user, nor the reverse. */
    if (!exists(store,
                "SELECT 1 AS found FROM access_user WHERE name = $1"
                " UNION ALL SELECT 1 FROM access_token WHERE name = $1",
                change->name, &is_taken, error))
        return false;
    if (is_taken) {
        g_set_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME, "the name '%s' is taken", change->name);
        return false;
    }
    return access_execute(store, error,
                          "INSERT INTO access_user (name, role, password, created_us)"
                          " VALUES ($1, $2, $3, $4)",
                          "sssi", change->name, change->role, change->hash, g_get_real_time());
}

/* Checks or makes a password: its hash, and itself to be shown once. */
static char *hash_for(const char *name, const char *password, char **ret_password, GError **error)
{
    g_autofree char *secret = password != NULL ? g_strdup(password) : password_make();
    if (!password_check(secret, name, error))
        return NULL;
    char *hash = password_hash(secret);
    if (hash == NULL) {
        g_set_error_literal(error, ACCESS_ERROR, ACCESS_ERROR_BUSY,
                            "not enough memory to hash a password");
        return NULL;
    }
    if (ret_password != NULL)
        *ret_password = g_steal_pointer(&secret);
    return hash;
}

bool access_user_add(Store *store, const char *name, uint32_t role, const char *password,
                     char **ret_password, GError **error)
{
    if (!access_is_name(name)) {
        g_set_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME,
                    "'%s' is not a user name: a-z, 0-9 and . _ @ - inside, at most 64", name);
        return false;
    }
    if (role != SERAMBI_COUNTER && role != SERAMBI_EDITOR && role != SERAMBI_ADMIN) {
        g_set_error_literal(error, ACCESS_ERROR, ACCESS_ERROR_NAME,
                            "a user is counter, editor or admin");
        return false;
    }
    g_autofree char *shown = NULL;
    g_autofree char *hash = hash_for(name, password, &shown, error);
    if (hash == NULL)
        return false;
    UserChange change = {.name = name, .role = access_role_text(role), .hash = hash};
    if (!access_write(store, add_work, &change, error))
        return false;
    if (ret_password != NULL)
        *ret_password = g_steal_pointer(&shown);
    return true;
}

static bool remove_work(Store *store, void *data, GError **error)
{
    const char *name = data;
    bool is_known = false;
    if (!exists(store, "SELECT 1 AS found FROM access_user WHERE name = $1", name, &is_known,
                error))
        return false;
    if (!is_known)
        return fail_unknown(name, error);
    access_forget(store);
    return access_execute(store, error, "DELETE FROM access_session WHERE user_name = $1", "s",
                          name) &&
           access_execute(store, error, "DELETE FROM access_user WHERE name = $1", "s", name);
}

bool access_user_remove(Store *store, const char *name, GError **error)
{
    return access_write(store, remove_work, (void *)name, error);
}

static bool reset_work(Store *store, void *data, GError **error)
{
    const UserChange *change = data;
    bool is_known = false;
    if (!exists(store, "SELECT 1 AS found FROM access_user WHERE name = $1", change->name,
                &is_known, error))
        return false;
    if (!is_known)
        return fail_unknown(change->name, error);
    access_forget(store);
    return access_execute(store, error, "DELETE FROM access_session WHERE user_name = $1", "s",
                          change->name) &&
           access_execute(store, error, "UPDATE access_user SET password = $2 WHERE name = $1",
                          "ss", change->name, change->hash);
}

bool access_user_reset(Store *store, const char *name, char **ret_password, GError **error)
{
    g_autofree char *shown = NULL;
    g_autofree char *hash = hash_for(name, NULL, &shown, error);
    if (hash == NULL)
        return false;
    UserChange change = {.name = name, .hash = hash};
    if (!access_write(store, reset_work, &change, error))
        return false;
    *ret_password = g_steal_pointer(&shown);
    return true;
}

json_t *access_users(Store *store, GError **error)
{
    return store_query(store, error,
                       "SELECT name, role, created_us AS created_at FROM access_user"
                       " ORDER BY name",
                       "");
}
