/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Clips from file to ground: the right frame at its time, cuts without a gap, dead workers, sounds.
 * The pictures are grey, and the grey is the number of the frame. */
#include "core/test_folder.h"
#include "media/screen/layer.h"
#include "media/screen/stage.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FPS     25
#define WIDTH   320
#define HEIGHT  180
#define LIMIT_S 25 /* a test that waits longer for its event has failed */

typedef struct {
    Stage *stage;
    Errands *errands;
    Mixer *mixer;
    Clips *clips;
    Layers *layers;
    Timeline timeline;
    char *folder;
    uint32_t pixels[WIDTH * HEIGHT];
    Ground ground;
    SerambiClip *shown;
    bool has_changed;
    int ends, failures;
    int last_error;
    int64_t begin_us;
} Theatre;

/* The plugin of these tests is the theatre itself. */
static Theatre *theatre;

static bool prepare(Serambi *self, int64_t now_us)
{
    bool was = theatre->has_changed;
    theatre->has_changed = false;
    return was;
}

static void draw(Serambi *self, SerambiCanvas *canvas)
{
    serambi_draw_clip(canvas, theatre->shown, (SerambiBox){0, 0, 1, 1});
}

static const SerambiLayer layer = {"picture", "picture", 0, prepare, draw};

static void on_end(Serambi *self, SerambiClip *clip, const GError *error)
{
    theatre->ends++;
    theatre->failures += error != NULL;
    theatre->last_error = error ? error->code : 0;
}

static char *find_file(const char *source, void *data)
{
    g_autofree char *path = g_build_filename(theatre->folder, source + strlen("sha256:"), NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS) ? g_steal_pointer(&path) : NULL;
}

/* frames grey pictures, the first one dark, each two levels brighter; maybe with a tone. */
static void make_clip(const char *folder, const char *name, int frames, bool has_sound)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *picture =
        g_strdup_printf("color=black:s=%dx%d:r=%d:d=%f,format=yuv420p,geq=lum='30+2*mod(N,100)':"
                        "cb=128:cr=128",
                        WIDTH, HEIGHT, FPS, (double)frames / FPS);
    g_autofree char *tone = g_strdup_printf("sine=440:r=48000:d=%f", (double)frames / FPS);
    const char *with[] = {"ffmpeg",     "-v",        "error", "-y",  "-f", "lavfi",     "-i",
                          picture,      "-f",        "lavfi", "-i",  tone, "-c:v",      "libx264",
                          "-preset",    "ultrafast", "-qp",   "4",   "-g", "25",        "-bf",
                          "0",          "-c:a",      "aac",   "-ac", "2",  "-shortest", "-movflags",
                          "+faststart", "-f",        "mp4",   path,  NULL};
    const char *without[] = {"ffmpeg",    "-v",         "error", "-y",      "-f",      "lavfi",
                             "-i",        picture,      "-c:v",  "libx264", "-preset", "ultrafast",
                             "-qp",       "4",          "-g",    "25",      "-bf",     "0",
                             "-movflags", "+faststart", "-f",    "mp4",     path,      NULL};
    int status = -1;
    g_autoptr(GError) error = NULL;
    g_spawn_sync(NULL, (char **)(uintptr_t)(has_sound ? with : without), NULL, G_SPAWN_SEARCH_PATH,
                 NULL, NULL, NULL, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
}

static void theatre_open(const char *worker)
{
    theatre = g_new0(Theatre, 1);
    theatre->folder = g_dir_make_tmp("serambi-clip-XXXXXX", NULL);
    g_autoptr(GError) error = NULL;
    theatre->stage =
        stage_new(&(StageOptions){.title = "test", .width = WIDTH, .height = HEIGHT}, &error);
    g_assert_no_error(error);
    theatre->errands = errands_new();
    theatre->mixer = mixer_new(0);
    theatre->layers = layers_new(false);
    theatre->ground = (Ground){theatre->pixels, WIDTH, HEIGHT, WIDTH};
    Layout layout = layout_make(LAYOUT_CINEMA, WIDTH, HEIGHT, false);
    layers_set_layout(theatre->layers, &layout);
    layers_add(theatre->layers, NULL, &layer);
    g_autofree char *speech = g_build_filename(theatre->folder, "speech", NULL);
    theatre->clips =
        clips_new(&(ClipsOptions){.mixer = theatre->mixer,
                                  .errands = theatre->errands,
                                  .worker = worker ? worker : g_getenv("SERAMBI_WORKER"),
                                  .folder = speech,
                                  .find_file = find_file,
                                  .timeline = &theatre->timeline});
    clips_warm(theatre->clips);
    theatre->begin_us = timeline_monotonic_us();
}

