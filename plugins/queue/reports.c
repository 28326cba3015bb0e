/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * One statement makes the sums, of a day that is over for the table, and of the days that are not
 * there yet for an answer: so both say the same. */
#include "plugins/queue/reports.h"
#include "plugins/queue/queue.h"
#include <string.h>

/* Sums of the tickets of the days from $1 to $2; $3 seconds east of UTC. A visitor is overtaken by
 * each who came later to the same service and was called earlier; that is after the visitor came,
 * which the index queue_ticket_call finds: as many rows as stood in the line, not a whole day. */
#define SUMS                                                                                       \
    "SELECT day, ((issued_us / 1000000 + $3) / 3600) % 24 AS hour, service,"                       \
    " COALESCE(counter, '') AS counter, COUNT(*) AS issued,"                                       \
    " COALESCE(SUM(CASE WHEN state = 'done' THEN 1 ELSE 0 END), 0) AS served,"                     \
    " COALESCE(SUM(CASE WHEN state = 'no_show' THEN 1 ELSE 0 END), 0) AS no_show,"                 \
    " COALESCE(SUM(CASE WHEN state = 'left' THEN 1 ELSE 0 END), 0) AS gone,"                       \
    " COUNT(called_us) AS waits, COALESCE(SUM(called_us - issued_us), 0) AS wait_us,"              \
    " COALESCE(MAX(called_us - issued_us), 0) AS wait_max_us,"                                     \
    " COUNT(spent_us) AS services, COALESCE(SUM(spent_us), 0) AS service_us,"                      \
    " COALESCE(SUM(overtaken), 0) AS overtaken, COALESCE(MAX(overtaken), 0) AS overtaken_max"      \
    " FROM (SELECT day, issued_us, service, counter, state, called_us,"                            \
    "  CASE WHEN state = 'done' AND called_us IS NOT NULL"                                         \
    "   THEN ended_us - COALESCE(started_us, called_us) END AS spent_us,"                          \
    "  (SELECT COUNT(*) FROM queue_ticket AS other WHERE other.day = ticket.day"                   \
    "    AND other.service = ticket.service AND other.issued_us > ticket.issued_us"                \
    "    AND other.called_us > ticket.issued_us AND other.called_us < ticket.called_us) AS "       \
    "overtaken"                                                                                    \
    "  FROM queue_ticket AS ticket WHERE day >= $1 AND day <= $2"                                  \
    "   AND NOT EXISTS (SELECT 1 FROM queue_closed_day AS closed WHERE closed.day = ticket.day))"  \
    "  AS one GROUP BY day, hour, service, COALESCE(counter, '')"

#define COLUMNS                                                                                    \
    "day, hour, service, counter, issued, served, no_show, gone, waits, wait_us, wait_max_us,"     \
    " services, service_us, overtaken, overtaken_max"

/* Seconds east of UTC at the noon of that day. */
static int64_t offset_of(Serambi *self, const char *day)
{
    const QueueSettings *settings = serambi_settings(self);
    g_autoptr(GTimeZone) zone = *settings->time_zone
                                    ? g_time_zone_new_identifier(settings->time_zone)
                                    : g_time_zone_new_local();
    if (!zone)
        return 0;
    g_autofree char *text = g_strconcat(day, "T12:00:00Z", NULL);
    g_autoptr(GDateTime) noon = g_date_time_new_from_iso8601(text, NULL);
    if (!noon)
        return 0;
    gint at = g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, g_date_time_to_unix(noon));
    return at < 0 ? 0 : g_time_zone_get_offset(zone, at);
}

/* --- Closing days -------------------------------------------------------------------------------
 */

/* The first day before `before` that has tickets and no sums; "" when there is none. */
static bool find_open_day(Serambi *self, const char *before, char ret_day[11], GError **error)
{
    json_auto_t *rows =
        serambi_query(self, error,
                      "SELECT COALESCE(MIN(day), '') AS day FROM queue_ticket WHERE day < $1"
                      " AND day > COALESCE((SELECT MAX(day) FROM queue_closed_day), '')",
                      "s", before);
    if (rows)
        g_strlcpy(ret_day, json_string_value(json_object_get(json_array_get(rows, 0), "day")), 11);
    return rows != NULL;
}

