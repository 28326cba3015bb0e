/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The frame loop, and what travels between link, plugins and glass. */
#include "media/screen/display_private.h"
#include "media/screen/theme.h"
#include <cairo.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

/* Where nothing moves plugins are asked so often whether something has changed. */
#define IDLE_US       (100 * 1000)
#define MESSAGES_TURN 64
#define ARRANGED      "arrangement.json"

Serambi *display_house(const Display *display)
{
    return g_ptr_array_index(display->plugins, 0);
}

static const HouseSettings *house_settings(const Display *display)
{
    return display_house(display)->settings;
}

int64_t display_now_us(const Display *display)
{
    return timeline_at(&display->timeline, timeline_monotonic_us());
}

static void lead_timeline(Display *display, int64_t monotonic_us)
{
    LinkClock clock = {.source = LINK_CLOCK_NONE};
    if (display->link)
        link_clock(display->link, monotonic_us, &clock);
    display->timeline.on_air = clips_on_air(display->clips);
    timeline_lead(&display->timeline, monotonic_us,
                  clock.source == LINK_CLOCK_NONE ? timeline_wall_us()
                                                  : monotonic_us + clock.offset_us);
}

json_t *display_clock_figures(const Display *display)
{
    static const char *const sources[] = {
        [LINK_CLOCK_NONE] = "none", [LINK_CLOCK_LINK] = "link", [LINK_CLOCK_UDP] = "udp"};
    LinkClock clock = {.source = LINK_CLOCK_NONE};
    int64_t monotonic_us = timeline_monotonic_us(), left_us = 0;
    if (display->link)
        link_clock(display->link, monotonic_us, &clock);
    /* What is still to be slewed is an error as well. */
    if (clock.source != LINK_CLOCK_NONE)
        left_us = ABS(clock.offset_us - display->timeline.delta_us);
    return json_pack("{s:s, s:I, s:I, s:f, s:I, s:I}", "source", sources[clock.source], "error_us",
                     (json_int_t)(clock.error_us + left_us), "round_us", (json_int_t)clock.round_us,
                     "drift_ppm", clock.drift_ppm, "epochs", (json_int_t)clock.epochs, "steps",
                     (json_int_t)display->timeline.steps);
}

/* --- Layout ----------------------------------------------------------------------------------- */

/* What visitors shall scan: an address that their phones can reach, or none. */
static const char *public_address(const Display *display)
{
    const char *set = house_settings(display)->public_url;
    if (set[0])
        return set;
    const char *server = display->server;
    if (!server || strstr(server, "//127.") || strstr(server, "//localhost") ||
        strstr(server, "//[::1]"))
        return NULL;
    return server;
}

static void lay_out(Display *display)
{
    const Ground *ground = stage_ground(display->stage);
    if (!ground)
        return;
    display->layout = layout_make(display->layout_kind, ground->width, ground->height,
                                  house_settings(display)->is_mirrored);
    Serambi *house = display_house(display);
    house_arrange(house, &display->layout, public_address(display),
                  !layers_has_area(display->layers, house, "clock"),
                  layers_has_area(display->layers, house, "card"));
    layers_set_layout(display->layers, &display->layout);
}

typedef struct {
    Display *display;
    char *path, *text;
} KeepErrand;

static void keep_work(void *data)
{
    KeepErrand *errand = data;
    g_autoptr(GError) error = NULL;
    if (!g_file_set_contents(errand->path, errand->text, -1, &error))
        g_warning("could not keep the arrangement: %s", error->message);
}

static void keep_free(void *data)
{
    KeepErrand *errand = data;
    g_free(errand->path);
    g_free(errand->text);
    g_free(errand);
}

static KeepErrand *keep_new(Display *display)
{
    KeepErrand *errand = g_new0(KeepErrand, 1);
    errand->display = display;
    errand->path = g_build_filename(display->data_folder, ARRANGED, NULL);
    errand->text = g_strdup_printf("{\"layout\":\"%s\",\"volume_percent\":%d}\n",
                                   layout_kind_name(display->layout_kind), display->volume_percent);
    return errand;
}

