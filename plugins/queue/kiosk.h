/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Routes of the kiosk: what it offers, a ticket's QR code, its receipt. */
#pragma once
#include "core/plugin.h"

/* GET kiosk: {"has_printer":bool,"place":text,"rule":{"ratio":N,"age_minutes":N}}. */
void kiosk_handle(Serambi *self, SerambiRequest *request);
/* GET tickets/{secret}/qr: SVG of the address of the ticket's page. */
void kiosk_handle_qr(Serambi *self, SerambiRequest *request);
/* POST tickets/{secret}/receipt {language, kiosk, picture}: {"printer": printer_word()}, answered
 * when the printer has been heard or its time is over. */
void kiosk_handle_receipt(Serambi *self, SerambiRequest *request);
/* Whether the request carries the settings' kiosk key: such a kiosk gives numbers to everybody, so
 * the limit for one address is not for it. */
bool kiosk_is_known(Serambi *self, SerambiRequest *request);

#define KIOSK_MIGRATION                                                                            \
    "ALTER TABLE queue_ticket ADD COLUMN receipts BIGINT NOT NULL DEFAULT 0;" /* The range that    \
                                                                                 its visitor was   \
                                                                                 told first: staff \
                                                                                 see how right it  \
                                                                                 was. */           \
    "ALTER TABLE queue_ticket ADD COLUMN first_wait TEXT;"
