/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Receipts on printers as they are: well, empty, open, silent, mad and mortal; and the days in
 * figures. The printer is a thread behind a socket of the loopback. */
#include "plugins/queue/printer.h"
#include "plugins/queue/receipt.h"
#include "plugins/queue/reports.h"
#include "plugins/testing.h"
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#define JAKARTA "time_zone=Asia/Jakarta\ntickets_per_address=1000\n"

/* --- A printer ----------------------------------------------------------------------------------
 */

typedef enum { WELL = 1, EMPTY, OPEN, SILENT, MAD, BABBLING, MORTAL, STOPPED } Manner;

typedef struct {
    Manner manner;
    int fd, port;
    GThread *thread;
    GByteArray *paper; /* all that came */
} Printer;

static uint8_t status_of(Manner manner, uint8_t n)
{
    if (n == 1)
        return manner == STOPPED || manner == OPEN || manner == EMPTY ? 0x1a : 0x12;
    if (n == 2 && manner == OPEN)
        return 0x16;
    return n == 4 && manner == EMPTY ? 0x72 : 0x12;
}

static void answer(const Printer *printer, int fd, uint8_t byte)
{
    if (printer->manner == MAD)
        byte = 'H';
    if (printer->manner != SILENT)
        g_assert_cmpint(send(fd, &byte, 1, MSG_NOSIGNAL), ==, 1);
}

/* Reads as a printer does; answers in order. */
static void serve(Printer *printer, int fd)
{
    uint8_t byte, before[2] = {0};
    while (read(fd, &byte, 1) == 1) {
        g_byte_array_append(printer->paper, &byte, 1);
        if (before[0] == 0x10 && before[1] == 0x04)
            answer(printer, fd, status_of(printer->manner, byte));
        if (before[0] == 0x1d && before[1] == 'r')
            answer(printer, fd, 0);
        /* It dies behind the number. */
        if (printer->manner == MORTAL && before[0] == 0x1d && before[1] == '(')
            return;
        before[0] = before[1];
        before[1] = byte;
    }
}

static void *live(void *data)
{
    Printer *printer = data;
    int fd = accept(printer->fd, NULL, NULL);
    if (fd < 0)
        return NULL;
    if (printer->manner == BABBLING) {
        uint8_t noise[512];
        memset(noise, '#', sizeof noise);
        while (send(fd, noise, sizeof noise, MSG_NOSIGNAL) > 0)
            ;
    } else {
        serve(printer, fd);
    }
    close(fd);
    return NULL;
}

static Printer *printer_new(Manner manner)
{
    Printer *printer = g_new0(Printer, 1);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    *printer = (Printer){
        .manner = manner,
        .paper = g_byte_array_new(),
        .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
    };
    g_assert_cmpint(bind(printer->fd, (struct sockaddr *)&at, size), ==, 0);
    g_assert_cmpint(listen(printer->fd, 4), ==, 0);
    g_assert_cmpint(getsockname(printer->fd, (struct sockaddr *)&at, &size), ==, 0);
    printer->port = ntohs(at.sin_port);
    printer->thread = g_thread_new("printer", live, printer);
    return printer;
}

/* Waits for what came, and ends it. g_byte_array_unref(). */
static GByteArray *printer_end(Printer *printer)
{
    shutdown(printer->fd, SHUT_RDWR);
    g_thread_join(printer->thread);
    GByteArray *paper = printer->paper;
    close(printer->fd);
    g_free(printer);
    return paper;
}

static bool has(const GByteArray *paper, const void *bytes, size_t size)
{
    return paper->len > 0 && memmem(paper->data, paper->len, bytes, size) != NULL;
}

/* --- Receipts -----------------------------------------------------------------------------------
 */

