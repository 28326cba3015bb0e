/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Every drawing fills a square of 100 units: flat bodies, round corners, contours of one width. */
#include "pictogram.h"
#include <glib.h>
#include <math.h>

#define CONTOUR 4.0

typedef struct Pen {
    cairo_t *cr;
    const PictogramColours *colours;
} Pen;

static void colour(const Pen *pen, uint32_t rgb)
{
    cairo_set_source_rgb(pen->cr, (rgb >> 16 & 0xFF) / 255.0, (rgb >> 8 & 0xFF) / 255.0,
                         (rgb & 0xFF) / 255.0);
}

/* Fills the current path and draws its contour. */
static void body(const Pen *pen, uint32_t rgb)
{
    colour(pen, rgb);
    cairo_fill_preserve(pen->cr);
    colour(pen, pen->colours->line);
    cairo_set_line_width(pen->cr, CONTOUR);
    cairo_stroke(pen->cr);
}

static void plain(const Pen *pen, uint32_t rgb)
{
    colour(pen, rgb);
    cairo_fill(pen->cr);
}

static void stroke(const Pen *pen, uint32_t rgb, double width)
{
    colour(pen, rgb);
    cairo_set_line_width(pen->cr, width);
    cairo_stroke(pen->cr);
}

static void box(const Pen *pen, double x, double y, double w, double h, double r)
{
    cairo_t *cr = pen->cr;
    cairo_new_sub_path(cr);
    cairo_arc(cr, x + w - r, y + r, r, -G_PI_2, 0);
    cairo_arc(cr, x + w - r, y + h - r, r, 0, G_PI_2);
    cairo_arc(cr, x + r, y + h - r, r, G_PI_2, G_PI);
    cairo_arc(cr, x + r, y + r, r, G_PI, 3 * G_PI_2);
    cairo_close_path(cr);
}

static void disc(const Pen *pen, double x, double y, double r)
{
    cairo_new_sub_path(pen->cr);
    cairo_arc(pen->cr, x, y, r, 0, 2 * G_PI);
    cairo_close_path(pen->cr);
}

static void line(const Pen *pen, double x1, double y1, double x2, double y2)
{
    cairo_move_to(pen->cr, x1, y1);
    cairo_line_to(pen->cr, x2, y2);
}

static void tick(const Pen *pen, double x, double y, double size, uint32_t rgb, double width)
{
    cairo_move_to(pen->cr, x - size * 0.5, y);
    cairo_line_to(pen->cr, x - size * 0.12, y + size * 0.38);
    cairo_line_to(pen->cr, x + size * 0.55, y - size * 0.4);
    stroke(pen, rgb, width);
}

/* Head and shoulders; y is the top of the head. */
static void person(const Pen *pen, double x, double y, double scale, uint32_t clothes)
{
    cairo_t *cr = pen->cr;
    cairo_move_to(cr, x - 19 * scale, y + 52 * scale);
    cairo_curve_to(cr, x - 19 * scale, y + 22 * scale, x + 19 * scale, y + 22 * scale,
                   x + 19 * scale, y + 52 * scale);
    cairo_close_path(cr);
    body(pen, clothes);
    disc(pen, x, y + 13 * scale, 12 * scale);
    body(pen, pen->colours->paper);
}

static void draw_arrow(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    disc(pen, 50, 50, 42);
    body(pen, pen->colours->fill);
    line(pen, 28, 50, 70, 50);
    cairo_move_to(cr, 53, 32);
    cairo_line_to(cr, 71, 50);
    cairo_line_to(cr, 53, 68);
    stroke(pen, pen->colours->paper, 9);
}

