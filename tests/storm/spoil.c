/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Makes films with ffmpeg and spoils them: boxes, tables, stamps, streams, and files that are none.
 */
#include "tests/storm/spoil.h"
#include <glib/gstdio.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOXES_MAX    4096
#define SPARSE_BYTES (100LL << 30)

/* Container boxes, and how many bytes of their own stand before their children.
 * Source: ISO/IEC 14496-12, 14496-15 */
static const struct {
    const char *name;
    size_t skip;
} CONTAINERS[] = {
    {"moov", 0}, {"trak", 0}, {"mdia", 0}, {"minf", 0}, {"stbl", 0},
    {"edts", 0}, {"dinf", 0}, {"udta", 0}, {"stsd", 8}, {"avc1", 78},
};

typedef struct Box {
    size_t at, size;
    const char *name; /* four letters, into the film */
} Box;

static uint32_t read_number(const GByteArray *film, size_t at)
{
    uint32_t value = 0;
    if (at + 4 <= film->len)
        memcpy(&value, film->data + at, 4);
    return GUINT32_FROM_BE(value);
}

static void write_number(GByteArray *film, size_t at, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    if (at + 4 <= film->len)
        memcpy(film->data + at, &value, 4);
}

static void collect(const GByteArray *film, size_t from, size_t to, GArray *boxes)
{
    while (from + 8 <= to && boxes->len < BOXES_MAX) {
        size_t size = read_number(film, from);
        if (size < 8 || size > to - from)
            return;
        Box box = {from, size, (const char *)film->data + from + 4};
        g_array_append_val(boxes, box);
        for (size_t i = 0; i < G_N_ELEMENTS(CONTAINERS); i++)
            if (!memcmp(box.name, CONTAINERS[i].name, 4))
                collect(film, from + 8 + CONTAINERS[i].skip, from + size, boxes);
        from += size;
    }
}

static GArray *boxes_of(const GByteArray *film)
{
    GArray *boxes = g_array_new(FALSE, FALSE, sizeof(Box));
    collect(film, 0, film->len, boxes);
    return boxes;
}

static Box any_box(const GByteArray *film, GRand *chance)
{
    g_autoptr(GArray) boxes = boxes_of(film);
    return g_array_index(boxes, Box, g_rand_int_range(chance, 0, (gint32)boxes->len));
}

/* The nth box of that name, by chance; all zero: there is none. */
static Box box_named(const GByteArray *film, const char *name, GRand *chance)
{
    g_autoptr(GArray) boxes = boxes_of(film);
    Box found = {0};
    int seen = 0;
    for (guint i = 0; i < boxes->len; i++) {
        Box box = g_array_index(boxes, Box, i);
        if (!memcmp(box.name, name, 4) && g_rand_int_range(chance, 0, ++seen) == 0)
            found = box;
    }
    return found;
}

static void flip(GByteArray *film, GRand *chance, size_t from, size_t to, int count)
{
    for (; count > 0 && from < to; count--)
        film->data[from + g_rand_int(chance) % (to - from)] ^=
            (uint8_t)(1 << g_rand_int_range(chance, 0, 8));
}

static uint32_t nasty(GRand *chance)
{
    static const uint32_t NUMBERS[] = {0,          1,          7,          0x7fffffff,
                                       0x80000000, 0xffffffff, 0xfffffff0, 65536};
    return g_rand_boolean(chance) ? NUMBERS[g_rand_int(chance) % G_N_ELEMENTS(NUMBERS)]
                                  : g_rand_int(chance);
}

/* --- Ways ------------------------------------------------------------------------------------- */

static void cut_at_box(GByteArray *film, GRand *chance)
{
    g_byte_array_set_size(film, (guint)any_box(film, chance).at);
}

static void cut_anywhere(GByteArray *film, GRand *chance)
{
    g_byte_array_set_size(film, g_rand_int(chance) % film->len);
}

static void flip_index(GByteArray *film, GRand *chance)
{
    Box box = box_named(film, "moov", chance);
    flip(film, chance, box.at, box.at + box.size, g_rand_int_range(chance, 1, 65));
}

static void flip_media(GByteArray *film, GRand *chance)
{
    Box box = box_named(film, "mdat", chance);
    flip(film, chance, box.at + 8, box.at + box.size, g_rand_int_range(chance, 1, 400));
}