static void test_manners(void)
{
    static const struct {
        Manner manner;
        PrinterResult result;
        bool comes; /* the receipt reaches it */
    } cases[] = {
        {WELL, PRINTER_PRINTED, true},     {EMPTY, PRINTER_NO_PAPER, false},
        {OPEN, PRINTER_COVER_OPEN, false}, {SILENT, PRINTER_UNSURE, true},
        {MAD, PRINTER_GARBAGE, false},     {BABBLING, PRINTER_GARBAGE, false},
        {STOPPED, PRINTER_STOPPED, false},
    };
    static const uint8_t receipt[] = "receipt";
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Printer *printer = printer_new(cases[i].manner);
        g_autofree char *target = g_strdup_printf("tcp:127.0.0.1:%d", printer->port);
        PrinterResult result = printer_print(target, receipt, sizeof receipt - 1);
        g_autoptr(GByteArray) paper = printer_end(printer);
        g_assert_cmpstr(printer_word(result), ==, printer_word(cases[i].result));
        g_assert_cmpint(has(paper, receipt, sizeof receipt - 1), ==, cases[i].comes);
    }
}

static void test_gone(void)
{
    Printer *printer = printer_new(WELL);
    g_autofree char *target = g_strdup_printf("tcp:127.0.0.1:%d", printer->port);
    g_byte_array_unref(printer_end(printer));
    g_assert_cmpint(printer_print(target, (const uint8_t *)"x", 1), ==, PRINTER_GONE);
    static const char *const targets[] = {
        "tcp:",     "tcp:localhost", "tcp:127.0.0.1:0", "tcp:127.0.0.1:99999",
        "tcp:[::1", "/nowhere/lp0"};
    for (size_t i = 0; i < G_N_ELEMENTS(targets); i++)
        g_assert_cmpint(printer_print(targets[i], (const uint8_t *)"x", 1), ==, PRINTER_GONE);
}

static void test_dies(void)
{
    Printer *printer = printer_new(MORTAL);
    g_autofree char *target = g_strdup_printf("tcp:127.0.0.1:%d", printer->port);
    Receipt receipt = {.label = "A001", .url = "http://here/#/queue/x", .lines = {"Borrow"}};
    g_autoptr(GByteArray) bytes = receipt_make(&receipt);
    g_assert_cmpint(printer_print(target, bytes->data, bytes->len), ==, PRINTER_GONE);
    g_byte_array_unref(printer_end(printer));
}

static void test_receipt(void)
{
    Receipt receipt = {
        .label = "A012",
        .url = "http://here/#/queue/q3VrY1o0nX8pLw2TtE9bDg",
        .lines = {"Caf\xc3\xa9 \x1b@\x1dV\x01 <b>&", "Ahead: 3"},
    };
    g_autoptr(GByteArray) bytes = receipt_make(&receipt);
    static const uint8_t large[] = {0x1d, '!', 0x66, 'A', '0', '1', '2', '\n'};
    static const uint8_t cut[] = {0x1d, 'V', 66, 0};
    g_assert_true(has(bytes, large, sizeof large));
    g_assert_true(has(bytes, cut, sizeof cut));
    g_assert_true(has(bytes, receipt.url, strlen(receipt.url)));
    g_assert_true(has(bytes, "Cafe @V <b>&\n", 13)); /* no command of theirs */
    static const uint8_t theirs[] = {0x1d, 'V', 1};
    g_assert_false(has(bytes, theirs, sizeof theirs));
    g_autofree uint8_t *dots = g_malloc0(RECEIPT_DOTS / 8 * 2);
    dots[0] = 0x1b;
    receipt.picture = g_bytes_new_static(dots, RECEIPT_DOTS / 8 * 2);
    g_autoptr(GByteArray) drawn = receipt_make(&receipt);
    static const uint8_t raster[] = {0x1d, 'v', '0', 0, 48, 0, 2, 0, 0x1b};
    g_assert_true(has(drawn, raster, sizeof raster));
    g_assert_false(has(drawn, "Ahead", 5));
    g_bytes_unref(receipt.picture);
    g_assert_false(receipt_is_picture(0));
    g_assert_false(receipt_is_picture(47));
    g_assert_true(receipt_is_picture(48 * RECEIPT_PICTURE_HEIGHT));
    g_assert_false(receipt_is_picture(48 * (RECEIPT_PICTURE_HEIGHT + 1)));
}

/* --- The route ----------------------------------------------------------------------------------
 */

static json_t *take(Kit *kit, int service)
{
    static int serial;
    g_autofree char *key = g_strdup_printf("paper-%08d", ++serial);
    json_auto_t *answer = ask(kit, SERAMBI_PUBLIC, 201, "POST /api/queue/tickets",
                              json_pack("{s:i, s:s}", "service", service, "key", key));
    return json_incref(at(answer, "ticket"));
}

