/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The window, by SDL's window surface. Without a GPU every GL path costs more than the picture
 * itself (39 to 44 ms a frame against 5), also those hidden in SDL: hence the hints. */
#include "media/screen/stage.h"
#include <SDL.h>
#include <errno.h>
#include <string.h>
#include <time.h>

struct Stage {
    SDL_Window *window;
    SDL_Surface *surface; /* the window's; NULL: to be asked for again */
    SDL_Surface *shadow;  /* where we paint if the window's format is not ours */
    Ground ground;
    int refresh_hz;
};

/* Not a member of Stage: posting must also be safe while the stage is being made or freed. */
static uint32_t message_event = (uint32_t)-1;

G_DEFINE_QUARK(stage - error - quark, stage_error)

Stage *stage_new(const char *title, int width, int height, GError **error)
{
    SDL_SetMainReady();
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "0");
    SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "1");
    if (SDL_Init(SDL_INIT_VIDEO) != 0) {
        g_set_error(error, STAGE_ERROR, STAGE_ERROR_VIDEO, "no screen: %s", SDL_GetError());
        return NULL;
    }
    if (message_event == (uint32_t)-1)
        message_event = SDL_RegisterEvents(1);
    Stage *stage = g_new0(Stage, 1);
    uint32_t flags = width > 0 ? SDL_WINDOW_RESIZABLE : SDL_WINDOW_FULLSCREEN_DESKTOP;
    stage->window = SDL_CreateWindow(title, SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED,
                                     width > 0 ? width : 1920, width > 0 ? height : 1080, flags);
    if (!stage->window) {
        g_set_error(error, STAGE_ERROR, STAGE_ERROR_VIDEO, "no window: %s", SDL_GetError());
        stage_free(stage);
        return NULL;
    }
    SDL_ShowCursor(width > 0 ? SDL_ENABLE : SDL_DISABLE);
    SDL_DisplayMode mode;
    if (SDL_GetCurrentDisplayMode(MAX(SDL_GetWindowDisplayIndex(stage->window), 0), &mode) == 0)
        stage->refresh_hz = mode.refresh_rate;
    if (stage->refresh_hz < 1)
        stage->refresh_hz = 60;
    return stage;
}

void stage_free(Stage *stage)
{
    if (!stage)
        return;
    SDL_FreeSurface(stage->shadow);
    if (stage->window)
        SDL_DestroyWindow(stage->window);
    SDL_QuitSubSystem(SDL_INIT_VIDEO);
    g_free(stage);
}

int stage_refresh_hz(const Stage *stage)
{
    return stage->refresh_hz;
}

static bool is_our_format(const SDL_Surface *surface)
{
    return surface->format->BytesPerPixel == 4 && surface->format->Rmask == 0xFF0000 &&
           surface->format->Gmask == 0xFF00 && surface->format->Bmask == 0xFF;
}

/* Asks SDL for the window's memory and lays the ground on it, or on a shadow of it. */
static bool take_surface(Stage *stage)
{
    stage->surface = SDL_GetWindowSurface(stage->window);
    if (!stage->surface)
        return false;
    SDL_Surface *target = stage->surface;
    if (!is_our_format(target)) {
        SDL_FreeSurface(stage->shadow);
        stage->shadow =
            SDL_CreateRGBSurfaceWithFormat(0, target->w, target->h, 32, SDL_PIXELFORMAT_RGB888);
        if (!stage->shadow)
            return false;
        target = stage->shadow;
    }
    stage->ground = (Ground){target->pixels, target->w, target->h, target->pitch / 4};
    return true;
}

const Ground *stage_ground(Stage *stage)
{
    if (!stage->surface && !take_surface(stage))
        return NULL;
    return &stage->ground;
}

void stage_present(Stage *stage, const RectSet *changed)
{
    if (!stage->surface || changed->count == 0)
        return;
    SDL_Rect rects[RECT_SET_MAX];
    int count = 0;
    Rect all = {0, 0, stage->ground.width, stage->ground.height};
    for (size_t i = 0; i < changed->count; i++) {
        Rect rect = rect_intersect(changed->rects[i], all);
        if (rect_is_empty(rect))
            continue;
        rects[count] = (SDL_Rect){rect.x, rect.y, rect.width, rect.height};
        if (stage->shadow)
            SDL_BlitSurface(stage->shadow, &rects[count], stage->surface, &rects[count]);
        count++;
    }
    if (count > 0 && SDL_UpdateWindowSurfaceRects(stage->window, rects, count) != 0)
        stage->surface = NULL;
}

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
    case SDL_WINDOWEVENT:
        if (event->window.event == SDL_WINDOWEVENT_SIZE_CHANGED) {
            stage->surface = NULL;
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
