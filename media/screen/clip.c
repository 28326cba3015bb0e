/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Clips. Videos sit in seats, one deck each: one on air, one cued, one spare. */
#include "media/screen/clip.h"
#include "media/deck.h"
#include "media/screen/speech.h"
#include <stdlib.h>
#include <string.h>

#define SEATS     3
#define CLIPS_MAX 64
/* A clip waits so long for a deck whose worker listens, before it takes one that may hang in the
 * clip before: deck.h, answer_within_ms. */
#define SEAT_PATIENCE_US (600 * 1000)
#define WAKE_US          (10 * 1000) /* how often a clip that is being cued is looked at */
#define SECOND_US        G_USEC_PER_SEC
/* Joining in the middle, a clip is shown once its decoder has come this near. */
#define NEAR_FRAMES 2
/* A clip whose worker died or was late gets another one, before its picture was seen. */
#define TRIES_MAX 2
/* The server rounds lengths: an end this near to the next beginning is the same moment. */
#define SAME_US 1000

typedef enum { CLIP_VIDEO = 1, CLIP_SPEECH, CLIP_CHIME } ClipKind;
typedef enum {
    CLIP_WAITING = 1, /* for a seat */
    CLIP_CUEING,
    CLIP_READY,
    CLIP_ON_AIR,
    CLIP_OVER,
} ClipState;

typedef struct {
    Deck *deck;
    SerambiClip *clip; /* NULL: free, once voice is done */
    MixerVoice *voice; /* reads the deck's sound */
} Seat;

struct Clips {
    ClipsOptions options;
    char *worker, *folder;
    DeckQuarantine *quarantine;
    Seat seats[SEATS];
    GPtrArray *list; /* SerambiClip */
    Sound *chime;
    uint32_t next_cue;
    uint64_t next_id;
    bool is_warm;
};

struct SerambiClip {
    Clips *clips;
    Serambi *owner;
    SerambiClipEnd on_end;
    char *source;
    ClipKind kind;
    ClipState state;
    int references; /* of items on glass */
    bool is_dropped, is_reported, is_being_made;
    int64_t asked_us;   /* CLOCK_MONOTONIC: when it was made */
    int64_t start_us;   /* timeline */
    int64_t stepped_us; /* of the timeline when it went on air */
    int64_t over_us;    /* CLOCK_MONOTONIC */
    double gain_db;
    GError *error;
    uint64_t id;
    Seat *seat;
    Sound *sound;
    MixerVoice *voice; /* of sound */
    Picture picture;
    bool has_picture;
    unsigned tries;
    uint32_t picture_count;
    int64_t picture_index; /* of the frame in the clip */
    PictureScaler scaler;
    uint64_t scaled_number;
};

G_DEFINE_QUARK(clip - error - quark, clip_error)

/* --- Life ------------------------------------------------------------------------------------- */

Clips *clips_new(const ClipsOptions *options)
{
    Clips *clips = g_new0(Clips, 1);
    clips->options = *options;
    clips->worker = g_strdup(options->worker);
    clips->folder = g_strdup(options->folder);
    clips->quarantine = deck_quarantine_new(0, 0);
    clips->list = g_ptr_array_new();
    clips->next_cue = 1;
    clips->next_id = 1;
    return clips;
}

void clips_warm(Clips *clips)
{
    if (!clips->chime)
        clips->chime = sound_chime();
    clips->is_warm = true;
    DeckOptions options = {.program = clips->worker, .quarantine = clips->quarantine};
    for (size_t i = 0; i < SEATS; i++) {
        g_autoptr(GError) error = NULL;
        if (!clips->seats[i].deck)
            clips->seats[i].deck = deck_new(&options, &error);
        if (!clips->seats[i].deck)
            g_warning("could not start deck %zu: %s, going on without it", i, error->message);
    }
}

static void clip_free(SerambiClip *clip)
{
    picture_scaler_clear(&clip->scaler);
    g_clear_pointer(&clip->sound, sound_unref);
    g_clear_error(&clip->error);
    g_free(clip->source);
    g_free(clip);
}

void clips_free(Clips *clips)
{
    if (!clips)
        return;
    for (size_t i = 0; i < clips->list->len; i++)
        clip_free(g_ptr_array_index(clips->list, i));
    g_ptr_array_unref(clips->list);
    for (size_t i = 0; i < SEATS; i++)
        deck_free(clips->seats[i].deck);
    deck_quarantine_free(clips->quarantine);
    sound_unref(clips->chime);
    g_free(clips->worker);
    g_free(clips->folder);
    g_free(clips);
}

