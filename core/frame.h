/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Finished WebSocket frames of the server's side: unmasked, unfragmented text.
 * Source: RFC 6455, section 5.2. */
#pragma once
#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER_MAX 10

/* Writes the header of a text frame for size payload bytes; returns its length (2, 4 or 10). */
size_t frame_text_header(uint8_t header[FRAME_HEADER_MAX], size_t size);
/* Appends header and payload. */
void frame_append_text(GByteArray *out, const char *payload, size_t size);
