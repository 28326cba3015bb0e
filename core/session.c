/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Sessions: log in, log out, change the password; /api/session and /api/challenge. */
#include "core/access_private.h"
#include "core/limits.h"
#include "core/origin.h"
#include "core/password.h"
#include "core/plugin.h"
#include <sodium.h>
#include <string.h>

#define LOGIN_BODY_BYTES 4096 /* a name and two passwords, each character escaped in JSON */
#define BUSY_SECONDS     2    /* when the queue of logins is full */
#define TOUCH_US         (300 * G_USEC_PER_SEC) /* "last use" is kept this exactly, to save writes */

/* --- Sessions in the store ---------------------------------------------------------------------*/

static bool is_over(const Remembered *session, int64_t now_us)
{
    return now_us - session->created_us > LIMIT_SESSION_SECONDS * (int64_t)G_USEC_PER_SEC ||
           now_us - session->used_us > LIMIT_SESSION_IDLE_SECONDS * (int64_t)G_USEC_PER_SEC;
}

static bool touch_work(Store *store, void *data)
{
    g_autoptr(GError) error = NULL;
    if (!access_execute(store, &error, "UPDATE access_session SET used_us = $2 WHERE hash = $1",
                        "si", (const char *)data, g_get_real_time()))
        g_warning("could not note the use of a session: %s, ignoring", error->message);
    return true;
}

static void touch_after(Store *store, bool kept, const GError *error, void *data)
{
    g_free(data);
}

static Remembered *ask_for(Access *access, const char *hash)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *rows =
        store_query(access->store, &error,
                    "SELECT s.id AS id, s.user_name AS user_name, u.role AS role,"
                    " s.created_us AS created_us, s.used_us AS used_us"
                    " FROM access_session s JOIN access_user u ON u.name = s.user_name"
                    " WHERE s.hash = $1",
                    "s", hash);
    if (rows == NULL) {
        g_warning("could not read a session: %s, taking it for a stranger's", error->message);
        return NULL;
    }
    json_int_t id = 0, created_us = 0, used_us = 0;
    const char *name = NULL, *role = NULL;
    if (json_unpack(rows, "[{s:I, s:s, s:s, s:I, s:I}]", "id", &id, "user_name", &name, "role",
                    &role, "created_us", &created_us, "used_us", &used_us) != 0)
        return NULL;
    Remembered found = {
        .identity = {.role = access_role_from_text(role), .session = id},
        .created_us = created_us,
        .used_us = used_us,
    };
    g_strlcpy(found.identity.name, name, sizeof found.identity.name);
    return access_remember(access, hash, &found);
}

bool session_find(Access *access, const char *secret, Identity *ret_identity)
{
    g_autofree char *hash = access_hash_secret(secret);
    Remembered *session = access_remembered(access, hash);
    if (session == NULL)
        session = ask_for(access, hash);
    int64_t now_us = g_get_real_time();
    if (session == NULL || is_over(session, now_us))
        return false;
    *ret_identity = session->identity;
    if (ABS(now_us - session->used_us) > TOUCH_US) {
        session->used_us = now_us;
        store_write(access->store, touch_work, touch_after, g_steal_pointer(&hash));
    }
    return true;
}

void session_check(Access *access, const Identity *identity, bool *ret_known)
{
    json_auto_t *rows =
        store_query(access->store, NULL,
                    "SELECT u.role AS role, s.created_us AS created_us, s.used_us AS used_us"
                    " FROM access_session s JOIN access_user u ON u.name = s.user_name"
                    " WHERE s.id = $1",
                    "i", identity->session);
    json_int_t created_us = 0, used_us = 0;
    const char *role = NULL;
    if (rows == NULL)
        return;
    *ret_known =
        json_unpack(rows, "[{s:s, s:I, s:I}]", "role", &role, "created_us", &created_us, "used_us",
                    &used_us) == 0 &&
        access_role_from_text(role) == identity->role &&
        !is_over(&(Remembered){.created_us = created_us, .used_us = used_us}, g_get_real_time());
}

