/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Kept sentences: made once, by the voice that is there now, and not without end. The worker is the
 * real one; where it is not needed there is none. */
#include "media/screen/speech.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_WORKER "/nonexistent/worker"

typedef struct {
    char *data, *folder, *voice;
} Room;

static Room room_new(void)
{
    Room room = {.data = g_dir_make_tmp("serambi-speech-XXXXXX", NULL)};
    g_assert_nonnull(room.data);
    room.folder = g_build_filename(room.data, "speech", NULL);
    room.voice = g_build_filename(room.data, "voices", "en", NULL);
    return room;
}

static void remove_all(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *inside = g_build_filename(path, name, NULL);
        remove_all(inside);
    }
    (void)g_remove(path);
}

static void room_clear(Room *room)
{
    remove_all(room->data);
    g_free(room->data);
    g_free(room->folder);
    g_free(room->voice);
}

/* The length of what is said, in samples; 0 when it is not. */
static size_t say(const Room *room, const char *worker, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Sound) sound = speech_make(worker, room->folder, "en", text, -1, &error);
    g_assert_true((sound != NULL) == (error == NULL));
    return sound ? sound->count : 0;
}

static size_t count_kept(const Room *room, int64_t *ret_bytes)
{
    g_autoptr(GDir) dir = g_dir_open(room->folder, 0, NULL);
    size_t count = 0;
    *ret_bytes = 0;
    for (const char *name; dir && (name = g_dir_read_name(dir)); count++) {
        g_autofree char *path = g_build_filename(room->folder, name, NULL);
        struct stat status;
        g_assert_cmpint(stat(path, &status), ==, 0);
        *ret_bytes += status.st_size;
    }
    return count;
}

static void test_made_once(void)
{
    Room room = room_new();
    const char *worker = g_getenv("SERAMBI_WORKER");
    g_assert_cmpuint(say(&room, NO_WORKER, "One."), ==, 0);
    size_t length = say(&room, worker, "One.");
    g_assert_cmpuint(length, >, 0);
    g_assert_cmpuint(say(&room, NO_WORKER, "One."), ==, length);
    g_assert_cmpuint(say(&room, NO_WORKER, "Two."), ==, 0);
    /* Nothing half made stays. */
    int64_t bytes;
    g_assert_cmpuint(count_kept(&room, &bytes), ==, 1);
    room_clear(&room);
}

/* A silent stretch with a tone in it, 16 bit, 48 kHz, mono, of so many ms. */
static void record(const Room *room, const char *name, size_t ms)
{
    size_t count = ms * 48;
    g_autofree uint8_t *wav = g_malloc0(44 + 2 * count);
    static const uint8_t head[] = {'R', 'I', 'F', 'F', 0,    0,    0,   0,   'W',  'A',
                                   'V', 'E', 'f', 'm', 't',  ' ',  16,  0,   0,    0,
                                   1,   0,   1,   0,   0x80, 0xBB, 0,   0,   0x00, 0x77,
                                   1,   0,   2,   0,   16,   0,    'd', 'a', 't',  'a'};
    memcpy(wav, head, sizeof head);
    uint32_t bytes = (uint32_t)(2 * count), riff = bytes + 36;
    memcpy(wav + 4, &riff, 4);
    memcpy(wav + 40, &bytes, 4);
    for (size_t i = 0; i < count; i++)
        wav[44 + 2 * i + 1] = i / 60 % 2 ? 0x20 : 0xE0;
    g_assert_cmpint(g_mkdir_with_parents(room->voice, 0700), ==, 0);
    g_autofree char *path = g_build_filename(room->voice, name, NULL);
    g_assert_true(g_file_set_contents(path, (const char *)wav, (gssize)(44 + 2 * count), NULL));
}

/* A recorded voice is used from the moment it is there, and what it says is heard after each change
 * of it; what it lacks is synthesised as before. */
