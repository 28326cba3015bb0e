/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The turn: from the first write's BEGIN to the commit's end. Its states:
 *
 *   idle -> open        the first store_write() began a transaction; more writes join it
 *   open -> committing  the loop is about to wait: the commit's thread has the writing connection
 *   open -> idle        nothing to keep, or the transaction was lost
 *   committing -> idle  outcomes are told, then the writes that waited begin the next turn
 *   idle -> waiting     another process writes: a timer tries again
 *
 * The end of the turn is wherever the loop would next block. Callbacks of timers run before a
 * prepare handle, those of sockets before a check handle, and either may come first; an idle handle
 * keeps the loop from blocking in the one case that both miss (a write in another's prepare
 * callback). All three run only while a turn is open. */
#include "core/store.h"
#include "core/commit.h"
#include "core/database.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

/* How long an admin command or a backup may hold the database before writes fail, and how often we
 * look: SQLite has no event for a lock that got free. */
#define BUSY_PATIENCE_MS 10000
#define BUSY_RETRY_MS    5
/* How long a turn lets a process go first that has asked for its own; one that was stopped while
 * it asked must not stop us. */
#define COURTESY_MS 100

typedef enum { TURN_IDLE = 1, TURN_OPEN, TURN_COMMITTING, TURN_WAITING } TurnState;

typedef struct {
    StoreWork work;
    StoreAfter after;
    void *data;
} Write;

/* What is told when the turn has ended: a hook of store_after_commit() or a write's after. */
typedef struct {
    void (*then)(void *data);
    GDestroyNotify free_data;
    StoreAfter after;
    void *data;
    bool is_kept;
} Outcome;

struct Store {
    uv_loop_t *loop; /* NULL: each write commits before store_write() returns */
    Database *writer;
    Database *reader;
    char *path;
    char *temporary_folder; /* removed at the end */
    char epoch[9];
    int lock; /* serve.lock; -1: a folder that never had a server, or for tests */
    TurnState state;
    bool is_telling; /* outcomes are being told: new writes wait, to stay in order */
    int depth;       /* of savepoints */
    GQueue waiting;  /* Write */
    GArray *outcomes;
    StoreCounters counters;
    int64_t changes; /* of the writer when the turn began */
    GError *lost;    /* why this turn's transaction can not be kept */
    GError *commit_error;
    Commit *commit;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t retry;
    uint64_t wait_since_ms;
    int handles_open;
};

static void drain(Store *store);

/* --- Telling -------------------------------------------------------------------------------------
 */

static void tell_one(Store *store, const Outcome *outcome, const GError *error)
{
    if (outcome->then && !error)
        outcome->then(outcome->data);
    if (outcome->free_data)
        outcome->free_data(outcome->data);
    if (error && outcome->is_kept && !outcome->then)
        store->counters.lost_total++;
    if (outcome->after)
        outcome->after(store, outcome->is_kept && !error, outcome->is_kept ? error : NULL,
                       outcome->data);
}

static void tell(Store *store, GError *error)
{
    GArray *outcomes = store->outcomes;
    store->outcomes = g_array_new(FALSE, FALSE, sizeof(Outcome));
    store->state = TURN_IDLE;
    store->is_telling = true;
    for (guint i = 0; i < outcomes->len; i++)
        tell_one(store, &g_array_index(outcomes, Outcome, i), error);
    store->is_telling = false;
    g_array_unref(outcomes);
    g_clear_error(&error);
    drain(store);
}

/* --- The turn ------------------------------------------------------------------------------------
 */

/* In the commit's thread, or on the loop of a store without one. */
static void make_commit(void *data)
{
    Store *store = data;
    if (!database_run(store->writer, "COMMIT", &store->commit_error) &&
        !database_is_outside(store->writer))
        (void)database_run(store->writer, "ROLLBACK", NULL);
}

