/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The store: savepoints, order, errors of the disk, other processes, kill -9. */
#include "core/store.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- A file system that fails --------------------------------------------------------------------
 */

static struct {
    sqlite3_vfs vfs, *real;
    gint writes_left; /* the write at zero and all later ones fail; negative: none fails */
    gint syncs;
} shim;

typedef struct {
    sqlite3_file base;
    sqlite3_io_methods methods;
    const sqlite3_io_methods *real;
} ShimFile;

/* The real file lives behind our head. */
static sqlite3_file *real_file(sqlite3_file *file)
{
    return (sqlite3_file *)((char *)file + sizeof(ShimFile));
}

static bool takes_write(void)
{
    if (g_atomic_int_get(&shim.writes_left) < 0)
        return true;
    if (g_atomic_int_get(&shim.writes_left) == 0)
        return false;
    (void)g_atomic_int_add(&shim.writes_left, -1);
    return true;
}

static int shim_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    sqlite3_file *real = real_file(file);
    if (!takes_write())
        return SQLITE_IOERR_WRITE;
    return real->pMethods->xWrite(real, bytes, size, offset);
}

static int shim_sync(sqlite3_file *file, int flags)
{
    sqlite3_file *real = real_file(file);
    (void)g_atomic_int_add(&shim.syncs, 1);
    if (!takes_write())
        return SQLITE_IOERR_FSYNC;
    return real->pMethods->xSync(real, flags);
}

#define REAL(file) real_file(file)
static int shim_close(sqlite3_file *file)
{
    return REAL(file)->pMethods->xClose(REAL(file));
}
static int shim_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 offset)
{
    return REAL(file)->pMethods->xRead(REAL(file), bytes, size, offset);
}
static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return REAL(file)->pMethods->xTruncate(REAL(file), size);
}
static int shim_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return REAL(file)->pMethods->xFileSize(REAL(file), size);
}
static int shim_lock(sqlite3_file *file, int kind)
{
    return REAL(file)->pMethods->xLock(REAL(file), kind);
}
static int shim_unlock(sqlite3_file *file, int kind)
{
    return REAL(file)->pMethods->xUnlock(REAL(file), kind);
}
static int shim_reserved(sqlite3_file *file, int *result)
{
    return REAL(file)->pMethods->xCheckReservedLock(REAL(file), result);
}
static int shim_control(sqlite3_file *file, int operation, void *argument)
{
    return REAL(file)->pMethods->xFileControl(REAL(file), operation, argument);
}
static int shim_sector(sqlite3_file *file)
{
    return REAL(file)->pMethods->xSectorSize(REAL(file));
}
static int shim_device(sqlite3_file *file)
{
    return REAL(file)->pMethods->xDeviceCharacteristics(REAL(file));
}
static int shim_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
    return REAL(file)->pMethods->xShmMap(REAL(file), page, size, extend, memory);
}
static int shim_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return REAL(file)->pMethods->xShmLock(REAL(file), offset, count, flags);
}
static void shim_barrier(sqlite3_file *file)
{
    REAL(file)->pMethods->xShmBarrier(REAL(file));
}
static int shim_unmap(sqlite3_file *file, int is_deleted)
{
    return REAL(file)->pMethods->xShmUnmap(REAL(file), is_deleted);
}

static const sqlite3_io_methods shim_methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector,
    .xDeviceCharacteristics = shim_device,
    .xShmMap = shim_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_barrier,
    .xShmUnmap = shim_unmap,
};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *ret_flags)
{
    int code = shim.real->xOpen(shim.real, name, real_file(file), flags, ret_flags);
    file->pMethods = code == SQLITE_OK ? &shim_methods : NULL;
    return code;
}

static void install_shim(void)
{
    shim.real = sqlite3_vfs_find(NULL);
    shim.vfs = *shim.real;
    shim.vfs.zName = "shim";
    shim.vfs.szOsFile = (int)sizeof(ShimFile) + shim.real->szOsFile;
    shim.vfs.xOpen = shim_open;
    shim.writes_left = -1;
    g_assert_cmpint(sqlite3_vfs_register(&shim.vfs, 1), ==, SQLITE_OK);
}

/* --- A store and its loop ------------------------------------------------------------------------
 */

