/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Makes a master of an upload: rotation, frame rate, size, pixels, HDR and loudness are settled
 * once, here. */
#pragma once
#include "master.h"
#include "probe.h"
#include <glib.h>
#include <stdbool.h>

#define PREPARE_SECONDS 10 /* of a slide, when nothing else is asked for */

typedef struct PrepareWishes {
    int seconds;       /* how long a picture stands, or each page; 0: PREPARE_SECONDS */
    const char *title; /* of a recording without a picture; NULL: its own */
} PrepareWishes;

/* Writes master.mp4, poster.jpg and manifest.json to the folder (made if missing) and reports
 * progress. Errors  those of probe_file(); REPORT_ERROR_TRUNCATED if much of the promised length
 * could not be read */
bool prepare_file(int fd, const char *folder, const PrepareWishes *wishes, Master *ret_master,
                  GError **error);

/* The constant rate for a source of fps_n/fps_d frames a second: 24, 25 or 30. */
int prepare_rate(int fps_n, int fps_d);

/* The size of the master: upright, square pixels, even, within 1920x1080, never enlarged. */
void prepare_size(const Probe *probe, int *ret_width, int *ret_height);

/* The call of ffmpeg, NULL-terminated; the caller frees the array. */
GPtrArray *prepare_arguments(const Probe *probe, int seconds, const char *output);
