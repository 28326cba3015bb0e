/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Who of the priority and the normal line goes first: bounded overtaking. Pure functions without
 * database and clock, so that what calls people and what estimates their wait use the same rule. */
#pragma once
#include <stdbool.h>

typedef struct {
    unsigned ratio; /* normal calls between two priority calls; 0: priority always goes first */
    /* A normal head that waits longer goes before a priority head that does not; 0: off. */
    double age_cap_minutes;
} FairnessRule;

/* The head of one line. */
typedef struct {
    bool exists;
    double waited_minutes; /* since its issue; for an appointment since its time */
} FairnessHead;

typedef enum { FAIRNESS_NOBODY = 1, FAIRNESS_PRIORITY, FAIRNESS_NORMAL } FairnessPick;

/* Picks from the heads of the two lines.
 *
 * normal_since  normal calls since the last priority call; begins at the ratio
 * Promise       a normal visitor with j normal ones ahead at the issue is overtaken at most
 *               1 + j / ratio times (whole division), as long as nobody comes back into the line */
FairnessPick fairness_pick(const FairnessRule *rule, FairnessHead priority, FairnessHead normal,
                           unsigned normal_since);

/* The new normal_since after a call; stays at FAIRNESS_SINCE_MAX. */
#define FAIRNESS_SINCE_MAX 1000000u
unsigned fairness_after(bool priority_called, unsigned normal_since);
