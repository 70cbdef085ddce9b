/* What a client wants fetched, as JSON: what is read, and what is wrong with it, all at once. */
#include "jobs/fetch_wish.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct fetch_wish wish;
static struct err err;

static int parse(const char *text)
{
    char *json = xstrdup(text), *p;
    int rc;

    for (p = json; *p != '\0'; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    rc = fetch_wish_parse(json, strlen(json), &wish, &err);
    free(json);
    return rc;
}

START_TEST(the_least)
{
    ck_assert_msg(parse("{'url': 'https://a/b', 'name': 'iris'}") == 0, "%s", err.detail);
    ck_assert_str_eq(wish.url, "https://a/b");
    ck_assert_str_eq(wish.name, "iris");
    ck_assert_str_eq(wish.sha256, "");
    ck_assert(!wish.replace);
    ck_assert_int_eq(wish.options.format, READER_LOOK);
    ck_assert(wish.options.sniff_header && wish.options.sniff_delimiter);
    ck_assert(wish.options.csv.missing.defaults);
    ck_assert_ptr_null(wish.options.arrays);
    fetch_wish_fini(&wish);
}
END_TEST

START_TEST(all_of_it)
{
    ck_assert_msg(
        parse("{'url': 'https://a/b', 'name': 'iris', 'replace': true, 'format': 'npz',"
              " 'sha256': '0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef',"
              " 'header': false, 'delimiter': ';', 'types': 'a:categorical,b:numeric',"
              " 'missing': '-9,none', 'missing_defaults': false, 'arrays': 'x,y'}") == 0,
        "%s", err.detail);
    ck_assert(wish.replace);
    ck_assert_int_eq(wish.options.format, READER_NPZ);
    ck_assert_str_eq(wish.sha256,
                     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    ck_assert(!wish.options.csv.header && !wish.options.sniff_header);
    ck_assert_int_eq(wish.options.csv.delimiter, ';');
    ck_assert(!wish.options.sniff_delimiter);
    ck_assert_uint_eq(wish.options.csv.n_types, 2);
    ck_assert_str_eq(wish.options.csv.type_names[1], "b");
    ck_assert(missing_is_text(&wish.options.csv.missing, "none", 4));
    ck_assert(!missing_is_text(&wish.options.csv.missing, "NA", 2));
    ck_assert_str_eq(wish.options.arrays, "x,y");
    fetch_wish_fini(&wish);
}
END_TEST

START_TEST(nulls_say_nothing)
{
    ck_assert_int_eq(parse("{'url': 'https://a/b', 'name': 'iris', 'replace': null, 'format': null,"
                           " 'sha256': null, 'header': null, 'delimiter': null, 'types': null,"
                           " 'missing': null, 'missing_defaults': null, 'arrays': null}"),
                     0);
    ck_assert(wish.options.sniff_header && wish.options.sniff_delimiter);
    fetch_wish_fini(&wish);
}
END_TEST

static bool told(const char *pointer, const char *word)
{
    size_t i;

    for (i = 0; i < err.n_items; i++) {
        if (strcmp(err.items[i].pointer, pointer) == 0 &&
            strstr(err.items[i].detail, word) != NULL) {
            return true;
        }
    }
    return false;
}

START_TEST(what_is_wrong_is_told_together)
{
    static const struct {
        const char *pointer, *word;
    } wanted[] = {
        {"/url", "must be a text"},
        {"/name", "must start with"},
        {"/sha256", "64 hexadecimal"},
        {"/format", "csv, tsv"},
        {"/header", "must be true"},
        {"/delimiter", "one ASCII"},
        {"/types", ""},
        {"/replac", "did you mean \"replace\"?"},
        {"/missing_defaults", "true or"},
        {"/arrays", "must be a text"},
        {"/zzzzzzzzzzzzzz", "is unknown"},
    };
    size_t i;

    ck_assert_int_eq(parse("{'url': 7, 'name': '1st', 'sha256': 'abc', 'format': 'xls',"
                           " 'header': 'yes', 'delimiter': ',,', 'types': 'a:number',"
                           " 'missing_defaults': 1, 'replac': true, 'arrays': [],"
                           " 'zzzzzzzzzzzzzz': 1}"),
                     -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    for (i = 0; i < ARRAY_LEN(wanted); i++) {
        ck_assert_msg(told(wanted[i].pointer, wanted[i].word), "%s: %s", wanted[i].pointer,
                      wanted[i].word);
    }
    ck_assert_uint_eq(err.n_items, ARRAY_LEN(wanted));
    err_fini(&err);
}
END_TEST

START_TEST(what_is_required)
{
    ck_assert_int_eq(parse("{}"), -1);
    ck_assert(told("/url", "required") && told("/name", "required"));
    ck_assert_uint_eq(err.n_items, 2);
    err_fini(&err);
    ck_assert_int_eq(parse("{'url': null, 'name': null}"), -1);
    ck_assert_uint_eq(err.n_items, 2);
    err_fini(&err);
    ck_assert_int_eq(parse("['https://a/b']"), -1);
    ck_assert_int_eq(err.code, ERR_INVALID);
    err_fini(&err);
    ck_assert_int_eq(parse("{'url': "), -1);
    ck_assert_int_eq(err.code, ERR_SYNTAX);
    err_fini(&err);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fetch_wish");
    TCase *tcase = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_test(tcase, the_least);
    tcase_add_test(tcase, all_of_it);
    tcase_add_test(tcase, nulls_say_nothing);
    tcase_add_test(tcase, what_is_wrong_is_told_together);
    tcase_add_test(tcase, what_is_required);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
