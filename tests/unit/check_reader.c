/* The readers of all formats on good input: what the cells, names and types become; in any pieces
 * the same; how a format is recognised.
 */
#include "reader_help.h"

static void check_column(const struct dataset *ds, const char *name, enum column_type type)
{
    ck_assert_str_eq(column_type_name(dataset_column(ds, column_named(ds, name))->type),
                     column_type_name(type));
}

/* ---- all of them ---- */

START_TEST(in_any_pieces_the_same)
{
    const struct sample *s = &samples[_i];
    struct reader_options options = READER_OPTIONS_INIT;
    struct dataset_summary whole, cut;
    struct err err = ERR_INIT;
    size_t at;

    ck_assert_msg(read_try(s->bytes, s->len, &options, 0, &whole, &err) == 0, "%s: %s", s->name,
                  err.detail);
    ck_assert_uint_eq(whole.rows, s->rows);
    for (at = 1; at < 20; at++) {
        ck_assert_msg(read_try(s->bytes, s->len, &options, at, &cut, &err) == 0, "%s: %s", s->name,
                      err.detail);
        ck_assert_str_eq(whole.sha256, cut.sha256);
    }
    options.format = s->format; /* said instead of seen */
    ck_assert_int_eq(read_try(s->bytes, s->len, &options, 3, &cut, &err), 0);
    ck_assert_str_eq(whole.sha256, cut.sha256);
    ck_assert_uint_eq(folder_files(true), 1);
}
END_TEST

START_TEST(formats_are_seen)
{
    static const struct {
        const char *text;
        enum reader_format format;
    } heads[] = {
        {"a,b\n1,2\n", READER_CSV},
        {"1 2:3\n", READER_LIBSVM},
        {"1 qid:3 2:3\n", READER_LIBSVM},
        {"-1.5 1:2 3:4 # x\n", READER_LIBSVM},
        {"12:30 13:40\n", READER_CSV},
        {"time 1:2\n", READER_CSV},
        {"1\n2\n", READER_CSV},
        {"  {\"a\": 1}\n", READER_NDJSON},
        {"% x\n\n@Relation r\n", READER_ARFF},
        {"@attribute a real\n", READER_ARFF},
        {"% only a comment\na,b\n", READER_CSV},
        {"@home,b\n1,2\n", READER_CSV},
        {"\xef\xbb\xbf-1 1:2\n", READER_LIBSVM},
        {"\xef\xbb\xbf@relation r\n", READER_ARFF},
        {"\xef\xbb\xbf {\"a\": 1}\n", READER_NDJSON},
        {"\xef\xbb\xbf"
         "a,b\n1,2\n",
         READER_CSV},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(heads); i++) {
        ck_assert_int_eq(reader_look(heads[i].text, strlen(heads[i].text), true), heads[i].format);
    }
    for (i = 0; i < ARRAY_LEN(heads); i++) {
        struct reader_options options = READER_OPTIONS_INIT;
        struct dataset_summary summary;
        struct reader *r = NULL;
        struct err err = ERR_INIT;

        ck_assert_int_eq(reader_new(folder, &options, &r, &err), 0);
        (void)!reader_feed(r, heads[i].text, strlen(heads[i].text), &err);
        (void)!reader_finish(r, &summary, &err);
        ck_assert_msg(reader_format(r) == heads[i].format, "%s: %s", heads[i].text,
                      reader_format_name(reader_format(r)));
        reader_free(&r);
        err_fini(&err);
    }
}
END_TEST

START_TEST(gzip_bytes_and_utf8_mark)
{
    struct dataset *ds = read_text("\xef\xbb\xbf{\"a\": 1}\n", READER_LOOK);

    ck_assert_int_eq(dataset_find(ds, "a"), 0);
    dataset_free(&ds);
    ds = read_text("\xef\xbb\xbf@relation r\n@attribute a real\n@data\n1\n", READER_ARFF);
    ck_assert_double_eq(number_at(ds, "a", 0), 1);
    dataset_free(&ds);
    ds = read_text("\xef\xbb\xbf"
                   "1 1:2\n",
                   READER_LOOK);
    ck_assert_double_eq(number_at(ds, "x1", 0), 2);
    dataset_free(&ds);
}
END_TEST

