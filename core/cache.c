/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A file gets its name after its bytes were hashed, and after they are on disk (fsync, rename,
 * fsync of the folder): so a name is a promise, and nothing is ever checked again at start. */
#include "core/cache.h"

#include "core/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_LETTERS 64
#define PART_SUFFIX  ".part"
#define READ_BYTES   65536

typedef struct {
    char hash[HASH_LETTERS + 1];
    int64_t size;
    int64_t wanted_us; /* when somebody last wanted it: the file's mtime */
} CachedFile;

struct Cache {
    char *folder;
    int64_t max_bytes;
    GMutex mutex;      /* of what follows */
    GHashTable *files; /* hash -> CachedFile */
    GHashTable *wanted;
};

struct CachePart {
    Cache *cache;
    char hash[HASH_LETTERS + 1];
    char *path;
    int fd;
    int64_t size;
    crypto_hash_sha256_state sum;
};

G_DEFINE_QUARK(cache - error - quark, cache_error)

static bool fail(GError **error, const char *what, const char *path)
{
    int failure = errno;
    g_set_error(error, CACHE_ERROR, failure == ENOSPC ? CACHE_ERROR_FULL : CACHE_ERROR_IO,
                "could not %s '%s': %s", what, path, g_strerror(failure));
    return false;
}

bool cache_is_hash(const char *hash)
{
    return strspn(hash, "0123456789abcdef") == HASH_LETTERS && hash[HASH_LETTERS] == '\0';
}

static void add_file(Cache *cache, const char *hash, int64_t size, int64_t wanted_us)
{
    CachedFile *file = g_new0(CachedFile, 1);
    g_strlcpy(file->hash, hash, sizeof file->hash);
    file->size = size;
    file->wanted_us = wanted_us;
    g_hash_table_replace(cache->files, file->hash, file);
}

static void read_folder(Cache *cache, GDir *folder)
{
    const char *name;
    while ((name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = g_build_filename(cache->folder, name, NULL);
        struct stat status;
        if (cache_is_hash(name) && stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
            add_file(cache, name, status.st_size, (int64_t)status.st_mtime * G_USEC_PER_SEC);
        }
    }
}

Cache *cache_new(const char *folder, int64_t max_bytes, GError **error)
{
    if (g_mkdir_with_parents(folder, 0700) != 0) {
        fail(error, "make", folder);
        return NULL;
    }
    g_autoptr(GDir) opened = g_dir_open(folder, 0, error);
    if (opened == NULL) {
        return NULL;
    }
    Cache *cache = g_new0(Cache, 1);
    cache->folder = g_strdup(folder);
    cache->max_bytes = max_bytes;
    g_mutex_init(&cache->mutex);
    cache->files = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    cache->wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    read_folder(cache, opened);
    return cache;
}

void cache_free(Cache *cache)
{
    if (cache == NULL) {
        return;
    }
    g_hash_table_unref(cache->files);
    g_hash_table_unref(cache->wanted);
    g_mutex_clear(&cache->mutex);
    g_free(cache->folder);
    g_free(cache);
}

char *cache_path(Cache *cache, const char *hash)
{
    g_mutex_lock(&cache->mutex);
    bool is_here = g_hash_table_contains(cache->files, hash);
    g_mutex_unlock(&cache->mutex);
    return is_here ? g_build_filename(cache->folder, hash, NULL) : NULL;
}

void cache_want(Cache *cache, const char *const *hashes)
{
    int64_t now_us = g_get_real_time();
    g_mutex_lock(&cache->mutex);
    g_hash_table_remove_all(cache->wanted);
    for (guint i = 0; hashes[i] != NULL; i++) {
        g_hash_table_add(cache->wanted, g_strdup(hashes[i]));
        CachedFile *file = g_hash_table_lookup(cache->files, hashes[i]);
        if (file != NULL) {
            file->wanted_us = now_us;
            g_autofree char *path = g_build_filename(cache->folder, hashes[i], NULL);
            (void)utimensat(AT_FDCWD, path, NULL, 0); /* for the order after a restart */
        }
    }
    g_mutex_unlock(&cache->mutex);
}

/* --- Parts ------------------------------------------------------------------------------------ */

/* The part of a file that came earlier counts into the sum. */
static bool sum_what_is_here(CachePart *part, GError **error)
{
    g_autofree uint8_t *buffer = g_malloc(READ_BYTES);
    crypto_hash_sha256_init(&part->sum);
    part->size = 0;
    for (;;) {
        ssize_t count = read(part->fd, buffer, READ_BYTES);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return fail(error, "read", part->path);
        }
        if (count == 0) {
            return true;
        }
        crypto_hash_sha256_update(&part->sum, buffer, (unsigned long long)count);
        part->size += count;
    }
}

static void part_free(CachePart *part)
{
    if (part->fd >= 0) {
        (void)close(part->fd);
    }
    g_free(part->path);
    g_free(part);
}