static int64_t clip_start_monotonic_us(const SerambiClip *clip)
{
    const Timeline *timeline = clip->clips->options.timeline;
    int64_t delta_us = timeline->delta_us;
    if (clip->state == CLIP_ON_AIR)
        delta_us -= timeline->stepped_us - clip->stepped_us;
    return clip->start_us - delta_us;
}

/* Takes error (NULL: the natural end). */
static void clip_end(SerambiClip *clip, int64_t now_us, GError *error)
{
    if (clip->state == CLIP_OVER) {
        g_clear_error(&error);
        return;
    }
    clip->error = error;
    clip->state = CLIP_OVER;
    clip->over_us = now_us;
    if (clip->seat && clip->seat->voice)
        mixer_stop(clip->seat->voice);
    if (clip->voice && error)
        mixer_stop(clip->voice);
}

SerambiClip *clip_new(Clips *clips, Serambi *owner, const char *source, int64_t start_us,
                      double gain_db, SerambiClipEnd on_end)
{
    SerambiClip *clip = g_new0(SerambiClip, 1);
    clip->clips = clips;
    clip->owner = owner;
    clip->source = g_strdup(source ? source : "");
    clip->asked_us = timeline_monotonic_us();
    clip->start_us = start_us;
    clip->gain_db = gain_db;
    clip->on_end = on_end;
    clip->id = clips->next_id++;
    clip->state = CLIP_WAITING;
    clip->kind = g_str_has_prefix(clip->source, "speak:")   ? CLIP_SPEECH
                 : g_str_has_prefix(clip->source, "chime:") ? CLIP_CHIME
                                                            : CLIP_VIDEO;
    if (clips->list->len >= CLIPS_MAX)
        clip_end(
            clip, timeline_monotonic_us(),
            g_error_new(CLIP_ERROR, CLIP_ERROR_FAILED, "more than %d clips at once", CLIPS_MAX));
    g_ptr_array_add(clips->list, clip);
    return clip;
}

void clip_start(SerambiClip *clip, int64_t start_us)
{
    if (clip->state == CLIP_ON_AIR || clip->state == CLIP_OVER)
        return;
    clip->start_us = start_us;
    int64_t monotonic_us = clip_start_monotonic_us(clip);
    if (clip->voice)
        mixer_move(clip->voice, monotonic_us);
    if (clip->seat && clip->seat->voice)
        mixer_move(clip->seat->voice, monotonic_us);
}

bool clip_is_ready(const SerambiClip *clip)
{
    return clip->state == CLIP_READY || clip->state == CLIP_ON_AIR;
}

void clip_drop(SerambiClip *clip)
{
    if (!clip || clip->is_dropped)
        return;
    clip->is_dropped = true;
    clip->is_reported = true;
    if (clip->voice)
        mixer_stop(clip->voice);
    clip_end(clip, timeline_monotonic_us(), NULL);
}

void clips_drop(Clips *clips, Serambi *owner)
{
    for (size_t i = 0; i < clips->list->len; i++) {
        SerambiClip *clip = g_ptr_array_index(clips->list, i);
        if (clip->owner == owner)
            clip_drop(clip);
    }
}

SerambiClip *clip_ref(SerambiClip *clip)
{
    clip->references++;
    return clip;
}

void clip_unref(SerambiClip *clip)
{
    if (clip)
        clip->references--;
}

/* --- Seats ------------------------------------------------------------------------------------ */

static void seat_release(Seat *seat)
{
    if (seat->clip) {
        seat->clip->has_picture = false;
        seat->clip->seat = NULL;
        seat->clip = NULL;
        if (seat->voice)
            mixer_stop(seat->voice);
        else
            deck_stop(seat->deck);
    }
}

static bool seat_is_free(Seat *seat)
{
    if (!seat->deck || seat->clip)
        return false;
    if (seat->voice) {
        if (!mixer_is_done(seat->voice))
            return false;
        mixer_release(seat->voice);
        seat->voice = NULL;
        deck_stop(seat->deck);
    }
    return true;
}

