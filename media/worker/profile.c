/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Looks at the head first, and at each packet only when the head fits. */
#include "profile.h"
#include "ffmpeg.h"
#include "master.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL_MAX        41
#define REFERENCES_MAX   3
#define GRID_TOLERANCE_S 0.0009
#define START_MAX_S      0.05
#define PACKETS_MAX      (4 * 3600 * 31) /* as many pictures as the longest video has */

static const char *text_of(const json_t *stream, const char *key)
{
    const char *text = json_string_value(json_object_get(stream, key));
    return text ? text : "";
}

static int number_of(const json_t *stream, const char *key)
{
    return (int)json_integer_value(json_object_get(stream, key));
}

/* Nothing said is as good as the right word: that is how most cameras leave it. */
static bool is_or_silent(const json_t *stream, const char *key, const char *wanted)
{
    const char *text = text_of(stream, key);
    return *text == '\0' || g_str_equal(text, "unknown") || g_str_equal(text, wanted);
}

static bool find_rate(const Probe *probe, Profile *profile)
{
    static const int RATES[][2] = {{24, 1}, {25, 1}, {30, 1}, {24000, 1001}, {30000, 1001}};
    for (size_t i = 0; i < G_N_ELEMENTS(RATES); i++) {
        if ((int64_t)probe->fps_n * RATES[i][1] != (int64_t)probe->fps_d * RATES[i][0])
            continue;
        profile->fps_n = RATES[i][0];
        profile->fps_d = RATES[i][1];
        return true;
    }
    return false;
}

static bool head_fits(const Probe *probe)
{
    static const char *const PROFILES[] = {"Constrained Baseline", "Main", "High", NULL};
    const json_t *video = probe->video;
    int level = number_of(video, "level");
    return probe->kind == PROBE_VIDEO && g_str_equal(probe->demuxer, "mov") &&
           g_strcmp0(probe->video_codec, "h264") == 0 &&
           g_strv_contains(PROFILES, text_of(video, "profile")) && level > 0 &&
           level <= LEVEL_MAX && number_of(video, "refs") <= REFERENCES_MAX &&
           g_str_equal(text_of(video, "pix_fmt"), "yuv420p") &&
           is_or_silent(video, "field_order", "progressive") &&
           is_or_silent(video, "color_space", "bt709") &&
           is_or_silent(video, "color_transfer", "bt709") &&
           is_or_silent(video, "color_primaries", "bt709") &&
           is_or_silent(video, "color_range", "tv") && !probe->is_hdr && !probe->is_interlaced &&
           json_array_size(json_object_get(video, "side_data_list")) == 0 && probe->rotation == 0 &&
           probe->aspect_n == probe->aspect_d && probe->width <= MASTER_WIDTH_MAX &&
           probe->height <= MASTER_HEIGHT_MAX && probe->width % 2 == 0 && probe->height % 2 == 0;
}

static bool sound_fits(const Probe *probe)
{
    const json_t *audio = probe->audio;
    return probe->audio_stream >= 0 && g_strcmp0(probe->audio_codec, "aac") == 0 &&
           g_str_equal(text_of(audio, "profile"), "LC") &&
           g_str_equal(text_of(audio, "sample_rate"), G_STRINGIFY(MASTER_AUDIO_HZ)) &&
           number_of(audio, "channels") == 2 &&
           fabs(g_ascii_strtod(text_of(audio, "start_time"), NULL)) <= START_MAX_S;
}

/* ---- packets ---- */

typedef struct Packet {
    double seconds;
    int64_t bytes;
    bool is_key;
} Packet;

typedef struct Packets {
    GArray *list;
    GString *line;
    bool is_odd; /* a line that cannot be read, or too many */
} Packets;

