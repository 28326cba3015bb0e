/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The queue: what its files share.
 *
 * tickets.c  the model: numbers, states, who is next; only SQL, no HTTP, no topics
 * fairness.c who of the priority and the normal line goes first; pure
 * board.c    what the world sees: board, calls, ticket states, desk
 * wait.c     the expected wait as a range; wait_read.c fills its picture
 * estimates.c  how good the estimates were, for staff
 * routes.c   the API of phones and counters
 * kiosk.c    the API of the kiosk; receipt.c its paper, printer.c the way there
 * reports.c  days in figures, and the end of old tickets
 * screen.c   the display half: board, chip, spotlight */
#pragma once
#include "core/plugin.h"
#include "plugins/queue/fairness.h"
#include "plugins/queue/wait.h"

typedef struct {
    const char *time_zone;
    int64_t service_minutes;
    int64_t tickets_per_address;
    int64_t spotlight_seconds;
    int64_t priority_ratio;
    int64_t priority_age_minutes;
    const char *printer;
    const char *kiosk_key;
    const char *place;
    int64_t keep_days;
} QueueSettings;

typedef struct {
    GHashTable *issued; /* peer address -> tickets in this window; owned */
    int64_t window_start_us;
    int64_t desk_version;
    Wait *wait;          /* owned */
    bool *is_printing;   /* g_rc_box: the errand of a receipt holds it too */
    char closed_day[11]; /* the days before it are summed up */
    char day[11];        /* of the board that is on disk: at midnight it is made anew */
} QueueServer;

typedef struct {
    char *ticket, *counter;
    int64_t called_us;
} QueueShownCall;

typedef struct {
    json_t *board;                     /* newest value; NULL before the first */
    GQueue calls;                      /* QueueShownCall, to be shown one after the other */
    int64_t shown_until_us;            /* the first of them; 0: it is not yet shown */
    int64_t last_call, last_called_us; /* already taken: a reconnect brings it again */
    bool board_changed, chip_changed;
} QueueScreen;

typedef struct {
    QueueServer server;
    QueueScreen screen;
} Queue;

/* --- tickets.c: inside a savepoint unless noted -------------------------------------------------
 */

extern const char *const tickets_migrations[];

/* A ticket's row as SELECTed by all functions below, as a JSON object:
 * id, service, number, label, secret, state, counter (label or null), version, issued_us. */
#define TICKET_COLUMNS                                                                             \
    "id, service, number, label, secret, state, counter, version, issued_us, sort_us, called_us,"  \
    " shown_ahead, shown_wait, is_untold, class, started_us"

/* A column of a row; 0 when it is NULL. */
int64_t tickets_integer(const json_t *row, const char *name);
/* The local date ("2026-11-23") of a time in the library's zone. */
void tickets_day(Serambi *self, int64_t at_us, char ret_day[11]);

/* The ticket that a request with that key was given before (double tap, retry): the same key gives
 * the same ticket again. New reference; NULL without error when there is none. */
json_t *tickets_by_key(Serambi *self, const char *key, GError **error);
/* Issues the next number of a service for today; the key must be new. New reference; NULL with
 * error, or NULL without error and *ret_code set when refused ("queue.closed",
 * "queue.unknown_service"). */
json_t *tickets_issue(Serambi *self, int64_t service, const char *class, const char *key,
                      const char **ret_code, GError **error);
json_t *tickets_by_secret(Serambi *self, const char *secret, GError **error); /* also in GET */
json_t *tickets_by_id(Serambi *self, int64_t id, GError **error);             /* also in GET */

/* Ends what the counter has and calls the waiting ticket id, or with id 0 the next one that this
 * counter serves, by compare-and-set. The same key gives the same ticket again. NULL without error
 * when nobody waits, or when id does not; then id 0 still has ended what the counter had. */
json_t *tickets_call(Serambi *self, int64_t counter, int64_t id, const char *key, const char *actor,
                     bool *ret_repeated, GError **error);
/* The rule of the settings, and the normal calls since the last priority call; also in GET. */
FairnessRule tickets_rule(Serambi *self);
bool tickets_normal_since(Serambi *self, unsigned *ret_since, GError **error);
/* Today's waiting tickets in the order in which they would be called; also in GET. */
json_t *tickets_line(Serambi *self, GError **error);

typedef struct {
    const char *name; /* of the route and in the audit */
    const char *from; /* states it may come from, each with commas around: ",called,serving," */
    const char *to;   /* NULL: stays as it is */
    bool keeps_counter;
} TicketMove;
extern const TicketMove ticket_moves[]; /* ended by a NULL name */

/* NULL with error; NULL without error when the state does not allow it. The same key (NULL: none)
 * does it once. */
json_t *tickets_move(Serambi *self, int64_t id, const TicketMove *move, int64_t service,
                     const char *key, const char *actor, bool *ret_repeated, GError **error);
/* Takes the ticket's last change back, within a minute and its day. NULL without error when that is
 * no longer possible, also because its counter has somebody else. */
json_t *tickets_undo(Serambi *self, int64_t id, const char *key, const char *actor, GError **error);
/* Follows the audit's chain from the row after `after` (0: the first), whose hash was previous,
 * over a thousand rows at most: *ret_last is the last one read (0: none), *ret_hash its hash
 * (caller frees), *ret_broken the first that does not fit (0: none). Also in GET. */
bool tickets_check_audit(Serambi *self, int64_t after, const char *previous, int64_t *ret_last,
                         char **ret_hash, int64_t *ret_broken, GError **error);
bool tickets_record_call(Serambi *self, const json_t *ticket, bool is_recall, int64_t *ret_call,
                         GError **error);
/* Ends what earlier days left open: nobody will call it any more. */
bool tickets_end_days(Serambi *self, GError **error);

/* --- board.c: inside a savepoint ----------------------------------------------------------------
 */

/* Publishes board, desk, and the state of each ticket whose place changed. */
bool board_publish(Serambi *self, GError **error);
bool board_publish_call(Serambi *self, const json_t *ticket, bool is_recall, GError **error);
/* The public shape of a ticket; with_id for staff. New reference. */
json_t *board_ticket(Serambi *self, const json_t *row, bool with_id, GError **error);
json_t *board_services(Serambi *self, GError **error); /* also in GET */
extern const SerambiTopic board_topics[];
extern const SerambiTimer board_timers[];
extern const SerambiWatch board_watches[];

/* --- routes.c, screen.c --------------------------------------------------------------------------
 */
extern const SerambiRoute routes_table[];
extern const SerambiWatch screen_watches[];
extern const SerambiLayer screen_layers[];
bool screen_start(Serambi *self, GError **error);
void screen_stop(Serambi *self);
