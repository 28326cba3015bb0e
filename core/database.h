/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One connection to an SQLite file: statements prepared once, rows as JSON, errors of the store.
 * The only file that knows SQLite.
 *
 * One thread at a time. */
#pragma once
#include "core/store.h"

typedef struct Database Database;

typedef enum { DATABASE_WRITES = 1, DATABASE_READS } DatabaseUse;

/* Opens (DATABASE_WRITES: creates) the file in WAL mode. is_durable: synchronous=FULL, else OFF.
 * wait_ms: how long a statement waits for another process that writes. */
Database *database_open(const char *path, DatabaseUse use, bool is_durable, int wait_ms,
                        GError **error);
void database_close(Database *database); /* rolls back what is open */

/* Our own statements, any number separated by ';', without results. */
bool database_run(Database *database, const char *sql, GError **error);
/* A statement that opens the transaction of a turn: false without error when another process
 * writes. */
bool database_begin(Database *database, GError **error);
/* False inside a transaction; an error of the disk can end one by itself. */
bool database_is_outside(const Database *database);
/* Rows that were ever changed here, also by what was undone. Changes of the schema do not count. */
int64_t database_changes(const Database *database);
/* One statement of a plugin, see store_query(): no transaction control, PRAGMA or ATTACH. */
json_t *database_query(Database *database, GError **error, const char *sql, const char *types,
                       va_list values);
json_t *database_query_values(Database *database, GError **error, const char *sql,
                              const char *types, ...);
void database_set_wait(Database *database, int wait_ms);
void database_set_max_pages(Database *database, int64_t pages);
/* Copies the whole of path, consistent, to a new file at target. */
bool database_copy(const char *path, const char *target, GError **error);
/* The whole file is sound: pages, indexes, foreign keys. */
bool database_check(Database *database, GError **error);
