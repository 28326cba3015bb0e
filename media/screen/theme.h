/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The colours and the font of this screen: those of media/look.h, and what a library puts in their
 * place, as far as it can be read. Main thread; set once, before the first picture. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* 0xRRGGBB of "leaf_plate"; ink for unknown names. */
uint32_t theme_colour(const char *name);
/* Pango's list of families; the library's own is first, Noto's are behind it. */
const char *theme_font(void);

/* Contrast of two colours, 1 to 21. Source: WCAG 2.2, relative luminance and contrast ratio. */
double theme_contrast(uint32_t a, uint32_t b);

/* How dense a plate of ground must be for text on it to keep a contrast of 7:1 over any picture: 0
 * to 256, not less than the house's 80 %. */
unsigned theme_plate_alpha(const char *text, const char *ground);

/* Puts a library's own colours and font in place. A pair of text and ground that is too weak for
 * glass goes back to the colours of media/look.h, both of them.
 *
 * colours      "leaf=#7AC943 leaf_plate=#12301F"; "": none
 * font         a family such as "Inter"; "": none
 * Returns a sentence for each pair and word that was refused, by how much; g_strfreev(). */
char **theme_set(const char *colours, const char *font);
