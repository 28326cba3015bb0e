/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Inside of the web server: what WebSockets and endless answers have in common. */
#pragma once
#include "core/web.h"

typedef struct {
    SocketState (*write)(Socket *socket, const void *bytes, size_t size);
    bool (*is_lagging)(const Socket *socket);
    void (*close)(Socket *socket, uint16_t code, const char *reason);
    void (*kill)(Socket *socket);
} SocketKind;

struct Socket {
    const SocketKind *kind;
    SocketHandler handler;
    void *connection; /* the handler's */
    char *peer;
    size_t max_message;
};
