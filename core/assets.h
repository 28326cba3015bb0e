/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Pages in the binary: gzip bytes under a versioned address that may be cached for ever, and the
 * merged catalogues of words. */
#pragma once
#include "core/http.h"
#include "core/plugin.h"

typedef struct Assets Assets;
Assets *assets_new(void);
void assets_free(Assets *assets);
/* owner "core" or a plugin's id. Borrowed tables. */
void assets_add(Assets *assets, const char *owner, const SerambiAsset *table);
/* After the last add: computes the version, merges words/<language>.json of all owners into
 * {"core":{...},"queue":{...}} at /a/<version>/words/<language>.json, and puts version and the list
 * of plugins with pages into the HTML files ("{version}", "{public}", "{staff}", "{kiosk}": ids
 * separated by spaces that have public.js, staff.js, kiosk.js). */
bool assets_finish(Assets *assets, GError **error);
const char *assets_version(const Assets *assets);
/* GET and HEAD of /a/<version>/..., "/", "/staff", "/kiosk", "/favicon.svg", "/manifest.webmanifest": a page
 * is core's <name>.html. Returns false (request untouched) when there is no such file. */
bool assets_handle(Assets *assets, HttpRequest *request);
/* A word; NULL when missing. language "id", "en", "ar". */
const char *assets_word(const Assets *assets, const char *owner, const char *language,
                        const char *key);
