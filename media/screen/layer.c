/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Layers: display lists of items, their damage, their coming and going. */
#include "media/screen/layer.h"
#include "media/look.h"
#include "media/screen/theme.h"
#include <string.h>

typedef struct {
    Serambi *self;
    const SerambiLayer *table;
    GArray *items; /* Item: on glass */
    GArray *fresh; /* Item: being drawn */
    bool must_draw;
    bool is_leaving;         /* drew nothing, but is still seen */
    int64_t change_begin_us; /* CLOCK_MONOTONIC: when it began to come or to go; 0: at rest */
    unsigned fade;           /* 0 to 256 */
    bool has_clip;
} Layer;

struct Layers {
    CanvasTools *tools;
    Layout layout;
    GPtrArray *list; /* Layer, lowest first */
    bool has_reduced_motion;
    bool is_all_damaged;
    bool is_area_hidden[AREA_COUNT];
};

static void layer_free(Layer *layer)
{
    g_array_unref(layer->items);
    g_array_unref(layer->fresh);
    g_free(layer);
}

Layers *layers_new(bool has_reduced_motion)
{
    Layers *layers = g_new0(Layers, 1);
    layers->tools = canvas_tools_new(has_reduced_motion);
    layers->has_reduced_motion = has_reduced_motion;
    layers->list = g_ptr_array_new_with_free_func((GDestroyNotify)layer_free);
    return layers;
}

void layers_free(Layers *layers)
{
    if (!layers)
        return;
    g_ptr_array_unref(layers->list);
    canvas_tools_free(layers->tools);
    g_free(layers);
}

void layers_set_layout(Layers *layers, const Layout *layout)
{
    layers->layout = *layout;
    layers->is_all_damaged = true;
    for (size_t i = 0; i < layers->list->len; i++) {
        Layer *layer = g_ptr_array_index(layers->list, i);
        layer->must_draw = true;
        /* A new order of things does not come and go: it is there. */
        layer->change_begin_us = 0;
        layer->fade = 256;
        if (layer->is_leaving)
            g_array_set_size(layer->items, 0);
        layer->is_leaving = false;
    }
}

static GArray *items_new(void)
{
    GArray *items = g_array_new(FALSE, FALSE, sizeof(Item));
    g_array_set_clear_func(items, (GDestroyNotify)item_clear);
    return items;
}

static int compare_heights(gconstpointer a, gconstpointer b)
{
    const Layer *left = *(Layer *const *)a, *right = *(Layer *const *)b;
    return (left->table->height > right->table->height) -
           (left->table->height < right->table->height);
}

void layers_add(Layers *layers, Serambi *self, const SerambiLayer *table)
{
    Layer *layer = g_new0(Layer, 1);
    layer->self = self;
    layer->table = table;
    layer->items = items_new();
    layer->fresh = items_new();
    layer->must_draw = true;
    layer->fade = 256;
    /* Stable: of equal heights the one that was added later is nearer. */
    g_ptr_array_add(layers->list, layer);
    g_ptr_array_sort(layers->list, compare_heights);
}

void layers_drop(Layers *layers, Serambi *self)
{
    for (size_t i = layers->list->len; i-- > 0;) {
        Layer *layer = g_ptr_array_index(layers->list, i);
        if (layer->self == self)
            g_ptr_array_remove_index(layers->list, (guint)i);
    }
    layers->is_all_damaged = true;
}

bool layers_has_area(const Layers *layers, const Serambi *self, const char *area)
{
    for (size_t i = 0; i < layers->list->len; i++) {
        const Layer *layer = g_ptr_array_index(layers->list, i);
        if (layer->self != self && !g_strcmp0(layer->table->area, area))
            return true;
    }
    return false;
}

void layers_hide_area(Layers *layers, Area area, bool is_hidden)
{
    if (layers->is_area_hidden[area] == is_hidden)
        return;
    layers->is_area_hidden[area] = is_hidden;
    for (size_t i = 0; i < layers->list->len; i++) {
        Layer *layer = g_ptr_array_index(layers->list, i);
        if (layout_area(layer->table->area) == area)
            layer->must_draw = true;
    }
}

bool layers_show_clip(const Layers *layers)
{
    for (size_t i = 0; i < layers->list->len; i++) {
        const Layer *layer = g_ptr_array_index(layers->list, i);
        for (size_t j = 0; layer->has_clip && j < layer->items->len; j++)
            if (item_shows_clip(&g_array_index(layer->items, Item, j)))
                return true;
    }
    return false;
}

void layers_damage_all(Layers *layers)
{
    layers->is_all_damaged = true;
}

/* --- Coming and going ------------------------------------------------------------------------- */

/* Pictures cut, words on a bar change; what lies above the picture arrives and leaves softly. */
static bool layer_fades(const Layers *layers, const Layer *layer)
{
    Area area = layout_area(layer->table->area);
    return !layers->has_reduced_motion &&
           (area == AREA_BANNER || area == AREA_CARD || area == AREA_SPOTLIGHT ||
            (area == AREA_SCREEN && layer->table->height > 0));
}

