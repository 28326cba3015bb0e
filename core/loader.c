/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Reads constants of strangers: each table is walked to its zero entry (with a bound, should it
 * have none) and the first thing that is wrong is said by name. */
#include "core/loader.h"
#include "core/limits.h"
#include "core/settings.h"
#include <dlfcn.h>
#include <stdalign.h>
#include <string.h>

/* A table without its zero entry is found before it leads far astray. */
#define TABLE_MAX 1000
/* Plugins keep caches in their state, not archives. */
#define STATE_MAX_BYTES (16 * 1024 * 1024)
/* Up to and with `places`: without these there is nothing to look at. */
#define SIZE_LEAST (offsetof(SerambiPlugin, places) + sizeof(uint32_t))

G_DEFINE_QUARK(loader - error, loader_error)

/* Names that the core's own addresses, settings and tables have. */
static const char *const reserved[] = {"core",   "serambi", "session", "challenge", "plugins",
                                       "store",  "access",  "live",    "kept",      "uploads",
                                       "backup", "search",  NULL};

/* First segments of the addresses that the core has. */
static const char *const addresses[] = {"a",       "api",    "connection", "healthz", "media",
                                        "metrics", "readyz", "staff",      "uploads", NULL};

G_GNUC_PRINTF(2, 3) static bool wrong(GError **error, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    g_autofree char *message = g_strdup_vprintf(format, values);
    va_end(values);
    g_set_error_literal(error, LOADER_ERROR, LOADER_ERROR_TABLE, message);
    return false;
}

/* [a-z][a-z0-9_]*, of at most 32 letters. */
static bool is_name(const char *name)
{
    return name && g_ascii_islower(name[0]) && strlen(name) <= 32 &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static bool is_text(const char *text)
{
    return text && *text;
}

static bool are_roles(uint32_t roles)
{
    return roles != 0 && (roles & ~(uint32_t)SERAMBI_ANYBODY) == 0;
}

/* --- Settings ------------------------------------------------------------------------------------
 */

static bool check_place(const SerambiPlugin *plugin, const SerambiSetting *setting, GError **error)
{
    size_t size = setting->kind == SERAMBI_BOOL  ? sizeof(bool)
                  : setting->kind == SERAMBI_INT ? sizeof(int64_t)
                                                 : sizeof(const char *);
    if (setting->offset > plugin->settings_size || size > plugin->settings_size - setting->offset)
        return wrong(error, "setting '%s': its place is outside the settings", setting->key);
    if (setting->offset % size != 0)
        return wrong(error, "setting '%s': its place is not aligned", setting->key);
    return true;
}

static bool check_setting(const SerambiPlugin *plugin, const SerambiSetting *setting,
                          GError **error)
{
    if (!is_name(setting->key))
        return wrong(error, "setting '%s': not a name", setting->key);
    if (setting->kind < SERAMBI_BOOL || setting->kind > SERAMBI_CHOICE)
        return wrong(error, "setting '%s': its kind is unknown", setting->key);
    if (!setting->fallback || !is_text(setting->help) || setting->min > setting->max)
        return wrong(error, "setting '%s': it needs a fallback, help and a range", setting->key);
    if (setting->kind == SERAMBI_CHOICE && !is_text(setting->choices))
        return wrong(error, "setting '%s': it has no choices", setting->key);
    if (!check_place(plugin, setting, error))
        return false;
    SettingsValue value = {0};
    GError *failure = NULL;
    if (settings_parse(setting, setting->fallback, &value, &failure)) {
        g_free(value.text);
        return true;
    }
    (void)wrong(error, "setting '%s': its fallback: %s", setting->key, failure->message);
    g_error_free(failure);
    return false;
}

/* Adds name to seen; false with error set when it is there already. */
static bool is_new(GHashTable *seen, const char *what, const char *name, GError **error)
{
    if (g_hash_table_add(seen, g_strdup(name)))
        return true;
    return wrong(error, "%s '%s' is there twice", what, name);
}

static GHashTable *names_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static bool check_settings(const SerambiPlugin *plugin, GError **error)
{
    g_autoptr(GHashTable) seen = names_new();
    for (int i = 0; plugin->settings && plugin->settings[i].key; i++) {
        if (i == TABLE_MAX)
            return wrong(error, "settings: no zero entry at the end");
        if (!check_setting(plugin, &plugin->settings[i], error) ||
            !is_new(seen, "setting", plugin->settings[i].key, error))
            return false;
    }
    return true;
}

static bool check_migrations(const SerambiPlugin *plugin, GError **error)
{
    for (int i = 0; plugin->migrations && plugin->migrations[i]; i++)
        if (i == TABLE_MAX || !*plugin->migrations[i])
            return wrong(error, "migration %d is empty, or there is no end", i + 1);
    return true;
}

/* --- Routes --------------------------------------------------------------------------------------
 */

static bool is_method(const char *method)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};
    return method && g_strv_contains(methods, method);
}

