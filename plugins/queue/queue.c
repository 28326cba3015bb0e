/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The queue: services, numbers, counters, calling; board, ticket page, counter console. */
#include "plugins/queue/queue.h"
#include "plugins/queue/printer.h"
#include <syslog.h>

extern const SerambiAsset queue_assets[];

static const SerambiSetting settings[] = {
    {
        .key = "time_zone",
        .kind = SERAMBI_TEXT,
        .offset = offsetof(QueueSettings, time_zone),
        .fallback = "",
        .max = 64,
        .help = "whose midnight starts new numbers, such as Asia/Jakarta; empty: the machine's",
    },
    {
        .key = "service_minutes",
        .kind = SERAMBI_INT,
        .offset = offsetof(QueueSettings, service_minutes),
        .fallback = "4",
        .min = 1,
        .max = 120,
        .help = "expected minutes of one service, until enough of today's are known",
    },
    {
        .key = "tickets_per_address",
        .kind = SERAMBI_INT,
        .offset = offsetof(QueueSettings, tickets_per_address),
        .fallback = "30",
        .min = 1,
        .max = 10000,
        .help = "numbers that one network address may take within ten minutes",
    },
    {
        .key = "spotlight_seconds",
        .kind = SERAMBI_INT,
        .offset = offsetof(QueueSettings, spotlight_seconds),
        .fallback = "6",
        .min = 3,
        .max = 60,
        .help = "how long a called number is the largest thing on the screen",
    },
    {
        .key = "priority_ratio",
        .kind = SERAMBI_INT,
        .offset = offsetof(QueueSettings, priority_ratio),
        .fallback = "2",
        .min = 0,
        .max = 20,
        .help = "other visitors called between two with priority; 0: priority always first",
    },
    {
        .key = "priority_age_minutes",
        .kind = SERAMBI_INT,
        .offset = offsetof(QueueSettings, priority_age_minutes),
        .fallback = "0",
        .min = 0,
        .max = 600,
        .help = "who waits longer goes before newer ones with priority; 0: off",
    },
    {
        .key = "printer",
        .kind = SERAMBI_TEXT,
        .offset = offsetof(QueueSettings, printer),
        .fallback = "",
        .max = 64,
        .choices = PRINTER_PATTERN,
        .help = "receipt printer (ESC/POS): tcp:192.168.1.50:9100, /dev/usb/lp0, or empty",
    },
    {
        .key = "kiosk_key",
        .kind = SERAMBI_TEXT,
        .offset = offsetof(QueueSettings, kiosk_key),
        .fallback = "",
        .max = 64,
        .choices = "^([A-Za-z0-9_-]{12,64})?$",
        .help = "12 to 64 letters and digits; the kiosk is opened once as /kiosk#key=...; empty: "
                "any browser may print",
    },
    {
        .key = "place",
        .kind = SERAMBI_TEXT,
        .offset = offsetof(QueueSettings, place),
        .fallback = "",
        .max = 48,
        .help = "the library's name and place, as the last line of receipts",
    },
    {
        .key = "keep_days",
        .kind = SERAMBI_INT,
        .offset = offsetof(QueueSettings, keep_days),
        .fallback = "90",
        .min = 2,
        .max = 3650,
        .help = "days after which single tickets are forgotten; the figures of each day stay",
    },
    {0},
};

static bool server_start(Serambi *self, GError **error)
{
    Queue *queue = serambi_state(self);
    queue->server.issued = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    queue->server.desk_version = serambi_now_us(self);
    queue->server.wait = wait_new();
    queue->server.is_printing = g_rc_box_new0(bool);
    const char *zone_name = ((const QueueSettings *)serambi_settings(self))->time_zone;
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(zone_name);
    if (*zone_name && !zone)
        serambi_log(self, LOG_WARNING, "time zone '%s' is not known here, days begin at 0:00 UTC",
                    zone_name);
    return tickets_end_days(self, error) && wait_refresh(self, error) && board_publish(self, error);
}

static void server_stop(Serambi *self)
{
    Queue *queue = serambi_state(self);
    g_clear_pointer(&queue->server.issued, g_hash_table_unref);
    g_clear_pointer(&queue->server.wait, wait_free);
    g_clear_pointer(&queue->server.is_printing, g_rc_box_release);
}

SERAMBI_PLUGIN(.id = "queue", .version = "1",
               .summary = "Numbers, counters and calls, on screen, phone and console",
               .places = SERAMBI_ON_SERVER | SERAMBI_ON_DISPLAY, .state_size = sizeof(Queue),
               .settings_size = sizeof(QueueSettings), .settings = settings,
               .migrations = tickets_migrations, .routes = routes_table, .topics = board_topics,
               .watches = board_watches, .timers = board_timers, .display_watches = screen_watches,
               .layers = screen_layers, .assets = queue_assets, .start = server_start,
               .stop = server_stop, .display_start = screen_start, .display_stop = screen_stop, );