static int64_t leave_us(const Layers *layers, const Layer *layer)
{
    if (layer->has_clip)
        return CLIP_HOLD_US;
    return layer_fades(layers, layer) ? LOOK_LEAVE_MS * 1000 : 0;
}

static void damage_items(const GArray *items, RectSet *damage)
{
    for (size_t i = 0; i < items->len; i++)
        rect_set_add(damage, g_array_index(items, Item, i).rect);
}

static bool array_has_clip(const GArray *items)
{
    for (size_t i = 0; i < items->len; i++)
        if (g_array_index(items, Item, i).kind == ITEM_CLIP)
            return true;
    return false;
}

/* A new clip that has no picture yet shows the old one's last frame for a moment. */
static void hold_old_clip(GArray *fresh, const GArray *old, int64_t monotonic_us)
{
    SerambiClip *shown = NULL;
    for (size_t i = 0; i < old->len && !shown; i++) {
        const Item *item = &g_array_index(old, Item, i);
        if (item->kind == ITEM_CLIP)
            shown = clip_has_picture(item->clip) ? item->clip : item->held;
    }
    for (size_t i = 0; shown && i < fresh->len; i++) {
        Item *item = &g_array_index(fresh, Item, i);
        if (item->kind != ITEM_CLIP || item->clip == shown || clip_has_picture(item->clip))
            continue;
        item->held = clip_ref(shown);
        item->hold_end_us = monotonic_us + CLIP_HOLD_US;
    }
}

/* What a redrawn item shares with its predecessor stays as it was painted. */
static void keep_progress(Item *fresh, const Item *old)
{
    fresh->position = old->position;
    fresh->number = old->number;
    fresh->fitted = old->fitted;
    if (old->backdrop) {
        backdrop_unref(fresh->backdrop);
        fresh->backdrop = backdrop_ref(old->backdrop);
    }
    if (old->held && !fresh->held) {
        fresh->held = clip_ref(old->held);
        fresh->hold_end_us = old->hold_end_us;
    }
}

/* Puts the fresh list on glass and adds the differences to damage. */
static void layer_swap(Layer *layer, int64_t monotonic_us, RectSet *damage)
{
    hold_old_clip(layer->fresh, layer->items, monotonic_us);
    size_t old_count = layer->items->len, fresh_count = layer->fresh->len;
    for (size_t i = 0; i < MAX(old_count, fresh_count); i++) {
        Item *old = i < old_count ? &g_array_index(layer->items, Item, i) : NULL;
        Item *fresh = i < fresh_count ? &g_array_index(layer->fresh, Item, i) : NULL;
        if (old && fresh && item_equal(old, fresh)) {
            keep_progress(fresh, old);
            continue;
        }
        if (old)
            rect_set_add(damage, old->rect);
        if (fresh)
            rect_set_add(damage, fresh->rect);
    }
    GArray *old_items = layer->items;
    layer->items = layer->fresh;
    layer->fresh = old_items;
    g_array_set_size(layer->fresh, 0);
}

static void layer_redraw(Layers *layers, Layer *layer, int64_t now_us, int64_t monotonic_us,
                         RectSet *damage)
{
    bool was_empty = layer->items->len == 0 || layer->is_leaving;
    Area area = layout_area(layer->table->area);
    SerambiCanvas canvas = {
        .tools = layers->tools,
        .layout = &layers->layout,
        .area = layers->layout.areas[area],
        .now_us = now_us,
        .items = layer->fresh,
    };
    layer->must_draw = false;
    if (!rect_is_empty(canvas.area) && !layers->is_area_hidden[area])
        layer->table->draw(layer->self, &canvas);
    if (layer->fresh->len == 0) {
        if (was_empty)
            return;
        layer->has_clip = array_has_clip(layer->items);
        if (leave_us(layers, layer) > 0) {
            layer->is_leaving = true;
            layer->change_begin_us = monotonic_us;
            return;
        }
    }
    if (layer->is_leaving)
        damage_items(layer->items, damage);
    layer->is_leaving = false;
    layer_swap(layer, monotonic_us, damage);
    layer->has_clip = array_has_clip(layer->items);
    if (layer->items->len > 0 && was_empty && layer_fades(layers, layer) && !layer->has_clip) {
        layer->change_begin_us = monotonic_us;
        layer->fade = 0;
    } else if (layer->change_begin_us == 0 || layer->has_clip) {
        layer->change_begin_us = 0;
        layer->fade = 256;
    }
}

static void layer_fade(const Layers *layers, Layer *layer, int64_t monotonic_us, RectSet *damage)
{
    if (layer->change_begin_us == 0)
        return;
    int64_t whole_us = layer->is_leaving ? leave_us(layers, layer) : LOOK_ARRIVE_MS * 1000;
    double gone = CLAMP((double)(monotonic_us - layer->change_begin_us) / (double)whole_us, 0, 1);
    double eased = 1 - (1 - gone) * (1 - gone) * (1 - gone);
    bool is_done = gone >= 1;
    bool keeps_opaque = layer->is_leaving && layer->has_clip;
    unsigned fade = keeps_opaque        ? 256
                    : layer->is_leaving ? (unsigned)(256 * (1 - eased))
                                        : (unsigned)(256 * eased);
    if (fade != layer->fade || (is_done && layer->is_leaving))
        damage_items(layer->items, damage);
    layer->fade = fade;
    if (!is_done)
        return;
    layer->change_begin_us = 0;
    layer->fade = 256;
    if (layer->is_leaving)
        g_array_set_size(layer->items, 0);
    layer->is_leaving = false;
}

