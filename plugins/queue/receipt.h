/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A ticket's receipt as ESC/POS bytes. Pure.
 *
 * Words in Latin letters go to the printer as text. Its code pages cannot join Arabic letters, so
 * those come as a picture, made by the kiosk's browser, which shapes any script with the fonts that
 * it shows the page in: no font, no shaping and no bitmap of anybody on the server. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Of a picture of words: as wide as paper of 58 mm, which also fits on 80 mm. */
#define RECEIPT_DOTS           384
#define RECEIPT_PICTURE_HEIGHT 320

typedef struct {
    const char *label;    /* "A012" */
    const char *url;      /* of the ticket's page, for the printer's own QR code */
    const char *lines[6]; /* text, ended by NULL; left out when there is a picture */
    GBytes *picture;      /* RECEIPT_DOTS / 8 bytes a row, black is 1; or NULL */
} Receipt;

/* The bytes; only printable ASCII of the texts gets in, so nothing in a name is a command. */
GByteArray *receipt_make(const Receipt *receipt);
/* Whether bytes can be a picture: whole rows, RECEIPT_PICTURE_HEIGHT at most. */
bool receipt_is_picture(gsize size);
