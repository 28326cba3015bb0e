/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The pixel loops: plates and premultiplied pictures onto an opaque ground. Allocates nothing. */
#pragma once
#include "media/screen/rect.h"
#include <stdint.h>

/* The ground: 0x??RRGGBB as 32-bit words, the top byte ignored. */
typedef struct {
    uint32_t *pixels;
    int width, height;
    int stride; /* in pixels */
} Ground;

/* 0xAARRGGBB, colours multiplied by alpha. */
typedef struct {
    uint32_t *pixels;
    int width, height;
    int stride; /* in pixels */
} Image;

/* How much of each pixel of a rounded corner is covered, top left; uint8_t[radius][radius]. */
typedef struct {
    int radius;
    uint8_t coverage[];
} Corner;
Corner *corner_new(int radius); /* g_free() */

/* alpha: 0 to 256. corner NULL: square. */
void blend_plate(const Ground *ground, Rect plate, Rect clip, uint32_t rgb, unsigned alpha,
                 const Corner *corner);
/* The image's top left pixel at x, y. */
void blend_image(const Ground *ground, const Image *image, int x, int y, Rect clip, unsigned alpha);
/* One row; the heart of it, for tests and measurements. */
void blend_row(uint32_t *ground, const uint32_t *source, int count, unsigned alpha);
