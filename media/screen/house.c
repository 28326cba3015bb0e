/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The house slide, the bar, the clock. */
#include "media/screen/house.h"
#include "media/look.h"
#include "media/screen/canvas.h"
#include "media/screen/emblem.h"
#include <string.h>
#include <time.h>

typedef struct {
    Layout layout;
    char *address; /* for the QR code; NULL: none */
    bool has_clock, has_card, has_bar_changed, has_slide_changed;
    int shown_minute; /* of the day */
    char clock[8];
} House;

static House *house_of(Serambi *self)
{
    return serambi_state(self);
}

void house_arrange(Serambi *self, const Layout *layout, const char *address, bool has_clock,
                   bool has_card)
{
    House *house = house_of(self);
    house->layout = *layout;
    house->has_clock = has_clock;
    house->has_card = has_card;
    g_free(house->address);
    house->address = g_strdup(address);
    house->has_bar_changed = house->has_slide_changed = true;
    house->shown_minute = -1;
}

static bool take(bool *flag)
{
    bool was = *flag;
    *flag = false;
    return was;
}

static bool prepare_slide(Serambi *self, int64_t now_us)
{
    return take(&house_of(self)->has_slide_changed);
}

static bool prepare_bar(Serambi *self, int64_t now_us)
{
    return take(&house_of(self)->has_bar_changed);
}

static bool prepare_clock(Serambi *self, int64_t now_us)
{
    House *house = house_of(self);
    time_t now = (time_t)(now_us / G_USEC_PER_SEC);
    struct tm local;
    if (!localtime_r(&now, &local))
        return false;
    int minute = local.tm_hour * 60 + local.tm_min;
    if (minute == house->shown_minute)
        return false;
    house->shown_minute = minute;
    strftime(house->clock, sizeof house->clock, "%H:%M", &local);
    return true;
}

static void draw_ground(Serambi *self, SerambiCanvas *canvas)
{
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "paper", 1, 0);
}

static const char *const languages[] = {"id", "en", "ar"};

const char *house_language(const HouseSettings *settings, size_t n)
{
    if (n == 0)
        return settings->language;
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++)
        if (strcmp(languages[i], settings->language) && --n == 0)
            return languages[i];
    return NULL;
}

/* Greeting, name and hours within column, all of it centred. */
static void draw_welcome(Serambi *self, SerambiCanvas *canvas, SerambiBox column)
{
    const HouseSettings *settings = serambi_settings(self);
    bool has_hours = settings->opening_hours[0] != '\0';
    double y = column.y, h = column.height;
    double emblem = h * 0.24;
    emblem_draw(canvas, (SerambiBox){column.x, y, column.width, emblem});
    y += h * 0.26;
    serambi_draw_text(canvas, (SerambiBox){column.x, y, column.width, h * 0.22}, "heading", "ink",
                      SERAMBI_CENTRE, settings->library_name);
    y += h * 0.24;
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
        const char *language = house_language(settings, i);
        /* Arabic lines are half as high again. */
        double height = h * (!strcmp(language, "ar") ? 0.13 : 0.105);
        serambi_draw_text(canvas, (SerambiBox){column.x, y, column.width, height}, "body",
                          i == 0 ? "leaf" : "muted", SERAMBI_CENTRE,
                          serambi_word(self, language, "greeting"));
        y += height;
    }
    if (!has_hours)
        return;
    g_autofree char *hours =
        g_strdup_printf("%s: %s", serambi_word(self, house_language(settings, 0), "hours"),
                        settings->opening_hours);
    serambi_draw_text(canvas, (SerambiBox){column.x, y + h * 0.04, column.width, h * 0.11}, "small",
                      "ink", SERAMBI_CENTRE, hours);
}

/* The code on its card, with what it is for in three languages below. */
static void draw_code(Serambi *self, SerambiCanvas *canvas, SerambiBox card)
{
    House *house = house_of(self);
    if (house->layout.kind == LAYOUT_CINEMA)
        serambi_draw_plate(canvas, card, "leaf_plate", 1, 0.02);
    double padding = card.width * 0.07;
    int width, height;
    serambi_canvas_size(canvas, &width, &height, NULL);
    double square_px = MIN((card.width - 2 * padding) * width, card.height * 0.55 * height);
    double code_height = square_px / height;
    double y = card.y + padding * width / height;
    serambi_draw_qr(canvas, (SerambiBox){card.x, y, card.width, code_height}, house->address);
    y += code_height + card.height * 0.02;
    /* The first language gets more room: it is to be the largest, however long. */
    static const double shares[] = {0.42, 0.29, 0.29};
    double rest = card.y + card.height * 0.97 - y;
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
        serambi_draw_text(
            canvas, (SerambiBox){card.x + padding, y, card.width - 2 * padding, rest * shares[i]},
            "small", i == 0 ? "ink" : "muted", SERAMBI_CENTRE,
            serambi_word(self, house_language(serambi_settings(self), i), "scan"));
        y += rest * shares[i];
    }
}

