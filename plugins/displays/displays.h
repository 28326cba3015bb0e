/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The screens: what the files of this plugin share.
 *
 * screens.c  the server half: pairing, names, layouts, health
 * skew.c     the server half: how far the screens are apart
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

/* skew.c: the screens that are connected and follow the house clock. */
typedef struct {
    int screens, by_link; /* by_link: those that have no clock by UDP */
    int64_t skew_us, frames_apart_us, clock_error_us, worst_late_us;
    const char *advice; /* alone, good, firewall, network, busy */
    bool is_bad;        /* people may notice */
} Skew;
/* displays: as in displays:list. */
Skew skew_measure(const json_t *displays, int64_t now_us);
json_t *skew_shape(const Skew *skew); /* "step" in displays:list; new reference */
void skew_tell(Serambi *self, const Skew *skew);

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