static void keep_arrangement(Display *display);

static void on_kept(void *data)
{
    Display *display = ((KeepErrand *)data)->display;
    display->is_keeping = false;
    if (display->is_unkept)
        keep_arrangement(display);
}

/* One at a time: two helpers would not write in order. */
static void keep_arrangement(Display *display)
{
    display->is_unkept = display->is_keeping;
    if (display->is_keeping)
        return;
    display->is_keeping = true;
    errands_run(display->errands, keep_work, on_kept, keep_new(display), keep_free);
}

/* At the end, when no helper is left, what they may not have written any more. */
static void keep_at_last(Display *display)
{
    if (!display->is_keeping)
        return;
    KeepErrand *errand = keep_new(display);
    keep_work(errand);
    keep_free(errand);
}

void display_arrange(Display *display, LayoutKind kind, int volume_percent)
{
    if (display->is_fixed_layout)
        kind = display->layout_kind;
    if (kind == display->layout_kind && volume_percent == display->volume_percent)
        return;
    bool is_new_layout = kind != display->layout_kind;
    display->layout_kind = kind;
    display->volume_percent = volume_percent;
    mixer_set_volume(display->mixer, volume_percent);
    if (is_new_layout)
        lay_out(display);
    keep_arrangement(display);
}

/* As it was arranged before, else as the settings say. */
static void recall_arrangement(Display *display, const char *layout)
{
    const HouseSettings *settings = house_settings(display);
    g_autofree char *path = g_build_filename(display->data_folder, ARRANGED, NULL);
    json_auto_t *kept = json_load_file(path, 0, NULL);
    const char *kept_layout = json_string_value(json_object_get(kept, "layout"));
    const json_t *kept_volume = json_object_get(kept, "volume_percent");
    display->is_fixed_layout = layout_kind(layout) != 0;
    display->layout_kind = display->is_fixed_layout   ? layout_kind(layout)
                           : layout_kind(kept_layout) ? layout_kind(kept_layout)
                                                      : layout_kind(settings->layout);
    display->volume_percent = json_is_integer(kept_volume)
                                  ? (int)CLAMP(json_integer_value(kept_volume), 0, 100)
                                  : (int)settings->volume_percent;
    mixer_set_volume(display->mixer, display->volume_percent);
}

/* --- Life ------------------------------------------------------------------------------------- */

static char *find_file(const char *source, void *data)
{
    Display *display = data;
    return display->link ? link_file(display->link, source) : NULL;
}

static Settings *load_settings(const DisplayOptions *options)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *own = g_build_filename(options->data_folder, "display.ini", NULL);
    Settings *settings =
        settings_load(options->config ? options->config : own, options->config == NULL, &error);
    if (settings)
        return settings;
    g_warning("could not read the settings: %s, going on with the defaults", error->message);
    return settings_load(NULL, true, NULL);
}

/* In the cinema a card never lies beside the house slide's own code, and lying there is no room for
 * it on a clip either. */
static void place_card(Display *display)
{
    bool shows_clip = layers_show_clip(display->layers);
    bool is_crowded = shows_clip ? !display->layout.is_portrait : public_address(display) != NULL;
    layers_hide_area(display->layers, AREA_CARD,
                     display->layout.kind == LAYOUT_CINEMA && is_crowded);
}

static void note_presented(Display *display)
{
    ClipShown shown;
    if (clips_shown(display->clips, &shown))
        presentation_note(&display->presentation, &shown, display_now_us(display));
}

