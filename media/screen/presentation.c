/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * When frames came on glass. */
#include "media/screen/presentation.h"
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return (left > right) - (left < right);
}

static void finish_period(Presentation *presentation)
{
    uint32_t count = presentation->count;
    presentation->done_period = presentation->period;
    presentation->done_count = count;
    presentation->mark = presentation->last;
    if (count > 0) {
        qsort(presentation->late_us, count, sizeof *presentation->late_us, compare);
        int32_t least_us = presentation->late_us[0], most_us = presentation->late_us[count - 1];
        presentation->median_us = presentation->late_us[count / 2];
        presentation->worst_us = -least_us > most_us ? least_us : most_us;
    }
    presentation->count = 0;
}

void presentation_note(Presentation *presentation, const ClipShown *shown, int64_t now_us)
{
    int64_t period = now_us / PRESENTATION_PERIOD_US;
    if (period != presentation->period) {
        /* Nothing shown for a whole period, or a step of the timeline: there is no whole one. */
        if (period == presentation->period + 1)
            finish_period(presentation);
        presentation->count = 0;
        presentation->period = period;
    }
    bool is_known = shown->number == presentation->last.number;
    if (is_known && shown->frame == presentation->last.frame)
        return;
    presentation->last = *shown;
    int64_t late_us = now_us - shown->step_us - shown->start_us - shown->begin_us;
    if (presentation->count < PRESENTATION_FRAMES)
        presentation->late_us[presentation->count++] =
            (int32_t)CLAMP(late_us, G_MININT32, G_MAXINT32);
}

json_t *presentation_figures(const Presentation *presentation)
{
    if (presentation->done_count == 0)
        return json_object();
    const ClipShown *mark = &presentation->mark;
    return json_pack("{s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I}", "until_us",
                     (json_int_t)((presentation->done_period + 1) * PRESENTATION_PERIOD_US),
                     "frames", (json_int_t)presentation->done_count, "median_us",
                     (json_int_t)presentation->median_us, "worst_us",
                     (json_int_t)presentation->worst_us, "source", mark->source, "start_us",
                     (json_int_t)mark->start_us, "frame", (json_int_t)mark->frame, "position_us",
                     (json_int_t)mark->begin_us);
}
