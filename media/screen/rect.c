/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Whole pixels: rectangles and sets of them. */
#include "media/screen/rect.h"

bool rect_is_empty(Rect rect)
{
    return rect.width <= 0 || rect.height <= 0;
}

Rect rect_intersect(Rect a, Rect b)
{
    int left = a.x > b.x ? a.x : b.x;
    int top = a.y > b.y ? a.y : b.y;
    int right = a.x + a.width < b.x + b.width ? a.x + a.width : b.x + b.width;
    int bottom = a.y + a.height < b.y + b.height ? a.y + a.height : b.y + b.height;
    if (right <= left || bottom <= top)
        return (Rect){0};
    return (Rect){left, top, right - left, bottom - top};
}

Rect rect_unite(Rect a, Rect b)
{
    if (rect_is_empty(a))
        return b;
    if (rect_is_empty(b))
        return a;
    int left = a.x < b.x ? a.x : b.x;
    int top = a.y < b.y ? a.y : b.y;
    int right = a.x + a.width > b.x + b.width ? a.x + a.width : b.x + b.width;
    int bottom = a.y + a.height > b.y + b.height ? a.y + a.height : b.y + b.height;
    return (Rect){left, top, right - left, bottom - top};
}

bool rect_contains(Rect outer, Rect inner)
{
    return inner.x >= outer.x && inner.y >= outer.y &&
           inner.x + inner.width <= outer.x + outer.width &&
           inner.y + inner.height <= outer.y + outer.height;
}

void rect_set_add(RectSet *set, Rect rect)
{
    if (rect_is_empty(rect))
        return;
    /* What it touches melts into it; the grown one may touch others, hence from the start again. */
    for (size_t i = 0; i < set->count; i++) {
        if (rect_contains(set->rects[i], rect))
            return;
        if (rect_is_empty(rect_intersect(set->rects[i], rect)))
            continue;
        rect = rect_unite(set->rects[i], rect);
        set->rects[i] = set->rects[--set->count];
        i = (size_t)-1;
    }
    if (set->count < RECT_SET_MAX) {
        set->rects[set->count++] = rect;
        return;
    }
    rect = rect_unite(set->rects[--set->count], rect);
    rect_set_add(set, rect);
}

size_t rect_subtract(Rect rect, Rect hole, Rect ret_pieces[4])
{
    Rect cut = rect_intersect(rect, hole);
    if (rect_is_empty(cut)) {
        ret_pieces[0] = rect;
        return rect_is_empty(rect) ? 0 : 1;
    }
    Rect pieces[4] = {
        {rect.x, rect.y, rect.width, cut.y - rect.y},
        {rect.x, cut.y + cut.height, rect.width, rect.y + rect.height - cut.y - cut.height},
        {rect.x, cut.y, cut.x - rect.x, cut.height},
        {cut.x + cut.width, cut.y, rect.x + rect.width - cut.x - cut.width, cut.height},
    };
    size_t count = 0;
    for (size_t i = 0; i < 4; i++)
        if (!rect_is_empty(pieces[i]))
            ret_pieces[count++] = pieces[i];
    return count;
}
