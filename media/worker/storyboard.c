/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Reads storyboards line by line. Its authors are librarians: every complaint says where and what
 * would be right. */
#include "storyboard.h"
#include "pictogram.h"
#include "report.h"
#include <string.h>

static const char *const LAYOUTS[] = {
    [STORYBOARD_TITLE] = "title",     [STORYBOARD_POINTS] = "points",
    [STORYBOARD_STEPS] = "steps",     [STORYBOARD_PICTURE] = "picture",
    [STORYBOARD_CLOSING] = "closing",
};

typedef struct Parser {
    Storyboard *board;
    unsigned line;
    const char *line_start;
    StoryboardText *open;   /* where "id: …" lines go; NULL: nowhere */
    const char *open_word;  /* its keyword, for messages */
    StoryboardSlide *slide; /* NULL before the first */
    StoryboardPoint *point; /* NULL before the first of a slide */
} Parser;

static bool fail(const Parser *parser, const char *at, GError **error, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

static void set_error(const char *name, unsigned line, long column, GError **error,
                      const char *message)
{
    g_set_error(error, REPORT_ERROR, REPORT_ERROR_STORYBOARD, "%s:%u:%ld: %s", name, line, column,
                message);
}

static bool fail(const Parser *parser, const char *at, GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    long column = at == NULL ? 1 : g_utf8_pointer_to_offset(parser->line_start, at) + 1;
    set_error(parser->board->name, parser->line, column, error, message);
    return false;
}

/* How many letters must be changed, added or dropped (Levenshtein), for "did you mean". */
static size_t distance(const char *left, const char *right)
{
    size_t row[32];
    size_t width = strlen(right);
    if (width >= G_N_ELEMENTS(row))
        return G_MAXSIZE;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; left[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t above = row[j];
            size_t change = diagonal + (left[i - 1] != right[j - 1]);
            row[j] = MIN(MIN(row[j] + 1, row[j - 1] + 1), change);
            diagonal = above;
        }
    }
    return row[width];
}

static bool fail_unknown(const Parser *parser, const char *at, const char *word, const char *what,
                         const char *const *known, GError **error)
{
    const char *nearest = NULL;
    size_t best = 3;
    for (size_t i = 0; known[i] != NULL; i++) {
        size_t d = distance(word, known[i]);
        if (d < best) {
            best = d;
            nearest = known[i];
        }
    }
    g_autofree char *all = g_strjoinv(", ", (char **)known);
    if (nearest != NULL)
        return fail(parser, at, error, "\"%s\" is not %s; did you mean \"%s\"? Known are: %s", word,
                    what, nearest, all);
    return fail(parser, at, error, "\"%s\" is not %s; known are: %s", word, what, all);
}

int storyboard_language(const Storyboard *board, const char *language)
{
    for (unsigned i = 0; i < board->language_count; i++)
        if (g_str_equal(board->languages[i], language))
            return (int)i;
    return -1;
}

bool storyboard_picture_is_file(const char *picture)
{
    return g_str_has_suffix(picture, ".png");
}

/* ---- one line ---- */

static bool parse_languages(Parser *parser, const char *argument, GError **error)
{
    Storyboard *board = parser->board;
    if (board->language_count > 0)
        return fail(parser, NULL, error, "the languages were already given");
    const char *at = argument;
    while (*at != '\0') {
        size_t length = strcspn(at, " \t");
        g_autofree char *code = g_strndup(at, length);
        bool is_code =
            length >= 2 && length <= 3 && strspn(code, "abcdefghijklmnopqrstuvwxyz") == length;
        if (!is_code)
            return fail(parser, at, error,
                        "\"%s\" is not a language code; write for example: languages id en ar",
                        code);
        if (storyboard_language(board, code) >= 0)
            return fail(parser, at, error, "language \"%s\" is given twice", code);
        if (board->language_count == STORYBOARD_LANGUAGES_MAX)
            return fail(parser, at, error, "at most %d languages are possible",
                        STORYBOARD_LANGUAGES_MAX);
        board->languages[board->language_count++] = g_steal_pointer(&code);
        at += length;
        at += strspn(at, " \t");
    }
    if (board->language_count == 0)
        return fail(parser, NULL, error,
                    "name at least one language, for example: languages id en ar");
    return true;
}

static bool check_complete(Parser *parser, GError **error)
{
    const StoryboardText *text = parser->open;
    if (text == NULL)
        return true;
    for (unsigned i = 0; i < parser->board->language_count; i++) {
        if (text->words[i] != NULL)
            continue;
        g_autofree char *message = g_strdup_printf(
            "this \"%s\" has no line in language \"%s\"; add a line \"%s: …\"", parser->open_word,
            parser->board->languages[i], parser->board->languages[i]);
        set_error(parser->board->name, text->line, 1, error, message);
        return false;
    }
    return true;
}

