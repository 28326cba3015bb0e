/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Pages in the binary. All is made once, at the start: a request is one look-up, and the bytes go
 * out as they are. */
#include "core/assets.h"
#include "core/reply.h"
#include <sodium.h>
#include <string.h>
#include <zlib.h>

#define VERSION_DIGITS 12
/* What inflates to more than this is no page of ours. */
#define ASSET_BYTES_MOST (16 * 1024 * 1024)
#define GZIP_WINDOW      (15 + 16) /* zlib.h: the largest window, with a gzip header */

static const char *const languages[] = {"id", "en", "ar"};

typedef struct {
    GBytes *gzip;
    const char *content_type;
    char *etag;
} File;

typedef struct {
    const char *owner;
    const SerambiAsset *asset;
} Source;

struct Assets {
    GArray *sources;
    GHashTable *files; /* "core/page.js", "words/id.json" to File: below /a/<version>/ */
    GHashTable *pages; /* "/", "/staff", "/favicon.svg" to File */
    GHashTable *words; /* language to json_t: owner to key to text */
    char version[VERSION_DIGITS + 1];
};

static void file_free(File *file)
{
    g_bytes_unref(file->gzip);
    g_free(file->etag);
    g_free(file);
}

Assets *assets_new(void)
{
    Assets *assets = g_new0(Assets, 1);
    GDestroyNotify free_file = (GDestroyNotify)file_free;
    *assets = (Assets){
        .sources = g_array_new(false, false, sizeof(Source)),
        .files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_file),
        .pages = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_file),
        .words = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)json_decref),
    };
    return assets;
}

void assets_free(Assets *assets)
{
    if (assets == NULL) {
        return;
    }
    g_array_unref(assets->sources);
    g_hash_table_unref(assets->files);
    g_hash_table_unref(assets->pages);
    g_hash_table_unref(assets->words);
    g_free(assets);
}

void assets_add(Assets *assets, const char *owner, const SerambiAsset *table)
{
    for (const SerambiAsset *asset = table; asset != NULL && asset->path != NULL; asset++) {
        Source source = {.owner = owner, .asset = asset};
        g_array_append_val(assets->sources, source);
    }
}

/* --- gzip --------------------------------------------------------------------------------------
 */

static GBytes *compress_bytes(const char *bytes, size_t size)
{
    z_stream stream = {0};
    int result = deflateInit2(&stream, 9, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY);
    g_assert(result == Z_OK);
    size_t most = deflateBound(&stream, size);
    uint8_t *out = g_malloc(most);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)size;
    stream.next_out = out;
    stream.avail_out = (uInt)most;
    result = deflate(&stream, Z_FINISH);
    g_assert(result == Z_STREAM_END);
    size_t out_size = stream.total_out;
    deflateEnd(&stream);
    return g_bytes_new_take(out, out_size);
}

/* NULL when the bytes are not gzip, or too many. With a NUL behind the end. */
static GBytes *inflate_bytes(const uint8_t *bytes, size_t size)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)size};
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK) {
        return NULL;
    }
    g_autoptr(GByteArray) out = g_byte_array_new();
    int result = Z_OK;
    while (result == Z_OK && out->len < ASSET_BYTES_MOST) {
        uint8_t piece[16 * 1024];
        stream.next_out = piece;
        stream.avail_out = sizeof piece;
        result = inflate(&stream, Z_NO_FLUSH);
        g_byte_array_append(out, piece, (guint)(sizeof piece - stream.avail_out));
    }
    inflateEnd(&stream);
    return result == Z_STREAM_END ? g_byte_array_free_to_bytes(g_steal_pointer(&out)) : NULL;
}

/* --- Making ------------------------------------------------------------------------------------
 */

static File *file_new(GBytes *gzip, const char *content_type)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    char digits[2 * sizeof hash + 1];
    crypto_hash_sha256(hash, g_bytes_get_data(gzip, NULL), g_bytes_get_size(gzip));
    sodium_bin2hex(digits, sizeof digits, hash, sizeof hash);
    File *file = g_new0(File, 1);
    *file = (File){.gzip = gzip, .content_type = content_type, .etag = g_strndup(digits, 32)};
    return file;
}

