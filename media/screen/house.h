/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What is always there: the ground, the house slide below everything, the bar and the clock. Built
 * like a plugin, but part of the program: the screen is never black and never shows an error. */
#pragma once
#include "core/plugin.h"
#include "media/screen/layout.h"

/* The group [display] of the settings file. */
typedef struct {
    const char *library_name, *opening_hours, *public_url;
    const char *layout;         /* cinema, desk, board */
    const char *back_end;       /* stage_back_end() */
    const char *language;       /* id, en, ar: comes first */
    const char *colours, *font; /* as theme_set() takes them */
    bool is_mirrored, has_reduced_motion;
    int64_t volume_percent, sound_delay_ms, cache_megabytes;
} HouseSettings;

extern const SerambiPlugin house_plugin; /* id "display" */

/* The n-th language of the screen; NULL after the last. */
const char *house_language(const HouseSettings *settings, size_t n);

/* The screen changed its shape, or another address is to be shown.
 *
 * address    what the QR code says; NULL: none
 * has_clock  nobody else draws one
 * has_card   somebody else shows a code beside the picture: a small slide needs none */
void house_arrange(Serambi *self, const Layout *layout, const char *address, bool has_clock,
                   bool has_card);
