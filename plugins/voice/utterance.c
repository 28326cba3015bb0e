/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One thing to say, and its place among the others. */
#include "plugins/voice/voice.h"
#include <string.h>

Utterance *utterance_new(VoiceRank rank, int64_t due_us, int64_t number, const char *about)
{
    Utterance *utterance = g_new0(Utterance, 1);
    utterance->rank = rank;
    utterance->due_us = due_us;
    utterance->number = number;
    utterance->about = g_strdup(about);
    utterance->sources = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(utterance->sources, g_strdup("chime:call"));
    return utterance;
}

void utterance_free(Utterance *utterance)
{
    if (!utterance)
        return;
    g_ptr_array_unref(utterance->sources);
    g_free(utterance->about);
    g_free(utterance);
}

/* How much of a text one sentence takes: all, or up to its last full stop, else its last space,
 * else the last whole character within the limit. */
static size_t piece_length(const char *text)
{
    static const char *const stops[] = {". ", "! ", "? ", "؟ ", "، ", ", ", " "};
    size_t length = strlen(text);
    if (length <= VOICE_TEXT_MAX)
        return length;
    for (size_t i = 0; i < G_N_ELEMENTS(stops); i++) {
        const char *stop = g_strrstr_len(text, VOICE_TEXT_MAX, stops[i]);
        if (stop > text)
            return (size_t)(stop - text) + strlen(stops[i]);
    }
    length = VOICE_TEXT_MAX;
    while (((uint8_t)text[length] & 0xC0) == 0x80)
        length--;
    return length;
}

void utterance_add(Utterance *utterance, const char *language, const char *text)
{
    g_autofree char *plain = g_strdup(text);
    for (char *at = plain; *at; at++)
        if (g_ascii_iscntrl(*at))
            *at = ' ';
    for (const char *at = g_strstrip(plain); *at;) {
        size_t length = piece_length(at);
        g_autofree char *piece = g_strstrip(g_strndup(at, length));
        if (*piece)
            g_ptr_array_add(utterance->sources, g_strdup_printf("speak:%s:%s", language, piece));
        at += length;
    }
}

static bool comes_before(const Utterance *left, const Utterance *right)
{
    if (left->rank != right->rank)
        return left->rank > right->rank;
    if (left->due_us != right->due_us)
        return left->due_us < right->due_us;
    return left->number < right->number;
}

void utterance_queue(GQueue *waiting, Utterance *utterance)
{
    GList *at = waiting->tail;
    while (at && comes_before(utterance, at->data))
        at = at->prev;
    g_queue_insert_after(waiting, at, utterance);
}

void utterance_forget(GQueue *waiting, VoiceRank rank, const char *about)
{
    for (GList *at = waiting->head, *next; at; at = next) {
        Utterance *utterance = at->data;
        next = at->next;
        if (utterance->rank == rank && (!about || !g_strcmp0(utterance->about, about))) {
            utterance_free(utterance);
            g_queue_delete_link(waiting, at);
        }
    }
}
