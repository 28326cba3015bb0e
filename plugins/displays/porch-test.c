/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The porch on a recorded display: hello, code, report, layout; clock and card. */
#include "plugins/displays/displays.h"
#include "plugins/testing_display.h"

typedef struct {
    Displays displays;
    Serambi *self;
} Room;

static Room *room_new(void)
{
    Room *room = g_new0(Room, 1);
    room->self = house_new(&room->displays, NULL);
    g_assert_true(porch_start(room->self, NULL));
    return room;
}

static void room_free(Room *room)
{
    porch_stop(room->self);
    house_free(room->self);
    g_free(room);
}

static void tick(Room *room, bool is_online, bool is_paired)
{
    json_decref(room->self->status);
    room->self->status = json_pack("{s:b, s:b, s:s, s:s, s:i, s:i, s:i}", "online", (int)is_online,
                                   "paired", (int)is_paired, "key", "ab", "proof", "cd", "width",
                                   1920, "height", 1080, "frames", 5);
    porch_timers[0].on_tick(room->self);
}

static const json_t *newest_call(Room *room)
{
    return json_array_get(room->self->calls, json_array_size(room->self->calls) - 1);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void test_pairing(void)
{
    Room *room = room_new();
    tick(room, false, false);
    g_assert_cmpuint(json_array_size(room->self->calls), ==, 0);
    tick(room, true, false); /* the server is there, but does not answer */
    g_assert_cmpstr(text_of(newest_call(room), "route"), ==, "POST /api/displays/hello");
    g_assert_cmpstr(text_of(newest_call(room), "key"), ==, "ab");
    g_assert_cmpstr(text_of(newest_call(room), "proof"), ==, "cd");
    g_assert_null(house_look(room->self, porch_layers, "code"));
    room->self->answer = json_pack("{s:s, s:s}", "state", "waiting", "code", "7KQ2-M8XD");
    tick(room, true, false);
    g_assert_nonnull(strstr(house_look(room->self, porch_layers, "code"), "called_number 7KQ2-M8XD\n"));
    tick(room, true, false);
    g_assert_null(house_look(room->self, porch_layers, "code"));
    g_assert_cmpint(room->self->reconnects, ==, 0);
    json_decref(room->self->answer);
    room->self->answer = json_pack("{s:s, s:s}", "state", "paired", "id", "d1");
    tick(room, true, false);
    g_assert_cmpint(room->self->reconnects, ==, 1);
    g_assert_cmpstr(house_look(room->self, porch_layers, "code"), ==, "");
    /* Let in, it reports, and tells neither key nor proof. */
    tick(room, true, true);
    g_assert_cmpstr(text_of(newest_call(room), "route"), ==, "POST /api/displays/report");
    g_assert_null(json_object_get(newest_call(room), "key"));
    g_assert_null(json_object_get(newest_call(room), "proof"));
    g_assert_cmpint(json_integer_value(json_object_get(newest_call(room), "frames")), ==, 5);
    room_free(room);
}

static void test_layout_and_card(void)
{
    Room *room = room_new();
    g_assert_null(house_look(room->self, porch_layers, "card"));
    house_tell(room->self, porch_watches, "displays:screen.{self}",
               json_pack("{s:s, s:i, s:s}", "layout", "board", "volume", 140, "public_url",
                         "http://192.168.1.5:8080"));
    g_assert_cmpstr(room->self->layout, ==, "board");
    g_assert_cmpint(room->self->volume, ==, 100);
    g_assert_nonnull(
        strstr(house_look(room->self, porch_layers, "card"), "qr http://192.168.1.5:8080\n"));
    g_assert_null(house_look(room->self, porch_layers, "card"));
    room_free(room);
}

static void test_clock(void)
{
    Room *room = room_new();
    g_autofree char *before = g_strdup(house_look(room->self, porch_layers, "clock"));
    g_assert_true(g_str_has_prefix(before, "clock "));
    g_assert_null(house_look(room->self, porch_layers, "clock"));
    room->self->now_us += 59 * G_USEC_PER_SEC;
    g_assert_null(house_look(room->self, porch_layers, "clock"));
    room->self->now_us += G_USEC_PER_SEC;
    g_assert_cmpstr(house_look(room->self, porch_layers, "clock"), !=, before);
    room_free(room);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/porch/pairing", test_pairing);
    g_test_add_func("/porch/layout-and-card", test_layout_and_card);
    g_test_add_func("/porch/clock", test_clock);
    return g_test_run();
}
