/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Tests of access: the rules by themselves, then logins over a real socket. */
#include "core/access.h"
#include "core/access_private.h"
#include "core/common_passwords.h"
#include "core/limits.h"
#include "core/origin.h"
#include "core/password.h"
#include "core/plugin.h"
#include "core/test_asking.h"
#include "core/throttle.h"
#include <glib/gstdio.h>
#include <math.h>
#include <sodium.h>

#define GOOD_PASSWORD "kuda laut di teras"

/* --- The rules ---------------------------------------------------------------------------------*/

static void test_roles(void)
{
    g_assert_cmpuint(access_role_from_text("editor"), ==, SERAMBI_EDITOR);
    g_assert_cmpuint(access_role_from_text("owner"), ==, 0);
    g_assert_cmpuint(access_role_from_text(NULL), ==, 0);
    g_assert_cmpstr(access_role_text(SERAMBI_DISPLAY), ==, "display");
    static const struct {
        uint32_t allowed, role;
        bool is_allowed;
    } cases[] = {
        {SERAMBI_COUNTER, SERAMBI_COUNTER, true}, {SERAMBI_COUNTER, SERAMBI_EDITOR, false},
        {SERAMBI_COUNTER, SERAMBI_ADMIN, true},   {SERAMBI_EDITOR, SERAMBI_PUBLIC, false},
        {SERAMBI_PUBLIC, SERAMBI_COUNTER, true},  {SERAMBI_DISPLAY, SERAMBI_ADMIN, false},
        {SERAMBI_STAFF, SERAMBI_DISPLAY, false},  {SERAMBI_DISPLAY, SERAMBI_DISPLAY, true},
        {SERAMBI_ADMIN, SERAMBI_EDITOR, false},   {0, SERAMBI_ADMIN, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpint(access_allows(cases[i].allowed, cases[i].role), ==, cases[i].is_allowed);
}

static void test_names(void)
{
    g_autofree char *longest = g_strnfill(LIMIT_USER_NAME_BYTES, 'a');
    g_autofree char *longer = g_strnfill(LIMIT_USER_NAME_BYTES + 1, 'a');
    static const char *const bad[] = {"", "Rina", ".rina", "rina dewi", "rina\n", "r'", "rïna"};
    g_assert_true(access_is_name("rina.dewi-2@perpus"));
    g_assert_true(access_is_name(longest));
    g_assert_false(access_is_name(longer));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(access_is_name(bad[i]));
}

static void test_password_rules(void)
{
    for (size_t i = 1; i < common_password_count; i++)
        g_assert_cmpstr(common_passwords[i - 1], <, common_passwords[i]);
    g_assert_cmpuint(common_password_count, >, 300);
    g_autofree char *longest = g_strnfill(LIMIT_PASSWORD_BYTES - 1, 'x');
    g_autofree char *fits = g_strconcat(longest, "y", NULL);
    g_autofree char *longer = g_strconcat(longest, "yz", NULL);
    const char *bad[] = {"",          "seven77",      "password",
                         "PASSWORD1", "perpustakaan", "bbbbbbbb",
                         "rina.dewi", longer,         "\xff\xfe\xff\xfe\xff\xfe\xff\xfe"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(password_check(bad[i], "rina.dewi", &error));
        g_assert_error(error, ACCESS_ERROR, ACCESS_ERROR_PASSWORD);
    }
    g_assert_true(password_check(GOOD_PASSWORD, "rina", NULL));
    g_assert_true(password_check(fits, "rina", NULL));
}

static void test_password_made(void)
{
    g_autofree char *first = password_make(), *second = password_make();
    g_assert_cmpstr(first, !=, second);
    g_assert_true(g_regex_match_simple("^([bdfghjkmnprstvwz][aeiou]){2}"
                                       "(-([bdfghjkmnprstvwz][aeiou]){2}){4}$",
                                       first, 0, 0));
    g_assert_cmpfloat(10 * log2(16 * 5), >=, 60);
    g_assert_true(password_check(first, "rina", NULL));
}

static void test_password_hash(void)
{
    g_autofree char *hash = password_hash(GOOD_PASSWORD);
    g_assert_true(g_str_has_prefix(hash, "$argon2id$v=19$"));
    g_assert_true(password_matches(GOOD_PASSWORD, hash));
    g_assert_false(password_matches(GOOD_PASSWORD " ", hash));
    g_assert_false(password_matches(GOOD_PASSWORD, "$argon2id$nonsense"));
    g_assert_false(password_is_outdated(hash));
    /* "é" in one character or in two is the same password. */
    g_autofree char *accent = password_hash("caf\xc3\xa9 di teras");
    g_assert_true(password_matches("cafe\xcc\x81 di teras", accent));
    password_set_cost(2, 16384);
    g_assert_true(password_is_outdated(hash));
    password_set_cost(1, 8192);
}

static void test_cookie(void)
{
    static const struct {
        const char *header, *value;
    } cases[] = {
        {"sid=abc", "abc"},
        {"a=b; sid=abc; c=d", "abc"},
        {"xsid=no;sid=yes", "yes"},
        {"sid=", ""},
        {"sidx=no", NULL},
        {"", NULL},
        {";;; sid = x", NULL},
        {"a=sid=no", NULL},
        {NULL, NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *value = origin_cookie(cases[i].header, "sid");
        g_assert_cmpstr(value, ==, cases[i].value);
    }
}

static void test_origin(void)
{
    const char *own = "http://porch:8080";
    g_assert_true(origin_allows(own, "http://porch:8080", NULL));
    g_assert_true(origin_allows(own, "http://Porch:8080", "cross-site"));
    g_assert_true(origin_allows(own, NULL, "same-origin"));
    g_assert_false(origin_allows(own, "http://porch", NULL));
    g_assert_false(origin_allows(own, "https://porch:8080", NULL));
    g_assert_false(origin_allows(own, "null", "same-origin"));
    g_assert_false(origin_allows(own, NULL, "same-site"));
    g_assert_false(origin_allows(own, NULL, "none"));
    g_assert_false(origin_allows(own, NULL, NULL));
    g_assert_false(origin_allows(NULL, "http://porch:8080", NULL));
}

static bool try_once(Throttle *throttle, const char *name, const char *address, int64_t second)
{
    int64_t wait = 0;
    bool may = throttle_try(throttle, name, address, second * G_USEC_PER_SEC, &wait);
    g_assert_true(may || (wait > 0 && wait <= LIMIT_LOGIN_WINDOW_SECONDS + 1));
    return may;
}

static void test_throttle_pair(void)
{
    Throttle *throttle = throttle_new();
    for (int i = 0; i < LIMIT_LOGIN_FAILURES; i++)
        g_assert_true(try_once(throttle, "rina", "10.0.0.9", i));
    g_assert_false(try_once(throttle, "rina", "10.0.0.9", 20));
    /* Neither Rina elsewhere nor others here are locked out. */
    g_assert_true(try_once(throttle, "rina", "10.0.0.5", 20));
    g_assert_true(try_once(throttle, "budi", "10.0.0.9", 20));
    g_assert_true(try_once(throttle, "rina", "10.0.0.9", LIMIT_LOGIN_WINDOW_SECONDS + 1));
    throttle_free(throttle);
}

static void test_throttle_success(void)
{
    Throttle *throttle = throttle_new();
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < LIMIT_LOGIN_FAILURES; i++)
            g_assert_true(try_once(throttle, "rina", "10.0.0.5", 1));
        throttle_succeed(throttle, "rina", "10.0.0.5", G_USEC_PER_SEC);
    }
    throttle_free(throttle);
}

static void test_throttle_many(void)
{
    Throttle *throttle = throttle_new();
    g_assert_true(try_once(throttle, "rina", "10.0.0.5", 0));
    throttle_succeed(throttle, "rina", "10.0.0.5", 0);
    /* Many names from one address: strangers there must wait, Rina not. */
    int tries = 0;
    for (int i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("user%d", i);
        tries += try_once(throttle, name, "10.0.0.5", 1);
    }
    g_assert_cmpint(tries, <=, 5 * LIMIT_LOGIN_FAILURES);
    g_assert_true(try_once(throttle, "rina", "10.0.0.5", 2));
    /* One name from many addresses: each has few tries left, but nobody is locked out. */
    for (int i = 0; i < 200; i++) {
        g_autofree char *address = g_strdup_printf("10.1.%d.1", i);
        g_assert_true(try_once(throttle, "budi", address, 3));
    }
    tries = 0;
    for (int i = 0; i < LIMIT_LOGIN_FAILURES; i++)
        tries += try_once(throttle, "budi", "10.2.0.1", 4);
    g_assert_cmpint(tries, >, 0);
    g_assert_cmpint(tries, <, LIMIT_LOGIN_FAILURES);
    throttle_free(throttle);
}

static void test_throttle_ipv6(void)
{
    Throttle *throttle = throttle_new();
    int tries = 0;
    for (int i = 0; i < 100; i++) {
        g_autofree char *address = g_strdup_printf("2001:db8:1:2::%x", i + 1);
        tries += try_once(throttle, "rina", address, 1);
    }
    g_assert_cmpint(tries, ==, LIMIT_LOGIN_FAILURES);
    g_assert_true(try_once(throttle, "rina", "2001:db8:1:3::1", 1));
    throttle_free(throttle);
}

/* More names than it remembers: it forgets, but does not grow or stop. */
static void test_throttle_flood(void)
{
    Throttle *throttle = throttle_new();
    for (int i = 0; i < 20000; i++) {
        g_autofree char *name = g_strdup_printf("user%d", i);
        g_autofree char *address = g_strdup_printf("10.%d.%d.1", i / 256, i % 256);
        g_assert_true(try_once(throttle, name, address, i / 100));
    }
    throttle_free(throttle);
}

/* --- The store ---------------------------------------------------------------------------------*/

typedef struct {
    char *folder;
    Store *store;
    Access *access;
    char *token;
    bool refuses_insecure;
} Fixture;

static void fixture_prepare(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    fixture->folder = g_dir_make_tmp("serambi-access-XXXXXX", &error);
    g_assert_no_error(error);
    Store *store = store_open(fixture->folder, false, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(access_migrate(store, &error));
    g_assert_true(access_user_add(store, "rina", SERAMBI_EDITOR, GOOD_PASSWORD, NULL, &error));
    g_assert_no_error(error);
    g_assert_true(access_token_add(store, "robot", SERAMBI_COUNTER, &fixture->token, &error));
    g_assert_no_error(error);
    store_close(store);
}

static void remove_folder(const char *folder)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_dir_close(dir);
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

static void fixture_forget(Fixture *fixture)
{
    remove_folder(fixture->folder);
    g_free(fixture->folder);
    g_free(fixture->token);
}

static void test_admin(void)
{
    Fixture fixture = {0};
    fixture_prepare(&fixture);
    g_autoptr(GError) error = NULL;
    Store *store = store_open(fixture.folder, false, NULL, &error);
    g_assert_no_error(error);
    g_autofree char *made = NULL, *reset = NULL, *token = NULL;
    g_assert_true(access_user_add(store, "budi", SERAMBI_ADMIN, NULL, &made, &error));
    g_assert_true(password_check(made, "budi", NULL));
    g_assert_false(access_user_add(store, "budi", SERAMBI_ADMIN, NULL, NULL, &error));
    g_assert_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME);
    g_clear_error(&error);
    g_assert_false(access_user_add(store, "robot", SERAMBI_ADMIN, NULL, NULL, &error));
    g_assert_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME);
    g_clear_error(&error);
    g_assert_false(access_token_add(store, "rina", SERAMBI_ADMIN, &token, &error));
    g_assert_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME);
    g_clear_error(&error);
    g_assert_false(access_user_add(store, "siti", SERAMBI_DISPLAY, NULL, NULL, &error));
    g_clear_error(&error);
    g_assert_false(access_user_add(store, "siti", SERAMBI_ADMIN, "password1", NULL, &error));
    g_assert_error(error, ACCESS_ERROR, ACCESS_ERROR_PASSWORD);
    g_clear_error(&error);
    json_auto_t *users = access_users(store, &error);
    g_assert_cmpuint(json_array_size(users), ==, 2);
    g_assert_cmpstr(json_string_value(json_object_get(json_array_get(users, 0), "name")), ==,
                    "budi");
    g_assert_cmpstr(json_string_value(json_object_get(json_array_get(users, 0), "role")), ==,
                    "admin");
    g_assert_true(access_user_reset(store, "budi", &reset, &error));
    g_assert_cmpstr(reset, !=, made);
    g_assert_true(access_user_remove(store, "budi", &error));
    g_assert_false(access_user_remove(store, "budi", &error));
    g_assert_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME);
    g_clear_error(&error);
    g_assert_false(access_user_reset(store, "budi", &reset, &error));
    g_clear_error(&error);
    g_assert_true(access_token_remove(store, "robot", &error));
    g_assert_false(access_token_remove(store, "robot", &error));
    store_close(store);
    fixture_forget(&fixture);
}

