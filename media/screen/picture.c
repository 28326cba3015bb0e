/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * I420 to the ground. */
#include "media/screen/picture.h"
#include <glib.h>
#include <libyuv.h>

/* Lines that are scaled and then converted; even, for two share their colours. 1,920 columns of
 * them take 46 KB, which the second cache holds. */
#define BAND_LINES 16

static const struct YuvConstants *constants_of(PictureColour colour)
{
    switch (colour) {
    case PICTURE_BT601:
        return &kYuvI601Constants;
    case PICTURE_BT601_FULL:
        return &kYuvJPEGConstants;
    case PICTURE_BT709_FULL:
        return &kYuvF709Constants;
    case PICTURE_BT709:
        break;
    }
    return &kYuvH709Constants;
}

/* left, top: in the picture; both even, or the part one pixel wide or high. */
static void convert(const Ground *ground, const Picture *picture, int x, int y, Rect part)
{
    if (rect_is_empty(part))
        return;
    int left = part.x, top = part.y;
    uint32_t *to = ground->pixels + (ptrdiff_t)(y + top) * ground->stride + x + left;
    I420ToARGBMatrix(
        picture->y + (ptrdiff_t)top * picture->y_stride + left, picture->y_stride,
        picture->u + (ptrdiff_t)(top / 2) * picture->u_stride + left / 2, picture->u_stride,
        picture->v + (ptrdiff_t)(top / 2) * picture->v_stride + left / 2, picture->v_stride,
        (uint8_t *)to, ground->stride * 4, constants_of(picture->colour), part.width, part.height);
}

void picture_draw(const Ground *ground, const Picture *picture, int x, int y, Rect clip)
{
    Rect at = rect_intersect((Rect){x, y, picture->width, picture->height}, clip);
    at = rect_intersect(at, (Rect){0, 0, ground->width, ground->height});
    if (rect_is_empty(at))
        return;
    /* Colour samples belong to pairs of pixels: an odd first column or row is done for itself. */
    Rect part = {at.x - x, at.y - y, at.width, at.height};
    int column = part.x & 1, row = part.y & 1;
    Rect inner = {part.x + column, part.y + row, part.width - column, part.height - row};
    convert(ground, picture, x, y, inner);
    convert(ground, picture, x, y, (Rect){part.x, inner.y, column, inner.height});
    convert(ground, picture, x, y, (Rect){inner.x, part.y, inner.width, row});
    convert(ground, picture, x, y, (Rect){part.x, part.y, column, row});
}

Rect picture_fit(int width, int height, Rect box)
{
    if (width <= 0 || height <= 0 || rect_is_empty(box))
        return (Rect){0};
    int64_t fitted = (int64_t)box.width * height / width;
    Rect rect = box;
    if (fitted <= box.height)
        rect.height = (int)fitted;
    else
        rect.width = (int)((int64_t)box.height * width / height);
    rect.width = MAX(rect.width, 2);
    rect.height = MAX(rect.height, 2);
    /* A difference of a few pixels is not worth a pass of scaling. */
    if (ABS(rect.width - width) <= 2 && ABS(rect.height - height) <= 2 && width <= box.width &&
        height <= box.height) {
        rect.width = width;
        rect.height = height;
    }
    rect.x = box.x + (box.width - rect.width) / 2;
    rect.y = box.y + (box.height - rect.height) / 2;
    return rect;
}

/* Plan for these sizes. */
static void scaler_prepare(PictureScaler *scaler, const Picture *from, int width, int height)
{
    int half_width = (width + 1) / 2, half_height = (height + 1) / 2;
    if (scaler->to_width != width || scaler->to_height != height ||
        scaler->from_width != from->width || scaler->from_height != from->height) {
        picture_scaler_clear(scaler);
        scaler->from_width = from->width;
        scaler->from_height = from->height;
        scaler->to_width = width;
        scaler->to_height = height;
        scaler->luma = scale_new(from->width, from->height, width, height);
        scaler->chroma =
            scale_new((from->width + 1) / 2, (from->height + 1) / 2, half_width, half_height);
    }
    Picture *to = &scaler->picture;
    to->y_stride = width;
    to->u_stride = to->v_stride = half_width;
    to->width = width;
    to->height = height;
    to->colour = from->colour;
}

/* Lays the planes of `lines` lines into memory, which is made when it is needed first. */
static void lay_planes(Picture *to, uint8_t **bytes, int lines)
{
    size_t luma = (size_t)to->y_stride * (size_t)lines;
    size_t chroma = (size_t)to->u_stride * (size_t)((lines + 1) / 2);
    if (!*bytes)
        *bytes = g_malloc(luma + 2 * chroma);
    to->y = *bytes;
    to->u = to->y + luma;
    to->v = to->u + chroma;
}

const Picture *picture_scale(PictureScaler *scaler, const Picture *picture, int width, int height)
{
    if (picture->width == width && picture->height == height)
        return picture;
    scaler_prepare(scaler, picture, width, height);
    Picture *to = &scaler->picture;
    lay_planes(to, &scaler->bytes, height);
    uint8_t *y = scaler->bytes, *u = y + (to->u - to->y), *v = y + (to->v - to->y);
    if (scaler->luma && scaler->chroma) {
        scale_plane(scaler->luma, picture->y, picture->y_stride, y, to->y_stride);
        scale_plane(scaler->chroma, picture->u, picture->u_stride, u, to->u_stride);
        scale_plane(scaler->chroma, picture->v, picture->v_stride, v, to->v_stride);
    } else {
        I420Scale(picture->y, picture->y_stride, picture->u, picture->u_stride, picture->v,
                  picture->v_stride, picture->width, picture->height, y, to->y_stride, u,
                  to->u_stride, v, to->v_stride, width, height,
                  width < picture->width ? kFilterBox : kFilterBilinear);
    }
    return to;
}

bool picture_draw_scaled(const Ground *ground, PictureScaler *scaler, const Picture *picture,
                         Rect to)
{
    if (!rect_contains((Rect){0, 0, ground->width, ground->height}, to))
        return false;
    scaler_prepare(scaler, picture, to.width, to.height);
    if (!scaler->luma || !scaler->chroma)
        return false;
    Picture band = scaler->picture;
    lay_planes(&band, &scaler->band, BAND_LINES);
    uint8_t *y = scaler->band, *u = y + (band.u - band.y), *v = y + (band.v - band.y);
    for (int top = 0; top < to.height; top += BAND_LINES) {
        int lines = MIN(BAND_LINES, to.height - top), half = (lines + 1) / 2;
        scale_lines(scaler->luma, picture->y, picture->y_stride, y, band.y_stride, top, lines);
        scale_lines(scaler->chroma, picture->u, picture->u_stride, u, band.u_stride, top / 2, half);
        scale_lines(scaler->chroma, picture->v, picture->v_stride, v, band.v_stride, top / 2, half);
        convert(ground, &band, to.x, to.y + top, (Rect){0, 0, to.width, lines});
    }
    return true;
}

void picture_scaler_clear(PictureScaler *scaler)
{
    g_free(scaler->bytes);
    g_free(scaler->band);
    scale_free(scaler->luma);
    scale_free(scaler->chroma);
    *scaler = (PictureScaler){0};
}
