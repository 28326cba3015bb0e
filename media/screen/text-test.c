/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Text: it stays in its box, reads in its direction, joins Arabic letters, and is kept. */
#include "media/screen/text.h"
#include <stdlib.h>
#include <string.h>

#define WIDTH  900
#define HEIGHT 300
static uint32_t pixels[WIDTH * HEIGHT];
static const Ground ground = {pixels, WIDTH, HEIGHT, WIDTH};
static const Rect all = {0, 0, WIDTH, HEIGHT};

static const TextWish wish = {.style = TEXT_HEADING,
                              .rgb = 0xF2EFE6,
                              .align = SERAMBI_START,
                              .unit = 1080,
                              .width = WIDTH,
                              .height = HEIGHT};

static Rect draw(Text *text)
{
    memset(pixels, 0, sizeof pixels);
    text_draw(text, &ground, 0, 0, all, 256);
    Rect seen = {0};
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            if (pixels[y * WIDTH + x] & 0xFFFFFF)
                seen = rect_unite(seen, (Rect){x, y, 1, 1});
    return seen;
}

static void test_stays_in_its_box(void)
{
    static const char *const strings[] = {
        "A-017",
        "Perpustakaan Umum Kota Malang",
        "Mohon tinggalkan gedung dengan tenang melalui pintu timur, petugas akan membantu Anda.",
        "يرجى مغادرة المبنى بهدوء من الباب الشرقي، وسيساعدكم الموظفون.",
        "Pneumonoultramicroscopicsilicovolcanoconiosis-Pneumonoultramicroscopicsilicovolcano",
        "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16",
        "\xff\xfe broken \x80 bytes",
    };
    Texts *texts = texts_new();
    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
        for (TextStyle style = TEXT_CALLED_NUMBER; style <= TEXT_SMALL; style++)
            for (int width = 120; width <= WIDTH; width += 780) {
                TextWish here = wish;
                here.style = style;
                here.width = width;
                here.height = 110;
                g_autoptr(Text) text = text_in_box(texts, &here, strings[i]);
                Rect ink = text_ink(text);
                g_assert_cmpint(ink.width, >, 0);
                /* Letters may hang a pixel or two over their advance. */
                if (!rect_contains((Rect){-6, -6, width + 12, 110 + 12}, ink))
                    g_error("'%s' in style %d and width %d: %d, %d, %d x %d", strings[i],
                            (int)style, width, ink.x, ink.y, ink.width, ink.height);
            }
    texts_free(texts);
}

static void test_sizes(void)
{
    Texts *texts = texts_new();
    TextWish here = wish;
    here.style = TEXT_CALLED_NUMBER;
    here.height = 250; /* less than a line, but enough for its digits */
    g_autoptr(Text) number = text_in_box(texts, &here, "A-017");
    here.style = TEXT_CAPTION;
    g_autoptr(Text) caption = text_in_box(texts, &here, "A-017");
    /* Capitals of Noto Sans are 0.714 em high; ink has a pixel around. */
    g_assert_cmpint(abs(text_ink(number).height - 2 - (int)(0.24 * 1080 * 0.73)), <=, 6);
    g_assert_cmpint(abs(text_ink(caption).height - 2 - (int)(0.048 * 1080 * 0.73)), <=, 4);
    texts_free(texts);
}

static int warnings;

static GLogWriterOutput count_warnings(GLogLevelFlags level, const GLogField *fields, gsize count,
                                       gpointer data)
{
    if (!(level & G_LOG_LEVEL_WARNING))
        return g_log_writer_default(level, fields, count, data);
    for (gsize i = 0; i < count; i++)
        if (!strcmp(fields[i].key, "MESSAGE"))
            g_assert_nonnull(strstr(fields[i].value, "U+E123"));
    warnings++;
    return G_LOG_WRITER_HANDLED;
}

/* U+E123 and U+10FFFD are nobody's: they are left out, and that is said once. */
static void test_no_boxes(void)
{
    Texts *texts = texts_new();
    g_autoptr(Text) plain = text_in_box(texts, &wish, "Loket 3");
    g_autoptr(Text) strange =
        text_in_box(texts, &wish, "\xee\x84\xa3Loket\xf4\x8f\xbf\xbd 3\xee\x84\xa3");
    g_autoptr(Text) nothing = text_in_box(texts, &wish, "\xee\x84\xa3");
    Rect a = text_ink(plain), b = text_ink(strange);
    g_assert_cmpint(a.x, ==, b.x);
    g_assert_cmpint(a.width, ==, b.width);
    g_assert_cmpint(a.height, ==, b.height);
    g_assert_true(rect_is_empty(text_ink(nothing)));
    g_autoptr(Text) line = text_on_line(texts, &wish, "\xee\x84\xa3Loket 3");
    g_autoptr(Text) plain_line = text_on_line(texts, &wish, "Loket 3");
    g_assert_cmpint(text_length_px(line), ==, text_length_px(plain_line));
    g_assert_cmpint(warnings, ==, 1);
    texts_free(texts);
}

static void test_direction(void)
{
    Texts *texts = texts_new();
    g_autoptr(Text) latin = text_in_box(texts, &wish, "Loket 3");
    g_autoptr(Text) arabic = text_in_box(texts, &wish, "الشباك 3");
    g_assert_false(text_is_rtl(latin));
    g_assert_true(text_is_rtl(arabic));
    /* Each begins at its own side. */
    g_assert_cmpint(text_ink(latin).x, <, 20);
    g_assert_cmpint(text_ink(arabic).x + text_ink(arabic).width, >, WIDTH - 20);
    TextWish here = wish;
    here.align = SERAMBI_CENTRE;
    g_autoptr(Text) middle = text_in_box(texts, &here, "الشباك 3");
    Rect ink = text_ink(middle);
    g_assert_cmpint(abs(ink.x + ink.width / 2 - WIDTH / 2), <, 10);
    here.align = SERAMBI_START;
    here.is_mirrored = true;
    g_autoptr(Text) mirrored = text_in_box(texts, &here, "Loket 3");
    g_assert_cmpint(text_ink(mirrored).x + text_ink(mirrored).width, >, WIDTH - 20);
    here.align = SERAMBI_END;
    g_autoptr(Text) end = text_in_box(texts, &here, "Loket 3");
    g_assert_cmpint(text_ink(end).x, <, 20);
    texts_free(texts);
}

