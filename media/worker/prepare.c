/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The job `prepare`: whatever a librarian has becomes a master.
 *
 *   video      copied where it already fits, else coded anew
 *   animation  the same, repeated until it has stood as long as a picture would
 *   picture    one frame, which stands as long as its slot
 *   document   one frame for each page
 *   sound      a card that stands while it is heard */
#include "prepare.h"
#include "card.h"
#include "document.h"
#include "ffmpeg.h"
#include "jobs.h"
#include "options.h"
#include "picture.h"
#include "probe.h"
#include "profile.h"
#include "report.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_BASE_SECONDS 120
#define TIMEOUT_FACTOR       20 /* HDR on a slow machine: about 1 frame in 0.5 s */
#define CARD_FPS             2
#define CARD_KEYFRAME_EVERY  (10 * CARD_FPS)
/* Divides every length in seconds that a slide may have, to the microsecond. */
#define SLIDE_TIMESCALE "1000"
#define WHOLE_SHARE                                                                                \
    0.90 /* less than this of the promised length means that the file was damaged                  \
          */

int prepare_rate(int fps_n, int fps_d)
{
    static const int RATES[] = {24, 25, 30};
    double fps = fps_d > 0 ? (double)fps_n / fps_d : 25;
    /* 50 and 60 are halved, 12 and 15 doubled: every second frame, or every frame twice, moves
     * evenly. */
    while (fps > 40)
        fps /= 2;
    while (fps > 0 && fps < 17)
        fps *= 2;
    int best = 25;
    double best_error = HUGE_VAL;
    for (size_t i = 0; i < G_N_ELEMENTS(RATES); i++) {
        if (fabs(fps - RATES[i]) < best_error) {
            best_error = fabs(fps - RATES[i]);
            best = RATES[i];
        }
    }
    return best;
}

void prepare_size(const Probe *probe, int *ret_width, int *ret_height)
{
    double width = (double)probe->width * probe->aspect_n / probe->aspect_d, height = probe->height;
    if (probe->rotation % 180 != 0) {
        double turned = width;
        width = height;
        height = turned;
    }
    double scale = MIN(1.0, MIN(MASTER_WIDTH_MAX / width, MASTER_HEIGHT_MAX / height));
    *ret_width = MAX(16, (int)lround(width * scale / 2) * 2);
    *ret_height = MAX(16, (int)lround(height * scale / 2) * 2);
}

/* What can be seen through is laid on paper, as on a page. */
#define ON_PAPER                                                                                   \
    "format=rgba,split[seen][under];[under]lutrgb=r=251:g=248:b=241:a=255[paper];"                 \
    "[paper][seen]overlay=format=rgb,scale=out_color_matrix=bt709:out_range=tv,"

/* ffmpeg turns the picture of a video upright before this chain. */
static char *video_filters(const Probe *probe, int fps)
{
    int width = 0, height = 0;
    prepare_size(probe, &width, &height);
    GString *chain = g_string_new(NULL);
    if (probe->is_interlaced)
        g_string_append(chain, "yadif,");
    g_string_append_printf(chain, "fps=%d,", fps);
    if (probe->is_hdr) /* scale first: the tone mapping works in floats */
        g_string_append_printf(chain,
                               "zscale=w=%d:h=%d:t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
                               "tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,",
                               width, height);
    else
        g_string_append_printf(
            chain, "scale=%d:%d:flags=bicubic:out_color_matrix=bt709:out_range=tv,", width, height);
    if (probe->kind == PROBE_ANIMATION)
        g_string_append(chain, ON_PAPER);
    g_string_append(chain, "format=yuv420p,setsar=1");
    return g_string_free(chain, FALSE);
}

static void add(GPtrArray *arguments, const char *const *options)
{
    for (size_t i = 0; options[i] != NULL; i++)
        g_ptr_array_add(arguments, g_strdup(options[i]));
}

static void add_input(GPtrArray *arguments, const Probe *probe)
{
    add(arguments, (const char *const[]){"-f", probe->demuxer, "-protocol_whitelist",
                                         FFMPEG_PROTOCOLS, "-codec_whitelist", PROBE_DECODERS,
                                         "-max_pixels", "100000000", "-i", FFMPEG_INPUT, NULL});
}

static void add_map(GPtrArray *arguments, int input, int stream)
{
    g_ptr_array_add(arguments, g_strdup("-map"));
    g_ptr_array_add(arguments, g_strdup_printf("%d:%d", input, stream));
}

