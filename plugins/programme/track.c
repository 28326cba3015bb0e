/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Cue text and cue settings of WebVTT. What comes here was checked when it was uploaded; it is read
 * as if it had not been. */
#include "plugins/programme/track.h"
#include <string.h>

#define TIME_MS_MAX   (INT64_C(100) * 3600 * 1000)
#define OPEN_TAGS_MAX 8
#define MARKUP_MAX    4000 /* bytes: what a display draws of one text */

struct Track {
    GArray *cues; /* Cue, by start */
};

/* --- Text ------------------------------------------------------------------------------------- */

typedef struct {
    GString *out;
    char open[OPEN_TAGS_MAX];
    size_t depth;
} Markup;

static void append_letter(GString *out, gunichar letter)
{
    if (letter == '&')
        g_string_append(out, "&amp;");
    else if (letter == '<')
        g_string_append(out, "&lt;");
    else if (letter == '>')
        g_string_append(out, "&gt;");
    else if (letter == '\n' || letter >= 0x20)
        g_string_append_unichar(out, letter);
    else
        g_string_append_c(out, ' ');
}

static void close_down_to(Markup *markup, size_t depth)
{
    while (markup->depth > depth)
        g_string_append_printf(markup->out, "</%c>", markup->open[--markup->depth]);
}

/* name: what follows '<' or "</". Only b, i and u change how letters look; c, v and lang, ruby and
 * time stamps go, and what they enclose stays. */
static void take_tag(Markup *markup, const char *name, bool is_end)
{
    char tag = *name;
    if (!tag || !strchr("biu", tag) || !strchr(" .\t\n>", name[1]))
        return;
    if (!is_end) {
        if (markup->depth == OPEN_TAGS_MAX)
            return;
        g_string_append_printf(markup->out, "<%c>", tag);
        markup->open[markup->depth++] = tag;
        return;
    }
    for (size_t i = markup->depth; i-- > 0;)
        if (markup->open[i] == tag) {
            close_down_to(markup, i);
            return;
        }
}

/* The bytes of an entity, and its letter; 0: an '&' like any other. */
static size_t read_entity(const char *at, gunichar *ret_letter)
{
    static const struct {
        const char *name;
        gunichar letter;
    } entities[] = {
        {"&amp;", '&'},     {"&lt;", '<'},     {"&gt;", '>'},     {"&quot;", '"'},
        {"&nbsp;", 0x00A0}, {"&lrm;", 0x200E}, {"&rlm;", 0x200F},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(entities); i++)
        if (g_str_has_prefix(at, entities[i].name)) {
            *ret_letter = entities[i].letter;
            return strlen(entities[i].name);
        }
    return 0;
}

/* g_free(); balanced, with letters escaped. */
static char *read_markup(const char *text)
{
    Markup markup = {.out = g_string_new(NULL)};
    for (const char *at = text; *at;) {
        gunichar letter = g_utf8_get_char(at);
        const char *end = *at == '<' ? strchr(at, '>') : NULL;
        size_t entity = *at == '&' ? read_entity(at, &letter) : 0;
        if (end) {
            bool is_end = at[1] == '/';
            take_tag(&markup, at + 1 + is_end, is_end);
            at = end + 1;
        } else {
            append_letter(markup.out, letter);
            at = entity ? at + entity : g_utf8_next_char(at);
        }
    }
    close_down_to(&markup, 0);
    return g_string_free(markup.out, FALSE);
}

/* g_free() */
static char *escape(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *at = text; *at; at = g_utf8_next_char(at))
        append_letter(out, g_utf8_get_char(at));
    return g_string_free(out, FALSE);
}

/* Whether anything is left to see. */
static bool has_letters(const char *markup)
{
    bool is_tag = false;
    for (const char *at = markup; *at; at = g_utf8_next_char(at)) {
        if (*at == '<' || *at == '>')
            is_tag = *at == '<';
        else if (!is_tag && g_unichar_isgraph(g_utf8_get_char(at)))
            return true;
    }
    return false;
}

/* By its first letter that has a direction. */
static bool is_right_to_left(const char *markup)
{
    bool is_tag = false;
    for (const char *at = markup; *at; at = g_utf8_next_char(at)) {
        gunichar letter = g_utf8_get_char(at);
        if (letter == '<' || letter == '>') {
            is_tag = letter == '<';
        } else if (*at == '&') {
            at = strchr(at, ';'); /* escaped above: there is one */
        } else if (!is_tag && (g_unichar_isalpha(letter) || letter == 0x200E || letter == 0x200F)) {
            GUnicodeScript script = g_unichar_get_script(letter);
            return letter == 0x200F || script == G_UNICODE_SCRIPT_ARABIC ||
                   script == G_UNICODE_SCRIPT_HEBREW || script == G_UNICODE_SCRIPT_SYRIAC ||
                   script == G_UNICODE_SCRIPT_THAANA;
        }
    }
    return false;
}

