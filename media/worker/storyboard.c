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
    GPtrArray *problems;
    unsigned line;
    const char *line_start;
    StoryboardText *open;   /* where "id: …" lines go; NULL: nowhere */
    const char *open_word;  /* its keyword, for messages */
    StoryboardSlide *slide; /* NULL before the first */
    StoryboardPoint *point; /* NULL before the first of a slide */
    bool is_skipping;       /* words after a line that was not understood */
    bool is_over;           /* the rest would only be guessed at */
    /* What is too much goes here, so that the lines after it are not wrong as well. */
    StoryboardText spare_text;
    StoryboardPoint spare_point;
} Parser;

/* A mistake at a place of the line that is being read. */
typedef struct Mistake {
    const char *code;
    const char *at; /* NULL: the beginning of the line */
    size_t bytes;   /* how long the wrong part is; 0: to the end of the word */
    const char *word, *hint;
    int number;
} Mistake;

static void clear_text(StoryboardText *text)
{
    for (unsigned i = 0; i < STORYBOARD_LANGUAGES_MAX; i++)
        g_free(text->words[i]);
    *text = (StoryboardText){0};
}

static void clear_point(StoryboardPoint *point)
{
    clear_text(&point->text);
    clear_text(&point->say);
    g_free(point->picture);
    *point = (StoryboardPoint){0};
}

static void free_problem(void *data)
{
    StoryboardProblem *problem = data;
    g_free(problem->word);
    g_free(problem->hint);
    g_free(problem->message);
    g_free(problem);
}

static StoryboardProblem *add_problem(GPtrArray *problems, unsigned line, const char *code,
                                      const char *word, const char *message)
{
    if (problems->len == STORYBOARD_PROBLEMS_MAX)
        return NULL;
    StoryboardProblem *problem = g_new0(StoryboardProblem, 1);
    problem->line = line;
    problem->column = 1;
    problem->code = code;
    problem->word = g_strdup(word);
    problem->message = g_strdup(message);
    g_ptr_array_add(problems, problem);
    return problem;
}

void storyboard_add_problem(GPtrArray *problems, unsigned line, const char *code, const char *word,
                            const char *message)
{
    (void)add_problem(problems, line, code, word, message);
}

