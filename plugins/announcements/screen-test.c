/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Ticker, banner and emergency on a recorded display. */
#include "plugins/announcements/announcements.h"
#include "plugins/testing_display.h"

typedef struct {
    Announcements announcements;
    Serambi *self;
} Room;

static Room *room_new(void)
{
    Room *room = g_new0(Room, 1);
    room->self = house_new(&room->announcements, NULL);
    g_assert_true(screen_start(room->self, NULL));
    return room;
}

static void room_free(Room *room)
{
    screen_stop(room->self);
    house_free(room->self);
    g_free(room);
}

/* "[{...}]" */
static void tell(Room *room, const char *list)
{
    house_tell(room->self, screen_watches, "announcements:live",
               json_pack("{s:o}", "announcements", json_loads(list, 0, NULL)));
}

static const char *look(Room *room, const char *layer)
{
    return house_look(room->self, screen_layers, layer);
}

static void test_ticker(void)
{
    Room *room = room_new();
    g_assert_null(look(room, "ticker"));
    tell(room, "[{\"urgency\":\"normal\",\"text\":{\"en\":\"One\\nline\",\"id\":\"Satu\"}},"
               "{\"urgency\":\"normal\",\"text\":{\"ar\":\"two\"}}]");
    g_assert_cmpstr(look(room, "ticker"), ==,
                    "gliding Satu      \xe2\x80\xa2      One line      \xe2\x80\xa2      two\n");
    g_assert_null(look(room, "banner"));
    /* The same again does not begin anew. */
    int64_t start_us = room->announcements.notices.ticker_start_us;
    room->self->now_us += G_USEC_PER_SEC;
    tell(room, "[{\"urgency\":\"normal\",\"text\":{\"en\":\"One\\nline\",\"id\":\"Satu\"}},"
               "{\"urgency\":\"normal\",\"text\":{\"ar\":\"two\"}}]");
    g_assert_null(look(room, "ticker"));
    g_assert_cmpint(room->announcements.notices.ticker_start_us, ==, start_us);
    tell(room, "[]");
    g_assert_cmpstr(look(room, "ticker"), ==, "");
    room_free(room);
}

static void test_banner_and_takeover(void)
{
    Room *room = room_new();
    tell(room, "[{\"urgency\":\"emergency\",\"text\":{\"en\":\"Leave\",\"id\":\"Keluar\"}},"
               "{\"urgency\":\"urgent\",\"text\":{\"en\":\"New\"}},"
               "{\"urgency\":\"urgent\",\"text\":{\"en\":\"Old\"}}]");
    g_assert_cmpstr(look(room, "banner"), ==, "plate amber_plate\nheading New\n");
    g_assert_cmpstr(look(room, "takeover"), ==,
                    "plate red\nplate paper\nheading screen.emergency@id\ntitle Keluar\n"
                    "body Leave\n");
    g_assert_null(look(room, "takeover"));
    tell(room, "[{\"urgency\":\"urgent\",\"text\":{\"en\":\"Old\"}}]");
    g_assert_cmpstr(look(room, "takeover"), ==, "");
    g_assert_cmpstr(look(room, "banner"), ==, "plate amber_plate\nheading Old\n");
    room_free(room);
}

static void test_odd_messages(void)
{
    Room *room = room_new();
    tell(room, "{}");
    tell(room, "[1, {}, {\"text\":5,\"urgency\":\"urgent\"}, {\"urgency\":\"emergency\"}]");
    (void)look(room, "banner");
    (void)look(room, "takeover");
    g_assert_null(look(room, "ticker"));
    room_free(room);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/announcements-screen/ticker", test_ticker);
    g_test_add_func("/announcements-screen/banner-and-takeover", test_banner_and_takeover);
    g_test_add_func("/announcements-screen/odd-messages", test_odd_messages);
    return g_test_run();
}
