/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The server: opens everything, wires the addresses, runs until it is told to stop. */
#pragma once
#include "core/options.h"

/* Returns an exit status; what went wrong was said on stderr. */
int serve_run(const Options *options);
