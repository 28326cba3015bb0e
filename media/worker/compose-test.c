/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A small storyboard through the whole pipeline, and every sample as far as its slides. */
#include "compose.h"
#include "ffmpeg.h"
#include "master.h"
#include "probe.h"
#include "report.h"
#include "slide.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static const char SMALL[] =
    "storyboard 1\nlanguages id en ar\n"
    "title\n id: Uji\n en: Test\n ar: اختبار\n"
    "slide title\npicture book\nheading\n id: Halo\n en: Hello\n ar: أهلًا\n"
    "say\n id: Selamat datang.\n en: Welcome, dear reader.\n ar: أهلًا بكم.\n"
    "slide points\nheading\n id: Jam buka\n en: Hours\n ar: المواعيد\n"
    "point\n id: Senin\n en: Monday\n ar: الاثنين\n"
    "say\n id: Buka hari Senin.\n en: Open on Monday. Come!\n ar: نفتح يوم الاثنين.\n";

/* The smallest and the mean brightness of all frames, from a decoded, shrunk copy. */
static void measure_frames(const char *path, int64_t *ret_count, int *ret_darkest_mean)
{
    enum { WIDTH = 64, HEIGHT = 36 };
    g_autoptr(GError) error = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *arguments[] = {"-i",          FFMPEG_INPUT, "-an",  "-vf",
                               "scale=64:36", "-pix_fmt",   "gray", "-f",
                               "rawvideo",    "pipe:1",     NULL};
    FfmpegRun run = {.program = "ffmpeg", .arguments = arguments, .input_fd = fd};
    /* Text ends at the first zero only for readers of text: the size comes from the manifest. */
    g_autofree char *data = ffmpeg_read(&run, 64 * 1024 * 1024, &error);
    (void)close(fd);
    g_assert_no_error(error);
    int64_t count = 0;
    int darkest = 255;
    for (const char *at = data; (count + 1) * WIDTH * HEIGHT <= *ret_count * WIDTH * HEIGHT;
         at += WIDTH * HEIGHT, count++) {
        int64_t sum = 0;
        for (int i = 0; i < WIDTH * HEIGHT; i++)
            sum += (unsigned char)at[i];
        darkest = MIN(darkest, (int)(sum / (WIDTH * HEIGHT)));
    }
    *ret_count = count;
    *ret_darkest_mean = darkest;
}

static void assert_captions(const char *folder, const char *language, int64_t total_ms,
                            size_t cues_at_least)
{
    g_autofree char *name = g_strdup_printf("captions.%s.json", language);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    json_auto_t *document = json_load_file(path, 0, NULL);
    json_t *cues = json_object_get(document, "cues"), *cue = NULL;
    g_assert_cmpuint(json_array_size(cues), >=, cues_at_least);
    size_t i = 0;
    json_array_foreach(cues, i, cue)
    {
        int64_t start_ms = json_integer_value(json_object_get(cue, "start_ms"));
        int64_t end_ms = json_integer_value(json_object_get(cue, "end_ms"));
        g_assert_cmpint(end_ms - start_ms, >=, 900);
        g_assert_cmpint(end_ms, <=, total_ms);
    }
    g_autofree char *vtt_name = g_strdup_printf("captions.%s.vtt", language);
    g_autofree char *vtt_path = g_build_filename(folder, vtt_name, NULL), *vtt = NULL;
    g_assert_true(g_file_get_contents(vtt_path, &vtt, NULL, NULL));
    g_assert_true(g_str_has_prefix(vtt, "WEBVTT\n"));
}

static void remove_files(const char *folder)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    for (const char *name = NULL; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        (void)g_remove(path);
    }
    g_dir_close(dir);
    (void)g_rmdir(folder);
}

