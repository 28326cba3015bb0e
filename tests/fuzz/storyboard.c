/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A storyboard. Every problem lies in the text and has its sentence; what is said to be without
 * problems has all its words, and is read the same again.
 * Sources: media/worker/storyboard.c media/worker/report.c */
#include "media/worker/storyboard.h"
#include "fuzz.h"
#include "media/worker/pictogram.h"
#include <string.h>

/* The names alone, without the drawing and its libraries. */
static const char *const NAMES[] = {"book", "card", "counter", NULL};

const char *const *pictogram_names(void)
{
    return NAMES;
}

bool pictogram_exists(const char *name)
{
    return g_strv_contains(NAMES, name);
}

static void check_problems(const GPtrArray *problems, size_t size)
{
    g_assert_cmpuint(problems->len, <=, STORYBOARD_PROBLEMS_MAX);
    for (guint i = 0; i < problems->len; i++) {
        const StoryboardProblem *problem = g_ptr_array_index(problems, i);
        g_assert_cmpuint(problem->line, >=, 1);
        g_assert_cmpuint(problem->line, <=, size + 1);
        g_assert_cmpuint(problem->column, >=, 1);
        g_assert_cmpuint(problem->column + problem->length, <=, size + 2);
        g_assert_true(problem->code != NULL && problem->message != NULL);
        g_assert_true(g_utf8_validate(problem->message, -1, NULL));
        if (i > 0) {
            const StoryboardProblem *before = g_ptr_array_index(problems, i - 1);
            g_assert_cmpuint(before->line, <=, problem->line);
        }
    }
}

static void check_text(const Storyboard *board, const StoryboardText *text)
{
    for (unsigned i = 0; text->line != 0 && i < board->language_count; i++)
        g_assert_true(text->words[i] != NULL && *text->words[i] != '\0');
}

static void check_board(const Storyboard *board, bool is_good)
{
    g_assert_cmpuint(board->slide_count, <=, STORYBOARD_SLIDES_MAX);
    check_text(board, &board->title);
    check_text(board, &board->summary);
    for (unsigned i = 0; i < board->slide_count; i++) {
        const StoryboardSlide *slide = &board->slides[i];
        g_assert_cmpuint(slide->point_count, <=, STORYBOARD_POINTS_MAX);
        g_assert_true(!is_good || storyboard_is_drawable(slide));
        check_text(board, &slide->heading);
        check_text(board, &slide->note);
        check_text(board, &slide->say);
        for (unsigned j = 0; j < slide->point_count; j++) {
            check_text(board, &slide->points[j].text);
            check_text(board, &slide->points[j].say);
        }
        if (slide->picture != NULL)
            g_assert_null(strchr(slide->picture, '/'));
        if (slide->recording != NULL)
            g_assert_null(strchr(slide->recording, '/'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *text = (const char *)bytes;
    g_autoptr(Storyboard) board = NULL;
    g_autoptr(GPtrArray) problems = storyboard_lint(text, size, &board);
    check_problems(problems, size);
    check_board(board, problems->len == 0);
    g_autoptr(GError) error = NULL;
    g_autoptr(Storyboard) parsed = storyboard_parse("x", text, size, &error);
    g_assert_cmpint(parsed != NULL, ==, problems->len == 0);
    g_assert_cmpint(error != NULL, ==, problems->len > 0);
    return 0;
}
