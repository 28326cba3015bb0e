/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A porch of Java in a few lines: the stepped roof, four pillars, the floor that one sits on. */
#include "media/screen/emblem.h"
#include "media/screen/theme.h"
#include <cairo.h>
#include <math.h>

#define SHAPE 1.6 /* width to height */

static void set_colour(cairo_t *cairo, uint32_t rgb)
{
    cairo_set_source_rgb(cairo, ((rgb >> 16) & 0xFF) / 255.0, ((rgb >> 8) & 0xFF) / 255.0,
                         (rgb & 0xFF) / 255.0);
}

/* Coordinates: 160 wide, 100 high. */
static void trace(cairo_t *cairo)
{
    set_colour(cairo, theme_colour("leaf"));
    cairo_move_to(cairo, 58, 4);
    cairo_line_to(cairo, 102, 4);
    cairo_line_to(cairo, 112, 26);
    cairo_line_to(cairo, 156, 44);
    cairo_line_to(cairo, 156, 50);
    cairo_line_to(cairo, 4, 50);
    cairo_line_to(cairo, 4, 44);
    cairo_line_to(cairo, 48, 26);
    cairo_close_path(cairo);
    cairo_fill(cairo);
    static const double pillars[] = {18, 52, 101, 135};
    for (size_t i = 0; i < G_N_ELEMENTS(pillars); i++)
        cairo_rectangle(cairo, pillars[i], 54, 7, 30);
    cairo_rectangle(cairo, 4, 88, 152, 8);
    cairo_fill(cairo);
    /* In the middle somebody reads: an open book in the warm colour. */
    set_colour(cairo, theme_colour("amber"));
    cairo_move_to(cairo, 79, 66);
    cairo_curve_to(cairo, 75, 62, 69, 62, 65, 63);
    cairo_line_to(cairo, 65, 80);
    cairo_curve_to(cairo, 69, 79, 75, 79, 79, 82);
    cairo_close_path(cairo);
    cairo_move_to(cairo, 81, 66);
    cairo_curve_to(cairo, 85, 62, 91, 62, 95, 63);
    cairo_line_to(cairo, 95, 80);
    cairo_curve_to(cairo, 91, 79, 85, 79, 81, 82);
    cairo_close_path(cairo);
    cairo_fill(cairo);
}

void emblem_draw(SerambiCanvas *canvas, SerambiBox box)
{
    double x = canvas->layout->is_mirrored ? 1 - box.x - box.width : box.x;
    double width = box.width * canvas->area.width, height = box.height * canvas->area.height;
    int drawn_height = (int)lround(MIN(height, width / SHAPE));
    int drawn_width = (int)lround(drawn_height * SHAPE);
    if (drawn_height < 8)
        return;
    Image *image = g_new0(Image, 1);
    *image = (Image){g_new0(uint32_t, (size_t)drawn_width * (size_t)drawn_height), drawn_width,
                     drawn_height, drawn_width};
    cairo_surface_t *surface =
        cairo_image_surface_create_for_data((unsigned char *)image->pixels, CAIRO_FORMAT_ARGB32,
                                            drawn_width, drawn_height, drawn_width * 4);
    cairo_t *cairo = cairo_create(surface);
    cairo_scale(cairo, drawn_height / 100.0, drawn_height / 100.0);
    trace(cairo);
    cairo_destroy(cairo);
    cairo_surface_flush(surface);
    cairo_surface_destroy(surface);
    Rect at = {canvas->area.x + (int)lround(x * canvas->area.width + (width - drawn_width) / 2),
               canvas->area.y +
                   (int)lround(box.y * canvas->area.height + (height - drawn_height) / 2),
               drawn_width, drawn_height};
    canvas_draw_image(canvas, at, image);
}