static void on_committed(void *data)
{
    Store *store = data;
    store->counters.commits_total += !store->commit_error;
    tell(store, g_steal_pointer(&store->commit_error));
}

static bool has_kept(const Store *store)
{
    for (guint i = 0; i < store->outcomes->len; i++)
        if (g_array_index(store->outcomes, Outcome, i).is_kept)
            return true;
    return false;
}

static void end_turn(Store *store)
{
    if (store->loop) {
        (void)uv_prepare_stop(&store->prepare);
        (void)uv_check_stop(&store->check);
        (void)uv_idle_stop(&store->idle);
    }
    if (store->lost || !has_kept(store)) {
        if (!database_is_outside(store->writer))
            (void)database_run(store->writer, "ROLLBACK", NULL);
        tell(store, g_steal_pointer(&store->lost));
        return;
    }
    if (database_changes(store->writer) == store->changes) {
        /* Timers that found nothing to do: nothing goes to disk, nobody need be woken. */
        make_commit(store);
        tell(store, g_steal_pointer(&store->commit_error));
        return;
    }
    store->state = TURN_COMMITTING;
    if (store->loop) {
        commit_start(store->commit);
        return;
    }
    make_commit(store);
    on_committed(store);
}

static void on_prepare(uv_prepare_t *prepare)
{
    end_turn(prepare->data);
}

static void on_check(uv_check_t *check)
{
    end_turn(check->data);
}

static void on_idle(uv_idle_t *idle)
{
}

static void open_turn(Store *store)
{
    store->state = TURN_OPEN;
    store->changes = database_changes(store->writer);
    if (!store->loop)
        return;
    (void)uv_prepare_start(&store->prepare, on_prepare);
    (void)uv_check_start(&store->check, on_check);
    (void)uv_idle_start(&store->idle, on_idle);
}

/* The transaction is gone or useless: all of the turn fails with error (taken). */
static void lose(Store *store, GError *error)
{
    if (store->lost)
        g_error_free(error);
    else
        store->lost = error;
}

static void free_outcomes_since(Store *store, guint first)
{
    guint kept = first;
    for (guint i = first; i < store->outcomes->len; i++) {
        Outcome outcome = g_array_index(store->outcomes, Outcome, i);
        if (outcome.after) {
            outcome.is_kept = false;
            g_array_index(store->outcomes, Outcome, kept++) = outcome;
        } else if (outcome.free_data) {
            outcome.free_data(outcome.data);
        }
    }
    g_array_set_size(store->outcomes, kept);
}

static void run_in_turn(Store *store, const char *sql)
{
    GError *error = NULL;
    if (!store->lost && !database_run(store->writer, sql, &error))
        lose(store, error);
}

static void begin_savepoint(Store *store)
{
    char sql[32];
    (void)g_snprintf(sql, sizeof sql, "SAVEPOINT s%d", store->depth);
    run_in_turn(store, sql);
}

static void end_savepoint(Store *store, bool is_kept)
{
    char sql[64];
    if (is_kept)
        (void)g_snprintf(sql, sizeof sql, "RELEASE s%d", store->depth);
    else
        (void)g_snprintf(sql, sizeof sql, "ROLLBACK TO s%d; RELEASE s%d", store->depth,
                         store->depth);
    run_in_turn(store, sql);
}

static void run_write(Store *store, const Write *write)
{
    guint first = store->outcomes->len;
    store->depth++;
    begin_savepoint(store);
    bool is_kept = write->work(store, write->data);
    store->counters.writes_total++;
    store->counters.undone_total += !is_kept;
    end_savepoint(store, is_kept);
    store->depth--;
    if (!is_kept)
        free_outcomes_since(store, first);
    Outcome outcome = {.after = write->after, .data = write->data, .is_kept = is_kept};
    g_array_append_val(store->outcomes, outcome);
}

