/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Status before and after, by the real-time command DLE EOT and, in its turn behind the receipt, by
 * GS r: its answer says that what stands before it has been printed.
 *
 * Source: Epson's ESC/POS command reference, DLE EOT n, GS r n, GS a n; the fixed bits of each
 * answer tell it from noise. */
#include "plugins/queue/printer.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_DEFAULT     9100
#define CONNECT_MS       3000
#define STATUS_MS        1500
#define WRITE_MS         8000
#define END_MS           6000
#define NOISE_BYTES_MOST 4096

/* DLE EOT 1: bits 1 and 4 are set, 0 and 7 are not; so in all four answers. */
#define STATUS_FIXED_MASK 0x93
#define STATUS_FIXED      0x12
#define STATUS_OFFLINE    0x08 /* n = 1 */
#define STATUS_COVER_OPEN 0x04 /* n = 2 */
#define STATUS_PAPER_STOP 0x20 /* n = 2 */
#define STATUS_PAPER_GONE 0x60 /* n = 4 */
#define AT_END_FIXED_MASK 0x90 /* GS r 1: bits 4 and 7 are not set */
#define AT_END_PAPER_GONE 0x0c

typedef struct {
    int fd;
    bool is_socket;
} Line;

static int64_t deadline_in(int ms)
{
    return g_get_monotonic_time() + (int64_t)ms * 1000;
}

/* False at the deadline. */
static bool wait_for(const Line *line, short events, int64_t deadline_us)
{
    for (;;) {
        int64_t left_us = deadline_us - g_get_monotonic_time();
        struct pollfd one = {.fd = line->fd, .events = events};
        int ready = left_us > 0 ? poll(&one, 1, (int)(left_us / 1000) + 1) : 0;
        if (ready >= 0 || errno != EINTR)
            return ready > 0;
    }
}

/* --- Opening ------------------------------------------------------------------------------------
 */

static bool parse_address(const char *text, struct sockaddr_storage *ret_to, socklen_t *ret_size)
{
    struct in_addr four;
    struct in6_addr six;
    int64_t port = PORT_DEFAULT;
    g_autofree char *host = g_strdup(text);
    char *end = *host == '[' ? strchr(host, ']') : host;
    char *colon = end ? strchr(end, ':') : NULL;
    if (colon) {
        *colon = '\0';
        if (!g_ascii_string_to_signed(colon + 1, 10, 1, 65535, &port, NULL))
            return false;
    }
    if (inet_pton(AF_INET, host, &four) == 1) {
        *(struct sockaddr_in *)ret_to = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = four};
        *ret_size = sizeof(struct sockaddr_in);
        return true;
    }
    if (*host != '[' || !end)
        return false;
    *end = '\0';
    if (inet_pton(AF_INET6, host + 1, &six) != 1)
        return false;
    *(struct sockaddr_in6 *)ret_to = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = six};
    *ret_size = sizeof(struct sockaddr_in6);
    return true;
}

static bool open_socket(const char *address, Line *line)
{
    struct sockaddr_storage to = {0};
    socklen_t size = 0, error_size = sizeof(int);
    int failure = 0;
    if (!parse_address(address, &to, &size))
        return false;
    line->is_socket = true;
    line->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (line->fd < 0)
        return false;
    if (connect(line->fd, (struct sockaddr *)&to, size) == 0)
        return true;
    return errno == EINPROGRESS && wait_for(line, POLLOUT, deadline_in(CONNECT_MS)) &&
           getsockopt(line->fd, SOL_SOCKET, SO_ERROR, &failure, &error_size) == 0 && failure == 0;
}