/* The waiting video that is due first takes the free seat; false: nobody wants it (yet). */
static bool seat_take(Clips *clips, Seat *seat, int64_t now_us)
{
    SerambiClip *first = NULL;
    for (size_t i = 0; i < clips->list->len; i++) {
        SerambiClip *clip = g_ptr_array_index(clips->list, i);
        if (clip->kind == CLIP_VIDEO && clip->state == CLIP_WAITING &&
            (!first || clip->start_us < first->start_us))
            first = clip;
    }
    if (!first || (!deck_is_attentive(seat->deck) && now_us < first->asked_us + SEAT_PATIENCE_US))
        return false;
    g_autofree char *path = clips->options.find_file
                                ? clips->options.find_file(first->source, clips->options.find_data)
                                : NULL;
    if (!path) {
        clip_end(
            first, now_us,
            g_error_new(CLIP_ERROR, CLIP_ERROR_UNAVAILABLE, "'%s' is not here", first->source));
        return true;
    }
    GError *error = NULL;
    if (!deck_cue_path(seat->deck, clips->next_cue, first->source, path, &error)) {
        clip_end(first, now_us, error);
        return true;
    }
    clips->next_cue = clips->next_cue == UINT32_MAX ? 1 : clips->next_cue + 1;
    seat->clip = first;
    first->seat = seat;
    first->tries++;
    first->state = CLIP_CUEING;
    return true;
}

/* --- Videos ----------------------------------------------------------------------------------- */

static PictureColour colour_of(const DeckFrame *frame)
{
    bool is_full = frame->range == RING_RANGE_FULL;
    if (frame->matrix == RING_MATRIX_BT601)
        return is_full ? PICTURE_BT601_FULL : PICTURE_BT601;
    return is_full ? PICTURE_BT709_FULL : PICTURE_BT709;
}

/* Puts the newest frame that is due on glass. */
static void take_frame(SerambiClip *clip, int64_t index)
{
    DeckFrame frame;
    if (!deck_frame(clip->seat->deck, index, &frame))
        return;
    clip->picture = (Picture){
        .y = frame.planes[0],
        .u = frame.planes[1],
        .v = frame.planes[2],
        .y_stride = (int)frame.strides[0],
        .u_stride = (int)frame.strides[1],
        .v_stride = (int)frame.strides[2],
        .width = (int)frame.width,
        .height = (int)frame.height,
        .colour = colour_of(&frame),
    };
    if (clip->has_picture && !frame.is_new)
        return;
    clip->picture_index = frame.index;
    clip->picture_count++;
    const DeckClip *known = deck_clip(clip->seat->deck);
    bool is_last = known->frames >= 0 && frame.index >= known->frames - 1;
    if (clip->has_picture || is_last || index - frame.index <= NEAR_FRAMES)
        clip->has_picture = true;
}

static GError *deck_error(const SerambiClip *clip, ClipError code)
{
    const char *word = "unknown";
    const char *why = deck_failure(clip->seat->deck, &word);
    return g_error_new(CLIP_ERROR, code, "'%s' could not be played (%s): %s", clip->source, word,
                       why ? why : "no reason given");
}

/* Not the file's fault, as far as anybody knows: the spare deck shall try. */
static bool may_try_again(const SerambiClip *clip)
{
    const char *word = "";
    (void)deck_failure(clip->seat->deck, &word);
    bool is_workers = !g_strcmp0(word, "died") || !g_strcmp0(word, "late") ||
                      !g_strcmp0(word, "stalled") || !g_strcmp0(word, "protocol");
    return is_workers && clip->tries < TRIES_MAX && !clip->has_picture;
}

/* Before it was seen: another try, or its end. */
static void video_failed(SerambiClip *clip, int64_t now_us)
{
    if (!may_try_again(clip)) {
        clip_end(clip, now_us, deck_error(clip, CLIP_ERROR_FAILED));
        return;
    }
    seat_release(clip->seat);
    clip->state = CLIP_WAITING;
}

/* The frame that belongs to a time; frames begin at whole multiples of their duration. */
static int64_t due_frame(const DeckClip *known, int64_t gone_us)
{
    return (int64_t)((__int128)gone_us * known->fps_n / ((__int128)known->fps_d * SECOND_US));
}

static int64_t frame_begin_us(const DeckClip *known, int64_t index)
{
    __int128 product = (__int128)index * known->fps_d * SECOND_US;
    return (int64_t)((product + known->fps_n - 1) / known->fps_n);
}

