/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Tests of uploads: tus over a real socket. Its MUSTs one by one: tests/tus/protocol-test.mjs. */
#include "core/access_private.h"
#include "core/limits.h"
#include "core/password.h"
#include "core/plugin.h"
#include "core/test_asking.h"
#include "core/uploads_private.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define MIB      ((int64_t)1024 * 1024)
#define MAX_SIZE (24 * MIB)
#define TUS      "Tus-Resumable: 1.0.0\r\n"
#define OCTETS   "Content-Type: application/offset+octet-stream\r\n"

static void remove_all(const char *path)
{
    const char *argv[] = {"rm", "-rf", path, NULL};
    int status = -1;
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, &status, NULL));
    g_assert_cmpint(status, ==, 0);
}

typedef struct {
    char *folder;
    Store *store;
    Access *access;
    Jobs *jobs;
    Uploads *uploads;
    char *rina, *budi, *siti; /* header lines: two editors, one counter */
    int64_t reserve_bytes, quota_bytes, quota_total_bytes;
    int completed;
    int refusals; /* how often the upload is still not taken */
    char *id, *filename, *user, *note, *file;
    int64_t size;
    char *wanted_id;  /* for errands */
    int64_t received; /* what an errand found */
    bool is_idle;
} Fixture;

static bool on_complete(const void *data, void *user_data, GError **error)
{
    Fixture *fixture = user_data;
    const SerambiUploaded *uploaded = data;
    g_assert_true(store_is_writing(fixture->store));
    if (fixture->refusals > 0) {
        fixture->refusals--;
        g_set_error_literal(error, STORE_ERROR, STORE_ERROR_SQL, "not today");
        return false;
    }
    fixture->completed++;
    g_free(fixture->id);
    g_free(fixture->filename);
    g_free(fixture->user);
    g_free(fixture->note);
    g_free(fixture->file);
    fixture->id = g_strdup(uploaded->id);
    fixture->filename = g_strdup(uploaded->filename);
    fixture->user = g_strdup(uploaded->user);
    fixture->note = g_strdup(json_string_value(json_object_get(uploaded->metadata, "note")));
    fixture->size = uploaded->size;
    fixture->file = g_strdup(uploaded->path);
    g_assert_true(g_str_has_prefix(uploaded->path, uploaded->folder));
    return true;
}

static void start_uploads(Asking *asking)
{
    Fixture *fixture = asking->context;
    g_autoptr(GError) error = NULL;
    fixture->uploads =
        uploads_new(fixture->store, fixture->access, fixture->jobs, &asking->loop,
                    &(UploadsOptions){.data_folder = fixture->folder,
                                      .reserve_bytes = fixture->reserve_bytes,
                                      .quota_bytes = fixture->quota_bytes,
                                      .quota_total_bytes = fixture->quota_total_bytes},
                    &error);
    g_assert_no_error(error);
    uploads_add_kind(fixture->uploads, &(UploadKind){.kind = "tutorials:video",
                                                     .roles = SERAMBI_EDITOR,
                                                     .max_bytes = MAX_SIZE,
                                                     .on_complete = on_complete,
                                                     .data = fixture});
    uploads_resume(fixture->uploads);
}

static void restart_uploads(Asking *asking)
{
    uploads_free(((Fixture *)asking->context)->uploads);
    start_uploads(asking);
}

static void handle(HttpRequest *request, void *data)
{
    uploads_handle(((Fixture *)data)->uploads, request);
}

static char *token_line(Store *store, const char *name, uint32_t role)
{
    g_autofree char *token = NULL;
    g_assert_true(access_token_add(store, name, role, &token, NULL));
    return g_strdup_printf(TUS "Authorization: Bearer %s\r\n", token);
}

