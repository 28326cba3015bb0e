/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A deck with a real worker: clips made by ffmpeg, files that are none, and workers that die, stand
 * still or lie. SERAMBI_MEDIA names the worker. */
#include "media/deck.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_US (30 * G_USEC_PER_SEC) /* a busy machine with sanitizers */
#define STEP_US     (20 * 1000)
#define BLOCK       1920 /* stereo samples of a picture at 25 Hz */

static char *folder;
static const char *program;

/* ---- clips -------------------------------------------------------------------------------------
 */

static char *file_named(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

/* Each picture is flat and its grey tells its number: 16 + 4 * (number modulo 50). */
static void make_clip(const char *name, const char *video, const char *audio, const char *more)
{
    g_autofree char *path = file_named(name);
    g_autofree char *sound =
        audio ? g_strdup_printf("-f lavfi -i %s -c:a aac -b:a 96k", audio) : g_strdup("");
    g_autofree char *line = g_strdup_printf(
        "ffmpeg -nostdin -v error -y -f lavfi -i \"color=gray:%s,format=yuv420p,"
        "geq=lum='16+4*mod(N,50)':cb=128:cr=128\" %s -c:v libx264 -preset ultrafast -crf 10 "
        "-g 25 -bf 2 -pix_fmt yuv420p %s %s",
        video, sound, more, path);
    int status = -1;
    g_autoptr(GError) error = NULL;
    g_assert_true(g_spawn_command_line_sync(line, NULL, NULL, &status, &error));
    g_assert_no_error(error);
    g_assert_true(g_spawn_check_wait_status(status, &error));
}

static void make_tone(const char *name)
{
    g_autofree char *path = file_named(name);
    g_autofree char *line = g_strdup_printf(
        "ffmpeg -nostdin -v error -y -f lavfi -i sine=f=1000:r=22050:d=1 -c:a pcm_s16le %s", path);
    int status = -1;
    g_assert_true(g_spawn_command_line_sync(line, NULL, NULL, &status, NULL));
    g_assert_true(g_spawn_check_wait_status(status, NULL));
}

static void cut_file(const char *from, const char *to, double part)
{
    g_autofree char *source = file_named(from);
    g_autofree char *target = file_named(to);
    g_autofree char *bytes = NULL;
    gsize length = 0;
    g_assert_true(g_file_get_contents(source, &bytes, &length, NULL));
    g_assert_true(g_file_set_contents(target, bytes, (gssize)((double)length * part), NULL));
}

static void make_garbage(const char *name, bool looks_like_movie)
{
    g_autofree char *path = file_named(name);
    uint8_t bytes[20000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)g_test_rand_int();
    if (looks_like_movie)
        memcpy(bytes,
               "\0\0\0\x18"
               "ftypisom",
               12);
    g_assert_true(g_file_set_contents(path, (const char *)bytes, sizeof bytes, NULL));
}

static void make_clips(void)
{
    make_clip("plain.mp4", "s=320x180:r=25:d=2", "sine=f=1000:r=48000:d=2", "-movflags +faststart");
    make_clip("mute.mp4", "s=322x182:r=24000/1001:d=2", NULL, "-movflags +faststart");
    make_clip("long.mp4", "s=64x64:r=25:d=12", "sine=f=440:r=44100:d=12", "");
    make_tone("tone.wav");
    cut_file("plain.mp4", "half.mp4", 0.5);
    cut_file("long.mp4", "headless.mp4", 0.9); /* its index is at the end */
    make_garbage("garbage.mp4", false);
    make_garbage("pretends.mp4", true);
}

/* ---- helpers -----------------------------------------------------------------------------------
 */

static Deck *deck_with(DeckOptions options)
{
    g_autoptr(GError) error = NULL;
    if (!options.program)
        options.program = program;
    if (!options.width) {
        options.width = 640;
        options.height = 360;
    }
    /* A sanitized worker on a busy machine is slow; the deadlines have tests of their own. */
    if (!options.ready_within_ms)
        options.ready_within_ms = 20000;
    if (!options.beat_within_ms)
        options.beat_within_ms = 20000;
    if (!options.start_within_ms)
        options.start_within_ms = 20000;
    if (!options.answer_within_ms)
        options.answer_within_ms = 20000;
    Deck *deck = deck_new(&options, &error);
    g_assert_no_error(error);
    return deck;
}

static void cue(Deck *deck, uint32_t clip, const char *name)
{
    g_autofree char *path = file_named(name);
    g_autoptr(GError) error = NULL;
    g_assert_true(deck_cue_path(deck, clip, name, path, &error));
    g_assert_no_error(error);
}

static DeckState wait_while(Deck *deck, DeckState state)
{
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;
    while (deck_state(deck) == state && g_get_monotonic_time() < deadline)
        (void)deck_wait(deck, STEP_US);
    return deck_state(deck);
}

static void wait_ready(Deck *deck)
{
    (void)wait_while(deck, DECK_CUEING);
    if (deck_state(deck) == DECK_FAILED)
        g_error("the clip failed: %s", deck_failure(deck, NULL));
    g_assert_true(deck_state(deck) == DECK_READY || deck_state(deck) == DECK_ENDED);
}

/* Waits until the frame of exactly this index is on the deck. */
static DeckFrame wait_frame(Deck *deck, int64_t index)
{
    DeckFrame frame = {.index = -1};
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;
    while (!(deck_frame(deck, index, &frame) && frame.index == index)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_assert_cmpint(frame.index, <=, index);
        if (deck_wait_frame(deck, STEP_US) == DECK_FAILED)
            g_error("the clip failed: %s", deck_failure(deck, NULL));
    }
    return frame;
}

static void check_grey(const DeckFrame *frame)
{
    const uint8_t *middle =
        frame->planes[0] + (size_t)(frame->height / 2) * frame->strides[0] + frame->width / 2;
    const uint8_t *chroma =
        frame->planes[2] + (size_t)(frame->height / 4) * frame->strides[2] + frame->width / 4;
    if (abs(*middle - (int)(16 + 4 * (frame->index % 50))) > 2)
        g_error("picture %d has the grey %d", (int)frame->index, *middle);
    g_assert_cmpint(abs(*chroma - 128), <=, 2);
}

static double loudness(const float *stereo, size_t frames)
{
    double sum = 0;
    for (size_t i = 0; i < frames * 2; i++)
        sum += (double)stereo[i] * (double)stereo[i];
    return sqrt(sum / (double)(frames * 2));
}

/* Sound is decoded by another thread than pictures: wait for the samples that belong to the frame.
 */
static void wait_sound(Deck *deck, int64_t position, float *stereo, size_t frames)
{
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;
    size_t have = 0; /* what was read is gone from the ring */
    for (;;) {
        have +=
            deck_audio_read_at(deck, position + (int64_t)have, stereo + have * 2, frames - have);
        if (have == frames)
            return;
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        (void)deck_wait(deck, 1000);
    }
}

/* ---- cases -------------------------------------------------------------------------------------
 */

static void test_plays(void)
{
    g_autoptr(Deck) deck = deck_with((DeckOptions){0});
    DeckFrame frame;
    g_assert_cmpint(deck_state(deck), ==, DECK_EMPTY);
    g_assert_false(deck_frame(deck, 0, &frame));
    cue(deck, 7, "plain.mp4");
    wait_ready(deck);
    const DeckClip *clip = deck_clip(deck);
    g_assert_cmpuint(clip->clip, ==, 7);
    g_assert_cmpuint(clip->width, ==, 320);
    g_assert_cmpuint(clip->height, ==, 180);
    g_assert_cmpuint(clip->fps_n, ==, 25 * clip->fps_d);
    g_assert_true(clip->has_video);
    g_assert_true(clip->has_audio);
    float stereo[BLOCK * 2];
    for (int64_t index = 0; index < 50; index++) {
        frame = wait_frame(deck, index);
        g_assert_cmpint(frame.pts_us, ==, index * 40000);
        g_assert_cmpuint(frame.clip, ==, 7);
        check_grey(&frame);
        if (index < 49) {
            wait_sound(deck, index * BLOCK, stereo, BLOCK);
            if (index > 1) /* -18 dB sine: 0.088 */
                g_assert_cmpfloat_with_epsilon(loudness(stereo, BLOCK), 0.0884, 0.01);
        }
    }
    g_assert_cmpint(wait_while(deck, DECK_READY), ==, DECK_ENDED);
    g_assert_cmpint(clip->frames, ==, 50);
    g_assert_cmpint(ABS(clip->samples - 96000), <=, 1024);
    g_assert_cmpint(clip->corrupted, ==, 0);
    g_assert_true(deck_frame(deck, 1000, &frame)); /* the last picture stays */
    g_assert_cmpint(frame.index, ==, 49);
    g_assert_false(frame.is_new);
    g_assert_cmpuint(deck_counts(deck)->frames, ==, 50);
    g_assert_cmpuint(deck_counts(deck)->skipped, ==, 0);
    deck_stop(deck);
    g_assert_cmpint(deck_state(deck), ==, DECK_EMPTY);
    g_assert_false(deck_frame(deck, 1000, &frame));
}

static void test_mute(void)
{
    g_autoptr(Deck) deck = deck_with((DeckOptions){0});
    cue(deck, 1, "mute.mp4");
    wait_ready(deck);
    g_assert_false(deck_clip(deck)->has_audio);
    g_assert_cmpuint(deck_clip(deck)->fps_n * 1001, ==, deck_clip(deck)->fps_d * 24000);
    float stereo[BLOCK * 2];
    for (int64_t index = 0; index < 48; index++) {
        DeckFrame frame = wait_frame(deck, index);
        g_assert_cmpuint(frame.width, ==, 322);
        g_assert_cmpint(ABS(frame.pts_us - index * 1001 * 1000000 / 24000), <=, 1000);
        check_grey(&frame);
    }
    g_assert_cmpuint(deck_audio_read(deck, stereo, BLOCK), ==, 0);
    g_assert_cmpint(wait_while(deck, DECK_READY), ==, DECK_ENDED);
    g_assert_cmpint(deck_clip(deck)->frames, ==, 48);
}

/* 12 s of sound that nobody hears, ten times what the ring holds: the pictures must go on. */
static void test_unheard(void)
{
    g_autoptr(Deck) deck = deck_with((DeckOptions){0});
    cue(deck, 1, "long.mp4");
    wait_ready(deck);
    g_assert_true(deck_clip(deck)->has_audio);
    for (int64_t index = 0; index < 300; index++)
        (void)wait_frame(deck, index);
    g_assert_cmpint(wait_while(deck, DECK_READY), ==, DECK_ENDED);
    g_assert_cmpint(deck_clip(deck)->frames, ==, 300);
}

static void test_skips(void)
{
    g_autoptr(Deck) deck = deck_with((DeckOptions){0});
    cue(deck, 1, "long.mp4");
    wait_ready(deck);
    DeckFrame frame = wait_frame(deck, 60);
    check_grey(&frame);
    g_assert_true(deck_frame_at(deck, 61 * 40000 - 1, &frame));
    g_assert_cmpint(frame.index, ==, 60);
    g_assert_cmpuint(deck_counts(deck)->skipped + deck_counts(deck)->frames, ==, 61);
    g_assert_cmpuint(deck_counts(deck)->skipped, >, 0);
}

static void test_sound_only(void)
{
    g_autoptr(Deck) deck = deck_with((DeckOptions){0});
    cue(deck, 3, "tone.wav");
    wait_ready(deck);
    g_assert_true(deck_clip(deck)->has_audio);
    g_assert_false(deck_clip(deck)->has_video);
    float stereo[480 * 2];
    size_t heard = 0;
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;
    while (heard < 47000) {
        if (g_get_monotonic_time() > deadline)
            g_error("%zu samples heard of %" G_GINT64_FORMAT ", state %d, %d died, %d killed",
                    heard, (int64_t)deck_clip(deck)->samples, deck_state(deck),
                    (int)deck_counts(deck)->died, (int)deck_counts(deck)->killed);
        size_t got = deck_audio_read(deck, stereo, 480);
        if (got == 480 && heard > 480)
            g_assert_cmpfloat_with_epsilon(loudness(stereo, 480), 0.0884, 0.01);
        heard += got;
        if (got == 0)
            (void)deck_wait(deck, 1000);
    }
    g_assert_cmpint(wait_while(deck, DECK_READY), ==, DECK_ENDED);
    g_assert_cmpint(ABS(deck_clip(deck)->samples - 48000), <=, 64);
    g_assert_cmpint(deck_clip(deck)->frames, ==, 0);
}

static void expect_failure(Deck *deck, const char *name, const char *expected)
{
    const char *code = NULL;
    cue(deck, 9, name);
    g_assert_cmpint(wait_while(deck, DECK_CUEING), ==, DECK_FAILED);
    g_assert_nonnull(deck_failure(deck, &code));
    g_assert_cmpstr(code, ==, expected);
}

static void test_garbage(void)
{
    DeckQuarantine *quarantine = deck_quarantine_new(2, 0);
    Deck *deck = deck_with((DeckOptions){.quarantine = quarantine});
    pid_t worker = deck_pid(deck);
    expect_failure(deck, "garbage.mp4", "not_media");
    expect_failure(deck, "pretends.mp4", "not_media");
    expect_failure(deck, "headless.mp4", "not_media");
    g_assert_false(deck_quarantine_holds(quarantine, "garbage.mp4"));
    expect_failure(deck, "garbage.mp4", "not_media");
    g_assert_true(deck_quarantine_holds(quarantine, "garbage.mp4"));
    g_autofree char *path = file_named("garbage.mp4");
    g_autoptr(GError) error = NULL;
    g_assert_false(deck_cue_path(deck, 9, "garbage.mp4", path, &error));
    g_assert_error(error, DECK_ERROR, DECK_ERROR_QUARANTINED);
    deck_quarantine_pardon(quarantine, "garbage.mp4");
    expect_failure(deck, "garbage.mp4", "not_media");
    /* The worker lived through all of it and plays on. */
    g_assert_cmpint(deck_pid(deck), ==, worker);
    cue(deck, 10, "plain.mp4");
    wait_ready(deck);
    g_clear_error(&error);
    g_assert_false(deck_cue_path(deck, 9, NULL, "/nonexistent", &error));
    g_assert_error(error, DECK_ERROR, DECK_ERROR_OPEN);
    deck_free(deck);
    deck_quarantine_free(quarantine);
}

/* A file that ends early: what is there is shown in order, and the end comes. */
static void test_truncated(void)
{
    g_autoptr(Deck) deck = deck_with((DeckOptions){0});
    cue(deck, 1, "half.mp4");
    DeckFrame frame;
    int64_t last = -1;
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;
    while (deck_wait_frame(deck, STEP_US) != DECK_ENDED && deck_state(deck) != DECK_FAILED) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        if (!deck_frame(deck, last + 1, &frame) || !frame.is_new)
            continue;
        g_assert_cmpint(frame.index, >, last);
        last = frame.index;
    }
    g_assert_cmpint(last, <, 49);
}

