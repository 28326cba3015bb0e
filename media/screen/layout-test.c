/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The geometry of all layouts, and the arithmetic of rectangles. */
#include "media/look.h"
#include "media/screen/layout.h"
#include <glib.h>

static const int sizes[][2] = {{1920, 1080}, {1366, 768}, {1280, 720}, {3840, 2160},
                               {1080, 1920}, {768, 1366}, {800, 600},  {160, 120}};

/* Calls check for every layout, size and direction. */
static void for_each_layout(void (*check)(const Layout *layout))
{
    for (LayoutKind kind = LAYOUT_CINEMA; kind <= LAYOUT_BOARD; kind++)
        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
            for (int mirrored = 0; mirrored < 2; mirrored++) {
                Layout layout = layout_make(kind, sizes[i][0], sizes[i][1], mirrored);
                check(&layout);
            }
}

static void check_inside(const Layout *layout)
{
    Rect screen = {0, 0, layout->width, layout->height};
    for (Area area = AREA_SCREEN; area < AREA_COUNT; area++)
        g_assert_true(rect_contains(screen, layout->areas[area]));
    static const Area always[] = {AREA_SCREEN, AREA_PICTURE, AREA_CAPTION, AREA_TICKER,
                                  AREA_BANNER, AREA_CLOCK,   AREA_CARD,    AREA_SPOTLIGHT,
                                  AREA_BAR,    AREA_HOUSE};
    for (size_t i = 0; i < G_N_ELEMENTS(always); i++)
        g_assert_false(rect_is_empty(layout->areas[always[i]]));
    g_assert_cmpint(rect_is_empty(layout->areas[AREA_BOARD]), ==, layout->kind == LAYOUT_CINEMA);
    g_assert_cmpint(rect_is_empty(layout->areas[AREA_CHIP]), ==, layout->kind != LAYOUT_CINEMA);
}

static void test_inside(void)
{
    for_each_layout(check_inside);
}

/* What carries words keeps away from the edge, where old panels cut. */
static void check_margin(const Layout *layout)
{
    int margin = (int)(LOOK_SAFE_MARGIN * layout->width);
    static const Area worded[] = {AREA_CAPTION, AREA_BOARD, AREA_CHIP, AREA_TICKER,
                                  AREA_BANNER,  AREA_CLOCK, AREA_CARD, AREA_SPOTLIGHT};
    for (size_t i = 0; i < G_N_ELEMENTS(worded); i++) {
        Rect rect = layout->areas[worded[i]];
        if (rect_is_empty(rect))
            continue;
        g_assert_cmpint(rect.x, >=, margin - 1);
        g_assert_cmpint(rect.x + rect.width, <=, layout->width - margin + 1);
    }
}

static void test_margin(void)
{
    for_each_layout(check_margin);
}

static void check_overlap(const Layout *layout)
{
    /* A banner lies on the picture, a spotlight on all: they are not asked. */
    static const Area apart[] = {AREA_BOARD, AREA_CAPTION, AREA_CARD,
                                 AREA_CHIP,  AREA_TICKER,  AREA_CLOCK};
    for (size_t i = 0; i < G_N_ELEMENTS(apart); i++)
        for (size_t j = i + 1; j < G_N_ELEMENTS(apart); j++) {
            bool is_cinema_card = layout->kind == LAYOUT_CINEMA && apart[i] == AREA_CAPTION &&
                                  apart[j] == AREA_CARD && !layout->is_portrait;
            if (!is_cinema_card) /* there the card is seen between clips only */
                g_assert_true(rect_is_empty(
                    rect_intersect(layout->areas[apart[i]], layout->areas[apart[j]])));
        }
    static const Area in_bar[] = {AREA_CHIP, AREA_TICKER, AREA_CLOCK};
    for (size_t i = 0; i < G_N_ELEMENTS(in_bar); i++)
        if (!rect_is_empty(layout->areas[in_bar[i]]))
            g_assert_true(rect_contains(layout->areas[AREA_BAR], layout->areas[in_bar[i]]));
    if (layout->kind != LAYOUT_CINEMA) {
        g_assert_true(
            rect_is_empty(rect_intersect(layout->areas[AREA_PICTURE], layout->areas[AREA_BOARD])));
        g_assert_true(rect_is_empty(
            rect_intersect(layout->areas[AREA_PICTURE], layout->areas[AREA_CAPTION])));
        g_assert_true(
            rect_is_empty(rect_intersect(layout->areas[AREA_PICTURE], layout->areas[AREA_CARD])));
    }
}

static void test_overlap(void)
{
    for_each_layout(check_overlap);
}

