/* The CSV reader: what it takes, what it refuses and how it says so, types, flat memory. */
#include "data_help.h"

#include "base/buf.h"
#include "base/text.h"

static const struct csv_options defaults = CSV_OPTIONS_INIT;

/* The text must be refused with one item at (row, line, column) whose detail holds `words`. */
static void refused_with(const char *text, size_t len, const struct csv_options *options,
                         int64_t row, int64_t line, const char *column, const char *words)
{
    size_t piece;

    for (piece = 0; piece < 4; piece++) {
        struct dataset_summary summary;
        struct err err = ERR_INIT;

        ck_assert_msg(csv_try(text, len, options, piece, &summary, &err) == -1, "taken: %s", text);
        ck_assert_msg(strstr(err.detail, words) != NULL, "\"%s\" without \"%s\"", err.detail,
                      words);
        ck_assert_int_eq(err.code, ERR_INVALID);
        ck_assert_uint_ge(err.n_items, 1);
        ck_assert_int_eq(err.items[0].row, row);
        ck_assert_int_eq(err.items[0].line, line);
        ck_assert_pstr_eq(err.items[0].column, column);
        ck_assert(text_is_utf8(err.detail, strlen(err.detail)));
        err_fini(&err);
        ck_assert_uint_eq(folder_files(false), 0); /* nothing stays on disk */
    }
}

static void refused(const char *text, int64_t row, int64_t line, const char *column,
                    const char *words)
{
    refused_with(text, strlen(text), &defaults, row, line, column, words);
}

START_TEST(cells_as_written)
{
    struct dataset *ds =
        table("a,b,c\n1,x,-2.5e3\n 2 , \"y, \"\"z\"\"\" ,.5\n3,\"line\nbreak\",+7\n");

    ck_assert_uint_eq(dataset_rows(ds), 3);
    ck_assert_uint_eq(dataset_n_columns(ds), 3);
    ck_assert_str_eq(dataset_names(ds)[1], "b");
    ck_assert_double_eq(number_at(ds, "a", 1), 2.0);
    ck_assert_double_eq(number_at(ds, "c", 0), -2500.0);
    ck_assert_double_eq(number_at(ds, "c", 1), 0.5);
    ck_assert_double_eq(number_at(ds, "c", 2), 7.0);
    ck_assert_str_eq(text_at(ds, "b", 0), "x");
    ck_assert_str_eq(text_at(ds, "b", 1), "y, \"z\"");
    ck_assert_str_eq(text_at(ds, "b", 2), "line\nbreak");
    ck_assert_int_eq(dataset_find(ds, "nope"), -1);
    dataset_free(&ds);
}
END_TEST

START_TEST(line_ends_and_marks)
{
    /* All of these are the same table, and so the same file. */
    static const char *const texts[] = {
        "a,b\n1,x\n2,y\n",
        "a,b\r\n1,x\r\n2,y\r\n",
        "a,b\n1,x\n2,y",
        "a,b\r1,x\r2,y\r",
        ("\xef\xbb\xbf"
         "a,b\n1,x\n2,y"),
        "\n\na,b\n\n1,x\n\n\n2,y\n\n",
        "\"a\",\"b\"\n\"1\",\"x\"\n\"2\",\"y\"",
        "a,b\n 1 ,x \n2,\ty\r\n",
    };
    struct dataset_summary first, other;
    struct err err = ERR_INIT;
    size_t i;

    ck_assert_int_eq(csv_try(texts[0], strlen(texts[0]), &defaults, 0, &first, &err), 0);
    for (i = 1; i < ARRAY_LEN(texts); i++) {
        ck_assert_msg(csv_try(texts[i], strlen(texts[i]), &defaults, 0, &other, &err) == 0,
                      "%zu: %s", i, err.detail);
        ck_assert_msg(strcmp(first.sha256, other.sha256) == 0, "text %zu is another table", i);
    }
    ck_assert_uint_eq(folder_files(false), 1);
}
END_TEST