static void test_killed(void)
{
    g_autoptr(Deck) deck = deck_with((DeckOptions){.pause_ms = 1});
    cue(deck, 1, "long.mp4");
    wait_ready(deck);
    DeckFrame frame = wait_frame(deck, 3);
    const char *code = NULL;
    pid_t first = deck_pid(deck);
    g_assert_cmpint(kill(first, SIGKILL), ==, 0);
    g_assert_cmpint(wait_while(deck, DECK_READY), ==, DECK_FAILED);
    g_assert_nonnull(deck_failure(deck, &code));
    g_assert_cmpstr(code, ==, "died");
    g_assert_cmpuint(deck_counts(deck)->died, ==, 1);
    /* What was decoded in time may still be shown; what is held outlives the next worker's start.
     */
    g_assert_true(deck_frame(deck, 10, &frame));
    g_assert_cmpint(frame.index, >=, 3);
    int64_t held = frame.index;
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;
    while (deck_counts(deck)->started < 2 && g_get_monotonic_time() < deadline)
        (void)deck_wait(deck, STEP_US);
    g_assert_true(deck_frame(deck, 100, &frame));
    g_assert_cmpint(frame.index, ==, held);
    check_grey(&frame);
    cue(deck, 2, "plain.mp4");
    wait_ready(deck);
    g_assert_cmpint(deck_pid(deck), !=, first);
    frame = wait_frame(deck, 49);
    check_grey(&frame);
    g_assert_cmpuint(deck_counts(deck)->started, ==, 2);
}

