/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A UDP packet as both sides of the clock protocol read it: what is taken is written back as the
 * same bytes, and nothing is both. Sources: core/clock_packet.c */
#include "core/clock_packet.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t again[CLOCK_PACKET_BYTES];
    uint64_t nonce;
    ClockAnswer answer;
    bool is_question = clock_question_read(bytes, size, &nonce);
    bool is_answer = clock_answer_read(bytes, size, &answer);
    g_assert_false(is_question && is_answer);
    if (is_question) {
        clock_question_write(again, nonce);
        g_assert_cmpmem(bytes, size, again, sizeof again);
    }
    if (is_answer) {
        g_assert_cmpint(answer.epoch, >, 0);
        g_assert_cmpint(answer.sent_us, >=, answer.received_us);
        g_assert_cmpint(answer.received_us, >=, 0);
        clock_answer_write(again, &answer);
        g_assert_cmpmem(bytes, size, again, sizeof again);
    }
    return 0;
}
