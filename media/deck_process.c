/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One process of serambi-media, held by a pidfd: its number can never mean another process. */
#include "deck_process.h"
#include "deck.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_RING    3
#define CHILD_CONTROL 4
#define FIRST_FREE_FD                                                                              \
    10 /* our copies lie above the child's numbers, so that dup2 never hits them */

extern char **environ;

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static bool fail_start(GError **error, int reason, const char *program)
{
    g_set_error(error, DECK_ERROR, DECK_ERROR_SYSTEM, "cannot start '%s': %s", program,
                g_strerror(reason));
    return false;
}

static int add_files(posix_spawn_file_actions_t *actions, int ring_fd, int control)
{
    int failed = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, ring_fd, CHILD_RING);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, control, CHILD_CONTROL);
    if (!failed)
        failed = posix_spawn_file_actions_addclosefrom_np(actions, CHILD_CONTROL + 1);
    return failed;
}

static int spawn(pid_t *ret_pid, const char *program, int ring_fd, int control)
{
    char *arguments[] = {(char *)program,
                         (char *)"play",
                         (char *)"--ring",
                         (char *)"3",
                         (char *)"--control",
                         (char *)"4",
                         NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = add_files(&actions, ring_fd, control);
    if (!failed)
        failed = posix_spawn(ret_pid, program, &actions, &attributes, arguments, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

bool deck_process_start(DeckProcess *process, const char *program, int ring_fd, GError **error)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return fail_start(error, errno, program);
    int ring_copy = fcntl(ring_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    int control_copy = fcntl(pair[1], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    close_fd(&pair[1]);
    int failed = ring_copy < 0 || control_copy < 0 ? EMFILE : 0;
    pid_t pid = 0;
    if (!failed)
        failed = spawn(&pid, program, ring_copy, control_copy);
    close_fd(&ring_copy);
    close_fd(&control_copy);
    if (failed) {
        close_fd(&pair[0]);
        return fail_start(error, failed, program);
    }
    /* Nobody buries it but us, so the number is still its own. */
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        failed = errno;
        close_fd(&pair[0]);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return fail_start(error, failed, program);
    }
    *process = (DeckProcess){.pid = pid, .pidfd = pidfd, .control = pair[0]};
    return true;
}

bool deck_process_send(const DeckProcess *process, const char *line, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } extra = {.bytes = {0}};
    struct iovec text = {.iov_base = (char *)line, .iov_len = strlen(line)};
    struct msghdr packet = {.msg_iov = &text, .msg_iovlen = 1};
    if (fd >= 0) {
        packet.msg_control = &extra;
        packet.msg_controllen = sizeof extra;
        struct cmsghdr *part = CMSG_FIRSTHDR(&packet);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(part), &fd, sizeof fd);
    }
    return sendmsg(process->control, &packet, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)text.iov_len;
}

ssize_t deck_process_receive(const DeckProcess *process, char *line, size_t size)
{
    ssize_t got;
    do
        got = recv(process->control, line, size, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    return got > 0 ? got : -1;
}

void deck_process_kill(DeckProcess *process)
{
    if (process->pid == 0 || process->is_killed)
        return;
    process->is_killed = true;
    (void)syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
}

static void forget(DeckProcess *process)
{
    close_fd(&process->pidfd);
    close_fd(&process->control);
    process->pid = 0;
    process->is_killed = false;
}

bool deck_process_bury(DeckProcess *process)
{
    siginfo_t about = {0};
    if (process->pid == 0 ||
        waitid(P_PIDFD, (id_t)process->pidfd, &about, WEXITED | WNOHANG) != 0 || about.si_pid == 0)
        return false;
    forget(process);
    return true;
}

void deck_process_clear(DeckProcess *process)
{
    if (process->pid == 0)
        return;
    deck_process_kill(process);
    siginfo_t about;
    while (waitid(P_PIDFD, (id_t)process->pidfd, &about, WEXITED) != 0 && errno == EINTR)
        continue;
    forget(process);
}
