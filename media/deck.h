/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A deck: one decoding process, and the pictures and sound of one clip at a time that it has ready.
 *
 * A programme takes two decks: one on air, one that is cued. A cut is to ask the other deck for
 * the next picture.
 *
 *   deck_cue_path(deck, 7, hash, path)       the worker starts to decode ahead
 *   deck_poll(deck)                          each turn of the frame loop: events, deadlines, deaths
 *   deck_state(deck) == DECK_READY           at least four frames are there: it may go on air
 *   deck_frame(deck, n, &frame)              on air: the newest decoded frame that is due at n
 *   deck_audio_read_at(deck, position, ...)  the audio thread
 *   deck_state(deck) == DECK_ENDED           all is decoded; deck_clip()->frames is the length
 *
 * Threads   Everything on the presenter's main thread, but deck_audio_read() and
 *           deck_audio_read_at(), which belong to one audio thread. Make and free decks while the
 *           audio thread does not know them.
 * Blocking  Nothing here blocks. deck_new() takes the time of a fork, deck_free() of a kill.
 * Death     A worker that dies, is late or stands still is killed, counted and replaced: at once if
 *           it has ever opened a clip, else after a pause that grows. The clip that it had opened
 *           fails; one that it had not opened yet waits for the next worker. The frame that was
 *           taken last stays valid until the next deck_cue_*() or deck_stop().
 * Trust     Nothing that a worker says is believed without a check. */
#pragma once
#include "ring.h"
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Deck Deck;
typedef struct DeckQuarantine DeckQuarantine;

typedef enum DeckState {
    DECK_EMPTY = 1, /* no clip */
    DECK_CUEING,    /* a clip is being opened and decoded */
    DECK_READY,     /* it can go on air, or is on air */
    DECK_ENDED,     /* all of it is decoded; the last frames still wait in the ring */
    DECK_FAILED,    /* see deck_failure(); frames that are in the ring can still be taken */
} DeckState;

/* Why deck functions refuse. */
typedef enum DeckError {
    DECK_ERROR_SYSTEM = 1,  /* no memory, no process, no socket */
    DECK_ERROR_OPEN,        /* the file cannot be opened */
    DECK_ERROR_QUARANTINED, /* the file has failed too often */
} DeckError;

#define DECK_ERROR (deck_error_quark())
GQuark deck_error_quark(void);

/* Zero means the default in brackets. Strings are copied.
 *
 * program           path of serambi-media; required
 * width, height     the largest picture [1920x1088]; any shape with as many pixels fits
 * picture_count     frames decoded ahead, a power of two [8]
 * ready_within_ms   from the moment that the worker opens a clip until it is ready [1500]
 * start_within_ms   for a new process to load its codecs [4000]; a cue waits for a worker as long
 * as both together answer_within_ms  for a worker to let go of the clip before [500] beat_within_ms
 * longest time without a new frame while one is due [250] pause_ms          before a dead worker is
 * replaced; doubles with each death in a row [100] pause_max_ms      ... up to this [30000]
 * clips_per_worker  then it is replaced, while the deck is empty or at the next cue: leaks stay
 *                   bounded [50]
 * worker_seconds    the same by age [21600]
 * quarantine        borrowed; decks may share one [an own one with two strikes] */
typedef struct DeckOptions {
    const char *program;
    uint32_t width;
    uint32_t height;
    uint32_t picture_count;
    uint32_t ready_within_ms;
    uint32_t start_within_ms;
    uint32_t answer_within_ms;
    uint32_t beat_within_ms;
    uint32_t pause_ms;
    uint32_t pause_max_ms;
    uint32_t clips_per_worker;
    uint32_t worker_seconds;
    DeckQuarantine *quarantine;
} DeckOptions;

/* One decoded picture. Plane 0 is Y, 1 is Cb, 2 is Cr, half the size rounded up (I420, 8 bit). */
typedef struct DeckFrame {
    uint32_t clip;   /* as cued */
    int64_t index;   /* from 0 */
    int64_t pts_us;  /* from 0 */
    uint32_t width;  /* pixels */
    uint32_t height; /* pixels */
    const uint8_t *planes[3];
    uint32_t strides[3]; /* bytes */
    RingMatrix matrix;
    RingRange range;
    bool is_new; /* not the frame of the call before */
} DeckFrame;

/* What is known of the clip: valid from DECK_READY on, counts are final at DECK_ENDED. */
typedef struct DeckClip {
    uint32_t clip; /* as cued; 0 when the deck is empty */
    uint32_t width, height;
    uint32_t fps_n, fps_d; /* 0/1 if the clip has no picture; 25/1 if its pictures have no rate */
    bool has_video, has_audio;
    int64_t frames;    /* -1 until known: pictures in the clip */
    int64_t samples;   /* -1 until known: stereo samples in the clip, 48,000 a second */
    int64_t corrupted; /* pictures that the decoder had to guess, so far */
} DeckClip;

