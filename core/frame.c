/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Finished WebSocket frames of the server's side. */
#include "core/frame.h"

size_t frame_text_header(uint8_t header[FRAME_HEADER_MAX], size_t size)
{
    header[0] = 0x81; /* FIN, text */
    if (size < 126) {
        header[1] = (uint8_t)size;
        return 2;
    }
    size_t bytes = size <= UINT16_MAX ? 2 : 8;
    header[1] = bytes == 2 ? 126 : 127;
    for (size_t i = 0; i < bytes; i++) {
        header[2 + i] = (uint8_t)((uint64_t)size >> 8 * (bytes - 1 - i));
    }
    return 2 + bytes;
}

void frame_append_text(GByteArray *out, const char *payload, size_t size)
{
    uint8_t header[FRAME_HEADER_MAX];
    g_byte_array_append(out, header, (guint)frame_text_header(header, size));
    g_byte_array_append(out, (const uint8_t *)payload, (guint)size);
}
