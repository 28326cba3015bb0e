/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Plays a programme of mixed clips on the real presenter, watches the screen from outside and says
 * what was seen: N transitions, black, missing, doubled, how far each cut was from its time. */
#include "core/test_folder.h"
#include "eye.h"
#include "film.h"
#include "lobby.h"
#include "media/screen/layout.h"
#include "media/screen/picture.h"
#include "verdict.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIRST_SCREEN 90
#define LAST_SCREEN  199
/* From the start of the presenter to the first slot: with sanitizers, on a busy machine, decks take
 * many seconds to load. */
#define TEST_LEAD_US (16 * G_USEC_PER_SEC)
#define LEAD_US      (8 * G_USEC_PER_SEC)
#define POLL_US      100000
#define HOGS_MAX     16
#define HOG_NICE     10
#define COUNT_MAX    100000
/* A test on a machine that does other things as well forgives a cut so much. */
#define TEST_CUT_US (400 * 1000)

typedef struct {
    int count, seed, screen, hogs;
    char *build, *size, *layout;
    gboolean is_brief, is_test, has_ticker, is_loud;
} Options;

/* --- The plan --------------------------------------------------------------------------------- */

static bool parse(Options *options, int argc, char **argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"build", 0, 0, G_OPTION_ARG_FILENAME, &options->build, "Build folder", "DIR"},
        {"count", 0, 0, G_OPTION_ARG_INT, &options->count, "Transitions", "N"},
        {"seed", 0, 0, G_OPTION_ARG_INT, &options->seed, "Another order", "N"},
        {"size", 0, 0, G_OPTION_ARG_STRING, &options->size, "Size of the screen", "WxH"},
        {"layout", 0, 0, G_OPTION_ARG_STRING, &options->layout, "cinema, desk or board", "NAME"},
        {"ticker", 0, 0, G_OPTION_ARG_NONE, &options->has_ticker, "With a gliding ticker", NULL},
        {"hogs", 0, 0, G_OPTION_ARG_INT, &options->hogs, "Busy programs beside it, nice 10", "N"},
        {"screen", 0, 0, G_OPTION_ARG_INT, &options->screen, "Number of the X screen", "N"},
        {"brief", 0, 0, G_OPTION_ARG_NONE, &options->is_brief, "Small clips only", NULL},
        {"test", 0, 0, G_OPTION_ARG_NONE, &options->is_test, "As a test, which speaks TAP", NULL},
        {"verbose", 0, 0, G_OPTION_ARG_NONE, &options->is_loud, "Each fault in a line", NULL},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- watches the screen's cuts");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, error))
        return false;
    if (options->build && argc == 1 && options->count >= 1 && options->count <= COUNT_MAX &&
        options->hogs >= 0 && options->hogs <= HOGS_MAX)
        return true;
    g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                        "--build DIR is needed, counts must be sane");
    return false;
}

static int free_screen(void)
{
    for (int number = FIRST_SCREEN; number <= LAST_SCREEN; number++) {
        g_autofree char *socket = g_strdup_printf("/tmp/.X11-unix/X%d", number);
        g_autofree char *lock = g_strdup_printf("/tmp/.X%d-lock", number);
        if (!g_file_test(socket, G_FILE_TEST_EXISTS) && !g_file_test(lock, G_FILE_TEST_EXISTS))
            return number;
    }
    return LAST_SCREEN;
}

/* Where the presenter lays a film of that size: with its own arithmetic, for a letter box is not
 * what is on trial here. */
static size_t find_places(const Schedule *schedule, const LobbyOptions *lobby, Place *ret_places,
                          size_t max)
{
    Layout layout = layout_make(layout_kind(lobby->layout), lobby->width, lobby->height, false);
    size_t count = 0;
    for (guint i = 0; i < schedule->films->len; i++) {
        const Film *film = &g_array_index(schedule->films, Film, i);
        Rect rect = picture_fit(film->width, film->height, layout.areas[AREA_PICTURE]);
        Place place = {rect.x, rect.y, rect.width, rect.height};
        bool is_known = false;
        for (size_t k = 0; k < count; k++)
            is_known = is_known || !memcmp(&ret_places[k], &place, sizeof place);
        if (!is_known && count < max)
            ret_places[count++] = place;
    }
    return count;
}

