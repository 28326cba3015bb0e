/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The loudspeaker on a recorded display: order, one at a time, stale and repeated messages, quiet,
 * emergencies. */
#include "plugins/testing_display.h"
#include "plugins/voice/voice.h"

typedef struct {
    Voice voice;
    Serambi *self;
} Room;

static Room *room_new(void)
{
    Room *room = g_new0(Room, 1);
    room->self = house_new(&room->voice, NULL);
    g_assert_true(speaker_start(room->self, NULL));
    return room;
}

static void tell_line(Room *room, json_t *entries)
{
    house_tell(room->self, speaker_watches, "voice:line", json_pack("{s:o}", "line", entries));
}

/* A display that has run for a while: nothing waited when it started. */
static Room *room_new_running(void)
{
    Room *room = room_new();
    tell_line(room, json_array());
    return room;
}

static void room_free(Room *room)
{
    speaker_stop(room->self);
    house_free(room->self);
    g_free(room);
}

static void manner(Room *room, const char *languages, int repeat, int volume, bool is_quiet)
{
    house_tell(room->self, speaker_watches, "voice:settings",
               json_pack("{s:o, s:i, s:i, s:b}", "languages", json_loads(languages, 0, NULL),
                         "repeat", repeat, "volume", volume, "quiet", (int)is_quiet));
}

static json_t *call_body(int id, const char *ticket, int64_t called_us, bool is_recall)
{
    return json_pack("{s:i, s:s, s:s, s:I, s:b}", "call", id, "ticket", ticket, "counter", "3",
                     "called_us", (json_int_t)called_us, "recall", (int)is_recall);
}

static void call(Room *room, int id, const char *ticket, int64_t called_us)
{
    house_tell(room->self, speaker_watches, "queue:calls", call_body(id, ticket, called_us, false));
}

static void recall(Room *room, int id, const char *ticket)
{
    house_tell(room->self, speaker_watches, "queue:calls",
               call_body(id, ticket, room->self->now_us, true));
}

static void announce(Room *room, const char *announcements)
{
    house_tell(room->self, speaker_watches, "announcements:live",
               json_pack("{s:o}", "announcements", json_loads(announcements, 0, NULL)));
}

static void say(Room *room, int id, const char *text)
{
    house_tell(room->self, speaker_watches, "voice:say",
               json_pack("{s:i, s:s, s:s, s:I}", "id", id, "language", "en", "text", text, "at_us",
                         (json_int_t)room->self->now_us));
}

/* Ends the parts one by one, each after a second, until nothing is spoken; never two at once. */
static void speak_all(Room *room)
{
    while (room->self->clips->len > 0) {
        g_assert_cmpuint(room->self->clips->len, ==, 1);
        room->self->now_us += G_USEC_PER_SEC;
        house_end_clip(room->self, house_clip(room->self, 0), NULL);
    }
}

static void test_call(void)
{
    Room *room = room_new_running();
    manner(room, "[\"id\",\"en\"]", 2, 80, false);
    int64_t begin_us = room->self->now_us;
    call(room, 1, "A01", begin_us);
    g_assert_cmpint(house_clip(room->self, 0)->start_us, ==, begin_us + 80000);
    g_assert_cmpfloat(house_clip(room->self, 0)->gain_db, ==, 0);
    room->self->now_us += G_USEC_PER_SEC;
    house_end_clip(room->self, house_clip(room->self, 0), NULL);
    /* A short silence between the chime and the words. */
    g_assert_cmpint(house_clip(room->self, 0)->start_us - room->self->now_us, ==, 350000);
    speak_all(room);
    g_assert_cmpstr(room->self->made->str, ==,
                    "chime:call\n"
                    "speak:id:screen.call@id A-0-1 3\nspeak:en:screen.call@en A-0-1 3\n"
                    "speak:id:screen.call@id A-0-1 3\nspeak:en:screen.call@en A-0-1 3\n");
    room_free(room);
}

static void test_order(void)
{
    Room *room = room_new_running();
    manner(room, "[\"ar\"]", 1, 40, false);
    call(room, 1, "A1", room->self->now_us);
    say(room, 1, "Closing.");
    call(room, 2, "A2", room->self->now_us);
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    g_assert_cmpfloat(house_clip(room->self, 0)->gain_db, <, -6);
    speak_all(room);
    g_assert_cmpstr(room->self->made->str, ==,
                    "chime:call\nspeak:ar:screen.call@ar A-1 3\nchime:call\nspeak:en:Closing.\n"
                    "chime:call\nspeak:ar:screen.call@ar A-2 3\n");
    room_free(room);
}

