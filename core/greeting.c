/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * After a restart all phones come back within a second, and each is told the same: so these texts
 * are put together from what is text already. Channels' names and epochs need no escaping (live.c);
 * only a display's name does. */
#include "core/greeting.h"

#include "core/limits.h"
#include "core/plugin.h"
#include "core/wish.h"

#define SPREAD_PER_MS 3 /* connections that we let come back in one millisecond, at most */
#define SPREAD_MIN_MS 500
#define SPREAD_MAX_MS 30000

static const char *word(bool is_true)
{
    return is_true ? "true" : "false";
}

void greeting_add_subscribed(GString *out, const LiveSubscribed *subscribed)
{
    g_string_append_printf(out,
                           "{\"recoverable\":true,\"positioned\":true,\"epoch\":\"%s\","
                           "\"offset\":%" G_GUINT64_FORMAT ",\"was_recovering\":%s,"
                           "\"recovered\":%s,\"data\":{\"kind\":\"%s\"}",
                           subscribed->epoch, subscribed->offset, word(subscribed->was_recovering),
                           word(subscribed->recovered), subscribed->is_feed ? "feed" : "state");
    if (subscribed->body != NULL) {
        g_string_append(out, ",\"publications\":[{\"data\":");
        g_string_append(out, subscribed->body);
        g_string_append_printf(out, ",\"offset\":%" G_GUINT64_FORMAT "}]", subscribed->offset);
    }
    g_string_append_c(out, '}');
}

bool greeting_read_wishes(const Clients *clients, const Identity *identity, const json_t *subs,
                          GArray *wishes, char ***ret_given)
{
    if (!wish_read_subs(subs, wishes)) {
        return false;
    }
    *ret_given = access_channels(clients->access, identity);
    wish_add_given(wishes, (const char *const *)*ret_given);
    for (guint i = wishes->len; i > 0; i--) {
        const Wish *wish = &g_array_index(wishes, Wish, i - 1);
        if (wish->is_given && client_may_read(clients, identity, wish->channel) != 0) {
            g_array_remove_index(wishes, i - 1); /* a plugin that is off, a role that changed */
        }
    }
    return true;
}

int greeting_subscribe(Clients *clients, LiveReader *reader, Peer *peer, const Identity *identity,
                       const GArray *wishes, GString *subs)
{
    g_string_append_c(subs, '{');
    for (guint i = 0; i < wishes->len; i++) {
        const Wish *wish = &g_array_index(wishes, Wish, i);
        LiveSubscribed subscribed;
        if (client_may_read(clients, identity, wish->channel) != 0) {
            continue;
        }
        int code =
            client_subscribe(clients, reader, peer, wish->channel, &wish->position, &subscribed);
        if (code != 0) {
            for (guint made = 0; made < i; made++) {
                client_unsubscribe(clients, reader, peer,
                                   g_array_index(wishes, Wish, made).channel);
            }
            return code;
        }
        g_string_append_printf(subs, "%s\"%s\":", subs->len > 1 ? "," : "", wish->channel);
        greeting_add_subscribed(subs, &subscribed);
    }
    g_string_append_c(subs, '}');
    return 0;
}

void greeting_add_connected(GString *out, const Clients *clients, const Identity *identity,
                            const char *subs, bool has_pong)
{
    uint64_t spread_ms = live_counters(clients->live).readers / SPREAD_PER_MS;
    g_autofree char *id = g_uuid_string_random();
    json_auto_t *name = json_string(identity->name);
    g_autofree char *name_text = json_dumps(name, JSON_ENCODE_ANY);
    g_string_append_printf(
        out,
        "{\"client\":\"%s\",\"version\":\"serambi\",\"ping\":%d,%s\"subs\":%s,"
        "\"data\":{\"now_us\":%" G_GINT64_FORMAT ",\"spread_ms\":%d,"
        "\"role\":\"%s\",\"name\":%s}}",
        id, CLIENT_PING_SECONDS, has_pong ? "\"pong\":true," : "", subs, clients_now_us(clients),
        (int)CLAMP(spread_ms, SPREAD_MIN_MS, SPREAD_MAX_MS), access_role_text(identity->role),
        name_text != NULL ? name_text : "\"\"");
}
