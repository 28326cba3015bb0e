/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Locks a job in, layer by layer; each layer says what it could not do. */
#include "sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/prctl.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#define MEMORY_BYTES_DEFAULT (1536ull << 20)
#define FILE_BYTES_DEFAULT   (4ull << 30)
#define LOG_BYTES_DEFAULT    (1ull << 20)
#define PROCESSES_DEFAULT    64
#define OPEN_FILES_DEFAULT   64
/* ABI 3; the headers of Linux 6.1 do not know it yet. */
#define LANDLOCK_TRUNCATE_BIT (1ull << 14)

G_DEFINE_QUARK(sandbox_error, sandbox_error)

static unsigned held_layers;

unsigned sandbox_layers(void)
{
    return held_layers;
}

#ifdef __SANITIZE_ADDRESS__
/* The leak check at exit traces the process, which the jail forbids: without this it would turn
 * success into failure. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return held_layers != 0;
}
#endif

static void tell_missing(const char *what, int reason)
{
    (void)fprintf(stderr, "sandbox: going on without %s: %s\n", what, g_strerror(reason));
}

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    (void)close(fd);
    return is_written;
}

/* ---- 1 limits ----------------------------------------------------------------------------------
 */

/* Never asks for more than the limit that is already there. */
static bool set_limit(int resource, uint64_t value, const char *what)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0) {
        tell_missing(what, errno);
        return false;
    }
    limit.rlim_max = MIN((rlim_t)value, limit.rlim_max);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit((__rlimit_resource_t)resource, &limit) == 0)
        return true;
    tell_missing(what, errno);
    return false;
}

static bool limit_resources(const SandboxPolicy *policy)
{
    uint64_t file_default = policy->write_folder ? FILE_BYTES_DEFAULT : LOG_BYTES_DEFAULT;
    bool is_held = set_limit(RLIMIT_CORE, 0, "the limit of core dumps");
    is_held &= set_limit(RLIMIT_FSIZE, policy->file_bytes ? policy->file_bytes : file_default,
                         "the limit of file size");
    is_held &=
        set_limit(RLIMIT_NOFILE, policy->open_files ? policy->open_files : OPEN_FILES_DEFAULT,
                  "the limit of open files");
    /* When memory runs out a job goes first, and not the screen or the server. */
    if (!write_text("/proc/self/oom_score_adj", "1000"))
        tell_missing("being the first to go when memory runs out", errno);
    if (policy->cpu_seconds)
        is_held &= set_limit(RLIMIT_CPU, policy->cpu_seconds, "the limit of processor time");
#ifndef __SANITIZE_ADDRESS__ /* reserves terabytes of address space */
    is_held &=
        set_limit(RLIMIT_AS, policy->memory_bytes ? policy->memory_bytes : MEMORY_BYTES_DEFAULT,
                  "the limit of memory");
#endif
    /* A log that is full is not a reason to die. */
    (void)signal(SIGXFSZ, SIG_IGN);
    return is_held;
}

static void *do_nothing(void *unused)
{
    return unused;
}

/* Outside of a user namespace of its own this limit would count every process of the same user. Old
 * kernels count so in any case: then no thread can be made, and the limit is taken back. */
static void limit_processes(uint64_t count)
{
    struct rlimit before;
    if (getrlimit(RLIMIT_NPROC, &before) != 0)
        return;
    struct rlimit wanted = {.rlim_cur = MIN((rlim_t)count, before.rlim_max),
                            .rlim_max = before.rlim_max};
    if (setrlimit(RLIMIT_NPROC, &wanted) != 0) {
        tell_missing("the limit of processes", errno);
        return;
    }
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, do_nothing, NULL);
    if (failed) {
        (void)setrlimit(RLIMIT_NPROC, &before);
        tell_missing("the limit of processes", failed);
        return;
    }
    (void)pthread_join(thread, NULL);
    wanted.rlim_max = wanted.rlim_cur;
    (void)setrlimit(RLIMIT_NPROC, &wanted);
}

