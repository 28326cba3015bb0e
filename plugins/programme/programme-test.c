/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The programme in a real host: which slot is due, and the table that screens follow. */
#include "plugins/programme/programme.h"
#include "plugins/testing.h"

#define SLOTS "programme:slots"
#define READ  "GET /api/programme/playlist"
#define WRITE "POST /api/programme/playlist"

/* --- slots_at ------------------------------------------------------------------------------------
 */

static json_t *table_of(int64_t start_us, const int64_t *durations_us, size_t count)
{
    json_t *slots = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(slots,
                              json_pack("{s:I}", "duration_us", (json_int_t)durations_us[i]));
    return json_pack("{s:I, s:o}", "start_us", (json_int_t)start_us, "slots", slots);
}

static void test_slots_at(void)
{
    static const int64_t durations_us[] = {10, 0, 20, 5};
    static const struct {
        int64_t now_us;
        size_t index;
        int64_t start_us, end_us;
    } due[] = {
        {0, 0, 100, 110},
        {99, 0, 100, 110},
        {100, 0, 100, 110},
        {109, 0, 100, 110},
        {110, 2, 110, 130},
        {129, 2, 110, 130},
        {130, 3, 130, 135},
        {134, 3, 130, 135},
        {135, 0, 135, 145},
        {135 + 35 * 1000, 0, 135 + 35 * 1000, 145 + 35 * 1000},
        {134 + 35 * 7, 3, 130 + 35 * 7, 135 + 35 * 7},
    };
    json_auto_t *table = table_of(100, durations_us, G_N_ELEMENTS(durations_us));
    for (size_t i = 0; i < G_N_ELEMENTS(due); i++) {
        SlotTime time;
        g_assert_true(slots_at(table, due[i].now_us, &time));
        g_assert_cmpuint(time.index, ==, due[i].index);
        g_assert_cmpint(time.start_us, ==, due[i].start_us);
        g_assert_cmpint(time.end_us, ==, due[i].end_us);
    }
    /* Slots join without a gap, whatever the time. */
    for (int64_t now_us = 100; now_us < 400; now_us++) {
        SlotTime time, coming;
        g_assert_true(slots_at(table, now_us, &time));
        g_assert_true(time.start_us <= now_us && now_us < time.end_us);
        g_assert_true(slots_at(table, time.end_us, &coming));
        g_assert_cmpint(coming.start_us, ==, time.end_us);
    }
}

static void test_slots_at_nothing(void)
{
    static const int64_t nothing[] = {0, -5, 0};
    SlotTime time = {.index = 77};
    json_auto_t *empty = table_of(100, NULL, 0);
    json_auto_t *zero = table_of(100, nothing, G_N_ELEMENTS(nothing));
    json_auto_t *odd = json_pack("{s:s, s:s}", "start_us", "x", "slots", "y");
    g_assert_false(slots_at(NULL, 100, &time));
    g_assert_false(slots_at(empty, 100, &time));
    g_assert_false(slots_at(zero, 100, &time));
    g_assert_false(slots_at(odd, 100, &time));
    g_assert_cmpuint(time.index, ==, 77);
}

/* --- The table -----------------------------------------------------------------------------------
 */

#define SECOND INT64_C(1000000)

static json_t *tutorial(int id, int seconds)
{
    g_autofree char *media = g_strdup_printf("%064x", id);
    return json_pack("{s:i, s:{s:s}, s:I, s:f, s:s, s:{s:s}}", "id", id, "title", "id", "Judul",
                     "duration_us", (json_int_t)(seconds * SECOND), "gain_db", -3.5, "media", media,
                     "cues", "id", "c0ffee");
}

/* The library has these ids, each as many seconds long as ten times its id. */
static void publish_library(Kit *kit, const int *ids, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, tutorial(ids[i], 10 * ids[i]));
    kit_publish(kit, "tutorials:list", json_pack("{s:o}", "tutorials", list));
}

