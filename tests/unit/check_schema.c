/* What a table's columns are taken for, and what is remembered of them. */
#include "data_help.h"

#include "base/buf.h"
#include "data/datetime.h"

static const struct dataset_column *column(const struct dataset *ds, const char *name)
{
    return dataset_column(ds, column_named(ds, name));
}

/* A table of the column "v" with `n` of the texts in turn, and a column "w" beside it. */
static void fill(struct buf *out, const char *const *texts, size_t n_texts, size_t n)
{
    size_t i;

    buf_clear(out);
    buf_printf(out, "w,v\n");
    for (i = 0; i < n; i++) {
        buf_printf(out, "%zu,%s\n", i % 3, texts[i % n_texts]);
    }
}

static void is_type(const char *text, enum column_type type, const char *why, const char *remark)
{
    struct dataset *ds = table(text);
    const struct dataset_column *c = column(ds, "v");

    ck_assert_msg(c->type == type, "%s, not %s", column_type_name(c->type), column_type_name(type));
    ck_assert_msg(c->why != NULL && strcmp(c->why, why) == 0, "why: %s", c->why);
    if (remark == NULL) {
        ck_assert_msg(c->remark == NULL, "remark: %s", c->remark);
    } else {
        ck_assert_msg(c->remark != NULL && strcmp(c->remark, remark) == 0, "remark: %s", c->remark);
    }
    ck_assert(!c->declared);
    dataset_free(&ds);
    folder_files(true);
}

static void refused(const char *text, const struct csv_options *options, int64_t row, int64_t line,
                    const char *words)
{
    struct csv_options plain = CSV_OPTIONS_INIT;
    struct dataset_summary summary;
    struct err err = ERR_INIT;

    ck_assert_int_eq(
        csv_try(text, strlen(text), options != NULL ? options : &plain, 0, &summary, &err), -1);
    ck_assert_uint_eq(err.n_items, 1);
    ck_assert_msg(strstr(err.items[0].detail, words) != NULL, "%s", err.items[0].detail);
    ck_assert_int_eq(err.items[0].row, row);
    ck_assert_int_eq(err.items[0].line, line);
    ck_assert_str_eq(err.items[0].column, "v");
    ck_assert_uint_eq(folder_files(false), 0);
    err_fini(&err);
}

START_TEST(booleans)
{
    is_type("w,v\n1,true\n2,false\n3,\n", COLUMN_BOOLEAN,
            "boolean: \"true\" and \"false\", 1 missing", NULL);
    is_type("w,v\n1,No\n2,Yes\n", COLUMN_BOOLEAN, "boolean: \"Yes\" and \"No\"", NULL);
    is_type("w,v\n1,t\n2,f\n", COLUMN_BOOLEAN, "boolean: \"t\" and \"f\"", NULL);
    is_type("w,v\n1,Y\n2,N\n", COLUMN_BOOLEAN, "boolean: \"Y\" and \"N\"", NULL);
    is_type("w,v\n1,yes\n2,yes\n", COLUMN_BOOLEAN, "boolean: only \"yes\"",
            "constant: every value is \"yes\"");
    is_type("w,v\n1,t\n2,t\n", COLUMN_CATEGORICAL, "categorical: 1 distinct text",
            "constant: every value is \"t\"");
    is_type("w,v\n1,0\n2,1\n", COLUMN_NUMERIC, "numeric: 2 numbers", NULL);
    is_type("w,v\n1,true\n2,no\n", COLUMN_CATEGORICAL, "categorical: 2 distinct texts", NULL);
    is_type("w,v\n1,true\n2,1\n", COLUMN_CATEGORICAL,
            "categorical: 2 distinct texts, 1 of 2 cells are numbers", NULL);
    is_type("w,v\n1,true\n2,maybe\n", COLUMN_CATEGORICAL, "categorical: 2 distinct texts", NULL);
}
END_TEST

