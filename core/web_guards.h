/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * For guards-test.c: the second door, behind the one that clients meet. */
#pragma once
#include "core/web.h"

/* Gives libwebsockets a client's socket with nothing of ours before it; takes fd. */
void web_adopt_unguarded(Web *web, int fd);
