/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * ROLL-MC: many walks with drawn services; their median is what a visitor is told. Drawing removes
 * the bias of means, which let busy counters come free together. */
#pragma once
#include "plugins/queue/walk.h"

#define ROLL_SAMPLES 100

typedef struct RollSamples RollSamples; /* the walks of one picture; used again */
RollSamples *roll_samples_new(void);
void roll_samples_free(RollSamples *samples);

/* Walks ROLL_SAMPLES times from the picture's event: the same picture gives the same waits. */
void roll_samples_run(RollSamples *samples, const WaitPicture *picture);
/* The wait in minutes at a level from 0 to 1 (0.5: the median) of one ticket of that picture,
 * between the two walks next to it. */
double roll_samples_wait(const RollSamples *samples, unsigned ticket, double level);
