/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Whole screens: three layouts, lying, standing and mirrored, with a full lobby's content. Colours
 * at points, texts in their places, contrast; and what is painted piece by piece is what is painted
 * at once. SERAMBI_LOOK_FOLDER keeps the pictures. */
#include "media/look.h"
#include "media/screen/display_private.h"
#include "media/screen/layer.h"
#include <cairo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOW_US 1795406400000000LL

/* --- A lobby ---------------------------------------------------------------------------------- */

typedef struct {
    const char *called; /* NULL: no spotlight */
    const char *banner, *caption;
    int newest;
    bool has_changed[AREA_COUNT];
} Lobby;

static Lobby lobby;

static bool changed(Area area)
{
    bool was = lobby.has_changed[area];
    lobby.has_changed[area] = false;
    return was;
}

static bool prepare_board(Serambi *self, int64_t now_us)
{
    return changed(AREA_BOARD);
}

static bool prepare_spotlight(Serambi *self, int64_t now_us)
{
    return changed(AREA_SPOTLIGHT);
}

static bool prepare_banner(Serambi *self, int64_t now_us)
{
    return changed(AREA_BANNER);
}

static bool prepare_caption(Serambi *self, int64_t now_us)
{
    return changed(AREA_CAPTION);
}

static void draw_board(Serambi *self, SerambiCanvas *canvas)
{
    serambi_draw_text(canvas, (SerambiBox){0.04, 0.02, 0.92, 0.1}, "heading", "leaf", SERAMBI_START,
                      "Sedang dilayani");
    for (int i = 0; i < 6; i++) {
        double y = 0.14 + 0.13 * i;
        g_autofree char *ticket = g_strdup_printf("A-%03d", lobby.newest - i);
        serambi_draw_plate(canvas, (SerambiBox){0.02, y, 0.96, 0.115},
                           i ? "leaf_plate" : "amber_plate", 1, 0.012);
        serambi_draw_text(canvas, (SerambiBox){0.06, y, 0.5, 0.115}, "board_number",
                          i ? "ink" : "amber", SERAMBI_START, ticket);
        serambi_draw_text(canvas, (SerambiBox){0.58, y, 0.36, 0.115}, "body", i ? "ink" : "amber",
                          SERAMBI_END, "Loket 3");
    }
}

static void draw_ticker(Serambi *self, SerambiCanvas *canvas)
{
    serambi_draw_gliding(canvas, (SerambiBox){0, 0, 1, 1}, "ticker", "ink", NOW_US,
                         "Perpustakaan tutup pukul 16.00 hari ini.      •      The library closes "
                         "at 16:00 today.      •      تغلق المكتبة الساعة 16:00 اليوم.");
}

static void draw_chip(Serambi *self, SerambiCanvas *canvas)
{
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "amber_plate", 1, 0.015);
    serambi_draw_text(canvas, (SerambiBox){0.04, 0.05, 0.92, 0.9}, "ticker", "amber",
                      SERAMBI_CENTRE, "A-017 ▸ Loket 3");
}

static void draw_card(Serambi *self, SerambiCanvas *canvas)
{
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "leaf_plate", 1, 0.015);
    serambi_draw_qr(canvas, (SerambiBox){0.05, 0.05, 0.5, 0.9}, "http://192.168.1.5:8080");
    serambi_draw_text(canvas, (SerambiBox){0.58, 0.1, 0.38, 0.8}, "small", "ink", SERAMBI_START,
                      "Pindai untuk nomor antrean");
}

static void draw_banner(Serambi *self, SerambiCanvas *canvas)
{
    if (!lobby.banner)
        return;
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "amber_plate", 1, 0.02);
    serambi_draw_text(canvas, (SerambiBox){0.03, 0.1, 0.94, 0.8}, "heading", "amber",
                      SERAMBI_CENTRE, lobby.banner);
}

static void draw_caption(Serambi *self, SerambiCanvas *canvas)
{
    if (!lobby.caption)
        return;
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "paper", 0.8, 0.012);
    serambi_draw_text(canvas, (SerambiBox){0.02, 0.04, 0.96, 0.92}, "caption", "ink",
                      SERAMBI_CENTRE, lobby.caption);
}