/* A turn that is lost before it began: all writes that wait for it hear why (takes error). */
static void open_lost_turn(Store *store, GError *error)
{
    Write *write;
    while ((write = g_queue_pop_head(&store->waiting))) {
        Outcome outcome = {.after = write->after, .data = write->data, .is_kept = true};
        g_array_append_val(store->outcomes, outcome);
        g_free(write);
    }
    lose(store, error);
    open_turn(store);
}

static void on_retry(uv_timer_t *retry);

/* A busy server takes the next turn the moment that the last is on disk; another process, which can
 * only look every few milliseconds, would never find the database free. So it asks: a lock of one
 * byte on serve.lock, shared among those who ask, seen by the server before each turn. A lock that
 * cannot be had is no reason not to try. */
static struct flock asking(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
}

/* type: F_RDLCK asks, F_UNLCK asks no more. */
static void ask_for_turn(Store *store, short type)
{
    struct flock lock = asking(type);
    if (store->lock >= 0)
        (void)fcntl(store->lock, F_OFD_SETLK, &lock);
}

static bool another_asks(const Store *store)
{
    struct flock lock = asking(F_WRLCK);
    return store->lock >= 0 && fcntl(store->lock, F_OFD_GETLK, &lock) == 0 &&
           lock.l_type != F_UNLCK;
}

static GError *new_busy_error(void)
{
    return g_error_new(STORE_ERROR, STORE_ERROR_BUSY, "another process has been writing for %d ms",
                       BUSY_PATIENCE_MS);
}

/* Blocks. */
static bool begin_asking(Store *store, GError **error)
{
    GError *failure = NULL;
    ask_for_turn(store, F_RDLCK);
    bool is_begun = database_begin(store->writer, &failure);
    ask_for_turn(store, F_UNLCK); /* once it is begun, the database itself keeps others out */
    if (!is_begun)
        g_propagate_error(error, failure ? failure : new_busy_error());
    return is_begun;
}

static void retry_soon(Store *store)
{
    store->state = TURN_WAITING;
    (void)uv_timer_start(&store->retry, on_retry, BUSY_RETRY_MS, 0);
}

/* On a loop nothing blocks: a timer tries again. */
static void begin_turn_on_loop(Store *store)
{
    uint64_t now_ms = uv_now(store->loop);
    if (store->state != TURN_WAITING)
        store->wait_since_ms = now_ms;
    uint64_t waited_ms = now_ms - store->wait_since_ms;
    if (waited_ms < COURTESY_MS && another_asks(store)) {
        retry_soon(store);
        return;
    }
    GError *error = NULL;
    if (database_begin(store->writer, &error))
        open_turn(store);
    else if (error)
        open_lost_turn(store, error);
    else if (waited_ms > BUSY_PATIENCE_MS)
        open_lost_turn(store, new_busy_error());
    else
        retry_soon(store);
}

static void begin_turn(Store *store)
{
    if (store->loop) {
        begin_turn_on_loop(store);
        return;
    }
    GError *error = NULL;
    if (begin_asking(store, &error))
        open_turn(store);
    else
        open_lost_turn(store, error);
}

static void on_retry(uv_timer_t *retry)
{
    Store *store = retry->data;
    begin_turn(store);
    drain(store);
}

static void drain(Store *store)
{
    while (!g_queue_is_empty(&store->waiting) && !store->is_telling && store->depth == 0) {
        if (store->state == TURN_IDLE)
            begin_turn(store);
        if (store->state != TURN_OPEN || store->lost)
            break;
        g_autofree Write *write = g_queue_pop_head(&store->waiting);
        run_write(store, write);
    }
    if (!store->loop && store->state == TURN_OPEN && store->depth == 0)
        end_turn(store);
}

void store_write(Store *store, StoreWork work, StoreAfter after, void *data)
{
    Write write = {.work = work, .after = after, .data = data};
    if (store->depth > 0) {
        run_write(store, &write);
        return;
    }
    g_queue_push_tail(&store->waiting, g_memdup2(&write, sizeof write));
    drain(store);
}