static void prepare(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    fixture->folder = g_dir_make_tmp("serambi-uploads-XXXXXX", &error);
    Store *store = store_open(fixture->folder, false, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(access_migrate(store, &error) && uploads_migrate(store, &error));
    fixture->rina = token_line(store, "rina", SERAMBI_EDITOR);
    fixture->budi = token_line(store, "budi", SERAMBI_EDITOR);
    fixture->siti = token_line(store, "siti", SERAMBI_COUNTER);
    store_close(store);
}

static void on_jobs_closed(void *data)
{
    ((Fixture *)data)->jobs = NULL;
}

static void run(Fixture *fixture, void (*script)(Asking *asking))
{
    g_autoptr(GError) error = NULL;
    Asking asking;
    prepare(fixture);
    asking_init(&asking, fixture);
    fixture->store = store_open(fixture->folder, true, &asking.loop, &error);
    g_assert_no_error(error);
    fixture->access = access_new(fixture->store, &asking.loop,
                                 &(AccessOptions){.allow_insecure_login = true}, &error);
    fixture->jobs = jobs_new(&asking.loop, &(JobsOptions){.worker = "true", .parallel = 1});
    start_uploads(&asking);
    asking_listen(&asking);
    web_route(asking.web, "/uploads", handle, fixture);
    asking_run(&asking, script);
    asking_close_web(&asking);
    uploads_free(fixture->uploads);
    if (fixture->jobs != NULL)
        jobs_close(fixture->jobs, on_jobs_closed, fixture);
    while (fixture->jobs != NULL)
        uv_run(&asking.loop, UV_RUN_ONCE);
    store_close(fixture->store);
    access_free(fixture->access);
    asking_clear(&asking);
    remove_all(fixture->folder);
    g_free(fixture->folder);
    g_free(fixture->rina);
    g_free(fixture->budi);
    g_free(fixture->siti);
    g_free(fixture->id);
    g_free(fixture->filename);
    g_free(fixture->user);
    g_free(fixture->note);
    g_free(fixture->file);
}

static void assert_status(Answer *answer, int status, const char *code)
{
    if (answer->status != status)
        g_test_message("%d %s", answer->status, answer->body);
    g_assert_cmpint(answer->status, ==, status);
    g_assert_cmpstr(answer_header(answer, "tus-resumable"), ==, "1.0.0");
    if (code != NULL)
        g_assert_nonnull(strstr(answer->body, code));
    answer_free(answer);
}

static Answer *create(Asking *asking, const char *who, const char *headers)
{
    g_autofree char *all = g_strconcat(who, headers, NULL);
    return ask(asking, "POST", "/uploads/", all, "", 0);
}

/* The path of a new upload. */
static char *created(Asking *asking, const char *who, int64_t length)
{
    g_autofree char *header =
        length < 0 ? g_strdup("Upload-Defer-Length: 1\r\n")
                   : g_strdup_printf("Upload-Length: %" G_GINT64_FORMAT "\r\n", length);
    g_autoptr(Answer) answer = create(asking, who, header);
    g_assert_cmpint(answer->status, ==, 201);
    const char *location = answer_header(answer, "location");
    g_assert_true(g_regex_match_simple("^/uploads/[A-Za-z0-9_-]{22}$", location, 0, 0));
    return g_strdup(location);
}

static char *patch_headers(const char *who, int64_t offset, const char *more)
{
    return g_strdup_printf("%s" OCTETS "Upload-Offset: %" G_GINT64_FORMAT "\r\n%s", who, offset,
                           more);
}

static Answer *patch(Asking *asking, const char *who, const char *path, int64_t offset,
                     const void *bytes, int64_t size, const char *more)
{
    g_autofree char *headers = patch_headers(who, offset, more);
    return ask(asking, "PATCH", path, headers, bytes, (size_t)size);
}

/* Opens a PATCH of size bytes, but sends only some of them. */
static int patch_partly(Asking *asking, const char *who, const char *path, int64_t offset,
                        const void *bytes, int64_t size, int64_t sent)
{
    g_autofree char *headers = patch_headers(who, offset, "");
    int fd = asking_connect(asking);
    asking_head(asking, fd, "PATCH", path, headers, size);
    asking_send(fd, bytes, (size_t)sent);
    return fd;
}

static int64_t offset_of(Asking *asking, const char *who, const char *path)
{
    g_autoptr(Answer) answer = ask(asking, "HEAD", path, who, "", 0);
    g_assert_cmpint(answer->status, ==, 200);
    g_assert_cmpstr(answer_header(answer, "cache-control"), ==, "no-store");
    int64_t offset = -1;
    g_assert_true(tus_parse_count(answer_header(answer, "upload-offset"), &offset));
    return offset;
}

static uint8_t *noise(int64_t size)
{
    uint8_t *bytes = g_malloc((size_t)size);
    randombytes_buf(bytes, (size_t)size);
    return bytes;
}

static void assert_complete(Fixture *fixture, int count, const uint8_t *bytes, int64_t size)
{
    g_autofree char *found = NULL;
    gsize length = 0;
    g_assert_cmpint(fixture->completed, ==, count);
    g_assert_cmpint(fixture->size, ==, size);
    g_assert_true(g_file_get_contents(fixture->file, &found, &length, NULL));
    g_assert_cmpmem(found, length, bytes, size);
}

static void script_whole(Asking *asking)
{
    Fixture *fixture = asking->context;
    int64_t size = 3 * MIB + 17, half = MIB + 5;
    g_autofree uint8_t *bytes = noise(size);
    g_autoptr(Answer) answer =
        create(asking, fixture->rina,
               "Upload-Length: 3145745\r\n"
               "Upload-Metadata: kind dHV0b3JpYWxzOnZpZGVv,filename Li4vYS5tcDQ=,note aGFp\r\n");
    g_assert_cmpint(answer->status, ==, 201);
    g_assert_nonnull(answer_header(answer, "upload-expires"));
    const char *path = answer_header(answer, "location");
    g_autoptr(Answer) head = ask(asking, "HEAD", path, fixture->rina, "", 0);
    g_assert_cmpstr(answer_header(head, "upload-length"), ==, "3145745");
    g_assert_cmpstr(answer_header(head, "upload-offset"), ==, "0");
    g_assert_cmpstr(answer_header(head, "upload-metadata"), ==,
                    "kind dHV0b3JpYWxzOnZpZGVv,filename Li4vYS5tcDQ=,note aGFp");
    g_autoptr(Answer) first = patch(asking, fixture->rina, path, 0, bytes, half, "");
    g_assert_cmpint(first->status, ==, 204);
    g_assert_cmpint(atoi(answer_header(first, "upload-offset")), ==, half);
    g_assert_nonnull(answer_header(first, "upload-expires"));
    g_assert_cmpint(offset_of(asking, fixture->rina, path), ==, half);
    g_assert_cmpint(fixture->completed, ==, 0);
    g_autoptr(Answer) second =
        patch(asking, fixture->rina, path, half, bytes + half, size - half, "");
    g_assert_cmpint(second->status, ==, 204);
    g_assert_cmpint(atoi(answer_header(second, "upload-offset")), ==, size);
    assert_complete(fixture, 1, bytes, size);
    g_assert_cmpstr(fixture->filename, ==, "../a.mp4"); /* text, never a path */
    g_assert_cmpstr(fixture->user, ==, "rina");
    g_assert_cmpstr(fixture->note, ==, "hai");
    g_assert_cmpstr(fixture->id, ==, path + strlen("/uploads/"));
    /* Who missed the last answer can still learn that all is there. */
    g_assert_cmpint(offset_of(asking, fixture->rina, path), ==, size);
    assert_status(patch(asking, fixture->rina, path, size, "", 0, ""), 409, "upload.offset");
    assert_status(ask(asking, "DELETE", path, fixture->rina, "", 0), 204, NULL);
    assert_status(ask(asking, "HEAD", path, fixture->rina, "", 0), 410, NULL);
    g_assert_true(g_file_test(fixture->file, G_FILE_TEST_EXISTS)); /* it is the plugin's now */
}

static void test_whole(void)
{
    run(&(Fixture){0}, script_whole);
}

static void script_cut(Asking *asking)
{
    Fixture *fixture = asking->context;
    int64_t size = 2 * MIB, at = 0;
    g_autofree uint8_t *bytes = noise(size);
    g_autofree char *path = created(asking, fixture->rina, size);
    /* Cut at odd places; each time all that the server has read is kept. */
    for (int64_t sent = 1; at + sent < size; sent = sent * 7 + 1000) {
        int fd = patch_partly(asking, fixture->rina, path, at, bytes + at, size - at, sent);
        g_assert_cmpint(shutdown(fd, SHUT_WR), ==, 0);
        g_autoptr(Answer) nothing = asking_read(fd, false);
        g_assert_cmpint(nothing->status, ==, 0);
        close(fd);
        at += sent;
        g_assert_cmpint(offset_of(asking, fixture->rina, path), ==, at);
    }
    assert_status(patch(asking, fixture->rina, path, at, bytes + at, size - at, ""), 204, NULL);
    assert_complete(fixture, 1, bytes, size);
}

static void test_cut(void)
{
    run(&(Fixture){0}, script_cut);
}

static void script_stalled(Asking *asking)
{
    Fixture *fixture = asking->context;
    int64_t size = MIB;
    g_autofree uint8_t *bytes = noise(size);
    g_autofree char *path = created(asking, fixture->rina, size);
    int stalled = patch_partly(asking, fixture->rina, path, 0, bytes, size, 5000);
    int64_t begin_us = g_get_monotonic_time();
    int64_t offset = offset_of(asking, fixture->rina, path);
    g_assert_cmpint(g_get_monotonic_time() - begin_us, <, G_USEC_PER_SEC / 2);
    g_assert_cmpint(offset, <=, 5000);
    assert_status(asking_read(stalled, false), 423, "upload.taken_over");
    close(stalled);
    /* A newer PATCH, without asking before: the older one's bytes count, so its offset is wrong. */
    int64_t more = offset + 700;
    stalled = patch_partly(asking, fixture->rina, path, offset, bytes + offset, size - offset, 700);
    g_autoptr(Answer) newer =
        patch(asking, fixture->rina, path, offset, bytes + offset, size - offset, "");
    if (newer->status == 409) {
        assert_status(asking_read(stalled, false), 423, "upload.taken_over");
        g_assert_cmpint(atoi(answer_header(newer, "upload-offset")), <=, more);
        offset = offset_of(asking, fixture->rina, path);
        assert_status(patch(asking, fixture->rina, path, offset, bytes + offset, size - offset, ""),
                      204, NULL);
    } else {
        g_assert_cmpint(newer->status, ==, 204); /* it was even read first */
    }
    close(stalled);
    assert_complete(fixture, 1, bytes, size);
}

static void test_stalled(void)
{
    run(&(Fixture){0}, script_stalled);
}

static bool session_work(Store *store, void *data)
{
    g_autofree char *hash = access_hash_secret(data);
    g_assert_true(access_user_add(store, "dewi", SERAMBI_EDITOR, "kuda laut di teras", NULL, NULL));
    return access_execute(store, NULL,
                          "INSERT INTO access_session (hash, id, user_name, created_us, used_us)"
                          " VALUES ($1, 1, 'dewi', $2, $2)",
                          "si", hash, g_get_real_time());
}

#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void add_session(Asking *asking)
{
    store_write(((Fixture *)asking->context)->store, session_work, NULL, SECRET);
}

/* With a cookie, in place of a token, only our own page may write. */
static void script_cookie(Asking *asking)
{
    Fixture *fixture = asking->context;
    asking_errand(asking, add_session);
    g_free(created(asking, fixture->rina, 1)); /* its commit comes after the session's */
    g_autofree char *cookie = g_strdup(TUS "Cookie: sid=" SECRET "\r\n");
    g_autofree char *evil = g_strconcat(cookie, "Origin: http://evil.example\r\n", NULL);
    g_autofree char *own =
        g_strdup_printf("%sOrigin: http://127.0.0.1:%d\r\n", cookie, asking->port);
    assert_status(create(asking, cookie, "Upload-Length: 3\r\n"), 403, "error.origin");
    assert_status(create(asking, evil, "Upload-Length: 3\r\n"), 403, "error.origin");
    g_autofree char *path = created(asking, own, 3);
    assert_status(patch(asking, evil, path, 0, "abc", 3, ""), 403, "error.origin");
    assert_status(ask(asking, "DELETE", path, evil, "", 0), 403, "error.origin");
    g_assert_cmpint(offset_of(asking, cookie, path), ==, 0);
    assert_status(patch(asking, own, path, 0, "abc", 3, ""), 204, NULL);
    assert_complete(fixture, 1, (const uint8_t *)"abc", 3);
    g_assert_cmpstr(fixture->user, ==, "dewi");
}

static void test_cookie(void)
{
    password_set_cost(1, 8192);
    run(&(Fixture){0}, script_cookie);
}

typedef struct {
    Asking *asking;
    const char *path;
    const uint8_t *bytes;
    int64_t size;
    int finished; /* how often this client got the last 204 */
} Client;

/* Sends pieces wherever the server says, until all is there. */
static void *client_main(void *data)
{
    Client *client = data;
    Fixture *fixture = client->asking->context;
    for (int64_t at = 0; at < client->size;) {
        g_autoptr(Answer) answer = patch(client->asking, fixture->rina, client->path, at,
                                         client->bytes + at, MIN(client->size - at, 100000), "");
        g_assert_true(answer->status == 204 || answer->status == 409 || answer->status == 423);
        if (answer->status == 204) {
            at = atoi(answer_header(answer, "upload-offset"));
            client->finished += at == client->size;
        } else {
            at = offset_of(client->asking, fixture->rina, client->path);
        }
    }
    return NULL;
}

static void script_two(Asking *asking)
{
    Fixture *fixture = asking->context;
    int64_t size = 2 * MIB;
    g_autofree uint8_t *bytes = noise(size);
    g_autofree char *path = created(asking, fixture->rina, size);
    Client clients[2];
    GThread *threads[2];
    for (int i = 0; i < 2; i++) {
        clients[i] = (Client){.asking = asking, .path = path, .bytes = bytes, .size = size};
        threads[i] = g_thread_new("client", client_main, &clients[i]);
    }
    for (int i = 0; i < 2; i++)
        g_thread_join(threads[i]);
    g_assert_cmpint(clients[0].finished + clients[1].finished, ==, 1);
    assert_complete(fixture, 1, bytes, size);
}

static void test_two(void)
{
    run(&(Fixture){0}, script_two);
}

static void script_checksum(Asking *asking)
{
    Fixture *fixture = asking->context;
    const uint8_t *bytes = (const uint8_t *)"hello worldhello world";
    const char *sha1 = "Upload-Checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=\r\n";
    const char *sha256 = "Upload-Checksum: sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=\r\n";
    g_autofree char *path = created(asking, fixture->rina, 22);
    assert_status(patch(asking, fixture->rina, path, 0, "hello World", 11, sha1), 460,
                  "upload.checksum");
    g_assert_cmpint(offset_of(asking, fixture->rina, path), ==, 0);
    assert_status(
        patch(asking, fixture->rina, path, 0, bytes, 11, "Upload-Checksum: crc32 AAAAAA==\r\n"),
        400, "error.input");
    assert_status(patch(asking, fixture->rina, path, 0, bytes, 11, sha1), 204, NULL);
    /* Cut within a piece with a checksum: all of it is discarded. */
    g_autofree char *headers = patch_headers(fixture->rina, 11, sha256);
    int fd = asking_connect(asking);
    asking_head(asking, fd, "PATCH", path, headers, 11);
    asking_send(fd, bytes, 5);
    g_assert_cmpint(shutdown(fd, SHUT_WR), ==, 0);
    answer_free(asking_read(fd, false));
    close(fd);
    g_assert_cmpint(offset_of(asking, fixture->rina, path), ==, 11);
    assert_status(patch(asking, fixture->rina, path, 11, bytes, 11, sha256), 204, NULL);
    assert_complete(fixture, 1, bytes, 22);
}

static void test_checksum(void)
{
    run(&(Fixture){0}, script_checksum);
}

static void script_refused(Asking *asking)
{
    Fixture *fixture = asking->context;
    const char *rina = fixture->rina;
    g_autofree char *path = created(asking, rina, 10);
    assert_status(patch(asking, rina, path, 3, "abc", 3, ""), 409, "upload.offset");
    assert_status(patch(asking, rina, path, 0, "abcdefghijk", 11, ""), 413, "upload.too_large");
    assert_status(ask(asking, "PATCH", path, rina, "abc", 3), 415, "error.type");
    g_autofree char *no_offset = g_strconcat(rina, OCTETS, NULL);
    assert_status(ask(asking, "PATCH", path, no_offset, "abc", 3), 400, "error.input");
    g_assert_cmpint(offset_of(asking, rina, path), ==, 0);

    /* Lengths */
    static const struct {
        const char *headers;
        int status;
    } creations[] = {
        {"", 400},
        {"Upload-Length: -1\r\n", 400},
        {"Upload-Length: ten\r\n", 400},
        {"Upload-Length: 99999999999999999999\r\n", 400},
        {"Upload-Length: 9223372036854775807\r\n", 413},
        {"Upload-Length: 25165825\r\n", 413},
        {"Upload-Defer-Length: 2\r\n", 400},
        {"Upload-Defer-Length: 1\r\nUpload-Length: 1\r\n", 400},
        {"Upload-Length: 1\r\nUpload-Metadata: k YQ\r\n", 400},
        {"Upload-Length: 1\r\nUpload-Metadata: kind bm9uZQ==\r\n", 400},
        {"Upload-Length: 1\r\nUpload-Concat: partially\r\n", 400},
        {"Upload-Length: 1\r\nUpload-Concat: final;/uploads/AAAAAAAAAAAAAAAAAAAAAA\r\n", 400},
        {"Upload-Concat: final;/uploads/AAAAAAAAAAAAAAAAAAAAAA\r\n", 404},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(creations); i++)
        assert_status(create(asking, rina, creations[i].headers), creations[i].status, NULL);
    g_autoptr(Answer) large = create(asking, rina, "Upload-Length: 25165825\r\n");
    g_assert_cmpstr(answer_header(large, "tus-max-size"), ==, "25165824");
    g_autofree char *long_text = g_strnfill(LIMIT_UPLOAD_METADATA, 'A');
    g_autofree char *metadata =
        g_strdup_printf("Upload-Length: 1\r\nUpload-Metadata: k %s\r\n", long_text);
    assert_status(create(asking, rina, metadata), 400, "error.input");

    /* People */
    assert_status(create(asking, TUS, "Upload-Length: 1\r\n"), 401, "error.unauthorized");
    assert_status(create(asking, TUS "Authorization: Bearer serambi_x\r\n", "Upload-Length: 1\r\n"),
                  401, "error.unauthorized");
    assert_status(create(asking, fixture->siti, "Upload-Length: 1\r\n"), 403, "error.forbidden");
    static const char *const methods[] = {"HEAD", "DELETE"};
    for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
        assert_status(ask(asking, methods[i], path, fixture->budi, "", 0), 404, NULL);
        assert_status(ask(asking, methods[i], path, TUS, "", 0), 401, NULL);
        assert_status(ask(asking, methods[i], "/uploads/AAAAAAAAAAAAAAAAAAAAAA", rina, "", 0), 404,
                      NULL);
        assert_status(ask(asking, methods[i], "/uploads/AAAAAAAAAA.AAAAAAAAAAA", rina, "", 0), 404,
                      NULL);
    }
    assert_status(patch(asking, fixture->budi, path, 0, "abc", 3, ""), 404, "error.not_found");

    /* Versions and methods */
    g_autofree char *without = g_strdup(rina + strlen(TUS));
    g_autofree char *wrong = g_strconcat("Tus-Resumable: 0.2.2\r\n", without, NULL);
    g_autoptr(Answer) version = ask(asking, "HEAD", path, wrong, "", 0);
    g_assert_cmpint(version->status, ==, 412);
    g_assert_cmpstr(answer_header(version, "tus-version"), ==, "1.0.0");
    assert_status(ask(asking, "HEAD", path, without, "", 0), 412, NULL);
    assert_status(ask(asking, "PUT", path, rina, "", 0), 405, NULL);
    assert_status(ask(asking, "POST", path, rina, "", 0), 405, NULL);
    g_autoptr(Answer) options = ask(asking, "OPTIONS", "/uploads/", "", "", 0);
    g_assert_cmpint(options->status, ==, 204);
    g_assert_cmpstr(answer_header(options, "tus-version"), ==, "1.0.0");
    g_assert_cmpstr(answer_header(options, "tus-max-size"), ==, "25165824");
    g_assert_cmpstr(answer_header(options, "tus-checksum-algorithm"), ==, "sha1,sha256");
    g_assert_nonnull(strstr(answer_header(options, "tus-extension"), "termination"));
    g_assert_nonnull(strstr(answer_header(options, "tus-extension"), "concatenation"));
    g_assert_cmpint(offset_of(asking, rina, path), ==, 0);
}

