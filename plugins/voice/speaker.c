/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The display half: calls and messages are said in order, one at a time; what could not be said
 * within a minute is no longer said. */
#include "plugins/voice/voice.h"
#include <math.h>
#include <string.h>
#include <syslog.h>

#define STALE_US    (60 * G_USEC_PER_SEC)
#define GAP_US      (350 * 1000)
#define WAITING_MAX 50
/* Longer than the longest text: who still speaks then has died without a word. */
#define PART_MAX_US (90 * G_USEC_PER_SEC)
#define FULL_VOLUME 80.0 /* per cent at which speech is as loud as it was made */

typedef struct Utterance {
    GPtrArray *sources; /* of char *: "chime:call", "speak:id:..." */
    guint next;
    int64_t due_us; /* when it was asked for */
} Utterance;

static void utterance_free(Utterance *utterance)
{
    if (!utterance)
        return;
    g_ptr_array_unref(utterance->sources);
    g_free(utterance);
}

static void speak_next(Serambi *self);

static void on_part_end(Serambi *self, SerambiClip *clip, const GError *error)
{
    Voice *voice = serambi_state(self);
    if (error)
        serambi_log(self, LOG_WARNING, "could not say a part of a message: %s, going on",
                    error->message);
    voice->part = NULL;
    serambi_clip_free(clip);
    speak_next(self);
}

static Utterance *take_fresh(Serambi *self, Voice *voice)
{
    for (;;) {
        Utterance *utterance = g_queue_pop_head(&voice->waiting);
        if (!utterance || serambi_now_us(self) - utterance->due_us < STALE_US)
            return utterance;
        utterance_free(utterance);
    }
}

/* Starts the next part, of this utterance or of the one after it. */
static void speak_next(Serambi *self)
{
    Voice *voice = serambi_state(self);
    int64_t gap_us = GAP_US;
    while (!voice->part) {
        if (voice->spoken && voice->spoken->next == voice->spoken->sources->len)
            g_clear_pointer(&voice->spoken, utterance_free);
        if (!voice->spoken) {
            voice->spoken = take_fresh(self, voice);
            gap_us = 0;
        }
        if (!voice->spoken)
            return;
        const char *source = g_ptr_array_index(voice->spoken->sources, voice->spoken->next++);
        voice->part_us = serambi_now_us(self);
        voice->part = serambi_clip_new(self, source, serambi_now_us(self) + gap_us,
                                       voice->manner.gain_db, on_part_end);
        if (!voice->part)
            serambi_log(self, LOG_WARNING, "could not prepare '%s', going on", source);
    }
}

static void say(Serambi *self, GPtrArray *sources, int64_t due_us)
{
    Voice *voice = serambi_state(self);
    if (voice->manner.is_quiet || g_queue_get_length(&voice->waiting) >= WAITING_MAX ||
        serambi_now_us(self) - due_us >= STALE_US) {
        g_ptr_array_unref(sources);
        return;
    }
    Utterance *utterance = g_new0(Utterance, 1);
    utterance->sources = sources;
    utterance->due_us = due_us;
    g_queue_push_tail(&voice->waiting, utterance);
    speak_next(self);
}

/* --- What to say ---------------------------------------------------------------------------- */

/* A reconnect brings the newest message again. Ids begin again with a new database, times go on. */
static bool is_new(VoiceTaken *taken, int64_t id, int64_t at_us)
{
    if (id <= taken->id && at_us <= taken->at_us)
        return false;
    *taken = (VoiceTaken){.id = id, .at_us = at_us};
    return true;
}

