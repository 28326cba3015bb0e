/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What the server counts. Other rooms add theirs by a hook: this file knows none of them. */
#include "core/metrics.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct {
    void (*write)(GString *out, void *data);
    void *data;
} Hook;

struct Metrics {
    const Web *web;
    GArray *hooks;
};

Metrics *metrics_new(const Web *web)
{
    Metrics *metrics = g_new0(Metrics, 1);
    *metrics = (Metrics){.web = web, .hooks = g_array_new(false, false, sizeof(Hook))};
    return metrics;
}

void metrics_free(Metrics *metrics)
{
    if (metrics != NULL) {
        g_array_unref(metrics->hooks);
        g_free(metrics);
    }
}

void metrics_add(Metrics *metrics, void (*write)(GString *out, void *data), void *data)
{
    Hook hook = {.write = write, .data = data};
    g_array_append_val(metrics->hooks, hook);
}

static void add_head(GString *out, const char *name, const char *type, const char *help)
{
    g_string_append_printf(out, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

static void add_value(GString *out, double value)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_ascii_formatd(number, sizeof number, "%.15g", value);
    g_string_append_printf(out, " %s\n", number);
}

static void add_family(GString *out, const char *name, const char *type, const char *help,
                       const char *suffix, double value)
{
    add_head(out, name, type, help);
    g_string_append_printf(out, "%s%s", name, suffix);
    add_value(out, value);
}

void metrics_counter(GString *out, const char *name, const char *help, double value)
{
    add_family(out, name, "counter", help, "_total", value);
}

void metrics_gauge(GString *out, const char *name, const char *help, double value)
{
    add_family(out, name, "gauge", help, "", value);
}

void metrics_family(GString *out, const char *name, const char *help)
{
    add_head(out, name, "counter", help);
}

void metrics_sample(GString *out, const char *name, const char *label, const char *is, double value)
{
    g_string_append_printf(out, "%s_total{%s=\"%s\"}", name, label, is);
    add_value(out, value);
}

static double read_resident_bytes(void)
{
    long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%ld %ld", &size, &resident) != 2) {
            resident = 0;
        }
        fclose(file);
    }
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void write_process(GString *out)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    metrics_counter(out, "process_cpu_seconds", "Processor time used by the server.", seconds);
    metrics_gauge(out, "process_resident_memory_bytes", "Memory of the server in RAM.",
                  read_resident_bytes());
}

static void write_web(GString *out, const Web *web)
{
    WebCounters counters = web_counters(web);
    metrics_counter(out, "serambi_web_connections", "Connections that came in.",
                    (double)counters.connections_total);
    metrics_counter(out, "serambi_web_requests", "Requests whose head was read.",
                    (double)counters.requests_total);
    metrics_counter(out, "serambi_web_refused",
                    "Connections and requests refused for their form or number.",
                    (double)counters.refused_total);
    metrics_counter(out, "serambi_web_websockets", "WebSockets opened.",
                    (double)counters.websockets_total);
    metrics_counter(out, "serambi_web_sent_bytes", "Bytes sent to clients.",
                    (double)counters.bytes_sent_total);
    metrics_gauge(out, "serambi_web_connections_open", "Connections open now.",
                  (double)counters.connections);
    metrics_gauge(out, "serambi_web_websockets_open", "WebSockets open now.",
                  (double)counters.websockets);
}

void metrics_handle(Metrics *metrics, HttpRequest *request)
{
    const char *method = http_method(request);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        HttpHeader allow = {"Allow", "GET, HEAD"};
        http_reply(request, 405, &allow, 1, NULL);
        return;
    }
    GString *out = g_string_sized_new(4096);
    write_process(out);
    write_web(out, metrics->web);
    for (guint i = 0; i < metrics->hooks->len; i++) {
        const Hook *hook = &g_array_index(metrics->hooks, Hook, i);
        hook->write(out, hook->data);
    }
    g_string_append(out, "# EOF\n");
    HttpHeader headers[] = {
        {"Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8"},
        {"Cache-Control", "no-store"},
    };
    g_autoptr(GBytes) body = g_string_free_to_bytes(out);
    http_reply(request, 200, headers, G_N_ELEMENTS(headers), body);
}
