/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The library in a real host, with a worker that does what the uploaded file tells it. */
#include "plugins/testing.h"
#include "plugins/tutorials/tutorials.h"
#include <glib/gstdio.h>

#define LIST "tutorials:list"
#define WORK "tutorials:work"
#define ALL  "GET /api/tutorials/all"

/* Speaks like serambi-media. A file that holds "fail-<step>" or "die-<step>" ends that step, with a
 * reason or without; "odd-<thing>" makes a manifest that must not be believed. */
static const char worker_script[] =
    "#!/bin/sh\n"
    "step=$1\n"
    "if [ $step = slide ]; then input=$2; fi\n"
    "if [ $step = compose ]; then input=$2; output=$4; elif [ $step != slide ]; then input=$3; "
    "output=$5; fi\n"
    "text=$(cat \"$input\")\n"
    "case $text in\n"
    "*fail-$step*) echo '{\"error\":{\"code\":\"too_long\",\"message\":\"said '$step'\"}}'; exit "
    "1;;\n"
    "*die-$step*) exit 1;;\n"
    "*mute-$step*) exit 0;;\n"
    "esac\n"
    "master=master.mp4 frames=75 duration=3000000\n"
    "case $text in\n"
    "*odd-path*) master=../master.mp4;;\n"
    "*odd-dot*) master=.master.mp4;;\n"
    "*odd-frames*) frames=0;;\n"
    "*odd-duration*) duration=0;;\n"
    "*odd-missing*) master=gone.mp4;;\n"
    "esac\n"
    "case $step in\n"
    "slide) echo '{\"result\":{\"problems\":[],\"line\":'$4'}}';;\n"
    "picture) cp \"$input\" \"$output/picture.png\"; echo "
    "'{\"result\":{\"file\":\"picture.png\"}}';;\n"
    "recording) echo '{\"error\":{\"code\":\"too_short\",\"message\":\"silence\"}}'; exit 1;;\n"
    "probe) sum=$(sha256sum < \"$input\")\n"
    "  echo '{\"result\":{\"duration_us\":3000000,\"sha256\":\"'${sum%% *}'\"}}';;\n"
    "prepare|compose)\n"
    "  echo '{\"progress\":{\"percent\":41.5,\"eta_seconds\":7}}'\n"
    "  cp \"$input\" \"$output/master.mp4\"; cp \"$input\" \"$output/.master.mp4\"\n"
    "  cp \"$input\" \"$output/gone.mp4\"\n"
    "  echo strip > \"$output/strip.jpg\"\n"
    "  echo poster \"$text\" > \"$output/poster.jpg\"\n"
    "  echo WEBVTT \"$text\" > \"$output/id.vtt\"; echo '{\"cues\":[]}' > \"$output/id.json\"\n"
    "  captions='{\"id\":{\"vtt\":\"id.vtt\",\"json\":\"id.json\"}}'\n"
    "  case $text in bare*) captions={};; esac\n"
    "  words=; [ $step = compose ] && words='\"title\":{\"id\":\"Pinjam\",\"en\":\"Borrow\"},"
    "\"summary\":{\"id\":\"Cara\"},'\n"
    "  echo '{\"result\":{'$words'\"master\":\"'$master'\",\"poster\":\"poster.jpg\",\"frames\":'"
    "$frames',\"duration_us\":'$duration',\"strip\":{\"file\":\"strip.jpg\",\"columns\":10},\"gain_"
    "db\":-4.5,\"captions\":'$captions'}}';;\n"
    "shrink)\n"
    "  echo small > \"$output/small.mp4\"; echo '{\"result\":{\"small\":\"small.mp4\"}}';;\n"
    "prove)\n"
    "  [ \"$4 $5\" = '--frames 75' ] || exit 3\n"
    "  case $text in *odd-missing*) rm \"$input\";; esac\n"
    "  echo '{\"result\":{\"frames\":75,\"speed\":9.5}}';;\n"
    "esac\n";

typedef struct {
    Kit *kit;
    char *folder, *worker;
} Studio;

static Studio *studio_new(const SerambiPlugin *plugin)
{
    Studio *studio = g_new0(Studio, 1);
    studio->folder = g_dir_make_tmp("serambi-worker-XXXXXX", NULL);
    studio->worker = g_build_filename(studio->folder, "worker", NULL);
    g_assert_true(g_file_set_contents(studio->worker, worker_script, -1, NULL));
    g_assert_cmpint(g_chmod(studio->worker, 0700), ==, 0);
    studio->kit = kit_new_with(plugin, NULL, studio->worker);
    g_assert_cmpstr(kit_reason(studio->kit), ==, NULL);
    return studio;
}

static void studio_free(Studio *studio)
{
    kit_free(studio->kit);
    g_assert_cmpint(g_unlink(studio->worker), ==, 0);
    g_assert_cmpint(g_rmdir(studio->folder), ==, 0);
    g_free(studio->folder);
    g_free(studio->worker);
    g_free(studio);
}

static void upload(Kit *kit, const char *kind, const char *filename, const char *bytes)
{
    kit_upload(kit, kind, filename, bytes, strlen(bytes), NULL);
}

/* How many entries lie in a work folder of the data folder. */
static guint count_files(Kit *kit, const char *owner)
{
    g_autofree char *path = g_build_filename(kit_data_folder(kit), "work", owner, NULL);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    guint count = 0;
    while (folder && g_dir_read_name(folder))
        count++;
    return count;
}

static void assert_clean(Kit *kit)
{
    kit_run(kit);
    g_assert_cmpuint(count_files(kit, "tutorials"), ==, 0);
    g_assert_cmpuint(count_files(kit, "uploads"), ==, 0);
}

/* That a hash names a kept file with these bytes. */
static void assert_kept(Kit *kit, const char *hash, const char *bytes)
{
    g_assert_nonnull(hash);
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, bytes, -1);
    g_assert_cmpstr(hash, ==, sum);
    char two[3] = {hash[0], hash[1], '\0'};
    g_autofree char *path = g_build_filename(kit_data_folder(kit), "media", two, hash, NULL);
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));
}

/* The states that an item went through on the channel of work, "received preparing". */
static char *history(Kit *kit)
{
    g_autoptr(GString) states = g_string_new(NULL);
    const char *last = "";
    size_t index;
    json_t *message;
    json_array_foreach(kit_published(kit, WORK), index, message)
    {
        const char *state = text_at(message, "items.0.state");
        if (state && strcmp(state, last)) {
            g_string_append_printf(states, "%s%s", states->len ? " " : "", state);
            last = state;
        }
    }
    return g_string_free(g_steal_pointer(&states), FALSE);
}

/* --- From upload to clip -------------------------------------------------------------------------
 */

