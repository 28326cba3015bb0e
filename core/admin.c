/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Admin commands write through a store of their own without a loop: SQLite lets them and a running
 * server take turns. A backup is a tar archive of a copy of the database, the media (which never
 * change under their names), the secrets and the settings. */
#include "core/admin.h"
#include "core/access.h"
#include "core/folders.h"
#include "core/kept.h"
#include "core/limits.h"
#include "core/store.h"
#include "core/uploads.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sodium.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int fail(const GError *error)
{
    (void)fprintf(stderr, "serambi: %s\n", error->message);
    return OPTIONS_FAILED;
}

static int misuse(const char *message)
{
    (void)fprintf(stderr, "serambi: %s; see serambi --help\n", message);
    return OPTIONS_USAGE;
}

static Store *open_store(const Options *options, GError **error)
{
    if (g_mkdir_with_parents(options->data, 0700) != 0) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "could not make '%s': %s", options->data,
                    g_strerror(errno));
        return NULL;
    }
    Store *store = store_open(options->data, false, NULL, error);
    if (store && access_migrate(store, error))
        return store;
    store_close(store);
    return NULL;
}

/* --- Users and tokens ----------------------------------------------------------------------------
 */

/* The first line of standing input, without its end; NULL with error set. */
static char *read_password(GError **error)
{
    char line[LIMIT_PASSWORD_BYTES + 3];
    if (!fgets(line, sizeof line, stdin)) {
        g_set_error(error, ACCESS_ERROR, ACCESS_ERROR_PASSWORD, "no password came on stdin");
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    char *password = g_strdup(line);
    sodium_memzero(line, sizeof line);
    return password;
}

static bool add_user(const Options *options, Store *store, uint32_t role, GError **error)
{
    g_autofree char *given = NULL, *made = NULL;
    if (options->password_stdin && !(given = read_password(error)))
        return false;
    if (!access_user_add(store, options->words[2], role, given, &made, error))
        return false;
    if (made && !given)
        (void)printf("%s\n", made);
    return true;
}

static bool list_users(Store *store, GError **error)
{
    json_auto_t *users = access_users(store, error);
    size_t index;
    json_t *user;
    json_array_foreach(users, index, user)(void)
        printf("%s\t%s\n", json_string_value(json_object_get(user, "name")),
               json_string_value(json_object_get(user, "role")));
    return users != NULL;
}

static bool reset_user(Store *store, const char *name, GError **error)
{
    g_autofree char *password = NULL;
    if (!access_user_reset(store, name, &password, error))
        return false;
    (void)printf("%s\n", password);
    return true;
}

int admin_user(const Options *options)
{
    const char *what = options->words[1], *name = what ? options->words[2] : NULL;
    uint32_t role = options->role ? access_role_from_text(options->role) : 0;
    bool is_add = g_strcmp0(what, "add") == 0, is_list = g_strcmp0(what, "list") == 0;
    if (!is_list && !name)
        return misuse("user add|remove|reset needs a NAME");
    if (is_add && !role)
        return misuse("user add needs --role counter, editor or admin");
    g_autoptr(GError) error = NULL;
    Store *store = open_store(options, &error);
    bool is_done = false;
    if (!store)
        return fail(error);
    if (is_add)
        is_done = add_user(options, store, role, &error);
    else if (is_list)
        is_done = list_users(store, &error);
    else if (g_str_equal(what, "remove"))
        is_done = access_user_remove(store, name, &error);
    else if (g_str_equal(what, "reset"))
        is_done = reset_user(store, name, &error);
    store_close(store);
    if (!is_done && !error)
        return misuse("user knows add, list, remove and reset");
    return is_done ? OPTIONS_DONE : fail(error);
}

#define DAY_US (INT64_C(86400) * G_USEC_PER_SEC)

static bool add_token(const Options *options, Store *store, uint32_t role, GError **error)
{
    g_autofree char *token = NULL;
    AccessToken wish = {
        .name = options->words[2],
        .role = role,
        .expires_us = options->days > 0 ? g_get_real_time() + options->days * DAY_US : 0,
        .channels = (const char *const *)options->subscribe,
    };
    if (!access_token_make(store, &wish, &token, error))
        return false;
    (void)printf("%s\n", token);
    return true;
}

static char *day_of(int64_t moment_us, const char *otherwise)
{
    g_autoptr(GDateTime) moment = g_date_time_new_from_unix_local(moment_us / G_USEC_PER_SEC);
    return moment_us ? g_date_time_format(moment, "%Y-%m-%d") : g_strdup(otherwise);
}

/* NAME, role, the day of the last use; of a token that expires or gives channels also the day when
 * it does, and them. */
static void list_token(const json_t *token)
{
    const char *channels = json_string_value(json_object_get(token, "channels"));
    int64_t expires_us = json_integer_value(json_object_get(token, "expires_at"));
    g_autofree char *used = day_of(json_integer_value(json_object_get(token, "used_at")), "never");
    g_autofree char *expires = day_of(expires_us, "never");
    (void)printf("%s\t%s\t%s", json_string_value(json_object_get(token, "name")),
                 json_string_value(json_object_get(token, "role")), used);
    if (expires_us || *channels)
        (void)printf("\t%s\t%s", expires, channels);
    (void)printf("\n");
}

static bool list_tokens(Store *store, GError **error)
{
    json_auto_t *tokens = access_tokens(store, error);
    size_t index;
    json_t *token;
    json_array_foreach(tokens, index, token)
    {
        list_token(token);
    }
    return tokens != NULL;
}

int admin_token(const Options *options)
{
    const char *what = options->words[1], *name = what ? options->words[2] : NULL;
    uint32_t role = options->role ? access_role_from_text(options->role) : 0;
    bool is_add = g_strcmp0(what, "add") == 0, is_remove = g_strcmp0(what, "remove") == 0;
    bool is_list = g_strcmp0(what, "list") == 0;
    if (!is_list && (!name || (!is_add && !is_remove)))
        return misuse("token knows add NAME --role ROLE, list and remove NAME");
    if (is_add && !role)
        return misuse("token add needs --role ROLE");
    if (options->days < 0 || options->days > LIMIT_TOKEN_DAYS)
        return misuse("--days is 0 (never) to 36500");
    g_autoptr(GError) error = NULL;
    Store *store = open_store(options, &error);
    bool is_done = false;
    if (!store)
        return fail(error);
    if (is_add)
        is_done = add_token(options, store, role, &error);
    else if (is_list)
        is_done = list_tokens(store, &error);
    else
        is_done = access_token_remove(store, name, &error);
    store_close(store);
    return is_done ? OPTIONS_DONE : fail(error);
}

/* --- Backup and restore --------------------------------------------------------------------------
 */

/* Status 1 of tar means that a file changed while it was read: a work file that went away. */
static bool run_tar(const char *const *argv, GError **error)
{
    pid_t child = 0;
    int status = 0;
    int code = posix_spawnp(&child, "tar", NULL, NULL, (char *const *)(uintptr_t)argv, environ);
    if (code == 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
        WEXITSTATUS(status) <= 1)
        return true;
    g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "tar failed%s%s", code ? ": " : "",
                code ? g_strerror(code) : "");
    return false;
}

