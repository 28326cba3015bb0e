/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The sockets of all clients, in an epoll set of their own that stands as one descriptor in the
 * loop: ten thousand that become ready at once are served a few milliseconds at a time, and between
 * them the loop turns for everybody else. libuv would call back for all of them before it turns.
 *
 * Main thread only. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <uv.h>

typedef struct PollSet PollSet;

/* Part of who is watched; zeroed but for fd and on_ready before its first poll_set_watch(). */
typedef struct PollMember PollMember;
struct PollMember {
    /* events: EPOLLIN, EPOLLOUT, EPOLLRDHUP ... It may forget, close and free any member. */
    void (*on_ready)(PollMember *member, uint32_t events);
    int fd;
    uint32_t watched; /* 0: not in the set */
};

PollSet *poll_set_new(uv_loop_t *loop);
/* No member is called again. on_closed on the loop, after that the set is freed. */
void poll_set_close(PollSet *set, void (*on_closed)(void *data), void *data);
/* Level-triggered. events 0: out of the set, and what the kernel has already told of it is
 * forgotten; do so before fd is closed or the member freed. False: the kernel will not (errno). */
bool poll_set_watch(PollSet *set, PollMember *member, uint32_t events);

/* Time that one kind of work may take before the loop turns: LIMIT_TURN_US. */
typedef struct {
    uint64_t until_ns;
} TurnBudget;
TurnBudget turn_budget(void);
bool turn_budget_is_spent(const TurnBudget *budget);
