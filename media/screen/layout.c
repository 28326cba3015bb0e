/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Where things stand on the screen. Tables of shares; the arithmetic is at the end. */
#include "media/screen/layout.h"
#include "media/look.h"
#include <glib.h>
#include <math.h>

#define BAR 0.09 /* of the unit, hence of the height when lying */

/* Left, top, right, bottom in hundredths of the screen's width and height; the space below "bottom
 * 100" ends where the bar begins. All zero: no such area. */
typedef struct {
    double left, top, right, bottom;
} Share;

/* Lying, 16:9: the safe margin is 3; twelve columns between 3 and 97 with gutters of 2. The picture
 * of desk and board is exactly 16:9, what remains below it belongs to captions and cards. */
static const Share lying[][AREA_COUNT] = {
    [LAYOUT_CINEMA] =
        {
            [AREA_CAPTION] = {10, 82.2, 90, 98.8},
            [AREA_BANNER] = {3, 4, 97, 30},
            [AREA_CARD] = {63, 60, 97, 96},
        },
    [LAYOUT_DESK] =
        {
            [AREA_PICTURE] = {3, 4, 65, 72.2},
            [AREA_CAPTION] = {3, 75, 45, 96},
            [AREA_BOARD] = {67, 4, 97, 96},
            [AREA_BANNER] = {3, 4, 65, 30},
            [AREA_CARD] = {46.5, 75, 65, 96},
        },
    [LAYOUT_BOARD] =
        {
            [AREA_PICTURE] = {67, 4, 97, 37},
            [AREA_CAPTION] = {67, 38.5, 97, 55},
            [AREA_BOARD] = {3, 4, 65, 96},
            [AREA_BANNER] = {3, 65, 65, 96}, /* the newest numbers stay */
            [AREA_CARD] = {67, 57, 97, 96},
        },
};

/* Standing, 9:16: picture above, board below, ticker last. */
static const Share standing[][AREA_COUNT] = {
    [LAYOUT_CINEMA] =
        {
            [AREA_CAPTION] = {5, 84, 95, 97},
            [AREA_BANNER] = {3, 3, 97, 20},
            [AREA_CARD] = {47, 69, 97, 83},
        },
    [LAYOUT_DESK] =
        {
            [AREA_PICTURE] = {3, 3, 97, 34.6},
            [AREA_CAPTION] = {3, 35.5, 62, 46},
            [AREA_BOARD] = {3, 47, 97, 98},
            [AREA_BANNER] = {3, 3, 97, 20},
            [AREA_CARD] = {64, 35.5, 97, 46},
        },
    [LAYOUT_BOARD] =
        {
            [AREA_PICTURE] = {3, 3, 62, 22.7},
            [AREA_CAPTION] = {3, 23.5, 97, 31},
            [AREA_BOARD] = {3, 32, 97, 98},
            [AREA_BANNER] = {3, 3, 97, 22.7},
            [AREA_CARD] = {64, 3, 97, 22.7},
        },
};

static const char *const area_names[] = {
    [AREA_SCREEN] = "screen", [AREA_PICTURE] = "picture",     [AREA_CAPTION] = "caption",
    [AREA_BOARD] = "board",   [AREA_CHIP] = "chip",           [AREA_TICKER] = "ticker",
    [AREA_BANNER] = "banner", [AREA_CLOCK] = "clock",         [AREA_CARD] = "card",
    [AREA_BAR] = "bar",       [AREA_SPOTLIGHT] = "spotlight", [AREA_HOUSE] = "house",
};

static const char *const kind_names[] = {
    [LAYOUT_CINEMA] = "cinema", [LAYOUT_DESK] = "desk", [LAYOUT_BOARD] = "board"};

Area layout_area(const char *name)
{
    for (Area area = AREA_SCREEN; area < AREA_COUNT; area++)
        if (!g_strcmp0(area_names[area], name))
            return area;
    return 0;
}

