/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The host of the plugins' display halves, and the frame loop that joins stage, layers, clips,
 * mixer and link. Main thread. */
#pragma once
#include "core/link.h"
#include "core/loader.h"
#include "core/settings.h"
#include "media/screen/clip.h"
#include "media/screen/layer.h"
#include "media/screen/stage.h"

typedef struct Display Display;

typedef struct {
    const char *server;            /* "http://127.0.0.1:8080"; NULL: alone, no link */
    const char *data_folder;       /* made 0700 when missing */
    const char *beside;            /* path of the server's secrets/beside, or NULL */
    const char *plugins_folder;    /* NULL: the default one; "": none */
    const char *worker;            /* path of serambi-media */
    const char *config;            /* settings file; NULL: <data>/display.ini if it is there */
    const char *layout;            /* NULL: as arranged or set */
    const char *snapshot;          /* where SIGUSR1 writes the picture; NULL: nowhere */
    int width, height;             /* of the window; 0: the whole screen */
    int output;                    /* which screen of the machine: 1 is the first, 0 as well */
    const SerambiPlugin **plugins; /* more of them, in this process, ended by NULL; for tests */
} DisplayOptions;

/* Opens the window and paints the house slide, before anything else is begun. */
Display *display_new(const DisplayOptions *options, GError **error);
/* Plugins, link, decks, sound. */
void display_start(Display *display);
/* One turn: all that is due, then waits for the next event or the next thing due, at most so long.
 * False: to be ended. */
bool display_turn(Display *display, int64_t wait_max_us);
void display_free(Display *display); /* stops all */

/* For signals, from any thread. */
void display_post_snapshot(void);
void display_post_quit(void);

Layers *display_layers(Display *display);
Clips *display_clips(Display *display);
Stage *display_stage(Display *display);
/* CLOCK_MONOTONIC at the first frame; 0: none yet. */
int64_t display_first_frame_us(const Display *display);
