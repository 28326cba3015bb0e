/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A UDP socket that tells when a packet came, not when somebody got round to reading it.
 *
 * Any thread; one at a time for each socket. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Where a packet came from, and which address of ours it was sent to. */
typedef struct {
    struct sockaddr_storage peer;
    socklen_t peer_size;
    uint8_t own[16]; /* IPv4 in the first four; all zero: unknown */
} ClockPath;

/* Bound to address ("0.0.0.0", "::") and port (0: any); -1 with error set. close() it. */
int clock_socket_listen(const char *address, int port, GError **error);
/* Connected: only the peer's packets come in. -1 with error set. close() it. */
int clock_socket_connect(const struct sockaddr *peer, socklen_t size, GError **error);
int clock_socket_port(int fd);
/* The next packet's length (may be larger than size: it was cut), or -1: none now.
 * *ret_monotonic_us: when the kernel got it. path may be NULL. */
ssize_t clock_socket_receive(int fd, void *bytes, size_t size, ClockPath *path,
                             int64_t *ret_monotonic_us);
/* Back where it came from, from the address that was asked. False: it did not leave. */
bool clock_socket_reply(int fd, const void *bytes, size_t size, const ClockPath *path);
