/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * `serambi-media play`: decodes one clip after the other into the ring, until its deck hangs up. */
#include "play.h"
#include "chain.h"
#include "jobs.h"
#include "media/ring.h"
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Three decks must not starve a small machine. A 1080p clip with sound takes 444 MB of addresses
 * and 143 MB of memory, ring included (VmPeak, VmHWM; Debian 12, x86-64). */
#define MEMORY_BYTES  (768ull << 20)
#define MALLOC_ARENAS 2 /* each thread would reserve 64 MB of addresses otherwise */
#define WAIT_US       (1 * G_USEC_PER_SEC)
#define FDS_MAX       4 /* descriptors taken from one packet; only the first is kept */

typedef struct Player {
    int control;
    int event_fd; /* a hook has news for the main thread */
    Ring *ring;
    Chain *chain; /* NULL: no clip, or it is over */
    uint32_t clip;
    bool is_ready;
    _Atomic bool is_stopping;
    _Atomic uint32_t pictures;
    _Atomic uint32_t blocks;
    /* The sound thread's: a block is sent when it is full. */
    float block[RING_SOUND_FRAMES * 2];
    int64_t block_position;
    size_t block_frames;
} Player;

/* ---- hooks: the chain's threads ----------------------------------------------------------------
 */

static void notify(Player *player)
{
    uint64_t one = 1;
    ssize_t written = write(player->event_fd, &one, sizeof one);
    (void)written; /* full means: already readable */
}

static void copy_plane(uint8_t *to, uint32_t to_stride, const uint8_t *from, uint32_t from_stride,
                       uint32_t width, uint32_t height)
{
    if (to_stride == from_stride) {
        memcpy(to, from, (size_t)from_stride * (height - 1) + width);
        return;
    }
    for (uint32_t line = 0; line < height; line++)
        memcpy(to + (size_t)line * to_stride, from + (size_t)line * from_stride, width);
}

static uint32_t frames_until_ready(const Player *player)
{
    return MIN(PLAY_READY_FRAMES, ring_picture_places(player->ring));
}

/* Waits for a free place. */
static uint8_t *wait_for_area(Player *player)
{
    uint8_t *area = NULL;
    while (!area && !atomic_load(&player->is_stopping))
        area = ring_begin_picture(player->ring, WAIT_US);
    return area;
}

static uint8_t *on_room(void *owner, size_t bytes)
{
    Player *player = owner;
    return bytes <= ring_picture_bytes(player->ring) ? wait_for_area(player) : NULL;
}

static void copy_picture(uint8_t *area, const ChainPicture *picture, const RingPicture *entry)
{
    for (unsigned plane = 0; plane < 3; plane++) {
        uint32_t width = plane ? (picture->width + 1) / 2 : picture->width;
        uint32_t height = plane ? (picture->height + 1) / 2 : picture->height;
        copy_plane(area + entry->offsets[plane], entry->strides[plane], picture->planes[plane],
                   picture->strides[plane], width, height);
    }
}

/* The decoder wrote where on_room() told it. */
static void adopt_picture(const uint8_t *area, const ChainPicture *picture, RingPicture *entry)
{
    for (unsigned plane = 0; plane < 3; plane++) {
        entry->offsets[plane] = (uint32_t)(picture->planes[plane] - area);
        entry->strides[plane] = picture->strides[plane];
    }
}

static bool on_picture(void *owner, const ChainPicture *picture)
{
    Player *player = owner;
    RingPicture entry = {
        .clip = player->clip,
        .index = picture->index,
        .pts_us = picture->pts_ns / 1000,
        .matrix = picture->matrix,
        .range = picture->range,
        .is_corrupted = picture->is_corrupted,
    };
    if (!ring_place_planes(picture->width, picture->height, ring_picture_bytes(player->ring),
                           &entry))
        return false;
    uint8_t *area = wait_for_area(player);
    if (!area)
        return false;
    if (picture->planes[0] == area)
        adopt_picture(area, picture, &entry);
    else
        copy_picture(area, picture, &entry);
    ring_put_picture(player->ring, &entry);
    if (atomic_fetch_add(&player->pictures, 1) + 1 == frames_until_ready(player))
        notify(player);
    return true;
}

static bool send_block(Player *player)
{
    if (player->block_frames == 0)
        return true;
    bool is_done = false;
    while (!is_done && !atomic_load(&player->is_stopping))
        is_done = ring_put_sound(player->ring, player->clip, player->block_position, player->block,
                                 player->block_frames, WAIT_US);
    player->block_position += (int64_t)player->block_frames;
    player->block_frames = 0;
    if (atomic_fetch_add(&player->blocks, 1) == 0)
        notify(player);
    return is_done;
}