static void test_refused(void)
{
    run(&(Fixture){0}, script_refused);
}

static void script_extensions(Asking *asking)
{
    Fixture *fixture = asking->context;
    const char *rina = fixture->rina;
    g_autofree uint8_t *bytes = noise(MIB);
    /* creation-with-upload, a part and the whole */
    g_autofree char *with = g_strconcat(rina, OCTETS "Upload-Length: 1048576\r\n", NULL);
    g_autoptr(Answer) part = ask(asking, "POST", "/uploads/", with, bytes, 1000);
    g_assert_cmpint(part->status, ==, 201);
    g_assert_cmpstr(answer_header(part, "upload-offset"), ==, "1000");
    const char *path = answer_header(part, "location");
    g_autofree char *override_headers =
        patch_headers(rina, 1000, "X-HTTP-Method-Override: PATCH\r\n");
    assert_status(ask(asking, "POST", path, override_headers, bytes + 1000, MIB - 1000), 204, NULL);
    assert_complete(fixture, 1, bytes, MIB);
    g_autoptr(Answer) whole = ask(asking, "POST", "/uploads/", with, bytes, MIB);
    g_assert_cmpint(whole->status, ==, 201);
    g_assert_cmpstr(answer_header(whole, "upload-offset"), ==, "1048576");
    assert_complete(fixture, 2, bytes, MIB);
    assert_status(ask(asking, "POST", "/uploads/", rina, bytes, 1000), 400, NULL);
    g_autofree char *too_little = g_strconcat(rina, OCTETS "Upload-Length: 10\r\n", NULL);
    assert_status(ask(asking, "POST", "/uploads/", too_little, bytes, 11), 413, NULL);
    g_autofree char *untyped = g_strconcat(rina, "Upload-Length: 1000\r\n", NULL);
    assert_status(ask(asking, "POST", "/uploads/", untyped, bytes, 10), 415, NULL);

    /* creation-defer-length */
    g_autofree char *later = created(asking, rina, -1);
    g_autoptr(Answer) head = ask(asking, "HEAD", later, rina, "", 0);
    g_assert_cmpstr(answer_header(head, "upload-defer-length"), ==, "1");
    g_assert_null(answer_header(head, "upload-length"));
    assert_status(patch(asking, rina, later, 0, bytes, 500, ""), 204, NULL);
    assert_status(patch(asking, rina, later, 500, bytes, 500, "Upload-Length: 499\r\n"), 400, NULL);
    assert_status(patch(asking, rina, later, 500, bytes, 500, "Upload-Length: 999\r\n"), 413, NULL);
    assert_status(patch(asking, rina, later, 500, bytes + 500, 100, "Upload-Length: 700\r\n"), 204,
                  NULL);
    assert_status(patch(asking, rina, later, 600, bytes + 600, 100, "Upload-Length: 800\r\n"), 400,
                  NULL);
    assert_status(patch(asking, rina, later, 600, bytes + 600, 100, ""), 204, NULL);
    assert_complete(fixture, 3, bytes, 700);
    /* The length comes last, with nothing else. */
    g_autofree char *last = created(asking, rina, -1);
    assert_status(patch(asking, rina, last, 0, bytes, 300, ""), 204, NULL);
    assert_status(patch(asking, rina, last, 300, "", 0, "Upload-Length: 300\r\n"), 204, NULL);
    assert_complete(fixture, 4, bytes, 300);
    /* Nothing at all is complete at once. */
    g_autofree char *empty = created(asking, rina, 0);
    assert_complete(fixture, 5, bytes, 0);
    g_assert_cmpint(offset_of(asking, rina, empty), ==, 0);
}

