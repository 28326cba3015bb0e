/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Reads and writes captions. The reader walks over one copy of the text, line by line, and looks at
 * no byte behind it; markup is taken apart and written anew, so that nothing foreign comes through.
 */
#include "plugins/tutorials/cues.h"
#include <stdbool.h>
#include <string.h>

#define SETTINGS_BYTES_MAX 120
#define OPEN_TAGS_MAX      8
#define VOICE_BYTES_MAX    100

G_DEFINE_QUARK(cues - error - quark, cues_error)

struct Cues {
    GArray *list; /* Cue */
};

static void clear_cue(void *data)
{
    Cue *cue = data;
    g_free(cue->markup);
    g_free(cue->settings);
}

Cues *cues_new(void)
{
    Cues *cues = g_new0(Cues, 1);
    cues->list = g_array_new(FALSE, TRUE, sizeof(Cue));
    g_array_set_clear_func(cues->list, clear_cue);
    return cues;
}

void cues_free(Cues *cues)
{
    if (!cues)
        return;
    g_array_unref(cues->list);
    g_free(cues);
}

size_t cues_count(const Cues *cues)
{
    return cues->list->len;
}

const Cue *cues_at(const Cues *cues, size_t index)
{
    return &g_array_index(cues->list, Cue, index);
}

static gint by_start(gconstpointer a, gconstpointer b)
{
    const Cue *left = a, *right = b;
    if (left->start_ms != right->start_ms)
        return left->start_ms < right->start_ms ? -1 : 1;
    return left->line < right->line ? -1 : left->line > right->line;
}

/* --- Markup ----------------------------------------------------------------------------------- */

typedef struct {
    GString *out;
    char open[OPEN_TAGS_MAX]; /* 'b', 'i', 'u', 'v' */
    size_t depth;
    bool is_subrip;
} Markup;

static void append_escaped(GString *out, gunichar c)
{
    if (c == '&')
        g_string_append(out, "&amp;");
    else if (c == '<')
        g_string_append(out, "&lt;");
    else if (c == '>')
        g_string_append(out, "&gt;");
    else if (c == '\n' || !g_unichar_iscntrl(c))
        g_string_append_unichar(out, c);
    else if (c == '\t')
        g_string_append_c(out, ' ');
}

static void close_until(Markup *markup, size_t depth)
{
    while (markup->depth > depth)
        g_string_append_printf(markup->out, "</%c>", markup->open[--markup->depth]);
}

static void close_tag(Markup *markup, char tag)
{
    for (size_t i = markup->depth; i > 0; i--)
        if (markup->open[i - 1] == tag) {
            close_until(markup, i - 1);
            return;
        }
}

/* "v.loud Rina": who speaks. */
static void open_voice(Markup *markup, const char *inside)
{
    g_autoptr(GString) name = g_string_new(NULL);
    const char *at = strchr(inside, ' ');
    for (; at && *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (c != '&' && c != '<' && c != '>' && c != '\n')
            append_escaped(name, c);
    }
    g_strstrip(name->str);
    if (!*name->str || strlen(name->str) > VOICE_BYTES_MAX)
        return;
    g_string_append_printf(markup->out, "<v %s>", name->str);
    markup->open[markup->depth++] = 'v';
}

/* inside: what stands between < and >. */
static void take_tag(Markup *markup, const char *inside)
{
    bool is_end = *inside == '/';
    const char *name = is_end ? inside + 1 : inside;
    char tag = g_ascii_tolower(*name);
    bool is_known = tag != '\0' && strchr("biuv", tag) && strchr(" .\t\n", name[1]);
    if (!is_known || (markup->is_subrip && tag == 'v'))
        return;
    if (is_end) {
        close_tag(markup, tag);
    } else if (markup->depth < OPEN_TAGS_MAX && tag == 'v') {
        open_voice(markup, name);
    } else if (markup->depth < OPEN_TAGS_MAX) {
        g_string_append_printf(markup->out, "<%c>", tag);
        markup->open[markup->depth++] = tag;
    }
}

