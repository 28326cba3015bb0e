/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Without a GPU every GL path costs more than the picture itself (39 to 44 ms a frame against 5),
 * also those hidden in SDL: hence the hint for the surface. */
#include "media/screen/glass.h"
#include <SDL_opengl.h>
#include <string.h>

#define MEASURED 5 /* pictures; one more before them warms up */

struct Glass {
    GlassKind kind;
    char *name;
    SDL_Window *window;
    SDL_Surface *surface; /* the window's; NULL: to be asked for again */
    SDL_Surface *shadow;  /* where we paint if the window's format is not ours */
    SDL_Renderer *renderer;
    SDL_Texture *texture; /* NULL: to be made again */
    uint32_t *pixels;     /* texture's */
    Ground ground;
};

static void set_error(const char *what, GError **error)
{
    g_set_error(error, STAGE_ERROR, STAGE_ERROR_VIDEO, "%s: %s", what, SDL_GetError());
}

/* --- Surface ---------------------------------------------------------------------------------- */

static bool is_our_format(const SDL_Surface *surface)
{
    return surface->format->BytesPerPixel == 4 && surface->format->Rmask == 0xFF0000 &&
           surface->format->Gmask == 0xFF00 && surface->format->Bmask == 0xFF;
}

/* Lays the ground on the window's memory, or on a shadow of it. */
static bool take_surface(Glass *glass)
{
    glass->surface = SDL_GetWindowSurface(glass->window);
    if (!glass->surface)
        return false;
    SDL_Surface *target = glass->surface;
    if (!is_our_format(target)) {
        SDL_FreeSurface(glass->shadow);
        glass->shadow =
            SDL_CreateRGBSurfaceWithFormat(0, target->w, target->h, 32, SDL_PIXELFORMAT_RGB888);
        if (!glass->shadow) {
            glass->surface = NULL;
            return false;
        }
        target = glass->shadow;
    }
    glass->ground = (Ground){target->pixels, target->w, target->h, target->pitch / 4};
    return true;
}

static bool present_surface(Glass *glass, const SDL_Rect *rects, int count)
{
    for (int i = 0; glass->shadow && i < count; i++) {
        SDL_Rect to = rects[i];
        SDL_BlitSurface(glass->shadow, &rects[i], glass->surface, &to);
    }
    if (SDL_UpdateWindowSurfaceRects(glass->window, rects, count) == 0)
        return true;
    glass->surface = NULL;
    return false;
}

/* --- Texture ---------------------------------------------------------------------------------- */

static bool take_texture(Glass *glass)
{
    int width, height;
    if (SDL_GetRendererOutputSize(glass->renderer, &width, &height) != 0 || width < 1 || height < 1)
        return false;
    glass->texture = SDL_CreateTexture(glass->renderer, SDL_PIXELFORMAT_ARGB8888,
                                       SDL_TEXTUREACCESS_STREAMING, width, height);
    if (!glass->texture)
        return false;
    (void)SDL_SetTextureBlendMode(glass->texture, SDL_BLENDMODE_NONE);
    g_free(glass->pixels);
    glass->pixels = g_new0(uint32_t, (size_t)width * (size_t)height);
    glass->ground = (Ground){glass->pixels, width, height, width};
    return true;
}

static void drop_texture(Glass *glass)
{
    if (glass->texture)
        SDL_DestroyTexture(glass->texture);
    glass->texture = NULL;
}

static bool update_texture(Glass *glass, const SDL_Rect *rects, int count)
{
    for (int i = 0; i < count; i++) {
        const uint32_t *from =
            glass->pixels + (ptrdiff_t)rects[i].y * glass->ground.stride + rects[i].x;
        if (SDL_UpdateTexture(glass->texture, &rects[i], from, glass->ground.stride * 4) != 0)
            return false;
    }
    return SDL_RenderCopy(glass->renderer, glass->texture, NULL, NULL) == 0;
}

static bool present_texture(Glass *glass, const SDL_Rect *rects, int count)
{
    if (!update_texture(glass, rects, count)) {
        drop_texture(glass);
        return false;
    }
    SDL_RenderPresent(glass->renderer);
    return true;
}

/* The graphics card by its own name. */
static const char *gpu_name(void)
{
    const GLubyte *(APIENTRY * get_string)(GLenum) =
        (const GLubyte *(APIENTRY *)(GLenum))SDL_GL_GetProcAddress("glGetString");
    const char *name = get_string ? (const char *)get_string(GL_RENDERER) : NULL;
    return name ? name : "a GPU without a name";
}

static SDL_Renderer *open_renderer_by(SDL_Window *window, const char *driver)
{
    const uint32_t flags = SDL_RENDERER_ACCELERATED | SDL_RENDERER_PRESENTVSYNC;
    SDL_RendererInfo info;
    for (int i = 0; i < SDL_GetNumRenderDrivers(); i++)
        if (SDL_GetRenderDriverInfo(i, &info) == 0 && !strcmp(info.name, driver))
            return SDL_CreateRenderer(window, i, flags);
    return NULL;
}

/* ES first: it is what small machines have. */
static bool open_renderer(Glass *glass, GError **error)
{
    SDL_RendererInfo info;
    glass->renderer = open_renderer_by(glass->window, "opengles2");
    if (!glass->renderer)
        glass->renderer = open_renderer_by(glass->window, "opengl");
    if (!glass->renderer || SDL_GetRendererInfo(glass->renderer, &info) != 0) {
        set_error("no renderer", error);
        return false;
    }
    g_free(glass->name);
    glass->name = g_strdup_printf("texture of %s by %s, %s", SDL_GetCurrentVideoDriver(), info.name,
                                  gpu_name());
    return true;
}

