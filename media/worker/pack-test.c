/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * A recorded voice: which recordings say a text, and how they sound together. The recordings are
 * tones of different pitch, length and loudness, some of another rate and form. */
#include "ffmpeg.h"
#include "loudness.h"
#include "pack.h"
#include "report.h"
#include "speech.h"
#include "splice.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#define RATE       SPEECH_SAMPLE_RATE
#define SILENCE_MS 120 /* around each tone, as people leave it */
#define TONE_MS    260

typedef struct {
    char *folder;
} Room;

static void put(GByteArray *bytes, uint32_t value, int size)
{
    for (int i = 0; i < size; i++)
        g_byte_array_append(bytes, &(uint8_t){(uint8_t)(value >> (8 * i))}, 1);
}

static char *path_of(const Room *room, const char *name)
{
    return g_build_filename(room->folder, name, NULL);
}

/* A tone with silence around it, as a WAV of that rate. */
static void record(const Room *room, const char *name, unsigned rate, unsigned channels,
                   double pitch_hz, double peak)
{
    size_t quiet = rate * SILENCE_MS / 1000, loud = rate * TONE_MS / 1000;
    size_t count = 2 * quiet + loud;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, (const uint8_t *)"RIFF", 4);
    put(bytes, (uint32_t)(36 + count * channels * 2), 4);
    g_byte_array_append(bytes, (const uint8_t *)"WAVEfmt ", 8);
    put(bytes, 16, 4);
    put(bytes, 1, 2);
    put(bytes, channels, 2);
    put(bytes, rate, 4);
    put(bytes, rate * channels * 2, 4);
    put(bytes, channels * 2, 2);
    put(bytes, 16, 2);
    g_byte_array_append(bytes, (const uint8_t *)"data", 4);
    put(bytes, (uint32_t)(count * channels * 2), 4);
    for (size_t i = 0; i < count; i++) {
        double t = (double)i / rate;
        bool is_on = i >= quiet && i < quiet + loud;
        double sample = is_on ? peak * sin(2 * G_PI * pitch_hz * t) : 0;
        for (unsigned c = 0; c < channels; c++)
            put(bytes, (uint32_t)(uint16_t)(int16_t)lrint(sample * 32767), 2);
    }
    g_autofree char *path = path_of(room, name);
    g_assert_true(g_file_set_contents(path, (const char *)bytes->data, (gssize)bytes->len, NULL));
}

static Room room_new(void)
{
    Room room = {.folder = g_dir_make_tmp("serambi-pack-XXXXXX", NULL)};
    g_assert_nonnull(room.folder);
    return room;
}

static void room_clear(Room *room)
{
    g_autoptr(GDir) dir = g_dir_open(room->folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = path_of(room, name);
        (void)g_remove(path);
    }
    g_assert_cmpint(g_rmdir(room->folder), ==, 0);
    g_free(room->folder);
}

static void record_all(const Room *room, const char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        record(room, names[i], RATE, 1, 300, 0.3);
}

/* "ticket a _ 0" : the recordings by name, a gap as _ for a comma and | for a sentence. */
static char *plan_with(const Pack *pack, const char *text, GError **error)
{
    g_autoptr(GArray) steps = pack_plan(pack, text, error);
    if (!steps)
        return NULL;
    g_autoptr(GString) said = g_string_new(NULL);
    for (guint i = 0; i < steps->len; i++) {
        const PackStep *step = &g_array_index(steps, PackStep, i);
        g_autofree char *name = g_path_get_basename(step->path);
        *strrchr(name, '.') = '\0';
        g_string_append_printf(said, "[%s]%s", name,
                               step->gap_ms > 200 ? "|"
                               : step->gap_ms > 0 ? "_"
                                                  : "");
    }
    return g_string_free(g_steal_pointer(&said), FALSE);
}

static char *plan(const Room *room, const char *language, const char *text, GError **error)
{
    g_autoptr(Pack) pack = pack_open(room->folder, language, error);
    return pack ? plan_with(pack, text, error) : NULL;
}