/* Said within a minute or not at all. */
static void test_stale(void)
{
    Room *room = room_new_running();
    call(room, 1, "A1", room->self->now_us - 61 * G_USEC_PER_SEC);
    g_assert_cmpuint(room->self->made->len, ==, 0);
    for (int i = 2; i < 10; i++)
        call(room, i, "B1", room->self->now_us);
    room->self->now_us += 70 * G_USEC_PER_SEC;
    speak_all(room); /* the first goes on to its end, the others are dropped */
    g_assert_cmpstr(room->self->made->str, ==, "chime:call\nspeak:id:screen.call@id B-1 3\n");
    call(room, 10, "C1", room->self->now_us);
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    room_free(room);
}

static void test_repeats(void)
{
    Room *room = room_new_running();
    int64_t now_us = room->self->now_us;
    call(room, 5, "A1", now_us);
    speak_all(room);
    g_string_truncate(room->self->made, 0);
    call(room, 5, "A1", now_us); /* a reconnect brings the newest again */
    g_assert_cmpuint(room->self->made->len, ==, 0);
    call(room, 1, "A1", room->self->now_us); /* a new database counts from one */
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    speak_all(room);
    call(room, 2, "A2", room->self->now_us);
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    room_free(room);
}

static void test_quiet(void)
{
    Room *room = room_new_running();
    call(room, 1, "A1", room->self->now_us);
    call(room, 2, "A2", room->self->now_us);
    manner(room, "[\"id\"]", 1, 80, true);
    g_assert_cmpuint(room->self->clips->len, ==, 0); /* in the middle of a word */
    call(room, 3, "A3", room->self->now_us);
    say(room, 1, "Hello.");
    manner(room, "[\"id\"]", 1, 0, false); /* no volume is quiet as well */
    call(room, 4, "A4", room->self->now_us);
    g_assert_cmpuint(room->self->clips->len, ==, 0);
    manner(room, "[\"id\"]", 1, 80, false);
    g_string_truncate(room->self->made, 0);
    call(room, 5, "A5", room->self->now_us);
    speak_all(room);
    g_assert_cmpstr(room->self->made->str, ==, "chime:call\nspeak:id:screen.call@id A-5 3\n");
    room_free(room);
}

static void test_failures(void)
{
    Room *room = room_new_running();
    g_autoptr(GError) error = g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_FAILED, "no worker");
    call(room, 1, "A1", room->self->now_us);
    house_end_clip(room->self, house_clip(room->self, 0), error);
    g_assert_true(g_str_has_prefix(house_clip(room->self, 0)->source, "speak:id:"));
    speak_all(room);
    /* No clip can be made: nothing hangs, and the next call is said when it can. */
    room->self->refuses_clips = true;
    call(room, 2, "A2", room->self->now_us);
    room->self->refuses_clips = false;
    call(room, 3, "A3", room->self->now_us);
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    /* A part that never ends gives way. */
    g_string_truncate(room->self->made, 0);
    room->self->now_us += 91 * G_USEC_PER_SEC;
    speaker_timers[0].on_tick(room->self);
    g_assert_cmpstr(room->self->made->str, ==, "speak:id:screen.call@id A-3 3\n");
    room_free(room);
}

static void test_flood(void)
{
    Room *room = room_new_running();
    for (int i = 1; i <= 1000; i++)
        call(room, i, "A1", room->self->now_us);
    g_assert_cmpuint(g_queue_get_length(&room->voice.waiting), <=, 60);
    /* What was heard of is not remembered for ever either. */
    for (int i = 1001; i <= 5000; i++) {
        room->self->now_us += G_USEC_PER_SEC;
        call(room, i, "A1", room->self->now_us);
    }
    g_assert_cmpuint(g_hash_table_size(room->voice.taken), <=, 1000);
    room_free(room);
}

/* Who presses "call again" four times is heard once more. */
static void test_recall(void)
{
    Room *room = room_new_running();
    call(room, 1, "A1", room->self->now_us);
    recall(room, 2, "A1"); /* it is being said */
    call(room, 3, "B1", room->self->now_us);
    recall(room, 4, "B1"); /* it waits */
    speak_all(room);
    g_assert_cmpstr(room->self->made->str, ==,
                    "chime:call\nspeak:id:screen.call@id A-1 3\n"
                    "chime:call\nspeak:id:screen.call@id B-1 3\n");
    g_string_truncate(room->self->made, 0);
    for (int i = 5; i < 9; i++)
        recall(room, i, "A1");
    speak_all(room);
    g_assert_cmpstr(room->self->made->str, ==, "chime:call\nspeak:id:screen.call@id A-1 3\n");
    room_free(room);
}

/* Power came back: the newest call comes by its feed before the line tells what else was not
 * said. All are said, in their order, and each once. */