static char *receipt_path(const json_t *ticket)
{
    return g_strdup_printf("POST /api/queue/tickets/%s/receipt", text_at(ticket, "secret"));
}

static void test_route(void)
{
    Printer *printer = printer_new(WELL);
    g_autofree char *settings = g_strdup_printf(
        "[queue]\n" JAKARTA "printer=tcp:127.0.0.1:%d\nplace=Taman Baca\n", printer->port);
    Kit *kit = kit_new_with(&serambi_plugin, settings, NULL);
    g_assert_cmpstr(kit_reason(kit), ==, NULL);
    json_auto_t *ticket = take(kit, 1);
    g_autofree char *path = receipt_path(ticket);
    ask_refused(kit, SERAMBI_PUBLIC, 404, "queue.unknown_ticket",
                "POST /api/queue/tickets/AAAAAAAAAAAAAAAAAAAAAA/receipt", NULL);
    ask_refused(kit, SERAMBI_PUBLIC, 403, "queue.not_a_kiosk", path,
                json_pack("{s:s}", "picture", "AAAA"));
    json_auto_t *printed =
        ask(kit, SERAMBI_PUBLIC, 200, path, json_pack("{s:s}", "language", "en"));
    g_assert_cmpstr(text_at(printed, "printer"), ==, "printed");
    g_autoptr(GByteArray) paper = printer_end(printer);
    g_assert_true(has(paper, "A001\n", 5));
    g_assert_true(has(paper, "Borrow & return\n", 16));
    g_assert_true(has(paper, "2026-11-23  15:00\n", 18)); /* 8:00 UTC in Jakarta */
    g_assert_true(has(paper, "Taman Baca\n", 11));
    /* Gone now: the number is there all the same; the fourth receipt is refused. */
    for (int i = 0; i < 2; i++) {
        json_auto_t *lost = ask(kit, SERAMBI_PUBLIC, 200, path, NULL);
        g_assert_cmpstr(text_at(lost, "printer"), ==, "gone");
    }
    ask_refused(kit, SERAMBI_PUBLIC, 429, "queue.receipts_most", path, NULL);
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_ticket"), ==, 1);
    kit_free(kit);
}

static void test_kiosk_key(void)
{
    Kit *kit = kit_new_with(&serambi_plugin,
                            "[queue]\ntickets_per_address=1\nkiosk_key=kios-di-serambi\n"
                            "printer=tcp:127.0.0.1:1\n",
                            NULL);
    g_assert_cmpstr(kit_reason(kit), ==, NULL);
    json_auto_t *ticket = take(kit, 1);
    g_autofree char *path = receipt_path(ticket);
    ask_refused(kit, SERAMBI_PUBLIC, 429, "queue.too_many", "POST /api/queue/tickets",
                json_pack("{s:i, s:s}", "service", 1, "key", "second-press"));
    json_decref(ask(kit, SERAMBI_PUBLIC, 201, "POST /api/queue/tickets",
                    json_pack("{s:i, s:s, s:s}", "service", 1, "key", "third-press", "kiosk",
                              "kios-di-serambi")));
    ask_refused(kit, SERAMBI_PUBLIC, 403, "queue.not_a_kiosk", path,
                json_pack("{s:s}", "kiosk", "kios-di-seramb1"));
    ask_refused(kit, SERAMBI_PUBLIC, 422, "queue.bad_picture", path,
                json_pack("{s:s, s:s}", "kiosk", "kios-di-serambi", "picture", "AAAA"));
    json_auto_t *gone =
        ask(kit, SERAMBI_PUBLIC, 200, path, json_pack("{s:s}", "kiosk", "kios-di-serambi"));
    g_assert_cmpstr(text_at(gone, "printer"), ==, "gone");
    kit_free(kit);
}

