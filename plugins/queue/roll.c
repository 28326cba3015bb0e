/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One walk with means. */
#include "plugins/queue/roll.h"

void roll_estimate(Walk *walk, const WaitPicture *picture, float *ret_waits)
{
    walk_prepare(walk, picture);
    walk_run(walk, NULL, ret_waits);
}
