/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Tutorials: the library of clips; upload, preparation, captions, posters, watch page, trash. */
#include "plugins/tutorials/storyboards.h"

extern const SerambiAsset tutorials_assets[];

static const SerambiSetting settings[] = {
    {
        .key = "at_once",
        .kind = SERAMBI_INT,
        .offset = offsetof(TutorialsSettings, at_once),
        .fallback = "0",
        .min = 0,
        .max = 16,
        .help =
            "uploads that are prepared at the same time, 0: one for each core; see also [serambi] "
            "jobs_parallel",
    },
    {
        .key = "slide_seconds",
        .kind = SERAMBI_INT,
        .offset = offsetof(TutorialsSettings, slide_seconds),
        .fallback = "10",
        .min = 1,
        .max = 600,
        .help = "seconds that a picture stands, and each page of a PDF",
    },
    {0},
};

static void forget_voices(Serambi *self)
{
    Tutorials *state = serambi_state(self);
    g_clear_pointer(&state->voices, g_hash_table_unref);
}

static void stop(Serambi *self)
{
    forget_voices(self);
    ingest_stop(self);
    storyboard_preview_stop(self);
    storyboard_files_stop(self);
}

/* Takes up again what a full disk or the like kept from beginning. */
static const SerambiTimer timers[] = {
    {"waiting", 30, ingest_begin_waiting},     {"materials", 30, storyboard_files_begin_waiting},
    {"previews", 5, storyboard_preview_hurry}, {"trash", 3600, trash_sweep},
    {"voices", 24 * 3600, forget_voices},      {0},
};

static bool start(Serambi *self, GError **error)
{
    return ingest_start(self, error) && find_start(self, error) &&
           storyboard_files_start(self, error) && clips_publish_list(self, error) &&
           clips_publish_work(self, error);
}

SERAMBI_PLUGIN(.id = "tutorials", .version = "1",
               .summary = "The library of clips: upload, preparation, captions, watching",
               .places = SERAMBI_ON_SERVER, .state_size = sizeof(Tutorials),
               .settings_size = sizeof(TutorialsSettings), .settings = settings,
               .migrations = clips_migrations, .routes = routes_table, .pages = routes_pages,
               .bodies = routes_bodies, .topics = clips_topics, .timers = timers,
               .uploads = ingest_uploads, .assets = tutorials_assets, .start = start,
               .stop = stop, );
