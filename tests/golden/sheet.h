/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A sheet of screens as one PNG file, and how far two sheets differ. */
#pragma once
#include "media/screen/blend.h"
#include <glib.h>

/* Draws a screen at x, y of the sheet. */
void sheet_put(const Ground *sheet, const Ground *screen, int x, int y);

/* Colours of plates stay exactly as they are; those at the edges of letters are rounded to sixteen
 * steps a channel: a sheet is 40 KB so. One with a blur keeps finer steps, and is larger. */
void sheet_write(const Ground *sheet, const char *path);
/* False when there is no such file. Pixels by g_malloc. */
bool sheet_read(const char *path, Ground *ret_sheet);

/* Compares, and says where they differ most: a block of SHEET_BLOCK pixels a side.
 *
 * ret_difference  as large as the sheets: what is equal is dark, what differs is bright
 * Returns the number of blocks that differ: by more than antialiasing and rounding explain. */
#define SHEET_BLOCK 10
int sheet_compare(const Ground *fresh, const Ground *golden, const Ground *ret_difference,
                  int *ret_x, int *ret_y);
