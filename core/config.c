/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The server's own settings. */
#include "core/config.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

const SerambiSetting config_table[] = {
    {.key = "listen",
     .kind = SERAMBI_TEXT,
     .offset = offsetof(Config, listen),
     .fallback = "0.0.0.0:8080",
     .min = 3,
     .max = 100,
     .help = "address and port of the web server"},
    {.key = "public_url",
     .kind = SERAMBI_TEXT,
     .offset = offsetof(Config, public_url),
     .fallback = "",
     .max = 200,
     .help = "what the QR code shows, such as http://library.lan; empty: this machine's address"},
    {.key = "trusted_proxies",
     .kind = SERAMBI_TEXT,
     .offset = offsetof(Config, trusted_proxies),
     .fallback = "",
     .max = 1000,
     .help = "addresses of reverse proxies whose X-Forwarded-For is believed"},
    {.key = "allow_insecure_login",
     .kind = SERAMBI_BOOL,
     .offset = offsetof(Config, allow_insecure_login),
     .fallback = "true",
     .help = "staff may log in over plain http; set it to false behind a proxy with https"},
    {.key = "jobs_parallel",
     .kind = SERAMBI_INT,
     .offset = offsetof(Config, jobs_parallel),
     .fallback = "1",
     .min = 1,
     .max = 16,
     .help = "how many uploads are prepared at once"},
    {.key = "job_seconds",
     .kind = SERAMBI_INT,
     .offset = offsetof(Config, job_seconds),
     .fallback = "3600",
     .min = 10,
     .max = 86400,
     .help = "how long the preparation of one upload may take"},
    {.key = "reserve_mb",
     .kind = SERAMBI_INT,
     .offset = offsetof(Config, reserve_mb),
     .fallback = "512",
     .min = 0,
     .max = 1000000,
     .help = "free space on the disk that uploads and announcements leave alone"},
    {.key = "upload_quota_mb",
     .kind = SERAMBI_INT,
     .offset = offsetof(Config, upload_quota_mb),
     .fallback = "20000",
     .min = 1,
     .max = 10000000,
     .help = "unfinished uploads of one person"},
    {.key = "upload_total_mb",
     .kind = SERAMBI_INT,
     .offset = offsetof(Config, upload_total_mb),
     .fallback = "100000",
     .min = 1,
     .max = 10000000,
     .help = "unfinished uploads of all together"},
    {.key = "clock_port",
     .kind = SERAMBI_INT,
     .offset = offsetof(Config, clock_port),
     .fallback = "0",
     .min = 0,
     .max = 65535,
     .help = "UDP port that tells screens the time; 0: the number of the web server's port"},
    {0},
};

bool config_load(const char *chosen, const char *data_folder, Config *config,
                 Settings **ret_settings, GError **error)
{
    g_autofree char *usual =
        data_folder ? g_build_filename(data_folder, "serambi.ini", NULL) : NULL;
    Settings *settings = settings_load(chosen ? chosen : usual, chosen == NULL, error);
    g_autofree char *address = NULL;
    int port = 0;
    if (settings && settings_fill(settings, "serambi", config_table, config, error) &&
        config_parse_listen(config->listen, &address, &port, error)) {
        *ret_settings = settings;
        return true;
    }
    settings_free(settings);
    return false;
}

bool config_parse_listen(const char *listen, char **ret_address, int *ret_port, GError **error)
{
    const char *colon = strrchr(listen, ':');
    guint64 port = 0;
    g_autofree char *address = colon ? g_strndup(listen, (gsize)(colon - listen)) : NULL;
    size_t size = address ? strlen(address) : 0;
    if (size > 2 && address[0] == '[' && address[size - 1] == ']') {
        memmove(address, address + 1, size - 2);
        address[size - 2] = '\0';
    }
    uint8_t binary[sizeof(struct in6_addr)];
    bool is_address = address && (inet_pton(AF_INET, address, binary) == 1 ||
                                  inet_pton(AF_INET6, address, binary) == 1);
    if (!is_address || !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL)) {
        g_set_error(error, SETTINGS_ERROR, SETTINGS_ERROR_VALUE,
                    "'%s' is not address:port, such as 0.0.0.0:8080 or [::1]:8080", listen);
        return false;
    }
    *ret_address = g_steal_pointer(&address);
    *ret_port = (int)port;
    return true;
}

/* The address that packets to the world would carry: a UDP socket chooses it without sending. The
 * target is of RFC 5737 and answers nobody. Empty without a route. */
static void find_routed_address(char *ret_text, size_t size)
{
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(9)}, own = {0};
    socklen_t own_size = sizeof own;
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ret_text[0] = '\0';
    if (descriptor < 0)
        return;
    (void)inet_pton(AF_INET, "192.0.2.1", &target.sin_addr);
    if (connect(descriptor, (struct sockaddr *)&target, sizeof target) == 0 &&
        getsockname(descriptor, (struct sockaddr *)&own, &own_size) == 0)
        (void)inet_ntop(AF_INET, &own.sin_addr, ret_text, (socklen_t)size);
    (void)close(descriptor);
}

/* A network without a way out still has its address. */
static void find_any_address(char *ret_text, size_t size)
{
    uv_interface_address_t *list = NULL;
    int count = 0;
    if (uv_interface_addresses(&list, &count) != 0)
        return;
    for (int i = 0; i < count && !*ret_text; i++)
        if (!list[i].is_internal && list[i].address.address4.sin_family == AF_INET)
            (void)uv_ip4_name(&list[i].address.address4, ret_text, size);
    uv_free_interface_addresses(list, count);
}

char *config_guess_url(const char *address, int port)
{
    char found[64] = "";
    bool is_any = g_str_equal(address, "0.0.0.0") || g_str_equal(address, "::");
    if (is_any)
        find_routed_address(found, sizeof found);
    if (is_any && !*found)
        find_any_address(found, sizeof found);
    const char *host = is_any ? (*found ? found : "127.0.0.1") : address;
    const char *left = strchr(host, ':') ? "[" : "", *right = *left ? "]" : "";
    if (port == 80)
        return g_strdup_printf("http://%s%s%s", left, host, right);
    return g_strdup_printf("http://%s%s%s:%d", left, host, right, port);
}

bool config_check_plugins(Settings *settings, GPtrArray *entries, GError **error)
{
    for (guint i = 0; i < entries->len; i++) {
        const SerambiPlugin *plugin = ((const LoaderEntry *)entries->pdata[i])->plugin;
        if (!plugin)
            continue;
        g_autofree void *target = g_malloc0(MAX(plugin->settings_size, 1));
        if (!settings_fill(settings, plugin->id, plugin->settings, target, error))
            return false;
    }
    return settings_check_unknown(settings, error);
}

char *config_describe(GPtrArray *entries)
{
    GString *text = g_string_new(NULL);
    g_autofree char *own = settings_describe("serambi", config_table);
    g_string_append(text, own);
    for (guint i = 0; i < entries->len; i++) {
        const SerambiPlugin *plugin = ((const LoaderEntry *)entries->pdata[i])->plugin;
        if (!plugin || !plugin->settings)
            continue;
        g_autofree char *group = settings_describe(plugin->id, plugin->settings);
        g_string_append_printf(text, "\n%s", group);
    }
    return g_string_free(text, FALSE);
}
