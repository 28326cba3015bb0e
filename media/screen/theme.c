/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A library's own colours, checked for contrast. */
#include "media/screen/theme.h"
#include "media/look.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    uint32_t rgb;
} defaults[] = {
    {"paper", LOOK_PAPER},
    {"ink", LOOK_INK},
    {"muted", LOOK_MUTED},
    {"leaf", LOOK_LEAF},
    {"leaf_plate", LOOK_LEAF_PLATE},
    {"amber", LOOK_AMBER},
    {"amber_plate", LOOK_AMBER_PLATE},
    {"sky", LOOK_SKY},
    {"red", LOOK_RED},
};
#define PLATE_ALPHA_MIN 205 /* 80 % */
#define COLOURS         G_N_ELEMENTS(defaults)

/* Text on ground as the layers draw it. The last two are the house's weakest: words beside a word
 * of full contrast, and letters a quarter of the screen high. */
static const struct {
    const char *text, *ground;
    double least;
} pairs[] = {
    {"ink", "paper", 7},         {"ink", "leaf_plate", 7}, {"ink", "amber_plate", 7},
    {"amber", "amber_plate", 7}, {"leaf", "paper", 7},     {"muted", "paper", 7},
    {"sky", "paper", 7},         {"red", "paper", 7},      {"muted", "leaf_plate", 4.5},
    {"leaf", "leaf_plate", 4.5},
};

static uint32_t own[COLOURS];
static bool has_own[COLOURS];
static char *own_font;

static size_t find(const char *name)
{
    for (size_t i = 0; i < COLOURS; i++)
        if (!g_strcmp0(defaults[i].name, name))
            return i;
    return COLOURS;
}

uint32_t theme_colour(const char *name)
{
    size_t at = find(name);
    if (at == COLOURS)
        at = find("ink");
    return has_own[at] ? own[at] : defaults[at].rgb;
}

const char *theme_font(void)
{
    return own_font ? own_font : LOOK_FONT;
}

static double linear(uint32_t value)
{
    double share = (value & 0xFF) / 255.0;
    return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4);
}

static double luminance(uint32_t rgb)
{
    return 0.2126 * linear(rgb >> 16) + 0.7152 * linear(rgb >> 8) + 0.0722 * linear(rgb);
}

double theme_contrast(uint32_t a, uint32_t b)
{
    double left = luminance(a), right = luminance(b);
    return (MAX(left, right) + 0.05) / (MIN(left, right) + 0.05);
}

static uint32_t mix(uint32_t ground, uint32_t below, unsigned alpha)
{
    uint32_t mixed = 0;
    for (unsigned shift = 0; shift < 24; shift += 8) {
        uint32_t above = (ground >> shift) & 0xFF, under = (below >> shift) & 0xFF;
        mixed |= ((above * alpha + under * (256 - alpha)) / 256) << shift;
    }
    return mixed;
}

unsigned theme_plate_alpha(const char *text, const char *ground)
{
    uint32_t letters = theme_colour(text), plate = theme_colour(ground);
    unsigned alpha = PLATE_ALPHA_MIN;
    while (alpha < 256 && (theme_contrast(letters, mix(plate, 0xFFFFFF, alpha)) < 7 ||
                           theme_contrast(letters, mix(plate, 0x000000, alpha)) < 7))
        alpha++;
    return alpha;
}

/* "leaf=#7AC943" */
static bool read_word(char *word)
{
    char *sign = strchr(word, '='), *end = NULL;
    if (!sign || sign[1] != '#' || strlen(sign) != strlen("=#RRGGBB"))
        return false;
    for (const char *digit = sign + 2; *digit; digit++)
        if (!g_ascii_isxdigit(*digit))
            return false;
    *sign = '\0';
    size_t at = find(word);
    if (at < COLOURS) {
        own[at] = (uint32_t)strtoul(sign + 2, &end, 16);
        has_own[at] = true;
    }
    *sign = '=';
    return at < COLOURS;
}

/* Each turn takes back at least one colour, hence it ends: the house's own pairs all hold. */
static void take_back_weak_pairs(GPtrArray *complaints)
{
    bool is_clean = false;
    while (!is_clean) {
        is_clean = true;
        for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
            size_t text = find(pairs[i].text), ground = find(pairs[i].ground);
            double reached =
                theme_contrast(theme_colour(pairs[i].text), theme_colour(pairs[i].ground));
            if (reached >= pairs[i].least || (!has_own[text] && !has_own[ground]))
                continue;
            g_ptr_array_add(complaints,
                            g_strdup_printf("'%s' (#%06X) on '%s' (#%06X) has a contrast of "
                                            "%.1f:1, %.1f short of %.1f:1; keeping the house's own "
                                            "two colours",
                                            pairs[i].text, theme_colour(pairs[i].text),
                                            pairs[i].ground, theme_colour(pairs[i].ground), reached,
                                            pairs[i].least - reached, pairs[i].least));
            has_own[text] = has_own[ground] = is_clean = false;
        }
    }
}

char **theme_set(const char *colours, const char *font)
{
    GPtrArray *complaints = g_ptr_array_new();
    memset(has_own, 0, sizeof has_own);
    g_auto(GStrv) words = g_strsplit_set(colours, " ,;", -1);
    for (size_t i = 0; words[i]; i++)
        if (words[i][0] && !read_word(words[i]))
            g_ptr_array_add(complaints,
                            g_strdup_printf("'%s' is no colour such as leaf=#52C7A0", words[i]));
    take_back_weak_pairs(complaints);
    g_free(own_font);
    own_font = font[0] ? g_strconcat(font, ", ", LOOK_FONT, NULL) : NULL;
    g_ptr_array_add(complaints, NULL);
    return (char **)g_ptr_array_free(complaints, FALSE);
}
