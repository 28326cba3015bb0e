/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The program itself: its command line, a server's start and end, a second server, an admin at
 * work beside it, kill -9, backup and restore. SERAMBI_PROGRAM says what is tested; it runs without
 * plugins, which have tests of their own. */
#include "core/folders.h"
#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX 65536

/* --- Running it ----------------------------------------------------------------------------------
 */

/* Runs "serambi <arguments>" to its end; stdout and stderr together. */
static int run(char **ret_text, const char *format, ...) G_GNUC_PRINTF(2, 3);
static int run(char **ret_text, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    g_autofree char *arguments = g_strdup_vprintf(format, values);
    va_end(values);
    g_autofree char *command =
        g_strdup_printf("\"$SERAMBI_PROGRAM\" %s 2>&1 </dev/null", arguments);
    FILE *pipe = popen(command, "re");
    g_autofree char *text = g_malloc0(TEXT_MAX);
    (void)!fread(text, 1, TEXT_MAX - 1, pipe);
    int status = pclose(pipe);
    if (ret_text)
        *ret_text = g_steal_pointer(&text);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

typedef struct {
    char *data;
    char *password; /* of the first start */
    pid_t child;
    int output;
    int port;
} Server;

static char *read_until(int descriptor, const char *word)
{
    GString *text = g_string_new(NULL);
    char letter;
    while (!strstr(text->str, word) || !g_str_has_suffix(text->str, "\n")) {
        if (read(descriptor, &letter, 1) != 1)
            g_error("the server ended before it said '%s': %s", word, text->str);
        g_string_append_c(text, letter);
    }
    return g_string_free(text, FALSE);
}

static void start(Server *server)
{
    int ends[2];
    g_assert_cmpint(pipe(ends), ==, 0);
    server->child = fork();
    if (server->child == 0) {
        const char *program = g_getenv("SERAMBI_PROGRAM");
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execl(program, program, "serve", "--data", server->data, "--listen", "127.0.0.1:0",
                    NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    server->output = ends[0];
    g_autofree char *said = read_until(ends[0], "listening on http://127.0.0.1:");
    server->port = atoi(strstr(said, "127.0.0.1:") + strlen("127.0.0.1:"));
    g_assert_cmpint(server->port, >, 0);
    const char *password = strstr(said, "password: ");
    g_free(server->password);
    server->password = NULL;
    if (password)
        server->password = g_strndup(password + 10, strcspn(password + 10, "\n"));
}

static int stop(Server *server, int signal_number)
{
    int status = 0;
    (void)kill(server->child, signal_number);
    g_assert_cmpint(waitpid(server->child, &status, 0), ==, server->child);
    (void)close(server->output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* One HTTP exchange; the whole answer. */
static char *ask(const Server *server, const char *method, const char *path, const char *headers,
                 const char *body)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)server->port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(descriptor, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_autofree char *request =
        g_strdup_printf("%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n%s"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        method, path, server->port, headers, strlen(body), body);
    g_assert_cmpint(send(descriptor, request, strlen(request), MSG_NOSIGNAL), ==, strlen(request));
    GString *answer = g_string_new(NULL);
    char part[4096];
    for (ssize_t size; (size = recv(descriptor, part, sizeof part, 0)) > 0;)
        g_string_append_len(answer, part, size);
    (void)close(descriptor);
    return g_string_free(answer, FALSE);
}

static void assert_says(const char *answer, const char *part)
{
    if (!strstr(answer, part))
        g_error("'%s' is not in: %s", part, answer);
}

static Server *server_new(void)
{
    Server *server = g_new0(Server, 1);
    g_autofree char *room = g_dir_make_tmp("serambi-program-XXXXXX", NULL);
    server->data = g_build_filename(room, "data", NULL);
    return server;
}

static void server_free(Server *server)
{
    g_autofree char *room = g_path_get_dirname(server->data);
    g_assert_true(folders_remove(room, NULL));
    g_free(server->data);
    g_free(server->password);
    g_free(server);
}

/* --- Command line --------------------------------------------------------------------------------
 */

static void test_usage(void)
{
    static const struct {
        const char *arguments;
        int status;
        const char *part;
    } calls[] = {
        {"--version", 0, "serambi 0."},
        {"--help", 0, "serambi serve --data DIR"},
        {"", 2, "serambi serve --data DIR"},
        {"dance", 2, "no command 'dance'"},
        {"serve", 2, "needs --data DIR"},
        {"serve --nonsense", 2, "--nonsense"},
        {"user add --data /nonexistent/x", 2, "NAME"},
        {"user add rina --data /nonexistent/x", 2, "--role"},
        {"token add bot --role counter --days -1 --data /nonexistent/x", 2, "--days"},
        {"token add bot --role counter --days 36501 --data /nonexistent/x", 2, "--days"},
        {"verify --data /proc/nowhere", 1, "/proc/nowhere"},
        {"check", 0, "fine"},
        {"check --config /nonexistent/serambi.ini", 1, "/nonexistent/serambi.ini"},
        {"check --defaults", 0, "listen=0.0.0.0:8080"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
        g_autofree char *text = NULL;
        g_assert_cmpint(run(&text, "%s", calls[i].arguments), ==, calls[i].status);
        assert_says(text, calls[i].part);
    }
}

static void test_check(void)
{
    static const struct {
        const char *settings, *part;
    } mistakes[] = {
        {"[serambi]\nlisten=everywhere\n", "'everywhere' is not address:port"},
        {"[serambi]\nreserve_mb=-1\n", "line 2: [serambi] reserve_mb"},
        {"[serambi]\nlisen=0.0.0.0:80\n", "did you mean 'listen'"},
        {"\n[serambo]\n", "line 2: nothing is called [serambo], did you mean [serambi]"},
    };
    g_autofree char *folder = g_dir_make_tmp("serambi-check-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "serambi.ini", NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(mistakes); i++) {
        g_autofree char *text = NULL;
        g_assert_true(g_file_set_contents(path, mistakes[i].settings, -1, NULL));
        g_assert_cmpint(run(&text, "check --config %s", path), ==, 1);
        assert_says(text, mistakes[i].part);
    }
    /* The defaults that it prints are a file that it accepts. */
    g_autofree char *defaults = NULL, *verdict = NULL;
    g_assert_cmpint(run(&defaults, "check --defaults"), ==, 0);
    g_assert_true(g_file_set_contents(path, defaults, -1, NULL));
    if (run(&verdict, "check --config %s", path) != 0)
        g_error("%s", verdict);
    g_assert_true(folders_remove(folder, NULL));
}

/* --- The server ----------------------------------------------------------------------------------
 */

static void test_serve(void)
{
    static const struct {
        const char *path, *status, *part;
    } pages[] = {
        {"/", " 200 ", "<!DOCTYPE html>"},
        {"/staff", " 200 ", "<!DOCTYPE html>"},
        {"/kiosk", " 200 ", "class=\"kiosk\""},
        {"/healthz", " 200 ", "true"},
        {"/readyz", " 200 ", "\"ready\":true"},
        {"/metrics", " 200 ", "serambi_live_readers"},
        {"/metrics", " 200 ", "serambi_live_subscriptions 0"},
        {"/metrics", " 200 ", "\n# TYPE serambi_live_errors counter\n"},
        {"/metrics", " 200 ", "\nserambi_live_errors_total{code=\"103\"} 0\n"},
        {"/metrics", " 200 ", "\nserambi_live_disconnects_total{code=\"1009\"} 0\n"},
        {"/metrics", " 200 ", "\nserambi_live_commands_total{method=\"subscribe\"} 0\n"},
        {"/metrics", " 200 ", "serambi_store_commits_total "},
        {"/metrics", " 200 ", "serambi_store_waiting 0"},
        {"/metrics", " 200 ", "serambi_jobs_running 0"},
        {"/metrics", " 200 ", "serambi_jobs_waiting 0"},
        {"/metrics", " 200 ", "serambi_uploads_open 0"},
        {"/api/plugins", " 200 ", "["},
        {"/api/openapi.json", " 200 ", "3.1.0"},
        {"/api/asyncapi.json", " 200 ", "3.0.0"},
        {"/api/session", " 200 ", "\"role\":\"public\""},
        {"/api/nothing", " 404 ", "error.not_found"},
        {"/nothing", " 404 ", "error"},
        {"/media/00", " 404 ", ""},
    };
    Server *server = server_new();
    start(server);
    g_assert_nonnull(server->password);
    for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
        g_autofree char *answer = ask(server, "GET", pages[i].path, "Accept: */*\r\n", "");
        assert_says(answer, pages[i].status);
        if (!strstr(answer, "gzip"))
            assert_says(answer, pages[i].part);
    }
    g_autofree char *login =
        g_strdup_printf("{\"name\":\"admin\",\"password\":\"%s\"}", server->password);
    g_autofree char *session = ask(server, "POST", "/api/session", "", login);
    assert_says(session, "\"role\":\"admin\"");
    struct stat info;
    g_assert_cmpint(stat(server->data, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 0777, ==, 0700);
    /* A second server on the folder. */
    g_autofree char *second = NULL;
    g_assert_cmpint(run(&second, "serve --data %s --listen 127.0.0.1:0", server->data), ==, 1);
    assert_says(second, "another server is running");
    g_assert_cmpint(stop(server, SIGTERM), ==, 0);
    /* Again: the administrator is there, nothing is printed; Ctrl-C ends it as well. */
    start(server);
    g_assert_null(server->password);
    (void)kill(server->child, SIGHUP);
    g_autofree char *health = ask(server, "GET", "/healthz", "", "");
    assert_says(health, " 200 ");
    g_assert_cmpint(stop(server, SIGINT), ==, 0);
    server_free(server);
}

/* A typing error stops the start, with its place. */
static void test_wrong_settings(void)
{
    g_autofree char *folder = g_dir_make_tmp("serambi-wrong-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "serambi.ini", NULL);
    g_autofree char *text = NULL;
    g_assert_true(g_file_set_contents(path, "[serambi]\nreserv_mb=1\n", -1, NULL));
    g_assert_cmpint(run(&text, "serve --data %s --listen 127.0.0.1:0", folder), ==, 1);
    assert_says(text, "line 2: [serambi] has no setting 'reserv_mb', did you mean 'reserve_mb'?");
    /* A plugin that can not be opened is off; the server is there. */
    g_autofree char *junk = g_build_filename(g_getenv("SERAMBI_PLUGINS"), "hall.so", NULL);
    g_assert_true(g_file_set_contents(junk, "junk", -1, NULL));
    g_assert_true(g_file_set_contents(path, "[hall]\nseats=1\n", -1, NULL));
    Server server = {.data = folder};
    start(&server);
    g_autofree char *plugins = ask(&server, "GET", "/api/plugins", "", "");
    assert_says(plugins, "\"id\":\"hall\"");
    assert_says(plugins, "\"state\":\"off\"");
    g_assert_cmpint(stop(&server, SIGTERM), ==, 0);
    g_free(server.password);
    (void)g_unlink(junk);
    g_assert_true(folders_remove(folder, NULL));
}

static void test_port_in_use(void)
{
    Server *server = server_new();
    start(server);
    g_autofree char *text = NULL, *other = g_strconcat(server->data, "-other", NULL);
    g_assert_cmpint(run(&text, "serve --data %s --listen 127.0.0.1:%d", other, server->port), ==,
                    1);
    assert_says(text, "serambi: ");
    g_assert_cmpint(stop(server, SIGTERM), ==, 0);
    server_free(server);
}

/* Users and tokens while the server runs; kill -9; they are still there. */
static void test_admin(void)
{
    Server *server = server_new();
    start(server);
    g_autofree char *password = NULL, *token = NULL, *users = NULL, *tokens = NULL;
    g_assert_cmpint(run(&password, "user add rina --role editor --data %s", server->data), ==, 0);
    g_assert_cmpint(run(NULL, "user add rina --role editor --data %s", server->data), ==, 1);
    g_assert_cmpint(run(&token, "token add bot --role counter --data %s", server->data), ==, 0);
    (void)g_strchomp(password);
    (void)g_strchomp(token);
    g_autofree char *bearer = g_strdup_printf("Authorization: Bearer %s\r\n", token);
    g_assert_cmpint(run(&tokens, "token list --data %s", server->data), ==, 0);
    g_assert_cmpstr(tokens, ==, "bot\tcounter\tnever\n");
    g_autofree char *wall = NULL, *walls = NULL;
    g_assert_cmpint(run(&wall,
                        "token add wall --role display --days 2 --subscribe queue:board "
                        "--subscribe queue:calls --data %s",
                        server->data),
                    ==, 0);
    g_assert_cmpint(
        run(NULL, "token add hall --role display --subscribe board --data %s", server->data), ==,
        1);
    g_assert_cmpint(run(&walls, "token list --data %s", server->data), ==, 0);
    g_assert_true(g_regex_match_simple(
        "^wall\tdisplay\tnever\t\\d{4}-\\d\\d-\\d\\d\tqueue:board queue:calls$", walls,
        G_REGEX_MULTILINE, 0));
    g_autofree char *who = ask(server, "GET", "/api/session", bearer, "");
    assert_says(who, "\"role\":\"counter\"");
    (void)stop(server, SIGKILL);
    start(server);
    g_autofree char *login = g_strdup_printf("{\"name\":\"rina\",\"password\":\"%s\"}", password);
    g_autofree char *session = ask(server, "POST", "/api/session", "", login);
    assert_says(session, "\"role\":\"editor\"");
    g_assert_cmpint(run(NULL, "token remove bot --data %s", server->data), ==, 0);
    g_autofree char *gone = ask(server, "GET", "/api/session", bearer, "");
    assert_says(gone, " 401 ");
    g_assert_cmpint(run(NULL, "user remove rina --data %s", server->data), ==, 0);
    g_assert_cmpint(run(&users, "user list --data %s", server->data), ==, 0);
    g_assert_cmpstr(users, ==, "admin\tadmin\n");
    g_assert_cmpint(stop(server, SIGTERM), ==, 0);
    server_free(server);
}

static void test_backup(void)
{
    Server *server = server_new();
    start(server);
    g_autofree char *archive = g_strconcat(server->data, ".tar", NULL);
    g_autofree char *copy = g_strconcat(server->data, "-copy", NULL);
    g_autofree char *text = NULL, *users = NULL;
    g_autofree char *settings = g_build_filename(server->data, "serambi.ini", NULL);
    g_autofree char *kept = g_build_filename(copy, "serambi.ini", NULL);
    g_assert_true(g_file_set_contents(settings, "[serambi]\njobs_parallel=2\n", -1, NULL));
    g_assert_cmpint(run(NULL, "backup %s --data %s", archive, server->data), ==, 0);
    g_assert_cmpint(stop(server, SIGTERM), ==, 0);
    g_assert_cmpint(run(NULL, "restore %s --data %s", archive, server->data), ==, 1);
    g_assert_cmpint(run(&text, "restore %s --data %s", archive, copy), ==, 0);
    assert_says(text, "database sound");
    g_assert_true(g_file_test(kept, G_FILE_TEST_IS_REGULAR));
    g_assert_cmpint(run(&users, "user list --data %s", copy), ==, 0);
    g_assert_cmpstr(users, ==, "admin\tadmin\n");
    server_free(server);
}

/* READY=1 comes when the port is open. */
static void test_notify(void)
{
    Server *server = server_new();
    g_autofree char *room = g_path_get_dirname(server->data);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)g_snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", room);
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(descriptor, (struct sockaddr *)&address, sizeof address), ==, 0);
    (void)g_setenv("NOTIFY_SOCKET", address.sun_path, TRUE);
    start(server);
    g_unsetenv("NOTIFY_SOCKET");
    char message[64] = "";
    g_assert_cmpint(recv(descriptor, message, sizeof message - 1, 0), >, 0);
    g_assert_cmpstr(message, ==, "READY=1");
    g_assert_cmpint(stop(server, SIGTERM), ==, 0);
    (void)close(descriptor);
    server_free(server);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!g_getenv("SERAMBI_PROGRAM")) {
        (void)fprintf(stderr, "SERAMBI_PROGRAM must name the program\n");
        return 1;
    }
    g_autofree char *plugins = g_dir_make_tmp("serambi-plugins-XXXXXX", NULL);
    (void)g_setenv("SERAMBI_PLUGINS", plugins, TRUE);
    g_test_add_func("/serambi/usage", test_usage);
    g_test_add_func("/serambi/check", test_check);
    g_test_add_func("/serambi/serve", test_serve);
    g_test_add_func("/serambi/wrong-settings", test_wrong_settings);
    g_test_add_func("/serambi/port-in-use", test_port_in_use);
    g_test_add_func("/serambi/admin", test_admin);
    g_test_add_func("/serambi/backup", test_backup);
    g_test_add_func("/serambi/notify", test_notify);
    int status = g_test_run();
    (void)g_rmdir(plugins);
    return status;
}
