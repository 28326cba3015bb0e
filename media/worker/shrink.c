/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The job `shrink`: a small rendition of a master, for telephones far from the router. */
#include "ffmpeg.h"
#include "jobs.h"
#include "master.h"
#include "options.h"
#include "probe.h"
#include "report.h"
#include <unistd.h>

#define SMALL_FILE     "small.mp4"
#define SMALL_SIDE     480 /* of the shorter side */
#define SMALL_RATE     "900k"
#define SMALL_PATIENCE 7200

static bool shrink(int fd, const char *folder, int64_t duration_us, GError **error)
{
    g_autofree char *output = g_strdup_printf("file:%s/%s", folder, SMALL_FILE);
    g_autofree char *filter = g_strdup_printf(
        "scale=w='if(gt(iw,ih),-2,%d)':h='if(gt(iw,ih),%d,-2)',setsar=1", SMALL_SIDE, SMALL_SIDE);
    const char *arguments[] = {"-f",
                               "mov",
                               "-protocol_whitelist",
                               FFMPEG_PROTOCOLS,
                               "-i",
                               FFMPEG_INPUT,
                               "-map",
                               "0:v:0",
                               "-map",
                               "0:a?",
                               "-vf",
                               filter,
                               "-c:v",
                               "libx264",
                               "-preset",
                               "veryfast",
                               "-crf",
                               "26",
                               "-maxrate",
                               SMALL_RATE,
                               "-bufsize",
                               SMALL_RATE,
                               "-pix_fmt",
                               "yuv420p",
                               "-c:a",
                               "aac",
                               "-b:a",
                               "64k",
                               "-map_metadata",
                               "-1",
                               "-fflags",
                               "+bitexact",
                               "-movflags",
                               "+faststart",
                               "-f",
                               "mp4",
                               "-y",
                               output,
                               NULL};
    FfmpegRun run = {.program = "ffmpeg",
                     .arguments = arguments,
                     .input_fd = fd,
                     .stage = "shrink",
                     .percent_from = 0,
                     .percent_to = 100,
                     .expected_us = duration_us,
                     .timeout_seconds = SMALL_PATIENCE};
    return ffmpeg_run(&run, error);
}

int job_shrink(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Options options;
    if (!options_parse(argc, argv, &options, &error) ||
        !options_require(options.input != NULL && options.output != NULL && options.word_count == 0,
                         "shrink --input MASTER --output DIR", &error))
        return report_failure(error);
    int fd = probe_open(options.input, &error);
    if (fd < 0 || !ffmpeg_sandbox(options.input, options.output, &error))
        return report_failure(error);
    g_autoptr(Probe) probe = probe_file(fd, &error);
    bool is_small = probe != NULL && MIN(probe->width, probe->height) <= SMALL_SIDE;
    bool is_well =
        probe != NULL && (is_small || shrink(fd, options.output, probe->duration_us, &error));
    (void)close(fd);
    if (!is_well)
        return report_failure(error);
    report_result(json_pack("{s:s?}", "small", is_small ? NULL : SMALL_FILE));
    return 0;
}