static void assert_plan(const Room *room, const char *language, const char *text,
                        const char *wanted)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *said = plan(room, language, text, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(said, ==, wanted);
}

static void assert_lacks(const Room *room, const char *language, const char *text, const char *word)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *said = plan(room, language, text, &error);
    g_assert_null(said);
    g_assert_error(error, REPORT_ERROR, REPORT_ERROR_NO_VOICE);
    g_autofree char *quoted = g_strdup_printf("\"%s\"", word);
    g_assert_nonnull(strstr(error->message, quoted));
}

static void test_plan(void)
{
    Room room = room_new();
    static const char *const names[] = {
        "Nomor Antrean.wav", "nomor.wav",    "A.wav",      "0.WAV", "1.wav", "2.wav", "3.wav",
        "silakan.wav",       "ke loket.wav", "notes.text", NULL};
    record_all(&room, names);
    assert_plan(&room, "id", "Nomor antrean A, 0, 1, 2. Silakan ke loket 3.",
                "[Nomor Antrean][A]_[0]_[1]_[2]|[silakan][ke loket][3]|");
    /* The longest wins, but not across a pause. */
    assert_plan(&room, "id", "NOMOR \xe2\x80\x94 antrean", "[Nomor Antrean]");
    assert_lacks(&room, "id", "Nomor, antrean", "antrean");
    /* A number that is not there is said by its digits. */
    assert_plan(&room, "id", "ke loket 12", "[ke loket][1][2]");
    assert_plan(&room, "id", "012", "[0][1][2]");
    assert_lacks(&room, "id", "Nomor 0x1", "0x1");
    assert_lacks(&room, "id", "ke loket 47", "47");
    assert_lacks(&room, "id", "Silakan ke loket umum", "umum");
    room_clear(&room);
}

static void record_numbers(const Room *room)
{
    for (int n = 0; n <= 900; n += n < 20 ? 1 : n < 100 ? 10 : 100) {
        g_autofree char *name = g_strdup_printf("%d.wav", n);
        record(room, name, RATE, 1, 300, 0.3);
    }
}

