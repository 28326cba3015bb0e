/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The job `probe`: sniffs the first bytes itself, then lets ffprobe read with the one demuxer that
 * fits. */
#include "probe.h"
#include "ffmpeg.h"
#include "jobs.h"
#include "options.h"
#include "picture.h"
#include "report.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SNIFFED 400 /* two packets of a transport stream */

/* A file whose picture ends this much before the length it claims has lost something. */
#define MISSING_SHARE 0.05
#define MISSING_US    1000000

static bool refuse(GError **error, ReportError code, const char *message)
{
    g_set_error_literal(error, REPORT_ERROR, code, message);
    return false;
}

int probe_open(const char *path, GError **error)
{
    /* O_NONBLOCK: a named pipe in the place of the file must not hold us up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        int saved = errno;
        if (fd >= 0)
            (void)close(fd);
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_CANNOT_OPEN, "cannot open \"%s\": %s", path,
                    g_strerror(saved));
        return -1;
    }
    if (!S_ISREG(status.st_mode)) {
        (void)close(fd);
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_CANNOT_OPEN, "\"%s\" is not a file", path);
        return -1;
    }
    return fd;
}

/* ---- sniffing ---- */

static const struct {
    size_t offset;
    const char *magic;
    size_t size;
    const char *demuxer; /* NULL: a document */
} SIGNATURES[] = {
    {4, "ftyp", 4, "mov"},
    {4, "moov", 4, "mov"},
    {4, "mdat", 4, "mov"},
    {4, "wide", 4, "mov"},
    {4, "free", 4, "mov"},
    {4, "skip", 4, "mov"},
    {0, "\x1A\x45\xDF\xA3", 4, "matroska"},
    {8, "AVI ", 4, "avi"},
    {0, "\x00\x00\x01\xBA", 4, "mpeg"},
    {0, "\x30\x26\xB2\x75\x8E\x66\xCF\x11", 8, "asf"},
    {0, "FLV\x01", 4, "flv"},
    {0, "OggS", 4, "ogg"},
    {8, "WAVE", 4, "wav"},
    {8, "AIFF", 4, "aiff"},
    {0, "ID3", 3, "mp3"},
    {0, "fLaC", 4, "flac"},
    {0, "\xFF\xFB", 2, "mp3"},
    {0, "\xFF\xF3", 2, "mp3"},
    {0, "\xFF\xFA", 2, "mp3"},
    {0, "\xFF\xF1", 2, "aac"},
    {0, "\xFF\xF9", 2, "aac"},
    {0, "%PDF-", 5, NULL},
};

static bool is_transport_stream(const unsigned char *head, size_t size, size_t offset,
                                size_t packet)
{
    return size > offset + packet && head[offset] == 0x47 && head[offset + packet] == 0x47;
}

static bool sniff(int fd, const char **ret_demuxer, GError **error)
{
    unsigned char head[SNIFFED];
    ssize_t count = pread(fd, head, sizeof head, 0);
    size_t size = count < 0 ? 0 : (size_t)count;
    for (size_t i = 0; i < G_N_ELEMENTS(SIGNATURES); i++) {
        if (size < SIGNATURES[i].offset + SIGNATURES[i].size ||
            memcmp(head + SIGNATURES[i].offset, SIGNATURES[i].magic, SIGNATURES[i].size) != 0)
            continue;
        *ret_demuxer = SIGNATURES[i].demuxer;
        return true;
    }
    if (is_transport_stream(head, size, 0, 188) || is_transport_stream(head, size, 4, 192)) {
        *ret_demuxer = "mpegts";
        return true;
    }
    if (size == 0)
        return refuse(error, REPORT_ERROR_NOT_MEDIA, "the file is empty");
    return refuse(
        error, REPORT_ERROR_NOT_MEDIA,
        "this is nothing in a form that Serambi knows; videos (MP4, MOV, WebM, MKV, AVI, "
        "WMV, MPEG), pictures (JPEG, PNG, WebP, GIF), PDF and sound (MP3, M4A, OGG, FLAC, "
        "WAV) are");
}

static uint64_t big_endian(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* Walks the outermost boxes of an MP4: a box that is longer than the rest of the file was cut off.
 * Source: ISO/IEC 14496-12, 4.2 */
static bool check_boxes(int fd, GError **error)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return refuse(error, REPORT_ERROR_CANNOT_OPEN, "the file went away");
    uint64_t size = (uint64_t)status.st_size, at = 0;
    bool has_index = false;
    while (at < size) {
        unsigned char head[16];
        ssize_t count = pread(fd, head, sizeof head, (off_t)at);
        if (count < 8)
            break; /* a few stray bytes at the end do no harm */
        uint64_t box = big_endian(head, 4);
        if (box == 1 && count == 16)
            box = big_endian(head + 8, 8);
        else if (box == 0)
            box = size - at;
        if (memcmp(head + 4, "moov", 4) == 0)
            has_index = true;
        if (box < 8)
            break; /* zero padding of some cameras */
        if (box > size - at)
            return refuse(error, REPORT_ERROR_TRUNCATED,
                          "the file ends too early: it was cut off while being copied or recorded");
        at += box;
    }
    if (!has_index)
        return refuse(
            error, REPORT_ERROR_TRUNCATED,
            "the file has no index: the recording was not finished, or the copy is incomplete");
    return true;
}

/* ---- what ffprobe tells ---- */

static const char *text_of(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void parse_ratio(const char *text, char separator, int *ret_n, int *ret_d)
{
    char *end = NULL;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end != separator)
        return;
    long long d = strtoll(end + 1, NULL, 10);
    if (n <= 0 || d <= 0 || n > INT32_MAX || d > INT32_MAX)
        return;
    *ret_n = (int)n;
    *ret_d = (int)d;
}

static int64_t seconds_to_us(const char *text)
{
    double seconds = g_ascii_strtod(text, NULL);
    return isfinite(seconds) && seconds > 0 && seconds < 1e9 ? llround(seconds * 1e6) : 0;
}

static int find_rotation(json_t *stream)
{
    json_t *side_data = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(stream, "side_data_list"), i, side_data)
    {
        json_t *rotation = json_object_get(side_data, "rotation");
        if (json_is_number(rotation)) {
            /* ffprobe counts against the clock. */
            long quarter = lround(-json_number_value(rotation) / 90.0);
            return (int)((quarter % 4 + 4) % 4) * 90;
        }
    }
    return 0;
}

