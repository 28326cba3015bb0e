/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Announcements: what its two halves share. */
#pragma once
#include "core/plugin.h"

typedef struct {
    int64_t max_characters;
    int64_t max_running;
} AnnouncementsSettings;

/* What the display half shows now. */
typedef struct {
    char *ticker; /* all running texts on one line; NULL: none */
    int64_t ticker_start_us;
    json_t *urgent;    /* text object of the newest urgent message; NULL: none */
    json_t *emergency; /* the same for an emergency */
    bool ticker_changed, banner_changed, takeover_changed;
} Notices;

/* The server half keeps nothing: the truth is in its table. */
typedef struct {
    Notices notices;
} Announcements;

/* messages.c */
extern const char *const messages_migrations[];
extern const SerambiRoute messages_routes[];
extern const SerambiTopic messages_topics[];
extern const SerambiTimer messages_timers[];
bool messages_start(Serambi *self, GError **error);

/* screen.c */
extern const SerambiWatch screen_watches[];
extern const SerambiLayer screen_layers[];
bool screen_start(Serambi *self, GError **error);
void screen_stop(Serambi *self);
