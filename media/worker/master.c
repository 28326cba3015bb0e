/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The profile of masters, and what is measured of them. */
#include "master.h"
#include "ffmpeg.h"
#include "loudness.h"
#include "probe.h"
#include "report.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEASURE_TIMEOUT_SECONDS 1800
#define POSTER_TIMEOUT_SECONDS  120
/* Lets only pictures through that are brighter than a dark room: 16 is black. */
#define NOT_BLACK                                                                                  \
    "signalstats,metadata=mode=select:key=lavfi.signalstats.YAVG:value=32:function=greater"

static void add(GPtrArray *arguments, const char *const *options)
{
    for (size_t i = 0; options[i] != NULL; i++)
        g_ptr_array_add(arguments, g_strdup(options[i]));
}

void master_add_video_options(GPtrArray *arguments, int keyframe_every, MasterSource source)
{
    /* Cheap to decode without a GPU: two references, four slices for as many threads, one key frame
     * a second so that a late screen joins within it. */
    g_autofree char *key_frames = g_strdup_printf("%d", keyframe_every);
    bool is_drawn = source != MASTER_FILMED;
    const char *tuning = is_drawn
                             ? "slices=4:open-gop=0:subme=0:scenecut=0:rc-lookahead=0:weightp=0"
                             : "slices=4:open-gop=0";
    add(arguments, (const char *const[]){"-c:v",
                                         "libx264",
                                         "-preset",
                                         source == MASTER_DRAWN ? "superfast" : "veryfast",
                                         "-profile:v",
                                         "high",
                                         "-crf",
                                         source == MASTER_STILL ? "16" : "21",
                                         "-maxrate",
                                         "8M",
                                         "-bufsize",
                                         "8M",
                                         "-g",
                                         key_frames,
                                         "-bf",
                                         is_drawn ? "0" : "2",
                                         "-refs",
                                         is_drawn ? "1" : "2",
                                         "-x264-params",
                                         tuning,
                                         "-pix_fmt",
                                         "yuv420p",
                                         "-color_primaries",
                                         "bt709",
                                         "-color_trc",
                                         "bt709",
                                         "-colorspace",
                                         "bt709",
                                         "-color_range",
                                         "tv",
                                         NULL});
}

void master_add_audio_options(GPtrArray *arguments, MasterSource source)
{
    /* The careful search for quantisers costs 2.5 s for 41 s of sound, and one voice does not need
     * it. */
    add(arguments, (const char *const[]){"-c:a", "aac", "-profile:a", "aac_low", "-aac_coder",
                                         source != MASTER_FILMED ? "fast" : "twoloop", "-b:a",
                                         "160k", "-ar", "48000", "-ac", "2", NULL});
}

void master_add_file_options(GPtrArray *arguments)
{
    /* Nothing of the maker's (place, device, name) goes on air; the same input gives the same
     * bytes. */
    add(arguments,
        (const char *const[]){"-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn", "-fflags",
                              "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact",
                              "-movflags", "+faststart", "-f", "mp4", "-y", NULL});
}

bool master_make_folder(const char *folder, GError **error)
{
    if (g_mkdir_with_parents(folder, 0750) == 0)
        return true;
    int saved = errno;
    g_set_error(error, REPORT_ERROR, REPORT_ERROR_CANNOT_WRITE, "cannot make the folder \"%s\": %s",
                folder, g_strerror(saved));
    return false;
}

bool master_save_text(const char *folder, const char *name, const char *text, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autoptr(GError) problem = NULL;
    if (g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &problem))
        return true;
    g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_CANNOT_WRITE, problem->message);
    return false;
}

