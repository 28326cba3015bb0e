/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The look of everything that Serambi draws itself: colours, fonts, sizes. Slides and screen alike.
 */
#pragma once
#include <stdint.h>

/* 0xRRGGBB, the dark set, for glass: every pair below reaches a contrast of 7:1. */
#define LOOK_PAPER       0x14201Cu
#define LOOK_INK         0xF2EFE6u
#define LOOK_MUTED       0xA9B5AEu
#define LOOK_LEAF        0x52C7A0u
#define LOOK_LEAF_PLATE  0x1D3A30u
#define LOOK_AMBER       0xFFC561u
#define LOOK_AMBER_PLATE 0x3A2A0Cu
#define LOOK_SKY         0x7CC4EEu
#define LOOK_RED         0xFF8A80u

/* The light set, for slides and pages. */
#define LOOK_LIGHT_PAPER      0xFBF8F1u
#define LOOK_LIGHT_INK        0x16241Fu
#define LOOK_LIGHT_MUTED      0x55635Du
#define LOOK_LIGHT_LEAF       0x0B6B50u
#define LOOK_LIGHT_LEAF_PLATE 0xE3F1EAu

/* Pango family list: Latin and Arabic shapes of one design. */
#define LOOK_FONT "Noto Sans, Noto Sans Arabic, sans-serif"

/* Type on glass as a share of the screen's height. */
#define LOOK_CALLED_NUMBER 0.24
#define LOOK_BOARD_NUMBER  0.07
#define LOOK_TITLE         0.09
#define LOOK_HEADING       0.06
#define LOOK_CAPTION       0.048
#define LOOK_TICKER        0.04
#define LOOK_CLOCK         0.04
#define LOOK_ARABIC_SCALE  1.15

#define LOOK_SAFE_MARGIN 0.03 /* of the screen's width and height */

#define LOOK_ARRIVE_MS           250
#define LOOK_LEAVE_MS            180
#define LOOK_TICKER_CHARACTERS_S 14
#define LOOK_SPOTLIGHT_MS        6000