static bool open_line(const char *target, Line *line)
{
    if (g_str_has_prefix(target, "tcp:"))
        return open_socket(target + strlen("tcp:"), line);
    line->fd = open(target, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return line->fd >= 0;
}

/* --- Speaking -----------------------------------------------------------------------------------
 */

static bool send_all(const Line *line, const uint8_t *bytes, size_t size)
{
    int64_t deadline_us = deadline_in(WRITE_MS);
    while (size > 0) {
        ssize_t count = line->is_socket ? send(line->fd, bytes, size, MSG_NOSIGNAL)
                                        : write(line->fd, bytes, size);
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (count > 0) {
            bytes += count;
            size -= (size_t)count;
        } else if (!wait_for(line, POLLOUT, deadline_us)) {
            return false;
        }
    }
    return true;
}

typedef enum { HEARD_BYTE = 1, HEARD_NOTHING, HEARD_END } Heard;

static Heard hear(const Line *line, int ms, uint8_t *ret_byte)
{
    int64_t deadline_us = deadline_in(ms);
    while (wait_for(line, POLLIN, deadline_us)) {
        ssize_t count = read(line->fd, ret_byte, 1);
        if (count == 1)
            return HEARD_BYTE;
        if (count == 0 || (errno != EAGAIN && errno != EINTR))
            return HEARD_END;
    }
    return HEARD_NOTHING;
}

/* What it said before it was asked, such as automatic status. False when there is no end of it. */
static bool skip_noise(const Line *line)
{
    uint8_t byte;
    for (int i = 0; i < NOISE_BYTES_MOST; i++) {
        if (hear(line, 0, &byte) != HEARD_BYTE)
            return true;
    }
    return false;
}

/* Asks DLE EOT n. HEARD_BYTE only with an answer that a printer may give; *ret_is_noise tells one
 * that none would. */
static Heard ask_status(const Line *line, uint8_t n, uint8_t *ret_status, bool *ret_is_noise)
{
    const uint8_t question[] = {0x10, 0x04, n};
    if (!send_all(line, question, sizeof question))
        return HEARD_END;
    Heard heard = hear(line, STATUS_MS, ret_status);
    *ret_is_noise = heard == HEARD_BYTE && (*ret_status & STATUS_FIXED_MASK) != STATUS_FIXED;
    return heard;
}

/* 0 when nothing is wrong, or nothing is known: then *ret_is_silent. */
static int find_trouble(const Line *line, bool *ret_is_silent)
{
    uint8_t status[5] = {0};
    *ret_is_silent = false;
    if (!skip_noise(line))
        return PRINTER_GARBAGE;
    for (uint8_t n = 1; n <= 4; n++) {
        bool is_noise = false;
        Heard heard = n == 3 ? HEARD_BYTE : ask_status(line, n, &status[n], &is_noise);
        if (heard == HEARD_END)
            return PRINTER_GONE;
        if (is_noise)
            return PRINTER_GARBAGE;
        if (heard == HEARD_NOTHING) {
            /* Some know only the first questions: what they said counts. */
            *ret_is_silent = n == 1;
            status[n] = 0;
            break;
        }
    }
    if (status[2] & STATUS_COVER_OPEN)
        return PRINTER_COVER_OPEN;
    if ((status[2] & STATUS_PAPER_STOP) || (status[4] & STATUS_PAPER_GONE))
        return PRINTER_NO_PAPER;
    return status[1] & STATUS_OFFLINE ? PRINTER_STOPPED : 0;
}

/* After the receipt: has it come to its end? */
static PrinterResult hear_the_end(const Line *line)
{
    const uint8_t question[] = {0x1d, 'r', 1};
    uint8_t answer = 0;
    if (!send_all(line, question, sizeof question))
        return PRINTER_GONE;
    Heard heard = hear(line, END_MS, &answer);
    if (heard == HEARD_END)
        return PRINTER_GONE;
    if (heard == HEARD_BYTE && !(answer & AT_END_FIXED_MASK) && !(answer & AT_END_PAPER_GONE))
        return PRINTER_PRINTED;
    bool is_silent = false;
    int trouble = find_trouble(line, &is_silent);
    return trouble ? (PrinterResult)trouble : PRINTER_UNSURE;
}

static PrinterResult print_on(const Line *line, const uint8_t *bytes, size_t size)
{
    bool is_silent = false;
    int trouble = find_trouble(line, &is_silent);
    if (trouble)
        return (PrinterResult)trouble;
    if (!send_all(line, bytes, size))
        return PRINTER_GONE;
    return is_silent ? PRINTER_UNSURE : hear_the_end(line);
}

PrinterResult printer_print(const char *target, const uint8_t *bytes, size_t size)
{
    Line line = {.fd = -1};
    PrinterResult result = PRINTER_GONE;
    if (size <= PRINTER_BYTES_MOST && open_line(target, &line))
        result = print_on(&line, bytes, size);
    if (line.fd >= 0) {
        /* Unread answers would make the close a reset, and that throws the receipt away. */
        (void)skip_noise(&line);
        close(line.fd);
    }
    return result;
}

const char *printer_word(PrinterResult result)
{
    static const char *const words[] = {
        [PRINTER_PRINTED] = "printed",   [PRINTER_UNSURE] = "unsure",
        [PRINTER_NO_PAPER] = "no_paper", [PRINTER_COVER_OPEN] = "cover_open",
        [PRINTER_STOPPED] = "stopped",   [PRINTER_GONE] = "gone",
        [PRINTER_GARBAGE] = "garbage",
    };
    return words[result];
}
