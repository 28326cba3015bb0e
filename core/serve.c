/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The server's rooms put together, in the order in which they need each other, and taken apart in
 * the other direction:
 *
 *   signal -> uploads stop, plugins stop (open requests get 503), live clients are told to come
 *   back, children are killed -> the last commit is on disk, its answers are out, the live clients
 *   have left -> the web closes -> the rest.
 */
#include "core/serve.h"
#include "core/client.h"
#include "core/clock_responder.h"
#include "core/config.h"
#include "core/host.h"
#include "core/limits.h"
#include "core/metrics.h"
#include "core/search.h"
#include "core/turn_meter.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

/* Centrifuge client protocol: "shutdown", the client comes back. */
#define DISCONNECT_SHUTDOWN 3001
/* Longer than any answer takes; then the rest is cut off. */
#define SHUTDOWN_MS 10000
/* For live clients to take their goodbye. They get it one after the other, a few in each
 * millisecond: a client of the usual SDK comes back within half a second of it. */
#define FAREWELL_MS        2000
#define FAREWELL_SPREAD_MS 1500
#define FAREWELLS_PER_MS   4
/* Files, pipes and the database beside the connections. */
#define OTHER_FILES 512

extern const SerambiAsset core_assets[];

typedef struct {
    const Options *options;
    uv_loop_t loop;
    Config config;
    Settings *settings;
    char *address, *public_url, *secrets;
    int port;
    Store *store;
    Access *access;
    Live *live;
    Jobs *jobs;
    Kept *kept;
    Uploads *uploads;
    Assets *assets;
    Host *host;
    Web *web;
    Clients *clients;
    Metrics *metrics;
    TurnMeter *turns;
    ClockHouse house_clock;
    ClockResponder *responder; /* NULL: screens ask over their link */
    uv_signal_t terminate, interrupt, hangup;
    uv_check_t quiet; /* looks for the moment to close the web */
    uv_timer_t patience, watchdog;
    bool is_stopping, are_jobs_closed, is_farewell_over, is_web_closing;
} Server;

/* --- systemd -------------------------------------------------------------------------------------
 */

/* Source: sd_notify(3): a datagram to the socket in the environment, '@' is the abstract space. */
static void notify(const char *message)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    (void)sendto(descriptor, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address,
                 size);
    (void)close(descriptor);
}

static void on_watchdog(uv_timer_t *timer)
{
    notify("WATCHDOG=1");
}

static void start_watchdog(Server *server)
{
    const char *limit = g_getenv("WATCHDOG_USEC");
    guint64 limit_us = 0;
    (void)uv_timer_init(&server->loop, &server->watchdog);
    if (limit && g_ascii_string_to_unsigned(limit, 10, 2000, G_MAXINT64, &limit_us, NULL))
        (void)uv_timer_start(&server->watchdog, on_watchdog, limit_us / 2000, limit_us / 2000);
}

/* --- Addresses -----------------------------------------------------------------------------------
 */

static void handle_root(HttpRequest *request, void *data)
{
    Server *server = data;
    if (!assets_handle(server->assets, request) && !host_handle_page(server->host, request))
        http_reply_error(request, 404, "error.not_found", "there is nothing here");
}

static void handle_session(HttpRequest *request, void *data)
{
    access_handle_session(((Server *)data)->access, request);
}

static void handle_challenge(HttpRequest *request, void *data)
{
    access_handle_challenge(((Server *)data)->access, request);
}

static void handle_api(HttpRequest *request, void *data)
{
    host_handle_api(((Server *)data)->host, request);
}

static void handle_uploads(HttpRequest *request, void *data)
{
    uploads_handle(((Server *)data)->uploads, request);
}

static void handle_media(HttpRequest *request, void *data)
{
    kept_handle(((Server *)data)->kept, request);
}

static void handle_metrics(HttpRequest *request, void *data)
{
    metrics_handle(((Server *)data)->metrics, request);
}

static void handle_health(HttpRequest *request, void *data)
{
    http_reply_json(request, 200, json_pack("{s:b}", "healthy", 1));
}

static bool has_room(const Server *server)
{
    struct statvfs room;
    if (statvfs(server->options->data, &room) != 0)
        return false;
    return (int64_t)room.f_bavail * (int64_t)room.f_frsize >= server->config.reserve_mb * 1000000;
}

/* Ready: the store answers, the disk has room, and we are not leaving. */
static void handle_ready(HttpRequest *request, void *data)
{
    Server *server = data;
    json_auto_t *rows = store_query(server->store, NULL, "SELECT 1 AS one", NULL);
    bool is_room = has_room(server);
    bool is_ready = rows && is_room && !server->is_stopping;
    http_reply_json(
        request, is_ready ? 200 : 503,
        json_pack("{s:b, s:b, s:b}", "ready", is_ready, "store", rows != NULL, "room", is_room));
}

