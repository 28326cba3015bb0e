/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The memory that a decoding process (the worker) and the presenter share: a queue of pictures
 * and a queue of sound.
 *
 * Life      The presenter makes the ring once, for the largest picture it will ever show, in a
 *           memfd that can neither grow nor shrink. Every worker that takes the deck over gets
 *           the same ring.
 * Sides     The worker only puts, the presenter only takes. The presenter maps everything but the
 *           first page read-only, keeps its own counters and its own copy of the geometry, and
 *           copies and checks each field before use: a worker that has been taken over can show
 *           wrong pixels and do nothing else.
 * Queues    First in, first out, one putter and one taker. `put` counts what was ever put, `taken`
 *           what was ever given back; both wrap at 2^32, the number of places is a power of two,
 *           and entry n lives in place n modulo that number. put - taken entries are in use.
 * Threads   Pictures and sound are separate: each has its own putter and its own taker thread.
 *
 * Layout    numbers as the machine has them; both sides run on one machine
 *
 *   0         geometry and counters, RING_PAGE_BYTES
 *   4096      headers of picture_count pictures, 128 bytes each
 *   ...       headers of RING_SOUND_COUNT blocks of sound, 32 bytes each
 *   ...       float[RING_SOUND_COUNT][RING_SOUND_FRAMES][2]
 *   aligned   picture_count areas of picture_bytes each: the three planes of a picture */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_VERSION       1u
#define RING_PAGE_BYTES    4096u
#define RING_PICTURE_COUNT 8u    /* default; decodes 8 frames ahead: 320 ms at 25 Hz */
#define RING_PICTURE_MAX   64u   /* most places a ring may have */
#define RING_WIDTH         1920u /* default size; 1088 because H.264 codes whole 16-line blocks */
#define RING_HEIGHT        1088u
#define RING_SIDE_MAX      4096u  /* longest side of a picture, in pixels */
#define RING_SOUND_FRAMES  1024u  /* longest block of sound, in stereo samples */
#define RING_SOUND_COUNT   64u    /* 65,536 stereo samples: 1.36 s */
#define RING_SOUND_RATE    48000u /* stereo samples a second */

typedef struct Ring Ring;

typedef enum RingMatrix {
    RING_MATRIX_BT601 = 1,
    RING_MATRIX_BT709 = 2,
} RingMatrix;

typedef enum RingRange {
    RING_RANGE_LIMITED = 1, /* black is 16, white 235 */
    RING_RANGE_FULL = 2,
} RingRange;

/* Why a ring can refuse. */
typedef enum RingError {
    RING_ERROR_SYSTEM = 1, /* the kernel did not give or map the memory */
    RING_ERROR_FORMAT,     /* not a ring, or one of another version */
} RingError;

#define RING_ERROR (ring_error_quark())
GQuark ring_error_quark(void);

/* What belongs to a picture. I420: plane 0 is Y, 1 is Cb, 2 is Cr; the chroma planes have half the
 * size, rounded up. */
typedef struct RingPicture {
    uint32_t clip;   /* the cue it belongs to, never 0 */
    int64_t index;   /* number of the frame in its clip, from 0, on the grid of its frame rate */
    int64_t pts_us;  /* time in its clip, in microseconds */
    uint32_t width;  /* pixels, 1..RING_SIDE_MAX */
    uint32_t height; /* pixels, 1..RING_SIDE_MAX */
    uint32_t strides[3]; /* bytes from one line to the next */
    uint32_t offsets[3]; /* bytes from the start of the area to the plane */
    RingMatrix matrix;
    RingRange range;
    bool is_corrupted; /* the decoder said that it had to guess */
} RingPicture;

/* ---- both sides ------------------------------------------------------------------------------ */

/* Unmaps and closes. NULL is allowed. */
void ring_free(Ring *ring);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ring, ring_free)

/* The memfd; stays the ring's. */
int ring_fd(const Ring *ring);

/* Bytes that one picture may use, and how many pictures fit. */
size_t ring_picture_bytes(const Ring *ring);
uint32_t ring_picture_places(const Ring *ring);

/* ---- presenter ------------------------------------------------------------------------------- */

