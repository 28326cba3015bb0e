/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Tutorials: the library of clips; upload, preparation, captions, posters, watch page, trash. */
#include "plugins/tutorials/tutorials.h"

extern const SerambiAsset tutorials_assets[];

static bool start(Serambi *self, GError **error)
{
    return ingest_start(self, error) && clips_publish_list(self, error) &&
           clips_publish_work(self, error);
}

SERAMBI_PLUGIN(.id = "tutorials", .version = "1",
               .summary = "The library of clips: upload, preparation, captions, watching",
               .places = SERAMBI_ON_SERVER, .state_size = sizeof(Tutorials),
               .migrations = clips_migrations, .routes = routes_table, .topics = clips_topics,
               .uploads = ingest_uploads, .assets = tutorials_assets, .start = start,
               .stop = ingest_stop, );
