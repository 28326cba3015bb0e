/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The store: one SQLite database; savepoints, one commit per turn of the loop, and a reading
 * connection that never waits.
 *
 * A write is a savepoint in the turn's transaction. At the end of the turn one thread of the
 * store's own commits (WAL, synchronous=FULL); until it is done the writing connection belongs to
 * it and new writes wait for the next turn. What a write wants to say to the outside (answers,
 * publications) it registers with store_after_commit(): it is called on the loop when the commit is
 * on disk, or dropped with its savepoint.
 *
 * Main thread only, but for the commit itself. SQL stays within what PostgreSQL also speaks. */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <uv.h>

typedef struct Store Store;

typedef enum {
    STORE_ERROR_LOCKED = 1, /* another server has this data folder */
    STORE_ERROR_FULL,       /* disk or database full */
    STORE_ERROR_IO,
    STORE_ERROR_SQL,
    STORE_ERROR_CONSTRAINT, /* unique, check, foreign key */
    STORE_ERROR_CORRUPT,
    STORE_ERROR_NEWER, /* the schema is of a newer Serambi */
    STORE_ERROR_BUSY,  /* another process wrote for too long */
} StoreError;
#define STORE_ERROR (store_error_quark())
GQuark store_error_quark(void);

/* Opens (creates) <folder>/serambi.db. exclusive: takes <folder>/serve.lock for the life of the
 * store, STORE_ERROR_LOCKED if a server has it; admin commands open without. loop may be NULL for
 * admin commands: then store_write() commits before it returns. folder NULL: in memory, for tests.
 */
Store *store_open(const char *folder, bool exclusive, uv_loop_t *loop, GError **error);
/* Commits what is open, waits for it, closes. The loop must turn once more for its handles. */
void store_close(Store *store);
/* No write waits, runs or is being committed. */
bool store_is_idle(const Store *store);
/* Changes only when numbers may be lost or reused (new database, restore). */
const char *store_epoch(const Store *store);
/* After a restore; on a store without a loop. */
bool store_renew_epoch(Store *store, GError **error);

/* Brings owner's tables from its recorded version to the count of migrations (NULL-ended), in one
 * transaction. STORE_ERROR_NEWER if the recorded version is higher. Before any store_write(). */
bool store_migrate(Store *store, const char *owner, const char *const *migrations, GError **error);

/* Runs work(data) as one savepoint of the turn's transaction: at once if the writing connection is
 * free, else in the next turn. work returns true to keep, false to undo. after (may be NULL) is
 * called once on the loop: kept and no error when it is on disk; error set when the commit failed;
 * kept false and no error when work returned false. Nested calls run as a savepoint inside. */
typedef bool (*StoreWork)(Store *store, void *data);
typedef void (*StoreAfter)(Store *store, bool kept, const GError *error, void *data);
void store_write(Store *store, StoreWork work, StoreAfter after, void *data);
bool store_is_writing(const Store *store); /* inside a work() */

/* Inside work(): called on the loop after the commit reached the disk, in the order of
 * registration; dropped (freed only) if the savepoint or the commit fails. Takes data. */
void store_after_commit(Store *store, void (*then)(void *data), void *data,
                        GDestroyNotify free_data);

/* New array of row objects. Inside work() on the writing connection, elsewhere on the reading one,
 * where a statement that writes fails with STORE_ERROR_SQL. types: i int64_t, f double, s text
 * (NULL is SQL NULL), one letter for each $1, $2 ... Statements are prepared once and cached. */
json_t *store_query(Store *store, GError **error, const char *sql, const char *types, ...);
json_t *store_query_va(Store *store, GError **error, const char *sql, const char *types,
                       va_list values);

typedef struct {
    uint64_t commits_total, writes_total, undone_total, lost_total; /* lost: by a failed commit */
    guint waiting;                                                  /* writes, now */
} StoreCounters;
StoreCounters store_counters(const Store *store);

/* For disk-full tests and reserve: refuse to grow beyond pages (0: no limit). */
void store_set_max_pages(Store *store, int64_t pages);
/* Online copy to a file, for backup. */
bool store_backup(Store *store, const char *path, GError **error);
bool store_check(Store *store, GError **error); /* PRAGMA integrity_check */
