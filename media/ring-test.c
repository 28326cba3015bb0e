/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Both sides of the ring in one process: order, back-pressure, restart, and a worker that lies. */
#include "media/ring.h"
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOSTILE_TURNS 200000

typedef struct Pair {
    Ring *presenter;
    Ring *worker;
} Pair;

static Pair pair_new(uint32_t width, uint32_t height, uint32_t count)
{
    g_autoptr(GError) error = NULL;
    Pair pair = {.presenter = ring_new(width, height, count, &error)};
    g_assert_no_error(error);
    pair.worker = ring_open(dup(ring_fd(pair.presenter)), &error);
    g_assert_no_error(error);
    return pair;
}

static void pair_clear(Pair *pair)
{
    ring_free(pair->worker);
    ring_free(pair->presenter);
}

static bool put(Ring *ring, uint32_t clip, int64_t index, uint8_t shade)
{
    uint8_t *area = ring_begin_picture(ring, 0);
    if (!area)
        return false;
    RingPicture picture = {.clip = clip,
                           .index = index,
                           .pts_us = index * 40000,
                           .matrix = RING_MATRIX_BT709,
                           .range = RING_RANGE_LIMITED};
    g_assert_true(ring_place_planes(62, 34, ring_picture_bytes(ring), &picture));
    memset(area, shade, ring_picture_bytes(ring));
    ring_put_picture(ring, &picture);
    return true;
}

static void test_order(void)
{
    Pair pair = pair_new(64, 36, 4);
    RingPicture picture;
    const uint8_t *pixels;
    g_assert_false(ring_peek_picture(pair.presenter, 0, &picture, &pixels));
    for (int index = 0; index < 4; index++)
        g_assert_true(put(pair.worker, 7, index, (uint8_t)(index + 1)));
    g_assert_false(put(pair.worker, 7, 4, 5));
    g_assert_cmpuint(ring_pictures(pair.presenter), ==, 4);
    for (int index = 0; index < 100; index++) {
        g_assert_true(ring_peek_picture(pair.presenter, 3, &picture, &pixels));
        g_assert_cmpint(picture.index, ==, index + 3);
        g_assert_true(ring_peek_picture(pair.presenter, 0, &picture, &pixels));
        g_assert_cmpint(picture.index, ==, index);
        g_assert_cmpint(picture.pts_us, ==, index * 40000);
        g_assert_cmpuint(picture.clip, ==, 7);
        g_assert_cmpuint(picture.width, ==, 62);
        g_assert_cmpuint(picture.height, ==, 34);
        g_assert_cmpuint(pixels[picture.offsets[2]], ==, (uint8_t)(index + 1));
        ring_drop_pictures(pair.presenter, 1);
        g_assert_true(put(pair.worker, 7, index + 4, (uint8_t)(index + 5)));
    }
    ring_drop_pictures(pair.presenter, 99);
    g_assert_cmpuint(ring_pictures(pair.presenter), ==, 0);
    pair_clear(&pair);
}

static void test_shapes(void)
{
    RingPicture picture = {0};
    g_assert_true(ring_place_planes(1920, 1088, 1920 * 1088 * 3 / 2, &picture));
    g_assert_true(ring_place_planes(1080, 1920, 1088 * 1920 * 3 / 2, &picture));
    g_assert_true(ring_place_planes(1, 1, 4096, &picture));
    g_assert_true(ring_place_planes(853, 479, 1 << 20, &picture));
    g_assert_cmpuint(picture.strides[1], >=, 427);
    g_assert_cmpuint(picture.offsets[2] - picture.offsets[1], >=, 427 * 240);
    g_assert_false(ring_place_planes(1920, 1090, 1920 * 1088 * 3 / 2, &picture));
    g_assert_false(ring_place_planes(0, 10, 1 << 20, &picture));
    g_assert_false(ring_place_planes(RING_SIDE_MAX + 1, 1, 1 << 20, &picture));
}

static gpointer give_back_later(gpointer data)
{
    Ring *presenter = data;
    g_assert_true(ring_wait_pictures(presenter, 1, 10 * G_USEC_PER_SEC));
    ring_drop_pictures(presenter, 1);
    return NULL;
}