/* A literal segment, or "{name}"; names are collected in seen. */
static bool is_segment(const char *segment, GHashTable *seen)
{
    size_t size = strlen(segment);
    if (segment[0] != '{') {
        const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
        return size > 0 && segment[0] != '.' && segment[strspn(segment, letters)] == '\0';
    }
    if (size < 3 || segment[size - 1] != '}')
        return false;
    g_autofree char *name = g_strndup(segment + 1, size - 2);
    return is_name(name) && g_hash_table_add(seen, g_strdup(name));
}

/* "POST tickets/{}/call": routes of one shape could not be told apart. NULL for a bad path. */
static char *route_shape(const SerambiRoute *route)
{
    g_autoptr(GString) shape = g_string_new(route->method);
    g_auto(GStrv) segments = g_strsplit(route->path, "/", -1);
    g_autoptr(GHashTable) names = names_new();
    for (guint i = 0; segments[i]; i++) {
        if (!is_segment(segments[i], names))
            return NULL;
        g_string_append_printf(shape, "/%s", segments[i][0] == '{' ? "{}" : segments[i]);
    }
    return g_strdup(shape->str);
}

static bool check_route(const SerambiRoute *route, GHashTable *seen, GError **error)
{
    if (!is_method(route->method))
        return wrong(error, "route '%s': its method is unknown", route->method);
    g_autofree char *shape = route->path ? route_shape(route) : NULL;
    if (!shape)
        return wrong(error, "route '%s %s': its path is malformed", route->method, route->path);
    if (!are_roles(route->roles))
        return wrong(error, "route '%s %s': nobody may call it, or an unknown role", route->method,
                     route->path);
    if (!route->handle || !is_text(route->help))
        return wrong(error, "route '%s %s': it needs a function and help", route->method,
                     route->path);
    return is_new(seen, "route", shape, error);
}

static bool check_routes(const SerambiRoute *routes, GError **error)
{
    g_autoptr(GHashTable) seen = names_new();
    for (int i = 0; routes && routes[i].method; i++) {
        if (i == TABLE_MAX)
            return wrong(error, "routes: no zero entry at the end");
        if (!check_route(&routes[i], seen, error))
            return false;
    }
    return true;
}

static bool check_pages(const SerambiRoute *pages, GError **error)
{
    if (!check_routes(pages, error))
        return false;
    for (int i = 0; pages && pages[i].method; i++) {
        g_auto(GStrv) segments = g_strsplit(pages[i].path, "/", 2);
        if (!is_name(segments[0]) || g_strv_contains(addresses, segments[0]))
            return wrong(error, "page '%s': its first word is none, or Serambi's own",
                         pages[i].path);
    }
    return true;
}

static const SerambiRoute *find_route(const SerambiPlugin *plugin, const SerambiBody *body)
{
    for (const SerambiRoute *route = plugin->routes; route && route->method; route++)
        if (!g_strcmp0(route->method, body->method) && !g_strcmp0(route->path, body->path))
            return route;
    return NULL;
}

static bool check_bodies(const SerambiPlugin *plugin, GError **error)
{
    for (int i = 0; plugin->bodies && plugin->bodies[i].method; i++) {
        const SerambiBody *body = &plugin->bodies[i];
        if (i == TABLE_MAX)
            return wrong(error, "bodies: no zero entry at the end");
        const SerambiRoute *route = find_route(plugin, body);
        if (!route || (route->roles & SERAMBI_PUBLIC))
            return wrong(error, "body of '%s %s': no such route for staff", body->method,
                         body->path);
        if (body->body_bytes < 1 || body->body_bytes > LIMIT_ROUTE_BODY_BYTES)
            return wrong(error, "body of '%s %s': at most %d bytes", body->method, body->path,
                         LIMIT_ROUTE_BODY_BYTES);
    }
    return true;
}

