/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Announcements in a real host: who may publish what, what is told to whom, and when it ends. */
#include "plugins/announcements/announcements.h"
#include "plugins/testing.h"

#define LIVE   "announcements:live"
#define EVENTS "announcements:events"
#define POST   "POST /api/announcements/"

static json_t *draft(const char *language, const char *text, const char *urgency)
{
    return json_pack("{s:{s:s}, s:s}", "text", language, text, "urgency", urgency);
}

/* Publishes as an editor; its id. */
static int64_t publish(Kit *kit, const char *text, const char *urgency, int64_t expires_us)
{
    json_t *body = draft("en", text, urgency);
    if (expires_us)
        json_object_set_new(body, "expires_us", json_integer(expires_us));
    json_auto_t *message = ask(kit, SERAMBI_EDITOR, 201, POST, body);
    return number_at(message, "id");
}

static size_t running_count(Kit *kit)
{
    return json_array_size(at(kit_newest(kit, LIVE), "announcements"));
}

static void test_start(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    g_assert_cmpuint(json_array_size(kit_published(kit, LIVE)), ==, 1);
    g_assert_cmpuint(running_count(kit), ==, 0);
    kit_free(kit);
}

static void test_languages(void)
{
    static const char *const languages[] = {"id", "en", "ar"};
    static const char *const texts[] = {"Tutup pukul 16.00", "We close at 16:00", "نغلق الساعة 4"};
    Kit *kit = kit_new(&serambi_plugin);
    for (unsigned set = 1; set < 8; set++) {
        kit_forget(kit);
        json_auto_t *text = json_object();
        for (size_t i = 0; i < 3; i++)
            if (set & (1u << i))
                json_object_set_new(text, languages[i], json_string(texts[i]));
        json_auto_t *answer = ask(kit, SERAMBI_EDITOR, 201, POST, json_pack("{s:O}", "text", text));
        g_assert_true(json_equal(json_object_get(answer, "text"), text));
        g_assert_cmpstr(text_at(answer, "urgency"), ==, "normal");
        g_assert_cmpstr(text_at(answer, "by"), ==, "editor");
        g_assert_cmpint(number_at(answer, "published_us"), ==, KIT_START_US);
        g_assert_true(json_is_null(at(answer, "expires_us")));
        /* The same object goes out twice: in the list, and as an event. */
        g_assert_cmpuint(json_array_size(kit_published(kit, LIVE)), ==, 1);
        g_assert_true(json_equal(at(kit_newest(kit, LIVE), "announcements.0"), answer));
        g_assert_cmpuint(json_array_size(kit_published(kit, EVENTS)), ==, 1);
        const json_t *event = kit_newest(kit, EVENTS);
        g_assert_cmpstr(text_at(event, "op"), ==, "add");
        g_assert_cmpint(number_at(event, "id"), ==, number_at(answer, "id"));
        g_assert_true(json_equal(at(event, "announcement"), answer));
    }
    g_assert_cmpuint(running_count(kit), ==, 7);
    kit_free(kit);
}

