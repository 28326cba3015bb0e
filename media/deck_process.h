/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The process behind a deck: started, spoken to, killed and buried without ever waiting for it. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct DeckProcess {
    pid_t pid;   /* 0: there is none */
    int pidfd;   /* -1: there is none */
    int control; /* our end of the control line, -1: there is none */
    bool is_killed;
} DeckProcess;

/* Starts `program play` with the ring. Errors: DECK_ERROR_SYSTEM. */
bool deck_process_start(DeckProcess *process, const char *program, int ring_fd, GError **error);

/* Sends one line with a descriptor, or with none if `fd` is -1. Returns false if it cannot be sent
 * now. */
bool deck_process_send(const DeckProcess *process, const char *line, int fd);

/* Receives one line. Returns its length, 0 if there is none, -1 if the line is cut. */
ssize_t deck_process_receive(const DeckProcess *process, char *line, size_t size);

/* Sends SIGKILL to exactly this process. */
void deck_process_kill(DeckProcess *process);

/* If the process is over, buries it, closes what belongs to it and returns true. */
bool deck_process_bury(DeckProcess *process);

/* Kills it and waits for its end. */
void deck_process_clear(DeckProcess *process);