/* --- Topics, watches, timers, uploads ------------------------------------------------------------
 */

/* "board", or the family "ticket.{key}"; its name without the word goes to ret_base. */
static bool is_topic_name(const char *name, char **ret_base)
{
    g_auto(GStrv) parts = g_strsplit(name, ".", 2);
    size_t size = parts[1] ? strlen(parts[1]) : 0;
    g_autofree char *word = size > 2 ? g_strndup(parts[1] + 1, size - 2) : NULL;
    if (!is_name(parts[0]))
        return false;
    if (parts[1] && !(parts[1][0] == '{' && parts[1][size - 1] == '}' && is_name(word)))
        return false;
    *ret_base = g_strdup(parts[0]);
    return true;
}

static bool check_topic(const SerambiTopic *topic, GHashTable *seen, GError **error)
{
    g_autofree char *base = NULL;
    if (!is_topic_name(topic->name, &base))
        return wrong(error, "topic '%s': not a name", topic->name);
    if (topic->kind != SERAMBI_STATE && topic->kind != SERAMBI_FEED)
        return wrong(error, "topic '%s': neither state nor feed", topic->name);
    if (!are_roles(topic->readers))
        return wrong(error, "topic '%s': nobody may read it, or an unknown role", topic->name);
    if (topic->kind == SERAMBI_FEED && topic->keep_days < 1)
        return wrong(error, "topic '%s': a feed is kept for at least a day", topic->name);
    json_auto_t *example =
        topic->example ? json_loads(topic->example, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_object(example) || !is_text(topic->help))
        return wrong(error, "topic '%s': it needs an example (a JSON object) and help",
                     topic->name);
    return is_new(seen, "topic", base, error);
}

static bool check_topics(const SerambiPlugin *plugin, GError **error)
{
    g_autoptr(GHashTable) seen = names_new();
    for (int i = 0; plugin->topics && plugin->topics[i].name; i++) {
        if (i == TABLE_MAX)
            return wrong(error, "topics: no zero entry at the end");
        if (!check_topic(&plugin->topics[i], seen, error))
            return false;
    }
    return true;
}

static bool check_watches(const SerambiWatch *watches, GError **error)
{
    for (int i = 0; watches && watches[i].channel; i++) {
        g_auto(GStrv) parts = g_strsplit(watches[i].channel, ":", 2);
        if (i == TABLE_MAX)
            return wrong(error, "watches: no zero entry at the end");
        if (!is_name(parts[0]) || !parts[1] || strlen(watches[i].channel) > LIMIT_CHANNEL_BYTES)
            return wrong(error, "watch '%s': not a channel", watches[i].channel);
        if (!watches[i].on_message)
            return wrong(error, "watch '%s': it needs a function", watches[i].channel);
    }
    return true;
}

static bool check_timers(const SerambiTimer *timers, GError **error)
{
    g_autoptr(GHashTable) seen = names_new();
    for (int i = 0; timers && timers[i].name; i++) {
        if (i == TABLE_MAX)
            return wrong(error, "timers: no zero entry at the end");
        if (!is_name(timers[i].name) || !timers[i].on_tick || timers[i].every_seconds < 1)
            return wrong(error, "timer '%s': it needs a name, seconds and a function",
                         timers[i].name);
        if (!is_new(seen, "timer", timers[i].name, error))
            return false;
    }
    return true;
}

static bool check_uploads(const SerambiPlugin *plugin, GError **error)
{
    g_autoptr(GHashTable) seen = names_new();
    for (int i = 0; plugin->uploads && plugin->uploads[i].name; i++) {
        const SerambiUpload *upload = &plugin->uploads[i];
        if (i == TABLE_MAX)
            return wrong(error, "uploads: no zero entry at the end");
        if (!is_name(upload->name) || !are_roles(upload->roles) || upload->max_bytes < 1 ||
            !upload->on_complete || !is_text(upload->help))
            return wrong(error, "upload '%s': it needs a name, roles, a size, a function and help",
                         upload->name);
        if (!is_new(seen, "upload", upload->name, error))
            return false;
    }
    return true;
}

/* --- Display and page ----------------------------------------------------------------------------
 */