static void draw_bag(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    cairo_new_sub_path(cr);
    cairo_arc(cr, 50, 26, 14, G_PI, 2 * G_PI);
    stroke(pen, pen->colours->line, CONTOUR + 1);
    cairo_move_to(cr, 20, 44);
    cairo_curve_to(cr, 20, 14, 80, 14, 80, 44);
    cairo_line_to(cr, 80, 82);
    cairo_curve_to(cr, 80, 92, 78, 94, 70, 94);
    cairo_line_to(cr, 30, 94);
    cairo_curve_to(cr, 22, 94, 20, 92, 20, 82);
    cairo_close_path(cr);
    body(pen, pen->colours->fill);
    box(pen, 31, 58, 38, 27, 5);
    body(pen, pen->colours->paper);
    line(pen, 31, 68, 69, 68);
    stroke(pen, pen->colours->line, 3);
    box(pen, 46, 64, 8, 10, 2);
    body(pen, pen->colours->accent);
    line(pen, 40, 40, 60, 40);
    stroke(pen, pen->colours->paper, 5);
}

static void draw_book(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    cairo_move_to(cr, 50, 84);
    cairo_line_to(cr, 8, 78);
    cairo_line_to(cr, 8, 24);
    cairo_line_to(cr, 50, 30);
    cairo_line_to(cr, 92, 24);
    cairo_line_to(cr, 92, 78);
    cairo_close_path(cr);
    body(pen, pen->colours->fill);
    for (int side = -1; side <= 1; side += 2) {
        cairo_move_to(cr, 50, 76);
        cairo_curve_to(cr, 50 + side * 10, 66, 50 + side * 26, 66, 50 + side * 36, 69);
        cairo_line_to(cr, 50 + side * 36, 16);
        cairo_curve_to(cr, 50 + side * 26, 12, 50 + side * 10, 14, 50, 24);
        cairo_close_path(cr);
        body(pen, pen->colours->paper);
        for (int i = 0; i < 3; i++) {
            cairo_move_to(cr, 50 + side * 8, 33 + i * 12);
            cairo_curve_to(cr, 50 + side * 14, 29 + i * 12, 50 + side * 22, 28 + i * 12,
                           50 + side * 28, 28 + i * 12);
        }
        stroke(pen, pen->colours->fill, 3);
    }
    cairo_move_to(cr, 66, 14);
    cairo_line_to(cr, 66, 40);
    cairo_line_to(cr, 71, 35);
    cairo_line_to(cr, 76, 40);
    cairo_line_to(cr, 76, 14);
    plain(pen, pen->colours->accent);
}

static void draw_books(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    static const struct {
        double x, width, height;
    } SPINES[] = {{12, 17, 62}, {29, 14, 54}, {43, 17, 68}};
    for (size_t i = 0; i < G_N_ELEMENTS(SPINES); i++) {
        double top = 84 - SPINES[i].height;
        box(pen, SPINES[i].x, top, SPINES[i].width, SPINES[i].height, 3);
        body(pen, i == 1   ? pen->colours->paper
                  : i == 0 ? pen->colours->fill
                           : pen->colours->accent);
        line(pen, SPINES[i].x + 4, top + 13, SPINES[i].x + SPINES[i].width - 4, top + 13);
        line(pen, SPINES[i].x + 4, top + 20, SPINES[i].x + SPINES[i].width - 4, top + 20);
        stroke(pen, i == 1 ? pen->colours->fill : pen->colours->paper, 3);
    }
    cairo_save(cr);
    cairo_translate(cr, 78, 84);
    cairo_rotate(cr, -0.24);
    box(pen, -9, -60, 17, 60, 3);
    body(pen, pen->colours->fill);
    line(pen, -5, -47, 4, -47);
    line(pen, -5, -40, 4, -40);
    stroke(pen, pen->colours->paper, 3);
    cairo_restore(cr);
    box(pen, 4, 84, 92, 8, 4);
    body(pen, pen->colours->line);
}

static void draw_calendar(const Pen *pen)
{
    box(pen, 12, 18, 76, 74, 9);
    body(pen, pen->colours->paper);
    box(pen, 12, 18, 76, 22, 9);
    body(pen, pen->colours->fill);
    line(pen, 32, 10, 32, 26);
    line(pen, 68, 10, 68, 26);
    stroke(pen, pen->colours->line, 6);
    for (int row = 0; row < 3; row++) {
        for (int column = 0; column < 4; column++) {
            if (row == 2 && column == 3)
                continue;
            box(pen, 22 + column * 15.5, 49 + row * 13.5, 9, 7.5, 2);
            plain(pen, row == 1 && column == 2 ? pen->colours->accent : pen->colours->fill);
        }
    }
    disc(pen, 74, 80, 15);
    body(pen, pen->colours->accent);
    tick(pen, 73.5, 80, 14, pen->colours->line, 4.5);
}

