/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The server's own settings, the group [serambi], and the file they stand in. */
#pragma once
#include "core/loader.h"
#include "core/settings.h"

typedef struct {
    const char *listen; /* "0.0.0.0:8080", "[::]:8080" */
    const char *public_url, *trusted_proxies;
    bool allow_insecure_login;
    int64_t jobs_parallel, job_seconds, reserve_mb, upload_quota_mb, upload_total_mb, clock_port;
} Config;

extern const SerambiSetting config_table[];

/* chosen NULL: <data>/serambi.ini, which may be missing. Fills config, whose texts belong to
 * *ret_settings; plugins' groups are not looked at yet. */
bool config_load(const char *chosen, const char *data_folder, Config *config,
                 Settings **ret_settings, GError **error);
/* "0.0.0.0:8080" into address and port (0 to 65535; g_free() the address). */
bool config_parse_listen(const char *listen, char **ret_address, int *ret_port, GError **error);
/* How the house reaches a server that listens there; g_free(). */
char *config_guess_url(const char *address, int port);
/* Reads all groups with throw-away structs: what `serambi check` says. */
bool config_check_plugins(Settings *settings, GPtrArray *entries, GError **error);
/* The whole file with defaults and help; g_free(). */
char *config_describe(GPtrArray *entries);