static void spoil_table(GByteArray *film, GRand *chance)
{
    static const char *const TABLES[] = {"stco", "stsz", "stsc", "stts", "ctts", "stss", "elst"};
    Box box = box_named(film, TABLES[g_rand_int_range(chance, 0, G_N_ELEMENTS(TABLES))], chance);
    for (int i = g_rand_int_range(chance, 1, 9); i > 0 && box.size > 16; i--)
        write_number(film, box.at + 12 + g_rand_int(chance) % (box.size - 12) / 4 * 4,
                     nasty(chance));
}

static void swap_chunks(GByteArray *film, GRand *chance)
{
    Box box = box_named(film, "stco", chance);
    uint32_t count = box.size > 16 ? read_number(film, box.at + 12) : 0;
    for (uint32_t i = 0; i + 1 < count && i < 10000; i++) {
        size_t one = box.at + 16 + i * 4, other = box.at + 16 + g_rand_int(chance) % count * 4;
        uint32_t kept = read_number(film, one);
        write_number(film, one, read_number(film, other));
        write_number(film, other, kept);
    }
}

static void empty_box(GByteArray *film, GRand *chance)
{
    write_number(film, any_box(film, chance).at, 0);
}

static void huge_box(GByteArray *film, GRand *chance)
{
    write_number(film, any_box(film, chance).at, nasty(chance) | 0x80000000);
}

static void two_indexes(GByteArray *film, GRand *chance)
{
    Box box = box_named(film, "moov", chance);
    g_autofree uint8_t *copy = g_memdup2(film->data + box.at, box.size);
    g_byte_array_append(film, copy, (guint)box.size);
}

static void absurd_size(GByteArray *film, GRand *chance)
{
    Box header = box_named(film, "tkhd", chance), entry = box_named(film, "avc1", chance);
    write_number(film, header.at + header.size - 8, 16384u << 16);
    write_number(film, header.at + header.size - 4, 16384u << 16);
    if (entry.size)
        write_number(film, entry.at + 32, 16384u << 16 | 16384u);
}

/* Writes an Exp-Golomb number, bit by bit. */
static void put_golomb(GByteArray *bytes, guint *bit, uint32_t value)
{
    int length = 31 - __builtin_clz(value + 1);
    for (int i = 2 * length; i >= 0; i--, (*bit)++) {
        if (*bit % 8 == 0)
            g_byte_array_append(bytes, (const guint8 *)"", 1);
        if (i <= length && (value + 1) >> i & 1)
            bytes->data[bytes->len - 1] |= (uint8_t)(0x80 >> *bit % 8);
    }
}

/* The sequence header says 16384 x 16384. Source: ITU-T H.264, 7.3.2.1.1 */
static void absurd_sequence(GByteArray *film, GRand *chance)
{
    Box box = box_named(film, "avcC", chance);
    if (box.size < 24)
        return;
    g_autoptr(GByteArray) header = g_byte_array_new();
    g_byte_array_append(header, (const guint8 *)"\x67\x42\x00\x34", 4); /* baseline, 5.2 */
    guint bit = 0;
    const uint32_t FIELDS[] = {0, 0, 2, 1}; /* id, frame number, order type 2, references */
    for (size_t i = 0; i < G_N_ELEMENTS(FIELDS); i++)
        put_golomb(header, &bit, FIELDS[i]);
    bit++; /* no gaps */
    if (bit % 8 == 1)
        g_byte_array_append(header, (const guint8 *)"", 1);
    put_golomb(header, &bit, 1023);
    put_golomb(header, &bit, 1023);
    /* frame_mbs_only and the stop bit, whatever stands between */
    g_byte_array_append(header, (const guint8 *)"\xA0", 1);
    size_t room = read_number(film, box.at + 14) >> 16;
    if (room > 256 || room < header->len)
        return;
    memcpy(film->data + box.at + 16, header->data, header->len);
}

static void claim_hours(GByteArray *film, GRand *chance)
{
    static const char *const NAMES[] = {"mvhd", "mdhd", "tkhd"};
    for (size_t i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        Box box = box_named(film, NAMES[i], chance);
        size_t scale = i == 2 ? 1000 : read_number(film, box.at + 20);
        write_number(film, box.at + (i == 2 ? 28 : 24), (uint32_t)(36000 * scale));
    }
}

