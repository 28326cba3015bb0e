/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Short forms for the tests of plugins: a call with its expected answer, and values out of JSON. */
#pragma once
#include "core/host-test-kit.h"
#include <string.h>

/* Calls "POST /api/..." and wants that status; takes body. New reference. */
static inline json_t *ask(Kit *kit, uint32_t role, int status, const char *method_and_path,
                          json_t *body)
{
    g_auto(GStrv) parts = g_strsplit(method_and_path, " ", 2);
    int got = 0;
    json_t *answer = kit_call(kit, role, parts[0], parts[1], body, &got);
    if (got != status) {
        g_autofree char *text = json_dumps(answer, JSON_ENCODE_ANY);
        g_error("'%s' was answered with %d and not %d: %s", method_and_path, got, status, text);
    }
    return answer;
}

/* The same for a refusal, which has that code. Takes body. */
static inline void ask_refused(Kit *kit, uint32_t role, int status, const char *code,
                               const char *method_and_path, json_t *body)
{
    json_auto_t *answer = ask(kit, role, status, method_and_path, body);
    const json_t *error = json_object_get(answer, "error");
    g_assert_cmpstr(json_string_value(json_object_get(error, "code")), ==, code);
    g_assert_nonnull(json_string_value(json_object_get(error, "message")));
}

/* Values by a path of member names and array indices, "now.0.ticket". */
static inline json_t *at(const json_t *value, const char *path)
{
    g_auto(GStrv) names = g_strsplit(path, ".", -1);
    json_t *found = (json_t *)(uintptr_t)value;
    for (char **name = names; *name && **name; name++)
        found = json_is_array(found)
                    ? json_array_get(found, (size_t)g_ascii_strtoull(*name, NULL, 10))
                    : json_object_get(found, *name);
    return found;
}

static inline const char *text_at(const json_t *value, const char *path)
{
    return json_string_value(at(value, path));
}

static inline int64_t number_at(const json_t *value, const char *path)
{
    const json_t *found = at(value, path);
    if (!json_is_integer(found)) {
        g_autofree char *text = json_dumps(value, JSON_ENCODE_ANY);
        g_error("no number at '%s' of %s", path, text);
    }
    return json_integer_value(found);
}

/* The number in the only row and column "n" of a statement. */
static inline int64_t count_of(Kit *kit, const char *sql)
{
    json_auto_t *rows = kit_query(kit, sql);
    return number_at(rows, "0.n");
}

/* What SQLite would do for a statement, one step a line: "SCAN" reads a whole table or index,
 * "SEARCH" finds its rows. g_free(). */
static inline char *plan_of(Kit *kit, const char *sql)
{
    g_autofree char *explain = g_strconcat("EXPLAIN QUERY PLAN ", sql, NULL);
    json_auto_t *rows = kit_query(kit, explain);
    g_autoptr(GString) plan = g_string_new(NULL);
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
        g_string_append_printf(plan, "%s\n", text_at(row, "detail"));
    g_assert_cmpuint(plan->len, >, 0);
    return g_string_free(g_steal_pointer(&plan), FALSE);
}

/* The statement finds its rows of table by an index, however many there are, and sorts none. */
static inline void assert_cheap(Kit *kit, const char *table, const char *sql)
{
    g_autofree char *plan = plan_of(kit, sql);
    g_autofree char *scan = g_strconcat("SCAN ", table, NULL);
    if (strstr(plan, scan) || strstr(plan, "TEMP B-TREE FOR ORDER BY"))
        g_error("'%s' is dear:\n%s", sql, plan);
}
