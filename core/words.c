/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * gzip from our own binary, JSON from our own authors: still bounded, since a plugin may be a
 * stranger's. */
#include "core/words.h"
#include <zlib.h>

#define CATALOGUE_MAX_BYTES (1024 * 1024)

struct Words {
    const SerambiAsset *assets;
    GHashTable *catalogues; /* language to json_t object */
};

Words *words_new(const SerambiAsset *assets)
{
    Words *words = g_new0(Words, 1);
    words->assets = assets;
    words->catalogues =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)json_decref);
    return words;
}

void words_free(Words *words)
{
    if (!words)
        return;
    g_hash_table_unref(words->catalogues);
    g_free(words);
}

static GByteArray *inflate_all(const SerambiAsset *asset)
{
    g_autoptr(GByteArray) text = g_byte_array_new();
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)asset->bytes, .avail_in = (uInt)asset->size};
    /* 15 + 16: the largest window, with the header of gzip. */
    if (inflateInit2(&stream, 15 + 16) != Z_OK)
        return NULL;
    int code = Z_OK;
    while (code == Z_OK && text->len < CATALOGUE_MAX_BYTES) {
        uint8_t part[4096];
        stream.next_out = part;
        stream.avail_out = sizeof part;
        code = inflate(&stream, Z_NO_FLUSH);
        g_byte_array_append(text, part, (guint)(sizeof part - stream.avail_out));
    }
    (void)inflateEnd(&stream);
    return code == Z_STREAM_END ? g_steal_pointer(&text) : NULL;
}

static json_t *read_catalogue(const Words *words, const char *language)
{
    g_autofree char *path = g_strdup_printf("words/%s.json", language);
    for (const SerambiAsset *asset = words->assets; asset && asset->path; asset++) {
        if (!g_str_equal(asset->path, path))
            continue;
        g_autoptr(GByteArray) text = inflate_all(asset);
        json_t *catalogue = text ? json_loadb((const char *)text->data, text->len, 0, NULL) : NULL;
        return catalogue ? catalogue : json_object();
    }
    return json_object();
}

const char *words_get(Words *words, const char *language, const char *key)
{
    json_t *catalogue = g_hash_table_lookup(words->catalogues, language);
    if (!catalogue) {
        catalogue = read_catalogue(words, language);
        g_hash_table_insert(words->catalogues, g_strdup(language), catalogue);
    }
    const char *text = json_string_value(json_object_get(catalogue, key));
    return text ? text : key;
}
