/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * What a document tells of one clip, and how each document begins. */
#include "plugins/tutorials/sheet.h"
#include <string.h>

#define LANGUAGES 3

const char *const sheet_languages[] = {"id", "en", "ar", NULL};

char *sheet_escape(const char *text)
{
    return g_markup_escape_text(text ? text : "", -1);
}

const char *sheet_language_of(SerambiRequest *request)
{
    const char *wanted = serambi_request_query(request, "lang");
    for (size_t i = 0; i < LANGUAGES; i++)
        if (!g_strcmp0(wanted, sheet_languages[i]))
            return sheet_languages[i];
    return sheet_languages[0];
}

/* The text in a language, else in another one. Borrowed from texts; "" when there is none. */
static const char *pick(const json_t *texts, const char *language, const char **ret_language)
{
    const char *text = json_string_value(json_object_get(texts, language));
    *ret_language = language;
    for (size_t i = 0; !text && i < LANGUAGES; i++) {
        text = json_string_value(json_object_get(texts, sheet_languages[i]));
        *ret_language = sheet_languages[i];
    }
    return text ? text : "";
}

void sheet_free(Sheet *sheet)
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

Sheet *sheet_of_shape(const json_t *clip, const char *origin, const char *language)
{
    Sheet *sheet = g_new0(Sheet, 1);
    sheet->clip = json_incref((json_t *)(uintptr_t)clip);
    sheet->language = language;
    sheet->id = json_integer_value(json_object_get(clip, "id"));
    sheet->plain_title =
        g_strdup(pick(json_object_get(sheet->clip, "title"), language, &sheet->title_language));
    sheet->plain_summary =
        g_strdup(pick(json_object_get(sheet->clip, "summary"), language, &sheet->summary_language));
    sheet->title = sheet_escape(sheet->plain_title);
    sheet->summary = sheet_escape(sheet->plain_summary);
    g_autofree char *host = sheet_escape(origin);
    const char *poster = json_string_value(json_object_get(sheet->clip, "poster"));
    sheet->page = g_strdup_printf("%s" WATCH_PATH "%" G_GINT64_FORMAT, host, sheet->id);
    sheet->media = g_strdup_printf("%s/media/%s.mp4", host,
                                   json_string_value(json_object_get(sheet->clip, "media")));
    sheet->poster = poster ? g_strdup_printf("%s/media/%s.jpg", host, poster) : g_strdup("");
    sheet->seconds =
        (json_integer_value(json_object_get(clip, "duration_us")) + G_USEC_PER_SEC / 2) /
        G_USEC_PER_SEC;
    sheet->date = g_strdup("");
    return sheet;
}

Sheet *sheet_new(const json_t *row, const char *origin, const char *language)
{
    json_auto_t *clip = clips_shape(row);
    Sheet *sheet = sheet_of_shape(clip, origin, language);
    g_free(sheet->date);
    g_autoptr(GDateTime) made = g_date_time_new_from_unix_utc(
        json_integer_value(json_object_get(row, "created_us")) / G_USEC_PER_SEC);
    sheet->date = g_date_time_format(made, "%Y-%m-%dT%H:%M:%SZ");
    return sheet;
}

const char *sheet_direction(const char *language)
{
    return strcmp(language, "ar") ? "ltr" : "rtl";
}

char *sheet_time(int64_t seconds)
{
    return g_strdup_printf("%" G_GINT64_FORMAT ":%02d", seconds / 60, (int)(seconds % 60));
}

void sheet_append_head(GString *page, const char *language, const char *title)
{
    g_string_append_printf(
        page,
        "<!DOCTYPE html>\n<html lang=\"%s\" dir=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<title>%s</title>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<link rel=\"stylesheet\" href=\"/style.css\">\n"
        "<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\n"
        "<link rel=\"alternate\" type=\"application/rss+xml\""
        " href=\"/api/tutorials/feed.xml?lang=%s\" title=\"RSS\">\n",
        language, sheet_direction(language), title, language);
}

void sheet_append_languages(Serambi *self, GString *page, const char *query)
{
    g_string_append(page, "<nav class=\"small\">\n");
    for (size_t i = 0; sheet_languages[i]; i++)
        g_string_append_printf(page, "<a href=\"?lang=%s%s\" hreflang=\"%s\" lang=\"%s\">%s</a>\n",
                               sheet_languages[i], query, sheet_languages[i], sheet_languages[i],
                               serambi_word(self, sheet_languages[i], "language.name"));
    g_string_append(page, "</nav>\n");
}

void sheet_reply_sentence(Serambi *self, SerambiRequest *request, int status, const char *key)
{
    const char *language = sheet_language_of(request);
    const char *sentence = serambi_word(self, language, key);
    g_autoptr(GString) page = g_string_new(NULL);
    sheet_append_head(page, language, sentence);
    g_string_append_printf(page,
                           "</head>\n<body class=\"public\">\n<main class=\"wide\">\n<h1>%s</h1>\n"
                           "<p><a href=\"" SHELF_PATH "?lang=%s\">%s</a></p>\n</main>\n</body>\n"
                           "</html>\n",
                           sentence, language, serambi_word(self, language, "public.back"));
    serambi_reply_text(request, status, "text/html; charset=utf-8", page->str);
}
