/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Prints how well waits are estimated, beside the rivals, and whether the goals hold.
 *
 *   waits                 all scenarios, five seeds of sixty days; exit status 1: a goal is missed
 *   waits --short         one seed of twenty days with looser goals; prints TAP
 *   waits --cost          the time for one picture of 200 who wait at 20 counters
 *   waits --log SCENARIO  the events of one seed, as the server exports its own
 *   waits --replay FILE RATIO  the same tables from such a log */
#include "tests/bench/waits/library_day.h"
#include "tests/bench/waits/room.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SEEDS      5
#define DAYS       60
#define SHORT_DAYS 20
#define LINE_BYTES 256

/* What the estimate promises; gains are of the mean error. */
typedef struct {
    double over_head, over_last_ten, coverage_low, coverage_high;
} Goals;
static const Goals full_goals = {0.35, 0.45, 0.88, 0.92};
/* One seed moves a mean error by 12 %. */
static const Goals short_goals = {0.28, 0.38, 0.85, 0.95};

static double mean_error(const Scores *scores, unsigned guess)
{
    const Score *score = &scores->scores[guess];
    return score->count > 0 ? score->sum / (double)score->count : NAN;
}

static double part(uint64_t count, uint64_t of)
{
    return of > 0 ? (double)count / (double)of : NAN;
}

static void print_scores(const char *name, const Scores *scores)
{
    printf("# %s: %" G_GUINT64_FORMAT
           " called with an estimate, mean wait %.1f min; not called before"
           " closing: %" G_GUINT64_FORMAT "\n",
           name, scores->called, scores->waited / (double)scores->called, scores->uncalled);
    printf("#   %-14s %6s %6s %6s %9s\n", "", "MAE", "RMSE", "bias", "in 3 min");
    for (unsigned i = 0; i < GUESS_COUNT; i++) {
        const Score *score = &scores->scores[i];
        printf("#   %-14s %6.2f %6.2f %+6.2f %8.0f%%\n", guess_names[i], mean_error(scores, i),
               sqrt(score->squares / (double)score->count), score->bias / (double)score->count,
               100 * part(score->within, score->count));
    }
    printf("#   actual <= p50 %.1f %%, <= p90 %.1f %%, <= calibrated p90 %.1f %%\n",
           100 * part(scores->below_median, scores->called),
           100 * part(scores->below_raw, scores->called),
           100 * part(scores->below_calibrated, scores->called));
}

static bool verdict(unsigned *number, bool holds, const char *name, const char *what,
                    double measured)
{
    printf("%sok %u - %s: %s (%.3f)\n", holds ? "" : "not ", ++*number, name, what, measured);
    return holds;
}

static bool judge(const Scenario *scenario, const Scores *scores, const Goals *goals,
                  unsigned *number)
{
    double error = mean_error(scores, GUESS_SAMPLES);
    double coverage = part(scores->below_calibrated, scores->called);
    bool holds = true;
    if (scenario->is_library_day) {
        double head = 1 - error / mean_error(scores, GUESS_HEAD_OF_LINE);
        double ten = 1 - error / mean_error(scores, GUESS_LAST_TEN);
        holds &= verdict(number, head >= goals->over_head, scenario->name,
                         "mean error under head of line", head);
        holds &= verdict(number, ten >= goals->over_last_ten, scenario->name,
                         "mean error under last ten", ten);
    } else {
        double length = 1 - error / mean_error(scores, GUESS_QUEUE_LENGTH);
        holds &= verdict(number, length > 0, scenario->name, "ahead of queue length", length);
    }
    holds &= verdict(number, coverage >= goals->coverage_low && coverage <= goals->coverage_high,
                     scenario->name, "coverage of the calibrated p90", coverage);
    return verdict(number, scores->refused == 0, scenario->name, "the log fits together",
                   (double)scores->refused) &&
           holds;
}

static void on_event(void *data, const WaitEvent *event)
{
    room_event(data, event);
}

static bool run_scenarios(unsigned seeds, unsigned days, const Goals *goals)
{
    bool holds = true;
    unsigned number = 0;
    for (unsigned i = 0; i < scenario_count; i++) {
        Scores scores = {0};
        for (unsigned seed = 1; seed <= seeds; seed++) {
            Room *room = room_new(scenarios[i].ratio, &scores);
            library_days(&scenarios[i], seed, days, on_event, room);
            room_end_day(room);
            room_free(room);
        }
        print_scores(scenarios[i].name, &scores);
        holds &= judge(&scenarios[i], &scores, goals, &number);
        fflush(stdout);
    }
    printf("1..%u\n", number);
    return holds;
}