START_TEST(any_cut_gives_the_same)
{
    static const char text[] =
        "\xef\xbb\xbfid,name,value\r\n1,\"a \"\"quoted\"\",\r\nname\",1.5\r\n"
        "2,?,\r\n\r\n3,\xc3\xa9t\xc3\xa9,-0.0\r\n4,\"\",1e-3";
    struct dataset_summary whole, cut;
    struct err err = ERR_INIT;
    struct csv_reader *r;
    size_t at;

    ck_assert_int_eq(csv_try(text, strlen(text), &defaults, 0, &whole, &err), 0);
    for (at = 0; at <= strlen(text); at++) {
        ck_assert_int_eq(csv_reader_new(folder, &defaults, &r, &err), 0);
        ck_assert_int_eq(csv_reader_feed(r, text, at, &err), 0);
        ck_assert_int_eq(csv_reader_feed(r, text + at, strlen(text) - at, &err), 0);
        ck_assert_int_eq(csv_reader_finish(r, &cut, &err), 0);
        csv_reader_free(&r);
        ck_assert_str_eq(whole.sha256, cut.sha256);
    }
    for (at = 1; at < 8; at++) {
        ck_assert_int_eq(csv_try(text, strlen(text), &defaults, at, &cut, &err), 0);
        ck_assert_str_eq(whole.sha256, cut.sha256);
    }
}
END_TEST

START_TEST(missing_markers)
{
    struct dataset *ds = table("n,t\n1,x\n,\n?,?\nNA,NA\nNaN,NaN\nnan,nan\nnull,null\nNULL,NULL\n"
                               "2,Na\n3,none\n");
    const struct dataset_column *n = dataset_column(ds, 0), *t = dataset_column(ds, 1);
    uint64_t row;

    ck_assert_int_eq(n->type, COLUMN_NUMERIC);
    ck_assert_uint_eq(n->missing, 7);
    ck_assert_uint_eq(t->missing, 7);
    ck_assert_uint_eq(t->n_categories, 3);
    for (row = 1; row <= 7; row++) {
        ck_assert(isnan(number_at(ds, "n", row)));
        ck_assert_ptr_null(text_at(ds, "t", row));
    }
    ck_assert_str_eq(text_at(ds, "t", 8), "Na");
    ck_assert_double_eq(n->mean, 2.0);
    dataset_free(&ds);
}
END_TEST

/* `numbers` of `of` cells are numbers, then texts, and `gone` empty ones. */
static void mixed(struct buf *text, int numbers, int of, int gone)
{
    int i;

    buf_clear(text);
    buf_puts(text, "k,v\n");
    for (i = 0; i < of; i++) {
        buf_printf(text, i < numbers ? "%d,%d\n" : "%d,t%d\n", i, i);
    }
    for (i = 0; i < gone; i++) {
        buf_printf(text, "%d,\n", i);
    }
}

START_TEST(types_at_95_percent)
{
    struct buf text = BUF_INIT;
    struct dataset *ds;

    mixed(&text, 94, 100, 0);
    ds = table(text.data);
    ck_assert_int_eq(dataset_column(ds, 1)->type, COLUMN_CATEGORICAL);
    dataset_free(&ds);
    mixed(&text, 94, 100, 500); /* missing cells do not count */
    ds = table(text.data);
    ck_assert_int_eq(dataset_column(ds, 1)->type, COLUMN_CATEGORICAL);
    dataset_free(&ds);
    mixed(&text, 100, 100, 7);
    ds = table(text.data);
    ck_assert_int_eq(dataset_column(ds, 1)->type, COLUMN_NUMERIC);
    dataset_free(&ds);
    folder_files(true);
    mixed(&text, 95, 100, 0);
    refused(text.data, 96, 97, "v",
            "row 96: column \"v\" is numeric but has the text \"t95\"; declare it with "
            "types=v:categorical");
    mixed(&text, 96, 100, 500);
    refused(text.data, 97, 98, "v", "\"t96\"");
    buf_fini(&text);
}
END_TEST

