/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Screens in a real host: how they are let in and shut out, and what staff see of them. */
#include "plugins/displays/displays.h"
#include "plugins/testing.h"

#define LIST    "displays:list"
#define HELLO   "POST /api/displays/hello"
#define APPROVE "POST /api/displays/approve"
#define REPORT  "POST /api/displays/report"

/* A key of 64 digits that ends in number. */
static char *key_of(int number)
{
    return g_strdup_printf("%064x", number);
}

static json_t *hello_body(int number)
{
    g_autofree char *key = key_of(number);
    return json_pack("{s:s, s:s, s:i, s:i}", "key", key, "proof", "", "width", 1920, "height",
                     1080);
}

/* The code that a screen is given to show; g_free(). */
static char *hello(Kit *kit, int number)
{
    json_auto_t *answer = ask(kit, SERAMBI_PUBLIC, 200, HELLO, hello_body(number));
    g_assert_cmpstr(text_at(answer, "state"), ==, "waiting");
    return g_strdup(text_at(answer, "code"));
}

static json_t *approve(Kit *kit, int status, const char *code, const char *name)
{
    return ask(kit, SERAMBI_ADMIN, status, APPROVE,
               json_pack("{s:s, s:s}", "code", code, "name", name));
}

/* Pairs a screen; its id. */
static char *pair(Kit *kit, int number, const char *name)
{
    g_autofree char *code = hello(kit, number);
    json_auto_t *screen = approve(kit, 200, code, name);
    return g_strdup(text_at(screen, "id"));
}

static bool is_admitted(Kit *kit, int number)
{
    g_autofree char *key = key_of(number);
    g_autofree char *sql =
        g_strdup_printf("SELECT COUNT(*) AS n FROM displays_screen WHERE public_key = '%s'", key);
    return count_of(kit, sql) == 1;
}

static void test_pairing(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    g_autofree char *code = hello(kit, 1);
    g_assert_cmpuint(strlen(code), ==, 9);
    g_assert_true(code[4] == '-');
    g_assert_cmpuint(strspn(code, "0123456789ABCDEFGHJKMNPQRSTVWXYZ-"), ==, 9);
    /* The code stays while it is valid, and is told to nobody else. */
    g_autofree char *again = hello(kit, 1);
    g_assert_cmpstr(code, ==, again);
    const json_t *list = kit_newest(kit, LIST);
    g_autofree char *text = json_dumps(list, 0);
    g_assert_null(strstr(text, code));
    g_assert_cmpuint(json_array_size(at(list, "pending")), ==, 1);
    g_assert_cmpint(number_at(list, "pending.0.width"), ==, 1920);
    g_autofree char *other = hello(kit, 2);
    g_assert_cmpstr(code, !=, other);
    json_auto_t *screen = approve(kit, 200, code, "Lobi");
    g_assert_cmpstr(text_at(screen, "id"), ==, "d1");
    g_assert_cmpstr(text_at(screen, "name"), ==, "Lobi");
    g_assert_cmpstr(text_at(screen, "layout"), ==, "desk");
    g_assert_true(json_is_true(at(screen, "online")));
    g_assert_true(is_admitted(kit, 1));
    g_assert_false(is_admitted(kit, 2));
    const json_t *own = kit_newest(kit, "displays:screen.d1");
    g_assert_cmpstr(text_at(own, "public_url"), ==, "http://serambi.test:8080");
    g_assert_cmpstr(text_at(own, "name"), ==, "Lobi");
    json_auto_t *paired = ask(kit, SERAMBI_PUBLIC, 200, HELLO, hello_body(1));
    g_assert_cmpstr(text_at(paired, "state"), ==, "paired");
    g_assert_cmpstr(text_at(paired, "id"), ==, "d1");
    g_assert_null(at(paired, "code"));
    /* A code lets in once. */
    json_decref(approve(kit, 404, code, "Lobi"));
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "displays")), ==, 1);
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "pending")), ==, 1);
    kit_free(kit);
}

/* People type what they see, or nearly. */
static void test_typed_codes(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    for (int number = 1; number <= 20; number++) {
        g_autofree char *code = hello(kit, number);
        g_autoptr(GString) typed = g_string_new(" ");
        for (const char *letter = code; *letter; letter++)
            if (*letter == '0' || *letter == '1')
                g_string_append_c(typed, *letter == '0' ? 'o' : number % 2 ? 'l' : 'I');
            else if (*letter != '-' || number % 2)
                g_string_append_c(typed, number % 3 ? g_ascii_tolower(*letter) : *letter);
        json_auto_t *screen = approve(kit, 200, typed->str, "");
        g_autofree char *name = g_strdup_printf("%d", number);
        g_assert_cmpstr(text_at(screen, "name"), ==, name); /* without a name: its number */
    }
    kit_free(kit);
}