static const char *const note_migrations[] = {
    "CREATE TABLE note_item (id BIGINT PRIMARY KEY, body TEXT NOT NULL UNIQUE);",
    NULL,
};

typedef struct {
    uv_loop_t loop;
    Store *store;
    char *folder;
    GString *heard; /* what was told, in order */
    int failures, kept;
    StoreError last;
} Fixture;

static void open_store(Fixture *fixture)
{
    GError *error = NULL;
    fixture->store = store_open(fixture->folder, fixture->folder != NULL, &fixture->loop, &error);
    g_assert_no_error(error);
    g_assert_true(store_migrate(fixture->store, "note", note_migrations, &error));
    g_assert_no_error(error);
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    g_assert_cmpint(uv_loop_init(&fixture->loop), ==, 0);
    if (data)
        fixture->folder = g_dir_make_tmp("serambi-store-test-XXXXXX", NULL);
    fixture->heard = g_string_new(NULL);
    open_store(fixture);
}

static void close_store(Fixture *fixture)
{
    store_close(g_steal_pointer(&fixture->store));
    (void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
}

static void remove_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        (void)g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    close_store(fixture);
    g_assert_cmpint(uv_loop_close(&fixture->loop), ==, 0);
    if (fixture->folder)
        remove_folder(fixture->folder);
    g_free(fixture->folder);
    (void)g_string_free(fixture->heard, TRUE);
}

