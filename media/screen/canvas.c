/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Recording and painting of items. */
#include "media/screen/canvas.h"
#include "media/look.h"
#include "media/screen/qrcode.h"
#include "media/screen/theme.h"
#include <math.h>
#include <string.h>

#define QR_CACHE_MAX 16
/* Captions on a picture, as shares of the unit, and of the picture's height. */
#define CAPTION_PAD        0.016
#define CAPTION_WIDTH_MIN  0.25
#define CAPTION_HEIGHT_MAX 0.36
/* A turned line stands as long as it takes to read it, and not less than this. */
#define TURN_MIN_US (3 * G_USEC_PER_SEC)

struct CanvasTools {
    Texts *texts;
    GHashTable *corners;  /* radius -> Corner */
    GHashTable *qr_codes; /* "size/text" -> SharedImage */
    bool has_reduced_motion;
};

static void shared_image_unref(SharedImage *shared)
{
    if (!shared || --shared->references > 0)
        return;
    qrcode_free(shared->image);
    g_free(shared);
}

/* Takes image. */
static SharedImage *shared_image_new(Image *image)
{
    SharedImage *shared = g_new0(SharedImage, 1);
    shared->image = image;
    shared->references = 1;
    return shared;
}

CanvasTools *canvas_tools_new(bool has_reduced_motion)
{
    CanvasTools *tools = g_new0(CanvasTools, 1);
    tools->texts = texts_new();
    tools->corners = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    tools->qr_codes =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)shared_image_unref);
    tools->has_reduced_motion = has_reduced_motion;
    return tools;
}

void canvas_tools_free(CanvasTools *tools)
{
    if (!tools)
        return;
    g_hash_table_destroy(tools->corners);
    g_hash_table_destroy(tools->qr_codes);
    texts_free(tools->texts);
    g_free(tools);
}

/* --- Recording -------------------------------------------------------------------------------- */

static Rect canvas_rect(const SerambiCanvas *canvas, SerambiBox box)
{
    if (canvas->layout->is_mirrored)
        box.x = 1 - box.x - box.width;
    const Rect *area = &canvas->area;
    int left = area->x + (int)lround(box.x * area->width);
    int top = area->y + (int)lround(box.y * area->height);
    int right = area->x + (int)lround((box.x + box.width) * area->width);
    int bottom = area->y + (int)lround((box.y + box.height) * area->height);
    return (Rect){left, top, right - left, bottom - top};
}

/* Takes the references in item. */
static void canvas_add(SerambiCanvas *canvas, Item item)
{
    item.rect = rect_intersect(item.rect, canvas->area);
    if (rect_is_empty(item.rect) || canvas->items->len >= CANVAS_ITEMS_MAX) {
        item_clear(&item);
        return;
    }
    g_array_append_val(canvas->items, item);
}

static Corner *find_corner(CanvasTools *tools, int radius)
{
    if (radius < 1)
        return NULL;
    Corner *corner = g_hash_table_lookup(tools->corners, GINT_TO_POINTER(radius));
    if (!corner) {
        corner = corner_new(radius);
        g_hash_table_insert(tools->corners, GINT_TO_POINTER(radius), corner);
    }
    return corner;
}

void serambi_canvas_size(SerambiCanvas *canvas, int *ret_width, int *ret_height,
                         int *ret_screen_height)
{
    g_return_if_fail(canvas != NULL);
    if (ret_width)
        *ret_width = canvas->area.width;
    if (ret_height)
        *ret_height = canvas->area.height;
    if (ret_screen_height)
        *ret_screen_height = canvas->layout->height;
}

void serambi_draw_plate(SerambiCanvas *canvas, SerambiBox box, const char *colour, double opacity,
                        double radius_px_share)
{
    g_return_if_fail(canvas != NULL);
    Rect rect = canvas_rect(canvas, box);
    int radius = (int)lround(CLAMP(radius_px_share, 0, 0.5) * canvas->layout->unit);
    radius = MIN(radius, MIN(rect.width, rect.height) / 2);
    canvas_add(canvas, (Item){.kind = ITEM_PLATE,
                              .rect = rect,
                              .box = rect,
                              .rgb = theme_colour(colour),
                              .alpha = (unsigned)lround(CLAMP(opacity, 0, 1) * 256),
                              .corner = find_corner(canvas->tools, radius)});
}

