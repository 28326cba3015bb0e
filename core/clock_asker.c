/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Asks the time. */
#include "core/clock_asker.h"
#include "core/clock_packet.h"
#include "core/clock_socket.h"
#include "core/limits.h"
#include <sodium.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    uint64_t nonce;
    int64_t asked_us; /* 0: free */
} Question;

struct ClockAsker {
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_poll_t *poll; /* NULL: at rest; its memory goes in its close callback */
    int fd;
    struct sockaddr_storage server;
    socklen_t server_size;
    Question open[LIMIT_CLOCK_OPEN];
    uint32_t next;
    int64_t heard_us;
    ClockAskerCounters counters;

    GMutex mutex; /* of what follows */
    ClockEstimate estimate;
};

static void on_answer(ClockAsker *asker, const uint8_t *bytes, size_t size, int64_t answered_us)
{
    ClockAnswer answer;
    Question *question = NULL;
    if (clock_answer_read(bytes, size, &answer))
        for (size_t i = 0; i < G_N_ELEMENTS(asker->open); i++)
            if (asker->open[i].asked_us > 0 && asker->open[i].nonce == answer.nonce)
                question = &asker->open[i];
    if (!question) {
        asker->counters.refused++;
        return;
    }
    ClockSample sample = {question->asked_us, answer.received_us, answer.sent_us, answered_us};
    question->asked_us = 0; /* once */
    g_mutex_lock(&asker->mutex);
    bool is_taken = clock_estimate_add(&asker->estimate, answer.epoch, &sample);
    g_mutex_unlock(&asker->mutex);
    if (is_taken) {
        asker->counters.answered++;
        asker->heard_us = answered_us;
    } else {
        asker->counters.refused++;
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    ClockAsker *asker = poll->data;
    uint8_t bytes[CLOCK_PACKET_BYTES];
    int64_t answered_us;
    ssize_t size;
    for (int i = 0;
         i < LIMIT_CLOCK_OPEN &&
         (size = clock_socket_receive(asker->fd, bytes, sizeof bytes, NULL, &answered_us)) >= 0;
         i++)
        on_answer(asker, bytes, (size_t)size, answered_us);
}

static bool is_calm(ClockAsker *asker)
{
    g_mutex_lock(&asker->mutex);
    bool is_locked = clock_estimate_is_locked(&asker->estimate);
    g_mutex_unlock(&asker->mutex);
    return is_locked && g_get_monotonic_time() - asker->heard_us < CLOCK_ASKER_SILENT_US;
}

static void on_timer(uv_timer_t *timer)
{
    ClockAsker *asker = timer->data;
    uint8_t bytes[CLOCK_PACKET_BYTES];
    Question *question = &asker->open[asker->next++ % G_N_ELEMENTS(asker->open)];
    randombytes_buf(&question->nonce, sizeof question->nonce);
    clock_question_write(bytes, question->nonce);
    question->asked_us = g_get_monotonic_time();
    /* A packet that does not leave is a lost one. */
    (void)send(asker->fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    asker->counters.asked++;
    /* A little early or late, so that screens switched on together do not ask together. */
    int64_t pause_ms = is_calm(asker) ? CLOCK_ASKER_CALM_MS : CLOCK_ASKER_EAGER_MS;
    uv_timer_start(timer, on_timer,
                   (uint64_t)(pause_ms * 7 / 8 + randombytes_uniform((uint32_t)pause_ms / 4)), 0);
}

ClockAsker *clock_asker_new(uv_loop_t *loop)
{
    ClockAsker *asker = g_new0(ClockAsker, 1);
    asker->loop = loop;
    g_mutex_init(&asker->mutex);
    uv_timer_init(loop, &asker->timer);
    asker->timer.data = asker;
    return asker;
}

static void on_poll_closed(uv_handle_t *handle)
{
    g_free(handle);
}

void clock_asker_rest(ClockAsker *asker)
{
    if (!asker->poll)
        return;
    uv_timer_stop(&asker->timer);
    uv_close((uv_handle_t *)g_steal_pointer(&asker->poll), on_poll_closed);
    (void)close(asker->fd);
    memset(asker->open, 0, sizeof asker->open);
}

void clock_asker_aim(ClockAsker *asker, const struct sockaddr *server, socklen_t size)
{
    g_return_if_fail(size <= sizeof asker->server);
    if (asker->poll && size == asker->server_size && memcmp(&asker->server, server, size) == 0)
        return;
    clock_asker_rest(asker);
    g_autoptr(GError) error = NULL;
    int fd = clock_socket_connect(server, size, &error);
    if (fd < 0) {
        g_message("no clock by UDP: %s, going on with the one of the link", error->message);
        return;
    }
    asker->fd = fd;
    memcpy(&asker->server, server, size);
    asker->server_size = size;
    asker->poll = g_new0(uv_poll_t, 1);
    (void)uv_poll_init_socket(asker->loop, asker->poll, fd);
    asker->poll->data = asker;
    (void)uv_poll_start(asker->poll, UV_READABLE, on_readable);
    uv_timer_start(&asker->timer, on_timer, 0, 0);
}

void clock_asker_close(ClockAsker *asker)
{
    clock_asker_rest(asker);
    uv_close((uv_handle_t *)&asker->timer, NULL);
}

void clock_asker_free(ClockAsker *asker)
{
    if (!asker)
        return;
    g_mutex_clear(&asker->mutex);
    g_free(asker);
}

bool clock_asker_read(ClockAsker *asker, ClockEstimate *ret_estimate)
{
    g_mutex_lock(&asker->mutex);
    *ret_estimate = asker->estimate;
    g_mutex_unlock(&asker->mutex);
    return ret_estimate->count > 0;
}

ClockAskerCounters clock_asker_counters(const ClockAsker *asker)
{
    return asker->counters;
}
