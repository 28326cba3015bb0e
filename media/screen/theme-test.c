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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/theme/own-colours", test_own_colours);
    g_test_add_func("/theme/weak-pairs", test_weak_pairs);
    g_test_add_func("/theme/what-is-no-colour", test_what_is_no_colour);
    g_test_add_func("/theme/contrast", test_contrast);
    return g_test_run();
}
