/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The player on a recorded display: cuts by the clock, the next clip ready before its time, missing
 * files, captions by time, changed tables. */
#include "plugins/programme/programme.h"
#include "plugins/testing_display.h"

#define SECOND INT64_C(1000000)

typedef struct {
    Programme programme;
    ProgrammeSettings settings;
    Serambi *self;
    int64_t begin_us;
} Room;

static Room *room_new(const char *captions)
{
    Room *room = g_new0(Room, 1);
    room->settings.caption_languages = captions;
    room->self = house_new(&room->programme, &room->settings);
    room->begin_us = room->self->now_us;
    g_assert_true(player_start(room->self, NULL));
    return room;
}

static void room_free(Room *room)
{
    player_stop(room->self);
    house_free(room->self);
    g_free(room);
}

static void keep(Room *room, const char *source, const char *text)
{
    g_hash_table_insert(room->self->kept, g_strdup(source), g_strdup(text));
}

static json_t *slot(const char *media, int seconds)
{
    return json_pack("{s:s, s:I, s:f, s:{s:s, s:s}}", "media", media, "duration_us",
                     (json_int_t)(seconds * SECOND), "gain_db", -2.0, "captions", "id", "cues-id",
                     "en", "cues-en");
}

/* A, B, C of 10, 20 and 30 seconds from start_us on. */
static void tell_table(Room *room, int64_t start_us)
{
    house_tell(room->self, player_watches, "programme:slots",
               json_pack("{s:I, s:[o, o, o]}", "start_us", (json_int_t)start_us, "slots",
                         slot("A", 10), slot("B", 20), slot("C", 30)));
}

static void keep_all(Room *room)
{
    keep(room, "A", "");
    keep(room, "B", "");
    keep(room, "C", "");
}

static const char *look_at(Room *room, double seconds)
{
    room->self->now_us = room->begin_us + (int64_t)(seconds * (double)SECOND);
    return house_look(room->self, player_layers, "picture");
}

static void test_cuts(void)
{
    Room *room = room_new("off");
    keep_all(room);
    g_assert_null(look_at(room, 0));
    tell_table(room, room->begin_us);
    g_assert_cmpstr(look_at(room, 0), ==, "clip A\n");
    g_assert_cmpint(house_clip(room->self, 0)->start_us, ==, room->begin_us);
    g_assert_cmpfloat(house_clip(room->self, 0)->gain_db, ==, -2);
    g_assert_null(look_at(room, 5));
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    /* The next one is opened four seconds before, and not shown before its time. */
    g_assert_null(look_at(room, 6.1));
    g_assert_cmpuint(room->self->clips->len, ==, 2);
    g_assert_cmpint(house_clip(room->self, 1)->start_us, ==, room->begin_us + 10 * SECOND);
    g_assert_null(look_at(room, 9.999999));
    g_assert_cmpstr(look_at(room, 10), ==, "clip B\n");
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    g_assert_null(look_at(room, 27));
    g_assert_cmpstr(look_at(room, 30), ==, "clip C\n");
    g_assert_null(look_at(room, 57));
    g_assert_cmpstr(look_at(room, 60), ==, "clip A\n"); /* round and round */
    g_assert_cmpstr(room->self->made->str, ==, "A\nB\nC\nA\n");
    room_free(room);
}

/* Slots shorter than the time to get ready: two are opened ahead, each once. */
static void test_short_slots(void)
{
    Room *room = room_new("off");
    keep_all(room);
    house_tell(room->self, player_watches, "programme:slots",
               json_pack("{s:I, s:[o, o, o]}", "start_us", (json_int_t)room->begin_us, "slots",
                         slot("A", 1), slot("B", 1), slot("C", 1)));
    g_assert_cmpstr(look_at(room, 0), ==, "clip A\n");
    g_assert_cmpstr(room->self->made->str, ==, "A\nB\nC\n");
    g_assert_cmpint(house_clip(room->self, 2)->start_us, ==, room->begin_us + 2 * SECOND);
    g_assert_null(look_at(room, 0.5));
    g_assert_cmpstr(look_at(room, 1), ==, "clip B\n");
    g_assert_cmpstr(look_at(room, 2), ==, "clip C\n");
    g_assert_cmpstr(room->self->made->str, ==, "A\nB\nC\nA\nB\n");
    g_assert_cmpuint(room->self->clips->len, ==, 3);
    room_free(room);
}

/* A screen that comes late, or sleeps, joins in the middle. */
static void test_jumps(void)
{
    Room *room = room_new("off");
    keep_all(room);
    tell_table(room, room->begin_us - 45 * SECOND);
    g_assert_cmpstr(look_at(room, 0), ==, "clip C\n");
    g_assert_cmpint(house_clip(room->self, 0)->start_us, ==, room->begin_us - 15 * SECOND);
    g_assert_null(look_at(room, 12)); /* A is ready for 15 */
    g_assert_cmpstr(look_at(room, 27), ==, "clip B\n");
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    g_assert_cmpstr(look_at(room, 0), ==, "clip C\n"); /* back as well */
    g_assert_cmpuint(room->self->clips->len, ==, 1);
    room_free(room);
}