static void test_recorded_voice(void)
{
    Room room = room_new();
    const char *worker = g_getenv("SERAMBI_WORKER");
    size_t synthesised = say(&room, worker, "One.");
    record(&room, "one.wav", 2000);
    g_assert_cmpuint(say(&room, NO_WORKER, "One."), ==, 0); /* not the old voice */
    size_t recorded = say(&room, worker, "One.");
    g_assert_cmpuint(recorded, ==, 2000 * 48);
    g_assert_cmpuint(synthesised, !=, recorded);
    size_t both = say(&room, worker, "One, two.");
    g_assert_cmpuint(both, <, recorded);
    record(&room, "two.wav", 1000);
    g_assert_cmpuint(say(&room, worker, "One, two."), >=, 3000 * 48);
    remove_all(room.voice);
    g_assert_cmpuint(say(&room, NO_WORKER, "One."), ==, synthesised); /* kept all the while */
    room_clear(&room);
}

static void put_file(const Room *room, const char *name, int64_t bytes, int64_t age_s)
{
    g_autofree char *path = g_build_filename(room->folder, name, NULL);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, bytes), ==, 0);
    time_t then = time(NULL) - age_s;
    struct timespec times[2] = {{.tv_sec = then}, {.tv_sec = then}};
    g_assert_cmpint(futimens(fd, times), ==, 0);
    g_assert_cmpint(close(fd), ==, 0);
}

/* Too many, or too large: those go that nobody has needed for the longest time. */
static void test_limits(void)
{
    const char *worker = g_getenv("SERAMBI_WORKER");
    static const struct {
        int files;
        int64_t bytes;
    } cases[] = {{SPEECH_FILES_MAX, 10}, {5, SPEECH_BYTES_MAX / 4}};
    for (size_t c = 0; c < G_N_ELEMENTS(cases); c++) {
        Room room = room_new();
        size_t length = say(&room, worker, "One.");
        for (int i = 0; i < cases[c].files; i++) {
            g_autofree char *name = g_strdup_printf("old-%04d.wav", i);
            put_file(&room, name, cases[c].bytes, 1000 + i);
        }
        /* It was made first of all, and is used again now. */
        g_autoptr(GDir) dir = g_dir_open(room.folder, 0, NULL);
        for (const char *name; (name = g_dir_read_name(dir));)
            if (!g_str_has_prefix(name, "old-")) {
                g_autofree char *path = g_build_filename(room.folder, name, NULL);
                struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
                g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
            }
        g_assert_cmpuint(say(&room, NO_WORKER, "One."), ==, length);
        g_assert_cmpuint(say(&room, worker, "Two."), >, 0);
        int64_t bytes;
        size_t count = count_kept(&room, &bytes);
        g_assert_cmpuint(count, >=, 2);
        g_assert_cmpuint(count, <=, SPEECH_FILES_MAX / 2);
        g_assert_cmpint(bytes, <=, SPEECH_BYTES_MAX / 2);
        g_assert_cmpuint(say(&room, NO_WORKER, "One."), ==, length);
        g_assert_cmpuint(say(&room, NO_WORKER, "Two."), >, 0);
        g_autofree char *eldest =
            g_strdup_printf("%s/old-%04d.wav", room.folder, cases[c].files - 1);
        g_assert_false(g_file_test(eldest, G_FILE_TEST_EXISTS));
        room_clear(&room);
    }
}

static void test_refusals(void)
{
    Room room = room_new();
    g_autofree char *long_text = g_strnfill(SPEECH_TEXT_MAX + 1, 'a');
    const char *const bad[][2] = {
        {"en", ""}, {"fr", "Bonjour."}, {"../en", "Hello."}, {"en", "\xff"}, {"en", long_text}};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(speech_make(NO_WORKER, room.folder, bad[i][0], bad[i][1], -1, &error));
        g_assert_error(error, SPEECH_ERROR, SPEECH_ERROR_TEXT);
    }
    room_clear(&room);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/speech/made-once", test_made_once);
    g_test_add_func("/speech/recorded-voice", test_recorded_voice);
    g_test_add_func("/speech/limits", test_limits);
    g_test_add_func("/speech/refusals", test_refusals);
    return g_test_run();
}