START_TEST(declared_types_are_for_all)
{
    struct reader_options options = READER_OPTIONS_INIT;
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    struct dataset *ds;

    ck_assert_int_eq(csv_types_parse("x1:categorical", &options.csv, &err), 0);
    ck_assert_msg(read_try(npy_le_f4, sizeof npy_le_f4, &options, 0, &summary, &err) == 0, "%s",
                  err.detail);
    ds = dataset_of(&summary);
    check_column(ds, "x1", COLUMN_CATEGORICAL);
    check_column(ds, "x2", COLUMN_NUMERIC);
    ck_assert_str_eq(text_at(ds, "x1", 1), "1");
    ck_assert_double_eq(number_at(ds, "x2", 1), 1.5);
    dataset_free(&ds);
    ck_assert_int_eq(read_try("1 2:3\n", 6, &options, 0, &summary, &err), 0);
    csv_options_fini(&options.csv);
    options.csv = (struct csv_options)CSV_OPTIONS_INIT;
    ck_assert_int_eq(csv_types_parse("x9:categorical", &options.csv, &err), 0);
    ck_assert_int_eq(read_try(npy_le_f4, sizeof npy_le_f4, &options, 0, &summary, &err), -1);
    ck_assert_str_eq(err.items[0].pointer, "/types");
    err_fini(&err);
    csv_options_fini(&options.csv);
}
END_TEST

/* ---- CSV: what is told from its beginning ---- */

START_TEST(delimiter_and_header_are_seen)
{
    static const struct {
        const char *text;
        char delimiter;
        bool header;
        uint64_t rows;
        size_t columns;
    } cases[] = {
        {"a;b\n1;2\n", ';', true, 1, 2},
        {"a\tb\n1\t2\n", '\t', true, 1, 2},
        {"a|b|c\n1|2|3\n", '|', true, 1, 3},
        {"a,b\n\"1;2\",3\n", ',', true, 1, 2},
        {"name;note\nx;1,2\ny;2,3\n", ';', true, 2, 2},
        {"a\n1\n2\n", ',', true, 2, 1},
        {"5.1,3.5,setosa\n4.9,3.0,setosa\n", ',', false, 2, 3},
        {"1,2,3\n4,5,6\n", ',', true, 1, 3}, /* columns that are counted */
        {"0,1,6,15,12\n0,0,10,16,6\n", ',', false, 2, 5},
        {"3,1\n4,1\n", ',', false, 2, 2},
        {"id,2019,2020\n1,5,6\n2,7,8\n", ',', true, 2, 3},
        {"p,x,s,p\ne,x,y,a\n", ',', false, 2, 4},
        {"x,y\na,b\nc,d\n", ',', true, 2, 2},
        {"7\n8\n9\n", ',', false, 3, 1},
        {"t;1;2\nu;3;4\n", ';', false, 2, 3},
        {"\xef\xbb\xbf\n\na;b\n\n1;2\n", ';', true, 1, 2},
        {"a,b\n1,2", ',', true, 1, 2},
        {"1.5,2\n", ',', false, 1, 2},
        {"1.5 2\n-3e0 4\n", ' ', false, 2, 2},
        {"a b\n1 2\n3 4\n", ' ', true, 2, 2},
        {"a b\n1 2\n3 x\n", ',', true, 2, 1},
        {"a b\n1 2 3\n", ',', true, 1, 1},
        {"2026-01-02 10:00\n2026-01-03 11:00\n", ',', true, 1, 1},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct reader_options options = READER_OPTIONS_INIT;
        struct dataset_summary summary;
        struct reader *r = NULL;
        struct err err = ERR_INIT;
        struct dataset *ds;

        ck_assert_int_eq(reader_new(folder, &options, &r, &err), 0);
        ck_assert_int_eq(reader_feed(r, cases[i].text, strlen(cases[i].text), &err), 0);
        ck_assert_msg(reader_finish(r, &summary, &err) == 0, "%s: %s", cases[i].text, err.detail);
        ck_assert_msg(reader_csv(r)->delimiter == cases[i].delimiter, "%s", cases[i].text);
        ck_assert_msg(reader_csv(r)->header == cases[i].header, "%s", cases[i].text);
        ck_assert_uint_eq(summary.rows, cases[i].rows);
        ds = dataset_of(&summary);
        ck_assert_uint_eq(dataset_n_columns(ds), cases[i].columns);
        dataset_free(&ds);
        reader_free(&r);
    }
}
END_TEST

