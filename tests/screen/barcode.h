/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The bar code that every frame of a test clip carries: which clip, which frame, and a sum that
 * tells a whole code from a torn one. It is drawn twice, at the top and at the foot of the picture,
 * so that a picture of two halves is found out.
 *
 * A code has two rows of 20 cells: white, black, 16 bits from the highest, black, white. The bits
 * of both rows are clip (8), frame (16), CRC-8 (8). At 1920 pixels a cell is 96 wide and 54 high:
 * it outlives x264, scaling and letter boxes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BARCODE_CELLS     20
#define BARCODE_ROWS      2
#define BARCODE_CLIP_MAX  255
#define BARCODE_FRAME_MAX 65535
/* Of the height of the picture: one row, at the top and again at the foot. */
#define BARCODE_ROW_SHARE 20

typedef struct {
    int clip, frame;
} Barcode;

/* Draws both codes into a plane of luma (16 black, 235 white). */
void barcode_draw(uint8_t *luma, size_t stride, int width, int height, Barcode code);

typedef enum {
    BARCODE_NONE = 1, /* nothing that looks like a row of ours */
    BARCODE_TORN,     /* rows of ours that do not belong together */
    BARCODE_WHOLE,
} BarcodeState;

/* cells: the brightness of the middles of all cells, row by row. ret_code is set for WHOLE. */
BarcodeState barcode_read(const uint8_t cells[BARCODE_ROWS][BARCODE_CELLS], Barcode *ret_code);

/* The middle of a cell as a share of the picture's size; is_foot: of the lower code. */
void barcode_middle(int row, int cell, bool is_foot, double *ret_x, double *ret_y);
