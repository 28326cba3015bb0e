/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The timeline never jumps for a little, and is set at once for much. */
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timeline/first", test_first);
    g_test_add_func("/timeline/slews", test_slews);
    g_test_add_func("/timeline/steps", test_steps);
    return g_test_run();
}