static void test_numbers(void)
{
    Room room = room_new();
    record_numbers(&room);
    static const struct {
        const char *language, *text, *wanted;
    } golden[] = {
        {"id", "7", "[7]"},
        {"id", "19", "[19]"},
        {"id", "20", "[20]"},
        {"id", "45", "[40][5]"},
        {"id", "100", "[100]"},
        {"id", "107", "[100][7]"},
        {"id", "999", "[900][90][9]"},
        {"id", "1000", "[1][0][0][0]"},
        {"en", "345", "[300][40][5]"},
        /* Without its "and" Arabic is said by digits. */
        {"ar", "45", "[4][5]"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(golden); i++)
        assert_plan(&room, golden[i].language, golden[i].text, golden[i].wanted);
    record(&room, "and.wav", RATE, 1, 300, 0.3);
    record(&room, "\xd9\x88.wav", RATE, 1, 300, 0.3);
    assert_plan(&room, "en", "345", "[300][and][40][5]");
    assert_plan(&room, "ar", "345", "[300][\xd9\x88][5][\xd9\x88][40]");
    /* Each number is said, with no piece missing and none twice. */
    g_autoptr(GError) error = NULL;
    g_autoptr(Pack) pack = pack_open(room.folder, "id", &error);
    for (int n = 1; n <= 999; n++) {
        g_autofree char *text = g_strdup_printf("%d", n);
        g_autofree char *said = plan_with(pack, text, &error);
        g_assert_no_error(error);
        int sum = 0;
        for (const char *at = said; at && *at; at = strchr(at, ']') + 1)
            sum += (int)g_ascii_strtoll(at + 1, NULL, 10);
        g_assert_cmpint(sum, ==, n);
    }
    room_clear(&room);
}

/* File names without vowel signs, text with them. */
static void test_arabic(void)
{
    Room room = room_new();
    static const char *const names[] = {"\xd8\xb1\xd9\x82\xd9\x85.wav", "3.wav", NULL};
    record_all(&room, names);
    g_autofree char *wanted = g_strdup_printf("[%s]_[3]", "\xd8\xb1\xd9\x82\xd9\x85");
    assert_plan(&room, "ar", "\xd8\xb1\xd9\x8e\xd9\x82\xd9\x92\xd9\x85\xd8\x8c 3", wanted);
    room_clear(&room);
}

static void test_folders(void)
{
    Room room = room_new();
    g_autoptr(GError) error = NULL;
    g_assert_null(pack_open("/nonexistent", "id", &error));
    g_assert_error(error, REPORT_ERROR, REPORT_ERROR_CANNOT_OPEN);
    g_clear_error(&error);
    g_assert_null(pack_open(room.folder, "id", &error));
    g_assert_error(error, REPORT_ERROR, REPORT_ERROR_CANNOT_OPEN);
    g_clear_error(&error);
    /* Of two that say the same it is always the same one. */
    static const char *const names[] = {"b.wav", "B.flac", "b.ogg", NULL};
    record_all(&room, names);
    assert_plan(&room, "en", "b", "[B]");
    for (int i = 0; i < PACK_CLIPS_MAX; i++) {
        g_autofree char *name = g_strdup_printf("word%d.wav", i);
        g_autofree char *path = path_of(&room, name);
        int fd = g_creat(path, 0600);
        g_assert_cmpint(fd, >=, 0);
        g_assert_true(g_close(fd, NULL));
    }
    g_assert_null(pack_open(room.folder, "id", &error));
    g_assert_error(error, REPORT_ERROR, REPORT_ERROR_CANNOT_OPEN);
    room_clear(&room);
}

static void test_too_much(void)
{
    Room room = room_new();
    static const char *const names[] = {"a.wav", NULL};
    record_all(&room, names);
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i <= PACK_STEPS_MAX; i++)
        g_string_append(text, "a, ");
    assert_lacks(&room, "en", text->str, "a");
    g_autoptr(GError) error = NULL;
    g_assert_null(plan(&room, "en", " ... ", &error));
    g_assert_error(error, REPORT_ERROR, REPORT_ERROR_USAGE);
    room_clear(&room);
}

/* --- Sound ---------------------------------------------------------------------------------- */

static float *say(const Room *room, const char *text, size_t *ret_count, GError **error)
{
    g_autoptr(Pack) pack = pack_open(room->folder, "id", error);
    g_autoptr(GArray) steps = pack ? pack_plan(pack, text, error) : NULL;
    float *samples = NULL;
    if (steps && splice_clips(steps, room->folder, &samples, ret_count, error))
        return samples;
    return NULL;
}

static void convert(const Room *room, const char *from, const char *to)
{
    g_autofree char *input = path_of(room, from), *output = path_of(room, to);
    const char *arguments[] = {"-y", "-i", input, output, NULL};
    FfmpegRun run = {.program = "ffmpeg", .arguments = arguments, .input_fd = -1};
    g_autoptr(GError) error = NULL;
    g_assert_true(ffmpeg_run(&run, &error));
    g_remove(input);
}

static double level_at(const float *samples, size_t from_ms, size_t to_ms)
{
    double sum = 0;
    for (size_t i = from_ms * RATE / 1000; i < to_ms * RATE / 1000; i++)
        sum += (double)samples[i] * samples[i];
    return 10 * log10(sum / (double)((to_ms - from_ms) * RATE / 1000) + 1e-12);
}

/* Where sound begins and ends, by turns, in ms; sound is louder than -40 dB within 5 ms. */
static GArray *edges(const float *samples, size_t count)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(size_t));
    bool is_on = false;
    for (size_t ms = 0; ms + 5 <= count * 1000 / RATE; ms++) {
        bool is_loud = level_at(samples, ms, ms + 5) > -40;
        if (is_loud != is_on)
            g_array_append_val(list, ms);
        is_on = is_loud;
    }
    return list;
}

