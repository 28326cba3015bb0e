/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Clips of another shape: cut from the middle; on a blur that is dark, soft, rare and at rest when
 * the picture is. */
#include "media/screen/backdrop.h"
#include <stdlib.h>
#include <string.h>

#define WIDTH  360
#define HEIGHT 640

static uint8_t bytes[WIDTH * HEIGHT * 3 / 2];

/* Black above, white below, grey without colour. */
static Picture half_white(void)
{
    memset(bytes, 16, WIDTH * HEIGHT / 2);
    memset(bytes + WIDTH * HEIGHT / 2, 235, WIDTH * HEIGHT / 2);
    memset(bytes + WIDTH * HEIGHT, 128, WIDTH * HEIGHT / 2);
    return (Picture){bytes,
                     bytes + WIDTH * HEIGHT,
                     bytes + WIDTH * HEIGHT * 5 / 4,
                     WIDTH,
                     WIDTH / 2,
                     WIDTH / 2,
                     WIDTH,
                     HEIGHT,
                     PICTURE_BT709};
}

static void test_crops_the_middle(void)
{
    Picture picture = half_white();
    Picture part = backdrop_crop(&picture, 1920, 1080);
    g_assert_cmpint(part.width, ==, WIDTH);
    g_assert_cmpint(part.height, ==, WIDTH * 1080 / 1920);
    g_assert_cmpint((part.y - picture.y) / WIDTH, ==, ((HEIGHT - part.height) / 2 & ~1));
    g_assert_cmpint((part.u - picture.u) / (WIDTH / 2), ==, ((HEIGHT - part.height) / 2 & ~1) / 2);
    part = backdrop_crop(&picture, 10, 1000);
    g_assert_cmpint(part.height, ==, HEIGHT);
    g_assert_cmpint(part.width, ==, HEIGHT * 10 / 1000);
    /* Shapes beyond reason stay inside. */
    part = backdrop_crop(&picture, 1, 100000);
    g_assert_cmpint(part.width, ==, 2);
    part = backdrop_crop(&picture, 100000, 1);
    g_assert_cmpint(part.height, ==, 2);
}

static void test_fills_once_for_each_picture(void)
{
    Backdrop *backdrop = backdrop_new();
    Picture picture = half_white();
    const Picture *filled = backdrop_fill(backdrop, &picture, 1, 640, 360);
    g_assert_cmpint(filled->width, ==, 640);
    g_assert_cmpint(filled->height, ==, 360);
    g_assert_cmpint(filled->y[0], ==, 16);
    g_assert_cmpint(filled->y[359 * filled->y_stride], ==, 235);
    memset(bytes, 99, WIDTH * HEIGHT);
    filled = backdrop_fill(backdrop, &picture, 1, 640, 360);
    g_assert_cmpint(filled->y[0], ==, 16);
    filled = backdrop_fill(backdrop, &picture, 2, 640, 360);
    g_assert_cmpint(filled->y[0], ==, 99);
    backdrop_unref(backdrop);
}

static void test_blurs(void)
{
    Backdrop *backdrop = backdrop_new();
    Picture picture = half_white();
    g_assert_null(backdrop_blurred(backdrop, 1920, 984));
    g_assert_true(backdrop_follow(backdrop, &picture, 1920, 984, 1000));
    const Picture *blurred = backdrop_blurred(backdrop, 1920, 984);
    g_assert_cmpint(blurred->width, ==, 1920);
    g_assert_cmpint(blurred->height, ==, 984);
    int before = 0;
    for (int y = 0; y < 984; y++) {
        int here = blurred->y[y * blurred->y_stride + 700];
        g_assert_cmpint(here, <=, 16 + (235 - 16) * 40 / 100); /* dark */
        g_assert_cmpint(y ? abs(here - before) : 0, <=, 2);    /* soft */
        before = here;
    }
    g_assert_cmpint(before, >, 60); /* and the white half is still the brighter one */
    g_assert_cmpint(blurred->y[700], <, 30);
    backdrop_unref(backdrop);
}

static void test_follows_seldom_and_rests(void)
{
    Backdrop *backdrop = backdrop_new();
    Picture picture = half_white();
    int64_t now_us = 5000000;
    g_assert_true(backdrop_follow(backdrop, &picture, 1920, 984, now_us));
    g_assert_false(backdrop_follow(backdrop, &picture, 1920, 984, now_us + BACKDROP_EVERY_US));
    memset(bytes, 235, WIDTH * HEIGHT);
    int changes = 0;
    for (int frame = 0; frame < 30 * 5; frame++) {
        now_us += 33333;
        changes += backdrop_follow(backdrop, &picture, 1920, 984, now_us);
    }
    g_assert_cmpint(changes, >=, 4);     /* softly */
    g_assert_cmpint(changes, <=, 4 * 2); /* it has come to rest within two seconds */
    const Picture *blurred = backdrop_blurred(backdrop, 1920, 984);
    g_assert_cmpint(blurred->y[0], >=, 16 + (235 - 16) * 40 / 100 - 2);
    /* Another place is blurred at once. */
    g_assert_true(backdrop_follow(backdrop, &picture, 984, 1920, now_us + 1));
    backdrop_unref(backdrop);
}

/* Any size of picture and place, under the sanitizers. */
static void test_sizes(void)
{
    Picture whole = half_white();
    for (int i = 0; i < 300; i++) {
        Backdrop *backdrop = backdrop_new();
        Picture picture = whole;
        picture.width = g_test_rand_int_range(1, WIDTH + 1);
        picture.height = g_test_rand_int_range(1, HEIGHT + 1);
        int width = g_test_rand_int_range(1, 900), height = g_test_rand_int_range(1, 900);
        if (picture.width > 1 && picture.height > 1)
            g_assert_cmpint(backdrop_fill(backdrop, &picture, 1, width, height)->width, ==, width);
        bool is_blurred = backdrop_follow(backdrop, &picture, width, height, 1);
        g_assert_true(is_blurred == (picture.width > 1 && picture.height > 1));
        g_assert_true(is_blurred == (backdrop_blurred(backdrop, width, height) != NULL));
        backdrop_unref(backdrop);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/backdrop/crops-the-middle", test_crops_the_middle);
    g_test_add_func("/backdrop/fills-once-for-each-picture", test_fills_once_for_each_picture);
    g_test_add_func("/backdrop/blurs", test_blurs);
    g_test_add_func("/backdrop/follows-seldom-and-rests", test_follows_seldom_and_rests);
    g_test_add_func("/backdrop/sizes", test_sizes);
    return g_test_run();
}