static void paint(Display *display, int64_t monotonic_us)
{
    RectSet damage = {.count = 0};
    int64_t now_us = timeline_at(&display->timeline, monotonic_us);
    place_card(display);
    layers_prepare(display->layers, now_us, monotonic_us, &damage);
    if (damage.count == 0)
        return;
    const Ground *ground = stage_ground(display->stage);
    if (!ground) {
        layers_damage_all(display->layers);
        return;
    }
    layers_paint(display->layers, ground, &damage);
    if (!stage_present(display->stage, &damage)) {
        layers_damage_all(display->layers);
        return;
    }
    note_presented(display);
    display->frames_painted++;
    if (display->first_frame_us == 0)
        display->first_frame_us = timeline_monotonic_us();
}

/* What is refused is said to who keeps the screen, never on glass. */
static void take_theme(const HouseSettings *settings)
{
    g_auto(GStrv) complaints = theme_set(settings->colours, settings->font);
    for (size_t i = 0; complaints[i]; i++)
        g_warning("[display] colours: %s", complaints[i]);
}

Display *display_new(const DisplayOptions *options, GError **error)
{
    if (g_mkdir_with_parents(options->data_folder, 0700) != 0) {
        g_set_error(error, STAGE_ERROR, STAGE_ERROR_VIDEO, "could not make '%s': %s",
                    options->data_folder, g_strerror(errno));
        return NULL;
    }
    /* Window and layers want to know some before the first plugin is made. */
    Settings *settings = load_settings(options);
    HouseSettings house = {0};
    bool is_readable =
        settings_fill(settings, house_plugin.id, house_plugin.settings, &house, NULL);
    Stage *stage = stage_new(&(StageOptions){.title = "Serambi",
                                             .width = options->width,
                                             .height = options->height,
                                             .output = options->output,
                                             .back_end = stage_back_end(house.back_end)},
                             error);
    if (!stage) {
        settings_free(settings);
        return NULL;
    }
    Display *display = g_new0(Display, 1);
    display->stage = stage;
    display->settings = settings;
    display->server = g_strdup(options->server);
    display->data_folder = g_strdup(options->data_folder);
    display->beside = g_strdup(options->beside);
    display->plugins_folder = g_strdup(options->plugins_folder);
    display->worker = g_strdup(options->worker);
    display->snapshot = g_strdup(options->snapshot);
    display->more_plugins = options->plugins;
    display->id = g_strdup("");
    display->calls = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    display->errands = errands_new();
    display->since_us = timeline_wall_us();
    if (is_readable)
        take_theme(&house);
    display->layers = layers_new(house.has_reduced_motion);
    plugins_add_house(display);
    display->mixer = mixer_new(house_settings(display)->sound_delay_ms * 1000);
    g_autofree char *speech = g_build_filename(display->data_folder, "speech", NULL);
    display->clips = clips_new(&(ClipsOptions){.mixer = display->mixer,
                                               .errands = display->errands,
                                               .worker = display->worker,
                                               .folder = speech,
                                               .find_file = find_file,
                                               .find_data = display,
                                               .timeline = &display->timeline});
    recall_arrangement(display, options->layout);
    lead_timeline(display, timeline_monotonic_us());
    lay_out(display);
    paint(display, timeline_monotonic_us());
    return display;
}

static void on_link_event(LinkEvent *event, void *data)
{
    if (!stage_post(MESSAGE_LINK, event))
        link_event_free(event);
}

static void start_link(Display *display)
{
    if (!display->server)
        return;
    g_auto(GStrv) channels = plugins_channels(display);
    g_autoptr(GError) error = NULL;
    display->link = link_new(
        &(LinkOptions){.server = display->server,
                       .data_folder = display->data_folder,
                       .beside = display->beside,
                       .cache_bytes = house_settings(display)->cache_megabytes * 1024 * 1024,
                       .on_event = on_link_event,
                       .data = display},
        (const char *const *)channels, &error);
    if (!display->link)
        g_warning("no link to '%s': %s, showing the house slide", display->server, error->message);
}

void display_start(Display *display)
{
    plugins_load(display);
    plugins_start(display);
    /* A plugin may have brought a clock. */
    lay_out(display);
    start_link(display);
    display_want(display);
    clips_warm(display->clips);
    mixer_use_device(display->mixer, display->errands);
}

