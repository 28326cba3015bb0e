/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The loader: one good descriptor, and each way to spoil it. */
#include "core/limits.h"
#include "core/loader.h"
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
    int64_t seats;
    const char *name;
} Values;

static void handle(Serambi *self, SerambiRequest *request)
{
}

static void on_message(Serambi *self, const char *channel, const json_t *body)
{
}

static void on_tick(Serambi *self)
{
}

static void on_complete(Serambi *self, const SerambiUploaded *upload)
{
}

static bool prepare(Serambi *self, int64_t now_us)
{
    return false;
}

static void draw(Serambi *self, SerambiCanvas *canvas)
{
}

/* Tables that a test may spoil. */
static struct {
    SerambiPlugin plugin;
    SerambiSetting settings[3];
    const char *migrations[2];
    SerambiRoute routes[3], pages[2];
    SerambiBody bodies[2];
    SerambiTopic topics[3];
    SerambiWatch watches[2];
    SerambiTimer timers[3];
    SerambiUpload uploads[2];
    SerambiLayer layers[2];
    SerambiAsset assets[2];
    uint64_t beyond[4]; /* what a newer interface might have */
} good, bad;

static const uint8_t gzip_bytes[] = {31, 139};

static void make_good(void)
{
    good.settings[0] = (SerambiSetting){.key = "seats",
                                        .kind = SERAMBI_INT,
                                        .offset = offsetof(Values, seats),
                                        .fallback = "4",
                                        .min = 1,
                                        .max = 9,
                                        .help = "chairs"};
    good.settings[1] = (SerambiSetting){.key = "name",
                                        .kind = SERAMBI_TEXT,
                                        .offset = offsetof(Values, name),
                                        .fallback = "",
                                        .max = 9,
                                        .help = "a name"};
    good.migrations[0] = "CREATE TABLE hall_seat (id BIGINT PRIMARY KEY)";
    good.routes[0] =
        (SerambiRoute){"POST", "seats/{id}/free", SERAMBI_STAFF, handle, "frees a seat"};
    good.routes[1] = (SerambiRoute){"GET", "", SERAMBI_ANYBODY, handle, "the hall"};
    good.pages[0] = (SerambiRoute){"GET", "hall/{id}", SERAMBI_ANYBODY, handle, "a hall"};
    good.bodies[0] = (SerambiBody){"POST", "seats/{id}/free", LIMIT_ROUTE_BODY_BYTES};
    good.topics[0] = (SerambiTopic){"seats", SERAMBI_STATE, SERAMBI_ANYBODY, 0, "{}", "all seats"};
    good.topics[1] = (SerambiTopic){"seat.{key}", SERAMBI_FEED, SERAMBI_STAFF, 1, "{}", "one"};
    good.watches[0] = (SerambiWatch){"queue:board", on_message};
    good.timers[0] = (SerambiTimer){"sweep", 60, on_tick};
    good.timers[1] = (SerambiTimer){"count", 1, on_tick};
    good.uploads[0] = (SerambiUpload){"plan", SERAMBI_STAFF, 1000, on_complete, "a plan"};
    good.layers[0] = (SerambiLayer){"seats", "board", 3, prepare, draw};
    good.assets[0] = (SerambiAsset){"words/id.json", "application/json", gzip_bytes, 2};
    good.plugin = (SerambiPlugin){.abi = SERAMBI_ABI,
                                  .size = sizeof(SerambiPlugin),
                                  .id = "hall",
                                  .version = "1",
                                  .summary = "seats",
                                  .places = SERAMBI_ON_SERVER | SERAMBI_ON_DISPLAY,
                                  .settings_size = sizeof(Values)};
}

/* bad becomes a fresh copy of good whose descriptor points to its own tables. */
static SerambiPlugin *fresh(void)
{
    memcpy(&bad, &good, sizeof bad);
    bad.plugin.settings = bad.settings;
    bad.plugin.migrations = bad.migrations;
    bad.plugin.routes = bad.routes;
    bad.plugin.pages = bad.pages;
    bad.plugin.bodies = bad.bodies;
    bad.plugin.topics = bad.topics;
    bad.plugin.watches = bad.watches;
    bad.plugin.timers = bad.timers;
    bad.plugin.uploads = bad.uploads;
    bad.plugin.layers = bad.layers;
    bad.plugin.assets = bad.assets;
    return &bad.plugin;
}

static void assert_good(void)
{
    LoaderEntry *entry = loader_check(&bad.plugin);
    g_assert_no_error(entry->error);
    g_assert_nonnull(entry->plugin);
    g_assert_cmpstr(entry->id, ==, bad.plugin.id);
    loader_entry_free(entry);
}

