/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The lines of the log, both ways. */
#include "plugins/queue/wait_log.h"
#include "plugins/queue/wait_picture.h"
#include <string.h>

#define MINUTES_MAX 10000.0
#define FIELDS_MAX  4

static const struct {
    const char *word;
    unsigned field_count; /* numbers behind the word */
} kinds[] = {
    [WAIT_DAY] = {"day", 2},       [WAIT_PLAN] = {"plan", 4},     [WAIT_OPEN] = {"open", 2},
    [WAIT_SHUT] = {"shut", 2},     [WAIT_ARRIVE] = {"arrive", 4}, [WAIT_CALL] = {"call", 3},
    [WAIT_FINISH] = {"finish", 2}, [WAIT_ABSENT] = {"absent", 2}, [WAIT_LEAVE] = {"leave", 2},
};

static void append_number(GString *log, double number)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append_c(log, ' ');
    g_string_append(log, g_ascii_formatd(text, sizeof text, "%.10g", number));
}

void wait_log_write(GString *log, const WaitEvent *event)
{
    g_string_append(log, kinds[event->kind].word);
    if (event->kind == WAIT_PLAN) {
        g_string_append_printf(log, " 0 %" G_GINT64_FORMAT, event->number);
        append_number(log, event->minute);
        append_number(log, event->until);
    } else {
        append_number(log, event->minute);
        g_string_append_printf(log, " %" G_GINT64_FORMAT, event->number);
    }
    if (event->kind == WAIT_ARRIVE)
        g_string_append_printf(log, " %u %d", event->class_index, event->is_priority);
    if (event->kind == WAIT_CALL)
        g_string_append_printf(log, " %u", event->counter);
    g_string_append_c(log, '\n');
}

static bool read_fields(const char *text, unsigned count, double *ret_fields)
{
    for (unsigned i = 0; i < count; i++) {
        char *end;
        if (*text != ' ' || !g_ascii_isdigit(text[1]))
            return false;
        ret_fields[i] = g_ascii_strtod(text + 1, &end);
        text = end;
    }
    return !*text;
}

static bool is_index(double field, unsigned count)
{
    return field < count && field == (unsigned)field;
}

/* Whether the fields of an event are what they may be. */
static bool are_sane(WaitEventKind kind, const double *fields)
{
    bool is_of_ticket = kind == WAIT_ARRIVE || kind == WAIT_CALL || kind == WAIT_LEAVE;
    if (!(fields[0] <= MINUTES_MAX) || !(fields[1] <= (double)G_MAXINT32))
        return false;
    switch (kind) {
    case WAIT_DAY:
        return is_index(fields[1] - 1, CLASSES_MAX) && fields[1] >= 1;
    case WAIT_PLAN:
        return is_index(fields[1], PICTURE_COUNTERS_MAX) && fields[2] < fields[3] &&
               fields[3] <= MINUTES_MAX;
    case WAIT_ARRIVE:
        return is_index(fields[2], CLASSES_MAX) && is_index(fields[3], 2);
    case WAIT_CALL:
        return is_index(fields[2], PICTURE_COUNTERS_MAX);
    default:
        return is_of_ticket || is_index(fields[1], PICTURE_COUNTERS_MAX);
    }
}

bool wait_log_read(const char *line, WaitEvent *ret_event)
{
    size_t length = strcspn(line, " ");
    for (unsigned kind = WAIT_DAY; kind <= WAIT_LEAVE; kind++) {
        if (strlen(kinds[kind].word) != length || strncmp(line, kinds[kind].word, length) != 0)
            continue;
        double fields[FIELDS_MAX] = {0};
        if (!read_fields(line + length, kinds[kind].field_count, fields) ||
            !are_sane((WaitEventKind)kind, fields))
            return false;
        *ret_event = (WaitEvent){
            .kind = (WaitEventKind)kind,
            .minute = kind == WAIT_PLAN ? fields[2] : fields[0],
            .until = fields[3],
            .number = (int64_t)fields[1],
            .counter = (unsigned)fields[2],
            .class_index = kind == WAIT_ARRIVE ? (unsigned)fields[2] : 0,
            .is_priority = kind == WAIT_ARRIVE && fields[3] == 1,
        };
        return true;
    }
    return false;
}
