/* The readers of all formats on bad input: cut at every byte, every byte another, and a table of
 * what is refused with which words. Nothing stays on disk (the sanitizers see to the memory).
 */
#include "reader_help.h"

#include "base/text.h"

static struct reader_options options_of(enum reader_format format)
{
    struct reader_options options = READER_OPTIONS_INIT;

    options.format = format;
    return options;
}

/* Whatever the bytes are: a table that reads back, or an error with words and no file. */
static int any(const void *bytes, size_t len, enum reader_format format)
{
    struct reader_options options = options_of(format);
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    int rc = read_try(bytes, len, &options, 0, &summary, &err);

    if (rc == 0) {
        struct dataset *ds = dataset_of(&summary);

        ck_assert_uint_eq(dataset_rows(ds), summary.rows);
        dataset_free(&ds);
        ck_assert_uint_eq(folder_files(true), 1);
    } else {
        ck_assert(err.code == ERR_INVALID || err.code == ERR_TOO_LARGE);
        ck_assert(strlen(err.detail) > 5 && text_is_utf8(err.detail, strlen(err.detail)));
        ck_assert_uint_eq(folder_files(false), 0);
    }
    err_fini(&err);
    return rc;
}

START_TEST(texts_cut_anywhere)
{
    const struct sample *s = &samples[_i];
    size_t len;

    for (len = 0; len < s->len; len++) {
        int rc = any(s->bytes, len, s->format);

        ck_assert_msg(s->text || rc != 0, "%s of %zu bytes is taken", s->name, len);
        if (len < 4) {
            (void)any(s->bytes, len, READER_LOOK);
        }
    }
}
END_TEST

START_TEST(arrays_cut_anywhere)
{
    static const char *const names[] = {"le_f4", "fortran", "version_2",    "texts_s",
                                        "bools", "npz",     "npz_deflated", "npz_unnamed"};
    size_t len, at;
    const unsigned char *bytes = golden(names[_i], &len);

    for (at = 0; at < len; at++) {
        ck_assert_msg(any(bytes, at, READER_LOOK) != 0 || at < 6, "%s of %zu bytes is taken",
                      names[_i], at);
        if (at >= 6) {
            ck_assert_int_ne(any(bytes, at, _i < 5 ? READER_NPY : READER_NPZ), 0);
        }
    }
}
END_TEST

/* Every byte replaced by a few others. */
static void garble(const char *bytes, size_t len, enum reader_format format)
{
    static const unsigned char others[] = {0, 0x20, 0x2c, 0xff};
    char *copy = xmalloc(len);
    size_t at, i;

    for (at = 0; at < len; at += SLOW ? 3 : 1) {
        for (i = 0; i < ARRAY_LEN(others); i++) {
            memcpy(copy, bytes, len);
            copy[at] = (char)others[i];
            (void)any(copy, len, format);
        }
    }
    free(copy);
}

START_TEST(texts_garbled)
{
    garble(samples[_i].bytes, samples[_i].len, samples[_i].format);
}
END_TEST

START_TEST(arrays_garbled)
{
    static const char *const names[] = {"le_f4", "texts_be", "fortran_cube", "npz_deflated"};
    size_t len;
    const unsigned char *bytes = golden(names[_i], &len);

    garble((const char *)bytes, len, _i < 3 ? READER_NPY : READER_NPZ);
}
END_TEST

/* ---- what is refused, and how ---- */

struct bad {
    enum reader_format format;
    const char *bytes;
    size_t len;
    const char *words;
    int64_t row, line;
    const char *column;
};
#define BAD(as, text, says, ...)                                                                   \
    {                                                                                              \
        .format = as, .bytes = text, .len = sizeof text - 1, .words = says, __VA_ARGS__            \
    }
#define N READER_NDJSON
#define S READER_LIBSVM
#define A READER_ARFF
#define L READER_LOOK
#define HEAD                                                                                       \
    "@relation r\n@attribute a real\n@attribute b {x,y}\n@attribute c date yyyy-MM-dd\n@data\n"

