/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Lets poppler's programs read a PDF, page by page: a page that is too much for them costs only its
 * own time. */
#include "document.h"
#include "ffmpeg.h"
#include "master.h"
#include "report.h"
#include <math.h>
#include <string.h>
#include <unistd.h>

#define INFO_BYTES_MAX    (256 * 1024)
#define INFO_SECONDS      30
#define PAGE_WALL_SECONDS 60
#define PAGE_BYTES_MAX    (64 << 20)
#define SHARE_OF_JOB      70.0   /* percent of the job that drawing is */
#define SCALE_TO          "1920" /* the longer side, whatever the page claims to measure */

/* The value of a line "Key:   value" of pdfinfo; NULL: no such line. */
static const char *line_of(const char *text, const char *key)
{
    for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (g_str_has_prefix(at, key))
            return at + strlen(key);
        if (*at == '\0')
            break;
    }
    return NULL;
}

static void read_size(const char *text, Document *document)
{
    char *end = NULL;
    double width = text ? g_ascii_strtod(text, &end) : 0;
    const char *by = end ? strstr(end, "x ") : NULL;
    double height = by ? g_ascii_strtod(by + 2, NULL) : 0;
    if (!(width > 0 && height > 0 && width < 1e6 && height < 1e6)) {
        width = MASTER_WIDTH_MAX;
        height = MASTER_HEIGHT_MAX;
    }
    double scale = MIN(MASTER_WIDTH_MAX / width, MASTER_HEIGHT_MAX / height);
    document->width = MAX(16, (int)lround(width * scale / 2) * 2);
    document->height = MAX(16, (int)lround(height * scale / 2) * 2);
}

bool document_read(int fd, Document *ret_document, GError **error)
{
    const char *arguments[] = {FFMPEG_INPUT, NULL};
    FfmpegRun run = {.program = "pdfinfo",
                     .arguments = arguments,
                     .input_fd = fd,
                     .timeout_seconds = INFO_SECONDS,
                     .cpu_seconds = DOCUMENT_PAGE_CPU_SECONDS};
    g_autoptr(GError) problem = NULL;
    g_autofree char *text = ffmpeg_read(&run, INFO_BYTES_MAX, &problem);
    if (text == NULL && strstr(problem->message, "assword") != NULL)
        g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_ENCRYPTED,
                            "the PDF asks for a password; save it without one");
    else if (text == NULL && !g_error_matches(problem, REPORT_ERROR, REPORT_ERROR_PROGRAM))
        g_propagate_error(error, g_steal_pointer(&problem));
    else if (text == NULL)
        g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_NOT_MEDIA,
                            "the PDF is damaged and cannot be read");
    if (text == NULL)
        return false;
    const char *pages = line_of(text, "Pages:");
    gint64 count = pages ? g_ascii_strtoll(pages, NULL, 10) : 0;
    if (count < 1) {
        g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_NOT_MEDIA,
                            "the PDF holds not a single page");
        return false;
    }
    if (count > DOCUMENT_PAGES_MAX) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_TOO_LONG,
                    "the PDF has %" G_GINT64_FORMAT " pages; at most %d are possible", count,
                    DOCUMENT_PAGES_MAX);
        return false;
    }
    *ret_document = (Document){.pages = (int)count};
    const char *size = line_of(text, "Page size:");
    /* A page that lies on its side is told upright, with its turn on a line of its own. */
    read_size(size, ret_document);
    const char *turn = line_of(text, "Page rot:");
    if (turn != NULL && g_ascii_strtoll(turn, NULL, 10) % 180 != 0) {
        g_autofree char *turned =
            g_strdup_printf("%d x %d", ret_document->height, ret_document->width);
        read_size(turned, ret_document);
    }
    return true;
}

static char *page_path(const char *folder, int page)
{
    return g_strdup_printf("%s/page-%03d.png", folder, page);
}

static bool draw_page(int fd, int page, const char *folder, GError **error)
{
    g_autofree char *number = g_strdup_printf("%d", page);
    const char *arguments[] = {"-png",      "-singlefile", "-f",         number, "-l", number,
                               "-scale-to", SCALE_TO,      FFMPEG_INPUT, "-",    NULL};
    FfmpegRun run = {.program = "pdftocairo",
                     .arguments = arguments,
                     .input_fd = fd,
                     .timeout_seconds = PAGE_WALL_SECONDS,
                     .cpu_seconds = DOCUMENT_PAGE_CPU_SECONDS};
    g_autoptr(GError) problem = NULL;
    size_t size = 0;
    g_autofree char *picture = ffmpeg_read_sized(&run, PAGE_BYTES_MAX, &size, &problem);
    if (picture == NULL && g_error_matches(problem, REPORT_ERROR, REPORT_ERROR_TIMEOUT)) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_TIMEOUT,
                    "page %d of the PDF is too much work: %s", page, problem->message);
        return false;
    }
    if (picture == NULL || size == 0) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_NOT_MEDIA,
                    "page %d of the PDF cannot be drawn", page);
        return false;
    }
    g_autofree char *path = page_path(folder, page);
    if (g_file_set_contents_full(path, picture, (gssize)size, G_FILE_SET_CONTENTS_NONE, 0600,
                                 &problem))
        return true;
    g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_CANNOT_WRITE, problem->message);
    return false;
}

bool document_draw(int fd, const Document *document, const char *folder, GError **error)
{
    int64_t started_us = g_get_monotonic_time();
    for (int page = 1; page <= document->pages; page++) {
        if (!draw_page(fd, page, folder, error))
            return false;
        double spent = (double)(g_get_monotonic_time() - started_us) / 1e6;
        report_progress("pages", SHARE_OF_JOB * page / document->pages,
                        spent / page * (document->pages - page));
    }
    return true;
}

void document_discard(const Document *document, const char *folder)
{
    for (int page = 1; page <= document->pages; page++) {
        g_autofree char *path = page_path(folder, page);
        (void)unlink(path);
    }
}