static void draw_card(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    cairo_save(cr);
    cairo_translate(cr, 50, 50);
    cairo_rotate(cr, -0.09);
    cairo_translate(cr, -50, -50);
    box(pen, 6, 22, 88, 58, 8);
    body(pen, pen->colours->paper);
    cairo_save(cr);
    box(pen, 6, 22, 88, 58, 8);
    cairo_clip(cr);
    cairo_rectangle(cr, 0, 22, 100, 14);
    plain(pen, pen->colours->fill);
    cairo_restore(cr);
    box(pen, 6, 22, 88, 58, 8);
    stroke(pen, pen->colours->line, CONTOUR);
    box(pen, 15, 43, 23, 28, 4);
    body(pen, pen->colours->accent);
    disc(pen, 26.5, 52, 5);
    plain(pen, pen->colours->line);
    cairo_move_to(cr, 17, 69);
    cairo_curve_to(cr, 17, 57, 36, 57, 36, 69);
    cairo_close_path(cr);
    plain(pen, pen->colours->line);
    line(pen, 47, 47, 84, 47);
    line(pen, 47, 56, 72, 56);
    stroke(pen, pen->colours->fill, 4.5);
    static const double BARS[] = {47, 51, 57, 60, 66, 70, 76, 80};
    for (size_t i = 0; i < G_N_ELEMENTS(BARS); i++) {
        cairo_rectangle(cr, BARS[i], 63, i % 3 == 0 ? 3 : 1.8, 9);
        plain(pen, pen->colours->line);
    }
    cairo_restore(cr);
}

static void draw_check(const Pen *pen)
{
    disc(pen, 50, 50, 42);
    body(pen, pen->colours->fill);
    tick(pen, 49, 50, 42, pen->colours->paper, 10);
}

static void draw_clock(const Pen *pen)
{
    disc(pen, 50, 50, 42);
    body(pen, pen->colours->fill);
    disc(pen, 50, 50, 33);
    body(pen, pen->colours->paper);
    for (int i = 0; i < 12; i++) {
        double angle = i * G_PI / 6, inner = i % 3 == 0 ? 24 : 27;
        line(pen, 50 + sin(angle) * inner, 50 - cos(angle) * inner, 50 + sin(angle) * 29,
             50 - cos(angle) * 29);
    }
    stroke(pen, pen->colours->fill, 2.5);
    line(pen, 50, 50, 50, 29);
    line(pen, 50, 50, 64, 57);
    stroke(pen, pen->colours->line, 5.5);
    disc(pen, 50, 50, 4.5);
    plain(pen, pen->colours->accent);
}

static void code_corner(const Pen *pen, double x, double y)
{
    cairo_rectangle(pen->cr, x + 2, y + 2, 18, 18);
    stroke(pen, pen->colours->line, 4.5);
    cairo_rectangle(pen->cr, x + 7.5, y + 7.5, 7, 7);
    plain(pen, pen->colours->accent);
}

static void draw_code(const Pen *pen)
{
    box(pen, 10, 10, 80, 80, 10);
    body(pen, pen->colours->paper);
    code_corner(pen, 19, 19);
    code_corner(pen, 59, 19);
    code_corner(pen, 19, 59);
    /* A pattern that looks like one and can be mistaken for none: no finder is complete. */
    static const unsigned char CELLS[][2] = {
        {46, 21}, {51, 26}, {46, 31}, {46, 46}, {51, 51}, {56, 46}, {61, 51},
        {66, 46}, {71, 51}, {76, 46}, {21, 46}, {26, 51}, {31, 46}, {36, 51},
        {46, 61}, {51, 66}, {46, 71}, {56, 61}, {61, 66}, {71, 61}, {76, 66},
        {66, 71}, {61, 76}, {71, 76}, {76, 71}, {51, 76}, {56, 71}, {66, 61},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(CELLS); i++)
        cairo_rectangle(pen->cr, CELLS[i][0], CELLS[i][1], 5.4, 5.4);
    plain(pen, pen->colours->line);
}

