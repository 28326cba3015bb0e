/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Walks the segments, chunks and blocks of four picture forms; each step is checked against the
 * piece of the file that was read.
 * Sources: ITU T.81 annex B; PNG 1.2; RFC 9649 (WebP); GIF89a; CIPA DC-008 (EXIF) 4.6 */
#include "picture.h"
#include "report.h"
#include <string.h>
#include <unistd.h>

#define HEAD_BYTES      (4 << 20) /* cameras put a preview and maps before the picture itself */
#define TAG_ORIENTATION 0x0112
#define GIF_BLOCKS_MAX  100000

typedef struct Head {
    const unsigned char *data;
    size_t size;
} Head;

static bool has(const Head *head, size_t at, size_t count)
{
    return at <= head->size && count <= head->size - at;
}

static uint32_t read_big(const Head *head, size_t at, int count)
{
    uint32_t value = 0;
    for (int i = 0; i < count && has(head, at, (size_t)count); i++)
        value = value << 8 | head->data[at + (size_t)i];
    return value;
}

static uint32_t read_little(const Head *head, size_t at, int count)
{
    uint32_t value = 0;
    for (int i = count - 1; i >= 0 && has(head, at, (size_t)count); i--)
        value = value << 8 | head->data[at + (size_t)i];
    return value;
}

static bool starts(const Head *head, size_t at, const char *magic, size_t size)
{
    return has(head, at, size) && memcmp(head->data + at, magic, size) == 0;
}