static TextWish make_wish(const SerambiCanvas *canvas, Rect box, const char *style,
                          const char *colour, SerambiAlign align)
{
    return (TextWish){.style = text_style(style),
                      .rgb = theme_colour(colour),
                      .align = align,
                      .is_mirrored = canvas->layout->is_mirrored,
                      .unit = canvas->layout->unit,
                      .width = box.width,
                      .height = box.height};
}

static void draw_text(SerambiCanvas *canvas, SerambiBox box, const char *style, const char *colour,
                      SerambiAlign align, const char *text, bool is_marked)
{
    g_return_if_fail(canvas != NULL);
    Rect rect = canvas_rect(canvas, box);
    if (rect_is_empty(rect) || !text || !text[0])
        return;
    TextWish wish = make_wish(canvas, rect, style, colour, align);
    wish.is_marked = is_marked;
    Text *picture = text_in_box(canvas->tools->texts, &wish, text);
    Rect ink = text_ink(picture);
    canvas_add(canvas, (Item){.kind = ITEM_TEXT,
                              .rect = {rect.x + ink.x, rect.y + ink.y, ink.width, ink.height},
                              .box = rect,
                              .text = picture});
}

void serambi_draw_text(SerambiCanvas *canvas, SerambiBox box, const char *style, const char *colour,
                       SerambiAlign align, const char *text)
{
    draw_text(canvas, box, style, colour, align, text, false);
}

void serambi_draw_marked(SerambiCanvas *canvas, SerambiBox box, const char *style,
                         const char *colour, SerambiAlign align, const char *markup)
{
    draw_text(canvas, box, style, colour, align, markup, true);
}

static bool meets_caption(const SerambiCanvas *canvas, Rect plate, Rect *ret_other)
{
    for (size_t i = 0; i < canvas->items->len; i++) {
        const Item *item = &g_array_index(canvas->items, Item, i);
        if (item->kind != ITEM_PLATE || rect_is_empty(rect_intersect(item->rect, plate)))
            continue;
        *ret_other = item->rect;
        return true;
    }
    return false;
}

/* Moves the plate up or down, off the others; false: there is no room on that side. */
static bool move_clear(const SerambiCanvas *canvas, Rect safe, bool is_up, Rect *plate)
{
    int gap = MAX(canvas->layout->unit / 200, 1);
    Rect moved = *plate, other;
    while (meets_caption(canvas, moved, &other)) {
        moved.y = is_up ? other.y - moved.height - gap : other.y + other.height + gap;
        if (!rect_contains(safe, moved))
            return false;
    }
    *plate = moved;
    return true;
}

/* The band of a text's lines, from the box's top. */
static Rect text_band(const Text *text, const TextWish *wish)
{
    Rect first = text_line(text, 0), last = text_line(text, text_line_count(text) - 1);
    int height = last.y + last.height - first.y;
    Rect ink = text_ink(text);
    return (Rect){ink.x, (wish->height - height) / 2, ink.width, height};
}

void serambi_draw_caption(SerambiCanvas *canvas, const SerambiCaption *caption)
{
    g_return_if_fail(canvas != NULL);
    const Rect *area = &canvas->area;
    int margin_x = (int)lround(LOOK_SAFE_MARGIN * area->width);
    int margin_y = (int)lround(LOOK_SAFE_MARGIN * area->height);
    int pad = (int)lround(CAPTION_PAD * canvas->layout->unit);
    Rect safe = {area->x + margin_x, area->y + margin_y, area->width - 2 * margin_x,
                 area->height - 2 * margin_y};
    int least = MIN((int)lround(CAPTION_WIDTH_MIN * canvas->layout->unit), safe.width);
    int width = CLAMP((int)lround(caption->width * safe.width), least, MAX(safe.width, least));
    Rect room = {safe.x, safe.y, width - 2 * pad,
                 (int)lround(CAPTION_HEIGHT_MAX * safe.height) - 2 * pad};
    if (room.width < 1 || room.height < 1 || !caption->markup || !caption->markup[0])
        return;
    TextWish wish = make_wish(canvas, room, "caption", caption->colour, caption->align);
    wish.is_mirrored = false; /* it belongs to the picture */
    wish.is_marked = true;
    g_autoptr(Text) text = text_in_box(canvas->tools->texts, &wish, caption->markup);
    if (rect_is_empty(text_ink(text)))
        return;
    Rect band = text_band(text, &wish);
    Rect plate = {0, 0, MIN(band.width + 2 * pad, safe.width), MIN(band.height + pad, safe.height)};
    int left = safe.x + (int)lround(caption->x * safe.width - caption->anchor_x * plate.width);
    int top = safe.y + (int)lround(caption->y * safe.height - caption->anchor_y * plate.height);
    plate.x = CLAMP(left, safe.x, safe.x + safe.width - plate.width);
    plate.y = CLAMP(top, safe.y, safe.y + safe.height - plate.height);
    bool is_low = caption->anchor_y >= 0.5;
    if (!move_clear(canvas, safe, is_low, &plate) && !move_clear(canvas, safe, !is_low, &plate))
        return;
    canvas_add(canvas, (Item){.kind = ITEM_PLATE,
                              .rect = plate,
                              .box = plate,
                              .rgb = theme_colour("paper"),
                              .alpha = theme_plate_alpha(caption->colour, "paper"),
                              .corner = find_corner(canvas->tools,
                                                    MIN(pad, MIN(plate.width, plate.height) / 2))});
    Rect box = {plate.x + pad - band.x, plate.y + pad / 2 - band.y, wish.width, wish.height};
    Rect ink = text_ink(text);
    canvas_add(canvas, (Item){.kind = ITEM_TEXT,
                              .rect = {box.x + ink.x, box.y + ink.y, ink.width, ink.height},
                              .box = box,
                              .text = g_steal_pointer(&text)});
}

