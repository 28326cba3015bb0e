/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * QR codes as pictures: black modules on a white plate with its quiet zone. */
#pragma once
#include "media/screen/blend.h"

/* A square of at most size pixels, whole pixels to a module, centred on the white plate of size x
 * size. NULL when text is too long for a code that can be read at that size. qrcode_free(). */
Image *qrcode_new(const char *text, int size);
void qrcode_free(Image *image);
