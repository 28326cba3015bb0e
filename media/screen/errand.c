/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Helper threads for what would block. */
#include "media/screen/errand.h"
#include "media/screen/stage.h"
#include <sys/eventfd.h>
#include <unistd.h>

/* Two for the work, and one that a sound device which hangs may keep for ever. */
#define HELPERS 3

typedef struct {
    Errands *errands;
    void (*work)(void *data);
    void (*done)(void *data);
    void *data;
    GDestroyNotify free_data;
} Errand;

struct Errands {
    GThreadPool *pool;
    int stop_fd;
    int is_stopping; /* atomic */
};

static void errand_free(Errand *errand)
{
    if (errand->free_data)
        errand->free_data(errand->data);
    g_free(errand);
}

static void do_work(gpointer item, gpointer unused)
{
    Errand *errand = item;
    if (!g_atomic_int_get(&errand->errands->is_stopping))
        errand->work(errand->data);
    /* Refused only when the stage's queue is full of 65,535 events or there is no stage: then
     * nobody is left to hear of it, and the data is plain memory. */
    if (!stage_post(ERRAND_MESSAGE, errand))
        errand_free(errand);
}

Errands *errands_new(void)
{
    Errands *errands = g_new0(Errands, 1);
    errands->stop_fd = eventfd(0, EFD_CLOEXEC);
    errands->pool = g_thread_pool_new(do_work, NULL, HELPERS, FALSE, NULL);
    return errands;
}

void errands_stop(Errands *errands)
{
    if (!errands || !errands->pool)
        return;
    g_atomic_int_set(&errands->is_stopping, 1);
    (void)eventfd_write(errands->stop_fd, 1);
    g_thread_pool_free(errands->pool, FALSE, TRUE);
    errands->pool = NULL;
}

void errands_free(Errands *errands)
{
    if (!errands)
        return;
    errands_stop(errands);
    close(errands->stop_fd);
    g_free(errands);
}

void errands_run(Errands *errands, void (*work)(void *data), void (*done)(void *data), void *data,
                 GDestroyNotify free_data)
{
    Errand *errand = g_new0(Errand, 1);
    *errand = (Errand){errands, work, done, data, free_data};
    if (errands->pool)
        g_thread_pool_push(errands->pool, errand, NULL);
    else
        errand_free(errand);
}

void errands_on_message(Errands *errands, void *payload)
{
    Errand *errand = payload;
    if (errand->done && !g_atomic_int_get(&errands->is_stopping))
        errand->done(errand->data);
    errand_free(errand);
}

int errands_stop_fd(const Errands *errands)
{
    return errands->stop_fd;
}