/* Stamps are rounded: two samples more or less are no gap. */
static bool is_next(const Player *player, int64_t position)
{
    return ABS(position - player->block_position - (int64_t)player->block_frames) <= 2;
}

static bool on_sound(void *owner, int64_t position, const float *stereo, size_t frames)
{
    Player *player = owner;
    if (!is_next(player, position)) {
        if (!send_block(player))
            return false;
        player->block_position = position;
    }
    while (frames > 0) {
        size_t part = MIN(frames, RING_SOUND_FRAMES - player->block_frames);
        memcpy(player->block + player->block_frames * 2, stereo, part * 2 * sizeof *stereo);
        player->block_frames += part;
        stereo += part * 2;
        frames -= part;
        if (player->block_frames == RING_SOUND_FRAMES && !send_block(player))
            return false;
    }
    return true;
}

static void on_sound_end(void *owner)
{
    (void)send_block(owner);
}

/* ---- the control line --------------------------------------------------------------------------
 */

/* Takes `message`. A deck that is gone is noticed when the line is read. */
static void tell(Player *player, json_t *message)
{
    g_assert(message != NULL);
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    free(text);
    while (send(player->control, line, strlen(line), MSG_NOSIGNAL) < 0 && errno == EINTR)
        continue;
}

static void tell_failed(Player *player, const GError *error)
{
    /* Messages of libraries may be long and hold any byte. */
    g_autofree char *valid = g_utf8_make_valid(error->message, -1);
    g_autofree char *brief = g_utf8_substring(valid, 0, MIN(g_utf8_strlen(valid, -1), 300));
    tell(player, json_pack("{s:{s:I,s:s,s:s}}", "failed", "clip", (json_int_t)player->clip, "code",
                           chain_code(error), "message", brief));
}

static void tell_ready(Player *player)
{
    ChainFacts facts = chain_facts(player->chain);
    player->is_ready = true;
    tell(player,
         json_pack("{s:{s:I,s:I,s:I,s:I,s:I,s:b,s:b}}", "ready", "clip", (json_int_t)player->clip,
                   "width", (json_int_t)facts.width, "height", (json_int_t)facts.height, "fps_n",
                   (json_int_t)facts.fps_n, "fps_d", (json_int_t)facts.fps_d, "has_video",
                   facts.has_video, "has_audio", facts.has_audio));
}

static void tell_ended(Player *player)
{
    ChainFacts facts = chain_facts(player->chain);
    tell(player, json_pack("{s:{s:I,s:I,s:I,s:I}}", "ended", "clip", (json_int_t)player->clip,
                           "frames", (json_int_t)facts.pictures, "samples",
                           (json_int_t)facts.samples, "corrupted", (json_int_t)facts.corrupted));
}

static void stop(Player *player)
{
    atomic_store(&player->is_stopping, true);
    ring_set_hurried(player->ring, true);
    if (player->chain) {
        g_clear_pointer(&player->chain, chain_free);
        (void)malloc_trim(
            0); /* the decoder's pictures; nobody knows how long the next clip waits */
    }
    ring_set_hurried(player->ring, false);
    atomic_store(&player->is_stopping, false);
}

static void cue(Player *player, uint32_t clip, int fd)
{
    static const ChainHooks HOOKS = {.on_room = on_room,
                                     .on_picture = on_picture,
                                     .on_sound = on_sound,
                                     .on_sound_end = on_sound_end};
    stop(player);
    tell(player, json_pack("{s:{s:I}}", "opened", "clip", (json_int_t)clip));
    player->clip = clip;
    player->is_ready = false;
    player->block_position = 0;
    player->block_frames = 0;
    atomic_store(&player->pictures, 0);
    atomic_store(&player->blocks, 0);
    ChainHooks hooks = HOOKS;
    hooks.owner = player;
    g_autoptr(GError) error = NULL;
    player->chain = chain_new(fd, &hooks, &error);
    if (!player->chain)
        tell_failed(player, error);
}

/* Takes `fd`, which may be -1. Returns false when the deck does not speak our language. */
static bool obey(Player *player, const char *line, size_t length, int fd)
{
    json_auto_t *message = json_loadb(line, length, 0, NULL);
    json_int_t clip = 0;
    if (message && json_object_get(message, "stop") && fd < 0) {
        stop(player);
        /* A deck says so when it has given all back: a spare one holds no memory. */
        ring_empty_pictures(player->ring);
        tell(player, json_pack("{s:{}}", "stopped"));
        return true;
    }
    if (message && json_unpack(message, "{s:{s:I}}", "cue", "clip", &clip) == 0 && clip > 0 &&
        clip <= UINT32_MAX && fd >= 0) {
        cue(player, (uint32_t)clip, fd);
        return true;
    }
    if (fd >= 0)
        (void)close(fd);
    return false;
}

