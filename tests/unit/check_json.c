/* JSON from strangers (how deep, how many values) and for people (numbers that read back,
 * texts, pointers). */
#include "jobs/json_util.h"

#include <float.h>
#include <math.h>

#include "base/text.h"
#include "jobs_in_help.h"

/* ---- limits ------------------------------------------------------------------------ */

START_TEST(depth_is_limited)
{
    size_t levels;

    for (levels = JSON_UTIL_MAX_DEPTH - 1; levels <= JSON_UTIL_MAX_DEPTH + 1; levels++) {
        struct buf text = BUF_INIT;
        struct err err = ERR_INIT;
        json_t *json = NULL;
        size_t i;
        bool fits = levels <= JSON_UTIL_MAX_DEPTH;

        for (i = 0; i < levels; i++) {
            buf_puts(&text, "[");
        }
        for (i = 0; i < levels; i++) {
            buf_puts(&text, "]");
        }
        ck_assert_int_eq(json_util_parse(text.data, text.len, 1000, &json, &err), fits ? 0 : -1);
        ck_assert(fits || (err.code == ERR_SYNTAX && strstr(err.detail, "32 levels") != NULL));
        json_decref(json);
        err_fini(&err);
        buf_fini(&text);
    }
}
END_TEST

START_TEST(values_are_limited)
{
    /* an object, 3 members, an array of 2: 6 values; strings with brackets are one each */
    static const char text[] = "{\"a\":\"[[[\\\"[\",\"b\":[1,true],\"c\":null}";
    size_t most;

    for (most = 5; most <= 7; most++) {
        struct err err = ERR_INIT;
        json_t *json = NULL;
        int rc = json_util_parse(text, strlen(text), most, &json, &err);

        ck_assert_int_eq(rc, most >= 6 ? 0 : -1);
        ck_assert(rc == 0 || (err.code == ERR_TOO_LARGE && strstr(err.detail, "more than 5")));
        json_decref(json);
        err_fini(&err);
    }
}
END_TEST

/* What is not JSON at all is called by its name; a text's mark is no part of it. */
START_TEST(other_things_have_names)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *detail; /* NULL: taken */
    } cases[] = {
        {"\xef\xbb\xbf{\"a\":1}", 10, NULL},
        {"\xef\xbb\xbf", 3, "not JSON: '[' or '{' expected (line 1, column 1)"},
        {"\xef\xbb\xbf\xef\xbb\xbf{}", 8, "not JSON: '[' or '{' expected (line 1, column 1)"},
        {"\xff\xfe{\0}\0", 6, "not JSON: this is text in UTF-16; save it as UTF-8"},
        {"\xfe\xff\0{\0}", 6, "not JSON: this is text in UTF-16; save it as UTF-8"},
        {"{\0}\0", 4, "not JSON: this is text in UTF-16 or UTF-32; save it as UTF-8"},
        {"\xff\xfe\0\0{\0\0\0", 8, "not JSON: this is text in UTF-32; save it as UTF-8"},
        {"\x1f\x8b\x08\0", 4, "not JSON: this is gzip; send it unpacked"},
        {"{\"a\":\"\xe9\"}", 9, "not JSON: the text is not UTF-8"},
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = ERR_INIT;
        json_t *json = NULL;
        int rc = json_util_parse(cases[i].bytes, cases[i].len, 100, &json, &err);

        ck_assert_int_eq(rc, cases[i].detail == NULL ? 0 : -1);
        if (rc != 0) {
            ck_assert_int_eq(err.code, ERR_SYNTAX);
            ck_assert_str_eq(err.detail, cases[i].detail);
        }
        json_decref(json);
        err_fini(&err);
    }
}
END_TEST

/* ---- writing ----------------------------------------------------------------------- */

