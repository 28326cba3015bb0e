/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Who of two lines goes first. Pure: no database, no clock, so that what calls people and what
 * estimates their wait use the same rule. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t ratio; /* normal calls between two priority calls; 0: priority always first */
    int64_t
        age_cap_us; /* a normal head that waits longer precedes a younger priority head; 0: off */
} FairnessRule;

/* The head of one line. */
typedef struct {
    bool exists;
    int64_t waited_us; /* since its issue */
} FairnessHead;

typedef enum { FAIRNESS_NOBODY = 1, FAIRNESS_PRIORITY, FAIRNESS_NORMAL } FairnessPick;

/* Picks from the heads of the priority line and the normal line. *since is the number of normal
 * calls since the last priority call; it begins at the ratio, and is brought up to date for the
 * pick. A normal ticket with j normal ones ahead at its issue is overtaken 1 + j / ratio times at
 * most (whole division), as long as nobody comes back into the line. */
FairnessPick fairness_pick(const FairnessRule *rule, FairnessHead priority, FairnessHead normal,
                           int64_t *since);
