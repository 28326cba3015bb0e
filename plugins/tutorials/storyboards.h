/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Tutorials written as text: what the files about them share.
 *
 * storyboards.c         drafts: kept at every pause in typing, with earlier versions; composing one
 * storyboard_files.c    pictures and recordings that belong to a draft
 * storyboard_preview.c  what the worker says of a text, and the slide at the cursor */
#pragma once
#include "plugins/tutorials/tutorials.h"

#define STORYBOARD_DRAFT_BYTES_MAX                                                                 \
    (48 * 1024) /* of UTF-8; in JSON it fits the body of a request                                 \
                 */
#define STORYBOARD_NAME_CHARACTERS 120
#define STORYBOARD_DRAFTS_MAX      500
#define STORYBOARD_VERSIONS_MAX    40 /* of one draft; the oldest go */
#define STORYBOARD_FILES_MAX       64 /* of one draft */

/* The id in the path; false after having replied. */
bool storyboards_read_id(SerambiRequest *request, int64_t *ret_id);
/* The "text" of a body, or NULL after having replied. Borrowed. */
const char *storyboards_read_text(SerambiRequest *request);
/* What was under way goes on: after a restart, and when the worker had no room. */
bool storyboard_files_start(Serambi *self, GError **error);
void storyboard_files_stop(Serambi *self);
void storyboard_files_begin_waiting(Serambi *self);