static void draw_spotlight(Serambi *self, SerambiCanvas *canvas)
{
    if (!lobby.called)
        return;
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "amber_plate", 1, 0.02);
    serambi_draw_text(canvas, (SerambiBox){0.03, 0.04, 0.94, 0.6}, "called_number", "amber",
                      SERAMBI_CENTRE, lobby.called);
    serambi_draw_text(canvas, (SerambiBox){0.03, 0.66, 0.94, 0.28}, "heading", "ink",
                      SERAMBI_CENTRE, "Silakan ke loket 3");
}

static const SerambiLayer lobby_layers[] = {
    {"board", "board", 20, prepare_board, draw_board},
    {"ticker", "ticker", 30, NULL, draw_ticker},
    {"chip", "chip", 31, NULL, draw_chip},
    {"card", "card", 25, NULL, draw_card},
    {"caption", "caption", 10, prepare_caption, draw_caption},
    {"banner", "banner", 40, prepare_banner, draw_banner},
    {"spotlight", "spotlight", 50, prepare_spotlight, draw_spotlight},
    {0},
};

/* --- A screen in memory ----------------------------------------------------------------------- */

typedef struct {
    Layers *layers;
    Layout layout;
    Serambi *house;
    Ground ground;
    int64_t monotonic_us;
} Screen;

static void set_all_changed(void)
{
    for (Area area = AREA_SCREEN; area < AREA_COUNT; area++)
        lobby.has_changed[area] = true;
}

static Serambi *house_new(void)
{
    static HouseSettings settings = {.library_name = "Perpustakaan Umum Kota Malang",
                                     .opening_hours = "Senin–Jumat 08.00–20.00",
                                     .public_url = "",
                                     .layout = "cinema",
                                     .language = "id"};
    Serambi *house = g_new0(Serambi, 1);
    house->plugin = &house_plugin;
    house->state = g_malloc0(house_plugin.state_size);
    house->settings = &settings;
    house->words = catalogue_new(house_plugin.assets);
    return house;
}

static Screen *screen_new(LayoutKind kind, int width, int height, bool is_mirrored,
                          bool has_reduced_motion)
{
    Screen *screen = g_new0(Screen, 1);
    screen->layers = layers_new(has_reduced_motion);
    screen->layout = layout_make(kind, width, height, is_mirrored);
    screen->ground =
        (Ground){g_new(uint32_t, (size_t)width * (size_t)height), width, height, width};
    screen->house = house_new();
    screen->monotonic_us = 1000000;
    house_arrange(screen->house, &screen->layout, "http://perpus.malangkota.go.id", true, true);
    for (const SerambiLayer *layer = house_plugin.layers; layer->name; layer++)
        layers_add(screen->layers, screen->house, layer);
    for (const SerambiLayer *layer = lobby_layers; layer->name; layer++)
        layers_add(screen->layers, NULL, layer);
    layers_set_layout(screen->layers, &screen->layout);
    layers_hide_area(screen->layers, AREA_CARD, kind == LAYOUT_CINEMA);
    set_all_changed();
    return screen;
}

static void screen_free(Screen *screen)
{
    layers_free(screen->layers);
    house_plugin.display_stop(screen->house);
    catalogue_free(screen->house->words);
    g_free(screen->house->state);
    g_free(screen->house);
    g_free(screen->ground.pixels);
    g_free(screen);
}

/* Lets so much time go by and paints what differs; returns how many pixels that were. */
static int64_t screen_turn(Screen *screen, int64_t gone_us)
{
    screen->monotonic_us += gone_us;
    RectSet damage = {.count = 0};
    layers_prepare(screen->layers, NOW_US + screen->monotonic_us - 1000000, screen->monotonic_us,
                   &damage);
    layers_paint(screen->layers, &screen->ground, &damage);
    int64_t sum = 0;
    for (size_t i = 0; i < damage.count; i++)
        sum += (int64_t)damage.rects[i].width * damage.rects[i].height;
    return sum;
}

static uint32_t pixel_at(const Screen *screen, Area area, double x, double y)
{
    Rect rect = screen->layout.areas[area];
    if (screen->layout.is_mirrored)
        x = 1 - x;
    int column = rect.x + (int)(x * (rect.width - 1)), row = rect.y + (int)(y * (rect.height - 1));
    return screen->ground.pixels[row * screen->ground.stride + column] & 0xFFFFFF;
}

