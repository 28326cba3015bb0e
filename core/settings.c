/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The settings file. GKeyFile knows no lines, so the text is kept beside it to name them. */
#include "core/settings.h"
#include <errno.h>
#include <string.h>

/* A text setting without a bound of its own. */
#define TEXT_MAX_BYTES 1024

struct Settings {
    GKeyFile *file;
    char *path; /* as given; "the defaults" without a file */
    char **lines;
    GHashTable *known; /* "group" and "group\nkey" */
    GPtrArray *strings;
};

G_DEFINE_QUARK(settings - error, settings_error)

/* --- Values --------------------------------------------------------------------------------------
 */

static bool parse_bool(const char *text, SettingsValue *ret_value, GError **error)
{
    bool is_true = g_str_equal(text, "true"), is_false = g_str_equal(text, "false");
    if (!is_true && !is_false) {
        g_set_error(error, SETTINGS_ERROR, SETTINGS_ERROR_VALUE, "'%s' is neither true nor false",
                    text);
        return false;
    }
    ret_value->number = is_true;
    return true;
}

static bool parse_int(const SerambiSetting *setting, const char *text, SettingsValue *ret_value,
                      GError **error)
{
    bool has_range = setting->min != 0 || setting->max != 0;
    int64_t least = has_range ? setting->min : INT64_MIN;
    int64_t most = has_range ? setting->max : INT64_MAX;
    gint64 number = 0;
    if (!g_ascii_string_to_signed(text, 10, least, most, &number, NULL)) {
        g_set_error(error, SETTINGS_ERROR, SETTINGS_ERROR_VALUE,
                    "'%s' is not a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                    text, least, most);
        return false;
    }
    ret_value->number = number;
    return true;
}

static bool parse_text(const SerambiSetting *setting, const char *text, SettingsValue *ret_value,
                       GError **error)
{
    size_t size = strlen(text), least = (size_t)MAX(setting->min, 0);
    size_t most = setting->max > 0 ? (size_t)setting->max : TEXT_MAX_BYTES;
    if (size < least || size > most || !g_utf8_validate(text, -1, NULL)) {
        g_set_error(error, SETTINGS_ERROR, SETTINGS_ERROR_VALUE,
                    "it must be a text (UTF-8) of %zu to %zu bytes", least, most);
        return false;
    }
    if (setting->choices &&
        !g_regex_match_simple(setting->choices, text, G_REGEX_DOLLAR_ENDONLY, 0)) {
        g_set_error(error, SETTINGS_ERROR, SETTINGS_ERROR_VALUE, "'%s' is not right: %s", text,
                    setting->help);
        return false;
    }
    ret_value->text = g_strdup(text);
    return true;
}

static bool parse_choice(const SerambiSetting *setting, const char *text, SettingsValue *ret_value,
                         GError **error)
{
    g_auto(GStrv) choices = g_strsplit(setting->choices, "|", -1);
    if (!g_strv_contains((const char *const *)choices, text)) {
        g_autofree char *list = g_strjoinv(", ", choices);
        g_set_error(error, SETTINGS_ERROR, SETTINGS_ERROR_VALUE, "'%s' is none of: %s", text, list);
        return false;
    }
    ret_value->text = g_strdup(text);
    return true;
}

bool settings_parse(const SerambiSetting *setting, const char *text, SettingsValue *ret_value,
                    GError **error)
{
    switch (setting->kind) {
    case SERAMBI_BOOL:
        return parse_bool(text, ret_value, error);
    case SERAMBI_INT:
        return parse_int(setting, text, ret_value, error);
    case SERAMBI_TEXT:
        return parse_text(setting, text, ret_value, error);
    case SERAMBI_CHOICE:
        return parse_choice(setting, text, ret_value, error);
    }
    g_set_error(error, SETTINGS_ERROR, SETTINGS_ERROR_VALUE, "its kind is unknown");
    return false;
}

/* --- Lines ---------------------------------------------------------------------------------------
 */

/* "file 'x.ini', line 7": the last line of group that begins with key (NULL: the group's). */
static char *place(const Settings *settings, const char *group, const char *key)
{
    g_autofree char *heading = g_strdup_printf("[%s]", group);
    bool is_inside = false;
    guint found = 0;
    for (guint i = 0; settings->lines[i]; i++) {
        g_autofree char *line = g_strstrip(g_strdup(settings->lines[i]));
        if (line[0] == '[') {
            is_inside = g_str_equal(line, heading);
            if (is_inside && !key)
                found = i + 1;
            continue;
        }
        size_t size = key ? strlen(key) : 0;
        if (is_inside && key && g_str_has_prefix(line, key) &&
            line[size + strspn(line + size, " \t")] == '=')
            found = i + 1;
    }
    return g_strdup_printf("file '%s', line %u", settings->path, found);
}

/* --- Loading -------------------------------------------------------------------------------------
 */

static bool read_file(Settings *settings, const char *path, bool optional, GError **error)
{
    g_autofree char *text = NULL;
    gsize size = 0;
    GError *failure = NULL;
    if (path && !g_file_get_contents(path, &text, &size, &failure)) {
        bool is_missing = g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT);
        if (!optional || !is_missing) {
            g_set_error(error, SETTINGS_ERROR, SETTINGS_ERROR_FILE, "%s", failure->message);
            g_error_free(failure);
            return false;
        }
        g_error_free(failure);
    }
    settings->lines = g_strsplit(text ? text : "", "\n", -1);
    if (!text || size == 0)
        return true;
    if (g_key_file_load_from_data(settings->file, text, size, G_KEY_FILE_NONE, &failure))
        return true;
    g_set_error(error, SETTINGS_ERROR, SETTINGS_ERROR_FILE, "file '%s': %s", path,
                failure->message);
    g_error_free(failure);
    return false;
}

