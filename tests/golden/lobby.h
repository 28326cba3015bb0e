/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A lobby in memory: one screen with the display halves of all plugins, a fixed time, a fixed clip;
 * what a display would do for them (core/plugin.h) without link, decks and sound. */
#pragma once
#include "core/plugin.h"
#include "media/screen/blend.h"
#include "media/screen/layout.h"

typedef struct Lobby Lobby;

/* language: "id", "en", "ar" (mirrored) comes first. */
Lobby *lobby_new(LayoutKind kind, int width, int height, const char *language);
void lobby_free(Lobby *lobby);
/* A message of the server for the halves that watch its channel; takes body. */
void lobby_tell(Lobby *lobby, const char *channel, json_t *body);
/* Until a person lets the screen in it shows this code; NULL: it is let in. */
void lobby_set_code(Lobby *lobby, const char *code);
/* Lets time go by, and paints. */
void lobby_turn(Lobby *lobby, int64_t gone_us);
const Ground *lobby_ground(const Lobby *lobby);

/* When a lobby begins: a Monday morning at 09:41 in Jakarta. */
#define LOBBY_START_US INT64_C(1764556860000000)
