/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The bar code. */
#include "barcode.h"

#define BLACK 16
#define WHITE 235
/* Between the brightest dark and the darkest bright cell of a row's ends there is at least this. */
#define CONTRAST_MIN 80
#define BITS_A_ROW   16
#define LEAD         2 /* cells before the bits, and behind */

/* CRC-8 with polynomial x^8 + x^2 + x + 1 (ITU-T I.432.1). */
static uint8_t check_sum(uint32_t bits)
{
    uint8_t sum = 0;
    for (int i = 23; i >= 0; i--) {
        bool is_one = (bits >> i & 1) != (uint32_t)(sum >> 7);
        sum = (uint8_t)((sum << 1) ^ (is_one ? 0x07 : 0));
    }
    return (uint8_t)(sum ^ 0x55); /* as there: nothing but zeros is no code */
}

static uint32_t word_of(Barcode code)
{
    uint32_t bits = (uint32_t)code.clip << 16 | (uint32_t)code.frame;
    return bits << 8 | check_sum(bits);
}

static bool is_white(uint32_t word, int row, int cell)
{
    if (cell < LEAD)
        return cell == 0;
    if (cell >= BARCODE_CELLS - LEAD)
        return cell == BARCODE_CELLS - 1;
    int bit = row * BITS_A_ROW + cell - LEAD;
    return word >> (BARCODE_ROWS * BITS_A_ROW - 1 - bit) & 1;
}

static void draw_rows(uint8_t *luma, size_t stride, int width, int row_height, int top,
                      uint32_t word)
{
    for (int y = 0; y < BARCODE_ROWS * row_height; y++) {
        uint8_t *line = luma + (size_t)(top + y) * stride;
        for (int x = 0; x < width; x++)
            line[x] = is_white(word, y / row_height, x * BARCODE_CELLS / width) ? WHITE : BLACK;
    }
}

void barcode_draw(uint8_t *luma, size_t stride, int width, int height, Barcode code)
{
    int row_height = height / BARCODE_ROW_SHARE;
    draw_rows(luma, stride, width, row_height, 0, word_of(code));
    draw_rows(luma, stride, width, row_height, height - BARCODE_ROWS * row_height, word_of(code));
}

/* The 16 bits of a row, or -1. */
static int32_t read_row(const uint8_t cells[BARCODE_CELLS])
{
    const int last = BARCODE_CELLS - 1;
    int dark = cells[1] > cells[last - 1] ? cells[1] : cells[last - 1];
    int bright = cells[0] < cells[last] ? cells[0] : cells[last];
    if (bright - dark < CONTRAST_MIN)
        return -1;
    int32_t bits = 0;
    for (int cell = LEAD; cell < BARCODE_CELLS - LEAD; cell++)
        bits = bits << 1 | (cells[cell] > (dark + bright) / 2);
    return bits;
}

BarcodeState barcode_read(const uint8_t cells[BARCODE_ROWS][BARCODE_CELLS], Barcode *ret_code)
{
    int32_t upper = read_row(cells[0]), lower = read_row(cells[1]);
    if (upper < 0 && lower < 0)
        return BARCODE_NONE;
    if (upper < 0 || lower < 0)
        return BARCODE_TORN;
    uint32_t word = (uint32_t)upper << BITS_A_ROW | (uint32_t)lower;
    if (check_sum(word >> 8) != (word & 0xFF))
        return BARCODE_TORN;
    *ret_code = (Barcode){.clip = (int)(word >> 24), .frame = (int)(word >> 8 & 0xFFFF)};
    return BARCODE_WHOLE;
}

void barcode_middle(int row, int cell, bool is_foot, double *ret_x, double *ret_y)
{
    *ret_x = (cell + 0.5) / BARCODE_CELLS;
    double first = is_foot ? BARCODE_ROW_SHARE - BARCODE_ROWS : 0;
    *ret_y = (first + row + 0.5) / BARCODE_ROW_SHARE;
}
