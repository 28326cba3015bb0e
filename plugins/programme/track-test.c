/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Captions tracks: safe text, places, edges in time, limits, and bytes that are none of these. */
#include "plugins/programme/track.h"
#include <math.h>
#include <string.h>

/* A track of one cue, 1 to 2 s; text, markup and settings may be NULL. */
static Track *track_of(const char *text, const char *markup, const char *settings,
                       unsigned *ignored)
{
    json_auto_t *document =
        json_pack("{s:[{s:i, s:i, s:s*, s:s*, s:s*}]}", "cues", "start_ms", 1000, "end_ms", 2000,
                  "text", text, "markup", markup, "settings", settings);
    return track_new(document, NULL, ignored);
}

static void assert_markup(const char *source, const char *expected)
{
    g_autoptr(Track) track = track_of("plain", source, NULL, NULL);
    const Cue *cues[TRACK_AT_ONCE];
    size_t count = track_at(track, 1000000, cues);
    g_assert_cmpuint(count, ==, expected ? 1 : 0);
    if (expected)
        g_assert_cmpstr(cues[0]->markup, ==, expected);
}

static void test_markup(void)
{
    assert_markup("one", "one");
    assert_markup("<b>one</b> <i>two</i> <u>three</u>", "<b>one</b> <i>two</i> <u>three</u>");
    assert_markup("<b.loud>one</b>", "<b>one</b>");
    assert_markup("<v Rina Sari>Halo <c.yellow>dunia</c></v>", "Halo dunia");
    assert_markup("<lang ar>كتاب</lang> A-17", "كتاب A-17");
    assert_markup("<ruby>x<rt>y</rt></ruby>", "xy");
    assert_markup("<00:00:01.500>late", "late");
    /* Never what was not asked for, always balanced. */
    assert_markup("<b>one <i>two</b> three", "<b>one <i>two</i></b> three");
    assert_markup("</b>one<b>", "one<b></b>");
    assert_markup("<span size='900000'>big</span>", "big");
    assert_markup("<big>big</big><br>", "big");
    assert_markup("<B>one</B>", "one");
    assert_markup("a &lt;b&gt; &amp; c &quot;d&quot; &unknown; & e",
                  "a &lt;b&gt; &amp; c \"d\" &amp;unknown; &amp; e");
    assert_markup("3 < 4", "3 &lt; 4");
    assert_markup("a > b", "a &gt; b");
    assert_markup("bell\a\tx", "bell  x");
    assert_markup("<i></i> \n", NULL);
    assert_markup("<never ending", "&lt;never ending");
    assert_markup("<b><b><b><b><b><b><b><b><b><b>deep",
                  "<b><b><b><b><b><b><b><b>deep</b></b></b></b></b></b></b></b>");
    /* Plain text is plain. */
    g_autoptr(Track) plain = track_of("<b>x</b> &amp;", NULL, NULL, NULL);
    const Cue *cues[TRACK_AT_ONCE];
    g_assert_cmpuint(track_at(plain, 1000000, cues), ==, 1);
    g_assert_cmpstr(cues[0]->markup, ==, "&lt;b&gt;x&lt;/b&gt; &amp;amp;");
}