static bool is_in_list(const char *list, const char *name)
{
    g_auto(GStrv) names = g_strsplit(list, ",", -1);
    return *name != '\0' && g_strv_contains((const char *const *)names, name);
}

/* Codec names as ffprobe gives them; each has its decoders in PROBE_DECODERS. */
#define VIDEO_CODECS                                                                               \
    "h264,hevc,vp8,vp9,av1,mpeg4,mpeg2video,mpeg1video,mjpeg,gif,png,webp,h263,flv1,"              \
    "wmv1,wmv2,wmv3,vc1,msmpeg4v2,msmpeg4v3,prores"
#define AUDIO_CODECS                                                                               \
    "aac,opus,mp3,mp2,vorbis,ac3,flac,alac,amr_nb,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,"        \
    "pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_u8,pcm_alaw,pcm_mulaw,"                           \
    "wmav1,wmav2,wmapro"

static bool read_video(Probe *probe, json_t *stream, GError **error)
{
    const char *codec = text_of(stream, "codec_name");
    if (!is_in_list(VIDEO_CODECS, codec)) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_UNSUPPORTED_CODEC,
                    "the picture is coded as \"%s\", which Serambi does not open; save it as MP4 "
                    "with H.264",
                    *codec != '\0' ? codec : "unknown");
        return false;
    }
    probe->video_codec = g_strdup(codec);
    probe->width = (int)json_integer_value(json_object_get(stream, "width"));
    probe->height = (int)json_integer_value(json_object_get(stream, "height"));
    probe->rotation = find_rotation(stream);
    probe->fps_n = 25;
    probe->fps_d = 1;
    parse_ratio(text_of(stream, "r_frame_rate"), '/', &probe->fps_n, &probe->fps_d);
    parse_ratio(text_of(stream, "avg_frame_rate"), '/', &probe->fps_n, &probe->fps_d);
    probe->aspect_n = probe->aspect_d = 1;
    parse_ratio(text_of(stream, "sample_aspect_ratio"), ':', &probe->aspect_n, &probe->aspect_d);
    const char *transfer = text_of(stream, "color_transfer");
    probe->is_hdr = g_str_equal(transfer, "smpte2084") || g_str_equal(transfer, "arib-std-b67");
    probe->is_interlaced = is_in_list("tt,bb,tb,bt", text_of(stream, "field_order"));
    if (probe->width < 16 || probe->height < 16)
        return refuse(error, REPORT_ERROR_NOT_MEDIA, "the picture has no usable size");
    if (probe->width > PROBE_PIXELS_MAX || probe->height > PROBE_PIXELS_MAX) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_TOO_LARGE,
                    "the picture has %d x %d pixels; at most %d in each direction are possible",
                    probe->width, probe->height, PROBE_PIXELS_MAX);
        return false;
    }
    return true;
}

