/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Announcements: messages with languages, urgency and expiry; ticker, banner, emergency takeover.
 */
#include "plugins/announcements/announcements.h"

extern const SerambiAsset announcements_assets[];

static const SerambiSetting settings[] = {
    {
        .key = "max_characters",
        .kind = SERAMBI_INT,
        .offset = offsetof(AnnouncementsSettings, max_characters),
        .fallback = "500",
        .min = 40,
        .max = 2000,
        .help = "longest text of one announcement in one language",
    },
    {
        .key = "max_running",
        .kind = SERAMBI_INT,
        .offset = offsetof(AnnouncementsSettings, max_running),
        .fallback = "50",
        .min = 1,
        .max = 100,
        .help = "announcements that may run at the same time",
    },
    {0},
};

SERAMBI_PLUGIN(.id = "announcements", .version = "1",
               .summary = "Messages on ticker, banner and phones, and the emergency takeover",
               .places = SERAMBI_ON_SERVER | SERAMBI_ON_DISPLAY,
               .state_size = sizeof(Announcements), .settings_size = sizeof(AnnouncementsSettings),
               .settings = settings, .migrations = messages_migrations, .routes = messages_routes,
               .topics = messages_topics, .timers = messages_timers,
               .display_watches = screen_watches, .layers = screen_layers,
               .assets = announcements_assets, .start = messages_start,
               .display_start = screen_start, .display_stop = screen_stop, );