/* Makes a ring.
 *
 * width, height  the largest picture, in pixels, 1..RING_SIDE_MAX; any other shape of as many
 *                bytes fits as well
 * picture_count  a power of two, 2..RING_PICTURE_MAX
 * Errors         RING_ERROR_SYSTEM */
Ring *ring_new(uint32_t width, uint32_t height, uint32_t picture_count, GError **error);

/* How many pictures wait. More than fit counts as none: the worker's counter is not trusted. */
uint32_t ring_pictures(const Ring *ring);

/* False when the worker's counter is one that no honest worker can have. */
bool ring_is_honest(const Ring *ring);

/* Reads the picture number `ahead` behind the oldest (0 is the oldest).
 *
 * ret_pixels  the start of its area, valid until it is given back; the worker may change the
 *             bytes, not their place
 * Returns     false if there is none, or if its header would lead out of the area: such a picture
 *             is to be dropped */
bool ring_peek_picture(const Ring *ring, uint32_t ahead, RingPicture *ret_picture,
                       const uint8_t **ret_pixels);

/* Gives the `count` oldest pictures back and wakes the worker. Never blocks. */
void ring_drop_pictures(Ring *ring, uint32_t count);

/* Waits until more than `count` pictures wait or the time is over. For tests and tools: a screen
 * never waits. */
bool ring_wait_pictures(Ring *ring, uint32_t count, int64_t timeout_us);

/* Copies sound out, for the audio thread: no lock, no allocation.
 *
 * clip        only blocks of this cue count; others are given back unheard
 * position    the first stereo sample wanted, in samples since the start of the clip; older ones
 *             are given back
 * ret_stereo  float[frames][2]; what the ring does not have (yet) is set to silence
 * ret_next    where a listener who does not want to miss late sound goes on: behind the last
 *             sample that was there, or behind all of them if sound further on shows that the gap
 *             is one of the clip; may be NULL
 * Returns     how many of the stereo samples came from the ring; they are finite, within -4..4 */
size_t ring_read_sound(Ring *ring, uint32_t clip, int64_t position, float *ret_stereo,
                       size_t frames, int64_t *ret_next);

/* Gives all sound back that was put before this call. Any thread. */
void ring_drop_sound(Ring *ring);

/* Gives sound back that ends at or before `position`, and that of other clips: if nobody listens,
 * sound must not hold up the pictures that come behind it in the file. Any thread. */
void ring_drop_sound_before(Ring *ring, uint32_t clip, int64_t position);

/* Before a new worker starts, with the old one gone: where it shall go on. The oldest `held`
 * pictures stay. */
void ring_restart(Ring *ring, uint32_t held);

/* ---- worker ---------------------------------------------------------------------------------- */

/* Maps the ring that the presenter made; takes `fd`, on failure as well.
 * Errors  RING_ERROR_SYSTEM, RING_ERROR_FORMAT */
Ring *ring_open(int fd, GError **error);

/* Waits for a free place.
 *
 * Returns  its area of ring_picture_bytes(), or NULL when the time is over or the ring hurried */
uint8_t *ring_begin_picture(Ring *ring, int64_t timeout_us);

/* Publishes the picture in the area that ring_begin_picture() returned. */
void ring_put_picture(Ring *ring, const RingPicture *picture);

/* Gives the memory of all pictures back to the system, until it is written again. Only when the
 * presenter has given back every picture: what it still looked at would turn to zeros. */
void ring_empty_pictures(Ring *ring);

/* Publishes a block of sound if there is place within the time.
 *
 * stereo   float[frames][2], frames is 1..RING_SOUND_FRAMES
 * Returns  false when there was none */
bool ring_put_sound(Ring *ring, uint32_t clip, int64_t position, const float *stereo, size_t frames,
                    int64_t timeout_us);

/* While set, no putter waits: full is answered at once. Any thread of the worker. */
void ring_set_hurried(Ring *ring, bool is_hurried);

/* Lays the planes of a picture of this size into an area, lines aligned to 16 bytes.
 * Returns  false if it does not fit in `area_bytes` or a side is out of range */
bool ring_place_planes(uint32_t width, uint32_t height, size_t area_bytes,
                       RingPicture *ret_picture);