static void draw_slide(Serambi *self, SerambiCanvas *canvas)
{
    House *house = house_of(self);
    int width, height;
    serambi_canvas_size(canvas, &width, &height, NULL);
    bool is_whole = width == house->layout.width;
    if (!is_whole)
        serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "leaf_plate", 1, 0.02);
    bool is_tall = height > width;
    /* In a small picture a code would be too fine to scan: words only. */
    bool has_code = house->address && MIN(width, height) > house->layout.unit / 2 &&
                    (is_whole || !house->has_card);
    if (!has_code && is_whole && house->has_card && !is_tall) {
        /* The card of others comes into the lower corner at the end side. */
        draw_welcome(self, canvas, (SerambiBox){0.04, 0.12, 0.57, 0.74});
    } else if (!has_code) {
        draw_welcome(self, canvas, (SerambiBox){0.06, 0.06, 0.88, 0.88});
    } else if (is_tall) {
        draw_welcome(self, canvas, (SerambiBox){0.06, 0.10, 0.88, 0.38});
        draw_code(self, canvas, (SerambiBox){0.19, 0.54, 0.62, 0.34});
    } else {
        draw_welcome(self, canvas, (SerambiBox){0.05, 0.14, 0.57, 0.72});
        draw_code(self, canvas, (SerambiBox){0.67, 0.10, 0.28, 0.80});
    }
}

static void draw_bar(Serambi *self, SerambiCanvas *canvas)
{
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 1}, "paper", 1, 0);
    serambi_draw_plate(canvas, (SerambiBox){0, 0, 1, 0.025}, "leaf", 1, 0);
}

static void draw_clock(Serambi *self, SerambiCanvas *canvas)
{
    House *house = house_of(self);
    if (house->has_clock)
        serambi_draw_text(canvas, (SerambiBox){0, 0, 1, 1}, "clock", "ink", SERAMBI_END,
                          house->clock);
}

static void stop(Serambi *self)
{
    g_clear_pointer(&house_of(self)->address, g_free);
}

static const SerambiLayer layers[] = {
    {"ground", "screen", -101, NULL, draw_ground},
    {"slide", "house", -100, prepare_slide, draw_slide},
    {"bar", "bar", 28, prepare_bar, draw_bar},
    {"clock", "clock", 29, prepare_clock, draw_clock},
    {0},
};

static const SerambiSetting settings[] = {
    {"library_name", SERAMBI_TEXT, offsetof(HouseSettings, library_name), "Perpustakaan", 1, 120,
     NULL, "Name of the library on the house slide"},
    {"opening_hours", SERAMBI_TEXT, offsetof(HouseSettings, opening_hours), "", 0, 200, NULL,
     "Opening hours on the house slide, one line; empty: not shown"},
    {"public_url", SERAMBI_TEXT, offsetof(HouseSettings, public_url), "", 0, 200, NULL,
     "Address that visitors scan; empty: the server's address unless only this machine knows it"},
    {"layout", SERAMBI_CHOICE, offsetof(HouseSettings, layout), "cinema", 0, 0, "cinema|desk|board",
     "How the screen is divided until the server arranges it"},
    {"back_end", SERAMBI_CHOICE, offsetof(HouseSettings, back_end), "measured", 0, 0,
     "measured|surface|texture",
     "How the picture gets to the window: shared memory, a GPU's texture, or what measures better"},
    {"colours", SERAMBI_TEXT, offsetof(HouseSettings, colours), "", 0, 240, NULL,
     "The library's own colours, such as leaf=#9BD770 leaf_plate=#10261A; names: paper, ink, "
     "muted, leaf, leaf_plate, amber, amber_plate, sky, red. A pair that is hard to read is "
     "refused"},
    {"font", SERAMBI_TEXT, offsetof(HouseSettings, font), "", 0, 80, NULL,
     "The library's own font family, installed on this screen; letters it lacks come from Noto"},
    {"language", SERAMBI_CHOICE, offsetof(HouseSettings, language), "id", 0, 0, "id|en|ar",
     "Language that comes first and largest on this screen; the others follow it"},
    {"mirrored", SERAMBI_BOOL, offsetof(HouseSettings, is_mirrored), "false", 0, 0, NULL,
     "Mirrors the grid for readers from right to left"},
    {"reduced_motion", SERAMBI_BOOL, offsetof(HouseSettings, has_reduced_motion), "false", 0, 0,
     NULL, "The ticker turns whole lines, nothing slides or fades"},
    {"volume_percent", SERAMBI_INT, offsetof(HouseSettings, volume_percent), "100", 0, 100, NULL,
     "Loudspeaker's volume until the server arranges it"},
    {"sound_delay_ms", SERAMBI_INT, offsetof(HouseSettings, sound_delay_ms), "0", -200, 500, NULL,
     "How much later than assumed the sound leaves the loudspeaker"},
    {"cache_megabytes", SERAMBI_INT, offsetof(HouseSettings, cache_megabytes), "8192", 64, 1000000,
     NULL, "Room on this screen's disk for media"},
    {0},
};

extern const SerambiAsset screen_assets[];

const SerambiPlugin house_plugin = {
    .abi = SERAMBI_ABI,
    .size = sizeof(SerambiPlugin),
    .id = "display",
    .version = "1",
    .summary = "The house slide, the bar and the clock",
    .places = SERAMBI_ON_DISPLAY,
    .state_size = sizeof(House),
    .settings_size = sizeof(HouseSettings),
    .settings = settings,
    .layers = layers,
    .assets = screen_assets,
    .display_stop = stop,
};