static void test_places(void)
{
    static const struct {
        const char *settings, *text;
        CuePlace place;
    } cases[] = {
        {"line:0", "x", {0.5, 0, 0.5, 0, 1, SERAMBI_CENTRE}},
        {"line:3", "x", {0.5, 0.2, 0.5, 0, 1, SERAMBI_CENTRE}},
        {"line:-1", "x", {0.5, 1, 0.5, 1, 1, SERAMBI_CENTRE}},
        {"line:-4", "x", {0.5, 0.8, 0.5, 1, 1, SERAMBI_CENTRE}},
        {"line:9999", "x", {0.5, 1, 0.5, 0, 1, SERAMBI_CENTRE}},
        {"line:-9999", "x", {0.5, 0, 0.5, 1, 1, SERAMBI_CENTRE}},
        {"line:10%", "x", {0.5, 0.1, 0.5, 0, 1, SERAMBI_CENTRE}},
        {"line:50%,center", "x", {0.5, 0.5, 0.5, 0.5, 1, SERAMBI_CENTRE}},
        {"line:90%,end", "x", {0.5, 0.9, 0.5, 1, 1, SERAMBI_CENTRE}},
        {"align:left", "x", {0, 1, 0, 1, 1, SERAMBI_START}},
        {"align:right", "x", {1, 1, 1, 1, 1, SERAMBI_END}},
        {"align:start", "x", {0, 1, 0, 1, 1, SERAMBI_START}},
        {"align:end", "x", {1, 1, 1, 1, 1, SERAMBI_END}},
        /* Right-to-left words start at the right side, and left stays left. */
        {"align:start", "كتاب", {1, 1, 1, 1, 1, SERAMBI_START}},
        {"align:end", "كتاب", {0, 1, 0, 1, 1, SERAMBI_END}},
        {"align:left", "كتاب", {0, 1, 0, 1, 1, SERAMBI_END}},
        {"align:right", "كتاب", {1, 1, 1, 1, 1, SERAMBI_START}},
        {"align:start", "17 & <b>كتاب</b> A", {1, 1, 1, 1, 1, SERAMBI_START}},
        {"align:start", "A كتاب", {0, 1, 0, 1, 1, SERAMBI_START}},
        {"position:30%", "x", {0.3, 1, 0.5, 1, 1, SERAMBI_CENTRE}},
        {"position:30%,line-left", "x", {0.3, 1, 0, 1, 1, SERAMBI_CENTRE}},
        {"position:30%,line-right", "x", {0.3, 1, 1, 1, 1, SERAMBI_CENTRE}},
        {"position:0% align:start", "x", {0, 1, 0, 1, 1, SERAMBI_START}},
        {"size:40% line:5% position:100% align:right", "x", {1, 0.05, 1, 0, 0.4, SERAMBI_END}},
        {"line:1\tsize:35%", "x", {0.5, 1 / 15.0, 0.5, 0, 0.35, SERAMBI_CENTRE}},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        unsigned ignored;
        g_autoptr(Track) track = track_of("", cases[i].text, cases[i].settings, &ignored);
        const Cue *cues[TRACK_AT_ONCE];
        g_test_message("%s, %s", cases[i].settings, cases[i].text);
        g_assert_cmpuint(track_at(track, 1500000, cues), ==, 1);
        g_assert_cmpuint(ignored, ==, 0);
        g_assert_true(cues[0]->is_placed);
        const CuePlace *is = &cues[0]->place, *wish = &cases[i].place;
        g_assert_cmpfloat_with_epsilon(is->x, wish->x, 1e-9);
        g_assert_cmpfloat_with_epsilon(is->y, wish->y, 1e-9);
        g_assert_cmpfloat_with_epsilon(is->anchor_x, wish->anchor_x, 1e-9);
        g_assert_cmpfloat_with_epsilon(is->anchor_y, wish->anchor_y, 1e-9);
        g_assert_cmpfloat_with_epsilon(is->width, wish->width, 1e-9);
        g_assert_cmpint(is->align, ==, wish->align);
    }
}

