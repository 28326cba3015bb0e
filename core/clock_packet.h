/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The clock protocol: how a display asks its server what time it is, in one UDP datagram each way.
 * Version 1; outsiders may speak it too.
 *
 * The server listens on the UDP port that the rpc "time" names as "port" (0: it does not answer);
 * usually it is the number of its web port. Question and answer have CLOCK_PACKET_BYTES exactly,
 * numbers are big endian, unused bytes are zero:
 *
 *   byte  0  8  "SRMBCLK1"
 *         8  1  kind: 1 question, 2 answer
 *         9  7  zero
 *        16  8  nonce: 64 random bits of the asker, new for each question; the answer repeats it
 *        24  8  epoch      answer only: random, not zero, below 2^63. Another one: the server began
 *                          anew or set its clock; what was measured before is void
 *        32  8  received   answer only: when the question came, microseconds since 1970 by the
 *                          house clock (clock_house.h)
 *        40  8  sent       answer only: when the answer left, not before received
 *        48 16  zero
 *
 * Anything else gets no answer. The server keeps nothing of a question; it answers one address at
 * most LIMIT_CLOCK_SECOND times a second, and no answer is longer than its question, so there is
 * nothing to be gained from a false sender. With t1 and t4, the asker's own times of sending and of
 * receiving, the house clock was ahead of the asker's by at least sent - t4 and at most
 * received - t1. Any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_PACKET_BYTES 64

typedef struct {
    uint64_t nonce;
    int64_t epoch, received_us, sent_us;
} ClockAnswer;

void clock_question_write(uint8_t bytes[CLOCK_PACKET_BYTES], uint64_t nonce);
/* False, with *ret_nonce untouched: not a question. */
bool clock_question_read(const uint8_t *bytes, size_t size, uint64_t *ret_nonce);
void clock_answer_write(uint8_t bytes[CLOCK_PACKET_BYTES], const ClockAnswer *answer);
/* False, with *ret_answer untouched: not an answer, or one with impossible times. */
bool clock_answer_read(const uint8_t *bytes, size_t size, ClockAnswer *ret_answer);
