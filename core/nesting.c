/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Exact for all that the parser would read: whatever it takes for a bracket is one here, and it
 * stops at the first mistake. */
#include "core/nesting.h"

#include "core/limits.h"

bool nesting_is_shallow(const char *text, size_t size)
{
    int depth = 0;
    bool is_string = false;
    for (size_t i = 0; i < size; i++) {
        if (is_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            is_string = !is_string;
        else if (!is_string && (text[i] == '{' || text[i] == '['))
            depth++;
        else if (!is_string && (text[i] == '}' || text[i] == ']'))
            depth--;
        if (depth > LIMIT_JSON_DEPTH)
            return false;
    }
    return true;
}
