/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Runs the programs ffmpeg, ffprobe, pdfinfo and pdftocairo: no shell, no network, no inherited
 * files, a time limit. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the child names the file that `input_fd` is open on. A path and not a pipe, for an MP4 may
 * keep its index at the end; and never the name a visitor gave the file, so no name can be mistaken
 * for an option or a protocol. */
#define FFMPEG_INPUT "/proc/self/fd/3"

/* What the programs may open. */
#define FFMPEG_PROTOCOLS "file,pipe"

/* Lines of standard error that are kept for the message. */
#define FFMPEG_STDERR_KEPT 4096

/* Gives the next piece for the child's standard input. The piece must stay until the next call.
 * *ret_size 0 is the end. Returns false with the error set to give up. */
typedef bool (*FfmpegFeed)(void *user, const uint8_t **ret_data, size_t *ret_size, GError **error);

/* Receives what the child writes to standard output. Returns false with the error set to give up.
 */
typedef bool (*FfmpegTake)(void *user, const uint8_t *data, size_t size, GError **error);

typedef struct FfmpegRun {
    const char *program;          /* one of the four */
    const char *const *arguments; /* NULL-terminated, without the program's name */
    int input_fd;                 /* becomes FFMPEG_INPUT; -1 for none */
    FfmpegFeed feed;              /* NULL: standard input is empty */
    FfmpegTake take;              /* NULL: standard output goes nowhere */
    void *user;                   /* for both */
    const char *stage;            /* not NULL: progress is reported under this name (ffmpeg only) */
    double percent_from, percent_to; /* the share of the whole job that this run is */
    int64_t expected_us;             /* length of the output, for percent and eta */
    int64_t *ret_done_us; /* not NULL: receives the length that was written at last (ffmpeg only) */
    unsigned timeout_seconds; /* 0: none */
    unsigned cpu_seconds;     /* of the child; 0: as the job has */
} FfmpegRun;

/* Runs the program to its end, blocking.
 *
 * Errors  REPORT_ERROR_PROGRAM with the last line of its complaint, REPORT_ERROR_TIMEOUT, or the
 * error of feed and take; the child is dead and reaped in any case. */
bool ffmpeg_run(const FfmpegRun *run, GError **error);

/* Runs and keeps the whole of standard output (at most limit bytes, more is an error). NULL on
 * failure. */
char *ffmpeg_read(const FfmpegRun *run, size_t limit, GError **error);

/* The same for bytes that are no text. */
char *ffmpeg_read_sized(const FfmpegRun *run, size_t limit, size_t *ret_size, GError **error);

/* Jails this process and its children: it may start the four programs and nothing else, read the
 * system's own files and `input`, and write in `folder` (existing; NULL: nowhere). Called once,
 * before the first byte is read. Errors  those of sandbox_enter() */
bool ffmpeg_sandbox(const char *input, const char *folder, GError **error);
