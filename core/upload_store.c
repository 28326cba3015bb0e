/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Where uploads rest. */
#include "core/upload_store.h"
#include "core/uploads.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- Disk --------------------------------------------------------------------------------------*/

struct UploadFolder {
    int fd;
};

static bool fail(GError **error, int number, const char *what, const char *id)
{
    g_set_error(error, G_FILE_ERROR,
                (gint)(number == EDQUOT ? G_FILE_ERROR_NOSPC : g_file_error_from_errno(number)),
                "could not %s '%s': %s", what, id, g_strerror(number));
    return false;
}

UploadFolder *upload_store_folder(const char *path, GError **error)
{
    if (g_mkdir_with_parents(path, 0700) != 0) {
        fail(error, errno, "make the folder", path);
        return NULL;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        fail(error, errno, "open the folder", path);
        return NULL;
    }
    UploadFolder *folder = g_atomic_rc_box_new0(UploadFolder);
    folder->fd = fd;
    return folder;
}

UploadFolder *upload_store_ref(UploadFolder *folder)
{
    return g_atomic_rc_box_acquire(folder);
}

static void folder_clear(void *data)
{
    close(((UploadFolder *)data)->fd);
}

void upload_store_unref(UploadFolder *folder)
{
    if (folder != NULL)
        g_atomic_rc_box_release_full(folder, folder_clear);
}

int64_t upload_store_free_bytes(UploadFolder *folder)
{
    struct statvfs space;
    if (fstatvfs(folder->fd, &space) != 0)
        return 0;
    return (int64_t)space.f_bavail * (int64_t)space.f_frsize;
}

/* Opens path below fd without following any link. Kernels before 5.6 and some sandboxes have no
 * openat2(): the ids are checked by pattern and the file's name is ours, so that O_NOFOLLOW on each
 * step is enough there. */
static int open_beneath(int fd, const char *id, const char *name, int flags, mode_t mode)
{
    g_autofree char *path = g_strconcat(id, "/", name, NULL);
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    int file = (int)syscall(SYS_openat2, fd, path, &how, sizeof how);
    if (file >= 0 || (errno != ENOSYS && errno != EPERM))
        return file;
    int folder = openat(fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (folder < 0)
        return -1;
    file = openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW, mode);
    int number = errno;
    close(folder);
    errno = number;
    return file;
}

/* Space is set aside without growing the file: its size stays what was written. */
static bool set_aside(int file, int64_t length)
{
    if (length == 0 || fallocate(file, FALLOC_FL_KEEP_SIZE, 0, length) == 0)
        return true;
    return errno == EOPNOTSUPP || errno == ENOSYS;
}

