/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The ways to the window, looked at from outside: what is painted is in the framebuffer of a real
 * X server, whole, at its place, and only where it was said to have changed. */
#include "media/screen/glass.h"
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_US (20 * G_USEC_PER_SEC)
/* No size that a window has by itself. */
#define WIDTH  1000
#define HEIGHT 604

typedef struct {
    pid_t server;
    char *folder;
    GMappedFile *file; /* XWD: a header of big-endian words, colours, then the pixels */
} Screen;

static char *free_display(int fd)
{
    char text[16] = "";
    ssize_t size = read(fd, text, sizeof text - 1);
    g_assert_cmpint(size, >, 0);
    return g_strdup_printf(":%d", atoi(text));
}

/* NULL, with the test skipped, where there is no Xvfb. */
static Screen *screen_new(void)
{
    g_autofree char *program = g_find_program_in_path("Xvfb");
    if (!program) {
        g_test_skip("no Xvfb");
        return NULL;
    }
    Screen *screen = g_new0(Screen, 1);
    screen->folder = g_dir_make_tmp("serambi-stage-XXXXXX", NULL);
    g_autofree char *size = g_strdup_printf("%dx%dx24", WIDTH, HEIGHT);
    int number[2];
    g_assert_cmpint(pipe(number), ==, 0);
    screen->server = fork();
    if (screen->server == 0) {
        g_autofree char *fd = g_strdup_printf("%d", number[1]);
        execl(program, "Xvfb", "-displayfd", fd, "-screen", "0", size, "-fbdir", screen->folder,
              "-nolisten", "tcp", NULL);
        _exit(127);
    }
    (void)close(number[1]);
    g_autofree char *display = free_display(number[0]);
    (void)close(number[0]);
    (void)g_setenv("DISPLAY", display, TRUE);
    (void)g_setenv("SDL_VIDEODRIVER", "x11", TRUE);
    g_autofree char *path = g_build_filename(screen->folder, "Xvfb_screen0", NULL);
    screen->file = g_mapped_file_new(path, FALSE, NULL);
    g_assert_nonnull(screen->file);
    return screen;
}

static void screen_free(Screen *screen)
{
    g_mapped_file_unref(screen->file);
    (void)kill(screen->server, SIGTERM);
    (void)waitpid(screen->server, NULL, 0);
    g_autofree char *path = g_build_filename(screen->folder, "Xvfb_screen0", NULL);
    (void)g_unlink(path);
    (void)g_rmdir(screen->folder);
    g_free(screen->folder);
    g_free(screen);
    (void)g_setenv("SDL_VIDEODRIVER", "dummy", TRUE);
}

static uint32_t header_word(const Screen *screen, size_t index)
{
    uint32_t word;
    memcpy(&word, g_mapped_file_get_contents(screen->file) + index * 4, sizeof word);
    return GUINT32_FROM_BE(word);
}

static uint32_t pixel_at(const Screen *screen, int x, int y)
{
    size_t begin = header_word(screen, 0) + (size_t)header_word(screen, 19) * 12;
    size_t stride = header_word(screen, 12);
    uint32_t pixel;
    memcpy(&pixel,
           g_mapped_file_get_contents(screen->file) + begin + (size_t)y * stride + (size_t)x * 4,
           sizeof pixel);
    return pixel & 0xFFFFFF;
}

/* Another colour at each place and for each seed. */
static uint32_t colour_at(int x, int y, uint32_t seed)
{
    return ((uint32_t)x * 31 + (uint32_t)y * 977 + seed * 7919) & 0xFFFFFF;
}

static void paint(Stage *stage, uint32_t seed)
{
    const Ground *ground = stage_ground(stage);
    g_assert_nonnull(ground);
    for (int y = 0; y < ground->height; y++)
        for (int x = 0; x < ground->width; x++)
            ground->pixels[(ptrdiff_t)y * ground->stride + x] = colour_at(x, y, seed);
}

static bool shows(const Screen *screen, Rect part, uint32_t seed)
{
    for (int y = part.y; y < part.y + part.height; y++)
        for (int x = part.x; x < part.x + part.width; x++)
            if (pixel_at(screen, x, y) != colour_at(x, y, seed))
                return false;
    return true;
}

/* Presents until it is seen: a new window is not there at once. */
static void present_until_seen(Screen *screen, Stage *stage, RectSet *changed, Rect part,
                               uint32_t seed)
{
    int64_t until_us = g_get_monotonic_time() + WAIT_US;
    while (!shows(screen, part, seed)) {
        g_assert_cmpint(g_get_monotonic_time(), <, until_us);
        StageEvent event = stage_wait(stage, g_get_monotonic_time() + 10000);
        if (event.kind == STAGE_RESIZED || event.kind == STAGE_EXPOSED)
            paint(stage, seed);
        g_assert_true(stage_present(stage, changed));
    }
}

