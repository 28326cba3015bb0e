/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What would block the frame loop is done by helper threads; the result comes back as a message
 * to the stage. */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct Errands Errands;

/* The message number under which results arrive at the stage. */
#define ERRAND_MESSAGE 1

Errands *errands_new(void);
/* Nothing new begins, what runs is told to hurry (errands_stop_fd), and is waited for. */
void errands_stop(Errands *errands);
void errands_free(Errands *errands);

/* work(): a helper thread; done(): main thread, not after errands_stop(); then free_data on the
 * main thread, on every path. */
void errands_run(Errands *errands, void (*work)(void *data), void (*done)(void *data), void *data,
                 GDestroyNotify free_data);
/* Main thread: the payload of an ERRAND_MESSAGE. */
void errands_on_message(Errands *errands, void *payload);
/* Becomes readable when errands_stop() is called: for work() that waits. */
int errands_stop_fd(const Errands *errands);
