/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a storyboard's author sees while writing: problems with their places, how long it becomes,
 * and the slide at the cursor. */
#pragma once
#include <glib.h>
#include <jansson.h>

/* Bytes of a picture of a slide, as PNG: in base64 it fits a line that the server reads (256 KiB).
 * A picture with a photograph in it becomes smaller until it does. */
#define LINT_PICTURE_BYTES_MAX (160 * 1024)

/* Reads and lays out a storyboard; draws the slide of a line.
 *
 * path   the storyboard; its pictures and recordings lie beside it
 * line   where the cursor is, from 1; 0: draws nothing
 * Returns {"problems":[{"line","column","length","code","word","hint","number","message"}],
 *         "estimate_ms", "languages":["id"],
 *         "slides":[{"line","kind","recording","says"}],
 *         "slide": index or null, "picture": base64 of a PNG or null}
 *         Problems come in the order of their places; code is storyboard.<code> of the catalogues.
 * Errors  REPORT_ERROR_CANNOT_OPEN */
json_t *lint_file(const char *path, unsigned line, GError **error);
