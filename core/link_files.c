/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Fetching the files that a display wants: one at a time, the most urgent first, resumed where they
 * were cut. */
#include "core/link_private.h"

#include <string.h>

#define RETRY_FIRST_MS  1000
#define RETRY_DOUBLINGS 8 /* to about four minutes */
#define AGAIN_MS        500

static LinkWant *find_want(Link *link, const char *hash)
{
    for (guint i = 0; i < link->wants->len; i++) {
        LinkWant *want = g_ptr_array_index(link->wants, i);
        if (g_str_equal(want->hash, hash)) {
            return want;
        }
    }
    return NULL;
}

static void fail_want(Link *link, const char *hash, const char *reason, bool has_progress)
{
    LinkWant *want = find_want(link, hash);
    if (want == NULL) {
        return;
    }
    guint doublings = MIN(want->failures, RETRY_DOUBLINGS);
    int64_t most_ms = has_progress ? AGAIN_MS : (int64_t)RETRY_FIRST_MS << doublings;
    want->failures = has_progress ? 0 : want->failures + 1;
    want->retry_us = g_get_monotonic_time() +
                     (most_ms / 2 + g_random_int_range(0, (gint32)most_ms / 2 + 1)) * 1000;
    link_emit_file(link, hash, NULL, reason);
}

static const char *reason_of(const GError *error)
{
    if (g_error_matches(error, CACHE_ERROR, CACHE_ERROR_FULL)) {
        return "full";
    }
    return g_error_matches(error, CACHE_ERROR, CACHE_ERROR_HASH) ? "hash" : "disk";
}

static bool stop_because(Link *link, const GError *error)
{
    g_warning("file %s: %s, trying again later", link->fetching.hash, error->message);
    link->fetch_reason = reason_of(error);
    return false;
}

static bool on_status(void *data, int status, int64_t from, int64_t size)
{
    Link *link = data;
    g_autoptr(GError) error = NULL;
    bool is_rest = status == 206 && from == link->part_have;
    if (status == 416) { /* what is here is not the beginning of it */
        link->fetch_reason = "hash";
        (void)cache_restart(link->part, NULL);
        return false;
    }
    if (status != 200 && !is_rest) {
        link->fetch_reason = status == 404 ? "missing" : "network";
        return false;
    }
    if (status == 200 && link->part_have > 0) {
        link->part_have = 0;
        if (!cache_restart(link->part, &error)) {
            return stop_because(link, error);
        }
    }
    if (!cache_reserve(link->part, link->part_have + MAX(size, 0), &error)) {
        return stop_because(link, error);
    }
    return true;
}

static bool on_bytes(void *data, const void *bytes, size_t size)
{
    Link *link = data;
    g_autoptr(GError) error = NULL;
    link->has_progress = true;
    return cache_append(link->part, bytes, size, &error) || stop_because(link, error);
}

static void on_end(void *data, bool is_complete)
{
    Link *link = data;
    g_autofree char *hash = g_strdup(link->fetching.hash);
    g_autoptr(GError) error = NULL;
    CachePart *part = g_steal_pointer(&link->part);
    link->fetch = NULL;
    if (!is_complete || link->fetch_reason != NULL) {
        bool was_cut = link->fetch_reason == NULL;
        cache_pause(part);
        fail_want(link, hash, was_cut ? "network" : link->fetch_reason,
                  was_cut && link->has_progress);
    } else if (!cache_finish(part, &error)) {
        (void)stop_because(link, error);
        fail_want(link, hash, link->fetch_reason, false);
    } else {
        link_emit_file(link, hash, cache_path(link->cache, hash), NULL);
    }
    files_pump(link);
}

static bool is_due(const Link *link, const LinkWant *want, int64_t now_us)
{
    g_autofree char *path = cache_path(link->cache, want->hash);
    return path == NULL && want->retry_us <= now_us;
}

static void fetch(Link *link, const LinkWant *want)
{
    static const DialFetchHandler handler = {.status = on_status, .bytes = on_bytes, .end = on_end};
    g_autoptr(GError) error = NULL;
    link->fetching = *want;
    link->fetch_reason = NULL;
    link->has_progress = false;
    link->part = cache_begin(link->cache, want->hash, &link->part_have, &error);
    if (link->part == NULL) {
        (void)stop_because(link, error);
        fail_want(link, link->fetching.hash, link->fetch_reason, false);
        return;
    }
    g_autofree char *path = g_strconcat("/media/", want->hash, NULL);
    link->fetch = dial_fetch(link->dial, "GET", path, link->part_have, &handler, link);
}

void files_pump(Link *link)
{
    int64_t now_us = g_get_monotonic_time();
    for (guint i = 0; i < link->wants->len && link->is_online && link->fetch == NULL; i++) {
        const LinkWant *want = g_ptr_array_index(link->wants, i);
        if (is_due(link, want, now_us)) {
            fetch(link, want);
        }
    }
}

/* What failed before keeps its turn: a list that is given again does not hurry. */
void files_want(Link *link, const char *const *hashes)
{
    GPtrArray *wants = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; hashes[i] != NULL; i++) {
        const LinkWant *earlier = find_want(link, hashes[i]);
        LinkWant *want = g_new0(LinkWant, 1);
        if (earlier != NULL) {
            *want = *earlier;
        } else {
            g_strlcpy(want->hash, hashes[i], sizeof want->hash);
        }
        g_ptr_array_add(wants, want);
    }
    g_ptr_array_unref(link->wants);
    link->wants = wants;
    if (link->fetch != NULL && find_want(link, link->fetching.hash) == NULL) {
        dial_hang_up(link->fetch);
    }
    files_pump(link);
}

void files_stop(Link *link)
{
    link->fetch = NULL;
    cache_pause(g_steal_pointer(&link->part));
}