static bool sum_up(Serambi *self, const char *day, GError **error)
{
    json_auto_t *summed = serambi_query(self, error, "INSERT INTO queue_report (" COLUMNS ") " SUMS,
                                        "ssi", day, day, offset_of(self, day));
    json_auto_t *closed =
        summed
            ? serambi_query(self, error, "INSERT INTO queue_closed_day (day) VALUES ($1)", "s", day)
            : NULL;
    return closed != NULL;
}

/* The first day of which something is kept: keep_days before today. */
static void oldest_kept(Serambi *self, char ret_day[11])
{
    const QueueSettings *settings = serambi_settings(self);
    tickets_day(self, serambi_now_us(self) - settings->keep_days * 24 * 3600 * G_USEC_PER_SEC,
                ret_day);
}

/* Forgets the beginning of the audit up to the first row of a ticket that is kept, and notes where
 * the chain goes on. */
static bool forget_audit(Serambi *self, const char *before, GError **error)
{
    json_auto_t *noted = serambi_query(
        self, error,
        "INSERT INTO queue_audit_start (id, last, hash) SELECT 1, id, hash FROM queue_audit"
        " WHERE id < (SELECT COALESCE(MIN(audit.id), (SELECT MAX(id) FROM queue_audit))"
        "  FROM queue_audit AS audit JOIN queue_ticket AS ticket ON ticket.id = audit.ticket"
        "  WHERE ticket.day >= $1) ORDER BY id DESC LIMIT 1"
        " ON CONFLICT (id) DO UPDATE SET last = excluded.last, hash = excluded.hash",
        "s", before);
    json_auto_t *gone =
        noted ? serambi_query(self, error,
                              "DELETE FROM queue_audit WHERE id <="
                              " (SELECT COALESCE(MAX(last), 0) FROM queue_audit_start)",
                              "")
              : NULL;
    return gone != NULL;
}

/* Tickets of day that the audit does not need any more; *ret_count of them went. */
static bool forget_tickets(Serambi *self, const char *day, size_t *ret_count, GError **error)
{
    static const char *const statements[] = {
        "DELETE FROM queue_estimate WHERE ticket IN (SELECT id FROM queue_ticket WHERE day = $1"
        " AND NOT EXISTS (SELECT 1 FROM queue_audit WHERE ticket = queue_ticket.id))",
        "DELETE FROM queue_call WHERE ticket IN (SELECT id FROM queue_ticket WHERE day = $1"
        " AND NOT EXISTS (SELECT 1 FROM queue_audit WHERE ticket = queue_ticket.id))",
        "DELETE FROM queue_request WHERE ticket IN (SELECT id FROM queue_ticket WHERE day = $1"
        " AND NOT EXISTS (SELECT 1 FROM queue_audit WHERE ticket = queue_ticket.id))",
        "DELETE FROM queue_ticket WHERE day = $1"
        " AND NOT EXISTS (SELECT 1 FROM queue_audit WHERE ticket = queue_ticket.id) RETURNING id",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(statements); i++) {
        json_auto_t *gone = serambi_query(self, error, statements[i], "s", day);
        if (!gone)
            return false;
        *ret_count = json_array_size(gone);
    }
    return true;
}

static bool forget_oldest(Serambi *self, bool *ret_more, GError **error)
{
    char before[11];
    oldest_kept(self, before);
    json_auto_t *rows = serambi_query(
        self, error,
        "SELECT day FROM queue_ticket WHERE day < $1 AND day IN (SELECT day FROM queue_closed_day)"
        " ORDER BY day LIMIT 1",
        "s", before);
    *ret_more = false;
    if (!rows)
        return false;
    const char *day = json_string_value(json_object_get(json_array_get(rows, 0), "day"));
    size_t count = 0;
    if (!day)
        return true;
    bool is_done = forget_audit(self, before, error) && forget_tickets(self, day, &count, error);
    *ret_more = count > 0;
    return is_done;
}