/* One frame is a still picture: it has no end of its own. */
static bool is_still(const DeckClip *known)
{
    return known->has_video && !known->has_audio && known->frames == 1;
}

static bool is_past_end(const DeckClip *known, int64_t gone_us)
{
    if (is_still(known))
        return false;
    if (known->has_video)
        return known->frames >= 0 && gone_us >= frame_begin_us(known, known->frames);
    return known->samples >= 0 && gone_us >= known->samples * 1000 / 48;
}

/* When the next video of the same plugin begins: the programme is one voice, so it ends this one.
 */
static int64_t next_begin_us(const SerambiClip *clip, int64_t start_us)
{
    int64_t next_us = INT64_MAX;
    for (size_t i = 0; i < clip->clips->list->len; i++) {
        const SerambiClip *other = g_ptr_array_index(clip->clips->list, i);
        bool is_ready = other->state == CLIP_READY || other->state == CLIP_ON_AIR;
        if (other == clip || other->kind != CLIP_VIDEO || other->owner != clip->owner || !is_ready)
            continue;
        int64_t begin_us = clip_start_monotonic_us(other);
        if (begin_us > start_us)
            next_us = MIN(next_us, begin_us);
    }
    return next_us;
}

/* Beforehand, for the audio thread is ahead of this one. */
static void tell_sound_its_end(const SerambiClip *clip, const DeckClip *known, int64_t start_us)
{
    bool has_end = known->has_video && known->frames >= 0 && known->fps_n > 0 && known->fps_d > 0;
    int64_t own_us = has_end ? start_us + frame_begin_us(known, known->frames) : INT64_MAX;
    int64_t next_us = next_begin_us(clip, start_us);
    bool is_cut = next_us < own_us && own_us - next_us > SAME_US;
    bool is_join = next_us <= own_us || next_us - own_us <= SAME_US;
    mixer_end(clip->seat->voice, is_join ? next_us : own_us, is_cut);
}

static void video_on_air(SerambiClip *clip, int64_t now_us)
{
    Deck *deck = clip->seat->deck;
    const DeckClip *known = deck_clip(deck);
    int64_t start_us = clip_start_monotonic_us(clip);
    int64_t gone_us = MAX(now_us - start_us, 0);
    if (clip->seat->voice) {
        mixer_move(clip->seat->voice, start_us);
        tell_sound_its_end(clip, known, start_us);
    }
    bool has_failed = deck_state(deck) == DECK_FAILED;
    if (known->has_video && known->fps_n > 0 && known->fps_d > 0) {
        int64_t due = due_frame(known, gone_us);
        take_frame(clip, due);
        /* What was decoded before the worker died is still worth showing. */
        has_failed = has_failed && (!clip->has_picture || clip->picture_index < due);
    }
    if (is_past_end(known, gone_us))
        clip_end(clip, now_us, NULL);
    else if (has_failed)
        clip_end(clip, now_us, deck_error(clip, CLIP_ERROR_BROKEN));
}

static void video_advance(SerambiClip *clip, int64_t now_us)
{
    if (!clip->seat)
        return;
    Deck *deck = clip->seat->deck;
    DeckState state = deck_state(deck);
    if (clip->state == CLIP_CUEING) {
        if (state == DECK_FAILED)
            video_failed(clip, now_us);
        if (state != DECK_READY && state != DECK_ENDED)
            return;
        clip->state = CLIP_READY;
        if (deck_clip(deck)->has_audio)
            clip->seat->voice = mixer_play_deck(clip->clips->options.mixer, deck,
                                                clip_start_monotonic_us(clip), clip->gain_db);
    }
    if (clip->state == CLIP_READY) {
        if (state == DECK_FAILED) {
            video_failed(clip, now_us);
            return;
        }
        int64_t start_us = clip_start_monotonic_us(clip);
        if (clip->seat->voice)
            mixer_move(clip->seat->voice, start_us);
        if (now_us < start_us)
            return;
        clip->stepped_us = clip->clips->options.timeline->stepped_us;
        clip->state = CLIP_ON_AIR;
    }
    if (clip->state == CLIP_ON_AIR)
        video_on_air(clip, now_us);
}

/* --- Speech and chime ------------------------------------------------------------------------- */

typedef struct {
    SerambiClip *clip; /* stays in the list while is_being_made */
    char *worker, *folder, *language, *text;
    int stop_fd;
    Sound *sound;
    GError *error;
} SpeechErrand;

