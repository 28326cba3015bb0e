/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The presenter's side of playing: cues, takes frames, watches the worker and replaces it. */
#include "deck.h"
#include "deck_process.h"
#include "worker/play.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define READY_WITHIN_MS  1500
#define START_WITHIN_MS  4000
#define ANSWER_WITHIN_MS 500
#define BEAT_WITHIN_MS   250
#define PAUSE_MS         100
#define PAUSE_MAX_MS     30000
#define CLIPS_PER_WORKER 50
#define WORKER_SECONDS   (6 * 3600)
#define MESSAGES_A_POLL  32     /* a worker that talks more is read at the next frame */
#define STEP_MAX_US      100000 /* a presenter that stood still itself does not blame its worker */
#define FPS_MAX          1000000
/* A picture an hour to a thousand a second, and so many of them (a hundred days at 30): times in
 * microseconds stay far from the ends of 64 bits. */
#define PICTURE_SECONDS_MAX 3600
#define PICTURES_A_SECOND   1000
#define FRAMES_MAX          (INT64_C(1) << 28)
#define SAMPLES_MAX         (INT64_C(1) << 44)
#define FPS_WITHOUT_RATE    25
/* Sound this far behind the picture is given up: no loudspeaker is that late. */
#define SOUND_BEHIND_US 500000
#define MESSAGE_BYTES   400 /* kept of a worker's sentence */

G_DEFINE_QUARK(deck_error, deck_error)

struct Deck {
    DeckOptions options; /* zeros replaced; program is ours */
    char *program;
    Ring *ring;
    DeckProcess process;
    DeckQuarantine *quarantine;
    bool owns_quarantine;

    /* The clip. `serial` names a cue to the worker: the caller's names may repeat. */
    DeckState state;
    uint32_t serial;
    int fd;       /* until a worker has opened it; -1: it has, or there is none */
    bool is_sent; /* the worker was told of it */
    bool is_opened;
    char *key;
    DeckClip clip;
    const char *failure_code;
    char *failure;
    bool has_held; /* the oldest picture of the ring is the one that was taken last */
    DeckFrame held;

    /* Time is added up poll by poll. */
    int64_t polled_us;
    int64_t starting_us;
    int64_t answering_us;
    int64_t waiting_us; /* of a clip for a worker */
    int64_t cueing_us;  /* since it was opened */
    int64_t starving_us;
    int64_t greeted_at_us;
    int64_t restart_at_us;
    bool is_starving;
    bool has_moved; /* a newer picture was taken since the last poll */

    /* The worker. */
    bool is_greeted;
    bool is_cut; /* it closed its line: it died by itself, or soon will with our help */
    bool is_retired;
    uint32_t owed; /* commands that it has not answered */
    uint32_t deaths_in_a_row;
    uint32_t clips_of_worker;
    DeckCounts counts;

    /* What the audio thread may hear: the serial, or 0. */
    _Atomic uint32_t heard;
    uint32_t cursor_serial; /* the audio thread's */
    int64_t cursor;         /* the audio thread's */
};

/* ---- the clip ----------------------------------------------------------------------------------
 */

static void close_file(Deck *deck)
{
    if (deck->fd >= 0)
        (void)close(deck->fd);
    deck->fd = -1;
}

static void fail_clip(Deck *deck, const char *code, const char *message)
{
    if (deck->state != DECK_CUEING && deck->state != DECK_READY)
        return;
    close_file(deck);
    deck->state = DECK_FAILED;
    deck->failure_code = code;
    g_free(deck->failure);
    deck->failure = g_strndup(message, MESSAGE_BYTES);
    deck->counts.failed++;
    if (deck->is_opened) /* else no worker has seen the file: it is not to blame */
        deck_quarantine_strike(deck->quarantine, deck->key);
}

