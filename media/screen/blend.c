/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The pixel loops. */
#include "media/screen/blend.h"
#include <glib.h>
#include <math.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* x / 255 for 0 <= x <= 65025, rounded; exact (Blinn, "Three wrongs make a right", 1995). */
static inline uint32_t divide_255(uint32_t x)
{
    x += 128;
    return (x + (x >> 8)) >> 8;
}

static inline uint32_t blend_pixel(uint32_t ground, uint32_t source, unsigned alpha)
{
    uint32_t out = 0;
    uint32_t source_alpha = ((source >> 24) * alpha) >> 8;
    for (int shift = 0; shift < 24; shift += 8) {
        uint32_t s = (((source >> shift) & 0xFF) * alpha) >> 8;
        uint32_t value = s + divide_255(((ground >> shift) & 0xFF) * (255 - source_alpha));
        out |= (value > 255 ? 255 : value) << shift;
    }
    return out | 0xFF000000u;
}

#ifdef __SSE2__
/* Two pixels widened to 16 bits: ground * (255 - alpha) / 255, rounded as above. */
static inline __m128i weaken(__m128i ground, __m128i source)
{
    __m128i alpha = _mm_shufflehi_epi16(_mm_shufflelo_epi16(source, 0xFF), 0xFF);
    __m128i product = _mm_add_epi16(
        _mm_mullo_epi16(ground, _mm_sub_epi16(_mm_set1_epi16(255), alpha)), _mm_set1_epi16(128));
    return _mm_srli_epi16(_mm_add_epi16(product, _mm_srli_epi16(product, 8)), 8);
}

static int blend_row_sse2(uint32_t *ground, const uint32_t *source, int count, unsigned alpha)
{
    const __m128i zero = _mm_setzero_si128();
    const __m128i fade = _mm_set1_epi16((short)alpha);
    const __m128i top = _mm_set1_epi32((int)0xFF000000u);
    int i = 0;
    for (; i + 4 <= count; i += 4) {
        __m128i s = _mm_loadu_si128((const __m128i *)(const void *)(source + i));
        if (_mm_movemask_epi8(_mm_cmpeq_epi32(s, zero)) == 0xFFFF)
            continue;
        __m128i d = _mm_loadu_si128((const __m128i *)(const void *)(ground + i));
        __m128i s_low = _mm_unpacklo_epi8(s, zero), s_high = _mm_unpackhi_epi8(s, zero);
        if (alpha < 256) {
            s_low = _mm_srli_epi16(_mm_mullo_epi16(s_low, fade), 8);
            s_high = _mm_srli_epi16(_mm_mullo_epi16(s_high, fade), 8);
        }
        __m128i low = _mm_add_epi16(s_low, weaken(_mm_unpacklo_epi8(d, zero), s_low));
        __m128i high = _mm_add_epi16(s_high, weaken(_mm_unpackhi_epi8(d, zero), s_high));
        _mm_storeu_si128((__m128i *)(void *)(ground + i),
                         _mm_or_si128(_mm_packus_epi16(low, high), top));
    }
    return i;
}
#endif

void blend_row(uint32_t *ground, const uint32_t *source, int count, unsigned alpha)
{
    int i = 0;
#ifdef __SSE2__
    i = blend_row_sse2(ground, source, count, alpha);
#endif
    for (; i < count; i++)
        if (source[i])
            ground[i] = blend_pixel(ground[i], source[i], alpha);
}

void blend_image(const Ground *ground, const Image *image, int x, int y, Rect clip, unsigned alpha)
{
    Rect at = rect_intersect((Rect){x, y, image->width, image->height}, clip);
    at = rect_intersect(at, (Rect){0, 0, ground->width, ground->height});
    for (int row = at.y; row < at.y + at.height; row++)
        blend_row(ground->pixels + (ptrdiff_t)row * ground->stride + at.x,
                  image->pixels + (ptrdiff_t)(row - y) * image->stride + (at.x - x), at.width,
                  alpha);
}

Corner *corner_new(int radius)
{
    Corner *corner = g_malloc(sizeof *corner + (size_t)radius * (size_t)radius);
    corner->radius = radius;
    for (int y = 0; y < radius; y++) {
        for (int x = 0; x < radius; x++) {
            /* Distance of the pixel's centre from the arc, softened over one pixel. */
            double distance = hypot(radius - x - 0.5, radius - y - 0.5);
            double covered = CLAMP(radius - distance + 0.5, 0, 1);
            corner->coverage[y * radius + x] = (uint8_t)lround(covered * 255);
        }
    }
    return corner;
}

static inline uint32_t premultiply(uint32_t rgb, unsigned alpha)
{
    uint32_t out = alpha << 24;
    for (int shift = 0; shift < 24; shift += 8)
        out |= divide_255(((rgb >> shift) & 0xFF) * alpha) << shift;
    return out;
}

static void fill_row(uint32_t *ground, int count, uint32_t rgb, unsigned alpha_255)
{
    if (alpha_255 == 255) {
        for (int i = 0; i < count; i++)
            ground[i] = rgb | 0xFF000000u;
        return;
    }
    uint32_t source[64];
    uint32_t value = premultiply(rgb, alpha_255);
    for (int i = 0; i < 64; i++)
        source[i] = value;
    for (int done = 0; done < count; done += 64)
        blend_row(ground + done, source, MIN(64, count - done), 256);
}

/* The pixels from..to (relative to the plate) of one row that crosses two corners. */
static void corner_row(uint32_t *row, int from, int to, int width, const uint8_t *coverage,
                       int radius, uint32_t rgb, unsigned alpha_255)
{
    for (int x = from; x < to; x++) {
        int in = x < radius ? x : width - 1 - x;
        if (in >= radius) {
            int end = MIN(to, width - radius);
            fill_row(row + (x - from), end - x, rgb, alpha_255);
            x = end - 1;
            continue;
        }
        unsigned covered = divide_255(coverage[in] * alpha_255);
        if (covered)
            row[x - from] = blend_pixel(row[x - from], premultiply(rgb, covered), 256);
    }
}

void blend_plate(const Ground *ground, Rect plate, Rect clip, uint32_t rgb, unsigned alpha,
                 const Corner *corner)
{
    Rect at =
        rect_intersect(rect_intersect(plate, clip), (Rect){0, 0, ground->width, ground->height});
    unsigned alpha_255 = alpha >= 256 ? 255 : (alpha * 255) >> 8;
    if (alpha_255 == 0)
        return;
    int radius = corner ? corner->radius : 0;
    for (int y = at.y; y < at.y + at.height; y++) {
        uint32_t *row = ground->pixels + (ptrdiff_t)y * ground->stride + at.x;
        int from_edge = MIN(y - plate.y, plate.y + plate.height - 1 - y);
        if (from_edge < radius)
            corner_row(row, at.x - plate.x, at.x - plate.x + at.width, plate.width,
                       corner->coverage + from_edge * radius, radius, rgb, alpha_255);
        else
            fill_row(row, at.width, rgb, alpha_255);
    }
}
