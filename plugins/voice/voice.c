/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The voice: chime, calls in up to three languages, and what staff type to be said. */
#include "plugins/voice/voice.h"

extern const SerambiAsset voice_assets[];

SERAMBI_PLUGIN(.id = "voice", .version = "1",
               .summary = "What the loudspeaker says: chime, called numbers, spoken messages",
               .places = SERAMBI_ON_SERVER | SERAMBI_ON_DISPLAY, .state_size = sizeof(Voice),
               .migrations = wishes_migrations, .routes = wishes_routes, .topics = wishes_topics,
               .display_watches = speaker_watches, .display_timers = speaker_timers,
               .assets = voice_assets, .start = wishes_start, .display_start = speaker_start,
               .display_stop = speaker_stop, );