static void speech_errand_work(void *data)
{
    SpeechErrand *errand = data;
    errand->sound = speech_make(errand->worker, errand->folder, errand->language, errand->text,
                                errand->stop_fd, &errand->error);
}

static void speech_errand_done(void *data)
{
    SpeechErrand *errand = data;
    SerambiClip *clip = errand->clip;
    clip->is_being_made = false;
    if (clip->state == CLIP_OVER)
        return;
    clip->sound = g_steal_pointer(&errand->sound);
    if (clip->sound)
        clip->state = CLIP_READY;
    else
        clip_end(clip, timeline_monotonic_us(), g_steal_pointer(&errand->error));
}

static void speech_errand_free(void *data)
{
    SpeechErrand *errand = data;
    sound_unref(errand->sound);
    g_clear_error(&errand->error);
    g_free(errand->worker);
    g_free(errand->folder);
    g_free(errand->language);
    g_free(errand->text);
    g_free(errand);
}

static void speech_begin(SerambiClip *clip)
{
    Clips *clips = clip->clips;
    const char *language = clip->source + strlen("speak:");
    const char *colon = strchr(language, ':');
    SpeechErrand *errand = g_new0(SpeechErrand, 1);
    errand->clip = clip;
    errand->worker = g_strdup(clips->worker);
    errand->folder = g_strdup(clips->folder);
    errand->language = colon ? g_strndup(language, (size_t)(colon - language)) : g_strdup("");
    errand->text = g_strdup(colon ? colon + 1 : "");
    errand->stop_fd = errands_stop_fd(clips->options.errands);
    clip->is_being_made = true;
    clip->state = CLIP_CUEING;
    errands_run(clips->options.errands, speech_errand_work, speech_errand_done, errand,
                speech_errand_free);
}

static void sound_advance(SerambiClip *clip, int64_t now_us)
{
    Clips *clips = clip->clips;
    if (clip->state == CLIP_WAITING && clip->kind == CLIP_SPEECH)
        speech_begin(clip);
    if (clip->state == CLIP_WAITING && clips->chime) {
        if (strcmp(clip->source, "chime:call")) {
            clip_end(
                clip, now_us,
                g_error_new(CLIP_ERROR, CLIP_ERROR_UNAVAILABLE, "there is no '%s'", clip->source));
            return;
        }
        clip->sound = sound_ref(clips->chime);
        clip->state = CLIP_READY;
    }
    if (clip->state == CLIP_READY && !clip->voice) {
        /* A sentence is not joined in its middle: what comes late is said late. */
        int64_t start_us = clip_start_monotonic_us(clip);
        if (start_us < now_us)
            clip->start_us += now_us - start_us;
        clip->voice = mixer_play_sound(clips->options.mixer,
                                       clip->kind == CLIP_CHIME ? MIXER_CHIME : MIXER_SPEECH,
                                       clip->sound, clip_start_monotonic_us(clip), clip->gain_db);
        if (!clip->voice)
            return; /* all voices are taken: with the next turn */
    }
    if (clip->state == CLIP_READY && now_us >= clip_start_monotonic_us(clip)) {
        clip->stepped_us = clips->options.timeline->stepped_us;
        clip->state = CLIP_ON_AIR;
    }
    int64_t length_us = clip->sound ? (int64_t)clip->sound->count * 1000 / 48 : 0;
    if (clip->state == CLIP_ON_AIR && now_us >= clip_start_monotonic_us(clip) + length_us)
        clip_end(clip, now_us, NULL);
}

/* --- Every turn ------------------------------------------------------------------------------- */

static void report_ends(Clips *clips)
{
    /* Plugins may make and drop clips here: new ones go to the end of the list, nothing leaves. */
    for (size_t i = 0; i < clips->list->len; i++) {
        SerambiClip *clip = g_ptr_array_index(clips->list, i);
        if (clip->state != CLIP_OVER || clip->is_reported)
            continue;
        clip->is_reported = true;
        if (clip->on_end)
            clip->on_end(clip->owner, clip, clip->error);
    }
}

static bool has_waiting_video(const Clips *clips)
{
    for (size_t i = 0; i < clips->list->len; i++) {
        const SerambiClip *clip = g_ptr_array_index(clips->list, i);
        if (clip->kind == CLIP_VIDEO && clip->state == CLIP_WAITING)
            return true;
    }
    return false;
}