Settings *settings_load(const char *path, bool optional, GError **error)
{
    Settings *settings = g_new0(Settings, 1);
    settings->file = g_key_file_new();
    settings->path = g_strdup(path ? path : "the defaults");
    settings->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    settings->strings = g_ptr_array_new_with_free_func(g_free);
    if (read_file(settings, path, optional, error))
        return settings;
    settings_free(settings);
    return NULL;
}

void settings_free(Settings *settings)
{
    if (!settings)
        return;
    g_key_file_unref(settings->file);
    g_strfreev(settings->lines);
    g_hash_table_unref(settings->known);
    g_ptr_array_unref(settings->strings);
    g_free(settings->path);
    g_free(settings);
}

/* --- Filling -------------------------------------------------------------------------------------
 */

static char *known_key(const char *group, const char *key)
{
    return g_strconcat(group, "\n", key, NULL);
}

static bool read_value(Settings *settings, const char *group, const SerambiSetting *setting,
                       SettingsValue *ret_value, GError **error)
{
    GError *failure = NULL;
    g_autofree char *text = NULL;
    if (g_key_file_has_key(settings->file, group, setting->key, NULL)) {
        text = setting->kind == SERAMBI_TEXT
                   ? g_key_file_get_string(settings->file, group, setting->key, &failure)
                   : g_key_file_get_value(settings->file, group, setting->key, &failure);
        if (text)
            (void)g_strstrip(text);
    }
    if (!failure && settings_parse(setting, text ? text : setting->fallback, ret_value, &failure))
        return true;
    g_autofree char *where = place(settings, group, setting->key);
    g_set_error(error, SETTINGS_ERROR, SETTINGS_ERROR_VALUE, "%s: [%s] %s: %s", where, group,
                setting->key, failure->message);
    g_error_free(failure);
    return false;
}

static void store_value(Settings *settings, const SerambiSetting *setting,
                        const SettingsValue *value, void *target)
{
    char *member = (char *)target + setting->offset;
    if (setting->kind == SERAMBI_BOOL) {
        bool is_true = value->number != 0;
        memcpy(member, &is_true, sizeof is_true);
    } else if (setting->kind == SERAMBI_INT) {
        memcpy(member, &value->number, sizeof value->number);
    } else {
        memcpy(member, &value->text, sizeof value->text);
        g_ptr_array_add(settings->strings, value->text);
    }
}

bool settings_fill(Settings *settings, const char *group, const SerambiSetting *table, void *target,
                   GError **error)
{
    g_autoptr(GArray) values = g_array_new(FALSE, TRUE, sizeof(SettingsValue));
    (void)g_hash_table_add(settings->known, g_strdup(group));
    bool is_right = true;
    for (const SerambiSetting *setting = table; setting && setting->key; setting++) {
        SettingsValue value = {0};
        (void)g_hash_table_add(settings->known, known_key(group, setting->key));
        is_right = is_right && read_value(settings, group, setting, &value, error);
        g_array_append_val(values, value);
    }
    for (guint i = 0; i < values->len; i++) {
        SettingsValue *value = &g_array_index(values, SettingsValue, i);
        if (is_right)
            store_value(settings, &table[i], value, target);
        else
            g_free(value->text);
    }
    return is_right;
}

