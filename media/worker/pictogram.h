/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The built-in drawings of storyboards: things of a library, in one hand. */
#pragma once
#include <cairo.h>
#include <stdbool.h>
#include <stdint.h>

/* 0xRRGGBB. line draws contours, fill the body of things, paper their light parts, accent the one
 * part that matters. */
typedef struct PictogramColours {
    uint32_t line, fill, paper, accent;
} PictogramColours;

/* All names in the order of the alphabet, NULL-terminated. */
const char *const *pictogram_names(void);
bool pictogram_exists(const char *name);

/* Draws the named pictogram into the square at x, y (pixels). The name must exist. */
void pictogram_draw(cairo_t *cr, const char *name, double x, double y, double size,
                    const PictogramColours *colours);