bool master_save_json(const char *folder, const char *name, json_t *document, GError **error)
{
    g_autofree char *text =
        json_dumps(document, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
    g_autofree char *lines = g_strconcat(text, "\n", NULL);
    return master_save_text(folder, name, lines, error);
}

/* A picture a second, a hundred at most, one at least. */
static int strip_count(const Master *master)
{
    int64_t seconds = master->frames * master->fps_d / master->fps_n;
    return (int)CLAMP(MIN(seconds, master->frames), 1, MASTER_STRIP_SIDE * MASTER_STRIP_SIDE);
}

static int strip_height(const Master *master)
{
    return MAX(2, MASTER_STRIP_WIDTH * master->height / master->width / 2 * 2);
}

json_t *master_manifest(const Master *master)
{
    json_t *lufs = master->is_measured ? json_real(master->lufs) : json_null();
    double gain_db = master->is_measured ? master->gain_db : 0;
    int64_t duration_us = master->frames * master->fps_d * 1000000 / master->fps_n;
    json_t *manifest = json_pack(
        "{s:s,s:s,s:I,s:i,s:i,s:I,s:i,s:i,s:b,s:o,s:f}", "master", MASTER_FILE, "poster",
        MASTER_POSTER, "frames", (json_int_t)master->frames, "fps_n", master->fps_n, "fps_d",
        master->fps_d, "duration_us", (json_int_t)duration_us, "width", master->width, "height",
        master->height, "has_audio", master->has_audio, "lufs", lufs, "gain_db", gain_db);
    int count = strip_count(master);
    json_object_set_new(manifest, "strip",
                        json_pack("{s:s,s:i,s:i,s:I,s:i,s:i}", "file", MASTER_STRIP, "columns",
                                  MASTER_STRIP_SIDE, "count", count, "every_us",
                                  (json_int_t)(duration_us / count), "width", MASTER_STRIP_WIDTH,
                                  "height", strip_height(master)));
    return manifest;
}

static bool count_frames(int fd, Master *master, GError **error)
{
    const char *arguments[] = {
        "-f",
        "mov",
        "-protocol_whitelist",
        FFMPEG_PROTOCOLS,
        "-count_packets",
        "-show_entries",
        "stream=codec_type,width,height,nb_read_packets",
        "-of",
        "json",
        "-i",
        FFMPEG_INPUT,
        NULL,
    };
    FfmpegRun run = {.program = "ffprobe",
                     .arguments = arguments,
                     .input_fd = fd,
                     .timeout_seconds = MEASURE_TIMEOUT_SECONDS};
    g_autofree char *text = ffmpeg_read(&run, PROBE_JSON_MAX, error);
    if (text == NULL)
        return false;
    json_auto_t *report = json_loads(text, 0, NULL);
    json_t *stream = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(report, "streams"), i, stream)
    {
        const char *type = json_string_value(json_object_get(stream, "codec_type"));
        const char *packets = json_string_value(json_object_get(stream, "nb_read_packets"));
        if (g_strcmp0(type, "audio") == 0)
            master->has_audio = packets != NULL && !g_str_equal(packets, "0");
        if (g_strcmp0(type, "video") != 0 || packets == NULL)
            continue;
        master->frames = g_ascii_strtoll(packets, NULL, 10);
        master->width = (int)json_integer_value(json_object_get(stream, "width"));
        master->height = (int)json_integer_value(json_object_get(stream, "height"));
    }
    if (master->frames > 0)
        return true;
    g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_PROGRAM,
                        "the prepared video holds no frame");
    return false;
}

/* Sound arrives in pieces that end anywhere; a frame is two floats. */
typedef struct Meter {
    Loudness *loudness;
    float frames[8192];
    size_t bytes;
} Meter;

static bool meter_take(void *user, const uint8_t *data, size_t size, GError **error)
{
    Meter *meter = user;
    const size_t frame = 2 * sizeof(float);
    while (size > 0) {
        size_t count = MIN(size, sizeof meter->frames - meter->bytes);
        memcpy((uint8_t *)meter->frames + meter->bytes, data, count);
        meter->bytes += count;
        data += count;
        size -= count;
        size_t whole = meter->bytes / frame;
        loudness_add(meter->loudness, meter->frames, whole);
        memmove(meter->frames, (uint8_t *)meter->frames + whole * frame,
                meter->bytes - whole * frame);
        meter->bytes -= whole * frame;
    }
    return true;
}

static bool measure_loudness(int fd, Master *master, GError **error)
{
    if (!master->has_audio)
        return true;
    const char *arguments[] = {
        "-f",
        "mov",
        "-protocol_whitelist",
        FFMPEG_PROTOCOLS,
        "-i",
        FFMPEG_INPUT,
        "-map",
        "0:a:0",
        "-f",
        "f32le",
        "-ac",
        "2",
        "-ar",
        "48000",
        "pipe:1",
        NULL,
    };
    g_autoptr(Loudness) loudness = loudness_new(2);
    Meter meter = {.loudness = loudness};
    FfmpegRun run = {
        .program = "ffmpeg",
        .arguments = arguments,
        .input_fd = fd,
        .take = meter_take,
        .user = &meter,
        .timeout_seconds = MEASURE_TIMEOUT_SECONDS,
    };
    if (!ffmpeg_run(&run, error))
        return false;
    double peak_dbtp = 0;
    /* Silence has no loudness and needs no gain. */
    master->is_measured = loudness_measure(loudness, &master->lufs, &peak_dbtp, NULL);
    if (master->is_measured)
        master->gain_db = loudness_gain(master->lufs, peak_dbtp, LOUDNESS_TARGET_LUFS);
    return true;
}