bool store_is_writing(const Store *store)
{
    return store->depth > 0;
}

bool store_is_idle(const Store *store)
{
    return store->state == TURN_IDLE && store->waiting.length == 0;
}

StoreCounters store_counters(const Store *store)
{
    StoreCounters counters = store->counters;
    counters.waiting = store->waiting.length;
    return counters;
}

void store_after_commit(Store *store, void (*then)(void *data), void *data,
                        GDestroyNotify free_data)
{
    g_assert(store->depth > 0);
    Outcome outcome = {.then = then, .data = data, .free_data = free_data, .is_kept = true};
    g_array_append_val(store->outcomes, outcome);
}

/* --- Queries -------------------------------------------------------------------------------------
 */

json_t *store_query_va(Store *store, GError **error, const char *sql, const char *types,
                       va_list values)
{
    if (store->depth == 0)
        return database_query(store->reader, error, sql, types, values);
    /* Without its transaction each statement would commit alone. */
    if (store->lost) {
        g_propagate_error(error, g_error_copy(store->lost));
        return NULL;
    }
    GError *failure = NULL;
    json_t *rows = database_query(store->writer, &failure, sql, types, values);
    if (rows)
        return rows;
    if (database_is_outside(store->writer))
        lose(store, g_error_copy(failure));
    g_propagate_error(error, failure);
    return NULL;
}

json_t *store_query(Store *store, GError **error, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    json_t *rows = store_query_va(store, error, sql, types, values);
    va_end(values);
    return rows;
}

/* --- Schema --------------------------------------------------------------------------------------
 */

/* -1 with error set on failure; 0 for an owner that is not known yet. */
static int64_t recorded_version(Database *database, const char *owner, GError **error)
{
    json_auto_t *rows = database_query_values(
        database, error, "SELECT version FROM store_version WHERE owner = $1", "s", owner);
    if (!rows)
        return -1;
    return json_integer_value(json_object_get(json_array_get(rows, 0), "version"));
}

static bool record_version(Database *database, const char *owner, int64_t version, GError **error)
{
    json_auto_t *rows =
        database_query_values(database, error,
                              "INSERT INTO store_version (owner, version) VALUES ($1, $2)"
                              " ON CONFLICT (owner) DO UPDATE SET version = excluded.version",
                              "si", owner, version);
    return rows != NULL;
}

static bool apply(Database *database, const char *owner, const char *const *migrations,
                  int64_t known, GError **error)
{
    int64_t version = recorded_version(database, owner, error);
    if (version < 0)
        return false;
    for (; version < known; version++) {
        if (database_run(database, migrations[version], error))
            continue;
        g_prefix_error(error, "migration %" G_GINT64_FORMAT " of '%s': ", version + 1, owner);
        return false;
    }
    return record_version(database, owner, known, error);
}

/* In one transaction of its own; another process may be waited for. */
static bool migrate_now(Store *store, const char *owner, const char *const *migrations,
                        int64_t known, GError **error)
{
    Database *database = store->writer;
    database_set_wait(database, BUSY_PATIENCE_MS);
    bool is_done = begin_asking(store, error) && apply(database, owner, migrations, known, error) &&
                   database_run(database, "COMMIT", error);
    if (!is_done && !database_is_outside(database))
        (void)database_run(database, "ROLLBACK", NULL);
    database_set_wait(database, store->loop ? 0 : BUSY_PATIENCE_MS);
    return is_done;
}