static void test_video(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "video", "cara-pinjam.v2.mp4", "moving pictures");
    const json_t *list = kit_newest(kit, LIST);
    g_assert_cmpuint(json_array_size(at(list, "tutorials")), ==, 1);
    g_assert_cmpstr(text_at(list, "tutorials.0.title.id"), ==, "cara-pinjam.v2");
    g_assert_cmpint(number_at(list, "tutorials.0.duration_us"), ==, 3000000);
    g_assert_cmpfloat(json_real_value(at(list, "tutorials.0.gain_db")), ==, -4.5);
    g_assert_cmpstr(text_at(list, "tutorials.0.languages.0"), ==, "id");
    assert_kept(kit, text_at(list, "tutorials.0.media"), "moving pictures");
    assert_kept(kit, text_at(list, "tutorials.0.poster"), "poster moving pictures\n");
    assert_kept(kit, text_at(list, "tutorials.0.captions.id"), "WEBVTT moving pictures\n");
    assert_kept(kit, text_at(list, "tutorials.0.cues.id"), "{\"cues\":[]}\n");
    assert_kept(kit, text_at(list, "tutorials.0.strip.media"), "strip\n");
    assert_kept(kit, text_at(list, "tutorials.0.small"), "small\n");
    g_assert_null(at(list, "tutorials.0.filename"));
    g_autofree char *states = history(kit);
    g_assert_cmpstr(states, ==, "received preparing proving");
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, WORK), "items")), ==, 0);
    /* Nothing was offered before it was proved: an empty list at the start, then the clip, and at
     * last its small rendition. */
    const json_t *lists = kit_published(kit, LIST);
    g_assert_cmpuint(json_array_size(lists), ==, 3);
    g_assert_true(json_is_null(at(lists, "1.tutorials.0.small")));
    g_assert_cmpstr(text_at(lists, "1.tutorials.0.media"), ==, text_at(list, "tutorials.0.media"));
    json_auto_t *read = ask(kit, SERAMBI_PUBLIC, 200, "GET /api/tutorials/", NULL);
    g_assert_true(json_equal(read, list));
    json_auto_t *all = ask(kit, SERAMBI_COUNTER, 200, ALL, NULL);
    g_assert_cmpstr(text_at(all, "tutorials.0.state"), ==, "ready");
    g_assert_cmpint(number_at(all, "tutorials.0.percent"), ==, 100);
    g_assert_cmpstr(text_at(all, "tutorials.0.filename"), ==, "cara-pinjam.v2.mp4");
    assert_clean(kit);
    studio_free(studio);
}

static void test_progress(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    upload(studio->kit, "video", "a.mp4", "x");
    bool is_seen = false;
    size_t index;
    json_t *message;
    json_array_foreach(kit_published(studio->kit, WORK), index, message) is_seen =
        is_seen ||
        (json_array_size(at(message, "items")) > 0 && number_at(message, "items.0.percent") == 41 &&
         number_at(message, "items.0.eta_seconds") == 7);
    g_assert_true(is_seen);
    studio_free(studio);
}

static void test_storyboard(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "storyboard", "pinjam.story", "title: Pinjam");
    const json_t *clip = at(kit_newest(kit, LIST), "tutorials.0");
    g_assert_cmpstr(text_at(clip, "title.en"), ==, "Borrow");
    g_assert_cmpstr(text_at(clip, "title.id"), ==, "Pinjam");
    g_assert_cmpstr(text_at(clip, "summary.id"), ==, "Cara");
    assert_kept(kit, text_at(clip, "media"), "title: Pinjam");
    assert_clean(kit);
    studio_free(studio);
}

static void test_same_file_twice(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "video", "one.mp4", "same");
    kit_forget(kit);
    upload(kit, "video", "two.mp4", "same");
    g_assert_cmpuint(json_array_size(kit_published(kit, LIST)), ==, 0);
    json_auto_t *all = ask(kit, SERAMBI_EDITOR, 200, ALL, NULL);
    g_assert_cmpstr(text_at(all, "tutorials.0.reason.code"), ==, "tutorials.already_here");
    g_assert_nonnull(strstr(text_at(all, "tutorials.0.reason.message"), "number 1"));
    g_assert_false(json_is_true(at(all, "tutorials.0.may_retry")));
    g_autofree char *states = history(kit);
    g_assert_cmpstr(states, ==, "received failed"); /* nothing was prepared */
    /* The same recording in its own place is no news; in the place of another clip it is. */
    kit_upload(kit, "video", "two.mp4", "same", 4, json_pack("{s:s}", "replaces", "1"));
    upload(kit, "video", "three.mp4", "other");
    kit_upload(kit, "video", "two.mp4", "same", 4, json_pack("{s:s}", "replaces", "4"));
    const json_t *list = kit_newest(kit, LIST);
    g_assert_cmpuint(json_array_size(at(list, "tutorials")), ==, 2);
    g_assert_cmpstr(text_at(list, "tutorials.0.media"), ==, text_at(list, "tutorials.1.media"));
    /* What lies in the trash is not here. */
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "DELETE /api/tutorials/1", NULL));
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "DELETE /api/tutorials/4", NULL));
    upload(kit, "video", "four.mp4", "same");
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "tutorials")), ==, 1);
    assert_clean(kit);
    studio_free(studio);
}

static void test_failures(void)
{
    static const struct {
        const char *kind, *bytes, *code, *message;
    } table[] = {
        {"video", "fail-probe", "tutorials.too_long", "said probe"},
        {"video", "fail-prepare", "tutorials.too_long", "said prepare"},
        {"video", "fail-prove", "tutorials.too_long", "said prove"},
        {"video", "die-probe", "tutorials.worker", NULL},
        {"video", "die-prepare", "tutorials.worker", NULL},
        {"video", "die-prove", "tutorials.worker", NULL},
        {"video", "mute-probe", "tutorials.worker", NULL},
        {"video", "mute-prove", "tutorials.worker", NULL},
        {"video", "odd-path", "tutorials.worker", NULL},
        {"video", "odd-dot", "tutorials.worker", NULL},
        {"video", "odd-frames", "tutorials.worker", NULL},
        {"video", "odd-duration", "tutorials.worker", NULL},
        {"video", "odd-missing", "tutorials.worker", NULL},
        {"storyboard", "fail-compose", "tutorials.too_long", "said compose"},
        {"storyboard", "die-compose", "tutorials.worker", NULL},
        {"storyboard", "fail-prove", "tutorials.too_long", "said prove"},
    };
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    guint kept = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        upload(kit, table[i].kind, "clip.mp4", table[i].bytes);
        json_auto_t *all = ask(kit, SERAMBI_EDITOR, 200, ALL, NULL);
        const json_t *clip = at(all, "tutorials.0"); /* the newest first */
        g_assert_cmpint(number_at(clip, "id"), ==, i + 1);
        g_assert_cmpstr(text_at(clip, "state"), ==, "failed");
        g_assert_cmpstr(text_at(clip, "reason.code"), ==, table[i].code);
        g_assert_nonnull(text_at(clip, "reason.message"));
        if (table[i].message)
            g_assert_cmpstr(text_at(clip, "reason.message"), ==, table[i].message);
        /* What it is will not change; what happened to it may. */
        bool is_final = !strcmp(table[i].code, "tutorials.too_long");
        g_assert_cmpint(json_is_true(at(clip, "may_retry")), ==, !is_final);
        kit_run(kit);
        g_assert_cmpuint(count_files(kit, "tutorials"), ==, 0);
        kept += !is_final;
        g_assert_cmpuint(count_files(kit, "uploads"), ==, kept);
    }
    g_assert_cmpuint(json_array_size(kit_published(kit, LIST)), ==, 1);
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "tutorials")), ==, 0);
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, WORK), "items")), ==, G_N_ELEMENTS(table));
    studio_free(studio);
}

/* --- The small rendition -------------------------------------------------------------------------
 */

/* Without one a clip is as good. */
static void test_small_fails(void)
{
    static const char *const words[] = {"fail-shrink", "die-shrink", "mute-shrink"};
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        upload(kit, "video", "a.mp4", words[i]);
        const json_t *list = at(kit_newest(kit, LIST), "tutorials");
        g_assert_cmpuint(json_array_size(list), ==, i + 1);
        g_assert_true(json_is_null(json_object_get(json_array_get(list, i), "small")));
        assert_clean(kit);
    }
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, WORK), "items")), ==, 0);
    /* It is not tried again and again. */
    kit_forget(kit);
    kit_restart(kit);
    kit_run(kit);
    g_assert_cmpuint(json_array_size(kit_published(kit, LIST)), ==, 1);
    studio_free(studio);
}

