/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The one clean profile that every tutorial has in the end, and the papers that go with it. */
#pragma once
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define MASTER_FILE         "master.mp4"
#define MASTER_POSTER       "poster.jpg"
#define MASTER_STRIP        "strip.jpg"
#define MASTER_STRIP_SIDE   10 /* columns; rows at most */
#define MASTER_STRIP_WIDTH  160
#define MASTER_MANIFEST     "manifest.json"
#define MASTER_WIDTH_MAX    1920
#define MASTER_HEIGHT_MAX   1080
#define MASTER_POSTER_WIDTH 1280
#define MASTER_AUDIO_HZ     48000

typedef struct Master {
    int64_t frames;
    int fps_n, fps_d; /* constant; slides and cards have few frames, each of them seconds long */
    int width, height;
    bool has_audio;
    bool is_measured; /* lufs and gain_db are known: there is sound, and enough of it */
    double lufs, gain_db;
} Master;

/* Where the picture comes from. Drawn slides are still for most of their time: the cheapest way to
 * code them looks the same and takes half the work (measured: 41 s of slides, 1030 frames, 2 cores
 * of 2026: 17 s CPU, now 11 s). */
typedef enum MasterSource {
    MASTER_FILMED = 1,
    MASTER_DRAWN,
    MASTER_STILL, /* each frame stands for itself: a slide */
} MasterSource;

/* Append the options of encoder and container; the output's name comes after them. The array owns
 * its items (g_free). */
void master_add_video_options(GPtrArray *arguments, int keyframe_every, MasterSource source);
void master_add_audio_options(GPtrArray *arguments, MasterSource source);
void master_add_file_options(GPtrArray *arguments);

/* Looks at folder/master.mp4: counts its frames, measures its loudness, makes folder/poster.jpg (not
 * black while there is anything else) and folder/strip.jpg.
 *
 * master     comes in with fps_n and fps_d of the file, known from the encoding
 * poster_ms  the moment of the poster; below 0: the most telling picture near the beginning */
bool master_inspect(const char *folder, int64_t poster_ms, Master *master, GError **error);

/* {"master","poster","frames","fps_n","fps_d","duration_us","width","height","has_audio","lufs","gain_db"}
 */
json_t *master_manifest(const Master *master);

/* Writes a JSON document, or text, to folder/name: whole or not at all. */
bool master_save_json(const char *folder, const char *name, json_t *document, GError **error);
bool master_save_text(const char *folder, const char *name, const char *text, GError **error);

/* Makes the output folder if it is not there. */
bool master_make_folder(const char *folder, GError **error);
