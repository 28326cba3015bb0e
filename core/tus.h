/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The texts of the tus protocol: ids, counts, metadata, checksums. Any thread.
 * Source: tus resumable upload protocol 1.0.0 */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define TUS_VERSION "1.0.0"
#define TUS_EXTENSIONS                                                                             \
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,"         \
    "concatenation"
#define TUS_ALGORITHMS "sha1,sha256"
#define TUS_ID_TEXT    22

typedef enum {
    TUS_ERROR_METADATA = 1,
    TUS_ERROR_CONCAT,
    TUS_ERROR_CHECKSUM, /* malformed, or an algorithm that we do not know */
} TusError;
#define TUS_ERROR (tus_error_quark())
GQuark tus_error_quark(void);

char *tus_new_id(void); /* 128 random bits; g_free() */
bool tus_is_id(const char *text);
/* Decimal digits only, up to INT64_MAX; NULL is no count. */
bool tus_parse_count(const char *text, int64_t *ret_count);
/* "key base64,key2": a new object of strings. NULL header: empty object.
 * Errors  TUS_ERROR_METADATA: over LIMIT_UPLOAD_METADATA, doubled keys, not base64, not UTF-8 */
json_t *tus_parse_metadata(const char *header, GError **error);

typedef struct {
    GChecksumType type;
    uint8_t digest[32];
    size_t size; /* of digest */
} TusChecksum;
bool tus_parse_checksum(const char *header, TusChecksum *ret_checksum, GError **error);
/* Ends sum. */
bool tus_checksum_is(const TusChecksum *expected, GChecksum *sum);

/* "partial": *ret_parts is NULL. "final;/uploads/a http://host/uploads/b": the ids in their order
 * (g_ptr_array_unref()), 1 to LIMIT_UPLOAD_PARTS, each once. The part after the host counts only.
 */
bool tus_parse_concat(const char *header, GPtrArray **ret_parts, GError **error);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7); at_us since 1970. g_free() */
char *tus_date(int64_t at_us);