/* As a killed server leaves it, and as clips were before there were any. */
static bool lose_small(Store *store, void *data)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *rows = store_query(
        store, &error, "UPDATE tutorials_clip SET manifest = json_remove(manifest, '$.small')", "");
    g_assert_no_error(error);
    return rows != NULL;
}

static void test_small_after_restart(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "video", "a.mp4", "one");
    upload(kit, "video", "b.mp4", "two");
    store_write(kit_store(kit), lose_small, NULL, NULL);
    kit_run(kit);
    kit_forget(kit);
    kit_restart(kit);
    kit_run(kit);
    const json_t *first = json_array_get(kit_published(kit, LIST), 0),
                 *last = kit_newest(kit, LIST);
    g_assert_true(json_is_null(at(first, "tutorials.0.small")));
    assert_kept(kit, text_at(last, "tutorials.0.small"), "small\n");
    assert_kept(kit, text_at(last, "tutorials.1.small"), "small\n");
    assert_clean(kit);
    studio_free(studio);
}

static void test_titles(void)
{
    static const struct {
        const char *filename, *given, *title;
    } table[] = {
        {"pinjam.mp4", NULL, "pinjam"},
        {"pinjam", NULL, "pinjam"},
        {".mp4", NULL, ".mp4"},
        {"a.b.c", NULL, "a.b"},
        {"pinjam.mp4", "Cara pinjam", "Cara pinjam"},
        {"pinjam.mp4", "  ", "pinjam"},
        {"a\nb\x1b.mp4", NULL, "ab"},
        {"", NULL, "\xe2\x80\xa6"},
    };
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        json_t *metadata = table[i].given ? json_pack("{s:s}", "title", table[i].given) : NULL;
        kit_upload(kit, "video", table[i].filename, "die-probe", 9, metadata);
        json_auto_t *all = ask(kit, SERAMBI_EDITOR, 200, ALL, NULL);
        g_assert_cmpstr(text_at(all, "tutorials.0.title.id"), ==, table[i].title);
    }
    g_autofree char *long_name = g_strnfill(250, 'n');
    upload(kit, "video", long_name, "die-probe");
    json_auto_t *all = ask(kit, SERAMBI_EDITOR, 200, ALL, NULL);
    g_assert_cmpuint(strlen(text_at(all, "tutorials.0.title.id")), ==, 120);
    studio_free(studio);
}

/* --- Restart -------------------------------------------------------------------------------------
 */

typedef struct {
    Kit *kit;
    char *path, *folder, *output;
} Interrupted;

/* A row as a killed server leaves it: half way, with upload and half a result. */
static bool insert_interrupted(Store *store, void *data)
{
    const Interrupted *left = data;
    g_autoptr(GError) error = NULL;
    json_auto_t *rows = store_query(
        store, &error,
        "INSERT INTO tutorials_clip (id, kind, state, title, summary, filename, upload, path,"
        " folder, output, captions, duration_us, percent, created_us, author)"
        " VALUES (7, 'video', 'proving', '{\"id\":\"J\"}', '{}', 'j.mp4', 'u7', $1, $2, $3, '{}',"
        " 0, 30, 5, 'editor')",
        "sss", left->path, left->folder, left->output);
    g_assert_no_error(error);
    return rows != NULL;
}

static void test_restart_in_the_middle(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    Interrupted left = {.kit = kit};
    left.folder = g_build_filename(kit_data_folder(kit), "work", "uploads", "u7", NULL);
    left.output = g_build_filename(kit_data_folder(kit), "work", "tutorials", "half", NULL);
    left.path = g_build_filename(left.folder, "file", NULL);
    g_assert_cmpint(g_mkdir_with_parents(left.folder, 0700), ==, 0);
    g_assert_cmpint(g_mkdir_with_parents(left.output, 0700), ==, 0);
    g_assert_true(g_file_set_contents(left.path, "again", -1, NULL));
    store_write(kit_store(kit), insert_interrupted, NULL, &left);
    kit_run(kit);
    kit_forget(kit);
    kit_restart(kit);
    g_autofree char *states = history(kit);
    g_assert_cmpstr(states, ==, "proving preparing proving");
    const json_t *clip = at(kit_newest(kit, LIST), "tutorials.0");
    g_assert_cmpint(number_at(clip, "id"), ==, 7);
    assert_kept(kit, text_at(clip, "media"), "again");
    assert_clean(kit);
    /* What is ready stays so. */
    kit_forget(kit);
    kit_restart(kit);
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "tutorials")), ==, 1);
    g_assert_cmpuint(json_array_size(kit_published(kit, LIST)), ==, 1);
    g_free(left.folder);
    g_free(left.output);
    g_free(left.path);
    studio_free(studio);
}

/* --- Trash ---------------------------------------------------------------------------------------
 */

/* Deletes a clip when it is seen in a state for the first time, as an editor might. */
static const char *doomed_state;
static bool is_restored_at_once, is_cancelled_only;

static void on_work(Serambi *self, const char *channel, const json_t *body)
{
    if (!doomed_state || g_strcmp0(text_at(body, "items.0.state"), doomed_state))
        return;
    doomed_state = NULL;
    g_autoptr(GError) error = NULL;
    if (is_cancelled_only) { /* as attempts_cancel() does */
        json_auto_t *stopped =
            serambi_query(self, &error, "UPDATE tutorials_clip SET state = 'failed'", "");
        g_assert_nonnull(stopped);
        ingest_cancel(self, 1);
        return;
    }
    json_auto_t *rows =
        serambi_query(self, &error, "UPDATE tutorials_clip SET deleted_us = $1 WHERE id = 1", "i",
                      (int64_t)(is_restored_at_once ? 0 : 1));
    if (is_restored_at_once) {
        json_auto_t *back =
            serambi_query(self, &error, "UPDATE tutorials_clip SET deleted_us = NULL", "");
        g_assert_nonnull(back);
    }
    g_assert_no_error(error);
    g_assert_nonnull(rows);
    ingest_cancel(self, 1);
}

static const SerambiWatch spies[] = {
    {WORK, on_work},
    {0},
};

static void test_delete_during_work(void)
{
    static const char *const states[] = {"received", "preparing", "proving"};
    SerambiPlugin spied = serambi_plugin;
    spied.watches = spies;
    for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
        Studio *studio = studio_new(&spied);
        Kit *kit = studio->kit;
        doomed_state = states[i];
        upload(kit, "video", "a.mp4", "not so fast");
        g_assert_null(doomed_state);
        json_auto_t *all = ask(kit, SERAMBI_EDITOR, 200, ALL, NULL);
        g_assert_cmpuint(json_array_size(at(all, "tutorials")), ==, 0);
        g_assert_cmpuint(json_array_size(kit_published(kit, LIST)), ==, 1);
        kit_run(kit);
        g_assert_cmpuint(count_files(kit, "tutorials"), ==, 0);
        g_assert_cmpuint(count_files(kit, "uploads"), ==, 1);
        /* In the trash nothing works, also not after a restart; restored, it begins again. */
        kit_restart(kit);
        g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "tutorials")), ==, 0);
        json_decref(ask(kit, SERAMBI_EDITOR, 200, "POST /api/tutorials/1/restore", NULL));
        g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "tutorials")), ==, 1);
        assert_clean(kit);
        studio_free(studio);
    }
}

