/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The loudspeaker on a recorded display: order, one at a time, stale and repeated messages, quiet.
 */
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

static void call(Room *room, int id, const char *ticket, int64_t called_us)
{
    house_tell(room->self, speaker_watches, "queue:calls",
               json_pack("{s:i, s:s, s:s, s:I, s:b}", "call", id, "ticket", ticket, "counter", "3",
                         "called_us", (json_int_t)called_us, "recall", 0));
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
    Room *room = room_new();
    manner(room, "[\"id\",\"en\"]", 2, 80, false);
    int64_t begin_us = room->self->now_us;
    call(room, 1, "A01", begin_us);
    g_assert_cmpint(house_clip(room->self, 0)->start_us, ==, begin_us);
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
    Room *room = room_new();
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
    Room *room = room_new();
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
    Room *room = room_new();
    int64_t now_us = room->self->now_us;
    call(room, 5, "A1", now_us);
    speak_all(room);
    g_string_truncate(room->self->made, 0);
    call(room, 5, "A1", now_us); /* a reconnect brings the newest again */
    call(room, 4, "A0", now_us - 1000);
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
    Room *room = room_new();
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
    Room *room = room_new();
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
    Room *room = room_new();
    for (int i = 1; i <= 1000; i++)
        call(room, i, "A1", room->self->now_us);
    g_assert_cmpuint(g_queue_get_length(&room->voice.waiting), <=, 50);
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
    return g_test_run();
}