/* ---- 2 privileges ------------------------------------------------------------------------------
 */

static bool give_up_privileges(void)
{
    pid_t parent = getppid();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(1); /* the parent died in between: nobody would ever tell us */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        return true;
    tell_missing("no_new_privs", errno);
    return false;
}

static void drop_capabilities(void)
{
    for (int capability = 0; capability <= 63; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            break;
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}, {0}};
    if (syscall(SYS_capset, &header, none) != 0)
        tell_missing("dropping capabilities", errno);
}

/* ---- 3 namespaces ------------------------------------------------------------------------------
 */

/* We stay who we are: the files of this user remain readable. */
static void map_user(uid_t user, gid_t group)
{
    g_autofree char *users = g_strdup_printf("%u %u 1", user, user);
    g_autofree char *groups = g_strdup_printf("%u %u 1", group, group);
    (void)write_text("/proc/self/setgroups", "deny");
    if (!write_text("/proc/self/uid_map", users) || !write_text("/proc/self/gid_map", groups))
        tell_missing("a map of users", errno);
}

/* Makes all that is mounted read-only, but for the write folder, which becomes a mount of its own.
 */
static bool mount_read_only(const char *write_folder)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return false;
    if (write_folder && mount(write_folder, write_folder, NULL, MS_BIND, NULL) != 0)
        return false;
    struct mount_attr close_all = {.attr_set = MOUNT_ATTR_RDONLY};
    if (syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &close_all, sizeof close_all) != 0)
        return false;
    struct mount_attr open_one = {.attr_clr = MOUNT_ATTR_RDONLY};
    return !write_folder ||
           syscall(SYS_mount_setattr, AT_FDCWD, write_folder, 0, &open_one, sizeof open_one) == 0;
}

static unsigned enter_namespaces(const char *write_folder)
{
    uid_t user = geteuid();
    gid_t group = getegid();
    unsigned layers = 0;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) == 0) {
        map_user(user, group);
        layers = SANDBOX_USER | SANDBOX_NETWORK;
    } else {
        tell_missing("a user namespace", errno);
        /* Root in a container may lack the one and have the others. */
        if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) != 0)
            return 0;
        layers = SANDBOX_NETWORK;
    }
    if (mount_read_only(write_folder))
        layers |= SANDBOX_READ_ONLY;
    else
        tell_missing("a read-only view of the files", errno);
    return layers;
}

/* The mount over the write folder hides the old one from names that were resolved before. */
static void reenter_directory(void)
{
    g_autofree char *here = g_get_current_dir();
    if (chdir(here) != 0)
        tell_missing("the working directory", errno);
}

/* ---- 4 Landlock --------------------------------------------------------------------------------
 */

#define LANDLOCK_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define LANDLOCK_FILE_BITS                                                                         \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     LANDLOCK_TRUNCATE_BIT)
#define LANDLOCK_MAKE                                                                              \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG)
#define LANDLOCK_ABI_1 ((1ull << 13) - 1)

/* What programs and libraries read of a Debian system; no home, no /var/lib, no keys. */
static const char *const SYSTEM_PATHS[] = {
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/etc/ld.so.cache",
    "/etc/fonts",
    "/etc/localtime",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/ssl/openssl.cnf",
    "/etc/alternatives",
    "/var/cache/fontconfig",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "/dev/random",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/vm",
    "/sys/devices/system/cpu",
    NULL,
};

/* A path that does not exist is no loss: nobody can read it. */
static void allow_path(int ruleset, const char *path, uint64_t rights, uint64_t handled)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return;
    struct stat about;
    if (fstat(fd, &about) == 0 && !S_ISDIR(about.st_mode))
        rights &= LANDLOCK_FILE_BITS;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights & handled, .parent_fd = fd};
    if (rule.allowed_access &&
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        tell_missing(path, errno);
    (void)close(fd);
}