/* The length of an entity at `at`, and what it stands for; 0: it is none. */
static size_t read_entity(const char *at, gunichar *ret_character)
{
    static const struct {
        const char *name;
        gunichar character;
    } table[] = {
        {"&amp;", '&'},     {"&lt;", '<'},     {"&gt;", '>'},
        {"&nbsp;", 0x00A0}, {"&lrm;", 0x200E}, {"&rlm;", 0x200F},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        if (g_str_has_prefix(at, table[i].name)) {
            *ret_character = table[i].character;
            return strlen(table[i].name);
        }
    return 0;
}

/* Where the tag at `at` ends, its '>'; NULL: this '<' is a character like others. */
static const char *tag_end(const char *at)
{
    if (!g_ascii_isalnum(at[1]) && at[1] != '/')
        return NULL;
    return strchr(at, '>');
}

/* Any text as safe markup. g_free() */
static char *clean(const char *text, bool is_subrip)
{
    Markup markup = {.out = g_string_new(NULL), .is_subrip = is_subrip};
    const char *at = text;
    while (*at) {
        gunichar character = 0;
        size_t entity = is_subrip || *at != '&' ? 0 : read_entity(at, &character);
        const char *end = *at == '<' ? tag_end(at) : NULL;
        if (entity) {
            append_escaped(markup.out, character);
            at += entity;
        } else if (end) {
            g_autofree char *inside = g_strndup(at + 1, (size_t)(end - at - 1));
            take_tag(&markup, inside);
            at = end + 1;
        } else {
            append_escaped(markup.out, g_utf8_get_char(at));
            at = g_utf8_next_char(at);
        }
    }
    close_until(&markup, 0);
    return g_string_free(markup.out, FALSE);
}

char *cues_plain(const Cue *cue)
{
    GString *plain = g_string_new(NULL);
    const char *at = cue->markup;
    while (*at) {
        gunichar character = 0;
        size_t entity = *at == '&' ? read_entity(at, &character) : 0;
        if (*at == '<') {
            at = strchr(at, '>') + 1; /* safe markup: there is one */
        } else if (entity) {
            g_string_append_unichar(plain, character);
            at += entity;
        } else {
            g_string_append_c(plain, *at++);
        }
    }
    return g_string_free(plain, FALSE);
}

/* --- Settings --------------------------------------------------------------------------------- */

/* "50%", "-1", "12.5%,start": numbers, and words where the key allows them. */
static bool is_setting(const char *key, const char *value)
{
    static const char *const aligns[] = {"start", "center", "end", "left", "right", NULL};
    static const char *const anchors[] = {
        "start", "center", "end", "line-left", "line-right", NULL,
    };
    if (!strcmp(key, "align"))
        return g_strv_contains(aligns, value);
    bool is_line = !strcmp(key, "line");
    if (!is_line && strcmp(key, "position") && strcmp(key, "size"))
        return false;
    const char *digits = value + (is_line && *value == '-');
    size_t count = strspn(digits, "0123456789.");
    const char *rest = digits + count;
    if (count == 0 || count > 6 || !g_ascii_isdigit(*digits))
        return false;
    if (*rest == '%') {
        if (g_ascii_strtod(digits, NULL) > 100)
            return false;
        rest++;
    } else if (!is_line) {
        return false;
    }
    bool has_anchor = *rest == ',' && strcmp(key, "size") && g_strv_contains(anchors, rest + 1);
    return *rest == '\0' || has_anchor;
}

/* What can be kept of cue settings, each key once. g_free() */
static char *clean_settings(const char *text)
{
    GString *kept = g_string_new(NULL);
    g_auto(GStrv) words = g_strsplit_set(text, " \t", 32);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (char **word = words; *word; word++) {
        char *colon = strchr(*word, ':');
        if (!colon)
            continue;
        *colon = '\0';
        if (!is_setting(*word, colon + 1) || g_hash_table_contains(seen, *word) ||
            kept->len + strlen(*word) + strlen(colon + 1) + 2 > SETTINGS_BYTES_MAX)
            continue;
        (void)g_hash_table_add(seen, *word);
        g_string_append_printf(kept, "%s%s:%s", kept->len ? " " : "", *word, colon + 1);
    }
    return g_string_free(kept, FALSE);
}

/* --- Adding ----------------------------------------------------------------------------------- */

static bool check_cue(const Cues *cues, int64_t start_ms, int64_t end_ms, int line, GError **error)
{
    if (cues->list->len >= CUES_MAX)
        g_set_error(error, CUES_ERROR, CUES_ERROR_SIZE, "line %d: more than %d captions", line,
                    CUES_MAX);
    else if (start_ms < 0 || end_ms > CUES_TIME_MS_MAX)
        g_set_error(error, CUES_ERROR, CUES_ERROR_TIME, "line %d: the time is out of range", line);
    else if (end_ms < start_ms)
        g_set_error(error, CUES_ERROR, CUES_ERROR_TIME, "line %d: the end is before the start",
                    line);
    else
        return true;
    return false;
}

/* Lines without blanks at their ends; blank lines, which would end a cue in a file, go. g_free() */
static char *without_blank_lines(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GString *kept = g_string_new(NULL);
    for (char **line = lines; *line; line++) {
        g_strstrip(*line);
        if (**line)
            g_string_append_printf(kept, "%s%s", kept->len ? "\n" : "", *line);
    }
    return g_string_free(kept, FALSE);
}

/* Takes markup and settings. */
static bool add(Cues *cues, Cue cue, GError **error)
{
    /* Tags that stood alone on a line leave it blank only now. */
    char *markup = without_blank_lines(cue.markup);
    g_free(cue.markup);
    cue.markup = markup;
    if (check_cue(cues, cue.start_ms, cue.end_ms, cue.line, error)) {
        if (strlen(cue.markup) <= CUES_TEXT_BYTES_MAX) {
            g_array_append_val(cues->list, cue);
            return true;
        }
        g_set_error(error, CUES_ERROR, CUES_ERROR_SIZE,
                    "line %d: a caption is longer than %d bytes", cue.line, CUES_TEXT_BYTES_MAX);
    }
    clear_cue(&cue);
    return false;
}

static char *escape(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *at = text; *at; at = g_utf8_next_char(at))
        append_escaped(out, g_utf8_get_char(at));
    return g_string_free(out, FALSE);
}