void display_free(Display *display)
{
    if (!display)
        return;
    /* First those who call plugins or post messages, then what the messages speak of. */
    plugins_stop(display);
    link_free(display->link);
    display->link = NULL;
    errands_stop(display->errands);
    StageEvent event;
    while (stage_drain(&event)) {
        if (event.message == MESSAGE_LINK)
            link_event_free(event.payload);
        else if (event.message == MESSAGE_ERRAND)
            errands_on_message(display->errands, event.payload);
    }
    keep_at_last(display);
    layers_free(display->layers);
    mixer_free(display->mixer);
    clips_free(display->clips);
    g_ptr_array_unref(display->plugins);
    if (display->entries)
        g_ptr_array_unref(display->entries);
    errands_free(display->errands);
    settings_free(display->settings);
    g_hash_table_unref(display->calls);
    stage_free(display->stage);
    g_free(display->server);
    g_free(display->data_folder);
    g_free(display->beside);
    g_free(display->plugins_folder);
    g_free(display->worker);
    g_free(display->snapshot);
    g_free(display->id);
    g_free(display->self_channel);
    g_free(display);
}

/* --- From the link ---------------------------------------------------------------------------- */

/* The server has given the display a name: what is addressed to it can be watched now. */
static void take_id(Display *display, const char *id)
{
    if (!id || !g_strcmp0(display->id, id))
        return;
    g_auto(GStrv) before = plugins_channels(display);
    g_free(display->id);
    display->id = g_strdup(id);
    g_auto(GStrv) after = plugins_channels(display);
    for (char **channel = after; display->link && *channel; channel++)
        if (!g_strv_contains((const char *const *)before, *channel))
            link_subscribe(display->link, *channel);
}

static void on_status(Display *display, const json_t *body)
{
    display->is_online = json_is_true(json_object_get(body, "online"));
    display->is_paired = json_is_true(json_object_get(body, "paired"));
    display->since_us = json_integer_value(json_object_get(body, "since_us"));
    take_id(display, json_string_value(json_object_get(body, "id")));
}

static void on_reply(Display *display, const LinkEvent *event)
{
    PendingCall *found = g_hash_table_lookup(display->calls, &event->call);
    if (!found)
        return;
    PendingCall call = *found;
    g_hash_table_remove(display->calls, &event->call);
    if (call.on_reply)
        call.on_reply(call.self, event->status, event->body, call.data);
}

static void on_link(Display *display, LinkEvent *event)
{
    switch (event->kind) {
    case LINK_MESSAGE:
        plugins_on_message(display, event->channel, event->body);
        break;
    case LINK_STATUS:
        on_status(display, event->body);
        break;
    case LINK_REPLY:
        on_reply(display, event);
        break;
    case LINK_FILE:
        if (!event->path)
            g_debug("'%s' is not here yet", event->channel);
        break;
    }
    link_event_free(event);
}

void display_want(Display *display)
{
    if (!display->link)
        return;
    g_autoptr(GPtrArray) sources = g_ptr_array_new();
    for (size_t i = 0; i < display->plugins->len; i++) {
        const Serambi *self = g_ptr_array_index(display->plugins, i);
        size_t index;
        json_t *source;
        json_array_foreach(self->wanted, index, source)
        {
            if (json_is_string(source))
                g_ptr_array_add(sources, (gpointer)(uintptr_t)json_string_value(source));
        }
    }
    g_ptr_array_add(sources, NULL);
    link_want(display->link, (const char *const *)sources->pdata);
}

/* --- Snapshots -------------------------------------------------------------------------------- */

typedef struct {
    Image image;
    char *path;
} SnapshotErrand;

