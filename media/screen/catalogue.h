/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The words of one plugin in three languages, unpacked from its assets. */
#pragma once
#include "core/plugin.h"

typedef struct Catalogue Catalogue;

/* Files that are missing or damaged count as empty. assets may be NULL. */
Catalogue *catalogue_new(const SerambiAsset *assets);
void catalogue_free(Catalogue *catalogue);
/* "board.title" also finds {"board":{"title":...}}. The key itself where it is missing. Lives as
 * long as the catalogue. */
const char *catalogue_word(const Catalogue *catalogue, const char *language, const char *key);