static void test_settings(void)
{
    static const char *const bad[] = {"printer=lp0",      "printer=tcp:printer.lan",
                                      "printer=/dev/sda", "printer=tcp:1.2.3.4:9100;rm",
                                      "kiosk_key=short",  "keep_days=1"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *settings = g_strdup_printf("[queue]\n%s\n", bad[i]);
        Kit *kit = kit_new_with(&serambi_plugin, settings, NULL);
        g_assert_nonnull(kit_reason(kit));
        kit_free(kit);
    }
}

/* --- Days in figures ----------------------------------------------------------------------------
 */

static void next(Kit *kit, int counter)
{
    static int serial;
    g_autofree char *key = g_strdup_printf("figure-%08d", ++serial);
    g_autofree char *path = g_strdup_printf("POST /api/queue/counters/%d/next", counter);
    json_decref(ask(kit, SERAMBI_COUNTER, 200, path, json_pack("{s:s}", "key", key)));
}

#define FIRST  "2026-11-23"
#define REPORT "GET /api/queue/reports?from=" FIRST "&to=" FIRST "&by="

static json_t *report(Kit *kit, const char *day, const char *by)
{
    g_autofree char *path =
        g_strdup_printf("GET /api/queue/reports?from=%s&to=%s&by=%s", day, day, by);
    return ask(kit, SERAMBI_COUNTER, 200, path, NULL);
}

static void check_day(Kit *kit, const char *date)
{
    json_auto_t *day = report(kit, date, "day");
    g_assert_cmpuint(json_array_size(at(day, "rows")), ==, 1);
    g_assert_cmpint(number_at(day, "rows.0.issued"), ==, 4);
    g_assert_cmpint(number_at(day, "rows.0.served"), ==, 4);
    /* Called at once, after 1, 2 and 3 minutes. */
    g_assert_cmpfloat_with_epsilon(json_real_value(at(day, "rows.0.wait_mean_s")), 90, 0.01);
    g_assert_cmpfloat_with_epsilon(json_real_value(at(day, "rows.0.wait_max_s")), 180, 0.01);
    json_auto_t *hour = report(kit, date, "hour");
    g_assert_cmpstr(text_at(hour, "rows.0.key"), ==, "15");
    json_auto_t *service = report(kit, date, "service");
    g_assert_cmpstr(text_at(service, "rows.0.key"), ==, "A");
    g_assert_cmpint(number_at(service, "rows.0.issued"), ==, 3);
    /* One visitor is nobody's figure. */
    g_assert_cmpint(number_at(service, "rows.1.issued"), ==, 1);
    g_assert_true(json_is_null(at(service, "rows.1.wait_mean_s")));
    g_assert_true(json_is_null(at(service, "rows.1.wait_max_s")));
}

/* Makes all that happened so many days older; then the plugin starts anew, and its clock ticks. */
static bool age(Store *store, void *data)
{
    int64_t days = *(const int64_t *)data, us = days * 24 * 3600 * G_USEC_PER_SEC;
    static const char *const statements[] = {
        "UPDATE queue_ticket SET day = date(day, '-' || $1 || ' days'), issued_us = issued_us - $2,"
        " sort_us = sort_us - $2, called_us = called_us - $2, ended_us = ended_us - $2",
        "UPDATE queue_report SET day = date(day, '-' || $1 || ' days') WHERE $2 > 0",
        "UPDATE queue_closed_day SET day = date(day, '-' || $1 || ' days') WHERE $2 > 0",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(statements); i++) {
        json_auto_t *done = store_query(store, NULL, statements[i], "ii", days, us);
        g_assert_nonnull(done);
    }
    return true;
}

static void grow_old(Kit *kit, int64_t days)
{
    store_write(kit_store(kit), age, NULL, &days);
    kit_run(kit);
    kit_restart(kit);
    kit_turn_clock(kit, 5);
}