static void tell(Parser *parser, Mistake mistake, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void tell(Parser *parser, Mistake mistake, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    StoryboardProblem *problem =
        add_problem(parser->problems, parser->line, mistake.code, mistake.word, message);
    if (parser->slide != NULL)
        parser->slide->is_spoilt = true;
    if (problem == NULL)
        return;
    const char *at = mistake.at != NULL ? mistake.at : parser->line_start;
    size_t bytes = mistake.bytes > 0 ? mistake.bytes : strcspn(at, " \t");
    problem->column = (unsigned)g_utf8_pointer_to_offset(parser->line_start, at) + 1;
    problem->length = (unsigned)g_utf8_strlen(at, (gssize)bytes);
    problem->hint = g_strdup(mistake.hint);
    problem->number = mistake.number;
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

static void tell_unknown(Parser *parser, const char *code, const char *at, const char *word,
                         const char *what, const char *const *known)
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
    Mistake mistake = {code, at, strlen(word), word, nearest, 0};
    if (nearest != NULL)
        tell(parser, mistake, "\"%s\" is not %s; did you mean \"%s\"? Known are: %s", word, what,
             nearest, all);
    else
        tell(parser, mistake, "\"%s\" is not %s; known are: %s", word, what, all);
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

bool storyboard_is_drawable(const StoryboardSlide *slide)
{
    if (slide->is_unknown || slide->heading.line == 0)
        return false;
    if (slide->layout == STORYBOARD_PICTURE)
        return slide->picture != NULL;
    bool is_list = slide->layout == STORYBOARD_POINTS || slide->layout == STORYBOARD_STEPS;
    return !is_list || slide->point_count > 0;
}

/* ---- one line ---- */

static bool is_language_code(const char *code)
{
    size_t length = strlen(code);
    return length >= 2 && length <= 3 && strspn(code, "abcdefghijklmnopqrstuvwxyz") == length;
}

static void parse_languages(Parser *parser, const char *argument)
{
    Storyboard *board = parser->board;
    if (board->language_count > 0) {
        tell(parser, (Mistake){.code = "languages_twice"}, "the languages were already given");
        return;
    }
    for (const char *at = argument; *at != '\0'; at += strspn(at, " \t")) {
        size_t length = strcspn(at, " \t");
        g_autofree char *code = g_strndup(at, length);
        if (!is_language_code(code))
            tell(parser, (Mistake){"bad_language", at, length, code, NULL, 0},
                 "\"%s\" is not a language code; write for example: languages id en ar", code);
        else if (storyboard_language(board, code) >= 0)
            tell(parser, (Mistake){"language_twice", at, length, code, NULL, 0},
                 "language \"%s\" is given twice", code);
        else if (board->language_count == STORYBOARD_LANGUAGES_MAX)
            tell(parser,
                 (Mistake){"languages_many", at, length, code, NULL, STORYBOARD_LANGUAGES_MAX},
                 "at most %d languages are possible", STORYBOARD_LANGUAGES_MAX);
        else
            board->languages[board->language_count++] = g_steal_pointer(&code);
        at += length;
    }
    parser->is_over = board->language_count == 0;
}

/* What "…" stands for was told. */
static void fill_gaps(const Storyboard *board, StoryboardText *text)
{
    for (unsigned i = 0; i < board->language_count; i++)
        if (text->line != 0 && text->words[i] == NULL)
            text->words[i] = g_strdup("…");
}

/* Every text has words in every language. */
static void close_text(Parser *parser)
{
    StoryboardText *text = parser->open;
    parser->open = NULL;
    for (unsigned i = 0; text != NULL && i < parser->board->language_count; i++) {
        const char *language = parser->board->languages[i];
        if (text->words[i] != NULL || text == &parser->spare_text)
            continue;
        g_autofree char *message =
            g_strdup_printf("this \"%s\" has no line in language \"%s\"; add a line \"%s: …\"",
                            parser->open_word, language, language);
        StoryboardProblem *problem = add_problem(parser->problems, text->line, "missing_language",
                                                 parser->open_word, message);
        if (problem == NULL)
            return;
        problem->hint = g_strdup(language);
        problem->length = (unsigned)strlen(parser->open_word);
        problem->column = text->column;
    }
    if (text != NULL)
        fill_gaps(parser->board, text);
}

/* What is said to a recording is written too: it becomes the captions. */
static bool has_say(const StoryboardSlide *slide)
{
    bool has = slide->say.line != 0;
    for (unsigned i = 0; i < slide->point_count; i++)
        has = has || slide->points[i].say.line != 0;
    return has;
}

static void check_slide(Parser *parser)
{
    const StoryboardSlide *slide = parser->slide;
    if (slide == NULL || slide->is_spoilt)
        return;
    bool is_list = slide->layout == STORYBOARD_POINTS || slide->layout == STORYBOARD_STEPS;
    const char *message = NULL, *code = NULL;
    unsigned line = slide->line;
    if (slide->heading.line == 0) {
        code = "no_heading";
        message = "this slide has no \"heading\"";
    } else if (is_list && slide->point_count == 0) {
        code = "no_point";
        message = "a slide of points or steps needs at least one \"point\"";
    } else if (slide->layout == STORYBOARD_PICTURE && slide->picture == NULL) {
        code = "no_picture";
        message = "a picture slide needs a line \"picture NAME\"";
    } else if (slide->recording != NULL && !has_say(slide)) {
        code = "recording_without_say";
        message = "write with \"say\" what the recording says: it becomes the captions";
        line = slide->recording_line;
    }
    StoryboardProblem *problem =
        code != NULL ? add_problem(parser->problems, line, code, NULL, message) : NULL;
    if (problem != NULL)
        problem->length = 5;
}

/* Begins a text: from here on "id: …" lines belong to it. */
static void open_text(Parser *parser, StoryboardText *text, const char *word, const char *at)
{
    parser->open_word = word;
    parser->open = text;
    if (parser->board->language_count == 0) {
        tell(parser, (Mistake){.code = "languages_first", .at = at, .word = word},
             "the line \"languages …\" must come before \"%s\"", word);
        parser->is_over = true;
    } else if (text->line != 0) {
        tell(parser, (Mistake){"text_twice", at, 0, word, NULL, (int)text->line},
             "\"%s\" was already given in line %u", word, text->line);
        parser->open = &parser->spare_text;
        clear_text(parser->open);
    }
    parser->open->line = parser->line;
    parser->open->column = (unsigned)g_utf8_pointer_to_offset(parser->line_start, at) + 1;
}

/* Which kind a word names; 0: none. */
static StoryboardLayout layout_of(const char *word)
{
    for (size_t i = 1; i < G_N_ELEMENTS(LAYOUTS); i++)
        if (g_str_equal(word, LAYOUTS[i]))
            return (StoryboardLayout)i;
    return 0;
}

static void begin_slide(Parser *parser, const char *at, const char *argument)
{
    check_slide(parser);
    Storyboard *board = parser->board;
    if (board->title.line == 0 && board->slide_count == 0)
        tell(parser, (Mistake){.code = "title_first", .at = at},
             "the \"title\" of the storyboard must come before the first slide");
    if (board->slide_count == STORYBOARD_SLIDES_MAX) {
        parser->slide = NULL;
        tell(parser, (Mistake){.code = "slides_many", .at = at, .number = STORYBOARD_SLIDES_MAX},
             "at most %d slides are possible", STORYBOARD_SLIDES_MAX);
        parser->is_over = true;
        return;
    }
    StoryboardLayout layout = layout_of(argument);
    parser->slide = &board->slides[board->slide_count++];
    parser->slide->layout = layout != 0 ? layout : STORYBOARD_POINTS;
    parser->slide->line = parser->line;
    parser->point = NULL;
    if (layout != 0)
        return;
    parser->slide->is_unknown = true;
    const char *known[G_N_ELEMENTS(LAYOUTS)] = {0};
    for (size_t i = 1; i < G_N_ELEMENTS(LAYOUTS); i++)
        known[i - 1] = LAYOUTS[i];
    tell_unknown(parser, "unknown_kind", argument, argument, "a kind of slide", known);
}

static void use_spare_point(Parser *parser)
{
    parser->point = &parser->spare_point;
    clear_point(parser->point);
}

static void begin_point(Parser *parser, const char *at)
{
    StoryboardSlide *slide = parser->slide;
    if (slide->layout != STORYBOARD_POINTS && slide->layout != STORYBOARD_STEPS) {
        const char *kind = LAYOUTS[slide->layout];
        tell(parser, (Mistake){.code = "point_elsewhere", .at = at, .word = kind},
             "only slides of points or steps have points; this is a slide of kind \"%s\"", kind);
        use_spare_point(parser);
    } else if (slide->point_count == STORYBOARD_POINTS_MAX) {
        tell(parser, (Mistake){.code = "points_many", .at = at, .number = STORYBOARD_POINTS_MAX},
             "at most %d points fit on a slide; begin another slide", STORYBOARD_POINTS_MAX);
        use_spare_point(parser);
    } else {
        parser->point = &slide->points[slide->point_count++];
    }
    open_text(parser, &parser->point->text, "point", at);
}

/* A file lies beside the storyboard, whatever its name tries. */
static bool is_file_name(Parser *parser, const char *name)
{
    if (strchr(name, '/') == NULL && name[0] != '.' && strlen(name) <= STORYBOARD_FILE_NAME_MAX)
        return true;
    tell(parser, (Mistake){"file_elsewhere", name, strlen(name), name, NULL, 0},
         "a file lies beside the storyboard: a short name without \"/\"");
    return false;
}

static void set_picture(Parser *parser, const char *at, const char *argument)
{
    char **picture = parser->point != NULL ? &parser->point->picture : &parser->slide->picture;
    unsigned *line =
        parser->point != NULL ? &parser->point->picture_line : &parser->slide->picture_line;
    if (*picture != NULL) {
        tell(parser, (Mistake){"text_twice", at, 0, "picture", NULL, (int)*line},
             "the picture was already given in line %u", *line);
        return;
    }
    if (storyboard_picture_is_file(argument)) {
        if (!is_file_name(parser, argument))
            return;
    } else if (!pictogram_exists(argument)) {
        tell_unknown(parser, "unknown_picture", argument, argument,
                     "a picture (a PNG file would end in .png)", pictogram_names());
        return;
    }
    *picture = g_strdup(argument);
    *line = parser->line;
}

static void set_recording(Parser *parser, const char *at, const char *argument)
{
    static const char *const ENDINGS[] = {".flac", ".wav",  ".mp3", ".m4a",
                                          ".ogg",  ".opus", ".webm"};
    StoryboardSlide *slide = parser->slide;
    if (slide->recording != NULL) {
        tell(parser, (Mistake){"text_twice", at, 0, "recording", NULL, (int)slide->recording_line},
             "the recording was already given in line %u", slide->recording_line);
        return;
    }
    bool is_sound = false;
    for (size_t i = 0; i < G_N_ELEMENTS(ENDINGS); i++)
        is_sound = is_sound || g_str_has_suffix(argument, ENDINGS[i]);
    if (!is_sound) {
        tell(parser, (Mistake){"bad_recording", argument, strlen(argument), argument, NULL, 0},
             "\"%s\" is not a sound file; its name ends in .flac, .wav, .mp3, .m4a, .ogg, .opus or "
             ".webm",
             argument);
        return;
    }
    if (!is_file_name(parser, argument))
        return;
    slide->recording = g_strdup(argument);
    slide->recording_line = parser->line;
}

static void set_hold(Parser *parser, const char *argument)
{
    char *end = NULL;
    double seconds = g_ascii_strtod(argument, &end);
    if (end == argument || *end != '\0' || !(seconds >= 0 && seconds <= STORYBOARD_HOLD_MAX_S)) {
        int most = (int)STORYBOARD_HOLD_MAX_S;
        tell(parser, (Mistake){"bad_hold", argument, strlen(argument), argument, NULL, most},
             "\"hold\" takes seconds from 0 to %d, for example: hold 2.5", most);
        return;
    }
    parser->slide->hold_s = seconds;
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
    KEYWORD_RECORDING,
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
    [KEYWORD_RECORDING] = {"recording", true, true},
};

const char *const *storyboard_words(void)
{
    static const char *words[G_N_ELEMENTS(KEYWORDS) + G_N_ELEMENTS(LAYOUTS)];
    size_t count = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(KEYWORDS); i++)
        words[count++] = KEYWORDS[i].word;
    for (size_t i = 1; i < G_N_ELEMENTS(LAYOUTS); i++)
        words[count++] = LAYOUTS[i];
    return words;
}

static void obey(Parser *parser, Keyword keyword, const char *at, const char *argument)
{
    StoryboardSlide *slide = parser->slide;
    const char *word = KEYWORDS[keyword].word;
    switch (keyword) {
    case KEYWORD_LANGUAGES:
        parse_languages(parser, argument);
        return;
    case KEYWORD_TITLE:
        open_text(parser, &parser->board->title, word, at);
        return;
    case KEYWORD_SUMMARY:
        open_text(parser, &parser->board->summary, word, at);
        return;
    case KEYWORD_SLIDE:
        begin_slide(parser, at, argument);
        return;
    case KEYWORD_PICTURE:
        set_picture(parser, at, argument);
        return;
    case KEYWORD_HEADING:
        open_text(parser, &slide->heading, word, at);
        return;
    case KEYWORD_NOTE:
        if ((slide->layout == STORYBOARD_POINTS || slide->layout == STORYBOARD_STEPS) &&
            !slide->is_unknown) {
            parser->is_skipping = true;
            tell(parser, (Mistake){.code = "note_elsewhere", .at = at},
                 "slides of points or steps have no \"note\": make it a point");
            return;
        }
        open_text(parser, &slide->note, word, at);
        return;
    case KEYWORD_POINT:
        begin_point(parser, at);
        return;
    case KEYWORD_SAY:
        open_text(parser, parser->point != NULL ? &parser->point->say : &slide->say, word, at);
        return;
    case KEYWORD_HOLD:
        set_hold(parser, argument);
        return;
    case KEYWORD_RECORDING:
        set_recording(parser, at, argument);
        return;
    }
    g_assert_not_reached();
}

/* The line is wrong as a whole: the words below it are not wrong as well. */
static bool check_keyword(Parser *parser, Keyword keyword, const char *at, const char *argument)
{
    const char *word = KEYWORDS[keyword].word;
    bool is_general = !KEYWORDS[keyword].is_in_slide && keyword != KEYWORD_SLIDE;
    if (KEYWORDS[keyword].is_in_slide && parser->slide == NULL)
        tell(parser, (Mistake){.code = "slide_first", .at = at, .word = word},
             "\"%s\" belongs to a slide; begin one with a line \"slide title\"", word);
    else if (is_general && parser->slide != NULL)
        tell(parser, (Mistake){.code = "too_late", .at = at, .word = word},
             "\"%s\" must come before the first slide", word);
    else if (KEYWORDS[keyword].has_argument && *argument == '\0')
        tell(parser, (Mistake){.code = "no_value", .at = argument, .word = word},
             "\"%s\" needs a value on the same line", word);
    else if (!KEYWORDS[keyword].has_argument && *argument != '\0')
        tell(parser, (Mistake){"stands_alone", argument, strlen(argument), word, NULL, 0},
             "\"%s\" stands alone; its words follow on the next lines, as \"id: …\"", word);
    else
        return true;
    parser->is_skipping = true;
    return false;
}

static void parse_keyword(Parser *parser, const char *at)
{
    size_t length = strcspn(at, " \t");
    g_autofree char *word = g_strndup(at, length);
    const char *argument = at + length + strspn(at + length, " \t");
    close_text(parser);
    parser->is_skipping = false;
    for (size_t i = 0; i < G_N_ELEMENTS(KEYWORDS); i++) {
        if (!g_str_equal(word, KEYWORDS[i].word))
            continue;
        if (check_keyword(parser, (Keyword)i, at, argument))
            obey(parser, (Keyword)i, at, argument);
        return;
    }
    parser->is_skipping = true;
    const char *known[G_N_ELEMENTS(KEYWORDS) + 1] = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(KEYWORDS); i++)
        known[i] = KEYWORDS[i].word;
    tell_unknown(parser, "unknown_word", at, word, "a word of storyboards", known);
}

