/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * WebSocket frames, both ways. The numbers in brackets are sections of RFC 6455. */
#include "core/frame.h"

#include <string.h>

#define FIN           0x80 /* 5.2 */
#define RESERVED      0x70
#define OPCODE        0x0f
#define MASKED        0x80
#define MASK_BYTES    4
#define CONTROL_BYTES 125 /* 5.5 */

enum {
    CONTINUATION = 0x0,
    TEXT = 0x1,
    BINARY = 0x2,
    CLOSE = 0x8,
    PING = 0x9,
    PONG = 0xa,
};

/* 7.4.1 */
enum {
    PROTOCOL_ERROR = 1002,
    UNSUPPORTED_DATA = 1003,
    INVALID_TEXT = 1007,
    TOO_LONG = 1009,
};

/* --- The server's ----------------------------------------------------------------------------- */

size_t frame_text_header(uint8_t header[FRAME_HEADER_MAX], size_t size)
{
    header[0] = FIN | TEXT;
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

static void append_control(GByteArray *out, uint8_t opcode, const void *payload, size_t size)
{
    g_assert(size <= CONTROL_BYTES);
    const uint8_t header[] = {FIN | opcode, (uint8_t)size};
    g_byte_array_append(out, header, sizeof header);
    g_byte_array_append(out, payload, (guint)size);
}

void frame_append_close(GByteArray *out, uint16_t code, const char *reason)
{
    uint8_t payload[2 + FRAME_REASON_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
    const char *end;
    (void)g_utf8_validate(reason, (gssize)MIN(strlen(reason), FRAME_REASON_MAX), &end);
    memcpy(payload + 2, reason, (size_t)(end - reason));
    append_control(out, CLOSE, payload, code == 0 ? 0 : 2 + (size_t)(end - reason));
}

void frame_append_pong(GByteArray *out, const char *payload, size_t size)
{
    append_control(out, PONG, payload, size);
}

/* --- The client's ----------------------------------------------------------------------------- */

typedef struct {
    uint8_t opcode;
    bool is_last;
    size_t header; /* bytes, mask included */
    uint64_t length;
    uint8_t mask[MASK_BYTES];
} Head;

void frame_reader_clear(FrameReader *reader)
{
    g_clear_pointer(&reader->joined, g_byte_array_unref);
    reader->is_told = false;
}

static void fail(Frame *frame, uint16_t code, const char *reason)
{
    *frame = (Frame){.kind = FRAME_FAULT, .code = code, .reason = reason};
}

/* Returns false when the head is not all here. */
static bool read_head(const uint8_t *bytes, size_t size, Head *ret_head)
{
    if (size < 2) {
        return false;
    }
    Head head = {
        .opcode = bytes[0] & OPCODE,
        .is_last = (bytes[0] & FIN) != 0,
        .length = bytes[1] & ~MASKED,
    };
    size_t more = head.length == 127 ? 8 : head.length == 126 ? 2 : 0;
    head.header = 2 + more + MASK_BYTES;
    if (size < head.header) {
        return false;
    }
    head.length = more == 0 ? head.length : 0;
    for (size_t i = 0; i < more; i++) {
        head.length = head.length << 8 | bytes[2 + i];
    }
    memcpy(head.mask, bytes + 2 + more, MASK_BYTES);
    *ret_head = head;
    return true;
}

/* What the first two bytes alone give away: before more of a hopeless frame is waited for. */
static bool check_start(const FrameReader *reader, const uint8_t *bytes, Frame *ret_frame)
{
    uint8_t opcode = bytes[0] & OPCODE;
    bool is_last = (bytes[0] & FIN) != 0;
    if ((bytes[0] & RESERVED) != 0) {
        fail(ret_frame, PROTOCOL_ERROR, "reserved bits");
    } else if ((bytes[1] & MASKED) == 0) {
        fail(ret_frame, PROTOCOL_ERROR, "a frame that is not masked"); /* 5.1 */
    } else if (opcode == BINARY) {
        fail(ret_frame, UNSUPPORTED_DATA, "text only");
    } else if (opcode != CONTINUATION && opcode != TEXT && opcode != CLOSE && opcode != PING &&
               opcode != PONG) {
        fail(ret_frame, PROTOCOL_ERROR, "reserved opcode");
    } else if (opcode >= CLOSE && (!is_last || (bytes[1] & ~MASKED) > CONTROL_BYTES)) {
        fail(ret_frame, PROTOCOL_ERROR, "a long or fragmented control frame");
    } else if (opcode == CONTINUATION && reader->joined == NULL) {
        fail(ret_frame, PROTOCOL_ERROR, "a continuation of nothing");
    } else if (opcode == TEXT && reader->joined != NULL) {
        fail(ret_frame, PROTOCOL_ERROR, "a message within a message");
    } else {
        return true;
    }
    return false;
}

static void unmask(uint8_t *bytes, size_t size, const uint8_t mask[MASK_BYTES])
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= mask[i % MASK_BYTES];
    }
}

