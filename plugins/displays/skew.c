/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How far apart the screens are, from what they report: serambi_display_status(), clock and shown.
 *
 * A screen's picture is late by its median, and by its clock's error more or less. The screens are
 * in step to within the distance from the earliest to the latest; if two that play the same clip
 * had different frames on glass at the same moment of the timeline, at least by that. */
#include "plugins/displays/displays.h"
#include <string.h>

#define PERIOD_US  (10 * G_USEC_PER_SEC) /* of media/screen/presentation.h */
#define OLD_US     (3 * PERIOD_US)       /* a report of an earlier period says nothing now */
#define GOOD_US    (20 * 1000)           /* one refresh at 50 Hz: nobody sees less */
#define FAIR_US    (80 * 1000)           /* two frames at 25 Hz: sound of two rooms still blends */
#define ERROR_US   (5 * 1000)            /* of a clock: a network as it should be is better */
#define LARGEST_US (INT64_C(1000000) * 3600)

static int64_t read_us(const json_t *object, const char *key)
{
    return CLAMP(json_integer_value(json_object_get(object, key)), -LARGEST_US, LARGEST_US);
}

static bool is_same_moment(const json_t *one, const json_t *other)
{
    static const char *const keys[] = {"until_us", "start_us", "source"};
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        if (!json_object_get(one, keys[i]) ||
            !json_equal(json_object_get(one, keys[i]), json_object_get(other, keys[i])))
            return false;
    return true;
}

/* Of the screens before this one. */
static int64_t frames_apart_us(const json_t *displays, size_t count, const json_t *shown)
{
    int64_t most_us = 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *status = json_object_get(json_array_get(displays, i), "status");
        const json_t *other = json_object_get(status, "shown");
        if (is_same_moment(shown, other))
            most_us =
                MAX(most_us, ABS(read_us(shown, "position_us") - read_us(other, "position_us")));
    }
    return most_us;
}

static const char *advice_of(const Skew *skew)
{
    return skew->screens < 2                 ? "alone"
           : skew->skew_us <= GOOD_US        ? "good"
           : skew->by_link > 0               ? "firewall"
           : skew->clock_error_us > ERROR_US ? "network"
                                             : "busy";
}

Skew skew_measure(const json_t *displays, int64_t now_us)
{
    Skew skew = {0};
    int64_t earliest_us = INT64_MAX, latest_us = INT64_MIN, apart_us = 0;
    size_t index;
    json_t *screen;
    json_array_foreach(displays, index, screen)
    {
        const json_t *status = json_object_get(screen, "status");
        const json_t *clock = json_object_get(status, "clock");
        const json_t *shown = json_object_get(status, "shown");
        const char *source = json_string_value(json_object_get(clock, "source"));
        if (!json_is_true(json_object_get(screen, "online")) || !source ||
            (strcmp(source, "udp") != 0 && strcmp(source, "link") != 0))
            continue;
        int64_t until_us = json_integer_value(json_object_get(shown, "until_us"));
        bool is_fresh = until_us > now_us - OLD_US && until_us <= now_us + PERIOD_US;
        int64_t late_us = is_fresh ? read_us(shown, "median_us") : 0;
        int64_t error_us = MAX(read_us(clock, "error_us"), 0);
        skew.screens++;
        skew.by_link += strcmp(source, "link") == 0;
        skew.clock_error_us = MAX(skew.clock_error_us, error_us);
        skew.worst_late_us =
            MAX(skew.worst_late_us, is_fresh ? ABS(read_us(shown, "worst_us")) : 0);
        earliest_us = MIN(earliest_us, late_us - error_us);
        latest_us = MAX(latest_us, late_us + error_us);
        if (is_fresh)
            apart_us = MAX(apart_us, frames_apart_us(displays, index, shown));
    }
    skew.skew_us = skew.screens < 2 ? 0 : MAX(latest_us - earliest_us, apart_us);
    skew.frames_apart_us = apart_us;
    skew.advice = advice_of(&skew);
    skew.is_bad = skew.screens >= 2 && skew.skew_us > FAIR_US;
    return skew;
}

json_t *skew_shape(const Skew *skew)
{
    return json_pack("{s:i, s:i, s:I, s:I, s:s, s:b}", "screens", skew->screens, "by_link",
                     skew->by_link, "within_us", (json_int_t)skew->skew_us, "clock_error_us",
                     (json_int_t)skew->clock_error_us, "advice", skew->advice, "is_bad",
                     skew->is_bad);
}

void skew_tell(Serambi *self, const Skew *skew)
{
    serambi_gauge(self, "skew_seconds", "The screens are in step to within this.",
                  (double)skew->skew_us / 1e6);
    serambi_gauge(self, "frames_apart_seconds",
                  "How far two screens were apart in the same clip at the same moment.",
                  (double)skew->frames_apart_us / 1e6);
    serambi_gauge(self, "clock_error_seconds", "Bound of the worst clock error of a screen.",
                  (double)skew->clock_error_us / 1e6);
    serambi_gauge(self, "worst_late_seconds",
                  "The farthest that a frame was from its time on a screen lately.",
                  (double)skew->worst_late_us / 1e6);
    serambi_gauge(self, "in_step", "Screens that follow the house clock now.", skew->screens);
    serambi_gauge(self, "clocks_by_link", "Of these, screens that have no clock by UDP.",
                  skew->by_link);
}