/* at: "id: words". colon points to the colon. */
static void parse_words(Parser *parser, const char *at, const char *colon)
{
    if (parser->is_skipping)
        return;
    g_autofree char *code = g_strndup(at, (size_t)(colon - at));
    Mistake mistake = {.at = at, .bytes = strlen(code), .word = code};
    if (parser->open == NULL) {
        mistake.code = "words_nowhere";
        tell(parser, mistake,
             "words need a place: put \"title\", \"heading\", \"point\" or \"say\" on the "
             "line before");
        return;
    }
    int language = storyboard_language(parser->board, code);
    if (language < 0) {
        tell_unknown(parser, "unknown_language", at, code, "a language of this storyboard",
                     (const char *const *)parser->board->languages);
        return;
    }
    const char *words = colon + 1 + strspn(colon + 1, " \t");
    if (*words == '\0') {
        mistake = (Mistake){"no_words", words, 0, code, NULL, 0};
        tell(parser, mistake, "the words in \"%s\" are missing", code);
        parser->open->words[language] =
            parser->open->words[language] != NULL ? parser->open->words[language] : g_strdup("…");
        return;
    }
    if (parser->open->words[language] != NULL) {
        mistake.code = "words_twice";
        tell(parser, mistake, "the words in \"%s\" were already given", code);
        return;
    }
    if (g_utf8_strlen(words, -1) > STORYBOARD_TEXT_MAX) {
        const char *end = g_utf8_offset_to_pointer(words, STORYBOARD_TEXT_MAX);
        mistake = (Mistake){"text_long", end, strlen(end), code, NULL, STORYBOARD_TEXT_MAX};
        tell(parser, mistake, "the text is longer than %d characters", STORYBOARD_TEXT_MAX);
        parser->open->words[language] = g_strndup(words, (size_t)(end - words));
        return;
    }
    parser->open->words[language] = g_strdup(words);
}

