/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The pixel loops against plain arithmetic, pictures against their colour standard, codes. */
#include "media/screen/blend.h"
#include "media/screen/picture.h"
#include "media/screen/qrcode.h"
#include <glib.h>
#include <stdlib.h>
#include <string.h>

static int channel(uint32_t pixel, int shift)
{
    return (int)((pixel >> shift) & 0xFF);
}

static uint32_t random_premultiplied(void)
{
    uint32_t alpha = (uint32_t)g_test_rand_int_range(0, 256);
    uint32_t pixel = alpha << 24;
    for (int shift = 0; shift < 24; shift += 8)
        pixel |= (uint32_t)g_test_rand_int_range(0, (int)alpha + 1) << shift;
    return pixel;
}

static void test_row(void)
{
    static const unsigned fades[] = {256, 255, 128, 1, 0};
    for (int round = 0; round < 2000; round++) {
        uint32_t ground[37], source[37], before[37];
        int count = g_test_rand_int_range(1, 38);
        unsigned fade = fades[round % 5];
        for (int i = 0; i < count; i++) {
            before[i] = ground[i] = (uint32_t)g_test_rand_int();
            source[i] = round % 3 ? random_premultiplied() : 0;
        }
        blend_row(ground, source, count, fade);
        for (int i = 0; i < count; i++) {
            double alpha = channel(source[i], 24) / 255.0 * fade / 256;
            for (int shift = 0; shift < 24; shift += 8) {
                double right = channel(source[i], shift) * (double)fade / 256 +
                               channel(before[i], shift) * (1 - alpha);
                g_assert_cmpfloat_with_epsilon(channel(ground[i], shift), right, 2.01);
            }
        }
    }
}

static void test_opaque_and_nothing(void)
{
    uint32_t ground[8], source[8];
    for (int i = 0; i < 8; i++) {
        ground[i] = 0xFF123456u;
        source[i] = i < 4 ? 0xFFABCDEFu : 0;
    }
    blend_row(ground, source, 8, 256);
    for (int i = 0; i < 8; i++)
        g_assert_cmphex(ground[i] & 0xFFFFFF, ==, i < 4 ? 0xABCDEF : 0x123456);
}

#define SIDE 64
static uint32_t pixels[SIDE * SIDE];
static const Ground ground = {pixels, SIDE, SIDE, SIDE};

static void test_plate(void)
{
    memset(pixels, 0, sizeof pixels);
    g_autofree Corner *corner = corner_new(10);
    Rect plate = {4, 4, 56, 40};
    blend_plate(&ground, plate, plate, 0x52C7A0, 256, corner);
    g_assert_cmphex(pixels[4 * SIDE + 4] & 0xFFFFFF, ==, 0);          /* outside the corner */
    g_assert_cmphex(pixels[43 * SIDE + 59] & 0xFFFFFF, ==, 0);        /* and the opposite one */
    g_assert_cmphex(pixels[4 * SIDE + 30] & 0xFFFFFF, ==, 0x52C7A0);  /* edge */
    g_assert_cmphex(pixels[20 * SIDE + 4] & 0xFFFFFF, ==, 0x52C7A0);  /* side */
    g_assert_cmphex(pixels[20 * SIDE + 30] & 0xFFFFFF, ==, 0x52C7A0); /* inside */
    g_assert_cmphex(pixels[20 * SIDE + 60] & 0xFFFFFF, ==, 0);        /* beside */
    for (int y = 0; y < 40; y++)
        for (int x = 0; x < 56; x++) {
            uint32_t here = pixels[(4 + y) * SIDE + 4 + x];
            g_assert_cmphex(here, ==, pixels[(4 + y) * SIDE + 4 + 55 - x]);
            g_assert_cmphex(here, ==, pixels[(4 + 39 - y) * SIDE + 4 + x]);
        }
    /* Half of it, painted in stripes, looks as painted at once. */
    uint32_t whole[SIDE * SIDE];
    memset(pixels, 0x40, sizeof pixels);
    blend_plate(&ground, plate, plate, 0x52C7A0, 128, corner);
    memcpy(whole, pixels, sizeof pixels);
    memset(pixels, 0x40, sizeof pixels);
    for (int x = 0; x < SIDE; x += 5)
        blend_plate(&ground, plate, (Rect){x, 0, 5, SIDE}, 0x52C7A0, 128, corner);
    g_assert_cmpmem(whole, sizeof whole, pixels, sizeof pixels);
}

