/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Answers the time. Nothing is kept of a question but a count of its address: addresses fall by a
 * secret hash into a fixed number of buckets, so strangers can neither make it grow nor choose
 * whose bucket they empty. */
#include "core/clock_responder.h"
#include "core/clock_packet.h"
#include "core/clock_socket.h"
#include "core/limits.h"
#include <netinet/in.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define TURN_PACKETS 256 /* then others have their turn */

typedef struct {
    int64_t filled_us;
    int64_t tokens_us; /* one answer costs a second / LIMIT_CLOCK_SECOND */
} Bucket;

struct ClockResponder {
    uv_poll_t poll;
    int fd, port;
    ClockHouse *house;
    uint8_t secret[crypto_shorthash_KEYBYTES];
    Bucket buckets[LIMIT_CLOCK_BUCKETS];
    ClockResponderCounters counters;
};

static Bucket *bucket_of(ClockResponder *responder, const ClockPath *path)
{
    uint64_t hash = 0;
    const struct sockaddr_in *four = (const struct sockaddr_in *)&path->peer;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&path->peer;
    /* Of IPv6 the network: whoever has one has all of its addresses. */
    if (path->peer.ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        crypto_shorthash((uint8_t *)&hash, six->sin6_addr.s6_addr, 8, responder->secret);
    else if (path->peer.ss_family == AF_INET6)
        crypto_shorthash((uint8_t *)&hash, six->sin6_addr.s6_addr + 12, 4, responder->secret);
    else
        crypto_shorthash((uint8_t *)&hash, (const uint8_t *)&four->sin_addr, 4, responder->secret);
    return &responder->buckets[hash % LIMIT_CLOCK_BUCKETS];
}

static bool may_answer(Bucket *bucket, int64_t now_us)
{
    const int64_t cost_us = G_USEC_PER_SEC / LIMIT_CLOCK_SECOND;
    bucket->tokens_us =
        MIN(bucket->tokens_us + now_us - bucket->filled_us, cost_us * (int64_t)LIMIT_CLOCK_BURST);
    bucket->filled_us = now_us;
    if (bucket->tokens_us < cost_us)
        return false;
    bucket->tokens_us -= cost_us;
    return true;
}

static bool answer_next(ClockResponder *responder)
{
    uint8_t bytes[CLOCK_PACKET_BYTES];
    ClockPath path;
    ClockAnswer answer = {0};
    int64_t received_us;
    ssize_t size = clock_socket_receive(responder->fd, bytes, sizeof bytes, &path, &received_us);
    if (size < 0)
        return false;
    if (!clock_question_read(bytes, (size_t)size, &answer.nonce)) {
        responder->counters.refused++;
        return true;
    }
    if (!may_answer(bucket_of(responder, &path), g_get_monotonic_time())) {
        responder->counters.limited++;
        return true;
    }
    int64_t sent_us = clock_house_now_us(responder->house);
    answer.epoch = responder->house->epoch;
    answer.received_us = MIN(clock_house_at(responder->house, received_us), sent_us);
    answer.sent_us = sent_us;
    clock_answer_write(bytes, &answer);
    responder->counters.answered +=
        clock_socket_reply(responder->fd, bytes, sizeof bytes, &path) ? 1 : 0;
    return true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    for (int i = 0; i < TURN_PACKETS && answer_next(poll->data); i++)
        ;
}

ClockResponder *clock_responder_new(uv_loop_t *loop, const char *address, int port,
                                    ClockHouse *house, GError **error)
{
    int fd = clock_socket_listen(address, port, error);
    if (fd < 0)
        return NULL;
    ClockResponder *responder = g_new0(ClockResponder, 1);
    responder->fd = fd;
    responder->port = clock_socket_port(fd);
    responder->house = house;
    crypto_shorthash_keygen(responder->secret);
    (void)uv_poll_init_socket(loop, &responder->poll, fd);
    responder->poll.data = responder;
    (void)uv_poll_start(&responder->poll, UV_READABLE, on_readable);
    return responder;
}

static void on_closed(uv_handle_t *handle)
{
    ClockResponder *responder = handle->data;
    (void)close(responder->fd);
    g_free(responder);
}

void clock_responder_close(ClockResponder *responder)
{
    if (responder)
        uv_close((uv_handle_t *)&responder->poll, on_closed);
}

int clock_responder_port(const ClockResponder *responder)
{
    return responder ? responder->port : 0;
}

ClockResponderCounters clock_responder_counters(const ClockResponder *responder)
{
    return responder ? responder->counters : (ClockResponderCounters){0};
}
