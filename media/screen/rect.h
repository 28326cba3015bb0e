/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Whole pixels: rectangles, and a small fixed set of them for what must be painted again. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    int x, y, width, height; /* empty when width or height is not positive */
} Rect;

bool rect_is_empty(Rect rect);
Rect rect_intersect(Rect a, Rect b);
Rect rect_unite(Rect a, Rect b); /* the smallest that holds both; an empty one counts as nothing */
bool rect_contains(Rect outer, Rect inner);

/* Rectangles that do not overlap. A full set grows its rectangles instead of losing any. */
#define RECT_SET_MAX 24
typedef struct {
    Rect rects[RECT_SET_MAX];
    size_t count;
} RectSet;
void rect_set_add(RectSet *set, Rect rect);
/* What of rect lies outside hole, at most four pieces; returns how many. */
size_t rect_subtract(Rect rect, Rect hole, Rect ret_pieces[4]);
