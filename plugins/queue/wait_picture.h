/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * All that an estimate looks at: counters, who waits, what is planned. Times are minutes on one
 * scale of the caller's choice; the clock may be set, so now may lie before a start. */
#pragma once
#include "plugins/queue/fairness.h"
#include "plugins/queue/learned.h"
#include "plugins/queue/plan.h"
#include <stddef.h>

#define PICTURE_COUNTERS_MAX 64
#define PICTURE_TICKETS_MAX  1024 /* those behind it get no estimate */

typedef struct {
    CounterPlan plan;
    uint32_t classes; /* bit i: serves class i */
    bool is_signed_in;
    bool is_busy;
    bool may_be_absent;     /* busy, and the visitor has not been seen yet */
    unsigned current_class; /* of the ticket at it, when busy */
    double busy_since;
} PictureCounter;

typedef struct {
    int64_t id; /* 0: somebody who might come now; takes no counter's time. Only at the end */
    unsigned class_index;
    bool is_priority;
    double issued;
} PictureTicket;

typedef struct WaitPicture {
    double now, closes;
    uint64_t event; /* seeds the draws */
    PictureCounter counters[PICTURE_COUNTERS_MAX];
    unsigned counter_count;
    PictureTicket tickets[PICTURE_TICKETS_MAX]; /* in the order of their lines */
    unsigned ticket_count;
    FairnessRule rule;
    unsigned normal_since;
    unsigned recent_arrivals;      /* within the last 30 minutes */
    const Learned *learned;        /* borrowed */
    int64_t services[CLASSES_MAX]; /* the id of each class, ascending */
    unsigned service_count;
} WaitPicture;