static void write_live_figures(GString *out, void *data)
{
    const Server *server = data;
    clients_write_figures(server->clients, out);
    LiveCounters counters = live_counters(server->live);
    metrics_counter(out, "serambi_live_publications", "Messages published.",
                    (double)counters.publications_total);
    metrics_counter(out, "serambi_live_deliveries", "Messages handed to sockets.",
                    (double)counters.deliveries_total);
    metrics_counter(out, "serambi_live_writes", "Writes to sockets.",
                    (double)counters.writes_total);
    metrics_counter(out, "serambi_live_lagging", "Times that a socket was full.",
                    (double)counters.lagging_total);
    metrics_counter(out, "serambi_live_dropped", "Readers that were too slow.",
                    (double)counters.dropped_total);
    metrics_gauge(out, "serambi_live_readers", "Live connections now.", (double)counters.readers);
    metrics_gauge(out, "serambi_live_channels", "Channels in memory now.",
                  (double)counters.channels);
    metrics_gauge(out, "serambi_live_subscriptions", "Subscriptions to channels now.",
                  (double)live_subscriptions(server->live));
}

static void write_store_figures(GString *out, void *data)
{
    const Server *server = data;
    StoreCounters counters = store_counters(server->store);
    metrics_counter(out, "serambi_store_commits", "Commits that reached the disk.",
                    (double)counters.commits_total);
    metrics_counter(out, "serambi_store_writes", "Savepoints that ran.",
                    (double)counters.writes_total);
    metrics_counter(out, "serambi_store_undone", "Savepoints that were undone.",
                    (double)counters.undone_total);
    metrics_counter(out, "serambi_store_lost", "Savepoints lost by a commit that failed.",
                    (double)counters.lost_total);
    metrics_gauge(out, "serambi_store_waiting", "Writes that wait for their turn now.",
                  (double)counters.waiting);
    metrics_gauge(out, "serambi_uploads_open", "Uploads begun and not finished.",
                  (double)uploads_open(server->uploads));
}

static void write_job_figures(GString *out, void *data)
{
    const Server *server = data;
    JobsCounters counters = server->jobs ? jobs_counters(server->jobs) : (JobsCounters){0};
    metrics_counter(out, "serambi_jobs_ended", "Workers that ended.", (double)counters.ended_total);
    metrics_counter(out, "serambi_jobs_failed", "Workers that failed.",
                    (double)counters.failed_total);
    metrics_gauge(out, "serambi_jobs_running", "Workers at work now.", (double)counters.running);
    metrics_gauge(out, "serambi_jobs_waiting", "Workers that wait for their turn.",
                  (double)counters.waiting);
}

static void write_loop_figures(GString *out, void *data)
{
    const Server *server = data;
    metrics_gauge(out, "serambi_loop_longest_turn_seconds",
                  "Longest turn of the loop in this minute and the one before it.",
                  turn_meter_longest(server->turns));
    metrics_counter(out, "serambi_loop_long_turns",
                    "Turns of the loop that a person could notice: over 50 ms.",
                    (double)turn_meter_long_total(server->turns));
}

/* The epoch goes with it: a screen that is told another one forgets what it measured. */
static json_t *tell_time(void *data)
{
    Server *server = data;
    int64_t now_us = clock_house_now_us(&server->house_clock);
    return json_pack("{s:I, s:I, s:i}", "now_us", (json_int_t)now_us, "epoch",
                     (json_int_t)server->house_clock.epoch, "port",
                     clock_responder_port(server->responder));
}

static int64_t now_us(void *data)
{
    return clock_house_now_us(&((Server *)data)->house_clock);
}

static void write_clock_figures(GString *out, void *data)
{
    const Server *server = data;
    ClockResponderCounters counters = clock_responder_counters(server->responder);
    metrics_counter(out, "serambi_clock_answers", "Questions for the time answered by UDP.",
                    (double)counters.answered);
    metrics_counter(out, "serambi_clock_refused", "UDP packets that were no question.",
                    (double)counters.refused);
    metrics_counter(out, "serambi_clock_limited", "Questions of addresses that asked too often.",
                    (double)counters.limited);
    metrics_counter(out, "serambi_clock_steps", "Times that the house clock was set at once.",
                    (double)server->house_clock.steps);
    host_write_gauges(server->host, out);
}