void cues_add_text(Cues *cues, int64_t start_ms, int64_t end_ms, const char *text)
{
    g_autofree char *escaped = escape(text);
    Cue cue = {
        .start_ms = start_ms,
        .end_ms = end_ms,
        .markup = without_blank_lines(escaped),
        .settings = g_strdup(""),
    };
    g_array_append_val(cues->list, cue);
}

/* --- Reading ---------------------------------------------------------------------------------- */

typedef struct {
    char **lines; /* NULL-ended, without line ends */
    int at;       /* index of the next line */
    bool is_subrip;
    Cues *cues;
} Reader;

static const char *here(const Reader *reader)
{
    return reader->lines[reader->at];
}

static bool is_blank(const char *line)
{
    return line[strspn(line, " \t")] == '\0';
}

static bool read_digits(const char **at, size_t least, size_t most, int64_t *ret_number)
{
    size_t count = strspn(*at, "0123456789");
    if (count < least || count > most)
        return false;
    *ret_number = g_ascii_strtoll(*at, NULL, 10);
    *at += count;
    return true;
}

/* "01:02:03.456"; WebVTT may leave out the hours, SubRip has a comma; each is read with either. */
static bool read_time(const char **at, int64_t *ret_ms)
{
    int64_t parts[3] = {0}, fraction = 0;
    size_t count = 0;
    do {
        if (!read_digits(at, 1, 4, &parts[count++]))
            return false;
    } while (count < 3 && **at == ':' && (*at)++);
    if (count < 2 || (**at != '.' && **at != ','))
        return false;
    (*at)++;
    if (!read_digits(at, 3, 3, &fraction))
        return false;
    int64_t hours = count == 3 ? parts[0] : 0;
    int64_t minutes = parts[count - 2], seconds = parts[count - 1];
    if (minutes > 59 || seconds > 59)
        return false;
    *ret_ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction;
    return true;
}