void serambi_draw_gliding(SerambiCanvas *canvas, SerambiBox box, const char *style,
                          const char *colour, int64_t start_us, const char *text)
{
    g_return_if_fail(canvas != NULL);
    Rect rect = canvas_rect(canvas, box);
    if (rect_is_empty(rect) || !text || !text[0])
        return;
    TextWish wish = make_wish(canvas, rect, style, colour, SERAMBI_START);
    bool is_still = canvas->tools->has_reduced_motion;
    canvas_add(canvas, (Item){.kind = is_still ? ITEM_TURNING : ITEM_GLIDING,
                              .rect = rect,
                              .box = rect,
                              .text = is_still ? text_in_lines(canvas->tools->texts, &wish, text)
                                               : text_on_line(canvas->tools->texts, &wish, text),
                              .start_us = start_us,
                              .position = -1});
}

void canvas_draw_image(SerambiCanvas *canvas, Rect at, Image *image)
{
    canvas_add(canvas,
               (Item){.kind = ITEM_IMAGE, .rect = at, .box = at, .image = shared_image_new(image)});
}

void serambi_draw_qr(SerambiCanvas *canvas, SerambiBox box, const char *text)
{
    g_return_if_fail(canvas != NULL);
    Rect rect = canvas_rect(canvas, box);
    int size = MIN(rect.width, rect.height);
    if (size < 21 || !text)
        return;
    g_autofree char *key = g_strdup_printf("%d/%s", size, text);
    GHashTable *codes = canvas->tools->qr_codes;
    SharedImage *code = g_hash_table_lookup(codes, key);
    if (!code) {
        Image *image = qrcode_new(text, size);
        if (!image)
            return;
        if (g_hash_table_size(codes) >= QR_CACHE_MAX)
            g_hash_table_remove_all(codes);
        code = shared_image_new(image);
        g_hash_table_insert(codes, g_steal_pointer(&key), code);
    }
    code->references++;
    Rect square = {rect.x + (rect.width - size) / 2, rect.y + (rect.height - size) / 2, size, size};
    canvas_add(canvas, (Item){.kind = ITEM_IMAGE, .rect = square, .box = square, .image = code});
}

void serambi_draw_clip(SerambiCanvas *canvas, SerambiClip *clip, SerambiBox box)
{
    serambi_draw_clip_shaped(canvas, clip, box, SERAMBI_FIT);
}

void serambi_draw_clip_shaped(SerambiCanvas *canvas, SerambiClip *clip, SerambiBox box,
                              SerambiShape shape)
{
    g_return_if_fail(canvas != NULL);
    if (!clip)
        return;
    Rect rect = canvas_rect(canvas, box);
    bool is_shaped = shape == SERAMBI_FILL || shape == SERAMBI_BLURRED;
    canvas_add(canvas, (Item){.kind = ITEM_CLIP,
                              .rect = rect,
                              .box = rect,
                              .clip = clip_ref(clip),
                              .shape = is_shaped ? shape : SERAMBI_FIT,
                              .backdrop = is_shaped ? backdrop_new() : NULL});
}

/* --- Items ------------------------------------------------------------------------------------ */