static void assert_order(const json_t *table, const int *ids, size_t count)
{
    g_assert_cmpuint(json_array_size(at(table, "slots")), ==, count);
    for (size_t i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("slots.%zu.tutorial", i);
        g_assert_cmpint(number_at(table, path), ==, ids[i]);
    }
}

static json_t *order_body(const int *ids, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(ids[i]));
    return json_pack("{s:o}", "tutorials", list);
}

static void test_all_by_default(void)
{
    static const int ids[] = {1, 2, 3};
    Kit *kit = kit_new(&serambi_plugin);
    g_assert_cmpuint(json_array_size(kit_published(kit, SLOTS)), ==, 0);
    publish_library(kit, ids, 3);
    const json_t *table = kit_newest(kit, SLOTS);
    assert_order(table, ids, 3);
    g_assert_cmpint(number_at(table, "start_us"), ==, KIT_START_US);
    g_assert_cmpint(number_at(table, "slots.1.duration_us"), ==, 20 * SECOND);
    g_assert_cmpfloat(json_real_value(at(table, "slots.0.gain_db")), ==, -3.5);
    g_assert_cmpstr(text_at(table, "slots.0.captions.id"), ==, "sha256:c0ffee");
    g_assert_true(g_str_has_prefix(text_at(table, "slots.0.media"), "sha256:0000"));
    g_assert_cmpstr(text_at(table, "slots.2.title.id"), ==, "Judul");
    json_auto_t *playlist = ask(kit, SERAMBI_COUNTER, 200, READ, NULL);
    g_assert_cmpuint(json_array_size(at(playlist, "items")), ==, 0);
    /* The same library again is no news. */
    publish_library(kit, ids, 3);
    g_assert_cmpuint(json_array_size(kit_published(kit, SLOTS)), ==, 1);
    kit_free(kit);
}

static void test_chosen_order(void)
{
    static const int ids[] = {1, 2, 3}, chosen[] = {3, 1, 3};
    Kit *kit = kit_new(&serambi_plugin);
    publish_library(kit, ids, 3);
    json_auto_t *answer = ask(kit, SERAMBI_EDITOR, 200, WRITE, order_body(chosen, 3));
    g_assert_cmpint(number_at(answer, "items.0.tutorial"), ==, 3);
    g_assert_cmpint(number_at(answer, "items.2.tutorial"), ==, 3);
    assert_order(kit_newest(kit, SLOTS), chosen, 3);
    /* One that leaves the library leaves the table, not the playlist: it may come back. */
    static const int fewer[] = {1, 2}, one[] = {1};
    publish_library(kit, fewer, 2);
    assert_order(kit_newest(kit, SLOTS), one, 1);
    publish_library(kit, ids, 3);
    assert_order(kit_newest(kit, SLOTS), chosen, 3);
    json_decref(ask(kit, SERAMBI_EDITOR, 200, WRITE, order_body(NULL, 0)));
    assert_order(kit_newest(kit, SLOTS), ids, 3);
    kit_free(kit);
}