static void test_extensions(void)
{
    run(&(Fixture){0}, script_extensions);
}

static bool has_folder(Fixture *fixture, const char *path)
{
    g_autofree char *folder =
        g_build_filename(fixture->folder, "work", path, NULL); /* path: /uploads/<id> */
    return g_file_test(folder, G_FILE_TEST_EXISTS);
}

static void note_idle(Asking *asking)
{
    Fixture *fixture = asking->context;
    fixture->is_idle = g_queue_is_empty(&fixture->uploads->works);
}

/* What is removed in the background is removed. */
static void wait_idle(Asking *asking)
{
    Fixture *fixture = asking->context;
    do
        asking_errand(asking, note_idle);
    while (!fixture->is_idle);
}

static void script_terminated(Asking *asking)
{
    Fixture *fixture = asking->context;
    g_autofree char *path = created(asking, fixture->rina, MIB);
    g_autofree char *other = created(asking, fixture->rina, MIB);
    g_assert_true(has_folder(fixture, path));
    /* While a PATCH is on its way: it ends first. */
    int fd = patch_partly(asking, fixture->rina, path, 0, "abc", MIB, 3);
    assert_status(ask(asking, "DELETE", path, fixture->rina, "", 0), 204, NULL);
    answer_free(asking_read(fd, false));
    close(fd);
    assert_status(ask(asking, "HEAD", path, fixture->rina, "", 0), 404, NULL);
    assert_status(patch(asking, fixture->rina, path, 0, "abc", 3, ""), 404, NULL);
    assert_status(ask(asking, "DELETE", path, fixture->rina, "", 0), 404, NULL);
    wait_idle(asking);
    g_assert_false(has_folder(fixture, path));
    g_autofree char *override =
        g_strconcat(fixture->rina, "X-HTTP-Method-Override: DELETE\r\n", NULL);
    assert_status(ask(asking, "POST", other, override, "", 0), 204, NULL);
    wait_idle(asking);
    g_assert_false(has_folder(fixture, other));
}

