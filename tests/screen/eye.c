/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Layout of the file: XWDFile.h, numbers in big-endian order, the size of the header first. */
#include "eye.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_US   2000
#define PLACES_MAX  32
#define SCREEN_FILE "Xvfb_screen0"
#define BLACK_MAX   16 /* of 255: the house's paper has 32 */
#define BRIGHT_MIN  150
#define GRID        5 /* points across and down, in the search for black */
#define CELLS       (2 * BARCODE_ROWS * BARCODE_CELLS)
#define HEADER_NUMBER(header, at)                                                                  \
    ((uint32_t)(header)[4 * (at)] << 24 | (uint32_t)(header)[4 * (at) + 1] << 16 |                 \
     (uint32_t)(header)[4 * (at) + 2] << 8 | (uint32_t)(header)[4 * (at) + 3])
enum {
    XWD_SIZE = 0,
    XWD_WIDTH = 4,
    XWD_HEIGHT = 5,
    XWD_BITS = 11,
    XWD_PITCH = 12,
    XWD_COLOURS = 19
};
#define XWD_COLOUR_BYTES 12
#define GREEN            1 /* the second byte of a pixel: near to its brightness */

/* Where to read for a picture that lies in one place. */
typedef struct {
    size_t cells[2][BARCODE_ROWS][BARCODE_CELLS];
    size_t patch;
    size_t grid[GRID * GRID];
} Spots;

struct Eye {
    const uint8_t *file;
    size_t size;
    Spots spots[PLACES_MAX];
    size_t count, latest; /* where the last picture was */
    GArray *sights;
    GThread *thread;
    atomic_bool is_closing;
    int64_t looks, longest_us;
};

static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* --- Making ----------------------------------------------------------------------------------- */

static size_t spot(const Eye *eye, const Place *place, double x, double y)
{
    size_t left = (size_t)(place->x + (int)(x * place->width));
    size_t top = (size_t)(place->y + (int)(y * place->height));
    size_t start = HEADER_NUMBER(eye->file, XWD_SIZE) +
                   HEADER_NUMBER(eye->file, XWD_COLOURS) * XWD_COLOUR_BYTES;
    return start + top * HEADER_NUMBER(eye->file, XWD_PITCH) + left * 4 + GREEN;
}

static void find_spots(Eye *eye, const Place *place, Spots *spots)
{
    double x, y;
    for (int code = 0; code < 2; code++) {
        for (int row = 0; row < BARCODE_ROWS; row++) {
            for (int cell = 0; cell < BARCODE_CELLS; cell++) {
                barcode_middle(row, cell, code == 1, &x, &y);
                spots->cells[code][row][cell] = spot(eye, place, x, y);
            }
        }
    }
    spots->patch = spot(eye, place, 0.5, 0.5);
    for (int i = 0; i < GRID * GRID; i++)
        spots->grid[i] = spot(eye, place, (i % GRID + 0.5) / GRID, (i / GRID + 0.5) / GRID);
}

static bool map_file(Eye *eye, const char *path, GError **error)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &about) == 0 && about.st_size > 100) {
        eye->size = (size_t)about.st_size;
        void *file = mmap(NULL, eye->size, PROT_READ, MAP_SHARED, fd, 0);
        eye->file = file == MAP_FAILED ? NULL : file;
    }
    if (fd >= 0)
        (void)close(fd);
    if (!eye->file) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "could not map '%s': %s", path,
                    g_strerror(errno));
        return false;
    }
    if (HEADER_NUMBER(eye->file, XWD_BITS) != 32) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "'%s' has no pixels of 32 bits", path);
        return false;
    }
    return true;
}

Eye *eye_new(const char *folder, const Place *places, size_t count, GError **error)
{
    g_assert(count > 0 && count <= PLACES_MAX);
    Eye *eye = g_new0(Eye, 1);
    g_autofree char *path = g_build_filename(folder, SCREEN_FILE, NULL);
    if (!map_file(eye, path, error)) {
        eye_free(eye);
        return NULL;
    }
    eye->count = count;
    for (size_t i = 0; i < count; i++) {
        const Place *place = &places[i];
        g_assert(place->x >= 0 && place->y >= 0 &&
                 (uint32_t)(place->x + place->width) <= HEADER_NUMBER(eye->file, XWD_WIDTH) &&
                 (uint32_t)(place->y + place->height) <= HEADER_NUMBER(eye->file, XWD_HEIGHT));
        find_spots(eye, place, &eye->spots[i]);
    }
    eye->sights = g_array_new(FALSE, TRUE, sizeof(Sight));
    return eye;
}