bool reports_close_days(Serambi *self, bool *ret_more, GError **error)
{
    char today[11], day[11];
    tickets_day(self, serambi_now_us(self), today);
    if (!find_open_day(self, today, day, error))
        return false;
    *ret_more = *day != '\0';
    return *day ? sum_up(self, day, error) : forget_oldest(self, ret_more, error);
}

bool reports_audit_start(Serambi *self, int64_t *ret_id, char **ret_hash, GError **error)
{
    json_auto_t *rows =
        serambi_query(self, error, "SELECT last, hash FROM queue_audit_start WHERE id = 1", "");
    if (!rows)
        return false;
    const json_t *row = json_array_get(rows, 0);
    *ret_id = tickets_integer(row, "last");
    *ret_hash = g_strdup(row ? json_string_value(json_object_get(row, "hash")) : "");
    return true;
}

/* --- Answers ------------------------------------------------------------------------------------
 */

/* The column of a grouping; NULL for one that there is not. The text becomes part of SQL: only
 * these constants do. */
static const char *column_of(const char *by)
{
    static const char *const groups[][2] = {
        {"day", "day"},
        {"hour", "CASE WHEN hour < 10 THEN '0' || hour ELSE '' || hour END"},
        {"service", "(SELECT code FROM queue_service WHERE id = service)"},
        {"counter", "counter"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
        if (!g_strcmp0(by, groups[i][0]))
            return groups[i][1];
    }
    return NULL;
}

static bool read_day(const char *text, GDate *ret_date)
{
    if (!text || strlen(text) != 10)
        return false;
    for (int i = 0; i < 10; i++) {
        if (i == 4 || i == 7 ? text[i] != '-' : !g_ascii_isdigit(text[i]))
            return false;
    }
    g_date_clear(ret_date, 1);
    GDateYear year = (GDateYear)g_ascii_strtoull(text, NULL, 10);
    GDateMonth month = (GDateMonth)g_ascii_strtoull(text + 5, NULL, 10);
    GDateDay day = (GDateDay)g_ascii_strtoull(text + 8, NULL, 10);
    if (!g_date_valid_dmy(day, month, year))
        return false;
    g_date_set_dmy(ret_date, day, month, year);
    return true;
}

static json_t *mean(int64_t sum, int64_t count, double unit)
{
    return count < REPORT_FEW ? json_null() : json_real((double)sum / (double)count / unit);
}

/* A row of sums as it is told. */
static json_t *shape(const json_t *row)
{
    int64_t waits = tickets_integer(row, "waits"), services = tickets_integer(row, "services");
    bool is_few = waits < REPORT_FEW;
    return json_pack(
        "{s:O, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "key", json_object_get(row, "key"),
        "issued", (json_int_t)tickets_integer(row, "issued"), "served",
        (json_int_t)tickets_integer(row, "served"), "no_show",
        (json_int_t)tickets_integer(row, "no_show"), "left",
        (json_int_t)tickets_integer(row, "gone"), "wait_mean_s",
        mean(tickets_integer(row, "wait_us"), waits, G_USEC_PER_SEC), "wait_max_s",
        is_few ? json_null()
               : json_real((double)tickets_integer(row, "wait_max_us") / G_USEC_PER_SEC),
        "service_mean_s", mean(tickets_integer(row, "service_us"), services, G_USEC_PER_SEC),
        "overtaken_mean", mean(tickets_integer(row, "overtaken"), waits, 1), "overtaken_max",
        is_few ? json_null() : json_integer(tickets_integer(row, "overtaken_max")));
}

/* The report that the request asks for. NULL after having replied. */
static json_t *read_report(Serambi *self, SerambiRequest *request)
{
    const char *by = serambi_request_query(request, "by");
    const char *from = serambi_request_query(request, "from");
    const char *to = serambi_request_query(request, "to");
    GDate first, last;
    const char *column = column_of(by);
    if (!column || !read_day(from, &first) || !read_day(to, &last) ||
        g_date_days_between(&first, &last) < 0 ||
        g_date_days_between(&first, &last) >= REPORT_DAYS_MOST) {
        serambi_reply_error(request, 422, "queue.bad_report",
                            "by: day, hour, service or counter; from, to: days, at most %d",
                            REPORT_DAYS_MOST);
        return NULL;
    }
    g_autofree char *sql = g_strconcat(
        "SELECT ", column,
        " AS key, SUM(issued) AS issued, SUM(served) AS served, SUM(no_show) AS no_show,"
        " SUM(gone) AS gone, SUM(waits) AS waits, SUM(wait_us) AS wait_us,"
        " MAX(wait_max_us) AS wait_max_us, SUM(services) AS services, SUM(service_us) AS "
        "service_us,"
        " SUM(overtaken) AS overtaken, MAX(overtaken_max) AS overtaken_max FROM"
        " (SELECT " COLUMNS " FROM queue_report WHERE day >= $1 AND day <= $2 UNION ALL " SUMS
        ") AS parts GROUP BY 1 ORDER BY 1",
        NULL);
    g_autoptr(GError) error = NULL;
    json_auto_t *rows = serambi_query(self, &error, sql, "ssi", from, to, offset_of(self, to));
    if (!rows) {
        serambi_reply_error(request, 503, "error.store", "%s", error->message);
        return NULL;
    }
    json_t *told = json_array();
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) json_array_append_new(told, shape(row));
    return json_pack("{s:s, s:s, s:s, s:i, s:o}", "by", by, "from", from, "to", to, "few",
                     REPORT_FEW, "rows", told);
}