static void theatre_close(void)
{
    errands_stop(theatre->errands);
    StageEvent event;
    while (stage_drain(&event))
        errands_on_message(theatre->errands, event.payload);
    layers_free(theatre->layers);
    mixer_free(theatre->mixer);
    clips_free(theatre->clips);
    errands_free(theatre->errands);
    stage_free(theatre->stage);
    test_folder_remove(theatre->folder);
    g_free(theatre->folder);
    g_clear_pointer(&theatre, g_free);
}

static int64_t now_us(void)
{
    return timeline_at(&theatre->timeline, timeline_monotonic_us());
}

/* One turn of a frame loop; fails the test when its event does not come. */
static void turn(void)
{
    int64_t monotonic_us = timeline_monotonic_us();
    g_assert_cmpint(monotonic_us - theatre->begin_us, <, LIMIT_S * G_USEC_PER_SEC);
    timeline_lead(&theatre->timeline, monotonic_us, timeline_wall_us());
    clips_advance(theatre->clips, monotonic_us);
    mixer_tick(theatre->mixer, monotonic_us);
    RectSet damage = {.count = 0};
    layers_prepare(theatre->layers, timeline_at(&theatre->timeline, monotonic_us), monotonic_us,
                   &damage);
    layers_paint(theatre->layers, &theatre->ground, &damage);
    int64_t until_us = MIN(clips_next_us(theatre->clips, monotonic_us), monotonic_us + 20000);
    StageEvent event = stage_wait(theatre->stage, until_us);
    if (event.kind == STAGE_MESSAGE)
        errands_on_message(theatre->errands, event.payload);
}

static void show(SerambiClip *clip)
{
    theatre->shown = clip;
    theatre->has_changed = true;
}

/* The number of the frame on the ground, from its grey; -1: the ground without a clip. */
static int frame_on_ground(void)
{
    uint32_t pixel = theatre->pixels[HEIGHT / 2 * WIDTH + WIDTH / 2];
    if ((pixel & 0xFFFFFF) == 0x14201C)
        return -1;
    double luma = (double)(pixel & 0xFF) * 219 / 255 + 16;
    return (int)((luma - 30) / 2 + 0.5);
}

static SerambiClip *cue(const char *name, int64_t start_us)
{
    g_autofree char *source = g_strconcat("sha256:", name, NULL);
    return clip_new(theatre->clips, NULL, source, start_us, 0, on_end);
}

static void wait_ready(SerambiClip *clip)
{
    while (!clip_is_ready(clip) && !clip_is_over(clip))
        turn();
    g_assert_true(clip_is_ready(clip));
}

static void test_right_frame(void)
{
    theatre_open(NULL);
    make_clip(theatre->folder, "a", 50, true);
    SerambiClip *clip = cue("a", INT64_MAX / 2);
    wait_ready(clip);
    show(clip);
    turn();
    g_assert_cmpint(frame_on_ground(), ==, -1);
    int64_t start_us = now_us() + 100000;
    clip_start(clip, start_us);
    int shown = 0, before = -1;
    while (theatre->ends == 0) {
        int64_t early_us = now_us();
        turn();
        int frame = frame_on_ground();
        int due = (int)((now_us() - start_us) * FPS / G_USEC_PER_SEC);
        if (early_us < start_us - 20000)
            g_assert_cmpint(frame, ==, -1);
        if (frame >= 0) {
            g_assert_cmpint(frame, <=, due);
            g_assert_cmpint(frame, >=, before);
            shown += frame != before;
        } else {
            g_assert_cmpint(before, ==, -1); /* once it is there it does not go */
        }
        before = frame;
    }
    g_assert_cmpint(theatre->failures, ==, 0);
    g_assert_cmpint(before, ==, 49);
    /* A busy machine may drop frames, but not most of them. */
    g_assert_cmpint(shown, >, 25);
    g_test_message("%d of 50 frames were seen", shown);
    /* The end comes when the last frame has stood its time. */
    g_assert_cmpint(now_us() - start_us, >=, 2 * G_USEC_PER_SEC);
    clip_drop(clip);
    theatre_close();
}