static void skip_spaces(const char **at)
{
    *at += strspn(*at, " \t");
}

/* "<time> --> <time> settings" */
static bool read_times(Reader *reader, Cue *cue, GError **error)
{
    const char *at = here(reader);
    cue->line = reader->at + 1;
    skip_spaces(&at);
    bool ok = read_time(&at, &cue->start_ms);
    skip_spaces(&at);
    ok = ok && g_str_has_prefix(at, "-->");
    if (ok) {
        at += strlen("-->");
        skip_spaces(&at);
        ok = read_time(&at, &cue->end_ms) && (*at == '\0' || *at == ' ' || *at == '\t');
    }
    if (!ok) {
        g_set_error(error, CUES_ERROR, CUES_ERROR_TIME,
                    "line %d: times look like 00:01:02.500 --> 00:01:04.000", cue->line);
        return false;
    }
    cue->settings = clean_settings(reader->is_subrip ? "" : at);
    reader->at++;
    return true;
}

/* SubRip's way to say "at the top": {\an8}. Every such group goes from the text. g_free() */
static char *without_overrides(const char *text, char **settings)
{
    GString *kept = g_string_new(NULL);
    while (*text) {
        const char *end = g_str_has_prefix(text, "{\\") ? strchr(text, '}') : NULL;
        if (!end) {
            g_string_append_c(kept, *text++);
            continue;
        }
        if (g_str_has_prefix(text, "{\\an") && text[4] >= '7' && text[4] <= '9') {
            g_free(*settings);
            *settings = g_strdup("line:0");
        }
        text = end + 1;
    }
    return g_string_free(kept, FALSE);
}

static bool read_cue(Reader *reader, GError **error)
{
    Cue cue = {0};
    if (!read_times(reader, &cue, error))
        return false;
    g_autoptr(GString) text = g_string_new(NULL);
    for (; here(reader) && !is_blank(here(reader)); reader->at++) {
        if (strstr(here(reader), "-->")) {
            g_set_error(error, CUES_ERROR, CUES_ERROR_FORMAT,
                        "line %d: an empty line is missing before these times", reader->at + 1);
            clear_cue(&cue);
            return false;
        }
        g_string_append_printf(text, "%s%s", text->len ? "\n" : "", here(reader));
    }
    if (reader->is_subrip) {
        g_autofree char *kept = without_overrides(text->str, &cue.settings);
        cue.markup = clean(kept, true);
    } else {
        cue.markup = clean(text->str, false);
    }
    return add(reader->cues, cue, error);
}

static void skip_block(Reader *reader)
{
    while (here(reader) && !is_blank(here(reader)))
        reader->at++;
}

static bool begins_with_word(const char *line, const char *word)
{
    size_t size = strlen(word);
    return !strncmp(line, word, size) && strchr(" \t", line[size]) != NULL;
}

/* One block: a cue with or without its number, or what is not for readers. */
static bool read_block(Reader *reader, GError **error)
{
    const char *line = here(reader);
    const char *next = reader->lines[reader->at + 1];
    if (strstr(line, "-->"))
        return read_cue(reader, error);
    if (!reader->is_subrip && (begins_with_word(line, "NOTE") || begins_with_word(line, "STYLE") ||
                               begins_with_word(line, "REGION"))) {
        skip_block(reader);
        return true;
    }
    if (next && strstr(next, "-->")) {
        reader->at++;
        return read_cue(reader, error);
    }
    g_set_error(error, CUES_ERROR, CUES_ERROR_FORMAT, "line %d: no times stand here",
                reader->at + 1);
    return false;
}

