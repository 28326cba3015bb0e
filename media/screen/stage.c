/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Which way the picture takes to the window, and the events. */
#include "media/screen/stage.h"
#include "media/look.h"
#include "media/screen/glass.h"
#include <SDL.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A texture never tears; for that it may cost more than the surface, but no more of a refresh than
 * this: the rest is the video's. */
#define TEXTURE_SHARE 4
/* Failures in a row after which the texture is given up: a GPU that was reset comes back. */
#define FAILURES_MAX 3

struct Stage {
    StageOptions options; /* title is ours */
    Glass *glass;
    int refresh_hz;
    int failures;
};

/* Not a member of Stage: posting must also be safe while the stage is being made or freed. */
static uint32_t message_event = (uint32_t)-1;

G_DEFINE_QUARK(stage - error - quark, stage_error)

/* --- The way to the window -------------------------------------------------------------------- */

/* Looking for one by OpenGL alone would load a whole software rasteriser where there is none. */
static bool has_gpu(void)
{
    const char *driver = SDL_GetCurrentVideoDriver();
    bool is_real = g_strcmp0(driver, "dummy") != 0 && g_strcmp0(driver, "offscreen") != 0;
    return is_real && (access("/dev/dri", F_OK) == 0 || access("/dev/nvidiactl", F_OK) == 0);
}

static int refresh_of(SDL_Window *window)
{
    SDL_DisplayMode mode;
    if (SDL_GetCurrentDisplayMode(MAX(SDL_GetWindowDisplayIndex(window), 0), &mode) != 0 ||
        mode.refresh_rate < 1)
        return 60;
    return mode.refresh_rate;
}

/* Takes both windows. */
static Glass *choose(Glass *surface, int64_t surface_us, Glass *texture)
{
    int64_t texture_us = glass_measure_us(texture, LOOK_PAPER);
    int64_t most_us =
        MAX(surface_us, G_USEC_PER_SEC / TEXTURE_SHARE / refresh_of(glass_window(texture)));
    bool is_texture = texture_us >= 0 && texture_us <= most_us;
    g_message("a whole picture takes %.1f ms by the surface, %.1f ms by the texture",
              (double)surface_us / 1000, (double)texture_us / 1000);
    glass_free(is_texture ? surface : texture);
    Glass *best = is_texture ? texture : surface;
    glass_forget(best); /* a window that was covered may have lost its memory */
    return best;
}

static Glass *open_best(const Stage *stage, GError **error)
{
    const StageOptions *options = &stage->options;
    if (options->back_end != STAGE_MEASURED)
        return glass_new(options->back_end == STAGE_SURFACE ? GLASS_SURFACE : GLASS_TEXTURE,
                         options, error);
    g_autoptr(GError) failure = NULL;
    Glass *surface = glass_new(GLASS_SURFACE, options, &failure);
    if (surface && !has_gpu())
        return surface;
    /* Before the other window covers it: what nobody sees costs nothing. */
    int64_t surface_us = surface ? glass_measure_us(surface, LOOK_PAPER) : -1;
    /* Wayland and KMSDRM have no surface. */
    Glass *texture = glass_new(GLASS_TEXTURE, options, NULL);
    if (surface && texture)
        return choose(surface, surface_us, texture);
    if (!surface && !texture)
        g_propagate_error(error, g_steal_pointer(&failure));
    return surface ? surface : texture;
}

/* The GPU is gone: better a picture that may tear than none. */
static void give_up_texture(Stage *stage)
{
    g_autoptr(GError) error = NULL;
    Glass *surface = glass_new(GLASS_SURFACE, &stage->options, &error);
    stage->failures = 0;
    if (!surface) {
        g_warning("the GPU shows nothing more, and %s", error->message);
        return;
    }
    g_warning("the GPU shows nothing more, going on by the %s", glass_name(surface));
    glass_free(stage->glass);
    stage->glass = surface;
}

/* --- Life ------------------------------------------------------------------------------------- */

StageBackEnd stage_back_end(const char *name)
{
    return !g_strcmp0(name, "surface")   ? STAGE_SURFACE
           : !g_strcmp0(name, "texture") ? STAGE_TEXTURE
                                         : STAGE_MEASURED;
}

Stage *stage_new(const StageOptions *options, GError **error)
{
    SDL_SetMainReady();
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "0");
    SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "1");
    if (SDL_Init(SDL_INIT_VIDEO) != 0) {
        g_set_error(error, STAGE_ERROR, STAGE_ERROR_VIDEO, "no screen: %s", SDL_GetError());
        return NULL;
    }
    if (message_event == (uint32_t)-1)
        message_event = SDL_RegisterEvents(1);
    Stage *stage = g_new0(Stage, 1);
    stage->options = *options;
    stage->options.title = g_strdup(options->title);
    stage->glass = open_best(stage, error);
    if (!stage->glass) {
        stage_free(stage);
        return NULL;
    }
    SDL_ShowCursor(options->width > 0 ? SDL_ENABLE : SDL_DISABLE);
    stage->refresh_hz = refresh_of(glass_window(stage->glass));
    const Ground *ground = glass_ground(stage->glass);
    g_message("the picture is the %s, %dx%d at %d Hz", glass_name(stage->glass),
              ground ? ground->width : 0, ground ? ground->height : 0, stage->refresh_hz);
    return stage;
}

