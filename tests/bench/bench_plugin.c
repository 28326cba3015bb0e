/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A plugin that only publishes: the whole way of an announcement, savepoint, commit and all, with
 * messages of a size that the benchmark chooses. */
#include "core/plugin.h"

/* {"text":..., "count":1}: text as it is, or, for a count above 1, that many entries of one turn.
 */
static void handle_say(Serambi *self, SerambiRequest *request)
{
    const char *text = NULL;
    int count = 1;
    json_error_t error;
    if (json_unpack_ex((json_t *)serambi_request_body(request), &error, 0, "{s:s, s?i}", "text",
                       &text, "count", &count) != 0) {
        serambi_reply_error(request, 400, "error.form", "%s", error.text);
        return;
    }
    for (int i = 0; i < count; i++) {
        serambi_publish(self, "news", json_pack("{s:s}", "text", text));
    }
    serambi_reply(request, 200, NULL);
}

static const SerambiRoute routes[] = {
    {"POST", "say", SERAMBI_EDITOR, handle_say, "publishes a text"},
    {0},
};

static const SerambiTopic topics[] = {
    {"news", SERAMBI_FEED, SERAMBI_ANYBODY, 1, "{\"text\":\"a text\"}", "what was said"},
    {0},
};

SERAMBI_PLUGIN(.id = "bench", .version = "1", .summary = "Publishes texts, for benchmarks",
               .places = SERAMBI_ON_SERVER, .routes = routes, .topics = topics, );
