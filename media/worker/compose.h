/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Makes a narrated tutorial of a storyboard. */
#pragma once
#include <glib.h>
#include <jansson.h>

/* Writes master.mp4, poster.jpg, manifest.json and the captions of every language to the folder
 * (made if missing), and reports progress. The same storyboard gives the same bytes on the same
 * machine, as the first work of its process.
 *
 * path      the storyboard; its PNG pictures lie beside it
 * language  what is spoken and stands large on the slides; NULL: the storyboard's first
 * Returns   the result of the job `compose`, owned by the caller; NULL on failure
 * Errors    REPORT_ERROR_STORYBOARD, _CANNOT_OPEN, _CANNOT_WRITE, _NO_VOICE, _PROGRAM */
json_t *compose_file(const char *path, const char *language, const char *folder, GError **error);
