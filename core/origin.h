/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a request says about where it comes from: its own page, its cookie, its bearer token. */
#pragma once
#include "core/http.h"

/* The address that limits count: itself, or of IPv6 the /64. Maps what is no address to itself.
 * g_free(). */
char *origin_household(const char *address);
/* https, hence Secure cookies. */
bool origin_is_secure(HttpRequest *request);
/* Value of the cookie name in a Cookie header; NULL if absent. g_free(). */
char *origin_cookie(const char *header, const char *name);
/* The token of "Authorization: Bearer ..."; NULL for none and for other schemes. */
const char *origin_bearer(HttpRequest *request);
/* The rule of access_is_same_origin() on its texts; NULL is an absent header. */
bool origin_allows(const char *own, const char *origin, const char *fetch_site);
