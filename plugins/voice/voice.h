/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The voice: what its files share.
 *
 * settings.c   the server half: how the loudspeakers speak
 * manner.c     the same, as both halves read it
 * wishes.c     the server half: what staff want said
 * line.c       the server half: all that is still to be said, for a display that starts
 * speaker.c    the display half: one utterance after the other, never two at once
 * utterance.c  one of them: chime, sentences, when it is due and when it is too late
 * emergency.c  the display half: an emergency goes before everything
 * quiet.c      hours in which nothing is said
 * phrase.c     how a call is said in a language */
#pragma once
#include "core/plugin.h"

#define VOICE_LANGUAGES       3
#define VOICE_QUIET_HOURS_MAX 14  /* two for each day of the week */
#define VOICE_TEXT_MAX        480 /* bytes of one spoken sentence; a longer one is cut in two */
/* A call that was not begun so soon is not said; a setting. */
#define VOICE_EXPIRE_S     60
#define VOICE_EXPIRE_S_MIN 10
#define VOICE_EXPIRE_S_MAX 600

/* How a ticket's number is said: "0, 1, 2", which survives noise, or "12". */
typedef enum { VOICE_DIGITS = 1, VOICE_FULL } VoiceNumbers;

/* Quiet from one minute of the day to another, on days of the week. */
typedef struct {
    uint32_t days; /* bit 1 Monday ... bit 7 Sunday */
    int from, to;  /* minutes after midnight, 0 to 1440; to below from: until the next day */
} VoiceQuiet;

/* Of the group [voice]. */
typedef struct {
    const char *time_zone;
} VoiceSettings;

/* What the loudspeakers do, as published on voice:settings. */
typedef struct {
    char *languages[VOICE_LANGUAGES]; /* in the order in which they are spoken; NULL-padded */
    VoiceNumbers numbers[VOICE_LANGUAGES];
    int64_t repeat; /* how often a call is said, 1 to 3 */
    int64_t expire_us;
    double gain_db;
    bool is_quiet; /* until somebody turns it off */
    VoiceQuiet quiet[VOICE_QUIET_HOURS_MAX];
    size_t quiet_count;
    GTimeZone *zone;
} VoiceManner;

/* The higher, the sooner. */
typedef enum { VOICE_ORDINARY = 1, VOICE_EMERGENCY } VoiceRank;

typedef struct Utterance {
    VoiceRank rank;
    GPtrArray *sources; /* of char *: "chime:call", "speak:id:..." */
    guint next;         /* of them */
    int64_t due_us;     /* when it was asked for */
    int64_t number;     /* among those of the same time */
    char *about;        /* "A012 3": a second one about the same is not wanted; or NULL */
} Utterance;

typedef struct {
    GQueue waiting;    /* Utterance, the next one first */
    Utterance *spoken; /* now; NULL when silent */
    SerambiClip *part; /* of it */
    int64_t part_us;   /* when it was asked for */
    VoiceManner manner;
    GHashTable *taken; /* "call 5 at 1795...": what was heard of, and until when that matters */
    bool is_caught_up; /* what waited before this display started is known */
    int64_t began_us;  /* waiting for that */
    /* emergency.c */
    json_t *emergencies; /* array of announcements; NULL */
    int64_t alarm_us;    /* when they were last said */
} Voice;

/* phrase.c: 0 to 999 as one number, "A, 0, 1, 2", and the whole sentence; g_free(). service: the
 * name of the service in that language, said first; NULL: not said. */
char *phrase_number(Serambi *self, const char *language, int number);
char *phrase_ticket(Serambi *self, const char *language, const char *ticket, VoiceNumbers numbers);
char *phrase_call(Serambi *self, const char *language, const char *ticket, const char *counter,
                  const char *service, VoiceNumbers numbers);

/* quiet.c. Reads [{"days":[1,7],"from":"12:00","to":"13:30"}]; false, and nothing changed, when it
 * is something else or has more than VOICE_QUIET_HOURS_MAX. */
bool quiet_read(const json_t *list, VoiceQuiet *ret_hours, size_t *ret_count);
bool quiet_covers(const VoiceQuiet *hours, size_t count, GTimeZone *zone, int64_t now_us);

/* utterance.c. It begins with the chime. */
Utterance *utterance_new(VoiceRank rank, int64_t due_us, int64_t number, const char *about);
void utterance_free(Utterance *utterance);
/* Adds a text; one longer than a sentence may be becomes several. */
void utterance_add(Utterance *utterance, const char *language, const char *text);
/* Puts it in its place: emergencies first, then by time, then by number. */
void utterance_queue(GQueue *waiting, Utterance *utterance);
/* Takes out what is about the same. */
void utterance_forget(GQueue *waiting, VoiceRank rank, const char *about);

/* manner.c: both halves. */
bool manner_is_language(const char *text);
VoiceNumbers manner_numbers(const json_t *value); /* "digits", "full"; 0: neither */
/* Fills *manner from voice:settings. */
void manner_read(VoiceManner *manner, const json_t *body);
void manner_clear(VoiceManner *manner);
/* Nothing is to be said now. */
bool manner_is_silent(const VoiceManner *manner, int64_t now_us);

/* settings.c */
extern const char *const voice_migrations[];
/* What is published on voice:settings, new reference; NULL with error set. */
json_t *settings_json(Serambi *self, GError **error);
void settings_handle_read(Serambi *self, SerambiRequest *request);
void settings_handle_change(Serambi *self, SerambiRequest *request);

/* wishes.c */
extern const SerambiRoute wishes_routes[];
extern const SerambiTopic wishes_topics[];
bool wishes_start(Serambi *self, GError **error);

/* line.c. Notes what is to be said, and publishes all that is not too old; takes body. */
bool line_add(Serambi *self, const char *kind, int64_t number, int64_t at_us, json_t *body,
              GError **error);
bool line_publish(Serambi *self, GError **error);
extern const SerambiWatch line_watches[];

/* speaker.c */
extern const SerambiWatch speaker_watches[];
extern const SerambiTimer speaker_timers[];
bool speaker_start(Serambi *self, GError **error);
void speaker_stop(Serambi *self);
/* Says it in its turn; an emergency at once. Takes utterance. */
void speaker_say(Serambi *self, Utterance *utterance);
/* Stops what is spoken now; it is not said again. */
void speaker_cut(Serambi *self);
/* Starts the next part when nothing is spoken. */
void speaker_go_on(Serambi *self);

/* emergency.c */
void emergency_on_live(Serambi *self, const char *channel, const json_t *body);
/* Says again what is still true; once a second. */
void emergency_tick(Serambi *self);
void emergency_stop(Voice *voice);
