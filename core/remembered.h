/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The last value of each state channel on a display's disk, so that a screen that starts without
 * its server shows what it knew. One thread at a time. */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Remembered Remembered;

typedef struct {
    char *channel, *epoch;
    uint64_t offset;
    json_t *body;
    bool is_new; /* not on disk yet */
} RememberedValue;

/* Reads what is in folder (created); files that do not parse are passed over with a warning. */
Remembered *remembered_new(const char *folder, GError **error);
void remembered_free(Remembered *remembered); /* writes first */
/* NULL when nothing is known. */
const RememberedValue *remembered_get(const Remembered *remembered, const char *channel);
void remembered_put(Remembered *remembered, const char *channel, const char *epoch, uint64_t offset,
                    json_t *body); /* takes a reference of its own */
/* Writes what is new, each file whole or not at all. */
void remembered_write(Remembered *remembered);
