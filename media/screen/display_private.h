/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What display.c, plugins.c and display_abi.c share: the display and its plugins. */
#pragma once
#include "media/screen/catalogue.h"
#include "media/screen/display.h"
#include "media/screen/errand.h"
#include "media/screen/house.h"
#include "media/screen/mixer.h"
#include "media/screen/presentation.h"
#include "media/screen/timeline.h"

enum { MESSAGE_ERRAND = ERRAND_MESSAGE, MESSAGE_LINK, MESSAGE_SNAPSHOT, MESSAGE_QUIT };

/* One plugin here. */
struct Serambi {
    Display *display;
    const SerambiPlugin *plugin;
    void *state, *settings;
    Catalogue *words;
    int64_t *timers_due_us; /* CLOCK_MONOTONIC, one for each display timer */
    json_t *wanted;         /* array of sources */
    bool is_running;
};

typedef struct {
    Serambi *self;
    void (*on_reply)(Serambi *self, int status, const json_t *body, void *data);
    void *data;
} PendingCall;

struct Display {
    Stage *stage;
    Layers *layers;
    Layout layout;
    LayoutKind layout_kind;
    Timeline timeline;
    Presentation presentation;
    Errands *errands;
    Mixer *mixer;
    Clips *clips;
    Link *link;
    Settings *settings;
    GPtrArray *entries; /* LoaderEntry: tables live as long as we do */
    GPtrArray *plugins; /* Serambi; the first is the house */
    GHashTable *calls;  /* id (uint64_t *) -> PendingCall */
    char *server, *data_folder, *beside, *plugins_folder, *worker, *snapshot;
    char *id;           /* of this display; "" */
    char *self_channel; /* "displays:screen.<id>" watched now, or NULL */
    bool is_online, is_paired, is_fixed_layout, is_quitting;
    bool is_keeping, is_unkept; /* the arrangement is being written, and has changed since */
    int64_t since_us;
    int volume_percent;
    int64_t first_frame_us;
    uint64_t frames_painted;
    const SerambiPlugin **more_plugins;
};

Serambi *display_house(const Display *display);
int64_t display_now_us(const Display *display);
/* "clock" of serambi_display_status(); new reference. */
json_t *display_clock_figures(const Display *display);
/* Chooses, redraws, keeps it on disk. */
void display_arrange(Display *display, LayoutKind kind, int volume_percent);
/* Tells the link what all plugins want together. */
void display_want(Display *display);

/* plugins.c */
void plugins_add_house(Display *display);
void plugins_load(Display *display);
void plugins_start(Display *display);
void plugins_stop(Display *display);
void plugins_tick(Display *display, int64_t monotonic_us);
void plugins_on_message(Display *display, const char *channel, const json_t *body);
/* All channels that are watched; NULL-terminated, g_strfreev(). {self} only when the id is known.
 */
char **plugins_channels(const Display *display);
