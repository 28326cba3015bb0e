/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * For tests: a raw client on the server's own loop, that says what it likes, byte by byte. */
#pragma once
#include "core/web.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    uv_loop_t *loop;
    int fd;
    uv_poll_t poll;
    GByteArray *in;
    bool has_ended, was_reset, is_closed;
} Wire;

static inline void wire_on_readable(uv_poll_t *poll, int status, int events)
{
    Wire *wire = poll->data;
    char bytes[65536];
    ssize_t count;
    do {
        count = recv(wire->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (count > 0) {
            g_byte_array_append(wire->in, (const uint8_t *)bytes, (guint)count);
        }
    } while (count > 0 && status < 0); /* after a reset libuv calls once only */
    if (count > 0) {
        return;
    }
    if (count < 0 && errno == EAGAIN) {
        return;
    }
    wire->has_ended = true;
    wire->was_reset = count < 0;
    uv_poll_stop(poll);
}

static inline Wire *wire_new(uv_loop_t *loop, int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    Wire *wire = g_new0(Wire, 1);
    *wire = (Wire){.loop = loop, .in = g_byte_array_new()};
    wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(wire->fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    uv_poll_init_socket(loop, &wire->poll, wire->fd);
    wire->poll.data = wire;
    uv_poll_start(&wire->poll, UV_READABLE, wire_on_readable);
    return wire;
}

static inline void wire_on_closed(uv_handle_t *handle)
{
    ((Wire *)handle->data)->is_closed = true;
}

/* The client hangs up. */
static inline void wire_free(Wire *wire)
{
    uv_close((uv_handle_t *)&wire->poll, wire_on_closed);
    close(wire->fd);
    while (!wire->is_closed) {
        uv_run(wire->loop, UV_RUN_NOWAIT);
    }
    g_byte_array_unref(wire->in);
    g_free(wire);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Wire, wire_free)

/* Turns the loop while the socket is full; what the server closed is left unsent. */
static inline void wire_send_bytes(Wire *wire, const void *bytes, size_t size)
{
    const char *next = bytes;
    while (size > 0 && !wire->has_ended) {
        ssize_t count = send(wire->fd, next, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN) {
            return;
        }
        if (count < 0) {
            uv_run(wire->loop, UV_RUN_NOWAIT);
            continue;
        }
        next += count;
        size -= (size_t)count;
    }
}

static inline void wire_send(Wire *wire, const char *text)
{
    wire_send_bytes(wire, text, strlen(text));
}

static inline void wire_on_late(uv_timer_t *timer)
{
    g_error("nothing came for 15 s");
}

/* Turns the loop until is_done(data); fails the test after 15 s. */
static inline void wire_wait(uv_loop_t *loop, bool (*is_done)(void *data), void *data)
{
    uv_timer_t late;
    uv_timer_init(loop, &late);
    uv_timer_start(&late, wire_on_late, 15000, 0);
    while (!is_done(data)) {
        uv_run(loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&late, NULL);
    while (uv_is_active((uv_handle_t *)&late)) {
        uv_run(loop, UV_RUN_NOWAIT);
    }
    uv_run(loop, UV_RUN_NOWAIT); /* its close callback, before it leaves the stack */
}

static inline bool wire_is_ended(void *data)
{
    return ((Wire *)data)->has_ended;
}

static inline void wire_wait_end(Wire *wire)
{
    wire_wait(wire->loop, wire_is_ended, wire);
}

static inline void wire_on_turn(uv_prepare_t *prepare)
{
    ++*(guint *)prepare->data;
}

static inline void wire_on_pause_over(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* How often the loop turns in a time in which nothing should happen: each turn is an event. */
static inline guint wire_count_turns(uv_loop_t *loop, uint64_t ms)
{
    guint turns = 0;
    bool is_over = false;
    uv_prepare_t prepare;
    uv_timer_t timer;
    uv_prepare_init(loop, &prepare);
    uv_timer_init(loop, &timer);
    prepare.data = &turns;
    timer.data = &is_over;
    uv_prepare_start(&prepare, wire_on_turn);
    uv_timer_start(&timer, wire_on_pause_over, ms, 0);
    while (!is_over) {
        uv_run(loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&prepare, NULL);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    return turns;
}

typedef struct {
    const Wire *wire;
    size_t size;
} WireWish;

static inline bool wire_has(void *data)
{
    const WireWish *wish = data;
    return wish->wire->in->len >= wish->size || wish->wire->has_ended;
}

static inline void wire_wait_bytes(Wire *wire, size_t size)
{
    WireWish wish = {.wire = wire, .size = size};
    wire_wait(wire->loop, wire_has, &wish);
}

/* Length of the first answer in what came; 0 while it is not whole. */
static inline size_t wire_answer_size(const Wire *wire, bool is_head)
{
    const char *text = (const char *)wire->in->data;
    const char *end = text == NULL ? NULL : memmem(text, wire->in->len, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    size_t size = (size_t)(end - text) + 4;
    const char *length = memmem(text, size, "Content-Length: ", 16);
    if (length != NULL && !is_head) {
        size += (size_t)g_ascii_strtoull(length + 16, NULL, 10);
    }
    return wire->in->len >= size ? size : 0;
}

static inline bool wire_is_answered(void *data)
{
    const Wire *wire = data;
    return wire->has_ended || wire_answer_size(wire, false) > 0;
}

static inline bool wire_is_head_answered(void *data)
{
    const Wire *wire = data;
    return wire->has_ended || wire_answer_size(wire, true) > 0;
}

/* Takes the next whole answer, head and body, as text; NULL when the connection ended without. */
static inline char *wire_take_answer(Wire *wire, bool is_head)
{
    wire_wait(wire->loop, is_head ? wire_is_head_answered : wire_is_answered, wire);
    size_t size = wire_answer_size(wire, is_head);
    if (size == 0) {
        return NULL;
    }
    char *answer = g_strndup((const char *)wire->in->data, size);
    g_byte_array_remove_range(wire->in, 0, (guint)size);
    return answer;
}

/* Asks and takes the answer. */
static inline char *wire_ask(Wire *wire, const char *request)
{
    wire_send(wire, request);
    return wire_take_answer(wire, g_str_has_prefix(request, "HEAD"));
}

static inline int wire_status(const char *answer)
{
    return answer == NULL ? 0 : (int)g_ascii_strtoll(answer + strlen("HTTP/1.1 "), NULL, 10);
}

static inline const char *wire_body(const char *answer)
{
    return strstr(answer, "\r\n\r\n") + 4;
}

/* A client's WebSocket frame: masked, as it must be, unless mask is NULL. */
static inline void wire_send_frame(Wire *wire, uint8_t first, const void *payload, size_t size,
                                   const uint8_t mask[4])
{
    g_autoptr(GByteArray) frame = g_byte_array_new();
    uint8_t head[14] = {first};
    size_t head_size = 2;
    if (size < 126) {
        head[1] = (uint8_t)size;
    } else {
        size_t bytes = size <= UINT16_MAX ? 2 : 8;
        head[1] = bytes == 2 ? 126 : 127;
        for (size_t i = 0; i < bytes; i++) {
            head[2 + i] = (uint8_t)((uint64_t)size >> 8 * (bytes - 1 - i));
        }
        head_size += bytes;
    }
    if (mask != NULL) {
        head[1] |= 0x80;
        memcpy(head + head_size, mask, 4);
        head_size += 4;
    }
    g_byte_array_append(frame, head, (guint)head_size);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = ((const uint8_t *)payload)[i] ^ (mask == NULL ? 0 : mask[i % 4]);
        g_byte_array_append(frame, &byte, 1);
    }
    wire_send_bytes(wire, frame->data, frame->len);
}

static inline bool wire_set_flag_seen(void *data)
{
    return *(bool *)data;
}

static inline void wire_set_flag(void *data)
{
    *(bool *)data = true;
}

/* Ends the server and the loop; nothing may be left. */
static inline void wire_close_web(uv_loop_t *loop, Web *web)
{
    bool is_closed = false;
    web_close(web, wire_set_flag, &is_closed);
    wire_wait(loop, wire_set_flag_seen, &is_closed);
    uv_run(loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(loop), ==, 0);
}