static void compute_version(Assets *assets)
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (guint i = 0; i < assets->sources->len; i++) {
        const Source *source = &g_array_index(assets->sources, Source, i);
        const SerambiAsset *asset = source->asset;
        /* With their final NULs, so that names do not run into each other. */
        crypto_hash_sha256_update(&state, (const uint8_t *)source->owner,
                                  strlen(source->owner) + 1);
        crypto_hash_sha256_update(&state, (const uint8_t *)asset->path, strlen(asset->path) + 1);
        crypto_hash_sha256_update(&state, asset->bytes, asset->size);
    }
    uint8_t hash[crypto_hash_sha256_BYTES];
    char digits[2 * sizeof hash + 1];
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(digits, sizeof digits, hash, sizeof hash);
    g_strlcpy(assets->version, digits, sizeof assets->version);
}

/* The language of "words/<language>.json"; NULL for other files. */
static const char *words_language(const char *path)
{
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
        g_autofree char *name = g_strdup_printf("words/%s.json", languages[i]);
        if (strcmp(path, name) == 0) {
            return languages[i];
        }
    }
    return NULL;
}

static bool add_words(Assets *assets, const Source *source, const char *language, GError **error)
{
    g_autoptr(GBytes) text = inflate_bytes(source->asset->bytes, source->asset->size);
    json_error_t failure = {.text = "not gzip"};
    json_t *words = text == NULL ? NULL
                                 : json_loadb(g_bytes_get_data(text, NULL), g_bytes_get_size(text),
                                              JSON_REJECT_DUPLICATES, &failure);
    if (!json_is_object(words)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "words of '%s' in '%s' are not a JSON object: line %d: %s", source->owner,
                    source->asset->path, failure.line, failure.text);
        json_decref(words);
        return false;
    }
    json_t *merged = g_hash_table_lookup(assets->words, language);
    if (merged == NULL) {
        merged = json_object();
        g_hash_table_insert(assets->words, (gpointer)(uintptr_t)language, merged);
    }
    json_object_set_new(merged, source->owner, words);
    return true;
}

static void add_merged_words(Assets *assets)
{
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
        json_t *merged = g_hash_table_lookup(assets->words, languages[i]);
        if (merged == NULL) {
            continue;
        }
        char *text = json_dumps(merged, JSON_COMPACT | JSON_SORT_KEYS);
        g_hash_table_insert(assets->files, g_strdup_printf("words/%s.json", languages[i]),
                            file_new(compress_bytes(text, strlen(text)), "application/json"));
        free(text);
    }
}

/* Plugins that have the file path, separated by spaces. */
static char *list_owners(const Assets *assets, const char *path)
{
    GString *list = g_string_new(NULL);
    for (guint i = 0; i < assets->sources->len; i++) {
        const Source *source = &g_array_index(assets->sources, Source, i);
        if (strcmp(source->asset->path, path) == 0 && strcmp(source->owner, "core") != 0) {
            g_string_append_printf(list, "%s%s", list->len == 0 ? "" : " ", source->owner);
        }
    }
    return g_string_free(list, false);
}

static char *page_address(const char *path)
{
    if (strcmp(path, "public.html") == 0) {
        return g_strdup("/");
    }
    size_t size = strlen(path) - strlen(".html");
    return g_strdup_printf("/%.*s", (int)size, path);
}

static bool add_page(Assets *assets, const SerambiAsset *asset, GError **error)
{
    g_autoptr(GBytes) bytes = inflate_bytes(asset->bytes, asset->size);
    if (bytes == NULL) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "page '%s' is not gzip", asset->path);
        return false;
    }
    g_autofree char *with_public = list_owners(assets, "public.js");
    g_autofree char *with_staff = list_owners(assets, "staff.js");
    g_autofree char *with_kiosk = list_owners(assets, "kiosk.js");
    GString *text =
        g_string_new_len(g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes));
    g_string_replace(text, "{version}", assets->version, 0);
    g_string_replace(text, "{public}", with_public, 0);
    g_string_replace(text, "{staff}", with_staff, 0);
    g_string_replace(text, "{kiosk}", with_kiosk, 0);
    g_hash_table_insert(assets->pages, page_address(asset->path),
                        file_new(compress_bytes(text->str, text->len), asset->content_type));
    g_string_free(text, true);
    return true;
}

