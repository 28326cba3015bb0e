/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Checks from inside of the jail what a hostile job would try first. Each case is a child process.
 */
#include "media/worker/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT_ENTER 99

static char *folder;  /* the job's */
static char *outside; /* beside it */

/* Runs `check` in a jailed child; its number tells which of its questions went wrong, 0 none. */
static int ask_inside(const SandboxPolicy *policy, int (*check)(void))
{
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        g_autoptr(GError) error = NULL;
        if (!sandbox_enter(policy, &error))
            _exit(CANNOT_ENTER);
        _exit(check());
    }
    int status = 0;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int ask_network(void)
{
    static const int FAMILIES[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK};
    for (size_t i = 0; i < G_N_ELEMENTS(FAMILIES); i++)
        if (socket(FAMILIES[i], SOCK_STREAM, 0) >= 0 || errno != EACCES)
            return 1 + (int)i;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0)
        return 8;
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 ? 0 : 9;
}

static void test_network(void)
{
    SandboxPolicy policy = {0};
    g_assert_cmpint(ask_inside(&policy, ask_network), ==, 0);
}

static int ask_others(void)
{
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0)
        return 1;
    if (kill(getppid(), 0) == 0)
        return 2;
    if (unshare(CLONE_NEWUSER) == 0)
        return 3;
    if (mount("none", "/tmp", "tmpfs", 0, NULL) == 0)
        return 4;
    if (syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) >= 0)
        return 5;
    if (syscall(SYS_clone3, NULL, 0) >= 0 || errno != ENOSYS)
        return 6;
    if (syscall(SYS_bpf, 0, NULL, 0) >= 0 || syscall(SYS_keyctl, 0, 0, 0, 0, 0) >= 0)
        return 7;
    return 0;
}

static void test_others(void)
{
    SandboxPolicy policy = {0};
    g_assert_cmpint(ask_inside(&policy, ask_others), ==, 0);
}

static int ask_exec(void)
{
    char *const arguments[] = {(char *)"true", NULL};
    (void)execv("/bin/true", arguments);
    return errno == ENOSYS ? 0 : 1;
}

static void test_no_program(void)
{
    SandboxPolicy policy = {0};
    g_assert_cmpint(ask_inside(&policy, ask_exec), ==, 0);
}

static int ask_allowed_program(void)
{
    pid_t child = fork();
    if (child < 0)
        return 1;
    if (child == 0) {
        char *const arguments[] = {(char *)"true", NULL};
        (void)execv("/bin/true", arguments);
        _exit(7);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child)
        return 2;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

static void test_allowed_program(void)
{
    SandboxPolicy policy = {.write_folder = folder,
                            .may_exec = (const char *const[]){"/bin/true", "/usr/bin/true", NULL}};
    g_assert_cmpint(ask_inside(&policy, ask_allowed_program), ==, 0);
}

static int ask_reading_job(void)
{
    g_autofree char *path = g_build_filename(folder, "made", NULL);
    if (open(path, O_WRONLY | O_CREAT, 0600) >= 0)
        return 1;
    if (open(path, O_RDONLY | O_CREAT, 0600) >= 0)
        return 2;
    if (mkdir(path, 0700) == 0 || unlink(outside) == 0 || rename(outside, path) == 0)
        return 3;
    int fd = open("/proc/self/maps", O_RDONLY);
    if (fd < 0)
        return 4;
    char byte;
    return read(fd, &byte, 1) == 1 ? 0 : 5;
}

static void test_reading_job(void)
{
    SandboxPolicy policy = {0};
    g_assert_cmpint(ask_inside(&policy, ask_reading_job), ==, 0);
    g_assert_true(g_file_test(outside, G_FILE_TEST_EXISTS));
}

static int ask_writing_job(void)
{
    g_autofree char *path = g_build_filename(folder, "made", NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1)
        return 1;
    bool has_walls = sandbox_layers() & (SANDBOX_READ_ONLY | SANDBOX_LANDLOCK);
    if (!has_walls)
        return 0; /* this machine forbids both: the lines on stderr say so */
    if (open(outside, O_WRONLY) >= 0)
        return 2;
    if (unlink(outside) == 0)
        return 3;
    return 0;
}

static void test_writing_job(void)
{
    SandboxPolicy policy = {.write_folder = folder};
    g_assert_cmpint(ask_inside(&policy, ask_writing_job), ==, 0);
    g_assert_true(g_file_test(outside, G_FILE_TEST_EXISTS));
    g_autofree char *path = g_build_filename(folder, "made", NULL);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
}

static int ask_file_limit(void)
{
    g_autofree char *path = g_build_filename(folder, "long", NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return 1;
    char block[8192] = {0};
    if (write(fd, block, sizeof block) != 4096)
        return 2;
    return write(fd, block, sizeof block) < 0 && errno == EFBIG ? 0 : 3;
}

static void test_file_limit(void)
{
    SandboxPolicy policy = {.write_folder = folder, .file_bytes = 4096};
    g_assert_cmpint(ask_inside(&policy, ask_file_limit), ==, 0);
}

static int ask_other_limits(void)
{
    struct rlimit limit;
    g_autofree char *score = NULL;
    if (!g_file_get_contents("/proc/self/oom_score_adj", &score, NULL, NULL) ||
        !g_str_equal(score, "1000\n"))
        return 6;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max != 20)
        return 1;
    int opened = 0;
    while (opened < 30 && open("/dev/null", O_RDONLY) >= 0)
        opened++;
    if (opened >= 20)
        return 2;
    if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max != 0)
        return 3;
    if (getrlimit(RLIMIT_CPU, &limit) != 0 || limit.rlim_max != 11)
        return 4;
#ifndef __SANITIZE_ADDRESS__
    void *memory =
        mmap(NULL, 512ul << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        return 5;
#endif
    return 0;
}

static void test_other_limits(void)
{
    SandboxPolicy policy = {.open_files = 20, .cpu_seconds = 11, .memory_bytes = 256ul << 20};
    g_assert_cmpint(ask_inside(&policy, ask_other_limits), ==, 0);
}

static void *wait_for_end(void *gate)
{
    (void)pthread_mutex_lock(gate);
    (void)pthread_mutex_unlock(gate);
    return NULL;
}

static int ask_process_limit(void)
{
    if (!(sandbox_layers() & SANDBOX_USER))
        return 0; /* the limit needs a user namespace, which this machine forbids */
    struct rlimit limit;
    if (getrlimit(RLIMIT_NPROC, &limit) != 0)
        return 1;
    if (limit.rlim_max != 6)
        return 0; /* an old kernel counts the whole user: the limit was taken back */
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&gate);
    pthread_t threads[12];
    int made = 0;
    while (made < 12 && pthread_create(&threads[made], NULL, wait_for_end, &gate) == 0)
        made++;
    (void)pthread_mutex_unlock(&gate);
    for (int i = 0; i < made; i++)
        (void)pthread_join(threads[i], NULL);
    return made >= 1 && made < 6 ? 0 : 10 + made;
}

