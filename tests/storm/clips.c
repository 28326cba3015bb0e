/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A storm of bad clips on the presenter's own clips, decks, mixer and layers. Between every two bad
 * ones a good one must be shown, frame after frame; what that took is printed. */
#include "core/test_folder.h"
#include "media/screen/layer.h"
#include "media/screen/stage.h"
#include "tests/storm/spoil.h"
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WIDTH       320
#define HEIGHT      180
#define FRAME_US    (40 * 1000)
#define GOOD_FRAMES 8
#define BAD_US      (200 * 1000)
#define GIVE_UP_US  (60 * G_USEC_PER_SEC)
#define WARM_ROUNDS 50 /* libraries have their memory by then */

typedef struct Storm {
    Stage *stage;
    Errands *errands;
    Mixer *mixer;
    Clips *clips;
    Layers *layers;
    Timeline timeline;
    char *folder;
    uint32_t pixels[WIDTH * HEIGHT];
    SerambiClip *shown;
    bool has_changed;
    int failures; /* of good clips */
    int64_t turn_us, turn_cpu_us, freeze_us, gap_us;
    unsigned shown_bad, refused, wrong;
    int gap_round, freeze_round; /* after which bad clip */
} Storm;

static Storm storm;

/* --- The screen ------------------------------------------------------------------------------- */

static bool prepare(Serambi *self, int64_t now_us)
{
    bool was = storm.has_changed;
    storm.has_changed = false;
    return was;
}

static void draw(Serambi *self, SerambiCanvas *canvas)
{
    serambi_draw_clip(canvas, storm.shown, (SerambiBox){0, 0, 1, 1});
}

static const SerambiLayer layer = {"picture", "picture", 0, prepare, draw};

static void on_good_end(Serambi *self, SerambiClip *clip, const GError *error)
{
    if (error)
        g_printerr("# the good clip failed: %s\n", error->message);
    storm.failures += error != NULL;
}

static char *find_file(const char *source, void *data)
{
    return g_build_filename(storm.folder, source + strlen("sha256:"), NULL);
}

static void open_storm(const char *worker)
{
    g_autoptr(GError) error = NULL;
    storm.stage =
        stage_new(&(StageOptions){.title = "storm", .width = WIDTH, .height = HEIGHT}, &error);
    g_assert_no_error(error);
    storm.errands = errands_new();
    storm.mixer = mixer_new(0);
    storm.layers = layers_new(false);
    Layout layout = layout_make(LAYOUT_CINEMA, WIDTH, HEIGHT, false);
    layers_set_layout(storm.layers, &layout);
    layers_add(storm.layers, NULL, &layer);
    g_autofree char *speech = g_build_filename(storm.folder, "speech", NULL);
    storm.clips = clips_new(&(ClipsOptions){.mixer = storm.mixer,
                                            .errands = storm.errands,
                                            .worker = worker,
                                            .folder = speech,
                                            .find_file = find_file,
                                            .timeline = &storm.timeline});
    clips_warm(storm.clips);
}

static void close_storm(void)
{
    errands_stop(storm.errands);
    StageEvent event;
    while (stage_drain(&event))
        errands_on_message(storm.errands, event.payload);
    layers_free(storm.layers);
    mixer_free(storm.mixer);
    clips_free(storm.clips);
    errands_free(storm.errands);
    stage_free(storm.stage);
}

static int64_t cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static void turn(void)
{
    int64_t began_us = timeline_monotonic_us(), began_cpu_us = cpu_us();
    timeline_lead(&storm.timeline, began_us, timeline_wall_us());
    clips_advance(storm.clips, began_us);
    mixer_tick(storm.mixer, began_us);
    RectSet damage = {.count = 0};
    Ground ground = {storm.pixels, WIDTH, HEIGHT, WIDTH};
    layers_prepare(storm.layers, timeline_at(&storm.timeline, began_us), began_us, &damage);
    layers_paint(storm.layers, &ground, &damage);
    storm.turn_us = MAX(storm.turn_us, timeline_monotonic_us() - began_us);
    storm.turn_cpu_us = MAX(storm.turn_cpu_us, cpu_us() - began_cpu_us);
    int64_t until_us = MIN(clips_next_us(storm.clips, began_us), began_us + 20000);
    StageEvent event = stage_wait(storm.stage, until_us);
    if (event.kind == STAGE_MESSAGE)
        errands_on_message(storm.errands, event.payload);
}

static void show(SerambiClip *clip)
{
    storm.shown = clip;
    storm.has_changed = true;
}

