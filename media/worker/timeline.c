/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Speaks sentence by sentence, so that captions know to the millisecond when each begins and ends.
 */
#include "timeline.h"
#include "recording.h"
#include "report.h"
#include "speech.h"
#include <math.h>

/* Rests, in milliseconds, found by watching: a picture needs a moment before the voice explains it.
 */
#define FIRST_VOICE_MS   1500 /* after the chime */
#define SLIDE_VOICE_MS   550
#define SENTENCE_REST_MS 320
#define POINT_REST_MS    480
#define POINT_LEAD_MS    180 /* a point is seen just before it is heard */
#define SILENT_POINT_MS  1600
#define SLIDE_REST_MS    850
#define LAST_REST_MS     1600
#define SILENT_SLIDE_MS  3000

/* Three soft bells, a rising triad, each dying away: C5, E5, G5. */
static const struct {
    double hertz, at_s;
} CHIME[] = {{523.251, 0.06}, {659.255, 0.24}, {783.991, 0.42}};
#define CHIME_LEVEL   0.13
#define CHIME_DECAY_S 0.42
#define CHIME_TAIL_S  2.2

typedef struct Clock {
    const Storyboard *board;
    Timeline *timeline;
    unsigned language;
    const char *folder; /* of recordings */
    bool is_estimate;   /* nobody speaks */
    int64_t now_ms;
    unsigned spoken, to_speak; /* texts, for progress */
} Clock;

static float *room_for(Timeline *timeline, size_t end)
{
    if (timeline->samples->len < end)
        g_array_set_size(timeline->samples, (guint)end); /* new ones are zero */
    return (float *)(void *)timeline->samples->data;
}

static void add_chime(Timeline *timeline)
{
    size_t tail = (size_t)(CHIME_TAIL_S * TIMELINE_HZ);
    for (size_t note = 0; note < G_N_ELEMENTS(CHIME); note++) {
        size_t start = (size_t)(CHIME[note].at_s * TIMELINE_HZ);
        float *samples = room_for(timeline, start + tail);
        for (size_t i = 0; i < tail; i++) {
            double t = (double)i / TIMELINE_HZ, turn = 2 * G_PI * CHIME[note].hertz * t;
            double attack = MIN(1.0, t / 0.006), release = MIN(1.0, (CHIME_TAIL_S - t) / 0.2);
            double tone = sin(turn) * exp(-t / CHIME_DECAY_S) +
                          0.28 * sin(2 * turn) * exp(-t / (CHIME_DECAY_S * 0.5)) +
                          0.10 * sin(4.07 * turn) * exp(-t / (CHIME_DECAY_S * 0.14));
            samples[start + i] += (float)(CHIME_LEVEL * attack * release * tone);
        }
    }
}

static int64_t samples_to_ms(size_t count)
{
    return (int64_t)(count * 1000 / TIMELINE_HZ);
}

#define SHORTEST_MS 300.0 /* "Ya." */

/* How many milliseconds the voices need for a letter and for a sentence; fitted to the samples
 * (63 sentences a language, least squares, espeak-ng 1.51; test /compose/estimate). */
static const struct {
    const char *language;
    double letter_ms, sentence_ms;
} PACES[] = {{"id", 88.2, -83}, {"en", 65.3, -2}, {"ar", 136.8, -229}};

static int64_t estimate_ms(const Clock *clock, const char *sentence)
{
    size_t pace = 0; /* an unknown language will not be spoken either */
    for (size_t i = 0; i < G_N_ELEMENTS(PACES); i++)
        if (g_str_equal(PACES[i].language, clock->board->languages[clock->language]))
            pace = i;
    double letters = (double)g_utf8_strlen(sentence, -1);
    return (int64_t)MAX(SHORTEST_MS, PACES[pace].sentence_ms + PACES[pace].letter_ms * letters);
}

typedef struct Span {
    int64_t start_ms, end_ms;
} Span;

/* From now on. */
static void add_voice(Clock *clock, const float *voice, size_t count)
{
    size_t start = (size_t)clock->now_ms * TIMELINE_HZ / 1000;
    float *samples = room_for(clock->timeline, start + count);
    for (size_t i = 0; i < count; i++)
        samples[start + i] += voice[i];
}

/* Says the sentences one after the other from now on. spans gets one Span each. */
static bool speak_sentences(Clock *clock, char **sentences, GArray *spans, GError **error)
{
    for (size_t i = 0; sentences[i] != NULL; i++) {
        g_autofree float *voice = NULL;
        size_t count = 0;
        if (clock->is_estimate) {
            Span span = {clock->now_ms, clock->now_ms + estimate_ms(clock, sentences[i])};
            g_array_append_val(spans, span);
            clock->now_ms = span.end_ms + SENTENCE_REST_MS * (sentences[i + 1] != NULL);
            continue;
        }
        if (!speech_render(clock->board->languages[clock->language], sentences[i], &voice, &count,
                           error))
            return false;
        if (i > 0)
            clock->now_ms += SENTENCE_REST_MS;
        add_voice(clock, voice, count);
        Span span = {clock->now_ms, clock->now_ms + samples_to_ms(count)};
        g_array_append_val(spans, span);
        clock->now_ms = span.end_ms;
    }
    return true;
}