static void forget_clip(Deck *deck)
{
    close_file(deck);
    atomic_store(&deck->heard, 0);
    ring_drop_pictures(deck->ring, ring_pictures(deck->ring));
    ring_drop_sound(deck->ring);
    g_clear_pointer(&deck->key, g_free);
    g_clear_pointer(&deck->failure, g_free);
    deck->failure_code = NULL;
    deck->is_sent = false;
    deck->is_opened = false;
    deck->has_held = false;
    deck->is_starving = false;
    deck->has_moved = false;
    deck->starving_us = 0;
    deck->waiting_us = 0;
    deck->cueing_us = 0;
    deck->clip = (DeckClip){.fps_d = 1, .frames = -1, .samples = -1};
    deck->state = DECK_EMPTY;
}

/* The worker is lost. A clip that it had not opened yet waits for the next one. */
static void lose_clip(Deck *deck, const char *code, const char *message)
{
    if (deck->is_opened)
        fail_clip(deck, code, message);
    deck->is_sent = false;
}

/* A worker that breaks the rules is not asked twice. */
static void kill_worker(Deck *deck, const char *code, const char *message)
{
    if (deck->process.pid != 0 && !deck->process.is_killed)
        deck->counts.killed++;
    deck_process_kill(&deck->process);
    lose_clip(deck, code, message);
}

/* ---- the worker --------------------------------------------------------------------------------
 */

static bool start_worker(Deck *deck, GError **error)
{
    ring_restart(deck->ring,
                 deck->state == DECK_ENDED ? ring_pictures(deck->ring) : deck->has_held);
    if (!deck_process_start(&deck->process, deck->program, ring_fd(deck->ring), error))
        return false;
    deck->is_greeted = false;
    deck->is_cut = false;
    deck->is_retired = false;
    deck->owed = 0;
    deck->starting_us = 0;
    deck->answering_us = 0;
    deck->clips_of_worker = 0;
    deck->counts.started++;
    return true;
}

static int64_t pause_us(const Deck *deck)
{
    uint32_t doublings = MIN(deck->deaths_in_a_row, 16u);
    uint64_t pause_ms = (uint64_t)deck->options.pause_ms << (doublings ? doublings - 1 : 0);
    return (int64_t)MIN(pause_ms, deck->options.pause_max_ms) * 1000;
}

static void restart_worker(Deck *deck, int64_t now_us)
{
    if (now_us < deck->restart_at_us)
        return;
    g_autoptr(GError) error = NULL;
    if (start_worker(deck, &error))
        return;
    deck->deaths_in_a_row++;
    deck->restart_at_us = now_us + pause_us(deck);
    fail_clip(deck, "died", error->message);
}

/* Sends the cue that waits, if anybody is there to take it. */
static void send_cue(Deck *deck)
{
    if (deck->fd < 0 || deck->is_sent || deck->process.pid == 0 || deck->process.is_killed)
        return;
    g_autofree char *line = g_strdup_printf("{\"cue\":{\"clip\":%u}}\n", deck->serial);
    if (!deck_process_send(&deck->process, line, deck->fd)) {
        /* Its line is full or cut: it hangs. The cue waits for the next one. */
        deck->counts.killed++;
        deck_process_kill(&deck->process);
        return;
    }
    deck->is_sent = true;
    deck->owed++;
}

static void bury_worker(Deck *deck, int64_t now_us)
{
    bool was_killed = deck->process.is_killed;
    if (!deck_process_bury(&deck->process))
        return;
    atomic_store(&deck->heard, 0);
    deck->is_greeted = false;
    deck->counts.died += !was_killed || deck->is_cut;
    lose_clip(deck, "died", "the decoding process ended");
    /* One that could open a clip will open the next one; one that could not even start is not
     * started in a hurry. */
    bool has_served = deck->is_retired || deck->clips_of_worker > 0;
    deck->deaths_in_a_row = has_served ? 0 : deck->deaths_in_a_row + 1;
    deck->restart_at_us = now_us + (has_served ? 0 : pause_us(deck));
}

static bool is_worn(const Deck *deck)
{
    int64_t age_us = g_get_monotonic_time() - deck->greeted_at_us;
    return deck->clips_of_worker >= deck->options.clips_per_worker ||
           (deck->is_greeted && age_us / G_USEC_PER_SEC >= deck->options.worker_seconds);
}

