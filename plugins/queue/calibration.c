/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One step of the calibration. */
#include "plugins/queue/calibration.h"
#include <math.h>

#define STEP   0.01
#define TARGET 0.90

double calibration_after(double level, bool was_inside)
{
    level += STEP * (TARGET - (was_inside ? 1 : 0));
    return fmin(fmax(level, CALIBRATION_LOW), CALIBRATION_HIGH);
}