static void draw_counter(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    person(pen, 42, 14, 1.0, pen->colours->accent);
    box(pen, 63, 32, 28, 22, 3);
    body(pen, pen->colours->fill);
    line(pen, 77, 54, 77, 62);
    stroke(pen, pen->colours->line, 5);
    box(pen, 4, 60, 92, 9, 4);
    body(pen, pen->colours->line);
    cairo_rectangle(cr, 10, 69, 80, 24);
    body(pen, pen->colours->fill);
    for (int i = 0; i < 3; i++) {
        box(pen, 17 + i * 23.5, 75, 19, 12, 2);
        plain(pen, pen->colours->paper);
    }
}

static void draw_door(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    box(pen, 22, 8, 56, 84, 5);
    body(pen, pen->colours->paper);
    cairo_move_to(cr, 78, 10);
    cairo_line_to(cr, 46, 20);
    cairo_line_to(cr, 46, 98);
    cairo_line_to(cr, 78, 90);
    cairo_close_path(cr);
    body(pen, pen->colours->fill);
    disc(pen, 53, 58, 3.8);
    plain(pen, pen->colours->accent);
    line(pen, 6, 92, 44, 92);
    line(pen, 80, 92, 94, 92);
    stroke(pen, pen->colours->line, CONTOUR);
    line(pen, 6, 54, 32, 54);
    cairo_move_to(cr, 23, 44);
    cairo_line_to(cr, 33, 54);
    cairo_line_to(cr, 23, 64);
    stroke(pen, pen->colours->accent, 6);
}

static void draw_hand(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    disc(pen, 41, 22, 17);
    stroke(pen, pen->colours->accent, 5);
    cairo_move_to(cr, 33, 64);
    cairo_line_to(cr, 33, 24);
    cairo_arc(cr, 41, 24, 8, G_PI, 2 * G_PI);
    cairo_line_to(cr, 49, 46);
    cairo_curve_to(cr, 51, 42, 61, 42, 63, 49);
    cairo_curve_to(cr, 66, 45, 75, 47, 76, 54);
    cairo_curve_to(cr, 80, 51, 87, 54, 87, 61);
    cairo_line_to(cr, 86, 74);
    cairo_curve_to(cr, 85, 84, 80, 88, 78, 96);
    cairo_line_to(cr, 44, 96);
    cairo_curve_to(cr, 40, 86, 26, 74, 20, 64);
    cairo_curve_to(cr, 15, 55, 26, 52, 33, 64);
    cairo_close_path(cr);
    body(pen, pen->colours->paper);
    line(pen, 49, 48, 49, 62);
    line(pen, 63, 52, 63, 64);
    line(pen, 76, 57, 76, 66);
    stroke(pen, pen->colours->line, 3);
}

static void draw_magnifier(const Pen *pen)
{
    line(pen, 66, 66, 88, 88);
    stroke(pen, pen->colours->line, 15);
    line(pen, 70, 70, 88, 88);
    stroke(pen, pen->colours->accent, 8);
    disc(pen, 42, 42, 32);
    body(pen, pen->colours->fill);
    disc(pen, 42, 42, 23);
    body(pen, pen->colours->paper);
    line(pen, 32, 36, 54, 36);
    line(pen, 32, 44, 50, 44);
    line(pen, 32, 52, 45, 52);
    stroke(pen, pen->colours->fill, 4);
}

