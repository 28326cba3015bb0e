/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Lays slides out and moves their parts. Each part is drawn once on a surface of its own; a frame
 * only composes those whose moment it is, within the rectangle that changed. */
#include "slide.h"
#include "media/look.h"
#include "pictogram.h"
#include "report.h"
#include <math.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <string.h>

#define LEFT       110
#define RIGHT      (SLIDE_WIDTH - LEFT)
#define TOP        156
#define BOTTOM     868
#define BRAND_Y    58
#define HEADING_PX 78
#define TITLE_PX   112
#define POINT_PX   54
#define SECOND_SHARE                                                                               \
    0.68 /* the second language beside the first: quieter, still read from six metres */
#define RADIUS         44
#define RISE_PX        26
#define STAGGER_MS     90
#define PNG_PIXELS_MAX 4096
#define SMALLEST_SCALE 0.66
#define LARGEST_POINTS 1.26 /* few points may grow: every pixel helps the eye at six metres */
#define STEP_OF_SCALE  0.04

/* Colours that the look derives from its own: text on light plates must reach 7:1 on glass. */
static uint32_t mix(uint32_t from, uint32_t to, double share)
{
    uint32_t mixed = 0;
    for (int shift = 0; shift <= 16; shift += 8) {
        double a = from >> shift & 0xFF, b = to >> shift & 0xFF;
        mixed |= (uint32_t)lround(a + (b - a) * share) << shift;
    }
    return mixed;
}

#define QUIET     mix(LOOK_LIGHT_MUTED, LOOK_LIGHT_INK, 0.45)
#define DEEP_LEAF mix(LOOK_LIGHT_LEAF, LOOK_LIGHT_INK, 0.42)
#define SUN       mix(LOOK_AMBER, LOOK_LIGHT_PAPER, 0.08)
#define PALE_LEAF mix(LOOK_LIGHT_LEAF_PLATE, LOOK_LIGHT_LEAF, 0.22)

typedef struct Part {
    cairo_surface_t *surface;
    int x, y, width, height;
    int64_t arrive_ms, leave_ms;
    int rise_px;
    /* What is on the canvas now. */
    double alpha;
    int offset;
} Part;

struct Slide {
    cairo_surface_t *ground;
    GArray *parts; /* Part, from back to front */
    bool is_painted;
};

typedef struct Layout {
    const Storyboard *board;
    const StoryboardSlide *spec;
    const SlideTimes *times;
    const char *folder;
    GPtrArray *problems; /* NULL: nobody collects */
    unsigned index, language;
    int second; /* the quieter language, -1: none */
    bool is_mirrored;
    PangoContext *pango;
    Slide *slide;
} Layout;

/* ---- small drawing ---- */

static void set_colour(cairo_t *cr, uint32_t rgb)
{
    cairo_set_source_rgb(cr, (rgb >> 16 & 0xFF) / 255.0, (rgb >> 8 & 0xFF) / 255.0,
                         (rgb & 0xFF) / 255.0);
}

static void round_box(cairo_t *cr, double x, double y, double width, double height, double radius)
{
    cairo_new_sub_path(cr);
    cairo_arc(cr, x + width - radius, y + radius, radius, -G_PI_2, 0);
    cairo_arc(cr, x + width - radius, y + height - radius, radius, 0, G_PI_2);
    cairo_arc(cr, x + radius, y + height - radius, radius, G_PI_2, G_PI);
    cairo_arc(cr, x + radius, y + radius, radius, G_PI, 3 * G_PI_2);
    cairo_close_path(cr);
}

/* Adds a part and gives a context whose origin is the part's corner. x is given as for a slide from
 * left to right. */
static cairo_t *add_part(Layout *layout, int x, int y, int width, int height, int64_t arrive_ms,
                         int64_t leave_ms, int rise_px)
{
    Part part = {
        .surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height),
        .x = layout->is_mirrored ? SLIDE_WIDTH - x - width : x,
        .y = y,
        .width = width,
        .height = height,
        .arrive_ms = arrive_ms,
        .leave_ms = leave_ms,
        .rise_px = rise_px,
    };
    g_array_append_val(layout->slide->parts, part);
    return cairo_create(part.surface);
}

static int64_t leave_time(const Layout *layout)
{
    return layout->times->is_last ? G_MAXINT64 : layout->times->end_ms - LOOK_LEAVE_MS;
}

static int64_t arrive_time(const Layout *layout, int place)
{
    return layout->times->start_ms + place * STAGGER_MS;
}

