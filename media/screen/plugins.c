/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The display halves of plugins: from found to stopped. One that fails is off, the others run. */
#include "core/limits.h"
#include "media/screen/display_private.h"
#include <string.h>

#define SELF "{self}"

static void plugin_free(Serambi *self)
{
    catalogue_free(self->words);
    json_decref(self->wanted);
    g_free(self->timers_due_us);
    g_free(self->settings);
    g_free(self->state);
    g_free(self);
}

static Serambi *plugin_new(Display *display, const SerambiPlugin *plugin)
{
    Serambi *self = g_new0(Serambi, 1);
    self->display = display;
    self->plugin = plugin;
    self->state = g_malloc0(MAX(plugin->state_size, 1));
    self->settings = g_malloc0(MAX(plugin->settings_size, 1));
    self->words = catalogue_new(plugin->assets);
    size_t count = 0;
    while (plugin->display_timers && plugin->display_timers[count].name)
        count++;
    self->timers_due_us = g_new0(int64_t, count + 1);
    return self;
}

/* Plugins are equal to the host but for where they come from. */
static bool fill_settings(Serambi *self)
{
    g_autoptr(GError) error = NULL;
    const SerambiPlugin *plugin = self->plugin;
    if (!plugin->settings || settings_fill(self->display->settings, plugin->id, plugin->settings,
                                           self->settings, &error))
        return true;
    g_warning("plugin '%s' is off: %s", plugin->id, error->message);
    return false;
}

static void add_layers(Serambi *self)
{
    for (const SerambiLayer *layer = self->plugin->layers; layer && layer->name; layer++)
        layers_add(self->display->layers, self, layer);
}

void plugins_add_house(Display *display)
{
    display->plugins = g_ptr_array_new_with_free_func((GDestroyNotify)plugin_free);
    Serambi *house = plugin_new(display, &house_plugin);
    g_ptr_array_add(display->plugins, house);
    if (!fill_settings(house)) {
        /* A wrong file must not leave the screen without a house: all defaults. */
        g_autoptr(GError) error = NULL;
        g_clear_pointer(&display->settings, settings_free);
        display->settings = settings_load(NULL, true, NULL);
        if (!settings_fill(display->settings, house_plugin.id, house_plugin.settings,
                           house->settings, &error))
            g_error("the display's own settings table is wrong: %s", error->message);
    }
    house->is_running = true;
    add_layers(house);
}

static void add(Display *display, const SerambiPlugin *plugin)
{
    if (!(plugin->places & SERAMBI_ON_DISPLAY))
        return;
    if (display->plugins->len > LIMIT_PLUGINS) {
        g_warning("plugin '%s' is off: more than %d plugins", plugin->id, LIMIT_PLUGINS);
        return;
    }
    Serambi *self = plugin_new(display, plugin);
    if (fill_settings(self))
        g_ptr_array_add(display->plugins, self);
    else
        plugin_free(self);
}

void plugins_load(Display *display)
{
    display->entries = g_ptr_array_new_with_free_func((GDestroyNotify)loader_entry_free);
    g_autofree char *folder =
        display->plugins_folder ? g_strdup(display->plugins_folder) : loader_default_folder();
    if (folder && folder[0]) {
        g_autoptr(GPtrArray) found = loader_load_folder(folder);
        g_ptr_array_set_free_func(found, NULL);
        for (size_t i = 0; i < found->len; i++)
            g_ptr_array_add(display->entries, g_ptr_array_index(found, i));
    }
    for (const SerambiPlugin **more = display->more_plugins; more && *more; more++)
        g_ptr_array_add(display->entries, loader_check(*more));
    for (size_t i = 0; i < display->entries->len; i++) {
        const LoaderEntry *entry = g_ptr_array_index(display->entries, i);
        if (entry->plugin && !entry->error)
            add(display, entry->plugin);
        else
            g_warning("plugin '%s' is off: %s", entry->id ? entry->id : entry->path,
                      entry->error ? entry->error->message : "no table");
    }
}

static void stop(Serambi *self)
{
    Display *display = self->display;
    layers_drop(display->layers, self);
    if (self->plugin->display_stop)
        self->plugin->display_stop(self);
    self->is_running = false;
    clips_drop(display->clips, self);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, display->calls);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (((PendingCall *)value)->self == self)
            g_hash_table_iter_remove(&iter);
}

void plugins_start(Display *display)
{
    for (size_t i = 1; i < display->plugins->len; i++) {
        Serambi *self = g_ptr_array_index(display->plugins, i);
        g_autoptr(GError) error = NULL;
        if (self->plugin->display_start && !self->plugin->display_start(self, &error)) {
            g_warning("plugin '%s' is off: %s", self->plugin->id,
                      error ? error->message : "it did not say why");
            stop(self);
            continue;
        }
        self->is_running = true;
        add_layers(self);
    }
}

void plugins_stop(Display *display)
{
    for (size_t i = display->plugins->len; i-- > 0;) {
        Serambi *self = g_ptr_array_index(display->plugins, i);
        if (self->is_running)
            stop(self);
    }
}

void plugins_tick(Display *display, int64_t monotonic_us)
{
    for (size_t i = 0; i < display->plugins->len; i++) {
        Serambi *self = g_ptr_array_index(display->plugins, i);
        const SerambiTimer *timers = self->plugin->display_timers;
        for (size_t t = 0; self->is_running && timers && timers[t].name; t++) {
            int64_t every_us = (int64_t)MAX(timers[t].every_seconds, 1) * G_USEC_PER_SEC;
            if (self->timers_due_us[t] == 0)
                self->timers_due_us[t] = monotonic_us + every_us;
            if (monotonic_us < self->timers_due_us[t])
                continue;
            self->timers_due_us[t] = monotonic_us + every_us;
            timers[t].on_tick(self);
        }
    }
}

/* "displays:screen.{self}" with the display's id; NULL while it has none. g_free(). */
static char *own_channel(const Display *display, const char *channel)
{
    const char *place = strstr(channel, SELF);
    if (!place)
        return g_strdup(channel);
    if (!display->id[0])
        return NULL;
    return g_strdup_printf("%.*s%s%s", (int)(place - channel), channel, display->id,
                           place + strlen(SELF));
}

void plugins_on_message(Display *display, const char *channel, const json_t *body)
{
    for (size_t i = 0; i < display->plugins->len; i++) {
        Serambi *self = g_ptr_array_index(display->plugins, i);
        const SerambiWatch *watch = self->plugin->display_watches;
        for (; self->is_running && watch && watch->channel; watch++) {
            g_autofree char *watched = own_channel(display, watch->channel);
            if (!g_strcmp0(watched, channel))
                watch->on_message(self, channel, body);
        }
    }
}

char **plugins_channels(const Display *display)
{
    g_autoptr(GStrvBuilder) channels = g_strv_builder_new();
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t i = 0; i < display->plugins->len; i++) {
        Serambi *self = g_ptr_array_index(display->plugins, i);
        const SerambiWatch *watch = self->plugin->display_watches;
        for (; self->is_running && watch && watch->channel; watch++) {
            char *channel = own_channel(display, watch->channel);
            if (channel && g_hash_table_add(seen, channel))
                g_strv_builder_add(channels, channel);
        }
    }
    return g_strv_builder_end(channels);
}