/* What is not understood is told, and the words are shown at their usual place. */
static void test_ignored_settings(void)
{
    static const char *const odd[] = {"vertical:rl",
                                      "region:fred",
                                      "line:",
                                      "line:x",
                                      "line:101%",
                                      "line:5%%",
                                      "line:1.5",
                                      "line:--1",
                                      "line:5,left",
                                      "position:5",
                                      "position:50%,top",
                                      "size:0%",
                                      "size:50%,center",
                                      "size:-5%",
                                      "align:middle",
                                      "align",
                                      "line:99999",
                                      "line:1e3%",
                                      "line:nan%",
                                      "position:0x10%",
                                      "LINE:0",
                                      "align:start,",
                                      ":",
                                      "line:٣"};
    for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
        unsigned ignored;
        g_autoptr(Track) track = track_of("x", NULL, odd[i], &ignored);
        const Cue *cues[TRACK_AT_ONCE];
        g_test_message("%s", odd[i]);
        g_assert_cmpuint(track_at(track, 1500000, cues), ==, 1);
        g_assert_cmpuint(ignored, ==, 1);
        g_assert_false(cues[0]->is_placed);
    }
    unsigned ignored;
    g_autofree char *endless = g_strnfill(TRACK_SETTINGS_MAX + 1, ' ');
    g_autoptr(Track) track = track_of("x", NULL, endless, &ignored);
    g_assert_cmpuint(ignored, ==, 1);
    g_autoptr(Track) mixed = track_of("x", NULL, "vertical:rl line:0", &ignored);
    const Cue *cues[TRACK_AT_ONCE];
    g_assert_cmpuint(track_at(mixed, 1500000, cues), ==, 1);
    g_assert_true(cues[0]->is_placed);
    g_assert_cmpuint(ignored, ==, 1);
}

static void test_edges(void)
{
    g_autoptr(Track) track = track_of("x", NULL, NULL, NULL);
    const Cue *cues[TRACK_AT_ONCE];
    g_assert_cmpuint(track_at(track, -1, cues), ==, 0);
    g_assert_cmpuint(track_at(track, 999999, cues), ==, 0);
    g_assert_cmpuint(track_at(track, 1000000, cues), ==, 1);
    g_assert_cmpuint(track_at(track, 1999999, cues), ==, 1);
    g_assert_cmpuint(track_at(track, 2000000, cues), ==, 0);
    g_assert_cmpuint(track_at(NULL, 0, cues), ==, 0);
}

static json_t *cue(int start_ms, int end_ms, const char *text)
{
    return json_pack("{s:i, s:i, s:s}", "start_ms", start_ms, "end_ms", end_ms, "text", text);
}

/* By start, whatever their order in the file; of too many the latest. */
static void test_at_once(void)
{
    json_auto_t *document =
        json_pack("{s:[oooooo]}", "cues", cue(500, 900, "f"), cue(100, 900, "b"), cue(0, 900, "a"),
                  cue(200, 900, "c"), cue(300, 900, "d"), cue(400, 450, "e"));
    g_autoptr(Track) track = track_new(document, NULL, NULL);
    const Cue *cues[TRACK_AT_ONCE];
    g_assert_cmpuint(track_at(track, 150000, cues), ==, 2);
    g_assert_cmpstr(cues[0]->markup, ==, "a");
    g_assert_cmpstr(cues[1]->markup, ==, "b");
    g_assert_cmpuint(track_at(track, 420000, cues), ==, TRACK_AT_ONCE);
    g_assert_cmpstr(cues[0]->markup, ==, "b");
    g_assert_cmpstr(cues[3]->markup, ==, "e");
}

