/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The job `prepare`: whatever a phone or a camera made becomes a master. */
#include "prepare.h"
#include "ffmpeg.h"
#include "jobs.h"
#include "options.h"
#include "probe.h"
#include "report.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_BASE_SECONDS 120
#define TIMEOUT_FACTOR       20 /* HDR on a slow machine: about 1 frame in 0.5 s */
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

/* ffmpeg turns the picture upright before this chain. */
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
    g_string_append(chain, "format=yuv420p,setsar=1");
    return g_string_free(chain, FALSE);
}

static void add(GPtrArray *arguments, const char *const *options)
{
    for (size_t i = 0; options[i] != NULL; i++)
        g_ptr_array_add(arguments, g_strdup(options[i]));
}

GPtrArray *prepare_arguments(const Probe *probe, const char *output)
{
    int fps = prepare_rate(probe->fps_n, probe->fps_d);
    g_autofree char *filters = video_filters(probe, fps);
    g_autofree char *video = g_strdup_printf("0:%d", probe->video_stream);
    GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);
    add(arguments, (const char *const[]){"-f", probe->demuxer, "-protocol_whitelist",
                                         FFMPEG_PROTOCOLS, "-codec_whitelist", PROBE_DECODERS, "-i",
                                         FFMPEG_INPUT, "-map", video, NULL});
    if (probe->audio_stream >= 0) {
        g_autofree char *audio = g_strdup_printf("0:%d", probe->audio_stream);
        add(arguments,
            (const char *const[]){"-map", audio, "-af", "aresample=async=1:first_pts=0", NULL});
        master_add_audio_options(arguments, MASTER_FILMED);
    }
    add(arguments, (const char *const[]){"-vf", filters, NULL});
    master_add_video_options(arguments, fps, MASTER_FILMED);
    master_add_file_options(arguments);
    g_ptr_array_add(arguments, g_strconcat("file:", output, NULL));
    g_ptr_array_add(arguments, NULL);
    return arguments;
}

static bool transcode(int fd, const Probe *probe, const char *output, GError **error)
{
    g_autoptr(GPtrArray) arguments = prepare_arguments(probe, output);
    int64_t done_us = 0;
    FfmpegRun run = {
        .program = "ffmpeg",
        .arguments = (const char *const *)arguments->pdata,
        .input_fd = fd,
        .stage = "transcode",
        .percent_from = 2,
        .percent_to = 95,
        .expected_us = probe->duration_us,
        .ret_done_us = &done_us,
        .timeout_seconds =
            (unsigned)(TIMEOUT_BASE_SECONDS + probe->duration_us / 1000000 * TIMEOUT_FACTOR),
    };
    if (!ffmpeg_run(&run, error))
        return false;
    if (done_us >= (int64_t)((double)probe->duration_us * WHOLE_SHARE) - 1000000)
        return true;
    g_set_error(error, REPORT_ERROR, REPORT_ERROR_TRUNCATED,
                "only %.0f of %.0f seconds could be read: the file is damaged or was cut off",
                (double)done_us / 1e6, (double)probe->duration_us / 1e6);
    return false;
}

bool prepare_file(int fd, const char *folder, Master *ret_master, GError **error)
{
    g_autoptr(Probe) probe = probe_file(fd, error);
    if (probe == NULL || !master_make_folder(folder, error))
        return false;
    report_progress("transcode", 2, -1);
    g_autofree char *path = g_build_filename(folder, MASTER_FILE, NULL);
    if (!transcode(fd, probe, path, error)) {
        (void)unlink(path);
        return false;
    }
    report_progress("measure", 95, -1);
    Master master = {0};
    if (!master_inspect(folder, prepare_rate(probe->fps_n, probe->fps_d), -1, &master, error))
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
                         "prepare --input FILE --output DIR", &error))
        return report_failure(error);
    int fd = probe_open(options.input, &error);
    if (fd < 0 || !master_make_folder(options.output, &error) ||
        !ffmpeg_sandbox(options.input, options.output, &error))
        return report_failure(error);
    Master master = {0};
    bool is_well = prepare_file(fd, options.output, &master, &error);
    (void)close(fd);
    if (!is_well)
        return report_failure(error);
    report_result(master_manifest(&master));
    return 0;
}
