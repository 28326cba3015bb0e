/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Quiet hours: prayer, exams, a reading. By the library's own clock on the wall. */
#include "plugins/voice/voice.h"
#include <string.h>

#define DAY_MINUTES 1440

/* "12:05" in minutes, "24:00" is the end of the day; -1 for anything else. */
static int read_minute(const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text || strlen(text) != 5 || text[2] != ':')
        return -1;
    for (size_t i = 0; i < 5; i++)
        if (i != 2 && !g_ascii_isdigit(text[i]))
            return -1;
    int hours = (text[0] - '0') * 10 + text[1] - '0';
    int minutes = (text[3] - '0') * 10 + text[4] - '0';
    int minute = hours * 60 + minutes;
    return minutes < 60 && minute <= DAY_MINUTES ? minute : -1;
}

/* One to seven different days of the week; 0 for anything else. */
static uint32_t read_days(const json_t *list)
{
    uint32_t days = 0;
    size_t index;
    json_t *value;
    json_array_foreach(list, index, value)
    {
        json_int_t day = json_integer_value(value);
        if (day < 1 || day > 7 || days & 1u << day)
            return 0;
        days |= 1u << day;
    }
    return days;
}

bool quiet_read(const json_t *list, VoiceQuiet *ret_hours, size_t *ret_count)
{
    VoiceQuiet hours[VOICE_QUIET_HOURS_MAX];
    if (!json_is_array(list) || json_array_size(list) > VOICE_QUIET_HOURS_MAX)
        return false;
    size_t index;
    json_t *value;
    json_array_foreach(list, index, value)
    {
        hours[index] = (VoiceQuiet){.days = read_days(json_object_get(value, "days")),
                                    .from = read_minute(json_object_get(value, "from")),
                                    .to = read_minute(json_object_get(value, "to"))};
        if (!hours[index].days || hours[index].from < 0 || hours[index].to < 0 ||
            hours[index].from == hours[index].to || hours[index].from == DAY_MINUTES)
            return false;
    }
    if (json_array_size(list))
        memcpy(ret_hours, hours, json_array_size(list) * sizeof *hours);
    *ret_count = json_array_size(list);
    return true;
}

bool quiet_covers(const VoiceQuiet *hours, size_t count, GTimeZone *zone, int64_t now_us)
{
    if (count == 0)
        return false;
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(now_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) local = utc ? g_date_time_to_timezone(utc, zone) : NULL;
    if (!local)
        return false;
    int day = g_date_time_get_day_of_week(local), before = day == 1 ? 7 : day - 1;
    int minute = g_date_time_get_hour(local) * 60 + g_date_time_get_minute(local);
    for (size_t i = 0; i < count; i++) {
        const VoiceQuiet *quiet = &hours[i];
        bool is_over_midnight = quiet->to < quiet->from;
        bool is_today = quiet->days & 1u << day, was_yesterday = quiet->days & 1u << before;
        if (is_today && minute >= quiet->from && (is_over_midnight || minute < quiet->to))
            return true;
        if (is_over_midnight && was_yesterday && minute < quiet->to)
            return true;
    }
    return false;
}
