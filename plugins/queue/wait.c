/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Walks for everybody, keeps what came out, and learns from each call how far it was off. */
#include "plugins/queue/wait.h"
#include "plugins/queue/calibration.h"
#include "plugins/queue/queue.h"
#include "plugins/queue/roll_samples.h"
#include "plugins/queue/wait_read.h"
#include <math.h>
#include <syslog.h>

#define STEP_MINUTES 5
#define KNOWN_ENOUGH 20 /* recorded services; below, the range is wider */
#define WIDER        1.5
#define AGE_US       (30 * G_USEC_PER_SEC) /* waits shrink while nothing happens */
#define KEEP_US      (G_GINT64_CONSTANT(90) * 24 * 3600 * G_USEC_PER_SEC)
#define FORGOTTEN    "200" /* at a time */
#define MINUTE_US    (60.0 * G_USEC_PER_SEC)
#define LEVEL_UNIT   1e6
#define SAME_MINUTE  1e-3

struct Wait {
    Learned learned;
    WaitPicture picture;
    RollSamples *samples;
    GHashTable *places; /* ticket id (int64_t inside the picture) -> place + 1 */
    double level;
    int64_t made_us;
    bool is_stale;
};

Wait *wait_new(void)
{
    Wait *wait = g_new0(Wait, 1);
    wait->samples = roll_samples_new();
    wait->places = g_hash_table_new(g_int64_hash, g_int64_equal);
    wait->level = CALIBRATION_START;
    return wait;
}

void wait_free(Wait *wait)
{
    if (!wait)
        return;
    roll_samples_free(wait->samples);
    g_hash_table_unref(wait->places);
    g_free(wait);
}

static Wait *wait_state(Serambi *self)
{
    return ((Queue *)serambi_state(self))->server.wait;
}

void wait_touch(Serambi *self)
{
    wait_state(self)->is_stale = true;
}

void wait_bracket(double median, double high, uint64_t recorded, int64_t *ret_low,
                  int64_t *ret_high)
{
    if (recorded < KNOWN_ENOUGH) {
        median /= WIDER;
        high *= WIDER;
    }
    *ret_low = (int64_t)floor(median / STEP_MINUTES) * STEP_MINUTES;
    *ret_high = (int64_t)ceil(high / STEP_MINUTES) * STEP_MINUTES;
}

/* The place in the picture of a ticket, else of the newcomer of its service; -1: neither. */
static int place_of(const Wait *wait, int64_t ticket, int64_t service)
{
    int place = GPOINTER_TO_INT(g_hash_table_lookup(wait->places, &ticket));
    if (place > 0)
        return place - 1;
    const WaitPicture *picture = &wait->picture;
    for (unsigned i = 0; i < picture->service_count; i++)
        if (picture->services[i] == service)
            return (int)(picture->ticket_count - picture->service_count + i);
    return -1;
}

/* False when the ticket may not be reached before closing. */
static bool bracket_of(const Wait *wait, unsigned place, int64_t *ret_low, int64_t *ret_high)
{
    const WaitPicture *picture = &wait->picture;
    double median = roll_samples_wait(wait->samples, place, 0.5);
    if (median > picture->closes - picture->now - SAME_MINUTE)
        return false;
    unsigned class_index = picture->tickets[place].class_index;
    wait_bracket(median, roll_samples_wait(wait->samples, place, wait->level),
                 wait->learned.times[class_index].recorded, ret_low, ret_high);
    return true;
}

json_t *wait_of(Serambi *self, int64_t ticket, int64_t service)
{
    const Wait *wait = wait_state(self);
    int place = place_of(wait, ticket, service);
    int64_t low, high;
    if (place < 0 || !bracket_of(wait, (unsigned)place, &low, &high))
        return json_null();
    return json_pack("[I, I]", (json_int_t)low, (json_int_t)high);
}

bool wait_ends_first(Serambi *self, int64_t ticket, int64_t service)
{
    const Wait *wait = wait_state(self);
    int place = place_of(wait, ticket, service);
    int64_t low, high;
    return place >= 0 && !bracket_of(wait, (unsigned)place, &low, &high);
}

/* --- The log -------------------------------------------------------------------------------- */

