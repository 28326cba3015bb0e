/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Eight columns at a time: sixteen bytes of the source hold all that they need, one shuffle puts
 * the pairs side by side, and one instruction weighs and adds them. */
#include "media/screen/scale.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>

#define GROUP  8  /* columns that are made together */
#define WINDOW 16 /* bytes of the source that they are made of */
#define ONE    128

typedef struct {
    int first; /* column of the source where the window begins */
    uint8_t shuffle[WINDOW];
    int8_t weights[WINDOW];
} Group;

typedef struct {
    int line, weight; /* this line and the next one, which has the weight of ONE */
} Line;

struct Scale {
    int from_width, from_height, to_width, to_height;
    Group *groups;
    Line *lines;
    uint8_t *row; /* one line of the source, interpolated downwards */
    bool is_wide; /* the processor weighs two groups at once */
};

/* Centres of pixels lie on centres. A weight of ONE does not fit into a signed byte: the neighbour
 * gets the 128th that is missing, which is less than rounding. */
static void place(int index, int from, int to, int *ret_at, int *ret_weight)
{
    double at = CLAMP((index + 0.5) * from / to - 0.5, 0, from - 1);
    *ret_at = MIN((int)at, MAX(from - 2, 0));
    *ret_weight = CLAMP((int)lround((at - *ret_at) * ONE), 1, ONE - 1);
}

static void plan_group(Group *group, int column, const Scale *scale)
{
    for (int i = 0; i < GROUP; i++) {
        int at, weight;
        place(MIN(column + i, scale->to_width - 1), scale->from_width, scale->to_width, &at,
              &weight);
        if (i == 0)
            group->first = MIN(at, scale->from_width - WINDOW);
        group->shuffle[2 * i] = (uint8_t)(at - group->first);
        group->shuffle[2 * i + 1] = (uint8_t)(at - group->first + 1);
        group->weights[2 * i] = (int8_t)(ONE - weight);
        group->weights[2 * i + 1] = (int8_t)weight;
    }
}

Scale *scale_new(int from_width, int from_height, int to_width, int to_height)
{
    if (!__builtin_cpu_supports("ssse3") || from_width < WINDOW || from_height < 2 ||
        from_width > to_width * SCALE_SHRINK_MAX || from_height > to_height * SCALE_SHRINK_MAX)
        return NULL;
    Scale *scale = g_new(Scale, 1);
    *scale = (Scale){from_width, from_height, to_width, to_height,
                     NULL,       NULL,        NULL,     __builtin_cpu_supports("avx2") != 0};
    size_t group_count = (size_t)(to_width + GROUP - 1) / GROUP;
    scale->groups = g_new(Group, group_count);
    scale->lines = g_new(Line, (size_t)to_height);
    scale->row = g_malloc((size_t)from_width);
    for (size_t i = 0; i < group_count; i++)
        plan_group(&scale->groups[i], (int)i * GROUP, scale);
    for (int y = 0; y < to_height; y++)
        place(y, from_height, to_height, &scale->lines[y].line, &scale->lines[y].weight);
    return scale;
}

void scale_free(Scale *scale)
{
    if (!scale)
        return;
    g_free(scale->groups);
    g_free(scale->lines);
    g_free(scale->row);
    g_free(scale);
}

__attribute__((target("ssse3"))) static __m128i weigh(__m128i pairs, __m128i weights)
{
    __m128i sum = _mm_add_epi16(_mm_maddubs_epi16(pairs, weights), _mm_set1_epi16(ONE / 2));
    return _mm_srli_epi16(sum, 7);
}

/* Between two lines of the source. */
__attribute__((target("ssse3"))) static void mix_lines(uint8_t *to, const uint8_t *upper,
                                                       const uint8_t *lower, int width, int weight)
{
    const __m128i weights = _mm_set1_epi16((short)(weight << 8 | (ONE - weight)));
    int x = 0;
    for (; x + 16 <= width; x += 16) {
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(upper + x));
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(lower + x));
        __m128i low = weigh(_mm_unpacklo_epi8(a, b), weights);
        __m128i high = weigh(_mm_unpackhi_epi8(a, b), weights);
        _mm_storeu_si128((__m128i *)(void *)(to + x), _mm_packus_epi16(low, high));
    }
    for (; x < width; x++)
        to[x] = (uint8_t)((upper[x] * (ONE - weight) + lower[x] * weight + ONE / 2) / ONE);
}

/* Makes one group of columns in the low half. */
__attribute__((target("ssse3"))) static __m128i mix_group(const uint8_t *row, const Group *group)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(row + group->first));
    __m128i shuffle = _mm_loadu_si128((const __m128i *)(const void *)group->shuffle);
    __m128i weights = _mm_loadu_si128((const __m128i *)(const void *)group->weights);
    return weigh(_mm_shuffle_epi8(bytes, shuffle), weights);
}

