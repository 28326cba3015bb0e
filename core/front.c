/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The front door: listens, counts who is in, and turns the one timer of all connections. */
#include "core/front.h"
#include "core/connection.h"
#include "core/limits.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Descriptors for files, pipes and the database. */
#define DESCRIPTORS_KEPT 256
#define LISTEN_BACKLOG   4096
/* Stale bytes wait with us, not in the kernel (tcp(7): TCP_NOTSENT_LOWAT). */
#define NOTSENT_LOWAT_BYTES (32 * 1024)

G_DEFINE_QUARK(web - error - quark, web_error)

/* --- Who is in -------------------------------------------------------------------------------- */

typedef struct {
    int connections, strangers;
} Address;

bool front_is_trusted_proxy(const Front *front, const char *address)
{
    g_auto(GStrv) proxies = g_strsplit_set(front->trusted_proxies, " \t,", -1);
    return *address != '\0' && g_strv_contains((const char *const *)proxies, address);
}

static bool enter(Front *front, const char *name)
{
    Address *address = g_hash_table_lookup(front->addresses, name);
    /* Everybody comes through the proxy: it is not one client. */
    bool is_proxy = front_is_trusted_proxy(front, name);
    if (front->counters.connections >= (uint64_t)front->options.connections_most ||
        (address != NULL && !is_proxy &&
         (address->connections >= front->options.connections_address ||
          address->strangers >= front->options.connections_stranger))) {
        front->counters.refused_total++;
        return false;
    }
    if (address == NULL) {
        address = g_new0(Address, 1);
        g_hash_table_insert(front->addresses, g_strdup(name), address);
    }
    address->connections++;
    address->strangers++;
    front->counters.connections++;
    front->counters.connections_total++;
    return true;
}

void front_greet(Front *front, const char *name)
{
    Address *address = g_hash_table_lookup(front->addresses, name);
    address->strangers--;
}

void front_leave(Front *front, const char *name)
{
    Address *address = g_hash_table_lookup(front->addresses, name);
    front->counters.connections--;
    if (--address->connections == 0) {
        g_hash_table_remove(front->addresses, name);
    }
}

void front_forget(Connection *connection)
{
    if (connection->is_stranger) {
        front_greet(connection->front, connection->address);
    }
    front_leave(connection->front, connection->address);
}

/* --- Coming in -------------------------------------------------------------------------------- */

static void name_address(const struct sockaddr_storage *from, char *name, size_t size)
{
    *name = '\0';
    if (from->ss_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, name, (socklen_t)size);
    } else if (from->ss_family == AF_INET6) {
        const struct in6_addr *address = &((const struct sockaddr_in6 *)from)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(address)) {
            inet_ntop(AF_INET, &address->s6_addr[12], name, (socklen_t)size);
        } else {
            inet_ntop(AF_INET6, address, name, (socklen_t)size);
        }
    }
}

static void set_option(int fd, int level, int option, int value)
{
    /* None of them is needed to be right, only to be quick: ignoring. */
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

/* Of the listening socket: those that it accepts inherit them all (Linux, sk_clone_lock()), at no
 * cost for each. */
static void tune(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_LOWAT_BYTES);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, LIMIT_BEHIND_SECONDS * 1000);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/* Out of descriptors: without one the client would stay in the queue and wake us for ever. */
static void turn_away(Front *front)
{
    close(front->spare_fd);
    int fd = accept4(front->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        front->counters.refused_total++;
    }
    front->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_tick(uv_timer_t *timer)
{
    Front *front = timer->data;
    uint64_t now = uv_now(front->loop);
    for (GList *link = front->connections.head, *next; link != NULL; link = next) {
        next = link->next;
        connection_tick(link->data, now);
    }
    if (front->connections.length == 0) {
        uv_timer_stop(timer);
    }
}

static void on_listen(uv_poll_t *poll, int status, int events)
{
    Front *front = poll->data;
    TurnBudget budget = turn_budget(); /* a storm does not starve the others */
    while (front->listen_fd >= 0 && !turn_budget_is_spent(&budget)) {
        struct sockaddr_storage from = {0};
        socklen_t size = sizeof from;
        int fd = accept4(front->listen_fd, (struct sockaddr *)&from, &size,
                         SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE) {
                turn_away(front);
            }
            return;
        }
        char name[sizeof((Connection *)NULL)->address];
        name_address(&from, name, sizeof name);
        if (!enter(front, name)) {
            close(fd);
            continue;
        }
        if (!uv_is_active((uv_handle_t *)&front->wheel)) {
            uv_timer_start(&front->wheel, on_tick, 1000, 1000);
        }
        connection_start(front, fd, name);
    }
}

/* --- The end -----------------------------------------------------------------------------------
 */

static void front_free(Front *front)
{
    g_hash_table_unref(front->addresses);
    g_free(front->trusted_proxies);
    g_free(front->listen_address);
    g_free(front->buffer);
    close(front->spare_fd);
    g_free(front);
}

/* One handle of the front is closed. */
static void front_release(Front *front)
{
    front->handles--;
    if (front->is_closing && front->handles == 0) {
        void (*on_closed)(void *) = front->on_closed;
        void *data = front->closed_data;
        front_free(front);
        on_closed(data);
    }
}

/* --- Listening -------------------------------------------------------------------------------- */

static int try_listen(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    info->ai_protocol);
    if (fd < 0) {
        return -1;
    }
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    /* A client comes in with its first byte, so that a storm of honest ones are never many
     * strangers at once; without a byte after about a second. */
    set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
    tune(fd);
    if (info->ai_family == AF_INET6) {
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    }
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        int failure = errno;
        close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

