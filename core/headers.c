/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The head of one HTTP/1 request, read strictly. Smuggling, splitting and traversal live on
 * leniency, so there is none: lines end in CRLF, one Host, one Content-Length, no
 * Transfer-Encoding, no folded lines. */
#include "core/headers.h"
#include <string.h>

static const char *const methods[] = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
};

/* These may come in several lines; all others only once. */
static const char *const lists[] = {
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "cookie",
    "forwarded",
    "if-none-match",
    "link",
    "pragma",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "te",
    "via",
    "warning",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
};

static bool is_token_char(char c)
{
    return g_ascii_isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

size_t headers_end(const char *bytes, size_t size)
{
    const char *end = memmem(bytes, size, "\r\n\r\n", 4);
    return end == NULL ? 0 : (size_t)(end - bytes) + 4;
}

const char *headers_get(const Headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (strcmp(headers->list[i].name, name) == 0) {
            return headers->list[i].value;
        }
    }
    return NULL;
}

bool headers_have_token(const char *value, const char *token)
{
    if (value == NULL) {
        return false;
    }
    g_auto(GStrv) words = g_strsplit(value, ",", -1);
    for (char **word = words; *word != NULL; word++) {
        if (g_ascii_strcasecmp(g_strstrip(*word), token) == 0) {
            return true;
        }
    }
    return false;
}

char *headers_decode(const char *text, size_t length, bool form)
{
    g_autofree char *decoded = g_malloc(length + 1);
    size_t size = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%') {
            if (length - i < 3) {
                return NULL;
            }
            int high = g_ascii_xdigit_value(text[i + 1]), low = g_ascii_xdigit_value(text[i + 2]);
            if (high < 0 || low < 0) {
                return NULL;
            }
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && form) {
            c = ' ';
        }
        if (c == '\0') {
            return NULL;
        }
        decoded[size++] = c;
    }
    decoded[size] = '\0';
    return g_utf8_validate(decoded, (gssize)size, NULL) ? g_steal_pointer(&decoded) : NULL;
}

/* Path and query of the target. Only a path, or an address of ourselves (RFC 9112, 3.2.2). */
static int parse_target(Headers *headers, char *target, const char **ret_authority)
{
    *ret_authority = NULL;
    if (g_ascii_strncasecmp(target, "http://", 7) == 0) {
        char *slash = strchr(target + 7, '/');
        if (slash == NULL) {
            return 400;
        }
        /* Moved over the scheme, so that the slash stays the path's. */
        memmove(target, target + 7, (size_t)(slash - target - 7));
        target[slash - target - 7] = '\0';
        *ret_authority = target;
        target = slash;
    }
    if (target[0] != '/') {
        return 400;
    }
    for (const char *c = target; *c != '\0'; c++) {
        if (*c == '#' || *c == '\\' || g_ascii_iscntrl(*c) || *c == ' ') {
            return 400;
        }
    }
    char *query = strchr(target, '?');
    headers->query = "";
    if (query != NULL) {
        *query = '\0';
        headers->query = query + 1;
    }
    /* An encoded slash would mean something else to a proxy in front. */
    for (const char *c = strchr(target, '%'); c != NULL; c = strchr(c + 1, '%')) {
        if (g_ascii_strncasecmp(c, "%2f", 3) == 0) {
            return 400;
        }
    }
    headers->path = headers_decode(target, strlen(target), false);
    if (headers->path == NULL) {
        return 400;
    }
    for (const char *c = headers->path; *c != '\0'; c++) {
        if (g_ascii_iscntrl(*c) || *c == '\\') {
            return 400;
        }
        if (*c == '/' && c[1] == '.' &&
            (c[2] == '\0' || c[2] == '/' || (c[2] == '.' && (c[3] == '\0' || c[3] == '/')))) {
            return 400;
        }
    }
    return 0;
}

/* METHOD SP target SP HTTP/1.x */
static int parse_request_line(Headers *headers, char *line, const char **ret_authority)
{
    char *target = strchr(line, ' ');
    char *version = target == NULL ? NULL : strchr(target + 1, ' ');
    if (version == NULL) {
        return 400;
    }
    *target++ = '\0';
    *version++ = '\0';
    if (strcmp(version, "HTTP/1.1") == 0) {
        headers->keeps_alive = true; /* 1.0 would have to be told that we do: it always ends */
    } else if (strcmp(version, "HTTP/1.0") != 0) {
        return g_str_has_prefix(version, "HTTP/") && strlen(version) == 8 ? 505 : 400;
    }
    if (strlen(target) > LIMIT_URI_BYTES) {
        return 414;
    }
    headers->method = line;
    if (strcmp(line, "CONNECT") == 0 || strcmp(line, "TRACE") == 0) {
        return 405;
    }
    if (!is_among(methods, G_N_ELEMENTS(methods), line)) {
        return 501;
    }
    return parse_target(headers, target, ret_authority);
}

