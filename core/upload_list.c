/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a person has begun to upload and can continue, from whatever browser: GET /uploads/ lists
 * it, GET /uploads/<id> adds a sample of the bytes that are there, by which a page knows that the
 * file chosen again is the same. Not part of tus. */
#include "core/uploads_private.h"
#include <string.h>

static json_t *describe(const UploadRecord *record)
{
    g_autofree char *url = g_strconcat("/uploads/", record->id, NULL);
    json_auto_t *metadata = tus_parse_metadata(record->metadata, NULL);
    const char *name = json_string_value(json_object_get(metadata, "filename"));
    return json_pack("{s:s, s:s, s:s, s:o, s:I, s:I}", "url", url, "kind", record->kind, "name",
                     name != NULL ? name : "", "size",
                     record->length >= 0 ? json_integer(record->length) : json_null(), "offset",
                     (json_int_t)record->received, "expires_us", (json_int_t)record->expires_us);
}

static void reply(HttpRequest *request, json_t *body)
{
    static const HttpHeader headers[] = {{"content-type", "application/json"},
                                         {"cache-control", "no-store"},
                                         {"tus-resumable", TUS_VERSION}};
    char *text = json_dumps(body, JSON_COMPACT);
    g_autoptr(GBytes) bytes = g_bytes_new_with_free_func(text, strlen(text), free, text);
    json_decref(body);
    http_reply(request, 200, headers, G_N_ELEMENTS(headers), bytes);
}

void upload_list_all(Uploads *uploads, HttpRequest *request, const Identity *identity)
{
    json_t *list = json_array();
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, uploads->open);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const UploadRecord *record = &((const Upload *)value)->record;
        if (strcmp(record->owner, identity->name) == 0 && record->concat[0] == '\0' &&
            !upload_is_expired(record))
            json_array_append_new(list, describe(record));
    }
    reply(request, json_pack("{s:o}", "uploads", list));
}

typedef struct {
    HttpRequest *request; /* NULL: left */
    UploadFolder *folder;
    UploadRecord record;
    char *sample;
    GError *error;
} Question;

static void sample_work(void *data)
{
    Question *question = data;
    question->sample = upload_store_sample(question->folder, question->record.id,
                                           question->record.received, &question->error);
}

static void on_gone(HttpRequest *request, void *data)
{
    ((Question *)data)->request = NULL;
}

static void sample_done(void *data)
{
    Question *question = data;
    HttpRequest *request = g_steal_pointer(&question->request);
    if (request == NULL)
        return;
    http_on_gone(request, NULL, NULL);
    if (question->error != NULL) {
        uploads_answer_failure(request, question->error);
        return;
    }
    json_t *body = describe(&question->record);
    json_object_set_new(body, "sample", json_string(question->sample));
    reply(request, body);
}

static void question_free(void *data)
{
    Question *question = data;
    if (question->request != NULL)
        http_on_gone(question->request, NULL, NULL);
    upload_store_unref(question->folder);
    upload_record_clear(&question->record);
    g_free(question->sample);
    g_clear_error(&question->error);
    g_free(question);
}

void upload_list_one(Uploads *uploads, HttpRequest *request, const UploadRecord *record)
{
    Question *question = g_new0(Question, 1);
    question->request = request;
    question->folder = upload_store_ref(uploads->folder);
    upload_record_copy(record, &question->record);
    http_on_gone(request, on_gone, question);
    uploads_run(uploads, sample_work, sample_done, question, question_free);
}