/* ---- text ---- */

typedef struct Words {
    PangoLayout *first, *second; /* second: NULL if there is no second language */
    int width, first_height, gap, height;
} Words;

static void words_clear(Words *words)
{
    g_clear_object(&words->first);
    g_clear_object(&words->second);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Words, words_clear)

/* By the first letter, as the Unicode bidirectional algorithm decides (UAX 9, P2), for the scripts
 * of this world that are written that way. */
static bool is_right_to_left(const char *text)
{
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (!g_unichar_isalpha(c))
            continue;
        GUnicodeScript script = g_unichar_get_script(c);
        return script == G_UNICODE_SCRIPT_ARABIC || script == G_UNICODE_SCRIPT_HEBREW;
    }
    return false;
}

static PangoLayout *shape(const Layout *layout, const char *text, double px, bool is_bold,
                          int width, double spacing)
{
    PangoLayout *shaped = pango_layout_new(layout->pango);
    g_autoptr(PangoFontDescription) font = pango_font_description_from_string(LOOK_FONT);
    bool is_rtl = is_right_to_left(text);
    pango_font_description_set_absolute_size(font,
                                             px * (is_rtl ? LOOK_ARABIC_SCALE : 1) * PANGO_SCALE);
    pango_font_description_set_weight(font, is_bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(shaped, font);
    pango_layout_set_width(shaped, width * PANGO_SCALE);
    pango_layout_set_wrap(shaped, PANGO_WRAP_WORD);
    pango_layout_set_line_spacing(shaped, (float)spacing);
    if (is_rtl) {
        /* Noto Sans Arabic has lines of 2.1 em by itself; the look wants 1.5. */
        PangoAttrList *attributes = pango_attr_list_new();
        int line_height = (int)(px * LOOK_ARABIC_SCALE * 1.5 * PANGO_SCALE);
        pango_attr_list_insert(attributes, pango_attr_line_height_new_absolute(line_height));
        pango_layout_set_attributes(shaped, attributes);
        pango_attr_list_unref(attributes);
    }
    pango_layout_set_text(shaped, text, -1);
    /* In a mirrored slide a line in Latin script stands at the right edge too. */
    if (layout->is_mirrored && !is_rtl)
        pango_layout_set_alignment(shaped, PANGO_ALIGN_RIGHT);
    return shaped;
}

static int layout_height(PangoLayout *shaped)
{
    int width = 0, height = 0;
    pango_layout_get_pixel_size(shaped, &width, &height);
    return height;
}

static bool is_too_wide(PangoLayout *shaped, int width)
{
    PangoRectangle ink;
    pango_layout_get_pixel_extents(shaped, &ink, NULL);
    return ink.width > width;
}

static Words shape_words(const Layout *layout, const StoryboardText *text, double px, bool is_bold,
                         int width)
{
    Words words = {.width = width};
    words.first = shape(layout, text->words[layout->language], px, is_bold, width, 0.92);
    words.first_height = layout_height(words.first);
    words.height = words.first_height;
    if (layout->second >= 0) {
        words.gap = (int)(px * 0.06);
        words.second =
            shape(layout, text->words[layout->second], px * SECOND_SHARE, false, width, 0.92);
        words.height += words.gap + layout_height(words.second);
    }
    return words;
}

static void draw_words(cairo_t *cr, const Words *words, double x, double y, uint32_t first,
                       uint32_t second)
{
    set_colour(cr, first);
    cairo_move_to(cr, x, y);
    pango_cairo_show_layout(cr, words->first);
    if (words->second == NULL)
        return;
    set_colour(cr, second);
    cairo_move_to(cr, x, y + words->first_height + words->gap);
    pango_cairo_show_layout(cr, words->second);
}

/* Tells what is wrong to both who may want to know. */
static void fail_at(const Layout *layout, unsigned line, const char *code, const char *word,
                    const char *message, GError **error)
{
    if (layout->problems != NULL)
        storyboard_add_problem(layout->problems, line, code, word, message);
    g_set_error(error, REPORT_ERROR, REPORT_ERROR_STORYBOARD, "%s:%u:1: %s", layout->board->name,
                line, message);
}

static void fail_fit(const Layout *layout, const StoryboardText *text, const char *what,
                     GError **error)
{
    g_autofree char *message =
        g_strdup_printf("%s too long for a slide; use fewer words, or begin another slide", what);
    fail_at(layout, text->line, "does_not_fit", NULL, message, error);
}

/* The largest size, from px down, at which the text fits the box. */
static bool fit_words(const Layout *layout, const StoryboardText *text, double px, bool is_bold,
                      int width, int height, Words *ret_words, GError **error)
{
    for (double scale = 1; scale > SMALLEST_SCALE; scale -= STEP_OF_SCALE) {
        g_auto(Words) words = shape_words(layout, text, px * scale, is_bold, width);
        bool fits = words.height <= height && !is_too_wide(words.first, width) &&
                    (words.second == NULL || !is_too_wide(words.second, width));
        if (!fits)
            continue;
        *ret_words = words;
        words = (Words){0};
        return true;
    }
    fail_fit(layout, text, "this text is", error);
    return false;
}

/* ---- pictures ---- */

static const PictogramColours ON_LIGHT = {
    .line = LOOK_LIGHT_INK, .fill = 0x2E9274u, .paper = 0xFFFFFFu, .accent = LOOK_AMBER};
static const PictogramColours ON_DEEP = {
    .line = 0x0B2A20u, .fill = LOOK_LEAF, .paper = LOOK_LIGHT_PAPER, .accent = LOOK_AMBER};

static bool fail_picture(const Layout *layout, unsigned line, const char *picture, const char *what,
                         GError **error)
{
    g_autofree char *message = g_strdup_printf("the picture \"%s\" %s", picture, what);
    fail_at(layout, line, "picture_unreadable", picture, message, error);
    return false;
}

/* Width and height of a PNG from its first chunk, before anything is decoded.
 * Source: PNG specification, second edition, sections 5.2 and 11.2.2 */
static bool png_fits(const char *path)
{
    unsigned char head[24];
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return false;
    size_t count = fread(head, 1, sizeof head, file);
    (void)fclose(file);
    if (count != sizeof head || memcmp(head, "\x89PNG\r\n\x1a\n", 8) != 0)
        return false;
    uint32_t width =
        (uint32_t)head[16] << 24 | (uint32_t)head[17] << 16 | (uint32_t)head[18] << 8 | head[19];
    uint32_t height =
        (uint32_t)head[20] << 24 | (uint32_t)head[21] << 16 | (uint32_t)head[22] << 8 | head[23];
    return width >= 1 && height >= 1 && width <= PNG_PIXELS_MAX && height <= PNG_PIXELS_MAX;
}

static bool draw_png(const Layout *layout, cairo_t *cr, const char *picture, unsigned line,
                     int width, int height, GError **error)
{
    g_autofree char *path = g_build_filename(layout->folder, picture, NULL);
    if (!png_fits(path))
        return fail_picture(layout, line, picture,
                            "is not a PNG file of at most 4096 pixels beside the storyboard",
                            error);
    cairo_surface_t *png = cairo_image_surface_create_from_png(path);
    bool is_read = cairo_surface_status(png) == CAIRO_STATUS_SUCCESS;
    if (is_read) {
        double png_width = cairo_image_surface_get_width(png),
               png_height = cairo_image_surface_get_height(png);
        double scale = MIN(width / png_width, height / png_height);
        double x = (width - png_width * scale) / 2, y = (height - png_height * scale) / 2;
        round_box(cr, x, y, png_width * scale, png_height * scale, 20);
        cairo_clip(cr);
        cairo_translate(cr, x, y);
        cairo_scale(cr, scale, scale);
        cairo_set_source_surface(cr, png, 0, 0);
        cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BEST);
        cairo_paint(cr);
    }
    cairo_surface_destroy(png);
    return is_read || fail_picture(layout, line, picture, "is damaged", error);
}