static void test_stalled(void)
{
    g_autoptr(Deck) deck = deck_with((DeckOptions){.pause_ms = 1, .beat_within_ms = 250});
    cue(deck, 1, "long.mp4");
    wait_ready(deck);
    DeckFrame frame;
    const char *code = NULL;
    g_assert_true(deck_frame(deck, 0, &frame));
    g_assert_cmpint(kill(deck_pid(deck), SIGSTOP), ==, 0);
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;
    while (deck_state(deck) == DECK_READY && g_get_monotonic_time() < deadline) {
        (void)deck_frame(deck, 200, &frame);
        (void)deck_wait(deck, STEP_US);
    }
    g_assert_cmpint(deck_state(deck), ==, DECK_FAILED);
    g_assert_nonnull(deck_failure(deck, &code));
    g_assert_cmpstr(code, ==, "stalled");
    g_assert_cmpuint(deck_counts(deck)->killed, ==, 1);
    cue(deck, 2, "plain.mp4");
    wait_ready(deck);
}

static char *make_liar(const char *name, const char *script)
{
    char *path = file_named(name);
    g_assert_true(g_file_set_contents(path, script, -1, NULL));
    g_assert_cmpint(g_chmod(path, 0700), ==, 0);
    return path;
}

/* A worker that opens the clip of its first cue, says something and then nothing any more. */
static char *make_actor(const char *name, const char *saying)
{
    g_autofree char *script =
        g_strdup_printf("#!/bin/sh\nhead -c 1 <&4 >/dev/null\n"
                        "echo '{\"hello\":{\"version\":2,\"layers\":0}}' >&4\n"
                        "echo '{\"opened\":{\"clip\":1}}' >&4\n%s"
                        "exec sleep 1000\n",
                        saying);
    return make_liar(name, script);
}