static void draw_no_food(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    line(pen, 58, 12, 52, 34);
    stroke(pen, pen->colours->line, 5);
    cairo_move_to(cr, 27, 36);
    cairo_line_to(cr, 73, 36);
    cairo_line_to(cr, 67, 84);
    cairo_line_to(cr, 33, 84);
    cairo_close_path(cr);
    body(pen, pen->colours->fill);
    box(pen, 22, 28, 56, 10, 4);
    body(pen, pen->colours->paper);
    cairo_move_to(cr, 30, 52);
    cairo_line_to(cr, 70, 52);
    cairo_line_to(cr, 68, 68);
    cairo_line_to(cr, 32, 68);
    cairo_close_path(cr);
    plain(pen, pen->colours->paper);
    disc(pen, 50, 50, 43);
    stroke(pen, pen->colours->line, 7);
    line(pen, 20, 20, 80, 80);
    stroke(pen, pen->colours->line, 7);
}

static void draw_people(const Pen *pen)
{
    person(pen, 24, 26, 1.0, pen->colours->paper);
    person(pen, 76, 26, 1.0, pen->colours->paper);
    person(pen, 50, 20, 1.3, pen->colours->fill);
    box(pen, 6, 84, 88, 7, 3.5);
    plain(pen, pen->colours->accent);
}

static void draw_phone(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    box(pen, 26, 5, 48, 90, 9);
    body(pen, pen->colours->line);
    box(pen, 31, 14, 38, 70, 3);
    plain(pen, pen->colours->paper);
    box(pen, 31, 14, 38, 15, 3);
    plain(pen, pen->colours->fill);
    box(pen, 36, 35, 28, 20, 4);
    plain(pen, pen->colours->accent);
    tick(pen, 49.5, 45, 13, pen->colours->line, 4);
    line(pen, 38, 63, 62, 63);
    line(pen, 38, 71, 54, 71);
    stroke(pen, pen->colours->fill, 4);
    box(pen, 44, 88, 12, 2.6, 1.3);
    plain(pen, pen->colours->paper);
    cairo_new_path(cr);
}

static void loudspeaker(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    cairo_move_to(cr, 12, 38);
    cairo_line_to(cr, 28, 38);
    cairo_line_to(cr, 52, 18);
    cairo_line_to(cr, 52, 82);
    cairo_line_to(cr, 28, 62);
    cairo_line_to(cr, 12, 62);
    cairo_close_path(cr);
    body(pen, pen->colours->fill);
}

static void draw_quiet(const Pen *pen)
{
    loudspeaker(pen);
    line(pen, 66, 39, 88, 61);
    line(pen, 88, 39, 66, 61);
    stroke(pen, pen->colours->line, 8);
}

static void draw_returns(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    cairo_save(cr);
    cairo_translate(cr, 50, 34);
    cairo_rotate(cr, -0.12);
    box(pen, -20, -28, 40, 46, 3);
    body(pen, pen->colours->accent);
    line(pen, -12, -16, 12, -16);
    line(pen, -12, -8, 6, -8);
    stroke(pen, pen->colours->line, 3.5);
    cairo_restore(cr);
    box(pen, 12, 46, 76, 48, 6);
    body(pen, pen->colours->fill);
    box(pen, 20, 50, 60, 9, 4.5);
    plain(pen, pen->colours->line);
    line(pen, 50, 65, 50, 84);
    cairo_move_to(cr, 41, 76);
    cairo_line_to(cr, 50, 85);
    cairo_line_to(cr, 59, 76);
    stroke(pen, pen->colours->paper, 6);
}

static void draw_screen(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    cairo_move_to(cr, 42, 74);
    cairo_line_to(cr, 58, 74);
    cairo_line_to(cr, 61, 88);
    cairo_line_to(cr, 39, 88);
    cairo_close_path(cr);
    body(pen, pen->colours->fill);
    box(pen, 28, 86, 44, 7, 3.5);
    body(pen, pen->colours->line);
    box(pen, 6, 12, 88, 63, 7);
    body(pen, pen->colours->line);
    box(pen, 12, 18, 76, 51, 3);
    plain(pen, pen->colours->paper);
    box(pen, 20, 26, 46, 12, 6);
    body(pen, pen->colours->paper);
    disc(pen, 76, 32, 6);
    plain(pen, pen->colours->accent);
    line(pen, 22, 49, 76, 49);
    line(pen, 22, 58, 60, 58);
    stroke(pen, pen->colours->fill, 5);
}

