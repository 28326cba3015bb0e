/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A tutorial as a document that needs no script, with what other programs look for in it (Open
 * Graph, schema.org), and a code to pass it on.
 *
 * JSON inside of HTML has its < escaped. Sources: ogp.me; schema.org VideoObject; media fragments,
 * W3C recommendation of 2012; sitemaps.org 0.9. */
#include "plugins/tutorials/sheet.h"
#include <string.h>

/* The clip that the path names; NULL after having replied. */
static Sheet *read_sheet(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    int64_t id = 0;
    if (!routes_read_id(request, &id))
        return NULL;
    json_auto_t *row = clips_public_row(self, id, &error);
    if (row)
        return sheet_new(row, serambi_request_origin(request), sheet_language_of(request));
    if (error)
        routes_reply_failure(request, error);
    else
        sheet_reply_sentence(self, request, 404, "public.gone");
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
    sheet_append_head(page, sheet->language, sheet->title);
    g_string_append_printf(page,
                           "<meta name=\"description\" content=\"%s\">\n"
                           "<link rel=\"canonical\" href=\"%s\">\n"
                           "<link rel=\"alternate\" type=\"application/json+oembed\""
                           " href=\"/api/tutorials/oembed?url=%s\" title=\"%s\">\n",
                           *sheet->summary ? sheet->summary : sheet->title, sheet->page,
                           sheet->page, sheet->title);
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

/* The path of an address of ours: what a page shows comes from where the page came from. */
static const char *path_of(const char *address)
{
    const char *path = strstr(address, "/media/");
    return path ? path : "";
}

/* Where the film begins: "#t=12.5" of ?t=12.5; "" for the beginning and for what is no time of it.
 */
static char *beginning(SerambiRequest *request, const Sheet *sheet)
{
    const char *text = serambi_request_query(request, "t");
    double seconds = text ? g_ascii_strtod(text, NULL) : 0;
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    if (!(seconds > 0 && seconds < (double)sheet->seconds))
        return g_strdup("");
    return g_strconcat("#t=", g_ascii_formatd(number, sizeof number, "%.3f", seconds), NULL);
}

static void append_tracks(Serambi *self, GString *page, const Sheet *sheet)
{
    const json_t *captions = json_object_get(sheet->clip, "captions");
    bool has_own = json_object_get(captions, sheet->language) != NULL;
    bool is_first = true;
    for (size_t i = 0; sheet_languages[i]; i++) {
        const char *hash = json_string_value(json_object_get(captions, sheet_languages[i]));
        if (!hash)
            continue;
        bool is_shown = has_own ? !strcmp(sheet_languages[i], sheet->language) : is_first;
        g_string_append_printf(page,
                               "<track kind=\"captions\" src=\"/media/%s.vtt\" srclang=\"%s\""
                               " label=\"%s\"%s>\n",
                               hash, sheet_languages[i],
                               serambi_word(self, sheet_languages[i], "language.name"),
                               is_shown ? " default" : "");
        is_first = false;
    }
}

static void append_film(Serambi *self, SerambiRequest *request, GString *page, const Sheet *sheet)
{
    g_autofree char *start = beginning(request, sheet);
    g_string_append_printf(page,
                           "<video controls preload=\"metadata\" playsinline width=\"640\""
                           " height=\"360\"%s%s%s aria-label=\"%s\">\n"
                           "<source src=\"%s%s\" type=\"video/mp4\">\n",
                           *sheet->poster ? " poster=\"" : "", path_of(sheet->poster),
                           *sheet->poster ? "\"" : "", sheet->title, path_of(sheet->media), start);
    append_tracks(self, page, sheet);
    g_string_append(page, "</video>\n");
}

/* A form, or thanks. Nothing is remembered of who spoke. */
static void append_question(Serambi *self, SerambiRequest *request, GString *page,
                            const Sheet *sheet)
{
    const char *language = sheet->language;
    const char *said = serambi_request_query(request, "said");
    if (said) {
        g_string_append_printf(
            page, "<p role=\"status\">%s</p>\n",
            serambi_word(self, language, strcmp(said, "much") ? "helped.thanks" : "helped.much"));
        return;
    }
    g_string_append_printf(
        page,
        "<form method=\"post\" action=\"" WATCH_PATH "%" G_GINT64_FORMAT "?lang=%s\">\n"
        "<p>%s <button class=\"quiet\" name=\"helped\" value=\"yes\">%s</button>\n"
        "<button class=\"quiet\" name=\"helped\" value=\"no\">%s</button></p>\n</form>\n",
        sheet->id, language, serambi_word(self, language, "helped.ask"),
        serambi_word(self, language, "helped.yes"), serambi_word(self, language, "helped.no"));
}

static void append_passing_on(Serambi *self, GString *page, const Sheet *sheet)
{
    if (json_is_true(json_object_get(sheet->clip, "downloads")))
        g_string_append_printf(page, "<p><a href=\"%s\" download>%s</a></p>\n",
                               path_of(sheet->media),
                               serambi_word(self, sheet->language, "watch.download"));
    g_string_append_printf(page,
                           "<p>%s <a href=\"%s\">%s</a></p>\n"
                           "<p><img src=\"/api/tutorials/watch/%" G_GINT64_FORMAT
                           "/qr.svg\" alt=\"%s\" width=\"160\""
                           " height=\"160\" loading=\"lazy\"></p>\n",
                           serambi_word(self, sheet->language, "watch.pass_on"), sheet->page,
                           sheet->page, sheet->id, serambi_word(self, sheet->language, "watch.qr"));
}

static void append_body(Serambi *self, SerambiRequest *request, GString *page, const Sheet *sheet)
{
    g_string_append_printf(page,
                           "<body class=\"public\">\n<main class=\"wide watch\">\n<h1 lang=\"%s\" "
                           "dir=\"auto\">%s</h1>\n",
                           sheet->title_language, sheet->title);
    append_film(self, request, page, sheet);
    if (*sheet->summary)
        g_string_append_printf(page, "<p lang=\"%s\" dir=\"auto\">%s</p>\n",
                               sheet->summary_language, sheet->summary);
    append_question(self, request, page, sheet);
    append_passing_on(self, page, sheet);
    g_string_append_printf(page, "<p><a href=\"" SHELF_PATH "?lang=%s\">%s</a></p>\n",
                           sheet->language, serambi_word(self, sheet->language, "public.back"));
    sheet_append_languages(self, page, "");
    g_string_append(page, "</main>\n</body>\n</html>\n");
}

void watch_page(Serambi *self, SerambiRequest *request)
{
    g_autoptr(Sheet) sheet = read_sheet(self, request);
    if (!sheet)
        return;
    g_autoptr(GString) page = g_string_new(NULL);
    append_head(self, page, sheet);
    append_body(self, request, page, sheet);
    serambi_reply_text(request, 200, "text/html; charset=utf-8", page->str);
}

void watch_voice(Serambi *self, SerambiRequest *request)
{
    int64_t id = 0;
    const char *helped =
        json_string_value(json_object_get(serambi_request_body(request), "helped"));
    if (!routes_read_id(request, &id))
        return;
    if (g_strcmp0(helped, "yes") && g_strcmp0(helped, "no")) {
        sheet_reply_sentence(self, request, 422, "helped.ask");
        return;
    }
    g_autoptr(GError) error = NULL;
    int status = routes_take_voice(self, request, id, !strcmp(helped, "yes"), &error);
    g_autofree char *place =
        g_strdup_printf(WATCH_PATH "%" G_GINT64_FORMAT "?lang=%s&said=%s", id,
                        sheet_language_of(request), status == 429 ? "much" : helped);
    if (status == 404)
        sheet_reply_sentence(self, request, 404, "public.gone");
    else if (status == 503)
        routes_reply_failure(request, g_steal_pointer(&error));
    else
        serambi_reply_redirect(request, 303, place);
}

void watch_old_address(Serambi *self, SerambiRequest *request)
{
    int64_t id = 0;
    if (!routes_read_id(request, &id))
        return;
    g_autofree char *place =
        g_strdup_printf(WATCH_PATH "%" G_GINT64_FORMAT "?lang=%s", id, sheet_language_of(request));
    serambi_reply_redirect(request, 308, place);
}

void watch_qr(Serambi *self, SerambiRequest *request)
{
    g_autoptr(Sheet) sheet = read_sheet(self, request);
    if (!sheet)
        return;
    g_autofree char *address = g_strdup_printf("%s" WATCH_PATH "%" G_GINT64_FORMAT,
                                               serambi_request_origin(request), sheet->id);
    g_autofree char *svg = serambi_qr_svg(self, address);
    if (svg)
        serambi_reply_text(request, 200, "image/svg+xml", svg);
    else
        serambi_reply_error(request, 404, "tutorials.unknown", "the address is too long");
}

void watch_sitemap(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    json_auto_t *clips = clips_ready(self, &error);
    if (!clips) {
        routes_reply_failure(request, error);
        return;
    }
    g_autofree char *origin = sheet_escape(serambi_request_origin(request));
    g_autoptr(GString) map =
        g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset"
                     " xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
    size_t index;
    json_t *clip;
    json_array_foreach(clips, index, clip) g_string_append_printf(
        map, "<url><loc>%s" WATCH_PATH "%" JSON_INTEGER_FORMAT "</loc></url>\n", origin,
        json_integer_value(json_object_get(clip, "id")));
    g_string_append(map, "</urlset>\n");
    serambi_reply_text(request, 200, "application/xml; charset=utf-8", map->str);
}
