/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What uploads do in threads of the pool, and what becomes of it when the program ends. */
#include "core/uploads_private.h"

typedef struct {
    uv_work_t request;
    Uploads *uploads; /* NULL: freed meanwhile */
    void (*work)(void *data);
    void (*done)(void *data);
    void *data;
    GDestroyNotify free_data;
} Work;

static void run_work(uv_work_t *request)
{
    Work *work = request->data;
    work->work(work->data);
}

static void on_worked(uv_work_t *request, int status)
{
    Work *work = request->data;
    if (work->uploads != NULL) {
        g_queue_remove(&work->uploads->works, work);
        work->done(work->data);
    }
    work->free_data(work->data);
    g_free(work);
}

void uploads_run(Uploads *uploads, void (*work)(void *data), void (*done)(void *data), void *data,
                 GDestroyNotify free_data)
{
    Work *entry = g_new0(Work, 1);
    *entry = (Work){
        .uploads = uploads, .work = work, .done = done, .data = data, .free_data = free_data};
    entry->request.data = entry;
    g_queue_push_tail(&uploads->works, entry);
    g_assert(uv_queue_work(uploads->loop, &entry->request, run_work, on_worked) == 0);
}

void uploads_detach_works(Uploads *uploads)
{
    for (Work *work; (work = g_queue_pop_head(&uploads->works)) != NULL;)
        work->uploads = NULL;
}
