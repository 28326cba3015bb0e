/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The frames of a WebSocket's client: the first byte says in which pieces the others arrive.
 * However they are cut, the same is read.
 * Sources: core/frame.c */
#include "core/frame.h"
#include "core/limits.h"
#include "fuzz.h"

#include <string.h>

#define HEAD_BYTES_MAX 14 /* RFC 6455, 5.2 */

static void note(GString *seen, const Frame *frame)
{
    g_assert_cmpint(frame->kind, >=, FRAME_MESSAGE);
    g_assert_cmpint(frame->kind, <=, FRAME_FAULT);
    if (frame->kind == FRAME_MESSAGE || frame->kind == FRAME_PING) {
        g_assert_cmpuint(frame->size, <=, LIMIT_WS_MESSAGE_PUBLIC);
        g_string_append_len(seen, frame->payload, (gssize)frame->size);
    }
    if (frame->kind == FRAME_FAULT) {
        g_assert_nonnull(frame->reason);
        g_assert_true(frame->code == 1002 || frame->code == 1003 || frame->code == 1007 ||
                      frame->code == 1009);
    }
    g_string_append_printf(seen, "|%d:%u|", frame->kind, frame->code);
}

/* Returns false after a fault. */
static bool read_all(FrameReader *reader, GByteArray *in, GString *seen)
{
    for (;;) {
        Frame frame = {0};
        size_t used = frame_read(reader, in->data, in->len, LIMIT_WS_MESSAGE_PUBLIC, &frame);
        g_assert_cmpuint(used, <=, in->len);
        if (used == 0) {
            g_assert_cmpuint(in->len, <, LIMIT_WS_MESSAGE_PUBLIC + HEAD_BYTES_MAX);
            return true;
        }
        note(seen, &frame);
        if (frame.kind == FRAME_FAULT) {
            return false;
        }
        g_byte_array_remove_range(in, 0, (guint)used);
    }
}

static char *read_in_pieces(const uint8_t *bytes, size_t size, size_t piece)
{
    FrameReader reader = {0};
    g_autoptr(GByteArray) in = g_byte_array_new();
    GString *seen = g_string_new("");
    bool goes_on = true;
    for (size_t at = 0; at < size && goes_on; at += piece) {
        g_byte_array_append(in, bytes + at, (guint)MIN(piece, size - at));
        goes_on = read_all(&reader, in, seen);
    }
    frame_reader_clear(&reader);
    return g_string_free(seen, FALSE);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 1) {
        return 0;
    }
    g_autofree char *whole = read_in_pieces(bytes + 1, size - 1, MAX(size - 1, 1));
    g_autofree char *pieces = read_in_pieces(bytes + 1, size - 1, 1 + bytes[0] % 32u);
    g_assert_cmpstr(whole, ==, pieces);
    return 0;
}