static void test_clips_to_ground(void)
{
    memset(pixels, 0, sizeof pixels);
    uint32_t dots[16 * 16];
    for (size_t i = 0; i < G_N_ELEMENTS(dots); i++)
        dots[i] = 0xFFFFFFFFu;
    Image image = {dots, 16, 16, 16};
    Rect everywhere = {-100, -100, 300, 300};
    blend_image(&ground, &image, -8, -8, everywhere, 256);
    blend_image(&ground, &image, SIDE - 8, SIDE - 8, everywhere, 256);
    blend_plate(&ground, (Rect){-50, 30, 300, 2}, everywhere, 0xFF0000, 256, NULL);
    g_assert_cmphex(pixels[0], ==, 0xFFFFFFFFu);
    g_assert_cmphex(pixels[8], ==, 0);
    g_assert_cmphex(pixels[SIDE * SIDE - 1], ==, 0xFFFFFFFFu);
    g_assert_cmphex(pixels[30 * SIDE] & 0xFFFFFF, ==, 0xFF0000);
}

/* One colour in every place, with chroma that tells 601 from 709. */
static Picture flat_picture(uint8_t *bytes, int width, int height, PictureColour colour)
{
    int half_width = (width + 1) / 2, half_height = (height + 1) / 2;
    uint8_t *u = bytes + width * height, *v = u + half_width * half_height;
    memset(bytes, 100, (size_t)(width * height));
    memset(u, 90, (size_t)(half_width * half_height));
    memset(v, 160, (size_t)(half_width * half_height));
    return (Picture){bytes, u, v, width, half_width, half_width, width, height, colour};
}

static void check_colour(PictureColour colour, double red, double green, double blue)
{
    uint8_t bytes[40 * 30 * 2];
    Picture picture = flat_picture(bytes, 40, 30, colour);
    memset(pixels, 0, sizeof pixels);
    picture_draw(&ground, &picture, 5, 7, (Rect){0, 0, SIDE, SIDE});
    uint32_t pixel = pixels[20 * SIDE + 20];
    g_assert_cmpfloat_with_epsilon(channel(pixel, 16), red, 2.5);
    g_assert_cmpfloat_with_epsilon(channel(pixel, 8), green, 2.5);
    /* libyuv's factor for blue ends at 2.0, 601's is 2.018. */
    g_assert_cmpfloat_with_epsilon(channel(pixel, 0), blue, 5);
}

static void test_colours(void)
{
    /* By hand from the matrices of BT.601 and BT.709; Y = 100, Cb = 90 - 128, Cr = 160 - 128. */
    double y = (100 - 16) * 255.0 / 219, cb = -38 * 255.0 / 224, cr = 32 * 255.0 / 224;
    check_colour(PICTURE_BT601, y + 1.402 * cr, y - 0.344 * cb - 0.714 * cr, y + 1.772 * cb);
    check_colour(PICTURE_BT709, y + 1.5748 * cr, y - 0.1873 * cb - 0.4681 * cr, y + 1.8556 * cb);
    check_colour(PICTURE_BT601_FULL, 100 + 1.402 * 32, 100 + 0.344 * 38 - 0.714 * 32,
                 100 - 1.772 * 38);
    check_colour(PICTURE_BT709_FULL, 100 + 1.5748 * 32, 100 + 0.1873 * 38 - 0.4681 * 32,
                 100 - 1.8556 * 38);
}

/* Any part of a picture is the same as that part of the whole, odd edges included. */
static void test_parts(void)
{
    enum { WIDTH = 41, HEIGHT = 33 };
    uint8_t bytes[WIDTH * HEIGHT * 2];
    Picture picture = flat_picture(bytes, WIDTH, HEIGHT, PICTURE_BT709);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)g_test_rand_int_range(16, 236);
    uint32_t whole[SIDE * SIDE];
    memset(pixels, 0, sizeof pixels);
    picture_draw(&ground, &picture, 3, 5, (Rect){0, 0, SIDE, SIDE});
    memcpy(whole, pixels, sizeof whole);
    for (int round = 0; round < 300; round++) {
        Rect part = {g_test_rand_int_range(-5, 50), g_test_rand_int_range(-5, 50),
                     g_test_rand_int_range(1, 40), g_test_rand_int_range(1, 40)};
        memset(pixels, 0, sizeof pixels);
        picture_draw(&ground, &picture, 3, 5, part);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                bool is_inside = rect_contains(part, (Rect){x, y, 1, 1});
                uint32_t right = is_inside ? whole[y * SIDE + x] : 0;
                g_assert_cmphex(pixels[y * SIDE + x], ==, right);
            }
    }
}

