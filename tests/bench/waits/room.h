/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A queue as the log tells it: the picture for the estimators, and what the rivals look at. */
#pragma once
#include "plugins/queue/roll_samples.h"
#include "plugins/queue/wait_log.h"

typedef struct Room Room;

enum {
    GUESS_SAMPLES, /* ROLL-MC's median, the one that visitors are shown */
    GUESS_ROLL,
    GUESS_QUEUE_LENGTH,
    GUESS_HEAD_OF_LINE,
    GUESS_LAST_TO_ENTER,
    GUESS_LAST_TEN,
    GUESS_MOVING_AVERAGE,
    GUESS_OVERALL_MEAN,
    GUESS_POSITION,
    GUESS_COUNT,
};
extern const char *const guess_names[GUESS_COUNT];

typedef struct {
    double sum, squares, bias;
    uint64_t within, count;
} Score;

typedef struct {
    Score scores[GUESS_COUNT];
    uint64_t called, uncalled; /* of those with an estimate */
    uint64_t below_median, below_raw, below_calibrated;
    double waited;
    uint64_t refused; /* events that do not fit what was before */
} Scores;

/* ratio: of the fairness rule. scores is borrowed and added to. */
Room *room_new(unsigned ratio, Scores *scores);
void room_free(Room *room);
void room_event(Room *room, const WaitEvent *event);
/* Counts those who are still waiting as uncalled. */
void room_end_day(Room *room);
