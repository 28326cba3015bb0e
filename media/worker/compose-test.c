/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A small storyboard through the whole pipeline, and every sample as far as its slides. */
#include "captions.h"
#include "compose.h"
#include "ffmpeg.h"
#include "loudness.h"
#include "master.h"
#include "probe.h"
#include "recording.h"
#include "report.h"
#include "slide.h"
#include "speech.h"
#include "timeline.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
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

static char *hash_of(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL), *data = NULL;
    gsize size = 0;
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)data, size);
}

/* In a process of its own, as the job is: the synthetic voice goes on with its noise where it
 * ended.
 */
static void compose_apart(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "small.storyboard", NULL);
    g_assert_true(g_file_set_contents(path, SMALL, -1, NULL));
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        json_t *result = compose_file(path, NULL, folder, NULL);
        _exit(result != NULL ? 0 : 1);
    }
    int status = 1;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
}

/* The same text gives the same bytes, of film, sound, captions and manifest. */
static void test_same_twice(void)
{
    static const char *const FILES[] = {MASTER_FILE, MASTER_POSTER, MASTER_MANIFEST,
                                        "captions.id.vtt", "captions.ar.json"};
    g_autofree char *first = g_dir_make_tmp("compose-test-XXXXXX", NULL);
    g_autofree char *second = g_dir_make_tmp("compose-test-XXXXXX", NULL);
    const char *const folders[] = {first, second};
    for (int i = 0; i < 2; i++)
        compose_apart(folders[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(FILES); i++) {
        g_autofree char *one = hash_of(folders[0], FILES[i]),
                        *other = hash_of(folders[1], FILES[i]);
        g_assert_cmpstr(one, ==, other);
    }
    remove_files(folders[0]);
    remove_files(folders[1]);
}

/* Nothing is ever drawn where the captions go, whatever the layout. */
static void assert_caption_room(const Storyboard *board, unsigned language, const char *folder)
{
    cairo_surface_t *canvas =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, SLIDE_WIDTH, SLIDE_HEIGHT);
    SlideTimes times = {.end_ms = 60000, .is_last = true};
    for (unsigned i = 0; i < board->slide_count; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Slide) slide = slide_new(board, i, language, &times, folder, NULL, &error);
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

/* Three tones of 1 s, 1 s and 2 s with pauses of half a second between, and silence around. */
static void make_recording(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *quoted = g_shell_quote(path);
    g_autofree char *command = g_strdup_printf(
        "ffmpeg -v error -y -f lavfi -i \"aevalsrc=0.02*sin(2*PI*300*t)*(between(t\\,1\\,2)+"
        "between(t\\,2.5\\,3.5)+between(t\\,4\\,6)):d=7:s=44100\" %s",
        quoted);
    int status = 1;
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, &status, NULL));
    g_assert_cmpint(status, ==, 0);
}

static const char RECORDED[] =
    "storyboard 1\nlanguages id en\ntitle\n id: Uji\n en: Test\n"
    "slide points\nheading\n id: Halo\n en: Hello\nrecording suara.%s\n"
    "say\n id: Halo semua.\n en: Hi.\n"
    "point\n id: Satu\n en: One\nsay\n id: Satu buku ini.\n en: One book.\n"
    "point\n id: Dua\n en: Two\nsay\n id: Dua buku di atas meja baca.\n en: Two books on the "
    "table.\n";

static double speech_level(const GArray *samples, int64_t from_ms, int64_t to_ms)
{
    g_autoptr(Loudness) loudness = loudness_new(1);
    double lufs = 0, peak_dbtp = 0;
    const float *first = (const float *)(const void *)samples->data;
    loudness_add(loudness, first + from_ms * 48, (size_t)(to_ms - from_ms) * 48);
    g_assert_true(loudness_measure(loudness, &lufs, &peak_dbtp, NULL));
    return lufs;
}

/* Somebody's own voice is levelled, and captions and points follow its pauses. */
static void test_recording(void)
{
    static const char *const ENDINGS[] = {"wav", "webm", "flac", "m4a"};
    for (size_t i = 0; i < G_N_ELEMENTS(ENDINGS); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *folder = g_dir_make_tmp("compose-test-XXXXXX", NULL);
        g_autofree char *name = g_strconcat("suara.", ENDINGS[i], NULL);
        g_autofree char *text = g_strdup_printf(RECORDED, ENDINGS[i]);
        make_recording(folder, name);
        g_autoptr(Storyboard) board = storyboard_parse("r", text, strlen(text), &error);
        g_assert_no_error(error);
        g_autoptr(Timeline) timeline = timeline_new(board, 0, folder, &error);
        g_assert_no_error(error);
        /* The voice begins at 1.5 s, without the silence before it; cuts lie in the middle of
         * pauses. */
        const int64_t begins_ms = 1500;
        g_assert_cmpuint(captions_count(timeline->captions[0]), ==, 3);
        const CaptionsCue *second = captions_cue(timeline->captions[0], 1);
        const CaptionsCue *third = captions_cue(timeline->captions[0], 2);
        g_assert_cmpint(ABS(second->start_ms - (begins_ms + 1250)), <=, 60);
        g_assert_cmpint(ABS(third->start_ms - (begins_ms + 2750)), <=, 60);
        g_assert_cmpint(ABS(timeline->slides[0].point_ms[1] - (third->start_ms - 180)), <=, 40);
        g_assert_cmpint(ABS(timeline->total_ms - (begins_ms + 5000 + 1600)), <=, 120);
        g_assert_cmpfloat_with_epsilon(
            speech_level(timeline->samples, begins_ms + 3100, begins_ms + 4900), SPEECH_TARGET_LUFS,
            1.5);
        /* Spoken in another language, the recording has no place. */
        g_autoptr(Timeline) english = timeline_new(board, 1, folder, &error);
        g_assert_no_error(error);
        g_assert_cmpint(english->total_ms, !=, timeline->total_ms);
        remove_files(folder);
    }
}