/* To start a program the kernel also opens the dynamic loader for execution. */
static void allow_loaders(int ruleset, uint64_t handled)
{
    glob_t found = {0};
    if (glob("/lib*/ld-linux*.so*", 0, NULL, &found) == 0 ||
        glob("/lib*/*/ld-linux*.so*", 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            allow_path(ruleset, found.gl_pathv[i], LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_READ,
                       handled);
    globfree(&found);
}

static void allow_policy(int ruleset, const SandboxPolicy *policy, uint64_t handled)
{
    for (const char *const *path = SYSTEM_PATHS; *path; path++)
        allow_path(ruleset, *path, LANDLOCK_READ, handled);
    allow_path(ruleset, "/dev/null", LANDLOCK_READ | LANDLOCK_ACCESS_FS_WRITE_FILE, handled);
    for (const char *const *path = policy->read_paths; path && *path; path++)
        allow_path(ruleset, *path, LANDLOCK_READ, handled);
    if (policy->write_folder)
        allow_path(ruleset, policy->write_folder,
                   LANDLOCK_READ | LANDLOCK_MAKE | LANDLOCK_TRUNCATE_BIT, handled);
    for (const char *const *path = policy->may_exec; path && *path; path++)
        allow_path(ruleset, *path, LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_READ, handled);
    if (policy->may_exec)
        allow_loaders(ruleset, handled);
}

static bool enter_landlock(const SandboxPolicy *policy)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        tell_missing("Landlock", errno);
        return false;
    }
    uint64_t handled = LANDLOCK_ABI_1;
    if (abi >= 2)
        handled |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        handled |= LANDLOCK_TRUNCATE_BIT;
    struct landlock_ruleset_attr attributes = {.handled_access_fs = handled};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes,
                               sizeof attributes.handled_access_fs, 0);
    if (ruleset < 0) {
        tell_missing("Landlock", errno);
        return false;
    }
    allow_policy(ruleset, policy, handled);
    bool is_held = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    if (!is_held)
        tell_missing("Landlock", errno);
    (void)close(ruleset);
    return is_held;
}

/* ---- 5 seccomp ---------------------------------------------------------------------------------
 */

/* Everybody's. What is not here answers ENOSYS, for which glibc has a second way: clone3, openat2,
 * io_uring ... */
static const char *const CALLS[] = {
    /* files that are open */
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "preadv",
    "pwritev",
    "preadv2",
    "pwritev2",
    "lseek",
    "_llseek",
    "close",
    "close_range",
    "fstat",
    "fstat64",
    "fstatfs",
    "fstatfs64",
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "fcntl64",
    "flock",
    "fadvise64",
    "readahead",
    "sendfile",
    "copy_file_range",
    "pipe",
    "pipe2",
    "eventfd",
    "eventfd2",
    "memfd_create",
    "ftruncate",
    "ftruncate64",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "fallocate",
    /* names of files */
    "stat",
    "stat64",
    "lstat",
    "lstat64",
    "newfstatat",
    "fstatat64",
    "statx",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getdents",
    "getdents64",
    "getcwd",
    "chdir",
    "fchdir",
    "statfs",
    "statfs64",
    "umask",
    /* waiting */
    "poll",
    "ppoll",
    "ppoll_time64",
    "select",
    "_newselect",
    "pselect6",
    "pselect6_time64",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    "nanosleep",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "restart_syscall",
    /* sockets that are open: the control line */
    "recvmsg",
    "recvfrom",
    "recv",
    "sendmsg",
    "sendto",
    "send",
    "shutdown",
    "getsockopt",
    "getsockname",
    "getpeername",
    /* memory */
    "mmap",
    "mmap2",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "brk",
    "msync",
    "mincore",
    "membarrier",
    /* threads and signals */
    "futex",
    "futex_time64",
    "futex_waitv",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "gettid",
    "sched_yield",
    "sched_getaffinity",
    "sched_setaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getpriority",
    "setpriority",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "rt_sigpending",
    "rt_sigsuspend",
    "sigaltstack",
    "exit",
    "exit_group",
    "getcpu",
    /* who and when */
    "getpid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getuid32",
    "geteuid32",
    "getgid32",
    "getegid32",
    "getgroups",
    "getresuid",
    "getresgid",
    "getpgrp",
    "getpgid",
    "getsid",
    "getrlimit",
    "ugetrlimit",
    "prlimit64",
    "setrlimit",
    "getrusage",
    "sysinfo",
    "uname",
    "times",
    "time",
    "gettimeofday",
    "clock_gettime",
    "clock_gettime64",
    "clock_getres",
    "getrandom",
    "arch_prctl",
};

