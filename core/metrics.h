/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What the server counts, as OpenMetrics text. Source: openmetrics.io, specification 1.0.0. */
#pragma once
#include "core/web.h"

typedef struct Metrics Metrics;

/* Begins with the process's and the web server's own figures. */
Metrics *metrics_new(const Web *web);
void metrics_free(Metrics *metrics);
/* write is called for each scrape and adds its figures with metrics_counter(), metrics_gauge(). */
void metrics_add(Metrics *metrics, void (*write)(GString *out, void *data), void *data);
/* name without "_total"; help: one sentence without quotes and line ends. */
void metrics_counter(GString *out, const char *name, const char *help, double value);
void metrics_gauge(GString *out, const char *name, const char *help, double value);
/* Counters that differ in one label: the family once, then each sample. is: without quotes, line
 * ends and backslashes. */
void metrics_family(GString *out, const char *name, const char *help);
void metrics_sample(GString *out, const char *name, const char *label, const char *is,
                    double value);
/* GET and HEAD */
void metrics_handle(Metrics *metrics, HttpRequest *request);