static bool make_films(Schedule *schedule, const char *folder, GError **error)
{
    for (guint i = 0; i < schedule->films->len; i++)
        if (!film_make(&g_array_index(schedule->films, Film, i), folder, error))
            return false;
    return true;
}

/* --- The show --------------------------------------------------------------------------------- */

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* The least of a few readings: between the two calls somebody else may have been at work. */
static int64_t wall_minus_monotonic_us(void)
{
    int64_t best_us = 0, best_gap_us = INT64_MAX;
    for (int i = 0; i < 20; i++) {
        int64_t before_us = clock_us(CLOCK_MONOTONIC);
        int64_t wall_us = clock_us(CLOCK_REALTIME);
        int64_t gap_us = clock_us(CLOCK_MONOTONIC) - before_us;
        if (gap_us < best_gap_us) {
            best_gap_us = gap_us;
            best_us = wall_us - before_us - gap_us / 2;
        }
    }
    return best_us;
}

static void start_hogs(pid_t *pids, int count)
{
    for (int i = 0; i < count; i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setpriority(PRIO_PROCESS, 0, HOG_NICE);
        for (volatile unsigned spin = 0;; spin++)
            ;
    }
}

static void end_hogs(const pid_t *pids, int count)
{
    for (int i = 0; i < count; i++) {
        if (pids[i] <= 0)
            continue;
        (void)kill(pids[i], SIGKILL);
        (void)waitpid(pids[i], NULL, 0);
    }
}

typedef struct {
    Verdict *verdict;
    int64_t looks, longest_us, drift_us;
    int exit_status; /* of the presenter */
} Report;

/* Plays it all in the folder. */
static bool play(const Options *options, const LobbyOptions *lobby_options, Schedule *schedule,
                 Report *ret_report, GError **error)
{
    Lobby *lobby = lobby_new(lobby_options, error);
    if (!lobby)
        return false;
    Place places[16];
    size_t count = find_places(schedule, lobby_options, places, G_N_ELEMENTS(places));
    Eye *eye = NULL;
    pid_t hogs[HOGS_MAX] = {0};
    bool is_well = make_films(schedule, lobby_files_folder(lobby), error) &&
                   (eye = eye_new(lobby_screen_folder(lobby), places, count, error)) != NULL;
    if (is_well) {
        int64_t lead_us = options->is_test ? TEST_LEAD_US : LEAD_US;
        schedule_begin(schedule, clock_us(CLOCK_REALTIME) + lead_us);
        is_well = lobby_show(lobby, schedule, error);
    }
    if (is_well) {
        int64_t offset_us = wall_minus_monotonic_us();
        eye_open(eye);
        start_hogs(hogs, options->hogs);
        int64_t end_us = schedule_end_us(schedule) - offset_us;
        while (clock_us(CLOCK_MONOTONIC) < end_us && lobby_display(lobby) != 0)
            g_usleep(POLL_US);
        end_hogs(hogs, options->hogs);
        ret_report->verdict = verdict_new(schedule, eye_close(eye), offset_us);
        ret_report->drift_us = wall_minus_monotonic_us() - offset_us;
        eye_figures(eye, &ret_report->looks, &ret_report->longest_us);
    }
    ret_report->exit_status = lobby_end(lobby);
    eye_free(eye);
    lobby_free(lobby);
    return is_well;
}

/* --- What is said of it ----------------------------------------------------------------------- */