static bool sync_file(const char *path, GError **error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    bool is_synced = descriptor >= 0 && fsync(descriptor) == 0;
    if (!is_synced)
        g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "could not sync '%s': %s", path,
                    g_strerror(errno));
    if (descriptor >= 0)
        (void)close(descriptor);
    return is_synced;
}

static bool write_archive(const Options *options, Store *store, const char *copies,
                          const char *path, GError **error)
{
    g_autofree char *database = g_build_filename(copies, "serambi.db", NULL);
    g_autofree char *part = g_strconcat(path, ".part", NULL);
    if (!store_backup(store, database, error))
        return false;
    const char *argv[16] = {"tar",  "--create",   "--file",      part,          "--directory",
                            copies, "serambi.db", "--directory", options->data, "secrets"};
    static const char *const maybe[] = {"media", "serambi.ini"};
    size_t count = 10;
    for (size_t i = 0; i < G_N_ELEMENTS(maybe); i++) {
        g_autofree char *found = g_build_filename(options->data, maybe[i], NULL);
        if (g_file_test(found, G_FILE_TEST_EXISTS))
            argv[count++] = maybe[i];
    }
    if (run_tar(argv, error) && sync_file(part, error) && g_rename(part, path) == 0)
        return true;
    (void)g_unlink(part);
    if (error && !*error)
        g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "could not write '%s'", path);
    return false;
}

