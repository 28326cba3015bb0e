/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One message of a live client: all of its commands.
 * Sources: core/centrifuge.c core/nesting.c */
#include "core/centrifuge.h"
#include "core/limits.h"
#include "fuzz.h"

#include <string.h>

/* What it holds can be answered with, on one line, and read again. */
static void check_answer(const CentrifugeCommand *command)
{
    g_autoptr(GString) out = g_string_new("");
    centrifuge_reply(out, command->id, command->name,
                     json_pack("{s:O?}", "data", (json_t *)command->data));
    json_auto_t *again = json_loadb(out->str, out->len, 0, NULL);
    g_assert_nonnull(again);
    g_assert_null(memchr(out->str, '\n', out->len));
}

static void check(const CentrifugeCommand *command)
{
    g_assert_nonnull(command->name);
    g_assert_nonnull(command->token);
    g_assert_nonnull(command->channel);
    g_assert_nonnull(command->call);
    g_assert_nonnull(command->epoch);
    g_assert_cmpuint(command->offset, <=, INT64_MAX);
    g_assert_true(command->subs == NULL || json_is_object(command->subs));
    if (command->method == CENTRIFUGE_RPC) {
        check_answer(command);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *rest = (const char *)bytes;
    size_t left = size;
    if (size > LIMIT_WS_MESSAGE_STAFF) {
        return 0; /* web.c lets no longer one through */
    }
    for (;;) {
        g_autoptr(GError) error = NULL;
        CentrifugeCommand command = {0};
        size_t before = left;
        if (!centrifuge_next(&rest, &left, &command, &error)) {
            g_assert_error(error, CENTRIFUGE_ERROR, CENTRIFUGE_ERROR_FORMAT);
            g_assert_null(command.document);
            return 0;
        }
        g_assert_no_error(error);
        if (command.method == 0) {
            g_assert_cmpuint(left, ==, 0);
            return 0;
        }
        g_assert_cmpuint(left, <, before);
        check(&command);
        centrifuge_command_clear(&command);
    }
}