static void add_sound(GPtrArray *arguments, int input, int stream, MasterSource source)
{
    add_map(arguments, input, stream);
    add(arguments, (const char *const[]){"-af", "aresample=async=1:first_pts=0", NULL});
    master_add_audio_options(arguments, source);
}

static void add_output(GPtrArray *arguments, const char *output)
{
    master_add_file_options(arguments);
    g_ptr_array_add(arguments, g_strconcat("file:", output, NULL));
    g_ptr_array_add(arguments, NULL);
}

static void add_length(GPtrArray *arguments, int64_t us)
{
    g_ptr_array_add(arguments, g_strdup("-t"));
    g_ptr_array_add(arguments, g_strdup_printf("%" G_GINT64_FORMAT "us", us));
}

/* Whole rounds of an animation, so many that they last as long as a picture would stand. */
static int64_t rounds_us(const Probe *probe, int seconds)
{
    int64_t wanted_us = (int64_t)seconds * 1000000;
    return (wanted_us + probe->duration_us - 1) / probe->duration_us * probe->duration_us;
}

GPtrArray *prepare_arguments(const Probe *probe, int seconds, const char *output)
{
    int fps = prepare_rate(probe->fps_n, probe->fps_d);
    g_autofree char *filters = video_filters(probe, fps);
    GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);
    if (probe->kind == PROBE_ANIMATION)
        add(arguments, (const char *const[]){"-ignore_loop", "0", NULL});
    add_input(arguments, probe);
    add_map(arguments, 0, probe->video_stream);
    if (probe->audio_stream >= 0)
        add_sound(arguments, 0, probe->audio_stream, MASTER_FILMED);
    add(arguments, (const char *const[]){"-vf", filters, NULL});
    master_add_video_options(arguments, fps, MASTER_FILMED);
    if (probe->kind == PROBE_ANIMATION)
        add_length(arguments, rounds_us(probe, seconds));
    add_output(arguments, output);
    return arguments;
}

/* ---- the runs, one for each kind ---- */

typedef struct Preparation {
    int fd;
    const Probe *probe;
    const char *folder, *path; /* path: of the master */
    const char *title;
    int seconds;
    Master *master;
} Preparation;

static bool check_whole(const Preparation *job, int64_t done_us, GError **error)
{
    if (done_us >= (int64_t)((double)job->probe->duration_us * WHOLE_SHARE) - 1000000)
        return true;
    g_set_error(error, REPORT_ERROR, REPORT_ERROR_TRUNCATED,
                "only %.0f of %.0f seconds could be read: the file is damaged or was cut off",
                (double)done_us / 1e6, (double)job->probe->duration_us / 1e6);
    return false;
}

static unsigned patience(int64_t duration_us)
{
    return (unsigned)(TIMEOUT_BASE_SECONDS + duration_us / 1000000 * TIMEOUT_FACTOR);
}

/* The streams fit: nothing is decoded but what is measured. */
static bool copy_streams(const Preparation *job, const Profile *profile, GError **error)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
    add_input(arguments, job->probe);
    add_map(arguments, 0, job->probe->video_stream);
    if (profile->has_audio)
        add_map(arguments, 0, job->probe->audio_stream);
    add(arguments, (const char *const[]){"-c", "copy", NULL});
    if (!profile->has_audio && job->probe->audio_stream >= 0)
        add_sound(arguments, 0, job->probe->audio_stream, MASTER_FILMED);
    add_output(arguments, job->path);
    int64_t done_us = 0;
    FfmpegRun run = {
        .program = "ffmpeg",
        .arguments = (const char *const *)arguments->pdata,
        .input_fd = job->fd,
        .stage = "copy",
        .percent_from = 2,
        .percent_to = 80,
        .expected_us = job->probe->duration_us,
        .ret_done_us = &done_us,
        .timeout_seconds = patience(job->probe->duration_us),
    };
    job->master->fps_n = profile->fps_n;
    job->master->fps_d = profile->fps_d;
    return ffmpeg_run(&run, error) && check_whole(job, done_us, error);
}

static bool make_video(const Preparation *job, GError **error)
{
    Profile profile = profile_find(job->fd, job->probe);
    if (profile.has_video)
        return copy_streams(job, &profile, error);
    g_autoptr(GPtrArray) arguments = prepare_arguments(job->probe, job->seconds, job->path);
    int64_t done_us = 0, expected_us = job->probe->kind == PROBE_ANIMATION
                                           ? rounds_us(job->probe, job->seconds)
                                           : job->probe->duration_us;
    FfmpegRun run = {
        .program = "ffmpeg",
        .arguments = (const char *const *)arguments->pdata,
        .input_fd = job->fd,
        .stage = "transcode",
        .percent_from = 2,
        .percent_to = 95,
        .expected_us = expected_us,
        .ret_done_us = &done_us,
        .timeout_seconds = patience(expected_us),
    };
    job->master->fps_n = prepare_rate(job->probe->fps_n, job->probe->fps_d);
    return ffmpeg_run(&run, error) && check_whole(job, done_us, error);
}