static int read_port(int fd)
{
    struct sockaddr_storage own;
    socklen_t size = sizeof own;
    if (getsockname(fd, (struct sockaddr *)&own, &size) != 0) {
        return 0;
    }
    return ntohs(own.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&own)->sin6_port
                                           : ((struct sockaddr_in *)&own)->sin_port);
}

static bool start_listening(Front *front, GError **error)
{
    const struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    struct addrinfo *found = NULL;
    g_autofree char *port = g_strdup_printf("%d", front->port);
    int result = getaddrinfo(front->listen_address, port, &hints, &found);
    if (result != 0) {
        g_set_error(error, WEB_ERROR, WEB_ERROR_LISTEN, "'%s' is not an address to listen on: %s",
                    front->listen_address, gai_strerror(result));
        return false;
    }
    front->listen_fd = try_listen(found);
    freeaddrinfo(found);
    if (front->listen_fd < 0) {
        g_set_error(error, WEB_ERROR, WEB_ERROR_LISTEN, "could not listen on '%s' port %d: %s",
                    front->listen_address, front->port, g_strerror(errno));
        return false;
    }
    front->port = read_port(front->listen_fd);
    front->listener = g_new0(uv_poll_t, 1);
    uv_poll_init_socket(front->loop, front->listener, front->listen_fd);
    front->listener->data = front;
    uv_poll_start(front->listener, UV_READABLE, on_listen);
    front->handles++;
    return true;
}

static void on_listener_closed(uv_handle_t *handle)
{
    Front *front = handle->data;
    g_free(handle);
    front_release(front);
}

static void stop_listening(Front *front)
{
    if (front->listen_fd >= 0) {
        uv_close((uv_handle_t *)front->listener, on_listener_closed);
        close(front->listen_fd);
        front->listen_fd = -1;
    }
}

void front_set_listening(Front *front, bool listening)
{
    g_autoptr(GError) error = NULL;
    if (!listening) {
        stop_listening(front);
    } else if (front->listen_fd < 0 && !start_listening(front, &error)) {
        g_warning("could not listen again: %s", error->message);
    }
}

/* --- Life ------------------------------------------------------------------------------------- */

/* As many connections as descriptors allow. Returns how many fit. */
static int fit_descriptors(int most)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return most;
    }
    limit.rlim_cur = MIN((rlim_t)most + DESCRIPTORS_KEPT, limit.rlim_max);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    return MAX(16, (int)MIN((rlim_t)most, limit.rlim_cur - DESCRIPTORS_KEPT));
}

static int or_limit(int wanted, int limit)
{
    return wanted != 0 ? wanted : limit;
}

static void fill_options(WebOptions *options)
{
    options->header_seconds = or_limit(options->header_seconds, LIMIT_HEADER_SECONDS);
    options->idle_seconds = or_limit(options->idle_seconds, LIMIT_IDLE_SECONDS);
    options->body_window_seconds =
        or_limit(options->body_window_seconds, LIMIT_BODY_WINDOW_SECONDS);
    options->connections_most =
        fit_descriptors(or_limit(options->connections_most, LIMIT_CONNECTIONS));
    options->connections_address =
        or_limit(options->connections_address, LIMIT_CONNECTIONS_ADDRESS);
    options->connections_stranger =
        or_limit(options->connections_stranger, LIMIT_CONNECTIONS_STRANGER);
}

Front *front_new(uv_loop_t *loop, const WebOptions *options, const FrontHandler *handler,
                 GError **error)
{
    Front *front = g_new0(Front, 1);
    *front = (Front){
        .loop = loop,
        .handler = *handler,
        .options = *options,
        .trusted_proxies = g_strdup(options->trusted_proxies ?: ""),
        .listen_address = g_strdup(options->address),
        .port = options->port,
        .listen_fd = -1,
        .addresses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        .buffer = g_malloc(LIMIT_WRITE_CHUNK_BYTES),
    };
    fill_options(&front->options);
    /* sendfile() to a client that left would end the process. */
    (void)signal(SIGPIPE, SIG_IGN);
    front->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!start_listening(front, error)) {
        front_free(front);
        return NULL;
    }
    front->set = poll_set_new(loop);
    uv_timer_init(loop, &front->wheel);
    uv_idle_init(loop, &front->settler);
    front->wheel.data = front->settler.data = front;
    front->handles += 3;
    return front;
}

static void on_handle_closed(uv_handle_t *handle)
{
    front_release(handle->data);
}

static void on_set_closed(void *data)
{
    front_release(data);
}

static void on_last_settled(uv_idle_t *idle)
{
    Front *front = idle->data;
    /* Here, from the loop: our caller may be a handler of one of them. */
    while (front->connections.length > 0) {
        Connection *connection = front->connections.head->data;
        connection->is_dead = true;
        connection_settle(connection);
    }
    uv_close((uv_handle_t *)&front->settler, on_handle_closed);
    poll_set_close(front->set, on_set_closed, front);
}

void front_close(Front *front, void (*on_closed)(void *data), void *data)
{
    front->is_closing = true;
    front->on_closed = on_closed;
    front->closed_data = data;
    stop_listening(front);
    uv_close((uv_handle_t *)&front->wheel, on_handle_closed);
    uv_idle_stop(&front->settler);
    uv_idle_start(&front->settler, on_last_settled);
}

int front_port(const Front *front)
{
    return front->port;
}

WebCounters *front_counters(Front *front)
{
    return &front->counters;
}