/* Where the slot on air is in the new table, at the same time as before. */
static void test_on_air_keeps_its_time(void)
{
    static const int ids[] = {1, 2, 3}, turned[] = {3, 2, 1}, without[] = {1, 3};
    Kit *kit = kit_new(&serambi_plugin);
    publish_library(kit, ids, 3);
    kit_turn_clock(kit, 15); /* five seconds into the second one */
    SlotTime before, after;
    g_assert_true(slots_at(kit_newest(kit, SLOTS), kit_now_us(kit), &before));
    g_assert_cmpuint(before.index, ==, 1);
    json_decref(ask(kit, SERAMBI_EDITOR, 200, WRITE, order_body(turned, 3)));
    const json_t *table = kit_newest(kit, SLOTS);
    g_assert_true(slots_at(table, kit_now_us(kit), &after));
    g_assert_cmpint(after.start_us, ==, before.start_us);
    g_assert_cmpint(after.end_us, ==, before.end_us);
    g_autofree char *path = g_strdup_printf("slots.%zu.tutorial", after.index);
    g_assert_cmpint(number_at(table, path), ==, 2);
    /* In the second round as well. */
    kit_turn_clock(kit, 60);
    g_assert_true(slots_at(table, kit_now_us(kit), &before));
    json_decref(ask(kit, SERAMBI_EDITOR, 200, WRITE, order_body(ids, 3)));
    g_assert_true(slots_at(kit_newest(kit, SLOTS), kit_now_us(kit), &after));
    g_assert_cmpint(after.start_us, ==, before.start_us);
    /* It was taken off: the new table begins now. */
    json_decref(ask(kit, SERAMBI_EDITOR, 200, WRITE, order_body(without, 2)));
    g_assert_cmpint(number_at(kit_newest(kit, SLOTS), "start_us"), ==, kit_now_us(kit));
    kit_free(kit);
}

static void test_refusals(void)
{
    static const int ids[] = {1, 2, 3}, unknown[] = {1, 4};
    Kit *kit = kit_new(&serambi_plugin);
    ask_refused(kit, SERAMBI_EDITOR, 422, "programme.bad_list", WRITE, order_body(ids, 1));
    publish_library(kit, ids, 3);
    kit_forget(kit);
    ask_refused(kit, SERAMBI_EDITOR, 422, "programme.bad_list", WRITE, order_body(unknown, 2));
    ask_refused(kit, SERAMBI_EDITOR, 422, "programme.bad_list", WRITE, NULL);
    ask_refused(kit, SERAMBI_EDITOR, 422, "programme.bad_list", WRITE,
                json_pack("{s:[s]}", "tutorials", "1"));
    json_t *many = json_array();
    for (int i = 0; i < 201; i++)
        json_array_append_new(many, json_integer(1));
    ask_refused(kit, SERAMBI_EDITOR, 422, "programme.bad_list", WRITE,
                json_pack("{s:o}", "tutorials", many));
    g_assert_cmpuint(json_array_size(kit_published(kit, SLOTS)), ==, 0);
    json_decref(ask(kit, SERAMBI_PUBLIC, 401, READ, NULL));
    json_decref(ask(kit, SERAMBI_COUNTER, 403, WRITE, order_body(ids, 3)));
    kit_free(kit);
}

/* A still or a silent page stands as long as it is told, a clip may be cut; both as often as it is
 * in the list. */
static void test_own_duration_and_shape(void)
{
    static const int ids[] = {1, 2};
    Kit *kit = kit_new(&serambi_plugin);
    publish_library(kit, ids, 2);
    json_auto_t *answer = ask(kit, SERAMBI_EDITOR, 200, WRITE,
                              json_pack("{s:[{s:i, s:i, s:s}, {s:i}, {s:i, s:i, s:s}]}", "items",
                                        "tutorial", 1, "seconds", 45, "shape", "fill", "tutorial",
                                        2, "tutorial", 1, "seconds", 0, "shape", ""));
    g_assert_cmpint(number_at(answer, "items.0.seconds"), ==, 45);
    const json_t *table = kit_newest(kit, SLOTS);
    g_assert_cmpint(number_at(table, "slots.0.duration_us"), ==, 45 * SECOND);
    g_assert_cmpstr(text_at(table, "slots.0.shape"), ==, "fill");
    g_assert_cmpint(number_at(table, "slots.1.duration_us"), ==, 20 * SECOND);
    g_assert_null(at(table, "slots.1.shape"));
    g_assert_cmpint(number_at(table, "slots.2.duration_us"), ==, 10 * SECOND);
    g_assert_null(at(table, "slots.2.shape"));
    json_auto_t *read = ask(kit, SERAMBI_EDITOR, 200, READ, NULL);
    g_assert_true(json_equal(at(read, "items"), at(answer, "items")));
    kit_restart(kit);
    json_auto_t *again = ask(kit, SERAMBI_EDITOR, 200, READ, NULL);
    g_assert_true(json_equal(again, read));
    kit_free(kit);
}