/* Adds a picture centred in the box. */
static bool add_picture(Layout *layout, const char *picture, unsigned line, int x, int y, int width,
                        int height, int64_t arrive_ms, int64_t leave_ms,
                        const PictogramColours *colours, GError **error)
{
    cairo_t *cr = add_part(layout, x, y, width, height, arrive_ms, leave_ms, RISE_PX);
    bool is_drawn = true;
    if (storyboard_picture_is_file(picture)) {
        is_drawn = draw_png(layout, cr, picture, line, width, height, error);
    } else {
        int size = MIN(width, height);
        pictogram_draw(cr, picture, (width - size) / 2.0, (height - size) / 2.0, size, colours);
    }
    cairo_destroy(cr);
    return is_drawn;
}

static void add_plate(Layout *layout, int x, int y, int width, int height, uint32_t rgb,
                      int64_t arrive_ms, int64_t leave_ms)
{
    cairo_t *cr = add_part(layout, x, y, width, height, arrive_ms, leave_ms, 0);
    round_box(cr, 0, 0, width, height, RADIUS);
    set_colour(cr, rgb);
    cairo_fill(cr);
    cairo_destroy(cr);
}

static void add_words(Layout *layout, const Words *words, int x, int y, uint32_t first,
                      uint32_t second, int place)
{
    cairo_t *cr = add_part(layout, x, y, words->width, words->height + 16,
                           arrive_time(layout, place), leave_time(layout), RISE_PX);
    draw_words(cr, words, 0, 0, first, second);
    cairo_destroy(cr);
}

