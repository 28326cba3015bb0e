/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A Last-Event-ID. The first byte says for how many channels, '1' for one.
 * Sources: core/wish.c */
#include "core/limits.h"
#include "core/wish.h"
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0 || size > LIMIT_HEADER_BYTES) {
        return 0;
    }
    g_autofree char *id = g_strndup((const char *)bytes + 1, size - 1);
    g_autoptr(GArray) wishes = g_array_new(FALSE, TRUE, sizeof(Wish));
    g_array_set_size(wishes, (guint)(bytes[0] - '0') % (LIMIT_CLIENT_CHANNELS + 1));
    g_autofree char *epoch = NULL;
    wish_read_event_id(id, wishes, &epoch);
    for (guint i = 0; i < wishes->len; i++) {
        const LivePosition *position = &g_array_index(wishes, Wish, i).position;
        g_assert_cmpuint(position->offset, <=, INT64_MAX);
        g_assert_true(position->recover == (epoch != NULL)); /* all of them or none */
        g_assert_true(position->epoch == epoch);
    }
    g_assert_true(epoch == NULL || g_str_has_prefix(id, epoch));
    return 0;
}