/* Deleted and restored before the worker had noticed. */
static void test_restore_during_work(void)
{
    SerambiPlugin spied = serambi_plugin;
    spied.watches = spies;
    Studio *studio = studio_new(&spied);
    doomed_state = "preparing";
    is_restored_at_once = true;
    upload(studio->kit, "video", "a.mp4", "changed my mind");
    is_restored_at_once = false;
    g_assert_cmpuint(json_array_size(at(kit_newest(studio->kit, LIST), "tutorials")), ==, 1);
    assert_clean(studio->kit);
    studio_free(studio);
}

static void test_trash(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "video", "a.mp4", "one");
    upload(kit, "video", "b.mp4", "die-probe");
    json_auto_t *before = json_deep_copy(kit_newest(kit, LIST));
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "DELETE /api/tutorials/1", NULL));
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "DELETE /api/tutorials/2", NULL));
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "tutorials")), ==, 0);
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, WORK), "items")), ==, 0);
    ask_refused(kit, SERAMBI_EDITOR, 404, "tutorials.unknown", "DELETE /api/tutorials/1", NULL);
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "POST /api/tutorials/1/restore", NULL));
    json_auto_t *failed = ask(kit, SERAMBI_EDITOR, 200, "POST /api/tutorials/2/restore", NULL);
    g_assert_cmpstr(text_at(failed, "state"), ==, "failed");
    g_assert_true(json_equal(kit_newest(kit, LIST), before));
    ask_refused(kit, SERAMBI_EDITOR, 404, "tutorials.unknown", "POST /api/tutorials/1/restore",
                NULL);
    ask_refused(kit, SERAMBI_EDITOR, 404, "tutorials.unknown", "DELETE /api/tutorials/x", NULL);
    studio_free(studio);
}

/* --- Words and roles -----------------------------------------------------------------------------
 */

static json_t *words(const char *language, const char *title, const char *summary)
{
    return json_pack("{s:{s:s}, s:{s:s}}", "title", language, title, "summary", language, summary);
}

static void test_edit(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "video", "a.mp4", "one");
    static const char path[] = "POST /api/tutorials/1";
    json_auto_t *clip = ask(kit, SERAMBI_EDITOR, 200, path, words("ar", "كيف أستعير", "سطر\nآخر"));
    g_assert_cmpstr(text_at(clip, "title.ar"), ==, "كيف أستعير");
    g_assert_null(at(clip, "title.id"));
    g_assert_true(json_equal(at(kit_newest(kit, LIST), "tutorials.0.title"), at(clip, "title")));
    g_autofree char *long_title = g_strnfill(121, 't');
    g_autofree char *long_summary = g_strnfill(1001, 's');
    static const char code[] = "tutorials.bad_words";
    ask_refused(kit, SERAMBI_EDITOR, 422, code, path, NULL);
    ask_refused(kit, SERAMBI_EDITOR, 422, code, path, words("id", "", "x"));
    ask_refused(kit, SERAMBI_EDITOR, 422, code, path, words("id", " \n ", "x"));
    ask_refused(kit, SERAMBI_EDITOR, 422, code, path, words("fr", "bonjour", "x"));
    ask_refused(kit, SERAMBI_EDITOR, 422, code, path, words("id", "a\x1b[2J", "x"));
    ask_refused(kit, SERAMBI_EDITOR, 422, code, path, words("id", long_title, "x"));
    ask_refused(kit, SERAMBI_EDITOR, 422, code, path, words("id", "x", long_summary));
    ask_refused(kit, SERAMBI_EDITOR, 404, "tutorials.unknown", "POST /api/tutorials/9",
                words("id", "x", "y"));
    /* Empty, ready, with its small rendition, with its new words. */
    g_assert_cmpuint(json_array_size(kit_published(kit, LIST)), ==, 4);
    studio_free(studio);
}

static void test_roles(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "video", "a.mp4", "one");
    static const struct {
        uint32_t role;
        int all, write;
    } table[] = {
        {SERAMBI_PUBLIC, 401, 401}, {SERAMBI_DISPLAY, 403, 403}, {SERAMBI_COUNTER, 200, 403},
        {SERAMBI_EDITOR, 200, 200}, {SERAMBI_ADMIN, 200, 200},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        uint32_t role = table[i].role;
        json_decref(ask(kit, role, 200, "GET /api/tutorials/", NULL));
        json_decref(ask(kit, role, table[i].all, ALL, NULL));
        json_decref(ask(kit, role, table[i].write, "POST /api/tutorials/1", words("id", "T", "S")));
        json_decref(ask(kit, role, table[i].write, "DELETE /api/tutorials/1", NULL));
        json_decref(ask(kit, role, table[i].write, "POST /api/tutorials/1/restore", NULL));
    }
    for (const SerambiUpload *kind = serambi_plugin.uploads; kind->name; kind++)
        g_assert_cmpuint(kind->roles, ==, SERAMBI_EDITOR | SERAMBI_ADMIN);
    studio_free(studio);
}

/* --- Captions ------------------------------------------------------------------------------------
 */

#define GOOD_VTT "WEBVTT\n\n00:00.500 --> 00:02.000\nSerahkan <b>buku</b>.\n"

static void test_captions(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "video", "a.mp4", "bare");
    /* With sound, without captions: nobody sees it until somebody says why. */
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "tutorials")), ==, 0);
    json_auto_t *all = ask(kit, SERAMBI_EDITOR, 200, ALL, NULL);
    g_assert_true(json_is_true(at(all, "tutorials.0.needs_captions")));
    static const char waiver[] = "POST /api/tutorials/1/waiver";
    ask_refused(kit, SERAMBI_EDITOR, 422, "tutorials.bad_waiver", waiver,
                json_pack("{s:s}", "waiver", "lazy"));
    json_decref(ask(kit, SERAMBI_EDITOR, 200, waiver, json_pack("{s:s}", "waiver", "no_speech")));
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "tutorials")), ==, 1);
    json_decref(ask(kit, SERAMBI_EDITOR, 200, waiver, json_pack("{s:n}", "waiver")));
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "tutorials")), ==, 0);

    static const char save[] = "POST /api/tutorials/1/captions/ar";
    json_auto_t *saved = ask(kit, SERAMBI_EDITOR, 200, save, json_pack("{s:s}", "text", GOOD_VTT));
    g_assert_cmpuint(json_array_size(at(saved, "warnings")), ==, 0);
    const json_t *list = kit_newest(kit, LIST);
    assert_kept(kit, text_at(list, "tutorials.0.captions.ar"),
                "WEBVTT\n\n1\n00:00:00.500 --> 00:00:02.000\nSerahkan <b>buku</b>.\n");
    json_auto_t *srt =
        ask(kit, SERAMBI_PUBLIC, 200, "GET /api/tutorials/1/captions/ar?format=srt", NULL);
    g_assert_cmpstr(text_at(srt, "text"), ==,
                    "1\n00:00:00,500 --> 00:00:02,000\nSerahkan buku.\n\n");
    json_auto_t *late = ask(kit, SERAMBI_EDITOR, 200, save,
                            json_pack("{s:[{s:i, s:i, s:s}]}", "cues", "start_ms", 2500, "end_ms",
                                      4000, "text", "a < b"));
    g_assert_cmpstr(text_at(late, "warnings.0.code"), ==, "beyond_end");
    ask_refused(kit, SERAMBI_EDITOR, 422, "captions.time", save,
                json_pack("{s:s}", "text", "WEBVTT\n\n1:1 --> 2\nx\n"));
    ask_refused(kit, SERAMBI_EDITOR, 422, "captions.empty", save, NULL);
    ask_refused(kit, SERAMBI_COUNTER, 403, "error.forbidden", save, NULL);
    ask_refused(kit, SERAMBI_EDITOR, 404, "tutorials.unknown", "POST /api/tutorials/9/captions/ar",
                json_pack("{s:s}", "text", GOOD_VTT));
    ask_refused(kit, SERAMBI_EDITOR, 404, "tutorials.unknown", "POST /api/tutorials/1/captions/fr",
                json_pack("{s:s}", "text", GOOD_VTT));
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "DELETE /api/tutorials/1/captions/ar", NULL));
    g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "tutorials")), ==, 0);
    ask_refused(kit, SERAMBI_EDITOR, 404, "tutorials.unknown", "GET /api/tutorials/1/captions/ar",
                NULL);
    assert_clean(kit);
    studio_free(studio);
}