/* The end of the call of ffmpeg for frames that stand for seconds. */
static void add_slides(GPtrArray *arguments, const char *filters, const char *output)
{
    add(arguments, (const char *const[]){"-vf", filters, NULL});
    master_add_video_options(arguments, 1, MASTER_STILL);
    add(arguments, (const char *const[]){"-video_track_timescale", SLIDE_TIMESCALE, NULL});
    add_output(arguments, output);
}

static bool make_picture(const Preparation *job, GError **error)
{
    g_autofree char *rate = g_strdup_printf("1/%d", job->seconds);
    g_autofree char *filters =
        g_strconcat(picture_upright(job->probe->orientation),
                    "scale=w='min(1920,iw)':h='min(1080,ih)':force_original_aspect_ratio=decrease:"
                    "force_divisible_by=2:flags=bicubic+accurate_rnd,"
                    "pad=w='max(16,iw)':h='max(16,ih)':x=-1:y=-1:color=0xFBF8F1," ON_PAPER
                    "format=yuv420p,setsar=1",
                    NULL);
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
    if (!g_str_equal(job->probe->demuxer, "gif"))
        add(arguments, (const char *const[]){"-framerate", rate, NULL});
    add(arguments, (const char *const[]){"-noautorotate", NULL});
    add_input(arguments, job->probe);
    add(arguments, (const char *const[]){"-map", "0:v:0", "-frames:v", "1", "-r", rate, NULL});
    add_slides(arguments, filters, job->path);
    FfmpegRun run = {
        .program = "ffmpeg",
        .arguments = (const char *const *)arguments->pdata,
        .input_fd = job->fd,
        .timeout_seconds = TIMEOUT_BASE_SECONDS,
    };
    job->master->fps_n = 1;
    job->master->fps_d = job->seconds;
    g_autoptr(GError) problem = NULL;
    if (ffmpeg_run(&run, &problem))
        return true;
    if (!g_error_matches(problem, REPORT_ERROR, REPORT_ERROR_PROGRAM)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    g_set_error(error, REPORT_ERROR, REPORT_ERROR_NOT_MEDIA,
                "the picture is damaged and cannot be read (%s)", problem->message);
    return false;
}

static bool bind_pages(const Preparation *job, const Document *document, GError **error)
{
    g_autofree char *rate = g_strdup_printf("1/%d", job->seconds);
    g_autofree char *pages = g_strdup_printf("file:%s/page-%%03d.png", job->folder);
    g_autofree char *filters = g_strdup_printf(
        "scale=%d:%d:force_original_aspect_ratio=decrease:force_divisible_by=2:"
        "out_color_matrix=bt709:out_range=tv,pad=%d:%d:-1:-1:white,format=yuv420p,setsar=1",
        document->width, document->height, document->width, document->height);
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
    add(arguments, (const char *const[]){"-f", "image2", "-framerate", rate, "-i", pages, NULL});
    add_slides(arguments, filters, job->path);
    FfmpegRun run = {
        .program = "ffmpeg",
        .arguments = (const char *const *)arguments->pdata,
        .input_fd = -1,
        .stage = "transcode",
        .percent_from = 70,
        .percent_to = 95,
        .expected_us = (int64_t)document->pages * job->seconds * 1000000,
        .timeout_seconds = patience((int64_t)document->pages * 1000000),
    };
    job->master->fps_n = 1;
    job->master->fps_d = job->seconds;
    return ffmpeg_run(&run, error);
}

static bool make_document(const Preparation *job, GError **error)
{
    Document document = {0};
    if (!document_read(job->fd, &document, error))
        return false;
    bool is_well =
        document_draw(job->fd, &document, job->folder, error) && bind_pages(job, &document, error);
    document_discard(&document, job->folder);
    return is_well;
}

/* Hands the card over once; ffmpeg repeats it. */
static bool feed_card(void *user, const uint8_t **ret_data, size_t *ret_size, GError **error)
{
    cairo_surface_t **card = user;
    *ret_size = 0;
    if (*card == NULL)
        return true;
    *ret_data = cairo_image_surface_get_data(*card);
    *ret_size = (size_t)cairo_image_surface_get_stride(*card) *
                (size_t)cairo_image_surface_get_height(*card);
    *card = NULL;
    return true;
}

static bool make_sound(const Preparation *job, GError **error)
{
    cairo_surface_t *card = card_draw(job->fd, job->probe, job->title, error);
    if (card == NULL)
        return false;
    cairo_surface_t *fed = card;
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
    add(arguments,
        (const char *const[]){"-f", "rawvideo", "-pixel_format", "bgr0", "-video_size", "1920x1080",
                              "-framerate", G_STRINGIFY(CARD_FPS), "-i", "pipe:0", NULL});
    add_input(arguments, job->probe);
    add(arguments, (const char *const[]){"-map", "0:v", NULL});
    add_sound(arguments, 1, job->probe->audio_stream, MASTER_FILMED);
    /* The picture is made ready once and then repeated: an hour costs no more scaling than a
     * second. */
    add(arguments,
        (const char *const[]){"-vf",
                              "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,"
                              "loop=loop=-1:size=1,setpts=N/" G_STRINGIFY(CARD_FPS) "/TB,setsar=1",
                              NULL});
    master_add_video_options(arguments, CARD_KEYFRAME_EVERY, MASTER_DRAWN);
    add_length(arguments, job->probe->duration_us);
    add_output(arguments, job->path);
    int64_t done_us = 0;
    FfmpegRun run = {
        .program = "ffmpeg",
        .arguments = (const char *const *)arguments->pdata,
        .input_fd = job->fd,
        .feed = feed_card,
        .user = &fed,
        .stage = "transcode",
        .percent_from = 10,
        .percent_to = 95,
        .expected_us = job->probe->duration_us,
        .ret_done_us = &done_us,
        .timeout_seconds = patience(job->probe->duration_us),
    };
    job->master->fps_n = CARD_FPS;
    bool is_well = ffmpeg_run(&run, error) && check_whole(job, done_us, error);
    cairo_surface_destroy(card);
    return is_well;
}

static bool make_master(const Preparation *job, GError **error)
{
    switch (job->probe->kind) {
    case PROBE_VIDEO:
    case PROBE_ANIMATION:
        return make_video(job, error);
    case PROBE_PICTURE:
        return make_picture(job, error);
    case PROBE_DOCUMENT:
        return make_document(job, error);
    case PROBE_SOUND:
        return make_sound(job, error);
    }
    g_assert_not_reached();
}

bool prepare_file(int fd, const char *folder, const PrepareWishes *wishes, Master *ret_master,
                  GError **error)
{
    g_autoptr(Probe) probe = probe_file(fd, error);
    if (probe == NULL || !master_make_folder(folder, error))
        return false;
    report_progress("transcode", 2, -1);
    g_autofree char *path = g_build_filename(folder, MASTER_FILE, NULL);
    Master master = {.fps_d = 1};
    Preparation job = {.fd = fd,
                       .probe = probe,
                       .folder = folder,
                       .path = path,
                       .title = wishes->title,
                       .seconds = wishes->seconds > 0 ? wishes->seconds : PREPARE_SECONDS,
                       .master = &master};
    if (!make_master(&job, error)) {
        (void)unlink(path);
        return false;
    }
    report_progress("measure", 95, -1);
    bool is_moving = probe->kind == PROBE_VIDEO || probe->kind == PROBE_ANIMATION;
    if (!master_inspect(folder, is_moving ? -1 : 0, &master, error))
        return false;
    json_auto_t *manifest = master_manifest(&master);
    if (!master_save_json(folder, MASTER_MANIFEST, manifest, error))
        return false;
    *ret_master = master;
    return true;
}

int job_prepare(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Options options;
    if (!options_parse(argc, argv, &options, &error) ||
        !options_require(options.input != NULL && options.output != NULL && options.word_count == 0,
                         "prepare --input FILE --output DIR [--seconds N] [--title TEXT]", &error))
        return report_failure(error);
    int fd = probe_open(options.input, &error);
    if (fd < 0 || !master_make_folder(options.output, &error) ||
        !ffmpeg_sandbox(options.input, options.output, &error))
        return report_failure(error);
    Master master = {0};
    PrepareWishes wishes = {.seconds = options.seconds, .title = options.title};
    bool is_well = prepare_file(fd, options.output, &wishes, &master, &error);
    (void)close(fd);
    if (!is_well)
        return report_failure(error);
    report_result(master_manifest(&master));
    return 0;
}