static void test_whole_screen(gconstpointer data)
{
    StageBackEnd back_end = (StageBackEnd)GPOINTER_TO_INT(data);
    Screen *screen = screen_new();
    if (!screen)
        return;
    g_autoptr(GError) error = NULL;
    Stage *stage = stage_new(&(StageOptions){.title = "test", .back_end = back_end}, &error);
    g_assert_no_error(error);
    g_test_message("%s", stage_name(stage));
    g_assert_true(g_str_has_prefix(
        stage_name(stage), back_end == STAGE_TEXTURE ? "texture of x11" : "surface of x11"));
    Rect all = {0, 0, WIDTH, HEIGHT};
    paint(stage, 1);
    g_assert_cmpint(stage_ground(stage)->width, ==, WIDTH);
    g_assert_cmpint(stage_ground(stage)->height, ==, HEIGHT);
    present_until_seen(screen, stage, &(RectSet){.count = 1, .rects = {all}}, all, 1);

    /* Two rectangles, one of them over the edge: the rest stays. */
    Rect parts[] = {{101, 33, 77, 51}, {WIDTH - 9, HEIGHT - 5, 9, 5}};
    RectSet changed = {.count = 2, .rects = {parts[0], {WIDTH - 9, HEIGHT - 5, 100, 100}}};
    paint(stage, 2);
    g_assert_true(stage_present(stage, &changed));
    present_until_seen(screen, stage, &changed, parts[1], 2);
    g_assert_true(shows(screen, parts[0], 2));
    g_assert_true(shows(screen, (Rect){0, 0, WIDTH, 33}, 1));
    g_assert_true(shows(screen, (Rect){0, 84, WIDTH, HEIGHT - 84 - 5}, 1));
    g_assert_true(shows(screen, (Rect){178, 33, WIDTH - 178, 51}, 1));
    stage_free(stage);
    screen_free(screen);
}

/* As where there is a GPU: each window is timed while it is seen. The one that is taken shows its
 * picture at once, whatever happened to its memory below the other. */
static void test_measured(void)
{
    Screen *screen = screen_new();
    if (!screen)
        return;
    g_assert_cmpint(SDL_InitSubSystem(SDL_INIT_VIDEO), ==, 0);
    const StageOptions options = {.title = "test"};
    RectSet all = {.count = 1, .rects = {{0, 0, WIDTH, HEIGHT}}};
    Glass *surface = glass_new(GLASS_SURFACE, &options, NULL);
    g_assert_nonnull(surface);
    g_assert_cmpint(glass_measure_us(surface, 0x102030), >, 0);
    Glass *texture = glass_new(GLASS_TEXTURE, &options, NULL);
    g_assert_nonnull(texture);
    g_assert_cmpint(glass_measure_us(texture, 0x102030), >, 0);
    glass_free(texture);
    glass_forget(surface);
    g_assert_nonnull(glass_ground(surface));
    g_assert_true(glass_present(surface, &all));
    glass_free(surface);
    SDL_QuitSubSystem(SDL_INIT_VIDEO);
    screen_free(screen);
}

static void test_missing_output(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(stage_new(&(StageOptions){.title = "test", .output = 7}, &error));
    g_assert_error(error, STAGE_ERROR, STAGE_ERROR_VIDEO);
    g_assert_nonnull(strstr(error->message, "no output 7, there are 1"));
}

static void test_no_gpu(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(stage_new(
        &(StageOptions){.title = "test", .width = 64, .height = 64, .back_end = STAGE_TEXTURE},
        &error));
    g_assert_error(error, STAGE_ERROR, STAGE_ERROR_VIDEO);
    Stage *stage = stage_new(&(StageOptions){.title = "test", .width = 64, .height = 64}, NULL);
    g_assert_cmpstr(stage_name(stage), ==, "surface of dummy");
    stage_free(stage);
}

static void test_names(void)
{
    g_assert_cmpint(stage_back_end("surface"), ==, STAGE_SURFACE);
    g_assert_cmpint(stage_back_end("texture"), ==, STAGE_TEXTURE);
    g_assert_cmpint(stage_back_end("measured"), ==, STAGE_MEASURED);
    g_assert_cmpint(stage_back_end(NULL), ==, STAGE_MEASURED);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stage/names", test_names);
    g_test_add_func("/stage/no-gpu", test_no_gpu);
    g_test_add_func("/stage/missing-output", test_missing_output);
    g_test_add_data_func("/stage/surface", GINT_TO_POINTER(STAGE_SURFACE), test_whole_screen);
    g_test_add_data_func("/stage/texture/whole", GINT_TO_POINTER(STAGE_TEXTURE), test_whole_screen);
    g_test_add_func("/stage/texture/measured", test_measured);
    return g_test_run();
}
