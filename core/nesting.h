/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * JSON from outside, looked at before it is parsed. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Has the text no more than LIMIT_JSON_DEPTH objects and arrays within each other? jansson's own
 * limit are 2048 levels of its recursion. */
bool nesting_is_shallow(const char *text, size_t size);
