/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Figures of the plugins. */
#include "core/gauges.h"
#include "core/limits.h"
#include "core/metrics.h"

typedef struct {
    char *help;
    double value;
} Gauge;

struct Gauges {
    GTree *by_name; /* full name -> Gauge */
};

static int compare(const void *a, const void *b, void *data)
{
    return g_strcmp0(a, b);
}

static void gauge_free(void *data)
{
    Gauge *gauge = data;
    g_free(gauge->help);
    g_free(gauge);
}

Gauges *gauges_new(void)
{
    Gauges *gauges = g_new0(Gauges, 1);
    gauges->by_name = g_tree_new_full(compare, NULL, g_free, gauge_free);
    return gauges;
}

void gauges_free(Gauges *gauges)
{
    if (!gauges)
        return;
    g_tree_unref(gauges->by_name);
    g_free(gauges);
}

void gauges_set(Gauges *gauges, const char *plugin, const char *name, const char *help,
                double value)
{
    g_autofree char *full = g_strdup_printf("serambi_%s_%s", plugin, name);
    Gauge *gauge = g_tree_lookup(gauges->by_name, full);
    if (!gauge) {
        if (g_tree_nnodes(gauges->by_name) >= LIMIT_GAUGES)
            return;
        gauge = g_new0(Gauge, 1);
        gauge->help = g_strdup(help);
        g_tree_insert(gauges->by_name, g_steal_pointer(&full), gauge);
    }
    gauge->value = value;
}

static gboolean write_one(void *name, void *value, void *out)
{
    const Gauge *gauge = value;
    metrics_gauge(out, name, gauge->help, gauge->value);
    return FALSE;
}

void gauges_write(const Gauges *gauges, GString *out)
{
    g_tree_foreach(gauges->by_name, write_one, out);
}