static void test_terminated(void)
{
    run(&(Fixture){0}, script_terminated);
}

static Upload *wanted(Asking *asking)
{
    Fixture *fixture = asking->context;
    return g_hash_table_lookup(fixture->uploads->open, fixture->wanted_id);
}

static void let_expire(Asking *asking)
{
    wanted(asking)->record.expires_us = g_get_real_time() - 1;
}

static void sweep(Asking *asking)
{
    uploads_sweep(((Fixture *)asking->context)->uploads);
}

static void script_expired(Asking *asking)
{
    Fixture *fixture = asking->context;
    g_autofree char *path = created(asking, fixture->rina, 10);
    g_autofree char *young = created(asking, fixture->rina, 10);
    fixture->wanted_id = path + strlen("/uploads/");
    asking_errand(asking, let_expire);
    assert_status(ask(asking, "HEAD", path, fixture->rina, "", 0), 410, NULL);
    assert_status(patch(asking, fixture->rina, path, 0, "abc", 3, ""), 410, NULL);
    asking_errand(asking, sweep);
    assert_status(ask(asking, "HEAD", path, fixture->rina, "", 0), 404, NULL);
    wait_idle(asking);
    g_assert_false(has_folder(fixture, path));
    g_assert_true(has_folder(fixture, young));
    g_assert_cmpint(offset_of(asking, fixture->rina, young), ==, 0);
}

