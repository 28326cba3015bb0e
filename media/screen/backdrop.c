/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Blur without cost: the picture is made as small as a stamp, blurred there, and enlarged by
 * libyuv, which blurs once more. Four times a second; in between nothing is painted at all. */
#include "media/screen/backdrop.h"
#include <string.h>

/* Sides of the stamp, px. Its longer side has the first, whatever the shape; both are even. */
#define STAMP_LONG  64
#define STAMP_SHORT 8
#define STAMP_BYTES (STAMP_LONG * STAMP_LONG * 3 / 2)

/* Of the stamp's longer side; three passes of a box come near to a bell. */
#define BLUR_RADIUS 4
#define BLUR_PASSES 3

/* White becomes a grey of 40 % of its luma: the picture in front is the brighter one, and captions
 * keep their contrast. Colours are half as strong. */
#define DARK_PERCENT   40
#define COLOUR_PERCENT 50

struct Backdrop {
    int references;
    PictureScaler filled, shrunk, enlarged;
    uint64_t filled_number;
    int width, height;        /* of the stamp; 0: none yet */
    uint8_t now[STAMP_BYTES]; /* what is painted: Y, U, V without gaps */
    PictureColour colour;
    int64_t followed_us;
    bool is_enlarged;
};

Backdrop *backdrop_new(void)
{
    Backdrop *backdrop = g_new0(Backdrop, 1);
    backdrop->references = 1;
    return backdrop;
}

Backdrop *backdrop_ref(Backdrop *backdrop)
{
    backdrop->references++;
    return backdrop;
}

void backdrop_unref(Backdrop *backdrop)
{
    if (!backdrop || --backdrop->references > 0)
        return;
    picture_scaler_clear(&backdrop->filled);
    picture_scaler_clear(&backdrop->shrunk);
    picture_scaler_clear(&backdrop->enlarged);
    g_free(backdrop);
}

/* --- Filling ---------------------------------------------------------------------------------- */

Picture backdrop_crop(const Picture *picture, int width, int height)
{
    Picture part = *picture;
    if (width <= 0 || height <= 0)
        return part;
    int64_t wide = (int64_t)picture->height * width / height;
    int64_t high = (int64_t)picture->width * height / width;
    if (wide < picture->width)
        part.width = (int)MAX(wide, 2);
    else
        part.height = (int)MIN(MAX(high, 2), picture->height);
    /* Even: colour samples belong to pairs of pixels. */
    int left = (picture->width - part.width) / 2 & ~1,
        top = (picture->height - part.height) / 2 & ~1;
    part.y += (ptrdiff_t)top * part.y_stride + left;
    part.u += (ptrdiff_t)(top / 2) * part.u_stride + left / 2;
    part.v += (ptrdiff_t)(top / 2) * part.v_stride + left / 2;
    return part;
}

const Picture *backdrop_fill(Backdrop *backdrop, const Picture *picture, uint64_t number, int width,
                             int height)
{
    const Picture *filled = &backdrop->filled.picture;
    if (backdrop->filled_number == number && filled->width == width && filled->height == height)
        return filled;
    Picture part = backdrop_crop(picture, width, height);
    backdrop->filled_number = number;
    if (part.width != width || part.height != height)
        return picture_scale(&backdrop->filled, &part, width, height);
    backdrop->filled.picture = part; /* needs no scaling */
    return &backdrop->filled.picture;
}

/* --- Blurring --------------------------------------------------------------------------------- */

static void blur_line(uint8_t *samples, int count, int step, int radius)
{
    uint8_t line[STAMP_LONG];
    for (int i = 0; i < count; i++)
        line[i] = samples[i * step];
    for (int i = 0; i < count; i++) {
        int sum = 0;
        for (int j = i - radius; j <= i + radius; j++)
            sum += line[CLAMP(j, 0, count - 1)];
        samples[i * step] = (uint8_t)(sum / (2 * radius + 1));
    }
}

static void blur_plane(uint8_t *plane, int width, int height, int radius)
{
    for (int pass = 0; pass < BLUR_PASSES; pass++) {
        for (int y = 0; y < height; y++)
            blur_line(plane + y * width, width, 1, radius);
        for (int x = 0; x < width; x++)
            blur_line(plane + x, height, width, radius);
    }
}

