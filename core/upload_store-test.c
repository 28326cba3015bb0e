/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Where uploads rest: links are not followed, parts are put together, samples tell files apart. */
#include "core/upload_store.h"
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MIB ((int64_t)1024 * 1024)

static void remove_all(const char *path)
{
    const char *argv[] = {"rm", "-rf", path, NULL};
    int status = -1;
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, &status, NULL));
    g_assert_cmpint(status, ==, 0);
}

static void test_disk(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *root = g_dir_make_tmp("serambi-uploads-XXXXXX", &error);
    g_autofree char *path = g_build_filename(root, "uploads", NULL);
    g_autofree char *outside = g_build_filename(root, "outside", NULL);
    g_assert_true(g_file_set_contents(outside, "keep", 4, NULL));
    UploadFolder *folder = upload_store_folder(path, &error);
    g_assert_no_error(error);
    g_autofree char *id = tus_new_id();
    g_assert_true(upload_store_create(folder, id, MIB, &error));
    g_assert_no_error(error);
    g_assert_cmpint(upload_store_size(folder, id), ==, 0);
    g_assert_false(upload_store_create(folder, id, 0, &error)); /* there is one */
    g_clear_error(&error);

    /* A link in the place of the file, or of the folder, is not followed. */
    g_autofree char *file = g_build_filename(path, id, "file", NULL);
    g_assert_cmpint(g_unlink(file), ==, 0);
    g_assert_cmpint(symlink(outside, file), ==, 0);
    g_assert_cmpint(upload_store_open(folder, id, &error), ==, -1);
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_assert_cmpint(upload_store_size(folder, id), ==, -1);
    g_autofree char *inner = g_build_filename(path, id, "inner", NULL);
    g_assert_cmpint(symlink(root, inner), ==, 0);
    g_assert_true(upload_store_remove(folder, id, &error));
    g_assert_true(g_file_test(outside, G_FILE_TEST_EXISTS));
    g_assert_true(upload_store_remove(folder, id, &error)); /* again is fine */
    g_autofree char *linked = tus_new_id();
    g_autofree char *link_path = g_build_filename(path, linked, NULL);
    g_assert_cmpint(symlink(root, link_path), ==, 0);
    g_assert_cmpint(upload_store_open(folder, linked, NULL), ==, -1);
    g_assert_false(upload_store_remove(folder, "../outside", NULL));
    g_assert_true(upload_store_remove(folder, linked, &error));
    g_assert_true(g_file_test(outside, G_FILE_TEST_EXISTS));
    upload_store_unref(folder);
    remove_all(root);
}

static void write_file(const char *root, const char *id, const char *bytes, gsize size)
{
    g_autofree char *path = g_build_filename(root, id, "file", NULL);
    g_assert_true(g_file_set_contents(path, bytes, (gssize)size, NULL));
}

/* Parts one after the other, in the order that was asked for; a missing one fails it. */
static void test_append(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *root = g_dir_make_tmp("serambi-uploads-XXXXXX", &error);
    UploadFolder *folder = upload_store_folder(root, &error);
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
    static const char *const texts[] = {"buku ", "", "di teras"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_ptr_array_add(parts, tus_new_id());
        g_assert_true(upload_store_create(folder, parts->pdata[i], 0, &error));
        write_file(root, parts->pdata[i], texts[i], strlen(texts[i]));
    }
    g_autofree char *id = tus_new_id();
    g_assert_true(upload_store_create(folder, id, 13, &error));
    g_assert_true(upload_store_append(folder, id, parts, &error));
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(root, id, "file", NULL);
    g_autofree char *whole = NULL;
    g_assert_true(g_file_get_contents(path, &whole, NULL, NULL));
    g_assert_cmpstr(whole, ==, "buku di teras");
    g_assert_true(upload_store_remove(folder, parts->pdata[1], &error));
    g_assert_false(upload_store_append(folder, id, parts, &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    upload_store_unref(folder);
    remove_all(root);
}

/* The sample sees a changed byte at the beginning, at the end and in a short file anywhere, and
 * nothing behind size. */
static void test_sample(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *root = g_dir_make_tmp("serambi-uploads-XXXXXX", &error);
    UploadFolder *folder = upload_store_folder(root, &error);
    g_autofree char *id = tus_new_id();
    g_assert_true(upload_store_create(folder, id, 0, &error));
    static const gsize sizes[] = {1, 65536, 1048576, 1048577, 3000001};
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        gsize size = sizes[i];
        g_autofree char *bytes = g_malloc0(size + 1);
        write_file(root, id, bytes, size + 1);
        g_autofree char *before = upload_store_sample(folder, id, (int64_t)size, &error);
        g_assert_no_error(error);
        bytes[size] = 1;
        write_file(root, id, bytes, size + 1);
        g_autofree char *same = upload_store_sample(folder, id, (int64_t)size, &error);
        g_assert_cmpstr(same, ==, before);
        bytes[size - 1] = 1;
        write_file(root, id, bytes, size + 1);
        g_autofree char *last = upload_store_sample(folder, id, (int64_t)size, &error);
        g_assert_cmpstr(last, !=, before);
        bytes[size - 1] = 0;
        bytes[0] = 1;
        write_file(root, id, bytes, size + 1);
        g_autofree char *first = upload_store_sample(folder, id, (int64_t)size, &error);
        g_assert_cmpstr(first, !=, before);
        g_assert_null(upload_store_sample(folder, id, (int64_t)size + 2, NULL)); /* not there */
    }
    upload_store_unref(folder);
    remove_all(root);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/upload-store/disk", test_disk);
    g_test_add_func("/upload-store/append", test_append);
    g_test_add_func("/upload-store/sample", test_sample);
    return g_test_run();
}
