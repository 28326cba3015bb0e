/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How long the loop's turns take.
 *
 * A prepare handle runs once a turn, before the loop waits. What lies between two of them is a turn
 * and a wait; libuv itself counts the wait (uv_metrics_idle_time()), also where callbacks run
 * inside of its polling. */
#include "core/turn_meter.h"

#include <glib.h>

#define NS_PER_SECOND 1e9
#define MINUTE_NS     (UINT64_C(60) * 1000000000)

struct TurnMeter {
    uv_prepare_t prepare;
    uint64_t began_ns, idle_ns; /* at the last turn's end */
    uint64_t minute_began_ns, longest_ns, longest_before_ns;
    uint64_t long_total;
};

static void on_prepare(uv_prepare_t *prepare)
{
    TurnMeter *meter = prepare->data;
    uint64_t now_ns = uv_hrtime(), idle_ns = uv_metrics_idle_time(prepare->loop);
    uint64_t turn_ns = now_ns - meter->began_ns - (idle_ns - meter->idle_ns);
    if (now_ns - meter->minute_began_ns > MINUTE_NS) {
        meter->minute_began_ns = now_ns;
        meter->longest_before_ns = meter->longest_ns;
        meter->longest_ns = 0;
    }
    meter->longest_ns = MAX(meter->longest_ns, turn_ns);
    meter->long_total += turn_ns > TURN_METER_LONG_MS * UINT64_C(1000000);
    meter->began_ns = now_ns;
    meter->idle_ns = idle_ns;
}

TurnMeter *turn_meter_new(uv_loop_t *loop)
{
    TurnMeter *meter = g_new0(TurnMeter, 1);
    (void)uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
    uv_prepare_init(loop, &meter->prepare);
    meter->prepare.data = meter;
    meter->began_ns = meter->minute_began_ns = uv_hrtime();
    meter->idle_ns = uv_metrics_idle_time(loop);
    uv_prepare_start(&meter->prepare, on_prepare);
    uv_unref((uv_handle_t *)&meter->prepare);
    return meter;
}

static void on_closed(uv_handle_t *handle)
{
    g_free(handle->data);
}

void turn_meter_close(TurnMeter *meter)
{
    uv_close((uv_handle_t *)&meter->prepare, on_closed);
}

double turn_meter_longest(const TurnMeter *meter)
{
    return (double)MAX(meter->longest_ns, meter->longest_before_ns) / NS_PER_SECOND;
}

uint64_t turn_meter_long_total(const TurnMeter *meter)
{
    return meter->long_total;
}