/* Each of the two keeps its first spelling; a third word is refused where it stands. */
START_TEST(booleans_in_any_case)
{
    struct csv_options options = CSV_OPTIONS_INIT;
    struct dataset *ds = table("w,v\n1,True\n2,FALSE\n3,true\n4,False\n");
    const struct dataset_column *c = column(ds, "v");
    struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    size_t i;

    ck_assert_int_eq(c->type, COLUMN_BOOLEAN);
    ck_assert_uint_eq(c->n_categories, 2);
    ck_assert_uint_eq(c->counts[0], 2);
    ck_assert_str_eq(text_at(ds, "v", 2), "True");
    ck_assert_str_eq(text_at(ds, "v", 3), "FALSE");
    dataset_free(&ds);
    folder_files(true);

    buf_printf(&text, "v\n");
    for (i = 0; i < CSV_SAMPLE_ROWS; i++) {
        buf_printf(&text, "%s\n", i % 2 ? "yes" : "no");
    }
    buf_printf(&text, "maybe\n");
    refused(text.data, NULL, CSV_SAMPLE_ROWS + 1, CSV_SAMPLE_ROWS + 2,
            "row 10001: column \"v\" is boolean but has the text \"maybe\"; declare it with "
            "types=v:categorical");
    buf_fini(&text);

    ck_assert_int_eq(csv_types_parse("v:boolean", &options, &err), 0);
    ds = table_with("v\n1\n0\nyes\n", &options); /* declared: 0 and 1 are booleans too */
    c = column(ds, "v");
    ck_assert_int_eq(c->type, COLUMN_BOOLEAN);
    ck_assert_str_eq(c->why, "declared boolean: \"1\" and \"0\"");
    ck_assert(c->declared);
    ck_assert_str_eq(text_at(ds, "v", 2), "1");
    dataset_free(&ds);
    folder_files(true);
    refused("v\n1\n2\n", &options, 2, 3,
            "row 2: column \"v\" is declared boolean but has the text");
    csv_options_fini(&options);
}
END_TEST

START_TEST(datetimes)
{
    struct dataset *ds;
    const struct dataset_column *c;
    char text[DATETIME_LEN];

    is_type("w,v\n1,2026-11-23\n2,2026/11/24\n3,NA\n", COLUMN_DATETIME,
            "datetime: 2 datetimes, 1 missing", NULL);
    is_type("w,v\n1,2026-11-23 20:01:02\n", COLUMN_DATETIME, "datetime: 1 datetime",
            "constant: every value is 2026-11-23T20:01:02Z");
    is_type("w,v\n1,01/02/2026\n2,02/03/2026\n", COLUMN_CATEGORICAL,
            "categorical: 2 distinct texts", "looks like dates: declare it with types=...:datetime:%m/%d/%Y or %d/%m/%Y");
    is_type("w,v\n1,2026\n2,2027\n", COLUMN_NUMERIC, "numeric: 2 numbers", NULL);
    is_type("w,v\n1,1234-56-78\n2,2345-67-89\n3,2026-01-01\n", COLUMN_CATEGORICAL,
            "categorical: 3 distinct texts", NULL);
    ds = table("v\n2026-11-23T20:01:02+01:00\n2026-11-23T20:01:02.5\n\n");
    c = column(ds, "v");
    ck_assert_double_eq(number_at(ds, "v", 0), 1795460462.0);
    ck_assert_double_eq(number_at(ds, "v", 1), 1795464062.5);
    datetime_show(c->max, text);
    ck_assert_str_eq(text, "2026-11-23T20:01:02.5Z");
    dataset_free(&ds);
}
END_TEST