/* U+0000 is text too (8.1), though not for GLib. */
static bool is_text(const char *text, size_t size)
{
    const char *end = text + size;
    while (text < end && !g_utf8_validate(text, end - text, &text)) {
        if (*text != '\0') {
            return false;
        }
        text++;
    }
    return true;
}

static void read_text(const char *payload, size_t size, Frame *ret_frame)
{
    if (is_text(payload, size)) {
        *ret_frame = (Frame){.kind = FRAME_MESSAGE, .payload = payload, .size = size};
    } else {
        fail(ret_frame, INVALID_TEXT, "not UTF-8");
    }
}

static void read_data(FrameReader *reader, const Head *head, const uint8_t *payload,
                      Frame *ret_frame)
{
    if (head->is_last && reader->joined == NULL) {
        read_text((const char *)payload, head->length, ret_frame);
        return;
    }
    if (reader->joined == NULL) {
        reader->joined = g_byte_array_new();
    }
    g_byte_array_append(reader->joined, payload, (guint)head->length);
    *ret_frame = (Frame){.kind = FRAME_PART};
    if (head->is_last) {
        const GByteArray *joined = reader->joined;
        reader->is_told = true;
        /* An array that was always empty has no memory; a message has. */
        read_text(joined->len == 0 ? "" : (const char *)joined->data, joined->len, ret_frame);
    }
}

/* 7.4.2, and the registry of close codes that it founded: 1012 to 1014. */
static bool is_close_code(uint16_t code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static void read_close(const uint8_t *payload, size_t size, Frame *ret_frame)
{
    uint16_t code = size >= 2 ? (uint16_t)(payload[0] << 8 | payload[1]) : 0;
    if (size == 1 || (size >= 2 && !is_close_code(code))) {
        fail(ret_frame, PROTOCOL_ERROR, "not a close code");
    } else if (size > 2 && !is_text((const char *)payload + 2, size - 2)) {
        fail(ret_frame, INVALID_TEXT, "not UTF-8");
    } else {
        *ret_frame = (Frame){.kind = FRAME_CLOSE, .code = code};
    }
}

size_t frame_read(FrameReader *reader, uint8_t *bytes, size_t size, size_t max_message,
                  Frame *ret_frame)
{
    Head head;
    if (reader->is_told) {
        frame_reader_clear(reader);
    }
    if (size >= 2 && !check_start(reader, bytes, ret_frame)) {
        return size;
    }
    if (!read_head(bytes, size, &head)) {
        return 0;
    }
    size_t before = reader->joined == NULL || head.opcode >= CLOSE ? 0 : reader->joined->len;
    bool is_control = head.opcode >= CLOSE; /* short by nature */
    if (!is_control && (head.length > max_message || before + head.length > max_message)) {
        fail(ret_frame, TOO_LONG, "message too long");
        return size;
    }
    if (size - head.header < head.length) {
        return 0;
    }
    uint8_t *payload = bytes + head.header;
    unmask(payload, head.length, head.mask);
    switch (head.opcode) {
    case PING:
        *ret_frame =
            (Frame){.kind = FRAME_PING, .payload = (const char *)payload, .size = head.length};
        break;
    case PONG:
        *ret_frame = (Frame){.kind = FRAME_PART};
        break;
    case CLOSE:
        read_close(payload, head.length, ret_frame);
        break;
    default:
        read_data(reader, &head, payload, ret_frame);
        break;
    }
    return head.header + head.length;
}