/* black: the value of black (or of no colour) in that range. */
static void draw_near(uint8_t *plane, size_t count, int black, int percent)
{
    for (size_t i = 0; i < count; i++)
        plane[i] = (uint8_t)(black + (plane[i] - black) * percent / 100);
}

static void copy_plane(uint8_t *to, const uint8_t *from, int stride, int width, int height)
{
    for (int y = 0; y < height; y++)
        memcpy(to + y * width, from + (ptrdiff_t)y * stride, (size_t)width);
}

/* The stamp of a picture: Y, U, V without gaps. */
static void make_stamp(Backdrop *backdrop, const Picture *picture, uint8_t *ret_stamp)
{
    int width = backdrop->width, height = backdrop->height;
    Picture part = backdrop_crop(picture, width, height);
    const Picture *small = picture_scale(&backdrop->shrunk, &part, width, height);
    size_t luma = (size_t)width * (size_t)height, chroma = luma / 4;
    uint8_t *u = ret_stamp + luma, *v = u + chroma;
    copy_plane(ret_stamp, small->y, small->y_stride, width, height);
    copy_plane(u, small->u, small->u_stride, width / 2, height / 2);
    copy_plane(v, small->v, small->v_stride, width / 2, height / 2);
    blur_plane(ret_stamp, width, height, BLUR_RADIUS);
    blur_plane(u, width / 2, height / 2, BLUR_RADIUS / 2);
    blur_plane(v, width / 2, height / 2, BLUR_RADIUS / 2);
    bool is_full = picture->colour == PICTURE_BT601_FULL || picture->colour == PICTURE_BT709_FULL;
    draw_near(ret_stamp, luma, is_full ? 0 : 16, DARK_PERCENT);
    draw_near(u, 2 * chroma, 128, COLOUR_PERCENT);
}

static int stamp_side(int side, int longer)
{
    return MAX(side * STAMP_LONG / longer & ~1, STAMP_SHORT);
}

bool backdrop_follow(Backdrop *backdrop, const Picture *picture, int width, int height,
                     int64_t monotonic_us)
{
    if (width <= 0 || height <= 0 || picture->width < 2 || picture->height < 2)
        return false;
    int longer = MAX(width, height);
    int stamp_width = stamp_side(width, longer), stamp_height = stamp_side(height, longer);
    bool is_first = backdrop->width != stamp_width || backdrop->height != stamp_height ||
                    backdrop->colour != picture->colour;
    if (!is_first && monotonic_us - backdrop->followed_us < BACKDROP_EVERY_US)
        return false;
    backdrop->width = stamp_width;
    backdrop->height = stamp_height;
    backdrop->colour = picture->colour;
    backdrop->followed_us = monotonic_us;
    uint8_t fresh[STAMP_BYTES];
    size_t size = (size_t)stamp_width * (size_t)stamp_height * 3 / 2;
    make_stamp(backdrop, picture, fresh);
    /* Half of the way each time, and the last step whole. */
    for (size_t i = 0; !is_first && i < size; i++)
        fresh[i] = (uint8_t)(backdrop->now[i] + (fresh[i] - backdrop->now[i]) / 2);
    if (!is_first && !memcmp(fresh, backdrop->now, size))
        return false;
    memcpy(backdrop->now, fresh, size);
    backdrop->is_enlarged = false;
    return true;
}

const Picture *backdrop_blurred(Backdrop *backdrop, int width, int height)
{
    if (backdrop->width == 0)
        return NULL;
    const Picture *enlarged = &backdrop->enlarged.picture;
    if (backdrop->is_enlarged && enlarged->width == width && enlarged->height == height)
        return enlarged;
    int stride = backdrop->width;
    size_t luma = (size_t)stride * (size_t)backdrop->height;
    Picture stamp = {backdrop->now,   backdrop->now + luma, backdrop->now + luma + luma / 4,
                     stride,          stride / 2,           stride / 2,
                     backdrop->width, backdrop->height,     backdrop->colour};
    backdrop->is_enlarged = true;
    return picture_scale(&backdrop->enlarged, &stamp, width, height);
}
