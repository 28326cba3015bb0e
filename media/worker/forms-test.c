/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Whatever a librarian has: pictures, documents, recordings, and videos of every kind become
 * masters with the right pixels; what already fits is copied bit by bit. */
#include "document.h"
#include "loudness.h"
#include "master.h"
#include "picture.h"
#include "prepare.h"
#include "profile.h"
#include "report.h"
#include "test_clips.h"
#include <cairo-pdf.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define H264 "-c:v libx264 -preset ultrafast -pix_fmt yuv420p "

static bool prepare(const char *name, int seconds, Master *ret_master, GError **error)
{
    g_autofree char *path = path_of(name), *output = path_of("out");
    int fd = probe_open(path, error);
    if (fd < 0)
        return false;
    PrepareWishes wishes = {.seconds = seconds};
    bool is_well = prepare_file(fd, output, &wishes, ret_master, error);
    (void)close(fd);
    return is_well;
}

static Master prepare_well(const char *name, int seconds)
{
    g_autoptr(GError) error = NULL;
    Master master = {0};
    (void)prepare(name, seconds, &master, &error);
    g_assert_no_error(error);
    return master;
}

static void assert_refused(const char *name, ReportError code)
{
    g_autoptr(GError) error = NULL;
    Master master = {0};
    g_assert_false(prepare(name, 0, &master, &error));
    g_assert_error(error, REPORT_ERROR, (int)code);
    g_autofree char *left = path_of("out/" MASTER_FILE);
    g_assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
}

static void forget_master(void)
{
    g_autofree char *output = path_of("out");
    remove_all(output);
}

/* The pixels of the master's picture of that number, RGB. */
static unsigned char *pixels_of(const Master *master, int number)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = path_of("out/" MASTER_FILE),
                    *select = g_strdup_printf("select=eq(n\\,%d)", number);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *arguments[] = {"-i", FFMPEG_INPUT, "-vf",      select,  "-frames:v", "1",
                               "-f", "rawvideo",   "-pix_fmt", "rgb24", "pipe:1",    NULL};
    FfmpegRun run = {.program = "ffmpeg", .arguments = arguments, .input_fd = fd};
    size_t size = 0, wanted = (size_t)master->width * (size_t)master->height * 3;
    char *pixels = ffmpeg_read_sized(&run, wanted, &size, &error);
    (void)close(fd);
    g_assert_no_error(error);
    g_assert_cmpuint(size, ==, wanted);
    return (unsigned char *)pixels;
}

/* The name of the colour at a place, in eighths of width and height: R, G, B, W, K, or ?. */
static char colour_at(const unsigned char *pixels, const Master *master, int x8, int y8)
{
    static const struct {
        char name;
        int rgb[3];
    } COLOURS[] = {{'R', {255, 0, 0}},     {'G', {0, 255, 0}},     {'B', {0, 0, 255}},
                   {'W', {255, 255, 255}}, {'P', {251, 248, 241}}, {'K', {0, 0, 0}}};
    const unsigned char *pixel =
        pixels +
        ((ptrdiff_t)(master->height * y8 / 8) * master->width + master->width * x8 / 8) * 3;
    char name = '?';
    int best = 30;
    for (size_t i = 0; i < G_N_ELEMENTS(COLOURS); i++) {
        int worst = 0;
        for (int c = 0; c < 3; c++)
            worst = MAX(worst, ABS((int)pixel[c] - COLOURS[i].rgb[c]));
        if (worst < best) {
            best = worst;
            name = COLOURS[i].name;
        }
    }
    return name;
}

static void assert_colours(const Master *master, int number, const char *expected)
{
    g_autofree unsigned char *pixels = pixels_of(master, number);
    char corners[] = {colour_at(pixels, master, 2, 2), colour_at(pixels, master, 6, 2),
                      colour_at(pixels, master, 2, 6), colour_at(pixels, master, 6, 6), '\0'};
    g_assert_cmpstr(corners, ==, expected);
}

