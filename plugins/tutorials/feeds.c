/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What other programs ask of the library: how to embed a tutorial, and what is new.
 * Sources: oembed.com 1.0; RSS 2.0; JSON Feed 1.1. */
#include "plugins/tutorials/sheet.h"
#include <string.h>

#define FEED_ITEMS 50
#define OLD_PATH   "/api/tutorials/watch/" /* of addresses that were passed on before /watch/ was */

/* The clip's id in "<origin>/watch/3"; 0: it is none of ours. */
static int64_t id_of_address(SerambiRequest *request, const char *url)
{
    const char *origin = serambi_request_origin(request);
    if (!url || !g_str_has_prefix(url, origin))
        return 0;
    const char *digits = url + strlen(origin);
    if (g_str_has_prefix(digits, OLD_PATH))
        digits += strlen(OLD_PATH);
    else if (g_str_has_prefix(digits, WATCH_PATH))
        digits += strlen(WATCH_PATH);
    else
        return 0;
    g_autofree char *number = g_strndup(digits, strspn(digits, "0123456789"));
    const char *rest = digits + strlen(number);
    int64_t id = 0;
    bool ok = (*rest == '\0' || *rest == '?' || *rest == '#') &&
              g_ascii_string_to_signed(number, 10, 1, G_MAXINT64, &id, NULL);
    return ok ? id : 0;
}

void watch_oembed(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    const char *format = serambi_request_query(request, "format");
    if (format && strcmp(format, "json")) {
        serambi_reply_error(request, 501, "error.input", "format: json");
        return;
    }
    int64_t id = id_of_address(request, serambi_request_query(request, "url"));
    json_auto_t *row = id ? clips_public_row(self, id, &error) : NULL;
    if (error) {
        routes_reply_failure(request, error);
        return;
    }
    if (!row) {
        serambi_reply_error(request, 404, "tutorials.unknown", "url: the address of a tutorial");
        return;
    }
    g_autoptr(Sheet) sheet =
        sheet_new(row, serambi_request_origin(request), sheet_language_of(request));
    /* Framing our page is refused by its headers: the film itself is what can be embedded. */
    g_autofree char *html = g_strdup_printf(
        "<video controls preload=\"none\" width=\"640\" height=\"360\" poster=\"%s\" src=\"%s\">"
        "</video>",
        sheet->poster, sheet->media);
    serambi_reply(request, 200,
                  json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:s}", "version", "1.0", "type",
                            "video", "provider_name", "Serambi", "title", sheet->plain_title,
                            "html", html, "width", 640, "height", 360, "thumbnail_url",
                            sheet->poster));
}

/* The newest clips that everybody may watch. New reference; NULL after having replied. */
static json_t *newest(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_auto_t *rows =
        serambi_query(self, &error,
                      "SELECT " CLIP_COLUMNS " FROM tutorials_clip"
                      " WHERE state = 'ready' AND deleted_us IS NULL ORDER BY id DESC",
                      "");
    if (!rows) {
        routes_reply_failure(request, error);
        return NULL;
    }
    json_t *list = json_array();
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        if (json_array_size(list) < FEED_ITEMS && clips_is_public(row))
            json_array_append(list, row);
    }
    return list;
}

static void append_item(Serambi *self, GString *feed, const json_t *row, const Sheet *sheet)
{
    const char *media = json_string_value(json_object_get(sheet->clip, "media"));
    int64_t bytes = MAX(0, serambi_file_bytes(self, media ? media : ""));
    g_autoptr(GDateTime) made = g_date_time_new_from_unix_utc(
        json_integer_value(json_object_get(row, "created_us")) / G_USEC_PER_SEC);
    static const char *const days[] = {"", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char *const months[] = {"",    "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    g_string_append_printf(
        feed,
        "<item>\n<title>%s</title>\n<link>%s</link>\n<guid isPermaLink=\"true\">%s</guid>\n"
        "<description>%s</description>\n<pubDate>%s, %02d %s %d %02d:%02d:%02d +0000</pubDate>\n"
        "<enclosure url=\"%s\" length=\"%" G_GINT64_FORMAT "\" type=\"video/mp4\"/>\n</item>\n",
        sheet->title, sheet->page, sheet->page, sheet->summary,
        days[g_date_time_get_day_of_week(made)], g_date_time_get_day_of_month(made),
        months[g_date_time_get_month(made)], g_date_time_get_year(made), g_date_time_get_hour(made),
        g_date_time_get_minute(made), g_date_time_get_second(made), media ? sheet->media : "",
        bytes);
}

void watch_rss(Serambi *self, SerambiRequest *request)
{
    json_auto_t *rows = newest(self, request);
    if (!rows)
        return;
    const char *language = sheet_language_of(request);
    g_autofree char *origin = sheet_escape(serambi_request_origin(request));
    g_autoptr(GString) feed = g_string_new(NULL);
    const char *title = serambi_word(self, language, "public.title");
    g_string_append_printf(feed,
                           "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\">\n"
                           "<channel>\n<title>%s</title>\n<link>%s" SHELF_PATH "</link>\n"
                           "<description>%s</description>\n<language>%s</language>\n",
                           title, origin, title, language);
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        g_autoptr(Sheet) sheet = sheet_new(row, serambi_request_origin(request), language);
        append_item(self, feed, row, sheet);
    }
    g_string_append(feed, "</channel>\n</rss>\n");
    serambi_reply_text(request, 200, "application/rss+xml; charset=utf-8", feed->str);
}

void watch_json_feed(Serambi *self, SerambiRequest *request)
{
    json_auto_t *rows = newest(self, request);
    if (!rows)
        return;
    const char *language = sheet_language_of(request);
    json_t *items = json_array();
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        g_autoptr(Sheet) sheet = sheet_new(row, serambi_request_origin(request), language);
        const char *media = json_string_value(json_object_get(sheet->clip, "media"));
        json_t *item = json_pack(
            "{s:s, s:s, s:s, s:s, s:s, s:[{s:s, s:s, s:I, s:I}]}", "id", sheet->page, "url",
            sheet->page, "title", sheet->plain_title, "content_text", sheet->plain_summary,
            "date_published", sheet->date, "attachments", "url", sheet->media, "mime_type",
            "video/mp4", "duration_in_seconds", (json_int_t)sheet->seconds, "size_in_bytes",
            (json_int_t)MAX(0, serambi_file_bytes(self, media ? media : "")));
        if (*sheet->poster)
            json_object_set_new(item, "image", json_string(sheet->poster));
        json_array_append_new(items, item);
    }
    serambi_reply(request, 200,
                  json_pack("{s:s, s:s, s:s, s:o}", "version", "https://jsonfeed.org/version/1.1",
                            "title", serambi_word(self, language, "public.title"), "language",
                            language, "items", items));
}