/* Makes room for one more: those that are over, and the longest unused beyond the limit. */
static bool prune(Store *store, const char *name, int64_t now_us, GError **error)
{
    return access_execute(store, error,
                          "DELETE FROM access_session WHERE created_us < $1 OR used_us < $2", "ii",
                          now_us - LIMIT_SESSION_SECONDS * (int64_t)G_USEC_PER_SEC,
                          now_us - LIMIT_SESSION_IDLE_SECONDS * (int64_t)G_USEC_PER_SEC) &&
           access_execute(store, error,
                          "DELETE FROM access_session WHERE user_name = $1 AND hash NOT IN"
                          " (SELECT hash FROM access_session WHERE user_name = $1"
                          "  ORDER BY used_us DESC, created_us DESC LIMIT $2)",
                          "si", name, (int64_t)LIMIT_SESSIONS_USER - 1);
}

/* --- Answers -----------------------------------------------------------------------------------*/

static void reply(HttpRequest *request, const char *header, const char *value, json_t *body)
{
    HttpHeader headers[] = {
        {"content-type", "application/json"},
        {"cache-control", "no-store"},
        {header, value},
    };
    char *text = json_dumps(body, JSON_COMPACT);
    g_autoptr(GBytes) bytes = g_bytes_new_take(text, strlen(text));
    http_reply(request, 200, headers, header != NULL ? 3 : 2, bytes);
    json_decref(body);
}

static json_t *describe(HttpRequest *request, const char *name, uint32_t role)
{
    return json_pack("{s:s, s:s, s:b}", "user", name, "role", access_role_text(role), "secure",
                     origin_is_secure(request));
}

static void reply_later(HttpRequest *request, int64_t seconds)
{
    char wait[24];
    g_snprintf(wait, sizeof wait, "%" G_GINT64_FORMAT, seconds);
    HttpHeader headers[] = {
        {"content-type", "application/json"}, {"cache-control", "no-store"}, {"retry-after", wait}};
    static const char body[] = "{\"error\":{\"code\":\"login.later\","
                               "\"message\":\"too many tries, come back later\"}}";
    g_autoptr(GBytes) bytes = g_bytes_new_static(body, sizeof body - 1);
    http_reply(request, 429, headers, G_N_ELEMENTS(headers), bytes);
}

static void reply_store_error(HttpRequest *request, const GError *error)
{
    g_warning("could not write a session: %s, refusing it", error->message);
    if (g_error_matches(error, STORE_ERROR, STORE_ERROR_FULL))
        http_reply_error(request, 507, "error.full", "the disk is full");
    else
        http_reply_error(request, 500, "error.store", "the store did not take it");
}

/* --- One try -----------------------------------------------------------------------------------*/

typedef struct {
    Access *access;
    HttpRequest *request; /* NULL when the client left */
    char *name, *address;
    char *new_hash;       /* of the password: a new one, or with today's parameters */
    char *secret, *hash;  /* of the new session, when logging in */
    int64_t kept_session; /* that changes the password; 0: this is a login */
    uint32_t role;
    bool is_known; /* a user of that name exists: others may be a password typed there */
    char *password, *replacement; /* until they are hashed */
    GError *error;
} Try;

static void wipe(char *text)
{
    if (text != NULL)
        sodium_memzero(text, strlen(text));
    g_free(text);
}

static void try_free(void *data)
{
    Try *try = data;
    if (try->request != NULL)
        http_on_gone(try->request, NULL, NULL);
    g_free(try->name);
    g_free(try->address);
    g_free(try->new_hash);
    wipe(try->secret);
    g_free(try->hash);
    wipe(try->password);
    wipe(try->replacement);
    g_clear_error(&try->error);
    g_free(try);
}

/* Hands the request over to its one answer. */
static HttpRequest *take_request(Try *try)
{
    HttpRequest *request = g_steal_pointer(&try->request);
    if (request != NULL)
        http_on_gone(request, NULL, NULL);
    return request;
}

