/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Ingest: good files become masters, bad ones are refused with the right reason, and the child
 * programs are kept in hand. */
#include "prepare.h"
#include "report.h"
#include "test_clips.h"
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void cut(const char *from, const char *to, double share)
{
    g_autofree char *source = path_of(from), *target = path_of(to), *data = NULL;
    size_t size = 0;
    g_assert_true(g_file_get_contents(source, &data, &size, NULL));
    g_assert_true(g_file_set_contents(target, data, (gssize)((double)size * share), NULL));
}

static Probe *probe_name(const char *name, GError **error)
{
    g_autofree char *path = path_of(name);
    int fd = probe_open(path, error);
    if (fd < 0)
        return NULL;
    Probe *probe = probe_file(fd, error);
    (void)close(fd);
    return probe;
}

static void assert_refused(const char *name, ReportError code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Probe) probe = probe_name(name, &error);
    g_assert_null(probe);
    g_assert_error(error, REPORT_ERROR, (int)code);
}

#define PICTURE "-f lavfi -i testsrc2=size=320x180:rate=30:duration=2 "
#define SOUND   "-f lavfi -i sine=frequency=440:duration=2 "
#define H264    "-c:v libx264 -preset ultrafast -pix_fmt yuv420p "

static void test_probe_good(void)
{
    g_autoptr(GError) error = NULL;
    make_clip("-good clip's $(name).mp4", PICTURE SOUND H264 "-c:a aac");
    g_autoptr(Probe) probe = probe_name("-good clip's $(name).mp4", &error);
    g_assert_no_error(error);
    json_auto_t *result = probe_json(probe);
    g_assert_cmpstr(json_string_value(json_object_get(result, "video_codec")), ==, "h264");
    g_assert_cmpstr(json_string_value(json_object_get(result, "audio_codec")), ==, "aac");
    g_assert_cmpint(json_integer_value(json_object_get(result, "width")), ==, 320);
    g_assert_cmpint(json_integer_value(json_object_get(result, "fps_n")), ==, 30);
    g_assert_true(json_is_true(json_object_get(result, "has_audio")));
    g_assert_cmpint(llabs(json_integer_value(json_object_get(result, "duration_us")) - 2000000), <,
                    100000);
}

static void test_probe_bad(void)
{
    make_clip("whole.mp4", PICTURE H264);
    make_clip("index-first.mp4", PICTURE H264 "-movflags +faststart");
    make_clip(
        "whole.webm",
        "-f lavfi -i testsrc2=size=320x180:rate=30:duration=4 -c:v libvpx -deadline realtime");
    make_clip("old.avi", PICTURE "-c:v ffv1");
    cut("whole.mp4", "cut.mp4", 0.6);
    cut("index-first.mp4", "cut-late.mp4", 0.7);
    cut("whole.webm", "cut.webm", 0.5);
    g_autofree char *text = path_of("text.mp4"), *list = path_of("list.mp4"),
                    *empty = path_of("empty.mp4");
    g_assert_true(
        g_file_set_contents(text, "This is only text, whatever its name says.", -1, NULL));
    g_assert_true(g_file_set_contents(list, "#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n", -1, NULL));
    g_assert_true(g_file_set_contents(empty, "", 0, NULL));
    assert_refused("text.mp4", REPORT_ERROR_NOT_MEDIA);
    assert_refused("list.mp4", REPORT_ERROR_NOT_MEDIA);
    assert_refused("empty.mp4", REPORT_ERROR_NOT_MEDIA);
    assert_refused("missing.mp4", REPORT_ERROR_CANNOT_OPEN);
    assert_refused(".", REPORT_ERROR_CANNOT_OPEN);
    assert_refused("old.avi", REPORT_ERROR_UNSUPPORTED_CODEC);
    assert_refused("cut.mp4", REPORT_ERROR_TRUNCATED);
    assert_refused("cut-late.mp4", REPORT_ERROR_TRUNCATED);
    assert_refused("cut.webm", REPORT_ERROR_TRUNCATED);
}