static void test_wrong_codes(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    g_autofree char *code = hello(kit, 1);
    static const char *const wrong[] = {"", "0000-0000", "0000-00000", "short", "ÀÀÀÀ-ÀÀÀÀ"};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
        json_decref(approve(kit, 404, wrong[i], "x"));
    ask_refused(kit, SERAMBI_ADMIN, 404, "displays.wrong_code", APPROVE, NULL);
    for (int i = 6; i < 20; i++)
        json_decref(approve(kit, 404, "ZZZZ-ZZZZ", "x"));
    /* Now even the right one has to wait. */
    ask_refused(kit, SERAMBI_ADMIN, 429, "displays.later", APPROVE,
                json_pack("{s:s}", "code", code));
    kit_turn_clock(kit, 601);
    g_autofree char *fresh = hello(kit, 1);
    json_decref(approve(kit, 200, fresh, "x"));
    kit_free(kit);
}

static void test_code_expires(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    g_autofree char *code = hello(kit, 1);
    kit_turn_clock(kit, 599);
    g_autofree char *same = hello(kit, 1);
    g_assert_cmpstr(same, ==, code);
    kit_turn_clock(kit, 6);
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "pending")), ==, 0);
    json_decref(approve(kit, 404, code, "x"));
    g_autofree char *fresh = hello(kit, 1);
    g_assert_cmpstr(fresh, !=, code);
    json_decref(approve(kit, 200, fresh, "x"));
    kit_free(kit);
}

static void test_too_many_ask(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    for (int number = 1; number <= 20; number++)
        g_free(hello(kit, number));
    ask_refused(kit, SERAMBI_PUBLIC, 429, "displays.too_many", HELLO, hello_body(21));
    g_free(hello(kit, 7)); /* who waits already, goes on */
    kit_turn_clock(kit, 601);
    g_free(hello(kit, 21));
    kit_free(kit);
}

static void test_bad_hello(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    static const char *const keys[] = {
        "", "abc",
        "000000000000000000000000000000000000000000000000000000000000"
        "000G",
        "000000000000000000000000000000000000000000000000000000000000"
        "00000"};
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        ask_refused(kit, SERAMBI_PUBLIC, 422, "displays.bad_hello", HELLO,
                    json_pack("{s:s}", "key", keys[i]));
    ask_refused(kit, SERAMBI_PUBLIC, 422, "displays.bad_hello", HELLO, NULL);
    json_t *body = hello_body(1);
    json_object_set_new(body, "width", json_integer(16385));
    ask_refused(kit, SERAMBI_PUBLIC, 422, "displays.bad_hello", HELLO, body);
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM displays_pairing"), ==, 0);
    kit_free(kit);
}

/* The screen that can read the server's folder needs no code. */
static void test_beside(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    g_autofree char *path = g_build_filename(kit_data_folder(kit), "secrets", "beside", NULL);
    g_autofree char *secret = NULL;
    g_assert_true(g_file_get_contents(path, &secret, NULL, NULL));
    g_autofree char *key = key_of(5);
    g_autofree char *proof = g_compute_hmac_for_string(G_CHECKSUM_SHA256, (const guchar *)secret,
                                                       strlen(secret), key, -1);
    json_t *body = hello_body(6); /* the proof of another key */
    json_object_set_new(body, "proof", json_string(proof));
    json_auto_t *refused = ask(kit, SERAMBI_PUBLIC, 200, HELLO, body);
    g_assert_cmpstr(text_at(refused, "state"), ==, "waiting");
    body = hello_body(5);
    json_object_set_new(body, "proof", json_string(proof));
    json_auto_t *answer = ask(kit, SERAMBI_PUBLIC, 200, HELLO, body);
    g_assert_cmpstr(text_at(answer, "state"), ==, "paired");
    g_assert_cmpstr(text_at(answer, "id"), ==, "d1");
    g_assert_true(is_admitted(kit, 5));
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "displays")), ==, 1);
    kit_free(kit);
}

static json_t *change_body(const char *name, const char *layout, int volume)
{
    return json_pack("{s:s, s:s, s:i}", "name", name, "layout", layout, "volume", volume);
}

