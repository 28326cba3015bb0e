/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One slide of a storyboard as a moving picture of 1920x1080. */
#pragma once
#include "storyboard.h"
#include <cairo.h>
#include <stdint.h>

#define SLIDE_WIDTH  1920
#define SLIDE_HEIGHT 1080
/* Below this line (82 % of the height) nothing is ever drawn: there the screens put captions. */
#define SLIDE_CONTENT_BOTTOM 885

/* When things happen, in milliseconds of the tutorial. */
typedef struct SlideTimes {
    int64_t start_ms, end_ms;
    int64_t point_ms[STORYBOARD_POINTS_MAX];
    bool is_last; /* stays to the end instead of leaving */
} SlideTimes;

typedef struct Slide Slide;

/* Lays the slide out. All text is shaped here and never again.
 *
 * language  place of the main language in the storyboard; a language written from right to left
 *           mirrors the slide
 * folder    where PNG pictures lie
 * problems  of storyboard_lint(): gets what is wrong as well; may be NULL
 * Errors    REPORT_ERROR_STORYBOARD with line and column: text that does not fit, a picture that
 *           cannot be read */
Slide *slide_new(const Storyboard *storyboard, unsigned index, unsigned language,
                 const SlideTimes *times, const char *folder, GPtrArray *problems, GError **error);
void slide_free(Slide *slide);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Slide, slide_free)

/* Brings canvas (CAIRO_FORMAT_RGB24, SLIDE_WIDTH x SLIDE_HEIGHT) to the moment now_ms. Times come
 * in order; the first call paints everything, later ones only what moved.
 *
 * ret_dirty  the rectangle that changed; width 0: nothing did. */
void slide_paint(Slide *slide, cairo_surface_t *canvas, int64_t now_ms,
                 cairo_rectangle_int_t *ret_dirty);