/* --- Again
 * -----------------------------------------------------------------------------------------
 */

static void test_retry(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    g_autofree char *tripwire = g_build_filename(studio->folder, "dead", NULL);
    g_autofree char *script = g_strdup_printf("#!/bin/sh\n[ -e '%s' ] && exit 1\n%s", tripwire,
                                              worker_script + strlen("#!/bin/sh\n"));
    g_assert_true(g_file_set_contents(studio->worker, script, -1, NULL));
    g_assert_cmpint(g_chmod(studio->worker, 0700), ==, 0);
    g_assert_true(g_file_set_contents(tripwire, "", -1, NULL));
    upload(kit, "video", "a.mp4", "one");
    static const char retry[] = "POST /api/tutorials/1/retry";
    ask_refused(kit, SERAMBI_COUNTER, 403, "error.forbidden", retry, NULL);
    json_decref(ask(kit, SERAMBI_EDITOR, 200, retry, NULL)); /* and fails again */
    kit_restart(kit);
    g_assert_cmpint(g_unlink(tripwire), ==, 0);
    json_auto_t *again = ask(kit, SERAMBI_EDITOR, 200, retry, NULL);
    g_assert_cmpstr(text_at(again, "state"), ==, "received");
    kit_run(kit);
    assert_kept(kit, text_at(kit_newest(kit, LIST), "tutorials.0.media"), "one");
    ask_refused(kit, SERAMBI_EDITOR, 404, "tutorials.unknown", retry, NULL);
    ask_refused(kit, SERAMBI_EDITOR, 404, "tutorials.unknown", "POST /api/tutorials/1/cancel",
                NULL);
    /* What would fail again is not tried; what is not tried in time is swept. */
    upload(kit, "video", "b.mp4", "fail-probe");
    ask_refused(kit, SERAMBI_EDITOR, 404, "tutorials.unknown", "POST /api/tutorials/2/retry", NULL);
    upload(kit, "video", "c.mp4", "die-probe");
    kit_turn_clock(kit, ATTEMPTS_DAYS * 24 * 3600 + 3600);
    ask_refused(kit, SERAMBI_EDITOR, 404, "tutorials.unknown", "POST /api/tutorials/3/retry", NULL);
    assert_clean(kit);
    studio_free(studio);
}

/* A cancelled one keeps its upload and begins again when somebody wants it. */
static void test_cancel(void)
{
    static const char *const states[] = {"received", "preparing", "proving"};
    SerambiPlugin spied = serambi_plugin;
    spied.watches = spies;
    for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
        Studio *studio = studio_new(&spied);
        Kit *kit = studio->kit;
        doomed_state = states[i];
        is_cancelled_only = true;
        upload(kit, "video", "a.mp4", "not now");
        is_cancelled_only = false;
        g_assert_null(doomed_state);
        json_auto_t *all = ask(kit, SERAMBI_EDITOR, 200, ALL, NULL);
        g_assert_cmpstr(text_at(all, "tutorials.0.state"), ==, "failed");
        g_assert_true(json_is_true(at(all, "tutorials.0.may_retry")));
        kit_run(kit);
        g_assert_cmpuint(count_files(kit, "tutorials"), ==, 0);
        g_assert_cmpuint(count_files(kit, "uploads"), ==, 1);
        kit_restart(kit);
        kit_run(kit);
        g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "tutorials")), ==, 0);
        json_decref(ask(kit, SERAMBI_EDITOR, 200, "POST /api/tutorials/1/retry", NULL));
        kit_run(kit);
        g_assert_cmpuint(json_array_size(at(kit_newest(kit, LIST), "tutorials")), ==, 1);
        assert_clean(kit);
        studio_free(studio);
    }
}

/* --- Versions and the end ------------------------------------------------------------------------
 */

static bool is_on_disk(Kit *kit, const char *hash)
{
    char two[3] = {hash[0], hash[1], '\0'};
    g_autofree char *path = g_build_filename(kit_data_folder(kit), "media", two, hash, NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void test_versions(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "video", "a.mp4", "first");
    json_auto_t *before = json_deep_copy(at(kit_newest(kit, LIST), "tutorials.0"));
    kit_upload(kit, "video", "b.mp4", "second", 6, json_pack("{s:s}", "replaces", "1"));
    const json_t *list = kit_newest(kit, LIST);
    g_assert_cmpuint(json_array_size(at(list, "tutorials")), ==, 1);
    g_assert_cmpint(number_at(list, "tutorials.0.id"), ==, 1);
    g_assert_cmpstr(text_at(list, "tutorials.0.title.id"), ==, "a");
    assert_kept(kit, text_at(list, "tutorials.0.media"), "second");
    json_auto_t *versions = ask(kit, SERAMBI_EDITOR, 200, "GET /api/tutorials/1/versions", NULL);
    g_assert_cmpuint(json_array_size(at(versions, "versions")), ==, 1);
    g_assert_cmpstr(text_at(versions, "versions.0.media"), ==, text_at(before, "media"));
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "POST /api/tutorials/1/versions/1", NULL));
    g_assert_cmpstr(text_at(kit_newest(kit, LIST), "tutorials.0.media"), ==,
                    text_at(before, "media"));
    ask_refused(kit, SERAMBI_EDITOR, 404, "tutorials.unknown", "POST /api/tutorials/1/versions/1",
                NULL);
    json_auto_t *marked = ask(kit, SERAMBI_EDITOR, 200, ALL, NULL);
    g_assert_true(json_is_true(at(marked, "tutorials.0.out_of_step")));
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "POST /api/tutorials/1/captions/id",
                    json_pack("{s:s}", "text", GOOD_VTT)));
    json_auto_t *mended = ask(kit, SERAMBI_EDITOR, 200, ALL, NULL);
    g_assert_true(json_is_false(at(mended, "tutorials.0.out_of_step")));
    /* One that failed leaves what is there. */
    kit_upload(kit, "video", "c.mp4", "fail-probe", 10, json_pack("{s:s}", "replaces", "1"));
    g_assert_cmpstr(text_at(kit_newest(kit, LIST), "tutorials.0.media"), ==,
                    text_at(before, "media"));
    assert_clean(kit);
    studio_free(studio);
}

/* As if thirty days had passed but for an hour and a half. */
static bool wait_almost(Store *store, void *data)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *rows =
        store_query(store, &error, "UPDATE tutorials_clip SET deleted_us = deleted_us - $1", "i",
                    (TRASH_DAYS * 24 * 3600LL - 5400) * G_USEC_PER_SEC);
    g_assert_no_error(error);
    return rows != NULL;
}

