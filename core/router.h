/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Which handler has which path. */
#pragma once
#include "core/http.h"

typedef struct Router Router;
Router *router_new(void);
void router_free(Router *router);
/* prefix "/api/session" has itself and what is below it, "/media/" only what is below. */
void router_add(Router *router, const char *prefix,
                void (*handle)(HttpRequest *request, void *data), void *data);
/* Calls the handler with the longest prefix, or answers 404. */
void router_handle(const Router *router, HttpRequest *request);
