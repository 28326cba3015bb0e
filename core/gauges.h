/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Figures of the plugins for /metrics, see serambi_gauge(). Main thread. */
#pragma once
#include <glib.h>

typedef struct Gauges Gauges;

Gauges *gauges_new(void);
void gauges_free(Gauges *gauges);
/* The newest value counts; texts are copied. Beyond LIMIT_GAUGES new ones are ignored. */
void gauges_set(Gauges *gauges, const char *plugin, const char *name, const char *help,
                double value);
void gauges_write(const Gauges *gauges, GString *out); /* by name */