static void test_waiting(void)
{
    Pair pair = pair_new(64, 36, 2);
    g_assert_false(ring_wait_pictures(pair.presenter, 0, 0));
    GThread *taker = g_thread_new("taker", give_back_later, pair.presenter);
    g_assert_true(put(pair.worker, 1, 0, 0));
    g_assert_true(put(pair.worker, 1, 1, 0));
    g_assert_nonnull(ring_begin_picture(pair.worker, 10 * G_USEC_PER_SEC));
    g_thread_join(taker);
    g_assert_true(put(pair.worker, 1, 2, 0));
    ring_set_hurried(pair.worker, true);
    g_assert_null(ring_begin_picture(pair.worker, 1000 * G_USEC_PER_SEC));
    pair_clear(&pair);
}

static void fill(float *stereo, int64_t position, size_t frames)
{
    for (size_t i = 0; i < frames; i++) {
        stereo[2 * i] = (float)(position + (int64_t)i) / 1e6f;
        stereo[2 * i + 1] = -stereo[2 * i];
    }
}

static void put_sound(Ring *ring, uint32_t clip, int64_t position, size_t frames)
{
    float stereo[RING_SOUND_FRAMES * 2];
    fill(stereo, position, frames);
    g_assert_true(ring_put_sound(ring, clip, position, stereo, frames, 0));
}

static void test_sound(void)
{
    Pair pair = pair_new(64, 36, 2);
    float stereo[480 * 2];
    int64_t next = -1;
    g_assert_cmpuint(ring_read_sound(pair.presenter, 3, 0, stereo, 480, &next), ==, 0);
    g_assert_cmpint(next, ==, 0);
    put_sound(pair.worker, 2, 0, 1000); /* of a clip that is over */
    put_sound(pair.worker, 3, 0, 1000);
    put_sound(pair.worker, 3, 1000, 500);
    for (int64_t at = 0; at + 480 <= 1440; at += 480) {
        g_assert_cmpuint(ring_read_sound(pair.presenter, 3, at, stereo, 480, &next), ==, 480);
        g_assert_cmpint(next, ==, at + 480);
        for (size_t i = 0; i < 480; i++) {
            g_assert_cmpfloat_with_epsilon(stereo[2 * i], (double)(at + (int64_t)i) / 1e6, 1e-9);
            g_assert_cmpfloat_with_epsilon(stereo[2 * i + 1], -(double)(at + (int64_t)i) / 1e6,
                                           1e-9);
        }
    }
    g_assert_cmpuint(ring_read_sound(pair.presenter, 3, 1440, stereo, 480, &next), ==, 60);
    g_assert_cmpint(next, ==, 1500);
    g_assert_cmpfloat(stereo[2 * 60], ==, 0);

    /* A gap in the clip is heard as silence and passed; sound behind the ear is dropped. */
    put_sound(pair.worker, 3, 3000, 100);
    g_assert_cmpuint(ring_read_sound(pair.presenter, 3, 1500, stereo, 480, &next), ==, 0);
    g_assert_cmpint(next, ==, 1980);
    g_assert_cmpuint(ring_read_sound(pair.presenter, 3, 3050, stereo, 480, &next), ==, 50);
    g_assert_cmpint(next, ==, 3100);
    pair_clear(&pair);
}

static void test_sound_pressure(void)
{
    Pair pair = pair_new(64, 36, 2);
    float stereo[RING_SOUND_FRAMES * 2];
    for (unsigned block = 0; block < RING_SOUND_COUNT; block++)
        put_sound(pair.worker, 1, (int64_t)block * RING_SOUND_FRAMES, RING_SOUND_FRAMES);
    fill(stereo, 0, RING_SOUND_FRAMES);
    g_assert_false(ring_put_sound(pair.worker, 1, 1 << 20, stereo, RING_SOUND_FRAMES, 0));
    ring_drop_sound(pair.presenter);
    for (unsigned block = 0; block < RING_SOUND_COUNT; block++)
        put_sound(pair.worker, 2, (int64_t)block * RING_SOUND_FRAMES, RING_SOUND_FRAMES);
    g_assert_cmpuint(ring_read_sound(pair.presenter, 2, 65000, stereo, 1000, NULL), ==, 536);
    put_sound(pair.worker, 1, 0, 1000);
    put_sound(pair.worker, 3, 0, 1000);
    put_sound(pair.worker, 3, 1000, 1000);
    ring_drop_sound_before(pair.presenter, 3, 1000);
    g_assert_cmpuint(ring_read_sound(pair.presenter, 3, 0, stereo, 1000, NULL), ==, 0);
    g_assert_cmpuint(ring_read_sound(pair.presenter, 3, 1000, stereo, 1000, NULL), ==, 1000);
    pair_clear(&pair);
}

