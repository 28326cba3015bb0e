/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The judge. */
#include "verdict.h"
#include <stdarg.h>
#include <string.h>

#define COMPLAINTS_MAX 400
/* An eye that looks every 2 ms and did not look for so long has missed what was there. */
#define BLIND_US 8000

typedef struct {
    const Schedule *schedule;
    int64_t offset_us;
    Verdict *verdict;
    int complaints;
    int slot;        /* of the clip that was seen last; -1: none yet */
    int frame;       /* ... and its frame */
    GByteArray *was; /* frames of that slot that were seen, one byte each */
} Judge;

static void complain(Judge *judge, int64_t at_us, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void complain(Judge *judge, int64_t at_us, const char *format, ...)
{
    if (judge->complaints++ >= COMPLAINTS_MAX)
        return;
    const Slot *first = &g_array_index(judge->schedule->slots, Slot, 0);
    g_autofree char *text = NULL;
    va_list list;
    va_start(list, format);
    text = g_strdup_vprintf(format, list);
    va_end(list);
    g_string_append_printf(judge->verdict->complaints, "%9.3f s  slot %d: %s\n",
                           (double)(at_us - first->start_us) / G_USEC_PER_SEC,
                           schedule_at(judge->schedule, at_us), text);
}

static const Slot *slot_of(const Judge *judge, int index)
{
    if (index < 0 || index >= (int)judge->schedule->slots->len)
        return NULL;
    return &g_array_index(judge->schedule->slots, Slot, index);
}

/* How many frames of its clip a slot shows. */
static int frames_of(const Slot *slot)
{
    int64_t length_us = slot->end_us - slot->start_us;
    int frames = 0;
    while (frames < slot->film->frames && film_frame_us(slot->film, frames) < length_us)
        frames++;
    return frames;
}

static int64_t frame_begin_us(const Slot *slot, int frame)
{
    return slot->start_us + film_frame_us(slot->film, frame);
}

/* The last frame stands until the cut. */
static int64_t frame_end_us(const Slot *slot, int frame)
{
    return frame + 1 < frames_of(slot) ? MIN(frame_begin_us(slot, frame + 1), slot->end_us)
                                       : slot->end_us;
}

/* --- Slots ------------------------------------------------------------------------------------ */

/* At the end of a slot: which of its frames nobody saw. */
static void count_missing(Judge *judge)
{
    const Slot *slot = slot_of(judge, judge->slot);
    int frames = slot ? frames_of(slot) : 0;
    for (int frame = 0; frame < frames; frame++) {
        int64_t begin_us = frame_begin_us(slot, frame), end_us = frame_end_us(slot, frame);
        if (end_us - begin_us < VERDICT_REFRESH_US - VERDICT_EARLY_US)
            continue;
        judge->verdict->frames++;
        if (frame < (int)judge->was->len && judge->was->data[frame])
            continue;
        judge->verdict->missing++;
        complain(judge, begin_us, "clip %d frame %d was not seen", slot->film->number, frame);
    }
}

/* The clip of a slot is seen for the first time. */
static void enter_slot(Judge *judge, int index, int64_t seen_us)
{
    count_missing(judge);
    for (int i = MAX(judge->slot + 1, 0); i < index; i++) {
        judge->verdict->unseen++;
        complain(judge, slot_of(judge, i)->start_us, "nothing of it was seen");
    }
    judge->slot = index;
    judge->frame = -1;
    const Slot *slot = slot_of(judge, index);
    g_byte_array_set_size(judge->was, (guint)slot->film->frames);
    memset(judge->was->data, 0, judge->was->len);
    int64_t cut_us = seen_us - slot->start_us;
    g_array_append_val(judge->verdict->cuts_us, cut_us);
    judge->verdict->transitions++;
}

/* The slot that a clip belongs to at that time: the one on air, the next, or one before it that
 * still stands. -1: it has no business on the screen. */
static int find_slot(const Judge *judge, int clip, int64_t now_us)
{
    int due = schedule_at(judge->schedule, now_us);
    const Slot *slot = slot_of(judge, due);
    if (slot && slot->film->number == clip)
        return due;
    slot = slot_of(judge, due + 1);
    if (slot && slot->film->number == clip && slot->start_us - now_us <= VERDICT_EARLY_US)
        return due + 1;
    slot = slot_of(judge, judge->slot);
    return slot && slot->film->number == clip ? judge->slot : -1;
}

/* --- Sights ----------------------------------------------------------------------------------- */

/* While the eye slept frames may have come and gone. */
static void forgive_blindness(Judge *judge, const Sight *sight, int frame)
{
    if (sight->begin_us - sight->before_us < BLIND_US)
        return;
    for (int unseen = judge->frame + 1; unseen < frame; unseen++)
        judge->was->data[unseen] = 1;
}

static void judge_frame(Judge *judge, const Sight *sight)
{
    int64_t begin_us = sight->begin_us + judge->offset_us;
    int64_t end_us = sight->end_us + judge->offset_us;
    int index = find_slot(judge, sight->code.clip, begin_us);
    /* The same clip in two slots that follow each other: a late frame belongs to the first. */
    const Slot *slot = slot_of(judge, index);
    if (slot && index == judge->slot + 1 && sight->code.frame >= judge->frame && judge->slot >= 0 &&
        slot->film == slot_of(judge, judge->slot)->film &&
        begin_us < frame_begin_us(slot, sight->code.frame) - VERDICT_EARLY_US)
        index = judge->slot;
    slot = slot_of(judge, index);
    if (!slot || index < judge->slot || sight->code.frame >= slot->film->frames) {
        judge->verdict->wrong++;
        complain(judge, begin_us, "clip %d frame %d was not due", sight->code.clip,
                 sight->code.frame);
        return;
    }
    if (index > judge->slot)
        enter_slot(judge, index, begin_us);
    int frame = sight->code.frame;
    if (begin_us < frame_begin_us(slot, frame) - VERDICT_EARLY_US) {
        judge->verdict->wrong++;
        complain(judge, begin_us, "clip %d frame %d came %d us early", slot->film->number, frame,
                 (int)(frame_begin_us(slot, frame) - begin_us));
    }
    if (frame < judge->frame) {
        judge->verdict->backward++;
        complain(judge, begin_us, "clip %d went from frame %d back to %d", slot->film->number,
                 judge->frame, frame);
    }
    forgive_blindness(judge, sight, frame);
    judge->frame = frame;
    judge->was->data[frame] = 1;
    int64_t late_us = end_us - frame_end_us(slot, frame);
    judge->verdict->freeze_us = MAX(judge->verdict->freeze_us, late_us);
    if (late_us > VERDICT_REFRESH_US) {
        judge->verdict->doubled++;
        complain(judge, begin_us, "clip %d frame %d stood %.1f ms after its time",
                 slot->film->number, frame, (double)late_us / 1000);
    }
}

static void judge_torn(Judge *judge, const Sight *sight)
{
    int64_t stood_us = sight->end_us - sight->begin_us;
    judge->verdict->torn_us = MAX(judge->verdict->torn_us, stood_us);
    if (stood_us <= VERDICT_REFRESH_US)
        return;
    judge->verdict->torn++;
    complain(judge, sight->begin_us + judge->offset_us, "two halves stood for %.1f ms",
             (double)stood_us / 1000);
}

static void judge_sight(Judge *judge, const Sight *sight)
{
    switch (sight->kind) {
    case SIGHT_CLIP:
        judge_frame(judge, sight);
        break;
    case SIGHT_TORN:
        judge_torn(judge, sight);
        break;
    case SIGHT_BLACK:
        judge->verdict->black++;
        complain(judge, sight->begin_us + judge->offset_us, "black for %.1f ms",
                 (double)(sight->end_us - sight->begin_us) / 1000);
        break;
    case SIGHT_OTHER:
        judge->verdict->other++;
        complain(judge, sight->begin_us + judge->offset_us, "no clip for %.1f ms",
                 (double)(sight->end_us - sight->begin_us) / 1000);
        break;
    }
}

static bool is_same_frame(const Sight *a, const Sight *b)
{
    return a->kind == SIGHT_CLIP && b->kind == SIGHT_CLIP && a->code.clip == b->code.clip &&
           a->code.frame == b->code.frame;
}

static int compare_times(gconstpointer a, gconstpointer b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

Verdict *verdict_new(const Schedule *schedule, const GArray *sights, int64_t offset_us)
{
    Verdict *verdict = g_new0(Verdict, 1);
    verdict->cuts_us = g_array_new(FALSE, FALSE, sizeof(int64_t));
    verdict->complaints = g_string_new(NULL);
    Judge judge = {.schedule = schedule,
                   .offset_us = offset_us,
                   .verdict = verdict,
                   .slot = -1,
                   .frame = -1,
                   .was = g_byte_array_new()};
    int64_t first_us = g_array_index(schedule->slots, Slot, 0).start_us - offset_us;
    int64_t last_us = schedule_end_us(schedule) - offset_us;
    for (guint i = 0; i < sights->len; i++) {
        Sight sight = g_array_index(sights, Sight, i);
        while (i + 1 < sights->len && is_same_frame(&sight, &g_array_index(sights, Sight, i + 1)))
            sight.end_us = g_array_index(sights, Sight, ++i).end_us;
        /* Until the first clip is there the house slide is right, for its first refresh as well. */
        bool is_before = judge.slot < 0 && sight.kind != SIGHT_CLIP &&
                         sight.begin_us < first_us + VERDICT_REFRESH_US;
        if (!is_before && sight.begin_us < last_us)
            judge_sight(&judge, &sight);
    }
    count_missing(&judge);
    for (int i = judge.slot + 1; i < (int)schedule->slots->len; i++) {
        verdict->unseen++;
        complain(&judge, slot_of(&judge, i)->start_us, "nothing of it was seen");
    }
    g_array_sort(verdict->cuts_us, compare_times);
    g_byte_array_unref(judge.was);
    return verdict;
}

void verdict_free(Verdict *verdict)
{
    if (!verdict)
        return;
    g_array_unref(verdict->cuts_us);
    g_string_free(verdict->complaints, TRUE);
    g_free(verdict);
}

int64_t verdict_cut_us(const Verdict *verdict, double share)
{
    guint count = verdict->cuts_us->len;
    if (count == 0)
        return 0;
    guint at = MIN((guint)(share * count), count - 1);
    return g_array_index(verdict->cuts_us, int64_t, at);
}