static void test_late(void)
{
    g_autofree char *actor = make_actor("late", "");
    DeckQuarantine *quarantine = deck_quarantine_new(1, 0);
    Deck *deck = deck_with(
        (DeckOptions){.program = actor, .ready_within_ms = 100, .quarantine = quarantine});
    const char *code = NULL;
    cue(deck, 1, "plain.mp4");
    g_assert_cmpint(wait_while(deck, DECK_CUEING), ==, DECK_FAILED);
    g_assert_nonnull(deck_failure(deck, &code));
    g_assert_cmpstr(code, ==, "late");
    g_assert_cmpuint(deck_counts(deck)->killed, ==, 1);
    g_assert_true(deck_quarantine_holds(quarantine, "plain.mp4"));
    deck_free(deck);
    deck_quarantine_free(quarantine);
}

/* A worker that hangs in one clip is not the fault of the next one. */
static void test_hangs_before(void)
{
    DeckQuarantine *quarantine = deck_quarantine_new(1, 0);
    Deck *deck = deck_with((DeckOptions){.answer_within_ms = 300, .quarantine = quarantine});
    cue(deck, 1, "plain.mp4");
    wait_ready(deck);
    g_assert_cmpint(kill(deck_pid(deck), SIGSTOP), ==, 0);
    cue(deck, 2, "mute.mp4");
    wait_ready(deck);
    g_assert_cmpuint(deck_clip(deck)->clip, ==, 2);
    g_assert_false(deck_quarantine_holds(quarantine, "mute.mp4"));
    g_assert_cmpuint(deck_counts(deck)->started, ==, 2);
    g_assert_cmpuint(deck_counts(deck)->failed, ==, 0);
    /* Off air it is found out as well, without a cue. */
    pid_t hanging = deck_pid(deck);
    g_assert_cmpint(kill(hanging, SIGSTOP), ==, 0);
    deck_stop(deck);
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;
    while (!(deck_pid(deck) != hanging && deck_is_attentive(deck))) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        (void)deck_wait(deck, STEP_US);
    }
    deck_free(deck);
    deck_quarantine_free(quarantine);
}