static void jump(GByteArray *film, GRand *chance)
{
    Box times = box_named(film, "stts", chance), order = box_named(film, "ctts", chance);
    write_number(film, times.at + 20, nasty(chance));
    for (size_t at = order.at + 20; order.size && at < order.at + order.size; at += 8)
        if (g_rand_int_range(chance, 0, 3) == 0)
            write_number(film, at, nasty(chance));
}

static void nest(GByteArray *film, GRand *chance)
{
    uint32_t depth = 20000;
    for (uint32_t i = 0; i < depth; i++) {
        guint8 head[8] = {0, 0, 0, 0, 'm', 'o', 'o', 'v'};
        g_byte_array_append(film, head, 8);
        write_number(film, film->len - 8, (depth - i) * 8);
    }
}

static void huge_count(GByteArray *film, GRand *chance)
{
    static const char *const TABLES[] = {"stco", "stsz", "stsc", "stts", "ctts", "stsd"};
    Box box = box_named(film, TABLES[g_rand_int_range(chance, 0, G_N_ELEMENTS(TABLES))], chance);
    if (box.size)
        write_number(film, box.at + (memcmp(box.name, "stsz", 4) ? 12 : 16), 0xffffffff);
}

static void noise(GByteArray *film, GRand *chance)
{
    for (guint i = 16; i < film->len; i++)
        film->data[i] = (uint8_t)g_rand_int(chance);
}

static void begin_as(GByteArray *film, const char *bytes, size_t count)
{
    memcpy(film->data, bytes, count);
}

