/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Full-text search: words as people type them, what strangers may write, order, places, limits. */
#include "core/search.h"
#include <string.h>

#define OWNER "films"

typedef struct {
    const char *name, *language;
    json_t *document;
    bool is_undone;
} Note;

static bool work_note(Store *store, void *data)
{
    const Note *note = data;
    g_autoptr(GError) error = NULL;
    bool ok = search_note(store, OWNER, note->name, note->language, note->document, &error);
    g_assert_no_error(error);
    return ok && !note->is_undone;
}

/* Takes document. */
static void note(Store *store, const char *name, const char *language, json_t *document)
{
    Note work = {.name = name, .language = language, .document = document};
    store_write(store, work_note, NULL, &work);
    json_decref(document);
}

static json_t *document(const char *title, const char *about, const char *first, const char *second)
{
    return json_pack("{s:s, s:s, s:[{s:i, s:s}, {s:i, s:s}]}", "title", title, "about", about,
                     "passages", "place", 1500, "text", first, "place", 4000, "text", second);
}

static Store *open_store(void)
{
    g_autoptr(GError) error = NULL;
    Store *store = store_open(NULL, false, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(search_migrate(store, &error));
    return store;
}

static json_t *find(Store *store, const char *question, const char *language)
{
    g_autoptr(GError) error = NULL;
    json_t *found = search_find(store, OWNER, question, language, SEARCH_FOUND_MAX, &error);
    g_assert_no_error(error);
    return found;
}

/* The names found, "2 1". */
static void assert_found(Store *store, const char *question, const char *language,
                         const char *names)
{
    json_auto_t *found = find(store, question, language);
    g_autoptr(GString) text = g_string_new(NULL);
    size_t index;
    json_t *one;
    json_array_foreach(found, index, one) g_string_append_printf(
        text, "%s%s", index ? " " : "", json_string_value(json_object_get(one, "name")));
    if (strcmp(text->str, names))
        g_error("'%s' found '%s' and not '%s'", question, text->str, names);
}

static Store *open_library(void)
{
    Store *store = open_store();
    note(store, "1", "id",
         document("Meminjam buku", "Dengan kartu", "Serahkan buku Anda.",
                  "Terima kasih, sampai jumpa."));
    note(store, "1", "en", document("Borrowing books", "", "Hand over your book.", "Thank you."));
    note(store, "2", "id",
         document("Kartu anggota", "", "Isi formulir kartu.", "Ambil buku panduan."));
    note(store, "3", "ar", document("استعارة الكتب", "", "سَلِّمِ الكِتابَ إلى المُوظَّف", "شكرًا"));
    note(store, "4", "en", document("Café and naïve Ⅷ", "", "Straße", "x"));
    return store;
}

static void test_words(void)
{
    Store *store = open_library();
    assert_found(store, "buku", NULL, "1 2"); /* a title before what is only said */
    assert_found(store, "KARTU", NULL, "2 1");
    assert_found(store, "buku kartu", NULL, "1 2"); /* about before what is said */
    assert_found(store, "pinjam", NULL, "");        /* beginnings of words, not their middles */
    assert_found(store, "memin", NULL, "1");
    assert_found(store, "buku terima", NULL, "1"); /* all words, wherever in the document */
    assert_found(store, "buku unknown", NULL, "");
    assert_found(store, "book", NULL, "1");
    assert_found(store, "book", "en", "1");
    assert_found(store, "book", "id", "");
    assert_found(store, "", NULL, "");
    assert_found(store, " \n\t…!", NULL, "");
    store_close(store);
}

static void test_folding(void)
{
    static const char *const arabic[] = {"كتاب",    "الكتاب", "كِتَابَ", "والكتاب",
                                         "كتـــاب", "ال",     "الك"};
    static const struct {
        const char *text, *folded;
    } table[] = {
        {"Café, NAÏVE!", "cafe naive"},
        {"cafe\xcc\x81", "cafe"},
        {"أإآا", "اااا"},
        {"مكتبة مكتبى", "مكتبه مكتبي"},
        {"المكتبة", "مكتبه"},
        {"إلى", "الي"},
        {"STRASSE straße", "strasse strasse"},
        {"don't", "don t"},
        {"٣ ３", "٣ 3"},
        {"\xff\xfe", ""},
        {"", ""},
    };
    Store *store = open_library();
    for (size_t i = 0; i < G_N_ELEMENTS(arabic); i++)
        assert_found(store, arabic[i], NULL, "3");
    assert_found(store, "استعاره", "ar", "3");
    assert_found(store, "اله", NULL, "");
    assert_found(store, "cafe\xcc\x81 NAIVE", NULL, "4");
    assert_found(store, "strasse", NULL, "4");
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *folded = search_fold(table[i].text);
        g_assert_cmpstr(folded, ==, table[i].folded);
    }
    store_close(store);
}

