/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a job of the worker tells its parent: JSON, one object a line, on standard output. */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdio.h>

/* Why a job can fail. The parent shows the sentence and decides by the code word (`report_code`).
 */
typedef enum ReportError {
    REPORT_ERROR_USAGE = 1,         /* "usage": the call itself is wrong */
    REPORT_ERROR_CANNOT_OPEN,       /* "cannot_open": the input is not there or not readable */
    REPORT_ERROR_CANNOT_WRITE,      /* "cannot_write": the output folder refuses */
    REPORT_ERROR_NOT_MEDIA,         /* "not_media": no picture or sound in a form we know */
    REPORT_ERROR_TOO_LONG,          /* "too_long" */
    REPORT_ERROR_TOO_LARGE,         /* "too_large": the picture has too many pixels */
    REPORT_ERROR_TOO_MANY_STREAMS,  /* "too_many_streams" */
    REPORT_ERROR_UNSUPPORTED_CODEC, /* "unsupported_codec" */
    REPORT_ERROR_ENCRYPTED,         /* "encrypted": it asks for a password */
    REPORT_ERROR_TRUNCATED,         /* "truncated": the file ends before its content does */
    REPORT_ERROR_PROGRAM,           /* "program_failed": ffmpeg or ffprobe gave up */
    REPORT_ERROR_TIMEOUT,           /* "timeout" */
    REPORT_ERROR_NO_VOICE,          /* "no_voice": the language cannot be spoken here */
    REPORT_ERROR_STORYBOARD,        /* "storyboard": the text says file, line and column */
    REPORT_ERROR_SHORT,             /* "too_short": not enough sound to measure */
} ReportError;

#define REPORT_ERROR (report_error_quark())
GQuark report_error_quark(void);

/* The code word of an error; "failed" for an error of another domain. Static text. */
const char *report_code(const GError *error);

/* Sends the lines elsewhere than to standard output; NULL: nowhere. The stream stays the caller's.
 */
void report_redirect(FILE *stream);

/* Tells how far the work is. stage is snake_case, percent is cut to 0..100, eta_seconds below 0
 * means unknown. */
void report_progress(const char *stage, double percent, double eta_seconds);

/* The last line of a job that worked. Takes `result`. */
void report_result(json_t *result);

/* The last line of a job that did not. Returns 1, the exit status of such a job. */
int report_error(const char *code, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The same for a GError, which stays the caller's. Returns 2 if the call itself was wrong, else 1.
 */
int report_failure(const GError *error);
