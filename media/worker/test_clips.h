/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Files for the tests of ingest, made with ffmpeg's own test sources. Included once by a test. */
#pragma once
#include "ffmpeg.h"
#include <glib/gstdio.h>

static char *folder; /* of this run */

static char *path_of(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

/* Makes a clip with ffmpeg's own test sources; the options are in words without spaces. */
static void make_clip(const char *name, const char *options)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) words = g_strsplit(options, " ", -1);
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    g_autofree char *path = path_of(name);
    g_autofree char *output = g_strconcat("file:", path, NULL);
    for (size_t i = 0; words[i] != NULL; i++)
        if (*words[i] != '\0')
            g_ptr_array_add(arguments, words[i]);
    g_ptr_array_add(arguments, (char *)"-y");
    g_ptr_array_add(arguments, output);
    g_ptr_array_add(arguments, NULL);
    FfmpegRun run = {
        .program = "ffmpeg", .arguments = (const char *const *)arguments->pdata, .input_fd = -1};
    g_assert_true(ffmpeg_run(&run, &error));
    g_assert_no_error(error);
}

static void remove_all(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    for (const char *name = NULL; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        remove_all(inner);
    }
    if (dir != NULL)
        g_dir_close(dir);
    (void)g_remove(path);
}
