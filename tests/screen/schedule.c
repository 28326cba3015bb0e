/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The programme of a test. */
#include "schedule.h"

#define STILL_US     (900 * 1000)
#define CUT_SHORT_US 7300 /* no whole frame of any rate */

/* All rates against all sizes would be 42 films; each size meets a few rates, each rate a few
 * sizes. Frames: between two thirds of a second and two seconds. */
static const Film all_films[] = {
    {.width = 1920, .height = 1080, .fps_n = 25, .fps_d = 1, .frames = 40, .has_sound = true},
    {.width = 1280, .height = 720, .fps_n = 30, .fps_d = 1, .frames = 45, .has_sound = true},
    {.width = 854, .height = 480, .fps_n = 24000, .fps_d = 1001, .frames = 37, .has_sound = true},
    {.width = 608, .height = 1080, .fps_n = 24, .fps_d = 1, .frames = 30, .has_sound = true},
    {.width = 1280, .height = 720, .fps_n = 1, .fps_d = 1, .frames = 1},
    {.width = 854, .height = 480, .fps_n = 60, .fps_d = 1, .frames = 72},
    {.width = 1280, .height = 720, .fps_n = 30000, .fps_d = 1001, .frames = 50, .has_sound = true},
    {.width = 640, .height = 480, .fps_n = 50, .fps_d = 1, .frames = 60, .has_sound = true},
    {.width = 1920, .height = 1080, .fps_n = 30, .fps_d = 1, .frames = 60, .has_sound = true},
    {.width = 1920, .height = 1080, .fps_n = 24000, .fps_d = 1001, .frames = 24},
    {.width = 606, .height = 1078, .fps_n = 25, .fps_d = 1, .frames = 25, .has_sound = true},
    {.width = 1080, .height = 1920, .fps_n = 30, .fps_d = 1, .frames = 20},
    {.width = 854, .height = 480, .fps_n = 25, .fps_d = 1, .frames = 17},
    {.width = 1280, .height = 720, .fps_n = 60000, .fps_d = 1001, .frames = 90, .has_sound = true},
};
/* The brief programme leaves out what a busy builder cannot decode in time. */
#define BRIEF_MAX_PIXELS (1280 * 720)

int64_t film_frame_us(const Film *film, int64_t frame)
{
    int64_t product = frame * film->fps_d * G_USEC_PER_SEC;
    return (product + film->fps_n - 1) / film->fps_n;
}

int64_t film_duration_us(const Film *film)
{
    return film->frames == 1 ? 0
                             : (int64_t)film->frames * film->fps_d * G_USEC_PER_SEC / film->fps_n;
}

static void choose_films(Schedule *schedule, bool is_brief)
{
    for (size_t i = 0; i < G_N_ELEMENTS(all_films); i++) {
        Film film = all_films[i];
        film.number = (int)schedule->films->len + 1;
        if (!is_brief || film.width * film.height <= BRIEF_MAX_PIXELS)
            g_array_append_val(schedule->films, film);
    }
}

Schedule *schedule_new(int count, int64_t start_us, uint32_t seed, bool is_brief)
{
    Schedule *schedule = g_new0(Schedule, 1);
    schedule->films = g_array_new(FALSE, TRUE, sizeof(Film));
    schedule->slots = g_array_new(FALSE, TRUE, sizeof(Slot));
    choose_films(schedule, is_brief);
    g_autoptr(GRand) dice = g_rand_new_with_seed(seed);
    int films = (int)schedule->films->len;
    for (int i = 0; i < count; i++) {
        /* Each film once, then by chance: also twice in a row. */
        int choice = i < films ? i : g_rand_int_range(dice, 0, films);
        const Film *film = &g_array_index(schedule->films, Film, choice);
        /* A still after itself is one long still: nobody can see a cut. */
        if (film->frames == 1 && i > 0 && film == g_array_index(schedule->slots, Slot, i - 1).film)
            film = &g_array_index(schedule->films, Film, (choice + 1) % films);
        int64_t duration_us = film_duration_us(film);
        if (duration_us == 0)
            duration_us = STILL_US;
        else if (i % 7 == 5)
            duration_us -= duration_us / 3 + CUT_SHORT_US;
        Slot slot = {.film = film, .start_us = start_us, .end_us = start_us + duration_us};
        g_array_append_val(schedule->slots, slot);
        start_us = slot.end_us;
    }
    return schedule;
}

void schedule_free(Schedule *schedule)
{
    if (!schedule)
        return;
    for (guint i = 0; i < schedule->films->len; i++) {
        g_free(g_array_index(schedule->films, Film, i).path);
        g_free(g_array_index(schedule->films, Film, i).hash);
    }
    g_array_unref(schedule->films);
    g_array_unref(schedule->slots);
    g_free(schedule);
}

void schedule_begin(Schedule *schedule, int64_t start_us)
{
    int64_t by_us = start_us - g_array_index(schedule->slots, Slot, 0).start_us;
    for (guint i = 0; i < schedule->slots->len; i++) {
        g_array_index(schedule->slots, Slot, i).start_us += by_us;
        g_array_index(schedule->slots, Slot, i).end_us += by_us;
    }
}

int64_t schedule_end_us(const Schedule *schedule)
{
    return g_array_index(schedule->slots, Slot, schedule->slots->len - 1).end_us;
}

int schedule_at(const Schedule *schedule, int64_t now_us)
{
    int low = 0, high = (int)schedule->slots->len;
    if (now_us < g_array_index(schedule->slots, Slot, 0).start_us)
        return -1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (g_array_index(schedule->slots, Slot, middle).end_us <= now_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