START_TEST(what_is_said_is_not_sniffed)
{
    struct reader_options options = READER_OPTIONS_INIT;
    struct dataset_summary summary;
    struct err err = ERR_INIT;
    struct dataset *ds;

    options.sniff_header = options.sniff_delimiter = false;
    options.csv.header = false;
    ck_assert_int_eq(read_try("a;b\nc;d\n", 8, &options, 0, &summary, &err), 0);
    ds = dataset_of(&summary);
    ck_assert_uint_eq(dataset_n_columns(ds), 1);
    ck_assert_uint_eq(dataset_rows(ds), 2);
    ck_assert_str_eq(text_at(ds, "c1", 0), "a;b");
    dataset_free(&ds);
    options.format = READER_TSV;
    ck_assert_int_eq(read_try("a;b\tc\n", 6, &options, 0, &summary, &err), 0);
    ds = dataset_of(&summary);
    ck_assert_uint_eq(dataset_n_columns(ds), 2);
    dataset_free(&ds);
}
END_TEST

/* ---- NDJSON ---- */

START_TEST(ndjson_cells)
{
    struct dataset *ds = read_bytes(samples[2].bytes, samples[2].len, READER_NDJSON);

    check_column(ds, "a", COLUMN_NUMERIC);
    check_column(ds, "b", COLUMN_CATEGORICAL);
    check_column(ds, "c", COLUMN_BOOLEAN);
    ck_assert_double_eq(number_at(ds, "a", 0), 1.5);
    ck_assert(isnan(number_at(ds, "a", 1)));
    ck_assert_double_eq(number_at(ds, "a", 2), -2000);
    ck_assert_str_eq(text_at(ds, "b", 1), "\xc3\xa9\n");
    ck_assert_ptr_null(text_at(ds, "b", 2));
    ck_assert_ptr_null(text_at(ds, "c", 0));
    ck_assert_str_eq(text_at(ds, "c", 1), "true");
    dataset_free(&ds);
    ds = read_text("{\"zip\":\"01234\",\"mixed\":\"1\",\"s\":\"\\ud83d\\ude00\\\"\\/\\t\"}\n"
                   "{\"zip\":\"90210\",\"mixed\":2,\"s\":\"\"}\n",
                   READER_NDJSON);
    check_column(ds, "zip", COLUMN_CATEGORICAL); /* texts of digits are texts */
    ck_assert_ptr_null(dataset_column(ds, column_named(ds, "zip"))->remark);
    check_column(ds, "mixed", COLUMN_NUMERIC);
    ck_assert_str_eq(text_at(ds, "zip", 0), "01234");
    ck_assert_str_eq(text_at(ds, "s", 0), "\xf0\x9f\x98\x80\"/\t");
    ck_assert_ptr_null(text_at(ds, "s", 1));
    dataset_free(&ds);
}
END_TEST