static void keep_picture(const Screen *screen, const char *name)
{
    const char *folder = g_getenv("SERAMBI_LOOK_FOLDER");
    if (!folder)
        return;
    g_autofree char *path = g_strdup_printf("%s/%s.png", folder, name);
    cairo_surface_t *surface = cairo_image_surface_create_for_data(
        (unsigned char *)screen->ground.pixels, CAIRO_FORMAT_RGB24, screen->ground.width,
        screen->ground.height, screen->ground.stride * 4);
    g_assert_cmpint(cairo_surface_write_to_png(surface, path), ==, CAIRO_STATUS_SUCCESS);
    cairo_surface_destroy(surface);
}

/* --- Contrast --------------------------------------------------------------------------------- */

static double linear(uint32_t value)
{
    double share = (value & 0xFF) / 255.0;
    return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4);
}

/* WCAG 2.2, relative luminance and contrast ratio. */
static double contrast(uint32_t a, uint32_t b)
{
    double left = 0.2126 * linear(a >> 16) + 0.7152 * linear(a >> 8) + 0.0722 * linear(a);
    double right = 0.2126 * linear(b >> 16) + 0.7152 * linear(b >> 8) + 0.0722 * linear(b);
    return (MAX(left, right) + 0.05) / (MIN(left, right) + 0.05);
}

