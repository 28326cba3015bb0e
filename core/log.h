/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The finished frames of one channel in one encoding, one behind the other, found by their offset.
 *
 * Offsets are dense: each frame's is one more than that of the frame before it. What does not fit
 * is forgotten from the old end; whoever needs it reads the store. Not thread-safe. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    GByteArray *bytes;
    GArray *starts;    /* uint32_t: where each frame begins */
    uint64_t head;     /* offset of the newest frame, also when it is no longer here */
    size_t max_bytes;  /* 0: only the newest frame is kept */
    uint64_t appended; /* bytes, ever */
} Log;

typedef struct {
    const uint8_t *bytes; /* whole frames; valid until the next append */
    size_t size;
    uint64_t last_offset;
    uint32_t frames;
} LogRange;

void log_init(Log *log, size_t max_bytes, uint64_t head);
void log_clear(Log *log); /* a zeroed log is fine */
/* offset other than head + 1: all older frames are forgotten first. */
void log_append(Log *log, uint64_t offset, const void *frame, size_t size);
/* The frames after offset `after`, as many whole ones as fit in max_bytes, but at least one. False
 * when there is none, or when the first of them is no longer here. */
bool log_range(const Log *log, uint64_t after, size_t max_bytes, LogRange *ret_range);
/* Does it have every frame from after + 1 to the head? */
bool log_reaches(const Log *log, uint64_t after);
