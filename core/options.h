/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The command line of serambi, read. */
#pragma once
#include <glib.h>

typedef struct {
    char *data, *config, *listen, *plugins, *worker, *role;
    char **subscribe; /* channels; NULL when none */
    int days;         /* until a token expires; 0: never */
    gboolean password_stdin, defaults, version, help;
    char **words; /* "user", "add", "rina" */
} Options;

/* Exit statuses, fit for scripts. */
enum { OPTIONS_DONE = 0, OPTIONS_FAILED = 1, OPTIONS_USAGE = 2 };
