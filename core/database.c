/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * SQLite as one connection of ours. Parameters are PostgreSQL's $1, $2 ...: SQLite takes them for
 * names and numbers them in order of appearance, so they are bound by name. */
#include "core/database.h"
#include <sqlite3.h>
#include <string.h>

/* Statements are constants of the program; a plugin that builds its SQL must not fill the memory.
 */
#define CACHED_STATEMENTS_MAX 512
#define BUSY_LOOK_US          2000 /* how often we look whether another process is done */

struct Database {
    sqlite3 *connection;
    GHashTable *statements; /* SQL to sqlite3_stmt */
    bool is_guarded;        /* a plugin's statement is at work */
    int wait_ms;            /* for another process that writes */
    int64_t busy_since_us;
};

G_DEFINE_QUARK(store - error, store_error)

static StoreError error_code(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return STORE_ERROR_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return STORE_ERROR_BUSY;
    case SQLITE_CONSTRAINT:
        return STORE_ERROR_CONSTRAINT;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STORE_ERROR_CORRUPT;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
        return STORE_ERROR_IO;
    default:
        return STORE_ERROR_SQL;
    }
}

static void set_error(const Database *database, const char *doing, GError **error)
{
    int code = sqlite3_extended_errcode(database->connection);
    g_set_error(error, STORE_ERROR, (gint)error_code(code), "%s: %s", doing,
                sqlite3_errmsg(database->connection));
}

/* What would break the turn's transaction or reach beyond the database is not a plugin's. */
static int authorise(void *data, int action, const char *first, const char *second,
                     const char *schema, const char *trigger)
{
    const Database *database = data;
    if (!database->is_guarded)
        return SQLITE_OK;
    switch (action) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        return SQLITE_DENY;
    case SQLITE_PRAGMA:
        /* FTS5 asks it by itself whether its index was changed; it only reads. */
        return g_strcmp0(first, "data_version") == 0 ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_OK;
    }
}