static unsigned count_files(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)pid);
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    unsigned count = 0;
    g_assert_nonnull(directory);
    while (g_dir_read_name(directory))
        count++;
    return count;
}

/* Cues on cues: whatever is under way is dropped, and nothing piles up. */
static void test_replaced(void)
{
    g_autoptr(Deck) deck = deck_with((DeckOptions){.clips_per_worker = 1000});
    static const char *const NAMES[] = {"long.mp4", "plain.mp4", "mute.mp4", "tone.wav"};
    cue(deck, 1, "long.mp4");
    wait_ready(deck);
    unsigned files = count_files(deck_pid(deck));
    unsigned own_files = count_files(getpid());
    pid_t worker = deck_pid(deck);
    for (uint32_t turn = 0; turn < 30; turn++) {
        cue(deck, turn + 2, NAMES[turn % G_N_ELEMENTS(NAMES)]);
        if (turn % 3 == 0)
            wait_ready(deck);
    }
    cue(deck, 99, "long.mp4");
    wait_ready(deck);
    DeckFrame frame = wait_frame(deck, 20);
    g_assert_cmpuint(frame.clip, ==, 99);
    check_grey(&frame);
    g_assert_cmpint(deck_pid(deck), ==, worker);
    g_assert_cmpuint(count_files(worker), <=, files);
    g_assert_cmpuint(count_files(getpid()), ==, own_files);
}

static void test_recycled(void)
{
    g_autoptr(Deck) deck =
        deck_with((DeckOptions){.clips_per_worker = 2, .pause_ms = 60000, .pause_max_ms = 60000});
    for (uint32_t clip = 1; clip <= 5; clip++) {
        cue(deck, clip, "mute.mp4");
        wait_ready(deck);
        DeckFrame frame = wait_frame(deck, 5);
        g_assert_cmpuint(frame.clip, ==, clip);
    }
    g_assert_cmpuint(deck_counts(deck)->started, ==, 3);
    g_assert_cmpuint(deck_counts(deck)->died, ==, 0);
}

/* Off air, before the next clip needs it; and by age. */
static void test_retired(void)
{
    DeckOptions by_clips = {.clips_per_worker = 1}, by_age = {.worker_seconds = 1};
    DeckOptions options[] = {by_clips, by_age};
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        options[i].pause_ms = options[i].pause_max_ms = 60000;
        g_autoptr(Deck) deck = deck_with(options[i]);
        cue(deck, 1, "mute.mp4");
        wait_ready(deck);
        pid_t worker = deck_pid(deck);
        int64_t deadline = g_get_monotonic_time() + PATIENCE_US;
        int64_t old_us = g_get_monotonic_time() + 1500000;
        while (i == 1 && g_get_monotonic_time() < old_us) /* on air nobody is replaced */
            (void)deck_wait(deck, STEP_US);
        g_assert_cmpint(deck_pid(deck), ==, worker);
        deck_stop(deck);
        while (!(deck_pid(deck) != worker && deck_is_attentive(deck))) {
            g_assert_cmpint(g_get_monotonic_time(), <, deadline);
            (void)deck_wait(deck, STEP_US);
        }
        g_assert_cmpuint(deck_counts(deck)->retired, >=, 1);
        g_assert_cmpuint(deck_counts(deck)->died, ==, 0);
    }
}

