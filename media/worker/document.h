/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A PDF: one tutorial whose pages turn. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DOCUMENT_PAGES_MAX        200
#define DOCUMENT_PAGE_CPU_SECONDS 10

typedef struct Document {
    int pages;
    int width, height; /* of the master: the first page, whole, within 1920x1080 and even */
} Document;

/* Counts the pages. fd is open for reading on the file.
 *
 * Errors  REPORT_ERROR_NOT_MEDIA (damaged, or without a page), _ENCRYPTED, _TOO_LONG (pages) */
bool document_read(int fd, Document *ret_document, GError **error);

/* Draws each page to folder/page-NNN.png, NNN from 001, and tells how far it is.
 *
 * Errors  REPORT_ERROR_NOT_MEDIA, _TIMEOUT: the page took more than its processor time */
bool document_draw(int fd, const Document *document, const char *folder, GError **error);

/* Takes the pages away again. */
void document_discard(const Document *document, const char *folder);
