/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Tutorials for those who have no live page: one clip as a document that needs no script, what
 * other programs ask of it (Open Graph, oEmbed, schema.org), feeds, and a code to pass it on.
 *
 * Everything that people wrote goes through escape(); JSON inside of HTML has its < escaped.
 * Sources: ogp.me; oembed.com 1.0; schema.org VideoObject; RSS 2.0; JSON Feed 1.1. */
#include "plugins/tutorials/tutorials.h"
#include <string.h>

#define FEED_ITEMS 50
#define PAGE       "/api/tutorials/watch/"

static const char *const languages[] = {"id", "en", "ar"};

static char *escape(const char *text)
{
    return g_markup_escape_text(text ? text : "", -1);
}

/* ?lang=, else Indonesian. */
static const char *language_of(SerambiRequest *request)
{
    const char *wanted = serambi_request_query(request, "lang");
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++)
        if (!g_strcmp0(wanted, languages[i]))
            return languages[i];
    return languages[0];
}

/* The text in a language, else in another one. Borrowed from texts; "" when there is none. */
static const char *pick(const json_t *texts, const char *language, const char **ret_language)
{
    const char *text = json_string_value(json_object_get(texts, language));
    *ret_language = language;
    for (size_t i = 0; !text && i < G_N_ELEMENTS(languages); i++) {
        text = json_string_value(json_object_get(texts, languages[i]));
        *ret_language = languages[i];
    }
    return text ? text : "";
}

/* What a document tells of one clip; all of it escaped, addresses whole. */
typedef struct {
    int64_t id;
    const char *language, *title_language, *summary_language;
    json_t *clip; /* clips_shape() */
    char *title, *summary, *plain_title, *plain_summary;
    char *page, *media, *poster; /* poster: "" when there is none */
    int64_t seconds;
    char *date;
} Sheet;

static void sheet_free(Sheet *sheet)
{
    if (!sheet)
        return;
    json_decref(sheet->clip);
    g_free(sheet->title);
    g_free(sheet->summary);
    g_free(sheet->plain_title);
    g_free(sheet->plain_summary);
    g_free(sheet->page);
    g_free(sheet->media);
    g_free(sheet->poster);
    g_free(sheet->date);
    g_free(sheet);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sheet, sheet_free)

static Sheet *sheet_new(const json_t *row, const char *origin, const char *language)
{
    Sheet *sheet = g_new0(Sheet, 1);
    sheet->clip = clips_shape(row);
    sheet->language = language;
    sheet->id = json_integer_value(json_object_get(row, "id"));
    sheet->plain_title =
        g_strdup(pick(json_object_get(sheet->clip, "title"), language, &sheet->title_language));
    sheet->plain_summary =
        g_strdup(pick(json_object_get(sheet->clip, "summary"), language, &sheet->summary_language));
    sheet->title = escape(sheet->plain_title);
    sheet->summary = escape(sheet->plain_summary);
    g_autofree char *host = escape(origin);
    const char *poster = json_string_value(json_object_get(sheet->clip, "poster"));
    sheet->page = g_strdup_printf("%s" PAGE "%" G_GINT64_FORMAT, host, sheet->id);
    sheet->media = g_strdup_printf("%s/media/%s.mp4", host,
                                   json_string_value(json_object_get(sheet->clip, "media")));
    sheet->poster = poster ? g_strdup_printf("%s/media/%s.jpg", host, poster) : g_strdup("");
    sheet->seconds =
        (json_integer_value(json_object_get(row, "duration_us")) + G_USEC_PER_SEC / 2) /
        G_USEC_PER_SEC;
    g_autoptr(GDateTime) made = g_date_time_new_from_unix_utc(
        json_integer_value(json_object_get(row, "created_us")) / G_USEC_PER_SEC);
    sheet->date = g_date_time_format(made, "%Y-%m-%dT%H:%M:%SZ");
    return sheet;
}

/* The clip that the path names; NULL after having replied. */
static Sheet *read_sheet(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!routes_read_id(request, &id))
        return NULL;
    json_auto_t *row = clips_public_row(self, id, &error);
    if (row)
        return sheet_new(row, serambi_request_origin(request), language_of(request));
    if (error)
        routes_reply_failure(request, error);
    else
        serambi_reply_error(request, 404, "tutorials.unknown", "no such tutorial");
    return NULL;
}

/* --- The page --------------------------------------------------------------------------------- */

/* JSON that cannot end the script element that holds it. g_free() */
static char *json_for_html(const json_t *value)
{
    g_autofree char *text = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);
    g_auto(GStrv) parts = g_strsplit(text, "<", -1);
    return g_strjoinv("\\u003c", parts);
}

