/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Clips that nobody should play: a good film, and what chance makes of it. */
#pragma once
#include <glib.h>

/* Makes the films with ffmpeg in a folder; the good one is "good". */
void spoil_make_films(const char *folder);

/* How many ways there are, and the name of one. */
unsigned spoil_count(void);
const char *spoil_name(unsigned way);

/* Writes the spoilt clip. The same way and the same chance give the same clip. */
void spoil_write(unsigned way, GRand *chance, const char *folder, const char *path);

/* Films with these widths tell tests/storm/saboteur.c what to do to the worker that plays them. */
enum {
    SPOIL_CRASHES = 322,
    SPOIL_HANGS = 324,
    SPOIL_SCRIBBLES = 326,
    SPOIL_BABBLES = 328,
    SPOIL_CRAWLS = 330,
};
