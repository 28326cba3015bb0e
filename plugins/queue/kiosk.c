/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The kiosk asks for a receipt after it has its number, so the number is on disk; the printer is
 * spoken to in a thread. One receipt at a time: a printer has one paper. */
#include "plugins/queue/kiosk.h"
#include "plugins/queue/printer.h"
#include "plugins/queue/queue.h"
#include "plugins/queue/receipt.h"
#include <string.h>

/* Of one number: paper jams, but nobody empties the roll. */
#define RECEIPTS_MOST "3"

typedef struct {
    SerambiRequest *request;
    char *target;
    GByteArray *bytes;
    PrinterResult result;
    bool *is_printing; /* g_rc_box of the state, which may be gone before this */
} Errand;

static void errand_free(void *data)
{
    Errand *errand = data;
    *errand->is_printing = false;
    g_rc_box_release(errand->is_printing);
    g_byte_array_unref(errand->bytes);
    g_free(errand->target);
    g_free(errand);
}

static void print_receipt(void *data)
{
    Errand *errand = data;
    errand->result = printer_print(errand->target, errand->bytes->data, errand->bytes->len);
}

static void on_printed(Serambi *self, void *data)
{
    const Errand *errand = data;
    if (errand->result > PRINTER_UNSURE)
        serambi_log(self, 4, "receipt printer '%s': %s", errand->target,
                    printer_word(errand->result));
    serambi_reply(errand->request, 200,
                  json_pack("{s:s}", "printer", printer_word(errand->result)));
}

bool kiosk_is_known(Serambi *self, SerambiRequest *request)
{
    const QueueSettings *settings = serambi_settings(self);
    const char *key = json_string_value(json_object_get(serambi_request_body(request), "kiosk"));
    /* Longer and shorter keys differ at once; equal ones are compared as a whole. */
    size_t size = strlen(settings->kiosk_key), given = key ? strlen(key) : 0;
    unsigned difference = size != given || size == 0;
    for (size_t i = 0; i < MIN(size, given); i++)
        difference |= (unsigned char)key[i] ^ (unsigned char)settings->kiosk_key[i];
    return difference == 0;
}

void kiosk_handle(Serambi *self, SerambiRequest *request)
{
    const QueueSettings *settings = serambi_settings(self);
    serambi_reply(request, 200,
                  json_pack("{s:b, s:s, s:{s:I, s:I}}", "has_printer", *settings->printer != '\0',
                            "place", settings->place, "rule", "ratio",
                            (json_int_t)settings->priority_ratio, "age_minutes",
                            (json_int_t)settings->priority_age_minutes));
}

/* Behind "#": what a browser does not send and no log of a proxy keeps. */
static char *ticket_url(Serambi *self, const char *secret)
{
    return g_strconcat(serambi_public_url(self), "/#/queue/", secret, NULL);
}

void kiosk_handle_qr(Serambi *self, SerambiRequest *request)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *row = tickets_by_secret(self, serambi_request_part(request, "secret"), &error);
    if (!row) {
        serambi_reply_error(request, error ? 503 : 404,
                            error ? "error.store" : "queue.unknown_ticket", "no such ticket");
        return;
    }
    g_autofree char *url = ticket_url(self, json_string_value(json_object_get(row, "secret")));
    g_autofree char *svg = serambi_qr_svg(self, url);
    if (svg)
        serambi_reply_text(request, 200, "image/svg+xml", svg);
    else
        serambi_reply_error(request, 500, "error.500", "the address is too long");
}

/* The picture of the request's words: NULL without one; *ret_is_bad when it is none. */
static GBytes *read_picture(SerambiRequest *request, bool *ret_is_bad)
{
    const json_t *given = json_object_get(serambi_request_body(request), "picture");
    const char *text = json_string_value(given);
    *ret_is_bad = given && !text;
    if (!text)
        return NULL;
    gsize size = 0;
    guchar *bits = g_base64_decode(text, &size);
    *ret_is_bad = !receipt_is_picture(size);
    if (*ret_is_bad)
        g_clear_pointer(&bits, g_free);
    return bits ? g_bytes_new_take(bits, size) : NULL;
}

static char *local_time(Serambi *self, int64_t at_us)
{
    const QueueSettings *settings = serambi_settings(self);
    g_autoptr(GTimeZone) zone = *settings->time_zone
                                    ? g_time_zone_new_identifier(settings->time_zone)
                                    : g_time_zone_new_local();
    if (!zone)
        zone = g_time_zone_new_utc();
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(at_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) local = g_date_time_to_timezone(utc, zone);
    return g_date_time_format(local, "%Y-%m-%d  %H:%M");
}

