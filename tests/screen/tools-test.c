/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The tools themselves: a code survives what encoders do and no half of one is taken for a whole;
 * the judge finds each kind of fault, and none in a perfect show. */
#include "barcode.h"
#include "verdict.h"
#include <string.h>

#define WIDTH     608
#define HEIGHT    342
#define OFFSET_US INT64_C(5000000)

/* --- The code --------------------------------------------------------------------------------- */

static void read_cells(const uint8_t *luma, bool is_foot,
                       uint8_t cells[BARCODE_ROWS][BARCODE_CELLS])
{
    double x, y;
    for (int row = 0; row < BARCODE_ROWS; row++) {
        for (int cell = 0; cell < BARCODE_CELLS; cell++) {
            barcode_middle(row, cell, is_foot, &x, &y);
            cells[row][cell] = luma[(int)(y * HEIGHT) * WIDTH + (int)(x * WIDTH)];
        }
    }
}

/* Less contrast and noise, as after an encoder. */
static void blur(uint8_t cells[BARCODE_ROWS][BARCODE_CELLS])
{
    for (int row = 0; row < BARCODE_ROWS; row++)
        for (int cell = 0; cell < BARCODE_CELLS; cell++)
            cells[row][cell] = (uint8_t)(cells[row][cell] * 3 / 4 + g_random_int_range(0, 30));
}

static void test_code(void)
{
    g_autofree uint8_t *luma = g_malloc(WIDTH * HEIGHT);
    uint8_t cells[BARCODE_ROWS][BARCODE_CELLS], others[BARCODE_ROWS][BARCODE_CELLS];
    for (int i = 0; i < 2000; i++) {
        Barcode code = {i % 256, i * 31 % 65536}, read;
        barcode_draw(luma, WIDTH, WIDTH, HEIGHT, code);
        for (int foot = 0; foot < 2; foot++) {
            read_cells(luma, foot, cells);
            blur(cells);
            g_assert_cmpint(barcode_read(cells, &read), ==, BARCODE_WHOLE);
            g_assert_cmpint(read.clip, ==, code.clip);
            g_assert_cmpint(read.frame, ==, code.frame);
        }
        /* The upper row of this frame with the lower one of the next. */
        barcode_draw(luma, WIDTH, WIDTH, HEIGHT, (Barcode){code.clip, code.frame ^ 0x181});
        read_cells(luma, false, others);
        for (int cell = 0; cell < BARCODE_CELLS; cell++)
            others[0][cell] = cells[0][cell];
        g_assert_cmpint(barcode_read(others, &read), ==, BARCODE_TORN);
    }
    for (int level = 0; level < 256; level++) {
        Barcode read;
        memset(cells, level, sizeof cells);
        g_assert_cmpint(barcode_read(cells, &read), ==, BARCODE_NONE);
    }
}

/* --- The judge -------------------------------------------------------------------------------- */

static GArray *sights;
static Schedule *schedule;

static void see(int64_t begin_us, int64_t end_us, SightKind kind, int clip, int frame)
{
    int64_t before_us =
        sights->len ? g_array_index(sights, Sight, sights->len - 1).end_us : begin_us;
    Sight sight = {.before_us = before_us - OFFSET_US * !sights->len,
                   .begin_us = begin_us - OFFSET_US,
                   .end_us = end_us - OFFSET_US,
                   .kind = kind,
                   .code = {clip, frame}};
    g_array_append_val(sights, sight);
}

/* What a perfect screen shows: each frame late_us after its time, until the next one. */
static void see_all(int64_t late_us)
{
    sights = g_array_new(FALSE, TRUE, sizeof(Sight));
    schedule = schedule_new(20, 10 * G_USEC_PER_SEC, 1, false);
    see(9 * G_USEC_PER_SEC, 10 * G_USEC_PER_SEC + late_us - 2000, SIGHT_OTHER, 0, 0);
    for (guint i = 0; i < schedule->slots->len; i++) {
        const Slot *slot = &g_array_index(schedule->slots, Slot, i);
        for (int frame = 0; frame < slot->film->frames; frame++) {
            int64_t begin_us = slot->start_us + film_frame_us(slot->film, frame);
            int64_t end_us = slot->start_us + film_frame_us(slot->film, frame + 1);
            bool is_last = frame + 1 == slot->film->frames || end_us >= slot->end_us;
            end_us = is_last ? slot->end_us : end_us;
            if (end_us > begin_us)
                see(begin_us + late_us, end_us + late_us - 2000, SIGHT_CLIP, slot->film->number,
                    frame);
        }
    }
}

static void forget(void)
{
    g_array_unref(sights);
    schedule_free(schedule);
}

static Sight *sight_at(guint index)
{
    return &g_array_index(sights, Sight, index);
}

static void test_perfect(void)
{
    see_all(6000);
    Verdict *verdict = verdict_new(schedule, sights, OFFSET_US);
    g_assert_cmpstr(verdict->complaints->str, ==, "");
    g_assert_cmpint(verdict->transitions, ==, 20);
    g_assert_cmpint(verdict_cut_us(verdict, 0), ==, 6000);
    g_assert_cmpint(verdict_cut_us(verdict, 1), ==, 6000);
    g_assert_cmpint(verdict->freeze_us, ==, 4000);
    g_assert_cmpint(verdict->frames, >, 500);
    verdict_free(verdict);
    forget();
}

/* Every kind of fault alone: it is found, and taken for nothing else. */
static void test_faults(void)
{
    enum { BLACK, HOUSE, WRONG, EARLY, BACKWARD, MISSING, DOUBLED, TORN, UNSEEN, KINDS };
    for (int kind = 0; kind < KINDS; kind++) {
        see_all(3000);
        Sight *sight = sight_at(20);
        if (kind == BLACK || kind == HOUSE)
            sight->kind = kind == BLACK ? SIGHT_BLACK : SIGHT_OTHER;
        else if (kind == TORN)
            sight->kind = SIGHT_TORN;
        else if (kind == WRONG)
            sight->code.clip = 99;
        else if (kind == EARLY)
            sight->begin_us -= 5000;
        else if (kind == BACKWARD)
            sight->code.frame -= 4;
        else if (kind == MISSING || kind == DOUBLED)
            g_array_remove_index(sights, 20);
        if (kind == DOUBLED)
            sight_at(19)->end_us = sight_at(20)->begin_us - 2000;
        for (guint i = 0; kind == UNSEEN && i < sights->len; i++)
            if (sight_at(i)->code.clip == 3)
                g_array_remove_index(sights, i--);
        Verdict *verdict = verdict_new(schedule, sights, OFFSET_US);
        g_assert_cmpint(verdict->black, ==, kind == BLACK);
        g_assert_cmpint(verdict->other, ==, kind == HOUSE);
        g_assert_cmpint(verdict->wrong, ==, kind == WRONG || kind == EARLY);
        g_assert_cmpint(verdict->backward, ==, kind == BACKWARD);
        g_assert_cmpint(verdict->torn, ==, kind == TORN);
        g_assert_cmpint(verdict->unseen > 0, ==, kind == UNSEEN);
        g_assert_cmpint(verdict->doubled > 0, ==, kind == DOUBLED || kind == BACKWARD);
        g_assert_cmpint(verdict->missing > 0, ==, kind != EARLY && kind != UNSEEN);
        verdict_free(verdict);
        forget();
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/screen-tools/code", test_code);
    g_test_add_func("/screen-tools/perfect", test_perfect);
    g_test_add_func("/screen-tools/faults", test_faults);
    return g_test_run();
}