static void test_missing_files(void)
{
    Room *room = room_new("off");
    keep(room, "B", "");
    tell_table(room, room->begin_us);
    g_assert_null(look_at(room, 0)); /* the house slide stays */
    g_assert_cmpuint(room->self->clips->len, ==, 0);
    /* What comes next is opened once, not with each frame. */
    for (int i = 0; i < 100; i++)
        g_assert_null(look_at(room, 6.5 + 0.03 * i));
    g_assert_cmpstr(room->self->made->str, ==, "B\n");
    g_assert_cmpstr(look_at(room, 10), ==, "clip B\n");
    g_assert_null(look_at(room, 28));
    g_assert_cmpstr(look_at(room, 30), ==, ""); /* C is not here: nothing is drawn */
    keep(room, "C", "");
    g_assert_cmpstr(look_at(room, 35), ==, "clip C\n"); /* it arrived: joins in the middle */
    room_free(room);
}

static void test_wants(void)
{
    Room *room = room_new("off");
    tell_table(room, room->begin_us - 12 * SECOND); /* B is due: it is the most urgent */
    json_auto_t *wanted = json_pack("[s, s, s, s, s, s, s, s, s]", "cues-id", "cues-en", "cues-id",
                                    "cues-en", "cues-id", "cues-en", "B", "C", "A");
    g_assert_true(json_equal(room->self->wanted, wanted));
    room_free(room);
}

static void test_failing_clip(void)
{
    Room *room = room_new("off");
    g_autoptr(GError) error = g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_FAILED, "broken");
    keep_all(room);
    tell_table(room, room->begin_us);
    g_assert_nonnull(look_at(room, 0));
    house_end_clip(room->self, house_clip(room->self, 0), error);
    g_assert_cmpstr(look_at(room, 1), ==, "");
    g_assert_null(look_at(room, 2)); /* it is not tried again */
    g_assert_null(look_at(room, 7));
    g_assert_cmpstr(look_at(room, 10), ==, "clip B\n");
    /* The last frame of a clip that ended by itself stays until the cut. */
    house_end_clip(room->self, house_clip(room->self, 0), NULL);
    g_assert_null(look_at(room, 29));
    g_assert_cmpuint(room->self->clips->len, ==, 2);
    house_end_clip(room->self, house_clip(room->self, 1), error); /* C breaks before its time */
    g_assert_null(look_at(room, 29.5));
    g_assert_cmpstr(look_at(room, 30), ==, "");
    room->self->refuses_clips = true;
    g_assert_null(look_at(room, 59));
    room_free(room);
}

static void test_changed_table(void)
{
    Room *room = room_new("off");
    keep_all(room);
    tell_table(room, room->begin_us);
    g_assert_nonnull(look_at(room, 3));
    /* B is put before A: A keeps its time, so nothing is seen of it. */
    house_tell(room->self, player_watches, "programme:slots",
               json_pack("{s:I, s:[o, o]}", "start_us", (json_int_t)(room->begin_us - 20 * SECOND),
                         "slots", slot("B", 20), slot("A", 10)));
    g_assert_null(look_at(room, 4));
    g_assert_cmpstr(room->self->made->str, ==, "A\n");
    g_assert_null(look_at(room, 7));
    g_assert_cmpstr(look_at(room, 10), ==, "clip B\n");
    /* The file of the slot on air is another one: cut at once. */
    house_tell(room->self, player_watches, "programme:slots",
               json_pack("{s:I, s:[o, o]}", "start_us", (json_int_t)(room->begin_us - 20 * SECOND),
                         "slots", slot("C", 20), slot("A", 10)));
    g_assert_cmpstr(look_at(room, 11), ==, "clip C\n");
    house_tell(room->self, player_watches, "programme:slots",
               json_pack("{s:I, s:[]}", "start_us", (json_int_t)room->begin_us, "slots"));
    g_assert_cmpstr(look_at(room, 12), ==, "");
    g_assert_cmpuint(room->self->clips->len, ==, 0);
    room_free(room);
}

/* A slot's own shape comes before the display's, also when it is changed on air. */
static void test_shapes(void)
{
    Room *room = room_new("off");
    room->settings.shape = "fit";
    keep_all(room);
    json_t *own = slot("B", 20);
    json_object_set_new(own, "shape", json_string("fill"));
    json_t *odd = slot("C", 30);
    json_object_set_new(odd, "shape", json_string("round"));
    json_auto_t *table = json_pack("{s:I, s:[o, o, o]}", "start_us", (json_int_t)room->begin_us,
                                   "slots", slot("A", 10), own, odd);
    house_tell(room->self, player_watches, "programme:slots", json_incref(table));
    g_assert_cmpstr(look_at(room, 0), ==, "clip A\n");
    g_assert_cmpstr(look_at(room, 10), ==, "filling clip B\n");
    json_auto_t *changed = json_deep_copy(table);
    json_object_set_new(json_array_get(json_object_get(changed, "slots"), 1), "shape",
                        json_string("blurred"));
    house_tell(room->self, player_watches, "programme:slots", json_incref(changed));
    g_assert_cmpstr(look_at(room, 11), ==, "blurred clip B\n");
    g_assert_cmpuint(room->self->clips->len, ==, 1); /* it went on */
    g_assert_cmpstr(look_at(room, 30), ==, "clip C\n");
    room_free(room);
}