static void draw_smile(const Pen *pen)
{
    disc(pen, 50, 50, 42);
    body(pen, pen->colours->accent);
    disc(pen, 36, 42, 5);
    plain(pen, pen->colours->line);
    disc(pen, 64, 42, 5);
    plain(pen, pen->colours->line);
    cairo_new_sub_path(pen->cr);
    cairo_arc(pen->cr, 50, 52, 21, 0.35, G_PI - 0.35);
    stroke(pen, pen->colours->line, 6);
}

static void draw_speaker(const Pen *pen)
{
    loudspeaker(pen);
    for (int i = 0; i < 3; i++) {
        cairo_new_sub_path(pen->cr);
        cairo_arc(pen->cr, 52, 50, 15 + i * 13, -0.75, 0.75);
        stroke(pen, i == 0 ? pen->colours->accent : pen->colours->line, 6);
    }
}

static void draw_ticket(const Pen *pen)
{
    cairo_t *cr = pen->cr;
    cairo_save(cr);
    cairo_translate(cr, 50, 50);
    cairo_rotate(cr, 0.07);
    cairo_translate(cr, -50, -50);
    cairo_move_to(cr, 22, 10);
    cairo_line_to(cr, 78, 10);
    cairo_line_to(cr, 78, 92);
    for (int i = 0; i < 7; i++) { /* the torn edge */
        cairo_line_to(cr, 78 - i * 8 - 4, 86);
        cairo_line_to(cr, 78 - i * 8 - 8, 92);
    }
    cairo_close_path(cr);
    body(pen, pen->colours->paper);
    line(pen, 33, 22, 67, 22);
    stroke(pen, pen->colours->fill, 4.5);
    box(pen, 30, 32, 40, 27, 5);
    body(pen, pen->colours->accent);
    cairo_select_font_face(cr, "Noto Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    cairo_set_font_size(cr, 19);
    cairo_move_to(cr, 33.6, 52.4);
    colour(pen, pen->colours->line);
    cairo_show_text(cr, "A12");
    line(pen, 33, 69, 67, 69);
    line(pen, 33, 77, 55, 77);
    stroke(pen, pen->colours->fill, 4);
    cairo_restore(cr);
}

static const struct {
    const char *name;
    void (*draw)(const Pen *pen);
} PICTOGRAMS[] = {
    {"arrow", draw_arrow},         {"bag", draw_bag},           {"book", draw_book},
    {"books", draw_books},         {"calendar", draw_calendar}, {"card", draw_card},
    {"check", draw_check},         {"clock", draw_clock},       {"code", draw_code},
    {"counter", draw_counter},     {"door", draw_door},         {"hand", draw_hand},
    {"magnifier", draw_magnifier}, {"no-food", draw_no_food},   {"people", draw_people},
    {"phone", draw_phone},         {"quiet", draw_quiet},       {"returns", draw_returns},
    {"screen", draw_screen},       {"smile", draw_smile},       {"speaker", draw_speaker},
    {"ticket", draw_ticket},
};

const char *const *pictogram_names(void)
{
    static const char *names[G_N_ELEMENTS(PICTOGRAMS) + 1];
    for (size_t i = 0; i < G_N_ELEMENTS(PICTOGRAMS); i++)
        names[i] = PICTOGRAMS[i].name;
    return names;
}

bool pictogram_exists(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(PICTOGRAMS); i++)
        if (g_str_equal(PICTOGRAMS[i].name, name))
            return true;
    return false;
}

void pictogram_draw(cairo_t *cr, const char *name, double x, double y, double size,
                    const PictogramColours *colours)
{
    Pen pen = {.cr = cr, .colours = colours};
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_scale(cr, size / 100, size / 100);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_new_path(cr);
    for (size_t i = 0; i < G_N_ELEMENTS(PICTOGRAMS); i++)
        if (g_str_equal(PICTOGRAMS[i].name, name))
            PICTOGRAMS[i].draw(&pen);
    cairo_restore(cr);
}