LayoutKind layout_kind(const char *name)
{
    for (LayoutKind kind = LAYOUT_CINEMA; kind <= LAYOUT_BOARD; kind++)
        if (!g_strcmp0(kind_names[kind], name))
            return kind;
    return 0;
}

const char *layout_kind_name(LayoutKind kind)
{
    return kind_names[kind];
}

static Rect part(const Layout *layout, Share share, int height)
{
    int left = (int)lround(share.left * layout->width / 100);
    int right = (int)lround(share.right * layout->width / 100);
    int top = (int)lround(share.top * height / 100);
    int bottom = (int)lround(share.bottom * height / 100);
    return (Rect){left, top, right - left, bottom - top};
}

/* Ticker, chip and clock share the bar. A standing cinema has no room beside the ticker: its bar
 * has two rows, chip and clock above. */
static void make_bar(Layout *layout)
{
    bool has_chip = layout->kind == LAYOUT_CINEMA;
    bool has_two_rows = has_chip && layout->is_portrait;
    int row = (int)lround(BAR * layout->unit);
    int height = has_two_rows ? 2 * row : row;
    int top = layout->height - height;
    int margin = (int)lround(LOOK_SAFE_MARGIN * layout->width);
    int inset = row / 12, gap = row / 4;
    int inside = layout->width - 2 * margin;
    layout->areas[AREA_BAR] = (Rect){0, top, layout->width, height};

    int clock_width = (int)lround(layout->unit * 0.14);
    Rect upper = {margin, top + inset, inside, row - 2 * inset};
    Rect clock = upper;
    clock.x += inside - clock_width;
    clock.width = clock_width;
    layout->areas[AREA_CLOCK] = clock;

    int chip_width = has_two_rows ? (int)lround(inside * 0.6)
                     : has_chip   ? (int)lround(layout->unit * 0.40)
                                  : 0;
    Rect ticker = upper;
    if (has_two_rows) {
        layout->areas[AREA_CHIP] = (Rect){margin, upper.y, chip_width, upper.height};
        ticker.y += row - inset / 2;
    } else {
        ticker.width -= clock_width + gap;
        if (has_chip) {
            ticker.width -= chip_width + gap;
            layout->areas[AREA_CHIP] =
                (Rect){ticker.x + ticker.width + gap, upper.y, chip_width, upper.height};
        }
    }
    layout->areas[AREA_TICKER] = ticker;
}

Layout layout_make(LayoutKind kind, int width, int height, bool is_mirrored)
{
    Layout layout = {
        .kind = kind,
        .width = width,
        .height = height,
        .unit = MIN(width, height),
        .is_portrait = height > width,
        .is_mirrored = is_mirrored,
    };
    make_bar(&layout);
    const Share *shares = layout.is_portrait ? standing[kind] : lying[kind];
    int above_bar = layout.areas[AREA_BAR].y;
    for (Area area = AREA_SCREEN; area < AREA_COUNT; area++)
        if (shares[area].right > 0)
            layout.areas[area] = part(&layout, shares[area], above_bar);
    Rect screen = {0, 0, width, height};
    layout.areas[AREA_SCREEN] = screen;
    /* The bar stands below the picture, not on it: what a film shows at its foot is seen. */
    if (kind == LAYOUT_CINEMA)
        layout.areas[AREA_PICTURE] = (Rect){0, 0, width, above_bar};
    layout.areas[AREA_HOUSE] = layout.areas[AREA_PICTURE];
    /* A call covers the lower half down to the edge: the bar too, for nothing else matters then,
     * and half a ticker below it would be worse than none. */
    int margin_x = (int)lround(LOOK_SAFE_MARGIN * width);
    layout.areas[AREA_SPOTLIGHT] =
        (Rect){margin_x, height / 2, width - 2 * margin_x, height - height / 2};
    if (is_mirrored)
        for (Area area = AREA_SCREEN; area < AREA_COUNT; area++)
            layout.areas[area].x = width - layout.areas[area].x - layout.areas[area].width;
    return layout;
}
