/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The connect object of /connection/uni_sse, and the channels that it asks for.
 * Sources: core/centrifuge.c core/nesting.c core/wish.c */
#include "core/centrifuge.h"
#include "core/limits.h"
#include "core/wish.h"
#include "fuzz.h"

#include <string.h>

static void check(const GArray *wishes)
{
    g_assert_cmpuint(wishes->len, <=, LIMIT_CLIENT_CHANNELS);
    for (guint i = 0; i < wishes->len; i++) {
        const Wish *wish = &g_array_index(wishes, Wish, i);
        g_assert_nonnull(wish->channel);
        g_assert_cmpuint(wish->position.offset, <=, INT64_MAX);
        g_assert_true(i == 0 || strcmp(wish[-1].channel, wish->channel) < 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const given[] = {"queue:board", "queue:calls", NULL};
    g_autoptr(GError) error = NULL;
    CentrifugeCommand command = {0};
    if (size > LIMIT_WS_MESSAGE_PUBLIC) {
        return 0; /* http_collect() and LIMIT_URI_BYTES let no longer one through */
    }
    if (!centrifuge_connect((const char *)bytes, size, &command, &error)) {
        g_assert_error(error, CENTRIFUGE_ERROR, CENTRIFUGE_ERROR_FORMAT);
        g_assert_null(command.document);
        return 0;
    }
    g_assert_no_error(error);
    g_assert_cmpint(command.method, ==, CENTRIFUGE_CONNECT);
    g_assert_nonnull(command.token);
    g_autoptr(GArray) wishes = g_array_new(FALSE, FALSE, sizeof(Wish));
    if (wish_read_subs(command.subs, wishes)) {
        check(wishes);
        wish_add_given(wishes, given);
        check(wishes);
    }
    centrifuge_command_clear(&command);
    return 0;
}