static void run_loop(Fixture *fixture)
{
    (void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
    g_assert_true(store_is_idle(fixture->store));
}

static int64_t count(Store *store)
{
    json_auto_t *rows = store_query(store, NULL, "SELECT COUNT(*) AS n FROM note_item", NULL);
    g_assert_nonnull(rows);
    return json_integer_value(json_object_get(json_array_get(rows, 0), "n"));
}

static bool insert(Store *store, int64_t id, const char *body)
{
    json_auto_t *rows = store_query(store, NULL, "INSERT INTO note_item (id, body) VALUES ($1, $2)",
                                    "is", id, body);
    return rows != NULL;
}

/* One note: its work, what it says to the outside, and what became of it. */
typedef struct {
    Fixture *fixture;
    int64_t id;
    const char *body;
    bool is_undone;
} Note;

static void say(void *data)
{
    Note *note = data;
    g_string_append_printf(note->fixture->heard, "%s,", note->body);
}

static bool write_note(Store *store, void *data)
{
    Note *note = data;
    g_assert_true(store_is_writing(store));
    bool is_in = insert(store, note->id, note->body);
    store_after_commit(store, say, note, NULL);
    return is_in && !note->is_undone;
}

static void after_note(Store *store, bool kept, const GError *error, void *data)
{
    Note *note = data;
    g_assert_false(store_is_writing(store));
    g_string_append_printf(note->fixture->heard, "%s%s,",
                           error  ? "!"
                           : kept ? "+"
                                  : "-",
                           note->body);
    note->fixture->kept += kept;
    if (error) {
        g_assert_true(error->domain == STORE_ERROR);
        note->fixture->failures++;
        note->fixture->last = (StoreError)error->code;
    }
}

/* --- Savepoints and order ------------------------------------------------------------------------
 */

static void test_write(Fixture *fixture, gconstpointer data)
{
    Note note = {fixture, 1, "one", false};
    store_write(fixture->store, write_note, after_note, &note);
    g_assert_cmpint(count(fixture->store), ==, 0);
    g_assert_cmpstr(fixture->heard->str, ==, "");
    run_loop(fixture);
    g_assert_cmpstr(fixture->heard->str, ==, "one,+one,");
    g_assert_cmpint(count(fixture->store), ==, 1);
}

static bool write_nothing(Store *store, void *data)
{
    store_after_commit(store, say, data, NULL);
    return true;
}

/* What changes nothing is told all the same, and costs no commit. */
static void test_nothing(Fixture *fixture, gconstpointer data)
{
    Note note = {fixture, 1, "none", false}, one = {fixture, 1, "one", false};
    uint64_t commits = store_counters(fixture->store).commits_total;
    store_write(fixture->store, write_nothing, after_note, &note);
    run_loop(fixture);
    g_assert_cmpstr(fixture->heard->str, ==, "none,+none,");
    g_assert_cmpuint(store_counters(fixture->store).commits_total, ==, commits);
    store_write(fixture->store, write_note, after_note, &one);
    store_write(fixture->store, write_nothing, after_note, &note);
    g_assert_cmpuint(store_counters(fixture->store).waiting, ==, 0);
    run_loop(fixture);
    g_assert_cmpuint(store_counters(fixture->store).commits_total, ==, commits + 1);
    g_assert_cmpuint(store_counters(fixture->store).writes_total, ==, 3);
    g_assert_cmpuint(store_counters(fixture->store).undone_total, ==, 0);
}

static void test_undo(Fixture *fixture, gconstpointer data)
{
    Note notes[] = {{fixture, 1, "a", false}, {fixture, 2, "b", true}, {fixture, 3, "c", false}};
    for (size_t i = 0; i < G_N_ELEMENTS(notes); i++)
        store_write(fixture->store, write_note, after_note, &notes[i]);
    run_loop(fixture);
    g_assert_cmpstr(fixture->heard->str, ==, "a,+a,-b,c,+c,");
    g_assert_cmpint(count(fixture->store), ==, 2);
}

static bool write_two(Store *store, void *data)
{
    Note *notes = data;
    store_write(store, write_note, after_note, &notes[1]);
    store_write(store, write_note, after_note, &notes[2]);
    return write_note(store, &notes[0]);
}

static void test_nested(Fixture *fixture, gconstpointer data)
{
    Note notes[] = {{fixture, 1, "a", false}, {fixture, 2, "b", true}, {fixture, 3, "c", false}};
    store_write(fixture->store, write_two, after_note, notes);
    run_loop(fixture);
    g_assert_cmpstr(fixture->heard->str, ==, "-b,c,+c,a,+a,");
    g_assert_cmpint(count(fixture->store), ==, 2);
}

static void test_nested_undone(Fixture *fixture, gconstpointer data)
{
    Note notes[] = {{fixture, 1, "a", true}, {fixture, 2, "b", false}, {fixture, 3, "c", false}};
    store_write(fixture->store, write_two, after_note, notes);
    run_loop(fixture);
    g_assert_cmpstr(fixture->heard->str, ==, "-b,-c,-a,");
    g_assert_cmpint(count(fixture->store), ==, 0);
}

static Note later[] = {{NULL, 11, "later", false}, {NULL, 12, "last", false}};

static void after_first(Store *store, bool kept, const GError *error, void *data)
{
    Note *note = data;
    after_note(store, kept, error, note);
    later[1].fixture = note->fixture;
    store_write(store, write_note, after_note, &later[1]);
}

static void on_write_timer(uv_timer_t *timer)
{
    Fixture *fixture = timer->data;
    /* The first note's commit is under way or done: this one waits its turn or opens one. */
    later[0].fixture = fixture;
    store_write(fixture->store, write_note, after_note, &later[0]);
    uv_close((uv_handle_t *)timer, NULL);
}

static void test_order(Fixture *fixture, gconstpointer data)
{
    Note note = {fixture, 1, "first", false};
    uv_timer_t timer;
    (void)uv_timer_init(&fixture->loop, &timer);
    timer.data = fixture;
    store_write(fixture->store, write_note, after_first, &note);
    (void)uv_timer_start(&timer, on_write_timer, 0, 0);
    run_loop(fixture);
    g_assert_true(g_str_has_prefix(fixture->heard->str, "first,+first,"));
    g_assert_nonnull(strstr(fixture->heard->str, "later,+later,"));
    g_assert_nonnull(strstr(fixture->heard->str, "last,+last,"));
    g_assert_cmpint(count(fixture->store), ==, 3);
}

/* Whatever phase of the loop writes: nothing else wakes it, so run_loop() returns only if the
 * commit was handed over. */
static Note phase_notes[4];

static void phase_write(Fixture *fixture, int phase)
{
    static const char *const names[] = {"prepare", "check", "close", "async"};
    phase_notes[phase] = (Note){fixture, 20 + phase, names[phase], false};
    store_write(fixture->store, write_note, after_note, &phase_notes[phase]);
}

static void on_phase_close(uv_handle_t *handle)
{
    phase_write(handle->data, 2);
}

static void on_phase_prepare(uv_prepare_t *prepare)
{
    phase_write(prepare->data, 0);
    (void)uv_prepare_stop(prepare);
}

static void on_phase_check(uv_check_t *check)
{
    phase_write(check->data, 1);
    (void)uv_check_stop(check);
    uv_close((uv_handle_t *)check, on_phase_close);
}

static void on_phase_async(uv_async_t *async)
{
    phase_write(async->data, 3);
    uv_close((uv_handle_t *)async, NULL);
}

static void test_phases(Fixture *fixture, gconstpointer data)
{
    uv_prepare_t prepare;
    uv_check_t check;
    uv_async_t async;
    (void)uv_prepare_init(&fixture->loop, &prepare);
    (void)uv_check_init(&fixture->loop, &check);
    (void)uv_async_init(&fixture->loop, &async, on_phase_async);
    prepare.data = check.data = async.data = fixture;
    (void)uv_prepare_start(&prepare, on_phase_prepare);
    (void)uv_check_start(&check, on_phase_check);
    (void)uv_async_send(&async);
    run_loop(fixture);
    g_assert_cmpint(count(fixture->store), ==, 4);
    g_assert_cmpint(fixture->kept, ==, 4);
    uv_close((uv_handle_t *)&prepare, NULL);
    run_loop(fixture);
}

static void test_one_commit(Fixture *fixture, gconstpointer data)
{
    Note notes[100];
    g_autofree char *bodies = g_malloc0(100 * 16);
    gint before = g_atomic_int_get(&shim.syncs);
    for (int i = 0; i < 100; i++) {
        (void)g_snprintf(bodies + i * 16, 16, "n%d", i);
        notes[i] = (Note){fixture, i, bodies + i * 16, false};
        store_write(fixture->store, write_note, after_note, &notes[i]);
    }
    run_loop(fixture);
    g_assert_cmpint(fixture->kept, ==, 100);
    /* The log's header and its first commit on a new file; far from a hundred. */
    g_assert_cmpint(g_atomic_int_get(&shim.syncs) - before, <=, 3);
    g_assert_cmpint(g_atomic_int_get(&shim.syncs) - before, >=, 1);
}

/* --- Statements ----------------------------------------------------------------------------------
 */

static void assert_refused(Store *store, const char *sql)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *rows = store_query(store, &error, sql, NULL);
    g_assert_null(rows);
    g_assert_error(error, STORE_ERROR, STORE_ERROR_SQL);
}

