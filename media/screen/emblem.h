/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The house's emblem: a porch. */
#pragma once
#include "media/screen/canvas.h"

/* As large as box allows, centred. */
void emblem_draw(SerambiCanvas *canvas, SerambiBox box);