static void parse_line(Parser *parser, char *text)
{
    parser->line_start = text;
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        if (!g_unichar_iscntrl(g_utf8_get_char(at)) || *at == '\t')
            continue;
        size_t bytes = (size_t)(g_utf8_next_char(at) - at);
        tell(parser, (Mistake){"control_character", at, bytes, NULL, NULL, 0},
             "there is an invisible control character here; delete it");
        return;
    }
    g_strchomp(text);
    const char *at = text + strspn(text, " \t");
    if (*at == '\0' || *at == '#')
        return;
    const char *colon = at + strspn(at, "abcdefghijklmnopqrstuvwxyz");
    if (*colon == ':' && colon > at)
        parse_words(parser, at, colon);
    else
        parse_keyword(parser, at);
}

static bool check_encoding(GPtrArray *problems, const char *text, size_t size)
{
    const char *end = NULL;
    if (size > STORYBOARD_BYTES_MAX) {
        StoryboardProblem *problem =
            add_problem(problems, 1, "file_large", NULL,
                        "the file is larger than a storyboard can be (256 KiB)");
        problem->number = STORYBOARD_BYTES_MAX / 1024;
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
    StoryboardProblem *problem =
        add_problem(problems, line, "not_utf8", NULL,
                    "this is not UTF-8; save the file with the encoding UTF-8");
    problem->column = (unsigned)g_utf8_strlen(line_start, end - line_start) + 1;
    return false;
}

static void parse_all(Parser *parser, char **lines)
{
    parser->line = 1;
    parser->line_start = lines[0] != NULL ? lines[0] : "";
    g_autofree char *first = g_strstrip(g_strdup(parser->line_start));
    if (!g_str_equal(first, "storyboard 1")) {
        size_t length = strlen(parser->line_start);
        tell(parser, (Mistake){"first_line", NULL, length, NULL, "storyboard 1", 0},
             "line 1 must be: storyboard 1");
        return;
    }
    for (unsigned i = 1; lines[i] != NULL && !parser->is_over; i++) {
        parser->line = i + 1;
        parse_line(parser, lines[i]);
    }
    if (parser->is_over)
        return;
    close_text(parser);
    check_slide(parser);
    if (parser->board->slide_count == 0 && parser->problems->len == 0)
        tell(parser, (Mistake){.code = "no_slide"},
             "there is no slide; begin one with a line \"slide title\"");
}

static int compare_places(const void *left, const void *right)
{
    const StoryboardProblem *one = *(StoryboardProblem *const *)left,
                            *other = *(StoryboardProblem *const *)right;
    int by_line = (one->line > other->line) - (one->line < other->line);
    return by_line != 0 ? by_line : (one->column > other->column) - (one->column < other->column);
}

void storyboard_sort_problems(GPtrArray *problems)
{
    g_ptr_array_sort(problems, compare_places);
}

/* Texts that a problem or the end of reading left open. */
static void fill_all_gaps(Storyboard *board)
{
    fill_gaps(board, &board->title);
    fill_gaps(board, &board->summary);
    for (unsigned i = 0; i < board->slide_count; i++) {
        StoryboardSlide *slide = &board->slides[i];
        fill_gaps(board, &slide->heading);
        fill_gaps(board, &slide->note);
        fill_gaps(board, &slide->say);
        for (unsigned j = 0; j < slide->point_count; j++) {
            fill_gaps(board, &slide->points[j].text);
            fill_gaps(board, &slide->points[j].say);
        }
    }
}

static void read_text(Parser *parser, const char *text, size_t size)
{
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
    parse_all(parser, lines);
    fill_all_gaps(parser->board);
    clear_text(&parser->spare_text);
    clear_point(&parser->spare_point);
}

GPtrArray *storyboard_lint(const char *text, size_t size, Storyboard **ret_board)
{
    GPtrArray *problems = g_ptr_array_new_with_free_func(free_problem);
    g_autoptr(Storyboard) board = g_new0(Storyboard, 1);
    Parser parser = {.board = board, .problems = problems};
    if (check_encoding(problems, text, size))
        read_text(&parser, text, size);
    storyboard_sort_problems(problems);
    if (ret_board != NULL)
        *ret_board = g_steal_pointer(&board);
    return problems;
}

Storyboard *storyboard_parse(const char *name, const char *text, size_t size, GError **error)
{
    g_autoptr(Storyboard) board = NULL;
    g_autoptr(GPtrArray) problems = storyboard_lint(text, size, &board);
    board->name = g_strdup(name);
    if (problems->len == 0)
        return g_steal_pointer(&board);
    const StoryboardProblem *first = g_ptr_array_index(problems, 0);
    g_set_error(error, REPORT_ERROR, REPORT_ERROR_STORYBOARD, "%s:%u:%u: %s", name, first->line,
                first->column, first->message);
    return NULL;
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
        g_free(slide->recording);
        clear_text(&slide->heading);
        clear_text(&slide->note);
        clear_text(&slide->say);
        for (unsigned j = 0; j < STORYBOARD_POINTS_MAX; j++)
            clear_point(&slide->points[j]);
    }
    g_free(board);
}