static bool add_file(Assets *assets, const Source *source, GError **error)
{
    const SerambiAsset *asset = source->asset;
    bool is_core = strcmp(source->owner, "core") == 0;
    const char *language = words_language(asset->path);
    if (language != NULL) {
        return add_words(assets, source, language, error);
    }
    if (is_core && g_str_has_suffix(asset->path, ".html")) {
        return add_page(assets, asset, error);
    }
    GBytes *gzip = g_bytes_new_static(asset->bytes, asset->size);
    if (is_core && (strcmp(asset->path, "favicon.svg") == 0 ||
                    strcmp(asset->path, "style.css") == 0 || /* for documents of plugins */
                    strcmp(asset->path, "manifest.webmanifest") == 0)) {
        g_hash_table_insert(assets->pages, g_strconcat("/", asset->path, NULL),
                            file_new(g_bytes_ref(gzip), asset->content_type));
    }
    g_hash_table_insert(assets->files, g_strconcat(source->owner, "/", asset->path, NULL),
                        file_new(gzip, asset->content_type));
    return true;
}

bool assets_finish(Assets *assets, GError **error)
{
    compute_version(assets);
    for (guint i = 0; i < assets->sources->len; i++) {
        if (!add_file(assets, &g_array_index(assets->sources, Source, i), error)) {
            return false;
        }
    }
    add_merged_words(assets);
    return true;
}

const char *assets_version(const Assets *assets)
{
    return assets->version;
}

const char *assets_word(const Assets *assets, const char *owner, const char *language,
                        const char *key)
{
    const json_t *merged = g_hash_table_lookup(assets->words, language);
    return json_string_value(json_object_get(json_object_get(merged, owner), key));
}

/* --- Serving -----------------------------------------------------------------------------------
 */

static bool takes_gzip(const char *accept)
{
    g_auto(GStrv) words = g_strsplit(accept == NULL ? "" : accept, ",", -1);
    for (char **word = words; *word != NULL; word++) {
        g_auto(GStrv) parts = g_strsplit(*word, ";", 2);
        if (parts[0] == NULL || g_ascii_strcasecmp(g_strstrip(parts[0]), "gzip") != 0) {
            continue;
        }
        const char *quality = parts[1] == NULL ? NULL : strstr(parts[1], "q=");
        return quality == NULL || g_ascii_strtod(quality + 2, NULL) > 0;
    }
    return false;
}

static void send_file(HttpRequest *request, const File *file, bool is_versioned)
{
    bool gzip = takes_gzip(http_header(request, "accept-encoding"));
    /* The two encodings are two representations, with a tag each (RFC 9110, 8.8.3.3). */
    g_autofree char *tag = g_strconcat(file->etag, gzip ? "-gzip" : "", NULL);
    g_autofree char *quoted = g_strdup_printf("\"%s\"", tag);
    HttpHeader headers[] = {
        {"Content-Type", file->content_type},
        {"Cache-Control", is_versioned ? "public, max-age=31536000, immutable" : "no-cache"},
        {"ETag", quoted},
        {"Vary", "Accept-Encoding"},
        {"Content-Encoding", "gzip"},
    };
    size_t count = G_N_ELEMENTS(headers) - (gzip ? 0 : 1);
    if (reply_etag_matches(http_header(request, "if-none-match"), tag)) {
        http_reply(request, 304, headers + 1, 3, NULL);
        return;
    }
    if (gzip) {
        http_reply(request, 200, headers, count, file->gzip);
        return;
    }
    size_t size;
    const uint8_t *bytes = g_bytes_get_data(file->gzip, &size);
    g_autoptr(GBytes) plain = inflate_bytes(bytes, size);
    http_reply(request, 200, headers, count, plain);
}

bool assets_handle(Assets *assets, HttpRequest *request)
{
    const char *path = http_path(request);
    const File *file = g_hash_table_lookup(assets->pages, path);
    bool is_versioned = false;
    if (file == NULL && g_str_has_prefix(path, "/a/")) {
        const char *rest = path + strlen("/a/");
        is_versioned = g_str_has_prefix(rest, assets->version) && rest[VERSION_DIGITS] == '/';
        file = is_versioned ? g_hash_table_lookup(assets->files, rest + VERSION_DIGITS + 1) : NULL;
    }
    if (file == NULL) {
        return false;
    }
    const char *method = http_method(request);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        HttpHeader allow = {"Allow", "GET, HEAD"};
        http_reply(request, 405, &allow, 1, NULL);
        return true;
    }
    send_file(request, file, is_versioned);
    return true;
}