/* Red and green above, blue and white below. */
#define QUARTERS                                                                                   \
    "-f lavfi -i color=red:size=64x32:rate=1:duration=1,format=rgb24,drawbox=32:0:32:16:0x00FF00:" \
    "fill,drawbox=0:16:32:16:blue:fill,drawbox=32:16:32:16:white:fill "

static void set_orientation(const char *from, const char *to, char orientation)
{
    static const char EXIF[] = "\xFF\xE1\x00\x22"
                               "Exif\0\0"
                               "II*\0\x08\0\0\0\x01\0"
                               "\x12\x01\x03\0\x01\0\0\0?\0\0\0\0\0\0\0";
    g_autofree char *source = path_of(from), *target = path_of(to), *data = NULL;
    size_t size = 0;
    g_assert_true(g_file_get_contents(source, &data, &size, NULL));
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, (const guint8 *)data, 2);
    g_byte_array_append(bytes, (const guint8 *)EXIF, sizeof EXIF - 1);
    g_assert_cmpint(bytes->data[2 + 28], ==, '?');
    bytes->data[2 + 28] = (guint8)orientation;
    g_byte_array_append(bytes, (const guint8 *)data + 2, (guint)size - 2);
    g_assert_true(g_file_set_contents(target, (const char *)bytes->data, (gssize)bytes->len, NULL));
}

static void test_orientations(void)
{
    static const char *const UPRIGHT[] = {"RGBW", "GRWB", "WBGR", "BWRG",
                                          "RBGW", "BRWG", "WGBR", "GWRB"};
    make_clip("quarters.jpg", QUARTERS "-frames:v 1 -q:v 1 -pix_fmt yuvj444p -update 1");
    for (int i = 0; i < 8; i++) {
        set_orientation("quarters.jpg", "turned.jpg", (char)(i + 1));
        Master master = prepare_well("turned.jpg", 7);
        g_assert_cmpint(master.width, ==, i < 4 ? 64 : 32);
        g_assert_cmpint(master.height, ==, i < 4 ? 32 : 64);
        g_assert_cmpint(master.frames, ==, 1);
        g_assert_cmpint(master.fps_n, ==, 1);
        g_assert_cmpint(master.fps_d, ==, 7);
        assert_colours(&master, 0, UPRIGHT[i]);
    }
}

static void test_pictures(void)
{
    static const char *const NAMES[] = {"quarters.png", "quarters.webp", "quarters.gif"};
    for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        const char *end = strchr(NAMES[i], '.');
        make_clip(NAMES[i], g_str_equal(end, ".webp") ? QUARTERS "-frames:v 1 -lossless 1"
                                                      : QUARTERS "-frames:v 1");
        Master master = prepare_well(NAMES[i], 0);
        g_assert_cmpint(master.frames, ==, 1);
        g_assert_cmpint(master.fps_d, ==, PREPARE_SECONDS);
        assert_colours(&master, 0, "RGBW");
    }
    make_clip("clear.png", "-f lavfi -i color=red@0.0:size=64x32:duration=1:rate=1,format=rgba "
                           "-frames:v 1 -update 1");
    Master master = prepare_well("clear.png", 0);
    assert_colours(&master, 0, "PPPP");
    make_clip("wide.png", "-f lavfi -i color=blue:size=5000x10 -frames:v 1 -update 1");
    master = prepare_well("wide.png", 0);
    g_assert_cmpint(master.width, ==, 1920);
    g_assert_cmpint(master.height, ==, 16);
}

/* Two rounds of six seconds, for a picture would stand for ten. */
static void test_animation(void)
{
    make_clip("moving.gif", "-f lavfi -i color=red:size=64x32:rate=5:duration=3 -f lavfi -i "
                            "color=blue:size=64x32:rate=5:duration=3 -filter_complex concat=n=2");
    Master master = prepare_well("moving.gif", 0);
    int64_t round = 6 * master.fps_n;
    g_assert_cmpint(llabs(master.frames - 2 * round), <=, 2);
    assert_colours(&master, (int)(round / 4), "RRRR");
    assert_colours(&master, (int)(round * 3 / 4), "BBBB");
    assert_colours(&master, (int)(round * 5 / 4), "RRRR");
}

