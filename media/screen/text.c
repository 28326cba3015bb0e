/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Text by Pango and Cairo. Whole strings are kept, not letters: Arabic letters change their shape
 * with their neighbours, so there can be no atlas of glyphs. */
#include "media/screen/text.h"
#include "media/look.h"
#include "media/screen/theme.h"
#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

/* What nobody references stays until this much is kept: a board's worth of rows and more. */
#define CACHE_BYTES (24 * 1024 * 1024)
/* Sizes of a text that must shrink; below the last, 45 %, it is cut instead. */
#define SHRINK_STEP  0.94
#define SHRINK_STEPS 13
#define TILE_WIDTH   2048

struct Texts {
    PangoContext *context;
    GHashTable *by_key; /* key (owned by Text) -> Text */
    GQueue unused;      /* Texts with references == 0, oldest first */
    size_t bytes;
    bool has_told_unknown; /* a letter that no font has */
};

struct Text {
    char *key;
    Texts *texts; /* NULL: the cache is gone */
    int references;
    GList *unused_link;
    PangoLayout *layout; /* of a line, until all its tiles are drawn */
    uint32_t rgb;
    Rect ink;
    int length, characters;
    bool is_rtl;
    GArray *lines; /* Rect */
    size_t bytes;
    size_t tile_count;
    int tile_width;
    Image *tiles; /* side by side across ink */
};

/* --- Styles ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    TextStyle style;
    double share; /* of the unit */
    bool is_bold;
} styles[] = {
    {"called_number", TEXT_CALLED_NUMBER, LOOK_CALLED_NUMBER, true},
    {"board_number", TEXT_BOARD_NUMBER, LOOK_BOARD_NUMBER, true},
    {"title", TEXT_TITLE, LOOK_TITLE, true},
    {"heading", TEXT_HEADING, LOOK_HEADING, true},
    {"caption", TEXT_CAPTION, LOOK_CAPTION, false},
    {"ticker", TEXT_TICKER, LOOK_TICKER, false},
    {"clock", TEXT_CLOCK, LOOK_CLOCK, true},
    {"body", TEXT_BODY, 0.042, false},
    {"small", TEXT_SMALL, 0.03, false},
};

TextStyle text_style(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(styles); i++)
        if (!g_strcmp0(styles[i].name, name))
            return styles[i].style;
    return TEXT_BODY;
}

static size_t style_index(TextStyle style)
{
    for (size_t i = 0; i < G_N_ELEMENTS(styles); i++)
        if (styles[i].style == style)
            return i;
    g_assert_not_reached();
}

/* --- Layouts ---------------------------------------------------------------------------------- */

Texts *texts_new(void)
{
    Texts *texts = g_new0(Texts, 1);
    PangoFontMap *map = pango_cairo_font_map_get_default();
    texts->context = pango_font_map_create_context(map);
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(texts->context, options);
    pango_cairo_context_set_resolution(texts->context, 72);
    cairo_font_options_destroy(options);
    texts->by_key = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&texts->unused);
    return texts;
}

static bool is_arabic(gunichar letter)
{
    return g_unichar_get_script(letter) == G_UNICODE_SCRIPT_ARABIC;
}

/* Arabic letters are drawn larger: at equal size they look smaller than Latin ones. */
static bool enlarge_arabic(PangoAttrList *attributes, const char *string)
{
    bool has_arabic = false;
    for (const char *at = string; *at;) {
        const char *end = at;
        while (*end && is_arabic(g_utf8_get_char(end)))
            end = g_utf8_next_char(end);
        if (end == at) {
            at = g_utf8_next_char(at);
            continue;
        }
        PangoAttribute *attribute = pango_attr_scale_new(LOOK_ARABIC_SCALE);
        attribute->start_index = (guint)(at - string);
        attribute->end_index = (guint)(end - string);
        pango_attr_list_insert(attributes, attribute);
        has_arabic = true;
        at = end;
    }
    return has_arabic;
}

static PangoAlignment pango_alignment(const TextWish *wish, bool is_rtl)
{
    /* Pango's left is the side where a paragraph starts: right for right-to-left ones. */
    if (wish->align == SERAMBI_CENTRE)
        return PANGO_ALIGN_CENTER;
    bool is_start = wish->align != SERAMBI_END;
    if (wish->is_mirrored && !is_rtl)
        is_start = !is_start;
    return is_start ? PANGO_ALIGN_LEFT : PANGO_ALIGN_RIGHT;
}