static const struct bad bads[] = {
    BAD(L, "", "empty"),
    BAD(L,
        "\xff\xfe"
        "a\0,\0",
        "UTF-16"),
    BAD(L, "\xfe\xff\0a\0,", "UTF-16"),
    BAD(L, "\xff\xfe\0\0a\0\0\0", "UTF-32"),
    BAD(L, "\0\0\xfe\xff\0\0\0a", "UTF-32"),
    BAD(L,
        "a\0,\0b\0\n\0"
        "1\0,\0"
        "2\0\n\0",
        "UTF-16"),
    BAD(N, "\xff\xfe{\0", "UTF-16"),
    BAD(S, "\xff\xfe\x31\0", "this is text in UTF-16; save it as UTF-8"),
    BAD(A, "\xfe\xff\0@", "this is text in UTF-16; save it as UTF-8"),
    BAD(READER_TSV, "\xff\xfe\x31\0", "this is text in UTF-16; save it as UTF-8"),
    BAD(READER_CSV, "\xef\xbb\xbf<!DOCTYPE html>", "HTML"),
    BAD(L, "PAR1aaaa", "Parquet"),
    BAD(L, "\x89HDF\r\n", "HDF5"),
    BAD(L, "BZh91AY", "bzip2"),
    BAD(READER_CSV, "\x93NUMPY\1\0", "NumPy's .npy, not csv"),
    BAD(N, "\x93NUMPY\1\0", "not ndjson"),
    BAD(READER_NPY, "a,b\n1,2\n", "neither .npy nor IDX"),
    BAD(READER_NPZ, "\x93NUMPY\1\0", "not npz"),
    BAD(READER_NPZ, "garbage that is long enough", "zip is damaged"),
    BAD(READER_IDX, "a,b\n1,2\n", "neither"),
    BAD(READER_CSV, "\0\0\x08\x03\0\0", "IDX"),
    /* NDJSON */
    BAD(N, "[{\"a\": 1}]", "JSON array", 1, 1),
    BAD(N, "{\"a\": 1}\n\n3\n", "no object", 2, 3),
    BAD(N, "{\"a\": 1}\r\n\r\n\r3\r\n", "no object", 2, 4),
    BAD(N, "{\"a\": {\"b\": 1}}", "nested", 1, 1, "a"),
    BAD(N, "{\"a\": 1}\n{\"a\": [1, 2]}", "an array; nested", 2, 2, "a"),
    BAD(N, "{\n\"a\": 1}", "does not end in its line", 1, 1),
    BAD(N, "{\"a\": 1} {\"a\": 2}", "text after the object", 1, 1),
    BAD(N, "{\"a\": 1,}", "a comma before", 1, 1),
    BAD(N, "{\"a\": 01}", "no JSON: \"01\"", 1, 1, "a"),
    BAD(N, "{\"a\": nan}", "no JSON", 1, 1, "a"),
    BAD(N, "{\"a\": }", "has no value", 1, 1, "a"),
    BAD(N, "{\"a\": x}", "texts stand in quotes", 1, 1, "a"),
    BAD(N, "{'a': 1}", "double quotes", 1, 1),
    BAD(N, "{\"a\" 1}", "colon", 1, 1),
    BAD(N, "{\"a\": 1 \"b\": 2}", "a comma or }", 1, 1, "a"),
    BAD(N, "{\"a\": 1, \"a\": 2}", "there twice", 1, 1, "a"),
    BAD(N, "{\"\": 1}", "a key is empty", 1, 1),
    BAD(N, "{\"a\": \"\\ud800\"}", "broken \\u", 1, 1, "a"),
    BAD(N, "{\"a\": \"\\u0000\"}", "\\u0000", 1, 1, "a"),
    BAD(N, "{\"a\": \"\\x\"}", "no escape", 1, 1, "a"),
    BAD(N, "{\"a\": \"x\ty\"}", "control character", 1, 1, "a"),
    BAD(N, "{\"a\": \"open}", "does not end in its line", 1, 1, "a"),
    BAD(N, "{\"a\": \"\xe9\"}", "UTF-8", 0, 1),
    BAD(N, "{\"a\": 1}\n{\"a\": 2\0}", "NUL", 0, 2),
    BAD(N, "{}\n{}\n", "no object has a key"),
    BAD(N, "\n \n", "no rows"),
    /* libsvm */
    BAD(S, "x 1:2\n", "no number", 1, 1),
    BAD(S, "1 1:2\n1:3\n", "begins with its label", 2, 2),
    BAD(S, "1,2 1:2\n", "several labels", 1, 1),
    BAD(S, "1 qid:3 1:2\n", "query id", 1, 1),
    BAD(S, "1 2:1 1:1\n", "indexes ascend", 1, 1),
    BAD(S, "1 2:1 2:1\n", "index of the value before", 1, 1),
    BAD(S, "1 -1:2\n", "no whole number", 1, 1),
    BAD(S, "1 1.5:2\n", "no whole number", 1, 1),
    BAD(S, "1 99999999999999999999:2\n", "over 100000", 1, 1),
    BAD(S, "1 100000:2\n", "more than a table may have"),
    BAD(S, "1 1:inf\n", "no finite number", 1, 1),
    BAD(S, "1 1:nan\n", "no finite number", 1, 1),
    BAD(S, "1 1:\n", "no finite number", 1, 1),
    BAD(S, "1 :2\n", "index:value", 1, 1),
    BAD(S, "1 2\n", "index:value", 1, 1),
    BAD(S, "1\n2\n", "only labels"),
    BAD(S, "# none\n", "no rows"),
    BAD(S, "1 1:\xc3\xa9\n", "a byte that no number has", 1, 1),
    BAD(S, "1 1:0000000000000000000000000000000000000000000000000000000000000000000\n", "too long",
        1, 1),
    /* ARFF */
    BAD(A, "@relation r\n", "no @data"),
    BAD(A, "@relation r\n@data\n1\n", "no @attribute", 0, 2),
    BAD(A, "@relation r\nx,y\n", "none of @relation", 0, 2),
    BAD(A, "@attribute a relational\n", "the type of \"a\"", 0, 1, "a"),
    BAD(A, "@attribute a {x, y\n", "do not end with }", 0, 1, "a"),
    BAD(A, "@attribute a {x, x}\n", "twice", 0, 1, "a"),
    BAD(A, "@attribute a\n", "type", 0, 1),
    BAD(A, "@attribute a date \"EEE yyyy\"\n", "pattern", 0, 1, "a"),
    BAD(A, "@attribute a real\n@attribute a real\n@data\n1,2\n", "same name", 0, 0),
    BAD(A, HEAD, "no rows"),
    BAD(A, HEAD "1,x\n", "has 2 values", 1, 6),
    BAD(A, HEAD "1,x,2020-01-01,4\n", "has 4 values", 1, 6),
    BAD(A, HEAD "1,z,2020-01-01\n", "\"z\" is none", 1, 6, "b"),
    BAD(A, HEAD "1,x,2020-02-30\n", "\"2020-02-30\"", 1, 6, "c"),
    BAD(A, HEAD "1,x,yesterday\n", "no date", 1, 6, "c"),
    BAD(A, HEAD "q,x,2020-01-01\n", "\"q\"", 1, 6, "a"),
    BAD(A, HEAD "1,'x,2020-01-01\n", "never closed", 1, 6, "b"),
    BAD(A, HEAD "1,'x'y,2020-01-01\n", "closing quote", 1, 6, "b"),
    BAD(A, HEAD "1,x,2020-01-01\n{0 1\n", "does not end with }", 2, 7, "a"),
    BAD(A, HEAD "{3 1}\n", "no column", 1, 6),
    BAD(A, HEAD "{1 x, 0 1}\n", "not above", 1, 6),
    BAD(A, HEAD "{x}\n", "index value", 1, 6),
    BAD(A, HEAD "{0 1}, {5}\n", "weights", 1, 6),
    /* heads of arrays */
    BAD(READER_NPY, "\x93NUMPY\4\0\2\0{}", "version 4.0"),
    BAD(READER_NPY, "\x93NUMPY\1\0\2\0{}", "damaged"),
    BAD(READER_NPY, "\x93NUMPY\2\0\xff\xff\xff\x7f{}", "too much"),
    BAD(READER_IDX, "\0\0\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "columns"),
    BAD(READER_IDX, "\0\0\x08\x01\xff\xff\xff\xff\7", "ends early"),
    BAD(READER_IDX, "\0\0\x0e\x04\xff\xff\xff\xff\0\1\0\0\0\1\0\0\0\1\0\0", "columns"),
    BAD(READER_IDX, "\0\0\x07\x01\0\0\0\1\0", "type 0x07"),
    BAD(READER_IDX, "\0\0\x08\x09\0\0\0\1\0", "dimensions"),
    BAD(READER_IDX, "\0\0\x08\x01\0\0\0\0", "no rows"),
    BAD(READER_IDX, "\0\0\x08\x01\0\0\0\1\5\6", "more bytes than its head says"),
    BAD(READER_IDX, "\0\0\x0d\x01\0\0\0\1\x7f\x80\0\0", "infinite", 1),
};

static void refused(const struct bad *b, size_t piece)
{
    struct reader_options options = options_of(b->format);
    struct dataset_summary summary;
    struct err err = ERR_INIT;

    ck_assert_msg(read_try(b->bytes, b->len, &options, piece, &summary, &err) == -1, "taken: %s",
                  b->bytes);
    ck_assert_msg(strstr(err.detail, b->words) != NULL, "\"%s\" without \"%s\"", err.detail,
                  b->words);
    ck_assert_uint_ge(err.n_items, 1);
    if (b->row != 0 || b->line != 0) {
        ck_assert_msg(err.items[0].row == b->row && err.items[0].line == b->line, "%s: %lld, %lld",
                      err.detail, (long long)err.items[0].row, (long long)err.items[0].line);
    }
    if (b->column != NULL) {
        ck_assert_pstr_eq(err.items[0].column, b->column);
    }
    err_fini(&err);
    ck_assert_uint_eq(folder_files(false), 0);
}

START_TEST(refused_with_words)
{
    size_t i, piece;

    for (i = 0; i < ARRAY_LEN(bads); i++) {
        for (piece = 0; piece < 3; piece++) {
            refused(&bads[i], piece);
        }
    }
}
END_TEST

START_TEST(arrays_refused)
{
    static const struct {
        const char *name, *words;
    } cases[] = {{"objects", "Python objects"}, {"records", "structured"},
                 {"complex", "complex"},        {"dates", "dates"},
                 {"scalar", "single value"},    {"empty", "no rows"},
                 {"no_columns", "no columns"},  {"inf", "row 2, column \"x2\""}};
    size_t i, len;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        const unsigned char *bytes = golden(cases[i].name, &len);
        struct bad b = {READER_LOOK, (const char *)bytes, len, cases[i].words, 0, 0, NULL};

        refused(&b, 0);
        refused(&b, 1);
    }
}
END_TEST