void stage_free(Stage *stage)
{
    if (!stage)
        return;
    glass_free(stage->glass);
    SDL_QuitSubSystem(SDL_INIT_VIDEO);
    g_free((char *)stage->options.title);
    g_free(stage);
}

int stage_refresh_hz(const Stage *stage)
{
    return stage->refresh_hz;
}

const char *stage_name(const Stage *stage)
{
    return glass_name(stage->glass);
}

/* --- The picture ------------------------------------------------------------------------------ */

static void on_failure(Stage *stage)
{
    if (++stage->failures >= FAILURES_MAX && glass_kind(stage->glass) == GLASS_TEXTURE)
        give_up_texture(stage);
}

const Ground *stage_ground(Stage *stage)
{
    const Ground *ground = glass_ground(stage->glass);
    if (!ground)
        on_failure(stage);
    return ground;
}

bool stage_present(Stage *stage, const RectSet *changed)
{
    bool is_shown = glass_present(stage->glass, changed);
    if (is_shown)
        stage->failures = 0;
    else
        on_failure(stage);
    return is_shown;
}

/* --- Events ----------------------------------------------------------------------------------- */

static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static bool translate(Stage *stage, const SDL_Event *event, StageEvent *ret_event)
{
    *ret_event = (StageEvent){.kind = STAGE_NOTHING};
    if (event->type == message_event) {
        *ret_event = (StageEvent){STAGE_MESSAGE, event->user.code, event->user.data1};
        return true;
    }
    switch (event->type) {
    case SDL_QUIT:
        ret_event->kind = STAGE_QUIT;
        return true;
    case SDL_AUDIODEVICEADDED:
    case SDL_AUDIODEVICEREMOVED:
        ret_event->kind = STAGE_SOUND_LOST;
        return true;
    case SDL_RENDER_TARGETS_RESET:
    case SDL_RENDER_DEVICE_RESET:
        glass_forget(stage->glass);
        ret_event->kind = STAGE_EXPOSED;
        return true;
    case SDL_WINDOWEVENT:
        if (event->window.event == SDL_WINDOWEVENT_SIZE_CHANGED) {
            glass_forget(stage->glass);
            ret_event->kind = STAGE_RESIZED;
            return true;
        }
        if (event->window.event == SDL_WINDOWEVENT_EXPOSED) {
            ret_event->kind = STAGE_EXPOSED;
            return true;
        }
        return false;
    default:
        return false;
    }
}

StageEvent stage_wait(Stage *stage, int64_t until_us)
{
    StageEvent result;
    SDL_Event event;
    for (;;) {
        int64_t left_us = until_us - monotonic_us();
        int left_ms = (int)CLAMP(left_us / 1000, 0, 1000);
        if (left_ms == 0 ? SDL_PollEvent(&event) : SDL_WaitEventTimeout(&event, left_ms)) {
            if (translate(stage, &event, &result))
                return result;
        } else if (left_ms == 0) {
            break;
        }
    }
    /* SDL counts in whole milliseconds; a frame is due to the microsecond. */
    struct timespec until = {until_us / G_USEC_PER_SEC, until_us % G_USEC_PER_SEC * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
    return (StageEvent){.kind = STAGE_NOTHING};
}

bool stage_post(int message, void *payload)
{
    SDL_Event event;
    memset(&event, 0, sizeof event);
    event.type = message_event;
    event.user.code = message;
    event.user.data1 = payload;
    return message_event != (uint32_t)-1 && SDL_PushEvent(&event) == 1;
}

bool stage_drain(StageEvent *ret_event)
{
    SDL_Event event;
    if (SDL_PeepEvents(&event, 1, SDL_GETEVENT, message_event, message_event) != 1)
        return false;
    *ret_event = (StageEvent){STAGE_MESSAGE, event.user.code, event.user.data1};
    return true;
}

bool stage_copy(Stage *stage, Image *ret_copy)
{
    const Ground *ground = stage_ground(stage);
    if (!ground)
        return false;
    *ret_copy = (Image){.width = ground->width, .height = ground->height, .stride = ground->width};
    ret_copy->pixels = g_new(uint32_t, (size_t)ground->width * (size_t)ground->height);
    for (int y = 0; y < ground->height; y++)
        memcpy(ret_copy->pixels + (size_t)y * (size_t)ground->width,
               ground->pixels + (ptrdiff_t)y * ground->stride, (size_t)ground->width * 4);
    return true;
}
