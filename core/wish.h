/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Which channels a connecting client asks for, and where it was in each. Pure: no sockets, no
 * channels. */
#pragma once
#include "core/live.h"

typedef struct {
    const char *channel; /* of the connect object, or of the token */
    LivePosition position;
    bool is_given; /* by the token, not asked for */
} Wish;

/* The `subs` of a connect object, {channel: {recover, epoch, offset}}, sorted by channel; NULL is
 * none. The wishes point into it. False: malformed, or more than LIMIT_CLIENT_CHANNELS. */
bool wish_read_subs(const json_t *subs, GArray *wishes);
/* Adds the channels of a token that are not asked for already; the wishes point into them. Stops at
 * LIMIT_CLIENT_CHANNELS. */
void wish_add_given(GArray *wishes, const char *const *channels);
/* "<epoch>:<offset>,<offset>": positions of all channels, in the order of their names; anything
 * else, and NULL, is passed over, for the header may come from another server. ret_epoch holds the
 * text that the wishes point to; g_free(). */
void wish_read_event_id(const char *id, GArray *wishes, char **ret_epoch);
