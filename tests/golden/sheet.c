/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Sheets: small PNG files, and their comparison. Cairo reads PNG, but writes it without a palette,
 * four times as large. */
#include "tests/golden/sheet.h"
#include <cairo.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Colours that so many pixels of a sheet have are plates, not edges. */
#define PLATE_PIXELS 150
#define PALETTE_MAX  256

#define STEP_AT_EDGES 17
#define STEP_IN_BLUR  5

/* A block's mean may be off by this much in a channel: rounding of edges comes to less. */
#define MEAN_MAX 3
/* So may a single pixel: half a step of rounding and an eighth of a contrast of antialiasing. */
#define PIXEL_MAX 40

void sheet_put(const Ground *sheet, const Ground *screen, int x, int y)
{
    for (int row = 0; row < screen->height; row++)
        memcpy(sheet->pixels + (ptrdiff_t)(y + row) * sheet->stride + x,
               screen->pixels + (ptrdiff_t)row * screen->stride,
               (size_t)screen->width * sizeof *sheet->pixels);
}

/* --- Writing ---------------------------------------------------------------------------------- */

static uint32_t round_channel(uint32_t value, uint32_t step)
{
    return MIN((value + step / 2) / step * step, 255);
}

static uint32_t round_colour(uint32_t rgb, uint32_t step)
{
    return round_channel(rgb >> 16 & 0xFF, step) << 16 | round_channel(rgb >> 8 & 0xFF, step) << 8 |
           round_channel(rgb & 0xFF, step);
}

static uint32_t *key_new(uint32_t rgb)
{
    uint32_t *key = g_new(uint32_t, 1);
    *key = rgb;
    return key;
}

/* Colour -> place in the palette; with steps so coarse that all find one. */
static GHashTable *make_palette(const Ground *sheet, GHashTable *counts, uint32_t step,
                                uint32_t *ret_palette)
{
    GHashTable *places = g_hash_table_new_full(g_int_hash, g_int_equal, g_free, NULL);
    guint used = 0;
    size_t count = (size_t)sheet->width * (size_t)sheet->height;
    for (size_t i = 0; i < count; i++) {
        uint32_t rgb = sheet->pixels[i] & 0xFFFFFF;
        int pixels = GPOINTER_TO_INT(g_hash_table_lookup(counts, &rgb));
        uint32_t kept = pixels >= PLATE_PIXELS ? rgb : round_colour(rgb, step);
        if (g_hash_table_contains(places, &kept))
            continue;
        if (used == PALETTE_MAX) {
            g_hash_table_unref(places);
            return NULL;
        }
        ret_palette[used] = kept;
        g_hash_table_insert(places, key_new(kept), GUINT_TO_POINTER(used++));
    }
    return places;
}

static GHashTable *count_colours(const Ground *sheet)
{
    GHashTable *counts = g_hash_table_new_full(g_int_hash, g_int_equal, g_free, NULL);
    size_t count = (size_t)sheet->width * (size_t)sheet->height;
    for (size_t i = 0; i < count; i++) {
        uint32_t rgb = sheet->pixels[i] & 0xFFFFFF;
        int pixels = GPOINTER_TO_INT(g_hash_table_lookup(counts, &rgb));
        g_hash_table_replace(counts, key_new(rgb), GINT_TO_POINTER(pixels + 1));
    }
    return counts;
}

static void append_number(GByteArray *bytes, uint32_t value)
{
    uint32_t big = GUINT32_TO_BE(value);
    g_byte_array_append(bytes, (const uint8_t *)&big, 4);
}

static void append_chunk(GByteArray *file, const char *kind, const uint8_t *bytes, size_t size)
{
    append_number(file, (uint32_t)size);
    guint start = file->len;
    g_byte_array_append(file, (const uint8_t *)kind, 4);
    g_byte_array_append(file, bytes, (guint)size);
    append_number(file, (uint32_t)crc32(0, file->data + start, file->len - start));
}