static bool try_statements(Store *store, void *data)
{
    static const char *const refused[] = {
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT mine",
        "PRAGMA synchronous=OFF",
        "ATTACH '/dev/null' AS other",
        "SELECT 1; SELECT 2",
        "",
        "SELECT nothing FROM nowhere",
        "SELECT \"not a column\"",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
        assert_refused(store, refused[i]);
    json_auto_t *rows = store_query(
        store, NULL, "INSERT INTO note_item (body, id) VALUES ($2, $1) RETURNING id, body", "is",
        (int64_t)7, "seven");
    g_assert_cmpint(json_integer_value(json_object_get(json_array_get(rows, 0), "id")), ==, 7);
    g_autoptr(GError) twice = NULL;
    g_assert_null(
        store_query(store, &twice, "INSERT INTO note_item (id, body) VALUES (7, 'x')", NULL));
    g_assert_error(twice, STORE_ERROR, STORE_ERROR_CONSTRAINT);
    return true;
}

static void test_statements(Fixture *fixture, gconstpointer data)
{
    store_write(fixture->store, try_statements, NULL, NULL);
    run_loop(fixture);
    g_assert_cmpint(count(fixture->store), ==, 1);
    g_autoptr(GError) error = NULL;
    g_assert_null(store_query(fixture->store, &error, "DELETE FROM note_item", NULL));
    g_assert_nonnull(error);
    g_assert_cmpint(count(fixture->store), ==, 1);
}

static void test_values(Fixture *fixture, gconstpointer data)
{
    json_auto_t *rows =
        store_query(fixture->store, NULL, "SELECT $1 AS a, $2 AS b, $3 AS c, $4 AS d", "isfs",
                    INT64_MIN, NULL, 0.5, "\xff!");
    const json_t *row = json_array_get(rows, 0);
    g_assert_true(json_integer_value(json_object_get(row, "a")) == INT64_MIN);
    g_assert_true(json_is_null(json_object_get(row, "b")));
    g_assert_cmpfloat(json_real_value(json_object_get(row, "c")), ==, 0.5);
    g_assert_cmpstr(json_string_value(json_object_get(row, "d")), ==, "\xef\xbf\xbd!");
    g_autoptr(GError) error = NULL;
    g_assert_null(store_query(fixture->store, &error, "SELECT $1", "ii", (int64_t)1, (int64_t)2));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_SQL);
}

