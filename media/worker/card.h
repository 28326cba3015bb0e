/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The picture that stands while a recording without one is heard: its cover if it brings one, its
 * title, who speaks, and the shape of its sound. */
#pragma once
#include "probe.h"
#include <cairo.h>

/* Looks once through the sound of fd for its shape. The caller destroys the surface, which has
 * CAIRO_FORMAT_RGB24 and 1920x1080 pixels.
 *
 * title   NULL: the file's own, or none
 * Errors  those of ffmpeg_run() */
cairo_surface_t *card_draw(int fd, const Probe *probe, const char *title, GError **error);