/* ---- the ground: paper, brand, progress ---- */

static void draw_brand_mark(cairo_t *cr, double x, double y)
{
    /* A porch: a roof on two posts, and the light inside. */
    set_colour(cr, LOOK_LIGHT_LEAF);
    cairo_set_line_width(cr, 6);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_move_to(cr, x, y + 21);
    cairo_line_to(cr, x + 28, y + 3);
    cairo_line_to(cr, x + 56, y + 21);
    cairo_move_to(cr, x + 10, y + 22);
    cairo_line_to(cr, x + 10, y + 46);
    cairo_move_to(cr, x + 46, y + 22);
    cairo_line_to(cr, x + 46, y + 46);
    cairo_move_to(cr, x, y + 47);
    cairo_line_to(cr, x + 56, y + 47);
    cairo_stroke(cr);
    cairo_arc(cr, x + 28, y + 31, 6.5, 0, 2 * G_PI);
    set_colour(cr, mix(LOOK_AMBER, LOOK_LIGHT_INK, 0.12));
    cairo_fill(cr);
}

static void draw_dots(const Layout *layout, cairo_t *cr)
{
    const double small = 16, wide = 52, gap = 14;
    double x = RIGHT - wide - (layout->board->slide_count - 1) * (small + gap);
    for (unsigned i = 0; i < layout->board->slide_count; i++) {
        bool is_current = i == layout->index;
        double width = is_current ? wide : small;
        double left = layout->is_mirrored ? SLIDE_WIDTH - x - width : x;
        round_box(cr, left, BRAND_Y + 18, width, small, small / 2);
        set_colour(cr, i <= layout->index ? LOOK_LIGHT_LEAF : PALE_LEAF);
        cairo_fill(cr);
        x += width + gap;
    }
}

static void draw_brand(const Layout *layout, cairo_t *cr)
{
    g_autoptr(PangoLayout) name = shape(layout, "Serambi", 38, true, 400, 1);
    draw_brand_mark(cr, layout->is_mirrored ? RIGHT - 56 : LEFT, BRAND_Y);
    set_colour(cr, LOOK_LIGHT_LEAF);
    cairo_move_to(cr, layout->is_mirrored ? RIGHT - 76 - 400 : LEFT + 76, BRAND_Y - 1);
    pango_cairo_show_layout(cr, name);
    if (layout->spec->layout == STORYBOARD_TITLE)
        return;
    g_autoptr(PangoLayout) title =
        shape(layout, layout->board->title.words[layout->language], 32, false, 900, 1);
    pango_layout_set_height(title, -1);
    pango_layout_set_ellipsize(title, PANGO_ELLIPSIZE_END);
    set_colour(cr, QUIET);
    cairo_move_to(cr, layout->is_mirrored ? RIGHT - 290 - 900 : LEFT + 290, BRAND_Y + 3);
    pango_cairo_show_layout(cr, title);
    set_colour(cr, PALE_LEAF);
    cairo_rectangle(cr, layout->is_mirrored ? RIGHT - 263 : LEFT + 260, BRAND_Y + 4, 3, 44);
    cairo_fill(cr);
}

static void draw_ground(Layout *layout)
{
    Slide *slide = layout->slide;
    slide->ground = cairo_image_surface_create(CAIRO_FORMAT_RGB24, SLIDE_WIDTH, SLIDE_HEIGHT);
    cairo_t *cr = cairo_create(slide->ground);
    set_colour(cr, LOOK_LIGHT_PAPER);
    cairo_paint(cr);
    draw_brand(layout, cr);
    draw_dots(layout, cr);
    cairo_destroy(cr);
}

/* ---- the five layouts ---- */