static bool check_layers(const SerambiPlugin *plugin, GError **error)
{
    for (int i = 0; plugin->layers && plugin->layers[i].name; i++) {
        const SerambiLayer *layer = &plugin->layers[i];
        if (i == TABLE_MAX)
            return wrong(error, "layers: no zero entry at the end");
        if (!is_name(layer->name) || !is_name(layer->area) || !layer->prepare || !layer->draw)
            return wrong(error, "layer '%s': it needs a name, an area and two functions",
                         layer->name);
    }
    return true;
}

static bool check_assets(const SerambiPlugin *plugin, GError **error)
{
    g_autoptr(GHashTable) seen = names_new();
    for (int i = 0; plugin->assets && plugin->assets[i].path; i++) {
        const SerambiAsset *asset = &plugin->assets[i];
        if (i == TABLE_MAX)
            return wrong(error, "assets: no zero entry at the end");
        if (asset->path[0] == '/' || asset->path[0] == '\0' || strstr(asset->path, "..") ||
            !is_text(asset->content_type) || !asset->bytes || asset->size == 0)
            return wrong(error, "asset '%s': it needs a relative path, a type and bytes",
                         asset->path);
        if (!is_new(seen, "asset", asset->path, error))
            return false;
    }
    return true;
}

/* --- The descriptor ------------------------------------------------------------------------------
 */

static bool check_head(const SerambiPlugin *plugin, GError **error)
{
    if (!is_name(plugin->id) || strlen(plugin->id) < 2)
        return wrong(error, "its id is not a name");
    if (g_strv_contains(reserved, plugin->id))
        return wrong(error, "the id '%s' belongs to Serambi itself", plugin->id);
    if (!is_text(plugin->version) || !is_text(plugin->summary))
        return wrong(error, "it needs a version and a summary");
    uint32_t all = SERAMBI_ON_SERVER | SERAMBI_ON_DISPLAY;
    if (plugin->places == 0 || (plugin->places & ~all) != 0)
        return wrong(error, "it runs nowhere, or at an unknown place");
    if (plugin->state_size > STATE_MAX_BYTES || plugin->settings_size > STATE_MAX_BYTES)
        return wrong(error, "its state or its settings are larger than %d bytes", STATE_MAX_BYTES);
    return true;
}

/* A half without its place would silently never run. */
static bool check_places(const SerambiPlugin *plugin, GError **error)
{
    bool has_server = plugin->migrations || plugin->routes || plugin->topics || plugin->watches ||
                      plugin->timers || plugin->uploads || plugin->start || plugin->stop ||
                      plugin->pages || plugin->bodies;
    bool has_display = plugin->display_watches || plugin->display_timers || plugin->layers ||
                       plugin->display_start || plugin->display_stop;
    if (has_server && !(plugin->places & SERAMBI_ON_SERVER))
        return wrong(error, "it has a server half, but not that place");
    if (has_display && !(plugin->places & SERAMBI_ON_DISPLAY))
        return wrong(error, "it has a display half, but not that place");
    return true;
}

static bool check_tables(const SerambiPlugin *plugin, GError **error)
{
    return check_head(plugin, error) && check_places(plugin, error) &&
           check_settings(plugin, error) && check_migrations(plugin, error) &&
           check_routes(plugin->routes, error) && check_pages(plugin->pages, error) &&
           check_bodies(plugin, error) && check_topics(plugin, error) &&
           check_watches(plugin->watches, error) && check_watches(plugin->display_watches, error) &&
           check_timers(plugin->timers, error) && check_timers(plugin->display_timers, error) &&
           check_uploads(plugin, error) && check_layers(plugin, error) &&
           check_assets(plugin, error);
}

/* A copy of this host's size: what a shorter descriptor lacks is zero. */
static SerambiPlugin *copy_descriptor(const SerambiPlugin *plugin, GError **error)
{
    if (plugin->abi != SERAMBI_ABI) {
        g_set_error(error, LOADER_ERROR, LOADER_ERROR_ABI,
                    "it was built for plugin interface %u, this is %u", plugin->abi, SERAMBI_ABI);
        return NULL;
    }
    if (plugin->size < SIZE_LEAST) {
        g_set_error(error, LOADER_ERROR, LOADER_ERROR_ABI, "its descriptor is too short");
        return NULL;
    }
    const uint8_t *bytes = (const uint8_t *)plugin;
    for (size_t i = sizeof *plugin; i < plugin->size; i++) {
        if (bytes[i] == 0)
            continue;
        g_set_error(error, LOADER_ERROR, LOADER_ERROR_ABI,
                    "it uses parts of a newer plugin interface");
        return NULL;
    }
    SerambiPlugin *copy = g_new0(SerambiPlugin, 1);
    memcpy(copy, plugin, MIN(plugin->size, sizeof *copy));
    return copy;
}