/* Three recordings of other rates, channels, forms and levels sound as one: the same length of
 * tone, the same loudness, the pauses that were asked for, and no click. */
static void test_join(void)
{
    Room room = room_new();
    record(&room, "satu.wav", 44100, 2, 300, 0.9);
    record(&room, "dua.wav", 16000, 1, 450, 0.02);
    record(&room, "tiga.wav", RATE, 1, 250, 0.3);
    convert(&room, "satu.wav", "satu.flac");
    convert(&room, "dua.wav", "dua.ogg");
    g_autoptr(GError) error = NULL;
    size_t count = 0;
    g_autofree float *samples = say(&room, "satu, dua. tiga tiga", &count, &error);
    g_assert_no_error(error);
    g_autoptr(GArray) found = edges(samples, count);
    g_assert_cmpuint(found->len, ==, 8);
    double first_db = 0;
    for (guint i = 0; i < 4; i++) {
        size_t from = g_array_index(found, size_t, 2 * i);
        size_t to = g_array_index(found, size_t, 2 * i + 1);
        g_assert_cmpuint(to - from, >, TONE_MS - 25);
        g_assert_cmpuint(to - from, <, TONE_MS + 40);
        double level_db = level_at(samples, from + 30, from + 200);
        first_db = i ? first_db : level_db;
        g_assert_cmpfloat(fabs(level_db - first_db), <, 1);
    }
    /* What was asked for, and the air that each has around it. */
    size_t comma = g_array_index(found, size_t, 2) - g_array_index(found, size_t, 1);
    size_t sentence = g_array_index(found, size_t, 4) - g_array_index(found, size_t, 3);
    size_t none = g_array_index(found, size_t, 6) - g_array_index(found, size_t, 5);
    g_assert_cmpuint(comma, >, none + 110);
    g_assert_cmpuint(sentence, >, comma + 130);
    /* A sine of 450 Hz at -20 dB moves by 0.0083 a sample; a cut in one would be a hundred times
     * that. */
    for (size_t i = 1; i < count; i++)
        g_assert_cmpfloat(fabsf(samples[i] - samples[i - 1]), <, 0.012);
    g_assert_cmpfloat(fabsf(samples[0]), <, 0.001);
    g_assert_cmpfloat(fabsf(samples[count - 1]), <, 0.001);
    room_clear(&room);
}

/* One cut off in the middle of its sound begins and ends softly all the same. */
static void test_cut_off(void)
{
    Room room = room_new();
    record(&room, "satu.wav", RATE, 1, 300, 0.5);
    g_autofree char *path = path_of(&room, "satu.wav");
    char *bytes = NULL;
    gsize size = 0;
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    /* Without the silence at both ends. */
    size_t silence = RATE * SILENCE_MS / 1000 * 2;
    memmove(bytes + 44, bytes + 44 + silence + 62, size - 44 - silence - 62);
    g_assert_true(g_file_set_contents(path, bytes, (gssize)(size - 2 * silence - 124), NULL));
    g_free(bytes);
    g_autoptr(GError) error = NULL;
    size_t count = 0;
    g_autofree float *samples = say(&room, "satu satu", &count, &error);
    g_assert_no_error(error);
    for (size_t i = 1; i < count; i++)
        g_assert_cmpfloat(fabsf(samples[i] - samples[i - 1]), <, 0.012);
    room_clear(&room);
}

static void assert_silent_failure(const Room *room, int code)
{
    g_autoptr(GError) error = NULL;
    size_t count = 7;
    g_assert_null(say(room, "satu", &count, &error));
    g_assert_error(error, REPORT_ERROR, code);
    g_assert_cmpuint(count, ==, 7);
    g_autoptr(GDir) dir = g_dir_open(room->folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));)
        g_assert_false(g_str_has_suffix(name, ".raw")); /* nothing is left behind */
}