static void test_change(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    g_autofree char *id = pair(kit, 1, "Lobi");
    g_assert_cmpstr(id, ==, "d1");
    kit_forget(kit);
    json_auto_t *screen = ask(kit, SERAMBI_EDITOR, 200, "POST /api/displays/d1",
                              change_body("Ruang baca", "cinema", 0));
    g_assert_cmpstr(text_at(screen, "name"), ==, "Ruang baca");
    const json_t *own = kit_newest(kit, "displays:screen.d1");
    g_assert_cmpstr(text_at(own, "layout"), ==, "cinema");
    g_assert_cmpint(number_at(own, "volume"), ==, 0);
    g_assert_cmpstr(text_at(kit_newest(kit, LIST), "displays.0.name"), ==, "Ruang baca");
    g_autofree char *long_name = g_strnfill(61, 'n');
    static const char *const names[] = {"", "  ", "a\nb"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        ask_refused(kit, SERAMBI_EDITOR, 422, "displays.bad_change", "POST /api/displays/d1",
                    change_body(names[i], "desk", 10));
    ask_refused(kit, SERAMBI_EDITOR, 422, "displays.bad_change", "POST /api/displays/d1",
                change_body(long_name, "desk", 10));
    ask_refused(kit, SERAMBI_EDITOR, 422, "displays.bad_change", "POST /api/displays/d1",
                change_body("x", "wall", 10));
    ask_refused(kit, SERAMBI_EDITOR, 422, "displays.bad_change", "POST /api/displays/d1",
                change_body("x", "desk", 101));
    ask_refused(kit, SERAMBI_EDITOR, 422, "displays.bad_change", "POST /api/displays/d1",
                json_pack("{s:s, s:s}", "name", "x", "layout", "desk"));
    ask_refused(kit, SERAMBI_EDITOR, 404, "displays.unknown", "POST /api/displays/d9",
                change_body("x", "desk", 10));
    kit_free(kit);
}

static void test_remove(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    g_free(pair(kit, 1, "Lobi"));
    g_free(pair(kit, 2, "Lift"));
    json_decref(ask(kit, SERAMBI_ADMIN, 200, "DELETE /api/displays/d1", NULL));
    g_assert_false(is_admitted(kit, 1));
    g_assert_cmpstr(text_at(kit_newest(kit, LIST), "displays.0.id"), ==, "d2");
    ask_refused(kit, SERAMBI_ADMIN, 404, "displays.unknown", "DELETE /api/displays/d1", NULL);
    g_free(hello(kit, 1)); /* it may ask again */
    kit_free(kit);
}

/* A display's name is its id: the kit calls it "display". */
static void adopt(Kit *kit)
{
    g_autofree char *code = hello(kit, 1);
    json_decref(approve(kit, 200, code, "Lobi"));
}

static bool rename_screen(Store *store, void *data)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *rows = store_query(store, &error, "UPDATE displays_screen SET id = 'display'", "");
    g_assert_no_error(error);
    return rows != NULL;
}

static json_t *report_body(int frames, const char *layout)
{
    return json_pack("{s:i, s:i, s:s, s:i, s:i}", "frames", frames, "missed", frames / 100,
                     "layout", layout, "width", 1280, "height", 720);
}

static void test_report(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    adopt(kit);
    store_write(kit_store(kit), rename_screen, NULL, NULL);
    kit_turn_clock(kit, 40);
    g_assert_true(json_is_false(at(kit_newest(kit, LIST), "displays.0.online")));
    json_decref(ask(kit, SERAMBI_DISPLAY, 200, REPORT, report_body(100, "desk")));
    const json_t *list = kit_newest(kit, LIST);
    g_assert_true(json_is_true(at(list, "displays.0.online")));
    g_assert_cmpint(number_at(list, "displays.0.width"), ==, 1280);
    g_assert_cmpint(number_at(list, "displays.0.status.frames"), ==, 100);
    kit_forget(kit);
    /* More frames are no news, another layout is. */
    for (int frames = 200; frames < 800; frames += 100) {
        kit_turn_clock(kit, 5);
        json_decref(ask(kit, SERAMBI_DISPLAY, 200, REPORT, report_body(frames, "desk")));
    }
    g_assert_cmpuint(json_array_size(kit_published(kit, LIST)), ==, 0);
    json_decref(ask(kit, SERAMBI_DISPLAY, 200, REPORT, report_body(900, "board")));
    g_assert_cmpuint(json_array_size(kit_published(kit, LIST)), ==, 1);
    kit_free(kit);
}

