/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What an uploaded file is, and whether it can become a tutorial. */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define PROBE_DURATION_MAX_US (INT64_C(4) * 3600 * 1000000)
#define PROBE_PIXELS_MAX      8192 /* width or height */
#define PROBE_STREAMS_MAX     64
#define PROBE_JSON_MAX        (1024 * 1024)
#define PROBE_TIMEOUT_SECONDS 60
#define PROBE_TEXT_CHARACTERS 120

/* The decoders that may run, for ffmpeg's -codec_whitelist; everything else stays untouched. */
#define PROBE_DECODERS                                                                             \
    "h264,hevc,vp8,vp9,libvpx,libvpx-vp9,libdav1d,libaom-av1,av1,mpeg4,mpeg2video,mpeg1video,"     \
    "mjpeg,aac,opus,libopus,mp3,mp3float,mp2,mp2float,vorbis,libvorbis,ac3,flac,alac,"             \
    "amrnb,libopencore_amrnb,gif,png,webp,h263,h263p,flv,wmv1,wmv2,wmv3,vc1,msmpeg4,msmpeg4v2,"    \
    "prores,wmav1,wmav2,wmapro,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,"       \
    "pcm_f32le,pcm_f32be,pcm_u8,pcm_alaw,pcm_mulaw"

typedef enum ProbeKind {
    PROBE_VIDEO = 1,
    PROBE_ANIMATION, /* a GIF that moves: a video without an end */
    PROBE_PICTURE,
    PROBE_DOCUMENT, /* a PDF; its pages are counted when it is prepared */
    PROBE_SOUND,
} ProbeKind;

typedef struct Probe {
    ProbeKind kind;
    const char *demuxer; /* static text: the only one that may read this file; NULL: a document */
    char *container, *video_codec, *audio_codec; /* audio_codec NULL: no sound */
    int video_stream, audio_stream;              /* -1: none */
    int cover_stream;       /* of sound: the picture that a podcast brings along; -1: none */
    char *title, *artist;   /* as the file itself tells; NULL: it does not */
    int orientation;        /* of a picture, as EXIF counts */
    int64_t duration_us;    /* 0: a picture or a document */
    int width, height;      /* as stored, before rotation */
    int rotation;           /* clockwise degrees the picture must be turned: 0, 90, 180, 270 */
    int fps_n, fps_d;       /* average */
    int aspect_n, aspect_d; /* of a pixel */
    bool is_hdr, is_interlaced;
    json_t *video, *audio; /* all that ffprobe tells of the streams; NULL: none */
} Probe;

/* fd     open for reading on a regular file; its position is left alone
 * Errors REPORT_ERROR_NOT_MEDIA, _TOO_LONG, _TOO_LARGE, _TOO_MANY_STREAMS,
 * _UNSUPPORTED_CODEC, _TRUNCATED, _PROGRAM, _TIMEOUT */
Probe *probe_file(int fd, GError **error);
void probe_free(Probe *probe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Probe, probe_free)

/* The result of the job `probe`. */
json_t *probe_json(const Probe *probe);

/* Opens an upload for reading. Returns -1 with REPORT_ERROR_CANNOT_OPEN, also for what is no
 * regular file. */
int probe_open(const char *path, GError **error);