void reports_handle(Serambi *self, SerambiRequest *request)
{
    json_t *report = read_report(self, request);
    if (report)
        serambi_reply(request, 200, report);
}

/* A field of a CSV file (RFC 4180). A spreadsheet would run what begins like a formula. */
static void add_field(GString *out, const json_t *value)
{
    if (json_is_real(value)) {
        char digits[G_ASCII_DTOSTR_BUF_SIZE];
        g_string_append(out,
                        g_ascii_formatd(digits, sizeof digits, "%.1f", json_real_value(value)));
    } else if (json_is_integer(value)) {
        g_string_append_printf(out, "%" G_GINT64_FORMAT, (int64_t)json_integer_value(value));
    } else if (json_is_string(value)) {
        const char *text = json_string_value(value);
        g_string_append_c(out, '"');
        if (*text && strchr("=+-@\t\r", *text))
            g_string_append_c(out, '\'');
        for (; *text; text++) {
            if (*text == '"')
                g_string_append_c(out, '"');
            g_string_append_c(out, *text);
        }
        g_string_append_c(out, '"');
    }
}

void reports_handle_csv(Serambi *self, SerambiRequest *request)
{
    static const char *const columns[] = {
        "key",         "issued",     "served",         "no_show",        "left",
        "wait_mean_s", "wait_max_s", "service_mean_s", "overtaken_mean", "overtaken_max"};
    json_auto_t *report = read_report(self, request);
    if (!report)
        return;
    g_autoptr(GString) out = g_string_new(json_string_value(json_object_get(report, "by")));
    for (size_t i = 1; i < G_N_ELEMENTS(columns); i++)
        g_string_append_printf(out, ",%s", columns[i]);
    g_string_append(out, "\r\n");
    size_t index;
    json_t *row;
    json_array_foreach(json_object_get(report, "rows"), index, row)
    {
        for (size_t i = 0; i < G_N_ELEMENTS(columns); i++) {
            if (i > 0)
                g_string_append_c(out, ',');
            add_field(out, json_object_get(row, columns[i]));
        }
        g_string_append(out, "\r\n");
    }
    serambi_reply_text(request, 200, "text/csv; charset=utf-8; header=present", out->str);
}
