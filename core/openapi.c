/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The descriptions of both interfaces, from the plugins' own tables: routes as OpenAPI, topics as
 * AsyncAPI. Sources: spec.openapis.org OpenAPI 3.1.0; asyncapi.com specification 3.0.0. */
#include "core/host_private.h"
#include <string.h>

static const uint32_t all_roles[] = {SERAMBI_PUBLIC, SERAMBI_COUNTER, SERAMBI_EDITOR, SERAMBI_ADMIN,
                                     SERAMBI_DISPLAY};

static json_t *role_names(uint32_t roles)
{
    json_t *names = json_array();
    for (size_t i = 0; i < G_N_ELEMENTS(all_roles); i++)
        if (roles & all_roles[i])
            (void)json_array_append_new(names, json_string(access_role_text(all_roles[i])));
    return names;
}

/* --- OpenAPI -------------------------------------------------------------------------------------
 */

/* A parameter for each "{word}" of the path. */
static json_t *path_parameters(const char *path)
{
    json_t *parameters = json_array();
    g_auto(GStrv) segments = g_strsplit(path, "/", -1);
    for (guint i = 0; segments[i]; i++) {
        size_t size = strlen(segments[i]);
        if (segments[i][0] != '{')
            continue;
        g_autofree char *word = g_strndup(segments[i] + 1, size - 2);
        (void)json_array_append_new(parameters,
                                    json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", word, "in",
                                              "path", "required", 1, "schema", "type", "string"));
    }
    return parameters;
}

static char *operation_id(const SerambiPlugin *plugin, const SerambiRoute *route)
{
    g_autofree char *text = g_strdup_printf("%s_%s_%s", plugin->id, route->method, route->path);
    GString *id = g_string_new(NULL);
    for (const char *letter = text; *letter; letter++)
        if (g_ascii_isalnum(*letter))
            g_string_append_c(id, g_ascii_tolower(*letter));
        else if (id->len && id->str[id->len - 1] != '_' && *letter != '}')
            g_string_append_c(id, '_');
    if (id->len && id->str[id->len - 1] == '_')
        g_string_truncate(id, id->len - 1);
    return g_string_free(id, FALSE);
}

static json_t *reference(const char *to)
{
    return json_pack("{s:s}", "$ref", to);
}

static json_t *operation(const SerambiPlugin *plugin, const SerambiRoute *route,
                         const char *body_type)
{
    g_autofree char *id = operation_id(plugin, route);
    json_t *result =
        json_pack("{s:s, s:s, s:[s], s:o, s:o, s:{s:{s:s}, s:o}}", "operationId", id, "summary",
                  route->help, "tags", plugin->id, "x-serambi-roles", role_names(route->roles),
                  "parameters", path_parameters(route->path), "responses", "2XX", "description",
                  "done", "default", reference("#/components/responses/Error"));
    if (!g_str_equal(route->method, "GET"))
        (void)json_object_set_new(
            result, "requestBody",
            json_pack("{s:{s:{s:{s:s}}}}", "content", body_type, "schema", "type", "object"));
    if (!(route->roles & SERAMBI_PUBLIC))
        (void)json_object_set_new(result, "security",
                                  json_pack("[{s:[]}, {s:[]}]", "session", "token"));
    return result;
}

/* routes are below prefix, "/api/queue" or "", and take bodies of a type. */
static void add_routes(json_t *paths, const SerambiPlugin *plugin, const SerambiRoute *routes,
                       const char *prefix, const char *body_type)
{
    for (const SerambiRoute *route = routes; route && route->method; route++) {
        g_autofree char *path =
            g_strdup_printf("%s%s%s", prefix, *route->path ? "/" : "", route->path);
        json_t *item = json_object_get(paths, path);
        if (!item) {
            item = json_object();
            (void)json_object_set_new(paths, path, item);
        }
        g_autofree char *method = g_ascii_strdown(route->method, -1);
        (void)json_object_set_new(item, method, operation(plugin, route, body_type));
    }
}

