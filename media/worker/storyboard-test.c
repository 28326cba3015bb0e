/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Storyboards: what is read, and what is said about each mistake. */
#include "pictogram.h"
#include "report.h"
#include "storyboard.h"
#include "timeline.h"
#include <string.h>

#define HEAD  "storyboard 1\nlanguages id en\ntitle\n id: Judul\n en: Title\n"
#define SLIDE HEAD "slide title\nheading\n id: Halo\n en: Hello\n"

static Storyboard *parse(const char *text, GError **error)
{
    return storyboard_parse("t.storyboard", text, strlen(text), error);
}

static void expect_error(const char *text, const char *place, const char *hint)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Storyboard) board = parse(text, &error);
    g_assert_null(board);
    g_assert_error(error, REPORT_ERROR, REPORT_ERROR_STORYBOARD);
    g_autofree char *prefix = g_strdup_printf("t.storyboard:%s: ", place);
    if (!g_str_has_prefix(error->message, prefix) || strstr(error->message, hint) == NULL)
        g_error("expected \"%s… %s …\" but got \"%s\"", prefix, hint, error->message);
}

static void test_good(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Storyboard) board =
        parse("\xEF\xBB\xBFstoryboard 1\r\n# a note\r\nlanguages id en ar\r\n"
              "title\n id: A\n en: B\n ar: ت\nsummary\n id: C\n en: D\n ar: ث\n"
              "slide steps\npicture book\nheading\n id: H\n en: H: with colon\n ar: ج\n"
              "say\n id: Halo.\n en: Hello.\n ar: أهلًا.\n"
              "point\n id: P\n en: Q\n ar: ح\npicture foto.png\n"
              "say\n id: S.\n en: T.\n ar: خ.\nhold 2.5\n",
              &error);
    g_assert_no_error(error);
    g_assert_cmpuint(board->language_count, ==, 3);
    g_assert_cmpuint(board->slide_count, ==, 1);
    const StoryboardSlide *slide = &board->slides[0];
    g_assert_cmpint(slide->layout, ==, STORYBOARD_STEPS);
    g_assert_cmpstr(slide->picture, ==, "book");
    g_assert_cmpstr(slide->heading.words[1], ==, "H: with colon");
    g_assert_cmpstr(slide->say.words[2], ==, "أهلًا.");
    g_assert_cmpuint(slide->point_count, ==, 1);
    g_assert_cmpstr(slide->points[0].picture, ==, "foto.png");
    g_assert_cmpstr(slide->points[0].say.words[0], ==, "S.");
    g_assert_cmpfloat(slide->hold_s, ==, 2.5);
    g_assert_cmpint(storyboard_language(board, "ar"), ==, 2);
    g_assert_cmpint(storyboard_language(board, "fr"), ==, -1);
}