START_TEST(declared_types)
{
    struct csv_options options = CSV_OPTIONS_INIT;
    struct err err = ERR_INIT;
    struct dataset *ds;

    ck_assert_int_eq(csv_types_parse("v:categorical,we\\:ird\\,\\\\:numeric", &options, &err), 0);
    ck_assert_uint_eq(options.n_types, 2);
    ck_assert_str_eq(options.type_names[1], "we:ird,\\");
    ds = table_with("\"we:ird,\\\",v\n1,10\n2,20.0\n", &options);
    ck_assert_str_eq(text_at(ds, "v", 0), "10");
    ck_assert_str_eq(text_at(ds, "v", 1), "20.0");
    dataset_free(&ds);
    folder_files(true);
    refused_with("\"we:ird,\\\",v\n1,10\nx,20.0\n", 25, &options, 2, 3, "we:ird,\\",
                 "is declared numeric but has the text \"x\"");
    refused_with("weird,v\n1,10\n", 13, &options, 0, 0, NULL, "there is no column \"we:ird,\\\"");
    csv_options_fini(&options);

    /* The hint of an error can be pasted back. */
    refused("a:b\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\nx\n", 20, 21,
            "a:b", "types=a\\:b:categorical");
    ck_assert_int_eq(csv_types_parse("", &options, &err), 0);
    ck_assert_uint_eq(options.n_types, 0);
    csv_options_fini(&options);
    ck_assert_int_eq(csv_types_parse("a:texts,b,:numeric,c:numeric,c:numeric", &options, &err), -1);
    ck_assert_uint_eq(err.n_items, 4);
    ck_assert_str_eq(err.items[0].pointer, "/types");
    ck_assert_str_eq(err.items[0].detail, "\"a:texts\" is not NAME:TYPE with one of numeric, categorical, boolean, "
                     "datetime, text");
    ck_assert_str_eq(err.items[3].detail, "column \"c\" is declared twice");
    err_fini(&err);
}
END_TEST

START_TEST(no_header)
{
    struct csv_options options = CSV_OPTIONS_INIT;
    struct dataset *ds;

    options.header = false;
    ds = table_with("1,x\n2,y", &options);
    ck_assert_uint_eq(dataset_rows(ds), 2);
    ck_assert_str_eq(dataset_names(ds)[0], "c1");
    ck_assert_str_eq(dataset_names(ds)[1], "c2");
    ck_assert_double_eq(number_at(ds, "c1", 0), 1.0);
    dataset_free(&ds);
    folder_files(true);
    refused_with("1,x\n2\n", 6, &options, 2, 2, NULL, "row 2 (line 2) has 1 field, expected 2");
    refused("1.5,2\n3,4\n", 0, 0, NULL, "send header=false");
    refused("1,1\n3,4\n", 0, 0, NULL, "send header=false");
    ds = table("1,2\n3,4\n"); /* numbered columns are common */
    ck_assert_double_eq(number_at(ds, "2", 0), 4.0);
    dataset_free(&ds);
}
END_TEST

START_TEST(other_delimiters)
{
    struct csv_options options = CSV_OPTIONS_INIT;
    struct dataset *ds;
    struct csv_reader *r = NULL;
    struct err err = ERR_INIT;

    options.delimiter = ';';
    ds = table_with("a;b\n1;\"x;y\"\n", &options);
    ck_assert_str_eq(text_at(ds, "b", 0), "x;y");
    dataset_free(&ds);
    options.delimiter = '\t';
    ds = table_with("a\tb\tc\n\t x \t3\n", &options);
    ck_assert(isnan(number_at(ds, "a", 0)));
    ck_assert_str_eq(text_at(ds, "b", 0), "x");
    dataset_free(&ds);
    folder_files(true);
    refused("a;b\n1;2\n", 0, 0, NULL, "is the delimiter \";\"?");
    refused("\"a\";\"b\"\n1;2\n", 0, 1, NULL, "is the delimiter \";\"?");
    options.delimiter = '"';
    ck_assert_int_eq(csv_reader_new(folder, &options, &r, &err), -1);
    ck_assert_str_eq(err.items[0].pointer, "/delimiter");
    err_fini(&err);
}
END_TEST

