/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * How an answer looks on the wire. The security headers are here, so that no route can forget
 * them. */
#include "core/reply.h"
#include "core/range.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* For documents. 'self' in connect-src covers the WebSocket of the same origin. */
#define CONTENT_SECURITY_POLICY                                                                    \
    "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; script-src 'self'; "             \
    "style-src 'self'; connect-src 'self'; font-src 'self'; form-action 'self'; "                  \
    "manifest-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "                    \
    "require-trusted-types-for 'script'"

/* Half a year; no subdomains: they are not ours. */
#define STRICT_TRANSPORT_SECURITY "max-age=15552000"

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {460, "Checksum Mismatch"}, /* tus 1.0.0, checksum */
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *reply_reason(int status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Status";
}

static const char *find(const Reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->count; i++) {
        if (g_ascii_strcasecmp(reply->headers[i].name, name) == 0) {
            return reply->headers[i].value;
        }
    }
    return NULL;
}

/* A value can hold text from outside: line ends in it would begin a header of their own. */
static void add_header(GString *head, const char *name, const char *value)
{
    g_string_append_printf(head, "%s: ", name);
    for (const char *c = value; *c != '\0'; c++) {
        if (!g_ascii_iscntrl(*c) || *c == '\t') {
            g_string_append_c(head, *c);
        }
    }
    g_string_append(head, "\r\n");
}

static void add_date(GString *head)
{
    static time_t then;
    static char text[64];
    time_t now = time(NULL);
    if (now != then) {
        then = now;
        struct tm broken;
        gmtime_r(&now, &broken);
        strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &broken);
    }
    g_string_append(head, text);
}

static void add_unless_set(GString *head, const Reply *reply, const char *name, const char *value)
{
    if (find(reply, name) == NULL) {
        add_header(head, name, value);
    }
}

static void add_security(GString *head, const Reply *reply)
{
    add_header(head, "X-Content-Type-Options", "nosniff");
    add_unless_set(head, reply, "Referrer-Policy", "no-referrer");
    add_unless_set(head, reply, "Cross-Origin-Resource-Policy", "same-origin");
    const char *type = find(reply, "content-type");
    bool is_document = type != NULL && (g_str_has_prefix(type, "text/html") ||
                                        g_str_has_prefix(type, "image/svg+xml"));
    if (is_document) {
        add_unless_set(head, reply, "Content-Security-Policy", CONTENT_SECURITY_POLICY);
        add_unless_set(head, reply, "Cross-Origin-Opener-Policy", "same-origin");
    }
    if (reply->is_secure) {
        add_header(head, "Strict-Transport-Security", STRICT_TRANSPORT_SECURITY);
    }
}

GBytes *reply_head(const Reply *reply)
{
    GString *head = g_string_sized_new(512);
    g_string_printf(head, "HTTP/1.1 %d %s\r\n", reply->status, reply_reason(reply->status));
    add_date(head);
    g_string_append(head, "Server: serambi\r\n");
    for (size_t i = 0; i < reply->count; i++) {
        add_header(head, reply->headers[i].name, reply->headers[i].value);
    }
    add_security(head, reply);
    if (reply->length >= 0) {
        g_string_append_printf(head, "Content-Length: %" PRId64 "\r\n", reply->length);
    }
    if (reply->closes) {
        g_string_append(head, "Connection: close\r\n");
    }
    g_string_append(head, "\r\n");
    return g_string_free_to_bytes(head);
}

/* Takes the next tag of a list, without weakness mark and quotes; false at the end. */
static bool next_tag(const char **list, const char **ret_tag, size_t *ret_size)
{
    *list += strspn(*list, " \t,");
    if (g_str_has_prefix(*list, "W/")) {
        *list += 2;
    }
    if (**list != '"') {
        return false;
    }
    const char *end = strchr(*list + 1, '"');
    if (end == NULL) {
        return false;
    }
    *ret_tag = *list + 1;
    *ret_size = (size_t)(end - *ret_tag);
    *list = end + 1;
    return true;
}

bool reply_etag_matches(const char *list, const char *etag)
{
    if (list == NULL) {
        return false;
    }
    if (strcmp(list, "*") == 0) {
        return true;
    }
    const char *tag;
    size_t size;
    while (next_tag(&list, &tag, &size)) {
        if (size == strlen(etag) && memcmp(tag, etag, size) == 0) {
            return true;
        }
    }
    return false;
}

/* The caller's headers, and ours behind them. */
static GArray *extend(const HttpHeader *headers, size_t count, const char *etag)
{
    GArray *all = g_array_new(false, false, sizeof(HttpHeader));
    g_array_append_vals(all, headers, (guint)count);
    HttpHeader ours[] = {{"ETag", etag}, {"Accept-Ranges", "bytes"}};
    g_array_append_vals(all, ours, G_N_ELEMENTS(ours));
    return all;
}

static void send_head(Outbox *outbox, GArray *headers, int status, int64_t length,
                      const ReplyWish *wish)
{
    Reply reply = {
        .status = status,
        .headers = (const HttpHeader *)(void *)headers->data,
        .count = headers->len,
        .length = length,
        .closes = wish->closes,
        .is_secure = wish->is_secure,
    };
    outbox_add_bytes(outbox, reply_head(&reply));
}