static void mount(Server *server)
{
    Web *web = server->web;
    ClientsCall call = {.call = host_call,
                        .data = server->host,
                        .now_us = now_us,
                        .tell_time = tell_time,
                        .time_data = server};
    server->clients = clients_new(server->live, server->access, &server->loop, &call);
    server->metrics = metrics_new(web);
    metrics_add(server->metrics, write_live_figures, server);
    metrics_add(server->metrics, write_store_figures, server);
    metrics_add(server->metrics, write_job_figures, server);
    metrics_add(server->metrics, write_loop_figures, server);
    metrics_add(server->metrics, write_clock_figures, server);
    web_route(web, "/", handle_root, server);
    web_route(web, "/api/", handle_api, server);
    web_route(web, "/api/session", handle_session, server);
    web_route(web, "/api/challenge", handle_challenge, server);
    web_route(web, "/uploads", handle_uploads, server);
    web_route(web, "/media/", handle_media, server);
    web_route(web, "/healthz", handle_health, server);
    web_route(web, "/readyz", handle_ready, server);
    web_route(web, "/metrics", handle_metrics, server);
    clients_mount(server->clients, web);
    events_mount(server->clients, web);
}

/* --- Opening -------------------------------------------------------------------------------------
 */

/* The first start makes an administrator, whose password is shown once and stands nowhere. It is
 * made before the loop, on a store that commits at once. */
static bool make_first_user(const Server *server, GError **error)
{
    Store *store = store_open(server->options->data, true, NULL, error);
    if (!store)
        return false;
    g_autofree char *password = NULL;
    json_auto_t *users = access_migrate(store, error) ? access_users(store, error) : NULL;
    bool is_done =
        users && (json_array_size(users) > 0 ||
                  access_user_add(store, "admin", SERAMBI_ADMIN, NULL, &password, error));
    store_close(store);
    if (is_done && password)
        (void)printf("first administrator: admin, password: %s\n", password);
    return is_done;
}

static bool open_folder(Server *server, GError **error)
{
    (void)umask(0077);
    server->secrets = g_build_filename(server->options->data, "secrets", NULL);
    g_autofree char *work = g_build_filename(server->options->data, "work", NULL);
    if (g_mkdir_with_parents(server->secrets, 0700) == 0 && g_mkdir_with_parents(work, 0700) == 0)
        return true;
    g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "could not use the data folder '%s': %s",
                server->options->data, g_strerror(errno));
    return false;
}

static bool open_store(Server *server, GError **error)
{
    if (!make_first_user(server, error))
        return false;
    server->store = store_open(server->options->data, true, &server->loop, error);
    return server->store && kept_migrate(server->store, error) &&
           search_migrate(server->store, error) &&
           uploads_migrate(server->store, error);
}

/* Installed, serambi-media stands beside this program; built, in its own room. */
static char *find_worker(const Options *options)
{
    if (options->worker)
        return g_strdup(options->worker);
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *room = g_path_get_dirname(program ? program : "/usr/bin/serambi");
    char *beside = g_build_filename(room, "serambi-media", NULL);
    g_autofree char *built = g_build_filename(room, "../media/worker/serambi-media", NULL);
    if (g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE) ||
        !g_file_test(built, G_FILE_TEST_IS_EXECUTABLE))
        return beside;
    g_free(beside);
    return g_steal_pointer(&built);
}

static bool open_rooms(Server *server, GError **error)
{
    g_autofree char *worker = find_worker(server->options);
    AccessOptions access = {.allow_insecure_login = server->config.allow_insecure_login,
                            .secrets_folder = server->secrets};
    int64_t jobs_parallel = server->config.jobs_parallel;
    JobsOptions jobs = {.worker = worker,
                        .parallel =
                            jobs_parallel > 0 ? (int)jobs_parallel : (int)g_get_num_processors(),
                        .seconds = (int)server->config.job_seconds};
    UploadsOptions uploads = {.data_folder = server->options->data,
                              .reserve_bytes = server->config.reserve_mb * 1000000,
                              .quota_bytes = server->config.upload_quota_mb * 1000000,
                              .quota_total_bytes = server->config.upload_total_mb * 1000000};
    server->jobs = jobs_new(&server->loop, &jobs);
    server->assets = assets_new();
    assets_add(server->assets, "core", core_assets);
    return (server->access = access_new(server->store, &server->loop, &access, error)) &&
           (server->live = live_new(server->store, &server->loop, error)) &&
           (server->kept = kept_new(server->store, server->jobs, server->options->data, error)) &&
           (server->uploads = uploads_new(server->store, server->access, server->jobs,
                                          &server->loop, &uploads, error));
}