static bool sync_folder(int fd, const char *id)
{
    int folder = openat(fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    bool is_synced = folder >= 0 && fsync(folder) == 0 && fsync(fd) == 0;
    int number = errno;
    if (folder >= 0)
        close(folder);
    errno = number;
    return is_synced;
}

bool upload_store_create(UploadFolder *folder, const char *id, int64_t length, GError **error)
{
    g_assert(tus_is_id(id));
    if (mkdirat(folder->fd, id, 0700) != 0)
        return fail(error, errno, "make the folder of upload", id);
    int file = open_beneath(folder->fd, id, "file", O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (file >= 0 && set_aside(file, length) && fsync(file) == 0 && sync_folder(folder->fd, id)) {
        close(file);
        return true;
    }
    fail(error, errno, "make the file of upload", id);
    if (file >= 0)
        close(file);
    (void)upload_store_remove(folder, id, NULL);
    return false;
}

int upload_store_open(UploadFolder *folder, const char *id, GError **error)
{
    g_assert(tus_is_id(id));
    int file = open_beneath(folder->fd, id, "file", O_WRONLY, 0);
    if (file < 0)
        fail(error, errno, "open the file of upload", id);
    return file;
}

int64_t upload_store_size(UploadFolder *folder, const char *id)
{
    int file = tus_is_id(id) ? open_beneath(folder->fd, id, "file", O_RDONLY, 0) : -1;
    if (file < 0)
        return -1;
    struct stat about;
    int64_t size = fstat(file, &about) == 0 && S_ISREG(about.st_mode) ? about.st_size : -1;
    close(file);
    return size;
}

static bool append_file(int to, int from)
{
    struct stat about;
    if (fstat(from, &about) != 0)
        return false;
    /* Shares the blocks where the file system can, else the kernel copies. */
    for (off_t left = about.st_size; left > 0;) {
        ssize_t count = copy_file_range(from, NULL, to, NULL, (size_t)left, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        left -= count;
    }
    return true;
}

bool upload_store_append(UploadFolder *folder, const char *id, const GPtrArray *parts,
                         GError **error)
{
    int to = upload_store_open(folder, id, error);
    if (to < 0)
        return false;
    bool is_good = lseek(to, 0, SEEK_END) >= 0;
    for (guint i = 0; is_good && i < parts->len; i++) {
        int from = open_beneath(folder->fd, parts->pdata[i], "file", O_RDONLY, 0);
        is_good = from >= 0 && append_file(to, from);
        int number = errno;
        if (from >= 0)
            close(from);
        errno = number;
    }
    is_good = is_good && fsync(to) == 0;
    if (!is_good)
        fail(error, errno, "put together upload", id);
    close(to);
    return is_good;
}

static bool sum_piece(int file, GChecksum *sum, int64_t at, int64_t size)
{
    uint8_t bytes[UPLOAD_SAMPLE_BYTES];
    for (int64_t end = at + size; at < end;) {
        ssize_t count = pread(file, bytes, (size_t)MIN(end - at, (int64_t)sizeof bytes), at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        g_checksum_update(sum, bytes, count);
        at += count;
    }
    return true;
}

char *upload_store_sample(UploadFolder *folder, const char *id, int64_t size, GError **error)
{
    int file = open_beneath(folder->fd, id, "file", O_RDONLY, 0);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    bool is_good = file >= 0;
    if (is_good && size <= UPLOAD_SAMPLES * UPLOAD_SAMPLE_BYTES)
        is_good = sum_piece(file, sum, 0, size);
    else
        for (int64_t i = 0; is_good && i < UPLOAD_SAMPLES; i++) {
            int64_t at = i * (size - UPLOAD_SAMPLE_BYTES) / (UPLOAD_SAMPLES - 1);
            is_good = sum_piece(file, sum, at, UPLOAD_SAMPLE_BYTES);
        }
    if (!is_good)
        fail(error, errno, "read upload", id);
    if (file >= 0)
        close(file);
    return is_good ? g_strdup(g_checksum_get_string(sum)) : NULL;
}

static GPtrArray *list(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (dir == NULL) {
        if (copy >= 0)
            close(copy);
        return NULL;
    }
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            g_ptr_array_add(names, g_strdup(entry->d_name));
    closedir(dir);
    return names;
}

GPtrArray *upload_store_list(UploadFolder *folder, GError **error)
{
    GPtrArray *names = list(folder->fd);
    if (names == NULL)
        fail(error, errno, "list the folder", "uploads");
    return names;
}

/* Workers make folders in folders, but not without end. */
#define DEPTH 16

static bool remove_tree(int fd, const char *name, int depth)
{
    if (unlinkat(fd, name, 0) == 0 || errno == ENOENT)
        return true;
    if ((errno != EISDIR && errno != EPERM) || depth == 0)
        return false;
    int folder = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (folder < 0)
        return false;
    g_autoptr(GPtrArray) names = list(folder);
    bool is_empty = names != NULL;
    for (guint i = 0; names != NULL && i < names->len; i++)
        is_empty = remove_tree(folder, names->pdata[i], depth - 1) && is_empty;
    close(folder);
    return is_empty && unlinkat(fd, name, AT_REMOVEDIR) == 0;
}

bool upload_store_remove(UploadFolder *folder, const char *id, GError **error)
{
    if (strchr(id, '/') != NULL || !remove_tree(folder->fd, id, DEPTH))
        return fail(error, errno, "remove the folder of upload", id);
    return true;
}

/* --- Records -----------------------------------------------------------------------------------*/

static const char *const migrations[] = {
    "CREATE TABLE uploads_upload ("
    " id TEXT PRIMARY KEY, state TEXT NOT NULL CHECK (state IN ('open', 'done', 'gone')),"
    " owner TEXT NOT NULL, kind TEXT NOT NULL, metadata TEXT NOT NULL,"
    " length BIGINT NOT NULL, received BIGINT NOT NULL, expires_us BIGINT NOT NULL);"
    "CREATE INDEX uploads_upload_state ON uploads_upload (state, expires_us);",
    "ALTER TABLE uploads_upload ADD COLUMN concat TEXT NOT NULL DEFAULT '';",
    NULL,
};

static const char *const state_texts[] = {
    [UPLOAD_OPEN] = "open", [UPLOAD_DONE] = "done", [UPLOAD_GONE] = "gone"};

#define COLUMNS "id, state, owner, kind, metadata, length, received, expires_us, concat"

bool uploads_migrate(Store *store, GError **error)
{
    return store_migrate(store, "uploads", migrations, error);
}

void upload_record_clear(UploadRecord *record)
{
    g_free(record->owner);
    g_free(record->kind);
    g_free(record->metadata);
    g_free(record->concat);
    *record = (UploadRecord){0};
}

void upload_record_copy(const UploadRecord *record, UploadRecord *ret_copy)
{
    *ret_copy = *record;
    ret_copy->owner = g_strdup(record->owner);
    ret_copy->kind = g_strdup(record->kind);
    ret_copy->metadata = g_strdup(record->metadata);
    ret_copy->concat = g_strdup(record->concat);
}

bool upload_store_insert(Store *store, const UploadRecord *record, GError **error)
{
    json_auto_t *rows = store_query(
        store, error,
        "INSERT INTO uploads_upload (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        "sssssiiis", record->id, state_texts[record->state], record->owner, record->kind,
        record->metadata, record->length, record->received, record->expires_us, record->concat);
    return rows != NULL;
}

bool upload_store_update(Store *store, const UploadRecord *record, GError **error)
{
    json_auto_t *rows = store_query(store, error,
                                    "UPDATE uploads_upload SET state = $2, length = $3,"
                                    " received = $4, expires_us = $5 WHERE id = $1",
                                    "ssiii", record->id, state_texts[record->state], record->length,
                                    record->received, record->expires_us);
    return rows != NULL;
}

bool upload_store_delete(Store *store, const char *id, GError **error)
{
    json_auto_t *rows =
        store_query(store, error, "DELETE FROM uploads_upload WHERE id = $1", "s", id);
    return rows != NULL;
}

static bool read_row(const json_t *row, UploadRecord *ret_record)
{
    const char *id, *state, *owner, *kind, *metadata, *concat;
    json_int_t length, received, expires_us;
    if (json_unpack((json_t *)(uintptr_t)row, "{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "id",
                    &id, "state", &state, "owner", &owner, "kind", &kind, "metadata", &metadata,
                    "length", &length, "received", &received, "expires_us", &expires_us, "concat",
                    &concat) != 0 ||
        !tus_is_id(id))
        return false;
    *ret_record = (UploadRecord){
        .state = UPLOAD_OPEN,
        .owner = g_strdup(owner),
        .kind = g_strdup(kind),
        .metadata = g_strdup(metadata),
        .concat = g_strdup(concat),
        .length = length,
        .received = received,
        .expires_us = expires_us,
    };
    g_strlcpy(ret_record->id, id, sizeof ret_record->id);
    while (ret_record->state < UPLOAD_GONE && strcmp(state, state_texts[ret_record->state]) != 0)
        ret_record->state++;
    return true;
}

bool upload_store_find(Store *store, const char *id, UploadRecord *ret_record, GError **error)
{
    json_auto_t *rows =
        store_query(store, error, "SELECT " COLUMNS " FROM uploads_upload WHERE id = $1", "s", id);
    return json_array_size(rows) > 0 && read_row(json_array_get(rows, 0), ret_record);
}

static void free_record(void *data)
{
    upload_record_clear(data);
    g_free(data);
}

GPtrArray *upload_store_all(Store *store, UploadState state, GError **error)
{
    json_auto_t *rows =
        store_query(store, error, "SELECT " COLUMNS " FROM uploads_upload WHERE state = $1", "s",
                    state_texts[state]);
    if (rows == NULL)
        return NULL;
    GPtrArray *records = g_ptr_array_new_with_free_func(free_record);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        UploadRecord *record = g_new0(UploadRecord, 1);
        g_ptr_array_add(records, record);
        if (!read_row(json_array_get(rows, i), record))
            g_ptr_array_remove_index(records, records->len - 1);
    }
    return records;
}

GHashTable *upload_store_ids(Store *store, GError **error)
{
    json_auto_t *rows = store_query(store, error, "SELECT id FROM uploads_upload", "");
    if (rows == NULL)
        return NULL;
    GHashTable *ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t i = 0; i < json_array_size(rows); i++)
        g_hash_table_add(
            ids, g_strdup(json_string_value(json_object_get(json_array_get(rows, i), "id"))));
    return ids;
}

GPtrArray *upload_store_expired(Store *store, int64_t now_us, GError **error)
{
    json_auto_t *rows = store_query(
        store, error, "SELECT id FROM uploads_upload WHERE state <> 'open' AND expires_us < $1",
        "i", now_us);
    if (rows == NULL)
        return NULL;
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < json_array_size(rows); i++)
        g_ptr_array_add(
            ids, g_strdup(json_string_value(json_object_get(json_array_get(rows, i), "id"))));
    return ids;
}
