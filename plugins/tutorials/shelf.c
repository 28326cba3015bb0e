/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The library as a document that needs no script: found by word and by language, page by page. */
#include "plugins/tutorials/sheet.h"
#include <string.h>

#define CLIPS_A_PAGE 60

/* What the reader asked for. */
typedef struct {
    const char *language; /* of the page */
    const char *question; /* "" for all */
    const char *spoken;   /* a language that they speak; "" for all */
    int64_t page;         /* from 1 */
} Wish;

static Wish read_wish(SerambiRequest *request)
{
    const char *question = serambi_request_query(request, "q");
    const char *spoken = serambi_request_query(request, "in");
    Wish wish = {
        .language = sheet_language_of(request),
        .question = question ? question : "",
        .spoken = spoken && g_strv_contains(sheet_languages, spoken) ? spoken : "",
        .page = 1,
    };
    const char *page = serambi_request_query(request, "page");
    if (page)
        (void)g_ascii_string_to_signed(page, 10, 1, 100000, &wish.page, NULL);
    return wish;
}

static bool speaks(const json_t *clip, const char *language)
{
    size_t index;
    json_t *one;
    json_array_foreach(json_object_get(clip, "languages"), index, one)
    {
        if (!strcmp(json_string_value(one), language))
            return true;
    }
    return *language == '\0';
}

/* Shapes of clips; with a question the best first, else the newest. New reference. */
static json_t *wanted(Serambi *self, const Wish *wish, GError **error)
{
    json_auto_t *all = *wish->question ? find_clips(self, wish->question, wish->spoken, error)
                                       : clips_ready(self, error);
    if (!all || *wish->question)
        return g_steal_pointer(&all);
    json_t *list = json_array();
    size_t index;
    json_t *clip;
    json_array_foreach(all, index, clip)
    {
        if (speaks(clip, wish->spoken))
            json_array_insert(list, 0, clip);
    }
    return list;
}

static void append_search(Serambi *self, GString *page, const Wish *wish)
{
    g_autofree char *question = sheet_escape(wish->question);
    g_string_append_printf(
        page,
        "<form class=\"tools\" role=\"search\" action=\"" SHELF_PATH "\">\n"
        "<input type=\"hidden\" name=\"lang\" value=\"%s\">\n"
        "<p class=\"field\"><label for=\"q\">%s</label>\n"
        "<input id=\"q\" type=\"search\" name=\"q\" value=\"%s\" maxlength=\"200\"></p>\n"
        "<p class=\"field\"><label for=\"in\">%s</label>\n<select id=\"in\" name=\"in\">\n"
        "<option value=\"\">%s</option>\n",
        wish->language, serambi_word(self, wish->language, "find.words"), question,
        serambi_word(self, wish->language, "public.language"),
        serambi_word(self, wish->language, "public.every_language"));
    for (size_t i = 0; sheet_languages[i]; i++)
        g_string_append_printf(page, "<option value=\"%s\" lang=\"%s\"%s>%s</option>\n",
                               sheet_languages[i], sheet_languages[i],
                               strcmp(sheet_languages[i], wish->spoken) ? "" : " selected",
                               serambi_word(self, sheet_languages[i], "language.name"));
    g_string_append_printf(page, "</select></p>\n<button>%s</button>\n</form>\n",
                           serambi_word(self, wish->language, "find.submit"));
}

/* Where the words are said, each with the way there. */
static void append_moments(Serambi *self, GString *page, const json_t *clip, const Wish *wish)
{
    const json_t *moments = json_object_get(clip, "moments");
    const char *spoken = json_string_value(json_object_get(clip, "found_in"));
    size_t index;
    json_t *moment;
    if (json_array_size(moments) == 0)
        return;
    g_string_append(page, "<ul class=\"moments\">\n");
    json_array_foreach(moments, index, moment)
    {
        json_int_t ms = json_integer_value(json_object_get(moment, "ms"));
        g_autofree char *time = sheet_time(ms / 1000);
        g_autofree char *said = sheet_escape(json_string_value(json_object_get(moment, "text")));
        g_string_append_printf(page,
                               "<li><a href=\"" WATCH_PATH "%" JSON_INTEGER_FORMAT
                               "?lang=%s&amp;t=%" JSON_INTEGER_FORMAT
                               ".%03d\"><span class=\"number\">%s</span> <q lang=\"%s\" "
                               "dir=\"auto\">%s</q></a></li>\n",
                               json_integer_value(json_object_get(clip, "id")), wish->language,
                               ms / 1000, (int)(ms % 1000), time, spoken ? spoken : "", said);
    }
    g_string_append(page, "</ul>\n");
}