__attribute__((target("ssse3"))) static void mix_columns(uint8_t *to, int width, const uint8_t *row,
                                                         const Group *groups)
{
    const __m128i zero = _mm_setzero_si128();
    int x = 0;
    for (; x + 2 * GROUP <= width; x += 2 * GROUP, groups += 2)
        _mm_storeu_si128((__m128i *)(void *)(to + x),
                         _mm_packus_epi16(mix_group(row, groups), mix_group(row, groups + 1)));
    for (; x < width; x += GROUP, groups++) {
        uint8_t last[GROUP];
        _mm_storel_epi64((__m128i *)(void *)last, _mm_packus_epi16(mix_group(row, groups), zero));
        memcpy(to + x, last, (size_t)MIN(GROUP, width - x));
    }
}

/* The same arithmetic on twice as many bytes. */
__attribute__((target("avx2"))) static __m256i wide_weigh(__m256i pairs, __m256i weights)
{
    __m256i sum =
        _mm256_add_epi16(_mm256_maddubs_epi16(pairs, weights), _mm256_set1_epi16(ONE / 2));
    return _mm256_srli_epi16(sum, 7);
}

__attribute__((target("avx2"))) static void
wide_mix_lines(uint8_t *to, const uint8_t *upper, const uint8_t *lower, int width, int weight)
{
    const __m256i weights = _mm256_set1_epi16((short)(weight << 8 | (ONE - weight)));
    int x = 0;
    for (; x + 32 <= width; x += 32) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(upper + x));
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(lower + x));
        __m256i low = wide_weigh(_mm256_unpacklo_epi8(a, b), weights);
        __m256i high = wide_weigh(_mm256_unpackhi_epi8(a, b), weights);
        _mm256_storeu_si256((__m256i *)(void *)(to + x), _mm256_packus_epi16(low, high));
    }
    mix_lines(to + x, upper + x, lower + x, width - x, weight);
}

/* A group in each half. */
__attribute__((target("avx2"))) static __m256i wide_mix_groups(const uint8_t *row,
                                                               const Group *groups)
{
    const __m128i *first = (const __m128i *)(const void *)(row + groups[0].first);
    const __m128i *second = (const __m128i *)(const void *)(row + groups[1].first);
    __m256i bytes = _mm256_loadu2_m128i(second, first);
    __m256i shuffle = _mm256_loadu2_m128i((const __m128i *)(const void *)groups[1].shuffle,
                                          (const __m128i *)(const void *)groups[0].shuffle);
    __m256i weights = _mm256_loadu2_m128i((const __m128i *)(const void *)groups[1].weights,
                                          (const __m128i *)(const void *)groups[0].weights);
    return wide_weigh(_mm256_shuffle_epi8(bytes, shuffle), weights);
}

__attribute__((target("avx2"))) static void
wide_mix_columns(uint8_t *to, int width, const uint8_t *row, const Group *groups)
{
    int x = 0;
    for (; x + 4 * GROUP <= width; x += 4 * GROUP, groups += 4) {
        __m256i packed =
            _mm256_packus_epi16(wide_mix_groups(row, groups), wide_mix_groups(row, groups + 2));
        /* Packing went half by half: groups 0, 2, 1, 3. */
        _mm256_storeu_si256((__m256i *)(void *)(to + x), _mm256_permute4x64_epi64(packed, 0xD8));
    }
    mix_columns(to + x, width - x, row, groups);
}

void scale_lines(Scale *scale, const uint8_t *from, int from_stride, uint8_t *to, int to_stride,
                 int first, int count)
{
    for (int y = 0; y < count; y++) {
        const Line *line = &scale->lines[first + y];
        const uint8_t *upper = from + (ptrdiff_t)line->line * from_stride;
        uint8_t *target = to + (ptrdiff_t)y * to_stride;
        if (scale->is_wide) {
            wide_mix_lines(scale->row, upper, upper + from_stride, scale->from_width, line->weight);
            wide_mix_columns(target, scale->to_width, scale->row, scale->groups);
        } else {
            mix_lines(scale->row, upper, upper + from_stride, scale->from_width, line->weight);
            mix_columns(target, scale->to_width, scale->row, scale->groups);
        }
    }
}

void scale_plane(Scale *scale, const uint8_t *from, int from_stride, uint8_t *to, int to_stride)
{
    scale_lines(scale, from, from_stride, to, to_stride, 0, scale->to_height);
}

#else

Scale *scale_new(int from_width, int from_height, int to_width, int to_height)
{
    return NULL;
}

void scale_free(Scale *scale)
{
}

void scale_lines(Scale *scale, const uint8_t *from, int from_stride, uint8_t *to, int to_stride,
                 int first, int count)
{
    g_assert_not_reached(); /* there is no Scale */
}

void scale_plane(Scale *scale, const uint8_t *from, int from_stride, uint8_t *to, int to_stride)
{
    g_assert_not_reached(); /* there is no Scale */
}

#endif