static void snapshot_work(void *data)
{
    SnapshotErrand *errand = data;
    g_autofree char *fresh = g_strconcat(errand->path, ".new", NULL);
    cairo_surface_t *surface = cairo_image_surface_create_for_data(
        (unsigned char *)errand->image.pixels, CAIRO_FORMAT_RGB24, errand->image.width,
        errand->image.height, errand->image.stride * 4);
    cairo_status_t status = cairo_surface_write_to_png(surface, fresh);
    cairo_surface_destroy(surface);
    if (status != CAIRO_STATUS_SUCCESS || g_rename(fresh, errand->path) != 0)
        g_warning("could not write '%s': %s", errand->path, cairo_status_to_string(status));
}

static void snapshot_free(void *data)
{
    SnapshotErrand *errand = data;
    g_free(errand->image.pixels);
    g_free(errand->path);
    g_free(errand);
}

static void take_snapshot(Display *display)
{
    if (!display->snapshot)
        return;
    SnapshotErrand *errand = g_new0(SnapshotErrand, 1);
    errand->path = g_strdup(display->snapshot);
    if (stage_copy(display->stage, &errand->image))
        errands_run(display->errands, snapshot_work, NULL, errand, snapshot_free);
    else
        snapshot_free(errand);
}

void display_post_snapshot(void)
{
    (void)stage_post(MESSAGE_SNAPSHOT, NULL);
}

void display_post_quit(void)
{
    (void)stage_post(MESSAGE_QUIT, NULL);
}

/* --- The loop --------------------------------------------------------------------------------- */

static void on_posted(Display *display, const StageEvent *event)
{
    switch (event->message) {
    case MESSAGE_ERRAND:
        errands_on_message(display->errands, event->payload);
        break;
    case MESSAGE_LINK:
        on_link(display, event->payload);
        break;
    case MESSAGE_SNAPSHOT:
        take_snapshot(display);
        break;
    case MESSAGE_QUIT:
        display->is_quitting = true;
        break;
    }
}

/* Returns false when there was nothing. */
static bool on_event(Display *display, const StageEvent *event)
{
    switch (event->kind) {
    case STAGE_NOTHING:
        return false;
    case STAGE_QUIT:
        display->is_quitting = true;
        break;
    case STAGE_RESIZED:
        lay_out(display);
        break;
    case STAGE_EXPOSED:
        layers_damage_all(display->layers);
        break;
    case STAGE_SOUND_LOST:
        mixer_devices_changed(display->mixer);
        break;
    case STAGE_MESSAGE:
        on_posted(display, event);
        break;
    }
    return true;
}

/* When to look again. What moves, moves on the grid of the screen's refreshes, and videos with it;
 * alone, a video's frames come at their own times. */
static int64_t next_turn_us(const Display *display, int64_t now_us)
{
    int64_t next_us = MIN(now_us + IDLE_US, clips_next_us(display->clips, now_us));
    if (!layers_are_moving(display->layers))
        return next_us;
    int64_t refresh_us = G_USEC_PER_SEC / stage_refresh_hz(display->stage);
    int64_t tick_us = (now_us / refresh_us + 1) * refresh_us;
    /* But a cut comes at its time, whatever moves beside it. */
    return MIN(tick_us, clips_cut_us(display->clips, now_us));
}

bool display_turn(Display *display, int64_t wait_max_us)
{
    int64_t now_us = timeline_monotonic_us();
    lead_timeline(display, now_us);
    clips_advance(display->clips, now_us);
    mixer_tick(display->mixer, now_us);
    plugins_tick(display, now_us);
    paint(display, now_us);

    int64_t until_us = MIN(next_turn_us(display, now_us), now_us + wait_max_us);
    StageEvent event = stage_wait(display->stage, until_us);
    /* A burst of messages is one picture, not one for each; but it must not stop the picture. */
    for (size_t i = 0; on_event(display, &event) && i < MESSAGES_TURN; i++)
        event = stage_wait(display->stage, 0);
    return !display->is_quitting;
}

Layers *display_layers(Display *display)
{
    return display->layers;
}

Clips *display_clips(Display *display)
{
    return display->clips;
}

Stage *display_stage(Display *display)
{
    return display->stage;
}

int64_t display_first_frame_us(const Display *display)
{
    return display->first_frame_us;
}