static void test_refusals(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    kit_forget(kit);
    g_autofree char *long_text = g_strnfill(501, 'x');
    /* 500 characters are 1000 bytes here: length is counted as people count it. */
    g_autoptr(GString) long_enough = g_string_new(NULL);
    for (int i = 0; i < 500; i++)
        g_string_append(long_enough, "ب");
    static const struct {
        const char *text, *urgency, *code;
    } bad[] = {
        {"", "normal", "announcements.no_text"},
        {" \n \xc2\xa0\xe2\x80\x8b", "normal", "announcements.no_text"},
        {"Fire\x1b[2J", "normal", "announcements.bad_text"},
        {"a\tb", "normal", "announcements.bad_text"},
        {"\xc2\x85next line", "normal", "announcements.bad_text"},
        {"ok", "Urgent", "announcements.bad_urgency"},
        {"ok", "", "announcements.bad_urgency"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        ask_refused(kit, SERAMBI_EDITOR, 422, bad[i].code, POST,
                    draft("en", bad[i].text, bad[i].urgency));
    ask_refused(kit, SERAMBI_EDITOR, 422, "announcements.too_long", POST,
                draft("id", long_text, "normal"));
    ask_refused(kit, SERAMBI_EDITOR, 422, "announcements.no_text", POST, NULL);
    ask_refused(kit, SERAMBI_EDITOR, 422, "announcements.no_text", POST,
                draft("fr", "bonjour", "normal"));
    ask_refused(kit, SERAMBI_EDITOR, 422, "announcements.no_text", POST,
                json_pack("{s:s}", "text", "not an object"));
    ask_refused(kit, SERAMBI_EDITOR, 422, "announcements.bad_urgency", POST,
                json_pack("{s:{s:s}, s:i}", "text", "en", "ok", "urgency", 1));
    ask_refused(
        kit, SERAMBI_EDITOR, 422, "announcements.bad_expiry", POST,
        json_pack("{s:{s:s}, s:I}", "text", "en", "ok", "expires_us", (json_int_t)KIT_START_US));
    ask_refused(kit, SERAMBI_EDITOR, 422, "announcements.bad_expiry", POST,
                json_pack("{s:{s:s}, s:s}", "text", "en", "ok", "expires_us", "tomorrow"));
    g_assert_cmpuint(json_array_size(kit_published(kit, LIVE)), ==, 0);
    g_assert_cmpuint(json_array_size(kit_published(kit, EVENTS)), ==, 0);
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM announcements_message"), ==, 0);
    json_decref(ask(kit, SERAMBI_EDITOR, 201, POST, draft("ar", long_enough->str, "normal")));
    kit_free(kit);
}

static void test_order(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    static const char *const urgencies[] = {"normal",    "emergency", "urgent",
                                            "emergency", "urgent",    "normal"};
    for (size_t i = 0; i < G_N_ELEMENTS(urgencies); i++) {
        (void)publish(kit, "text", urgencies[i], 0);
        kit_turn_clock(kit, i % 2); /* some in the same microsecond: then the id decides */
    }
    static const int64_t order[] = {4, 2, 5, 3, 6, 1};
    json_auto_t *list = ask(kit, SERAMBI_PUBLIC, 200, "GET /api/announcements/", NULL);
    g_assert_true(json_equal(list, kit_newest(kit, LIVE)));
    for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
        g_autofree char *path = g_strdup_printf("announcements.%zu.id", i);
        g_assert_cmpint(number_at(list, path), ==, order[i]);
    }
    kit_free(kit);
}

static void test_withdraw_and_restore(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    int64_t id = publish(kit, "one", "normal", KIT_START_US + 10 * G_USEC_PER_SEC);
    g_assert_cmpint(id, ==, 1);
    ask_refused(kit, SERAMBI_EDITOR, 404, "announcements.unknown", POST "1/restore", NULL);
    json_auto_t *gone = ask(kit, SERAMBI_EDITOR, 200, POST "1/withdraw", NULL);
    g_assert_cmpint(number_at(gone, "withdrawn_us"), ==, KIT_START_US);
    g_assert_cmpuint(running_count(kit), ==, 0);
    g_assert_cmpstr(text_at(kit_newest(kit, EVENTS), "op"), ==, "withdraw");
    ask_refused(kit, SERAMBI_EDITOR, 404, "announcements.unknown", POST "1/withdraw", NULL);
    json_auto_t *back = ask(kit, SERAMBI_EDITOR, 200, POST "1/restore", NULL);
    g_assert_true(json_is_null(at(back, "withdrawn_us")));
    g_assert_cmpuint(running_count(kit), ==, 1);
    g_assert_cmpstr(text_at(kit_newest(kit, EVENTS), "op"), ==, "restore");
    g_assert_cmpstr(text_at(kit_newest(kit, EVENTS), "announcement.text.en"), ==, "one");
    /* What has expired does not come back. */
    kit_turn_clock(kit, 11);
    ask_refused(kit, SERAMBI_EDITOR, 404, "announcements.unknown", POST "1/restore", NULL);
    static const char *const wrong[] = {"2", "0", "-1", "x", "1x", "99999999999999999999"};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *path = g_strconcat(POST, wrong[i], "/withdraw", NULL);
        ask_refused(kit, SERAMBI_EDITOR, 404, "announcements.unknown", path, NULL);
    }
    json_auto_t *history = ask(kit, SERAMBI_COUNTER, 200, "GET /api/announcements/all", NULL);
    g_assert_cmpuint(json_array_size(at(history, "announcements")), ==, 1);
    kit_free(kit);
}

