/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Makes the test clips, in the profile of prepared tutorials (media/worker/master.h). Each frame
 * carries its bar code; with each second, and with the first frame, a patch in the middle is white
 * for one frame, and where there is sound a beep of 1 kHz begins with that frame. */
#pragma once
#include "schedule.h"

#define FILM_BEEP_MS 40
/* Of the height of the picture: the patch in the middle. */
#define FILM_PATCH_SHARE 5

/* A white patch in this frame, and a beep that begins with it. */
bool film_flashes(const Film *film, int64_t frame);

/* Encodes into folder, as <sha256> of the file; sets path and hash. Blocks. Errors  those of
 * ffmpeg_run() and of writing. */
bool film_make(Film *film, const char *folder, GError **error);
