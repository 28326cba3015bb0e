/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One path with a horizontal run for each group of black modules: small, and without seams. */
#include "core/qr.h"
#include <glib.h>
#include <qrencode.h>

#define QUIET_ZONE 4 /* modules; ISO/IEC 18004, 6.3.8 */

static void append_row(GString *path, const QRcode *code, int y)
{
    const unsigned char *row = code->data + (size_t)y * (size_t)code->width;
    for (int x = 0; x < code->width; x++) {
        int start = x;
        while (x < code->width && (row[x] & 1))
            x++;
        if (x > start)
            g_string_append_printf(path, "M%d %dh%dv1h-%dz", start + QUIET_ZONE, y + QUIET_ZONE,
                                   x - start, x - start);
    }
}

char *qr_svg(const char *text)
{
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (!code)
        return NULL;
    g_autoptr(GString) path = g_string_new(NULL);
    for (int y = 0; y < code->width; y++)
        append_row(path, code, y);
    int size = code->width + 2 * QUIET_ZONE;
    QRcode_free(code);
    return g_strdup_printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
                           "shape-rendering=\"crispEdges\"><path fill=\"#fff\" "
                           "d=\"M0 0h%dv%dH0z\"/><path d=\"%s\"/></svg>",
                           size, size, size, size, path->str);
}
