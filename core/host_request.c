/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One call of a plugin's route, over HTTP or rpc: found, admitted, run, answered.
 *
 * A request has two owners: its plugin's table of open ones, until it is answered, and the callback
 * that runs it or answered it, until that is on disk. */
#include "core/host_private.h"
#include "core/limits.h"
#include "core/nesting.h"
#include "core/origin.h"
#include <string.h>

/* --- Answers -------------------------------------------------------------------------------------
 */

SerambiRequest *request_ref(SerambiRequest *request)
{
    request->references++;
    return request;
}

void request_unref(SerambiRequest *request)
{
    if (--request->references > 0)
        return;
    g_strfreev(request->segments);
    g_clear_pointer(&request->query, g_hash_table_unref);
    json_decref(request->body);
    json_decref(request->reply);
    g_free(request->peer);
    g_free(request->origin);
    g_free(request->text);
    g_free(request->content_type);
    g_free(request->location);
    g_free(request);
}

static json_t *error_body(const char *code, const char *message)
{
    return json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", message);
}

static void send_over_http(SerambiRequest *request)
{
    HttpRequest *http = g_steal_pointer(&request->http);
    http_on_gone(http, NULL, NULL);
    HttpHeader headers[4] = {
        {"content-type", request->text ? request->content_type : "application/json"},
        {"cache-control", "no-store"},
    };
    size_t count = 2;
    if (request->location)
        headers[count++] = (HttpHeader){"location", request->location};
    /* A form of a page that sends no referrer says "Origin: null": it would be a stranger's. */
    if (request->text && g_str_has_prefix(request->content_type, "text/html"))
        headers[count++] = (HttpHeader){"referrer-policy", "same-origin"};
    g_autoptr(GBytes) bytes = NULL;
    if (request->text) {
        bytes = g_bytes_new(request->text, strlen(request->text));
    } else if (request->reply) {
        char *text = json_dumps(request->reply, JSON_COMPACT | JSON_ENCODE_ANY);
        bytes = g_bytes_new_take(text, text ? strlen(text) : 0);
    }
    http_reply(http, request->status, headers, count, bytes);
}

static void send_over_rpc(SerambiRequest *request)
{
    json_auto_t *text = NULL;
    if (request->text)
        text =
            json_pack("{s:s, s:s}", "content_type", request->content_type, "text", request->text);
    else if (request->location)
        text = json_pack("{s:s}", "location", request->location);
    request->on_reply(request->status, text ? text : request->reply, request->reply_data);
    request->on_reply = NULL;
}

void request_send(SerambiRequest *request)
{
    if (request->http)
        send_over_http(request);
    else if (request->on_reply)
        send_over_rpc(request);
}

void request_fail(SerambiRequest *request, int status, const char *code, const char *message)
{
    g_clear_pointer(&request->text, g_free);
    g_clear_pointer(&request->location, g_free);
    json_decref(request->reply);
    request->reply = error_body(code, message);
    request->status = status;
}

/* Held by the callback that runs, or sent at once where nothing is written: in GET routes. */
static void answer(SerambiRequest *request)
{
    HostCallback *callback = request->self->host->callback;
    request->is_answered = true;
    if (callback) {
        callback->is_refused = callback->is_refused || request->status >= 400;
        g_ptr_array_add(callback->answered, request_ref(request));
    } else {
        request_send(request);
    }
    (void)g_hash_table_remove(request->self->requests, request);
}

void request_refuse_all(Serambi *self)
{
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, self->requests);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        SerambiRequest *request = key;
        request->is_answered = true;
        request_fail(request, 503, "plugin.off", "the plugin has stopped");
        request_send(request);
        g_hash_table_iter_remove(&iter);
    }
}

/* --- Finding the route ---------------------------------------------------------------------------
 */

typedef struct {
    Serambi *self;
    const SerambiRoute *route;
    char **segments;
    int status; /* 200, 404, 405, 503 */
    GString *allowed;
    bool is_page;
} Match;

