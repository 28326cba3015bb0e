/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The clock protocol's socket. */
#include "core/clock_socket.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STAMP_OLD_US G_USEC_PER_SEC /* older than this: the machine's clock was set in between */

/* Room for a stamp and an own address of either family. */
typedef union {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(struct in6_pktinfo)) +
                  CMSG_SPACE(sizeof(struct in_pktinfo))];
} Control;

static void switch_on(int fd, int level, int option)
{
    /* Without it the estimate is worse, not wrong: ignoring. */
    (void)setsockopt(fd, level, option, &(int){1}, sizeof(int));
}

static int fail(int fd, const char *what, GError **error)
{
    int failure = errno;
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(failure), "%s: %s", what,
                g_strerror(failure));
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static int open_socket(int family)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        switch_on(fd, SOL_SOCKET, SO_TIMESTAMPNS);
    return fd;
}

int clock_socket_listen(const char *address, int port, GError **error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    g_snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(address, service, &hints, &found) != 0) {
        errno = EINVAL;
        return fail(-1, address, error);
    }
    int fd = open_socket(found->ai_family);
    if (fd >= 0 && found->ai_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int));
        switch_on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    } else if (fd >= 0) {
        switch_on(fd, IPPROTO_IP, IP_PKTINFO);
    }
    bool is_bound = fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0;
    int failure = errno;
    freeaddrinfo(found);
    errno = failure;
    return is_bound ? fd : fail(fd, address, error);
}

int clock_socket_connect(const struct sockaddr *peer, socklen_t size, GError **error)
{
    int fd = open_socket(peer->sa_family);
    if (fd < 0 || connect(fd, peer, size) != 0)
        return fail(fd, "UDP", error);
    return fd;
}

int clock_socket_port(int fd)
{
    struct sockaddr_storage own;
    socklen_t size = sizeof own;
    if (getsockname(fd, (struct sockaddr *)&own, &size) != 0)
        return 0;
    return ntohs(own.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&own)->sin6_port
                                           : ((struct sockaddr_in *)&own)->sin_port);
}

/* The kernel stamps with the machine's clock; the packet's age needs no date. */
static int64_t stamp_to_monotonic_us(const struct timespec *stamp)
{
    int64_t age_us = g_get_real_time() - ((int64_t)stamp->tv_sec * 1000000 + stamp->tv_nsec / 1000);
    int64_t now_us = g_get_monotonic_time();
    return age_us >= 0 && age_us < STAMP_OLD_US ? now_us - age_us : now_us;
}

static void read_control(struct msghdr *message, ClockPath *path, int64_t *ret_monotonic_us)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(head), sizeof stamp);
            *ret_monotonic_us = stamp_to_monotonic_us(&stamp);
        } else if (path && head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(head), sizeof info);
            memcpy(path->own, &info.ipi_spec_dst, sizeof info.ipi_spec_dst);
        } else if (path && head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(head), sizeof info);
            memcpy(path->own, &info.ipi6_addr, sizeof info.ipi6_addr);
        }
    }
}

ssize_t clock_socket_receive(int fd, void *bytes, size_t size, ClockPath *path,
                             int64_t *ret_monotonic_us)
{
    Control control = {0};
    struct iovec vector = {bytes, size};
    ClockPath from = {0};
    struct msghdr message = {.msg_name = &from.peer,
                             .msg_namelen = sizeof from.peer,
                             .msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t length;
    do { /* an ICMP answer to an earlier packet is not this one's end */
        length = recvmsg(fd, &message, MSG_TRUNC);
    } while (length < 0 && (errno == EINTR || errno == ECONNREFUSED));
    if (length < 0)
        return -1;
    *ret_monotonic_us = g_get_monotonic_time();
    from.peer_size = message.msg_namelen;
    read_control(&message, &from, ret_monotonic_us);
    if (path)
        *path = from;
    return length;
}

static void put_control(struct msghdr *message, int level, int type, const void *info, size_t size)
{
    struct cmsghdr *head = message->msg_control;
    head->cmsg_level = level;
    head->cmsg_type = type;
    head->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(head), info, size);
    message->msg_controllen = CMSG_SPACE(size);
}

bool clock_socket_reply(int fd, const void *bytes, size_t size, const ClockPath *path)
{
    static const uint8_t unknown[sizeof path->own];
    Control control = {0};
    struct iovec vector = {(void *)(uintptr_t)bytes, size};
    struct msghdr message = {.msg_name = (void *)(uintptr_t)&path->peer,
                             .msg_namelen = path->peer_size,
                             .msg_iov = &vector,
                             .msg_iovlen = 1};
    if (memcmp(path->own, unknown, sizeof unknown) != 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        if (path->peer.ss_family == AF_INET6) {
            struct in6_pktinfo info = {0};
            memcpy(&info.ipi6_addr, path->own, sizeof info.ipi6_addr);
            put_control(&message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
        } else {
            struct in_pktinfo info = {0};
            memcpy(&info.ipi_spec_dst, path->own, sizeof info.ipi_spec_dst);
            put_control(&message, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
        }
    }
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size;
}