void item_clear(Item *item)
{
    g_clear_pointer(&item->text, text_unref);
    g_clear_pointer(&item->image, shared_image_unref);
    g_clear_pointer(&item->clip, clip_unref);
    g_clear_pointer(&item->held, clip_unref);
    g_clear_pointer(&item->backdrop, backdrop_unref);
}

static bool rect_equal(Rect a, Rect b)
{
    return a.x == b.x && a.y == b.y && a.width == b.width && a.height == b.height;
}

bool item_equal(const Item *a, const Item *b)
{
    return a->kind == b->kind && rect_equal(a->rect, b->rect) && rect_equal(a->box, b->box) &&
           a->rgb == b->rgb && a->alpha == b->alpha && a->corner == b->corner &&
           a->image == b->image && a->text == b->text && a->start_us == b->start_us &&
           a->clip == b->clip && a->shape == b->shape;
}

/* The clip whose picture an item shows; NULL: none. */
static SerambiClip *item_shown_clip(const Item *item)
{
    if (item->kind != ITEM_CLIP)
        return NULL;
    if (clip_has_picture(item->clip))
        return item->clip;
    return item->held && clip_has_picture(item->held) ? item->held : NULL;
}

bool item_shows_clip(const Item *item)
{
    return item_shown_clip(item) != NULL;
}

bool item_covers(const Item *item, Rect rect)
{
    if (!rect_contains(item->rect, rect))
        return false;
    if (item->kind == ITEM_CLIP)
        return item_shown_clip(item) != NULL;
    if (item->kind != ITEM_PLATE || item->alpha < 256)
        return false;
    if (!item->corner)
        return true;
    /* Away from the corners: inside the cross that a rounded plate surely fills. */
    int radius = item->corner->radius;
    Rect wide = {item->rect.x, item->rect.y + radius, item->rect.width,
                 item->rect.height - 2 * radius};
    Rect tall = {item->rect.x + radius, item->rect.y, item->rect.width - 2 * radius,
                 item->rect.height};
    return rect_contains(wide, rect) || rect_contains(tall, rect);
}

/* Pixels that a gliding line has gone at that time. Characters have no one width: a line's own
 * mean makes fourteen of them pass in a second. */
static int64_t glide_px(const Item *item, int64_t now_us)
{
    int64_t gone_us = MAX(now_us - item->start_us, 0);
    double mean_px = (double)text_length_px(item->text) / MAX(text_characters(item->text), 1);
    return (int64_t)floor(LOOK_TICKER_CHARACTERS_S * mean_px * (double)gone_us / 1e6);
}

static int64_t glide_period_px(const Item *item)
{
    return text_length_px(item->text) + item->box.width / 3;
}

static int turning_line(const Item *item, int64_t now_us)
{
    int count = MAX(text_line_count(item->text), 1);
    int64_t reading_us =
        text_characters(item->text) * G_USEC_PER_SEC / count / LOOK_TICKER_CHARACTERS_S;
    return (int)(MAX(now_us - item->start_us, 0) / MAX(reading_us, TURN_MIN_US) % count);
}

/* The picture in its own size; NULL without one. */
static const Picture *whole_picture(SerambiClip *clip)
{
    int width, height;
    clip_picture_size(clip, &width, &height);
    return clip_picture(clip, width, height);
}

static bool has_bars(const Item *item)
{
    return item->shape == SERAMBI_BLURRED && !rect_contains(item->fitted, item->rect);
}

static bool advance_clip(Item *item, int64_t monotonic_us, Rect *ret_damage)
{
    bool had_held = item->held != NULL;
    if (item->held && (clip_has_picture(item->clip) || !clip_has_picture(item->held) ||
                       monotonic_us >= item->hold_end_us))
        g_clear_pointer(&item->held, clip_unref);
    SerambiClip *clip = item_shown_clip(item);
    if (!clip) {
        *ret_damage = item->rect;
        bool was_shown = item->number != 0 || had_held;
        item->number = 0;
        return was_shown;
    }
    uint64_t number = clip_picture_number(clip);
    if (number == item->number)
        return false;
    int width, height;
    clip_picture_size(clip, &width, &height);
    Rect fitted = item->shape == SERAMBI_FILL ? item->box : picture_fit(width, height, item->box);
    bool is_same_place = item->number != 0 && rect_equal(fitted, item->fitted);
    item->fitted = fitted;
    item->number = number;
    const Picture *picture = has_bars(item) ? whole_picture(clip) : NULL;
    bool is_blur_new = picture && backdrop_follow(item->backdrop, picture, item->box.width,
                                                  item->box.height, monotonic_us);
    *ret_damage = is_same_place && !is_blur_new ? rect_intersect(fitted, item->rect) : item->rect;
    return true;
}

