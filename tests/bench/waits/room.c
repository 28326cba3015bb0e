/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Follows the log; at each arrival all estimators guess, at each call they are measured. */
#include "tests/bench/waits/room.h"
#include "plugins/queue/calibration.h"
#include "plugins/queue/fairness.h"
#include "plugins/queue/roll.h"
#include <math.h>

#define DEFAULT_MINUTES 5.0
#define LAST_WAITS      10
#define NEAR_MINUTES    3.0
#define RECENT_MINUTES  30.0
#define RECENT_MAX      512

const char *const guess_names[GUESS_COUNT] = {
    "ROLL-MC p50", "ROLL", "QL", "HOL", "LES", "last 10", "EWMA", "overall mean", "position",
};

typedef struct {
    int64_t id;
    double arrival, guesses[GUESS_COUNT], raw, calibrated;
    bool has_guess;
} Guest;

struct Room {
    Scores *scores;
    Learned *learned;
    WaitPicture *picture;
    Guest guests[PICTURE_TICKETS_MAX]; /* beside picture->tickets */
    RollSamples *samples;
    Walk *walk;
    float waits[PICTURE_TICKETS_MAX];
    double level;
    unsigned ratio;
    double recent[RECENT_MAX]; /* arrivals, a ring */
    uint64_t recent_end, recent_begin;
    /* The rivals. */
    double last_wait, mean_service, last_waits[LAST_WAITS], average, wait_sum;
    uint64_t service_count, wait_count;
};

Room *room_new(unsigned ratio, Scores *scores)
{
    Room *room = g_new0(Room, 1);
    room->scores = scores;
    room->learned = g_new0(Learned, 1);
    room->picture = g_new0(WaitPicture, 1);
    room->samples = roll_samples_new();
    room->walk = walk_new();
    room->level = CALIBRATION_START;
    room->ratio = ratio;
    room->mean_service = room->average = DEFAULT_MINUTES;
    return room;
}

void room_free(Room *room)
{
    if (!room)
        return;
    roll_samples_free(room->samples);
    walk_free(room->walk);
    g_free(room->learned);
    g_free(room->picture);
    g_free(room);
}

/* --- Guessing ------------------------------------------------------------------------------- */

static double oldest_of_line(const Room *room, bool is_priority)
{
    for (unsigned i = 0; i < room->picture->ticket_count; i++)
        if (room->picture->tickets[i].is_priority == is_priority)
            return room->picture->now - room->guests[i].arrival;
    return 0;
}

static double last_ten(const Room *room)
{
    uint64_t count = MIN(room->wait_count, LAST_WAITS);
    double sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += room->last_waits[i];
    return count > 0 ? sum / (double)count : DEFAULT_MINUTES;
}

/* Guesses of the rivals, for somebody who is not yet in the picture. */
static void guess_rivals(const Room *room, bool is_priority, double *guesses)
{
    const WaitPicture *picture = room->picture;
    double ahead = 0, open = 0;
    /* The rule lets priority pass: only its own line is ahead of it. */
    for (unsigned i = 0; i < picture->ticket_count; i++)
        ahead += !is_priority || picture->tickets[i].is_priority;
    for (unsigned i = 0; i < picture->counter_count; i++)
        open += picture->counters[i].is_signed_in;
    guesses[GUESS_QUEUE_LENGTH] = (ahead + 1) * room->mean_service / fmax(open, 1);
    guesses[GUESS_HEAD_OF_LINE] = oldest_of_line(room, is_priority);
    guesses[GUESS_LAST_TO_ENTER] = room->last_wait;
    guesses[GUESS_LAST_TEN] = last_ten(room);
    guesses[GUESS_MOVING_AVERAGE] = room->average;
    guesses[GUESS_OVERALL_MEAN] =
        room->wait_count > 0 ? room->wait_sum / (double)room->wait_count : DEFAULT_MINUTES;
    guesses[GUESS_POSITION] = ahead * room->mean_service;
}