static void test_restart(void)
{
    Pair pair = pair_new(64, 36, 4);
    RingPicture picture;
    const uint8_t *pixels;
    for (int index = 0; index < 4; index++)
        g_assert_true(put(pair.worker, 1, index, (uint8_t)(10 + index)));
    put_sound(pair.worker, 1, 0, 100);
    ring_drop_pictures(pair.presenter, 1);
    ring_free(pair.worker);
    ring_restart(pair.presenter, 1);
    g_autoptr(GError) error = NULL;
    pair.worker = ring_open(dup(ring_fd(pair.presenter)), &error);
    g_assert_no_error(error);
    for (int index = 0; index < 3; index++)
        g_assert_true(put(pair.worker, 2, index, 50));
    g_assert_false(put(pair.worker, 2, 3, 50));
    g_assert_true(ring_peek_picture(pair.presenter, 0, &picture, &pixels));
    g_assert_cmpint(picture.index, ==, 1); /* the one that was held */
    g_assert_cmpuint(pixels[0], ==, 11);
    g_assert_true(ring_peek_picture(pair.presenter, 1, &picture, &pixels));
    g_assert_cmpuint(picture.clip, ==, 2);
    float stereo[200];
    put_sound(pair.worker, 2, 0, 100);
    g_assert_cmpuint(ring_read_sound(pair.presenter, 2, 0, stereo, 100, NULL), ==, 100);
    pair_clear(&pair);
}

static int64_t held_bytes(const Ring *ring)
{
    struct stat about;
    g_assert_cmpint(fstat(ring_fd(ring), &about), ==, 0);
    return (int64_t)about.st_blocks * 512;
}

/* A spare deck costs nothing, and works on as if nothing had been. */
static void test_empty(void)
{
    Pair pair = pair_new(640, 360, 4);
    RingPicture picture;
    const uint8_t *pixels;
    for (int index = 0; index < 4; index++)
        g_assert_true(put(pair.worker, 7, index, 9));
    int64_t pictures_bytes = 4 * (int64_t)ring_picture_bytes(pair.worker);
    int64_t full_bytes = held_bytes(pair.presenter);
    g_assert_cmpint(full_bytes, >=, pictures_bytes);
    ring_drop_pictures(pair.presenter, 4);
    ring_empty_pictures(pair.worker);
    g_assert_cmpint(held_bytes(pair.presenter), <=, full_bytes - pictures_bytes);
    g_assert_true(put(pair.worker, 8, 0, 5));
    g_assert_true(ring_peek_picture(pair.presenter, 0, &picture, &pixels));
    g_assert_cmpuint(picture.clip, ==, 8);
    g_assert_cmpuint(pixels[0], ==, 5);
    pair_clear(&pair);
}

static void test_foreign_memory(void)
{
    int fd = memfd_create("other", MFD_CLOEXEC);
    g_autoptr(GError) error = NULL;
    g_assert_null(ring_open(fd, &error));
    g_assert_error(error, RING_ERROR, RING_ERROR_FORMAT);
}

static void test_sealed(void)
{
    Pair pair = pair_new(64, 36, 2);
    g_assert_cmpint(ftruncate(ring_fd(pair.worker), 0), ==, -1);
    g_assert_cmpint(ftruncate(ring_fd(pair.worker), 1 << 28), ==, -1);
    pair_clear(&pair);
}

/* Overwrites a word of the shared headers with what a liar would choose. */
static void scribble(uint8_t *memory, size_t header_bytes)
{
    static const uint32_t NASTY[] = {0,          1,          2,          64,   65,
                                     0x7fffffff, 0x80000000, 0xffffffff, 4096, 4097};
    size_t word = (size_t)g_test_rand_int_range(0, (gint32)(header_bytes / 4));
    uint32_t value = g_test_rand_bit() ? NASTY[g_test_rand_int_range(0, G_N_ELEMENTS(NASTY))]
                                       : (uint32_t)g_test_rand_int();
    memcpy(memory + word * 4, &value, 4);
}