static void retire_worker(Deck *deck)
{
    if (deck->process.pid == 0 || deck->process.is_killed || !is_worn(deck))
        return;
    deck->is_retired = true;
    deck->counts.retired++;
    deck_process_kill(&deck->process);
}

/* ---- what the worker says ----------------------------------------------------------------------
 */

static bool on_ready(Deck *deck, json_t *facts)
{
    json_int_t width, height, fps_n, fps_d;
    int has_video, has_audio;
    if (json_unpack(facts, "{s:I,s:I,s:I,s:I,s:b,s:b}", "width", &width, "height", &height, "fps_n",
                    &fps_n, "fps_d", &fps_d, "has_video", &has_video, "has_audio",
                    &has_audio) != 0 ||
        width < 0 || width > RING_SIDE_MAX || height < 0 || height > RING_SIDE_MAX || fps_n < 0 ||
        fps_n > FPS_MAX || fps_d < 1 || fps_d > FPS_MAX)
        return false;
    if (has_video && fps_n == 0) { /* pictures without a rate are counted */
        fps_n = FPS_WITHOUT_RATE;
        fps_d = 1;
    }
    if (has_video && (fps_n * PICTURE_SECONDS_MAX < fps_d || fps_n > fps_d * PICTURES_A_SECOND))
        return false;
    if (deck->state != DECK_CUEING)
        return false;
    deck->clip.width = (uint32_t)width;
    deck->clip.height = (uint32_t)height;
    deck->clip.fps_n = (uint32_t)fps_n;
    deck->clip.fps_d = (uint32_t)fps_d;
    deck->clip.has_video = has_video;
    deck->clip.has_audio = has_audio;
    deck->state = DECK_READY;
    return true;
}

static bool on_ended(Deck *deck, json_t *facts)
{
    json_int_t frames, samples, corrupted;
    if (json_unpack(facts, "{s:I,s:I,s:I}", "frames", &frames, "samples", &samples, "corrupted",
                    &corrupted) != 0 ||
        frames < 0 || frames > FRAMES_MAX || samples < 0 || samples > SAMPLES_MAX ||
        corrupted < 0 || deck->state != DECK_READY)
        return false;
    deck->clip.frames = frames;
    deck->clip.samples = samples;
    deck->clip.corrupted = corrupted;
    deck->state = DECK_ENDED;
    if (deck->key)
        deck_quarantine_pardon(deck->quarantine, deck->key);
    return true;
}

static bool on_failed(Deck *deck, json_t *facts)
{
    /* Our own words, not the worker's: its text goes no further than the sentence. */
    static const char *const CODES[] = {"not_media", "no_video", "unsupported",
                                        "decode",    "read",     "too_large"};
    const char *code, *message;
    if (json_unpack(facts, "{s:s,s:s}", "code", &code, "message", &message) != 0)
        return false;
    const char *known = "decode";
    for (size_t i = 0; i < G_N_ELEMENTS(CODES); i++)
        if (strcmp(code, CODES[i]) == 0)
            known = CODES[i];
    fail_clip(deck, known, message);
    return true;
}

static bool on_hello(Deck *deck, json_t *facts)
{
    json_int_t version;
    if (deck->is_greeted || json_unpack(facts, "{s:I}", "version", &version) != 0 ||
        version != PLAY_VERSION)
        return false;
    deck->is_greeted = true;
    deck->greeted_at_us = g_get_monotonic_time();
    return true;
}

static bool on_answer(Deck *deck)
{
    if (!deck->is_greeted || deck->owed == 0)
        return false;
    deck->owed--;
    deck->answering_us = 0;
    return true;
}

