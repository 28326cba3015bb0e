/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A new upload: what its headers ask for, and whether it may be. */
#include "core/limits.h"
#include "core/uploads_private.h"
#include <string.h>

typedef struct {
    Identity identity;
    const UploadKind *kind;
    json_t *metadata;
    int64_t length;   /* -1: later */
    GPtrArray *parts; /* of what is put together, else NULL */
    bool is_partial;
    bool has_checksum;
    TusChecksum checksum;
} Wish;

static void wish_clear(Wish *wish)
{
    g_clear_pointer(&wish->metadata, json_decref);
    g_clear_pointer(&wish->parts, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wish, wish_clear)

static bool read_length(HttpRequest *request, int64_t *ret_length)
{
    const char *length = http_header(request, "upload-length");
    const char *later = http_header(request, "upload-defer-length");
    if (length != NULL)
        return later == NULL && tus_parse_count(length, ret_length);
    *ret_length = -1;
    return later != NULL && strcmp(later, "1") == 0;
}

/* Parts come without metadata (their whole has it): any kind that this role may send will do. */
static const UploadKind *largest_kind(Uploads *uploads, uint32_t role)
{
    const UploadKind *largest = NULL;
    for (guint i = 0; i < uploads->kinds->len; i++) {
        const UploadKind *kind = uploads->kinds->pdata[i];
        if (access_allows(kind->roles, role) &&
            (largest == NULL || kind->max_bytes > largest->max_bytes))
            largest = kind;
    }
    return largest;
}

static const UploadKind *find_kind(Uploads *uploads, const json_t *metadata)
{
    const char *name = json_string_value(json_object_get(metadata, "kind"));
    if (name != NULL)
        return uploads_kind(uploads, name);
    return uploads->kinds->len == 1 ? uploads->kinds->pdata[0] : NULL;
}

bool upload_has_body_type(HttpRequest *request)
{
    const char *type = http_header(request, "content-type");
    return type != NULL && g_ascii_strcasecmp(type, UPLOAD_BODY_TYPE) == 0;
}

/* Neither length nor body. */
static bool is_bare(HttpRequest *request)
{
    return http_header(request, "upload-length") == NULL &&
           http_header(request, "upload-defer-length") == NULL && http_body_size(request) == 0 &&
           http_header(request, "upload-checksum") == NULL;
}

/* What the headers say; answers and returns false when they are wrong. */
static bool read_wish(Uploads *uploads, HttpRequest *request, Wish *wish)
{
    g_autoptr(GError) error = NULL;
    const char *checksum = http_header(request, "upload-checksum");
    wish->metadata = tus_parse_metadata(http_header(request, "upload-metadata"), &error);
    const char *concat = http_header(request, "upload-concat");
    if (wish->metadata == NULL ||
        (concat != NULL && !tus_parse_concat(concat, &wish->parts, &error))) {
        uploads_refuse(request, 400, "error.input", error->message);
        return false;
    }
    wish->is_partial = concat != NULL && wish->parts == NULL;
    if (wish->parts != NULL && !is_bare(request))
        uploads_refuse(request, 400, "error.input",
                       "what is put together has the length and the bytes of its parts");
    else if (wish->parts == NULL && !read_length(request, &wish->length))
        uploads_refuse(request, 400, "error.input",
                       "either Upload-Length or Upload-Defer-Length: 1");
    else if (http_body_size(request) > 0 && !upload_has_body_type(request))
        uploads_refuse(request, 415, "error.type", "a body is " UPLOAD_BODY_TYPE);
    else if (checksum != NULL && !tus_parse_checksum(checksum, &wish->checksum, &error))
        uploads_refuse(request, 400, "error.input", error->message);
    else if ((wish->kind = find_kind(uploads, wish->metadata)) == NULL &&
             !(wish->is_partial && json_object_get(wish->metadata, "kind") == NULL &&
               (wish->kind = largest_kind(uploads, wish->identity.role)) != NULL))
        uploads_refuse(request, 400, "upload.kind", "the metadata must name a kind of upload");
    else if (!access_allows(wish->kind->roles, wish->identity.role))
        uploads_refuse(request, 403, "error.forbidden",
                       "this role does not send uploads of this kind");
    else {
        wish->has_checksum = checksum != NULL;
        return true;
    }
    return false;
}

typedef struct {
    int64_t bytes, bytes_of_all;
    int count;
} Usage;

static Usage usage_of(Uploads *uploads, const char *owner)
{
    Usage usage = {0};
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, uploads->open);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const UploadRecord *record = &((const Upload *)value)->record;
        int64_t bytes = record->length >= 0 ? record->length : record->received;
        usage.bytes_of_all += bytes;
        if (strcmp(record->owner, owner) != 0)
            continue;
        usage.count++;
        usage.bytes += bytes;
    }
    return usage;
}

/* May owner's uploads grow by bytes? Answers and returns false when not. */
bool upload_has_room(Uploads *uploads, HttpRequest *request, const char *owner, int64_t bytes)
{
    Usage usage = usage_of(uploads, owner);
    if (uploads->quota_bytes > 0 && usage.bytes + bytes > uploads->quota_bytes) {
        uploads_refuse(request, 413, "upload.quota",
                       "your unfinished uploads are too large together");
        return false;
    }
    if (uploads->quota_total_bytes > 0 && usage.bytes_of_all + bytes > uploads->quota_total_bytes) {
        uploads_refuse(request, 507, "upload.quota_total",
                       "the unfinished uploads of all are too large together");
        return false;
    }
    if (upload_store_free_bytes(uploads->folder) - bytes < uploads->reserve_bytes) {
        uploads_refuse(request, 507, "error.full", "the disk is full");
        return false;
    }
    return true;
}

void upload_create(Uploads *uploads, HttpRequest *request, const Identity *identity)
{
    g_auto(Wish) wish = {.identity = *identity};
    if (!read_wish(uploads, request, &wish))
        return;
    if (wish.parts != NULL) {
        upload_concat_create(uploads, request, identity, wish.kind, wish.parts);
        return;
    }
    int64_t size = http_body_size(request), most = wish.kind->max_bytes;
    if (wish.length > most || size > (wish.length >= 0 ? wish.length : most)) {
        uploads_refuse_size(request, most);
        return;
    }
    if (usage_of(uploads, identity->name).count >= LIMIT_UPLOADS_USER) {
        uploads_refuse(request, 429, "error.later", "you have too many unfinished uploads");
        return;
    }
    if (!upload_has_room(uploads, request, identity->name, MAX(wish.length, size)))
        return;
    g_autofree char *id = tus_new_id();
    const char *metadata = http_header(request, "upload-metadata");
    UploadRecord record = {
        .state = UPLOAD_OPEN,
        .owner = g_strdup(identity->name),
        .kind = g_strdup(wish.kind->kind),
        .metadata = g_strdup(metadata != NULL ? metadata : ""),
        .concat = g_strdup(wish.is_partial ? "partial" : ""),
        .length = wish.length,
        .expires_us = g_get_real_time() + LIMIT_UPLOAD_SECONDS * (int64_t)G_USEC_PER_SEC,
    };
    g_strlcpy(record.id, id, sizeof record.id);
    Upload *upload = upload_remember(uploads, &record);
    upload_deed_create(upload, request, wish.has_checksum ? &wish.checksum : NULL, NULL);
}