static void append_data(GString *page, const Sheet *sheet)
{
    g_autofree char *length = g_strdup_printf("PT%" G_GINT64_FORMAT "S", sheet->seconds);
    json_auto_t *data =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "@context", "https://schema.org",
                  "@type", "VideoObject", "name", sheet->plain_title, "description",
                  *sheet->plain_summary ? sheet->plain_summary : sheet->plain_title, "contentUrl",
                  sheet->media, "url", sheet->page, "uploadDate", sheet->date, "duration", length,
                  "thumbnailUrl", sheet->poster);
    g_autofree char *text = json_for_html(data);
    g_string_append_printf(page, "<script type=\"application/ld+json\">%s</script>\n", text);
}

static void append_meta(GString *page, const char *property, const char *escaped)
{
    if (*escaped)
        g_string_append_printf(page, "<meta property=\"%s\" content=\"%s\">\n", property, escaped);
}

static void append_head(Serambi *self, GString *page, const Sheet *sheet)
{
    g_string_append_printf(
        page,
        "<!DOCTYPE html>\n<html lang=\"%s\" dir=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<title>%s</title>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta name=\"description\" content=\"%s\">\n"
        "<link rel=\"stylesheet\" href=\"/style.css\">\n"
        "<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\n"
        "<link rel=\"canonical\" href=\"%s\">\n"
        "<link rel=\"alternate\" type=\"application/json+oembed\""
        " href=\"/api/tutorials/oembed?url=%s\" title=\"%s\">\n"
        "<link rel=\"alternate\" type=\"application/rss+xml\" href=\"/api/tutorials/feed.xml\""
        " title=\"%s\">\n",
        sheet->language, strcmp(sheet->language, "ar") ? "ltr" : "rtl", sheet->title,
        *sheet->summary ? sheet->summary : sheet->title, sheet->page, sheet->page, sheet->title,
        serambi_word(self, sheet->language, "public.title"));
    append_meta(page, "og:type", "video.other");
    append_meta(page, "og:title", sheet->title);
    append_meta(page, "og:description", sheet->summary);
    append_meta(page, "og:url", sheet->page);
    append_meta(page, "og:image", sheet->poster);
    append_meta(page, "og:video", sheet->media);
    append_meta(page, "og:video:type", "video/mp4");
    append_data(page, sheet);
    g_string_append(page, "</head>\n");
}

static void append_film(Serambi *self, GString *page, const Sheet *sheet)
{
    const json_t *captions = json_object_get(sheet->clip, "captions");
    bool has_own = json_object_get(captions, sheet->language) != NULL;
    g_string_append_printf(page,
                           "<video controls preload=\"metadata\" playsinline%s%s%s"
                           " aria-label=\"%s\">\n<source src=\"%s\" type=\"video/mp4\">\n",
                           *sheet->poster ? " poster=\"" : "", sheet->poster,
                           *sheet->poster ? "\"" : "", sheet->title, sheet->media);
    bool is_first = true;
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
        const char *hash = json_string_value(json_object_get(captions, languages[i]));
        if (!hash)
            continue;
        bool is_shown = has_own ? !strcmp(languages[i], sheet->language) : is_first;
        g_string_append_printf(page,
                               "<track kind=\"captions\" src=\"/media/%s.vtt\" srclang=\"%s\""
                               " label=\"%s\"%s>\n",
                               hash, languages[i],
                               serambi_word(self, languages[i], "language.name"),
                               is_shown ? " default" : "");
        is_first = false;
    }
    g_string_append(page, "</video>\n");
}

static void append_body(Serambi *self, GString *page, const Sheet *sheet)
{
    g_string_append_printf(page,
                           "<body class=\"public\">\n<main class=\"wide watch\">\n<h1 lang=\"%s\" "
                           "dir=\"auto\">%s</h1>\n",
                           sheet->title_language, sheet->title);
    append_film(self, page, sheet);
    if (*sheet->summary)
        g_string_append_printf(page, "<p lang=\"%s\" dir=\"auto\">%s</p>\n",
                               sheet->summary_language, sheet->summary);
    if (json_is_true(json_object_get(sheet->clip, "downloads")))
        g_string_append_printf(page, "<p><a href=\"%s\" download>%s</a></p>\n", sheet->media,
                               serambi_word(self, sheet->language, "watch.download"));
    g_string_append_printf(page,
                           "<p>%s <a href=\"%s\">%s</a></p>\n"
                           "<p><img src=\"" PAGE "%" G_GINT64_FORMAT
                           "/qr.svg\" alt=\"%s\" width=\"160\""
                           " height=\"160\"></p>\n<nav>\n",
                           serambi_word(self, sheet->language, "watch.pass_on"), sheet->page,
                           sheet->page, sheet->id, serambi_word(self, sheet->language, "watch.qr"));
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++)
        g_string_append_printf(page, "<a href=\"?lang=%s\" hreflang=\"%s\" lang=\"%s\">%s</a>\n",
                               languages[i], languages[i], languages[i],
                               serambi_word(self, languages[i], "language.name"));
    g_string_append_printf(page,
                           "<a href=\"/#/tutorials\">%s</a>\n</nav>\n</main>\n</body>\n</html>\n",
                           serambi_word(self, sheet->language, "public.back"));
}