static void test_sweep(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "video", "a.mp4", "alone");
    upload(kit, "video", "b.mp4", "shared");
    json_auto_t *list = json_deep_copy(kit_newest(kit, LIST));
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "DELETE /api/tutorials/1", NULL));
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "DELETE /api/tutorials/2", NULL));
    upload(kit, "video", "c.mp4", "shared"); /* the one in the trash has the same recording */
    json_auto_t *trash = ask(kit, SERAMBI_EDITOR, 200, "GET /api/tutorials/trash", NULL);
    g_assert_cmpuint(json_array_size(at(trash, "tutorials")), ==, 2);
    store_write(kit_store(kit), wait_almost, NULL, NULL);
    kit_turn_clock(kit, 3601);
    g_assert_true(is_on_disk(kit, text_at(list, "tutorials.0.media")));
    kit_turn_clock(kit, 3600);
    json_auto_t *after = ask(kit, SERAMBI_EDITOR, 200, "GET /api/tutorials/trash", NULL);
    g_assert_cmpuint(json_array_size(at(after, "tutorials")), ==, 0);
    g_assert_false(is_on_disk(kit, text_at(list, "tutorials.0.media")));
    g_assert_false(is_on_disk(kit, text_at(list, "tutorials.0.poster")));
    g_assert_true(is_on_disk(kit, text_at(list, "tutorials.1.media"))); /* the third has it too */
    g_assert_cmpint(count_of(kit, "SELECT COUNT(*) AS n FROM tutorials_clip"), ==, 1);
    studio_free(studio);
}

static void test_helped(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "video", "a.mp4", "one");
    static const char path[] = "POST /api/tutorials/1/helped";
    ask_refused(kit, SERAMBI_PUBLIC, 422, "error.input", path, NULL);
    for (int i = 0; i < 50; i++)
        json_decref(ask(kit, SERAMBI_PUBLIC, 200, path, json_pack("{s:b}", "helped", i % 5 != 0)));
    ask_refused(kit, SERAMBI_PUBLIC, 429, "tutorials.said", path, json_pack("{s:b}", "helped", 1));
    ask_refused(kit, SERAMBI_PUBLIC, 404, "tutorials.unknown", "POST /api/tutorials/7/helped",
                json_pack("{s:b}", "helped", 1));
    json_auto_t *all = ask(kit, SERAMBI_EDITOR, 200, ALL, NULL);
    g_assert_cmpint(number_at(all, "tutorials.0.helped"), ==, 40);
    g_assert_cmpint(number_at(all, "tutorials.0.unhelped"), ==, 10);
    studio_free(studio);
}

/* --- For those without a live page ---------------------------------------------------------------
 */

static void test_watch(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "video", "a.mp4", "one");
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "POST /api/tutorials/1",
                    words("id", "</script><b>\"&", "<img src=x>")));
    json_auto_t *page = ask(kit, SERAMBI_PUBLIC, 200, "GET /watch/1?lang=ar", NULL);
    const char *text = text_at(page, "text");
    g_assert_cmpstr(text_at(page, "content_type"), ==, "text/html; charset=utf-8");
    g_assert_nonnull(strstr(text, "<html lang=\"ar\" dir=\"rtl\">"));
    g_assert_nonnull(strstr(text, "og:title\" content=\"&lt;/script&gt;&lt;b&gt;&quot;&amp;\""));
    g_assert_nonnull(strstr(text, "\\u003c/script>\\u003cb>"));
    g_assert_nonnull(strstr(text, "<track kind=\"captions\""));
    g_assert_null(strstr(text, "<b>"));
    g_assert_null(strstr(text, "<img src=x>"));
    g_assert_null(strstr(text, " download>"));
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "POST /api/tutorials/1/downloads",
                    json_pack("{s:b}", "downloads", 1)));
    json_auto_t *again = ask(kit, SERAMBI_PUBLIC, 200, "GET /watch/1?t=1.25", NULL);
    g_assert_nonnull(strstr(text_at(again, "text"), " download>"));
    g_assert_nonnull(strstr(text_at(again, "text"), ".mp4#t=1.250\""));
    static const char *const no_times[] = {"3", "0", "-1", "x", "nan", "inf", "\"><b>"};
    for (size_t i = 0; i < G_N_ELEMENTS(no_times); i++) {
        g_autofree char *path = g_strconcat("GET /watch/1?t=", no_times[i], NULL);
        json_auto_t *plain = ask(kit, SERAMBI_PUBLIC, 200, path, NULL);
        g_assert_null(strstr(text_at(plain, "text"), "#t="));
        g_assert_null(strstr(text_at(plain, "text"), "<b>"));
    }
    json_auto_t *old = ask(kit, SERAMBI_PUBLIC, 308, "GET /api/tutorials/watch/1?lang=en", NULL);
    g_assert_cmpstr(text_at(old, "location"), ==, "/watch/1?lang=en");
    json_auto_t *qr = ask(kit, SERAMBI_PUBLIC, 200, "GET /api/tutorials/watch/1/qr.svg", NULL);
    g_assert_cmpstr(text_at(qr, "content_type"), ==, "image/svg+xml");
    json_auto_t *embed =
        ask(kit, SERAMBI_PUBLIC, 200,
            "GET /api/tutorials/oembed?url=http://serambi.test:8080/api/tutorials/watch/1", NULL);
    g_assert_cmpstr(text_at(embed, "type"), ==, "video");
    ask_refused(kit, SERAMBI_PUBLIC, 404, "tutorials.unknown",
                "GET /api/tutorials/oembed?url=http://other/api/tutorials/watch/1", NULL);
    json_decref(ask(kit, SERAMBI_PUBLIC, 200,
                    "GET /api/tutorials/oembed?url=http://serambi.test:8080/watch/1?lang=en",
                    NULL));
    json_auto_t *map = ask(kit, SERAMBI_PUBLIC, 200, "GET /tutorials/sitemap.xml", NULL);
    g_assert_nonnull(strstr(text_at(map, "text"), "<loc>http://serambi.test:8080/watch/1</loc>"));
    json_auto_t *rss = ask(kit, SERAMBI_PUBLIC, 200, "GET /api/tutorials/feed.xml", NULL);
    g_assert_nonnull(
        strstr(text_at(rss, "text"), "<enclosure url=\"http://serambi.test:8080/media/"));
    g_assert_nonnull(strstr(text_at(rss, "text"), "length=\"3\" type=")); /* "one" */
    json_auto_t *feed = ask(kit, SERAMBI_PUBLIC, 200, "GET /api/tutorials/feed.json", NULL);
    g_assert_cmpstr(text_at(feed, "items.0.attachments.0.mime_type"), ==, "video/mp4");
    /* What is not public is nowhere. */
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "DELETE /api/tutorials/1/captions/id", NULL));
    json_decref(ask(kit, SERAMBI_PUBLIC, 404, "GET /watch/1", NULL));
    json_decref(ask(kit, SERAMBI_PUBLIC, 404, "GET /watch/x", NULL));
    json_auto_t *empty = ask(kit, SERAMBI_PUBLIC, 200, "GET /api/tutorials/feed.json", NULL);
    g_assert_cmpuint(json_array_size(at(empty, "items")), ==, 0);
    studio_free(studio);
}

#define DRAFTS "/api/tutorials/storyboards"

static json_t *draft(const char *text, int version)
{
    return json_pack("{s:s, s:s, s:i}", "text", text, "name", "Pinjam", "version", version);
}