static void append_card(Serambi *self, GString *page, const json_t *clip, const Wish *wish)
{
    g_autoptr(Sheet) sheet = sheet_of_shape(clip, "", wish->language);
    g_autofree char *time = sheet_time(sheet->seconds);
    g_string_append_printf(page,
                           "<li><a class=\"card film\" href=\"" WATCH_PATH "%" G_GINT64_FORMAT
                           "?lang=%s\">\n"
                           "<div class=\"poster\">",
                           sheet->id, wish->language);
    if (*sheet->poster)
        g_string_append_printf(page,
                               "<img src=\"%s\" alt=\"\" width=\"320\" height=\"180\""
                               " loading=\"lazy\" decoding=\"async\">",
                               sheet->poster);
    g_string_append_printf(page,
                           "<span class=\"length number\">%s</span></div>\n<div class=\"about\">"
                           "<h2 lang=\"%s\" dir=\"auto\">%s</h2>",
                           time, sheet->title_language, sheet->title);
    if (*sheet->summary)
        g_string_append_printf(page, "<p lang=\"%s\" dir=\"auto\">%s</p>", sheet->summary_language,
                               sheet->summary);
    g_string_append(page, "</div></a>\n");
    append_moments(self, page, clip, wish);
    g_string_append(page, "</li>\n");
}

/* "&q=..&in=..", escaped for an attribute. */
static char *query_of(const Wish *wish)
{
    g_autofree char *question = g_uri_escape_string(wish->question, NULL, FALSE);
    return g_strdup_printf("&amp;q=%s&amp;in=%s", question, wish->spoken);
}

static void append_turn(GString *page, const Wish *wish, int64_t number, const char *relation,
                        const char *text)
{
    g_autofree char *query = query_of(wish);
    g_string_append_printf(
        page, "<a rel=\"%s\" href=\"?lang=%s%s&amp;page=%" G_GINT64_FORMAT "\">%s</a>\n", relation,
        wish->language, query, number, text);
}

static void append_clips(Serambi *self, GString *page, const json_t *clips, const Wish *wish)
{
    size_t count = json_array_size(clips);
    size_t first = (size_t)(wish->page - 1) * CLIPS_A_PAGE;
    if (count == 0)
        g_string_append_printf(
            page, "<p class=\"empty\" role=\"status\">%s</p>\n",
            serambi_word(self, wish->language,
                         *wish->question || *wish->spoken ? "find.none" : "public.none"));
    g_string_append(page, "<ul class=\"films\">\n");
    for (size_t i = first; i < MIN(count, first + CLIPS_A_PAGE); i++)
        append_card(self, page, json_array_get(clips, i), wish);
    g_string_append(page, "</ul>\n<p>");
    if (first > 0)
        append_turn(page, wish, wish->page - 1, "prev",
                    serambi_word(self, wish->language, "find.earlier"));
    if (first + CLIPS_A_PAGE < count)
        append_turn(page, wish, wish->page + 1, "next",
                    serambi_word(self, wish->language, "find.more"));
    g_string_append(page, "</p>\n");
}

void shelf_page(Serambi *self, SerambiRequest *request)
{
    GError *error = NULL;
    Wish wish = read_wish(request);
    json_auto_t *clips = wanted(self, &wish, &error);
    if (!clips) {
        routes_reply_failure(request, error);
        return;
    }
    const char *title = serambi_word(self, wish.language, "public.title");
    g_autofree char *query = query_of(&wish);
    g_autoptr(GString) page = g_string_new(NULL);
    sheet_append_head(page, wish.language, title);
    g_string_append_printf(page,
                           "<meta name=\"description\" content=\"%s\">\n</head>\n"
                           "<body class=\"public\">\n<main class=\"wide shelf\">\n<h1>%s</h1>\n",
                           serambi_word(self, wish.language, "find.about"), title);
    append_search(self, page, &wish);
    append_clips(self, page, clips, &wish);
    sheet_append_languages(self, page, query);
    g_string_append(page, "</main>\n</body>\n</html>\n");
    serambi_reply_text(request, 200, "text/html; charset=utf-8", page->str);
}
