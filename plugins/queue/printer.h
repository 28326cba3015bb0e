/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A receipt printer that speaks ESC/POS, over TCP (port 9100) or as /dev/usb/lp*. It may be out of
 * paper, gone, or no printer at all: every wait has an end and every answer is looked at.
 *
 * Blocking, for the work() of serambi_run(); knows neither host nor database. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What [queue] printer may be: nothing, "tcp:192.168.1.50", "tcp:192.168.1.50:9100",
 * "tcp:[fd00::50]:9100" or "/dev/usb/lp0". Addresses, not names: asking for a name can hang. */
#define PRINTER_PATTERN                                                                            \
    "^(tcp:([0-9]{1,3}(\\.[0-9]{1,3}){3}|\\[[0-9A-Fa-f:.]+\\])(:[0-9]{1,5})?|/dev/usb/"            \
    "lp[0-9]{1,2})?$"

#define PRINTER_BYTES_MOST (64 * 1024)

typedef enum {
    PRINTER_PRINTED = 1, /* it said that it has come to the end of the receipt */
    PRINTER_UNSURE,      /* it took all and says nothing: some never do */
    PRINTER_NO_PAPER,
    PRINTER_COVER_OPEN,
    PRINTER_STOPPED, /* off line for another reason */
    PRINTER_GONE,    /* not reached, or lost before the end */
    PRINTER_GARBAGE, /* it answers what no printer does; nothing was sent to it */
} PrinterResult;

/* Prints bytes (at most PRINTER_BYTES_MOST). Looks first: a printer in trouble gets nothing, so
 * that no old receipt comes out when it is well again. target: as PRINTER_PATTERN, not empty; a
 * path that is no address is opened as a device. Takes 20 s at most. */
PrinterResult printer_print(const char *target, const uint8_t *bytes, size_t size);

/* "printed", "unsure", "no_paper", "cover_open", "stopped", "gone", "garbage". */
const char *printer_word(PrinterResult result);
