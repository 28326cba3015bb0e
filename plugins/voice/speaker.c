/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The display half: calls and messages are said in order, one at a time; what could not be begun in
 * time is no longer said. */
#include "plugins/voice/voice.h"
#include <inttypes.h>
#include <string.h>
#include <syslog.h>

#define GAP_US (350 * 1000)
/* The programme gives way in this time, and nothing of the chime is lost to the way to the device.
 */
#define LEAD_US     (80 * 1000)
#define WAITING_MAX 60
/* Longer than the longest text: who still speaks then has died without a word. */
#define PART_MAX_US (90 * G_USEC_PER_SEC)
/* How long a display that starts waits to be told what it missed. */
#define CATCH_UP_US (2 * G_USEC_PER_SEC)
#define TAKEN_MAX   1000

/* --- Speaking ------------------------------------------------------------------------------- */

static void on_part_end(Serambi *self, SerambiClip *clip, const GError *error)
{
    Voice *voice = serambi_state(self);
    if (error)
        serambi_log(self, LOG_WARNING, "could not say a part of a message: %s, going on",
                    error->message);
    voice->part = NULL;
    serambi_clip_free(clip);
    speaker_go_on(self);
}

/* A clock that was set back makes nothing young again. */
static bool is_stale(Serambi *self, int64_t due_us)
{
    const Voice *voice = serambi_state(self);
    return ABS(serambi_now_us(self) - due_us) >= voice->manner.expire_us;
}

static bool is_silent(Serambi *self)
{
    const Voice *voice = serambi_state(self);
    return manner_is_silent(&voice->manner, serambi_now_us(self));
}

/* The next that is neither too late nor falls into quiet hours. */
static Utterance *take_next(Serambi *self, Voice *voice)
{
    for (;;) {
        Utterance *utterance = g_queue_peek_head(&voice->waiting);
        if (utterance && utterance->rank != VOICE_EMERGENCY && !voice->is_caught_up)
            return NULL;
        (void)g_queue_pop_head(&voice->waiting);
        if (!utterance || utterance->rank == VOICE_EMERGENCY ||
            (!is_stale(self, utterance->due_us) && !is_silent(self)))
            return utterance;
        utterance_free(utterance);
    }
}

/* An emergency is as loud as can be. */
static double gain_of(const Voice *voice)
{
    return voice->spoken->rank == VOICE_EMERGENCY ? MAX(voice->manner.gain_db, 0)
                                                  : voice->manner.gain_db;
}

void speaker_go_on(Serambi *self)
{
    Voice *voice = serambi_state(self);
    int64_t gap_us = GAP_US;
    while (!voice->part) {
        if (voice->spoken && voice->spoken->next == voice->spoken->sources->len)
            g_clear_pointer(&voice->spoken, utterance_free);
        if (!voice->spoken) {
            voice->spoken = take_next(self, voice);
            gap_us = LEAD_US;
        }
        if (!voice->spoken)
            return;
        const char *source = g_ptr_array_index(voice->spoken->sources, voice->spoken->next++);
        voice->part_us = serambi_now_us(self);
        voice->part = serambi_clip_new(self, source, serambi_now_us(self) + gap_us, gain_of(voice),
                                       on_part_end);
        if (!voice->part)
            serambi_log(self, LOG_WARNING, "could not prepare '%s', going on", source);
    }
}

void speaker_cut(Serambi *self)
{
    Voice *voice = serambi_state(self);
    g_clear_pointer(&voice->part, serambi_clip_free);
    g_clear_pointer(&voice->spoken, utterance_free);
}

/* What an emergency cuts off is said afterwards, from its beginning. */
static void put_back(Voice *voice)
{
    g_clear_pointer(&voice->part, serambi_clip_free);
    Utterance *utterance = g_steal_pointer(&voice->spoken);
    utterance->next = 0;
    utterance_queue(&voice->waiting, utterance);
}

void speaker_say(Serambi *self, Utterance *utterance)
{
    Voice *voice = serambi_state(self);
    if (utterance->rank != VOICE_EMERGENCY &&
        (g_queue_get_length(&voice->waiting) >= WAITING_MAX || is_stale(self, utterance->due_us) ||
         is_silent(self))) {
        utterance_free(utterance);
        return;
    }
    if (voice->spoken && voice->spoken->rank < utterance->rank)
        put_back(voice);
    utterance_queue(&voice->waiting, utterance);
    if (!voice->is_caught_up && voice->began_us == 0)
        voice->began_us = serambi_now_us(self);
    speaker_go_on(self);
}

/* Quiet means now, in the middle of a word. Emergencies are not quiet. */
static void be_silent(Serambi *self)
{
    Voice *voice = serambi_state(self);
    if (voice->spoken && voice->spoken->rank != VOICE_EMERGENCY)
        speaker_cut(self);
    utterance_forget(&voice->waiting, VOICE_ORDINARY, NULL);
}

/* --- What to say ---------------------------------------------------------------------------- */

static gboolean is_forgotten(gpointer key, gpointer until_us, gpointer now_us)
{
    return *(int64_t *)until_us < *(int64_t *)now_us;
}

