/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The catalogues of one plugin, words/<language>.json among its assets, for those who speak to
 * people outside of a browser. */
#pragma once
#include "core/plugin.h"

typedef struct Words Words;

/* assets (may be NULL) is borrowed; a catalogue is unpacked at its first word. */
Words *words_new(const SerambiAsset *assets);
void words_free(Words *words);
/* The text, or key itself where it is missing. Lives as long as words, key as long as its owner
 * says. */
const char *words_get(Words *words, const char *language, const char *key);