static void pretend_png(GByteArray *film, GRand *chance)
{
    begin_as(film, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
}

static void pretend_zip(GByteArray *film, GRand *chance)
{
    begin_as(film, "PK\x03\x04\x14\0\0\0", 8);
}

static void be_text(GByteArray *film, GRand *chance)
{
    for (guint i = 0; i < film->len; i++)
        film->data[i] = (uint8_t)g_rand_int_range(chance, 32, 127);
}

static void be_empty(GByteArray *film, GRand *chance)
{
    g_byte_array_set_size(film, 0);
}

/* Ends in a box that claims all of a hundred gigabytes; the file is made that long below. */
static void be_endless(GByteArray *film, GRand *chance)
{
    static const guint8 HEAD[16] = {0, 0, 0, 1, 'm', 'd', 'a', 't', 0, 0, 0, 25};
    g_byte_array_set_size(film, 32);
    g_byte_array_append(film, HEAD, sizeof HEAD);
}

static void leave(GByteArray *film, GRand *chance)
{
}

static const struct {
    const char *name, *film;
    void (*spoil)(GByteArray *film, GRand *chance);
} WAYS[] = {
    {"cut-at-box", "sound", cut_at_box},
    {"cut-anywhere", "late", cut_anywhere},
    {"flip-index", "sound", flip_index},
    {"flip-index-mute", "mute", flip_index},
    {"flip-media", "sound", flip_media},
    {"flip-media-late", "late", flip_media},
    {"spoil-table", "sound", spoil_table},
    {"spoil-table-mute", "mute", spoil_table},
    {"swap-chunks", "sound", swap_chunks},
    {"empty-box", "sound", empty_box},
    {"huge-box", "late", huge_box},
    {"two-indexes", "sound", two_indexes},
    {"absurd-size", "mute", absurd_size},
    {"absurd-sequence", "mute", absurd_sequence},
    {"claim-hours", "sound", claim_hours},
    {"jump", "mute", jump},
    {"nest", "late", nest},
    {"huge-count", "sound", huge_count},
    {"noise", "sound", noise},
    {"pretend-png", "mute", pretend_png},
    {"pretend-zip", "mute", pretend_zip},
    {"text", "mute", be_text},
    {"empty", "mute", be_empty},
    {"fifo", "mute", be_empty},
    {"endless", "mute", be_endless},
    {"one-frame", "one", leave},
    {"one-frame-sound", "one-sound", leave},
    {"changes-size", "changes", leave},
    {"only-sound", "only-sound", leave},
    {"mp3", "mp3", leave},
    {"crashes", "crashes", leave},
    {"hangs", "hangs", leave},
    {"scribbles", "scribbles", leave},
    {"babbles", "babbles", leave},
    {"crawls", "crawls", leave},
};

unsigned spoil_count(void)
{
    return G_N_ELEMENTS(WAYS);
}

const char *spoil_name(unsigned way)
{
    return WAYS[way].name;
}

void spoil_write(unsigned way, GRand *chance, const char *folder, const char *path)
{
    if (!strcmp(WAYS[way].name, "fifo")) {
        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
        return;
    }
    g_autofree char *source = g_build_filename(folder, WAYS[way].film, NULL);
    g_autofree char *bytes = NULL;
    gsize size = 0;
    g_assert_true(g_file_get_contents(source, &bytes, &size, NULL));
    g_autoptr(GByteArray) film = g_byte_array_new();
    g_byte_array_append(film, (const guint8 *)bytes, (guint)size);
    WAYS[way].spoil(film, chance);
    g_assert_true(g_file_set_contents(path, (const char *)film->data, film->len, NULL));
    if (!strcmp(WAYS[way].name, "endless"))
        g_assert_cmpint(truncate(path, SPARSE_BYTES), ==, 0);
}

/* --- Films ------------------------------------------------------------------------------------ */

static void run_ffmpeg(const char *folder, const char *arguments, const char *name)
{
    g_autofree char *line =
        g_strdup_printf("ffmpeg -nostdin -v error -y %s %s/%s", arguments, folder, name);
    int status = -1;
    g_autoptr(GError) error = NULL;
    g_assert_true(g_spawn_command_line_sync(line, NULL, NULL, &status, &error));
    g_assert_true(g_spawn_check_wait_status(status, &error));
}

/* The brightness tells the number of the frame; the good film is reddish, the others are grey. */
static void make_film(const char *folder, const char *name, int width, int frames, bool has_sound,
                      const char *more)
{
    bool is_good = !strcmp(name, "good");
    g_autofree char *arguments = g_strdup_printf(
        "-f lavfi -i \"color=gray:s=%dx180:r=25:d=%f,format=yuv420p,"
        "geq=lum='30+2*mod(N,60)':cb=128:cr=%d\" %s -frames:v %d -c:v libx264 -preset ultrafast "
        "-qp 4 -g 25 -pix_fmt yuv420p %s",
        width, frames / 25.0, is_good ? 170 : 128,
        has_sound ? "-f lavfi -i sine=440:r=48000:d=2 -c:a aac -ac 2 -shortest" : "", frames, more);
    run_ffmpeg(folder, arguments, name);
}

void spoil_make_films(const char *folder)
{
    const char *fast = "-bf 0 -movflags +faststart -f mp4";
    make_film(folder, "good", 320, 50, true, fast);
    make_film(folder, "sound", 320, 50, true, fast);
    make_film(folder, "late", 320, 50, true, "-bf 2 -f mp4");
    make_film(folder, "mute", 320, 50, false, "-bf 2 -f mp4");
    make_film(folder, "one", 320, 1, false, fast);
    make_film(folder, "one-sound", 320, 1, true, fast);
    make_film(folder, "crashes", SPOIL_CRASHES, 50, true, fast);
    make_film(folder, "hangs", SPOIL_HANGS, 50, true, fast);
    make_film(folder, "scribbles", SPOIL_SCRIBBLES, 50, true, fast);
    make_film(folder, "babbles", SPOIL_BABBLES, 50, true, fast);
    make_film(folder, "crawls", SPOIL_CRAWLS, 50, true, fast);
    make_film(folder, "wide.h264", 480, 12, false, "-bf 0 -f h264");
    make_film(folder, "small.h264", 160, 12, false, "-bf 0 -f h264");
    g_autofree char *both = g_strdup_printf(
        "-f h264 -r 25 -i concat:%s/wide.h264|%s/small.h264 -c copy -f mp4", folder, folder);
    /* '|' is the concat protocol's, and no shell reads it. */
    run_ffmpeg(folder, both, "changes");
    run_ffmpeg(folder, "-f lavfi -i sine=440:d=2 -c:a aac -f mp4", "only-sound");
    run_ffmpeg(folder, "-f lavfi -i sine=440:d=2 -c:a libmp3lame -f mp3", "mp3");
}