/* Heads whose sizes overflow, or promise what never comes. */
START_TEST(shapes_refused)
{
    static const struct {
        const char *shape, *words;
    } cases[] = {
        {"(4294967296, 4294967296)", "more than 100000 columns"},
        {"(2, 1000, 1000)", "more than 100000 columns"},
        {"(18446744073709551615, 9)", "impossible"},
        {"(2305843009213693952,)", "impossible"},
        {"(99999999999999999999,)", "damaged"},
        {"(1000000000000, 99999)", "ends early"},
        {"(-1, 2)", "damaged"},
        {"(1, 2", "damaged"},
        {"()", "single value"},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct bad b = {.format = READER_LOOK, .words = cases[i].words};
        struct buf npy = BUF_INIT;

        npy_head(&npy, "<f8", cases[i].shape);
        b.bytes = npy.data;
        b.len = npy.len;
        refused(&b, 0);
        refused(&b, 1);
        buf_fini(&npy);
    }
}
END_TEST

static void zip_refused(const struct zip_member *members, size_t n, const char *words,
                        void (*change)(struct buf *zip))
{
    struct buf zip = BUF_INIT;
    struct bad b = {.format = READER_NPZ, .words = words};

    zip_write(members, n, &zip);
    if (change != NULL) {
        change(&zip);
    }
    b.bytes = zip.data;
    b.len = zip.len;
    refused(&b, 0);
    refused(&b, 7);
    buf_fini(&zip);
}