START_TEST(refusals)
{
    static const char nul[] = "a,b\n1,x\n2,y\0z\n";
    struct buf text = BUF_INIT;
    size_t i;

    refused("", 0, 0, NULL, "the text is empty");
    refused("\xef\xbb\xbf\n\n", 0, 0, NULL, "the text is empty");
    refused("a,b\n", 0, 0, NULL, "there is a header but no rows");
    refused("a,b\n1,2\n3\n", 2, 3, NULL, "row 2 (line 3) has 1 field, expected 2");
    refused("a,b\n1,2\n3,4,5\n", 2, 3, NULL, "row 2 (line 3) has 3 fields, expected 2");
    refused("a,a\n1,2\n", 0, 1, NULL, "columns 1 and 2 have the same name, \"a\"");
    refused("\n\na,\n1,2\n", 0, 3, NULL, "column 2 has no name");
    refused("a,\xff\n1,2\n", 0, 1, NULL, "header, column 2 (line 1): invalid UTF-8");
    refused("a,b\n1,caf\xe9\n", 1, 2, "b", "row 1, column \"b\" (line 2): invalid UTF-8");
    refused("a,b\n1,x\"y\n", 1, 2, "b", "row 1, column \"b\" (line 2): a misplaced quote");
    refused("a,b\n1,\"x\"y\n", 1, 2, "b", "a misplaced quote");
    refused("a,b\n1,x\n2,\"y\n3,z\n", 2, 3, "b",
            "line 3): the quote that opens here is never closed");
    refused_with(nul, sizeof nul - 1, &defaults, 2, 3, "b", "a NUL byte");
    refused_with("\xff\xfe"
                 "a\0",
                 4, &defaults, 0, 1, NULL, "UTF-16");
    refused_with("\xfe\xff\0a", 4, &defaults, 0, 1, NULL, "UTF-16");
    refused("\x1f\x8b\x08 and more", 0, 1, NULL, "gzip");
    buf_puts(&text, "a,b\n1,");
    for (i = 0; i < CSV_MAX_FIELD; i++) {
        buf_puts(&text, "x");
    }
    {
        struct dataset *ds = table(text.data); /* the limit itself is fine */

        ck_assert_uint_eq(strlen(text_at(ds, "b", 0)), CSV_MAX_FIELD);
        dataset_free(&ds);
        folder_files(true);
    }
    buf_puts(&text, "x");
    refused(text.data, 1, 2, "b", "the field has more than 64 KiB");
    for (i = 0; i < 1u << 20; i++) {
        buf_puts(&text, "x");
    }
    refused(text.data, 1, 2, "b", "the field has more than 64 KiB");
    buf_clear(&text);
    for (i = 0; i < 257; i++) {
        buf_puts(&text, "n");
    }
    buf_puts(&text, ",b\n1,2\n");
    refused(text.data, 0, 1, NULL, "257 bytes, the limit is 256");
    buf_fini(&text);
}
END_TEST

/* A cell without end is refused as soon as it is too long: it is not collected first. */
START_TEST(endless_field)
{
    struct csv_reader *r;
    struct err err = ERR_INIT;
    char block[1024];
    size_t fed = 0;
    int result = 0;

    memset(block, 'x', sizeof block);
    ck_assert_int_eq(csv_reader_new(folder, &defaults, &r, &err), 0);
    ck_assert_int_eq(csv_reader_feed(r, "a\n\"", 3, &err), 0);
    for (; result == 0 && fed < 10 * CSV_MAX_FIELD; fed += sizeof block) {
        result = csv_reader_feed(r, block, sizeof block, &err);
    }
    ck_assert_int_eq(result, -1);
    ck_assert_uint_le(fed, CSV_MAX_FIELD + 2 * sizeof block);
    ck_assert_ptr_nonnull(strstr(err.detail, "is a quote not closed?"));
    err_fini(&err);
    csv_reader_free(&r);
}
END_TEST

START_TEST(too_many_columns)
{
    struct buf text = BUF_INIT;
    size_t i;
    struct dataset_summary summary;
    struct err err = ERR_INIT;

    for (i = 0; i <= DATASET_MAX_COLUMNS; i++) {
        buf_printf(&text, "%zu,", i);
    }
    ck_assert_int_eq(csv_try(text.data, text.len, &defaults, 0, &summary, &err), -1);
    ck_assert_str_eq(err.detail, "there are more than 100000 columns");
    err_fini(&err);
    buf_fini(&text);
}
END_TEST

START_TEST(lines_count_quoted_breaks)
{
    /* Two breaks inside row 1, CRLF ends, a blank line: the bad row 3 begins on line 8. */
    refused("a,b\r\n1,\"x\r\ny\r\nz\"\r\n2,y\r\n\r\n\r\n3\r\n", 3, 8, NULL, "row 3 (line 8)");
    /* The cell itself: the row begins on line 2, the cell on line 4. */
    refused("t,b\n\"x\n\ny\",\"caf\xe9\"\n", 1, 4, "b", "(line 4)");
    /* A text in a numeric column of the sample is told by its own line. */
    refused(
        "t,n\n\"x\ny\",1\nq,2\nq,3\nq,4\nq,5\nq,6\nq,7\nq,8\nq,9\nq,10\nq,11\nq,12\nq,13\nq,14\n"
        "q,15\nq,16\nq,17\nq,18\nq,19\n\"x\n\ny\",bad\n",
        20, 24, "n", "row 20: column \"n\" is numeric");
}
END_TEST