/* The kernel exempts root from this limit: the child becomes nobody first. */
static void test_process_limit(void)
{
    SandboxPolicy policy = {.processes = 6};
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
            _exit(0); /* a container without other users */
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        _exit(ask_inside(&policy, ask_process_limit));
    }
    int status = 0;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static int ask_layers(void)
{
    unsigned needed = SANDBOX_LIMITS | SANDBOX_PRIVILEGES | SANDBOX_SECCOMP;
    return (sandbox_layers() & needed) == needed ? 0 : 1;
}

static void test_layers(void)
{
    SandboxPolicy policy = {0};
    g_assert_cmpint(ask_inside(&policy, ask_layers), ==, 0);
    g_assert_cmpuint(sandbox_layers(), ==, 0);
}

/* A container may forbid namespaces. The jail itself does: entering a second one must still work.
 */
static int ask_second_jail(void)
{
    SandboxPolicy policy = {0};
    g_autoptr(GError) error = NULL;
    if (!sandbox_enter(&policy, &error))
        return 1;
    if (sandbox_layers() & (SANDBOX_USER | SANDBOX_NETWORK | SANDBOX_READ_ONLY))
        return 2;
    return ask_network();
}

static int refuse_namespaces(void)
{
    /* max_user_namespaces of our own user namespace: no child of it can be made, as on a hardened
     * host. */
    if (unshare(CLONE_NEWUSER) != 0)
        return 0; /* this machine already is such a host: the other cases were that test */
    int fd = open("/proc/sys/user/max_user_namespaces", O_WRONLY);
    if (fd < 0 || write(fd, "0", 1) != 1)
        return 0;
    (void)close(fd);
    (void)syscall(SYS_capset, &(struct {
                      uint32_t version;
                      int pid;
                  }){0x20080522, 0},
                  (uint32_t[6]){0});
    return ask_second_jail();
}

static void test_degrades(void)
{
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0)
        _exit(refuse_namespaces());
    int status = 0;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static void test_missing_folder(void)
{
    SandboxPolicy policy = {.write_folder = "/nonexistent/folder"};
    g_autoptr(GError) error = NULL;
    g_assert_false(sandbox_enter(&policy, &error));
    g_assert_error(error, SANDBOX_ERROR, SANDBOX_ERROR_POLICY);
    g_assert_cmpuint(sandbox_layers(), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("serambi-sandbox-XXXXXX", NULL);
    g_assert_nonnull(folder);
    outside = g_strconcat(folder, "-outside", NULL);
    g_assert_true(g_file_set_contents(outside, "kept", -1, NULL));
    g_test_add_func("/sandbox/layers", test_layers);
    g_test_add_func("/sandbox/network", test_network);
    g_test_add_func("/sandbox/other-processes", test_others);
    g_test_add_func("/sandbox/no-program", test_no_program);
    g_test_add_func("/sandbox/allowed-program", test_allowed_program);
    g_test_add_func("/sandbox/reading-job", test_reading_job);
    g_test_add_func("/sandbox/writing-job", test_writing_job);
    g_test_add_func("/sandbox/file-limit", test_file_limit);
    g_test_add_func("/sandbox/other-limits", test_other_limits);
    g_test_add_func("/sandbox/process-limit", test_process_limit);
    g_test_add_func("/sandbox/degrades", test_degrades);
    g_test_add_func("/sandbox/missing-folder", test_missing_folder);
    int status = g_test_run();
    static const char *const MADE[] = {"made", "long"};
    for (size_t i = 0; i < G_N_ELEMENTS(MADE); i++) {
        g_autofree char *path = g_build_filename(folder, MADE[i], NULL);
        (void)g_unlink(path);
    }
    (void)g_unlink(outside);
    (void)g_rmdir(folder);
    g_free(folder);
    g_free(outside);
    return status;
}