static void on_call(Serambi *self, const char *channel, const json_t *body)
{
    Voice *voice = serambi_state(self);
    json_int_t id = json_integer_value(json_object_get(body, "call"));
    const char *ticket = json_string_value(json_object_get(body, "ticket"));
    const char *counter = json_string_value(json_object_get(body, "counter"));
    int64_t called_us = json_integer_value(json_object_get(body, "called_us"));
    if (!ticket || !counter || !is_new(&voice->last_call, id, called_us))
        return;
    GPtrArray *sources = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(sources, g_strdup("chime:call"));
    for (int64_t round = 0; round < voice->manner.repeat; round++)
        for (size_t i = 0; i < G_N_ELEMENTS(voice->manner.languages); i++) {
            const char *language = voice->manner.languages[i];
            if (!language)
                break;
            g_autofree char *phrase =
                phrase_call(self, language, ticket, counter, NULL, VOICE_DIGITS);
            g_ptr_array_add(sources, g_strdup_printf("speak:%s:%s", language, phrase));
        }
    say(self, sources, called_us);
}

static void on_say(Serambi *self, const char *channel, const json_t *body)
{
    Voice *voice = serambi_state(self);
    json_int_t id = json_integer_value(json_object_get(body, "id"));
    const char *language = json_string_value(json_object_get(body, "language"));
    const char *text = json_string_value(json_object_get(body, "text"));
    int64_t at_us = json_integer_value(json_object_get(body, "at_us"));
    if (!language || !text || !is_new(&voice->last_wish, id, at_us))
        return;
    GPtrArray *sources = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(sources, g_strdup("chime:call"));
    g_ptr_array_add(sources, g_strdup_printf("speak:%s:%s", language, text));
    say(self, sources, at_us);
}

/* Quiet means now, in the middle of a word. */
static void be_silent(Serambi *self)
{
    Voice *voice = serambi_state(self);
    g_clear_pointer(&voice->part, serambi_clip_free);
    g_clear_pointer(&voice->spoken, utterance_free);
    g_queue_clear_full(&voice->waiting, (GDestroyNotify)utterance_free);
}

static void clear_languages(VoiceManner *manner)
{
    for (size_t i = 0; i < G_N_ELEMENTS(manner->languages); i++)
        g_clear_pointer(&manner->languages[i], g_free);
}

static void on_settings(Serambi *self, const char *channel, const json_t *body)
{
    VoiceManner *manner = &((Voice *)serambi_state(self))->manner;
    clear_languages(manner);
    size_t index;
    json_t *language;
    json_array_foreach(json_object_get(body, "languages"), index,
                       language) if (index < G_N_ELEMENTS(manner->languages))
        manner->languages[index] = g_strdup(json_string_value(language));
    manner->repeat = CLAMP(json_integer_value(json_object_get(body, "repeat")), 1, 3);
    json_int_t volume = json_integer_value(json_object_get(body, "volume"));
    manner->is_quiet = json_is_true(json_object_get(body, "quiet")) || volume <= 0;
    manner->gain_db = volume > 0 ? 20 * log10((double)volume / FULL_VOLUME) : 0;
    if (manner->is_quiet)
        be_silent(self);
}

/* One part that never ends must not silence all that come after it. */
static void on_tick(Serambi *self)
{
    Voice *voice = serambi_state(self);
    if (voice->part && serambi_now_us(self) - voice->part_us > PART_MAX_US) {
        serambi_log(self, LOG_WARNING, "a part of a message did not end, going on");
        g_clear_pointer(&voice->part, serambi_clip_free);
    }
    speak_next(self);
}

bool speaker_start(Serambi *self, GError **error)
{
    Voice *voice = serambi_state(self);
    g_queue_init(&voice->waiting);
    voice->manner = (VoiceManner){.repeat = 1};
    voice->manner.languages[0] = g_strdup("id");
    return true;
}

void speaker_stop(Serambi *self)
{
    Voice *voice = serambi_state(self);
    be_silent(self);
    clear_languages(&voice->manner);
}

const SerambiWatch speaker_watches[] = {
    {"voice:settings", on_settings},
    {"queue:calls", on_call},
    {"voice:say", on_say},
    {0},
};

const SerambiTimer speaker_timers[] = {
    {"next", 1, on_tick},
    {0},
};