static void test_cut(void)
{
    theatre_open(NULL);
    make_clip(theatre->folder, "a", 25, false);
    make_clip(theatre->folder, "b", 25, true);
    SerambiClip *first = cue("a", INT64_MAX / 2), *second = cue("b", INT64_MAX / 2);
    wait_ready(first);
    wait_ready(second);
    int64_t start_us = now_us() + 50000, cut_us = start_us + G_USEC_PER_SEC;
    clip_start(first, start_us);
    clip_start(second, cut_us);
    show(first);
    bool has_begun = false, has_cut = false;
    while (theatre->ends < 2) {
        if (!has_cut && now_us() >= cut_us) {
            show(second);
            clip_drop(first);
            theatre->ends = MAX(theatre->ends, 1);
            has_cut = true;
        }
        turn();
        has_begun |= frame_on_ground() >= 0;
        if (has_begun)
            g_assert_cmpint(frame_on_ground(), >=, 0);
    }
    g_assert_true(has_cut);
    g_assert_cmpint(theatre->failures, ==, 0);
    clip_drop(second);
    theatre_close();
}

static void test_joins_in_the_middle(void)
{
    theatre_open(NULL);
    make_clip(theatre->folder, "a", 75, true);
    SerambiClip *clip = cue("a", INT64_MAX / 2);
    wait_ready(clip);
    int64_t start_us = now_us() - G_USEC_PER_SEC;
    clip_start(clip, start_us);
    show(clip);
    while (frame_on_ground() < 0)
        turn();
    g_assert_cmpint(frame_on_ground(), >=, 20);
    g_assert_cmpint(frame_on_ground(), <=, (now_us() - start_us) * FPS / G_USEC_PER_SEC);
    clip_drop(clip);
    show(NULL);
    while (frame_on_ground() >= 0)
        turn();
    g_assert_cmpint(theatre->ends, ==, 0);
    theatre_close();
}

static void test_worker_dies(void)
{
    theatre_open(NULL);
    make_clip(theatre->folder, "a", 90, true);
    SerambiClip *clip = cue("a", INT64_MAX / 2);
    wait_ready(clip);
    clip_start(clip, now_us() + 20000);
    show(clip);
    while (frame_on_ground() < 10)
        turn();
    int64_t pids[4];
    size_t count = clips_deck_pids(theatre->clips, pids, 4);
    g_assert_cmpuint(count, >=, 1);
    for (size_t i = 0; i < count; i++)
        kill((pid_t)pids[i], SIGKILL);
    int64_t dead_us = timeline_monotonic_us();
    while (theatre->ends == 0) {
        turn();
        g_assert_cmpint(frame_on_ground(), >=, 10); /* the last frame stays */
    }
    g_assert_cmpint(theatre->failures, ==, 1);
    g_assert_cmpint(theatre->last_error, ==, CLIP_ERROR_BROKEN);
    while (frame_on_ground() >= 0)
        turn();
    g_test_message("the ground was back %d ms after the kill",
                   (int)((timeline_monotonic_us() - dead_us) / 1000));
    clip_drop(clip);
    /* And a new worker plays on. */
    theatre->begin_us = timeline_monotonic_us();
    SerambiClip *again = cue("a", now_us() + 3 * G_USEC_PER_SEC);
    wait_ready(again);
    clip_start(again, now_us());
    show(again);
    while (frame_on_ground() < 5)
        turn();
    clip_drop(again);
    theatre_close();
}

static void kill_decks(void)
{
    int64_t pids[4];
    size_t count = clips_deck_pids(theatre->clips, pids, 4);
    g_assert_cmpuint(count, >=, 1);
    for (size_t i = 0; i < count; i++)
        kill((pid_t)pids[i], SIGKILL);
}

