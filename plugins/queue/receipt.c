/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Source: Epson's ESC/POS command reference; only commands that the cheap printers know too. */
#include "plugins/queue/receipt.h"
#include <string.h>

#define ROW_BYTES     (RECEIPT_DOTS / 8)
#define LINE_BYTES    48
#define QR_BYTES_MOST 700 /* model 2, correction M, within any printer's version limit */

static void add(GByteArray *out, const void *bytes, size_t size)
{
    g_byte_array_append(out, bytes, (guint)size);
}

#define ADD(out, ...)                                                                              \
    add(out, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* Printable ASCII of text; accents fall away, what has no Latin form becomes nothing. */
static void add_text(GByteArray *out, const char *text, size_t most)
{
    g_autofree char *plain = g_str_to_ascii(text, "C");
    for (const char *c = plain; *c && most > 0; c++) {
        if (g_ascii_isprint(*c)) {
            add(out, c, 1);
            most--;
        }
    }
}

static void add_label(GByteArray *out, const char *label)
{
    /* 12 dots a letter: four letters seven times as large fill 336 of 384 dots, five at five 300.
     */
    uint8_t size = strlen(label) <= 4 ? 0x66 : 0x44;
    ADD(out, 0x1d, '!', size);
    add_text(out, label, LINE_BYTES);
    ADD(out, '\n', 0x1d, '!', 0);
}

static void add_qr(GByteArray *out, const char *url)
{
    size_t size = strlen(url);
    if (size == 0 || size > QR_BYTES_MOST)
        return;
    size_t stored = size + 3;
    ADD(out, 0x1d, '(', 'k', 4, 0, '1', 'A', '2', 0); /* model 2 */
    ADD(out, 0x1d, '(', 'k', 3, 0, '1', 'C', 6);      /* dots of a module */
    ADD(out, 0x1d, '(', 'k', 3, 0, '1', 'E', '1');    /* correction M */
    ADD(out, 0x1d, '(', 'k', (uint8_t)(stored & 0xff), (uint8_t)(stored >> 8), '1', 'P', '0');
    add(out, url, size);
    ADD(out, 0x1d, '(', 'k', 3, 0, '1', 'Q', '0', '\n');
}

static void add_picture(GByteArray *out, GBytes *picture)
{
    gsize size = 0;
    const uint8_t *bits = g_bytes_get_data(picture, &size);
    size_t rows = size / ROW_BYTES;
    ADD(out, 0x1d, 'v', '0', 0, ROW_BYTES, 0, (uint8_t)(rows & 0xff), (uint8_t)(rows >> 8));
    add(out, bits, size);
    ADD(out, '\n');
}

bool receipt_is_picture(gsize size)
{
    return size > 0 && size % ROW_BYTES == 0 && size / ROW_BYTES <= RECEIPT_PICTURE_HEIGHT;
}

GByteArray *receipt_make(const Receipt *receipt)
{
    GByteArray *out = g_byte_array_new();
    ADD(out, 0x1b, '@', 0x1d, 'a', 0, 0x1b, 'a', 1); /* afresh, no automatic status, centred */
    add_label(out, receipt->label);
    if (receipt->picture)
        add_picture(out, receipt->picture);
    for (size_t i = 0; !receipt->picture && receipt->lines[i]; i++) {
        add_text(out, receipt->lines[i], LINE_BYTES);
        ADD(out, '\n');
    }
    add_qr(out, receipt->url);
    ADD(out, '\n', 0x1d, 'V', 66, 0); /* forward to the knife, and cut */
    return out;
}
