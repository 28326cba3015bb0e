/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The head of one HTTP/1 request, read strictly: what is not plainly right is refused.
 * Source: RFC 9112, sections 2 to 7; RFC 9110, sections 5, 7.2, 8.6. */
#pragma once
#include "core/http.h"
#include "core/limits.h"

typedef struct {
    char *text;         /* the head, cut into strings */
    const char *method; /* a known one */
    char *path;         /* decoded, see http_path() */
    const char *query;  /* as sent, without '?'; "" when none */
    HttpHeader list[LIMIT_HEADERS];
    size_t count;
    GPtrArray *joined;      /* values that came in several lines */
    int64_t content_length; /* 0 when none */
    bool keeps_alive;       /* the client wants to send more requests */
} Headers;

/* Length of the head with its empty line at the beginning of bytes; 0 when it is not all there. */
size_t headers_end(const char *bytes, size_t size);
/* Reads a whole head. Returns 0, or the HTTP status of the refusal: 400, 405, 411, 413, 414, 417,
 * 431, 501, 505. headers is zeroed before; headers_clear() it in both cases. */
int headers_parse(Headers *headers, const char *bytes, size_t size);
void headers_clear(Headers *headers);
/* NULL when absent; name in lower case. */
const char *headers_get(const Headers *headers, const char *name);
/* Is token one of the comma-separated words of value? Case does not matter. */
bool headers_have_token(const char *value, const char *token);
/* Percent-decodes text of length bytes; NULL when it is malformed, not UTF-8 or has control
 * characters. form: '+' is a space. g_free(). */
char *headers_decode(const char *text, size_t length, bool form);