static void test_fit(void)
{
    Rect box = {100, 50, 1600, 900};
    Rect same = picture_fit(1600, 900, box), narrow = picture_fit(1080, 1920, box);
    g_assert_cmpint(same.x, ==, 100);
    g_assert_cmpint(same.width, ==, 1600);
    g_assert_cmpint(narrow.height, ==, 900);
    g_assert_cmpint(narrow.width, ==, 506);
    g_assert_true(rect_contains(box, narrow));
    g_assert_true(rect_contains(box, picture_fit(4096, 2, box)));
    g_assert_true(rect_is_empty(picture_fit(0, 0, box)));
    /* Coded size 1088 instead of 1080: as it is, no scaling. */
    Rect near = picture_fit(1598, 899, box);
    g_assert_cmpint(near.width, ==, 1598);
}

static void test_scale(void)
{
    uint8_t bytes[40 * 30 * 2];
    Picture picture = flat_picture(bytes, 40, 30, PICTURE_BT709);
    PictureScaler scaler = {0};
    g_assert_true(picture_scale(&scaler, &picture, 40, 30) == &picture);
    const Picture *large = picture_scale(&scaler, &picture, 61, 45);
    g_assert_cmpint(large->width, ==, 61);
    g_assert_cmpint(large->y[44 * large->y_stride + 60], ==, 100);
    g_assert_cmpint(large->u[22 * large->u_stride + 30], ==, 90);
    g_assert_cmpint(large->v[22 * large->v_stride + 30], ==, 160);
    picture_scaler_clear(&scaler);
}

/* Band by band gives the pixels that the two steps give, and none outside. */
static void test_draw_scaled(void)
{
    static const struct {
        int from_width, from_height, to_width, to_height;
    } CASES[] = {{64, 48, 80, 60}, {80, 60, 61, 45}, {33, 31, 77, 71}, {96, 80, 96, 49}};
    enum { SPACE = 128 };
    uint8_t bytes[128 * 128 * 2];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)g_test_rand_int_range(0, 256);
    g_autofree uint32_t *steps = g_new0(uint32_t, SPACE * SPACE);
    g_autofree uint32_t *bands = g_new0(uint32_t, SPACE * SPACE);
    Ground expected = {steps, SPACE, SPACE, SPACE}, drawn = {bands, SPACE, SPACE, SPACE};
    PictureScaler scaler = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
        int width = CASES[i].from_width, height = CASES[i].from_height;
        Picture picture = {bytes,
                           bytes + 128 * 128,
                           bytes + 128 * 160,
                           width,
                           width / 2 + 1,
                           width / 2 + 1,
                           width,
                           height,
                           PICTURE_BT709};
        Rect to = {7, 5, CASES[i].to_width, CASES[i].to_height};
        memset(steps, 0, SPACE * SPACE * sizeof *steps);
        memset(bands, 0, SPACE * SPACE * sizeof *bands);
        bool is_drawn = picture_draw_scaled(&drawn, &scaler, &picture, to);
        const Picture *scaled = picture_scale(&scaler, &picture, to.width, to.height);
        picture_draw(&expected, scaled, to.x, to.y, (Rect){0, 0, SPACE, SPACE});
        g_assert_true(is_drawn || !scaler.luma);
        if (is_drawn)
            g_assert_cmpmem(bands, SPACE * SPACE * 4, steps, SPACE * SPACE * 4);
    }
    Picture last = {bytes, bytes, bytes, 64, 32, 32, 64, 48, PICTURE_BT709};
    g_assert_false(picture_draw_scaled(&drawn, &scaler, &last, (Rect){0, 0, SPACE + 1, 60}));
    g_assert_false(picture_draw_scaled(&drawn, &scaler, &last, (Rect){-1, 0, 60, 60}));
    picture_scaler_clear(&scaler);
}