static void test_jailed(void)
{
    g_autoptr(Deck) deck = deck_with((DeckOptions){0});
    cue(deck, 1, "plain.mp4");
    wait_ready(deck);
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)deck_pid(deck));
    g_autofree char *status = NULL;
    g_assert_true(g_file_get_contents(path, &status, NULL, NULL));
    g_assert_nonnull(strstr(status, "NoNewPrivs:\t1"));
    g_assert_nonnull(strstr(status, "Seccomp:\t2"));
    g_assert_nonnull(strstr(status, "CapEff:\t0000000000000000"));
}

static void test_liars(void)
{
    static const char *const SAYINGS[] = {
        "echo '{\"ready\":1}' >&4\n",
        "echo 'hello' >&4\n",
        "echo '{\"stopped\":{}}' >&4\n",
        "echo '{\"ready\":{\"clip\":1,\"width\":99999,\"height\":1,\"fps_n\":1,\"fps_d\":0,"
        "\"has_video\":true,\"has_audio\":true}}' >&4\n",
        "echo '{\"ready\":{\"clip\":1,\"width\":9,\"height\":9,\"fps_n\":1,\"fps_d\":3601,"
        "\"has_video\":true,\"has_audio\":true}}' >&4\n",
        "echo '{\"ended\":{\"clip\":1,\"frames\":-1,\"samples\":0,\"corrupted\":0}}' >&4\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(SAYINGS); i++) {
        g_autofree char *liar = make_actor("liar", SAYINGS[i]);
        g_autoptr(Deck) deck = deck_with((DeckOptions){.program = liar});
        const char *code = NULL;
        cue(deck, 1, "plain.mp4");
        g_assert_cmpint(wait_while(deck, DECK_CUEING), ==, DECK_FAILED);
        g_assert_nonnull(deck_failure(deck, &code));
        g_assert_cmpstr(code, ==, "protocol");
    }
}

#define READY_LINE                                                                                 \
    "echo '{\"ready\":{\"clip\":1,\"width\":62,\"height\":34,\"fps_n\":%d,\"fps_d\":1,"            \
    "\"has_video\":true,\"has_audio\":true}}' >&4\n"

/* The ring of an actor, as its worker has it: the test puts the pictures. */
static Ring *ring_of(const Deck *deck)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd/3", (int)deck_pid(deck));
    g_autoptr(GError) error = NULL;
    Ring *ring = ring_open(open(path, O_RDWR | O_CLOEXEC), &error);
    g_assert_no_error(error);
    return ring;
}

static void put_picture(Ring *ring, int64_t index)
{
    RingPicture picture = {.clip = 1,
                           .index = index,
                           .pts_us = index * 40000,
                           .matrix = RING_MATRIX_BT709,
                           .range = RING_RANGE_LIMITED};
    g_assert_true(ring_place_planes(62, 34, ring_picture_bytes(ring), &picture));
    if (ring_begin_picture(ring, 0))
        ring_put_picture(ring, &picture);
}

static Deck *deck_of_actor(const char *saying, uint32_t beat_within_ms)
{
    g_autofree char *actor = make_actor("actor", saying);
    Deck *deck = deck_with((DeckOptions){.program = actor, .beat_within_ms = beat_within_ms});
    cue(deck, 1, "plain.mp4");
    wait_ready(deck);
    return deck;
}

/* A clip without a rate must not be divided by it. */
static void test_without_rate(void)
{
    g_autofree char *saying = g_strdup_printf(READY_LINE, 0);
    g_autoptr(Deck) deck = deck_of_actor(saying, 0);
    g_assert_cmpuint(deck_clip(deck)->fps_n, ==, 25);
    g_assert_cmpuint(deck_clip(deck)->fps_d, ==, 1);
}

/* Its counter runs, but no picture comes. */
static void test_counts_without_pictures(void)
{
    g_autofree char *saying = g_strdup_printf(READY_LINE, 25);
    g_autoptr(Deck) deck = deck_of_actor(saying, 250);
    g_autoptr(Ring) ring = ring_of(deck);
    put_picture(ring, 0);
    uint8_t *page =
        mmap(NULL, RING_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd(ring), 0);
    g_assert_true(page != MAP_FAILED);
    uint32_t *put = (uint32_t *)(void *)(page + 64); /* the first counter of ring.c:RingPage */
    DeckFrame frame;
    g_assert_true(deck_frame(deck, 0, &frame));
    g_assert_cmpuint(*put, ==, 1);
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;
    while (deck_poll(deck) == DECK_READY) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        *put += 1000;
        (void)deck_frame(deck, 100, &frame);
        (void)ring_wait_pictures(ring, 1000, 1000);
    }
    const char *code = NULL;
    g_assert_nonnull(deck_failure(deck, &code));
    g_assert_cmpstr(code, ==, "protocol");
    g_assert_cmpint(munmap(page, RING_PAGE_BYTES), ==, 0);
}