/* `n` rows of {"a": i}, and one with another key after `at` of them. */
static void late_key(struct buf *text, int n, int at)
{
    int i;

    buf_clear(text);
    for (i = 0; i < n; i++) {
        buf_printf(text, i == at ? "{\"a\":%d,\"late\":7}\n" : "{\"a\":%d}\n", i);
    }
}

START_TEST(ndjson_late_keys)
{
    struct reader_options options = READER_OPTIONS_INIT;
    struct dataset_summary summary;
    struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    struct dataset *ds;

    late_key(&text, CSV_SAMPLE_ROWS + 10, CSV_SAMPLE_ROWS - 1);
    ds = read_text(text.data, READER_NDJSON);
    ck_assert_double_eq(number_at(ds, "late", CSV_SAMPLE_ROWS - 1), 7);
    ck_assert(isnan(number_at(ds, "late", 0)));
    dataset_free(&ds);
    folder_files(true);
    late_key(&text, CSV_SAMPLE_ROWS + 10, CSV_SAMPLE_ROWS);
    ck_assert_int_eq(read_try(text.data, text.len, &options, 0, &summary, &err), -1);
    ck_assert_int_eq(err.items[0].row, CSV_SAMPLE_ROWS + 1);
    ck_assert_str_eq(err.items[0].column, "late");
    ck_assert_ptr_nonnull(strstr(err.detail, "types=late:numeric"));
    ck_assert_uint_eq(folder_files(false), 0);
    err_fini(&err);
    ck_assert_int_eq(csv_types_parse("late:numeric", &options.csv, &err), 0);
    ck_assert_msg(read_try(text.data, text.len, &options, 0, &summary, &err) == 0, "%s",
                  err.detail);
    ds = dataset_of(&summary);
    ck_assert_double_eq(number_at(ds, "late", CSV_SAMPLE_ROWS), 7);
    dataset_free(&ds);
    folder_files(true);
    late_key(&text, 5, -1); /* declared, and in no row */
    ck_assert_int_eq(read_try(text.data, text.len, &options, 0, &summary, &err), -1);
    ck_assert_str_eq(err.items[0].pointer, "/types");
    ck_assert_uint_eq(folder_files(false), 0);
    err_fini(&err);
    csv_options_fini(&options.csv);
    buf_fini(&text);
}
END_TEST

/* ---- arrays ---- */

START_TEST(npy_numbers_of_all_types)
{
    size_t i, k;

    for (i = 0; npy_golden[i].name[3] == 'i' || npy_golden[i].name[3] == 'u' ||
                npy_golden[i].name[3] == 'f';
         i++) {
        double unit = npy_golden[i].name[3] == 'f' ? 0.5 : 1;
        struct dataset *ds = read_bytes(npy_golden[i].bytes, npy_golden[i].len, READER_LOOK);

        ck_assert_uint_eq(dataset_rows(ds), 3);
        ck_assert_uint_eq(dataset_n_columns(ds), 2);
        for (k = 0; k < 6; k++) {
            ck_assert_msg(number_at(ds, k % 2 == 0 ? "x1" : "x2", k / 2) == (double)k * unit, "%s",
                          npy_golden[i].name);
        }
        dataset_free(&ds);
    }
    ck_assert_uint_eq(i, 22);
}
END_TEST

