/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * `serambi-media prove`: decodes a whole master with the chain of the screens and accepts no doubt.
 */
#include "chain.h"
#include "jobs.h"
#include "report.h"
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MALLOC_ARENAS     2
#define CPU_SECONDS       3600 /* an hour of work for one file, then it is not a tutorial */
#define GRID_TOLERANCE    (1000 * 1000) /* ns; container time stamps have 1/90,000 s or finer */
#define PROGRESS_EVERY_US (G_USEC_PER_SEC / 2) /* two lines a second */

/* What the picture thread has seen; read when it is over, but for `pictures`. */
typedef struct Proof {
    Chain *chain;
    _Atomic int64_t pictures;
    int64_t wanted;
    int64_t off_grid; /* the first picture that is not where it should be, or -1 */
    int64_t off_grid_ns;
    int64_t corrupted; /* the first picture that the decoder had to guess, or -1 */
    int64_t last_ns;
} Proof;

static bool on_picture(void *owner, const ChainPicture *picture)
{
    Proof *proof = owner;
    int64_t number = proof->pictures++;
    if (picture->is_corrupted && proof->corrupted < 0)
        proof->corrupted = number;
    if (proof->off_grid < 0 && picture->index != number) {
        proof->off_grid = number;
        proof->off_grid_ns = picture->pts_ns;
    }
    proof->last_ns = picture->pts_ns;
    return true;
}

static bool on_sound(void *owner, int64_t position, const float *stereo, size_t frames)
{
    return true;
}

/* With every index right, the last stamp tells whether the rate is the one that the file claims. */
static int64_t grid_error_ns(const Proof *proof, const ChainFacts *facts)
{
    if (facts->fps_n == 0 || proof->pictures == 0)
        return 0;
    int64_t expected = (int64_t)((double)(proof->pictures - 1) * facts->fps_d * 1e9 / facts->fps_n);
    return ABS(proof->last_ns - expected);
}

static int judge(const Proof *proof, const ChainFacts *facts, double seconds)
{
    if (proof->corrupted >= 0)
        return report_error("corrupted", "picture %" G_GINT64_FORMAT " is damaged",
                            proof->corrupted);
    if (facts->fps_n == 0)
        return report_error("wrong_grid", "the file has no constant frame rate");
    if (proof->off_grid >= 0)
        return report_error(
            "wrong_grid", "picture %" G_GINT64_FORMAT " is shown at %.3f s, which is not its place",
            proof->off_grid, (double)proof->off_grid_ns / 1e9);
    if (proof->pictures != proof->wanted)
        return report_error("wrong_count",
                            "%" G_GINT64_FORMAT
                            " pictures were decoded, the manifest says %" G_GINT64_FORMAT,
                            proof->pictures, proof->wanted);
    if (grid_error_ns(proof, facts) > GRID_TOLERANCE)
        return report_error("wrong_grid", "the last picture is shown at %.3f s",
                            (double)proof->last_ns / 1e9);
    double speed = (double)proof->pictures * facts->fps_d / facts->fps_n / MAX(seconds, 1e-6);
    report_result(json_pack("{s:I,s:f}", "frames", (json_int_t)proof->pictures, "speed", speed));
    return 0;
}

static void report_work(const Proof *proof, double seconds)
{
    double done = proof->wanted > 0 ? MIN(1, (double)proof->pictures / (double)proof->wanted) : 0;
    report_progress("prove", done * 100, done > 0.01 ? seconds * (1 - done) / done : -1);
}

static int decode(Proof *proof, int fd)
{
    ChainHooks hooks = {.owner = proof, .on_picture = on_picture, .on_sound = on_sound};
    g_autoptr(GError) error = NULL;
    int64_t started = g_get_monotonic_time();
    int64_t told = started;
    g_autoptr(Chain) chain = chain_new(fd, &hooks, &error);
    if (!chain)
        return report_error(chain_code(error), "%s", error->message);
    ChainState state = CHAIN_RUNNING;
    while (state == CHAIN_RUNNING) {
        struct pollfd wait = {.fd = chain_fd(chain), .events = POLLIN};
        (void)poll(&wait, 1, PROGRESS_EVERY_US / 1000);
        state = chain_state(chain);
        int64_t now = g_get_monotonic_time();
        if (now - told >= PROGRESS_EVERY_US) {
            report_work(proof, (double)(now - started) / 1e6);
            told = now;
        }
    }
    if (state == CHAIN_FAILED)
        return report_error(chain_code(chain_failure(chain)), "%s", chain_failure(chain)->message);
    ChainFacts facts = chain_facts(chain);
    return judge(proof, &facts, (double)(g_get_monotonic_time() - started) / 1e6);
}

static bool parse(int argc, char **argv, const char **ret_input, int64_t *ret_frames)
{
    const char *frames = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--input") == 0)
            *ret_input = argv[i + 1];
        else if (strcmp(argv[i], "--frames") == 0)
            frames = argv[i + 1];
    }
    guint64 value = 0;
    bool is_number = frames && g_ascii_string_to_unsigned(frames, 10, 1, G_MAXINT32, &value, NULL);
    *ret_frames = (int64_t)value;
    return argc == 5 && *ret_input && is_number;
}

int job_prove(int argc, char **argv)
{
    const char *input = NULL;
    Proof proof = {.off_grid = -1, .corrupted = -1};
    if (!parse(argc, argv, &input, &proof.wanted)) {
        (void)report_error("usage", "usage: serambi-media prove --input FILE --frames N");
        return 2;
    }
    int fd = open(input, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return report_error("cannot_open", "cannot open '%s': %s", input, g_strerror(errno));
    g_autoptr(GError) error = NULL;
    (void)mallopt(M_ARENA_MAX, MALLOC_ARENAS);
    SandboxPolicy policy = {.cpu_seconds = CPU_SECONDS};
    if (!chain_load(&error) || !sandbox_enter(&policy, &error)) {
        (void)close(fd);
        return report_error("cannot_start", "%s", error->message);
    }
    return decode(&proof, fd);
}