static const char *captions_at(Room *room, double seconds)
{
    (void)look_at(room, seconds);
    return house_look(room->self, player_layers, "captions");
}

static void test_captions(void)
{
    Room *room = room_new("en+id");
    keep_all(room);
    keep(room, "cues-en",
         "{\"cues\":[{\"start_ms\":1000,\"end_ms\":2000,\"text\":\"one\"},"
         "{\"start_ms\":2000,\"end_ms\":3000,\"text\":\"two\"}]}");
    tell_table(room, room->begin_us);
    g_assert_null(captions_at(room, 0.999));
    g_assert_cmpstr(captions_at(room, 1), ==, "plate paper\ncaption one\n");
    g_assert_null(captions_at(room, 1.5));
    /* The second language arrives a little later. */
    keep(room, "cues-id", "{\"cues\":[{\"start_ms\":1000,\"end_ms\":2500,\"text\":\"satu\"}]}");
    player_timers[0].on_tick(room->self);
    g_assert_cmpstr(captions_at(room, 1.6), ==, "plate paper\ncaption one\nbody satu\n");
    g_assert_cmpstr(captions_at(room, 2), ==, "plate paper\ncaption two\nbody satu\n");
    g_assert_cmpstr(captions_at(room, 2.5), ==, "plate paper\ncaption two\n");
    g_assert_cmpstr(captions_at(room, 3), ==, "");
    g_assert_null(captions_at(room, 10.5));
    g_assert_cmpstr(captions_at(room, 11.5), ==, "plate paper\ncaption one\nbody satu\n");
    room_free(room);
}

/* The cue with a place of its own brings all onto the picture, if that is large enough. */
static void test_placed_captions(void)
{
    Room *room = room_new("en+id");
    keep_all(room);
    keep(room, "cues-en",
         "{\"cues\":[{\"start_ms\":1000,\"end_ms\":2000,\"text\":\"up\",\"settings\":\"line:0\"},"
         "{\"start_ms\":1500,\"end_ms\":1800,\"text\":\"x\",\"markup\":\"<i>two</i>\"}]}");
    keep(room, "cues-id", "{\"cues\":[{\"start_ms\":1000,\"end_ms\":2500,\"text\":\"satu\"}]}");
    tell_table(room, room->begin_us);
    room->self->canvas_height = 700;
    g_assert_cmpstr(captions_at(room, 1), ==, "");
    g_assert_cmpstr(house_look(room->self, player_layers, "placed_captions"), ==,
                    "caption at 0.5,0 by 0.5,0 within 1: up\n"
                    "caption at 0.5,1 by 0.5,1 within 1: satu\n");
    g_assert_null(house_look(room->self, player_layers, "placed_captions"));
    g_assert_cmpstr(captions_at(room, 1.5), ==, "");
    g_assert_cmpstr(house_look(room->self, player_layers, "placed_captions"), ==,
                    "caption at 0.5,0 by 0.5,0 within 1: up\n"
                    "caption at 0.5,1 by 0.5,1 within 1: satu\n"
                    "caption at 0.5,1 by 0.5,1 within 1: <i>two</i>\n");
    g_assert_cmpstr(captions_at(room, 2), ==, "plate paper\nbody satu\n");
    g_assert_cmpstr(house_look(room->self, player_layers, "placed_captions"), ==, "");
    g_assert_cmpstr(captions_at(room, 2.5), ==, "");
    /* A small picture has no room for words on it. */
    room->self->canvas_height = 300;
    g_assert_null(captions_at(room, 10.5));
    g_assert_cmpstr(captions_at(room, 11.5), ==,
                    "plate paper\ncaption up\n<i>two</i>\nbody satu\n");
    g_assert_cmpstr(house_look(room->self, player_layers, "placed_captions"), ==, "");
    room_free(room);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/player/cuts", test_cuts);
    g_test_add_func("/player/short-slots", test_short_slots);
    g_test_add_func("/player/jumps", test_jumps);
    g_test_add_func("/player/missing-files", test_missing_files);
    g_test_add_func("/player/wants", test_wants);
    g_test_add_func("/player/failing-clip", test_failing_clip);
    g_test_add_func("/player/changed-table", test_changed_table);
    g_test_add_func("/player/shapes", test_shapes);
    g_test_add_func("/player/captions", test_captions);
    g_test_add_func("/player/placed-captions", test_placed_captions);
    return g_test_run();
}