static bool has_idle_counter(const WaitPicture *picture)
{
    for (unsigned i = 0; i < picture->counter_count; i++)
        if (picture->counters[i].is_signed_in && !picture->counters[i].is_busy)
            return true;
    return false;
}

static void note_arrival(Room *room, double minute)
{
    room->recent[room->recent_end++ % RECENT_MAX] = minute;
    while (room->recent_end - room->recent_begin > RECENT_MAX ||
           room->recent[room->recent_begin % RECENT_MAX] < minute - RECENT_MINUTES)
        room->recent_begin++;
    room->picture->recent_arrivals = (unsigned)(room->recent_end - room->recent_begin);
}

static void arrive(Room *room, const WaitEvent *event)
{
    WaitPicture *picture = room->picture;
    if (picture->ticket_count == PICTURE_TICKETS_MAX ||
        event->class_index >= room->learned->class_count) {
        room->scores->refused++;
        return;
    }
    unsigned index = picture->ticket_count;
    Guest *guest = &room->guests[index];
    *guest = (Guest){.id = event->number, .arrival = event->minute};
    guest->has_guess = index > 0 || !has_idle_counter(picture);
    guess_rivals(room, event->is_priority, guest->guesses);
    note_arrival(room, event->minute);
    learned_arrival(room->learned, event->class_index, event->is_priority);
    picture->tickets[index] = (PictureTicket){.id = event->number,
                                              .class_index = event->class_index,
                                              .is_priority = event->is_priority,
                                              .issued = event->minute};
    picture->ticket_count++;
    picture->event++;
    if (!guest->has_guess)
        return;
    roll_estimate(room->walk, picture, room->waits);
    guest->guesses[GUESS_ROLL] = room->waits[index];
    roll_samples_run(room->samples, picture);
    guest->guesses[GUESS_SAMPLES] = roll_samples_wait(room->samples, index, 0.5);
    guest->raw = roll_samples_wait(room->samples, index, CALIBRATION_START);
    guest->calibrated = roll_samples_wait(room->samples, index, room->level);
}

/* --- Measuring ------------------------------------------------------------------------------ */

static void score(Score *score, double guess, double longest, double actual)
{
    double wrong = fmin(guess, longest) - actual;
    score->sum += fabs(wrong);
    score->squares += wrong * wrong;
    score->bias += wrong;
    score->within += fabs(wrong) <= NEAR_MINUTES;
    score->count++;
}

static void measure(Room *room, const Guest *guest)
{
    Scores *scores = room->scores;
    double actual = room->picture->now - guest->arrival;
    room->last_wait = actual;
    if (actual > 0) {
        room->last_waits[room->wait_count++ % LAST_WAITS] = actual;
        room->wait_sum += actual;
        room->average = .9 * room->average + .1 * actual;
    }
    if (!guest->has_guess)
        return;
    for (unsigned i = 0; i < GUESS_COUNT; i++)
        score(&scores->scores[i], guest->guesses[i], room->picture->closes - guest->arrival,
              actual);
    scores->called++;
    scores->waited += actual;
    scores->below_median += actual <= guest->guesses[GUESS_SAMPLES];
    scores->below_raw += actual <= guest->raw;
    scores->below_calibrated += actual <= guest->calibrated;
    room->level = calibration_after(room->level, actual <= guest->calibrated);
}

/* Takes a ticket out; false when it does not wait. */
static bool take_out(Room *room, int64_t id, Guest *ret_guest, PictureTicket *ret_ticket)
{
    WaitPicture *picture = room->picture;
    for (unsigned i = 0; i < picture->ticket_count; i++) {
        if (room->guests[i].id != id)
            continue;
        *ret_guest = room->guests[i];
        *ret_ticket = picture->tickets[i];
        picture->ticket_count--;
        for (unsigned j = i; j < picture->ticket_count; j++) {
            room->guests[j] = room->guests[j + 1];
            picture->tickets[j] = picture->tickets[j + 1];
        }
        return true;
    }
    return false;
}

