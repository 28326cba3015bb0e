/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The voice: chime, calls in up to three languages, and what staff type to be said. */
#include "plugins/voice/voice.h"

extern const SerambiAsset voice_assets[];

static const SerambiSetting settings[] = {
    {
        .key = "time_zone",
        .kind = SERAMBI_TEXT,
        .offset = offsetof(VoiceSettings, time_zone),
        .fallback = "",
        .max = 64,
        .help = "whose clock the quiet hours follow, such as Asia/Jakarta; empty: the server's",
    },
    {0},
};

SERAMBI_PLUGIN(.id = "voice", .version = "2",
               .summary = "What the loudspeaker says: chime, called numbers, spoken messages",
               .places = SERAMBI_ON_SERVER | SERAMBI_ON_DISPLAY, .state_size = sizeof(Voice),
               .settings_size = sizeof(VoiceSettings), .settings = settings,
               .migrations = voice_migrations, .routes = wishes_routes, .topics = wishes_topics,
               .watches = line_watches, .display_watches = speaker_watches,
               .display_timers = speaker_timers, .assets = voice_assets, .start = wishes_start,
               .display_start = speaker_start, .display_stop = speaker_stop, );