static int64_t now_us(void)
{
    return timeline_at(&storm.timeline, timeline_monotonic_us());
}

/* The number of the good film's frame on the ground; -1: something else. */
static int64_t good_frame(void)
{
    uint32_t pixel = storm.pixels[HEIGHT / 2 * WIDTH + WIDTH / 2];
    int red = (int)(pixel >> 16 & 0xFF), blue = (int)(pixel & 0xFF);
    if (red < blue + 40)
        return -1;
    return (int64_t)(((double)blue * 219 / 255 + 16 - 30) / 2 + 0.5);
}

/* --- A round ---------------------------------------------------------------------------------- */

static SerambiClip *cue(const char *name, SerambiClipEnd on_end)
{
    g_autofree char *source = g_strconcat("sha256:", name, NULL);
    return clip_new(storm.clips, NULL, source, INT64_MAX / 2, 0, on_end);
}

/* Shows the good clip for its frames: each that is seen must be due, and none may go back. */
static void play_good(SerambiClip *clip, int64_t wanted_us)
{
    int64_t started_us = timeline_monotonic_us();
    while (!clip_is_ready(clip) && !clip_is_over(clip) &&
           timeline_monotonic_us() - started_us < GIVE_UP_US)
        turn();
    if (!clip_is_ready(clip)) {
        g_printerr("# the good clip was not ready\n");
        storm.failures++;
        return;
    }
    int64_t begin_us = now_us(), before = -1;
    storm.gap_us = MAX(storm.gap_us, begin_us - wanted_us);
    clip_start(clip, begin_us);
    show(clip);
    while (now_us() < begin_us + GOOD_FRAMES * FRAME_US && !clip_is_over(clip)) {
        turn();
        int64_t gone_us = now_us() - begin_us, frame = good_frame();
        if (before < 0 && frame > gone_us / FRAME_US)
            frame = -1; /* still the good clip before */
        if (frame < before || frame > gone_us / FRAME_US) {
            g_printerr("# frame %d after %d, %d us gone\n", (int)frame, (int)before, (int)gone_us);
            storm.wrong++;
        }
        before = MAX(before, frame);
        storm.freeze_us = MAX(storm.freeze_us, gone_us - (before + 1) * FRAME_US);
    }
    if (before < 0) {
        g_printerr("# the good clip was not seen\n");
        storm.wrong++;
    }
}

/* Cuts from the good clip, unless the bad one was refused. */
static bool play_bad(SerambiClip *clip, SerambiClip *good)
{
    if (!clip_is_ready(clip)) {
        storm.refused++;
        return false;
    }
    storm.shown_bad++;
    int64_t begin_us = now_us();
    clip_start(clip, begin_us);
    show(clip);
    clip_drop(good);
    while (now_us() < begin_us + BAD_US)
        turn();
    return true;
}

/* One bad clip between two good ones. Returns the next good one, which is cued meanwhile. */
static SerambiClip *play_round(SerambiClip *good, unsigned round, uint32_t seed, int64_t *wanted_us)
{
    g_autoptr(GRand) chance = g_rand_new_with_seed(seed + round);
    unsigned way = round < spoil_count() ? round : g_rand_int(chance) % spoil_count();
    g_autofree char *name = g_strdup_printf("bad-%u", round);
    g_autofree char *path = g_build_filename(storm.folder, name, NULL);
    spoil_write(way, chance, storm.folder, path);
    int64_t gap_us = storm.gap_us, freeze_us = storm.freeze_us;
    int trouble = storm.failures + (int)storm.wrong;
    SerambiClip *next = cue("good", on_good_end), *bad = cue(name, NULL);
    play_good(good, *wanted_us);
    if (storm.gap_us > gap_us)
        storm.gap_round = (int)round - 1;
    if (storm.freeze_us > freeze_us)
        storm.freeze_round = (int)round - 1;
    bool is_on_air = play_bad(bad, good);
    if (!is_on_air)
        clip_drop(good);
    clip_drop(bad);
    *wanted_us = now_us();
    (void)g_unlink(path);
    if (storm.failures + (int)storm.wrong > trouble)
        g_printerr("# in round %u: %s; repeat with --seed %u --from %u --count 1\n", round,
                   spoil_name(way), seed, round);
    return next;
}

static unsigned count_files(void)
{
    g_autoptr(GDir) folder = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned count = 0;
    while (folder && g_dir_read_name(folder))
        count++;
    return count;
}

