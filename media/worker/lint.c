/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The jobs `lint` and `slide`: the same judge, the second draws as well. */
#include "lint.h"
#include "jobs.h"
#include "options.h"
#include "report.h"
#include "sandbox.h"
#include "slide.h"
#include "storyboard.h"
#include "timeline.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CPU_SECONDS 20   /* a text of 24 slides takes half a second */
#define SHOWN_MS    5000 /* everything has arrived */

static const char *const KINDS[] = {
    [STORYBOARD_TITLE] = "title",     [STORYBOARD_POINTS] = "points",
    [STORYBOARD_STEPS] = "steps",     [STORYBOARD_PICTURE] = "picture",
    [STORYBOARD_CLOSING] = "closing",
};

static json_t *problems_json(const GPtrArray *problems)
{
    json_t *list = json_array();
    for (guint i = 0; i < problems->len; i++) {
        const StoryboardProblem *problem = g_ptr_array_index(problems, i);
        json_array_append_new(list,
                              json_pack("{s:i, s:i, s:i, s:s, s:s*, s:s*, s:i, s:s}", "line",
                                        (int)problem->line, "column", (int)problem->column,
                                        "length", (int)problem->length, "code", problem->code,
                                        "word", problem->word, "hint", problem->hint, "number",
                                        problem->number, "message", problem->message));
    }
    return list;
}

static bool says_something(const StoryboardSlide *slide)
{
    bool says = slide->say.line != 0;
    for (unsigned i = 0; i < slide->point_count; i++)
        says = says || slide->points[i].say.line != 0;
    return says;
}

static json_t *slides_json(const Storyboard *board)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < board->slide_count; i++) {
        const StoryboardSlide *slide = &board->slides[i];
        json_array_append_new(list, json_pack("{s:i, s:s, s:s?, s:b}", "line", (int)slide->line,
                                              "kind", KINDS[slide->layout], "recording",
                                              slide->recording, "says", says_something(slide)));
    }
    return list;
}

/* The slide that a line belongs to: the last one that begins at or above it; -1: none yet. */
static int slide_at(const Storyboard *board, unsigned line)
{
    int found = board->slide_count > 0 ? 0 : -1;
    for (unsigned i = 0; i < board->slide_count; i++)
        if (board->slides[i].line <= line)
            found = (int)i;
    return found;
}

/* The slide as it is while the point of the line is told; all of it above the first point. */
static SlideTimes times_at(const StoryboardSlide *slide, unsigned line)
{
    SlideTimes times = {.end_ms = 2 * SHOWN_MS, .is_last = true};
    for (unsigned i = 1; i < slide->point_count; i++)
        if (line >= slide->points[0].text.line && line < slide->points[i].text.line)
            times.point_ms[i] = times.end_ms;
    return times;
}

static cairo_status_t collect(void *user, const unsigned char *data, unsigned length)
{
    g_byte_array_append(user, data, length);
    return CAIRO_STATUS_SUCCESS;
}

static GByteArray *shrink(cairo_surface_t *canvas, int width)
{
    int height = width * SLIDE_HEIGHT / SLIDE_WIDTH;
    cairo_surface_t *small = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    cairo_t *cr = cairo_create(small);
    cairo_scale(cr, (double)width / SLIDE_WIDTH, (double)height / SLIDE_HEIGHT);
    cairo_set_source_surface(cr, canvas, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_GOOD);
    cairo_paint(cr);
    cairo_destroy(cr);
    GByteArray *png = g_byte_array_new();
    (void)cairo_surface_write_to_png_stream(small, collect, png);
    cairo_surface_destroy(small);
    return png;
}

static json_t *encode(cairo_surface_t *canvas)
{
    static const int WIDTHS[] = {960, 640, 480, 320, 200};
    for (size_t i = 0; i < G_N_ELEMENTS(WIDTHS); i++) {
        g_autoptr(GByteArray) png = shrink(canvas, WIDTHS[i]);
        if (png->len > LINT_PICTURE_BYTES_MAX)
            continue;
        g_autofree char *text = g_base64_encode(png->data, png->len);
        return json_string(text);
    }
    return json_null(); /* 200 pixels take 68 KB at most: never reached */
}

static json_t *draw(const Storyboard *board, int index, unsigned line, const char *folder)
{
    if (index < 0 || !storyboard_is_drawable(&board->slides[index]))
        return json_null();
    SlideTimes times = times_at(&board->slides[index], line);
    g_autoptr(Slide) slide = slide_new(board, (unsigned)index, 0, &times, folder, NULL, NULL);
    if (slide == NULL)
        return json_null();
    cairo_surface_t *canvas =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, SLIDE_WIDTH, SLIDE_HEIGHT);
    cairo_rectangle_int_t dirty;
    slide_paint(slide, canvas, SHOWN_MS, &dirty);
    json_t *picture = encode(canvas);
    cairo_surface_destroy(canvas);
    return picture;
}