static void test_start(void)
{
    Room *room = room_new();
    int64_t now_us = room->self->now_us, second = G_USEC_PER_SEC;
    call(room, 9, "A9", now_us - 5 * second);
    g_assert_cmpuint(room->self->clips->len, ==, 0);
    json_t *line = json_array();
    static const char *const tickets[] = {"A6", "A7", "A8", "A9"};
    for (int i = 0; i < 4; i++)
        json_array_append_new(
            line,
            json_pack("{s:s, s:o}", "kind", "call", "body",
                      call_body(6 + i, tickets[i],
                                i == 0 ? now_us - 61 * second : now_us - (8 - i) * second, false)));
    json_array_append_new(line, json_pack("{s:s, s:{s:i, s:s, s:s, s:I}}", "kind", "say", "body",
                                          "id", 1, "language", "en", "text", "Closing.", "at_us",
                                          (json_int_t)(now_us - 4 * second)));
    tell_line(room, line);
    speak_all(room);
    g_assert_cmpstr(room->self->made->str, ==,
                    "chime:call\nspeak:id:screen.call@id A-7 3\n"
                    "chime:call\nspeak:id:screen.call@id A-8 3\n"
                    "chime:call\nspeak:id:screen.call@id A-9 3\n"
                    "chime:call\nspeak:en:Closing.\n");
    room_free(room);
    /* Without a line, from a server that has no voice, nothing waits for ever. */
    room = room_new();
    call(room, 1, "A1", room->self->now_us);
    g_assert_cmpuint(room->self->clips->len, ==, 0);
    room->self->now_us += 2 * second;
    speaker_timers[0].on_tick(room->self);
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    room_free(room);
}

/* The kit's clock begins on a Monday at 8:00 UTC, 15:00 in Jakarta. */
static void tell_hours(Room *room, const char *hours)
{
    house_tell(room->self, speaker_watches, "voice:settings",
               json_pack("{s:[s], s:i, s:i, s:s, s:i, s:o}", "languages", "id", "repeat", 1,
                         "volume", 80, "zone", "Asia/Jakarta", "expire_seconds", 600, "quiet_hours",
                         json_loads(hours, 0, NULL)));
}