/* A draft is kept with its version, told when it is old, made, and made anew in its place. */
static void test_storyboards(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    json_decref(ask(kit, SERAMBI_EDITOR, 201, "POST " DRAFTS, draft("one", 0)));
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "POST " DRAFTS "/1", draft("two", 1)));
    ask_refused(kit, SERAMBI_EDITOR, 409, "storyboard.changed", "POST " DRAFTS "/1",
                draft("three", 1));
    ask_refused(kit, SERAMBI_EDITOR, 404, "storyboard.gone", "GET " DRAFTS "/2", NULL);
    json_auto_t *old = ask(kit, SERAMBI_EDITOR, 200, "GET " DRAFTS "/1/versions/1", NULL);
    g_assert_cmpstr(text_at(old, "text"), ==, "one");
    g_autofree char *large = g_strnfill(48 * 1024 + 1, 'x');
    ask_refused(kit, SERAMBI_EDITOR, 422, "storyboard.draft_large", "POST " DRAFTS "/1",
                draft(large, 2));
    json_auto_t *seen = ask(kit, SERAMBI_EDITOR, 200, "POST " DRAFTS "/preview",
                            json_pack("{s:s, s:i, s:i}", "text", "two", "line", 7, "id", 1));
    g_assert_cmpint(number_at(seen, "line"), ==, 7);

    for (int i = 0; i < 2; i++) {
        json_decref(ask(kit, SERAMBI_EDITOR, 202, "POST " DRAFTS "/1/make", NULL));
        kit_run(kit);
        json_auto_t *all = ask(kit, SERAMBI_EDITOR, 200, ALL, NULL);
        g_assert_cmpuint(json_array_size(at(all, "tutorials")), ==, 1);
        g_assert_cmpint(number_at(all, "tutorials.0.id"), ==, 1);
        g_assert_cmpstr(text_at(all, "tutorials.0.title.en"), ==, "Borrow");
        assert_kept(kit, text_at(all, "tutorials.0.media"), i == 0 ? "two" : "four");
        json_auto_t *of = ask(kit, SERAMBI_EDITOR, 200, "GET /api/tutorials/1/storyboard", NULL);
        g_assert_cmpint(number_at(of, "id"), ==, 1);
        if (i == 0)
            json_decref(ask(kit, SERAMBI_EDITOR, 200, "POST " DRAFTS "/1", draft("four", 2)));
    }
    assert_clean(kit);
    studio_free(studio);
}

/* Files get a name with the beginning of their hash; what the worker refuses is told. */
static void test_storyboard_files(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    json_decref(ask(kit, SERAMBI_EDITOR, 201, "POST " DRAFTS, draft("one", 0)));
    kit_upload(kit, "picture", "Rak Buku (2).JPG", "pixels", 6,
               json_pack("{s:s}", "storyboard", "1"));
    kit_run(kit);
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "pixels", -1);
    g_autofree char *name = g_strdup_printf("rak-buku-2-%.8s.png", sum);
    const json_t *told = kit_newest(kit, "tutorials:storyboard.1");
    g_assert_cmpstr(text_at(told, "news.0.name"), ==, name);
    json_auto_t *read = ask(kit, SERAMBI_EDITOR, 200, "GET " DRAFTS "/1", NULL);
    const json_t *file = json_object_get(at(read, "files"), name);
    g_assert_cmpstr(text_at(file, "file"), ==, sum);
    kit_upload(kit, "recording", "a.webm", "x", 1, json_pack("{s:s}", "storyboard", "1"));
    kit_run(kit);
    g_assert_cmpstr(text_at(kit_newest(kit, "tutorials:storyboard.1"), "news.0.reason_code"), ==,
                    "storyboard.recording_too_short");
    kit_upload(kit, "picture", "x.png", "x", 1, json_pack("{s:s}", "storyboard", "9"));
    assert_clean(kit);
    studio_free(studio);
}

/* --- Search --------------------------------------------------------------------------------------
 */

static char *names_found(Kit *kit, const char *query)
{
    g_autofree char *path = g_strconcat("GET /api/tutorials/search?", query, NULL);
    json_auto_t *found = ask(kit, SERAMBI_PUBLIC, 200, path, NULL);
    g_autoptr(GString) names = g_string_new(NULL);
    size_t index;
    json_t *one;
    json_array_foreach(at(found, "tutorials"), index, one) g_string_append_printf(
        names, "%s%" G_GINT64_FORMAT, index ? " " : "", number_at(one, "id"));
    return g_string_free(g_steal_pointer(&names), FALSE);
}

static void assert_found(Kit *kit, const char *query, const char *names)
{
    g_autofree char *found = names_found(kit, query);
    if (strcmp(found, names))
        g_error("'%s' found '%s' and not '%s'", query, found, names);
}

static void say(Kit *kit, int id, const char *language, const char *vtt)
{
    g_autofree char *path = g_strdup_printf("POST /api/tutorials/%d/captions/%s", id, language);
    json_decref(ask(kit, SERAMBI_EDITOR, 200, path, json_pack("{s:s}", "text", vtt)));
}

static void test_search(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "video", "Meminjam buku.mp4", "bare one");
    upload(kit, "video", "Kartu anggota.mp4", "bare two");
    assert_found(kit, "q=meminjam", ""); /* no captions: not public, hence not found */
    say(kit, 1, "id",
        "WEBVTT\n\n00:01.500 --> 00:02.000\nSerahkan <i>kartu</i> Anda.\n\n"
        "00:02.000 --> 00:03.000\nTerima kasih.\n");
    say(kit, 2, "ar", "WEBVTT\n\n00:00.000 --> 00:02.000\nقدّم الكتابَ\n");
    assert_found(kit, "q=MEMIN", "1");
    assert_found(kit, "q=kartu", "2 1"); /* the title counts more */
    assert_found(kit, "q=%D9%83%D8%AA%D8%A7%D8%A8", "2");
    assert_found(kit, "q=kartu&lang=ar", "");
    assert_found(kit, "q=kartu&lang=xx", "2 1"); /* no language of ours: any */
    assert_found(kit, "q=", "");
    assert_found(kit, "", "");
    assert_found(kit, "q=%22%29+OR+1%3D1", "");
    json_auto_t *found = ask(kit, SERAMBI_PUBLIC, 200, "GET /api/tutorials/search?q=serah", NULL);
    g_assert_cmpint(number_at(found, "tutorials.0.moments.0.ms"), ==, 1500);
    g_assert_cmpstr(text_at(found, "tutorials.0.moments.0.text"), ==, "Serahkan kartu Anda.");
    g_assert_cmpstr(text_at(found, "tutorials.0.found_in"), ==, "id");
    g_assert_null(at(found, "tutorials.0.filename"));
    /* The search follows what is done to clips. */
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "POST /api/tutorials/1",
                    words("en", "Borrowing", "With a card")));
    assert_found(kit, "q=memin", "");
    assert_found(kit, "q=borrow", "1");
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "DELETE /api/tutorials/1", NULL));
    assert_found(kit, "q=borrow", "");
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "POST /api/tutorials/1/restore", NULL));
    assert_found(kit, "q=borrow", "1");
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "DELETE /api/tutorials/1/captions/id", NULL));
    assert_found(kit, "q=borrow", "");
    json_decref(ask(kit, SERAMBI_EDITOR, 200, "POST /api/tutorials/1/waiver",
                    json_pack("{s:s}", "waiver", "no_speech")));
    assert_found(kit, "q=borrow", "1");
    assert_found(kit, "q=serah", "");
    /* A new recording with captions of its own keeps the address, and leaves no second clip. */
    kit_upload(kit, "video", "b.mp4", "second", 6, json_pack("{s:s}", "replaces", "1"));
    assert_found(kit, "q=borrow", "1");
    kit_restart(kit);
    assert_found(kit, "q=borrow", "1");
    studio_free(studio);
}

/* Rows of before the search was there. */
static bool forget_notes(Store *store, void *data)
{
    json_auto_t *rows = store_query(store, NULL, "UPDATE tutorials_clip SET noted = 0", "");
    json_auto_t *texts = store_query(store, NULL, "DELETE FROM search_text", "");
    return rows && texts;
}

