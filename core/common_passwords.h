/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The passwords that anybody would try first: those of eight bytes and more from published lists of
 * the most used ones, and the same idea in Indonesian and for a library. */
#pragma once
#include <stddef.h>

extern const char *const common_passwords[]; /* lower case, sorted by strcmp() */
extern const size_t common_password_count;
