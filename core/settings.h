/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Settings: an ini file against tables of SerambiSetting; each value has a type, a range, a default
 * and help. A wrong setting names file, line, key and what would be right. */
#pragma once
#include "core/plugin.h"

typedef struct Settings Settings;

typedef enum {
    SETTINGS_ERROR_FILE = 1,
    SETTINGS_ERROR_VALUE,
    SETTINGS_ERROR_UNKNOWN
} SettingsError;
#define SETTINGS_ERROR (settings_error_quark())
GQuark settings_error_quark(void);

/* One value as its table has it; text is NULL but for TEXT and CHOICE, g_free(). */
typedef struct {
    int64_t number; /* BOOL: 0 or 1 */
    char *text;
} SettingsValue;
/* False with SETTINGS_ERROR_VALUE, which says what would be right. */
bool settings_parse(const SerambiSetting *setting, const char *text, SettingsValue *ret_value,
                    GError **error);

/* path NULL or (when optional) missing: all defaults. */
Settings *settings_load(const char *path, bool optional, GError **error);
void settings_free(Settings *settings);
/* Fills the struct at target from [group] by its table; strings belong to settings. Marks the
 * group's keys as known. All or nothing. */
bool settings_fill(Settings *settings, const char *group, const SerambiSetting *table, void *target,
                   GError **error);
/* After all fills: an unknown group or key is an error that names the nearest known one. */
bool settings_check_unknown(Settings *settings, GError **error);
/* The file with all defaults and help, for `serambi check --defaults`; g_free(). */
char *settings_describe(const char *group, const SerambiSetting *table);
