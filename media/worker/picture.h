/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What the head of a JPEG, PNG, WebP or GIF says, read without a decoder: so that a picture of
 * absurd size is refused before a pixel of it is decoded, and every kind is turned upright alike.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define PICTURE_PIXELS_MAX INT64_C(100000000)

typedef struct Picture {
    const char *demuxer;   /* static text, of ffmpeg */
    int64_t width, height; /* as stored, before it is turned upright */
    int orientation;       /* 1 to 8 as EXIF counts; 1: upright */
    bool is_animated;
} Picture;

/* Reads the head of the file that is open on fd (its position is left alone). False without an
 * error: no picture of these four forms.
 *
 * Errors  REPORT_ERROR_TRUNCATED, _TOO_LARGE, _NOT_MEDIA, _UNSUPPORTED_CODEC (a WebP that moves) */
bool picture_read(int fd, Picture *ret_picture, GError **error);

/* The filters of ffmpeg that turn a picture of this orientation upright, each with a comma after
 * it; static text. */
const char *picture_upright(int orientation);
