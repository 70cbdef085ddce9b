/* What the encoder makes of texts, booleans and datetimes, and, on random tables with random plans,
 * what must hold of every encoder. */
#include "base/buf.h"
#include "encoder_help.h"

static struct encoder_cell text(const char *s)
{
    return (struct encoder_cell){.missing = s == NULL, .text = s};
}

static void cell_gives(const struct encoder *e, const char *s, const float *want)
{
    struct encoder_cell cell = text(s);
    struct err err = ERR_INIT;
    float x[64];

    ck_assert_int_eq(encoder_encode_cells(e, &cell, "", x, &err), 0);
    expect(x, want, encoder_n_inputs(e));
}

static void cell_refused(const struct encoder *e, const char *s, const char *detail)
{
    struct encoder_cell cell = text(s);
    struct err err = ERR_INIT;
    float x[64];

    ck_assert_int_eq(encoder_encode_cells(e, &cell, "/instances/0", x, &err), -1);
    ck_assert_str_eq(err.items[0].detail, detail);
    err_fini(&err);
}

/* red 4, blue 3, green 1, black 1, none 1; pink comes later. */
static const char colors[] =
    "c,y\nred,1\nblue,2\nred,3\ngreen,4\nblue,5\nred,6\n,7\nblack,8\nred,9\n"
    "blue,10\npink,11\n";
#define COLORS 10

static struct encoder *fit_colors(const struct dataset *ds, struct encoder_plan plan)
{
    struct setup s = {.options = {.plan = plan}};

    return fit(ds, choose(&s, ds, "c", "y", false), all_rows, COLORS, NULL);
}

