/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How a clip of one shape fills a box of another: cut at two sides, or whole on its own blurred,
 * darkened enlargement. Main thread. */
#pragma once
#include "media/screen/picture.h"
#include <glib.h>
#include <stdbool.h>

typedef struct Backdrop Backdrop;

Backdrop *backdrop_new(void);
Backdrop *backdrop_ref(Backdrop *backdrop);
void backdrop_unref(Backdrop *backdrop);

/* The largest part of a picture that has the shape of width x height, from its middle. Borrows the
 * picture's planes. */
Picture backdrop_crop(const Picture *picture, int width, int height);

/* The middle of the picture, scaled to fill width x height. number: another one, another picture;
 * the same one is scaled once. Borrowed until the next call. */
const Picture *backdrop_fill(Backdrop *backdrop, const Picture *picture, uint64_t number, int width,
                             int height);

/* The blur follows the picture four times a second, softly: nobody sees more, and a still picture
 * comes to rest. True when it has changed and is to be painted again.
 *
 * monotonic_us  CLOCK_MONOTONIC */
#define BACKDROP_EVERY_US (250 * 1000)
bool backdrop_follow(Backdrop *backdrop, const Picture *picture, int width, int height,
                     int64_t monotonic_us);
/* The blur at that size; NULL before the first picture. Scaled once for each change. */
const Picture *backdrop_blurred(Backdrop *backdrop, int width, int height);
