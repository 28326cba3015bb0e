/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The web server: joins the front door with the routes of HTTP and with the WebSockets. */
#include "core/web.h"

#include "core/front.h"
#include "core/headers.h"
#include "core/limits.h"
#include "core/router.h"
#include "core/websocket.h"

#include <string.h>

typedef struct {
    WebSocketRoute route;
    char *path;
    void *data;
} Path;

struct Web {
    Front *front;
    WebSockets *websockets;
    Router *router;
    GPtrArray *paths;
    bool is_closing;
    void (*on_closed)(void *data);
    void *closed_data;
};

/* --- The handshake -----------------------------------------------------------------------------
 */
/* 16 bytes in base64 (RFC 6455, 4.1). */
static bool is_key(const char *key)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return key != NULL && strlen(key) == 24 && strspn(key, digits) == 22 &&
           strcmp(key + 22, "==") == 0;
}

static int check_upgrade(HttpRequest *request)
{
    const char *version = http_header(request, "sec-websocket-version");
    const char *connection = http_header(request, "connection");
    if (version == NULL || strcmp(version, "13") != 0) {
        return 426;
    }
    bool asks = connection != NULL && headers_have_token(connection, "upgrade");
    if (!asks || strcmp(http_method(request), "GET") != 0 || http_body_size(request) != 0 ||
        !is_key(http_header(request, "sec-websocket-key"))) {
        return 400;
    }
    return 0;
}

static const Path *find_path(const Web *web, const char *path)
{
    for (guint i = 0; i < web->paths->len; i++) {
        const Path *known = web->paths->pdata[i];
        if (strcmp(known->path, path) == 0) {
            return known;
        }
    }
    return NULL;
}

static int on_upgrade(HttpRequest *request, int fd, void *data)
{
    Web *web = data;
    const Path *path = find_path(web, http_path(request));
    int status = path == NULL ? 404 : check_upgrade(request);
    if (web->is_closing) {
        status = 503;
    }
    return status != 0 ? status
                       : websockets_adopt(web->websockets, fd, request, &path->route, path->data);
}

/* --- Life --------------------------------------------------------------------------------------
 */

static void on_request(HttpRequest *request, void *data)
{
    const Web *web = data;
    router_handle(web->router, request);
}

static void on_websocket_left(void *data, const char *address)
{
    Web *web = data;
    front_leave(web->front, address);
}

static void path_free(Path *path)
{
    g_free(path->path);
    g_free(path);
}

static void on_front_closed(void *data)
{
    Web *web = data;
    void (*on_closed)(void *) = web->on_closed;
    void *closed_data = web->closed_data;
    router_free(web->router);
    g_ptr_array_unref(web->paths);
    g_free(web);
    if (on_closed != NULL) {
        on_closed(closed_data);
    }
}

/* The front counts the WebSockets, so it goes after them. */
static void on_websockets_closed(void *data)
{
    Web *web = data;
    web->websockets = NULL;
    if (web->front != NULL) {
        front_close(web->front, on_front_closed, web);
    } else {
        on_front_closed(web);
    }
}

Web *web_new(uv_loop_t *loop, const WebOptions *options, GError **error)
{
    Web *web = g_new0(Web, 1);
    *web = (Web){
        .router = router_new(),
        .paths = g_ptr_array_new_with_free_func((GDestroyNotify)path_free),
    };
    web->websockets = websockets_new(loop, on_websocket_left, web);
    FrontHandler handler = {.data = web, .on_request = on_request, .on_upgrade = on_upgrade};
    web->front = front_new(loop, options, &handler, error);
    if (web->front == NULL) {
        web_close(web, NULL, NULL);
        return NULL;
    }
    return web;
}

void web_close(Web *web, void (*on_closed)(void *data), void *data)
{
    web->is_closing = true;
    web->on_closed = on_closed;
    web->closed_data = data;
    if (web->front != NULL) {
        front_set_listening(web->front, false);
    }
    websockets_close(web->websockets, on_websockets_closed, web);
}

int web_port(const Web *web)
{
    return front_port(web->front);
}

void web_set_listening(Web *web, bool listening)
{
    front_set_listening(web->front, listening);
}

void web_route(Web *web, const char *prefix, void (*handle)(HttpRequest *request, void *data),
               void *data)
{
    router_add(web->router, prefix, handle, data);
}

void web_route_websocket(Web *web, const char *path, const WebSocketRoute *route, void *data)
{
    Path *known = g_new0(Path, 1);
    *known = (Path){.route = *route, .path = g_strdup(path), .data = data};
    g_ptr_array_add(web->paths, known);
}

WebCounters web_counters(const Web *web)
{
    WebCounters counters = *front_counters(web->front);
    if (web->websockets != NULL) { /* they end first */
        websockets_count(web->websockets, &counters);
    }
    return counters;
}