static unsigned read_all(Ring *presenter, uint64_t *sum)
{
    unsigned accepted = 0;
    for (uint32_t ahead = 0; ahead < 6; ahead++) {
        RingPicture picture;
        const uint8_t *pixels;
        if (!ring_peek_picture(presenter, ahead, &picture, &pixels))
            continue;
        accepted++;
        for (unsigned plane = 0; plane < 3; plane++) {
            uint32_t width = plane ? (picture.width + 1) / 2 : picture.width;
            uint32_t height = plane ? (picture.height + 1) / 2 : picture.height;
            const uint8_t *corner = pixels + picture.offsets[plane];
            *sum += corner[0] + corner[(size_t)picture.strides[plane] * (height - 1) + width - 1];
        }
    }
    return accepted;
}

static void test_hostile(void)
{
    Pair pair = pair_new(64, 36, 4);
    /* The page, the picture headers and the sound headers: 4096 + 4 * 128 + 64 * 32. */
    size_t header_bytes = RING_PAGE_BYTES + 4 * 128 + RING_SOUND_COUNT * 32;
    uint8_t *memory =
        mmap(NULL, header_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd(pair.worker), 0);
    g_assert_true(memory != MAP_FAILED);
    float stereo[512 * 2];
    uint64_t sum = 0;
    unsigned accepted = 0;
    for (int turn = 0; turn < HOSTILE_TURNS; turn++) {
        if (turn % 8 == 0) { /* back to something that is believed at first sight */
            ring_restart(pair.presenter, 0);
            ring_free(pair.worker);
            pair.worker = ring_open(dup(ring_fd(pair.presenter)), NULL);
            g_assert_nonnull(pair.worker);
            for (int index = 0; index < 3; index++)
                (void)put(pair.worker, 1, index, 1);
            fill(stereo, 0, 512);
            stereo[3] = NAN;
            stereo[4] = INFINITY;
            (void)ring_put_sound(pair.worker, 1, 0, stereo, 512, 0);
        }
        /* Counters live in the first 512 bytes: aim there as often as at the rest. */
        scribble(memory, g_test_rand_bit() ? 512 : header_bytes);
        accepted += read_all(pair.presenter, &sum);
        g_assert_cmpuint(ring_pictures(pair.presenter), <=, 4);
        if (!ring_is_honest(pair.presenter))
            g_assert_cmpuint(ring_pictures(pair.presenter), ==, 0);
        size_t frames =
            ring_read_sound(pair.presenter, 1, g_test_rand_int_range(0, 600), stereo, 512, NULL);
        g_assert_cmpuint(frames, <=, 512);
        for (size_t i = 0; i < 1024; i++)
            g_assert_true(isfinite(stereo[i]) && fabsf(stereo[i]) <= 4);
        ring_drop_pictures(pair.presenter, (uint32_t)g_test_rand_int_range(0, 3));
        if (turn % 16 == 3)
            ring_drop_sound(pair.presenter);
        if (turn % 16 == 5)
            ring_drop_sound_before(pair.presenter, 1, g_test_rand_int());
    }
    g_assert_cmpuint(accepted, >,
                     HOSTILE_TURNS / 4); /* the loop reached the pixels, not only the door */
    g_assert_cmpuint(sum, >, 0);
    g_assert_cmpint(munmap(memory, header_bytes), ==, 0);
    pair_clear(&pair);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ring/order", test_order);
    g_test_add_func("/ring/shapes", test_shapes);
    g_test_add_func("/ring/waiting", test_waiting);
    g_test_add_func("/ring/sound", test_sound);
    g_test_add_func("/ring/sound-pressure", test_sound_pressure);
    g_test_add_func("/ring/restart", test_restart);
    g_test_add_func("/ring/empty", test_empty);
    g_test_add_func("/ring/foreign-memory", test_foreign_memory);
    g_test_add_func("/ring/sealed", test_sealed);
    g_test_add_func("/ring/hostile", test_hostile);
    return g_test_run();
}