/* --- Damage ----------------------------------------------------------------------------------- */

/* Adds what of rect is not hidden by opaque items above: a video below an opaque bar is neither
 * converted nor covered again where nobody sees it. */
static void damage_visible(const Layers *layers, size_t layer_index, size_t item_index, Rect rect,
                           RectSet *damage)
{
    Rect pieces[RECT_SET_MAX] = {rect};
    size_t count = 1;
    for (size_t i = layer_index; i < layers->list->len; i++) {
        const Layer *layer = g_ptr_array_index(layers->list, i);
        if (layer->fade < 256)
            continue;
        for (size_t j = i == layer_index ? item_index + 1 : 0; j < layer->items->len; j++) {
            const Item *item = &g_array_index(layer->items, Item, j);
            if (!item_covers(item, rect_intersect(item->rect, rect)))
                continue;
            for (size_t k = count; k-- > 0 && count + 4 < RECT_SET_MAX;) {
                Rect cut[4];
                size_t cut_count = rect_subtract(pieces[k], item->rect, cut);
                pieces[k] = pieces[--count];
                memcpy(pieces + count, cut, cut_count * sizeof *cut);
                count += cut_count;
            }
        }
    }
    for (size_t i = 0; i < count; i++)
        rect_set_add(damage, pieces[i]);
}

void layers_prepare(Layers *layers, int64_t now_us, int64_t monotonic_us, RectSet *damage)
{
    for (size_t i = 0; i < layers->list->len; i++) {
        Layer *layer = g_ptr_array_index(layers->list, i);
        bool has_changed = layer->table->prepare && layer->table->prepare(layer->self, now_us);
        if (has_changed || layer->must_draw)
            layer_redraw(layers, layer, now_us, monotonic_us, damage);
        layer_fade(layers, layer, monotonic_us, damage);
    }
    for (size_t i = 0; i < layers->list->len; i++) {
        Layer *layer = g_ptr_array_index(layers->list, i);
        for (size_t j = 0; j < layer->items->len; j++) {
            Rect rect;
            if (item_advance(&g_array_index(layer->items, Item, j), now_us, monotonic_us, &rect))
                damage_visible(layers, i, j, rect, damage);
        }
    }
    if (layers->is_all_damaged)
        rect_set_add(damage, (Rect){0, 0, layers->layout.width, layers->layout.height});
    layers->is_all_damaged = false;
}

bool layers_are_moving(const Layers *layers)
{
    for (size_t i = 0; i < layers->list->len; i++) {
        const Layer *layer = g_ptr_array_index(layers->list, i);
        if (layer->change_begin_us != 0)
            return true;
        for (size_t j = 0; j < layer->items->len; j++)
            if (item_is_moving(&g_array_index(layer->items, Item, j)))
                return true;
    }
    return false;
}

/* --- Painting --------------------------------------------------------------------------------- */

static void paint_rect(const Layers *layers, const Ground *ground, Rect rect)
{
    /* From the nearest item that hides all below it. */
    size_t first_layer = 0, first_item = 0;
    for (size_t i = layers->list->len; i-- > 0;) {
        const Layer *layer = g_ptr_array_index(layers->list, i);
        for (size_t j = layer->fade == 256 ? layer->items->len : 0; j-- > 0;) {
            if (!item_covers(&g_array_index(layer->items, Item, j), rect))
                continue;
            first_layer = i;
            first_item = j;
            goto paint;
        }
    }
    blend_plate(ground, rect, rect, theme_colour("paper"), 256, NULL);
paint:
    for (size_t i = first_layer; i < layers->list->len; i++) {
        const Layer *layer = g_ptr_array_index(layers->list, i);
        for (size_t j = i == first_layer ? first_item : 0; j < layer->items->len; j++)
            item_paint(&g_array_index(layer->items, Item, j), ground, rect, layer->fade);
    }
}

void layers_paint(const Layers *layers, const Ground *ground, const RectSet *rects)
{
    for (size_t i = 0; i < rects->count; i++)
        paint_rect(layers, ground, rects->rects[i]);
}

void layers_for_each(const Layers *layers,
                     void (*each)(const Serambi *self, const SerambiLayer *table, const Item *item,
                                  void *data),
                     void *data)
{
    for (size_t i = 0; i < layers->list->len; i++) {
        const Layer *layer = g_ptr_array_index(layers->list, i);
        for (size_t j = 0; j < layer->items->len; j++)
            each(layer->self, layer->table, &g_array_index(layer->items, Item, j), data);
    }
}