/* n rows "i,i*i,word" with the given cell in the middle column of one row. */
static void long_text(struct buf *text, int n, int odd_row, const char *odd)
{
    int i;

    buf_clear(text);
    buf_puts(text, "id,age,word\n");
    for (i = 1; i <= n; i++) {
        if (i == odd_row) {
            buf_printf(text, "%d,%s,\"w\n%d\"\n", i, odd, i % 7);
        } else {
            buf_printf(text, "%d,%d,\"w\n%d\"\n", i, i, i % 7);
        }
    }
}

START_TEST(after_the_sample)
{
    struct buf text = BUF_INIT;
    struct dataset *ds;

    long_text(&text, 20000, 15000, "");
    ds = table(text.data);
    ck_assert_uint_eq(dataset_rows(ds), 20000);
    ck_assert_double_eq(number_at(ds, "age", 14998), 14999.0);
    ck_assert(isnan(number_at(ds, "age", 14999)));
    ck_assert_double_eq(number_at(ds, "id", 19999), 20000.0);
    ck_assert_str_eq(text_at(ds, "word", 19999), "w\n1");
    dataset_free(&ds);
    folder_files(true);
    long_text(&text, 16000, 15000, "abc");
    /* Every row takes two lines. */
    refused(text.data, 15000, 2 + 2 * 14999, "age",
            "row 15000: column \"age\" is numeric but has the text \"abc\"; declare it with "
            "types=age:categorical");
    long_text(&text, 16000, 15000, "\xe9");
    refused(text.data, 15000, 2 + 2 * 14999, "age", "invalid UTF-8");
    long_text(&text, 16000, 15000, "1,2");
    refused(text.data, 15000, 2 + 2 * 14999, NULL, "has 4 fields, expected 3");
    long_text(&text, 16000, 15000, "\"1");
    refused(text.data, 15000, 2 + 2 * 14999, "age", "a misplaced quote");
    long_text(&text, 10001, 10001, "abc"); /* the first row that is not in the sample */
    refused(text.data, 10001, 2 + 2 * 10000, "age", "row 10001");
    long_text(&text, 10000, 10000, "abc"); /* the last one that is */
    refused(text.data, 10000, 2 + 2 * 9999, "age", "row 10000");
    buf_fini(&text);
}
END_TEST

START_TEST(long_cells_are_cut_in_errors)
{
    struct buf text = BUF_INIT;
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    int i;

    buf_puts(&text, "n\n");
    for (i = 0; i < 99; i++) {
        buf_puts(&text, "1\n");
    }
    buf_puts(&text, "\"\t");
    for (i = 0; i < 40; i++) {
        buf_puts(&text, "\xc3\xa9"); /* 1 + 2 * 40 bytes: byte 60 is inside a letter */
    }
    buf_puts(&text, "\"\n");
    ck_assert_int_eq(csv_try(text.data, text.len, &defaults, 0, &summary, &err), -1);
    ck_assert(text_is_utf8(err.detail, strlen(err.detail)));
    ck_assert_ptr_nonnull(strstr(err.detail, "\xc3\xa9...\""));
    ck_assert_ptr_null(strchr(err.detail, '\t'));
    ck_assert_uint_lt(strlen(err.items[0].detail), 160);
    err_fini(&err);
    buf_fini(&text);
}
END_TEST

START_TEST(all_problems_of_a_sample_at_once)
{
    struct buf text = BUF_INIT;
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    int i;

    buf_puts(&text, "a,b,c\n");
    for (i = 0; i < 50; i++) {
        buf_printf(&text, "%s,%d,%s\n", i == 7 ? "x" : "1", i, i == 9 ? "y" : "2");
    }
    ck_assert_int_eq(csv_try(text.data, text.len, &defaults, 0, &summary, &err), -1);
    ck_assert_uint_eq(err.n_items, 2);
    ck_assert_str_eq(err.items[0].column, "a");
    ck_assert_int_eq(err.items[0].row, 8);
    ck_assert_str_eq(err.items[1].column, "c");
    ck_assert_int_eq(err.items[1].row, 10);
    err_fini(&err);
    buf_fini(&text);
}
END_TEST

