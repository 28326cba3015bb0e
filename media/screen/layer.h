/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The layers of all plugins, one above the other: asks each whether it changed, keeps what it drew,
 * and paints only what differs. Main thread. */
#pragma once
#include "media/screen/canvas.h"

typedef struct Layers Layers;

Layers *layers_new(bool has_reduced_motion);
void layers_free(Layers *layers);
void layers_set_layout(Layers *layers, const Layout *layout); /* copied; all is drawn again */
/* Borrowed; must outlive the layers or be dropped. */
void layers_add(Layers *layers, Serambi *self, const SerambiLayer *table);
void layers_drop(Layers *layers, Serambi *self);
/* Whether a plugin other than self has a layer for that area. */
bool layers_has_area(const Layers *layers, const Serambi *self, const char *area);

/* Hides what is drawn in an area, softly, and brings it back. */
void layers_hide_area(Layers *layers, Area area, bool is_hidden);
/* A clip's picture is on glass. */
bool layers_show_clip(const Layers *layers);

/* Asks prepare(), draws what changed, moves what moves, and adds to damage what must be painted. */
void layers_prepare(Layers *layers, int64_t now_us, int64_t monotonic_us, RectSet *damage);
void layers_damage_all(Layers *layers);
/* Paints all layers within the rectangles. */
void layers_paint(const Layers *layers, const Ground *ground, const RectSet *rects);
/* Something glides, comes or goes: prepare again at the next refresh of the screen. */
bool layers_are_moving(const Layers *layers);

/* For tests: what is drawn now, lowest first. */
void layers_for_each(const Layers *layers,
                     void (*each)(const Serambi *self, const SerambiLayer *table, const Item *item,
                                  void *data),
                     void *data);
