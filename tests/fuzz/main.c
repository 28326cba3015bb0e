/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A target as an ordinary test: every seed of its folder, then rounds of seeds that a generator
 * with a fixed beginning has spoilt. What a round finds it finds again the next time.
 *
 * Usage: TARGET FOLDER. A program that dies leaves the bytes in ./crash-TARGET: they become a seed.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS        4000
#define CHANGES_MOST  6
#define INPUT_BYTES   16384 /* longer than any limit of what is read */
#define GENERATOR     20260101
#define CRASH_STATUS  70
#define CRASH_MESSAGE "the bytes that it died of are in "

/* Of libasan and libubsan, where the build has them. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static struct {
    GByteArray *bytes;
    char *crash_file;
} last;

static void keep_last(void)
{
    int file = open(last.crash_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0 || last.bytes == NULL) {
        return;
    }
    ssize_t written = write(file, last.bytes->data, last.bytes->len);
    written += write(STDERR_FILENO, CRASH_MESSAGE, strlen(CRASH_MESSAGE));
    written += write(STDERR_FILENO, last.crash_file, strlen(last.crash_file));
    written += write(STDERR_FILENO, "\n", 1);
    _exit(written > 0 ? CRASH_STATUS : CRASH_STATUS + 1);
}

static void on_abort(int number)
{
    keep_last();
}

static void feed(GByteArray *bytes)
{
    last.bytes = bytes;
    g_autofree uint8_t *exact = g_malloc(MAX(bytes->len, 1));
    if (bytes->len > 0) {
        memcpy(exact, bytes->data, bytes->len);
    }
    uint8_t *end = exact + MAX(bytes->len, 1);
    g_assert_cmpint(LLVMFuzzerTestOneInput(end - bytes->len, bytes->len), ==, 0);
    last.bytes = NULL;
}

/* --- Seeds ------------------------------------------------------------------------------------ */

typedef struct {
    char *name;
    GByteArray *bytes;
} Seed;

static int by_name(const void *a, const void *b)
{
    return strcmp((*(Seed *const *)a)->name, (*(Seed *const *)b)->name);
}

static void seed_free(void *data)
{
    Seed *seed = data;
    g_free(seed->name);
    g_byte_array_unref(seed->bytes);
    g_free(seed);
}

static GPtrArray *read_seeds(const char *folder)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
    g_assert_no_error(error);
    GPtrArray *seeds = g_ptr_array_new_with_free_func(seed_free);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        char *text = NULL;
        gsize size = 0;
        g_file_get_contents(path, &text, &size, &error);
        g_assert_no_error(error);
        Seed *seed = g_new0(Seed, 1);
        seed->name = g_strdup(name);
        seed->bytes = g_byte_array_new_take((guint8 *)text, size);
        g_ptr_array_add(seeds, seed);
    }
    g_ptr_array_sort(seeds, by_name);
    g_assert_cmpuint(seeds->len, >, 0);
    return seeds;
}

static void test_seed(const void *data)
{
    feed(((const Seed *)data)->bytes);
}

/* --- Spoiling --------------------------------------------------------------------------------- */

/* What readers of text stumble over. */
static const char *const words[] = {
    "\"",         "\\",       "{",
    "}",          "[",        "]",
    "\n",         "\r\n",     "\r",
    "\t",         ",",        ":",
    "0",          "-1",       "2147483648",
    "1e999",      "null",     "true",
    "\xff",       "\xc0",     "\\u0000",
    "\\ud800",    "{}",       "\"id\":",
    "%00",        "%2e",      "/../",
    ";",          " ",        "\x7f",
    "4294967296", "\r\n\r\n", "9223372036854775808",
};

static void remove_some(GByteArray *bytes, GRand *random)
{
    if (bytes->len > 0) {
        guint at = (guint)g_rand_int_range(random, 0, (gint32)bytes->len);
        guint most = MIN(bytes->len - at, 32);
        g_byte_array_remove_range(bytes, at, (guint)g_rand_int_range(random, 1, (gint32)most + 1));
    }
}

static void insert(GByteArray *bytes, GRand *random, const void *piece, size_t size)
{
    guint at = (guint)g_rand_int_range(random, 0, (gint32)bytes->len + 1);
    if (size == 0 || bytes->len + size > INPUT_BYTES) {
        return;
    }
    g_autofree guint8 *copy = g_memdup2(piece, size);
    g_byte_array_set_size(bytes, bytes->len + (guint)size);
    memmove(bytes->data + at + size, bytes->data + at, bytes->len - size - at);
    memcpy(bytes->data + at, copy, size);
}

static void change(GByteArray *bytes, GRand *random, const GPtrArray *seeds)
{
    guint at = bytes->len > 0 ? (guint)g_rand_int_range(random, 0, (gint32)bytes->len) : 0;
    const Seed *other = g_ptr_array_index(seeds, g_rand_int_range(random, 0, (gint32)seeds->len));
    const char *word = words[g_rand_int_range(random, 0, G_N_ELEMENTS(words))];
    switch (g_rand_int_range(random, 0, 6)) {
    case 0:
        if (bytes->len > 0) {
            bytes->data[at] ^= (guint8)(1u << g_rand_int_range(random, 0, 8));
        }
        break;
    case 1:
        if (bytes->len > 0) {
            bytes->data[at] = (guint8)g_rand_int_range(random, 0, 256);
        }
        break;
    case 2:
        remove_some(bytes, random);
        break;
    case 3:
        insert(bytes, random, word, strlen(word));
        break;
    case 4: /* itself, from somewhere on: repeated members, deep nests */
        insert(bytes, random, bytes->data == NULL ? NULL : bytes->data + at, bytes->len - at);
        break;
    case 5:
        insert(bytes, random, other->bytes->data, other->bytes->len);
        break;
    }
}

static void test_spoilt(const void *data)
{
    const GPtrArray *seeds = data;
    g_autoptr(GRand) random = g_rand_new_with_seed(GENERATOR);
    for (guint round = 0; round < ROUNDS; round++) {
        const Seed *seed = g_ptr_array_index(seeds, round % seeds->len);
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        g_byte_array_append(bytes, seed->bytes->data, seed->bytes->len);
        for (int count = g_rand_int_range(random, 1, CHANGES_MOST + 1); count > 0; count--) {
            change(bytes, random, seeds);
        }
        feed(bytes);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(argc, ==, 2);
    g_autofree char *target = g_path_get_basename(argv[1]);
    last.crash_file = g_strconcat("crash-", target, NULL);
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(keep_last);
    }
    (void)signal(SIGABRT, on_abort);
    g_autoptr(GPtrArray) seeds = read_seeds(argv[1]);
    for (guint i = 0; i < seeds->len; i++) {
        const Seed *seed = g_ptr_array_index(seeds, i);
        g_autofree char *path = g_strdup_printf("/%s/%s", target, seed->name);
        g_test_add_data_func(path, seed, test_seed);
    }
    g_autofree char *spoilt = g_strdup_printf("/%s/spoilt", target);
    g_test_add_data_func(spoilt, seeds, test_spoilt);
    int status = g_test_run();
    g_free(last.crash_file);
    return status;
}