static void test_errors(void)
{
    static const struct {
        const char *text, *place, *hint;
    } CASES[] = {
        {"", "1:1", "storyboard 1"},
        {"storyboard 2\n", "1:1", "storyboard 1"},
        {"storyboard 1\ntitle\n", "2:1", "languages"},
        {"storyboard 1\nlanguages id e3\n", "2:14", "not a language code"},
        {"storyboard 1\nlanguages id id\n", "2:14", "twice"},
        {"storyboard 1\nlanguages\n", "2:10", "needs a value"},
        {"storyboard 1\nlanguages id\nid: x\n", "3:1", "need a place"},
        {HEAD, "6:1", "there is no slide"},
        {HEAD "slide titel\n", "6:7", "did you mean \"title\""},
        {HEAD "heading\n", "6:1", "belongs to a slide"},
        {HEAD "slide title\n", "6:1", "no \"heading\""},
        {SLIDE "recording suara.flac\n", "10:1", "becomes the captions"},
        {SLIDE "recording suara.txt\n", "10:11", "not a sound file"},
        {SLIDE "recording a/b.wav\n", "10:11", "without \"/\""},
        {SLIDE "recording a.wav\nrecording b.wav\n", "11:1", "already given in line 10"},
        {HEAD "slide title\nheading\n id: Halo\n", "7:1", "no line in language \"en\""},
        {HEAD "slide title\nheading Halo\n", "7:9", "stands alone"},
        {SLIDE " fr: Salut\n", "10:2", "not a language of this storyboard"},
        {SLIDE " en: Again\n", "10:2", "already given"},
        {SLIDE "  headin\n", "10:3", "did you mean \"heading\""},
        {SLIDE "heading\n", "10:1", "already given in line 7"},
        {SLIDE "title\n", "10:1", "before the first slide"},
        {SLIDE "point\n", "10:1", "kind \"title\""},
        {SLIDE "picture bok\n", "10:9", "did you mean \"book\""},
        {SLIDE "picture ../x.png\n", "10:9", "without \"/\""},
        {SLIDE "hold soon\n", "10:6", "for example: hold 2.5"},
        {SLIDE "hold 99\n", "10:6", "0 to 20"},
        {SLIDE "say\n id:\n en: x\n", "11:5", "are missing"},
        {SLIDE "say\n en: x\n id: é\x01\n id: y\n", "12:7", "control character"},
        {SLIDE "say\n id: é\xFF\n", "11:7", "UTF-8"},
        {HEAD "slide points\nheading\n id: a\n en: b\n", "6:1", "at least one \"point\""},
        {HEAD "slide points\nnote\n", "7:1", "make it a point"},
        {HEAD "slide picture\nheading\n id: a\n en: b\n", "6:1", "picture NAME"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++)
        expect_error(CASES[i].text, CASES[i].place, CASES[i].hint);
}

static void test_limits(void)
{
    g_autoptr(GString) slides = g_string_new(HEAD);
    for (int i = 0; i <= STORYBOARD_SLIDES_MAX; i++)
        g_string_append(slides, "slide title\nheading\n id: a\n en: b\n");
    expect_error(slides->str, "102:1", "at most 24 slides");

    g_autoptr(GString) points = g_string_new(HEAD "slide points\nheading\n id: a\n en: b\n");
    for (int i = 0; i <= STORYBOARD_POINTS_MAX; i++)
        g_string_append(points, "point\n id: a\n en: b\n");
    expect_error(points->str, "22:1", "at most 4 points");

    g_autofree char *text = g_strnfill(STORYBOARD_TEXT_MAX + 1, 'x');
    g_autofree char *longer = g_strconcat(SLIDE "say\n id: ", text, "\n en: x\n", NULL);
    expect_error(longer, "11:406", "longer than 400");

    g_autofree char *huge = g_strnfill(STORYBOARD_BYTES_MAX + 1, '\n');
    expect_error(huge, "1:1", "larger");
}

/* "line:column+length code word hint number; " for each problem. */
static char *all_problems(const char *text, Storyboard **ret_board)
{
    g_autoptr(GPtrArray) problems = storyboard_lint(text, strlen(text), ret_board);
    g_autoptr(GString) all = g_string_new(NULL);
    for (guint i = 0; i < problems->len; i++) {
        const StoryboardProblem *problem = g_ptr_array_index(problems, i);
        g_string_append_printf(all, "%u:%u+%u %s %s %s %d; ", problem->line, problem->column,
                               problem->length, problem->code,
                               problem->word != NULL ? problem->word : "-",
                               problem->hint != NULL ? problem->hint : "-", problem->number);
    }
    return g_string_free(g_steal_pointer(&all), FALSE);
}

static void expect_problems(const char *text, const char *expected)
{
    g_autoptr(Storyboard) board = NULL;
    g_autofree char *all = all_problems(text, &board);
    g_assert_cmpstr(all, ==, expected);
}

/* One mistake is told once, the next ones as well, each at its place in characters. */
static void test_all_problems(void)
{
    expect_problems(SLIDE, "");
    expect_problems(SLIDE "  headin\n id: é\n xx: y\n\tpicture bok\nhold 99\n",
                    "10:3+6 unknown_word headin heading 0; 13:10+3 unknown_picture bok book 0; "
                    "14:6+2 bad_hold 99 - 20; ");
    expect_problems(HEAD "slide titel\nnote\n id: a\n en: b\npoint\n id: a\n en: b\n",
                    "6:7+5 unknown_kind titel title 0; ");
    expect_problems(HEAD "slide title\n heading\n  id: a\nslide picture\nheading\n id: a\n en: b\n",
                    "7:2+7 missing_language heading en 0; 9:1+5 no_picture - - 0; ");
    expect_problems(SLIDE "heading\n id: a\n en: b\nheading\n", "10:1+7 text_twice heading - 7; "
                                                                "13:1+7 text_twice heading - 7; ");
    expect_problems(SLIDE "point\n id: a\n en: b\npicture book\nsay\n id: a\n en: b\n",
                    "10:1+5 point_elsewhere title - 0; ");
    expect_problems(SLIDE "say\n id: é \x01\n id: y\n en: z\n", "11:8+1 control_character - - 0; ");
    expect_problems("story\n", "1:1+5 first_line - storyboard 1 0; ");
}

/* What was read can be looked at although something is wrong. */
static void test_looking(void)
{
    g_autoptr(Storyboard) board = NULL;
    g_autofree char *all = all_problems(
        SLIDE "slide steps\nheading\n id: Dua\nslide picture\nheading\n id: a\n en: b\n", &board);
    g_assert_cmpuint(board->slide_count, ==, 3);
    g_assert_true(storyboard_is_drawable(&board->slides[0]));
    g_assert_false(storyboard_is_drawable(&board->slides[1]));
    g_assert_false(storyboard_is_drawable(&board->slides[2]));
    g_assert_cmpstr(board->slides[1].heading.words[0], ==, "Dua");
    g_assert_cmpstr(board->slides[1].heading.words[1], ==, "…");
}

static void test_too_many_problems(void)
{
    g_autoptr(GString) text = g_string_new(SLIDE);
    for (int i = 0; i <= STORYBOARD_PROBLEMS_MAX; i++)
        g_string_append(text, "nonsense\n");
    g_autoptr(GPtrArray) problems = storyboard_lint(text->str, text->len, NULL);
    g_assert_cmpuint(problems->len, ==, STORYBOARD_PROBLEMS_MAX);

    g_autofree char *name = g_strnfill(STORYBOARD_FILE_NAME_MAX, 'a');
    g_autofree char *picture = g_strconcat(SLIDE "picture ", name, ".png\n", NULL);
    expect_error(picture, "10:9", "short name");
}

/* The manual says what the parser does: its example is read, and it names every limit and word. */
static void test_manual(void)
{
    const char *folder = g_getenv("SERAMBI_SAMPLES");
    g_assert_nonnull(folder);
    g_autofree char *path = g_build_filename(folder, "README.md", NULL), *manual = NULL;
    g_assert_true(g_file_get_contents(path, &manual, NULL, NULL));
    const char *begin = strstr(manual, "    storyboard 1\n");
    g_assert_nonnull(begin);
    const char *end = strstr(begin, "\n| ");
    g_assert_nonnull(end);
    g_autofree char *example = g_strndup(begin + 4, (size_t)(end - begin - 4));
    g_autoptr(GError) error = NULL;
    g_autoptr(Storyboard) board = parse(example, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(board->slide_count, ==, 2);
    for (const char *const *word = storyboard_words(); *word != NULL; word++) {
        g_autofree char *row = g_strconcat("`", *word, NULL);
        if (strstr(manual, row) == NULL)
            g_error("the manual has no row for '%s'", *word);
    }
    for (const char *const *name = pictogram_names(); *name != NULL; name++) {
        g_autofree char *word = g_strconcat("`", *name, "`", NULL);
        if (strstr(manual, word) == NULL)
            g_error("the manual does not name the drawing '%s'", *name);
    }
    g_autofree char *limits = g_strdup_printf(
        "A text has at most %d characters, a slide %d points, a storyboard %d languages, %d "
        "slides, "
        "%d KiB\nand %d minutes; `hold` at most %.0f seconds.",
        STORYBOARD_TEXT_MAX, STORYBOARD_POINTS_MAX, STORYBOARD_LANGUAGES_MAX, STORYBOARD_SLIDES_MAX,
        STORYBOARD_BYTES_MAX / 1024, TIMELINE_MAX_MS / 60000, STORYBOARD_HOLD_MAX_S);
    if (strstr(manual, limits) == NULL)
        g_error("the manual does not say: %s", limits);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/storyboard/good", test_good);
    g_test_add_func("/storyboard/errors", test_errors);
    g_test_add_func("/storyboard/limits", test_limits);
    g_test_add_func("/storyboard/all-problems", test_all_problems);
    g_test_add_func("/storyboard/looking", test_looking);
    g_test_add_func("/storyboard/too-many-problems", test_too_many_problems);
    g_test_add_func("/storyboard/manual", test_manual);
    return g_test_run();
}