static void encrypt(struct buf *zip)
{
    zip->data[6] |= 1;
}
static void method_14(struct buf *zip)
{
    zip->data[8] = 14;
}
static void other_crc(struct buf *zip)
{
    zip->data[14] ^= 1;
}
static void other_size(struct buf *zip)
{
    zip->data[22] ^= 1;
}
static void without_size(struct buf *zip)
{
    zip->data[6] |= 8;
}
static void more_at_end(struct buf *zip)
{
    ck_assert_int_eq(buf_append(zip, "x", 1), 0);
}
static void other_count(struct buf *zip)
{
    zip->data[zip->len - 12]++;
    zip->data[zip->len - 14]++;
}
static void without_directory(struct buf *zip) /* of "x.npy" alone */
{
    memmove(zip->data + zip->len - 22 - 51, zip->data + zip->len - 22, 22);
    zip->len -= 51;
}
static void endless_extra(struct buf *zip)
{
    zip->data[28] = 4;
}

START_TEST(zips_refused)
{
    static const struct zip_member x = {
        .name = "x.npy", .bytes = npy_le_f4, .len = sizeof npy_le_f4};
    static const struct zip_member two[] = {
        {.name = "x.npy", .bytes = npy_le_f4, .len = sizeof npy_le_f4, .deflated = true},
        {.name = "y.npy", .bytes = npy_cube, .len = sizeof npy_cube}};
    static const struct zip_member twice[] = {
        {.name = "x.npy", .bytes = npy_le_f4, .len = sizeof npy_le_f4},
        {.name = "x.npy", .bytes = npy_le_f4, .len = sizeof npy_le_f4}};
    static const struct zip_member sheet = {.name = "[Content_Types].xml", .bytes = "<", .len = 1};
    static const struct zip_member csv = {.name = "table.csv", .bytes = "a,b\n1,2\n", .len = 8};
    static const struct zip_member gz = {.name = "a.gz", .bytes = "\x1f\x8b\x08", .len = 3};

    zip_refused(&x, 0, "no array", NULL);
    zip_refused(&x, 1, "encrypted", encrypt);
    zip_refused(&x, 1, "stored and deflated are", method_14);
    zip_refused(&x, 1, "checksum", other_crc);
    zip_refused(&x, 1, "damaged", other_size);
    zip_refused(&x, 1, "does not say its size", without_size);
    zip_refused(&x, 1, "bytes follow the end", more_at_end);
    zip_refused(&x, 1, "damaged", other_count);
    zip_refused(&x, 1, "damaged", without_directory);
    zip_refused(&x, 1, "", endless_extra);
    zip_refused(two, 2, "3 and 2 rows", NULL);
    zip_refused(two, 2, "checksum", other_crc);
    zip_refused(twice, 2, "same name", NULL);
    zip_refused(&sheet, 1, "spreadsheet", NULL);
    zip_refused(&csv, 1, "neither .npy nor IDX", NULL);
    zip_refused(&gz, 1, "put it in unpacked", NULL);
}
END_TEST