static bool is_number(TextStyle style)
{
    return style == TEXT_CALLED_NUMBER || style == TEXT_BOARD_NUMBER || style == TEXT_CLOCK;
}

/* The bytes of letters that no font here can draw are marked with true. */
static void mark_unknown(PangoLayout *layout, bool *ret_unknown)
{
    PangoLayoutIter *iter = pango_layout_get_iter(layout);
    do {
        const PangoLayoutRun *run = pango_layout_iter_get_run_readonly(iter);
        for (int i = 0; run && i < run->glyphs->num_glyphs; i++)
            if (run->glyphs->glyphs[i].glyph & PANGO_GLYPH_UNKNOWN_FLAG)
                ret_unknown[run->item->offset + run->glyphs->log_clusters[i]] = true;
    } while (pango_layout_iter_next_run(iter));
    pango_layout_iter_free(iter);
}

/* The text without them: a gap is better than boxes with numbers in them. Said once, for they come
 * again with each announcement. */
static char *without_unknown(Texts *texts, PangoLayout *layout, const char *string)
{
    g_autofree bool *unknown = g_new0(bool, strlen(string) + 1);
    mark_unknown(layout, unknown);
    GString *known = g_string_new(NULL);
    for (const char *at = string; *at; at = g_utf8_next_char(at)) {
        if (!unknown[at - string])
            g_string_append_len(known, at, g_utf8_next_char(at) - at);
        else if (!texts->has_told_unknown)
            g_warning("no font on this screen has the letter U+%04X: leaving out what no font has; "
                      "is fonts-noto-core installed?",
                      g_utf8_get_char(at));
        texts->has_told_unknown |= unknown[at - string];
    }
    return g_string_free(known, FALSE);
}

/* Takes attributes. */
static PangoLayout *layout_with(Texts *texts, const TextWish *wish, const char *string,
                                PangoAttrList *attributes, double font_px, bool is_paragraph)
{
    PangoLayout *layout = pango_layout_new(texts->context);
    PangoFontDescription *font = pango_font_description_from_string(theme_font());
    if (styles[style_index(wish->style)].is_bold)
        pango_font_description_set_weight(font, PANGO_WEIGHT_BOLD);
    pango_font_description_set_absolute_size(font, font_px * PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    pango_attr_list_insert(attributes, pango_attr_font_features_new("tnum=1"));
    bool has_arabic = enlarge_arabic(attributes, string);
    if (has_arabic && is_paragraph)
        pango_layout_set_line_spacing(layout, 1.1f); /* Noto's own 1.36 em becomes 1.5 em */
    pango_layout_set_attributes(layout, attributes);
    pango_attr_list_unref(attributes);
    pango_layout_set_text(layout, string, -1);
    if (pango_layout_get_unknown_glyphs_count(layout) == 0)
        return layout;
    g_autofree char *known = without_unknown(texts, layout, string);
    g_object_unref(layout);
    /* Without a mark that belonged to no letter others may be unknown: each turn is shorter. */
    return layout_with(texts, wish, strlen(known) < strlen(string) ? known : "",
                       pango_attr_list_new(), font_px, is_paragraph);
}

static PangoLayout *layout_new(Texts *texts, const TextWish *wish, const char *string,
                               double font_px, bool is_paragraph)
{
    PangoAttrList *attributes = NULL;
    g_autofree char *plain = NULL;
    if (wish->is_marked && pango_parse_markup(string, -1, 0, &attributes, &plain, NULL, NULL))
        return layout_with(texts, wish, plain, attributes, font_px, is_paragraph);
    return layout_with(texts, wish, string, pango_attr_list_new(), font_px, is_paragraph);
}

static bool layout_is_rtl(PangoLayout *layout)
{
    return pango_layout_get_direction(layout, 0) == PANGO_DIRECTION_RTL;
}

static PangoRectangle layout_extents(PangoLayout *layout, TextStyle style)
{
    PangoRectangle ink, logical;
    pango_layout_get_pixel_extents(layout, &ink, &logical);
    /* Capitals and digits: the room that a line keeps for descenders is theirs. */
    if (is_number(style) && ink.height > 0) {
        logical.y = ink.y;
        logical.height = ink.height;
    }
    return logical;
}

/* A single line may let its empty room hang over: Arabic lines keep much above and below for marks
 * that few words have, and would be drawn smaller than the Latin ones beside them. */
static bool line_ink_fits(PangoLayout *layout, const TextWish *wish)
{
    if (pango_layout_get_line_count(layout) != 1)
        return false;
    PangoRectangle ink, logical;
    pango_layout_get_pixel_extents(layout, &ink, &logical);
    int top = (wish->height - logical.height) / 2 - logical.y;
    return top + ink.y >= 1 && top + ink.y + ink.height + 1 <= wish->height;
}

static bool layout_fits(PangoLayout *layout, const TextWish *wish)
{
    PangoRectangle extents = layout_extents(layout, wish->style);
    return extents.width <= wish->width &&
           (extents.height <= wish->height || line_ink_fits(layout, wish));
}

static PangoLayout *layout_at(Texts *texts, const TextWish *wish, const char *string, double share)
{
    double full_px = styles[style_index(wish->style)].share * wish->unit;
    PangoLayout *layout = layout_new(texts, wish, string, MAX(full_px * share, 1), true);
    /* A number is one line: "7KQ2-M8XD" becomes smaller rather than two of them. */
    if (!is_number(wish->style))
        pango_layout_set_width(layout, wish->width * PANGO_SCALE);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD);
    return layout;
}

