/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The shared memory of a deck, seen from both sides. */
#include "ring.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RING_MAGIC      "SERARING"
#define CACHE_LINE      64
#define PLANE_ALIGNMENT 16
#define LOUDEST         4.0f        /* +12 dB: more than any decoder makes of honest sound */
#define POSITION_MAX    (1ll << 50) /* 700 years of samples: sums cannot overflow */
#define INDEX_MAX       (1ll << 50)

G_DEFINE_QUARK(ring_error, ring_error)

/* A queue's counters. `bell` changes whenever something happens that a waiting putter wants to
 * know. */
typedef struct RingCounters {
    _Alignas(CACHE_LINE) _Atomic uint32_t put;
    _Atomic uint32_t is_taker_waiting;
    _Alignas(CACHE_LINE) _Atomic uint32_t taken;
    _Atomic uint32_t bell;
    _Alignas(CACHE_LINE) _Atomic uint32_t is_putter_waiting;
} RingCounters;

typedef struct RingPage {
    char magic[8];
    uint32_t version;
    uint32_t picture_count;
    uint32_t picture_bytes;
    uint32_t total_bytes;
    RingCounters pictures;
    RingCounters sound;
} RingPage;
G_STATIC_ASSERT(sizeof(RingPage) <= RING_PAGE_BYTES);

typedef struct RingPictureHeader {
    int64_t index;
    int64_t pts_us;
    uint32_t number; /* its place in the order of all, checks the writer */
    uint32_t clip;
    uint32_t width;
    uint32_t height;
    uint32_t strides[3];
    uint32_t offsets[3];
    uint32_t matrix;
    uint32_t range;
    uint32_t is_corrupted;
    uint32_t unused[15];
} RingPictureHeader;
G_STATIC_ASSERT(sizeof(RingPictureHeader) == 128);

typedef struct RingSoundHeader {
    int64_t position;
    uint32_t number;
    uint32_t clip;
    uint32_t frames;
    uint32_t unused[3];
} RingSoundHeader;
G_STATIC_ASSERT(sizeof(RingSoundHeader) == 32);

struct Ring {
    int fd;
    RingPage *page; /* the start of the map */
    size_t total_bytes;
    uint32_t picture_count;
    uint32_t picture_bytes;
    RingPictureHeader *picture_headers;
    RingSoundHeader *sound_headers;
    float *sound_areas;
    uint8_t *picture_areas;
    /* Our own counters: `taken` of the presenter, `put` of the worker. */
    uint32_t pictures_taken;
    _Atomic uint32_t sound_taken;
    uint32_t pictures_put;
    uint32_t sound_put;
    _Atomic bool is_hurried;
};

/* ---- geometry ----------------------------------------------------------------------------------
 */