/* With a write folder. Landlock or the read-only view say where. */
static const char *const WRITE_CALLS[] = {
    "open",     "openat",   "creat",     "mkdir",     "mkdirat",  "rmdir",      "unlink",
    "unlinkat", "rename",   "renameat",  "renameat2", "truncate", "truncate64", "chmod",
    "fchmod",   "fchmodat", "utimensat", "link",      "linkat",   "symlink",    "symlinkat",
};

/* For jobs that start ffmpeg, watch it and stop it. */
static const char *const EXEC_CALLS[] = {
    "execve",
    "execveat",
    "fork",
    "vfork",
    "wait4",
    "waitid",
    "kill",
    "tgkill",
    "tkill",
    "pidfd_open",
    "pidfd_send_signal",
    "setpgid",
    "setsid",
};

static const char *const NETWORK_CALLS[] = {
    "socket", "connect", "bind", "listen", "accept", "accept4", "socketcall",
};

#define CLONE_NEW_ANYTHING                                                                         \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)
#define OPEN_WRITE_BITS (O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))

/* A name that this architecture or library does not know cannot be called either. */
static int add_calls(scmp_filter_ctx filter, uint32_t action, const char *const *names,
                     size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < count && !failed; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        if (number != __NR_SCMP_ERROR)
            failed = seccomp_rule_add(filter, action, number, 0);
    }
    return failed;
}

static int add_checked(scmp_filter_ctx filter, uint32_t action, const char *name,
                       struct scmp_arg_cmp check)
{
    int number = seccomp_syscall_resolve_name(name);
    return number == __NR_SCMP_ERROR ? 0
                                     : seccomp_rule_add_array(filter, action, number, 1, &check);
}

static int add_read_only_opens(scmp_filter_ctx filter)
{
    static const struct {
        const char *name;
        unsigned flags_argument;
    } OPENS[] = {{"open", 1}, {"openat", 2}};
    int failed = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(OPENS) && !failed; i++) {
        unsigned argument = OPENS[i].flags_argument;
        failed = add_checked(filter, SCMP_ACT_ALLOW, OPENS[i].name,
                             SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, OPEN_WRITE_BITS, 0));
        if (!failed)
            failed = add_checked(filter, SCMP_ACT_ERRNO(EACCES), OPENS[i].name,
                                 SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, O_ACCMODE, O_WRONLY));
        if (!failed)
            failed = add_checked(filter, SCMP_ACT_ERRNO(EACCES), OPENS[i].name,
                                 SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDWR));
    }
    return failed;
}

/* GStreamer wakes its polls through a pair of stream sockets, which can reach nobody else. A pair
 * of datagram sockets could send to any socket of the host. */
static int add_stream_pair(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2,
                            SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
                            SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM));
}

