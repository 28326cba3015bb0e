/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The decoding chain: one file in, pictures and sound out, as fast as the hooks take them. The
 * only file that knows GStreamer; playing and proving use the same one.
 *
 * Kinds    MP4: appsrc ! qtdemux, then
 *            queue ! h264parse ! avdec_h264 ! appsink                                    I420
 *            queue ! aacparse ! avdec_aac ! audioconvert ! audioresample ! appsink       48 kHz
 *          WAV: appsrc ! wavparse ! audioconvert ! audioresample ! appsink               48 kHz
 * Life     A new chain for each clip; never flushed, never sought, never used twice.
 * Threads  Each hook is called from one thread of its own; everything else from the thread that
 *          made the chain. */
#pragma once
#include "media/ring.h"
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Chain Chain;

typedef enum ChainState {
    CHAIN_RUNNING = 1,
    CHAIN_ENDED,  /* the hooks have seen all of the file */
    CHAIN_FAILED, /* see chain_failure() */
} ChainState;

typedef enum ChainError {
    CHAIN_ERROR_PLUGIN = 1,  /* GStreamer or one of its plugins is missing */
    CHAIN_ERROR_NOT_MEDIA,   /* "not_media": neither MP4 nor WAV, or a broken one */
    CHAIN_ERROR_NO_VIDEO,    /* "no_video": an MP4 without pictures */
    CHAIN_ERROR_UNSUPPORTED, /* "unsupported": another codec or pixel format */
    CHAIN_ERROR_DECODE,      /* "decode": a decoder gave up */
    CHAIN_ERROR_READ,        /* "read": the file cannot be read */
    CHAIN_ERROR_REFUSED,     /* "too_large": a hook refused */
} ChainError;

#define CHAIN_ERROR (chain_error_quark())
GQuark chain_error_quark(void);

/* The word for an error of CHAIN_ERROR; "failed" for others. Static text. */
const char *chain_code(const GError *error);

/* A decoded picture, I420. Borrowed for the call. */
typedef struct ChainPicture {
    int64_t index;  /* on the grid of the frame rate, from 0; without a rate the count */
    int64_t pts_ns; /* time in the clip */
    uint32_t width;
    uint32_t height;
    const uint8_t *planes[3];
    uint32_t strides[3]; /* bytes */
    RingMatrix matrix;
    RingRange range;
    bool is_corrupted;
} ChainPicture;

/* What is known so far; counts are final when the state is CHAIN_ENDED. */
typedef struct ChainFacts {
    bool has_video, has_audio;
    uint32_t width, height;
    uint32_t fps_n, fps_d; /* 0/1 without a rate */
    int64_t pictures;
    int64_t corrupted;
    int64_t samples; /* stereo samples, 48,000 a second */
} ChainFacts;

/* Who takes. The decoders' threads call; a hook may wait as long as it likes; false means "I refuse this clip". */
typedef struct ChainHooks {
    void *owner;
    /* Where the decoder shall write the next picture, `bytes` long; it stays writable until
     * on_picture() returns. NULL refuses the clip. Asked again for the same picture if the decoder
     * throws one away. May be NULL: the chain uses memory of its own. */
    uint8_t *(*on_room)(void *owner, size_t bytes);
    bool (*on_picture)(void *owner, const ChainPicture *picture);
    /* position counts stereo samples from the start of the clip; stereo is float[frames][2] */
    bool (*on_sound)(void *owner, int64_t position, const float *stereo, size_t frames);
    /* no more sound will come; may be NULL */
    void (*on_sound_end)(void *owner);
} ChainHooks;

/* Starts GStreamer with the few plugins of the chain and nothing else: no registry, no scanner
 * process, no search. Before sandbox_enter(). Errors: CHAIN_ERROR_PLUGIN. */
bool chain_load(GError **error);

/* Opens a file and starts to decode. Takes `fd`, on failure as well. `hooks` is copied. */
Chain *chain_new(int fd, const ChainHooks *hooks, GError **error);

/* Stops and forgets. The hooks must not wait for ever: they are called until they return. */
void chain_free(Chain *chain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Chain, chain_free)

/* An eventfd, readable when chain_state() may have changed; chain_state() empties it. */
int chain_fd(const Chain *chain);

ChainState chain_state(Chain *chain);
ChainFacts chain_facts(Chain *chain);

/* NULL unless the state is CHAIN_FAILED. Borrowed. */
const GError *chain_failure(Chain *chain);