bool database_run(Database *database, const char *sql, GError **error)
{
    if (sqlite3_exec(database->connection, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    set_error(database, "could not run a statement of the store", error);
    return false;
}

/* SQLite's own handler looks ever more rarely, ten times a second in the end: too rarely beside a
 * server that writes all the time. */
static int on_busy(void *data, int calls)
{
    Database *database = data;
    int64_t now_us = g_get_monotonic_time();
    if (calls == 0)
        database->busy_since_us = now_us;
    if (now_us - database->busy_since_us >= INT64_C(1000) * database->wait_ms)
        return 0;
    g_usleep(BUSY_LOOK_US);
    return 1;
}

void database_set_wait(Database *database, int wait_ms)
{
    database->wait_ms = wait_ms;
    (void)sqlite3_busy_handler(database->connection, wait_ms > 0 ? on_busy : NULL, database);
}

/* foreign_keys: as PostgreSQL has them. cache_size in KiB: small, the kernel caches too. The log
 * is cut back to 8 MiB after a large transaction. */
static bool configure(Database *database, DatabaseUse use, bool is_durable, int wait_ms,
                      GError **error)
{
    sqlite3_extended_result_codes(database->connection, 1);
    database_set_wait(database, 10000);
    (void)sqlite3_db_config(database->connection, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_db_config(database->connection, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    (void)sqlite3_db_config(database->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    g_autofree char *sql =
        g_strdup_printf("%s"
                        "PRAGMA synchronous=%s;"
                        "PRAGMA foreign_keys=ON;"
                        "PRAGMA trusted_schema=OFF;"
                        "PRAGMA cache_size=-1024;"
                        "PRAGMA journal_size_limit=8388608;"
                        "PRAGMA temp_store=MEMORY;"
                        "PRAGMA query_only=%s;",
                        use == DATABASE_WRITES ? "PRAGMA journal_mode=WAL;" : "",
                        is_durable ? "FULL" : "OFF", use == DATABASE_WRITES ? "OFF" : "ON");
    if (!database_run(database, sql, error))
        return false;
    database_set_wait(database, wait_ms);
    return true;
}

static void finalize(void *statement)
{
    (void)sqlite3_finalize(statement);
}

Database *database_open(const char *path, DatabaseUse use, bool is_durable, int wait_ms,
                        GError **error)
{
    Database *database = g_new0(Database, 1);
    database->statements = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, finalize);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX;
    if (use == DATABASE_WRITES)
        flags |= SQLITE_OPEN_CREATE;
    int code = sqlite3_open_v2(path, &database->connection, flags, NULL);
    if (code != SQLITE_OK) {
        g_set_error(error, STORE_ERROR, (gint)error_code(code), "could not open '%s': %s", path,
                    sqlite3_errstr(code));
        database_close(database);
        return NULL;
    }
    (void)sqlite3_set_authorizer(database->connection, authorise, database);
    GError *failure = NULL;
    if (!configure(database, use, is_durable, wait_ms, &failure)) {
        g_propagate_prefixed_error(error, failure, "'%s': ", path);
        database_close(database);
        return NULL;
    }
    return database;
}

void database_close(Database *database)
{
    if (!database)
        return;
    g_hash_table_unref(database->statements);
    if (database->connection && !database_is_outside(database))
        (void)database_run(database, "ROLLBACK", NULL);
    (void)sqlite3_close(database->connection);
    g_free(database);
}

bool database_is_outside(const Database *database)
{
    return sqlite3_get_autocommit(database->connection) != 0;
}

int64_t database_changes(const Database *database)
{
    return sqlite3_total_changes64(database->connection);
}

bool database_begin(Database *database, GError **error)
{
    if (sqlite3_exec(database->connection, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK)
        return true;
    if (error_code(sqlite3_errcode(database->connection)) != STORE_ERROR_BUSY)
        set_error(database, "could not begin a transaction", error);
    return false;
}

void database_set_max_pages(Database *database, int64_t pages)
{
    /* SQLite's own largest, 2^32 - 2; sqlite.org/limits.html */
    g_autofree char *sql =
        g_strdup_printf("PRAGMA max_page_count=%" G_GINT64_FORMAT, pages ? pages : 4294967294);
    (void)database_run(database, sql, NULL);
}

/* --- Statements ---------------------------------------------------------------------------------
 */

static sqlite3_stmt *prepare(Database *database, const char *sql, GError **error)
{
    sqlite3_stmt *statement = g_hash_table_lookup(database->statements, sql);
    if (statement)
        return statement;
    const char *rest = NULL;
    if (sqlite3_prepare_v3(database->connection, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                           &rest) != SQLITE_OK) {
        set_error(database, sql, error);
        return NULL;
    }
    if (!statement || rest[strspn(rest, " \t\r\n;")]) {
        (void)sqlite3_finalize(statement);
        g_set_error(error, STORE_ERROR, STORE_ERROR_SQL, "not one statement: %s", sql);
        return NULL;
    }
    if (g_hash_table_size(database->statements) >= CACHED_STATEMENTS_MAX)
        g_hash_table_remove_all(database->statements);
    g_hash_table_insert(database->statements, g_strdup(sql), statement);
    return statement;
}

static bool bind_one(sqlite3_stmt *statement, int index, char type, va_list *values)
{
    switch (type) {
    case 'i':
        return sqlite3_bind_int64(statement, index, va_arg(*values, int64_t)) == SQLITE_OK;
    case 'f':
        return sqlite3_bind_double(statement, index, va_arg(*values, double)) == SQLITE_OK;
    case 's':
        return sqlite3_bind_text(statement, index, va_arg(*values, const char *), -1,
                                 SQLITE_TRANSIENT) == SQLITE_OK;
    default:
        return false;
    }
}

static bool bind_all(sqlite3_stmt *statement, const char *sql, const char *types, va_list values,
                     GError **error)
{
    va_list rest;
    va_copy(rest, values);
    int count = types ? (int)strlen(types) : 0;
    bool is_bound = sqlite3_bind_parameter_count(statement) == count;
    for (int number = 1; is_bound && number <= count; number++) {
        char name[16];
        (void)g_snprintf(name, sizeof name, "$%d", number);
        int index = sqlite3_bind_parameter_index(statement, name);
        is_bound = index > 0 && bind_one(statement, index, types[number - 1], &rest);
    }
    va_end(rest);
    if (!is_bound)
        g_set_error(error, STORE_ERROR, STORE_ERROR_SQL, "values '%s' do not fit: %s",
                    types ? types : "", sql);
    return is_bound;
}

static json_t *text_to_json(const char *text, int size)
{
    json_t *value = json_stringn(text, (size_t)size);
    if (value)
        return value;
    g_autofree char *valid = g_utf8_make_valid(text, size);
    return json_string(valid);
}

static json_t *column_to_json(sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        return json_integer(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT: {
        /* NULL for what JSON can not say: infinity. */
        json_t *value = json_real(sqlite3_column_double(statement, column));
        return value ? value : json_null();
    }
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_column_text(statement, column);
        return text_to_json(text, sqlite3_column_bytes(statement, column));
    }
    default:
        return json_null();
    }
}

static json_t *row_to_json(sqlite3_stmt *statement)
{
    json_t *row = json_object();
    for (int column = 0; column < sqlite3_column_count(statement); column++)
        (void)json_object_set_new(row, sqlite3_column_name(statement, column),
                                  column_to_json(statement, column));
    return row;
}

static json_t *step_all(Database *database, sqlite3_stmt *statement, const char *sql,
                        GError **error)
{
    json_t *rows = json_array();
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        (void)json_array_append_new(rows, row_to_json(statement));
    if (code != SQLITE_DONE) {
        set_error(database, sql, error);
        g_clear_pointer(&rows, json_decref);
    }
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return rows;
}

json_t *database_query(Database *database, GError **error, const char *sql, const char *types,
                       va_list values)
{
    json_t *rows = NULL;
    /* Also while stepping: a statement is prepared again when the schema has changed. */
    database->is_guarded = true;
    sqlite3_stmt *statement = prepare(database, sql, error);
    if (statement && bind_all(statement, sql, types, values, error))
        rows = step_all(database, statement, sql, error);
    database->is_guarded = false;
    return rows;
}

json_t *database_query_values(Database *database, GError **error, const char *sql,
                              const char *types, ...)
{
    va_list values;
    va_start(values, types);
    json_t *rows = database_query(database, error, sql, types, values);
    va_end(values);
    return rows;
}

/* --- Check ---------------------------------------------------------------------------------------
 */

/* The first row of a PRAGMA that answers with complaints, as text; NULL without one. */
static char *first_complaint(Database *database, const char *pragma)
{
    sqlite3_stmt *statement = NULL;
    char *complaint = NULL;
    if (sqlite3_prepare_v2(database->connection, pragma, -1, &statement, NULL) != SQLITE_OK)
        return g_strdup(sqlite3_errmsg(database->connection));
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        complaint = g_strdup((const char *)sqlite3_column_text(statement, 0));
    else if (code != SQLITE_DONE)
        complaint = g_strdup(sqlite3_errmsg(database->connection));
    (void)sqlite3_finalize(statement);
    return complaint;
}

bool database_check(Database *database, GError **error)
{
    g_autofree char *integrity = first_complaint(database, "PRAGMA integrity_check(1)");
    if (g_strcmp0(integrity, "ok") != 0) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_CORRUPT, "the database is damaged: %s",
                    integrity);
        return false;
    }
    g_autofree char *table = first_complaint(database, "PRAGMA foreign_key_check");
    if (table) {
        g_set_error(error, STORE_ERROR, STORE_ERROR_CORRUPT,
                    "a row of '%s' points to a row that is not there", table);
        return false;
    }
    return true;
}

/* --- Copy ----------------------------------------------------------------------------------------
 */

static bool copy_all(Database *from, Database *to, GError **error)
{
    sqlite3_backup *backup = sqlite3_backup_init(to->connection, "main", from->connection, "main");
    if (backup)
        (void)sqlite3_backup_step(backup, -1);
    if (backup && sqlite3_backup_finish(backup) == SQLITE_OK)
        return true;
    set_error(to, "could not copy the database", error);
    return false;
}

bool database_copy(const char *path, const char *target, GError **error)
{
    Database *from = database_open(path, DATABASE_READS, true, 10000, error);
    Database *to = from ? database_open(target, DATABASE_WRITES, true, 10000, error) : NULL;
    /* The copy is one file without a log beside it. */
    bool is_copied =
        to && copy_all(from, to, error) && database_run(to, "PRAGMA journal_mode=DELETE", error);
    database_close(to);
    database_close(from);
    return is_copied;
}
