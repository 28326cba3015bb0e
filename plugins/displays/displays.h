/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The screens: what the files of this plugin share.
 *
 * screens.c  the server half: pairing, names, layouts, health
 * porch.c    the display half: says hello until it is let in, reports, follows its layout, and
 * draws clock, QR card and pairing code */
#pragma once
#include "core/plugin.h"

typedef struct {
    int64_t wrong_codes; /* in this window */
    int64_t window_start_us;
    char *shown; /* gist of the list that is on disk: published again only when it differs */
} Screens;

typedef struct {
    char *code; /* to be shown; NULL: none */
    char *public_url;
    char clock[8];
    bool clock_changed, card_changed, code_changed;
} Porch;

typedef struct {
    Screens screens;
    Porch porch;
} Displays;

/* screens.c */
extern const char *const screens_migrations[];
extern const SerambiRoute screens_routes[];
extern const SerambiTopic screens_topics[];
extern const SerambiTimer screens_timers[];
extern const SerambiWatch screens_watches[];
bool screens_start(Serambi *self, GError **error);
void screens_stop(Serambi *self);

/* porch.c */
extern const SerambiWatch porch_watches[];
extern const SerambiTimer porch_timers[];
extern const SerambiLayer porch_layers[];
bool porch_start(Serambi *self, GError **error);
void porch_stop(Serambi *self);