CachePart *cache_begin(Cache *cache, const char *hash, int64_t *ret_have, GError **error)
{
    g_assert(cache_is_hash(hash));
    CachePart *part = g_new0(CachePart, 1);
    part->cache = cache;
    g_strlcpy(part->hash, hash, sizeof part->hash);
    g_autofree char *name = g_strconcat(hash, PART_SUFFIX, NULL);
    part->path = g_build_filename(cache->folder, name, NULL);
    part->fd = open(part->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (part->fd < 0) {
        fail(error, "open", part->path);
        part_free(part);
        return NULL;
    }
    if (!sum_what_is_here(part, error)) {
        part_free(part);
        return NULL;
    }
    *ret_have = part->size;
    return part;
}

bool cache_restart(CachePart *part, GError **error)
{
    if (ftruncate(part->fd, 0) != 0 || lseek(part->fd, 0, SEEK_SET) != 0) {
        return fail(error, "empty", part->path);
    }
    part->size = 0;
    crypto_hash_sha256_init(&part->sum);
    return true;
}

static CachedFile *longest_unwanted(const Cache *cache)
{
    GHashTableIter iterator;
    void *value;
    CachedFile *oldest = NULL;
    g_hash_table_iter_init(&iterator, cache->files);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        CachedFile *file = value;
        if (!g_hash_table_contains(cache->wanted, file->hash) &&
            (oldest == NULL || file->wanted_us < oldest->wanted_us)) {
            oldest = file;
        }
    }
    return oldest;
}

static int64_t size_of_files(const Cache *cache)
{
    GHashTableIter iterator;
    void *value;
    int64_t size = 0;
    g_hash_table_iter_init(&iterator, cache->files);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        size += ((const CachedFile *)value)->size;
    }
    return size;
}

/* Parts of files that nobody wants any more are the first to go. */
static void remove_other_parts(const CachePart *part)
{
    g_autoptr(GDir) folder = g_dir_open(part->cache->folder, 0, NULL);
    const char *name;
    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *hash = g_strndup(name, HASH_LETTERS);
        if (g_str_has_suffix(name, PART_SUFFIX) && !g_str_equal(hash, part->hash) &&
            !g_hash_table_contains(part->cache->wanted, hash)) {
            g_autofree char *path = g_build_filename(part->cache->folder, name, NULL);
            (void)g_unlink(path);
        }
    }
}

bool cache_reserve(CachePart *part, int64_t total, GError **error)
{
    Cache *cache = part->cache;
    g_mutex_lock(&cache->mutex);
    remove_other_parts(part);
    int64_t size = size_of_files(cache);
    while (size + total > cache->max_bytes) {
        CachedFile *oldest = longest_unwanted(cache);
        if (oldest == NULL) {
            break;
        }
        g_autofree char *path = g_build_filename(cache->folder, oldest->hash, NULL);
        (void)g_unlink(path);
        size -= oldest->size;
        g_hash_table_remove(cache->files, oldest->hash);
    }
    g_mutex_unlock(&cache->mutex);
    if (size + total > cache->max_bytes) {
        g_set_error(error, CACHE_ERROR, CACHE_ERROR_FULL,
                    "no room for a file of %" G_GINT64_FORMAT " bytes", total);
        return false;
    }
    return true;
}

bool cache_append(CachePart *part, const void *bytes, size_t size, GError **error)
{
    if (part->size + (int64_t)size > part->cache->max_bytes) {
        g_set_error(error, CACHE_ERROR, CACHE_ERROR_FULL, "a file larger than the whole cache");
        return false;
    }
    const uint8_t *rest = bytes;
    for (size_t left = size; left > 0;) {
        ssize_t count = write(part->fd, rest, left);
        if (count < 0 && errno != EINTR) {
            return fail(error, "write", part->path);
        }
        if (count > 0) {
            crypto_hash_sha256_update(&part->sum, rest, (unsigned long long)count);
            part->size += count;
            rest += count;
            left -= (size_t)count;
        }
    }
    return true;
}

static bool is_right(CachePart *part)
{
    uint8_t sum[crypto_hash_sha256_BYTES];
    char text[HASH_LETTERS + 1];
    crypto_hash_sha256_final(&part->sum, sum);
    sodium_bin2hex(text, sizeof text, sum, sizeof sum);
    return g_str_equal(text, part->hash);
}

static bool sync_folder(const Cache *cache)
{
    int fd = open(cache->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_synced;
}

static bool name_file(CachePart *part, GError **error)
{
    g_autofree char *path = g_build_filename(part->cache->folder, part->hash, NULL);
    if (fsync(part->fd) != 0 || g_rename(part->path, path) != 0 || !sync_folder(part->cache)) {
        return fail(error, "keep", path);
    }
    g_mutex_lock(&part->cache->mutex);
    add_file(part->cache, part->hash, part->size, g_get_real_time());
    g_mutex_unlock(&part->cache->mutex);
    return true;
}

bool cache_finish(CachePart *part, GError **error)
{
    bool is_kept = false;
    if (!is_right(part)) {
        (void)g_unlink(part->path);
        g_set_error(error, CACHE_ERROR, CACHE_ERROR_HASH, "what came is not %s", part->hash);
    } else {
        is_kept = name_file(part, error);
    }
    part_free(part);
    return is_kept;
}

void cache_pause(CachePart *part)
{
    if (part != NULL) {
        part_free(part);
    }
}
