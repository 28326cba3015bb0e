/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The job `compose`: voice first, then frames drawn only where something moves, piped as I420 into
 * the encoder. */
#include "compose.h"
#include "ffmpeg.h"
#include "jobs.h"
#include "master.h"
#include "options.h"
#include "report.h"
#include "slide.h"
#include "storyboard.h"
#include "timeline.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENCODE_TIMEOUT_SECONDS 3600
#define POSTER_MS              1200 /* the title has arrived */

#define LUMA_SIZE   ((size_t)SLIDE_WIDTH * SLIDE_HEIGHT)
#define CHROMA_SIZE (LUMA_SIZE / 4)

typedef struct Film {
    const Storyboard *board;
    const Timeline *timeline;
    unsigned language;
    const char *picture_folder;
    Slide *slide;
    unsigned slide_index;
    int64_t frame, frame_count;
    cairo_surface_t *canvas;
    uint8_t *i420;
} Film;

/* RGB to BT.709, limited range, in 16-bit fixed point. Source: ITU-R BT.709-6, 3.2 to 3.5 */
static inline uint8_t luma(const uint8_t *bgr)
{
    return (uint8_t)((11966 * bgr[2] + 40254 * bgr[1] + 4064 * bgr[0] + (16 << 16) + 32768) >> 16);
}

static inline uint8_t chroma(int r, int g, int b, int by_r, int by_g, int by_b)
{
    /* r, g and b are sums of four pixels. */
    return (uint8_t)((by_r * r + by_g * g + by_b * b + (128 << 18) + (1 << 17)) >> 18);
}

/* Converts two rows and the chroma row they share. */
static void convert_rows(Film *film, int y, int from_x, int to_x)
{
    const int stride = cairo_image_surface_get_stride(film->canvas);
    const uint8_t *upper = cairo_image_surface_get_data(film->canvas) + (size_t)y * (size_t)stride;
    const uint8_t *lower = upper + stride;
    uint8_t *luma_upper = film->i420 + (size_t)y * SLIDE_WIDTH,
            *luma_lower = luma_upper + SLIDE_WIDTH;
    uint8_t *u = film->i420 + LUMA_SIZE + (size_t)(y / 2) * (SLIDE_WIDTH / 2), *v = u + CHROMA_SIZE;
    for (int x = from_x; x < to_x; x += 2) {
        const uint8_t *a = upper + (size_t)x * 4, *b = a + 4, *c = lower + (size_t)x * 4,
                      *d = c + 4;
        luma_upper[x] = luma(a);
        luma_upper[x + 1] = luma(b);
        luma_lower[x] = luma(c);
        luma_lower[x + 1] = luma(d);
        int blue = a[0] + b[0] + c[0] + d[0], green = a[1] + b[1] + c[1] + d[1],
            red = a[2] + b[2] + c[2] + d[2];
        u[x / 2] = chroma(red, green, blue, -6596, -22189, 28785);
        v[x / 2] = chroma(red, green, blue, 28785, -26145, -2640);
    }
}

static void convert(Film *film, const cairo_rectangle_int_t *dirty)
{
    cairo_surface_flush(film->canvas);
    int from_x = dirty->x & ~1, to_x = (dirty->x + dirty->width + 1) & ~1;
    for (int y = dirty->y & ~1; y < dirty->y + dirty->height; y += 2)
        convert_rows(film, y, from_x, to_x);
}

static bool open_slide(Film *film, unsigned index, GError **error)
{
    slide_free(film->slide);
    film->slide_index = index;
    film->slide = slide_new(film->board, index, film->language, &film->timeline->slides[index],
                            film->picture_folder, error);
    return film->slide != NULL;
}

/* FfmpegFeed: the next frame. */
static bool next_frame(void *user, const uint8_t **ret_data, size_t *ret_size, GError **error)
{
    Film *film = user;
    *ret_size = 0;
    if (film->frame == film->frame_count)
        return true;
    int64_t now_ms = film->frame * TIMELINE_FRAME_MS;
    if (film->slide == NULL && !open_slide(film, 0, error))
        return false;
    if (now_ms >= film->timeline->slides[film->slide_index].end_ms &&
        !open_slide(film, film->slide_index + 1, error))
        return false;
    cairo_rectangle_int_t dirty;
    slide_paint(film->slide, film->canvas, now_ms, &dirty);
    if (dirty.width > 0)
        convert(film, &dirty);
    film->frame++;
    *ret_data = film->i420;
    *ret_size = LUMA_SIZE + 2 * CHROMA_SIZE;
    return true;
}