static void test_expired(void)
{
    run(&(Fixture){0}, script_expired);
}

static void script_restarted(Asking *asking)
{
    Fixture *fixture = asking->context;
    int64_t size = 100000;
    g_autofree uint8_t *bytes = noise(size);
    g_autofree char *path = created(asking, fixture->rina, size);
    g_autofree char *lost = created(asking, fixture->rina, size);
    assert_status(patch(asking, fixture->rina, path, 0, bytes, 60000, ""), 204, NULL);
    assert_status(patch(asking, fixture->rina, lost, 0, bytes, 60000, ""), 204, NULL);
    /* A crash may leave: bytes that the store has not heard of, fewer bytes than it believes, no
     * file, folders without a record. */
    g_autofree char *file = g_build_filename(fixture->folder, "work", path, "file", NULL);
    g_autofree char *lost_folder = g_build_filename(fixture->folder, "work", lost, NULL);
    g_autofree char *orphan =
        g_build_filename(fixture->folder, "work/uploads/AAAAAAAAAAAAAAAAAAAAAA/deep", NULL);
    g_assert_cmpint(g_mkdir_with_parents(orphan, 0700), ==, 0);
    g_assert_cmpint(truncate(file, 80000), ==, 0);
    remove_all(lost_folder);
    asking_errand(asking, restart_uploads);
    g_assert_cmpint(offset_of(asking, fixture->rina, path), ==, 60000);
    assert_status(ask(asking, "HEAD", lost, fixture->rina, "", 0), 404, NULL);
    wait_idle(asking);
    g_assert_false(g_file_test(orphan, G_FILE_TEST_EXISTS));
    g_assert_cmpint(truncate(file, 50000), ==, 0);
    asking_errand(asking, restart_uploads);
    g_assert_cmpint(offset_of(asking, fixture->rina, path), ==, 50000);
    assert_status(patch(asking, fixture->rina, path, 50000, bytes + 50000, 50000, ""), 204, NULL);
    assert_complete(fixture, 1, bytes, size);
    asking_errand(asking, restart_uploads);
    g_assert_cmpint(offset_of(asking, fixture->rina, path), ==, size); /* still known */
    g_assert_true(g_file_test(fixture->file, G_FILE_TEST_EXISTS));
}

static void test_restarted(void)
{
    run(&(Fixture){0}, script_restarted);
}

static void script_many(Asking *asking)
{
    Fixture *fixture = asking->context;
    for (int i = 0; i < LIMIT_UPLOADS_USER; i++)
        g_free(created(asking, fixture->rina, 10));
    assert_status(create(asking, fixture->rina, "Upload-Length: 10\r\n"), 429, "error.later");
    g_free(created(asking, fixture->budi, 10)); /* others still may */
}

static void test_many(void)
{
    run(&(Fixture){0}, script_many);
}

static void script_quota(Asking *asking)
{
    Fixture *fixture = asking->context;
    g_autofree char *path = created(asking, fixture->rina, 600000);
    assert_status(create(asking, fixture->rina, "Upload-Length: 600000\r\n"), 413, "upload.quota");
    g_free(created(asking, fixture->budi, 600000));
    assert_status(ask(asking, "DELETE", path, fixture->rina, "", 0), 204, NULL);
    g_autofree char *later = created(asking, fixture->rina, -1);
    g_autofree uint8_t *bytes = noise(600000);
    assert_status(patch(asking, fixture->rina, later, 0, bytes, 600000, ""), 204, NULL);
    assert_status(patch(asking, fixture->rina, later, 600000, bytes, 600000, ""), 413,
                  "upload.quota");
}

static void test_quota(void)
{
    run(&(Fixture){.quota_bytes = MIB}, script_quota);
}

static void script_quota_total(Asking *asking)
{
    Fixture *fixture = asking->context;
    g_free(created(asking, fixture->rina, 600000));
    assert_status(create(asking, fixture->budi, "Upload-Length: 600000\r\n"), 507,
                  "upload.quota_total");
    g_free(created(asking, fixture->budi, 400000));
}