static void test_expiry(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    (void)publish(kit, "soon", "normal", KIT_START_US + 5 * G_USEC_PER_SEC);
    (void)publish(kit, "later", "urgent", KIT_START_US + 8 * G_USEC_PER_SEC);
    (void)publish(kit, "never", "normal", 0);
    kit_forget(kit);
    kit_turn_clock(kit, 4);
    g_assert_cmpuint(json_array_size(kit_published(kit, EVENTS)), ==, 0);
    g_assert_cmpuint(json_array_size(kit_published(kit, LIVE)), ==, 0);
    kit_turn_clock(kit, 1);
    g_assert_cmpuint(json_array_size(kit_published(kit, EVENTS)), ==, 1);
    const json_t *event = kit_newest(kit, EVENTS);
    g_assert_cmpstr(text_at(event, "op"), ==, "expire");
    g_assert_cmpint(number_at(event, "id"), ==, 1);
    g_assert_true(json_is_null(at(event, "announcement")));
    g_assert_cmpuint(running_count(kit), ==, 2);
    kit_turn_clock(kit, 100);
    g_assert_cmpuint(json_array_size(kit_published(kit, EVENTS)), ==, 2);
    g_assert_cmpuint(json_array_size(kit_published(kit, LIVE)), ==, 2);
    g_assert_cmpuint(running_count(kit), ==, 1);
    kit_free(kit);
}

/* An expiry whose commit failed is not forgotten. */
static void test_expiry_on_a_full_disk(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    (void)publish(kit, "soon", "normal", KIT_START_US + 2 * G_USEC_PER_SEC);
    kit_fill_disk(kit, true);
    kit_turn_clock(kit, 5);
    kit_fill_disk(kit, false);
    kit_turn_clock(kit, 1);
    g_assert_cmpuint(running_count(kit), ==, 0);
    g_assert_cmpstr(text_at(kit_newest(kit, EVENTS), "op"), ==, "expire");
    kit_free(kit);
}

static void test_too_many(void)
{
    Kit *kit = kit_new_with(&serambi_plugin, "[announcements]\nmax_running=2\n", NULL);
    g_assert_cmpstr(kit_reason(kit), ==, NULL);
    (void)publish(kit, "1", "normal", 0);
    (void)publish(kit, "2", "normal", 0);
    ask_refused(kit, SERAMBI_EDITOR, 409, "announcements.too_many", POST,
                draft("en", "3", "normal"));
    json_decref(ask(kit, SERAMBI_EDITOR, 200, POST "1/withdraw", NULL));
    (void)publish(kit, "3", "normal", 0);
    ask_refused(kit, SERAMBI_EDITOR, 409, "announcements.too_many", POST "1/restore", NULL);
    g_assert_cmpuint(running_count(kit), ==, 2);
    kit_free(kit);
}

