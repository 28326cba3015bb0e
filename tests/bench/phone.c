/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One client of the load. */
#include "phone.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES (256 * 1024)
/* 28,000 ports for each pair of addresses; more clients, and those in TIME_WAIT, need more. */
#define ADDRESSES 8

static char buffer[READ_BYTES + 1];

int64_t phone_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

size_t phone_frame(const char *text, size_t size, char *out)
{
    size_t head = 2;
    out[0] = (char)0x81;
    if (size < 126) {
        out[1] = (char)(0x80 | size);
    } else {
        out[1] = (char)(0x80 | 126);
        out[2] = (char)(size >> 8);
        out[3] = (char)size;
        head = 4;
    }
    memset(out + head, 0, 4); /* a mask of zeros leaves the text as it is */
    memcpy(out + head + 4, text, size);
    return head + 4 + size;
}

void phone_hang_up(Phone *phone)
{
    if (phone->state != PHONE_GONE) {
        (void)close(phone->fd);
        free(phone->kept);
        *phone = (Phone){.fd = -1, .last = phone->last};
    }
}

bool phone_dial(Phone *phone, unsigned number, const PhoneManner *manner)
{
    const int on = 1;
    struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number % ADDRESSES),
    };
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)manner->port),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&from, sizeof from) != 0 ||
        (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        int failure = errno;
        (void)close(fd);
        errno = failure;
        return false;
    }
    *phone = (Phone){.fd = fd, .state = PHONE_DIALS, .last = phone->last};
    return true;
}

static void say(const Phone *phone, const void *bytes, size_t size)
{
    (void)!send(phone->fd, bytes, size, MSG_NOSIGNAL);
}

void phone_connected(Phone *phone, const PhoneManner *manner)
{
    char head[512];
    int size = snprintf(head, sizeof head,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                        manner->path);
    say(phone, head, (size_t)size);
    phone->state = PHONE_SHAKES;
}

/* The text is "@<number>:<scheduled us>@..." somewhere in the message. */
static void note(Phone *phone, const char *text, size_t size, const PhoneManner *manner,
                 PhoneTally *tally)
{
    const char *mark = memchr(text, '@', size);
    if (mark == NULL) {
        return;
    }
    char *end;
    uint64_t number = strtoull(mark + 1, &end, 10);
    int64_t scheduled_us = strtoll(end + 1, NULL, 10);
    if (manner->has_offsets) {
        const char *offset = memmem(text, size, "\"offset\":", 9);
        number = offset == NULL ? 0 : strtoull(offset + 9, NULL, 10);
    }
    tally->messages++;
    if (phone->last != 0 && number != phone->last + 1) {
        *(number > phone->last ? &tally->gaps : &tally->repeats) += 1;
    }
    phone->last = number;
    if (tally->latency != NULL) {
        histogram_note(tally->latency, tally->last_us - scheduled_us);
    }
}

static void take_text(Phone *phone, const char *text, size_t size, const PhoneManner *manner,
                      PhoneTally *tally)
{
    static const char pong[] = {(char)0x81, (char)0x82, 0, 0, 0, 0, '{', '}'};
    if (size == 2 && memcmp(text, "{}", 2) == 0) {
        if (manner->answers_pings) {
            say(phone, pong, sizeof pong);
        }
    } else if (phone->state == PHONE_GREETS) {
        phone->state = PHONE_READY;
    } else {
        note(phone, text, size, manner, tally);
    }
}

/* Returns how much of it was whole frames. A server's frames are not masked. */
static size_t take_frames(Phone *phone, const char *bytes, size_t size, const PhoneManner *manner,
                          PhoneTally *tally)
{
    size_t at = 0;
    while (size - at >= 2) {
        const unsigned char *frame = (const unsigned char *)bytes + at;
        size_t head = 2, length = frame[1];
        if (length >= 126) {
            size_t more = length == 126 ? 2 : 8;
            head += more;
            if (size - at < head) {
                break;
            }
            length = 0;
            for (size_t i = 0; i < more; i++) {
                length = length << 8 | frame[2 + i];
            }
        }
        if (size - at - head < length || size - at < head) {
            break;
        }
        if ((frame[0] & 0x0f) == 1) {
            take_text(phone, bytes + at + head, length, manner, tally);
        } else if ((frame[0] & 0x0f) == 8) {
            phone_hang_up(phone);
            return size;
        }
        at += head + length;
    }
    return at;
}

static size_t take_head(Phone *phone, const char *bytes, size_t size, const PhoneManner *manner)
{
    const char *end = memmem(bytes, size, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    if (memcmp(bytes, "HTTP/1.1 101", 12) != 0) {
        phone_hang_up(phone);
        return size;
    }
    phone->state = manner->hello == NULL ? PHONE_READY : PHONE_GREETS;
    if (manner->hello != NULL) {
        say(phone, manner->hello, manner->hello_size);
    }
    return (size_t)(end + 4 - bytes);
}

void phone_read(Phone *phone, const PhoneManner *manner, PhoneTally *tally)
{
    size_t before = phone->kept_size;
    if (before > 0) {
        memcpy(buffer, phone->kept, before);
        free(phone->kept);
        phone->kept = NULL;
        phone->kept_size = 0;
    }
    ssize_t count = recv(phone->fd, buffer + before, READ_BYTES - before, 0);
    if (count <= 0 && (count == 0 || errno != EAGAIN)) {
        tally->lost++;
        phone_hang_up(phone);
        return;
    }
    tally->reads++;
    tally->last_us = phone_now_us();
    size_t size = before + (count > 0 ? (size_t)count : 0), at = 0;
    buffer[size] = '\0';
    if (phone->state == PHONE_SHAKES) {
        at = take_head(phone, buffer, size, manner);
    }
    if (phone->state > PHONE_SHAKES) {
        at += take_frames(phone, buffer + at, size - at, manner, tally);
    }
    if (phone->state != PHONE_GONE && at < size) {
        phone->kept_size = (uint32_t)(size - at);
        phone->kept = malloc(phone->kept_size);
        if (phone->kept == NULL) {
            abort();
        }
        memcpy(phone->kept, buffer + at, phone->kept_size);
    }
}
