/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One walk through what is left of the day: counters come free, the rule picks, until all who wait
 * have been called. One walk answers for everybody.
 *
 * Source: the roll-forward of the planned counters; history estimators miss the plan (Ibrahim and
 * Whitt, POM 20(5) and Operations Research 59(5), 2011, on varying arrivals and staff). */
#pragma once
#include "plugins/queue/wait_picture.h"

#define WALK_ARRIVALS_MAX 256

/* Buffers used again for each walk; no allocation in between. */
typedef struct Walk Walk;
Walk *walk_new(void);
void walk_free(Walk *walk);

/* Looks at a picture once for many walks; borrows it until the next call. */
void walk_prepare(Walk *walk, const WaitPicture *picture);
/* Walks. ret_waits[i] is the wait of ticket i in minutes, 0 to closes - now; the latter also says
 * that it may not be reached. draws NULL: with means in the place of draws. */
void walk_run(Walk *walk, Draws *draws, float *ret_waits);
