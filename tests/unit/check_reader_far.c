/* The readers of text far from its beginning: a line that never ends, a column that becomes another
 * after a million rows, as many columns as there may be, and lines that end in every way at once.
 */
#include "data/turns.h"
#include "reader_help.h"

#define NEAR_ROW ((int64_t)20000)
#define FAR_ROW  (SLOW ? NEAR_ROW : (int64_t)1000000)

static struct reader_options options_of(enum reader_format format)
{
    struct reader_options options = READER_OPTIONS_INIT;

    options.format = format;
    return options;
}

/* ---- lines without end ---- */

/* 1 GB that is one line: refused after 17 MiB at most, whatever it is made of, and the memory is
 * that of a line. */
START_TEST(endless_lines)
{
    static const struct {
        enum reader_format format;
        const char *begin, *unit, *words;
    } cases[] = {
        {READER_CSV, "a", "x", "64 KiB"},
        {READER_CSV, "a,b\n1,\"", "x", "64 KiB"},
        {READER_CSV, "a,b\n1,", " ", "16 MiB"},
        {READER_CSV, "a,b\n", "1,", "16 MiB"},
        {READER_TSV, "a\tb\n1\t", "x", "64 KiB"},
        {READER_TSV, "a\tb\n", "1\t", "16 MiB"},
        {READER_CSV, "", "1,", "100000 columns"},
        {READER_NDJSON, "{\"a\": \"", "x", "MiB"},
        {READER_NDJSON, "{\"a\": 1, ", " ", "MiB"},
        {READER_NDJSON, "", "{\"a\":", "MiB"},
        {READER_LIBSVM, "1 1:1", "1", "too long"},
        {READER_LIBSVM, "1 1:1 # ", "x", "MiB"},
        {READER_ARFF, "@relation r", "x", "MiB"},
        {READER_ARFF, "% ", "x", "MiB"},
        {READER_ARFF, "@relation r\n@attribute a string\n@data\n", "'x',", "MiB"},
        {READER_LOOK, "", "0", "64 KiB"},
    };
    const size_t block = 1 << 20;
    char *bytes = xmalloc(block);
    size_t i, k;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct reader_options options = options_of(cases[i].format);
        size_t unit = strlen(cases[i].unit), before, peak = 0;
        struct reader *r = NULL;
        struct err err = ERR_INIT;
        int rc = reader_new(folder, &options, &r, &err);

        for (k = 0; k < block; k++) {
            bytes[k] = cases[i].unit[k % unit];
        }
        before = mem_resident();
        rc = rc == 0 ? reader_feed(r, cases[i].begin, strlen(cases[i].begin), &err) : rc;
        for (k = 0; rc == 0 && k < 1000; k++) {
            rc = reader_feed(r, bytes, block - block % unit, &err);
            peak = mem_resident() > peak ? mem_resident() : peak;
        }
        ck_assert_msg(rc == -1 && k <= 17, "%zu: %s after %zu MiB", i, err.detail, k);
        ck_assert_msg(strstr(err.detail, cases[i].words) != NULL, "%zu: %s", i, err.detail);
        ck_assert_msg(SLOW || peak < before + (64u << 20), "%zu: %zu MiB", i,
                      (peak - before) >> 20);
        err_fini(&err);
        reader_free(&r);
        ck_assert_uint_eq(folder_files(false), 0);
    }
    free(bytes);
}
END_TEST

/* ---- a million rows, and then ---- */

