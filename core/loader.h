/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Finds plugins, opens them and checks their tables before any of their code runs. Used by the
 * server and by the display. Opened plugins are never closed. */
#pragma once
#include "core/plugin.h"

typedef struct {
    const SerambiPlugin *plugin; /* a full-size copy of the descriptor; NULL when refused */
    char *id;                    /* file name without ".so" when refused */
    char *path;
    GError *error; /* why it is off; NULL when it is fine */
} LoaderEntry;

typedef enum {
    LOADER_ERROR_OPEN = 1,
    LOADER_ERROR_ABI,
    LOADER_ERROR_TABLE,
    LOADER_ERROR_CONFLICT
} LoaderError;
#define LOADER_ERROR (loader_error_quark())
GQuark loader_error_quark(void);

/* All *.so of folder in order of name; array of LoaderEntry, never NULL. A folder that can not be
 * read gives one entry with an error. */
GPtrArray *loader_load_folder(const char *folder);
/* One descriptor already in the process (tests). */
LoaderEntry *loader_check(const SerambiPlugin *plugin);
void loader_entry_free(LoaderEntry *entry);
/* The default folder: SERAMBI_PLUGINS, else beside the program's installation. g_free(). */
char *loader_default_folder(void);
