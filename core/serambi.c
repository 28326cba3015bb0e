/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The program serambi: its command line. Exit statuses: 0 done, 1 it failed, 2 wrong use. */
#include "core/admin.h"
#include "core/config.h"
#include "core/serve.h"
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "serambi serve --data DIR [--listen ADDR:PORT] [--config FILE] [--plugins DIR] [--worker "
    "FILE]\n"
    "serambi check [--data DIR] [--config FILE] [--plugins DIR] [--defaults]\n"
    "serambi user add NAME --role counter|editor|admin [--password-stdin] --data DIR\n"
    "serambi user list|remove NAME|reset NAME --data DIR\n"
    "serambi token add NAME --role ROLE [--days N] [--subscribe CHANNEL]... --data DIR\n"
    "serambi token list --data DIR\n"
    "serambi token remove NAME --data DIR\n"
    "serambi backup FILE --data DIR\n"
    "serambi restore FILE --data DIR\n"
    "serambi verify --data DIR\n"
    "serambi --version | --help\n"
    "\n"
    "  --data DIR        the data folder: database, media, secrets; nothing else to back up\n"
    "  --listen A:P      address and port, in place of [serambi] listen (0.0.0.0:8080)\n"
    "  --config FILE     settings; without it DIR/serambi.ini where that exists\n"
    "  --plugins DIR     where the plugins are (also: SERAMBI_PLUGINS)\n"
    "  --worker FILE     the program serambi-media\n"
    "  --defaults        check: print a settings file with all defaults and their help\n"
    "  --days N          token add: it expires then; 0, or without it: never\n"
    "  --subscribe NAME  token add: who connects with it gets this channel unasked; repeatable\n"
    "  --password-stdin  user add: read the password from stdin; else one is made and printed\n"
    "\n"
    "user add, user reset and token add print the new secret, once. All commands work while the\n"
    "server runs or not. Exit status: 0 done, 1 failed, 2 wrong use.\n";

/* --- check ---------------------------------------------------------------------------------------
 */

static bool are_plugins_fine(GPtrArray *entries)
{
    bool are_fine = true;
    for (guint i = 0; i < entries->len; i++) {
        const LoaderEntry *entry = entries->pdata[i];
        if (entry->error)
            (void)fprintf(stderr, "serambi: plugin '%s': %s\n", entry->id, entry->error->message);
        are_fine = are_fine && !entry->error;
    }
    return are_fine;
}

static int check(const Options *options)
{
    Config config = {0};
    Settings *settings = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *folder =
        options->plugins ? g_strdup(options->plugins) : loader_default_folder();
    g_autoptr(GPtrArray) entries = loader_load_folder(folder);
    if (options->defaults) {
        g_autofree char *text = config_describe(entries);
        (void)fputs(text, stdout);
        return are_plugins_fine(entries) ? OPTIONS_DONE : OPTIONS_FAILED;
    }
    bool are_settings_fine =
        config_load(options->config, options->data, &config, &settings, &error) &&
        config_check_plugins(settings, entries, &error);
    settings_free(settings);
    if (!are_settings_fine)
        (void)fprintf(stderr, "serambi: %s\n", error->message);
    if (!are_plugins_fine(entries) || !are_settings_fine)
        return OPTIONS_FAILED;
    (void)printf("the configuration is fine\n");
    return OPTIONS_DONE;
}

/* --- Commands ------------------------------------------------------------------------------------
 */

typedef struct {
    const char *name;
    int (*run)(const Options *options);
    bool needs_data;
} Command;

static const Command commands[] = {
    {"serve", serve_run, true},     {"check", check, false},
    {"user", admin_user, true},     {"token", admin_token, true},
    {"backup", admin_backup, true}, {"restore", admin_restore, true},
    {"verify", admin_verify, true},
};

static int run(const Options *options)
{
    const char *name = options->words[0];
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_strcmp0(name, commands[i].name) != 0)
            continue;
        if (!commands[i].needs_data || options->data)
            return commands[i].run(options);
        (void)fprintf(stderr, "serambi: %s needs --data DIR\n", name);
        return OPTIONS_USAGE;
    }
    if (name)
        (void)fprintf(stderr, "serambi: there is no command '%s'\n", name);
    (void)fputs(usage, stderr);
    return OPTIONS_USAGE;
}

static bool parse(int argc, char **argv, Options *options, GError **error)
{
    const GOptionEntry entries[] = {
        {"data", 0, 0, G_OPTION_ARG_FILENAME, &options->data, NULL, NULL},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options->config, NULL, NULL},
        {"listen", 0, 0, G_OPTION_ARG_STRING, &options->listen, NULL, NULL},
        {"plugins", 0, 0, G_OPTION_ARG_FILENAME, &options->plugins, NULL, NULL},
        {"worker", 0, 0, G_OPTION_ARG_FILENAME, &options->worker, NULL, NULL},
        {"role", 0, 0, G_OPTION_ARG_STRING, &options->role, NULL, NULL},
        {"days", 0, 0, G_OPTION_ARG_INT, &options->days, NULL, NULL},
        {"subscribe", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->subscribe, NULL, NULL},
        {"password-stdin", 0, 0, G_OPTION_ARG_NONE, &options->password_stdin, NULL, NULL},
        {"defaults", 0, 0, G_OPTION_ARG_NONE, &options->defaults, NULL, NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, NULL, NULL},
        {"help", 'h', 0, G_OPTION_ARG_NONE, &options->help, NULL, NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->words, NULL, NULL},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, &argc, &argv, error);
}

static int dispatch(int argc, char **argv, Options *options)
{
    g_autoptr(GError) error = NULL;
    if (!parse(argc, argv, options, &error)) {
        (void)fprintf(stderr, "serambi: %s; see serambi --help\n", error->message);
        return OPTIONS_USAGE;
    }
    if (options->version) {
        (void)printf("serambi %s\n", SERAMBI_VERSION);
        return OPTIONS_DONE;
    }
    if (options->help) {
        (void)fputs(usage, stdout);
        return OPTIONS_DONE;
    }
    if (!options->words)
        options->words = g_new0(char *, 1);
    return run(options);
}

int main(int argc, char **argv)
{
    json_set_alloc_funcs(g_malloc, g_free);
    if (sodium_init() < 0) {
        (void)fprintf(stderr, "serambi: the system has no random numbers\n");
        return OPTIONS_FAILED;
    }
    Options options = {0};
    int status = dispatch(argc, argv, &options);
    g_free(options.data);
    g_free(options.config);
    g_free(options.listen);
    g_free(options.plugins);
    g_free(options.worker);
    g_free(options.role);
    g_strfreev(options.subscribe);
    g_strfreev(options.words);
    return status;
}