START_TEST(npy_shapes_and_versions)
{
    static const char *const same[] = {"le_f4", "be_f8", "fortran", "version_2", "version_3"};
    struct reader_options options = READER_OPTIONS_INIT;
    struct dataset_summary first, other;
    struct err err = ERR_INIT;
    const unsigned char *bytes;
    struct dataset *ds, *fortran;
    size_t i, len = 0;

    for (i = 0; i < ARRAY_LEN(same); i++) {
        bytes = golden(same[i], &len);
        ck_assert_msg(read_try(bytes, len, &options, i, i == 0 ? &first : &other, &err) == 0, "%s",
                      err.detail);
        ck_assert(i == 0 || strcmp(first.sha256, other.sha256) == 0);
    }
    ck_assert_uint_eq(folder_files(false), 1); /* no temporary file stays */
    ds = read_bytes(npy_cube, sizeof npy_cube, READER_NPY);
    fortran = read_bytes(npy_fortran_cube, sizeof npy_fortran_cube, READER_NPY);
    ck_assert_uint_eq(dataset_n_columns(ds), 6);
    for (i = 0; i < 12; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "x_%zu_%zu", i % 6 / 3, i % 3);
        ck_assert_double_eq(number_at(ds, name, i / 6), (double)i);
        ck_assert_double_eq(number_at(fortran, name, i / 6), (double)i);
    }
    dataset_free(&ds);
    dataset_free(&fortran);
    ds = read_bytes(npy_flat, sizeof npy_flat, READER_NPY);
    ck_assert_double_eq(number_at(ds, "x", 1), 1);
    dataset_free(&ds);
    ds = read_bytes(npy_nan, sizeof npy_nan, READER_NPY);
    ck_assert(isnan(number_at(ds, "x2", 0)));
    ck_assert_uint_eq(dataset_column(ds, 1)->missing, 1);
    dataset_free(&ds);
}
END_TEST

START_TEST(npy_texts_and_booleans)
{
    static const char *const names[] = {"texts_s", "texts_be", "bytes_s"};
    size_t i, len = 0;
    struct dataset *ds;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        const unsigned char *bytes = golden(names[i], &len);

        ds = read_bytes(bytes, len, READER_NPY);
        check_column(ds, "x2", COLUMN_CATEGORICAL); /* "0" among them is a text */
        ck_assert_str_eq(text_at(ds, "x1", 0), "a");
        ck_assert_ptr_null(text_at(ds, "x1", 1));
        ck_assert_str_eq(text_at(ds, "x2", 0), "bc");
        ck_assert_str_eq(text_at(ds, "x2", 1), "0");
        ck_assert_str_eq(text_at(ds, "x2", 2), i < 2 ? "\xc3\xa9" : "d");
        dataset_free(&ds);
    }
    ds = read_bytes(npy_bools, sizeof npy_bools, READER_NPY);
    check_column(ds, "x1", COLUMN_BOOLEAN);
    ck_assert_str_eq(text_at(ds, "x1", 0), "true");
    ck_assert_str_eq(text_at(ds, "x2", 0), "false");
    dataset_free(&ds);
}
END_TEST

START_TEST(npz_members)
{
    static const char *const names[] = {"npz", "npz_deflated", "npz_y_first", "npz_unnamed"};
    struct reader_options options = READER_OPTIONS_INIT;
    struct dataset_summary first, other;
    struct err err = ERR_INIT;
    const unsigned char *bytes;
    struct dataset *ds;
    size_t i, len = 0, piece;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        bytes = golden(names[i], &len);
        for (piece = 0; piece < 9; piece++) {
            ck_assert_msg(
                read_try(bytes, len, &options, piece, i + piece == 0 ? &first : &other, &err) == 0,
                "%s: %s", names[i], err.detail);
            ck_assert(i + piece == 0 || strcmp(first.sha256, other.sha256) == 0);
        }
    }
    ck_assert_uint_eq(folder_files(false), 1);
    ds = dataset_of(&first);
    ck_assert_uint_eq(dataset_n_columns(ds), 3);
    ck_assert_str_eq(dataset_names(ds)[2], "y"); /* last, in whatever order */
    ck_assert_double_eq(number_at(ds, "x2", 2), 2.5);
    ck_assert_double_eq(number_at(ds, "y", 1), 1);
    dataset_free(&ds);
    options.arrays = "y";
    ck_assert_int_eq(read_try(npy_npz, sizeof npy_npz, &options, 0, &other, &err), 0);
    ds = dataset_of(&other);
    ck_assert_uint_eq(dataset_n_columns(ds), 1);
    dataset_free(&ds);
    options.arrays = "x,z";
    ck_assert_int_eq(read_try(npy_npz, sizeof npy_npz, &options, 0, &other, &err), -1);
    ck_assert_str_eq(err.items[0].pointer, "/arrays");
    ck_assert_ptr_nonnull(strstr(err.detail, "\"z\""));
    err_fini(&err);
}
END_TEST