/* At the smallest size words are broken and the end is cut; one line still fits into the box. */
static PangoLayout *cut_to_box(Texts *texts, const TextWish *wish, const char *string)
{
    double full_px = styles[style_index(wish->style)].share * wish->unit;
    double line_share = wish->height / (full_px * 1.5 * LOOK_ARABIC_SCALE);
    PangoLayout *layout =
        layout_at(texts, wish, string, MIN(pow(SHRINK_STEP, SHRINK_STEPS), line_share));
    pango_layout_set_width(layout, wish->width * PANGO_SCALE);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_height(layout, wish->height * PANGO_SCALE);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    /* Pango counts lines without their spacing: a line less may be needed. */
    for (int lines = pango_layout_get_line_count(layout); lines > 1 && !layout_fits(layout, wish);
         lines--)
        pango_layout_set_height(layout, 1 - lines);
    return layout;
}

/* The largest size that fits, by halving: each size that is new to Pango costs a search for fonts.
 */
static PangoLayout *fit_in_box(Texts *texts, const TextWish *wish, const char *string)
{
    PangoLayout *best = layout_at(texts, wish, string, 1);
    if (layout_fits(best, wish))
        return best;
    g_clear_object(&best);
    int too_large = 0, small_enough = SHRINK_STEPS;
    while (small_enough - too_large > 1) {
        int middle = (small_enough + too_large) / 2;
        PangoLayout *layout = layout_at(texts, wish, string, pow(SHRINK_STEP, middle));
        if (layout_fits(layout, wish)) {
            g_set_object(&best, layout);
            small_enough = middle;
        } else {
            too_large = middle;
        }
        g_object_unref(layout);
    }
    return best ? best : cut_to_box(texts, wish, string);
}

/* --- Pictures of them ------------------------------------------------------------------------- */

static void tile_draw(Text *text, size_t number)
{
    Image *tile = &text->tiles[number];
    tile->width = MIN(text->tile_width, text->ink.width - (int)number * text->tile_width);
    tile->height = text->ink.height;
    tile->stride = tile->width;
    tile->pixels = g_new0(uint32_t, (size_t)tile->width * (size_t)tile->height);
    cairo_surface_t *surface =
        cairo_image_surface_create_for_data((unsigned char *)tile->pixels, CAIRO_FORMAT_ARGB32,
                                            tile->width, tile->height, tile->stride * 4);
    cairo_t *cairo = cairo_create(surface);
    cairo_translate(cairo, -text->ink.x - (double)number * text->tile_width, -text->ink.y);
    cairo_set_source_rgb(cairo, ((text->rgb >> 16) & 0xFF) / 255.0,
                         ((text->rgb >> 8) & 0xFF) / 255.0, (text->rgb & 0xFF) / 255.0);
    pango_cairo_show_layout(cairo, text->layout);
    cairo_destroy(cairo);
    cairo_surface_flush(surface);
    cairo_surface_destroy(surface);
}

