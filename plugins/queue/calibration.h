/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The level at which the range ends, moved after each call so that nine of ten waits stay inside.
 *
 * Source: adaptive conformal inference, Gibbs and Candes, NeurIPS 2021, with step 0.01. */
#pragma once
#include <stdbool.h>

#define CALIBRATION_START 0.90
#define CALIBRATION_LOW   0.50
#define CALIBRATION_HIGH  0.995

/* The next level, CALIBRATION_LOW to CALIBRATION_HIGH, after a call whose wait was inside or not.
 */
double calibration_after(double level, bool was_inside);
