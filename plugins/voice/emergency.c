/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Emergencies are spoken: at once, over everything, whatever the hour and the volume; then again
 * and again until they are withdrawn. */
#include "plugins/voice/voice.h"
#include <string.h>

#define AGAIN_US        (60 * G_USEC_PER_SEC)
#define EMERGENCIES_MAX 5 /* the newest; who hears more acts on none */

static bool is_emergency(const json_t *announcement)
{
    return !g_strcmp0(json_string_value(json_object_get(announcement, "urgency")), "emergency");
}

/* Its text in the languages of the calls; where it has none of these, in those that it has. */
static void add_texts(Utterance *utterance, const VoiceManner *manner, const json_t *text)
{
    bool is_said = false;
    for (size_t i = 0; i < G_N_ELEMENTS(manner->languages) && manner->languages[i]; i++) {
        const char *words = json_string_value(json_object_get(text, manner->languages[i]));
        if (words && *words)
            utterance_add(utterance, manner->languages[i], words);
        is_said = is_said || (words && *words);
    }
    static const char *const others[] = {"id", "en", "ar"};
    for (size_t i = 0; !is_said && i < G_N_ELEMENTS(others); i++) {
        const char *words = json_string_value(json_object_get(text, others[i]));
        if (words && *words)
            utterance_add(utterance, others[i], words);
    }
}

static void say_all(Serambi *self)
{
    Voice *voice = serambi_state(self);
    size_t index;
    json_t *announcement;
    voice->alarm_us = serambi_now_us(self);
    json_array_foreach(voice->emergencies, index, announcement)
    {
        const json_t *text = json_object_get(announcement, "text");
        Utterance *utterance =
            utterance_new(VOICE_EMERGENCY, voice->alarm_us, (int64_t)index, NULL);
        add_texts(utterance, &voice->manner, text);
        speaker_say(self, utterance);
    }
}

void emergency_on_live(Serambi *self, const char *channel, const json_t *body)
{
    Voice *voice = serambi_state(self);
    json_auto_t *fresh = json_array();
    size_t index;
    json_t *announcement;
    json_array_foreach(json_object_get(body, "announcements"), index, announcement)
    {
        if (is_emergency(announcement) && json_array_size(fresh) < EMERGENCIES_MAX)
            json_array_append(fresh, announcement);
    }
    if (voice->emergencies && json_equal(voice->emergencies, fresh))
        return;
    emergency_stop(voice);
    if (voice->spoken && voice->spoken->rank == VOICE_EMERGENCY)
        speaker_cut(self);
    voice->emergencies = g_steal_pointer(&fresh);
    say_all(self);
    speaker_go_on(self);
}

void emergency_tick(Serambi *self)
{
    Voice *voice = serambi_state(self);
    bool is_being_said = voice->spoken && voice->spoken->rank == VOICE_EMERGENCY;
    if (is_being_said)
        voice->alarm_us = serambi_now_us(self);
    else if (json_array_size(voice->emergencies) &&
             ABS(serambi_now_us(self) - voice->alarm_us) >= AGAIN_US)
        say_all(self);
}

void emergency_stop(Voice *voice)
{
    utterance_forget(&voice->waiting, VOICE_EMERGENCY, NULL);
    json_decref(voice->emergencies);
    voice->emergencies = NULL;
}
