/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A caption file. Whatever is read can be written and read again, and says the same; the times are
 * in order and in range.
 * Sources: plugins/tutorials/cues.c */
#include "plugins/tutorials/cues.h"
#include "fuzz.h"
#include <string.h>

static void assert_same(const Cues *one, const Cues *other)
{
    g_autofree char *first = cues_vtt(one), *second = cues_vtt(other);
    g_assert_cmpstr(first, ==, second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    g_autoptr(Cues) cues = cues_parse((const char *)bytes, size, NULL);
    if (!cues)
        return 0;
    g_assert_cmpuint(cues_count(cues), <=, CUES_MAX);
    for (size_t i = 0; i < cues_count(cues); i++) {
        const Cue *cue = cues_at(cues, i);
        g_assert_cmpint(cue->start_ms, >=, i == 0 ? 0 : cues_at(cues, i - 1)->start_ms);
        g_assert_cmpint(cue->end_ms, >=, cue->start_ms);
        g_assert_cmpint(cue->end_ms, <=, CUES_TIME_MS_MAX);
    }
    g_autofree char *vtt = cues_vtt(cues), *srt = cues_srt(cues);
    g_assert_true(g_utf8_validate(vtt, -1, NULL));
    g_assert_true(g_utf8_validate(srt, -1, NULL));
    json_auto_t *document = cues_json(cues), *warnings = cues_warnings(cues, 60000);
    g_assert_cmpuint(json_array_size(warnings), <=, CUES_WARNINGS_MAX);
    g_autoptr(Cues) edited = cues_from_json(document, NULL);
    g_assert_nonnull(edited);
    assert_same(cues, edited);
    if (strlen(vtt) > CUES_BYTES_MAX)
        return 0;
    g_autoptr(Cues) again = cues_parse(vtt, strlen(vtt), NULL);
    g_assert_nonnull(again);
    assert_same(cues, again);
    return 0;
}
