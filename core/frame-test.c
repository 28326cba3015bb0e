/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Lengths of frames at their borders, and a client's frames. Source: RFC 6455, sections 5 and 8.1.
 * Hostile ones: guards-test.c, tests/fuzz. */
#include "core/frame.h"
#include <string.h>

static void check(size_t size, size_t header_size, const uint8_t *header)
{
    g_autofree char *payload = g_malloc(size + 1);
    memset(payload, 'x', size);
    g_autoptr(GByteArray) out = g_byte_array_new();
    frame_append_text(out, payload, size);
    g_assert_cmpuint(out->len, ==, header_size + size);
    g_assert_cmpmem(out->data, header_size, header, header_size);
    g_assert_cmpmem(out->data + header_size, size, payload, size);
}

static void test_lengths(void)
{
    check(0, 2, (const uint8_t[]){0x81, 0});
    check(2, 2, (const uint8_t[]){0x81, 2});
    check(125, 2, (const uint8_t[]){0x81, 125});
    check(126, 4, (const uint8_t[]){0x81, 126, 0, 126});
    check(65535, 4, (const uint8_t[]){0x81, 126, 0xff, 0xff});
    check(65536, 10, (const uint8_t[]){0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0});
}

static void test_appends(void)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    frame_append_text(out, "{}", 2);
    frame_append_text(out, "hi", 2);
    g_assert_cmpmem(out->data, out->len, "\x81\x02{}\x81\x02hi", 8);
}

/* Appends a masked frame. */
static void add(GByteArray *out, uint8_t first, const char *payload, size_t size)
{
    static const uint8_t mask[] = {0xa5, 0x01, 0xff, 0x3c};
    uint8_t header[FRAME_HEADER_MAX];
    size_t header_size = frame_text_header(header, size);
    header[0] = first;
    header[1] |= 0x80;
    g_byte_array_append(out, header, (guint)header_size);
    g_byte_array_append(out, mask, sizeof mask);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)payload[i] ^ mask[i % sizeof mask];
        g_byte_array_append(out, &byte, 1);
    }
}

/* Reads one frame off the beginning. */
static Frame take(FrameReader *reader, GByteArray *in, size_t max_message)
{
    static char kept[70000];
    Frame frame = {0};
    size_t used = frame_read(reader, in->data, in->len, max_message, &frame);
    if (frame.payload != NULL) {
        memcpy(kept, frame.payload, frame.size);
        frame.payload = kept;
    }
    g_byte_array_remove_range(in, 0, (guint)used);
    return frame;
}

static void check_text(FrameReader *reader, GByteArray *in, const char *text, size_t size)
{
    Frame frame = take(reader, in, 70000);
    g_assert_cmpint(frame.kind, ==, FRAME_MESSAGE);
    g_assert_cmpmem(frame.payload, frame.size, text, size);
}

static void test_reads(void)
{
    FrameReader reader = {0};
    g_autoptr(GByteArray) in = g_byte_array_new();
    g_autofree char *large = g_strnfill(65536, 'x');
    add(in, 0x81, "{}", 2);
    add(in, 0x81, "", 0);
    add(in, 0x81, large, 126);
    add(in, 0x81, large, 65536);
    add(in, 0x81, "a\0b", 3);
    check_text(&reader, in, "{}", 2);
    check_text(&reader, in, "", 0);
    check_text(&reader, in, large, 126);
    check_text(&reader, in, large, 65536);
    check_text(&reader, in, "a\0b", 3);
    g_assert_cmpint(take(&reader, in, 10).kind, ==, 0);
    frame_reader_clear(&reader);
}

/* A letter may lie in two fragments, a ping between them. */
static void test_fragments(void)
{
    FrameReader reader = {0};
    g_autoptr(GByteArray) in = g_byte_array_new();
    add(in, 0x01, "\xd8", 1);
    add(in, 0x89, "are you there", 13);
    add(in, 0x00, "", 0);
    add(in, 0x80, "\xb3", 1);
    add(in, 0x81, "next", 4);
    g_assert_cmpint(take(&reader, in, 100).kind, ==, FRAME_PART);
    Frame ping = take(&reader, in, 100);
    g_assert_cmpint(ping.kind, ==, FRAME_PING);
    g_assert_cmpmem(ping.payload, ping.size, "are you there", 13);
    g_assert_cmpint(take(&reader, in, 100).kind, ==, FRAME_PART);
    check_text(&reader, in, "\xd8\xb3", 2);
    check_text(&reader, in, "next", 4);
    frame_reader_clear(&reader);
}

/* Nothing in several pieces is an empty text, and no NULL. */
static void test_empty_fragments(void)
{
    FrameReader reader = {0};
    g_autoptr(GByteArray) in = g_byte_array_new();
    Frame frame = {0};
    add(in, 0x01, "", 0);
    add(in, 0x80, "", 0);
    g_assert_cmpint(take(&reader, in, 100).kind, ==, FRAME_PART);
    g_assert_cmpuint(frame_read(&reader, in->data, in->len, 100, &frame), ==, in->len);
    g_assert_cmpint(frame.kind, ==, FRAME_MESSAGE);
    g_assert_nonnull(frame.payload);
    g_assert_cmpuint(frame.size, ==, 0);
    frame_reader_clear(&reader);
}

static void check_limit(size_t first, size_t second, bool fits)
{
    FrameReader reader = {0};
    g_autoptr(GByteArray) in = g_byte_array_new();
    g_autofree char *text = g_strnfill(200, 'x');
    add(in, 0x01, text, first);
    add(in, 0x80, text, second);
    Frame frame = take(&reader, in, 150);
    if (frame.kind == FRAME_PART) {
        frame = take(&reader, in, 150);
    }
    g_assert_cmpint(frame.kind, ==, fits ? FRAME_MESSAGE : FRAME_FAULT);
    g_assert_cmpuint(frame.code, ==, fits ? 0 : 1009);
    frame_reader_clear(&reader);
}

static void test_limit(void)
{
    check_limit(100, 50, true);
    check_limit(0, 150, true);
    check_limit(100, 51, false);
    check_limit(151, 0, false);
}

static void test_controls(void)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    frame_append_close(out, 3001, "shutdown");
    g_assert_cmpmem(out->data, out->len, "\x88\x0a\x0b\xb9shutdown", 12);
    g_byte_array_set_size(out, 0);
    frame_append_close(out, 0, "");
    g_assert_cmpmem(out->data, out->len, "\x88\x00", 2);
    g_byte_array_set_size(out, 0);
    frame_append_pong(out, "p", 1);
    g_assert_cmpmem(out->data, out->len, "\x8a\x01p", 3);
    g_byte_array_set_size(out, 0);
    /* A reason that is too long ends with a whole letter: 61 of two bytes. */
    g_autoptr(GString) reason = g_string_new("");
    for (int i = 0; i < 100; i++) {
        g_string_append(reason, "\xc3\xa9");
    }
    frame_append_close(out, 3001, reason->str);
    g_assert_cmpuint(out->len, ==, 2 + 2 + 122);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/frame/lengths", test_lengths);
    g_test_add_func("/frame/appends", test_appends);
    g_test_add_func("/frame/reads", test_reads);
    g_test_add_func("/frame/fragments", test_fragments);
    g_test_add_func("/frame/empty-fragments", test_empty_fragments);
    g_test_add_func("/frame/limit", test_limit);
    g_test_add_func("/frame/controls", test_controls);
    return g_test_run();
}