static void measure_lines(Text *text)
{
    text->lines = g_array_new(FALSE, FALSE, sizeof(Rect));
    PangoLayoutIter *iter = pango_layout_get_iter(text->layout);
    do {
        int top, bottom;
        pango_layout_iter_get_line_yrange(iter, &top, &bottom);
        Rect line = {text->ink.x, PANGO_PIXELS(top), text->ink.width,
                     PANGO_PIXELS(bottom) - PANGO_PIXELS(top)};
        g_array_append_val(text->lines, line);
    } while (pango_layout_iter_next_line(iter));
    pango_layout_iter_free(iter);
}

/* Takes layout. Box and lines are drawn now, a gliding line's tiles when they come into view. */
static Text *text_new(PangoLayout *layout, const TextWish *wish, bool is_line, int top)
{
    Text *text = g_new0(Text, 1);
    text->layout = layout;
    text->rgb = wish->rgb;
    text->characters = pango_layout_get_character_count(layout);
    text->is_rtl = layout_is_rtl(layout);
    PangoRectangle ink, logical;
    pango_layout_get_pixel_extents(layout, &ink, &logical);
    /* One pixel around: antialiasing may touch it. */
    text->ink = (Rect){ink.x - 1, ink.y - 1, ink.width + 2, ink.height + 2};
    text->length = MIN(logical.width, TEXT_GLIDE_LENGTH);
    if (ink.width <= 0 || ink.height <= 0)
        text->ink = (Rect){0};
    if (is_line)
        text->ink.width = MIN(text->ink.width, TEXT_GLIDE_LENGTH);
    text->tile_width = is_line ? TILE_WIDTH : MAX(text->ink.width, 1);
    text->tile_count = (size_t)((text->ink.width + text->tile_width - 1) / text->tile_width);
    text->tiles = g_new0(Image, MAX(text->tile_count, 1));
    text->bytes = 4 * (size_t)text->ink.width * (size_t)text->ink.height;
    if (!is_line) {
        measure_lines(text);
        for (size_t i = 0; i < text->tile_count; i++)
            tile_draw(text, i);
        g_clear_object(&text->layout);
    }
    text->ink.y += top;
    return text;
}

/* --- The cache -------------------------------------------------------------------------------- */

static void text_destroy(Text *text)
{
    for (size_t i = 0; i < text->tile_count; i++)
        g_free(text->tiles[i].pixels);
    g_free(text->tiles);
    g_clear_object(&text->layout);
    if (text->lines)
        g_array_unref(text->lines);
    g_free(text->key);
    g_free(text);
}

static void texts_forget(Texts *texts, Text *text)
{
    g_hash_table_remove(texts->by_key, text->key);
    texts->bytes -= text->bytes;
    g_queue_delete_link(&texts->unused, text->unused_link);
    text_destroy(text);
}

Text *text_ref(Text *text)
{
    if (text->references++ == 0 && text->texts && text->unused_link) {
        g_queue_delete_link(&text->texts->unused, text->unused_link);
        text->unused_link = NULL;
    }
    return text;
}

void text_unref(Text *text)
{
    if (!text || --text->references > 0)
        return;
    Texts *texts = text->texts;
    if (!texts) {
        text_destroy(text);
        return;
    }
    g_queue_push_tail(&texts->unused, text);
    text->unused_link = g_queue_peek_tail_link(&texts->unused);
    while (texts->bytes > CACHE_BYTES && !g_queue_is_empty(&texts->unused))
        texts_forget(texts, g_queue_peek_head(&texts->unused));
}

void texts_free(Texts *texts)
{
    if (!texts)
        return;
    while (!g_queue_is_empty(&texts->unused))
        texts_forget(texts, g_queue_peek_head(&texts->unused));
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, texts->by_key);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        ((Text *)value)->texts = NULL;
    g_hash_table_destroy(texts->by_key);
    g_object_unref(texts->context);
    g_free(texts);
}

/* The cached text, with a reference, or NULL with the key that it will have. */
static Text *texts_find(Texts *texts, char kind, const TextWish *wish, const char *string,
                        char **ret_key)
{
    g_autofree char *key = g_strdup_printf(
        "%c%d/%06x/%d%d%d/%d/%dx%d/%s", kind, (int)wish->style, wish->rgb, (int)wish->align,
        wish->is_mirrored, wish->is_marked, wish->unit, wish->width, wish->height, string);
    Text *text = g_hash_table_lookup(texts->by_key, key);
    if (text)
        return text_ref(text);
    *ret_key = g_steal_pointer(&key);
    return NULL;
}

