/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Displays: letting screens in, their names, layouts and health; clock, QR card, pairing code. */
#include "plugins/displays/displays.h"

extern const SerambiAsset displays_assets[];

SERAMBI_PLUGIN(.id = "displays", .version = "1",
               .summary = "Screens: pairing, layout, health; clock and QR card",
               .places = SERAMBI_ON_SERVER | SERAMBI_ON_DISPLAY, .state_size = sizeof(Displays),
               .migrations = screens_migrations, .routes = screens_routes, .topics = screens_topics,
               .watches = screens_watches, .timers = screens_timers,
               .display_watches = porch_watches, .display_timers = porch_timers,
               .layers = porch_layers, .assets = displays_assets, .start = screens_start,
               .stop = screens_stop, .display_start = porch_start, .display_stop = porch_stop, );