/* A translation has the times of the spoken sentences if there are as many; else its sentences
 * share the whole time by their length. */
static void caption(Clock *clock, unsigned language, const char *words, const GArray *spans)
{
    Captions *captions = clock->timeline->captions[language];
    g_auto(GStrv) sentences = captions_sentences(words);
    if (g_strv_length(sentences) == spans->len) {
        for (guint i = 0; i < spans->len; i++) {
            const Span *span = &g_array_index(spans, Span, i);
            captions_add(captions, sentences[i], span->start_ms, span->end_ms);
        }
        return;
    }
    int64_t start_ms = g_array_index(spans, Span, 0).start_ms;
    int64_t length_ms = g_array_index(spans, Span, spans->len - 1).end_ms - start_ms;
    glong total = 0, before = 0;
    for (size_t i = 0; sentences[i] != NULL; i++)
        total += g_utf8_strlen(sentences[i], -1);
    for (size_t i = 0; sentences[i] != NULL; i++) {
        glong after = before + g_utf8_strlen(sentences[i], -1);
        captions_add(captions, sentences[i], start_ms + length_ms * before / total,
                     start_ms + length_ms * after / total);
        before = after;
    }
}

static void count_spoken(Clock *clock)
{
    clock->spoken++;
    if (!clock->is_estimate)
        report_progress("speak", 15.0 * clock->spoken / MAX(1, clock->to_speak), -1);
}

static bool speak(Clock *clock, const StoryboardText *say, GError **error)
{
    g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(Span));
    g_auto(GStrv) sentences = captions_sentences(say->words[clock->language]);
    if (!speak_sentences(clock, sentences, spans, error)) {
        g_prefix_error(error, "%s:%u:1: ", clock->board->name, say->line);
        return false;
    }
    for (unsigned i = 0; i < clock->board->language_count; i++)
        caption(clock, i, say->words[i], spans);
    count_spoken(clock);
    return true;
}

/* All that is said on a slide, in order, for one recording of it. */
typedef struct Script {
    const StoryboardText *says[STORYBOARD_POINTS_MAX + 1];
    int points[STORYBOARD_POINTS_MAX + 1]; /* which point says it; -1: the slide */
    unsigned count;
    GArray *weights;                         /* double: letters of each sentence of all, in order */
    guint firsts[STORYBOARD_POINTS_MAX + 2]; /* where the sentences of each begin */
} Script;

static void add_say(Script *script, const StoryboardText *say, int point, unsigned language)
{
    if (say->line == 0)
        return;
    g_auto(GStrv) sentences = captions_sentences(say->words[language]);
    script->says[script->count] = say;
    script->points[script->count++] = point;
    for (size_t i = 0; sentences[i] != NULL; i++) {
        double weight = (double)g_utf8_strlen(sentences[i], -1);
        g_array_append_val(script->weights, weight);
    }
    script->firsts[script->count] = script->weights->len;
}

/* Captions and points follow the pauses of the recording. */
static void follow_recording(Clock *clock, const Script *script, const size_t *cuts,
                             SlideTimes *times)
{
    for (unsigned i = 0; i < script->count; i++) {
        g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(Span));
        for (guint j = script->firsts[i]; j < script->firsts[i + 1]; j++) {
            Span span = {clock->now_ms + samples_to_ms(cuts[j]),
                         clock->now_ms + samples_to_ms(cuts[j + 1])};
            g_array_append_val(spans, span);
        }
        for (unsigned j = 0; j < clock->board->language_count && spans->len > 0; j++)
            caption(clock, j, script->says[i]->words[j], spans);
        if (script->points[i] >= 0 && spans->len > 0)
            times->point_ms[script->points[i]] =
                g_array_index(spans, Span, 0).start_ms - POINT_LEAD_MS;
        count_spoken(clock);
    }
}

static bool play_recording(Clock *clock, const StoryboardSlide *slide, SlideTimes *times,
                           GError **error)
{
    g_autofree char *path = g_build_filename(clock->folder, slide->recording, NULL);
    g_autofree float *voice = NULL;
    size_t count = 0;
    if (!recording_read(path, &voice, &count, error)) {
        g_prefix_error(error, "%s:%u:1: ", clock->board->name, slide->recording_line);
        return false;
    }
    g_autoptr(GArray) weights = g_array_new(FALSE, FALSE, sizeof(double));
    Script script = {.weights = weights};
    add_say(&script, &slide->say, -1, clock->language);
    for (unsigned i = 0; i < slide->point_count; i++)
        add_say(&script, &slide->points[i].say, (int)i, clock->language);
    g_autofree size_t *cuts =
        recording_divide(voice, count, (const double *)(void *)weights->data, weights->len);
    /* A point without words of its own comes with the one before it. */
    for (unsigned i = 0; i < slide->point_count; i++)
        times->point_ms[i] = clock->now_ms;
    follow_recording(clock, &script, cuts, times);
    for (unsigned i = 1; i < slide->point_count; i++)
        times->point_ms[i] = MAX(times->point_ms[i], times->point_ms[i - 1]);
    add_voice(clock, voice, count);
    clock->now_ms += samples_to_ms(count);
    return true;
}