/* --- Settings --------------------------------------------------------------------------------- */

typedef struct {
    double line, position, size; /* line: a share or, if it snaps, a number; below 0: see has_… */
    double line_anchor, position_anchor;
    bool has_line, is_snapping, has_position, has_size, has_position_anchor;
    char align; /* s, c, e, l, r; 0: not given */
    bool has_ignored;
} Settings;

/* "12.5%" or "12.5%,word"; the share and what follows the comma, NULL if nothing does. */
static bool read_share(const char *value, double *ret_share, const char **ret_word)
{
    size_t digits = strspn(value, "0123456789.");
    double percent = g_ascii_strtod(value, NULL);
    const char *rest = value + digits;
    if (!g_ascii_isdigit(*value) || digits > 8 || *rest != '%' || percent > 100)
        return false;
    if (rest[1] != '\0' && rest[1] != ',')
        return false;
    *ret_share = percent / 100;
    *ret_word = rest[1] == ',' ? rest + 2 : NULL;
    return true;
}

/* "3", "-1", "3,end" */
static bool read_number(const char *value, double *ret_number, const char **ret_word)
{
    const char *digits = value + (*value == '-');
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > 4 || (digits[count] != '\0' && digits[count] != ','))
        return false;
    *ret_number = g_ascii_strtod(value, NULL);
    /* "-0" is the first line, as 0 is. */
    *ret_word = digits[count] == ',' ? digits + count + 1 : NULL;
    return true;
}

/* first, "center", last -> 0, 0.5, 1 */
static bool read_anchor(const char *word, const char *first, const char *last, double *ret_anchor)
{
    if (strcmp(word, first) && strcmp(word, "center") && strcmp(word, last))
        return false;
    *ret_anchor = !strcmp(word, first) ? 0 : !strcmp(word, last) ? 1 : 0.5;
    return true;
}

static bool take_line(Settings *settings, const char *value)
{
    double line = 0, anchor = 0;
    const char *word = NULL;
    bool is_share = read_share(value, &line, &word);
    if (!is_share && !read_number(value, &line, &word))
        return false;
    if (word && !read_anchor(word, "start", "end", &anchor))
        return false;
    settings->has_line = true;
    settings->is_snapping = !is_share;
    settings->line = line;
    settings->line_anchor = anchor;
    return true;
}

static bool take_position(Settings *settings, const char *value)
{
    double position, anchor = 0;
    const char *word;
    if (!read_share(value, &position, &word))
        return false;
    if (word && !read_anchor(word, "line-left", "line-right", &anchor) &&
        !read_anchor(word, "start", "end", &anchor))
        return false;
    settings->has_position = true;
    settings->position = position;
    settings->has_position_anchor = word != NULL;
    settings->position_anchor = anchor;
    return true;
}

static bool take_size(Settings *settings, const char *value)
{
    double size;
    const char *word;
    if (!read_share(value, &size, &word) || word || size <= 0)
        return false;
    settings->has_size = true;
    settings->size = size;
    return true;
}

static bool take_align(Settings *settings, const char *value)
{
    static const char *const names[] = {"start", "center", "end", "left", "right", NULL};
    if (!g_strv_contains(names, value))
        return false;
    settings->align = *value;
    return true;
}

static const struct {
    const char *key;
    bool (*take)(Settings *settings, const char *value);
} keys[] = {
    {"line", take_line},
    {"position", take_position},
    {"size", take_size},
    {"align", take_align},
};

static Settings read_settings(const char *text)
{
    Settings settings = {0};
    g_auto(GStrv) words = g_strsplit_set(text, " \t", 32);
    for (char **word = words; *word; word++) {
        char *colon = strchr(*word, ':');
        bool is_taken = **word == '\0';
        if (colon)
            *colon = '\0';
        for (size_t i = 0; colon && i < G_N_ELEMENTS(keys); i++)
            if (!strcmp(keys[i].key, *word))
                is_taken = keys[i].take(&settings, colon + 1);
        settings.has_ignored |= !is_taken;
    }
    return settings;
}

static bool says_where(const Settings *settings)
{
    return settings->has_line || settings->has_position || settings->has_size || settings->align;
}

/* -1 left, 0 middle, 1 right. "start" without a position begins at the picture's edge, as
 * subtitlers mean it and as all exporters write it. */