/* A zip that grows without end, and one that is larger than the limit. */
START_TEST(bombs_are_refused)
{
    struct reader_options options = options_of(READER_NPZ);
    size_t len = 8u << 20;
    unsigned char *zeros = calloc(1, len);
    struct zip_member bomb = {.name = "x.npy", .bytes = zeros, .len = len, .deflated = true};
    static const char head[] =
        "\x93NUMPY\1\0\0\0{'descr':'<f8','fortran_order':False,'shape':(99999999,2)}";
    struct dataset_summary summary;
    struct buf zip = BUF_INIT;
    struct err err = ERR_INIT;

    ck_assert_ptr_nonnull(zeros);
    memcpy(zeros, head, sizeof head - 1);
    zeros[8] = sizeof head - 1 - 10;
    zip_write(&bomb, 1, &zip);
    ck_assert_int_eq(read_try(zip.data, zip.len, &options, 1000, &summary, &err), -1);
    ck_assert_int_eq(err.code, ERR_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(err.detail, "grows more than 250 times"));
    err_fini(&err);
    options.max_bytes = 1000;
    ck_assert_int_eq(read_try(zip.data, zip.len, &options, 0, &summary, &err), -1);
    ck_assert_int_eq(err.code, ERR_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(err.detail, "1000 bytes"));
    err_fini(&err);
    ck_assert_uint_eq(folder_files(false), 0);
    buf_fini(&zip);
    free(zeros);
}
END_TEST

