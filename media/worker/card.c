/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Lays the card out in one column; the picture of the sound is that of ffmpeg. */
#include "card.h"
#include "ffmpeg.h"
#include "master.h"
#include "media/look.h"
#include "report.h"
#include <pango/pangocairo.h>
#include <string.h>

#define WIDTH            MASTER_WIDTH_MAX
#define HEIGHT           MASTER_HEIGHT_MAX
#define WAVE_WIDTH       1600
#define WAVE_HEIGHT      160
#define COVER_SIDE       400
#define COLUMN_WIDTH     1600
#define GAP              40
#define LINES_OF_TITLE   2
#define LOOK_SECONDS_MAX 900

static const int TOP = 120, WAVE_TOP = 700; /* captions have the place below 82 % of the height */

static void set_colour(cairo_t *cairo, uint32_t colour)
{
    cairo_set_source_rgb(cairo, (colour >> 16 & 255) / 255.0, (colour >> 8 & 255) / 255.0,
                         (colour & 255) / 255.0);
}

/* Runs ffmpeg for one raw picture of so many bytes a pixel; NULL with the error set. */
static char *read_picture(int fd, const char *const *arguments, size_t bytes, GError **error)
{
    FfmpegRun run = {.program = "ffmpeg",
                     .arguments = arguments,
                     .input_fd = fd,
                     .timeout_seconds = LOOK_SECONDS_MAX};
    size_t size = 0;
    g_autofree char *picture = ffmpeg_read_sized(&run, bytes, &size, error);
    if (picture != NULL && size == bytes)
        return g_steal_pointer(&picture);
    if (picture != NULL)
        g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_TRUNCATED,
                            "there is no sound in this file, or it is damaged");
    return NULL;
}

/* Alpha of the shape of the sound, WAVE_WIDTH x WAVE_HEIGHT bytes. */
static char *read_wave(int fd, const Probe *probe, GError **error)
{
    g_autofree char *filter = g_strdup_printf(
        "[0:%d]aformat=channel_layouts=mono,showwavespic=size=%dx%d:colors=white:scale=sqrt,"
        "format=gray[wave]",
        probe->audio_stream, WAVE_WIDTH, WAVE_HEIGHT);
    const char *arguments[] = {"-f",
                               probe->demuxer,
                               "-protocol_whitelist",
                               FFMPEG_PROTOCOLS,
                               "-codec_whitelist",
                               PROBE_DECODERS,
                               "-i",
                               FFMPEG_INPUT,
                               "-filter_complex",
                               filter,
                               "-map",
                               "[wave]",
                               "-frames:v",
                               "1",
                               "-f",
                               "rawvideo",
                               "pipe:1",
                               NULL};
    return read_picture(fd, arguments, WAVE_WIDTH * WAVE_HEIGHT, error);
}

/* The cover, cut to a square, COVER_SIDE x COVER_SIDE x 4 bytes; NULL: none that can be read. */
static char *read_cover(int fd, const Probe *probe)
{
    if (probe->cover_stream < 0)
        return NULL;
    g_autofree char *map = g_strdup_printf("0:%d", probe->cover_stream);
    g_autofree char *filter =
        g_strdup_printf("scale=%d:%d:force_original_aspect_ratio=increase,crop=%d:%d,format=bgr0",
                        COVER_SIDE, COVER_SIDE, COVER_SIDE, COVER_SIDE);
    const char *arguments[] = {"-f",
                               probe->demuxer,
                               "-protocol_whitelist",
                               FFMPEG_PROTOCOLS,
                               "-codec_whitelist",
                               PROBE_DECODERS,
                               "-max_pixels",
                               G_STRINGIFY(100000000),
                               "-i",
                               FFMPEG_INPUT,
                               "-map",
                               map,
                               "-vf",
                               filter,
                               "-frames:v",
                               "1",
                               "-f",
                               "rawvideo",
                               "pipe:1",
                               NULL};
    return read_picture(fd, arguments, COVER_SIDE * COVER_SIDE * 4, NULL);
}

static void paint_wave(cairo_t *cairo, const char *wave)
{
    cairo_surface_t *mask = cairo_image_surface_create(CAIRO_FORMAT_A8, WAVE_WIDTH, WAVE_HEIGHT);
    unsigned char *row = cairo_image_surface_get_data(mask);
    int stride = cairo_image_surface_get_stride(mask);
    for (int y = 0; y < WAVE_HEIGHT; y++)
        memcpy(row + (ptrdiff_t)y * stride, wave + (ptrdiff_t)y * WAVE_WIDTH, WAVE_WIDTH);
    cairo_surface_mark_dirty(mask);
    set_colour(cairo, LOOK_LEAF);
    cairo_mask_surface(cairo, mask, (WIDTH - WAVE_WIDTH) / 2.0, WAVE_TOP);
    cairo_surface_destroy(mask);
}

static void paint_cover(cairo_t *cairo, char *cover)
{
    cairo_surface_t *picture = cairo_image_surface_create_for_data(
        (unsigned char *)cover, CAIRO_FORMAT_RGB24, COVER_SIDE, COVER_SIDE, COVER_SIDE * 4);
    cairo_set_source_surface(cairo, picture, (WIDTH - COVER_SIDE) / 2.0, TOP / 2.0);
    cairo_paint(cairo);
    cairo_surface_destroy(picture);
}

/* Returns the height that was used. */
static double paint_text(cairo_t *cairo, const char *text, double share, uint32_t colour,
                         double top)
{
    PangoLayout *layout = pango_cairo_create_layout(cairo);
    PangoFontDescription *font = pango_font_description_from_string(LOOK_FONT);
    pango_font_description_set_absolute_size(font, share * HEIGHT * PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
    pango_layout_set_width(layout, COLUMN_WIDTH * PANGO_SCALE);
    pango_layout_set_height(layout, -LINES_OF_TITLE);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
    pango_layout_set_text(layout, text, -1);
    int height = 0;
    pango_layout_get_pixel_size(layout, NULL, &height);
    set_colour(cairo, colour);
    cairo_move_to(cairo, (WIDTH - COLUMN_WIDTH) / 2.0, top);
    pango_cairo_show_layout(cairo, layout);
    pango_font_description_free(font);
    g_object_unref(layout);
    return height;
}

cairo_surface_t *card_draw(int fd, const Probe *probe, const char *title, GError **error)
{
    g_autofree char *wave = read_wave(fd, probe, error);
    if (wave == NULL)
        return NULL;
    g_autofree char *cover = read_cover(fd, probe);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
    cairo_t *cairo = cairo_create(surface);
    set_colour(cairo, LOOK_PAPER);
    cairo_paint(cairo);
    double top = 300;
    if (cover != NULL) {
        paint_cover(cairo, cover);
        top = TOP / 2.0 + COVER_SIDE + GAP;
    }
    double share = cover ? LOOK_HEADING : LOOK_TITLE;
    if (title == NULL || *title == '\0')
        title = probe->title;
    if (title != NULL)
        top += paint_text(cairo, title, share, LOOK_INK, top);
    if (probe->artist != NULL && cover == NULL)
        (void)paint_text(cairo, probe->artist, LOOK_CAPTION, LOOK_MUTED, top + GAP / 2.0);
    paint_wave(cairo, wave);
    cairo_destroy(cairo);
    return surface;
}