static int side_of(char align, bool is_rtl)
{
    switch (align) {
    case 'l':
        return -1;
    case 'r':
        return 1;
    case 's':
        return is_rtl ? 1 : -1;
    case 'e':
        return is_rtl ? -1 : 1;
    default:
        return 0;
    }
}

static CuePlace place_of(const Settings *settings, bool is_rtl)
{
    int side = side_of(settings->align, is_rtl);
    CuePlace place = {
        .x = settings->has_position ? settings->position : (side + 1) / 2.0,
        .y = 1,
        .anchor_x = settings->has_position_anchor ? settings->position_anchor : (side + 1) / 2.0,
        .anchor_y = 1,
        .width = settings->has_size ? settings->size : 1,
        .align = side == 0              ? SERAMBI_CENTRE
                 : (side > 0) == is_rtl ? SERAMBI_START
                                        : SERAMBI_END,
    };
    if (settings->has_line && !settings->is_snapping) {
        place.y = settings->line;
        place.anchor_y = settings->line_anchor;
    } else if (settings->has_line) {
        bool is_from_below = settings->line < 0;
        double lines = is_from_below ? -settings->line - 1 : settings->line;
        double gone = MIN(lines / TRACK_LINES, 1);
        place.y = is_from_below ? 1 - gone : gone;
        place.anchor_y = is_from_below ? 1 : 0;
    }
    return place;
}

/* --- The track -------------------------------------------------------------------------------- */

static void cue_clear(void *data)
{
    g_free(((Cue *)data)->markup);
}

static int compare_starts(const void *a, const void *b)
{
    const Cue *left = a, *right = b;
    return (left->start_us > right->start_us) - (left->start_us < right->start_us);
}

static bool read_cue(const json_t *entry, Cue *ret_cue, unsigned *ignored)
{
    const json_t *start = json_object_get(entry, "start_ms"),
                 *end = json_object_get(entry, "end_ms");
    const char *source = json_string_value(json_object_get(entry, "markup"));
    const char *plain = json_string_value(json_object_get(entry, "text"));
    const char *words = source ? source : plain;
    const char *said = json_string_value(json_object_get(entry, "settings"));
    int64_t start_ms = json_integer_value(start), end_ms = json_integer_value(end);
    if (!json_is_integer(start) || !json_is_integer(end) || start_ms < 0 || end_ms <= start_ms ||
        end_ms > TIME_MS_MAX || !words || strlen(words) > TRACK_TEXT_MAX)
        return false;
    g_autofree char *markup = source ? read_markup(source) : escape(plain);
    if (strlen(markup) > MARKUP_MAX || !has_letters(markup))
        return false;
    bool is_long = said && strlen(said) > TRACK_SETTINGS_MAX;
    Settings settings = read_settings(said && !is_long ? said : "");
    *ignored += is_long || settings.has_ignored;
    *ret_cue = (Cue){
        .start_us = start_ms * 1000,
        .end_us = end_ms * 1000,
        .is_placed = says_where(&settings),
        .place = place_of(&settings, is_right_to_left(markup)),
    };
    ret_cue->markup = g_steal_pointer(&markup);
    return true;
}

Track *track_new(const json_t *document, unsigned *ret_left_out, unsigned *ret_ignored)
{
    Track *track = g_new0(Track, 1);
    track->cues = g_array_new(FALSE, FALSE, sizeof(Cue));
    g_array_set_clear_func(track->cues, cue_clear);
    const json_t *list = json_object_get(document, "cues");
    unsigned left_out = 0, ignored = 0;
    size_t index;
    json_t *entry;
    json_array_foreach(list, index, entry)
    {
        Cue cue;
        if (track->cues->len < TRACK_CUES_MAX && read_cue(entry, &cue, &ignored))
            g_array_append_val(track->cues, cue);
        else
            left_out++;
    }
    g_array_sort(track->cues, compare_starts);
    if (ret_left_out)
        *ret_left_out = left_out;
    if (ret_ignored)
        *ret_ignored = ignored;
    return track;
}

void track_free(Track *track)
{
    if (!track)
        return;
    g_array_unref(track->cues);
    g_free(track);
}

size_t track_at(const Track *track, int64_t at_us, const Cue *ret_cues[TRACK_AT_ONCE])
{
    size_t count = 0;
    for (size_t i = 0; track && i < track->cues->len; i++) {
        const Cue *cue = &g_array_index(track->cues, Cue, i);
        if (cue->start_us > at_us)
            break;
        if (cue->end_us <= at_us)
            continue;
        if (count == TRACK_AT_ONCE) {
            memmove(ret_cues, ret_cues + 1, (TRACK_AT_ONCE - 1) * sizeof *ret_cues);
            count--;
        }
        ret_cues[count++] = cue;
    }
    return count;
}