static void test_contrast(void)
{
    static const uint32_t pairs[][2] = {
        {LOOK_INK, LOOK_PAPER},         {LOOK_INK, LOOK_LEAF_PLATE}, {LOOK_INK, LOOK_AMBER_PLATE},
        {LOOK_AMBER, LOOK_AMBER_PLATE}, {LOOK_LEAF, LOOK_PAPER},     {LOOK_MUTED, LOOK_PAPER},
        {LOOK_RED, LOOK_PAPER},         {LOOK_SKY, LOOK_PAPER},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
        g_assert_cmpfloat(contrast(pairs[i][0], pairs[i][1]), >=, 7);
    /* On the brighter plate the second line is the house's weakest pair. */
    g_assert_cmpfloat(contrast(LOOK_MUTED, LOOK_LEAF_PLATE), >=, 4.5);
}

/* --- Screens ---------------------------------------------------------------------------------- */

typedef struct {
    const Screen *screen;
    const SerambiLayer *layer;
    GArray *texts; /* Item, of one layer */
    int count;
} TextCheck;

static void check_text(const Serambi *self, const SerambiLayer *table, const Item *item, void *data)
{
    TextCheck *check = data;
    if (item->kind != ITEM_TEXT)
        return;
    if (table != check->layer)
        g_array_set_size(check->texts, 0);
    check->layer = table;
    check->count++;
    Rect area = check->screen->layout.areas[layout_area(table->area)];
    Rect ink = text_ink(item->text);
    ink.x += item->box.x;
    ink.y += item->box.y;
    Rect loose = {area.x - 3, area.y - 3, area.width + 6, area.height + 6};
    if (!rect_contains(loose, ink))
        g_error("a text of layer '%s' leaves its area", table->name);
    for (size_t i = 0; i < check->texts->len; i++)
        if (!rect_is_empty(rect_intersect(g_array_index(check->texts, Item, i).rect, item->rect)))
            g_error("two texts of layer '%s' lie on each other", table->name);
    g_array_append_vals(check->texts, item, 1);
}

static void check_screen(LayoutKind kind, int width, int height, bool is_mirrored)
{
    lobby = (Lobby){.caption = "Langkah pertama: pindai kartu anggota Anda.", .newest = 17};
    Screen *screen = screen_new(kind, width, height, is_mirrored, false);
    for (size_t i = 0; i < (size_t)(width * height); i++)
        screen->ground.pixels[i] = 0xFFFF00FFu;
    screen_turn(screen, 0);
    screen_turn(screen, 300000);
    screen_turn(screen, 6000000);
    for (size_t i = 0; i < (size_t)(width * height); i++)
        g_assert_cmphex(screen->ground.pixels[i] & 0xFFFFFF, !=, 0xFF00FF); /* all is painted */
    g_autofree char *name = g_strdup_printf("%s-%dx%d%s", layout_kind_name(kind), width, height,
                                            is_mirrored ? "-mirrored" : "");
    keep_picture(screen, name);
    g_autoptr(GArray) texts = g_array_new(FALSE, FALSE, sizeof(Item));
    TextCheck check = {.screen = screen, .texts = texts};
    layers_for_each(screen->layers, check_text, &check);
    g_assert_cmpint(check.count, >=, kind == LAYOUT_CINEMA ? 7 : 17);

    g_assert_cmphex(pixel_at(screen, AREA_BAR, 0.002, 0.5), ==, LOOK_PAPER);
    g_assert_cmphex(pixel_at(screen, AREA_BAR, 0.5, 0), ==, LOOK_LEAF);
    if (kind == LAYOUT_CINEMA) {
        g_assert_cmphex(pixel_at(screen, AREA_CHIP, 0.02, 0.5), ==, LOOK_AMBER_PLATE);
    } else {
        g_assert_cmphex(pixel_at(screen, AREA_BOARD, 0.04, 0.2), ==, LOOK_AMBER_PLATE);
        g_assert_cmphex(pixel_at(screen, AREA_BOARD, 0.04, 0.33), ==, LOOK_LEAF_PLATE);
        g_assert_cmphex(pixel_at(screen, AREA_BOARD, 0.005, 0.5), ==, LOOK_PAPER);
        g_assert_cmphex(pixel_at(screen, AREA_PICTURE, 0.02, 0.5), ==, LOOK_LEAF_PLATE);
        g_assert_cmphex(pixel_at(screen, AREA_CARD, 0.5, 0.01), ==, LOOK_LEAF_PLATE);
    }
    /* The call: over the lower half, the number in its colour, seen from far away. */
    lobby.called = "A-018";
    lobby.has_changed[AREA_SPOTLIGHT] = true;
    screen_turn(screen, 0);
    screen_turn(screen, 300000);
    g_autofree char *call = g_strconcat(name, "-call", NULL);
    keep_picture(screen, call);
    g_assert_cmphex(pixel_at(screen, AREA_SPOTLIGHT, 0.01, 0.5), ==, LOOK_AMBER_PLATE);
    Rect spot = screen->layout.areas[AREA_SPOTLIGHT];
    int bright = 0, top = height, bottom = 0;
    for (int y = spot.y; y < spot.y + spot.height; y++)
        for (int x = spot.x; x < spot.x + spot.width; x++)
            if ((screen->ground.pixels[y * width + x] & 0xFFFFFF) == LOOK_AMBER) {
                bright++;
                top = MIN(top, y);
                bottom = MAX(bottom, y);
            }
    g_assert_cmpint(bright, >, width * height / 200);
    g_assert_cmpint(bottom - top, >, screen->layout.unit / 9);
    screen_free(screen);
}

static void test_screens(void)
{
    for (LayoutKind kind = LAYOUT_CINEMA; kind <= LAYOUT_BOARD; kind++) {
        check_screen(kind, 1920, 1080, false);
        check_screen(kind, 1080, 1920, false);
        check_screen(kind, 1280, 720, true);
        check_screen(kind, 640, 480, false);
    }
}

/* Random changes, painted piece by piece, end in the same picture as one painted at once. */
static void test_pieces(void)
{
    static const char *const captions[] = {NULL, "Satu", "Dua baris\nsekaligus"};
    for (LayoutKind kind = LAYOUT_CINEMA; kind <= LAYOUT_BOARD; kind++) {
        lobby = (Lobby){.newest = 17};
        Screen *screen = screen_new(kind, 640, 360, false, false);
        screen_turn(screen, 0);
        for (int i = 0; i < 60; i++) {
            lobby.newest += g_test_rand_bit();
            lobby.called = g_test_rand_bit() ? "B-005" : NULL;
            lobby.banner = g_test_rand_bit() ? "Mobil B 1234 XY: mohon dipindahkan." : NULL;
            lobby.caption = captions[g_test_rand_int_range(0, 3)];
            set_all_changed();
            screen_turn(screen, g_test_rand_int_range(0, 200000));
        }
        size_t bytes = (size_t)(640 * 360) * sizeof(uint32_t);
        g_autofree uint32_t *pieces = g_memdup2(screen->ground.pixels, bytes);
        layers_damage_all(screen->layers);
        memset(screen->ground.pixels, 0x55, bytes);
        screen_turn(screen, 0);
        g_assert_cmpmem(pieces, bytes, screen->ground.pixels, bytes);
        screen_free(screen);
    }
}

static void test_still_costs_nothing(void)
{
    lobby = (Lobby){.newest = 17};
    Screen *screen = screen_new(LAYOUT_DESK, 1280, 720, false, true);
    screen_turn(screen, 0);
    screen_turn(screen, 300000);
    g_assert_cmpint(screen_turn(screen, 16667), ==, 0);
    set_all_changed();
    g_assert_cmpint(screen_turn(screen, 16667), ==, 0); /* drawn again, and the same */
    lobby.newest++;
    lobby.has_changed[AREA_BOARD] = true;
    int64_t board = screen_turn(screen, 16667);
    Rect area = screen->layout.areas[AREA_BOARD];
    g_assert_cmpint(board, >, 0);
    g_assert_cmpint(board, <, area.width * area.height); /* the numbers, not their plates */
    screen_free(screen);
}

static void test_arrives_and_leaves(void)
{
    lobby = (Lobby){.newest = 17};
    Screen *screen = screen_new(LAYOUT_CINEMA, 1280, 720, false, false);
    screen_turn(screen, 0);
    uint32_t before = pixel_at(screen, AREA_SPOTLIGHT, 0.01, 0.5);
    lobby.called = "A-018";
    lobby.has_changed[AREA_SPOTLIGHT] = true;
    screen_turn(screen, 0);
    g_assert_cmphex(pixel_at(screen, AREA_SPOTLIGHT, 0.01, 0.5), ==, before);
    screen_turn(screen, 60000);
    uint32_t half = pixel_at(screen, AREA_SPOTLIGHT, 0.01, 0.5);
    g_assert_cmphex(half, !=, before);
    g_assert_cmphex(half, !=, LOOK_AMBER_PLATE);
    screen_turn(screen, 190000);
    g_assert_cmphex(pixel_at(screen, AREA_SPOTLIGHT, 0.01, 0.5), ==, LOOK_AMBER_PLATE);
    lobby.called = NULL;
    lobby.has_changed[AREA_SPOTLIGHT] = true;
    screen_turn(screen, 0);
    screen_turn(screen, 90000);
    g_assert_cmphex(pixel_at(screen, AREA_SPOTLIGHT, 0.01, 0.5), !=, LOOK_AMBER_PLATE);
    screen_turn(screen, 91000);
    g_assert_cmphex(pixel_at(screen, AREA_SPOTLIGHT, 0.01, 0.5), ==, before);
    screen_free(screen);
}

/* Who wants less motion sees a call, a banner and their end at once. */
static void test_reduced_motion(void)
{
    lobby = (Lobby){.newest = 17};
    Screen *screen = screen_new(LAYOUT_CINEMA, 1280, 720, false, true);
    screen_turn(screen, 0);
    uint32_t call_before = pixel_at(screen, AREA_SPOTLIGHT, 0.01, 0.5);
    uint32_t banner_before = pixel_at(screen, AREA_BANNER, 0.01, 0.5);
    lobby.called = "A-018";
    lobby.banner = "Mobil B 1234 XY: mohon dipindahkan.";
    set_all_changed();
    screen_turn(screen, 0);
    g_assert_cmphex(pixel_at(screen, AREA_SPOTLIGHT, 0.01, 0.5), ==, LOOK_AMBER_PLATE);
    g_assert_cmphex(pixel_at(screen, AREA_BANNER, 0.01, 0.5), ==, LOOK_AMBER_PLATE);
    g_assert_false(layers_are_moving(screen->layers));
    lobby.called = lobby.banner = NULL;
    set_all_changed();
    screen_turn(screen, 0);
    g_assert_cmphex(pixel_at(screen, AREA_SPOTLIGHT, 0.01, 0.5), ==, call_before);
    g_assert_cmphex(pixel_at(screen, AREA_BANNER, 0.01, 0.5), ==, banner_before);
    screen_free(screen);
}

/* Where the ticker's ink begins, in pixels from the area's left side. */
static int ticker_begin(const Screen *screen)
{
    Rect area = screen->layout.areas[AREA_TICKER];
    for (int x = area.x; x < area.x + area.width; x++)
        for (int y = area.y; y < area.y + area.height; y++)
            if ((screen->ground.pixels[y * screen->ground.stride + x] & 0xFFFFFF) != LOOK_PAPER)
                return x - area.x;
    return area.width;
}

static void test_glides(void)
{
    lobby = (Lobby){.newest = 17};
    Screen *screen = screen_new(LAYOUT_CINEMA, 1280, 720, false, false);
    screen_turn(screen, 0);
    g_assert_cmpint(ticker_begin(screen), ==, screen->layout.areas[AREA_TICKER].width);
    g_assert_true(layers_are_moving(screen->layers));
    screen_turn(screen, 1000000);
    int first = ticker_begin(screen);
    screen_turn(screen, 1000000);
    int second = ticker_begin(screen);
    /* Fourteen letters a second, each about half an em of 4 % of the height. */
    g_assert_cmpint(first - second, >, 14 * 0.3 * 0.04 * 720);
    g_assert_cmpint(first - second, <, 14 * 0.75 * 0.04 * 720);
    /* Smooth: a sixtieth of that each refresh, never back, never more than a pixel off. */
    double step = (first - second) / 60.0, before = second;
    for (int i = 0; i < 20; i++) {
        screen_turn(screen, 16667);
        double here = ticker_begin(screen);
        g_assert_cmpfloat(fabs(before - here - step), <=, 1.1);
        before = here;
    }
    screen_free(screen);
    screen = screen_new(LAYOUT_CINEMA, 1280, 720, false, true);
    screen_turn(screen, 0);
    g_assert_false(layers_are_moving(screen->layers));
    g_assert_cmpint(screen_turn(screen, 2900000), ==, 0);
    g_assert_cmpint(screen_turn(screen, 3000000), >, 0); /* another line */
    screen_free(screen);
}

/* Whatever captions want: inside the safe margin, on their plates, none on another. */
static void check_captions(CanvasTools *tools, const Layout *layout, Rect area)
{
    static const char *const words[] = {"Halo", "<b>Satu</b> baris yang agak panjang, lalu lagi",
                                        "خذ رقمك <i>A-17</i> من الجهاز", "a &lt; b &amp; c",
                                        "<b>not closed"};
    g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(Item));
    g_array_set_clear_func(items, (GDestroyNotify)item_clear);
    SerambiCanvas canvas = {.tools = tools, .layout = layout, .area = area, .items = items};
    Rect safe = {area.x + (int)lround(0.03 * area.width), area.y + (int)lround(0.03 * area.height),
                 area.width - 2 * (int)lround(0.03 * area.width),
                 area.height - 2 * (int)lround(0.03 * area.height)};
    for (int i = 0; i < 12; i++)
        serambi_draw_caption(&canvas,
                             &(SerambiCaption){.x = g_test_rand_double(),
                                               .y = g_test_rand_double(),
                                               .anchor_x = g_test_rand_int_range(0, 3) / 2.0,
                                               .anchor_y = g_test_rand_int_range(0, 3) / 2.0,
                                               .width = g_test_rand_double(),
                                               .align = g_test_rand_int_range(1, 4),
                                               .colour = "ink",
                                               .markup = words[g_test_rand_int_range(0, 5)]});
    g_assert_cmpuint(items->len, >=, 2);
    g_assert_cmpuint(items->len % 2, ==, 0);
    for (guint i = 0; i < items->len; i += 2) {
        const Item *plate = &g_array_index(items, Item, i), *text = plate + 1;
        g_assert_cmpint(plate->kind, ==, ITEM_PLATE);
        g_assert_cmpint(text->kind, ==, ITEM_TEXT);
        g_assert_true(rect_contains(safe, plate->rect));
        g_assert_true(rect_contains(plate->rect, text->rect));
        for (guint j = 0; j < i; j += 2)
            g_assert_true(
                rect_is_empty(rect_intersect(plate->rect, g_array_index(items, Item, j).rect)));
    }
}

static void test_captions(void)
{
    CanvasTools *tools = canvas_tools_new(false);
    for (int i = 0; i < 40; i++) {
        Layout lying = layout_make(i % 2 ? LAYOUT_CINEMA : LAYOUT_DESK, 640, 360, i % 3 == 0);
        Layout standing = layout_make(LAYOUT_CINEMA, 360, 640, i % 3 == 0);
        check_captions(tools, &lying, lying.areas[AREA_PICTURE]);
        check_captions(tools, &standing, standing.areas[AREA_PICTURE]);
    }
    canvas_tools_free(tools);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/look/contrast", test_contrast);
    g_test_add_func("/look/screens", test_screens);
    g_test_add_func("/look/pieces", test_pieces);
    g_test_add_func("/look/still-costs-nothing", test_still_costs_nothing);
    g_test_add_func("/look/arrives-and-leaves", test_arrives_and_leaves);
    g_test_add_func("/look/reduced-motion", test_reduced_motion);
    g_test_add_func("/look/glides", test_glides);
    g_test_add_func("/look/captions", test_captions);
    return g_test_run();
}