void eye_free(Eye *eye)
{
    if (!eye)
        return;
    if (eye->thread)
        (void)eye_close(eye);
    if (eye->file)
        (void)munmap((void *)(uintptr_t)eye->file, eye->size);
    if (eye->sights)
        g_array_unref(eye->sights);
    g_free(eye);
}

/* --- Looking ---------------------------------------------------------------------------------- */

static uint8_t brightness_at(const Eye *eye, size_t at)
{
    return *(const volatile uint8_t *)(eye->file + at);
}

/* One place: a whole picture, a part of one, or nothing of ours. */
static BarcodeState read_place(const Eye *eye, const Spots *spots, Sight *sight)
{
    uint8_t cells[2][BARCODE_ROWS][BARCODE_CELLS];
    for (int code = 0; code < 2; code++)
        for (int row = 0; row < BARCODE_ROWS; row++)
            for (int cell = 0; cell < BARCODE_CELLS; cell++)
                cells[code][row][cell] = brightness_at(eye, spots->cells[code][row][cell]);
    sight->is_bright = brightness_at(eye, spots->patch) >= BRIGHT_MIN;
    Barcode head, foot;
    BarcodeState head_state = barcode_read(cells[0], &head);
    BarcodeState foot_state = barcode_read(cells[1], &foot);
    if (head_state == BARCODE_NONE && foot_state == BARCODE_NONE)
        return BARCODE_NONE;
    if (head_state != BARCODE_WHOLE || foot_state != BARCODE_WHOLE || head.clip != foot.clip ||
        head.frame != foot.frame)
        return BARCODE_TORN;
    sight->code = head;
    return BARCODE_WHOLE;
}

static bool is_black(const Eye *eye, const Spots *spots)
{
    for (size_t i = 0; i < G_N_ELEMENTS(spots->grid); i++)
        if (brightness_at(eye, spots->grid[i]) > BLACK_MAX)
            return false;
    return true;
}

static void look(const Eye *eye, size_t *latest, Sight *sight)
{
    bool is_torn = false;
    for (size_t i = 0; i < eye->count; i++) {
        size_t place = (*latest + i) % eye->count;
        BarcodeState state = read_place(eye, &eye->spots[place], sight);
        if (state == BARCODE_WHOLE) {
            sight->kind = SIGHT_CLIP;
            *latest = place;
            return;
        }
        is_torn = is_torn || state == BARCODE_TORN;
    }
    sight->code = (Barcode){0};
    sight->is_bright = false;
    sight->kind = is_torn                               ? SIGHT_TORN
                  : is_black(eye, &eye->spots[*latest]) ? SIGHT_BLACK
                                                        : SIGHT_OTHER;
}

SightKind eye_look(const Eye *eye)
{
    size_t latest = eye->latest;
    Sight sight = {0};
    look(eye, &latest, &sight);
    return sight.kind;
}

static bool is_same(const Sight *a, const Sight *b)
{
    return a->kind == b->kind && a->code.clip == b->code.clip && a->code.frame == b->code.frame &&
           a->is_bright == b->is_bright;
}

static void keep(Eye *eye, const Sight *sight)
{
    Sight *last =
        eye->sights->len ? &g_array_index(eye->sights, Sight, eye->sights->len - 1) : NULL;
    if (last)
        eye->longest_us = MAX(eye->longest_us, sight->begin_us - last->end_us);
    if (last && is_same(last, sight)) {
        last->end_us = sight->end_us;
        return;
    }
    Sight fresh = *sight;
    fresh.before_us = last ? last->end_us : sight->begin_us;
    g_array_append_val(eye->sights, fresh);
}

static gpointer watch(gpointer data)
{
    Eye *eye = data;
    int64_t next_us = monotonic_us();
    while (!atomic_load(&eye->is_closing)) {
        Sight sight = {.begin_us = monotonic_us()};
        look(eye, &eye->latest, &sight);
        sight.end_us = sight.begin_us;
        keep(eye, &sight);
        eye->looks++;
        next_us = MAX(next_us + PERIOD_US, monotonic_us());
        struct timespec until = {next_us / G_USEC_PER_SEC, next_us % G_USEC_PER_SEC * 1000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
            ;
    }
    return NULL;
}

void eye_open(Eye *eye)
{
    eye->thread = g_thread_new("eye", watch, eye);
}

GArray *eye_close(Eye *eye)
{
    atomic_store(&eye->is_closing, true);
    if (eye->thread)
        (void)g_thread_join(eye->thread);
    eye->thread = NULL;
    return eye->sights;
}

void eye_figures(const Eye *eye, int64_t *ret_looks, int64_t *ret_longest_us)
{
    *ret_looks = eye->looks;
    *ret_longest_us = eye->longest_us;
}