START_TEST(another_type_after_a_million_rows)
{
    static const struct {
        enum reader_format format;
        const char *head, *row, *last, *words, *column;
        int64_t lines; /* of the head */
    } cases[] = {
        {READER_CSV, "k,v\n", "7,1.5\n", "7,oops\n", "numeric but has the text \"oops\"", "v", 1},
        {READER_CSV, "k,v\n", "7,2026-01-02\n", "7,2026-02-30\n", "does not exist", "v", 1},
        {READER_CSV, "k,v\n", "7,yes\n", "7,maybe\n", "boolean but has the text \"maybe\"", "v", 1},
        {READER_CSV, "k,v\n", "7,1\n", "7\n", "1 field, expected 2", NULL, 1},
        {READER_NDJSON, "", "{\"k\":7,\"v\":1}\n", "{\"k\":7,\"v\":\"oops\"}\n", "\"oops\"", "v",
         0},
        {READER_TSV, "k\tv\n", "7\t1.5\n", "7\toops\n", "numeric but has the text \"oops\"", "v", 1},
        {READER_TSV, "k\tv\n", "7\t2026-01-02\n", "7\tyesterday\n", "is datetime but has", "v", 1},
        {READER_NDJSON, "", "{\"k\":7,\"v\":1}\n", "{\"k\":7,\"v\":[1]}\n", "an array", "v", 0},
        {READER_NDJSON, "", "{\"k\":7,\"v\":\"2026-01-02\"}\n",
         "{\"k\":7,\"v\":\"2026-02-30\"}\n", "does not exist", "v", 0},
        {READER_LIBSVM, "", "1 1:7 2:1\n", "1 1:7 2:oops\n", "no finite number", NULL, 0},
        {READER_ARFF, "@relation r\n@attribute k real\n@attribute v {x}\n@data\n", "7,x\n",
         "7,oops\n", "\"oops\" is none", "v", 4},
    };
    const size_t many = 1000;
    size_t i, k;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        bool again = i > 0 && (cases[i].format == cases[i - 1].format ||
                               cases[i].format == READER_TSV); /* which is CSV */
        const int64_t far_row = again ? NEAR_ROW : FAR_ROW;
        struct reader_options options = options_of(cases[i].format);
        struct buf block = BUF_INIT;
        struct reader *r = NULL;
        struct err err = ERR_INIT;
        int rc = reader_new(folder, &options, &r, &err);

        buf_puts(&block, cases[i].head);
        rc = rc == 0 ? reader_feed(r, block.data, block.len, &err) : rc;
        buf_clear(&block);
        for (k = 0; k < many; k++) {
            buf_puts(&block, cases[i].row);
        }
        for (k = 1; rc == 0 && k < (size_t)far_row / many; k++) {
            rc = reader_feed(r, block.data, block.len, &err);
        }
        block.len -= strlen(cases[i].row);
        rc = rc == 0 ? reader_feed(r, block.data, block.len, &err) : rc;
        ck_assert_msg(rc == 0, "%zu: %s", i, err.detail);
        rc = reader_feed(r, cases[i].last, strlen(cases[i].last), &err);
        if (rc == 0) { /* some wait for the line's end */
            struct dataset_summary summary;

            rc = reader_finish(r, &summary, &err);
        }
        ck_assert_int_eq(rc, -1);
        ck_assert_msg(strstr(err.detail, cases[i].words) != NULL, "%zu: %s", i, err.detail);
        ck_assert_msg(err.items[0].row == far_row && err.items[0].line == far_row + cases[i].lines,
                      "%zu: row %lld, line %lld", i, (long long)err.items[0].row,
                      (long long)err.items[0].line);
        ck_assert_pstr_eq(err.items[0].column, cases[i].column);
        err_fini(&err);
        reader_free(&r);
        buf_fini(&block);
        ck_assert_uint_eq(folder_files(false), 0);
    }
}
END_TEST

/* What can be wrong with an array so late: it has one type, but a number of it may be infinite. */
START_TEST(an_infinite_number_after_a_million_rows)
{
    struct reader_options options = options_of(READER_NPY);
    struct dataset_summary summary;
    struct buf npy = BUF_INIT;
    struct err err = ERR_INIT;
    char *shape = xasprintf("(%lld, 2)", (long long)FAR_ROW);
    size_t bytes = (size_t)FAR_ROW * 2 * 2;
    char *numbers = xcalloc(bytes, 1);

    npy_head(&npy, "<f2", shape);
    memcpy(numbers + bytes - 2, "\0\x7c", 2);
    ck_assert_int_eq(buf_append(&npy, numbers, bytes), 0);
    ck_assert_int_eq(read_try(npy.data, npy.len, &options, 0, &summary, &err), -1);
    ck_assert_int_eq(err.items[0].row, FAR_ROW);
    ck_assert_pstr_eq(err.items[0].column, "x2");
    ck_assert_ptr_nonnull(strstr(err.detail, "infinite"));
    ck_assert_uint_eq(folder_files(false), 0);
    err_fini(&err);
    buf_fini(&npy);
    free(numbers);
    free(shape);
}
END_TEST

/* ---- columns ---- */