/* A bad cue is left out, its neighbours stay. */
static void test_bad_cues(void)
{
    static const char *const bad[] = {
        "null",
        "7",
        "{}",
        "{\"start_ms\":0,\"end_ms\":5}",
        "{\"start_ms\":0,\"end_ms\":5,\"text\":7}",
        "{\"start_ms\":5,\"end_ms\":5,\"text\":\"x\"}",
        "{\"start_ms\":-1,\"end_ms\":5,\"text\":\"x\"}",
        "{\"start_ms\":0,\"end_ms\":9000000000000000000,\"text\":\"x\"}",
        "{\"start_ms\":0.5,\"end_ms\":5,\"text\":\"x\"}",
        "{\"start_ms\":0,\"end_ms\":5,\"text\":\" \"}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        json_auto_t *document =
            json_pack("{s:[ooo]}", "cues", cue(0, 10, "before"),
                      json_loads(bad[i], JSON_DECODE_ANY, NULL), cue(0, 10, "behind"));
        unsigned left_out;
        g_autoptr(Track) track = track_new(document, &left_out, NULL);
        const Cue *cues[TRACK_AT_ONCE];
        g_test_message("%s", bad[i]);
        g_assert_cmpuint(left_out, ==, 1);
        g_assert_cmpuint(track_at(track, 5, cues), ==, 2);
    }
    g_autoptr(Track) none = track_new(NULL, NULL, NULL);
    json_auto_t *odd = json_pack("{s:s}", "cues", "x");
    g_autoptr(Track) text = track_new(odd, NULL, NULL);
    const Cue *cues[TRACK_AT_ONCE];
    g_assert_cmpuint(track_at(none, 0, cues) + track_at(text, 0, cues), ==, 0);
}

static unsigned left_out_of(size_t letters, char letter)
{
    g_autofree char *text = g_strnfill(letters, letter);
    json_auto_t *document = json_pack("{s:[o]}", "cues", cue(0, 10, text));
    unsigned left_out;
    g_autoptr(Track) track = track_new(document, &left_out, NULL);
    return left_out;
}

static void test_limits(void)
{
    g_assert_cmpuint(left_out_of(TRACK_TEXT_MAX, 'x'), ==, 0);
    g_assert_cmpuint(left_out_of(TRACK_TEXT_MAX + 1, 'x'), ==, 1);
    g_assert_cmpuint(left_out_of(TRACK_TEXT_MAX, '&'), ==, 1); /* as markup it is too long */
    json_t *list = json_array();
    for (int i = 0; i < TRACK_CUES_MAX + 3; i++)
        json_array_append_new(list, cue(i, i + 1, "x"));
    json_auto_t *document = json_pack("{s:o}", "cues", list);
    unsigned left_out;
    g_autoptr(Track) track = track_new(document, &left_out, NULL);
    g_assert_cmpuint(left_out, ==, 3);
}

/* Whatever letters come: the markup is balanced, and the places are on the picture. */
static void test_noise(void)
{
    static const char letters[] = "<>/&;biuv c.\n\t:%,-0159lineaigstr";
    for (int round = 0; round < 20000; round++) {
        char text[40] = "", settings[40] = "line:";
        for (int i = 0; i < 39; i++)
            text[i] = letters[g_test_rand_int_range(0, sizeof letters - 1)];
        for (int i = 5; i < 39; i++)
            settings[i] = letters[g_test_rand_int_range(0, sizeof letters - 1)];
        g_autoptr(Track) track = track_of(NULL, text, settings, NULL);
        const Cue *cues[TRACK_AT_ONCE];
        if (track_at(track, 1000000, cues) == 0)
            continue;
        const CuePlace *place = &cues[0]->place;
        g_assert_true(place->x >= 0 && place->x <= 1 && place->y >= 0 && place->y <= 1);
        g_assert_true(place->width > 0 && place->width <= 1);
        int depth = 0;
        for (const char *at = cues[0]->markup; (at = strchr(at, '<')); at++) {
            depth += at[1] == '/' ? -1 : 1;
            g_assert_cmpint(depth, >=, 0);
            g_assert_nonnull(strchr("biu", at[1] == '/' ? at[2] : at[1]));
        }
        g_assert_cmpint(depth, ==, 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/track/markup", test_markup);
    g_test_add_func("/track/places", test_places);
    g_test_add_func("/track/ignored-settings", test_ignored_settings);
    g_test_add_func("/track/edges", test_edges);
    g_test_add_func("/track/at-once", test_at_once);
    g_test_add_func("/track/bad-cues", test_bad_cues);
    g_test_add_func("/track/limits", test_limits);
    g_test_add_func("/track/noise", test_noise);
    return g_test_run();
}