/* The sound in memory, as a file that the encoder can open. Returns -1 on failure. */
static int make_sound(const Timeline *timeline, GError **error)
{
    int fd = memfd_create("narration", MFD_CLOEXEC);
    const char *data = timeline->samples->data;
    size_t left = (size_t)timeline->samples->len * sizeof(float);
    while (fd >= 0 && left > 0) {
        ssize_t count = write(fd, data, left);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            break;
        data += count;
        left -= (size_t)count;
    }
    if (fd >= 0 && left == 0)
        return fd;
    int saved = errno;
    if (fd >= 0)
        (void)close(fd);
    g_set_error(error, REPORT_ERROR, REPORT_ERROR_PROGRAM, "could not keep the narration: %s",
                g_strerror(saved));
    return -1;
}

static void add(GPtrArray *arguments, const char *const *options)
{
    for (size_t i = 0; options[i] != NULL; i++)
        g_ptr_array_add(arguments, g_strdup(options[i]));
}

static GPtrArray *encode_arguments(const char *output)
{
    GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *size = g_strdup_printf("%dx%d", SLIDE_WIDTH, SLIDE_HEIGHT);
    g_autofree char *rate = g_strdup_printf("%d", TIMELINE_FPS);
    add(arguments, (const char *const[]){
                       "-protocol_whitelist", FFMPEG_PROTOCOLS, "-f", "rawvideo", "-pix_fmt",
                       "yuv420p", "-s:v", size, "-framerate", rate, "-i", "pipe:0",
                       "-protocol_whitelist", FFMPEG_PROTOCOLS, "-f", "f32le", "-ar", "48000",
                       "-ac", "1", "-i", FFMPEG_INPUT, "-map", "0:v", "-map", "1:a",
                       /* Both sides at full level; ffmpeg's own way would lose 3 dB. */
                       "-af", "pan=stereo|c0=c0|c1=c0",
                       /* A fixed number of threads: the bytes must not depend on the machine. */
                       "-threads:v", "2", NULL});
    master_add_video_options(arguments, TIMELINE_FPS, MASTER_DRAWN);
    master_add_audio_options(arguments, MASTER_DRAWN);
    master_add_file_options(arguments);
    g_ptr_array_add(arguments, g_strconcat("file:", output, NULL));
    g_ptr_array_add(arguments, NULL);
    return arguments;
}

static bool encode(Film *film, const char *output, GError **error)
{
    int sound = make_sound(film->timeline, error);
    if (sound < 0)
        return false;
    g_autoptr(GPtrArray) arguments = encode_arguments(output);
    FfmpegRun run = {
        .program = "ffmpeg",
        .arguments = (const char *const *)arguments->pdata,
        .input_fd = sound,
        .feed = next_frame,
        .user = film,
        .stage = "encode",
        .percent_from = 15,
        .percent_to = 90,
        .expected_us = film->timeline->total_ms * 1000,
        .timeout_seconds = ENCODE_TIMEOUT_SECONDS,
    };
    bool is_well = ffmpeg_run(&run, error);
    (void)close(sound);
    return is_well;
}

static bool make_film(const Storyboard *board, const Timeline *timeline, unsigned language,
                      const char *picture_folder, const char *output, GError **error)
{
    Film film = {
        .board = board,
        .timeline = timeline,
        .language = language,
        .picture_folder = picture_folder,
        .frame_count = timeline->total_ms / TIMELINE_FRAME_MS,
        .canvas = cairo_image_surface_create(CAIRO_FORMAT_RGB24, SLIDE_WIDTH, SLIDE_HEIGHT),
        .i420 = g_malloc(LUMA_SIZE + 2 * CHROMA_SIZE),
    };
    bool is_well = encode(&film, output, error);
    slide_free(film.slide);
    cairo_surface_destroy(film.canvas);
    g_free(film.i420);
    if (!is_well)
        (void)unlink(output);
    return is_well;
}

