/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Judges what was seen against what was due. The clock decides: frame n of a clip is due from
 * start + n / rate on, until the next one is, or the slot ends. Whoever shows it may be late by one
 * refresh of a 60 Hz screen; what is judged is what the eye surely saw, so an eye that slept for a
 * moment accuses nobody. */
#pragma once
#include "eye.h"
#include "schedule.h"

#define VERDICT_REFRESH_US 16667
/* Clocks are converted and read one after the other. */
#define VERDICT_EARLY_US 1000

typedef struct {
    int transitions;     /* slots that began */
    int black;           /* times that the screen was black */
    int other;           /* ... that it showed the house slide, or anything but a clip */
    int wrong;           /* ... a clip that was not due, or a frame before its time */
    int backward;        /* frames that came back after a later one */
    int unseen;          /* slots of which no frame was seen */
    int torn;            /* pictures of two halves that stood longer than one refresh */
    int missing;         /* frames that were due for a refresh at least, and were never seen */
    int doubled;         /* frames that still stood one refresh after their time */
    int frames;          /* frames that were due for a refresh at least */
    int64_t freeze_us;   /* the longest that a frame stood after its time */
    int64_t torn_us;     /* the longest that a picture of two halves stood */
    GArray *cuts_us;     /* int64_t: from each slot's beginning until its clip was seen, sorted */
    GString *complaints; /* a line for each fault, the first of them */
} Verdict;

/* offset_us: CLOCK_REALTIME minus CLOCK_MONOTONIC. What lies outside the schedule is not judged. */
Verdict *verdict_new(const Schedule *schedule, const GArray *sights, int64_t offset_us);
void verdict_free(Verdict *verdict);
/* share: 0 to 1; 0.5 is the median; 0 without a cut. */
int64_t verdict_cut_us(const Verdict *verdict, double share);