static bool open_web(Server *server, GError **error)
{
    WebOptions options = {.address = server->address,
                          .port = server->port,
                          .trusted_proxies = server->config.trusted_proxies};
    server->web = web_new(&server->loop, &options, error);
    if (!server->web)
        return false;
    server->port = web_port(server->web);
    server->public_url = *server->config.public_url
                             ? g_strdup(server->config.public_url)
                             : config_guess_url(server->address, server->port);
    return true;
}

/* Screens can do without. */
static void open_clock(Server *server)
{
    g_autoptr(GError) error = NULL;
    int port = server->config.clock_port ? (int)server->config.clock_port : server->port;
    server->responder =
        clock_responder_new(&server->loop, server->address, port, &server->house_clock, &error);
    if (!server->responder)
        g_message("could not tell the time by UDP port %d: %s, screens ask over their link", port,
                  error->message);
}

/* An unknown name is a mistake, unless it may belong to a plugin that could not be opened: that one
 * is off, the house opens all the same. */
static bool check_unknown(const Server *server, GPtrArray *entries, GError **error)
{
    GError *failure = NULL;
    if (settings_check_unknown(server->settings, &failure))
        return true;
    for (guint i = 0; i < entries->len; i++) {
        if (!((const LoaderEntry *)entries->pdata[i])->error)
            continue;
        g_message("%s; going on, since a plugin could not be opened", failure->message);
        g_error_free(failure);
        return true;
    }
    g_propagate_error(error, failure);
    return false;
}

static bool start_host(Server *server, GError **error)
{
    g_autofree char *folder =
        server->options->plugins ? g_strdup(server->options->plugins) : loader_default_folder();
    HostOptions options = {.loop = &server->loop,
                           .store = server->store,
                           .live = server->live,
                           .access = server->access,
                           .jobs = server->jobs,
                           .kept = server->kept,
                           .uploads = server->uploads,
                           .assets = server->assets,
                           .data_folder = server->options->data,
                           .public_url = server->public_url,
                           .reserve_bytes = server->config.reserve_mb * 1000000,
                           .now_us = now_us,
                           .now_data = server};
    server->host = host_new(&options);
    GPtrArray *entries = loader_load_folder(folder);
    for (guint i = 0; i < entries->len; i++) {
        const SerambiPlugin *plugin = ((const LoaderEntry *)entries->pdata[i])->plugin;
        if (plugin && plugin->assets)
            assets_add(server->assets, plugin->id, plugin->assets);
    }
    host_start(server->host, entries, server->settings);
    return assets_finish(server->assets, error) && check_unknown(server, entries, error);
}

static bool read_settings(Server *server, GError **error)
{
    const Options *options = server->options;
    if (!config_load(options->config, options->data, &server->config, &server->settings, error))
        return false;
    return config_parse_listen(options->listen ? options->listen : server->config.listen,
                               &server->address, &server->port, error);
}

static bool open_all(Server *server, GError **error)
{
    if (!read_settings(server, error) || !open_folder(server, error) ||
        !open_store(server, error) || !open_rooms(server, error) || !open_web(server, error) ||
        !start_host(server, error))
        return false;
    open_clock(server);
    mount(server);
    return true;
}

/* --- Closing -------------------------------------------------------------------------------------
 */

/* The rooms that need the store or the loop; each accepts NULL. */
static void close_rooms(Server *server)
{
    g_clear_pointer(&server->clients, clients_free);
    g_clear_pointer(&server->uploads, uploads_free);
    g_clear_pointer(&server->kept, kept_free);
    g_clear_pointer(&server->host, host_free);
    g_clear_pointer(&server->live, live_free);
    g_clear_pointer(&server->access, access_free);
    g_clear_pointer(&server->assets, assets_free);
    g_clear_pointer(&server->metrics, metrics_free);
    g_clear_pointer(&server->store, store_close);
}

static void on_web_closed(void *data)
{
    Server *server = data;
    server->web = NULL;
    close_rooms(server);
    clock_responder_close(server->responder);
    uv_close((uv_handle_t *)&server->terminate, NULL);
    uv_close((uv_handle_t *)&server->interrupt, NULL);
    uv_close((uv_handle_t *)&server->hangup, NULL);
    uv_close((uv_handle_t *)&server->quiet, NULL);
    uv_close((uv_handle_t *)&server->patience, NULL);
    uv_close((uv_handle_t *)&server->watchdog, NULL);
    turn_meter_close(server->turns);
}

/* Each turn after the signal: everything is on disk and said. */
static void on_quiet(uv_check_t *check)
{
    Server *server = check->data;
    if (!server->are_jobs_closed || !store_is_idle(server->store) || server->is_web_closing)
        return;
    if (!server->is_farewell_over && live_counters(server->live).readers > 0)
        return;
    server->is_web_closing = true;
    (void)uv_check_stop(check);
    web_close(server->web, on_web_closed, server);
}

