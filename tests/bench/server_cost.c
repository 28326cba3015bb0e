/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a server under load costs. */
#include "server_cost.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define US_PER_SECOND 1000000

static int64_t read_threads_us(int pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *folder = opendir(path);
    int64_t sum_ns = 0;
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char name[sizeof path + 300];
        (void)snprintf(name, sizeof name, "%s/%s/schedstat", path, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(name, "re");
        int64_t ns = 0;
        if (file != NULL) {
            sum_ns += fscanf(file, "%" SCNd64, &ns) == 1 ? ns : 0;
            (void)fclose(file);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return sum_ns / 1000;
}

static int64_t read_softirq_us(int core)
{
    char line[512], name[16];
    FILE *file = fopen("/proc/stat", "re");
    int64_t ticks = 0;
    (void)snprintf(name, sizeof name, "cpu%d ", core);
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            (void)sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %" SCNd64, &ticks);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return ticks * US_PER_SECOND / sysconf(_SC_CLK_TCK);
}

static int64_t read_private_kib(int pid)
{
    char line[512];
    (void)snprintf(line, sizeof line, "/proc/%d/smaps_rollup", pid);
    FILE *file = fopen(line, "re");
    int64_t sum = 0, kib;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Private_Clean: %" SCNd64, &kib) == 1 ||
            sscanf(line, "Private_Dirty: %" SCNd64, &kib) == 1) {
            sum += kib;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return sum;
}

static int count_descriptors(int pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *folder = opendir(path);
    int count = 0;
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return count;
}

ServerCost server_cost_read(int pid, int core)
{
    return (ServerCost){
        .cpu_us = read_threads_us(pid),
        .softirq_us = read_softirq_us(core),
        .private_kib = read_private_kib(pid),
        .descriptors = count_descriptors(pid),
    };
}