/* A heading with a bar above and a note below, centred in height: titles and closings. */
static bool add_statement(Layout *layout, int x, int width, uint32_t bar, uint32_t first,
                          uint32_t second, GError **error)
{
    const StoryboardSlide *spec = layout->spec;
    g_auto(Words) heading = {0};
    g_auto(Words) note = {0};
    int height_left = BOTTOM - TOP - 60;
    if (spec->note.line != 0) {
        if (!fit_words(layout, &spec->note, 54, false, width, 220, &note, error))
            return false;
        height_left -= note.height + 44;
    }
    if (!fit_words(layout, &spec->heading, TITLE_PX, true, width, height_left, &heading, error))
        return false;
    int total = 12 + 34 + heading.height + (note.first != NULL ? 44 + note.height : 0);
    int y = (TOP + BOTTOM - total) / 2;
    cairo_t *cr =
        add_part(layout, x, y, 120, 12, arrive_time(layout, 0), leave_time(layout), RISE_PX);
    round_box(cr, 0, 0, 120, 12, 6);
    set_colour(cr, bar);
    cairo_fill(cr);
    cairo_destroy(cr);
    y += 12 + 34;
    add_words(layout, &heading, x, y, first, second, 1);
    if (note.first != NULL)
        add_words(layout, &note, x, y + heading.height + 44, first, second, 2);
    return true;
}

static bool lay_title(Layout *layout, GError **error)
{
    const StoryboardSlide *spec = layout->spec;
    int text_width = RIGHT - LEFT;
    if (spec->picture != NULL) {
        const int width = 620, x = RIGHT - width, picture = 480;
        text_width = x - LEFT - 70;
        add_plate(layout, x, TOP, width, BOTTOM - TOP, DEEP_LEAF, arrive_time(layout, 0),
                  leave_time(layout));
        if (!add_picture(layout, spec->picture, spec->picture_line, x + (width - picture) / 2,
                         (TOP + BOTTOM - picture) / 2, picture, picture, arrive_time(layout, 2),
                         leave_time(layout), &ON_DEEP, error))
            return false;
    }
    return add_statement(layout, LEFT, text_width, SUN, LOOK_LIGHT_INK, QUIET, error);
}

static bool lay_closing(Layout *layout, GError **error)
{
    const StoryboardSlide *spec = layout->spec;
    int text_width = RIGHT - LEFT - 160;
    add_plate(layout, LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP, DEEP_LEAF, arrive_time(layout, 0),
              leave_time(layout));
    if (spec->picture != NULL) {
        const int picture = 400;
        text_width -= picture + 60;
        if (!add_picture(layout, spec->picture, spec->picture_line, RIGHT - 90 - picture,
                         (TOP + BOTTOM - picture) / 2, picture, picture, arrive_time(layout, 2),
                         leave_time(layout), &ON_DEEP, error))
            return false;
    }
    return add_statement(layout, LEFT + 80, text_width, SUN, LOOK_LIGHT_PAPER,
                         LOOK_LIGHT_LEAF_PLATE, error);
}

static bool lay_picture(Layout *layout, GError **error)
{
    const StoryboardSlide *spec = layout->spec;
    g_auto(Words) heading = {0};
    g_auto(Words) note = {0};
    int width = RIGHT - LEFT;
    if (!fit_words(layout, &spec->heading, HEADING_PX, true, width, 240, &heading, error))
        return false;
    if (spec->note.line != 0 &&
        !fit_words(layout, &spec->note, 44, false, width, 130, &note, error))
        return false;
    int text_height = heading.height + (note.first != NULL ? 24 + note.height : 0);
    int plate_height = BOTTOM - TOP - text_height - 36;
    int picture = plate_height - 64;
    int picture_width = storyboard_picture_is_file(spec->picture) ? width - 64 : picture;
    add_plate(layout, LEFT, TOP, width, plate_height, LOOK_LIGHT_LEAF_PLATE, arrive_time(layout, 0),
              leave_time(layout));
    if (!add_picture(layout, spec->picture, spec->picture_line, LEFT + (width - picture_width) / 2,
                     TOP + 32, picture_width, picture, arrive_time(layout, 1), leave_time(layout),
                     &ON_LIGHT, error))
        return false;
    int y = TOP + plate_height + 36;
    add_words(layout, &heading, LEFT, y, LOOK_LIGHT_INK, QUIET, 2);
    if (note.first != NULL)
        add_words(layout, &note, LEFT, y + heading.height + 24, LOOK_LIGHT_INK, QUIET, 3);
    return true;
}