static void test_quota_total(void)
{
    run(&(Fixture){.quota_total_bytes = MIB}, script_quota_total);
}

/* Put together of parts, through one that its taker does not want yet: then nothing of it stays
 * except the parts, and the same question succeeds later. */
static void script_concat(Asking *asking)
{
    Fixture *fixture = asking->context;
    g_autofree char *part = g_strconcat(fixture->rina, "Upload-Concat: partial\r\n", NULL);
    g_autofree char *first = created(asking, part, 3), *second = created(asking, part, 2);
    assert_status(patch(asking, fixture->rina, second, 0, "de", 2, ""), 204, NULL);
    g_autofree char *whole = g_strdup_printf("Upload-Concat: final;%s %s\r\n", first, second);
    assert_status(create(asking, fixture->rina, whole), 409, "upload.parts");
    assert_status(patch(asking, fixture->rina, first, 0, "abc", 3, ""), 204, NULL);
    g_assert_cmpint(fixture->completed, ==, 0); /* nobody takes parts */
    assert_status(create(asking, fixture->budi, whole), 404, "error.not_found");
    asking_errand(asking, restart_uploads);
    g_assert_cmpint(fixture->completed, ==, 0);
    fixture->refusals = 1;
    assert_status(create(asking, fixture->rina, whole), 500, "error.store");
    g_autoptr(Answer) done = create(asking, fixture->rina, whole);
    g_assert_cmpint(done->status, ==, 201);
    assert_complete(fixture, 1, (const uint8_t *)"abcde", 5);
    /* The parts are gone, by themselves. */
    g_autoptr(Answer) gone = NULL;
    do {
        g_clear_pointer(&gone, answer_free);
        gone = ask(asking, "HEAD", first, fixture->rina, "", 0);
    } while (gone->status == 200);
    g_assert_cmpint(gone->status, ==, 404);
    assert_status(patch(asking, fixture->rina, answer_header(done, "location"), 5, "", 0, ""), 403,
                  "upload.final");
}

static void test_concat(void)
{
    run(&(Fixture){0}, script_concat);
}

static void script_full(Asking *asking)
{
    Fixture *fixture = asking->context;
    assert_status(create(asking, fixture->rina, "Upload-Length: 10\r\n"), 507, "error.full");
    assert_status(create(asking, fixture->rina, "Upload-Defer-Length: 1\r\n"), 507, "error.full");
}

static void test_full(void)
{
    run(&(Fixture){.reserve_bytes = INT64_MAX / 2}, script_full);
}

/* A disk that stops taking bytes in the middle of a PATCH: what is told is what is there, and the
 * upload goes on when there is room again. */
