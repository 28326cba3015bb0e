/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Files kept by the hash of their content. A file is on disk, under its final name and its folder
 * synced, before the row that speaks of it; what a crash leaves between is a file that nobody
 * mentions, and adding it again heals that. */
#include "core/kept.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHA256_DIGITS 64
#define COPY_BYTES    (256 * 1024)

struct Kept {
    Store *store;
    Jobs *jobs;
    int folder;        /* <data>/media */
    GHashTable *types; /* sha256 to content type, of what was asked for */
    int references;    /* the owner's, and one for each file on its way or removed */
    int arrivals;      /* files on their way */
    bool is_closed;
};

/* One file on its way in. */
typedef struct {
    Kept *kept;
    char *path, *content_type;
    void (*done)(const char *sha256, int64_t size, const GError *error, void *data);
    void *data;
    int folder; /* of the Kept, for the thread */
    char sha256[SHA256_DIGITS + 1];
    int64_t size;
    GError *error;
} Arrival;

bool kept_migrate(Store *store, GError **error)
{
    static const char *const migrations[] = {
        "CREATE TABLE kept (sha256 TEXT PRIMARY KEY, content_type TEXT NOT NULL,"
        " size BIGINT NOT NULL, created_at BIGINT NOT NULL)",
        NULL,
    };
    return store_migrate(store, "kept", migrations, error);
}

static bool set_failure(GError **error, const char *doing, const char *path)
{
    int failure = errno;
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(failure), "%s '%s': %s", doing,
                path, g_strerror(failure));
    return false;
}

Kept *kept_new(Store *store, Jobs *jobs, const char *data_folder, GError **error)
{
    g_autofree char *path = g_build_filename(data_folder, "media", NULL);
    if (g_mkdir_with_parents(path, 0700) != 0) {
        set_failure(error, "could not make", path);
        return NULL;
    }
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        set_failure(error, "could not open", path);
        return NULL;
    }
    Kept *kept = g_new0(Kept, 1);
    *kept = (Kept){
        .store = store,
        .jobs = jobs,
        .folder = folder,
        .types = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        .references = 1,
    };
    return kept;
}

static void release(Kept *kept)
{
    if (--kept->references == 0) {
        close(kept->folder);
        g_hash_table_unref(kept->types);
        g_free(kept);
    }
}

void kept_free(Kept *kept)
{
    if (kept != NULL) {
        kept->is_closed = true;
        release(kept);
    }
}

/* --- In the thread -----------------------------------------------------------------------------
 */

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = write(fd, bytes, size);
        if (count < 0 && errno != EINTR) {
            return false;
        }
        if (count > 0) {
            bytes += count;
            size -= (size_t)count;
        }
    }
    return true;
}

/* Reads from to its end; into copy too, unless that is -1. */
static bool hash_file(Arrival *arrival, int from, int copy)
{
    g_autofree uint8_t *bytes = g_malloc(COPY_BYTES);
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    arrival->size = 0;
    for (;;) {
        ssize_t count = read(from, bytes, COPY_BYTES);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return set_failure(&arrival->error, "could not read", arrival->path);
        }
        if (count == 0) {
            break;
        }
        crypto_hash_sha256_update(&state, bytes, (size_t)count);
        arrival->size += count;
        if (copy >= 0 && !write_all(copy, bytes, (size_t)count)) {
            return set_failure(&arrival->error, "could not copy", arrival->path);
        }
    }
    uint8_t hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(arrival->sha256, sizeof arrival->sha256, hash, sizeof hash);
    return true;
}