/* Receives one packet and the descriptors in it. Returns its length, 0 at the end of the line. */
static ssize_t receive(int control, char *line, size_t size, int *ret_fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } extra;
    struct iovec text = {.iov_base = line, .iov_len = size};
    struct msghdr packet = {
        .msg_iov = &text, .msg_iovlen = 1, .msg_control = &extra, .msg_controllen = sizeof extra};
    ssize_t got;
    do
        got = recvmsg(control, &packet, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    *ret_fd = -1;
    for (struct cmsghdr *part = got > 0 ? CMSG_FIRSTHDR(&packet) : NULL; part;
         part = CMSG_NXTHDR(&packet, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            if (*ret_fd < 0)
                *ret_fd = fd;
            else
                (void)close(fd);
        }
    }
    return got;
}

/* ---- the job -----------------------------------------------------------------------------------
 */

static void tell_news(Player *player)
{
    uint64_t count;
    ssize_t got = read(player->event_fd, &count, sizeof count);
    (void)got; /* nothing to read is no news */
    if (!player->chain)
        return;
    ChainState state = chain_state(player->chain);
    if (state == CHAIN_FAILED) {
        tell_failed(player, chain_failure(player->chain));
        stop(player);
        return;
    }
    ChainFacts facts = chain_facts(player->chain);
    bool is_enough = facts.has_video ? atomic_load(&player->pictures) >= frames_until_ready(player)
                                     : atomic_load(&player->blocks) > 0;
    if (!player->is_ready && (is_enough || state == CHAIN_ENDED))
        tell_ready(player);
    if (state == CHAIN_ENDED) {
        tell_ended(player);
        stop(player);
    }
}

static int run(Player *player)
{
    char line[PLAY_MESSAGE_MAX];
    for (;;) {
        struct pollfd fds[] = {
            {.fd = player->control, .events = POLLIN},
            {.fd = player->event_fd, .events = POLLIN},
            {.fd = player->chain ? chain_fd(player->chain) : -1, .events = POLLIN},
        };
        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno != EINTR)
            return 1;
        if (fds[1].revents || fds[2].revents)
            tell_news(player);
        if (!fds[0].revents)
            continue;
        int fd;
        ssize_t length = receive(player->control, line, sizeof line, &fd);
        if (length <= 0)
            return 0;
        if (!obey(player, line, (size_t)length, fd)) {
            (void)fprintf(stderr, "play: the deck said something that is not a command\n");
            return 1;
        }
    }
}

static int parse_fd(const char *text)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    return *text && !*end && value >= 3 && value < 1024 && fcntl((int)value, F_GETFD) >= 0
               ? (int)value
               : -1;
}

static bool parse(int argc, char **argv, int *ret_ring, int *ret_control)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--ring") == 0)
            *ret_ring = parse_fd(argv[i + 1]);
        else if (strcmp(argv[i], "--control") == 0)
            *ret_control = parse_fd(argv[i + 1]);
    }
    return argc == 5 && *ret_ring >= 0 && *ret_control >= 0;
}

/* Codecs first: loading them needs files. They have seen no byte of a clip when the door closes. */
static bool prepare(Player *player, int ring_fd, GError **error)
{
    (void)mallopt(M_ARENA_MAX, MALLOC_ARENAS);
    if (!chain_load(error))
        return false;
    player->ring = ring_open(ring_fd, error);
    if (!player->ring)
        return false;
    SandboxPolicy policy = {.memory_bytes = MEMORY_BYTES};
    return sandbox_enter(&policy, error);
}

int job_play(int argc, char **argv)
{
    int ring_fd = -1;
    Player player = {.control = -1};
    if (!parse(argc, argv, &ring_fd, &player.control)) {
        (void)fprintf(stderr, "usage: serambi-media play --ring FD --control FD\n");
        return 2;
    }
    g_autoptr(GError) error = NULL;
    player.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int status = 1;
    if (player.event_fd >= 0 && prepare(&player, ring_fd, &error)) {
        tell(&player, json_pack("{s:{s:i,s:i}}", "hello", "version", PLAY_VERSION, "layers",
                                (int)sandbox_layers()));
        status = run(&player);
        stop(&player);
    } else {
        (void)fprintf(stderr, "play: cannot start: %s\n",
                      error ? error->message : g_strerror(errno));
    }
    ring_free(player.ring);
    return status;
}