static void test_odd_items(void)
{
    static const int ids[] = {1};
    static const char *const odd[] = {"{\"tutorial\":1,\"seconds\":3601}",
                                      "{\"tutorial\":1,\"seconds\":-1}",
                                      "{\"tutorial\":1,\"seconds\":1.5}",
                                      "{\"tutorial\":1,\"seconds\":\"5\"}",
                                      "{\"tutorial\":1,\"shape\":\"round\"}",
                                      "{\"tutorial\":1,\"shape\":7}",
                                      "{\"tutorial\":2}",
                                      "{}",
                                      "1",
                                      "null"};
    Kit *kit = kit_new(&serambi_plugin);
    publish_library(kit, ids, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
        g_test_message("%s", odd[i]);
        ask_refused(kit, SERAMBI_EDITOR, 422, "programme.bad_list", WRITE,
                    json_pack("{s:[{s:i}, o]}", "items", "tutorial", 1,
                              json_loads(odd[i], JSON_DECODE_ANY, NULL)));
    }
    json_decref(ask(kit, SERAMBI_EDITOR, 200, WRITE,
                    json_pack("{s:[{s:i, s:i}]}", "items", "tutorial", 1, "seconds", 3600)));
    g_assert_cmpint(number_at(kit_newest(kit, SLOTS), "slots.0.duration_us"), ==, 3600 * SECOND);
    kit_free(kit);
}

static void test_restart(void)
{
    static const int ids[] = {1, 2, 3}, chosen[] = {2, 1};
    Kit *kit = kit_new(&serambi_plugin);
    publish_library(kit, ids, 3);
    json_decref(ask(kit, SERAMBI_EDITOR, 200, WRITE, order_body(chosen, 2)));
    json_auto_t *table = json_deep_copy(kit_newest(kit, SLOTS));
    kit_turn_clock(kit, 7);
    kit_restart(kit);
    publish_library(kit, ids, 3);
    g_assert_true(json_equal(kit_newest(kit, SLOTS), table)); /* screens notice nothing */
    kit_free(kit);
}

/* A table that was lost with its commit is made again. */
static void test_full_disk(void)
{
    static const int ids[] = {1, 2, 3};
    Kit *kit = kit_new(&serambi_plugin);
    publish_library(kit, ids, 3);
    int many[200], status = 200;
    for (int i = 0; i < 200; i++)
        many[i] = 1 + i % 3;
    kit_fill_disk(kit, true);
    json_decref(kit_call(kit, SERAMBI_EDITOR, "POST", "/api/programme/playlist",
                         order_body(many, 200), &status));
    kit_fill_disk(kit, false);
    g_assert_cmpint(status, ==, 507);
    assert_order(kit_newest(kit, SLOTS), ids, 3);
    json_decref(ask(kit, SERAMBI_EDITOR, 200, WRITE, order_body(many, 200)));
    assert_order(kit_newest(kit, SLOTS), many, 200);
    kit_free(kit);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/programme/slots-at", test_slots_at);
    g_test_add_func("/programme/slots-at-nothing", test_slots_at_nothing);
    g_test_add_func("/programme/all-by-default", test_all_by_default);
    g_test_add_func("/programme/chosen-order", test_chosen_order);
    g_test_add_func("/programme/on-air-keeps-its-time", test_on_air_keeps_its_time);
    g_test_add_func("/programme/refusals", test_refusals);
    g_test_add_func("/programme/own-duration-and-shape", test_own_duration_and_shape);
    g_test_add_func("/programme/odd-items", test_odd_items);
    g_test_add_func("/programme/restart", test_restart);
    g_test_add_func("/programme/full-disk", test_full_disk);
    return g_test_run();
}
