/* The text of a cell: numbers to the last bit, missing values, what an error shows. */
#include "data_help.h"

#include "base/text.h"
#include "data/cell.h"

static void same_number(const char *text, size_t len)
{
    double fast = 1.0, slow = 1.0;
    bool a = cell_number(text, len, &fast), b = text_to_double(text, len, &slow);

    ck_assert_msg(a == b && same_bits(&fast, &slow, sizeof fast), "\"%s\": %d %.17g, %d %.17g",
                  text, a, fast, b, slow);
}

/* The same with anything behind it: digits, a point, what ends a cell. */
static void same_number_in(const char *text, size_t len)
{
    static const char *const behind[] = {"", ",", "5555555555555555555", ".7,-1", "\n-2,8e9,11.5,,,"};
    size_t i;

    same_number(text, len);
    for (i = 0; i < ARRAY_LEN(behind); i++) {
        size_t room = len + strlen(behind[i]);
        char *bytes = malloc(room + 1); /* no byte more: the sanitizer sees who reads on */
        double in = 1.0, slow = 1.0;
        bool a, b = text_to_double(text, len, &slow);

        memcpy(bytes, text, len);
        memcpy(bytes + len, behind[i], room - len);
        bytes = realloc(bytes, room > 0 ? room : 1);
        a = cell_number_in(bytes, len, room, &in);
        ck_assert_msg(a == b && same_bits(&in, &slow, sizeof in),
                      "\"%s\" before \"%s\": %d %.17g, %d %.17g", text, behind[i], a, in, b, slow);
        free(bytes);
    }
}

START_TEST(numbers_equal_strtod)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "+0",
        "-0.0",
        "1",
        "+5",
        "5.",
        ".5",
        ".",
        "-",
        "+",
        "e5",
        "1e",
        "1e+",
        "1e5",
        "1E-5",
        "1e+05",
        "9007199254740992",
        "9007199254740993",
        "9007199254740993.0",
        "123456789012345678",
        "1234567890123456789",
        "18446744073709551616",
        "18446744073709551617",
        "12345678901234567890",
        "1e22",
        "1e23",
        "1e-22",
        "1e-23",
        "1e308",
        "1e309",
        "-1e309",
        "5e-324",
        "1e-400",
        "1e0000000001",
        "1e001",
        "0x10",
        "inf",
        "nan",
        "NaN",
        "1,5",
        "1 2",
        " 1",
        "1 ",
        "\t1\t",
        "",
        " ",
        "--1",
        "+-1",
        "1.2.3",
        "1e5.5",
        "1e99999",
        "0.1",
        "0.30000000000000004",
        "2.2250738585072011e-308",
        "179769313486231580793728971405301e276",
        "00000000000000000000001",
        "1e-5e",
        "1d5",
        "0.000000000000000000000000000000000000001",
    };
    uint64_t state = 42;
    char text[64];
    size_t i;

    for (i = 0; i < ARRAY_LEN(texts); i++) {
        same_number_in(texts[i], strlen(texts[i]));
    }
    for (i = 0; i < (SLOW ? 50000 : 400000); i++) {
        uint64_t a;
        double value;
        int n;

        state = state * 6364136223846793005u + 1442695040888963407u;
        a = state ^ state >> 29;
        switch (a % 5) {
        case 0: /* decimals as people write them */
            n = snprintf(text, sizeof text, "%s%u.%0*u", a & 64 ? "-" : "",
                         (unsigned)(a >> 20) % 100000, (int)(a >> 8) % 7 + 1,
                         (unsigned)(a >> 36) % 1000000);
            break;
        case 1: /* any double at all */
            memcpy(&value, &a, sizeof value);
            n = snprintf(text, sizeof text, "%.*g", (int)(a >> 12) % 17 + 1, value);
            break;
        case 2:
            n = snprintf(text, sizeof text, "%.17g", (double)a / 1e9);
            break;
        case 3:
            n = snprintf(text, sizeof text, "%llue%d", (unsigned long long)a >> (a >> 58),
                         (int)(a >> 13) % 60 - 30);
            break;
        default:
            n = snprintf(text, sizeof text, "%llu.%llu", (unsigned long long)a >> (a >> 58),
                         (unsigned long long)(a >> 30));
            break;
        }
        (i % 8 == 0 ? same_number_in : same_number)(text, (size_t)n);
    }
}
END_TEST

START_TEST(numbers_shortest_text)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {3.0, "3"},
        {-0.0, "0"},
        {0.1, "0.1"},
        {-12.0, "-12"},
        {1e15, "1e+15"},
        {2.5, "2.5"},
        {0.1 + 0.2, "0.30000000000000004"},
        {999999999999999.0, "999999999999999"},
        {1.0 / 3.0, "0.3333333333333333"},
    };
    char text[CELL_NUMBER_LEN];
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        cell_format(cases[i].value, text);
        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

START_TEST(missing_words)
{
    static const char *const gone[] = {"", "?", "NA", "N/A", "NaN", "nan", "null", "NULL"};
    static const char *const there[] = {"0", " ", "na", "Na", "Null", "none", "n/a", "??", "NULLS"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(gone); i++) {
        ck_assert_msg(cell_missing(gone[i], strlen(gone[i])), "%s", gone[i]);
    }
    for (i = 0; i < ARRAY_LEN(there); i++) {
        ck_assert_msg(!cell_missing(there[i], strlen(there[i])), "%s", there[i]);
    }
}
END_TEST

START_TEST(shown_cells)
{
    char text[128];
    char *shown = cell_show("a\tb\x7f", 4);
    size_t i;

    ck_assert_str_eq(shown, "a b ");
    free(shown);
    memset(text, 'x', sizeof text);
    shown = cell_show(text, 60);
    ck_assert_uint_eq(strlen(shown), 60);
    free(shown);
    shown = cell_show(text, 61);
    ck_assert_uint_eq(strlen(shown), 63);
    ck_assert_str_eq(shown + 60, "...");
    free(shown);
    for (i = 0; i < 3; i++) { /* the cut falls on each byte of a character */
        memset(text, 'x', i);
        for (size_t k = i; k + 3 <= sizeof text; k += 3) {
            memcpy(text + k, "\xe2\x82\xac", 3);
        }
        shown = cell_show(text, i + 3 * 40);
        ck_assert(text_is_utf8(shown, strlen(shown)));
        ck_assert_uint_le(strlen(shown), 63);
        free(shown);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cell");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_test(all, numbers_equal_strtod);
    tcase_add_test(all, numbers_shortest_text);
    tcase_add_test(all, missing_words);
    tcase_add_test(all, shown_cells);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