START_TEST(dates_that_are_not)
{
    struct csv_options options = CSV_OPTIONS_INIT;
    struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    struct dataset *ds;
    size_t i;

    refused("w,v\n1,2026-02-27\n2,2026-02-28\n3,2026-02-30\n", NULL, 3, 4,
            "row 3: column \"v\" is datetime but has a day or time that does not exist, "
            "\"2026-02-30\"; declare it with types=v:categorical, or send missing=2026-02-30 if "
            "that means no value");
    buf_printf(&text, "v\n");
    for (i = 0; i < 99; i++) {
        buf_printf(&text, "2026-01-%02zu\n", i % 31 + 1);
    }
    buf_printf(&text, "soon\n");
    refused(text.data, NULL, 100, 101,
            "row 100: column \"v\" is datetime but has the text \"soon\"");
    /* A column that changes its type far behind the sample. */
    buf_clear(&text);
    buf_printf(&text, "w,v\n");
    for (i = 0; i < CSV_SAMPLE_ROWS + 5000; i++) {
        buf_printf(&text, "%zu,2026-01-01T00:00:%02zu\n", i, i % 60);
    }
    buf_printf(&text, "0,2026-13-01\n");
    refused(text.data, NULL, 15001, 15002, "does not exist, \"2026-13-01\"");
    buf_fini(&text);

    ck_assert_int_eq(csv_types_parse("v:datetime:%d/%m/%Y", &options, &err), 0);
    ds = table_with("v\n01/02/2026\n\n13/02/2026\n", &options);
    ck_assert_double_eq(number_at(ds, "v", 0), 1769904000.0);
    ck_assert_str_eq(column(ds, "v")->format, "%d/%m/%Y");
    ck_assert_str_eq(column(ds, "v")->why, "declared datetime: 2 datetimes written as %d/%m/%Y");
    dataset_free(&ds);
    folder_files(true);
    refused("v\n01/02/2026\n30/02/2026\n", &options, 2, 3,
            "row 2: column \"v\" is declared datetime as %d/%m/%Y but has a day or time that does "
            "not exist, \"30/02/2026\"");
    refused("v\n2026-02-01\n", &options, 1, 2, "but has the text \"2026-02-01\"");
    csv_options_fini(&options);
    ck_assert_int_eq(csv_types_parse("v:datetime:%d/%m,w:numeric:%Y,x:datetime:", &options, &err),
                     -1);
    ck_assert_uint_eq(err.n_items, 3);
    ck_assert_str_eq(err.items[0].detail,
                     "\"v:datetime:%d/%m\" has no year: %Y, %y, or %s for seconds");
    ck_assert_str_eq(err.items[1].detail,
                     "\"w:numeric:%Y\" has a format, and only datetimes have one");
    err_fini(&err);
}
END_TEST

static void texts(struct buf *out, size_t n, size_t distinct, bool sentence)
{
    size_t i;

    buf_clear(out);
    buf_printf(out, "w,v\n");
    for (i = 0; i < n; i++) {
        buf_printf(out, "%zu,%c", i % 3, (int)('a' + i % distinct % 26));
        buf_printf(out, "%s%zu%s\n", sentence ? " was here on day " : "", i % distinct,
                   sentence ? " and had nothing at all to say" : "");
    }
}

START_TEST(free_text)
{
    struct buf text = BUF_INIT;

    /* Nearly all different: 200 cells, 90 %. */
    texts(&text, 199, 199, false);
    is_type(text.data, COLUMN_CATEGORICAL, "categorical: 199 distinct texts",
            "looks like an identifier: 199 distinct of 199 rows");
    texts(&text, 200, 200, false);
    is_type(text.data, COLUMN_TEXT, "text: 200 distinct texts in 200 cells, 3 bytes on average",
            "looks like an identifier: 200 distinct of 200 rows");
    texts(&text, 200, 180, false);
    is_type(text.data, COLUMN_TEXT, "text: 180 distinct texts in 200 cells, 3 bytes on average",
            NULL);
    texts(&text, 200, 179, false);
    is_type(text.data, COLUMN_CATEGORICAL, "categorical: 179 distinct texts", NULL);
    /* Long: 20 cells, more than half of them different. */
    texts(&text, 20, 20, true);
    is_type(text.data, COLUMN_TEXT, "text: 20 distinct texts in 20 cells, 50 bytes on average",
            NULL);
    texts(&text, 19, 19, true);
    is_type(text.data, COLUMN_CATEGORICAL, "categorical: 19 distinct texts", NULL);
    texts(&text, 20, 10, true);
    is_type(text.data, COLUMN_CATEGORICAL, "categorical: 10 distinct texts", NULL);
    buf_fini(&text);
}
END_TEST

