/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Where things stand on the screen: three layouts, each lying and standing, mirrored for readers
 * from right to left. */
#pragma once
#include "media/screen/rect.h"

typedef enum { LAYOUT_CINEMA = 1, LAYOUT_DESK, LAYOUT_BOARD } LayoutKind;

typedef enum {
    AREA_SCREEN = 1,
    AREA_PICTURE,
    AREA_CAPTION,
    AREA_BOARD,
    AREA_CHIP,
    AREA_TICKER,
    AREA_BANNER,
    AREA_CLOCK,
    AREA_CARD,
    AREA_SPOTLIGHT,
    AREA_BAR,   /* the host's own: the plate below ticker, chip and clock, to the screen's edges */
    AREA_HOUSE, /* the host's own: the house slide, the picture without the bar */
    AREA_COUNT,
} Area;

typedef struct {
    LayoutKind kind;
    int width, height;
    int unit; /* px: type sizes are shares of it; the screen's shorter side */
    bool is_portrait, is_mirrored;
    Rect areas[AREA_COUNT]; /* an empty one: the layout has no such area */
} Layout;

/* is_mirrored: starts at the right side. */
Layout layout_make(LayoutKind kind, int width, int height, bool is_mirrored);
/* 0 for an unknown name. */
Area layout_area(const char *name);
LayoutKind layout_kind(const char *name); /* 0 for an unknown name */
const char *layout_kind_name(LayoutKind kind);