/* The receipt of the ticket with this row. NULL with error. */
static GByteArray *make_receipt(Serambi *self, const json_t *row, const char *language,
                                GBytes *picture, GError **error)
{
    const QueueSettings *settings = serambi_settings(self);
    json_auto_t *ticket = board_ticket(self, row, false, error);
    json_auto_t *services = ticket ? board_services(self, error) : NULL;
    if (!services)
        return NULL;
    const char *name = "";
    size_t index;
    json_t *service;
    json_array_foreach(services, index, service)
    {
        if (json_equal(json_object_get(service, "id"), json_object_get(row, "service")))
            name = json_string_value(json_object_get(json_object_get(service, "name"), language));
    }
    g_autofree char *time = local_time(self, json_integer_value(json_object_get(row, "issued_us")));
    g_autofree char *ahead =
        g_strdup_printf("%s %" G_GINT64_FORMAT, serambi_word(self, language, "receipt.ahead"),
                        (int64_t)json_integer_value(json_object_get(ticket, "ahead")));
    g_autofree char *url = ticket_url(self, json_string_value(json_object_get(row, "secret")));
    Receipt receipt = {
        .label = json_string_value(json_object_get(row, "label")),
        .url = url,
        .picture = picture,
        .lines = {name, ahead, time, serambi_word(self, language, "receipt.scan"),
                  *settings->place ? settings->place : NULL},
    };
    return receipt_make(&receipt);
}

/* Counts one more receipt of this ticket. False after having replied. */
static bool count_receipt(Serambi *self, SerambiRequest *request, const json_t *row)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *counted = serambi_query(
        self, &error,
        "UPDATE queue_ticket SET receipts = receipts + 1 WHERE id = $1 AND receipts "
        "< " RECEIPTS_MOST " AND state IN ('waiting', 'called', 'parked') RETURNING id",
        "i", (int64_t)json_integer_value(json_object_get(row, "id")));
    if (!counted)
        serambi_reply_error(request, 503, "error.store", "%s", error->message);
    else if (json_array_size(counted) == 0)
        serambi_reply_error(request, 429, "queue.receipts_most",
                            "this number had " RECEIPTS_MOST " receipts, or is over");
    return counted && json_array_size(counted) > 0;
}

/* Whether a receipt can be printed now for that caller. False after having replied. */
static bool may_print(Serambi *self, SerambiRequest *request)
{
    const QueueSettings *settings = serambi_settings(self);
    const QueueServer *server = &((Queue *)serambi_state(self))->server;
    bool is_trusted =
        (serambi_request_role(request) & SERAMBI_STAFF) != 0 || kiosk_is_known(self, request);
    if (!*settings->printer)
        serambi_reply_error(request, 409, "queue.no_printer", "no printer is set");
    else if (!is_trusted && *settings->kiosk_key)
        serambi_reply_error(request, 403, "queue.not_a_kiosk", "kiosk: the key of the settings");
    /* A picture can say anything: not from whoever comes by. */
    else if (!is_trusted && json_object_get(serambi_request_body(request), "picture"))
        serambi_reply_error(request, 403, "queue.not_a_kiosk", "a picture needs the kiosk's key");
    else if (*server->is_printing)
        serambi_reply_error(request, 409, "queue.printer_busy", "another receipt is printed");
    else
        return true;
    return false;
}

void kiosk_handle_receipt(Serambi *self, SerambiRequest *request)
{
    g_autoptr(GError) error = NULL;
    QueueServer *server = &((Queue *)serambi_state(self))->server;
    const char *language =
        json_string_value(json_object_get(serambi_request_body(request), "language"));
    if (!language || !g_strv_contains((const char *const[]){"id", "en", "ar", NULL}, language))
        language = "id";
    json_auto_t *row = tickets_by_secret(self, serambi_request_part(request, "secret"), &error);
    if (!row) {
        serambi_reply_error(request, error ? 503 : 404,
                            error ? "error.store" : "queue.unknown_ticket", "no such ticket");
        return;
    }
    if (!may_print(self, request))
        return;
    bool is_bad = false;
    g_autoptr(GBytes) picture = read_picture(request, &is_bad);
    if (is_bad) {
        serambi_reply_error(request, 422, "queue.bad_picture",
                            "picture: base64 of rows of %d dots, %d rows at most", RECEIPT_DOTS,
                            RECEIPT_PICTURE_HEIGHT);
        return;
    }
    g_autoptr(GByteArray) bytes = make_receipt(self, row, language, picture, &error);
    if (!bytes) {
        serambi_reply_error(request, 503, "error.store", "%s", error->message);
        return;
    }
    if (!count_receipt(self, request, row))
        return;
    Errand *errand = g_new0(Errand, 1);
    *errand = (Errand){
        .request = request,
        .target = g_strdup(((const QueueSettings *)serambi_settings(self))->printer),
        .bytes = g_steal_pointer(&bytes),
        .is_printing = g_rc_box_acquire(server->is_printing),
    };
    *server->is_printing = true;
    serambi_run(self, print_receipt, on_printed, errand, errand_free);
}
