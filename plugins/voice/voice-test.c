/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The voice in a real host: how calls are phrased with the real catalogues, settings, wishes. */
#include "plugins/testing.h"
#include "plugins/voice/voice.h"

#define SETTINGS "POST /api/voice/settings"
#define SAY      "POST /api/voice/say"

/* How they sound is the business of media/worker/phonemes-test.c. */
static void test_phrases(void)
{
    static const struct {
        const char *language, *ticket, *counter, *service;
        VoiceNumbers numbers;
        const char *phrase;
    } golden[] = {
        {"id", "A012", "3", NULL, 1, "Nomor antrean A, 0, 1, 2. Silakan ke loket 3."},
        {"en", "A012", "3", NULL, 1, "Ticket A, 0, 1, 2. Please go to counter 3."},
        {"ar", "A012", "3", NULL, 1, "رَقْم أَلِف، 0، 1، 2. إِلَى الشُّبَّاك 3."},
        {"id", "R1000", "12", NULL, 1, "Nomor antrean R, 1, 0, 0, 0. Silakan ke loket 12."},
        {"en", "u-7", "2", NULL, 1, "Ticket U, 7. Please go to counter 2."},
        {"en", "A012", "B2", NULL, 2, "Ticket A, 12. Please go to counter B, 2."},
        {"id", "A146", "40", NULL, 2, "Nomor antrean A, 100 4 puluh 6. Silakan ke loket 4 puluh."},
        {"ar", "A314", "3", NULL, 2, "رَقْم أَلِف، 300 وَ أَرْبَعَةَ عَشَر. إِلَى الشُّبَّاك 3."},
        {"en", "A1000", "3", NULL, 2, "Ticket A, 1, 0, 0, 0. Please go to counter 3."},
        {"en", "12B345", "3", NULL, 2, "Ticket 12, B, 345. Please go to counter 3."},
        {"en", "A000", "3", NULL, 2, "Ticket A, 0. Please go to counter 3."},
        {"id", "A1", "Meja Anak", "Kartu", 1, "Kartu. Nomor antrean A, 1. Silakan ke Meja Anak."},
        {"en", "A1", "{ticket}", NULL, 1, "Ticket A, 1. Please go to {ticket}."},
        {"en", "A1", "99999999999999999999", NULL, 1,
         "Ticket A, 1. Please go to 99999999999999999999."},
    };
    Kit *kit = kit_new(&serambi_plugin);
    for (size_t i = 0; i < G_N_ELEMENTS(golden); i++) {
        g_autofree char *phrase =
            phrase_call(kit_self(kit), golden[i].language, golden[i].ticket, golden[i].counter,
                        golden[i].service, golden[i].numbers);
        g_assert_cmpstr(phrase, ==, golden[i].phrase);
    }
    /* Each language has a name for each letter. */
    static const char *const languages[] = {"id", "en", "ar"};
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++)
        for (char letter = 'A'; letter <= 'Z'; letter++) {
            g_autofree char *key = g_strdup_printf("screen.letter_%c", letter);
            g_assert_cmpstr(serambi_word(kit_self(kit), languages[i], key), !=, key);
        }
    kit_free(kit);
}

static json_t *settings_body(const char *languages, int repeat, int volume, bool is_quiet)
{
    return json_pack("{s:o, s:i, s:i, s:b}", "languages", json_loads(languages, 0, NULL), "repeat",
                     repeat, "volume", volume, "quiet", (int)is_quiet);
}

static void test_settings(void)
{
    Kit *kit = kit_new_with(&serambi_plugin, "[voice]\ntime_zone=Asia/Makassar\n", NULL);
    json_auto_t *first = ask(kit, SERAMBI_COUNTER, 200, "GET /api/voice/settings", NULL);
    g_assert_true(json_equal(kit_newest(kit, "voice:settings"), first));
    json_auto_t *wanted =
        json_loads("{\"languages\":[\"ar\",\"id\"],\"repeat\":3,\"volume\":100,\"quiet\":true,"
                   "\"numbers\":{\"id\":\"full\",\"en\":\"digits\",\"ar\":\"full\"},"
                   "\"expire_seconds\":90,\"quiet_hours\":["
                   "{\"days\":[5],\"from\":\"11:30\",\"to\":\"13:00\"},"
                   "{\"days\":[1,2,3,4,5,6,7],\"from\":\"20:00\",\"to\":\"06:30\"}]}",
                   0, NULL);
    json_auto_t *answer = ask(kit, SERAMBI_EDITOR, 200, SETTINGS, json_deep_copy(wanted));
    json_object_set_new(wanted, "zone", json_string("Asia/Makassar"));
    g_assert_true(json_equal(answer, wanted));
    g_assert_true(json_equal(kit_newest(kit, "voice:settings"), wanted));
    kit_restart(kit);
    g_assert_true(json_equal(kit_newest(kit, "voice:settings"), wanted));
    /* What is not named stays. */
    json_object_set_new(wanted, "volume", json_integer(40));
    json_auto_t *softer = ask(kit, SERAMBI_EDITOR, 200, SETTINGS, json_pack("{s:i}", "volume", 40));
    g_assert_true(json_equal(softer, wanted));
    kit_free(kit);
}

