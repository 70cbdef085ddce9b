/* Dates and times of cells: what is read, what is refused, and the calendar against the C
 * library's. */
#include "data_help.h"

#include <time.h>

#include "data/cell.h"
#include "data/datetime.h"

static void reads(const char *text, const char *format, const char *shown)
{
    char out[DATETIME_LEN] = "";
    double seconds = 0.0;

    ck_assert_msg(datetime_parse(text, strlen(text), format, &seconds) == DATETIME_OK, "%s", text);
    datetime_show(seconds, out);
    ck_assert_msg(strcmp(out, shown) == 0, "\"%s\" is %s, not %s", text, out, shown);
}

static void refuses(const char *text, const char *format, enum datetime_result why)
{
    double seconds = 0.0;
    enum datetime_result got = datetime_parse(text, strlen(text), format, &seconds);

    ck_assert_msg(got == why, "\"%s\": %d, not %d", text, (int)got, (int)why);
}

START_TEST(as_rfc_3339)
{
    reads("1970-01-01", NULL, "1970-01-01T00:00:00Z");
    reads("2026-11-23", NULL, "2026-11-23T00:00:00Z");
    reads("2026/11/23", NULL, "2026-11-23T00:00:00Z");
    reads("2026-11-23T20:01:02Z", NULL, "2026-11-23T20:01:02Z");
    reads("2026-11-23t20:01:02z", NULL, "2026-11-23T20:01:02Z");
    reads("2026-11-23 20:01:02", NULL, "2026-11-23T20:01:02Z");
    reads("2026/11/23 20:01", NULL, "2026-11-23T20:01:00Z");
    reads("2026-11-23T20:01:02.5Z", NULL, "2026-11-23T20:01:02.5Z");
    reads("2026-11-23 20:01:02,123456", NULL, "2026-11-23T20:01:02.123456Z");
    reads("2026-11-23T20:01:02+01:30", NULL, "2026-11-23T18:31:02Z");
    reads("2026-11-23T20:01:02-0800", NULL, "2026-11-24T04:01:02Z");
    reads("2026-11-23 20:01:02.25+00", NULL, "2026-11-23T20:01:02.25Z");
    reads("2026-11-23 20:01:02 UTC", NULL, "2026-11-23T20:01:02Z");
    reads("2016-12-31T23:59:60Z", NULL, "2017-01-01T00:00:00Z");
    reads("2024-02-29", NULL, "2024-02-29T00:00:00Z");
    reads("2000-02-29", NULL, "2000-02-29T00:00:00Z");
    reads("1969-12-31T23:59:59.75Z", NULL, "1969-12-31T23:59:59.75Z");
    reads("0001-01-01", NULL, "0001-01-01T00:00:00Z");
    reads("9999-12-31T23:59:59Z", NULL, "9999-12-31T23:59:59Z");
}
END_TEST

START_TEST(not_written_so)
{
    static const char *const texts[] = {
        "",
        "2026",
        "2026-11",
        "26-11-23",
        "2026-1-2",
        "01/02/2026",
        "2026-11/23",
        "2026.11.23",
        "2026-11-23T",
        "2026-11-23T20",
        "2026-11-23X20:01",
        "2026-11-23T20:01:02 ",
        "2026-11-23T20:01:02.",
        "2026-11-23T20:1",
        "2026-11-23T20:01:02+1",
        "2026-11-23T20:01:02+01:",
        "2026-11-23T20:01:02+01:0",
        "2026-11-23T20:01:02Zz",
        " 2026-11-23",
        "20261123",
        "23 Nov 2026",
        "-026-11-23",
        "2026-11-2e",
        "12026-11-23",
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(texts); i++) {
        refuses(texts[i], NULL, DATETIME_NOT);
    }
}
END_TEST

