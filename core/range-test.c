/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Range headers, right and wrong ones. */
#include "core/range.h"
#include <glib.h>

static const struct {
    const char *header, *expected; /* "first-last ..." , "none", "416" */
} cases[] = {
    {"bytes=0-99", "0-99"},
    {"bytes=0-", "0-999"},
    {"bytes=-1", "999-999"},
    {"bytes=-5000", "0-999"},
    {"BYTES=10-20", "10-20"},
    {"bytes=990-5000", "990-999"},
    {"bytes=0-0,999-", "0-0 999-999"},
    {"bytes= 0-9 , 50-59 ", "0-9 50-59"},
    {"bytes=50-59,0-9", "0-9 50-59"},
    {"bytes=0-9,5-20,21-30", "0-30"},
    {"bytes=0-999,0-999,0-999,0-999", "0-999"},
    {"bytes=0-1,5-6,10-11,20-21", "0-1 5-6 10-11 20-21"},
    {"bytes=0-1,5-6,10-11,20-21,30-31", "416"},
    {"bytes=1000-", "416"},
    {"bytes=2000-3000,5000-", "416"},
    {"bytes=2000-,5-6", "5-6"},
    {"bytes=-0", "416"},
    {"bytes=5-4", "none"},
    {"bytes=", "none"},
    {"bytes=a-b", "none"},
    {"bytes=1-2x", "none"},
    {"bytes=1", "none"},
    {"bytes=--1", "none"},
    {"bytes=1-2,", "none"},
    {"bytes=+1-2", "none"},
    {"lines=1-2", "none"},
    {"bytes=99999999999999999999999-", "none"},
    {"bytes=0-99999999999999999999999", "none"},
    {"", "none"},
};

static void test_cases(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Range ranges[LIMIT_RANGES];
        size_t count = 0;
        RangeResult result = range_parse(cases[i].header, 1000, ranges, &count);
        g_autoptr(GString) text = g_string_new(result == RANGE_NONE            ? "none"
                                               : result == RANGE_UNSATISFIABLE ? "416"
                                                                               : "");
        for (size_t k = 0; k < count; k++) {
            g_string_append_printf(text, "%s%d-%d", k == 0 ? "" : " ", (int)ranges[k].first,
                                   (int)ranges[k].last);
        }
        g_test_message("%s", cases[i].header);
        g_assert_cmpstr(text->str, ==, cases[i].expected);
    }
}

static void test_empty_file(void)
{
    Range ranges[LIMIT_RANGES];
    size_t count;
    g_assert_cmpint(range_parse("bytes=0-", 0, ranges, &count), ==, RANGE_UNSATISFIABLE);
    g_assert_cmpint(range_parse("bytes=-5", 0, ranges, &count), ==, RANGE_UNSATISFIABLE);
    g_assert_cmpint(range_parse(NULL, 0, ranges, &count), ==, RANGE_NONE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/range/cases", test_cases);
    g_test_add_func("/range/empty-file", test_empty_file);
    return g_test_run();
}