static void test_limits(void)
{
    /* One frame in 14,500 s, and one of 8,200 pixels. */
    make_clip("long.mp4", "-f lavfi -i color=size=64x64:rate=1/7250:duration=14500 " H264);
    make_clip("wide.mkv",
              "-f lavfi -i color=size=8200x64:rate=1:duration=1 -c:v mjpeg -pix_fmt yuvj420p");
    assert_refused("long.mp4", REPORT_ERROR_TOO_LONG);
    assert_refused("wide.mkv", REPORT_ERROR_TOO_LARGE);
    GString *many = g_string_new("-f lavfi -i color=size=64x64:rate=5:duration=0.4 ");
    for (int i = 0; i <= PROBE_STREAMS_MAX; i++)
        g_string_append(many, "-map 0:v ");
    g_string_append(many, H264);
    g_strchomp(many->str);
    make_clip("many.mkv", many->str);
    g_string_free(many, TRUE);
    assert_refused("many.mkv", REPORT_ERROR_TOO_MANY_STREAMS);
}

static void test_rates(void)
{
    static const struct {
        int n, d, rate;
    } CASES[] = {
        {24000, 1001, 24}, {24, 1, 24}, {25, 1, 25}, {50, 1, 25},   {30000, 1001, 30}, {60, 1, 30},
        {120, 1, 30},      {15, 1, 30}, {12, 1, 24}, {287, 10, 30}, {0, 0, 25},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++)
        g_assert_cmpint(prepare_rate(CASES[i].n, CASES[i].d), ==, CASES[i].rate);
}

static void test_sizes(void)
{
    static const struct {
        Probe probe;
        int width, height;
    } CASES[] = {
        {{.width = 1920, .height = 1080, .aspect_n = 1, .aspect_d = 1}, 1920, 1080},
        {{.width = 3840, .height = 2160, .aspect_n = 1, .aspect_d = 1}, 1920, 1080},
        {{.width = 1920, .height = 1080, .aspect_n = 1, .aspect_d = 1, .rotation = 90}, 608, 1080},
        {{.width = 641, .height = 361, .aspect_n = 1, .aspect_d = 1}, 642, 362},
        {{.width = 720, .height = 576, .aspect_n = 64, .aspect_d = 45}, 1024, 576},
        {{.width = 8192, .height = 16, .aspect_n = 1, .aspect_d = 1}, 1920, 16},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
        int width = 0, height = 0;
        prepare_size(&CASES[i].probe, &width, &height);
        g_assert_cmpint(width, ==, CASES[i].width);
        g_assert_cmpint(height, ==, CASES[i].height);
    }
}

static json_t *inspect(const char *path)
{
    g_autoptr(GError) error = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *arguments[] = {"-show_streams", "-of", "json", "-i", FFMPEG_INPUT, NULL};
    FfmpegRun run = {.program = "ffprobe", .arguments = arguments, .input_fd = fd};
    g_autofree char *text = ffmpeg_read(&run, PROBE_JSON_MAX, &error);
    (void)close(fd);
    g_assert_no_error(error);
    json_t *report = json_loads(text, 0, NULL);
    g_assert_nonnull(report);
    return report;
}