static void match_clear(Match *match)
{
    g_strfreev(match->segments);
    if (match->allowed)
        (void)g_string_free(match->allowed, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Match, match_clear)

/* Bits for the literal segments of a pattern that fits, the first one highest: "hello" goes before
 * "{id}". Negative when it does not fit. */
static int64_t fit(const char *pattern, char **segments)
{
    g_auto(GStrv) parts = g_strsplit(pattern, "/", -1);
    if (g_strv_length(parts) != g_strv_length(segments) || g_strv_length(parts) > 32)
        return -1;
    int64_t literals = 0;
    for (guint i = 0; parts[i]; i++) {
        bool is_word = parts[i][0] == '{';
        if (is_word ? !*segments[i] : !g_str_equal(parts[i], segments[i]))
            return -1;
        literals = literals * 2 + !is_word;
    }
    return literals;
}

static void choose_route(Match *match, const SerambiRoute *routes, const char *method)
{
    int64_t best = -1;
    match->allowed = g_string_new(NULL);
    match->status = 404;
    const SerambiRoute *route = routes;
    for (; route && route->method; route++) {
        int64_t literals = fit(route->path, match->segments);
        if (literals < 0)
            continue;
        if (match->status == 404)
            match->status = 405;
        g_string_append_printf(match->allowed, "%s%s", match->allowed->len ? ", " : "",
                               route->method);
        if (literals > best && g_str_equal(route->method, method)) {
            best = literals;
            match->route = route;
            match->status = 200;
        }
    }
}

/* path: "/watch/7". Of the first plugin that has such a page. */
static Match find_page(Host *host, const char *method, const char *path)
{
    for (guint i = 0; i < host->plugins->len; i++) {
        Serambi *self = host->plugins->pdata[i];
        if (!self->plugin || !self->plugin->pages)
            continue;
        g_auto(Match) match = {.self = self, .is_page = true};
        match.segments = g_strsplit(path + 1, "/", -1);
        choose_route(&match, self->plugin->pages, g_str_equal(method, "HEAD") ? "GET" : method);
        if (match.status == 404)
            continue;
        if (!self->is_running || host->is_stopping)
            match.status = 503;
        Match found = match;
        match = (Match){0};
        return found;
    }
    return (Match){.status = 404};
}

/* path: "/api/queue/tickets", or a page. */
static Match find(Host *host, const char *method, const char *path)
{
    Match match = {.status = 404};
    if (path[0] == '/' && !g_str_has_prefix(path, "/api/"))
        return find_page(host, method, path);
    if (!g_str_has_prefix(path, "/api/"))
        return match;
    g_auto(GStrv) parts = g_strsplit(path + strlen("/api/"), "/", 2);
    match.self = parts[0] ? host_find(host, parts[0]) : NULL;
    if (!match.self)
        return match;
    if (!match.self->is_running || host->is_stopping) {
        match.status = 503;
        return match;
    }
    match.segments = g_strsplit(parts[1] ? parts[1] : "", "/", -1);
    choose_route(&match, match.self->plugin->routes, g_str_equal(method, "HEAD") ? "GET" : method);
    return match;
}

/* Why the route may not be called: 401 for strangers, who might log in; 403; else 0. */
static int refusal(const SerambiRoute *route, uint32_t role)
{
    if (access_allows(route->roles, role))
        return 0;
    return role == SERAMBI_PUBLIC ? 401 : 403;
}

/* The code and message of a status that the host itself gives. */
static const char *refusal_code(int status)
{
    switch (status) {
    case 401:
        return "error.login";
    case 403:
        return "error.forbidden";
    case 405:
        return "error.method";
    case 503:
        return "plugin.off";
    default:
        return "error.not_found";
    }
}

static const char *refusal_message(int status)
{
    switch (status) {
    case 401:
        return "log in first";
    case 403:
        return "your role may not do this";
    case 405:
        return "there is no such method here";
    case 503:
        return "the plugin is not running";
    default:
        return "there is nothing here";
    }
}

/* --- Running -------------------------------------------------------------------------------------
 */

/* Takes the match's segments. */
static SerambiRequest *request_new(Match *match, const Identity *identity)
{
    SerambiRequest *request = g_new0(SerambiRequest, 1);
    request->references = 1;
    request->self = match->self;
    request->route = match->route;
    request->identity = *identity;
    request->segments = g_steal_pointer(&match->segments);
    (void)g_hash_table_add(match->self->requests, request);
    return request;
}

static void run_route(Serambi *self, void *data)
{
    SerambiRequest *request = data;
    if (!request->is_answered)
        request->route->handle(self, request);
}

static void run(SerambiRequest *request)
{
    Serambi *self = request->self;
    if (g_str_equal(request->route->method, "GET"))
        request->route->handle(self, request);
    else
        host_run(self, run_route, request_ref(request), (GDestroyNotify)request_unref);
}

/* --- Over HTTP -----------------------------------------------------------------------------------
 */

static void on_gone(HttpRequest *http, void *data)
{
    SerambiRequest *request = data;
    request->http = NULL;
}

static void refuse_http(HttpRequest *http, const Match *match, int status)
{
    if (status != 405) {
        http_reply_error(http, status, refusal_code(status), "%s", refusal_message(status));
        return;
    }
    HttpHeader headers[] = {{"content-type", "application/json"}, {"allow", match->allowed->str}};
    json_auto_t *body = error_body(refusal_code(status), refusal_message(status));
    char *text = json_dumps(body, JSON_COMPACT);
    g_autoptr(GBytes) bytes = g_bytes_new_take(text, strlen(text));
    http_reply(http, status, headers, G_N_ELEMENTS(headers), bytes);
}

/* A form needs no script and no cookie to be sent from a foreign page: then the browser has to say
 * that it is ours. */
static bool is_our_own(HttpRequest *http, const Match *match)
{
    return match->is_page ? origin_allows(http_origin(http), http_header(http, "origin"),
                                          http_header(http, "sec-fetch-site"))
                          : access_is_same_origin(http);
}

/* Whether the caller may call the route; else it is answered. */
static bool admit(Host *host, HttpRequest *http, const Match *match, Identity *ret_identity)
{
    g_autoptr(GError) error = NULL;
    *ret_identity = (Identity){.role = SERAMBI_PUBLIC};
    if (match->status != 200) {
        refuse_http(http, match, match->status);
        return false;
    }
    if (host->options.access &&
        !access_identify(host->options.access, http, ret_identity, &error)) {
        http_reply_error(http, 401, "error.token", "%s", error->message);
        return false;
    }
    int status = refusal(match->route, ret_identity->role);
    if (status) {
        refuse_http(http, match, status);
        return false;
    }
    if (g_str_equal(match->route->method, "GET") || is_our_own(http, match))
        return true;
    http_reply_error(http, 403, "error.origin", "the request comes from another site's page");
    return false;
}

/* A form as an object of texts; NULL when the request was answered. */
static json_t *parse_form(HttpRequest *http, const char *text, size_t size)
{
    const char *type = http_header(http, "content-type");
    static const char wanted[] = "application/x-www-form-urlencoded";
    if (!type || g_ascii_strncasecmp(type, wanted, strlen(wanted)) != 0) {
        http_reply_error(http, 415, "error.type", "the body must be a form");
        return NULL;
    }
    g_autoptr(GHashTable) fields =
        g_uri_parse_params(text, (gssize)size, "&", G_URI_PARAMS_WWW_FORM, NULL);
    if (!fields) {
        http_reply_error(http, 400, "error.form", "the form cannot be read");
        return NULL;
    }
    json_t *form = json_object();
    GHashTableIter iter;
    gpointer name, value;
    g_hash_table_iter_init(&iter, fields);
    while (g_hash_table_iter_next(&iter, &name, &value))
        json_object_set_new(form, name, json_string(value));
    return form;
}

/* A new object; NULL when the request was answered. */
static json_t *parse_body(HttpRequest *http, GBytes *body, bool is_page)
{
    gsize size = 0;
    const char *text = body ? g_bytes_get_data(body, &size) : NULL;
    if (size == 0)
        return json_object();
    if (is_page)
        return parse_form(http, text, size);
    const char *type = http_header(http, "content-type");
    if (!type || g_ascii_strncasecmp(type, "application/json", strlen("application/json")) != 0) {
        http_reply_error(http, 415, "error.type", "the body must be application/json");
        return NULL;
    }
    json_error_t reason = {.text = "nested too deeply"};
    json_t *value = nesting_is_shallow(text, size)
                        ? json_loadb(text, size, JSON_REJECT_DUPLICATES, &reason)
                        : NULL;
    if (json_is_object(value))
        return value;
    http_reply_error(http, 400, "error.json", "%s", value ? "not an object" : reason.text);
    json_decref(value);
    return NULL;
}

/* Takes body. */
static void run_http(Match *match, const Identity *identity, HttpRequest *http, json_t *body)
{
    const char *public_url = match->self->host->options.public_url;
    SerambiRequest *request = request_new(match, identity);
    request->http = http;
    request->body = body;
    request->peer = g_strdup(http_peer(http));
    request->origin = g_strdup(public_url && *public_url ? public_url : http_origin(http));
    http_on_gone(http, on_gone, request);
    run(request);
}

/* The role may be gone and the plugin off since the body began. */
static void on_body(HttpRequest *http, GBytes *body, void *data)
{
    Host *host = data;
    Identity identity;
    g_auto(Match) match = find(host, http_method(http), http_path(http));
    if (!admit(host, http, &match, &identity))
        return;
    json_t *value = parse_body(http, body, match.is_page);
    if (value)
        run_http(&match, &identity, http, value);
}

/* What the host itself tells; NULL for other paths. The reasons why plugins are off are for staff.
 */
static json_t *own_document(Host *host, HttpRequest *http)
{
    const char *path = http_path(http);
    if (g_str_equal(path, "/api/openapi.json"))
        return openapi_make(host);
    if (g_str_equal(path, "/api/asyncapi.json"))
        return asyncapi_make(host);
    if (!g_str_equal(path, "/api/plugins"))
        return NULL;
    Identity identity = {.role = SERAMBI_PUBLIC};
    if (host->options.access)
        (void)access_identify(host->options.access, http, &identity, NULL);
    json_t *list = host_plugins(host);
    size_t index;
    json_t *item;
    if (!(identity.role & SERAMBI_STAFF))
        json_array_foreach(list, index, item)(void) json_object_del(item, "reason");
    return list;
}

static int64_t body_limit(const Match *match)
{
    const SerambiBody *body = match->is_page ? NULL : match->self->plugin->bodies;
    for (; body && body->method; body++)
        if (g_str_equal(body->method, match->route->method) &&
            g_str_equal(body->path, match->route->path))
            return body->body_bytes;
    return LIMIT_JSON_BODY_BYTES;
}

static void handle_match(Host *host, HttpRequest *http, Match *match)
{
    Identity identity;
    if (!admit(host, http, match, &identity))
        return;
    if (g_str_equal(match->route->method, "GET"))
        run_http(match, &identity, http, json_object());
    else
        http_collect(http, body_limit(match), on_body, host);
}

bool host_handle_page(Host *host, HttpRequest *http)
{
    g_auto(Match) match = find_page(host, http_method(http), http_path(http));
    if (match.status == 404)
        return false;
    handle_match(host, http, &match);
    return true;
}

void host_handle_api(Host *host, HttpRequest *http)
{
    const char *method = http_method(http);
    bool is_read = g_str_equal(method, "GET") || g_str_equal(method, "HEAD");
    json_t *document = is_read ? own_document(host, http) : NULL;
    if (document) {
        http_reply_json(http, 200, document);
        return;
    }
    g_auto(Match) match = find(host, method, http_path(http));
    handle_match(host, http, &match);
}

/* --- Over rpc ------------------------------------------------------------------------------------
 */

static void refuse_rpc(int status, void (*on_reply)(int, const json_t *, void *), void *reply_data)
{
    json_auto_t *body = error_body(refusal_code(status), refusal_message(status));
    on_reply(status, body, reply_data);
}

static GHashTable *parse_query(const char *query)
{
    return query ? g_uri_parse_params(query, -1, "&", G_URI_PARAMS_WWW_FORM, NULL) : NULL;
}

void host_call(void *data, const Identity *identity, const char *peer, const char *method,
               json_t *body, void (*on_reply)(int status, const json_t *body, void *reply_data),
               void *reply_data)
{
    Host *host = data;
    json_auto_t *object = json_is_object(body) ? json_incref(body) : json_object();
    json_decref(body);
    /* "GET /api/queue/desk?counter=1" */
    g_auto(GStrv) words = g_strsplit(method, " ", 2);
    g_auto(GStrv) address = g_strsplit(words[0] && words[1] ? words[1] : "", "?", 2);
    g_auto(Match) match = find(host, words[0] ? words[0] : "", address[0] ? address[0] : "");
    int status = match.status != 200 ? match.status : refusal(match.route, identity->role);
    if (status) {
        refuse_rpc(status, on_reply, reply_data);
        return;
    }
    SerambiRequest *request = request_new(&match, identity);
    request->on_reply = on_reply;
    request->reply_data = reply_data;
    request->query = address[0] ? parse_query(address[1]) : NULL;
    request->body = g_steal_pointer(&object);
    request->peer = g_strdup(peer);
    request->origin = g_strdup(host->options.public_url ? host->options.public_url : "");
    run(request);
}

/* --- What plugins ask of a request ---------------------------------------------------------------
 */

const char *serambi_request_part(SerambiRequest *request, const char *name)
{
    g_return_val_if_fail(request && name, NULL);
    g_auto(GStrv) parts = g_strsplit(request->route->path, "/", -1);
    g_autofree char *word = g_strdup_printf("{%s}", name);
    for (guint i = 0; parts[i]; i++)
        if (g_str_equal(parts[i], word))
            return request->segments[i];
    return NULL;
}

const char *serambi_request_query(SerambiRequest *request, const char *name)
{
    g_return_val_if_fail(request && name, NULL);
    if (request->http)
        return http_query(request->http, name);
    return request->query ? g_hash_table_lookup(request->query, name) : NULL;
}

const json_t *serambi_request_body(SerambiRequest *request)
{
    g_return_val_if_fail(request, NULL);
    return request->body;
}

const char *serambi_request_user(SerambiRequest *request)
{
    g_return_val_if_fail(request, "");
    return request->identity.name;
}

uint32_t serambi_request_role(SerambiRequest *request)
{
    g_return_val_if_fail(request, SERAMBI_PUBLIC);
    return request->identity.role;
}

const char *serambi_request_origin(SerambiRequest *request)
{
    g_return_val_if_fail(request, "");
    return request->origin;
}

const char *serambi_request_peer(SerambiRequest *request)
{
    g_return_val_if_fail(request, "");
    return request->peer;
}

void serambi_reply(SerambiRequest *request, int status, json_t *body)
{
    g_return_if_fail(request && !request->is_answered);
    request->status = status;
    request->reply = body;
    answer(request);
}

void serambi_reply_error(SerambiRequest *request, int status, const char *code, const char *format,
                         ...)
{
    va_list values;
    va_start(values, format);
    g_autofree char *message = g_strdup_vprintf(format, values);
    va_end(values);
    g_autofree char *valid = g_utf8_make_valid(message, -1);
    serambi_reply(request, status, error_body(code, valid));
}

void serambi_reply_text(SerambiRequest *request, int status, const char *content_type,
                        const char *text)
{
    g_return_if_fail(request && !request->is_answered);
    request->status = status;
    request->content_type = g_strdup(content_type);
    request->text = g_strdup(text);
    answer(request);
}

void serambi_reply_redirect(SerambiRequest *request, int status, const char *path)
{
    g_return_if_fail(request && !request->is_answered && path[0] == '/' && path[1] != '/');
    request->status = status;
    request->location = g_strdup(path);
    answer(request);
}
