/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The voice: what its files share.
 *
 * wishes.c   the server half: languages, volume, quiet, and what staff want said
 * speaker.c  the display half: one utterance after the other, never two at once
 * phrase.c   how a call is said in a language */
#pragma once
#include "core/plugin.h"

/* What the loudspeakers do, as published on voice:settings. */
typedef struct {
    char *languages[3]; /* in the order in which they are spoken; NULL-padded; owned */
    int64_t repeat;     /* how often a call is said, 1 to 3 */
    double gain_db;
    bool is_quiet;
} VoiceManner;

/* The newest message of a feed that was taken. */
typedef struct {
    int64_t id, at_us;
} VoiceTaken;

typedef struct {
    GQueue waiting;           /* Utterance, oldest first */
    struct Utterance *spoken; /* now; NULL when silent */
    SerambiClip *part;        /* of it */
    int64_t part_us;          /* when it was asked for */
    VoiceManner manner;
    VoiceTaken last_call, last_wish; /* so that a reconnect repeats nothing */
} Voice;

/* How a ticket's number is said: "0, 1, 2", which survives noise, or "12". */
typedef enum { VOICE_DIGITS = 1, VOICE_FULL } VoiceNumbers;

/* phrase.c: 0 to 999 as one number, "A, 0, 1, 2", and the whole sentence; g_free(). service: the
 * name of the service in that language, said first; NULL: not said. */
char *phrase_number(Serambi *self, const char *language, int number);
char *phrase_ticket(Serambi *self, const char *language, const char *ticket, VoiceNumbers numbers);
char *phrase_call(Serambi *self, const char *language, const char *ticket, const char *counter,
                  const char *service, VoiceNumbers numbers);

/* wishes.c */
extern const char *const wishes_migrations[];
extern const SerambiRoute wishes_routes[];
extern const SerambiTopic wishes_topics[];
bool wishes_start(Serambi *self, GError **error);

/* speaker.c */
extern const SerambiWatch speaker_watches[];
extern const SerambiTimer speaker_timers[];
bool speaker_start(Serambi *self, GError **error);
void speaker_stop(Serambi *self);