/* The folder of a hash, made and synced into its parent when it is new; -1 on failure. */
static int open_part(const Arrival *arrival)
{
    char name[3] = {arrival->sha256[0], arrival->sha256[1], '\0'};
    if (mkdirat(arrival->folder, name, 0700) == 0) {
        if (fsync(arrival->folder) != 0) {
            return -1;
        }
    } else if (errno != EEXIST) {
        return -1;
    }
    return openat(arrival->folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Gives the synced file its final name. */
static bool settle(Arrival *arrival, int folder, const char *name)
{
    int part = open_part(arrival);
    bool ok = part >= 0 && renameat(folder, name, part, arrival->sha256) == 0 && fsync(part) == 0;
    if (!ok) {
        set_failure(&arrival->error, "could not keep", arrival->path);
    }
    if (part >= 0) {
        close(part);
    }
    return ok;
}

/* Another file system: the hash is made while copying beside the final place. */
static bool copy_in(Arrival *arrival, int from)
{
    g_autofree char *name = g_strdup_printf("new-%08x%08x", g_random_int(), g_random_int());
    int copy = openat(arrival->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (copy < 0) {
        return set_failure(&arrival->error, "could not copy", arrival->path);
    }
    bool ok = lseek(from, 0, SEEK_SET) == 0 && hash_file(arrival, from, copy);
    if (ok && fsync(copy) != 0) {
        ok = set_failure(&arrival->error, "could not sync", arrival->path);
    }
    close(copy);
    ok = ok && settle(arrival, arrival->folder, name);
    if (!ok) {
        (void)unlinkat(arrival->folder, name, 0);
    } else {
        (void)unlink(arrival->path);
    }
    return ok;
}

static bool take_in(Arrival *arrival, int from)
{
    struct stat file, folder;
    if (fstat(from, &file) != 0 || fstat(arrival->folder, &folder) != 0) {
        return set_failure(&arrival->error, "could not read", arrival->path);
    }
    if (!S_ISREG(file.st_mode)) {
        g_set_error(&arrival->error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "'%s' is not a file",
                    arrival->path);
        return false;
    }
    if (file.st_dev != folder.st_dev) {
        return copy_in(arrival, from);
    }
    if (!hash_file(arrival, from, -1)) {
        return false;
    }
    if (fchmod(from, 0600) != 0 || fsync(from) != 0) {
        return set_failure(&arrival->error, "could not sync", arrival->path);
    }
    return settle(arrival, AT_FDCWD, arrival->path);
}

static void arrive(void *data)
{
    Arrival *arrival = data;
    int from = open(arrival->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0) {
        set_failure(&arrival->error, "could not open", arrival->path);
        return;
    }
    (void)take_in(arrival, from);
    close(from);
}

char *kept_place(const char *data_folder, const char *sha256)
{
    char part[3] = {sha256[0], sha256[1], '\0'};
    return g_build_filename(data_folder, "media", part, sha256, NULL);
}

/* --- On the loop -------------------------------------------------------------------------------
 */

static void arrival_free(void *data)
{
    Arrival *arrival = data;
    arrival->kept->arrivals--;
    release(arrival->kept);
    g_free(arrival->path);
    g_free(arrival->content_type);
    g_clear_error(&arrival->error);
    g_free(arrival);
}

static bool record(Store *store, void *data)
{
    Arrival *arrival = data;
    if (arrival->error == NULL) {
        /* The same content again keeps its first type. */
        json_t *rows = store_query(store, &arrival->error,
                                   "INSERT INTO kept (sha256, content_type, size, created_at) "
                                   "VALUES ($1, $2, $3, $4) ON CONFLICT (sha256) DO NOTHING",
                                   "ssii", arrival->sha256, arrival->content_type, arrival->size,
                                   (int64_t)g_get_real_time());
        json_decref(rows);
    }
    bool ok = arrival->error == NULL;
    arrival->done(ok ? arrival->sha256 : NULL, ok ? arrival->size : 0, arrival->error,
                  arrival->data);
    return true;
}

static void on_recorded(Store *store, bool is_kept, const GError *error, void *data)
{
    if (error != NULL) {
        g_warning("could not record kept file '%s': %s, it stays unknown",
                  ((Arrival *)data)->sha256, error->message);
    }
    arrival_free(data);
}

static void on_arrived(void *data)
{
    Arrival *arrival = *(Arrival **)data;
    if (!arrival->kept->is_closed) {
        *(Arrival **)data = NULL; /* the store's now */
        store_write(arrival->kept->store, record, on_recorded, arrival);
    }
}

static void arrive_box(void *data)
{
    arrive(*(Arrival **)data);
}

static void box_free(void *data)
{
    if (*(Arrival **)data != NULL) {
        arrival_free(*(Arrival **)data);
    }
    g_free(data);
}

void kept_add(Kept *kept, const char *path, const char *content_type,
              void (*done)(const char *sha256, int64_t size, const GError *error, void *data),
              void *data)
{
    Arrival *arrival = g_new0(Arrival, 1);
    *arrival = (Arrival){
        .kept = kept,
        .path = g_strdup(path),
        .content_type = g_strdup(content_type),
        .done = done,
        .data = data,
        .folder = kept->folder,
    };
    kept->references++;
    kept->arrivals++;
    /* jobs_run() frees its data at the end, but the store still needs the arrival then. */
    Arrival **box = g_new(Arrival *, 1);
    *box = arrival;
    jobs_run(kept->jobs, arrive_box, on_arrived, box, box_free);
}

/* --- Forgetting --------------------------------------------------------------------------------
 */

typedef struct {
    Kept *kept;
    char sha256[SHA256_DIGITS + 1];
} Removal;

/* The row is gone from disk. A file that arrives meanwhile may be the same one, already renamed to
 * this place but not yet recorded: then it stays, and the worst is a file that nobody mentions. */
static void unlink_removed(void *data)
{
    const Removal *removal = data;
    Kept *kept = removal->kept;
    if (kept->is_closed || kept->arrivals > 0) {
        return;
    }
    g_hash_table_remove(kept->types, removal->sha256);
    char place[SHA256_DIGITS + 4];
    g_snprintf(place, sizeof place, "%.2s/%s", removal->sha256, removal->sha256);
    if (unlinkat(kept->folder, place, 0) != 0 && errno != ENOENT) {
        g_warning("could not remove file '%s': %s, it stays and nobody mentions it",
                  removal->sha256, g_strerror(errno));
    }
}

static void removal_free(void *data)
{
    release(((Removal *)data)->kept);
    g_free(data);
}

bool kept_remove(Kept *kept, const char *sha256, GError **error)
{
    json_t *rows =
        store_query(kept->store, error, "DELETE FROM kept WHERE sha256 = $1", "s", sha256);
    if (rows == NULL) {
        return false;
    }
    json_decref(rows);
    Removal *removal = g_new0(Removal, 1);
    removal->kept = kept;
    g_strlcpy(removal->sha256, sha256, sizeof removal->sha256);
    kept->references++;
    store_after_commit(kept->store, unlink_removed, removal, removal_free);
    return true;
}

/* --- Serving -----------------------------------------------------------------------------------
 */

/* The hash in "/media/<sha256>[.ext]"; false when the path is none. */
static bool read_hash(const char *path, char ret_sha256[SHA256_DIGITS + 1])
{
    if (!g_str_has_prefix(path, "/media/")) {
        return false;
    }
    const char *name = path + strlen("/media/");
    if (strspn(name, "0123456789abcdef") != SHA256_DIGITS) {
        return false;
    }
    const char *rest = name + SHA256_DIGITS;
    if (*rest != '\0' && (*rest != '.' || strchr(rest, '/') != NULL)) {
        return false;
    }
    g_strlcpy(ret_sha256, name, SHA256_DIGITS + 1);
    return true;
}

/* NULL when there is no such file, or when the store cannot say: error set. */
static const char *find_type(Kept *kept, const char *sha256, GError **error)
{
    const char *known = g_hash_table_lookup(kept->types, sha256);
    if (known != NULL) {
        return known;
    }
    json_t *rows = store_query(kept->store, error,
                               "SELECT content_type FROM kept WHERE sha256 = $1", "s", sha256);
    const char *type = json_string_value(json_object_get(json_array_get(rows, 0), "content_type"));
    if (type != NULL) {
        g_hash_table_insert(kept->types, g_strdup(sha256), g_strdup(type));
    }
    json_decref(rows);
    return g_hash_table_lookup(kept->types, sha256);
}

int64_t kept_size(Kept *kept, const char *sha256)
{
    json_t *rows =
        store_query(kept->store, NULL, "SELECT size FROM kept WHERE sha256 = $1", "s", sha256);
    const json_t *size = json_object_get(json_array_get(rows, 0), "size");
    int64_t bytes = json_is_integer(size) ? json_integer_value(size) : -1;
    json_decref(rows);
    return bytes;
}

static void send_file(Kept *kept, HttpRequest *request, const char *sha256, const char *type)
{
    char place[SHA256_DIGITS + 4];
    g_snprintf(place, sizeof place, "%.2s/%s", sha256, sha256);
    int fd = openat(kept->folder, place, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        http_reply_error(request, 404, "media.missing", "the file is not here any more");
        return;
    }
    /* A file that came from outside is shown or played, never run. */
    HttpHeader headers[] = {
        {"Content-Type", type},
        {"Cache-Control", "public, max-age=31536000, immutable"},
        {"Content-Security-Policy", "default-src 'none'; sandbox"},
    };
    http_reply_file(request, fd, sha256, headers, G_N_ELEMENTS(headers));
}

void kept_handle(Kept *kept, HttpRequest *request)
{
    const char *method = http_method(request);
    char sha256[SHA256_DIGITS + 1];
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        HttpHeader allow = {"Allow", "GET, HEAD"};
        http_reply(request, 405, &allow, 1, NULL);
        return;
    }
    if (!read_hash(http_path(request), sha256)) {
        http_reply_error(request, 404, "request.path", "media have the address /media/<sha256>");
        return;
    }
    g_autoptr(GError) error = NULL;
    const char *type = find_type(kept, sha256, &error);
    if (error != NULL) {
        g_warning("could not look for file '%s': %s, answering 503", sha256, error->message);
        http_reply_error(request, 503, "server.later", "the store cannot be read just now");
    } else if (type == NULL) {
        http_reply_error(request, 404, "media.unknown", "there is no such file");
    } else {
        send_file(kept, request, sha256, type);
    }
}
