/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a display does for its plugins, in memory. */
#include "tests/golden/lobby.h"
#include "media/screen/catalogue.h"
#include "media/screen/house.h"
#include "media/screen/layer.h"
#include "plugins/announcements/announcements.h"
#include "plugins/displays/displays.h"
#include "plugins/programme/programme.h"
#include "plugins/queue/queue.h"
#include <string.h>

extern const SerambiLayer announcements_layers[], queue_layers[];
extern const SerambiWatch announcements_watches[], queue_watches[];
extern bool announcements_start(Serambi *self, GError **error);
extern bool queue_start(Serambi *self, GError **error);
extern void announcements_stop(Serambi *self);
extern void queue_stop(Serambi *self);
extern const SerambiAsset announcements_assets[], queue_assets[], displays_assets[];

/* --- Plugins ---------------------------------------------------------------------------------- */

typedef struct {
    const SerambiAsset *assets;
    const SerambiLayer *layers;
    const SerambiWatch *watches;
    size_t state_size;
    bool (*start)(Serambi *self, GError **error);
    void (*stop)(Serambi *self);
} Half;

static const Half halves[] = {
    {announcements_assets, announcements_layers, announcements_watches, sizeof(Announcements),
     announcements_start, announcements_stop},
    {queue_assets, queue_layers, queue_watches, sizeof(Queue), queue_start, queue_stop},
    {displays_assets, porch_layers, porch_watches, sizeof(Displays), porch_start, porch_stop},
    {NULL, player_layers, player_watches, sizeof(Programme), player_start, player_stop},
};
enum { ANNOUNCEMENTS, QUEUE, DISPLAYS, PROGRAMME, HALVES };

struct Serambi {
    Lobby *lobby;
    void *state;
    const void *settings;
    Catalogue *words;
};

struct Lobby {
    Layers *layers;
    Layout layout;
    Ground ground;
    int64_t gone_us;
    const char *code;
    HouseSettings house_settings;
    ProgrammeSettings programme_settings;
    QueueSettings queue_settings;
    Serambi house, plugins[HALVES];
};

/* --- A clip ----------------------------------------------------------------------------------- */

/* 16:9: a shelf, a counter, a card. Flat colours, that sheets stay small. */
#define CLIP_WIDTH  640
#define CLIP_HEIGHT 360

struct SerambiClip {
    int references;
    uint8_t *bytes;
    Picture picture;
    PictureScaler scaler;
};

static void fill(const Picture *picture, Rect at, uint8_t y, uint8_t u, uint8_t v)
{
    for (int row = at.y; row < at.y + at.height; row++)
        memset((uint8_t *)picture->y + row * picture->y_stride + at.x, y, (size_t)at.width);
    for (int row = at.y / 2; row < (at.y + at.height) / 2; row++) {
        memset((uint8_t *)picture->u + row * picture->u_stride + at.x / 2, u, (size_t)at.width / 2);
        memset((uint8_t *)picture->v + row * picture->v_stride + at.x / 2, v, (size_t)at.width / 2);
    }
}

static SerambiClip *fake_clip_new(int width, int height)
{
    SerambiClip *clip = g_new0(SerambiClip, 1);
    size_t luma = (size_t)width * (size_t)height;
    clip->references = 1;
    clip->bytes = g_malloc(luma * 3 / 2);
    clip->picture = (Picture){clip->bytes,
                              clip->bytes + luma,
                              clip->bytes + luma + luma / 4,
                              width,
                              width / 2,
                              width / 2,
                              width,
                              height,
                              PICTURE_BT709};
    fill(&clip->picture, (Rect){0, 0, width, height}, 190, 118, 136);
    for (int i = 0; i < 3; i++)
        fill(&clip->picture, (Rect){width / 16 + i * 100, height / 8, 60, height / 4},
             i % 2 ? 70 : 120, i % 2 ? 108 : 140, i % 2 ? 160 : 118);
    fill(&clip->picture, (Rect){0, height / 8 + height / 4, width * 2 / 3, 12}, 80, 110, 148);
    fill(&clip->picture, (Rect){0, height * 3 / 4, width, height / 4}, 96, 112, 146);
    fill(&clip->picture, (Rect){width * 5 / 8, height / 2, width / 5, height / 6}, 210, 128, 128);
    return clip;
}

