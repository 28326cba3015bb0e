/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Writes the JSON lines of a job. */
#include "report.h"
#include <math.h>
#include <stdbool.h>

G_DEFINE_QUARK(report - error - quark, report_error)

static const char *const CODES[] = {
    [REPORT_ERROR_USAGE] = "usage",
    [REPORT_ERROR_CANNOT_OPEN] = "cannot_open",
    [REPORT_ERROR_CANNOT_WRITE] = "cannot_write",
    [REPORT_ERROR_NOT_MEDIA] = "not_media",
    [REPORT_ERROR_TOO_LONG] = "too_long",
    [REPORT_ERROR_TOO_LARGE] = "too_large",
    [REPORT_ERROR_TOO_MANY_STREAMS] = "too_many_streams",
    [REPORT_ERROR_UNSUPPORTED_CODEC] = "unsupported_codec",
    [REPORT_ERROR_ENCRYPTED] = "encrypted",
    [REPORT_ERROR_TRUNCATED] = "truncated",
    [REPORT_ERROR_PROGRAM] = "program_failed",
    [REPORT_ERROR_TIMEOUT] = "timeout",
    [REPORT_ERROR_NO_VOICE] = "no_voice",
    [REPORT_ERROR_STORYBOARD] = "storyboard",
    [REPORT_ERROR_SHORT] = "too_short",
};

const char *report_code(const GError *error)
{
    if (error->domain != REPORT_ERROR || error->code < 1 ||
        (size_t)error->code >= G_N_ELEMENTS(CODES))
        return "failed";
    return CODES[error->code];
}

static FILE *redirected;
static bool is_redirected;

void report_redirect(FILE *stream)
{
    redirected = stream;
    is_redirected = true;
}

/* Takes `line`. A parent that has gone away is no reason to fail: it will not read the exit status
 * either. */
static void print_line(json_t *line)
{
    g_autofree char *text =
        json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
    json_decref(line);
    g_assert(text != NULL);
    FILE *stream = is_redirected ? redirected : stdout;
    if (stream == NULL)
        return;
    (void)fprintf(stream, "%s\n", text);
    (void)fflush(stream);
}

void report_progress(const char *stage, double percent, double eta_seconds)
{
    double tenths = round(CLAMP(percent, 0, 100) * 10) / 10;
    json_t *eta = eta_seconds < 0 ? json_null() : json_integer((json_int_t)ceil(eta_seconds));
    print_line(json_pack("{s:{s:s,s:f,s:o}}", "progress", "stage", stage, "percent", tenths,
                         "eta_seconds", eta));
}

void report_result(json_t *result)
{
    print_line(json_pack("{s:o}", "result", result));
}

static int print_error(const char *code, const char *message)
{
    /* Tails of foreign messages may hold any byte; JSON may not. */
    g_autofree char *valid = g_utf8_make_valid(message, -1);
    print_line(json_pack("{s:{s:s,s:s}}", "error", "code", code, "message", valid));
    return 1;
}

int report_error(const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return print_error(code, message);
}

int report_failure(const GError *error)
{
    int status = print_error(report_code(error), error->message);
    return g_error_matches(error, REPORT_ERROR, REPORT_ERROR_USAGE) ? 2 : status;
}