/* A seat is needed no more. After its natural end a clip keeps its last frame until it is dropped,
 * for a slot may be longer than its clip; but not if another one waits for the seat. */
static bool has_held_enough(const SerambiClip *clip, bool is_unseen, int64_t now_us)
{
    if (!clip->seat || clip->state != CLIP_OVER)
        return false;
    bool is_long = now_us >= clip->over_us + CLIP_HOLD_US;
    return is_unseen || (is_long && (clip->error || has_waiting_video(clip->clips)));
}

static void sweep(Clips *clips, int64_t now_us)
{
    for (size_t i = clips->list->len; i-- > 0;) {
        SerambiClip *clip = g_ptr_array_index(clips->list, i);
        if (clip->voice && mixer_is_done(clip->voice) && clip->state == CLIP_OVER) {
            mixer_release(clip->voice);
            clip->voice = NULL;
        }
        bool is_unseen = clip->is_dropped && clip->references == 0;
        if (has_held_enough(clip, is_unseen, now_us))
            seat_release(clip->seat);
        if (is_unseen && !clip->voice && !clip->is_being_made) {
            g_ptr_array_remove_index(clips->list, (guint)i);
            clip_free(clip);
        }
    }
}

/* First the decks whose workers wait, then those whose workers are being replaced. */
static void fill_seats(Clips *clips, int64_t now_us, bool is_attentive)
{
    for (size_t i = 0; i < SEATS; i++) {
        Seat *seat = &clips->seats[i];
        if (seat->deck && deck_is_attentive(seat->deck) == is_attentive)
            while (seat_is_free(seat) && seat_take(clips, seat, now_us))
                ;
    }
}

void clips_advance(Clips *clips, int64_t now_us)
{
    for (size_t i = 0; i < SEATS; i++)
        if (clips->seats[i].deck)
            deck_poll(clips->seats[i].deck);
    fill_seats(clips, now_us, true);
    fill_seats(clips, now_us, false);
    for (size_t i = 0; i < clips->list->len; i++) {
        SerambiClip *clip = g_ptr_array_index(clips->list, i);
        if (clip->state == CLIP_OVER)
            continue;
        if (clip->kind == CLIP_VIDEO)
            video_advance(clip, now_us);
        else
            sound_advance(clip, now_us);
    }
    report_ends(clips);
    sweep(clips, now_us);
}

static int64_t clip_next_us(const SerambiClip *clip, int64_t now_us)
{
    switch (clip->state) {
    case CLIP_WAITING:
    case CLIP_CUEING:
        return now_us + WAKE_US;
    case CLIP_READY:
        return MAX(clip_start_monotonic_us(clip), now_us);
    case CLIP_ON_AIR:
        break;
    case CLIP_OVER:
        if (clip->seat && !clip->error && !clip->is_dropped && !clip->voice)
            return INT64_MAX; /* its last frame stands */
        return clip->seat || clip->voice ? now_us + WAKE_US : INT64_MAX;
    }
    int64_t start_us = clip_start_monotonic_us(clip);
    if (clip->kind != CLIP_VIDEO)
        return start_us + (int64_t)clip->sound->count * 1000 / 48;
    const DeckClip *known = deck_clip(clip->seat->deck);
    if (is_still(known) && clip->has_picture)
        return INT64_MAX; /* nothing more will come of it */
    if (!known->has_video || known->fps_n == 0 || is_still(known))
        return now_us + 5 * WAKE_US;
    int64_t due = due_frame(known, MAX(now_us - start_us, 0));
    if (!clip->has_picture || clip->picture_index < due)
        return now_us + WAKE_US / 4; /* late: the decoder is to be emptied as fast as it fills */
    return start_us + frame_begin_us(known, due + 1);
}

int64_t clips_next_us(const Clips *clips, int64_t now_us)
{
    int64_t next_us = INT64_MAX;
    for (size_t i = 0; i < clips->list->len; i++)
        next_us = MIN(next_us, clip_next_us(g_ptr_array_index(clips->list, i), now_us));
    return next_us;
}

