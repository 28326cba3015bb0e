/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A display's files by their SHA-256: only whole, checked copies have their name. A file that comes
 * is <hash>.part until then, and goes on where it was cut, also after a restart.
 *
 * cache_path() and cache_want(): any thread. The others: one thread, and one part at a time. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Cache Cache;
typedef struct CachePart CachePart;

typedef enum {
    CACHE_ERROR_HASH = 1, /* the bytes are not the ones of that name; they are gone now */
    CACHE_ERROR_FULL,     /* what is wanted takes all the room */
    CACHE_ERROR_IO,
} CacheError;
#define CACHE_ERROR (cache_error_quark())
GQuark cache_error_quark(void);

/* folder is created; max_bytes bounds all files together. */
Cache *cache_new(const char *folder, int64_t max_bytes, GError **error);
void cache_free(Cache *cache);
bool cache_is_hash(const char *hash); /* 64 hex digits, lower case */
/* Path of a file that is here; NULL otherwise. g_free(). */
char *cache_path(Cache *cache, const char *hash);
/* The hashes that must stay (copied); the others may go when room is needed, the longest unwanted
 * first. */
void cache_want(Cache *cache, const char *const *hashes);

/* Opens the part of hash; ret_have: bytes that are here already, from which to go on. */
CachePart *cache_begin(Cache *cache, const char *hash, int64_t *ret_have, GError **error);
/* Forgets what it has: the sender begins at the start. */
bool cache_restart(CachePart *part, GError **error);
/* Makes room for a file of total bytes by removing unwanted ones. */
bool cache_reserve(CachePart *part, int64_t total, GError **error);
bool cache_append(CachePart *part, const void *bytes, size_t size, GError **error);
/* Checks, syncs and names the file. Frees part, also on failure. */
bool cache_finish(CachePart *part, GError **error);
/* Keeps what came for the next time. NULL is fine. */
void cache_pause(CachePart *part);