START_TEST(numbers_read_back_equal)
{
    static const double values[] = {0,
                                    1,
                                    -1,
                                    0.1,
                                    1.0 / 3,
                                    1e-8,
                                    5e-324,
                                    DBL_MAX,
                                    -DBL_MAX,
                                    1e22,
                                    9007199254740991.0,
                                    9007199254740992.0,
                                    0.30000000000000004,
                                    3.4028234663852886e38,
                                    123456789.125};
    static const struct {
        double value;
        const char *text;
    } forms[] = {{0.1, "0.1"},    {3, "3"},         {-0.0, "-0.0"},
                 {1e-8, "1e-08"}, {0.001, "0.001"}, {9007199254740992.0, "9007199254740992"}};
    struct buf text = BUF_INIT;
    size_t i;

    for (i = 0; i < ARRAY_LEN(values); i++) {
        buf_clear(&text);
        json_util_number(&text, values[i]);
        ck_assert(strtod(text.data, NULL) == values[i]);
    }
    for (i = 0; i < ARRAY_LEN(forms); i++) {
        buf_clear(&text);
        json_util_number(&text, forms[i].value);
        ck_assert_str_eq(text.data, forms[i].text);
    }
    buf_clear(&text);
    json_util_number(&text, 1e300 * 1e300);
    ck_assert_str_eq(text.data, "null");
    buf_fini(&text);
}
END_TEST

START_TEST(texts_survive_a_dump)
{
    static const char text[] = "{\"a\\\"b\":[\"\\n\\t\\u0001\\\\/"
                               "\",\"\u00e9\u4e16\",-0.0,1e-7,true,false,null,{}],\"z\":1}";
    struct buf dump = BUF_INIT;
    struct err err = ERR_INIT;
    json_t *json = NULL, *back = NULL;

    ck_assert_int_eq(json_util_parse(text, strlen(text), 100, &json, &err), 0);
    json_util_dump(&dump, json);
    ck_assert_int_eq(json_util_parse(dump.data, dump.len, 100, &back, &err), 0);
    ck_assert_int_eq(json_equal(json, back), 1);
    json_decref(json);
    json_decref(back);
    buf_fini(&dump);
}
END_TEST

START_TEST(long_texts_are_cut_between_characters)
{
    char long_text[200], shown[JSON_UTIL_SHOWN];
    size_t i;

    for (i = 0; i + 2 < sizeof long_text; i += 2) {
        memcpy(long_text + i, "\u00e9", 2);
    }
    long_text[i] = '\0';
    for (i = 0; i < 2; i++) { /* at an odd place too */
        json_util_shown(long_text + 2 * i, shown);
        ck_assert(text_is_utf8(shown, strlen(shown)));
        ck_assert_uint_lt(strlen(shown), JSON_UTIL_SHOWN);
        ck_assert_str_eq(shown + strlen(shown) - 3, "...");
        long_text[2] = 'a';
        memmove(long_text + 3, long_text + 4, strlen(long_text + 4) + 1);
    }
    ck_assert_str_eq(json_util_shown("short", shown), "short");
}
END_TEST

START_TEST(pointers_are_escaped_and_cut)
{
    struct buf pointer = BUF_INIT;
    char key[300];

    json_util_pointer(&pointer, "a/b~c");
    json_util_pointer_index(&pointer, 17);
    json_util_pointer(&pointer, "");
    ck_assert_str_eq(pointer.data, "/a~1b~0c/17/");
    buf_clear(&pointer);
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    json_util_pointer(&pointer, key);
    ck_assert_uint_eq(pointer.len, 1 + 128 + 3);
    ck_assert_str_eq(pointer.data + pointer.len - 3, "...");
    buf_fini(&pointer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *tc = tcase_create("json");

    tcase_add_test(tc, depth_is_limited);
    tcase_add_test(tc, values_are_limited);
    tcase_add_test(tc, other_things_have_names);
    tcase_add_test(tc, numbers_read_back_equal);
    tcase_add_test(tc, texts_survive_a_dump);
    tcase_add_test(tc, long_texts_are_cut_between_characters);
    tcase_add_test(tc, pointers_are_escaped_and_cut);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}