/* The same number again would go on for ever. */
static void test_runs_in_circles(void)
{
    g_autofree char *saying = g_strdup_printf(READY_LINE, 25);
    g_autoptr(Deck) deck = deck_of_actor(saying, 0);
    g_autoptr(Ring) ring = ring_of(deck);
    DeckFrame frame;
    put_picture(ring, 3);
    g_assert_true(deck_frame(deck, 9, &frame));
    g_assert_cmpint(frame.index, ==, 3);
    put_picture(ring, 3);
    g_assert_true(deck_frame(deck, 9, &frame));
    g_assert_false(frame.is_new);
    g_assert_cmpint(deck_state(deck), ==, DECK_FAILED);
    g_assert_cmpuint(deck_counts(deck)->rejected, ==, 1);
}

/* It promises a hundred days and has two pictures: the clip ends with the second. */
static void test_promises_too_much(void)
{
    g_autofree char *ready = g_strdup_printf(READY_LINE, 25);
    g_autofree char *saying =
        g_strconcat(ready,
                    "echo '{\"ended\":{\"clip\":1,\"frames\":200000000,\"samples\":0,"
                    "\"corrupted\":0}}' >&4\n",
                    NULL);
    g_autoptr(Deck) deck = deck_of_actor(saying, 0);
    g_autoptr(Ring) ring = ring_of(deck);
    put_picture(ring, 0);
    put_picture(ring, 1);
    g_assert_cmpint(wait_while(deck, DECK_READY), ==, DECK_ENDED);
    DeckFrame frame;
    g_assert_true(deck_frame(deck, 0, &frame));
    g_assert_cmpint(deck_clip(deck)->frames, ==, 200000000);
    g_assert_true(deck_frame(deck, 9, &frame));
    g_assert_cmpint(deck_clip(deck)->frames, ==, 2);
}

/* Random bytes over every header while it plays; each time a new worker shows that nothing broke.
 */
static void test_scribbles(void)
{
    g_autofree char *saying = g_strdup_printf(READY_LINE, 25);
    unsigned killed = 0;
    for (unsigned round = 0; round < 60; round++) {
        g_autoptr(Deck) deck = deck_of_actor(saying, 200);
        g_autoptr(Ring) ring = ring_of(deck);
        size_t bytes = RING_PAGE_BYTES + 8 * 128 + RING_SOUND_COUNT * 32;
        uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd(ring), 0);
        g_assert_true(memory != MAP_FAILED);
        float stereo[480 * 2] = {0};
        uint64_t sum = 0;
        for (int64_t turn = 0; turn < 200 && deck_state(deck) == DECK_READY; turn++) {
            put_picture(ring, turn);
            (void)ring_put_sound(ring, 1, turn * 480, stereo, 480, 0);
            size_t limit = g_test_rand_bit() ? 512 : bytes;
            memory[g_test_rand_int_range(0, (gint32)limit)] ^=
                (uint8_t)(1 << g_test_rand_int_range(0, 8));
            DeckFrame frame;
            if (deck_frame(deck, turn, &frame))
                for (unsigned plane = 0; plane < 3; plane++) {
                    uint32_t height = plane ? (frame.height + 1) / 2 : frame.height;
                    sum += frame.planes[plane][(size_t)frame.strides[plane] * (height - 1)];
                }
            (void)deck_audio_read_at(deck, turn * 480, stereo, 480);
            for (size_t i = 0; i < G_N_ELEMENTS(stereo); i++)
                g_assert_true(isfinite(stereo[i]));
            (void)deck_poll(deck);
        }
        killed += deck_counts(deck)->killed > 0;
        g_assert_cmpint(munmap(memory, bytes), ==, 0);
    }
    g_test_message("%u of 60 liars were caught", killed);
    g_assert_cmpuint(killed, >, 10);
}

static void test_quarantine(void)
{
    DeckQuarantine *quarantine = deck_quarantine_new(2, 0);
    deck_quarantine_strike(quarantine, NULL);
    deck_quarantine_strike(quarantine, "a");
    g_assert_false(deck_quarantine_holds(quarantine, "a"));
    deck_quarantine_strike(quarantine, "a");
    g_assert_true(deck_quarantine_holds(quarantine, "a"));
    g_assert_false(deck_quarantine_holds(quarantine, "b"));
    deck_quarantine_pardon(quarantine, NULL);
    g_assert_false(deck_quarantine_holds(quarantine, "a"));
    for (unsigned i = 0; i < 10000; i++) { /* more than are kept */
        g_autofree char *key = g_strdup_printf("%u", i);
        deck_quarantine_strike(quarantine, key);
        deck_quarantine_strike(quarantine, key);
        g_assert_true(deck_quarantine_holds(quarantine, key));
    }
    g_assert_false(deck_quarantine_holds(quarantine, "0"));
    deck_quarantine_free(quarantine);
    /* On parole after a microsecond. */
    quarantine = deck_quarantine_new(1, 1);
    deck_quarantine_strike(quarantine, "a");
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;
    while (deck_quarantine_holds(quarantine, "a"))
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    deck_quarantine_free(quarantine);
}