SerambiClip *clip_ref(SerambiClip *clip)
{
    clip->references++;
    return clip;
}

void clip_unref(SerambiClip *clip)
{
    if (!clip || --clip->references > 0)
        return;
    picture_scaler_clear(&clip->scaler);
    g_free(clip->bytes);
    g_free(clip);
}

bool clip_has_picture(const SerambiClip *clip)
{
    return true;
}

uint64_t clip_picture_number(const SerambiClip *clip)
{
    return 1;
}

void clip_picture_size(const SerambiClip *clip, int *ret_width, int *ret_height)
{
    *ret_width = clip->picture.width;
    *ret_height = clip->picture.height;
}

const Picture *clip_picture(SerambiClip *clip, int width, int height)
{
    return picture_scale(&clip->scaler, &clip->picture, width, height);
}

/* --- core/plugin.h ---------------------------------------------------------------------------- */

void *serambi_state(Serambi *self)
{
    return self->state;
}

const void *serambi_settings(Serambi *self)
{
    return self->settings;
}

int64_t serambi_now_us(Serambi *self)
{
    return LOBBY_START_US + self->lobby->gone_us;
}

void serambi_log(Serambi *self, int syslog_level, const char *format, ...)
{
    g_error("nothing may fail here: %s", format);
}

const char *serambi_word(Serambi *self, const char *language, const char *key)
{
    const char *word = catalogue_word(self->words, language, key);
    if (!strcmp(word, key))
        g_error("no word '%s' in '%s'", key, language);
    return word;
}

const char *serambi_display_language(Serambi *self, size_t n)
{
    return house_language(&self->lobby->house_settings, n);
}

/* "portrait" is a clip that stands. */
SerambiClip *serambi_clip_new(Serambi *self, const char *source, int64_t start_us, double gain_db,
                              SerambiClipEnd on_end)
{
    return strcmp(source, "portrait") ? fake_clip_new(CLIP_WIDTH, CLIP_HEIGHT)
                                      : fake_clip_new(CLIP_HEIGHT, CLIP_WIDTH);
}

void serambi_clip_free(SerambiClip *clip)
{
    clip_unref(clip);
}

bool serambi_has(Serambi *self, const char *source)
{
    return true;
}

/* A source of captions is its text, or a whole track. */
json_t *serambi_kept_json(Serambi *self, const char *source)
{
    if (*source == '{')
        return json_loads(source, 0, NULL);
    return json_pack("{s:[{s:i, s:i, s:s}]}", "cues", "start_ms", 0, "end_ms", 3600000, "text",
                     source);
}

void serambi_want(Serambi *self, const json_t *sources)
{
}

json_t *serambi_display_status(Serambi *self)
{
    return json_pack("{s:b, s:b, s:s, s:i, s:i}", "online", true, "paired",
                     self->lobby->code == NULL, "key", "", "width", self->lobby->layout.width,
                     "height", self->lobby->layout.height);
}

void serambi_display_arrange(Serambi *self, const char *layout, int volume_percent)
{
}

void serambi_display_reconnect(Serambi *self)
{
}

void serambi_call(Serambi *self, const char *method_and_path, json_t *body,
                  void (*on_reply)(Serambi *self, int status, const json_t *body, void *data),
                  void *data)
{
    json_decref(body);
    json_auto_t *answer = json_pack("{s:s, s:s?}", "state", "waiting", "code", self->lobby->code);
    if (on_reply)
        on_reply(self, 200, answer, data);
}

/* --- The lobby -------------------------------------------------------------------------------- */