/* A second line of a list is appended to the first (RFC 9110, 5.2); cookies by "; ". */
static int add_header(Headers *headers, const char *name, const char *value)
{
    for (size_t i = 0; i < headers->count; i++) {
        HttpHeader *first = &headers->list[i];
        if (strcmp(first->name, name) != 0) {
            continue;
        }
        if (!is_among(lists, G_N_ELEMENTS(lists), name)) {
            return 400;
        }
        const char *between = strcmp(name, "cookie") == 0 ? "; " : ", ";
        if (headers->joined == NULL) {
            headers->joined = g_ptr_array_new_with_free_func(g_free);
        }
        char *joined = g_strconcat(first->value, between, value, NULL);
        g_ptr_array_add(headers->joined, joined);
        first->value = joined;
        return 0;
    }
    if (headers->count == LIMIT_HEADERS) {
        return 431;
    }
    headers->list[headers->count++] = (HttpHeader){.name = name, .value = value};
    return 0;
}

static int parse_header_line(Headers *headers, char *line)
{
    char *colon = strchr(line, ':');
    if (colon == NULL || colon == line) {
        return 400;
    }
    for (char *c = line; c < colon; c++) {
        if (!is_token_char(*c)) {
            return 400;
        }
        *c = g_ascii_tolower(*c);
    }
    *colon = '\0';
    for (const char *c = colon + 1; *c != '\0'; c++) {
        if (g_ascii_iscntrl(*c) && *c != '\t') {
            return 400;
        }
    }
    return add_header(headers, line, g_strstrip(colon + 1));
}

/* Name, IPv4 or [IPv6], then perhaps a port. */
static bool is_host(const char *host)
{
    const char *end = host;
    if (*host == '[') {
        end += 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
        if (*end++ != ']' || end - host < 4) {
            return false;
        }
    } else {
        while (g_ascii_isalnum(*end) || *end == '.' || *end == '-' || *end == '_') {
            end++;
        }
        if (end == host) {
            return false;
        }
    }
    if (*end == '\0') {
        return end - host <= 255;
    }
    guint64 port;
    return *end == ':' && end - host <= 255 &&
           g_ascii_string_to_unsigned(end + 1, 10, 1, 65535, &port, NULL);
}

static int check_body(Headers *headers)
{
    if (headers_get(headers, "transfer-encoding") != NULL) {
        return 501;
    }
    const char *length = headers_get(headers, "content-length");
    bool wants = headers->method[0] == 'P'; /* POST, PUT, PATCH */
    if (length == NULL) {
        return wants ? 411 : 0;
    }
    size_t digits = strspn(length, "0123456789");
    if (digits == 0 || length[digits] != '\0') {
        return 400;
    }
    if (digits > 18 ||
        (headers->content_length = g_ascii_strtoll(length, NULL, 10)) > LIMIT_BODY_BYTES) {
        return 413;
    }
    if (headers->content_length > 0 && !wants && strcmp(headers->method, "DELETE") != 0) {
        return 400;
    }
    const char *expect = headers_get(headers, "expect");
    return expect == NULL || g_ascii_strcasecmp(expect, "100-continue") == 0 ? 0 : 417;
}

static int check(Headers *headers, const char *authority)
{
    const char *host = headers_get(headers, "host");
    if (host == NULL || !is_host(host) || (authority != NULL && strcmp(authority, host) != 0)) {
        return 400;
    }
    if (headers_have_token(headers_get(headers, "connection"), "close")) {
        headers->keeps_alive = false;
    }
    return check_body(headers);
}

int headers_parse(Headers *headers, const char *bytes, size_t size)
{
    *headers = (Headers){.query = ""};
    if (memchr(bytes, '\0', size) != NULL) {
        return 400;
    }
    headers->text = g_strndup(bytes, size);
    const char *authority = NULL;
    char *line = headers->text;
    for (bool first = true;; first = false) {
        char *end = strchr(line, '\n');
        if (end == NULL || end == line || end[-1] != '\r') {
            return 400;
        }
        end[-1] = '\0';
        if (*line == '\0' && !first) {
            return check(headers, authority);
        }
        int status = first ? parse_request_line(headers, line, &authority)
                           : parse_header_line(headers, line);
        if (status != 0) {
            return status;
        }
        line = end + 1;
    }
}

void headers_clear(Headers *headers)
{
    g_free(headers->text);
    g_free(headers->path);
    g_clear_pointer(&headers->joined, g_ptr_array_unref);
    headers->text = headers->path = NULL;
    headers->count = 0;
}
