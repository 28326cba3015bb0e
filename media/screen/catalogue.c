/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Words out of gzip and JSON. */
#include "media/screen/catalogue.h"
#include <string.h>
#include <zlib.h>

/* Our own files, compiled in; the bound is against a broken build, not an enemy. */
#define WORDS_BYTES_MAX (1024 * 1024)

static const char *const languages[] = {"id", "en", "ar"};

struct Catalogue {
    json_t *words[G_N_ELEMENTS(languages)];
};

static json_t *unpack(const SerambiAsset *asset)
{
    g_autofree char *text = g_malloc(WORDS_BYTES_MAX);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)asset->bytes,
                       .avail_in = (uInt)asset->size,
                       .next_out = (Bytef *)text,
                       .avail_out = WORDS_BYTES_MAX};
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
        return NULL;
    int result = inflate(&stream, Z_FINISH);
    size_t size = stream.total_out;
    inflateEnd(&stream);
    return result == Z_STREAM_END ? json_loadb(text, size, 0, NULL) : NULL;
}

Catalogue *catalogue_new(const SerambiAsset *assets)
{
    Catalogue *catalogue = g_new0(Catalogue, 1);
    for (; assets && assets->path; assets++) {
        for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
            g_autofree char *path = g_strdup_printf("words/%s.json", languages[i]);
            if (!strcmp(assets->path, path) && !catalogue->words[i])
                catalogue->words[i] = unpack(assets);
        }
    }
    return catalogue;
}

void catalogue_free(Catalogue *catalogue)
{
    if (!catalogue)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++)
        json_decref(catalogue->words[i]);
    g_free(catalogue);
}

static const char *find(const json_t *words, const char *key)
{
    const json_t *word = json_object_get(words, key);
    const char *dot = strchr(key, '.');
    if (!word && dot) {
        g_autofree char *head = g_strndup(key, (size_t)(dot - key));
        return find(json_object_get(words, head), dot + 1);
    }
    return json_string_value(word);
}

const char *catalogue_word(const Catalogue *catalogue, const char *language, const char *key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
        if (g_strcmp0(languages[i], language))
            continue;
        const char *word = find(catalogue->words[i], key);
        if (word)
            return word;
    }
    return g_intern_string(key);
}
