/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a server under load costs, read from outside of it. Source: proc(5). */
#pragma once
#include <stdint.h>

typedef struct {
    int64_t cpu_us;      /* of all its threads, user and kernel, in the scheduler's account */
    int64_t softirq_us;  /* of its core: packets that the kernel handled in nobody's name */
    int64_t private_kib; /* its own memory in RAM, without the kernel's */
    int descriptors;
} ServerCost;

/* core: where it is pinned. What cannot be read is 0. */
ServerCost server_cost_read(int pid, int core);