static void test_bad_report(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    adopt(kit);
    ask_refused(kit, SERAMBI_DISPLAY, 404, "displays.unknown", REPORT, NULL);
    g_autofree char *much = g_strnfill(5000, 'x');
    ask_refused(kit, SERAMBI_DISPLAY, 413, "displays.bad_report", REPORT,
                json_pack("{s:s}", "x", much));
    kit_free(kit);
}

static void test_list_when_it_differs(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    adopt(kit);
    kit_forget(kit);
    kit_turn_clock(kit, 25);
    g_assert_cmpuint(json_array_size(kit_published(kit, LIST)), ==, 0);
    kit_turn_clock(kit, 10); /* silent for thirty seconds */
    g_assert_cmpuint(json_array_size(kit_published(kit, LIST)), ==, 1);
    g_assert_true(json_is_false(at(kit_newest(kit, LIST), "displays.0.online")));
    kit_turn_clock(kit, 60);
    g_assert_cmpuint(json_array_size(kit_published(kit, LIST)), ==, 1);
    json_auto_t *list = ask(kit, SERAMBI_COUNTER, 200, "GET /api/displays/", NULL);
    g_assert_true(json_equal(list, kit_newest(kit, LIST)));
    kit_free(kit);
}

static void test_restart(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    adopt(kit);
    g_autofree char *code = hello(kit, 2);
    kit_forget(kit);
    kit_restart(kit);
    g_assert_cmpstr(text_at(kit_newest(kit, "displays:screen.d1"), "name"), ==, "Lobi");
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "displays")), ==, 1);
    json_decref(approve(kit, 200, code, "Lift")); /* codes live on as well */
    kit_free(kit);
}

/* What was lost with its commit is shown when it comes the second time. */
static void test_full_disk(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    adopt(kit);
    store_write(kit_store(kit), rename_screen, NULL, NULL);
    kit_turn_clock(kit, 40);
    g_autofree char *much = g_strnfill(4000, 'x');
    int status = 0;
    kit_fill_disk(kit, true);
    json_decref(kit_call(kit, SERAMBI_DISPLAY, "POST", "/api/displays/report",
                         json_pack("{s:s}", "note", much), &status));
    g_assert_cmpint(status, ==, 507);
    kit_fill_disk(kit, false);
    g_assert_true(json_is_false(at(kit_newest(kit, LIST), "displays.0.online")));
    json_decref(ask(kit, SERAMBI_DISPLAY, 200, REPORT, json_pack("{s:s}", "note", much)));
    g_assert_true(json_is_true(at(kit_newest(kit, LIST), "displays.0.online")));
    kit_free(kit);
}

static void test_roles(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    adopt(kit);
    static const struct {
        uint32_t role;
        int list, approve, change, remove, report;
    } table[] = {
        {SERAMBI_PUBLIC, 401, 401, 401, 401, 401},  {SERAMBI_DISPLAY, 403, 403, 403, 403, 404},
        {SERAMBI_COUNTER, 200, 403, 403, 403, 403}, {SERAMBI_EDITOR, 200, 403, 200, 403, 403},
        {SERAMBI_ADMIN, 200, 404, 200, 404, 403},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        uint32_t role = table[i].role;
        json_decref(ask(kit, role, table[i].list, "GET /api/displays/", NULL));
        json_decref(ask(kit, role, table[i].approve, APPROVE, json_pack("{s:s}", "code", "0")));
        json_decref(
            ask(kit, role, table[i].change, "POST /api/displays/d1", change_body("n", "desk", 1)));
        json_decref(ask(kit, role, table[i].remove, "DELETE /api/displays/d7", NULL));
        json_decref(ask(kit, role, table[i].report, REPORT, NULL));
    }
    kit_free(kit);
}

/* --- In step ---------------------------------------------------------------------------------- */

static json_t *screen_of(const char *source, int error_us, int64_t until_us, int median_us,
                         int position_us)
{
    return json_pack("{s:b, s:{s:{s:s, s:i}, s:{s:I, s:i, s:i, s:s, s:I, s:i}}}", "online", 1,
                     "status", "clock", "source", source, "error_us", error_us, "shown", "until_us",
                     (json_int_t)until_us, "median_us", median_us, "worst_us", median_us + 5000,
                     "source", "sha256:ab", "start_us", (json_int_t)1000, "position_us",
                     position_us);
}

