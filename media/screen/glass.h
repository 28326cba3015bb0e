/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The ground's way to the window, and the window for it. Two ways: SDL's window surface, memory
 * shared with the X server; and a texture of OpenGL, which a GPU shows whole between two refreshes,
 * so nothing tears, and which is the only way without X (KMSDRM). The ground is memory either way.
 * The stage's own part; main thread. */
#pragma once
#include "media/screen/stage.h"
#include <SDL.h>

typedef struct Glass Glass;

typedef enum { GLASS_SURFACE = 1, GLASS_TEXTURE } GlassKind;

/* NULL with error STAGE_ERROR_VIDEO: this way is not open here, or there is no such output. */
Glass *glass_new(GlassKind kind, const StageOptions *options, GError **error);
void glass_free(Glass *glass); /* the window with it */

SDL_Window *glass_window(Glass *glass);
GlassKind glass_kind(const Glass *glass);
/* For the log: "surface of x11", "texture of x11 by opengles2, Mesa Intel(R) UHD Graphics". */
const char *glass_name(const Glass *glass);
/* The window's size may be another one, or what the GPU kept is lost: all is to be painted. */
void glass_forget(Glass *glass);
/* NULL for the moment while the window has no memory. */
const Ground *glass_ground(Glass *glass);
/* False: not shown; ask for the ground again and paint all. A texture returns when the GPU has
 * taken the picture, up to one refresh later. */
bool glass_present(Glass *glass, const RectSet *changed);
/* What one whole picture costs, wall clock: the X server's or GPU's share is in it, the wait for
 * the refresh is not. The median of a few; fills the ground with one colour. -1: it failed. */
int64_t glass_measure_us(Glass *glass, uint32_t colour);