/* Counts since deck_new(). */
typedef struct DeckCounts {
    uint64_t started;  /* processes */
    uint64_t died;     /* of their own accord */
    uint64_t killed;   /* for being late, still, or full of nonsense */
    uint64_t retired;  /* after so many clips or hours */
    uint64_t cues;     /* clips asked for */
    uint64_t failed;   /* clips that failed */
    uint64_t frames;   /* pictures taken and shown */
    uint64_t skipped;  /* pictures dropped because a newer one was due as well */
    uint64_t rejected; /* pictures whose header was nonsense */
} DeckCounts;

/* Starts a worker; one that cannot be started is tried again. Errors: RING_ERROR. */
Deck *deck_new(const DeckOptions *options, GError **error);

/* Kills the worker. NULL is allowed. */
void deck_free(Deck *deck);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Deck, deck_free)

/* Lets the deck open a clip instead of what it has; frames of the old one become invalid.
 *
 * clip    the caller's name for it, not 0; may repeat
 * key     names the file in the quarantine (its hash); NULL: never quarantined
 * fd      an open, readable, seekable file; taken, on failure as well
 * Kinds   MP4 with H.264 8-bit 4:2:0 and, maybe, AAC; or a WAV (sound only)
 * Errors  DECK_ERROR_QUARANTINED; a dead worker is no error, the cue waits for the next one */
bool deck_cue_fd(Deck *deck, uint32_t clip, const char *key, int fd, GError **error);

/* The same by path. Errors: also DECK_ERROR_OPEN. */
bool deck_cue_path(Deck *deck, uint32_t clip, const char *key, const char *path, GError **error);

/* Reads what the worker says, keeps the deadlines, replaces the dead. Call it at each frame. */
DeckState deck_poll(Deck *deck);

DeckState deck_state(const Deck *deck);

/* What is known of the clip. Borrowed, valid until the next deck_cue_*() or deck_stop(). */
const DeckClip *deck_clip(const Deck *deck);

/* Why the clip failed: a code for programs and a sentence for people who look into logs.
 * Codes: not_media, no_video, unsupported, decode, read, too_large, late, stalled, died, protocol.
 * Returns NULL when it did not fail. Borrowed like deck_clip(). */
const char *deck_failure(const Deck *deck, const char **ret_code);

/* Takes the newest decoded frame whose index is not above `index`, gives older ones back. Never
 * blocks.
 *
 * ret_frame  untouched on false; its pixels stay valid until a newer frame is taken, the next cue
 *            or stop
 * Returns    false while no frame is due or decoded; a late worker gives the frame of the call
 *            before again */
bool deck_frame(Deck *deck, int64_t index, DeckFrame *ret_frame);

/* The same by time in the clip. */
bool deck_frame_at(Deck *deck, int64_t pts_us, DeckFrame *ret_frame);

/* Reads the stereo samples from `position` on (48,000 a second since the start of the clip) and
 * skips older ones.
 *
 * ret_stereo  float[frames][2], silence where nothing is decoded
 * Returns     how many stereo samples were decoded ones; audio thread: no lock, no allocation */
size_t deck_audio_read_at(Deck *deck, int64_t position, float *ret_stereo, size_t frames);

/* The same, from where the call before ended, 0 after a cue. What is late is not skipped. */
size_t deck_audio_read(Deck *deck, float *ret_stereo, size_t frames);

/* Empties the deck; the worker stays. */
void deck_stop(Deck *deck);

/* Readable when deck_poll() has something to do; changes with the worker; -1 without one. */
int deck_fd(const Deck *deck);

/* The worker's process, or 0. */
pid_t deck_pid(const Deck *deck);

/* A worker lives and owes no answer: a cue begins at once. */
bool deck_is_attentive(const Deck *deck);

const DeckCounts *deck_counts(const Deck *deck);

/* For tests and tools that have no frame loop: waits until the worker said something or died, or
 * until the time is over; then polls. */
DeckState deck_wait(Deck *deck, int64_t timeout_us);

/* The same for pictures: waits until one is decoded that was not there at the call; then polls. */
DeckState deck_wait_frame(Deck *deck, int64_t timeout_us);

/* ---- quarantine: files that fail again and again --------------------------------------------- */

/* Each failure counts until the file has played to its end.
 *
 * strikes    failures until a file is refused; 0 is the default of two
 * parole_us  how long; it doubles with each later failure, up to a day; 0 is the default of an hour
 *
 * It is not kept on disk: after a restart a bad file costs its two cues again, both before air. */
DeckQuarantine *deck_quarantine_new(unsigned strikes, int64_t parole_us);
void deck_quarantine_free(DeckQuarantine *quarantine);
bool deck_quarantine_holds(const DeckQuarantine *quarantine, const char *key);

/* Counts a failure. A key of NULL names no file. */
void deck_quarantine_strike(DeckQuarantine *quarantine, const char *key);

/* Forgets the failures of one file, or of all with NULL: a new worker may play them. */
void deck_quarantine_pardon(DeckQuarantine *quarantine, const char *key);