#define CARD_PAD_X    30
#define CARD_PAD_Y    17
#define BADGE         88
#define BADGE_GAP     32
#define POINT_GAP_MAX 30
#define PLATE         560 /* width of the plate beside a list */

typedef struct List {
    Words points[STORYBOARD_POINTS_MAX];
    int heights[STORYBOARD_POINTS_MAX];
    int total;
} List;

static void list_clear(List *list)
{
    for (size_t i = 0; i < G_N_ELEMENTS(list->points); i++)
        words_clear(&list->points[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(List, list_clear)

static bool shape_list(const Layout *layout, double px, int width, int height, List *list)
{
    int text_width = width - 2 * CARD_PAD_X - BADGE - BADGE_GAP;
    bool fits = true;
    for (unsigned i = 0; i < layout->spec->point_count; i++) {
        list->points[i] = shape_words(layout, &layout->spec->points[i].text, px, true, text_width);
        list->heights[i] = MAX(list->points[i].height, BADGE) + 2 * CARD_PAD_Y;
        list->total += list->heights[i];
        fits = fits && !is_too_wide(list->points[i].first, text_width);
    }
    return fits && list->total <= height;
}

static void draw_badge(const Layout *layout, cairo_t *cr, unsigned index, double x, double y)
{
    const StoryboardPoint *point = &layout->spec->points[index];
    bool is_step = layout->spec->layout == STORYBOARD_STEPS;
    if (!is_step && point->picture != NULL && !storyboard_picture_is_file(point->picture)) {
        pictogram_draw(cr, point->picture, x - 2, y - 2, BADGE + 4, &ON_LIGHT);
        return;
    }
    double radius = is_step ? BADGE / 2.0 : 15;
    cairo_new_path(cr);
    cairo_arc(cr, x + BADGE / 2.0, y + BADGE / 2.0, radius, 0, 2 * G_PI);
    set_colour(cr, is_step ? DEEP_LEAF : LOOK_LIGHT_LEAF);
    cairo_fill(cr);
    if (!is_step)
        return;
    g_autofree char *number = g_strdup_printf("%u", index + 1);
    g_autoptr(PangoLayout) shaped = shape(layout, number, 50, true, -1, 1);
    pango_layout_set_width(shaped, -1);
    PangoRectangle ink;
    pango_layout_get_pixel_extents(shaped, &ink, NULL);
    cairo_move_to(cr, x + (BADGE - ink.width) / 2.0 - ink.x,
                  y + (BADGE - ink.height) / 2.0 - ink.y);
    set_colour(cr, LOOK_LIGHT_PAPER);
    pango_cairo_show_layout(cr, shaped);
}

static int64_t point_leaves(const Layout *layout, unsigned index)
{
    return index + 1 < layout->spec->point_count ? layout->times->point_ms[index + 1]
                                                 : leave_time(layout);
}

static void add_points(Layout *layout, const List *list, int y, int width, int gap)
{
    for (unsigned i = 0; i < layout->spec->point_count; i++) {
        int height = list->heights[i];
        int64_t arrive_ms = layout->times->point_ms[i];
        /* The plate lies under the point that is being told, and moves on with the voice. */
        cairo_t *cr =
            add_part(layout, LEFT, y, width, height, arrive_ms, point_leaves(layout, i), 0);
        round_box(cr, 0, 0, width, height, 28);
        set_colour(cr, LOOK_LIGHT_LEAF_PLATE);
        cairo_fill(cr);
        cairo_destroy(cr);

        cr = add_part(layout, LEFT, y, width, height, arrive_ms, leave_time(layout), RISE_PX);
        const Words *words = &list->points[i];
        double badge_x = layout->is_mirrored ? width - CARD_PAD_X - BADGE : CARD_PAD_X;
        double text_x = layout->is_mirrored ? CARD_PAD_X : CARD_PAD_X + BADGE + BADGE_GAP;
        draw_badge(layout, cr, i, badge_x, (height - BADGE) / 2.0);
        draw_words(cr, words, text_x, (height - words->height) / 2.0, LOOK_LIGHT_INK, QUIET);
        cairo_destroy(cr);
        y += height + gap;
    }
}

/* The pictures beside the steps: the slide's own first, then those of the points as they are told.
 */
static bool add_step_pictures(Layout *layout, int x, int y, int size, GError **error)
{
    const StoryboardSlide *spec = layout->spec;
    const char *current = spec->picture;
    unsigned line = spec->picture_line;
    int64_t arrive_ms = arrive_time(layout, 2);
    for (unsigned i = 0; i <= spec->point_count; i++) {
        const char *next = i < spec->point_count ? spec->points[i].picture : NULL;
        bool is_over = i == spec->point_count;
        if (!is_over &&
            (spec->layout != STORYBOARD_STEPS || next == NULL || g_strcmp0(next, current) == 0))
            continue;
        int64_t leave_ms = is_over ? leave_time(layout) : layout->times->point_ms[i];
        if (current != NULL && !add_picture(layout, current, line, x, y, size, size, arrive_ms,
                                            leave_ms, &ON_LIGHT, error))
            return false;
        if (is_over)
            break;
        current = next;
        line = spec->points[i].picture_line;
        arrive_ms = leave_ms;
    }
    return true;
}

static bool has_side_picture(const StoryboardSlide *spec)
{
    if (spec->layout != STORYBOARD_POINTS && spec->layout != STORYBOARD_STEPS)
        return false;
    if (spec->picture != NULL)
        return true;
    for (unsigned i = 0; i < spec->point_count; i++)
        if (spec->layout == STORYBOARD_STEPS && spec->points[i].picture != NULL)
            return true;
    return false;
}

static bool lay_list(Layout *layout, GError **error)
{
    const StoryboardSlide *spec = layout->spec;
    const int plate = PLATE, picture = 430;
    bool has_picture = has_side_picture(spec);
    int width = has_picture ? RIGHT - LEFT - plate - 60 : RIGHT - LEFT;
    g_auto(Words) heading = {0};
    if (!fit_words(layout, &spec->heading, HEADING_PX, true, width, 250, &heading, error))
        return false;
    add_words(layout, &heading, LEFT, TOP, LOOK_LIGHT_INK, QUIET, 0);
    if (has_picture) {
        int x = RIGHT - plate;
        /* Between two lists the plate stays: only what is new moves. */
        const StoryboardSlide *slides = layout->board->slides;
        bool was_there = layout->index > 0 && has_side_picture(&slides[layout->index - 1]);
        bool will_stay = !layout->times->is_last && has_side_picture(&slides[layout->index + 1]);
        add_plate(layout, x, TOP, plate, BOTTOM - TOP, LOOK_LIGHT_LEAF_PLATE,
                  was_there ? layout->times->start_ms - LOOK_ARRIVE_MS : arrive_time(layout, 1),
                  will_stay ? G_MAXINT64 : leave_time(layout));
        if (!add_step_pictures(layout, x + (plate - picture) / 2, (TOP + BOTTOM - picture) / 2,
                               picture, error))
            return false;
    }
    int y = TOP + heading.height + 34;
    int height = BOTTOM - y;
    for (double scale = LARGEST_POINTS; scale > SMALLEST_SCALE; scale -= STEP_OF_SCALE) {
        g_auto(List) list = {0};
        if (!shape_list(layout, POINT_PX * scale, width, height, &list))
            continue;
        int gap = MIN(POINT_GAP_MAX, (height - list.total) / (int)spec->point_count);
        add_points(layout, &list, y, width, gap);
        return true;
    }
    fail_fit(layout, &spec->points[0].text, "the points of this slide are", error);
    return false;
}

static bool lay_out(Layout *layout, GError **error)
{
    switch (layout->spec->layout) {
    case STORYBOARD_TITLE:
        return lay_title(layout, error);
    case STORYBOARD_POINTS:
    case STORYBOARD_STEPS:
        return lay_list(layout, error);
    case STORYBOARD_PICTURE:
        return lay_picture(layout, error);
    case STORYBOARD_CLOSING:
        return lay_closing(layout, error);
    }
    g_assert_not_reached();
}

/* English beside any other language; beside English the storyboard's next language. */
static int choose_second(const Storyboard *board, unsigned language)
{
    int english = storyboard_language(board, "en");
    if (english >= 0 && (unsigned)english != language)
        return english;
    for (unsigned i = 0; i < board->language_count; i++)
        if (i != language)
            return (int)i;
    return -1;
}

static void clear_part(void *part)
{
    cairo_surface_destroy(((Part *)part)->surface);
}

Slide *slide_new(const Storyboard *board, unsigned index, unsigned language,
                 const SlideTimes *times, const char *folder, GPtrArray *problems, GError **error)
{
    g_autoptr(Slide) slide = g_new0(Slide, 1);
    slide->parts = g_array_new(FALSE, TRUE, sizeof(Part));
    g_array_set_clear_func(slide->parts, clear_part);
    PangoContext *pango = pango_font_map_create_context(pango_cairo_font_map_get_default());
    cairo_font_options_t *options = cairo_font_options_create();
    /* Whole-pixel hints would make letters of moving text dance, and differ between machines. */
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    pango_cairo_context_set_font_options(pango, options);
    cairo_font_options_destroy(options);
    Layout layout = {
        .board = board,
        .spec = &board->slides[index],
        .times = times,
        .folder = folder,
        .problems = problems,
        .index = index,
        .language = language,
        .second = choose_second(board, language),
        .is_mirrored = is_right_to_left(board->title.words[language]),
        .pango = pango,
        .slide = slide,
    };
    draw_ground(&layout);
    bool is_laid_out = lay_out(&layout, error);
    g_object_unref(pango);
    return is_laid_out ? g_steal_pointer(&slide) : NULL;
}

void slide_free(Slide *slide)
{
    if (slide == NULL)
        return;
    if (slide->ground != NULL)
        cairo_surface_destroy(slide->ground);
    g_array_unref(slide->parts);
    g_free(slide);
}

/* ---- motion ---- */

static double ease_out(double share)
{
    double rest = 1 - share;
    return 1 - rest * rest * rest;
}

static void part_state(const Part *part, int64_t now_ms, double *ret_alpha, int *ret_offset)
{
    double alpha = 0, offset = 0;
    if (now_ms >= part->arrive_ms) {
        double share = MIN(1.0, (double)(now_ms - part->arrive_ms) / LOOK_ARRIVE_MS);
        alpha = ease_out(share);
        offset = part->rise_px * (1 - alpha);
    }
    if (now_ms >= part->leave_ms)
        alpha *= MAX(0.0, 1 - (double)(now_ms - part->leave_ms) / LOOK_LEAVE_MS);
    *ret_alpha = alpha;
    *ret_offset = (int)lround(offset);
}

static void unite(cairo_rectangle_int_t *dirty, const Part *part, int offset)
{
    int left = MAX(part->x, 0), top = MAX(part->y + offset, 0);
    int right = MIN(part->x + part->width, SLIDE_WIDTH),
        bottom = MIN(part->y + offset + part->height, SLIDE_HEIGHT);
    if (left >= right || top >= bottom)
        return;
    if (dirty->width == 0) {
        *dirty = (cairo_rectangle_int_t){left, top, right - left, bottom - top};
        return;
    }
    int old_right = dirty->x + dirty->width, old_bottom = dirty->y + dirty->height;
    dirty->x = MIN(dirty->x, left);
    dirty->y = MIN(dirty->y, top);
    dirty->width = MAX(old_right, right) - dirty->x;
    dirty->height = MAX(old_bottom, bottom) - dirty->y;
}

static void advance(Slide *slide, int64_t now_ms, cairo_rectangle_int_t *dirty)
{
    for (guint i = 0; i < slide->parts->len; i++) {
        Part *part = &g_array_index(slide->parts, Part, i);
        double alpha = 0;
        int offset = 0;
        part_state(part, now_ms, &alpha, &offset);
        if (alpha == part->alpha && (offset == part->offset || alpha == 0))
            continue;
        if (part->alpha > 0)
            unite(dirty, part, part->offset);
        if (alpha > 0)
            unite(dirty, part, offset);
        part->alpha = alpha;
        part->offset = offset;
    }
}

void slide_paint(Slide *slide, cairo_surface_t *canvas, int64_t now_ms,
                 cairo_rectangle_int_t *ret_dirty)
{
    cairo_rectangle_int_t dirty = {0};
    advance(slide, now_ms, &dirty);
    if (!slide->is_painted)
        dirty = (cairo_rectangle_int_t){0, 0, SLIDE_WIDTH, SLIDE_HEIGHT};
    slide->is_painted = true;
    *ret_dirty = dirty;
    if (dirty.width == 0)
        return;
    cairo_t *cr = cairo_create(canvas);
    cairo_rectangle(cr, dirty.x, dirty.y, dirty.width, dirty.height);
    cairo_clip(cr);
    cairo_set_source_surface(cr, slide->ground, 0, 0);
    cairo_paint(cr);
    for (guint i = 0; i < slide->parts->len; i++) {
        const Part *part = &g_array_index(slide->parts, Part, i);
        if (part->alpha <= 0)
            continue;
        cairo_set_source_surface(cr, part->surface, part->x, part->y + part->offset);
        cairo_paint_with_alpha(cr, part->alpha);
    }
    cairo_destroy(cr);
}
