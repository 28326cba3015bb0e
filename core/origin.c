/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a request says about where it comes from. */
#include "core/origin.h"
#include "core/access.h"
#include <arpa/inet.h>
#include <string.h>

/* One household owns a whole /64 of IPv6 (RFC 6177): count it as one. */
char *origin_household(const char *address)
{
    struct in6_addr bytes;
    if (inet_pton(AF_INET6, address, &bytes) != 1)
        return g_strdup(address);
    if (!IN6_IS_ADDR_V4MAPPED(&bytes))
        memset(bytes.s6_addr + 8, 0, 8);
    char text[INET6_ADDRSTRLEN];
    g_assert(inet_ntop(AF_INET6, &bytes, text, sizeof text) != NULL);
    return g_strdup(text);
}

bool origin_is_secure(HttpRequest *request)
{
    const char *own = http_origin(request);
    return own != NULL && g_str_has_prefix(own, "https://");
}

char *origin_cookie(const char *header, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = header; at != NULL && *at != '\0';) {
        at += strspn(at, " \t;");
        size_t length = strcspn(at, ";");
        if (length > size && strncmp(at, name, size) == 0 && at[size] == '=')
            return g_strstrip(g_strndup(at + size + 1, length - size - 1));
        at += length;
    }
    return NULL;
}

const char *origin_bearer(HttpRequest *request)
{
    const char *header = http_header(request, "authorization");
    if (header == NULL || g_ascii_strncasecmp(header, "bearer ", 7) != 0)
        return NULL;
    return header + 7 + strspn(header + 7, " ");
}

/* A browser that sends neither header is older than any we support; a page cannot make one omit
 * Origin on a write (Fetch standard, "append a request Origin header"). */
bool origin_allows(const char *own, const char *origin, const char *fetch_site)
{
    if (origin != NULL)
        return own != NULL && g_ascii_strcasecmp(origin, own) == 0;
    return fetch_site != NULL && strcmp(fetch_site, "same-origin") == 0;
}

static bool is_reading(HttpRequest *request)
{
    const char *method = http_method(request);
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

bool access_is_same_origin(HttpRequest *request)
{
    if (origin_bearer(request) != NULL || http_header(request, "cookie") == NULL)
        return true;
    const char *origin = http_header(request, "origin");
    const char *fetch_site = http_header(request, "sec-fetch-site");
    /* Over plain http browsers send no Sec-Fetch-Site, and no Origin when their own page reads. A
     * foreign page whose script could read the answer (EventSource, WebSocket, fetch with CORS)
     * always sends Origin; without it, it can only make reads whose answers it never sees. */
    if (origin == NULL && fetch_site == NULL && is_reading(request))
        return true;
    return origin_allows(http_origin(request), origin, fetch_site);
}