static bool on_opened(Deck *deck, json_t *facts)
{
    json_int_t clip = 0;
    if (json_unpack(facts, "{s:I}", "clip", &clip) != 0 || !on_answer(deck))
        return false;
    deck->clips_of_worker++;
    /* Else a newer cue is on its way, or the clip was given up. */
    if (clip == deck->serial && deck->state == DECK_CUEING) {
        close_file(deck);
        deck->is_opened = true;
        atomic_store(&deck->heard, deck->serial);
    }
    return true;
}

/* Returns false for what is not one of the messages of play.h. */
static bool understand(Deck *deck, const char *line, size_t length)
{
    static const struct {
        const char *name;
        bool (*run)(Deck *deck, json_t *facts);
    } MESSAGES[] = {{"ready", on_ready}, {"ended", on_ended}, {"failed", on_failed}};
    json_auto_t *message = json_loadb(line, length, 0, NULL);
    json_t *hello = json_object_get(message, "hello");
    if (hello)
        return on_hello(deck, hello);
    if (json_object_get(message, "stopped"))
        return on_answer(deck);
    json_t *opened = json_object_get(message, "opened");
    if (opened)
        return on_opened(deck, opened);
    for (size_t i = 0; i < G_N_ELEMENTS(MESSAGES); i++) {
        json_int_t clip = 0;
        json_t *facts = json_object_get(message, MESSAGES[i].name);
        if (!facts)
            continue;
        if (json_unpack(facts, "{s:I}", "clip", &clip) != 0)
            return false;
        /* What is said of an earlier clip crossed our cue on the line. */
        if (clip != deck->serial || deck->state == DECK_EMPTY || deck->state == DECK_FAILED)
            return true;
        return deck->is_opened && MESSAGES[i].run(deck, facts);
    }
    return false;
}

static void listen(Deck *deck)
{
    char line[PLAY_MESSAGE_MAX];
    for (unsigned count = 0; count < MESSAGES_A_POLL; count++) {
        if (deck->process.pid == 0 || deck->process.is_killed)
            return;
        ssize_t length = deck_process_receive(&deck->process, line, sizeof line);
        if (length == 0)
            return;
        if (length < 0) {
            deck->is_cut = true;
            deck_process_kill(&deck->process);
            return;
        }
        if (!understand(deck, line, (size_t)length))
            kill_worker(deck, "protocol", "the decoding process said something impossible");
    }
}

/* ---- pictures ----------------------------------------------------------------------------------
 */

static void reject_picture(Deck *deck)
{
    deck->counts.rejected++;
    kill_worker(deck, "protocol", "the decoding process delivered an impossible picture");
}

/* Pictures of earlier cues that were still on their way. */
static void drop_stale(Deck *deck)
{
    RingPicture picture = {0};
    const uint8_t *pixels;
    if (deck->process.is_killed)
        return;
    while (!deck->has_held && ring_pictures(deck->ring) > 0) {
        if (!ring_peek_picture(deck->ring, 0, &picture, &pixels)) {
            reject_picture(deck);
            return;
        }
        if (picture.clip == deck->serial && deck->state != DECK_EMPTY)
            return;
        ring_drop_pictures(deck->ring, 1);
    }
}

/* At each poll, not only with each picture: sound may still come when the last picture is shown. */
static void drop_unheard(Deck *deck)
{
    if (!deck->has_held)
        return;
    int64_t behind_us = MAX(0, deck->held.pts_us - SOUND_BEHIND_US);
    int64_t position = behind_us / 1000 * (RING_SOUND_RATE / 1000);
    ring_drop_sound_before(deck->ring, deck->serial, position);
}

static void hold(Deck *deck, const RingPicture *picture, const uint8_t *pixels)
{
    deck->has_held = true;
    deck->has_moved = true;
    deck->held = (DeckFrame){
        .clip = deck->clip.clip,
        .index = picture->index,
        .pts_us = picture->pts_us,
        .width = picture->width,
        .height = picture->height,
        .matrix = picture->matrix,
        .range = picture->range,
    };
    for (unsigned plane = 0; plane < 3; plane++) {
        deck->held.planes[plane] = pixels + picture->offsets[plane];
        deck->held.strides[plane] = picture->strides[plane];
    }
    deck->clip.corrupted += picture->is_corrupted && deck->state != DECK_ENDED;
    deck->counts.frames++;
}