static int stream_index(const json_t *stream)
{
    return stream ? (int)json_integer_value(json_object_get(stream, "index")) : -1;
}

/* One of the texts that a file tells of itself; NULL: it has none. */
static char *tag_of(const json_t *holder, const char *name)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(json_object_get(holder, "tags"), key, value)
    {
        const char *text = json_string_value(value);
        if (g_ascii_strcasecmp(key, name) != 0 || text == NULL)
            continue;
        GString *kept = g_string_new(NULL);
        for (int i = 0; *text != '\0' && i < PROBE_TEXT_CHARACTERS; i++) {
            gunichar letter = g_utf8_get_char(text);
            g_string_append_unichar(kept, g_unichar_iscntrl(letter) ? ' ' : letter);
            text = g_utf8_next_char(text);
        }
        char *readable = g_strstrip(g_string_free(kept, FALSE));
        if (*readable != '\0')
            return readable;
        g_free(readable);
    }
    return NULL;
}

static void read_words(Probe *probe, const json_t *format)
{
    probe->title = tag_of(format, "title");
    if (probe->title == NULL) /* Ogg keeps them with the stream */
        probe->title = tag_of(probe->audio, "title");
    probe->artist = tag_of(format, "artist");
    if (probe->artist == NULL)
        probe->artist = tag_of(probe->audio, "artist");
}

static bool read_streams(Probe *probe, json_t *streams, GError **error)
{
    json_t *video = NULL, *audio = NULL, *cover = NULL, *stream = NULL;
    size_t i = 0;
    json_array_foreach(streams, i, stream)
    {
        const char *type = text_of(stream, "codec_type");
        json_t *is_cover = json_object_get(json_object_get(stream, "disposition"), "attached_pic");
        if (g_str_equal(type, "video") && json_integer_value(is_cover) != 0)
            cover = cover ? cover : stream;
        else if (video == NULL && g_str_equal(type, "video"))
            video = stream;
        if (audio == NULL && g_str_equal(type, "audio") &&
            is_in_list(AUDIO_CODECS, text_of(stream, "codec_name")))
            audio = stream;
    }
    probe->video_stream = stream_index(video);
    probe->audio_stream = stream_index(audio);
    probe->cover_stream =
        cover && is_in_list("mjpeg,png", text_of(cover, "codec_name")) ? stream_index(cover) : -1;
    probe->video = json_incref(video);
    probe->audio = json_incref(audio);
    if (audio != NULL)
        probe->audio_codec = g_strdup(text_of(audio, "codec_name"));
    if (video != NULL)
        return read_video(probe, video, error);
    if (audio == NULL && json_array_size(streams) > 0)
        return refuse(error, REPORT_ERROR_UNSUPPORTED_CODEC,
                      "the sound is coded in a way that Serambi does not open; save it as MP3");
    if (audio == NULL)
        return refuse(error, REPORT_ERROR_NOT_MEDIA,
                      "there is no picture and no sound in this file");
    probe->kind = PROBE_SOUND;
    return true;
}