/* Calls that are harmless only with some arguments. */
static int add_checked_calls(scmp_filter_ctx filter)
{
    static const unsigned long IOCTLS[] = {TCGETS,  TIOCGWINSZ, FIONREAD,
                                           FIONBIO, FIOCLEX,    FIONCLEX};
    static const int PRCTLS[] = {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA, PR_SET_PDEATHSIG,
                                 PR_GET_DUMPABLE};
    int failed = add_checked(filter, SCMP_ACT_ALLOW, "clone",
                             SCMP_CMP(0, SCMP_CMP_MASKED_EQ, CLONE_NEW_ANYTHING, 0));
    for (size_t i = 0; i < G_N_ELEMENTS(IOCTLS) && !failed; i++)
        failed = add_checked(filter, SCMP_ACT_ALLOW, "ioctl",
                             SCMP_CMP(1, SCMP_CMP_MASKED_EQ, 0xffffffff, IOCTLS[i]));
    for (size_t i = 0; i < G_N_ELEMENTS(PRCTLS) && !failed; i++)
        failed = add_checked(filter, SCMP_ACT_ALLOW, "prctl",
                             SCMP_CMP(0, SCMP_CMP_MASKED_EQ, 0xffffffff, (uint64_t)PRCTLS[i]));
    return failed;
}

static int fill_filter(scmp_filter_ctx filter, const SandboxPolicy *policy)
{
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (!failed)
        failed = add_calls(filter, SCMP_ACT_ALLOW, CALLS, G_N_ELEMENTS(CALLS));
    if (!failed)
        failed =
            add_calls(filter, SCMP_ACT_ERRNO(EACCES), NETWORK_CALLS, G_N_ELEMENTS(NETWORK_CALLS));
    if (!failed)
        failed = add_stream_pair(filter);
    if (!failed)
        failed = add_checked_calls(filter);
    if (!failed && policy->write_folder)
        failed = add_calls(filter, SCMP_ACT_ALLOW, WRITE_CALLS, G_N_ELEMENTS(WRITE_CALLS));
    else if (!failed)
        failed = add_read_only_opens(filter);
    if (!failed && policy->may_exec)
        failed = add_calls(filter, SCMP_ACT_ALLOW, EXEC_CALLS, G_N_ELEMENTS(EXEC_CALLS));
    else if (!failed) /* abort() must still work */
        failed = add_checked(filter, SCMP_ACT_ALLOW, "tgkill",
                             SCMP_CMP(0, SCMP_CMP_MASKED_EQ, 0xffffffff, (uint64_t)getpid()));
    return failed ? failed : seccomp_load(filter);
}

static bool enter_seccomp(const SandboxPolicy *policy, GError **error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int failed = filter ? fill_filter(filter, policy) : -ENOMEM;
    if (filter)
        seccomp_release(filter);
    if (!failed)
        return true;
    g_set_error(error, SANDBOX_ERROR, SANDBOX_ERROR_SECCOMP,
                "the system call filter could not be loaded: %s", g_strerror(-failed));
    return false;
}

bool sandbox_enter(const SandboxPolicy *policy, GError **error)
{
    SandboxPolicy exact = *policy;
    g_autofree char *folder = NULL;
    if (policy->write_folder) {
        char *resolved = realpath(policy->write_folder, NULL);
        if (!resolved) {
            g_set_error(error, SANDBOX_ERROR, SANDBOX_ERROR_POLICY, "cannot write in '%s': %s",
                        policy->write_folder, g_strerror(errno));
            return false;
        }
        folder = g_strdup(resolved);
        free(resolved);
        exact.write_folder = folder;
    }
    unsigned layers = 0;
    if (limit_resources(&exact))
        layers |= SANDBOX_LIMITS;
    if (give_up_privileges())
        layers |= SANDBOX_PRIVILEGES;
    layers |= enter_namespaces(exact.write_folder);
    if (layers & SANDBOX_READ_ONLY)
        reenter_directory();
    if (layers & SANDBOX_USER)
        limit_processes(exact.processes ? exact.processes : PROCESSES_DEFAULT);
    drop_capabilities();
    if (enter_landlock(&exact))
        layers |= SANDBOX_LANDLOCK;
    if (!enter_seccomp(&exact, error))
        return false;
    held_layers = layers | SANDBOX_SECCOMP;
    return true;
}