/* `limit` is an index or a time. What was taken last stays in front until something newer is due.
 */
static bool take(Deck *deck, int64_t limit, bool is_time, DeckFrame *ret_frame)
{
    RingPicture picture = {0};
    RingPicture due = {0};
    const uint8_t *pixels = NULL;
    const uint8_t *due_pixels = NULL;
    uint32_t due_at = 0;
    bool is_behind = true; /* the decoder has not come as far as the limit */
    int64_t before = deck->has_held ? deck->held.index : -1;
    uint32_t count = deck->process.is_killed ? 0 : ring_pictures(deck->ring);
    for (uint32_t ahead = deck->has_held ? 1 : 0; ahead < count; ahead++) {
        if (!ring_peek_picture(deck->ring, ahead, &picture, &pixels)) {
            reject_picture(deck);
            break;
        }
        if (picture.clip != deck->serial || deck->state == DECK_EMPTY)
            continue;
        if (picture.index <= before) { /* shown twice, it would never be still and never end */
            reject_picture(deck);
            break;
        }
        before = picture.index;
        int64_t at = is_time ? picture.pts_us : picture.index;
        is_behind = at < limit;
        if (at > limit)
            break;
        due = picture;
        due_pixels = pixels;
        due_at = ahead;
    }
    if (due_pixels) {
        deck->counts.skipped += due_at - deck->has_held;
        ring_drop_pictures(deck->ring, due_at);
        hold(deck, &due, due_pixels);
    }
    int64_t held_at = is_time ? deck->held.pts_us : deck->held.index;
    deck->is_starving =
        is_behind && deck->state == DECK_READY && (!deck->has_held || held_at < limit);
    /* All is decoded and all is taken: whatever number was promised, this is the last one. */
    if (deck->state == DECK_ENDED && deck->has_held && !deck->process.is_killed &&
        count <= due_at + 1)
        deck->clip.frames = MIN(deck->clip.frames, deck->held.index + 1);
    if (!deck->has_held)
        return false;
    *ret_frame = deck->held;
    ret_frame->is_new = due_pixels != NULL;
    return true;
}

bool deck_frame(Deck *deck, int64_t index, DeckFrame *ret_frame)
{
    return take(deck, index, false, ret_frame);
}

bool deck_frame_at(Deck *deck, int64_t pts_us, DeckFrame *ret_frame)
{
    return take(deck, pts_us, true, ret_frame);
}

/* ---- sound: the audio thread -------------------------------------------------------------------
 */

size_t deck_audio_read_at(Deck *deck, int64_t position, float *ret_stereo, size_t frames)
{
    uint32_t heard = atomic_load(&deck->heard);
    size_t early = position < 0 ? (size_t)MIN((int64_t)frames, -position) : 0;
    if (!heard || early == frames) {
        memset(ret_stereo, 0, frames * 2 * sizeof *ret_stereo);
        return 0;
    }
    memset(ret_stereo, 0, early * 2 * sizeof *ret_stereo);
    return ring_read_sound(deck->ring, heard, position + (int64_t)early, ret_stereo + early * 2,
                           frames - early, NULL);
}

size_t deck_audio_read(Deck *deck, float *ret_stereo, size_t frames)
{
    uint32_t heard = atomic_load(&deck->heard);
    if (!heard) {
        memset(ret_stereo, 0, frames * 2 * sizeof *ret_stereo);
        return 0;
    }
    if (heard != deck->cursor_serial) {
        deck->cursor_serial = heard;
        deck->cursor = 0;
    }
    return ring_read_sound(deck->ring, heard, deck->cursor, ret_stereo, frames, &deck->cursor);
}

/* ---- turns -------------------------------------------------------------------------------------
 */