static bool read_blocks(Reader *reader, GError **error)
{
    if (!reader->is_subrip)
        skip_block(reader); /* WEBVTT and what follows it */
    for (;;) {
        while (here(reader) && is_blank(here(reader)))
            reader->at++;
        if (!here(reader))
            break;
        if (!read_block(reader, error))
            return false;
    }
    if (reader->cues->list->len > 0)
        return true;
    g_set_error(error, CUES_ERROR, CUES_ERROR_EMPTY, "line 1: there is no caption in it");
    return false;
}

/* The text with \n as its only line end; NULL with error. g_free() */
static char *normalise(const char *bytes, size_t size, GError **error)
{
    if (size > CUES_BYTES_MAX) {
        g_set_error(error, CUES_ERROR, CUES_ERROR_SIZE, "line 1: larger than %d bytes",
                    CUES_BYTES_MAX);
        return NULL;
    }
    if (size >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3)) {
        bytes += 3;
        size -= 3;
    }
    if (!g_utf8_validate_len(bytes, size, NULL)) {
        g_set_error(error, CUES_ERROR, CUES_ERROR_ENCODING, "line 1: save the file as UTF-8");
        return NULL;
    }
    GString *text = g_string_sized_new(size);
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\r' && i + 1 < size && bytes[i + 1] == '\n')
            continue;
        g_string_append_c(text, bytes[i] == '\r' ? '\n' : bytes[i]);
    }
    return g_string_free(text, FALSE);
}

Cues *cues_parse(const char *bytes, size_t size, GError **error)
{
    g_autofree char *text = normalise(bytes, size, error);
    if (!text)
        return NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(Cues) cues = cues_new();
    Reader reader = {.lines = lines, .cues = cues};
    reader.is_subrip = !lines[0] || !begins_with_word(lines[0], "WEBVTT");
    if (!read_blocks(&reader, error))
        return NULL;
    g_array_sort(cues->list, by_start);
    return g_steal_pointer(&cues);
}

Cues *cues_from_json(const json_t *document, GError **error)
{
    const json_t *list = json_object_get(document, "cues");
    g_autoptr(Cues) cues = cues_new();
    size_t index;
    json_t *entry;
    json_array_foreach(list, index, entry)
    {
        json_t *start = json_object_get(entry, "start_ms"), *end = json_object_get(entry, "end_ms");
        const char *markup = json_string_value(json_object_get(entry, "markup"));
        const char *text = json_string_value(json_object_get(entry, "text"));
        const char *settings = json_string_value(json_object_get(entry, "settings"));
        int line = (int)MIN(index, CUES_MAX) + 1;
        if (!json_is_integer(start) || !json_is_integer(end) || (!markup && !text)) {
            g_set_error(error, CUES_ERROR, CUES_ERROR_FORMAT,
                        "line %d: a caption has start_ms, end_ms and text", line);
            return NULL;
        }
        Cue cue = {
            .start_ms = json_integer_value(start),
            .end_ms = json_integer_value(end),
            .markup = markup ? clean(markup, false) : escape(text),
            .settings = clean_settings(settings ? settings : ""),
            .line = line,
        };
        if (!add(cues, cue, error))
            return NULL;
    }
    if (cues->list->len == 0) {
        g_set_error(error, CUES_ERROR, CUES_ERROR_EMPTY, "line 1: there is no caption in it");
        return NULL;
    }
    g_array_sort(cues->list, by_start);
    return g_steal_pointer(&cues);
}

/* --- Writing ---------------------------------------------------------------------------------- */

static void append_time(GString *out, int64_t ms, char point)
{
    g_string_append_printf(out, "%02" G_GINT64_FORMAT ":%02d:%02d%c%03d", ms / 3600000,
                           (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), point, (int)(ms % 1000));
}

static void append_times(GString *out, size_t number, const Cue *cue, char point)
{
    g_string_append_printf(out, "%zu\n", number);
    append_time(out, cue->start_ms, point);
    g_string_append(out, " --> ");
    append_time(out, cue->end_ms, point);
}

