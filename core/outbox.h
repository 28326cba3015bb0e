/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a connection has still to send, in order: bytes, and parts of files that go from the page
 * cache to the socket without passing through us. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    GQueue pieces;
} Outbox;

typedef enum {
    OUTBOX_SENT = 1, /* empty now */
    OUTBOX_WAITING,  /* the socket is full, or it is the others' turn: again when writable */
    OUTBOX_DEAD,     /* the socket or the file failed */
} OutboxState;

void outbox_clear(Outbox *outbox);
bool outbox_is_empty(const Outbox *outbox);
void outbox_add_bytes(Outbox *outbox, GBytes *bytes);                       /* takes bytes */
void outbox_add_file(Outbox *outbox, int fd, int64_t offset, int64_t size); /* takes fd */
/* Sends what the socket takes, at most OUTBOX_TURN_BYTES; adds what went to *sent. */
#define OUTBOX_TURN_BYTES (1024 * 1024)
OutboxState outbox_send(Outbox *outbox, int socket, uint64_t *sent);