static void test_quiet_hours(void)
{
    static const struct {
        const char *hours;
        bool is_heard;
    } table[] = {
        {"[]", true},
        {"[{\"days\":[1],\"from\":\"15:00\",\"to\":\"15:01\"}]", false},
        {"[{\"days\":[1],\"from\":\"14:00\",\"to\":\"15:00\"}]", true},
        {"[{\"days\":[1],\"from\":\"08:00\",\"to\":\"09:00\"}]", true}, /* not in UTC */
        {"[{\"days\":[2,7],\"from\":\"00:00\",\"to\":\"24:00\"}]", true},
        {"[{\"days\":[7],\"from\":\"22:00\",\"to\":\"15:30\"}]", false}, /* since Sunday */
        {"[{\"days\":[1],\"from\":\"22:00\",\"to\":\"15:30\"}]", true},
        {"[{\"days\":[5],\"from\":\"11:30\",\"to\":\"13:00\"},"
         "{\"days\":[1,2],\"from\":\"12:00\",\"to\":\"24:00\"}]",
         false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        Room *room = room_new_running();
        tell_hours(room, table[i].hours);
        call(room, 1, "A1", room->self->now_us);
        g_assert_cmpuint(room->self->clips->len, ==, table[i].is_heard ? 1 : 0);
        room_free(room);
    }
    /* What waits when they begin is not said; the sentence that is being said ends. */
    Room *room = room_new_running();
    tell_hours(room, "[{\"days\":[1],\"from\":\"15:05\",\"to\":\"15:06\"}]");
    room->self->now_us += 299 * G_USEC_PER_SEC;
    call(room, 1, "A1", room->self->now_us);
    call(room, 2, "A2", room->self->now_us);
    speak_all(room);
    g_assert_cmpstr(room->self->made->str, ==, "chime:call\nspeak:id:screen.call@id A-1 3\n");
    room->self->now_us += 60 * G_USEC_PER_SEC;
    call(room, 3, "A3", room->self->now_us);
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    room_free(room);
}

static void test_expiry_is_a_setting(void)
{
    Room *room = room_new_running();
    tell_hours(room, "[]"); /* 600 seconds */
    call(room, 1, "A1", room->self->now_us - 599 * G_USEC_PER_SEC);
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    call(room, 2, "A2", room->self->now_us - 600 * G_USEC_PER_SEC);
    call(room, 3, "A3", room->self->now_us + 600 * G_USEC_PER_SEC); /* the clock was set back */
    speak_all(room);
    g_assert_cmpstr(room->self->made->str, ==, "chime:call\nspeak:id:screen.call@id A-1 3\n");
    room_free(room);
}

#define FIRE "{\"id\":1,\"urgency\":\"emergency\",\"text\":{\"id\":\"Keluar!\",\"en\":\"Leave!\"}}"
#define RAIN "{\"id\":2,\"urgency\":\"urgent\",\"text\":{\"id\":\"Hujan.\"}}"
#define COLD "{\"id\":3,\"urgency\":\"emergency\",\"text\":{\"ar\":\"اخرجوا\"}}"

static void test_emergency(void)
{
    Room *room = room_new_running();
    manner(room, "[\"en\",\"id\"]", 1, 20, false);
    call(room, 1, "A1", room->self->now_us);
    room->self->now_us += G_USEC_PER_SEC;
    house_end_clip(room->self, house_clip(room->self, 0), NULL);
    call(room, 2, "A2", room->self->now_us);
    g_string_truncate(room->self->made, 0);
    /* In the middle of a word, and louder than the rest. */
    announce(room, "[" FIRE "," RAIN "]");
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    g_assert_cmpstr(house_clip(room->self, 0)->source, ==, "chime:call");
    g_assert_cmpfloat(house_clip(room->self, 0)->gain_db, ==, 0);
    speak_all(room);
    g_assert_cmpstr(room->self->made->str, ==,
                    "chime:call\nspeak:en:Leave!\nspeak:id:Keluar!\n"
                    "chime:call\nspeak:en:screen.call@en A-1 3\nspeak:id:screen.call@id A-1 3\n"
                    "chime:call\nspeak:en:screen.call@en A-2 3\nspeak:id:screen.call@id A-2 3\n");
    /* Heard of again it is not said again, until a minute has gone; then even if all is quiet. */
    g_string_truncate(room->self->made, 0);
    manner(room, "[\"en\"]", 1, 0, true);
    announce(room, "[" FIRE "]");
    speaker_timers[0].on_tick(room->self);
    g_assert_cmpuint(room->self->made->len, ==, 0);
    room->self->now_us += 60 * G_USEC_PER_SEC;
    speaker_timers[0].on_tick(room->self);
    speak_all(room);
    g_assert_cmpstr(room->self->made->str, ==, "chime:call\nspeak:en:Leave!\n");
    /* One that has none of the languages is said in what it has; a withdrawn one is cut off. */
    g_string_truncate(room->self->made, 0);
    announce(room, "[" COLD "]");
    speak_all(room);
    g_assert_cmpstr(room->self->made->str, ==, "chime:call\nspeak:ar:اخرجوا\n");
    announce(room, "[" FIRE "]");
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    announce(room, "[]");
    g_assert_cmpuint(room->self->clips->len, ==, 0);
    room->self->now_us += 600 * G_USEC_PER_SEC;
    speaker_timers[0].on_tick(room->self);
    g_assert_cmpuint(room->self->clips->len, ==, 0);
    room_free(room);
}

/* 300 Arabic characters are 600 bytes: said in two sentences, none of them lost. */
static void test_long_text(void)
{
    Room *room = room_new_running();
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 60; i++)
        g_string_append(text, i == 30 ? "نعم. " : "كتاب ");
    say(room, 1, text->str);
    speak_all(room);
    g_auto(GStrv) made = g_strsplit(room->self->made->str, "\n", -1);
    g_assert_cmpuint(g_strv_length(made), >=, 4);
    size_t words = 0;
    for (char **line = made + 1; **line; line++) {
        g_assert_true(g_str_has_prefix(*line, "speak:en:"));
        g_assert_cmpuint(strlen(*line), <=, strlen("speak:en:") + VOICE_TEXT_MAX);
        g_assert_true(g_utf8_validate(*line, -1, NULL));
        g_auto(GStrv) said = g_strsplit(*line + strlen("speak:en:"), " ", -1);
        words += g_strv_length(said);
    }
    g_assert_cmpuint(words, ==, 60);
    /* One endless word is cut between characters. */
    g_string_truncate(room->self->made, 0);
    g_string_truncate(text, 0);
    for (int i = 0; i < 300; i++)
        g_string_append(text, "ك");
    say(room, 2, text->str);
    speak_all(room);
    g_assert_true(g_utf8_validate(room->self->made->str, -1, NULL));
    room_free(room);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/speaker/call", test_call);
    g_test_add_func("/speaker/order", test_order);
    g_test_add_func("/speaker/stale", test_stale);
    g_test_add_func("/speaker/repeats", test_repeats);
    g_test_add_func("/speaker/quiet", test_quiet);
    g_test_add_func("/speaker/failures", test_failures);
    g_test_add_func("/speaker/flood", test_flood);
    g_test_add_func("/speaker/recall", test_recall);
    g_test_add_func("/speaker/start", test_start);
    g_test_add_func("/speaker/quiet-hours", test_quiet_hours);
    g_test_add_func("/speaker/expiry", test_expiry_is_a_setting);
    g_test_add_func("/speaker/emergency", test_emergency);
    g_test_add_func("/speaker/long-text", test_long_text);
    return g_test_run();
}