static void columns_of(enum reader_format format, size_t n, struct buf *out)
{
    struct buf npy = BUF_INIT;
    char *shape;
    size_t i;

    buf_clear(out);
    switch (format) {
    case READER_CSV:
    case READER_TSV:
        for (i = 0; i < n; i++) {
            buf_printf(out, "c%zu%c", i, i + 1 == n ? '\n' : format == READER_TSV ? '\t' : ',');
        }
        for (i = 0; i < n; i++) {
            buf_printf(out, "1%c", i + 1 == n ? '\n' : format == READER_TSV ? '\t' : ',');
        }
        return;
    case READER_ARFF:
        buf_puts(out, "@relation r\n");
        for (i = 0; i < n; i++) {
            buf_printf(out, "@attribute c%zu real\n", i);
        }
        buf_puts(out, "@data\n");
        for (i = 0; i < n; i++) {
            buf_printf(out, "1%c", i + 1 < n ? ',' : '\n');
        }
        return;
    case READER_LIBSVM: /* and the label */
        buf_printf(out, "1 %zu:1\n", n - 1);
        return;
    default:
        shape = xasprintf("(1, %zu)", n);
        npy_head(&npy, "|u1", shape);
        free(shape);
        for (i = 0; i < n; i++) {
            ck_assert_int_eq(buf_append(&npy, "\1", 1), 0);
        }
        if (format == READER_NPY) {
            ck_assert_int_eq(buf_append(out, npy.data, npy.len), 0);
        } else {
            const struct zip_member x = {
                .name = "x.npy", .bytes = npy.data, .len = npy.len, .deflated = true};

            zip_write(&x, 1, out);
        }
        buf_fini(&npy);
    }
}

START_TEST(as_many_columns_as_there_may_be)
{
    static const enum reader_format formats[] = {READER_CSV, READER_ARFF, READER_LIBSVM,
                                                 READER_NPY, READER_TSV,  READER_NPZ};
    struct reader_options options = options_of(formats[_i]);
    struct dataset_summary summary;
    struct buf bytes = BUF_INIT;
    struct err err = ERR_INIT;
    struct dataset *ds;

    columns_of(formats[_i], DATASET_MAX_COLUMNS, &bytes);
    ck_assert_msg(read_try(bytes.data, bytes.len, &options, 0, &summary, &err) == 0, "%s",
                  err.detail);
    ds = dataset_of(&summary);
    ck_assert_uint_eq(dataset_n_columns(ds), DATASET_MAX_COLUMNS);
    ck_assert_uint_eq(dataset_rows(ds), 1);
    dataset_free(&ds);
    folder_files(true);
    columns_of(formats[_i], DATASET_MAX_COLUMNS + 1, &bytes);
    ck_assert_int_eq(read_try(bytes.data, bytes.len, &options, 0, &summary, &err), -1);
    ck_assert_msg(strstr(err.detail, "more than 100000") != NULL ||
                      strstr(err.detail, "more than a table may have") != NULL,
                  "%s", err.detail);
    ck_assert_uint_eq(folder_files(false), 0);
    err_fini(&err);
    buf_fini(&bytes);
}
END_TEST

/* ---- line ends ---- */

START_TEST(lines_end_in_every_way)
{
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    size_t i, k, piece;

    for (i = 0; i < ARRAY_LEN(samples); i++) {
        const struct sample *s = &samples[i];
        struct reader_options options = options_of(s->format);
        struct dataset_summary plain, mixed;
        struct buf lf = BUF_INIT, text = BUF_INIT;
        struct err err = ERR_INIT;
        size_t lines = 0;

        if (!s->text) {
            continue;
        }
        buf_puts(&text, "\xef\xbb\xbf"); /* and a mark before */
        for (k = 0; k < s->len; k++) {
            if (s->bytes[k] == '\r') {
                continue;
            }
            ck_assert_int_eq(buf_append(&lf, &s->bytes[k], 1), 0);
            if (s->bytes[k] == '\n') {
                buf_puts(&text, ends[lines++ % 3]);
            } else {
                ck_assert_int_eq(buf_append(&text, &s->bytes[k], 1), 0);
            }
        }
        ck_assert_msg(read_try(lf.data, lf.len, &options, 0, &plain, &err) == 0, "%s", err.detail);
        for (piece = 0; piece < 4; piece++) {
            ck_assert_msg(read_try(text.data, text.len, &options, piece, &mixed, &err) == 0,
                          "%s: %s", s->name, err.detail);
            ck_assert_str_eq(mixed.sha256, plain.sha256);
        }
        folder_files(true);
        buf_fini(&lf);
        buf_fini(&text);
    }
}
END_TEST