static void test_reports(void)
{
    Kit *kit = kit_new_with(&serambi_plugin, "[queue]\n" JAKARTA "keep_days=3\n", NULL);
    g_assert_cmpstr(kit_reason(kit), ==, NULL);
    for (int i = 0; i < 4; i++)
        json_decref(take(kit, i < 3 ? 1 : 2));
    for (int i = 0; i < 5; i++) {
        next(kit, 1);
        kit_turn_clock(kit, 60);
    }
    check_day(kit, FIRST);
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_report"), ==, 0);
    grow_old(kit, 1); /* the day is summed up, and says the same */
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_report"), >, 0);
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_ticket"), ==, 4);
    check_day(kit, "2026-11-22");
    grow_old(kit, 3); /* its tickets are forgotten, but for the one that holds the audit's end */
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_ticket"), ==, 1);
    check_day(kit, "2026-11-19");
    json_decref(take(kit, 1));
    kit_restart(kit);
    kit_turn_clock(kit, 5);
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM queue_ticket"), ==, 1);
    check_day(kit, "2026-11-19");
    json_auto_t *audit = ask(kit, SERAMBI_ADMIN, 200, "GET /api/queue/audit", NULL);
    g_assert_true(json_is_true(at(audit, "is_whole"))); /* the chain goes on where it was cut */
    json_decref(take(kit, 1));
    json_auto_t *later = ask(kit, SERAMBI_ADMIN, 200, "GET /api/queue/audit", NULL);
    g_assert_true(json_is_true(at(later, "is_whole")));
    g_assert_cmpint(number_at(later, "last"), >, number_at(audit, "last"));
    kit_free(kit);
}

/* Two normal visitors, then one with priority, who is called first: each of the two is overtaken.
 */
static void test_overtaken(void)
{
    Kit *kit = kit_new_with(&serambi_plugin, "[queue]\n" JAKARTA, NULL);
    for (int i = 0; i < 2; i++) {
        json_decref(take(kit, 1));
        kit_turn_clock(kit, 1);
    }
    json_decref(ask(
        kit, SERAMBI_PUBLIC, 201, "POST /api/queue/tickets",
        json_pack("{s:i, s:s, s:s}", "service", 1, "key", "with-priority", "class", "elderly")));
    for (int i = 0; i < 3; i++) {
        kit_turn_clock(kit, 1);
        next(kit, 1);
    }
    json_auto_t *told = report(kit, FIRST, "counter");
    g_assert_cmpstr(text_at(told, "rows.0.key"), ==, "1");
    g_assert_cmpint(number_at(told, "rows.0.overtaken_max"), ==, 1);
    g_assert_cmpfloat_with_epsilon(json_real_value(at(told, "rows.0.overtaken_mean")), 2.0 / 3,
                                   0.001);
    kit_free(kit);
}

static void test_questions(void)
{
    Kit *kit = kit_new_with(&serambi_plugin, "[queue]\n" JAKARTA, NULL);
    static const char *const bad[] = {
        "by=label&from=2026-11-01&to=2026-11-02", "by=day&from=2026-11-02&to=2026-11-01",
        "by=day&from=2026-02-30&to=2026-03-01",   "by=day&from=2026-11-01",
        "by=day&from=2024-11-01&to=2026-11-01",   "by=day&from=2026-11-0%27&to=2026-11-01"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *path = g_strconcat("GET /api/queue/reports?", bad[i], NULL);
        ask_refused(kit, SERAMBI_COUNTER, 422, "queue.bad_report", path, NULL);
    }
    json_decref(ask(kit, SERAMBI_PUBLIC, 401, REPORT "day", NULL));
    json_decref(take(kit, 1));
    json_auto_t *csv =
        ask(kit, SERAMBI_COUNTER, 200,
            "GET /api/queue/reports/csv?by=service&from=2026-11-23&to=2026-11-23", NULL);
    g_assert_cmpstr(text_at(csv, "text"), ==,
                    "service,issued,served,no_show,left,wait_mean_s,wait_max_s,service_mean_s,"
                    "overtaken_mean,overtaken_max\r\n\"A\",1,0,0,0,,,,,\r\n");
    kit_free(kit);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/paper/manners", test_manners);
    g_test_add_func("/paper/gone", test_gone);
    g_test_add_func("/paper/dies", test_dies);
    g_test_add_func("/paper/receipt", test_receipt);
    g_test_add_func("/paper/route", test_route);
    g_test_add_func("/paper/kiosk-key", test_kiosk_key);
    g_test_add_func("/paper/settings", test_settings);
    g_test_add_func("/reports/days", test_reports);
    g_test_add_func("/reports/overtaken", test_overtaken);
    g_test_add_func("/reports/questions", test_questions);
    return g_test_run();
}