bool item_advance(Item *item, int64_t now_us, int64_t monotonic_us, Rect *ret_damage)
{
    int position;
    switch (item->kind) {
    case ITEM_GLIDING:
        /* Repeats are seamless: copies follow each other at one period's distance. */
        position = (int)(glide_px(item, now_us) & 0x3FFFFFFF);
        break;
    case ITEM_TURNING:
        position = turning_line(item, now_us);
        break;
    case ITEM_CLIP:
        return advance_clip(item, monotonic_us, ret_damage);
    default:
        return false;
    }
    if (position == item->position)
        return false;
    item->position = position;
    *ret_damage = item->rect;
    return true;
}

bool item_is_moving(const Item *item)
{
    return item->kind == ITEM_GLIDING;
}

/* --- Painting --------------------------------------------------------------------------------- */

static void paint_gliding(const Item *item, const Ground *ground, Rect clip, unsigned fade)
{
    Rect band = text_line(item->text, 0);
    int64_t period = glide_period_px(item);
    int length = text_length_px(item->text);
    int y = item->box.y + band.y;
    /* Copy k entered the box when k periods had gone; only the last ones can still be inside. */
    int64_t newest = item->position / period;
    for (int64_t k = newest; k >= 0; k--) {
        int64_t inside = item->position - k * period;
        if (inside > item->box.width + length + period)
            break;
        int x = text_is_rtl(item->text) ? item->box.x - length + (int)inside
                                        : item->box.x + item->box.width - (int)inside;
        text_draw(item->text, ground, x, y, clip, fade);
    }
}

static void paint_turning(const Item *item, const Ground *ground, Rect clip, unsigned fade)
{
    if (text_line_count(item->text) == 0)
        return;
    Rect band = text_line(item->text, MAX(item->position, 0));
    int top = item->box.y + (item->box.height - band.height) / 2;
    Rect window = rect_intersect(clip, (Rect){item->box.x, top, item->box.width, band.height});
    text_draw(item->text, ground, item->box.x, top - band.y, window, fade);
}

/* What of clip lies beside the picture. */
static void paint_bars(const Item *item, const Ground *ground, Rect clip)
{
    Rect pieces[4];
    size_t count = rect_subtract(clip, item->fitted, pieces);
    const Picture *blurred =
        count > 0 && item->shape == SERAMBI_BLURRED
            ? backdrop_blurred(item->backdrop, item->box.width, item->box.height)
            : NULL;
    for (size_t i = 0; i < count; i++) {
        if (blurred)
            picture_draw(ground, blurred, item->box.x, item->box.y, pieces[i]);
        else
            blend_plate(ground, item->rect, pieces[i], theme_colour("paper"), 256, NULL);
    }
}

static void paint_clip(const Item *item, const Ground *ground, Rect clip)
{
    SerambiClip *shown = item_shown_clip(item);
    if (!shown)
        return;
    paint_bars(item, ground, clip);
    const Picture *picture;
    if (item->shape == SERAMBI_FILL) {
        picture = whole_picture(shown);
        if (picture)
            picture = backdrop_fill(item->backdrop, picture, clip_picture_number(shown),
                                    item->fitted.width, item->fitted.height);
    } else {
        picture = clip_picture(shown, item->fitted.width, item->fitted.height);
    }
    if (picture)
        picture_draw(ground, picture, item->fitted.x, item->fitted.y, clip);
}

void item_paint(const Item *item, const Ground *ground, Rect clip, unsigned fade)
{
    clip = rect_intersect(clip, item->rect);
    if (rect_is_empty(clip))
        return;
    switch (item->kind) {
    case ITEM_PLATE:
        blend_plate(ground, item->box, clip, item->rgb, item->alpha * fade / 256, item->corner);
        break;
    case ITEM_IMAGE:
        blend_image(ground, item->image->image, item->box.x, item->box.y, clip, fade);
        break;
    case ITEM_TEXT:
        text_draw(item->text, ground, item->box.x, item->box.y, clip, fade);
        break;
    case ITEM_GLIDING:
        paint_gliding(item, ground, clip, fade);
        break;
    case ITEM_TURNING:
        paint_turning(item, ground, clip, fade);
        break;
    case ITEM_CLIP:
        paint_clip(item, ground, clip);
        break;
    }
}