/* "0.033333,1234,K__" */
static void take_line(Packets *packets)
{
    char *end = NULL;
    Packet packet = {.seconds = g_ascii_strtod(packets->line->str, &end)};
    bool is_read = end != packets->line->str && *end == ',';
    if (is_read)
        packet.bytes = g_ascii_strtoll(end + 1, &end, 10);
    is_read = is_read && *end == ',';
    packets->is_odd |= !is_read || packets->list->len >= PACKETS_MAX;
    if (is_read && !packets->is_odd) {
        packet.is_key = end[1] == 'K';
        g_array_append_val(packets->list, packet);
    }
}

static bool take(void *user, const uint8_t *data, size_t size, GError **error)
{
    Packets *packets = user;
    for (size_t i = 0; i < size; i++) {
        if (data[i] != '\n' && packets->line->len < 256) {
            g_string_append_c(packets->line, (char)data[i]);
            continue;
        }
        if (packets->line->len > 0)
            take_line(packets);
        g_string_truncate(packets->line, 0);
    }
    return true;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Every picture in its place, from zero on. */
static bool is_on_grid(const GArray *list, const Profile *profile)
{
    g_autofree double *seconds = g_new(double, list->len);
    for (guint i = 0; i < list->len; i++)
        seconds[i] = g_array_index(list, Packet, i).seconds;
    qsort(seconds, list->len, sizeof *seconds, compare);
    for (guint i = 0; i < list->len; i++)
        if (fabs(seconds[i] - (double)i * profile->fps_d / profile->fps_n) > GRID_TOLERANCE_S)
            return false;
    return true;
}

/* Key frames are often enough, nothing shown before one comes after it (closed groups), and no
 * second is larger than the decks are made for. */
static bool is_steady(const GArray *list)
{
    if (list->len == 0 || !g_array_index(list, Packet, 0).is_key)
        return false;
    double key = 0;
    int64_t bytes = 0;
    guint first = 0;
    for (guint i = 0; i < list->len; i++) {
        const Packet *packet = &g_array_index(list, Packet, i);
        if (packet->is_key)
            key = packet->seconds;
        if (packet->seconds < key - GRID_TOLERANCE_S ||
            packet->seconds - key > PROFILE_KEYFRAME_SECONDS + GRID_TOLERANCE_S)
            return false;
        bytes += packet->bytes;
        while (packet->seconds - g_array_index(list, Packet, first).seconds > 1)
            bytes -= g_array_index(list, Packet, first++).bytes;
        if (bytes * 8 > PROFILE_BITS_A_SECOND_MAX)
            return false;
    }
    return true;
}

static bool packets_fit(int fd, const Probe *probe, const Profile *profile)
{
    g_autofree char *stream = g_strdup_printf("%d", probe->video_stream);
    const char *arguments[] = {"-f",
                               probe->demuxer,
                               "-protocol_whitelist",
                               FFMPEG_PROTOCOLS,
                               "-select_streams",
                               stream,
                               "-show_entries",
                               "packet=pts_time,size,flags",
                               "-of",
                               "csv=p=0",
                               "-i",
                               FFMPEG_INPUT,
                               NULL};
    Packets packets = {.list = g_array_new(FALSE, FALSE, sizeof(Packet)),
                       .line = g_string_new(NULL)};
    FfmpegRun run = {.program = "ffprobe",
                     .arguments = arguments,
                     .input_fd = fd,
                     .take = take,
                     .user = &packets,
                     .timeout_seconds = PROBE_TIMEOUT_SECONDS};
    bool fits = ffmpeg_run(&run, NULL) && !packets.is_odd && is_on_grid(packets.list, profile) &&
                is_steady(packets.list);
    g_array_unref(packets.list);
    g_string_free(packets.line, TRUE);
    return fits;
}

Profile profile_find(int fd, const Probe *probe)
{
    Profile profile = {0};
    profile.has_video =
        head_fits(probe) && find_rate(probe, &profile) && packets_fit(fd, probe, &profile);
    profile.has_audio = profile.has_video && sound_fits(probe);
    return profile;
}
