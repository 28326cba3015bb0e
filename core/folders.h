/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Work folders: <data>/work/<owner>/<name>. Made on the loop, removed in a thread, and never
 * outside of work/, whatever links lie in them. */
#pragma once
#include <glib.h>
#include <stdbool.h>

/* New and empty, mode 0700; NULL with a GFileError. g_free(). */
char *folders_new(const char *data_folder, const char *owner, GError **error);
/* Whether folder is one of owner's, by its name alone: exactly one segment below
 * <data>/work/<owner>/. */
bool folders_is_owned(const char *data_folder, const char *owner, const char *folder);
/* Removes folder and all in it, without following links. Blocks. */
bool folders_remove(const char *folder, GError **error);
