/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The clock protocol's two packets, strictly. */
#include "core/clock_packet.h"
#include "core/limits.h"
#include <glib.h>
#include <string.h>

enum { AT_KIND = 8, AT_NONCE = 16, AT_EPOCH = 24, AT_RECEIVED = 32, AT_SENT = 40, AT_REST = 48 };
enum { KIND_QUESTION = 1, KIND_ANSWER = 2 };

static const char magic[AT_KIND + 1] = "SRMBCLK1";

static void put(uint8_t *at, uint64_t number)
{
    uint64_t big = GUINT64_TO_BE(number);
    memcpy(at, &big, sizeof big);
}

static uint64_t get(const uint8_t *at)
{
    uint64_t big;
    memcpy(&big, at, sizeof big);
    return GUINT64_FROM_BE(big);
}

static bool are_zero(const uint8_t *bytes, size_t from, size_t end)
{
    uint8_t sum = 0;
    for (size_t i = from; i < end; i++)
        sum |= bytes[i];
    return sum == 0;
}

static bool has_head(const uint8_t *bytes, size_t size, uint8_t kind)
{
    return size == CLOCK_PACKET_BYTES && memcmp(bytes, magic, AT_KIND) == 0 &&
           bytes[AT_KIND] == kind && are_zero(bytes, AT_KIND + 1, AT_NONCE);
}

static void begin(uint8_t *bytes, uint8_t kind, uint64_t nonce)
{
    memset(bytes, 0, CLOCK_PACKET_BYTES);
    memcpy(bytes, magic, AT_KIND);
    bytes[AT_KIND] = kind;
    put(bytes + AT_NONCE, nonce);
}

void clock_question_write(uint8_t bytes[CLOCK_PACKET_BYTES], uint64_t nonce)
{
    begin(bytes, KIND_QUESTION, nonce);
}

bool clock_question_read(const uint8_t *bytes, size_t size, uint64_t *ret_nonce)
{
    if (!has_head(bytes, size, KIND_QUESTION) || !are_zero(bytes, AT_EPOCH, CLOCK_PACKET_BYTES))
        return false;
    *ret_nonce = get(bytes + AT_NONCE);
    return true;
}

void clock_answer_write(uint8_t bytes[CLOCK_PACKET_BYTES], const ClockAnswer *answer)
{
    begin(bytes, KIND_ANSWER, answer->nonce);
    put(bytes + AT_EPOCH, (uint64_t)answer->epoch);
    put(bytes + AT_RECEIVED, (uint64_t)answer->received_us);
    put(bytes + AT_SENT, (uint64_t)answer->sent_us);
}

bool clock_answer_read(const uint8_t *bytes, size_t size, ClockAnswer *ret_answer)
{
    if (!has_head(bytes, size, KIND_ANSWER) || !are_zero(bytes, AT_REST, CLOCK_PACKET_BYTES))
        return false;
    ClockAnswer answer = {
        .nonce = get(bytes + AT_NONCE),
        .epoch = (int64_t)get(bytes + AT_EPOCH),
        .received_us = (int64_t)get(bytes + AT_RECEIVED),
        .sent_us = (int64_t)get(bytes + AT_SENT),
    };
    if (answer.epoch <= 0 || answer.received_us < 0 || answer.received_us > LIMIT_CLOCK_TIME_US ||
        answer.sent_us < answer.received_us ||
        answer.sent_us - answer.received_us > LIMIT_CLOCK_ROUND_US)
        return false;
    *ret_answer = answer;
    return true;
}