static int64_t integer(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

/* Closes the estimates of who waits no more, and moves the level by the first ones of the called.
 */
static bool settle(Serambi *self, double *ret_level, GError **error)
{
    json_auto_t *levels = serambi_query(
        self, error, "SELECT level_millionths FROM queue_calibration WHERE id = 1", "");
    json_auto_t *rows =
        levels ? serambi_query(
                     self, error,
                     "UPDATE queue_estimate SET is_open = 0,"
                     " called_us = (SELECT queue_ticket.called_us FROM queue_ticket WHERE "
                     "queue_ticket.id = queue_estimate.ticket"
                     "  AND queue_ticket.called_us >= queue_estimate.at_us)"
                     " WHERE is_open = 1 AND EXISTS (SELECT 1 FROM queue_ticket"
                     "  WHERE queue_ticket.id = queue_estimate.ticket AND state <> 'waiting')"
                     " RETURNING at_us, called_us, high_us, is_first",
                     "")
               : NULL;
    if (!rows)
        return false;
    double level = (double)integer(json_array_get(levels, 0), "level_millionths") / LEVEL_UNIT;
    bool moved = false;
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        if (!integer(row, "is_first") || !json_is_integer(json_object_get(row, "called_us")))
            continue;
        level = calibration_after(level, integer(row, "called_us") - integer(row, "at_us") <=
                                             integer(row, "high_us"));
        moved = true;
    }
    *ret_level = level;
    if (!moved)
        return true;
    json_auto_t *kept = serambi_query(
        self, error, "UPDATE queue_calibration SET level_millionths = $1 WHERE id = 1", "i",
        (int64_t)llround(level * LEVEL_UNIT));
    return kept != NULL;
}

/* Logs one estimate, unless the last one of its ticket shows the same. */
static bool keep(Serambi *self, const Wait *wait, unsigned place, GError **error)
{
    const PictureTicket *ticket = &wait->picture.tickets[place];
    int64_t low = -1, high = -1; /* not before closing */
    (void)bracket_of(wait, place, &low, &high);
    json_auto_t *kept = serambi_query(
        self, error,
        "INSERT INTO queue_estimate (id, ticket, service, at_us, median_us, high_us, low_minutes,"
        " high_minutes, is_first, is_open)"
        " SELECT COALESCE((SELECT MAX(id) FROM queue_estimate), 0) + 1, $1, $2, $3, $4, $5, $6, $7,"
        "  CASE WHEN EXISTS (SELECT 1 FROM queue_estimate WHERE ticket = $1) THEN 0 ELSE 1 END, 1"
        " WHERE COALESCE((SELECT low_minutes * 100000 + high_minutes FROM queue_estimate"
        "  WHERE ticket = $1 ORDER BY id DESC LIMIT 1), -999999) <> $6 * 100000 + $7",
        "iiiiiii", ticket->id, wait->picture.services[ticket->class_index], wait->made_us,
        (int64_t)llround(roll_samples_wait(wait->samples, place, 0.5) * MINUTE_US),
        (int64_t)llround(roll_samples_wait(wait->samples, place, wait->level) * MINUTE_US), low,
        high);
    return kept != NULL;
}

static bool forget(Serambi *self, GError **error)
{
    json_auto_t *gone =
        serambi_query(self, error,
                      "DELETE FROM queue_estimate WHERE id IN (SELECT id FROM queue_estimate"
                      " WHERE at_us < $1 ORDER BY at_us LIMIT " FORGOTTEN ")",
                      "i", serambi_now_us(self) - KEEP_US);
    return gone != NULL;
}

/* --- Time ----------------------------------------------------------------------------------- */

bool wait_refresh(Serambi *self, GError **error)
{
    Wait *wait = wait_state(self);
    WaitPicture *picture = &wait->picture;
    g_hash_table_remove_all(wait->places);
    picture->ticket_count = picture->service_count = 0;
    if (!settle(self, &wait->level, error) || !wait_read(self, picture, &wait->learned, error)) {
        picture->ticket_count = picture->service_count = 0; /* nothing is known for a second */
        return false;
    }
    wait->made_us = serambi_now_us(self);
    wait->is_stale = false;
    roll_samples_run(wait->samples, picture);
    for (unsigned i = 0; i < picture->ticket_count - picture->service_count; i++) {
        g_hash_table_insert(wait->places, &picture->tickets[i].id, GINT_TO_POINTER((int)i + 1));
        if (!keep(self, wait, i, error))
            return false;
    }
    return forget(self, error);
}

void wait_tick(Serambi *self)
{
    Wait *wait = wait_state(self);
    int64_t age_us = serambi_now_us(self) - wait->made_us;
    bool has_aged = wait->picture.ticket_count > wait->picture.service_count &&
                    (age_us >= AGE_US || age_us < 0);
    if (!wait->is_stale && !has_aged)
        return;
    g_autoptr(GError) error = NULL;
    if (!wait_refresh(self, &error) || !board_publish(self, &error)) {
        serambi_log(self, LOG_ERR, "could not estimate the waits: %s, trying again",
                    error->message);
        wait->is_stale = true;
        return;
    }
    wait->is_stale = false; /* what was told is what was made */
}
