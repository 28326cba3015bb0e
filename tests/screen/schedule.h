/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What is to be seen when: clips in slots, from one moment on. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int number; /* in its bar code */
    int width, height;
    int fps_n, fps_d;
    int frames;
    bool has_sound;
    char *path, *hash; /* NULL until made */
} Film;

typedef struct {
    const Film *film;
    int64_t start_us, end_us;
} Slot;

typedef struct {
    GArray *films; /* Film */
    GArray *slots; /* Slot; without a gap; times of CLOCK_REALTIME, the server's */
} Schedule;

/* count slots from start_us on, in an order made of the seed. Most slots are as long as their clip,
 * as in the house; a few are cut short in the middle of a frame, and stills stand for a while. */
Schedule *schedule_new(int count, int64_t start_us, uint32_t seed, bool is_brief);
void schedule_free(Schedule *schedule);
/* Moves all slots: before the programme is told to anybody. */
void schedule_begin(Schedule *schedule, int64_t start_us);
int64_t schedule_end_us(const Schedule *schedule);
/* The slot that is due; before the first it is none: -1; count after the last. */
int schedule_at(const Schedule *schedule, int64_t now_us);
/* When a frame begins to be due, from the start of its clip; rounded up. */
int64_t film_frame_us(const Film *film, int64_t frame);
int64_t film_duration_us(const Film *film); /* of a still: 0 */
