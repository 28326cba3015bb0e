/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The admin commands: user, token, backup, restore, verify. They work whether the server runs or
 * not; each returns an exit status and has said on stderr what went wrong. */
#pragma once
#include "core/options.h"

int admin_user(const Options *options);
int admin_token(const Options *options);
int admin_backup(const Options *options);
int admin_restore(const Options *options);
int admin_verify(const Options *options);
