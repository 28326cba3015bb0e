/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Which handler has which path: some dozen prefixes, tried from the longest. */
#include "core/router.h"
#include <string.h>

typedef struct {
    char *prefix;
    size_t size;
    void (*handle)(HttpRequest *request, void *data);
    void *data;
} Route;

struct Router {
    GPtrArray *routes; /* longest prefix first */
};

static void route_free(Route *route)
{
    g_free(route->prefix);
    g_free(route);
}

Router *router_new(void)
{
    Router *router = g_new0(Router, 1);
    router->routes = g_ptr_array_new_with_free_func((GDestroyNotify)route_free);
    return router;
}

void router_free(Router *router)
{
    if (router != NULL) {
        g_ptr_array_unref(router->routes);
        g_free(router);
    }
}

static gint compare(gconstpointer a, gconstpointer b)
{
    const Route *left = *(Route *const *)a, *right = *(Route *const *)b;
    return left->size < right->size ? 1 : -(left->size > right->size);
}

void router_add(Router *router, const char *prefix,
                void (*handle)(HttpRequest *request, void *data), void *data)
{
    Route *route = g_new0(Route, 1);
    *route = (Route){
        .prefix = g_strdup(prefix),
        .size = strlen(prefix),
        .handle = handle,
        .data = data,
    };
    g_ptr_array_add(router->routes, route);
    g_ptr_array_sort(router->routes, compare);
}

static bool has(const Route *route, const char *path)
{
    if (strncmp(path, route->prefix, route->size) != 0) {
        return false;
    }
    char next = path[route->size];
    return next == '\0' || next == '/' || g_str_has_suffix(route->prefix, "/");
}

void router_handle(const Router *router, HttpRequest *request)
{
    for (guint i = 0; i < router->routes->len; i++) {
        const Route *route = router->routes->pdata[i];
        if (has(route, http_path(request))) {
            route->handle(request, route->data);
            return;
        }
    }
    http_reply_error(request, 404, "request.path", "there is nothing at this address");
}
