/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Ten thousand phones in one process, for the benchmark of the live channels: one thread, one
 * epoll. It obeys lines on its standard input, and answers each with a line of JSON:
 *
 *   connect N          opens what is missing to N clients
 *   fan RATE COUNT     publishes COUNT messages, RATE in a second by the clock, whoever is late
 *   burst K            publishes K messages in one request
 *   rest SECONDS       only answers pings
 *   drop               hangs all up at once
 *   storm              hangs all up at once and dials again at once
 *   churn N ALIVE      opens and closes N clients, ALIVE at a time
 *
 * Latency is counted from the moment for which a message was scheduled, so a publisher that comes
 * late hides nothing (no coordinated omission). What the server cost is read from /proc. */
#include "phone.h"
#include "server_cost.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIALS_MOST    400 /* at once; the kernel's queues hold 2048 */
#define EVENTS_TURN   512
#define PATIENCE_US   60000000
#define TEXT_MOST     8192
#define US_PER_SECOND 1000000
#define MS            1e3

typedef struct {
    PhoneManner manner;
    const char *post_path, *token;
    int pid, core, text_bytes;
    bool is_json;

    int poll, publisher;
    Phone *phones;
    uint32_t size;                /* of phones */
    uint32_t wanted, open, ready; /* of them: first `wanted` are to be open */
    uint32_t next, dialling;
    uint64_t failed;
    PhoneTally tally;
    uint64_t published, answered;
} Load;

/* --- Phones ----------------------------------------------------------------------------------- */

static void watch(const Load *load, uint32_t index, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.u32 = index};
    (void)epoll_ctl(load->poll, operation, load->phones[index].fd, &event);
}

static void dial_some(Load *load)
{
    while (load->dialling < DIALS_MOST && load->open < load->wanted) {
        while (load->phones[load->next].state != PHONE_GONE) {
            load->next = (load->next + 1) % load->wanted;
        }
        if (!phone_dial(&load->phones[load->next], load->next, &load->manner)) {
            load->failed++;
            return;
        }
        watch(load, load->next, EPOLLOUT, EPOLL_CTL_ADD);
        load->open++;
        load->dialling++;
    }
}

static void on_phone(Load *load, uint32_t index, uint32_t events)
{
    Phone *phone = &load->phones[index];
    PhoneState before = phone->state;
    if (before == PHONE_GONE) {
        return;
    }
    if (before == PHONE_DIALS && (events & (EPOLLERR | EPOLLHUP)) == 0) {
        watch(load, index, EPOLLIN, EPOLL_CTL_MOD);
        phone_connected(phone, &load->manner);
        return;
    }
    phone_read(phone, &load->manner, &load->tally);
    if (phone->state == PHONE_GONE) {
        load->open--;
        load->failed += before != PHONE_READY;
        load->ready -= before == PHONE_READY;
        load->dialling -= before != PHONE_READY;
    } else if (phone->state == PHONE_READY && before != PHONE_READY) {
        load->ready++;
        load->dialling--;
    }
}

static void drop_all(Load *load)
{
    for (uint32_t i = 0; i < load->size; i++) {
        phone_hang_up(&load->phones[i]);
    }
    load->open = load->ready = load->dialling = 0;
    load->wanted = 0;
}

/* --- Publishing ------------------------------------------------------------------------------- */

static int dial_publisher(const Load *load)
{
    const int on = 1;
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)load->manner.port),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        perror("load: publisher");
        exit(1);
    }
    return fd;
}

