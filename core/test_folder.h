/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * For tests: takes away a folder with all that is in it, as far as that is possible. Links are
 * taken away, not followed. */
#pragma once
#include <glib/gstdio.h>
#include <stdbool.h>

static inline void test_folder_remove(const char *path)
{
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    for (const char *name = folder ? g_dir_read_name(folder) : NULL; name;
         name = g_dir_read_name(folder)) {
        g_autofree char *inside = g_build_filename(path, name, NULL);
        bool is_link = g_file_test(inside, G_FILE_TEST_IS_SYMLINK);
        if (!is_link && g_file_test(inside, G_FILE_TEST_IS_DIR))
            test_folder_remove(inside);
        else
            (void)g_unlink(inside);
    }
    (void)g_rmdir(path);
}