/* All decks die while the clip waits for its cut: another one takes it over, nobody is told. */
static void test_worker_dies_before_the_cut(void)
{
    theatre_open(NULL);
    make_clip(theatre->folder, "a", 50, true);
    SerambiClip *clip = cue("a", INT64_MAX / 2);
    show(clip);
    wait_ready(clip);
    kill_decks();
    while (clip_is_ready(clip))
        turn();
    wait_ready(clip);
    int64_t start_us = now_us() + 100000;
    clip_start(clip, start_us);
    while (frame_on_ground() < 0)
        turn();
    g_assert_cmpint(frame_on_ground(), <=, (now_us() - start_us) * FPS / G_USEC_PER_SEC);
    while (theatre->ends == 0)
        turn();
    g_assert_cmpint(theatre->failures, ==, 0);
    clip_drop(clip);
    theatre_close();
}

/* A slot may be longer than its clip: the last frame stands, until another clip needs the deck. */
static void test_last_frame_stands(void)
{
    theatre_open(NULL);
    make_clip(theatre->folder, "a", 10, false);
    SerambiClip *clip = cue("a", INT64_MAX / 2);
    wait_ready(clip);
    clip_start(clip, now_us());
    show(clip);
    while (theatre->ends == 0)
        turn();
    int64_t over_us = timeline_monotonic_us();
    while (timeline_monotonic_us() < over_us + 3 * CLIP_HOLD_US) {
        turn();
        g_assert_cmpint(frame_on_ground(), ==, 9);
    }
    SerambiClip *others[3];
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        others[i] = cue("a", INT64_MAX / 2);
    while (frame_on_ground() >= 0)
        turn();
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        wait_ready(others[i]);
        clip_drop(others[i]);
    }
    clip_drop(clip);
    theatre_close();
}

static void test_refusals(void)
{
    theatre_open(NULL);
    g_autofree char *path = g_build_filename(theatre->folder, "junk", NULL);
    g_assert_true(g_file_set_contents(path, "this is not a video", -1, NULL));
    SerambiClip *missing = cue("none", now_us());
    while (theatre->ends == 0)
        turn();
    g_assert_cmpint(theatre->last_error, ==, CLIP_ERROR_UNAVAILABLE);
    SerambiClip *junk = cue("junk", now_us());
    while (theatre->ends == 1)
        turn();
    g_assert_cmpint(theatre->last_error, ==, CLIP_ERROR_FAILED);
    SerambiClip *bell = clip_new(theatre->clips, NULL, "chime:gong", now_us(), 0, on_end);
    while (theatre->ends == 2)
        turn();
    g_assert_cmpint(theatre->last_error, ==, CLIP_ERROR_UNAVAILABLE);
    SerambiClip *mute = clip_new(theatre->clips, NULL, "speak:xx:hello", now_us(), 0, on_end);
    while (theatre->ends == 3)
        turn();
    g_assert_cmpint(theatre->failures, ==, 4);
    clip_drop(missing);
    clip_drop(junk);
    clip_drop(bell);
    clip_drop(mute);
    turn();
    theatre_close();
}

static void test_sounds(void)
{
    theatre_open(NULL);
    int64_t begin_us = now_us();
    SerambiClip *bell = clip_new(theatre->clips, NULL, "chime:call", begin_us, 0, on_end);
    SerambiClip *sentence =
        clip_new(theatre->clips, NULL, "speak:id:Nomor A 17", begin_us, 0, on_end);
    while (theatre->ends < 2)
        turn();
    g_assert_cmpint(theatre->failures, ==, 0);
    g_assert_cmpint(now_us() - begin_us, >=, 1500000); /* the chime's length */
    clip_drop(bell);
    clip_drop(sentence);
    /* The sentence is kept: without a worker it is still there. */
    g_autofree char *speech = g_build_filename(theatre->folder, "speech", NULL);
    g_autoptr(GDir) kept = g_dir_open(speech, 0, NULL);
    g_assert_nonnull(kept);
    g_assert_true(g_str_has_suffix(g_dir_read_name(kept), ".wav"));
    theatre_close();
}

