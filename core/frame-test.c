/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Lengths of frames at their borders. Source: RFC 6455, section 5.2. */
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/frame/lengths", test_lengths);
    g_test_add_func("/frame/appends", test_appends);
    return g_test_run();
}