/* ---- long work in turns ---- */

/* 600 rows of 5,001 columns in 12 kB: more than is done without a turn. */
static void wide_libsvm(struct buf *text)
{
    int i;

    for (i = 0; i < 600; i++) {
        buf_printf(text, "%d 5000:1\n", i % 2);
    }
}

static void fortran_bools(struct buf *bytes)
{
    static const char head[] = "{'descr': '|b1', 'fortran_order': True, 'shape': (300000, 8), }";
    static const char zeros[8192];
    int i;

    buf_printf(bytes, "\x93NUMPY\x01%c%c%c%-117s\n", 0, 118, 0, head);
    for (i = 0; i < 293; i++) {
        ck_assert_int_eq(buf_append(bytes, zeros, i < 292 ? sizeof zeros : 2400000 % 8192), 0);
    }
}

/* Whether it is read, or refused because all turns are taken. */
static bool is_read(const struct buf *bytes, const struct reader_options *options,
                    struct dataset_summary *summary)
{
    struct reader *r = NULL;
    struct err err = ERR_INIT;
    int rc;

    ck_assert_int_eq(reader_new(folder, options, &r, &err), 0);
    rc = reader_feed(r, bytes->data, bytes->len, &err) != 0 ? -1 : reader_finish(r, summary, &err);
    ck_assert_msg(rc == 0 || err.code == ERR_BUSY, "%s", err.detail);
    reader_free(&r);
    err_fini(&err);
    return rc == 0;
}

START_TEST(long_work_in_turns)
{
    struct reader_options options[4] = {options_of(READER_LIBSVM), options_of(READER_NPY),
                                        options_of(READER_LIBSVM), options_of(READER_LIBSVM)};
    struct buf table[4] = {BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT};
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    struct dataset *base;
    bool taken[TURNS], another;
    size_t i, k;

    wide_libsvm(&table[0]);
    fortran_bools(&table[1]);
    buf_puts(&table[2], "1 5000:1\n"); /* behind the first: that one's rows count */
    buf_puts(&table[3], "1 5:1\n");    /* short work */
    ck_assert(is_read(&table[0], &options[0], &summary));
    base = dataset_of(&summary);
    options[2].csv.base = base;
    for (k = 0; k < 4; k++) {
        options[k].csv.in_turns = true;
        ck_assert(is_read(&table[k], &options[k], &summary)); /* and gives its turn back */
    }
    for (i = 0; i < TURNS; i++) {
        ck_assert_int_eq(turns_take(true, TURNS_CELLS + 1, &taken[i], &err), 0);
        ck_assert(taken[i]);
    }
    ck_assert_int_eq(turns_take(true, TURNS_CELLS + 1, &another, &err), -1);
    ck_assert(!another);
    err_fini(&err);
    for (k = 0; k < 4; k++) {
        size_t before = folder_files(false);

        ck_assert(is_read(&table[k], &options[k], &summary) == (k == 3));
        ck_assert_uint_eq(folder_files(false), before);
        options[k].csv.in_turns = false;
        ck_assert(is_read(&table[k], &options[k], &summary));
        options[k].csv.in_turns = true;
    }
    for (i = 0; i < TURNS; i++) {
        turns_give(taken[i]);
    }
    for (k = 0; k < 4; k++) {
        ck_assert(is_read(&table[k], &options[k], &summary));
        buf_fini(&table[k]);
    }
    dataset_free(&base);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reader_far");
    TCase *tc = tcase_create("far");

    tcase_add_checked_fixture(tc, folder_make, folder_remove);
    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, endless_lines);
    tcase_add_test(tc, another_type_after_a_million_rows);
    tcase_add_test(tc, an_infinite_number_after_a_million_rows);
    tcase_add_loop_test(tc, as_many_columns_as_there_may_be, 0, 6);
    tcase_add_test(tc, lines_end_in_every_way);
    tcase_add_test(tc, long_work_in_turns);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