bool store_migrate(Store *store, const char *owner, const char *const *migrations, GError **error)
{
    g_assert(store->depth == 0);
    int64_t known = 0;
    while (migrations && migrations[known])
        known++;
    int64_t version = recorded_version(store->reader, owner, error);
    if (version < 0)
        return false;
    if (version > known) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_NEWER,
                    "the tables of '%s' are at version %" G_GINT64_FORMAT
                    ", this Serambi knows %" G_GINT64_FORMAT ": install the newer one",
                    owner, version, known);
        return false;
    }
    if (version == known)
        return true;
    if (store->state != TURN_IDLE) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_BUSY, "cannot migrate during a write");
        return false;
    }
    return migrate_now(store, owner, migrations, known, error);
}

/* --- Opening -------------------------------------------------------------------------------------
 */

static const char *const own_migrations[] = {
    "CREATE TABLE store_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);",
    NULL,
};

/* Eight letters of base32 without those that look alike: Centrifuge wants a short string. */
static void make_epoch(char epoch[9])
{
    static const char letters[] = "abcdefghjkmnpqrstvwxyz0123456789";
    uint8_t bytes[8];
    if (getentropy(bytes, sizeof bytes) != 0)
        g_error("the system has no random numbers");
    for (size_t i = 0; i < sizeof bytes; i++)
        epoch[i] = letters[bytes[i] % 32];
    epoch[8] = '\0';
}

static bool read_epoch(Store *store, GError **error)
{
    make_epoch(store->epoch);
    json_auto_t *rows = database_query_values(
        store->reader, error, "SELECT value FROM store_meta WHERE name = 'epoch'", NULL);
    if (!rows)
        return false;
    const char *known = json_string_value(json_object_get(json_array_get(rows, 0), "value"));
    if (known) {
        (void)g_strlcpy(store->epoch, known, sizeof store->epoch);
        return true;
    }
    json_auto_t *kept = database_query_values(
        store->writer, error, "INSERT INTO store_meta (name, value) VALUES ('epoch', $1)", "s",
        store->epoch);
    return kept != NULL;
}

bool store_renew_epoch(Store *store, GError **error)
{
    g_assert(!store->loop && store->depth == 0);
    json_auto_t *gone = database_query_values(store->writer, error,
                                              "DELETE FROM store_meta WHERE name = 'epoch'", NULL);
    return gone && read_epoch(store, error);
}

static bool take_lock(Store *store, const char *folder, GError **error)
{
    if (flock(store->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    g_set_error(error, STORE_ERROR, STORE_ERROR_LOCKED,
                "another server is running on the data folder '%s'", folder);
    return false;
}

/* An admin command, perhaps root's, leaves no file behind that the server could not open. */
static bool open_lock(Store *store, const char *folder, bool exclusive, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "serve.lock", NULL);
    store->lock = open(path, O_RDWR | O_CLOEXEC | (exclusive ? O_CREAT : 0), 0600);
    if (!exclusive)
        return true;
    if (store->lock >= 0)
        return take_lock(store, folder, error);
    g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "could not open '%s': %s", path,
                g_strerror(errno));
    return false;
}

static void init_handles(Store *store)
{
    if (!store->loop)
        return;
    store->commit = commit_new(store->loop, make_commit, on_committed, store);
    (void)uv_prepare_init(store->loop, &store->prepare);
    (void)uv_check_init(store->loop, &store->check);
    (void)uv_idle_init(store->loop, &store->idle);
    (void)uv_timer_init(store->loop, &store->retry);
    store->prepare.data = store->check.data = store->idle.data = store->retry.data = store;
}

static bool open_databases(Store *store, GError **error)
{
    bool is_durable = store->temporary_folder == NULL;
    store->writer =
        database_open(store->path, DATABASE_WRITES, is_durable, BUSY_PATIENCE_MS, error);
    if (!store->writer)
        return false;
    if (!database_run(store->writer,
                      "CREATE TABLE IF NOT EXISTS store_version ("
                      " owner TEXT PRIMARY KEY, version BIGINT NOT NULL)",
                      error))
        return false;
    store->reader = database_open(store->path, DATABASE_READS, is_durable, BUSY_PATIENCE_MS, error);
    return store->reader && store_migrate(store, "store", own_migrations, error) &&
           read_epoch(store, error);
}

