/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Golden screens: each layout, lying and standing, in each language, in nine moments of a day, as
 * it was when somebody last looked at it. SERAMBI_GOLDEN_RENEW=1 takes today's pictures as golden.
 */
#include "tests/golden/lobby.h"
#include "tests/golden/sheet.h"
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

/* Large enough to read all but the smallest line, and small enough to keep. */
#define LONG_SIDE  480
#define SHORT_SIDE 270

/* --- Moments ---------------------------------------------------------------------------------- */

static void show_house(Lobby *lobby)
{
}

static void show_media(Lobby *lobby, const char *media)
{
    lobby_tell(lobby, "programme:slots",
               json_pack("{s:I, s:[{s:s, s:I, s:f, s:{s:s, s:s, s:s}}]}", "start_us",
                         (json_int_t)LOBBY_START_US, "slots", "media", media, "duration_us",
                         (json_int_t)3600 * G_USEC_PER_SEC, "gain_db", 0.0, "captions", "id",
                         "Langkah pertama: pindai kartu anggota Anda.", "en",
                         "The first step: scan your member card.", "ar",
                         "الخطوة الأولى: مرّر بطاقة العضوية A-17."));
}

static void show_clip(Lobby *lobby)
{
    show_media(lobby, "lying");
}

static void show_portrait_clip(Lobby *lobby)
{
    show_media(lobby, "portrait");
}

/* Words at four places of the picture, in three scripts, of which two would meet. */
#define TRACK(left, right, above)                                                                  \
    "{\"cues\":[{\"start_ms\":0,\"end_ms\":3600000,\"text\":\"\",\"markup\":\"" above              \
    "\",\"settings\":\"line:0\"},"                                                                 \
    "{\"start_ms\":0,\"end_ms\":3600000,\"text\":\"" left                                          \
    "\",\"settings\":\"align:start position:0% size:40%\"},"                                       \
    "{\"start_ms\":0,\"end_ms\":3600000,\"text\":\"" right                                         \
    "\",\"settings\":\"line:-1 align:right position:100% size:40%\"}]}"

static void show_placed_captions(Lobby *lobby)
{
    lobby_tell(
        lobby, "programme:slots",
        json_pack(
            "{s:I, s:[{s:s, s:I, s:f, s:{s:s, s:s, s:s}}]}", "start_us", (json_int_t)LOBBY_START_US,
            "slots", "media", "lying", "duration_us", (json_int_t)3600 * G_USEC_PER_SEC, "gain_db",
            0.0, "captions", "id",
            TRACK("Tekan tombol hijau.", "Ambil nomor Anda.", "<i>Musik</i> di <b>lantai dua</b>"),
            "en",
            TRACK("Press the green button.", "Take your number.",
                  "<i>Music</i> on the <b>second floor</b>"),
            "ar",
            TRACK("اضغط الزر الأخضر.", "خذ رقمك A-17.", "<u>موسيقى</u> في <b>الطابق الثاني</b>")));
}

static json_t *announcement(const char *urgency, const char *id, const char *en, const char *ar)
{
    return json_pack("{s:s, s:{s:s, s:s, s:s}}", "urgency", urgency, "text", "id", id, "en", en,
                     "ar", ar);
}

static json_t *quiet_announcement(void)
{
    return announcement("normal", "Perpustakaan tutup pukul 16.00 hari ini.",
                        "The library closes at 16:00 today.", "تغلق المكتبة الساعة 16:00 اليوم.");
}

static json_t *board(void)
{
    return json_pack("{s:[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s}],"
                     "s:[{s:{s:s,s:s,s:s},s:i},{s:{s:s,s:s,s:s},s:i}]}",
                     "now", "ticket", "A-017", "counter", "3", "ticket", "B-004", "counter", "1",
                     "ticket", "A-016", "counter", "2", "ticket", "A-015", "counter", "3",
                     "waiting", "name", "id", "Keanggotaan", "en", "Membership", "ar", "العضوية",
                     "count", 7, "name", "id", "Peminjaman", "en", "Loans", "ar", "الإعارة",
                     "count", 12);
}