void watch_page(Serambi *self, SerambiRequest *request)
{
    g_autoptr(Sheet) sheet = read_sheet(self, request);
    if (!sheet)
        return;
    g_autoptr(GString) page = g_string_new(NULL);
    append_head(self, page, sheet);
    append_body(self, page, sheet);
    serambi_reply_text(request, 200, "text/html; charset=utf-8", page->str);
}

void watch_qr(Serambi *self, SerambiRequest *request)
{
    g_autoptr(Sheet) sheet = read_sheet(self, request);
    if (!sheet)
        return;
    g_autofree char *address =
        g_strdup_printf("%s" PAGE "%" G_GINT64_FORMAT, serambi_request_origin(request), sheet->id);
    g_autofree char *svg = serambi_qr_svg(self, address);
    if (svg)
        serambi_reply_text(request, 200, "image/svg+xml", svg);
    else
        serambi_reply_error(request, 404, "tutorials.unknown", "the address is too long");
}

/* --- Other programs --------------------------------------------------------------------------- */

/* The clip's id in "<origin>/api/tutorials/watch/3"; 0: it is none of ours. */
static int64_t id_of_address(SerambiRequest *request, const char *url)
{
    g_autofree char *prefix = g_strconcat(serambi_request_origin(request), PAGE, NULL);
    if (!url || !g_str_has_prefix(url, prefix))
        return 0;
    const char *digits = url + strlen(prefix);
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
    g_autoptr(Sheet) sheet = sheet_new(row, serambi_request_origin(request), language_of(request));
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
    g_autoptr(GError) error = NULL;
    json_auto_t *manifest = clips_json(row, "manifest");
    json_int_t bytes = json_integer_value(json_object_get(manifest, "bytes"));
    g_autoptr(GDateTime) made = g_date_time_new_from_unix_utc(
        json_integer_value(json_object_get(row, "created_us")) / G_USEC_PER_SEC);
    static const char *const days[] = {"", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char *const months[] = {"",    "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    g_string_append_printf(
        feed,
        "<item>\n<title>%s</title>\n<link>%s</link>\n<guid isPermaLink=\"true\">%s</guid>\n"
        "<description>%s</description>\n<pubDate>%s, %02d %s %d %02d:%02d:%02d +0000</pubDate>\n"
        "<enclosure url=\"%s\" length=\"%" JSON_INTEGER_FORMAT "\" type=\"video/mp4\"/>\n</item>\n",
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
    const char *language = language_of(request);
    g_autofree char *origin = escape(serambi_request_origin(request));
    g_autoptr(GString) feed = g_string_new(NULL);
    const char *title = serambi_word(self, language, "public.title");
    g_string_append_printf(feed,
                           "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\">\n"
                           "<channel>\n<title>%s</title>\n<link>%s/#/tutorials</link>\n"
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
    const char *language = language_of(request);
    json_t *items = json_array();
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        g_autoptr(Sheet) sheet = sheet_new(row, serambi_request_origin(request), language);
        json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s, s:[{s:s, s:s, s:I}]}", "id",
                                 sheet->page, "url", sheet->page, "title", sheet->plain_title,
                                 "content_text", sheet->plain_summary, "date_published",
                                 sheet->date, "attachments", "url", sheet->media, "mime_type",
                                 "video/mp4", "duration_in_seconds", (json_int_t)sheet->seconds);
        if (*sheet->poster)
            json_object_set_new(item, "image", json_string(sheet->poster));
        json_array_append_new(items, item);
    }
    serambi_reply(request, 200,
                  json_pack("{s:s, s:s, s:s, s:o}", "version", "https://jsonfeed.org/version/1.1",
                            "title", serambi_word(self, language, "public.title"), "language",
                            language, "items", items));
}