/* --- Trouble -------------------------------------------------------------------------------------
 */

static void test_full(Fixture *fixture, gconstpointer data)
{
    g_autofree char *large = g_strnfill(200000, 'x');
    Note big = {fixture, 1, large, false}, small = {fixture, 2, "small", false};
    store_set_max_pages(fixture->store, 12);
    store_write(fixture->store, write_note, after_note, &big);
    run_loop(fixture);
    g_assert_cmpint(fixture->kept, ==, 0);
    g_assert_cmpint(count(fixture->store), ==, 0);
    store_set_max_pages(fixture->store, 0);
    store_write(fixture->store, write_note, after_note, &small);
    run_loop(fixture);
    g_assert_cmpint(fixture->kept, ==, 1);
    g_assert_true(store_check(fixture->store, NULL));
}

static bool delete_all(Store *store, void *data)
{
    json_auto_t *rows = store_query(store, NULL, "DELETE FROM note_item", NULL);
    return rows != NULL;
}

/* Fails the n-th write to the disk for n = 0, 1, 2 ... until a run is unharmed. What was told to be
 * kept is there, what failed is not, and the store goes on. */
static void test_nth_write(Fixture *fixture, gconstpointer data)
{
    g_autofree char *large = g_strnfill(30000, 'y');
    int failed_runs = 0;
    for (int n = 0; n < 500; n++) {
        Note note = {fixture, n, large, false}, next = {fixture, -1, "next", false};
        fixture->failures = fixture->kept = 0;
        g_atomic_int_set(&shim.writes_left, n);
        store_write(fixture->store, write_note, after_note, &note);
        run_loop(fixture);
        bool is_unharmed = g_atomic_int_get(&shim.writes_left) > 0;
        g_atomic_int_set(&shim.writes_left, -1);
        g_assert_cmpint(count(fixture->store), ==, fixture->kept);
        failed_runs += fixture->kept == 0;
        fixture->kept = 0;
        store_write(fixture->store, write_note, after_note, &next);
        run_loop(fixture);
        g_assert_cmpint(fixture->kept, ==, 1);
        store_write(fixture->store, delete_all, NULL, NULL);
        run_loop(fixture);
        g_assert_cmpint(count(fixture->store), ==, 0);
        if (is_unharmed)
            break;
    }
    g_assert_cmpint(failed_runs, >, 3);
    g_assert_true(store_check(fixture->store, NULL));
}

/* The disk goes bad in the middle of a work(): its later statements must not commit alone. */
static bool write_into_ruins(Store *store, void *data)
{
    Note *note = data;
    g_atomic_int_set(&shim.writes_left, 0);
    g_autofree char *large = g_strnfill(8 * 1024 * 1024, 'z'); /* more than the cache holds */
    bool is_in = insert(store, 1, large);
    g_atomic_int_set(&shim.writes_left, -1);
    (void)insert(store, 2, "alone");
    g_assert_false(is_in);
    return write_note(store, note);
}

static void test_lost(Fixture *fixture, gconstpointer data)
{
    Note note = {fixture, 3, "note", false}, before = {fixture, 4, "before", false};
    store_write(fixture->store, write_note, after_note, &before);
    store_write(fixture->store, write_into_ruins, after_note, &note);
    run_loop(fixture);
    int64_t rows = count(fixture->store);
    g_assert_true((rows == 0 && fixture->kept == 0) || rows >= fixture->kept);
    json_auto_t *alone =
        store_query(fixture->store, NULL, "SELECT id FROM note_item WHERE body = 'alone'", NULL);
    g_assert_true(fixture->kept > 0 || json_array_size(alone) == 0);
}

typedef struct {
    Fixture *fixture;
    sqlite3 *other;
    int ticks;
    uint64_t longest_ns, last_ns;
} Busy;

