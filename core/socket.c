/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One face for the two kinds of sockets that the live channels write to. */
#include "core/socket.h"

SocketState socket_write(Socket *socket, const void *bytes, size_t size)
{
    return socket->kind->write(socket, bytes, size);
}

void socket_prefetch(const Socket *socket)
{
    __builtin_prefetch(socket);
    __builtin_prefetch((const char *)socket + 64); /* a cache line: x86, and nearly all ARM */
    __builtin_prefetch((const char *)socket + 128);
}

bool socket_is_lagging(const Socket *socket)
{
    return socket->kind->is_lagging(socket);
}

void socket_close(Socket *socket, uint16_t code, const char *reason)
{
    socket->kind->close(socket, code, reason);
}

void socket_kill(Socket *socket)
{
    socket->kind->kill(socket);
}

void socket_set_max_message(Socket *socket, size_t max_message)
{
    socket->max_message = max_message;
}

const char *socket_peer(const Socket *socket)
{
    return socket->peer;
}