/* The orientation in a block of EXIF that begins with its TIFF header; 1 when it tells none. */
static int read_orientation(const Head *exif)
{
    bool is_little = starts(exif, 0, "II", 2);
    if (!is_little && !starts(exif, 0, "MM", 2))
        return 1;
    uint32_t (*const number)(const Head *, size_t, int) = is_little ? read_little : read_big;
    size_t directory = number(exif, 4, 4);
    uint32_t count = number(exif, directory, 2);
    for (uint32_t i = 0; i < count; i++) {
        size_t entry = directory + 2 + (size_t)i * 12;
        if (!has(exif, entry, 12))
            break;
        uint32_t value = number(exif, entry + 8, 2);
        if (number(exif, entry, 2) == TAG_ORIENTATION)
            return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

static int orientation_at(const Head *head, size_t at, size_t size)
{
    if (!has(head, at, size))
        return 1;
    Head exif = {head->data + at, size};
    if (starts(&exif, 0, "Exif\0\0", 6)) /* some writers put it into WebP too */
        exif = (Head){exif.data + 6, size - 6};
    return read_orientation(&exif);
}

/* ---- the four forms; false: the head ends before the size is told ---- */

static bool read_jpeg(const Head *head, Picture *picture)
{
    size_t at = 2;
    while (has(head, at, 4)) {
        unsigned char marker = head->data[at + 1];
        if (head->data[at] != 0xFF)
            return false;
        if (marker == 0xFF || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {
            at += marker == 0xFF ? 1 : 2;
            continue;
        }
        size_t length = read_big(head, at + 2, 2);
        bool is_frame =
            marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
        if (length < 2)
            return false;
        if (is_frame) {
            picture->height = read_big(head, at + 5, 2);
            picture->width = read_big(head, at + 7, 2);
            return has(head, at, 9);
        }
        if (marker == 0xE1 && starts(head, at + 4, "Exif\0\0", 6))
            picture->orientation = orientation_at(head, at + 4, length - 2);
        at += 2 + length;
    }
    return false;
}

static bool read_png(const Head *head, Picture *picture)
{
    if (!starts(head, 12, "IHDR", 4) || !has(head, 16, 8))
        return false;
    picture->width = read_big(head, 16, 4);
    picture->height = read_big(head, 20, 4);
    for (size_t at = 8; has(head, at, 8);) {
        size_t length = read_big(head, at, 4);
        if (starts(head, at + 4, "eXIf", 4))
            picture->orientation = orientation_at(head, at + 8, length);
        if (starts(head, at + 4, "acTL", 4))
            picture->is_animated = read_big(head, at + 8, 4) > 1;
        at += 12 + length;
    }
    return true;
}

static bool read_webp(const Head *head, Picture *picture)
{
    for (size_t at = 12; has(head, at, 8);) {
        size_t length = read_little(head, at + 4, 4), body = at + 8;
        bool is_known = picture->width > 0;
        if (starts(head, at, "VP8X", 4) && has(head, body, 10)) {
            picture->is_animated = (head->data[body] & 0x02) != 0;
            picture->width = read_little(head, body + 4, 3) + 1;
            picture->height = read_little(head, body + 7, 3) + 1;
        } else if (starts(head, at, "VP8 ", 4) && has(head, body, 10) && !is_known) {
            picture->width = read_little(head, body + 6, 2) & 0x3FFF;
            picture->height = read_little(head, body + 8, 2) & 0x3FFF;
        } else if (starts(head, at, "VP8L", 4) && has(head, body, 5) && !is_known) {
            uint32_t bits = read_little(head, body + 1, 4);
            picture->width = (bits & 0x3FFF) + 1;
            picture->height = (bits >> 14 & 0x3FFF) + 1;
        } else if (starts(head, at, "EXIF", 4)) {
            picture->orientation = orientation_at(head, body, length);
        }
        at = body + length + (length & 1);
    }
    return picture->width > 0;
}

/* A GIF moves when a second picture follows the first. */
static bool read_gif(const Head *head, Picture *picture)
{
    if (!has(head, 0, 13))
        return false;
    picture->width = read_little(head, 6, 2);
    picture->height = read_little(head, 8, 2);
    unsigned char flags = head->data[10];
    size_t at = 13 + ((flags & 0x80) ? (size_t)3 << ((flags & 7) + 1) : 0);
    int pictures = 0;
    for (int blocks = 0; has(head, at, 10) && blocks < GIF_BLOCKS_MAX; blocks++) {
        if (head->data[at] == 0x2C) {
            flags = head->data[at + 9];
            at += 11 + ((flags & 0x80) ? (size_t)3 << ((flags & 7) + 1) : 0);
            if (++pictures == 2)
                break;
        } else if (head->data[at] == 0x21) {
            at += 2;
        } else {
            break;
        }
        while (has(head, at, 1) && head->data[at] != 0)
            at += 1 + (size_t)head->data[at];
        at++;
    }
    picture->is_animated = pictures > 1 || at >= head->size; /* the first alone fills the head */
    return true;
}

static const struct {
    size_t offset;
    const char *magic;
    size_t size;
    const char *demuxer;
    bool (*read)(const Head *head, Picture *picture);
} FORMS[] = {
    {0, "\xFF\xD8\xFF", 3, "jpeg_pipe", read_jpeg},
    {0, "\x89PNG\r\n\x1A\n", 8, "png_pipe", read_png},
    {8, "WEBP", 4, "webp_pipe", read_webp},
    {0, "GIF8", 4, "gif", read_gif},
};

static bool check(const Picture *picture, GError **error)
{
    if (picture->width < 1 || picture->height < 1) {
        g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_NOT_MEDIA,
                            "the picture has no usable size");
        return false;
    }
    if (picture->width > PICTURE_PIXELS_MAX / picture->height) {
        g_set_error(error, REPORT_ERROR, REPORT_ERROR_TOO_LARGE,
                    "the picture has %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT
                    " pixels; at most 100 million are possible",
                    picture->width, picture->height);
        return false;
    }
    if (picture->is_animated && g_str_equal(picture->demuxer, "webp_pipe")) {
        g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_UNSUPPORTED_CODEC,
                            "a WebP picture that moves cannot be opened; save it as GIF or MP4");
        return false;
    }
    return true;
}

bool picture_read(int fd, Picture *ret_picture, GError **error)
{
    g_autofree unsigned char *data = g_malloc(HEAD_BYTES);
    ssize_t count = pread(fd, data, HEAD_BYTES, 0);
    Head head = {data, count > 0 ? (size_t)count : 0};
    for (size_t i = 0; i < G_N_ELEMENTS(FORMS); i++) {
        Picture picture = {.demuxer = FORMS[i].demuxer, .orientation = 1};
        if (!starts(&head, FORMS[i].offset, FORMS[i].magic, FORMS[i].size))
            continue;
        if (!FORMS[i].read(&head, &picture)) {
            g_set_error_literal(error, REPORT_ERROR, REPORT_ERROR_TRUNCATED,
                                "the picture ends before its size is told");
            return false;
        }
        if (!check(&picture, error))
            return false;
        *ret_picture = picture;
        return true;
    }
    return false;
}

const char *picture_upright(int orientation)
{
    static const char *const FILTERS[] = {
        [1] = "",
        [2] = "hflip,",
        [3] = "hflip,vflip,",
        [4] = "vflip,",
        [5] = "transpose=cclock_flip,",
        [6] = "transpose=clock,",
        [7] = "transpose=clock_flip,",
        [8] = "transpose=cclock,",
    };
    g_assert(orientation >= 1 && orientation <= 8);
    return FILTERS[orientation];
}