static void test_bad_recordings(void)
{
    Room room = room_new();
    g_autofree char *path = path_of(&room, "satu.wav");
    static const char *const garbage[] = {"", "RIFF", "this is no sound",
                                          "#EXTM3U\nfile:///etc/passwd\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(garbage); i++) {
        g_assert_true(g_file_set_contents(path, garbage[i], -1, NULL));
        assert_silent_failure(&room, REPORT_ERROR_PROGRAM);
    }
    record(&room, "satu.wav", RATE, 1, 300, 0);
    assert_silent_failure(&room, REPORT_ERROR_SHORT);
    room_clear(&room);
}

/* --- The job -------------------------------------------------------------------------------- */

static json_t *speak(const Room *room, const char *text, const char *wav)
{
    const char *worker = g_getenv("SERAMBI_WORKER");
    const char *argv[] = {worker,     "speak", "--language", "id", "--input", room->folder,
                          "--output", wav,     "--",         text, NULL};
    g_autofree char *said = NULL;
    int status = 0;
    g_autoptr(GError) error = NULL;
    g_assert_true(g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL,
                               &said, NULL, &status, &error));
    g_assert_cmpint(status, ==, 0);
    json_t *line = json_loads(said, 0, NULL);
    json_t *result = json_incref(json_object_get(line, "result"));
    json_decref(line);
    g_assert_nonnull(result);
    return result;
}

/* In its jail: with recordings where there are all, else synthesised from the first word on; both
 * equally loud. */
static void test_job(void)
{
    Room room = room_new(), out = room_new();
    record(&room, "satu.wav", RATE, 1, 300, 0.5);
    g_autofree char *wav = path_of(&out, "said.wav");
    json_auto_t *recorded = speak(&room, "Satu, satu, satu.", wav);
    g_assert_true(json_is_true(json_object_get(recorded, "recorded")));
    json_auto_t *spoken = speak(&room, "Satu, dua.", wav);
    g_assert_true(json_is_false(json_object_get(spoken, "recorded")));
    g_assert_nonnull(strstr(json_string_value(json_object_get(spoken, "why")), "dua"));
    g_autofree char *path = path_of(&room, "satu.wav");
    g_assert_true(g_file_set_contents(path, "broken", -1, NULL));
    json_auto_t *broken = speak(&room, "Satu, satu, satu.", wav);
    g_assert_true(json_is_false(json_object_get(broken, "recorded")));
    room_clear(&room);
    room_clear(&out);
}

static void test_loudness(void)
{
    Room room = room_new();
    record(&room, "satu.wav", RATE, 1, 300, 0.05);
    g_autoptr(GError) error = NULL;
    size_t count = 0;
    g_autofree float *samples = say(&room, "satu, satu. satu", &count, &error);
    g_assert_no_error(error);
    speech_finish(samples, &count);
    g_autoptr(Loudness) loudness = loudness_new(1);
    loudness_add(loudness, samples, count);
    double lufs = 0, peak_dbtp = 0;
    g_assert_true(loudness_measure(loudness, &lufs, &peak_dbtp, &error));
    g_assert_cmpfloat_with_epsilon(lufs, SPEECH_TARGET_LUFS, 0.5);
    g_assert_cmpfloat(peak_dbtp, <, -1);
    room_clear(&room);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pack/plan", test_plan);
    g_test_add_func("/pack/numbers", test_numbers);
    g_test_add_func("/pack/arabic", test_arabic);
    g_test_add_func("/pack/folders", test_folders);
    g_test_add_func("/pack/too-much", test_too_much);
    g_test_add_func("/splice/join", test_join);
    g_test_add_func("/splice/cut-off", test_cut_off);
    g_test_add_func("/splice/bad", test_bad_recordings);
    g_test_add_func("/splice/loudness", test_loudness);
    g_test_add_func("/speak/recorded", test_job);
    return g_test_run();
}