/* Relative names are seen from here, not from where tar goes. */
static char *absolute(const char *path)
{
    return g_canonicalize_filename(path, NULL);
}

int admin_backup(const Options *options)
{
    if (!options->words[1])
        return misuse("backup needs a FILE");
    g_autoptr(GError) error = NULL;
    g_autofree char *path = absolute(options->words[1]);
    g_autofree char *secrets = g_build_filename(options->data, "secrets", NULL);
    (void)g_mkdir_with_parents(secrets, 0700);
    Store *store = open_store(options, &error);
    if (!store)
        return fail(error);
    g_autofree char *copies = folders_new(options->data, "backup", &error);
    bool is_done = copies && write_archive(options, store, copies, path, &error);
    if (copies)
        (void)folders_remove(copies, NULL);
    store_close(store);
    return is_done ? OPTIONS_DONE : fail(error);
}

/* Numbers given after the backup may be given again: clients must not trust their old positions. */
static bool renew_epoch(const Options *options, GError **error)
{
    Store *store = store_open(options->data, true, NULL, error);
    bool is_done = store && store_renew_epoch(store, error);
    store_close(store);
    return is_done;
}

int admin_restore(const Options *options)
{
    if (!options->words[1])
        return misuse("restore needs a FILE");
    g_autoptr(GError) error = NULL;
    g_autofree char *path = absolute(options->words[1]);
    g_autofree char *database = g_build_filename(options->data, "serambi.db", NULL);
    if (g_file_test(database, G_FILE_TEST_EXISTS)) {
        (void)fprintf(stderr, "serambi: '%s' has a database already; restore into a new folder\n",
                      options->data);
        return OPTIONS_FAILED;
    }
    if (g_mkdir_with_parents(options->data, 0700) != 0) {
        (void)fprintf(stderr, "serambi: could not make '%s': %s\n", options->data,
                      g_strerror(errno));
        return OPTIONS_FAILED;
    }
    const char *argv[] = {"tar", "--extract", "--file", path, "--directory", options->data, NULL};
    if (!run_tar(argv, &error) || !renew_epoch(options, &error))
        return fail(error);
    return admin_verify(options);
}

/* --- Verify --------------------------------------------------------------------------------------
 */

static bool hash_file(const char *path, char ret_hex[crypto_hash_sha256_BYTES * 2 + 1])
{
    uint8_t sum[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    FILE *file = fopen(path, "rbe");
    if (!file)
        return false;
    g_autofree uint8_t *part = g_malloc(65536);
    (void)crypto_hash_sha256_init(&state);
    for (size_t size; (size = fread(part, 1, 65536, file)) > 0;)
        (void)crypto_hash_sha256_update(&state, part, size);
    bool is_read = !ferror(file);
    (void)fclose(file);
    (void)crypto_hash_sha256_final(&state, sum);
    sodium_bin2hex(ret_hex, crypto_hash_sha256_BYTES * 2 + 1, sum, sizeof sum);
    return is_read;
}

/* How many kept files are missing or changed; each is named. */
static int verify_media(const Options *options, const json_t *files)
{
    int bad = 0;
    size_t index;
    json_t *file;
    json_array_foreach(files, index, file)
    {
        const char *sha256 = json_string_value(json_object_get(file, "sha256"));
        g_autofree char *room = g_strndup(sha256, 2);
        g_autofree char *path = g_build_filename(options->data, "media", room, sha256, NULL);
        char found[crypto_hash_sha256_BYTES * 2 + 1] = "";
        bool is_read = hash_file(path, found);
        if (is_read && g_str_equal(found, sha256))
            continue;
        (void)fprintf(stderr, "serambi: media %s is %s\n", sha256, is_read ? "damaged" : "missing");
        bad++;
    }
    return bad;
}

int admin_verify(const Options *options)
{
    g_autoptr(GError) error = NULL;
    Store *store = open_store(options, &error);
    json_t *files = NULL;
    if (store && kept_migrate(store, &error) && store_check(store, &error))
        files = store_query(store, &error, "SELECT sha256 FROM kept ORDER BY sha256", NULL);
    store_close(store);
    if (!files)
        return fail(error);
    int bad = verify_media(options, files);
    size_t count = json_array_size(files);
    json_decref(files);
    (void)printf("database sound, %zu of %zu media files sound\n", count - (size_t)bad, count);
    return bad ? OPTIONS_FAILED : OPTIONS_DONE;
}
