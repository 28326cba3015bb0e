/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The texts of the tus protocol. */
#include "core/tus.h"
#include "core/limits.h"
#include <sodium.h>
#include <string.h>
#include <time.h>

G_DEFINE_QUARK(tus - error, tus_error)

#define KEY_BYTES 64

char *tus_new_id(void)
{
    uint8_t bytes[16];
    char text[TUS_ID_TEXT + 1];
    randombytes_buf(bytes, sizeof bytes);
    return g_strdup(sodium_bin2base64(text, sizeof text, bytes, sizeof bytes,
                                      sodium_base64_VARIANT_URLSAFE_NO_PADDING));
}

bool tus_is_id(const char *text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return strlen(text) == TUS_ID_TEXT && strspn(text, alphabet) == TUS_ID_TEXT;
}

bool tus_parse_count(const char *text, int64_t *ret_count)
{
    if (text == NULL || text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
        return false;
    guint64 count = 0;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &count, NULL))
        return false;
    *ret_count = (int64_t)count;
    return true;
}

/* Strict base64 with padding; NULL if it is not. size gets the length without the added NUL. */
static char *decode(const char *text, size_t *ret_size)
{
    size_t length = strlen(text);
    char *bytes = g_malloc(length + 1);
    if (sodium_base642bin((uint8_t *)bytes, length, text, length, NULL, ret_size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        g_free(bytes);
        return NULL;
    }
    bytes[*ret_size] = '\0';
    return bytes;
}

static bool is_key(const char *key)
{
    size_t size = strlen(key);
    if (size == 0 || size > KEY_BYTES)
        return false;
    for (const char *at = key; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            return false;
    return true;
}

static bool add_pair(json_t *metadata, const char *pair)
{
    size_t length = strcspn(pair, " ");
    g_autofree char *key = g_strndup(pair, length);
    const char *text = pair + length + (pair[length] == ' ');
    size_t size = 0;
    g_autofree char *value = decode(text, &size);
    if (!is_key(key) || value == NULL || json_object_get(metadata, key) != NULL)
        return false;
    if (strlen(value) != size || !g_utf8_validate(value, (gssize)size, NULL))
        return false;
    return json_object_set_new(metadata, key, json_string(value)) == 0;
}

json_t *tus_parse_metadata(const char *header, GError **error)
{
    json_auto_t *metadata = json_object();
    if (header == NULL || header[0] == '\0')
        return g_steal_pointer(&metadata);
    if (strlen(header) > LIMIT_UPLOAD_METADATA) {
        g_set_error(error, TUS_ERROR, TUS_ERROR_METADATA, "metadata has at most %d bytes",
                    LIMIT_UPLOAD_METADATA);
        return NULL;
    }
    g_auto(GStrv) pairs = g_strsplit(header, ",", -1);
    for (char **pair = pairs; *pair != NULL; pair++) {
        if (add_pair(metadata, g_strstrip(*pair)))
            continue;
        g_set_error_literal(error, TUS_ERROR, TUS_ERROR_METADATA,
                            "metadata is pairs of a unique key and a text in base64");
        return NULL;
    }
    return g_steal_pointer(&metadata);
}

/* The id at the end of "/uploads/id" or "http://host/uploads/id"; NULL when it is none of ours. */
static const char *id_of(const char *place)
{
    static const char folder[] = "/uploads/";
    const char *path = place;
    if (g_str_has_prefix(place, "http://") || g_str_has_prefix(place, "https://"))
        path = strchr(strstr(place, "://") + 3, '/');
    if (path == NULL || !g_str_has_prefix(path, folder) || !tus_is_id(path + strlen(folder)))
        return NULL;
    return path + strlen(folder);
}

bool tus_parse_concat(const char *header, GPtrArray **ret_parts, GError **error)
{
    if (strcmp(header, "partial") == 0) {
        *ret_parts = NULL;
        return true;
    }
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    bool is_good = g_str_has_prefix(header, "final;");
    g_auto(GStrv) places = g_strsplit(is_good ? header + strlen("final;") : "", " ", -1);
    for (char **place = places; is_good && *place != NULL; place++) {
        const char *id = id_of(*place);
        is_good = id != NULL && ids->len < LIMIT_UPLOAD_PARTS &&
                  !g_ptr_array_find_with_equal_func(ids, id, g_str_equal, NULL);
        if (is_good)
            g_ptr_array_add(ids, g_strdup(id));
    }
    if (is_good && ids->len > 0) {
        *ret_parts = g_steal_pointer(&ids);
        return true;
    }
    g_set_error(error, TUS_ERROR, TUS_ERROR_CONCAT,
                "Upload-Concat is 'partial', or 'final;' and at most %d different uploads",
                LIMIT_UPLOAD_PARTS);
    return false;
}

bool tus_parse_checksum(const char *header, TusChecksum *ret_checksum, GError **error)
{
    static const struct {
        const char *prefix;
        GChecksumType type;
    } algorithms[] = {{"sha1 ", G_CHECKSUM_SHA1}, {"sha256 ", G_CHECKSUM_SHA256}};
    for (size_t i = 0; i < G_N_ELEMENTS(algorithms); i++) {
        if (!g_str_has_prefix(header, algorithms[i].prefix))
            continue;
        TusChecksum checksum = {.type = algorithms[i].type};
        const char *text = header + strlen(algorithms[i].prefix);
        if (sodium_base642bin(checksum.digest, sizeof checksum.digest, text, strlen(text), NULL,
                              &checksum.size, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
            checksum.size != (size_t)g_checksum_type_get_length(checksum.type))
            break;
        *ret_checksum = checksum;
        return true;
    }
    g_set_error_literal(error, TUS_ERROR, TUS_ERROR_CHECKSUM,
                        "a checksum is one of " TUS_ALGORITHMS " and its digest in base64");
    return false;
}

bool tus_checksum_is(const TusChecksum *expected, GChecksum *sum)
{
    uint8_t digest[32];
    gsize size = sizeof digest;
    g_checksum_get_digest(sum, digest, &size);
    return size == expected->size && memcmp(digest, expected->digest, size) == 0;
}

char *tus_date(int64_t at_us)
{
    /* By hand: strftime() would speak the language of the locale. */
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = at_us / G_USEC_PER_SEC;
    struct tm at;
    gmtime_r(&seconds, &at);
    return g_strdup_printf("%s, %02d %s %04d %02d:%02d:%02d GMT", days[at.tm_wday], at.tm_mday,
                           months[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
}