static void test_roles(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    static const struct {
        uint32_t role;
        int write, history;
    } roles[] = {
        {SERAMBI_PUBLIC, 401, 401}, {SERAMBI_DISPLAY, 403, 403}, {SERAMBI_COUNTER, 403, 200},
        {SERAMBI_EDITOR, 201, 200}, {SERAMBI_ADMIN, 201, 200},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(roles); i++) {
        json_decref(ask(kit, roles[i].role, 200, "GET /api/announcements/", NULL));
        json_decref(ask(kit, roles[i].role, roles[i].history, "GET /api/announcements/all", NULL));
        json_decref(ask(kit, roles[i].role, roles[i].write, POST, draft("en", "hello", "normal")));
        int status = roles[i].write == 201 ? 200 : roles[i].write;
        g_autofree char *path = g_strdup_printf(
            POST "%d/withdraw", (int)count_of(kit, "SELECT COALESCE(MAX(id), 1) AS n FROM"
                                                   " announcements_message"));
        json_decref(ask(kit, roles[i].role, status, path, NULL));
    }
    kit_free(kit);
}

static void test_restart(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    (void)publish(kit, "stays", "urgent", 0);
    (void)publish(kit, "ends", "normal", KIT_START_US + 3 * G_USEC_PER_SEC);
    json_auto_t *before = json_deep_copy(kit_newest(kit, LIVE));
    kit_forget(kit);
    kit_restart(kit);
    g_assert_true(json_equal(kit_newest(kit, LIVE), before));
    g_assert_cmpuint(json_array_size(kit_published(kit, EVENTS)), ==, 0);
    kit_turn_clock(kit, 3);
    g_assert_cmpuint(running_count(kit), ==, 1);
    g_assert_cmpint(publish(kit, "next", "normal", 0), ==, 3);
    kit_free(kit);
}

static void test_full_disk(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    (void)publish(kit, "before", "normal", 0);
    kit_forget(kit);
    kit_fill_disk(kit, true);
    g_autofree char *text = g_strnfill(500, 'x');
    int status = 0;
    for (int i = 0; i < 20 && status != 507; i++)
        json_decref(kit_call(kit, SERAMBI_EDITOR, "POST", "/api/announcements/",
                             draft("en", text, "normal"), &status));
    g_assert_cmpint(status, ==, 507);
    kit_fill_disk(kit, false);
    int64_t rows = count_of(kit, "SELECT COUNT(*) AS n FROM announcements_message");
    json_auto_t *list = ask(kit, SERAMBI_PUBLIC, 200, "GET /api/announcements/", NULL);
    g_assert_cmpuint(json_array_size(at(list, "announcements")), ==, rows);
    g_assert_cmpuint(json_array_size(kit_published(kit, EVENTS)), ==, rows - 1);
    kit_free(kit);
}

static void test_plans(void)
{
    Kit *kit = kit_new(&serambi_plugin);
    assert_cheap(kit, "announcements_message",
                 "UPDATE announcements_message SET is_running = 0"
                 " WHERE is_running = 1 AND expires_us <= 5 RETURNING id");
    assert_cheap(kit, "announcements_message",
                 "SELECT COUNT(*) FROM announcements_message WHERE is_running = 1");
    g_autofree char *plan = plan_of(kit, "SELECT * FROM announcements_message"
                                         " ORDER BY published_us DESC, id DESC LIMIT 200");
    g_assert_nonnull(strstr(plan, "USING INDEX announcements_history"));
    g_assert_null(strstr(plan, "TEMP"));
    kit_free(kit);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/announcements/start", test_start);
    g_test_add_func("/announcements/languages", test_languages);
    g_test_add_func("/announcements/refusals", test_refusals);
    g_test_add_func("/announcements/order", test_order);
    g_test_add_func("/announcements/withdraw-and-restore", test_withdraw_and_restore);
    g_test_add_func("/announcements/expiry", test_expiry);
    g_test_add_func("/announcements/expiry-on-a-full-disk", test_expiry_on_a_full_disk);
    g_test_add_func("/announcements/too-many", test_too_many);
    g_test_add_func("/announcements/roles", test_roles);
    g_test_add_func("/announcements/restart", test_restart);
    g_test_add_func("/announcements/full-disk", test_full_disk);
    g_test_add_func("/announcements/plans", test_plans);
    return g_test_run();
}
