/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Whether a video already is what masters are, so that its streams can be copied as they stand. */
#pragma once
#include "probe.h"

#define PROFILE_BITS_A_SECOND_MAX 10000000
#define PROFILE_KEYFRAME_SECONDS  2

typedef struct Profile {
    bool has_video;   /* the picture can be copied */
    bool has_audio;   /* so can the sound */
    int fps_n, fps_d; /* exact, when has_video */
} Profile;

/* Reads the list of packets, without decoding. Whatever is in doubt does not fit. */
Profile profile_find(int fd, const Probe *probe);