static void test_bad_settings(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    static const char *const bad[] = {
        "{}",
        "{\"languages\":[]}",
        "{\"languages\":[\"id\",\"id\"]}",
        "{\"languages\":[\"fr\"]}",
        "{\"languages\":{}}",
        "{\"languages\":[1]}",
        "{\"languages\":[\"id\",\"en\",\"ar\",\"id\"]}",
        "{\"repeat\":0}",
        "{\"repeat\":4}",
        "{\"volume\":-1}",
        "{\"volume\":101}",
        "{\"volume\":\"loud\"}",
        "{\"quiet\":1}",
        "{\"expire_seconds\":9}",
        "{\"expire_seconds\":601}",
        "{\"numbers\":{\"id\":\"full\"}}",
        "{\"numbers\":{\"id\":\"full\",\"en\":\"full\",\"ar\":\"roman\"}}",
        "{\"numbers\":{\"id\":\"full\",\"en\":\"full\",\"ar\":\"full\",\"fr\":\"full\"}}",
        "{\"quiet_hours\":{}}",
        "{\"quiet_hours\":[1]}",
        "{\"quiet_hours\":[{\"days\":[],\"from\":\"10:00\",\"to\":\"11:00\"}]}",
        "{\"quiet_hours\":[{\"days\":[0],\"from\":\"10:00\",\"to\":\"11:00\"}]}",
        "{\"quiet_hours\":[{\"days\":[8],\"from\":\"10:00\",\"to\":\"11:00\"}]}",
        "{\"quiet_hours\":[{\"days\":[1,1],\"from\":\"10:00\",\"to\":\"11:00\"}]}",
        "{\"quiet_hours\":[{\"days\":[1],\"from\":\"10:00\",\"to\":\"10:00\"}]}",
        "{\"quiet_hours\":[{\"days\":[1],\"from\":\"24:00\",\"to\":\"10:00\"}]}",
        "{\"quiet_hours\":[{\"days\":[1],\"from\":\"10:60\",\"to\":\"11:00\"}]}",
        "{\"quiet_hours\":[{\"days\":[1],\"from\":\"1:00\",\"to\":\"11:00\"}]}",
        "{\"quiet_hours\":[{\"days\":[1],\"from\":\"10:00\",\"to\":\"24:01\"}]}",
        "{\"quiet_hours\":[{\"days\":[1],\"from\":\"10:00\"}]}",
    };
    kit_forget(kit);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        ask_refused(kit, SERAMBI_EDITOR, 422, "voice.bad_settings", SETTINGS,
                    json_loads(bad[i], 0, NULL));
    json_t *hours = json_array();
    for (int i = 0; i <= VOICE_QUIET_HOURS_MAX; i++)
        json_array_append_new(
            hours, json_pack("{s:[i], s:s, s:s}", "days", 1, "from", "10:00", "to", "11:00"));
    ask_refused(kit, SERAMBI_EDITOR, 422, "voice.bad_settings", SETTINGS,
                json_pack("{s:o}", "quiet_hours", hours));
    g_assert_cmpuint(json_array_size(kit_published(kit, "voice:settings")), ==, 0);
    kit_free(kit);
}

static json_t *wish(const char *language, const char *text)
{
    return json_pack("{s:s, s:s}", "language", language, "text", text);
}

