/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Board, chip and spotlight on a recorded display. */
#include "plugins/queue/queue.h"
#include "plugins/testing_display.h"

typedef struct {
    Queue queue;
    QueueSettings settings;
    Serambi *self;
} Room;

static Room *room_new(void)
{
    Room *room = g_new0(Room, 1);
    room->settings.spotlight_seconds = 6;
    room->self = house_new(&room->queue, &room->settings);
    g_assert_true(screen_start(room->self, NULL));
    return room;
}

static void room_free(Room *room)
{
    screen_stop(room->self);
    house_free(room->self);
    g_free(room);
}

static void call(Room *room, int id, const char *ticket, int64_t called_us)
{
    house_tell(room->self, screen_watches, "queue:calls",
               json_pack("{s:i, s:s, s:s, s:I}", "call", id, "ticket", ticket, "counter", "3",
                         "called_us", (json_int_t)called_us));
}

static const char *spotlight_after(Room *room, int64_t seconds)
{
    room->self->now_us += seconds * G_USEC_PER_SEC;
    return house_look(room->self, screen_layers, "spotlight");
}

static void test_spotlight(void)
{
    Room *room = room_new();
    g_assert_null(spotlight_after(room, 0));
    call(room, 1, "A001", room->self->now_us);
    call(room, 2, "R002", room->self->now_us);
    g_assert_nonnull(strstr(spotlight_after(room, 0), "called_number A001\n"));
    g_assert_nonnull(strstr(room->self->drawn->str, "heading screen.go_to_counter@id 3\n"));
    g_assert_nonnull(strstr(room->self->drawn->str, "body screen.go_to_counter@ar 3\n"));
    g_assert_null(spotlight_after(room, 5));
    g_assert_nonnull(strstr(spotlight_after(room, 1), "called_number R002\n"));
    g_assert_null(spotlight_after(room, 5));
    g_assert_cmpstr(spotlight_after(room, 1), ==, ""); /* and steps back */
    g_assert_null(spotlight_after(room, 1));
    call(room, 3, "A003", room->self->now_us);
    g_assert_nonnull(strstr(spotlight_after(room, 0), "called_number A003\n"));
    room_free(room);
}

static void test_stale_and_repeated(void)
{
    Room *room = room_new();
    int64_t now_us = room->self->now_us;
    call(room, 1, "A001", now_us - 61 * G_USEC_PER_SEC);
    g_assert_null(spotlight_after(room, 0));
    for (int id = 2; id <= 300; id++)
        call(room, id, "A002", now_us);
    g_assert_cmpuint(g_queue_get_length(&room->queue.screen.calls), <=, 50);
    /* What waited for more than a minute is not shown any more. */
    int shown = 0;
    for (; g_queue_get_length(&room->queue.screen.calls) > 0; shown++)
        (void)spotlight_after(room, 6);
    g_assert_cmpint(shown, <=, 13);
    call(room, 300, "A002", now_us); /* a reconnect */
    g_assert_null(spotlight_after(room, 0));
    call(room, 1, "A001", room->self->now_us); /* a new database */
    g_assert_nonnull(spotlight_after(room, 0));
    room_free(room);
}

static void test_board_and_chip(void)
{
    Room *room = room_new();
    g_assert_nonnull(strstr(house_look(room->self, screen_layers, "board"), "nobody_called"));
    json_t *now = json_array();
    for (int i = 9; i > 0; i--) {
        g_autofree char *ticket = g_strdup_printf("A%03d", i);
        json_array_append_new(now, json_pack("{s:s, s:s}", "ticket", ticket, "counter", "2"));
    }
    json_t *board = json_pack("{s:o, s:[{s:{s:s}, s:i}]}", "now", now, "waiting", "name", "id",
                              "Peminjaman", "count", 7);
    house_tell(room->self, screen_watches, "queue:board", json_deep_copy(board));
    const char *drawn = house_look(room->self, screen_layers, "board");
    g_assert_nonnull(strstr(drawn, "board_number A009\n"));
    g_assert_nonnull(strstr(drawn, "board_number A004\n"));
    g_assert_null(strstr(drawn, "A003")); /* six rows */
    g_assert_nonnull(strstr(drawn, "small Peminjaman\nsmall 7\n"));
    drawn = house_look(room->self, screen_layers, "chip");
    g_assert_nonnull(strstr(drawn, "A009"));
    /* The same board again draws nothing. */
    house_tell(room->self, screen_watches, "queue:board", board);
    g_assert_null(house_look(room->self, screen_layers, "board"));
    g_assert_null(house_look(room->self, screen_layers, "chip"));
    house_tell(room->self, screen_watches, "queue:board", json_pack("{s:[]}", "now"));
    g_assert_cmpstr(house_look(room->self, screen_layers, "chip"), ==, "");
    room_free(room);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/queue-screen/spotlight", test_spotlight);
    g_test_add_func("/queue-screen/stale-and-repeated", test_stale_and_repeated);
    g_test_add_func("/queue-screen/board-and-chip", test_board_and_chip);
    return g_test_run();
}
