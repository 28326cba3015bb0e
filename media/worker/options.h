/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The options that jobs share. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#define OPTIONS_SECONDS_MAX 600

typedef struct Options {
    const char *input, *output, *language, *title; /* NULL: not given */
    int seconds;                                   /* 0: not given */
    char **words;                                  /* what is no option; all of what follows "--" */
    int word_count;
} Options;

/* argv  argv[0] is the job's name; the strings stay the caller's
 * Errors REPORT_ERROR_USAGE */
bool options_parse(int argc, char **argv, Options *ret_options, GError **error);

/* Fails with REPORT_ERROR_USAGE and the line of usage unless the condition holds. */
bool options_require(bool condition, const char *usage, GError **error);