static Skew skew_of(json_t *one, json_t *other, int64_t now_us)
{
    json_auto_t *displays = json_array();
    json_array_append_new(displays, one);
    if (other)
        json_array_append_new(displays, other);
    return skew_measure(displays, now_us);
}

#define NOW_US INT64_C(1795406400000000)

static void test_skew(void)
{
    Skew skew = skew_of(screen_of("udp", 300, NOW_US, 4000, 0), NULL, NOW_US);
    g_assert_cmpstr(skew.advice, ==, "alone");
    g_assert_cmpint(skew.skew_us, ==, 0);
    skew = skew_of(screen_of("udp", 300, NOW_US, 4000, 0), screen_of("udp", 500, NOW_US, 9000, 0),
                   NOW_US);
    g_assert_cmpint(skew.screens, ==, 2);
    g_assert_cmpint(skew.skew_us, ==, 9500 - 3700);
    g_assert_cmpint(skew.worst_late_us, ==, 14000);
    g_assert_cmpstr(skew.advice, ==, "good");
    g_assert_false(skew.is_bad);
    /* Another frame at the same moment is seen, whatever the clocks say. */
    skew = skew_of(screen_of("udp", 300, NOW_US, 0, 400000),
                   screen_of("udp", 300, NOW_US, 0, 520000), NOW_US);
    g_assert_cmpint(skew.skew_us, ==, 120000);
    g_assert_true(skew.is_bad);
    g_assert_cmpstr(skew.advice, ==, "busy");
    /* At another moment it says nothing. */
    skew = skew_of(screen_of("udp", 300, NOW_US, 0, 400000),
                   screen_of("udp", 300, NOW_US - 10000000, 0, 520000), NOW_US);
    g_assert_cmpint(skew.frames_apart_us, ==, 0);
    skew = skew_of(screen_of("udp", 300, NOW_US, 0, 0), screen_of("link", 30000, NOW_US, 0, 0),
                   NOW_US);
    g_assert_cmpstr(skew.advice, ==, "firewall");
    g_assert_cmpint(skew.by_link, ==, 1);
    skew =
        skew_of(screen_of("udp", 300, NOW_US, 0, 0), screen_of("udp", 30000, NOW_US, 0, 0), NOW_US);
    g_assert_cmpstr(skew.advice, ==, "network");
}

/* What a screen may not do to the figures: old reports, absurd ones, none. */
static void test_skew_nonsense(void)
{
    Skew skew = skew_of(screen_of("udp", 300, NOW_US - 60000000, 900000, 0),
                        screen_of("udp", 300, NOW_US, 0, 0), NOW_US);
    g_assert_cmpint(skew.skew_us, ==, 600); /* the first one's report is of long ago */
    skew = skew_of(json_pack("{s:b, s:{s:{s:s, s:I}, s:i}}", "online", 1, "status", "clock",
                             "source", "udp", "error_us", (json_int_t)INT64_MAX, "shown", 3),
                   screen_of("udp", -5, NOW_US, 0, 0), NOW_US);
    g_assert_cmpint(skew.screens, ==, 2);
    g_assert_true(skew.is_bad);
    skew = skew_of(json_pack("{s:b, s:[]}", "online", 1, "status"), json_integer(3), NOW_US);
    g_assert_cmpint(skew.screens, ==, 0);
    skew =
        skew_of(screen_of("none", 0, NOW_US, 0, 0), screen_of("made up", 0, NOW_US, 0, 0), NOW_US);
    g_assert_cmpint(skew.screens, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/displays/pairing", test_pairing);
    g_test_add_func("/displays/typed-codes", test_typed_codes);
    g_test_add_func("/displays/wrong-codes", test_wrong_codes);
    g_test_add_func("/displays/code-expires", test_code_expires);
    g_test_add_func("/displays/too-many-ask", test_too_many_ask);
    g_test_add_func("/displays/bad-hello", test_bad_hello);
    g_test_add_func("/displays/beside", test_beside);
    g_test_add_func("/displays/change", test_change);
    g_test_add_func("/displays/remove", test_remove);
    g_test_add_func("/displays/report", test_report);
    g_test_add_func("/displays/bad-report", test_bad_report);
    g_test_add_func("/displays/list-when-it-differs", test_list_when_it_differs);
    g_test_add_func("/displays/restart", test_restart);
    g_test_add_func("/displays/full-disk", test_full_disk);
    g_test_add_func("/displays/roles", test_roles);
    g_test_add_func("/displays/skew", test_skew);
    g_test_add_func("/displays/skew-nonsense", test_skew_nonsense);
    return g_test_run();
}