static void check_into(LoaderEntry *entry, const SerambiPlugin *plugin)
{
    SerambiPlugin *copy = copy_descriptor(plugin, &entry->error);
    if (copy && !check_tables(copy, &entry->error))
        g_clear_pointer(&copy, g_free);
    entry->plugin = copy;
    if (copy) {
        g_free(entry->id);
        entry->id = g_strdup(copy->id);
    }
}

LoaderEntry *loader_check(const SerambiPlugin *plugin)
{
    LoaderEntry *entry = g_new0(LoaderEntry, 1);
    entry->id = g_strdup("plugin");
    entry->path = g_strdup("");
    check_into(entry, plugin);
    return entry;
}

void loader_entry_free(LoaderEntry *entry)
{
    if (!entry)
        return;
    g_free((void *)(uintptr_t)entry->plugin);
    g_free(entry->id);
    g_free(entry->path);
    g_clear_error(&entry->error);
    g_free(entry);
}

/* --- Files ---------------------------------------------------------------------------------------
 */

/* RTLD_NOW: a missing function shows here. RTLD_LOCAL: no plugin sees another's. Never closed:
 * callbacks and constants point into it. */
static LoaderEntry *open_file(const char *folder, const char *name)
{
    LoaderEntry *entry = g_new0(LoaderEntry, 1);
    entry->id = g_strndup(name, strlen(name) - strlen(".so"));
    entry->path = g_build_filename(folder, name, NULL);
    void *object = dlopen(entry->path, RTLD_NOW | RTLD_LOCAL);
    const SerambiPlugin *plugin = object ? dlsym(object, "serambi_plugin") : NULL;
    if (plugin)
        check_into(entry, plugin);
    else
        g_set_error(&entry->error, LOADER_ERROR, LOADER_ERROR_OPEN, "%s", dlerror());
    return entry;
}

static void refuse_twins(GPtrArray *entries)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < entries->len; i++) {
        LoaderEntry *entry = entries->pdata[i];
        if (!entry->plugin || g_hash_table_add(seen, entry->id))
            continue;
        g_free((void *)(uintptr_t)entry->plugin);
        entry->plugin = NULL;
        g_set_error(&entry->error, LOADER_ERROR, LOADER_ERROR_CONFLICT,
                    "another plugin has the id '%s' already", entry->id);
    }
}

static void add_failure(GPtrArray *entries, const char *folder, const char *message)
{
    LoaderEntry *entry = g_new0(LoaderEntry, 1);
    entry->id = g_strdup("plugins");
    entry->path = g_strdup(folder);
    g_set_error(&entry->error, LOADER_ERROR, LOADER_ERROR_OPEN, "%s", message);
    g_ptr_array_add(entries, entry);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

GPtrArray *loader_load_folder(const char *folder)
{
    GPtrArray *entries = g_ptr_array_new_with_free_func((GDestroyNotify)loader_entry_free);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
    if (!dir)
        add_failure(entries, folder, error->message);
    for (const char *name; dir && (name = g_dir_read_name(dir));)
        if (g_str_has_suffix(name, ".so"))
            g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len && i < LIMIT_PLUGINS; i++)
        g_ptr_array_add(entries, open_file(folder, names->pdata[i]));
    if (names->len > LIMIT_PLUGINS)
        add_failure(entries, folder, "too many plugins, the last ones are left out");
    refuse_twins(entries);
    return entries;
}

/* A program in its build folder has its plugins beside its room, an installed one in lib. */
char *loader_default_folder(void)
{
    const char *chosen = g_getenv("SERAMBI_PLUGINS");
    if (chosen && *chosen)
        return g_strdup(chosen);
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *room = g_path_get_dirname(program ? program : "/usr/bin/serambi");
    for (int up = 1; up <= 2; up++) {
        g_autofree char *built = g_build_filename(room, up == 1 ? ".." : "../..", "plugins", NULL);
        g_autofree char *mark =
            g_build_filename(room, up == 1 ? ".." : "../..", "build.ninja", NULL);
        if (g_file_test(mark, G_FILE_TEST_EXISTS))
            return g_steal_pointer(&built);
    }
    return g_strdup(SERAMBI_PLUGIN_FOLDER);
}