static size_t align_up(size_t value, size_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static size_t pictures_offset(uint32_t picture_count)
{
    size_t bytes = RING_PAGE_BYTES + (size_t)picture_count * sizeof(RingPictureHeader) +
                   RING_SOUND_COUNT * sizeof(RingSoundHeader) +
                   (size_t)RING_SOUND_COUNT * RING_SOUND_FRAMES * 2 * sizeof(float);
    return align_up(bytes, RING_PAGE_BYTES);
}

bool ring_place_planes(uint32_t width, uint32_t height, size_t area_bytes, RingPicture *ret_picture)
{
    if (width < 1 || width > RING_SIDE_MAX || height < 1 || height > RING_SIDE_MAX)
        return false;
    uint32_t chroma_height = (height + 1) / 2;
    uint32_t luma_stride = (uint32_t)align_up(width, 2 * PLANE_ALIGNMENT);
    uint32_t chroma_stride = luma_stride / 2;
    uint32_t luma_bytes = luma_stride * height;
    uint32_t chroma_bytes = chroma_stride * chroma_height;
    if ((size_t)luma_bytes + 2 * (size_t)chroma_bytes > area_bytes)
        return false;
    ret_picture->width = width;
    ret_picture->height = height;
    ret_picture->strides[0] = luma_stride;
    ret_picture->strides[1] = chroma_stride;
    ret_picture->strides[2] = chroma_stride;
    ret_picture->offsets[0] = 0;
    ret_picture->offsets[1] = luma_bytes;
    ret_picture->offsets[2] = luma_bytes + chroma_bytes;
    return true;
}

static uint32_t bytes_for(uint32_t width, uint32_t height)
{
    size_t luma = align_up(width, 2 * PLANE_ALIGNMENT) * align_up(height, 2);
    return (uint32_t)align_up(luma + luma / 2, RING_PAGE_BYTES);
}

static bool is_power_of_two(uint32_t value)
{
    return value && !(value & (value - 1));
}

static void find_parts(Ring *ring)
{
    uint8_t *start = (uint8_t *)ring->page;
    ring->picture_headers = (RingPictureHeader *)(start + RING_PAGE_BYTES);
    ring->sound_headers = (RingSoundHeader *)(ring->picture_headers + ring->picture_count);
    ring->sound_areas = (float *)(ring->sound_headers + RING_SOUND_COUNT);
    ring->picture_areas = start + pictures_offset(ring->picture_count);
}

static bool set_system_error(GError **error, const char *what)
{
    g_set_error(error, RING_ERROR, RING_ERROR_SYSTEM, "%s: %s", what, g_strerror(errno));
    return false;
}

static bool map_ring(Ring *ring, GError **error)
{
    void *start = mmap(NULL, ring->total_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
    if (start == MAP_FAILED)
        return set_system_error(error, "cannot map the ring");
    ring->page = start;
    find_parts(ring);
    return true;
}

static bool make_memory(Ring *ring, GError **error)
{
    ring->fd = memfd_create("serambi-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (ring->fd < 0 || ftruncate(ring->fd, (off_t)ring->total_bytes) != 0 ||
        fcntl(ring->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return set_system_error(error, "cannot make the ring");
    return map_ring(ring, error);
}

Ring *ring_new(uint32_t width, uint32_t height, uint32_t picture_count, GError **error)
{
    g_assert(width >= 1 && width <= RING_SIDE_MAX && height >= 1 && height <= RING_SIDE_MAX);
    g_assert(is_power_of_two(picture_count) && picture_count >= 2 &&
             picture_count <= RING_PICTURE_MAX);
    g_autoptr(Ring) ring = g_new0(Ring, 1);
    ring->picture_count = picture_count;
    ring->picture_bytes = bytes_for(width, height);
    ring->total_bytes =
        pictures_offset(picture_count) + (size_t)picture_count * ring->picture_bytes;
    if (!make_memory(ring, error))
        return NULL;
    memcpy(ring->page->magic, RING_MAGIC, sizeof ring->page->magic);
    ring->page->version = RING_VERSION;
    ring->page->picture_count = picture_count;
    ring->page->picture_bytes = ring->picture_bytes;
    ring->page->total_bytes = (uint32_t)ring->total_bytes;
    if (mprotect((uint8_t *)ring->page + RING_PAGE_BYTES, ring->total_bytes - RING_PAGE_BYTES,
                 PROT_READ) != 0) {
        (void)set_system_error(error, "cannot protect the ring");
        return NULL;
    }
    return g_steal_pointer(&ring);
}

/* The worker believes the presenter, but not that it was given the right descriptor. */
static bool read_geometry(Ring *ring, GError **error)
{
    RingPage page;
    struct stat about;
    if (fstat(ring->fd, &about) != 0)
        return set_system_error(error, "cannot read the ring");
    if (pread(ring->fd, &page, sizeof page, 0) != (ssize_t)sizeof page ||
        memcmp(page.magic, RING_MAGIC, sizeof page.magic) != 0 || page.version != RING_VERSION ||
        !is_power_of_two(page.picture_count) || page.picture_count > RING_PICTURE_MAX ||
        pictures_offset(page.picture_count) + (size_t)page.picture_count * page.picture_bytes !=
            page.total_bytes ||
        about.st_size != (off_t)page.total_bytes) {
        g_set_error(error, RING_ERROR, RING_ERROR_FORMAT, "this is not a ring of version %u",
                    RING_VERSION);
        return false;
    }
    ring->picture_count = page.picture_count;
    ring->picture_bytes = page.picture_bytes;
    ring->total_bytes = page.total_bytes;
    return true;
}

Ring *ring_open(int fd, GError **error)
{
    g_autoptr(Ring) ring = g_new0(Ring, 1);
    ring->fd = fd;
    if (!read_geometry(ring, error) || !map_ring(ring, error))
        return NULL;
    ring->pictures_put = atomic_load(&ring->page->pictures.put);
    ring->sound_put = atomic_load(&ring->page->sound.put);
    return g_steal_pointer(&ring);
}

void ring_free(Ring *ring)
{
    if (!ring)
        return;
    if (ring->page)
        (void)munmap(ring->page, ring->total_bytes);
    if (ring->fd >= 0)
        (void)close(ring->fd);
    g_free(ring);
}

int ring_fd(const Ring *ring)
{
    return ring->fd;
}

size_t ring_picture_bytes(const Ring *ring)
{
    return ring->picture_bytes;
}

uint32_t ring_picture_places(const Ring *ring)
{
    return ring->picture_count;
}

/* ---- waiting -----------------------------------------------------------------------------------
 */

/* Copies a header word by word, each word read once: what was checked is what is used. */
typedef uint32_t __attribute__((may_alias)) SharedWord;

static void copy_once(void *to, const void *from, size_t bytes)
{
    SharedWord *target = to;
    const volatile SharedWord *source = from;
    for (size_t i = 0; i < bytes / sizeof *target; i++)
        target[i] = source[i];
}

static void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_us)
{
    struct timespec timeout = {.tv_sec = timeout_us / 1000000,
                               .tv_nsec = timeout_us % 1000000 * 1000};
    (void)syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static void ring_bell(RingCounters *counters)
{
    (void)atomic_fetch_add(&counters->bell, 1);
    if (atomic_load(&counters->is_putter_waiting))
        futex_wake(&counters->bell);
}

/* Waits until fewer than `places` entries are in use. */
static bool wait_for_place(Ring *ring, RingCounters *counters, uint32_t put, uint32_t places,
                           int64_t timeout_us)
{
    int64_t deadline = g_get_monotonic_time() + timeout_us;
    bool has_place = false;
    for (;;) {
        atomic_store(&counters->is_putter_waiting, 1);
        uint32_t bell = atomic_load(&counters->bell);
        has_place = put - atomic_load(&counters->taken) < places;
        int64_t left = deadline - g_get_monotonic_time();
        if (has_place || left <= 0 || atomic_load(&ring->is_hurried))
            break;
        futex_wait(&counters->bell, bell, left);
    }
    atomic_store(&counters->is_putter_waiting, 0);
    return has_place;
}

static void publish(RingCounters *counters, uint32_t put)
{
    atomic_store(&counters->put, put);
    if (atomic_load(&counters->is_taker_waiting))
        futex_wake(&counters->put);
}

/* ---- presenter ---------------------------------------------------------------------------------
 */

static uint32_t count_waiting(const RingCounters *counters, uint32_t taken, uint32_t places)
{
    uint32_t count = atomic_load(&counters->put) - taken;
    return count <= places ? count : 0;
}

uint32_t ring_pictures(const Ring *ring)
{
    return count_waiting(&ring->page->pictures, ring->pictures_taken, ring->picture_count);
}

bool ring_is_honest(const Ring *ring)
{
    return atomic_load(&ring->page->pictures.put) - ring->pictures_taken <= ring->picture_count;
}

static bool is_plane_inside(const RingPictureHeader *header, unsigned plane, uint64_t area_bytes)
{
    uint64_t width = plane ? (header->width + 1) / 2 : header->width;
    uint64_t height = plane ? (header->height + 1) / 2 : header->height;
    uint64_t stride = header->strides[plane];
    return stride >= width && header->offsets[plane] + stride * (height - 1) + width <= area_bytes;
}

static bool is_picture_sane(const RingPictureHeader *header, uint32_t number, uint32_t area_bytes)
{
    return header->number == number && header->clip != 0 && header->index >= 0 &&
           header->index < INDEX_MAX && header->pts_us >= 0 && header->pts_us < INDEX_MAX &&
           header->width >= 1 && header->width <= RING_SIDE_MAX && header->height >= 1 &&
           header->height <= RING_SIDE_MAX && is_plane_inside(header, 0, area_bytes) &&
           is_plane_inside(header, 1, area_bytes) && is_plane_inside(header, 2, area_bytes) &&
           (header->matrix == RING_MATRIX_BT601 || header->matrix == RING_MATRIX_BT709) &&
           (header->range == RING_RANGE_LIMITED || header->range == RING_RANGE_FULL);
}

bool ring_peek_picture(const Ring *ring, uint32_t ahead, RingPicture *ret_picture,
                       const uint8_t **ret_pixels)
{
    if (ahead >= ring_pictures(ring))
        return false;
    uint32_t number = ring->pictures_taken + ahead;
    uint32_t place = number % ring->picture_count;
    RingPictureHeader header = {0};
    copy_once(&header, &ring->picture_headers[place], sizeof header);
    if (!is_picture_sane(&header, number, ring->picture_bytes))
        return false;
    *ret_picture = (RingPicture){
        .clip = header.clip,
        .index = header.index,
        .pts_us = header.pts_us,
        .width = header.width,
        .height = header.height,
        .strides = {header.strides[0], header.strides[1], header.strides[2]},
        .offsets = {header.offsets[0], header.offsets[1], header.offsets[2]},
        .matrix = (RingMatrix)header.matrix,
        .range = (RingRange)header.range,
        .is_corrupted = header.is_corrupted != 0,
    };
    *ret_pixels = ring->picture_areas + (size_t)place * ring->picture_bytes;
    return true;
}

void ring_drop_pictures(Ring *ring, uint32_t count)
{
    ring->pictures_taken += MIN(count, ring_pictures(ring));
    atomic_store(&ring->page->pictures.taken, ring->pictures_taken);
    ring_bell(&ring->page->pictures);
}

bool ring_wait_pictures(Ring *ring, uint32_t count, int64_t timeout_us)
{
    RingCounters *counters = &ring->page->pictures;
    int64_t deadline = g_get_monotonic_time() + timeout_us;
    bool has_more = false;
    for (;;) {
        atomic_store(&counters->is_taker_waiting, 1);
        uint32_t put = atomic_load(&counters->put);
        has_more = ring_pictures(ring) > count;
        int64_t left = deadline - g_get_monotonic_time();
        if (has_more || left <= 0)
            break;
        futex_wait(&counters->put, put, left);
    }
    atomic_store(&counters->is_taker_waiting, 0);
    return has_more;
}

/* Two threads may give sound back: the audio thread as it plays, the main thread at a cue. Whoever
 * is last writes the newest count, so the worker never waits for a place that is free. */
static void tell_sound_taken(Ring *ring)
{
    uint32_t taken;
    do {
        taken = atomic_load(&ring->sound_taken);
        atomic_store(&ring->page->sound.taken, taken);
    } while (taken != atomic_load(&ring->sound_taken));
    ring_bell(&ring->page->sound);
}

static bool is_sound_sane(const RingSoundHeader *header, uint32_t number)
{
    return header->number == number && header->clip != 0 && header->frames >= 1 &&
           header->frames <= RING_SOUND_FRAMES && header->position >= 0 &&
           header->position < POSITION_MAX;
}

static void copy_sound(float *to, const float *from, size_t frames)
{
    for (size_t i = 0; i < frames * 2; i++) {
        float value = from[i];
        to[i] = isfinite(value) ? CLAMP(value, -LOUDEST, LOUDEST) : 0;
    }
}

size_t ring_read_sound(Ring *ring, uint32_t clip, int64_t position, float *ret_stereo,
                       size_t frames, int64_t *ret_next)
{
    memset(ret_stereo, 0, frames * 2 * sizeof *ret_stereo);
    position = CLAMP(position, 0, POSITION_MAX);
    int64_t end = position + (int64_t)frames;
    int64_t next = position;
    size_t copied = 0;
    bool has_dropped = false;
    for (unsigned turn = 0; turn < RING_SOUND_COUNT; turn++) {
        uint32_t number = atomic_load(&ring->sound_taken);
        if (count_waiting(&ring->page->sound, number, RING_SOUND_COUNT) == 0)
            break;
        uint32_t place = number % RING_SOUND_COUNT;
        RingSoundHeader header = {0};
        copy_once(&header, &ring->sound_headers[place], sizeof header);
        if (is_sound_sane(&header, number) && header.clip == clip) {
            int64_t block_end = header.position + header.frames;
            int64_t from = MAX(position, header.position);
            int64_t to = MIN(end, block_end);
            if (from < to) {
                const float *area = ring->sound_areas + (size_t)place * RING_SOUND_FRAMES * 2;
                copy_sound(ret_stereo + (from - position) * 2, area + (from - header.position) * 2,
                           (size_t)(to - from));
                copied += (size_t)(to - from);
                next = to;
            }
            if (header.position >= end)
                next = end;
            if (block_end > end)
                break;
        }
        has_dropped |= atomic_compare_exchange_strong(&ring->sound_taken, &number, number + 1);
    }
    if (has_dropped)
        tell_sound_taken(ring);
    if (ret_next)
        *ret_next = next;
    return MIN(copied, frames);
}

void ring_drop_sound(Ring *ring)
{
    uint32_t taken = atomic_load(&ring->sound_taken);
    uint32_t target;
    do
        target = taken + count_waiting(&ring->page->sound, taken, RING_SOUND_COUNT);
    while (!atomic_compare_exchange_weak(&ring->sound_taken, &taken, target));
    tell_sound_taken(ring);
}

void ring_drop_sound_before(Ring *ring, uint32_t clip, int64_t position)
{
    bool has_dropped = false;
    for (unsigned turn = 0; turn < RING_SOUND_COUNT; turn++) {
        uint32_t number = atomic_load(&ring->sound_taken);
        if (count_waiting(&ring->page->sound, number, RING_SOUND_COUNT) == 0)
            break;
        RingSoundHeader header = {0};
        copy_once(&header, &ring->sound_headers[number % RING_SOUND_COUNT], sizeof header);
        if (is_sound_sane(&header, number) && header.clip == clip &&
            header.position + header.frames > position)
            break;
        has_dropped |= atomic_compare_exchange_strong(&ring->sound_taken, &number, number + 1);
    }
    if (has_dropped)
        tell_sound_taken(ring);
}

void ring_restart(Ring *ring, uint32_t held)
{
    held = MIN(held, ring_pictures(ring));
    RingPage *page = ring->page;
    atomic_store(&page->pictures.taken, ring->pictures_taken);
    atomic_store(&page->pictures.put, ring->pictures_taken + held);
    atomic_store(&page->pictures.is_putter_waiting, 0);
    uint32_t sound_taken = atomic_load(&ring->sound_taken);
    atomic_store(&page->sound.taken, sound_taken);
    atomic_store(&page->sound.put, sound_taken);
    atomic_store(&page->sound.is_putter_waiting, 0);
    /* The geometry may have been scribbled on. */
    memcpy(page->magic, RING_MAGIC, sizeof page->magic);
    page->version = RING_VERSION;
    page->picture_count = ring->picture_count;
    page->picture_bytes = ring->picture_bytes;
    page->total_bytes = (uint32_t)ring->total_bytes;
}

/* ---- worker ------------------------------------------------------------------------------------
 */

uint8_t *ring_begin_picture(Ring *ring, int64_t timeout_us)
{
    if (!wait_for_place(ring, &ring->page->pictures, ring->pictures_put, ring->picture_count,
                        timeout_us))
        return NULL;
    return ring->picture_areas +
           (size_t)(ring->pictures_put % ring->picture_count) * ring->picture_bytes;
}

void ring_put_picture(Ring *ring, const RingPicture *picture)
{
    ring->picture_headers[ring->pictures_put % ring->picture_count] = (RingPictureHeader){
        .index = picture->index,
        .pts_us = picture->pts_us,
        .number = ring->pictures_put,
        .clip = picture->clip,
        .width = picture->width,
        .height = picture->height,
        .strides = {picture->strides[0], picture->strides[1], picture->strides[2]},
        .offsets = {picture->offsets[0], picture->offsets[1], picture->offsets[2]},
        .matrix = picture->matrix,
        .range = picture->range,
        .is_corrupted = picture->is_corrupted,
    };
    publish(&ring->page->pictures, ++ring->pictures_put);
}

void ring_empty_pictures(Ring *ring)
{
    /* Best effort: where pages are larger than ours, it stays as it is. */
    (void)madvise(ring->picture_areas, (size_t)ring->picture_count * ring->picture_bytes,
                  MADV_REMOVE);
}

bool ring_put_sound(Ring *ring, uint32_t clip, int64_t position, const float *stereo, size_t frames,
                    int64_t timeout_us)
{
    g_assert(frames >= 1 && frames <= RING_SOUND_FRAMES);
    if (!wait_for_place(ring, &ring->page->sound, ring->sound_put, RING_SOUND_COUNT, timeout_us))
        return false;
    uint32_t place = ring->sound_put % RING_SOUND_COUNT;
    memcpy(ring->sound_areas + (size_t)place * RING_SOUND_FRAMES * 2, stereo,
           frames * 2 * sizeof *stereo);
    ring->sound_headers[place] = (RingSoundHeader){
        .position = position,
        .number = ring->sound_put,
        .clip = clip,
        .frames = (uint32_t)frames,
    };
    publish(&ring->page->sound, ++ring->sound_put);
    return true;
}

void ring_set_hurried(Ring *ring, bool is_hurried)
{
    atomic_store(&ring->is_hurried, is_hurried);
    if (!is_hurried)
        return;
    ring_bell(&ring->page->pictures);
    ring_bell(&ring->page->sound);
}