static json_t *error_response(void)
{
    return json_pack("{s:s, s:{s:{s:{s:s, s:[s], s:{s:{s:s, s:{s:{s:s}, s:{s:s}}}}}}}}",
                     "description", "why it was not done", "content", "application/json", "schema",
                     "type", "object", "required", "error", "properties", "error", "type", "object",
                     "properties", "code", "type", "string", "message", "type", "string");
}

json_t *openapi_make(Host *host)
{
    json_t *paths = json_object();
    for (guint i = 0; i < host->plugins->len; i++) {
        const Serambi *self = host->plugins->pdata[i];
        if (!self->plugin)
            continue;
        g_autofree char *prefix = g_strdup_printf("/api/%s", self->plugin->id);
        add_routes(paths, self->plugin, self->plugin->routes, prefix, "application/json");
        add_routes(paths, self->plugin, self->plugin->pages, "",
                   "application/x-www-form-urlencoded");
    }
    return json_pack("{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:[{s:s}], s:o,"
                     " s:{s:{s:o}, s:{s:{s:s, s:s, s:s}, s:{s:s, s:s}}}}",
                     "openapi", "3.1.0", "info", "title", "Serambi", "version", "1", "description",
                     "What the plugins of this server offer, made from their tables.", "license",
                     "name", "Apache-2.0", "identifier", "Apache-2.0", "servers", "url", "/",
                     "paths", paths, "components", "responses", "Error", error_response(),
                     "securitySchemes", "session", "type", "apiKey", "in", "cookie", "name",
                     "serambi_session", "token", "type", "http", "scheme", "bearer");
}

/* --- AsyncAPI ------------------------------------------------------------------------------------
 */

static json_t *channel_parameters(const char *name)
{
    const char *brace = strchr(name, '{');
    if (!brace)
        return json_object();
    g_autofree char *word = g_strndup(brace + 1, strlen(brace) - 2);
    return json_pack("{s:{s:s}}", word, "description", "which one of the family");
}

static json_t *channel(const char *address, const SerambiTopic *topic)
{
    json_t *example = json_loads(topic->example, 0, NULL);
    return json_pack("{s:s, s:s, s:o, s:o, s:s, s:{s:{s:{s:s}, s:[{s:o}]}}}", "address", address,
                     "description", topic->help, "parameters", channel_parameters(topic->name),
                     "x-serambi-readers", role_names(topic->readers), "x-serambi-kind",
                     topic->kind == SERAMBI_FEED ? "feed" : "state", "messages", "message",
                     "payload", "type", "object", "examples", "payload", example);
}

static void add_topics(json_t *channels, json_t *operations, const SerambiPlugin *plugin)
{
    for (const SerambiTopic *topic = plugin->topics; topic && topic->name; topic++) {
        g_autofree char *address = g_strdup_printf("%s:%s", plugin->id, topic->name);
        g_auto(GStrv) parts = g_strsplit(topic->name, ".", 2);
        g_autofree char *id = g_strdup_printf("%s_%s", plugin->id, parts[0]);
        g_autofree char *path = g_strdup_printf("#/channels/%s", id);
        (void)json_object_set_new(channels, id, channel(address, topic));
        (void)json_object_set_new(
            operations, id, json_pack("{s:s, s:o}", "action", "send", "channel", reference(path)));
    }
}

json_t *asyncapi_make(Host *host)
{
    json_t *channels = json_object(), *operations = json_object();
    for (guint i = 0; i < host->plugins->len; i++) {
        const Serambi *self = host->plugins->pdata[i];
        if (self->plugin)
            add_topics(channels, operations, self->plugin);
    }
    return json_pack("{s:s, s:{s:s, s:s, s:s}, s:s, s:o, s:o}", "asyncapi", "3.0.0", "info",
                     "title", "Serambi", "version", "1", "description",
                     "Live channels, carried by the Centrifuge client protocol (JSON) at "
                     "/connection/websocket and as server-sent events at /connection/uni_sse.",
                     "defaultContentType", "application/json", "channels", channels, "operations",
                     operations);
}