START_TEST(identifiers)
{
    static const char *const words[] = {"red", "green"};
    struct buf text = BUF_INIT;
    size_t i;

    for (i = 0; i < 4; i++) { /* rising, shuffled without a gap, with one, twice */
        size_t k;

        buf_clear(&text);
        buf_printf(&text, "w,v\n");
        for (k = 0; k < 20; k++) {
            size_t value = i == 0   ? k * k
                           : i == 1 ? (k * 7 + 3) % 20
                                    : (k * 7 + 3) % 20 + k / 19 * 100;

            buf_printf(&text, "%zu,%zu\n", k % 2, i == 3 && k == 19 ? 3 : value);
        }
        is_type(text.data, COLUMN_NUMERIC, "numeric: 20 numbers",
                i < 2 ? "looks like an identifier: 20 distinct of 20 rows" : NULL);
    }
    fill(&text, words, 2, 40);
    is_type(text.data, COLUMN_CATEGORICAL, "categorical: 2 distinct texts", NULL);
    is_type("v\n7\n7\n\n7.0\n", COLUMN_NUMERIC, "numeric: 3 numbers", "constant: every value is 7");
    is_type("w,v\n1,7\n2,\n", COLUMN_NUMERIC, "numeric: 1 number, 1 missing",
            "constant: every value there is is 7");
    is_type("w,v\n1,\n2,NA\n", COLUMN_NUMERIC, "numeric: no cell has a value", NULL);
    buf_fini(&text);
}
END_TEST

/* `words` of 30 cells say something else than a number, by turns `kinds` different words. */
static char *remark_of(size_t words, size_t kinds, size_t different)
{
    struct buf text = BUF_INIT;
    struct dataset *ds;
    char *remark;
    size_t i;

    buf_puts(&text, "w,v\n");
    for (i = 0; i < 30; i++) {
        if (i < words) {
            buf_printf(&text, "%zu,%.*s\n", i, (int)(1 + i % kinds), "-----");
        } else {
            buf_printf(&text, "%zu,%zu\n", i, i % different);
        }
    }
    ds = table(text.data);
    buf_fini(&text);
    remark = dataset_column(ds, 1)->remark != NULL ? xstrdup(dataset_column(ds, 1)->remark) : NULL;
    dataset_free(&ds);
    return remark;
}

START_TEST(words_among_numbers)
{
    static const struct {
        size_t words, kinds, different;
        const char *remark;
    } cases[] = {
        {3, 1, 30,
         "is numbers in 27 of 30 cells: if \"-\" means no value, upload it with missing="},
        {14, 3, 10,
         "is numbers in 16 of 30 cells: if \"-\" and the like means no value, upload it "
         "with missing="},
        {15, 1, 30, NULL}, /* half are none */
        {8, 4, 30, NULL},  /* four words are names */
        {3, 1, 9, NULL},   /* so are nine codes */
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        char *remark = remark_of(cases[i].words, cases[i].kinds, cases[i].different);

        ck_assert_pstr_eq(remark, cases[i].remark);
        free(remark);
    }
}
END_TEST