static void on_gone(HttpRequest *request, void *data)
{
    ((Try *)data)->request = NULL;
}

static bool login_work(Store *store, void *data)
{
    Try *try = data;
    int64_t now_us = g_get_real_time();
    /* The user may have been removed while the password was hashed. */
    json_auto_t *rows = store_query(store, &try->error,
                                    "SELECT role FROM access_user WHERE name = $1", "s", try->name);
    const char *role = NULL;
    if (rows == NULL || json_unpack(rows, "[{s:s}]", "role", &role) != 0)
        return false;
    try->role = access_role_from_text(role);
    int64_t id = (int64_t)(((uint64_t)randombytes_random() << 21) ^ randombytes_random()) + 1;
    return prune(store, try->name, now_us, &try->error) &&
           access_execute(store, &try->error,
                          "INSERT INTO access_session (hash, id, user_name, created_us, used_us)"
                          " VALUES ($1, $2, $3, $4, $4)",
                          "sisi", try->hash, id, try->name, now_us) &&
           (try->new_hash == NULL ||
            access_execute(store, &try->error,
                           "UPDATE access_user SET password = $2 WHERE name = $1", "ss", try->name,
                           try->new_hash));
}

static void reply_logged_in(HttpRequest *request, const Try *try)
{
    bool is_secure = origin_is_secure(request);
    g_autofree char *cookie = g_strdup_printf("%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s",
                                              is_secure ? "__Host-sid" : "sid", try->secret,
                                              LIMIT_SESSION_SECONDS, is_secure ? "; Secure" : "");
    reply(request, "set-cookie", cookie, describe(request, try->name, try->role));
}

static void reply_wrong(HttpRequest *request)
{
    http_reply_error(request, 401, "login.wrong", "name or password is wrong");
}

static void login_after(Store *store, bool kept, const GError *error, void *data)
{
    Try *try = data;
    HttpRequest *request = take_request(try);
    const GError *reason = error != NULL ? error : try->error;
    if (request == NULL)
        (void)0;
    else if (reason != NULL)
        reply_store_error(request, reason);
    else if (!kept)
        reply_wrong(request);
    else
        reply_logged_in(request, try);
    try_free(try);
}

static bool change_work(Store *store, void *data)
{
    Try *try = data;
    access_forget(store);
    return access_execute(store, &try->error,
                          "UPDATE access_user SET password = $2 WHERE name = $1", "ss", try->name,
                          try->new_hash) &&
           access_execute(store, &try->error,
                          "DELETE FROM access_session WHERE user_name = $1 AND id <> $2", "si",
                          try->name, try->kept_session);
}

static void change_after(Store *store, bool kept, const GError *error, void *data)
{
    Try *try = data;
    HttpRequest *request = take_request(try);
    const GError *reason = error != NULL ? error : try->error;
    if (request != NULL && reason != NULL)
        reply_store_error(request, reason);
    else if (request != NULL)
        reply(request, NULL, NULL, describe(request, try->name, try->role));
    try_free(try);
}

static void copy_try(Try *to, Try *from)
{
    *to = *from;
    *from = (Try){.access = to->access};
    if (to->request != NULL)
        http_on_gone(to->request, on_gone, to);
}

/* The hasher frees its Try after this; what goes on is moved to a new one. */
static void on_compared(bool matches, const char *new_hash, void *data)
{
    Try *try = data;
    Throttle *throttle = try->access->throttle;
    if (try->request == NULL && matches) {
        throttle_undo(throttle, try->name, try->address);
        return;
    }
    if (!matches) {
        HttpRequest *request = take_request(try);
        g_message("login failed for %s from %s", try->is_known ? try->name : "an unknown name",
                  try->address);
        if (request != NULL)
            reply_wrong(request);
        return;
    }
    throttle_succeed(throttle, try->name, try->address, g_get_monotonic_time());
    bool is_change = try->replacement != NULL;
    if (is_change && new_hash == NULL) {
        http_reply_error(take_request(try), 503, "login.later", "no memory to hash a password");
        return;
    }
    Try *next = g_new0(Try, 1);
    copy_try(next, try);
    next->new_hash = g_strdup(new_hash);
    if (is_change) {
        store_write(next->access->store, change_work, change_after, next);
        return;
    }
    next->secret = access_new_secret();
    next->hash = access_hash_secret(next->secret);
    store_write(next->access->store, login_work, login_after, next);
}