/* Rows of palette places, each after the byte that says "no filter". */
static uint8_t *make_rows(const Ground *sheet, GHashTable *counts, GHashTable *places,
                          uint32_t step, size_t *ret_size)
{
    size_t row_size = (size_t)sheet->width + 1;
    *ret_size = row_size * (size_t)sheet->height;
    uint8_t *rows = g_malloc0(*ret_size);
    for (int y = 0; y < sheet->height; y++)
        for (int x = 0; x < sheet->width; x++) {
            uint32_t rgb = sheet->pixels[(ptrdiff_t)y * sheet->stride + x] & 0xFFFFFF;
            int pixels = GPOINTER_TO_INT(g_hash_table_lookup(counts, &rgb));
            uint32_t kept = pixels >= PLATE_PIXELS ? rgb : round_colour(rgb, step);
            rows[(size_t)y * row_size + 1 + (size_t)x] =
                (uint8_t)GPOINTER_TO_UINT(g_hash_table_lookup(places, &kept));
        }
    return rows;
}

/* Rows of rounded colours: for sheets with a blur, whose colours no palette holds. */
static uint8_t *make_colour_rows(const Ground *sheet, size_t *ret_size)
{
    size_t row_size = 3 * (size_t)sheet->width + 1;
    *ret_size = row_size * (size_t)sheet->height;
    uint8_t *rows = g_malloc0(*ret_size);
    for (int y = 0; y < sheet->height; y++)
        for (int x = 0; x < sheet->width; x++) {
            uint32_t rgb =
                round_colour(sheet->pixels[(ptrdiff_t)y * sheet->stride + x], STEP_IN_BLUR);
            uint8_t *to = rows + (size_t)y * row_size + 1 + 3 * (size_t)x;
            to[0] = (uint8_t)(rgb >> 16);
            to[1] = (uint8_t)(rgb >> 8);
            to[2] = (uint8_t)rgb;
        }
    return rows;
}

static void append_packed(GByteArray *file, const uint8_t *rows, size_t size)
{
    uLongf packed_size = compressBound(size);
    g_autofree uint8_t *packed = g_malloc(packed_size);
    g_assert_cmpint(compress2(packed, &packed_size, rows, size, 9), ==, Z_OK);
    append_chunk(file, "IDAT", packed, packed_size);
    append_chunk(file, "IEND", NULL, 0);
}

static void append_palette(GByteArray *file, const uint32_t *palette, guint used)
{
    uint8_t colours[3 * PALETTE_MAX];
    for (guint i = 0; i < used; i++) {
        colours[3 * i] = (uint8_t)(palette[i] >> 16);
        colours[3 * i + 1] = (uint8_t)(palette[i] >> 8);
        colours[3 * i + 2] = (uint8_t)palette[i];
    }
    append_chunk(file, "PLTE", colours, 3 * used);
}

/* --- Reading and comparing -------------------------------------------------------------------- */

bool sheet_read(const char *path, Ground *ret_sheet)
{
    cairo_surface_t *surface = cairo_image_surface_create_from_png(path);
    bool is_read = cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS;
    if (is_read) {
        int width = cairo_image_surface_get_width(surface);
        int height = cairo_image_surface_get_height(surface);
        int stride = cairo_image_surface_get_stride(surface) / 4;
        Ground from = {(uint32_t *)cairo_image_surface_get_data(surface), width, height, stride};
        *ret_sheet =
            (Ground){g_new(uint32_t, (size_t)width * (size_t)height), width, height, width};
        sheet_put(ret_sheet, &from, 0, 0);
    }
    cairo_surface_destroy(surface);
    return is_read;
}

static int channel(uint32_t rgb, int number)
{
    return (int)(rgb >> (8 * number) & 0xFF);
}