static bool check_slide(const Parser *parser, GError **error)
{
    const StoryboardSlide *slide = parser->slide;
    if (slide == NULL)
        return true;
    bool is_list = slide->layout == STORYBOARD_POINTS || slide->layout == STORYBOARD_STEPS;
    const char *message = NULL;
    if (slide->heading.line == 0)
        message = "this slide has no \"heading\"";
    else if (is_list && slide->point_count == 0)
        message = "a slide of points or steps needs at least one \"point\"";
    else if (slide->layout == STORYBOARD_PICTURE && slide->picture == NULL)
        message = "a picture slide needs a line \"picture NAME\"";
    if (message != NULL)
        set_error(parser->board->name, slide->line, 1, error, message);
    return message == NULL;
}

/* Begins a text: from here on "id: …" lines belong to it. */
static bool open_text(Parser *parser, StoryboardText *text, const char *word, GError **error)
{
    if (parser->board->language_count == 0)
        return fail(parser, NULL, error, "the line \"languages …\" must come before \"%s\"", word);
    if (text->line != 0)
        return fail(parser, NULL, error, "\"%s\" was already given in line %u", word, text->line);
    text->line = parser->line;
    parser->open = text;
    parser->open_word = word;
    return true;
}

static bool begin_slide(Parser *parser, const char *argument, GError **error)
{
    if (!check_slide(parser, error))
        return false;
    Storyboard *board = parser->board;
    if (board->title.line == 0)
        return fail(parser, NULL, error,
                    "the \"title\" of the storyboard must come before the first slide");
    if (board->slide_count == STORYBOARD_SLIDES_MAX)
        return fail(parser, NULL, error, "at most %d slides are possible", STORYBOARD_SLIDES_MAX);
    for (size_t i = 1; i < G_N_ELEMENTS(LAYOUTS); i++) {
        if (!g_str_equal(argument, LAYOUTS[i]))
            continue;
        parser->slide = &board->slides[board->slide_count++];
        parser->slide->layout = (StoryboardLayout)i;
        parser->slide->line = parser->line;
        parser->point = NULL;
        return true;
    }
    const char *known[G_N_ELEMENTS(LAYOUTS)] = {0};
    for (size_t i = 1; i < G_N_ELEMENTS(LAYOUTS); i++)
        known[i - 1] = LAYOUTS[i];
    return fail_unknown(parser, argument, argument, "a kind of slide", known, error);
}

static bool begin_point(Parser *parser, GError **error)
{
    StoryboardSlide *slide = parser->slide;
    if (slide->layout != STORYBOARD_POINTS && slide->layout != STORYBOARD_STEPS)
        return fail(parser, NULL, error,
                    "only slides of points or steps have points; this is a slide of kind \"%s\"",
                    LAYOUTS[slide->layout]);
    if (slide->point_count == STORYBOARD_POINTS_MAX)
        return fail(parser, NULL, error, "at most %d points fit on a slide; begin another slide",
                    STORYBOARD_POINTS_MAX);
    parser->point = &slide->points[slide->point_count++];
    return open_text(parser, &parser->point->text, "point", error);
}

static bool set_picture(Parser *parser, const char *argument, GError **error)
{
    char **picture = parser->point != NULL ? &parser->point->picture : &parser->slide->picture;
    unsigned *line =
        parser->point != NULL ? &parser->point->picture_line : &parser->slide->picture_line;
    if (*picture != NULL)
        return fail(parser, NULL, error, "the picture was already given in line %u", *line);
    if (storyboard_picture_is_file(argument)) {
        if (strchr(argument, '/') != NULL || argument[0] == '.')
            return fail(parser, argument, error,
                        "a picture file lies beside the storyboard: a name without \"/\"");
    } else if (!pictogram_exists(argument)) {
        return fail_unknown(parser, argument, argument, "a picture (a PNG file would end in .png)",
                            pictogram_names(), error);
    }
    *picture = g_strdup(argument);
    *line = parser->line;
    return true;
}

static bool set_hold(Parser *parser, const char *argument, GError **error)
{
    char *end = NULL;
    double seconds = g_ascii_strtod(argument, &end);
    if (end == argument || *end != '\0' || !(seconds >= 0 && seconds <= STORYBOARD_HOLD_MAX_S))
        return fail(parser, argument, error,
                    "\"hold\" takes seconds from 0 to %.0f, for example: hold 2.5",
                    STORYBOARD_HOLD_MAX_S);
    parser->slide->hold_s = seconds;
    return true;
}