/* Through a device: what SDL wrote to its file is the chime. */
static void test_device(void)
{
    g_autofree char *folder = g_dir_make_tmp("serambi-sound-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "heard", NULL);
    g_setenv("SDL_AUDIODRIVER", "disk", TRUE);
    g_setenv("SDL_DISKAUDIOFILE", path, TRUE);
    theatre_open(NULL);
    mixer_use_device(theatre->mixer, theatre->errands);
    while (!mixer_has_device(theatre->mixer))
        turn();
    SerambiClip *bell = clip_new(theatre->clips, NULL, "chime:call", now_us(), 0, on_end);
    while (theatre->ends == 0)
        turn();
    clip_drop(bell);
    theatre_close();
    g_autofree char *bytes = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    float peak = 0;
    for (gsize i = 0; i + sizeof(float) <= size; i += sizeof(float)) {
        float sample;
        memcpy(&sample, bytes + i, sizeof sample);
        peak = MAX(peak, sample < 0 ? -sample : sample);
    }
    g_assert_cmpfloat(peak, >, 0.4);
    g_assert_cmpfloat(peak, <, 0.6);
    g_assert_cmpuint(size, >, 48000 * sizeof(float));
    test_folder_remove(folder);
    g_setenv("SDL_AUDIODRIVER", "dummy", TRUE);
}

/* A sound server that hangs: the device's thread stands in a write that nobody reads. Clips go on.
 */
static void test_device_hangs(void)
{
    g_autofree char *folder = g_dir_make_tmp("serambi-sound-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "pipe", NULL);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    int reader = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    g_setenv("SDL_AUDIODRIVER", "disk", TRUE);
    g_setenv("SDL_DISKAUDIOFILE", path, TRUE);
    theatre_open(NULL);
    make_clip(theatre->folder, "a", 25, true);
    mixer_use_device(theatre->mixer, theatre->errands);
    while (!mixer_has_device(theatre->mixer))
        turn();
    while (mixer_has_device(theatre->mixer)) /* it asks for nothing any more */
        turn();
    theatre->begin_us = timeline_monotonic_us();
    for (unsigned round = 0; round < 5; round++) { /* more than there are decks */
        SerambiClip *clip = cue("a", INT64_MAX / 2);
        wait_ready(clip);
        clip_start(clip, now_us());
        show(clip);
        while (frame_on_ground() < 3)
            turn();
        clip_drop(clip);
        show(NULL);
        while (frame_on_ground() >= 0)
            turn();
    }
    /* The reader goes: the write ends, and with it the device. */
    close(reader);
    theatre_close();
    test_folder_remove(folder);
    g_setenv("SDL_AUDIODRIVER", "dummy", TRUE);
}

/* More clips than there are decks and places: each gets its end or its turn, none is lost. */
static void test_too_many(void)
{
    theatre_open(NULL);
    SerambiClip *clips[80];
    for (size_t i = 0; i < G_N_ELEMENTS(clips); i++)
        clips[i] = cue("none", now_us());
    while (theatre->ends < (int)G_N_ELEMENTS(clips))
        turn();
    g_assert_cmpint(theatre->failures, ==, G_N_ELEMENTS(clips));
    for (size_t i = 0; i < G_N_ELEMENTS(clips); i++)
        clip_drop(clips[i]);
    turn();
    theatre_close();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (!g_getenv("SERAMBI_WORKER")) {
        g_printerr("SERAMBI_WORKER is to name serambi-media\n");
        return EXIT_FAILURE;
    }
    g_test_add_func("/clip/right-frame", test_right_frame);
    g_test_add_func("/clip/cut", test_cut);
    g_test_add_func("/clip/joins-in-the-middle", test_joins_in_the_middle);
    g_test_add_func("/clip/worker-dies", test_worker_dies);
    g_test_add_func("/clip/worker-dies-before-the-cut", test_worker_dies_before_the_cut);
    g_test_add_func("/clip/last-frame-stands", test_last_frame_stands);
    g_test_add_func("/clip/refusals", test_refusals);
    g_test_add_func("/clip/sounds", test_sounds);
    g_test_add_func("/clip/device", test_device);
    g_test_add_func("/clip/device-hangs", test_device_hangs);
    g_test_add_func("/clip/too-many", test_too_many);
    return g_test_run();
}