/* What only laying out tells: text that does not fit, pictures and recordings that are not there.
 */
static void check_materials(const Storyboard *board, const char *folder, GPtrArray *problems)
{
    SlideTimes times = {.end_ms = 2 * SHOWN_MS};
    for (unsigned i = 0; i < board->slide_count; i++) {
        const StoryboardSlide *slide = &board->slides[i];
        if (storyboard_is_drawable(slide)) {
            g_autoptr(Slide) laid_out = slide_new(board, i, 0, &times, folder, problems, NULL);
        }
        if (slide->recording == NULL)
            continue;
        g_autofree char *path = g_build_filename(folder, slide->recording, NULL);
        g_autofree char *message = g_strdup_printf(
            "the recording \"%s\" does not lie beside the storyboard", slide->recording);
        if (access(path, R_OK) != 0)
            storyboard_add_problem(problems, slide->recording_line, "recording_missing",
                                   slide->recording, message);
    }
    if (board->slide_count > 0 && timeline_estimate(board, 0) > TIMELINE_MAX_MS) {
        StoryboardProblem *last = NULL;
        storyboard_add_problem(problems, board->slides[board->slide_count - 1].line, "too_long",
                               NULL, "the tutorial becomes longer than 15 minutes");
        if (problems->len > 0)
            last = g_ptr_array_index(problems, problems->len - 1);
        if (last != NULL)
            last->number = TIMELINE_MAX_MS / 60000;
    }
    storyboard_sort_problems(problems);
}

/* At most one byte more than a storyboard may have, so that what is too large is told so. */
static char *read_text(const char *path, size_t *ret_size, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = g_malloc(STORYBOARD_BYTES_MAX + 1);
    size_t size = 0;
    ssize_t count = fd < 0 ? -1 : 1;
    while (count > 0 && size <= STORYBOARD_BYTES_MAX) {
        count = read(fd, text + size, STORYBOARD_BYTES_MAX + 1 - size);
        size += count > 0 ? (size_t)count : 0;
    }
    int saved = errno;
    if (fd >= 0)
        (void)close(fd);
    if (count < 0) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_CANNOT_OPEN, "cannot read \"%s\": %s", path,
                    g_strerror(saved));
        g_free(text);
        return NULL;
    }
    *ret_size = size;
    return text;
}

static json_t *languages_json(const Storyboard *board)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < board->language_count; i++)
        json_array_append_new(list, json_string(board->languages[i]));
    return list;
}

json_t *lint_file(const char *path, unsigned line, GError **error)
{
    size_t size = 0;
    g_autofree char *text = read_text(path, &size, error);
    if (text == NULL)
        return NULL;
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(Storyboard) board = NULL;
    g_autoptr(GPtrArray) problems = storyboard_lint(text, size, &board);
    board->name = g_path_get_basename(path);
    check_materials(board, folder, problems);
    int index = line > 0 ? slide_at(board, line) : -1;
    return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o}", "problems", problems_json(problems),
                     "estimate_ms", (json_int_t)timeline_estimate(board, 0), "languages",
                     languages_json(board), "slides", slides_json(board), "slide",
                     index < 0 ? json_null() : json_integer(index), "picture",
                     draw(board, index, line, folder));
}

static int run(int argc, char **argv, bool needs_line, const char *usage)
{
    g_autoptr(GError) error = NULL;
    Options options;
    if (!options_parse(argc, argv, &options, &error) ||
        !options_require(options.word_count == 1 && (options.line > 0) == needs_line, usage,
                         &error))
        return report_failure(error);
    g_autofree char *folder = g_path_get_dirname(options.words[0]);
    const char *const read_paths[] = {folder, NULL};
    SandboxPolicy policy = {.read_paths = read_paths, .cpu_seconds = CPU_SECONDS, .processes = 512};
    if (!sandbox_enter(&policy, &error))
        return report_failure(error);
    json_t *result = lint_file(options.words[0], (unsigned)options.line, &error);
    if (result == NULL)
        return report_failure(error);
    report_result(result);
    return 0;
}

int job_lint(int argc, char **argv)
{
    return run(argc, argv, false, "lint STORYBOARD");
}

int job_slide(int argc, char **argv)
{
    return run(argc, argv, true, "slide STORYBOARD --line N");
}