START_TEST(zips_of_every_kind)
{
    size_t kind;

    for (kind = 0; kind < 8; kind++) {
        bool deflated = (kind & 1) != 0, zip64 = (kind & 2) != 0, described = (kind & 4) != 0;
        struct zip_member members[] = {
            {.name = "folder/"},
            {.name = "folder/train-images-idx3-ubyte",
             .bytes = IDX_IMAGES,
             .len = sizeof IDX_IMAGES - 1,
             .deflated = deflated,
             .zip64 = zip64,
             .described = described && deflated},
            {.name = "__MACOSX/._x", .bytes = "junk", .len = 4},
            {.name = "train-labels-idx1-ubyte",
             .bytes = IDX_LABELS,
             .len = sizeof IDX_LABELS - 1,
             .deflated = deflated,
             .zip64 = zip64,
             .described = described && deflated},
        };
        struct buf zip = BUF_INIT;
        struct dataset *ds;

        members[0].bytes = "";
        zip_write(members, ARRAY_LEN(members), &zip);
        ds = read_bytes(zip.data, zip.len, READER_LOOK);
        ck_assert_uint_eq(dataset_n_columns(ds), 5);
        ck_assert_double_eq(number_at(ds, "pixel_1_0", 2), 254);
        ck_assert_double_eq(number_at(ds, "label", 2), 9);
        dataset_free(&ds);
        buf_fini(&zip);
    }
}
END_TEST

/* Parts as of a form: labels first or last, the same table. */
START_TEST(parts_are_one_table)
{
    char sha[2][HASH_HEX_LEN];
    int order;

    for (order = 0; order < 2; order++) {
        struct reader_options options = READER_OPTIONS_INIT;
        struct dataset_summary summary;
        struct reader *r = NULL;
        struct err err = ERR_INIT;
        struct dataset *ds;
        int part;

        ck_assert_int_eq(reader_new(folder, &options, &r, &err), 0);
        for (part = 0; part < 2; part++) {
            bool images = part == order;

            ck_assert_int_eq(reader_part(r, images ? "images" : "labels", &err), 0);
            ck_assert_int_eq(reader_feed(r, images ? IDX_IMAGES : IDX_LABELS,
                                         (images ? sizeof IDX_IMAGES : sizeof IDX_LABELS) - 1,
                                         &err),
                             0);
        }
        ck_assert_msg(reader_finish(r, &summary, &err) == 0, "%s", err.detail);
        reader_free(&r);
        ds = dataset_of(&summary);
        ck_assert_uint_eq(dataset_n_columns(ds), 5);
        ck_assert_double_eq(number_at(ds, "pixel_0_1", 0), 1);
        ck_assert_double_eq(number_at(ds, "label", 0), 7);
        dataset_free(&ds);
        memcpy(sha[order], summary.sha256, HASH_HEX_LEN);
    }
    ck_assert_str_eq(sha[0], sha[1]);
    ck_assert_uint_eq(folder_files(false), 1);
}
END_TEST

/* ---- libsvm, ARFF ---- */