static void test_shares(void)
{
    Layout cinema = layout_make(LAYOUT_CINEMA, 1920, 1080, false);
    g_assert_cmpint(cinema.areas[AREA_PICTURE].width, ==, 1920);
    g_assert_cmpint(cinema.areas[AREA_PICTURE].height, ==, 1080 - 97);
    g_assert_cmpint(cinema.areas[AREA_BAR].height, ==, 97);
    Layout desk = layout_make(LAYOUT_DESK, 1920, 1080, false);
    Rect picture = desk.areas[AREA_PICTURE], board = desk.areas[AREA_BOARD];
    g_assert_cmpfloat_with_epsilon((double)picture.width / picture.height, 16.0 / 9, 0.02);
    g_assert_cmpfloat_with_epsilon((double)picture.width / board.width, 2, 0.15);
    Layout wide = layout_make(LAYOUT_BOARD, 1920, 1080, false);
    g_assert_cmpint(wide.areas[AREA_BOARD].width, >, 2 * wide.areas[AREA_PICTURE].width - 100);
    Layout tall = layout_make(LAYOUT_DESK, 1080, 1920, false);
    g_assert_true(tall.is_portrait);
    g_assert_cmpint(tall.unit, ==, 1080);
    g_assert_cmpint(tall.areas[AREA_PICTURE].y, <, tall.areas[AREA_BOARD].y);
    g_assert_cmpint(tall.areas[AREA_BOARD].y, <, tall.areas[AREA_TICKER].y);
}

static void test_mirror(void)
{
    Layout plain = layout_make(LAYOUT_DESK, 1920, 1080, false);
    Layout mirrored = layout_make(LAYOUT_DESK, 1920, 1080, true);
    for (Area area = AREA_SCREEN; area < AREA_COUNT; area++) {
        Rect a = plain.areas[area], b = mirrored.areas[area];
        g_assert_cmpint(a.width, ==, b.width);
        g_assert_cmpint(a.y, ==, b.y);
        if (!rect_is_empty(a))
            g_assert_cmpint(a.x + a.width, ==, 1920 - b.x);
    }
}

static void test_names(void)
{
    g_assert_cmpint(layout_area("picture"), ==, AREA_PICTURE);
    g_assert_cmpint(layout_area("cellar"), ==, 0);
    g_assert_cmpint(layout_area(NULL), ==, 0);
    g_assert_cmpint(layout_kind("board"), ==, LAYOUT_BOARD);
    g_assert_cmpint(layout_kind(NULL), ==, 0);
    g_assert_cmpstr(layout_kind_name(LAYOUT_DESK), ==, "desk");
}

static int area_of(Rect rect)
{
    return rect_is_empty(rect) ? 0 : rect.width * rect.height;
}

static void test_subtract(void)
{
    Rect rect = {10, 10, 100, 80};
    for (int i = 0; i < 500; i++) {
        Rect hole = {g_test_rand_int_range(-20, 130), g_test_rand_int_range(-20, 110),
                     g_test_rand_int_range(1, 120), g_test_rand_int_range(1, 120)};
        Rect pieces[4];
        size_t count = rect_subtract(rect, hole, pieces);
        int sum = area_of(rect_intersect(rect, hole));
        for (size_t a = 0; a < count; a++) {
            g_assert_true(rect_contains(rect, pieces[a]));
            g_assert_true(rect_is_empty(rect_intersect(pieces[a], hole)));
            for (size_t b = a + 1; b < count; b++)
                g_assert_true(rect_is_empty(rect_intersect(pieces[a], pieces[b])));
            sum += area_of(pieces[a]);
        }
        g_assert_cmpint(sum, ==, area_of(rect));
    }
}

static void test_set(void)
{
    RectSet set = {.count = 0};
    Rect added[200];
    for (size_t i = 0; i < G_N_ELEMENTS(added); i++) {
        added[i] = (Rect){g_test_rand_int_range(0, 1800), g_test_rand_int_range(0, 1000),
                          g_test_rand_int_range(1, 40), g_test_rand_int_range(1, 40)};
        rect_set_add(&set, added[i]);
        g_assert_cmpuint(set.count, <=, RECT_SET_MAX);
        for (size_t a = 0; a < set.count; a++)
            for (size_t b = a + 1; b < set.count; b++)
                g_assert_true(rect_is_empty(rect_intersect(set.rects[a], set.rects[b])));
        for (size_t k = 0; k <= i; k++) {
            bool is_kept = false;
            for (size_t a = 0; a < set.count; a++)
                is_kept |= rect_contains(set.rects[a], added[k]);
            g_assert_true(is_kept);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/layout/inside", test_inside);
    g_test_add_func("/layout/margin", test_margin);
    g_test_add_func("/layout/overlap", test_overlap);
    g_test_add_func("/layout/shares", test_shares);
    g_test_add_func("/layout/mirror", test_mirror);
    g_test_add_func("/layout/names", test_names);
    g_test_add_func("/rect/subtract", test_subtract);
    g_test_add_func("/rect/set", test_set);
    return g_test_run();
}