/* Takes try. */
static void compare(Try *try)
{
    Access *access = try->access;
    g_autoptr(GError) error = NULL;
    int64_t wait_seconds = 0;
    if (!throttle_try(access->throttle, try->name, try->address, g_get_monotonic_time(),
                      &wait_seconds)) {
        reply_later(take_request(try), wait_seconds);
        try_free(try);
        return;
    }
    json_auto_t *rows = store_query(
        access->store, &error, "SELECT password FROM access_user WHERE name = $1", "s", try->name);
    if (rows == NULL) {
        throttle_undo(access->throttle, try->name, try->address);
        reply_store_error(take_request(try), error);
        try_free(try);
        return;
    }
    const char *expected = NULL;
    try->is_known = json_unpack(rows, "[{s:s}]", "password", &expected) == 0;
    /* hasher_compare() frees try when it refuses: what the refusal needs is kept here. */
    HttpRequest *request = try->request;
    g_autofree char *name = g_strdup(try->name), *address = g_strdup(try->address);
    if (!hasher_compare(access->hasher, try->password, expected, try->replacement, on_compared, try,
                        try_free)) {
        throttle_undo(access->throttle, name, address);
        reply_later(request, BUSY_SECONDS);
    }
}

static Try *try_new(Access *access, HttpRequest *request, const char *name, const char *password,
                    const char *replacement)
{
    Try *try = g_new0(Try, 1);
    *try = (Try){
        .access = access,
        .request = request,
        .name = g_ascii_strdown(name, -1),
        .address = g_strdup(http_peer(request)),
        .password = g_strdup(password),
        .replacement = g_strdup(replacement),
    };
    http_on_gone(request, on_gone, try);
    return try;
}

/* --- Routes ------------------------------------------------------------------------------------*/

static json_t *parse(GBytes *body)
{
    size_t size = 0;
    const char *text = g_bytes_get_data(body, &size);
    return json_loadb(text != NULL ? text : "", size, JSON_REJECT_DUPLICATES, NULL);
}

static void on_login_body(HttpRequest *request, GBytes *body, void *data)
{
    json_auto_t *input = parse(body);
    const char *name = NULL, *password = NULL;
    if (input == NULL ||
        json_unpack(input, "{s:s, s:s !}", "name", &name, "password", &password) != 0) {
        http_reply_error(request, 400, "error.input", "name and password, as JSON");
        return;
    }
    g_autofree char *lower = g_ascii_strdown(name, -1);
    if (!access_is_name(lower) || strlen(password) > LIMIT_PASSWORD_BYTES) {
        /* Nobody can have these: the answer tells nothing that a hash would hide. */
        reply_wrong(request);
        return;
    }
    compare(try_new(data, request, lower, password, NULL));
}

static void login(Access *access, HttpRequest *request)
{
    if (!origin_is_secure(request) && !access->allow_insecure_login) {
        http_reply_error(request, 403, "login.insecure",
                         "logging in needs https, or allow_insecure_login");
        return;
    }
    /* Stricter than other writes: nobody else's page may log a visitor in as somebody. */
    const char *origin = http_header(request, "origin");
    if (origin != NULL && !origin_allows(http_origin(request), origin, NULL)) {
        http_reply_error(request, 403, "error.origin", "this is not our own page");
        return;
    }
    http_collect(request, LOGIN_BODY_BYTES, on_login_body, access);
}

typedef struct {
    HttpRequest *request;
    int64_t session;
} Logout;

static bool logout_work(Store *store, void *data)
{
    access_forget(store);
    return access_execute(store, NULL, "DELETE FROM access_session WHERE id = $1", "i",
                          ((Logout *)data)->session);
}