typedef enum Keyword {
    KEYWORD_LANGUAGES,
    KEYWORD_TITLE,
    KEYWORD_SUMMARY,
    KEYWORD_SLIDE,
    KEYWORD_PICTURE,
    KEYWORD_HEADING,
    KEYWORD_NOTE,
    KEYWORD_POINT,
    KEYWORD_SAY,
    KEYWORD_HOLD,
} Keyword;

static const struct {
    const char *word;
    bool is_in_slide, has_argument;
} KEYWORDS[] = {
    [KEYWORD_LANGUAGES] = {"languages", false, true},
    [KEYWORD_TITLE] = {"title", false, false},
    [KEYWORD_SUMMARY] = {"summary", false, false},
    [KEYWORD_SLIDE] = {"slide", false, true},
    [KEYWORD_PICTURE] = {"picture", true, true},
    [KEYWORD_HEADING] = {"heading", true, false},
    [KEYWORD_NOTE] = {"note", true, false},
    [KEYWORD_POINT] = {"point", true, false},
    [KEYWORD_SAY] = {"say", true, false},
    [KEYWORD_HOLD] = {"hold", true, true},
};

static bool obey(Parser *parser, Keyword keyword, const char *argument, GError **error)
{
    StoryboardSlide *slide = parser->slide;
    switch (keyword) {
    case KEYWORD_LANGUAGES:
        return parse_languages(parser, argument, error);
    case KEYWORD_TITLE:
        return open_text(parser, &parser->board->title, "title", error);
    case KEYWORD_SUMMARY:
        return open_text(parser, &parser->board->summary, "summary", error);
    case KEYWORD_SLIDE:
        return begin_slide(parser, argument, error);
    case KEYWORD_PICTURE:
        return set_picture(parser, argument, error);
    case KEYWORD_HEADING:
        return open_text(parser, &slide->heading, "heading", error);
    case KEYWORD_NOTE:
        if (slide->layout == STORYBOARD_POINTS || slide->layout == STORYBOARD_STEPS)
            return fail(parser, NULL, error,
                        "slides of points or steps have no \"note\": make it a point");
        return open_text(parser, &slide->note, "note", error);
    case KEYWORD_POINT:
        return begin_point(parser, error);
    case KEYWORD_SAY:
        return open_text(parser, parser->point != NULL ? &parser->point->say : &slide->say, "say",
                         error);
    case KEYWORD_HOLD:
        return set_hold(parser, argument, error);
    }
    g_assert_not_reached();
}

static bool parse_keyword(Parser *parser, const char *at, GError **error)
{
    size_t length = strcspn(at, " \t");
    g_autofree char *word = g_strndup(at, length);
    const char *argument = at + length + strspn(at + length, " \t");
    if (!check_complete(parser, error))
        return false;
    parser->open = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(KEYWORDS); i++) {
        if (!g_str_equal(word, KEYWORDS[i].word))
            continue;
        if (KEYWORDS[i].is_in_slide && parser->slide == NULL)
            return fail(parser, at, error,
                        "\"%s\" belongs to a slide; begin one with a line \"slide title\"", word);
        bool is_general = !KEYWORDS[i].is_in_slide && i != KEYWORD_SLIDE;
        if (is_general && parser->slide != NULL)
            return fail(parser, at, error, "\"%s\" must come before the first slide", word);
        if (KEYWORDS[i].has_argument && *argument == '\0')
            return fail(parser, argument, error, "\"%s\" needs a value on the same line", word);
        if (!KEYWORDS[i].has_argument && *argument != '\0')
            return fail(parser, argument, error,
                        "\"%s\" stands alone; its words follow on the next lines, as \"id: …\"",
                        word);
        return obey(parser, (Keyword)i, argument, error);
    }
    const char *known[G_N_ELEMENTS(KEYWORDS) + 1] = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(KEYWORDS); i++)
        known[i] = KEYWORDS[i].word;
    return fail_unknown(parser, at, word, "a word of storyboards", known, error);
}

