/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Scales a plane of bytes by bilinear interpolation, sizes known beforehand. A 1080p film above the
 * bar is scaled for every frame: what a column needs is therefore worked out once, and not per
 * frame as libyuv does, whose loop takes two columns at a time. */
#pragma once
#include <glib.h>
#include <stdint.h>

typedef struct Scale Scale;

/* NULL where this way does not serve (the processor, less than 16 columns, or shrinking by more
 * than SCALE_SHRINK_MAX across or down): use libyuv. Sizes in pixels, at least 1. */
#define SCALE_SHRINK_MAX 1.75
Scale *scale_new(int from_width, int from_height, int to_width, int to_height);
void scale_free(Scale *scale); /* NULL is allowed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scale, scale_free)

/* Strides in bytes. Reads and writes nothing outside the two planes. One thread at a time. */
void scale_plane(Scale *scale, const uint8_t *from, int from_stride, uint8_t *to, int to_stride);

/* The same for `count` lines of the result from number `first` on; they are within it. `to` is
 * where the first of them goes. */
void scale_lines(Scale *scale, const uint8_t *from, int from_stride, uint8_t *to, int to_stride,
                 int first, int count);
