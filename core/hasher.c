/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Password hashing beside the loop. */
#include "core/hasher.h"
#include "core/limits.h"
#include "core/password.h"
#include <sodium.h>
#include <string.h>

typedef struct {
    char *password, *expected, *replacement;
    void (*done)(bool matches, const char *new_hash, void *data);
    void *data;
    GDestroyNotify free_data;
    bool matches;
    char *new_hash;
} Task;

struct Hasher {
    uv_async_t *finished_signal; /* its memory goes in its close callback */
    GThread *threads[LIMIT_LOGIN_WORKERS];
    GMutex mutex; /* guards what follows */
    GCond changed;
    GQueue waiting, finished;
    bool is_stopping;
};

static void wipe(char *text)
{
    if (text != NULL)
        sodium_memzero(text, strlen(text));
    g_free(text);
}

static void task_free(void *data)
{
    Task *task = data;
    wipe(task->password);
    wipe(task->replacement);
    g_free(task->expected);
    g_free(task->new_hash);
    if (task->free_data != NULL)
        task->free_data(task->data);
    g_free(task);
}

static void task_work(Task *task)
{
    if (task->expected == NULL) {
        g_free(password_hash(task->password));
        return;
    }
    task->matches = password_matches(task->password, task->expected);
    if (task->matches && task->replacement != NULL)
        task->new_hash = password_hash(task->replacement);
    else if (task->matches && password_is_outdated(task->expected))
        task->new_hash = password_hash(task->password);
}

static void *thread_main(void *data)
{
    Hasher *hasher = data;
    g_mutex_lock(&hasher->mutex);
    for (;;) {
        while (!hasher->is_stopping && g_queue_is_empty(&hasher->waiting))
            g_cond_wait(&hasher->changed, &hasher->mutex);
        if (hasher->is_stopping)
            break;
        Task *task = g_queue_pop_head(&hasher->waiting);
        g_mutex_unlock(&hasher->mutex);
        task_work(task);
        g_mutex_lock(&hasher->mutex);
        g_queue_push_tail(&hasher->finished, task);
        uv_async_send(hasher->finished_signal);
    }
    g_mutex_unlock(&hasher->mutex);
    return NULL;
}

static void on_finished(uv_async_t *signal)
{
    Hasher *hasher = signal->data;
    for (;;) {
        g_mutex_lock(&hasher->mutex);
        Task *task = g_queue_pop_head(&hasher->finished);
        g_mutex_unlock(&hasher->mutex);
        if (task == NULL)
            return;
        task->done(task->matches, task->new_hash, task->data);
        task_free(task);
    }
}

Hasher *hasher_new(uv_loop_t *loop, GError **error)
{
    if (sodium_init() < 0) {
        g_set_error_literal(error, ACCESS_ERROR, ACCESS_ERROR_PASSWORD, "libsodium does not start");
        return NULL;
    }
    Hasher *hasher = g_new0(Hasher, 1);
    g_mutex_init(&hasher->mutex);
    g_cond_init(&hasher->changed);
    hasher->finished_signal = g_new0(uv_async_t, 1);
    g_assert(uv_async_init(loop, hasher->finished_signal, on_finished) == 0);
    hasher->finished_signal->data = hasher;
    /* Waiting for a password must not keep a loop alive that has nothing else to do. */
    uv_unref((uv_handle_t *)hasher->finished_signal);
    for (int i = 0; i < LIMIT_LOGIN_WORKERS; i++)
        hasher->threads[i] = g_thread_new("password", thread_main, hasher);
    return hasher;
}

static void on_signal_closed(uv_handle_t *handle)
{
    g_free(handle);
}

void hasher_free(Hasher *hasher)
{
    if (hasher == NULL)
        return;
    g_mutex_lock(&hasher->mutex);
    hasher->is_stopping = true;
    g_cond_broadcast(&hasher->changed);
    g_mutex_unlock(&hasher->mutex);
    for (int i = 0; i < LIMIT_LOGIN_WORKERS; i++)
        g_thread_join(hasher->threads[i]);
    g_queue_clear_full(&hasher->waiting, task_free);
    g_queue_clear_full(&hasher->finished, task_free);
    uv_close((uv_handle_t *)hasher->finished_signal, on_signal_closed);
    g_mutex_clear(&hasher->mutex);
    g_cond_clear(&hasher->changed);
    g_free(hasher);
}

bool hasher_compare(Hasher *hasher, const char *password, const char *expected,
                    const char *replacement,
                    void (*done)(bool matches, const char *new_hash, void *data), void *data,
                    GDestroyNotify free_data)
{
    g_mutex_lock(&hasher->mutex);
    bool has_room = g_queue_get_length(&hasher->waiting) < LIMIT_LOGIN_QUEUE;
    if (has_room) {
        Task *task = g_new0(Task, 1);
        *task = (Task){
            .password = g_strdup(password),
            .expected = g_strdup(expected),
            .replacement = g_strdup(replacement),
            .done = done,
            .data = data,
            .free_data = free_data,
        };
        g_queue_push_tail(&hasher->waiting, task);
        g_cond_signal(&hasher->changed);
    }
    g_mutex_unlock(&hasher->mutex);
    if (!has_room && free_data != NULL)
        free_data(data);
    return has_room;
}
