/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a connection has still to send. sendfile() of a page-cached file costs the loop about what
 * a write() does; a file that is not cached blocks it for one read, at most OUTBOX_TURN_BYTES. */
#include "core/outbox.h"
#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    GBytes *bytes; /* or a file */
    int fd;
    int64_t offset, left;
} Piece;

static void piece_free(Piece *piece)
{
    if (piece->bytes != NULL) {
        g_bytes_unref(piece->bytes);
    } else {
        close(piece->fd);
    }
    g_free(piece);
}

void outbox_clear(Outbox *outbox)
{
    g_queue_clear_full(&outbox->pieces, (GDestroyNotify)piece_free);
}

bool outbox_is_empty(const Outbox *outbox)
{
    return outbox->pieces.length == 0;
}

void outbox_add_bytes(Outbox *outbox, GBytes *bytes)
{
    Piece *piece = g_new0(Piece, 1);
    *piece = (Piece){.bytes = bytes, .left = (int64_t)g_bytes_get_size(bytes)};
    g_queue_push_tail(&outbox->pieces, piece);
}

void outbox_add_file(Outbox *outbox, int fd, int64_t offset, int64_t size)
{
    Piece *piece = g_new0(Piece, 1);
    *piece = (Piece){.fd = fd, .offset = offset, .left = size};
    g_queue_push_tail(&outbox->pieces, piece);
}

/* Returns what went, 0 when the socket is full, -1 on failure. */
static ssize_t piece_send(const Piece *piece, bool is_last, int socket, size_t most)
{
    size_t size = (size_t)MIN(piece->left, (int64_t)most);
    ssize_t count;
    if (piece->bytes != NULL) {
        const char *bytes = g_bytes_get_data(piece->bytes, NULL);
        count = send(socket, bytes + piece->offset, size, MSG_NOSIGNAL | (is_last ? 0 : MSG_MORE));
    } else {
        off_t offset = piece->offset;
        count = sendfile(socket, piece->fd, &offset, size);
        if (count == 0) {
            return -1; /* the file is shorter than it was */
        }
    }
    if (count < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    return count;
}

OutboxState outbox_send(Outbox *outbox, int socket, uint64_t *sent)
{
    size_t budget = OUTBOX_TURN_BYTES;
    while (outbox->pieces.length > 0) {
        Piece *piece = g_queue_peek_head(&outbox->pieces);
        if (piece->left > 0) {
            if (budget == 0) {
                return OUTBOX_WAITING;
            }
            ssize_t count = piece_send(piece, outbox->pieces.length == 1, socket, budget);
            if (count <= 0) {
                return count == 0 ? OUTBOX_WAITING : OUTBOX_DEAD;
            }
            piece->offset += count;
            piece->left -= count;
            budget -= (size_t)count;
            *sent += (uint64_t)count;
        }
        if (piece->left == 0) {
            piece_free(g_queue_pop_head(&outbox->pieces));
        }
    }
    return OUTBOX_SENT;
}