static void on_logout_gone(HttpRequest *request, void *data)
{
    ((Logout *)data)->request = NULL;
}

static void reply_logged_out(HttpRequest *request)
{
    reply(request, "set-cookie",
          origin_is_secure(request)
              ? "__Host-sid=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
              : "sid=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
          describe(request, "", SERAMBI_PUBLIC));
}

static void logout_after(Store *store, bool kept, const GError *error, void *data)
{
    Logout *logout = data;
    HttpRequest *request = logout->request;
    if (request != NULL) {
        http_on_gone(request, NULL, NULL);
        if (kept && error == NULL)
            reply_logged_out(request);
        else
            http_reply_error(request, 500, "error.store", "the session could not be ended");
    }
    g_free(logout);
}

static void logout(Access *access, HttpRequest *request, const Identity *identity)
{
    if (identity->session == 0) {
        reply_logged_out(request);
        return;
    }
    Logout *logout = g_new0(Logout, 1);
    *logout = (Logout){.request = request, .session = identity->session};
    http_on_gone(request, on_logout_gone, logout);
    store_write(access->store, logout_work, logout_after, logout);
}

static void on_password_body(HttpRequest *request, GBytes *body, void *data)
{
    Access *access = data;
    g_autoptr(GError) error = NULL;
    json_auto_t *input = parse(body);
    const char *old = NULL, *new = NULL;
    if (input == NULL || json_unpack(input, "{s:s, s:s !}", "old", &old, "new", &new) != 0 ||
        strlen(old) > LIMIT_PASSWORD_BYTES) {
        http_reply_error(request, 400, "error.input", "the old and the new password, as JSON");
        return;
    }
    Identity identity;
    if (!access_identify(access, request, &identity, &error) || identity.session == 0) {
        http_reply_error(request, 401, "error.unauthorized", "log in first");
        return;
    }
    if (!password_check(new, identity.name, &error)) {
        http_reply_error(request, 422, "login.weak", "%s", error->message);
        return;
    }
    Try *try = try_new(access, request, identity.name, old, new);
    try->kept_session = identity.session;
    try->role = identity.role;
    compare(try);
}

static void handle_password(Access *access, HttpRequest *request)
{
    if (strcmp(http_method(request), "POST") != 0)
        http_reply_error(request, 405, "error.method", "POST only");
    else if (!access_is_same_origin(request))
        http_reply_error(request, 403, "error.origin", "this is not our own page");
    else
        http_collect(request, LOGIN_BODY_BYTES, on_password_body, access);
}

void access_handle_session(Access *access, HttpRequest *request)
{
    g_autoptr(GError) error = NULL;
    const char *method = http_method(request), *path = http_path(request);
    Identity identity;
    if (strcmp(path, "/api/session/password") == 0) {
        handle_password(access, request);
    } else if (strcmp(path, "/api/session") != 0) {
        http_reply_error(request, 404, "error.not_found", "nothing is here");
    } else if (strcmp(method, "POST") == 0) {
        login(access, request);
    } else if (!access_identify(access, request, &identity, &error)) {
        http_reply_error(request, 401, "error.unauthorized", "%s", error->message);
    } else if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) {
        reply(request, NULL, NULL, describe(request, identity.name, identity.role));
    } else if (strcmp(method, "DELETE") != 0) {
        http_reply_error(request, 405, "error.method", "GET, POST or DELETE");
    } else if (!access_is_same_origin(request)) {
        http_reply_error(request, 403, "error.origin", "this is not our own page");
    } else {
        logout(access, request, &identity);
    }
}

void access_handle_challenge(Access *access, HttpRequest *request)
{
    if (strcmp(http_method(request), "POST") != 0) {
        http_reply_error(request, 405, "error.method", "POST only");
        return;
    }
    g_autofree char *nonce = access_challenge(access);
    reply(request, NULL, NULL, json_pack("{s:s}", "nonce", nonce));
}
