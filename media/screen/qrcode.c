/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * QR codes by libqrencode. */
#include "media/screen/qrcode.h"
#include <glib.h>
#include <qrencode.h>

#define QUIET_ZONE 4 /* modules, ISO/IEC 18004 section 9.1 */

void qrcode_free(Image *image)
{
    if (!image)
        return;
    g_free(image->pixels);
    g_free(image);
}

Image *qrcode_new(const char *text, int size)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    if (!code)
        return NULL;
    int modules = code->width + 2 * QUIET_ZONE;
    int scale = size / modules;
    if (scale < 1) {
        QRcode_free(code);
        return NULL;
    }
    Image *image = g_new0(Image, 1);
    image->width = image->height = image->stride = size;
    image->pixels = g_new(uint32_t, (size_t)size * (size_t)size);
    int margin = (size - code->width * scale) / 2;
    for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
            int column = x < margin ? -1 : (x - margin) / scale;
            int row = y < margin ? -1 : (y - margin) / scale;
            bool is_dark = column >= 0 && row >= 0 && column < code->width && row < code->width &&
                           code->data[row * code->width + column] & 1;
            image->pixels[y * size + x] = is_dark ? 0xFF000000u : 0xFFFFFFFFu;
        }
    }
    QRcode_free(code);
    return image;
}