static json_t *ask_ffprobe(int fd, const char *demuxer, GError **error)
{
    const char *arguments[] = {
        "-f",
        demuxer,
        "-protocol_whitelist",
        FFMPEG_PROTOCOLS,
        "-codec_whitelist",
        PROBE_DECODERS,
        "-show_streams",
        "-show_format",
        "-of",
        "json",
        "-i",
        FFMPEG_INPUT,
        NULL,
    };
    FfmpegRun run = {.program = "ffprobe",
                     .arguments = arguments,
                     .input_fd = fd,
                     .timeout_seconds = PROBE_TIMEOUT_SECONDS};
    g_autofree char *text = ffmpeg_read(&run, PROBE_JSON_MAX, error);
    if (text == NULL)
        return NULL;
    json_t *report = json_loads(text, 0, NULL);
    if (report == NULL)
        (void)refuse(error, REPORT_ERROR_NOT_MEDIA, "the file could not be understood");
    return report;
}

/* Reads every packet once, without decoding: the true length of what has no index or a wrong one.
 */
static bool walk_packets(int fd, const Probe *probe, int64_t *ret_us, GError **error)
{
    g_autofree char *map = g_strdup_printf(
        "0:%d", probe->kind == PROBE_SOUND ? probe->audio_stream : probe->video_stream);
    const char *arguments[] = {
        "-f",
        probe->demuxer,
        "-protocol_whitelist",
        FFMPEG_PROTOCOLS,
        "-codec_whitelist",
        PROBE_DECODERS,
        "-i",
        FFMPEG_INPUT,
        "-map",
        map,
        "-c",
        "copy",
        "-f",
        "null",
        "-",
        NULL,
    };
    FfmpegRun run = {
        .program = "ffmpeg",
        .arguments = arguments,
        .input_fd = fd,
        .ret_done_us = ret_us,
        .timeout_seconds = PROBE_TIMEOUT_SECONDS * 5,
    };
    return ffmpeg_run(&run, error);
}

static bool check_length(int fd, Probe *probe, GError **error)
{
    if (!g_str_equal(probe->demuxer, "mov") || probe->duration_us == 0) {
        int64_t found_us = 0;
        if (!walk_packets(fd, probe, &found_us, error))
            return false;
        int64_t missing_us = probe->duration_us - found_us;
        bool has_index =
            g_str_equal(probe->demuxer, "matroska") || g_str_equal(probe->demuxer, "avi");
        if (has_index && missing_us > MISSING_US &&
            missing_us > (int64_t)((double)probe->duration_us * MISSING_SHARE))
            return refuse(error, REPORT_ERROR_TRUNCATED,
                          "the file ends too early: it was cut off while being copied or recorded");
        /* The length that a sound file claims is often guessed from its first second. */
        if (probe->duration_us == 0 || (probe->kind == PROBE_SOUND && found_us > 0))
            probe->duration_us = found_us;
    }
    if (probe->duration_us == 0)
        return refuse(error, REPORT_ERROR_NOT_MEDIA, "the file holds not a single moment");
    if (probe->duration_us > PROBE_DURATION_MAX_US)
        return refuse(error, REPORT_ERROR_TOO_LONG, "it is longer than four hours");
    return true;
}

static json_t *describe(int fd, const char *demuxer, GError **error)
{
    g_autoptr(GError) problem = NULL;
    json_t *report = ask_ffprobe(fd, demuxer, &problem);
    if (report != NULL)
        return report;
    if (strstr(problem->message, "not on whitelist") != NULL)
        (void)refuse(error, REPORT_ERROR_UNSUPPORTED_CODEC,
                     "the file is coded in a way that Serambi does not open; save it as MP4 "
                     "with H.264 and AAC");
    else if (g_error_matches(problem, REPORT_ERROR, REPORT_ERROR_PROGRAM))
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_NOT_MEDIA,
                    "the file is damaged and cannot be read (%s)", problem->message);
    else
        g_propagate_error(error, g_steal_pointer(&problem));
    return NULL;
}

