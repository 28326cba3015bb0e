/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * QR codes as SVG. Source: ISO/IEC 18004, by libqrencode. */
#pragma once

/* Black modules on white with the quiet zone of four modules; NULL if text is too long. g_free().
 */
char *qr_svg(const char *text);