static void test_pipeline(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("compose-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "small.storyboard", NULL);
    g_assert_true(g_file_set_contents(path, SMALL, -1, NULL));
    json_auto_t *result = compose_file(path, NULL, folder, &error);
    g_assert_no_error(error);
    int64_t frames = json_integer_value(json_object_get(result, "frames"));
    int64_t duration_us = json_integer_value(json_object_get(result, "duration_us"));
    g_assert_cmpint(frames, >, 5 * 25);
    g_assert_cmpint(frames, <, 15 * 25);
    g_assert_cmpint(duration_us, ==, frames * 40000);
    g_assert_cmpint(json_integer_value(json_object_get(result, "fps_n")), ==, 25);
    g_assert_cmpint(json_integer_value(json_object_get(result, "width")), ==, 1920);
    g_assert_true(json_is_true(json_object_get(result, "has_audio")));
    g_assert_cmpfloat(json_real_value(json_object_get(result, "lufs")), >, -19);
    g_assert_cmpfloat(json_real_value(json_object_get(result, "lufs")), <, -14);
    g_assert_cmpstr(json_string_value(json_object_get(json_object_get(result, "title"), "ar")), ==,
                    "اختبار");

    g_autofree char *master = g_build_filename(folder, MASTER_FILE, NULL);
    int64_t counted = frames;
    int darkest = 0;
    measure_frames(master, &counted, &darkest);
    g_assert_cmpint(counted, ==, frames);
    g_assert_cmpint(darkest, >, 100); /* paper is light from the first frame to the last */
    assert_captions(folder, "id", duration_us / 1000, 2);
    assert_captions(folder, "en", duration_us / 1000, 2);
    assert_captions(folder, "ar", duration_us / 1000, 2);
    remove_files(folder);
}

/* Nothing is ever drawn where the captions go, whatever the layout. */
static void assert_caption_room(const Storyboard *board, unsigned language, const char *folder)
{
    cairo_surface_t *canvas =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, SLIDE_WIDTH, SLIDE_HEIGHT);
    SlideTimes times = {.end_ms = 60000, .is_last = true};
    for (unsigned i = 0; i < board->slide_count; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Slide) slide = slide_new(board, i, language, &times, folder, &error);
        g_assert_no_error(error);
        cairo_rectangle_int_t dirty;
        slide_paint(slide, canvas, 5000, &dirty);
        g_assert_cmpint(dirty.width, ==, SLIDE_WIDTH);
        slide_paint(slide, canvas, 5040, &dirty);
        g_assert_cmpint(dirty.width, ==, 0); /* a still picture costs nothing */
        cairo_surface_flush(canvas);
        int stride = cairo_image_surface_get_stride(canvas);
        for (int y = SLIDE_CONTENT_BOTTOM; y < SLIDE_HEIGHT; y++) {
            const uint32_t *row = (const uint32_t *)(void *)(cairo_image_surface_get_data(canvas) +
                                                             (size_t)y * (size_t)stride);
            for (int x = 0; x < SLIDE_WIDTH; x++)
                g_assert_cmphex(row[x] & 0xFFFFFF, ==, 0xFBF8F1);
        }
    }
    cairo_surface_destroy(canvas);
}

static void test_samples(void)
{
    const char *folder = g_getenv("SERAMBI_SAMPLES");
    g_assert_nonnull(folder);
    GDir *dir = g_dir_open(folder, 0, NULL);
    g_assert_nonnull(dir);
    unsigned count = 0;
    for (const char *name = NULL; (name = g_dir_read_name(dir)) != NULL;) {
        if (!g_str_has_suffix(name, ".storyboard"))
            continue;
        g_autoptr(GError) error = NULL;
        g_autofree char *path = g_build_filename(folder, name, NULL), *text = NULL;
        size_t size = 0;
        g_assert_true(g_file_get_contents(path, &text, &size, NULL));
        g_autoptr(Storyboard) board = storyboard_parse(name, text, size, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(board->language_count, ==, 3);
        for (unsigned i = 0; i < board->language_count; i++)
            assert_caption_room(board, i, folder);
        count++;
    }
    g_dir_close(dir);
    g_assert_cmpuint(count, >=, 5);
}

static void assert_fails(const char *text, const char *language, const char *message)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("compose-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "bad.storyboard", NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_null(compose_file(path, language, folder, &error));
    g_assert_error(error, REPORT_ERROR, REPORT_ERROR_STORYBOARD);
    g_assert_nonnull(strstr(error->message, message));
    remove_files(folder);
}

static void test_failures(void)
{
    assert_fails(SMALL, "fr", "no language \"fr\"");
    g_autofree char *no_file = g_strconcat(
        SMALL, "slide picture\npicture none.png\nheading\n id: a\n en: b\n ar: ج\n", NULL);
    assert_fails(no_file, NULL, "bad.storyboard:31:1: the picture \"none.png\"");
    g_autofree char *word = g_strnfill(200, 'W');
    g_autofree char *wide =
        g_strconcat(SMALL, "slide title\nheading\n id: ", word, "\n en: b\n ar: ج\n", NULL);
    assert_fails(wide, NULL, "too long for a slide");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    report_redirect(NULL);
    g_test_add_func("/compose/pipeline", test_pipeline);
    g_test_add_func("/compose/samples", test_samples);
    g_test_add_func("/compose/failures", test_failures);
    return g_test_run();
}
