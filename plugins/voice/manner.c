/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How the loudspeakers speak, as it is read from voice:settings. */
#include "plugins/voice/voice.h"
#include <math.h>
#include <string.h>

#define FULL_VOLUME 80.0 /* per cent at which speech is as loud as it was made */

static const char *const languages[VOICE_LANGUAGES] = {"id", "en", "ar"};

bool manner_is_language(const char *text)
{
    for (size_t i = 0; text && i < G_N_ELEMENTS(languages); i++)
        if (!strcmp(languages[i], text))
            return true;
    return false;
}

VoiceNumbers manner_numbers(const json_t *value)
{
    const char *text = json_string_value(value);
    if (!g_strcmp0(text, "digits"))
        return VOICE_DIGITS;
    return g_strcmp0(text, "full") ? 0 : VOICE_FULL;
}

void manner_clear(VoiceManner *manner)
{
    for (size_t i = 0; i < G_N_ELEMENTS(manner->languages); i++)
        g_clear_pointer(&manner->languages[i], g_free);
    g_clear_pointer(&manner->zone, g_time_zone_unref);
}

void manner_read(VoiceManner *manner, const json_t *body)
{
    manner_clear(manner);
    size_t index, count = 0;
    json_t *language;
    const json_t *numbers = json_object_get(body, "numbers");
    json_array_foreach(json_object_get(body, "languages"), index, language)
    {
        const char *name = json_string_value(language);
        if (count == G_N_ELEMENTS(manner->languages) || !manner_is_language(name))
            continue;
        manner->languages[count] = g_strdup(name);
        VoiceNumbers chosen = manner_numbers(json_object_get(numbers, name));
        manner->numbers[count++] = chosen ? chosen : VOICE_DIGITS;
    }
    manner->repeat = CLAMP(json_integer_value(json_object_get(body, "repeat")), 1, 3);
    json_int_t expire_s = json_integer_value(json_object_get(body, "expire_seconds"));
    manner->expire_us =
        (expire_s ? CLAMP(expire_s, VOICE_EXPIRE_S_MIN, VOICE_EXPIRE_S_MAX) : VOICE_EXPIRE_S) *
        G_USEC_PER_SEC;
    json_int_t volume = json_integer_value(json_object_get(body, "volume"));
    manner->is_quiet = json_is_true(json_object_get(body, "quiet")) || volume <= 0;
    manner->gain_db = volume > 0 ? 20 * log10((double)MIN(volume, 100) / FULL_VOLUME) : 0;
    manner->quiet_count = 0;
    (void)quiet_read(json_object_get(body, "quiet_hours"), manner->quiet, &manner->quiet_count);
    manner->zone = g_time_zone_new_identifier(json_string_value(json_object_get(body, "zone")));
    if (!manner->zone)
        manner->zone = g_time_zone_new_local();
}

bool manner_is_silent(const VoiceManner *manner, int64_t now_us)
{
    return manner->is_quiet ||
           quiet_covers(manner->quiet, manner->quiet_count, manner->zone, now_us);
}