/* --- Both ------------------------------------------------------------------------------------- */

/* Where the whole of an output is: asked for besides its whole, for without a window manager nobody
 * else moves the window there. */
static bool find_output(int output, SDL_Rect *ret_bounds, GError **error)
{
    int count = SDL_GetNumVideoDisplays();
    if (output > count) {
        g_set_error(error, STAGE_ERROR, STAGE_ERROR_VIDEO, "no output %d, there are %d", output,
                    MAX(count, 0));
        return false;
    }
    if (SDL_GetDisplayBounds(MAX(output, 1) - 1, ret_bounds) == 0)
        return true;
    set_error("no output", error);
    return false;
}

static bool open_window(Glass *glass, const StageOptions *options, GError **error)
{
    bool is_whole = options->width == 0;
    SDL_Rect at = {SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, options->width,
                   options->height};
    if (is_whole && !find_output(options->output, &at, error))
        return false;
    uint32_t flags = glass->kind == GLASS_TEXTURE ? SDL_WINDOW_OPENGL : 0;
    flags |= is_whole ? SDL_WINDOW_FULLSCREEN_DESKTOP : SDL_WINDOW_RESIZABLE;
    glass->window = SDL_CreateWindow(options->title, at.x, at.y, at.w, at.h, flags);
    if (!glass->window)
        set_error("no window", error);
    return glass->window != NULL;
}

Glass *glass_new(GlassKind kind, const StageOptions *options, GError **error)
{
    Glass *glass = g_new0(Glass, 1);
    glass->kind = kind;
    glass->name = g_strdup_printf("surface of %s", SDL_GetCurrentVideoDriver());
    SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
    /* KMSDRM: a flip that is waited for. */
    SDL_SetHintWithPriority(SDL_HINT_VIDEO_DOUBLE_BUFFER, "1", SDL_HINT_DEFAULT);
    bool is_open = open_window(glass, options, error) &&
                   (kind == GLASS_SURFACE || open_renderer(glass, error));
    if (is_open && !glass_ground(glass)) {
        set_error("no memory for the window", error);
        is_open = false;
    }
    if (!is_open)
        g_clear_pointer(&glass, glass_free);
    return glass;
}

void glass_free(Glass *glass)
{
    if (!glass)
        return;
    SDL_FreeSurface(glass->shadow);
    drop_texture(glass);
    if (glass->renderer)
        SDL_DestroyRenderer(glass->renderer);
    if (glass->window)
        SDL_DestroyWindow(glass->window);
    g_free(glass->pixels);
    g_free(glass->name);
    g_free(glass);
}

SDL_Window *glass_window(Glass *glass)
{
    return glass->window;
}

GlassKind glass_kind(const Glass *glass)
{
    return glass->kind;
}

const char *glass_name(const Glass *glass)
{
    return glass->name;
}

void glass_forget(Glass *glass)
{
    glass->surface = NULL;
    drop_texture(glass);
}

const Ground *glass_ground(Glass *glass)
{
    bool is_there = glass->kind == GLASS_SURFACE ? glass->surface || take_surface(glass)
                                                 : glass->texture || take_texture(glass);
    return is_there ? &glass->ground : NULL;
}

bool glass_present(Glass *glass, const RectSet *changed)
{
    if (!glass->surface && !glass->texture)
        return false;
    SDL_Rect rects[RECT_SET_MAX];
    int count = 0;
    Rect all = {0, 0, glass->ground.width, glass->ground.height};
    for (size_t i = 0; i < changed->count; i++) {
        Rect rect = rect_intersect(changed->rects[i], all);
        if (!rect_is_empty(rect))
            rects[count++] = (SDL_Rect){rect.x, rect.y, rect.width, rect.height};
    }
    if (count == 0)
        return true;
    return glass->kind == GLASS_SURFACE ? present_surface(glass, rects, count)
                                        : present_texture(glass, rects, count);
}

/* --- Measuring -------------------------------------------------------------------------------- */

/* A GPU works later than it is told: reading a pixel back waits for it. */
static bool finish(Glass *glass)
{
    uint32_t pixel;
    SDL_Rect one = {0, 0, 1, 1};
    return glass->kind == GLASS_SURFACE ||
           SDL_RenderReadPixels(glass->renderer, &one, SDL_PIXELFORMAT_ARGB8888, &pixel, 4) == 0;
}

static int64_t measure_one_us(Glass *glass)
{
    RectSet all = {.count = 1, .rects = {{0, 0, glass->ground.width, glass->ground.height}}};
    int64_t begin_us = g_get_monotonic_time();
    if (!glass_present(glass, &all) || !finish(glass))
        return -1;
    return g_get_monotonic_time() - begin_us;
}

static int compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

int64_t glass_measure_us(Glass *glass, uint32_t colour)
{
    int64_t times_us[MEASURED];
    const Ground *ground = glass_ground(glass);
    if (!ground)
        return -1;
    Rect all = {0, 0, ground->width, ground->height};
    blend_plate(ground, all, all, colour, 256, NULL);
    if (glass->renderer)
        (void)SDL_RenderSetVSync(glass->renderer, 0);
    bool is_measured = measure_one_us(glass) >= 0;
    for (size_t i = 0; is_measured && i < MEASURED; i++) {
        times_us[i] = measure_one_us(glass);
        is_measured = times_us[i] >= 0;
    }
    if (glass->renderer)
        (void)SDL_RenderSetVSync(glass->renderer, 1);
    if (!is_measured)
        return -1;
    qsort(times_us, MEASURED, sizeof times_us[0], compare_times);
    return times_us[MEASURED / 2];
}
