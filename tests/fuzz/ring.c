/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The ring as a hostile worker leaves it: honest pictures and sound, over which the input is laid
 * bit by bit (0 changes nothing): 320 bytes of the page of counters, then the headers. What is read
 * lies inside the memory, and every sample is one that a loudspeaker bears. Sources: media/ring.c
 */
#include "media/ring.h"
#include "fuzz.h"
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PLACES        2u
#define PAGE_BYTES    320u
#define HEADERS_BYTES (PLACES * 128 + RING_SOUND_COUNT * 32)

static void put_honest(Ring *worker)
{
    float stereo[256 * 2] = {0.5f, NAN, INFINITY, -1e9f};
    for (int64_t index = 0; index < PLACES; index++) {
        RingPicture picture = {.clip = 1,
                               .index = index,
                               .pts_us = index * 40000,
                               .matrix = RING_MATRIX_BT709,
                               .range = RING_RANGE_LIMITED};
        g_assert_nonnull(ring_begin_picture(worker, 0));
        g_assert_true(ring_place_planes(64, 36, ring_picture_bytes(worker), &picture));
        ring_put_picture(worker, &picture);
        g_assert_true(ring_put_sound(worker, 1, index * 256, stereo, 256, 0));
    }
}

static void lay_over(uint8_t *memory, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size && i < PAGE_BYTES + HEADERS_BYTES; i++)
        memory[i < PAGE_BYTES ? i : RING_PAGE_BYTES + i - PAGE_BYTES] ^= bytes[i];
}

static void read_pictures(Ring *ring, uint64_t *sum)
{
    RingPicture picture;
    const uint8_t *pixels;
    g_assert_cmpuint(ring_pictures(ring), <=, PLACES);
    for (uint32_t ahead = 0; ahead <= PLACES; ahead++) {
        if (!ring_peek_picture(ring, ahead, &picture, &pixels))
            continue;
        for (unsigned plane = 0; plane < 3; plane++) {
            uint32_t width = plane ? (picture.width + 1) / 2 : picture.width;
            uint32_t height = plane ? (picture.height + 1) / 2 : picture.height;
            const uint8_t *line = pixels + picture.offsets[plane];
            /* The last pixel of each plane lies farthest; where it may be, all may be. */
            *sum += line[(size_t)picture.strides[plane] * (height - 1) + width - 1];
        }
    }
}

static void read_sound(Ring *ring)
{
    float stereo[300 * 2];
    int64_t next = 0;
    for (int64_t position = 0; position < 600; position += 100) {
        g_assert_cmpuint(ring_read_sound(ring, 1, position, stereo, 300, &next), <=, 300);
        g_assert_cmpint(next, >=, position);
        g_assert_cmpint(next, <=, position + 300);
        for (size_t i = 0; i < G_N_ELEMENTS(stereo); i++)
            g_assert_true(isfinite(stereo[i]) && fabsf(stereo[i]) <= 4);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint64_t sum;
    g_autoptr(Ring) presenter = ring_new(64, 36, PLACES, NULL);
    g_autoptr(Ring) worker = ring_open(dup(ring_fd(presenter)), NULL);
    g_assert_nonnull(worker);
    size_t mapped = RING_PAGE_BYTES + HEADERS_BYTES;
    uint8_t *memory = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd(presenter), 0);
    g_assert_true(memory != MAP_FAILED);
    put_honest(worker);
    lay_over(memory, bytes, size);
    for (unsigned turn = 0; turn < 3; turn++) {
        read_pictures(presenter, &sum);
        read_sound(presenter);
        ring_drop_pictures(presenter, 1);
        ring_drop_sound_before(presenter, 1, 200);
    }
    ring_drop_sound(presenter);
    /* Whatever it was, the next worker finds a whole ring. */
    ring_restart(presenter, 0);
    g_autoptr(Ring) heir = ring_open(dup(ring_fd(presenter)), NULL);
    g_assert_nonnull(heir);
    put_honest(heir);
    g_assert_cmpuint(ring_pictures(presenter), ==, PLACES);
    g_assert_cmpint(munmap(memory, mapped), ==, 0);
    return 0;
}
