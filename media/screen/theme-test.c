/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A library's own colours: taken, refused where nobody could read them, and said by how much. */
#include "media/look.h"
#include "media/screen/theme.h"
#include <string.h>

static void test_own_colours(void)
{
    g_auto(GStrv) complaints = theme_set("leaf=#9BD770 leaf_plate=#10261A", "Noto Serif");
    g_assert_cmpuint(g_strv_length(complaints), ==, 0);
    g_assert_cmphex(theme_colour("leaf"), ==, 0x9BD770);
    g_assert_cmphex(theme_colour("leaf_plate"), ==, 0x10261A);
    g_assert_cmphex(theme_colour("amber"), ==, LOOK_AMBER);
    g_assert_cmphex(theme_colour("no such name"), ==, LOOK_INK);
    g_assert_true(g_str_has_prefix(theme_font(), "Noto Serif, Noto Sans"));
    g_auto(GStrv) none = theme_set("", "");
    g_assert_cmpuint(g_strv_length(none), ==, 0);
    g_assert_cmphex(theme_colour("leaf"), ==, LOOK_LEAF);
    g_assert_cmpstr(theme_font(), ==, LOOK_FONT);
}

static void test_weak_pairs(void)
{
    /* Fine on paper, but the ink of rows lies on this plate. */
    g_auto(GStrv) complaints = theme_set("amber=#FFD080 leaf_plate=#7A8A80", "");
    g_assert_cmpuint(g_strv_length(complaints), ==, 1);
    g_assert_nonnull(strstr(complaints[0], "'ink' (#F2EFE6) on 'leaf_plate' (#7A8A80)"));
    g_assert_nonnull(strstr(complaints[0], "short of 7.0:1"));
    g_assert_cmphex(theme_colour("leaf_plate"), ==, LOOK_LEAF_PLATE);
    g_assert_cmphex(theme_colour("amber"), ==, 0xFFD080);
    /* One bad ground may take others with it: what remains can be read. */
    g_auto(GStrv) many = theme_set("paper=#FFFFFF ink=#101010 muted=#555555", "");
    g_assert_cmpuint(g_strv_length(many), >=, 1);
    g_assert_cmpfloat(theme_contrast(theme_colour("ink"), theme_colour("paper")), >=, 7);
    g_assert_cmpfloat(theme_contrast(theme_colour("muted"), theme_colour("paper")), >=, 7);
    g_assert_cmpfloat(theme_contrast(theme_colour("red"), theme_colour("paper")), >=, 7);
    g_auto(GStrv) none = theme_set("", "");
}

static void test_what_is_no_colour(void)
{
    g_auto(GStrv) complaints =
        theme_set("leaf lead=#FFFFFF leaf=#12345 leaf=#12345G leaf=red amber=#FFD080", "");
    g_assert_cmpuint(g_strv_length(complaints), ==, 5);
    g_assert_cmphex(theme_colour("leaf"), ==, LOOK_LEAF);
    g_assert_cmphex(theme_colour("amber"), ==, 0xFFD080);
    g_auto(GStrv) none = theme_set("", "");
}

static void test_contrast(void)
{
    g_assert_cmpfloat_with_epsilon(theme_contrast(0xFFFFFF, 0x000000), 21, 0.001);
    g_assert_cmpfloat_with_epsilon(theme_contrast(0x777777, 0xFFFFFF), 4.48, 0.01);
}

/* Words on a plate over any picture: also white and black, and also with weak own colours. */
static void test_plates(void)
{
    static const char *const own[] = {"", "paper=#0B0B0B ink=#A8A8A8 leaf_plate=#0B0B0B"};
    for (size_t i = 0; i < G_N_ELEMENTS(own); i++) {
        g_auto(GStrv) complaints = theme_set(own[i], "");
        for (int j = 0; j < 2; j++) {
            unsigned alpha = theme_plate_alpha(j ? "muted" : "ink", "paper");
            uint32_t below[2] = {0xFFFFFF, 0}, mixed[2] = {0, 0};
            for (int k = 0; k < 2; k++)
                for (int shift = 0; shift < 24; shift += 8)
                    mixed[k] |= ((((theme_colour("paper") >> shift) & 0xFF) * alpha +
                                  ((below[k] >> shift) & 0xFF) * (256 - alpha)) /
                                 256)
                                << shift;
            g_assert_cmpuint(alpha, >=, 204);
            g_assert_cmpuint(alpha, <=, 256);
            for (int k = 0; k < 2; k++)
                g_assert_cmpfloat(theme_contrast(theme_colour(j ? "muted" : "ink"), mixed[k]), >=,
                                  7);
        }
    }
    g_auto(GStrv) none = theme_set("", "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/theme/own-colours", test_own_colours);
    g_test_add_func("/theme/weak-pairs", test_weak_pairs);
    g_test_add_func("/theme/what-is-no-colour", test_what_is_no_colour);
    g_test_add_func("/theme/contrast", test_contrast);
    g_test_add_func("/theme/plates", test_plates);
    return g_test_run();
}
