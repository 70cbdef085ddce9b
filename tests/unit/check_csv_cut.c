/* Lines of CSV that are cut where they lie, among lines that libcsv reads. */
#include "data_help.h"

#include "base/buf.h"

/* One of the row's cells as it is written, and as it is to be read. */
struct written {
    const char *text, *cell;
};

/* Tables of cells with and without quotes and spaces, ragged line ends and blank lines: what comes
 * out is what was written, whichever of the two ways a line is read, and however it is cut. */
START_TEST(lines_cut_in_place_are_read_alike)
{
    static const struct written cells[] = {
        {"one", "one"},
        {" two", "two"},
        {"three \t", "three"},
        {"\t fo ur ", "fo ur"},
        {"\"fi,ve\"", "fi,ve"},
        {"seventeen bytes!!", "seventeen bytes!!"},
        {" \"six\" ", "six"},
        {"\"a\nb\"", "a\nb"},
        {"x", "x"},
        {"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
    };
    static const char *const ends[] = {"\n", "\r\n", "\r", "\n\n", "\r\n \t\r\n", "\n  \n"};
    static const char *const names[] = {"a", "b", "c"};
    static const char delimiters[] = {',', '\t', ';'};
    struct csv_options options = CSV_OPTIONS_INIT;
    const struct written *rows[40][3];
    uint64_t state = 7;
    size_t round, i, k;

    ck_assert_int_eq(csv_types_parse("a:categorical,b:categorical,c:categorical", &options,
                                     &(struct err)ERR_INIT),
                     0);
    for (round = 0; round < 60; round++) {
        char delimiter = delimiters[round % ARRAY_LEN(delimiters)];
        struct buf text = BUF_INIT;
        struct err err = ERR_INIT;
        struct dataset_summary summary;
        struct dataset *ds;

        options.delimiter = delimiter;
        buf_printf(&text, "a%cb%cc\n", delimiter, delimiter);
        for (i = 0; i < ARRAY_LEN(rows); i++) {
            for (k = 0; k < 3; k++) {
                do { /* between tabs a tab is no space */
                    state = state * 6364136223846793005u + 1442695040888963407u;
                    rows[i][k] = &cells[(state >> 40) % ARRAY_LEN(cells)];
                } while (delimiter == '\t' && strchr(rows[i][k]->text, '\t') != NULL);
                buf_printf(&text, "%s", rows[i][k]->text);
                if (k < 2) {
                    buf_printf(&text, "%c", delimiter);
                }
            }
            state = state * 6364136223846793005u + 1442695040888963407u;
            k = (state >> 40) % ARRAY_LEN(ends);
            buf_printf(&text, "%s", ends[delimiter == '\t' && k == 4 ? 0 : k]);
        }
        ck_assert_msg(csv_try(text.data, text.len, &options, round % 20, &summary, &err) == 0,
                      "%s\n%s", err.detail, text.data);
        ck_assert_uint_eq(summary.rows, ARRAY_LEN(rows));
        ds = dataset_of(&summary);
        for (i = 0; i < ARRAY_LEN(rows); i++) {
            for (k = 0; k < 3; k++) {
                ck_assert_str_eq(text_at(ds, names[k], i), rows[i][k]->cell);
            }
        }
        dataset_free(&ds);
        buf_fini(&text);
    }
    csv_options_fini(&options);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("csv_cut");
    TCase *reading = tcase_create("reading");

    tcase_add_checked_fixture(reading, folder_make, folder_remove);
    tcase_set_timeout(reading, 60);
    tcase_add_test(reading, lines_cut_in_place_are_read_alike);
    suite_add_tcase(suite, reading);
    return run_suite(suite);
}