/* --- Unknown names -------------------------------------------------------------------------------
 */

/* How many letters must change to make one word of the other (Levenshtein); at most 255. */
static guint distance(const char *from, const char *to)
{
    size_t width = MIN(strlen(to), 255);
    guint row[256];
    for (size_t x = 0; x <= width; x++)
        row[x] = (guint)x;
    for (guint y = 1; from[y - 1]; y++) {
        guint diagonal = row[0];
        row[0] = y;
        for (size_t x = 1; x <= width; x++) {
            guint above = row[x];
            guint best = MIN(MIN(row[x - 1], above) + 1, diagonal + (from[y - 1] != to[x - 1]));
            diagonal = above;
            row[x] = best;
        }
    }
    return row[width];
}

/* The known group (prefix "") or the key of a group (prefix "group\n") most like name. */
static const char *nearest(const Settings *settings, const char *prefix, const char *name)
{
    GHashTableIter iter;
    gpointer known;
    const char *best = NULL;
    guint least = 256;
    g_hash_table_iter_init(&iter, settings->known);
    while (g_hash_table_iter_next(&iter, &known, NULL)) {
        const char *candidate = (const char *)known + strlen(prefix);
        if (!g_str_has_prefix(known, prefix) || strchr(candidate, '\n'))
            continue;
        guint far = distance(name, candidate);
        if (far < least || (far == least && best && strcmp(candidate, best) < 0)) {
            least = far;
            best = candidate;
        }
    }
    return best;
}

static bool check_keys(Settings *settings, const char *group, GError **error)
{
    g_auto(GStrv) keys = g_key_file_get_keys(settings->file, group, NULL, NULL);
    for (guint i = 0; keys && keys[i]; i++) {
        g_autofree char *name = known_key(group, keys[i]);
        if (g_hash_table_contains(settings->known, name))
            continue;
        g_autofree char *prefix = known_key(group, "");
        g_autofree char *where = place(settings, group, keys[i]);
        const char *near = nearest(settings, prefix, keys[i]);
        g_set_error(error, SETTINGS_ERROR, SETTINGS_ERROR_UNKNOWN,
                    "%s: [%s] has no setting '%s'%s%s%s", where, group, keys[i],
                    near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
        return false;
    }
    return true;
}

bool settings_check_unknown(Settings *settings, GError **error)
{
    g_auto(GStrv) groups = g_key_file_get_groups(settings->file, NULL);
    for (guint i = 0; groups[i]; i++) {
        if (g_hash_table_contains(settings->known, groups[i])) {
            if (!check_keys(settings, groups[i], error))
                return false;
            continue;
        }
        g_autofree char *where = place(settings, groups[i], NULL);
        const char *near = nearest(settings, "", groups[i]);
        g_set_error(error, SETTINGS_ERROR, SETTINGS_ERROR_UNKNOWN,
                    "%s: nothing is called [%s]%s%s%s", where, groups[i],
                    near ? ", did you mean [" : "", near ? near : "", near ? "]?" : "");
        return false;
    }
    return true;
}

/* --- The file with its help ----------------------------------------------------------------------
 */

static void describe_kind(GString *out, const SerambiSetting *setting)
{
    switch (setting->kind) {
    case SERAMBI_BOOL:
        g_string_append(out, "true or false");
        break;
    case SERAMBI_INT:
        if (setting->min || setting->max)
            g_string_append_printf(out, "%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, setting->min,
                                   setting->max);
        else
            g_string_append(out, "a whole number");
        break;
    case SERAMBI_TEXT:
        g_string_append_printf(out, "text, at most %" G_GINT64_FORMAT " bytes",
                               setting->max ? setting->max : (int64_t)TEXT_MAX_BYTES);
        break;
    case SERAMBI_CHOICE:
        g_string_append(out, setting->choices);
        break;
    }
}

char *settings_describe(const char *group, const SerambiSetting *table)
{
    GString *out = g_string_new(NULL);
    g_string_append_printf(out, "[%s]\n", group);
    for (const SerambiSetting *setting = table; setting && setting->key; setting++) {
        g_string_append_printf(out, "# %s (", setting->help);
        describe_kind(out, setting);
        g_string_append_printf(out, ")\n%s=%s\n", setting->key, setting->fallback);
    }
    return g_string_free(out, FALSE);
}
