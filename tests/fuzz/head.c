/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The head of a request, as the first bytes of a stranger.
 * Sources: core/headers.c */
#include "core/headers.h"
#include "core/limits.h"
#include "fuzz.h"

#include <string.h>

static void check(const Headers *headers)
{
    g_assert_nonnull(headers->method);
    g_assert_cmpint(headers->path[0], ==, '/');
    g_assert_null(strstr(headers->path, "/../"));
    g_assert_false(g_str_has_suffix(headers->path, "/.."));
    g_assert_true(g_utf8_validate(headers->path, -1, NULL));
    g_assert_nonnull(headers->query);
    g_assert_cmpint(headers->content_length, >=, 0);
    g_assert_cmpuint(headers->count, <=, LIMIT_HEADERS);
    g_assert_nonnull(headers_get(headers, "host"));
    g_assert_null(headers_get(headers, "transfer-encoding"));
    for (size_t i = 0; i < headers->count; i++) {
        (void)headers_have_token(headers->list[i].value, "close");
        g_assert_null(strpbrk(headers->list[i].value, "\r\n"));
    }
    g_autofree char *query = headers_decode(headers->query, strlen(headers->query), true);
    g_assert_true(query == NULL || g_utf8_validate(query, -1, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    size_t end = headers_end((const char *)bytes, size);
    g_assert_cmpuint(end, <=, size);
    if (end == 0 || end > LIMIT_HEADER_BYTES) {
        return 0; /* connection.c waits, or answers 431 */
    }
    Headers headers = {0};
    int status = headers_parse(&headers, (const char *)bytes, end);
    g_assert_true(status == 0 || (status >= 400 && status < 600));
    if (status == 0) {
        check(&headers);
    }
    headers_clear(&headers);
    return 0;
}