static void test_search_after_upgrade(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    upload(studio->kit, "video", "Meminjam.mp4", "one");
    assert_found(studio->kit, "q=meminjam", "1");
    store_write(kit_store(studio->kit), forget_notes, NULL, NULL);
    kit_run(studio->kit);
    assert_found(studio->kit, "q=meminjam", "");
    kit_restart(studio->kit);
    assert_found(studio->kit, "q=meminjam", "1");
    studio_free(studio);
}

static void assert_shelf(Kit *kit, const char *query, const char *wanted, const char *unwanted)
{
    g_autofree char *path = g_strconcat("GET /tutorials?", query, NULL);
    json_auto_t *page = ask(kit, SERAMBI_PUBLIC, 200, path, NULL);
    g_assert_cmpstr(text_at(page, "content_type"), ==, "text/html; charset=utf-8");
    if (!strstr(text_at(page, "text"), wanted) ||
        (unwanted && strstr(text_at(page, "text"), unwanted)))
        g_error("'%s' has no '%s', or a '%s': %s", query, wanted, unwanted, text_at(page, "text"));
}

static bool add_sixty(Store *store, void *data)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *rows = store_query(
        store, &error,
        "INSERT INTO tutorials_clip (id, kind, state, title, summary, filename, upload, path,"
        " captions, duration_us, percent, created_us, author, waiver) WITH RECURSIVE n (i) AS"
        " (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 61) SELECT i, 'video', 'ready',"
        " '{\"id\":\"J\"}', '{}', 'j.mp4', 'u' || i, '', '{}', 5, 100, 5, 'editor', 'no_speech'"
        " FROM n",
        "");
    g_assert_no_error(error);
    return rows != NULL;
}

static void test_shelf(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    assert_shelf(kit, "", "class=\"empty\"", "<li>");
    upload(kit, "video", "Meminjam <b>.mp4", "bare one");
    say(kit, 1, "id", "WEBVTT\n\n00:01.500 --> 00:02.000\nSerahkan <i>kartu</i> &amp; \"buku\".\n");
    assert_shelf(kit, "", "Meminjam &lt;b&gt;", "class=\"empty\"");
    assert_shelf(kit, "q=kartu", "/watch/1?lang=id&amp;t=1.500", "<i>");
    assert_shelf(kit, "q=kartu", "Serahkan kartu &amp; &quot;buku&quot;.", NULL);
    assert_shelf(kit, "q=nowhere", "class=\"empty\"", "/watch/1");
    assert_shelf(kit, "in=ar", "class=\"empty\"", "/watch/1");
    assert_shelf(kit, "in=id&lang=ar", "<html lang=\"ar\" dir=\"rtl\">", "class=\"empty\"");
    assert_shelf(kit, "q=%22%3E%3Cscript%3E", "&quot;&gt;&lt;script&gt;", "<script>");
    assert_shelf(kit, "page=2", "rel=\"prev\"", "/watch/1");
    assert_shelf(kit, "page=-1", "/watch/1", "rel=\"prev\"");
    store_write(kit_store(kit), add_sixty, NULL, NULL);
    kit_run(kit);
    assert_shelf(kit, "", "rel=\"next\"", "/watch/1?");
    assert_shelf(kit, "page=2", "/watch/1?", "rel=\"next\"");
    studio_free(studio);
}

static void test_voice_without_script(void)
{
    Studio *studio = studio_new(&serambi_plugin);
    Kit *kit = studio->kit;
    upload(kit, "video", "a.mp4", "one");
    json_auto_t *page = ask(kit, SERAMBI_PUBLIC, 200, "GET /watch/1?lang=en", NULL);
    g_assert_nonnull(strstr(text_at(page, "text"), "action=\"/watch/1?lang=en\""));
    json_auto_t *said =
        ask(kit, SERAMBI_PUBLIC, 303, "POST /watch/1?lang=en", json_pack("{s:s}", "helped", "yes"));
    g_assert_cmpstr(text_at(said, "location"), ==, "/watch/1?lang=en&said=yes");
    json_auto_t *thanks = ask(kit, SERAMBI_PUBLIC, 200, "GET /watch/1?lang=en&said=yes", NULL);
    g_assert_nonnull(strstr(text_at(thanks, "text"), "<p role=\"status\">Thank you!</p>"));
    g_assert_null(strstr(text_at(thanks, "text"), "<form"));
    json_decref(ask(kit, SERAMBI_PUBLIC, 303, "POST /watch/1", json_pack("{s:s}", "helped", "no")));
    json_decref(
        ask(kit, SERAMBI_PUBLIC, 422, "POST /watch/1", json_pack("{s:s}", "helped", "maybe")));
    json_decref(ask(kit, SERAMBI_PUBLIC, 422, "POST /watch/1", NULL));
    json_decref(ask(kit, SERAMBI_PUBLIC, 404, "POST /watch/9", json_pack("{s:s}", "helped", "no")));
    for (int i = 0; i < 48; i++)
        json_decref(
            ask(kit, SERAMBI_PUBLIC, 303, "POST /watch/1", json_pack("{s:s}", "helped", "yes")));
    json_auto_t *much =
        ask(kit, SERAMBI_PUBLIC, 303, "POST /watch/1", json_pack("{s:s}", "helped", "yes"));
    g_assert_cmpstr(text_at(much, "location"), ==, "/watch/1?lang=id&said=much");
    json_auto_t *all = ask(kit, SERAMBI_EDITOR, 200, ALL, NULL);
    g_assert_cmpint(number_at(all, "tutorials.0.helped"), ==, 49);
    g_assert_cmpint(number_at(all, "tutorials.0.unhelped"), ==, 1);
    studio_free(studio);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tutorials/captions", test_captions);
    g_test_add_func("/tutorials/versions", test_versions);
    g_test_add_func("/tutorials/sweep", test_sweep);
    g_test_add_func("/tutorials/helped", test_helped);
    g_test_add_func("/tutorials/watch", test_watch);
    g_test_add_func("/tutorials/search", test_search);
    g_test_add_func("/tutorials/search-after-upgrade", test_search_after_upgrade);
    g_test_add_func("/tutorials/shelf", test_shelf);
    g_test_add_func("/tutorials/voice-without-script", test_voice_without_script);
    g_test_add_func("/tutorials/video", test_video);
    g_test_add_func("/tutorials/progress", test_progress);
    g_test_add_func("/tutorials/storyboard", test_storyboard);
    g_test_add_func("/tutorials/same-file-twice", test_same_file_twice);
    g_test_add_func("/tutorials/failures", test_failures);
    g_test_add_func("/tutorials/small-fails", test_small_fails);
    g_test_add_func("/tutorials/small-after-restart", test_small_after_restart);
    g_test_add_func("/tutorials/retry", test_retry);
    g_test_add_func("/tutorials/cancel", test_cancel);
    g_test_add_func("/tutorials/titles", test_titles);
    g_test_add_func("/tutorials/restart-in-the-middle", test_restart_in_the_middle);
    g_test_add_func("/tutorials/delete-during-work", test_delete_during_work);
    g_test_add_func("/tutorials/restore-during-work", test_restore_during_work);
    g_test_add_func("/tutorials/trash", test_trash);
    g_test_add_func("/tutorials/edit", test_edit);
    g_test_add_func("/tutorials/roles", test_roles);
    g_test_add_func("/tutorials/storyboards", test_storyboards);
    g_test_add_func("/tutorials/storyboard-files", test_storyboard_files);
    return g_test_run();
}