static Text *texts_keep(Texts *texts, Text *text, char *key)
{
    text->key = key;
    text->texts = texts;
    text->references = 1;
    texts->bytes += text->bytes;
    g_hash_table_insert(texts->by_key, text->key, text);
    return text;
}

/* Valid UTF-8 of at most TEXT_BYTES_MAX, ends of lines as they are; g_free(). */
static char *clean(const char *string)
{
    g_autofree char *valid = g_utf8_make_valid(string ? string : "", -1);
    if (strlen(valid) > TEXT_BYTES_MAX) {
        char *end = g_utf8_find_prev_char(valid, valid + TEXT_BYTES_MAX);
        *end = '\0';
    }
    return g_steal_pointer(&valid);
}

/* --- Kinds ------------------------------------------------------------------------------------ */

Text *text_in_box(Texts *texts, const TextWish *wish, const char *string)
{
    g_autofree char *valid = clean(string);
    char *key;
    Text *text = texts_find(texts, 'b', wish, valid, &key);
    if (text)
        return text;
    PangoLayout *layout = fit_in_box(texts, wish, valid);
    pango_layout_set_width(layout, wish->width * PANGO_SCALE);
    pango_layout_set_alignment(layout, pango_alignment(wish, layout_is_rtl(layout)));
    PangoRectangle extents = layout_extents(layout, wish->style);
    int top = (wish->height - extents.height) / 2 - extents.y;
    return texts_keep(texts, text_new(layout, wish, false, top), key);
}

Text *text_on_line(Texts *texts, const TextWish *wish, const char *string)
{
    g_autofree char *valid = clean(string);
    char *key;
    Text *text = texts_find(texts, 'l', wish, valid, &key);
    if (text)
        return text;
    g_strdelimit(valid, "\n\r\t", ' ');
    double font_px = styles[style_index(wish->style)].share * wish->unit;
    PangoLayout *layout = layout_new(texts, wish, valid, font_px, false);
    pango_layout_set_single_paragraph_mode(layout, TRUE);
    PangoRectangle logical;
    pango_layout_get_pixel_extents(layout, NULL, &logical);
    if (logical.height > wish->height && wish->height > 0) {
        g_object_unref(layout);
        layout = layout_new(texts, wish, valid, font_px * wish->height / logical.height, false);
        pango_layout_set_single_paragraph_mode(layout, TRUE);
        pango_layout_get_pixel_extents(layout, NULL, &logical);
    }
    /* A line has no top offset here: its tiles are drawn from the layout's own coordinates. */
    Text *fresh = text_new(layout, wish, true, 0);
    fresh->lines = g_array_new(FALSE, FALSE, sizeof(Rect));
    Rect band = {0, (wish->height - logical.height) / 2, fresh->length, logical.height};
    g_array_append_val(fresh->lines, band);
    return texts_keep(texts, fresh, key);
}

Text *text_in_lines(Texts *texts, const TextWish *wish, const char *string)
{
    g_autofree char *valid = clean(string);
    char *key;
    Text *text = texts_find(texts, 'n', wish, valid, &key);
    if (text)
        return text;
    double font_px = styles[style_index(wish->style)].share * wish->unit;
    PangoLayout *layout = layout_new(texts, wish, valid, font_px, true);
    pango_layout_set_width(layout, wish->width * PANGO_SCALE);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_alignment(layout, pango_alignment(wish, layout_is_rtl(layout)));
    return texts_keep(texts, text_new(layout, wish, false, 0), key);
}

Rect text_ink(const Text *text)
{
    return text->ink;
}

int text_length_px(const Text *text)
{
    return text->length;
}

int text_characters(const Text *text)
{
    return text->characters;
}

bool text_is_rtl(const Text *text)
{
    return text->is_rtl;
}

int text_line_count(const Text *text)
{
    return text->lines ? (int)text->lines->len : 0;
}

Rect text_line(const Text *text, int n)
{
    return g_array_index(text->lines, Rect, n);
}

void text_draw(Text *text, const Ground *ground, int x, int y, Rect clip, unsigned alpha)
{
    for (size_t i = 0; i < text->tile_count; i++) {
        int left = x + text->ink.x + (int)i * text->tile_width;
        Rect at = {left, y + text->ink.y, text->tile_width, text->ink.height};
        if (rect_is_empty(rect_intersect(at, clip)))
            continue;
        if (!text->tiles[i].pixels)
            tile_draw(text, i);
        blend_image(ground, &text->tiles[i], left, y + text->ink.y, clip, alpha);
    }
}