static double sample(const uint8_t *bytes, int width, int height, double x, double y)
{
    x = CLAMP(x, 0, width - 1);
    y = CLAMP(y, 0, height - 1);
    int left = (int)x, top = (int)y;
    int right = MIN(left + 1, width - 1), bottom = MIN(top + 1, height - 1);
    double upper =
        bytes[top * width + left] * (1 - x + left) + bytes[top * width + right] * (x - left);
    double lower =
        bytes[bottom * width + left] * (1 - x + left) + bytes[bottom * width + right] * (x - left);
    return upper * (1 - y + top) + lower * (y - top);
}

/* Every pixel against the arithmetic. Planes end where their memory ends: the sanitizer sees what
 * is read or written beside them. */
static void check_scale(int from_width, int from_height, int width, int height)
{
    g_autoptr(Scale) scale = scale_new(from_width, from_height, width, height);
    g_assert_nonnull(scale);
    g_autofree uint8_t *from = g_malloc((size_t)(from_width * from_height));
    g_autofree uint8_t *to = g_malloc((size_t)(width * height));
    for (int i = 0; i < from_width * from_height; i++)
        from[i] = (uint8_t)(g_test_rand_bit() ? g_test_rand_int_range(0, 256) : 255);
    scale_plane(scale, from, from_width, to, width);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            /* Two weights of 1/128 each, and two roundings. */
            g_assert_cmpfloat_with_epsilon(to[y * width + x],
                                           sample(from, from_width, from_height,
                                                  (x + 0.5) * from_width / width - 0.5,
                                                  (y + 0.5) * from_height / height - 0.5),
                                           5.5);
}

static void test_interpolation(void)
{
    check_scale(1920, 40, 1747, 36);
    check_scale(1280, 20, 1747, 27);
    check_scale(16, 2, 10, 2);
    check_scale(17, 3, 33, 9);
    check_scale(960, 10, 549, 6);
    for (int round = 0; round < 200; round++) {
        int from_width = g_test_rand_int_range(16, 90), from_height = g_test_rand_int_range(2, 12);
        check_scale(from_width, from_height,
                    g_test_rand_int_range((int)(from_width / SCALE_SHRINK_MAX) + 1, 200),
                    g_test_rand_int_range((int)(from_height / SCALE_SHRINK_MAX) + 1, 30));
    }
    g_assert_null(scale_new(1920, 1080, 640, 360));
    g_assert_null(scale_new(15, 20, 15, 20));
}

static void test_code(void)
{
    Image *image = qrcode_new("http://192.168.1.5:8080", 300);
    g_assert_nonnull(image);
    g_assert_cmpint(image->width, ==, 300);
    /* The quiet zone, the corner of a finder, its light ring. */
    g_assert_cmphex(image->pixels[0], ==, 0xFFFFFFFFu);
    int dark = 0;
    while (image->pixels[dark * 300 + dark] == 0xFFFFFFFFu)
        dark++;
    g_assert_cmpint(dark, >=, 4 * 300 / 60);
    int module = 0;
    while (image->pixels[(dark + module) * 300 + dark + module] != 0xFFFFFFFFu)
        module++;
    g_assert_cmphex(image->pixels[(dark + 3 * module) * 300 + dark + 3 * module], ==, 0xFF000000u);
    qrcode_free(image);
    g_autofree char *book = g_strnfill(5000, 'x');
    g_assert_null(qrcode_new(book, 300));
    g_assert_null(qrcode_new("http://192.168.1.5:8080", 20));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/blend/row", test_row);
    g_test_add_func("/blend/opaque-and-nothing", test_opaque_and_nothing);
    g_test_add_func("/blend/plate", test_plate);
    g_test_add_func("/blend/clips-to-ground", test_clips_to_ground);
    g_test_add_func("/picture/colours", test_colours);
    g_test_add_func("/picture/parts", test_parts);
    g_test_add_func("/picture/fit", test_fit);
    g_test_add_func("/picture/scale", test_scale);
    g_test_add_func("/picture/draw-scaled", test_draw_scaled);
    if (__builtin_cpu_supports("ssse3"))
        g_test_add_func("/picture/interpolation", test_interpolation);
    g_test_add_func("/qrcode/code", test_code);
    return g_test_run();
}