static void assert_bad(LoaderError code, const char *part)
{
    LoaderEntry *entry = loader_check(&bad.plugin);
    g_assert_error(entry->error, LOADER_ERROR, (gint)code);
    g_assert_null(entry->plugin);
    if (!strstr(entry->error->message, part))
        g_error("'%s' does not say '%s'", entry->error->message, part);
    loader_entry_free(entry);
}

/* Spoils one thing, sees it refused, and mends it by a fresh copy. */
#define REFUSED(part, ...)                                                                         \
    do {                                                                                           \
        (void)fresh();                                                                             \
        __VA_ARGS__;                                                                               \
        assert_bad(LOADER_ERROR_TABLE, part);                                                      \
    } while (0)

static void test_good(void)
{
    (void)fresh();
    assert_good();
}

static void test_abi(void)
{
    fresh()->abi = SERAMBI_ABI + 1;
    assert_bad(LOADER_ERROR_ABI, "plugin interface 2");
    fresh()->size = 8;
    assert_bad(LOADER_ERROR_ABI, "too short");
    /* Longer: accepted while what we do not know is zero (here it is the first setting's room). */
    static struct {
        SerambiPlugin plugin;
        uint64_t more;
    } newer;
    newer.plugin = *fresh();
    newer.plugin.size = sizeof newer;
    LoaderEntry *entry = loader_check(&newer.plugin);
    g_assert_no_error(entry->error);
    loader_entry_free(entry);
    newer.more = 1;
    entry = loader_check(&newer.plugin);
    g_assert_error(entry->error, LOADER_ERROR, LOADER_ERROR_ABI);
    loader_entry_free(entry);
}

static void test_shorter(void)
{
    fresh()->size = offsetof(SerambiPlugin, timers);
    LoaderEntry *entry = loader_check(&bad.plugin);
    g_assert_no_error(entry->error);
    g_assert_nonnull(entry->plugin->watches);
    g_assert_null(entry->plugin->timers);
    g_assert_null(entry->plugin->assets);
    loader_entry_free(entry);
}

static void test_head(void)
{
    REFUSED("id", bad.plugin.id = "Hall");
    REFUSED("id", bad.plugin.id = "h");
    REFUSED("id", bad.plugin.id = NULL);
    REFUSED("belongs to Serambi", bad.plugin.id = "session");
    REFUSED("belongs to Serambi", bad.plugin.id = "backup");
    REFUSED("version", bad.plugin.version = NULL);
    REFUSED("summary", bad.plugin.summary = "");
    REFUSED("runs nowhere", bad.plugin.places = 0);
    REFUSED("unknown place", bad.plugin.places = 4);
    REFUSED("server half", bad.plugin.places = SERAMBI_ON_DISPLAY);
    REFUSED("display half", bad.plugin.places = SERAMBI_ON_SERVER);
    REFUSED("larger than", bad.plugin.state_size = (size_t)1 << 30);
}

static void test_settings(void)
{
    REFUSED("'Seats'", bad.settings[0].key = "Seats");
    REFUSED("kind", bad.settings[0].kind = (SerambiKind)9);
    REFUSED("fallback", bad.settings[0].fallback = NULL);
    REFUSED("from 1 to 9", bad.settings[0].fallback = "10");
    REFUSED("range", bad.settings[0].min = 10);
    REFUSED("help", bad.settings[0].help = NULL);
    REFUSED("outside", bad.settings[1].offset = sizeof(Values));
    REFUSED("outside", bad.settings[0].offset = SIZE_MAX - 3);
    REFUSED("aligned", bad.settings[0].offset = 3);
    REFUSED("twice", bad.settings[1] = bad.settings[0]);
    REFUSED("no choices", bad.settings[1].kind = SERAMBI_CHOICE);
}

static void test_routes(void)
{
    REFUSED("method", bad.routes[0].method = "BREW");
    REFUSED("path", bad.routes[0].path = NULL);
    REFUSED("path", bad.routes[0].path = "/seats");
    REFUSED("path", bad.routes[0].path = "seats//free");
    REFUSED("path", bad.routes[0].path = "seats/../free");
    REFUSED("path", bad.routes[0].path = "seats/{id");
    REFUSED("path", bad.routes[0].path = "seats/{id}/{id}");
    REFUSED("role", bad.routes[0].roles = 0);
    REFUSED("role", bad.routes[0].roles = 64);
    REFUSED("function", bad.routes[0].handle = NULL);
    REFUSED("help", bad.routes[0].help = NULL);
    REFUSED("twice", bad.routes[1] = bad.routes[0]; bad.routes[1].path = "seats/{other}/free");
}