START_TEST(no_such_day)
{
    static const char *const texts[] = {
        "2026-02-30",
        "2026-02-29",
        "1900-02-29",
        "2026-00-10",
        "2026-13-01",
        "2026-04-31",
        "2026-01-00",
        "2026/99/99",
        "0000-01-01",
        "2026-11-23T24:00:00Z",
        "2026-11-23T20:60",
        "2026-11-23T20:01:61",
        "2026-11-23T20:01:60",
        "2026-11-23T20:01:02+24:00",
        "2026-11-23T20:01:02+01:60",
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(texts); i++) {
        refuses(texts[i], NULL, DATETIME_NO_SUCH);
    }
}
END_TEST

START_TEST(in_a_format)
{
    reads("01/02/2026", "%d/%m/%Y", "2026-02-01T00:00:00Z");
    reads("01/02/2026", "%m/%d/%Y", "2026-01-02T00:00:00Z");
    reads("1/2/26", "%d/%m/%y", "2026-02-01T00:00:00Z");
    reads("1.2.69", "%d.%m.%y", "1969-02-01T00:00:00Z");
    reads("20261123T200102+0100", "%Y%m%dT%H%M%S%z", "2026-11-23T19:01:02Z");
    reads("Mon, 23 Nov 2026 20:01:02 GMT", "%a, %d %b %Y %H:%M:%S %z", "2026-11-23T20:01:02Z");
    reads("23 november 2026", "%d %b %Y", "2026-11-23T00:00:00Z");
    reads("12:30 am May 1 2026", "%I:%M %p %b %d %Y", "2026-05-01T00:30:00Z");
    reads("12:30PM 2026", "%I:%M%p %Y", "2026-01-01T12:30:00Z");
    reads("11:05:06.25 PM 2026-060", "%I:%M:%S.%f %p %Y-%j", "2026-03-01T23:05:06.25Z");
    reads("1795464062.5", "%s", "2026-11-23T20:01:02.5Z");
    reads("-1", "%s", "1969-12-31T23:59:59Z");
    reads("100%2026", "100%%%Y", "2026-01-01T00:00:00Z");
    refuses("32/01/2026", "%d/%m/%Y", DATETIME_NO_SUCH);
    refuses("2026-366", "%Y-%j", DATETIME_NO_SUCH);
    refuses("2026-000", "%Y-%j", DATETIME_NO_SUCH);
    refuses("13:00 PM 2026", "%I:%M %p %Y", DATETIME_NO_SUCH);
    refuses("0:00 AM 2026", "%I:%M %p %Y", DATETIME_NO_SUCH);
    refuses("1e300", "%s", DATETIME_NO_SUCH);
    refuses("2026-11-23", "%d/%m/%Y", DATETIME_NOT);
    refuses("01/02/2026 ", "%d/%m/%Y", DATETIME_NOT);
    refuses("01/02/202", "%d/%m/%Y", DATETIME_NOT);
    refuses("x", "%s", DATETIME_NOT);
    refuses("1 Foo 2026", "%d %b %Y", DATETIME_NOT);
    refuses("1 xm 2026", "%I %p %Y", DATETIME_NOT);
}
END_TEST

START_TEST(formats_that_are_none)
{
    static const char *const bad[] = {"",      "%d/%m", "%Q %Y", "%Y%",  "%s %Y",
                                      "%I %Y", "%p %Y", "%Y%s",  "date", "%-d %Y"};
    static const char *const good[] = {"%Y", "%y", "%s", "%d/%m/%Y", "%I %p %Y", "%%%Y%%"};
    char text[DATETIME_MAX_FORMAT + 2];
    size_t i;

    for (i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(datetime_format_problem(bad[i]) != NULL, "%s", bad[i]);
    }
    for (i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert_msg(datetime_format_problem(good[i]) == NULL, "%s", good[i]);
    }
    memset(text, '.', sizeof text);
    memcpy(text, "%Y", 2);
    text[DATETIME_MAX_FORMAT] = '\0';
    ck_assert_ptr_null(datetime_format_problem(text));
    text[DATETIME_MAX_FORMAT] = '.';
    text[DATETIME_MAX_FORMAT + 1] = '\0';
    ck_assert_ptr_nonnull(datetime_format_problem(text));
}
END_TEST

