/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The programme: what plays where and when; the slot table, the picture and its captions. */
#include "plugins/programme/programme.h"

extern const SerambiAsset programme_assets[];

static const SerambiSetting settings[] = {
    {
        .key = "captions",
        .kind = SERAMBI_CHOICE,
        .offset = offsetof(ProgrammeSettings, caption_languages),
        .fallback = "id+en",
        .choices = "off|id|en|ar|id+en|id+ar|en+ar|en+id|ar+id|ar+en",
        .help = "languages of the captions on the screen; the second one is drawn quieter",
    },
    {
        .key = "shape",
        .kind = SERAMBI_CHOICE,
        .offset = offsetof(ProgrammeSettings, shape),
        .fallback = "blurred",
        .choices = "fit|fill|blurred",
        .help = "a tutorial of another shape than its place, such as an upright one on a wide "
                "screen: fit leaves the room beside it empty, fill cuts two of its edges, blurred "
                "lays it on its own blurred and darkened picture",
    },
    {0},
};

SERAMBI_PLUGIN(.id = "programme", .version = "1",
               .summary = "What plays on the screens, and its captions",
               .places = SERAMBI_ON_SERVER | SERAMBI_ON_DISPLAY, .state_size = sizeof(Programme),
               .settings_size = sizeof(ProgrammeSettings), .settings = settings,
               .migrations = playlist_migrations, .routes = playlist_routes,
               .topics = playlist_topics, .watches = playlist_watches,
               .display_watches = player_watches, .display_timers = player_timers,
               .layers = player_layers, .assets = programme_assets, .start = playlist_start,
               .stop = playlist_stop, .display_start = player_start, .display_stop = player_stop, );
