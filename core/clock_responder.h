/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The server's side of the clock protocol (clock_packet.h). Main thread. */
#pragma once
#include "core/clock_house.h"
#include <glib.h>
#include <uv.h>

typedef struct ClockResponder ClockResponder;

typedef struct {
    uint64_t answered, refused, limited; /* refused: not a question; limited: too many */
} ClockResponderCounters;

/* house is borrowed. port 0: any. NULL with error set. */
ClockResponder *clock_responder_new(uv_loop_t *loop, const char *address, int port,
                                    ClockHouse *house, GError **error);
/* Closes its handle; its memory goes when the loop has turned. NULL is fine. */
void clock_responder_close(ClockResponder *responder);
int clock_responder_port(const ClockResponder *responder); /* 0 for NULL */
ClockResponderCounters clock_responder_counters(const ClockResponder *responder);
