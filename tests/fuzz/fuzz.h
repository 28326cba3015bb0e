/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What each target defines, and who calls it: libFuzzer, or main.c. */
#pragma once
#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* Returns 0. The bytes end where their memory ends, so that a sanitizer sees one read too far. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
