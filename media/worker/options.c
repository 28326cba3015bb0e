/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Reads the options by name. */
#include "options.h"
#include "report.h"
#include <getopt.h>

enum { OPTION_INPUT = 256, OPTION_OUTPUT, OPTION_LANGUAGE, OPTION_SECONDS, OPTION_TITLE };

static const struct option KNOWN[] = {
    {"input", required_argument, NULL, OPTION_INPUT},
    {"output", required_argument, NULL, OPTION_OUTPUT},
    {"language", required_argument, NULL, OPTION_LANGUAGE},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"title", required_argument, NULL, OPTION_TITLE},
    {NULL, 0, NULL, 0},
};

static bool read_seconds(const char *text, int *ret_seconds, GError **error)
{
    gint64 seconds = 0;
    if (g_ascii_string_to_signed(text, 10, 1, OPTIONS_SECONDS_MAX, &seconds, NULL)) {
        *ret_seconds = (int)seconds;
        return true;
    }
    g_set_error(error, REPORT_ERROR, REPORT_ERROR_USAGE, "--seconds wants 1 to %d",
                OPTIONS_SECONDS_MAX);
    return false;
}

bool options_parse(int argc, char **argv, Options *ret_options, GError **error)
{
    Options options = {0};
    optind = 0; /* glibc: begin anew, whatever was parsed before */
    opterr = 0;
    for (int option = 0; (option = getopt_long(argc, argv, "", KNOWN, NULL)) != -1;) {
        switch (option) {
        case OPTION_INPUT:
            options.input = optarg;
            break;
        case OPTION_OUTPUT:
            options.output = optarg;
            break;
        case OPTION_LANGUAGE:
            options.language = optarg;
            break;
        case OPTION_SECONDS:
            if (!read_seconds(optarg, &options.seconds, error))
                return false;
            break;
        case OPTION_TITLE:
            options.title = optarg;
            break;
        default:
            g_set_error(error, REPORT_ERROR, REPORT_ERROR_USAGE,
                        "unknown option, or one without its value, before word %d of the call",
                        optind);
            return false;
        }
    }
    options.words = argv + optind;
    options.word_count = argc - optind;
    *ret_options = options;
    return true;
}

bool options_require(bool condition, const char *usage, GError **error)
{
    if (!condition)
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_USAGE, "usage: serambi-media %s", usage);
    return condition;
}