/* Texts that a person reads as something else: said, and never guessed. */
START_TEST(hints)
{
    static const struct {
        const char *cells[2], *remark;
    } cases[] = {
        {{"13/02/2026", "01/02/2026"},
         "looks like dates: declare it with types=...:datetime:%d/%m/%Y"},
        {{"2/13/2026", "01/02/2026"},
         "looks like dates: declare it with types=...:datetime:%m/%d/%Y"},
        {{"03/02/2026", "01/02/2026"},
         "looks like dates: declare it with types=...:datetime:%m/%d/%Y or %d/%m/%Y"},
        {{"13.02.2026 10:30", "01.02.2026 11:00"},
         "looks like dates: declare it with types=...:datetime:%d.%m.%Y %H:%M"},
        {{"\"1,5\"", "2"},
         "looks like numbers, written as \"1,5\": write digits and a decimal point only"},
        {{"$3", "\"$1,250.50\""},
         "looks like numbers, written as \"$3\": write digits and a decimal point only"},
        {{"1  2 3", "4 5 6"},
         "holds several numbers, as \"1  2 3\": put one delimiter between them"},
        {{"1.2.3", "a"}, NULL},
        {{"32/13/2026", "01/02/2026"}, NULL},
        {{"$", "%"}, NULL},
    };
    struct dataset *ds;
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = xasprintf("w,v\n1,%s\n2,%s\n3,\n", cases[i].cells[0], cases[i].cells[1]);

        ds = table(text);
        ck_assert_pstr_eq(column(ds, "v")->remark, cases[i].remark);
        dataset_free(&ds);
        free(text);
    }
}
END_TEST

START_TEST(words_for_no_value)
{
    struct csv_options options = CSV_OPTIONS_INIT;
    const struct missing *words;
    struct err err = ERR_INIT;
    struct dataset *ds;

    ck_assert_int_eq(missing_parse(&options.missing, "-999,unknown,a\\,b,,unknown", &err), 0);
    ds = table_with("n,t\n-999,unknown\n-999.0,NA\n,\"a,b\"\n5,N/A\n998,x\n", &options);
    words = dataset_missing(ds);
    ck_assert(words->defaults);
    ck_assert_uint_eq(words->n, 3);
    ck_assert_str_eq(words->words[2], "a,b");
    ck_assert_uint_eq(words->n_numbers, 1);
    ck_assert_uint_eq(column(ds, "n")->missing, 3);
    ck_assert_double_eq(column(ds, "n")->min, 5);
    ck_assert_uint_eq(column(ds, "t")->missing, 4);
    ck_assert_uint_eq(column(ds, "t")->n_categories, 1);
    dataset_free(&ds);
    folder_files(true);
    options.missing.defaults = false; /* NA is Namibia */
    ds = table_with("t\nNA\nDE\nunknown\nNA\n\"\"\n", &options);
    ck_assert_uint_eq(column(ds, "t")->missing, 2);
    ck_assert_str_eq(text_at(ds, "t", 0), "NA");
    ck_assert(!dataset_missing(ds)->defaults);
    dataset_free(&ds);
    csv_options_fini(&options);
    ck_assert_int_eq(
        missing_parse(&options.missing,
                      "0123456789012345678901234567890123456789012345678901234567890123,"
                      "01234567890123456789012345678901234567890123456789012345678901234",
                      &err),
        -1);
    ck_assert_uint_eq(err.n_items, 1);
    ck_assert_str_eq(err.items[0].pointer, "/missing");
    ck_assert_uint_eq(options.missing.n, 1);
    err_fini(&err);
    missing_fini(&options.missing);
}
END_TEST

/* A declared type that the cells would have had anyway changes no byte; one that they would not
 * does. */
START_TEST(declaring_what_is_so)
{
    static const char text[] = "n,t,d\n1,a,2026-01-01\n2,b,2026-01-02\n";
    struct csv_options plain = CSV_OPTIONS_INIT, same = CSV_OPTIONS_INIT, other = CSV_OPTIONS_INIT;
    struct dataset_summary a, b, c;
    struct err err = ERR_INIT;

    ck_assert_int_eq(csv_types_parse("n:numeric,t:categorical,d:datetime", &same, &err), 0);
    ck_assert_int_eq(csv_types_parse("n:categorical", &other, &err), 0);
    ck_assert_int_eq(csv_try(text, strlen(text), &plain, 0, &a, &err), 0);
    ck_assert_int_eq(csv_try(text, strlen(text), &same, 1, &b, &err), 0);
    ck_assert_int_eq(csv_try(text, strlen(text), &other, 3, &c, &err), 0);
    ck_assert_str_eq(a.sha256, b.sha256);
    ck_assert_str_ne(a.sha256, c.sha256);
    csv_options_fini(&same);
    csv_options_fini(&other);
}
END_TEST