/* A still picture: everything stands in its head. */
static void take_picture(Probe *probe, const Picture *picture)
{
    probe->kind = picture->is_animated ? PROBE_ANIMATION : PROBE_PICTURE;
    probe->demuxer = picture->demuxer;
    probe->orientation = picture->orientation;
    probe->width = (int)picture->width;
    probe->height = (int)picture->height;
}

static bool read_media(int fd, Probe *probe, GError **error)
{
    json_auto_t *report = describe(fd, probe->demuxer, error);
    if (report == NULL)
        return false;
    json_t *format = json_object_get(report, "format"),
           *streams = json_object_get(report, "streams");
    if (json_array_size(streams) > PROBE_STREAMS_MAX)
        return refuse(error, REPORT_ERROR_TOO_MANY_STREAMS, "the file holds more than 64 streams");
    g_free(probe->container);
    probe->container = g_strdup(text_of(format, "format_name"));
    probe->duration_us = seconds_to_us(text_of(format, "duration"));
    if (!read_streams(probe, streams, error) || !check_length(fd, probe, error))
        return false;
    read_words(probe, format);
    return true;
}

Probe *probe_file(int fd, GError **error)
{
    g_autoptr(Probe) probe = g_new0(Probe, 1);
    *probe = (Probe){.kind = PROBE_VIDEO, .orientation = 1};
    probe->video_stream = probe->audio_stream = probe->cover_stream = -1;
    g_autoptr(GError) problem = NULL;
    Picture picture = {0};
    if (picture_read(fd, &picture, &problem)) {
        take_picture(probe, &picture);
    } else if (problem != NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return NULL;
    } else if (!sniff(fd, &probe->demuxer, error)) {
        return NULL;
    } else if (probe->demuxer == NULL) {
        probe->kind = PROBE_DOCUMENT;
    }
    probe->container = g_strdup(probe->demuxer ? probe->demuxer : "pdf");
    if (probe->kind == PROBE_DOCUMENT || probe->kind == PROBE_PICTURE)
        return g_steal_pointer(&probe);
    if (g_str_equal(probe->demuxer, "mov") && !check_boxes(fd, error))
        return NULL;
    return read_media(fd, probe, error) ? g_steal_pointer(&probe) : NULL;
}

void probe_free(Probe *probe)
{
    if (probe == NULL)
        return;
    g_free(probe->container);
    g_free(probe->video_codec);
    g_free(probe->audio_codec);
    g_free(probe->title);
    g_free(probe->artist);
    json_decref(probe->video);
    json_decref(probe->audio);
    g_free(probe);
}

static const char *kind_name(ProbeKind kind)
{
    static const char *const NAMES[] = {
        [PROBE_VIDEO] = "video",       [PROBE_ANIMATION] = "video", [PROBE_PICTURE] = "picture",
        [PROBE_DOCUMENT] = "document", [PROBE_SOUND] = "sound",
    };
    return NAMES[kind];
}

json_t *probe_json(const Probe *probe)
{
    return json_pack("{s:s,s:s,s:I,s:i,s:i,s:i,s:i,s:i,s:b,s:s?,s:s?}", "kind",
                     kind_name(probe->kind), "container", probe->container, "duration_us",
                     (json_int_t)probe->duration_us, "width", probe->width, "height", probe->height,
                     "fps_n", probe->fps_n, "fps_d", probe->fps_d, "rotation", probe->rotation,
                     "has_audio", probe->audio_stream >= 0, "video_codec", probe->video_codec,
                     "audio_codec", probe->audio_codec);
}

int job_probe(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Options options;
    if (!options_parse(argc, argv, &options, &error) ||
        !options_require(options.input != NULL && options.word_count == 0, "probe --input FILE",
                         &error))
        return report_failure(error);
    int fd = probe_open(options.input, &error);
    if (fd < 0 || !ffmpeg_sandbox(options.input, NULL, &error))
        return report_failure(error);
    g_autoptr(Probe) probe = probe_file(fd, &error);
    (void)close(fd);
    if (probe == NULL)
        return report_failure(error);
    report_result(probe_json(probe));
    return 0;
}