static int64_t resident_kb(void)
{
    g_autofree char *text = NULL;
    int64_t pages = 0;
    if (g_file_get_contents("/proc/self/statm", &text, NULL, NULL))
        (void)sscanf(text, "%*d %" G_GINT64_FORMAT, &pages);
    return pages * sysconf(_SC_PAGESIZE) / 1024;
}

/* --- The command ------------------------------------------------------------------------------ */

static int count = 150, from = 0, seed = 1, limit_ms = 0, more_files, rounds;
static int64_t begin_kb, end_kb;

static void report(void)
{
    json_auto_t *figures = clips_figures(storm.clips);
    g_autofree char *decks = json_dumps(figures, JSON_PRESERVE_ORDER);
    g_print("# %d rounds, seed %d: %u bad clips on air, %u refused before air\n", rounds, seed,
            storm.shown_bad, storm.refused);
    g_print(
        "# longest turn %.1f ms (%.1f ms of processor time), longest freeze %.1f ms (after round "
        "%d), longest wait for a good clip %.1f ms (after round %d)\n",
        (double)storm.turn_us / 1e3, (double)storm.turn_cpu_us / 1e3, (double)storm.freeze_us / 1e3,
        storm.freeze_round, (double)storm.gap_us / 1e3, storm.gap_round);
    g_print("# decks %s\n# memory %d KB after %d rounds, %d KB at the end; %d files more\n", decks,
            (int)begin_kb, MIN(rounds, WARM_ROUNDS), (int)end_kb, more_files);
    free(decks);
    decks = NULL;
}

static bool tell(int number, bool is_well, const char *what)
{
    g_print("%s %d - %s\n", is_well ? "ok" : "not ok", number, what);
    return is_well;
}

static int judge(void)
{
    int64_t limit_us = (int64_t)limit_ms * 1000;
    g_print("1..%d\n", limit_ms ? 5 : 3);
    bool is_well = tell(1, storm.failures == 0, "every good clip was ready and played");
    is_well &= tell(2, storm.wrong == 0, "every good clip showed its frames in order");
    is_well &= tell(3, more_files <= 0, "no file stayed open");
    if (limit_ms) {
        is_well &= tell(4, storm.freeze_us <= limit_us && storm.turn_us <= limit_us,
                        "no picture stood still longer than --limit-ms");
        is_well &= tell(5, storm.gap_us <= limit_us, "no good clip came later than --limit-ms");
    }
    return is_well ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    g_autofree char *worker = NULL;
    const GOptionEntry entries[] = {
        {"count", 0, 0, G_OPTION_ARG_INT, &count, "Bad clips", "N"},
        {"from", 0, 0, G_OPTION_ARG_INT, &from, "The first of them: repeats one of a storm", "N"},
        {"seed", 0, 0, G_OPTION_ARG_INT, &seed, "Of chance", "N"},
        {"limit-ms", 0, 0, G_OPTION_ARG_INT, &limit_ms, "Longest freeze; 0 is not judged", "MS"},
        {"worker", 0, 0, G_OPTION_ARG_FILENAME, &worker, "serambi-media, or its saboteur", "PATH"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- a storm of bad clips");
    g_option_context_add_main_entries(context, entries, NULL);
    g_autoptr(GError) error = NULL;
    if (!g_option_context_parse(context, &argc, &argv, &error) || !worker) {
        g_printerr("%s\n", error ? error->message : "--worker is missing");
        return 2;
    }
    storm.folder = g_dir_make_tmp("serambi-storm-XXXXXX", NULL);
    spoil_make_films(storm.folder);
    open_storm(worker);
    unsigned files = 0;
    SerambiClip *good = cue("good", on_good_end);
    while (!clip_is_ready(good) && !clip_is_over(good))
        turn();
    int64_t wanted_us = now_us();
    for (rounds = 0; rounds < count; rounds++) {
        if (rounds == MIN(WARM_ROUNDS, count / 2)) {
            files = count_files();
            begin_kb = resident_kb();
        }
        good = play_round(good, (unsigned)(from + rounds), (uint32_t)seed, &wanted_us);
    }
    play_good(good, wanted_us);
    /* Workers that are being replaced hold their files until they are back. */
    int64_t patience_us = timeline_monotonic_us() + GIVE_UP_US;
    clip_drop(good);
    show(NULL);
    while ((more_files = (int)count_files() - (int)files) > 0 &&
           timeline_monotonic_us() < patience_us)
        turn();
    end_kb = resident_kb();
    report();
    int status = judge();
    close_storm();
    test_folder_remove(storm.folder);
    g_free(storm.folder);
    return status;
}