START_TEST(statistics)
{
    struct buf text = BUF_INIT;
    const struct dataset_column *c;
    struct dataset *ds;
    size_t i;

    buf_printf(&text, "n,d,t\n");
    for (i = 0; i < 101; i++) {
        buf_printf(&text, "%zu.5,2026-01-01T00:%02zu:00,%s\n", i, i % 60, i % 4 == 0 ? "" : "a");
    }
    ds = table(text.data);
    c = column(ds, "n");
    for (i = 0; i < DATASET_QUANTILES; i++) {
        ck_assert_double_eq_tol(c->quantiles[i], dataset_quantiles[i] * 100 + 0.5, 1e-9);
    }
    ck_assert(c->exact);
    ck_assert_uint_eq(c->histogram.n, 10);
    c = column(ds, "d");
    ck_assert_double_eq(c->quantiles[0], 1767225600.0);
    ck_assert_uint_gt(c->histogram.n, 1);
    c = column(ds, "t");
    ck_assert_uint_eq(c->missing, 26);
    ck_assert(c->exact && isnan(c->quantiles[4]) && c->histogram.n == 0);
    dataset_free(&ds);
    buf_fini(&text);
}
END_TEST

/* Numbers that differ in their last bit: what is written of them is read again. */
START_TEST(numbers_side_by_side)
{
    struct dataset *ds = table("v\n0.3\n0.30000000000000004\n\n0.3\n"), *other;

    ck_assert_double_eq(column(ds, "v")->quantiles[0], 0.3);
    dataset_free(&ds);
    other = table("w,v\n1,4444444444444441.4\n2,4444444444444444\n");
    ck_assert_double_eq(column(other, "v")->quantiles[4], 4444444444444443);
    dataset_free(&other);
}
END_TEST

/* A file that the first version wrote reads as it did. */
START_TEST(an_old_file)
{
    const char *top = getenv("top_srcdir");
    char *path = xasprintf("%s/tests/unit/fixtures/dataset-1", top != NULL ? top : ".");
    struct dataset *ds = NULL;
    struct err err = ERR_INIT;

    ck_assert_msg(dataset_open(path, &ds, &err) == 0, "%s", err.detail);
    ck_assert_uint_eq(dataset_rows(ds), 5);
    ck_assert_int_eq(column(ds, "t")->type, COLUMN_CATEGORICAL);
    ck_assert_uint_eq(column(ds, "t")->n_categories, 3);
    ck_assert_str_eq(text_at(ds, "t", 4), "blue");
    ck_assert_double_eq(number_at(ds, "n", 3), 300);
    ck_assert_uint_eq(column(ds, "f")->missing, 1);
    ck_assert_double_eq(column(ds, "f")->max, 1e10);
    ck_assert_ptr_null(column(ds, "f")->why);
    ck_assert(isnan(column(ds, "f")->quantiles[0]));
    ck_assert_uint_eq(column(ds, "f")->histogram.n, 0);
    ck_assert(dataset_missing(ds)->defaults);
    dataset_free(&ds);
    free(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, folder_make, folder_remove);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, booleans);
    tcase_add_test(all, booleans_in_any_case);
    tcase_add_test(all, datetimes);
    tcase_add_test(all, dates_that_are_not);
    tcase_add_test(all, free_text);
    tcase_add_test(all, identifiers);
    tcase_add_test(all, hints);
    tcase_add_test(all, words_among_numbers);
    tcase_add_test(all, words_for_no_value);
    tcase_add_test(all, declaring_what_is_so);
    tcase_add_test(all, statistics);
    tcase_add_test(all, numbers_side_by_side);
    tcase_add_test(all, an_old_file);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
