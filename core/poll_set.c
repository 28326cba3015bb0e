/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * An epoll set inside the loop's own. An epoll descriptor is readable while one of its members is
 * ready (epoll(7)), so what a turn leaves undone brings the next turn by itself; the kernel puts
 * those that were told behind the others, so nobody is always the last. */
#include "core/poll_set.h"

#include "core/limits.h"

#include <unistd.h>

#define EVENTS_AT_ONCE 64
#define LOOKS_AT_CLOCK 4 /* events between two looks: some are a hang-up, some a database query */

struct PollSet {
    uv_poll_t poll;
    int fd;
    struct epoll_event events[EVENTS_AT_ONCE]; /* what was told last; NULL members are forgotten */
    int next, count;
    void (*on_closed)(void *data);
    void *closed_data;
};

TurnBudget turn_budget(void)
{
    return (TurnBudget){.until_ns = uv_hrtime() + LIMIT_TURN_US * UINT64_C(1000)};
}

bool turn_budget_is_spent(const TurnBudget *budget)
{
    return uv_hrtime() >= budget->until_ns;
}

static bool has_event(PollSet *set)
{
    if (uv_is_closing((uv_handle_t *)&set->poll)) {
        return false; /* by the member that was called last */
    }
    if (set->next == set->count) {
        bool was_all = set->count > 0 && set->count < EVENTS_AT_ONCE;
        set->next = 0;
        set->count = was_all ? 0 : epoll_wait(set->fd, set->events, EVENTS_AT_ONCE, 0);
        set->count = MAX(set->count, 0);
    }
    return set->next < set->count;
}

/* What was told and not served when the time was over is served first in the next turn. */
static void on_ready(uv_poll_t *poll, int status, int events)
{
    PollSet *set = poll->data;
    TurnBudget budget = turn_budget();
    while (has_event(set)) {
        const struct epoll_event event = set->events[set->next++];
        PollMember *member = event.data.ptr;
        if (member != NULL) {
            member->on_ready(member, event.events);
        }
        if (set->next % LOOKS_AT_CLOCK == 0 && turn_budget_is_spent(&budget)) {
            return;
        }
    }
}

PollSet *poll_set_new(uv_loop_t *loop)
{
    PollSet *set = g_new0(PollSet, 1);
    set->fd = epoll_create1(EPOLL_CLOEXEC);
    if (set->fd < 0 || uv_poll_init(loop, &set->poll, set->fd) != 0) {
        g_error("the system gives no epoll set");
    }
    set->poll.data = set;
    uv_poll_start(&set->poll, UV_READABLE, on_ready);
    return set;
}

static void on_poll_closed(uv_handle_t *handle)
{
    PollSet *set = handle->data;
    close(set->fd);
    set->on_closed(set->closed_data);
    g_free(set);
}

void poll_set_close(PollSet *set, void (*on_closed)(void *data), void *data)
{
    set->on_closed = on_closed;
    set->closed_data = data;
    set->next = set->count = 0;
    uv_close((uv_handle_t *)&set->poll, on_poll_closed);
}

static void forget(PollSet *set, const PollMember *member)
{
    for (int i = set->next; i < set->count; i++) {
        if (set->events[i].data.ptr == member) {
            set->events[i].data.ptr = NULL;
        }
    }
}

bool poll_set_watch(PollSet *set, PollMember *member, uint32_t events)
{
    if (events == member->watched) {
        return true;
    }
    int operation = member->watched == 0 ? EPOLL_CTL_ADD
                    : events == 0        ? EPOLL_CTL_DEL
                                         : EPOLL_CTL_MOD;
    struct epoll_event event = {.events = events, .data.ptr = member};
    if (events == 0) {
        forget(set, member);
    }
    member->watched = events;
    return epoll_ctl(set->fd, operation, member->fd, &event) == 0;
}
