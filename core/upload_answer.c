/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a client of /uploads/ is told: the headers of tus, and why not. */
#include "core/uploads_private.h"
#include <string.h>

typedef struct {
    HttpHeader headers[16];
    char texts[16][48];
    size_t count;
} HeaderList;

static void add(HeaderList *list, const char *name, const char *value)
{
    g_assert(list->count < G_N_ELEMENTS(list->headers));
    list->headers[list->count++] = (HttpHeader){name, value};
}

static void add_count(HeaderList *list, const char *name, int64_t count)
{
    char *text = list->texts[list->count];
    g_snprintf(text, sizeof list->texts[0], "%" G_GINT64_FORMAT, count);
    add(list, name, text);
}

static void add_record(HeaderList *list, const UploadRecord *record, bool with_length)
{
    add_count(list, "upload-offset", record->received);
    if (record->state == UPLOAD_OPEN && record->expires_us > 0) {
        g_autofree char *date = tus_date(record->expires_us);
        char *text = list->texts[list->count];
        g_strlcpy(text, date, sizeof list->texts[0]);
        add(list, "upload-expires", text);
    }
    if (with_length && record->length >= 0)
        add_count(list, "upload-length", record->length);
    else if (with_length)
        add(list, "upload-defer-length", "1");
    if (with_length && record->concat[0] != '\0')
        add(list, "upload-concat", record->concat);
    if (with_length && record->metadata[0] != '\0')
        add(list, "upload-metadata", record->metadata);
}

void uploads_answer(HttpRequest *request, int status, const UploadAnswer *answer)
{
    HeaderList list = {0};
    g_autoptr(GBytes) body = NULL;
    add(&list, "tus-resumable", TUS_VERSION);
    add(&list, "cache-control", "no-store");
    if (answer->with_abilities) {
        add(&list, "tus-version", TUS_VERSION);
        add(&list, "tus-extension", TUS_EXTENSIONS);
        add(&list, "tus-checksum-algorithm", TUS_ALGORITHMS);
    }
    if (answer->max_bytes > 0)
        add_count(&list, "tus-max-size", answer->max_bytes);
    if (answer->retry_seconds > 0)
        add_count(&list, "retry-after", answer->retry_seconds);
    if (answer->location != NULL)
        add(&list, "location", answer->location);
    if (answer->record != NULL)
        add_record(&list, answer->record, answer->with_length);
    if (answer->code != NULL) {
        json_auto_t *error =
            json_pack("{s:{s:s, s:s}}", "error", "code", answer->code, "message", answer->message);
        char *text = json_dumps(error, JSON_COMPACT);
        body = g_bytes_new_with_free_func(text, strlen(text), free, text);
        add(&list, "content-type", "application/json");
    }
    http_reply(request, status, list.headers, list.count, body);
}

void uploads_refuse(HttpRequest *request, int status, const char *code, const char *message)
{
    uploads_answer(request, status, &(UploadAnswer){.code = code, .message = message});
}

void uploads_answer_failure(HttpRequest *request, const GError *error)
{
    if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC) ||
        g_error_matches(error, STORE_ERROR, STORE_ERROR_FULL)) {
        uploads_refuse(request, 507, "error.full", "the disk is full");
        return;
    }
    g_warning("an upload failed: %s, the client may go on later", error->message);
    uploads_refuse(request, 500, "error.store", "it could not be written");
}

void uploads_refuse_size(HttpRequest *request, int64_t max_bytes)
{
    uploads_answer(request, 413,
                   &(UploadAnswer){.code = "upload.too_large",
                                   .message = "this is more than an upload of its kind may have",
                                   .max_bytes = max_bytes});
}