START_TEST(rare_texts_are_pooled)
{
    struct dataset *ds = table(colors);
    struct encoder *e = fit_colors(ds, (struct encoder_plan){.min_count = 2});
    struct err err = ERR_INIT;
    float x[4 * 11];

    /* blue, red, rare, missing */
    ck_assert_uint_eq(encoder_n_inputs(e), 4);
    cell_gives(e, "blue", (const float[]){1, 0, 0, 0});
    cell_gives(e, "green", (const float[]){0, 0, 1, 0});
    cell_gives(e, "pink", (const float[]){0, 0, 0, 0});
    cell_gives(e, NULL, (const float[]){0, 0, 0, 1});
    encode(e, ds, all_rows, 11, x);
    expect(x + 4 * 3, (const float[]){0, 0, 1, 0}, 4);
    expect(x + 4 * 10, (const float[]){0, 0, 0, 0}, 4);
    encoder_free(&e);
    e = fit_colors(ds, (struct encoder_plan){.min_count = 2, .unseen = ENCODER_OTHER});
    cell_gives(e, "pink", (const float[]){0, 0, 1, 0});
    cell_gives(e, "green", (const float[]){0, 0, 1, 0});
    encoder_free(&e);
    e = fit_colors(ds, (struct encoder_plan){.min_count = 2, .unseen = ENCODER_UNSEEN_ERROR});
    cell_gives(e, "green", (const float[]){0, 0, 1, 0});
    cell_refused(e, "pink", "was never seen in training, got \"pink\"");
    ck_assert_int_eq(encoder_encode_rows(e, ds, all_rows, 11, x, &err), -1);
    ck_assert_str_eq(err.items[0].detail,
                     "row 11: \"pink\" in column \"c\" was never seen in training");
    err_fini(&err);
    encoder_free(&e);
    e = fit_colors(ds, (struct encoder_plan){.unseen = ENCODER_OTHER}); /* nothing is rare */
    ck_assert_uint_eq(encoder_n_inputs(e), 5);
    cell_gives(e, "pink", (const float[]){0, 0, 0, 0, 0});
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

START_TEST(texts_stand_in)
{
    struct dataset *ds = table(colors);
    char grey[] = "grey";
    struct encoder *e = fit_colors(ds, (struct encoder_plan){.min_count = 2,
                                                             .missing = ENCODER_MOST_FREQUENT,
                                                             .indicator = ENCODER_INDICATOR_ON});

    ck_assert_uint_eq(encoder_n_inputs(e), 4); /* blue, red, rare; and an indicator */
    cell_gives(e, NULL, (const float[]){0, 1, 0, 1});
    cell_gives(e, "red", (const float[]){0, 1, 0, 0});
    encoder_free(&e);
    e = fit_colors(ds, (struct encoder_plan){.missing = ENCODER_CONSTANT, .constant = grey});
    ck_assert_uint_eq(encoder_n_inputs(e), 5); /* black, blue, green, grey, red */
    cell_gives(e, NULL, (const float[]){0, 0, 0, 1, 0});
    cell_gives(e, "grey", (const float[]){0, 0, 0, 1, 0});
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

START_TEST(texts_have_ranks)
{
    struct dataset *ds = table("c,y\n9,1\n10,2\n100,3\n10,4\n,5\n");
    struct csv_options options = CSV_OPTIONS_INIT;
    struct setup s = {.options = {.plan = {.categorical = ENCODER_ORDINAL}}};
    struct err err = ERR_INIT;
    struct encoder *e;
    float half = (float)sqrt(0.5), x[2];
    struct encoder_cell cell = {.number = 9};

    dataset_free(&ds);
    ck_assert_int_eq(csv_types_parse("c:categorical", &options, &err), 0);
    ds = table_with("c,y\n9,1\n10,2\n100,3\n10,4\n,5\n", &options);
    csv_options_fini(&options);
    e = fit(ds, choose(&s, ds, "c", "y", false), all_rows, 5, NULL);
    ck_assert_uint_eq(encoder_n_inputs(e), 2); /* ranks 0, 1, 2, 1: mean 1, deviation 1/sqrt 2 */
    cell_gives(e, "9", (const float[]){-1 / half, 0});
    cell_gives(e, "10", (const float[]){0, 0});
    cell_gives(e, "100", (const float[]){1 / half, 0});
    cell_gives(e, "11", (const float[]){0, 0});
    cell_gives(e, NULL, (const float[]){0, 1});
    ck_assert_int_eq(encoder_encode_cells(e, &cell, "", x, &err), 0);
    ck_assert(x[0] == -1 / half);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

/* Indexes come last, whatever the order of the columns. */
START_TEST(levels_are_embedded)
{
    struct dataset *ds = table("c,n,d,y\nred,1,u,1\nblue,2,v,2\nred,3,u,3\n,4,w,4\npink,5,u,5\n");
    struct encoder_plan columns[3] = {{.categorical = ENCODER_EMBEDDING, .width = 5},
                                      {.numeric = ENCODER_NONE},
                                      {.categorical = ENCODER_EMBEDDING, .min_count = 2}};
    struct setup s = {.options = {.columns = columns}};
    struct encoder *e = fit(ds, choose(&s, ds, "c+n+d", "y", false), all_rows, 4, NULL);
    size_t input, levels, width, n_inputs, n_outputs, most[2], widths[2];
    struct err err = ERR_INIT;
    float x[3 * 5];
    /* n; c: blue 1, red 2, none and pink 0; d: u 1, rare 2 */
    const float want[] = {1, 2, 1, 2, 1, 2, 3, 2, 1, 4, 0, 2, 5, 0, 1};

    ck_assert_uint_eq(encoder_n_inputs(e), 3);
    ck_assert_uint_eq(encoder_n_embeddings(e), 2);
    ck_assert_uint_eq(encoder_embedding(e, 0, &input, &levels, &width), 0);
    ck_assert(input == 1 && levels == 3 && width == 5);
    ck_assert_uint_eq(encoder_embedding(e, 1, &input, &levels, &width), 2);
    ck_assert(input == 2 && levels == 3);
    ck_assert_uint_eq(width, encoder_usual_width(3));
    encode(e, ds, all_rows, 5, x);
    expect(x, want, 15);
    ck_assert_int_eq(encoder_estimate(ds, &s.options, 4, &n_inputs, &n_outputs, &err), 0);
    ck_assert_uint_eq(n_inputs, 3);
    ck_assert_uint_eq(encoder_estimate_embeddings(ds, &s.options, 2, most, widths), 2);
    ck_assert(most[0] >= 3 && most[1] >= 3 && widths[0] == 5);
    encoder_free(&e);
    dataset_free(&ds);
    ck_assert_uint_eq(encoder_usual_width(1), 2);
    ck_assert_uint_eq(encoder_usual_width(10), 6); /* 5.81 */
    ck_assert_uint_eq(encoder_usual_width(1000), 16);
}
END_TEST

START_TEST(many_levels_are_embedded)
{
    struct buf csv = BUF_INIT;
    struct encoder_plan plan = {.categorical = ENCODER_CATEGORICAL_AUTO};
    uint64_t rows[600];
    size_t i, k;

    for (k = 256; k <= 257; k++) {
        struct setup s = {.options = {.plan = plan}};
        struct dataset *ds;
        struct encoder *e;

        buf_clear(&csv);
        buf_puts(&csv, "c,y\n");
        for (i = 0; i < 600; i++) {
            rows[i] = i;
            buf_printf(&csv, "t%zu,%zu\n", i % k, i);
        }
        ds = table(csv.data);
        e = fit(ds, choose(&s, ds, "c", "y", false), rows, 600, NULL);
        ck_assert_uint_eq(encoder_n_inputs(e), k == 256 ? 256 : 1);
        ck_assert_uint_eq(encoder_n_embeddings(e), k == 257);
        encoder_free(&e);
        dataset_free(&ds);
    }
    buf_fini(&csv);
}
END_TEST

static uint64_t fnv(const char *s)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (; *s != '\0'; s++) {
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    }
    return (h ^ h >> 32) & 0xffffffffu;
}

START_TEST(texts_are_hashed)
{
    struct dataset *ds = table(colors);
    struct encoder *e =
        fit_colors(ds, (struct encoder_plan){.categorical = ENCODER_HASHING, .buckets = 7});
    float want[8] = {0};

    ck_assert_uint_eq(encoder_n_inputs(e), 8); /* and one for none */
    want[fnv("pink") % 7] = 1;
    cell_gives(e, "pink", want);
    cell_gives(e, NULL, (const float[]){0, 0, 0, 0, 0, 0, 0, 1});
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

START_TEST(words_are_hashed)
{
    static const char *const names[] = {"t", "n", "y"};
    static const enum column_type types[] = {COLUMN_TEXT, COLUMN_NUMERIC, COLUMN_NUMERIC};
    struct dataset_summary summary;
    struct dataset_writer *w = NULL;
    struct err err = ERR_INIT, warnings = ERR_INIT;
    struct setup s = {.options = {.plan = {.categorical = ENCODER_HASHING, .buckets = 64}}};
    struct dataset *ds;
    struct encoder *e;
    float want[65] = {0}, x[66];
    struct encoder_cell cells[2] = {{.text = "Na\xc3\xafve, red-RED  x9"}, {.number = 1}};
    size_t i;

    ck_assert_int_eq(dataset_writer_new(folder, 3, names, types, &w, &err), 0);
    for (i = 0; i < 3; i++) {
        const char *texts[] = {"a b c", "the red one", "nothing"};

        ck_assert_int_eq(dataset_writer_text(w, texts[i], strlen(texts[i]), &err), 0);
        ck_assert_int_eq(dataset_writer_number(w, (double)i, &err), 0);
        ck_assert_int_eq(dataset_writer_number(w, (double)i, &err), 0);
    }
    ck_assert_int_eq(dataset_writer_finish(&w, &summary, &err), 0);
    ds = dataset_of(&summary);
    e = fit(ds, choose(&s, ds, "t+n", "y", false), all_rows, 3, NULL);
    ck_assert_uint_eq(encoder_n_inputs(e), 65);
    want[fnv("na\xc3\xafve") % 64] += (float)sqrt(1.0 / 6);
    want[fnv("x9") % 64] += (float)sqrt(1.0 / 6);
    want[fnv("red") % 64] += (float)(2 * sqrt(1.0 / 6));
    ck_assert_int_eq(encoder_encode_cells(e, cells, "", x, &err), 0);
    for (i = 0; i < 64; i++) {
        ck_assert_float_eq_tol(x[i], want[i], 1e-6);
    }
    encoder_free(&e);
    s.options.plan.categorical = ENCODER_ONE_HOT; /* free text is not used unless hashed */
    e = fit(ds, &s.options, all_rows, 3, &warnings);
    ck_assert_uint_eq(encoder_n_inputs(e), 1);
    ck_assert_uint_eq(warnings.n_items, 1);
    ck_assert_str_eq(warnings.items[0].detail,
                     "column \"t\" is free text, which is not used unless "
                     "hashed, and is left out");
    ck_assert_str_eq(encoder_feature_encoding(e, 0), "dropped");
    err_fini(&warnings);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

START_TEST(booleans_are_signs)
{
    struct dataset *ds = table("b,y\nyes,1\nno,2\nYES,3\nyes,4\n,5\n");
    struct setup s = {.options = {.classes = false}};
    struct encoder *e;
    struct encoder_cell cell = {.number = 0};
    struct err err = ERR_INIT;
    float x[2];

    ck_assert_int_eq(dataset_column(ds, 0)->type, COLUMN_BOOLEAN);
    e = fit(ds, choose(&s, ds, "b", "y", false), all_rows, 5, NULL);
    ck_assert_uint_eq(encoder_n_inputs(e), 2);
    cell_gives(e, "yes", (const float[]){1, 0});
    cell_gives(e, "true", (const float[]){1, 0});
    cell_gives(e, "No", (const float[]){-1, 0});
    cell_gives(e, NULL, (const float[]){0.5f, 1}); /* three of four are true */
    cell_gives(e, "perhaps", (const float[]){0, 0});
    ck_assert_int_eq(encoder_encode_cells(e, &cell, "", x, &err), 0);
    ck_assert(x[0] == -1);
    encoder_free(&e);
    s.options.plan.missing = ENCODER_MOST_FREQUENT;
    s.options.plan.unseen = ENCODER_UNSEEN_ERROR;
    s.options.plan.indicator = ENCODER_INDICATOR_OFF;
    e = fit(ds, &s.options, all_rows, 5, NULL);
    cell_gives(e, NULL, (const float[]){1});
    cell_refused(e, "perhaps", "was never seen in training, got \"perhaps\"");
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

START_TEST(datetimes_are_parts)
{
    struct dataset *ds = table("t,y\n2026-11-23T06:00:00Z,1\n2024-02-29T18:00:00Z,2\n,3\n");
    struct setup s = {.options = {.plan = {.times = ENCODER_TIME_BIT(ENCODER_YEAR) |
                                                    ENCODER_TIME_BIT(ENCODER_HOUR_CYCLE) |
                                                    ENCODER_TIME_BIT(ENCODER_MINUTE)}}};
    struct encoder *e;
    char noon[] = "2025-01-01 12:00";

    ck_assert_int_eq(dataset_column(ds, 0)->type, COLUMN_DATETIME);
    e = fit(ds, choose(&s, ds, "t", "y", false), all_rows, 3, NULL);
    ck_assert_uint_eq(encoder_n_inputs(e), 4); /* minutes do not vary */
    cell_gives(e, "2026-11-23T06:00:00Z", (const float[]){1, 1, (float)cos(acos(-1) / 2), 0});
    cell_gives(e, "2028-01-01", (const float[]){3, 0, 1, 0});
    cell_gives(e, NULL, (const float[]){0, 0, 0, 1});
    cell_refused(e, "yesterday",
                 "must be a datetime such as \"2026-11-23T20:01:02Z\", or seconds since 1970, got "
                 "\"yesterday\"");
    encoder_free(&e);
    s.options.plan.missing = ENCODER_CONSTANT;
    s.options.plan.constant = noon;
    s.options.plan.times = ENCODER_TIME_BIT(ENCODER_YEAR) | ENCODER_TIME_BIT(ENCODER_WEEKDAY);
    e = fit(ds, &s.options, all_rows, 3, NULL); /* Monday 0 and Thursday 3; Wednesday */
    cell_gives(e, NULL, (const float[]){0, (float)(0.5 / 1.5), 1});
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

/* ---- what must hold of every encoder ------------------------------------------- */

static uint64_t state;

static uint32_t dice(uint32_t sides)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % sides;
}

enum { COLUMNS = 9, MOST = 900 };

static char *random_table(size_t rows)
{
    static const char *const words[] = {"red", "blue", "a b", "\"x,y\"", "caf\xc3\xa9"};
    struct buf csv = BUF_INIT;
    uint32_t levels = 1 + dice(400), gaps = dice(4), scale = dice(5);
    size_t i;

    buf_puts(&csv, "n1,n2,n3,c1,c2,b,t,w,n4,y\n");
    for (i = 0; i < rows; i++) {
        bool gap = gaps > 0 && dice(10) < gaps;

        if (!gap) {
            buf_printf(&csv, "%g", (double)dice(1000) * pow(10, scale));
        }
        buf_printf(&csv, ",%u,%u,", dice(2), dice(5) == 0 ? dice(3000) : 0);
        buf_printf(&csv, "k%u,", dice(levels));
        if (gaps == 0 || dice(10) >= gaps) {
            buf_puts(&csv, words[dice(5)]);
        }
        buf_printf(&csv, ",%s,", dice(3) == 0 && gaps > 0 ? "" : dice(2) == 0 ? "true" : "false");
        if (gaps == 0 || dice(10) >= gaps) {
            buf_printf(&csv, "20%02u-%02u-%02uT%02u:%02u:00Z", dice(100), 1 + dice(12),
                       1 + dice(28), dice(24), dice(60));
        }
        buf_printf(&csv, ",some %s words %u of text that is long %zu,", words[dice(2)], dice(50),
                   i);
        buf_printf(&csv, "%.17g,%zu\n", ldexp((double)dice(1u << 30), -20), i);
    }
    return buf_take(&csv);
}

static void random_plan(struct encoder_plan *plan, enum column_type type)
{
    static char constants[5][24] = {"3.25", "blue", "true", "2020-02-02", "nothing here"};

    *plan = (struct encoder_plan){.numeric = (enum encoder_numeric)dice(9),
                                  .missing = (enum encoder_missing)dice(6),
                                  .indicator = (enum encoder_indicator)dice(3),
                                  .categorical = (enum encoder_categorical)dice(5),
                                  .width = dice(3),
                                  .min_count = dice(4),
                                  .buckets = dice(2) * 5,
                                  .unseen = (enum encoder_unseen)dice(2),
                                  .times = dice(2) * dice(1u << ENCODER_TIMES)};
    plan->missing = encoder_plan_strict(plan) ? ENCODER_MEAN : plan->missing;
    plan->constant = plan->missing == ENCODER_CONSTANT ? constants[type] : NULL;
}

static void cell_of(const struct dataset *ds, const char *name, enum column_type type, uint64_t row,
                    struct encoder_cell *cell)
{
    if (column_holds_numbers(type)) {
        double number = number_at(ds, name, row);

        *cell = (struct encoder_cell){.missing = isnan(number), .number = number};
    } else {
        *cell = text(text_at(ds, name, row));
    }
}

/* Rows, cells and the stored form give the same bits, which are finite, and the estimate is a
 * bound. */
START_TEST(random_tables)
{
    const size_t rows = 20 + (size_t)_i * 41 % MOST, n_train = rows * 3 / 4;
    struct encoder_plan columns[COLUMNS];
    struct setup s = {.options = {.columns = columns}};
    struct encoder_cell cells[COLUMNS];
    size_t width, n_inputs, n_outputs, levels[COLUMNS], widths[COLUMNS], most, i, k;
    struct encoder *e, *back = NULL;
    struct err err = ERR_INIT;
    uint64_t *all = xcalloc(rows, sizeof *all);
    char *csv, *json, *again;
    struct dataset *ds;
    float *x, *other;

    state = (uint64_t)_i * 977 + 1;
    csv = random_table(rows);
    ds = table(csv);
    choose(&s, ds, "n1+n2+n3+c1+c2+b+t+w+n4", "y", false);
    for (i = 0; i < COLUMNS; i++) {
        random_plan(&columns[i], dataset_column(ds, s.features[i])->type);
    }
    for (i = 0; i < rows; i++) {
        all[i] = i;
    }
    e = fit(ds, &s.options, all, n_train, NULL);
    width = encoder_n_inputs(e);
    ck_assert_int_eq(encoder_estimate(ds, &s.options, n_train, &n_inputs, &n_outputs, &err), 0);
    ck_assert_msg(width <= n_inputs, "%zu inputs, at most %zu", width, n_inputs);
    most = encoder_estimate_embeddings(ds, &s.options, COLUMNS, levels, widths);
    ck_assert_uint_le(encoder_n_embeddings(e), most);
    x = xcalloc(rows * width, sizeof *x);
    other = xcalloc(rows * width, sizeof *other);
    encode(e, ds, all, rows, x);
    for (i = 0; i < rows * width; i++) {
        ck_assert_msg(isfinite(x[i]), "input %zu of row %zu", i % width, i / width);
    }
    json = encoder_to_json(e);
    ck_assert_msg(encoder_from_json(json, strlen(json), &back, &err) == 0, "%s", json);
    again = encoder_to_json(back);
    ck_assert_str_eq(json, again);
    encode(back, ds, all, rows, other);
    ck_assert(same_bits(x, other, rows * width * sizeof *x));
    for (i = 0; i < rows; i += 1 + rows / 50) {
        for (k = 0; k < COLUMNS; k++) {
            cell_of(ds, encoder_feature_name(e, k), encoder_feature_type(e, k), i, &cells[k]);
        }
        memset(other, 0x5a, width * sizeof *other);
        ck_assert_int_eq(encoder_encode_cells(i % 2 ? e : back, cells, "", other, &err), 0);
        ck_assert_msg(same_bits(x + i * width, other, width * sizeof *other), "row %zu", i);
    }
    free(x);
    free(other);
    free(json);
    free(again);
    free(csv);
    free(all);
    encoder_free(&back);
    encoder_free(&e);
    dataset_free(&ds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("encoder_texts");
    TCase *tc = tcase_create("texts"), *property = tcase_create("random");

    tcase_add_checked_fixture(tc, folder_make, folder_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, rare_texts_are_pooled);
    tcase_add_test(tc, texts_stand_in);
    tcase_add_test(tc, texts_have_ranks);
    tcase_add_test(tc, levels_are_embedded);
    tcase_add_test(tc, many_levels_are_embedded);
    tcase_add_test(tc, texts_are_hashed);
    tcase_add_test(tc, words_are_hashed);
    tcase_add_test(tc, booleans_are_signs);
    tcase_add_test(tc, datetimes_are_parts);
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(property, folder_make, folder_remove);
    tcase_set_timeout(property, 120);
    tcase_add_loop_test(property, random_tables, 0, SLOW ? 30 : 100);
    suite_add_tcase(suite, property);
    return run_suite(suite);
}