static char *prove(const uint8_t *secret, const char *key, const char *nonce)
{
    g_autofree char *message = g_strconcat("serambi-display:", nonce, NULL);
    uint8_t signature[crypto_sign_BYTES];
    char hex[2 * crypto_sign_BYTES + 1];
    crypto_sign_detached(signature, NULL, (const uint8_t *)message, strlen(message), secret);
    sodium_bin2hex(hex, sizeof hex, signature, sizeof signature);
    return g_strdup_printf("display.%s.%s.%s", key, nonce, hex);
}

static void assert_refused(Access *access, const char *token)
{
    g_autoptr(GError) error = NULL;
    Identity identity;
    g_assert_false(access_identify_token(access, token, &identity, &error));
    g_assert_error(error, ACCESS_ERROR, ACCESS_ERROR_TOKEN);
}

static void test_display(void)
{
    uv_loop_t loop;
    g_assert_cmpint(uv_loop_init(&loop), ==, 0);
    g_autoptr(GError) error = NULL;
    Store *store = store_open(NULL, false, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(access_migrate(store, &error));
    Access *access = access_new(store, &loop, &(AccessOptions){0}, &error);
    g_assert_no_error(error);

    uint8_t public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    char key[2 * crypto_sign_PUBLICKEYBYTES + 1];
    crypto_sign_keypair(public, secret);
    sodium_bin2hex(key, sizeof key, public, sizeof public);
    g_autofree char *nonce = access_challenge(access), *other = access_challenge(access);
    g_autofree char *proof = prove(secret, key, nonce);
    assert_refused(access, proof); /* not let in yet */
    g_assert_true(access_display_admit(store, key, "lobby-1", &error));
    g_assert_no_error(error);
    Identity identity;
    g_assert_true(access_identify_token(access, proof, &identity, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(identity.role, ==, SERAMBI_DISPLAY);
    g_assert_cmpstr(identity.name, ==, "lobby-1");
    assert_refused(access, proof); /* single use */

    g_autofree char *foreign = g_strdup(other);
    foreign[0] = foreign[0] == 'f' ? 'e' : 'f';
    g_autofree char *forged = prove(secret, key, foreign);
    assert_refused(access, forged); /* a nonce that we did not make */
    g_autofree char *good = prove(secret, key, other);
    g_autofree char *spoilt = g_strdup(good);
    spoilt[strlen(spoilt) - 1] ^= 1;
    assert_refused(access, spoilt);
    assert_refused(access, "display.");
    assert_refused(access, "display...");
    assert_refused(access, "");
    assert_refused(access, "serambi_admin_");
    g_assert_true(access_display_expel(store, key, &error));
    assert_refused(access, good);
    g_assert_false(access_display_admit(store, "abc", "lobby-1", &error));
    g_assert_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME);

    access_free(access);
    store_close(store);
    uv_run(&loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
}

typedef struct {
    uv_loop_t loop;
    Store *store;
    Access *access;
} Room;

static bool work_row(Store *store, void *data, GError **error)
{
    return access_execute(store, error, data, "");
}

static void room_open(Room *room, const char *const *migrations, const char *row)
{
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(uv_loop_init(&room->loop), ==, 0);
    room->store = store_open(NULL, false, NULL, &error);
    g_assert_no_error(error);
    if (migrations != NULL) {
        g_assert_true(store_migrate(room->store, "access", migrations, &error));
        g_assert_true(access_write(room->store, work_row, (void *)row, &error));
    }
    g_assert_true(access_migrate(room->store, &error));
    room->access = access_new(room->store, &room->loop, &(AccessOptions){0}, &error);
    g_assert_no_error(error);
}

static void room_close(Room *room)
{
    access_free(room->access);
    store_close(room->store);
    uv_run(&room->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&room->loop), ==, 0);
}

static bool work_expire(Store *store, void *data, GError **error)
{
    return access_execute(store, error, "UPDATE access_token SET expires_us = 1", "");
}

static void test_token_expires(void)
{
    Room room = {0};
    room_open(&room, NULL, NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *old = NULL, *young = NULL;
    AccessToken wish = {.name = "old", .role = SERAMBI_COUNTER, .expires_us = 1};
    g_assert_true(access_token_make(room.store, &wish, &old, &error));
    wish = (AccessToken){.name = "young",
                         .role = SERAMBI_COUNTER,
                         .expires_us = g_get_real_time() + G_TIME_SPAN_DAY};
    g_assert_true(access_token_make(room.store, &wish, &young, &error));
    Identity identity;
    g_assert_false(access_identify_token(room.access, old, &identity, &error));
    g_assert_error(error, ACCESS_ERROR, ACCESS_ERROR_EXPIRED);
    g_clear_error(&error);
    g_assert_true(access_identify_token(room.access, young, &identity, &error));
    g_assert_true(access_is_current(room.access, &identity));
    g_assert_true(access_write(room.store, work_expire, NULL, &error));
    g_assert_no_error(error);
    g_assert_false(access_is_current(room.access, &identity));
    room_close(&room);
}

static void test_token_channels(void)
{
    static const char *const good[] = {"queue:board", "queue:ticket.B-12", NULL};
    static const char *const bad[] = {"board",     "q:board",       "queue:",        ":board",
                                      "queue:a b", "queue:board\n", "queue:t.{key}", "",
                                      "queue:b,c", "qu.eue:board"};
    Room room = {0};
    room_open(&room, NULL, NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *token = NULL, *none = NULL;
    AccessToken wish = {.name = "wall", .role = SERAMBI_COUNTER, .channels = good};
    g_assert_true(access_token_make(room.store, &wish, &token, &error));
    g_assert_no_error(error);
    Identity identity;
    g_assert_true(access_identify_token(room.access, token, &identity, &error));
    g_auto(GStrv) channels = access_channels(room.access, &identity);
    g_assert_true(g_strv_equal((const char *const *)channels, good));
    g_auto(GStrv) nothing = access_channels(room.access, &(Identity){.role = SERAMBI_PUBLIC});
    g_assert_cmpuint(g_strv_length(nothing), ==, 0);
    g_assert_true(access_token_add(room.store, "plain", SERAMBI_COUNTER, &none, &error));
    g_assert_true(access_identify_token(room.access, none, &identity, &error));
    g_auto(GStrv) empty = access_channels(room.access, &identity);
    g_assert_cmpuint(g_strv_length(empty), ==, 0);
    g_autofree char *longest = g_strnfill(LIMIT_CHANNEL_BYTES, 'a');
    g_autofree char *longer = g_strconcat("queue:", longest, NULL);
    for (size_t i = 0; i <= G_N_ELEMENTS(bad); i++) {
        const char *channel = i < G_N_ELEMENTS(bad) ? bad[i] : longer;
        wish.name = "other";
        wish.channels = (const char *const[]){"queue:board", channel, NULL};
        g_assert_false(access_token_make(room.store, &wish, &token, &error));
        g_assert_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME);
        g_clear_error(&error);
    }
    g_clear_pointer(&token, g_free);
    const char *many[LIMIT_TOKEN_CHANNELS + 2] = {NULL};
    for (int i = 0; i <= LIMIT_TOKEN_CHANNELS; i++)
        many[i] = "queue:board";
    wish.channels = many;
    g_assert_false(access_token_make(room.store, &wish, &token, &error));
    g_assert_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME);
    g_clear_error(&error);
    g_autofree char *wide = g_strndup(longer, LIMIT_CHANNEL_BYTES);
    for (int i = 0; i < 5; i++)
        many[i] = wide;
    many[5] = NULL;
    g_assert_cmpuint(5 * strlen(wide), >, LIMIT_TOKEN_CHANNELS_BYTES);
    g_assert_false(access_token_make(room.store, &wish, &token, &error));
    g_assert_error(error, ACCESS_ERROR, ACCESS_ERROR_NAME);
    g_clear_error(&error);
    many[4] = NULL;
    g_assert_true(access_token_make(room.store, &wish, &token, &error));
    room_close(&room);
}

/* A token from before tokens could expire is still good, and for ever. */
static void test_token_migrates(void)
{
    static const char *const first[] = {
        "CREATE TABLE access_user (name TEXT PRIMARY KEY, role TEXT NOT NULL,"
        " password TEXT NOT NULL, created_us BIGINT NOT NULL);"
        "CREATE TABLE access_token (name TEXT PRIMARY KEY, role TEXT NOT NULL,"
        " hash TEXT NOT NULL UNIQUE, created_us BIGINT NOT NULL, used_us BIGINT NOT NULL);"
        "CREATE TABLE access_display (key TEXT PRIMARY KEY, id TEXT NOT NULL,"
        " admitted_us BIGINT NOT NULL);",
        NULL,
    };
    g_autofree char *secret = access_new_secret();
    g_autofree char *token = g_strconcat("serambi_editor_", secret, NULL);
    g_autofree char *hash = access_hash_secret(token);
    g_autofree char *row =
        g_strdup_printf("INSERT INTO access_token VALUES ('robot', 'editor', '%s', 5, 0)", hash);
    Room room = {0};
    room_open(&room, first, row);
    g_autoptr(GError) error = NULL;
    Identity identity;
    g_assert_true(access_identify_token(room.access, token, &identity, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(identity.name, ==, "robot");
    g_assert_cmpuint(identity.role, ==, SERAMBI_EDITOR);
    g_assert_true(access_is_current(room.access, &identity));
    room_close(&room);
}

/* Whatever comes as a token is refused. */
static void test_noise(void)
{
    uv_loop_t loop;
    g_assert_cmpint(uv_loop_init(&loop), ==, 0);
    g_autoptr(GError) error = NULL;
    Store *store = store_open(NULL, false, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(access_migrate(store, &error));
    Access *access = access_new(store, &loop, &(AccessOptions){0}, &error);
    g_assert_no_error(error);
    static const char letters[] = "0fF.x_-\xff";
    static const char *const beginnings[] = {"display.", "serambi_admin_", "serambi_", ""};
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    for (int i = 0; i < 5000; i++) {
        char text[400] = "";
        int size = g_rand_int_range(random, 0, sizeof text);
        for (int at = 0; at < size; at++)
            text[at] = letters[g_rand_int_range(random, 0, sizeof letters - 1)];
        g_autofree char *token =
            g_strconcat(beginnings[i % (int)G_N_ELEMENTS(beginnings)], text, NULL);
        assert_refused(access, token);
    }
    access_free(access);
    store_close(store);
    uv_run(&loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&loop), ==, 0);
}

/* --- Over a socket -----------------------------------------------------------------------------*/

static void handle_session(HttpRequest *request, void *data)
{
    access_handle_session(((Fixture *)data)->access, request);
}

static void handle_challenge(HttpRequest *request, void *data)
{
    access_handle_challenge(((Fixture *)data)->access, request);
}

/* What a route beside the session asks of access_is_same_origin(). */
static void handle_own(HttpRequest *request, void *data)
{
    bool is_own = access_is_same_origin(request);
    http_reply_json(request, is_own ? 200 : 403, json_object());
}

static void run(Fixture *fixture, void (*script)(Asking *asking))
{
    g_autoptr(GError) error = NULL;
    Asking asking;
    fixture_prepare(fixture);
    asking_init(&asking, fixture);
    fixture->store = store_open(fixture->folder, true, &asking.loop, &error);
    g_assert_no_error(error);
    fixture->access =
        access_new(fixture->store, &asking.loop,
                   &(AccessOptions){.allow_insecure_login = !fixture->refuses_insecure}, &error);
    g_assert_no_error(error);
    asking_listen(&asking);
    web_route(asking.web, "/api/session", handle_session, fixture);
    web_route(asking.web, "/api/challenge", handle_challenge, fixture);
    web_route(asking.web, "/own", handle_own, NULL);
    asking_run(&asking, script);
    asking_close_web(&asking);
    store_close(fixture->store);
    access_free(fixture->access);
    asking_clear(&asking);
    fixture_forget(fixture);
}

static Answer *post(Asking *asking, const char *path, const char *headers, const char *body)
{
    return ask(asking, "POST", path, headers, body, strlen(body));
}

static Answer *login(Asking *asking, const char *name, const char *password)
{
    g_autofree char *body =
        g_strdup_printf("{\"name\":\"%s\",\"password\":\"%s\"}", name, password);
    return post(asking, "/api/session", "", body);
}

/* The Cookie header line that the answer's Set-Cookie asks for. */
static char *cookie_line(const Answer *answer)
{
    const char *set = answer_header(answer, "set-cookie");
    g_assert_nonnull(set);
    g_autofree char *pair = g_strndup(set, strcspn(set, ";"));
    return g_strdup_printf("Cookie: theme=dark; %s\r\n", pair);
}

static char *who(Asking *asking, const char *headers)
{
    g_autoptr(Answer) answer = ask(asking, "GET", "/api/session", headers, "", 0);
    if (answer->status != 200)
        return g_strdup_printf("%d", answer->status);
    json_auto_t *body = json_loads(answer->body, 0, NULL);
    return g_strdup_printf("%s %s", json_string_value(json_object_get(body, "user")),
                           json_string_value(json_object_get(body, "role")));
}

#define ASSERT_WHO(headers, expected)                                                              \
    {                                                                                              \
        g_autofree char *found = who(asking, headers);                                             \
        g_assert_cmpstr(found, ==, expected);                                                      \
    }

static void assert_error(Answer *answer, int status, const char *code)
{
    json_auto_t *body = json_loads(answer->body, 0, NULL);
    g_assert_cmpint(answer->status, ==, status);
    g_assert_cmpstr(json_string_value(json_object_get(json_object_get(body, "error"), "code")), ==,
                    code);
    answer_free(answer);
}

static char *with_origin(Asking *asking, const char *cookie)
{
    return g_strdup_printf("%sOrigin: http://127.0.0.1:%d\r\n", cookie, asking->port);
}

static void script_session(Asking *asking)
{
    ASSERT_WHO("", " public");
    assert_error(login(asking, "rina", "wrong password"), 401, "login.wrong");
    assert_error(login(asking, "nobody", GOOD_PASSWORD), 401, "login.wrong");
    assert_error(login(asking, "Not A Name", GOOD_PASSWORD), 401, "login.wrong");
    assert_error(post(asking, "/api/session", "", "{\"name\":\"rina\"}"), 400, "error.input");
    assert_error(post(asking, "/api/session", "", "not json"), 400, "error.input");
    assert_error(post(asking, "/api/session", "Origin: http://evil\r\n", "{}"), 403,
                 "error.origin");
    g_autoptr(Answer) answer = login(asking, "Rina", GOOD_PASSWORD);
    g_assert_cmpint(answer->status, ==, 200);
    g_assert_true(g_regex_match_simple("^sid=[A-Za-z0-9_-]{43}; Path=/; Max-Age=\\d+; "
                                       "HttpOnly; SameSite=Lax$",
                                       answer_header(answer, "set-cookie"), 0, 0));
    json_auto_t *body = json_loads(answer->body, 0, NULL);
    json_auto_t *expected =
        json_pack("{s:s, s:s, s:b}", "user", "rina", "role", "editor", "secure", 0);
    g_assert_true(json_equal(body, expected));
    g_autofree char *cookie = cookie_line(answer);
    g_autoptr(Answer) again = login(asking, "rina", GOOD_PASSWORD);
    g_autofree char *second = cookie_line(again);
    g_assert_cmpstr(cookie, !=, second); /* each login has its own */
    ASSERT_WHO(cookie, "rina editor");
    ASSERT_WHO("Cookie: sid=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n", " public");

    /* Only our own page may end it. */
    g_autofree char *evil = g_strconcat(cookie, "Origin: http://evil\r\n", NULL);
    g_autofree char *own = with_origin(asking, cookie);
    assert_error(ask(asking, "DELETE", "/api/session", cookie, "", 0), 403, "error.origin");
    assert_error(ask(asking, "DELETE", "/api/session", evil, "", 0), 403, "error.origin");
    ASSERT_WHO(cookie, "rina editor");
    g_autoptr(Answer) left = ask(asking, "DELETE", "/api/session", own, "", 0);
    g_assert_cmpint(left->status, ==, 200);
    g_assert_nonnull(strstr(answer_header(left, "set-cookie"), "Max-Age=0"));
    ASSERT_WHO(cookie, " public");
    ASSERT_WHO(second, "rina editor");
    assert_error(ask(asking, "PUT", "/api/session", "", "", 0), 405, "error.method");
    assert_error(ask(asking, "GET", "/api/session/other", "", "", 0), 404, "error.not_found");
}

static void test_session(void)
{
    run(&(Fixture){0}, script_session);
}

static void script_secure(Asking *asking)
{
    assert_error(login(asking, "rina", GOOD_PASSWORD), 403, "login.insecure");
    const char *https = "X-Forwarded-Proto: https\r\n";
    g_autoptr(Answer) answer = post(asking, "/api/session", https,
                                    "{\"name\":\"rina\",\"password\":\"" GOOD_PASSWORD "\"}");
    g_assert_cmpint(answer->status, ==, 200);
    g_assert_nonnull(strstr(answer->body, "\"secure\":true"));
    g_assert_true(g_regex_match_simple("^__Host-sid=[A-Za-z0-9_-]{43}; Path=/; Max-Age=\\d+; "
                                       "HttpOnly; SameSite=Lax; Secure$",
                                       answer_header(answer, "set-cookie"), 0, 0));
    g_autofree char *cookie = cookie_line(answer);
    g_autofree char *good = g_strconcat(https, cookie, NULL);
    ASSERT_WHO(good, "rina editor");
    ASSERT_WHO(cookie, " public"); /* never over plain http */
}

static void test_secure(void)
{
    run(&(Fixture){.refuses_insecure = true}, script_secure);
}

static void script_token(Asking *asking)
{
    Fixture *fixture = asking->context;
    g_autofree char *good = g_strdup_printf("Authorization: Bearer %s\r\n", fixture->token);
    ASSERT_WHO(good, "robot counter");
    ASSERT_WHO(good, "robot counter"); /* as remembered */
    ASSERT_WHO("Authorization: Bearer serambi_admin_x\r\n", "401");
    ASSERT_WHO("Authorization: Bearer "
               "serambi_counter_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n",
               "401");
    ASSERT_WHO("Authorization: Basic cmluYTpyaW5h\r\n", " public");
    g_assert_true(
        g_regex_match_simple("^serambi_counter_[A-Za-z0-9_-]{43}$", fixture->token, 0, 0));
    g_autoptr(Answer) challenge = ask(asking, "POST", "/api/challenge", "", "", 0);
    g_assert_cmpint(challenge->status, ==, 200);
    g_assert_true(g_regex_match_simple("^\\{\"nonce\":\"[0-9a-f]+\"\\}$", challenge->body, 0, 0));
    assert_error(ask(asking, "GET", "/api/challenge", "", "", 0), 405, "error.method");
}

static void test_token(void)
{
    run(&(Fixture){0}, script_token);
}

static Answer *change(Asking *asking, const char *headers, const char *old, const char *new)
{
    g_autofree char *body = g_strdup_printf("{\"old\":\"%s\",\"new\":\"%s\"}", old, new);
    return post(asking, "/api/session/password", headers, body);
}

static void script_own(Asking *asking)
{
    g_autofree char *own =
        g_strdup_printf("Cookie: a=b\r\nOrigin: http://127.0.0.1:%d\r\n", asking->port);
    const struct {
        const char *method, *headers;
        int status;
    } cases[] = {
        {"POST", "", 200},
        {"POST", "Origin: http://evil\r\n", 200}, /* nobody's name is used */
        {"POST", "Cookie: a=b\r\n", 403},
        {"POST", "Cookie: a=b\r\nOrigin: http://evil\r\n", 403},
        {"POST", "Cookie: a=b\r\nOrigin: null\r\n", 403},
        {"POST", "Cookie: a=b\r\nAuthorization: Basic eA==\r\n", 403},
        {"POST", "Cookie: a=b\r\nAuthorization: Bearer x\r\n", 200},
        {"POST", "Cookie: a=b\r\nSec-Fetch-Site: same-origin\r\n", 200},
        {"POST", "Cookie: a=b\r\nSec-Fetch-Site: same-site\r\n", 403},
        {"POST", own, 200},
        {"GET", own, 200},
        {"GET", "Cookie: a=b\r\n", 200},
        {"GET", "Cookie: a=b\r\nOrigin: http://evil\r\n", 403},
        {"GET", "Cookie: a=b\r\nSec-Fetch-Site: cross-site\r\n", 403},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Answer) answer = ask(asking, cases[i].method, "/own", cases[i].headers, "", 0);
        g_assert_cmpint(answer->status, ==, cases[i].status);
    }
}

static void test_own(void)
{
    run(&(Fixture){0}, script_own);
}

static void script_password(Asking *asking)
{
    g_autoptr(Answer) first = login(asking, "rina", GOOD_PASSWORD);
    g_autoptr(Answer) second = login(asking, "rina", GOOD_PASSWORD);
    g_autofree char *cookie = cookie_line(first), *other = cookie_line(second);
    g_autofree char *own = with_origin(asking, cookie);
    ASSERT_WHO(other, "rina editor");
    assert_error(change(asking, cookie, GOOD_PASSWORD, "new password here"), 403, "error.origin");
    assert_error(change(asking, "", GOOD_PASSWORD, "new password here"), 401, "error.unauthorized");
    assert_error(change(asking, own, "wrong password", "new password here"), 401, "login.wrong");
    assert_error(change(asking, own, GOOD_PASSWORD, "short"), 422, "login.weak");
    assert_error(change(asking, own, GOOD_PASSWORD, "Password1"), 422, "login.weak");
    g_autoptr(Answer) changed = change(asking, own, GOOD_PASSWORD, "new password here");
    g_assert_cmpint(changed->status, ==, 200);
    ASSERT_WHO(cookie, "rina editor"); /* stays */
    ASSERT_WHO(other, " public");      /* is ended */
    assert_error(login(asking, "rina", GOOD_PASSWORD), 401, "login.wrong");
    g_autoptr(Answer) third = login(asking, "rina", "new password here");
    g_assert_cmpint(third->status, ==, 200);
}

static void test_password_change(void)
{
    run(&(Fixture){0}, script_password);
}

static void script_throttled(Asking *asking)
{
    for (int i = 0; i < LIMIT_LOGIN_FAILURES; i++)
        assert_error(login(asking, "rina", "wrong password"), 401, "login.wrong");
    g_autoptr(Answer) answer = login(asking, "rina", GOOD_PASSWORD);
    g_assert_cmpint(answer->status, ==, 429);
    g_assert_nonnull(strstr(answer->body, "\"login.later\""));
    g_assert_cmpint(atoi(answer_header(answer, "retry-after")), >, 0);
    /* From elsewhere Rina still may. */
    g_autoptr(Answer) elsewhere = post(asking, "/api/session", "X-Forwarded-For: 10.3.2.1\r\n",
                                       "{\"name\":\"rina\",\"password\":\"" GOOD_PASSWORD "\"}");
    g_assert_cmpint(elsewhere->status, ==, 200);
}

static void test_throttled(void)
{
    run(&(Fixture){0}, script_throttled);
}

/* More logins at once than two threads and their queue take: some are told to come later, none is
 * lost. */
static void script_crowd(Asking *asking)
{
    enum { CROWD = 5 * LIMIT_LOGIN_QUEUE };
    int fds[CROWD], later = 0;
    static const char body[] = "{\"name\":\"nobody\",\"password\":\"" GOOD_PASSWORD "\"}";
    for (int i = 0; i < CROWD; i++) {
        g_autofree char *headers = g_strdup_printf("X-Forwarded-For: 10.4.0.%d\r\n", i);
        fds[i] = asking_connect(asking);
        asking_head(asking, fds[i], "POST", "/api/session", headers, sizeof body - 1);
    }
    for (int i = 0; i < CROWD; i++)
        asking_send(fds[i], body, sizeof body - 1);
    for (int i = 0; i < CROWD; i++) {
        g_autoptr(Answer) answer = asking_read(fds[i], false);
        g_assert_true(answer->status == 401 || answer->status == 429);
        later += answer->status == 429;
        close(fds[i]);
    }
    g_assert_cmpint(later, >, 0);
    g_assert_cmpint(later, <, CROWD);
}

static void test_crowd(void)
{
    password_set_cost(4, 16 * 1024 * 1024); /* slow enough for the queue to fill */
    run(&(Fixture){0}, script_crowd);
    password_set_cost(1, 8192);
}

/* A hash of yesterday's parameters is made anew at login. */
static void script_rehash(Asking *asking)
{
    password_set_cost(2, 16384);
    g_autoptr(Answer) answer = login(asking, "rina", GOOD_PASSWORD);
    g_assert_cmpint(answer->status, ==, 200);
}

static void test_rehash(void)
{
    Fixture fixture = {0};
    g_autoptr(GError) error = NULL;
    Asking asking;
    fixture_prepare(&fixture);
    asking_init(&asking, &fixture);
    fixture.store = store_open(fixture.folder, true, &asking.loop, &error);
    fixture.access = access_new(fixture.store, &asking.loop,
                                &(AccessOptions){.allow_insecure_login = true}, &error);
    g_assert_no_error(error);
    asking_listen(&asking);
    web_route(asking.web, "/api/session", handle_session, &fixture);
    asking_run(&asking, script_rehash);
    json_auto_t *rows = store_query(fixture.store, &error, "SELECT password FROM access_user", "");
    g_assert_no_error(error);
    g_assert_false(password_is_outdated(
        json_string_value(json_object_get(json_array_get(rows, 0), "password"))));
    password_set_cost(1, 8192);
    asking_close_web(&asking);
    store_close(fixture.store);
    access_free(fixture.access);
    asking_clear(&asking);
    fixture_forget(&fixture);
}

static bool age_work(Store *store, void *data)
{
    return access_execute(store, NULL, "UPDATE access_session SET used_us = used_us - $1", "i",
                          (LIMIT_SESSION_IDLE_SECONDS + 1) * (int64_t)G_USEC_PER_SEC);
}

static bool multiply_work(Store *store, void *data)
{
    for (int64_t i = 0; i < 2 * LIMIT_SESSIONS_USER; i++) {
        g_autofree char *hash = g_strdup_printf("hash %d", (int)i);
        g_assert_true(
            access_execute(store, NULL,
                           "INSERT INTO access_session (hash, id, user_name, created_us, used_us)"
                           " VALUES ($1, $2, 'rina', $3, $3)",
                           "sii", hash, -i, g_get_real_time() + i));
    }
    return true;
}

static void on_written(Store *store, bool kept, const GError *error, void *data)
{
    g_assert_true(kept && error == NULL);
}

static void age(Asking *asking)
{
    Fixture *fixture = asking->context;
    store_write(fixture->store, age_work, on_written, NULL);
    g_hash_table_remove_all(fixture->access->remembered);
}

static void multiply(Asking *asking)
{
    store_write(((Fixture *)asking->context)->store, multiply_work, on_written, NULL);
}

static void remove_rina(Asking *asking)
{
    Fixture *fixture = asking->context;
    g_autoptr(GError) error = NULL;
    Store *store = store_open(fixture->folder, false, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(access_user_remove(store, "rina", &error));
    g_assert_no_error(error);
    store_close(store);
}

static void let_time_pass(Asking *asking)
{
    GHashTableIter iter;
    void *known;
    g_hash_table_iter_init(&iter, ((Fixture *)asking->context)->access->remembered);
    while (g_hash_table_iter_next(&iter, NULL, &known))
        ((Remembered *)known)->asked_us -= 6 * G_USEC_PER_SEC;
}

/* `serambi user remove` beside the running server ends the sessions within seconds. */
static void script_removed(Asking *asking)
{
    g_autoptr(Answer) answer = login(asking, "rina", GOOD_PASSWORD);
    g_autofree char *cookie = cookie_line(answer);
    ASSERT_WHO(cookie, "rina editor");
    asking_errand(asking, remove_rina);
    asking_errand(asking, let_time_pass);
    ASSERT_WHO(cookie, " public");
    assert_error(login(asking, "rina", GOOD_PASSWORD), 401, "login.wrong");
}

static void test_removed(void)
{
    run(&(Fixture){0}, script_removed);
}

static void count_sessions(Asking *asking)
{
    json_auto_t *rows = store_query(((Fixture *)asking->context)->store, NULL,
                                    "SELECT hash FROM access_session", "");
    g_assert_cmpuint(json_array_size(rows), ==, LIMIT_SESSIONS_USER);
}

static void script_expiry(Asking *asking)
{
    g_autoptr(Answer) answer = login(asking, "rina", GOOD_PASSWORD);
    g_autofree char *cookie = cookie_line(answer);
    ASSERT_WHO(cookie, "rina editor");
    asking_errand(asking, age);
    g_autoptr(Answer) other = login(asking, "rina", GOOD_PASSWORD); /* waits for the write */
    ASSERT_WHO(cookie, " public");
    asking_errand(asking, multiply);
    g_autoptr(Answer) last = login(asking, "rina", GOOD_PASSWORD);
    g_autofree char *last_cookie = cookie_line(last);
    ASSERT_WHO(last_cookie, "rina editor");
    asking_errand(asking, count_sessions);
}

static void test_expiry(void)
{
    run(&(Fixture){0}, script_expiry);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(sodium_init(), >=, 0);
    password_set_cost(1, 8192);
    g_test_add_func("/access/roles", test_roles);
    g_test_add_func("/access/names", test_names);
    g_test_add_func("/access/password/rules", test_password_rules);
    g_test_add_func("/access/password/made", test_password_made);
    g_test_add_func("/access/password/hash", test_password_hash);
    g_test_add_func("/access/cookie", test_cookie);
    g_test_add_func("/access/origin", test_origin);
    g_test_add_func("/access/throttle/pair", test_throttle_pair);
    g_test_add_func("/access/throttle/success", test_throttle_success);
    g_test_add_func("/access/throttle/many", test_throttle_many);
    g_test_add_func("/access/throttle/ipv6", test_throttle_ipv6);
    g_test_add_func("/access/throttle/flood", test_throttle_flood);
    g_test_add_func("/access/admin", test_admin);
    g_test_add_func("/access/display", test_display);
    g_test_add_func("/access/noise", test_noise);
    g_test_add_func("/access/token-expires", test_token_expires);
    g_test_add_func("/access/token-channels", test_token_channels);
    g_test_add_func("/access/token-migrates", test_token_migrates);
    g_test_add_func("/access/session", test_session);
    g_test_add_func("/access/secure", test_secure);
    g_test_add_func("/access/own-page", test_own);
    g_test_add_func("/access/token", test_token);
    g_test_add_func("/access/password/change", test_password_change);
    g_test_add_func("/access/throttled", test_throttled);
    g_test_add_func("/access/crowd", test_crowd);
    g_test_add_func("/access/rehash", test_rehash);
    g_test_add_func("/access/removed", test_removed);
    g_test_add_func("/access/expiry", test_expiry);
    return g_test_run();
}