static void write_file(const char *name, const char *data, size_t size)
{
    g_autofree char *path = path_of(name);
    g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
}

static void test_bad_pictures(void)
{
    /* The head alone: 10,001 x 10,000 in PNG, 20,000 x 20,000 in JPEG. There is nothing to decode.
     */
    static const char PNG[] = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\x27\x11\0\0\x27\x10\x08\x02\0\0\0";
    static const char JPEG[] = "\xFF\xD8\xFF\xC0\0\x0B\x08\x4E\x20\x4E\x20\x01\x01\x11\0";
    static const char EMPTY[] = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\0\0\0\0\0\x08\x02\0\0\0";
    static const char MOVING[] = "RIFF\x16\0\0\0WEBPVP8X\x0A\0\0\0\x02\0\0\0\x0F\0\0\x0F\0\0";
    forget_master();
    write_file("vast.png", PNG, sizeof PNG);
    write_file("vast.jpg", JPEG, sizeof JPEG);
    write_file("none.png", EMPTY, sizeof EMPTY);
    write_file("cut.png", PNG, 12);
    write_file("cut.jpg", JPEG, 5);
    write_file("moving.webp", MOVING, sizeof MOVING - 1);
    assert_refused("vast.png", REPORT_ERROR_TOO_LARGE);
    assert_refused("vast.jpg", REPORT_ERROR_TOO_LARGE);
    assert_refused("none.png", REPORT_ERROR_NOT_MEDIA);
    assert_refused("cut.png", REPORT_ERROR_TRUNCATED);
    assert_refused("cut.jpg", REPORT_ERROR_TRUNCATED);
    assert_refused("moving.webp", REPORT_ERROR_UNSUPPORTED_CODEC);
}

/* ---- documents ---- */

static void make_document(const char *name, int pages)
{
    static const double COLOURS[][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    g_autofree char *path = path_of(name);
    cairo_surface_t *surface = cairo_pdf_surface_create(path, 800, 450);
    cairo_t *cairo = cairo_create(surface);
    for (int i = 0; i < pages; i++) {
        const double *colour = COLOURS[i % 3];
        cairo_set_source_rgb(cairo, colour[0], colour[1], colour[2]);
        cairo_paint(cairo);
        cairo_show_page(cairo);
    }
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
}

static void test_document(void)
{
    make_document("three.pdf", 3);
    Master master = prepare_well("three.pdf", 8);
    g_assert_cmpint(master.frames, ==, 3);
    g_assert_cmpint(master.fps_n, ==, 1);
    g_assert_cmpint(master.fps_d, ==, 8);
    g_assert_cmpint(master.width, ==, 1920);
    g_assert_cmpint(master.height, ==, 1080);
    assert_colours(&master, 0, "RRRR");
    assert_colours(&master, 1, "GGGG");
    assert_colours(&master, 2, "BBBB");
    g_autofree char *page = path_of("out/page-001.png");
    g_assert_false(g_file_test(page, G_FILE_TEST_EXISTS));
}

static void test_bad_documents(void)
{
    forget_master();
    make_document("long.pdf", DOCUMENT_PAGES_MAX + 1);
    write_file("odd.pdf", "%PDF-1.4 and nothing", 20);
    assert_refused("long.pdf", REPORT_ERROR_TOO_LONG);
    assert_refused("odd.pdf", REPORT_ERROR_NOT_MEDIA);
}

/* ---- sound ---- */

static void test_sound(void)
{
    static const char *const NAMES[] = {"sound.mp3", "sound.ogg", "sound.flac", "sound.wav",
                                        "sound.m4a"};
    for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        make_clip(NAMES[i], "-f lavfi -i sine=frequency=440:duration=3");
        Master master = prepare_well(NAMES[i], 0);
        g_assert_true(master.has_audio && master.is_measured);
        g_assert_cmpint(llabs(master.frames - 3 * master.fps_n), <=, 1);
        g_assert_cmpint(master.width, ==, MASTER_WIDTH_MAX);
        g_assert_cmpfloat(fabs(master.lufs + master.gain_db - LOUDNESS_TARGET_LUFS), <, 0.2);
        /* The sound's shape is in leaf green in the middle of the ground. */
        g_autofree unsigned char *pixels = pixels_of(&master, 2);
        const unsigned char *wave = pixels + ((ptrdiff_t)780 * master.width + 960) * 3;
        const unsigned char *ground = pixels + ((ptrdiff_t)20 * master.width + 20) * 3;
        g_assert_cmpint(wave[1], >, 120);
        g_assert_cmpint(ground[1], <, 50);
    }
    forget_master();
}