static void print_report(const Options *options, const Report *report)
{
    const Verdict *verdict = report->verdict;
    printf("%d transitions, %d frames, seed %d, %s, %s%s, %d hogs\n", verdict->transitions,
           verdict->frames, options->seed, options->size, options->layout,
           options->has_ticker ? " with ticker" : "", options->hogs);
    printf(
        "black %d, house slide %d, wrong clip or early frame %d, backwards %d, slots unseen %d\n",
        verdict->black, verdict->other, verdict->wrong, verdict->backward, verdict->unseen);
    printf("frames missing %d, doubled %d; worst freeze %.1f ms\n", verdict->missing,
           verdict->doubled, (double)MAX(verdict->freeze_us, 0) / 1000);
    printf("cut after its time: median %.1f ms, p99 %.1f ms, max %.1f ms\n",
           (double)verdict_cut_us(verdict, 0.5) / 1000,
           (double)verdict_cut_us(verdict, 0.99) / 1000, (double)verdict_cut_us(verdict, 1) / 1000);
    printf("torn longer than a refresh %d, at most %.1f ms\n", verdict->torn,
           (double)verdict->torn_us / 1000);
    printf("the eye: %" G_GINT64_FORMAT " looks, at most %.1f ms apart; clocks drifted %d us\n",
           report->looks, (double)report->longest_us / 1000, (int)report->drift_us);
    if (options->is_loud)
        fputs(verdict->complaints->str, stdout);
}

static bool is_proof(const Verdict *verdict)
{
    return verdict->black == 0 && verdict->other == 0 && verdict->wrong == 0 &&
           verdict->backward == 0 && verdict->unseen == 0 && verdict->missing == 0 &&
           verdict->doubled == 0 && verdict_cut_us(verdict, 1) <= VERDICT_REFRESH_US;
}

static void check(int *number, bool is_right, const char *text, int *failures)
{
    *failures += !is_right;
    printf("%sok %d - %s\n", is_right ? "" : "not ", ++*number, text);
}

/* What does not depend on how busy the machine is. */
static int print_test(const Options *options, const Report *report)
{
    const Verdict *verdict = report->verdict;
    int number = 0, failures = 0;
    check(&number, verdict->transitions == options->count && verdict->unseen == 0,
          "each slot was seen, in order", &failures);
    check(&number, verdict->black == 0, "never black", &failures);
    check(&number, verdict->other == 0, "never the house slide", &failures);
    check(&number, verdict->wrong == 0, "never a clip or a frame that was not due", &failures);
    check(&number, verdict->backward == 0, "never backwards", &failures);
    check(&number, verdict_cut_us(verdict, 1) <= TEST_CUT_US, "each cut near its time", &failures);
    check(&number, verdict->missing < verdict->frames / 2, "most frames were seen", &failures);
    check(&number, report->exit_status == 0, "the presenter ended well", &failures);
    printf("1..%d\n", number);
    if (failures)
        fprintf(stderr, "%s", verdict->complaints->str);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    Options options = {.count = 20, .seed = 1};
    g_autoptr(GError) error = NULL;
    LobbyOptions lobby = {0};
    if (!parse(&options, argc, argv, &error)) {
        fprintf(stderr, "transitions: %s\n", error->message);
        return 2;
    }
    options.size = options.size ? options.size : g_strdup("1920x1080");
    options.layout = options.layout ? options.layout : g_strdup("cinema");
    if (sscanf(options.size, "%dx%d", &lobby.width, &lobby.height) != 2 ||
        !layout_kind(options.layout)) {
        fprintf(stderr, "transitions: --size is WxH, --layout cinema, desk or board\n");
        return 2;
    }
    g_autofree char *folder = g_dir_make_tmp("serambi-screen-XXXXXX", &error);
    lobby.build = options.build;
    lobby.folder = folder;
    lobby.layout = options.layout;
    lobby.has_ticker = options.has_ticker;
    lobby.screen = options.screen ? options.screen : free_screen();
    Schedule *schedule = schedule_new(options.count, 0, (uint32_t)options.seed, options.is_brief);
    Report report = {0};
    int status = EXIT_FAILURE;
    if (!play(&options, &lobby, schedule, &report, &error)) {
        fprintf(stderr, "transitions: %s\n", error->message);
    } else if (options.is_test) {
        status = print_test(&options, &report);
    } else {
        print_report(&options, &report);
        status = is_proof(report.verdict) ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    verdict_free(report.verdict);
    schedule_free(schedule);
    test_folder_remove(folder);
    g_free(options.build);
    g_free(options.size);
    g_free(options.layout);
    return status;
}