char *cues_vtt(const Cues *cues)
{
    GString *out = g_string_new("WEBVTT\n");
    for (size_t i = 0; i < cues->list->len; i++) {
        const Cue *cue = cues_at(cues, i);
        g_string_append_c(out, '\n');
        append_times(out, i + 1, cue, '.');
        g_string_append_printf(out, "%s%s\n%s%s", *cue->settings ? " " : "", cue->settings,
                               cue->markup, *cue->markup ? "\n" : "");
    }
    return g_string_free(out, FALSE);
}

char *cues_srt(const Cues *cues)
{
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < cues->list->len; i++) {
        g_autofree char *plain = cues_plain(cues_at(cues, i));
        append_times(out, i + 1, cues_at(cues, i), ',');
        g_string_append_printf(out, "\n%s\n\n", plain);
    }
    return g_string_free(out, FALSE);
}

json_t *cues_json(const Cues *cues)
{
    json_t *list = json_array();
    for (size_t i = 0; i < cues->list->len; i++) {
        const Cue *cue = cues_at(cues, i);
        g_autofree char *plain = cues_plain(cue);
        json_t *entry = json_pack("{s:I, s:I, s:s}", "start_ms", (json_int_t)cue->start_ms,
                                  "end_ms", (json_int_t)cue->end_ms, "text", plain);
        if (strchr(cue->markup, '<'))
            json_object_set_new(entry, "markup", json_string(cue->markup));
        if (*cue->settings)
            json_object_set_new(entry, "settings", json_string(cue->settings));
        json_array_append_new(list, entry);
    }
    return json_pack("{s:o}", "cues", list);
}

/* --- What readers would stumble over ---------------------------------------------------------- */

static void warn(json_t *warnings, const char *code, size_t index, const Cue *cue)
{
    if (json_array_size(warnings) < CUES_WARNINGS_MAX)
        json_array_append_new(warnings, json_pack("{s:s, s:i, s:i}", "code", code, "cue",
                                                  (int)index + 1, "line", cue->line));
}

/* Vowel marks of Arabic stand above their letters and take no room. */
static glong width(const char *text)
{
    glong count = 0;
    for (; *text; text = g_utf8_next_char(text))
        count += !g_unichar_ismark(g_utf8_get_char(text));
    return count;
}

static void warn_of_time(json_t *warnings, size_t index, const Cue *cue, const char *plain)
{
    int64_t length_ms = cue->end_ms - cue->start_ms;
    if (length_ms == 0)
        warn(warnings, "no_time", index, cue);
    else if (length_ms < CUES_MINIMUM_MS)
        warn(warnings, "short", index, cue);
    else if (width(plain) * 1000 > CUES_SPEED_MAX * length_ms)
        warn(warnings, "fast", index, cue);
}

static void warn_of_lines(json_t *warnings, size_t index, const Cue *cue, const char *plain)
{
    g_auto(GStrv) lines = g_strsplit(plain, "\n", -1);
    bool is_long = false;
    for (char **line = lines; *line; line++)
        is_long = is_long || width(*line) > CUES_LINE_CHARACTERS;
    if (is_long)
        warn(warnings, "long_line", index, cue);
    if (g_strv_length(lines) > CUES_LINES)
        warn(warnings, "many_lines", index, cue);
    if (width(plain) == 0)
        warn(warnings, "empty", index, cue);
}

json_t *cues_warnings(const Cues *cues, int64_t duration_ms)
{
    json_t *warnings = json_array();
    int64_t last_end_ms = 0;
    for (size_t i = 0; i < cues->list->len; i++) {
        const Cue *cue = cues_at(cues, i);
        g_autofree char *plain = cues_plain(cue);
        if (cue->start_ms < last_end_ms)
            warn(warnings, "overlap", i, cue);
        if (duration_ms > 0 && cue->end_ms > duration_ms)
            warn(warnings, "beyond_end", i, cue);
        warn_of_time(warnings, i, cue, plain);
        warn_of_lines(warnings, i, cue, plain);
        last_end_ms = MAX(last_end_ms, cue->end_ms);
    }
    return warnings;
}
