/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One thread that waits for a condition, and an async handle that brings its result home. */
#include "core/commit.h"
#include <glib.h>

struct Commit {
    uv_thread_t thread;
    uv_mutex_t lock; /* guards the three flags; also orders commit_start(), make(), on_made() */
    uv_cond_t changed;
    bool is_wanted; /* make() is to run */
    bool is_ending; /* and then the thread is to end */
    bool is_made;   /* make() returned, on_made() is due */
    uv_async_t home;
    bool is_under_way; /* the loop's own view */
    void (*make)(void *data);
    void (*on_made)(void *data);
    void *data;
    void (*on_closed)(void *data);
    void *closed_data;
};

/* What the thread is to do next; false: end. */
static bool wait_for_work(Commit *commit)
{
    uv_mutex_lock(&commit->lock);
    while (!commit->is_wanted && !commit->is_ending)
        uv_cond_wait(&commit->changed, &commit->lock);
    bool is_wanted = commit->is_wanted;
    commit->is_wanted = false;
    uv_mutex_unlock(&commit->lock);
    return is_wanted;
}

static void run(void *argument)
{
    Commit *commit = argument;
    while (wait_for_work(commit)) {
        commit->make(commit->data);
        uv_mutex_lock(&commit->lock);
        commit->is_made = true;
        uv_mutex_unlock(&commit->lock);
        (void)uv_async_send(&commit->home);
    }
}

static bool take_made(Commit *commit)
{
    uv_mutex_lock(&commit->lock);
    bool is_made = commit->is_made;
    commit->is_made = false;
    uv_mutex_unlock(&commit->lock);
    return is_made;
}

static void come_home(uv_async_t *home)
{
    Commit *commit = home->data;
    if (!take_made(commit))
        return;
    commit->is_under_way = false;
    uv_unref((uv_handle_t *)&commit->home);
    commit->on_made(commit->data);
}

Commit *commit_new(uv_loop_t *loop, void (*make)(void *data), void (*on_made)(void *data),
                   void *data)
{
    Commit *commit = g_new0(Commit, 1);
    commit->make = make;
    commit->on_made = on_made;
    commit->data = data;
    int failed = uv_mutex_init(&commit->lock) || uv_cond_init(&commit->changed) ||
                 uv_async_init(loop, &commit->home, come_home) ||
                 uv_thread_create(&commit->thread, run, commit);
    g_assert(!failed);
    commit->home.data = commit;
    /* Only a commit under way keeps the loop turning. */
    uv_unref((uv_handle_t *)&commit->home);
    return commit;
}

void commit_start(Commit *commit)
{
    g_assert(!commit->is_under_way);
    commit->is_under_way = true;
    uv_ref((uv_handle_t *)&commit->home);
    uv_mutex_lock(&commit->lock);
    commit->is_wanted = true;
    uv_cond_signal(&commit->changed);
    uv_mutex_unlock(&commit->lock);
}

bool commit_finish(Commit *commit)
{
    uv_mutex_lock(&commit->lock);
    commit->is_ending = true;
    uv_cond_signal(&commit->changed);
    uv_mutex_unlock(&commit->lock);
    (void)uv_thread_join(&commit->thread);
    commit->is_under_way = false;
    return take_made(commit);
}

static void on_home_closed(uv_handle_t *home)
{
    Commit *commit = home->data;
    uv_cond_destroy(&commit->changed);
    uv_mutex_destroy(&commit->lock);
    commit->on_closed(commit->closed_data);
    g_free(commit);
}

void commit_close(Commit *commit, void (*on_closed)(void *data), void *data)
{
    commit->on_closed = on_closed;
    commit->closed_data = data;
    uv_close((uv_handle_t *)&commit->home, on_home_closed);
}
