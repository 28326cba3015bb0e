/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One decoded video frame, I420, and how it gets onto the ground: one conversion, by libyuv. */
#pragma once
#include "media/screen/blend.h"
#include "media/screen/scale.h"

typedef enum {
    PICTURE_BT601 = 1, /* limited range */
    PICTURE_BT601_FULL,
    PICTURE_BT709,
    PICTURE_BT709_FULL,
} PictureColour;

/* Borrowed planes. U and V have half the width and height, rounded up. */
typedef struct {
    const uint8_t *y, *u, *v;
    int y_stride, u_stride, v_stride; /* bytes */
    int width, height;
    PictureColour colour;
} Picture;

/* Converts the part of the picture that lies in clip; its top left pixel is at x, y. */
void picture_draw(const Ground *ground, const Picture *picture, int x, int y, Rect clip);

/* The largest rectangle of the picture's shape inside box, in the middle. */
Rect picture_fit(int width, int height, Rect box);

/* A scaled copy; memory and plan are reused while both sizes stay. Start with zero. */
typedef struct {
    Picture picture;
    uint8_t *bytes; /* NULL: no whole copy was needed yet */
    uint8_t *band;  /* NULL: no band was needed yet */
    int from_width, from_height, to_width, to_height;
    Scale *luma, *chroma; /* NULL: libyuv scales */
} PictureScaler;
const Picture *picture_scale(PictureScaler *scaler, const Picture *picture, int width, int height);

/* Scales and converts the whole picture at once, band by band, so that what is scaled is still near
 * the processor when it is converted. The pixels are those of picture_scale() and picture_draw().
 * to: where, all of it on the ground. Returns false if it is not, or where this way
 * does not serve: nothing was drawn. */
bool picture_draw_scaled(const Ground *ground, PictureScaler *scaler, const Picture *picture,
                         Rect to);
void picture_scaler_clear(PictureScaler *scaler);
