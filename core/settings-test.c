/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Settings: every kind, every kind of mistake, and what the message says of it. */
#include "core/settings.h"
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
    bool is_loud;
    int64_t seats;
    const char *name, *speed;
} Hall;

static const SerambiSetting table[] = {
    {.key = "loud",
     .kind = SERAMBI_BOOL,
     .offset = offsetof(Hall, is_loud),
     .fallback = "false",
     .help = "whether the hall is loud"},
    {.key = "seats",
     .kind = SERAMBI_INT,
     .offset = offsetof(Hall, seats),
     .fallback = "12",
     .min = 1,
     .max = 500,
     .help = "chairs"},
    {.key = "name",
     .kind = SERAMBI_TEXT,
     .offset = offsetof(Hall, name),
     .fallback = "Serambi",
     .min = 1,
     .max = 20,
     .help = "what it is called"},
    {.key = "speed",
     .kind = SERAMBI_CHOICE,
     .offset = offsetof(Hall, speed),
     .fallback = "normal",
     .choices = "slow|normal|fast",
     .help = "of the ticker"},
    {0},
};

static Settings *load(const char *text, GError **error)
{
    g_autofree char *path = NULL;
    gint fd = g_file_open_tmp("serambi-settings-XXXXXX", &path, NULL);
    g_assert_true(g_close(fd, NULL));
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    Settings *settings = settings_load(path, false, error);
    (void)g_unlink(path);
    return settings;
}

static void test_defaults(void)
{
    Hall hall = {0};
    Settings *settings = settings_load("/nonexistent/serambi.ini", true, NULL);
    g_assert_true(settings_fill(settings, "hall", table, &hall, NULL));
    g_assert_false(hall.is_loud);
    g_assert_cmpint(hall.seats, ==, 12);
    g_assert_cmpstr(hall.name, ==, "Serambi");
    g_assert_cmpstr(hall.speed, ==, "normal");
    settings_free(settings);
    g_autoptr(GError) error = NULL;
    g_assert_null(settings_load("/nonexistent/serambi.ini", false, &error));
    g_assert_error(error, SETTINGS_ERROR, SETTINGS_ERROR_FILE);
}

static void test_values(void)
{
    Hall hall = {0};
    Settings *settings =
        load("# ours\n[hall]\nloud=true\nseats = 500\nname=Perpustakaan\nspeed=fast\n", NULL);
    g_assert_true(settings_fill(settings, "hall", table, &hall, NULL));
    g_assert_true(hall.is_loud);
    g_assert_cmpint(hall.seats, ==, 500);
    g_assert_cmpstr(hall.name, ==, "Perpustakaan");
    g_assert_cmpstr(hall.speed, ==, "fast");
    g_assert_true(settings_check_unknown(settings, NULL));
    settings_free(settings);
}

typedef struct {
    const char *text, *part, *more;
} Mistake;

static void test_mistakes(void)
{
    static const Mistake mistakes[] = {
        {"[hall]\n\nseats=0\n", "line 3: [hall] seats: '0'", "from 1 to 500"},
        {"[hall]\nseats=501\n", "line 2: [hall] seats", "from 1 to 500"},
        {"[hall]\nseats=many\n", "line 2: [hall] seats: 'many'", "whole number"},
        {"[hall]\nseats=99999999999999999999\n", "line 2", "from 1 to 500"},
        {"[hall]\nloud=yes\n", "line 2: [hall] loud: 'yes'", "true nor false"},
        {"[hall]\nname=\n", "line 2: [hall] name", "1 to 20 bytes"},
        {"[hall]\nname=a name far longer than this\n", "line 2: [hall] name", "1 to 20 bytes"},
        {"[hall]\nspeed=quick\n", "line 2: [hall] speed: 'quick'", "slow, normal, fast"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(mistakes); i++) {
        Hall hall = {.seats = 77};
        g_autoptr(GError) error = NULL;
        Settings *settings = load(mistakes[i].text, NULL);
        g_assert_false(settings_fill(settings, "hall", table, &hall, &error));
        g_assert_error(error, SETTINGS_ERROR, SETTINGS_ERROR_VALUE);
        g_assert_nonnull(strstr(error->message, mistakes[i].part));
        g_assert_nonnull(strstr(error->message, mistakes[i].more));
        g_assert_cmpint(hall.seats, ==, 77);
        g_assert_null(hall.name);
        settings_free(settings);
    }
}

static void test_unknown(void)
{
    static const Mistake mistakes[] = {
        {"[hall]\nseat=3\n", "line 2: [hall] has no setting 'seat'", "mean 'seats'"},
        {"[hal]\nseats=3\n", "line 1: nothing is called [hal]", "mean [hall]"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(mistakes); i++) {
        Hall hall = {0};
        g_autoptr(GError) error = NULL;
        Settings *settings = load(mistakes[i].text, NULL);
        g_assert_true(settings_fill(settings, "hall", table, &hall, NULL));
        g_assert_false(settings_check_unknown(settings, &error));
        g_assert_error(error, SETTINGS_ERROR, SETTINGS_ERROR_UNKNOWN);
        g_assert_nonnull(strstr(error->message, mistakes[i].part));
        g_assert_nonnull(strstr(error->message, mistakes[i].more));
        settings_free(settings);
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(load("seats=3\n", &error));
    g_assert_error(error, SETTINGS_ERROR, SETTINGS_ERROR_FILE);
}

/* What `check --defaults` prints is a file that means the defaults. */
static void test_describe(void)
{
    g_autofree char *text = settings_describe("hall", table);
    g_assert_nonnull(strstr(text, "# chairs (1 to 500)\nseats=12\n"));
    Hall hall = {0};
    Settings *settings = load(text, NULL);
    g_assert_true(settings_fill(settings, "hall", table, &hall, NULL));
    g_assert_true(settings_check_unknown(settings, NULL));
    g_assert_cmpint(hall.seats, ==, 12);
    settings_free(settings);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/settings/defaults", test_defaults);
    g_test_add_func("/settings/values", test_values);
    g_test_add_func("/settings/mistakes", test_mistakes);
    g_test_add_func("/settings/unknown", test_unknown);
    g_test_add_func("/settings/describe", test_describe);
    return g_test_run();
}