/* 100,000 columns are taken, one more is not. */
START_TEST(many_columns)
{
    static const char row[] = "\0\0\x08\x02\0\0\0\x01\0\x01\x86\xa0";
    struct reader_options options = options_of(READER_IDX);
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    struct buf json = BUF_INIT;
    char *bytes = calloc(1, 100013);
    struct dataset *ds;
    int i;

    memcpy(bytes, row, 12);
    ds = read_bytes(bytes, 100012, READER_IDX);
    ck_assert_uint_eq(dataset_n_columns(ds), 100000);
    ck_assert_str_eq(dataset_names(ds)[99999], "x100000");
    dataset_free(&ds);
    folder_files(true);
    bytes[11]++;
    ck_assert_int_eq(read_try(bytes, 100013, &options, 0, &summary, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.detail, "100000 columns"));
    err_fini(&err);
    for (i = 0; i <= 100000; i++) {
        buf_printf(&json, "%s\"k%d\":1", i == 0 ? "{" : ",", i);
        if (i >= 99999) {
            options.format = READER_NDJSON;
            buf_puts(&json, "}");
            ck_assert_int_eq(read_try(json.data, json.len, &options, 0, &summary, &err),
                             i == 99999 ? 0 : -1);
            json.len--;
        }
    }
    ck_assert_ptr_nonnull(strstr(err.detail, "different keys"));
    err_fini(&err);
    buf_fini(&json);
    free(bytes);
}
END_TEST

/* Parts that cannot be one table. */
START_TEST(parts_refused)
{
    static const struct {
        const char *first, *second, *words;
        size_t first_len, second_len;
    } cases[] = {
        {"a,b\n1,2\n", "c\n3\n", "only arrays", 8, 4},
        {IDX_IMAGES, IDX_IMAGES, "same name", sizeof IDX_IMAGES - 1, sizeof IDX_IMAGES - 1},
        {IDX_IMAGES, IDX_LABELS, "ends early", sizeof IDX_IMAGES - 1, sizeof IDX_LABELS - 2},
        {IDX_IMAGES, IDX_LABELS, "ends early", sizeof IDX_IMAGES - 2, sizeof IDX_LABELS - 1},
        {IDX_IMAGES, "\0\0\x08\x01\0\0\0\x01\x07", "3 and 1 rows", sizeof IDX_IMAGES - 1, 9},
        {IDX_IMAGES, "", "within its head", sizeof IDX_IMAGES - 1, 0},
        {"", IDX_IMAGES, "empty", 0, sizeof IDX_IMAGES - 1},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct reader_options options = READER_OPTIONS_INIT;
        struct dataset_summary summary;
        struct reader *r = NULL;
        struct err err = ERR_INIT;

        ck_assert_int_eq(reader_new(folder, &options, &r, &err), 0);
        ck_assert_msg(reader_part(r, "a", &err) != 0 ||
                          reader_feed(r, cases[i].first, cases[i].first_len, &err) != 0 ||
                          reader_part(r, "b", &err) != 0 ||
                          reader_feed(r, cases[i].second, cases[i].second_len, &err) != 0 ||
                          reader_finish(r, &summary, &err) != 0,
                      "%zu is taken", i);
        ck_assert_msg(strstr(err.detail, cases[i].words) != NULL, "%s", err.detail);
        err_fini(&err);
        reader_free(&r);
        ck_assert_uint_eq(folder_files(false), 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reader_bad");
    TCase *tc = tcase_create("reader_bad");

    tcase_add_checked_fixture(tc, folder_make, folder_remove);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, texts_cut_anywhere, 0, (int)ARRAY_LEN(samples));
    tcase_add_loop_test(tc, arrays_cut_anywhere, 0, 8);
    tcase_add_loop_test(tc, texts_garbled, 0, (int)ARRAY_LEN(samples));
    tcase_add_loop_test(tc, arrays_garbled, 0, 4);
    tcase_add_test(tc, refused_with_words);
    tcase_add_test(tc, arrays_refused);
    tcase_add_test(tc, shapes_refused);
    tcase_add_test(tc, zips_refused);
    tcase_add_test(tc, bombs_are_refused);
    tcase_add_test(tc, many_columns);
    tcase_add_test(tc, parts_refused);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