static void assert_recording_fails(const char *command, int code)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("compose-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "a.wav", NULL);
    g_autofree char *whole = g_strconcat(command, " ", path, NULL);
    g_assert_true(g_spawn_command_line_sync(whole, NULL, NULL, NULL, NULL));
    float *samples = NULL;
    size_t count = 0;
    g_assert_false(recording_read(path, &samples, &count, &error));
    g_assert_error(error, REPORT_ERROR, code);
    remove_files(folder);
}

static void test_bad_recordings(void)
{
    assert_recording_fails("true", REPORT_ERROR_CANNOT_OPEN);
    assert_recording_fails("cp /proc/self/status", REPORT_ERROR_NOT_MEDIA);
    assert_recording_fails("ffmpeg -v error -f lavfi -i anullsrc=d=2", REPORT_ERROR_SHORT);
    assert_recording_fails("ffmpeg -v error -f lavfi -i sine=d=181:r=8000", REPORT_ERROR_TOO_LONG);
    /* A playlist that names another file is no recording. */
    assert_recording_fails("ffmpeg -v error -f lavfi -i sine=d=1 -f hls", REPORT_ERROR_NOT_MEDIA);
    assert_recording_fails("ffmpeg -v error -f lavfi -i testsrc=d=1 -f matroska",
                           REPORT_ERROR_NOT_MEDIA);
}

/* Each part gets its share; a pause near the place draws the cut to its middle. */
static void test_divide(void)
{
    enum { HZ = SPEECH_SAMPLE_RATE };
    g_autofree float *samples = g_new(float, 4 * HZ);
    for (size_t i = 0; i < 4 * HZ; i++)
        samples[i] = i % 2 == 0 ? 0.1f : -0.1f;
    const double weights[] = {1, 1, 2};
    g_autofree size_t *even = recording_divide(samples, 4 * HZ, weights, 3);
    g_assert_cmpuint(even[0], ==, 0);
    g_assert_cmpuint(even[1], ==, HZ);
    g_assert_cmpuint(even[2], ==, 2 * HZ);
    g_assert_cmpuint(even[3], ==, 4 * HZ);
    for (size_t i = HZ * 11 / 10; i < HZ * 13 / 10; i++)
        samples[i] = 0;
    g_autofree size_t *drawn = recording_divide(samples, 4 * HZ, weights, 3);
    g_assert_cmpuint(drawn[1], >=, HZ * 118 / 100);
    g_assert_cmpuint(drawn[1], <=, HZ * 122 / 100);
    g_autofree size_t *none = recording_divide(samples, 0, weights, 3);
    g_assert_cmpuint(none[3], ==, 0);
}

/* What is told while typing comes near to what becomes of it. */
static void test_estimate(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path =
        g_build_filename(g_getenv("SERAMBI_SAMPLES"), "borrow-a-book.storyboard", NULL);
    g_autofree char *text = NULL;
    gsize size = 0;
    g_assert_true(g_file_get_contents(path, &text, &size, NULL));
    g_autoptr(Storyboard) board = storyboard_parse("b", text, size, &error);
    g_assert_no_error(error);
    for (unsigned i = 0; i < 3; i++) {
        g_autoptr(Timeline) timeline = timeline_new(board, i, "/nonexistent", &error);
        g_assert_no_error(error);
        double share = (double)timeline_estimate(board, i) / (double)timeline->total_ms;
        g_test_message("%s: %.3f of the truth", board->languages[i], share);
        g_assert_cmpfloat(share, >, 0.9);
        g_assert_cmpfloat(share, <, 1.1);
    }
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
    g_test_add_func("/compose/same-twice", test_same_twice);
    g_test_add_func("/compose/recording", test_recording);
    g_test_add_func("/compose/bad-recordings", test_bad_recordings);
    g_test_add_func("/compose/divide", test_divide);
    g_test_add_func("/compose/estimate", test_estimate);
    g_test_add_func("/compose/failures", test_failures);
    return g_test_run();
}