/* A working day: clip, board, ticker. */
static void show_day(Lobby *lobby)
{
    show_clip(lobby);
    lobby_tell(lobby, "queue:board", board());
    lobby_tell(lobby, "displays:screen.{self}",
               json_pack("{s:s}", "public_url", "http://perpus.malangkota.go.id"));
    lobby_tell(lobby, "announcements:live",
               json_pack("{s:[o]}", "announcements", quiet_announcement()));
}

static void show_banner(Lobby *lobby)
{
    show_day(lobby);
    lobby_tell(lobby, "announcements:live",
               json_pack("{s:[oo]}", "announcements", quiet_announcement(),
                         announcement("urgent", "Mobil N 1234 XY: mohon dipindahkan.",
                                      "Car N 1234 XY: please move it.",
                                      "السيارة N 1234 XY: يرجى نقلها.")));
}

static void show_emergency(Lobby *lobby)
{
    show_day(lobby);
    lobby_tell(lobby, "announcements:live",
               json_pack("{s:[o]}", "announcements",
                         announcement("emergency",
                                      "Mohon tinggalkan gedung dengan tenang melalui pintu timur.",
                                      "Please leave the building calmly by the east door.",
                                      "يرجى مغادرة المبنى بهدوء من الباب الشرقي.")));
}

static void show_call(Lobby *lobby)
{
    show_day(lobby);
    lobby_tell(lobby, "queue:calls",
               json_pack("{s:i, s:s, s:s, s:I}", "call", 1, "ticket", "A-018", "counter", "3",
                         "called_us", (json_int_t)LOBBY_START_US));
}

static void show_code(Lobby *lobby)
{
    lobby_set_code(lobby, "7KQ2-M8XD");
}

static const struct {
    const char *name;
    void (*show)(Lobby *lobby);
} moments[] = {
    {"house slide", show_house},
    {"clip and captions", show_clip},
    {"standing clip", show_portrait_clip},
    {"board and ticker", show_day},
    {"banner", show_banner},
    {"emergency", show_emergency},
    {"called number", show_call},
    {"code of pairing", show_code},
    {"captions with places", show_placed_captions},
};
#define COLUMNS 4
#define ROWS    3
G_STATIC_ASSERT(G_N_ELEMENTS(moments) <= COLUMNS * ROWS);

/* --- Sheets ----------------------------------------------------------------------------------- */

static Ground ground_new(int width, int height)
{
    return (Ground){g_new0(uint32_t, (size_t)width * (size_t)height), width, height, width};
}

static void draw_moment(const Ground *sheet, LayoutKind kind, bool is_portrait,
                        const char *language, size_t moment)
{
    int width = is_portrait ? SHORT_SIDE : LONG_SIDE, height = is_portrait ? LONG_SIDE : SHORT_SIDE;
    Lobby *lobby = lobby_new(kind, width, height, language);
    moments[moment].show(lobby);
    lobby_turn(lobby, 0);
    lobby_turn(lobby, 300000);  /* what arrives is there */
    lobby_turn(lobby, 5000000); /* the ticker has come in, the call still stands */
    sheet_put(sheet, lobby_ground(lobby), (int)(moment % COLUMNS) * width,
              (int)(moment / COLUMNS) * height);
    lobby_free(lobby);
}