/* What has a meaning to FTS5 or SQL is only text. */
static void test_hostile(void)
{
    static const char *const questions[] = {
        "buku\"",
        "\"",
        "\"\"",
        "buku*",
        "*",
        "buku AND",
        "OR",
        "NOT",
        "NEAR(buku, 2)",
        "title:buku",
        "{title body} : buku",
        "^buku",
        "-buku",
        "buku + buku",
        "(buku",
        ")",
        "buku); DROP TABLE kept",
        "' OR 1=1 --",
        "buku\\",
        "%",
        "_",
        "$1",
        "\xf0\x28\x8c\x28",
        "\xed\xa0\x80",
        "\x01\x02",
        "rank",
        "search_text",
        "rowid:1",
        "buku:*",
        "col : ( \"",
        "\xe2\x80\xae",
        "\xf3\xa0\x80\x81",
    };
    Store *store = open_library();
    for (size_t i = 0; i < G_N_ELEMENTS(questions); i++)
        json_decref(find(store, questions[i], i % 2 ? "id" : NULL));
    assert_found(store, "\"buku\"", NULL, "1 2");
    assert_found(store, "buku*", NULL, "1 2");
    assert_found(store, "^buku -", NULL, "1 2");
    assert_found(store, "NOT buku", NULL, "");
    assert_found(store, "title:buku", NULL, "");
    assert_found(store, "buku", "' OR '1", "");
    store_close(store);
}

static void test_places(void)
{
    Store *store = open_library();
    json_auto_t *found = find(store, "buku anda", NULL);
    json_t *passages = json_object_get(json_array_get(found, 0), "passages");
    g_assert_cmpuint(json_array_size(passages), ==, 1);
    g_assert_cmpint(json_integer_value(json_object_get(json_array_get(passages, 0), "place")), ==,
                    1500);
    g_assert_cmpstr(json_string_value(json_object_get(json_array_get(passages, 0), "text")), ==,
                    "Serahkan buku Anda.");
    /* No passage has both: those with either. */
    json_auto_t *apart = find(store, "serahkan terima", NULL);
    g_assert_cmpuint(json_array_size(json_object_get(json_array_get(apart, 0), "passages")), ==, 2);
    /* Only the title has it. */
    json_auto_t *title = find(store, "meminjam", NULL);
    g_assert_cmpuint(json_array_size(json_object_get(json_array_get(title, 0), "passages")), ==, 0);
    store_close(store);
}