/* ---- what fits is copied ---- */

static char *packets_of(const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = path_of(name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *arguments[] = {"-i",   FFMPEG_INPUT, "-map", "0:v",    "-c",
                               "copy", "-f",         "md5",  "pipe:1", NULL};
    FfmpegRun run = {.program = "ffmpeg", .arguments = arguments, .input_fd = fd};
    char *sum = ffmpeg_read(&run, 1000, &error);
    (void)close(fd);
    g_assert_no_error(error);
    return sum;
}

static void test_copy(void)
{
#define TEST_PICTURE "-f lavfi -i testsrc2=size=320x180:rate=30:duration=4 "
#define TEST_SOUND   "-f lavfi -i sine=frequency=440:duration=4 -c:a aac "
#define FITS         "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 30 "
#define STEREO       "-ar 48000 -ac 2 "
    static const struct {
        const char *name, *options;
        bool is_copied;
    } CASES[] = {
        {"fits.mp4", TEST_PICTURE TEST_SOUND FITS STEREO, true},
        {"mute.mov", TEST_PICTURE FITS, true},
        {"ntsc.mp4", "-f lavfi -i testsrc2=size=320x180:rate=30000/1001:duration=4 " FITS, true},
        {"mono.mp4", TEST_PICTURE TEST_SOUND FITS "-ar 44100 -ac 1 ", true},
        {"sparse.mp4", TEST_PICTURE FITS "-g 90 -sc_threshold 0", false},
        {"open.mp4", TEST_PICTURE FITS "-x264-params open-gop=1:bframes=3:b-adapt=0", false},
        {"fast.mp4", "-f lavfi -i testsrc2=size=320x180:rate=60:duration=2 " FITS, false},
        {"uneven.mp4", TEST_PICTURE "-vf select=not(eq(mod(n\\,9)\\,4)) -fps_mode vfr " FITS,
         false},
        {"late.mp4", TEST_PICTURE "-vf setpts=PTS+0.5/TB -copyts " FITS, false},
        {"colour.mp4", TEST_PICTURE FITS "-pix_fmt yuv444p", false},
        {"wide.mp4", "-f lavfi -i testsrc2=size=2048x64:rate=30:duration=1 " FITS, false},
        {"heavy.mp4",
         "-f lavfi -i nullsrc=size=640x360:rate=30:duration=2,geq=random(1)*255:128:128 " FITS
         "-qp 4",
         false},
        {"bt601.mp4", TEST_PICTURE FITS "-colorspace smpte170m", false},
        {"oblong.mp4", TEST_PICTURE "-vf setsar=4/3 " FITS, false},
        {"other.mkv", TEST_PICTURE FITS, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
        make_clip(CASES[i].name, CASES[i].options);
        Master master = prepare_well(CASES[i].name, 0);
        g_autofree char *before = packets_of(CASES[i].name), *after = packets_of("out/master.mp4");
        g_test_message("%s", CASES[i].name);
        g_assert_cmpint(g_str_equal(before, after), ==, CASES[i].is_copied);
        bool is_silent = strstr(CASES[i].options, "sine") == NULL;
        g_assert_cmpint(master.has_audio, ==, !is_silent);
    }
}

/* ---- every kind of video ---- */

#define BLOCKS(size, rate)                                                                         \
    "-f lavfi -i color=red:size=" size ":rate=" rate ":duration=1,drawbox=iw/2:0:iw/2:ih/2:"       \
    "0x00FF00:fill,drawbox=0:ih/2:iw/2:ih/2:blue:fill,drawbox=iw/2:ih/2:iw/2:ih/2:white:fill "

static void test_videos(void)
{
    static const struct {
        const char *name, *options;
        int width, height, fps;
        const char *colours;
    } CASES[] = {
        {"hevc.mp4", BLOCKS("320x180", "25") "-c:v libx265 -preset ultrafast -tag:v hvc1", 320, 180,
         25, "RGBW"},
        {"hevc10.mkv",
         BLOCKS("320x180", "25") "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le", 320, 180,
         25, "RGBW"},
        {"av1.mp4", BLOCKS("320x180", "25") "-c:v libsvtav1 -preset 12", 320, 180, 25, "RGBW"},
        {"vp9.webm", BLOCKS("320x180", "25") "-c:v libvpx-vp9 -deadline realtime -cpu-used 8", 320,
         180, 25, "RGBW"},
        {"vp8.webm", BLOCKS("320x180", "25") "-c:v libvpx -deadline realtime", 320, 180, 25,
         "RGBW"},
        {"uhd.mp4", BLOCKS("3840x2160", "5") H264, 1920, 1080, 25, "RGBW"},
        {"fast.mp4", BLOCKS("320x180", "60") H264, 320, 180, 30, "RGBW"},
        {"odd.mkv", BLOCKS("320x180", "25") "-vf scale=321:181 -c:v libx264 -pix_fmt yuv444p", 322,
         182, 25, "RGBW"},
        {"office.wmv", BLOCKS("320x180", "25") "-c:v wmv2 -q:v 2", 320, 180, 25, "RGBW"},
        {"old.avi", BLOCKS("320x180", "25") "-c:v mpeg4 -q:v 2", 320, 180, 25, "RGBW"},
        {"phone.3gp", BLOCKS("176x144", "15") "-c:v h263 -q:v 2", 176, 144, 30, NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
        make_clip(CASES[i].name, CASES[i].options);
        Master master = prepare_well(CASES[i].name, 0);
        g_test_message("%s", CASES[i].name);
        if (CASES[i].colours) { /* the pixels of the old telephone are not square */
            g_assert_cmpint(master.width, ==, CASES[i].width);
            g_assert_cmpint(master.fps_n, >=, 24);
            assert_colours(&master, 3, CASES[i].colours);
        }
        g_assert_cmpint(master.height, ==, CASES[i].height);
        g_assert_cmpint(llabs(master.frames - master.fps_n), <=, master.fps_n / 5);
    }
}

/* A grey of PQ is another grey of BT.709; HLG was made to look alike without a change. Mapped
 * wrongly, or not at all, PQ stays at its 128. */
static void test_hdr(void)
{
    static const struct {
        const char *transfer, *colour;
        int grey;
    } CASES[] = {{"smpte2084", "0x808080", 154}, {"arib-std-b67", "0xE6E6E6", 235}};
    for (size_t i = 0; i < G_N_ELEMENTS(CASES); i++) {
        g_autofree char *options = g_strdup_printf(
            "-f lavfi -i color=%s:size=320x180:rate=25:duration=1,format=yuv420p10le -c:v libx265 "
            "-preset ultrafast -color_primaries bt2020 -color_trc %s -colorspace bt2020nc "
            "-x265-params log-level=0:colorprim=bt2020:transfer=%s:colormatrix=bt2020nc",
            CASES[i].colour, CASES[i].transfer, CASES[i].transfer);
        make_clip("hdr.mp4", options);
        Master master = prepare_well("hdr.mp4", 0);
        g_autofree unsigned char *pixels = pixels_of(&master, 5);
        const unsigned char *middle = pixels + ((ptrdiff_t)90 * 320 + 160) * 3;
        g_test_message("%s: %d %d %d", CASES[i].transfer, middle[0], middle[1], middle[2]);
        for (int c = 0; c < 3; c++)
            g_assert_cmpint(ABS(middle[c] - CASES[i].grey), <=, 6);
    }
}

/* Four seconds of black, then white: the poster is white, and the strip tells both. */
static void test_poster(void)
{
    make_clip("fade.mp4", "-f lavfi -i color=black:size=320x180:rate=25:duration=4 -f lavfi -i "
                          "color=white:size=320x180:rate=25:duration=2 -filter_complex concat=n=2 "
                          "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25");
    Master master = prepare_well("fade.mp4", 0);
    g_autoptr(GError) error = NULL;
    g_autofree char *poster = path_of("out/" MASTER_POSTER), *strip = path_of("out/" MASTER_STRIP);
    const char *paths[] = {poster, strip};
    for (int i = 0; i < 2; i++) {
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        const char *arguments[] = {"-f",       "jpeg_pipe", "-i",   FFMPEG_INPUT, "-f",
                                   "rawvideo", "-pix_fmt",  "gray", "pipe:1",     NULL};
        FfmpegRun run = {.program = "ffmpeg", .arguments = arguments, .input_fd = fd};
        size_t size = 0;
        g_autofree char *gray = ffmpeg_read_sized(&run, 1 << 20, &size, &error);
        (void)close(fd);
        g_assert_no_error(error);
        const unsigned char *row = (const unsigned char *)gray;
        if (i == 0) {
            g_assert_cmpuint(size, ==, 320 * 180);
            g_assert_cmpint(row[320 * 90 + 160], >, 200);
            continue;
        }
        g_assert_cmpuint(size, ==, 1600 * 90); /* one row of ten, six of them taken */
        for (int tile = 0; tile < 6; tile++)
            g_assert_cmpint(row[1600 * 45 + tile * 160 + 80] > 128, ==, tile >= 4);
    }
    json_auto_t *manifest = master_manifest(&master);
    g_assert_cmpint(
        json_integer_value(json_object_get(json_object_get(manifest, "strip"), "count")), ==, 6);
}

static void test_channels(void)
{
    static const char *const LAYOUTS[] = {"mono", "stereo", "5.1"};
    for (size_t i = 0; i < G_N_ELEMENTS(LAYOUTS); i++) {
        g_autofree char *options = g_strdup_printf(
            "-f lavfi -i testsrc2=size=64x64:rate=25:duration=2 -f lavfi -i "
            "sine=frequency=440:duration=2,aformat=channel_layouts=%s " H264 "-c:a ac3",
            LAYOUTS[i]);
        make_clip("channels.mkv", options);
        Master master = prepare_well("channels.mkv", 0);
        g_assert_true(master.has_audio && master.is_measured);
        g_assert_cmpfloat(fabs(master.lufs + master.gain_db - LOUDNESS_TARGET_LUFS), <, 0.5);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    report_redirect(NULL);
    folder = g_dir_make_tmp("forms-test-XXXXXX", NULL);
    g_assert_nonnull(folder);
    g_test_add_func("/forms/orientations", test_orientations);
    g_test_add_func("/forms/pictures", test_pictures);
    g_test_add_func("/forms/animation", test_animation);
    g_test_add_func("/forms/bad-pictures", test_bad_pictures);
    g_test_add_func("/forms/document", test_document);
    g_test_add_func("/forms/bad-documents", test_bad_documents);
    g_test_add_func("/forms/sound", test_sound);
    g_test_add_func("/forms/copy", test_copy);
    g_test_add_func("/forms/videos", test_videos);
    g_test_add_func("/forms/hdr", test_hdr);
    g_test_add_func("/forms/poster", test_poster);
    g_test_add_func("/forms/channels", test_channels);
    int status = g_test_run();
    remove_all(folder);
    g_free(folder);
    return status;
}