/* Each thing is heard of by its feed, by the line, and again at a reconnect: once is enough. */
static bool is_new(Serambi *self, const char *kind, int64_t id, int64_t at_us)
{
    Voice *voice = serambi_state(self);
    int64_t now_us = serambi_now_us(self);
    if (g_hash_table_size(voice->taken) >= TAKEN_MAX)
        (void)g_hash_table_foreach_remove(voice->taken, is_forgotten, &now_us);
    int64_t *until_us = g_new(int64_t, 1);
    *until_us = MAX(at_us, now_us) + 2 * voice->manner.expire_us;
    return g_hash_table_insert(
        voice->taken, g_strdup_printf("%s %" PRId64 " at %" PRId64, kind, id, at_us), until_us);
}

static bool is_about(const Utterance *utterance, const char *about)
{
    return utterance && !g_strcmp0(utterance->about, about);
}

/* Is, or is about to be, said. */
static bool is_in_line(const Voice *voice, const char *about)
{
    for (const GList *at = voice->waiting.head; at; at = at->next)
        if (is_about(at->data, about))
            return true;
    return is_about(voice->spoken, about);
}

/* "service" of a call, where it has one: {"id":"Kartu","en":"Cards"}. */
static void add_call(Serambi *self, Utterance *utterance, const json_t *body, const char *ticket,
                     const char *counter)
{
    const VoiceManner *manner = &((Voice *)serambi_state(self))->manner;
    const json_t *service = json_object_get(body, "service");
    for (int64_t round = 0; round < manner->repeat; round++)
        for (size_t i = 0; i < G_N_ELEMENTS(manner->languages) && manner->languages[i]; i++) {
            const char *language = manner->languages[i];
            g_autofree char *phrase = phrase_call(
                self, language, ticket, counter,
                json_string_value(json_object_get(service, language)), manner->numbers[i]);
            utterance_add(utterance, language, phrase);
        }
}

static void on_call(Serambi *self, const char *channel, const json_t *body)
{
    Voice *voice = serambi_state(self);
    json_int_t id = json_integer_value(json_object_get(body, "call"));
    const char *ticket = json_string_value(json_object_get(body, "ticket"));
    const char *counter = json_string_value(json_object_get(body, "counter"));
    int64_t called_us = json_integer_value(json_object_get(body, "called_us"));
    if (!ticket || !counter || !is_new(self, "call", id, called_us))
        return;
    g_autofree char *about = g_strdup_printf("%s at %s", ticket, counter);
    if (json_is_true(json_object_get(body, "recall")) && is_in_line(voice, about))
        return;
    Utterance *utterance = utterance_new(VOICE_ORDINARY, called_us, id, about);
    add_call(self, utterance, body, ticket, counter);
    speaker_say(self, utterance);
}

static void on_say(Serambi *self, const char *channel, const json_t *body)
{
    json_int_t id = json_integer_value(json_object_get(body, "id"));
    const char *language = json_string_value(json_object_get(body, "language"));
    const char *text = json_string_value(json_object_get(body, "text"));
    int64_t at_us = json_integer_value(json_object_get(body, "at_us"));
    if (!manner_is_language(language) || !text || !is_new(self, "say", id, at_us))
        return;
    Utterance *utterance = utterance_new(VOICE_ORDINARY, at_us, id, NULL);
    utterance_add(utterance, language, text);
    speaker_say(self, utterance);
}

/* Nothing begins before all of it is in its place. */
static void on_line(Serambi *self, const char *channel, const json_t *body)
{
    Voice *voice = serambi_state(self);
    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(body, "line"), index, entry)
    {
        const char *kind = json_string_value(json_object_get(entry, "kind"));
        const json_t *about = json_object_get(entry, "body");
        if (!g_strcmp0(kind, "call"))
            on_call(self, channel, about);
        else if (!g_strcmp0(kind, "say"))
            on_say(self, channel, about);
    }
    voice->is_caught_up = true;
    speaker_go_on(self);
}

static void on_settings(Serambi *self, const char *channel, const json_t *body)
{
    Voice *voice = serambi_state(self);
    manner_read(&voice->manner, body);
    if (is_silent(self))
        be_silent(self);
}

/* One part that never ends must not silence all that come after it. */
static void on_tick(Serambi *self)
{
    Voice *voice = serambi_state(self);
    int64_t now_us = serambi_now_us(self);
    if (voice->part && now_us - voice->part_us > PART_MAX_US) {
        serambi_log(self, LOG_WARNING, "a part of a message did not end, going on");
        g_clear_pointer(&voice->part, serambi_clip_free);
    }
    if (voice->began_us && ABS(now_us - voice->began_us) >= CATCH_UP_US)
        voice->is_caught_up = true;
    emergency_tick(self);
    speaker_go_on(self);
}

bool speaker_start(Serambi *self, GError **error)
{
    Voice *voice = serambi_state(self);
    g_queue_init(&voice->waiting);
    voice->taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    json_auto_t *first =
        json_pack("{s:[s], s:i, s:i}", "languages", "id", "repeat", 1, "volume", 80);
    manner_read(&voice->manner, first);
    return true;
}

void speaker_stop(Serambi *self)
{
    Voice *voice = serambi_state(self);
    speaker_cut(self);
    emergency_stop(voice);
    g_queue_clear_full(&voice->waiting, (GDestroyNotify)utterance_free);
    g_clear_pointer(&voice->taken, g_hash_table_unref);
    manner_clear(&voice->manner);
}

const SerambiWatch speaker_watches[] = {
    {"voice:settings", on_settings}, {"announcements:live", emergency_on_live},
    {"voice:line", on_line},         {"queue:calls", on_call},
    {"voice:say", on_say},           {0},
};

const SerambiTimer speaker_timers[] = {
    {"next", 1, on_tick},
    {0},
};
