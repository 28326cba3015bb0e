/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The physical ceiling: what the kernel asks for when every client has a socket and every message
 * is one send() to each, and nothing else. No names, no limits, no store, no resuming.
 *
 * ceiling PORT REPLY_BYTES   accepts WebSockets, answers a client's first message with one of
 * REPLY_BYTES, and sends the body of every POST to all of them. */
#include "core/frame.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MOST 20000
#define EVENTS_TURN  1024
#define BACKLOG      4096

enum { IS_NOTHING, IS_HTTP, IS_SOCKET, IS_GREETED };
static unsigned char kinds[CLIENTS_MOST];
static int clients[CLIENTS_MOST], places[CLIENTS_MOST];
static int client_count;

static void leave(int fd)
{
    if (kinds[fd] >= IS_SOCKET) {
        int last = clients[--client_count];
        clients[places[fd]] = last;
        places[last] = places[fd];
    }
    kinds[fd] = IS_NOTHING;
    (void)close(fd);
}

static void say(int fd, const void *bytes, size_t size)
{
    /* The clients of the benchmark read: what a socket does not take would be lost, and counted. */
    (void)!send(fd, bytes, size, MSG_NOSIGNAL);
}

static void shake_hands(int fd, const char *key)
{
    g_autofree char *text =
        g_strdup_printf("%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key); /* RFC 6455, 1.3 */
    g_autoptr(GChecksum) sha1 = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 digest[20];
    gsize size = sizeof digest;
    g_checksum_update(sha1, (const guchar *)text, -1);
    g_checksum_get_digest(sha1, digest, &size);
    g_autofree char *accept = g_base64_encode(digest, size);
    char answer[256];
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                          accept);
    say(fd, answer, (size_t)length);
    kinds[fd] = IS_SOCKET;
    places[fd] = client_count;
    clients[client_count++] = fd;
}

static void publish(int fd, const char *body, size_t size)
{
    g_autoptr(GByteArray) frame = g_byte_array_new();
    frame_append_text(frame, body, size);
    for (int i = 0; i < client_count; i++) {
        say(clients[i], frame->data, frame->len);
    }
    static const char done[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    say(fd, done, strlen(done));
}

/* A publisher that was not answered yet may already have sent the next one. */
static void publish_all(int fd, const char *text)
{
    const char *length, *body;
    while ((length = strstr(text, "Content-Length: ")) != NULL &&
           (body = strstr(length, "\r\n\r\n")) != NULL) {
        size_t size = strtoul(length + strlen("Content-Length: "), NULL, 10);
        publish(fd, body + 4, size);
        text = body + 4 + size;
    }
}

static void receive(int fd, const GByteArray *reply)
{
    char bytes[8192];
    ssize_t size = recv(fd, bytes, sizeof bytes - 1, 0);
    if (size <= 0) {
        leave(fd);
        return;
    }
    bytes[size] = '\0';
    if (kinds[fd] == IS_SOCKET) {
        say(fd, reply->data, reply->len);
        kinds[fd] = IS_GREETED;
    } else if (kinds[fd] == IS_HTTP) {
        const char *key = strstr(bytes, "Sec-WebSocket-Key: ");
        if (key != NULL) {
            shake_hands(fd, key + strlen("Sec-WebSocket-Key: "));
        } else {
            publish_all(fd, bytes);
        }
    }
}

static void welcome(int listener, int poll)
{
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
        if (fd >= CLIENTS_MOST) {
            (void)close(fd);
            continue;
        }
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        kinds[fd] = IS_HTTP;
        (void)epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on(int port)
{
    const int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)port),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, BACKLOG) != 0) {
        perror("ceiling: listen");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "ceiling PORT REPLY_BYTES\n");
        return 2;
    }
    struct rlimit limit = {CLIENTS_MOST, CLIENTS_MOST};
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    int listener = listen_on(atoi(argv[1]));
    g_autofree char *text = g_strnfill((gsize)atoi(argv[2]), 'x');
    g_autoptr(GByteArray) reply = g_byte_array_new();
    frame_append_text(reply, text, strlen(text));
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event listening = {.events = EPOLLIN, .data.fd = listener};
    (void)epoll_ctl(poll, EPOLL_CTL_ADD, listener, &listening);
    for (;;) {
        struct epoll_event events[EVENTS_TURN];
        int count = epoll_wait(poll, events, EVENTS_TURN, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener) {
                welcome(listener, poll);
            } else {
                receive(events[i].data.fd, reply);
            }
        }
    }
}