static bool choose_path(Store *store, const char *folder, bool exclusive, GError **error)
{
    GError *failure = NULL;
    if (!folder) {
        store->temporary_folder = g_dir_make_tmp("serambi-store-XXXXXX", &failure);
        if (!store->temporary_folder) {
            g_set_error(error, STORE_ERROR, STORE_ERROR_IO, "%s", failure->message);
            g_error_free(failure);
            return false;
        }
        folder = store->temporary_folder;
    } else if (!open_lock(store, folder, exclusive, error)) {
        return false;
    }
    store->path = g_build_filename(folder, "serambi.db", NULL);
    return true;
}

/* What the handles of the loop do not hold. */
static void release(Store *store)
{
    database_close(store->reader);
    database_close(store->writer);
    store->reader = store->writer = NULL;
    if (store->temporary_folder) {
        (void)g_unlink(store->path);
        (void)g_rmdir(store->temporary_folder);
    }
    if (store->lock >= 0)
        (void)close(store->lock);
}

static void free_store(Store *store)
{
    g_array_unref(store->outcomes);
    g_free(store->temporary_folder);
    g_free(store->path);
    g_free(store);
}

Store *store_open(const char *folder, bool exclusive, uv_loop_t *loop, GError **error)
{
    Store *store = g_new0(Store, 1);
    store->state = TURN_IDLE;
    store->lock = -1;
    store->outcomes = g_array_new(FALSE, FALSE, sizeof(Outcome));
    if (!choose_path(store, folder, exclusive, error) || !open_databases(store, error)) {
        release(store);
        free_store(store);
        return NULL;
    }
    store->loop = loop;
    init_handles(store);
    database_set_wait(store->writer, loop ? 0 : BUSY_PATIENCE_MS);
    return store;
}

const char *store_epoch(const Store *store)
{
    return store->epoch;
}

/* --- Closing -------------------------------------------------------------------------------------
 */

static void one_handle_closed(Store *store)
{
    if (--store->handles_open == 0)
        free_store(store);
}

static void on_handle_closed(uv_handle_t *handle)
{
    one_handle_closed(handle->data);
}

static void on_commit_closed(void *data)
{
    one_handle_closed(data);
}

/* From here on each write commits at once. */
static void leave_loop(Store *store)
{
    bool was_waiting = store->state == TURN_WAITING;
    bool is_made = commit_finish(store->commit);
    (void)uv_prepare_stop(&store->prepare);
    (void)uv_check_stop(&store->check);
    (void)uv_idle_stop(&store->idle);
    (void)uv_timer_stop(&store->retry);
    store->loop = NULL;
    database_set_wait(store->writer, BUSY_PATIENCE_MS);
    if (was_waiting)
        store->state = TURN_IDLE;
    if (is_made)
        on_committed(store);
    drain(store);
}

void store_close(Store *store)
{
    if (!store)
        return;
    g_assert(store->depth == 0);
    bool had_loop = store->loop != NULL;
    if (had_loop)
        leave_loop(store);
    release(store);
    if (!had_loop) {
        free_store(store);
        return;
    }
    store->handles_open = 5;
    commit_close(store->commit, on_commit_closed, store);
    uv_close((uv_handle_t *)&store->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&store->check, on_handle_closed);
    uv_close((uv_handle_t *)&store->idle, on_handle_closed);
    uv_close((uv_handle_t *)&store->retry, on_handle_closed);
}

/* --- Upkeep --------------------------------------------------------------------------------------
 */

void store_set_max_pages(Store *store, int64_t pages)
{
    database_set_max_pages(store->writer, pages);
}

bool store_backup(Store *store, const char *path, GError **error)
{
    return database_copy(store->path, path, error);
}

bool store_check(Store *store, GError **error)
{
    return database_check(store->reader, error);
}