START_TEST(libsvm_cells)
{
    struct dataset *ds = read_bytes(samples[4].bytes, samples[4].len, READER_LIBSVM);

    ck_assert_str_eq(dataset_names(ds)[0], "y");
    ck_assert_str_eq(dataset_names(ds)[1], "x1");
    ck_assert_double_eq(number_at(ds, "y", 1), -1);
    ck_assert_double_eq(number_at(ds, "x3", 0), 2);
    ck_assert_double_eq(number_at(ds, "x2", 0), 0);
    ck_assert_double_eq(number_at(ds, "x2", 1), -0.001);
    ck_assert_double_eq(number_at(ds, "x4", 2), 0);
    ck_assert_double_eq(number_at(ds, "x4", 3), 1);
    dataset_free(&ds);
    ds = read_text("1 0:5\n2 1:6\n", READER_LOOK);
    ck_assert_str_eq(dataset_names(ds)[1], "x0");
    ck_assert_double_eq(number_at(ds, "x0", 0), 5);
    ck_assert_double_eq(number_at(ds, "x1", 1), 6);
    dataset_free(&ds);
}
END_TEST

START_TEST(arff_cells)
{
    struct dataset *ds = read_bytes(samples[5].bytes, samples[5].len, READER_ARFF);

    check_column(ds, "a", COLUMN_NUMERIC);
    check_column(ds, "b c", COLUMN_CATEGORICAL);
    check_column(ds, "d", COLUMN_DATETIME);
    ck_assert_double_eq(number_at(ds, "a", 0), 1);
    ck_assert(isnan(number_at(ds, "a", 1)));
    ck_assert_double_eq(number_at(ds, "a", 2), 3);
    ck_assert_str_eq(text_at(ds, "b c", 1), "y z");
    ck_assert_str_eq(text_at(ds, "b c", 2), "x"); /* sparse: the first of its values */
    ck_assert_double_eq(number_at(ds, "d", 0), 1582934400);
    ck_assert_double_eq(number_at(ds, "d", 2), 86400);
    ck_assert_str_eq(text_at(ds, "s", 0), "it's");
    ck_assert_ptr_null(text_at(ds, "s", 1));
    dataset_free(&ds);
}
END_TEST

START_TEST(arff_dates)
{
    static const struct {
        const char *pattern, *text;
        double seconds;
    } dates[] = {
        {"", "1970-01-01T00:00:01", 1},
        {"\"yyyy-MM-dd HH:mm:ss.SSS\"", "'2000-03-01 12:30:00.250'", 951913800.25},
        {"\"dd/MM/yy\"", "31/12/69", 3155673600},
        {"\"yyyyMMdd\"", "19700102", 86400},
        {"\"yyyy-MM-dd'T'HH:mmX\"", "1970-01-01T01:00+01:00", 0},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(dates); i++) {
        struct buf text = BUF_INIT;
        struct dataset *ds;

        buf_printf(&text, "@relation r\n@attribute d date %s\n@data\n%s\n", dates[i].pattern,
                   dates[i].text);
        ds = read_text(text.data, READER_ARFF);
        ck_assert_msg(number_at(ds, "d", 0) == dates[i].seconds, "%s: %.17g", dates[i].text,
                      number_at(ds, "d", 0));
        dataset_free(&ds);
        buf_fini(&text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reader");
    TCase *tc = tcase_create("reader");

    tcase_add_checked_fixture(tc, folder_make, folder_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, in_any_pieces_the_same, 0, (int)ARRAY_LEN(samples));
    tcase_add_test(tc, formats_are_seen);
    tcase_add_test(tc, gzip_bytes_and_utf8_mark);
    tcase_add_test(tc, declared_types_are_for_all);
    tcase_add_test(tc, delimiter_and_header_are_seen);
    tcase_add_test(tc, what_is_said_is_not_sniffed);
    tcase_add_test(tc, ndjson_cells);
    tcase_add_test(tc, ndjson_late_keys);
    tcase_add_test(tc, npy_numbers_of_all_types);
    tcase_add_test(tc, npy_shapes_and_versions);
    tcase_add_test(tc, npy_texts_and_booleans);
    tcase_add_test(tc, npz_members);
    tcase_add_test(tc, zips_of_every_kind);
    tcase_add_test(tc, parts_are_one_table);
    tcase_add_test(tc, libsvm_cells);
    tcase_add_test(tc, arff_cells);
    tcase_add_test(tc, arff_dates);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