/* --- Cost ----------------------------------------------------------------------------------- */

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_cost(void)
{
    enum { ROUNDS = 101, WAITING = 200, COUNTERS = 20, CLASSES = 3 };
    Learned *learned = g_new0(Learned, 1);
    WaitPicture *picture = g_new0(WaitPicture, 1);
    Draws draws = draws_seeded(1);
    learned_init(learned, CLASSES, 5);
    for (unsigned i = 0; i < 1000; i++) {
        learned_service(learned, i % CLASSES, draws_exponential(&draws, 5));
        learned_arrival(learned, i % CLASSES, i % 8 == 0);
    }
    *picture = (WaitPicture){.now = 100,
                             .closes = 480,
                             .counter_count = COUNTERS,
                             .ticket_count = WAITING,
                             .rule.ratio = 2,
                             .recent_arrivals = 40,
                             .learned = learned};
    for (unsigned i = 0; i < COUNTERS; i++) {
        picture->counters[i] = (PictureCounter){.classes = 7,
                                                .is_signed_in = true,
                                                .is_busy = true,
                                                .busy_since = 100 - draws_exponential(&draws, 5)};
        (void)plan_add(&picture->counters[i].plan, 0, 480);
    }
    for (unsigned i = 0; i < WAITING; i++)
        picture->tickets[i] = (PictureTicket){i + 1, i % CLASSES, i % 8 == 0, 0};
    RollSamples *samples = roll_samples_new();
    double took[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        double began = cpu_ms();
        picture->event = i;
        roll_samples_run(samples, picture);
        took[i] = cpu_ms() - began;
    }
    qsort(took, ROUNDS, sizeof *took, by_size);
    printf("%d waiting, %d counters, %d walks: median %.2f ms of processor, 90 %% under %.2f ms\n",
           WAITING, COUNTERS, ROLL_SAMPLES, took[ROUNDS / 2], took[ROUNDS * 9 / 10]);
    roll_samples_free(samples);
    g_free(picture);
    g_free(learned);
}

/* --- Logs ----------------------------------------------------------------------------------- */

static void print_event(void *data, const WaitEvent *event)
{
    g_autoptr(GString) line = g_string_new(NULL);
    wait_log_write(line, event);
    fputs(line->str, stdout);
}

static int print_log(const char *name)
{
    for (unsigned i = 0; i < scenario_count; i++)
        if (!strcmp(scenarios[i].name, name)) {
            library_days(&scenarios[i], 1, DAYS, print_event, NULL);
            return EXIT_SUCCESS;
        }
    fprintf(stderr, "no scenario '%s'\n", name);
    return EXIT_FAILURE;
}

static int replay(const char *path, unsigned ratio)
{
    FILE *file = !strcmp(path, "-") ? stdin : fopen(path, "r");
    if (!file) {
        fprintf(stderr, "could not read '%s'\n", path);
        return EXIT_FAILURE;
    }
    Scores scores = {0};
    Room *room = room_new(ratio, &scores);
    char line[LINE_BYTES];
    uint64_t number = 0, unread = 0;
    while (fgets(line, sizeof line, file)) {
        WaitEvent event;
        number++;
        line[strcspn(line, "\n")] = '\0';
        if (wait_log_read(line, &event))
            room_event(room, &event);
        else if (unread++ == 0)
            fprintf(stderr, "line %" G_GUINT64_FORMAT " is no event: '%s'\n", number, line);
    }
    room_end_day(room);
    room_free(room);
    if (file != stdin)
        fclose(file);
    print_scores(path, &scores);
    printf("# %" G_GUINT64_FORMAT " lines were no event, %" G_GUINT64_FORMAT
           " did not fit what was before\n",
           unread, scores.refused);
    return unread == 0 && scores.refused == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return run_scenarios(SEEDS, DAYS, &full_goals) ? EXIT_SUCCESS : EXIT_FAILURE;
    if (argc == 2 && !strcmp(argv[1], "--short"))
        return run_scenarios(1, SHORT_DAYS, &short_goals) ? EXIT_SUCCESS : EXIT_FAILURE;
    if (argc == 2 && !strcmp(argv[1], "--cost")) {
        print_cost();
        return EXIT_SUCCESS;
    }
    if (argc == 3 && !strcmp(argv[1], "--log"))
        return print_log(argv[2]);
    if (argc == 4 && !strcmp(argv[1], "--replay"))
        return replay(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    fprintf(stderr, "usage: waits [--short | --cost | --log SCENARIO | --replay FILE RATIO]\n");
    return 2;
}