static void script_refusing_disk(Asking *asking)
{
    Fixture *fixture = asking->context;
    int64_t size = 3 * MIB;
    g_autofree uint8_t *bytes = noise(size);
    g_autofree char *path = created(asking, fixture->rina, -1);
    struct rlimit before, small;
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    small = (struct rlimit){.rlim_cur = (rlim_t)MIB, .rlim_max = before.rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
    g_autoptr(Answer) failed = patch(asking, fixture->rina, path, 0, bytes, size, "");
    int64_t offset = offset_of(asking, fixture->rina, path);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    g_assert_true(failed->status == 500 || failed->status == 0);
    g_assert_cmpint(offset, <=, MIB);
    assert_status(patch(asking, fixture->rina, path, offset, bytes + offset, size - offset,
                        "Upload-Length: 3145728\r\n"),
                  204, NULL);
    assert_complete(fixture, 1, bytes, size);
}

static void test_refusing_disk(void)
{
    signal(SIGXFSZ, SIG_IGN);
    run(&(Fixture){0}, script_refusing_disk);
}

static void note_received(Asking *asking)
{
    Fixture *fixture = asking->context;
    const Upload *upload = wanted(asking);
    fixture->received = upload->record.received;
    if (upload->transfer != NULL)
        g_assert_cmpint(transfer_buffered(upload->transfer), <=, LIMIT_UPLOAD_BUFFER_BYTES);
    /* What is on disk by then is also in the store. */
    g_auto(UploadRecord) stored = {0};
    g_assert_true(upload_store_find(fixture->store, upload->record.id, &stored, NULL));
    g_assert_cmpint(stored.received, >=, fixture->received);
}

/* Within one long PATCH, offsets are kept on the way: a crash costs at most the last 8 MiB. */
static void script_long(Asking *asking)
{
    Fixture *fixture = asking->context;
    int64_t size = MAX_SIZE;
    g_autofree uint8_t *bytes = noise(size);
    g_autofree char *path = created(asking, fixture->rina, size);
    fixture->wanted_id = path + strlen("/uploads/");
    int fd = patch_partly(asking, fixture->rina, path, 0, bytes, size,
                          2 * LIMIT_UPLOAD_SYNC_BYTES + MIB);
    do
        asking_errand(asking, note_received);
    while (fixture->received < LIMIT_UPLOAD_SYNC_BYTES);
    int64_t sent = 2 * LIMIT_UPLOAD_SYNC_BYTES + MIB;
    asking_send(fd, bytes + sent, (size_t)(size - sent));
    assert_status(asking_read(fd, false), 204, NULL);
    close(fd);
    assert_complete(fixture, 1, bytes, size);
}

static void test_long(void)
{
    run(&(Fixture){0}, script_long);
}

static void close_jobs(Asking *asking)
{
    Fixture *fixture = asking->context;
    jobs_close(fixture->jobs, on_jobs_closed, fixture);
}

static void stop_uploads(Asking *asking)
{
    uploads_stop(((Fixture *)asking->context)->uploads);
}

/* What ends after the plugins is not lost: it is not taken, and completes after the next start. */
static void script_stopped(Asking *asking)
{
    Fixture *fixture = asking->context;
    g_autofree char *path = created(asking, fixture->rina, 6);
    int fd = patch_partly(asking, fixture->rina, path, 0, "abcdef", 6, 3);
    asking_errand(asking, stop_uploads);
    asking_send(fd, "def", 3);
    g_autoptr(Answer) answer = asking_read(fd, false);
    close(fd);
    g_assert_cmpint(answer->status, >=, 500);
    assert_status(patch(asking, fixture->rina, path, 0, "abcdef", 6, ""), 503, NULL);
    g_assert_cmpint(fixture->completed, ==, 0);
    asking_errand(asking, restart_uploads);
    int64_t at = offset_of(asking, fixture->rina, path);
    if (at < 6)
        assert_status(patch(asking, fixture->rina, path, at, &"abcdef"[at], 6 - at, ""), 204, NULL);
    assert_complete(fixture, 1, (const uint8_t *)"abcdef", 6);
}

/* All bytes came, but who should have it could not take it: nothing is lost, and nobody hears that
 * it is done. */
static void script_not_taken(Asking *asking)
{
    Fixture *fixture = asking->context;
    const uint8_t *bytes = (const uint8_t *)"abcdef";
    g_autofree char *path = created(asking, fixture->rina, 6);
    fixture->refusals = 3;
    assert_status(patch(asking, fixture->rina, path, 0, bytes, 6, ""), 500, "error.store");
    assert_status(ask(asking, "HEAD", path, fixture->rina, "", 0), 500, NULL);
    assert_status(patch(asking, fixture->rina, path, 6, bytes, 0, ""), 500, "error.store");
    g_assert_cmpint(fixture->refusals, ==, 0);
    assert_status(patch(asking, fixture->rina, path, 0, bytes, 6, ""), 409, "upload.offset");
    g_assert_cmpint(fixture->completed, ==, 0);
    g_assert_cmpint(offset_of(asking, fixture->rina, path), ==, 6); /* now it is taken */
    assert_complete(fixture, 1, bytes, 6);
    g_assert_cmpint(offset_of(asking, fixture->rina, path), ==, 6);
    g_assert_cmpint(fixture->completed, ==, 1);
}

static void test_not_taken(void)
{
    run(&(Fixture){0}, script_not_taken);
}

static void note_rest(Asking *asking)
{
    Fixture *fixture = asking->context;
    fixture->is_idle = g_queue_is_empty(&fixture->uploads->works) && store_is_idle(fixture->store);
}

static void wait_rest(Asking *asking)
{
    Fixture *fixture = asking->context;
    do
        asking_errand(asking, note_rest);
    while (!fixture->is_idle);
}

/* The same, found at the next start. */
static void script_resumed(Asking *asking)
{
    Fixture *fixture = asking->context;
    const uint8_t *bytes = (const uint8_t *)"abcdef";
    g_autofree char *path = created(asking, fixture->rina, 6);
    fixture->refusals = 2;
    assert_status(patch(asking, fixture->rina, path, 0, bytes, 6, ""), 500, "error.store");
    asking_errand(asking, restart_uploads); /* offers it once more, in vain */
    wait_rest(asking);
    g_assert_cmpint(fixture->refusals, ==, 0);
    g_assert_cmpint(fixture->completed, ==, 0);
    asking_errand(asking, restart_uploads);
    wait_rest(asking);
    assert_complete(fixture, 1, bytes, 6);
}

static void test_resumed(void)
{
    run(&(Fixture){0}, script_resumed);
}

static void test_stopped(void)
{
    run(&(Fixture){0}, script_stopped);
}

static void note_jobs(Asking *asking)
{
    Fixture *fixture = asking->context;
    fixture->is_idle = fixture->jobs == NULL;
}

/* The program ends while bytes arrive: the jobs first, then the line; an upload goes on in between,
 * and nothing is left open (the sanitizers look). */
static void script_abandoned(Asking *asking)
{
    Fixture *fixture = asking->context;
    g_autofree uint8_t *bytes = noise(MIB);
    g_autofree char *path = created(asking, fixture->rina, 2 * MIB);
    int fd = patch_partly(asking, fixture->rina, path, 0, bytes, 2 * MIB, MIB / 2);
    asking_errand(asking, close_jobs);
    do
        asking_errand(asking, note_jobs);
    while (!fixture->is_idle);
    asking_send(fd, bytes + MIB / 2, MIB / 2);
    fixture->wanted_id = path + strlen("/uploads/");
    asking_errand(asking, note_received);
    g_assert_cmpint(fixture->received, <=, MIB);
    close(fd);
}

static void test_abandoned(void)
{
    run(&(Fixture){0}, script_abandoned);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(sodium_init(), >=, 0);
    /* Warnings are part of some tests. */
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
    g_test_add_func("/uploads/whole", test_whole);
    g_test_add_func("/uploads/cut", test_cut);
    g_test_add_func("/uploads/stalled", test_stalled);
    g_test_add_func("/uploads/two", test_two);
    g_test_add_func("/uploads/checksum", test_checksum);
    g_test_add_func("/uploads/refused", test_refused);
    g_test_add_func("/uploads/cookie", test_cookie);
    g_test_add_func("/uploads/extensions", test_extensions);
    g_test_add_func("/uploads/terminated", test_terminated);
    g_test_add_func("/uploads/expired", test_expired);
    g_test_add_func("/uploads/restarted", test_restarted);
    g_test_add_func("/uploads/many", test_many);
    g_test_add_func("/uploads/quota", test_quota);
    g_test_add_func("/uploads/quota-total", test_quota_total);
    g_test_add_func("/uploads/concat", test_concat);
    g_test_add_func("/uploads/full", test_full);
    g_test_add_func("/uploads/refusing-disk", test_refusing_disk);
    g_test_add_func("/uploads/long", test_long);
    g_test_add_func("/uploads/stopped", test_stopped);
    g_test_add_func("/uploads/not-taken", test_not_taken);
    g_test_add_func("/uploads/resumed", test_resumed);
    g_test_add_func("/uploads/abandoned", test_abandoned);
    return g_test_run();
}
