/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One small file for each channel, named after it: channels' names are fit for that. */
#include "core/remembered.h"

#include "core/limits.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define SUFFIX    ".json"
#define FILES_MAX 1024
#define LETTERS   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:"

struct Remembered {
    char *folder;
    GHashTable *values; /* channel -> RememberedValue */
};

static void value_free(void *data)
{
    RememberedValue *value = data;
    g_free(value->channel);
    g_free(value->epoch);
    json_decref(value->body);
    g_free(value);
}

static bool is_file_name(const char *channel)
{
    size_t length = strlen(channel);
    return length > 0 && channel[0] != '.' && length + strlen(SUFFIX) <= LIMIT_CHANNEL_BYTES &&
           strspn(channel, LETTERS) == length;
}

static bool read_value(Remembered *remembered, const char *path)
{
    GStatBuf status;
    g_autofree char *text = NULL;
    gsize size;
    if (g_stat(path, &status) != 0 || status.st_size > LIMIT_LINK_MESSAGE_BYTES ||
        !g_file_get_contents(path, &text, &size, NULL)) {
        return false;
    }
    json_auto_t *file = json_loadb(text, size, 0, NULL);
    const char *channel, *epoch;
    json_int_t offset;
    json_t *body;
    if (json_unpack(file, "{s:s, s:s, s:I, s:o}", "channel", &channel, "epoch", &epoch, "offset",
                    &offset, "body", &body) != 0 ||
        offset < 0 || !is_file_name(channel)) {
        return false;
    }
    remembered_put(remembered, channel, epoch, (uint64_t)offset, body);
    RememberedValue *value = g_hash_table_lookup(remembered->values, channel);
    value->is_new = false;
    return true;
}

static void read_folder(Remembered *remembered, GDir *folder)
{
    const char *name;
    while ((name = g_dir_read_name(folder)) != NULL &&
           g_hash_table_size(remembered->values) < FILES_MAX) {
        g_autofree char *path = g_build_filename(remembered->folder, name, NULL);
        if (!g_str_has_suffix(name, SUFFIX)) {
            (void)g_unlink(path); /* of a write that was cut */
        } else if (!read_value(remembered, path)) {
            g_warning("'%s' is not a remembered value, passing it over", path);
        }
    }
}

Remembered *remembered_new(const char *folder, GError **error)
{
    if (g_mkdir_with_parents(folder, 0700) != 0) {
        int failure = errno;
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(failure),
                    "could not make '%s': %s", folder, g_strerror(failure));
        return NULL;
    }
    g_autoptr(GDir) opened = g_dir_open(folder, 0, error);
    if (opened == NULL) {
        return NULL;
    }
    Remembered *remembered = g_new0(Remembered, 1);
    remembered->folder = g_strdup(folder);
    remembered->values = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, value_free);
    read_folder(remembered, opened);
    return remembered;
}

void remembered_free(Remembered *remembered)
{
    if (remembered == NULL) {
        return;
    }
    remembered_write(remembered);
    g_hash_table_unref(remembered->values);
    g_free(remembered->folder);
    g_free(remembered);
}

const RememberedValue *remembered_get(const Remembered *remembered, const char *channel)
{
    return g_hash_table_lookup(remembered->values, channel);
}

void remembered_put(Remembered *remembered, const char *channel, const char *epoch, uint64_t offset,
                    json_t *body)
{
    if (!is_file_name(channel)) {
        return;
    }
    RememberedValue *value = g_new0(RememberedValue, 1);
    *value = (RememberedValue){
        .channel = g_strdup(channel),
        .epoch = g_strdup(epoch),
        .offset = offset,
        .body = json_incref(body),
        .is_new = true,
    };
    g_hash_table_replace(remembered->values, value->channel, value);
}

static void write_value(const Remembered *remembered, RememberedValue *value)
{
    g_autofree char *name = g_strconcat(value->channel, SUFFIX, NULL);
    g_autofree char *path = g_build_filename(remembered->folder, name, NULL);
    json_auto_t *file =
        json_pack("{s:s, s:s, s:I, s:O}", "channel", value->channel, "epoch", value->epoch,
                  "offset", (json_int_t)value->offset, "body", value->body);
    g_autofree char *text = json_dumps(file, JSON_COMPACT);
    g_autoptr(GError) error = NULL;
    value->is_new = false; /* a full disk is not asked again until there is news */
    if (!g_file_set_contents_full(path, text, -1,
                                  G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                  0600, &error)) {
        g_warning("could not remember '%s': %s, keeping the older value on disk", value->channel,
                  error->message);
    }
}

void remembered_write(Remembered *remembered)
{
    GHashTableIter iterator;
    void *value;
    g_hash_table_iter_init(&iterator, remembered->values);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        if (((RememberedValue *)value)->is_new) {
            write_value(remembered, value);
        }
    }
}
