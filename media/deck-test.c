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
            g_error("%zu samples heard of %" G_GINT64_FORMAT ", state %d, %d died, %d killed", heard,
                    (int64_t)deck_clip(deck)->samples, deck_state(deck),
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
    DeckQuarantine *quarantine = deck_quarantine_new(2);
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

static void test_late(void)
{
    g_autoptr(Deck) deck =
        deck_with((DeckOptions){.pause_ms = 1, .ready_within_ms = 400, .start_within_ms = 20000});
    cue(deck, 1, "plain.mp4");
    wait_ready(deck);
    const char *code = NULL;
    g_assert_cmpint(kill(deck_pid(deck), SIGSTOP), ==, 0);
    cue(deck, 2, "plain.mp4");
    g_assert_cmpint(wait_while(deck, DECK_CUEING), ==, DECK_FAILED);
    g_assert_nonnull(deck_failure(deck, &code));
    g_assert_cmpstr(code, ==, "late");
    cue(deck, 3, "plain.mp4");
    wait_ready(deck);
    g_assert_cmpuint(deck_counts(deck)->started, ==, 2);
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

static char *make_liar(const char *name, const char *script)
{
    char *path = file_named(name);
    g_assert_true(g_file_set_contents(path, script, -1, NULL));
    g_assert_cmpint(g_chmod(path, 0700), ==, 0);
    return path;
}

/* Each waits for the cue first: what is said of a clip before there is one is passed over. */
static void test_liars(void)
{
    static const char *const SCRIPTS[] = {
        "#!/bin/sh\nhead -c 1 <&4 >/dev/null\necho '{\"ready\":1}' >&4\nexec cat <&4 >/dev/null\n",
        "#!/bin/sh\nhead -c 1 <&4 >/dev/null\necho 'hello' >&4\nexec cat <&4 >/dev/null\n",
        "#!/bin/sh\nhead -c 1 <&4 >/dev/null\necho "
        "'{\"ready\":{\"clip\":1,\"width\":99999,\"height\":1,\"fps_n\":1,\"fps_d\":0,"
        "\"has_video\":true,\"has_audio\":true}}' >&4\nexec cat <&4 >/dev/null\n",
        "#!/bin/sh\nhead -c 1 <&4 >/dev/null\necho "
        "'{\"ended\":{\"clip\":1,\"frames\":-1,\"samples\":0,\"corrupted\":0}}' "
        ">&4\n"
        "exec cat <&4 >/dev/null\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(SCRIPTS); i++) {
        g_autofree char *liar = make_liar("liar", SCRIPTS[i]);
        g_autoptr(Deck) deck =
            deck_with((DeckOptions){.program = liar, .pause_ms = 60000, .pause_max_ms = 60000});
        const char *code = NULL;
        cue(deck, 1, "plain.mp4");
        g_assert_cmpint(wait_while(deck, DECK_CUEING), ==, DECK_FAILED);
        g_assert_nonnull(deck_failure(deck, &code));
        g_assert_cmpstr(code, ==, "protocol");
    }
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
    g_autoptr(GError) error = NULL;
    g_assert_null(deck_new(&(DeckOptions){.program = "/nonexistent/program"}, &error));
    g_assert_error(error, DECK_ERROR, DECK_ERROR_SYSTEM);
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
    int status = g_test_run();
    remove_folder();
    return status;
}