/* A connection that the server closed meanwhile is opened again; answers are only counted. */
static void watch_publisher(Load *load)
{
    char bytes[4096];
    if (load->publisher >= 0) {
        ssize_t size;
        while ((size = recv(load->publisher, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
            load->answered += memmem(bytes, (size_t)size, "HTTP/1.1 2", 10) != NULL;
        }
        if (size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
            (void)close(load->publisher);
            load->publisher = -1;
        }
    }
}

static void publish(Load *load, int64_t scheduled_us, int count)
{
    char text[TEXT_MOST], body[TEXT_MOST + 64], request[2 * TEXT_MOST];
    int head =
        snprintf(text, sizeof text, "@%" PRIu64 ":%" PRId64 "@", load->published + 1, scheduled_us);
    memset(text + head, 'x', sizeof text - (size_t)head);
    text[load->text_bytes > head ? load->text_bytes : head] = '\0';
    (void)snprintf(body, sizeof body, load->is_json ? "{\"text\":\"%s\",\"count\":%d}" : "%s", text,
                   count);
    int size =
        snprintf(request, sizeof request,
                 "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                 "%s%s%sContent-Length: %zu\r\n\r\n%s",
                 load->post_path, load->token ? "Authorization: Bearer " : "",
                 load->token ? load->token : "", load->token ? "\r\n" : "", strlen(body), body);
    watch_publisher(load);
    if (load->publisher < 0) {
        load->publisher = dial_publisher(load);
    }
    if (send(load->publisher, request, (size_t)size, MSG_NOSIGNAL) != size) {
        perror("load: publish");
        exit(1);
    }
    load->published += (uint64_t)count;
}

/* --- The loop --------------------------------------------------------------------------------- */

static void turn(Load *load, int64_t until_us)
{
    struct epoll_event events[EVENTS_TURN];
    int64_t left_us = until_us - phone_now_us();
    int64_t left_ms = left_us <= 0 ? 0 : (left_us + 999) / 1000;
    int count = epoll_wait(load->poll, events, EVENTS_TURN, (int)(left_ms > 20 ? 20 : left_ms));
    for (int i = 0; i < count; i++) {
        on_phone(load, events[i].data.u32, events[i].events);
    }
    watch_publisher(load);
    dial_some(load);
}

static ServerCost cost_since(const Load *load, ServerCost before)
{
    ServerCost now = server_cost_read(load->pid, load->core);
    return (ServerCost){
        .cpu_us = now.cpu_us - before.cpu_us,
        .softirq_us = now.softirq_us - before.softirq_us,
        .private_kib = now.private_kib - before.private_kib,
        .descriptors = now.descriptors,
    };
}

static bool connect_all(Load *load, uint32_t wanted)
{
    load->wanted = wanted;
    load->next = 0;
    int64_t end_us = phone_now_us() + PATIENCE_US;
    while (load->ready < wanted && phone_now_us() < end_us) {
        turn(load, end_us);
    }
    return load->ready == wanted;
}

static void answer(const char *what, const Load *load, int64_t began_us, ServerCost cost)
{
    (void)printf("{\"did\":\"%s\",\"ready\":%" PRIu32 ",\"failed\":%" PRIu64 ",\"ms\":%.1f,"
                 "\"cpu_us\":%" PRId64 ",\"softirq_us\":%" PRId64 ",\"private_kib\":%" PRId64
                 ",\"descriptors\":%d,\"messages\":%" PRIu64 ",\"reads\":%" PRIu64
                 ",\"gaps\":%" PRIu64 ",\"repeats\":%" PRIu64 ",\"lost\":%" PRIu64
                 ",\"published\":%" PRIu64,
                 what, load->ready, load->failed, (double)(phone_now_us() - began_us) / MS,
                 cost.cpu_us, cost.softirq_us, cost.private_kib, cost.descriptors,
                 load->tally.messages, load->tally.reads, load->tally.gaps, load->tally.repeats,
                 load->tally.lost, load->published);
    if (load->tally.latency != NULL) {
        const Histogram *latency = load->tally.latency;
        (void)printf(",\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"p999_ms\":%.2f,\"max_ms\":%.2f",
                     (double)histogram_quantile(latency, 0.5) / MS,
                     (double)histogram_quantile(latency, 0.99) / MS,
                     (double)histogram_quantile(latency, 0.999) / MS, (double)latency->max / MS);
    }
    (void)printf("}\n");
    (void)fflush(stdout);
}

static void begin(Load *load, Histogram *latency)
{
    load->tally = (PhoneTally){.latency = latency};
    load->failed = 0;
}

static void run_fan(Load *load, double rate, int count)
{
    static Histogram latency;
    latency = (Histogram){0};
    begin(load, &latency);
    int64_t step_us = (int64_t)(US_PER_SECOND / rate);
    int64_t began_us = phone_now_us(), due_us = began_us + step_us;
    ServerCost before = server_cost_read(load->pid, load->core);
    uint64_t expected = (uint64_t)count * load->ready;
    int64_t end_us = began_us + step_us * count + PATIENCE_US;
    for (int sent = 0; load->tally.messages < expected && phone_now_us() < end_us;) {
        if (sent < count && phone_now_us() >= due_us) {
            publish(load, due_us, 1);
            due_us += step_us;
            sent++;
        }
        turn(load, sent < count ? due_us : end_us);
    }
    answer("fan", load, began_us, cost_since(load, before));
}

static void run_burst(Load *load, int count)
{
    begin(load, NULL);
    int64_t began_us = phone_now_us(), end_us = began_us + PATIENCE_US;
    ServerCost before = server_cost_read(load->pid, load->core);
    uint64_t expected = (uint64_t)count * load->ready;
    publish(load, began_us, count);
    while (load->tally.messages < expected && phone_now_us() < end_us) {
        turn(load, end_us);
    }
    answer("burst", load, began_us, cost_since(load, before));
}

static void run_connect(Load *load, uint32_t wanted)
{
    begin(load, NULL);
    int64_t began_us = phone_now_us();
    ServerCost before = server_cost_read(load->pid, load->core);
    (void)connect_all(load, wanted);
    answer("connect", load, began_us, cost_since(load, before));
}

static void run_rest(Load *load, double seconds)
{
    begin(load, NULL);
    int64_t began_us = phone_now_us(), end_us = began_us + (int64_t)(seconds * US_PER_SECOND);
    ServerCost before = server_cost_read(load->pid, load->core);
    while (phone_now_us() < end_us) {
        turn(load, end_us);
    }
    answer("rest", load, began_us, cost_since(load, before));
}

static void run_drop(Load *load, bool returns)
{
    uint32_t wanted = load->wanted;
    begin(load, NULL);
    int64_t began_us = phone_now_us();
    ServerCost before = server_cost_read(load->pid, load->core);
    drop_all(load);
    if (returns) {
        (void)connect_all(load, wanted);
    }
    answer(returns ? "storm" : "drop", load, began_us, cost_since(load, before));
}

static void run_churn(Load *load, uint64_t total, uint32_t alive)
{
    begin(load, NULL);
    int64_t began_us = phone_now_us();
    ServerCost before = server_cost_read(load->pid, load->core);
    uint64_t connected = 0;
    while (connected < total && connect_all(load, alive)) {
        connected += alive;
        drop_all(load);
    }
    load->ready = (uint32_t)connected; /* all who ever were */
    answer("churn", load, began_us, cost_since(load, before));
    load->ready = 0;
}

static bool obey(Load *load, const char *line)
{
    double rate;
    int count;
    unsigned number, alive;
    uint64_t total;
    if (sscanf(line, "connect %u", &number) == 1 && number <= load->size) {
        run_connect(load, number);
    } else if (sscanf(line, "fan %lf %d", &rate, &count) == 2) {
        run_fan(load, rate, count);
    } else if (sscanf(line, "burst %d", &count) == 1) {
        run_burst(load, count);
    } else if (sscanf(line, "rest %lf", &rate) == 1) {
        run_rest(load, rate);
    } else if (strncmp(line, "drop", 4) == 0) {
        run_drop(load, false);
    } else if (strncmp(line, "storm", 5) == 0) {
        run_drop(load, true);
    } else if (sscanf(line, "churn %" SCNu64 " %u", &total, &alive) == 2 && alive <= load->size) {
        run_churn(load, total, alive);
    } else {
        (void)fprintf(stderr, "load: what is '%s'?\n", line);
        return false;
    }
    return true;
}

/* --- Options ---------------------------------------------------------------------------------- */

static const struct option options[] = {
    {"port", required_argument, NULL, 'p'},  {"path", required_argument, NULL, 'w'},
    {"hello", required_argument, NULL, 'h'}, {"offsets", no_argument, NULL, 'o'},
    {"post", required_argument, NULL, 'u'},  {"json", no_argument, NULL, 'j'},
    {"token", required_argument, NULL, 't'}, {"pid", required_argument, NULL, 'i'},
    {"core", required_argument, NULL, 'c'},  {"text", required_argument, NULL, 's'},
    {"most", required_argument, NULL, 'm'},  {0},
};

static bool read_options(Load *load, int argc, char **argv)
{
    static char hello[TEXT_MOST];
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'p':
            load->manner.port = atoi(optarg);
            break;
        case 'w':
            load->manner.path = optarg;
            break;
        case 'h':
            load->manner.hello_size = phone_frame(optarg, strnlen(optarg, TEXT_MOST - 16), hello);
            load->manner.hello = hello;
            break;
        case 'o':
            load->manner.has_offsets = load->manner.answers_pings = true;
            break;
        case 'u':
            load->post_path = optarg;
            break;
        case 'j':
            load->is_json = true;
            break;
        case 't':
            load->token = optarg;
            break;
        case 'i':
            load->pid = atoi(optarg);
            break;
        case 'c':
            load->core = atoi(optarg);
            break;
        case 's':
            load->text_bytes = atoi(optarg);
            break;
        case 'm':
            load->size = (uint32_t)atoi(optarg);
            break;
        default:
            return false;
        }
    }
    return load->manner.port > 0 && load->size > 0 && load->text_bytes < TEXT_MOST;
}

int main(int argc, char **argv)
{
    Load load = {.manner.path = "/", .post_path = "/", .text_bytes = 200, .size = 10000};
    if (!read_options(&load, argc, argv)) {
        (void)fprintf(stderr, "load --port PORT [--path PATH] [--hello TEXT] [--offsets] "
                              "[--post PATH] [--json] [--token TOKEN] [--pid PID] [--core N] "
                              "[--text BYTES] [--most CLIENTS]\n");
        return 2;
    }
    struct rlimit limit = {load.size + 64, load.size + 64};
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    load.phones = calloc(load.size, sizeof *load.phones);
    load.poll = epoll_create1(EPOLL_CLOEXEC);
    load.publisher = -1;
    char line[256];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (!obey(&load, line)) {
            return 2;
        }
    }
    drop_all(&load);
    free(load.phones);
    return 0;
}