static void call(Room *room, const WaitEvent *event)
{
    WaitPicture *picture = room->picture;
    Guest guest;
    PictureTicket ticket;
    if (event->counter >= picture->counter_count ||
        !take_out(room, event->number, &guest, &ticket)) {
        room->scores->refused++;
        return;
    }
    picture->normal_since = fairness_after(ticket.is_priority, picture->normal_since);
    measure(room, &guest);
    PictureCounter *counter = &picture->counters[event->counter];
    counter->is_signed_in = counter->is_busy = counter->may_be_absent = true;
    counter->current_class = ticket.class_index;
    counter->busy_since = event->minute;
}

static void finish(Room *room, const WaitEvent *event)
{
    PictureCounter *counter = &room->picture->counters[event->number];
    if (!counter->is_busy) {
        room->scores->refused++;
        return;
    }
    double minutes = event->minute - counter->busy_since;
    counter->is_busy = false;
    if (event->kind == WAIT_ABSENT) {
        learned_no_show(room->learned);
        return;
    }
    learned_service(room->learned, counter->current_class, minutes);
    room->mean_service += .05 * (minutes - room->mean_service);
}

/* --- The log -------------------------------------------------------------------------------- */

void room_end_day(Room *room)
{
    for (unsigned i = 0; i < room->picture->ticket_count; i++)
        room->scores->uncalled += room->guests[i].has_guess;
    room->picture->ticket_count = 0;
}

static void begin_day(Room *room, const WaitEvent *event)
{
    room_end_day(room);
    if (room->learned->class_count != (unsigned)event->number)
        learned_init(room->learned, (unsigned)event->number, DEFAULT_MINUTES);
    *room->picture = (WaitPicture){
        .closes = event->minute,
        .event = room->picture->event,
        .rule.ratio = room->ratio,
        .normal_since = room->ratio,
        .learned = room->learned,
    };
    room->recent_begin = room->recent_end;
    room->last_wait = 0;
}

static void plan(Room *room, const WaitEvent *event)
{
    WaitPicture *picture = room->picture;
    picture->counter_count = MAX(picture->counter_count, (unsigned)event->number + 1);
    PictureCounter *counter = &picture->counters[event->number];
    counter->classes = UINT32_MAX >> (CLASSES_MAX - room->learned->class_count);
    if (!plan_add(&counter->plan, event->minute, event->until))
        room->scores->refused++;
}

static void open(Room *room, const WaitEvent *event)
{
    PictureCounter *counter = &room->picture->counters[event->number];
    double start = plan_start_of(&counter->plan, event->minute);
    if (!isnan(start) && !counter->is_signed_in)
        learned_opening(room->learned, event->minute - start);
    counter->is_signed_in = true;
}

void room_event(Room *room, const WaitEvent *event)
{
    if (event->kind != WAIT_DAY && event->kind != WAIT_PLAN)
        room->picture->now = event->minute;
    if (event->kind != WAIT_DAY && !room->picture->learned) {
        room->scores->refused++;
        return;
    }
    Guest guest;
    PictureTicket ticket;
    switch (event->kind) {
    case WAIT_DAY:
        begin_day(room, event);
        break;
    case WAIT_PLAN:
        plan(room, event);
        break;
    case WAIT_OPEN:
        open(room, event);
        break;
    case WAIT_SHUT:
        room->picture->counters[event->number].is_signed_in = false;
        break;
    case WAIT_ARRIVE:
        arrive(room, event);
        break;
    case WAIT_CALL:
        call(room, event);
        break;
    case WAIT_FINISH:
    case WAIT_ABSENT:
        finish(room, event);
        break;
    case WAIT_LEAVE:
        if (!take_out(room, event->number, &guest, &ticket))
            room->scores->refused++;
        break;
    }
}