/* How much a block is off; 0: within what is tolerated. Marks its pixels. */
static int compare_block(const Ground *fresh, const Ground *golden, const Ground *difference,
                         Rect block)
{
    int worst = 0, sums[3] = {0}, count = block.width * block.height;
    for (int y = block.y; y < block.y + block.height; y++)
        for (int x = block.x; x < block.x + block.width; x++) {
            uint32_t a = fresh->pixels[y * fresh->stride + x];
            uint32_t b = golden->pixels[y * golden->stride + x];
            int off = 0;
            for (int i = 0; i < 3; i++) {
                int by = channel(a, i) - channel(b, i);
                sums[i] += by;
                off = MAX(off, ABS(by));
            }
            worst = MAX(worst, off);
            uint32_t grey = (uint32_t)MIN(off * 3, 255);
            difference->pixels[y * difference->stride + x] =
                off > PIXEL_MAX ? 0xFF4040u : grey << 16 | grey << 8 | grey;
        }
    int mean = 0;
    for (int i = 0; i < 3; i++)
        mean = MAX(mean, ABS(sums[i]) / count);
    return mean > MEAN_MAX || worst > PIXEL_MAX ? MAX(worst, mean) : 0;
}

int sheet_compare(const Ground *fresh, const Ground *golden, const Ground *ret_difference,
                  int *ret_x, int *ret_y)
{
    int blocks = 0, worst = 0;
    for (int y = 0; y < fresh->height; y += SHEET_BLOCK)
        for (int x = 0; x < fresh->width; x += SHEET_BLOCK) {
            Rect block = {x, y, MIN(SHEET_BLOCK, fresh->width - x),
                          MIN(SHEET_BLOCK, fresh->height - y)};
            int off = compare_block(fresh, golden, ret_difference, block);
            blocks += off > 0;
            if (off > worst) {
                worst = off;
                *ret_x = x;
                *ret_y = y;
            }
        }
    return blocks;
}

/* has_palette: false keeps finer steps. False when no palette holds the colours. */
static bool write_file(const Ground *sheet, const char *path, bool has_palette)
{
    g_autoptr(GHashTable) counts = count_colours(sheet);
    uint32_t palette[PALETTE_MAX] = {0};
    g_autoptr(GHashTable) places =
        has_palette ? make_palette(sheet, counts, STEP_AT_EDGES, palette) : NULL;
    if (has_palette && !places)
        return false;
    size_t size;
    g_autofree uint8_t *rows = places ? make_rows(sheet, counts, places, STEP_AT_EDGES, &size)
                                      : make_colour_rows(sheet, &size);
    g_autoptr(GByteArray) file = g_byte_array_new();
    g_byte_array_append(file, (const uint8_t *)"\x89PNG\r\n\x1A\n", 8);
    g_autoptr(GByteArray) header = g_byte_array_new();
    append_number(header, (uint32_t)sheet->width);
    append_number(header, (uint32_t)sheet->height);
    /* Eight bits; a palette, or three channels. */
    g_byte_array_append(header, (const uint8_t *)(places ? "\x08\x03\0\0\0" : "\x08\x02\0\0\0"), 5);
    append_chunk(file, "IHDR", header->data, header->len);
    if (places)
        append_palette(file, palette, g_hash_table_size(places));
    append_packed(file, rows, size);
    g_autoptr(GError) error = NULL;
    (void)g_file_set_contents(path, (const char *)file->data, file->len, &error);
    g_assert_no_error(error);
    return true;
}

/* A golden sheet must not differ from what it was made of. */
static bool is_faithful(const Ground *sheet, const char *path)
{
    Ground kept;
    if (!sheet_read(path, &kept))
        return false;
    int x = 0, y = 0;
    bool is_same = sheet_compare(sheet, &kept, &kept, &x, &y) == 0;
    g_free(kept.pixels);
    return is_same;
}

void sheet_write(const Ground *sheet, const char *path)
{
    if (!write_file(sheet, path, true) || !is_faithful(sheet, path))
        (void)write_file(sheet, path, false);
}