static void test_pages(void)
{
    REFUSED("first word", bad.pages[0].path = "");
    REFUSED("first word", bad.pages[0].path = "{id}");
    REFUSED("first word", bad.pages[0].path = "api/{id}");
    REFUSED("first word", bad.pages[0].path = "media");
    REFUSED("first word", bad.pages[0].path = "robots.txt");
    REFUSED("method", bad.pages[0].method = "BREW");
    REFUSED("function", bad.pages[0].handle = NULL);
    REFUSED("no such route", bad.bodies[0].path = "seats");
    REFUSED("no such route", bad.bodies[0].method = "GET");
    REFUSED("no such route", bad.routes[0].roles = SERAMBI_ANYBODY);
    REFUSED("bytes", bad.bodies[0].body_bytes = 0);
    REFUSED("bytes", bad.bodies[0].body_bytes = LIMIT_ROUTE_BODY_BYTES + 1);
}

static void test_topics(void)
{
    REFUSED("name", bad.topics[0].name = "now serving");
    REFUSED("name", bad.topics[0].name = "seat.key");
    REFUSED("state nor feed", bad.topics[0].kind = (SerambiTopicKind)3);
    REFUSED("role", bad.topics[0].readers = 0);
    REFUSED("at least a day", bad.topics[1].keep_days = 0);
    REFUSED("example", bad.topics[0].example = "{");
    REFUSED("example", bad.topics[0].example = NULL);
    REFUSED("help", bad.topics[0].help = NULL);
    REFUSED("twice", bad.topics[1].name = "seats.{key}");
}

static void test_others(void)
{
    REFUSED("migration", bad.migrations[0] = "");
    REFUSED("not a channel", bad.watches[0].channel = "board");
    REFUSED("function", bad.watches[0].on_message = NULL);
    REFUSED("timer", bad.timers[0].every_seconds = 0);
    REFUSED("timer", bad.timers[0].on_tick = NULL);
    REFUSED("twice", bad.timers[1].name = "sweep");
    REFUSED("upload", bad.uploads[0].max_bytes = 0);
    REFUSED("upload", bad.uploads[0].on_complete = NULL);
    REFUSED("layer", bad.layers[0].draw = NULL);
    REFUSED("layer", bad.layers[0].area = NULL);
    REFUSED("asset", bad.assets[0].path = "../../etc/passwd");
    REFUSED("asset", bad.assets[0].bytes = NULL);
}

static void test_endless(void)
{
    g_autofree SerambiWatch *endless = g_new0(SerambiWatch, 1100);
    for (int i = 0; i < 1100; i++)
        endless[i] = good.watches[0];
    REFUSED("no zero entry", bad.plugin.watches = endless);
}

static void test_folder(void)
{
    g_autofree char *folder = g_dir_make_tmp("serambi-loader-XXXXXX", NULL);
    g_autofree char *junk = g_build_filename(folder, "junk.so", NULL);
    g_autofree char *other = g_build_filename(folder, "README.md", NULL);
    g_assert_true(g_file_set_contents(junk, "not an object", -1, NULL));
    g_assert_true(g_file_set_contents(other, "not a plugin", -1, NULL));
    g_autoptr(GPtrArray) entries = loader_load_folder(folder);
    g_assert_cmpuint(entries->len, ==, 1);
    const LoaderEntry *entry = entries->pdata[0];
    g_assert_cmpstr(entry->id, ==, "junk");
    g_assert_null(entry->plugin);
    g_assert_error(entry->error, LOADER_ERROR, LOADER_ERROR_OPEN);
    (void)g_unlink(junk);
    (void)g_unlink(other);
    (void)g_rmdir(folder);
    g_autoptr(GPtrArray) missing = loader_load_folder(folder);
    g_assert_cmpuint(missing->len, ==, 1);
    g_assert_error(((LoaderEntry *)missing->pdata[0])->error, LOADER_ERROR, LOADER_ERROR_OPEN);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    make_good();
    g_test_add_func("/loader/good", test_good);
    g_test_add_func("/loader/abi", test_abi);
    g_test_add_func("/loader/shorter", test_shorter);
    g_test_add_func("/loader/head", test_head);
    g_test_add_func("/loader/settings", test_settings);
    g_test_add_func("/loader/routes", test_routes);
    g_test_add_func("/loader/pages", test_pages);
    g_test_add_func("/loader/topics", test_topics);
    g_test_add_func("/loader/others", test_others);
    g_test_add_func("/loader/endless", test_endless);
    g_test_add_func("/loader/folder", test_folder);
    return g_test_run();
}