static void send_part(Outbox *outbox, int fd, const Range *range)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    /* Without a descriptor the piece fails when its turn comes, and the connection with it. */
    outbox_add_file(outbox, copy, range->first, range->last - range->first + 1);
}

static void send_one_part(Outbox *outbox, int fd, int64_t size, const Range *range, GArray *headers,
                          const ReplyWish *wish)
{
    g_autofree char *content_range =
        g_strdup_printf("bytes %" PRId64 "-%" PRId64 "/%" PRId64, range->first, range->last, size);
    HttpHeader header = {"Content-Range", content_range};
    g_array_append_val(headers, header);
    send_head(outbox, headers, 206, range->last - range->first + 1, wish);
    send_part(outbox, fd, range);
}

/* multipart/byteranges (RFC 9110, 14.6). The bytes of a file can hold any boundary, so it only has
 * to be unlikely. */
static void send_parts(Outbox *outbox, int fd, int64_t size, const Range *ranges, size_t count,
                       GArray *headers, const ReplyWish *wish)
{
    g_autofree char *boundary =
        g_strdup_printf("serambi-%08x%08x%08x", g_random_int(), g_random_int(), g_random_int());
    g_autofree char *type = g_strconcat("multipart/byteranges; boundary=", boundary, NULL);
    g_autofree char *part_type = NULL;
    for (guint i = 0; i < headers->len; i++) {
        HttpHeader *header = &g_array_index(headers, HttpHeader, i);
        if (g_ascii_strcasecmp(header->name, "content-type") == 0) {
            part_type = g_strdup(header->value);
            header->value = type;
        }
    }
    if (part_type == NULL) {
        HttpHeader header = {"Content-Type", type};
        g_array_append_val(headers, header);
        part_type = g_strdup("application/octet-stream");
    }
    g_autoptr(GPtrArray) heads = g_ptr_array_new();
    int64_t length = 0;
    for (size_t i = 0; i <= count; i++) {
        char *text = i == count
                         ? g_strdup_printf("\r\n--%s--\r\n", boundary)
                         : g_strdup_printf("%s--%s\r\nContent-Type: %s\r\nContent-Range: "
                                           "bytes %" PRId64 "-%" PRId64 "/%" PRId64 "\r\n\r\n",
                                           i == 0 ? "" : "\r\n", boundary, part_type,
                                           ranges[i].first, ranges[i].last, size);
        g_ptr_array_add(heads, g_bytes_new_take(text, strlen(text)));
        length += (int64_t)strlen(text);
        length += i == count ? 0 : ranges[i].last - ranges[i].first + 1;
    }
    send_head(outbox, headers, 206, length, wish);
    for (size_t i = 0; i <= count; i++) {
        outbox_add_bytes(outbox, heads->pdata[i]);
        if (i < count) {
            send_part(outbox, fd, &ranges[i]);
        }
    }
}

static void send_unsatisfiable(Outbox *outbox, int64_t size, const ReplyWish *wish)
{
    g_autofree char *content_range = g_strdup_printf("bytes */%" PRId64, size);
    HttpHeader header = {"Content-Range", content_range};
    Reply reply = {
        .status = 416,
        .headers = &header,
        .count = 1,
        .length = 0,
        .closes = wish->closes,
        .is_secure = wish->is_secure,
    };
    outbox_add_bytes(outbox, reply_head(&reply));
}

void reply_file(Outbox *outbox, int fd, const char *etag, const HttpHeader *headers, size_t count,
                const ReplyWish *wish)
{
    struct stat file;
    g_autofree char *quoted = g_strdup_printf("\"%s\"", etag);
    g_autoptr(GArray) all = extend(headers, count, quoted);
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) {
        Reply reply = {.status = 404, .closes = wish->closes, .is_secure = wish->is_secure};
        outbox_add_bytes(outbox, reply_head(&reply));
        close(fd);
        return;
    }
    if (reply_etag_matches(wish->if_none_match, etag)) {
        send_head(outbox, all, 304, -1, wish);
        close(fd);
        return;
    }
    /* A range that was valid for another version is not for this one (RFC 9110, 13.1.5). */
    bool same = wish->if_range == NULL || strcmp(wish->if_range, quoted) == 0;
    Range ranges[LIMIT_RANGES];
    size_t range_count = 0;
    RangeResult result = wish->is_get && same
                             ? range_parse(wish->range, file.st_size, ranges, &range_count)
                             : RANGE_NONE;
    if (result == RANGE_UNSATISFIABLE) {
        send_unsatisfiable(outbox, file.st_size, wish);
    } else if (result == RANGE_PARTS && range_count == 1) {
        send_one_part(outbox, fd, file.st_size, &ranges[0], all, wish);
    } else if (result == RANGE_PARTS) {
        send_parts(outbox, fd, file.st_size, ranges, range_count, all, wish);
    } else {
        send_head(outbox, all, 200, file.st_size, wish);
        if (wish->is_get && file.st_size > 0) {
            outbox_add_file(outbox, fd, 0, file.st_size);
            return;
        }
    }
    close(fd);
}