/* What has played to its end has no record any more. */
static void test_redeemed(void)
{
    DeckQuarantine *quarantine = deck_quarantine_new(2, 0);
    Deck *deck = deck_with((DeckOptions){.quarantine = quarantine});
    deck_quarantine_strike(quarantine, "mute.mp4");
    cue(deck, 1, "mute.mp4");
    wait_ready(deck);
    for (int64_t index = 0; index < 48; index++)
        (void)wait_frame(deck, index);
    g_assert_cmpint(wait_while(deck, DECK_READY), ==, DECK_ENDED);
    deck_quarantine_strike(quarantine, "mute.mp4");
    g_assert_false(deck_quarantine_holds(quarantine, "mute.mp4"));
    deck_free(deck);
    deck_quarantine_free(quarantine);
}

/* A worker that cannot start is tried again, but not in a hurry. */
static void test_paused(void)
{
    g_autofree char *liar = make_liar("dies", "#!/bin/sh\nexit 1\n");
    g_autoptr(Deck) deck =
        deck_with((DeckOptions){.program = liar, .pause_ms = 20, .pause_max_ms = 1000000});
    int64_t started = g_get_monotonic_time();
    int64_t deadline = started + PATIENCE_US;
    while (deck_counts(deck)->died < 4 && g_get_monotonic_time() < deadline)
        (void)deck_wait(deck, 5000);
    g_assert_cmpuint(deck_counts(deck)->died, ==, 4);
    g_assert_cmpint(g_get_monotonic_time() - started, >=, (20 + 40 + 80) * 1000);
}

/* A program that is missing for a while, as during an upgrade. */
static void test_missing(void)
{
    g_autofree char *path = file_named("comes-later");
    g_autoptr(Deck) deck = deck_with((DeckOptions){.program = path, .pause_ms = 20});
    g_assert_cmpint(deck_pid(deck), ==, 0);
    g_assert_cmpint(symlink(program, path), ==, 0);
    cue(deck, 1, "plain.mp4");
    wait_ready(deck);
}

static void remove_folder(void)
{
    g_autoptr(GDir) directory = g_dir_open(folder, 0, NULL);
    for (const char *name = g_dir_read_name(directory); name; name = g_dir_read_name(directory)) {
        g_autofree char *path = file_named(name);
        (void)g_unlink(path);
    }
    (void)g_rmdir(folder);
    g_free(folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    program = g_getenv("SERAMBI_MEDIA");
    g_assert_nonnull(program);
    folder = g_dir_make_tmp("serambi-deck-XXXXXX", NULL);
    g_assert_nonnull(folder);
    make_clips();
    g_test_add_func("/deck/plays", test_plays);
    g_test_add_func("/deck/mute", test_mute);
    g_test_add_func("/deck/unheard", test_unheard);
    g_test_add_func("/deck/skips", test_skips);
    g_test_add_func("/deck/sound-only", test_sound_only);
    g_test_add_func("/deck/garbage", test_garbage);
    g_test_add_func("/deck/truncated", test_truncated);
    g_test_add_func("/deck/killed", test_killed);
    g_test_add_func("/deck/stalled", test_stalled);
    g_test_add_func("/deck/late", test_late);
    g_test_add_func("/deck/replaced", test_replaced);
    g_test_add_func("/deck/recycled", test_recycled);
    g_test_add_func("/deck/jailed", test_jailed);
    g_test_add_func("/deck/liars", test_liars);
    g_test_add_func("/deck/paused", test_paused);
    g_test_add_func("/deck/missing", test_missing);
    g_test_add_func("/deck/hangs-before", test_hangs_before);
    g_test_add_func("/deck/retired", test_retired);
    g_test_add_func("/deck/without-rate", test_without_rate);
    g_test_add_func("/deck/counts-without-pictures", test_counts_without_pictures);
    g_test_add_func("/deck/runs-in-circles", test_runs_in_circles);
    g_test_add_func("/deck/promises-too-much", test_promises_too_much);
    g_test_add_func("/deck/scribbles", test_scribbles);
    g_test_add_func("/deck/quarantine", test_quarantine);
    g_test_add_func("/deck/redeemed", test_redeemed);
    int status = g_test_run();
    remove_folder();
    return status;
}
