/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * For tests: a plain blocking HTTP client that asks from a thread, while the server under test runs
 * on the main thread's loop. */
#pragma once
#include "core/web.h"
#include <arpa/inet.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

typedef struct Asking Asking;
struct Asking {
    uv_loop_t loop;
    Web *web;
    int port;
    void *context; /* the test's own */
    uv_async_t signal;
    GMutex mutex;
    GCond changed;
    void (*errand)(Asking *asking); /* to be run on the main thread */
    bool has_left;
    void (*script)(Asking *asking);
};

typedef struct {
    int status;
    GHashTable *headers; /* names in lower case */
    char *body;
} Answer;

static inline void answer_free(Answer *answer)
{
    g_hash_table_unref(answer->headers);
    g_free(answer->body);
    g_free(answer);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Answer, answer_free)

static inline int asking_connect(Asking *asking)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)asking->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    struct timeval patience = {.tv_sec = 20};
    g_assert_cmpint(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), ==, 0);
    return fd;
}

static inline void asking_send(int fd, const void *bytes, size_t size)
{
    for (size_t sent = 0; sent < size;) {
        ssize_t count = send(fd, (const char *)bytes + sent, size - sent, MSG_NOSIGNAL);
        if (count <= 0)
            return; /* the answer tells why */
        sent += (size_t)count;
    }
}

/* headers: whole lines, each ended by \r\n. Content-Length is body_size, unless -1: then the caller
 * writes it. */
static inline void asking_head(Asking *asking, int fd, const char *method, const char *path,
                               const char *headers, int64_t body_size)
{
    g_autoptr(GString) head = g_string_new(NULL);
    g_string_printf(head, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s", method, path, asking->port,
                    headers);
    if (body_size >= 0 && (body_size > 0 || strcmp(method, "GET") != 0))
        g_string_append_printf(head, "Content-Length: %" G_GINT64_FORMAT "\r\n", body_size);
    g_string_append(head, "\r\n");
    asking_send(fd, head->str, head->len);
}

/* Reads one answer; status 0 when the server closed without one. */
static inline Answer *asking_read(int fd, bool has_no_body)
{
    Answer *answer = g_new0(Answer, 1);
    answer->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GString) text = g_string_new(NULL);
    const char *end = NULL;
    while ((end = strstr(text->str, "\r\n\r\n")) == NULL) {
        char byte;
        if (recv(fd, &byte, 1, 0) != 1)
            return answer;
        g_string_append_c(text, byte);
    }
    g_auto(GStrv) lines = g_strsplit(text->str, "\r\n", -1);
    answer->status = atoi(lines[0] + strlen("HTTP/1.1 "));
    for (char **line = lines + 1; *line != NULL; line++) {
        char *colon = strchr(*line, ':');
        if (colon != NULL)
            g_hash_table_replace(answer->headers, g_ascii_strdown(*line, colon - *line),
                                 g_strdup(g_strstrip(colon + 1)));
    }
    const char *length = g_hash_table_lookup(answer->headers, "content-length");
    size_t size = length != NULL && !has_no_body ? strtoul(length, NULL, 10) : 0;
    answer->body = g_malloc0(size + 1);
    for (size_t got = 0; got < size;) {
        ssize_t count = recv(fd, answer->body + got, size - got, 0);
        if (count <= 0)
            break;
        got += (size_t)count;
    }
    return answer;
}

static inline Answer *ask(Asking *asking, const char *method, const char *path, const char *headers,
                          const void *body, size_t size)
{
    int fd = asking_connect(asking);
    asking_head(asking, fd, method, path, headers, (int64_t)size);
    asking_send(fd, body, size);
    Answer *answer = asking_read(fd, strcmp(method, "HEAD") == 0);
    close(fd);
    return answer;
}

static inline const char *answer_header(const Answer *answer, const char *name)
{
    return g_hash_table_lookup(answer->headers, name);
}

/* From the script: runs errand on the main thread and waits for it. */
static inline void asking_errand(Asking *asking, void (*errand)(Asking *asking))
{
    g_mutex_lock(&asking->mutex);
    asking->errand = errand;
    uv_async_send(&asking->signal);
    while (asking->errand != NULL)
        g_cond_wait(&asking->changed, &asking->mutex);
    g_mutex_unlock(&asking->mutex);
}

static inline void asking_on_signal(uv_async_t *signal)
{
    Asking *asking = signal->data;
    g_mutex_lock(&asking->mutex);
    if (asking->errand != NULL) {
        asking->errand(asking);
        asking->errand = NULL;
        g_cond_broadcast(&asking->changed);
    }
    if (asking->has_left)
        uv_stop(&asking->loop);
    g_mutex_unlock(&asking->mutex);
}

static inline void *asking_thread(void *data)
{
    Asking *asking = data;
    asking->script(asking);
    g_mutex_lock(&asking->mutex);
    asking->has_left = true;
    uv_async_send(&asking->signal);
    g_mutex_unlock(&asking->mutex);
    return NULL;
}

static inline void asking_init(Asking *asking, void *context)
{
    *asking = (Asking){.context = context};
    g_assert_cmpint(uv_loop_init(&asking->loop), ==, 0);
    g_mutex_init(&asking->mutex);
    g_cond_init(&asking->changed);
    g_assert_cmpint(uv_async_init(&asking->loop, &asking->signal, asking_on_signal), ==, 0);
    asking->signal.data = asking;
}

static inline void asking_listen(Asking *asking)
{
    g_autoptr(GError) error = NULL;
    asking->web =
        web_new(&asking->loop,
                &(WebOptions){.address = "127.0.0.1", .trusted_proxies = "127.0.0.1"}, &error);
    g_assert_no_error(error);
    asking->port = web_port(asking->web);
}

/* Runs script in a thread and the loop until it has returned. */
static inline void asking_run(Asking *asking, void (*script)(Asking *asking))
{
    asking->script = script;
    asking->has_left = false;
    GThread *thread = g_thread_new("asking", asking_thread, asking);
    uv_run(&asking->loop, UV_RUN_DEFAULT);
    g_thread_join(thread);
}

static inline void asking_on_web_closed(void *data)
{
    *(bool *)data = true;
}

static inline void asking_close_web(Asking *asking)
{
    bool is_closed = false;
    web_close(asking->web, asking_on_web_closed, &is_closed);
    while (!is_closed)
        uv_run(&asking->loop, UV_RUN_ONCE);
}

/* After everything else was freed or closed: lets the loop finish and checks that nothing is left.
 */
static inline void asking_clear(Asking *asking)
{
    uv_close((uv_handle_t *)&asking->signal, NULL);
    uv_run(&asking->loop, UV_RUN_DEFAULT);
    g_assert_cmpint(uv_loop_close(&asking->loop), ==, 0);
    g_mutex_clear(&asking->mutex);
    g_cond_clear(&asking->changed);
}