static void on_busy_tick(uv_timer_t *timer)
{
    Busy *busy = timer->data;
    uint64_t now_ns = uv_hrtime();
    busy->longest_ns = MAX(busy->longest_ns, now_ns - busy->last_ns);
    busy->last_ns = now_ns;
    if (++busy->ticks < 20)
        return;
    g_assert_cmpint(busy->fixture->kept, ==, 0);
    g_assert_cmpint(sqlite3_exec(busy->other, "COMMIT", NULL, NULL, NULL), ==, SQLITE_OK);
    uv_close((uv_handle_t *)timer, NULL);
}

static void test_busy(Fixture *fixture, gconstpointer data)
{
    Busy busy = {.fixture = fixture, .last_ns = uv_hrtime()};
    g_autofree char *path = g_build_filename(fixture->folder, "serambi.db", NULL);
    g_assert_cmpint(sqlite3_open(path, &busy.other), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(busy.other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
    Note notes[] = {{fixture, 1, "a", false}, {fixture, 2, "b", false}};
    store_write(fixture->store, write_note, after_note, &notes[0]);
    store_write(fixture->store, write_note, after_note, &notes[1]);
    uv_timer_t timer;
    (void)uv_timer_init(&fixture->loop, &timer);
    timer.data = &busy;
    (void)uv_timer_start(&timer, on_busy_tick, 1, 5);
    run_loop(fixture);
    g_assert_cmpstr(fixture->heard->str, ==, "a,+a,b,+b,");
    g_test_message("longest wait of the loop: %d us", (int)(busy.longest_ns / 1000));
    g_assert_cmpint(sqlite3_close(busy.other), ==, SQLITE_OK);
}

/* serve.lock as another process has it that asks for its turn. */
static int ask_as_other(const Fixture *fixture)
{
    g_autofree char *path = g_build_filename(fixture->folder, "serve.lock", NULL);
    int lock = open(path, O_RDWR | O_CLOEXEC);
    struct flock asking = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
    g_assert_cmpint(fcntl(lock, F_OFD_SETLK, &asking), ==, 0);
    return lock;
}

typedef struct {
    Fixture *fixture;
    int lock;
} Asking;

static void on_asked(uv_timer_t *timer)
{
    Asking *asking = timer->data;
    g_assert_cmpint(asking->fixture->kept, ==, 0); /* the other one may go first */
    (void)close(asking->lock);
    asking->lock = -1;
    uv_close((uv_handle_t *)timer, NULL);
}

static void test_courtesy(Fixture *fixture, gconstpointer data)
{
    Asking asking = {fixture, ask_as_other(fixture)};
    uv_timer_t timer;
    (void)uv_timer_init(&fixture->loop, &timer);
    timer.data = &asking;
    (void)uv_timer_start(&timer, on_asked, 20, 0);
    Note note = {fixture, 1, "a", false};
    store_write(fixture->store, write_note, after_note, &note);
    run_loop(fixture);
    g_assert_cmpint(asking.lock, ==, -1);
    g_assert_cmpint(fixture->kept, ==, 1);
}

/* Stopped while it asked. */
static void test_courtesy_ends(Fixture *fixture, gconstpointer data)
{
    int lock = ask_as_other(fixture);
    Note notes[] = {{fixture, 1, "a", false}, {fixture, 2, "b", false}};
    for (size_t i = 0; i < G_N_ELEMENTS(notes); i++) {
        store_write(fixture->store, write_note, after_note, &notes[i]);
        run_loop(fixture);
    }
    g_assert_cmpint(fixture->kept, ==, 2);
    (void)close(lock);
}

static void *write_by_hand(void *data)
{
    Fixture *fixture = data;
    Store *admin = store_open(fixture->folder, false, NULL, NULL);
    Fixture own = {.heard = g_string_new(NULL)};
    Note note = {&own, 9, "by hand", false};
    store_write(admin, write_note, after_note, &note);
    g_assert_cmpint(own.kept, ==, 1);
    store_close(admin);
    (void)g_string_free(own.heard, TRUE);
    return NULL;
}

/* An admin command asks while it waits, and no longer. */
static void test_asks(Fixture *fixture, gconstpointer data)
{
    g_autofree char *path = g_build_filename(fixture->folder, "serambi.db", NULL);
    sqlite3 *other = NULL;
    g_assert_cmpint(sqlite3_open(path, &other), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
    g_autofree char *lock_path = g_build_filename(fixture->folder, "serve.lock", NULL);
    int lock = open(lock_path, O_RDWR | O_CLOEXEC);
    GThread *admin = g_thread_new("admin", write_by_hand, fixture);
    struct flock asked = {.l_type = F_UNLCK};
    for (int i = 0; i < 5000 && asked.l_type == F_UNLCK; i++) {
        g_usleep(1000);
        asked = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
        g_assert_cmpint(fcntl(lock, F_OFD_GETLK, &asked), ==, 0);
    }
    g_assert_cmpint(asked.l_type, ==, F_RDLCK);
    g_assert_cmpint(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), ==, SQLITE_OK);
    (void)g_thread_join(admin);
    asked = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    g_assert_cmpint(fcntl(lock, F_OFD_GETLK, &asked), ==, 0);
    g_assert_cmpint(asked.l_type, ==, F_UNLCK);
    (void)close(lock);
    (void)sqlite3_close(other);
}

/* --- Files ---------------------------------------------------------------------------------------
 */

static void test_reopen(Fixture *fixture, gconstpointer data)
{
    Note note = {fixture, 1, "stays", false};
    g_autofree char *epoch = g_strdup(store_epoch(fixture->store));
    g_assert_cmpuint(strlen(epoch), ==, 8);
    store_write(fixture->store, write_note, after_note, &note);
    close_store(fixture); /* commits what is open */
    g_assert_cmpint(fixture->kept, ==, 1);
    open_store(fixture);
    g_assert_cmpstr(store_epoch(fixture->store), ==, epoch);
    g_assert_cmpint(count(fixture->store), ==, 1);
}

static void test_lock(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(store_open(fixture->folder, true, NULL, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_LOCKED);
    Store *admin = store_open(fixture->folder, false, NULL, NULL);
    g_assert_nonnull(admin);
    Note note = {fixture, 1, "by hand", false};
    store_write(admin, write_note, after_note, &note);
    g_assert_cmpint(fixture->kept, ==, 1);
    store_close(admin);
    g_assert_cmpint(count(fixture->store), ==, 1);
}

static void test_migrate(Fixture *fixture, gconstpointer data)
{
    static const char *const broken[] = {
        "CREATE TABLE half_a (id BIGINT);",
        "CREATE TABLE half_b (id BIGINT); CREATE TABLE half_b (id BIGINT);",
        NULL,
    };
    static const char *const none[] = {NULL};
    g_autoptr(GError) error = NULL;
    g_assert_false(store_migrate(fixture->store, "half", broken, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_SQL);
    g_clear_error(&error);
    assert_refused(fixture->store, "SELECT id FROM half_a");
    g_assert_false(store_migrate(fixture->store, "note", none, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_NEWER);
    g_assert_true(store_migrate(fixture->store, "note", note_migrations, NULL));
}

static void test_backup(Fixture *fixture, gconstpointer data)
{
    Note note = {fixture, 1, "copied", false};
    store_write(fixture->store, write_note, after_note, &note);
    run_loop(fixture);
    g_autofree char *folder = g_dir_make_tmp("serambi-store-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "serambi.db", NULL);
    g_assert_true(store_backup(fixture->store, path, NULL));
    g_assert_true(store_check(fixture->store, NULL));
    Store *copy = store_open(folder, true, NULL, NULL);
    g_assert_cmpint(count(copy), ==, 1);
    store_close(copy);
    remove_folder(folder);
}

static void test_damaged(void)
{
    g_autofree char *folder = g_dir_make_tmp("serambi-store-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "serambi.db", NULL);
    g_autofree char *garbage = g_strnfill(8192, 'G');
    g_assert_true(g_file_set_contents(path, garbage, 8192, NULL));
    g_autoptr(GError) error = NULL;
    g_assert_null(store_open(folder, true, NULL, &error));
    g_assert_error(error, STORE_ERROR, STORE_ERROR_CORRUPT);
    remove_folder(folder);
}

/* --- kill -9 -------------------------------------------------------------------------------------
 */

typedef struct {
    int64_t next;
    int acknowledged; /* a pipe: the journal of what the store said is kept */
} Writer;

static bool write_next(Store *store, void *data)
{
    Writer *writer = data;
    g_autofree char *body = g_strdup_printf("%" G_GINT64_FORMAT, writer->next);
    return insert(store, writer->next, body);
}

static void acknowledge(Store *store, bool kept, const GError *error, void *data)
{
    Writer *writer = data;
    if (!kept || write(writer->acknowledged, &writer->next, sizeof writer->next) < 0)
        _exit(1);
    writer->next++;
    store_write(store, write_next, acknowledge, writer);
}

/* The child: writes until it is killed. */
static int run_writer(const char *folder, int64_t next, int acknowledged)
{
    uv_loop_t loop;
    Writer writer = {next, acknowledged};
    (void)uv_loop_init(&loop);
    Store *store = store_open(folder, true, &loop, NULL);
    if (!store || !store_migrate(store, "note", note_migrations, NULL))
        return 1;
    store_write(store, write_next, acknowledge, &writer);
    return uv_run(&loop, UV_RUN_DEFAULT);
}

static pid_t start_writer(const char *folder, int64_t next, int *ret_journal)
{
    int ends[2];
    g_assert_cmpint(pipe(ends), ==, 0);
    pid_t child = fork();
    if (child == 0) {
        char number[32], descriptor[32];
        (void)close(ends[0]);
        (void)g_snprintf(number, sizeof number, "%" G_GINT64_FORMAT, next);
        (void)g_snprintf(descriptor, sizeof descriptor, "%d", ends[1]);
        (void)execl("/proc/self/exe", "store-test", "--writer", folder, number, descriptor, NULL);
        _exit(1);
    }
    (void)close(ends[1]);
    *ret_journal = ends[0];
    return child;
}

static void test_kill(void)
{
    g_autofree char *folder = g_dir_make_tmp("serambi-store-test-XXXXXX", NULL);
    int64_t next = 1;
    for (int round = 0; round < 20; round++) {
        int journal = -1;
        pid_t child = start_writer(folder, next, &journal);
        int64_t last = 0;
        /* Killed after a number of acknowledgements, at whatever it does then. */
        for (int left = g_random_int_range(1, 40); left > 0; left--)
            g_assert_cmpint(read(journal, &last, sizeof last), ==, sizeof last);
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        while (read(journal, &last, sizeof last) == sizeof last)
            ;
        (void)close(journal);
        Store *store = store_open(folder, true, NULL, NULL);
        g_assert_nonnull(store);
        /* All that was acknowledged, and at most the one whose word was not out yet. */
        g_assert_cmpint(count(store), >=, last);
        g_assert_cmpint(count(store), <=, last + 1);
        next = count(store) + 1;
        g_assert_true(store_check(store, NULL));
        store_close(store);
    }
    g_assert_cmpint(next, >, 20);
    remove_folder(folder);
}

int main(int argc, char **argv)
{
    install_shim();
    if (argc == 5 && g_str_equal(argv[1], "--writer"))
        return run_writer(argv[2], g_ascii_strtoll(argv[3], NULL, 10), atoi(argv[4]));
    g_test_init(&argc, &argv, NULL);
#define ON_MEMORY(name, test) g_test_add(name, Fixture, NULL, set_up, test, tear_down)
#define ON_DISK(name, test)   g_test_add(name, Fixture, "disk", set_up, test, tear_down)
    ON_MEMORY("/store/write", test_write);
    ON_MEMORY("/store/nothing", test_nothing);
    ON_MEMORY("/store/undo", test_undo);
    ON_MEMORY("/store/nested", test_nested);
    ON_MEMORY("/store/nested-undone", test_nested_undone);
    ON_MEMORY("/store/order", test_order);
    ON_MEMORY("/store/phases", test_phases);
    ON_DISK("/store/one-commit", test_one_commit);
    ON_MEMORY("/store/statements", test_statements);
    ON_MEMORY("/store/values", test_values);
    ON_MEMORY("/store/full", test_full);
    ON_DISK("/store/nth-write", test_nth_write);
    ON_DISK("/store/lost", test_lost);
    ON_DISK("/store/busy", test_busy);
    ON_DISK("/store/courtesy", test_courtesy);
    ON_DISK("/store/courtesy-ends", test_courtesy_ends);
    ON_DISK("/store/asks", test_asks);
    ON_DISK("/store/reopen", test_reopen);
    ON_DISK("/store/lock", test_lock);
    ON_MEMORY("/store/migrate", test_migrate);
    ON_MEMORY("/store/backup", test_backup);
    g_test_add_func("/store/damaged", test_damaged);
    g_test_add_func("/store/kill", test_kill);
    return g_test_run();
}