static void check_against_golden(const Ground *sheet, const char *name)
{
    const char *differences = g_getenv("SERAMBI_GOLDEN_DIFFERENCES");
    g_autofree char *path = g_strdup_printf("%s/%s.png", g_getenv("SERAMBI_GOLDEN_FOLDER"), name);
    if (g_getenv("SERAMBI_GOLDEN_RENEW")) {
        sheet_write(sheet, path);
        return;
    }
    Ground golden;
    if (!sheet_read(path, &golden))
        g_error("no golden picture %s: look at today's, then SERAMBI_GOLDEN_RENEW=1", path);
    g_assert_cmpint(golden.width, ==, sheet->width);
    g_assert_cmpint(golden.height, ==, sheet->height);
    Ground difference = ground_new(sheet->width, sheet->height);
    int x = 0, y = 0;
    int blocks = sheet_compare(sheet, &golden, &difference, &x, &y);
    if (blocks > 0) {
        g_assert_cmpint(g_mkdir_with_parents(differences, 0755), ==, 0);
        g_autofree char *fresh_path = g_strdup_printf("%s/%s.png", differences, name);
        g_autofree char *difference_path = g_strdup_printf("%s/%s-off.png", differences, name);
        sheet_write(sheet, fresh_path);
        sheet_write(&difference, difference_path);
        int width = sheet->width / COLUMNS, height = sheet->height / ROWS;
        g_printerr("%s: '%s' differs most at %d, %d of its %dx%d (%d blocks differ); see %s and "
                   "%s\n",
                   name, moments[y / height * COLUMNS + x / width].name, x % width, y % height,
                   width, height, blocks, fresh_path, difference_path);
        g_test_fail();
    }
    g_free(difference.pixels);
    g_free(golden.pixels);
}

static void test_sheet(LayoutKind kind, bool is_portrait, const char *language)
{
    Ground sheet = ground_new(COLUMNS * (is_portrait ? SHORT_SIDE : LONG_SIDE),
                              ROWS * (is_portrait ? LONG_SIDE : SHORT_SIDE));
    for (size_t moment = 0; moment < G_N_ELEMENTS(moments); moment++)
        draw_moment(&sheet, kind, is_portrait, language, moment);
    g_autofree char *name = g_strdup_printf("%s-%s-%s", layout_kind_name(kind),
                                            is_portrait ? "standing" : "lying", language);
    check_against_golden(&sheet, name);
    g_free(sheet.pixels);
}

static void test_layout(gconstpointer data)
{
    static const char *const languages[] = {"id", "en", "ar"};
    LayoutKind kind = (LayoutKind)GPOINTER_TO_INT(data);
    for (size_t i = 0; i < G_N_ELEMENTS(languages); i++) {
        test_sheet(kind, false, languages[i]);
        test_sheet(kind, true, languages[i]);
    }
}

/* The comparison itself: it sees one letter, and a plate that is a shade off; not a rounding. */
static void test_sees_differences(void)
{
    Ground golden = ground_new(100, 100), fresh = ground_new(100, 100);
    Ground difference = ground_new(100, 100);
    int x = 0, y = 0;
    for (int i = 0; i < 100 * 100; i++)
        golden.pixels[i] = fresh.pixels[i] = 0x14201C;
    g_assert_cmpint(sheet_compare(&fresh, &golden, &difference, &x, &y), ==, 0);
    fresh.pixels[57 * 100 + 33] = 0x1C281C; /* one pixel, rounded */
    g_assert_cmpint(sheet_compare(&fresh, &golden, &difference, &x, &y), ==, 0);
    fresh.pixels[57 * 100 + 33] = 0xF2EFE6; /* one pixel of a letter */
    g_assert_cmpint(sheet_compare(&fresh, &golden, &difference, &x, &y), ==, 1);
    g_assert_cmpint(x, ==, 30);
    g_assert_cmpint(y, ==, 50);
    for (int i = 0; i < 100 * 100; i++)
        fresh.pixels[i] = 0x182420; /* every plate by four in 255 */
    g_assert_cmpint(sheet_compare(&fresh, &golden, &difference, &x, &y), ==, 100);
    g_free(golden.pixels);
    g_free(fresh.pixels);
    g_free(difference.pixels);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions(); /* all sheets that differ, not the first one only */
    g_setenv("TZ", "WIB-7", TRUE);
    g_test_add_func("/golden/sees-differences", test_sees_differences);
    for (LayoutKind kind = LAYOUT_CINEMA; kind <= LAYOUT_BOARD; kind++) {
        g_autofree char *path = g_strdup_printf("/golden/%s", layout_kind_name(kind));
        g_test_add_data_func(path, GINT_TO_POINTER((int)kind), test_layout);
    }
    return g_test_run();
}
