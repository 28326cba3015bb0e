/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Strangers write all of this, so it is read apart from everything that acts on it; tests/fuzz
 * feeds it. */
#include "core/wish.h"

#include "core/limits.h"

#include <string.h>

static int by_channel(const void *a, const void *b)
{
    return strcmp(((const Wish *)a)->channel, ((const Wish *)b)->channel);
}

bool wish_read_subs(const json_t *subs, GArray *wishes)
{
    const char *channel;
    json_t *options;
    if (json_object_size(subs) > LIMIT_CLIENT_CHANNELS) {
        return false;
    }
    json_object_foreach((json_t *)subs, channel, options)
    {
        int recover = 0;
        const char *epoch = NULL;
        json_int_t offset = 0;
        if (json_unpack(options, "{s?b, s?s, s?I}", "recover", &recover, "epoch", &epoch, "offset",
                        &offset) != 0 ||
            offset < 0) {
            return false;
        }
        Wish wish = {
            .channel = channel,
            .position = {.recover = recover != 0, .epoch = epoch, .offset = (uint64_t)offset},
        };
        g_array_append_val(wishes, wish);
    }
    g_array_sort(wishes, by_channel);
    return true;
}

static bool has_wish(const GArray *wishes, const char *channel)
{
    for (guint i = 0; i < wishes->len; i++) {
        if (g_str_equal(g_array_index(wishes, Wish, i).channel, channel)) {
            return true;
        }
    }
    return false;
}

void wish_add_given(GArray *wishes, const char *const *channels)
{
    for (; *channels != NULL && wishes->len < LIMIT_CLIENT_CHANNELS; channels++) {
        Wish wish = {.channel = *channels, .is_given = true};
        if (!has_wish(wishes, *channels)) {
            g_array_append_val(wishes, wish);
        }
    }
    g_array_sort(wishes, by_channel);
}

void wish_read_event_id(const char *id, GArray *wishes, char **ret_epoch)
{
    const char *colon = id == NULL ? NULL : strrchr(id, ':');
    if (colon == NULL) {
        return;
    }
    g_auto(GStrv) offsets = g_strsplit(colon + 1, ",", LIMIT_CLIENT_CHANNELS + 1);
    if (g_strv_length(offsets) != wishes->len) {
        return;
    }
    g_autofree uint64_t *numbers = g_new0(uint64_t, wishes->len);
    for (guint i = 0; i < wishes->len; i++) {
        if (!g_ascii_string_to_unsigned(offsets[i], 10, 0, INT64_MAX, &numbers[i], NULL)) {
            return;
        }
    }
    *ret_epoch = g_strndup(id, (gsize)(colon - id));
    for (guint i = 0; i < wishes->len; i++) {
        g_array_index(wishes, Wish, i).position =
            (LivePosition){.recover = true, .epoch = *ret_epoch, .offset = numbers[i]};
    }
}