/* Every day there is, against gmtime; what is shown reads back. */
START_TEST(the_calendar)
{
    const int64_t first = -62135596800, past = 253402300800;
    int64_t at;

    for (at = first; at < past; at += SLOW ? 86400 * 13 + 4567 : 86400 + 77) {
        struct datetime_parts got;
        char text[DATETIME_LEN];
        double back = 0.0;
        time_t t = (time_t)at;
        struct tm tm;

        ck_assert_ptr_nonnull(gmtime_r(&t, &tm));
        ck_assert(datetime_split((double)at, &got));
        ck_assert(got.year == tm.tm_year + 1900 && got.month == tm.tm_mon + 1 &&
                  got.day == tm.tm_mday && got.hour == tm.tm_hour && got.minute == tm.tm_min &&
                  got.second == tm.tm_sec && got.year_day == tm.tm_yday + 1 &&
                  got.weekday == (tm.tm_wday + 6) % 7);
        datetime_show((double)at, text);
        ck_assert(datetime_parse(text, strlen(text), NULL, &back) == DATETIME_OK);
        ck_assert(back == (double)at);
    }
}
END_TEST

START_TEST(the_edges)
{
    struct datetime_parts at;
    char text[DATETIME_LEN];

    ck_assert(datetime_split(-62135596800.0, &at));
    ck_assert(!datetime_split(-62135596801.0, &at));
    ck_assert(datetime_split(253402300799.5, &at));
    ck_assert(!datetime_split(253402300800.0, &at));
    ck_assert(!datetime_split(NAN, &at));
    ck_assert(!datetime_split(1e300, &at));
    ck_assert(datetime_split(-0.5, &at) && at.second == 59 && at.year == 1969);
    datetime_show(1e300, text);
    ck_assert_str_eq(text, "1e+300");
    datetime_show(0.9999999, text); /* rounds up to the next second */
    ck_assert_str_eq(text, "1970-01-01T00:00:01Z");
    datetime_show(0.000001, text);
    ck_assert_str_eq(text, "1970-01-01T00:00:00.000001Z");
}
END_TEST

START_TEST(booleans)
{
    static const struct {
        const char *text;
        int value;
        enum cell_pair pair;
    } cases[] = {
        {"true", 1, CELL_TRUE_FALSE}, {"False", 0, CELL_TRUE_FALSE},
        {"YES", 1, CELL_YES_NO},      {"no", 0, CELL_YES_NO},
        {"t", 1, CELL_T_F},           {"F", 0, CELL_T_F},
        {"y", 1, CELL_Y_N},           {"N", 0, CELL_Y_N},
        {"1", 1, CELL_1_0},           {"0", 0, CELL_1_0},
    };
    static const char *const none[] = {"", "tru", "truee", "2", "on", "yess", "nope", " no"};
    enum cell_pair pair;
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        pair = CELL_1_0;
        ck_assert_int_eq(cell_boolean(cases[i].text, strlen(cases[i].text), &pair), cases[i].value);
        ck_assert_int_eq(pair, cases[i].pair);
        ck_assert_int_eq(cell_boolean(cases[i].text, strlen(cases[i].text), NULL), cases[i].value);
    }
    for (i = 0; i < ARRAY_LEN(none); i++) {
        ck_assert_int_eq(cell_boolean(none[i], strlen(none[i]), &pair), -1);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("datetime");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_test(all, as_rfc_3339);
    tcase_add_test(all, not_written_so);
    tcase_add_test(all, no_such_day);
    tcase_add_test(all, in_a_format);
    tcase_add_test(all, formats_that_are_none);
    tcase_add_test(all, the_calendar);
    tcase_add_test(all, the_edges);
    tcase_add_test(all, booleans);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