static bool fail_empty(GError **error)
{
    g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_PROGRAM,
                        "the prepared video gives no picture");
    return false;
}

/* Makes one JPEG of the video. before: options of the input, or NULL; ret_is_made: false if the
 * filter let no picture through. */
static bool make_jpeg(int fd, const char *const *before, const char *filter, const char *path,
                      bool *ret_is_made, GError **error)
{
    g_autofree char *output = g_strconcat("file:", path, NULL);
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
    add(arguments, before);
    add(arguments, (const char *const[]){"-f",
                                         "mov",
                                         "-protocol_whitelist",
                                         FFMPEG_PROTOCOLS,
                                         "-i",
                                         FFMPEG_INPUT,
                                         "-map",
                                         "0:v:0",
                                         "-vf",
                                         filter,
                                         "-frames:v",
                                         "1",
                                         "-q:v",
                                         "3",
                                         "-fflags",
                                         "+bitexact",
                                         "-flags:v",
                                         "+bitexact",
                                         "-f",
                                         "image2",
                                         "-update",
                                         "1",
                                         "-y",
                                         output,
                                         NULL});
    g_ptr_array_add(arguments, NULL);
    FfmpegRun run = {.program = "ffmpeg",
                     .arguments = (const char *const *)arguments->pdata,
                     .input_fd = fd,
                     .timeout_seconds = POSTER_TIMEOUT_SECONDS};
    (void)unlink(path);
    bool is_well = ffmpeg_run(&run, error);
    *ret_is_made = is_well && access(path, R_OK) == 0;
    return is_well;
}

/* Chosen by its maker, or the most telling picture that is not black: the first second is often a
 * fade or a thumb on the lens. */
static bool make_poster(int fd, const char *folder, const Master *master, int64_t poster_ms,
                        GError **error)
{
    bool is_chosen = poster_ms >= 0, is_made = false;
    int64_t seek_ms = is_chosen
                          ? poster_ms
                          : MIN(master->frames * master->fps_d * 1000 / master->fps_n / 10, 10000);
    g_autofree char *path = g_build_filename(folder, MASTER_POSTER, NULL);
    g_autofree char *seek =
        g_strdup_printf("%d.%03d", (int)(seek_ms / 1000), (int)(seek_ms % 1000));
    g_autofree char *scale = g_strdup_printf("scale='min(%d,iw)':-2", MASTER_POSTER_WIDTH);
    g_autofree char *telling = g_strconcat(NOT_BLACK ",thumbnail=75,", scale, NULL);
    const char *const from[] = {"-ss", seek, NULL}, *const keys[] = {"-skip_frame", "nokey", NULL},
                      *const start[] = {NULL};
    if (!make_jpeg(fd, from, is_chosen ? scale : telling, path, &is_made, error))
        return false;
    if (!is_made && !make_jpeg(fd, keys, telling, path, &is_made, error))
        return false;
    if (!is_made && !make_jpeg(fd, start, scale, path, &is_made, error))
        return false;
    return is_made || fail_empty(error);
}

/* The pictures that a page shows while a finger moves along the time. Key frames are enough. */
static bool make_strip(int fd, const char *folder, const Master *master, GError **error)
{
    int count = strip_count(master);
    int rows = (count + MASTER_STRIP_SIDE - 1) / MASTER_STRIP_SIDE;
    g_autofree char *path = g_build_filename(folder, MASTER_STRIP, NULL);
    g_autofree char *filter = g_strdup_printf(
        "fps=%d*%d/(%" G_GINT64_FORMAT "*%d):start_time=0:round=up,tpad=stop=%d:stop_mode=clone,"
        "scale=%d:%d,trim=end_frame=%d,tile=%dx%d",
        count, master->fps_n, master->frames, master->fps_d, count, MASTER_STRIP_WIDTH,
        strip_height(master), count, MASTER_STRIP_SIDE, rows);
    const char *const keys[] = {"-skip_frame", "nokey", NULL};
    bool is_made = false;
    return make_jpeg(fd, keys, filter, path, &is_made, error) && (is_made || fail_empty(error));
}

bool master_inspect(const char *folder, int64_t poster_ms, Master *master, GError **error)
{
    g_autofree char *path = g_build_filename(folder, MASTER_FILE, NULL);
    int fd = probe_open(path, error);
    if (fd < 0)
        return false;
    bool is_well = count_frames(fd, master, error) && measure_loudness(fd, master, error) &&
                   make_poster(fd, folder, master, poster_ms, error) &&
                   make_strip(fd, folder, master, error);
    (void)close(fd);
    return is_well;
}