static void test_changes(void)
{
    Store *store = open_library();
    note(store, "1", "id", document("Mengembalikan", "", "Taruh di rak.", ""));
    assert_found(store, "meminjam", NULL, "");
    assert_found(store, "serahkan", NULL, "");
    assert_found(store, "rak", NULL, "1");
    Note undone = {.name = "9", .language = "id", .is_undone = true};
    undone.document = document("Hilang", "", "", "");
    store_write(store, work_note, NULL, &undone);
    json_decref(undone.document);
    assert_found(store, "hilang", NULL, "");
    note(store, "1", "id", NULL);
    assert_found(store, "rak", NULL, "");
    assert_found(store, "borrowing", NULL, "1");
    note(store, "1", NULL, NULL);
    assert_found(store, "borrowing", NULL, "");
    json_auto_t *left = store_query(store, NULL,
                                    "SELECT (SELECT COUNT(*) FROM search_document) AS documents,"
                                    " (SELECT COUNT(*) FROM search_text) AS texts,"
                                    " (SELECT COUNT(*) FROM search_passage) AS passages",
                                    "");
    json_auto_t *wanted = json_pack("[{s:i, s:i, s:i}]", "documents", 3, "texts", 3, "passages", 6);
    g_assert_true(json_equal(left, wanted));
    g_autoptr(GError) error = NULL;
    g_assert_true(store_check(store, &error));
    /* Another's documents are not seen. */
    json_auto_t *other = search_find(store, "others", "kartu", NULL, 10, &error);
    g_assert_cmpuint(json_array_size(other), ==, 0);
    store_close(store);
}

static void test_limits(void)
{
    Store *store = open_store();
    for (int i = 0; i < SEARCH_FOUND_MAX + 5; i++) {
        g_autofree char *name = g_strdup_printf("%d", i);
        note(store, name, "id", json_pack("{s:s}", "title", "satu dua"));
    }
    json_auto_t *found = search_find(store, OWNER, "satu", NULL, 1000, NULL);
    g_assert_cmpuint(json_array_size(found), ==, SEARCH_FOUND_MAX);
    json_auto_t *few = search_find(store, OWNER, "satu", NULL, 2, NULL);
    g_assert_cmpuint(json_array_size(few), ==, 2);
    /* More words than are read: the last one would find nothing. */
    g_autoptr(GString) question = g_string_new(NULL);
    for (int i = 0; i < SEARCH_WORDS_MAX; i++)
        g_string_append(question, "satu ");
    g_string_append(question, "nowhere");
    assert_found(store, question->str, "xx", "");
    json_auto_t *many = find(store, question->str, NULL);
    g_assert_cmpuint(json_array_size(many), ==, SEARCH_FOUND_MAX);
    /* A word longer than is compared, cut between letters. */
    g_autofree char *longest = g_strnfill(SEARCH_WORD_BYTES + 500, 'a');
    note(store, "long", "id", json_pack("{s:s}", "title", longest));
    g_autofree char *longer = g_strconcat(longest, "b", NULL);
    assert_found(store, longer, NULL, "long");
    g_autofree char *wide =
        g_strconcat("a", "ابابابابابابابابابابابابابابابابابابابابابابابابابابابابا", NULL);
    assert_found(store, wide, NULL, "");
    /* A book of passages; those beyond are found, but have no place. */
    json_t *passages = json_array();
    for (int i = 0; i < SEARCH_DOCUMENT_MOST + 1; i++)
        json_array_append_new(passages,
                              json_pack("{s:i, s:s}", "place", i, "text",
                                        i < SEARCH_DOCUMENT_MOST ? "halaman" : "penutup"));
    note(store, "book", "id", json_pack("{s:o}", "passages", passages));
    assert_found(store, "penutup", NULL, "book");
    json_auto_t *pages = find(store, "halaman", NULL);
    g_assert_cmpuint(json_array_size(json_object_get(json_array_get(pages, 0), "passages")), ==,
                     SEARCH_PASSAGES_MAX);
    json_auto_t *beyond = find(store, "penutup", NULL);
    g_assert_cmpuint(json_array_size(json_object_get(json_array_get(beyond, 0), "passages")), ==,
                     0);
    store_close(store);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/search/words", test_words);
    g_test_add_func("/search/folding", test_folding);
    g_test_add_func("/search/hostile", test_hostile);
    g_test_add_func("/search/places", test_places);
    g_test_add_func("/search/changes", test_changes);
    g_test_add_func("/search/limits", test_limits);
    return g_test_run();
}