/* Letters that stand together are joined: shorter than the same letters apart. */
static void test_arabic_is_shaped(void)
{
    Texts *texts = texts_new();
    g_autoptr(Text) joined = text_on_line(texts, &wish, "مكتبة");
    g_autoptr(Text) apart = text_on_line(texts, &wish, "م\u200cك\u200cت\u200cب\u200cة");
    g_assert_cmpint(text_length_px(joined), <, text_length_px(apart) * 9 / 10);
    g_assert_cmpint(text_length_px(joined), >, 20);
    texts_free(texts);
}

/* In an Arabic line a Latin number keeps its own order: "A-017" is found as it is drawn alone. */
static void test_mixed_line(void)
{
    Texts *texts = texts_new();
    g_autoptr(Text) number = text_in_box(texts, &wish, "A-017");
    Rect alone = draw(number);
    int columns[WIDTH] = {0};
    for (int x = 0; x < alone.width; x++)
        for (int y = alone.y; y < alone.y + alone.height; y++)
            columns[x] += (int)(pixels[y * WIDTH + alone.x + x] & 0xFF);
    g_autoptr(Text) line = text_in_box(texts, &wish, "الرقم A-017");
    Rect mixed = draw(line);
    /* The number is the end of the sentence: at the left. */
    double off = 0, sum = 1;
    for (int x = 0; x < alone.width; x++) {
        int here = 0;
        for (int y = mixed.y; y < mixed.y + mixed.height; y++)
            here += (int)(pixels[y * WIDTH + mixed.x + x] & 0xFF);
        off += abs(here - columns[x]);
        sum += columns[x];
    }
    g_assert_cmpfloat(off / sum, <, 0.25);
    texts_free(texts);
}

static void test_tabular(void)
{
    Texts *texts = texts_new();
    g_autoptr(Text) ones = text_on_line(texts, &wish, "11:11");
    g_autoptr(Text) eights = text_on_line(texts, &wish, "08:48");
    g_assert_cmpint(text_length_px(ones), ==, text_length_px(eights));
    texts_free(texts);
}

static void test_kept(void)
{
    Texts *texts = texts_new();
    Text *first = text_in_box(texts, &wish, "A-017");
    Text *again = text_in_box(texts, &wish, "A-017");
    g_assert_true(first == again);
    text_unref(first);
    text_unref(again);
    g_autoptr(Text) later = text_in_box(texts, &wish, "A-017");
    g_assert_true(later == first); /* nobody used it, it was still there */
    TextWish red = wish;
    red.rgb = 0xFF8A80;
    g_autoptr(Text) other = text_in_box(texts, &red, "A-017");
    g_assert_true(other != later);
    /* Thousands of texts that nobody uses do not stay. */
    for (int i = 0; i < 400; i++) {
        g_autofree char *string = g_strdup_printf("Perpustakaan %d", i);
        TextWish large = wish;
        large.style = TEXT_CALLED_NUMBER;
        text_unref(text_in_box(texts, &large, string));
    }
    Rect ink = draw(later);
    g_assert_cmpint(ink.width, >, 50);
    texts_free(texts);
}

static void test_long_line(void)
{
    Texts *texts = texts_new();
    g_autoptr(GString) book = g_string_new(NULL);
    while (book->len < 3 * TEXT_BYTES_MAX)
        g_string_append(book, "Perpustakaan tutup pukul 16.00. ");
    TextWish here = wish;
    here.style = TEXT_TICKER;
    here.height = 80;
    g_autoptr(Text) line = text_on_line(texts, &here, book->str);
    g_assert_cmpint(text_characters(line), <=, TEXT_BYTES_MAX);
    g_assert_cmpint(text_length_px(line), >, 50000);
    /* Its far end is drawn when it is seen, and only then. */
    memset(pixels, 0, sizeof pixels);
    text_draw(line, &ground, -text_length_px(line) + 400, 0, all, 256);
    bool is_seen = false;
    for (size_t i = 0; i < G_N_ELEMENTS(pixels); i++)
        is_seen |= (pixels[i] & 0xFFFFFF) != 0;
    g_assert_true(is_seen);
    g_autoptr(Text) lines = text_in_lines(texts, &here,
                                          "satu dua tiga empat lima enam tujuh "
                                          "delapan sembilan sepuluh sebelas dua belas");
    g_assert_cmpint(text_line_count(lines), >=, 2);
    texts_free(texts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_writer_func(count_warnings, NULL, NULL);
    g_test_add_func("/text/stays-in-its-box", test_stays_in_its_box);
    g_test_add_func("/text/sizes", test_sizes);
    g_test_add_func("/text/no-boxes", test_no_boxes);
    g_test_add_func("/text/direction", test_direction);
    g_test_add_func("/text/arabic-is-shaped", test_arabic_is_shaped);
    g_test_add_func("/text/mixed-line", test_mixed_line);
    g_test_add_func("/text/tabular", test_tabular);
    g_test_add_func("/text/kept", test_kept);
    g_test_add_func("/text/long-line", test_long_line);
    return g_test_run();
}