static void test_say(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    json_auto_t *answer = ask(kit, SERAMBI_COUNTER, 201, SAY, wish("id", "Tutup 10 menit lagi."));
    g_assert_cmpint(number_at(answer, "id"), ==, 1);
    json_auto_t *wanted = json_pack("{s:i, s:s, s:s, s:I}", "id", 1, "language", "id", "text",
                                    "Tutup 10 menit lagi.", "at_us", (json_int_t)KIT_START_US);
    g_assert_true(json_equal(kit_newest(kit, "voice:say"), wanted));
    g_autofree char *long_text = g_strnfill(301, 't');
    static const char *const bad[] = {"", "   ", "a\nb", "a\x1b"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        ask_refused(kit, SERAMBI_COUNTER, 422, "voice.bad_text", SAY, wish("id", bad[i]));
    ask_refused(kit, SERAMBI_COUNTER, 422, "voice.bad_text", SAY, wish("id", long_text));
    ask_refused(kit, SERAMBI_COUNTER, 422, "voice.bad_text", SAY, wish("fr", "bonjour"));
    ask_refused(kit, SERAMBI_COUNTER, 422, "voice.bad_text", SAY, NULL);
    g_assert_cmpuint(json_array_size(kit_published(kit, "voice:say")), ==, 1);
    kit_free(kit);
}

/* Six a minute from one person; another one may still speak. */
static void test_say_limits(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    for (int i = 0; i < 6; i++)
        json_decref(ask(kit, SERAMBI_COUNTER, 201, SAY, wish("en", "<b>Hello</b> & [[hello]].")));
    ask_refused(kit, SERAMBI_COUNTER, 429, "voice.too_many", SAY, wish("en", "Hello."));
    json_decref(ask(kit, SERAMBI_EDITOR, 201, SAY, wish("en", "Hello.")));
    kit_turn_clock(kit, 61);
    json_decref(ask(kit, SERAMBI_COUNTER, 201, SAY, wish("en", "Hello.")));
    assert_cheap(kit, "voice_wish",
                 "SELECT COUNT(*) AS n FROM voice_wish WHERE author = 'a' AND at_us > 5");
    json_decref(ask(kit, SERAMBI_EDITOR, 200, SETTINGS,
                    json_loads("{\"quiet_hours\":[{\"days\":[1,2,3,4,5,6,7],\"from\":\"00:00\","
                               "\"to\":\"24:00\"}]}",
                               0, NULL)));
    ask_refused(kit, SERAMBI_EDITOR, 409, "voice.quiet_now", SAY, wish("en", "Hello."));
    kit_free(kit);
}

static json_t *call_body(int id, int64_t called_us)
{
    return json_pack("{s:i, s:s, s:s, s:I, s:b}", "call", id, "ticket", "A001", "counter", "3",
                     "called_us", (json_int_t)called_us, "recall", 0);
}

/* The line is what a display needs that starts now, and it outlives the server. */
static void test_line(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, "voice:line"), "line")), ==, 0);
    kit_publish(kit, "queue:calls", call_body(1, KIT_START_US));
    kit_publish(kit, "queue:calls", call_body(2, KIT_START_US));
    kit_publish(kit, "queue:calls", call_body(2, KIT_START_US)); /* heard of twice */
    kit_run(kit);
    json_decref(ask(kit, SERAMBI_COUNTER, 201, SAY, wish("id", "Halo.")));
    kit_restart(kit);
    const json_t *newest = kit_newest(kit, "voice:line");
    g_assert_cmpuint(json_array_size(at(newest, "line")), ==, 3);
    json_auto_t *first = call_body(1, KIT_START_US);
    g_assert_true(json_equal(at(newest, "line.0.body"), first));
    g_assert_cmpint(number_at(newest, "line.2.body.id"), ==, 1);
    g_assert_cmpstr(text_at(newest, "line.0.kind"), ==, "call");
    kit_turn_clock(kit, 61);
    kit_restart(kit);
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, "voice:line"), "line")), ==, 0);
    for (int i = 3; i < 200; i++)
        kit_publish(kit, "queue:calls", call_body(i, kit_now_us(kit)));
    kit_run(kit);
    newest = kit_newest(kit, "voice:line");
    g_assert_cmpuint(json_array_size(at(newest, "line")), ==, 60);
    g_assert_cmpint(number_at(newest, "line.59.body.call"), ==, 199);
    /* A day later nothing of it is left in the store. */
    kit_turn_clock(kit, 86500);
    kit_publish(kit, "queue:calls", call_body(300, kit_now_us(kit)));
    kit_run(kit);
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM voice_line"), ==, 1);
    kit_free(kit);
}

static void test_roles(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    static const struct {
        uint32_t role;
        int read, change, say;
    } table[] = {
        {SERAMBI_PUBLIC, 401, 401, 401},  {SERAMBI_DISPLAY, 403, 403, 403},
        {SERAMBI_COUNTER, 200, 403, 201}, {SERAMBI_EDITOR, 200, 200, 201},
        {SERAMBI_ADMIN, 200, 200, 201},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        json_decref(ask(kit, table[i].role, table[i].read, "GET /api/voice/settings", NULL));
        json_decref(ask(kit, table[i].role, table[i].change, SETTINGS,
                        settings_body("[\"id\"]", 1, 50, false)));
        json_decref(ask(kit, table[i].role, table[i].say, SAY, wish("en", "Hello.")));
    }
    kit_free(kit);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/voice/phrases", test_phrases);
    g_test_add_func("/voice/settings", test_settings);
    g_test_add_func("/voice/bad-settings", test_bad_settings);
    g_test_add_func("/voice/say", test_say);
    g_test_add_func("/voice/say-limits", test_say_limits);
    g_test_add_func("/voice/line", test_line);
    g_test_add_func("/voice/roles", test_roles);
    return g_test_run();
}
