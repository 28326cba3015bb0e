/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * WebSocket frames: finished ones of the server's side (unmasked, unfragmented), and a client's as
 * they come. Pure: no sockets. Source: RFC 6455, sections 5 and 7. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER_MAX 10
#define FRAME_REASON_MAX 123 /* bytes, of a close (5.5) */

/* Writes the header of a text frame for size payload bytes; returns its length (2, 4 or 10). */
size_t frame_text_header(uint8_t header[FRAME_HEADER_MAX], size_t size);
/* Appends header and payload. */
void frame_append_text(GByteArray *out, const char *payload, size_t size);
/* code 0: a close without one. reason is cut to whole characters that fit. */
void frame_append_close(GByteArray *out, uint16_t code, const char *reason);
void frame_append_pong(GByteArray *out, const char *payload, size_t size);

typedef enum {
    FRAME_MESSAGE = 1, /* a whole text, all its fragments joined */
    FRAME_PART,        /* was taken in, and is nobody's business yet (also a pong) */
    FRAME_PING,
    FRAME_CLOSE, /* code: the client's, 0 when it gave none */
    FRAME_FAULT, /* code: what to close with; nothing more can be read */
} FrameKind;

typedef struct {
    FrameKind kind;
    const char *payload; /* message, ping: until the next call, and not ended by a NUL */
    size_t size;
    uint16_t code;
    const char *reason; /* of a fault, in English */
} Frame;

/* What of a fragmented message is here already. Zeroed at first. */
typedef struct {
    GByteArray *joined; /* NULL: no message is under way */
    bool is_told;       /* it was whole, and goes at the next call */
} FrameReader;
void frame_reader_clear(FrameReader *reader);

/* Takes the next frame off the beginning of bytes and unmasks it in place. Returns how many bytes
 * it was, or 0 when it is not all here; as long as that is so at most max_message + 14 bytes are
 * ever wanted. Messages longer than max_message are faults (1009), as is all that is not masked
 * UTF-8 text, ping, pong or close in good form (1002, 1003, 1007). */
size_t frame_read(FrameReader *reader, uint8_t *bytes, size_t size, size_t max_message,
                  Frame *ret_frame);