START_TEST(too_many_texts)
{
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    struct csv_reader *r;
    char rows[64 * 1024];
    size_t i, n = 0;
    int result = 0;

    ck_assert_int_eq(csv_reader_new(folder, &defaults, &r, &err), 0);
    ck_assert_int_eq(csv_reader_feed(r, "id\n", 3, &err), 0);
    for (i = 0; i <= 1000000 && result == 0; i++) {
        n += (size_t)snprintf(rows + n, sizeof rows - n, "x%zu\n", i);
        if (n > sizeof rows - 32 || i == 1000000) {
            result = csv_reader_feed(r, rows, n, &err);
            n = 0;
        }
    }
    ck_assert_int_eq(result, -1);
    ck_assert_str_eq(err.detail,
                     "column \"id\" has more than 1000000 different texts; leave it out");
    ck_assert_int_eq(err.items[0].row, 1000001);
    ck_assert_str_eq(err.items[0].column, "id");
    csv_reader_free(&r);
    err_fini(&err);
    (void)summary;
    ck_assert_uint_eq(folder_files(false), 0);
}
END_TEST

/* Much text of many columns must not move the memory: one block of rows, fed again and again. */
static void stays_flat(int numbers, bool wide, size_t want)
{
    size_t fed = 0, before, peak = 0;
    struct dataset_summary summary;
    struct buf block = BUF_INIT;
    struct err err = ERR_INIT;
    struct csv_reader *r;
    uint64_t state = 1, blocks = 0;
    int i, k;

    for (k = 0; k < numbers; k++) {
        buf_printf(&block, "c%d,", k);
    }
    buf_puts(&block, "class,text\n");
    ck_assert_int_eq(csv_reader_new(folder, &defaults, &r, &err), 0);
    ck_assert_int_eq(csv_reader_feed(r, block.data, block.len, &err), 0);
    buf_clear(&block);
    for (i = 0; i < 500; i++) {
        for (k = 0; k < numbers; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            if (wide) {
                buf_printf(&block, "%d,", (int)(state >> 60));
            } else {
                buf_printf(&block, "%d.%d,", (int)(state >> 44), k);
            }
        }
        buf_printf(&block, "class %d,\"a longer, quoted text %d\"\n", i % 5, i % 100);
    }
    before = mem_resident();
    for (; fed < want; fed += block.len, blocks++) {
        size_t now;

        ck_assert_msg(csv_reader_feed(r, block.data, block.len, &err) == 0, "%s", err.detail);
        now = mem_resident();
        peak = now > peak ? now : peak;
    }
    ck_assert_int_eq(csv_reader_finish(r, &summary, &err), 0);
    ck_assert_uint_eq(summary.rows, 500 * blocks);
    csv_reader_free(&r);
    if (!SLOW) {
        ck_assert_msg(peak - before < 64u << 20, "%d columns: grew by %zu bytes", numbers,
                      peak - before);
    }
    buf_fini(&block);
}

START_TEST(memory_stays_flat)
{
    stays_flat(40, false, SLOW ? 8u << 20 : 160u << 20);
    stays_flat(2000, true, SLOW ? 1u << 20 : 40u << 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("csv");
    TCase *reading = tcase_create("reading");

    tcase_add_checked_fixture(reading, folder_make, folder_remove);
    tcase_set_timeout(reading, 120);
    tcase_add_test(reading, cells_as_written);
    tcase_add_test(reading, line_ends_and_marks);
    tcase_add_test(reading, any_cut_gives_the_same);
    tcase_add_test(reading, missing_markers);
    tcase_add_test(reading, types_at_95_percent);
    tcase_add_test(reading, declared_types);
    tcase_add_test(reading, no_header);
    tcase_add_test(reading, other_delimiters);
    tcase_add_test(reading, refusals);
    tcase_add_test(reading, endless_field);
    tcase_add_test(reading, too_many_columns);
    tcase_add_test(reading, lines_count_quoted_breaks);
    tcase_add_test(reading, after_the_sample);
    tcase_add_test(reading, long_cells_are_cut_in_errors);
    tcase_add_test(reading, all_problems_of_a_sample_at_once);
    tcase_add_test(reading, too_many_texts);
    tcase_add_test(reading, memory_stays_flat);
    suite_add_tcase(suite, reading);
    return run_suite(suite);
}