static void add_half(Lobby *lobby, size_t number)
{
    const Half *half = &halves[number];
    Serambi *self = &lobby->plugins[number];
    self->lobby = lobby;
    self->state = g_malloc0(half->state_size);
    self->words = catalogue_new(half->assets);
    for (const SerambiLayer *layer = half->layers; layer->name; layer++)
        layers_add(lobby->layers, self, layer);
    g_assert_true(half->start(self, NULL));
}

Lobby *lobby_new(LayoutKind kind, int width, int height, const char *language)
{
    Lobby *lobby = g_new0(Lobby, 1);
    lobby->layers = layers_new(false);
    lobby->layout = layout_make(kind, width, height, !strcmp(language, "ar"));
    lobby->ground =
        (Ground){g_new0(uint32_t, (size_t)width * (size_t)height), width, height, width};
    lobby->house_settings = (HouseSettings){.library_name = "Perpustakaan Umum Kota Malang",
                                            .opening_hours = "08.00–20.00",
                                            .public_url = "",
                                            .layout = layout_kind_name(kind),
                                            .language = language};
    lobby->programme_settings.caption_languages = !strcmp(language, "id")   ? "id+en"
                                                  : !strcmp(language, "en") ? "en+ar"
                                                                            : "ar+id";
    lobby->programme_settings.shape = "blurred";
    lobby->queue_settings.spotlight_seconds = 6;
    lobby->house = (Serambi){lobby, g_malloc0(house_plugin.state_size), &lobby->house_settings,
                             catalogue_new(house_plugin.assets)};
    for (const SerambiLayer *layer = house_plugin.layers; layer->name; layer++)
        layers_add(lobby->layers, &lobby->house, layer);
    lobby->plugins[PROGRAMME].settings = &lobby->programme_settings;
    lobby->plugins[QUEUE].settings = &lobby->queue_settings;
    for (size_t i = 0; i < HALVES; i++)
        add_half(lobby, i);
    house_arrange(&lobby->house, &lobby->layout, "http://perpus.malangkota.go.id", false, true);
    layers_set_layout(lobby->layers, &lobby->layout);
    return lobby;
}

static void plugin_clear(Serambi *self)
{
    catalogue_free(self->words);
    g_free(self->state);
}

void lobby_free(Lobby *lobby)
{
    for (size_t i = 0; i < HALVES; i++)
        halves[i].stop(&lobby->plugins[i]);
    house_plugin.display_stop(&lobby->house);
    layers_free(lobby->layers);
    for (size_t i = 0; i < HALVES; i++)
        plugin_clear(&lobby->plugins[i]);
    plugin_clear(&lobby->house);
    g_free(lobby->ground.pixels);
    g_free(lobby);
}

void lobby_tell(Lobby *lobby, const char *channel, json_t *body)
{
    bool is_heard = false;
    for (size_t i = 0; i < HALVES; i++)
        for (const SerambiWatch *watch = halves[i].watches; watch->channel; watch++)
            if (!strcmp(watch->channel, channel)) {
                watch->on_message(&lobby->plugins[i], channel, body);
                is_heard = true;
            }
    g_assert_true(is_heard);
    json_decref(body);
}

void lobby_set_code(Lobby *lobby, const char *code)
{
    lobby->code = code;
    porch_timers[0].on_tick(&lobby->plugins[DISPLAYS]);
}

void lobby_turn(Lobby *lobby, int64_t gone_us)
{
    lobby->gone_us += gone_us;
    RectSet damage = {.count = 0};
    /* As display.c places the card of a cinema. */
    bool is_crowded = layers_show_clip(lobby->layers) ? !lobby->layout.is_portrait : true;
    layers_hide_area(lobby->layers, AREA_CARD, lobby->layout.kind == LAYOUT_CINEMA && is_crowded);
    layers_prepare(lobby->layers, LOBBY_START_US + lobby->gone_us, 1 + lobby->gone_us, &damage);
    layers_paint(lobby->layers, &lobby->ground, &damage);
}

const Ground *lobby_ground(const Lobby *lobby)
{
    return &lobby->ground;
}