/* Only pictures count: the counters of the ring are the worker's, and may run without any. */
static void keep_beat(Deck *deck, int64_t elapsed_us)
{
    deck->starving_us = deck->is_starving && !deck->has_moved ? deck->starving_us + elapsed_us : 0;
    deck->has_moved = false;
    if (deck->starving_us > (int64_t)deck->options.beat_within_ms * 1000)
        kill_worker(deck, "stalled", "no new picture came in time");
}

/* Off air as well: the next clip shall not find a worker that hangs in the one before. */
static void keep_answers(Deck *deck, int64_t elapsed_us)
{
    if (!deck->is_greeted) {
        deck->starting_us += elapsed_us;
        if (deck->starting_us > (int64_t)deck->options.start_within_ms * 1000)
            kill_worker(deck, "late", "the decoding process did not start in time");
    } else if (deck->owed > 0) {
        deck->answering_us += elapsed_us;
        if (deck->answering_us > (int64_t)deck->options.answer_within_ms * 1000)
            kill_worker(deck, "late", "the decoding process did not answer in time");
    }
}

/* Counts while there is no worker as well: who cues wants to know soon that nothing will come. */
static void keep_deadline(Deck *deck, int64_t elapsed_us)
{
    const DeckOptions *options = &deck->options;
    if (deck->state != DECK_CUEING)
        return;
    *(deck->is_opened ? &deck->cueing_us : &deck->waiting_us) += elapsed_us;
    if (deck->cueing_us > (int64_t)options->ready_within_ms * 1000)
        kill_worker(deck, "late", "the clip was not ready in time");
    else if (deck->waiting_us / 1000 > (int64_t)options->ready_within_ms + options->start_within_ms)
        fail_clip(deck, "late", "no decoding process was there in time");
}

DeckState deck_poll(Deck *deck)
{
    int64_t now_us = g_get_monotonic_time();
    int64_t elapsed_us = MIN(now_us - deck->polled_us, STEP_MAX_US);
    deck->polled_us = now_us;
    listen(deck);
    if (deck->process.pid != 0)
        bury_worker(deck, now_us);
    if (deck->process.pid == 0)
        restart_worker(deck, now_us);
    send_cue(deck);
    drop_stale(deck);
    drop_unheard(deck);
    if (deck->process.pid != 0 && !deck->process.is_killed) {
        if (!ring_is_honest(deck->ring))
            reject_picture(deck);
        keep_beat(deck, elapsed_us);
        keep_answers(deck, elapsed_us);
    }
    keep_deadline(deck, elapsed_us);
    if (deck->state == DECK_EMPTY && deck_is_attentive(deck))
        retire_worker(deck);
    return deck->state;
}

DeckState deck_wait(Deck *deck, int64_t timeout_us)
{
    struct pollfd fds[] = {{.fd = deck->process.control, .events = POLLIN},
                           {.fd = deck->process.pidfd, .events = POLLIN}};
    (void)poll(fds, G_N_ELEMENTS(fds), (int)(timeout_us / 1000));
    return deck_poll(deck);
}

DeckState deck_wait_frame(Deck *deck, int64_t timeout_us)
{
    (void)ring_wait_pictures(deck->ring, ring_pictures(deck->ring), timeout_us);
    return deck_poll(deck);
}

/* ---- cues --------------------------------------------------------------------------------------
 */

bool deck_cue_fd(Deck *deck, uint32_t clip, const char *key, int fd, GError **error)
{
    g_return_val_if_fail(clip != 0 && fd >= 0, false);
    if (deck_quarantine_holds(deck->quarantine, key)) {
        (void)close(fd);
        g_set_error(error, DECK_ERROR, DECK_ERROR_QUARANTINED, "'%s' has failed too often", key);
        return false;
    }
    (void)deck_poll(deck); /* a death before this cue is not the new clip's */
    forget_clip(deck);
    deck->serial = deck->serial == UINT32_MAX ? 1 : deck->serial + 1;
    deck->fd = fd;
    deck->key = g_strdup(key);
    deck->clip.clip = clip;
    deck->state = DECK_CUEING;
    deck->counts.cues++;
    retire_worker(deck);
    send_cue(deck);
    return true;
}