static void on_jobs_closed(void *data)
{
    Server *server = data;
    server->jobs = NULL;
    server->are_jobs_closed = true;
}

/* First with the live clients, then with everything. */
static void on_impatience(uv_timer_t *timer)
{
    Server *server = timer->data;
    if (!server->is_farewell_over) {
        server->is_farewell_over = true;
        return;
    }
    g_message("the server does not come to rest, leaving now; what was acknowledged is on disk");
    _exit(OPTIONS_FAILED);
}

static void on_stop(uv_signal_t *handle, int signal_number)
{
    Server *server = handle->data;
    if (server->is_stopping)
        return;
    server->is_stopping = true;
    notify("STOPPING=1");
    g_message("stopping");
    web_set_listening(server->web, false);
    uploads_stop(server->uploads);
    host_stop(server->host);
    uint64_t spread_ms = live_counters(server->live).readers / FAREWELLS_PER_MS;
    live_disconnect_all(server->live, DISCONNECT_SHUTDOWN, "shutdown",
                        (uint32_t)MIN(spread_ms, FAREWELL_SPREAD_MS));
    jobs_close(server->jobs, on_jobs_closed, server);
    (void)uv_check_start(&server->quiet, on_quiet);
    (void)uv_timer_start(&server->patience, on_impatience, FAREWELL_MS, SHUTDOWN_MS);
}

/* --- Signals -------------------------------------------------------------------------------------
 */

/* Only the plugins' groups can change while the server runs. */
static void on_reload(uv_signal_t *handle, int signal_number)
{
    Server *server = handle->data;
    Config config;
    Settings *settings = NULL;
    g_autoptr(GError) error = NULL;
    if (server->is_stopping)
        return;
    if (!config_load(server->options->config, server->options->data, &config, &settings, &error) ||
        !host_reload(server->host, settings, &error)) {
        g_message("%s: keeping the old settings", error->message);
        settings_free(settings);
        return;
    }
    /* The core's own texts were copied into its rooms when they opened. */
    settings_free(server->settings);
    server->settings = settings;
    server->config = config;
    g_message("settings are read again; those of [serambi] count from the next start");
}

static void watch_signals(Server *server)
{
    uv_loop_t *loop = &server->loop;
    (void)uv_signal_init(loop, &server->terminate);
    (void)uv_signal_init(loop, &server->interrupt);
    (void)uv_signal_init(loop, &server->hangup);
    (void)uv_check_init(loop, &server->quiet);
    (void)uv_timer_init(loop, &server->patience);
    server->terminate.data = server->interrupt.data = server->hangup.data = server;
    server->quiet.data = server->patience.data = server;
    (void)uv_signal_start(&server->terminate, on_stop, SIGTERM);
    (void)uv_signal_start(&server->interrupt, on_stop, SIGINT);
    (void)uv_signal_start(&server->hangup, on_reload, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* --- Running -------------------------------------------------------------------------------------
 */

/* Ten thousand phones need their descriptors; where the limit is hard, the web takes what there is.
 */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = MIN(limit.rlim_max, LIMIT_CONNECTIONS + OTHER_FILES);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int give_up(const GError *error)
{
    (void)fprintf(stderr, "serambi: %s\n", error->message);
    return OPTIONS_FAILED;
}

int serve_run(const Options *options)
{
    /* One arena: threads here only work for a moment, and each arena keeps its own leftovers. */
    (void)mallopt(M_ARENA_MAX, 1);
    raise_file_limit();
    static Server the_server; /* there is one; it need not be taken apart when it can not open */
    Server *server = &the_server;
    g_autoptr(GError) error = NULL;
    server->options = options;
    if (uv_loop_init(&server->loop) != 0)
        g_error("the system gives no event loop");
    clock_house_init(&server->house_clock, g_get_monotonic_time(), g_get_real_time());
    if (!open_all(server, &error))
        return give_up(error);
    watch_signals(server);
    start_watchdog(server);
    server->turns = turn_meter_new(&server->loop);
    (void)malloc_trim(0);
    (void)printf("listening on %s\n", server->public_url);
    (void)fflush(stdout);
    notify("READY=1");
    (void)uv_run(&server->loop, UV_RUN_DEFAULT);
    int left = uv_loop_close(&server->loop);
    if (left != 0)
        g_message("the loop still has open handles");
    settings_free(server->settings);
    g_free(server->address);
    g_free(server->public_url);
    g_free(server->secrets);
    return OPTIONS_DONE;
}
