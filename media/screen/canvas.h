/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a layer's draw() records: a list of items in whole pixels. Painting them needs no plugin. */
#pragma once
#include "core/plugin.h"
#include "media/screen/backdrop.h"
#include "media/screen/clip.h"
#include "media/screen/layout.h"
#include "media/screen/text.h"

typedef enum {
    ITEM_PLATE = 1,
    ITEM_IMAGE,
    ITEM_TEXT,
    ITEM_GLIDING, /* a line that moves through rect */
    ITEM_TURNING, /* lines of a text, one after the other: gliding for those who want less motion */
    ITEM_CLIP,
} ItemKind;

/* Immutable and shared. */
typedef struct {
    Image *image;
    int references;
} SharedImage;

typedef struct {
    ItemKind kind;
    Rect rect; /* what it may touch */
    uint32_t rgb;
    unsigned alpha;      /* PLATE: 0 to 256 */
    Corner *corner;      /* PLATE: borrowed from the canvas tools, or NULL */
    SharedImage *image;  /* IMAGE */
    Text *text;          /* TEXT, GLIDING, TURNING */
    Rect box;            /* TEXT: the whole box; others: as rect */
    int64_t start_us;    /* GLIDING, TURNING */
    int position;        /* GLIDING: pixels gone; TURNING: line */
    SerambiClip *clip;   /* CLIP */
    SerambiClip *held;   /* CLIP: shown until clip has its first picture */
    int64_t hold_end_us; /* CLOCK_MONOTONIC */
    uint64_t number;     /* CLIP: the picture that was painted last */
    Rect fitted;         /* CLIP: where that picture lies */
    SerambiShape shape;  /* CLIP */
    Backdrop *backdrop;  /* CLIP: FILL and BLURRED, else NULL */
} Item;

/* Things that all canvases share: fonts, corners, QR codes. */
typedef struct CanvasTools CanvasTools;
CanvasTools *canvas_tools_new(bool has_reduced_motion);
void canvas_tools_free(CanvasTools *tools);

struct SerambiCanvas {
    CanvasTools *tools;
    const Layout *layout;
    Rect area;
    int64_t now_us; /* timeline */
    GArray *items;  /* Item */
};

/* A layer that wants more than this is cut: a runaway loop must not eat the memory. */
#define CANVAS_ITEMS_MAX 400

/* The host's own pictures; takes image. */
void canvas_draw_image(SerambiCanvas *canvas, Rect at, Image *image);

void item_clear(Item *item); /* for g_array_set_clear_func */
/* Same look at the same place: what was painted stays. */
bool item_equal(const Item *a, const Item *b);
/* Nothing below it within rect can be seen. */
bool item_covers(const Item *item, Rect rect);
/* Moves it to that time; true when what it shows has changed, ret_damage says where. */
bool item_advance(Item *item, int64_t now_us, int64_t monotonic_us, Rect *ret_damage);
bool item_shows_clip(const Item *item); /* a picture of it is on glass */
bool item_is_moving(const Item *item);
void item_paint(const Item *item, const Ground *ground, Rect clip, unsigned fade);