/* What does not fit its slide is told before anybody waits for voice and encoder. */
static bool check_slides(const Storyboard *board, unsigned language, const char *picture_folder,
                         GError **error)
{
    SlideTimes times = {.end_ms = 10000};
    for (unsigned i = 0; i < board->slide_count; i++) {
        g_autoptr(Slide) slide = slide_new(board, i, language, &times, picture_folder, error);
        if (slide == NULL)
            return false;
    }
    return true;
}

static json_t *text_json(const Storyboard *board, const StoryboardText *text)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < board->language_count && text->line != 0; i++)
        json_object_set_new(object, board->languages[i], json_string(text->words[i]));
    return object;
}

/* Writes the captions and returns how they are called. NULL on failure. */
static json_t *save_captions(const Storyboard *board, const Timeline *timeline, const char *folder,
                             GError **error)
{
    json_auto_t *names = json_object();
    for (unsigned i = 0; i < board->language_count; i++) {
        const char *language = board->languages[i];
        g_autofree char *vtt_name = g_strdup_printf("captions.%s.vtt", language);
        g_autofree char *json_name = g_strdup_printf("captions.%s.json", language);
        g_autofree char *vtt = captions_vtt(timeline->captions[i]);
        json_auto_t *cues = captions_json(timeline->captions[i]);
        if (!master_save_text(folder, vtt_name, vtt, error) ||
            !master_save_json(folder, json_name, cues, error))
            return NULL;
        json_object_set_new(names, language,
                            json_pack("{s:s,s:s}", "vtt", vtt_name, "json", json_name));
    }
    return json_incref(names);
}

static Storyboard *read_storyboard(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    g_autofree char *name = g_path_get_basename(path);
    g_autoptr(GError) problem = NULL;
    size_t size = 0;
    if (!g_file_get_contents(path, &text, &size, &problem)) {
        g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_CANNOT_OPEN, problem->message);
        return NULL;
    }
    return storyboard_parse(name, text, size, error);
}

static int choose_language(const Storyboard *board, const char *language, GError **error)
{
    int place = language == NULL ? 0 : storyboard_language(board, language);
    if (place < 0)
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_STORYBOARD,
                    "%s: this storyboard has no language \"%s\"", board->name, language);
    return place;
}

json_t *compose_file(const char *path, const char *language, const char *folder, GError **error)
{
    g_autoptr(Storyboard) board = read_storyboard(path, error);
    if (board == NULL)
        return NULL;
    int place = choose_language(board, language, error);
    g_autofree char *picture_folder = g_path_get_dirname(path);
    if (place < 0 || !check_slides(board, (unsigned)place, picture_folder, error) ||
        !master_make_folder(folder, error))
        return NULL;
    g_autoptr(Timeline) timeline = timeline_new(board, (unsigned)place, error);
    if (timeline == NULL)
        return NULL;
    g_autofree char *output = g_build_filename(folder, MASTER_FILE, NULL);
    if (!make_film(board, timeline, (unsigned)place, picture_folder, output, error))
        return NULL;
    report_progress("measure", 90, -1);
    Master master = {.fps_n = TIMELINE_FPS, .fps_d = 1};
    if (!master_inspect(folder, POSTER_MS, &master, error))
        return NULL;
    json_auto_t *captions = save_captions(board, timeline, folder, error);
    if (captions == NULL)
        return NULL;
    json_auto_t *manifest = master_manifest(&master);
    json_object_set_new(manifest, "title", text_json(board, &board->title));
    json_object_set_new(manifest, "summary", text_json(board, &board->summary));
    json_object_set(manifest, "captions", captions);
    if (!master_save_json(folder, MASTER_MANIFEST, manifest, error))
        return NULL;
    return json_incref(manifest);
}

int job_compose(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Options options;
    if (!options_parse(argc, argv, &options, &error) ||
        !options_require(options.output != NULL && options.word_count == 1,
                         "compose STORYBOARD --output DIR [--language id]", &error))
        return report_failure(error);
    g_autofree char *folder = g_path_get_dirname(options.words[0]);
    if (!master_make_folder(options.output, &error) ||
        !ffmpeg_sandbox(folder, options.output, &error))
        return report_failure(error);
    json_t *result = compose_file(options.words[0], options.language, options.output, &error);
    if (result == NULL)
        return report_failure(error);
    report_result(result);
    return 0;
}