static const char *text_of(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* A portrait clip of a telephone: turned by metadata, odd size, frames missing here and there. */
static void test_prepare(void)
{
    g_autoptr(GError) error = NULL;
    make_clip(
        "vfr.mkv",
        "-f lavfi -i testsrc2=size=640x360:rate=30:duration=3 -f lavfi -i "
        "sine=frequency=440:duration=3 "
        "-vf scale=321:181,select='not(eq(mod(n\\,9)\\,4))' -fps_mode vfr -c:v libx264 -preset "
        "ultrafast -pix_fmt yuv444p -c:a aac");
    g_autofree char *source = path_of("vfr.mkv"), *output = path_of("out it's"),
                    *option = g_strdup_printf("-i file:%s", source);
    g_autofree char *turn = g_strconcat(option, " -c copy -metadata:s:v rotate=90", NULL);
    make_clip("turned.mov", turn);
    g_autofree char *turned = path_of("turned.mov");
    int fd = probe_open(turned, &error);
    Master master = {0};
    g_assert_true(prepare_file(fd, output, &(PrepareWishes){0}, &master, &error));
    (void)close(fd);
    g_assert_no_error(error);
    g_assert_cmpint(master.width, ==, 182);
    g_assert_cmpint(master.height, ==, 322);
    g_assert_true(master.fps_n == 25 || master.fps_n == 30);
    g_assert_cmpint(llabs(master.frames - 3 * master.fps_n), <=, 2);
    g_assert_true(master.has_audio && master.is_measured);
    g_assert_cmpfloat(fabs(master.lufs + master.gain_db - -23), <, 0.1);

    g_autofree char *path = g_build_filename(output, MASTER_FILE, NULL);
    json_auto_t *report = inspect(path);
    json_t *video = json_array_get(json_object_get(report, "streams"), 0);
    json_t *audio = json_array_get(json_object_get(report, "streams"), 1);
    g_autofree char *frames = g_strdup_printf("%d", (int)master.frames);
    g_autofree char *rate = g_strdup_printf("%d/1", master.fps_n);
    g_assert_cmpstr(text_of(video, "codec_name"), ==, "h264");
    g_assert_cmpstr(text_of(video, "pix_fmt"), ==, "yuv420p");
    g_assert_cmpstr(text_of(video, "color_space"), ==, "bt709");
    g_assert_cmpstr(text_of(video, "sample_aspect_ratio"), ==, "1:1");
    g_assert_cmpstr(text_of(video, "r_frame_rate"), ==, rate);
    g_assert_cmpstr(text_of(video, "avg_frame_rate"), ==, rate);
    g_assert_cmpstr(text_of(video, "nb_frames"), ==, frames);
    g_assert_null(json_object_get(video, "side_data_list"));
    g_assert_cmpstr(text_of(audio, "profile"), ==, "LC");
    g_assert_cmpstr(text_of(audio, "sample_rate"), ==, "48000");
    g_assert_cmpint(json_integer_value(json_object_get(audio, "channels")), ==, 2);
    for (const char *const *name = (const char *const[]){MASTER_POSTER, MASTER_MANIFEST, NULL};
         *name != NULL; name++) {
        g_autofree char *file = g_build_filename(output, *name, NULL);
        g_assert_true(g_file_test(file, G_FILE_TEST_IS_REGULAR));
    }
}

static bool endless(void *user, const uint8_t **ret_data, size_t *ret_size, GError **error)
{
    static const uint8_t zeros[4096];
    *ret_data = zeros;
    *ret_size = sizeof zeros;
    return true;
}

static void test_child_time(void)
{
    g_autoptr(GError) error = NULL;
    const char *arguments[] = {"-f", "u8", "-i", "pipe:0", "-f", "null", "-", NULL};
    FfmpegRun run = {.program = "ffmpeg",
                     .arguments = arguments,
                     .input_fd = -1,
                     .feed = endless,
                     .timeout_seconds = 1};
    g_assert_false(ffmpeg_run(&run, &error));
    g_assert_error(error, REPORT_ERROR, REPORT_ERROR_TIMEOUT);
}

static void test_child_fails(void)
{
    g_autoptr(GError) error = NULL;
    const char *arguments[] = {"-i", "file:/nonexistent/; touch x", "-f", "null", "-", NULL};
    FfmpegRun run = {.program = "ffmpeg", .arguments = arguments, .input_fd = -1};
    g_assert_false(ffmpeg_run(&run, &error));
    g_assert_error(error, REPORT_ERROR, REPORT_ERROR_PROGRAM);
    g_assert_nonnull(strstr(error->message, "No such file"));
}

static void test_child_output(void)
{
    g_autoptr(GError) error = NULL;
    const char *arguments[] = {"-f", "lavfi", "-i",     "sine=duration=1",
                               "-f", "s16le", "pipe:1", NULL};
    FfmpegRun run = {.program = "ffmpeg", .arguments = arguments, .input_fd = -1};
    g_autofree char *text = ffmpeg_read(&run, 1000, &error);
    g_assert_null(text);
    g_assert_error(error, REPORT_ERROR, REPORT_ERROR_PROGRAM);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    report_redirect(NULL);
    folder = g_dir_make_tmp("prepare-test-XXXXXX", NULL);
    g_assert_nonnull(folder);
    g_test_add_func("/ingest/probe-good", test_probe_good);
    g_test_add_func("/ingest/probe-bad", test_probe_bad);
    g_test_add_func("/ingest/limits", test_limits);
    g_test_add_func("/ingest/rates", test_rates);
    g_test_add_func("/ingest/sizes", test_sizes);
    g_test_add_func("/ingest/prepare", test_prepare);
    g_test_add_func("/ingest/child-time", test_child_time);
    g_test_add_func("/ingest/child-fails", test_child_fails);
    g_test_add_func("/ingest/child-output", test_child_output);
    int status = g_test_run();
    remove_all(folder);
    g_free(folder);
    return status;
}