int64_t clips_cut_us(const Clips *clips, int64_t now_us)
{
    int64_t cut_us = INT64_MAX;
    for (size_t i = 0; i < clips->list->len; i++) {
        const SerambiClip *clip = g_ptr_array_index(clips->list, i);
        if (clip->state == CLIP_READY && clip->kind == CLIP_VIDEO)
            cut_us = MIN(cut_us, MAX(clip_start_monotonic_us(clip), now_us));
    }
    return cut_us;
}

/* --- For the layers --------------------------------------------------------------------------- */

bool clip_has_picture(const SerambiClip *clip)
{
    return clip->has_picture;
}

bool clip_is_over(const SerambiClip *clip)
{
    return clip->state == CLIP_OVER;
}

uint64_t clip_picture_number(const SerambiClip *clip)
{
    return clip->id << 32 | clip->picture_count;
}

void clip_picture_size(const SerambiClip *clip, int *ret_width, int *ret_height)
{
    *ret_width = clip->picture.width;
    *ret_height = clip->picture.height;
}

static bool is_scaled(const SerambiClip *clip, int width, int height)
{
    const Picture *scaled = &clip->scaler.picture;
    return scaled->y && clip->scaled_number == clip_picture_number(clip) &&
           scaled->width == width && scaled->height == height;
}

const Picture *clip_picture(SerambiClip *clip, int width, int height)
{
    if (!clip->has_picture)
        return NULL;
    if (clip->picture.width == width && clip->picture.height == height)
        return &clip->picture;
    if (is_scaled(clip, width, height))
        return &clip->scaler.picture;
    clip->scaled_number = clip_picture_number(clip);
    return picture_scale(&clip->scaler, &clip->picture, width, height);
}

bool clip_draw_scaled(SerambiClip *clip, const Ground *ground, Rect to)
{
    bool is_whole = clip->picture.width == to.width && clip->picture.height == to.height;
    return clip->has_picture && !is_whole && !is_scaled(clip, to.width, to.height) &&
           picture_draw_scaled(ground, &clip->scaler, &clip->picture, to);
}

json_t *clips_figures(const Clips *clips)
{
    DeckCounts sum = {0};
    for (size_t i = 0; i < SEATS; i++) {
        const DeckCounts *counts = clips->seats[i].deck ? deck_counts(clips->seats[i].deck) : NULL;
        if (!counts)
            continue;
        sum.started += counts->started;
        sum.died += counts->died;
        sum.killed += counts->killed;
        sum.failed += counts->failed;
        sum.frames += counts->frames;
        sum.skipped += counts->skipped;
    }
    return json_pack("{s:I s:I s:I s:I s:I s:I}", "frames", (json_int_t)sum.frames, "missed",
                     (json_int_t)sum.skipped, "clips_failed", (json_int_t)sum.failed,
                     "decks_started", (json_int_t)sum.started, "decks_died", (json_int_t)sum.died,
                     "decks_killed", (json_int_t)sum.killed);
}

size_t clips_deck_pids(const Clips *clips, int64_t *ret_pids, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < SEATS && count < max; i++)
        if (clips->seats[i].deck && deck_pid(clips->seats[i].deck) > 0)
            ret_pids[count++] = deck_pid(clips->seats[i].deck);
    return count;
}

/* --- For the clock ---------------------------------------------------------------------------- */

static const SerambiClip *video_now(const Clips *clips)
{
    for (size_t i = clips->list->len; i-- > 0;) {
        const SerambiClip *clip = g_ptr_array_index(clips->list, i);
        if (clip->kind == CLIP_VIDEO && clip->state == CLIP_ON_AIR && clip->seat)
            return clip;
    }
    return NULL;
}

uint64_t clips_on_air(const Clips *clips)
{
    const SerambiClip *clip = clips ? video_now(clips) : NULL;
    return clip ? clip->id : 0;
}

bool clips_shown(const Clips *clips, ClipShown *ret_shown)
{
    const SerambiClip *clip = video_now(clips);
    const DeckClip *known = clip && clip->has_picture ? deck_clip(clip->seat->deck) : NULL;
    if (!known || !known->has_video || known->fps_n == 0 || is_still(known))
        return false;
    *ret_shown = (ClipShown){
        .number = clip->id,
        .start_us = clip->start_us,
        .frame = clip->picture_index,
        .begin_us = frame_begin_us(known, clip->picture_index),
        .step_us = clips->options.timeline->stepped_us - clip->stepped_us,
    };
    g_strlcpy(ret_shown->source, clip->source, sizeof ret_shown->source);
    return true;
}
