/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The timeline never jumps for a little, and is set at once for much, between two videos; and how
 * late frames were. */
#include "media/screen/presentation.h"
#include "media/screen/timeline.h"
#include <glib.h>

#define BEGIN_US 1795406400000000LL

static void test_first(void)
{
    Timeline timeline = {0};
    timeline_lead(&timeline, 1000, BEGIN_US);
    g_assert_cmpint(timeline_at(&timeline, 1000), ==, BEGIN_US);
    g_assert_cmpint(timeline_at(&timeline, 41000), ==, BEGIN_US + 40000);
    g_assert_cmpint(timeline.stepped_us, ==, 0);
}

static void test_slews(void)
{
    Timeline timeline = {0};
    timeline_lead(&timeline, 0, BEGIN_US);
    /* The server turns out to be 20 ms behind: time still only goes forward. */
    int64_t before = timeline_at(&timeline, 0);
    for (int64_t at = 16667; at <= 60 * G_USEC_PER_SEC; at += 16667) {
        timeline_lead(&timeline, at, BEGIN_US + at - 20000);
        int64_t now = timeline_at(&timeline, at);
        g_assert_cmpint(now - before, >, 16667 - 20);
        g_assert_cmpint(now - before, <=, 16667);
        before = now;
    }
    g_assert_cmpint(timeline.delta_us, ==, BEGIN_US - 20000);
    g_assert_cmpint(timeline.stepped_us, ==, 0);
}

static void test_steps(void)
{
    Timeline timeline = {0};
    timeline_lead(&timeline, 0, BEGIN_US);
    timeline_lead(&timeline, 1000, BEGIN_US + 3600LL * G_USEC_PER_SEC);
    g_assert_cmpint(timeline_at(&timeline, 1000), ==, BEGIN_US + 3600LL * G_USEC_PER_SEC);
    g_assert_cmpint(timeline.stepped_us, ==, 3600LL * G_USEC_PER_SEC - 1000);
}

/* A day, while a video is on air: it is set when the next one comes, or after a while. */
static void test_waits_for_the_end(void)
{
    const int64_t day_us = 24 * 3600LL * G_USEC_PER_SEC;
    Timeline timeline = {.on_air = 3};
    timeline_lead(&timeline, 0, BEGIN_US);
    int64_t at = G_USEC_PER_SEC;
    for (; at < 50LL * G_USEC_PER_SEC; at += 16667) {
        timeline_lead(&timeline, at, BEGIN_US + at + day_us);
        g_assert_cmpint(timeline_at(&timeline, at), ==, BEGIN_US + at);
    }
    g_assert_cmpuint(timeline.steps, ==, 0);
    timeline.on_air = 4;
    timeline_lead(&timeline, at, BEGIN_US + at + day_us);
    g_assert_cmpint(timeline_at(&timeline, at), ==, BEGIN_US + at + day_us);
    g_assert_cmpuint(timeline.steps, ==, 1);
    /* Back again: a long video is cut into in the end. */
    int64_t since = at;
    for (; timeline.steps == 1; at += 100000)
        timeline_lead(&timeline, at, BEGIN_US + at);
    g_assert_cmpint(at - since, >=, TIMELINE_HOLD_US);
    g_assert_cmpint(at - since, <=, TIMELINE_HOLD_US + 200000);
    g_assert_cmpint(timeline.stepped_us, ==, 0);
}

static void test_presentation(void)
{
    static Presentation presentation; /* zero */
    json_auto_t *none = presentation_figures(&presentation);
    g_assert_cmpuint(json_object_size(none), ==, 0);
    const int64_t period_us = BEGIN_US / PRESENTATION_PERIOD_US * PRESENTATION_PERIOD_US;
    ClipShown shown = {.number = 9, .start_us = period_us - 5000000, .source = "sha256:ab"};
    for (int frame = 0; frame < 400; frame++) {
        shown.frame = frame;
        shown.begin_us = frame * 40000LL;
        int64_t late_us = frame == 200 ? 90000 : 3000;
        presentation_note(&presentation, &shown, shown.start_us + shown.begin_us + late_us);
        /* Painted again without being another frame. */
        presentation_note(&presentation, &shown, shown.start_us + shown.begin_us + late_us + 9000);
    }
    json_auto_t *figures = presentation_figures(&presentation);
    g_assert_cmpint(json_integer_value(json_object_get(figures, "until_us")), ==,
                    period_us + PRESENTATION_PERIOD_US);
    g_assert_cmpint(json_integer_value(json_object_get(figures, "frames")), ==, 250);
    g_assert_cmpint(json_integer_value(json_object_get(figures, "median_us")), ==, 3000);
    g_assert_cmpint(json_integer_value(json_object_get(figures, "worst_us")), ==, 90000);
    g_assert_cmpint(json_integer_value(json_object_get(figures, "frame")), ==, 374);
    g_assert_cmpint(json_integer_value(json_object_get(figures, "position_us")), ==, 374 * 40000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timeline/first", test_first);
    g_test_add_func("/timeline/slews", test_slews);
    g_test_add_func("/timeline/steps", test_steps);
    g_test_add_func("/timeline/waits-for-the-end", test_waits_for_the_end);
    g_test_add_func("/timeline/presentation", test_presentation);
    return g_test_run();
}