bool deck_cue_path(Deck *deck, uint32_t clip, const char *key, const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0)
        return deck_cue_fd(deck, clip, key, fd, error);
    g_set_error(error, DECK_ERROR, DECK_ERROR_OPEN, "cannot open '%s': %s", path,
                g_strerror(errno));
    return false;
}

void deck_stop(Deck *deck)
{
    if (deck->state == DECK_EMPTY)
        return;
    forget_clip(deck);
    if (deck->process.pid == 0 || deck->process.is_killed)
        return;
    if (deck_process_send(&deck->process, "{\"stop\":{}}\n", -1))
        deck->owed++;
    else
        kill_worker(deck, "late", "the decoding process does not listen");
}

/* ---- life --------------------------------------------------------------------------------------
 */

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

static void fill_options(Deck *deck, const DeckOptions *given)
{
    deck->program = g_strdup(given->program);
    deck->options = (DeckOptions){
        .program = deck->program,
        .width = or_default(given->width, RING_WIDTH),
        .height = or_default(given->height, RING_HEIGHT),
        .picture_count = or_default(given->picture_count, RING_PICTURE_COUNT),
        .ready_within_ms = or_default(given->ready_within_ms, READY_WITHIN_MS),
        .start_within_ms = or_default(given->start_within_ms, START_WITHIN_MS),
        .answer_within_ms = or_default(given->answer_within_ms, ANSWER_WITHIN_MS),
        .beat_within_ms = or_default(given->beat_within_ms, BEAT_WITHIN_MS),
        .pause_ms = or_default(given->pause_ms, PAUSE_MS),
        .pause_max_ms = or_default(given->pause_max_ms, PAUSE_MAX_MS),
        .clips_per_worker = or_default(given->clips_per_worker, CLIPS_PER_WORKER),
        .worker_seconds = or_default(given->worker_seconds, WORKER_SECONDS),
    };
    deck->owns_quarantine = !given->quarantine;
    deck->quarantine = given->quarantine ? given->quarantine : deck_quarantine_new(0, 0);
}

Deck *deck_new(const DeckOptions *options, GError **error)
{
    g_return_val_if_fail(options && options->program, NULL);
    g_autoptr(Deck) deck = g_new0(Deck, 1);
    fill_options(deck, options);
    deck->fd = -1;
    deck->process = (DeckProcess){.pidfd = -1, .control = -1};
    deck->state = DECK_EMPTY;
    deck->clip = (DeckClip){.fps_d = 1, .frames = -1, .samples = -1};
    deck->polled_us = g_get_monotonic_time();
    deck->ring =
        ring_new(deck->options.width, deck->options.height, deck->options.picture_count, error);
    if (!deck->ring)
        return NULL;
    restart_worker(deck, deck->polled_us);
    return g_steal_pointer(&deck);
}

void deck_free(Deck *deck)
{
    if (!deck)
        return;
    deck_process_clear(&deck->process);
    close_file(deck);
    ring_free(deck->ring);
    if (deck->owns_quarantine)
        deck_quarantine_free(deck->quarantine);
    g_free(deck->key);
    g_free(deck->failure);
    g_free(deck->program);
    g_free(deck);
}

DeckState deck_state(const Deck *deck)
{
    return deck->state;
}

const DeckClip *deck_clip(const Deck *deck)
{
    return &deck->clip;
}

const char *deck_failure(const Deck *deck, const char **ret_code)
{
    if (ret_code)
        *ret_code = deck->failure_code;
    return deck->failure;
}

int deck_fd(const Deck *deck)
{
    return deck->process.control;
}

pid_t deck_pid(const Deck *deck)
{
    return deck->process.pid;
}

bool deck_is_attentive(const Deck *deck)
{
    return deck->process.pid != 0 && !deck->process.is_killed && deck->is_greeted &&
           deck->owed == 0;
}

const DeckCounts *deck_counts(const Deck *deck)
{
    return &deck->counts;
}