/* at: "id: words". colon points to the colon. */
static bool parse_words(Parser *parser, const char *at, const char *colon, GError **error)
{
    g_autofree char *code = g_strndup(at, (size_t)(colon - at));
    if (parser->open == NULL)
        return fail(parser, at, error,
                    "words need a place: put \"title\", \"heading\", \"point\" or \"say\" on the "
                    "line before");
    int language = storyboard_language(parser->board, code);
    if (language < 0)
        return fail_unknown(parser, at, code, "a language of this storyboard",
                            (const char *const *)parser->board->languages, error);
    const char *words = colon + 1 + strspn(colon + 1, " \t");
    if (*words == '\0')
        return fail(parser, words, error, "the words in \"%s\" are missing", code);
    if (parser->open->words[language] != NULL)
        return fail(parser, at, error, "the words in \"%s\" were already given", code);
    if (g_utf8_strlen(words, -1) > STORYBOARD_TEXT_MAX)
        return fail(parser, g_utf8_offset_to_pointer(words, STORYBOARD_TEXT_MAX), error,
                    "the text is longer than %d characters", STORYBOARD_TEXT_MAX);
    parser->open->words[language] = g_strdup(words);
    return true;
}

static bool parse_line(Parser *parser, char *text, GError **error)
{
    parser->line_start = text;
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at))
        if (g_unichar_iscntrl(g_utf8_get_char(at)) && *at != '\t')
            return fail(parser, at, error,
                        "there is an invisible control character here; delete it");
    g_strchomp(text);
    const char *at = text + strspn(text, " \t");
    if (*at == '\0' || *at == '#')
        return true;
    const char *colon = at + strspn(at, "abcdefghijklmnopqrstuvwxyz");
    if (*colon == ':' && colon > at)
        return parse_words(parser, at, colon, error);
    return parse_keyword(parser, at, error);
}

static bool check_encoding(const char *name, const char *text, size_t size, GError **error)
{
    const char *end = NULL;
    if (size > STORYBOARD_BYTES_MAX) {
        set_error(name, 1, 1, error, "the file is larger than a storyboard can be (256 KiB)");
        return false;
    }
    if (g_utf8_validate_len(text, size, &end))
        return true;
    unsigned line = 1;
    const char *line_start = text;
    for (const char *at = text; at < end; at++) {
        if (*at == '\n') {
            line++;
            line_start = at + 1;
        }
    }
    set_error(name, line, g_utf8_strlen(line_start, end - line_start) + 1, error,
              "this is not UTF-8; save the file with the encoding UTF-8");
    return false;
}

static bool parse_all(Parser *parser, char **lines, GError **error)
{
    parser->line = 1;
    parser->line_start = lines[0] != NULL ? lines[0] : "";
    g_autofree char *first = g_strstrip(g_strdup(parser->line_start));
    if (!g_str_equal(first, "storyboard 1"))
        return fail(parser, NULL, error, "line 1 must be: storyboard 1");
    for (unsigned i = 1; lines[i] != NULL; i++) {
        parser->line = i + 1;
        if (!parse_line(parser, lines[i], error))
            return false;
    }
    if (!check_complete(parser, error) || !check_slide(parser, error))
        return false;
    if (parser->board->slide_count == 0)
        return fail(parser, NULL, error,
                    "there is no slide; begin one with a line \"slide title\"");
    return true;
}

Storyboard *storyboard_parse(const char *name, const char *text, size_t size, GError **error)
{
    if (!check_encoding(name, text, size, error))
        return NULL;
    /* The byte order mark of Windows editors, and their line ends, are nobody's fault. */
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        size -= 3;
    }
    g_autofree char *copy = g_strndup(text, size);
    g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
    for (unsigned i = 0; lines[i] != NULL; i++)
        if (g_str_has_suffix(lines[i], "\r"))
            lines[i][strlen(lines[i]) - 1] = '\0';

    g_autoptr(Storyboard) board = g_new0(Storyboard, 1);
    board->name = g_strdup(name);
    Parser parser = {.board = board};
    if (!parse_all(&parser, lines, error))
        return NULL;
    return g_steal_pointer(&board);
}

static void clear_text(StoryboardText *text)
{
    for (unsigned i = 0; i < STORYBOARD_LANGUAGES_MAX; i++)
        g_free(text->words[i]);
}

void storyboard_free(Storyboard *board)
{
    if (board == NULL)
        return;
    g_free(board->name);
    for (unsigned i = 0; i < STORYBOARD_LANGUAGES_MAX; i++)
        g_free(board->languages[i]);
    clear_text(&board->title);
    clear_text(&board->summary);
    for (unsigned i = 0; i < STORYBOARD_SLIDES_MAX; i++) {
        StoryboardSlide *slide = &board->slides[i];
        g_free(slide->picture);
        clear_text(&slide->heading);
        clear_text(&slide->note);
        clear_text(&slide->say);
        for (unsigned j = 0; j < STORYBOARD_POINTS_MAX; j++) {
            clear_text(&slide->points[j].text);
            clear_text(&slide->points[j].say);
            g_free(slide->points[j].picture);
        }
    }
    g_free(board);
}