static bool run_points(Clock *clock, const StoryboardSlide *slide, SlideTimes *times,
                       bool was_spoken, GError **error)
{
    for (unsigned i = 0; i < slide->point_count; i++) {
        const StoryboardPoint *point = &slide->points[i];
        if (i > 0 || was_spoken)
            clock->now_ms += POINT_REST_MS;
        if (point->say.line == 0) {
            times->point_ms[i] = clock->now_ms;
            clock->now_ms += SILENT_POINT_MS;
            continue;
        }
        times->point_ms[i] = clock->now_ms - POINT_LEAD_MS;
        if (!speak(clock, &point->say, error))
            return false;
    }
    return true;
}

static bool run_slide(Clock *clock, unsigned index, GError **error)
{
    const StoryboardSlide *slide = &clock->board->slides[index];
    SlideTimes *times = &clock->timeline->slides[index];
    bool is_last = index + 1 == clock->board->slide_count;
    bool has_say = slide->say.line != 0;
    times->start_ms = clock->now_ms;
    times->is_last = is_last;
    clock->now_ms += index == 0 ? FIRST_VOICE_MS : SLIDE_VOICE_MS;
    if (slide->recording != NULL && clock->language == 0 && !clock->is_estimate) {
        if (!play_recording(clock, slide, times, error))
            return false;
    } else if ((has_say && !speak(clock, &slide->say, error)) ||
               !run_points(clock, slide, times, has_say, error)) {
        return false;
    }
    if (!has_say && slide->point_count == 0)
        clock->now_ms += SILENT_SLIDE_MS;
    clock->now_ms += (is_last ? LAST_REST_MS : SLIDE_REST_MS) + (int64_t)(slide->hold_s * 1000);
    clock->now_ms = (clock->now_ms + TIMELINE_FRAME_MS - 1) / TIMELINE_FRAME_MS * TIMELINE_FRAME_MS;
    times->end_ms = clock->now_ms;
    if (clock->now_ms <= TIMELINE_MAX_MS)
        return true;
    g_set_error(error, REPORT_ERROR, REPORT_ERROR_STORYBOARD,
                "%s:%u:1: with this slide the tutorial is longer than %d minutes",
                clock->board->name, slide->line, TIMELINE_MAX_MS / 60000);
    return false;
}

static unsigned count_says(const Storyboard *board)
{
    unsigned count = 0;
    for (unsigned i = 0; i < board->slide_count; i++) {
        count += board->slides[i].say.line != 0;
        for (unsigned j = 0; j < board->slides[i].point_count; j++)
            count += board->slides[i].points[j].say.line != 0;
    }
    return count;
}

static Timeline *empty_timeline(const Storyboard *board)
{
    Timeline *timeline = g_new0(Timeline, 1);
    timeline->samples = g_array_new(FALSE, TRUE, sizeof(float));
    for (unsigned i = 0; i < board->language_count; i++)
        timeline->captions[i] = captions_new();
    return timeline;
}

int64_t timeline_estimate(const Storyboard *board, unsigned language)
{
    g_autoptr(Timeline) timeline = empty_timeline(board);
    Clock clock = {.board = board, .timeline = timeline, .language = language, .is_estimate = true};
    for (unsigned i = 0; i < board->slide_count; i++)
        if (!run_slide(&clock, i, NULL))
            break; /* longer than it may be: that much is enough to know */
    return clock.now_ms;
}

Timeline *timeline_new(const Storyboard *board, unsigned language, const char *folder,
                       GError **error)
{
    g_autoptr(Timeline) timeline = empty_timeline(board);
    Clock clock = {
        .board = board,
        .timeline = timeline,
        .language = language,
        .folder = folder,
        .to_speak = count_says(board),
    };
    add_chime(timeline);
    for (unsigned i = 0; i < board->slide_count; i++)
        if (!run_slide(&clock, i, error))
            return NULL;
    timeline->total_ms = clock.now_ms;
    for (unsigned i = 0; i < board->language_count; i++)
        captions_settle(timeline->captions[i], timeline->total_ms);
    g_array_set_size(timeline->samples, (guint)(timeline->total_ms * TIMELINE_HZ / 1000));
    return g_steal_pointer(&timeline);
}

void timeline_free(Timeline *timeline)
{
    if (timeline == NULL)
        return;
    for (unsigned i = 0; i < STORYBOARD_LANGUAGES_MAX; i++)
        captions_free(timeline->captions[i]);
    if (timeline->samples != NULL)
        g_array_unref(timeline->samples);
    g_free(timeline);
}
